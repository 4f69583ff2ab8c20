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

/* An epoch of at most two decimals, as many as older trainers round to. */
static bool
is_rough(double epoch)
{
	return rint(epoch * 100) / 100 == epoch;
}

/* By how much one may differ from the one that it was rounded from. */
static double
rough_rounding(double epoch)
{
	return rint(epoch * 10) / 10 == epoch ? 0.05 : 0.005;
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
	if (is_rough(epoch))
		return rough_rounding(epoch);
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

/* Whether a report shows U, from "least" to "most". */
static bool
shows_updates(const EpochReport *report, double *least, double *most)
{
	double epoch = report->epoch;
	double rounding;

	if (report->step < 1 || isnan(epoch) || isinf(epoch) || epoch <= 0 ||
		(epoch == floor(epoch) && !report->is_pair && report->beside == 0))
		return false;
	if (epoch == floor(epoch))
		rounding = report->is_pair ? 0 : report->beside;
	else
		rounding = rounding_of(report->step, epoch);
	if (epoch <= rounding)
		return false;
	*least = updates_from((double) report->step / (epoch + rounding));
	*most = updates_from((double) report->step / (epoch - rounding));
	return *least >= 1 && *most < BIGINT_END;
}

/* The totals that a report allows; false where it proves nothing. */
static bool
total_range(double num_epochs, int64 whole_epochs, const EpochReport *report,
			TotalRange *range)
{
	double least;
	double most;

	if (!shows_updates(report, &least, &most))
		return false;
	range->least =
		trainjob_times_epochs(num_epochs, whole_epochs, (int64) least);
	range->most = trainjob_times_epochs(num_epochs, whole_epochs, (int64) most);
	if (range->least < 1 || range->most < report->step)
		return false;
	range->least = Max(range->least, report->step);
	return true;
}

bool
trainjob_total_range(double num_epochs, const EpochReport *report,
					 TotalRange *range)
{
	bool is_whole = num_epochs == floor(num_epochs);

	return num_epochs > 0 && num_epochs < DOUBLE_EXACT_MAX &&
		   total_range(num_epochs, is_whole ? (int64) num_epochs : -1, report,
					   range);
}

/* Whether epochs can prove a total that this plan has, or cannot know. */
static bool
is_provable(const StepPlan *plan)
{
	if (!plan->dialect->epoch_proves_updates || plan->total_is_explicit ||
		isnan(plan->num_epochs))
		return false;
	return plan->total_steps > 0 || plan->reason == REASON_PACKED ||
		   plan->reason == REASON_SAMPLED || plan->reason == REASON_STREAMED;
}

TotalVerdict
trainjob_judge_total(const StepPlan *plan, int64 current_total,
					 int64 current_step, const EpochReport *report,
					 int64 *total)
{
	TotalRange range;

	if (!is_provable(plan) ||
		!total_range(plan->num_epochs, plan->whole_epochs, report, &range) ||
		range.most < current_step)
		return VERDICT_NONE;
	if (current_total >= range.least && current_total <= range.most)
		return VERDICT_NONE;
	range.least = Max(range.least, current_step);
	if (range.most - range.least < range.least / 100.0)
	{
		*total = range.least + (range.most - range.least) / 2;
		return VERDICT_SHOWN;
	}
	return current_total > 0 ? VERDICT_DISPROVED : VERDICT_NONE;
}

bool
trainjob_epoch_agrees(int64 total_steps, double num_epochs,
					  const EpochReport *report)
{
	TotalRange range;

	if (!(num_epochs > 0) || num_epochs >= DOUBLE_EXACT_MAX)
		return false;
	return !trainjob_total_range(num_epochs, report, &range) ||
		   (total_steps >= range.least && total_steps <= range.most);
}

/* ----------
 * The best evidence of several reports
 * ----------
 */

bool
trainjob_meet_updates(UpdateRange *updates, int64 step, double epoch)
{
	EpochReport report = {.step = step, .epoch = epoch};
	double least;
	double most;

	if (!shows_updates(&report, &least, &most))
		return true;
	updates->least = Max(updates->least, least);
	updates->most = updates->most == 0 ? most : Min(updates->most, most);
	return updates->least <= updates->most;
}

bool
trainjob_is_pair(int64 step, double epoch, int64 other_step, double other_epoch)
{
	return step > 0 && other_step > 0 && epoch > 0 && other_epoch > 0 &&
		   epoch != other_epoch && epoch == floor(epoch) &&
		   other_epoch == floor(other_epoch) &&
		   (double) step / epoch == (double) other_step / other_epoch;
}

static void
add_whole(EvidenceSearch *search, const EpochReport *report)
{
	EpochReport *whole = &search->whole;

	if (search->has_whole && trainjob_is_pair(whole->step, whole->epoch,
											  report->step, report->epoch))
	{
		const EpochReport *later = whole->step > report->step ? whole : report;

		if (!search->has_pair || search->pair.step < later->step)
			search->pair = *later;
		search->pair.is_pair = true;
		search->has_pair = true;
	}
	if (!search->has_whole || whole->step < report->step)
		*whole = *report;
	search->has_whole = true;
}

void
trainjob_add_evidence(EvidenceSearch *search, int64 step, double epoch)
{
	EpochReport report = {.step = step, .epoch = epoch};
	EpochReport *best = &search->fraction;

	if (isnan(epoch) || isinf(epoch))
		return;
	if (epoch == floor(epoch))
	{
		add_whole(search, &report);
		return;
	}
	/* one that is not rounded proves more than a newer one that may be */
	if (search->has_fraction && is_rough(epoch) != is_rough(best->epoch)
			? is_rough(epoch)
			: search->has_fraction && step < best->step)
		return;
	*best = report;
	search->has_fraction = true;
}

double
trainjob_beside(double epoch)
{
	return epoch != floor(epoch) && is_rough(epoch) ? rough_rounding(epoch) : 0;
}

bool
trainjob_best_evidence(const EvidenceSearch *search, EpochReport *report)
{
	double beside = trainjob_beside(search->fraction.epoch);

	if (search->has_fraction && beside > 0 && search->has_whole &&
		search->whole.step > search->fraction.step)
	{
		*report = search->whole;
		report->beside = beside;
	}
	else if (search->has_fraction)
		*report = search->fraction;
	else if (search->has_pair)
		*report = search->pair;
	return search->has_fraction || search->has_pair;
}
