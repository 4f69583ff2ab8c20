/*
 * alias.c
 *	  What trainers call the metrics that we have a column for.
 *
 * Keys that name the same measure only.  train/train_loss is not here: that is
 * the mean of a run, as is train_samples_per_second.
 */
#include "postgres.h"

#include "status/words.h"
#include "tables/columns.h"
#include "tables/set.h"
#include "token/alias.h"

const KeyAlias trainjob_aliases[] = {
	/* Hugging Face: what Trainer.log() hands to on_log(), beside our own names */
	{"loss", "train_loss"},
	/* the same on W&B and TensorBoard, by rewrite_logs() and WandbCallback */
	{"train/loss", "train_loss"},
	{"train/global_step", "step"},
	{"train/epoch", "epoch"},
	{"train/learning_rate", "learning_rate"},
	{"train/grad_norm", "grad_norm"},
	{"train/perplexity", "perplexity"},
	{"eval/loss", "eval_loss"},
	{"eval/perplexity", "eval_perplexity"},
	/* Lightning: self.log("val_loss"), as its documentation names them */
	{"train_loss_step", "train_loss"},
	{"val_loss", "eval_loss"},
	{"trainer/global_step", "step"},
	/* LLaMA-Factory: trainer_log.jsonl; the rest of it has Hugging Face's names */
	{"current_steps", "step"},
	{"lr", "learning_rate"},
	/* OpenAI: events and results.csv; the full set says more than a batch */
	{"full_valid_loss", "eval_loss"},
	{"valid_loss", "eval_loss"},
};
const int trainjob_alias_count = lengthof(trainjob_aliases);

int
trainjob_find_alias(const char *key, int length)
{
	for (int i = 0; i < trainjob_alias_count; i++)
	{
		const char *alias = trainjob_aliases[i].key;

		if (strncmp(alias, key, length) == 0 && alias[length] == '\0')
			return i;
	}
	return -1;
}

/* What a text that spells one of our keys, or an alias, means; NULL: neither. */
static const char *
meaning_of(const char *text, int length)
{
	const KnownTable *known = &trainjob_known_tables[TABLE_METRICS];

	for (int i = 0; i < trainjob_alias_count; i++)
		if (trainjob_is_word(text, length, trainjob_aliases[i].key))
			return trainjob_aliases[i].ours;
	for (int i = 0; i < known->count; i++)
		if (trainjob_is_word(text, length, known->column[i].name))
			return known->column[i].name;
	return NULL;
}

static bool
begins_with(const char *text, int length, const char *prefix)
{
	return length >= strlen(prefix) &&
		   pg_strncasecmp(text, prefix, strlen(prefix)) == 0;
}

const char *
trainjob_alike(const char *key, int length)
{
	const char *ours = meaning_of(key, length);
	int start = length;

	while (start > 0 && key[start - 1] != '/' && key[start - 1] != '.')
		start--;
	/* of other data: what is measured there is none of ours */
	if (ours != NULL || start == 0 || begins_with(key, start, "test") ||
		begins_with(key, start, "predict"))
		return ours;
	ours = meaning_of(key + start, length - start);
	if (ours == NULL || strncmp(ours, "eval_", 5) == 0 ||
		!(begins_with(key, start, "val") || begins_with(key, start, "eval")))
		return ours;
	/* of an evaluation, whose speed and the like are none either */
	if (trainjob_is_word(key + start, length - start, "loss"))
		return "eval_loss";
	if (trainjob_is_word(key + start, length - start, "perplexity"))
		return "eval_perplexity";
	return NULL;
}
