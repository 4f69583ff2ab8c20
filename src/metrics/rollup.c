/*
 * rollup.c
 *	  Reports go up: the statement trigger that carries a statement's reports to
 *	  their jobs, and the row trigger that does it when a job restarts.
 *
 * roll_up_metrics has one JobReports for each job (reports.c), and updates
 * the jobs one by one in the order of their ids.
 *
 * The ordinary report is ahead of all that came before: its steps are higher
 * than the job's current_step.  Then one UPDATE does it all (advance.c), and
 * its WHERE clause makes sure of it after waiting for whoever held the row.
 * Everything else goes the long way (settle.c): the first report, an
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

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "status/status.h"
#include "metrics/advance.h"
#include "metrics/rollup_part.h"
#include "metrics/settle.h"
#include "pg/trigger_call.h"
#include "tables/owner.h"

PG_FUNCTION_INFO_V1(trainjob_roll_up_metrics);
PG_FUNCTION_INFO_V1(trainjob_roll_up_restart);

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
		if (!trainjob_advance_job(roll, list->jobs[i]))
			trainjob_settle_job(roll, list->jobs[i]);
		MemoryContextSwitchTo(memory);
		MemoryContextReset(per_job);
	}
	trainjob_restore_user(&caller);
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
								trainjob_build_roll_up_part);
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

	roll.set = trainjob_get_set(trigdata, "roll_up_restart", TABLE_JOBS,
								trainjob_build_restart_part);
	roll.part = roll.set->part;
	if (roll.part == NULL)
		return PointerGetDatum(NULL);
	before = trainjob_row_value(trigdata->tg_trigslot,
								&roll.part->jobs.column[JOB_RESTARTED_AT]);
	restarted = trainjob_row_value(trigdata->tg_newslot,
								   &roll.part->jobs.column[JOB_RESTARTED_AT]);
	reported = trainjob_row_value(trigdata->tg_newslot,
								  &roll.part->jobs.column[JOB_LAST_METRIC_AT]);
	if (restarted.isnull || reported.isnull || reported.time < restarted.time ||
		(!before.isnull && before.time == restarted.time &&
		 !goes_on(trigdata, &roll.part->jobs.column[JOB_STATUS])))
		return PointerGetDatum(NULL);
	trainjob_init_reports(&reports,
						  slot_getattr(trigdata->tg_newslot,
									   roll.part->jobs.column[JOB_ID].attnum,
									   &isnull));
	reports.all = true;
	trainjob_become_owner(&roll.set->table[TABLE_JOBS], &caller);
	trainjob_settle_attempt(&roll, &reports);
	trainjob_restore_user(&caller);
	return PointerGetDatum(NULL);
}
