/*
 * dialect.c
 *	  What the dialects of trainers share.
 *
 * An input that makes no sense gives -1, unknown, with a reason; nothing here
 * raises an error.
 */
#include "postgres.h"

#include <math.h>

#include "common/int.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "steps/dialect.h"

/* ----------
 * Arithmetic
 * ----------
 */

int64
trainjob_whole_up(const ConfigNumber *number)
{
	if (number->sign <= 0 || !number->fits ||
		(!number->is_whole && number->whole == PG_INT64_MAX))
		return -1;
	return number->whole + !number->is_whole;
}

int64
trainjob_times_epochs(double num_epochs, int64 whole_epochs, int64 updates)
{
	double product;
	int64 total;

	if (whole_epochs >= 0)
		return pg_mul_s64_overflow(whole_epochs, updates, &total) || total < 1
				   ? -1
				   : total;
	/* as trainers do: with all the error of a double */
	product = ceil(num_epochs * (double) updates);
	return product >= 1 && product < BIGINT_END ? (int64) product : -1;
}

/* Without loss: numeric has room for all of it. */
int64
trainjob_multiply_divide_up(int64 a, int64 b, const int64 *divisors,
							int ndivisors)
{
	Datum dividend =
		DirectFunctionCall2(numeric_mul, NumericGetDatum(int64_to_numeric(a)),
							NumericGetDatum(int64_to_numeric(b)));
	Datum limit = NumericGetDatum(int64_to_numeric(PG_INT64_MAX));
	Datum divisor = NumericGetDatum(int64_to_numeric(1));
	Datum one = divisor;
	Datum result;

	for (int i = 0; i < ndivisors; i++)
		divisor =
			DirectFunctionCall2(numeric_mul, divisor,
								NumericGetDatum(int64_to_numeric(divisors[i])));
	/* up(x / y) = down((x - 1) / y) + 1, for whole numbers above 0 */
	result =
		DirectFunctionCall2(numeric_div_trunc,
							DirectFunctionCall2(numeric_sub, dividend, one),
							divisor);
	result = DirectFunctionCall2(numeric_add, result, one);
	if (DatumGetBool(DirectFunctionCall2(numeric_gt, result, limit)))
		return -1;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, result));
}

int64
trainjob_run_share_up(const StepPlan *plan, const int64 *divisors,
					  int ndivisors)
{
	double divisor = 1;
	double total;

	if (plan->whole_epochs >= 0)
		return trainjob_multiply_divide_up(plan->samples, plan->whole_epochs,
										   divisors, ndivisors);
	for (int i = ndivisors - 1; i >= 0; i--)
		divisor *= (double) divisors[i];
	total = ceil((double) plan->samples * plan->num_epochs / divisor);
	return total >= 1 && total < BIGINT_END ? (int64) total : -1;
}

/* ----------
 * Reading b, ga and E (section 4)
 * ----------
 */

bool
trainjob_is_among(const ConfigKey *keys, ConfigKey key)
{
	while (*keys != CONFIG_NONE && *keys != key)
		keys++;
	return *keys != CONFIG_NONE;
}

void
trainjob_give_reason(StepPlan *plan, StepReason reason, ConfigKey key)
{
	if (plan->reason != REASON_NONE)
		return;
	plan->reason = reason;
	plan->reason_key = key;
}

ConfigKey
trainjob_first_given(const JobConfig *config, const ConfigKey *spellings)
{
	while (*spellings != CONFIG_NONE &&
		   !trainjob_config_given(config, *spellings))
		spellings++;
	return *spellings;
}

void
trainjob_read_factor(const JobConfig *config, StepPlan *plan,
					 const ConfigKey *spellings, int default_value,
					 StepFactor *factor)
{
	factor->key = trainjob_first_given(config, spellings);
	if (factor->key != CONFIG_NONE)
	{
		factor->value = trainjob_config_count(config, factor->key);
		if (factor->value < 0)
			trainjob_give_reason(plan, REASON_UNUSABLE, factor->key);
		return;
	}
	factor->value = default_value > 0 ? default_value : -1;
	if (factor->value < 0)
		trainjob_give_reason(plan, REASON_MISSING, spellings[0]);
}

void
trainjob_read_accumulation(const JobConfig *config, StepPlan *plan)
{
	const Dialect *dialect = plan->dialect;
	ConfigKey spellings[] = {dialect->accumulation, CONFIG_NONE};

	trainjob_read_factor(config, plan, spellings, dialect->default_accumulation,
						 &plan->accumulation);
}

int64
trainjob_step_ceiling(const JobConfig *config, const Dialect *dialect)
{
	ConfigNumber number;

	if (dialect->ceiling == CONFIG_NONE ||
		!trainjob_config_number(config, dialect->ceiling, &number) ||
		number.sign <= 0)
		return 0;
	return trainjob_whole_up(&number);
}

/* ----------
 * Counting (section 7)
 * ----------
 */

void
trainjob_set_total(StepPlan *plan, int64 total)
{
	if (total >= 1)
		plan->total_steps = total;
	else
		trainjob_give_reason(plan,
							 plan->num_epochs < 1 ? REASON_TOO_SMALL
												  : REASON_TOO_LARGE,
							 CONFIG_NONE);
}

void
trainjob_count_epochs(const JobConfig *config, StepPlan *plan)
{
	trainjob_set_total(plan, trainjob_times_epochs(plan->num_epochs,
												   plan->whole_epochs,
												   plan->updates_per_epoch));
}

void
trainjob_measure_whole_batches(const JobConfig *config, StepPlan *plan)
{
	int64 updates = plan->samples / plan->batch.value;

	if (updates > 0)
		set_epoch(plan, updates, updates);
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

void
trainjob_say_whole_batches(StringInfo text, const JobConfig *config,
						   const StepPlan *plan)
{
	appendStringInfo(text, "floor(" INT64_FORMAT, plan->samples);
	trainjob_say_divisors(text, plan->batch.value, -1, 1);
	appendStringInfoChar(text, ')');
}

/* ----------
 * Evaluation (section 8)
 * ----------
 */

/* Trainers before 4.41 call it otherwise. */
ConfigKey
trainjob_strategy_key(const JobConfig *config)
{
	static const ConfigKey spellings[] = {CONFIG_EVAL_STRATEGY,
										  CONFIG_EVALUATION_STRATEGY,
										  CONFIG_NONE};

	return trainjob_first_given(config, spellings);
}

bool
trainjob_strategy_is(const JobConfig *config, const char *word)
{
	ConfigKey key = trainjob_strategy_key(config);

	return key != CONFIG_NONE && trainjob_config_word(config, key, word);
}

int64
trainjob_steps_between(const ConfigNumber *number, int64 total)
{
	double steps;

	if (number->sign <= 0 || !number->fits)
		return -1;
	if (number->is_whole)
		return number->whole;
	if (number->whole > 0 || total < 1)
		return -1;
	steps = ceil((double) total * number->value);
	return steps >= 1 ? (int64) steps : -1;
}

void
trainjob_hide_evaluation(StepPlan *plan, ConfigKey key)
{
	plan->eval_schedule = EVAL_UNKNOWN;
	plan->eval_key = key;
}

void
trainjob_evaluate_every(const JobConfig *config, StepPlan *plan, ConfigKey key)
{
	ConfigNumber number;

	if (!trainjob_config_number(config, key, &number))
	{
		trainjob_hide_evaluation(plan, trainjob_config_given(config, key)
										   ? key
										   : CONFIG_NONE);
		return;
	}
	plan->eval_every_steps = trainjob_steps_between(&number, plan->total_steps);
	if (plan->eval_every_steps > 0)
		plan->eval_schedule = EVAL_STEPS;
	else if (number.sign > 0 && number.fits && number.whole == 0)
		plan->eval_schedule = EVAL_UNKNOWN; /* a share of an unknown total */
	else
		trainjob_hide_evaluation(plan, key);
}

/* ----------
 * Words
 * ----------
 */

void
trainjob_say_divisors(StringInfo text, int64 batch, int64 accumulation,
					  int64 world)
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

char *
trainjob_epochs_text(const StepPlan *plan)
{
	if (plan->whole_epochs >= 0)
		return psprintf(INT64_FORMAT, plan->whole_epochs);
	return float8out_internal(plan->num_epochs);
}
