/*
 * column_words.h
 *	  How a column says a status, or the type of an alert.
 *
 * An application has its own words for them: RUNNING, in_progress, SUCCEEDED.
 * Those that are usual are known (status/status.h).  Others, and which of them a
 * trigger writes, are in the set's arguments:
 *
 *		jobs.status:completed=SUCCEEDED	the word for completed, as it was found
 *		jobs.status:failed.1=ERROR		the word for failed, as it was said
 *		jobs.status:failed.2=CRASHED	another that means it
 *		jobs.status:cancelled=			there is none: it is never written
 */
#ifndef TRAINJOB_TABLES_COLUMN_WORDS_H
#define TRAINJOB_TABLES_COLUMN_WORDS_H

#include "nodes/pg_list.h"

#include "tables/column.h"

/* Our word for a word of "length" bytes; NULL where it means none of ours. */
typedef const char *(*KnownWord)(const char *word, int length);

typedef struct OwnWord
{
	const char *ours;
	const char *theirs; /* empty: they have none */
	bool is_written;	/* it is the one that triggers write */
} OwnWord;

typedef struct ColumnWords
{
	KnownWord known;
	int count;
	OwnWord own[FLEXIBLE_ARRAY_MEMBER];
} ColumnWords;

/*
 * The words of a column, palloc'd: "renamed" are the set's arguments that are
 * not tables (TrainjobSet.renamed), "name" is the column as they have it, such
 * as "jobs.status".
 */
extern const ColumnWords *trainjob_find_words(KnownWord known, List *renamed,
											  const char *name);

/* Whether an argument of a set says a word, and no column. */
extern bool trainjob_is_word_argument(const char *argument);

/*
 * Our word for one of "length" bytes that a column has, which lasts as long as
 * "words"; NULL where it means none of ours.
 */
extern const char *trainjob_meaning(const ColumnWords *words, const char *text,
									int length);

/* The column's word for one of ours, or NULL where it has none. */
extern const char *trainjob_spelling(const ColumnWords *words,
									 const char *ours);

/*
 * What an SQL expression makes of the column's value, named by "name": our word
 * for it, as a text.  palloc'd.
 */
extern char *trainjob_meaning_text(const Column *column);

#endif /* TRAINJOB_TABLES_COLUMN_WORDS_H */
