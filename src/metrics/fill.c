/*
 * fill.c
 *	  A report completes itself: the row trigger that adds perplexities, and
 *	  refuses a step or a time that cannot be.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"

#include "metrics/reports.h"
#include "pg/trigger_call.h"
#include "pg/tuple_patch.h"
#include "tables/partner.h"
#include "tables/set.h"
#include "tables/value_write.h"

PG_FUNCTION_INFO_V1(trainjob_fill_metric);

/* A loss and the perplexity that is exp() of it. */
typedef struct PerplexityPair
{
	Column loss;
	Column perplexity;
} PerplexityPair;

/* A report has so many columns that fill_metric may fill. */
#define FILLED_COLUMNS 3

typedef struct MetricPart
{
	Column step;
	Column recorded_at;
	Column extra;
	PerplexityPair pair[2];
} MetricPart;

static void
build_metric_part(TrainjobSet *set, Relation rel)
{
	static const MetricColumn pairs[][2] = {{METRIC_TRAIN_LOSS,
											 METRIC_PERPLEXITY},
											{METRIC_EVAL_LOSS,
											 METRIC_EVAL_PERPLEXITY}};
	MetricPart *part = palloc0(sizeof(MetricPart));
	Column job_id;

	/* not read, but a table without it is none of metrics */
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_JOB_ID, true, &job_id);
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_STEP, true,
						 &part->step);
	for (int i = 0; i < lengthof(pairs); i++)
	{
		trainjob_find_column(set, TABLE_METRICS, rel, pairs[i][0], false,
							 &part->pair[i].loss);
		trainjob_find_column(set, TABLE_METRICS, rel, pairs[i][1], false,
							 &part->pair[i].perplexity);
	}
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_RECORDED_AT, false,
						 &part->recorded_at);
	trainjob_find_column(set, TABLE_METRICS, rel, METRIC_EXTRA, false,
						 &part->extra);
	set->part = part;
}

/*
 * Refuses a negative step, unless it stood there before.
 *
 * Not a CHECK of the table: that would be parsed anew by each statement, which
 * costs a sixteenth of a report.
 */
static void
check_step(Relation rel, TupleTableSlot *row, TupleTableSlot *old_row,
		   const Column *column)
{
	Value step = trainjob_row_value(row, column);

	if (step.isnull || step.count >= 0 ||
		(old_row != NULL && trainjob_same_in_rows(old_row, row, column)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("step " INT64_FORMAT " of a report is negative",
					step.count),
			 errdetail("Column \"%s\" of table \"%s\" counts the optimizer "
					   "steps that are done.",
					   column->name, RelationGetRelationName(rel)),
			 errhint("Report step 0 for what was measured before the first."),
			 errtablecol(rel, column->attnum)));
}

/*
 * Refuses a time that is not finite, unless it stood there before: a job whose
 * newest report is of such a time would never be silent.
 */
static void
check_recorded_at(Relation rel, TupleTableSlot *row, TupleTableSlot *old_row,
				  const Column *column)
{
	bool isnull;
	TimestampTz time =
		DatumGetTimestampTz(slot_getattr(row, column->attnum, &isnull));

	if (isnull || !TIMESTAMP_NOT_FINITE(time) ||
		(old_row != NULL && trainjob_same_in_rows(old_row, row, column)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("time \"%s\" of a report is not finite",
					timestamptz_to_str(time)),
			 errdetail("Column \"%s\" of table \"%s\" must be the point in "
					   "time at which the trainer took the measure.",
					   column->name, RelationGetRelationName(rel)),
			 errhint("Leave it out, or make it NULL, for the time at which the "
					 "report comes."),
			 errtablecol(rel, column->attnum)));
}

/* The perplexity that follows from a row's loss, as its column would have it. */
static Value
derived_perplexity(TupleTableSlot *row, const PerplexityPair *pair)
{
	Value derived =
		trainjob_perplexity_of(trainjob_row_value(row, &pair->loss));
	bool isnull;
	Datum stored;

	if (derived.isnull)
		return derived;
	stored = trainjob_write_value(&pair->perplexity, &derived, &isnull);
	return trainjob_read_value(&pair->perplexity, stored, isnull);
}

/*
 * Whether the perplexity of a row is ours to set: it is NULL, or an UPDATE
 * gave the row another loss and left the perplexity that followed from the old
 * one.
 */
static bool
wants_perplexity(TupleTableSlot *row, TupleTableSlot *old_row,
				 const PerplexityPair *pair)
{
	Value perplexity = trainjob_row_value(row, &pair->perplexity);
	Value derived;

	if (perplexity.isnull)
		return true;
	if (old_row == NULL ||
		!trainjob_same_in_rows(old_row, row, &pair->perplexity) ||
		trainjob_same_in_rows(old_row, row, &pair->loss))
		return false;
	derived = derived_perplexity(old_row, pair);
	return !derived.isnull && derived.number == perplexity.number;
}

/* The values that a row gets. */
typedef struct FilledReport
{
	int count;
	int attnum[FILLED_COLUMNS];
	Datum value[FILLED_COLUMNS];
	bool isnull[FILLED_COLUMNS];
} FilledReport;

static void
fill_column(FilledReport *filled, const Column *column, Value value)
{
	int n = filled->count++;

	filled->attnum[n] = column->attnum;
	filled->value[n] = trainjob_write_value(column, &value, &filled->isnull[n]);
}

/* Whether the row is a trainer's summary; most have nothing in "extra". */
static bool
is_summary(HeapTuple tuple, TupleTableSlot *row, const Column *extra)
{
	return extra->attnum != 0 &&
		   !heap_attisnull(tuple, extra->attnum, row->tts_tupleDescriptor) &&
		   trainjob_is_summary_row(row, extra);
}

/*
 * fill_metric
 *		BEFORE INSERT OR UPDATE FOR EACH ROW on a metrics table: perplexity =
 *		exp(train_loss) and eval_perplexity = exp(eval_loss), where the trainer
 *		sent none and the loss is a number; recorded_at = now() where it is NULL.
 *		A negative step is an error, and so is a time that is not finite.
 *
 * Arguments: metrics.column=name.
 */
Datum
trainjob_fill_metric(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "fill_metric",
									TRAINJOB_BEFORE_ROW | TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	TrainjobSet *set = trainjob_get_own(trigdata, "fill_metric", TABLE_METRICS,
										build_metric_part);
	MetricPart *part = set->part;
	bool is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	TupleTableSlot *row =
		is_update ? trigdata->tg_newslot : trigdata->tg_trigslot;
	TupleTableSlot *old_row = is_update ? trigdata->tg_trigslot : NULL;
	HeapTuple tuple =
		is_update ? trigdata->tg_newtuple : trigdata->tg_trigtuple;
	TupleDesc desc = RelationGetDescr(trigdata->tg_relation);
	FilledReport filled = {0};

	check_step(trigdata->tg_relation, row, old_row, &part->step);
	for (int i = 0; i < lengthof(part->pair); i++)
	{
		PerplexityPair *pair = &part->pair[i];
		Value loss = trainjob_row_value(row, &pair->loss);
		Value perplexity;

		if (pair->perplexity.attnum == 0 || loss.isnull ||
			!wants_perplexity(row, old_row, pair) ||
			is_summary(tuple, row, &part->extra))
			continue;
		perplexity = trainjob_perplexity_of(loss);
		if (perplexity.isnull &&
			trainjob_row_value(row, &pair->perplexity).isnull)
			continue;
		fill_column(&filled, &pair->perplexity, perplexity);
	}
	if (part->recorded_at.attnum != 0)
	{
		check_recorded_at(trigdata->tg_relation, row, old_row,
						  &part->recorded_at);
		if (heap_attisnull(tuple, part->recorded_at.attnum, desc))
			fill_column(&filled, &part->recorded_at,
						(Value){.time = GetCurrentTransactionStartTimestamp()});
	}
	if (filled.count > 0)
		tuple = trainjob_patch_tuple(tuple, desc, filled.count, filled.attnum,
									 filled.value, filled.isnull);
	return PointerGetDatum(tuple);
}
