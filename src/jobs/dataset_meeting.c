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
#include "jobs/job_change.h"
#include "jobs/job_row.h"
#include "jobs/job_total.h"
#include "jobs/status.h"
#include "tables/direct_find.h"
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

void
trainjob_plan_dataset_meeting(TrainjobSet *set, Relation datasets,
							  Relation jobs, const Column *path,
							  DatasetMeeting *meeting)
{
	List *nullable = NIL;

	trainjob_find_column(set, TABLE_DATASETS, datasets, DATASET_USER_ID, false,
						 &meeting->dataset_user);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_USER_ID, false,
						 &meeting->job_user);
	meeting->users_compare =
		compare_as_bytes(datasets, &meeting->dataset_user, &meeting->job_user);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_DATASET_PATH, false,
						 &meeting->job_path);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_STATUS, true,
						 &meeting->job_status);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOTAL_STEPS, false,
						 &meeting->job_total);
	for (int i = 0; i < SAMPLE_COUNTS; i++)
		if (trainjob_find_column(set, TABLE_JOBS, jobs, trainjob_job_counts[i],
								 false, &meeting->job_count[i]))
			nullable = lappend(nullable, meeting->job_count[i].name);
	if (meeting->job_count[0].attnum == 0 && meeting->job_total.attnum != 0)
		nullable = lappend(nullable, meeting->job_total.name);
	trainjob_plan_meet(&set->table[TABLE_DATASETS], datasets, path, TEXTOID,
					   &meeting->datasets);
	trainjob_plan_meet(&set->table[TABLE_JOBS], jobs, &meeting->job_path,
					   TEXTOID, &meeting->jobs);
	meeting->jobs.nullable = nullable;
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
	bool has_total = meeting->job_count[0].attnum != 0;

	if (status.isnull || trainjob_has_ended(trainjob_state_of(status.text)) ||
		slot_attisnull(row, meeting->job_path.attnum))
		return false;
	for (int i = 0; i < SAMPLE_COUNTS; i++)
		if (meeting->job_count[i].attnum != 0 &&
			slot_attisnull(row, meeting->job_count[i].attnum))
			return true;
	/* a table that cannot hold the count can hold what follows from it */
	return !has_total && meeting->job_total.attnum != 0 &&
		   slot_attisnull(row, meeting->job_total.attnum);
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
