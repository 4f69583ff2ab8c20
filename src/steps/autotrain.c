/*
 * autotrain.c
 *	  AutoTrain Advanced, which runs Hugging Face's Trainer.
 *
 *		L = up(up(N / b) / W)		U = up(L / ga)		T = up(E x U)
 *
 * Its defaults depend on the task, so that b and E must be given.
 * Source: huggingface/autotrain-advanced@b5c98fb src/autotrain/trainers/clm/utils.py.
 */
#include "postgres.h"

#include "steps/dialect.h"

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_GRADIENT_ACCUMULATION) &&
		   trainjob_config_given(config, CONFIG_EPOCHS) &&
		   !trainjob_has_hf_key(config);
}

const Dialect trainjob_autotrain = {
	.name = "autotrain",
	.recognises = recognises,
	.batch = {CONFIG_BATCH_SIZE},
	.accumulation = CONFIG_GRADIENT_ACCUMULATION,
	.epochs = {CONFIG_EPOCHS},
	.epoch_proves_updates = true,
	.measure_epoch = trainjob_measure_hf_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = trainjob_plan_hf_evaluation,
	.drops_last = trainjob_hf_drops_last,
	.say_updates = trainjob_say_hf_updates,
	.epochs_wanted = "a number above 0",
};
