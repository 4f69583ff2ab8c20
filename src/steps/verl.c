/*
 * verl.c
 *	  verl: reinforcement learning, and its SFT trainer.
 *
 *		U = down(N / b)		T = E x U
 *
 * b is the whole batch of prompts, data.train_batch_size; the last, smaller one
 * is dropped.  total_training_steps states the total.
 * Source: verl-project/verl@1dda039 verl/trainer/ppo/ray_trainer.py (train
 * dataloader with drop_last, total_training_steps), section 7g of doc/steps.md.
 */
#include "postgres.h"

#include "steps/dialect.h"

/* What its parts do with a batch does not change the number of batches. */
static const char *const own_sections[] = {"actor_rollout_ref", "critic",
										   "reward_model", "algorithm", NULL};

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_TOTAL_EPOCHS) &&
		   trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE);
}

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 updates = plan->samples / plan->batch.value;

	if (updates > 0)
		set_epoch(plan, updates, updates);
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

/* When it evaluates is not known. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "floor(" INT64_FORMAT, plan->samples);
	trainjob_say_divisors(text, plan->batch.value, -1, 1);
	appendStringInfoChar(text, ')');
}

const Dialect trainjob_verl = {
	.name = "verl",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_TOTAL_EPOCHS},
	.whole_epochs = true,
	.one_process = true,
	.samples_prompts = true,
	.own_sections = own_sections,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.say_updates = say_updates,
	.epochs_wanted = "a whole number above 0",
};
