/*
 * dataset_meeting.c
 *	  How datasets and the jobs that wait for them meet.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "jobs/dataset_meeting.h"
#include "status/status.h"
#include "tables/meet.h"
#include "tables/partner.h"
#include "tables/set.h"

const JobColumn trainjob_job_counts[SAMPLE_COUNTS] = {JOB_TOTAL_SAMPLES,
													  JOB_TRAIN_SAMPLES,
													  JOB_VAL_SAMPLES};

const DatasetColumn trainjob_dataset_counts[SAMPLE_COUNTS] = {
	DATASET_SAMPLE_COUNT, DATASET_TRAIN_SAMPLES, DATASET_VAL_SAMPLES};

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

/* The columns of jobs of which one is NULL where a job waits. */
static void
find_open_columns(TrainjobSet *set, Relation jobs, DatasetMeeting *meeting)
{
	Column *open = meeting->open;
	int count = 0;
	bool has_total = false;

	for (int i = 0; i < SAMPLE_COUNTS; i++)
	{
		if (!trainjob_find_column(set, TABLE_JOBS, jobs, trainjob_job_counts[i],
								  false, &open[count]))
			continue;
		has_total |= trainjob_job_counts[i] == JOB_TOTAL_SAMPLES;
		count++;
	}
	/* a table that cannot hold the count can hold what follows from it */
	if (!has_total &&
		trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOTAL_STEPS, false,
							 &open[count]))
		count++;
	meeting->open_count = count;
}

void
trainjob_plan_dataset_meeting(TrainjobSet *set, Relation datasets,
							  Relation jobs, DatasetMeeting *meeting)
{
	bool any_filler = false;

	trainjob_find_column(set, TABLE_DATASETS, datasets, DATASET_STORAGE_PATH,
						 true, &meeting->dataset_path);
	trainjob_find_column(set, TABLE_DATASETS, datasets, DATASET_USER_ID, false,
						 &meeting->dataset_user);
	for (int i = 0; i < SAMPLE_COUNTS; i++)
		trainjob_find_column(set, TABLE_DATASETS, datasets,
							 trainjob_dataset_counts[i], false,
							 &meeting->dataset_count[i]);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_USER_ID, false,
						 &meeting->job_user);
	meeting->users_compare =
		compare_as_bytes(datasets, &meeting->dataset_user, &meeting->job_user);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_DATASET_PATH, false,
						 &meeting->job_path);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_STATUS, true,
						 &meeting->job_status);
	find_open_columns(set, jobs, meeting);
	/* no index tells where a filler stands for NULL */
	for (int i = 0; i < meeting->open_count; i++)
		any_filler |= meeting->open[i].has_filler;
	trainjob_plan_meet(&set->table[TABLE_DATASETS], datasets,
					   &meeting->dataset_path,
					   trainjob_path_type(&meeting->dataset_path),
					   &meeting->datasets);
	trainjob_plan_meet(&set->table[TABLE_JOBS], jobs, &meeting->job_path,
					   trainjob_path_type(&meeting->job_path), &meeting->jobs);
	for (int i = 0; i < meeting->open_count && !any_filler; i++)
		meeting->jobs.nullable =
			lappend(meeting->jobs.nullable, meeting->open[i].name);
}

/* Whether the user may be that of a row of the other table. */
static bool
is_same_user(const MeetingUser *own, const Column *column, Datum other)
{
	return !own->meeting->users_compare ||
		   datum_image_eq(own->user, other, column->typbyval, column->typlen);
}

bool
trainjob_is_dataset_for_job(TupleTableSlot *row, void *arg)
{
	const MeetingUser *own = arg;
	const Column *column = &own->meeting->dataset_user;
	bool isnull = true;
	Datum user = (Datum) 0;

	if (column->attnum != 0)
		user = slot_getattr(row, column->attnum, &isnull);
	return isnull || (!own->user_null && is_same_user(own, column, user));
}

bool
trainjob_is_waiting_job(const DatasetMeeting *meeting, TupleTableSlot *row)
{
	Value status = trainjob_row_value(row, &meeting->job_status);

	if (status.isnull || trainjob_has_ended(trainjob_state_of(status.text)) ||
		trainjob_row_is_null(row, &meeting->job_path))
		return false;
	for (int i = 0; i < meeting->open_count; i++)
		if (trainjob_row_is_null(row, &meeting->open[i]))
			return true;
	return false;
}

bool
trainjob_is_job_for_dataset(TupleTableSlot *row, void *arg)
{
	const MeetingUser *own = arg;
	const Column *column = &own->meeting->job_user;
	bool isnull;
	Datum user;

	if (!trainjob_is_waiting_job(own->meeting, row))
		return false;
	if (own->user_null || column->attnum == 0)
		return true;
	user = slot_getattr(row, column->attnum, &isnull);
	return !isnull && is_same_user(own, column, user);
}

bool
trainjob_datasets_can_meet(DatasetMeeting *meeting)
{
	return trainjob_can_meet(&meeting->datasets, &meeting->jobs);
}

void
trainjob_lock_dataset_path(Oid datasets, const char *path, LOCKMODE mode)
{
	trainjob_lock_name(datasets,
					   DatumGetUInt32(hash_any((const unsigned char *) path,
											   strlen(path))),
					   mode);
}
