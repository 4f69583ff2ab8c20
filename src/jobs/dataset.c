/*
 * dataset.c
 *	  Jobs that a dataset which comes later, or at the same time, fills.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "jobs/dataset.h"
#include "jobs/dataset_meeting.h"
#include "jobs/job_change.h"
#include "pg/trigger_call.h"
#include "tables/column_words.h"
#include "tables/filler.h"
#include "tables/meet.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/set.h"

PG_FUNCTION_INFO_V1(trainjob_fill_waiting_jobs);
PG_FUNCTION_INFO_V1(trainjob_await_dataset);

/* What fill_job makes the other columns of, and the database may compute. */
static const JobColumn inputs[] = {JOB_DATASET_PATH, JOB_CONFIG, JOB_STATUS,
								   JOB_USER_ID};

typedef struct DatasetPart
{
	JobTable jobs;
	JobUpdate touch;
	DatasetMeeting meeting;
	Column computed[lengthof(
		inputs)]; /* of a job, what fill_job cannot see in time */
	int computed_count;
} DatasetPart;

enum
{
	QUERY_WAITING_JOBS,
	QUERY_TOUCH_JOB
};
StaticAssertDecl(QUERY_TOUCH_JOB < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

/*
 * A touch writes a column that it leaves as it is, so that the job's triggers
 * look at the row: the first of these that the database does not compute.
 */
static void
plan_touch(TrainjobSet *set, DatasetPart *part, Relation jobs)
{
	static const int touched[] = {JOB_DATASET_PATH,	 JOB_TOTAL_SAMPLES,
								  JOB_TOTAL_STEPS,	 JOB_EXPECTED_TOTAL_STEPS,
								  JOB_TRAIN_SAMPLES, JOB_VAL_SAMPLES,
								  JOB_PROGRESS,		 JOB_CONFIG};

	trainjob_find_job_table(set, jobs, touched, lengthof(touched), NULL,
							&part->jobs);
	for (int i = 0; i < lengthof(touched) && part->touch.count == 0; i++)
		trainjob_add_setting(&part->touch, &part->jobs, touched[i],
							 CHANGE_TOUCH);
	trainjob_plan_job_update(&part->touch, &part->jobs, jobs, QUERY_TOUCH_JOB);
}

/* For fill_waiting_jobs, on the datasets table. */
static void
build_dataset_part(TrainjobSet *set, Relation rel)
{
	DatasetPart *part = palloc0(sizeof(DatasetPart));
	Relation jobs = trainjob_open_table(set, TABLE_JOBS, rel, true,
										ACL_SELECT | ACL_UPDATE);
	Column path;

	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_DATASET_PATH, true, &path);
	plan_touch(set, part, jobs);
	trainjob_plan_dataset_meeting(set, rel, jobs, &part->meeting);
	relation_close(jobs, NoLock);
	set->part = part;
}

static void
find_computed(TrainjobSet *set, DatasetPart *part, Relation jobs)
{
	for (int i = 0; i < lengthof(inputs); i++)
	{
		Column *column = &part->computed[part->computed_count];

		if (trainjob_find_column(set, TABLE_JOBS, jobs, inputs[i], false,
								 column) &&
			column->is_generated)
			part->computed_count++;
	}
}

/* For await_dataset, on the jobs table; there may be no datasets. */
static void
build_await_part(TrainjobSet *set, Relation rel)
{
	DatasetPart *part = palloc0(sizeof(DatasetPart));
	Relation datasets =
		trainjob_open_table(set, TABLE_DATASETS, rel, false, ACL_SELECT);

	plan_touch(set, part, rel);
	find_computed(set, part, rel);
	if (datasets != NULL)
	{
		trainjob_plan_dataset_meeting(set, datasets, rel, &part->meeting);
		relation_close(datasets, NoLock);
	}
	set->part = part;
}

/*
 * SELECT id FROM jobs
 *	WHERE dataset_path = $1 AND (total_samples IS NULL OR ...)
 *	  AND status has not ended AND user_id = $2
 *	ORDER BY id
 */
static SPIPlanPtr
waiting_jobs_plan(TrainjobSet *set, DatasetPart *part)
{
	DatasetMeeting *meeting = &part->meeting;
	const char *id = quote_identifier(part->jobs.column[JOB_ID].name);
	Oid types[2] = {trainjob_path_type(&meeting->job_path),
					meeting->dataset_user.type};
	bool by_user =
		meeting->dataset_user.attnum != 0 && meeting->job_user.attnum != 0;
	StringInfoData open;

	if (set->plan[QUERY_WAITING_JOBS] != NULL)
		return set->plan[QUERY_WAITING_JOBS];
	initStringInfo(&open);
	for (int i = 0; i < meeting->open_count; i++)
		appendStringInfo(&open, " OR %s",
						 trainjob_is_null_text(&meeting->open[i]));
	return trainjob_keep_plan(
		set, QUERY_WAITING_JOBS,
		psprintf("SELECT %s FROM %s WHERE %s"
				 " AND NOT _trainjob.has_ended(%s)"
				 " AND (false%s)%s ORDER BY %s",
				 id, set->table[TABLE_JOBS].quoted,
				 trainjob_equals(&meeting->job_path, 1),
				 trainjob_meaning_text(&meeting->job_status), open.data,
				 by_user ? psprintf(" AND ($2 IS NULL OR %s)",
									trainjob_equals(&meeting->job_user, 2))
						 : "",
				 id),
		by_user ? 2 : 1, types);
}

/*
 * Makes fill_job look the dataset of a job up, as if its path were said anew;
 * "before" is NULL or JobChange.before.
 */
static void
touch_job(TrainjobSet *set, DatasetPart *part, Datum job_id,
		  TupleTableSlot *before)
{
	JobChange change = {.update = &part->touch,
						.jobs = &part->jobs,
						.job_id = job_id,
						.by = FROM_DATASET,
						.given = GIVEN(JOB_DATASET_PATH),
						.before = before};

	/* without such a column there is nothing to fill */
	if (part->touch.count > 0)
		(void) trainjob_change_job(set, &change);
}

/* Whether an UPDATE changed nothing that a job takes from its dataset. */
static bool
dataset_is_same(TriggerData *trigdata, const DatasetMeeting *meeting)
{
	const Column *columns[] = {&meeting->dataset_path, &meeting->dataset_user,
							   &meeting->dataset_count[0],
							   &meeting->dataset_count[1],
							   &meeting->dataset_count[2]};

	for (int i = 0; i < lengthof(columns); i++)
		if (!trainjob_same_in_rows(trigdata->tg_trigslot, trigdata->tg_newslot,
								   columns[i]))
			return false;
	return true;
}

/*
 * Touches the jobs that wait for a dataset of this path and user (NULL: of
 * nobody).
 */
static void
touch_waiting_jobs(TrainjobSet *set, DatasetPart *part, const MeetName *dataset)
{
	Datum args[2] = {(Datum) 0, dataset->user};
	const char nulls[2] = {' ', dataset->user_null ? 'n' : ' '};
	MemoryContext per_job =
		AllocSetContextCreate(CurrentMemoryContext, "trainjob job",
							  ALLOCSET_DEFAULT_SIZES);
	SPITupleTable *jobs;
	uint64 count;
	TrainjobUser caller;

	if (!trainjob_path_value(&part->meeting.job_path,
							 TextDatumGetCString(dataset->key), &args[0]))
		return;
	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	count = trainjob_execute(waiting_jobs_plan(set, part), SPI_OK_SELECT, args,
							 nulls);
	jobs = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
	{
		MemoryContext memory = MemoryContextSwitchTo(per_job);
		bool isnull;

		CHECK_FOR_INTERRUPTS();
		touch_job(set, part,
				  trainjob_result(jobs, i, 1, &part->jobs.column[JOB_ID],
								  &isnull),
				  NULL);
		MemoryContextSwitchTo(memory);
		MemoryContextReset(per_job);
	}
	trainjob_restore_user(&caller);
	SPI_finish();
	MemoryContextDelete(per_job);
}

/* Asks for jobs that wait for a dataset, see MeetSide. */
static void
ask_for_jobs(TriggerData *trigdata, const MeetName *dataset,
			 MeetQuestion *question)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "fill_waiting_jobs",
										TABLE_DATASETS, build_dataset_part);
	DatasetPart *part = set->part;
	MeetingUser *own = palloc(sizeof(MeetingUser));
	char *path = TextDatumGetCString(dataset->key);

	*own = (MeetingUser){&part->meeting, dataset->user, dataset->user_null};
	*question = (MeetQuestion){&part->meeting.jobs, (Datum) 0,
							   trainjob_is_job_for_dataset, own};
	if (!trainjob_path_value(&part->meeting.job_path, path, &question->key))
		elog(ERROR, "no job can have dataset %s", path);
}

static void
touch_found_jobs(TriggerData *trigdata, const MeetName *dataset)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "fill_waiting_jobs",
										TABLE_DATASETS, build_dataset_part);

	touch_waiting_jobs(set, set->part, dataset);
}

static const MeetSide dataset_side = {ask_for_jobs, touch_found_jobs};

/* Fills the jobs that wait for the dataset of a row, or are about to. */
static void
fill_jobs_of(TriggerData *trigdata, TrainjobSet *set, TupleTableSlot *row)
{
	DatasetPart *part = set->part;
	const Column *user = &part->meeting.dataset_user;
	Value path = trainjob_row_value(row, &part->meeting.dataset_path);
	MeetName dataset = {.user_null = true};
	Datum job_path;

	if (path.isnull ||
		!trainjob_path_value(&part->meeting.job_path, path.text, &job_path))
		return;
	dataset.key = CStringGetTextDatum(path.text);
	if (user->attnum != 0)
		dataset.user = slot_getattr(row, user->attnum, &dataset.user_null);
	if (trainjob_datasets_can_meet(&part->meeting))
		trainjob_meet_await(&dataset_side, trigdata, &dataset,
							&(Column){.typlen = -1}, user);
	else
	{
		trainjob_lock_dataset_path(set->table[TABLE_DATASETS].oid, path.text,
								   ShareLock);
		touch_waiting_jobs(set, part, &dataset);
	}
}

/*
 * fill_waiting_jobs
 *		AFTER INSERT OR UPDATE FOR EACH ROW on a datasets table: fills the jobs
 *		of this dataset that lack a sample count and have not ended.
 *
 * Arguments: jobs=schema.name (required), jobs.column=name,
 * datasets.column=name.
 */
Datum
trainjob_fill_waiting_jobs(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "fill_waiting_jobs",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	TrainjobSet *set = trainjob_get_set(trigdata, "fill_waiting_jobs",
										TABLE_DATASETS, build_dataset_part);
	DatasetPart *part = set->part;
	bool is_update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);

	if (!is_update || !dataset_is_same(trigdata, &part->meeting))
		fill_jobs_of(trigdata, set,
					 is_update ? trigdata->tg_newslot : trigdata->tg_trigslot);
	return PointerGetDatum(NULL);
}

/* ----------
 * Jobs that come at the same time as their dataset
 * ----------
 */

/*
 * Whether a dataset that was being written may have missed the job: it waits,
 * and did not before, or for another one.  A job that waited as it does now is
 * found by the writer of the dataset, which then waits for its row.
 */
static bool
may_have_been_missed(TriggerData *trigdata, DatasetMeeting *meeting,
					 TupleTableSlot *row)
{
	TupleTableSlot *old_row = trigdata->tg_trigslot;

	if (!trainjob_is_waiting_job(meeting, row))
		return false;
	return !TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ||
		   !trainjob_is_waiting_job(meeting, old_row) ||
		   !trainjob_same_in_rows(old_row, row, &meeting->job_path) ||
		   !trainjob_same_in_rows(old_row, row, &meeting->job_user);
}

/* Touches the job of a row; for "before" see touch_job(). */
static void
touch_job_of(TrainjobSet *set, DatasetPart *part, TupleTableSlot *row,
			 TupleTableSlot *before)
{
	bool isnull;
	Datum job_id = slot_getattr(row, part->jobs.column[JOB_ID].attnum, &isnull);
	TrainjobUser caller;

	if (isnull)
		return;
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	touch_job(set, part, job_id, before);
	trainjob_restore_user(&caller);
}

/* Whether the database computed something that fill_job could not see. */
static bool
is_computed_anew(TriggerData *trigdata, const DatasetPart *part)
{
	for (int i = 0; i < part->computed_count; i++)
		if (!TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) ||
			!trainjob_same_in_rows(trigdata->tg_trigslot, trigdata->tg_newslot,
								   &part->computed[i]))
			return true;
	return false;
}

/* Shows fill_job what was computed. */
static void
fill_computed(TriggerData *trigdata, TupleTableSlot *row)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "await_dataset", TABLE_JOBS,
										build_await_part);

	touch_job_of(set, set->part, row,
				 TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)
					 ? trigdata->tg_trigslot
					 : NULL);
}

/* Looks once more for the dataset of a job that waits. */
static void
look_once_more(TriggerData *trigdata, TupleTableSlot *row)
{
	TrainjobSet *set = trainjob_get_set(trigdata, "await_dataset", TABLE_JOBS,
										build_await_part);
	DatasetPart *part = set->part;
	const DatasetMeeting *meeting = &part->meeting;
	MeetingUser own = {.meeting = meeting, .user_null = true};
	MeetQuestion question = {.table = &part->meeting.datasets,
							 .concerns = trainjob_is_dataset_for_job,
							 .arg = &own};
	MeetFound found;

	if (meeting->job_path.attnum == 0 ||
		!trainjob_datasets_can_meet(&part->meeting) ||
		!trainjob_path_value(&meeting->dataset_path,
							 trainjob_row_value(row, &meeting->job_path).text,
							 &question.key))
		return;
	if (meeting->job_user.attnum != 0)
		own.user = slot_getattr(row, meeting->job_user.attnum, &own.user_null);
	trainjob_meet_newcomer(&question, &found);
	/* what was committed before this statement fill_job has found */
	if (found.fresh)
		touch_job_of(set, part, row, NULL);
}

/*
 * await_dataset
 *		AFTER INSERT OR UPDATE FOR EACH ROW on a jobs table: where a job waits for
 *		its dataset, looks once more for it, and has the writer of that look for
 *		the job.  Where the database computes what a job is filled from, which is
 *		done after fill_job, the job is filled once more.
 *
 * Not for an UPDATE of certain columns: the types of these could not be changed
 * any more, and what another trigger did to them would not be seen.
 *
 * Arguments: datasets=schema.name (optional), jobs.column=name,
 * datasets.column=name.
 */
Datum
trainjob_await_dataset(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "await_dataset",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_INSERT |
										TRAINJOB_ON_UPDATE);
	TrainjobSet *set = trainjob_get_own(trigdata, "await_dataset", TABLE_JOBS,
										build_await_part);
	DatasetPart *part = set->part;
	TupleTableSlot *row = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)
							  ? trigdata->tg_newslot
							  : trigdata->tg_trigslot;

	if (is_computed_anew(trigdata, part))
		fill_computed(trigdata, row);
	if (part->meeting.job_path.attnum != 0 &&
		may_have_been_missed(trigdata, &part->meeting, row))
		look_once_more(trigdata, row);
	return PointerGetDatum(NULL);
}
