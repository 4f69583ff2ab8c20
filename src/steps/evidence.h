/*
 * evidence.h
 *	  What a report's epoch proves about the total.
 */
#ifndef TRAINJOB_STEPS_EVIDENCE_H
#define TRAINJOB_STEPS_EVIDENCE_H

#include "steps/steps.h"

/* A step and the epoch that a trainer reported with it. */
typedef struct EpochReport
{
	int64 step;
	double epoch;
	bool is_pair;  /* whole, as is another that shows the same step / epoch */
	double beside; /* whole, beside a rounded one: to this, up or down; or 0 */
} EpochReport;

/* The totals that a report allows; one where its epoch is not rounded. */
typedef struct TotalRange
{
	int64 least;
	int64 most;
} TotalRange;

/*
 * Evidence is a finite epoch > 0 at a step >= 1, with a fraction, one of a pair
 * or beside a fraction.  An epoch of one decimal or two is taken for a rounded one, one of up to
 * nine for one that may be.  False where a report is none, or where the run is
 * beyond its epochs.
 */
extern bool trainjob_total_range(double num_epochs, const EpochReport *report,
								 TotalRange *range);

typedef enum TotalVerdict
{
	VERDICT_NONE,	  /* nothing, or what is known already */
	VERDICT_SHOWN,	  /* another total */
	VERDICT_DISPROVED /* only that the total is wrong */
} TotalVerdict;

/*
 * What a report of a trainer proves about the total (section 9): in place of one
 * that it does not allow, the middle of those that it does where they are within
 * 1 %, else none.
 *
 * Only for dialects that say so (epoch_proves_updates), where the total was
 * computed from samples or is unknown because samples are packed, repeated or
 * streamed.  "current_total" is -1 where there is none.  A total below
 * "current_step" is no total.
 */
extern TotalVerdict trainjob_judge_total(const StepPlan *plan,
										 int64 current_total,
										 int64 current_step,
										 const EpochReport *report,
										 int64 *total);

/*
 * Whether a report agrees with a total of num_epochs epochs: a cheap filter
 * before trainjob_judge_total(), which then gives no verdict for a plan of
 * this many epochs.  False proves nothing.
 */
extern bool trainjob_epoch_agrees(int64 total_steps, double num_epochs,
								  const EpochReport *report);

/*
 * Whether two reports of different whole epochs show the same step / epoch: both
 * are of the end of an epoch then.
 */
extern bool trainjob_is_pair(int64 step, double epoch, int64 other_step,
							 double other_epoch);

/* How a report's whole epoch is rounded that came beside this one; or 0. */
extern double trainjob_beside(double epoch);

/*
 * Meets "updates", zero at first, with the updates of an epoch that a report
 * allows.  False where nothing is left: reports contradict each other.
 */
typedef struct UpdateRange
{
	double least;
	double most; /* 0: any */
} UpdateRange;

extern bool trainjob_meet_updates(UpdateRange *updates, int64 step,
								  double epoch);

/* The best evidence among reports that are added in any order; zero at first. */
typedef struct EvidenceSearch
{
	bool has_fraction;
	bool has_pair;
	bool has_whole;
	EpochReport fraction; /* the newest, not rounded where there is such */
	EpochReport pair;
	EpochReport whole; /* the newest */
} EvidenceSearch;

extern void trainjob_add_evidence(EvidenceSearch *search, int64 step,
								  double epoch);
extern bool trainjob_best_evidence(const EvidenceSearch *search,
								   EpochReport *report);

#endif /* TRAINJOB_STEPS_EVIDENCE_H */
