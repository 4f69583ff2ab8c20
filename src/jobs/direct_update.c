/*
 * direct_update.c
 *	  Updating one row by its key without a plan.
 *
 * Most of what a report costs beyond its own INSERT is the start and the end
 * of a query around the UPDATE of its job.  There are two ways without:
 *
 * By the heap, where nobody but triggers of ours would notice the difference:
 * the row is found by an index scan (tables/direct_find.c), changed, and given
 * to the table's access method, with our triggers' work done in between.  Not
 * where the table has generated columns, other people's triggers, or constraints
 * and indexes on the columns that the update sets; nor for a row of which a
 * trigger of ours changed a column that those look at.  No lock is taken on the
 * row first: a version that is not the newest any more makes the update fail,
 * and what was computed from it is thrown away.  Then the row is looked for
 * again, as a new statement would, which sees what the other has committed;
 * MAX_LOOKS times, for nobody queues for the row this way.
 *
 * By the executor's update of one row, as logical replication's worker does
 * (execReplication.c), where the first is not open: the row is locked, changed,
 * and given to ExecSimpleRelationUpdate() with all triggers, constraints and
 * indexes of the table.
 *
 * trainjob_plan_direct() looks at the table once, until it changes.  Where
 * neither will do (rules, transition tables, all that tables/direct_find.c does
 * not find), the caller takes a query.
 *
 * The caller has checked privileges (trainjob_open_table()), runs as the table's
 * owner, whom row-level security does not restrict, and holds RowExclusiveLock.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "nodes/bitmapset.h"
#include "nodes/readfuncs.h"
#include "optimizer/optimizer.h"
#include "utils/snapmgr.h"

#include "jobs/dataset.h"
#include "jobs/direct_update.h"
#include "jobs/job_fill.h"
#include "jobs/status_change.h"
#include "pg/compat.h"
#include "pg/tuple_patch.h"

/* In place of a trigger's number in the table's TriggerDesc. */
#define NO_TRIGGER (-1)

/* How often a row is looked for that others have changed meanwhile. */
#define MAX_LOOKS 5

struct DirectUpdate
{
	DirectFind find;	/* by the key */
	Bitmapset *set;		/* the columns of the update, as TriggerData has them */
	Bitmapset *guarded; /* columns that only the executor may change */
	Bitmapset *not_null;  /* columns that must not become NULL */
	bool has_foreign_key; /* on columns of this table */
	bool by_heap;		  /* else only by the executor */
	bool by_executor;
	TriggerDesc *triggers; /* a copy: the relcache's may go at any lock */
	int before;			   /* the number of fill_job in it */
	int after;			   /* of record_status_change */

	/* for the executor, which would make them anew for each row */
	ExprState **checks;
	FmgrInfo *functions; /* of the triggers */
};

/* One call of trainjob_direct_update(). */
typedef struct DirectCall
{
	DirectUpdate *direct;
	DirectChange change;
	void *arg;
	DirectResult result;
	bool outrun; /* somebody else changed the row meanwhile */
} DirectCall;

/* Column numbers in bitmaps are those of TriggerData.tg_updatedcols. */
#define MEMBER(attnum) ((attnum) -FirstLowInvalidHeapAttributeNumber)
#define ATTNUM(member) ((member) + FirstLowInvalidHeapAttributeNumber)

/* ----------
 * Once for a table
 * ----------
 */

/* Whether each index asks no more of a new entry than that it is made. */
static bool
has_plain_indexes(Relation rel)
{
	List *indexes = RelationGetIndexList(rel);
	bool plain = true;
	ListCell *cell;

	foreach (cell, indexes)
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);

		if (index->rd_index->indisexclusion || !index->rd_index->indimmediate)
			plain = false;
		index_close(index, NoLock);
	}
	list_free(indexes);
	return plain;
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
		fmgr_info(trigger->tgfoid, &function);
		/* a report makes no job wait for its dataset that did not before */
		if (!is_before && trigger->tgqual == NULL &&
			function.fn_addr == trainjob_await_dataset)
			continue;
		/* of foreign keys, whose columns are guarded */
		if (trigger->tgisinternal &&
			RI_FKey_trigger_type(trigger->tgfoid) != RI_TRIGGER_NONE)
			continue;
		if (!TRIGGER_FOR_ROW(trigger->tgtype) || trigger->tgqual != NULL ||
			trigger->tgisinternal || trigger->tgdeferrable ||
			*own != NO_TRIGGER)
			return false;
		if (function.fn_addr !=
			(is_before ? trainjob_fill_job : trainjob_record_status_change))
			return false;
		*own = i;
	}
	return true;
}

/* Whether the executor's update of a row is all that an UPDATE does here. */
static bool
executor_will_do(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;

	/* it collects no rows for transition tables, and rewrites no query */
	return rel->rd_rules == NULL &&
		   (triggers == NULL || (!triggers->trig_update_old_table &&
								 !triggers->trig_update_new_table));
}

DirectUpdate *
trainjob_plan_direct(Relation rel, const DirectFind *find, Bitmapset *set)
{
	DirectUpdate *direct = palloc0(sizeof(DirectUpdate));

	direct->find = *find;
	direct->set = bms_copy(set);
	if (!OidIsValid(find->index))
		return NULL;
	find_guarded_columns(rel, direct);
	direct->not_null = not_null_columns(RelationGetDescr(rel));
	direct->by_heap = !trainjob_has_generated(RelationGetDescr(rel)->constr) &&
					  has_plain_indexes(rel) &&
					  find_own_triggers(rel, direct) &&
					  !bms_overlap(direct->guarded, set);
	direct->by_executor = executor_will_do(rel);
	return direct->by_heap || direct->by_executor ? direct : NULL;
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

/* The new row as a tuple: mostly the old one with other numbers. */
static HeapTuple
form_row(HeapTuple old_tuple, TupleTableSlot *old_row, TupleTableSlot *new_row)
{
	TupleDesc desc = old_row->tts_tupleDescriptor;
	int *attnums = palloc(desc->natts * sizeof(int));
	Datum *values = palloc(desc->natts * sizeof(Datum));
	bool *isnull = palloc(desc->natts * sizeof(bool));
	int count = 0;

	for (int i = 0; i < desc->natts; i++)
	{
		if (new_row->tts_isnull[i] == old_row->tts_isnull[i] &&
			(new_row->tts_isnull[i] ||
			 new_row->tts_values[i] == old_row->tts_values[i]))
			continue;
		attnums[count] = i + 1;
		values[count] = new_row->tts_values[i];
		isnull[count++] = new_row->tts_isnull[i];
	}
	return trainjob_patch_tuple(old_tuple, desc, count, attnums, values,
								isnull);
}

/* Stores the new row, if the result is TM_Ok: the old one is the newest. */
static TM_Result
store_row(Relation rel, HeapTuple old_tuple, TupleTableSlot *old_row,
		  TupleTableSlot *new_row)
{
	TupleDesc desc = RelationGetDescr(rel);
	TupleTableSlot *row = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	TU_UpdateIndexes indexes;
	TM_Result result;

	ExecStoreHeapTuple(form_row(old_tuple, old_row, new_row), row, true);
	result = trainjob_tuple_update(rel, &old_row->tts_tid, row,
								   GetCurrentCommandId(true),
								   GetActiveSnapshot(), &indexes);
	if (result == TM_Ok && indexes != TU_None)
		insert_index_entries(rel, row, indexes);
	ExecDropSingleTupleTableSlot(row);
	return result;
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

/* A DirectVisit: updates the row that was found, which is the only one. */
static bool
update_found(Relation rel, TupleTableSlot *old_row, void *arg)
{
	DirectCall *call = arg;
	DirectUpdate *direct = call->direct;
	HeapTuple old_tuple = ExecFetchSlotHeapTuple(old_row, false, NULL);
	TupleTableSlot *new_row;
	TriggerData trigdata = {.type = T_TriggerData,
							.tg_event = TRIGGER_EVENT_UPDATE |
										TRIGGER_EVENT_ROW |
										TRIGGER_EVENT_BEFORE,
							.tg_relation = rel,
							.tg_trigtuple = old_tuple,
							.tg_trigslot = old_row,
							.tg_updatedcols = direct->set};

	/* a deferred check of an INSERT looks at the newest version only */
	if (direct->has_foreign_key &&
		TransactionIdIsCurrentTransactionId(
			HeapTupleHeaderGetXmin(old_tuple->t_data)))
		return false;
	CheckCmdReplicaIdentity(rel, CMD_UPDATE);
	new_row = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	trigdata.tg_newslot = new_row;
	if (!change_row(old_row, new_row, call->change, call->arg))
		call->result = DIRECT_DECLINED;
	else
	{
		if (direct->before != NO_TRIGGER)
		{
			trigdata.tg_trigger = &direct->triggers->triggers[direct->before];
			trainjob_fill_job_slot(&trigdata);
		}
		if (is_unguarded(direct, old_row, new_row))
		{
			TM_Result stored = store_row(rel, old_tuple, old_row, new_row);

			if (stored == TM_Ok && direct->after != NO_TRIGGER)
				record_change(direct, &trigdata);
			if (stored == TM_Ok)
				call->result = DIRECT_DONE;
			call->outrun = stored == TM_Updated;
		}
	}
	ExecDropSingleTupleTableSlot(new_row);
	return false;
}

/*
 * Compiles the table's CHECKs, which executes some of what is in them, and looks
 * its trigger functions up.  The current user is the table's owner.
 */
static void
prepare_for_executor(Relation rel, DirectUpdate *direct)
{
	MemoryContext context = GetMemoryChunkContext(direct);
	MemoryContext caller = MemoryContextSwitchTo(context);
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	TriggerDesc *triggers = rel->trigdesc;
	int checks = constr == NULL ? 0 : constr->num_check;
	int functions = triggers == NULL ? 0 : triggers->numtriggers;

	/* in which a virtual column stands for its expression: not for us to see to */
	if (!trainjob_has_virtual(constr))
		direct->checks = palloc0((checks + 1) * sizeof(ExprState *));
	for (int i = 0; direct->checks != NULL && i < checks; i++)
		direct->checks[i] = ExecInitExpr(
			expression_planner(stringToNode(constr->check[i].ccbin)), NULL);
	direct->functions = palloc0((functions + 1) * sizeof(FmgrInfo));
	for (int i = 0; i < functions; i++)
		fmgr_info_cxt(triggers->triggers[i].tgfoid, &direct->functions[i],
					  context);
	MemoryContextSwitchTo(caller);
}

/*
 * Updates a row by the executor, with all that this does: triggers, constraints,
 * generated columns, indexes, publications.  The caller has locked it.  False
 * where a trigger kept the row as it is.
 */
static bool
execute_update(Relation rel, DirectUpdate *direct, TupleTableSlot *old_row,
			   TupleTableSlot *new_row)
{
	EState *estate = CreateExecutorState();
	ResultRelInfo *target = makeNode(ResultRelInfo);
	EPQState recheck;

	if (direct->functions == NULL)
		prepare_for_executor(rel, direct);
	trainjob_init_range_table(estate, rel, direct->set);
	estate->es_output_cid = GetCurrentCommandId(true);
	estate->es_snapshot = GetActiveSnapshot();
	InitResultRelInfo(target, rel, 1, NULL, 0);
	trainjob_set_checks(target, direct->checks);
	if (target->ri_TrigDesc != NULL)
		target->ri_TrigFunctions = direct->functions;
	/* where AFTER triggers look for it, as in logical replication's worker */
	estate->es_opened_result_relations = list_make1(target);
	trainjob_init_recheck(&recheck, estate);
	AfterTriggerBeginQuery();
	ExecBSUpdateTriggers(estate, target);
	ExecOpenIndices(target, false);
	ExecSimpleRelationUpdate(target, estate, &recheck, old_row, new_row);
	ExecCloseIndices(target);
	ExecASUpdateTriggers(estate, target, NULL);
	AfterTriggerEndQuery(estate);
	EvalPlanQualEnd(&recheck);
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
	return ItemPointerIsValid(&new_row->tts_tid); /* where it was stored */
}

/* A DirectVisit: the same as update_found(), for a row that is locked. */
static bool
update_locked(Relation rel, TupleTableSlot *old_row, void *arg)
{
	DirectCall *call = arg;
	TupleTableSlot *new_row =
		MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);

	call->result = DIRECT_DECLINED;
	if (change_row(old_row, new_row, call->change, call->arg) &&
		execute_update(rel, call->direct, old_row, new_row))
		call->result = DIRECT_DONE;
	ExecDropSingleTupleTableSlot(new_row);
	return false;
}

DirectResult
trainjob_direct_update(DirectUpdate *direct, Datum key, DirectChange change,
					   void *arg)
{
	DirectCall call = {direct, change, arg, DIRECT_IMPOSSIBLE, false};
	int looks = 0;

	if (XactReadOnly)
		return DIRECT_IMPOSSIBLE;
	if (direct->by_heap &&
		SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		do
		{
			call.outrun = false;
			(void) trainjob_find_rows(&direct->find, key, update_found, &call);
		} while (call.outrun && ++looks < MAX_LOOKS);
	if (call.result == DIRECT_IMPOSSIBLE && direct->by_executor)
		(void) trainjob_lock_row(&direct->find, key, update_locked, &call);
	return call.result;
}
