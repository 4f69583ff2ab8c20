/*
 * direct_update.c
 *	  Updating one row by its key without a plan.
 *
 * Most of what a report costs beyond its own INSERT is the start and the end
 * of the executor around the UPDATE of its job.  Where nobody but triggers of
 * ours would notice the difference, the row is found by an index scan, changed,
 * and given to the table's access method, as logical replication's worker does
 * (execReplication.c), with our triggers' work done in between.
 *
 * trainjob_plan_direct() looks at the table once, until it changes, and says
 * no to all that only the executor does right: partitions and children, rules,
 * generated columns, other people's triggers, constraints on the columns that
 * the update sets, and where Citus may have the row elsewhere.  trainjob_direct_update() says so of a row: it is not there
 * (a distributed engine keeps it elsewhere), somebody else is changing it, or
 * a trigger touched a column that an index or a constraint looks at.  Then
 * nothing has happened and the caller takes SQL, which gets all of that right.
 *
 * Privileges are the caller's: trainjob_open_table() has checked them, and he
 * has become the table's owner, whom row-level security does not restrict.
 * He holds RowExclusiveLock on the table.
 *
 * No lock is taken on the row before it is updated, unlike by the executor for
 * a BEFORE trigger's sake: a version that is not the newest any more makes the
 * update fail, and what was computed from it is thrown away.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/relscan.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "catalog/pg_trigger.h"
#include "commands/extension.h"
#include "nodes/bitmapset.h"
#include "nodes/readfuncs.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"

#include "trainjob.h"

/* In place of a trigger's number in the table's TriggerDesc. */
#define NO_TRIGGER (-1)

struct DirectUpdate
{
	Oid table;
	Oid index; /* unique, on the key alone */
	ScanKeyData key;
	Bitmapset *set;		/* the columns of the update, as TriggerData has them */
	Bitmapset *guarded; /* columns that only the executor may change */
	Bitmapset *not_null;   /* columns that must not become NULL */
	bool has_foreign_key;  /* on columns of this table */
	TriggerDesc *triggers; /* a copy: the relcache's may go at any lock */
	int before;			   /* the number of fill_job in it */
	int after;			   /* of record_status_change */
};

/* Column numbers in bitmaps are those of TriggerData.tg_updatedcols. */
#define MEMBER(attnum) ((attnum) -FirstLowInvalidHeapAttributeNumber)
#define ATTNUM(member) ((member) + FirstLowInvalidHeapAttributeNumber)

/* ----------
 * Once for a table
 * ----------
 */

/* Whether the table is one that rows can be written to by hand. */
static bool
is_plain_table(Relation rel)
{
	return rel->rd_rel->relkind == RELKIND_RELATION &&
		   rel->rd_tableam == GetHeapamTableAmRoutine() &&
		   !rel->rd_rel->relispartition && !rel->rd_rel->relhassubclass &&
		   rel->rd_rules == NULL &&
		   !trainjob_has_generated(RelationGetDescr(rel)->constr);
}

/*
 * The index that finds a row by its key, into direct->index and ->key.  False
 * where there is none, or where some index asks more of a new entry than that
 * it is made.
 */
static bool
find_key_index(Relation rel, const Column *key, DirectUpdate *direct)
{
	List *indexes = RelationGetIndexList(rel);
	Oid collation =
		TupleDescAttr(RelationGetDescr(rel), key->attnum - 1)->attcollation;
	bool is_special = false;
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		Form_pg_index form = index->rd_index;

		if (form->indisexclusion || !form->indimmediate)
			is_special = true;
		if (form->indisunique && form->indisvalid && form->indnkeyatts == 1 &&
			form->indkey.values[0] == key->attnum &&
			index->rd_indcollation[0] == collation &&
			index->rd_rel->relam == BTREE_AM_OID &&
			index->rd_opcintype[0] == key->type &&
			RelationGetIndexPredicate(index) == NIL)
		{
			Oid equal = get_opfamily_member(index->rd_opfamily[0], key->type,
											key->type, BTEqualStrategyNumber);

			direct->index = lfirst_oid(cell);
			ScanKeyEntryInitialize(&direct->key, 0, key->attnum,
								   BTEqualStrategyNumber, InvalidOid,
								   index->rd_indcollation[0], get_opcode(equal),
								   (Datum) 0);
		}
		index_close(index, NoLock);
	}
	list_free(indexes);
	return !is_special && OidIsValid(direct->index);
}

/* The columns that indexes, CHECKs and foreign keys look at. */
static void
find_guarded_columns(Relation rel, DirectUpdate *direct)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	Bitmapset *guarded = trainjob_indexed_columns(rel);
	ListCell *cell;

	for (int i = 0; constr != NULL && i < constr->num_check; i++)
	{
		Bitmapset *columns = NULL;

		pull_varattnos(stringToNode(constr->check[i].ccbin), 1, &columns);
		/* of no column, or not true of all rows: as if of the whole row */
		if (bms_is_empty(columns) || !constr->check[i].ccvalid)
			guarded = bms_add_member(guarded, MEMBER(0));
		guarded = bms_add_members(guarded, columns);
	}
	foreach (cell, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *foreign_key = lfirst(cell);

		if (foreign_key->conrelid != direct->table)
			continue;
		direct->has_foreign_key = true;
		for (int i = 0; i < foreign_key->nkeys; i++)
			guarded = bms_add_member(guarded, MEMBER(foreign_key->conkey[i]));
	}
	direct->guarded = guarded;
}

static Bitmapset *
not_null_columns(TupleDesc desc)
{
	Bitmapset *columns = NULL;

	for (int i = 0; i < desc->natts; i++)
		if (TupleDescAttr(desc, i)->attnotnull)
			columns = bms_add_member(columns, MEMBER(i + 1));
	return columns;
}

/* Whether an UPDATE of the columns in "set" fires the trigger. */
static bool
is_fired(const Trigger *trigger, const Bitmapset *set)
{
	if (!TRIGGER_FOR_UPDATE(trigger->tgtype) ||
		trigger->tgenabled == TRIGGER_DISABLED ||
		trigger->tgenabled == TRIGGER_FIRES_ON_REPLICA)
		return false;
	for (int i = 0; i < trigger->tgnattr; i++)
		if (bms_is_member(MEMBER(trigger->tgattr[i]), set))
			return true;
	return trigger->tgnattr == 0;
}

/* Takes the table's triggers in; false where one is not for us to call. */
static bool
find_own_triggers(Relation rel, DirectUpdate *direct)
{
	TriggerDesc *triggers = direct->triggers = CopyTriggerDesc(rel->trigdesc);

	direct->before = direct->after = NO_TRIGGER;
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];
		bool is_before = TRIGGER_FOR_BEFORE(trigger->tgtype);
		int *own = is_before ? &direct->before : &direct->after;
		FmgrInfo function;

		if (!is_fired(trigger, direct->set))
			continue;
		/* of foreign keys, whose columns are guarded */
		if (trigger->tgisinternal &&
			RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_NONE)
			continue;
		if (!TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgqual != NULL ||
			trigger->tgisinternal || *own != NO_TRIGGER)
			return false;
		fmgr_info(trigger->tgfoid, &function);
		if (function.fn_addr !=
			(is_before ? trainjob_fill_job : trainjob_record_status_change))
			return false;
		*own = i;
	}
	return true;
}

/*
 * trainjob_plan_direct
 *		Prepares updates of the columns in "set" (numbered as in
 *		TriggerData.tg_updatedcols) of the row with a given key.
 *
 * Returns NULL where SQL must do it.  "rel" must be open.  The result lies in
 * the current memory context; it is good until the relcache says that the
 * table changed.
 */
DirectUpdate *
trainjob_plan_direct(Relation rel, const Column *key, Bitmapset *set)
{
	DirectUpdate *direct = palloc0(sizeof(DirectUpdate));

	direct->table = RelationGetRelid(rel);
	direct->set = set;
	/* a row left behind in a table that Citus distributed is not the job's */
	if (OidIsValid(get_extension_oid("citus", true)) || !is_plain_table(rel) ||
		!find_key_index(rel, key, direct) || !find_own_triggers(rel, direct))
		return NULL;
	find_guarded_columns(rel, direct);
	direct->not_null = not_null_columns(RelationGetDescr(rel));
	return bms_overlap(direct->guarded, set) ? NULL : direct;
}

/* ----------
 * For each row
 * ----------
 */

/* Whether the new row leaves alone what only the executor may change. */
static bool
is_unguarded(DirectUpdate *direct, TupleTableSlot *old_row,
			 TupleTableSlot *new_row)
{
	int member = -1;

	while ((member = bms_next_member(direct->not_null, member)) >= 0)
		if (new_row->tts_isnull[ATTNUM(member) - 1])
			return false;
	member = -1;
	while ((member = bms_next_member(direct->guarded, member)) >= 0)
	{
		AttrNumber attnum = ATTNUM(member);

		if (attnum <= 0)
			return false; /* a system column, or the whole row */
		if (!trainjob_same_attribute(old_row, new_row, attnum))
			return false;
	}
	return true;
}

/* Enters a row that found no place beside its predecessor into the indexes. */
static void
insert_index_entries(Relation rel, TupleTableSlot *row,
					 TU_UpdateIndexes indexes)
{
	EState *estate = CreateExecutorState();
	ResultRelInfo *target = makeNode(ResultRelInfo);

	InitResultRelInfo(target, rel, 0, NULL, 0);
	ExecOpenIndices(target, false);
	trainjob_insert_index_tuples(target, row, estate, indexes);
	ExecCloseIndices(target);
	FreeExecutorState(estate);
}

/* Puts the old row with what the caller changes into a virtual slot. */
static bool
change_row(TupleTableSlot *old_row, TupleTableSlot *new_row,
		   DirectChange change, void *arg)
{
	TupleDesc desc = old_row->tts_tupleDescriptor;

	slot_getallattrs(old_row);
	for (int i = 0; i < desc->natts; i++)
	{
		new_row->tts_values[i] = old_row->tts_values[i];
		new_row->tts_isnull[i] =
			old_row->tts_isnull[i] || TupleDescAttr(desc, i)->attisdropped;
	}
	ExecStoreVirtualTuple(new_row);
	return change(old_row, new_row->tts_values, new_row->tts_isnull, arg);
}

/* Stores the new row, unless somebody else has changed the old one. */
static bool
store_row(Relation rel, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	TupleDesc desc = RelationGetDescr(rel);
	TupleTableSlot *row = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	TU_UpdateIndexes indexes;
	bool stored;

	ExecStoreHeapTuple(heap_form_tuple(desc, new_row->tts_values,
									   new_row->tts_isnull),
					   row, true);
	stored = trainjob_tuple_update(rel, &old_row->tts_tid, row,
								   GetCurrentCommandId(true),
								   GetActiveSnapshot(), &indexes) == TM_Ok;
	if (stored && indexes != TU_None)
		insert_index_entries(rel, row, indexes);
	ExecDropSingleTupleTableSlot(row);
	return stored;
}

/* Calls record_status_change as the trigger manager does. */
static void
record_change(DirectUpdate *direct, TriggerData *trigdata)
{
	LOCAL_FCINFO(fcinfo, 0);

	trigdata->tg_event =
		TRIGGER_EVENT_UPDATE | TRIGGER_EVENT_ROW | TRIGGER_EVENT_AFTER;
	trigdata->tg_trigger = &direct->triggers->triggers[direct->after];
	InitFunctionCallInfoData(*fcinfo, NULL, 0, InvalidOid, (Node *) trigdata,
							 NULL);
	(void) trainjob_record_status_change(fcinfo);
}

/* Updates the row that was found. */
static DirectResult
update_found(DirectUpdate *direct, Relation rel, TupleTableSlot *old_row,
			 HeapTuple old_tuple, DirectChange change, void *arg)
{
	TupleTableSlot *new_row =
		MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	TriggerData trigdata = {.type = T_TriggerData,
							.tg_event = TRIGGER_EVENT_UPDATE |
										TRIGGER_EVENT_ROW |
										TRIGGER_EVENT_BEFORE,
							.tg_relation = rel,
							.tg_trigtuple = old_tuple,
							.tg_trigslot = old_row,
							.tg_newslot = new_row,
							.tg_updatedcols = direct->set};
	DirectResult result = DIRECT_DECLINED;

	if (change_row(old_row, new_row, change, arg))
	{
		if (direct->before != NO_TRIGGER)
		{
			trigdata.tg_trigger = &direct->triggers->triggers[direct->before];
			trainjob_fill_job_slot(&trigdata);
		}
		result = DIRECT_IMPOSSIBLE;
		if (is_unguarded(direct, old_row, new_row) &&
			store_row(rel, old_row, new_row))
		{
			if (direct->after != NO_TRIGGER)
				record_change(direct, &trigdata);
			result = DIRECT_DONE;
		}
	}
	ExecDropSingleTupleTableSlot(new_row);
	return result;
}

/*
 * trainjob_direct_update
 *		Updates the row with this key as "change" says.
 *
 * DIRECT_DONE: it is done, triggers included.  DIRECT_DECLINED: "change" did
 * not want to, by a row that may have been updated since.  DIRECT_IMPOSSIBLE:
 * SQL must do it.  In the last two cases nothing has happened.  Leaves garbage
 * in the current memory context.  Not for transactions with one snapshot for
 * all: see trainjob_execute().
 */
DirectResult
trainjob_direct_update(DirectUpdate *direct, Datum key, DirectChange change,
					   void *arg)
{
	DirectResult result = DIRECT_IMPOSSIBLE;
	ScanKeyData scan_key = direct->key;
	Relation rel;
	SysScanDesc scan;
	HeapTuple tuple;

	if (IsolationUsesXactSnapshot() || XactReadOnly ||
		SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return DIRECT_IMPOSSIBLE;
	rel = table_open(direct->table, NoLock);
	CheckCmdReplicaIdentity(rel, CMD_UPDATE);
	scan_key.sk_argument = key;
	CommandCounterIncrement(); /* own work must be visible */
	PushActiveSnapshot(GetTransactionSnapshot());
	scan = systable_beginscan(rel, direct->index, true, GetActiveSnapshot(), 1,
							  &scan_key);
	tuple = systable_getnext(scan);
	/* a deferred check of an INSERT looks at the newest version only */
	if (tuple != NULL && !(direct->has_foreign_key &&
						   TransactionIdIsCurrentTransactionId(
							   HeapTupleHeaderGetXmin(tuple->t_data))))
		result = update_found(direct, rel, scan->slot, tuple, change, arg);
	systable_endscan(scan);
	PopActiveSnapshot();
	table_close(rel, NoLock);
	return result;
}
