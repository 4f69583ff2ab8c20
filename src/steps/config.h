/*
 * config.h
 *	  A job's configuration: finding values in it and judging them.
 *
 * "Section n" is a section of doc/steps.md.
 */
#ifndef TRAINJOB_STEPS_CONFIG_H
#define TRAINJOB_STEPS_CONFIG_H

#include "steps/number.h"

/* Every key that has a meaning here, in any order. */
#define TRAINJOB_CONFIG_KEYS(KEY)                                         \
	/* sections */                                                        \
	KEY(TRAINING, "training")                                             \
	KEY(TRAINER, "trainer")                                               \
	KEY(HYPERPARAMETERS, "hyperparameters")                               \
	KEY(DATA, "data")                                                     \
	KEY(DATASET, "dataset")                                               \
	KEY(ACCELERATOR_CONFIG, "accelerator_config")                         \
	KEY(TRAINING_ARGS, "training_args")                                   \
	KEY(TRAINING_ARGUMENTS, "training_arguments")                         \
	KEY(TRAIN_ARGS, "train_args")                                         \
	KEY(TRAINER_ARGS, "trainer_args")                                     \
	KEY(TRAIN, "train")                                                   \
	KEY(PARAMS, "params")                                                 \
	KEY(TRAINING_CONFIG, "training_config")                               \
	KEY(TRAIN_CONFIG, "train_config")                                     \
	KEY(TRAINER_CONFIG, "trainer_config")                                 \
	KEY(SFT_CONFIG, "sft_config")                                         \
	KEY(DATA_ARGS, "data_args")                                           \
	KEY(FINETUNING_ARGS, "finetuning_args")                               \
	KEY(ARGS, "args")                                                     \
	KEY(HYPER_PARAMETERS, "hyperParameters")                              \
	/* method */                                                          \
	KEY(METHOD, "method")                                                 \
	KEY(TRAINING_METHOD, "training_method")                               \
	KEY(TRAINER_TYPE, "trainer_type")                                     \
	KEY(LOSS_TYPE, "loss_type")                                           \
	KEY(MAX_COMPLETION_LENGTH, "max_completion_length")                   \
	KEY(MAX_LENGTH, "max_length")                                         \
	KEY(EPOCH_COUNT, "epochCount")                                        \
	KEY(ADAPTER_SIZE, "adapterSize")                                      \
	KEY(FIM_RATIO, "fim_ratio")                                           \
	KEY(N_CHECKPOINTS, "n_checkpoints")                                   \
	KEY(N_EVALS, "n_evals")                                               \
	KEY(RL, "rl")                                                         \
	KEY(STAGE, "stage")                                                   \
	KEY(NUM_GENERATIONS, "num_generations")                               \
	KEY(RLHF_TYPE, "rlhf_type")                                           \
	KEY(REWARD_FUNCS, "reward_funcs")                                     \
	KEY(GENERATION_BATCH_SIZE, "generation_batch_size")                   \
	KEY(STEPS_PER_GENERATION, "steps_per_generation")                     \
	KEY(NUM_ITERATIONS, "num_iterations")                                 \
	KEY(TOTAL_EPISODES, "total_episodes")                                 \
	KEY(NUM_PPO_EPOCHS, "num_ppo_epochs")                                 \
	KEY(NUM_MINI_BATCHES, "num_mini_batches")                             \
	KEY(PPO_BUFFER_SIZE, "ppo_buffer_size")                               \
	KEY(DO_TRAIN, "do_train")                                             \
	KEY(DO_EVAL, "do_eval")                                               \
	KEY(DO_PREDICT, "do_predict")                                         \
	KEY(TRANSFORMERS_VERSION, "transformers_version")                     \
	/* batches */                                                         \
	KEY(BATCH_SIZE, "batch_size")                                         \
	KEY(MICRO_BATCH_SIZE, "micro_batch_size")                             \
	KEY(PER_DEVICE_TRAIN_BATCH_SIZE, "per_device_train_batch_size")       \
	KEY(GLOBAL_BATCH_SIZE, "global_batch_size")                           \
	KEY(GRADIENT_ACCUMULATION_STEPS, "gradient_accumulation_steps")       \
	KEY(ACCUMULATE_GRAD_BATCHES, "accumulate_grad_batches")               \
	KEY(LIMIT_TRAIN_BATCHES, "limit_train_batches")                       \
	KEY(DROP_LAST, "drop_last")                                           \
	KEY(DATALOADER_DROP_LAST, "dataloader_drop_last")                     \
	KEY(TRAIN_BATCH_SIZE, "train_batch_size")                             \
	KEY(GEN_BATCH_SIZE, "gen_batch_size")                                 \
	KEY(EVAL_BATCH_SIZE, "eval_batch_size")                               \
	KEY(TOTAL_TRAIN_BATCH_SIZE, "total_train_batch_size")                 \
	KEY(TRAIN_MICRO_BATCH_SIZE_PER_GPU, "train_micro_batch_size_per_gpu") \
	KEY(MICRO_TRAIN_BATCH_SIZE, "micro_train_batch_size")                 \
	KEY(POLICY_MINI_BATCH_SIZE, "policy_mini_batch_size")                 \
	KEY(GRADIENT_ACCUMULATION, "gradient_accumulation")                   \
	KEY(GRAD_ACCUMULATION, "grad_accumulation")                           \
	KEY(DROP_LAST_BATCH, "drop_last_batch")                               \
	/* length of the run */                                               \
	KEY(EPOCHS, "epochs")                                                 \
	KEY(NUM_EPOCHS, "num_epochs")                                         \
	KEY(NUM_TRAIN_EPOCHS, "num_train_epochs")                             \
	KEY(N_EPOCHS, "n_epochs")                                             \
	KEY(MAX_EPOCHS, "max_epochs")                                         \
	KEY(MAX_STEPS, "max_steps")                                           \
	KEY(TOTAL_STEPS, "total_steps")                                       \
	KEY(STEPS_PER_EPOCH, "steps_per_epoch")                               \
	KEY(MAX_STEPS_PER_EPOCH, "max_steps_per_epoch")                       \
	KEY(LEARNING_RATE_MULTIPLIER, "learning_rate_multiplier")             \
	KEY(EPOCH, "epoch")                                                   \
	KEY(TOTAL_EPOCHS, "total_epochs")                                     \
	KEY(MAX_TRAIN_STEPS, "max_train_steps")                               \
	KEY(MAX_TRAIN_EPOCHS, "max_train_epochs")                             \
	KEY(TRAIN_ITERS, "train_iters")                                       \
	KEY(TRAINING_STEPS, "training_steps")                                 \
	KEY(TOTAL_TRAINING_STEPS, "total_training_steps")                     \
	KEY(NUM_TRAINING_STEPS, "num_training_steps")                         \
	KEY(NUM_TRAIN_STEPS, "num_train_steps")                               \
	KEY(TOTAL_TRAIN_STEPS, "total_train_steps")                           \
	KEY(MAX_TRAINING_STEPS, "max_training_steps")                         \
	KEY(TRAIN_STEPS, "train_steps")                                       \
	KEY(ITERS, "iters")                                                   \
	KEY(FINE_TUNE_TYPE, "fine_tune_type")                                 \
	KEY(STEPS_PER_REPORT, "steps_per_report")                             \
	KEY(STEPS_PER_EVAL, "steps_per_eval")                                 \
	/* processes */                                                       \
	KEY(WORLD_SIZE, "world_size")                                         \
	KEY(NUM_GPUS, "num_gpus")                                             \
	KEY(N_GPU, "n_gpu")                                                   \
	KEY(DEVICES, "devices")                                               \
	KEY(NUM_NODES, "num_nodes")                                           \
	KEY(TENSOR_PARALLEL_SIZE, "tensor_parallel_size")                     \
	KEY(TP_SIZE, "tp_size")                                               \
	KEY(TENSOR_PARALLEL_DIM, "tensor_parallel_dim")                       \
	KEY(CONTEXT_PARALLEL_SIZE, "context_parallel_size")                   \
	KEY(CP_SIZE, "cp_size")                                               \
	KEY(CONTEXT_PARALLEL_DIM, "context_parallel_dim")                     \
	KEY(SEQUENCE_PARALLEL_SIZE, "sequence_parallel_size")                 \
	KEY(SEQUENCE_PARALLEL_DEGREE, "sequence_parallel_degree")             \
	KEY(SP_SIZE, "sp_size")                                               \
	KEY(PIPELINE_PARALLEL_SIZE, "pipeline_parallel_size")                 \
	KEY(NUM_PROCESSES, "num_processes")                                   \
	KEY(GPU_COUNT, "gpu_count")                                           \
	KEY(NUM_DEVICES, "num_devices")                                       \
	KEY(NPROC_PER_NODE, "nproc_per_node")                                 \
	KEY(N_GPUS_PER_NODE, "n_gpus_per_node")                               \
	KEY(NUM_GPUS_PER_NODE, "num_gpus_per_node")                           \
	KEY(GPUS_PER_NODE, "gpus_per_node")                                   \
	KEY(NNODES, "nnodes")                                                 \
	KEY(RAY_NUM_WORKERS, "ray_num_workers")                               \
	KEY(NUM_MACHINES, "num_machines")                                     \
	/* samples */                                                         \
	KEY(MAX_SAMPLES, "max_samples")                                       \
	KEY(MIX_STRATEGY, "mix_strategy")                                     \
	KEY(PACKING, "packing")                                               \
	KEY(SAMPLE_PACKING, "sample_packing")                                 \
	KEY(NEAT_PACKING, "neat_packing")                                     \
	KEY(PACKED, "packed")                                                 \
	KEY(STREAMING, "streaming")                                           \
	KEY(USE_STREAMING, "use_streaming")                                   \
	KEY(PRETRAINING_DATASET, "pretraining_dataset")                       \
	KEY(VAL_SET_SIZE, "val_set_size")                                     \
	KEY(TEST_DATASETS, "test_datasets")                                   \
	KEY(MAX_TRAIN_SAMPLES, "max_train_samples")                           \
	KEY(TRAIN_MAX_SAMPLES, "train_max_samples")                           \
	KEY(VAL_SIZE, "val_size")                                             \
	KEY(SPLIT_DATASET_RATIO, "split_dataset_ratio")                       \
	KEY(VAL_SPLIT_FRACTION, "val_split_fraction")                         \
	/* evaluation */                                                      \
	KEY(EVAL_STRATEGY, "eval_strategy")                                   \
	KEY(EVALUATION_STRATEGY, "evaluation_strategy")                       \
	KEY(EVAL_STEPS, "eval_steps")                                         \
	KEY(EVALS_PER_EPOCH, "evals_per_epoch")                               \
	KEY(EVAL_DELAY, "eval_delay")                                         \
	KEY(EVAL_ON_START, "eval_on_start")                                   \
	KEY(LOGGING_STEPS, "logging_steps")                                   \
	KEY(LIMIT_VAL_BATCHES, "limit_val_batches")                           \
	KEY(VAL_CHECK_INTERVAL, "val_check_interval")                         \
	KEY(CHECK_VAL_EVERY_N_EPOCH, "check_val_every_n_epoch")               \
	KEY(RUN_VAL_EVERY_N_STEPS, "run_val_every_n_steps")

/* How many sections may be searched */
#define CONFIG_SECTIONS_MAX 24

/* CONFIG_NONE, CONFIG_TRAINING, CONFIG_TRAINER, ... */
#define TRAINJOB_CONFIG_KEY_MEMBER(symbol, name) CONFIG_##symbol,
typedef enum ConfigKey
{
	CONFIG_NONE,
	TRAINJOB_CONFIG_KEYS(TRAINJOB_CONFIG_KEY_MEMBER) CONFIG_KEY_COUNT
} ConfigKey;

/* What a key's entry in JobConfig.seen tells; ored together. */
#define CONFIG_SEEN 0x01  /* it stands in some section, even as null */
#define CONFIG_NULL 0x02  /* it stands in some section as null */
#define CONFIG_GIVEN 0x04 /* some section has a value that is not missing */

/* The first value of a key that is not missing, and the section it is in. */
typedef struct ConfigValue
{
	JsonbValue value;
	uint8 section;
} ConfigValue;

/*
 * A job's configuration, as far as it means something here: the values where
 * they were found, unjudged.  Points into the jsonb it was read from and is
 * valid as long as that.
 */
typedef struct JobConfig
{
	JsonbContainer *root;	/* NULL when SQL NULL or JSON null */
	bool is_readable;		/* false: neither absent nor an object */
	bool has_method_object; /* an object at method.supervised|dpo|
							 * reinforcement */
	JsonbContainer *sections[CONFIG_SECTIONS_MAX]; /* that were searched */
	uint8 seen[CONFIG_KEY_COUNT];
	ConfigValue value[CONFIG_KEY_COUNT]; /* where CONFIG_GIVEN */
} JobConfig;

/*
 * Fills "out" from a configuration; NULL is SQL NULL.  Accepts any jsonb and
 * raises no error.  Cost grows with the keys of the sections that are searched
 * (section 2), not with what else the configuration holds.
 */
extern void trainjob_read_config(Jsonb *config, JobConfig *out);

/*
 * The number of samples that the configuration states (section 1), for a job
 * without a dataset row: a whole number >= 1, or -1 where there is none.  A
 * fraction is no number of samples and is passed over, like a number beyond
 * bigint; a text that is a number counts as one.  "config" may be NULL.
 */
extern int64 trainjob_config_sample_total(Jsonb *config);

/* Whether a key has a value that is not missing (section 2). */
static inline bool
trainjob_config_given(const JobConfig *config, ConfigKey key)
{
	return (config->seen[key] & CONFIG_GIVEN) != 0;
}

/*
 * Judgements of a key's value (section 2).  All take an absent key for
 * missing and raise no error.
 *	_number	true, and *out set, when the value is a number
 *	_count	the value when it is a whole number in 1..2147483647, else -1
 *	_on		whether the value switches something on
 *	_word	whether the value is this word: lower case ASCII given, any case
 *			and blanks around it accepted
 */
extern bool trainjob_config_number(const JobConfig *config, ConfigKey key,
								   ConfigNumber *out);
extern int64 trainjob_config_count(const JobConfig *config, ConfigKey key);
extern bool trainjob_config_on(const JobConfig *config, ConfigKey key);
extern bool trainjob_config_word(const JobConfig *config, ConfigKey key,
								 const char *word);

/* trainjob_config_on() for a member of an object that is the key's value. */
extern bool trainjob_config_member_on(const JobConfig *config, ConfigKey key,
									  const char *member);

/*
 * The length of a key's value where that is an array, else -1.
 */
extern int64 trainjob_config_length(const JobConfig *config, ConfigKey key);

/*
 * For a walk through all of a configuration: the key that is called so, or
 * CONFIG_NONE; whether keys were searched in this object; and the value that an
 * object stands for which only wraps one.
 */
extern ConfigKey trainjob_config_find_key(const JsonbValue *name);
extern bool trainjob_config_searches(const JobConfig *config,
									 const JsonbContainer *object);
extern void trainjob_unwrap(JsonbValue *value);

/*
 * For messages, palloc'd: "config.training.batch_size"; and the value as a
 * person wrote it, shortened to some forty bytes without cutting a character.
 * The key must be given.
 */
extern char *trainjob_config_path(const JobConfig *config, ConfigKey key);
extern char *trainjob_config_shown(const JobConfig *config, ConfigKey key);

/*
 * The name of a key, and what kind of JSON value a config is that is not
 * readable.
 */
extern const char *trainjob_config_key_name(ConfigKey key);
extern const char *trainjob_config_kind(const JobConfig *config);

/*
 * A value that is a text: trimmed, lower case (ASCII), palloc'd; NULL where it
 * is none, or blank.  The first finds a key like the judgements above, the
 * second at the top (section NULL) or in an object that stands there.
 */
extern char *trainjob_config_text(const JobConfig *config, ConfigKey key);
extern char *trainjob_config_text_at(const JobConfig *config,
									 const char *section, const char *key);

/* Puts the keys in jsonb's order; called once, by _PG_init. */
extern void trainjob_config_init(void);

#endif /* TRAINJOB_STEPS_CONFIG_H */
