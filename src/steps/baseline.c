/*
 * baseline.c
 *	  What is left: a configuration in which no trainer is recognised.
 *
 * It is counted as Hugging Face's Trainer does, with defaults that are settings.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "steps/dialect.h"

/* A strategy that is not named may be one that the trainer knows by itself. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	ConfigNumber number;

	trainjob_plan_hf_evaluation(config, plan);
	if (trainjob_strategy_key(config) != CONFIG_NONE)
		return;
	plan->eval_schedule = EVAL_UNSAID;
	if (trainjob_config_number(config, CONFIG_EVAL_STEPS, &number))
		plan->eval_every_steps =
			trainjob_steps_between(&number, plan->total_steps);
}

Dialect trainjob_baseline = {
	.name = "baseline",
	.batch = {CONFIG_BATCH_SIZE},
	.default_batch = 4,
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 8,
	.epochs = {CONFIG_NUM_EPOCHS, CONFIG_EPOCHS},
	.default_epochs = 3,
	.epoch_proves_updates = true,
	.measure_epoch = trainjob_measure_hf_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.drops_last = trainjob_hf_drops_last,
	.say_updates = trainjob_say_hf_updates,
	.epochs_wanted = "a number above 0",
};

void
trainjob_baseline_init(void)
{
	/* what a trainer takes whose configuration does not say, and which cannot
	 * be recognised */
	DefineCustomIntVariable(
		"trainjob.default_batch_size",
		"Sets the batch size of a job whose configuration names none.",
		"Used for configurations that no known trainer's keys are found in.",
		&trainjob_baseline.default_batch, 4, 1, INT_MAX, PGC_USERSET, 0, NULL,
		NULL, NULL);
	DefineCustomIntVariable(
		"trainjob.default_gradient_accumulation_steps",
		"Sets the gradient accumulation steps of a job whose configuration "
		"names none.",
		"Used for configurations that no known trainer's keys are found in.",
		&trainjob_baseline.default_accumulation, 8, 1, INT_MAX, PGC_USERSET, 0,
		NULL, NULL, NULL);
	DefineCustomRealVariable(
		"trainjob.default_num_epochs",
		"Sets the number of epochs of a job whose configuration names none.",
		"Used for configurations that no known trainer's keys are found in.",
		&trainjob_baseline.default_epochs, 3, 1e-6, 1e9, PGC_USERSET, 0, NULL,
		NULL, NULL);
}
