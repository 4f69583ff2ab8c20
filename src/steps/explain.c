/*
 * explain.c
 *	  The step rules in words.
 *
 * A number of steps that nobody can check is worth little.  This file says
 * where it came from, or why there is none, by the names that a person finds
 * in the configuration.  It computes nothing: see steps.c, and for the formulas the
 * files of the dialects.
 */
#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/float.h"

#include "steps/dialect.h"
#include "steps/explain.h"

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

/* ----------
 * Why
 * ----------
 */

/* What a key's value should have been. */
static const char *
wanted(const StepPlan *plan, ConfigKey key)
{
	if (key == plan->epochs_key)
		return plan->dialect->epochs_wanted;
	if (trainjob_is_among(trainjob_total_keys, key))
		return "a number above 0";
	switch (key)
	{
		case CONFIG_TOTAL_EPISODES:
			return "a whole number above 0";
		case CONFIG_GENERATION_BATCH_SIZE:
			return "a multiple of the batches of all processes that fits "
				   "steps_per_generation";
		case CONFIG_GLOBAL_BATCH_SIZE:
			return "a whole number with a micro batch for each process";
		case CONFIG_TRAIN_BATCH_SIZE:
			return "the product of the other batch settings";
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
	const Dialect *dialect = plan->dialect;

	if (plan->reason_key == dialect->accumulation &&
		dialect->accumulation_missing != NULL)
		return pstrdup(dialect->accumulation_missing);
	return psprintf("the config has no %s, and %s has no default for it",
					trainjob_config_key_name(plan->reason_key), dialect->name);
}

/* What follows from a key's value, for reasons that say no more. */
static const char *const consequences[] = {
	[REASON_WORLD_SHARED] = "so not every process has a batch of its own",
	[REASON_STREAMED] = "and streamed data has no known length",
	[REASON_SAMPLED] = "and the sampler repeats samples",
	[REASON_OTHER_BATCH] = "which has other rules",
	[REASON_ALL_SPLIT] = "which leaves no samples to train on",
	[REASON_NO_RULE] = "and no rule counts the steps of such a run",
	[REASON_NOT_TRAINED] = "and do_train is not on",
	[REASON_PACKED] = "and the number of packed sequences is not known",
};

/* Why, where the reason is in the number of samples or of the result. */
static char *
say_count_reason(const JobConfig *config, const StepPlan *plan)
{
	switch (plan->reason)
	{
		case REASON_NO_TRAIN_SAMPLES:
			return psprintf("val_samples, " INT64_FORMAT
							", leaves no samples to train on",
							plan->val_samples);
		case REASON_NO_STEP:
			return psprintf(INT64_FORMAT " samples are too few for one step",
							plan->samples);
		case REASON_TOO_LARGE:
			return say_too_large(config, plan);
		case REASON_TOO_SMALL:
			return psprintf("%s epochs are too few for one step",
							float8out_internal(plan->num_epochs));
		default:
			return pstrdup("no sample count");
	}
}

/* Why the total is unknown, as a part of a sentence. */
static char *
say_reason(const JobConfig *config, const StepPlan *plan)
{
	ConfigKey key = plan->reason_key;
	char *path = NULL;

	if (key != CONFIG_NONE && trainjob_config_given(config, key))
		path = trainjob_config_path(config, key);
	if (plan->reason < lengthof(consequences) &&
		consequences[plan->reason] != NULL)
		return psprintf("%s is %s, %s", path,
						trainjob_config_shown(config, key),
						consequences[plan->reason]);
	switch (plan->reason)
	{
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
							plan->dialect->name);
		case REASON_BATCH_TOO_SMALL:
			return psprintf(
				"%s is %s, less than the micro batch of " INT64_FORMAT, path,
				trainjob_config_shown(config, key), plan->batch.value);
		case REASON_BATCH_NOT_SHARED:
			return psprintf("a batch of " INT64_FORMAT
							" cannot be split between " INT64_FORMAT
							" processes",
							plan->batch.value, plan->world.value);
		case REASON_CAPPED:
			return psprintf("%s is %s, and whether the " INT64_FORMAT
							" samples are capped already is not known",
							path, trainjob_config_shown(config, key),
							plan->samples);
		case REASON_NOT_GROUPED:
			return pstrdup("the generation batch is no multiple of "
						   "num_generations");
		case REASON_UNKNOWN_KEY:
			return psprintf("no rule is known for %s", plan->unknown_key);
		case REASON_NO_LIMIT:
			return pstrdup("neither max_epochs nor max_steps ends the run");
		default:
			return say_count_reason(config, plan);
	}
}

/*
 * A value that was looked at for the total and passed over; CONFIG_NONE where
 * there is none.  A number below 1 is a common way to say "not set".
 */
static ConfigKey
ignored_key(const JobConfig *config, const StepPlan *plan)
{
	const ConfigKey *keys = trainjob_total_keys;
	ConfigNumber number;

	if (plan->reason == REASON_UNUSABLE)
		return plan->reason_key;
	for (; *keys != CONFIG_NONE; keys++)
		if (trainjob_config_given(config, *keys) &&
			!trainjob_config_number(config, *keys, &number))
			return *keys;
	return CONFIG_NONE;
}

/* ----------
 * How
 * ----------
 */

/* The formula of a total from samples: ceil(500 / (4 x 8)) x 3 */
static void
append_formula(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	const Dialect *dialect = plan->dialect;
	bool is_capped =
		plan->total_key != CONFIG_NONE && plan->total_key == dialect->ceiling;
	bool is_rounded = plan->whole_epochs < 0;

	if (dialect->say_total != NULL)
	{
		dialect->say_total(text, config, plan);
		return;
	}
	appendStringInfo(text, "%s%s", is_capped ? "min(" : "",
					 is_rounded ? "ceil(" : "");
	dialect->say_updates(text, config, plan);
	appendStringInfo(text, " x %s%s", trainjob_epochs_text(plan),
					 is_rounded ? ")" : "");
	if (is_capped)
		appendStringInfo(text, ", " INT64_FORMAT ")", plan->total_steps);
}

/* "; batch_size from config.training.batch_size, num_epochs by default ..." */
static void
append_source(StringInfo text, const JobConfig *config, const char *factor,
			  ConfigKey key, bool *any)
{
	if (key == CONFIG_NONE)
		appendStringInfo(text, "%s %s by default", *any ? "," : ";", factor);
	else
		appendStringInfo(text, "%s %s from %s", *any ? "," : ";", factor,
						 trainjob_config_path(config, key));
	*any = true;
}

char *
trainjob_explain(const JobConfig *config, const StepPlan *plan)
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
		if (plan->dialect->accumulation != CONFIG_NONE)
			append_source(&text, config, "gradient_accumulation_steps",
						  plan->accumulation.key, &any);
		append_source(&text, config, "num_epochs", plan->epochs_key, &any);
		if (plan->world.key != CONFIG_NONE)
			append_source(&text, config, "world_size", plan->world.key, &any);
		if (plan->total_key != CONFIG_NONE)
			append_source(&text, config,
						  trainjob_config_key_name(plan->total_key),
						  plan->total_key, &any);
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

/* A job that names no strategy, and may have one: its eval_steps, else its method. */
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
	switch (plan.eval_schedule)
	{
		case EVAL_UNSAID:
			return unsaid_eval_text(config, &plan);
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

/* "step 500 at epoch 1.45" */
static char *
say_report(const EpochReport *report)
{
	return psprintf("step " INT64_FORMAT " at epoch %s", report->step,
					float8out_internal(report->epoch));
}

/* Why a job has no total any more. */
static char *
say_disproved(const TotalFacts *facts)
{
	TotalRange range;

	if (facts->expected > 0 && facts->report.step > facts->expected)
		return psprintf("total steps unknown: step " INT64_FORMAT
						" is beyond the " INT64_FORMAT " steps estimated",
						facts->report.step, facts->expected);
	if (facts->expected > 0 &&
		trainjob_total_range(facts->num_epochs, &facts->report, &range) &&
		(facts->expected < range.least || facts->expected > range.most))
		return psprintf("total steps unknown: %s means " INT64_FORMAT
						" to " INT64_FORMAT " steps, not the " INT64_FORMAT
						" estimated",
						say_report(&facts->report), range.least, range.most,
						facts->expected);
	return pstrdup("total steps unknown: reports prove the total wrong that "
				   "was known before");
}

/* A total that is one of several; NULL for any other. */
static char *
say_observed(const TotalFacts *facts, int64 total_steps)
{
	TotalRange range;

	if (!facts->is_observed ||
		!trainjob_total_range(facts->num_epochs, &facts->report, &range) ||
		range.least == range.most || total_steps < range.least ||
		total_steps > range.most)
		return NULL;
	return psprintf("total steps are " INT64_FORMAT " to " INT64_FORMAT
					": %s is rounded",
					range.least, range.most, say_report(&facts->report));
}

/* Why a job never had one. */
static char *
say_unknown(const JobConfig *config, const StepPlan *plan,
			const char *dataset_path)
{
	int len;
	int kept;

	if (plan->reason != REASON_NO_SAMPLES)
		return psprintf("total steps unknown: %s", say_reason(config, plan));
	if (dataset_path == NULL)
		return pstrdup("total steps unknown: the job names no dataset and "
					   "its config gives no sample count");
	len = strlen(dataset_path);
	kept = pg_mbcliplen(dataset_path, len, PATH_BYTES_MAX);
	return psprintf("total steps unknown: no sample count for dataset "
					"\"%.*s%s\"",
					kept, dataset_path, kept < len ? "..." : "");
}

char *
trainjob_note_for(const JobConfig *config, const SampleCounts *counts,
				  const char *dataset_path, int64 total_steps,
				  const TotalFacts *facts)
{
	StepPlan plan;
	ConfigKey key;
	const char *section;

	if (facts->is_disproved && total_steps < 1)
		return say_disproved(facts);
	trainjob_plan_steps(config, counts, &plan);
	if (total_steps < 1)
		total_steps = plan.total_steps;
	if (total_steps < 1)
		return say_unknown(config, &plan, dataset_path);
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
	return say_observed(facts, total_steps);
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
