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
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "trainjob.h"

/*
 * Where rows lay.  A trainer's connection reports of one job, or of a few, again
 * and again.  What the index led to is kept for each key, so that the next
 * look-up may go there at once, by the call that an index scan would make: it
 * follows the row's versions, and prunes the page.  What is there must have the
 * key and be visible, or the index is asked again.
 */
typedef struct RowPlace
{
	union
	{
		Datum value;
		char bytes[DIRECT_KEY_SIZE];
	} key;
	ItemPointerData root; /* of the row's versions; invalid: not known */
} RowPlace;

/* A backend that serves more jobs than that asks the index for some. */
#define PLACES 1024

/* ----------
 * Once for a table
 * ----------
 */

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
	find->places = NULL;
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
	find->key_byval = column->typbyval;
	find->key_len = column->typlen;
	if (unique && find->key_len > 0 && find->key_len <= DIRECT_KEY_SIZE)
		find->places = palloc0(PLACES * sizeof(RowPlace));
	return OidIsValid(find->index);
}

/* ----------
 * For each look-up
 * ----------
 */

static RowPlace *
place_of(const DirectFind *find, Datum key)
{
	return &find->places[datum_image_hash(key, find->key_byval, find->key_len) %
						 PLACES];
}

static bool
is_equal_key(const DirectFind *find, Datum a, Datum b)
{
	return datumIsEqual(a, b, find->key_byval, find->key_len);
}

static void
remember_place(const DirectFind *find, Datum key, ItemPointer root)
{
	RowPlace *place = place_of(find, key);

	if (find->key_byval)
		place->key.value = key;
	else
		memcpy(place->key.bytes, DatumGetPointer(key), find->key_len);
	place->root = *root;
}

/* Fetches the row with this key from where it lay; false if it is not there. */
static bool
fetch_from_place(const DirectFind *find, Relation rel, Datum key,
				 TupleTableSlot *row)
{
	RowPlace *place = place_of(find, key);
	ItemPointerData root = place->root;
	IndexFetchTableData *fetch;
	bool again = false;
	bool found;
	bool isnull;

	if (!ItemPointerIsValid(&root) ||
		!is_equal_key(find,
					  find->key_byval ? place->key.value
									  : PointerGetDatum(place->key.bytes),
					  key) ||
		/* VACUUM may have cut the end off */
		ItemPointerGetBlockNumber(&root) >= RelationGetNumberOfBlocks(rel))
		return false;
	fetch = trainjob_index_fetch_begin(rel);
	found = table_index_fetch_tuple(fetch, &root, GetActiveSnapshot(), row,
									&again, NULL) &&
			is_equal_key(find, slot_getattr(row, find->key.sk_attno, &isnull),
						 key) &&
			!isnull;
	table_index_fetch_end(fetch);
	return found;
}

/* Shows "visit" what the index finds. */
static void
visit_index(const DirectFind *find, Relation rel, Datum key,
			TupleTableSlot *row, DirectVisit visit, void *arg)
{
	Relation index = index_open(find->index, AccessShareLock);
	IndexScanDesc scan =
		trainjob_index_beginscan(rel, index, GetActiveSnapshot(), 1);
	ScanKeyData scan_key = find->key;
	ItemPointer tid;

	scan_key.sk_attno = 1;
	scan_key.sk_argument = key;
	index_rescan(scan, &scan_key, 1, NULL, 0);
	while ((tid = index_getnext_tid(scan, ForwardScanDirection)) != NULL)
	{
		ItemPointerData root = *tid;

		if (!index_fetch_heap(scan, row))
			continue;
		if (find->places != NULL)
			remember_place(find, key, &root);
		if (!visit(rel, row, arg))
			break;
	}
	index_endscan(scan);
	index_close(index, AccessShareLock);
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
	Relation rel;
	TupleTableSlot *row;

	if (!OidIsValid(find->index) || IsolationUsesXactSnapshot())
		return false;
	rel = table_open(find->table, NoLock);
	CommandCounterIncrement(); /* own work must be visible */
	PushActiveSnapshot(GetTransactionSnapshot());
	row = table_slot_create(rel, NULL);
	if (find->places != NULL && fetch_from_place(find, rel, key, row))
		(void) visit(rel, row, arg); /* there is no other */
	else
		visit_index(find, rel, key, row, visit, arg);
	ExecDropSingleTupleTableSlot(row);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return true;
}
