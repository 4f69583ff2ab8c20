/*
 * advance.h
 *	  The short way up: reports that are ahead of all before.
 */
#ifndef TRAINJOB_METRICS_ADVANCE_H
#define TRAINJOB_METRICS_ADVANCE_H

#include "metrics/rollup_part.h"

/*
 * Updates the job if the reports are ahead of all before; false if nothing
 * was done.  The caller has become the owner of the jobs table.
 */
extern bool trainjob_advance_job(RollUp *roll, const JobReports *reports);

#endif /* TRAINJOB_METRICS_ADVANCE_H */
