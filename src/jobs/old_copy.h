/*
 * old_copy.h
 *	  What an UPDATE must not bring back: an old copy of a job.
 */
#ifndef TRAINJOB_JOBS_OLD_COPY_H
#define TRAINJOB_JOBS_OLD_COPY_H

#include "jobs/job_row.h"

/*
 * For an UPDATE that is not trainjob's own: has the columns keep what is stored
 * where the row brings what is not the writer's word.
 */
extern void trainjob_settle_copy(JobFill *fill);

/*
 * After the work on the row of an INSERT: what was filled in it is not the
 * writer's word either, should the row's conflict lead to an UPDATE.
 */
extern void trainjob_remember_proposed(const JobFill *fill);

#endif /* TRAINJOB_JOBS_OLD_COPY_H */
