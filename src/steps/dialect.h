/*
 * dialect.h
 *	  What a trainer's dialect is, and what dialects share.
 *
 * A dialect is a trainer's way of counting.  It has a file, with one Dialect:
 * by which keys it is recognised, how it spells b, ga and E and what it takes
 * where they are absent, how it counts, when it evaluates, and its formula in
 * words.  A new one is such a file and a line in the list in steps.c.  The
 * letters are explained in steps.h.
 */
#ifndef TRAINJOB_STEPS_DIALECT_H
#define TRAINJOB_STEPS_DIALECT_H

#include <math.h>

#include "lib/stringinfo.h"

#include "steps/steps.h"

/* How many spellings a quantity has, and marks a dialect, with a CONFIG_NONE */
#define SPELLINGS_MAX 6

/* 2^63: the first double beyond bigint */
#define BIGINT_END 9223372036854775808.0

struct Dialect
{
	const char *name;

	/* recognised by (section 3) */
	ConfigKey marks[SPELLINGS_MAX]; /* any of them */
	bool null_marks;				/* a mark counts even as null */
	bool method_marks;				/* so does an object at method.<kind> */
	bool (*recognises)(
		const JobConfig *config); /* or this, which may be NULL */

	/* keys and defaults (section 4) */
	ConfigKey batch[SPELLINGS_MAX];
	int default_batch;		/* 0: none */
	ConfigKey accumulation; /* CONFIG_NONE: has none, its default is 1 */
	int default_accumulation;
	ConfigKey epochs[SPELLINGS_MAX];
	double default_epochs; /* 0: none */
	bool whole_epochs;	   /* no fraction of an epoch */
	bool one_process;	   /* world size plays no part */
	ConfigKey ceiling;	   /* limits the total, and does not state it */
	bool ceiling_ends_run; /* without it epochs must end */
	ConfigKey samples_cap; /* limits N where it is above 0 */
	/* whether T does without N; NULL: it does not */
	bool (*needs_no_samples)(const JobConfig *config);
	bool samples_prompts;	   /* the method's sampler is part of the rule */
	bool epoch_proves_updates; /* a report's epoch is step / U (section 9) */

	/*
	 * Keys that this dialect reads and others do not; and its names of sections
	 * and keys that do not bear on the number of steps.  Both may be NULL.
	 */
	const ConfigKey *own_keys;
	const char *const *own_sections;

	/* keys of processes that share a batch, by which W is divided */
	ConfigKey divides_world[SPELLINGS_MAX];

	/*
	 * Each reads its part of "plan", with a reason where it is unknown.  NULL:
	 * trainjob_read_accumulation(); nothing beside the usual keys of W.
	 */
	void (*read_accumulation)(const JobConfig *config, StepPlan *plan);
	void (*read_devices)(const JobConfig *config, StepPlan *plan);

	/*
	 * L and U of an epoch, where N, b, ga and W are known; and T, where E is
	 * known as well and no other reason stands against it.
	 */
	void (*measure_epoch)(const JobConfig *config, StepPlan *plan);
	void (*count_steps)(const JobConfig *config, StepPlan *plan);

	/*
	 * The evaluation fields, which are set to "unknown" before (section 8).  NULL:
	 * when it evaluates is not known.
	 */
	void (*plan_evaluation)(const JobConfig *config, StepPlan *plan);

	/* whether incomplete batches are dropped; NULL: that is not known */
	bool (*drops_last)(const JobConfig *config);

	/*
	 * U in words, "ceil(500 / (4 x 8))", for a total from samples; or else all
	 * of the formula, without the result.  One of them is NULL.
	 */
	void (*say_updates)(StringInfo text, const JobConfig *config,
						const StepPlan *plan);
	void (*say_total)(StringInfo text, const JobConfig *config,
					  const StepPlan *plan);

	/* for messages: what E must be, and why ga must be given if it must */
	const char *epochs_wanted;
	const char *accumulation_missing;
};

extern const Dialect trainjob_openai;
extern const Dialect trainjob_lightning;
extern const Dialect trainjob_torchtune;
extern const Dialect trainjob_axolotl;
extern const Dialect trainjob_hf;
extern const Dialect trainjob_service;
extern const Dialect trainjob_grpo;
extern const Dialect trainjob_ppo;
extern const Dialect trainjob_card;
extern const Dialect trainjob_deepspeed;
extern const Dialect trainjob_litgpt;
extern const Dialect trainjob_mlx;
extern const Dialect trainjob_verl;
extern const Dialect trainjob_skyrl;
extern const Dialect trainjob_openrlhf;
extern const Dialect trainjob_megatron;
extern const Dialect trainjob_h2o;
extern const Dialect trainjob_autotrain;
extern Dialect trainjob_baseline; /* settings write its defaults */

/* ---- arithmetic --------------------------------------------------------- */

static inline int64
divide_up(int64 a, int64 b)
{
	return a / b + (a % b != 0);
}

/* A share of a count, rounded down as a double is; all of it where 1.0. */
static inline int64
share_of(int64 count, double share)
{
	return share < 1 ? (int64) floor((double) count * share) : count;
}

/* Whether a number is a share of something: above 0, and 1.0 at most. */
static inline bool
is_share(const ConfigNumber *number)
{
	return number->sign > 0 && number->fits &&
		   (number->whole == 0 || (number->whole == 1 && number->is_whole));
}

/* A number > 0 rounded up; -1 when it is another, or beyond bigint. */
extern int64 trainjob_whole_up(const ConfigNumber *number);

/* up(E x U), or -1 when that is no bigint >= 1 (section 7b). */
extern int64 trainjob_times_epochs(double num_epochs, int64 whole_epochs,
								   int64 updates);

/* ---- reading ------------------------------------------------------------ */

/* Takes down why something is unknown; the first reason counts. */
extern void trainjob_give_reason(StepPlan *plan, StepReason reason,
								 ConfigKey key);

/* Whether a list of keys, which ends with CONFIG_NONE, has this one. */
extern bool trainjob_is_among(const ConfigKey *keys, ConfigKey key);

/* Keys that state the whole total, in the order in which they count. */
extern const ConfigKey trainjob_total_keys[];

/* The first of some spellings that has a value, or CONFIG_NONE. */
extern ConfigKey trainjob_first_given(const JobConfig *config,
									  const ConfigKey *spellings);

/* A factor by its spellings or its default; default 0: it must be given. */
extern void trainjob_read_factor(const JobConfig *config, StepPlan *plan,
								 const ConfigKey *spellings, int default_value,
								 StepFactor *factor);

/* ga by the dialect's key and default */
extern void trainjob_read_accumulation(const JobConfig *config, StepPlan *plan);

/* The dialect's ceiling: 0 when there is none, -1 when it is beyond bigint. */
extern int64 trainjob_step_ceiling(const JobConfig *config,
								   const Dialect *dialect);

/* ---- unknown.c ---------------------------------------------------------- */

/*
 * The path of a key that speaks of the length of training and that no rule
 * reads, palloc'd, or NULL.
 */
extern char *trainjob_find_unknown(const JobConfig *config,
								   const StepPlan *plan);

/* Whether the configuration counts the processes of a node. */
extern bool trainjob_world_by_node(const JobConfig *config);

/* Whether a number is b x ga x W. */
extern bool trainjob_is_whole_batch(const StepPlan *plan,
									const ConfigNumber *number);

/* ---- counting ----------------------------------------------------------- */

/* Sets L and U of an epoch. */
static inline void
set_epoch(StepPlan *plan, int64 batches, int64 updates)
{
	plan->batches_per_epoch = batches;
	plan->updates_per_epoch = updates;
}

/* Sets the total from samples; -1 is the sign that it is no bigint >= 1. */
extern void trainjob_set_total(StepPlan *plan, int64 total);

/* up(a x b / product of divisors), or -1 when that is no bigint >= 1. */
extern int64 trainjob_multiply_divide_up(int64 a, int64 b,
										 const int64 *divisors, int ndivisors);

/* The same with E for b, in doubles where it is a fraction. */
extern int64 trainjob_run_share_up(const StepPlan *plan, const int64 *divisors,
								   int ndivisors);

/* T = up(E x U) */
extern void trainjob_count_epochs(const JobConfig *config, StepPlan *plan);

/* U = down(N / b), where b is the whole batch; and that in words */
extern void trainjob_measure_whole_batches(const JobConfig *config,
										   StepPlan *plan);
extern void trainjob_say_whole_batches(StringInfo text, const JobConfig *config,
									   const StepPlan *plan);

/* ---- evaluation (section 8) --------------------------------------------- */

/* The key that names the strategy, CONFIG_NONE where none does. */
extern ConfigKey trainjob_strategy_key(const JobConfig *config);
extern bool trainjob_strategy_is(const JobConfig *config, const char *word);

/*
 * Steps between two evaluations that a value stands for: a whole number, or a
 * fraction of the total.  -1 unknown.
 */
extern int64 trainjob_steps_between(const ConfigNumber *number, int64 total);

/* An unusable value that hides when the run evaluates. */
extern void trainjob_hide_evaluation(StepPlan *plan, ConfigKey key);

/* Every so many steps, as a key says; unknown because of the key, else. */
extern void trainjob_evaluate_every(const JobConfig *config, StepPlan *plan,
									ConfigKey key);

/* ---- words -------------------------------------------------------------- */

/* " / (4 x 8 x 2)"; accumulation -1 and a world of 1 are left out. */
extern void trainjob_say_divisors(StringInfo text, int64 batch,
								  int64 accumulation, int64 world);

/* E as it enters the formula; palloc'd. */
extern char *trainjob_epochs_text(const StepPlan *plan);

/* ---- hf.c: what builds on Hugging Face's Trainer ------------------------ */

/* L of section 7a; 0 when no batch is left, -1 when b cannot be shared. */
extern int64 trainjob_hf_batches(const JobConfig *config, const StepPlan *plan);
extern bool trainjob_hf_drops_last(const JobConfig *config);

/* U from L: rounded up, but down before transformers 4.52 (section 7a). */
extern int64 trainjob_hf_updates(const JobConfig *config, const StepPlan *plan,
								 int64 batches);

/*
 * Whether a key is given that only Hugging Face's Trainer has; or LLaMA-Factory's
 * stage of a run that trains.
 */
extern bool trainjob_has_hf_key(const JobConfig *config);
extern void trainjob_measure_hf_epoch(const JobConfig *config, StepPlan *plan);
extern void trainjob_plan_hf_evaluation(const JobConfig *config,
										StepPlan *plan);
extern void trainjob_say_hf_updates(StringInfo text, const JobConfig *config,
									const StepPlan *plan);

/* ---- lightning.c -------------------------------------------------------- */

/* T = E x U, or the ceiling where that is less; where epochs end the run. */
extern void trainjob_count_capped(const JobConfig *config, StepPlan *plan);

/* W by devices, a number or a list, on each of the nodes. */
extern void trainjob_read_devices(const JobConfig *config, StepPlan *plan);

/* ---- baseline.c --------------------------------------------------------- */

/* Defines the settings of its defaults. */
extern void trainjob_baseline_init(void);

#endif /* TRAINJOB_STEPS_DIALECT_H */
