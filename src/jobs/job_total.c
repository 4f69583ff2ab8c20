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

/*
 * Whether the job has no total because it was disproved, and would be estimated
 * to have the same: only another estimate takes the place of none.
 */
static bool
stays_disproved(JobFill *fill)
{
	if (!fill->is_update || !is_null(fill, JOB_TOTAL_STEPS) ||
		trainjob_source_of(value_now(fill, JOB_TOTAL_STEPS_SOURCE).text) !=
			SOURCE_DISPROVED)
		return false;
	if (has_column(fill, JOB_EXPECTED_TOTAL_STEPS))
		return trainjob_same_value(
			&fill->part->column[JOB_EXPECTED_TOTAL_STEPS],
			value_before(fill, JOB_EXPECTED_TOTAL_STEPS),
			value_now(fill, JOB_EXPECTED_TOTAL_STEPS));
	for (int i = 0; i < lengthof(estimate_inputs); i++)
		if (changed(fill, estimate_inputs[i]))
			return false;
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

	if (total_is_said(fill) || stays_disproved(fill))
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

TotalSource
trainjob_guess_source(Value total, Value expected)
{
	if (total.isnull)
		return SOURCE_UNKNOWN;
	return !expected.isnull && expected.count == total.count ? SOURCE_ESTIMATED
															 : SOURCE_OBSERVED;
}

static TotalSource
source_now(JobFill *fill)
{
	if (has_column(fill, JOB_TOTAL_STEPS_SOURCE))
		return trainjob_source_of(value_now(fill, JOB_TOTAL_STEPS_SOURCE).text);
	return trainjob_guess_source(value_now(fill, JOB_TOTAL_STEPS),
								 value_now(fill, JOB_EXPECTED_TOTAL_STEPS));
}

static void
observe_total(JobFill *fill, int64 total)
{
	fill_count(fill, JOB_TOTAL_STEPS, total);
	fill_source(fill, SOURCE_OBSERVED);
}

static void
disprove_total(JobFill *fill)
{
	fill_null(fill, JOB_TOTAL_STEPS);
	fill_source(fill, SOURCE_DISPROVED);
}

/* ----------
 * What epochs prove
 * ----------
 */

/* What the samples and the configuration of the row say now. */
static void
plan_now(JobFill *fill, StepPlan *plan)
{
	Jsonb *stored_config = trainjob_config_of(fill, fill->new_row);
	SampleCounts counts;
	JobConfig config;

	if (!is_null(fill, JOB_TOTAL_STEPS) && !has_column(fill, JOB_TOTAL_SAMPLES))
		fill->found =
			trainjob_find_counts(fill, fill->new_row, stored_config, false);
	counts = trainjob_counts_now(fill);
	trainjob_read_config(stored_config, &config);
	trainjob_plan_steps(&config, &counts, plan);
}

/*
 * A report's epoch may prove the estimate wrong.  Only a total that was estimated
 * from samples is moved, or one that was proved wrong: total_epochs is NULL where
 * the configuration states the steps.  The configuration is read only when the
 * report does not agree with the total, for it is stored out of line.
 */
static void
observe_epoch(JobFill *fill, JobState state, const EpochReport *report)
{
	Value total = value_now(fill, JOB_TOTAL_STEPS);
	Value epochs = value_now(fill, JOB_TOTAL_EPOCHS);
	Value step = value_now(fill, JOB_CURRENT_STEP);
	TotalSource source;
	StepPlan plan;
	int64 shown;

	if (epochs.isnull)
		return;
	if (!total.isnull)
	{
		source =
			trainjob_source_of(value_now(fill, JOB_TOTAL_STEPS_SOURCE).text);
		if (!trainjob_is_provable(source) ||
			trainjob_epoch_agrees(total.count, epochs.number, report))
			return;
		/* what a job was observed to have done in all, it has done */
		if (state == STATE_COMPLETED && source == SOURCE_OBSERVED)
			return;
	}
	plan_now(fill, &plan);
	switch (trainjob_judge_total(&plan, total.isnull ? -1 : total.count,
								 step.isnull ? -1 : step.count, report, &shown))
	{
		case VERDICT_SHOWN:
			observe_total(fill, shown);
			break;
		case VERDICT_DISPROVED:
			disprove_total(fill);
			break;
		case VERDICT_NONE:
			break;
	}
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

/* What the row before makes of a whole epoch in the row. */
static void
look_beside(JobFill *fill, EpochReport *report)
{
	Value step = value_before(fill, JOB_CURRENT_STEP);
	Value epoch = value_before(fill, JOB_CURRENT_EPOCH);

	if (fill->change == NULL || !fill->change->whole_counts || step.isnull ||
		epoch.isnull)
		return;
	report->is_pair =
		trainjob_is_pair(report->step, report->epoch, step.count, epoch.number);
	report->beside = trainjob_beside(epoch.number);
}

/* What the statement tells of a step and its epoch; false where nothing. */
static bool
evidence_of(JobFill *fill, EpochReport *report)
{
	if (fill->change != NULL && fill->change->evidence == EVIDENCE_GIVEN)
	{
		*report = fill->change->report;
		return true;
	}
	if (!row_is_evidence(fill))
		return false;
	*report = (EpochReport){.step = value_now(fill, JOB_CURRENT_STEP).count,
							.epoch = value_now(fill, JOB_CURRENT_EPOCH).number};
	if (report->epoch == floor(report->epoch))
		look_beside(fill, report);
	return true;
}

/* ----------
 * A step beyond the total
 * ----------
 */

/* The progress of a job that is at its end, as far as is known, and goes on. */
#define PROGRESS_AT_END 99

bool
trainjob_takes_step(const PassedTotal *passed)
{
	int64 beyond = passed->step - passed->total;

	if (passed->state == STATE_COMPLETED)
		return true;
	return !passed->is_second && passed->source != SOURCE_OBSERVED &&
		   beyond <= Max(1, passed->total / 100);
}

/* The job is at a step beyond its total. */
static void
pass_total(JobFill *fill, JobState state, int64 step, int64 total)
{
	PassedTotal passed = {.state = state,
						  .source = source_now(fill),
						  .step = step,
						  .total = total};

	/* two reports of a statement are as two statements */
	passed.is_second = fill->change != NULL && fill->change->has_step_before &&
					   fill->change->step_before > total;
	if (trainjob_takes_step(&passed))
		observe_total(fill, step);
	else
		disprove_total(fill);
}

/* A job without a total that comes to its end ran so many steps. */
static void
end_disproved(JobFill *fill, JobState state, Value step)
{
	if (state == STATE_COMPLETED && !step.isnull && step.count > 0 &&
		source_now(fill) == SOURCE_DISPROVED)
		observe_total(fill, step.count);
}

/* ----------
 * Progress
 * ----------
 */

Value
trainjob_percent_of(Value step, Value total)
{
	double percent;

	if (step.isnull || total.isnull || total.count <= 0)
		return (Value){.isnull = true};
	percent = step.count <= 0 ? 0 : 100.0 * step.count / total.count;
	return (Value){.number = Min(100, percent)};
}

/* The share of its epochs that a job has behind it, by a fractional one. */
static Value
percent_of_epochs(Value epoch, Value epochs)
{
	double percent;

	if (epoch.isnull || epochs.isnull || !(epochs.number > 0) ||
		!(epoch.number > 0) || !(epoch.number < epochs.number) ||
		epoch.number == floor(epoch.number))
		return (Value){.isnull = true};
	percent = 100 * (epoch.number / epochs.number);
	return (Value){.number = Min(PROGRESS_AT_END, percent)};
}

Value
trainjob_progress_of(JobState state, const JobProgress *job)
{
	Value percent;

	if (state == STATE_COMPLETED)
		return (Value){.number = 100};
	percent = trainjob_percent_of(job->step, job->total);
	if (percent.isnull && job->source == SOURCE_DISPROVED)
		return percent_of_epochs(job->epoch, job->epochs);
	/* the total was found by the very step that the job is at */
	if (!percent.isnull && percent.number == 100 &&
		job->source == SOURCE_OBSERVED)
		percent.number = PROGRESS_AT_END;
	return percent;
}

/* What progress_of() asks for; the rest only where the steps do not do. */
static void
read_progress(JobFill *fill, JobProgress *job)
{
	*job = (JobProgress){.step = value_now(fill, JOB_CURRENT_STEP),
						 .total = value_now(fill, JOB_TOTAL_STEPS)};
	if (!job->total.isnull && !job->step.isnull &&
		job->step.count < job->total.count)
		return;
	job->source = source_now(fill);
	job->epoch = value_now(fill, JOB_CURRENT_EPOCH);
	job->epochs = value_now(fill, JOB_TOTAL_EPOCHS);
}

void
trainjob_follow_progress(JobFill *fill, JobState state)
{
	Value step = value_now(fill, JOB_CURRENT_STEP);
	Value total;
	Value progress;
	JobProgress job;
	EpochReport report;
	bool has_report = fill->is_update && evidence_of(fill, &report);

	if (has_report)
		observe_epoch(fill, state, &report);
	total = value_now(fill, JOB_TOTAL_STEPS);
	if (total.isnull || total.count <= 0)
		end_disproved(fill, state, step);
	else if (!step.isnull && step.count > total.count)
	{
		pass_total(fill, state, step.count, total.count);
		/* epochs may tell now in place of whoever said the total */
		if (has_report && state != STATE_COMPLETED)
			observe_epoch(fill, state, &report);
	}

	read_progress(fill, &job);
	progress = trainjob_progress_of(state, &job);
	if (!progress.isnull)
		fill_number(fill, JOB_PROGRESS, progress.number);
	else if (job.source == SOURCE_DISPROVED && !said(fill, JOB_PROGRESS))
		fill_null(fill, JOB_PROGRESS);
}
