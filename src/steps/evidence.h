/*
 * evidence.h
 *	  What a report's epoch proves about the total.
 */
#ifndef TRAINJOB_STEPS_EVIDENCE_H
#define TRAINJOB_STEPS_EVIDENCE_H

#include "steps/steps.h"

/*
 * What a report (step, epoch) of a trainer proves about the total (section 9).
 * Returns the new total, >= step, or -1 when the report is no evidence or does
 * not contradict "current_total", which may be the plan's or an earlier result
 * of this function; -1 stands for the plan's.
 *
 * Evidence is a finite epoch > 0 with a fraction, at a step >= 1, and only for
 * dialects that say so (epoch_proves_updates), where the total was computed from samples or
 * is unknown because samples are packed.  An epoch of at most two decimals is
 * taken for a rounded one, one of up to nine for one that may be; it proves
 * something only when one number of updates per epoch fits it.
 */
extern int64 trainjob_observed_total(const JobConfig *config,
									 const StepPlan *plan, int64 current_total,
									 int64 step, double epoch);

/*
 * Whether a report agrees with a total of num_epochs epochs: a cheap filter
 * before trainjob_observed_total(), which then returns -1 for a plan of this
 * total and this many epochs.  False proves nothing.
 */
extern bool trainjob_epoch_agrees(int64 total_steps, double num_epochs,
								  int64 step, double epoch);

#endif /* TRAINJOB_STEPS_EVIDENCE_H */
