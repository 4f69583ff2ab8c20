/*
 * status_change.h
 *	  The record of changes of a job's status, and NOTIFY.
 */
#ifndef TRAINJOB_JOBS_STATUS_CHANGE_H
#define TRAINJOB_JOBS_STATUS_CHANGE_H

/* Defines the setting trainjob.notify; called once, by _PG_init. */
extern void trainjob_status_change_init(void);

#endif /* TRAINJOB_JOBS_STATUS_CHANGE_H */
