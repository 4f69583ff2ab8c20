/*
 * rollup_part.h
 *	  What the roll-up keeps of a set.
 */
#ifndef TRAINJOB_METRICS_ROLLUP_PART_H
#define TRAINJOB_METRICS_ROLLUP_PART_H

#include "jobs/direct_update.h"
#include "metrics/newest.h"
#include "metrics/reports.h"
#include "tables/direct_find.h"
#include "tables/set.h"

/* The columns of a job that the roll-up reads or writes beside the latest. */
typedef enum RollUpColumn
{
	ROLL_STATUS,
	ROLL_ERROR_TYPE,
	ROLL_STATUS_CHANGED_AT,
	ROLL_RESTARTED_AT,
	ROLL_LAST_METRIC_AT,
	ROLL_CURRENT_STEP,
	ROLL_BEST_EVAL_LOSS,
	ROLL_BEST_STEP,
	ROLL_BEST_EPOCH,
	ROLL_UP_COLUMNS
} RollUpColumn;

/*
 * Those before it go with the status: where that stays, settle_row() does not
 * set them.
 */
#define ROLL_FIRST_SETTLED ROLL_LAST_METRIC_AT

/* Columns of a job in one array: the above, then the latest. */
#define ROLL_LATEST(i) (ROLL_UP_COLUMNS + (i))
#define ROLL_COLUMNS (ROLL_UP_COLUMNS + LATEST_COUNT)

/* TrainjobSet.part of the two triggers. */
typedef struct RollUpPart
{
	MetricColumns metric;
	Column key; /* of the jobs table, like all below */
	Column total_steps;
	Column total_steps_source;
	Column total_epochs;
	Column job[ROLL_COLUMNS];
	FmgrInfo *compare; /* job ids; NULL where their type has no order */
	DirectFind find_job;
	DirectFind newest_first; /* reports of a job */
	DirectUpdate *advance;	 /* NULL where SQL must, like the two below */
	DirectUpdate *settle;
	DirectUpdate *settle_status; /* and the status */
} RollUpPart;

enum
{
	QUERY_ADVANCE = QUERIES_OF_NEWEST,
	QUERY_LOCK,
	QUERY_SETTLE
};
StaticAssertDecl(QUERY_SETTLE < TRAINJOB_MAX_QUERIES,
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
 * The same for roll_up_restart, on the jobs table; none where the trigger names
 * no metrics table.
 */
extern void trainjob_build_restart_part(TrainjobSet *set, Relation rel);

#endif /* TRAINJOB_METRICS_ROLLUP_PART_H */
