/*
 * job_fill.h
 *	  The trigger that completes a job's row.
 */
#ifndef TRAINJOB_JOBS_JOB_FILL_H
#define TRAINJOB_JOBS_JOB_FILL_H

#include "commands/trigger.h"
#include "fmgr.h"

extern Datum trainjob_fill_job(PG_FUNCTION_ARGS);

/*
 * fill_job for an UPDATE without the executor: what is filled goes into
 * tg_newslot, a virtual slot; tg_newtuple is not looked at.
 */
extern void trainjob_fill_job_slot(TriggerData *trigdata);

#endif /* TRAINJOB_JOBS_JOB_FILL_H */
