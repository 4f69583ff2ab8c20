/*
 * rollup_part.h
 *	  What the roll-up keeps of a set.
 */
#ifndef TRAINJOB_METRICS_ROLLUP_PART_H
#define TRAINJOB_METRICS_ROLLUP_PART_H

#include "jobs/job_change.h"
#include "metrics/newest.h"
#include "metrics/reports.h"
#include "tables/direct_find.h"
#include "tables/set.h"

/* TrainjobSet.part of the two triggers. */
typedef struct RollUpPart
{
	MetricColumns metric;
	JobTable jobs;
	bool whole_counts;		 /* trainjob_whole_counts() */
	FmgrInfo *compare;		 /* job ids; NULL where their type has no order */
	DirectFind newest_first; /* reports of a job */
	JobUpdate advance;
	JobUpdate settle;
} RollUpPart;

enum
{
	QUERY_LOCK = QUERIES_OF_NEWEST,
	QUERY_ADVANCE,
	QUERY_SETTLE,
	QUERY_SETTLE_STATUS
};
StaticAssertDecl(QUERY_SETTLE_STATUS < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

/* One call of roll_up_metrics or roll_up_restart. */
typedef struct RollUp
{
	TrainjobSet *set;
	RollUpPart *part;
	bool is_update; /* of reports */
} RollUp;

/* Builds it for roll_up_metrics, on the metrics table. */
extern void trainjob_build_roll_up_part(TrainjobSet *set, Relation rel);

/*
 * Builds it for roll_up_restart, on the jobs table; none where the trigger names
 * no metrics table.
 */
extern void trainjob_build_restart_part(TrainjobSet *set, Relation rel);

#endif /* TRAINJOB_METRICS_ROLLUP_PART_H */
