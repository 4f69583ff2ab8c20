/*
 * keywords.h
 *	  What the words of a key speak of.
 *
 * A key is split into words at every sign that is no letter or digit and where
 * camelCase begins a new one; case plays no part.
 */
#ifndef TRAINJOB_STEPS_KEYWORDS_H
#define TRAINJOB_STEPS_KEYWORDS_H

/* A longer word is none of ours. */
#define WORD_BYTES_MAX 24

/* What words tell; ored together. */
#define SAYS_LENGTH 0x01	/* steps, epochs, batches, accumulation, episodes */
#define SAYS_PROCESSES 0x02 /* processes, or what each of them runs on */
#define SAYS_PROCESS 0x04	/* the same, if something counts it */
#define SAYS_COUNT 0x08		/* counts it */
#define SAYS_PARALLEL 0x10	/* a way to share work, if it has a size */
#define SAYS_SIZE 0x20		/* a size */
#define SAYS_OTHER 0x40		/* speaks of something else */
#define SAYS_PPO 0x80		/* speaks of PPO only */
#define SAYS_LOADER 0x100	/* its processes load data */
#define SAYS_TEXT 0x200		/* its text may be settings, or a command */
#define SAYS_SCALING 0x400	/* in it workers are processes */
#define SAYS_WORKERS 0x800	/* workers; else they load data */
#define SAYS_IDS 0x1000		/* which ones, and not how many */

/*
 * Reads a word of a name, in lower case, and moves on; false at the end.  "word"
 * has WORD_BYTES_MAX bytes.
 */
extern bool trainjob_next_word(const char **text, int *len, char *word);

/* What all words of a name tell; and the last one, where "last" is not NULL. */
extern int trainjob_words_of(const char *name, int len, int *last);

/*
 * What such words amount to: SAYS_LENGTH, with SAYS_PPO where it is PPO's;
 * SAYS_PROCESSES, with SAYS_PARALLEL where they share work; or 0.
 */
extern int trainjob_spoken_of(int words);

/* Whether a section's name has a word of something else. */
extern bool trainjob_names_other(const char *name, int len);

#endif /* TRAINJOB_STEPS_KEYWORDS_H */
