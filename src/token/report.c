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
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "pg/subtransaction.h"
#include "status/status.h"
#include "tables/column_words.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/set.h"
#include "tables/set_find.h"
#include "tables/value_write.h"
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

/* What is kept of a jobs table to find a job in by its token. */
typedef struct FindPart
{
	Column key;
	Column token;
	Column status;
	Column created_at;
} FindPart;

/* What is kept of a set to write to one of its tables. */
typedef struct ReportPart
{
	Column key; /* of the jobs table */
	Target target;
} ReportPart;

/* Each of them keeps one query. */
#define QUERY_FIND_JOB 0
#define QUERY_WRITE 0

static void
build_find_part(TrainjobSet *set, Relation jobs)
{
	FindPart *part = palloc0(sizeof(FindPart));

	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_ID, true, &part->key);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOKEN, false, &part->token);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_STATUS, true,
						 &part->status);
	trainjob_find_column(set, TABLE_JOBS, jobs, JOB_CREATED_AT, false,
						 &part->created_at);
	set->part = part;
}

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
find_job_plan(TrainjobSet *set, FindPart *part)
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

/* A job by its token. */
typedef struct TokenJob
{
	Relation jobs;		  /* the table of its set, open */
	const char *function; /* that is called */
	Datum id;
	bool has_ended; /* there is one, in some set, that is closed to it */
} TokenJob;

/* Looks for the job of a token in a jobs table; false if it is not there. */
static bool
find_job_in(Relation jobs, bool sole, Datum digest, TokenJob *found)
{
	TrainjobSet *set = trainjob_get_set_of(jobs, "token", build_find_part);
	FindPart *part = set->part;
	TrainjobUser caller;
	FoundRow row = {0};
	JobState state = STATE_WAITING;
	bool there;
	bool isnull;

	if (part->token.attnum == 0)
	{
		/* of several sets, some may have no tokens */
		if (sole)
		{
			/* it is an error, which names the function that was called */
			set->function = found->function;
			trainjob_find_column(set, TABLE_JOBS, jobs, JOB_TOKEN, true,
								 &part->token);
		}
		return false;
	}
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	there = trainjob_execute(find_job_plan(set, part), SPI_OK_SELECT, &digest,
							 NULL) > 0;
	if (there)
	{
		Value status = trainjob_found_value(&row, 2, &part->status);

		found->id = trainjob_found_datum(&row, 1, &part->key, &isnull);
		state = trainjob_state_of(status.isnull ? NULL : status.text);
	}
	trainjob_restore_user(&caller);
	if (state != STATE_COMPLETED && state != STATE_CANCELLED)
		return there;
	found->has_ended = true;
	return false;
}

/*
 * find_job_in() for one of several sets: one in which nothing can be found for
 * an error, such as a trigger with wrong arguments, is no concern of those who
 * write to another.  In a subtransaction.
 */
static bool
try_find_job_in(Relation jobs, Datum digest, TokenJob *found)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool there = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		there = find_job_in(jobs, false, digest, found);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error = trainjob_leave_failed_subtransaction(caller, owner);

		ereport(LOG, (errmsg("no token is found in table \"%s\": %s",
							 RelationGetRelationName(jobs), error->message)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return there;
}

/*
 * Opens the jobs table of one of several sets; NULL if it is gone, or another
 * session's temporary table, or, unless "wait", if it is locked against us.
 */
static Relation
open_one_of_several(Oid table, bool wait)
{
	Relation jobs;

	if (wait)
		LockRelationOid(table, AccessShareLock);
	else if (!ConditionalLockRelationOid(table, AccessShareLock))
		return NULL;
	jobs = try_relation_open(table, NoLock);
	if (jobs != NULL && !RELATION_IS_OTHER_TEMP(jobs))
		return jobs;
	if (jobs != NULL)
		relation_close(jobs, NoLock);
	UnlockRelationOid(table, AccessShareLock);
	return NULL;
}

/*
 * Looks for the job of a token in several sets: first in those that nobody has
 * locked, so that work on one of them does not stop the trainers of others.
 */
static bool
find_in_any(List *tables, Datum digest, TokenJob *found)
{
	List *locked = NIL;
	ListCell *cell;

	for (int wait = 0; wait <= 1; wait++)
	{
		foreach (cell, wait ? locked : tables)
		{
			found->jobs = open_one_of_several(lfirst_oid(cell), wait);
			if (found->jobs == NULL && !wait)
				locked = lappend_oid(locked, lfirst_oid(cell));
			if (found->jobs == NULL)
				continue;
			if (try_find_job_in(found->jobs, digest, found))
				return true;
			relation_close(found->jobs, NoLock);
		}
	}
	return false;
}

static bool
find_in_only(Oid table, Datum digest, TokenJob *found)
{
	found->jobs = trainjob_open_jobs_table(table);
	return find_job_in(found->jobs, true, digest, found);
}

/*
 * The job that a token belongs to and that has not ended, or an error.  It is
 * looked for in the table that argument number "arg" is, in all sets where that
 * is NULL: a trainer does not know which there are.
 */
static void
find_job(FunctionCallInfo fcinfo, int arg, const char *function,
		 TokenJob *found)
{
	text *token = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	List *tables = PG_ARGISNULL(arg) ? trainjob_all_jobs_tables()
									 : list_make1_oid(PG_GETARG_OID(arg));
	Datum key;

	/* a column may have it as its default */
	if (token == NULL || VARSIZE_ANY_EXHDR(token) == 0)
		invalid_token("The token is NULL or empty.");
	key = PointerGetDatum(digest(token));
	found->function = function;
	found->has_ended = false;
	if (list_length(tables) == 1
			? find_in_only(linitial_oid(tables), key, found)
			: find_in_any(tables, key, found))
		return;
	invalid_token(found->has_ended ? "The job of this token has ended."
								   : "No job has this token.");
}

/* ----------
 * Writing
 * ----------
 */

/* The type by which a field's values are read. */
static char *
recordset_type(const Field *field)
{
	if (trainjob_is_utc_field(field))
		return "pg_catalog.timestamptz";
	return format_type_extended(field->column.type, field->column.typmod,
								FORMAT_TYPE_TYPEMOD_GIVEN |
									FORMAT_TYPE_FORCE_QUALIFY);
}

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
	Oid argtypes[3] = {part->key.type, JSONBOID, target->kind.type};
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
		const char *value;

		trainjob_add_item(&columns, "%s", name);
		value = psprintf("r.%s", name);
		if (trainjob_is_utc_field(field))
			value = psprintf("pg_catalog.timezone('UTC', %s)", value);
		if (field->preset != NULL)
			value = psprintf("COALESCE(%s, %s)", value, field->preset);
		appendStringInfo(&values, ", %s", value);
		trainjob_add_item(&types, "%s %s", name, recordset_type(field));
	}
	for (int i = 0; i + 1 < list_length(target->required); i += 2)
	{
		trainjob_add_item(&columns, "%s",
						  quote_identifier(list_nth(target->required, i)));
		appendStringInfo(&values, ", %s",
						 (char *) list_nth(target->required, i + 1));
	}
	return trainjob_keep_plan(
		set, QUERY_WRITE,
		psprintf("INSERT INTO %s (%s) SELECT $1%s%s"
				 " FROM pg_catalog.jsonb_to_recordset($2) AS r (%s)%s",
				 set->table[target->rules->table].quoted, columns.data,
				 is_alert ? ", $3" : "", values.data, types.data, returning),
		is_alert ? 3 : 2, argtypes);
}

/* Runs it; where a time without time zone is written, that is in UTC. */
static uint64
write_rows(TrainjobSet *set, ReportPart *part, int expected, Datum *args)
{
	SPIPlanPtr plan = write_plan(set, part);
	int level = 0;
	uint64 rows;

	if (part->target.in_utc)
	{
		level = NewGUCNestLevel();
		(void) set_config_option("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	}
	rows = trainjob_execute(plan, expected, args, NULL);
	if (part->target.in_utc)
		AtEOXact_GUC(true, level);
	return rows;
}

/*
 * The type of an alert for its column: as it was given, if the column takes any
 * text and has no words of its own.
 */
static Datum
alert_type_value(const Column *column, text *type)
{
	const char *known =
		trainjob_known_alert_type(VARDATA_ANY(type), VARSIZE_ANY_EXHDR(type));
	Value value = {.text = unconstify(char *, known)};
	bool isnull;

	if (known != NULL && (column->is_enum || column->words->count > 0) &&
		trainjob_can_say(column, known))
		return trainjob_write_value(column, &value, &isnull);
	return column->is_enum
			   ? DirectFunctionCall2(enum_in,
									 CStringGetDatum(text_to_cstring(type)),
									 ObjectIdGetDatum(column->type))
			   : PointerGetDatum(type);
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
	Jsonb *document =
		PG_ARGISNULL(1) ? NULL : get_document(fcinfo, 1, &metrics_target);
	TokenJob job;
	TrainjobSet *set;
	ReportPart *part;
	Call call = {.max_size = max_point_size};
	TrainjobUser caller;
	Datum args[2];
	int64 stored = 0;

	SPI_connect();
	find_job(fcinfo, 2, "report_metrics", &job);
	set = trainjob_get_set_of(job.jobs, "report_metrics", build_metrics_part);
	part = set->part;
	call.target = &part->target;
	args[0] = job.id;
	trainjob_become_owner(&set->table[TABLE_METRICS], &caller);
	if (document != NULL)
		args[1] = JsonbPGetDatum(trainjob_read_points(&call, document));
	if (call.count > 0)
		stored = write_rows(set, part, SPI_OK_INSERT, args);
	trainjob_restore_user(&caller);
	trainjob_warn_of_lost_keys(&call, &set->table[TABLE_METRICS]);
	trainjob_say_alike_keys(&call);
	SPI_finish();
	relation_close(job.jobs, NoLock);
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
	TokenJob job;
	TrainjobSet *set;
	ReportPart *part;
	Call call = {.max_size = max_point_size};
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
	find_job(fcinfo, 3, "report_alert", &job);
	set = trainjob_get_set_of(job.jobs, "report_alert", build_alerts_part);
	part = set->part;
	call.target = &part->target;
	args[0] = job.id;
	trainjob_become_owner(&set->table[TABLE_ALERTS], &caller);
	args[1] = JsonbPGetDatum(trainjob_read_points(&call, details));
	args[2] = alert_type_value(&part->target.kind, PG_GETARG_TEXT_PP(1));
	if (write_rows(set, part, SPI_OK_INSERT_RETURNING, args) > 0)
		outcome = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	trainjob_restore_user(&caller);
	trainjob_warn_of_lost_keys(&call, &set->table[TABLE_ALERTS]);
	if (outcome != NULL)
	{
		MemoryContextSwitchTo(memory);
		result = cstring_to_text(outcome);
	}
	SPI_finish();
	relation_close(job.jobs, NoLock);
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
