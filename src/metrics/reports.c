/*
 * reports.c
 *	  Rows of the metrics table, as they are reported: which columns go up to the
 *	  job, and what the rows of one statement say of each job.
 *
 * trainjob_read_reports reads the transition table by itself, row by row, into
 * one JobReports for each job.  It never joins the transition table with a
 * table, for distributed engines cannot.
 *
 * "Newest" is by (step, id), whatever the order of arrival.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "metrics/reports.h"
#include "tables/partner.h"

PG_FUNCTION_INFO_V1(trainjob_perplexity);

/*
 * The key in "extra" by which the row that a trainer writes at its end is
 * known: its train_loss is the mean of the run, not the loss of a step.  It
 * counts where the attempt has no other.
 */
#define SUMMARY_KEY "train_runtime"

bool
trainjob_is_summary(const Column *extra, Datum datum, bool isnull)
{
	Jsonb *jsonb;
	JsonbValue found;

	if (isnull)
		return false;
	jsonb = trainjob_read_jsonb(extra, datum);
	return jsonb != NULL && JB_ROOT_IS_OBJECT(jsonb) &&
		   getKeyJsonValueFromContainer(&jsonb->root, SUMMARY_KEY,
										strlen(SUMMARY_KEY), &found) != NULL;
}

/* trainjob_is_summary() of a row; false where the table has no column "extra". */
bool
trainjob_is_summary_row(TupleTableSlot *row, const Column *extra)
{
	bool isnull;
	Datum datum;

	if (extra->attnum == 0)
		return false;
	datum = slot_getattr(row, extra->attnum, &isnull);
	return trainjob_is_summary(extra, datum, isnull);
}

static bool
is_integer(Oid type)
{
	return type == INT8OID || type == INT4OID || type == INT2OID;
}

bool
trainjob_whole_counts(const MetricColumns *metric, const Column *job_epoch)
{
	return !is_integer(metric->latest[LATEST_EPOCH].type) &&
		   !is_integer(job_epoch->type);
}

Value
trainjob_perplexity_of(Value loss)
{
	Value perplexity = {.isnull = true};

	if (!loss.isnull)
	{
		perplexity.number = exp(loss.number);
		perplexity.isnull = isnan(perplexity.number);
	}
	return perplexity;
}

/* SQL: perplexity(loss float8) returns float8, strict: the same. */
Datum
trainjob_perplexity(PG_FUNCTION_ARGS)
{
	Value perplexity =
		trainjob_perplexity_of((Value){.number = PG_GETARG_FLOAT8(0)});

	if (perplexity.isnull)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(perplexity.number);
}

void
trainjob_find_metric_columns(TrainjobSet *set, Relation rel,
							 MetricColumns *metric)
{
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_JOB_ID, true,
						 &metric->job_id);
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_STEP, true,
						 &metric->step);
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_ID, false,
						 &metric->id);
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_RECORDED_AT, false,
						 &metric->recorded_at);
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_EXTRA, false,
						 &metric->extra);
	for (int i = 0; i < LATEST_COUNT; i++)
		trainjob_find_column(set, TABLE_METRICS, rel, trainjob_latest[i].metric,
							 false, &metric->latest[i]);
}

/* ----------
 * Reading the transition tables
 * ----------
 */

typedef struct JobEntry
{
	Datum job_id;
	uint32 hash;
	char status;
	JobReports *reports;
} JobEntry;

#define SH_PREFIX jobs
#define SH_ELEMENT_TYPE JobEntry
#define SH_KEY_TYPE Datum
#define SH_KEY job_id
#define SH_HASH_KEY(table, key)                                         \
	datum_image_hash(key, ((Column *) (table)->private_data)->typbyval, \
					 ((Column *) (table)->private_data)->typlen)
#define SH_EQUAL(table, a, b)                                        \
	datumIsEqual(a, b, ((Column *) (table)->private_data)->typbyval, \
				 ((Column *) (table)->private_data)->typlen)
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DEFINE
#define SH_DECLARE
#include "lib/simplehash.h"

/* The transition tables of one statement, while they are read. */
typedef struct Reading
{
	const MetricColumns *metric;
	MemoryContext memory; /* one JobReports for each job, no more */
	ReportList *list;
	int room;		  /* in list->jobs */
	jobs_hash *hash;  /* NULL while there is one job */
	JobReports *last; /* of the row before: mostly the same job */
} Reading;

void
trainjob_init_reports(JobReports *reports, Datum job_id)
{
	memset(reports, 0, sizeof(*reports));
	reports->job_id = job_id;
	reports->best_epoch.isnull = true;
	reports->min_step = PG_INT64_MAX;
	reports->max_step = PG_INT64_MIN;
	reports->next_step = PG_INT64_MIN;
	reports->old_max_step = PG_INT64_MIN;
	reports->min_recorded = DT_NOEND;
	reports->max_recorded = DT_NOBEGIN;
}

static JobReports *
new_reports(Reading *reading, Datum job_id)
{
	const Column *column = &reading->metric->job_id;
	ReportList *list = reading->list;
	MemoryContext caller = MemoryContextSwitchTo(reading->memory);
	JobReports *reports = palloc(sizeof(JobReports));

	trainjob_init_reports(reports,
						  datumCopy(job_id, column->typbyval, column->typlen));
	if (list->count == reading->room)
	{
		reading->room = reading->room == 0 ? 8 : 2 * reading->room;
		list->jobs =
			list->jobs == NULL
				? palloc(reading->room * sizeof(JobReports *))
				: repalloc(list->jobs, reading->room * sizeof(JobReports *));
	}
	list->jobs[list->count++] = reports;
	MemoryContextSwitchTo(caller);
	return reports;
}

/* The JobReports of a job; a hash table is made for the second job. */
static JobReports *
reports_of(Reading *reading, Datum job_id)
{
	const Column *column = &reading->metric->job_id;
	JobEntry *entry;
	bool found;

	if (reading->last != NULL && datumIsEqual(reading->last->job_id, job_id,
											  column->typbyval, column->typlen))
		return reading->last;
	if (reading->last == NULL)
		return reading->last = new_reports(reading, job_id);
	if (reading->hash == NULL)
	{
		reading->hash =
			jobs_create(reading->memory, 64, unconstify(Column *, column));
		entry = jobs_insert(reading->hash, reading->last->job_id, &found);
		entry->reports = reading->last;
	}
	entry = jobs_lookup(reading->hash, job_id);
	if (entry == NULL)
	{
		JobReports *reports = new_reports(reading, job_id);

		entry = jobs_insert(reading->hash, reports->job_id, &found);
		entry->reports = reports;
	}
	return reading->last = entry->reports;
}

/* The number that orders the rows of a step: their id where that is one. */
static int64
row_order(TupleTableSlot *row, const Column *id)
{
	bool isnull;
	Datum datum;

	if (id->attnum == 0 || (id->type != INT8OID && id->type != INT4OID))
		return 0;
	datum = slot_getattr(row, id->attnum, &isnull);
	if (isnull)
		return 0;
	return id->type == INT8OID ? DatumGetInt64(datum) : DatumGetInt32(datum);
}

/* The job and step of a row; false where it has none: it belongs to nobody. */
static bool
row_job(Reading *reading, TupleTableSlot *row, JobReports **reports,
		int64 *step)
{
	bool isnull;
	Datum job_id = slot_getattr(row, reading->metric->job_id.attnum, &isnull);
	Value value;

	if (isnull)
		return false;
	value = trainjob_row_value(row, &reading->metric->step);
	if (value.isnull)
		return false;
	*reports = reports_of(reading, job_id);
	*step = value.count;
	return true;
}

/*
 * What a report says of a column.  Its perplexity follows from its loss where it
 * has none: it was written before there was a trigger, or there is no column
 * for it.
 */
static Value
reported_value(const MetricColumns *metric, TupleTableSlot *row, int i)
{
	Value value = trainjob_row_value(row, &metric->latest[i]);

	if (i == LATEST_PERPLEXITY && value.isnull)
		return trainjob_perplexity_of(
			trainjob_row_value(row, &metric->latest[LATEST_TRAIN_LOSS]));
	return value;
}

/* Takes in the evaluation of a row, if it is the best. */
static void
add_evaluation(const MetricColumns *metric, TupleTableSlot *row,
			   JobReports *reports, int64 step, int64 id)
{
	Value eval_loss =
		trainjob_row_value(row, &metric->latest[LATEST_EVAL_LOSS]);

	if (eval_loss.isnull || !isfinite(eval_loss.number))
		return;
	if (!reports->has_best || eval_loss.number < reports->best ||
		(eval_loss.number == reports->best &&
		 (step < reports->best_step ||
		  (step == reports->best_step && id < reports->best_id))))
	{
		reports->has_best = true;
		reports->best = eval_loss.number;
		reports->best_step = step;
		reports->best_id = id;
		reports->best_epoch =
			trainjob_row_value(row, &metric->latest[LATEST_EPOCH]);
	}
}

/* Takes in a row as it is after the statement. */
static void
add_new_row(Reading *reading, TupleTableSlot *row)
{
	const MetricColumns *metric = reading->metric;
	JobReports *reports;
	int64 step;
	int64 id;
	Value recorded;
	bool summary;

	slot_getallattrs(row); /* at once: nearly all of them are wanted */
	if (!row_job(reading, row, &reports, &step))
		return;
	id = row_order(row, &metric->id);
	recorded = trainjob_row_value(row, &metric->recorded_at);
	summary = trainjob_is_summary_row(row, &metric->extra);
	/* an infinite one, of before there was a trigger, is as good as none */
	if (recorded.isnull || TIMESTAMP_NOT_FINITE(recorded.time))
		recorded.time = GetCurrentTransactionStartTimestamp();
	reports->min_step = Min(reports->min_step, step);
	if (step > reports->max_step)
	{
		reports->next_step = reports->max_step;
		reports->max_step = step;
	}
	else if (step < reports->max_step)
		reports->next_step = Max(reports->next_step, step);
	reports->min_recorded = Min(reports->min_recorded, recorded.time);
	reports->max_recorded = Max(reports->max_recorded, recorded.time);
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		Newest *newest = &reports->newest[i];
		Value value;

		value = reported_value(metric, row, i);
		if (value.isnull)
			continue;
		if (summary && trainjob_latest[i].not_in_summary)
		{
			reports->in_summary[i] = true;
			continue;
		}
		if (i == LATEST_EPOCH)
			trainjob_add_evidence(&reports->evidence, step, value.number);
		if (newest->seen &&
			(step < newest->step || (step == newest->step && id < newest->id)))
			continue;
		*newest = (Newest){true, step, id, value.number};
	}
	add_evaluation(metric, row, reports, step, id);
}

/* Takes in a row that an UPDATE changed: what it held before, and what now. */
static void
add_changed_row(Reading *reading, TupleTableSlot *old_row, TupleTableSlot *row)
{
	const MetricColumns *metric = reading->metric;
	bool same_step = trainjob_same_in_rows(old_row, row, &metric->job_id) &&
					 trainjob_same_in_rows(old_row, row, &metric->step);
	bool same_place =
		same_step && trainjob_same_in_rows(old_row, row, &metric->id) &&
		trainjob_same_in_rows(old_row, row, &metric->recorded_at) &&
		trainjob_same_in_rows(old_row, row, &metric->extra);
	bool gone[LATEST_COUNT];
	bool differs = !same_place;
	JobReports *reports;
	int64 step;
	Value eval_loss;

	for (int i = 0; i < LATEST_COUNT; i++)
	{
		gone[i] = !same_place ||
				  !trainjob_same_in_rows(old_row, row, &metric->latest[i]);
		differs = differs || gone[i];
	}
	if (!differs)
		return;
	gone[LATEST_PERPLEXITY] |= gone[LATEST_TRAIN_LOSS];
	if (row_job(reading, old_row, &reports, &step))
	{
		if (!same_step)
			reports->old_max_step = Max(reports->old_max_step, step);
		for (int i = 0; i < LATEST_COUNT; i++)
			if (gone[i] && !reported_value(metric, old_row, i).isnull)
				reports->replaced[i] = true;
		eval_loss =
			trainjob_row_value(old_row, &metric->latest[LATEST_EVAL_LOSS]);
		/* best_epoch goes with best_eval_loss */
		if ((gone[LATEST_EVAL_LOSS] || gone[LATEST_EPOCH]) &&
			!eval_loss.isnull && isfinite(eval_loss.number))
		{
			if (!reports->replaced_best || eval_loss.number < reports->old_best)
				reports->old_best = eval_loss.number;
			reports->replaced_best = true;
		}
	}
	add_new_row(reading, row);
}

static TupleTableSlot *
first_row(Tuplestorestate *rows, TupleDesc desc, int *pointer)
{
	*pointer = tuplestore_alloc_read_pointer(rows, EXEC_FLAG_REWIND);
	tuplestore_select_read_pointer(rows, *pointer);
	tuplestore_rescan(rows);
	return MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
}

void
trainjob_read_reports(TriggerData *trigdata, const MetricColumns *metric,
					  ReportList *list)
{
	Reading reading = {.metric = metric,
					   .memory = CurrentMemoryContext,
					   .list = list};
	TupleDesc desc = RelationGetDescr(trigdata->tg_relation);
	Tuplestorestate *new_rows = trigdata->tg_newtable;
	Tuplestorestate *old_rows = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)
									? trigdata->tg_oldtable
									: NULL;
	MemoryContext per_row =
		AllocSetContextCreate(reading.memory, "trainjob report",
							  ALLOCSET_DEFAULT_SIZES);
	int new_pointer;
	int old_pointer;
	TupleTableSlot *row = first_row(new_rows, desc, &new_pointer);
	TupleTableSlot *old_row =
		old_rows == NULL ? NULL : first_row(old_rows, desc, &old_pointer);

	*list = (ReportList){0};
	while (tuplestore_gettupleslot(new_rows, true, false, row))
	{
		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(per_row);
		if (old_row != NULL &&
			tuplestore_gettupleslot(old_rows, true, false, old_row))
			add_changed_row(&reading, old_row, row);
		else
			add_new_row(&reading, row);
		MemoryContextSwitchTo(reading.memory);
		MemoryContextReset(per_row);
	}
	ExecDropSingleTupleTableSlot(row);
	if (old_row != NULL)
		ExecDropSingleTupleTableSlot(old_row);
	MemoryContextDelete(per_row);
}
