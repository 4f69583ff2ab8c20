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
 * the extension's owner, as whom nothing of anybody's table must be evaluated.
 *
 * A token writes the columns that are trainjob's own and to be reported, and
 * those that attach() was told of.  All other keys go to one column of json.  A
 * point that is not acceptable is an error before anything is written, that
 * names the point and the key.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/ruleutils.h"

#include "jobs/status.h"
#include "pg/compat.h"
#include "tables/columns.h"
#include "tables/set.h"
#include "token/report.h"

PG_FUNCTION_INFO_V1(trainjob_token_digest);
PG_FUNCTION_INFO_V1(trainjob_report_metrics);
PG_FUNCTION_INFO_V1(trainjob_report_alert);

/* What becomes of a key of a point or of an alert's details. */
typedef enum FieldUse
{
	FIELD_KEPT,	   /* the column is not for reports */
	FIELD_NUMBER,  /* a number, or NaN and Infinity as text */
	FIELD_STEP,	   /* a whole number >= 0; a point must have it */
	FIELD_COUNT,   /* a whole number >= 0 */
	FIELD_INTEGER, /* a number, rounded as an assignment does */
	FIELD_MOMENT,  /* a point in time, as text; now, where there is none */
	FIELD_TIME,	   /* the same or infinite, and no default */
	FIELD_TEXT,
	FIELD_OTHER, /* whatever the column's type reads */
	FIELD_REST	 /* an object that takes all other keys */
} FieldUse;

/* A table that reports go to. */
typedef struct TargetRules
{
	TableId table;
	const char *what; /* what the functions' arguments call it */
	const char *rest; /* the column that takes all other keys */
} TargetRules;

static const TargetRules metrics_target = {TABLE_METRICS, "metrics", "extra"};
static const TargetRules alerts_target = {TABLE_ALERTS, "details", "payload"};

/* A column that a key goes to. */
typedef struct Field
{
	const char *key;
	Column column;
	FieldUse use;
	Oid type;	  /* as declared, domains not looked through */
	bool narrow;  /* there are values of this use that the type refuses */
	char *preset; /* SQL for where a point has no value, or NULL */
} Field;

/* Bytes that a token may send, in a call and in a point of it. */
static int max_report_size = 16 * 1024 * 1024;
static int max_point_size = 1024 * 1024;

/* A table that rows are written to, as it was found. */
typedef struct Target
{
	const TargetRules *rules;
	Column job_id;
	Column kind; /* alerts: type */
	Column outcome;
	Bitmapset *taken; /* the columns of fields, and those that are kept */
	int count;
	Field *field;
	int rest; /* the field that takes all other keys; -1: there is none */
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
StaticAssertDecl(QUERY_WRITE < TRAINJOB_MAX_QUERIES,
				 "more queries than a set keeps");

/* ----------
 * The tables
 * ----------
 */

/* How an application's column takes a value: as its type can. */
static FieldUse
use_of_type(const Column *column)
{
	switch (column->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return FIELD_INTEGER;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return FIELD_NUMBER;
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
 * Lets a key write a column; false where the column is another key's, not for
 * reports, or the database's to fill.
 */
static bool
add_field(Target *target, Relation rel, const char *key, const Column *column,
		  FieldUse use)
{
	Field *field = &target->field[target->count];

	if (column->attnum == 0 || column->is_generated ||
		TupleDescAttr(RelationGetDescr(rel), column->attnum - 1)->attidentity !=
			'\0' ||
		bms_is_member(column->attnum, target->taken))
		return false;
	target->taken = bms_add_member(target->taken, column->attnum);
	if (use == FIELD_KEPT)
		return true;
	if (use == FIELD_REST)
		target->rest = target->count;
	else if (use == FIELD_NUMBER && use_of_type(column) == FIELD_INTEGER)
		use = FIELD_INTEGER;
	field->key = key;
	field->column = *column;
	field->use = use;
	field->type = OidIsValid(column->domain) ? column->domain : column->type;
	field->narrow = field->type != INT8OID && field->type != FLOAT8OID &&
					field->type != TEXTOID;
	field->preset = column_default(rel, column->attnum);
	if (field->preset == NULL && use == FIELD_MOMENT)
		field->preset = "pg_catalog.now()";
	target->count++;
	return true;
}

/* What becomes of the key of one of our columns. */
static FieldUse
use_of_known(const KnownColumn *known)
{
	if (!(known->flags & BY_TOKEN))
		return FIELD_KEPT;
	switch (known->kind)
	{
		case COLUMN_COUNT:
			return known->flags & ESSENTIAL ? FIELD_STEP : FIELD_COUNT;
		case COLUMN_NUMBER:
			return FIELD_NUMBER;
		case COLUMN_TIME:
			return FIELD_MOMENT;
		case COLUMN_TEXT:
			return FIELD_TEXT;
		case COLUMN_JSON:
			return FIELD_REST;
		case COLUMN_KEY:
			break;
	}
	return FIELD_KEPT;
}

/* A column of ours by its name, or NULL. */
static const KnownColumn *
find_known(const KnownTable *table, const char *name)
{
	for (int i = 0; i < table->count; i++)
		if (strcmp(table->column[i].name, name) == 0)
			return &table->column[i];
	return NULL;
}

/*
 * The key of an argument "metrics.key=column" whose name is none of ours: the
 * owner of the set lets a token write that column.  NULL for another argument,
 * and for a name that is kept in the other table: user_id is whose a row is.
 */
static const char *
token_key(TableId table, const char *argument)
{
	const KnownTable *known = &trainjob_known_tables[table];
	int length = strlen(known->key);
	const char *key = argument + length + 1;
	const KnownColumn *of_alert;

	if (strncmp(argument, known->key, length) != 0 || argument[length] != '.' ||
		find_known(known, key) != NULL)
		return NULL;
	of_alert = find_known(&trainjob_known_tables[TABLE_ALERTS], key);
	return of_alert != NULL && use_of_known(of_alert) == FIELD_KEPT ? NULL
																	: key;
}

/*
 * Finds the columns of ours that are kept, or those that reports write.  A
 * column that has another name than ours is found by its key all the same, and
 * one that happens to bear our name is not.
 */
static void
add_known_fields(TrainjobSet *set, Relation rel, bool kept, Target *target)
{
	TableId table = target->rules->table;
	const KnownTable *known = &trainjob_known_tables[table];

	for (int i = 0; i < known->count; i++)
	{
		const KnownColumn *ours = &known->column[i];
		FieldUse use = use_of_known(ours);
		bool required = use == FIELD_STEP;
		Column column;

		if ((use == FIELD_KEPT) != kept)
			continue;
		trainjob_find_column(set, table, rel, ours->name, ours->kind, required,
							 &column);
		if (!add_field(target, rel, ours->name, &column, use) && required)
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table \"%s\" cannot be written "
						"by a report",
						column.name, RelationGetRelationName(rel)),
				 errdetail("It stands for \"%s\", but for a column that no "
						   "report writes as well, or the database fills it.",
						   ours->name)));
	}
}

/* Finds the columns of all keys. */
static void
describe_target(TrainjobSet *set, Relation rel, Target *target)
{
	TableId table = target->rules->table;
	int most =
		trainjob_known_tables[table].count + list_length(set->renamed) / 2;

	target->field = palloc0(most * sizeof(Field));
	target->rest = -1;
	add_known_fields(set, rel, true, target);
	add_known_fields(set, rel, false, target);
	for (int i = 0; i + 1 < list_length(set->renamed); i += 2)
	{
		const char *key = token_key(table, list_nth(set->renamed, i));
		Column column;

		if (key == NULL)
			continue;
		trainjob_find_column(set, table, rel, key, COLUMN_KEY, false, &column);
		(void) add_field(target, rel, key, &column, use_of_type(&column));
	}
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

	trainjob_find_column(set, TABLE_JOBS, jobs, "id", COLUMN_KEY, true,
						 &part->key);
	trainjob_find_column(set, TABLE_JOBS, jobs, "job_token", COLUMN_TEXT, true,
						 &part->token);
	trainjob_find_column(set, TABLE_JOBS, jobs, "status", COLUMN_TEXT, true,
						 &part->status);
	trainjob_find_column(set, TABLE_JOBS, jobs, "created_at", COLUMN_TIME,
						 false, &part->created_at);
	target->rules = rules;
	trainjob_find_column(set, rules->table, rel, "job_id", COLUMN_KEY, true,
						 &target->job_id);
	if (is_alert)
	{
		trainjob_find_column(set, TABLE_ALERTS, rel, "type", COLUMN_TEXT, true,
							 &target->kind);
		trainjob_find_column(set, TABLE_ALERTS, rel, "outcome", COLUMN_TEXT,
							 true, &target->outcome);
	}
	describe_target(set, rel, target);
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
	TrainjobUser caller;
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
	trainjob_become_owner(&set->table[TABLE_JOBS], &caller);
	if (trainjob_execute(find_job_plan(set, part), SPI_OK_SELECT, &arg, NULL) ==
		0)
		invalid_token("No job has this token.");
	job_id = trainjob_result(SPI_tuptable, 0, 1, &part->key, &isnull);
	datum = trainjob_result(SPI_tuptable, 0, 2, &part->status, &isnull);
	status = trainjob_read_value(&part->status, datum, isnull);
	trainjob_become_user(&caller);
	state = trainjob_state_of(status.isnull ? NULL : status.text);
	if (state == STATE_COMPLETED || state == STATE_CANCELLED)
		invalid_token("The job of this token has ended.");
	return job_id;
}

/* ----------
 * Points
 * ----------
 */

/* A call whose document is being read. */
typedef struct Call
{
	const Target *target;
	JsonbInState rows; /* what will be written */
	int count;		   /* points so far */
	int index;		   /* of the point at hand; -1: the document is the point */

	/* the point at hand */
	JsonbContainer *point;
	JsonbValue *value; /* of each field of the target */
	bool *given;
	bool has_others; /* there are keys of no field */

	List *lost; /* keys that have no place, as shown() */
} Call;

/* "metrics[3]", "details" */
static char *
point_text(const Call *call)
{
	if (call->index < 0)
		return pstrdup(call->target->rules->what);
	return psprintf("%s[%d]", call->target->rules->what, call->index);
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
bad_value(const Call *call, const Field *field, const char *must,
		  JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for key \"%s\" of %s", field->key,
					point_text(call)),
			 errdetail("The value must be %s, not %s.", must, shown(value)),
			 errhint("Nothing of this call was stored.")));
}

static void
too_large(const char *what, Size size, const char *setting, int limit)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("%s too large: %zu bytes", what, size),
			 errdetail("Setting \"%s\" allows %d bytes.", setting, limit),
			 errhint(
				 "Send less at once, or have a superuser raise the setting. "
				 "Nothing of this call was stored.")));
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
check_number(const Call *call, const Field *field, JsonbValue *value)
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
	bad_value(call, field, "a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
			  value);
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
check_count(const Call *call, const Field *field, JsonbValue *value)
{
	double number = -1;

	if (value->type == jbvNumeric)
		number = double_of(value);
	if (!(number >= 0 && number < 9.2233720368547e18 &&
		  number == floor(number)))
		bad_value(call, field, "a whole number that is not negative", value);
	round_value(value);
}

static void
check_integer(const Call *call, const Field *field, JsonbValue *value)
{
	if (value->type != jbvNumeric ||
		!(fabs(double_of(value)) < 9.2233720368547e18))
		bad_value(call, field, "a number that the column can hold", value);
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
 * Checks that the column's type reads the value, as the INSERT will, which does
 * not know the key.  An array or object is left to the INSERT: it may fill a
 * column of json, of an array or of a composite type.
 */
static void
check_type(const Call *call, const Field *field, JsonbValue *value)
{
	const Column *column = &field->column;
	char *text = text_of(value);
	Datum datum;

	if (column->type == JSONBOID || column->type == JSONOID || text == NULL)
		return;
	if (!trainjob_read_input(text, field->type, column->typmod, &datum))
		bad_value(call, field,
				  field->use == FIELD_MOMENT || field->use == FIELD_TIME
					  ? "a point in time"
					  : psprintf("of type %s",
								 format_type_with_typemod(
									 field->type, OidIsValid(column->domain)
													  ? -1
													  : column->typmod)),
				  value);
	/* the two types of times are infinite alike */
	if (field->use == FIELD_MOMENT &&
		TIMESTAMP_NOT_FINITE(DatumGetTimestamp(datum)))
		bad_value(call, field, "a point in time", value);
}

/* Checks the value of a key for a field; may put another in its place. */
static void
check_value(const Call *call, const Field *field, JsonbValue *value)
{
	if (value->type == jbvNull && field->use != FIELD_STEP)
		return;
	switch (field->use)
	{
		case FIELD_NUMBER:
			check_number(call, field, value);
			break;
		case FIELD_STEP:
		case FIELD_COUNT:
			check_count(call, field, value);
			break;
		case FIELD_INTEGER:
			check_integer(call, field, value);
			break;
		case FIELD_MOMENT:
		case FIELD_TIME:
			if (value->type != jbvString)
				bad_value(call, field, "a point in time as text", value);
			break;
		case FIELD_TEXT:
			if (value->type != jbvString)
				bad_value(call, field, "a text", value);
			break;
		case FIELD_OTHER:
			break;
		case FIELD_KEPT:
		case FIELD_REST:
			return;
	}
	if (field->narrow)
		check_type(call, field, value);
}

/* The number of a key's field, -1 where it has none. */
static int
find_field(const Target *target, const JsonbValue *key)
{
	for (int i = 0; i < target->count; i++)
	{
		const char *name = target->field[i].key;

		if (strlen(name) == key->val.string.len &&
			memcmp(name, key->val.string.val, key->val.string.len) == 0)
			return i;
	}
	return -1;
}

/* The next key of an object and its value; false: no more. */
static bool
next_member(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value)
{
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(iterator, key, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			(void) JsonbIteratorNext(iterator, value, true);
			return true;
		}
	return false;
}

/* A warning lists so many keys. */
#define MAX_KEYS_SHOWN 5

/* Takes a key down for the warning, once. */
static void
note_key(Call *call, JsonbValue *key)
{
	char *text;
	ListCell *cell;

	if (list_length(call->lost) > MAX_KEYS_SHOWN)
		return;
	text = shown(key);
	foreach (cell, call->lost)
		if (strcmp(lfirst(cell), text) == 0)
			return;
	call->lost = lappend(call->lost, text);
}

/* Takes the point at hand apart: what its keys' fields get, and what remains. */
static void
split_point(Call *call)
{
	const Target *target = call->target;
	JsonbIterator *iterator = JsonbIteratorInit(call->point);
	JsonbValue key;
	JsonbValue value;

	memset(call->given, 0, target->count * sizeof(bool));
	call->has_others = false;
	while (next_member(&iterator, &key, &value))
	{
		int i = find_field(target, &key);

		if (i >= 0)
		{
			call->value[i] = value;
			call->given[i] = true;
			continue;
		}
		call->has_others = true;
		if (target->rest < 0)
			note_key(call, &key);
	}
}

/* Checks what the fields get of the point at hand; may put other values there. */
static void
check_point(Call *call)
{
	for (int i = 0; i < call->target->count; i++)
	{
		const Field *field = &call->target->field[i];

		if (!call->given[i] && field->use == FIELD_STEP)
			call->value[i].type = jbvNull;
		else if (!call->given[i])
			continue;
		check_value(call, field, &call->value[i]);
	}
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

/*
 * Pushes an object of the keys that have no field.  The members of an object
 * that is given for the rest itself win over them; anything else given for it
 * is a member of its name.
 */
static void
push_rest(Call *call)
{
	const Target *target = call->target;
	const Field *field = &target->field[target->rest];
	JsonbValue *given = &call->value[target->rest];
	JsonbIterator *iterator = JsonbIteratorInit(call->point);
	JsonbValue key;
	JsonbValue value;

	key.type = jbvString;
	key.val.string.val = field->column.name;
	key.val.string.len = strlen(field->column.name);
	pushJsonbValue(&call->rows, WJB_KEY, &key);
	pushJsonbValue(&call->rows, WJB_BEGIN_OBJECT, NULL);
	while (next_member(&iterator, &key, &value))
		if (find_field(target, &key) < 0)
			push(&call->rows, key.val.string.val, key.val.string.len, &value);
	if (call->given[target->rest] && given->type == jbvBinary &&
		JsonContainerIsObject(given->val.binary.data))
	{
		iterator = JsonbIteratorInit(given->val.binary.data);
		while (next_member(&iterator, &key, &value))
			push(&call->rows, key.val.string.val, key.val.string.len, &value);
	}
	else if (call->given[target->rest] && given->type != jbvNull)
		push(&call->rows, field->key, strlen(field->key), given);
	pushJsonbValue(&call->rows, WJB_END_OBJECT, NULL);
}

/* Pushes the point at hand as a row: its values under their columns' names. */
static void
push_point(Call *call)
{
	const Target *target = call->target;
	bool has_rest = call->has_others;

	pushJsonbValue(&call->rows, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < target->count; i++)
	{
		const char *name = target->field[i].column.name;

		if (!call->given[i])
			continue;
		if (i == target->rest)
			has_rest = has_rest || call->value[i].type != jbvNull;
		else
			push(&call->rows, name, strlen(name), &call->value[i]);
	}
	if (target->rest >= 0 && has_rest)
		push_rest(call);
	pushJsonbValue(&call->rows, WJB_END_OBJECT, NULL);
}

/* Adds a point of so many bytes. */
static void
add_point(Call *call, JsonbContainer *point, Size size)
{
	if (size > max_point_size)
		too_large(point_text(call), size, "trainjob.max_point_size",
				  max_point_size);
	call->count++;
	call->point = point;
	split_point(call);
	check_point(call);
	push_point(call);
}

/* Adds the points of an array. */
static void
add_points(Call *call, Jsonb *document)
{
	const char *what = call->target->rules->what;
	JsonbIterator *iterator = JsonbIteratorInit(&document->root);
	JsonbValue value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		call->index = call->count;
		if (JB_ROOT_IS_SCALAR(document) || value.type != jbvBinary ||
			!JsonContainerIsObject(value.val.binary.data))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 JB_ROOT_IS_SCALAR(document)
						 ? errmsg("invalid %s", what)
						 : errmsg("invalid value for %s", point_text(call)),
					 errdetail("It must be an object, not %s.", shown(&value)),
					 errhint("Nothing of this call was stored.")));
		CHECK_FOR_INTERRUPTS();
		add_point(call, value.val.binary.data, value.val.binary.len);
	}
}

/* The points of a document as rows for the INSERT. */
static Jsonb *
rows_of(Call *call, Jsonb *document)
{
	call->index = -1;
	call->value = palloc(call->target->count * sizeof(JsonbValue));
	call->given = palloc(call->target->count * sizeof(bool));
	pushJsonbValue(&call->rows, WJB_BEGIN_ARRAY, NULL);
	if (JB_ROOT_IS_OBJECT(document))
		add_point(call, &document->root, VARSIZE(document) - VARHDRSZ);
	else
		add_points(call, document);
	pushJsonbValue(&call->rows, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(call->rows.result);
}

/* Says which keys of a call that was written have no place in the table. */
static void
warn_of_lost_keys(const Call *call, const SetTable *table)
{
	const char *rest = call->target->rules->rest;
	StringInfoData keys;

	if (call->lost == NIL)
		return;
	initStringInfo(&keys);
	for (int i = 0; i < list_length(call->lost); i++)
		appendStringInfo(&keys, "%s%s", i > 0 ? ", " : "",
						 i < MAX_KEYS_SHOWN ? (char *) list_nth(call->lost, i)
											: "...");
	ereport(WARNING,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("keys of %s were not stored: %s", call->target->rules->what,
					keys.data),
			 errdetail("Table %s has no columns for them that a token may "
					   "write, and no column \"%s\" for all other keys.",
					   table->quoted, rest),
			 errhint("ALTER TABLE %s ADD COLUMN %s jsonb; or name columns that "
					 "a token may write in trainjob.attach(..., token_columns "
					 "=> ...).",
					 table->quoted, rest)));
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
		const char *name = quote_identifier(field->column.name);

		appendStringInfo(&columns, ", %s", name);
		if (field->preset != NULL)
			appendStringInfo(&values, ", COALESCE(r.%s, %s)", name,
							 field->preset);
		else
			appendStringInfo(&values, ", r.%s", name);
		appendStringInfo(&types, "%s%s %s", i > 0 ? ", " : "", name,
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
		too_large(rules->what, size, "trainjob.max_report_size",
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
	Call call = {.target = &part->target};
	TrainjobUser caller;
	Datum args[2];
	int64 stored = 0;

	SPI_connect();
	args[0] = find_job(set, part, token);
	trainjob_become_owner(&set->table[TABLE_METRICS], &caller);
	if (document != NULL)
		args[1] = JsonbPGetDatum(rows_of(&call, document));
	if (call.count > 0)
		stored =
			trainjob_execute(write_plan(set, part), SPI_OK_INSERT, args, NULL);
	trainjob_become_user(&caller);
	warn_of_lost_keys(&call, &set->table[TABLE_METRICS]);
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
	Call call = {.target = &part->target};
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
	args[1] = JsonbPGetDatum(rows_of(&call, details));
	args[2] = PG_GETARG_DATUM(1);
	if (trainjob_execute(write_plan(set, part), SPI_OK_INSERT_RETURNING, args,
						 NULL) > 0)
		outcome = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	trainjob_become_user(&caller);
	warn_of_lost_keys(&call, &set->table[TABLE_ALERTS]);
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
