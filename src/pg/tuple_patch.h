/*
 * tuple_patch.h
 *	  A tuple with other numbers in it.
 */
#ifndef TRAINJOB_PG_TUPLE_PATCH_H
#define TRAINJOB_PG_TUPLE_PATCH_H

#include "access/htup.h"
#include "access/tupdesc.h"

/*
 * What heap_modify_tuple_by_cols() makes: the tuple with these values, in the
 * current memory context.
 *
 * Cheaper than that where the values are numbers, in the order of the table's
 * columns, and the row has a place for them.
 */
extern HeapTuple trainjob_patch_tuple(HeapTuple tuple, TupleDesc desc,
									  int count, int *attnums, Datum *values,
									  bool *isnull);

#endif /* TRAINJOB_PG_TUPLE_PATCH_H */
