/*
 * report.h
 *	  Writing with a job's token.
 */
#ifndef TRAINJOB_TOKEN_REPORT_H
#define TRAINJOB_TOKEN_REPORT_H

/* Defines the settings of sizes; called once, by _PG_init. */
extern void trainjob_report_init(void);

#endif /* TRAINJOB_TOKEN_REPORT_H */
