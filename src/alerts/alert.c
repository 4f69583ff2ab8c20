/*
 * alert.c
 *	  Alerts and what they do to a job.
 *
 * apply_alert, BEFORE INSERT on the alerts table, locks the job, decides by the
 * table in jobs/status.c, updates the job and writes the outcome into the
 * alert's own row.  An alert whose job does not exist yet waits;
 * apply_waiting_alerts, AFTER INSERT on the jobs table, applies it then.
 *
 * An alert that waits and the insertion of its job may meet: await_job, AFTER
 * INSERT on the alerts table, and apply_waiting_alerts see to it that one of
 * them sees the other (tables/meet.c).
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/lsyscache.h"

#include "jobs/job_change.h"
#include "jobs/status.h"
#include "pg/trigger_call.h"
#include "tables/direct_find.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/set.h"

PG_FUNCTION_INFO_V1(trainjob_apply_alert);
PG_FUNCTION_INFO_V1(trainjob_await_job);
PG_FUNCTION_INFO_V1(trainjob_apply_waiting_alerts);

/* ----------
 * The columns
 * ----------
 */

/* What an alert's row says of the job, and what the trigger fills. */
static const int alert_columns[] = {
	ALERT_ID,			ALERT_JOB_ID,		  ALERT_TYPE,
	ALERT_USER_ID,		ALERT_ERROR_MESSAGE,  ALERT_ERROR_TYPE,
	ALERT_CURRENT_STEP, ALERT_TOTAL_STEPS,	  ALERT_OCCURRED_AT,
	ALERT_OUTCOME,		ALERT_OUTCOME_REASON, ALERT_STATUS_BEFORE,
	ALERT_STATUS_AFTER};

/* The columns that the trigger fills, at the end of the table's list. */
#define ALERT_FIRST_FILLED ALERT_OUTCOME

/* What an alert reads or sets of its job. */
#define ALERT_JOB_COLUMNS 9
static const int job_columns[ALERT_JOB_COLUMNS] = {
	JOB_USER_ID,		   JOB_STATUS,
	JOB_STATUS_CHANGED_AT, JOB_ERROR,
	JOB_ERROR_TYPE,		   JOB_CURRENT_STEP,
	JOB_TOTAL_STEPS,	   JOB_TOTAL_STEPS_SOURCE,
	JOB_RESTARTED_AT};

typedef struct AlertPart
{
	Column alert[ALERT_COLUMNS];
	Column key; /* of the jobs table */
	Column job[JOB_COLUMNS];
	MeetTable alerts; /* by their job */
	MeetTable jobs;	  /* by their id */
} AlertPart;

enum
{
	QUERY_LOCK_JOB,
	QUERY_SET_JOB,
	QUERY_SET_FACTS,
	QUERY_WAITING_ALERTS,
	QUERY_SET_ALERT
};
StaticAssertDecl(QUERY_SET_ALERT < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

/* An alert's row in the form that the rules want. */
typedef struct Alert
{
	Value value[ALERT_COLUMNS];
} Alert;

static void
find_part_columns(TrainjobSet *set, Relation alerts, Relation jobs,
				  AlertPart *part)
{
	trainjob_find_columns(set, TABLE_ALERTS, alerts, alert_columns,
						  lengthof(alert_columns), part->alert);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_ID, true, &part->key);
	trainjob_find_columns(set, TABLE_JOBS, jobs, job_columns, ALERT_JOB_COLUMNS,
						  part->job);
	trainjob_check_reference(&part->alert[ALERT_JOB_ID], &part->key);
	trainjob_plan_meet(&set->table[TABLE_ALERTS], alerts,
					   &part->alert[ALERT_JOB_ID], part->key.type,
					   &part->alerts);
	trainjob_plan_meet(&set->table[TABLE_JOBS], jobs, &part->key,
					   part->alert[ALERT_JOB_ID].type, &part->jobs);
}

/* For apply_alert and await_job, on the alerts table. */
static void
build_alert_part(TrainjobSet *set, Relation rel)
{
	AlertPart *part = palloc0(sizeof(AlertPart));
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);

	find_part_columns(set, rel, jobs, part);
	relation_close(jobs, NoLock);
	set->part = part;
}

/* For apply_waiting_alerts, on the jobs table. */
static void
build_waiting_part(TrainjobSet *set, Relation rel)
{
	AlertPart *part = palloc0(sizeof(AlertPart));
	Relation alerts = trainjob_open_table(set, TABLE_ALERTS, rel, true,
										  ACL_SELECT | ACL_UPDATE);

	find_part_columns(set, alerts, rel, part);
	relation_close(alerts, NoLock);
	set->part = part;
}

/* Whether alerts and jobs can meet; else they lock the job's id. */
static bool
can_meet(AlertPart *part)
{
	return trainjob_can_meet(&part->alerts, &part->jobs);
}

/* A MeetFilter: any row of the key. */
static bool
is_any(TupleTableSlot *row, void *arg)
{
	return true;
}

/* The same: an alert that waits for its job. */
static bool
is_waiting(TupleTableSlot *row, void *arg)
{
	AlertPart *part = arg;
	Value outcome = trainjob_row_value(row, &part->alert[ALERT_OUTCOME]);

	return !outcome.isnull &&
		   strcmp(outcome.text, trainjob_outcome_name(OUTCOME_WAITING)) == 0;
}

/* Locks a job's id, see trainjob_lock_name(). */
static void
lock_job_id(TrainjobSet *set, const Column *key, Datum job_id, LOCKMODE mode)
{
	trainjob_lock_name(set->table[TABLE_JOBS].oid,
					   datum_image_hash(job_id, key->typbyval, key->typlen),
					   mode);
}

/* ----------
 * An alert and its job
 * ----------
 */

/* SELECT columns FROM jobs WHERE id = $1 FOR NO KEY UPDATE */
static SPIPlanPtr
lock_job_plan(TrainjobSet *set, AlertPart *part)
{
	StringInfoData query;

	if (set->plan[QUERY_LOCK_JOB] != NULL)
		return set->plan[QUERY_LOCK_JOB];
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int i = 0; i < ALERT_JOB_COLUMNS; i++)
		appendStringInfo(&query, "%s%s", i == 0 ? "" : ", ",
						 trainjob_selected(&part->job[job_columns[i]]));
	appendStringInfo(&query,
					 " FROM %s WHERE %s OPERATOR(pg_catalog.=) $1"
					 " FOR NO KEY UPDATE",
					 set->table[TABLE_JOBS].quoted,
					 quote_identifier(part->key.name));
	return trainjob_keep_plan(set, QUERY_LOCK_JOB, query.data, 1,
							  &part->key.type);
}

static bool
lock_job(TrainjobSet *set, AlertPart *part, Datum job_id, Value *job)
{
	if (trainjob_execute(lock_job_plan(set, part), SPI_OK_SELECT, &job_id,
						 NULL) == 0)
		return false;
	for (int i = 0; i < ALERT_JOB_COLUMNS; i++)
	{
		Column *column = &part->job[job_columns[i]];
		bool isnull;
		Datum datum = trainjob_result(SPI_tuptable, 0, i + 1, column, &isnull);

		job[job_columns[i]] = trainjob_read_value(column, datum, isnull);
	}
	return true;
}

/* Whether a column of the job is only written with a change of its status. */
static bool
goes_with_status(JobColumn c)
{
	return c == JOB_STATUS || c == JOB_STATUS_CHANGED_AT || c == JOB_ERROR ||
		   c == JOB_ERROR_TYPE || c == JOB_RESTARTED_AT;
}

/*
 * UPDATE jobs SET columns = $2, ... WHERE id = $1
 *
 * total_steps is the alert's, or stays with the source that it has.  Where the
 * status stays it is not named: a trigger of the application's on UPDATE OF
 * status is not to fire by a warning.
 */
static SPIPlanPtr
set_job_plan(TrainjobSet *set, AlertPart *part, bool status_changes)
{
	int number = status_changes ? QUERY_SET_JOB : QUERY_SET_FACTS;
	StringInfoData query;
	Oid types[1 + ALERT_JOB_COLUMNS] = {part->key.type};
	const char *comma = "";

	if (set->plan[number] != NULL)
		return set->plan[number];
	initStringInfo(&query);
	appendStringInfo(&query, "UPDATE %s SET ", set->table[TABLE_JOBS].quoted);
	for (int i = 0; i < ALERT_JOB_COLUMNS; i++)
	{
		JobColumn c = job_columns[i];
		Column *column = &part->job[c];

		types[1 + i] = column->attnum == 0 ? INT4OID : column->type;
		if (column->attnum == 0 || c == JOB_USER_ID ||
			(!status_changes && goes_with_status(c)))
			continue;
		appendStringInfo(&query, "%s%s = $%d", comma,
						 quote_identifier(column->name), i + 2);
		comma = ", ";
	}
	appendStringInfo(&query, " WHERE %s OPERATOR(pg_catalog.=) $1",
					 quote_identifier(part->key.name));
	return trainjob_keep_plan(set, number, query.data, lengthof(types), types);
}

/* An UPDATE of a job, and how many rows it updated. */
typedef struct JobUpdate
{
	TrainjobSet *set;
	SPIPlanPtr plan;
	Datum args[1 + ALERT_JOB_COLUMNS];
	char nulls[1 + ALERT_JOB_COLUMNS];
	uint64 updated;
} JobUpdate;

static void
update_job(void *arg)
{
	JobUpdate *update = arg;

	update->updated = trainjob_execute(update->plan, SPI_OK_UPDATE,
									   update->args, update->nulls);
}

/*
 * Writes the job, as the alert's doing.  A trigger that the UPDATE fires may
 * bring another alert: what was at work before is again afterwards.
 */
static bool
set_job(TrainjobSet *set, AlertPart *part, const Alert *alert, Value *job,
		bool status_changes)
{
	JobUpdate update = {.set = set, .nulls = {' '}};
	JobChange change = {.key = &part->key,
						.job_id = alert->value[ALERT_JOB_ID].key,
						.alert_key = &part->alert[ALERT_ID],
						.alert_id = alert->value[ALERT_ID]};

	update.args[0] = change.job_id;
	for (int i = 0; i < ALERT_JOB_COLUMNS; i++)
	{
		JobColumn c = job_columns[i];
		bool isnull;

		update.args[1 + i] =
			trainjob_write_value(&part->job[c], &job[c], &isnull);
		update.nulls[1 + i] = isnull || part->job[c].attnum == 0 ? 'n' : ' ';
	}
	update.plan = set_job_plan(set, part, status_changes);
	trainjob_make_change(&change, update_job, &update);
	return update.updated > 0;
}

/* When an alert says that it happened, but not later than now. */
static TimestampTz
alert_time(const Alert *alert)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Value occurred = alert->value[ALERT_OCCURRED_AT];

	return occurred.isnull ? now : Min(occurred.time, now);
}

/* Takes over what an alert says besides its type; false if that is nothing. */
static bool
take_facts(const Alert *alert, Value *job)
{
	Value step = alert->value[ALERT_CURRENT_STEP];
	Value total = alert->value[ALERT_TOTAL_STEPS];
	bool taken = false;

	if (!step.isnull && step.count >= 0 &&
		(job[JOB_CURRENT_STEP].isnull ||
		 job[JOB_CURRENT_STEP].count < step.count))
	{
		job[JOB_CURRENT_STEP] = step;
		taken = true;
	}
	if (!total.isnull && total.count > 0)
	{
		job[JOB_TOTAL_STEPS] = total;
		job[JOB_TOTAL_STEPS_SOURCE] = (Value){.text = "reported"};
		taken = true;
	}
	return taken;
}

/* The job changes to "status" by the alert. */
static void
change_status(const Alert *alert, const char *status, Value *job)
{
	JobState before = trainjob_state_of(job[JOB_STATUS].text);
	JobState after = trainjob_state_of(status);

	job[JOB_STATUS] = (Value){.text = (char *) status};
	job[JOB_STATUS_CHANGED_AT] = (Value){.time = alert_time(alert)};
	if (after == STATE_FAILED)
	{
		job[JOB_ERROR] = alert->value[ALERT_ERROR_MESSAGE];
		if (job[JOB_ERROR].isnull)
			job[JOB_ERROR] = (Value){.text = "Training failed"};
		job[JOB_ERROR_TYPE] = alert->value[ALERT_ERROR_TYPE];
	}
	else if (before == STATE_FAILED)
	{
		job[JOB_ERROR].isnull = true;
		job[JOB_ERROR_TYPE].isnull = true;
	}
	if (trainjob_is_restart(before, after))
	{
		/* a new attempt: only steps that this alert speaks of count */
		job[JOB_RESTARTED_AT] = job[JOB_STATUS_CHANGED_AT];
		job[JOB_CURRENT_STEP].isnull = true;
	}
}

/* Why an alert did not change its job, in words; NULL where it did. */
static char *
outcome_reason(AlertOutcome outcome, const Alert *alert, const char *status)
{
	const char *type = alert->value[ALERT_TYPE].text;

	switch (outcome)
	{
		case OUTCOME_UNCHANGED:
			return psprintf("the job is %s already", status);
		case OUTCOME_LATE:
			return psprintf("%s is not newer than the failure of the job",
							type);
		case OUTCOME_REFUSED:
			return psprintf("the job is %s, which %s does not change", status,
							type);
		case OUTCOME_WAITING:
			return pstrdup("there is no such job yet");
		case OUTCOME_APPLIED:
		case OUTCOME_NOTED:
			break;
	}
	return NULL;
}

/* Whether the alert names a user other than the job's. */
static bool
is_foreign(AlertPart *part, const Alert *alert, const Value *job)
{
	Value user = alert->value[ALERT_USER_ID];
	Value owner = job[JOB_USER_ID];
	Column *column = &part->alert[ALERT_USER_ID];
	Column *owner_column = &part->job[JOB_USER_ID];

	if (user.isnull || owner_column->attnum == 0)
		return false;
	if (owner.isnull)
		return true;
	if (column->type == owner_column->type)
		return !datum_image_eq(user.key, owner.key, column->typbyval,
							   column->typlen);
	return strcmp(trainjob_key_text(column, user),
				  trainjob_key_text(owner_column, owner)) != 0;
}

static void
set_outcome(Alert *alert, AlertOutcome outcome, char *reason)
{
	alert->value[ALERT_OUTCOME] =
		(Value){.text = (char *) trainjob_outcome_name(outcome)};
	alert->value[ALERT_OUTCOME_REASON] =
		(Value){.isnull = reason == NULL, .text = reason};
}

/* What apply_to_job() does, as the owner of the jobs table. */
static bool
change_job(TrainjobSet *set, AlertPart *part, Alert *alert)
{
	Value job[JOB_COLUMNS];
	Value before;
	Value changed;
	const char *status;
	AlertOutcome outcome;
	Value occurred = alert->value[ALERT_OCCURRED_AT];
	bool newer;
	bool write;

	if (!lock_job(set, part, alert->value[ALERT_JOB_ID].key, job))
		return false;
	if (is_foreign(part, alert, job))
	{
		/* nor does the status of the job concern that user */
		set_outcome(alert, OUTCOME_REFUSED,
					pstrdup("the job belongs to another user"));
		return true;
	}

	before = job[JOB_STATUS];
	alert->value[ALERT_STATUS_BEFORE] = before;
	alert->value[ALERT_STATUS_AFTER] = before;
	changed = job[JOB_STATUS_CHANGED_AT];
	if (occurred.isnull)
		occurred = (Value){.time = GetCurrentTransactionStartTimestamp()};
	newer = changed.isnull || occurred.time > changed.time;
	outcome = trainjob_alert_next_state(trainjob_state_of(
											before.isnull ? NULL : before.text),
										alert->value[ALERT_TYPE].text, newer,
										&status);
	set_outcome(alert, outcome,
				outcome_reason(outcome, alert,
							   before.isnull ? "without a status"
											 : before.text));
	if (outcome == OUTCOME_REFUSED)
		return true;
	if (status != NULL)
	{
		change_status(alert, status, job);
		alert->value[ALERT_STATUS_AFTER] = job[JOB_STATUS];
	}
	write = take_facts(alert, job) || status != NULL;
	if (write && !set_job(set, part, alert, job, status != NULL))
	{
		/* the row is there, for we hold its lock */
		alert->value[ALERT_STATUS_AFTER] = before;
		set_outcome(alert, OUTCOME_REFUSED,
					pstrdup("a trigger of the jobs table keeps the job as it "
							"is"));
	}
	return true;
}

/*
 * Applies an alert to its job and fills the alert's outcome; false if there is
 * no such job.  SPI is connected.
 */
static bool
apply_to_job(TrainjobSet *set, AlertPart *part, Alert *alert)
{
	TrainjobUser caller;
	bool applied;

	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	applied = change_job(set, part, alert);
	trainjob_become_user(&caller);
	return applied;
}

/* ----------
 * apply_alert
 * ----------
 */

static void
check_alert_type(TriggerData *trigdata, const Alert *alert)
{
	if (!trainjob_is_alert_type(alert->value[ALERT_TYPE].text))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid type \"%s\" of an alert: it must be %s",
							   alert->value[ALERT_TYPE].text,
							   trainjob_alert_type_list()),
						errtable(trigdata->tg_relation)));
}

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
	int attnums[ALERT_COLUMNS];
	Datum datums[ALERT_COLUMNS];
	bool nulls[ALERT_COLUMNS];
	int n = 0;

	for (int i = ALERT_FIRST_FILLED; i < ALERT_COLUMNS; i++)
	{
		if (part->alert[i].attnum == 0)
			continue;
		attnums[n] = part->alert[i].attnum;
		datums[n] =
			trainjob_write_value(&part->alert[i], &alert->value[i], &nulls[n]);
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
	MeetQuestion question = {.table = &part->jobs,
							 .key = alert->value[ALERT_JOB_ID].key,
							 .concerns = is_any};

	if (apply_to_job(set, part, alert))
		return true;
	if (!can_meet(part))
		lock_job_id(set, &part->key, question.key, ShareLock);
	else if (!trainjob_meet_before(&question))
		return false;
	return apply_to_job(set, part, alert);
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
										build_alert_part);
	AlertPart *part = set->part;
	MemoryContext memory = CurrentMemoryContext;
	HeapTuple tuple;
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
	check_alert_type(trigdata, &alert);
	check_occurred_at(trigdata, &part->alert[ALERT_OCCURRED_AT],
					  alert.value[ALERT_OCCURRED_AT]);

	SPI_connect();
	if (!apply_when_there(set, part, &alert))
		set_outcome(&alert, OUTCOME_WAITING,
					outcome_reason(OUTCOME_WAITING, &alert, NULL));
	MemoryContextSwitchTo(memory);
	tuple = filled_alert(trigdata, part, &alert);
	SPI_finish();
	return PointerGetDatum(tuple);
}

/* ----------
 * Alerts that wait
 * ----------
 */

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
	StringInfoData query;

	if (set->plan[QUERY_WAITING_ALERTS] != NULL)
		return set->plan[QUERY_WAITING_ALERTS];
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	for (int i = 0; i < ALERT_COLUMNS; i++)
		appendStringInfo(&query, "%s%s", i == 0 ? "" : ", ",
						 i == ALERT_ID ? alert_row_name(part)
									   : trainjob_selected(&part->alert[i]));
	appendStringInfo(&query,
					 " FROM %s WHERE %s OPERATOR(pg_catalog.=) $1"
					 " AND %s OPERATOR(pg_catalog.=) 'waiting' ORDER BY ",
					 set->table[TABLE_ALERTS].quoted,
					 quote_identifier(part->alert[ALERT_JOB_ID].name),
					 quote_identifier(part->alert[ALERT_OUTCOME].name));
	if (part->alert[ALERT_OCCURRED_AT].attnum != 0)
		appendStringInfo(&query, "%s, ",
						 quote_identifier(part->alert[ALERT_OCCURRED_AT].name));
	appendStringInfoString(&query, alert_row_name(part));
	return trainjob_keep_plan(set, QUERY_WAITING_ALERTS, query.data, 1,
							  &part->alert[ALERT_JOB_ID].type);
}

/*
 * UPDATE alerts SET outcome = $3, ...
 *	WHERE job_id = $1 AND id = $2 AND outcome = 'waiting'
 */
static SPIPlanPtr
set_alert_plan(TrainjobSet *set, AlertPart *part)
{
	StringInfoData query;
	Oid types[2 + ALERT_COLUMNS - ALERT_FIRST_FILLED];
	int nargs = 2;
	const char *comma = "";

	if (set->plan[QUERY_SET_ALERT] != NULL)
		return set->plan[QUERY_SET_ALERT];
	types[0] = part->alert[ALERT_JOB_ID].type;
	types[1] =
		part->alert[ALERT_ID].attnum == 0 ? TIDOID : part->alert[ALERT_ID].type;
	initStringInfo(&query);
	appendStringInfo(&query, "UPDATE %s SET ", set->table[TABLE_ALERTS].quoted);
	for (int i = ALERT_FIRST_FILLED; i < ALERT_COLUMNS; i++)
	{
		Column *column = &part->alert[i];

		types[nargs++] = column->attnum == 0 ? INT4OID : column->type;
		if (column->attnum == 0)
			continue;
		appendStringInfo(&query, "%s%s = $%d", comma,
						 quote_identifier(column->name), nargs);
		comma = ", ";
	}
	appendStringInfo(&query,
					 " WHERE %s OPERATOR(pg_catalog.=) $1"
					 " AND %s OPERATOR(pg_catalog.=) $2"
					 " AND %s OPERATOR(pg_catalog.=) 'waiting'",
					 quote_identifier(part->alert[ALERT_JOB_ID].name),
					 alert_row_name(part),
					 quote_identifier(part->alert[ALERT_OUTCOME].name));
	return trainjob_keep_plan(set, QUERY_SET_ALERT, query.data, nargs, types);
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
	Datum args[2 + ALERT_COLUMNS - ALERT_FIRST_FILLED] = {job_id, id};
	char nulls[2 + ALERT_COLUMNS - ALERT_FIRST_FILLED] = {' ',
														  id_null ? 'n' : ' '};
	TrainjobUser caller;

	for (int i = ALERT_FIRST_FILLED; i < ALERT_COLUMNS; i++)
	{
		int n = 2 + i - ALERT_FIRST_FILLED;
		bool isnull;

		args[n] =
			trainjob_write_value(&part->alert[i], &alert->value[i], &isnull);
		nulls[n] = isnull || part->alert[i].attnum == 0 ? 'n' : ' ';
	}
	trainjob_become_owner(&set->table[TABLE_ALERTS], &caller);
	trainjob_execute(set_alert_plan(set, part), SPI_OK_UPDATE, args, nulls);
	trainjob_become_user(&caller);
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
	trainjob_become_user(&caller);
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
		if (!apply_to_job(set, part, &alert))
			break;
		id = trainjob_result(found, row, ALERT_ID + 1, &part->alert[ALERT_ID],
							 &isnull);
		set_alert(set, part, job_id, id, isnull, &alert);
	}
	SPI_finish();
}

/* ----------
 * await_job
 * ----------
 */

/* Asks for the job of an alert, see MeetSide. */
static void
ask_for_job(TriggerData *trigdata, const MeetName *name, MeetQuestion *question)
{
	TrainjobSet *set =
		trainjob_get_set(trigdata, "await_job", TABLE_ALERTS, build_alert_part);
	AlertPart *part = set->part;

	*question = (MeetQuestion){.table = &part->jobs,
							   .key = name->key,
							   .concerns = is_any};
}

static void
apply_to_found_job(TriggerData *trigdata, const MeetName *name)
{
	TrainjobSet *set =
		trainjob_get_set(trigdata, "await_job", TABLE_ALERTS, build_alert_part);

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
	TrainjobSet *set =
		trainjob_get_own(trigdata, "await_job", TABLE_ALERTS, build_alert_part);
	AlertPart *part = set->part;
	MeetName name = {.user_null = true};
	bool isnull;

	/* not a condition of the trigger, which each statement would parse anew */
	if (!is_waiting(trigdata->tg_trigslot, part))
	{
		trainjob_meet_again();
		return PointerGetDatum(NULL);
	}
	set =
		trainjob_get_set(trigdata, "await_job", TABLE_ALERTS, build_alert_part);
	part = set->part;
	name.key = slot_getattr(trigdata->tg_trigslot,
							part->alert[ALERT_JOB_ID].attnum, &isnull);
	if (!isnull && can_meet(part))
		trainjob_meet_await(&alert_side, trigdata, &name,
							&part->alert[ALERT_JOB_ID], NULL);
	return PointerGetDatum(NULL);
}

/* ----------
 * apply_waiting_alerts
 * ----------
 */

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
	TrainjobSet *set = trainjob_get_set(trigdata, "apply_waiting_alerts",
										TABLE_JOBS, build_waiting_part);
	AlertPart *part = set->part;
	MeetQuestion question = {.table = &part->alerts,
							 .concerns = is_waiting,
							 .arg = part};
	MeetFound found = {.other = true};
	bool isnull;
	Datum job_id =
		slot_getattr(trigdata->tg_trigslot, part->key.attnum, &isnull);

	if (isnull)
		return PointerGetDatum(NULL);
	question.key = job_id;
	if (can_meet(part))
		trainjob_meet_newcomer(&question, &found);
	else
		lock_job_id(set, &part->key, job_id, RowExclusiveLock);
	if (found.other || found.own)
		apply_waiting(set, part, job_id);
	return PointerGetDatum(NULL);
}
