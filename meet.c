/*
 * meet.c
 *	  Two rows that belong together, written by two transactions at once.
 *
 * An alert waits for its job, a dataset looks for the jobs that wait for it.
 * Call the transaction that writes one of these the waiter, and the one that
 * brings the job the newcomer.  Each looks at the other's table when its own row
 * is in, with eyes that see rows which are not committed yet, so whoever looks
 * second sees the other's row.  What is left is to agree who does the work.
 *
 * The waiter has one lock, on its own transaction's number, and holds it from
 * its look to its end: the last look.  Where it finds a job that is on its way,
 * it lets go of the lock, waits for the newcomer to end, takes the lock again,
 * and looks again for all names that it has asked for.
 *
 * The newcomer that finds a waiter's row which is not committed asks for the
 * waiter's lock.  Where that is free, the waiter has not had its last look: it
 * will see the newcomer's row, and there is nothing to do.  Where it is not, the
 * newcomer waits for it, with its own lock let go, should it have one, and looks
 * again.
 *
 * Thus nobody waits for another's row unless he names it, nobody waits here
 * while he holds a lock that others wait for here, and a transaction has one
 * lock however many rows it writes.
 *
 * The lock belongs to the whole transaction, for a savepoint that is rolled back
 * must not take it from rows that stay.  What such a rollback undoes, a look or
 * the work that followed, is made up for by the next look.  Where none comes,
 * the transaction cannot commit (check_complete).
 *
 * Tables that cannot be read so, see trainjob_can_meet(), lock names instead
 * (trainjob_lock_name).
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/subtrans.h"
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
#include "nodes/readfuncs.h"
#include "parser/parse_oper.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "trainjob.h"

/* Objsubid 1 and 2 are what SQL's advisory locks use, see trainjob_lock_name(). */
#define SET_LOCKTAG_LAST_LOOK(tag, xid) \
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, InvalidOid, xid, 3)

/* How often a row that others change again and again is waited for unlocked. */
#define MAX_STEPS_BACK 10

/* A table that has rows in itself: one that is asked for, or a part of it. */
typedef struct MeetLeaf
{
	Oid table;
	Oid index; /* InvalidOid: there is none to look the key up in */
	ScanKeyData key;
	AttrMap *map; /* to the columns of the table asked for; NULL: the same */
} MeetLeaf;

/* One call of trainjob_meet_look(). */
typedef struct LookCall
{
	MeetTable *table;
	Datum key;
	MeetFilter concerns;
	void *arg;
	List *promised;		/* transactions that will look again themselves */
	Snapshot statement; /* what the statement at work sees */
	MeetFound *found;
	bool unsure; /* a row may have been missed that moved meanwhile */
	TransactionId speculative;
	uint32 token;
} LookCall;

/* What a waiter's row asks for, and who asks. */
typedef struct MeetEntry
{
	MeetName name;
	int16 key_len;
	int16 user_len;
	bool key_byval;
	bool user_byval;
	bool first; /* the transaction's own rows have not been looked at */
	uint8 steps_back;
	int number;	  /* in Meet.names */
	uint64 holds; /* Meet.holds when it was asked for last */
	SubTransactionId subid;
	Oid relation;
	Oid trigger;
	const MeetSide *side;
} MeetEntry;

/* All that a transaction has asked for; lives as long as that. */
typedef struct Meet
{
	MemoryContext context;
	bool locked;
	bool is_looking; /* an outer frame goes through the names */
	uint64 round;	 /* another one whenever all is to be looked at anew */
	uint64 holds;	 /* how often the lock was taken */
	TransactionId
		horizon; /* the first that began after it was, the last time */
	int count;
	int size;
	MeetEntry **names; /* in the order in which they were asked for */
	HTAB *known;	   /* the same, to find one */
	int next;		   /* those before this one were looked at since the lock */
	List *todo;		   /* of these, those to look at again */
	SubTransactionId worked; /* where names of an outer one were worked on */
} Meet;

static Meet *meet = NULL;

/* Counts relcache messages: what is known of tables is good until the next. */
static uint64 invalidations = 1;

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

/*
 * trainjob_plan_meet
 *		Prepares looking at the rows of "rel", which is "table" of a set, by a
 *		column, with keys of type "key_type".
 *
 * Called in the set's memory context.
 */
void
trainjob_plan_meet(SetTable *table, Relation rel, const Column *column,
				   Oid key_type, MeetTable *meets)
{
	List *name = list_make2(makeString("pg_catalog"), makeString("="));

	*meets = (MeetTable){.table = table, .key_type = key_type};
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

/* Whether this is so of the table with all its parts. */
static bool
can_look(MeetTable *meets)
{
	ListCell *cell;

	if (!OidIsValid(meets->equals))
		return false;
	if (meets->checked == invalidations)
		return meets->readable;
	meets->checked = invalidations;
	/* under Citus the rows may be elsewhere, and stale ones still here */
	meets->readable = !OidIsValid(get_extension_oid("citus", true));
	if (meets->readable)
		foreach (cell, find_all_inheritors(meets->top, NoLock, NULL))
			if (!is_readable(lfirst_oid(cell)))
				meets->readable = false;
	return meets->readable;
}

/*
 * trainjob_can_meet
 *		Whether the rows of two tables can be looked at before they are
 *		committed, so that their writers may meet.
 *
 * Both sides ask it of both tables: it is the one way or the other.
 */
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

/* Finds an index that begins with the key's column and compares as we do. */
static Oid
find_index(Relation rel, MeetTable *meets, const ScanKeyData *key)
{
	List *indexes = RelationGetIndexList(rel);
	Oid found = InvalidOid;
	Oid left;
	Oid right;
	ListCell *cell;

	op_input_types(meets->equals, &left, &right);
	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (form->indisvalid && index->rd_rel->relam == BTREE_AM_OID &&
			form->indkey.values[0] == key->sk_attno &&
			index->rd_indcollation[0] == key->sk_collation &&
			index->rd_opcintype[0] == left &&
			get_op_opfamily_strategy(meets->equals, index->rd_opfamily[0]) ==
				BTEqualStrategyNumber &&
			has_all_rows(rel, index, meets))
			found = lfirst_oid(cell);
		index_close(index, NoLock);
		if (OidIsValid(found))
			break;
	}
	list_free(indexes);
	return found;
}

static MeetLeaf *
describe_leaf(Relation rel, MeetTable *meets)
{
	MeetLeaf *leaf = palloc0(sizeof(MeetLeaf));
	AttrNumber attnum = get_attnum(RelationGetRelid(rel), meets->column);
	TupleConversionMap *map;
	Oid left;
	Oid right;

	if (attnum == InvalidAttrNumber)
		elog(ERROR, "table \"%s\" has no column \"%s\"",
			 RelationGetRelationName(rel), meets->column);
	op_input_types(meets->equals, &left, &right);
	leaf->table = RelationGetRelid(rel);
	ScanKeyEntryInitialize(
		&leaf->key, 0, attnum, BTEqualStrategyNumber, right,
		TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attcollation,
		get_opcode(meets->equals), (Datum) 0);
	leaf->index = find_index(rel, meets, &leaf->key);
	map = convert_tuples_by_name(CreateTupleDescCopy(RelationGetDescr(rel)),
								 meets->desc);
	leaf->map = map == NULL ? NULL : map->attrMap;
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
	if (meets->known == invalidations)
		return meets->leaves;
	meets->leaves = NIL;
	meets->known = invalidations;
	MemoryContextReset(meets->context);
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

/* Whether this transaction wrote the row. */
static bool
is_own(TupleTableSlot *slot)
{
	bool isnull;
	Datum xmin =
		slot_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull);

	return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

/*
 * Takes down what a row means; false where no others need be looked at.  "slot"
 * has it as it was found, "row" with the columns of the table asked for.
 */
static bool
see_row(LookCall *call, Relation rel, TupleTableSlot *slot, TupleTableSlot *row,
		Snapshot snapshot)
{
	MeetFound *found = call->found;
	bool dirty = snapshot->snapshot_type == SNAPSHOT_DIRTY;

	if (!call->concerns(row, call->arg))
		return true;
	if (dirty && TransactionIdIsValid(snapshot->xmin))
	{
		TransactionId top = SubTransGetTopmostTransaction(snapshot->xmin);

		if (snapshot->speculativeToken != 0)
		{
			call->speculative = snapshot->xmin;
			call->token = snapshot->speculativeToken;
			return false;
		}
		if (list_member_oid(call->promised, top) ||
			(TransactionIdIsValid(found->horizon) &&
			 TransactionIdFollowsOrEquals(top, found->horizon)))
			return true;
		found->coming = top;
		return false;
	}
	if (is_own(slot))
	{
		found->own = true;
		return true;
	}
	found->settled = true;
	if (dirty && TransactionIdIsValid(snapshot->xmax))
		found->busy = true;
	if (!table_tuple_satisfies_snapshot(rel, slot, call->statement))
		found->fresh = true;
	return true;
}

static bool
see_slot(LookCall *call, MeetLeaf *leaf, Relation rel, TupleTableSlot *slot,
		 TupleTableSlot *mapped, Snapshot snapshot)
{
	TupleTableSlot *row = slot;

	CHECK_FOR_INTERRUPTS();
	if (leaf->map != NULL)
		row = execute_attr_map_slot(leaf->map, slot, mapped);
	return see_row(call, rel, slot, row, snapshot);
}

/* Returns false where no other part need be looked at. */
static bool
scan_index(LookCall *call, MeetLeaf *leaf, Relation rel, TupleTableSlot *slot,
		   TupleTableSlot *mapped, Snapshot snapshot)
{
	Relation index = index_open(leaf->index, AccessShareLock);
	IndexScanDesc scan = trainjob_index_beginscan(rel, index, snapshot, 1);
	ScanKeyData key = leaf->key;
	bool more = true;

	key.sk_attno = 1;
	key.sk_argument = call->key;
	index_rescan(scan, &key, 1, NULL, 0);
	while (more)
	{
		bool is_new = !scan->xs_heap_continue;

		if (is_new && index_getnext_tid(scan, ForwardScanDirection) == NULL)
			break;
		if (index_fetch_heap(scan, slot))
			more = see_slot(call, leaf, rel, slot, mapped, snapshot);
		else if (is_new)
			call->unsure = true;
	}
	index_endscan(scan);
	index_close(index, NoLock);
	return more;
}

static bool
scan_all(LookCall *call, MeetLeaf *leaf, Relation rel, TupleTableSlot *slot,
		 TupleTableSlot *mapped, Snapshot snapshot)
{
	ScanKeyData key = leaf->key;
	TableScanDesc scan;
	bool more = true;

	key.sk_argument = call->key;
	scan = trainjob_table_beginscan(rel, snapshot, 1, &key);
	while (more && table_scan_getnextslot(scan, ForwardScanDirection, slot))
		more = see_slot(call, leaf, rel, slot, mapped, snapshot);
	table_endscan(scan);
	call->unsure = true;
	return more;
}

/* Looks at all rows of the key; false where one answered all questions. */
static bool
scan_leaves(LookCall *call, Snapshot snapshot)
{
	ListCell *cell;
	bool more = true;

	foreach (cell, call->table->leaves)
	{
		MeetLeaf *leaf = lfirst(cell);
		Relation rel = table_open(leaf->table, NoLock);
		TupleTableSlot *slot = table_slot_create(rel, NULL);
		TupleTableSlot *mapped = NULL;

		if (leaf->map != NULL)
			mapped =
				MakeSingleTupleTableSlot(call->table->desc, &TTSOpsVirtual);
		more = (OidIsValid(leaf->index)
					? scan_index
					: scan_all)(call, leaf, rel, slot, mapped, snapshot);
		if (mapped != NULL)
			ExecDropSingleTupleTableSlot(mapped);
		ExecDropSingleTupleTableSlot(slot);
		table_close(rel, NoLock);
		if (!more)
			break;
	}
	return more;
}

/*
 * One look, as the owner of the table.
 *
 * A row that is committed may be updated while we look: if its new version is
 * entered where the scan has been already, and the updater commits before the
 * old one is fetched, neither is seen.  So where there was anything dead, a
 * second scan looks at what is committed now.  A row that is not committed does
 * not get away: its first version counts until its transaction ends.
 */
static void
look(MeetTable *meets, Datum key, MeetFilter concerns, void *arg,
	 List *promised, MeetFound *found)
{
	LookCall call = {.table = meets,
					 .key = key,
					 .concerns = concerns,
					 .arg = arg,
					 .promised = promised,
					 .statement = GetActiveSnapshot(),
					 .found = found};
	TrainjobUser caller;

	trainjob_become_owner(meets->table, &caller);
	(void) lock_leaves(meets);
	for (;;)
	{
		SnapshotData dirty;

		InitDirtySnapshot(dirty);
		*found = (MeetFound){.horizon = found->horizon};
		call.token = 0;
		if (scan_leaves(&call, &dirty) && call.unsure)
		{
			PushActiveSnapshot(GetLatestSnapshot());
			(void) scan_leaves(&call, GetActiveSnapshot());
			PopActiveSnapshot();
		}
		if (call.token == 0)
			break;
		/* INSERT ... ON CONFLICT does not know yet whether it will insert */
		SpeculativeInsertionWait(call.speculative, call.token);
	}
	trainjob_become_user(&caller);
}

/*
 * trainjob_meet_look
 *		Looks for the rows of "key" that "concerns" says yes to, those that are
 *		not committed included.  Only the horizon of "found" is read.
 *
 * The caller has asked trainjob_can_meet(), and holds a lock on the table.
 */
void
trainjob_meet_look(MeetTable *meets, Datum key, MeetFilter concerns, void *arg,
				   MeetFound *found)
{
	look(meets, key, concerns, arg, NIL, found);
}

/* ----------
 * The lock
 * ----------
 */

/*
 * Takes or lets go of our lock, as the whole transaction's: one that belonged
 * to a savepoint would go with it.
 */
static void
change_lock(bool take)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG tag;

	SET_LOCKTAG_LAST_LOOK(tag, GetTopTransactionId());
	CurrentResourceOwner = TopTransactionResourceOwner;
	PG_TRY();
	{
		if (take)
			(void) LockAcquire(&tag, ExclusiveLock, false, false);
		else
			(void) LockRelease(&tag, ExclusiveLock, false);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();
	meet->locked = take;
	if (take)
	{
		meet->holds++;
		meet->horizon = ReadNextTransactionId();
	}
}

/* Lets go of our lock, if we have it: from here on all is to be looked at. */
static void
step_back(void)
{
	if (meet == NULL || !meet->locked)
		return;
	meet->round++;
	meet->next = 0;
	list_free(meet->todo);
	meet->todo = NIL;
	change_lock(false);
}

/* Waits for a transaction that brings what we look for. */
static void
wait_for_newcomer(TransactionId xid)
{
	step_back();
	XactLockTableWait(xid, NULL, NULL, XLTW_None);
}

/*
 * Waits until a waiter's transaction has ended, or is about to look again: its
 * lock is free in both cases.
 */
static void
wait_for_waiter(TransactionId xid)
{
	LOCKTAG tag;

	SET_LOCKTAG_LAST_LOOK(tag, xid);
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		step_back();
		(void) LockAcquire(&tag, ShareLock, false, false);
	}
	(void) LockRelease(&tag, ShareLock, false);
}

/* ----------
 * The names
 * ----------
 */

static uint32
hash_entry(const void *key, Size size)
{
	const MeetEntry *entry = *(MeetEntry *const *) key;

	return datum_image_hash(entry->name.key, entry->key_byval, entry->key_len) ^
		   entry->trigger;
}

static int
compare_entries(const void *a, const void *b, Size size)
{
	const MeetEntry *x = *(MeetEntry *const *) a;
	const MeetEntry *y = *(MeetEntry *const *) b;

	return !(
		x->trigger == y->trigger &&
		datum_image_eq(x->name.key, y->name.key, x->key_byval, x->key_len) &&
		x->name.user_null == y->name.user_null &&
		(x->name.user_null || datum_image_eq(x->name.user, y->name.user,
											 x->user_byval, x->user_len)));
}

static void
begin_meet(void)
{
	HASHCTL control = {0};
	MemoryContext context =
		AllocSetContextCreate(TopTransactionContext, "trainjob names",
							  ALLOCSET_DEFAULT_SIZES);
	Meet *new_meet = MemoryContextAllocZero(context, sizeof(Meet));

	new_meet->context = context;
	new_meet->size = 64;
	new_meet->names =
		MemoryContextAlloc(context, new_meet->size * sizeof(MeetEntry *));
	control.keysize = sizeof(MeetEntry *);
	control.entrysize = sizeof(MeetEntry *);
	control.hash = hash_entry;
	control.match = compare_entries;
	control.hcxt = context;
	new_meet->known =
		hash_create("trainjob names", 64, &control,
					HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	meet = new_meet;
}

static Datum
copy_datum(Datum value, bool byval, int16 length)
{
	return length == -1 ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
						: datumCopy(value, byval, length);
}

/* Takes a name down, and that it is to be looked at. */
static void
add_name(const MeetEntry *wanted)
{
	MemoryContext caller = MemoryContextSwitchTo(meet->context);
	const MeetEntry *key = wanted;
	MeetEntry **known = hash_search(meet->known, &key, HASH_FIND, NULL);

	if (known != NULL)
	{
		(*known)->first = true;
		(*known)->holds = meet->holds;
		(*known)->steps_back = 0;
		if ((*known)->number < meet->next)
			meet->todo = list_append_unique_int(meet->todo, (*known)->number);
	}
	else
	{
		MeetEntry *entry = palloc(sizeof(MeetEntry));
		bool found;

		*entry = *wanted;
		entry->name.key =
			copy_datum(wanted->name.key, wanted->key_byval, wanted->key_len);
		if (!wanted->name.user_null)
			entry->name.user = copy_datum(wanted->name.user, wanted->user_byval,
										  wanted->user_len);
		if (meet->count == meet->size)
		{
			meet->size *= 2;
			meet->names =
				repalloc_huge(meet->names, meet->size * sizeof(MeetEntry *));
		}
		(void) hash_search(meet->known, &entry, HASH_ENTER, &found);
		entry->holds = meet->holds;
		entry->number = meet->count++;
		meet->names[entry->number] = entry;
	}
	MemoryContextSwitchTo(caller);
}

/* ----------
 * The waiter's looks
 * ----------
 */

/*
 * Looks for what a name asks for, and does the work where it is there.  The lock
 * may be free afterwards: then all names are to be looked at.
 *
 * Rows of the transaction itself count the first time only.  Later ones have
 * found our row by themselves, and what we have worked on is ours, too.  Nor need
 * we wait for a transaction that began after we took the lock, if our row was in
 * before that: it waits for us.  Otherwise others who write such rows all the
 * time could keep us from ever having looked at all names.
 */
static void
look_for_name(MeetEntry *entry, TriggerData *trigdata)
{
	MeetFound found = {0};

	if (entry->holds < meet->holds)
		found.horizon = meet->horizon;
	entry->side->look(trigdata, &entry->name, &found);
	if (TransactionIdIsValid(found.coming))
	{
		wait_for_newcomer(found.coming);
		return;
	}
	if (found.settled || (found.own && entry->first))
	{
		/* whoever changes the row may have to wait for us */
		if (found.busy && entry->steps_back < MAX_STEPS_BACK)
		{
			entry->steps_back++;
			step_back();
		}
		if (entry->subid < GetCurrentSubTransactionId())
			meet->worked = GetCurrentSubTransactionId();
		entry->side->work(trigdata, &entry->name);
	}
	entry->first = false;
}

/* The call of a trigger that asked for a name, as it was then. */
typedef struct AskedBy
{
	Relation rel;
	TriggerData trigdata;
} AskedBy;

/* Whether the trigger is still there; then the caller closes the table. */
static bool
find_trigger(const MeetEntry *entry, AskedBy *asked)
{
	TriggerDesc *triggers;

	asked->rel = try_relation_open(entry->relation, AccessShareLock);
	if (asked->rel == NULL)
		return false;
	triggers = CopyTriggerDesc(asked->rel->trigdesc);
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgoid == entry->trigger)
		{
			asked->trigdata =
				(TriggerData){.type = T_TriggerData,
							  .tg_relation = asked->rel,
							  .tg_trigger = &triggers->triggers[i]};
			return true;
		}
	relation_close(asked->rel, AccessShareLock);
	return false;
}

/* Looks at one name that is still to be looked at; false if there is none. */
static bool
look_for_next(void)
{
	bool again = meet->todo != NIL;
	uint64 round = meet->round;
	int i = again ? llast_int(meet->todo) : meet->next;
	AskedBy asked;

	if (!meet->locked)
		change_lock(true);
	if (i >= meet->count)
		return false;
	if (find_trigger(meet->names[i], &asked))
	{
		look_for_name(meet->names[i], &asked.trigdata);
		relation_close(asked.rel, NoLock);
	}
	if (round != meet->round)
		return true; /* all are to be looked at anew */
	if (again)
		meet->todo = list_delete_int(meet->todo, i);
	else
		meet->next = i + 1;
	return true;
}

/* Whether all names have been looked at since we have the lock. */
static bool
is_complete(void)
{
	return meet == NULL || meet->count == 0 ||
		   (meet->locked && meet->next == meet->count && meet->todo == NIL);
}

/*
 * Looks at the names that are still to be looked at, until all have been since
 * we have the lock.  In a trigger that our own work fired there is nothing to
 * do: the frame that works goes on with it.
 */
static void
look_for_names(void)
{
	MemoryContext caller;
	MemoryContext each;

	if (is_complete() || meet->is_looking)
		return;
	each = AllocSetContextCreate(CurrentMemoryContext, "trainjob look",
								 ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(each);
	meet->is_looking = true;
	PG_TRY();
	{
		while (look_for_next())
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(each);
		}
	}
	PG_FINALLY();
	{
		meet->is_looking = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(each);
}

/*
 * trainjob_meet_await
 *		For an AFTER ROW trigger of a waiter: looks for what the row asks for,
 *		works on it if it is there, and sees to it that whoever brings it
 *		before our transaction ends either is seen by us or sees our row.
 *
 * "key" and "user" are columns of the types that the name has; "user" may be
 * NULL, for a name without one.
 */
void
trainjob_meet_await(const MeetSide *side, TriggerData *trigdata,
					const MeetName *name, const Column *key, const Column *user)
{
	MeetEntry entry = {.name = *name,
					   .key_len = key->typlen,
					   .user_len = user == NULL ? 0 : user->typlen,
					   .key_byval = key->typbyval,
					   .user_byval = user != NULL && user->typbyval,
					   .first = true,
					   .subid = GetCurrentSubTransactionId(),
					   .relation = RelationGetRelid(trigdata->tg_relation),
					   .trigger = trigdata->tg_trigger->tgoid,
					   .side = side};

	if (meet == NULL)
		begin_meet();
	add_name(&entry);
	look_for_names();
}

/*
 * trainjob_meet_coming
 *		For a BEFORE ROW trigger of a waiter, which found nothing: waits for a
 *		transaction that brings it, and says whether it did.  Returns true where
 *		it may be there now.
 */
bool
trainjob_meet_coming(MeetTable *meets, Datum key, MeetFilter concerns,
					 void *arg, bool *waited)
{
	MeetFound found = {0};

	look(meets, key, concerns, arg, NIL, &found);
	*waited = TransactionIdIsValid(found.coming);
	if (!*waited)
		return found.settled || found.own;
	wait_for_newcomer(found.coming);
	look_for_names();
	return true;
}

/*
 * trainjob_meet_step_back, trainjob_meet_go_on
 *		To stand around work on a row that may have to wait for who changes it
 *		right now, and who may have to wait for us.
 */
void
trainjob_meet_step_back(MeetTable *meets, Datum key, MeetFilter concerns,
						void *arg)
{
	MeetFound found = {0};

	if (meet == NULL || !meet->locked || !can_look(meets))
		return;
	look(meets, key, concerns, arg, NIL, &found);
	if (found.busy)
		step_back();
}

void
trainjob_meet_go_on(void)
{
	look_for_names();
}

/* ----------
 * The newcomer's look
 * ----------
 */

/*
 * trainjob_meet_newcomer
 *		For a newcomer's trigger: what is there for "key" that is committed, or
 *		of this transaction, when all others who ask for it have ended or will
 *		see our row.
 *
 * Called before the row is in, this only waits for them.
 */
void
trainjob_meet_newcomer(MeetTable *meets, Datum key, MeetFilter concerns,
					   void *arg, MeetFound *found)
{
	List *promised = NIL;

	*found = (MeetFound){0};
	for (;;)
	{
		look(meets, key, concerns, arg, promised, found);
		if (!TransactionIdIsValid(found->coming))
			break;
		wait_for_waiter(found->coming);
		look_for_names();
		/* if it has not ended, it was about to look again */
		promised = lappend_oid(promised, found->coming);
	}
	list_free(promised);
}

/* ----------
 * The end of transactions and savepoints
 * ----------
 */

/*
 * An error that a savepoint caught may have ended a look in its middle: then
 * somebody may rely on us who brought what an earlier row asks for.
 */
static void
check_complete(void)
{
	if (is_complete())
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not commit alerts or datasets of this transaction"),
			 errdetail("A savepoint was rolled back while it waited for, or "
					   "worked on, jobs that they are about."),
			 errhint("The transaction might succeed if retried.")));
}

static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			check_complete();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			meet = NULL; /* its memory is the transaction's */
			break;
		default:
			break;
	}
}

/* A rolled back savepoint's rows are gone, and what it did for other rows. */
static void
end_savepoint(SubXactEvent event, SubTransactionId subid,
			  SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB || meet == NULL)
		return;
	while (meet->count > 0 && meet->names[meet->count - 1]->subid >= subid)
	{
		MeetEntry *gone = meet->names[--meet->count];

		(void) hash_search(meet->known, &gone, HASH_REMOVE, NULL);
		meet->todo = list_delete_int(meet->todo, meet->count);
	}
	if (meet->worked >= subid)
	{
		meet->round++;
		meet->next = 0;
	}
	meet->next = Min(meet->next, meet->count);
}

static void
count_invalidation(Datum arg, Oid relid)
{
	invalidations++;
}

/* Called once when the library is loaded. */
void
trainjob_meet_init(void)
{
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_savepoint, NULL);
	CacheRegisterRelcacheCallback(count_invalidation, (Datum) 0);
}
