/*
 * megatron.c
 *	  Megatron-LM, and what takes its options.
 *
 *		T = train_iters
 *
 * Without that nothing is known: how global_batch_size meets the data depends on
 * the data set builder.  Source: NVIDIA/Megatron-LM megatron/training/arguments.py
 * (--train-iters, --global-batch-size, --micro-batch-size).
 */
#include "postgres.h"

#include "steps/dialect.h"

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_TRAIN_ITERS) ||
		   (trainjob_config_given(config, CONFIG_GLOBAL_BATCH_SIZE) &&
			trainjob_config_given(config, CONFIG_MICRO_BATCH_SIZE));
}

/* Its batch is the whole one, which makes the total unknown. */
static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	if (trainjob_config_given(config, CONFIG_GLOBAL_BATCH_SIZE))
		trainjob_give_reason(plan, REASON_OTHER_BATCH,
							 CONFIG_GLOBAL_BATCH_SIZE);
}

/* Never comes to that. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	trainjob_give_reason(plan, REASON_MISSING, CONFIG_TRAIN_ITERS);
}

const Dialect trainjob_megatron = {
	.name = "megatron",
	.recognises = recognises,
	.batch = {CONFIG_MICRO_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.epochs = {CONFIG_NUM_TRAIN_EPOCHS, CONFIG_EPOCHS},
	.one_process = true,
	.read_accumulation = read_accumulation,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.epochs_wanted = "a number above 0",
};
