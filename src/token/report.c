/*
 * report.c
 *	  Writing with a job's token: report_metrics and report_alert, for a trainer
 *	  that has a token and no right on any table.
 *
 * The token is looked for by its SHA-256 through an index, so that the time of
 * a look-up says nothing about the tokens that there are.  A token ends with
 * its job: completed or cancelled.  A failed job's token lives on, for the
 * trainer may come back.  Unknown and ended tokens are one and the same error;
 * only the server's log tells them apart.
 *
 * The token is looked for as the owner of the jobs table; all else, from the
 * types of values on, is done as the owner of the table that is written to, by
 * a plain INSERT: the triggers do the rest.  These functions themselves run as
 * the extension's owner, who must evaluate nothing that a table's owner wrote.
 *
 * A call writes all of its points or none.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "jobs/status.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/set.h"
#include "tables/set_find.h"
#include "token/point.h"
#include "token/report.h"

PG_FUNCTION_INFO_V1(trainjob_token_digest);
PG_FUNCTION_INFO_V1(trainjob_report_metrics);
PG_FUNCTION_INFO_V1(trainjob_report_alert);

static const TargetRules metrics_target = {TABLE_METRICS, "metrics", "extra"};
static const TargetRules alerts_target = {TABLE_ALERTS, "details", "payload"};

/* Bytes that a token may send, in a call and in a point of it. */
static int max_report_size = 16 * 1024 * 1024;
static int max_point_size = 1024 * 1024;

typedef struct ReportPart
{
	Column key; /* of the jobs table, like those below */
	Column token;
	Column status;
	Column created_at;
	Target target;
} ReportPart;

enum
{
	QUERY_FIND_JOB,
	QUERY_WRITE
};
StaticAssertDecl(QUERY_WRITE < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

static void
build_part(TrainjobSet *set, Relation jobs, const TargetRules *rules)
{
	bool is_alert = rules->table == TABLE_ALERTS;
	ReportPart *part = palloc0(sizeof(ReportPart));
	Target *target = &part->target;
	/* the outcome of an alert is read, too */
	Relation rel =
		trainjob_open_table(set, rules->table, jobs, true,
							ACL_INSERT | (is_alert ? ACL_SELECT : 0));

	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_ID, true, &part->key);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOKEN, true, &part->token);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_STATUS, true,
						 &part->status);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_CREATED_AT, false,
						 &part->created_at);
	target->rules = rules;
	trainjob_find_column(set, rules->table, rel,
						 is_alert ? (int) ALERT_JOB_ID : (int) METRIC_JOB_ID,
						 true, &target->job_id);
	if (is_alert)
	{
		trainjob_find_column(set, TABLE_ALERTS, rel, ALERT_TYPE, true,
							 &target->kind);
		trainjob_find_column(set, TABLE_ALERTS, rel, ALERT_OUTCOME, true,
							 &target->outcome);
	}
	trainjob_describe_target(set, rel, target);
	relation_close(rel, NoLock);
	set->part = part;
}

static void
build_metrics_part(TrainjobSet *set, Relation jobs)
{
	build_part(set, jobs, &metrics_target);
}

static void
build_alerts_part(TrainjobSet *set, Relation jobs)
{
	build_part(set, jobs, &alerts_target);
}

/* ----------
 * Tokens
 * ----------
 */

/* The bytes of a text are laid out as those of a bytea are. */
static bytea *
digest(text *token)
{
	return DatumGetByteaPP(
		DirectFunctionCall1(sha256_bytea, PointerGetDatum(token)));
}

/*
 * trainjob_token_digest
 *		SQL: token_digest(text) returns bytea, strict: the SHA-256 of a token,
 *		by which it is indexed.
 */
Datum
trainjob_token_digest(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(digest(PG_GETARG_TEXT_PP(0)));
}

/*
 * SELECT id, status FROM jobs
 *	WHERE _trainjob.token_digest(job_token) = $1
 *	ORDER BY created_at DESC LIMIT 1
 */
static SPIPlanPtr
find_job_plan(TrainjobSet *set, ReportPart *part)
{
	Oid type = BYTEAOID;
	const char *order = "";

	if (set->plan[QUERY_FIND_JOB] != NULL)
		return set->plan[QUERY_FIND_JOB];
	if (part->created_at.attnum != 0)
		order = psprintf(" ORDER BY %s DESC",
						 quote_identifier(part->created_at.name));
	return trainjob_keep_plan(
		set, QUERY_FIND_JOB,
		psprintf("SELECT %s, %s FROM %s WHERE _trainjob.token_digest(%s)"
				 " OPERATOR(pg_catalog.=) $1%s LIMIT 1",
				 quote_identifier(part->key.name),
				 quote_identifier(part->status.name),
				 set->table[TABLE_JOBS].quoted,
				 quote_identifier(part->token.name), order),
		1, &type);
}

static void
invalid_token(const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("invalid reporting token"), errdetail_log("%s", why)));
}

/* The job that a token belongs to and that has not ended, or an error. */
static Datum
find_job(TrainjobSet *set, ReportPart *part, text *token)
{
	TrainjobUser caller;
	Datum arg;
	FoundRow found = {0};
	Datum job_id;
	Value status;
	JobState state;
	bool isnull;

	/* a column may have it as its default */
	if (token == NULL || VARSIZE_ANY_EXHDR(token) == 0)
		invalid_token("The token is NULL or empty.");
	arg = PointerGetDatum(digest(token));
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	if (trainjob_execute(find_job_plan(set, part), SPI_OK_SELECT, &arg, NULL) ==
		0)
		invalid_token("No job has this token.");
	job_id = trainjob_found_datum(&found, 1, &part->key, &isnull);
	status = trainjob_found_value(&found, 2, &part->status);
	trainjob_restore_user(&caller);
	state = trainjob_state_of(status.isnull ? NULL : status.text);
	if (state == STATE_COMPLETED || state == STATE_CANCELLED)
		invalid_token("The job of this token has ended.");
	return job_id;
}

/* ----------
 * Writing
 * ----------
 */

/*
 * INSERT INTO table (job_id, [type,] columns)
 *	SELECT $1, [$3,] columns FROM jsonb_to_recordset($2) AS (columns)
 *
 * Where a point has no value, a column takes its default; recorded_at and
 * occurred_at are now where they have none.  The values are read by the types
 * under their domains, which are for what the column comes to have.
 */
static SPIPlanPtr
write_plan(TrainjobSet *set, ReportPart *part)
{
	Target *target = &part->target;
	StringInfoData columns;
	StringInfoData values;
	StringInfoData types;
	Oid argtypes[3] = {part->key.type, JSONBOID, TEXTOID};
	bool is_alert = target->kind.attnum != 0;
	const char *returning = "";

	if (set->plan[QUERY_WRITE] != NULL)
		return set->plan[QUERY_WRITE];
	initStringInfo(&columns);
	initStringInfo(&values);
	initStringInfo(&types);
	trainjob_add_item(&columns, "%s", quote_identifier(target->job_id.name));
	if (is_alert)
	{
		trainjob_add_item(&columns, "%s", quote_identifier(target->kind.name));
		returning =
			psprintf(" RETURNING %s", quote_identifier(target->outcome.name));
	}
	for (int i = 0; i < target->count; i++)
	{
		Field *field = &target->field[i];
		const char *name = quote_identifier(field->column.name);

		trainjob_add_item(&columns, "%s", name);
		if (field->preset != NULL)
			appendStringInfo(&values, ", COALESCE(r.%s, %s)", name,
							 field->preset);
		else
			appendStringInfo(&values, ", r.%s", name);
		trainjob_add_item(&types, "%s %s", name,
						  format_type_extended(field->column.type,
											   field->column.typmod,
											   FORMAT_TYPE_TYPEMOD_GIVEN |
												   FORMAT_TYPE_FORCE_QUALIFY));
	}
	return trainjob_keep_plan(
		set, QUERY_WRITE,
		psprintf("INSERT INTO %s (%s) SELECT $1%s%s"
				 " FROM pg_catalog.jsonb_to_recordset($2) AS r (%s)%s",
				 set->table[target->rules->table].quoted, columns.data,
				 is_alert ? ", $3" : "", values.data, types.data, returning),
		is_alert ? 3 : 2, argtypes);
}

/* The document of an argument, not taken out of storage if it is too large. */
static Jsonb *
get_document(FunctionCallInfo fcinfo, int arg, const TargetRules *rules)
{
	Size size = toast_raw_datum_size(PG_GETARG_DATUM(arg)) - VARHDRSZ;

	if (size > max_report_size)
		trainjob_too_large(rules->what, size, "trainjob.max_report_size",
						   max_report_size);
	return PG_GETARG_JSONB_P(arg);
}

/*
 * trainjob_report_metrics
 *		SQL: report_metrics(job_token text, metrics jsonb, jobs regclass)
 *		returns bigint: writes a point, or an array of them, by one INSERT;
 *		returns the number of rows, of those that no trigger left out.
 */
Datum
trainjob_report_metrics(PG_FUNCTION_ARGS)
{
	text *token = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	Jsonb *document =
		PG_ARGISNULL(1) ? NULL : get_document(fcinfo, 1, &metrics_target);
	Relation jobs = trainjob_open_jobs(fcinfo, 2);
	TrainjobSet *set =
		trainjob_get_set_of(jobs, "report_metrics", build_metrics_part);
	ReportPart *part = set->part;
	Call call = {.target = &part->target, .max_size = max_point_size};
	TrainjobUser caller;
	Datum args[2];
	int64 stored = 0;

	SPI_connect();
	args[0] = find_job(set, part, token);
	trainjob_become_owner(&set->table[TABLE_METRICS], &caller);
	if (document != NULL)
		args[1] = JsonbPGetDatum(trainjob_read_points(&call, document));
	if (call.count > 0)
		stored =
			trainjob_execute(write_plan(set, part), SPI_OK_INSERT, args, NULL);
	trainjob_restore_user(&caller);
	trainjob_warn_of_lost_keys(&call, &set->table[TABLE_METRICS]);
	SPI_finish();
	relation_close(jobs, NoLock);
	PG_RETURN_INT64(stored);
}

/* The details of an alert as an object, an empty one for NULL. */
static Jsonb *
get_details(FunctionCallInfo fcinfo, int arg)
{
	Jsonb *details;

	if (PG_ARGISNULL(arg))
		return DatumGetJsonbP(
			DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	details = get_document(fcinfo, arg, &alerts_target);
	if (!JB_ROOT_IS_OBJECT(details))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the details of an alert must be an object"),
						errhint("Nothing of this call was stored.")));
	return details;
}

/*
 * trainjob_report_alert
 *		SQL: report_alert(job_token text, type text, details jsonb, jobs
 *		regclass) returns text: writes an alert; returns its outcome, NULL
 *		where a trigger left the alert out.
 */
Datum
trainjob_report_alert(PG_FUNCTION_ARGS)
{
	MemoryContext memory = CurrentMemoryContext;
	text *token = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	Relation jobs = trainjob_open_jobs(fcinfo, 3);
	TrainjobSet *set =
		trainjob_get_set_of(jobs, "report_alert", build_alerts_part);
	ReportPart *part = set->part;
	Call call = {.target = &part->target, .max_size = max_point_size};
	TrainjobUser caller;
	Datum args[3];
	Jsonb *details;
	char *outcome = NULL;
	text *result = NULL;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the type of an alert must not be NULL"),
						errhint("It is %s.", trainjob_alert_type_list())));
	details = get_details(fcinfo, 2);
	SPI_connect();
	args[0] = find_job(set, part, token);
	trainjob_become_owner(&set->table[TABLE_ALERTS], &caller);
	args[1] = JsonbPGetDatum(trainjob_read_points(&call, details));
	args[2] = PG_GETARG_DATUM(1);
	if (trainjob_execute(write_plan(set, part), SPI_OK_INSERT_RETURNING, args,
						 NULL) > 0)
		outcome = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	trainjob_restore_user(&caller);
	trainjob_warn_of_lost_keys(&call, &set->table[TABLE_ALERTS]);
	if (outcome != NULL)
	{
		MemoryContextSwitchTo(memory);
		result = cstring_to_text(outcome);
	}
	SPI_finish();
	relation_close(jobs, NoLock);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* Defines the settings of this file. */
void
trainjob_report_init(void)
{
	/* a trainer must not raise what holds it, hence a superuser's */
	DefineCustomIntVariable("trainjob.max_report_size",
							"Sets how large a call with a token may be.", NULL,
							&max_report_size, max_report_size, 1024,
							MaxAllocSize, PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL,
							NULL);
	DefineCustomIntVariable("trainjob.max_point_size",
							"Sets how large a point of such a call may be.",
							NULL, &max_point_size, max_point_size, 1024,
							MaxAllocSize, PGC_SUSET, GUC_UNIT_BYTE, NULL, NULL,
							NULL);
}
