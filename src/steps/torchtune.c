/*
 * torchtune.c
 *	  The torchtune trainer.
 *
 *		L = down(up(N / W) / b)		U = down(L / ga), capped		T = E x U
 *
 * Section 7d of doc/steps.md: the sampler pads, then all is rounded down.
 */
#include "postgres.h"

#include "steps/dialect.h"

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches =
		divide_up(plan->samples, plan->world.value) / plan->batch.value;
	int64 updates = batches / plan->accumulation.value;
	int64 limit;

	if (trainjob_config_given(config, CONFIG_MAX_STEPS_PER_EPOCH))
	{
		limit = trainjob_config_count(config, CONFIG_MAX_STEPS_PER_EPOCH);
		if (limit < 0)
		{
			trainjob_give_reason(plan, REASON_UNUSABLE,
								 CONFIG_MAX_STEPS_PER_EPOCH);
			return;
		}
		updates = Min(updates, limit);
	}
	if (updates > 0)
		set_epoch(plan, batches, updates);
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = CONFIG_RUN_VAL_EVERY_N_STEPS;

	if (!trainjob_config_given(config, key))
	{
		plan->eval_schedule = EVAL_NONE;
		return;
	}
	plan->eval_every_steps = trainjob_config_count(config, key);
	if (plan->eval_every_steps < 0)
	{
		trainjob_hide_evaluation(plan, key);
		return;
	}
	plan->eval_schedule = EVAL_STEPS;
	if (plan->total_steps < 0 || plan->eval_every_steps <= plan->total_steps)
		plan->first_eval_step = plan->eval_every_steps;
}

/* Always: batches and updates are rounded down. */
static bool
drops_last(const JobConfig *config)
{
	return true;
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	bool is_limited = trainjob_config_given(config, CONFIG_MAX_STEPS_PER_EPOCH);

	appendStringInfoString(text, is_limited ? "min(floor(" : "floor(");
	if (plan->world.value > 1)
		appendStringInfo(text, "ceil(" INT64_FORMAT " / " INT64_FORMAT ")",
						 plan->samples, plan->world.value);
	else
		appendStringInfo(text, INT64_FORMAT, plan->samples);
	trainjob_say_divisors(text, plan->batch.value, plan->accumulation.value, 1);
	appendStringInfoChar(text, ')');
	if (is_limited)
		appendStringInfo(text, ", " INT64_FORMAT ")",
						 trainjob_config_count(config,
											   CONFIG_MAX_STEPS_PER_EPOCH));
}

const Dialect trainjob_torchtune = {
	.name = "torchtune",
	.marks = {CONFIG_MAX_STEPS_PER_EPOCH},
	.null_marks = true,
	.batch = {CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 1,
	.epochs = {CONFIG_EPOCHS},
	.whole_epochs = true,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.drops_last = drops_last,
	.say_updates = say_updates,
	.epochs_wanted = "a whole number above 0",
};
