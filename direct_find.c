/*
 * direct_find.c
 *	  Finding rows by the value of a column without a plan.
 *
 * A query of one row costs five times what its index scan does: the rest is the
 * start and the end of the executor.  Where the table is an ordinary one with a
 * btree index that begins with the column, a look-up goes straight to the
 * index, as those of system catalogs do (genam.c).
 *
 * trainjob_plan_find() looks at the table once, until it changes.  It says no
 * to what only a query gets right: partitions and children, views, engines that
 * keep the rows elsewhere, an index that sorts by other rules than the column's
 * own.  trainjob_find_rows() says so of a transaction with one snapshot for
 * all, see trainjob_execute().
 *
 * Looks with the eyes of the table's owner, whom row-level security does not
 * restrict.  trainjob_open_table() holds a lock on the table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/extension.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "trainjob.h"

/* Whether the table has all its rows in itself, and its owner may have them. */
static bool
is_plain_table(Relation rel, AclMode needed)
{
	return rel->rd_rel->relkind == RELKIND_RELATION &&
		   pg_class_aclmask(RelationGetRelid(rel), rel->rd_rel->relowner,
							needed, ACLMASK_ALL) == needed &&
		   rel->rd_tableam == GetHeapamTableAmRoutine() &&
		   !rel->rd_rel->relispartition && !rel->rd_rel->relhassubclass &&
		   rel->rd_rules == NULL &&
		   /* the rows may be elsewhere, and stale ones still here */
		   !OidIsValid(get_extension_oid("citus", true));
}

/* Whether an equal value of the column is what the index finds. */
static bool
is_index_of(Relation index, const Column *column, Oid collation, bool unique)
{
	Form_pg_index form = index->rd_index;

	return form->indisvalid && form->indkey.values[0] == column->attnum &&
		   (!unique || (form->indisunique && form->indnkeyatts == 1)) &&
		   index->rd_rel->relam == BTREE_AM_OID &&
		   index->rd_opcintype[0] == column->type &&
		   index->rd_indcollation[0] == collation &&
		   RelationGetIndexPredicate(index) == NIL;
}

/*
 * trainjob_plan_find
 *		Prepares finding rows by a column; "unique": by an index that says that
 *		there is one at most.
 *
 * "needed" are the privileges that a query would use, on the whole table.
 * Returns false where a query must do it.  "rel" must be open.  "find" is good
 * until the relcache says that the table changed.
 */
bool
trainjob_plan_find(Relation rel, const Column *column, bool unique,
				   AclMode needed, DirectFind *find)
{
	List *indexes;
	ListCell *cell;
	Oid collation;

	find->table = RelationGetRelid(rel);
	find->index = InvalidOid;
	if (column->attnum == 0 || !is_plain_table(rel, needed))
		return false;
	collation =
		TupleDescAttr(RelationGetDescr(rel), column->attnum - 1)->attcollation;
	indexes = RelationGetIndexList(rel);
	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_index_of(index, column, collation, unique))
		{
			Oid equal =
				get_opfamily_member(index->rd_opfamily[0], column->type,
									column->type, BTEqualStrategyNumber);

			find->index = lfirst_oid(cell);
			ScanKeyEntryInitialize(&find->key, 0, column->attnum,
								   BTEqualStrategyNumber, InvalidOid, collation,
								   get_opcode(equal), (Datum) 0);
		}
		index_close(index, NoLock);
		if (OidIsValid(find->index))
			break;
	}
	list_free(indexes);
	return OidIsValid(find->index);
}

/*
 * trainjob_find_rows
 *		Shows "visit" the rows whose column is "key", until it returns false or
 *		there are no more.
 *
 * Sees what a query at this moment would, the transaction's own work included.
 * Returns false, with nothing done, where a query must do it.
 */
bool
trainjob_find_rows(const DirectFind *find, Datum key, DirectVisit visit,
				   void *arg)
{
	ScanKeyData scan_key = find->key;
	Relation rel;
	SysScanDesc scan;

	if (!OidIsValid(find->index) || IsolationUsesXactSnapshot())
		return false;
	rel = table_open(find->table, NoLock);
	scan_key.sk_argument = key;
	CommandCounterIncrement(); /* own work must be visible */
	PushActiveSnapshot(GetTransactionSnapshot());
	scan = systable_beginscan(rel, find->index, true, GetActiveSnapshot(), 1,
							  &scan_key);
	while (systable_getnext(scan) != NULL && visit(rel, scan->slot, arg))
		;
	systable_endscan(scan);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return true;
}
