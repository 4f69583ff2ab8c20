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

const Dialect trainjob_openrlhf = {
	.name = "openrlhf",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE, CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_NONE,
	.default_accumulation = 1,
	.epochs = {CONFIG_MAX_EPOCHS},
	.one_process = true,
	.own_keys = own_keys,
	.measure_epoch = trainjob_measure_whole_batches,
	.count_steps = trainjob_count_epochs,
	.say_updates = trainjob_say_whole_batches,
	.epochs_wanted = "a number above 0",
};
