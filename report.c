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
 * Everything is done as the owner of the jobs table, and by plain INSERTs: the
 * triggers do the rest.  A point that is not acceptable is an error before
 * anything is written, that names the point and the key.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/ruleutils.h"

#include "trainjob.h"

PG_FUNCTION_INFO_V1(trainjob_token_digest);
PG_FUNCTION_INFO_V1(trainjob_report_metrics);
PG_FUNCTION_INFO_V1(trainjob_report_alert);

/* What becomes of a key of a point or of an alert's details. */
typedef enum FieldUse
{
	FIELD_NUMBER,  /* a number, or NaN and Infinity as text */
	FIELD_STEP,	   /* a whole number >= 0; a point must have it */
	FIELD_COUNT,   /* a whole number >= 0 */
	FIELD_INTEGER, /* a number, rounded as an assignment does */
	FIELD_TIME,	   /* a point in time, as text */
	FIELD_TEXT,
	FIELD_OTHER, /* whatever the column's type reads */
	FIELD_REST	 /* an object that takes all other keys */
} FieldUse;

/* A column that a key may go to. */
typedef struct Field
{
	char *key;	  /* canonical name */
	char *column; /* name in the table */
	FieldUse use;
	Oid type; /* as declared, domains not looked through */
	int32 typmod;
	bool narrow;  /* there are values of this use that the type refuses */
	char *preset; /* SQL for where a point has no value, or NULL */
} Field;

/* A table that rows are written to. */
typedef struct Target
{
	const char *what; /* for messages: "metrics" or "details" */
	Column job_id;
	Column kind; /* alerts: type */
	Column outcome;
	int count;
	Field *field;
} Target;

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

/* ----------
 * The tables
 * ----------
 */

/* The canonical name of a column, where the set has another for it. */
static char *
canonical_name(TrainjobSet *set, const char *table, const char *column)
{
	int length = strlen(table);

	for (int i = 0; i + 1 < list_length(set->renamed); i += 2)
	{
		const char *key = list_nth(set->renamed, i);

		if (strcmp(list_nth(set->renamed, i + 1), column) == 0 &&
			strncmp(key, table, length) == 0 && key[length] == '.')
			return pstrdup(key + length + 1);
	}
	return pstrdup(column);
}

/* How a column of this name and base type takes a value. */
static FieldUse
field_use(const char *key, Oid type, bool is_alert)
{
	bool is_count = strcmp(key, is_alert ? "current_step" : "step") == 0 ||
					(is_alert && strcmp(key, "total_steps") == 0);

	if (strcmp(key, is_alert ? "payload" : "extra") == 0 &&
		(type == JSONBOID || type == JSONOID))
		return FIELD_REST;
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			if (!is_count)
				return FIELD_INTEGER;
			return is_alert ? FIELD_COUNT : FIELD_STEP;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			if (!is_count)
				return FIELD_NUMBER;
			return is_alert ? FIELD_COUNT : FIELD_STEP;
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return FIELD_TIME;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return FIELD_TEXT;
	}
	return FIELD_OTHER;
}

/* The default of a column as SQL, NULL where it has none. */
static char *
column_default(Relation rel, AttrNumber attnum)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
		if (constr->defval[i].adnum == attnum)
			return deparse_expression(
				stringToNode(constr->defval[i].adbin),
				deparse_context_for(RelationGetRelationName(rel),
									RelationGetRelid(rel)),
				false, false);
	return NULL;
}

/*
 * Every column of the table is a key, those that the application added as
 * well; not those that are the database's to fill.
 */
static void
describe_target(TrainjobSet *set, Target *target, Relation rel, bool is_alert)
{
	static const char *const ours[] = {
		"id",		   "job_id",  "type",			"user_id",
		"received_at", "outcome", "outcome_reason", "status_before",
		"status_after"};
	TupleDesc desc = RelationGetDescr(rel);

	target->what = is_alert ? "details" : "metrics";
	target->field = palloc0(desc->natts * sizeof(Field));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Field *field = &target->field[target->count];
		bool skip = att->attisdropped || att->attgenerated || att->attidentity;

		field->key = canonical_name(set, is_alert ? "alerts" : "metrics",
									NameStr(att->attname));
		for (int j = 0; j < lengthof(ours); j++)
			skip = skip || strcmp(ours[j], field->key) == 0;
		if (skip)
			continue;
		field->column = pstrdup(NameStr(att->attname));
		field->type = att->atttypid;
		field->typmod = att->atttypmod;
		field->use =
			field_use(field->key, getBaseType(att->atttypid), is_alert);
		field->narrow = field->type != INT8OID && field->type != FLOAT8OID &&
						field->type != TEXTOID;
		field->preset = column_default(rel, att->attnum);
		if (field->preset == NULL &&
			strcmp(field->key, is_alert ? "occurred_at" : "recorded_at") == 0)
			field->preset = "pg_catalog.now()";
		target->count++;
	}
}

static void
build_part(TrainjobSet *set, Relation jobs, TableId table)
{
	ReportPart *part = palloc0(sizeof(ReportPart));
	Relation rel = trainjob_open_table(set, table, jobs, true, ACL_INSERT);

	trainjob_find_column(set, TABLE_JOBS, jobs, "id", COLUMN_KEY, true,
						 &part->key);
	trainjob_find_column(set, TABLE_JOBS, jobs, "job_token", COLUMN_TEXT, true,
						 &part->token);
	trainjob_find_column(set, TABLE_JOBS, jobs, "status", COLUMN_TEXT, true,
						 &part->status);
	trainjob_find_column(set, TABLE_JOBS, jobs, "created_at", COLUMN_TIME,
						 false, &part->created_at);
	trainjob_find_column(set, table, rel, "job_id", COLUMN_KEY, true,
						 &part->target.job_id);
	if (table == TABLE_ALERTS)
	{
		trainjob_find_column(set, table, rel, "type", COLUMN_TEXT, true,
							 &part->target.kind);
		trainjob_find_column(set, table, rel, "outcome", COLUMN_TEXT, true,
							 &part->target.outcome);
	}
	describe_target(set, &part->target, rel, table == TABLE_ALERTS);
	relation_close(rel, NoLock);
	set->part = part;
}

static void
build_metrics_part(TrainjobSet *set, Relation jobs)
{
	build_part(set, jobs, TABLE_METRICS);
}

static void
build_alerts_part(TrainjobSet *set, Relation jobs)
{
	build_part(set, jobs, TABLE_ALERTS);
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
 *	WHERE trainjob.token_digest(job_token) = $1
 *	ORDER BY created_at DESC LIMIT 1
 */
static SPIPlanPtr
find_job_plan(TrainjobSet *set, ReportPart *part)
{
	StringInfoData query;
	Oid type = BYTEAOID;

	if (set->plan[QUERY_FIND_JOB] != NULL)
		return set->plan[QUERY_FIND_JOB];
	initStringInfo(&query);
	appendStringInfo(&query,
					 "SELECT %s, %s FROM %s"
					 " WHERE trainjob.token_digest(%s)"
					 " OPERATOR(pg_catalog.=) $1",
					 quote_identifier(part->key.name),
					 quote_identifier(part->status.name),
					 set->table[TABLE_JOBS].quoted,
					 quote_identifier(part->token.name));
	if (part->created_at.attnum != 0)
		appendStringInfo(&query, " ORDER BY %s DESC",
						 quote_identifier(part->created_at.name));
	appendStringInfoString(&query, " LIMIT 1");
	return trainjob_keep_plan(set, QUERY_FIND_JOB, query.data, 1, &type);
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
	Datum arg;
	Datum job_id;
	Datum datum;
	Value status;
	JobState state;
	bool isnull;

	/* a column may have it as its default */
	if (token == NULL || VARSIZE_ANY_EXHDR(token) == 0)
		invalid_token("The token is NULL or empty.");
	arg = PointerGetDatum(digest(token));
	if (trainjob_execute(find_job_plan(set, part), SPI_OK_SELECT, &arg, NULL) ==
		0)
		invalid_token("No job has this token.");
	job_id = trainjob_result(SPI_tuptable, 0, 1, &part->key, &isnull);
	datum = trainjob_result(SPI_tuptable, 0, 2, &part->status, &isnull);
	status = trainjob_read_value(&part->status, datum, isnull);
	state = trainjob_state_of(status.isnull ? NULL : status.text);
	if (state == STATE_COMPLETED || state == STATE_CANCELLED)
		invalid_token("The job of this token has ended.");
	return job_id;
}

/* ----------
 * Points
 * ----------
 */

/* Where in the caller's document we are, for messages. */
typedef struct Place
{
	const Target *target;
	int index; /* of the point; -1: the document is the point */
	char *key;
} Place;

static char *
place_text(const Place *place)
{
	if (place->index < 0)
		return psprintf("key \"%s\" of %s", place->key, place->target->what);
	return psprintf("key \"%s\" of %s[%d]", place->key, place->target->what,
					place->index);
}

/* A value as a message shows it, cut to a bearable length. */
static char *
shown(JsonbValue *value)
{
	char *text;
	int length;

	switch (value->type)
	{
		case jbvString:
			text = psprintf("\"%s\"", pnstrdup(value->val.string.val,
											   value->val.string.len));
			break;
		case jbvNumeric:
			text = DatumGetCString(
				DirectFunctionCall1(numeric_out,
									NumericGetDatum(value->val.numeric)));
			break;
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		case jbvNull:
			return "null";
		default:
			return JsonContainerIsArray(value->val.binary.data) ? "an array"
																: "an object";
	}
	length = strlen(text);
	if (length > 60)
		return psprintf("%s...",
						pnstrdup(text, pg_mbcliplen(text, length, 60)));
	return text;
}

static void
bad_value(const Place *place, const char *must, JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for %s", place_text(place)),
			 errdetail("The value must be %s, not %s.", must, shown(value)),
			 errhint("Nothing of this call was stored.")));
}

static bool
string_is(JsonbValue *value, const char *word)
{
	return value->val.string.len == strlen(word) &&
		   pg_strncasecmp(value->val.string.val, word, strlen(word)) == 0;
}

static double
double_of(JsonbValue *value)
{
	return DatumGetFloat8(
		DirectFunctionCall1(numeric_float8_no_overflow,
							NumericGetDatum(value->val.numeric)));
}

/* A number beyond a double's range is infinite or zero, as for the trainer. */
static void
check_number(const Place *place, JsonbValue *value)
{
	if (value->type == jbvNumeric)
	{
		double number = double_of(value);

		if (!isfinite(number))
		{
			value->type = jbvString;
			value->val.string.val = number > 0 ? "Infinity" : "-Infinity";
			value->val.string.len = strlen(value->val.string.val);
		}
		else if (number == 0)
			value->val.numeric = int64_to_numeric(0);
		return;
	}
	if (value->type == jbvString &&
		(string_is(value, "NaN") || string_is(value, "Infinity") ||
		 string_is(value, "-Infinity")))
		return;
	bad_value(place, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"", value);
}

/* A number as an integer's text; 5.0 is what some clients write for 5. */
static void
round_value(JsonbValue *value)
{
	value->val.numeric = DatumGetNumeric(
		DirectFunctionCall2(numeric_round, NumericGetDatum(value->val.numeric),
							Int32GetDatum(0)));
}

static void
check_count(const Place *place, JsonbValue *value)
{
	double number = -1;

	if (value->type == jbvNumeric)
		number = double_of(value);
	if (!(number >= 0 && number < 9.2233720368547e18 &&
		  number == floor(number)))
		bad_value(place, "a whole number that is not negative", value);
	round_value(value);
}

static void
check_integer(const Place *place, JsonbValue *value)
{
	if (value->type != jbvNumeric ||
		!(fabs(double_of(value)) < 9.2233720368547e18))
		bad_value(place, "a number that the column can hold", value);
	round_value(value);
}

/* A value as text; NULL for an array or an object. */
static char *
text_of(JsonbValue *value)
{
	switch (value->type)
	{
		case jbvString:
			return pnstrdup(value->val.string.val, value->val.string.len);
		case jbvNumeric:
			return DatumGetCString(
				DirectFunctionCall1(numeric_out,
									NumericGetDatum(value->val.numeric)));
		case jbvBool:
			return value->val.boolean ? "true" : "false";
		default:
			return NULL;
	}
}

/*
 * Whether the column's type reads the value, as the INSERT will; an error
 * names the key.  An array or object is left to the INSERT: it may fill a
 * column of json, of an array or of a composite type.
 */
static void
check_type(const Place *place, JsonbValue *value, const Field *field)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid base = getBaseType(field->type);
	char *text = text_of(value);

	if (base == JSONBOID || base == JSONOID)
		return;
	if (text == NULL)
		return;
	PG_TRY();
	{
		Oid input;
		Oid ioparam;

		getTypeInputInfo(field->type, &input, &ioparam);
		(void) OidInputFunctionCall(input, text, ioparam, field->typmod);
	}
	PG_CATCH();
	{
		int category;

		/* not swallowed: raised again in words that say where it was */
		MemoryContextSwitchTo(caller);
		category = ERRCODE_TO_CATEGORY(geterrcode());
		if (category != ERRCODE_DATA_EXCEPTION &&
			category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			PG_RE_THROW();
		FlushErrorState();
		bad_value(place,
				  field->use == FIELD_TIME
					  ? "a point in time"
					  : psprintf("of type %s",
								 format_type_with_typemod(field->type,
														  field->typmod)),
				  value);
	}
	PG_END_TRY();
}

/* Checks the value of a key for a field; may put another in its place. */
static void
check_value(const Place *place, const Field *field, JsonbValue *value)
{
	if (value->type == jbvNull && field->use != FIELD_STEP)
		return;
	switch (field->use)
	{
		case FIELD_NUMBER:
			check_number(place, value);
			break;
		case FIELD_STEP:
		case FIELD_COUNT:
			check_count(place, value);
			break;
		case FIELD_INTEGER:
			check_integer(place, value);
			break;
		case FIELD_TIME:
			if (value->type != jbvString)
				bad_value(place, "a point in time as text", value);
			break;
		case FIELD_TEXT:
			if (value->type != jbvString)
				bad_value(place, "a text", value);
			break;
		case FIELD_OTHER:
			break;
		case FIELD_REST:
			return;
	}
	if (field->narrow)
		check_type(place, value, field);
}

static const Field *
find_field(const Target *target, JsonbValue *key)
{
	for (int i = 0; i < target->count; i++)
		if (strlen(target->field[i].key) == key->val.string.len &&
			strncmp(target->field[i].key, key->val.string.val,
					key->val.string.len) == 0)
			return &target->field[i];
	return NULL;
}

static void
push(JsonbInState *state, const char *key, int length, JsonbValue *value)
{
	JsonbValue name = {.type = jbvString};

	name.val.string.val = (char *) key;
	name.val.string.len = length;
	pushJsonbValue(state, WJB_KEY, &name);
	pushJsonbValue(state, WJB_VALUE, value);
}

/* Adds the members of an object to the one that is being built. */
static void
push_members(JsonbInState *state, JsonbContainer *object)
{
	JsonbIterator *iterator = JsonbIteratorInit(object);
	JsonbValue key;
	JsonbValue value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			(void) JsonbIteratorNext(&iterator, &value, true);
			push(state, key.val.string.val, key.val.string.len, &value);
		}
}

/*
 * Takes a point apart: an object of what goes to columns, under the columns'
 * names, and under the name of the column for the rest an object of all other
 * keys.
 */
static void
push_point(JsonbInState *state, Place *place, JsonbContainer *point)
{
	const Target *target = place->target;
	JsonbIterator *iterator = JsonbIteratorInit(point);
	JsonbInState rest = {0};
	JsonbContainer *given_rest = NULL;
	JsonbValue key;
	JsonbValue value;
	JsonbIteratorToken token;
	bool has_step = false;
	bool has_rest = false;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&rest, WJB_BEGIN_OBJECT, NULL);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		const Field *field;

		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		field = find_field(target, &key);
		if (field == NULL)
		{
			push(&rest, key.val.string.val, key.val.string.len, &value);
			has_rest = true;
			continue;
		}
		place->key = field->key;
		check_value(place, field, &value);
		if (field->use != FIELD_REST)
		{
			has_step = has_step || field->use == FIELD_STEP;
			push(state, field->column, strlen(field->column), &value);
		}
		else if (value.type == jbvBinary &&
				 JsonContainerIsObject(value.val.binary.data))
			given_rest = value.val.binary.data;
		else if (value.type != jbvNull)
		{
			push(&rest, key.val.string.val, key.val.string.len, &value);
			has_rest = true;
		}
	}
	if (given_rest != NULL)
	{
		push_members(&rest, given_rest);
		has_rest = true;
	}
	pushJsonbValue(&rest, WJB_END_OBJECT, NULL);
	if (has_rest)
		for (int i = 0; i < target->count; i++)
			if (target->field[i].use == FIELD_REST)
			{
				Jsonb *jsonb = JsonbValueToJsonb(rest.result);
				JsonbValue binary = {.type = jbvBinary};

				binary.val.binary.data = &jsonb->root;
				binary.val.binary.len = VARSIZE(jsonb) - VARHDRSZ;
				push(state, target->field[i].column,
					 strlen(target->field[i].column), &binary);
			}
	if (!has_step && target->kind.attnum == 0)
	{
		JsonbValue missing = {.type = jbvNull};

		place->key = "step";
		bad_value(place, "a whole number that is not negative", &missing);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/* The points as rows for the INSERT; sets *count. */
static Jsonb *
rows_of(const Target *target, Jsonb *document, int *count)
{
	JsonbInState state = {0};
	Place place = {.target = target, .index = -1};

	*count = 0;
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	if (JB_ROOT_IS_OBJECT(document))
	{
		push_point(&state, &place, &document->root);
		*count = 1;
	}
	else
	{
		JsonbIterator *iterator = JsonbIteratorInit(&document->root);
		JsonbValue value;
		JsonbIteratorToken token;

		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			if (token != WJB_ELEM)
				continue;
			place.index = (*count)++;
			if (JB_ROOT_IS_SCALAR(document) || value.type != jbvBinary ||
				!JsonContainerIsObject(value.val.binary.data))
				ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
								JB_ROOT_IS_SCALAR(document)
									? errmsg("invalid %s", target->what)
									: errmsg("invalid value for %s[%d]",
											 target->what, place.index),
								errdetail("It must be an object, not %s.",
										  shown(&value)),
								errhint("Nothing of this call was stored.")));
			CHECK_FOR_INTERRUPTS();
			push_point(&state, &place, value.val.binary.data);
		}
	}
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(state.result);
}

/*
 * INSERT INTO table (job_id, [type,] columns)
 *	SELECT $1, [$3,] columns FROM jsonb_to_recordset($2) AS (columns)
 *
 * Where a point has no value, a column takes its default; recorded_at and
 * occurred_at are now where they have none.
 */
static SPIPlanPtr
write_plan(TrainjobSet *set, ReportPart *part, TableId table)
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
	appendStringInfoString(&columns, quote_identifier(target->job_id.name));
	if (is_alert)
	{
		appendStringInfo(&columns, ", %s", quote_identifier(target->kind.name));
		returning =
			psprintf(" RETURNING %s", quote_identifier(target->outcome.name));
	}
	for (int i = 0; i < target->count; i++)
	{
		Field *field = &target->field[i];
		const char *name = quote_identifier(field->column);

		appendStringInfo(&columns, ", %s", name);
		if (field->preset != NULL)
			appendStringInfo(&values, ", COALESCE(r.%s, %s)", name,
							 field->preset);
		else
			appendStringInfo(&values, ", r.%s", name);
		appendStringInfo(&types, "%s%s %s", i > 0 ? ", " : "", name,
						 format_type_extended(field->type, field->typmod,
											  FORMAT_TYPE_TYPEMOD_GIVEN |
												  FORMAT_TYPE_FORCE_QUALIFY));
	}
	return trainjob_keep_plan(
		set, QUERY_WRITE,
		psprintf("INSERT INTO %s (%s) SELECT $1%s%s"
				 " FROM pg_catalog.jsonb_to_recordset($2) AS r (%s)%s",
				 set->table[table].quoted, columns.data, is_alert ? ", $3" : "",
				 values.data, types.data, returning),
		is_alert ? 3 : 2, argtypes);
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
	Jsonb *document = PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1);
	Relation jobs = trainjob_open_jobs(fcinfo, 2);
	TrainjobSet *set =
		trainjob_get_set_of(jobs, "report_metrics", build_metrics_part);
	ReportPart *part = set->part;
	TrainjobUser caller;
	Datum args[2];
	int count = 0;
	int64 stored = 0;

	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	args[0] = find_job(set, part, token);
	if (document != NULL)
		args[1] = JsonbPGetDatum(rows_of(&part->target, document, &count));
	if (count > 0)
		stored = trainjob_execute(write_plan(set, part, TABLE_METRICS),
								  SPI_OK_INSERT, args, NULL);
	trainjob_become_user(&caller);
	SPI_finish();
	relation_close(jobs, NoLock);
	PG_RETURN_INT64(stored);
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
	TrainjobUser caller;
	Datum args[3];
	Jsonb *details;
	text *result = NULL;
	int count;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the type of an alert must not be NULL"),
						errhint("It is %s.", trainjob_alert_type_list())));
	details = PG_ARGISNULL(2)
				  ? DatumGetJsonbP(
						DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")))
				  : PG_GETARG_JSONB_P(2);
	if (!JB_ROOT_IS_OBJECT(details))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the details of an alert must be an object"),
						errhint("Nothing of this call was stored.")));
	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	args[0] = find_job(set, part, token);
	args[1] = JsonbPGetDatum(rows_of(&part->target, details, &count));
	args[2] = PG_GETARG_DATUM(1);
	if (trainjob_execute(write_plan(set, part, TABLE_ALERTS),
						 SPI_OK_INSERT_RETURNING, args, NULL) > 0)
	{
		char *outcome =
			SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

		if (outcome != NULL)
		{
			MemoryContextSwitchTo(memory);
			result = cstring_to_text(outcome);
		}
	}
	trainjob_become_user(&caller);
	SPI_finish();
	relation_close(jobs, NoLock);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
