/*
 * meet_look.c
 *	  Looking at rows that are not committed yet.
 *
 * For two transactions that meet, see meet.c: which others write rows that have
 * a key and are wanted (trainjob_find_coming), and what is there already
 * (trainjob_find_present).
 *
 * A look reads the rows of a heap by an index scan, as look-ups in system
 * catalogs do (genam.c), or else all of them; those of a partitioned table in
 * each of its parts.  It works as the owner of the table and evaluates no
 * expression of the table's.  Tables of other kinds cannot be looked at
 * (trainjob_can_meet).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/tupconvert.h"
#include "access/xact.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "parser/parse_oper.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "pg/compat.h"
#include "tables/meet.h"
#include "tables/meet_look.h"
#include "tables/owner.h"

/* A table that has rows in itself: one that is asked for, or a part of it. */
typedef struct MeetLeaf
{
	Oid table;
	Oid index; /* InvalidOid: there is none to look the key up in */
	ScanKeyData key;
	AttrMap *map; /* to the columns of the table asked for; NULL: the same */
} MeetLeaf;

/* One look at all rows of a key. */
typedef struct Look
{
	const MeetQuestion *question;
	Snapshot snapshot;
	TupleTableSlot *mapped; /* a part's row, with the columns of the whole */

	/* trainjob_find_coming(): */
	TransactionId horizon;
	List *coming;
	TransactionId speculative;
	uint32 token;

	/* trainjob_find_present(): */
	Snapshot statement;
	MeetFound *found;
} Look;

/* ----------
 * Once for a table, until any changes
 * ----------
 */

/* The table that a partition is a part of in the end, or the table itself. */
static Oid
topmost(Relation rel)
{
	return rel->rd_rel->relispartition
			   ? llast_oid(get_partition_ancestors(RelationGetRelid(rel)))
			   : RelationGetRelid(rel);
}

void
trainjob_plan_meet(SetTable *table, Relation rel, const Column *column,
				   Oid key_type, MeetTable *meets)
{
	List *name = list_make2(makeString("pg_catalog"), makeString("="));

	*meets = (MeetTable){.table = table};
	if (column->attnum == 0 ||
		trainjob_has_virtual(RelationGetDescr(rel)->constr))
		return;
	meets->top = topmost(rel);
	meets->column = column->name;
	meets->desc = CreateTupleDescCopy(RelationGetDescr(rel));
	meets->equals = compatible_oper_opid(name, column->type, key_type, true);
	meets->context =
		AllocSetContextCreate(CurrentMemoryContext, "trainjob meeting",
							  ALLOCSET_SMALL_SIZES);
}

/* Whether rows of a table can be read as they lie in its heap. */
static bool
is_readable(Oid table)
{
	HeapTuple tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(table));
	Form_pg_class form;
	bool readable;

	if (!HeapTupleIsValid(tuple))
		return true; /* dropped: it has no rows */
	form = (Form_pg_class) GETSTRUCT(tuple);
	readable =
		form->relkind == RELKIND_PARTITIONED_TABLE ||
		(form->relkind == RELKIND_RELATION && form->relam == HEAP_TABLE_AM_OID);
	ReleaseSysCache(tuple);
	return readable;
}

/* Whether this is so of the table with all its parts, and of what it is of. */
static bool
can_look(MeetTable *meets)
{
	ListCell *cell;

	if (!OidIsValid(meets->equals))
		return false;
	if (meets->known == trainjob_invalidations())
		return meets->readable;
	meets->known = trainjob_invalidations();
	MemoryContextReset(meets->context);
	meets->leaves = NIL;
	/* under Citus the rows may be elsewhere, and stale ones still here */
	meets->readable = !OidIsValid(get_extension_oid("citus", true));
	foreach (cell, find_all_inheritors(meets->top, NoLock, NULL))
		if (!is_readable(lfirst_oid(cell)))
			meets->readable = false;
	return meets->readable;
}

bool
trainjob_can_meet(MeetTable *a, MeetTable *b)
{
	return can_look(a) && can_look(b);
}

/* The columns of which a predicate asks that one be NULL; NIL: another one. */
static List *
nullable_attnums(Node *predicate)
{
	List *arms = list_make1(predicate);
	List *attnums = NIL;
	ListCell *cell;

	if (IsA(predicate, BoolExpr) && ((BoolExpr *) predicate)->boolop == OR_EXPR)
		arms = ((BoolExpr *) predicate)->args;
	foreach (cell, arms)
	{
		NullTest *test = lfirst(cell);

		if (!IsA(test, NullTest) || test->nulltesttype != IS_NULL ||
			test->argisrow || !IsA(test->arg, Var))
			return NIL;
		attnums = lappend_int(attnums, ((Var *) test->arg)->varattno);
	}
	return attnums;
}

/*
 * Whether an index has all rows that are asked for: those in which one of the
 * "nullable" columns is NULL, where there are such, else all.
 *
 * The predicate is read as it is stored: RelationGetIndexPredicate() would
 * execute functions in it, with the rights of whoever we are.
 */
static bool
has_all_rows(Relation rel, Relation index, MeetTable *meets)
{
	bool isnull;
	Datum predicate = SysCacheGetAttr(INDEXRELID, index->rd_indextuple,
									  Anum_pg_index_indpred, &isnull);
	List *attnums;
	ListCell *cell;

	if (isnull)
		return true;
	if (meets->nullable == NIL)
		return false;
	attnums = nullable_attnums(stringToNode(TextDatumGetCString(predicate)));
	foreach (cell, meets->nullable)
		if (!list_member_int(attnums,
							 get_attnum(RelationGetRelid(rel), lfirst(cell))))
			return false;
	return true;
}

/* Whether the first column of an index is the key, and compares as we do. */
static bool
is_index_of(Relation index, MeetTable *meets, const ScanKeyData *key)
{
	Form_pg_index form = index->rd_index;
	Oid left;
	Oid right;

	op_input_types(meets->equals, &left, &right);
	return form->indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
		   form->indkey.values[0] == key->sk_attno &&
		   index->rd_indcollation[0] == key->sk_collation &&
		   index->rd_opcintype[0] == left &&
		   get_op_opfamily_strategy(meets->equals, index->rd_opfamily[0]) ==
			   BTEqualStrategyNumber;
}

static MeetLeaf *
describe_leaf(Relation rel, MeetTable *meets)
{
	MeetLeaf *leaf = palloc0(sizeof(MeetLeaf));
	TupleDesc desc = CreateTupleDescCopy(RelationGetDescr(rel));
	TupleConversionMap *map = convert_tuples_by_name(desc, meets->desc);
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), meets->column);
	Oid left;
	Oid right;
	ListCell *cell;

	if (attnum == InvalidAttrNumber)
		elog(ERROR, "table \"%s\" has no column \"%s\"",
			 RelationGetRelationName(rel), meets->column);
	op_input_types(meets->equals, &left, &right);
	leaf->table = RelationGetRelid(rel);
	leaf->map = map == NULL ? NULL : map->attrMap;
	ScanKeyEntryInitialize(&leaf->key, 0, attnum, BTEqualStrategyNumber, right,
						   TupleDescAttr(desc, attnum - 1)->attcollation,
						   get_opcode(meets->equals), (Datum) 0);
	foreach (cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (is_index_of(index, meets, &leaf->key) &&
			has_all_rows(rel, index, meets))
			leaf->index = lfirst_oid(cell);
		index_close(index, NoLock);
	}
	return leaf;
}

/*
 * The table and its parts that have rows, locked.  The set's table itself is
 * locked already.
 */
static List *
lock_leaves(MeetTable *meets)
{
	MemoryContext caller;
	ListCell *cell;

	foreach (cell, meets->leaves)
	{
		MeetLeaf *leaf = lfirst(cell);

		if (leaf->table != meets->table->oid)
			LockRelationOid(leaf->table, AccessShareLock);
	}
	(void) can_look(meets);
	if (meets->leaves != NIL)
		return meets->leaves;
	caller = MemoryContextSwitchTo(meets->context);
	foreach (cell,
			 find_all_inheritors(meets->table->oid, AccessShareLock, NULL))
	{
		Relation rel = table_open(lfirst_oid(cell), NoLock);

		if (rel->rd_rel->relkind == RELKIND_RELATION)
			meets->leaves = lappend(meets->leaves, describe_leaf(rel, meets));
		table_close(rel, NoLock);
	}
	MemoryContextSwitchTo(caller);
	return meets->leaves;
}

/* ----------
 * A look
 * ----------
 */

/*
 * Records the writer of a row that is not committed; false where it is not even
 * certain yet.
 */
static bool
see_coming(Look *look)
{
	TransactionId xid = look->snapshot->xmin;

	if (!TransactionIdIsValid(xid))
		return true; /* committed, or ours */
	if (look->snapshot->speculativeToken != 0)
	{
		look->speculative = xid;
		look->token = look->snapshot->speculativeToken;
		return false;
	}
	if (!TransactionIdIsValid(look->horizon) ||
		TransactionIdPrecedes(xid, look->horizon))
		look->coming = list_append_unique_oid(look->coming, xid);
	return true;
}

/* Takes down what a row that is there means. */
static bool
see_present(Look *look, Relation rel, TupleTableSlot *slot)
{
	bool isnull;
	Datum xmin =
		slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);

	if (TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin)))
		look->found->own = true;
	else
	{
		look->found->other = true;
		if (!table_tuple_satisfies_snapshot(rel, slot, look->statement))
			look->found->fresh = true;
	}
	return true;
}

/* Shows the rows of a table to one of the two above; false: no more tables. */
static bool
look_at_leaf(Look *look, MeetLeaf *leaf)
{
	const MeetQuestion *question = look->question;
	Relation rel = table_open(leaf->table, NoLock);
	ScanKeyData key = leaf->key;
	SysScanDesc scan;
	bool more = true;

	key.sk_argument = question->key;
	scan = systable_beginscan(rel, leaf->index, OidIsValid(leaf->index),
							  look->snapshot, 1, &key);
	while (more && HeapTupleIsValid(systable_getnext(scan)))
	{
		TupleTableSlot *row = scan->slot;

		CHECK_FOR_INTERRUPTS();
		if (leaf->map != NULL)
			row = execute_attr_map_slot(leaf->map, row, look->mapped);
		if (question->concerns == NULL ||
			question->concerns(row, question->arg))
			more = look->found == NULL ? see_coming(look)
									   : see_present(look, rel, scan->slot);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	return more;
}

/* Looks at the rows of the question's key, as the owner of the table. */
static void
look_at_rows(Look *look)
{
	MeetTable *meets = look->question->table;
	TrainjobUser caller;
	ListCell *cell;

	look->mapped = MakeSingleTupleTableSlot(meets->desc, &TTSOpsVirtual);
	trainjob_become_owner(meets->table, &caller);
	foreach (cell, lock_leaves(meets))
		if (!look_at_leaf(look, lfirst(cell)))
			break;
	trainjob_restore_user(&caller);
	ExecDropSingleTupleTableSlot(look->mapped);
}

List *
trainjob_find_coming(const MeetQuestion *question, TransactionId horizon)
{
	for (;;)
	{
		SnapshotData dirty;
		Look look = {.question = question,
					 .snapshot = &dirty,
					 .horizon = horizon};

		InitDirtySnapshot(dirty);
		look_at_rows(&look);
		if (look.token == 0)
			return look.coming;
		/* INSERT ... ON CONFLICT does not know yet whether it will insert */
		SpeculativeInsertionWait(look.speculative, look.token);
	}
}

void
trainjob_find_present(const MeetQuestion *question, MeetFound *found)
{
	Look look = {.question = question,
				 .statement = GetActiveSnapshot(),
				 .found = found};

	*found = (MeetFound){0};
	CommandCounterIncrement(); /* own work must be visible */
	PushActiveSnapshot(GetLatestSnapshot());
	look.snapshot = GetActiveSnapshot();
	look_at_rows(&look);
	PopActiveSnapshot();
}
