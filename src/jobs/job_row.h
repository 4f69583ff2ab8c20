/*
 * job_row.h
 *	  A row of the jobs table at work in fill_job.
 */
#ifndef TRAINJOB_JOBS_JOB_ROW_H
#define TRAINJOB_JOBS_JOB_ROW_H

#include "commands/trigger.h"

#include "jobs/dataset_meeting.h"
#include "jobs/job_change.h"
#include "status/status.h"
#include "pg/trigger_call.h"
#include "steps/steps.h"
#include "tables/direct_find.h"
#include "tables/set.h"

/* What fill_job keeps of a jobs table (TrainjobSet.part). */
typedef struct FillPart
{
	Column key;
	Column column[JOB_COLUMNS]; /* those that it reads or fills */
	DatasetMeeting meeting;		/* columns of datasets, too */
	DirectFind find_path;		/* datasets of a path */
} FillPart;

/* A row at work. */
typedef struct JobFill
{
	TriggerData *trigdata;
	TrainjobSet *set;
	FillPart *part;
	bool is_update;
	const JobChange *change;  /* where trainjob itself makes it */
	TupleTableSlot *new_row;  /* as the statement leaves it */
	TupleTableSlot *old_row;  /* NULL on INSERT */
	Value value[JOB_COLUMNS]; /* what was filled, */
	bool filled[JOB_COLUMNS]; /* where this says so */
	uint64 kept;			  /* columns that the statement may not change */
	uint64 as_stored;		  /* of these, what nothing was filled in since */
	bool is_unfilled;		  /* it lacks what the row of an INSERT was given */
	SampleCounts found;		  /* what counts were looked up, see counts_now() */
} JobFill;

/* Builds FillPart, see trainjob_get_own(). */
extern void trainjob_build_fill_part(TrainjobSet *set, Relation rel);

/* A stored Datum of a row; *isnull is true for an absent column. */
static inline Datum
stored(JobFill *fill, TupleTableSlot *row, JobColumn c, bool *isnull)
{
	AttrNumber attnum = fill->part->column[c].attnum;

	if (attnum == 0 || row == NULL)
	{
		*isnull = true;
		return (Datum) 0;
	}
	return slot_getattr(row, attnum, isnull);
}

static inline Value
value_in(JobFill *fill, TupleTableSlot *row, JobColumn c)
{
	return trainjob_row_value(row, &fill->part->column[c]);
}

static inline Value
value_before(JobFill *fill, JobColumn c)
{
	return value_in(fill, fill->old_row, c);
}

/* The value of a column as it stands now, what was filled included. */
static inline Value
value_now(JobFill *fill, JobColumn c)
{
	return fill->filled[c] ? fill->value[c] : value_in(fill, fill->new_row, c);
}

/* Whether there is no value; a count that no bigint holds is none. */
static inline bool
is_null(JobFill *fill, JobColumn c)
{
	Column *column = &fill->part->column[c];
	Datum datum;
	bool isnull;

	if (fill->filled[c])
		return fill->value[c].isnull;
	datum = stored(fill, fill->new_row, c, &isnull);
	return isnull || ((column->has_filler || column->kind == COLUMN_COUNT) &&
					  trainjob_read_value(column, datum, false).isnull);
}

static inline bool
has_column(JobFill *fill, JobColumn c)
{
	return fill->part->column[c].attnum != 0;
}

/* Whether the database computes the column, after the triggers before a row. */
static inline bool
is_computed(JobFill *fill, JobColumn c)
{
	return fill->part->column[c].is_generated;
}

/*
 * The row before what the database computes was computed anew, of which fill_job
 * is told once it was; NULL in any other call.
 */
static inline TupleTableSlot *
row_before_computing(JobFill *fill)
{
	return fill->change != NULL ? fill->change->before : NULL;
}

/* Whether the statement gave the column another value; INSERT: any value. */
static inline bool
changed(JobFill *fill, JobColumn c)
{
	bool old_null;
	bool new_null;
	Datum old_datum;
	Datum new_datum;

	if ((fill->kept & GIVEN(c)) != 0)
		return false;
	old_datum = stored(fill, fill->old_row, c, &old_null);
	new_datum = stored(fill, fill->new_row, c, &new_null);
	return !trainjob_same_datum(&fill->part->column[c], old_datum, old_null,
								new_datum, new_null);
}

/* Whether a change of trainjob's own gives the column a value, be it the same. */
static inline bool
given(JobFill *fill, JobColumn c)
{
	return fill->change != NULL && (fill->change->given & GIVEN(c)) != 0;
}

/*
 * Whether the writer meant the column to have the value it has: an application
 * by another value than is stored, and only so, whatever its SET list names.
 */
static inline bool
said(JobFill *fill, JobColumn c)
{
	return changed(fill, c) || given(fill, c);
}

static inline void
fill_value(JobFill *fill, JobColumn c, Value value)
{
	if (!has_column(fill, c) || is_computed(fill, c))
		return;
	fill->value[c] = value;
	fill->filled[c] = true;
	fill->as_stored &= ~GIVEN(c);
}

/* The column stays as it is stored, whatever the statement gave it. */
static inline void
keep(JobFill *fill, JobColumn c)
{
	if (!has_column(fill, c) || !changed(fill, c))
		return;
	fill_value(fill, c, value_before(fill, c));
	fill->kept |= GIVEN(c);
	fill->as_stored |= GIVEN(c);
}

static inline void
fill_null(JobFill *fill, JobColumn c)
{
	if (!is_null(fill, c))
		fill_value(fill, c, (Value){.isnull = true});
}

static inline void
fill_time(JobFill *fill, JobColumn c, TimestampTz time)
{
	fill_value(fill, c, (Value){.time = time});
}

static inline void
fill_count(JobFill *fill, JobColumn c, int64 count)
{
	Value now = value_now(fill, c);

	if (now.isnull || now.count != count)
		fill_value(fill, c, (Value){.count = count});
}

static inline void
fill_number(JobFill *fill, JobColumn c, double number)
{
	Value now = value_now(fill, c);

	if (now.isnull || now.number != number)
		fill_value(fill, c, (Value){.number = number});
}

static inline void
fill_text(JobFill *fill, JobColumn c, const char *text)
{
	Value now = value_now(fill, c);

	if (now.isnull || strcmp(now.text, text) != 0)
		fill_value(fill, c, (Value){.text = (char *) text});
}

#endif /* TRAINJOB_JOBS_JOB_ROW_H */
