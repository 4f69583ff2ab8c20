/*
 * steps.c
 *	  How many steps a job will run.
 *
 * All of this is arithmetic on a JobConfig and counts.  An input that makes no
 * sense gives -1, unknown, with a reason; nothing here raises an error.  The
 * divisors are applied one after the other, which gives the same as dividing
 * by their product, and cannot overflow.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "utils/float.h"
#include "utils/guc.h"

#include "steps/dialect.h"

typedef enum SamplesBasisSetting
{
	SAMPLES_BASIS_TRAIN,
	SAMPLES_BASIS_TOTAL
} SamplesBasisSetting;

/* In the order in which they are recognised; what is none is baseline. */
static const Dialect *const dialects[] = {
	&trainjob_service,	 &trainjob_openai,	  &trainjob_verl,
	&trainjob_skyrl,	 &trainjob_openrlhf,  &trainjob_lightning,
	&trainjob_torchtune, &trainjob_litgpt,	  &trainjob_megatron,
	&trainjob_axolotl,	 &trainjob_deepspeed, &trainjob_card,
	&trainjob_grpo,		 &trainjob_ppo,		  &trainjob_hf,
	&trainjob_h2o,		 &trainjob_autotrain, &trainjob_mlx};

/*
 * Keys that state the whole total (section 5).  They are those of the trainers
 * named: *_no_trainer examples and diffusers (max_train_steps), Megatron-LM
 * (train_iters), model cards and Mistral (training_steps), verl
 * (total_training_steps), MLX-LM (iters).
 */
const ConfigKey trainjob_total_keys[] = {CONFIG_TOTAL_STEPS,
										 CONFIG_MAX_STEPS,
										 CONFIG_MAX_TRAIN_STEPS,
										 CONFIG_TRAIN_ITERS,
										 CONFIG_TRAINING_STEPS,
										 CONFIG_TOTAL_TRAINING_STEPS,
										 CONFIG_TOTAL_TRAIN_STEPS,
										 CONFIG_NUM_TRAINING_STEPS,
										 CONFIG_NUM_TRAIN_STEPS,
										 CONFIG_MAX_TRAINING_STEPS,
										 CONFIG_TRAIN_STEPS,
										 CONFIG_ITERS,
										 CONFIG_NONE};

/*
 * Of several that are given the largest counts (section 4): accelerate's
 * num_processes, a model card's num_devices, LLaMA-Factory's ray_num_workers.
 */
static const ConfigKey world_keys[] = {
	CONFIG_WORLD_SIZE,	   CONFIG_NUM_GPUS,	 CONFIG_N_GPU,
	CONFIG_NUM_PROCESSES,  CONFIG_GPU_COUNT, CONFIG_NUM_DEVICES,
	CONFIG_RAY_NUM_WORKERS};

/* Processes of a node, and nodes: torchrun's, verl's, accelerate's names. */
static const ConfigKey node_processes_keys[] = {CONFIG_NPROC_PER_NODE,
												CONFIG_N_GPUS_PER_NODE,
												CONFIG_NUM_GPUS_PER_NODE,
												CONFIG_GPUS_PER_NODE,
												CONFIG_NONE};
static const ConfigKey nodes_keys[] = {CONFIG_NNODES, CONFIG_NUM_NODES,
									   CONFIG_NUM_MACHINES, CONFIG_NONE};

/* What the trainer takes off a data set by itself (section 1). */
static const ConfigKey split_keys[] = {CONFIG_VAL_SIZE, CONFIG_VAL_SET_SIZE,
									   CONFIG_SPLIT_DATASET_RATIO,
									   CONFIG_VAL_SPLIT_FRACTION, CONFIG_NONE};

/* Above 1, these make several processes work on one batch (section 4). */
static const ConfigKey sharing_keys[] = {CONFIG_TENSOR_PARALLEL_SIZE,
										 CONFIG_TP_SIZE,
										 CONFIG_TENSOR_PARALLEL_DIM,
										 CONFIG_CONTEXT_PARALLEL_SIZE,
										 CONFIG_CP_SIZE,
										 CONFIG_CONTEXT_PARALLEL_DIM,
										 CONFIG_SEQUENCE_PARALLEL_SIZE,
										 CONFIG_SEQUENCE_PARALLEL_DEGREE,
										 CONFIG_SP_SIZE,
										 CONFIG_PIPELINE_PARALLEL_SIZE};

/* On, these make an epoch longer or shorter than N samples (section 6). */
static const ConfigKey packing_keys[] = {CONFIG_PACKING, CONFIG_SAMPLE_PACKING,
										 CONFIG_NEAT_PACKING, CONFIG_PACKED};
static const ConfigKey streaming_keys[] = {CONFIG_STREAMING,
										   CONFIG_USE_STREAMING};

/* Methods whose samplers repeat prompts, and the keys that name a method. */
static const char *const sampling_methods[] = {"ppo", "rlhf", "grpo", "rloo",
											   "ebft"};
static const ConfigKey method_keys[] = {
	CONFIG_METHOD,	  CONFIG_TRAINING_METHOD, CONFIG_RL,
	CONFIG_RLHF_TYPE, CONFIG_TRAINER_TYPE,	  CONFIG_STAGE};

/* Keys that only such samplers have. */
static const ConfigKey sampler_keys[] = {CONFIG_NUM_GENERATIONS,
										 CONFIG_GENERATION_BATCH_SIZE,
										 CONFIG_STEPS_PER_GENERATION,
										 CONFIG_REWARD_FUNCS,
										 CONFIG_TOTAL_EPISODES};

static int samples_basis = SAMPLES_BASIS_TRAIN;

static const struct config_enum_entry samples_basis_options[] = {
	{"train", SAMPLES_BASIS_TRAIN, false},
	{"total", SAMPLES_BASIS_TOTAL, false},
	{NULL, 0, false}};

/* ----------
 * Reading W and E (section 4)
 * ----------
 */

/*
 * tp_size of transformers 4.50 and 4.51 has the default 0, which means that
 * there is no tensor parallel.
 */
static bool
is_switched_off(const JobConfig *config, ConfigKey key)
{
	ConfigNumber number;

	return key == CONFIG_TP_SIZE &&
		   trainjob_config_number(config, key, &number) && number.sign == 0;
}

/*
 * Where several processes work on one batch, W is what is left of them, if the
 * dialect says so of the key.
 */
static void
share_world(const JobConfig *config, StepPlan *plan)
{
	for (int i = 0; i < lengthof(sharing_keys); i++)
	{
		ConfigKey key = sharing_keys[i];
		int64 processes;

		if (!trainjob_config_given(config, key) || is_switched_off(config, key))
			continue;
		processes = trainjob_config_count(config, key);
		if (processes == 1)
			continue;
		if (processes > 1 &&
			trainjob_is_among(plan->dialect->divides_world, key))
			plan->world.value /= processes;
		else
			plan->world.value = -1;
		if (plan->world.value < 1)
		{
			plan->world.value = -1;
			trainjob_give_reason(plan,
								 processes < 0 ? REASON_UNUSABLE
											   : REASON_WORLD_SHARED,
								 key);
			return;
		}
	}
}

bool
trainjob_world_by_node(const JobConfig *config)
{
	return trainjob_first_given(config, node_processes_keys) != CONFIG_NONE;
}

/* A count of processes; false, with the reason, where it is unusable. */
static bool
take_processes(const JobConfig *config, StepPlan *plan, ConfigKey key,
			   int64 *processes)
{
	*processes = trainjob_config_count(config, key);
	if (*processes > 0)
		return true;
	plan->world = (StepFactor){-1, key};
	trainjob_give_reason(plan, REASON_UNUSABLE, key);
	return false;
}

static void
take_larger_world(StepPlan *plan, int64 processes, ConfigKey key)
{
	if (plan->world.key == CONFIG_NONE || processes > plan->world.value)
		plan->world = (StepFactor){processes, key};
}

/* Processes of a node x nodes; false where one of them is unusable. */
static bool
read_world_by_node(const JobConfig *config, StepPlan *plan)
{
	ConfigKey key = trainjob_first_given(config, node_processes_keys);
	ConfigKey nodes_key = trainjob_first_given(config, nodes_keys);
	int64 processes;
	int64 nodes = 1;

	if (key == CONFIG_NONE)
		return true;
	if (!take_processes(config, plan, key, &processes) ||
		(nodes_key != CONFIG_NONE &&
		 !take_processes(config, plan, nodes_key, &nodes)))
		return false;
	take_larger_world(plan, processes * nodes, key);
	return true;
}

static void
read_world(const JobConfig *config, StepPlan *plan)
{
	plan->world = (StepFactor){1, CONFIG_NONE};
	if (plan->dialect->one_process)
		return;
	for (int i = 0; i < lengthof(world_keys); i++)
	{
		ConfigKey key = world_keys[i];
		int64 processes;

		if (!trainjob_config_given(config, key))
			continue;
		if (!take_processes(config, plan, key, &processes))
			return;
		take_larger_world(plan, processes, key);
	}
	if (!read_world_by_node(config, plan))
		return;
	if (plan->world.key == CONFIG_NONE && plan->dialect->read_devices != NULL)
		plan->dialect->read_devices(config, plan);
	if (plan->world.value > 1)
		share_world(config, plan);
}

/* E, and for lightning whether there is any (section 7e). */
static void
read_epochs(const JobConfig *config, StepPlan *plan)
{
	const Dialect *dialect = plan->dialect;
	ConfigKey key = trainjob_first_given(config, dialect->epochs);
	ConfigNumber number;

	plan->epochs_key = key;
	if (key == CONFIG_NONE)
	{
		if (dialect->ceiling_ends_run &&
			trainjob_step_ceiling(config, dialect) != 0)
			plan->is_unlimited = true;
		else if (dialect->default_epochs > 0)
		{
			plan->num_epochs = dialect->default_epochs;
			if (plan->num_epochs == floor(plan->num_epochs))
				plan->whole_epochs = (int64) plan->num_epochs;
		}
		else
			trainjob_give_reason(plan, REASON_MISSING, dialect->epochs[0]);
		return;
	}
	if (!trainjob_config_number(config, key, &number))
		trainjob_give_reason(plan, REASON_UNUSABLE, key);
	else if (dialect->ceiling_ends_run && number.is_whole && number.whole == -1)
		plan->is_unlimited = true;
	else if (number.sign <= 0 || (dialect->whole_epochs && !number.is_whole))
		trainjob_give_reason(plan, REASON_UNUSABLE, key);
	else if (!number.fits)
		trainjob_give_reason(plan, REASON_TOO_LARGE, key);
	else
	{
		plan->num_epochs = number.value;
		if (number.is_whole)
			plan->whole_epochs = number.whole;
	}
	if (plan->is_unlimited && trainjob_step_ceiling(config, dialect) == 0)
		trainjob_give_reason(plan, REASON_NO_LIMIT, key);
}

/* ----------
 * What an epoch holds (sections 1 and 6)
 * ----------
 */

static void
choose_samples(const SampleCounts *counts, StepPlan *plan)
{
	plan->val_samples = counts->val >= 0 ? counts->val : -1;
	if (samples_basis == SAMPLES_BASIS_TOTAL && counts->total > 0)
	{
		plan->basis = BASIS_TOTAL;
		plan->samples = counts->total;
	}
	else if (counts->train > 0)
	{
		plan->basis = BASIS_TRAIN;
		plan->samples = counts->train;
	}
	else if (counts->total > 0 && counts->val >= 0)
	{
		plan->basis = BASIS_TOTAL_LESS_VAL;
		if (counts->total > counts->val)
			plan->samples = counts->total - counts->val;
	}
	else if (counts->total > 0)
	{
		plan->basis = BASIS_TOTAL;
		plan->samples = counts->total;
	}
}

/*
 * How many samples a split takes, or -1.  datasets' train_test_split() rounds a
 * share up (LLaMA-Factory's val_size, axolotl's val_set_size); torch's
 * random_split() rounds it down (LitGPT's val_split_fraction), like ms-swift,
 * which takes one at least (split_dataset_ratio).  1 may be a share or a count.
 */
static int64
taken_by_split(ConfigKey key, const ConfigNumber *split, int64 samples)
{
	double share = (double) samples * split->value;

	if (!split->fits || (split->is_whole && split->whole == 1))
		return -1;
	if (key == CONFIG_SPLIT_DATASET_RATIO || key == CONFIG_VAL_SPLIT_FRACTION)
	{
		if (split->whole > 0)
			return -1;
		return Max((int64) share, key == CONFIG_SPLIT_DATASET_RATIO ? 1 : 0);
	}
	return split->whole > 0 ? split->whole : (int64) ceil(share);
}

/* Whether LLaMA-Factory's max_samples leaves out some of the samples. */
static bool
is_capped(const JobConfig *config, int64 samples)
{
	ConfigNumber cap;

	return samples > 0 &&
		   trainjob_config_number(config, CONFIG_MAX_SAMPLES, &cap) &&
		   cap.sign > 0 && cap.fits && cap.whole < samples;
}

/* The split that the trainer makes where nobody else did. */
static void
take_off_split(const JobConfig *config, StepPlan *plan)
{
	ConfigKey key = trainjob_first_given(config, split_keys);
	ConfigNumber split;
	int64 taken;

	if (plan->basis != BASIS_TOTAL || samples_basis == SAMPLES_BASIS_TOTAL ||
		plan->dialect->one_process || key == CONFIG_NONE ||
		!trainjob_config_number(config, key, &split) || split.sign <= 0 ||
		is_capped(config, plan->samples)) /* which comes before the split */
		return;
	taken = taken_by_split(key, &split, plan->samples);
	plan->basis = BASIS_TOTAL_LESS_SPLIT;
	if (taken < 0)
		trainjob_give_reason(plan, REASON_NO_RULE, key);
	else if (taken >= plan->samples)
		trainjob_give_reason(plan, REASON_ALL_SPLIT, key);
	plan->samples =
		taken >= 0 && taken < plan->samples ? plan->samples - taken : -1;
}

/*
 * What caps N: max_train_samples of the examples of transformers and diffusers;
 * verl's train_max_samples, where -1 and 0 are none.
 */
static ConfigKey
cap_key(const JobConfig *config, const Dialect *dialect)
{
	ConfigNumber number;

	if (dialect->samples_cap == CONFIG_NONE)
		return dialect->one_process ? CONFIG_NONE : CONFIG_MAX_TRAIN_SAMPLES;
	return trainjob_config_number(config, dialect->samples_cap, &number) &&
				   number.sign <= 0
			   ? CONFIG_NONE
			   : dialect->samples_cap;
}

static void
cap_samples(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = cap_key(config, plan->dialect);
	int64 cap;

	if (key == CONFIG_NONE || !trainjob_config_given(config, key))
		return;
	cap = trainjob_config_count(config, key);
	if (cap < 0)
		trainjob_give_reason(plan, REASON_UNUSABLE, key);
	else if (cap < plan->samples)
	{
		plan->basis = BASIS_CAPPED;
		plan->samples = cap;
	}
}

static bool
names_sampling_method(const JobConfig *config, ConfigKey key)
{
	for (int i = 0; i < lengthof(sampling_methods); i++)
		if (trainjob_config_word(config, key, sampling_methods[i]))
			return true;
	return false;
}

/*
 * The key by which the sampler is seen to repeat samples, or to take them by
 * rules of its own; CONFIG_NONE where the dialect's rule is for that very
 * sampler, or where there is none.
 */
static ConfigKey
sampling_key(const JobConfig *config, const Dialect *dialect)
{
	if (dialect->samples_prompts)
		return CONFIG_NONE;
	for (int i = 0; i < lengthof(sampler_keys); i++)
		if (trainjob_config_given(config, sampler_keys[i]))
			return sampler_keys[i];
	for (int i = lengthof(method_keys) - 1; i >= 0; i--)
		if (names_sampling_method(config, method_keys[i]))
			return method_keys[i];
	/*
	 * TRL's classes of methods that train on given completions have both of
	 * these; ms-swift's class has the first for all methods, and names one.
	 */
	if (trainjob_config_given(config, CONFIG_MAX_COMPLETION_LENGTH) &&
		!trainjob_config_given(config, CONFIG_RLHF_TYPE) &&
		!trainjob_config_given(config, CONFIG_MAX_LENGTH))
		return CONFIG_MAX_COMPLETION_LENGTH;
	return CONFIG_NONE;
}

/* LLaMA-Factory ends with the shortest of several data sets, or repeats them. */
static bool
mixes_unevenly(const JobConfig *config)
{
	const ConfigKey key = CONFIG_MIX_STRATEGY;

	return trainjob_config_word(config, key, "interleave_under") ||
		   trainjob_config_word(config, key, "interleave_over");
}

/* global_batch_size says something new, and the dialect has no rule for it. */
static bool
has_other_batch(const JobConfig *config, const StepPlan *plan)
{
	const ConfigKey key = CONFIG_GLOBAL_BATCH_SIZE;
	const ConfigKey *own_keys = plan->dialect->own_keys;
	ConfigNumber number;

	return trainjob_config_given(config, key) &&
		   !(own_keys != NULL && trainjob_is_among(own_keys, key)) &&
		   !(trainjob_config_number(config, key, &number) &&
			 trainjob_is_whole_batch(plan, &number));
}

/* The key that makes an epoch of one sequence or stream, or CONFIG_NONE. */
static ConfigKey
packing_key(const JobConfig *config)
{
	if (trainjob_config_word(config, CONFIG_STAGE, "pt") &&
		!trainjob_config_given(config, CONFIG_PACKING))
		return CONFIG_STAGE;
	for (int i = lengthof(packing_keys) - 1; i >= 0; i--)
		if (trainjob_config_on(config, packing_keys[i]))
			return packing_keys[i];
	return CONFIG_NONE;
}

static ConfigKey
streaming_key(const JobConfig *config)
{
	if (trainjob_config_given(config, CONFIG_PRETRAINING_DATASET))
		return CONFIG_PRETRAINING_DATASET;
	for (int i = lengthof(streaming_keys) - 1; i >= 0; i--)
		if (trainjob_config_on(config, streaming_keys[i]))
			return streaming_keys[i];
	return CONFIG_NONE;
}

/*
 * Whether an epoch has N samples, as far as the configuration can tell; else
 * gives the reason.  Packing comes last, and is the reason only where there is
 * no other: a report can tell the total then, see trainjob_observed_total().
 */
static bool
epoch_is_samples(const JobConfig *config, StepPlan *plan)
{
	StepReason reason = REASON_STREAMED;
	ConfigKey key = streaming_key(config);

	if (key == CONFIG_NONE && mixes_unevenly(config))
	{
		reason = REASON_NO_RULE;
		key = CONFIG_MIX_STRATEGY;
	}
	if (key == CONFIG_NONE)
	{
		reason = REASON_SAMPLED;
		key = sampling_key(config, plan->dialect);
	}
	if (key == CONFIG_NONE && has_other_batch(config, plan))
	{
		reason = REASON_OTHER_BATCH;
		key = CONFIG_GLOBAL_BATCH_SIZE;
	}
	if (key == CONFIG_NONE && is_capped(config, plan->samples))
	{
		reason = REASON_CAPPED;
		key = CONFIG_MAX_SAMPLES;
	}
	if (key == CONFIG_NONE)
	{
		reason = REASON_PACKED;
		key = packing_key(config);
	}
	if (key == CONFIG_NONE)
		return true;
	trainjob_give_reason(plan, reason, key);
	return false;
}

/* ----------
 * The total (section 5)
 * ----------
 */

/* Takes what a key states for the total, which may be "beyond bigint". */
static void
state_total(StepPlan *plan, int64 total, ConfigKey key)
{
	plan->total_is_explicit = true;
	plan->total_key = key;
	plan->total_steps = total >= 1 ? total : -1;
	if (total < 1)
	{
		plan->reason = REASON_TOO_LARGE;
		plan->reason_key = key;
	}
}

/* steps_per_epoch x E, where E is written down: the third candidate */
static bool
state_total_by_epochs(const JobConfig *config, StepPlan *plan)
{
	const Dialect *dialect = plan->dialect;
	ConfigKey key = trainjob_first_given(config, dialect->epochs);
	int64 updates = trainjob_config_count(config, CONFIG_STEPS_PER_EPOCH);
	int64 total = -1;
	int64 ceiling;
	ConfigNumber epochs;

	if (updates < 0 || key == CONFIG_NONE ||
		!trainjob_config_number(config, key, &epochs) || epochs.sign <= 0)
		return false;
	if (epochs.fits)
		total =
			trainjob_times_epochs(epochs.value,
								  epochs.is_whole ? epochs.whole : -1, updates);
	ceiling = trainjob_step_ceiling(config, dialect);
	if (ceiling > 0 && (total < 0 || ceiling < total))
		state_total(plan, ceiling, dialect->ceiling);
	else
		state_total(plan, total, CONFIG_STEPS_PER_EPOCH);
	/* lightning evaluates by its batches, which this does not tell */
	if (!dialect->ceiling_ends_run)
		set_epoch(plan,
				  plan->accumulation.value > 0
					  ? updates * plan->accumulation.value
					  : -1,
				  updates);
	return true;
}

/*
 * kohya-ss/sd-scripts computes max_train_steps anew where max_train_epochs is
 * given (train_network.py).
 */
static bool
is_overridden(const JobConfig *config, ConfigKey key)
{
	return key == CONFIG_MAX_TRAIN_STEPS &&
		   trainjob_config_given(config, CONFIG_MAX_TRAIN_EPOCHS);
}

/*
 * The total that the configuration states, if any (section 5); and lightning's
 * max_steps where epochs do not end the run, which needs no samples either.
 */
static bool
total_is_stated(const JobConfig *config, StepPlan *plan)
{
	const Dialect *dialect = plan->dialect;
	ConfigNumber number;

	for (const ConfigKey *key = trainjob_total_keys; *key != CONFIG_NONE; key++)
	{
		if (*key == dialect->ceiling ||
			!trainjob_config_number(config, *key, &number) ||
			number.sign <= 0 || is_overridden(config, *key))
			continue;
		state_total(plan, trainjob_whole_up(&number), *key);
		return true;
	}
	if (state_total_by_epochs(config, plan))
		return true;
	if (plan->is_unlimited && trainjob_step_ceiling(config, dialect) != 0)
	{
		state_total(plan, trainjob_step_ceiling(config, dialect),
					dialect->ceiling);
		return true;
	}
	return false;
}

/* ----------
 * The plan
 * ----------
 */

static const Dialect *
recognise_dialect(const JobConfig *config)
{
	for (int i = 0; i < lengthof(dialects); i++)
	{
		const Dialect *dialect = dialects[i];
		uint8 mark = dialect->null_marks ? CONFIG_SEEN : CONFIG_GIVEN;

		if (dialect->method_marks && config->has_method_object)
			return dialect;
		if (dialect->recognises != NULL && dialect->recognises(config))
			return dialect;
		for (const ConfigKey *key = dialect->marks; *key != CONFIG_NONE; key++)
			if (config->seen[*key] & mark)
				return dialect;
	}
	return &trainjob_baseline;
}

/* Whether an epoch's batches can be counted: all is known but E. */
static bool
read_factors(const JobConfig *config, StepPlan *plan)
{
	const Dialect *dialect = plan->dialect;
	bool is_known;

	trainjob_read_factor(config, plan, dialect->batch, dialect->default_batch,
						 &plan->batch);
	if (dialect->read_accumulation != NULL)
		dialect->read_accumulation(config, plan);
	else
		trainjob_read_accumulation(config, plan);
	read_world(config, plan);
	take_off_split(config, plan);
	cap_samples(config, plan);
	is_known = plan->reason == REASON_NONE;
	read_epochs(config, plan);
	is_known &= epoch_is_samples(config, plan);
	if (plan->samples < 1 && (dialect->needs_no_samples == NULL ||
							  !dialect->needs_no_samples(config)))
	{
		is_known = false;
		trainjob_give_reason(plan,
							 plan->basis == BASIS_TOTAL_LESS_VAL
								 ? REASON_NO_TRAIN_SAMPLES
								 : REASON_NO_SAMPLES,
							 CONFIG_NONE);
	}
	if (!is_known)
		return false;
	plan->unknown_key = trainjob_find_unknown(config, plan);
	if (plan->unknown_key == NULL)
		return true;
	trainjob_give_reason(plan, REASON_UNKNOWN_KEY, CONFIG_NONE);
	return false;
}

/*
 * The key that tells that nothing is trained, or CONFIG_NONE.  Transformers'
 * own class has do_train off and trains; LLaMA-Factory, known by its stage, does
 * as it says.
 */
static ConfigKey
untrained_key(const JobConfig *config)
{
	if (trainjob_config_on(config, CONFIG_DO_TRAIN))
		return CONFIG_NONE;
	if (trainjob_config_on(config, CONFIG_DO_PREDICT))
		return CONFIG_DO_PREDICT;
	if (!trainjob_config_given(config, CONFIG_STAGE))
		return CONFIG_NONE;
	if (trainjob_config_on(config, CONFIG_DO_EVAL))
		return CONFIG_DO_EVAL;
	return trainjob_config_given(config, CONFIG_DO_TRAIN) ? CONFIG_DO_TRAIN
														  : CONFIG_NONE;
}

void
trainjob_plan_steps(const JobConfig *config, const SampleCounts *counts,
					StepPlan *plan)
{
	const Dialect *dialect = recognise_dialect(config);
	ConfigKey untrained = untrained_key(config);
	bool is_known;

	*plan = (StepPlan){.dialect = dialect,
					   .samples = -1,
					   .batch = {-1, CONFIG_NONE},
					   .accumulation = {-1, CONFIG_NONE},
					   .world = {-1, CONFIG_NONE},
					   .num_epochs = get_float8_nan(),
					   .whole_epochs = -1,
					   .batches_per_epoch = -1,
					   .updates_per_epoch = -1,
					   .total_steps = -1,
					   .eval_every_steps = -1,
					   .first_eval_step = -1};
	choose_samples(counts, plan);
	if (!config->is_readable)
	{
		trainjob_give_reason(plan, REASON_NOT_AN_OBJECT, CONFIG_NONE);
		return;
	}

	if (untrained != CONFIG_NONE)
	{
		trainjob_give_reason(plan, REASON_NOT_TRAINED, untrained);
		return;
	}
	is_known = read_factors(config, plan);

	/* U is of use for the first evaluation even where T or E is not known */
	if (is_known)
		dialect->measure_epoch(config, plan);
	if (!total_is_stated(config, plan) && plan->reason == REASON_NONE)
		dialect->count_steps(config, plan);
	trainjob_plan_evaluation(config, plan);
}

void
trainjob_plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	plan->eval_schedule = EVAL_UNKNOWN;
	plan->eval_every_steps = -1;
	plan->first_eval_step = -1;
	plan->eval_key = CONFIG_NONE;
	if (plan->val_samples == 0)
		plan->eval_schedule = EVAL_NONE;
	else if (config->is_readable && plan->dialect->plan_evaluation != NULL)
		plan->dialect->plan_evaluation(config, plan);
}

void
trainjob_steps_init(void)
{
	trainjob_baseline_init();

	/* trainers step over the training split; some count samples otherwise */
	DefineCustomEnumVariable(
		"trainjob.samples_basis",
		"Sets which number of samples the number of steps is computed from.",
		"train: the samples that are not used for validation. total: "
		"total_samples where it is known, else as train.",
		&samples_basis, SAMPLES_BASIS_TRAIN, samples_basis_options, PGC_USERSET,
		0, NULL, NULL, NULL);
}
