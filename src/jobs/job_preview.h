/*
 * job_preview.h
 *	  What fill_job would make of a change, with nothing stored.
 */
#ifndef TRAINJOB_JOBS_JOB_PREVIEW_H
#define TRAINJOB_JOBS_JOB_PREVIEW_H

#include "jobs/job_change.h"

/*
 * Whether a change of a row of "rel", the jobs table, would have fill_job fill
 * one of these columns (JobColumn) that is NULL, none of which the change itself
 * sets.  "row" must be deformed.  False where the table has no
 * trigger of fill_job.
 */
extern bool trainjob_would_fill(Relation rel, TupleTableSlot *row,
								JobChange *change, const int *columns,
								int count);

#endif /* TRAINJOB_JOBS_JOB_PREVIEW_H */
