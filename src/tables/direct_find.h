/*
 * direct_find.h
 *	  Finding rows by an index, without a plan.
 */
#ifndef TRAINJOB_TABLES_DIRECT_FIND_H
#define TRAINJOB_TABLES_DIRECT_FIND_H

#include "access/skey.h"

#include "tables/value.h"

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

/*
 * Prepares finding rows by a column; "unique": by an index that says that
 * there is one at most.
 *
 * "needed" are the privileges that a query would use, on the whole table.
 * Returns false where a query must do it.  "rel" must be open.  "find" is good
 * until the relcache says that the table changed.
 */
extern bool trainjob_plan_find(Relation rel, const Column *column, bool unique,
							   AclMode needed, DirectFind *find);

/*
 * Prepares trainjob_find_descending(): by "column", in the order of
 * "step" and then of "id", which may be absent.
 */
extern bool trainjob_plan_descending(Relation rel, const Column *column,
									 const Column *step, const Column *id,
									 AclMode needed, DirectFind *find);

/*
 * Shows "visit" the rows whose column is "key", until it returns false or
 * there are no more.
 *
 * Sees what a query at this moment would, the transaction's own work included.
 * Returns false, with nothing done, where a query must do it.
 */
extern bool trainjob_find_rows(const DirectFind *find, Datum key,
							   DirectVisit visit, void *arg);

/*
 * trainjob_find_rows() for the rows whose step is not above "bound", those of the
 * highest step first, of these those of the highest id.
 */
extern bool trainjob_find_descending(const DirectFind *find, Datum key,
									 int64 bound, DirectVisit visit, void *arg);

/*
 * Locks the row whose column is "key" as SELECT FOR NO KEY UPDATE does,
 * waiting for whoever has it, and shows it to "visit" as it is then; there
 * is at most one, see trainjob_plan_find().
 *
 * What others have committed meanwhile is seen by whatever looks after this.
 * Returns false, with nothing shown, where a query must do it: also where the
 * row was deleted meanwhile, or has another key.  The caller holds a lock on
 * the table that allows it.
 */
extern bool trainjob_lock_row(const DirectFind *find, Datum key,
							  DirectVisit visit, void *arg);

extern void trainjob_direct_init(void);

#endif /* TRAINJOB_TABLES_DIRECT_FIND_H */
