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

#endif /* TRAINJOB_TABLES_VALUE_WRITE_H */
