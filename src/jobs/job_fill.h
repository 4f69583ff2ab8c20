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

/*
 * For the next update of a job: a step and the epoch that belongs to it,
 * from which fill_job draws its conclusion about the total.
 *
 * The row shows one step and the newest epoch, which need not be of one report.
 * "job_id" must last as long as the current memory context; with that the
 * evidence goes, too, after an error.
 */
extern void trainjob_set_evidence(Datum job_id, int64 step, double epoch);
extern void trainjob_clear_evidence(void);

extern Datum trainjob_record_status_change(PG_FUNCTION_ARGS);
extern Datum trainjob_await_dataset(PG_FUNCTION_ARGS);

#endif /* TRAINJOB_JOBS_JOB_FILL_H */
