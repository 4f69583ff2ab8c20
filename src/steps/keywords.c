/*
 * keywords.c
 *	  What the words of a key speak of.
 *
 * This holds the lists by which keys that may change the number of steps are
 * told from those that do not (section 2 of doc/steps.md).
 */
#include "postgres.h"

#include "steps/keywords.h"

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
 * PyTorch's (early stopping's patience, a schedule's restarts, batch norm); and
 * from names, times and measurements that stand beside settings (batch_id,
 * step_time, epoch_loss).  Resources, limits and requests are Kubernetes'; scaling is
 * of Ray's ScalingConfig, whose num_workers are processes.
 */
static const KeyWord words[] = {
	{"accelerators", SAYS_PROCESSES},
	{"accum", SAYS_LENGTH},
	{"accumulate", SAYS_LENGTH},
	{"accumulated", SAYS_LENGTH},
	{"accumulation", SAYS_LENGTH},
	{"accumulations", SAYS_LENGTH},
	{"adapter", SAYS_OTHER},
	{"anneal", SAYS_OTHER},
	{"annealing", SAYS_OTHER},
	{"args", SAYS_TEXT},
	{"arguments", SAYS_TEXT},
	{"axis", SAYS_OTHER},
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
	{"cli", SAYS_TEXT},
	{"cmd", SAYS_TEXT},
	{"column", SAYS_OTHER},
	{"command", SAYS_TEXT},
	{"completed", SAYS_OTHER},
	{"config", SAYS_TEXT},
	{"configuration", SAYS_TEXT},
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
	{"duration", SAYS_OTHER},
	{"early", SAYS_OTHER},
	{"elapsed", SAYS_OTHER},
	{"ema", SAYS_OTHER},
	{"embedding", SAYS_OTHER},
	{"encode", SAYS_OTHER},
	{"encoding", SAYS_OTHER},
	{"entrypoint", SAYS_TEXT},
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
	{"flags", SAYS_TEXT},
	{"fn", SAYS_OTHER},
	{"format", SAYS_OTHER},
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
	{"hours", SAYS_OTHER},
	{"hparams", SAYS_TEXT},
	{"hyperparameters", SAYS_TEXT},
	{"id", SAYS_OTHER},
	{"ids", SAYS_COUNT | SAYS_IDS},
	{"inference", SAYS_OTHER},
	{"initial", SAYS_OTHER},
	{"instance", SAYS_PROCESS},
	{"instances", SAYS_PROCESSES},
	{"iter", SAYS_LENGTH},
	{"iteration", SAYS_LENGTH},
	{"iterations", SAYS_LENGTH},
	{"iters", SAYS_LENGTH},
	{"json", SAYS_TEXT},
	{"key", SAYS_OTHER},
	{"last", SAYS_OTHER},
	{"launch", SAYS_TEXT},
	{"limits", SAYS_COUNT},
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
	{"loss", SAYS_OTHER},
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
	{"minutes", SAYS_OTHER},
	{"mode", SAYS_OTHER},
	{"momentum", SAYS_OTHER},
	{"ms", SAYS_OTHER},
	{"muon", SAYS_OTHER},
	{"n", SAYS_COUNT},
	{"name", SAYS_OTHER},
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
	{"nprocs", SAYS_PROCESSES},
	{"nsteps", SAYS_LENGTH},
	{"num", SAYS_COUNT},
	{"number", SAYS_COUNT},
	{"optim", SAYS_OTHER},
	{"optimizer", SAYS_OTHER},
	{"options", SAYS_TEXT},
	{"overrides", SAYS_TEXT},
	{"parallel", SAYS_PARALLEL},
	{"parallelism", SAYS_PARALLEL | SAYS_SIZE},
	{"parameters", SAYS_TEXT},
	{"params", SAYS_TEXT},
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
	{"procs", SAYS_PROCESSES},
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
	{"requests", SAYS_COUNT},
	{"resources", SAYS_COUNT},
	{"restart", SAYS_OTHER},
	{"restarts", SAYS_OTHER},
	{"resume", SAYS_OTHER},
	{"resumed", SAYS_OTHER},
	{"run", SAYS_TEXT},
	{"sample", SAYS_OTHER},
	{"sampler", SAYS_OTHER},
	{"sampling", SAYS_OTHER},
	{"save", SAYS_OTHER},
	{"saves", SAYS_OTHER},
	{"saving", SAYS_OTHER},
	{"scaling", SAYS_SCALING},
	{"scheduler", SAYS_OTHER},
	{"scoring", SAYS_OTHER},
	{"sec", SAYS_OTHER},
	{"seconds", SAYS_OTHER},
	{"secs", SAYS_OTHER},
	{"seed", SAYS_OTHER},
	{"settings", SAYS_TEXT},
	{"sglang", SAYS_OTHER},
	{"shuffle", SAYS_OTHER},
	{"size", SAYS_SIZE},
	{"snapshot", SAYS_OTHER},
	{"sp", SAYS_PARALLEL},
	{"speed", SAYS_OTHER},
	{"start", SAYS_OTHER},
	{"step", SAYS_LENGTH},
	{"steps", SAYS_LENGTH},
	{"stopping", SAYS_OTHER},
	{"swa", SAYS_OTHER},
	{"sync", SAYS_OTHER},
	{"test", SAYS_OTHER},
	{"throughput", SAYS_OTHER},
	{"time", SAYS_OTHER},
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
	{"visible", SAYS_COUNT | SAYS_IDS},
	{"vllm", SAYS_OTHER},
	{"vram", SAYS_OTHER},
	{"warm", SAYS_OTHER},
	{"warmup", SAYS_OTHER},
	{"worker", SAYS_OTHER | SAYS_WORKERS},
	{"workers", SAYS_OTHER | SAYS_WORKERS},
	{"world", SAYS_PROCESS},
	{"write", SAYS_OTHER},
	{"yaml", SAYS_TEXT},
};

/*
 * Keys whose words mislead: StepLR's step_size, where a run stands, the least
 * that Lightning trains, Keras's steps_per_execution.  And keys that speak of the
 * length with words that are common elsewhere: fairseq's max_update and
 * update_freq (its accumulation), grad_acc, the completions of a prompt that
 * OpenRLHF counts, Composer's max_duration (3ep); and Kubernetes' number of GPUs.
 */
static const KeyWord whole_keys[] = {
	{"step_size", SAYS_OTHER},
	{"global_step", SAYS_OTHER},
	{"min_epochs", SAYS_OTHER},
	{"min_steps", SAYS_OTHER},
	{"steps_per_execution", SAYS_OTHER},
	{"max_update", SAYS_LENGTH},
	{"total_num_update", SAYS_LENGTH},
	{"grad_acc", SAYS_LENGTH},
	{"gradient_acc", SAYS_LENGTH},
	{"update_freq", SAYS_LENGTH},
	{"n_samples_per_prompt", SAYS_LENGTH},
	{"nvidia.com/gpu", SAYS_PROCESSES},
	{"max_duration", SAYS_LENGTH},
};

/* Sections that speak of something else, by any word of their name. */
static const char *const other_sections[] = {
	"accelerator", "adapter",	 "bnb",			 "callback",
	"callbacks",   "checkpoint", "checkpointer", "checkpointing",
	"early",	   "eval",		 "evaluation",	 "evaluator",
	"examples",	   "generation", "history",		 "inference",
	"log",		   "logger",	 "logging",		 "logs",
	"lora",		   "lr",		 "messages",	 "metrics",
	"mlflow",	   "model",		 "monitoring",	 "optim",
	"optimizer",   "optimizers", "peft",		 "predict",
	"prediction",  "profiler",	 "quantization", "result",
	"results",	   "sampling",	 "save",		 "saving",
	"scheduler",   "schedulers", "state",		 "summary",
	"test",		   "tokenizer",	 "val",			 "validation",
	"vllm",		   "wandb",		 "warmup"};

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

/* One that is too long is cut, which makes it none of ours. */
bool
trainjob_next_word(const char **text, int *len, char *word)
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

int
trainjob_words_of(const char *name, int len, int *last)
{
	char word[WORD_BYTES_MAX];
	int says = 0;
	int says_last = 0;

	for (int i = 0; i < lengthof(whole_keys); i++)
		if (len == strlen(whole_keys[i].word) &&
			memcmp(name, whole_keys[i].word, len) == 0)
		{
			if (last != NULL)
				*last = whole_keys[i].says;
			return whole_keys[i].says;
		}
	while (trainjob_next_word(&name, &len, word))
	{
		const KeyWord *entry = bsearch(word, words, lengthof(words),
									   sizeof(KeyWord), compare_words);

		says_last = entry == NULL ? 0 : entry->says;
		says |= says_last;
	}
	if (last != NULL)
		*last = says_last;
	return says;
}

int
trainjob_spoken_of(int words)
{
	if ((words & SAYS_SCALING) && (words & SAYS_WORKERS))
		return SAYS_PROCESSES;
	if (words & SAYS_OTHER)
		return 0;
	if (words & SAYS_LENGTH)
		return SAYS_LENGTH | (words & SAYS_PPO);
	if (words & SAYS_LOADER)
		return 0;
	if ((words & SAYS_PARALLEL) && (words & SAYS_SIZE))
		return SAYS_PROCESSES | SAYS_PARALLEL;
	if ((words & SAYS_PROCESSES) ||
		((words & SAYS_PROCESS) && (words & (SAYS_COUNT | SAYS_SIZE))))
		return SAYS_PROCESSES;
	return 0;
}

bool
trainjob_names_other(const char *name, int len)
{
	char word[WORD_BYTES_MAX];

	while (trainjob_next_word(&name, &len, word))
		for (int i = 0; i < lengthof(other_sections); i++)
			if (strcmp(word, other_sections[i]) == 0)
				return true;
	return false;
}
