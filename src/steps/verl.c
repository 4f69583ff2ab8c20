/*
 * verl.c
 *	  verl: reinforcement learning, and its SFT trainer.
 *
 *		U = down(N / b)		T = E x U
 *
 * b is the whole batch of prompts, data.train_batch_size; the last, smaller one
 * is dropped.  total_training_steps states the total.  Other prompts may be
 * drawn than are trained on, gen_batch_size: how many steps that makes depends
 * on the recipe.
 * Source: verl-project/verl@1dda039 and 0.9.1 verl/trainer/ppo/ray_trainer.py
 * (train dataloader with drop_last, total_training_steps), sft_trainer.py
 * (alike), utils/dataset/rl_dataset.py (train_max_samples); section 7g of
 * doc/steps.md.
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

const Dialect trainjob_verl = {
	.name = "verl",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_TOTAL_EPOCHS},
	.whole_epochs = true,
	.one_process = true,
	.samples_cap = CONFIG_TRAIN_MAX_SAMPLES,
	.samples_prompts = true,
	.own_sections = own_sections,
	.measure_epoch = trainjob_measure_whole_batches,
	.count_steps = trainjob_count_epochs,
	.say_updates = trainjob_say_whole_batches,
	.epochs_wanted = "a whole number above 0",
};
