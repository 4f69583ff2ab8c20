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

/* The user to restore, and the table acted on. */
typedef struct TrainjobUser
{
	Oid userid;
	int sec_context;
	const char *table; /* its name */
	bool may_read;	   /* whether an error may show a row of it */
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

/* ---- meet_look.c -------------------------------------------------------- */

/*
 * A table of a set that is looked at by a column, rows that are not committed
 * included.
 */
typedef struct MeetTable
{
	SetTable *table; /* in the set */
	Oid top;		 /* what it is a partition of, or itself */
	const char *column;
	Oid equals; /* the operator; InvalidOid: there is none that fits */
	List
		*nullable; /* names of columns; rows are wanted that lack one of them */
	TupleDesc desc;

	/* what is known until a table changes */
	uint64 known;
	bool readable;
	MemoryContext context;
	List *leaves;
} MeetTable;

/* Whether a row, with the columns of the set's table, is one that is wanted. */
typedef bool (*MeetFilter)(TupleTableSlot *row, void *arg);

/* What a look is for: rows of the key that the filter says yes to. */
typedef struct MeetQuestion
{
	MeetTable *table;
	Datum key;
	MeetFilter concerns;
	void *arg;
} MeetQuestion;

/* What is there, of the rows that are wanted. */
typedef struct MeetFound
{
	bool other; /* one that another transaction wrote; */
	bool fresh; /* it has ended since this statement began */
	bool own;	/* one that this transaction wrote */
} MeetFound;

extern void trainjob_plan_meet(SetTable *table, Relation rel,
							   const Column *column, Oid key_type,
							   MeetTable *meets);
extern bool trainjob_can_meet(MeetTable *a, MeetTable *b);
extern List *trainjob_find_coming(const MeetQuestion *question,
								  TransactionId horizon);
extern void trainjob_find_present(const MeetQuestion *question,
								  MeetFound *found);
extern void trainjob_meet_look_init(void);

/* ---- meet.c ------------------------------------------------------------- */

/* What a waiter's row asks for: a job's id, or a path and a user. */
typedef struct MeetName
{
	Datum key;
	Datum user;
	bool user_null;
} MeetName;

/*
 * A kind of waiter: what a name asks for, and the work where it is there.  Both
 * are called once and again, with no more of the trigger's call than its table
 * and trigger.
 */
typedef struct MeetSide
{
	void (*ask)(TriggerData *trigdata, const MeetName *name,
				MeetQuestion *question);
	void (*work)(TriggerData *trigdata, const MeetName *name);
} MeetSide;

extern void trainjob_meet_await(const MeetSide *side, TriggerData *trigdata,
								const MeetName *name, const Column *key,
								const Column *user);
extern void trainjob_meet_again(void);
extern bool trainjob_meet_before(const MeetQuestion *question);
extern void trainjob_meet_newcomer(const MeetQuestion *question,
								   MeetFound *found);
extern void trainjob_meet_init(void);

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
extern Datum trainjob_await_dataset(PG_FUNCTION_ARGS);

/* ---- job_config.c ------------------------------------------------------- */

/*
 * Every key that has a meaning here, in the order in which jsonb keeps keys:
 * shorter ones first, then by byte.  A new key is one line.
 */
#define TRAINJOB_CONFIG_KEYS(KEY)                                   \
	KEY(RL, "rl")                                                   \
	KEY(DATA, "data")                                               \
	KEY(N_GPU, "n_gpu")                                             \
	KEY(STAGE, "stage")                                             \
	KEY(EPOCHS, "epochs")                                           \
	KEY(METHOD, "method")                                           \
	KEY(PACKED, "packed")                                           \
	KEY(CP_SIZE, "cp_size")                                         \
	KEY(DATASET, "dataset")                                         \
	KEY(DEVICES, "devices")                                         \
	KEY(PACKING, "packing")                                         \
	KEY(SP_SIZE, "sp_size")                                         \
	KEY(TP_SIZE, "tp_size")                                         \
	KEY(TRAINER, "trainer")                                         \
	KEY(N_EPOCHS, "n_epochs")                                       \
	KEY(NUM_GPUS, "num_gpus")                                       \
	KEY(TRAINING, "training")                                       \
	KEY(DROP_LAST, "drop_last")                                     \
	KEY(MAX_STEPS, "max_steps")                                     \
	KEY(NUM_NODES, "num_nodes")                                     \
	KEY(STREAMING, "streaming")                                     \
	KEY(BATCH_SIZE, "batch_size")                                   \
	KEY(EVAL_DELAY, "eval_delay")                                   \
	KEY(EVAL_STEPS, "eval_steps")                                   \
	KEY(MAX_EPOCHS, "max_epochs")                                   \
	KEY(NUM_EPOCHS, "num_epochs")                                   \
	KEY(WORLD_SIZE, "world_size")                                   \
	KEY(MAX_SAMPLES, "max_samples")                                 \
	KEY(TOTAL_STEPS, "total_steps")                                 \
	KEY(NEAT_PACKING, "neat_packing")                               \
	KEY(VAL_SET_SIZE, "val_set_size")                               \
	KEY(EVAL_ON_START, "eval_on_start")                             \
	KEY(EVAL_STRATEGY, "eval_strategy")                             \
	KEY(LOGGING_STEPS, "logging_steps")                             \
	KEY(TEST_DATASETS, "test_datasets")                             \
	KEY(USE_STREAMING, "use_streaming")                             \
	KEY(SAMPLE_PACKING, "sample_packing")                           \
	KEY(EVALS_PER_EPOCH, "evals_per_epoch")                         \
	KEY(HYPERPARAMETERS, "hyperparameters")                         \
	KEY(NUM_GENERATIONS, "num_generations")                         \
	KEY(STEPS_PER_EPOCH, "steps_per_epoch")                         \
	KEY(TRAINING_METHOD, "training_method")                         \
	KEY(MICRO_BATCH_SIZE, "micro_batch_size")                       \
	KEY(NUM_TRAIN_EPOCHS, "num_train_epochs")                       \
	KEY(GLOBAL_BATCH_SIZE, "global_batch_size")                     \
	KEY(LIMIT_VAL_BATCHES, "limit_val_batches")                     \
	KEY(ACCELERATOR_CONFIG, "accelerator_config")                   \
	KEY(VAL_CHECK_INTERVAL, "val_check_interval")                   \
	KEY(EVALUATION_STRATEGY, "evaluation_strategy")                 \
	KEY(LIMIT_TRAIN_BATCHES, "limit_train_batches")                 \
	KEY(MAX_STEPS_PER_EPOCH, "max_steps_per_epoch")                 \
	KEY(PRETRAINING_DATASET, "pretraining_dataset")                 \
	KEY(TENSOR_PARALLEL_DIM, "tensor_parallel_dim")                 \
	KEY(CONTEXT_PARALLEL_DIM, "context_parallel_dim")               \
	KEY(DATALOADER_DROP_LAST, "dataloader_drop_last")               \
	KEY(TENSOR_PARALLEL_SIZE, "tensor_parallel_size")               \
	KEY(CONTEXT_PARALLEL_SIZE, "context_parallel_size")             \
	KEY(RUN_VAL_EVERY_N_STEPS, "run_val_every_n_steps")             \
	KEY(PIPELINE_PARALLEL_SIZE, "pipeline_parallel_size")           \
	KEY(SEQUENCE_PARALLEL_SIZE, "sequence_parallel_size")           \
	KEY(ACCUMULATE_GRAD_BATCHES, "accumulate_grad_batches")         \
	KEY(CHECK_VAL_EVERY_N_EPOCH, "check_val_every_n_epoch")         \
	KEY(LEARNING_RATE_MULTIPLIER, "learning_rate_multiplier")       \
	KEY(GRADIENT_ACCUMULATION_STEPS, "gradient_accumulation_steps") \
	KEY(PER_DEVICE_TRAIN_BATCH_SIZE, "per_device_train_batch_size")

/* CONFIG_NONE, CONFIG_RL, CONFIG_DATA, ... */
#define TRAINJOB_CONFIG_KEY_MEMBER(symbol, name) CONFIG_##symbol,
typedef enum ConfigKey
{
	CONFIG_NONE,
	TRAINJOB_CONFIG_KEYS(TRAINJOB_CONFIG_KEY_MEMBER) CONFIG_KEY_COUNT
} ConfigKey;

/* What a key's entry in JobConfig.seen tells; ored together. */
#define CONFIG_SEEN 0x01  /* it stands in some section, even as null */
#define CONFIG_NULL 0x02  /* it stands in some section as null */
#define CONFIG_GIVEN 0x04 /* some section has a value that is not missing */

/* The first value of a key that is not missing, and the section it is in. */
typedef struct ConfigValue
{
	JsonbValue value;
	uint8 section;
} ConfigValue;

/*
 * A job's configuration, as far as it means something here: the values where
 * they were found, unjudged.  Points into the jsonb it was read from and is
 * valid as long as that.
 */
typedef struct JobConfig
{
	JsonbContainer *root;	/* NULL when SQL NULL or JSON null */
	bool is_readable;		/* false: neither absent nor an object */
	bool has_method_object; /* an object at method.supervised|dpo|
							 * reinforcement */
	uint8 seen[CONFIG_KEY_COUNT];
	ConfigValue value[CONFIG_KEY_COUNT]; /* where CONFIG_GIVEN */
} JobConfig;

/*
 * A number of the configuration, judged: the whole part exactly where it fits
 * a bigint.  Of a larger number nothing is known but its sign.
 */
typedef struct ConfigNumber
{
	int sign;		/* -1, 0, 1 */
	bool fits;		/* the whole part fits a bigint */
	bool is_whole;	/* nothing after the point; true when it does not fit */
	bool has_point; /* written with a point (as text: or an exponent) */
	int64 whole;	/* the whole part, towards 0; 0 when it does not fit */
	double value;	/* correctly rounded; infinite when it does not fit */
} ConfigNumber;

/*
 * Fills "out" from a configuration; NULL is SQL NULL.  Accepts any jsonb and
 * raises no error.  Cost grows with the keys of the sections that are searched
 * (section 2), not with what else the configuration holds.
 */
extern void trainjob_read_config(Jsonb *config, JobConfig *out);

/*
 * The number of samples that the configuration states (section 1), for a job
 * without a dataset row: a whole number >= 1, or -1 where there is none.  A
 * fraction is no number of samples and is passed over, like a number beyond
 * bigint; a text that is a number counts as one.  "config" may be NULL.
 */
extern int64 trainjob_config_sample_total(Jsonb *config);

/* Whether a key has a value that is not missing (section 2). */
static inline bool
trainjob_config_given(const JobConfig *config, ConfigKey key)
{
	return (config->seen[key] & CONFIG_GIVEN) != 0;
}

/*
 * Judgements of a key's value (section 2).  All take an absent key for
 * missing and raise no error.
 *	_number	true, and *out set, when the value is a number
 *	_count	the value when it is a whole number in 1..2147483647, else -1
 *	_on		whether the value switches something on
 *	_word	whether the value is this word: lower case ASCII given, any case
 *			and blanks around it accepted
 */
extern bool trainjob_config_number(const JobConfig *config, ConfigKey key,
								   ConfigNumber *out);
extern int64 trainjob_config_count(const JobConfig *config, ConfigKey key);
extern bool trainjob_config_on(const JobConfig *config, ConfigKey key);
extern bool trainjob_config_word(const JobConfig *config, ConfigKey key,
								 const char *word);

/* The same for a member of an object that is a key's value; absent is off. */
extern bool trainjob_config_member_on(const JobConfig *config, ConfigKey key,
									  const char *member);

/*
 * The length of a key's value where that is an array, else -1.
 */
extern int64 trainjob_config_length(const JobConfig *config, ConfigKey key);

/*
 * For messages, palloc'd: "config.training.batch_size"; and the value as a
 * person wrote it, shortened to some forty bytes without cutting a character.
 * The key must be given.
 */
extern char *trainjob_config_path(const JobConfig *config, ConfigKey key);
extern char *trainjob_config_shown(const JobConfig *config, ConfigKey key);

/*
 * The name of a key, and what kind of JSON value a config is that is not
 * readable.
 */
extern const char *trainjob_config_key_name(ConfigKey key);
extern const char *trainjob_config_kind(const JobConfig *config);

/*
 * A value that is a text: trimmed, lower case (ASCII), palloc'd; NULL where it
 * is none, or blank.  The first finds a key like the judgements above, the
 * second at the top (section NULL) or in an object that stands there.
 */
extern char *trainjob_config_text(const JobConfig *config, ConfigKey key);
extern char *trainjob_config_text_at(const JobConfig *config,
									 const char *section, const char *key);

/* ---- job_steps.c -------------------------------------------------------- */

/*
 * What is known of a job's number of samples.  -1: not known (any negative
 * value is taken so, 0 as well except for val).
 */
typedef struct SampleCounts
{
	int64 total;
	int64 train;
	int64 val;
} SampleCounts;

/* In the order in which they are recognised (section 3). */
typedef enum TrainerDialect
{
	DIALECT_OPENAI,
	DIALECT_LIGHTNING,
	DIALECT_TORCHTUNE,
	DIALECT_AXOLOTL,
	DIALECT_HF,
	DIALECT_BASELINE,
	DIALECT_COUNT
} TrainerDialect;

/* Which counts made N (section 1). */
typedef enum SampleBasis
{
	BASIS_UNKNOWN,
	BASIS_TRAIN,		 /* train_samples */
	BASIS_TOTAL,		 /* total_samples */
	BASIS_TOTAL_LESS_VAL /* total_samples - val_samples */
} SampleBasis;

/* Why the steps from samples are not known. */
typedef enum StepReason
{
	REASON_NONE,
	REASON_NOT_AN_OBJECT,	 /* the configuration is an array or a scalar */
	REASON_UNUSABLE,		 /* the key's value is not what is asked for */
	REASON_MISSING,			 /* the dialect has no default for the key */
	REASON_BOTH_GIVEN,		 /* axolotl: accumulation and batch_size */
	REASON_BATCH_TOO_SMALL,	 /* axolotl: batch_size < micro_batch_size */
	REASON_BATCH_NOT_SHARED, /* split_batches: batch not divisible by W */
	REASON_WORLD_SHARED,	 /* the key makes processes share one batch */
	REASON_STREAMED,		 /* the key says that the data has no length */
	REASON_SAMPLED,			 /* the key says that samples are repeated */
	REASON_OTHER_BATCH,		 /* global_batch_size: another trainer's rules */
	REASON_CAPPED,			 /* max_samples is below N */
	REASON_PACKED,			 /* the key packs samples into sequences; the only
							  * such key, nothing else stands in the way */
	REASON_NO_SAMPLES,		 /* no count of samples */
	REASON_NO_TRAIN_SAMPLES, /* val_samples takes all of total_samples */
	REASON_NO_STEP,			 /* too few samples for one step */
	REASON_NO_LIMIT,		 /* lightning: neither max_epochs nor max_steps */
	REASON_TOO_LARGE,		 /* beyond bigint; the key, if one value is */
	REASON_TOO_SMALL		 /* the epochs are too few for a step */
} StepReason;

/* When a run evaluates (section 8). */
typedef enum EvalSchedule
{
	EVAL_UNKNOWN, /* it does, or may, but when is not known in a word */
	EVAL_NONE,
	EVAL_UNSAID, /* hf, baseline: no strategy is named, hence none; but
				  * eval_every_steps is what eval_steps would make it */
	EVAL_STEPS,	 /* every eval_every_steps */
	EVAL_EPOCH	 /* at the end of each epoch */
} EvalSchedule;

/* A factor of the formula: value -1 is unknown, key CONFIG_NONE the default
 * (or, with an unknown value, missing without a default). */
typedef struct StepFactor
{
	int64 value;
	ConfigKey key;
} StepFactor;

/*
 * How many steps a job will run, and what that was computed from.  Counts are
 * -1 where unknown.
 */
typedef struct StepPlan
{
	TrainerDialect dialect;
	SampleBasis basis;
	int64 samples;			 /* N (section 1) */
	int64 val_samples;		 /* as given; -1 unknown */
	StepFactor batch;		 /* b: samples per batch of one process */
	StepFactor accumulation; /* ga: batches per update */
	StepFactor world;		 /* W: processes that share the samples */
	ConfigKey epochs_key;	 /* as StepFactor.key */
	double num_epochs;		 /* E; NaN: unknown, or no epoch limit */
	int64 whole_epochs;		 /* E exactly; -1 where a fraction or unknown */
	bool is_unlimited;		 /* lightning: no epoch limit */
	int64 batches_per_epoch; /* L, of one process */
	int64 updates_per_epoch; /* U; -1 for axolotl, which rounds once a run */
	int64 total_steps;		 /* T, >= 1 */
	bool total_is_explicit;	 /* stated by the configuration (section 5), and
							 * not computed from samples (section 7) */
	ConfigKey total_key;	 /* the key that states or, under lightning, caps
							 * it; else CONFIG_NONE */
	StepReason reason;		 /* why the total is unknown; where it is explicit,
							 * why L and U are, or which factor was ignored */
	ConfigKey reason_key;	 /* the key concerned, or CONFIG_NONE */
	EvalSchedule eval_schedule;
	int64 eval_every_steps;
	int64 first_eval_step; /* >= 0; -1: none, or unknown */
	ConfigKey eval_key;	   /* an unusable value that hides the schedule */
} StepPlan;

/*
 * Computes all of "plan" (sections 3 to 8) from a configuration that
 * trainjob_read_config() read and from sample counts.  The settings
 * trainjob.default_* and trainjob.samples_basis apply.  Raises no error for
 * any input; allocates at most a few bytes, for numbers with a fraction.
 */
extern void trainjob_plan_steps(const JobConfig *config,
								const SampleCounts *counts, StepPlan *plan);

/*
 * Computes the evaluation fields of "plan" anew (section 8), after the caller
 * changed plan->total_steps to what he knows better.
 */
extern void trainjob_plan_evaluation(const JobConfig *config, StepPlan *plan);

/*
 * What a report (step, epoch) of a trainer proves about the total (section 9).
 * Returns the new total, >= step, or -1 when the report is no evidence or does
 * not contradict "current_total", which may be the plan's or an earlier result
 * of this function; -1 stands for the plan's.
 *
 * Evidence is a finite epoch > 0 with a fraction, at a step >= 1, and only for
 * the hf and baseline dialects, where the total was computed from samples or
 * is unknown because samples are packed.  An epoch of at most two decimals is
 * taken for a rounded one, one of up to nine for one that may be; it proves
 * something only when one number of updates per epoch fits it.
 */
extern int64 trainjob_observed_total(const JobConfig *config,
									 const StepPlan *plan, int64 current_total,
									 int64 step, double epoch);

/*
 * Whether a report agrees with a total of num_epochs epochs: a cheap filter
 * before trainjob_observed_total(), which then returns -1 for a plan of this
 * total and this many epochs.  False proves nothing.
 */
extern bool trainjob_epoch_agrees(int64 total_steps, double num_epochs,
								  int64 step, double epoch);

/* "hf", "baseline", ... */
extern const char *trainjob_dialect_name(TrainerDialect dialect);

/* Whether E must be whole in this dialect. */
extern bool trainjob_dialect_has_whole_epochs(TrainerDialect dialect);

/* Defines the settings; called once, by _PG_init. */
extern void trainjob_job_steps_init(void);

/* ---- job_explain.c ------------------------------------------------------ */

/*
 * Texts for a person, palloc'd.  They raise no error for any configuration.
 *
 * _eval_text	what to show before the first evaluation.  "total_steps" is
 *				the job's own total, -1 where unknown; it wins over the plan's.
 * _note		why something of the plan is unknown, or which value was
 *				ignored; NULL where there is nothing to say.  "dataset_path"
 *				may be NULL; "total_steps" as above.
 * _method		the training method, lower case; NULL where none is named.
 */
extern char *trainjob_eval_text_for(const JobConfig *config,
									const SampleCounts *counts,
									int64 total_steps);
extern char *trainjob_note_for(const JobConfig *config,
							   const SampleCounts *counts,
							   const char *dataset_path, int64 total_steps);
extern char *trainjob_method_for(const JobConfig *config);

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

/* ---- overview.c --------------------------------------------------------- */

extern void trainjob_overview_init(void);

#endif /* TRAINJOB_H */
