/*
 * alert_job.h
 *	  What an alert does to its job.
 */
#ifndef TRAINJOB_ALERTS_ALERT_JOB_H
#define TRAINJOB_ALERTS_ALERT_JOB_H

#include "jobs/job_change.h"
#include "tables/columns.h"
#include "tables/meet.h"
#include "tables/set.h"

/* The columns of an alert that its job fills. */
#define FILLED_IN_ALERTS 5
extern const AlertColumn trainjob_filled_in_alerts[FILLED_IN_ALERTS];

/* What the triggers of alerts keep of a set (TrainjobSet.part). */
typedef struct AlertPart
{
	Column alert[ALERT_COLUMNS];
	JobTable jobs;
	JobUpdate update;
	MeetTable alerts_meet; /* alerts by their job */
	MeetTable jobs_meet;   /* jobs by their id */
} AlertPart;

/* The queries of that part. */
enum
{
	QUERY_LOCK_JOB,
	QUERY_SET_JOB,
	QUERY_SET_STATUS,
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

/* Builds AlertPart for apply_alert and await_job, on the alerts table. */
extern void trainjob_build_alert_part(TrainjobSet *set, Relation rel);

/* Builds it for apply_waiting_alerts, on the jobs table. */
extern void trainjob_build_waiting_part(TrainjobSet *set, Relation rel);

/*
 * Locks a job's id, see trainjob_lock_name(); for jobs and alerts that
 * cannot meet by trainjob_can_meet().
 */
extern void trainjob_lock_job_id(TrainjobSet *set, const Column *key,
								 Datum job_id, LOCKMODE mode);

/*
 * Applies an alert to its job, as the owner of the jobs table, and fills the
 * alert's user, if it has none, and trainjob_filled_in_alerts.  False if
 * there is no such job.  Texts are palloc'd in the current memory context.
 */
extern bool trainjob_apply_alert_to_job(TrainjobSet *set, AlertPart *part,
										Alert *alert);

/* Fills the outcome of an alert that has no job yet. */
extern void trainjob_let_alert_wait(Alert *alert);

#endif /* TRAINJOB_ALERTS_ALERT_JOB_H */
