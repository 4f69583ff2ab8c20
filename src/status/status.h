/*
 * status.h
 *	  Statuses of a job, types of alerts, and what one does to the other.
 */
#ifndef TRAINJOB_STATUS_STATUS_H
#define TRAINJOB_STATUS_STATUS_H

typedef enum JobState
{
	STATE_WAITING, /* pending, queued, starting, paused */
	STATE_RUNNING,
	STATE_FAILED,
	STATE_COMPLETED,
	STATE_CANCELLED
} JobState;

/* The status of a job that trains. */
#define STATUS_RUNNING "running"

/* Where a total of steps comes from. */
typedef enum TotalSource
{
	SOURCE_UNKNOWN, /* NULL, or none of ours */
	SOURCE_GIVEN,	/* by the writer */
	SOURCE_ESTIMATED,
	SOURCE_REPORTED, /* by the trainer */
	SOURCE_OBSERVED, /* in its reports */
	SOURCE_DISPROVED /* by them, and none is known in its place */
} TotalSource;

/* What a report means for a job's status. */
typedef enum ReportEffect
{
	REPORT_CHANGES_NOTHING,
	REPORT_STARTS,	/* it runs */
	REPORT_RESUMES, /* it runs, if the report is newer than the pause */
	REPORT_REVIVES	/* the same for a failure; a new attempt */
} ReportEffect;

typedef enum AlertOutcome
{
	OUTCOME_APPLIED,   /* the job changed its status */
	OUTCOME_UNCHANGED, /* the job was so already */
	OUTCOME_LATE,	   /* the job failed after the alert */
	OUTCOME_REFUSED,   /* it contradicts what the job came to */
	OUTCOME_NOTED,	   /* a warning */
	OUTCOME_WAITING	   /* there is no such job yet */
} AlertOutcome;

/*
 * Our word for a status that an application may call otherwise, see
 * trainjob_is_word(): "running" for "IN_PROGRESS".  NULL for a word that means
 * none of ours.  "length" is that of "word", which need not end in a zero.
 */
extern const char *trainjob_known_status(const char *word, int length);

/* The same for the type of an alert: "job_completed" for "JobSucceeded". */
extern const char *trainjob_known_alert_type(const char *word, int length);

/*
 * Whether a word means just what ours does: "cancelling" is read as running, but
 * whoever acts on it does not mean that by it.
 */
extern bool trainjob_is_plain_status(const char *word, int length);

/*
 * The state that a status means; STATE_WAITING for NULL and for a status
 * that is not one of ours.  As everywhere below, it is our word for it.
 */
extern JobState trainjob_state_of(const char *status);

/* A TotalSource by its name in total_steps_source, and the reverse. */
extern TotalSource trainjob_source_of(const char *name);
extern const char *trainjob_source_name(TotalSource source);

/* Whether reports may prove a total of this source wrong. */
extern bool trainjob_is_provable(TotalSource source);

/*
 * What a report says of a job with this status.
 *
 * A job that failed only because it was presumed dead (error_type 'stalled')
 * is alive if it reports.  An application's own statuses are left alone.
 */
extern ReportEffect trainjob_report_effect(const char *status,
										   const char *error_type);

extern bool trainjob_has_ended(JobState state);
extern bool trainjob_is_restart(JobState before, JobState after);

/* Our words in a list for a message: "a, b or c"; palloc'd. */
extern char *trainjob_status_list(void);
extern char *trainjob_alert_type_list(void);

/*
 * What an alert of "type" does to a job in "state".
 *
 * "newer" says whether the alert is newer than the job's last change of
 * status.  Sets *status to the status that the job changes to, or to NULL where
 * it keeps its own.  A type that is none of ours is noted.
 */
extern AlertOutcome trainjob_alert_next_state(JobState state, const char *type,
											  bool newer, const char **status);

extern const char *trainjob_outcome_name(AlertOutcome outcome);
extern bool trainjob_is_outcome(const char *name);

#endif /* TRAINJOB_STATUS_STATUS_H */
