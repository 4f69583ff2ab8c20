/*
 * settle.c
 *	  The long way up: whatever is not ahead of all before.
 *
 * The first report, an evaluation, a report that comes late or twice, a change
 * of status, an UPDATE of reports.  The job is locked, the metrics table asked
 * which value is the newest where the reports at hand do not say (newest.c), and
 * only what differs is written.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"

#include "jobs/job_change.h"
#include "status/status.h"
#include "metrics/newest.h"
#include "metrics/settle.h"
#include "steps/evidence.h"
#include "tables/value_write.h"

/* Takes the best evaluation from the metrics table. */
static void
take_best(RollUp *roll, JobReports *reports, LockedJob *job)
{
	BestEvaluation best;

	trainjob_read_best(roll->set, &roll->part->metric, reports->job_id, &best);
	job->value[JOB_BEST_EVAL_LOSS] = best.loss;
	job->value[JOB_BEST_STEP] = best.step;
	job->value[JOB_BEST_EPOCH] = best.epoch;
}

static void
settle_best(RollUp *roll, JobReports *reports, LockedJob *job)
{
	Value *best = &job->value[JOB_BEST_EVAL_LOSS];
	Value *step = &job->value[JOB_BEST_STEP];

	if (reports->replaced_best && !best->isnull &&
		reports->old_best <= best->number)
		take_best(roll, reports, job);
	else if (reports->has_best &&
			 trainjob_is_better(reports->best, reports->best_step, *best,
								*step))
	{
		*best = (Value){.number = reports->best};
		*step = (Value){.count = reports->best_step};
		job->value[JOB_BEST_EPOCH] = reports->best_epoch;
	}
}

/* Whether the reports, all of them, are newer than any of the attempt. */
static bool
is_ahead(RollUp *roll, JobReports *reports, LockedJob *job)
{
	Value step = job->value[JOB_CURRENT_STEP];
	Value restarted = job->value[JOB_RESTARTED_AT];
	Value reported = job->value[JOB_LAST_METRIC_AT];

	if (roll->is_update)
		return false;
	if (!restarted.isnull && reports->min_recorded < restarted.time)
		return false;
	if (!step.isnull && step.count < reports->min_step)
		return true;
	/* the first report of the attempt? */
	if (roll->part->jobs.column[JOB_LAST_METRIC_AT].attnum == 0)
		return false;
	return reported.isnull ||
		   (!restarted.isnull && reported.time < restarted.time);
}

/* Takes what only a summary of the reports has, if the attempt has no other. */
static void
take_summary(RollUp *roll, JobReports *reports, LockedJob *job)
{
	NewestSearch search = {.restarted = job->value[JOB_RESTARTED_AT],
						   .bound = PG_INT64_MAX,
						   .job = job->value};

	for (int i = 0; i < LATEST_COUNT; i++)
		search.wanted[i] = reports->in_summary[i] && !reports->newest[i].seen;
	trainjob_read_newest(roll->set, &roll->part->metric,
						 &roll->part->newest_first, reports->job_id, &search);
}

/* Takes the latest values from the reports themselves. */
static void
take_reports(RollUp *roll, JobReports *reports, LockedJob *job)
{
	Value *step = &job->value[JOB_CURRENT_STEP];

	if (step->isnull || step->count < reports->max_step)
		*step = (Value){.count = reports->max_step};
	for (int i = 0; i < LATEST_COUNT; i++)
		if (reports->newest[i].seen)
			job->value[trainjob_latest[i].job] =
				(Value){.number = reports->newest[i].number};
	take_summary(roll, reports, job);
}

/* Takes them from the metrics table, for reports that come late or twice. */
static void
take_newest(RollUp *roll, JobReports *reports, LockedJob *job)
{
	Value *step = &job->value[JOB_CURRENT_STEP];
	Value restarted = job->value[JOB_RESTARTED_AT];
	bool uncounted = reports->all || step->isnull;
	NewestSearch search = {.restarted = restarted, .job = job->value};

	for (int i = 0; i < LATEST_COUNT; i++)
		search.wanted[i] = uncounted || reports->newest[i].seen ||
						   reports->in_summary[i] || reports->replaced[i];

	/*
	 * The step that the job was at may be gone by an UPDATE; some of the
	 * reports may be of an earlier attempt.
	 */
	search.step_wanted =
		uncounted ||
		(!restarted.isnull && reports->min_recorded < restarted.time) ||
		(!step->isnull && reports->old_max_step >= step->count);
	search.step = search.step_wanted ? PG_INT64_MIN : reports->max_step;
	search.bound =
		uncounted ? PG_INT64_MAX : Max(reports->max_step, step->count);
	trainjob_read_newest(roll->set, &roll->part->metric,
						 &roll->part->newest_first, reports->job_id, &search);
	for (int i = 0; i < LATEST_COUNT; i++)
		if (search.wanted[i] && reports->replaced[i])
			job->value[trainjob_latest[i].job].isnull = true;
	if (search.step != PG_INT64_MIN &&
		(step->isnull || step->count < search.step ||
		 reports->old_max_step >= step->count))
		*step = (Value){.count = search.step};
}

/* A report of a job that does not run may mean that it runs. */
static void
settle_status(RollUp *roll, JobReports *reports, LockedJob *job)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	Value *status = &job->value[JOB_STATUS];
	Value *restarted = &job->value[JOB_RESTARTED_AT];
	Value *changed = &job->value[JOB_STATUS_CHANGED_AT];
	Value *reported = &job->value[JOB_LAST_METRIC_AT];
	TimestampTz when;
	ReportEffect effect =
		trainjob_report_effect(status->isnull ? NULL : status->text,
							   job->value[JOB_ERROR_TYPE].isnull
								   ? NULL
								   : job->value[JOB_ERROR_TYPE].text);

	if (effect == REPORT_CHANGES_NOTHING)
		return;
	/* not newer than what the job knew when it got its status: a restore */
	if (!reported->isnull && reports->max_recorded <= reported->time)
		return;
	if (!restarted->isnull && reports->max_recorded < restarted->time)
		return;
	/*
	 * A trainer that was presumed dead and reports is not, even by a report
	 * that it kept back: one is enough that the job did not know.
	 */
	if ((effect == REPORT_RESUMES ||
		 (effect == REPORT_REVIVES && reported->isnull)) &&
		!changed->isnull && reports->max_recorded < changed->time)
		return;
	when = reports->min_recorded;
	if (!restarted->isnull)
		when = Max(when, restarted->time);
	when = Min(when, now);
	if (!trainjob_set_status(&roll->part->jobs, job, STATUS_RUNNING, when))
		return;
	if (effect == REPORT_REVIVES)
	{
		/* what the trainer kept back while presumed dead counts as well */
		*restarted = (Value){.time = when};
		job->value[JOB_CURRENT_STEP].isnull = true;
	}
	/* it has been running since that report, or since the pause ended */
	if (!changed->isnull)
		when = Max(when, changed->time);
	*changed = (Value){.time = Min(when, now)};
}

/*
 * Writes what differs from the row that was locked; nothing if nothing does.
 * "given" is what fill_job is to draw a conclusion about the total from, NULL
 * where that is what the row shows, if "paired".
 */
static void
write_job(RollUp *roll, JobReports *reports, LockedJob *job, bool paired,
		  const EpochReport *given)
{
	JobChange change = {.update = &roll->part->settle,
						.jobs = &roll->part->jobs,
						.job_id = reports->job_id,
						.by = FROM_REPORTS,
						.has_step_before = reports->next_step != PG_INT64_MIN,
						.step_before = reports->next_step};

	if (given != NULL)
	{
		change.evidence = EVIDENCE_GIVEN;
		change.report = *given;
	}
	else if (paired)
	{
		change.evidence = EVIDENCE_OF_ROW;
		change.whole_counts = roll->part->whole_counts;
	}
	(void) trainjob_store_job(roll->set, job, &change);
}

/*
 * The best evidence that the reports give, alone or with what the job's row
 * shows.
 */
static bool
find_evidence(RollUp *roll, JobReports *reports, LockedJob *job,
			  EpochReport *found)
{
	EvidenceSearch search = reports->evidence;
	Value step = job->value[JOB_CURRENT_STEP];
	Value epoch = job->value[JOB_CURRENT_EPOCH];

	if (!roll->part->whole_counts)
		search.has_whole = search.has_pair = false;
	if (search.has_whole && !search.has_pair && !step.isnull && !epoch.isnull &&
		(epoch.number == floor(epoch.number) ||
		 (trainjob_beside(epoch.number) > 0 && !search.has_fraction &&
		  step.count < search.whole.step)))
		trainjob_add_evidence(&search, step.count, epoch.number);
	return trainjob_best_evidence(&search, found);
}

/* Whether the job's row shows newer evidence, which agrees with its total. */
static bool
shows_newer(LockedJob *job, const EpochReport *report)
{
	Value step = job->value[JOB_CURRENT_STEP];
	Value epoch = job->value[JOB_CURRENT_EPOCH];
	EpochReport shown = {.step = step.count, .epoch = epoch.number};
	TotalRange range;

	return !step.isnull && !epoch.isnull && step.count >= report->step &&
		   trainjob_total_range(job->value[JOB_TOTAL_EPOCHS].number, &shown,
								&range) &&
		   range.least == range.most &&
		   range.least == job->value[JOB_TOTAL_STEPS].count;
}

/*
 * Whether reports that are not newer than what the job knows may move its total:
 * an estimate, or one that is not known.  Any other may be what came of these
 * very reports, for a restore brings them again.
 */
static bool
is_open_to_late(LockedJob *job)
{
	TotalSource source =
		trainjob_source_of(job->value[JOB_TOTAL_STEPS_SOURCE].text);

	return source == SOURCE_ESTIMATED || source == SOURCE_UNKNOWN;
}

/*
 * Whether the reports hold an epoch that may prove the job's total wrong, and
 * that the job's row, which shows one step and the newest epoch, will not show
 * beside the step that it belongs to.  However late a fraction is reported, it
 * counts.
 */
static bool
has_hidden_evidence(RollUp *roll, JobReports *reports, LockedJob *job,
					EpochReport *evidence)
{
	Newest *epoch = &reports->newest[LATEST_EPOCH];
	Value step = job->value[JOB_CURRENT_STEP];
	Value restarted = job->value[JOB_RESTARTED_AT];
	Value reported = job->value[JOB_LAST_METRIC_AT];
	Value total = job->value[JOB_TOTAL_STEPS];
	Value source = job->value[JOB_TOTAL_STEPS_SOURCE];
	bool is_whole;

	if (job->value[JOB_TOTAL_EPOCHS].isnull ||
		roll->part->jobs.column[JOB_CURRENT_STEP].attnum == 0 ||
		roll->part->jobs.column[JOB_CURRENT_EPOCH].attnum == 0 ||
		(!restarted.isnull && reports->min_recorded < restarted.time) ||
		!find_evidence(roll, reports, job, evidence))
		return false;
	is_whole = evidence->is_pair || evidence->beside > 0;
	if (!is_whole && evidence->step == epoch->step &&
		evidence->step == reports->max_step &&
		(step.isnull || step.count < evidence->step))
		return false; /* it will be shown */
	/* whole ones may be of before there was an estimate */
	if (!reported.isnull && reports->max_recorded <= reported.time &&
		(is_whole || !is_open_to_late(job)))
		return false;
	if (total.isnull)
		return true;
	return trainjob_is_provable(trainjob_source_of(source.text)) &&
		   !trainjob_epoch_agrees(total.count,
								  job->value[JOB_TOTAL_EPOCHS].number,
								  evidence) &&
		   !shows_newer(job, evidence);
}

/* Whether the job's columns could hold such a step and epoch. */
static bool
evidence_fits(RollUp *roll, const EpochReport *evidence)
{
	Value step = {.count = evidence->step};
	Value epoch = {.number = evidence->epoch};
	bool step_null;
	bool epoch_null;

	(void) trainjob_write_value(&roll->part->jobs.column[JOB_CURRENT_STEP],
								&step, &step_null);
	(void) trainjob_write_value(&roll->part->jobs.column[JOB_CURRENT_EPOCH],
								&epoch, &epoch_null);
	return !step_null && !epoch_null;
}

static void
settle_locked(RollUp *roll, JobReports *reports, LockedJob *job)
{
	Newest *epoch = &reports->newest[LATEST_EPOCH];
	Value *reported;
	bool ahead;
	EpochReport evidence;
	bool hidden = has_hidden_evidence(roll, reports, job, &evidence) &&
				  evidence_fits(roll, &evidence);

	settle_status(roll, reports, job);
	ahead = is_ahead(roll, reports, job);
	if (ahead)
		take_reports(roll, reports, job);
	else
		take_newest(roll, reports, job);
	settle_best(roll, reports, job);
	reported = &job->value[JOB_LAST_METRIC_AT];
	if (reports->max_recorded != DT_NOBEGIN &&
		(reported->isnull || reported->time < reports->max_recorded))
		*reported = (Value){.time = reports->max_recorded};
	write_job(roll, reports, job,
			  ahead && (!epoch->seen || epoch->step == reports->max_step),
			  hidden ? &evidence : NULL);
}

void
trainjob_settle_job(RollUp *roll, JobReports *reports)
{
	LockedJob job;

	if (trainjob_lock_job(roll->set, &roll->part->jobs, QUERY_LOCK,
						  reports->job_id, &job))
		settle_locked(roll, reports, &job);
}

void
trainjob_settle_attempt(RollUp *roll, JobReports *reports)
{
	LockedJob job;

	if (!trainjob_lock_job(roll->set, &roll->part->jobs, QUERY_LOCK,
						   reports->job_id, &job))
		return;
	take_newest(roll, reports, &job);
	write_job(roll, reports, &job, false, NULL);
}
