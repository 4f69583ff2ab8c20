/*
 * skyrl.c
 *	  SkyRL: reinforcement learning.
 *
 *		U = down(N / b)		T = E x U
 *
 * b is the whole batch of prompts, trainer.train_batch_size.
 * Source: NovaSky-AI/SkyRL, its configuration ppo_base_config.yaml and the
 * trainer, which counts the batches of a dataloader that drops the last one.
 */
#include "postgres.h"

#include "steps/dialect.h"

/* How a batch is cut up does not change the number of batches. */
static const char *const own_sections[] = {"critic_mini_batch_size",
										   "update_epochs_per_batch",
										   "micro_train_batch_size_per_gpu",
										   "generator",
										   "placement",
										   "algorithm",
										   "policy",
										   "critic",
										   "ref",
										   NULL};

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_POLICY_MINI_BATCH_SIZE) &&
		   trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE);
}

static const ConfigKey own_keys[] = {CONFIG_POLICY_MINI_BATCH_SIZE,
									 CONFIG_NONE};

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

const Dialect trainjob_skyrl = {
	.name = "skyrl",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_EPOCHS},
	.whole_epochs = true,
	.one_process = true,
	.samples_prompts = true,
	.own_keys = own_keys,
	.own_sections = own_sections,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.say_updates = say_updates,
	.epochs_wanted = "a whole number above 0",
};
