/*
 * ppo.c
 *	  PPO, by TRL's trainer and by LLaMA-Factory's.
 *
 *		TRL:			T = up(episodes / (b x ga x W)), episodes by themselves or E x N
 *		LLaMA-Factory:	L = down(down(N / (b x ga x buffer)) / W)		T = up(E x L)
 *
 * TRL counts a step for each batch of episodes, whatever num_ppo_epochs is.
 * Sources: huggingface/trl 0.12.2 trl/trainer/ppo_trainer.py and
 * rloo_trainer.py (num_total_batches); hiyouga/LLaMA-Factory@ff6d4d1
 * src/llamafactory/train/ppo/trainer.py, max_steps, over a dataloader of TRL's
 * that drops the last batch.  Section 7i of doc/steps.md.
 */
#include "postgres.h"

#include "common/int.h"

#include "steps/dialect.h"

static const ConfigKey own_keys[] = {CONFIG_TOTAL_EPISODES,
									 CONFIG_NUM_PPO_EPOCHS,
									 CONFIG_NUM_MINI_BATCHES,
									 CONFIG_PPO_BUFFER_SIZE, CONFIG_NONE};

/* How often each batch is gone through. */
static const char *const own_names[] = {"ppo_epochs", NULL};

static bool
is_llama_factory(const JobConfig *config)
{
	return trainjob_config_word(config, CONFIG_STAGE, "ppo");
}

/* TRL's classes for other methods have none of its keys. */
static bool
recognises(const JobConfig *config)
{
	if (!trainjob_has_hf_key(config))
		return false;
	return is_llama_factory(config) ||
		   trainjob_config_given(config, CONFIG_TOTAL_EPISODES) ||
		   trainjob_config_word(config, CONFIG_RLHF_TYPE, "ppo") ||
		   (trainjob_config_given(config, CONFIG_NUM_PPO_EPOCHS) &&
			!trainjob_config_given(config, CONFIG_RLHF_TYPE) &&
			!trainjob_config_given(config, CONFIG_STAGE));
}

/* TRL's, where the episodes are given */
static bool
needs_no_samples(const JobConfig *config)
{
	return !is_llama_factory(config) &&
		   trainjob_config_given(config, CONFIG_TOTAL_EPISODES);
}

static void
measure_llama_factory(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = CONFIG_PPO_BUFFER_SIZE;
	int64 buffer = 1;
	int64 batches;

	if (trainjob_config_given(config, key))
		buffer = trainjob_config_count(config, key);
	if (buffer < 1)
	{
		trainjob_give_reason(plan, REASON_UNUSABLE, key);
		return;
	}
	batches = plan->samples / plan->batch.value / plan->accumulation.value /
			  buffer / plan->world.value;
	if (batches > 0)
		set_epoch(plan, batches, batches);
	else
		trainjob_give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

/* A step would be another thing with several mini batches. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	if (is_llama_factory(config))
		measure_llama_factory(config, plan);
	else if (trainjob_config_given(config, CONFIG_NUM_MINI_BATCHES) &&
			 trainjob_config_count(config, CONFIG_NUM_MINI_BATCHES) != 1)
		trainjob_give_reason(plan, REASON_NO_RULE, CONFIG_NUM_MINI_BATCHES);
}

/* Episodes of the run, or -1 with a reason. */
static int64
read_episodes(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = CONFIG_TOTAL_EPISODES;
	ConfigNumber number;
	double episodes;
	int64 product;

	if (trainjob_config_given(config, key))
	{
		if (trainjob_config_number(config, key, &number) && number.is_whole &&
			number.fits && number.whole > 0)
			return number.whole;
		trainjob_give_reason(plan, REASON_UNUSABLE, key);
		return -1;
	}
	if (plan->whole_epochs >= 0)
	{
		if (!pg_mul_s64_overflow(plan->samples, plan->whole_epochs, &product))
			return product;
	}
	else
	{
		episodes = plan->num_epochs * (double) plan->samples;
		if (episodes < BIGINT_END)
			return (int64) episodes;
	}
	trainjob_give_reason(plan, REASON_TOO_LARGE, CONFIG_NONE);
	return -1;
}

static void
count_steps(const JobConfig *config, StepPlan *plan)
{
	int64 episodes;

	if (is_llama_factory(config))
	{
		trainjob_count_epochs(config, plan);
		return;
	}
	episodes = read_episodes(config, plan);
	if (episodes >= 0)
		trainjob_set_total(
			plan, divide_up(divide_up(divide_up(episodes, plan->batch.value),
									  plan->accumulation.value),
							plan->world.value));
}

/* Neither has an evaluation. */
static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	plan->eval_schedule = EVAL_NONE;
}

static void
say_total(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	if (is_llama_factory(config))
		appendStringInfo(text, "ceil(" INT64_FORMAT " batches x %s)",
						 plan->batches_per_epoch, trainjob_epochs_text(plan));
	else
	{
		if (trainjob_config_given(config, CONFIG_TOTAL_EPISODES))
			appendStringInfo(text, "ceil(%s episodes",
							 trainjob_config_shown(config,
												   CONFIG_TOTAL_EPISODES));
		else
			appendStringInfo(text, "ceil(floor(" INT64_FORMAT " x %s)",
							 plan->samples, trainjob_epochs_text(plan));
		trainjob_say_divisors(text, plan->batch.value, plan->accumulation.value,
							  plan->world.value);
		appendStringInfoChar(text, ')');
	}
}

const Dialect trainjob_ppo = {
	.name = "ppo",
	.recognises = recognises,
	.batch = {CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE, CONFIG_BATCH_SIZE},
	.default_batch = 8,
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 1,
	.epochs = {CONFIG_NUM_TRAIN_EPOCHS, CONFIG_NUM_EPOCHS, CONFIG_EPOCHS},
	.default_epochs = 3,
	.needs_no_samples = needs_no_samples,
	.samples_prompts = true,
	.own_keys = own_keys,
	.own_sections = own_names,
	.measure_epoch = measure_epoch,
	.count_steps = count_steps,
	.plan_evaluation = plan_evaluation,
	.say_total = say_total,
	.epochs_wanted = "a number above 0",
};
