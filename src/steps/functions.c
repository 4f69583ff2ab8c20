/*
 * functions.c
 *	  The SQL functions of the steps.
 *
 * None is strict: any argument may be NULL.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "steps/dialect.h"
#include "steps/explain.h"

PG_FUNCTION_INFO_V1(trainjob_estimate_total_steps);
PG_FUNCTION_INFO_V1(trainjob_first_eval_step);
PG_FUNCTION_INFO_V1(trainjob_explain_total_steps);
PG_FUNCTION_INFO_V1(trainjob_eval_text);
PG_FUNCTION_INFO_V1(trainjob_config_method);
PG_FUNCTION_INFO_V1(trainjob_job_note);

static const char *const basis_names[] = {
	[BASIS_UNKNOWN] = NULL,
	[BASIS_TRAIN] = "train_samples",
	[BASIS_TOTAL] = "total_samples",
	[BASIS_TOTAL_LESS_VAL] = "total_samples - val_samples",
	[BASIS_TOTAL_LESS_SPLIT] = "total_samples - the config's split",
	[BASIS_CAPPED] = "max_train_samples"};

/* The configuration and the counts that every function has as arguments. */
static void
get_config(FunctionCallInfo fcinfo, JobConfig *config)
{
	trainjob_read_config(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), config);
}

static int64
get_count(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? -1 : PG_GETARG_INT64(i);
}

static void
get_counts(FunctionCallInfo fcinfo, int first, SampleCounts *counts)
{
	counts->total = get_count(fcinfo, first);
	counts->train = get_count(fcinfo, first + 1);
	counts->val = get_count(fcinfo, first + 2);
}

static void
get_plan(FunctionCallInfo fcinfo, JobConfig *config, StepPlan *plan)
{
	SampleCounts counts;

	get_config(fcinfo, config);
	get_counts(fcinfo, 1, &counts);
	trainjob_plan_steps(config, &counts, plan);
}

/*
 * trainjob_estimate_total_steps
 *		SQL: estimate_total_steps(config jsonb, total_samples bigint,
 *		train_samples bigint, val_samples bigint) returns bigint: optimizer
 *		steps, NULL where they are not known.
 */
Datum
trainjob_estimate_total_steps(PG_FUNCTION_ARGS)
{
	JobConfig config;
	StepPlan plan;

	get_plan(fcinfo, &config, &plan);
	if (plan.total_steps < 1)
		PG_RETURN_NULL();
	PG_RETURN_INT64(plan.total_steps);
}

/*
 * trainjob_first_eval_step
 *		SQL: first_eval_step(), with the same arguments, returns bigint: the
 *		steps that are done at the first evaluation, NULL where it is not known
 *		or there is none.
 */
Datum
trainjob_first_eval_step(PG_FUNCTION_ARGS)
{
	JobConfig config;
	StepPlan plan;

	get_plan(fcinfo, &config, &plan);
	if (plan.first_eval_step < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(plan.first_eval_step);
}

/* The columns of explain_total_steps, in order. */
enum
{
	EXPLAIN_DIALECT,
	EXPLAIN_SAMPLE_BASIS,
	EXPLAIN_SAMPLES,
	EXPLAIN_BATCH_SIZE,
	EXPLAIN_BATCH_SIZE_FROM,
	EXPLAIN_ACCUMULATION,
	EXPLAIN_ACCUMULATION_FROM,
	EXPLAIN_NUM_EPOCHS,
	EXPLAIN_NUM_EPOCHS_FROM,
	EXPLAIN_WORLD_SIZE,
	EXPLAIN_WORLD_SIZE_FROM,
	EXPLAIN_DROP_LAST,
	EXPLAIN_UPDATES_PER_EPOCH,
	EXPLAIN_TOTAL_STEPS,
	EXPLAIN_FIRST_EVAL_STEP,
	EXPLAIN_EXPLANATION,
	EXPLAIN_COLUMNS
};

typedef struct ExplainRow
{
	Datum values[EXPLAIN_COLUMNS];
	bool nulls[EXPLAIN_COLUMNS];
} ExplainRow;

static void
set_text(ExplainRow *row, int column, const char *text)
{
	row->nulls[column] = text == NULL;
	if (text != NULL)
		row->values[column] = CStringGetTextDatum(text);
}

static void
set_count(ExplainRow *row, int column, int64 count)
{
	row->nulls[column] = count < 0;
	row->values[column] = Int64GetDatum(count);
}

/* Where a factor came from; nothing, where it is unknown for being absent. */
static void
set_source(ExplainRow *row, int column, const JobConfig *config, ConfigKey key,
		   bool is_known)
{
	if (key != CONFIG_NONE)
		set_text(row, column, trainjob_config_path(config, key));
	else
		set_text(row, column, is_known ? "default" : NULL);
}

static void
set_factor(ExplainRow *row, int column, const JobConfig *config,
		   const StepFactor *factor)
{
	set_count(row, column, factor->value);
	set_source(row, column + 1, config, factor->key, factor->value > 0);
}

/*
 * trainjob_explain_total_steps
 *		SQL: explain_total_steps(), with the same arguments, returns a row of
 *		the columns above.
 */
Datum
trainjob_explain_total_steps(PG_FUNCTION_ARGS)
{
	TupleDesc tupdesc;
	JobConfig config;
	StepPlan plan;
	ExplainRow row;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE ||
		tupdesc->natts != EXPLAIN_COLUMNS)
		elog(ERROR, "function has an unexpected result type");
	get_plan(fcinfo, &config, &plan);

	set_text(&row, EXPLAIN_DIALECT, plan.dialect->name);
	set_text(&row, EXPLAIN_SAMPLE_BASIS, basis_names[plan.basis]);
	set_count(&row, EXPLAIN_SAMPLES, plan.samples);
	set_factor(&row, EXPLAIN_BATCH_SIZE, &config, &plan.batch);
	set_factor(&row, EXPLAIN_ACCUMULATION, &config, &plan.accumulation);
	set_factor(&row, EXPLAIN_WORLD_SIZE, &config, &plan.world);
	row.nulls[EXPLAIN_NUM_EPOCHS] = isnan(plan.num_epochs);
	row.values[EXPLAIN_NUM_EPOCHS] = Float8GetDatum(plan.num_epochs);
	set_source(&row, EXPLAIN_NUM_EPOCHS_FROM, &config, plan.epochs_key,
			   !isnan(plan.num_epochs));
	row.nulls[EXPLAIN_DROP_LAST] = plan.dialect->drops_last == NULL;
	if (plan.dialect->drops_last != NULL)
		row.values[EXPLAIN_DROP_LAST] =
			BoolGetDatum(plan.dialect->drops_last(&config));
	set_count(&row, EXPLAIN_UPDATES_PER_EPOCH, plan.updates_per_epoch);
	set_count(&row, EXPLAIN_TOTAL_STEPS, plan.total_steps);
	set_count(&row, EXPLAIN_FIRST_EVAL_STEP, plan.first_eval_step);
	set_text(&row, EXPLAIN_EXPLANATION, trainjob_explain(&config, &plan));
	return HeapTupleGetDatum(
		heap_form_tuple(BlessTupleDesc(tupdesc), row.values, row.nulls));
}

/*
 * trainjob_eval_text
 *		SQL: eval_text(config jsonb, total_samples bigint, train_samples bigint,
 *		val_samples bigint, total_steps bigint) returns text, see
 *		trainjob_eval_text_for().
 */
Datum
trainjob_eval_text(PG_FUNCTION_ARGS)
{
	JobConfig config;
	SampleCounts counts;

	get_config(fcinfo, &config);
	get_counts(fcinfo, 1, &counts);
	PG_RETURN_TEXT_P(cstring_to_text(
		trainjob_eval_text_for(&config, &counts, get_count(fcinfo, 4))));
}

/* SQL: config_method(config jsonb) returns text, see trainjob_method_for(). */
Datum
trainjob_config_method(PG_FUNCTION_ARGS)
{
	JobConfig config;
	char *method;

	get_config(fcinfo, &config);
	method = trainjob_method_for(&config);
	if (method == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(method));
}

static double
get_number(FunctionCallInfo fcinfo, int i)
{
	return PG_ARGISNULL(i) ? 0 : PG_GETARG_FLOAT8(i);
}

/* Whether an argument is this text. */
static bool
is_word(FunctionCallInfo fcinfo, int i, const char *word)
{
	return !PG_ARGISNULL(i) &&
		   strcmp(text_to_cstring(PG_GETARG_TEXT_PP(i)), word) == 0;
}

/*
 * trainjob_job_note
 *		SQL: job_note(config jsonb, dataset_path text, total_samples bigint,
 *		train_samples bigint, val_samples bigint, total_steps bigint,
 *		total_steps_source text, expected_total_steps bigint, total_epochs
 *		float8, current_step bigint, current_epoch float8) returns text, see
 *		trainjob_note_for().
 */
Datum
trainjob_job_note(PG_FUNCTION_ARGS)
{
	JobConfig config;
	SampleCounts counts;
	TotalFacts facts = {.is_observed = is_word(fcinfo, 6, "observed"),
						.is_disproved = is_word(fcinfo, 6, "disproved"),
						.expected = get_count(fcinfo, 7),
						.num_epochs = get_number(fcinfo, 8),
						.report = {.step = get_count(fcinfo, 9),
								   .epoch = get_number(fcinfo, 10)}};
	char *path = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *note;

	get_config(fcinfo, &config);
	get_counts(fcinfo, 2, &counts);
	note =
		trainjob_note_for(&config, &counts, path, get_count(fcinfo, 5), &facts);
	if (note == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(note));
}
