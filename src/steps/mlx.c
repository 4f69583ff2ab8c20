/*
 * mlx.c
 *	  MLX-LM.
 *
 *		T = iters
 *
 * It reports iterations, whatever grad_accumulation_steps is, and knows no epochs.
 * Source: ml-explore/mlx-lm@d78bf58 mlx_lm/tuner/trainer.py (the loop over iters)
 * and lora.py (CONFIG_DEFAULTS).
 */
#include "postgres.h"

#include "steps/dialect.h"

static const ConfigKey marks[] = {CONFIG_ITERS, CONFIG_FINE_TUNE_TYPE,
								  CONFIG_NONE};

/* Other trainers may have a fine_tune_type. */
static const ConfigKey companions[] = {CONFIG_ITERS, CONFIG_STEPS_PER_REPORT,
									   CONFIG_STEPS_PER_EVAL, CONFIG_NONE};

static bool
recognises(const JobConfig *config)
{
	return trainjob_first_given(config, marks) != CONFIG_NONE &&
		   trainjob_first_given(config, companions) != CONFIG_NONE &&
		   !trainjob_has_hf_key(config);
}

/* Without iters its own default would count, which releases may change. */
static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	plan->accumulation.value = 1;
	trainjob_give_reason(plan, REASON_NO_RULE,
						 trainjob_first_given(config, marks));
}

/* Never comes to that. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
}

const Dialect trainjob_mlx = {
	.name = "mlx",
	.recognises = recognises,
	.batch = {CONFIG_BATCH_SIZE},
	.default_batch = 4,
	.accumulation = CONFIG_NONE,
	.epochs = {CONFIG_NUM_EPOCHS},
	.default_epochs = 1,
	.one_process = true,
	.read_accumulation = read_accumulation,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.epochs_wanted = "a number above 0",
};
