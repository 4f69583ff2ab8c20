/*
 * job_explain.c
 *	  The step rules in words, and their SQL functions.
 *
 * A number of steps that nobody can check is worth little.  This file says
 * where it came from, or why there is none, by the names that a person finds
 * in the configuration.  It computes nothing: see job_steps.c.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "trainjob.h"

PG_FUNCTION_INFO_V1(trainjob_estimate_total_steps);
PG_FUNCTION_INFO_V1(trainjob_first_eval_step);
PG_FUNCTION_INFO_V1(trainjob_explain_total_steps);
PG_FUNCTION_INFO_V1(trainjob_eval_text);
PG_FUNCTION_INFO_V1(trainjob_config_method);
PG_FUNCTION_INFO_V1(trainjob_job_note);

/* The most bytes of a dataset's path that a note shows. */
#define PATH_BYTES_MAX 200

#define BIGINT_MAX_TEXT "9223372036854775807"
#define COUNT_TEXT "a whole number from 1 to 2147483647"

/* By method, where a configuration does not say when it evaluates. */
typedef struct TypicalEval
{
	const char *method;
	int steps;
} TypicalEval;

static const TypicalEval typical_evals[] = {{"dpo", 100},
											{"orpo", 100},
											{"sft", 500},
											{"cpt", 500}};

static const char *const basis_names[] = {[BASIS_UNKNOWN] = NULL,
										  [BASIS_TRAIN] = "train_samples",
										  [BASIS_TOTAL] = "total_samples",
										  [BASIS_TOTAL_LESS_VAL] =
											  "total_samples - val_samples"};

/* ----------
 * Why
 * ----------
 */

/* What a key's value should have been. */
static const char *
wanted(const StepPlan *plan, ConfigKey key)
{
	if (key == plan->epochs_key)
	{
		if (plan->dialect == DIALECT_LIGHTNING)
			return "-1 or a whole number above 0";
		return trainjob_dialect_has_whole_epochs(plan->dialect)
				   ? "a whole number above 0"
				   : "a number above 0";
	}
	switch (key)
	{
		case CONFIG_TOTAL_STEPS:
		case CONFIG_MAX_STEPS:
			return "a number above 0";
		case CONFIG_DEVICES:
			return COUNT_TEXT " or a list";
		case CONFIG_LIMIT_TRAIN_BATCHES:
		case CONFIG_VAL_CHECK_INTERVAL:
			return "a number of batches or a share up to 1.0";
		case CONFIG_EVAL_STEPS:
		case CONFIG_LOGGING_STEPS:
			return "a whole number above 0 or a share below 1";
		case CONFIG_EVAL_DELAY:
			return "a number of at least 0";
		default:
			return COUNT_TEXT;
	}
}

/* config.batch_size is "auto", not a whole number ... */
static char *
say_unusable(const JobConfig *config, const StepPlan *plan, ConfigKey key)
{
	return psprintf("%s is %s, not %s", trainjob_config_path(config, key),
					trainjob_config_shown(config, key), wanted(plan, key));
}

static char *
say_too_large(const JobConfig *config, const StepPlan *plan)
{
	ConfigKey key = plan->reason_key;

	if (key == CONFIG_NONE)
		return pstrdup("the result is above " BIGINT_MAX_TEXT);
	if (key == CONFIG_STEPS_PER_EPOCH)
		return psprintf("%s x %s is above " BIGINT_MAX_TEXT,
						trainjob_config_path(config, key),
						trainjob_config_path(config, plan->epochs_key));
	return psprintf("%s is %s, above " BIGINT_MAX_TEXT,
					trainjob_config_path(config, key),
					trainjob_config_shown(config, key));
}

static char *
say_missing(const StepPlan *plan)
{
	const char *dialect = trainjob_dialect_name(plan->dialect);
	const char *name = trainjob_config_key_name(plan->reason_key);

	if (plan->dialect == DIALECT_AXOLOTL)
		return psprintf("the config has neither %s nor batch_size, which %s "
						"refuses",
						name, dialect);
	return psprintf("the config has no %s, and %s has no default for it", name,
					dialect);
}

/* Why the total is unknown, as a part of a sentence. */
static char *
say_reason(const JobConfig *config, const StepPlan *plan)
{
	ConfigKey key = plan->reason_key;
	char *path = NULL;

	if (key != CONFIG_NONE && trainjob_config_given(config, key))
		path = trainjob_config_path(config, key);
	switch (plan->reason)
	{
		case REASON_NONE: /* there is a total, and nobody asks */
		case REASON_NO_SAMPLES:
			break;
		case REASON_NOT_AN_OBJECT:
			return psprintf("the config is %s, not an object",
							trainjob_config_kind(config));
		case REASON_UNUSABLE:
			return say_unusable(config, plan, key);
		case REASON_MISSING:
			return say_missing(plan);
		case REASON_BOTH_GIVEN:
			return psprintf("%s and %s are both given, which %s refuses", path,
							trainjob_config_path(config, CONFIG_BATCH_SIZE),
							trainjob_dialect_name(plan->dialect));
		case REASON_BATCH_TOO_SMALL:
			return psprintf(
				"%s is %s, less than the micro batch of " INT64_FORMAT, path,
				trainjob_config_shown(config, key), plan->batch.value);
		case REASON_BATCH_NOT_SHARED:
			return psprintf("a batch of " INT64_FORMAT
							" cannot be split between " INT64_FORMAT
							" processes",
							plan->batch.value, plan->world.value);
		case REASON_WORLD_SHARED:
			return psprintf("%s is %s, so not every process has a batch of "
							"its own",
							path, trainjob_config_shown(config, key));
		case REASON_STREAMED:
			return psprintf("%s is %s, and streamed data has no known length",
							path, trainjob_config_shown(config, key));
		case REASON_SAMPLED:
			return psprintf("%s is %s, and the sampler repeats samples", path,
							trainjob_config_shown(config, key));
		case REASON_OTHER_BATCH:
			return psprintf("%s is %s, which has other rules", path,
							trainjob_config_shown(config, key));
		case REASON_CAPPED:
			return psprintf("%s is %s, and whether the " INT64_FORMAT
							" samples are capped already is not known",
							path, trainjob_config_shown(config, key),
							plan->samples);
		case REASON_PACKED:
			return psprintf("%s is %s, and the number of packed sequences is "
							"not known",
							path, trainjob_config_shown(config, key));
		case REASON_NO_TRAIN_SAMPLES:
			return psprintf("val_samples, " INT64_FORMAT
							", leaves no samples to train on",
							plan->val_samples);
		case REASON_NO_STEP:
			return psprintf(INT64_FORMAT " samples are too few for one step",
							plan->samples);
		case REASON_NO_LIMIT:
			return pstrdup("neither max_epochs nor max_steps ends the run");
		case REASON_TOO_LARGE:
			return say_too_large(config, plan);
		case REASON_TOO_SMALL:
			return psprintf("%s epochs are too few for one step",
							float8out_internal(plan->num_epochs));
	}
	return pstrdup("no sample count");
}

/*
 * A value that was looked at for the total and passed over; CONFIG_NONE where
 * there is none.  A number below 1 is a common way to say "not set".
 */
static ConfigKey
ignored_key(const JobConfig *config, const StepPlan *plan)
{
	static const ConfigKey stating_keys[] = {CONFIG_TOTAL_STEPS,
											 CONFIG_MAX_STEPS};
	ConfigNumber number;

	if (plan->reason == REASON_UNUSABLE)
		return plan->reason_key;
	for (int i = 0; i < lengthof(stating_keys); i++)
		if (trainjob_config_given(config, stating_keys[i]) &&
			!trainjob_config_number(config, stating_keys[i], &number))
			return stating_keys[i];
	return CONFIG_NONE;
}

/* ----------
 * How
 * ----------
 */

/* " / (4 x 8 x 2)"; a world of one is not worth a word */
static void
append_divisors(StringInfo text, int64 batch, int64 accumulation, int64 world)
{
	bool several = accumulation > 0 || world > 1;

	appendStringInfo(text, " / %s" INT64_FORMAT, several ? "(" : "", batch);
	if (accumulation > 0)
		appendStringInfo(text, " x " INT64_FORMAT, accumulation);
	if (world > 1)
		appendStringInfo(text, " x " INT64_FORMAT, world);
	if (several)
		appendStringInfoChar(text, ')');
}

/* The epochs as they enter the formula. */
static char *
epochs_text(const StepPlan *plan)
{
	if (plan->whole_epochs >= 0)
		return psprintf(INT64_FORMAT, plan->whole_epochs);
	return float8out_internal(plan->num_epochs);
}

static bool
drops_last(const JobConfig *config, const StepPlan *plan)
{
	return trainjob_config_on(config, CONFIG_DATALOADER_DROP_LAST) ||
		   (plan->dialect == DIALECT_LIGHTNING &&
			trainjob_config_on(config, CONFIG_DROP_LAST));
}

/* U of the hf and baseline dialects. */
static void
append_hf_updates(StringInfo text, const JobConfig *config,
				  const StepPlan *plan)
{
	int64 world = plan->world.value;

	if (world > 1 &&
		trainjob_config_member_on(config, CONFIG_ACCELERATOR_CONFIG,
								  "split_batches"))
		world = 1;
	if (drops_last(config, plan))
	{
		appendStringInfo(text, "ceil(floor(" INT64_FORMAT, plan->samples);
		append_divisors(text, plan->batch.value, -1, world);
		appendStringInfo(text, ") / " INT64_FORMAT ")",
						 plan->accumulation.value);
		return;
	}
	appendStringInfo(text, "ceil(" INT64_FORMAT, plan->samples);
	append_divisors(text, plan->batch.value, plan->accumulation.value, world);
	appendStringInfoChar(text, ')');
}

static void
append_torchtune_updates(StringInfo text, const JobConfig *config,
						 const StepPlan *plan)
{
	bool is_limited = trainjob_config_given(config, CONFIG_MAX_STEPS_PER_EPOCH);

	appendStringInfoString(text, is_limited ? "min(floor(" : "floor(");
	if (plan->world.value > 1)
		appendStringInfo(text, "ceil(" INT64_FORMAT " / " INT64_FORMAT ")",
						 plan->samples, plan->world.value);
	else
		appendStringInfo(text, INT64_FORMAT, plan->samples);
	append_divisors(text, plan->batch.value, plan->accumulation.value, 1);
	appendStringInfoChar(text, ')');
	if (is_limited)
		appendStringInfo(text, ", " INT64_FORMAT ")",
						 trainjob_config_count(config,
											   CONFIG_MAX_STEPS_PER_EPOCH));
}

/* L, which several settings make, is given as the number it is. */
static void
append_lightning_updates(StringInfo text, const JobConfig *config,
						 const StepPlan *plan)
{
	if (drops_last(config, plan) ||
		trainjob_config_given(config, CONFIG_LIMIT_TRAIN_BATCHES))
	{
		appendStringInfo(text, "ceil(" INT64_FORMAT " batches",
						 plan->batches_per_epoch);
		append_divisors(text, plan->accumulation.value, -1, 1);
	}
	else
	{
		appendStringInfo(text, "ceil(" INT64_FORMAT, plan->samples);
		append_divisors(text, plan->batch.value, plan->accumulation.value,
						plan->world.value);
	}
	appendStringInfoChar(text, ')');
}

/* The formula of a total from samples: ceil(500 / (4 x 8)) x 3 */
static void
append_formula(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	bool is_capped = plan->dialect == DIALECT_LIGHTNING &&
					 plan->total_key == CONFIG_MAX_STEPS;
	bool is_rounded =
		plan->whole_epochs < 0 && plan->dialect != DIALECT_AXOLOTL;

	if (is_capped)
		appendStringInfoString(text, "min(");
	if (is_rounded)
		appendStringInfoString(text, "ceil(");
	switch (plan->dialect)
	{
		case DIALECT_AXOLOTL:
			appendStringInfo(text, "ceil(" INT64_FORMAT " x %s", plan->samples,
							 epochs_text(plan));
			if (plan->accumulation.key == CONFIG_BATCH_SIZE)
				append_divisors(text,
								trainjob_config_count(config,
													  CONFIG_BATCH_SIZE),
								-1, plan->world.value);
			else
				append_divisors(text, plan->batch.value,
								plan->accumulation.value, plan->world.value);
			appendStringInfoChar(text, ')');
			return;
		case DIALECT_TORCHTUNE:
			append_torchtune_updates(text, config, plan);
			break;
		case DIALECT_LIGHTNING:
			append_lightning_updates(text, config, plan);
			break;
		case DIALECT_OPENAI:
			appendStringInfo(text, "ceil(" INT64_FORMAT, plan->samples);
			append_divisors(text, plan->batch.value, -1, 1);
			appendStringInfoChar(text, ')');
			break;
		default:
			append_hf_updates(text, config, plan);
			break;
	}
	appendStringInfo(text, " x %s", epochs_text(plan));
	if (is_rounded)
		appendStringInfoChar(text, ')');
	if (is_capped)
		appendStringInfo(text, ", " INT64_FORMAT ")", plan->total_steps);
}

/* "; batch_size from config.training.batch_size, ..." */
static void
append_source(StringInfo text, const JobConfig *config, const char *factor,
			  ConfigKey key, bool *any)
{
	if (key == CONFIG_NONE)
		return;
	appendStringInfo(text, "%s %s from %s", *any ? "," : ";", factor,
					 trainjob_config_path(config, key));
	*any = true;
}

static char *
explain(const JobConfig *config, const StepPlan *plan)
{
	StringInfoData text;
	bool any = false;

	if (plan->total_steps < 1)
		return psprintf("total steps unknown: %s", say_reason(config, plan));
	initStringInfo(&text);
	if (!plan->total_is_explicit)
	{
		append_formula(&text, config, plan);
		appendStringInfo(&text, " = " INT64_FORMAT, plan->total_steps);
		append_source(&text, config, "batch_size", plan->batch.key, &any);
		append_source(&text, config, "gradient_accumulation_steps",
					  plan->accumulation.key, &any);
		append_source(&text, config, "num_epochs", plan->epochs_key, &any);
		append_source(&text, config, "world_size", plan->world.key, &any);
		append_source(&text, config, "max_steps", plan->total_key, &any);
		if (!any)
			appendStringInfoString(&text, "; all by default");
	}
	else if (plan->total_key == CONFIG_STEPS_PER_EPOCH)
		appendStringInfo(&text, "%s x %s = " INT64_FORMAT,
						 trainjob_config_path(config, plan->total_key),
						 trainjob_config_path(config, plan->epochs_key),
						 plan->total_steps);
	else
		appendStringInfo(&text, INT64_FORMAT " from %s", plan->total_steps,
						 trainjob_config_path(config, plan->total_key));
	if (ignored_key(config, plan) != CONFIG_NONE)
		appendStringInfo(&text, "; %s, and was ignored",
						 say_unusable(config, plan, ignored_key(config, plan)));
	return text.data;
}

/* ----------
 * What is shown of a job
 * ----------
 */

/* The method that is named by a word of its own; NULL where none is. */
static char *
plain_method(const JobConfig *config)
{
	char *method = trainjob_config_text_at(config, NULL, "method");

	return method != NULL
			   ? method
			   : trainjob_config_text_at(config, "training", "method");
}

/* A baseline job that names no strategy: its eval_steps, else its method. */
static char *
unsaid_eval_text(const JobConfig *config, const StepPlan *plan)
{
	char *method;

	if (plan->eval_every_steps > 0)
		return psprintf("Awaiting evaluation (every " INT64_FORMAT " steps)",
						plan->eval_every_steps);
	if (trainjob_config_given(config, CONFIG_EVAL_STEPS))
		return pstrdup("Awaiting evaluation");
	method = plain_method(config);
	for (int i = 0; method != NULL && i < lengthof(typical_evals); i++)
		if (strcmp(method, typical_evals[i].method) == 0)
			return psprintf("Awaiting evaluation (typically every %d steps)",
							typical_evals[i].steps);
	return pstrdup("Awaiting evaluation");
}

char *
trainjob_eval_text_for(const JobConfig *config, const SampleCounts *counts,
					   int64 total_steps)
{
	StepPlan plan;

	trainjob_plan_steps(config, counts, &plan);
	if (total_steps > 0)
	{
		plan.total_steps = total_steps;
		trainjob_plan_evaluation(config, &plan);
	}
	if (plan.eval_schedule == EVAL_UNSAID && plan.dialect == DIALECT_BASELINE)
		return unsaid_eval_text(config, &plan);
	switch (plan.eval_schedule)
	{
		case EVAL_UNSAID:
		case EVAL_NONE:
			if (plan.first_eval_step >= 0)
				break; /* at the start only */
			return pstrdup("No evaluation configured");
		case EVAL_STEPS:
			return psprintf("Awaiting evaluation (every " INT64_FORMAT
							" steps)",
							plan.eval_every_steps);
		case EVAL_EPOCH:
			return pstrdup("Awaiting evaluation (every epoch)");
		case EVAL_UNKNOWN:
			break;
	}
	return pstrdup("Awaiting evaluation");
}

/* A section of the configuration that is no object, and so says nothing. */
static const char *
unusable_section(const JobConfig *config)
{
	static const char *const sections[] = {"training", "trainer",
										   "hyperparameters"};

	for (int i = 0; config->root != NULL && i < lengthof(sections); i++)
	{
		JsonbValue value;

		if (getKeyJsonValueFromContainer(config->root, sections[i],
										 strlen(sections[i]), &value) == NULL)
			continue;
		if (value.type != jbvNull &&
			!(value.type == jbvBinary &&
			  JsonContainerIsObject(value.val.binary.data)))
			return sections[i];
	}
	return NULL;
}

char *
trainjob_note_for(const JobConfig *config, const SampleCounts *counts,
				  const char *dataset_path, int64 total_steps)
{
	StepPlan plan;
	ConfigKey key;
	const char *section;

	trainjob_plan_steps(config, counts, &plan);
	if (total_steps < 1)
		total_steps = plan.total_steps;
	if (total_steps < 1)
	{
		int len;
		int kept;

		if (plan.reason != REASON_NO_SAMPLES)
			return psprintf("total steps unknown: %s",
							say_reason(config, &plan));
		if (dataset_path == NULL)
			return pstrdup("total steps unknown: the job names no dataset and "
						   "its config gives no sample count");
		len = strlen(dataset_path);
		kept = pg_mbcliplen(dataset_path, len, PATH_BYTES_MAX);
		return psprintf(
			"total steps unknown: no sample count for dataset \"%.*s%s\"", kept,
			dataset_path, kept < len ? "..." : "");
	}
	if (!config->is_readable)
		return psprintf("the config is %s, not an object, and was ignored",
						trainjob_config_kind(config));
	section = unusable_section(config);
	if (section != NULL)
		return psprintf("config.%s is not an object, and was ignored", section);
	key = ignored_key(config, &plan);
	if (key != CONFIG_NONE)
		return psprintf("%s, and was ignored",
						say_unusable(config, &plan, key));
	if (plan.eval_key != CONFIG_NONE)
		return psprintf("time of evaluation unknown: %s",
						say_unusable(config, &plan, plan.eval_key));
	return NULL;
}

char *
trainjob_method_for(const JobConfig *config)
{
	static const ConfigKey other_keys[] = {CONFIG_TRAINING_METHOD, CONFIG_RL,
										   CONFIG_STAGE};
	char *method = plain_method(config);

	if (method == NULL) /* openai's */
		method = trainjob_config_text_at(config, "method", "type");
	for (int i = 0; method == NULL && i < lengthof(other_keys); i++)
		method = trainjob_config_text(config, other_keys[i]);
	return method;
}

/* ----------
 * SQL functions
 * ----------
 */

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
 *
 * Not strict, like all below: any argument may be NULL.
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

	set_text(&row, EXPLAIN_DIALECT, trainjob_dialect_name(plan.dialect));
	set_text(&row, EXPLAIN_SAMPLE_BASIS, basis_names[plan.basis]);
	set_count(&row, EXPLAIN_SAMPLES, plan.samples);
	set_factor(&row, EXPLAIN_BATCH_SIZE, &config, &plan.batch);
	set_factor(&row, EXPLAIN_ACCUMULATION, &config, &plan.accumulation);
	set_factor(&row, EXPLAIN_WORLD_SIZE, &config, &plan.world);
	row.nulls[EXPLAIN_NUM_EPOCHS] = isnan(plan.num_epochs);
	row.values[EXPLAIN_NUM_EPOCHS] = Float8GetDatum(plan.num_epochs);
	set_source(&row, EXPLAIN_NUM_EPOCHS_FROM, &config, plan.epochs_key,
			   !isnan(plan.num_epochs));
	row.nulls[EXPLAIN_DROP_LAST] = plan.dialect == DIALECT_OPENAI;
	row.values[EXPLAIN_DROP_LAST] = BoolGetDatum(
		plan.dialect == DIALECT_TORCHTUNE || drops_last(&config, &plan));
	set_count(&row, EXPLAIN_UPDATES_PER_EPOCH, plan.updates_per_epoch);
	set_count(&row, EXPLAIN_TOTAL_STEPS, plan.total_steps);
	set_count(&row, EXPLAIN_FIRST_EVAL_STEP, plan.first_eval_step);
	set_text(&row, EXPLAIN_EXPLANATION, explain(&config, &plan));
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

/*
 * trainjob_job_note
 *		SQL: job_note(config jsonb, dataset_path text, total_samples bigint,
 *		train_samples bigint, val_samples bigint, total_steps bigint) returns
 *		text, see trainjob_note_for().
 */
Datum
trainjob_job_note(PG_FUNCTION_ARGS)
{
	JobConfig config;
	SampleCounts counts;
	char *path = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *note;

	get_config(fcinfo, &config);
	get_counts(fcinfo, 2, &counts);
	note = trainjob_note_for(&config, &counts, path, get_count(fcinfo, 5));
	if (note == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(note));
}
