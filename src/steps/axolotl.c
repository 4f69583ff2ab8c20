/*
 * axolotl.c
 *	  The axolotl trainer.
 *
 *		T = up(N x E / (b x ga x W))
 *
 * Section 7c of doc/steps.md: it rounds once a run, so there is no U.
 */
#include "postgres.h"

#include "steps/dialect.h"

/*
 * axolotl wants either the accumulation or batch_size, which is b x ga, and
 * refuses a configuration with both or neither.
 */
static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = CONFIG_GRADIENT_ACCUMULATION_STEPS;
	int64 whole_batch;

	if (trainjob_config_given(config, key) &&
		trainjob_config_given(config, CONFIG_BATCH_SIZE))
	{
		plan->accumulation = (StepFactor){-1, key};
		trainjob_give_reason(plan, REASON_BOTH_GIVEN, key);
		return;
	}
	if (!trainjob_config_given(config, CONFIG_BATCH_SIZE))
	{
		trainjob_read_accumulation(config, plan);
		return;
	}
	plan->accumulation = (StepFactor){-1, CONFIG_BATCH_SIZE};
	whole_batch = trainjob_config_count(config, CONFIG_BATCH_SIZE);
	if (whole_batch < 0)
		trainjob_give_reason(plan, REASON_UNUSABLE, CONFIG_BATCH_SIZE);
	else if (plan->batch.value > whole_batch)
		trainjob_give_reason(plan, REASON_BATCH_TOO_SMALL, CONFIG_BATCH_SIZE);
	else if (plan->batch.value > 0)
		plan->accumulation.value = whole_batch / plan->batch.value;
}

/* Only whether there is a batch. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches;

	if (!trainjob_hf_drops_last(config))
		return;
	batches = trainjob_hf_batches(config, plan);
	if (batches < 1)
		trainjob_give_reason(plan,
							 batches < 0 ? REASON_BATCH_NOT_SHARED
										 : REASON_NO_STEP,
							 CONFIG_NONE);
}

/* A configuration with batch_size has B as it is written, not as b x ga. */
static void
count_steps(const JobConfig *config, StepPlan *plan)
{
	bool whole_batch = plan->accumulation.key == CONFIG_BATCH_SIZE;
	int64 divisors[3] = {plan->world.value, plan->batch.value,
						 plan->accumulation.value};

	if (whole_batch)
	{
		divisors[1] = trainjob_config_count(config, CONFIG_BATCH_SIZE);
		divisors[2] = 1;
	}
	trainjob_set_total(plan, trainjob_run_share_up(plan, divisors,
												   lengthof(divisors)));
}

/* It evaluates before step 1 whenever it evaluates at all. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	ConfigNumber number;
	double evals = 0;

	plan->eval_schedule = EVAL_NONE;
	if (plan->val_samples < 1 &&
		!(trainjob_config_number(config, CONFIG_VAL_SET_SIZE, &number) &&
		  number.sign > 0) &&
		trainjob_config_length(config, CONFIG_TEST_DATASETS) < 1)
		return;

	if (trainjob_config_number(config, CONFIG_EVALS_PER_EPOCH, &number) &&
		number.sign > 0 && 1 / (number.value * plan->num_epochs) < 1)
		evals = number.value;
	if (trainjob_strategy_is(config, "epoch"))
		plan->eval_schedule = EVAL_EPOCH;
	else if (trainjob_config_number(config, CONFIG_EVAL_STEPS, &number) &&
			 number.sign > 0)
		trainjob_evaluate_every(config, plan, CONFIG_EVAL_STEPS);
	else if (evals > 0)
		plan->eval_schedule = evals == 1 ? EVAL_EPOCH : EVAL_UNKNOWN;
	else if (trainjob_strategy_is(config, "steps"))
		plan->eval_schedule = EVAL_UNKNOWN;
	if (plan->eval_schedule != EVAL_NONE)
		plan->first_eval_step = 0;
}

/* N x E / (b x ga x W), rounded up once */
static void
say_total(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "ceil(" INT64_FORMAT " x %s", plan->samples,
					 trainjob_epochs_text(plan));
	if (plan->accumulation.key == CONFIG_BATCH_SIZE)
		trainjob_say_divisors(text,
							  trainjob_config_count(config, CONFIG_BATCH_SIZE),
							  -1, plan->world.value);
	else
		trainjob_say_divisors(text, plan->batch.value, plan->accumulation.value,
							  plan->world.value);
	appendStringInfoChar(text, ')');
}

const Dialect trainjob_axolotl = {
	.name = "axolotl",
	.marks = {CONFIG_MICRO_BATCH_SIZE, CONFIG_VAL_SET_SIZE,
			  CONFIG_EVALS_PER_EPOCH, CONFIG_SAMPLE_PACKING},
	.batch = {CONFIG_MICRO_BATCH_SIZE},
	.default_batch = 1,
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.epochs = {CONFIG_NUM_EPOCHS},
	.default_epochs = 1,
	.divides_world = {CONFIG_CONTEXT_PARALLEL_SIZE, CONFIG_TENSOR_PARALLEL_SIZE,
					  CONFIG_SEQUENCE_PARALLEL_DEGREE},
	.read_accumulation = read_accumulation,
	.measure_epoch = measure_epoch,
	.count_steps = count_steps,
	.plan_evaluation = plan_evaluation,
	.drops_last = trainjob_hf_drops_last,
	.say_total = say_total,
	.epochs_wanted = "a number above 0",
	.accumulation_missing =
		"the config has neither gradient_accumulation_steps nor batch_size, "
		"which axolotl refuses",
};
