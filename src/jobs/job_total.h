/*
 * job_total.h
 *	  A job's total of steps, who says it, what reports prove of it; progress.
 */
#ifndef TRAINJOB_JOBS_JOB_TOTAL_H
#define TRAINJOB_JOBS_JOB_TOTAL_H

#include "jobs/job_row.h"

/* Whether the statement says something of what total_steps is made of. */
extern bool trainjob_says_input(JobFill *fill);

/* Fills total_steps, its source, expected_total_steps and total_epochs. */
extern void trainjob_fill_total_steps(JobFill *fill, Jsonb *config);

/*
 * Percent of the total that a job has done, by its status; NULL where that is
 * not known, and what the writer gave stays.
 */
extern Value trainjob_progress_of(JobState state, Value step, Value total);

/* Fills progress and what the steps reported say of the total. */
extern void trainjob_follow_progress(JobFill *fill, JobState state);

#endif /* TRAINJOB_JOBS_JOB_TOTAL_H */
