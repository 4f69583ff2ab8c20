/*
 * alert.h
 *	  Alerts and what they do to a job; NOTIFY.
 */
#ifndef TRAINJOB_ALERTS_ALERT_H
#define TRAINJOB_ALERTS_ALERT_H

/* Defines the setting trainjob.notify; called once, by _PG_init. */
extern void trainjob_alert_init(void);

#endif /* TRAINJOB_ALERTS_ALERT_H */
