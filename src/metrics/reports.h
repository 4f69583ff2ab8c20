/*
 * reports.h
 *	  What the reports of a statement say of each job.
 */
#ifndef TRAINJOB_METRICS_REPORTS_H
#define TRAINJOB_METRICS_REPORTS_H

#include "steps/evidence.h"
#include "tables/columns.h"
#include "tables/set.h"

/* The columns of a metrics table that go up to the job, or say which do. */
typedef struct MetricColumns
{
	Column job_id;
	Column step;
	Column id;
	Column recorded_at;
	Column extra;
	Column latest[LATEST_COUNT];
} MetricColumns;

/* The newest value of a column among the reports of a statement. */
typedef struct Newest
{
	bool seen;
	int64 step;
	int64 id;
	double number;
} Newest;

/* What a statement reports of one job. */
typedef struct JobReports
{
	Datum job_id;
	int64 min_step;
	int64 max_step;
	int64 next_step; /* the highest but one; the least bigint: there is none */
	TimestampTz min_recorded;
	TimestampTz max_recorded;
	Newest newest[LATEST_COUNT];

	/* a trainer's summary has a value, which counts if the attempt has no other */
	bool in_summary[LATEST_COUNT];

	/* the lowest finite eval_loss, at the first step that has it */
	bool has_best;
	double best;
	int64 best_step;
	int64 best_id;
	Value best_epoch;

	EvidenceSearch evidence; /* of the epochs */

	/* an UPDATE: what the rows held before */
	bool replaced[LATEST_COUNT]; /* a value stood there */
	bool replaced_best;			 /* a finite eval_loss stood there */
	double old_best;			 /* the lowest of those */
	int64 old_max_step;

	bool all; /* a restart: whatever the attempt has already */
} JobReports;

/* A JobReports for each job that a statement reports of. */
typedef struct ReportList
{
	JobReports **jobs;
	int count;
} ReportList;

/*
 * For TrainjobBuildPart functions, with the metrics table open: an error
 * where job_id or step is missing, attnum 0 for others that are.
 */
extern void trainjob_find_metric_columns(TrainjobSet *set, Relation rel,
										 MetricColumns *metric);

/*
 * Whether a row with this value of "extra" is a trainer's summary.
 *
 * A value that is compressed or out of line is not looked into: a summary is
 * short.
 */
extern bool trainjob_is_summary(const Column *extra, Datum datum, bool isnull);

extern bool trainjob_is_summary_row(TupleTableSlot *row, const Column *extra);

/*
 * Whether two whole epochs may be evidence.  A column of an integer type, here or
 * in the jobs table, has no other: whoever made it counts epochs, from 1 perhaps.
 */
extern bool trainjob_whole_counts(const MetricColumns *metric,
								  const Column *job_epoch);

/*
 * exp(loss), Infinity where that is too large; NULL where the loss is NULL or NaN.
 */
extern Value trainjob_perplexity_of(Value loss);

/* A JobReports of no report yet.  "job_id" must last as long as it. */
extern void trainjob_init_reports(JobReports *reports, Datum job_id);

/*
 * What the statement that fired a trigger says of each job: fills "list",
 * in the current context, in the order in which the jobs come.
 *
 * The trigger is AFTER INSERT or UPDATE with its transition tables.  They are
 * read by pointers of our own; of an UPDATE the rows before and after come in
 * the same order.  Rows without a job or step belong to nobody and are passed
 * over, as are rows that an UPDATE left as they were.
 */
extern void trainjob_read_reports(TriggerData *trigdata,
								  const MetricColumns *metric,
								  ReportList *list);

#endif /* TRAINJOB_METRICS_REPORTS_H */
