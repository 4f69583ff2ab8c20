/*
 * litgpt.c
 *	  LitGPT.
 *
 *		L = up(up(N / W) / b)		ga = down(down(B / W) / b)		T = E x down(L / ga)
 *
 * B is global_batch_size, b micro_batch_size; max_steps is a ceiling.
 * Source: Lightning-AI/litgpt@2685705 litgpt/args.py (gradient_accumulation_iters)
 * and litgpt/finetune/lora.py (max_steps of the schedule).
 */
#include "postgres.h"

#include "steps/dialect.h"

static const ConfigKey own_keys[] = {CONFIG_GLOBAL_BATCH_SIZE, CONFIG_NONE};

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_GLOBAL_BATCH_SIZE) &&
		   trainjob_config_given(config, CONFIG_MICRO_BATCH_SIZE) &&
		   trainjob_config_given(config, CONFIG_EPOCHS);
}

/* As if there were one process; measure_epoch() knows better. */
static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	int64 whole = trainjob_config_count(config, CONFIG_GLOBAL_BATCH_SIZE);

	plan->accumulation = (StepFactor){-1, CONFIG_GLOBAL_BATCH_SIZE};
	if (plan->batch.value > 0 && whole >= plan->batch.value)
		plan->accumulation.value = whole / plan->batch.value;
	else
		trainjob_give_reason(plan,
							 whole < 0 || plan->batch.value < 0
								 ? REASON_UNUSABLE
								 : REASON_BATCH_TOO_SMALL,
							 CONFIG_GLOBAL_BATCH_SIZE);
}

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 w = plan->world.value;
	int64 whole = trainjob_config_count(config, CONFIG_GLOBAL_BATCH_SIZE);
	int64 batches = divide_up(divide_up(plan->samples, w), plan->batch.value);
	int64 accumulation = whole / w / plan->batch.value;

	if (accumulation < 1)
	{
		trainjob_give_reason(plan, REASON_UNUSABLE, CONFIG_GLOBAL_BATCH_SIZE);
		return;
	}
	plan->accumulation.value = accumulation;
	if (batches / accumulation > 0)
		set_epoch(plan, batches, batches / accumulation);
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "floor(ceil(" INT64_FORMAT, plan->samples);
	trainjob_say_divisors(text, plan->batch.value, -1, plan->world.value);
	appendStringInfo(text, ") / " INT64_FORMAT ")", plan->accumulation.value);
}

const Dialect trainjob_litgpt = {
	.name = "litgpt",
	.recognises = recognises,
	.batch = {CONFIG_MICRO_BATCH_SIZE},
	.accumulation = CONFIG_GLOBAL_BATCH_SIZE,
	.epochs = {CONFIG_EPOCHS},
	.whole_epochs = true,
	.ceiling = CONFIG_MAX_STEPS,
	.ceiling_ends_run = true,
	.own_keys = own_keys,
	.read_accumulation = read_accumulation,
	.read_devices = trainjob_read_devices,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_capped,
	.say_updates = say_updates,
	.epochs_wanted = "a whole number above 0",
};
