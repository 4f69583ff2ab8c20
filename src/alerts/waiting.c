/*
 * waiting.c
 *	  Alerts that wait for their job.
 *
 * apply_waiting_alerts, AFTER INSERT on the jobs table, applies the alerts that
 * came before their job.  An alert that waits and the insertion of its job may
 * meet: await_job, AFTER INSERT on the alerts table, and apply_waiting_alerts
 * see to it that one of them sees the other (tables/meet.c).
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "alerts/alert_job.h"
#include "status/status.h"
#include "pg/trigger_call.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/query.h"
#include "tables/set.h"
#include "tables/value_write.h"

PG_FUNCTION_INFO_V1(trainjob_await_job);
PG_FUNCTION_INFO_V1(trainjob_apply_waiting_alerts);

/* A MeetFilter: an alert that waits for its job. */
static bool
is_waiting(TupleTableSlot *row, void *arg)
{
	AlertPart *part = arg;
	Value outcome = trainjob_row_value(row, &part->alert[ALERT_OUTCOME]);

	return !outcome.isnull &&
		   strcmp(outcome.text, trainjob_outcome_name(OUTCOME_WAITING)) == 0;
}

/* What tells a job's alerts from each other. */
static const char *
alert_row_name(AlertPart *part)
{
	return part->alert[ALERT_ID].attnum == 0
			   ? "ctid"
			   : quote_identifier(part->alert[ALERT_ID].name);
}

/*
 * SELECT id, other columns FROM alerts WHERE job_id = $1 AND outcome = 'waiting'
 *	ORDER BY occurred_at, id
 */
static SPIPlanPtr
waiting_alerts_plan(TrainjobSet *set, AlertPart *part)
{
	const Column *alert = part->alert;
	StringInfoData columns;
	StringInfoData order;

	if (set->plan[QUERY_WAITING_ALERTS] != NULL)
		return set->plan[QUERY_WAITING_ALERTS];
	initStringInfo(&columns);
	for (int i = 0; i < ALERT_COLUMNS; i++)
		trainjob_add_item(&columns, "%s",
						  i == ALERT_ID ? alert_row_name(part)
										: trainjob_selected(&alert[i]));
	initStringInfo(&order);
	if (alert[ALERT_OCCURRED_AT].attnum != 0)
		trainjob_add_item(&order, "%s",
						  quote_identifier(alert[ALERT_OCCURRED_AT].name));
	trainjob_add_item(&order, "%s", alert_row_name(part));
	return trainjob_keep_plan(
		set, QUERY_WAITING_ALERTS,
		psprintf("SELECT %s FROM %s WHERE %s"
				 " AND %s OPERATOR(pg_catalog.=) 'waiting' ORDER BY %s",
				 columns.data, set->table[TABLE_ALERTS].quoted,
				 trainjob_equals(&alert[ALERT_JOB_ID], 1),
				 quote_identifier(alert[ALERT_OUTCOME].name), order.data),
		1, &part->alert[ALERT_JOB_ID].type);
}

/*
 * UPDATE alerts SET user_id = $3, outcome = $4, ...
 *	WHERE job_id = $1 AND id = $2 AND outcome = 'waiting'
 */
static SPIPlanPtr
set_alert_plan(TrainjobSet *set, AlertPart *part)
{
	const Column *alert = part->alert;
	StringInfoData settings;
	Oid types[2 + FILLED_IN_ALERTS] = {alert[ALERT_JOB_ID].type,
									   alert[ALERT_ID].attnum == 0
										   ? TIDOID
										   : alert[ALERT_ID].type};
	int nargs = 2;

	if (set->plan[QUERY_SET_ALERT] != NULL)
		return set->plan[QUERY_SET_ALERT];
	initStringInfo(&settings);
	for (int i = 0; i < FILLED_IN_ALERTS; i++)
	{
		const Column *column = &alert[trainjob_filled_in_alerts[i]];

		types[nargs++] = trainjob_parameter_type(column);
		if (column->attnum != 0 && !column->is_generated)
			trainjob_add_item(&settings, "%s = $%d",
							  quote_identifier(column->name), nargs);
	}
	return trainjob_keep_plan(
		set, QUERY_SET_ALERT,
		psprintf("UPDATE %s SET %s WHERE %s AND %s OPERATOR(pg_catalog.=) $2"
				 " AND %s OPERATOR(pg_catalog.=) 'waiting'",
				 set->table[TABLE_ALERTS].quoted, settings.data,
				 trainjob_equals(&alert[ALERT_JOB_ID], 1), alert_row_name(part),
				 quote_identifier(alert[ALERT_OUTCOME].name)),
		nargs, types);
}

/* Reads an alert that the query found. */
static void
read_waiting(AlertPart *part, SPITupleTable *found, uint64 row, Alert *alert)
{
	for (int i = 0; i < ALERT_COLUMNS; i++)
	{
		bool isnull;
		Datum datum =
			trainjob_result(found, row, i + 1, &part->alert[i], &isnull);

		alert->value[i] = trainjob_read_value(&part->alert[i], datum, isnull);
	}
}

/* Writes the outcome into the alert's row, as the owner of the alerts. */
static void
set_alert(TrainjobSet *set, AlertPart *part, Datum job_id, Datum id,
		  bool id_null, Alert *alert)
{
	Datum args[2 + FILLED_IN_ALERTS] = {job_id, id};
	char nulls[2 + FILLED_IN_ALERTS] = {' ', id_null ? 'n' : ' '};
	TrainjobUser caller;

	for (int i = 0; i < FILLED_IN_ALERTS; i++)
	{
		AlertColumn c = trainjob_filled_in_alerts[i];

		trainjob_write_argument(&part->alert[c], &alert->value[c], &args[2 + i],
								&nulls[2 + i]);
	}
	trainjob_become_owner(&set->table[TABLE_ALERTS], &caller);
	trainjob_execute(set_alert_plan(set, part), SPI_OK_UPDATE, args, nulls);
	trainjob_restore_user(&caller);
}

/* Applies the alerts that wait for a job, as far as they are committed or ours. */
static void
apply_waiting(TrainjobSet *set, AlertPart *part, Datum job_id)
{
	uint64 count;
	SPITupleTable *found;
	TrainjobUser caller;

	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_ALERTS], &caller);
	count = trainjob_execute(waiting_alerts_plan(set, part), SPI_OK_SELECT,
							 &job_id, NULL);
	trainjob_restore_user(&caller);
	found = SPI_tuptable;
	for (uint64 row = 0; row < count; row++)
	{
		Alert alert;
		bool isnull;
		Datum id;

		CHECK_FOR_INTERRUPTS();
		read_waiting(part, found, row, &alert);
		/* an infinite time, of before it was refused, is as good as none */
		if (TIMESTAMP_NOT_FINITE(alert.value[ALERT_OCCURRED_AT].time))
			alert.value[ALERT_OCCURRED_AT].isnull = true;
		if (!trainjob_apply_alert_to_job(set, part, &alert))
			break;
		id = trainjob_result(found, row, ALERT_ID + 1, &part->alert[ALERT_ID],
							 &isnull);
		set_alert(set, part, job_id, id, isnull, &alert);
	}
	SPI_finish();
}

/* Asks for the job of an alert, see MeetSide. */
static void
ask_for_job(TriggerData *trigdata, const MeetName *name, MeetQuestion *question)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "await_job", TABLE_ALERTS,
										trainjob_build_alert_part);
	AlertPart *part = set->part;

	*question = (MeetQuestion){.table = &part->jobs_meet, .key = name->key};
}

static void
apply_to_found_job(TriggerData *trigdata, const MeetName *name)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "await_job", TABLE_ALERTS,
										trainjob_build_alert_part);

	apply_waiting(set, set->part, name->key);
}

static const MeetSide alert_side = {ask_for_job, apply_to_found_job};

/*
 * await_job
 *		AFTER INSERT FOR EACH ROW on an alerts table: where an alert waits, looks
 *		once more for its job, and has the writer of that look for the alert.
 *
 * Arguments: jobs=schema.name (required), jobs.column=name,
 * alerts.column=name.
 */
Datum
trainjob_await_job(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "await_job",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_INSERT);
	TrainjobSet *set = trainjob_get_own(trigdata, "await_job", TABLE_ALERTS,
										trainjob_build_alert_part);
	AlertPart *part = set->part;
	MeetName name = {.user_null = true};
	bool isnull;

	/* not a condition of the trigger, which each statement would parse anew */
	if (!is_waiting(trigdata->tg_trigslot, part))
	{
		trainjob_meet_again();
		return PointerGetDatum(NULL);
	}
	set = trainjob_get_set(trigdata, "await_job", TABLE_ALERTS,
						   trainjob_build_alert_part);
	part = set->part;
	name.key = slot_getattr(trigdata->tg_trigslot,
							part->alert[ALERT_JOB_ID].attnum, &isnull);
	if (!isnull && trainjob_can_meet(&part->alerts_meet, &part->jobs_meet))
		trainjob_meet_await(&alert_side, trigdata, &name,
							&part->alert[ALERT_JOB_ID], NULL);
	return PointerGetDatum(NULL);
}

/*
 * apply_waiting_alerts
 *		AFTER INSERT FOR EACH ROW on a jobs table: applies the alerts that came
 *		before their job, in the order in which they occurred.
 *
 * Arguments: alerts=schema.name (required), alerts.column=name,
 * jobs.column=name.
 */
Datum
trainjob_apply_waiting_alerts(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "apply_waiting_alerts",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_INSERT);
	TrainjobSet *set =
		trainjob_get_set(trigdata, "apply_waiting_alerts", TABLE_JOBS,
						 trainjob_build_waiting_part);
	AlertPart *part = set->part;
	MeetQuestion question = {.table = &part->alerts_meet,
							 .concerns = is_waiting,
							 .arg = part};
	MeetFound found = {.other = true};
	bool isnull;
	Datum job_id = slot_getattr(trigdata->tg_trigslot,
								part->jobs.column[JOB_ID].attnum, &isnull);

	if (isnull)
		return PointerGetDatum(NULL);
	question.key = job_id;
	if (trainjob_can_meet(&part->alerts_meet, &part->jobs_meet))
		trainjob_meet_newcomer(&question, &found);
	else
		trainjob_lock_job_id(set, &part->jobs.column[JOB_ID], job_id,
							 RowExclusiveLock);
	if (found.other || found.own)
		apply_waiting(set, part, job_id);
	return PointerGetDatum(NULL);
}
