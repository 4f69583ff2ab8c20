/*
 * advance.c
 *	  The short way up: reports that are ahead of all before.
 *
 * One update does it all, and makes sure that they are ahead of what the row
 * says after waiting for whoever held it (JobUpdate.if_ahead).
 */
#include "postgres.h"

#include "jobs/job_change.h"
#include "metrics/advance.h"

/*
 * Gives the change the values of the reports; false where they are not for the
 * short way, or hold a value that does not fit the job's column.
 */
static bool
take_reports(RollUp *roll, const JobReports *reports, JobChange *change)
{
	const Newest *epoch = &reports->newest[LATEST_EPOCH];
	const EvidenceSearch *evidence = &reports->evidence;

	/*
	 * An evaluation may be the best; an epoch of another step than the last
	 * would be taken for evidence, or hides what is; a summary's loss counts if
	 * there is no other: all for settle.c.
	 */
	if (roll->is_update || reports->has_best ||
		roll->part->jobs.column[JOB_CURRENT_STEP].attnum == 0 ||
		(epoch->seen && epoch->step != reports->max_step) ||
		(evidence->has_fraction && evidence->fraction.step != epoch->step) ||
		(evidence->has_pair && !evidence->has_fraction))
		return false;

	if (!trainjob_give(change, JOB_CURRENT_STEP,
					   (Value){.count = reports->max_step}) ||
		!trainjob_give(change, JOB_LAST_METRIC_AT,
					   (Value){.time = reports->max_recorded}))
		return false;
	for (int i = 0; i < LATEST_COUNT; i++)
		if (reports->newest[i].seen
				? !trainjob_give(change, trainjob_latest[i].job,
								 (Value){.number = reports->newest[i].number})
				: reports->in_summary[i])
			return false;
	return true;
}

bool
trainjob_advance_job(RollUp *roll, const JobReports *reports)
{
	JobChange change = {.update = &roll->part->advance,
						.jobs = &roll->part->jobs,
						.job_id = reports->job_id,
						.by = FROM_REPORTS,
						.min_step = reports->min_step,
						.min_recorded = reports->min_recorded,
						.has_step_before = reports->next_step != PG_INT64_MIN,
						.step_before = reports->next_step,
						.evidence = EVIDENCE_OF_ROW,
						.whole_counts = roll->part->whole_counts};

	return take_reports(roll, reports, &change) &&
		   trainjob_change_job(roll->set, &change);
}
