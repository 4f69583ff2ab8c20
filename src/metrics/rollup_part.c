/*
 * rollup_part.c
 *	  What the roll-up keeps of a set.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/sysattr.h"
#include "utils/typcache.h"

#include "jobs/direct_update.h"
#include "metrics/rollup_part.h"
#include "tables/partner.h"

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

void
trainjob_build_roll_up_part(TrainjobSet *set, Relation rel)
{
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);

	find_roll_up_columns(set, rel, jobs);
	plan_updates(set->part, jobs);
	relation_close(jobs, NoLock);
}

void
trainjob_build_restart_part(TrainjobSet *set, Relation rel)
{
	Relation metrics =
		trainjob_open_table(set, TABLE_METRICS, rel, false, ACL_SELECT);

	if (metrics == NULL)
		return;
	find_roll_up_columns(set, metrics, rel);
	relation_close(metrics, NoLock);
}
