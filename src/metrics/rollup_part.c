/*
 * rollup_part.c
 *	  What the roll-up keeps of a set.
 */
#include "postgres.h"

#include "access/relation.h"
#include "utils/typcache.h"

#include "jobs/job_change.h"
#include "metrics/rollup_part.h"
#include "tables/partner.h"

/* What the roll-up reads or writes of a job. */
static const int job_columns[] = {JOB_STATUS,
								  JOB_ERROR_TYPE,
								  JOB_STATUS_CHANGED_AT,
								  JOB_RESTARTED_AT,
								  JOB_LAST_METRIC_AT,
								  JOB_CURRENT_STEP,
								  JOB_TOTAL_EPOCHS,
								  JOB_TOTAL_STEPS,
								  JOB_TOTAL_STEPS_SOURCE,
								  JOB_BEST_EVAL_LOSS,
								  JOB_BEST_STEP,
								  JOB_BEST_EPOCH,
								  TRAINJOB_LATEST_JOB_COLUMNS};

static void
find_roll_up_columns(TrainjobSet *set, Relation rel, Relation jobs)
{
	RollUpPart *part = palloc0(sizeof(RollUpPart));
	TypeCacheEntry *type;

	trainjob_find_metric_columns(set, rel, &part->metric);
	trainjob_find_job_table(set, jobs, job_columns, lengthof(job_columns),
							&part->metric.job_id, &part->jobs);
	part->whole_counts =
		trainjob_whole_counts(&part->metric,
							  &part->jobs.column[JOB_CURRENT_EPOCH]);
	type =
		lookup_type_cache(part->metric.job_id.type, TYPECACHE_CMP_PROC_FINFO);
	if (OidIsValid(type->cmp_proc_finfo.fn_oid))
	{
		part->compare = palloc(sizeof(FmgrInfo));
		fmgr_info_copy(part->compare, &type->cmp_proc_finfo,
					   CurrentMemoryContext);
	}
	if (part->metric.job_id.type == part->jobs.column[JOB_ID].type)
		(void) trainjob_plan_descending(rel, &part->metric.job_id,
										&part->metric.step, &part->metric.id,
										ACL_SELECT, &part->newest_first);
	set->part = part;
}

/* What advances a job. */
static void
plan_advance(RollUpPart *part, Relation jobs)
{
	JobUpdate *update = &part->advance;

	update->if_ahead = true;
	trainjob_add_setting(update, &part->jobs, JOB_CURRENT_STEP, CHANGE_SET);
	trainjob_add_setting(update, &part->jobs, JOB_LAST_METRIC_AT,
						 CHANGE_GREATEST);
	for (int i = 0; i < LATEST_COUNT; i++)
		trainjob_add_setting(update, &part->jobs, trainjob_latest[i].job,
							 CHANGE_COALESCE);
	trainjob_plan_job_update(update, &part->jobs, jobs, QUERY_ADVANCE);
}

/* What settles it. */
static void
plan_settle(RollUpPart *part, Relation jobs)
{
	static const JobColumn settled[] = {JOB_STATUS,		  JOB_STATUS_CHANGED_AT,
										JOB_RESTARTED_AT, JOB_LAST_METRIC_AT,
										JOB_CURRENT_STEP, JOB_BEST_EVAL_LOSS,
										JOB_BEST_STEP,	  JOB_BEST_EPOCH};
	JobUpdate *update = &part->settle;

	for (int i = 0; i < lengthof(settled); i++)
		trainjob_add_setting(update, &part->jobs, settled[i], CHANGE_SET);
	for (int i = 0; i < LATEST_COUNT; i++)
		trainjob_add_setting(update, &part->jobs, trainjob_latest[i].job,
							 CHANGE_SET);
	trainjob_plan_job_update(update, &part->jobs, jobs, QUERY_SETTLE);
}

void
trainjob_build_roll_up_part(TrainjobSet *set, Relation rel)
{
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);

	find_roll_up_columns(set, rel, jobs);
	plan_advance(set->part, jobs);
	plan_settle(set->part, jobs);
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
	plan_settle(set->part, rel);
	relation_close(metrics, NoLock);
}
