/*
 * h2o.c
 *	  H2O LLM Studio.
 *
 *		L = down(down(N / W) / b)		U = up(L / ga)		T = E x U
 *
 * It updates at the first batch of an epoch and each ga-th after it.  Incomplete
 * batches are dropped unless drop_last_batch is off.
 * Source: h2oai/h2o-llmstudio@a4971c1 train.py (itr % grad_accumulation) and
 * python_configs/text_causal_language_modeling_config.py.
 */
#include "postgres.h"

#include "steps/dialect.h"

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_GRAD_ACCUMULATION) &&
		   trainjob_config_given(config, CONFIG_EPOCHS) &&
		   !trainjob_has_hf_key(config);
}

static bool
drops_last(const JobConfig *config)
{
	return !trainjob_config_given(config, CONFIG_DROP_LAST_BATCH) ||
		   trainjob_config_on(config, CONFIG_DROP_LAST_BATCH);
}

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 w = plan->world.value;
	int64 b = plan->batch.value;
	int64 batches = drops_last(config)
						? plan->samples / w / b
						: divide_up(divide_up(plan->samples, w), b);

	if (batches > 0)
		set_epoch(plan, batches, divide_up(batches, plan->accumulation.value));
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "ceil(%s(" INT64_FORMAT,
					 drops_last(config) ? "floor" : "ceil", plan->samples);
	trainjob_say_divisors(text, plan->batch.value, -1, plan->world.value);
	appendStringInfo(text, ") / " INT64_FORMAT ")", plan->accumulation.value);
}

const Dialect trainjob_h2o = {
	.name = "h2o",
	.recognises = recognises,
	.batch = {CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_GRAD_ACCUMULATION,
	.default_accumulation = 1,
	.epochs = {CONFIG_EPOCHS},
	.whole_epochs = true,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.drops_last = drops_last,
	.say_updates = say_updates,
	.epochs_wanted = "a whole number above 0",
};
