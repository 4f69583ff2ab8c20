/*
 * unknown.c
 *	  Keys that speak of the length of training and that no rule knows.
 *
 * A number that passes over such a key is a guess (section 2 of doc/steps.md).
 * A key is split into words, and a word tells what it speaks of.  What is
 * harmless is told by its other words: warmup_steps, eval_batch_size.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "steps/dialect.h"

/* Objects within objects are followed so far. */
#define DEPTH_MAX 8

/* A longer word is none of ours. */
#define WORD_BYTES_MAX 24

/* The most bytes of a section's or key's name that a message shows. */
#define NAME_BYTES_MAX 60

/* What a word of a key tells; ored together. */
#define SAYS_LENGTH 0x01	/* steps, epochs, batches, accumulation, episodes */
#define SAYS_PROCESSES 0x02 /* processes, or what each of them runs on */
#define SAYS_PROCESS 0x04	/* the same, if something counts it */
#define SAYS_COUNT 0x08		/* counts it */
#define SAYS_PARALLEL 0x10	/* a way to share work, if it has a size */
#define SAYS_SIZE 0x20		/* a size */
#define SAYS_OTHER 0x40		/* speaks of something else */
#define SAYS_PPO 0x80		/* speaks of PPO only */
#define SAYS_LOADER 0x100	/* its processes load data */

typedef struct KeyWord
{
	const char *word;
	int says;
} KeyWord;

/*
 * In alphabetical order.  The words of something else come from keys of
 * transformers' TrainingArguments (eval_steps, warmup_steps, logging_steps,
 * torch_empty_cache_steps, dataloader_num_workers, lr_scheduler_kwargs), TRL's
 * (ref_model_sync_steps, precompute_ref_batch_size, max_tool_calling_iterations,
 * weight_sync_steps, dataset_num_proc, sample_num_steps, vllm_*), LLaMA-Factory's
 * (pissa_iter, preprocessing_batch_size), ms-swift's (lora_ga_iters, sglang_dp_size,
 * muon_num_ns_steps, manual_gc_steps, lr_decay_iters, write_batch_size,
 * local_rollout_forward_batch_size), DeepSpeed's (steps_per_print,
 * profile_step, total_curriculum_step), axolotl's (saves_per_epoch,
 * relora_steps, lisa_step_interval), MLX-LM's (steps_per_report), Keras's and
 * PyTorch's (early stopping's patience, a schedule's restarts, batch norm).
 */
static const KeyWord words[] = {
	{"accum", SAYS_LENGTH},
	{"accumulate", SAYS_LENGTH},
	{"accumulated", SAYS_LENGTH},
	{"accumulation", SAYS_LENGTH},
	{"accumulations", SAYS_LENGTH},
	{"adapter", SAYS_OTHER},
	{"anneal", SAYS_OTHER},
	{"annealing", SAYS_OTHER},
	{"backup", SAYS_OTHER},
	{"badam", SAYS_OTHER},
	{"batch", SAYS_LENGTH},
	{"batches", SAYS_LENGTH},
	{"batchnorm", SAYS_OTHER},
	{"batchsize", SAYS_LENGTH},
	{"best", SAYS_OTHER},
	{"boft", SAYS_OTHER},
	{"bs", SAYS_LENGTH},
	{"bsz", SAYS_LENGTH},
	{"cache", SAYS_OTHER},
	{"calibration", SAYS_OTHER},
	{"callback", SAYS_OTHER},
	{"calling", SAYS_OTHER},
	{"checkpoint", SAYS_OTHER},
	{"checkpointing", SAYS_OTHER},
	{"checkpoints", SAYS_OTHER},
	{"ckpt", SAYS_OTHER},
	{"completed", SAYS_OTHER},
	{"cooldown", SAYS_OTHER},
	{"cost", SAYS_OTHER},
	{"count", SAYS_COUNT},
	{"cp", SAYS_PARALLEL},
	{"cpu", SAYS_OTHER},
	{"cpus", SAYS_OTHER},
	{"current", SAYS_OTHER},
	{"curriculum", SAYS_OTHER},
	{"dataloader", SAYS_LOADER},
	{"dataset", SAYS_OTHER},
	{"decay", SAYS_OTHER},
	{"decode", SAYS_OTHER},
	{"decoding", SAYS_OTHER},
	{"degree", SAYS_SIZE},
	{"denoising", SAYS_OTHER},
	{"dev", SAYS_OTHER},
	{"device", SAYS_PROCESS},
	{"devices", SAYS_PROCESSES},
	{"diffusion", SAYS_OTHER},
	{"dim", SAYS_SIZE},
	{"display", SAYS_OTHER},
	{"done", SAYS_OTHER},
	{"dp", SAYS_PROCESS},
	{"early", SAYS_OTHER},
	{"elapsed", SAYS_OTHER},
	{"ema", SAYS_OTHER},
	{"embedding", SAYS_OTHER},
	{"encode", SAYS_OTHER},
	{"encoding", SAYS_OTHER},
	{"ep", SAYS_PROCESS},
	{"episode", SAYS_LENGTH},
	{"episodes", SAYS_LENGTH},
	{"epoch", SAYS_LENGTH},
	{"epochs", SAYS_LENGTH},
	{"eval", SAYS_OTHER},
	{"evals", SAYS_OTHER},
	{"evaluate", SAYS_OTHER},
	{"evaluation", SAYS_OTHER},
	{"evaluations", SAYS_OTHER},
	{"export", SAYS_OTHER},
	{"finished", SAYS_OTHER},
	{"forward", SAYS_OTHER},
	{"freeze", SAYS_OTHER},
	{"gbs", SAYS_LENGTH},
	{"gc", SAYS_OTHER},
	{"generate", SAYS_OTHER},
	{"generation", SAYS_OTHER},
	{"gpu", SAYS_PROCESS},
	{"gpus", SAYS_PROCESSES},
	{"heartbeat", SAYS_OTHER},
	{"host", SAYS_PROCESS},
	{"hosts", SAYS_PROCESSES},
	{"hourly", SAYS_OTHER},
	{"ids", SAYS_COUNT},
	{"inference", SAYS_OTHER},
	{"initial", SAYS_OTHER},
	{"instance", SAYS_PROCESS},
	{"instances", SAYS_PROCESSES},
	{"iter", SAYS_LENGTH},
	{"iteration", SAYS_LENGTH},
	{"iterations", SAYS_LENGTH},
	{"iters", SAYS_LENGTH},
	{"last", SAYS_OTHER},
	{"lisa", SAYS_OTHER},
	{"lmdeploy", SAYS_OTHER},
	{"loader", SAYS_LOADER},
	{"loading", SAYS_LOADER},
	{"loftq", SAYS_OTHER},
	{"log", SAYS_OTHER},
	{"logger", SAYS_OTHER},
	{"logging", SAYS_OTHER},
	{"logs", SAYS_OTHER},
	{"lora", SAYS_OTHER},
	{"lr", SAYS_OTHER},
	{"machine", SAYS_PROCESS},
	{"machines", SAYS_PROCESSES},
	{"map", SAYS_OTHER},
	{"mapping", SAYS_OTHER},
	{"mbs", SAYS_LENGTH},
	{"memory", SAYS_OTHER},
	{"metric", SAYS_OTHER},
	{"metrics", SAYS_OTHER},
	{"microbatch", SAYS_LENGTH},
	{"minibatch", SAYS_LENGTH},
	{"minibatches", SAYS_LENGTH},
	{"momentum", SAYS_OTHER},
	{"muon", SAYS_OTHER},
	{"n", SAYS_COUNT},
	{"nepoch", SAYS_LENGTH},
	{"nepochs", SAYS_LENGTH},
	{"ngpu", SAYS_PROCESSES},
	{"ngpus", SAYS_PROCESSES},
	{"niter", SAYS_LENGTH},
	{"niters", SAYS_LENGTH},
	{"nnodes", SAYS_PROCESSES},
	{"node", SAYS_PROCESS},
	{"nodes", SAYS_PROCESSES},
	{"noise", SAYS_OTHER},
	{"norm", SAYS_OTHER},
	{"nproc", SAYS_PROCESSES},
	{"nsteps", SAYS_LENGTH},
	{"num", SAYS_COUNT},
	{"number", SAYS_COUNT},
	{"optim", SAYS_OTHER},
	{"optimizer", SAYS_OTHER},
	{"parallel", SAYS_PARALLEL},
	{"parallelism", SAYS_PARALLEL | SAYS_SIZE},
	{"patience", SAYS_OTHER},
	{"peft", SAYS_OTHER},
	{"per", SAYS_COUNT},
	{"pissa", SAYS_OTHER},
	{"plot", SAYS_OTHER},
	{"poll", SAYS_OTHER},
	{"pp", SAYS_PARALLEL},
	{"ppo", SAYS_PPO},
	{"precompute", SAYS_OTHER},
	{"predict", SAYS_OTHER},
	{"prediction", SAYS_OTHER},
	{"prefetch", SAYS_OTHER},
	{"prefetching", SAYS_OTHER},
	{"preprocess", SAYS_OTHER},
	{"preprocessing", SAYS_OTHER},
	{"price", SAYS_OTHER},
	{"print", SAYS_OTHER},
	{"process", SAYS_PROCESS},
	{"processes", SAYS_PROCESSES},
	{"profile", SAYS_OTHER},
	{"profiler", SAYS_OTHER},
	{"profiling", SAYS_OTHER},
	{"progress", SAYS_OTHER},
	{"push", SAYS_OTHER},
	{"quant", SAYS_OTHER},
	{"quantization", SAYS_OTHER},
	{"refresh", SAYS_OTHER},
	{"reload", SAYS_OTHER},
	{"relora", SAYS_OTHER},
	{"replicas", SAYS_PROCESSES},
	{"report", SAYS_OTHER},
	{"reporting", SAYS_OTHER},
	{"restart", SAYS_OTHER},
	{"restarts", SAYS_OTHER},
	{"resume", SAYS_OTHER},
	{"resumed", SAYS_OTHER},
	{"sample", SAYS_OTHER},
	{"sampling", SAYS_OTHER},
	{"save", SAYS_OTHER},
	{"saves", SAYS_OTHER},
	{"saving", SAYS_OTHER},
	{"scheduler", SAYS_OTHER},
	{"scoring", SAYS_OTHER},
	{"sglang", SAYS_OTHER},
	{"shuffle", SAYS_OTHER},
	{"size", SAYS_SIZE},
	{"snapshot", SAYS_OTHER},
	{"sp", SAYS_PARALLEL},
	{"start", SAYS_OTHER},
	{"step", SAYS_LENGTH},
	{"steps", SAYS_LENGTH},
	{"stopping", SAYS_OTHER},
	{"swa", SAYS_OTHER},
	{"sync", SAYS_OTHER},
	{"test", SAYS_OTHER},
	{"timeout", SAYS_OTHER},
	{"tokenization", SAYS_OTHER},
	{"tokenize", SAYS_OTHER},
	{"tokenizer", SAYS_OTHER},
	{"tool", SAYS_OTHER},
	{"total", SAYS_COUNT},
	{"tp", SAYS_PARALLEL},
	{"tpus", SAYS_PROCESSES},
	{"updates", SAYS_LENGTH},
	{"upload", SAYS_OTHER},
	{"utilization", SAYS_OTHER},
	{"val", SAYS_OTHER},
	{"valid", SAYS_OTHER},
	{"validation", SAYS_OTHER},
	{"vllm", SAYS_OTHER},
	{"vram", SAYS_OTHER},
	{"warm", SAYS_OTHER},
	{"warmup", SAYS_OTHER},
	{"worker", SAYS_OTHER},
	{"workers", SAYS_OTHER},
	{"write", SAYS_OTHER},
};

/*
 * Keys whose words mislead: StepLR's step_size, where a run stands, the least
 * that Lightning trains, Keras's steps_per_execution.  And keys that speak of the
 * length with words that are common elsewhere: fairseq's max_update and
 * update_freq (its accumulation), grad_acc, Ray's number of processes.
 */
static const KeyWord whole_keys[] = {
	{"step_size", SAYS_OTHER},			 {"global_step", SAYS_OTHER},
	{"min_epochs", SAYS_OTHER},			 {"min_steps", SAYS_OTHER},
	{"steps_per_execution", SAYS_OTHER}, {"max_update", SAYS_LENGTH},
	{"total_num_update", SAYS_LENGTH},	 {"ray_num_workers", SAYS_PROCESSES},
	{"grad_acc", SAYS_LENGTH},			 {"gradient_acc", SAYS_LENGTH},
	{"update_freq", SAYS_LENGTH},
};

/* Sections that speak of something else, by any word of their name. */
static const char *const other_sections[] = {
	"accelerator", "adapter",	 "bnb",			 "callback",
	"callbacks",   "checkpoint", "checkpointer", "checkpointing",
	"eval",		   "evaluation", "evaluator",	 "generation",
	"history",	   "inference",	 "logger",		 "logging",
	"lora",		   "lr",		 "metrics",		 "mlflow",
	"model",	   "monitoring", "optim",		 "optimizer",
	"optimizers",  "peft",		 "profiler",	 "quantization",
	"result",	   "results",	 "scheduler",	 "schedulers",
	"state",	   "summary",	 "tokenizer",	 "val",
	"validation",  "vllm",		 "wandb"};

/* An object that is walked, and the name it stands under. */
typedef struct Level
{
	JsonbIterator *walk;
	JsonbValue name;
	bool is_searched;
} Level;

/* ----------
 * Words
 * ----------
 */

static bool
is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool
is_word_char(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		   IS_HIGHBIT_SET(c);
}

/* Whether a new word of camelCase, or of GPUCount, begins at text[i]. */
static bool
begins_word(const char *text, int len, int i)
{
	return is_upper(text[i]) &&
		   (!is_upper(text[i - 1]) ||
			(i + 1 < len && text[i + 1] >= 'a' && text[i + 1] <= 'z'));
}

/*
 * Reads a word, in lower case, and moves on; false at the end.  One that is
 * too long is cut, which makes it none of ours.
 */
static bool
next_word(const char **text, int *len, char *word)
{
	int i = 0;
	int n = 0;

	while (*len > 0 && !is_word_char(**text))
	{
		(*text)++;
		(*len)--;
	}
	if (*len == 0)
		return false;
	do
	{
		if (n < WORD_BYTES_MAX - 1)
			word[n++] = pg_ascii_tolower((unsigned char) (*text)[i]);
		i++;
	} while (i < *len && is_word_char((*text)[i]) &&
			 !begins_word(*text, *len, i));
	word[n] = '\0';
	*text += i;
	*len -= i;
	return true;
}

static int
compare_words(const void *word, const void *entry)
{
	return strcmp(word, ((const KeyWord *) entry)->word);
}

/* SAYS_LENGTH, maybe of PPO; SAYS_PROCESSES, maybe of sharing; or nothing. */
static int
spoken_of(const char *key, int len)
{
	char word[WORD_BYTES_MAX];
	int says = 0;

	for (int i = 0; i < lengthof(whole_keys); i++)
		if (len == strlen(whole_keys[i].word) &&
			memcmp(key, whole_keys[i].word, len) == 0)
			return whole_keys[i].says & ~SAYS_OTHER;
	while (next_word(&key, &len, word))
	{
		const KeyWord *entry = bsearch(word, words, lengthof(words),
									   sizeof(KeyWord), compare_words);

		if (entry != NULL)
			says |= entry->says;
	}
	if (says & SAYS_OTHER)
		return 0;
	if (says & SAYS_LENGTH)
		return SAYS_LENGTH | (says & SAYS_PPO);
	if (says & SAYS_LOADER)
		return 0;
	if ((says & SAYS_PARALLEL) && (says & SAYS_SIZE))
		return SAYS_PROCESSES | SAYS_PARALLEL;
	if ((says & SAYS_PROCESSES) ||
		((says & SAYS_PROCESS) && (says & (SAYS_COUNT | SAYS_SIZE))))
		return SAYS_PROCESSES;
	return 0;
}

/* Whether the dialect says that a name does not bear on the steps. */
static bool
is_own_name(const Dialect *dialect, const JsonbValue *name)
{
	const char *const *own = dialect->own_sections;

	for (; own != NULL && *own != NULL; own++)
		if (name->val.string.len == strlen(*own) &&
			memcmp(name->val.string.val, *own, strlen(*own)) == 0)
			return true;
	return false;
}

static bool
is_other_section(const Dialect *dialect, const JsonbValue *name)
{
	const char *text = name->val.string.val;
	int len = name->val.string.len;
	char word[WORD_BYTES_MAX];

	if (is_own_name(dialect, name))
		return true;
	while (next_word(&text, &len, word))
		for (int i = 0; i < lengthof(other_sections); i++)
			if (strcmp(word, other_sections[i]) == 0)
				return true;
	return false;
}

/* Whether a key is a path, model.max_steps, into such a section. */
static bool
is_within_other(const Dialect *dialect, const JsonbValue *key)
{
	JsonbValue section = *key;

	while (section.val.string.len > 0 &&
		   section.val.string.val[section.val.string.len - 1] != '.')
		section.val.string.len--;
	return section.val.string.len > 0 && is_other_section(dialect, &section);
}

/* ----------
 * What a key adds
 * ----------
 */

/*
 * Whether a number is b x ga x W: what a derived total says is known then.  The
 * factors are divided off one after the other.
 */
bool
trainjob_is_whole_batch(const StepPlan *plan, const ConfigNumber *number)
{
	int64 factors[] = {plan->batch.value, plan->accumulation.value,
					   plan->world.value};
	int64 rest = number->whole;

	if (!number->fits || !number->is_whole || number->whole < 1)
		return false;
	for (int i = 0; i < lengthof(factors); i++)
	{
		if (factors[i] < 1 || rest % factors[i] != 0)
			return false;
		rest /= factors[i];
	}
	return rest == 1;
}

/* Whether a key names the whole batch, the product of b, ga and W. */
static bool
names_whole_batch(const JsonbValue *key)
{
	static const char *const names[] = {"total batch size ",
										"effective batch size ",
										"total train batch size ",
										"effective train batch size ",
										"effective global batch size ",
										"train batch size ",
										"global batch size ",
										"global train batch size "};
	const char *text = key->val.string.val;
	int len = key->val.string.len;
	char word[WORD_BYTES_MAX];
	char name[NAME_BYTES_MAX] = "";

	while (next_word(&text, &len, word))
	{
		if (strlen(name) + strlen(word) + 2 > sizeof(name))
			return false;
		strcat(name, word);
		strcat(name, " ");
	}
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Whether the plan has this very number from the same key. */
static bool
repeats_known(const JobConfig *config, ConfigKey key,
			  const ConfigNumber *number)
{
	ConfigNumber known;

	return key != CONFIG_NONE && trainjob_config_number(config, key, &known) &&
		   known.fits && number->fits && known.value == number->value;
}

/*
 * What other names of a factor say where it is known already: Hugging Face's
 * train_batch_size is that of one process, DeepSpeed's the whole one.  One
 * iteration or mini batch is the default of the classes that have them.
 */
static bool
repeats_factor(const StepPlan *plan, ConfigKey key, const ConfigNumber *number)
{
	if (!number->fits || !number->is_whole)
		return false;
	switch (key)
	{
		case CONFIG_TRAIN_BATCH_SIZE:
		case CONFIG_TRAIN_MICRO_BATCH_SIZE_PER_GPU:
			return number->whole == plan->batch.value;
		case CONFIG_GRADIENT_ACCUMULATION_STEPS:
		case CONFIG_GRADIENT_ACCUMULATION:
		case CONFIG_GRAD_ACCUMULATION:
			return number->whole == plan->accumulation.value;
		case CONFIG_NUM_ITERATIONS:
		case CONFIG_NUM_MINI_BATCHES:
			return number->whole == 1;
		default:
			return false;
	}
}

/*
 * Where W is what the configuration calls the number of all processes, other
 * counts of them, or of what they run on, add nothing.
 */
static bool
world_is_whole(const StepPlan *plan)
{
	return plan->dialect->one_process || plan->world.key == CONFIG_WORLD_SIZE ||
		   plan->world.key == CONFIG_NUM_PROCESSES ||
		   plan->world.key == CONFIG_DEVICES ||
		   plan->world.key == CONFIG_NUM_NODES;
}

/* Keys that only some dialects read, beside those of their factors. */
static const ConfigKey restricted_keys[] = {
	CONFIG_TRAIN_BATCH_SIZE,
	CONFIG_TOTAL_TRAIN_BATCH_SIZE,
	CONFIG_TRAIN_MICRO_BATCH_SIZE_PER_GPU,
	CONFIG_MICRO_TRAIN_BATCH_SIZE,
	CONFIG_POLICY_MINI_BATCH_SIZE,
	CONFIG_GRADIENT_ACCUMULATION,
	CONFIG_GRAD_ACCUMULATION,
	CONFIG_EPOCH,
	CONFIG_TOTAL_EPOCHS,
	CONFIG_MAX_TRAIN_EPOCHS,
	CONFIG_NUM_ITERATIONS,
	CONFIG_TOTAL_EPISODES,
	CONFIG_NUM_PPO_EPOCHS,
	CONFIG_NUM_MINI_BATCHES,
	CONFIG_NONE};

/* Whether no rule reads a key of ours in a configuration of this dialect. */
static bool
is_unread(const JobConfig *config, const StepPlan *plan, ConfigKey key)
{
	const Dialect *dialect = plan->dialect;

	switch (key)
	{
		case CONFIG_DEVICES:
			return dialect->read_devices == NULL;
		case CONFIG_NUM_NODES:
		case CONFIG_NNODES:
		case CONFIG_NUM_MACHINES:
			return dialect->read_devices == NULL &&
				   !trainjob_world_by_node(config);
		default:
			break;
	}
	return trainjob_is_among(restricted_keys, key) &&
		   !trainjob_is_among(dialect->batch, key) &&
		   !trainjob_is_among(dialect->epochs, key) &&
		   dialect->accumulation != key &&
		   (dialect->own_keys == NULL ||
			!trainjob_is_among(dialect->own_keys, key));
}

/* PPO's keys in a full dump of the settings of a run by another method. */
static bool
is_other_method(const JobConfig *config)
{
	static const ConfigKey method_keys[] = {CONFIG_STAGE, CONFIG_RLHF_TYPE,
											CONFIG_NONE};
	ConfigKey key = trainjob_first_given(config, method_keys);

	return key != CONFIG_NONE && !trainjob_config_word(config, key, "ppo");
}

/* A list of the devices to run on counts them: H2O's environment.gpus. */
static bool
lists_processes(const StepPlan *plan, const JsonbValue *name,
				const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsArray(value->val.binary.data) &&
		   JsonContainerSize(value->val.binary.data) > 1 &&
		   spoken_of(name->val.string.val, name->val.string.len) ==
			   SAYS_PROCESSES &&
		   !world_is_whole(plan);
}

/* Whether a key's value may change the number of steps, and no rule reads it. */
static bool
is_unknown(const JobConfig *config, const StepPlan *plan, const Level *level,
		   const JsonbValue *name, const JsonbValue *value)
{
	ConfigKey key = trainjob_config_find_key(name);
	ConfigNumber number;
	int says;

	if (key != CONFIG_NONE && level->is_searched &&
		!is_unread(config, plan, key))
		return false;
	if (is_own_name(plan->dialect, name) ||
		is_within_other(plan->dialect, name))
		return false;
	if (value->type != jbvNumeric && value->type != jbvString)
		return lists_processes(plan, name, value);
	says = spoken_of(name->val.string.val, name->val.string.len);
	if (says == 0 || !trainjob_read_number(value, &number) || number.sign <= 0)
		return false;
	if ((says & SAYS_PROCESSES) &&
		((number.is_whole && number.whole == 1) ||
		 (!(says & SAYS_PARALLEL) && world_is_whole(plan))))
		return false;
	if ((says & SAYS_PPO) && is_other_method(config))
		return false;
	if (!level->is_searched && repeats_known(config, key, &number))
		return false;
	if (repeats_factor(plan, key, &number))
		return false;
	return !(names_whole_batch(name) && trainjob_is_whole_batch(plan, &number));
}

/* ----------
 * The search
 * ----------
 */

static void
append_name(StringInfo path, const JsonbValue *name)
{
	int kept = pg_mbcliplen(name->val.string.val, name->val.string.len,
							NAME_BYTES_MAX);

	appendBinaryStringInfo(path, name->val.string.val, kept);
	if (kept < name->val.string.len)
		appendStringInfoString(path, "...");
}

/* config.section.key */
static char *
path_of(const Level *levels, int depth, const JsonbValue *key)
{
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoString(&path, "config.");
	for (int i = 1; i <= depth; i++)
	{
		append_name(&path, &levels[i].name);
		appendStringInfoChar(&path, '.');
	}
	append_name(&path, key);
	return path.data;
}

static void
enter(const JobConfig *config, Level *level, JsonbContainer *object,
	  const JsonbValue *name)
{
	JsonbValue ignored;

	level->walk = JsonbIteratorInit(object);
	if (name != NULL)
		level->name = *name;
	level->is_searched = trainjob_config_searches(config, object);
	JsonbIteratorNext(&level->walk, &ignored, true); /* WJB_BEGIN_OBJECT */
}

/* An object's own iterator is freed by itself at the end. */
static void
leave(Level *levels, int depth)
{
	for (; depth >= 0; depth--)
		if (levels[depth].walk != NULL)
			pfree(levels[depth].walk);
}

char *
trainjob_find_unknown(const JobConfig *config, const StepPlan *plan)
{
	Level levels[DEPTH_MAX];
	int depth = 0;
	JsonbValue key;
	JsonbValue value;

	if (config->root == NULL)
		return NULL;
	enter(config, &levels[0], config->root, NULL);
	while (depth >= 0)
	{
		if (JsonbIteratorNext(&levels[depth].walk, &key, true) != WJB_KEY)
		{
			depth--;
			continue;
		}
		JsonbIteratorNext(&levels[depth].walk, &value, true);
		trainjob_unwrap(&value);
		if (is_unknown(config, plan, &levels[depth], &key, &value))
		{
			char *path = path_of(levels, depth, &key);

			leave(levels, depth);
			return path;
		}
		if (value.type == jbvBinary &&
			JsonContainerIsObject(value.val.binary.data) &&
			depth + 1 < DEPTH_MAX && !is_other_section(plan->dialect, &key))
			enter(config, &levels[++depth], value.val.binary.data, &key);
	}
	return NULL;
}
