/*
 * grpo.c
 *	  TRL's GRPO and RLOO, which sample several completions of each prompt.
 *
 *		g = generation batch		p = g / G		s = g / (b x W)
 *		rows = (N down to a multiple of p) x G x mu x s
 *		L = up(up(rows / (b x s)) / W)		U = max(1, up(L / ga))		T = up(E x U)
 *
 * G is num_generations, mu num_iterations, s steps_per_generation, which is ga
 * where neither it nor g is given.
 * Source: huggingface/trl@f2cd577 trl/trainer/grpo_trainer.py, utils.py
 * (RepeatSampler) and grpo_config.py (__post_init__); section 7h of
 * doc/steps.md.  ms-swift names the method in rlhf_type and has the same
 * defaults (swift/arguments/rlhf_args.py).
 */
#include "postgres.h"

#include "common/int.h"

#include "steps/dialect.h"

/* GRPOConfig and RLOOConfig, the latter since it has these keys (TRL 0.25). */
#define DEFAULT_GENERATIONS 8
#define DEFAULT_GENERATIONS_RLOO 2

static const ConfigKey marks[] = {CONFIG_NUM_GENERATIONS,
								  CONFIG_GENERATION_BATCH_SIZE,
								  CONFIG_STEPS_PER_GENERATION,
								  CONFIG_REWARD_FUNCS, CONFIG_NONE};

static const ConfigKey own_keys[] = {CONFIG_GENERATION_BATCH_SIZE,
									 CONFIG_STEPS_PER_GENERATION,
									 CONFIG_NUM_ITERATIONS, CONFIG_NONE};

/* What makes a generation batch. */
typedef struct Sampling
{
	int64 generations; /* G */
	int64 iterations;  /* mu */
	int64 steps;	   /* s */
	int64 prompts;	   /* p */
} Sampling;

/* GRPOConfig.loss_type; other methods have other losses. */
static const char *const losses[] = {"grpo", "bnpo",  "dr_grpo",
									 "dapo", "cispo", "sapo"};

/* Whether a word, or a loss, names GRPO. */
static bool
names_grpo(const JobConfig *config)
{
	for (int i = 0; i < lengthof(losses); i++)
		if (trainjob_config_word(config, CONFIG_LOSS_TYPE, losses[i]))
			return true;
	return trainjob_config_word(config, CONFIG_RLHF_TYPE, "grpo") ||
		   trainjob_config_word(config, CONFIG_TRAINER_TYPE, "grpo");
}

/* RLOO is counted alike, but has another number of generations. */
static bool
names_rloo(const JobConfig *config)
{
	static const ConfigKey keys[] = {CONFIG_METHOD, CONFIG_TRAINING_METHOD,
									 CONFIG_RL, CONFIG_RLHF_TYPE,
									 CONFIG_TRAINER_TYPE};

	for (int i = 0; i < lengthof(keys); i++)
		if (trainjob_config_word(config, keys[i], "rloo"))
			return true;
	return false;
}

/* Hugging Face's keys tell TRL from other samplers. */
static bool
recognises(const JobConfig *config)
{
	return trainjob_has_hf_key(config) &&
		   (trainjob_first_given(config, marks) != CONFIG_NONE ||
			names_grpo(config));
}

/* A count that has a default; false, with the reason, where it is unusable. */
static bool
read_count(const JobConfig *config, StepPlan *plan, ConfigKey key,
		   int64 default_value, int64 *count)
{
	*count = default_value;
	if (!trainjob_config_given(config, key))
		return true;
	*count = trainjob_config_count(config, key);
	if (*count > 0)
		return true;
	trainjob_give_reason(plan, REASON_UNUSABLE, key);
	return false;
}

/* s, by itself or by the generation batch, which TRL wants to fit each other. */
static bool
read_steps(const JobConfig *config, StepPlan *plan, int64 *steps)
{
	const ConfigKey key = CONFIG_GENERATION_BATCH_SIZE;
	int64 whole;
	int64 by_batch;

	if (!read_count(config, plan, CONFIG_STEPS_PER_GENERATION,
					plan->accumulation.value, steps) ||
		!read_count(config, plan, key, -1, &whole))
		return false;
	if (whole < 0)
		return true;
	by_batch = whole / plan->batch.value / plan->world.value;
	if (by_batch < 1 || whole % plan->batch.value != 0 ||
		whole / plan->batch.value % plan->world.value != 0 ||
		(trainjob_config_given(config, CONFIG_STEPS_PER_GENERATION) &&
		 by_batch != *steps))
	{
		trainjob_give_reason(plan, REASON_UNUSABLE, key);
		return false;
	}
	*steps = by_batch;
	return true;
}

static bool
read_sampling(const JobConfig *config, StepPlan *plan, Sampling *sampling)
{
	int64 whole;

	if (!read_count(config, plan, CONFIG_NUM_GENERATIONS,
					names_rloo(config) ? DEFAULT_GENERATIONS_RLOO
									   : DEFAULT_GENERATIONS,
					&sampling->generations) ||
		!read_count(config, plan, CONFIG_NUM_ITERATIONS, 1,
					&sampling->iterations) ||
		!read_steps(config, plan, &sampling->steps))
		return false;
	if (pg_mul_s64_overflow(plan->batch.value, plan->world.value, &whole) ||
		pg_mul_s64_overflow(whole, sampling->steps, &whole))
	{
		trainjob_give_reason(plan, REASON_TOO_LARGE, CONFIG_NONE);
		return false;
	}
	if (whole % sampling->generations != 0)
	{
		trainjob_give_reason(plan, REASON_NOT_GROUPED, CONFIG_NONE);
		return false;
	}
	sampling->prompts = whole / sampling->generations;
	return true;
}

/* Rows of an epoch; 0 where there are too few prompts, -1 beyond bigint. */
static int64
rows_of(const StepPlan *plan, const Sampling *sampling)
{
	int64 rows = plan->samples - plan->samples % sampling->prompts;

	if (pg_mul_s64_overflow(rows, sampling->generations, &rows) ||
		pg_mul_s64_overflow(rows, sampling->iterations, &rows) ||
		pg_mul_s64_overflow(rows, sampling->steps, &rows))
		return -1;
	return rows;
}

/* Its dataloader is the Trainer's, of more rows and larger batches. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	StepPlan loader = *plan;
	Sampling sampling;
	int64 batches;

	if (!read_sampling(config, plan, &sampling))
		return;
	loader.samples = rows_of(plan, &sampling);
	if (loader.samples < 0 ||
		pg_mul_s64_overflow(plan->batch.value, sampling.steps,
							&loader.batch.value))
	{
		trainjob_give_reason(plan, REASON_TOO_LARGE, CONFIG_NONE);
		return;
	}
	batches = loader.samples > 0 ? trainjob_hf_batches(config, &loader) : 0;
	if (batches > 0)
		set_epoch(plan, batches, trainjob_hf_updates(config, plan, batches));
	else
		trainjob_give_reason(plan,
							 batches < 0 ? REASON_BATCH_NOT_SHARED
										 : REASON_NO_STEP,
							 CONFIG_NONE);
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "ceil(" INT64_FORMAT " batches",
					 plan->batches_per_epoch);
	trainjob_say_divisors(text, plan->accumulation.value, -1, 1);
	appendStringInfoChar(text, ')');
}

const Dialect trainjob_grpo = {
	.name = "grpo",
	.recognises = recognises,
	.batch = {CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE, CONFIG_BATCH_SIZE},
	.default_batch = 8,
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 1,
	.epochs = {CONFIG_NUM_TRAIN_EPOCHS, CONFIG_NUM_EPOCHS, CONFIG_EPOCHS},
	.default_epochs = 3,
	.samples_prompts = true,
	.epoch_proves_updates = true,
	.own_keys = own_keys,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = trainjob_plan_hf_evaluation,
	.drops_last = trainjob_hf_drops_last,
	.say_updates = say_updates,
	.epochs_wanted = "a number above 0",
};
