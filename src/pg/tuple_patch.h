/*
 * tuple_patch.h
 *	  A tuple with other numbers in it.
 */
#ifndef TRAINJOB_PG_TUPLE_PATCH_H
#define TRAINJOB_PG_TUPLE_PATCH_H

#include "access/htup.h"
#include "access/tupdesc.h"

extern HeapTuple trainjob_patch_tuple(HeapTuple tuple, TupleDesc desc,
									  int count, int *attnums, Datum *values,
									  bool *isnull);

#endif /* TRAINJOB_PG_TUPLE_PATCH_H */
