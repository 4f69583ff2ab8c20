/*
 * settle.h
 *	  The long way up: whatever is not ahead of all before.
 */
#ifndef TRAINJOB_METRICS_SETTLE_H
#define TRAINJOB_METRICS_SETTLE_H

#include "metrics/rollup_part.h"

/*
 * Locks the job, works out what the reports change of it, and writes that; does
 * nothing where there is no such job.  The caller has become the owner of the
 * jobs table.
 */
extern void trainjob_settle_job(RollUp *roll, JobReports *reports);

/* trainjob_settle_job() by all reports of the present attempt. */
extern void trainjob_settle_attempt(RollUp *roll, JobReports *reports);

#endif /* TRAINJOB_METRICS_SETTLE_H */
