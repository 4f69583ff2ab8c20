/*
 * job_steps.c
 *	  How many steps a job will run, and when it first evaluates.
 *
 * A step is one optimizer update.  The rules, which differ between trainers,
 * are those of doc/steps.md; "section n" below is a section of it.  The letters
 * are the same, too:
 *
 *		N	samples of an epoch			b	samples per batch of one process
 *		W	processes					ga	batches per update
 *		L	batches of an epoch,		U	updates of an epoch
 *			of one process				T	updates of the run
 *		E	epochs
 *
 * All of this is arithmetic on a JobConfig and counts.  An input that makes no
 * sense gives -1, unknown, with a reason; nothing here raises an error.  The
 * divisors are applied one after the other, which gives the same as dividing
 * by their product, and cannot overflow.
 *
 * A dialect is a trainer's way of counting.  Its entry in "dialects" says by
 * which keys it is recognised, how it spells b, ga and E, and which functions
 * count for it.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "common/int.h"
#include "utils/float.h"
#include "utils/guc.h"

#include "trainjob.h"

/* How many spellings a quantity has, and marks a dialect, with a CONFIG_NONE */
#define SPELLINGS_MAX 5

/* The first number that a double and a bigint may disagree on */
#define DOUBLE_EXACT_MAX 9007199254740992.0

/* 2^63: the first double beyond bigint */
#define BIGINT_END 9223372036854775808.0

typedef enum SamplesBasisSetting
{
	SAMPLES_BASIS_TRAIN,
	SAMPLES_BASIS_TOTAL
} SamplesBasisSetting;

typedef struct DialectRules
{
	const char *name;
	ConfigKey marks[SPELLINGS_MAX]; /* any of them tells the dialect */
	bool null_marks;				/* a mark counts even as null */
	bool method_marks;				/* so does an object at method.<kind> */
	ConfigKey batch[SPELLINGS_MAX];
	int default_batch;		/* 0: none */
	ConfigKey accumulation; /* CONFIG_NONE: has none, 1 */
	int default_accumulation;
	ConfigKey epochs[SPELLINGS_MAX];
	double default_epochs;	   /* 0: none */
	bool whole_epochs;		   /* no fraction of an epoch */
	bool one_process;		   /* world size plays no part */
	bool max_steps_is_ceiling; /* and not a number of steps to run */
	void (*read_accumulation)(const JobConfig *config, StepPlan *plan);
	void (*measure_epoch)(const JobConfig *config, StepPlan *plan);
	void (*count_steps)(const JobConfig *config, StepPlan *plan);
	void (*plan_evaluation)(const JobConfig *config, StepPlan *plan);
} DialectRules;

static void read_accumulation(const JobConfig *config, StepPlan *plan);
static void read_axolotl_accumulation(const JobConfig *config, StepPlan *plan);
static void measure_hf_epoch(const JobConfig *config, StepPlan *plan);
static void measure_axolotl_epoch(const JobConfig *config, StepPlan *plan);
static void measure_torchtune_epoch(const JobConfig *config, StepPlan *plan);
static void measure_lightning_epoch(const JobConfig *config, StepPlan *plan);
static void measure_openai_epoch(const JobConfig *config, StepPlan *plan);
static void count_epochs(const JobConfig *config, StepPlan *plan);
static void count_axolotl_run(const JobConfig *config, StepPlan *plan);
static void count_below_ceiling(const JobConfig *config, StepPlan *plan);
static void plan_hf_evaluation(const JobConfig *config, StepPlan *plan);
static void plan_axolotl_evaluation(const JobConfig *config, StepPlan *plan);
static void plan_torchtune_evaluation(const JobConfig *config, StepPlan *plan);
static void plan_lightning_evaluation(const JobConfig *config, StepPlan *plan);
static void plan_no_evaluation(const JobConfig *config, StepPlan *plan);

/*
 * The dialects with their keys and defaults (sections 3 and 4), in the order in
 * which they are recognised; the last one is what is left.  The settings
 * trainjob.default_* write the defaults of the baseline dialect into it.
 */
static DialectRules dialects[DIALECT_COUNT] = {
	[DIALECT_OPENAI] =
		{
			.name = "openai",
			.marks = {CONFIG_N_EPOCHS, CONFIG_LEARNING_RATE_MULTIPLIER},
			.method_marks = true,
			.batch = {CONFIG_BATCH_SIZE},
			.accumulation = CONFIG_NONE,
			.default_accumulation = 1,
			.epochs = {CONFIG_N_EPOCHS},
			.whole_epochs = true,
			.one_process = true,
			.read_accumulation = read_accumulation,
			.measure_epoch = measure_openai_epoch,
			.count_steps = count_epochs,
			.plan_evaluation = plan_no_evaluation,
		},
	[DIALECT_LIGHTNING] =
		{
			.name = "lightning",
			.marks = {CONFIG_MAX_EPOCHS, CONFIG_ACCUMULATE_GRAD_BATCHES,
					  CONFIG_LIMIT_TRAIN_BATCHES},
			.batch = {CONFIG_BATCH_SIZE},
			.accumulation = CONFIG_ACCUMULATE_GRAD_BATCHES,
			.default_accumulation = 1,
			.epochs = {CONFIG_MAX_EPOCHS},
			.default_epochs = 1000,
			.whole_epochs = true,
			.max_steps_is_ceiling = true,
			.read_accumulation = read_accumulation,
			.measure_epoch = measure_lightning_epoch,
			.count_steps = count_below_ceiling,
			.plan_evaluation = plan_lightning_evaluation,
		},
	[DIALECT_TORCHTUNE] =
		{
			.name = "torchtune",
			.marks = {CONFIG_MAX_STEPS_PER_EPOCH},
			.null_marks = true,
			.batch = {CONFIG_BATCH_SIZE},
			.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
			.default_accumulation = 1,
			.epochs = {CONFIG_EPOCHS},
			.whole_epochs = true,
			.read_accumulation = read_accumulation,
			.measure_epoch = measure_torchtune_epoch,
			.count_steps = count_epochs,
			.plan_evaluation = plan_torchtune_evaluation,
		},
	[DIALECT_AXOLOTL] =
		{
			.name = "axolotl",
			.marks = {CONFIG_MICRO_BATCH_SIZE, CONFIG_VAL_SET_SIZE,
					  CONFIG_EVALS_PER_EPOCH, CONFIG_SAMPLE_PACKING},
			.batch = {CONFIG_MICRO_BATCH_SIZE},
			.default_batch = 1,
			.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
			.epochs = {CONFIG_NUM_EPOCHS},
			.default_epochs = 1,
			.read_accumulation = read_axolotl_accumulation,
			.measure_epoch = measure_axolotl_epoch,
			.count_steps = count_axolotl_run,
			.plan_evaluation = plan_axolotl_evaluation,
		},
	[DIALECT_HF] =
		{
			.name = "hf",
			.marks = {CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE,
					  CONFIG_NUM_TRAIN_EPOCHS},
			.batch = {CONFIG_PER_DEVICE_TRAIN_BATCH_SIZE, CONFIG_BATCH_SIZE},
			.default_batch = 8,
			.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
			.default_accumulation = 1,
			.epochs = {CONFIG_NUM_TRAIN_EPOCHS, CONFIG_NUM_EPOCHS,
					   CONFIG_EPOCHS},
			.default_epochs = 3,
			.read_accumulation = read_accumulation,
			.measure_epoch = measure_hf_epoch,
			.count_steps = count_epochs,
			.plan_evaluation = plan_hf_evaluation,
		},
	[DIALECT_BASELINE] = {
		.name = "baseline",
		.batch = {CONFIG_BATCH_SIZE},
		.default_batch = 4,
		.accumulation = CONFIG_GRADIENT_ACCUMULATION_STEPS,
		.default_accumulation = 8,
		.epochs = {CONFIG_NUM_EPOCHS, CONFIG_EPOCHS},
		.default_epochs = 3,
		.read_accumulation = read_accumulation,
		.measure_epoch = measure_hf_epoch,
		.count_steps = count_epochs,
		.plan_evaluation = plan_hf_evaluation,
	}};

/* Of several that are given the largest counts (section 4). */
static const ConfigKey world_keys[] = {CONFIG_WORLD_SIZE, CONFIG_NUM_GPUS,
									   CONFIG_N_GPU};

/* Above 1, these make several processes work on one batch (section 4). */
static const ConfigKey sharing_keys[] = {CONFIG_TENSOR_PARALLEL_SIZE,
										 CONFIG_TP_SIZE,
										 CONFIG_TENSOR_PARALLEL_DIM,
										 CONFIG_CONTEXT_PARALLEL_SIZE,
										 CONFIG_CP_SIZE,
										 CONFIG_CONTEXT_PARALLEL_DIM,
										 CONFIG_SEQUENCE_PARALLEL_SIZE,
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
static const ConfigKey method_keys[] = {CONFIG_METHOD, CONFIG_TRAINING_METHOD,
										CONFIG_RL};

static int samples_basis = SAMPLES_BASIS_TRAIN;

static const struct config_enum_entry samples_basis_options[] = {
	{"train", SAMPLES_BASIS_TRAIN, false},
	{"total", SAMPLES_BASIS_TOTAL, false},
	{NULL, 0, false}};

/* ----------
 * Arithmetic
 * ----------
 */

static int64
divide_up(int64 a, int64 b)
{
	return a / b + (a % b != 0);
}

/* up(E x U), or -1 when that is no bigint >= 1 (section 7b). */
static int64
times_epochs(double num_epochs, int64 whole_epochs, int64 updates)
{
	double product;
	int64 total;

	if (whole_epochs >= 0)
		return pg_mul_s64_overflow(whole_epochs, updates, &total) || total < 1
				   ? -1
				   : total;
	/* as trainers do: with all the error of a double */
	product = ceil(num_epochs * (double) updates);
	return product >= 1 && product < BIGINT_END ? (int64) product : -1;
}

/*
 * up(a x b / (c x d x e)) without loss, or -1 when that is no bigint.  The
 * product is kept in four 32 bit limbs, lowest first; a divisor of at most
 * 2^31 goes through them as in a division by hand.
 */
static int64
multiply_divide_up(uint64 a, uint64 b, const int64 *divisors, int ndivisors)
{
	uint64 limbs[4] = {0};

	for (int i = 0; i < 2; i++)
	{
		uint64 carry = 0;

		for (int j = 0; j < 2; j++)
		{
			carry += limbs[i + j] + ((uint32) (a >> (32 * i))) *
										(uint64) ((uint32) (b >> (32 * j)));
			limbs[i + j] = (uint32) carry;
			carry >>= 32;
		}
		limbs[i + 2] = carry;
	}
	for (int d = 0; d < ndivisors; d++)
	{
		uint64 rest = 0;

		Assert(divisors[d] >= 1 && divisors[d] <= PG_INT32_MAX);
		for (int i = 3; i >= 0; i--)
		{
			rest = rest << 32 | limbs[i];
			limbs[i] = rest / divisors[d];
			rest %= divisors[d];
		}
		for (int i = 0; rest != 0 && i < 4; i++) /* up */
		{
			limbs[i] = (uint32) (limbs[i] + 1);
			rest = limbs[i] == 0;
		}
	}
	if (limbs[3] != 0 || limbs[2] != 0 || limbs[1] > PG_INT32_MAX)
		return -1;
	return (int64) (limbs[1] << 32 | limbs[0]);
}

/* Whether a number is a share of something: above 0, and 1.0 at most. */
static bool
is_share(const ConfigNumber *number)
{
	return number->sign > 0 && number->fits &&
		   (number->whole == 0 || (number->whole == 1 && number->is_whole));
}

/* A share of a count, rounded down as a double is; all of it where 1.0. */
static int64
share_of(int64 count, double share)
{
	return share < 1 ? (int64) floor((double) count * share) : count;
}

/* A number > 0 rounded up; -1 when it is another, or beyond bigint. */
static int64
whole_up(const ConfigNumber *number)
{
	if (number->sign <= 0 || !number->fits ||
		(!number->is_whole && number->whole == PG_INT64_MAX))
		return -1;
	return number->whole + !number->is_whole;
}

/* ----------
 * Reading b, ga, W and E (section 4)
 * ----------
 */

/* The first reason counts. */
static void
give_reason(StepPlan *plan, StepReason reason, ConfigKey key)
{
	if (plan->reason != REASON_NONE)
		return;
	plan->reason = reason;
	plan->reason_key = key;
}

/* The first of some spellings that has a value, or CONFIG_NONE. */
static ConfigKey
first_given(const JobConfig *config, const ConfigKey *spellings)
{
	while (*spellings != CONFIG_NONE &&
		   !trainjob_config_given(config, *spellings))
		spellings++;
	return *spellings;
}

static void
read_factor(const JobConfig *config, StepPlan *plan, const ConfigKey *spellings,
			int default_value, StepFactor *factor)
{
	factor->key = first_given(config, spellings);
	if (factor->key != CONFIG_NONE)
	{
		factor->value = trainjob_config_count(config, factor->key);
		if (factor->value < 0)
			give_reason(plan, REASON_UNUSABLE, factor->key);
		return;
	}
	factor->value = default_value > 0 ? default_value : -1;
	if (factor->value < 0)
		give_reason(plan, REASON_MISSING, spellings[0]);
}

static void
read_accumulation(const JobConfig *config, StepPlan *plan)
{
	const DialectRules *rules = &dialects[plan->dialect];
	ConfigKey spellings[] = {rules->accumulation, CONFIG_NONE};

	read_factor(config, plan, spellings, rules->default_accumulation,
				&plan->accumulation);
}

/*
 * axolotl wants either the accumulation or batch_size, which is b x ga, and
 * refuses a configuration with both or neither (section 7c).
 */
static void
read_axolotl_accumulation(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = CONFIG_GRADIENT_ACCUMULATION_STEPS;
	int64 whole_batch;

	if (trainjob_config_given(config, key) &&
		trainjob_config_given(config, CONFIG_BATCH_SIZE))
	{
		plan->accumulation = (StepFactor){-1, key};
		give_reason(plan, REASON_BOTH_GIVEN, key);
		return;
	}
	if (!trainjob_config_given(config, CONFIG_BATCH_SIZE))
	{
		read_accumulation(config, plan);
		return;
	}
	plan->accumulation = (StepFactor){-1, CONFIG_BATCH_SIZE};
	whole_batch = trainjob_config_count(config, CONFIG_BATCH_SIZE);
	if (whole_batch < 0)
		give_reason(plan, REASON_UNUSABLE, CONFIG_BATCH_SIZE);
	else if (plan->batch.value > whole_batch)
		give_reason(plan, REASON_BATCH_TOO_SMALL, CONFIG_BATCH_SIZE);
	else if (plan->batch.value > 0)
		plan->accumulation.value = whole_batch / plan->batch.value;
}

/* Lightning's world: devices, a number or a list, on each of the nodes. */
static void
read_devices(const JobConfig *config, StepPlan *plan)
{
	int64 devices = 1;
	int64 nodes = 1;

	if (trainjob_config_given(config, CONFIG_DEVICES))
	{
		plan->world.key = CONFIG_DEVICES;
		devices = trainjob_config_length(config, CONFIG_DEVICES);
		if (devices < 0)
			devices = trainjob_config_count(config, CONFIG_DEVICES);
		if (devices < 1)
			give_reason(plan, REASON_UNUSABLE, CONFIG_DEVICES);
	}
	if (trainjob_config_given(config, CONFIG_NUM_NODES))
	{
		if (plan->world.key == CONFIG_NONE)
			plan->world.key = CONFIG_NUM_NODES;
		nodes = trainjob_config_count(config, CONFIG_NUM_NODES);
		if (nodes < 1)
			give_reason(plan, REASON_UNUSABLE, CONFIG_NUM_NODES);
	}
	plan->world.value = devices < 1 || nodes < 1 ? -1 : devices * nodes;
}

/*
 * Where several processes work on one batch, W is what is left of them.  Known
 * for axolotl's own two ways only.
 */
static void
share_world(const JobConfig *config, StepPlan *plan)
{
	for (int i = 0; i < lengthof(sharing_keys); i++)
	{
		ConfigKey key = sharing_keys[i];
		int64 processes;

		if (!trainjob_config_given(config, key))
			continue;
		processes = trainjob_config_count(config, key);
		if (processes == 1)
			continue;
		if (processes > 1 && plan->dialect == DIALECT_AXOLOTL &&
			(key == CONFIG_CONTEXT_PARALLEL_SIZE ||
			 key == CONFIG_TENSOR_PARALLEL_SIZE))
			plan->world.value /= processes;
		else
			plan->world.value = -1;
		if (plan->world.value < 1)
		{
			plan->world.value = -1;
			give_reason(plan,
						processes < 0 ? REASON_UNUSABLE : REASON_WORLD_SHARED,
						key);
			return;
		}
	}
}

static void
read_world(const JobConfig *config, StepPlan *plan)
{
	plan->world = (StepFactor){1, CONFIG_NONE};
	if (dialects[plan->dialect].one_process)
		return;
	for (int i = 0; i < lengthof(world_keys); i++)
	{
		ConfigKey key = world_keys[i];
		int64 processes;

		if (!trainjob_config_given(config, key))
			continue;
		processes = trainjob_config_count(config, key);
		if (processes < 0)
		{
			plan->world = (StepFactor){-1, key};
			give_reason(plan, REASON_UNUSABLE, key);
			return;
		}
		if (plan->world.key == CONFIG_NONE || processes > plan->world.value)
			plan->world = (StepFactor){processes, key};
	}
	if (plan->dialect == DIALECT_LIGHTNING && plan->world.key == CONFIG_NONE)
		read_devices(config, plan);
	if (plan->world.value > 1)
		share_world(config, plan);
}

/* Lightning's ceiling: 0 when there is none, -1 when it is beyond bigint. */
static int64
step_ceiling(const JobConfig *config)
{
	ConfigNumber number;

	if (!trainjob_config_number(config, CONFIG_MAX_STEPS, &number) ||
		number.sign <= 0)
		return 0;
	return whole_up(&number);
}

/* E, and for lightning whether there is any (section 7e). */
static void
read_epochs(const JobConfig *config, StepPlan *plan)
{
	const DialectRules *rules = &dialects[plan->dialect];
	ConfigKey key = first_given(config, rules->epochs);
	ConfigNumber number;

	plan->epochs_key = key;
	if (key == CONFIG_NONE)
	{
		if (rules->max_steps_is_ceiling && step_ceiling(config) != 0)
			plan->is_unlimited = true;
		else if (rules->default_epochs > 0)
		{
			plan->num_epochs = rules->default_epochs;
			if (plan->num_epochs == floor(plan->num_epochs))
				plan->whole_epochs = (int64) plan->num_epochs;
		}
		else
			give_reason(plan, REASON_MISSING, rules->epochs[0]);
		return;
	}
	if (!trainjob_config_number(config, key, &number))
		give_reason(plan, REASON_UNUSABLE, key);
	else if (rules->max_steps_is_ceiling && number.is_whole &&
			 number.whole == -1)
		plan->is_unlimited = true;
	else if (number.sign <= 0 || (rules->whole_epochs && !number.is_whole))
		give_reason(plan, REASON_UNUSABLE, key);
	else if (!number.fits)
		give_reason(plan, REASON_TOO_LARGE, key);
	else
	{
		plan->num_epochs = number.value;
		if (number.is_whole)
			plan->whole_epochs = number.whole;
	}
	if (plan->is_unlimited && step_ceiling(config) == 0)
		give_reason(plan, REASON_NO_LIMIT, key);
}

/* ----------
 * What an epoch holds (sections 1, 6 and 7)
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

static bool
names_sampling_method(const JobConfig *config, ConfigKey key)
{
	for (int i = 0; i < lengthof(sampling_methods); i++)
		if (trainjob_config_word(config, key, sampling_methods[i]))
			return true;
	return false;
}

/*
 * Whether an epoch has N samples, as far as the configuration can tell; else
 * gives the reason.  Packing comes last, and is the reason only where there is
 * no other: a report can tell the total then, see trainjob_observed_total().
 */
static bool
epoch_is_samples(const JobConfig *config, StepPlan *plan)
{
	StepReason reason = REASON_NONE;
	ConfigKey key = CONFIG_NONE;
	ConfigNumber cap;

	for (int i = 0; i < lengthof(packing_keys); i++)
		if (trainjob_config_on(config, packing_keys[i]))
		{
			reason = REASON_PACKED;
			key = packing_keys[i];
		}
	if (trainjob_config_word(config, CONFIG_STAGE, "pt") &&
		!trainjob_config_given(config, CONFIG_PACKING))
	{
		reason = REASON_PACKED;
		key = CONFIG_STAGE;
	}
	if (plan->samples > 0 &&
		trainjob_config_number(config, CONFIG_MAX_SAMPLES, &cap) &&
		cap.sign > 0 && cap.fits && cap.whole < plan->samples)
	{
		reason = REASON_CAPPED;
		key = CONFIG_MAX_SAMPLES;
	}
	if (trainjob_config_given(config, CONFIG_GLOBAL_BATCH_SIZE))
	{
		reason = REASON_OTHER_BATCH;
		key = CONFIG_GLOBAL_BATCH_SIZE;
	}
	for (int i = 0; i < lengthof(method_keys); i++)
		if (names_sampling_method(config, method_keys[i]))
		{
			reason = REASON_SAMPLED;
			key = method_keys[i];
		}
	if (trainjob_config_given(config, CONFIG_NUM_GENERATIONS))
	{
		reason = REASON_SAMPLED;
		key = CONFIG_NUM_GENERATIONS;
	}
	for (int i = 0; i < lengthof(streaming_keys); i++)
		if (trainjob_config_on(config, streaming_keys[i]))
		{
			reason = REASON_STREAMED;
			key = streaming_keys[i];
		}
	if (trainjob_config_given(config, CONFIG_PRETRAINING_DATASET))
	{
		reason = REASON_STREAMED;
		key = CONFIG_PRETRAINING_DATASET;
	}
	if (reason == REASON_NONE)
		return true;
	give_reason(plan, reason, key);
	return false;
}

static void
set_epoch(StepPlan *plan, int64 batches, int64 updates)
{
	plan->batches_per_epoch = batches;
	plan->updates_per_epoch = updates;
}

/* L of section 7a; 0 when no batch is left, -1 when b cannot be shared. */
static int64
hf_batches(const JobConfig *config, const StepPlan *plan)
{
	int64 n = plan->samples;
	int64 b = plan->batch.value;
	int64 w = plan->world.value;
	bool drop_last = trainjob_config_on(config, CONFIG_DATALOADER_DROP_LAST);

	if (w > 1 && trainjob_config_member_on(config, CONFIG_ACCELERATOR_CONFIG,
										   "split_batches"))
	{
		if (b % w != 0)
			return -1;
		return drop_last ? n / b : divide_up(n, b);
	}
	return drop_last ? n / b / w : divide_up(divide_up(n, b), w);
}

static void
measure_hf_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches = hf_batches(config, plan);

	if (batches > 0)
		set_epoch(plan, batches, divide_up(batches, plan->accumulation.value));
	else
		give_reason(plan,
					batches < 0 ? REASON_BATCH_NOT_SHARED : REASON_NO_STEP,
					CONFIG_NONE);
}

/* Only whether there is a batch: axolotl has no U (section 7c). */
static void
measure_axolotl_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches;

	if (!trainjob_config_on(config, CONFIG_DATALOADER_DROP_LAST))
		return;
	batches = hf_batches(config, plan);
	if (batches < 1)
		give_reason(plan,
					batches < 0 ? REASON_BATCH_NOT_SHARED : REASON_NO_STEP,
					CONFIG_NONE);
}

/* Section 7d: the sampler pads, then all is rounded down. */
static void
measure_torchtune_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches =
		divide_up(plan->samples, plan->world.value) / plan->batch.value;
	int64 updates = batches / plan->accumulation.value;
	int64 limit;

	if (trainjob_config_given(config, CONFIG_MAX_STEPS_PER_EPOCH))
	{
		limit = trainjob_config_count(config, CONFIG_MAX_STEPS_PER_EPOCH);
		if (limit < 0)
		{
			give_reason(plan, REASON_UNUSABLE, CONFIG_MAX_STEPS_PER_EPOCH);
			return;
		}
		updates = Min(updates, limit);
	}
	if (updates > 0)
		set_epoch(plan, batches, updates);
	else
		give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

/* Section 7e. */
static void
measure_lightning_epoch(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey limit_key = CONFIG_LIMIT_TRAIN_BATCHES;
	int64 samples = divide_up(plan->samples, plan->world.value);
	int64 batches;
	ConfigNumber limit;

	if (trainjob_config_on(config, CONFIG_DROP_LAST) ||
		trainjob_config_on(config, CONFIG_DATALOADER_DROP_LAST))
		batches = samples / plan->batch.value;
	else
		batches = divide_up(samples, plan->batch.value);
	if (trainjob_config_given(config, limit_key))
	{
		if (!trainjob_config_number(config, limit_key, &limit) ||
			limit.sign <= 0 || !limit.fits ||
			(limit.has_point && !is_share(&limit)))
		{
			give_reason(plan, REASON_UNUSABLE, limit_key);
			return;
		}
		batches = limit.has_point ? share_of(batches, limit.value)
								  : Min(batches, limit.whole);
	}
	if (batches > 0)
		set_epoch(plan, batches, divide_up(batches, plan->accumulation.value));
	else
		give_reason(plan, REASON_NO_STEP, CONFIG_NONE);
}

/* Section 7f. */
static void
measure_openai_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches = divide_up(plan->samples, plan->batch.value);

	set_epoch(plan, batches, batches);
}

/* ----------
 * The total
 * ----------
 */

/* Sets the total from samples; -1 is the sign that it is no bigint >= 1. */
static void
set_total(StepPlan *plan, int64 total)
{
	if (total >= 1)
		plan->total_steps = total;
	else
		give_reason(plan,
					plan->num_epochs < 1 ? REASON_TOO_SMALL : REASON_TOO_LARGE,
					CONFIG_NONE);
}

/* up(E x U): sections 7a, 7b, 7d, 7f */
static void
count_epochs(const JobConfig *config, StepPlan *plan)
{
	set_total(plan, times_epochs(plan->num_epochs, plan->whole_epochs,
								 plan->updates_per_epoch));
}

/* up(N x E / (B x W)): section 7c */
static void
count_axolotl_run(const JobConfig *config, StepPlan *plan)
{
	bool whole_batch = plan->accumulation.key == CONFIG_BATCH_SIZE;
	int64 divisors[3] = {plan->world.value, plan->batch.value,
						 plan->accumulation.value};
	double total;

	if (whole_batch) /* B is as written, not b x ga */
	{
		divisors[1] = trainjob_config_count(config, CONFIG_BATCH_SIZE);
		divisors[2] = 1;
	}
	if (plan->whole_epochs >= 0)
	{
		set_total(plan, multiply_divide_up(plan->samples, plan->whole_epochs,
										   divisors, lengthof(divisors)));
		return;
	}
	total = ceil(
		(double) plan->samples * plan->num_epochs /
		((double) divisors[1] * (double) divisors[2] * (double) divisors[0]));
	set_total(plan, total >= 1 && total < BIGINT_END ? (int64) total : -1);
}

/* min(U x E, max_steps): section 7e.  There is an epoch limit here. */
static void
count_below_ceiling(const JobConfig *config, StepPlan *plan)
{
	int64 total = times_epochs(plan->num_epochs, plan->whole_epochs,
							   plan->updates_per_epoch);
	int64 ceiling = step_ceiling(config);

	if (ceiling > 0 && (total < 0 || ceiling < total))
	{
		total = ceiling;
		plan->total_key = CONFIG_MAX_STEPS;
	}
	set_total(plan, total);
}

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
	const DialectRules *rules = &dialects[plan->dialect];
	ConfigKey key = first_given(config, rules->epochs);
	int64 updates = trainjob_config_count(config, CONFIG_STEPS_PER_EPOCH);
	int64 total = -1;
	int64 ceiling;
	ConfigNumber epochs;

	if (updates < 0 || key == CONFIG_NONE ||
		!trainjob_config_number(config, key, &epochs) || epochs.sign <= 0)
		return false;
	if (epochs.fits)
		total = times_epochs(epochs.value, epochs.is_whole ? epochs.whole : -1,
							 updates);
	ceiling = rules->max_steps_is_ceiling ? step_ceiling(config) : 0;
	if (ceiling > 0 && (total < 0 || ceiling < total))
		state_total(plan, ceiling, CONFIG_MAX_STEPS);
	else
		state_total(plan, total, CONFIG_STEPS_PER_EPOCH);
	/* lightning evaluates by its batches, which this does not tell */
	if (!rules->max_steps_is_ceiling)
		set_epoch(plan,
				  plan->accumulation.value > 0
					  ? updates * plan->accumulation.value
					  : -1,
				  updates);
	return true;
}

/*
 * The total that the configuration states, if any (section 5); and lightning's
 * max_steps where epochs do not end the run, which needs no samples either.
 */
static bool
total_is_stated(const JobConfig *config, StepPlan *plan)
{
	bool ceiling = dialects[plan->dialect].max_steps_is_ceiling;
	ConfigNumber number;

	if (trainjob_config_number(config, CONFIG_TOTAL_STEPS, &number) &&
		number.sign > 0)
	{
		state_total(plan, whole_up(&number), CONFIG_TOTAL_STEPS);
		return true;
	}
	if (!ceiling && trainjob_config_number(config, CONFIG_MAX_STEPS, &number) &&
		number.sign > 0)
	{
		state_total(plan, whole_up(&number), CONFIG_MAX_STEPS);
		return true;
	}
	if (state_total_by_epochs(config, plan))
		return true;
	if (plan->is_unlimited && step_ceiling(config) != 0)
	{
		state_total(plan, step_ceiling(config), CONFIG_MAX_STEPS);
		return true;
	}
	return false;
}

static TrainerDialect
recognise_dialect(const JobConfig *config)
{
	for (TrainerDialect d = 0; d < DIALECT_BASELINE; d++)
	{
		const DialectRules *rules = &dialects[d];
		uint8 mark = rules->null_marks ? CONFIG_SEEN : CONFIG_GIVEN;

		if (rules->method_marks && config->has_method_object)
			return d;
		for (const ConfigKey *key = rules->marks; *key != CONFIG_NONE; key++)
			if (config->seen[*key] & mark)
				return d;
	}
	return DIALECT_BASELINE;
}

void
trainjob_plan_steps(const JobConfig *config, const SampleCounts *counts,
					StepPlan *plan)
{
	const DialectRules *rules;
	bool is_known;

	*plan = (StepPlan){.dialect = recognise_dialect(config),
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
	rules = &dialects[plan->dialect];
	choose_samples(counts, plan);
	if (!config->is_readable)
	{
		give_reason(plan, REASON_NOT_AN_OBJECT, CONFIG_NONE);
		return;
	}

	read_factor(config, plan, rules->batch, rules->default_batch, &plan->batch);
	rules->read_accumulation(config, plan);
	read_world(config, plan);
	is_known = plan->reason == REASON_NONE;
	read_epochs(config, plan);
	is_known &= epoch_is_samples(config, plan);
	if (plan->samples < 1)
	{
		is_known = false;
		give_reason(plan,
					plan->basis == BASIS_TOTAL_LESS_VAL
						? REASON_NO_TRAIN_SAMPLES
						: REASON_NO_SAMPLES,
					CONFIG_NONE);
	}

	/* U is of use for the first evaluation even where T or E is not known */
	if (is_known)
		rules->measure_epoch(config, plan);
	if (!total_is_stated(config, plan) && plan->reason == REASON_NONE)
		rules->count_steps(config, plan);
	trainjob_plan_evaluation(config, plan);
}

/* ----------
 * Evaluation (section 8)
 * ----------
 */

/* The key that names the strategy; trainers before 4.41 call it otherwise. */
static ConfigKey
strategy_key(const JobConfig *config)
{
	static const ConfigKey spellings[] = {CONFIG_EVAL_STRATEGY,
										  CONFIG_EVALUATION_STRATEGY,
										  CONFIG_NONE};

	return first_given(config, spellings);
}

static bool
strategy_is(const JobConfig *config, const char *word)
{
	ConfigKey key = strategy_key(config);

	return key != CONFIG_NONE && trainjob_config_word(config, key, word);
}

/*
 * Steps between two evaluations that a value stands for: a whole number, or a
 * fraction of the total.  -1 unknown.
 */
static int64
steps_between(const ConfigNumber *number, int64 total)
{
	double steps;

	if (number->sign <= 0 || !number->fits)
		return -1;
	if (number->is_whole)
		return number->whole;
	if (number->whole > 0 || total < 1)
		return -1;
	steps = ceil((double) total * number->value);
	return steps >= 1 ? (int64) steps : -1;
}

/* An unusable value that hides when the run evaluates. */
static void
hide_evaluation(StepPlan *plan, ConfigKey key)
{
	plan->eval_schedule = EVAL_UNKNOWN;
	plan->eval_key = key;
}

/* Every so many steps, -1 unknown, because of the key. */
static void
evaluate_every(const JobConfig *config, StepPlan *plan, ConfigKey key)
{
	ConfigNumber number;

	if (!trainjob_config_number(config, key, &number))
	{
		hide_evaluation(plan,
						trainjob_config_given(config, key) ? key : CONFIG_NONE);
		return;
	}
	plan->eval_every_steps = steps_between(&number, plan->total_steps);
	if (plan->eval_every_steps > 0)
		plan->eval_schedule = EVAL_STEPS;
	else if (number.sign > 0 && number.fits && number.whole == 0)
		plan->eval_schedule = EVAL_UNKNOWN; /* a share of an unknown total */
	else
		hide_evaluation(plan, key);
}

/* eval_delay: true and the number, 0 when missing; false when unusable. */
static bool
read_delay(const JobConfig *config, StepPlan *plan, ConfigNumber *delay)
{
	*delay = (ConfigNumber){.fits = true, .is_whole = true};
	if (!trainjob_config_given(config, CONFIG_EVAL_DELAY) ||
		(trainjob_config_number(config, CONFIG_EVAL_DELAY, delay) &&
		 delay->sign >= 0))
		return true;
	plan->eval_key = CONFIG_EVAL_DELAY;
	return false;
}

/* The first multiple of s, from 1 and from the delay on, that is not above T */
static int64
first_multiple(const StepPlan *plan, const ConfigNumber *delay)
{
	int64 s = plan->eval_every_steps;
	int64 start = delay->sign == 0 ? 1 : whole_up(delay);
	int64 first;

	if (start < 0 || pg_mul_s64_overflow(divide_up(start, s), s, &first) ||
		(plan->total_steps > 0 && first > plan->total_steps))
		return -1;
	return first;
}

/*
 * The first end of an epoch, or of the run, whose epoch value is at least the
 * delay.  The run's end may lie within an epoch; its epoch value is counted in
 * batches.
 */
static int64
first_epoch_end(const StepPlan *plan, const ConfigNumber *delay)
{
	int64 u = plan->updates_per_epoch;
	int64 total = plan->total_steps;
	int64 k = delay->sign == 0 ? 1 : whole_up(delay);
	double end;

	if (u < 1 || total < 1)
		return -1;
	if (k > 0 && k <= total / u)
		return k * u;
	if (total % u == 0)
		return -1;
	if (delay->sign == 0)
		return total;
	/* where U is known, so are the batches of an epoch and the accumulation */
	end = (double) (total / u) + (double) (total % u) *
									 (double) plan->accumulation.value /
									 (double) plan->batches_per_epoch;
	return end >= delay->value ? total : -1;
}

/* hf and baseline */
static void
plan_hf_evaluation(const JobConfig *config, StepPlan *plan)
{
	ConfigNumber number;
	ConfigNumber delay;

	plan->eval_schedule = EVAL_NONE;
	if (strategy_key(config) == CONFIG_NONE)
	{
		plan->eval_schedule = EVAL_UNSAID;
		if (trainjob_config_number(config, CONFIG_EVAL_STEPS, &number))
			plan->eval_every_steps = steps_between(&number, plan->total_steps);
	}
	else if (strategy_is(config, "steps"))
		evaluate_every(config, plan,
					   !trainjob_config_given(config, CONFIG_EVAL_STEPS) ||
							   (trainjob_config_number(config,
													   CONFIG_EVAL_STEPS,
													   &number) &&
								number.sign == 0)
						   ? CONFIG_LOGGING_STEPS
						   : CONFIG_EVAL_STEPS);
	else if (strategy_is(config, "epoch"))
		plan->eval_schedule = EVAL_EPOCH;

	if (trainjob_config_on(config, CONFIG_EVAL_ON_START))
		plan->first_eval_step = 0;
	else if (plan->eval_schedule == EVAL_STEPS &&
			 read_delay(config, plan, &delay))
		plan->first_eval_step = first_multiple(plan, &delay);
	else if (plan->eval_schedule == EVAL_EPOCH &&
			 read_delay(config, plan, &delay))
		plan->first_eval_step = first_epoch_end(plan, &delay);
}

/* axolotl evaluates before step 1 whenever it evaluates at all. */
static void
plan_axolotl_evaluation(const JobConfig *config, StepPlan *plan)
{
	ConfigNumber number;
	double evals = 0;

	plan->eval_schedule = EVAL_NONE;
	if (plan->val_samples < 1 &&
		!(trainjob_config_number(config, CONFIG_VAL_SET_SIZE, &number) &&
		  number.sign > 0) &&
		trainjob_config_length(config, CONFIG_TEST_DATASETS) < 1)
		return;

	if (trainjob_config_number(config, CONFIG_EVALS_PER_EPOCH, &number) &&
		number.sign > 0 && 1 / (number.value * plan->num_epochs) < 1)
		evals = number.value;
	if (strategy_is(config, "epoch"))
		plan->eval_schedule = EVAL_EPOCH;
	else if (trainjob_config_number(config, CONFIG_EVAL_STEPS, &number) &&
			 number.sign > 0)
		evaluate_every(config, plan, CONFIG_EVAL_STEPS);
	else if (evals > 0)
		plan->eval_schedule = evals == 1 ? EVAL_EPOCH : EVAL_UNKNOWN;
	else if (strategy_is(config, "steps"))
		plan->eval_schedule = EVAL_UNKNOWN;
	if (plan->eval_schedule != EVAL_NONE)
		plan->first_eval_step = 0;
}

static void
plan_torchtune_evaluation(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey key = CONFIG_RUN_VAL_EVERY_N_STEPS;

	if (!trainjob_config_given(config, key))
	{
		plan->eval_schedule = EVAL_NONE;
		return;
	}
	plan->eval_every_steps = trainjob_config_count(config, key);
	if (plan->eval_every_steps < 0)
	{
		hide_evaluation(plan, key);
		return;
	}
	plan->eval_schedule = EVAL_STEPS;
	if (plan->total_steps < 0 || plan->eval_every_steps <= plan->total_steps)
		plan->first_eval_step = plan->eval_every_steps;
}

/*
 * The steps done when lightning has seen batch r of epoch e (both from 0 and 1
 * on, as in section 8), or -1 when the run does not get there, or that is not
 * known.
 */
static int64
lightning_step(const JobConfig *config, const StepPlan *plan, int64 e, int64 r)
{
	int64 u = plan->updates_per_epoch;
	int64 ga = plan->accumulation.value;
	bool is_endless = plan->is_unlimited && step_ceiling(config) == 0;

	if ((plan->total_steps < 1 && !is_endless) || e > PG_INT64_MAX / u - 1)
		return -1;
	if (plan->total_steps >= 1 && e * u + (r - 1) / ga >= plan->total_steps)
		return -1;
	return e * u + (r == plan->batches_per_epoch ? u : r / ga);
}

/* lightning counts batches, within an epoch or (null) across epochs. */
static void
plan_lightning_evaluation(const JobConfig *config, StepPlan *plan)
{
	const ConfigKey epochs_key = CONFIG_CHECK_VAL_EVERY_N_EPOCH;
	const ConfigKey batches_key = CONFIG_VAL_CHECK_INTERVAL;
	int64 batches = plan->batches_per_epoch;
	int64 every_epochs = 1; /* 0: counts across epochs */
	int64 every_batches;
	ConfigNumber number;
	ConfigNumber interval = {1, true, true, true, 1, 1};

	if (trainjob_config_number(config, CONFIG_LIMIT_VAL_BATCHES, &number) &&
		number.sign == 0)
	{
		plan->eval_schedule = EVAL_NONE;
		return;
	}
	if (trainjob_config_given(config, epochs_key))
	{
		every_epochs = trainjob_config_count(config, epochs_key);
		if (every_epochs < 0)
		{
			hide_evaluation(plan, epochs_key);
			return;
		}
	}
	else if (config->seen[epochs_key] & CONFIG_NULL)
		every_epochs = 0;
	if (trainjob_config_given(config, batches_key) &&
		(!trainjob_config_number(config, batches_key, &interval) ||
		 interval.sign <= 0 ||
		 (interval.has_point ? !is_share(&interval)
							 : trainjob_config_count(config, batches_key) < 0)))
	{
		hide_evaluation(plan, batches_key);
		return;
	}
	if (interval.has_point && every_epochs == 0)
		return; /* no share of an epoch without epochs: lightning refuses it */
	if (interval.has_point && interval.value == 1 && every_epochs == 1)
		plan->eval_schedule = EVAL_EPOCH;
	if (batches < 1)
		return;

	if (interval.has_point)
		every_batches = Max(1, share_of(batches, interval.value));
	else
		every_batches = interval.whole;
	if (every_epochs > 0 && every_batches <= batches)
		plan->first_eval_step =
			lightning_step(config, plan, every_epochs - 1, every_batches);
	else if (every_epochs == 0)
		plan->first_eval_step =
			lightning_step(config, plan, (every_batches - 1) / batches,
						   (every_batches - 1) % batches + 1);
}

/* openai has no setting. */
static void
plan_no_evaluation(const JobConfig *config, StepPlan *plan)
{
	plan->eval_schedule = EVAL_NONE;
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
	else if (config->is_readable)
		dialects[plan->dialect].plan_evaluation(config, plan);
}

/* ----------
 * What reports prove (section 9)
 * ----------
 */

/* Updates of an epoch from step / epoch, which may lie just above U. */
static double
updates_from(double step_per_epoch)
{
	return ceil(step_per_epoch * (1 - 1e-12));
}

/*
 * By how much an epoch may differ from the one that it was rounded from.
 *
 * Older trainers round to two decimals, and who reports by hand to any number;
 * newer trainers do not round.  An epoch of few decimals that is a whole number
 * of batches into the data, for some accumulation, is taken as it is.
 */
static double
rounding_of(int64 step, double epoch)
{
	if (rint(epoch * 100) / 100 == epoch)
		return 0.005;
	for (double scale = 1e3; scale <= 1e9; scale *= 10)
	{
		if (rint(epoch * scale) / scale != epoch)
			continue;
		for (int accumulation = 1; accumulation <= 64; accumulation++)
		{
			double batches = (double) step / epoch * accumulation;

			if (fabs(batches - rint(batches)) <= 1e-12 * batches)
				return 0;
		}
		return 0.5 / scale;
	}
	return 0;
}

/*
 * Whether a report shows U, and which: where all epochs that its epoch may have
 * been rounded from give the same U.
 */
static bool
shows_updates(int64 step, double epoch, int64 *updates)
{
	double least;
	double most;
	double rounding;

	if (step < 1 || isnan(epoch) || isinf(epoch) || epoch <= 0 ||
		epoch == floor(epoch))
		return false;
	/* an epoch that is rounded is larger than its rounding */
	rounding = rounding_of(step, epoch);
	least = updates_from((double) step / (epoch + rounding));
	most = updates_from((double) step / (epoch - rounding));
	if (least != most || least < 1 || least >= BIGINT_END)
		return false;
	*updates = (int64) least;
	return true;
}

/* The total that a report shows, or -1. */
static int64
shown_total(double num_epochs, int64 whole_epochs, int64 step, double epoch)
{
	int64 updates;
	int64 total;

	if (!shows_updates(step, epoch, &updates))
		return -1;
	total = times_epochs(num_epochs, whole_epochs, updates);
	return total < 1 ? -1 : Max(total, step);
}

int64
trainjob_observed_total(const JobConfig *config, const StepPlan *plan,
						int64 current_total, int64 step, double epoch)
{
	int64 total;

	if (plan->dialect != DIALECT_HF && plan->dialect != DIALECT_BASELINE)
		return -1;
	if (plan->total_is_explicit || isnan(plan->num_epochs) ||
		(plan->total_steps < 1 && plan->reason != REASON_PACKED))
		return -1;
	total = shown_total(plan->num_epochs, plan->whole_epochs, step, epoch);
	if (current_total < 0)
		current_total = plan->total_steps;
	return total == current_total ? -1 : total;
}

bool
trainjob_epoch_agrees(int64 total_steps, double num_epochs, int64 step,
					  double epoch)
{
	bool is_whole = num_epochs == floor(num_epochs);
	int64 total;

	if (!(num_epochs > 0) || num_epochs >= DOUBLE_EXACT_MAX)
		return false;
	total = shown_total(num_epochs, is_whole ? (int64) num_epochs : -1, step,
						epoch);
	return total < 0 || total == total_steps;
}

/* ----------
 * The dialects' names, and settings
 * ----------
 */

const char *
trainjob_dialect_name(TrainerDialect dialect)
{
	return dialects[dialect].name;
}

bool
trainjob_dialect_has_whole_epochs(TrainerDialect dialect)
{
	return dialects[dialect].whole_epochs;
}

void
trainjob_job_steps_init(void)
{
	DialectRules *baseline = &dialects[DIALECT_BASELINE];

	/* what a trainer takes whose configuration does not say, and which cannot
	 * be recognised */
	DefineCustomIntVariable(
		"trainjob.default_batch_size",
		"Sets the batch size of a job whose configuration names none.",
		"Used for configurations that no known trainer's keys are found in.",
		&baseline->default_batch, 4, 1, INT_MAX, PGC_USERSET, 0, NULL, NULL,
		NULL);
	DefineCustomIntVariable(
		"trainjob.default_gradient_accumulation_steps",
		"Sets the gradient accumulation steps of a job whose configuration "
		"names none.",
		"Used for configurations that no known trainer's keys are found in.",
		&baseline->default_accumulation, 8, 1, INT_MAX, PGC_USERSET, 0, NULL,
		NULL, NULL);
	DefineCustomRealVariable(
		"trainjob.default_num_epochs",
		"Sets the number of epochs of a job whose configuration names none.",
		"Used for configurations that no known trainer's keys are found in.",
		&baseline->default_epochs, 3, 1e-6, 1e9, PGC_USERSET, 0, NULL, NULL,
		NULL);

	/* trainers step over the training split; some count samples otherwise */
	DefineCustomEnumVariable(
		"trainjob.samples_basis",
		"Sets which number of samples the number of steps is computed from.",
		"train: the samples that are not used for validation. total: "
		"total_samples where it is known, else as train.",
		&samples_basis, SAMPLES_BASIS_TRAIN, samples_basis_options, PGC_USERSET,
		0, NULL, NULL, NULL);
}
