/*
 * rollup.c
 *	  Reports go up: the statement trigger that carries a statement's reports to
 *	  their jobs, and the row trigger that does it when a job restarts.
 *
 * roll_up_metrics has one JobReports for each job (reports.c), and updates
 * the jobs one by one in the order of their ids.
 *
 * The ordinary report is ahead of all that came before: its steps are higher
 * than the job's current_step.  Then one UPDATE does it all (advance_job), and
 * its WHERE clause makes sure of it after waiting for whoever held the row.
 * Everything else goes the long way (settle_job): the first report, an
 * evaluation, a report that comes late or twice, a change of status, an UPDATE
 * of reports.  It locks the job, asks the metrics table which value is the
 * newest where the reports at hand do not say (newest.c), and writes
 * only what differs.
 *
 * Each of these has a query, and where nobody would notice the difference is
 * done without one (tables/direct_find.c, jobs/direct_update.c).
 *
 * "Newest" is by (step, id) within the attempt, whatever the order of arrival.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/sysattr.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "jobs/direct_update.h"
#include "jobs/job_change.h"
#include "jobs/status.h"
#include "metrics/newest.h"
#include "pg/trigger_call.h"
#include "steps/steps.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"

PG_FUNCTION_INFO_V1(trainjob_roll_up_metrics);
PG_FUNCTION_INFO_V1(trainjob_roll_up_restart);

/* ----------
 * What is known of the tables
 * ----------
 */

/* The columns of a job that the roll-up reads or writes beside the latest. */
typedef enum RollUpColumn
{
	ROLL_STATUS,
	ROLL_ERROR_TYPE,
	ROLL_STATUS_CHANGED_AT,
	ROLL_RESTARTED_AT,
	ROLL_LAST_METRIC_AT,
	ROLL_CURRENT_STEP,
	ROLL_BEST_EVAL_LOSS,
	ROLL_BEST_STEP,
	ROLL_BEST_EPOCH,
	ROLL_UP_COLUMNS
} RollUpColumn;

static const JobColumn roll_up_columns[ROLL_UP_COLUMNS] = {
	[ROLL_STATUS] = JOB_STATUS,
	[ROLL_ERROR_TYPE] = JOB_ERROR_TYPE,
	[ROLL_STATUS_CHANGED_AT] = JOB_STATUS_CHANGED_AT,
	[ROLL_RESTARTED_AT] = JOB_RESTARTED_AT,
	[ROLL_LAST_METRIC_AT] = JOB_LAST_METRIC_AT,
	[ROLL_CURRENT_STEP] = JOB_CURRENT_STEP,
	[ROLL_BEST_EVAL_LOSS] = JOB_BEST_EVAL_LOSS,
	[ROLL_BEST_STEP] = JOB_BEST_STEP,
	[ROLL_BEST_EPOCH] = JOB_BEST_EPOCH,
};

/*
 * Those before it go with the status: where that stays, settle_row() does not
 * set them.
 */
#define ROLL_FIRST_SETTLED ROLL_LAST_METRIC_AT

/* Columns of a job in one array: the above, then the latest. */
#define ROLL_LATEST(i) (ROLL_UP_COLUMNS + (i))
#define ROLL_COLUMNS (ROLL_UP_COLUMNS + LATEST_COUNT)

typedef struct RollUpPart
{
	MetricColumns metric;
	Column key; /* of the jobs table, like all below */
	Column total_steps;
	Column total_steps_source;
	Column total_epochs;
	Column job[ROLL_COLUMNS];
	FmgrInfo *compare; /* job ids; NULL where their type has no order */
	DirectFind find_job;
	DirectFind newest_first; /* reports of a job */
	DirectUpdate *advance;	 /* NULL where SQL must, like the two below */
	DirectUpdate *settle;
	DirectUpdate *settle_status; /* and the status */
} RollUpPart;

enum
{
	QUERY_ADVANCE = QUERIES_OF_NEWEST,
	QUERY_LOCK,
	QUERY_SETTLE
};
StaticAssertDecl(QUERY_SETTLE < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

/*
 * Prepares finding a job and its reports without SQL.  A key of another type
 * than the reports' goes through a cast.
 */
static void
plan_finds(RollUpPart *part, Relation metrics, Relation jobs)
{
	if (part->key.type != part->metric.job_id.type)
		return;
	(void) trainjob_plan_find(jobs, &part->key, true, ACL_SELECT | ACL_UPDATE,
							  &part->find_job);
	(void) trainjob_plan_descending(metrics, &part->metric.job_id,
									&part->metric.step, &part->metric.id,
									ACL_SELECT, &part->newest_first);
}

static void
find_roll_up_columns(TrainjobSet *set, Relation rel, Relation jobs)
{
	RollUpPart *part = palloc0(sizeof(RollUpPart));
	TypeCacheEntry *type;

	trainjob_find_metric_columns(set, rel, &part->metric);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_ID, true, &part->key);
	trainjob_check_reference(&part->metric.job_id, &part->key);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOTAL_STEPS, false,
						 &part->total_steps);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOTAL_STEPS_SOURCE, false,
						 &part->total_steps_source);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOTAL_EPOCHS, false,
						 &part->total_epochs);
	for (int i = 0; i < ROLL_UP_COLUMNS; i++)
		trainjob_find_column(set, TABLE_JOBS, jobs, roll_up_columns[i],
							 i == ROLL_STATUS, &part->job[i]);
	for (int i = 0; i < LATEST_COUNT; i++)
		trainjob_find_column(set, TABLE_JOBS, jobs, trainjob_latest[i].job,
							 false, &part->job[ROLL_LATEST(i)]);
	type =
		lookup_type_cache(part->metric.job_id.type, TYPECACHE_CMP_PROC_FINFO);
	if (OidIsValid(type->cmp_proc_finfo.fn_oid))
	{
		part->compare = palloc(sizeof(FmgrInfo));
		fmgr_info_copy(part->compare, &type->cmp_proc_finfo,
					   CurrentMemoryContext);
	}
	plan_finds(part, rel, jobs);
	set->part = part;
}

/* The columns from one on of a job, numbered as in TriggerData.tg_updatedcols. */
static Bitmapset *
columns_from(const RollUpPart *part, int first)
{
	Bitmapset *columns = NULL;

	for (int i = first; i < ROLL_COLUMNS; i++)
		if (part->job[i].attnum != 0 && i != ROLL_ERROR_TYPE)
			columns =
				bms_add_member(columns, part->job[i].attnum -
											FirstLowInvalidHeapAttributeNumber);
	return columns;
}

/*
 * Prepares the updates of a job without SQL: what advances it, what settles it
 * while its status, with status_changed_at and restarted_at, stays, and what
 * does where that changes.
 */
static void
plan_updates(RollUpPart *part, Relation jobs)
{
	Bitmapset *settled = columns_from(part, ROLL_FIRST_SETTLED);
	Bitmapset *advanced = bms_copy(settled);

	for (int i = ROLL_BEST_EVAL_LOSS; i <= ROLL_BEST_EPOCH; i++)
		advanced =
			bms_del_member(advanced, part->job[i].attnum -
										 FirstLowInvalidHeapAttributeNumber);
	part->advance = trainjob_plan_direct(jobs, &part->find_job, advanced);
	part->settle = trainjob_plan_direct(jobs, &part->find_job, settled);
	part->settle_status =
		trainjob_plan_direct(jobs, &part->find_job, columns_from(part, 0));
}

/* For roll_up_metrics, on the metrics table. */
static void
build_roll_up_part(TrainjobSet *set, Relation rel)
{
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);

	find_roll_up_columns(set, rel, jobs);
	plan_updates(set->part, jobs);
	relation_close(jobs, NoLock);
}

/* For roll_up_restart, on the jobs table. */
static void
build_restart_part(TrainjobSet *set, Relation rel)
{
	Relation metrics =
		trainjob_open_table(set, TABLE_METRICS, rel, false, ACL_SELECT);

	if (metrics == NULL)
		return;
	find_roll_up_columns(set, metrics, rel);
	relation_close(metrics, NoLock);
}

/* One call of roll_up_metrics or roll_up_restart. */
typedef struct RollUp
{
	TrainjobSet *set;
	RollUpPart *part;
	bool is_update; /* of reports */
} RollUp;

/* ----------
 * The short way: reports that are ahead of all before
 * ----------
 */

/* Appends a parameter of a column's type; returns its number. */
static int
add_parameter(Oid *types, int *nargs, Oid type)
{
	types[(*nargs)++] = type;
	return *nargs;
}

/*
 * UPDATE jobs SET current_step = $2, last_metric_at = greatest(.., $5),
 *		loss = coalesce($6, loss), ...
 *	WHERE id = $1 AND status = 'running' AND current_step < $3
 *	  AND (restarted_at IS NULL OR restarted_at <= $4)
 */
static SPIPlanPtr
advance_plan(RollUp *roll)
{
	RollUpPart *part = roll->part;
	StringInfoData query;
	Oid types[5 + LATEST_COUNT];
	int nargs = 0;
	const char *step = quote_identifier(part->job[ROLL_CURRENT_STEP].name);
	const char *status = quote_identifier(part->job[ROLL_STATUS].name);

	if (roll->set->plan[QUERY_ADVANCE] != NULL)
		return roll->set->plan[QUERY_ADVANCE];
	add_parameter(types, &nargs, part->key.type);
	add_parameter(types, &nargs, part->job[ROLL_CURRENT_STEP].type);
	add_parameter(types, &nargs, INT8OID);
	add_parameter(types, &nargs, TIMESTAMPTZOID);
	add_parameter(types, &nargs, part->job[ROLL_LAST_METRIC_AT].type);
	initStringInfo(&query);
	appendStringInfo(&query, "UPDATE %s SET %s = $2",
					 roll->set->table[TABLE_JOBS].quoted, step);
	if (part->job[ROLL_LAST_METRIC_AT].attnum != 0)
	{
		const char *name =
			quote_identifier(part->job[ROLL_LAST_METRIC_AT].name);

		appendStringInfo(&query, ", %s = GREATEST(%s, $5)", name, name);
	}
	else
		types[4] = TIMESTAMPTZOID;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		Column *column = &part->job[ROLL_LATEST(i)];
		const char *name;

		if (column->attnum == 0)
			add_parameter(types, &nargs, FLOAT8OID);
		else
		{
			name = quote_identifier(column->name);
			appendStringInfo(&query, ", %s = COALESCE($%d, %s)", name,
							 add_parameter(types, &nargs, column->type), name);
		}
	}
	/* no operator takes a domain over an enum as it is */
	if (part->job[ROLL_STATUS].is_enum)
		status =
			psprintf("CAST(%s AS %s)", status,
					 format_type_be_qualified(part->job[ROLL_STATUS].type));
	appendStringInfo(&query,
					 " WHERE %s OPERATOR(pg_catalog.=) $1"
					 " AND %s OPERATOR(pg_catalog.=) 'running'"
					 " AND %s OPERATOR(pg_catalog.<) $3",
					 quote_identifier(part->key.name), status, step);
	if (part->job[ROLL_RESTARTED_AT].attnum != 0)
	{
		const char *name = quote_identifier(part->job[ROLL_RESTARTED_AT].name);

		appendStringInfo(&query,
						 " AND (%s IS NULL OR %s OPERATOR(pg_catalog.<=) $4)",
						 name, name);
	}
	return trainjob_keep_plan(roll->set, QUERY_ADVANCE, query.data, nargs,
							  types);
}

/* What advances a job: the values to store, and what the job must be like. */
typedef struct Advance
{
	RollUpPart *part;
	int64 min_step;
	TimestampTz min_recorded;
	Value recorded;
	Datum step;
	Datum last_metric_at;
	Datum latest[LATEST_COUNT];
	bool has_latest[LATEST_COUNT];
} Advance;

/*
 * Fills "advance" from the reports; false where they are not for the short way,
 * or hold a value that does not fit the job's column.
 */
static bool
make_advance(RollUp *roll, JobReports *reports, Advance *advance)
{
	RollUpPart *part = roll->part;
	Newest *epoch = &reports->newest[LATEST_EPOCH];
	Value step = {.count = reports->max_step};
	bool isnull;

	/*
	 * An evaluation may be the best; an epoch of another step than the last
	 * would be taken for evidence, or hides what is: all for settle_job.
	 */
	if (roll->is_update || reports->has_best ||
		part->job[ROLL_CURRENT_STEP].attnum == 0 ||
		(epoch->seen && epoch->step != reports->max_step) ||
		(reports->evidence.seen && reports->evidence.step != epoch->step))
		return false;

	advance->part = part;
	advance->min_step = reports->min_step;
	advance->min_recorded = reports->min_recorded;
	advance->recorded = (Value){.time = reports->max_recorded};
	advance->step =
		trainjob_write_value(&part->job[ROLL_CURRENT_STEP], &step, &isnull);
	if (isnull)
		return false;
	advance->last_metric_at =
		trainjob_write_value(&part->job[ROLL_LAST_METRIC_AT],
							 &advance->recorded, &isnull);
	if (isnull && part->job[ROLL_LAST_METRIC_AT].attnum != 0)
		return false;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		Column *column = &part->job[ROLL_LATEST(i)];
		Value value = {.number = reports->newest[i].number};

		advance->has_latest[i] = reports->newest[i].seen && column->attnum != 0;
		if (!advance->has_latest[i])
			continue;
		advance->latest[i] = trainjob_write_value(column, &value, &isnull);
		if (isnull)
			return false;
	}
	return true;
}

/* The same as advance_plan(), for a row at hand: a DirectChange. */
static bool
advance_row(TupleTableSlot *row, Datum *values, bool *isnull, void *arg)
{
	Advance *advance = arg;
	Column *job = advance->part->job;
	Value status = trainjob_row_value(row, &job[ROLL_STATUS]);
	Value step = trainjob_row_value(row, &job[ROLL_CURRENT_STEP]);
	Value restarted = trainjob_row_value(row, &job[ROLL_RESTARTED_AT]);
	Value reported = trainjob_row_value(row, &job[ROLL_LAST_METRIC_AT]);

	if (status.isnull || strcmp(status.text, "running") != 0 || step.isnull ||
		step.count >= advance->min_step ||
		(!restarted.isnull && restarted.time > advance->min_recorded))
		return false;
	values[job[ROLL_CURRENT_STEP].attnum - 1] = advance->step;
	if (job[ROLL_LAST_METRIC_AT].attnum != 0 &&
		(reported.isnull || reported.time < advance->recorded.time))
	{
		values[job[ROLL_LAST_METRIC_AT].attnum - 1] = advance->last_metric_at;
		isnull[job[ROLL_LAST_METRIC_AT].attnum - 1] = false;
	}
	for (int i = 0; i < LATEST_COUNT; i++)
		if (advance->has_latest[i])
		{
			values[job[ROLL_LATEST(i)].attnum - 1] = advance->latest[i];
			isnull[job[ROLL_LATEST(i)].attnum - 1] = false;
		}
	return true;
}

/* The same by SQL; false if nothing was done. */
static bool
advance_by_sql(RollUp *roll, JobReports *reports, const Advance *advance)
{
	Datum args[5 + LATEST_COUNT];
	char nulls[5 + LATEST_COUNT];
	bool done;

	memset(nulls, ' ', sizeof(nulls));
	args[0] = reports->job_id;
	args[1] = advance->step;
	args[2] = Int64GetDatum(advance->min_step);
	args[3] = TimestampTzGetDatum(advance->min_recorded);
	args[4] = advance->last_metric_at;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		args[5 + i] = advance->has_latest[i] ? advance->latest[i] : (Datum) 0;
		nulls[5 + i] = advance->has_latest[i] ? ' ' : 'n';
	}
	SPI_connect();
	done = trainjob_execute(advance_plan(roll), SPI_OK_UPDATE, args, nulls) > 0;
	SPI_finish();
	return done;
}

/*
 * Updates the job if the reports are ahead of all before; false if nothing
 * was done.
 */
static bool
advance_job(RollUp *roll, JobReports *reports)
{
	Advance advance;

	if (!make_advance(roll, reports, &advance))
		return false;
	/* a domain's CHECK may have altered the table */
	if (roll->part->advance != NULL && roll->set->valid)
		switch (trainjob_direct_update(roll->part->advance, reports->job_id,
									   advance_row, &advance))
		{
			case DIRECT_DONE:
				return true;
			case DIRECT_DECLINED:
				return false;
			case DIRECT_IMPOSSIBLE:
				break;
		}
	return advance_by_sql(roll, reports, &advance);
}

/* ----------
 * The long way: everything else
 * ----------
 */

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
	add_parameter(types, &nargs, part->key.type);
	initStringInfo(&query);
	appendStringInfo(&query, "UPDATE %s SET ",
					 roll->set->table[TABLE_JOBS].quoted);
	for (int i = 0; i < ROLL_COLUMNS; i++)
	{
		Column *column = &part->job[i];

		add_parameter(types, &nargs,
					  column->attnum == 0 ? INT4OID : column->type);
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

static void
settle_job(RollUp *roll, JobReports *reports)
{
	JobRow job;

	if (lock_job(roll, reports->job_id, &job))
		settle_locked(roll, reports, &job);
}

/* ----------
 * roll_up_metrics
 * ----------
 */

static int
compare_jobs(const void *a, const void *b, void *arg)
{
	return DatumGetInt32(FunctionCall2Coll((FmgrInfo *) arg,
										   DEFAULT_COLLATION_OID,
										   (*(JobReports *const *) a)->job_id,
										   (*(JobReports *const *) b)->job_id));
}

static void
update_jobs(RollUp *roll, const ReportList *list)
{
	MemoryContext per_job =
		AllocSetContextCreate(CurrentMemoryContext, "trainjob job",
							  ALLOCSET_DEFAULT_SIZES);
	TrainjobUser caller;

	/* every statement takes the jobs' locks in the same order */
	if (list->count > 1 && roll->part->compare != NULL)
		qsort_arg(list->jobs, list->count, sizeof(JobReports *), compare_jobs,
				  roll->part->compare);
	trainjob_become_owner(&roll->set->table[TABLE_JOBS], &caller);
	for (int i = 0; i < list->count; i++)
	{
		MemoryContext memory = MemoryContextSwitchTo(per_job);

		CHECK_FOR_INTERRUPTS();
		if (!advance_job(roll, list->jobs[i]))
			settle_job(roll, list->jobs[i]);
		MemoryContextSwitchTo(memory);
		MemoryContextReset(per_job);
	}
	trainjob_become_user(&caller);
	MemoryContextDelete(per_job);
}

/* The transition tables that the trigger must have, or an error. */
static void
check_transition_tables(TriggerData *trigdata)
{
	Trigger *trigger = trigdata->tg_trigger;
	bool is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);

	if (trigdata->tg_newtable != NULL &&
		(trigdata->tg_oldtable != NULL || !is_update))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("trigger \"%s\" on table \"%s\" has no %s transition table",
					trigger->tgname,
					RelationGetRelationName(trigdata->tg_relation),
					trigdata->tg_newtable == NULL ? "new" : "old"),
			 errdetail("Function \"roll_up_metrics\" reads it."),
			 errhint("Create the trigger with REFERENCING %sNEW TABLE AS "
					 "new_rows.",
					 is_update ? "OLD TABLE AS old_rows " : "")));
}

/*
 * roll_up_metrics
 *		AFTER INSERT FOR EACH STATEMENT on a metrics table, REFERENCING NEW
 *		TABLE; AFTER UPDATE FOR EACH STATEMENT, REFERENCING OLD TABLE and NEW
 *		TABLE: the newest values of each job go up to its row.
 *
 * Arguments: jobs=schema.name (required), jobs.column=name,
 * metrics.column=name.
 */
Datum
trainjob_roll_up_metrics(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "roll_up_metrics",
									TRAINJOB_AFTER_STATEMENT |
										TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	RollUp roll = {.is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)};
	ReportList list;

	check_transition_tables(trigdata);
	roll.set = trainjob_get_set(trigdata, "roll_up_metrics", TABLE_METRICS,
								build_roll_up_part);
	roll.part = roll.set->part;
	trainjob_read_reports(trigdata, &roll.part->metric, &list);
	if (list.count > 0)
		update_jobs(&roll, &list);
	return PointerGetDatum(NULL);
}

/*
 * Whether the UPDATE sets a job going that had ended.  restarted_at alone does
 * not say: a transaction may restart a job twice, at the same now().
 */
static bool
goes_on(TriggerData *trigdata, const Column *status)
{
	Value before = trainjob_row_value(trigdata->tg_trigslot, status);
	Value after = trainjob_row_value(trigdata->tg_newslot, status);

	return trainjob_is_restart(trainjob_state_of(before.text),
							   trainjob_state_of(after.text));
}

/*
 * roll_up_restart
 *		AFTER UPDATE OF status FOR EACH ROW on a jobs table: if the job restarted,
 *		what its new attempt has reported before the restart was known.
 *
 * An alert may come later than the reports that follow it, and now() is older
 * than what others wrote while this transaction waited.
 *
 * Arguments: metrics=schema.name, jobs.column=name, metrics.column=name.
 */
Datum
trainjob_roll_up_restart(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "roll_up_restart",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_UPDATE);
	RollUp roll = {0};
	JobReports reports;
	Value before;
	Value restarted;
	Value reported;
	bool isnull;
	TrainjobUser caller;
	JobRow job;

	roll.set = trainjob_get_set(trigdata, "roll_up_restart", TABLE_JOBS,
								build_restart_part);
	roll.part = roll.set->part;
	if (roll.part == NULL)
		return PointerGetDatum(NULL);
	before = trainjob_row_value(trigdata->tg_trigslot,
								&roll.part->job[ROLL_RESTARTED_AT]);
	restarted = trainjob_row_value(trigdata->tg_newslot,
								   &roll.part->job[ROLL_RESTARTED_AT]);
	reported = trainjob_row_value(trigdata->tg_newslot,
								  &roll.part->job[ROLL_LAST_METRIC_AT]);
	if (restarted.isnull || reported.isnull || reported.time < restarted.time ||
		(!before.isnull && before.time == restarted.time &&
		 !goes_on(trigdata, &roll.part->job[ROLL_STATUS])))
		return PointerGetDatum(NULL);
	trainjob_init_reports(&reports,
						  slot_getattr(trigdata->tg_newslot,
									   roll.part->key.attnum, &isnull));
	reports.all = true;
	trainjob_become_owner(&roll.set->table[TABLE_JOBS], &caller);
	if (lock_job(&roll, reports.job_id, &job))
	{
		take_newest(&roll, &reports, &job);
		write_job(&roll, &reports, &job, true, NULL);
	}
	trainjob_become_user(&caller);
	return PointerGetDatum(NULL);
}
