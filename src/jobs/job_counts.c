/*
 * job_counts.c
 *	  A job's numbers of samples, from its dataset or its configuration.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "jobs/dataset_meeting.h"
#include "jobs/job_counts.h"
#include "jobs/job_row.h"
#include "jobs/job_times.h"
#include "steps/steps.h"
#include "tables/direct_find.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/query.h"
#include "tables/set.h"

enum
{
	QUERY_DATASET
};

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
	static const int counts[SAMPLE_COUNTS] = {0, 1, 2};
	DatasetMeeting *meeting = &fill->part->meeting;
	const Column *job_user = &fill->part->column[JOB_USER_ID];
	Oid types[2] = {trainjob_path_type(&meeting->dataset_path), job_user->type};
	const char *condition = "";
	const char *order = "";

	if (fill->set->plan[QUERY_DATASET] != NULL)
		return fill->set->plan[QUERY_DATASET];
	if (meeting->dataset_user.attnum != 0)
	{
		const char *user = quote_identifier(meeting->dataset_user.name);

		condition =
			job_user->attnum == 0
				? psprintf(" AND %s IS NULL", user)
				: psprintf(" AND (%s OR %s IS NULL)",
						   trainjob_equals(&meeting->dataset_user, 2), user);
		order = psprintf(" ORDER BY %s NULLS LAST", user);
	}
	return trainjob_keep_plan(
		fill->set, QUERY_DATASET,
		psprintf("SELECT %s FROM %s WHERE %s%s%s LIMIT 1",
				 trainjob_select_list(meeting->dataset_count, counts,
									  SAMPLE_COUNTS),
				 fill->set->table[TABLE_DATASETS].quoted,
				 trainjob_equals(&meeting->dataset_path, 1), condition, order),
		meeting->dataset_user.attnum != 0 && job_user->attnum != 0 ? 2 : 1,
		types);
}

/* Asks for the dataset by a query; false where there is none. */
static bool
select_dataset(JobFill *fill, Datum path, Datum user, bool user_null,
			   int64 *count)
{
	Datum args[2] = {path, user};
	const char nulls[2] = {' ', user_null ? 'n' : ' '};
	FoundRow row = {0};
	bool found;

	SPI_connect();
	found =
		trainjob_execute(dataset_plan(fill), SPI_OK_SELECT, args, nulls) > 0;
	for (int i = 0; found && i < SAMPLE_COUNTS; i++)
		count[i] = known_count(
			trainjob_found_value(&row, i + 1,
								 &fill->part->meeting.dataset_count[i]));
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
	Column *user = &search->part->meeting.dataset_user;
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
	for (int i = 0; i < SAMPLE_COUNTS; i++)
		search->count[i] = known_count(
			trainjob_row_value(row, &search->part->meeting.dataset_count[i]));
	return !is_own;
}

/* Looks a dataset up; false, and all counts -1, where there is none. */
static bool
find_dataset(JobFill *fill, Datum path, Datum user, bool user_null,
			 SampleCounts *counts)
{
	int64 count[SAMPLE_COUNTS] = {-1, -1, -1};
	DatasetSearch search = {fill->part, user, user_null, false, count};
	TrainjobUser caller;

	trainjob_become_owner(&fill->set->table[TABLE_DATASETS], &caller);
	if (!trainjob_find_rows(&fill->part->find_path, path, see_dataset, &search))
		search.found = select_dataset(fill, path, user, user_null, count);
	trainjob_restore_user(&caller);
	*counts = (SampleCounts){count[0], count[1], count[2]};
	return search.found;
}

Jsonb *
trainjob_config_of(JobFill *fill, TupleTableSlot *row)
{
	bool isnull;
	Datum datum = stored(fill, row, JOB_CONFIG, &isnull);

	return isnull ? NULL
				  : trainjob_read_jsonb(&fill->part->column[JOB_CONFIG], datum);
}

/*
 * Whether a dataset that is being written may miss the row: the row is new, or
 * comes to wait for the dataset by this statement.  Any other row is found by
 * the writer of the dataset (touch_waiting_jobs), which then waits for the row's
 * lock: to wait for that writer as well would be a deadlock.
 */
static bool
may_be_missed(JobFill *fill)
{
	if (!fill->is_update || changed(fill, JOB_DATASET_PATH) ||
		changed(fill, JOB_USER_ID) || trainjob_restarts(fill))
		return true;
	for (int i = 0; i < SAMPLE_COUNTS; i++)
		if (changed(fill, trainjob_job_counts[i]))
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
								 trainjob_build_fill_part);
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
	MeetQuestion question = {&meeting->datasets, path,
							 trainjob_is_dataset_for_job, &own};
	MeetFound seen = {.other = true};

	if (!trainjob_datasets_can_meet(meeting))
		trainjob_lock_dataset_path(fill->set->table[TABLE_DATASETS].oid, name,
								   RowExclusiveLock);
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
	Datum key;

	if (!path.isnull && has_datasets(fill) &&
		trainjob_path_value(&fill->part->meeting.dataset_path, path.text, &key))
	{
		found = find_dataset(fill, key, user, user_null, &counts);
		if (wait && (!found || lacks_count(fill, counts)))
			find_coming_dataset(fill, path.text, key, user, user_null, found,
								&counts);
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

SampleCounts
trainjob_counts_now(JobFill *fill)
{
	SampleCounts counts = fill->found;

	for (int i = 0; i < SAMPLE_COUNTS; i++)
		if (has_column(fill, trainjob_job_counts[i]))
			*count_at(&counts, i) =
				known_count(value_now(fill, trainjob_job_counts[i]));
	return counts;
}

SampleCounts
trainjob_find_counts(JobFill *fill, TupleTableSlot *row, Jsonb *config,
					 bool wait)
{
	SampleCounts counts = counts_for(fill, row, config, wait);

	for (int i = 0; i < SAMPLE_COUNTS; i++)
	{
		Value value = row == fill->new_row
						  ? value_now(fill, trainjob_job_counts[i])
						  : value_in(fill, row, trainjob_job_counts[i]);

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
	TupleTableSlot *row = row_before_computing(fill);
	SampleCounts derived;

	if (row == NULL)
		row = fill->old_row;
	derived = counts_for(fill, row, trainjob_config_of(fill, row), false);

	complete_counts(&derived);
	for (int i = 0; i < SAMPLE_COUNTS; i++)
	{
		JobColumn c = trainjob_job_counts[i];
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

void
trainjob_fill_counts(JobFill *fill, Jsonb *config)
{
	if (fill->is_update &&
		(changed(fill, JOB_DATASET_PATH) || changed(fill, JOB_CONFIG) ||
		 row_before_computing(fill) != NULL))
		drop_derived_counts(fill);
	else if (given(fill, JOB_DATASET_PATH))
		drop_outdated_total(fill, config);
	if (!is_null(fill, JOB_TOTAL_SAMPLES) &&
		!is_null(fill, JOB_TRAIN_SAMPLES) && !is_null(fill, JOB_VAL_SAMPLES))
		return;

	fill->found =
		trainjob_find_counts(fill, fill->new_row, config, may_be_missed(fill));
	for (int i = 0; i < SAMPLE_COUNTS; i++)
		if (is_null(fill, trainjob_job_counts[i]) &&
			*count_at(&fill->found, i) >= 0)
			fill_count(fill, trainjob_job_counts[i],
					   *count_at(&fill->found, i));
}
