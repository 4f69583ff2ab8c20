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
#include "status/status.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/set.h"

/* What an alert's row says of the job, and what the trigger fills. */
static const int alert_columns[] = {
	ALERT_ID,			ALERT_JOB_ID,		  ALERT_TYPE,
	ALERT_USER_ID,		ALERT_ERROR_MESSAGE,  ALERT_ERROR_TYPE,
	ALERT_CURRENT_STEP, ALERT_TOTAL_STEPS,	  ALERT_OCCURRED_AT,
	ALERT_OUTCOME,		ALERT_OUTCOME_REASON, ALERT_STATUS_BEFORE,
	ALERT_STATUS_AFTER};

const AlertColumn trainjob_filled_in_alerts[FILLED_IN_ALERTS] = {
	ALERT_USER_ID, ALERT_OUTCOME, ALERT_OUTCOME_REASON, ALERT_STATUS_BEFORE,
	ALERT_STATUS_AFTER};

/* What an alert reads or sets of its job. */
static const int job_columns[] = {
	JOB_USER_ID,	  JOB_STATUS,	   JOB_STATUS_CHANGED_AT,
	JOB_RESTARTED_AT, JOB_ERROR,	   JOB_ERROR_TYPE,
	JOB_CURRENT_STEP, JOB_TOTAL_STEPS, JOB_TOTAL_STEPS_SOURCE};

/* How it sets them. */
static const JobSetting settings[] = {
	{JOB_STATUS, CHANGE_SET},
	{JOB_STATUS_CHANGED_AT, CHANGE_SET},
	{JOB_RESTARTED_AT, CHANGE_SET},
	{JOB_ERROR, CHANGE_SET},
	{JOB_ERROR_TYPE, CHANGE_SET},
	{JOB_CURRENT_STEP, CHANGE_SET},
	{JOB_TOTAL_STEPS, CHANGE_COALESCE},
	{JOB_TOTAL_STEPS_SOURCE, CHANGE_COALESCE},
};

static void
build_part(TrainjobSet *set, Relation alerts, Relation jobs)
{
	AlertPart *part = palloc0(sizeof(AlertPart));
	Column *job_id = &part->alert[ALERT_JOB_ID];
	Column *key = &part->jobs.column[JOB_ID];

	trainjob_find_columns(set, TABLE_ALERTS, alerts, alert_columns,
						  lengthof(alert_columns), part->alert);
	trainjob_find_job_table(set, jobs, job_columns, lengthof(job_columns),
							job_id, &part->jobs);
	for (int i = 0; i < lengthof(settings); i++)
		trainjob_add_setting(&part->update, &part->jobs, settings[i].column,
							 settings[i].how);
	trainjob_plan_job_update(&part->update, &part->jobs, jobs, QUERY_SET_JOB);
	trainjob_plan_meet(&set->table[TABLE_ALERTS], alerts, job_id, key->type,
					   &part->alerts_meet);
	trainjob_plan_meet(&set->table[TABLE_JOBS], jobs, key, job_id->type,
					   &part->jobs_meet);
	set->part = part;
}

void
trainjob_build_alert_part(TrainjobSet *set, Relation rel)
{
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);

	build_part(set, rel, jobs);
	relation_close(jobs, NoLock);
}

void
trainjob_build_waiting_part(TrainjobSet *set, Relation rel)
{
	Relation alerts = trainjob_open_table(set, TABLE_ALERTS, rel, true,
										  ACL_SELECT | ACL_UPDATE);

	build_part(set, alerts, rel);
	relation_close(alerts, NoLock);
}

void
trainjob_lock_job_id(TrainjobSet *set, const Column *key, Datum job_id,
					 LOCKMODE mode)
{
	trainjob_lock_name(set->table[TABLE_JOBS].oid,
					   datum_image_hash(job_id, key->typbyval, key->typlen),
					   mode);
}

/* When an alert says that it happened, but not later than now. */
static TimestampTz
alert_time(const Alert *alert)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Value occurred = alert->value[ALERT_OCCURRED_AT];

	return occurred.isnull ? now : Min(occurred.time, now);
}

/*
 * Takes over what an alert says besides its type.  A total that it does not
 * speak of stays, with the source that it has.
 */
static void
take_facts(const Alert *alert, Value *job)
{
	Value step = alert->value[ALERT_CURRENT_STEP];
	Value total = alert->value[ALERT_TOTAL_STEPS];

	if (!step.isnull && step.count >= 0 &&
		(job[JOB_CURRENT_STEP].isnull ||
		 job[JOB_CURRENT_STEP].count < step.count))
		job[JOB_CURRENT_STEP] = step;
	total.isnull |= total.count <= 0;
	job[JOB_TOTAL_STEPS] = total;
	job[JOB_TOTAL_STEPS_SOURCE] =
		(Value){.isnull = total.isnull,
				.text = (char *) trainjob_source_name(SOURCE_REPORTED)};
}

/* The job changes to "status" by the alert; false where it cannot say that. */
static bool
change_status(const AlertPart *part, const Alert *alert, const char *status,
			  LockedJob *locked)
{
	Value *job = locked->value;
	JobState before = trainjob_state_of(job[JOB_STATUS].text);
	JobState after = trainjob_state_of(status);
	TimestampTz when = alert_time(alert);

	if (!trainjob_set_status(&part->jobs, locked, status, when))
		return false;
	job[JOB_STATUS_CHANGED_AT] = (Value){.time = when};
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
	return true;
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
		case OUTCOME_NOTED:
			if (trainjob_known_alert_type(type, strlen(type)) == NULL)
				return psprintf("\"%s\" is no type of alerts that is known",
								type);
			break;
		case OUTCOME_APPLIED:
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
	Column *owner_column = &part->jobs.column[JOB_USER_ID];

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

/* An alert that names no user is its job's user's. */
static void
take_user(AlertPart *part, Alert *alert, const Value *job)
{
	Value *user = &alert->value[ALERT_USER_ID];
	const Column *job_user = &part->jobs.column[JOB_USER_ID];

	if (user->isnull && job_user->attnum != 0 &&
		job_user->type == part->alert[ALERT_USER_ID].type)
		*user = job[JOB_USER_ID];
}

static void
set_outcome(Alert *alert, AlertOutcome outcome, char *reason)
{
	alert->value[ALERT_OUTCOME] =
		(Value){.text = (char *) trainjob_outcome_name(outcome)};
	alert->value[ALERT_OUTCOME_REASON] =
		(Value){.isnull = reason == NULL, .text = reason};
}

/*
 * The status that a job has after the alert's change: the one that it was given,
 * or what the database computed.
 */
static void
see_status(TrainjobSet *set, AlertPart *part, Alert *alert, LockedJob *locked)
{
	Value wanted = locked->value[JOB_STATUS];
	Value *after = &alert->value[ALERT_STATUS_AFTER];

	if (part->jobs.column[JOB_STATUS].is_generated)
		(void) trainjob_lock_job(set, &part->jobs, QUERY_LOCK_JOB,
								 alert->value[ALERT_JOB_ID].key, locked);
	*after = locked->value[JOB_STATUS];
	if (after->isnull || strcmp(after->text, wanted.text) != 0)
		set_outcome(
			alert, OUTCOME_REFUSED,
			psprintf("the database computes the job's status, and it is "
					 "%s",
					 after->isnull ? "NULL" : after->text));
}

/* Does to a locked job of the right user what the alert says. */
static void
change_job(TrainjobSet *set, AlertPart *part, Alert *alert, LockedJob *locked)
{
	Value *job = locked->value;
	Value before = job[JOB_STATUS];
	Value changed = job[JOB_STATUS_CHANGED_AT];
	Value occurred = alert->value[ALERT_OCCURRED_AT];
	JobChange change = {.update = &part->update,
						.jobs = &part->jobs,
						.job_id = alert->value[ALERT_JOB_ID].key,
						.by = FROM_ALERT,
						.alert_key = &part->alert[ALERT_ID],
						.alert_id = alert->value[ALERT_ID]};
	const char *status;
	AlertOutcome outcome;
	bool newer;

	alert->value[ALERT_STATUS_BEFORE] = before;
	alert->value[ALERT_STATUS_AFTER] = before;
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
		return;
	if (status != NULL && !change_status(part, alert, status, locked))
	{
		set_outcome(alert, OUTCOME_REFUSED,
					psprintf("column \"%s\" of the jobs table cannot hold %s",
							 part->jobs.column[JOB_STATUS].name, status));
		return;
	}
	take_facts(alert, job);
	if (!trainjob_store_job(set, locked, &change))
		/* the row is there, for we hold its lock */
		set_outcome(alert, OUTCOME_REFUSED,
					pstrdup("a trigger of the jobs table keeps the job as it "
							"is"));
	else if (status != NULL)
		see_status(set, part, alert, locked);
}

bool
trainjob_apply_alert_to_job(TrainjobSet *set, AlertPart *part, Alert *alert)
{
	TrainjobUser caller;
	LockedJob job;
	bool found;

	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	found = trainjob_lock_job(set, &part->jobs, QUERY_LOCK_JOB,
							  alert->value[ALERT_JOB_ID].key, &job);
	if (found && is_foreign(part, alert, job.value))
		/* nor does the status of the job concern that user */
		set_outcome(alert, OUTCOME_REFUSED,
					pstrdup("the job belongs to another user"));
	else if (found)
	{
		take_user(part, alert, job.value);
		change_job(set, part, alert, &job);
	}
	trainjob_restore_user(&caller);
	return found;
}

void
trainjob_let_alert_wait(Alert *alert)
{
	set_outcome(alert, OUTCOME_WAITING,
				outcome_reason(OUTCOME_WAITING, alert, NULL));
}
