/*
 * job_counts.h
 *	  A job's numbers of samples, from its dataset or its configuration.
 */
#ifndef TRAINJOB_JOBS_JOB_COUNTS_H
#define TRAINJOB_JOBS_JOB_COUNTS_H

#include "jobs/job_row.h"

/* The configuration that a row holds; NULL where it has none. */
extern Jsonb *trainjob_config_of(JobFill *fill, TupleTableSlot *row);

/* The counts of the row as it stands now; those found where it has no column. */
extern SampleCounts trainjob_counts_now(JobFill *fill);

/*
 * The counts of the row as it was or as it stands now, those that it lacks from
 * its dataset or configuration.
 */
extern SampleCounts trainjob_find_counts(JobFill *fill, TupleTableSlot *row,
										 Jsonb *config, bool wait);

/* Fills the counts that the row lacks; "config" is its configuration or NULL. */
extern void trainjob_fill_counts(JobFill *fill, Jsonb *config);

#endif /* TRAINJOB_JOBS_JOB_COUNTS_H */
