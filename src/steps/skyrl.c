/*
 * skyrl.c
 *	  SkyRL: reinforcement learning.
 *
 *		U = down(N / b)		T = E x U, at most max_training_steps
 *
 * b is the whole batch of prompts, trainer.train_batch_size.
 * Source: NovaSky-AI/SkyRL@a956457 skyrl/train/trainer.py, total_training_steps,
 * over a dataloader that drops the last batch; fully_async_trainer.py counts
 * alike, and trains train_batch_size = policy_mini_batch_size.
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

const Dialect trainjob_skyrl = {
	.name = "skyrl",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_EPOCHS},
	.whole_epochs = true,
	.one_process = true,
	.ceiling = CONFIG_MAX_TRAINING_STEPS,
	.samples_prompts = true,
	.own_keys = own_keys,
	.own_sections = own_sections,
	.measure_epoch = trainjob_measure_whole_batches,
	.count_steps = trainjob_count_capped,
	.say_updates = trainjob_say_whole_batches,
	.epochs_wanted = "a whole number above 0",
};
