/*
 * job_times.c
 *	  The timestamps of a job, which follow its status; what a restart does.
 */
#include "postgres.h"

#include "access/xact.h"

#include "jobs/job_row.h"
#include "jobs/job_times.h"
#include "status/status.h"

/* The status before the statement, also where the database computes it. */
static Value
status_before(JobFill *fill)
{
	TupleTableSlot *row = row_before_computing(fill);

	return is_computed(fill, JOB_STATUS) && row != NULL
			   ? value_in(fill, row, JOB_STATUS)
			   : value_before(fill, JOB_STATUS);
}

/*
 * Whether the status is another than before.  One that is computed changes after
 * fill_job has seen the row, which it is shown once more then.
 */
static bool
status_changes(JobFill *fill)
{
	if (!is_computed(fill, JOB_STATUS))
		return changed(fill, JOB_STATUS);
	return row_before_computing(fill) != NULL &&
		   !trainjob_same_value(&fill->part->column[JOB_STATUS],
								status_before(fill),
								value_now(fill, JOB_STATUS));
}

/* A time that the statement said before the status was computed by it. */
static Value
time_said_before(JobFill *fill, JobColumn c)
{
	Value now = value_now(fill, c);
	TupleTableSlot *row = row_before_computing(fill);

	if (row == NULL || trainjob_same_value(&fill->part->column[c],
										   value_in(fill, row, c), now))
		now.isnull = true;
	return now;
}

/*
 * When the status changed: what the writer says of it, by status_changed_at or
 * by the timestamp of the new state, but not later than now.
 */
static TimestampTz
time_of_change(JobFill *fill, JobState state)
{
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	JobColumn timestamp = trainjob_state_timestamp[state];
	Value given = {.isnull = true};

	if (said(fill, JOB_STATUS_CHANGED_AT))
		given = value_now(fill, JOB_STATUS_CHANGED_AT);
	else if (timestamp != JOB_COLUMNS && changed(fill, timestamp))
		given = value_now(fill, timestamp);
	else if (is_computed(fill, JOB_STATUS))
	{
		given = time_said_before(fill, JOB_STATUS_CHANGED_AT);
		if (given.isnull && timestamp != JOB_COLUMNS)
			given = time_said_before(fill, timestamp);
	}
	return given.isnull ? now : Min(given.time, now);
}

/*
 * A job that had ended goes on: what the end left is cleared, and steps count
 * from what the statement says or from nothing.
 */
static void
restart(JobFill *fill, TimestampTz when)
{
	static const JobColumn cleared[] = {JOB_COMPLETED_AT,  JOB_FAILED_AT,
										JOB_CANCELLED_AT,  JOB_ERROR,
										JOB_ERROR_TYPE,	   JOB_CURRENT_STEP,
										JOB_CURRENT_EPOCH, JOB_PROGRESS};

	if (!said(fill, JOB_RESTARTED_AT) || is_null(fill, JOB_RESTARTED_AT))
		fill_time(fill, JOB_RESTARTED_AT, when);
	for (int i = 0; i < lengthof(cleared); i++)
		if (!said(fill, cleared[i]))
			fill_null(fill, cleared[i]);
}

/* A job that had ended one way has ended another way: one end is true. */
static void
end_otherwise(JobFill *fill, JobState state)
{
	for (JobState other = STATE_FAILED; other <= STATE_CANCELLED; other++)
		if (other != state && !said(fill, trainjob_state_timestamp[other]))
			fill_null(fill, trainjob_state_timestamp[other]);
	if (!said(fill, JOB_PROGRESS))
		fill_null(fill, JOB_PROGRESS); /* a completed job's 100 */
	if (state == STATE_FAILED)
		return;
	if (!said(fill, JOB_ERROR))
		fill_null(fill, JOB_ERROR);
	if (!said(fill, JOB_ERROR_TYPE))
		fill_null(fill, JOB_ERROR_TYPE);
}

/* The status stays: so do its timestamps, whatever saves NULL over them. */
static void
keep_timestamps(JobFill *fill)
{
	static const JobColumn kept[] = {JOB_STARTED_AT,   JOB_COMPLETED_AT,
									 JOB_FAILED_AT,	   JOB_CANCELLED_AT,
									 JOB_RESTARTED_AT, JOB_STATUS_CHANGED_AT};

	for (int i = 0; i < lengthof(kept); i++)
		if (is_null(fill, kept[i]))
			keep(fill, kept[i]);
}

bool
trainjob_restarts(JobFill *fill)
{
	return fill->is_update && status_changes(fill) &&
		   trainjob_is_restart(trainjob_state_of(status_before(fill).text),
							   trainjob_state_of(
								   value_now(fill, JOB_STATUS).text));
}

JobState
trainjob_follow_status(JobFill *fill)
{
	TimestampTz when = GetCurrentTransactionStartTimestamp();
	JobState state = trainjob_state_of(value_now(fill, JOB_STATUS).text);
	JobColumn timestamp = trainjob_state_timestamp[state];

	if (fill->is_update)
	{
		JobState before;

		if (!status_changes(fill))
		{
			/* one that is computed may follow from them: they are the wish */
			if (!is_computed(fill, JOB_STATUS))
				keep_timestamps(fill);
			else if (fill->change != NULL && fill->change->by == FROM_DATASET &&
					 timestamp != JOB_COLUMNS && is_null(fill, timestamp))
				fill_time(fill, timestamp, when);
			return state;
		}
		before = trainjob_state_of(status_before(fill).text);
		when = time_of_change(fill, state);
		fill_time(fill, JOB_STATUS_CHANGED_AT, when);
		if (trainjob_is_restart(before, state))
			restart(fill, when);
		else if (trainjob_has_ended(before) && before != state)
			end_otherwise(fill, state);
	}
	if (timestamp != JOB_COLUMNS && is_null(fill, timestamp))
		fill_time(fill, timestamp, when);
	return state;
}
