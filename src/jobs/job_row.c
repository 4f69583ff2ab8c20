/*
 * job_row.c
 *	  A row of the jobs table at work in fill_job.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"

#include "jobs/dataset_meeting.h"
#include "jobs/job_row.h"
#include "status/status.h"
#include "tables/direct_find.h"
#include "tables/partner.h"
#include "tables/set.h"

/* What fill_job reads or fills. */
static const int job_columns[] = {JOB_USER_ID,
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
								  JOB_LAST_METRIC_AT,
								  JOB_LAST_SEEN_AT,
								  JOB_CURRENT_STEP,
								  JOB_PROGRESS,
								  JOB_BEST_EVAL_LOSS,
								  JOB_BEST_STEP,
								  JOB_BEST_EPOCH,
								  TRAINJOB_LATEST_JOB_COLUMNS};

/*
 * Prepares finding datasets by their path, where the comparisons that the query
 * would make are those of bytes.
 */
static void
plan_find_path(FillPart *part, Relation datasets)
{
	Column *path = &part->meeting.dataset_path;
	Column *user = &part->meeting.dataset_user;
	Column *job_user = &part->column[JOB_USER_ID];

	/* a varchar is compared as text, of other lengths perhaps */
	if (path->type == trainjob_path_type(path) &&
		(user->attnum == 0 || job_user->attnum == 0 ||
		 (user->type == job_user->type && user->typlen > 0)))
		(void) trainjob_plan_find(datasets, path, false, ACL_SELECT,
								  &part->find_path);
}

void
trainjob_build_fill_part(TrainjobSet *set, Relation rel)
{
	FillPart *part = palloc0(sizeof(FillPart));
	Relation datasets;

	trainjob_find_column(set, TABLE_JOBS, rel, JOB_ID, false, &part->key);
	trainjob_find_columns(set, TABLE_JOBS, rel, job_columns,
						  lengthof(job_columns), part->column);
	datasets = trainjob_open_table(set, TABLE_DATASETS, rel, false, ACL_SELECT);
	if (datasets != NULL)
	{
		trainjob_plan_dataset_meeting(set, datasets, rel, &part->meeting);
		plan_find_path(part, datasets);
		relation_close(datasets, NoLock);
	}
	set->part = part;
}
