/*
 * steps.h
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
 */
#ifndef TRAINJOB_STEPS_STEPS_H
#define TRAINJOB_STEPS_STEPS_H

#include "steps/config.h"

/*
 * What is known of a job's number of samples.  -1: not known (any negative
 * value is taken so, 0 as well except for val).
 */
typedef struct SampleCounts
{
	int64 total;
	int64 train;
	int64 val;
} SampleCounts;

/* A trainer's way of counting, see dialect.h. */
typedef struct Dialect Dialect;

/* Which counts made N (section 1). */
typedef enum SampleBasis
{
	BASIS_UNKNOWN,
	BASIS_TRAIN,			/* train_samples */
	BASIS_TOTAL,			/* total_samples */
	BASIS_TOTAL_LESS_VAL,	/* total_samples - val_samples */
	BASIS_TOTAL_LESS_SPLIT, /* total_samples less what the trainer splits off */
	BASIS_CAPPED			/* max_train_samples */
} SampleBasis;

/* Why the steps from samples are not known. */
typedef enum StepReason
{
	REASON_NONE,
	REASON_NOT_AN_OBJECT,	 /* the configuration is an array or a scalar */
	REASON_UNUSABLE,		 /* the key's value is not what is asked for */
	REASON_MISSING,			 /* the dialect has no default for the key */
	REASON_BOTH_GIVEN,		 /* axolotl: accumulation and batch_size */
	REASON_BATCH_TOO_SMALL,	 /* axolotl: batch_size < micro_batch_size */
	REASON_BATCH_NOT_SHARED, /* split_batches: batch not divisible by W */
	REASON_WORLD_SHARED,	 /* the key makes processes share one batch */
	REASON_STREAMED,		 /* the key says that the data has no length */
	REASON_SAMPLED,			 /* the key says that samples are repeated */
	REASON_OTHER_BATCH,		 /* global_batch_size: another trainer's rules */
	REASON_CAPPED,			 /* max_samples is below N */
	REASON_PACKED,			 /* the key packs samples into sequences; the only
							  * such key, nothing else stands in the way */
	REASON_UNKNOWN_KEY,		 /* unknown_key speaks of the length of training,
							  * and no rule knows it */
	REASON_ALL_SPLIT,		 /* the trainer's own split takes all samples */
	REASON_NOT_GROUPED,		 /* GRPO: the generation batch is no multiple of
							  * num_generations */
	REASON_NO_RULE,			 /* the key makes a run that no rule counts */
	REASON_NOT_TRAINED,		 /* the run only predicts, as the key says */
	REASON_NO_SAMPLES,		 /* no count of samples */
	REASON_NO_TRAIN_SAMPLES, /* val_samples takes all of total_samples */
	REASON_NO_STEP,			 /* too few samples for one step */
	REASON_NO_LIMIT,		 /* lightning: neither max_epochs nor max_steps */
	REASON_TOO_LARGE,		 /* beyond bigint; the key, if one value is */
	REASON_TOO_SMALL		 /* the epochs are too few for a step */
} StepReason;

/* When a run evaluates (section 8). */
typedef enum EvalSchedule
{
	EVAL_UNKNOWN, /* it does, or may, but when is not known in a word */
	EVAL_NONE,
	EVAL_UNSAID, /* baseline: no strategy is named, hence none; but
				  * eval_every_steps is what eval_steps would make it */
	EVAL_STEPS,	 /* every eval_every_steps */
	EVAL_EPOCH	 /* at the end of each epoch */
} EvalSchedule;

/* A factor of the formula: value -1 is unknown, key CONFIG_NONE the default
 * (or, with an unknown value, missing without a default). */
typedef struct StepFactor
{
	int64 value;
	ConfigKey key;
} StepFactor;

/*
 * How many steps a job will run, and what that was computed from.  Counts are
 * -1 where unknown.
 */
typedef struct StepPlan
{
	const Dialect *dialect;
	SampleBasis basis;
	int64 samples;			 /* N (section 1) */
	int64 val_samples;		 /* as given; -1 unknown */
	StepFactor batch;		 /* b: samples per batch of one process */
	StepFactor accumulation; /* ga: batches per update */
	StepFactor world;		 /* W: processes that share the samples */
	ConfigKey epochs_key;	 /* as StepFactor.key */
	double num_epochs;		 /* E; NaN: unknown, or no epoch limit */
	int64 whole_epochs;		 /* E exactly; -1 where a fraction or unknown */
	bool is_unlimited;		 /* lightning: no epoch limit */
	int64 batches_per_epoch; /* L, of one process */
	int64 updates_per_epoch; /* U; -1 for axolotl, which rounds once a run */
	int64 total_steps;		 /* T, >= 1 */
	bool total_is_explicit;	 /* stated by the configuration (section 5), and
							 * not computed from samples (section 7) */
	ConfigKey total_key;	 /* the key that states or, under lightning, caps
							 * it; else CONFIG_NONE */
	StepReason reason;		 /* why the total is unknown; where it is explicit,
							 * why L and U are, or which factor was ignored */
	ConfigKey reason_key;	 /* the key concerned, or CONFIG_NONE */
	char *unknown_key;		 /* the path of such a key, palloc'd */
	EvalSchedule eval_schedule;
	int64 eval_every_steps;
	int64 first_eval_step; /* >= 0; -1: none, or unknown */
	ConfigKey eval_key;	   /* an unusable value that hides the schedule */
} StepPlan;

/*
 * Computes all of "plan" (sections 3 to 8) from a configuration that
 * trainjob_read_config() read and from sample counts.  The settings
 * trainjob.default_* and trainjob.samples_basis apply.  Raises no error for
 * any input; allocates at most a few bytes.
 */
extern void trainjob_plan_steps(const JobConfig *config,
								const SampleCounts *counts, StepPlan *plan);

/*
 * Computes the evaluation fields of "plan" anew (section 8), after the caller
 * changed plan->total_steps to what it knows better.
 */
extern void trainjob_plan_evaluation(const JobConfig *config, StepPlan *plan);

/* Defines the settings; called once, by _PG_init. */
extern void trainjob_steps_init(void);

#endif /* TRAINJOB_STEPS_STEPS_H */
