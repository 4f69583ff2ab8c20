/*
 * evidence.c
 *	  What reports prove about the total of steps (section 9 of doc/steps.md).
 */
#include "postgres.h"

#include "steps/dialect.h"
#include "steps/evidence.h"

/* The first number that a double and a bigint may disagree on */
#define DOUBLE_EXACT_MAX 9007199254740992.0

/* Updates of an epoch from step / epoch, which may lie just above U. */
static double
updates_from(double step_per_epoch)
{
	return ceil(step_per_epoch * (1 - 1e-12));
}

/*
 * By how much an epoch may differ from the one that it was rounded from.
 *
 * Older trainers round to two decimals, people who report by hand to any number;
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
	total = trainjob_times_epochs(num_epochs, whole_epochs, updates);
	return total < 1 ? -1 : Max(total, step);
}

int64
trainjob_observed_total(const JobConfig *config, const StepPlan *plan,
						int64 current_total, int64 step, double epoch)
{
	int64 total;

	if (!plan->dialect->epoch_proves_updates)
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
