/*
 * columns.c
 *	  The list of columns as data, for C and for SQL.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "tables/columns.h"
#include "tables/set.h"

PG_FUNCTION_INFO_V1(trainjob_canonical_columns);

#define TYPE_UUID "uuid"
#define TYPE_ROW_ID "bigint"
#define TYPE_COUNT "bigint"
#define TYPE_NUMBER "float8"
#define TYPE_TIME "timestamptz"
#define TYPE_TEXT "text"
#define TYPE_JSON "jsonb"
#define TYPE_PATH "text"

#define ENTRY(symbol, name, kind, flags, definition, comment) \
	{name, TRAINJOB_KIND_##kind, TYPE_##kind, flags, definition, comment},
#define UP_ENTRY(symbol, name, flags, job, comment) \
	ENTRY(symbol, name, NUMBER, (flags) | GOES_UP, "", comment)

static const KnownColumn job_columns[] = {TRAINJOB_JOB_COLUMNS(ENTRY)};
static const KnownColumn metric_columns[] = {
	TRAINJOB_METRIC_COLUMNS(ENTRY, UP_ENTRY)};
static const KnownColumn dataset_columns[] = {TRAINJOB_DATASET_COLUMNS(ENTRY)};
static const KnownColumn alert_columns[] = {TRAINJOB_ALERT_COLUMNS(ENTRY)};
static const KnownColumn change_columns[] = {TRAINJOB_CHANGE_COLUMNS(ENTRY)};

#define LATEST_ENTRY(symbol, name, flags, job, comment) \
	[LATEST_##symbol] = {METRIC_##symbol, JOB_##job,    \
						 ((flags) &NOT_IN_SUMMARY) != 0},
const LatestColumn trainjob_latest[LATEST_COUNT] = {
	TRAINJOB_METRIC_COLUMNS(TRAINJOB_NOT_LATEST, LATEST_ENTRY)};

const KnownTable trainjob_known_tables[TABLE_COUNT] = {
	[TABLE_JOBS] = {"jobs", job_columns, lengthof(job_columns)},
	[TABLE_METRICS] = {"metrics", metric_columns, lengthof(metric_columns)},
	[TABLE_DATASETS] = {"datasets", dataset_columns, lengthof(dataset_columns)},
	[TABLE_ALERTS] = {"alerts", alert_columns, lengthof(alert_columns)},
	[TABLE_STATUS_CHANGES] = {"status_changes", change_columns,
							  lengthof(change_columns)}};

/*
 * trainjob_canonical_columns
 *		SQL: canonical_columns() returns setof (table_key text, ordinal integer,
 *		column_name name, column_type text, definition text, description text,
 *		essential boolean, goes_up boolean, not_in_summary boolean, is_key
 *		boolean, by_triggers boolean), the list.
 */
Datum
trainjob_canonical_columns(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (TableId table = 0; table < TABLE_COUNT; table++)
	{
		const KnownTable *known = &trainjob_known_tables[table];

		for (int i = 0; i < known->count; i++)
		{
			const KnownColumn *column = &known->column[i];
			NameData name;
			Datum values[11];
			bool nulls[11] = {false};

			namestrcpy(&name, column->name);
			values[0] = CStringGetTextDatum(known->key);
			values[1] = Int32GetDatum(i + 1);
			values[2] = NameGetDatum(&name);
			values[3] = CStringGetTextDatum(column->type);
			values[4] = CStringGetTextDatum(column->definition);
			values[5] = CStringGetTextDatum(column->comment);
			values[6] = BoolGetDatum((column->flags & ESSENTIAL) != 0);
			values[7] = BoolGetDatum((column->flags & GOES_UP) != 0);
			values[8] = BoolGetDatum((column->flags & NOT_IN_SUMMARY) != 0);
			values[9] = BoolGetDatum(column->kind == COLUMN_KEY ||
									 column->kind == COLUMN_PATH);
			values[10] =
				BoolGetDatum((column->flags & (BY_TRIGGERS | BY_REPORTS)) != 0);
			tuplestore_putvalues(result->setResult, result->setDesc, values,
								 nulls);
		}
	}
	return (Datum) 0;
}
