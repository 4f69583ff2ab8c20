/*
 * status.c
 *	  The statuses of a job, the types of alerts, what an alert does to a job in
 *	  each state, and what others call them.  Pure: tables and functions over
 *	  them.
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
 *
 * The words beside ours are those of the job objects of OpenAI, Together,
 * Mistral, SageMaker, Vertex AI, MLflow, Weights & Biases, SkyPilot, Kubeflow
 * and Kubernetes.  One that is on its way to an end is running until that comes.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "status/status.h"
#include "status/words.h"

#define NAME(name) name, sizeof(name) - 1

static const struct
{
	const char *name;
	int length; /* of the name */
	JobState state;
	ReportEffect on_report;
	const char *words; /* what else it is called */
	const char *kinds; /* words for a kind of it, which nobody writes for it */
} statuses[] = {
	{NAME("pending"), STATE_WAITING, REPORT_STARTS, "new not_started", ""},
	{NAME("queued"), STATE_WAITING, REPORT_STARTS,
	 "created submitted scheduled enqueued waiting accepted",
	 "validating validating_files validated"},
	{NAME("starting"), STATE_WAITING, REPORT_STARTS,
	 "initializing initialising launching",
	 "initialized init launching_ml_instances preparing "
	 "preparing_training_stack provisioning setting_up downloading "
	 "downloading_training_image"},
	{NAME(STATUS_RUNNING), STATE_RUNNING, REPORT_CHANGES_NOTHING,
	 "in_progress training active started ongoing processing",
	 "evaluating compressing uploading updating recovering restarting resuming "
	 "stopping cancelling canceling cancel_requested cancellation_requested "
	 "preempting"},
	{NAME("paused"), STATE_WAITING, REPORT_RESUMES, "suspended on_hold",
	 "preempted interrupted"},
	{NAME("completed"), STATE_COMPLETED, REPORT_CHANGES_NOTHING,
	 "complete finished succeeded success successful done",
	 "partially_succeeded"},
	{NAME("failed"), STATE_FAILED, REPORT_CHANGES_NOTHING,
	 "failure fail error errored crashed",
	 "user_error failed_validation failed_setup failed_prechecks "
	 "failed_no_resource failed_controller failed_driver timed_out timeout "
	 "expired max_runtime_exceeded"},
	{NAME("cancelled"), STATE_CANCELLED, REPORT_CHANGES_NOTHING,
	 "canceled stopped aborted terminated killed", "revoked"},
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
	const char *words;
} alert_types[] = {
	{"job_started", ALERT_STARTED,
	 "job_start job_running job_in_progress training_started run_started"},
	{"job_completed", ALERT_COMPLETED,
	 "job_complete job_finished job_succeeded job_success job_done "
	 "training_completed training_finished run_completed run_finished"},
	{"job_failed", ALERT_FAILED,
	 "job_failure job_error job_errored job_crashed job_timed_out "
	 "training_failed run_failed"},
	{"job_cancelled", ALERT_CANCELLED,
	 "job_canceled job_stopped job_killed job_terminated job_aborted "
	 "training_cancelled training_canceled training_stopped"},
	{"job_queued", ALERT_WARNING,
	 "job_created job_submitted job_scheduled job_pending"},
	{"job_paused", ALERT_WARNING, "job_suspended"},
	{"job_preempted", ALERT_WARNING, "job_interrupted"},
	{"job_resumed", ALERT_WARNING, "job_restarted job_recovered"},
	{"gpu_oom", ALERT_WARNING, "cuda_oom out_of_memory"},
	{"disk_warning", ALERT_WARNING, "disk_full"},
	{"timeout_warning", ALERT_WARNING, ""},
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
										   [SOURCE_OBSERVED] = "observed",
										   [SOURCE_DISPROVED] = "disproved"};

static const char *const outcome_names[] = {
	[OUTCOME_APPLIED] = "applied", [OUTCOME_UNCHANGED] = "unchanged",
	[OUTCOME_LATE] = "late",	   [OUTCOME_REFUSED] = "refused",
	[OUTCOME_NOTED] = "noted",	   [OUTCOME_WAITING] = "waiting"};

const char *
trainjob_known_status(const char *word, int length)
{
	/* mostly it is our own */
	for (int i = 0; i < lengthof(statuses); i++)
		if (statuses[i].length == length && statuses[i].name[0] == word[0] &&
			memcmp(statuses[i].name, word, length) == 0)
			return statuses[i].name;
	/* Vertex AI says JOB_STATE_RUNNING */
	trainjob_skip_prefix("job_state", &word, &length);
	for (int i = 0; i < lengthof(statuses); i++)
		if (trainjob_is_word(word, length, statuses[i].name) ||
			trainjob_is_one_of(word, length, statuses[i].words) ||
			trainjob_is_one_of(word, length, statuses[i].kinds))
			return statuses[i].name;
	return NULL;
}

bool
trainjob_is_plain_status(const char *word, int length)
{
	trainjob_skip_prefix("job_state", &word, &length);
	for (int i = 0; i < lengthof(statuses); i++)
		if (trainjob_is_word(word, length, statuses[i].name) ||
			trainjob_is_one_of(word, length, statuses[i].words))
			return true;
	return false;
}

const char *
trainjob_known_alert_type(const char *word, int length)
{
	for (int i = 0; i < lengthof(alert_types); i++)
		if (trainjob_is_word(word, length, alert_types[i].name) ||
			trainjob_is_one_of(word, length, alert_types[i].words))
			return alert_types[i].name;
	return NULL;
}

/* The place of a status in the list, -1 for none of ours. */
static int
place_of(const char *status)
{
	/* one that was read is the very name in the list */
	for (int i = 0; i < lengthof(statuses); i++)
		if (statuses[i].name == status)
			return i;
	for (int i = 0; status != NULL && i < lengthof(statuses); i++)
		if (strcmp(statuses[i].name, status) == 0)
			return i;
	return -1;
}

JobState
trainjob_state_of(const char *status)
{
	int place = place_of(status);

	return place < 0 ? STATE_WAITING : statuses[place].state;
}

TotalSource
trainjob_source_of(const char *name)
{
	if (name != NULL)
		for (TotalSource source = SOURCE_GIVEN; source <= SOURCE_DISPROVED;
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
	int place = place_of(status);

	if (place < 0)
		return REPORT_CHANGES_NOTHING;
	if (statuses[place].state == STATE_FAILED && error_type != NULL &&
		strcmp(error_type, "stalled") == 0)
		return REPORT_REVIVES;
	return statuses[place].on_report;
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

/* Adds the "i"th of "count" words to a list for a message. */
static void
add_to_list(StringInfo list, const char *word, int i, int count)
{
	appendStringInfo(list, "%s%s",
					 i == 0			  ? ""
					 : i == count - 1 ? " or "
									  : ", ",
					 word);
}

char *
trainjob_status_list(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(statuses); i++)
		add_to_list(&list, statuses[i].name, i, lengthof(statuses));
	return list.data;
}

char *
trainjob_alert_type_list(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(alert_types); i++)
		add_to_list(&list, alert_types[i].name, i, lengthof(alert_types));
	return list.data;
}

AlertOutcome
trainjob_alert_next_state(JobState state, const char *type, bool newer,
						  const char **status)
{
	AlertColumn column = ALERT_WARNING; /* also where the type is unknown */
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

bool
trainjob_is_outcome(const char *name)
{
	for (int i = 0; i < lengthof(outcome_names); i++)
		if (strcmp(outcome_names[i], name) == 0)
			return true;
	return false;
}
