/*
 * newest.h
 *	  What the metrics table has of a job.
 */
#ifndef TRAINJOB_METRICS_NEWEST_H
#define TRAINJOB_METRICS_NEWEST_H

#include "metrics/reports.h"
#include "tables/direct_find.h"

/* Its queries in a set (TrainjobSet.plan); the caller's come after them. */
enum
{
	QUERY_NEWEST,
	QUERY_OLDER,
	QUERY_BEST,
	QUERIES_OF_NEWEST
};

/* What is wanted of the newest reports of a job, and what was found. */
typedef struct NewestSearch
{
	Value restarted; /* what was recorded before is of an earlier attempt */
	int64 bound;	 /* steps above it are not looked at */

	/* what is found is stored, and not wanted any more */
	bool wanted[LATEST_COUNT];
	bool step_wanted;
	Value *latest; /* LATEST_COUNT of them */
	int64 step;
} NewestSearch;

/* The lowest finite eval_loss; all are NULL where there is none. */
typedef struct BestEvaluation
{
	Value loss;
	Value step;
	Value epoch;
} BestEvaluation;

extern void trainjob_read_newest(TrainjobSet *set, const MetricColumns *metric,
								 const DirectFind *newest_first, Datum job_id,
								 NewestSearch *search);
extern void trainjob_read_best(TrainjobSet *set, const MetricColumns *metric,
							   Datum job_id, BestEvaluation *best);

#endif /* TRAINJOB_METRICS_NEWEST_H */
