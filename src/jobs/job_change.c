/*
 * job_change.c
 *	  Changing a job: the one way in which reports, alerts and datasets do it.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "jobs/job_change.h"
#include "status/status.h"
#include "pg/trigger_call.h"
#include "tables/column_words.h"
#include "tables/filler.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/value_write.h"

const JobColumn trainjob_state_timestamp[] = {
	[STATE_WAITING] = JOB_COLUMNS,		  [STATE_RUNNING] = JOB_STARTED_AT,
	[STATE_FAILED] = JOB_FAILED_AT,		  [STATE_COMPLETED] = JOB_COMPLETED_AT,
	[STATE_CANCELLED] = JOB_CANCELLED_AT,
};

/* A trigger of the application's may make one in the middle of another. */
static JobChange *at_work = NULL;

const JobChange *
trainjob_change_of(TupleTableSlot *row, const Column *key)
{
	bool isnull;
	Datum id;
	const Column *own;

	if (at_work == NULL || key->attnum == 0 ||
		trainjob_trigger_depth() > at_work->depth + 1)
		return NULL;
	own = &at_work->jobs->column[JOB_ID];
	if (own->table != key->table && !get_rel_relispartition(key->table))
		return NULL;
	id = slot_getattr(row, key->attnum, &isnull);
	if (isnull ||
		!datum_image_eq(id, at_work->job_id, own->typbyval, own->typlen))
		return NULL;
	return at_work;
}

/* ----------
 * Once for a set
 * ----------
 */

/* The timestamps of all states as well, from which a status is computed. */
static void
find_state_timestamps(TrainjobSet *set, Relation rel, JobTable *jobs)
{
	int *wanted = palloc((jobs->wanted_count + STATE_CANCELLED) * sizeof(int));
	int count = jobs->wanted_count;

	memcpy(wanted, jobs->wanted, count * sizeof(int));
	for (JobState state = STATE_RUNNING; state <= STATE_CANCELLED; state++)
	{
		JobColumn c = trainjob_state_timestamp[state];

		if (trainjob_find_column(set, TABLE_JOBS, rel, c, false,
								 &jobs->column[c]))
			wanted[count++] = c;
	}
	jobs->wanted = wanted;
	jobs->wanted_count = count;
}

void
trainjob_find_job_table(TrainjobSet *set, Relation rel, const int *wanted,
						int count, const Column *reference, JobTable *jobs)
{
	Column *key = &jobs->column[JOB_ID];

	trainjob_find_column(set, TABLE_JOBS, rel, JOB_ID, true, key);
	trainjob_find_columns(set, TABLE_JOBS, rel, wanted, count, jobs->column);
	jobs->wanted = wanted;
	jobs->wanted_count = count;
	if (jobs->column[JOB_STATUS].is_generated)
		find_state_timestamps(set, rel, jobs);
	if (reference != NULL)
		trainjob_check_reference(reference, key);
	/* a key of another type than the reference goes through a cast */
	if (reference == NULL || reference->type == key->type)
		(void) trainjob_plan_find(rel, key, true, ACL_SELECT | ACL_UPDATE,
								  &jobs->find);
}

/* Whether a column is written only with a change of the status. */
static bool
goes_with_status(const JobTable *jobs, JobColumn c)
{
	for (JobState state = STATE_RUNNING;
		 jobs->column[JOB_STATUS].is_generated && state <= STATE_CANCELLED;
		 state++)
		if (c == trainjob_state_timestamp[state])
			return true;
	return c == JOB_STATUS || c == JOB_STATUS_CHANGED_AT ||
		   c == JOB_RESTARTED_AT || c == JOB_ERROR || c == JOB_ERROR_TYPE;
}

void
trainjob_add_setting(JobUpdate *update, const JobTable *jobs, JobColumn column,
					 ChangeHow how)
{
	if (column == JOB_STATUS && jobs->column[column].is_generated)
		for (JobState state = STATE_RUNNING; state <= STATE_CANCELLED; state++)
			trainjob_add_setting(update, jobs, trainjob_state_timestamp[state],
								 how);
	if (jobs->column[column].attnum == 0 || jobs->column[column].is_generated)
		return;
	update->setting[update->count++] = (JobSetting){column, how};
	if (!goes_with_status(jobs, column))
		return;
	Assert(update->status_count == update->count - 1);
	update->status_count++;
}

/* The first setting that applies. */
static inline int
first_setting(const JobUpdate *update, bool sets_status)
{
	return sets_status ? 0 : update->status_count;
}

void
trainjob_plan_job_update(JobUpdate *update, const JobTable *jobs, Relation rel,
						 int query)
{
	update->query = query;
	for (int status = 0; status <= (update->status_count > 0 ? 1 : 0); status++)
	{
		Bitmapset *columns = NULL;

		/* numbered as in TriggerData.tg_updatedcols */
		for (int i = first_setting(update, status); i < update->count; i++)
			columns =
				bms_add_member(columns,
							   jobs->column[update->setting[i].column].attnum -
								   FirstLowInvalidHeapAttributeNumber);
		update->direct[status] =
			trainjob_plan_direct(rel, &jobs->find, columns);
	}
}

/* ----------
 * Locking a job
 * ----------
 */

/* SELECT columns FROM jobs WHERE id = $1 FOR NO KEY UPDATE */
static SPIPlanPtr
lock_plan(TrainjobSet *set, const JobTable *jobs, int number)
{
	Oid type = jobs->column[JOB_ID].type;

	if (set->plan[number] != NULL)
		return set->plan[number];
	return trainjob_keep_plan(
		set, number,
		psprintf("SELECT %s FROM %s WHERE %s FOR NO KEY UPDATE",
				 trainjob_select_list(jobs->column, jobs->wanted,
									  jobs->wanted_count),
				 set->table[TABLE_JOBS].quoted,
				 trainjob_equals(&jobs->column[JOB_ID], 1)),
		1, &type);
}

static void
read_job(const JobTable *jobs, const FoundRow *row, LockedJob *job)
{
	for (int i = 0; i < jobs->wanted_count; i++)
	{
		JobColumn c = jobs->wanted[i];
		const Column *column = &jobs->column[c];
		Datum datum =
			trainjob_found_datum(row, i + 1, column, &job->stored_null[c]);

		/* a copy, for the row goes, and a key is kept as it is */
		job->stored[c] =
			job->stored_null[c]
				? (Datum) 0
				: datumCopy(datum, column->typbyval, column->typlen);
		job->value[c] =
			trainjob_read_value(column, job->stored[c], job->stored_null[c]);
	}
}

void
trainjob_read_job(const JobTable *jobs, TupleTableSlot *row, LockedJob *job)
{
	FoundRow found = {.slot = row};

	read_job(jobs, &found, job);
}

/* A job that is being locked. */
typedef struct JobLock
{
	const JobTable *jobs;
	LockedJob *job;
	bool found;
} JobLock;

/* A DirectVisit. */
static bool
see_job(Relation rel, TupleTableSlot *row, void *arg)
{
	JobLock *lock = arg;

	trainjob_read_job(lock->jobs, row, lock->job);
	lock->found = true;
	return false;
}

static void
lock_by_sql(TrainjobSet *set, int query, Datum job_id, JobLock *lock)
{
	MemoryContext memory = CurrentMemoryContext;
	FoundRow found = {0};

	SPI_connect();
	lock->found = trainjob_execute(lock_plan(set, lock->jobs, query),
								   SPI_OK_SELECT, &job_id, NULL) > 0;
	MemoryContextSwitchTo(memory);
	if (lock->found)
		read_job(lock->jobs, &found, lock->job);
	SPI_finish();
}

bool
trainjob_lock_job(TrainjobSet *set, const JobTable *jobs, int query,
				  Datum job_id, LockedJob *job)
{
	JobLock lock = {jobs, job, false};

	/* a domain's CHECK may have altered the table */
	if (!set->valid || !trainjob_lock_row(&jobs->find, job_id, see_job, &lock))
		lock_by_sql(set, query, job_id, &lock);
	return lock.found;
}

/* ----------
 * Changing it
 * ----------
 */

bool
trainjob_give(JobChange *change, JobColumn column, Value value)
{
	const Column *found = &change->jobs->column[column];

	if (found->attnum == 0)
		return true;
	change->datum[column] =
		trainjob_write_value(found, &value, &change->isnull[column]);
	change->given |= GIVEN(column);
	if (value.isnull)
		return true;
	return !change->isnull[column] &&
		   (!found->has_filler ||
			!trainjob_convert_value(found, change->datum[column]).isnull);
}

bool
trainjob_set_status(const JobTable *jobs, LockedJob *job, const char *status,
					TimestampTz when)
{
	const Column *column = &jobs->column[JOB_STATUS];
	JobState after = trainjob_state_of(status);

	if (!trainjob_can_say(column, status))
		return false;
	job->value[JOB_STATUS] = (Value){.text = unconstify(char *, status)};
	for (JobState state = STATE_RUNNING;
		 column->is_generated && state <= STATE_CANCELLED; state++)
	{
		Value *timestamp = &job->value[trainjob_state_timestamp[state]];

		if (state == after)
			*timestamp = (Value){.time = when};
		else if (trainjob_has_ended(state))
			timestamp->isnull = true;
	}
	return true;
}

/* JobUpdate.if_ahead, for a row at hand. */
static bool
is_ahead(const JobChange *change, TupleTableSlot *row)
{
	const Column *column = change->jobs->column;
	Value status = trainjob_row_value(row, &column[JOB_STATUS]);
	Value step = trainjob_row_value(row, &column[JOB_CURRENT_STEP]);
	Value restarted = trainjob_row_value(row, &column[JOB_RESTARTED_AT]);

	return !status.isnull && strcmp(status.text, STATUS_RUNNING) == 0 &&
		   !step.isnull && step.count < change->min_step &&
		   (restarted.isnull || restarted.time <= change->min_recorded);
}

/* Whether a time is later than the row's. */
static bool
is_later(const Column *column, TupleTableSlot *row, Datum time)
{
	Value stored = trainjob_row_value(row, column);

	return stored.isnull ||
		   stored.time < trainjob_read_value(column, time, false).time;
}

bool
trainjob_change_row(TupleTableSlot *row, Datum *values, bool *isnull, void *arg)
{
	const JobChange *change = arg;
	const JobUpdate *update = change->update;

	if (update->if_ahead && !is_ahead(change, row))
		return false;
	for (int i = first_setting(update, change->sets_status); i < update->count;
		 i++)
	{
		JobColumn c = update->setting[i].column;
		ChangeHow how = update->setting[i].how;
		const Column *column = &change->jobs->column[c];

		if (how == CHANGE_TOUCH || (change->given & GIVEN(c)) == 0 ||
			(how == CHANGE_GREATEST &&
			 !is_later(column, row, change->datum[c])))
			continue;
		values[column->attnum - 1] = change->datum[c];
		isnull[column->attnum - 1] = change->isnull[c];
	}
	return true;
}

/* JobUpdate.if_ahead as part of a WHERE clause: step $2, time $3. */
static char *
is_ahead_text(const JobTable *jobs)
{
	const Column *step = &jobs->column[JOB_CURRENT_STEP];
	const Column *restarted = &jobs->column[JOB_RESTARTED_AT];
	const char *name = quote_identifier(step->name);
	const char *of_attempt = "";

	if (restarted->attnum != 0)
		of_attempt = psprintf(" AND (%s OR %s OPERATOR(pg_catalog.<=) $3)",
							  trainjob_is_null_text(restarted),
							  quote_identifier(restarted->name));
	return psprintf(" AND %s OPERATOR(pg_catalog.=) '" STATUS_RUNNING "'"
					" AND NOT (%s) AND %s OPERATOR(pg_catalog.<) $2%s",
					trainjob_meaning_text(&jobs->column[JOB_STATUS]),
					trainjob_is_null_text(step), name, of_attempt);
}

/* What a column is set to, with the value as parameter "n". */
static char *
setting_text(const char *name, ChangeHow how, int n)
{
	switch (how)
	{
		case CHANGE_COALESCE:
			return psprintf("%s = COALESCE($%d, %s)", name, n, name);
		case CHANGE_GREATEST:
			return psprintf("%s = GREATEST(%s, $%d)", name, name, n);
		case CHANGE_TOUCH:
			return psprintf("%s = %s", name, name);
		case CHANGE_SET:
			break;
	}
	return psprintf("%s = $%d", name, n);
}

/* The parameters of an UPDATE before those of its settings. */
#define FIRST_PARAMETERS 3

/* UPDATE jobs SET columns = $4, ... WHERE id = $1, and see is_ahead_text() */
static SPIPlanPtr
update_plan(TrainjobSet *set, const JobChange *change)
{
	const JobUpdate *update = change->update;
	const JobTable *jobs = change->jobs;
	int number = update->query + (change->sets_status ? 1 : 0);
	int first = first_setting(update, change->sets_status);
	int nargs = FIRST_PARAMETERS;
	Oid types[FIRST_PARAMETERS + JOB_COLUMNS] = {
		jobs->column[JOB_ID].type, INT8OID,
		trainjob_time_type(&jobs->column[JOB_RESTARTED_AT])};
	StringInfoData settings;

	if (set->plan[number] != NULL)
		return set->plan[number];
	initStringInfo(&settings);
	for (int i = first; i < update->count; i++)
	{
		const Column *column = &jobs->column[update->setting[i].column];

		types[nargs++] = column->type;
		trainjob_add_item(&settings, "%s",
						  setting_text(quote_identifier(column->name),
									   update->setting[i].how, nargs));
	}
	return trainjob_keep_plan(
		set, number,
		psprintf("UPDATE %s SET %s WHERE %s%s", set->table[TABLE_JOBS].quoted,
				 settings.data, trainjob_equals(&jobs->column[JOB_ID], 1),
				 update->if_ahead ? is_ahead_text(jobs) : ""),
		nargs, types);
}

/* trainjob_change_row() by SQL. */
static bool
change_by_sql(TrainjobSet *set, const JobChange *change)
{
	const JobUpdate *update = change->update;
	Datum args[FIRST_PARAMETERS + JOB_COLUMNS] = {
		change->job_id, Int64GetDatum(change->min_step),
		TimestampTzGetDatum(change->min_recorded)};
	char nulls[FIRST_PARAMETERS + JOB_COLUMNS] = {' ', ' ', ' '};
	int n = FIRST_PARAMETERS;
	bool updated;

	for (int i = first_setting(update, change->sets_status); i < update->count;
		 i++)
	{
		JobColumn c = update->setting[i].column;
		bool given = (change->given & GIVEN(c)) != 0;

		args[n] = given ? change->datum[c] : (Datum) 0;
		nulls[n++] = given && !change->isnull[c] ? ' ' : 'n';
	}
	SPI_connect();
	updated = trainjob_execute(update_plan(set, change), SPI_OK_UPDATE, args,
							   nulls) > 0;
	SPI_finish();
	return updated;
}

void
trainjob_make_change(JobChange *change,
					 void (*make)(JobChange *change, void *arg), void *arg)
{
	change->depth = trainjob_trigger_depth();
	change->outer = at_work;
	PG_TRY();
	{
		at_work = change;
		make(change, arg);
	}
	PG_FINALLY();
	{
		at_work = change->outer;
	}
	PG_END_TRY();
}

/* A change that is to be stored, and whether it was. */
typedef struct StoredChange
{
	TrainjobSet *set;
	bool made;
} StoredChange;

static void
store_change(JobChange *change, void *arg)
{
	StoredChange *stored = arg;
	DirectUpdate *direct = change->update->direct[change->sets_status ? 1 : 0];
	DirectResult result = DIRECT_IMPOSSIBLE;

	/* a domain's CHECK may have altered the table */
	if (direct != NULL && stored->set->valid)
		result = trainjob_direct_update(direct, change->job_id,
										trainjob_change_row, change);
	stored->made = result == DIRECT_IMPOSSIBLE
					   ? change_by_sql(stored->set, change)
					   : result == DIRECT_DONE;
}

bool
trainjob_change_job(TrainjobSet *set, JobChange *change)
{
	StoredChange stored = {set, false};

	trainjob_make_change(change, store_change, &stored);
	return stored.made;
}

bool
trainjob_store_job(TrainjobSet *set, LockedJob *job, JobChange *change)
{
	const JobUpdate *update = change->update;
	bool differs = change->evidence == EVIDENCE_GIVEN;

	for (int i = 0; i < update->count; i++)
	{
		JobColumn c = update->setting[i].column;
		const Column *column = &change->jobs->column[c];

		if (update->setting[i].how == CHANGE_COALESCE && job->value[c].isnull)
			continue;
		change->given |= GIVEN(c);
		/* a status that stays keeps its word, which we might not be able to say */
		if (column->words != NULL &&
			trainjob_same_value(column, job->value[c],
								trainjob_read_value(column, job->stored[c],
													job->stored_null[c])))
		{
			change->datum[c] = job->stored[c];
			change->isnull[c] = job->stored_null[c];
			continue;
		}
		change->datum[c] =
			trainjob_write_value(column, &job->value[c], &change->isnull[c]);
		if (trainjob_same_datum(column, job->stored[c], job->stored_null[c],
								change->datum[c], change->isnull[c]))
			continue;
		differs = true;
		if (i < update->status_count)
			change->sets_status = true;
	}
	return !differs || trainjob_change_job(set, change);
}
