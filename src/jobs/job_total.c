/*
 * job_total.c
 *	  A job's total of steps, who says it, what reports prove of it; progress.
 */
#include "postgres.h"

#include <math.h>

#include "jobs/job_counts.h"
#include "jobs/job_row.h"
#include "jobs/job_total.h"
#include "status/status.h"
#include "steps/evidence.h"
#include "steps/steps.h"

static void
fill_source(JobFill *fill, TotalSource source)
{
	fill_text(fill, JOB_TOTAL_STEPS_SOURCE, trainjob_source_name(source));
}

/* The estimate for the row as it was; -1 where there was none. */
static int64
estimate_before(JobFill *fill)
{
	Jsonb *old_config = trainjob_config_of(fill, fill->old_row);
	SampleCounts counts =
		trainjob_find_counts(fill, fill->old_row, old_config, false);
	JobConfig config;
	StepPlan plan;

	trainjob_read_config(old_config, &config);
	trainjob_plan_steps(&config, &counts, &plan);
	return plan.total_steps;
}

/* Whether total_steps still was the estimate before the statement. */
static bool
was_estimate(JobFill *fill)
{
	Value total = value_before(fill, JOB_TOTAL_STEPS);
	Value expected;

	if (total.isnull)
		return true;
	if (has_column(fill, JOB_TOTAL_STEPS_SOURCE))
		return trainjob_source_of(
				   value_before(fill, JOB_TOTAL_STEPS_SOURCE).text) ==
			   SOURCE_ESTIMATED;
	if (!has_column(fill, JOB_EXPECTED_TOTAL_STEPS))
		return total.count == estimate_before(fill);
	expected = value_before(fill, JOB_EXPECTED_TOTAL_STEPS);
	return !expected.isnull && expected.count == total.count;
}

/* What an estimate is made of. */
static const JobColumn estimate_inputs[] = {JOB_DATASET_PATH, JOB_CONFIG,
											JOB_TOTAL_SAMPLES,
											JOB_TRAIN_SAMPLES, JOB_VAL_SAMPLES};

bool
trainjob_says_input(JobFill *fill)
{
	for (int i = 0; i < lengthof(estimate_inputs); i++)
		if (said(fill, estimate_inputs[i]))
			return true;
	return false;
}

/*
 * Did the writer set total_steps, or say who does?  Settles total_steps_source
 * for one that is said.
 */
static bool
total_is_said(JobFill *fill)
{
	TotalSource source = SOURCE_GIVEN;

	if (is_null(fill, JOB_TOTAL_STEPS))
		return false;
	if (!is_null(fill, JOB_TOTAL_STEPS_SOURCE) &&
		said(fill, JOB_TOTAL_STEPS_SOURCE))
		return true;
	if (!said(fill, JOB_TOTAL_STEPS))
		return false;
	if (fill->is_update &&
		trainjob_state_of(value_before(fill, JOB_STATUS).text) == STATE_RUNNING)
		source = SOURCE_REPORTED;
	fill_source(fill, source);
	return true;
}

/* The epochs of the run; NULL where a number of steps limits it instead. */
static void
fill_epochs(JobFill *fill, const StepPlan *plan, const StepPlan *old_plan)
{
	Value epochs = value_now(fill, JOB_TOTAL_EPOCHS);

	if (!epochs.isnull && old_plan != NULL &&
		epochs.number == old_plan->num_epochs &&
		!changed(fill, JOB_TOTAL_EPOCHS))
		epochs.isnull = true;
	if (!epochs.isnull)
		return;
	if (plan->total_is_explicit || isnan(plan->num_epochs))
		fill_null(fill, JOB_TOTAL_EPOCHS);
	else
		fill_number(fill, JOB_TOTAL_EPOCHS, plan->num_epochs);
}

void
trainjob_fill_total_steps(JobFill *fill, Jsonb *config)
{
	SampleCounts counts = trainjob_counts_now(fill);
	JobConfig job_config;
	StepPlan plan;
	StepPlan old_plan;

	trainjob_read_config(config, &job_config);
	trainjob_plan_steps(&job_config, &counts, &plan);
	if (fill->is_update && changed(fill, JOB_CONFIG))
	{
		JobConfig old_config;

		trainjob_read_config(trainjob_config_of(fill, fill->old_row),
							 &old_config);
		trainjob_plan_steps(&old_config, &counts, &old_plan);
		fill_epochs(fill, &plan, &old_plan);
	}
	else
		fill_epochs(fill, &plan, NULL);

	if (plan.total_steps > 0)
		fill_count(fill, JOB_EXPECTED_TOTAL_STEPS, plan.total_steps);
	else if (fill->is_update && !changed(fill, JOB_EXPECTED_TOTAL_STEPS))
		fill_null(fill, JOB_EXPECTED_TOTAL_STEPS);

	if (total_is_said(fill))
		return;
	if (!is_null(fill, JOB_TOTAL_STEPS) &&
		!(fill->is_update && was_estimate(fill)))
		return;
	if (plan.total_steps > 0)
	{
		fill_count(fill, JOB_TOTAL_STEPS, plan.total_steps);
		fill_source(fill, SOURCE_ESTIMATED);
	}
	else
	{
		fill_null(fill, JOB_TOTAL_STEPS);
		fill_null(fill, JOB_TOTAL_STEPS_SOURCE);
	}
}

/* ----------
 * Progress
 * ----------
 */

/*
 * Whether the total is one that epochs may not move although it is 'observed':
 * a step raised what was given or reported.  Then the epoch that the job had
 * before proves another total as well, and did not move it.
 */
static bool
was_raised_only(JobFill *fill, const JobConfig *config, const StepPlan *plan)
{
	Value total = value_before(fill, JOB_TOTAL_STEPS);
	Value step = value_before(fill, JOB_CURRENT_STEP);
	Value epoch = value_before(fill, JOB_CURRENT_EPOCH);

	return !total.isnull && !step.isnull && !epoch.isnull &&
		   trainjob_source_of(
			   value_before(fill, JOB_TOTAL_STEPS_SOURCE).text) ==
			   SOURCE_OBSERVED &&
		   trainjob_observed_total(config, plan, total.count, step.count,
								   epoch.number) > 0;
}

/*
 * A report of (step, fractional epoch) may prove the estimate wrong.  Only a
 * total that was estimated from samples is moved: total_epochs is NULL where
 * the configuration states the steps.  The configuration is read only when the
 * report does not agree with the total, for it is stored out of line.
 */
static void
observe_epoch(JobFill *fill, int64 step, double epoch)
{
	Value total = value_now(fill, JOB_TOTAL_STEPS);
	Value epochs = value_now(fill, JOB_TOTAL_EPOCHS);
	Value source = value_now(fill, JOB_TOTAL_STEPS_SOURCE);
	SampleCounts counts;
	JobConfig config;
	StepPlan plan;
	int64 observed;

	if (epochs.isnull)
		return;
	if (!total.isnull)
	{
		if (!trainjob_is_provable(trainjob_source_of(source.text)))
			return;
		if (trainjob_epoch_agrees(total.count, epochs.number, step, epoch))
			return;
	}
	if (!total.isnull && !has_column(fill, JOB_TOTAL_SAMPLES))
		fill->found =
			trainjob_find_counts(fill, fill->new_row,
								 trainjob_config_of(fill, fill->new_row),
								 false);
	counts = trainjob_counts_now(fill);
	trainjob_read_config(trainjob_config_of(fill, fill->new_row), &config);
	trainjob_plan_steps(&config, &counts, &plan);
	observed =
		trainjob_observed_total(&config, &plan, total.isnull ? -1 : total.count,
								step, epoch);
	if (observed < 1 || was_raised_only(fill, &config, &plan))
		return;
	fill_count(fill, JOB_TOTAL_STEPS, observed);
	fill_source(fill, SOURCE_OBSERVED);
}

/* Whether the statement writes a step and the epoch that belongs to it. */
static bool
row_is_evidence(JobFill *fill)
{
	if (fill->change != NULL && fill->change->evidence != EVIDENCE_OF_ROW)
		return false;
	return !is_null(fill, JOB_CURRENT_STEP) &&
		   !is_null(fill, JOB_CURRENT_EPOCH) &&
		   changed(fill, JOB_CURRENT_STEP) && changed(fill, JOB_CURRENT_EPOCH);
}

/* Takes what is known of a step and its epoch into the total. */
static void
follow_evidence(JobFill *fill)
{
	const JobChange *change = fill->change;

	if (change != NULL && change->evidence == EVIDENCE_GIVEN)
		observe_epoch(fill, change->step, change->epoch);
	else if (row_is_evidence(fill))
		observe_epoch(fill, value_now(fill, JOB_CURRENT_STEP).count,
					  value_now(fill, JOB_CURRENT_EPOCH).number);
}

Value
trainjob_progress_of(JobState state, Value step, Value total)
{
	double percent;

	if (state == STATE_COMPLETED)
		return (Value){.number = 100};
	if (step.isnull || total.isnull || total.count <= 0)
		return (Value){.isnull = true};
	percent = step.count <= 0 ? 0 : 100.0 * step.count / total.count;
	return (Value){.number = Min(100, percent)};
}

void
trainjob_follow_progress(JobFill *fill, JobState state)
{
	Value step = value_now(fill, JOB_CURRENT_STEP);
	Value total;
	Value progress;

	if (fill->is_update)
		follow_evidence(fill);
	total = value_now(fill, JOB_TOTAL_STEPS);
	if (!step.isnull && !total.isnull && total.count > 0 &&
		step.count > total.count)
	{
		total = step;
		fill_count(fill, JOB_TOTAL_STEPS, step.count);
		fill_source(fill, SOURCE_OBSERVED);
	}

	progress = trainjob_progress_of(state, step, total);
	if (!progress.isnull)
		fill_number(fill, JOB_PROGRESS, progress.number);
}
