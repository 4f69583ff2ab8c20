/*
 * config_out.h
 *	  Moves a configuration out of its row.
 */
#ifndef TRAINJOB_JOBS_CONFIG_OUT_H
#define TRAINJOB_JOBS_CONFIG_OUT_H

#include "jobs/job_row.h"

/* Gives the configuration as a pointer to memory, where it is to move out. */
extern bool trainjob_move_config_out(JobFill *fill, Datum *pointer);

#endif /* TRAINJOB_JOBS_CONFIG_OUT_H */
