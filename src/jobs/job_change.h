/*
 * job_change.h
 *	  What trainjob itself is changing of a job right now.
 *
 * The triggers on the jobs table are fired by everybody's updates.  What they
 * are to know of one that trainjob makes, and that the row does not say, stands
 * in a JobChange while the update goes on.
 */
#ifndef TRAINJOB_JOBS_JOB_CHANGE_H
#define TRAINJOB_JOBS_JOB_CHANGE_H

#include "tables/value.h"

typedef struct JobChange
{
	const Column *key; /* of the jobs table */
	Datum job_id;

	/* an alert does it: its id, NULL if the alert has none */
	const Column *alert_key; /* NULL: no alert */
	Value alert_id;

	/* a report does it: what may prove the total wrong, and the row hides */
	bool has_evidence;
	int64 step;
	double epoch;

	/* current_step and current_epoch of the row are not of one report */
	bool is_unpaired;

	struct JobChange *outer; /* one in the middle of which this is made */
} JobChange;

/* Makes a change by calling "make"; it is at work until that returns. */
extern void trainjob_make_change(JobChange *change, void (*make)(void *arg),
								 void *arg);

/* The change at work if it is of the job that a row is of, else NULL. */
extern const JobChange *trainjob_change_of(TupleTableSlot *row,
										   const Column *key);

#endif /* TRAINJOB_JOBS_JOB_CHANGE_H */
