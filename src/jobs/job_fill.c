/*
 * job_fill.c
 *	  The trigger that completes a job's row, and those that let jobs know of a
 *	  dataset that comes later, or at the same time.
 *
 * fill_job sees every INSERT and UPDATE of a job, the application's own, those
 * of the metrics roll-up and those of alerts, and is the only place that
 * derives columns of a job from each other: counts from the dataset or the
 * configuration, total_steps from both, progress, timestamps from the status.
 *
 * What a column says and what the statement said are told apart by two
 * questions.  changed(): is the value another than before?  said(): did the
 * writer mean it?  A writer means a value that is new, or one that stands in
 * the SET list, unless the statement saves the whole row as some object mappers
 * do: then an old value in the SET list means nothing.
 *
 * A row that is complete is left exactly as it is, for it may come from a
 * dump.
 */
#include "postgres.h"

#include <math.h>

#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "jobs/job_change.h"
#include "jobs/job_fill.h"
#include "jobs/status.h"
#include "pg/trigger_call.h"
#include "steps/steps.h"
#include "tables/direct_find.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/set.h"

PG_FUNCTION_INFO_V1(trainjob_fill_job);
PG_FUNCTION_INFO_V1(trainjob_fill_waiting_jobs);
PG_FUNCTION_INFO_V1(trainjob_await_dataset);

/* The columns of a job that fill_job reads or fills. */
typedef enum JobColumn
{
	JOB_USER_ID,
	JOB_DATASET_PATH,
	JOB_CONFIG,
	JOB_STATUS,
	JOB_ERROR,
	JOB_ERROR_TYPE,
	JOB_STATUS_CHANGED_AT,
	JOB_CREATED_AT,
	JOB_UPDATED_AT,
	JOB_STARTED_AT,
	JOB_RESTARTED_AT,
	JOB_COMPLETED_AT,
	JOB_FAILED_AT,
	JOB_CANCELLED_AT,
	JOB_TOTAL_SAMPLES,
	JOB_TRAIN_SAMPLES,
	JOB_VAL_SAMPLES,
	JOB_TOTAL_STEPS,
	JOB_EXPECTED_TOTAL_STEPS,
	JOB_TOTAL_EPOCHS,
	JOB_TOTAL_STEPS_SOURCE,
	JOB_CURRENT_STEP,
	JOB_CURRENT_EPOCH,
	JOB_PROGRESS,
	JOB_COLUMNS
} JobColumn;

static const WantedColumn job_columns[JOB_COLUMNS] = {
	[JOB_USER_ID] = {"user_id", COLUMN_KEY},
	[JOB_DATASET_PATH] = {"dataset_path", COLUMN_TEXT},
	[JOB_CONFIG] = {"config", COLUMN_JSON},
	[JOB_STATUS] = {"status", COLUMN_TEXT, true},
	[JOB_ERROR] = {"error", COLUMN_TEXT},
	[JOB_ERROR_TYPE] = {"error_type", COLUMN_TEXT},
	[JOB_STATUS_CHANGED_AT] = {"status_changed_at", COLUMN_TIME},
	[JOB_CREATED_AT] = {"created_at", COLUMN_TIME},
	[JOB_UPDATED_AT] = {"updated_at", COLUMN_TIME},
	[JOB_STARTED_AT] = {"started_at", COLUMN_TIME},
	[JOB_RESTARTED_AT] = {"restarted_at", COLUMN_TIME},
	[JOB_COMPLETED_AT] = {"completed_at", COLUMN_TIME},
	[JOB_FAILED_AT] = {"failed_at", COLUMN_TIME},
	[JOB_CANCELLED_AT] = {"cancelled_at", COLUMN_TIME},
	[JOB_TOTAL_SAMPLES] = {"total_samples", COLUMN_COUNT},
	[JOB_TRAIN_SAMPLES] = {"train_samples", COLUMN_COUNT},
	[JOB_VAL_SAMPLES] = {"val_samples", COLUMN_COUNT},
	[JOB_TOTAL_STEPS] = {"total_steps", COLUMN_COUNT},
	[JOB_EXPECTED_TOTAL_STEPS] = {"expected_total_steps", COLUMN_COUNT},
	[JOB_TOTAL_EPOCHS] = {"total_epochs", COLUMN_NUMBER},
	[JOB_TOTAL_STEPS_SOURCE] = {"total_steps_source", COLUMN_TEXT},
	[JOB_CURRENT_STEP] = {"current_step", COLUMN_COUNT},
	[JOB_CURRENT_EPOCH] = {"current_epoch", COLUMN_NUMBER},
	[JOB_PROGRESS] = {"progress", COLUMN_NUMBER},
};

/* The timestamp that belongs to a state; JOB_COLUMNS where none does. */
static const JobColumn state_timestamp[] = {
	[STATE_WAITING] = JOB_COLUMNS,		  [STATE_RUNNING] = JOB_STARTED_AT,
	[STATE_FAILED] = JOB_FAILED_AT,		  [STATE_COMPLETED] = JOB_COMPLETED_AT,
	[STATE_CANCELLED] = JOB_CANCELLED_AT,
};

static const JobColumn count_columns[] = {JOB_TOTAL_SAMPLES, JOB_TRAIN_SAMPLES,
										  JOB_VAL_SAMPLES};

/* The columns of a dataset that they come from, in the same order. */
static const char *const dataset_counts[] = {"sample_count", "train_samples",
											 "val_samples"};

/*
 * How datasets and the jobs that wait for them meet (meet.c).  The columns are
 * those of the set's tables.
 */
typedef struct DatasetMeeting
{
	MeetTable datasets; /* by their path */
	MeetTable jobs;		/* by the dataset's path, those that lack a count */
	Column dataset_user;
	Column job_user;
	bool users_compare; /* byte for byte */
	Column job_path;
	Column job_status;
	Column job_count[lengthof(count_columns)];
	Column job_total;
} DatasetMeeting;

/* What fill_job keeps of a jobs table (TrainjobSet.part). */
typedef struct FillPart
{
	Column key;
	Column column[JOB_COLUMNS];
	Column storage_path; /* of the datasets table, like the two below */
	Column dataset_user;
	Column dataset_count[lengthof(count_columns)];
	DirectFind find_path; /* datasets of a path */
	DatasetMeeting meeting;
} FillPart;

enum
{
	QUERY_DATASET
};

/* A row at work. */
typedef struct JobFill
{
	TriggerData *trigdata;
	TrainjobSet *set;
	FillPart *part;
	bool is_update;
	bool whole_row;			  /* the statement saves the whole row */
	TupleTableSlot *new_row;  /* as the statement leaves it */
	TupleTableSlot *old_row;  /* NULL on INSERT */
	Value value[JOB_COLUMNS]; /* what was filled, */
	bool filled[JOB_COLUMNS]; /* where this says so */
	SampleCounts found;		  /* what counts were looked up, see counts_now() */
} JobFill;

/* ----------
 * A row's values
 * ----------
 */

/*
 * Prepares finding datasets by their path, where the comparisons that the query
 * would make are those of bytes.
 */
static void
plan_find_path(FillPart *part, Relation datasets)
{
	Column *user = &part->dataset_user;
	Column *job_user = &part->column[JOB_USER_ID];

	if (part->storage_path.type == TEXTOID &&
		(user->attnum == 0 || job_user->attnum == 0 ||
		 (user->type == job_user->type && user->typlen > 0)))
		(void) trainjob_plan_find(datasets, &part->storage_path, false,
								  ACL_SELECT, &part->find_path);
}

/* Whether values of two columns are equal where their bytes are, and only there. */
static bool
compare_as_bytes(Relation rel, const Column *a, const Column *b)
{
	Oid collation;

	if (a->attnum == 0 || b->attnum == 0 || a->type != b->type)
		return false;
	if (a->typlen > 0)
		return true;
	collation =
		TupleDescAttr(RelationGetDescr(rel), a->attnum - 1)->attcollation;
	return (a->type == TEXTOID || a->type == VARCHAROID) &&
		   get_collation_isdeterministic(collation);
}

/* Finds what meetings take; "path" is that of the datasets. */
static void
plan_meeting(TrainjobSet *set, Relation datasets, Relation jobs,
			 const Column *path, DatasetMeeting *meeting)
{
	List *nullable = NIL;

	trainjob_find_column(set, TABLE_DATASETS, datasets, "user_id", COLUMN_KEY,
						 false, &meeting->dataset_user);
	trainjob_find_column(set, TABLE_JOBS, jobs, "user_id", COLUMN_KEY, false,
						 &meeting->job_user);
	meeting->users_compare =
		compare_as_bytes(datasets, &meeting->dataset_user, &meeting->job_user);
	trainjob_find_column(set, TABLE_JOBS, jobs, "dataset_path", COLUMN_TEXT,
						 false, &meeting->job_path);
	trainjob_find_column(set, TABLE_JOBS, jobs, "status", COLUMN_TEXT, true,
						 &meeting->job_status);
	trainjob_find_column(set, TABLE_JOBS, jobs, "total_steps", COLUMN_COUNT,
						 false, &meeting->job_total);
	for (int i = 0; i < lengthof(count_columns); i++)
		if (trainjob_find_column(set, TABLE_JOBS, jobs,
								 job_columns[count_columns[i]].name,
								 COLUMN_COUNT, false, &meeting->job_count[i]))
			nullable = lappend(nullable, meeting->job_count[i].name);
	if (meeting->job_count[0].attnum == 0 && meeting->job_total.attnum != 0)
		nullable = lappend(nullable, meeting->job_total.name);
	trainjob_plan_meet(&set->table[TABLE_DATASETS], datasets, path, TEXTOID,
					   &meeting->datasets);
	trainjob_plan_meet(&set->table[TABLE_JOBS], jobs, &meeting->job_path,
					   TEXTOID, &meeting->jobs);
	meeting->jobs.nullable = nullable;
}

static void
build_fill_part(TrainjobSet *set, Relation rel)
{
	FillPart *part = palloc0(sizeof(FillPart));
	Relation datasets;

	trainjob_find_column(set, TABLE_JOBS, rel, "id", COLUMN_KEY, false,
						 &part->key);
	trainjob_find_columns(set, TABLE_JOBS, rel, job_columns, JOB_COLUMNS,
						  part->column);
	datasets = trainjob_open_table(set, TABLE_DATASETS, rel, false, ACL_SELECT);
	if (datasets != NULL)
	{
		trainjob_find_column(set, TABLE_DATASETS, datasets, "storage_path",
							 COLUMN_KEY, true, &part->storage_path);
		trainjob_find_column(set, TABLE_DATASETS, datasets, "user_id",
							 COLUMN_KEY, false, &part->dataset_user);
		for (int i = 0; i < lengthof(dataset_counts); i++)
			trainjob_find_column(set, TABLE_DATASETS, datasets,
								 dataset_counts[i], COLUMN_COUNT, false,
								 &part->dataset_count[i]);
		plan_find_path(part, datasets);
		plan_meeting(set, datasets, rel, &part->storage_path, &part->meeting);
		relation_close(datasets, NoLock);
	}
	set->part = part;
}

/* A stored Datum of a row; *isnull is true for an absent column. */
static Datum
stored(JobFill *fill, TupleTableSlot *row, JobColumn c, bool *isnull)
{
	AttrNumber attnum = fill->part->column[c].attnum;

	if (attnum == 0 || row == NULL)
	{
		*isnull = true;
		return (Datum) 0;
	}
	return slot_getattr(row, attnum, isnull);
}

static Value
value_in(JobFill *fill, TupleTableSlot *row, JobColumn c)
{
	return trainjob_row_value(row, &fill->part->column[c]);
}

static Value
value_before(JobFill *fill, JobColumn c)
{
	return value_in(fill, fill->old_row, c);
}

/* The value of a column as it stands now, what was filled included. */
static Value
value_now(JobFill *fill, JobColumn c)
{
	return fill->filled[c] ? fill->value[c] : value_in(fill, fill->new_row, c);
}

/* Whether there is no value; a count that no bigint holds is none. */
static bool
is_null(JobFill *fill, JobColumn c)
{
	Column *column = &fill->part->column[c];
	Datum datum;
	bool isnull;

	if (fill->filled[c])
		return fill->value[c].isnull;
	datum = stored(fill, fill->new_row, c, &isnull);
	return isnull || (column->kind == COLUMN_COUNT &&
					  trainjob_convert_value(column, datum).isnull);
}

static bool
has_column(JobFill *fill, JobColumn c)
{
	return fill->part->column[c].attnum != 0;
}

/* Whether the statement gave the column another value; INSERT: any value. */
static bool
changed(JobFill *fill, JobColumn c)
{
	bool old_null;
	bool new_null;
	Datum old_datum = stored(fill, fill->old_row, c, &old_null);
	Datum new_datum = stored(fill, fill->new_row, c, &new_null);

	return !trainjob_same_datum(&fill->part->column[c], old_datum, old_null,
								new_datum, new_null);
}

static bool
named(JobFill *fill, JobColumn c)
{
	return trainjob_names_column(fill->trigdata, fill->part->column[c].attnum);
}

/* Whether the writer meant the column to have the value it has. */
static bool
said(JobFill *fill, JobColumn c)
{
	return changed(fill, c) || (named(fill, c) && !fill->whole_row);
}

static void
fill_value(JobFill *fill, JobColumn c, Value value)
{
	if (!has_column(fill, c))
		return;
	fill->value[c] = value;
	fill->filled[c] = true;
}

static void
fill_null(JobFill *fill, JobColumn c)
{
	if (!is_null(fill, c))
		fill_value(fill, c, (Value){.isnull = true});
}

static void
fill_time(JobFill *fill, JobColumn c, TimestampTz time)
{
	fill_value(fill, c, (Value){.time = time});
}

static void
fill_count(JobFill *fill, JobColumn c, int64 count)
{
	Value now = value_now(fill, c);

	if (now.isnull || now.count != count)
		fill_value(fill, c, (Value){.count = count});
}

static void
fill_number(JobFill *fill, JobColumn c, double number)
{
	Value now = value_now(fill, c);

	if (now.isnull || now.number != number)
		fill_value(fill, c, (Value){.number = number});
}

static void
fill_text(JobFill *fill, JobColumn c, const char *text)
{
	Value now = value_now(fill, c);

	if (now.isnull || strcmp(now.text, text) != 0)
		fill_value(fill, c, (Value){.text = (char *) text});
}

static bool
text_is(Value value, const char *text)
{
	return !value.isnull && strcmp(value.text, text) == 0;
}

/* ----------
 * Status and timestamps
 * ----------
 */

/*
 * When the status changed: what the writer says of it, by status_changed_at or
 * by the timestamp of the new state, but not later than now.
 */
static TimestampTz
time_of_change(JobFill *fill, JobState state)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	JobColumn timestamp = state_timestamp[state];
	Value given = {.isnull = true};

	if (said(fill, JOB_STATUS_CHANGED_AT))
		given = value_now(fill, JOB_STATUS_CHANGED_AT);
	else if (timestamp != JOB_COLUMNS && changed(fill, timestamp))
		given = value_now(fill, timestamp);
	return given.isnull ? now : Min(given.time, now);
}

/*
 * A job that had ended goes on: what the end left is cleared, and steps count
 * from what the statement says or from nothing.
 */
static void
restart(JobFill *fill, TimestampTz when)
{
	static const JobColumn cleared[] = {JOB_COMPLETED_AT,  JOB_FAILED_AT,
										JOB_CANCELLED_AT,  JOB_ERROR,
										JOB_ERROR_TYPE,	   JOB_CURRENT_STEP,
										JOB_CURRENT_EPOCH, JOB_PROGRESS};

	if (!said(fill, JOB_RESTARTED_AT) || is_null(fill, JOB_RESTARTED_AT))
		fill_time(fill, JOB_RESTARTED_AT, when);
	for (int i = 0; i < lengthof(cleared); i++)
		if (!said(fill, cleared[i]))
			fill_null(fill, cleared[i]);
}

/* A job that had ended one way has ended another way: one end is true. */
static void
end_otherwise(JobFill *fill, JobState state)
{
	for (JobState other = STATE_FAILED; other <= STATE_CANCELLED; other++)
		if (other != state && !said(fill, state_timestamp[other]))
			fill_null(fill, state_timestamp[other]);
	if (!said(fill, JOB_PROGRESS))
		fill_null(fill, JOB_PROGRESS); /* a completed job's 100 */
	if (state == STATE_FAILED)
		return;
	if (!said(fill, JOB_ERROR))
		fill_null(fill, JOB_ERROR);
	if (!said(fill, JOB_ERROR_TYPE))
		fill_null(fill, JOB_ERROR_TYPE);
}

/*
 * The status stays: so does the timestamp that belongs to it, and whatever an
 * object mapper that never read it saves NULL over.
 */
static void
keep_timestamps(JobFill *fill, JobState state)
{
	static const JobColumn kept[] = {JOB_STARTED_AT,   JOB_COMPLETED_AT,
									 JOB_FAILED_AT,	   JOB_CANCELLED_AT,
									 JOB_RESTARTED_AT, JOB_STATUS_CHANGED_AT};

	for (int i = 0; i < lengthof(kept); i++)
	{
		JobColumn c = kept[i];

		if ((fill->whole_row || c == state_timestamp[state]) &&
			has_column(fill, c) && is_null(fill, c) &&
			!value_before(fill, c).isnull)
			fill_time(fill, c, value_before(fill, c).time);
	}
}

/* Returns the state that the job is in now. */
static JobState
follow_status(JobFill *fill)
{
	TimestampTz when = GetCurrentTransactionStartTimestamp();
	JobState state = trainjob_state_of(value_now(fill, JOB_STATUS).text);
	JobColumn timestamp = state_timestamp[state];

	if (fill->is_update)
	{
		JobState before;

		if (!changed(fill, JOB_STATUS))
		{
			keep_timestamps(fill, state);
			return state;
		}
		before = trainjob_state_of(value_before(fill, JOB_STATUS).text);
		when = time_of_change(fill, state);
		fill_time(fill, JOB_STATUS_CHANGED_AT, when);
		if (trainjob_is_restart(before, state))
			restart(fill, when);
		else if (trainjob_has_ended(before) && before != state)
			end_otherwise(fill, state);
	}
	if (timestamp != JOB_COLUMNS && is_null(fill, timestamp))
		fill_time(fill, timestamp, when);
	return state;
}

/* ----------
 * Sample counts
 * ----------
 */

/* A count as SampleCounts holds it: NULL and what is no count is -1. */
static int64
known_count(Value value)
{
	return value.isnull || value.count < 0 ? -1 : value.count;
}

/* Of total = train + val, derives the one that is not known. */
static void
complete_counts(SampleCounts *counts)
{
	if (counts->total < 0 && counts->train >= 0 && counts->val >= 0 &&
		counts->train <= PG_INT64_MAX - counts->val)
		counts->total = counts->train + counts->val;
	else if (counts->train < 0 && counts->val >= 0 &&
			 counts->total >= counts->val)
		counts->train = counts->total - counts->val;
	else if (counts->val < 0 && counts->train >= 0 &&
			 counts->total >= counts->train)
		counts->val = counts->total - counts->train;
}

/*
 * SELECT counts FROM datasets
 *	WHERE storage_path = $1 AND (user_id = $2 OR user_id IS NULL)
 *	ORDER BY user_id NULLS LAST LIMIT 1
 */
static SPIPlanPtr
dataset_plan(JobFill *fill)
{
	FillPart *part = fill->part;
	StringInfoData query;
	Oid types[2] = {TEXTOID, InvalidOid};
	int nargs = 1;

	if (fill->set->plan[QUERY_DATASET] != NULL)
		return fill->set->plan[QUERY_DATASET];

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int i = 0; i < lengthof(part->dataset_count); i++)
		appendStringInfo(&query, "%s%s", i == 0 ? "" : ", ",
						 trainjob_selected(&part->dataset_count[i]));
	appendStringInfo(&query, " FROM %s WHERE %s OPERATOR(pg_catalog.=) $1",
					 fill->set->table[TABLE_DATASETS].quoted,
					 quote_identifier(part->storage_path.name));
	if (part->dataset_user.attnum != 0)
	{
		const char *user = quote_identifier(part->dataset_user.name);

		if (part->column[JOB_USER_ID].attnum != 0)
		{
			types[nargs++] = part->column[JOB_USER_ID].type;
			appendStringInfo(
				&query, " AND (%s OPERATOR(pg_catalog.=) $2 OR %s IS NULL)",
				user, user);
		}
		else
			appendStringInfo(&query, " AND %s IS NULL", user);
		appendStringInfo(&query, " ORDER BY %s NULLS LAST", user);
	}
	appendStringInfoString(&query, " LIMIT 1");
	return trainjob_keep_plan(fill->set, QUERY_DATASET, query.data, nargs,
							  types);
}

/* Asks for the dataset by a query; false where there is none. */
static bool
select_dataset(JobFill *fill, Datum path, Datum user, bool user_null,
			   int64 *count)
{
	Datum args[2] = {path, user};
	const char nulls[2] = {' ', user_null ? 'n' : ' '};
	bool found;

	SPI_connect();
	found =
		trainjob_execute(dataset_plan(fill), SPI_OK_SELECT, args, nulls) > 0;
	for (int i = 0; found && i < lengthof(count_columns); i++)
	{
		const Column *column = &fill->part->dataset_count[i];
		bool isnull;
		Datum datum = trainjob_result(SPI_tuptable, 0, i + 1, column, &isnull);

		count[i] = known_count(trainjob_read_value(column, datum, isnull));
	}
	SPI_finish();
	return found;
}

/* Among the datasets of a path, that of the user, or else of nobody. */
typedef struct DatasetSearch
{
	FillPart *part;
	Datum user;
	bool user_null;
	bool found;
	int64 *count;
} DatasetSearch;

/* A DirectVisit. */
static bool
see_dataset(Relation rel, TupleTableSlot *row, void *arg)
{
	DatasetSearch *search = arg;
	Column *user = &search->part->dataset_user;
	bool is_own = user->attnum == 0;

	if (user->attnum != 0)
	{
		bool isnull;
		Datum datum = slot_getattr(row, user->attnum, &isnull);

		is_own =
			!isnull && !search->user_null &&
			datumIsEqual(datum, search->user, user->typbyval, user->typlen);
		if (!is_own && (!isnull || search->found))
			return true;
	}
	search->found = true;
	for (int i = 0; i < lengthof(count_columns); i++)
		search->count[i] = known_count(
			trainjob_row_value(row, &search->part->dataset_count[i]));
	return !is_own;
}

/* Looks a dataset up; false, and all counts -1, where there is none. */
static bool
find_dataset(JobFill *fill, Datum path, Datum user, bool user_null,
			 SampleCounts *counts)
{
	int64 count[lengthof(count_columns)] = {-1, -1, -1};
	DatasetSearch search = {fill->part, user, user_null, false, count};
	TrainjobUser caller;

	trainjob_become_owner(&fill->set->table[TABLE_DATASETS], &caller);
	if (!trainjob_find_rows(&fill->part->find_path, path, see_dataset, &search))
		search.found = select_dataset(fill, path, user, user_null, count);
	trainjob_become_user(&caller);
	*counts = (SampleCounts){count[0], count[1], count[2]};
	return search.found;
}

/* Whose dataset or job meets another's; for the two functions below. */
typedef struct MeetingUser
{
	const DatasetMeeting *meeting;
	Datum user;
	bool user_null;
} MeetingUser;

/* Whether the user may be that of a row of the other table. */
static bool
is_same_user(const MeetingUser *own, const Column *column, Datum other)
{
	return !own->meeting->users_compare ||
		   datum_image_eq(own->user, other, column->typbyval, column->typlen);
}

/* A MeetFilter: a dataset that a job of the user may take its counts from. */
static bool
is_for_job(TupleTableSlot *row, void *arg)
{
	const MeetingUser *own = arg;
	const Column *column = &own->meeting->dataset_user;
	bool isnull = true;
	Datum user = (Datum) 0;

	if (column->attnum != 0)
		user = slot_getattr(row, column->attnum, &isnull);
	return isnull || (!own->user_null && is_same_user(own, column, user));
}

/* Whether a job waits for a dataset, as far as its row tells. */
static bool
is_waiting_job(const DatasetMeeting *meeting, TupleTableSlot *row)
{
	Value status = trainjob_row_value(row, &meeting->job_status);
	bool has_total = meeting->job_count[0].attnum != 0;

	if (status.isnull || trainjob_has_ended(trainjob_state_of(status.text)) ||
		slot_attisnull(row, meeting->job_path.attnum))
		return false;
	for (int i = 0; i < lengthof(count_columns); i++)
		if (meeting->job_count[i].attnum != 0 &&
			slot_attisnull(row, meeting->job_count[i].attnum))
			return true;
	/* a table that cannot hold the count can hold what follows from it */
	return !has_total && meeting->job_total.attnum != 0 &&
		   slot_attisnull(row, meeting->job_total.attnum);
}

/* A MeetFilter: a job that waits for a dataset of the user, or of nobody. */
static bool
is_for_dataset(TupleTableSlot *row, void *arg)
{
	const MeetingUser *own = arg;
	const Column *column = &own->meeting->job_user;
	bool isnull;
	Datum user;

	if (!is_waiting_job(own->meeting, row))
		return false;
	if (own->user_null || column->attnum == 0)
		return true;
	user = slot_getattr(row, column->attnum, &isnull);
	return !isnull && is_same_user(own, column, user);
}

static bool
can_meet(DatasetMeeting *meeting)
{
	return trainjob_can_meet(&meeting->datasets, &meeting->jobs);
}

/* Locks a dataset's path, see trainjob_lock_name(). */
static void
lock_path(Oid datasets, const char *path, LOCKMODE mode)
{
	trainjob_lock_name(datasets,
					   DatumGetUInt32(hash_any((const unsigned char *) path,
											   strlen(path))),
					   mode);
}

/* The configuration that a row holds; NULL where it has none. */
static Jsonb *
config_of(JobFill *fill, TupleTableSlot *row)
{
	bool isnull;
	Datum datum = stored(fill, row, JOB_CONFIG, &isnull);

	return isnull ? NULL
				  : trainjob_read_jsonb(&fill->part->column[JOB_CONFIG], datum);
}

/* Whether the statement sets a job going that had ended. */
static bool
is_restart(JobFill *fill)
{
	return fill->is_update && changed(fill, JOB_STATUS) &&
		   trainjob_is_restart(
			   trainjob_state_of(value_before(fill, JOB_STATUS).text),
			   trainjob_state_of(value_now(fill, JOB_STATUS).text));
}

/*
 * Whether a dataset that is being written may miss the row: the row is new, or
 * comes to wait for the dataset by this statement.  Any other row is found by
 * who writes the dataset (touch_waiting_jobs), who then waits for the row's
 * lock: to wait for him as well would be a deadlock.
 */
static bool
may_be_missed(JobFill *fill)
{
	if (!fill->is_update || changed(fill, JOB_DATASET_PATH) ||
		changed(fill, JOB_USER_ID) || is_restart(fill))
		return true;
	for (int i = 0; i < lengthof(count_columns); i++)
		if (changed(fill, count_columns[i]))
			return true;
	return !has_column(fill, JOB_TOTAL_SAMPLES) &&
		   changed(fill, JOB_TOTAL_STEPS);
}

/*
 * Whether the dataset leaves a count open that the table has a column for, be
 * it only one that follows from it.
 */
static bool
lacks_count(JobFill *fill, SampleCounts counts)
{
	complete_counts(&counts);
	return (counts.total < 0 && (has_column(fill, JOB_TOTAL_SAMPLES) ||
								 has_column(fill, JOB_TOTAL_STEPS))) ||
		   (counts.train < 0 && has_column(fill, JOB_TRAIN_SAMPLES)) ||
		   (counts.val < 0 && has_column(fill, JOB_VAL_SAMPLES));
}

/*
 * Whether there is a table of datasets, which is then locked.  Most calls never
 * ask: an ordinary report finds its job complete.
 */
static bool
has_datasets(JobFill *fill)
{
	fill->set = trainjob_get_set(fill->trigdata, "fill_job", TABLE_JOBS,
								 build_fill_part);
	fill->part = fill->set->part;
	return OidIsValid(fill->set->table[TABLE_DATASETS].oid);
}

/*
 * Looks a dataset up again, where it was not found or lacks a count: it may be
 * about to be committed.  A row that is waited for here has its counts at once;
 * await_dataset sees to the others.
 */
static void
find_coming_dataset(JobFill *fill, const char *name, Datum path, Datum user,
					bool user_null, bool found, SampleCounts *counts)
{
	DatasetMeeting *meeting = &fill->part->meeting;
	MeetingUser own = {meeting, user, user_null};
	MeetQuestion question = {&meeting->datasets, path, is_for_job, &own};
	MeetFound seen = {.other = true};

	if (!can_meet(meeting))
		lock_path(fill->set->table[TABLE_DATASETS].oid, name, RowExclusiveLock);
	else if (!found)
		trainjob_meet_newcomer(&question, &seen);
	else
		return;
	if (seen.other || seen.own)
		(void) find_dataset(fill, path, user, user_null, counts);
}

/*
 * The counts that a row's dataset gives, or its configuration where the dataset
 * is not there or does not say how many samples it has.  Where there is no
 * dataset yet, or it lacks a count, and "wait" is set, the write that brings it
 * will find the job.
 */
static SampleCounts
counts_for(JobFill *fill, TupleTableSlot *row, Jsonb *config, bool wait)
{
	SampleCounts counts = {-1, -1, -1};
	SampleCounts complete;
	bool found = false;
	bool user_null;
	Datum user = stored(fill, row, JOB_USER_ID, &user_null);
	Value path = value_in(fill, row, JOB_DATASET_PATH);

	if (!path.isnull && has_datasets(fill))
	{
		Datum path_text = CStringGetTextDatum(path.text);

		found = find_dataset(fill, path_text, user, user_null, &counts);
		if (wait && (!found || lacks_count(fill, counts)))
			find_coming_dataset(fill, path.text, path_text, user, user_null,
								found, &counts);
	}
	complete = counts;
	complete_counts(&complete);
	if (complete.total < 0 && complete.train < 0)
		counts.total = trainjob_config_sample_total(config);
	return counts;
}

static int64 *
count_at(SampleCounts *counts, int i)
{
	return i == 0 ? &counts->total : i == 1 ? &counts->train : &counts->val;
}

/* The counts of the row as it stands now; those found where it has no column. */
static SampleCounts
counts_now(JobFill *fill)
{
	SampleCounts counts = fill->found;

	for (int i = 0; i < lengthof(count_columns); i++)
		if (has_column(fill, count_columns[i]))
			*count_at(&counts, i) =
				known_count(value_now(fill, count_columns[i]));
	return counts;
}

/*
 * The counts of the row as it was or as it stands now, those that it lacks from
 * its dataset or configuration.
 */
static SampleCounts
find_counts(JobFill *fill, TupleTableSlot *row, Jsonb *config, bool wait)
{
	SampleCounts counts = counts_for(fill, row, config, wait);

	for (int i = 0; i < lengthof(count_columns); i++)
	{
		Value value = row == fill->new_row
						  ? value_now(fill, count_columns[i])
						  : value_in(fill, row, count_columns[i]);

		if (!value.isnull)
			*count_at(&counts, i) = known_count(value);
	}
	complete_counts(&counts);
	return counts;
}

/*
 * Another dataset or configuration: counts that came from the old one go, so
 * that the new one's take their place.  A count that the writer gave stays.
 */
static void
drop_derived_counts(JobFill *fill)
{
	SampleCounts derived =
		counts_for(fill, fill->old_row, config_of(fill, fill->old_row), false);

	complete_counts(&derived);
	for (int i = 0; i < lengthof(count_columns); i++)
	{
		JobColumn c = count_columns[i];
		Value before = value_before(fill, c);

		if (!changed(fill, c) && !before.isnull &&
			before.count == *count_at(&derived, i))
			fill_null(fill, c);
	}
}

/*
 * The dataset may have come after the configuration gave the total: what the
 * dataset says wins.
 */
static void
drop_outdated_total(JobFill *fill, Jsonb *config)
{
	Value total = value_now(fill, JOB_TOTAL_SAMPLES);
	SampleCounts found;

	if (total.isnull || changed(fill, JOB_TOTAL_SAMPLES) ||
		total.count != trainjob_config_sample_total(config))
		return;
	found = counts_for(fill, fill->new_row, config, false);
	complete_counts(&found);
	if ((found.total >= 0 && found.total != total.count) ||
		found.train > total.count)
		fill_null(fill, JOB_TOTAL_SAMPLES);
}

static void
fill_counts(JobFill *fill, Jsonb *config)
{
	if (fill->is_update &&
		(changed(fill, JOB_DATASET_PATH) || changed(fill, JOB_CONFIG)))
		drop_derived_counts(fill);
	else if (named(fill, JOB_DATASET_PATH))
		drop_outdated_total(fill, config);
	if (!is_null(fill, JOB_TOTAL_SAMPLES) &&
		!is_null(fill, JOB_TRAIN_SAMPLES) && !is_null(fill, JOB_VAL_SAMPLES))
		return;

	fill->found = find_counts(fill, fill->new_row, config, may_be_missed(fill));
	for (int i = 0; i < lengthof(count_columns); i++)
		if (is_null(fill, count_columns[i]) && *count_at(&fill->found, i) >= 0)
			fill_count(fill, count_columns[i], *count_at(&fill->found, i));
}

/* ----------
 * Total steps
 * ----------
 */

/* The estimate for the row as it was; -1 where there was none. */
static int64
estimate_before(JobFill *fill)
{
	Jsonb *old_config = config_of(fill, fill->old_row);
	SampleCounts counts = find_counts(fill, fill->old_row, old_config, false);
	JobConfig config;
	StepPlan plan;

	trainjob_read_config(old_config, &config);
	trainjob_plan_steps(&config, &counts, &plan);
	return plan.total_steps;
}

/* Whether total_steps still was the estimate before the statement. */
static bool
was_estimate(JobFill *fill)
{
	Value total = value_before(fill, JOB_TOTAL_STEPS);
	Value expected;

	if (total.isnull)
		return true;
	if (has_column(fill, JOB_TOTAL_STEPS_SOURCE))
		return text_is(value_before(fill, JOB_TOTAL_STEPS_SOURCE), "estimated");
	if (!has_column(fill, JOB_EXPECTED_TOTAL_STEPS))
		return total.count == estimate_before(fill);
	expected = value_before(fill, JOB_EXPECTED_TOTAL_STEPS);
	return !expected.isnull && expected.count == total.count;
}

/* What an estimate is made of. */
static const JobColumn estimate_inputs[] = {JOB_DATASET_PATH, JOB_CONFIG,
											JOB_TOTAL_SAMPLES,
											JOB_TRAIN_SAMPLES, JOB_VAL_SAMPLES};

/* Whether a statement did that, changed() or named(), to one of them. */
static bool
any_input(JobFill *fill, bool (*did)(JobFill *fill, JobColumn c))
{
	for (int i = 0; i < lengthof(estimate_inputs); i++)
		if (did(fill, estimate_inputs[i]))
			return true;
	return false;
}

/*
 * Whether the total is the estimate that this trigger gave to the row of an
 * INSERT ... ON CONFLICT DO UPDATE, which the SET list then took from EXCLUDED
 * together with what the estimate is made of: the writer gave none.
 */
static bool
echoes_estimate(JobFill *fill, int64 estimate)
{
	if (!fill->is_update || value_now(fill, JOB_TOTAL_STEPS).count != estimate)
		return false;
	return any_input(fill, named);
}

/*
 * For a total that echoes the estimate: it is one where the inputs changed, or
 * where there was no better; else what was known before stays.
 */
static void
settle_echo(JobFill *fill)
{
	if (was_estimate(fill) || any_input(fill, changed))
		fill_text(fill, JOB_TOTAL_STEPS_SOURCE, "estimated");
	else
	{
		Value source = value_before(fill, JOB_TOTAL_STEPS_SOURCE);

		fill_count(fill, JOB_TOTAL_STEPS,
				   value_before(fill, JOB_TOTAL_STEPS).count);
		if (!source.isnull)
			fill_text(fill, JOB_TOTAL_STEPS_SOURCE, source.text);
	}
}

/* Whose total_steps is it?  Settles total_steps_source for one that is said. */
static bool
total_is_said(JobFill *fill, int64 estimate)
{
	const char *source = "given";

	if (!said(fill, JOB_TOTAL_STEPS) || is_null(fill, JOB_TOTAL_STEPS))
		return false;
	if (echoes_estimate(fill, estimate))
	{
		settle_echo(fill);
		return true;
	}
	if (fill->is_update &&
		trainjob_state_of(value_before(fill, JOB_STATUS).text) == STATE_RUNNING)
		source = "reported";
	if (!said(fill, JOB_TOTAL_STEPS_SOURCE) ||
		is_null(fill, JOB_TOTAL_STEPS_SOURCE))
		fill_text(fill, JOB_TOTAL_STEPS_SOURCE, source);
	return true;
}

/* The epochs of the run; NULL where a number of steps limits it instead. */
static void
fill_epochs(JobFill *fill, const StepPlan *plan, const StepPlan *old_plan)
{
	Value epochs = value_now(fill, JOB_TOTAL_EPOCHS);

	if (!epochs.isnull && old_plan != NULL &&
		epochs.number == old_plan->num_epochs &&
		!changed(fill, JOB_TOTAL_EPOCHS))
		epochs.isnull = true;
	if (!epochs.isnull)
		return;
	if (plan->total_is_explicit || isnan(plan->num_epochs))
		fill_null(fill, JOB_TOTAL_EPOCHS);
	else
		fill_number(fill, JOB_TOTAL_EPOCHS, plan->num_epochs);
}

static void
fill_total_steps(JobFill *fill, Jsonb *config)
{
	SampleCounts counts = counts_now(fill);
	JobConfig job_config;
	StepPlan plan;
	StepPlan old_plan;

	trainjob_read_config(config, &job_config);
	trainjob_plan_steps(&job_config, &counts, &plan);
	if (fill->is_update && changed(fill, JOB_CONFIG))
	{
		JobConfig old_config;

		trainjob_read_config(config_of(fill, fill->old_row), &old_config);
		trainjob_plan_steps(&old_config, &counts, &old_plan);
		fill_epochs(fill, &plan, &old_plan);
	}
	else
		fill_epochs(fill, &plan, NULL);

	if (plan.total_steps > 0)
		fill_count(fill, JOB_EXPECTED_TOTAL_STEPS, plan.total_steps);
	else if (fill->is_update && !changed(fill, JOB_EXPECTED_TOTAL_STEPS))
		fill_null(fill, JOB_EXPECTED_TOTAL_STEPS);

	if (total_is_said(fill, plan.total_steps))
		return;
	if (!is_null(fill, JOB_TOTAL_STEPS) &&
		!(fill->is_update && was_estimate(fill)))
		return;
	if (plan.total_steps > 0)
	{
		fill_count(fill, JOB_TOTAL_STEPS, plan.total_steps);
		fill_text(fill, JOB_TOTAL_STEPS_SOURCE, "estimated");
	}
	else
	{
		fill_null(fill, JOB_TOTAL_STEPS);
		fill_null(fill, JOB_TOTAL_STEPS_SOURCE);
	}
}

/* ----------
 * Progress
 * ----------
 */

/*
 * Whether the total is one that epochs may not move although it is 'observed':
 * a step raised what was given or reported.  Then the epoch that the job had
 * before proves another total as well, and did not move it.
 */
static bool
was_raised_only(JobFill *fill, const JobConfig *config, const StepPlan *plan)
{
	Value total = value_before(fill, JOB_TOTAL_STEPS);
	Value step = value_before(fill, JOB_CURRENT_STEP);
	Value epoch = value_before(fill, JOB_CURRENT_EPOCH);

	return !total.isnull && !step.isnull && !epoch.isnull &&
		   text_is(value_before(fill, JOB_TOTAL_STEPS_SOURCE), "observed") &&
		   trainjob_observed_total(config, plan, total.count, step.count,
								   epoch.number) > 0;
}

/*
 * A report of (step, fractional epoch) may prove the estimate wrong.  Only a
 * total that was estimated from samples is moved: total_epochs is NULL where
 * the configuration states the steps.  The configuration is read only when the
 * report does not agree with the total, for it is stored out of line.
 */
static void
observe_epoch(JobFill *fill, int64 step, double epoch)
{
	Value total = value_now(fill, JOB_TOTAL_STEPS);
	Value epochs = value_now(fill, JOB_TOTAL_EPOCHS);
	Value source = value_now(fill, JOB_TOTAL_STEPS_SOURCE);
	SampleCounts counts;
	JobConfig config;
	StepPlan plan;
	int64 observed;

	if (epochs.isnull)
		return;
	if (!total.isnull)
	{
		if (!text_is(source, "estimated") && !text_is(source, "observed"))
			return;
		if (trainjob_epoch_agrees(total.count, epochs.number, step, epoch))
			return;
	}
	if (!total.isnull && !has_column(fill, JOB_TOTAL_SAMPLES))
		fill->found = find_counts(fill, fill->new_row,
								  config_of(fill, fill->new_row), false);
	counts = counts_now(fill);
	trainjob_read_config(config_of(fill, fill->new_row), &config);
	trainjob_plan_steps(&config, &counts, &plan);
	observed =
		trainjob_observed_total(&config, &plan, total.isnull ? -1 : total.count,
								step, epoch);
	if (observed < 1 || was_raised_only(fill, &config, &plan))
		return;
	fill_count(fill, JOB_TOTAL_STEPS, observed);
	fill_text(fill, JOB_TOTAL_STEPS_SOURCE, "observed");
}

/* Takes what is known of a step and its epoch into the total. */
static void
follow_evidence(JobFill *fill)
{
	Value step = value_now(fill, JOB_CURRENT_STEP);
	Value epoch = value_now(fill, JOB_CURRENT_EPOCH);
	const JobChange *change =
		trainjob_change_of(fill->new_row, &fill->part->key);

	if (change != NULL && change->has_evidence)
		observe_epoch(fill, change->step, change->epoch);
	else if (!step.isnull && !epoch.isnull && changed(fill, JOB_CURRENT_STEP) &&
			 changed(fill, JOB_CURRENT_EPOCH) &&
			 !named(fill, JOB_TOTAL_STEPS) &&
			 !named(fill, JOB_TOTAL_STEPS_SOURCE) &&
			 !(change != NULL && change->is_unpaired))
		observe_epoch(fill, step.count, epoch.number);
}

static void
follow_progress(JobFill *fill, JobState state)
{
	Value step = value_now(fill, JOB_CURRENT_STEP);
	Value total;

	if (fill->is_update)
		follow_evidence(fill);
	total = value_now(fill, JOB_TOTAL_STEPS);
	if (!step.isnull && !total.isnull && total.count > 0 &&
		step.count > total.count)
	{
		total = step;
		fill_count(fill, JOB_TOTAL_STEPS, step.count);
		fill_text(fill, JOB_TOTAL_STEPS_SOURCE, "observed");
	}

	if (state == STATE_COMPLETED)
		fill_number(fill, JOB_PROGRESS, 100);
	else if (!step.isnull && !total.isnull && total.count > 0)
		fill_number(fill, JOB_PROGRESS,
					step.count <= 0
						? 0
						: Min(100, 100.0 * step.count / total.count));
}

/* ----------
 * The row as a whole
 * ----------
 */

/* Whether the row is another than before the statement. */
static bool
row_differs(JobFill *fill)
{
	TupleDesc desc = RelationGetDescr(fill->trigdata->tg_relation);

	for (int i = 0; i < JOB_COLUMNS; i++)
		if (fill->filled[i])
			return true;
	if (changed(fill, JOB_CURRENT_STEP))
		return true;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (!att->attisdropped && !att->attgenerated &&
			!trainjob_same_attribute(fill->old_row, fill->new_row, i + 1))
			return true;
	}
	return false;
}

/* ----------
 * A narrow row
 *
 * Each report rewrites its job's row, so a configuration of a kilobyte had
 * better lie out of line.  The server looks for what to move out only in rows
 * of more than two kilobytes, whatever toast_tuple_target says, or in rows that
 * hold something out of line already.  Hence the first UPDATE of a job gives its
 * configuration as a pointer to memory (which is out of line, of a kind): the
 * server then fetches it back and moves it to where toast_tuple_target has it.
 * From then on the row has an ordinary out-of-line value.
 *
 * The memory must last as long as anybody holds the row: RETURNING may keep it
 * in a tuplestore.  It lasts to the end of the transaction, and there is no
 * more of it than CONFIG_MEMORY; rows beyond that wait for their next UPDATE.
 * ----------
 */

/* Smaller ones are better off in the row. */
#define CONFIG_WORTH_MOVING 256
#define CONFIG_MEMORY (16 * 1024 * 1024)

static MemoryContext config_memory = NULL;

static void
forget_config_memory(void *arg)
{
	config_memory = NULL;
}

/* The context for configurations, NULL where it is full. */
static MemoryContext
get_config_memory(void)
{
	MemoryContextCallback *callback;

	if (config_memory != NULL)
		return MemoryContextMemAllocated(config_memory, false) < CONFIG_MEMORY
				   ? config_memory
				   : NULL;
	config_memory =
		AllocSetContextCreate(TopTransactionContext, "trainjob configurations",
							  ALLOCSET_DEFAULT_SIZES);
	callback = MemoryContextAlloc(config_memory, sizeof(MemoryContextCallback));
	callback->func = forget_config_memory;
	callback->arg = NULL;
	MemoryContextRegisterResetCallback(config_memory, callback);
	return config_memory;
}

/* Gives the configuration as a pointer to memory, where it is to move out. */
static bool
move_config_out(JobFill *fill, Datum *pointer)
{
	Relation rel = fill->trigdata->tg_relation;
	Column *column = &fill->part->column[JOB_CONFIG];
	struct varlena *config;
	struct varlena *external;
	struct varatt_indirect indirect;
	MemoryContext memory;
	bool isnull;
	Datum datum;

	if (!fill->is_update || column->attnum == 0 ||
		!OidIsValid(rel->rd_rel->reltoastrelid) ||
		RelationGetToastTupleTarget(rel, TOAST_TUPLE_TARGET) >=
			TOAST_TUPLE_TARGET)
		return false;
	datum = stored(fill, fill->new_row, JOB_CONFIG, &isnull);
	if (isnull)
		return false;
	config = (struct varlena *) DatumGetPointer(datum);
	if (VARATT_IS_EXTERNAL(config) || VARSIZE_ANY(config) < CONFIG_WORTH_MOVING)
		return false;
	memory = get_config_memory();
	if (memory == NULL)
		return false;
	indirect.pointer = MemoryContextAlloc(memory, VARSIZE_ANY(config));
	memcpy(indirect.pointer, config, VARSIZE_ANY(config));
	external = palloc0(VARHDRSZ_EXTERNAL + sizeof(indirect));
	SET_VARTAG_EXTERNAL(external, VARTAG_INDIRECT);
	memcpy(VARDATA_EXTERNAL(external), &indirect, sizeof(indirect));
	*pointer = PointerGetDatum(external);
	return true;
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
		filled->datum[n] =
			trainjob_write_value(&fill->part->column[i], &fill->value[i],
								 &filled->isnull[n]);
		n++;
	}
	if (move_config_out(fill, &filled->datum[n]))
	{
		filled->attnum[n] = fill->part->column[JOB_CONFIG].attnum;
		filled->isnull[n] = false;
		n++;
	}
	filled->count = n;
}

/* Whether the statement touches what total_steps is made of. */
static bool
inputs_touched(JobFill *fill)
{
	static const JobColumn results[] = {JOB_TOTAL_STEPS, JOB_TOTAL_EPOCHS,
										JOB_EXPECTED_TOTAL_STEPS};

	for (int i = 0; i < lengthof(results); i++)
		if (named(fill, results[i]) || changed(fill, results[i]))
			return true;
	return any_input(fill, named) || any_input(fill, changed);
}

/* A row that says where its total_steps came from was filled before. */
static bool
is_complete(JobFill *fill)
{
	if (is_null(fill, JOB_TOTAL_STEPS))
		return false;
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

static void
fill_row(JobFill *fill)
{
	JobState state = follow_status(fill);

	drop_impossible_total(fill);
	if (fill->is_update ? inputs_touched(fill) || is_restart(fill)
						: !is_complete(fill))
	{
		Jsonb *config = config_of(fill, fill->new_row);

		if (!ended_elsewhere(fill, state))
			fill_counts(fill, config);
		fill_total_steps(fill, config);
	}
	follow_progress(fill, state);
	if (fill->is_update && !changed(fill, JOB_UPDATED_AT) && row_differs(fill))
		fill_time(fill, JOB_UPDATED_AT, GetCurrentTransactionStartTimestamp());
}

/* Works out what to fill in the row of a trigger call. */
static void
fill_called(TriggerData *trigdata, FilledColumns *filled)
{
	JobFill fill = {.trigdata = trigdata, .found = {-1, -1, -1}};

	fill.set =
		trainjob_get_own(trigdata, "fill_job", TABLE_JOBS, build_fill_part);
	fill.part = fill.set->part;
	fill.is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	fill.new_row =
		fill.is_update ? trigdata->tg_newslot : trigdata->tg_trigslot;
	fill.old_row = fill.is_update ? trigdata->tg_trigslot : NULL;
	fill.whole_row =
		named(&fill, JOB_CREATED_AT) || named(&fill, JOB_EXPECTED_TOTAL_STEPS);
	fill_row(&fill);
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

/* ----------
 * Datasets that come later
 * ----------
 */

/* The columns of a dataset that jobs wait for. */
typedef struct DatasetPart
{
	Column storage_path;
	Column user;
	Column count[lengthof(count_columns)];
	Column job_id; /* of the jobs table */
	DatasetMeeting meeting;
} DatasetPart;

enum
{
	QUERY_WAITING_JOBS,
	QUERY_TOUCH_JOB
};
StaticAssertDecl(QUERY_TOUCH_JOB < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

static void
find_dataset_columns(TrainjobSet *set, Relation datasets, Relation jobs,
					 DatasetPart *part)
{
	trainjob_find_column(set, TABLE_DATASETS, datasets, "storage_path",
						 COLUMN_TEXT, true, &part->storage_path);
	trainjob_find_column(set, TABLE_DATASETS, datasets, "user_id", COLUMN_KEY,
						 false, &part->user);
	trainjob_find_column(set, TABLE_JOBS, jobs, "id", COLUMN_KEY, true,
						 &part->job_id);
	for (int i = 0; i < lengthof(count_columns); i++)
		trainjob_find_column(set, TABLE_DATASETS, datasets, dataset_counts[i],
							 COLUMN_COUNT, false, &part->count[i]);
	plan_meeting(set, datasets, jobs, &part->storage_path, &part->meeting);
}

/* For fill_waiting_jobs, on the datasets table. */
static void
build_dataset_part(TrainjobSet *set, Relation rel)
{
	DatasetPart *part = palloc0(sizeof(DatasetPart));
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);
	Column path;

	trainjob_find_column(set, TABLE_JOBS, jobs, "dataset_path", COLUMN_TEXT,
						 true, &path);
	find_dataset_columns(set, rel, jobs, part);
	relation_close(jobs, NoLock);
	set->part = part;
}

/* For await_dataset, on the jobs table; there may be no datasets. */
static void
build_await_part(TrainjobSet *set, Relation rel)
{
	DatasetPart *part = palloc0(sizeof(DatasetPart));
	Relation datasets =
		trainjob_open_table(set, TABLE_DATASETS, rel, false, ACL_SELECT);

	if (datasets != NULL)
	{
		find_dataset_columns(set, datasets, rel, part);
		relation_close(datasets, NoLock);
	}
	set->part = part;
}

/*
 * SELECT id FROM jobs
 *	WHERE dataset_path = $1 AND (total_samples IS NULL OR ...)
 *	  AND status has not ended AND user_id = $2
 *	ORDER BY id
 */
static SPIPlanPtr
waiting_jobs_plan(TrainjobSet *set, DatasetPart *part)
{
	StringInfoData query;
	Oid types[2] = {TEXTOID, part->user.type};
	int nargs = 1;

	if (set->plan[QUERY_WAITING_JOBS] != NULL)
		return set->plan[QUERY_WAITING_JOBS];
	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT %s FROM %s WHERE %s OPERATOR(pg_catalog.=) $1"
					 " AND %s::pg_catalog.text OPERATOR(pg_catalog.<>) ALL"
					 " ('{completed,failed,cancelled}'::pg_catalog.text[])"
					 " AND (false",
					 quote_identifier(part->job_id.name),
					 set->table[TABLE_JOBS].quoted,
					 quote_identifier(part->meeting.job_path.name),
					 quote_identifier(part->meeting.job_status.name));
	for (int i = 0; i < lengthof(part->meeting.job_count); i++)
		if (part->meeting.job_count[i].attnum != 0)
			appendStringInfo(&query, " OR %s IS NULL",
							 quote_identifier(part->meeting.job_count[i].name));
	/* a table that cannot hold the count can hold what follows from it */
	if (part->meeting.job_count[0].attnum == 0 &&
		part->meeting.job_total.attnum != 0)
		appendStringInfo(&query, " OR %s IS NULL",
						 quote_identifier(part->meeting.job_total.name));
	appendStringInfoChar(&query, ')');
	if (part->user.attnum != 0 && part->meeting.job_user.attnum != 0)
	{
		nargs = 2;
		appendStringInfo(&query,
						 " AND ($2 IS NULL OR %s OPERATOR(pg_catalog.=) $2)",
						 quote_identifier(part->meeting.job_user.name));
	}
	appendStringInfo(&query, " ORDER BY %s",
					 quote_identifier(part->job_id.name));
	return trainjob_keep_plan(set, QUERY_WAITING_JOBS, query.data, nargs,
							  types);
}

/*
 * UPDATE jobs SET dataset_path = dataset_path
 *	WHERE id = $1 AND dataset_path = $2
 *
 * Writes nothing new: naming dataset_path makes fill_job look the dataset up.
 */
static SPIPlanPtr
touch_job_plan(TrainjobSet *set, DatasetPart *part)
{
	Oid types[2] = {part->job_id.type, TEXTOID};
	const char *path = quote_identifier(part->meeting.job_path.name);

	if (set->plan[QUERY_TOUCH_JOB] != NULL)
		return set->plan[QUERY_TOUCH_JOB];
	return trainjob_keep_plan(
		set, QUERY_TOUCH_JOB,
		psprintf("UPDATE %s SET %s = %s WHERE %s OPERATOR(pg_catalog.=) $1"
				 " AND %s OPERATOR(pg_catalog.=) $2",
				 set->table[TABLE_JOBS].quoted, path, path,
				 quote_identifier(part->job_id.name), path),
		2, types);
}

/* Whether an UPDATE changed nothing that a job takes from its dataset. */
static bool
dataset_is_same(TriggerData *trigdata, DatasetPart *part)
{
	const Column *columns[] = {&part->storage_path, &part->user,
							   &part->count[0], &part->count[1],
							   &part->count[2]};

	for (int i = 0; i < lengthof(columns); i++)
		if (!trainjob_same_in_rows(trigdata->tg_trigslot, trigdata->tg_newslot,
								   columns[i]))
			return false;
	return true;
}

/*
 * Touches the jobs that wait for a dataset of this path and user (NULL: of
 * nobody).
 */
static void
touch_waiting_jobs(TrainjobSet *set, DatasetPart *part, const MeetName *dataset)
{
	Datum args[2] = {dataset->key, dataset->user};
	const char nulls[2] = {' ', dataset->user_null ? 'n' : ' '};
	SPITupleTable *jobs;
	uint64 count;
	TrainjobUser caller;

	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	count = trainjob_execute(waiting_jobs_plan(set, part), SPI_OK_SELECT, args,
							 nulls);
	jobs = SPI_tuptable;
	args[1] = dataset->key;
	for (uint64 i = 0; i < count; i++)
	{
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		args[0] = trainjob_result(jobs, i, 1, &part->job_id, &isnull);
		trainjob_execute(touch_job_plan(set, part), SPI_OK_UPDATE, args, NULL);
	}
	trainjob_become_user(&caller);
	SPI_finish();
}

/* Asks for jobs that wait for a dataset, see MeetSide. */
static void
ask_for_jobs(TriggerData *trigdata, const MeetName *dataset,
			 MeetQuestion *question)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "fill_waiting_jobs",
										TABLE_DATASETS, build_dataset_part);
	DatasetPart *part = set->part;
	MeetingUser *own = palloc(sizeof(MeetingUser));

	*own = (MeetingUser){&part->meeting, dataset->user, dataset->user_null};
	*question =
		(MeetQuestion){&part->meeting.jobs, dataset->key, is_for_dataset, own};
}

static void
touch_found_jobs(TriggerData *trigdata, const MeetName *dataset)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "fill_waiting_jobs",
										TABLE_DATASETS, build_dataset_part);

	touch_waiting_jobs(set, set->part, dataset);
}

static const MeetSide dataset_side = {ask_for_jobs, touch_found_jobs};

/* Fills the jobs that wait for the dataset of a row, or are about to. */
static void
fill_jobs_of(TriggerData *trigdata, TrainjobSet *set, TupleTableSlot *row)
{
	DatasetPart *part = set->part;
	Value path = trainjob_row_value(row, &part->storage_path);
	MeetName dataset = {.user_null = true};

	if (path.isnull)
		return;
	dataset.key = CStringGetTextDatum(path.text);
	if (part->user.attnum != 0)
		dataset.user = slot_getattr(row, part->user.attnum, &dataset.user_null);
	if (can_meet(&part->meeting))
		trainjob_meet_await(&dataset_side, trigdata, &dataset,
							&(Column){.typlen = -1}, &part->user);
	else
	{
		lock_path(set->table[TABLE_DATASETS].oid, path.text, ShareLock);
		touch_waiting_jobs(set, part, &dataset);
	}
}

/*
 * fill_waiting_jobs
 *		AFTER INSERT OR UPDATE FOR EACH ROW on a datasets table: fills the jobs
 *		of this dataset that lack a sample count and have not ended.
 *
 * Arguments: jobs=schema.name (required), jobs.column=name,
 * datasets.column=name.
 */
Datum
trainjob_fill_waiting_jobs(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "fill_waiting_jobs",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	TrainjobSet *set = trainjob_get_set(trigdata, "fill_waiting_jobs",
										TABLE_DATASETS, build_dataset_part);
	bool is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);

	if (!is_update || !dataset_is_same(trigdata, set->part))
		fill_jobs_of(trigdata, set,
					 is_update ? trigdata->tg_newslot : trigdata->tg_trigslot);
	return PointerGetDatum(NULL);
}

/* ----------
 * Jobs that come at the same time as their dataset
 * ----------
 */

/*
 * Whether a dataset that was being written may have missed the job: it waits,
 * and did not before, or for another one.  A job that waited as it does now is
 * found by who writes the dataset, who then waits for its row.
 */
static bool
may_have_been_missed(TriggerData *trigdata, DatasetMeeting *meeting,
					 TupleTableSlot *row)
{
	TupleTableSlot *old_row = trigdata->tg_trigslot;

	if (!is_waiting_job(meeting, row))
		return false;
	return !TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ||
		   !is_waiting_job(meeting, old_row) ||
		   !trainjob_same_in_rows(old_row, row, &meeting->job_path) ||
		   !trainjob_same_in_rows(old_row, row, &meeting->job_user);
}

/* Touches the job of a row. */
static void
touch_job(TrainjobSet *set, DatasetPart *part, TupleTableSlot *row, Datum path)
{
	Datum args[2] = {(Datum) 0, path};
	bool isnull;
	TrainjobUser caller;

	args[0] = slot_getattr(row, part->job_id.attnum, &isnull);
	if (isnull)
		return;
	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	trainjob_execute(touch_job_plan(set, part), SPI_OK_UPDATE, args, NULL);
	trainjob_become_user(&caller);
	SPI_finish();
}

/*
 * await_dataset
 *		AFTER INSERT OR UPDATE FOR EACH ROW on a jobs table: where a job waits for
 *		its dataset, looks once more for it, and has the writer of that look for
 *		the job.
 *
 * Not for an UPDATE of certain columns: the types of these could not be changed
 * any more, and what another trigger did to them would not be seen.
 *
 * Arguments: datasets=schema.name (optional), jobs.column=name,
 * datasets.column=name.
 */
Datum
trainjob_await_dataset(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "await_dataset",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	TrainjobSet *set = trainjob_get_own(trigdata, "await_dataset", TABLE_JOBS,
										build_await_part);
	DatasetPart *part = set->part;
	TupleTableSlot *row = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)
							  ? trigdata->tg_newslot
							  : trigdata->tg_trigslot;
	MeetingUser own = {.user_null = true};
	MeetQuestion question = {.concerns = is_for_job, .arg = &own};
	MeetFound found;

	if (part->meeting.job_path.attnum == 0 ||
		!may_have_been_missed(trigdata, &part->meeting, row))
		return PointerGetDatum(NULL);
	set = trainjob_get_set(trigdata, "await_dataset", TABLE_JOBS,
						   build_await_part);
	part = set->part;
	if (part->meeting.job_path.attnum == 0 || !can_meet(&part->meeting))
		return PointerGetDatum(NULL);
	question.table = &part->meeting.datasets;
	question.key = CStringGetTextDatum(
		trainjob_row_value(row, &part->meeting.job_path).text);
	own.meeting = &part->meeting;
	if (part->meeting.job_user.attnum != 0)
		own.user =
			slot_getattr(row, part->meeting.job_user.attnum, &own.user_null);
	trainjob_meet_newcomer(&question, &found);
	/* what was committed before this statement fill_job has found */
	if (found.fresh)
		touch_job(set, part, row, question.key);
	return PointerGetDatum(NULL);
}
