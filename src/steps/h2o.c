/*
 * h2o.c
 *	  H2O LLM Studio.
 *
 *		n = down(N / W)		L = down(n / b)		U = up(L / ga)		T = E x U
 *
 * It updates at the first batch of an epoch and each ga-th after it.  Incomplete
 * batches are dropped unless drop_last_batch is off, or there is no other.
 * Source: h2oai/h2o-llmstudio@a4971c1 llm_studio/train.py (itr %
 * grad_accumulation), src/utils/data_utils.py (get_train_dataloader) and
 * python_configs/text_causal_language_modeling_config.py (its defaults).
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

/* Whether the last batch goes: not where it is the only one. */
static bool
drops_batch(const JobConfig *config, const StepPlan *plan)
{
	return drops_last(config) &&
		   plan->samples / plan->world.value >= plan->batch.value;
}

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 samples = plan->samples / plan->world.value;
	int64 b = plan->batch.value;
	int64 batches =
		drops_batch(config, plan) ? samples / b : divide_up(samples, b);

	if (samples > 1) /* it refuses a single one */
		set_epoch(plan, batches, divide_up(batches, plan->accumulation.value));
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "ceil(%s(",
					 drops_batch(config, plan) ? "floor" : "ceil");
	if (plan->world.value > 1)
		appendStringInfo(text, "floor(" INT64_FORMAT " / " INT64_FORMAT ")",
						 plan->samples, plan->world.value);
	else
		appendStringInfo(text, INT64_FORMAT, plan->samples);
	trainjob_say_divisors(text, plan->batch.value, -1, 1);
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
