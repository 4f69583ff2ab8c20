/*
 * job_times.h
 *	  The timestamps of a job, which follow its status; what a restart does.
 */
#ifndef TRAINJOB_JOBS_JOB_TIMES_H
#define TRAINJOB_JOBS_JOB_TIMES_H

#include "jobs/job_row.h"

/* Whether the statement sets a job going that had ended. */
extern bool trainjob_restarts(JobFill *fill);

/* Fills the timestamps; returns the state that the job is in now. */
extern JobState trainjob_follow_status(JobFill *fill);

#endif /* TRAINJOB_JOBS_JOB_TIMES_H */
