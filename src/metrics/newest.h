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
	QUERY_HISTORY,
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
	Value *job; /* its columns, by JobColumn */
	int64 step;
} NewestSearch;

/* The lowest finite eval_loss; all are NULL where there is none. */
typedef struct BestEvaluation
{
	Value loss;
	Value step;
	Value epoch;
} BestEvaluation;

/* Whether an evaluation is better than the best known: lower, or earlier. */
static inline bool
trainjob_is_better(double loss, int64 step, Value best, Value best_step)
{
	return best.isnull || loss < best.number ||
		   (loss == best.number &&
			(best_step.isnull || step < best_step.count));
}

/* What all reports of a job say, whatever attempt they are of. */
typedef struct JobHistory
{
	Value first_recorded; /* of the times that are finite */
	Value last_recorded;
	BestEvaluation best;

	/* of the epochs of the attempt that the search is of */
	EvidenceSearch evidence;
	UpdateRange updates;
	bool contradicts_itself;
} JobHistory;

/*
 * Asks the metrics table for the newest values of a job's attempt, for
 * what "search" wants, reading from the newest report back to where it has
 * found them all.
 *
 * The loss of a trainer's summary, which is the mean of the run, is found where
 * the attempt has no other.  What no report has stays wanted, and as it was.  "newest_first" is of
 * trainjob_plan_descending(), by job_id, step and id.  The job must be locked.
 * This and the next one become the owner of the metrics table.
 */
extern void trainjob_read_newest(TrainjobSet *set, const MetricColumns *metric,
								 const DirectFind *newest_first, Datum job_id,
								 NewestSearch *search);

/*
 * Asks the metrics table for a job's best evaluation: the lowest finite
 * eval_loss of all attempts, at the first step that has it.
 *
 * There must be a column eval_loss.  The job must be locked.
 */
extern void trainjob_read_best(TrainjobSet *set, const MetricColumns *metric,
							   Datum job_id, BestEvaluation *best);

/*
 * Reads all reports of a job: what "search" wants, whose bound plays no part, and
 * their history.
 *
 * As whoever calls, with the privileges of a query.  "latest": sees what is
 * committed now, as the others do; else what the query at work sees.
 */
extern void trainjob_read_history(TrainjobSet *set, const MetricColumns *metric,
								  Datum job_id, bool latest,
								  NewestSearch *search, JobHistory *history);

#endif /* TRAINJOB_METRICS_NEWEST_H */
