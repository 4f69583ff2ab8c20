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
 * Where a total came from, in a table without a column that says so: what is not
 * the estimate is taken for one that was passed before.
 */
extern TotalSource trainjob_guess_source(Value total, Value expected);

/* A step beyond a job's total. */
typedef struct PassedTotal
{
	JobState state;
	TotalSource source; /* of the total */
	bool is_second;		/* another step is beyond it as well */
	int64 step;
	int64 total;
} PassedTotal;

/*
 * Whether the step is taken for the total: the last one of a completed job, else
 * one that is the first beyond it, by no more than 1 % or by one step.  A total
 * that was observed has been passed before, or epochs proved it: none is taken
 * for it.  False disproves the total.
 */
extern bool trainjob_takes_step(const PassedTotal *passed);

/* Percent of the total that was done; NULL where that is not known. */
extern Value trainjob_percent_of(Value step, Value total);

/* What a job's progress follows from; source and epochs if step < total fails. */
typedef struct JobProgress
{
	Value step;
	Value total;
	TotalSource source;
	Value epoch;
	Value epochs;
} JobProgress;

/*
 * Percent of the job that is done, by its status; NULL where that is not known.
 * 100 is for a total that was known before its last step was reported.
 */
extern Value trainjob_progress_of(JobState state, const JobProgress *job);

/* Fills progress and what the steps reported say of the total. */
extern void trainjob_follow_progress(JobFill *fill, JobState state);

#endif /* TRAINJOB_JOBS_JOB_TOTAL_H */
