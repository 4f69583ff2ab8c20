/*
 * truth.c
 *	  What a job's row should say, by all its reports.
 *
 * verify_jobs lists where a row does not, refill_jobs mends it.  Both read all
 * reports of a job (newest.c) and compare by the rules of the roll-up: the
 * newest value of each column, never a step, time or best evaluation behind
 * those that the reports have.  A row may be beyond its reports: an alert may
 * have said so, or they were deleted when they were old.
 *
 * Everything here is done with the privileges of whoever calls.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "jobs/job_change.h"
#include "jobs/job_preview.h"
#include "jobs/job_total.h"
#include "status/status.h"
#include "metrics/newest.h"
#include "metrics/reports.h"
#include "tables/column_words.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/value_write.h"

PG_FUNCTION_INFO_V1(trainjob_job_disagreements);
PG_FUNCTION_INFO_V1(trainjob_wants_refill);
PG_FUNCTION_INFO_V1(trainjob_refill_job);

/* What is compared, and what it is compared by. */
static const int job_columns[] = {JOB_STATUS,
								  JOB_ERROR_TYPE,
								  JOB_STATUS_CHANGED_AT,
								  JOB_STARTED_AT,
								  JOB_RESTARTED_AT,
								  JOB_LAST_METRIC_AT,
								  JOB_CURRENT_STEP,
								  JOB_TOTAL_STEPS,
								  JOB_EXPECTED_TOTAL_STEPS,
								  JOB_TOTAL_STEPS_SOURCE,
								  JOB_TOTAL_EPOCHS,
								  JOB_PROGRESS,
								  JOB_BEST_EVAL_LOSS,
								  JOB_BEST_STEP,
								  JOB_BEST_EPOCH,
								  TRAINJOB_LATEST_JOB_COLUMNS};

/* What of it a refill sets, the status first. */
static const JobColumn refilled[] = {
	JOB_STATUS,			JOB_STARTED_AT,
	JOB_LAST_METRIC_AT, JOB_CURRENT_STEP,
	JOB_BEST_EVAL_LOSS, JOB_BEST_STEP,
	JOB_BEST_EPOCH,		TRAINJOB_LATEST_JOB_COLUMNS};

/* What it has fill_job look at again, and what it may find. */
static const int inputs[] = {JOB_CONFIG, JOB_DATASET_PATH};
static const int found[] = {JOB_TOTAL_SAMPLES, JOB_TRAIN_SAMPLES,
							JOB_VAL_SAMPLES, JOB_TOTAL_STEPS};

/* TrainjobSet.part of the three functions. */
typedef struct TruthPart
{
	bool has_metrics;
	MetricColumns metric;
	JobTable jobs;
	JobUpdate refill;
} TruthPart;

enum
{
	QUERY_REFILL = QUERIES_OF_NEWEST,
	QUERY_REFILL_STATUS
};
StaticAssertDecl(QUERY_REFILL_STATUS < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

static void
build_truth_part(TrainjobSet *set, Relation jobs)
{
	TruthPart *part = palloc0(sizeof(TruthPart));
	JobUpdate *refill = &part->refill;
	/* the caller's privileges are asked by the queries */
	Relation metrics =
		trainjob_open_table(set, TABLE_METRICS, jobs, false, ACL_NO_RIGHTS);

	if (metrics != NULL)
	{
		part->has_metrics = true;
		trainjob_find_metric_columns(set, metrics, &part->metric);
		relation_close(metrics, NoLock);
	}
	trainjob_find_job_table(set, jobs, job_columns, lengthof(job_columns),
							metrics == NULL ? NULL : &part->metric.job_id,
							&part->jobs);
	trainjob_find_columns(set, TABLE_JOBS, jobs, inputs, lengthof(inputs),
						  part->jobs.column);
	trainjob_find_columns(set, TABLE_JOBS, jobs, found, lengthof(found),
						  part->jobs.column);
	for (int i = 0; i < lengthof(refilled); i++)
		trainjob_add_setting(refill, &part->jobs, refilled[i], CHANGE_COALESCE);
	for (int i = 0; i < lengthof(inputs); i++)
		trainjob_add_setting(refill, &part->jobs, inputs[i], CHANGE_TOUCH);
	/* never direct, but with the privileges of whoever calls */
	refill->query = QUERY_REFILL;
	set->part = part;
}

/* A job that is looked at. */
typedef struct JobTruth
{
	Relation rel;
	TrainjobSet *set;
	TruthPart *part;
	TupleTableSlot *row;
	Datum id;
	LockedJob job; /* .value is the truth where "differs" */
	uint64 differs;
	Value first_recorded;
	bool is_reported; /* the attempt has reports */
	bool has_evidence;
	bool moves_total;	  /* which it proves wrong, or shows */
	EpochReport evidence; /* the best that they give of the total */
} JobTruth;

static bool
differs(const JobTruth *truth, JobColumn c)
{
	return (truth->differs & GIVEN(c)) != 0;
}

/*
 * A value as the column would hold it, NULL where it does not fit; nobody is
 * warned of that here.
 */
static Value
fitting(const Column *column, Value value)
{
	Column quiet = *column;
	Datum datum;
	bool isnull;

	if (value.isnull || column->attnum == 0)
		return (Value){.isnull = true};
	quiet.table = InvalidOid;
	datum = trainjob_write_value(&quiet, &value, &isnull);
	return trainjob_read_value(column, datum, isnull);
}

/* The row should have this value. */
static void
should_be(JobTruth *truth, JobColumn c, Value value)
{
	truth->job.value[c] = value;
	truth->differs |= GIVEN(c);
}

static void
compare_latest(JobTruth *truth, const Value *newest)
{
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		JobColumn c = trainjob_latest[i].job;
		const Column *column = &truth->part->jobs.column[c];
		Value value = fitting(column, newest[c]);

		if (!value.isnull &&
			!trainjob_same_value(column, truth->job.value[c], value))
			should_be(truth, c, value);
	}
}

static void
compare_best(JobTruth *truth, const BestEvaluation *best)
{
	const Column *column = truth->part->jobs.column;
	Value stored = truth->job.value[JOB_BEST_EVAL_LOSS];
	Value stored_step = truth->job.value[JOB_BEST_STEP];
	Value loss = fitting(&column[JOB_BEST_EVAL_LOSS], best->loss);
	Value step = fitting(&column[JOB_BEST_STEP], best->step);
	Value epoch = fitting(&column[JOB_BEST_EPOCH], best->epoch);

	if (loss.isnull ||
		!trainjob_is_better(loss.number, best->step.count, stored, stored_step))
		return;
	if (stored.isnull || stored.number != loss.number)
		should_be(truth, JOB_BEST_EVAL_LOSS, loss);
	if (!step.isnull)
		should_be(truth, JOB_BEST_STEP, step);
	if (!epoch.isnull)
		should_be(truth, JOB_BEST_EPOCH, epoch);
}

/*
 * The best evidence that reports give of the total; none where they contradict
 * each other: then it depended on which came when.
 */
static bool
best_evidence(JobTruth *truth, const JobHistory *history, EpochReport *best)
{
	EvidenceSearch search = history->evidence;
	const TruthPart *part = truth->part;

	if (!trainjob_whole_counts(&part->metric,
							   &part->jobs.column[JOB_CURRENT_EPOCH]))
		search.has_whole = search.has_pair = false;
	return !history->contradicts_itself &&
		   trainjob_best_evidence(&search, best);
}

/* What the reports say better than the row. */
static void
compare_reports(JobTruth *truth, bool latest)
{
	const Column *column = truth->part->jobs.column;
	Value *value = truth->job.value;
	Value newest[JOB_COLUMNS];
	NewestSearch search = {.restarted = value[JOB_RESTARTED_AT],
						   .job = newest,
						   .step_wanted = true};
	JobHistory history;
	Value step;
	Value last;

	for (int i = 0; i < LATEST_COUNT; i++)
	{
		search.wanted[i] = true;
		newest[trainjob_latest[i].job].isnull = true;
	}
	trainjob_read_history(truth->set, &truth->part->metric, truth->id, latest,
						  &search, &history);
	truth->first_recorded = history.first_recorded;
	truth->is_reported = !search.step_wanted;
	truth->has_evidence = best_evidence(truth, &history, &truth->evidence);
	compare_latest(truth, newest);
	compare_best(truth, &history.best);
	step = fitting(&column[JOB_CURRENT_STEP],
				   (Value){.isnull = search.step_wanted, .count = search.step});
	if (!step.isnull && (value[JOB_CURRENT_STEP].isnull ||
						 value[JOB_CURRENT_STEP].count < step.count))
		should_be(truth, JOB_CURRENT_STEP, step);
	last = fitting(&column[JOB_LAST_METRIC_AT], history.last_recorded);
	if (!last.isnull && (value[JOB_LAST_METRIC_AT].isnull ||
						 TIMESTAMP_NOT_FINITE(value[JOB_LAST_METRIC_AT].time) ||
						 value[JOB_LAST_METRIC_AT].time < last.time))
		should_be(truth, JOB_LAST_METRIC_AT, last);
}

/*
 * A job that waited for its trainer runs if that reports; one that was put back
 * into the queue waits, whatever it reported.
 */
static void
compare_status(JobTruth *truth)
{
	Value *value = truth->job.value;

	if (truth->is_reported && value[JOB_STATUS_CHANGED_AT].isnull &&
		trainjob_report_effect(value[JOB_STATUS].isnull
								   ? NULL
								   : value[JOB_STATUS].text,
							   NULL) == REPORT_STARTS &&
		!truth->part->jobs.column[JOB_STATUS].is_generated &&
		trainjob_can_say(&truth->part->jobs.column[JOB_STATUS], STATUS_RUNNING))
		should_be(truth, JOB_STATUS, (Value){.text = STATUS_RUNNING});
}

/* Where the total of a row came from, as fill_job sees it. */
static TotalSource
stored_source(const Column *column, const Value *stored)
{
	if (column[JOB_TOTAL_STEPS_SOURCE].attnum != 0)
		return trainjob_source_of(stored[JOB_TOTAL_STEPS_SOURCE].text);
	return trainjob_guess_source(stored[JOB_TOTAL_STEPS],
								 stored[JOB_EXPECTED_TOTAL_STEPS]);
}

/* A step beyond the total: what the triggers would have made of that. */
static void
compare_passed(JobTruth *truth, JobState state, JobProgress *job)
{
	PassedTotal passed = {.state = state,
						  .source = job->source,
						  .step = job->step.count,
						  .total = job->total.count};

	if (trainjob_takes_step(&passed))
	{
		job->total = job->step;
		job->source = SOURCE_OBSERVED;
	}
	else
	{
		job->total.isnull = true;
		job->source = SOURCE_DISPROVED;
	}
	if (truth->part->jobs.column[JOB_TOTAL_STEPS].attnum != 0)
		should_be(truth, JOB_TOTAL_STEPS, job->total);
}

/* What the samples and the configuration of the row say. */
static void
plan_of_row(JobTruth *truth, StepPlan *plan)
{
	const Column *column = truth->part->jobs.column;
	const Column *stored = &column[JOB_CONFIG];
	Value total = trainjob_row_value(truth->row, &column[JOB_TOTAL_SAMPLES]);
	Value train = trainjob_row_value(truth->row, &column[JOB_TRAIN_SAMPLES]);
	Value val = trainjob_row_value(truth->row, &column[JOB_VAL_SAMPLES]);
	SampleCounts counts = {.total = total.isnull ? -1 : total.count,
						   .train = train.isnull ? -1 : train.count,
						   .val = val.isnull ? -1 : val.count};
	JobConfig config;
	bool isnull = true;
	Datum datum = 0;

	if (stored->attnum != 0)
		datum = slot_getattr(truth->row, stored->attnum, &isnull);
	trainjob_read_config(isnull ? NULL : trainjob_read_jsonb(stored, datum),
						 &config);
	trainjob_plan_steps(&config, &counts, plan);
}

/*
 * Where the epochs of reports show another total than the estimate, or a total
 * where none was known.  One that was observed, or disproved, is what came of
 * reports in the order in which they came.
 */
static void
compare_evidence(JobTruth *truth, Value *stored)
{
	TotalSource source =
		trainjob_source_of(stored[JOB_TOTAL_STEPS_SOURCE].text);
	Value *total = &stored[JOB_TOTAL_STEPS];
	Value step = stored[JOB_CURRENT_STEP];
	StepPlan plan;

	if (!truth->has_evidence || stored[JOB_TOTAL_EPOCHS].isnull ||
		truth->part->jobs.column[JOB_TOTAL_STEPS].attnum == 0)
		return;
	if (total->isnull
			? source == SOURCE_DISPROVED
			: source != SOURCE_ESTIMATED ||
				  trainjob_epoch_agrees(total->count,
										stored[JOB_TOTAL_EPOCHS].number,
										&truth->evidence))
		return;
	plan_of_row(truth, &plan);
	if (trainjob_judge_total(&plan, total->isnull ? -1 : total->count,
							 step.isnull ? -1 : step.count, &truth->evidence,
							 &total->count) != VERDICT_SHOWN)
		return;
	total->isnull = false;
	stored[JOB_TOTAL_STEPS_SOURCE].isnull = false;
	stored[JOB_TOTAL_STEPS_SOURCE].text =
		unconstify(char *, trainjob_source_name(SOURCE_OBSERVED));
	should_be(truth, JOB_TOTAL_STEPS, *total);
	truth->moves_total = true;
}

/* What the row itself says that the triggers would have made otherwise. */
static void
compare_row(JobTruth *truth, const Value *stored)
{
	const Column *column = truth->part->jobs.column;
	JobState state = trainjob_state_of(stored[JOB_STATUS].text);
	JobProgress job = {.step = stored[JOB_CURRENT_STEP],
					   .total = stored[JOB_TOTAL_STEPS],
					   .source = stored_source(column, stored),
					   .epoch = stored[JOB_CURRENT_EPOCH],
					   .epochs = stored[JOB_TOTAL_EPOCHS]};
	Value progress;

	/* a total of 0 and less is none, as in the view and for the triggers */
	if (!job.total.isnull && job.total.count > 0 && !job.step.isnull &&
		job.total.count < job.step.count)
		compare_passed(truth, state, &job);
	if (column[JOB_PROGRESS].attnum == 0)
		return;
	progress =
		fitting(&column[JOB_PROGRESS], trainjob_progress_of(state, &job));
	if (!progress.isnull &&
		(stored[JOB_PROGRESS].isnull ||
		 !(fabs(stored[JOB_PROGRESS].number - progress.number) < 1e-6)))
		should_be(truth, JOB_PROGRESS, progress);
}

/* The row of a call, of the type that the jobs table has. */
static TupleTableSlot *
row_of(Relation rel, HeapTupleHeader header)
{
	TupleTableSlot *row =
		MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);
	HeapTuple tuple = palloc0(sizeof(HeapTupleData));

	if (HeapTupleHeaderGetTypeId(header) != rel->rd_rel->reltype)
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("the row is not one of table \"%s\"",
							   RelationGetRelationName(rel))));
	tuple->t_len = HeapTupleHeaderGetDatumLength(header);
	tuple->t_data = header;
	ExecStoreHeapTuple(tuple, row, false);
	slot_getallattrs(row);
	return row;
}

/*
 * Looks at a job, "latest" by what is committed now, "by_evidence" at what its
 * epochs show of the total too: evidence that came before there was an estimate
 * is for a refill, and no fault of the row.  Needs a lock on the jobs
 * table, which the query has that the row comes from.
 */
static void
look_at(FunctionCallInfo fcinfo, bool latest, bool by_evidence, JobTruth *truth)
{
	Value stored[JOB_COLUMNS];
	bool isnull;

	truth->rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	truth->set =
		trainjob_get_set_of(truth->rel, "verify_jobs", build_truth_part);
	truth->part = truth->set->part;
	truth->row = row_of(truth->rel, PG_GETARG_HEAPTUPLEHEADER(1));
	truth->differs = 0;
	truth->id = slot_getattr(truth->row,
							 truth->part->jobs.column[JOB_ID].attnum, &isnull);
	trainjob_read_job(&truth->part->jobs, truth->row, &truth->job);
	memcpy(stored, truth->job.value, sizeof(stored));
	truth->is_reported = false;
	truth->has_evidence = false;
	truth->moves_total = false;
	if (truth->part->has_metrics)
		compare_reports(truth, latest);
	compare_status(truth);
	if (by_evidence)
		compare_evidence(truth, stored);
	compare_row(truth, stored);
}

static void
stop_looking(JobTruth *truth)
{
	ExecDropSingleTupleTableSlot(truth->row);
	relation_close(truth->rel, AccessShareLock);
}

/* A value in words, as the views show it. */
static Datum
value_text(const Column *column, Value value)
{
	switch (column->kind)
	{
		case COLUMN_COUNT:
			return CStringGetTextDatum(psprintf(INT64_FORMAT, value.count));
		case COLUMN_NUMBER:
			return CStringGetTextDatum(DatumGetCString(
				DirectFunctionCall1(float8out, Float8GetDatum(value.number))));
		case COLUMN_TIME:
			return CStringGetTextDatum(DatumGetCString(
				DirectFunctionCall1(timestamptz_out,
									TimestampTzGetDatum(value.time))));
		default:
			return CStringGetTextDatum(value.text);
	}
}

/*
 * trainjob_job_disagreements
 *		SQL: job_disagreements(jobs regclass, job record) returns setof
 *		(column_name text, stored text, expected text), strict: where a row of
 *		a jobs table does not agree with its reports, as the query at work sees
 *		them.
 */
Datum
trainjob_job_disagreements(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	JobTruth truth;

	InitMaterializedSRF(fcinfo, 0);
	look_at(fcinfo, false, false, &truth);
	for (JobColumn c = 0; c < JOB_COLUMNS; c++)
	{
		const Column *column = &truth.part->jobs.column[c];
		Value stored;
		Datum values[3];
		bool nulls[3] = {false};

		/* which report was the best follows from what was */
		if (!differs(&truth, c) || c == JOB_BEST_EPOCH ||
			(c == JOB_BEST_STEP && differs(&truth, JOB_BEST_EVAL_LOSS)))
			continue;
		stored = trainjob_row_value(truth.row, column);
		values[0] = CStringGetTextDatum(
			trainjob_known_tables[TABLE_JOBS].column[c].name);
		nulls[1] = stored.isnull;
		values[1] = stored.isnull ? (Datum) 0 : value_text(column, stored);
		nulls[2] = truth.job.value[c].isnull;
		values[2] =
			nulls[2] ? (Datum) 0 : value_text(column, truth.job.value[c]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	stop_looking(&truth);
	return (Datum) 0;
}

/*
 * Refuses callers who may not update the table: what fill_job looks up for them
 * it looks up for nobody else.
 */
static void
check_may_update(Oid jobs)
{
	if (pg_class_aclcheck(jobs, GetUserId(), ACL_UPDATE) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(jobs, GetUserId(), ACL_UPDATE, ACLMASK_ANY) !=
			ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(jobs));
}

/* Whether a job wants a refill; "change" is then the one that does it. */
static bool
plan_refill(JobTruth *truth, JobChange *change)
{
	const TruthPart *part = truth->part;

	*change = (JobChange){.update = &part->refill,
						  .jobs = &part->jobs,
						  .job_id = truth->id,
						  .by = FROM_REFILL,
						  .sets_status = differs(truth, JOB_STATUS)};
	for (int i = 0; i < part->refill.count; i++)
	{
		JobColumn c = part->refill.setting[i].column;

		if (differs(truth, c))
			(void) trainjob_give(change, c, truth->job.value[c]);
	}
	change->given |= GIVEN(JOB_CONFIG) | GIVEN(JOB_DATASET_PATH);
	if (truth->moves_total)
	{
		change->evidence = EVIDENCE_GIVEN;
		change->report = truth->evidence;
	}
	if (truth->differs == 0 &&
		!trainjob_would_fill(truth->rel, truth->row, change, found,
							 lengthof(found)))
		return false;
	if (truth->is_reported && truth->job.value[JOB_STARTED_AT].isnull &&
		!truth->first_recorded.isnull)
		(void) trainjob_give(change, JOB_STARTED_AT, truth->first_recorded);
	return true;
}

/* Whether a job wants a refill, and "mend": was mended, by what is committed now. */
static bool
refill(FunctionCallInfo fcinfo, bool mend)
{
	JobTruth truth;
	JobChange change;
	bool wants;

	check_may_update(PG_GETARG_OID(0));
	look_at(fcinfo, mend, true, &truth);
	wants = plan_refill(&truth, &change);
	if (wants && mend)
		wants = trainjob_change_job(truth.set, &change);
	stop_looking(&truth);
	return wants;
}

/*
 * trainjob_wants_refill
 *		SQL: wants_refill(jobs regclass, job record) returns boolean, strict:
 *		whether refill_job() would change a row, as the query at work sees it.
 */
Datum
trainjob_wants_refill(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(refill(fcinfo, false));
}

/*
 * trainjob_refill_job
 *		SQL: refill_job(jobs regclass, job record) returns boolean, strict:
 *		mends a row that the caller has locked, by what its reports say now, and
 *		has fill_job fill the rest; whether anything was to do.
 */
Datum
trainjob_refill_job(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(refill(fcinfo, true));
}
