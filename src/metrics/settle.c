/*
 * settle.c
 *	  The long way up: whatever is not ahead of all before.
 *
 * The first report, an evaluation, a report that comes late or twice, a change
 * of status, an UPDATE of reports.  The job is locked, the metrics table asked
 * which value is the newest where the reports at hand do not say (newest.c), and
 * only what differs is written.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "jobs/direct_update.h"
#include "jobs/job_change.h"
#include "jobs/status.h"
#include "metrics/newest.h"
#include "metrics/settle.h"
#include "steps/steps.h"
#include "tables/query.h"
#include "tables/value_write.h"

/* A job as it was locked, and as it will be. */
typedef struct JobRow
{
	Datum stored[ROLL_COLUMNS];
	bool stored_null[ROLL_COLUMNS];
	Value value[ROLL_COLUMNS];
	Value total_steps;
	Value total_steps_source;
	Value total_epochs;
} JobRow;

/* SELECT columns FROM jobs WHERE id = $1 FOR NO KEY UPDATE */
static SPIPlanPtr
lock_plan(RollUp *roll)
{
	RollUpPart *part = roll->part;
	StringInfoData query;

	if (roll->set->plan[QUERY_LOCK] != NULL)
		return roll->set->plan[QUERY_LOCK];
	initStringInfo(&query);
	appendStringInfo(&query, "SELECT %s, %s, %s",
					 trainjob_selected(&part->total_steps),
					 trainjob_selected(&part->total_steps_source),
					 trainjob_selected(&part->total_epochs));
	for (int i = 0; i < ROLL_COLUMNS; i++)
		appendStringInfo(&query, ", %s", trainjob_selected(&part->job[i]));
	appendStringInfo(&query,
					 " FROM %s WHERE %s OPERATOR(pg_catalog.=) $1"
					 " FOR NO KEY UPDATE",
					 roll->set->table[TABLE_JOBS].quoted,
					 quote_identifier(part->key.name));
	return trainjob_keep_plan(roll->set, QUERY_LOCK, query.data, 1,
							  &part->key.type);
}

/* Reads a job into the current memory context. */
static void
read_job(RollUpPart *part, const FoundRow *row, JobRow *job)
{
	job->total_steps = trainjob_found_value(row, 1, &part->total_steps);
	job->total_steps_source =
		trainjob_found_value(row, 2, &part->total_steps_source);
	job->total_epochs = trainjob_found_value(row, 3, &part->total_epochs);
	for (int i = 0; i < ROLL_COLUMNS; i++)
	{
		Column *column = &part->job[i];
		Datum datum =
			trainjob_found_datum(row, 4 + i, column, &job->stored_null[i]);

		job->value[i] = trainjob_read_value(column, datum, job->stored_null[i]);
		job->stored[i] =
			job->stored_null[i]
				? (Datum) 0
				: datumCopy(datum, column->typbyval, column->typlen);
	}
}

/* A job that is being locked. */
typedef struct JobLock
{
	RollUpPart *part;
	JobRow *job;
	bool found;
} JobLock;

/* A DirectVisit. */
static bool
see_job(Relation rel, TupleTableSlot *row, void *arg)
{
	JobLock *lock = arg;
	FoundRow found = {.slot = row};

	read_job(lock->part, &found, lock->job);
	lock->found = true;
	return false;
}

static void
lock_by_sql(RollUp *roll, Datum job_id, JobLock *lock)
{
	MemoryContext memory = CurrentMemoryContext;
	FoundRow found = {0};

	SPI_connect();
	lock->found =
		trainjob_execute(lock_plan(roll), SPI_OK_SELECT, &job_id, NULL) > 0;
	MemoryContextSwitchTo(memory);
	if (lock->found)
		read_job(lock->part, &found, lock->job);
	SPI_finish();
}

/* Locks and reads a job; false where there is none. */
static bool
lock_job(RollUp *roll, Datum job_id, JobRow *job)
{
	JobLock lock = {roll->part, job, false};

	if (!roll->set->valid ||
		!trainjob_lock_row(&roll->part->find_job, job_id, see_job, &lock))
		lock_by_sql(roll, job_id, &lock);
	return lock.found;
}

/* Takes the best evaluation from the metrics table. */
static void
take_best(RollUp *roll, JobReports *reports, JobRow *job)
{
	BestEvaluation best;

	trainjob_read_best(roll->set, &roll->part->metric, reports->job_id, &best);
	job->value[ROLL_BEST_EVAL_LOSS] = best.loss;
	job->value[ROLL_BEST_STEP] = best.step;
	job->value[ROLL_BEST_EPOCH] = best.epoch;
}

static void
settle_best(RollUp *roll, JobReports *reports, JobRow *job)
{
	Value *best = &job->value[ROLL_BEST_EVAL_LOSS];
	Value *step = &job->value[ROLL_BEST_STEP];

	if (reports->replaced_best && !best->isnull &&
		reports->old_best <= best->number)
		take_best(roll, reports, job);
	else if (reports->has_best &&
			 (best->isnull || reports->best < best->number ||
			  (reports->best == best->number &&
			   (step->isnull || reports->best_step < step->count))))
	{
		*best = (Value){.number = reports->best};
		*step = (Value){.count = reports->best_step};
		job->value[ROLL_BEST_EPOCH] = reports->best_epoch;
	}
}

/* Whether the reports, all of them, are newer than any of the attempt. */
static bool
is_ahead(RollUp *roll, JobReports *reports, JobRow *job)
{
	Value step = job->value[ROLL_CURRENT_STEP];
	Value restarted = job->value[ROLL_RESTARTED_AT];
	Value reported = job->value[ROLL_LAST_METRIC_AT];

	if (roll->is_update)
		return false;
	if (!restarted.isnull && reports->min_recorded < restarted.time)
		return false;
	if (!step.isnull && step.count < reports->min_step)
		return true;
	/* the first report of the attempt? */
	if (roll->part->job[ROLL_LAST_METRIC_AT].attnum == 0)
		return false;
	return reported.isnull ||
		   (!restarted.isnull && reported.time < restarted.time);
}

/* Takes the latest values from the reports themselves. */
static void
take_reports(JobReports *reports, JobRow *job)
{
	Value *step = &job->value[ROLL_CURRENT_STEP];

	if (step->isnull || step->count < reports->max_step)
		*step = (Value){.count = reports->max_step};
	for (int i = 0; i < LATEST_COUNT; i++)
		if (reports->newest[i].seen)
			job->value[ROLL_LATEST(i)] =
				(Value){.number = reports->newest[i].number};
}

/* Takes them from the metrics table, for reports that come late or twice. */
static void
take_newest(RollUp *roll, JobReports *reports, JobRow *job)
{
	Value *step = &job->value[ROLL_CURRENT_STEP];
	Value restarted = job->value[ROLL_RESTARTED_AT];
	bool uncounted = reports->all || step->isnull;
	NewestSearch search = {.restarted = restarted,
						   .latest = &job->value[ROLL_LATEST(0)]};

	for (int i = 0; i < LATEST_COUNT; i++)
		search.wanted[i] =
			uncounted || reports->newest[i].seen || reports->replaced[i];

	/*
	 * The step that the job was at may be gone by an UPDATE; some of the
	 * reports may be of an earlier attempt.
	 */
	search.step_wanted =
		uncounted ||
		(!restarted.isnull && reports->min_recorded < restarted.time) ||
		(!step->isnull && reports->old_max_step >= step->count);
	search.step = search.step_wanted ? PG_INT64_MIN : reports->max_step;
	search.bound =
		uncounted ? PG_INT64_MAX : Max(reports->max_step, step->count);
	trainjob_read_newest(roll->set, &roll->part->metric,
						 &roll->part->newest_first, reports->job_id, &search);
	for (int i = 0; i < LATEST_COUNT; i++)
		if (search.wanted[i] && reports->replaced[i])
			job->value[ROLL_LATEST(i)].isnull = true;
	if (search.step != PG_INT64_MIN &&
		(step->isnull || step->count < search.step ||
		 reports->old_max_step >= step->count))
		*step = (Value){.count = search.step};
}

/* A report of a job that does not run may mean that it runs. */
static void
settle_status(JobReports *reports, JobRow *job)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Value *status = &job->value[ROLL_STATUS];
	Value *restarted = &job->value[ROLL_RESTARTED_AT];
	Value *changed = &job->value[ROLL_STATUS_CHANGED_AT];
	Value *reported = &job->value[ROLL_LAST_METRIC_AT];
	TimestampTz when;
	ReportEffect effect =
		trainjob_report_effect(status->isnull ? NULL : status->text,
							   job->value[ROLL_ERROR_TYPE].isnull
								   ? NULL
								   : job->value[ROLL_ERROR_TYPE].text);

	if (effect == REPORT_CHANGES_NOTHING)
		return;
	/* not newer than what the job knew when it got its status: a restore */
	if (!reported->isnull && reports->max_recorded <= reported->time)
		return;
	if (!restarted->isnull && reports->max_recorded < restarted->time)
		return;
	/*
	 * A trainer that was presumed dead and reports is not, even by a report
	 * that it kept back: one is enough that the job did not know.
	 */
	if ((effect == REPORT_RESUMES ||
		 (effect == REPORT_REVIVES && reported->isnull)) &&
		!changed->isnull && reports->max_recorded < changed->time)
		return;
	*status = (Value){.text = "running"};
	when = reports->min_recorded;
	if (!restarted->isnull)
		when = Max(when, restarted->time);
	when = Min(when, now);
	if (effect == REPORT_REVIVES)
	{
		/* what the trainer kept back while presumed dead counts as well */
		*restarted = (Value){.time = when};
		job->value[ROLL_CURRENT_STEP].isnull = true;
	}
	/* it has been running since that report, or since the pause ended */
	if (!changed->isnull)
		when = Max(when, changed->time);
	*changed = (Value){.time = Min(when, now)};
}

/* UPDATE jobs SET columns = $2, ... WHERE id = $1 */
static SPIPlanPtr
settle_plan(RollUp *roll)
{
	RollUpPart *part = roll->part;
	StringInfoData query;
	Oid types[1 + ROLL_COLUMNS];
	int nargs = 0;
	const char *comma = "";

	if (roll->set->plan[QUERY_SETTLE] != NULL)
		return roll->set->plan[QUERY_SETTLE];
	trainjob_add_parameter(types, &nargs, part->key.type);
	initStringInfo(&query);
	appendStringInfo(&query, "UPDATE %s SET ",
					 roll->set->table[TABLE_JOBS].quoted);
	for (int i = 0; i < ROLL_COLUMNS; i++)
	{
		Column *column = &part->job[i];

		trainjob_add_parameter(types, &nargs, trainjob_parameter_type(column));
		if (column->attnum == 0 || i == ROLL_ERROR_TYPE)
			continue;
		appendStringInfo(&query, "%s%s = $%d", comma,
						 quote_identifier(column->name), nargs);
		comma = ", ";
	}
	appendStringInfo(&query, " WHERE %s OPERATOR(pg_catalog.=) $1",
					 quote_identifier(part->key.name));
	return trainjob_keep_plan(roll->set, QUERY_SETTLE, query.data, nargs,
							  types);
}

/* What settles a job: the values of its columns. */
typedef struct Settlement
{
	RollUp *roll;
	Datum job_id;
	bool status_stays; /* and what goes with it */
	Datum datum[ROLL_COLUMNS];
	bool isnull[ROLL_COLUMNS];
} Settlement;

/* The same as settle_plan(), for a row at hand: a DirectChange. */
static bool
settle_row(TupleTableSlot *row, Datum *values, bool *isnull, void *arg)
{
	Settlement *settlement = arg;
	int first = settlement->status_stays ? ROLL_FIRST_SETTLED : 0;

	for (int i = first; i < ROLL_COLUMNS; i++)
	{
		AttrNumber attnum = settlement->roll->part->job[i].attnum;

		if (attnum == 0 || i == ROLL_ERROR_TYPE)
			continue;
		values[attnum - 1] = settlement->datum[i];
		isnull[attnum - 1] = settlement->isnull[i];
	}
	return true;
}

/* The same by SQL. */
static void
settle_by_sql(const Settlement *settlement)
{
	Datum args[1 + ROLL_COLUMNS] = {settlement->job_id};
	char nulls[1 + ROLL_COLUMNS] = {' '};

	for (int i = 0; i < ROLL_COLUMNS; i++)
	{
		args[1 + i] = settlement->datum[i];
		nulls[1 + i] = settlement->isnull[i] ? 'n' : ' ';
	}
	SPI_connect();
	trainjob_execute(settle_plan(settlement->roll), SPI_OK_UPDATE, args, nulls);
	SPI_finish();
}

/* Writes the job's columns. */
static void
store_job(void *arg)
{
	Settlement *settlement = arg;
	RollUp *roll = settlement->roll;
	DirectUpdate *direct = settlement->status_stays ? roll->part->settle
													: roll->part->settle_status;

	/* a domain's CHECK may have altered the table */
	if (direct == NULL || !roll->set->valid ||
		trainjob_direct_update(direct, settlement->job_id, settle_row,
							   settlement) != DIRECT_DONE)
		settle_by_sql(settlement);
}

/*
 * Writes what differs from the row that was locked; nothing if nothing does.
 * "unpaired" says that current_step and current_epoch are not of one report, and
 * "evidence" is what fill_job is to draw a conclusion about the total from, NULL
 * for none beyond what the row itself shows.
 */
static void
write_job(RollUp *roll, JobReports *reports, JobRow *job, bool unpaired,
		  const Newest *evidence)
{
	RollUpPart *part = roll->part;
	Settlement settlement = {roll, reports->job_id, true};
	JobChange change = {.key = &part->key,
						.job_id = reports->job_id,
						.is_unpaired = unpaired};
	bool differs = evidence != NULL;

	for (int i = 0; i < ROLL_COLUMNS; i++)
	{
		Datum datum = trainjob_write_value(&part->job[i], &job->value[i],
										   &settlement.isnull[i]);

		settlement.datum[i] = datum;
		if (trainjob_same_datum(&part->job[i], job->stored[i],
								job->stored_null[i], datum,
								settlement.isnull[i]))
			continue;
		differs = true;
		if (i < ROLL_FIRST_SETTLED)
			settlement.status_stays = false;
	}
	if (!differs)
		return;
	if (evidence != NULL)
	{
		change.has_evidence = true;
		change.step = evidence->step;
		change.epoch = evidence->number;
	}
	trainjob_make_change(&change, store_job, &settlement);
}

/*
 * Whether the reports hold an epoch that may prove the job's total wrong, and
 * that the job's row, which shows one step and the newest epoch, will not show
 * beside the step that it belongs to.
 */
static bool
has_hidden_evidence(RollUp *roll, JobReports *reports, JobRow *job)
{
	Newest *evidence = &reports->evidence;
	Newest *epoch = &reports->newest[LATEST_EPOCH];
	Value step = job->value[ROLL_CURRENT_STEP];
	Value restarted = job->value[ROLL_RESTARTED_AT];
	Value reported = job->value[ROLL_LAST_METRIC_AT];
	Value total = job->total_steps;
	Value source = job->total_steps_source;

	/* a restore brings what the job drew its conclusions from long ago */
	if (!reported.isnull && reports->max_recorded <= reported.time)
		return false;
	if (!evidence->seen || job->total_epochs.isnull ||
		roll->part->job[ROLL_CURRENT_STEP].attnum == 0 ||
		roll->part->job[ROLL_LATEST(LATEST_EPOCH)].attnum == 0 ||
		(!restarted.isnull && reports->min_recorded < restarted.time))
		return false;
	if (evidence->step == epoch->step && evidence->step == reports->max_step &&
		(step.isnull || step.count < evidence->step))
		return false; /* it will be shown */
	if (total.isnull)
		return true;
	return !source.isnull &&
		   (strcmp(source.text, "estimated") == 0 ||
			strcmp(source.text, "observed") == 0) &&
		   !trainjob_epoch_agrees(total.count, job->total_epochs.number,
								  evidence->step, evidence->number);
}

/* Whether the job's columns could hold such a step and epoch. */
static bool
evidence_fits(RollUp *roll, JobReports *reports)
{
	Value step = {.count = reports->evidence.step};
	Value epoch = {.number = reports->evidence.number};
	bool step_null;
	bool epoch_null;

	(void) trainjob_write_value(&roll->part->job[ROLL_CURRENT_STEP], &step,
								&step_null);
	(void) trainjob_write_value(&roll->part->job[ROLL_LATEST(LATEST_EPOCH)],
								&epoch, &epoch_null);
	return !step_null && !epoch_null;
}

static void
settle_locked(RollUp *roll, JobReports *reports, JobRow *job)
{
	Newest *epoch = &reports->newest[LATEST_EPOCH];
	Value *reported;
	bool ahead;
	bool hidden =
		has_hidden_evidence(roll, reports, job) && evidence_fits(roll, reports);

	settle_status(reports, job);
	ahead = is_ahead(roll, reports, job);
	if (ahead)
		take_reports(reports, job);
	else
		take_newest(roll, reports, job);
	settle_best(roll, reports, job);
	reported = &job->value[ROLL_LAST_METRIC_AT];
	if (reports->max_recorded != DT_NOBEGIN &&
		(reported->isnull || reported->time < reports->max_recorded))
		*reported = (Value){.time = reports->max_recorded};
	write_job(roll, reports, job,
			  !ahead || (epoch->seen && epoch->step != reports->max_step),
			  hidden ? &reports->evidence : NULL);
}

void
trainjob_settle_job(RollUp *roll, JobReports *reports)
{
	JobRow job;

	if (lock_job(roll, reports->job_id, &job))
		settle_locked(roll, reports, &job);
}

void
trainjob_settle_attempt(RollUp *roll, JobReports *reports)
{
	JobRow job;

	if (!lock_job(roll, reports->job_id, &job))
		return;
	take_newest(roll, reports, &job);
	write_job(roll, reports, &job, true, NULL);
}
