/*
 * service.c
 *	  Fine-tuning services that decide the batch themselves.
 *
 * Their steps are not known, unless they are stated: Mistral's training_steps.
 * Sources: the API references of Vertex AI (TuningJob.hyperParameters:
 * epochCount, adapterSize), Amazon Bedrock (hyperParameters.epochCount),
 * Mistral (hyperparameters.fim_ratio) and Together (n_checkpoints, n_evals;
 * its batches are of packed samples).  Section 7n of doc/steps.md.
 */
#include "postgres.h"

#include "steps/dialect.h"

static const ConfigKey marks[] = {CONFIG_EPOCH_COUNT, CONFIG_ADAPTER_SIZE,
								  CONFIG_FIM_RATIO,	  CONFIG_N_CHECKPOINTS,
								  CONFIG_N_EVALS,	  CONFIG_NONE};

/* A mark of a service makes the total unknown. */
static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	trainjob_give_reason(plan, REASON_NO_RULE,
						 trainjob_first_given(config, marks));
}

/* Never comes to that. */
static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
}

static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
}

const Dialect trainjob_service = {
	.name = "service",
	.marks = {CONFIG_EPOCH_COUNT, CONFIG_ADAPTER_SIZE, CONFIG_FIM_RATIO,
			  CONFIG_N_CHECKPOINTS, CONFIG_N_EVALS},
	.batch = {CONFIG_BATCH_SIZE},
	.default_batch = 1,
	.accumulation = CONFIG_NONE,
	.epochs = {CONFIG_N_EPOCHS, CONFIG_EPOCHS},
	.default_epochs = 1,
	.one_process = true,
	.read_accumulation = read_accumulation,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.epochs_wanted = "a number above 0",
};
