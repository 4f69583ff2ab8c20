/*
 * job_row.c
 *	  A row of the jobs table at work in fill_job.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"

#include "jobs/dataset_meeting.h"
#include "jobs/job_change.h"
#include "jobs/job_row.h"
#include "jobs/status.h"
#include "tables/direct_find.h"
#include "tables/meet.h"
#include "tables/partner.h"
#include "tables/set.h"

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
const JobColumn trainjob_state_timestamp[] = {
	[STATE_WAITING] = JOB_COLUMNS,		  [STATE_RUNNING] = JOB_STARTED_AT,
	[STATE_FAILED] = JOB_FAILED_AT,		  [STATE_COMPLETED] = JOB_COMPLETED_AT,
	[STATE_CANCELLED] = JOB_CANCELLED_AT,
};

const JobColumn trainjob_count_columns[SAMPLE_COUNTS] = {JOB_TOTAL_SAMPLES,
														 JOB_TRAIN_SAMPLES,
														 JOB_VAL_SAMPLES};

/* The columns of a dataset that they come from, in the same order. */
const char *const trainjob_dataset_counts[SAMPLE_COUNTS] = {"sample_count",
															"train_samples",
															"val_samples"};

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

void
trainjob_build_fill_part(TrainjobSet *set, Relation rel)
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
		for (int i = 0; i < SAMPLE_COUNTS; i++)
			trainjob_find_column(set, TABLE_DATASETS, datasets,
								 trainjob_dataset_counts[i], COLUMN_COUNT,
								 false, &part->dataset_count[i]);
		plan_find_path(part, datasets);
		trainjob_plan_dataset_meeting(set, datasets, rel, &part->storage_path,
									  &part->meeting);
		relation_close(datasets, NoLock);
	}
	set->part = part;
}
