/*
 * deepspeed.c
 *	  A DeepSpeed configuration without Hugging Face's keys.
 *
 *		ga = B / (b x W)		U = up(up(up(N / b) / W) / ga)		T = up(E x U)
 *
 * B is train_batch_size, b train_micro_batch_size_per_gpu.  Two of B, ga and W
 * give the third, and DeepSpeed refuses three that do not fit.
 * Source: microsoft/DeepSpeed deepspeed/runtime/config.py,
 * _set_batch_related_parameters and _batch_assertion.
 */
#include "postgres.h"

#include "steps/dialect.h"

static const ConfigKey own_keys[] = {CONFIG_TRAIN_BATCH_SIZE, CONFIG_NONE};

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config,
								 CONFIG_TRAIN_MICRO_BATCH_SIZE_PER_GPU) &&
		   !trainjob_config_given(config, CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE);
}

/* B / (b x others), or -1 where that is no whole number. */
static int64
left_of_whole(const JobConfig *config, const StepPlan *plan, int64 others)
{
	int64 whole = trainjob_config_count(config, CONFIG_TRAIN_BATCH_SIZE);

	if (whole < 1 || plan->batch.value < 1 || others < 1 ||
		whole % plan->batch.value != 0 ||
		whole / plan->batch.value % others != 0)
		return -1;
	return whole / plan->batch.value / others;
}

/* As if there were one process; measure_epoch() knows better. */
static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	if (trainjob_config_given(config, CONFIG_GRADIENT_ACCUMULATION_STEPS) ||
		!trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE))
	{
		trainjob_read_accumulation(config, plan);
		return;
	}
	plan->accumulation =
		(StepFactor){left_of_whole(config, plan, 1), CONFIG_TRAIN_BATCH_SIZE};
	if (plan->accumulation.value < 0)
		trainjob_give_reason(plan, REASON_UNUSABLE, CONFIG_TRAIN_BATCH_SIZE);
}

/* W where B and ga are given */
static void
read_devices(const JobConfig *config, StepPlan *plan)
{
	if (plan->accumulation.key != CONFIG_GRADIENT_ACCUMULATION_STEPS ||
		!trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE))
		return;
	plan->world =
		(StepFactor){left_of_whole(config, plan, plan->accumulation.value),
					 CONFIG_TRAIN_BATCH_SIZE};
	if (plan->world.value < 0)
		trainjob_give_reason(plan, REASON_UNUSABLE, CONFIG_TRAIN_BATCH_SIZE);
}

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	if (trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE))
	{
		int64 accumulation = left_of_whole(config, plan, plan->world.value);

		if (plan->accumulation.key == CONFIG_TRAIN_BATCH_SIZE)
			plan->accumulation.value = accumulation;
		if (accumulation < 1 || accumulation != plan->accumulation.value)
		{
			trainjob_give_reason(plan, REASON_UNUSABLE,
								 CONFIG_TRAIN_BATCH_SIZE);
			return;
		}
	}
	trainjob_measure_hf_epoch(config, plan);
}

const Dialect trainjob_deepspeed = {
	.name = "deepspeed",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_MICRO_BATCH_SIZE_PER_GPU},
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 1,
	.epochs = {CONFIG_NUM_EPOCHS, CONFIG_NUM_TRAIN_EPOCHS, CONFIG_EPOCHS},
	.own_keys = own_keys,
	.read_accumulation = read_accumulation,
	.read_devices = read_devices,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.say_updates = trainjob_say_hf_updates,
	.epochs_wanted = "a number above 0",
};
