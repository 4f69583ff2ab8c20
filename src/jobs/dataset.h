/*
 * dataset.h
 *	  Jobs that a dataset which comes later, or at the same time, fills.
 */
#ifndef TRAINJOB_JOBS_DATASET_H
#define TRAINJOB_JOBS_DATASET_H

#include "fmgr.h"

/* The trigger, by which an update that calls triggers itself knows it. */
extern Datum trainjob_await_dataset(PG_FUNCTION_ARGS);

#endif /* TRAINJOB_JOBS_DATASET_H */
