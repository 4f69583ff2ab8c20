/*
 * old_copy.c
 *	  What an UPDATE must not bring back: an old copy of a job.
 *
 * Object mappers save whole rows, with what they held when they were read.  In
 * such a row a column is the writer's word only if it differs from what was
 * read, which is not known here; it can be told by versions that the row has.
 *
 *	last_seen_at		of what reports say: the columns that the roll-up writes,
 *						progress, and a total that reports gave.
 *						last_metric_at where the table has no such column.
 *	status_changed_at	of the status, its timestamps, and the error.
 *
 * Where a version lies before the stored one, or is NULL where that is not, the
 * row is an old copy of the one or the other.  An entity that does not map them
 * saves them as they are stored; then a row whose step and another value are
 * those of an earlier report is an old copy of both.
 *
 * An old copy of what reports say changes nothing of it.  An old copy of the
 * status is no wish if the job had that status then, which the record of changes
 * knows.  Any other is one, as of now; but it restarts no job that has ended.
 *
 * Three more things are not the writer's word: a time that differs from the
 * stored one by less than its own precision, an estimate in place of a total
 * that the trainer gave, and what fill_job filled in the row of an INSERT whose
 * conflict led here.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "jobs/job_times.h"
#include "jobs/job_total.h"
#include "jobs/old_copy.h"
#include "status/status.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"

/* The columns that are of the version of the reports. */
static const JobColumn reported[] = {
	JOB_LAST_SEEN_AT, JOB_LAST_METRIC_AT,		  JOB_CURRENT_STEP,
	JOB_PROGRESS,	  JOB_BEST_EVAL_LOSS,		  JOB_BEST_STEP,
	JOB_BEST_EPOCH,	  TRAINJOB_LATEST_JOB_COLUMNS};

/* The columns that are of the version of the status. */
static const JobColumn of_status[] = {JOB_STATUS,		JOB_STATUS_CHANGED_AT,
									  JOB_STARTED_AT,	JOB_RESTARTED_AT,
									  JOB_COMPLETED_AT, JOB_FAILED_AT,
									  JOB_CANCELLED_AT, JOB_ERROR,
									  JOB_ERROR_TYPE};

/* What is asked of other tables (TrainjobSet.part), only where it must be. */
typedef struct CopyPart
{
	Column key; /* of the jobs table */
	Column change[CHANGE_COLUMNS];
	Column metric[METRIC_COLUMNS];
} CopyPart;

enum
{
	QUERY_STATUS_THEN,
	QUERY_FIRST_STATUS,
	QUERY_REPORTS_OF_STEP,
	QUERY_ANY_REPORT
};
StaticAssertDecl(QUERY_ANY_REPORT < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

static void
build_copy_part(TrainjobSet *set, Relation rel)
{
	static const int change_columns[] = {CHANGE_ID, CHANGE_JOB_ID,
										 CHANGE_STATUS_BEFORE,
										 CHANGE_STATUS_AFTER,
										 CHANGE_CHANGED_AT};
	static const int metric_columns[] = {METRIC_JOB_ID, METRIC_STEP,
										 METRIC_RECORDED_AT};
	CopyPart *part = palloc0(sizeof(CopyPart));
	Relation changes =
		trainjob_open_table(set, TABLE_STATUS_CHANGES, rel, false, ACL_SELECT);
	Relation metrics =
		trainjob_open_table(set, TABLE_METRICS, rel, false, ACL_SELECT);

	trainjob_find_column(set, TABLE_JOBS, rel, JOB_ID, true, &part->key);
	if (changes != NULL)
	{
		trainjob_find_columns(set, TABLE_STATUS_CHANGES, changes,
							  change_columns, lengthof(change_columns),
							  part->change);
		relation_close(changes, NoLock);
	}
	if (metrics != NULL)
	{
		trainjob_find_columns(set, TABLE_METRICS, metrics, metric_columns,
							  lengthof(metric_columns), part->metric);
		for (int i = 0; i < LATEST_COUNT; i++)
			trainjob_find_column(set, TABLE_METRICS, metrics,
								 trainjob_latest[i].metric, false,
								 &part->metric[trainjob_latest[i].metric]);
		relation_close(metrics, NoLock);
	}
	set->part = part;
}

/* A row at work beside what other tables know of its job. */
typedef struct Copy
{
	JobFill *fill;
	TrainjobSet *set; /* NULL until something is asked */
	CopyPart *part;
	Datum job_id;
} Copy;

static void
open_copy(Copy *copy)
{
	bool isnull;

	if (copy->set != NULL)
		return;
	copy->set =
		trainjob_get_set(copy->fill->trigdata, "fill_job, for an old copy",
						 TABLE_JOBS, build_copy_part);
	copy->part = copy->set->part;
	copy->job_id =
		slot_getattr(copy->fill->new_row, copy->part->key.attnum, &isnull);
}

/* ----------
 * Times
 * ----------
 */

/* A time's precision, as far as its digits show it. */
static int64
unit_of(TimestampTz time)
{
	return time % USECS_PER_SEC == 0 ? USECS_PER_SEC
		   : time % 1000 == 0		 ? 1000
									 : 1;
}

/* Keeps times that differ from the stored ones by less than their precision. */
static void
keep_rounded_times(JobFill *fill)
{
	static const JobColumn times[] = {JOB_STATUS_CHANGED_AT, JOB_CREATED_AT,
									  JOB_STARTED_AT,		 JOB_RESTARTED_AT,
									  JOB_COMPLETED_AT,		 JOB_FAILED_AT,
									  JOB_CANCELLED_AT,		 JOB_UPDATED_AT,
									  JOB_LAST_METRIC_AT,	 JOB_LAST_SEEN_AT};

	for (int i = 0; i < lengthof(times); i++)
	{
		Value before;
		Value now;

		if (!changed(fill, times[i]))
			continue;
		before = value_before(fill, times[i]);
		now = value_now(fill, times[i]);
		if (!before.isnull && !now.isnull && !TIMESTAMP_NOT_FINITE(now.time) &&
			!TIMESTAMP_NOT_FINITE(before.time) &&
			now.time - before.time < unit_of(now.time) &&
			before.time - now.time < unit_of(now.time))
			keep(fill, times[i]);
	}
}

/* Whether a version in the row lies before the stored one. */
static bool
is_older(JobFill *fill, JobColumn version)
{
	Value before = value_before(fill, version);
	Value now = value_now(fill, version);

	return changed(fill, version) && !before.isnull &&
		   (now.isnull || now.time < before.time);
}

/* ----------
 * What reports say
 * ----------
 */

/* Whether the row changes something that reports say, but for one column. */
static bool
changes_reported(JobFill *fill, JobColumn but)
{
	for (int i = 0; i < lengthof(reported); i++)
		if (reported[i] != but && changed(fill, reported[i]))
			return true;
	return false;
}

/* Keeps a total that the trainer gave, or that it proved wrong. */
static void
keep_total(JobFill *fill)
{
	TotalSource source =
		trainjob_source_of(value_before(fill, JOB_TOTAL_STEPS_SOURCE).text);

	if (source != SOURCE_REPORTED && source != SOURCE_OBSERVED &&
		source != SOURCE_DISPROVED)
		return;
	keep(fill, JOB_TOTAL_STEPS);
	keep(fill, JOB_TOTAL_STEPS_SOURCE);
}

static void
keep_reported(JobFill *fill)
{
	for (int i = 0; i < lengthof(reported); i++)
		keep(fill, reported[i]);
	keep_total(fill);
}

/* SELECT FROM metrics WHERE job_id = $1 LIMIT 1 */
static bool
has_reports(Copy *copy)
{
	TrainjobSet *set = copy->set;
	const Column *job_id = &copy->part->metric[METRIC_JOB_ID];
	Oid type = job_id->type;
	TrainjobUser caller;
	bool found;

	if (job_id->attnum == 0)
		return false;
	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_METRICS], &caller);
	if (set->plan[QUERY_ANY_REPORT] == NULL)
		trainjob_keep_plan(set, QUERY_ANY_REPORT,
						   psprintf("SELECT FROM %s WHERE %s LIMIT 1",
									set->table[TABLE_METRICS].quoted,
									trainjob_equals(job_id, 1)),
						   1, &type);
	found = trainjob_execute(set->plan[QUERY_ANY_REPORT], SPI_OK_SELECT,
							 &copy->job_id, NULL) > 0;
	trainjob_restore_user(&caller);
	SPI_finish();
	return found;
}

/* Whether the row is an old copy of what reports say, by its version. */
static bool
is_old_by_version(Copy *copy)
{
	JobFill *fill = copy->fill;

	if (has_column(fill, JOB_LAST_SEEN_AT))
		return is_older(fill, JOB_LAST_SEEN_AT) &&
			   (!is_null(fill, JOB_LAST_SEEN_AT) ||
				changes_reported(fill, JOB_LAST_SEEN_AT));
	if (!is_older(fill, JOB_LAST_METRIC_AT))
		return false;
	if (is_null(fill, JOB_LAST_METRIC_AT) &&
		!changes_reported(fill, JOB_LAST_METRIC_AT))
		return false;
	open_copy(copy);
	return has_reports(copy);
}

/*
 * SELECT recorded_at, epoch, ... FROM metrics WHERE job_id = $1 AND step = $2
 */
static SPIPlanPtr
reports_of_step_plan(Copy *copy)
{
	TrainjobSet *set = copy->set;
	const Column *metric = copy->part->metric;
	Oid types[2] = {metric[METRIC_JOB_ID].type, INT8OID};
	StringInfoData columns;

	if (set->plan[QUERY_REPORTS_OF_STEP] != NULL)
		return set->plan[QUERY_REPORTS_OF_STEP];
	initStringInfo(&columns);
	trainjob_add_item(&columns, "%s",
					  trainjob_selected(&metric[METRIC_RECORDED_AT]));
	for (int i = 0; i < LATEST_COUNT; i++)
		trainjob_add_item(&columns, "%s",
						  trainjob_selected(
							  &metric[trainjob_latest[i].metric]));
	return trainjob_keep_plan(
		set, QUERY_REPORTS_OF_STEP,
		psprintf("SELECT %s FROM %s WHERE %s AND %s LIMIT 100", columns.data,
				 set->table[TABLE_METRICS].quoted,
				 trainjob_equals(&metric[METRIC_JOB_ID], 1),
				 trainjob_equals(&metric[METRIC_STEP], 2)),
		2, types);
}

/* Whether the row has a value of a report that the job does not show any more. */
static bool
has_value_of(Copy *copy, const FoundRow *report)
{
	JobFill *fill = copy->fill;

	for (int i = 0; i < LATEST_COUNT; i++)
	{
		const Column *column = &copy->part->metric[trainjob_latest[i].metric];
		Value value;
		Value now;

		if (!changed(fill, trainjob_latest[i].job))
			continue;
		value = trainjob_found_value(report, 2 + i, column);
		now = value_now(fill, trainjob_latest[i].job);
		if (!value.isnull && !now.isnull &&
			(float) value.number == (float) now.number)
			return true;
	}
	return false;
}

/* Whether the row's progress is what follows from its step. */
static bool
has_progress_of_step(JobFill *fill)
{
	Value progress = value_now(fill, JOB_PROGRESS);
	Value then = trainjob_percent_of(value_now(fill, JOB_CURRENT_STEP),
									 value_before(fill, JOB_TOTAL_STEPS));

	return changed(fill, JOB_PROGRESS) && !progress.isnull && !then.isnull &&
		   fabs(progress.number - then.number) < 0.01;
}

/*
 * Whether the row is what an earlier report of this attempt made of it; then
 * *when is the time of that report.
 */
static bool
is_of_earlier_report(Copy *copy, Value *when)
{
	JobFill *fill = copy->fill;
	Value step = value_now(fill, JOB_CURRENT_STEP);
	Value before = value_before(fill, JOB_CURRENT_STEP);
	Value restarted = value_before(fill, JOB_RESTARTED_AT);
	Datum args[2];
	FoundRow row = {0};
	TrainjobUser caller;
	uint64 count;
	bool found = false;

	if (!changed(fill, JOB_CURRENT_STEP) || step.isnull || step.count <= 0 ||
		before.isnull || step.count >= before.count ||
		!changes_reported(fill, JOB_CURRENT_STEP))
		return false;
	open_copy(copy);
	if (copy->part->metric[METRIC_JOB_ID].attnum == 0)
		return false;
	args[0] = copy->job_id;
	args[1] = Int64GetDatum(step.count);
	SPI_connect();
	trainjob_become_owner(&copy->set->table[TABLE_METRICS], &caller);
	count =
		trainjob_execute(reports_of_step_plan(copy), SPI_OK_SELECT, args, NULL);
	for (; row.number < count && !found; row.number++)
	{
		Value recorded =
			trainjob_found_value(&row, 1,
								 &copy->part->metric[METRIC_RECORDED_AT]);

		if (!restarted.isnull && !recorded.isnull &&
			recorded.time < restarted.time)
			continue; /* of an earlier attempt */
		found = has_value_of(copy, &row) || has_progress_of_step(fill);
		*when = recorded;
	}
	trainjob_restore_user(&caller);
	SPI_finish();
	return found;
}

/* ----------
 * The status
 * ----------
 */

/*
 * The status that the job had at a time, or at first where that is NULL; NULL
 * where the record does not know.  palloc'd.
 */
static char *
status_then(Copy *copy, Value when)
{
	TrainjobSet *set;
	const Column *change;
	int number = when.isnull ? QUERY_FIRST_STATUS : QUERY_STATUS_THEN;
	ChangeColumn then =
		when.isnull ? CHANGE_STATUS_BEFORE : CHANGE_STATUS_AFTER;
	MemoryContext memory = CurrentMemoryContext;
	Datum args[2];
	FoundRow row = {0};
	TrainjobUser caller;
	Value status = {.isnull = true};

	open_copy(copy);
	set = copy->set;
	change = copy->part->change;
	if (change[CHANGE_JOB_ID].attnum == 0 || change[then].attnum == 0 ||
		change[CHANGE_CHANGED_AT].attnum == 0)
		return NULL;
	args[0] = copy->job_id;
	/* what the copy has may have lost the digits of its time */
	args[1] =
		TimestampTzGetDatum(when.isnull ? 0 : when.time + unit_of(when.time));
	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_STATUS_CHANGES], &caller);
	if (set->plan[number] == NULL)
	{
		Oid types[2] = {change[CHANGE_JOB_ID].type,
						trainjob_time_type(&change[CHANGE_CHANGED_AT])};
		const char *at = quote_identifier(change[CHANGE_CHANGED_AT].name);
		const char *direction = when.isnull ? "" : " DESC";
		const char *id = "";

		if (change[CHANGE_ID].attnum != 0)
			id = psprintf(", %s%s", quote_identifier(change[CHANGE_ID].name),
						  direction);
		trainjob_keep_plan(
			set, number,
			psprintf("SELECT %s FROM %s WHERE %s%s ORDER BY %s%s%s LIMIT 1",
					 quote_identifier(change[then].name),
					 set->table[TABLE_STATUS_CHANGES].quoted,
					 trainjob_equals(&change[CHANGE_JOB_ID], 1),
					 when.isnull
						 ? ""
						 : psprintf(" AND %s OPERATOR(pg_catalog.<) $2", at),
					 at, direction, id),
			2, types);
	}
	if (trainjob_execute(set->plan[number], SPI_OK_SELECT, args, NULL) > 0)
	{
		MemoryContextSwitchTo(memory);
		status = trainjob_found_value(&row, 1, &change[then]);
	}
	trainjob_restore_user(&caller);
	SPI_finish();
	return status.isnull ? NULL : status.text;
}

/*
 * Settles an old copy of the status, which the job had at a time: another status
 * than it had then is the writer's wish, as of now.
 */
static void
settle_status(Copy *copy, Value when)
{
	JobFill *fill = copy->fill;
	Value wish = value_now(fill, JOB_STATUS);
	bool is_wish = false;

	if (changed(fill, JOB_STATUS) && !wish.isnull)
	{
		const char *then = status_then(copy, when);

		is_wish = then != NULL && strcmp(then, wish.text) != 0 &&
				  (trainjob_has_ended(trainjob_state_of(wish.text)) ||
				   !trainjob_has_ended(
					   trainjob_state_of(value_before(fill, JOB_STATUS).text)));
	}
	for (int i = 0; i < lengthof(of_status); i++)
	{
		JobColumn c = of_status[i];

		/* a wish may come with its reason */
		if (!is_wish ||
			(c != JOB_STATUS && c != JOB_ERROR && c != JOB_ERROR_TYPE))
			keep(fill, c);
	}
}

/* ----------
 * The row of an INSERT
 * ----------
 */

/* What was filled last in the row of an INSERT, which may have a conflict. */
static struct
{
	TimestampTz transaction; /* when it began */
	CommandId command;
	Oid table;
	uint32 key; /* a hash */
	bool filled[JOB_COLUMNS];
	Value value[JOB_COLUMNS];
} proposed;

static uint32
hash_key(const JobFill *fill)
{
	const Column *key = &fill->part->key;
	bool isnull = true;
	Datum datum = (Datum) 0;

	if (key->attnum != 0)
		datum = slot_getattr(fill->new_row, key->attnum, &isnull);
	return isnull ? 0 : datum_image_hash(datum, key->typbyval, key->typlen);
}

void
trainjob_remember_proposed(const JobFill *fill)
{
	proposed.transaction = GetCurrentTransactionStartTimestamp();
	proposed.command = GetCurrentCommandId(false);
	proposed.table = RelationGetRelid(fill->trigdata->tg_relation);
	proposed.key = hash_key(fill);
	memcpy(proposed.filled, fill->filled, sizeof(proposed.filled));
	memcpy(proposed.value, fill->value, sizeof(proposed.value));
}

/* Keeps what is in the row only because fill_job put it into EXCLUDED. */
static void
keep_unproposed(JobFill *fill)
{
	if (proposed.command != GetCurrentCommandId(false) ||
		proposed.transaction != GetCurrentTransactionStartTimestamp() ||
		proposed.table != RelationGetRelid(fill->trigdata->tg_relation) ||
		proposed.key != hash_key(fill))
		return;
	for (JobColumn c = 0; c < JOB_COLUMNS; c++)
		if (proposed.filled[c] && changed(fill, c) &&
			trainjob_same_value(&fill->part->column[c], proposed.value[c],
								value_now(fill, c)))
		{
			fill->is_unfilled |= value_before(fill, c).isnull;
			keep(fill, c);
		}
}

void
trainjob_settle_copy(JobFill *fill)
{
	Copy copy = {.fill = fill};
	Value when = {.isnull = true};
	bool old_status;
	bool old_reports;

	keep_unproposed(fill);
	keep_rounded_times(fill);
	/* an estimate is never better than what the trainer gave */
	if (trainjob_source_of(value_now(fill, JOB_TOTAL_STEPS_SOURCE).text) ==
		SOURCE_ESTIMATED)
		keep_total(fill);
	old_status = is_older(fill, JOB_STATUS_CHANGED_AT);
	old_reports = is_old_by_version(&copy);
	if (old_status)
		when = value_now(fill, JOB_STATUS_CHANGED_AT);
	else if (!old_reports && is_of_earlier_report(&copy, &when))
		old_status = old_reports = true;
	if (old_status)
		settle_status(&copy, when);
	/* a new attempt is what its row says */
	if (old_reports && (old_status || !trainjob_restarts(fill)))
		keep_reported(fill);
	/* a version is not the writer's */
	if (is_older(fill, JOB_LAST_SEEN_AT))
		keep(fill, JOB_LAST_SEEN_AT);
}
