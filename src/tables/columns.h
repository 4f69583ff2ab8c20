/*
 * columns.h
 *	  The columns of the five tables: the one list of them.
 *
 * It is where C finds columns by, what create_tables() makes, what attach()
 * checks, and what the columns' comments are.  The names are canonical, see
 * set.h.  A column's line says:
 *
 *		symbol, name, kind and type, flags, definition, comment
 *
 * and, for a column of reports whose newest value the job shows (UP), the symbol
 * of that column of the job instead of kind and definition.
 */
#ifndef TRAINJOB_TABLES_COLUMNS_H
#define TRAINJOB_TABLES_COLUMNS_H

#include "tables/column.h"

/* Kinds of columns in the list; ROW_ID is a key that the database counts up. */
#define TRAINJOB_KIND_UUID COLUMN_KEY
#define TRAINJOB_KIND_ROW_ID COLUMN_KEY
#define TRAINJOB_KIND_COUNT COLUMN_COUNT
#define TRAINJOB_KIND_NUMBER COLUMN_NUMBER
#define TRAINJOB_KIND_TIME COLUMN_TIME
#define TRAINJOB_KIND_TEXT COLUMN_TEXT
#define TRAINJOB_KIND_JSON COLUMN_JSON
#define TRAINJOB_KIND_PATH COLUMN_PATH

/* The writer of a column, one of these; and what else is true of it. */
#define BY_WRITER 0x01		/* whoever writes the row */
#define BY_TOKEN 0x02		/* so, and a report or an alert with a token */
#define BY_TRIGGERS 0x04	/* triggers, from what the row says or is told */
#define BY_REPORTS 0x08		/* the roll-up, from reports */
#define ESSENTIAL 0x10		/* no set without it */
#define NOT_IN_SUMMARY 0x20 /* means something else in a trainer's summary */
#define GOES_UP 0x40		/* an UP line: the job shows the newest value */
#define A_STATUS 0x80		/* its words are statuses, see column_words.h */
#define AN_ALERT_TYPE 0x100 /* so, types of alerts */

/* clang-format off */

/* First those that indexes look at, of fixed width: each update compares them. */
#define TRAINJOB_JOB_COLUMNS(C) \
	C(ID, "id", UUID, BY_WRITER | ESSENTIAL, "PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()", "Identity of the job.") \
	C(USER_ID, "user_id", UUID, BY_WRITER, "", "Whose it is.") \
	C(CREATED_AT, "created_at", TIME, BY_WRITER, "NOT NULL DEFAULT pg_catalog.now()", "When the row came.") \
	C(TOTAL_SAMPLES, "total_samples", COUNT, BY_TRIGGERS, "", "Samples in all, from the dataset or the configuration.") \
	C(TRAIN_SAMPLES, "train_samples", COUNT, BY_TRIGGERS, "", "Samples of the training split.") \
	C(VAL_SAMPLES, "val_samples", COUNT, BY_TRIGGERS, "", "Samples of the validation split.") \
	C(DATASET_PATH, "dataset_path", PATH, BY_WRITER, "", "storage_path of its dataset.") \
	C(TOKEN, "job_token", TEXT, BY_WRITER, "", "The secret with which its trainer reports.") \
	C(MODEL_NAME, "model_name", TEXT, BY_WRITER, "", "The model that is trained.") \
	C(CONFIG, "config", JSON, BY_WRITER, "", "The trainer's configuration.") \
	C(STATUS, "status", TEXT, BY_WRITER | ESSENTIAL | A_STATUS, "NOT NULL DEFAULT 'pending'", "pending, queued, starting, running, paused, completed, failed or cancelled.") \
	C(ERROR, "error", TEXT, BY_WRITER, "", "Why it failed, in words.") \
	C(ERROR_TYPE, "error_type", TEXT, BY_WRITER, "", "What kind of failure it was; stalled: presumed dead.") \
	C(STATUS_CHANGED_AT, "status_changed_at", TIME, BY_TRIGGERS, "", "When status last changed; NULL until it first did.") \
	C(STARTED_AT, "started_at", TIME, BY_TRIGGERS, "", "When it first ran.") \
	C(RESTARTED_AT, "restarted_at", TIME, BY_TRIGGERS, "", "When its present attempt began, if that is not the first.") \
	C(COMPLETED_AT, "completed_at", TIME, BY_TRIGGERS, "", "When it completed.") \
	C(FAILED_AT, "failed_at", TIME, BY_TRIGGERS, "", "When it failed.") \
	C(CANCELLED_AT, "cancelled_at", TIME, BY_TRIGGERS, "", "When it was cancelled.") \
	C(EXPECTED_TOTAL_STEPS, "expected_total_steps", COUNT, BY_TRIGGERS, "", "Optimizer steps estimated from configuration and samples.") \
	C(TOTAL_EPOCHS, "total_epochs", NUMBER, BY_TRIGGERS, "", "Epochs of the run; NULL where a number of steps limits it.") \
	C(TOTAL_STEPS, "total_steps", COUNT, BY_TRIGGERS, "", "Optimizer steps of the run, see total_steps_source.") \
	C(TOTAL_STEPS_SOURCE, "total_steps_source", TEXT, BY_TRIGGERS, "", "Where total_steps comes from: given by the writer, estimated, reported by the trainer, or observed in its reports; disproved: they prove it wrong, and none is known.") \
	C(UPDATED_AT, "updated_at", TIME, BY_TRIGGERS, "NOT NULL DEFAULT pg_catalog.now()", "When anything in the row last changed.") \
	C(LAST_METRIC_AT, "last_metric_at", TIME, BY_REPORTS, "", "recorded_at of its newest report.") \
	C(LAST_SEEN_AT, "last_seen_at", TIME, BY_REPORTS, "", "When, by the server's clock, a report or an alert last changed the row.") \
	C(CURRENT_STEP, "current_step", COUNT, BY_REPORTS, "", "The highest step of the present attempt.") \
	C(CURRENT_EPOCH, "current_epoch", NUMBER, BY_REPORTS, "", "The newest epoch.") \
	C(PROGRESS, "progress", NUMBER, BY_TRIGGERS, "", "Percent of total_steps, 0 to 100.") \
	C(LOSS, "loss", NUMBER, BY_REPORTS, "", "The newest train_loss.") \
	C(EVAL_LOSS, "eval_loss", NUMBER, BY_REPORTS, "", "The newest eval_loss.") \
	C(PERPLEXITY, "perplexity", NUMBER, BY_REPORTS, "", "The newest perplexity.") \
	C(LEARNING_RATE, "learning_rate", NUMBER, BY_REPORTS, "", "The newest learning rate.") \
	C(GRAD_NORM, "grad_norm", NUMBER, BY_REPORTS, "", "The newest norm of the gradient.") \
	C(SAMPLES_PER_SECOND, "samples_per_second", NUMBER, BY_REPORTS, "", "The newest throughput in samples.") \
	C(TOKENS_PER_SECOND, "tokens_per_second", NUMBER, BY_REPORTS, "", "The newest throughput in tokens.") \
	C(GPU_MEMORY_ALLOCATED_GB, "gpu_memory_allocated_gb", NUMBER, BY_REPORTS, "", "The newest GPU memory in use, GB.") \
	C(GPU_UTILIZATION_PERCENT, "gpu_utilization_percent", NUMBER, BY_REPORTS, "", "The newest GPU utilization, percent.") \
	C(BEST_EVAL_LOSS, "best_eval_loss", NUMBER, BY_REPORTS, "", "The lowest finite eval_loss of all attempts.") \
	C(BEST_STEP, "best_step", COUNT, BY_REPORTS, "", "The first step that had it.") \
	C(BEST_EPOCH, "best_epoch", NUMBER, BY_REPORTS, "", "The epoch of that report.")

#define TRAINJOB_METRIC_COLUMNS(C, UP) \
	C(JOB_ID, "job_id", UUID, BY_WRITER | ESSENTIAL, "NOT NULL", "The job.") \
	C(STEP, "step", COUNT, BY_TOKEN | ESSENTIAL, "NOT NULL", "Optimizer steps done, 0 before the first; never negative.") \
	C(ID, "id", ROW_ID, BY_WRITER, "GENERATED BY DEFAULT AS IDENTITY", "Tells the reports of a step apart, in order.") \
	UP(EPOCH, "epoch", BY_TOKEN, CURRENT_EPOCH, "Epochs done, with fraction.") \
	UP(TRAIN_LOSS, "train_loss", BY_TOKEN | NOT_IN_SUMMARY, LOSS, "Training loss of the step, or the mean since the last report.") \
	UP(EVAL_LOSS, "eval_loss", BY_TOKEN, EVAL_LOSS, "Loss on the validation split.") \
	UP(PERPLEXITY, "perplexity", BY_TOKEN | NOT_IN_SUMMARY, PERPLEXITY, "exp(train_loss), unless the trainer sent its own.") \
	C(EVAL_PERPLEXITY, "eval_perplexity", NUMBER, BY_TOKEN, "", "exp(eval_loss), unless the trainer sent its own.") \
	UP(LEARNING_RATE, "learning_rate", BY_TOKEN, LEARNING_RATE, "Learning rate.") \
	UP(GRAD_NORM, "grad_norm", BY_TOKEN, GRAD_NORM, "Norm of the gradient.") \
	UP(SAMPLES_PER_SECOND, "samples_per_second", BY_TOKEN, SAMPLES_PER_SECOND, "Throughput in samples.") \
	UP(TOKENS_PER_SECOND, "tokens_per_second", BY_TOKEN, TOKENS_PER_SECOND, "Throughput in tokens.") \
	UP(GPU_MEMORY_ALLOCATED_GB, "gpu_memory_allocated_gb", BY_TOKEN, GPU_MEMORY_ALLOCATED_GB, "GPU memory in use, GB.") \
	C(GPU_MEMORY_RESERVED_GB, "gpu_memory_reserved_gb", NUMBER, BY_TOKEN, "", "GPU memory reserved, GB.") \
	UP(GPU_UTILIZATION_PERCENT, "gpu_utilization_percent", BY_TOKEN, GPU_UTILIZATION_PERCENT, "GPU utilization, percent.") \
	C(EXTRA, "extra", JSON, BY_TOKEN, "", "Whatever else the trainer reports, by its own names.") \
	C(RECORDED_AT, "recorded_at", TIME, BY_TOKEN, "DEFAULT pg_catalog.now()", "When the trainer took the measure.")

#define TRAINJOB_DATASET_COLUMNS(C) \
	C(ID, "id", UUID, BY_WRITER, "PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()", "Identity of the dataset.") \
	C(USER_ID, "user_id", UUID, BY_WRITER, "", "Whose it is; NULL: everybody may train on it.") \
	C(NAME, "name", TEXT, BY_WRITER, "", "What people call it.") \
	C(STORAGE_PATH, "storage_path", PATH, BY_WRITER | ESSENTIAL, "NOT NULL", "Where it lies; a job names it in dataset_path.") \
	C(SAMPLE_COUNT, "sample_count", COUNT, BY_WRITER, "", "Samples in all, training and validation.") \
	C(TRAIN_SAMPLES, "train_samples", COUNT, BY_WRITER, "", "Samples of the training split.") \
	C(VAL_SAMPLES, "val_samples", COUNT, BY_WRITER, "", "Samples of the validation split.") \
	C(CREATED_AT, "created_at", TIME, BY_WRITER, "NOT NULL DEFAULT pg_catalog.now()", "When the row came.") \
	C(UPDATED_AT, "updated_at", TIME, BY_WRITER, "NOT NULL DEFAULT pg_catalog.now()", "When the application last changed it.")

#define TRAINJOB_ALERT_COLUMNS(C) \
	C(ID, "id", ROW_ID, BY_WRITER, "PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY", "Identity of the alert.") \
	C(JOB_ID, "job_id", UUID, BY_WRITER | ESSENTIAL, "NOT NULL", "The job, which may come later.") \
	C(TYPE, "type", TEXT, BY_WRITER | ESSENTIAL | AN_ALERT_TYPE, "NOT NULL", "job_started, job_completed, job_failed, job_cancelled, job_queued, job_paused, job_preempted, job_resumed, gpu_oom, disk_warning or timeout_warning.") \
	C(USER_ID, "user_id", UUID, BY_WRITER, "", "Who sends it; must be the job's user where given.") \
	C(ERROR_MESSAGE, "error_message", TEXT, BY_TOKEN, "", "For job_failed: what goes to the job's error.") \
	C(ERROR_TYPE, "error_type", TEXT, BY_TOKEN, "", "For job_failed: what goes to the job's error_type.") \
	C(CURRENT_STEP, "current_step", COUNT, BY_TOKEN, "", "The step that the trainer is at.") \
	C(TOTAL_STEPS, "total_steps", COUNT, BY_TOKEN, "", "The steps that the trainer will run.") \
	C(LOSS, "loss", NUMBER, BY_TOKEN, "", "The loss at that time.") \
	C(PAYLOAD, "payload", JSON, BY_TOKEN, "", "Whatever else the sender says.") \
	C(OCCURRED_AT, "occurred_at", TIME, BY_TOKEN, "DEFAULT pg_catalog.now()", "When it happened, by the sender's clock.") \
	C(RECEIVED_AT, "received_at", TIME, BY_WRITER, "DEFAULT pg_catalog.now()", "When it came.") \
	C(OUTCOME, "outcome", TEXT, BY_TRIGGERS | ESSENTIAL, "", "What it did: applied, unchanged, late, refused, noted or waiting. Filled by the trigger.") \
	C(OUTCOME_REASON, "outcome_reason", TEXT, BY_TRIGGERS, "", "Why it did not change the job.") \
	C(STATUS_BEFORE, "status_before", TEXT, BY_TRIGGERS | A_STATUS, "", "The job's status before it.") \
	C(STATUS_AFTER, "status_after", TEXT, BY_TRIGGERS | A_STATUS, "", "The job's status after it.")

#define TRAINJOB_CHANGE_COLUMNS(C) \
	C(ID, "id", ROW_ID, BY_TRIGGERS, "PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY", "Identity of the change.") \
	C(JOB_ID, "job_id", UUID, BY_TRIGGERS | ESSENTIAL, "NOT NULL", "The job.") \
	C(STATUS_BEFORE, "status_before", TEXT, BY_TRIGGERS | A_STATUS, "", "Status before.") \
	C(STATUS_AFTER, "status_after", TEXT, BY_TRIGGERS | A_STATUS, "", "Status after.") \
	C(CHANGED_AT, "changed_at", TIME, BY_TRIGGERS, "NOT NULL DEFAULT pg_catalog.now()", "When it happened.") \
	C(ALERT_ID, "alert_id", ROW_ID, BY_TRIGGERS, "", "The alert that did it, if one did.") \
	C(CHANGED_BY, "changed_by", TEXT, BY_TRIGGERS, "", "The role that wrote.")

/* clang-format on */

/*
 * A column by its place in the list of its table: JOB_ID, ..., METRIC_STEP, ...;
 * JOB_COLUMNS and the like are how many there are.
 */
#define TRAINJOB_JOB_PLACE(symbol, ...) JOB_##symbol,
#define TRAINJOB_METRIC_PLACE(symbol, ...) METRIC_##symbol,
#define TRAINJOB_DATASET_PLACE(symbol, ...) DATASET_##symbol,
#define TRAINJOB_ALERT_PLACE(symbol, ...) ALERT_##symbol,
#define TRAINJOB_CHANGE_PLACE(symbol, ...) CHANGE_##symbol,

typedef enum JobColumn
{
	TRAINJOB_JOB_COLUMNS(TRAINJOB_JOB_PLACE) JOB_COLUMNS
} JobColumn;

typedef enum MetricColumn
{
	TRAINJOB_METRIC_COLUMNS(TRAINJOB_METRIC_PLACE, TRAINJOB_METRIC_PLACE)
	METRIC_COLUMNS
} MetricColumn;

typedef enum DatasetColumn
{
	TRAINJOB_DATASET_COLUMNS(TRAINJOB_DATASET_PLACE) DATASET_COLUMNS
} DatasetColumn;

typedef enum AlertColumn
{
	TRAINJOB_ALERT_COLUMNS(TRAINJOB_ALERT_PLACE) ALERT_COLUMNS
} AlertColumn;

typedef enum ChangeColumn
{
	TRAINJOB_CHANGE_COLUMNS(TRAINJOB_CHANGE_PLACE) CHANGE_COLUMNS
} ChangeColumn;

/*
 * The columns of a report whose newest value the job shows, the UP lines of the
 * list: LATEST_EPOCH, LATEST_TRAIN_LOSS, ...
 */
#define TRAINJOB_NOT_LATEST(symbol, ...)
#define TRAINJOB_LATEST_PLACE(symbol, ...) LATEST_##symbol,
enum
{
	TRAINJOB_METRIC_COLUMNS(TRAINJOB_NOT_LATEST, TRAINJOB_LATEST_PLACE)
	LATEST_COUNT
};

typedef struct LatestColumn
{
	MetricColumn metric;
	JobColumn job;
	bool not_in_summary; /* means something else in a trainer's summary row */
} LatestColumn;

extern const LatestColumn trainjob_latest[LATEST_COUNT];

/* Their columns of a job, for a list of its columns. */
#define TRAINJOB_LATEST_OF_JOB(symbol, name, flags, job, comment) JOB_##job,
#define TRAINJOB_LATEST_JOB_COLUMNS \
	TRAINJOB_METRIC_COLUMNS(TRAINJOB_NOT_LATEST, TRAINJOB_LATEST_OF_JOB)

/* A line of the list. */
typedef struct KnownColumn
{
	const char *name;
	ColumnKind kind;
	const char *type;
	int flags;
	const char *definition; /* what else CREATE TABLE says */
	const char *comment;
} KnownColumn;

/* Whether a column may be without a value, be it by a filler, see filler.h. */
static inline bool
trainjob_can_be_null(const KnownColumn *known)
{
	return (known->flags & ESSENTIAL) == 0;
}

/* The list of a table. */
typedef struct KnownTable
{
	const char *key; /* jobs, metrics, ... */
	const KnownColumn *column;
	int count;
} KnownTable;

/* By TableId, see set.h. */
extern const KnownTable trainjob_known_tables[];

#endif /* TRAINJOB_TABLES_COLUMNS_H */
