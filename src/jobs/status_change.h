/*
 * status_change.h
 *	  The record of changes of a job's status, and NOTIFY.
 */
#ifndef TRAINJOB_JOBS_STATUS_CHANGE_H
#define TRAINJOB_JOBS_STATUS_CHANGE_H

#include "fmgr.h"

/* Defines the setting trainjob.notify; called once, by _PG_init. */
extern void trainjob_status_change_init(void);

/* The trigger, for an update that calls it itself (direct_update.c). */
extern Datum trainjob_record_status_change(PG_FUNCTION_ARGS);

#endif /* TRAINJOB_JOBS_STATUS_CHANGE_H */
