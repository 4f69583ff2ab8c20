/*
 * trainjob.h
 *	  The one header that trainjob's files share, a section a file.
 *
 * Words used everywhere:
 *
 *	set			a jobs table with the tables beside it: metrics, datasets,
 *				alerts and the record of status changes. The triggers of a set
 *				name its tables and columns in their arguments; nothing else
 *				does.
 *	canonical	the name that a column has in trainjob's own tables. A set
 *				made from an application's tables may call it otherwise.
 *	attempt		what a job did since restarted_at, or since ever where that is
 *				NULL.
 *	report		a row of the metrics table.
 *
 * What a function promises stands above its definition; but for job_config.c,
 * job_steps.c and job_explain.c here, beside the types that it speaks of.
 */
#ifndef TRAINJOB_H
#define TRAINJOB_H

#include "access/skey.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "steps/steps.h"

/* ---- columns.c ---------------------------------------------------------- */

/* What a column holds for us, whatever SQL type it was found with. */
typedef enum ColumnKind
{
	COLUMN_KEY,	   /* an identity: kept as the Datum it is */
	COLUMN_COUNT,  /* whole number: int64 */
	COLUMN_NUMBER, /* measure: double */
	COLUMN_TIME,   /* point in time: TimestampTz */
	COLUMN_TEXT,   /* text, varchar, char, name or enum: cstring */
	COLUMN_JSON	   /* json or jsonb: Jsonb */
} ColumnKind;

/* A column as it was found. attnum 0: the table has no such column. */
typedef struct Column
{
	Oid table;
	Oid owner; /* of the table; InvalidOid for a column of none */
	AttrNumber attnum;
	ColumnKind kind;
	Oid type;	/* base type, domains looked through */
	Oid domain; /* as declared, if that is a domain */
	int32 typmod;
	int16 typlen;
	bool typbyval;
	bool is_enum;
	bool is_plain;	   /* stored as Value has it: bigint, float8, timestamptz */
	bool is_generated; /* the database computes it, no one writes it */
	bool is_checked;   /* the domain may have constraints */
	char *name;		   /* the name it has in the table */
} Column;

/* A value of a column, in the form of its kind. */
typedef struct Value
{
	bool isnull;
	union
	{
		int64 count;
		double number;
		TimestampTz time;
		char *text;
		Datum key;
	};
} Value;

extern bool trainjob_lookup_column(Relation rel, const char *name,
								   ColumnKind kind, Column *column);
extern bool trainjob_is_reference(const Column *column, const Column *target);
extern void trainjob_check_reference(const Column *column,
									 const Column *target);
extern Value trainjob_convert_value(const Column *column, Datum datum);
extern Datum trainjob_write_value(const Column *column, const Value *value,
								  bool *isnull);
extern Jsonb *trainjob_read_jsonb(const Column *column, Datum datum);
extern bool trainjob_same_datum(const Column *column, Datum a, bool a_null,
								Datum b, bool b_null);

/*
 * The value of a column, in the form of its kind.
 *
 * A column that is absent, or a number that its kind cannot hold, reads as
 * NULL.  Text is palloc'd in the current context; a key stays what it is.
 * COLUMN_JSON is not read here, see trainjob_read_jsonb.
 */
static inline Value
trainjob_read_value(const Column *column, Datum datum, bool isnull)
{
	if (column->attnum == 0 || isnull)
		return (Value){.isnull = true};
	if (column->is_plain)
		return (Value){.key = datum}; /* the bits are the same */
	return trainjob_convert_value(column, datum);
}

/* The value of a column in a row; NULL where either is absent. */
static inline Value
trainjob_row_value(TupleTableSlot *row, const Column *column)
{
	Datum datum;
	bool isnull;

	if (column->attnum == 0 || row == NULL)
		return (Value){.isnull = true};
	datum = slot_getattr(row, column->attnum, &isnull);
	return trainjob_read_value(column, datum, isnull);
}

extern bool trainjob_same_in_rows(TupleTableSlot *a, TupleTableSlot *b,
								  const Column *column);
extern bool trainjob_same_attribute(TupleTableSlot *a, TupleTableSlot *b,
									AttrNumber attnum);
extern const char *trainjob_selected(const Column *column);

/* ---- trigger_call.c ----------------------------------------------------- */

/* Timing, level and events that a trigger function accepts, ored together. */
#define TRAINJOB_BEFORE_ROW 0x01
#define TRAINJOB_AFTER_ROW 0x02
#define TRAINJOB_AFTER_STATEMENT 0x04
#define TRAINJOB_ON_INSERT 0x10
#define TRAINJOB_ON_UPDATE 0x20

extern TriggerData *trainjob_check_trigger_call(FunctionCallInfo fcinfo,
												const char *function,
												int accepted);
extern bool trainjob_names_column(TriggerData *trigdata, const Column *column);

/* ---- plan_cache.c ------------------------------------------------------- */

typedef enum TableId
{
	TABLE_JOBS,
	TABLE_METRICS,
	TABLE_DATASETS,
	TABLE_ALERTS,
	TABLE_STATUS_CHANGES,
	TABLE_COUNT
} TableId;

/* A table of a set. oid is InvalidOid for one that was not opened. */
typedef struct SetTable
{
	char *name; /* as the trigger's arguments have it, or NULL */
	Oid oid;
	Oid owner;
	LOCKMODE lockmode; /* taken by each call of the trigger */
	char *name_only;   /* for messages */
	char *quoted;	   /* schema-qualified, ready for a query */

	/* of whom is known whether they may read it, see hide_row() */
	Oid reader;
	Oid outer_reader;
	bool is_readable;
} SetTable;

/* The most queries that one trigger function keeps. */
#define TRAINJOB_MAX_QUERIES 8

/*
 * What is known of the set that a trigger belongs to, from the first call of
 * the trigger until one of the tables changes.
 */
typedef struct TrainjobSet
{
	bool valid;
	const char *function;  /* SQL name of the trigger function */
	MemoryContext context; /* holds the set and all it points to */
	SetTable table[TABLE_COUNT];
	List *renamed; /* "table.canonical", actual name, ... */
	void *part;	   /* what the trigger function itself keeps */
	SPIPlanPtr plan[TRAINJOB_MAX_QUERIES];
} TrainjobSet;

/* A column to look up; an error where it is required and missing. */
typedef struct WantedColumn
{
	const char *name; /* canonical */
	ColumnKind kind;
	bool required;
} WantedColumn;

/* Fills set->part; called in set->context with the trigger's relation. */
typedef void (*TrainjobBuildPart)(TrainjobSet *set, Relation rel);

/* The user to restore, and what to do where there is an error until then. */
typedef struct TrainjobUser
{
	Oid userid;
	int sec_context;
	bool may_read; /* whether an error may show a row of it */
	ErrorContextCallback on_error;
} TrainjobUser;

/* A row that was found: at hand, or else by a query, in SPI_tuptable. */
typedef struct FoundRow
{
	TupleTableSlot *slot; /* NULL: by a query */
	uint64 number;		  /* in its result, from 0 */
} FoundRow;

extern TrainjobSet *trainjob_get_set(TriggerData *trigdata,
									 const char *function, TableId own,
									 TrainjobBuildPart build);
extern TrainjobSet *trainjob_get_own(TriggerData *trigdata,
									 const char *function, TableId own,
									 TrainjobBuildPart build);
extern TrainjobSet *trainjob_get_set_of(Relation jobs, const char *function,
										TrainjobBuildPart build);
extern Relation trainjob_open_jobs(FunctionCallInfo fcinfo, int arg);
extern bool trainjob_find_column(TrainjobSet *set, TableId table, Relation rel,
								 const char *canonical, ColumnKind kind,
								 bool required, Column *column);
extern void trainjob_find_columns(TrainjobSet *set, TableId table, Relation rel,
								  const WantedColumn *wanted, int count,
								  Column *columns);
extern Relation trainjob_open_table(TrainjobSet *set, TableId table,
									Relation rel, bool required,
									AclMode needed);
extern SPIPlanPtr trainjob_keep_plan(TrainjobSet *set, int query,
									 const char *text, int nargs,
									 Oid *argtypes);
extern uint64 trainjob_execute(SPIPlanPtr plan, int expected, Datum *values,
							   const char *nulls);
extern Datum trainjob_result(SPITupleTable *rows, uint64 row, int number,
							 const Column *column, bool *isnull);
extern Datum trainjob_found_datum(const FoundRow *row, int number,
								  const Column *column, bool *isnull);
extern Value trainjob_found_value(const FoundRow *row, int number,
								  const Column *column);
extern void trainjob_become_owner(SetTable *table, TrainjobUser *saved);
extern void trainjob_become_user(const TrainjobUser *saved);
extern void trainjob_lock_name(Oid table, uint32 hash, LOCKMODE mode);
extern void trainjob_plan_cache_init(void);

/* ---- metric_rows.c ------------------------------------------------------ */

/*
 * The columns of a report whose newest value the job shows: its name, the
 * job's, and whether it means something else in a trainer's summary row.  A new
 * one is a line here and a column in both tables.
 */
#define TRAINJOB_LATEST_COLUMNS(COLUMN)                                        \
	COLUMN(EPOCH, "epoch", "current_epoch", false)                             \
	COLUMN(TRAIN_LOSS, "train_loss", "loss", true)                             \
	COLUMN(EVAL_LOSS, "eval_loss", "eval_loss", false)                         \
	COLUMN(PERPLEXITY, "perplexity", "perplexity", true)                       \
	COLUMN(LEARNING_RATE, "learning_rate", "learning_rate", false)             \
	COLUMN(GRAD_NORM, "grad_norm", "grad_norm", false)                         \
	COLUMN(SAMPLES_PER_SECOND, "samples_per_second", "samples_per_second",     \
		   false)                                                              \
	COLUMN(TOKENS_PER_SECOND, "tokens_per_second", "tokens_per_second", false) \
	COLUMN(GPU_MEMORY, "gpu_memory_allocated_gb", "gpu_memory_allocated_gb",   \
		   false)                                                              \
	COLUMN(GPU_UTILIZATION, "gpu_utilization_percent",                         \
		   "gpu_utilization_percent", false)

/* LATEST_EPOCH, LATEST_TRAIN_LOSS, ... */
#define TRAINJOB_LATEST_MEMBER(symbol, metric, job, not_in_summary) \
	LATEST_##symbol,
enum
{
	TRAINJOB_LATEST_COLUMNS(TRAINJOB_LATEST_MEMBER) LATEST_COUNT
};

typedef struct LatestColumn
{
	const char *metric;
	const char *job;
	bool not_in_summary;
} LatestColumn;

extern const LatestColumn trainjob_latest[LATEST_COUNT];

/* The columns of a metrics table that go up to the job, or say which do. */
typedef struct MetricColumns
{
	Column job_id;
	Column step;
	Column id;
	Column recorded_at;
	Column extra;
	Column latest[LATEST_COUNT];
} MetricColumns;

/* The newest value of a column among the reports of a statement. */
typedef struct Newest
{
	bool seen;
	int64 step;
	int64 id;
	double number;
} Newest;

/* What a statement reports of one job. */
typedef struct JobReports
{
	Datum job_id;
	int64 min_step;
	int64 max_step;
	TimestampTz min_recorded;
	TimestampTz max_recorded;
	Newest newest[LATEST_COUNT];

	/* the lowest finite eval_loss, at the first step that has it */
	bool has_best;
	double best;
	int64 best_step;
	int64 best_id;
	Value best_epoch;

	Newest evidence; /* the newest epoch that has a fraction */

	/* an UPDATE: what the rows held before */
	bool replaced[LATEST_COUNT]; /* a value stood there */
	bool replaced_best;			 /* a finite eval_loss stood there */
	double old_best;			 /* the lowest of those */
	int64 old_max_step;

	bool all; /* a restart: whatever the attempt has already */
} JobReports;

/* A JobReports for each job that a statement reports of. */
typedef struct ReportList
{
	JobReports **jobs;
	int count;
} ReportList;

extern void trainjob_find_metric_columns(TrainjobSet *set, Relation rel,
										 MetricColumns *metric);
extern bool trainjob_is_summary(const Column *extra, Datum datum, bool isnull);
extern bool trainjob_is_summary_row(TupleTableSlot *row, const Column *extra);
extern Value trainjob_perplexity_of(Value loss);
extern void trainjob_init_reports(JobReports *reports, Datum job_id);
extern void trainjob_read_reports(TriggerData *trigdata,
								  const MetricColumns *metric,
								  ReportList *list);

/* ---- tuple_patch.c ------------------------------------------------------ */

extern HeapTuple trainjob_patch_tuple(HeapTuple tuple, TupleDesc desc,
									  int count, int *attnums, Datum *values,
									  bool *isnull);

/* ---- direct_find.c ------------------------------------------------------ */

/* How rows are found by a column; index is InvalidOid where a query must do it. */
typedef struct DirectFind
{
	Oid table;
	Oid index;
	ScanKeyData key;
	ScanKeyData bound; /* for trainjob_find_descending() */
	bool key_byval;
	int16 key_len;
	struct RowPlace *places; /* where rows lay; NULL: not kept */
} DirectFind;

/* The longest key whose place is kept: a uuid. */
#define DIRECT_KEY_SIZE 16

/* Looks at a row, which is the callee's only during the call; false: no more. */
typedef bool (*DirectVisit)(Relation rel, TupleTableSlot *row, void *arg);

extern bool trainjob_plan_find(Relation rel, const Column *column, bool unique,
							   AclMode needed, DirectFind *find);
extern bool trainjob_plan_descending(Relation rel, const Column *column,
									 const Column *step, const Column *id,
									 AclMode needed, DirectFind *find);
extern bool trainjob_find_rows(const DirectFind *find, Datum key,
							   DirectVisit visit, void *arg);
extern bool trainjob_find_descending(const DirectFind *find, Datum key,
									 int64 bound, DirectVisit visit, void *arg);
extern bool trainjob_lock_row(const DirectFind *find, Datum key,
							  DirectVisit visit, void *arg);
extern void trainjob_direct_init(void);

/* ---- metric_newest.c ---------------------------------------------------- */

/* Its queries in a set (TrainjobSet.plan); the caller's come after them. */
enum
{
	QUERY_NEWEST,
	QUERY_OLDER,
	QUERY_BEST,
	QUERIES_OF_NEWEST
};

/* What is wanted of the newest reports of a job, and what was found. */
typedef struct NewestSearch
{
	Value restarted; /* what was recorded before is of an earlier attempt */
	int64 bound;	 /* steps above it are not looked at */

	/* what is found is stored, and not wanted any more */
	bool wanted[LATEST_COUNT];
	bool step_wanted;
	Value *latest; /* LATEST_COUNT of them */
	int64 step;
} NewestSearch;

/* The lowest finite eval_loss; all are NULL where there is none. */
typedef struct BestEvaluation
{
	Value loss;
	Value step;
	Value epoch;
} BestEvaluation;

extern void trainjob_read_newest(TrainjobSet *set, const MetricColumns *metric,
								 const DirectFind *newest_first, Datum job_id,
								 NewestSearch *search);
extern void trainjob_read_best(TrainjobSet *set, const MetricColumns *metric,
							   Datum job_id, BestEvaluation *best);

/* ---- direct_update.c ---------------------------------------------------- */

typedef struct DirectUpdate DirectUpdate;

typedef enum DirectResult
{
	DIRECT_DONE,
	DIRECT_DECLINED,  /* by the caller's DirectChange */
	DIRECT_IMPOSSIBLE /* it takes SQL */
} DirectResult;

/*
 * Changes the values of a row, given all of them as the row has them; false
 * where the row is not to be updated.  By-reference values must last as long
 * as the current memory context.
 */
typedef bool (*DirectChange)(TupleTableSlot *old_row, Datum *values,
							 bool *isnull, void *arg);

extern DirectUpdate *trainjob_plan_direct(Relation rel, const DirectFind *find,
										  Bitmapset *set, const Column *named);
extern DirectResult trainjob_direct_update(DirectUpdate *direct, Datum key,
										   DirectChange change, void *arg);

/* The triggers on the jobs table that an update of a report's columns fires. */
extern Datum trainjob_fill_job(PG_FUNCTION_ARGS);
extern void trainjob_fill_job_slot(TriggerData *trigdata);
extern void trainjob_set_evidence(Datum job_id, int64 step, double epoch);
extern void trainjob_clear_evidence(void);
extern Datum trainjob_record_status_change(PG_FUNCTION_ARGS);

/* ---- job_status.c ------------------------------------------------------- */

typedef enum JobState
{
	STATE_WAITING, /* pending, queued, starting, paused */
	STATE_RUNNING,
	STATE_FAILED,
	STATE_COMPLETED,
	STATE_CANCELLED
} JobState;

/* What a report means for a job's status. */
typedef enum ReportEffect
{
	REPORT_CHANGES_NOTHING,
	REPORT_STARTS,	/* it runs */
	REPORT_RESUMES, /* it runs, if the report is newer than the pause */
	REPORT_REVIVES	/* the same for a failure; a new attempt */
} ReportEffect;

typedef enum AlertOutcome
{
	OUTCOME_APPLIED,   /* the job changed its status */
	OUTCOME_UNCHANGED, /* the job was so already */
	OUTCOME_LATE,	   /* the job failed after the alert */
	OUTCOME_REFUSED,   /* it contradicts what the job came to */
	OUTCOME_NOTED,	   /* a warning */
	OUTCOME_WAITING	   /* there is no such job yet */
} AlertOutcome;

extern JobState trainjob_state_of(const char *status);
extern ReportEffect trainjob_report_effect(const char *status,
										   const char *error_type);
extern bool trainjob_has_ended(JobState state);
extern bool trainjob_is_restart(JobState before, JobState after);
extern bool trainjob_is_alert_type(const char *type);
extern char *trainjob_alert_type_list(void);
extern AlertOutcome trainjob_alert_next_state(JobState state, const char *type,
											  bool newer, const char **status);
extern const char *trainjob_outcome_name(AlertOutcome outcome);

/* ---- alert.c ------------------------------------------------------------ */

extern void trainjob_alert_init(void);

/* ---- report.c ----------------------------------------------------------- */

extern void trainjob_report_init(void);

#endif /* TRAINJOB_H */
