/*
 * job_change.h
 *	  Changing a job: the one way in which reports, alerts and datasets do it.
 *
 * Whoever changes jobs keeps a JobTable, and a JobUpdate for each kind of change:
 * which columns it sets, and how.  A change itself is a JobChange.  Its row is
 * updated without a query where that is possible (direct_update.c), else by an
 * UPDATE.
 *
 * The triggers on the jobs table are fired by everybody's updates.  What they
 * are to know of one that trainjob makes, and that the row does not say, they
 * find in its JobChange.
 */
#ifndef TRAINJOB_JOBS_JOB_CHANGE_H
#define TRAINJOB_JOBS_JOB_CHANGE_H

#include "jobs/direct_update.h"
#include "status/status.h"
#include "steps/evidence.h"
#include "tables/columns.h"
#include "tables/direct_find.h"
#include "tables/set.h"

/* A jobs table as whoever changes its rows keeps it. */
typedef struct JobTable
{
	Column column[JOB_COLUMNS]; /* attnum 0 where absent, or not wanted */
	int wanted_count;
	const int *wanted; /* the columns that trainjob_lock_job() reads */
	DirectFind find;   /* by id; no index where SQL must */
} JobTable;

/* How a column gets its value. */
typedef enum ChangeHow
{
	CHANGE_SET,
	CHANGE_COALESCE, /* where there is a value; else it stays */
	CHANGE_GREATEST, /* so, and the value is later */
	CHANGE_TOUCH	 /* it stays, but the triggers are to look at it */
} ChangeHow;

typedef struct JobSetting
{
	JobColumn column;
	ChangeHow how;
} JobSetting;

/*
 * A kind of change, made once for a set.  The settings of status and what goes
 * with it come first; they apply only where one of them differs: a trigger of
 * the application's on UPDATE OF status is not to fire by a report.
 */
typedef struct JobUpdate
{
	bool if_ahead; /* see JobChange */
	int count;
	int status_count;
	JobSetting setting[JOB_COLUMNS];
	int query;				 /* of the set, the next one for the status */
	DirectUpdate *direct[2]; /* without and with it; NULL where SQL must */
} JobUpdate;

/* The timestamp that belongs to a state; JOB_COLUMNS where none does. */
extern const JobColumn trainjob_state_timestamp[];

typedef enum JobChanger
{
	FROM_REPORTS,
	FROM_ALERT,
	FROM_DATASET,
	FROM_REFILL
} JobChanger;

/* What a change tells of a step and its epoch, which may prove a total wrong. */
typedef enum JobEvidence
{
	EVIDENCE_NONE,
	EVIDENCE_OF_ROW, /* current_step and current_epoch, if both change */
	EVIDENCE_GIVEN
} JobEvidence;

typedef struct JobChange
{
	const JobUpdate *update;
	const JobTable *jobs;
	Datum job_id;
	JobChanger by;

	uint64 given; /* the columns that get a value, by GIVEN() */
	Datum datum[JOB_COLUMNS];
	bool isnull[JOB_COLUMNS];
	bool sets_status; /* the settings of the status apply */

	/*
	 * JobUpdate.if_ahead: only if the job runs, at a step below this, in an
	 * attempt that is not younger.
	 */
	int64 min_step;
	TimestampTz min_recorded;

	bool has_step_before; /* reports: of more than one step, */
	int64 step_before;	  /* the highest but one */

	JobEvidence evidence;
	EpochReport report; /* EVIDENCE_GIVEN */
	bool whole_counts;	/* EVIDENCE_OF_ROW: whole epochs may be evidence */

	/*
	 * FROM_DATASET, where the database computed something after the triggers
	 * before a row: the row as it was before, NULL for a new one or any other
	 * change.
	 */
	TupleTableSlot *before;

	/* FROM_ALERT: the alert's id, NULL if it has none */
	const Column *alert_key;
	Value alert_id;

	bool is_preview; /* nothing will be stored */

	/* of trainjob_make_change() */
	int depth;				 /* trainjob_trigger_depth() */
	struct JobChange *outer; /* one in the middle of which this is made */
} JobChange;

#define GIVEN(column) (UINT64CONST(1) << (column))
StaticAssertDecl(JOB_COLUMNS <= 64, "more columns than JobChange.given holds");

/* A job that is locked: its columns as they are stored, and as they shall be. */
typedef struct LockedJob
{
	Datum stored[JOB_COLUMNS];
	bool stored_null[JOB_COLUMNS];
	Value value[JOB_COLUMNS];
} LockedJob;

/*
 * For TrainjobBuildPart functions, with the jobs table open: finds its id
 * and the columns that are wanted, a list that lasts.  "reference" is the column of another table
 * that job ids are taken from, NULL for the jobs table itself; an error if it
 * cannot refer to jobs.
 */
extern void trainjob_find_job_table(TrainjobSet *set, Relation rel,
									const int *wanted, int count,
									const Column *reference, JobTable *jobs);

/*
 * Adds a setting to a kind of change, if the table has the column.  In place of a
 * status that the database computes, the timestamps of all states.
 */
extern void trainjob_add_setting(JobUpdate *update, const JobTable *jobs,
								 JobColumn column, ChangeHow how);

/*
 * Prepares it when it has all its settings; "rel" is the jobs table, open.  One
 * that only has its query always takes SQL, with the privileges of whoever calls.
 */
extern void trainjob_plan_job_update(JobUpdate *update, const JobTable *jobs,
									 Relation rel, int query);

/*
 * Gives a column a value.  False if the column cannot hold it, which makes it
 * NULL, see trainjob_write_value(); true for an absent column.
 */
extern bool trainjob_give(JobChange *change, JobColumn column, Value value);

/*
 * Gives a locked job a status, as of a time.  False, and nothing is done, where
 * the column has no word for it.
 *
 * Where the database computes the status, the timestamp that belongs to it is set
 * and those of other ends are cleared: the status may follow from them.
 */
extern bool trainjob_set_status(const JobTable *jobs, LockedJob *job,
								const char *status, TimestampTz when);

/*
 * Locks a job as SELECT FOR NO KEY UPDATE does and reads what is wanted of it
 * into the current memory context.  False where there is none.
 *
 * "query" is the number of a query of the set.  The caller has become the
 * owner of the jobs table, here and in what follows.
 */
extern bool trainjob_lock_job(TrainjobSet *set, const JobTable *jobs, int query,
							  Datum job_id, LockedJob *job);

/* Reads what is wanted of a job from its row into the current context. */
extern void trainjob_read_job(const JobTable *jobs, TupleTableSlot *row,
							  LockedJob *job);

/*
 * Changes the values of a row at hand as "arg", a JobChange, says; false where
 * JobUpdate.if_ahead excludes the row.  A DirectChange.
 */
extern bool trainjob_change_row(TupleTableSlot *row, Datum *values,
								bool *isnull, void *arg);

/* A change is at work while "make" is called. */
extern void trainjob_make_change(JobChange *change,
								 void (*make)(JobChange *change, void *arg),
								 void *arg);

/*
 * Makes a change.  False if no row was updated: there is none, or one that
 * JobUpdate.if_ahead excludes, or a trigger of the jobs table kept it.
 */
extern bool trainjob_change_job(TrainjobSet *set, JobChange *change);

/*
 * Makes the change that brings a locked job's columns to their values, if any
 * of those that change->update sets differs, or there is evidence.  False where
 * it was to be made and was not.
 */
extern bool trainjob_store_job(TrainjobSet *set, LockedJob *job,
							   JobChange *change);

/*
 * For a trigger on a jobs table: the change that updates this row, NULL where
 * trainjob does not.  A trigger that the change fires may update the job once
 * more: that is not it.
 */
extern const JobChange *trainjob_change_of(TupleTableSlot *row,
										   const Column *key);

#endif /* TRAINJOB_JOBS_JOB_CHANGE_H */
