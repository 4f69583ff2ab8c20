/*
 * job_fill.h
 *	  The triggers on the jobs table that an update of a report's columns fires.
 */
#ifndef TRAINJOB_JOBS_JOB_FILL_H
#define TRAINJOB_JOBS_JOB_FILL_H

#include "commands/trigger.h"
#include "fmgr.h"

extern Datum trainjob_fill_job(PG_FUNCTION_ARGS);
extern void trainjob_fill_job_slot(TriggerData *trigdata);
extern void trainjob_set_evidence(Datum job_id, int64 step, double epoch);
extern void trainjob_clear_evidence(void);
extern Datum trainjob_record_status_change(PG_FUNCTION_ARGS);

#endif /* TRAINJOB_JOBS_JOB_FILL_H */
