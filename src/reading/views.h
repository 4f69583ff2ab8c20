/*
 * views.h
 *	  What the views need beside SQL.
 */
#ifndef TRAINJOB_READING_VIEWS_H
#define TRAINJOB_READING_VIEWS_H

/* Defines the setting trainjob.stall_timeout; called once, by _PG_init. */
extern void trainjob_views_init(void);

#endif /* TRAINJOB_READING_VIEWS_H */
