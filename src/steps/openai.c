/*
 * openai.c
 *	  OpenAI's fine-tuning API.
 *
 *		U = L = up(N / b)		T = E x U
 *
 * Section 7f of doc/steps.md: one process, no accumulation.
 */
#include "postgres.h"

#include "steps/dialect.h"

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches = divide_up(plan->samples, plan->batch.value);

	set_epoch(plan, batches, batches);
}

/* There is no setting. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	plan->eval_schedule = EVAL_NONE;
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "ceil(" INT64_FORMAT, plan->samples);
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
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.say_updates = say_updates,
	.epochs_wanted = "a whole number above 0",
};
