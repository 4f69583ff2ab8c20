/*
 * point.c
 *	  The document of a call: its points, checked and taken apart.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "token/alias.h"
#include "token/point.h"

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

/* The key that the point at hand has for a field. */
static const char *
key_of(const Call *call, const Field *field)
{
	int i = field - call->target->field;

	return call->given[i] && call->rank[i] != OWN_KEY
			   ? trainjob_aliases[call->rank[i]].key
			   : field->key;
}

static void
bad_value(const Call *call, const Field *field, const char *must,
		  JsonbValue *value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for key \"%s\" of %s", key_of(call, field),
					point_text(call)),
			 errdetail("The value must be %s, not %s.", must, shown(value)),
			 errhint("Nothing of this call was stored.")));
}

void
trainjob_too_large(const char *what, Size size, const char *setting, int limit)
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
string_is(const JsonbValue *value, const char *word)
{
	return value->val.string.len == strlen(word) &&
		   pg_strncasecmp(value->val.string.val, word, strlen(word)) == 0;
}

/* What jsonb has no number for. */
static bool
is_special(const JsonbValue *value)
{
	return value->type == jbvString &&
		   (string_is(value, "NaN") || string_is(value, "Infinity") ||
			string_is(value, "-Infinity"));
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
	if (is_special(value))
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

/* Takes a key down, once, that may have been meant for what the point lacks. */
static void
note_alike(Call *call, JsonbValue *key)
{
	const Target *target = call->target;
	const char *ours;
	char *text;

	if (target->alias == NULL ||
		list_length(call->alike) >= 2 * MAX_KEYS_SHOWN ||
		(ours = trainjob_alike(key->val.string.val, key->val.string.len)) ==
			NULL)
		return;
	text = shown(key);
	for (int i = 0; i < list_length(call->alike); i += 2)
		if (strcmp(list_nth(call->alike, i), text) == 0)
			return;
	for (int i = 0; i < target->count; i++)
		if (strcmp(target->field[i].key, ours) == 0 && i != target->rest &&
			!call->given[i])
			call->alike =
				lappend(lappend(call->alike, text), unconstify(char *, ours));
}

/* Whether a value is of the kind that the field of another key takes. */
static bool
suits(const Field *field, const JsonbValue *value)
{
	if (field->use == FIELD_STEP)
		return value->type != jbvNull;
	return value->type == jbvNumeric ||
		   (field->use == FIELD_NUMBER && is_special(value));
}

/* The field of a key, -1: it has none; "rank" as in Call. */
static int
place_of(const Target *target, const JsonbValue *key, int *rank)
{
	int i = find_field(target, key);

	*rank = OWN_KEY;
	if (i >= 0 || target->alias == NULL)
		return i;
	*rank = trainjob_find_alias(key->val.string.val, key->val.string.len);
	return *rank < 0 ? -1 : target->alias[*rank];
}

/* Whether a key of the point at hand is the one that its field takes. */
static bool
is_taken(const Call *call, const JsonbValue *key)
{
	int rank;
	int i = place_of(call->target, key, &rank);

	return i >= 0 && call->given[i] && call->rank[i] == rank;
}

/* Takes the point at hand apart: what its keys' fields get, and what remains. */
static void
split_point(Call *call)
{
	const Target *target = call->target;
	JsonbIterator *iterator = JsonbIteratorInit(call->point);
	JsonbValue key;
	JsonbValue value;
	int taken = 0;

	memset(call->given, 0, target->count * sizeof(bool));
	while (next_member(&iterator, &key, &value))
	{
		int rank;
		int i = place_of(target, &key, &rank);

		if (i < 0 || (call->given[i] && call->rank[i] < rank) ||
			(rank != OWN_KEY && !suits(&target->field[i], &value)))
			continue;
		taken += call->given[i] ? 0 : 1;
		call->value[i] = value;
		call->given[i] = true;
		call->rank[i] = rank;
	}
	call->has_others = taken < JsonContainerSize(call->point);
	if (!call->has_others)
		return;
	iterator = JsonbIteratorInit(call->point);
	while (next_member(&iterator, &key, &value))
		if (is_taken(call, &key))
			continue;
		else if (target->rest < 0)
			note_key(call, &key);
		else if (value.type != jbvNull)
			note_alike(call, &key);
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
		if (!is_taken(call, &key))
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
	if (size > call->max_size)
		trainjob_too_large(point_text(call), size, "trainjob.max_point_size",
						   call->max_size);
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

Jsonb *
trainjob_read_points(Call *call, Jsonb *document)
{
	call->index = -1;
	call->value = palloc(call->target->count * sizeof(JsonbValue));
	call->given = palloc(call->target->count * sizeof(bool));
	call->rank = palloc(call->target->count * sizeof(int));
	pushJsonbValue(&call->rows, WJB_BEGIN_ARRAY, NULL);
	if (JB_ROOT_IS_OBJECT(document))
		add_point(call, &document->root, VARSIZE(document) - VARHDRSZ);
	else
		add_points(call, document);
	pushJsonbValue(&call->rows, WJB_END_ARRAY, NULL);
	return JsonbValueToJsonb(call->rows.result);
}

void
trainjob_warn_of_lost_keys(const Call *call, const SetTable *table)
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

/* A session hears of so many keys. */
#define MAX_KEYS_SAID 32

/* Whether a session hears of a key for the first time. */
static bool
is_news(const char *key)
{
	static List *said = NIL;
	MemoryContext caller;
	ListCell *cell;

	foreach (cell, said)
		if (strcmp(lfirst(cell), key) == 0)
			return false;
	if (list_length(said) >= MAX_KEYS_SAID)
		return false;
	caller = MemoryContextSwitchTo(TopMemoryContext);
	said = lappend(said, pstrdup(key));
	MemoryContextSwitchTo(caller);
	return true;
}

void
trainjob_say_alike_keys(const Call *call)
{
	const Target *target = call->target;

	for (int i = 0; i + 1 < list_length(call->alike); i += 2)
	{
		const char *key = list_nth(call->alike, i);

		if (is_news(key))
			ereport(NOTICE,
					(errmsg("key %s of %s was stored in \"%s\"", key,
							target->rules->what,
							target->field[target->rest].column.name),
					 errhint("If it is what trainjob calls \"%s\", send it "
							 "under that name.",
							 (char *) list_nth(call->alike, i + 1))));
	}
}
