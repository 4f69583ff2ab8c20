/*
 * openai.c
 *	  OpenAI's fine-tuning API.
 *
 *		T = up(N x E / b)
 *
 * Section 7f of doc/steps.md: one process, no accumulation; it rounds once a
 * run, so there is no U.
 */
#include "postgres.h"

#include "steps/dialect.h"

/* Nothing is known of an epoch. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
}

static void
count_steps(const JobConfig *config, StepPlan *plan)
{
	trainjob_set_total(plan,
					   trainjob_run_share_up(plan, &plan->batch.value, 1));
}

/* There is no setting. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	plan->eval_schedule = EVAL_NONE;
}

static void
say_total(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "ceil(" INT64_FORMAT " x %s", plan->samples,
					 trainjob_epochs_text(plan));
	trainjob_say_divisors(text, plan->batch.value, -1, 1);
	appendStringInfoChar(text, ')');
}

const Dialect trainjob_openai = {
	.name = "openai",
	.marks = {CONFIG_N_EPOCHS, CONFIG_LEARNING_RATE_MULTIPLIER},
	.method_marks = true,
	.batch = {CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_N_EPOCHS},
	.whole_epochs = true,
	.one_process = true,
	.measure_epoch = measure_epoch,
	.count_steps = count_steps,
	.plan_evaluation = plan_evaluation,
	.say_total = say_total,
	.epochs_wanted = "a whole number above 0",
};
