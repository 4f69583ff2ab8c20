/*
 * job_preview.c
 *	  What fill_job would make of a change, with nothing stored.
 */
#include "postgres.h"

#include "catalog/pg_trigger.h"
#include "commands/trigger.h"

#include "jobs/job_fill.h"
#include "jobs/job_preview.h"

/* A call of fill_job as by an UPDATE. */
typedef struct Preview
{
	TriggerData trigdata;
	Trigger trigger;
} Preview;

/* The table's trigger of fill_job, false if it has none that fires. */
static bool
find_fill_trigger(Relation rel, Trigger *found)
{
	TriggerDesc *triggers = rel->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
	{
		Trigger *trigger = &triggers->triggers[i];
		FmgrInfo function;

		if (!TRIGGER_FOR_BEFORE(trigger->tgtype) ||
			!TRIGGER_FOR_ROW(trigger->tgtype) ||
			!TRIGGER_FOR_UPDATE(trigger->tgtype) ||
			trigger->tgenabled == TRIGGER_DISABLED)
			continue;
		fmgr_info(trigger->tgfoid, &function);
		if (function.fn_addr != trainjob_fill_job)
			continue;
		*found = *trigger;
		return true;
	}
	return false;
}

static void
call_fill_job(JobChange *change, void *arg)
{
	trainjob_fill_job_slot(&((Preview *) arg)->trigdata);
}

/* Whether one of the columns that is NULL in one row is not in the other. */
static bool
is_filled(TupleTableSlot *row, TupleTableSlot *changed, const JobTable *jobs,
		  const int *columns, int count)
{
	for (int i = 0; i < count; i++)
	{
		const Column *column = &jobs->column[columns[i]];

		if (column->attnum != 0 && trainjob_row_value(row, column).isnull &&
			!trainjob_row_value(changed, column).isnull)
			return true;
	}
	return false;
}

bool
trainjob_would_fill(Relation rel, TupleTableSlot *row, JobChange *change,
					const int *columns, int count)
{
	Preview preview = {.trigdata = {.type = T_TriggerData,
									.tg_event = TRIGGER_EVENT_UPDATE |
												TRIGGER_EVENT_ROW |
												TRIGGER_EVENT_BEFORE,
									.tg_relation = rel,
									.tg_trigslot = row}};
	TupleTableSlot *filled;
	bool would = false;

	if (!find_fill_trigger(rel, &preview.trigger))
		return false;
	filled = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	ExecCopySlot(filled, row);
	preview.trigdata.tg_trigger = &preview.trigger;
	preview.trigdata.tg_newslot = filled;
	if (trainjob_change_row(row, filled->tts_values, filled->tts_isnull,
							change))
	{
		change->is_preview = true;
		trainjob_make_change(change, call_fill_job, &preview);
		change->is_preview = false;
		would = is_filled(row, filled, change->jobs, columns, count);
	}
	ExecDropSingleTupleTableSlot(filled);
	return would;
}
