/*
 * newest.c
 *	  What the metrics table knows of a job: the newest values of its attempt,
 *	  and its best evaluation.
 *
 * The roll-up asks for it where the reports at hand do not say, with the job
 * locked: what others report of it is either seen here, or sees the job after
 * us.  Hence everything here looks with a snapshot of its own.
 *
 * The newest reports are read one by one, the newest first, until all that is
 * wanted is found: mostly that is the first one.  An index on (job_id, step, id)
 * gives them so without a query (tables/direct_find.c).
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "metrics/newest.h"
#include "tables/owner.h"
#include "tables/query.h"

/* The metrics table of a set while it is read. */
typedef struct Reading
{
	TrainjobSet *set;
	const MetricColumns *metric;
	NewestSearch *search;
	int missing;				 /* how much of it is not found */
	Value summary[LATEST_COUNT]; /* the newest that a summary has of it */
	MemoryContext per_row;		 /* of a row at hand */
} Reading;

/* How many reports a query reads: mostly the first few have it all. */
#define ALL_REPORTS 0
#define FEW_REPORTS 8
#define MANY_REPORTS 1000

/* ----------
 * The newest values
 * ----------
 */

/*
 * SELECT step, recorded_at, extra, epoch, ... FROM metrics
 *	WHERE job_id = $1 AND step <= $2
 *	ORDER BY step DESC, id DESC LIMIT 8
 *
 * Nothing more in WHERE: a planner that thinks that few rows pass would rather
 * sort all reports of the job than read the newest along the key.
 */
static SPIPlanPtr
newest_plan(Reading *reading, int limit)
{
	int number = limit == ALL_REPORTS	? QUERY_HISTORY
				 : limit == FEW_REPORTS ? QUERY_NEWEST
										: QUERY_OLDER;
	TrainjobSet *set = reading->set;
	const MetricColumns *metric = reading->metric;
	Oid types[2] = {metric->job_id.type, INT8OID};
	const char *step = quote_identifier(metric->step.name);
	StringInfoData latest;

	if (set->plan[number] != NULL)
		return set->plan[number];
	initStringInfo(&latest);
	for (int i = 0; i < LATEST_COUNT; i++)
		trainjob_add_item(&latest, "%s", trainjob_selected(&metric->latest[i]));
	return trainjob_keep_plan(
		set, number,
		psprintf("SELECT %s, %s, %s, %s FROM %s WHERE %s"
				 " AND %s OPERATOR(pg_catalog.<=) $2 ORDER BY %s DESC%s%s",
				 step, trainjob_selected(&metric->recorded_at),
				 trainjob_selected(&metric->extra), latest.data,
				 set->table[TABLE_METRICS].quoted,
				 trainjob_equals(&metric->job_id, 1), step, step,
				 metric->id.attnum == 0
					 ? ""
					 : psprintf(", %s DESC", quote_identifier(metric->id.name)),
				 limit == ALL_REPORTS ? "" : psprintf(" LIMIT %d", limit)),
		2, types);
}

/*
 * Whether a report is a trainer's summary, of which not all that is wanted
 * counts as of a step.  Not asked where all of it does: "extra" may be large.
 */
static bool
is_summary(Reading *reading, const FoundRow *row)
{
	const Column *extra = &reading->metric->extra;

	for (int i = 0; i < LATEST_COUNT; i++)
	{
		if (reading->search->wanted[i] && trainjob_latest[i].not_in_summary)
		{
			bool isnull;
			Datum datum = trainjob_found_datum(row, 3, extra, &isnull);

			return trainjob_is_summary(extra, datum, isnull);
		}
	}
	return false;
}

/* Whether a report was recorded before the attempt that is looked at. */
static bool
is_of_earlier_attempt(const Reading *reading, const FoundRow *row)
{
	Value restarted = reading->search->restarted;
	Value recorded =
		trainjob_found_value(row, 2, &reading->metric->recorded_at);

	return !restarted.isnull && !recorded.isnull &&
		   recorded.time < restarted.time;
}

/* Takes from a report what is wanted and was not found in a newer one. */
static void
take_report(Reading *reading, const FoundRow *row)
{
	const MetricColumns *metric = reading->metric;
	NewestSearch *search = reading->search;
	bool summary;

	if (is_of_earlier_attempt(reading, row))
		return;
	summary = is_summary(reading, row);
	if (search->step_wanted)
	{
		search->step = trainjob_found_value(row, 1, &metric->step).count;
		search->step_wanted = false;
		reading->missing--;
	}
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		Value value;

		if (!search->wanted[i])
			continue;
		value = trainjob_found_value(row, 4 + i, &metric->latest[i]);
		if (i == LATEST_PERPLEXITY && value.isnull)
			value = trainjob_perplexity_of(
				trainjob_found_value(row, 4 + LATEST_TRAIN_LOSS,
									 &metric->latest[LATEST_TRAIN_LOSS]));
		if (value.isnull)
			continue;
		if (summary && trainjob_latest[i].not_in_summary)
		{
			if (reading->summary[i].isnull)
				reading->summary[i] = value;
			continue;
		}
		search->job[trainjob_latest[i].job] = value;
		search->wanted[i] = false;
		reading->missing--;
	}
}

/* A DirectVisit. */
static bool
see_report(Relation rel, TupleTableSlot *row, void *arg)
{
	Reading *reading = arg;
	FoundRow found = {.slot = row};
	MemoryContext memory = MemoryContextSwitchTo(reading->per_row);

	take_report(reading, &found);
	MemoryContextSwitchTo(memory);
	MemoryContextReset(reading->per_row);
	return reading->missing > 0;
}

/* Reads along the index; false where a query must. */
static bool
read_directly(Reading *reading, const DirectFind *newest_first, Datum job_id)
{
	bool done;

	/* a domain's CHECK may have altered the table */
	if (!reading->set->valid)
		return false;
	reading->per_row =
		AllocSetContextCreate(CurrentMemoryContext, "trainjob report",
							  ALLOCSET_DEFAULT_SIZES);
	done =
		trainjob_find_descending(newest_first, job_id, reading->search->bound,
								 see_report, reading);
	MemoryContextDelete(reading->per_row);
	return done;
}

/*
 * Reads by queries, in two portions and more.  (Of more than a thousand reports
 * of one step, the rest is passed over.)
 */
static void
read_by_sql(Reading *reading, Datum job_id)
{
	int64 bound = reading->search->bound;
	int limit = FEW_REPORTS;
	uint64 count;

	SPI_connect();
	do
	{
		Datum args[2] = {job_id, Int64GetDatum(bound)};
		FoundRow row = {0};
		int64 last = bound;

		CHECK_FOR_INTERRUPTS();
		count = trainjob_execute(newest_plan(reading, limit), SPI_OK_SELECT,
								 args, NULL);
		for (; row.number < count && reading->missing > 0; row.number++)
			take_report(reading, &row);
		row.number = count - 1;
		if (count > 0)
			last = trainjob_found_value(&row, 1, &reading->metric->step).count;
		/* the last step may go on beyond what was read */
		bound = limit == FEW_REPORTS || last < bound ? last : last - 1;
		if (count < limit)
			break;
		limit = MANY_REPORTS;
		SPI_freetuptable(SPI_tuptable);
	} while (reading->missing > 0);
	SPI_finish();
}

/* Strikes what the table cannot have, and counts what is to be found. */
static void
start_search(Reading *reading)
{
	const Column *latest = reading->metric->latest;
	NewestSearch *search = reading->search;

	reading->missing = search->step_wanted ? 1 : 0;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		/* a perplexity may follow from the loss */
		int source = i == LATEST_PERPLEXITY ? LATEST_TRAIN_LOSS : i;

		if (latest[i].attnum == 0 && latest[source].attnum == 0)
			search->wanted[i] = false;
		reading->missing += search->wanted[i] ? 1 : 0;
		reading->summary[i].isnull = true;
	}
}

/* What no report has but a summary is what that says: it may be all there is. */
static void
finish_search(Reading *reading)
{
	NewestSearch *search = reading->search;

	for (int i = 0; i < LATEST_COUNT; i++)
	{
		if (!search->wanted[i] || reading->summary[i].isnull)
			continue;
		search->job[trainjob_latest[i].job] = reading->summary[i];
		search->wanted[i] = false;
	}
}

void
trainjob_read_newest(TrainjobSet *set, const MetricColumns *metric,
					 const DirectFind *newest_first, Datum job_id,
					 NewestSearch *search)
{
	Reading reading = {.set = set, .metric = metric, .search = search};
	TrainjobUser caller;

	start_search(&reading);
	if (reading.missing == 0)
		return;
	trainjob_become_owner(&set->table[TABLE_METRICS], &caller);
	if (!read_directly(&reading, newest_first, job_id))
		read_by_sql(&reading, job_id);
	trainjob_restore_user(&caller);
	finish_search(&reading);
}

/* ----------
 * All reports
 * ----------
 */

static void
take_evidence(const Reading *reading, const FoundRow *row, JobHistory *history)
{
	const MetricColumns *metric = reading->metric;
	Value step = trainjob_found_value(row, 1, &metric->step);
	Value epoch = trainjob_found_value(row, 4 + LATEST_EPOCH,
									   &metric->latest[LATEST_EPOCH]);

	if (step.isnull || epoch.isnull || is_of_earlier_attempt(reading, row))
		return;
	trainjob_add_evidence(&history->evidence, step.count, epoch.number);
	if (!trainjob_meet_updates(&history->updates, step.count, epoch.number))
		history->contradicts_itself = true;
}

/* Takes what a report, older than those before, says of the whole history. */
static void
take_history(const Reading *reading, const FoundRow *row, JobHistory *history)
{
	const MetricColumns *metric = reading->metric;
	Value recorded = trainjob_found_value(row, 2, &metric->recorded_at);
	Value loss = trainjob_found_value(row, 4 + LATEST_EVAL_LOSS,
									  &metric->latest[LATEST_EVAL_LOSS]);
	Value *first = &history->first_recorded;
	Value *last = &history->last_recorded;
	BestEvaluation *best = &history->best;

	if (!recorded.isnull && !TIMESTAMP_NOT_FINITE(recorded.time))
	{
		if (first->isnull || recorded.time < first->time)
			*first = recorded;
		if (last->isnull || recorded.time > last->time)
			*last = recorded;
	}
	take_evidence(reading, row, history);
	if (loss.isnull || !isfinite(loss.number) ||
		(!best->loss.isnull && loss.number > best->loss.number))
		return;
	best->loss = loss;
	best->step = trainjob_found_value(row, 1, &metric->step);
	best->epoch = trainjob_found_value(row, 4 + LATEST_EPOCH,
									   &metric->latest[LATEST_EPOCH]);
}

void
trainjob_read_history(TrainjobSet *set, const MetricColumns *metric,
					  Datum job_id, bool latest, NewestSearch *search,
					  JobHistory *history)
{
	Reading reading = {.set = set, .metric = metric, .search = search};
	Datum args[2] = {job_id, Int64GetDatum(PG_INT64_MAX)};
	uint64 count;
	Portal portal;
	MemoryContext portion;
	MemoryContext memory;

	*history = (JobHistory){.first_recorded = {true},
							.last_recorded = {true},
							.best = {{true}, {true}, {true}}};
	start_search(&reading);
	SPI_connect();
	portion = AllocSetContextCreate(CurrentMemoryContext, "trainjob reports",
									ALLOCSET_DEFAULT_SIZES);
	memory = MemoryContextSwitchTo(portion);
	if (latest)
	{
		CommandCounterIncrement();
		PushActiveSnapshot(GetLatestSnapshot());
	}
	portal = SPI_cursor_open(NULL, newest_plan(&reading, ALL_REPORTS), args,
							 NULL, true);
	if (latest)
		PopActiveSnapshot();
	do
	{
		FoundRow row = {0};

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, MANY_REPORTS);
		count = SPI_processed;
		for (; row.number < count; row.number++)
		{
			if (reading.missing > 0)
				take_report(&reading, &row);
			take_history(&reading, &row, history);
		}
		SPI_freetuptable(SPI_tuptable);
		MemoryContextReset(portion);
	} while (count == MANY_REPORTS);
	finish_search(&reading);
	SPI_cursor_close(portal);
	MemoryContextSwitchTo(memory);
	SPI_finish();
}

void
trainjob_read_best(TrainjobSet *set, const MetricColumns *metric, Datum job_id,
				   BestEvaluation *best)
{
	NewestSearch nothing = {0};
	JobHistory history;
	TrainjobUser caller;

	trainjob_become_owner(&set->table[TABLE_METRICS], &caller);
	trainjob_read_history(set, metric, job_id, true, &nothing, &history);
	trainjob_restore_user(&caller);
	*best = history.best;
}
