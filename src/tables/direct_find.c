/*
 * direct_find.c
 *	  Finding and locking rows by the value of a column without a plan.
 *
 * A query of one row costs five times what its index scan does: the rest is the
 * start and the end of the executor.  Where the table is an ordinary one with a
 * btree index that begins with the column, a look-up goes straight to the
 * index, as those of system catalogs do (genam.c).
 *
 * trainjob_plan_find() and trainjob_plan_descending() look at the table once,
 * until it changes.  They say no to what only a query gets right: partitions and
 * children, views, engines that keep the rows elsewhere, an index that sorts by
 * other rules than the columns' own.  What is done with such a DirectFind says
 * so of a transaction with one snapshot for all, see trainjob_execute().
 *
 * Runs as the table's owner, whom row-level security does not
 * restrict.  trainjob_open_table() holds a lock on the table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/acl.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

#include "pg/compat.h"
#include "tables/direct_find.h"

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

/* trainjob.direct_update: whether anything is done without the executor. */
static bool direct = true;

/* ----------
 * Once for a table
 * ----------
 */

/*
 * Whether the table has all its rows in itself, and these all their columns, and
 * its owner may have them.
 */
static bool
is_plain_table(Relation rel, AclMode needed)
{
	return rel->rd_rel->relkind == RELKIND_RELATION &&
		   pg_class_aclmask(RelationGetRelid(rel), rel->rd_rel->relowner,
							needed, ACLMASK_ALL) == needed &&
		   rel->rd_tableam == GetHeapamTableAmRoutine() &&
		   !rel->rd_rel->relispartition && !rel->rd_rel->relhassubclass &&
		   rel->rd_rules == NULL &&
		   !trainjob_has_virtual(RelationGetDescr(rel)->constr) &&
		   /* the rows may be elsewhere, and stale ones still here */
		   !OidIsValid(get_extension_oid("citus", true));
}

/* Whether a column of the index, from 0, is that column of the table. */
static bool
is_indexed_as(Relation rel, Relation index, int i, const Column *column)
{
	Form_pg_attribute att =
		TupleDescAttr(RelationGetDescr(rel), column->attnum - 1);

	return i < index->rd_index->indnkeyatts &&
		   index->rd_index->indkey.values[i] == column->attnum &&
		   index->rd_opcintype[i] == column->type &&
		   index->rd_indcollation[i] == att->attcollation;
}

/* Whether its entries stand in the order that ORDER BY of the column has. */
static bool
is_ordered_as(Relation index, int i, const Column *column)
{
	return index->rd_indoption[i] == 0 && /* neither DESC nor NULLS FIRST */
		   index->rd_opfamily[i] ==
			   lookup_type_cache(column->type, TYPECACHE_BTREE_OPFAMILY)
				   ->btree_opf;
}

/*
 * Whether an equal value of the first column is what the index finds, in the
 * order of the columns after it.
 */
static bool
is_index_of(Relation rel, Relation index, const Column *const *columns,
			int count, bool unique)
{
	Form_pg_index form = index->rd_index;

	/*
	 * Not RelationGetIndexPredicate(): that simplifies the predicate, and so
	 * executes functions of the table's owner, as whoever we are.
	 */
	if (!form->indisvalid || index->rd_rel->relam != BTREE_AM_OID ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		(unique &&
		 (!form->indisunique || !form->indimmediate || form->indnkeyatts != 1)))
		return false;
	for (int i = 0; i < count; i++)
		if (!is_indexed_as(rel, index, i, columns[i]) ||
			(i > 0 && !is_ordered_as(index, i, columns[i])))
			return false;
	return true;
}

/*
 * Makes a condition on a column of the index, from 0, with a value of type
 * "right" still to come; false where the index has no such operator.
 */
static bool
make_key(Relation index, int i, StrategyNumber strategy, Oid right, ScanKey key)
{
	Oid op = get_opfamily_member(index->rd_opfamily[i], index->rd_opcintype[i],
								 right, strategy);

	if (!OidIsValid(op))
		return false;
	ScanKeyEntryInitialize(key, 0, index->rd_index->indkey.values[i], strategy,
						   right, index->rd_indcollation[i], get_opcode(op),
						   (Datum) 0);
	return true;
}

/* Finds an index for a DirectFind; see the two functions below. */
static bool
plan_index(Relation rel, const Column *const *columns, int count, bool unique,
		   DirectFind *find)
{
	List *indexes = RelationGetIndexList(rel);
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_index_of(rel, index, columns, count, unique) &&
			make_key(index, 0, BTEqualStrategyNumber, columns[0]->type,
					 &find->key) &&
			(count == 1 || make_key(index, 1, BTLessEqualStrategyNumber,
									INT8OID, &find->bound)))
			find->index = lfirst_oid(cell);
		index_close(index, NoLock);
		if (OidIsValid(find->index))
			break;
	}
	list_free(indexes);
	return OidIsValid(find->index);
}

bool
trainjob_plan_find(Relation rel, const Column *column, bool unique,
				   AclMode needed, DirectFind *find)
{
	*find = (DirectFind){.table = RelationGetRelid(rel)};
	if (column->attnum == 0 || !is_plain_table(rel, needed) ||
		!plan_index(rel, &column, 1, unique, find))
		return false;
	find->key_byval = column->typbyval;
	find->key_len = column->typlen;
	if (unique && find->key_len > 0 && find->key_len <= DIRECT_KEY_SIZE)
		find->places = palloc0(PLACES * sizeof(RowPlace));
	return true;
}

bool
trainjob_plan_descending(Relation rel, const Column *column, const Column *step,
						 const Column *id, AclMode needed, DirectFind *find)
{
	const Column *columns[] = {column, step, id};

	*find = (DirectFind){.table = RelationGetRelid(rel)};
	return is_plain_table(rel, needed) &&
		   plan_index(rel, columns, id->attnum == 0 ? 2 : 3, false, find);
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

/* Whether a row has the key. */
static bool
has_key(const DirectFind *find, TupleTableSlot *row, Datum key)
{
	bool isnull;
	Datum found = slot_getattr(row, find->key.sk_attno, &isnull);

	return !isnull && is_equal_key(find, found, key);
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
			has_key(find, row, key);
	table_index_fetch_end(fetch);
	return found;
}

/*
 * Opens the table, to be looked at as it is now, and makes a slot for its rows;
 * NULL where a query must look.
 */
static Relation
begin_find(const DirectFind *find, TupleTableSlot **row)
{
	Relation rel;

	if (!direct || !OidIsValid(find->index) || IsolationUsesXactSnapshot())
		return NULL;
	rel = table_open(find->table, NoLock);
	CommandCounterIncrement(); /* own work must be visible */
	PushActiveSnapshot(GetTransactionSnapshot());
	*row = table_slot_create(rel, NULL);
	return rel;
}

static void
end_find(Relation rel, TupleTableSlot *row)
{
	ExecDropSingleTupleTableSlot(row);
	PopActiveSnapshot();
	table_close(rel, NoLock);
}

/* Shows "visit" what the index finds by conditions on its first columns. */
static void
visit_index(const DirectFind *find, Relation rel, ScanKey keys, int count,
			ScanDirection direction, TupleTableSlot *row, DirectVisit visit,
			void *arg)
{
	Relation index = index_open(find->index, AccessShareLock);
	IndexScanDesc scan =
		trainjob_index_beginscan(rel, index, GetActiveSnapshot(), count);
	ItemPointer tid;

	for (int i = 0; i < count; i++)
		keys[i].sk_attno = i + 1;
	index_rescan(scan, keys, count, NULL, 0);
	while ((tid = index_getnext_tid(scan, direction)) != NULL)
	{
		ItemPointerData root = *tid;

		CHECK_FOR_INTERRUPTS();
		if (!index_fetch_heap(scan, row))
			continue;
		if (find->places != NULL)
			remember_place(find, keys[0].sk_argument, &root);
		if (!visit(rel, row, arg))
			break;
	}
	index_endscan(scan);
	index_close(index, AccessShareLock);
}

bool
trainjob_find_rows(const DirectFind *find, Datum key, DirectVisit visit,
				   void *arg)
{
	ScanKeyData scan_key = find->key;
	TupleTableSlot *row;
	Relation rel = begin_find(find, &row);

	if (rel == NULL)
		return false;
	scan_key.sk_argument = key;
	if (find->places != NULL && fetch_from_place(find, rel, key, row))
		(void) visit(rel, row, arg); /* there is no other */
	else
		visit_index(find, rel, &scan_key, 1, ForwardScanDirection, row, visit,
					arg);
	end_find(rel, row);
	return true;
}

bool
trainjob_find_descending(const DirectFind *find, Datum key, int64 bound,
						 DirectVisit visit, void *arg)
{
	ScanKeyData scan_keys[2] = {find->key, find->bound};
	TupleTableSlot *row;
	Relation rel = begin_find(find, &row);

	if (rel == NULL)
		return false;
	scan_keys[0].sk_argument = key;
	scan_keys[1].sk_argument = Int64GetDatum(bound);
	visit_index(find, rel, scan_keys, lengthof(scan_keys),
				BackwardScanDirection, row, visit, arg);
	end_find(rel, row);
	return true;
}

/* One call of trainjob_lock_row(). */
typedef struct LockCall
{
	const DirectFind *find;
	Datum key;
	DirectVisit visit;
	void *arg;
	bool done;
} LockCall;

/*
 * A DirectVisit: locks the row that was found, which is the only one, in its
 * newest version; what nodeLockRows.c and the check of the query's condition
 * for that version do.
 */
static bool
lock_found(Relation rel, TupleTableSlot *row, void *arg)
{
	LockCall *call = arg;
	TupleTableSlot *locked = table_slot_create(rel, NULL);
	ItemPointerData tid = row->tts_tid;
	TM_FailureData failure;

	call->done = false;
	if (table_tuple_lock(rel, &tid, GetActiveSnapshot(), locked,
						 GetCurrentCommandId(true), LockTupleNoKeyExclusive,
						 LockWaitBlock,
						 TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS |
							 TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
						 &failure) == TM_Ok &&
		(!failure.traversed || has_key(call->find, locked, call->key)))
	{
		call->done = true;
		(void) call->visit(rel, locked, call->arg);
	}
	ExecDropSingleTupleTableSlot(locked);
	return false;
}

bool
trainjob_lock_row(const DirectFind *find, Datum key, DirectVisit visit,
				  void *arg)
{
	LockCall call = {find, key, visit, arg, true};

	return !XactReadOnly && trainjob_find_rows(find, key, lock_found, &call) &&
		   call.done;
}

/* Defines the setting of this file and of direct_update.c, which finds by it. */
void
trainjob_direct_init(void)
{
	/*
	 * Off: rows are found and changed by queries alone.  For an operator who
	 * suspects the direct way in an incident, hence a superuser's.
	 */
	DefineCustomBoolVariable("trainjob.direct_update",
							 "Sets whether rows are found and updated without "
							 "the executor, where that makes no difference.",
							 NULL, &direct, true, PGC_SUSET, 0, NULL, NULL,
							 NULL);
}
