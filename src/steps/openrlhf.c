/*
 * openrlhf.c
 *	  OpenRLHF: its trainers from pairs and demonstrations.
 *
 *		U = down(N / b)		T = up(E x U)
 *
 * b is the whole batch, train_batch_size.  Its reinforcement learning has
 * rollout_batch_size besides, which no rule reads.
 * Source: OpenRLHF@3c3be62 openrlhf/cli/train_sft.py, num_update_steps_per_epoch
 * and max_steps; the flat options of releases 0.5 to 0.8, and the section
 * train of later ones.
 */
#include "postgres.h"

#include "steps/dialect.h"

static const ConfigKey own_keys[] = {CONFIG_MICRO_TRAIN_BATCH_SIZE,
									 CONFIG_NONE};

static bool
recognises(const JobConfig *config)
{
	if (trainjob_config_given(config, CONFIG_MICRO_TRAIN_BATCH_SIZE))
		return trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE);
	return trainjob_config_given(config, CONFIG_MICRO_BATCH_SIZE) &&
		   trainjob_config_given(config, CONFIG_BATCH_SIZE) &&
		   trainjob_config_given(config, CONFIG_MAX_EPOCHS);
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

const Dialect trainjob_openrlhf = {
	.name = "openrlhf",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE, CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_MAX_EPOCHS},
	.one_process = true,
	.own_keys = own_keys,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.say_updates = say_updates,
	.epochs_wanted = "a number above 0",
};
