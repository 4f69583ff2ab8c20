/*
 * explain.h
 *	  The step rules in words.
 */
#ifndef TRAINJOB_STEPS_EXPLAIN_H
#define TRAINJOB_STEPS_EXPLAIN_H

#include "steps/evidence.h"
#include "steps/steps.h"

/* What a job's row says of its total beside it. */
typedef struct TotalFacts
{
	bool is_observed;	/* reports showed it */
	bool is_disproved;	/* there was one that reports proved wrong */
	int64 expected;		/* the estimate; -1 where unknown */
	double num_epochs;	/* 0 where unknown */
	EpochReport report; /* the newest; 0 where unknown */
} TotalFacts;

/*
 * Texts for a person, palloc'd.  They raise no error for any configuration.
 *
 * trainjob_explain	where the total of a plan came from, or why there is none.
 * _eval_text	what to show before the first evaluation.  "total_steps" is
 *				the job's own total, -1 where unknown; it wins over the plan's.
 * _note		why something of the plan is unknown, or which value was
 *				ignored; NULL where there is nothing to say.  "dataset_path"
 *				may be NULL; "total_steps" as above, and "facts" beside it.
 * _method		the training method, lower case; NULL where none is named.
 */
extern char *trainjob_explain(const JobConfig *config, const StepPlan *plan);
extern char *trainjob_eval_text_for(const JobConfig *config,
									const SampleCounts *counts,
									int64 total_steps);
extern char *trainjob_note_for(const JobConfig *config,
							   const SampleCounts *counts,
							   const char *dataset_path, int64 total_steps,
							   const TotalFacts *facts);
extern char *trainjob_method_for(const JobConfig *config);

#endif /* TRAINJOB_STEPS_EXPLAIN_H */
