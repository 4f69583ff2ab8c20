/*
 * words.h
 *	  Words that mean the same, however they are spelled.
 */
#ifndef TRAINJOB_STATUS_WORDS_H
#define TRAINJOB_STATUS_WORDS_H

/*
 * Whether "text" of "length" bytes is "word": ASCII letters are compared without
 * case, and "_", "-" and blanks not at all.  "word" ends in a zero.
 */
extern bool trainjob_is_word(const char *text, int length, const char *word);

/* Whether it is one of "words", which are separated by single blanks. */
extern bool trainjob_is_one_of(const char *text, int length, const char *words);

/* Takes a word off the beginning of a text, unless that is all there is. */
extern void trainjob_skip_prefix(const char *prefix, const char **text,
								 int *length);

#endif /* TRAINJOB_STATUS_WORDS_H */
