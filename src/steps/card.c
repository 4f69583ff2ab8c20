/*
 * card.c
 *	  The list of hyperparameters in a Hugging Face model card; diffusers' scripts.
 *
 *		L = up(up(N / b) / W)		U = up(L / ga)		T = up(E x U)
 *
 * train_batch_size is that of one process there.  A card leaves out an
 * accumulation of 1, and tells the processes by num_devices.
 * Sources: huggingface/transformers src/transformers/modelcard.py,
 * extract_hyperparameters_from_trainer; huggingface/diffusers
 * examples/text_to_image/train_text_to_image.py.
 */
#include "postgres.h"

#include "steps/dialect.h"

static const ConfigKey companions[] = {CONFIG_EVAL_BATCH_SIZE,
									   CONFIG_TOTAL_TRAIN_BATCH_SIZE,
									   CONFIG_NUM_TRAIN_EPOCHS, CONFIG_NONE};

static bool
recognises(const JobConfig *config)
{
	return trainjob_config_given(config, CONFIG_TRAIN_BATCH_SIZE) &&
		   !trainjob_config_given(config, CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE) &&
		   trainjob_first_given(config, companions) != CONFIG_NONE;
}

const Dialect trainjob_card = {
	.name = "card",
	.recognises = recognises,
	.batch = {CONFIG_TRAIN_BATCH_SIZE},
	.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
	.default_accumulation = 1,
	.epochs = {CONFIG_NUM_EPOCHS, CONFIG_NUM_TRAIN_EPOCHS},
	.epoch_proves_updates = true,
	.measure_epoch = trainjob_measure_hf_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = trainjob_plan_hf_evaluation,
	.drops_last = trainjob_hf_drops_last,
	.say_updates = trainjob_say_hf_updates,
	.epochs_wanted = "a number above 0",
};
