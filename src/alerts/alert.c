/*
 * alert.c
 *	  The trigger that applies an alert.
 *
 * apply_alert, BEFORE INSERT on the alerts table, locks the job, decides by the
 * table in status/status.c, updates the job and writes the outcome into the
 * alert's own row.  An alert whose job does not exist yet waits, see waiting.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "utils/builtins.h"

#include "alerts/alert_job.h"
#include "status/status.h"
#include "pg/trigger_call.h"
#include "tables/meet.h"
#include "tables/set.h"
#include "tables/value_write.h"

PG_FUNCTION_INFO_V1(trainjob_apply_alert);

/*
 * Refuses a time that is not finite.  A row that has an outcome may have one:
 * it has changed its job already, if it was to.
 */
static void
check_occurred_at(TriggerData *trigdata, const Column *column, Value occurred)
{
	if (occurred.isnull || !TIMESTAMP_NOT_FINITE(occurred.time))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("time \"%s\" of an alert is not finite",
					timestamptz_to_str(occurred.time)),
			 errdetail("Column \"%s\" of table \"%s\" must be the point in "
					   "time at which it happened.",
					   column->name,
					   RelationGetRelationName(trigdata->tg_relation)),
			 errhint("Leave it out, or make it NULL, for the time at which the "
					 "alert comes."),
			 errtablecol(trigdata->tg_relation, column->attnum)));
}

/* The alert's row with what was filled. */
static HeapTuple
filled_alert(TriggerData *trigdata, AlertPart *part, Alert *alert)
{
	int attnums[FILLED_IN_ALERTS];
	Datum datums[FILLED_IN_ALERTS];
	bool nulls[FILLED_IN_ALERTS];
	int n = 0;

	for (int i = 0; i < FILLED_IN_ALERTS; i++)
	{
		AlertColumn c = trainjob_filled_in_alerts[i];

		if (part->alert[c].attnum == 0 || part->alert[c].is_generated)
			continue;
		attnums[n] = part->alert[c].attnum;
		datums[n] =
			trainjob_write_value(&part->alert[c], &alert->value[c], &nulls[n]);
		n++;
	}
	return heap_modify_tuple_by_cols(trigdata->tg_trigtuple,
									 RelationGetDescr(trigdata->tg_relation), n,
									 attnums, datums, nulls);
}

/*
 * Applies an alert to its job, also where that is about to be inserted: its
 * row then says what it did, and need not be updated afterwards.  False if there
 * is no such job.
 */
static bool
apply_when_there(TrainjobSet *set, AlertPart *part, Alert *alert)
{
	MeetQuestion question = {.table = &part->jobs_meet,
							 .key = alert->value[ALERT_JOB_ID].key};

	if (trainjob_apply_alert_to_job(set, part, alert))
		return true;
	if (!trainjob_can_meet(&part->alerts_meet, &part->jobs_meet))
		trainjob_lock_job_id(set, &part->jobs.column[JOB_ID], question.key,
							 ShareLock);
	else if (!trainjob_meet_before(&question))
		return false;
	return trainjob_apply_alert_to_job(set, part, alert);
}

/*
 * apply_alert
 *		BEFORE INSERT FOR EACH ROW on an alerts table: does to the job what the
 *		alert says and fills outcome, outcome_reason, status_before and
 *		status_after.  A row that has an outcome was applied before and is
 *		stored as it is.
 *
 * Arguments: jobs=schema.name (required), jobs.column=name,
 * alerts.column=name.
 */
Datum
trainjob_apply_alert(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "apply_alert",
									TRAINJOB_BEFORE_ROW | TRAINJOB_ON_INSERT);
	TrainjobSet *set = trainjob_get_set(trigdata, "apply_alert", TABLE_ALERTS,
										trainjob_build_alert_part);
	AlertPart *part = set->part;
	Alert alert;

	for (int i = 0; i < ALERT_COLUMNS; i++)
	{
		bool isnull = true;
		Datum datum = (Datum) 0;

		if (part->alert[i].attnum != 0)
			datum = slot_getattr(trigdata->tg_trigslot, part->alert[i].attnum,
								 &isnull);
		alert.value[i] = trainjob_read_value(&part->alert[i], datum, isnull);
	}
	/* without job or type it is the table's constraints that refuse it */
	if (!alert.value[ALERT_OUTCOME].isnull || alert.value[ALERT_TYPE].isnull ||
		alert.value[ALERT_JOB_ID].isnull)
		return PointerGetDatum(trigdata->tg_trigtuple);
	check_occurred_at(trigdata, &part->alert[ALERT_OCCURRED_AT],
					  alert.value[ALERT_OCCURRED_AT]);

	if (!apply_when_there(set, part, &alert))
		trainjob_let_alert_wait(&alert);
	return PointerGetDatum(filled_alert(trigdata, part, &alert));
}
