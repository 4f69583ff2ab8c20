/*
 * job_fill.h
 *	  The triggers on the jobs table that an update of a report's columns fires.
 */
#ifndef TRAINJOB_JOBS_JOB_FILL_H
#define TRAINJOB_JOBS_JOB_FILL_H

#include "commands/trigger.h"
#include "fmgr.h"

extern Datum trainjob_fill_job(PG_FUNCTION_ARGS);

/*
 * The same for an UPDATE without the executor: what is filled goes into
 * tg_newslot, a virtual slot; tg_newtuple is not looked at.
 */
extern void trainjob_fill_job_slot(TriggerData *trigdata);

extern Datum trainjob_record_status_change(PG_FUNCTION_ARGS);
extern Datum trainjob_await_dataset(PG_FUNCTION_ARGS);

#endif /* TRAINJOB_JOBS_JOB_FILL_H */
