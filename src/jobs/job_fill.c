/*
 * job_fill.c
 *	  The trigger that completes a job's row.
 *
 * fill_job sees every INSERT and UPDATE of a job, the application's own, those
 * of the metrics roll-up and those of alerts, and is the only place that
 * derives columns of a job from each other: counts from the dataset or the
 * configuration, total_steps from both, progress, timestamps from the status.
 *
 * A writer means a value that is another than the stored one, and no other: what
 * a SET list names beside says nothing, for object mappers save whole rows.  Nor
 * may a row that was read long ago bring back what it held then (old_copy.c).
 *
 * A row that is complete is left exactly as it is, for it may come from a
 * dump.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "utils/builtins.h"

#include "jobs/config_out.h"
#include "jobs/job_counts.h"
#include "jobs/job_fill.h"
#include "jobs/job_row.h"
#include "jobs/job_times.h"
#include "jobs/job_total.h"
#include "jobs/old_copy.h"
#include "status/status.h"
#include "pg/trigger_call.h"
#include "tables/set.h"
#include "tables/value_write.h"

PG_FUNCTION_INFO_V1(trainjob_fill_job);

/* Whether a report or an alert does it. */
static bool
is_of_trainer(JobFill *fill)
{
	return fill->change != NULL &&
		   (fill->change->by == FROM_REPORTS || fill->change->by == FROM_ALERT);
}

/* Whether a column of the table is one that stays as it is stored. */
static bool
is_kept(JobFill *fill, AttrNumber attnum)
{
	for (int i = 0; fill->kept != 0 && i < JOB_COLUMNS; i++)
		if (fill->part->column[i].attnum == attnum &&
			(fill->kept & GIVEN(i)) != 0)
			return true;
	return false;
}

/*
 * Whether the row is another than before the statement.  A report or an alert
 * writes nothing else, but for what it proves of a total.
 */
static bool
row_differs(JobFill *fill)
{
	TupleDesc desc = RelationGetDescr(fill->trigdata->tg_relation);

	if (is_of_trainer(fill) && fill->change->evidence != EVIDENCE_GIVEN)
		return true;
	for (int i = 0; i < JOB_COLUMNS; i++)
		if (fill->filled[i] && (fill->as_stored & GIVEN(i)) == 0)
			return true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !att->attgenerated && !is_kept(fill, i + 1) &&
			!trainjob_same_attribute(fill->old_row, fill->new_row, i + 1))
			return true;
	}
	return false;
}

/* What was filled, as column numbers and values to store. */
typedef struct FilledColumns
{
	int count;
	int attnum[JOB_COLUMNS];
	Datum datum[JOB_COLUMNS];
	bool isnull[JOB_COLUMNS];
} FilledColumns;

static void
store_filled(JobFill *fill, FilledColumns *filled)
{
	int n = 0;

	for (int i = 0; i < JOB_COLUMNS; i++)
	{
		if (!fill->filled[i])
			continue;
		filled->attnum[n] = fill->part->column[i].attnum;
		if ((fill->as_stored & GIVEN(i)) != 0)
			filled->datum[n] =
				stored(fill, fill->old_row, i, &filled->isnull[n]);
		else
			filled->datum[n] =
				trainjob_write_value(&fill->part->column[i], &fill->value[i],
									 &filled->isnull[n]);
		n++;
	}
	if (trainjob_move_config_out(fill, &filled->datum[n]))
	{
		filled->attnum[n] = fill->part->column[JOB_CONFIG].attnum;
		filled->isnull[n] = false;
		n++;
	}
	filled->count = n;
}

/* Whether the statement says something of total_steps, or what it is made of. */
static bool
says_total(JobFill *fill)
{
	static const JobColumn results[] = {JOB_TOTAL_STEPS, JOB_TOTAL_STEPS_SOURCE,
										JOB_TOTAL_EPOCHS,
										JOB_EXPECTED_TOTAL_STEPS};

	for (int i = 0; i < lengthof(results); i++)
		if (said(fill, results[i]))
			return true;
	return trainjob_says_input(fill) || fill->is_unfilled;
}

/*
 * A row that says where its total_steps came from was filled before, as was one
 * that says why it has none.
 */
static bool
is_complete(JobFill *fill)
{
	if (is_null(fill, JOB_TOTAL_STEPS))
		return trainjob_source_of(
				   value_now(fill, JOB_TOTAL_STEPS_SOURCE).text) ==
			   SOURCE_DISPROVED;
	if (has_column(fill, JOB_TOTAL_STEPS_SOURCE))
		return !is_null(fill, JOB_TOTAL_STEPS_SOURCE);
	return !is_null(fill, JOB_EXPECTED_TOTAL_STEPS);
}

/*
 * Whether a new row has been a row before: it came to its end by a change of
 * status, or ended and was last written in another transaction.  It comes from
 * a dump, and no dataset that came after its end is to fill it.
 */
static bool
ended_elsewhere(JobFill *fill, JobState state)
{
	Value updated = value_now(fill, JOB_UPDATED_AT);

	if (fill->is_update || !trainjob_has_ended(state))
		return false;
	return !is_null(fill, JOB_STATUS_CHANGED_AT) ||
		   (!updated.isnull &&
			updated.time < GetCurrentTransactionStartTimestamp());
}

/* No run has less than one step: such a total says that it is not known. */
static void
drop_impossible_total(JobFill *fill)
{
	Value total = value_now(fill, JOB_TOTAL_STEPS);

	if (total.isnull || total.count > 0 || !said(fill, JOB_TOTAL_STEPS))
		return;
	fill_null(fill, JOB_TOTAL_STEPS);
	fill_null(fill, JOB_TOTAL_STEPS_SOURCE);
}

/* When the row last changed: what the writer says, but never back. */
static void
follow_row(JobFill *fill)
{
	TimestampTz start = GetCurrentTransactionStartTimestamp();
	Value before = value_before(fill, JOB_UPDATED_AT);

	if (fill->change == NULL && changed(fill, JOB_UPDATED_AT))
	{
		Value now = value_now(fill, JOB_UPDATED_AT);

		if (before.isnull || (!now.isnull && now.time > before.time))
			return;
		keep(fill, JOB_UPDATED_AT);
	}
	if ((before.isnull || before.time < start) && row_differs(fill))
		fill_time(fill, JOB_UPDATED_AT, start);
}

/*
 * When a report or an alert last changed the row, by a clock that never stands:
 * the version of what reports say, see old_copy.c.
 */
static void
follow_reports(JobFill *fill)
{
	TimestampTz now;
	Value before;

	if (!is_of_trainer(fill) || !has_column(fill, JOB_LAST_SEEN_AT) ||
		!row_differs(fill))
		return;
	now = GetCurrentTimestamp();
	before = value_before(fill, JOB_LAST_SEEN_AT);
	fill_time(fill, JOB_LAST_SEEN_AT,
			  before.isnull || before.time < now ? now : before.time + 1);
}

static void
fill_row(JobFill *fill)
{
	JobState state;

	if (fill->is_update && fill->change == NULL)
		trainjob_settle_copy(fill);
	state = trainjob_follow_status(fill);
	drop_impossible_total(fill);
	if (fill->is_update ? says_total(fill) || trainjob_restarts(fill)
						: !is_complete(fill))
	{
		Jsonb *config = trainjob_config_of(fill, fill->new_row);

		if (!ended_elsewhere(fill, state))
			trainjob_fill_counts(fill, config);
		trainjob_fill_total_steps(fill, config);
	}
	trainjob_follow_progress(fill, state);
	if (!fill->is_update)
		return;
	follow_row(fill);
	follow_reports(fill);
}

/* Works out what to fill in the row of a trigger call. */
static void
fill_called(TriggerData *trigdata, FilledColumns *filled)
{
	JobFill fill = {.trigdata = trigdata, .found = {-1, -1, -1}};

	fill.set = trainjob_get_own(trigdata, "fill_job", TABLE_JOBS,
								trainjob_build_fill_part);
	fill.part = fill.set->part;
	fill.is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	fill.new_row =
		fill.is_update ? trigdata->tg_newslot : trigdata->tg_trigslot;
	fill.old_row = fill.is_update ? trigdata->tg_trigslot : NULL;
	fill.change = trainjob_change_of(fill.new_row, &fill.part->key);
	fill_row(&fill);
	if (!fill.is_update)
		trainjob_remember_proposed(&fill);
	store_filled(&fill, filled);
}

/*
 * fill_job
 *		BEFORE INSERT OR UPDATE FOR EACH ROW on a jobs table.
 *
 * Arguments: datasets=schema.name (optional), jobs.column=name,
 * datasets.column=name.
 */
Datum
trainjob_fill_job(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "fill_job",
									TRAINJOB_BEFORE_ROW | TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	HeapTuple tuple = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)
						  ? trigdata->tg_newtuple
						  : trigdata->tg_trigtuple;
	FilledColumns filled;

	fill_called(trigdata, &filled);
	if (filled.count > 0)
		tuple =
			heap_modify_tuple_by_cols(tuple,
									  RelationGetDescr(trigdata->tg_relation),
									  filled.count, filled.attnum, filled.datum,
									  filled.isnull);
	return PointerGetDatum(tuple);
}

void
trainjob_fill_job_slot(TriggerData *trigdata)
{
	TupleTableSlot *row = trigdata->tg_newslot;
	FilledColumns filled;

	fill_called(trigdata, &filled);
	for (int i = 0; i < filled.count; i++)
	{
		row->tts_values[filled.attnum[i] - 1] = filled.datum[i];
		row->tts_isnull[filled.attnum[i] - 1] = filled.isnull[i];
	}
}
