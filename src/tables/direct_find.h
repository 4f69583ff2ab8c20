/*
 * direct_find.h
 *	  Finding rows by an index, without a plan.
 */
#ifndef TRAINJOB_TABLES_DIRECT_FIND_H
#define TRAINJOB_TABLES_DIRECT_FIND_H

#include "access/skey.h"

#include "tables/column.h"

/* How rows are found by a column; index is InvalidOid where a query must do it. */
typedef struct DirectFind
{
	Oid table;
	Oid index;
	ScanKeyData key;
	ScanKeyData bound; /* for trainjob_find_descending() */
	bool key_byval;
	int16 key_len;
	struct RowPlace *places; /* where rows lay; NULL: not kept */
} DirectFind;

/* The longest key whose place is kept: a uuid. */
#define DIRECT_KEY_SIZE 16

/* Looks at a row, which is the callee's only during the call; false: no more. */
typedef bool (*DirectVisit)(Relation rel, TupleTableSlot *row, void *arg);

extern bool trainjob_plan_find(Relation rel, const Column *column, bool unique,
							   AclMode needed, DirectFind *find);
extern bool trainjob_plan_descending(Relation rel, const Column *column,
									 const Column *step, const Column *id,
									 AclMode needed, DirectFind *find);
extern bool trainjob_find_rows(const DirectFind *find, Datum key,
							   DirectVisit visit, void *arg);
extern bool trainjob_find_descending(const DirectFind *find, Datum key,
									 int64 bound, DirectVisit visit, void *arg);
extern bool trainjob_lock_row(const DirectFind *find, Datum key,
							  DirectVisit visit, void *arg);
extern void trainjob_direct_init(void);

#endif /* TRAINJOB_TABLES_DIRECT_FIND_H */
