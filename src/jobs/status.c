/*
 * status.c
 *	  The statuses of a job, the types of alerts, and what an alert does to a
 *	  job in each state.  Pure: tables and a function over them.
 *
 *					started		completed	failed		cancelled	warnings
 *		waiting		running		completed	failed		cancelled	noted
 *		running		unchanged	completed	failed		cancelled	noted
 *		failed		running *	completed *	unchanged	refused		noted
 *		completed	refused		unchanged	refused		refused		noted
 *		cancelled	refused		refused		refused		unchanged	noted
 *
 *		* if the alert is newer than the failure, else "late".  Only a failed
 *		  job asks for the time: a trainer's clock that is wrong must never
 *		  keep a job from ending.
 *
 * "waiting" are pending, queued, starting and paused, and any status that an
 * application has of its own.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "jobs/status.h"
#include "pg/compat.h"

PG_FUNCTION_INFO_V1(trainjob_status_has_ended);
PG_FUNCTION_INFO_V1(trainjob_is_job_status);
PG_FUNCTION_INFO_V1(trainjob_is_total_steps_source);
PG_FUNCTION_INFO_V1(trainjob_is_alert_outcome);

static const struct
{
	const char *name;
	JobState state;
	ReportEffect on_report;
} statuses[] = {
	{"pending", STATE_WAITING, REPORT_STARTS},
	{"queued", STATE_WAITING, REPORT_STARTS},
	{"starting", STATE_WAITING, REPORT_STARTS},
	{STATUS_RUNNING, STATE_RUNNING, REPORT_CHANGES_NOTHING},
	{"paused", STATE_WAITING, REPORT_RESUMES},
	{"completed", STATE_COMPLETED, REPORT_CHANGES_NOTHING},
	{"failed", STATE_FAILED, REPORT_CHANGES_NOTHING},
	{"cancelled", STATE_CANCELLED, REPORT_CHANGES_NOTHING},
};

/* The column of the table above that an alert type stands in. */
typedef enum AlertColumn
{
	ALERT_STARTED,
	ALERT_COMPLETED,
	ALERT_FAILED,
	ALERT_CANCELLED,
	ALERT_WARNING
} AlertColumn;

static const struct
{
	const char *name;
	AlertColumn column;
} alert_types[] = {
	{"job_started", ALERT_STARTED},		{"job_completed", ALERT_COMPLETED},
	{"job_failed", ALERT_FAILED},		{"job_cancelled", ALERT_CANCELLED},
	{"gpu_oom", ALERT_WARNING},			{"disk_warning", ALERT_WARNING},
	{"timeout_warning", ALERT_WARNING},
};

/* A cell of the table above: the outcome, and the status that it leads to. */
typedef struct Transition
{
	AlertOutcome outcome;
	const char *status; /* NULL: as it was */
	bool if_newer;
} Transition;

static const Transition transitions[][ALERT_WARNING + 1] = {
	[STATE_WAITING] = {{OUTCOME_APPLIED, STATUS_RUNNING},
					   {OUTCOME_APPLIED, "completed"},
					   {OUTCOME_APPLIED, "failed"},
					   {OUTCOME_APPLIED, "cancelled"},
					   {OUTCOME_NOTED}},
	[STATE_RUNNING] = {{OUTCOME_UNCHANGED},
					   {OUTCOME_APPLIED, "completed"},
					   {OUTCOME_APPLIED, "failed"},
					   {OUTCOME_APPLIED, "cancelled"},
					   {OUTCOME_NOTED}},
	[STATE_FAILED] = {{OUTCOME_APPLIED, STATUS_RUNNING, true},
					  {OUTCOME_APPLIED, "completed", true},
					  {OUTCOME_UNCHANGED},
					  {OUTCOME_REFUSED},
					  {OUTCOME_NOTED}},
	[STATE_COMPLETED] = {{OUTCOME_REFUSED},
						 {OUTCOME_UNCHANGED},
						 {OUTCOME_REFUSED},
						 {OUTCOME_REFUSED},
						 {OUTCOME_NOTED}},
	[STATE_CANCELLED] = {{OUTCOME_REFUSED},
						 {OUTCOME_REFUSED},
						 {OUTCOME_REFUSED},
						 {OUTCOME_UNCHANGED},
						 {OUTCOME_NOTED}},
};

static const char *const source_names[] = {[SOURCE_GIVEN] = "given",
										   [SOURCE_ESTIMATED] = "estimated",
										   [SOURCE_REPORTED] = "reported",
										   [SOURCE_OBSERVED] = "observed"};

static const char *const outcome_names[] = {
	[OUTCOME_APPLIED] = "applied", [OUTCOME_UNCHANGED] = "unchanged",
	[OUTCOME_LATE] = "late",	   [OUTCOME_REFUSED] = "refused",
	[OUTCOME_NOTED] = "noted",	   [OUTCOME_WAITING] = "waiting"};

JobState
trainjob_state_of(const char *status)
{
	if (status != NULL)
		for (int i = 0; i < lengthof(statuses); i++)
			if (strcmp(statuses[i].name, status) == 0)
				return statuses[i].state;
	return STATE_WAITING;
}

TotalSource
trainjob_source_of(const char *name)
{
	if (name != NULL)
		for (TotalSource source = SOURCE_GIVEN; source <= SOURCE_OBSERVED;
			 source++)
			if (strcmp(source_names[source], name) == 0)
				return source;
	return SOURCE_UNKNOWN;
}

const char *
trainjob_source_name(TotalSource source)
{
	return source_names[source];
}

bool
trainjob_is_provable(TotalSource source)
{
	return source == SOURCE_ESTIMATED || source == SOURCE_OBSERVED;
}

ReportEffect
trainjob_report_effect(const char *status, const char *error_type)
{
	if (status == NULL)
		return REPORT_CHANGES_NOTHING;
	if (strcmp(status, "failed") == 0 && error_type != NULL &&
		strcmp(error_type, "stalled") == 0)
		return REPORT_REVIVES;
	for (int i = 0; i < lengthof(statuses); i++)
		if (strcmp(statuses[i].name, status) == 0)
			return statuses[i].on_report;
	return REPORT_CHANGES_NOTHING;
}

/* Whether a job in this state has come to its end. */
bool
trainjob_has_ended(JobState state)
{
	return state == STATE_FAILED || state == STATE_COMPLETED ||
		   state == STATE_CANCELLED;
}

/* Whether a change from one state to the other begins a new attempt. */
bool
trainjob_is_restart(JobState before, JobState after)
{
	return trainjob_has_ended(before) && !trainjob_has_ended(after);
}

/* Whether there is an alert type of this name. */
bool
trainjob_is_alert_type(const char *type)
{
	for (int i = 0; i < lengthof(alert_types); i++)
		if (strcmp(alert_types[i].name, type) == 0)
			return true;
	return false;
}

/* The names of all alert types in a list for a message, palloc'd. */
char *
trainjob_alert_type_list(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(alert_types); i++)
		appendStringInfo(&list, "%s%s",
						 i == 0							  ? ""
						 : i == lengthof(alert_types) - 1 ? " or "
														  : ", ",
						 alert_types[i].name);
	return list.data;
}

AlertOutcome
trainjob_alert_next_state(JobState state, const char *type, bool newer,
						  const char **status)
{
	AlertColumn column = ALERT_WARNING;
	const Transition *transition;

	for (int i = 0; i < lengthof(alert_types); i++)
		if (strcmp(alert_types[i].name, type) == 0)
			column = alert_types[i].column;
	transition = &transitions[state][column];
	if (transition->if_newer && !newer)
	{
		*status = NULL;
		return OUTCOME_LATE;
	}
	*status = transition->status;
	return transition->outcome;
}

/* The name that an outcome has in alert_event.outcome. */
const char *
trainjob_outcome_name(AlertOutcome outcome)
{
	return outcome_names[outcome];
}

static bool
text_is(text *value, const char *name)
{
	return VARSIZE_ANY_EXHDR(value) == strlen(name) &&
		   memcmp(VARDATA_ANY(value), name, strlen(name)) == 0;
}

/* SQL: has_ended(status text) returns boolean, strict. */
Datum
trainjob_status_has_ended(PG_FUNCTION_ARGS)
{
	JobState state = trainjob_state_of(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_BOOL(trainjob_has_ended(state));
}

/* SQL: is_job_status(status text) returns boolean, strict. */
Datum
trainjob_is_job_status(PG_FUNCTION_ARGS)
{
	text *status = PG_GETARG_TEXT_PP(0);

	for (int i = 0; i < lengthof(statuses); i++)
		if (text_is(status, statuses[i].name))
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}

/* SQL: is_total_steps_source(source text) returns boolean, strict. */
Datum
trainjob_is_total_steps_source(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(trainjob_source_of(text_to_cstring(PG_GETARG_TEXT_PP(0))) !=
				   SOURCE_UNKNOWN);
}

/* SQL: is_alert_outcome(outcome text) returns boolean, strict. */
Datum
trainjob_is_alert_outcome(PG_FUNCTION_ARGS)
{
	for (int i = 0; i < lengthof(outcome_names); i++)
		if (text_is(PG_GETARG_TEXT_PP(0), outcome_names[i]))
			PG_RETURN_BOOL(true);
	PG_RETURN_BOOL(false);
}
