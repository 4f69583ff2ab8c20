/*
 * value_write.h
 *	  Values of columns to the types they have.
 */
#ifndef TRAINJOB_TABLES_VALUE_WRITE_H
#define TRAINJOB_TABLES_VALUE_WRITE_H

#include "tables/value.h"

/*
 * The Datum to store in a column for a value of its kind.
 *
 * Sets *isnull, for an absent column always.  A value that the column's type
 * cannot hold, or its domain refuses, becomes NULL, with a warning the first
 * time; an error if the domain refuses NULL.  NULL is the filler of a column
 * that is NOT NULL.  By-reference results are palloc'd, or the filler.
 */
extern Datum trainjob_write_value(const Column *column, const Value *value,
								  bool *isnull);

/*
 * Whether a column can say a word of ours, so that it is read as that again: its
 * type and its domain hold the word that it has for it.
 */
extern bool trainjob_can_say(const Column *column, const char *ours);

/*
 * A dataset's path as a value of a column: as text, or read by the type of a
 * column that has keys of datasets; false where that cannot hold it.  palloc'd.
 */
extern bool trainjob_path_value(const Column *column, const char *path,
								Datum *value);

/* The type of such a value. */
extern Oid trainjob_path_type(const Column *column);

#endif /* TRAINJOB_TABLES_VALUE_WRITE_H */
