/*
 * alert_job.c
 *	  What an alert does to its job.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"

#include "alerts/alert_job.h"
#include "jobs/job_change.h"
#include "jobs/status.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/set.h"
#include "tables/value_write.h"

/* What an alert's row says of the job, and what the trigger fills. */
static const int alert_columns[] = {
	ALERT_ID,			ALERT_JOB_ID,		  ALERT_TYPE,
	ALERT_USER_ID,		ALERT_ERROR_MESSAGE,  ALERT_ERROR_TYPE,
	ALERT_CURRENT_STEP, ALERT_TOTAL_STEPS,	  ALERT_OCCURRED_AT,
	ALERT_OUTCOME,		ALERT_OUTCOME_REASON, ALERT_STATUS_BEFORE,
	ALERT_STATUS_AFTER};

/* What an alert reads or sets of its job. */
static const int job_columns[] = {JOB_USER_ID,			 JOB_STATUS,
								  JOB_STATUS_CHANGED_AT, JOB_ERROR,
								  JOB_ERROR_TYPE,		 JOB_CURRENT_STEP,
								  JOB_TOTAL_STEPS,		 JOB_TOTAL_STEPS_SOURCE,
								  JOB_RESTARTED_AT};
#define ALERT_JOB_COLUMNS lengthof(job_columns)

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

void
trainjob_build_alert_part(TrainjobSet *set, Relation rel)
{
	AlertPart *part = palloc0(sizeof(AlertPart));
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);

	find_part_columns(set, rel, jobs, part);
	relation_close(jobs, NoLock);
	set->part = part;
}

void
trainjob_build_waiting_part(TrainjobSet *set, Relation rel)
{
	AlertPart *part = palloc0(sizeof(AlertPart));
	Relation alerts = trainjob_open_table(set, TABLE_ALERTS, rel, true,
										  ACL_SELECT | ACL_UPDATE);

	find_part_columns(set, alerts, rel, part);
	relation_close(alerts, NoLock);
	set->part = part;
}

void
trainjob_lock_job_id(TrainjobSet *set, const Column *key, Datum job_id,
					 LOCKMODE mode)
{
	trainjob_lock_name(set->table[TABLE_JOBS].oid,
					   datum_image_hash(job_id, key->typbyval, key->typlen),
					   mode);
}

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
	FoundRow found = {0};

	if (trainjob_execute(lock_job_plan(set, part), SPI_OK_SELECT, &job_id,
						 NULL) == 0)
		return false;
	for (int i = 0; i < ALERT_JOB_COLUMNS; i++)
		job[job_columns[i]] =
			trainjob_found_value(&found, i + 1, &part->job[job_columns[i]]);
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

		types[1 + i] = trainjob_parameter_type(column);
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

		trainjob_write_argument(&part->job[c], &job[c], &update.args[1 + i],
								&update.nulls[1 + i]);
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

/* What trainjob_apply_alert_to_job() does, as the owner of the jobs table. */
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

bool
trainjob_apply_alert_to_job(TrainjobSet *set, AlertPart *part, Alert *alert)
{
	TrainjobUser caller;
	bool applied;

	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	applied = change_job(set, part, alert);
	trainjob_become_user(&caller);
	return applied;
}

void
trainjob_let_alert_wait(Alert *alert)
{
	set_outcome(alert, OUTCOME_WAITING,
				outcome_reason(OUTCOME_WAITING, alert, NULL));
}
