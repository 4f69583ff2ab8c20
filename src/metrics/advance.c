/*
 * advance.c
 *	  The short way up: reports that are ahead of all before.
 *
 * One UPDATE does it all, and its WHERE clause, or advance_row(), makes sure that
 * they are ahead after waiting for whoever held the row.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "jobs/direct_update.h"
#include "metrics/advance.h"
#include "tables/query.h"
#include "tables/value_write.h"

/*
 * UPDATE jobs SET current_step = $2, last_metric_at = greatest(.., $5),
 *		loss = coalesce($6, loss), ...
 *	WHERE id = $1 AND status = 'running' AND current_step < $3
 *	  AND (restarted_at IS NULL OR restarted_at <= $4)
 */
static SPIPlanPtr
advance_plan(RollUp *roll)
{
	RollUpPart *part = roll->part;
	StringInfoData query;
	Oid types[5 + LATEST_COUNT];
	int nargs = 0;
	const char *step = quote_identifier(part->job[ROLL_CURRENT_STEP].name);
	const char *status = quote_identifier(part->job[ROLL_STATUS].name);

	if (roll->set->plan[QUERY_ADVANCE] != NULL)
		return roll->set->plan[QUERY_ADVANCE];
	trainjob_add_parameter(types, &nargs, part->key.type);
	trainjob_add_parameter(types, &nargs, part->job[ROLL_CURRENT_STEP].type);
	trainjob_add_parameter(types, &nargs, INT8OID);
	trainjob_add_parameter(types, &nargs, TIMESTAMPTZOID);
	trainjob_add_parameter(types, &nargs, part->job[ROLL_LAST_METRIC_AT].type);
	initStringInfo(&query);
	appendStringInfo(&query, "UPDATE %s SET %s = $2",
					 roll->set->table[TABLE_JOBS].quoted, step);
	if (part->job[ROLL_LAST_METRIC_AT].attnum != 0)
	{
		const char *name =
			quote_identifier(part->job[ROLL_LAST_METRIC_AT].name);

		appendStringInfo(&query, ", %s = GREATEST(%s, $5)", name, name);
	}
	else
		types[4] = TIMESTAMPTZOID;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		Column *column = &part->job[ROLL_LATEST(i)];
		const char *name;

		if (column->attnum == 0)
			trainjob_add_parameter(types, &nargs, FLOAT8OID);
		else
		{
			name = quote_identifier(column->name);
			appendStringInfo(&query, ", %s = COALESCE($%d, %s)", name,
							 trainjob_add_parameter(types, &nargs,
													column->type),
							 name);
		}
	}
	/* no operator takes a domain over an enum as it is */
	if (part->job[ROLL_STATUS].is_enum)
		status =
			psprintf("CAST(%s AS %s)", status,
					 format_type_be_qualified(part->job[ROLL_STATUS].type));
	appendStringInfo(&query,
					 " WHERE %s OPERATOR(pg_catalog.=) $1"
					 " AND %s OPERATOR(pg_catalog.=) 'running'"
					 " AND %s OPERATOR(pg_catalog.<) $3",
					 quote_identifier(part->key.name), status, step);
	if (part->job[ROLL_RESTARTED_AT].attnum != 0)
	{
		const char *name = quote_identifier(part->job[ROLL_RESTARTED_AT].name);

		appendStringInfo(&query,
						 " AND (%s IS NULL OR %s OPERATOR(pg_catalog.<=) $4)",
						 name, name);
	}
	return trainjob_keep_plan(roll->set, QUERY_ADVANCE, query.data, nargs,
							  types);
}

/* What advances a job: the values to store, and what the job must be like. */
typedef struct Advance
{
	RollUpPart *part;
	int64 min_step;
	TimestampTz min_recorded;
	Value recorded;
	Datum step;
	Datum last_metric_at;
	Datum latest[LATEST_COUNT];
	bool has_latest[LATEST_COUNT];
} Advance;

/*
 * Fills "advance" from the reports; false where they are not for the short way,
 * or hold a value that does not fit the job's column.
 */
static bool
make_advance(RollUp *roll, JobReports *reports, Advance *advance)
{
	RollUpPart *part = roll->part;
	Newest *epoch = &reports->newest[LATEST_EPOCH];
	Value step = {.count = reports->max_step};
	bool isnull;

	/*
	 * An evaluation may be the best; an epoch of another step than the last
	 * would be taken for evidence, or hides what is: all for settle_job.
	 */
	if (roll->is_update || reports->has_best ||
		part->job[ROLL_CURRENT_STEP].attnum == 0 ||
		(epoch->seen && epoch->step != reports->max_step) ||
		(reports->evidence.seen && reports->evidence.step != epoch->step))
		return false;

	advance->part = part;
	advance->min_step = reports->min_step;
	advance->min_recorded = reports->min_recorded;
	advance->recorded = (Value){.time = reports->max_recorded};
	advance->step =
		trainjob_write_value(&part->job[ROLL_CURRENT_STEP], &step, &isnull);
	if (isnull)
		return false;
	advance->last_metric_at =
		trainjob_write_value(&part->job[ROLL_LAST_METRIC_AT],
							 &advance->recorded, &isnull);
	if (isnull && part->job[ROLL_LAST_METRIC_AT].attnum != 0)
		return false;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		Column *column = &part->job[ROLL_LATEST(i)];
		Value value = {.number = reports->newest[i].number};

		advance->has_latest[i] = reports->newest[i].seen && column->attnum != 0;
		if (!advance->has_latest[i])
			continue;
		advance->latest[i] = trainjob_write_value(column, &value, &isnull);
		if (isnull)
			return false;
	}
	return true;
}

/* The same as advance_plan(), for a row at hand: a DirectChange. */
static bool
advance_row(TupleTableSlot *row, Datum *values, bool *isnull, void *arg)
{
	Advance *advance = arg;
	Column *job = advance->part->job;
	Value status = trainjob_row_value(row, &job[ROLL_STATUS]);
	Value step = trainjob_row_value(row, &job[ROLL_CURRENT_STEP]);
	Value restarted = trainjob_row_value(row, &job[ROLL_RESTARTED_AT]);
	Value reported = trainjob_row_value(row, &job[ROLL_LAST_METRIC_AT]);

	if (status.isnull || strcmp(status.text, "running") != 0 || step.isnull ||
		step.count >= advance->min_step ||
		(!restarted.isnull && restarted.time > advance->min_recorded))
		return false;
	values[job[ROLL_CURRENT_STEP].attnum - 1] = advance->step;
	if (job[ROLL_LAST_METRIC_AT].attnum != 0 &&
		(reported.isnull || reported.time < advance->recorded.time))
	{
		values[job[ROLL_LAST_METRIC_AT].attnum - 1] = advance->last_metric_at;
		isnull[job[ROLL_LAST_METRIC_AT].attnum - 1] = false;
	}
	for (int i = 0; i < LATEST_COUNT; i++)
		if (advance->has_latest[i])
		{
			values[job[ROLL_LATEST(i)].attnum - 1] = advance->latest[i];
			isnull[job[ROLL_LATEST(i)].attnum - 1] = false;
		}
	return true;
}

/* The same by SQL; false if nothing was done. */
static bool
advance_by_sql(RollUp *roll, JobReports *reports, const Advance *advance)
{
	Datum args[5 + LATEST_COUNT];
	char nulls[5 + LATEST_COUNT];
	bool done;

	memset(nulls, ' ', sizeof(nulls));
	args[0] = reports->job_id;
	args[1] = advance->step;
	args[2] = Int64GetDatum(advance->min_step);
	args[3] = TimestampTzGetDatum(advance->min_recorded);
	args[4] = advance->last_metric_at;
	for (int i = 0; i < LATEST_COUNT; i++)
	{
		args[5 + i] = advance->has_latest[i] ? advance->latest[i] : (Datum) 0;
		nulls[5 + i] = advance->has_latest[i] ? ' ' : 'n';
	}
	SPI_connect();
	done = trainjob_execute(advance_plan(roll), SPI_OK_UPDATE, args, nulls) > 0;
	SPI_finish();
	return done;
}

bool
trainjob_advance_job(RollUp *roll, JobReports *reports)
{
	Advance advance;

	if (!make_advance(roll, reports, &advance))
		return false;
	/* a domain's CHECK may have altered the table */
	if (roll->part->advance != NULL && roll->set->valid)
		switch (trainjob_direct_update(roll->part->advance, reports->job_id,
									   advance_row, &advance))
		{
			case DIRECT_DONE:
				return true;
			case DIRECT_DECLINED:
				return false;
			case DIRECT_IMPOSSIBLE:
				break;
		}
	return advance_by_sql(roll, reports, &advance);
}
