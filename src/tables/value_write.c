/*
 * value_write.c
 *	  Values of columns to the types they have.
 *
 * Writing never raises an error for a value that does not fit its column: the
 * column becomes NULL and a warning says so, once a session for each column,
 * for the write that brought the value must go through.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "pg/compat.h"
#include "pg/subtransaction.h"
#include "tables/column_words.h"
#include "tables/value_write.h"

/* Whether numeric(precision, scale) holds the number after rounding. */
static bool
numeric_fits(double number, int32 typmod)
{
	int precision;
	int scale;

	if (isnan(number) || typmod < (int32) VARHDRSZ)
		return true;
	if (isinf(number))
		return false;
	/* as numeric_typmod_precision() and numeric_typmod_scale() do */
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	return fabs(number) + 0.5 * pow(10, -scale) < pow(10, precision - scale);
}

/* As an assignment to numeric(precision, scale) does. */
static Datum
round_numeric(Datum number, int32 typmod)
{
	if (typmod < (int32) VARHDRSZ)
		return number;
	return DirectFunctionCall2(numeric, number, Int32GetDatum(typmod));
}

/* Stores a whole number; false where the type cannot hold it. */
static bool
write_count(const Column *column, int64 count, Datum *datum)
{
	switch (column->type)
	{
		case INT8OID:
			*datum = Int64GetDatum(count);
			return true;
		case INT4OID:
			*datum = Int32GetDatum((int32) count);
			return count >= PG_INT32_MIN && count <= PG_INT32_MAX;
		case INT2OID:
			*datum = Int16GetDatum((int16) count);
			return count >= PG_INT16_MIN && count <= PG_INT16_MAX;
		case FLOAT8OID:
			*datum = Float8GetDatum((double) count);
			return true;
		case FLOAT4OID:
			*datum = Float4GetDatum((float4) count);
			return true;
		default:
			if (!numeric_fits((double) count, column->typmod))
				return false;
			*datum = round_numeric(NumericGetDatum(int64_to_numeric(count)),
								   column->typmod);
			return true;
	}
}

/* Stores a measure; false where the type cannot hold it. */
static bool
write_number(const Column *column, double number, Datum *datum)
{
	switch (column->type)
	{
		case FLOAT8OID:
			*datum = Float8GetDatum(number);
			return true;
		case FLOAT4OID:
			*datum = Float4GetDatum((float4) number);
			return isinf(number) || !isinf((float4) number);
		case NUMERICOID:
			if (!numeric_fits(number, column->typmod))
				return false;
			*datum = round_numeric(DirectFunctionCall1(float8_numeric,
													   Float8GetDatum(number)),
								   column->typmod);
			return true;
		default:
			if (isnan(number) || fabs(number) >= 9.2233720368547e18)
				return false;
			return write_count(column, (int64) rint(number), datum);
	}
}

/*
 * Stores a text, cut to the length that the column allows; a status as the
 * column calls it, false where it has no word for that.
 */
static bool
write_text(const Column *column, const char *text, Datum *datum)
{
	int length;

	if (column->words != NULL)
		text = trainjob_spelling(column->words, text);
	if (text == NULL)
		return false;
	length = strlen(text);
	if (column->is_enum)
	{
		HeapTuple tuple =
			SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(column->type),
							CStringGetDatum(text));

		if (!HeapTupleIsValid(tuple))
			return false;
		ReleaseSysCache(tuple);
		*datum = DirectFunctionCall2(enum_in, CStringGetDatum(text),
									 ObjectIdGetDatum(column->type));
		return true;
	}
	if (column->type == NAMEOID)
	{
		*datum = DirectFunctionCall1(namein, CStringGetDatum(text));
		return true;
	}
	if (column->typmod >= (int32) VARHDRSZ)
		length = pg_mbcharcliplen(text, length, column->typmod - VARHDRSZ);
	if (column->type == BPCHAROID)
		*datum = DirectFunctionCall3(bpcharin,
									 CStringGetDatum(pnstrdup(text, length)),
									 ObjectIdGetDatum(InvalidOid),
									 Int32GetDatum(column->typmod));
	else
		*datum = PointerGetDatum(cstring_to_text_with_len(text, length));
	return true;
}

/* Stores a point in time, rounded as the column's type says; in UTC. */
static Datum
write_time(const Column *column, TimestampTz time)
{
	Datum datum = TimestampTzGetDatum(time);

	if (column->typmod < 0)
		return datum;
	return DirectFunctionCall2(column->type == TIMESTAMPOID ? timestamp_scale
															: timestamptz_scale,
							   datum, Int32GetDatum(column->typmod));
}

/* A value in words, for the warning that it does not fit. */
static char *
value_text(ColumnKind kind, const Value *value)
{
	switch (kind)
	{
		case COLUMN_COUNT:
			return psprintf(INT64_FORMAT, value->count);
		case COLUMN_NUMBER:
			return psprintf("%g", value->number);
		case COLUMN_TIME:
			return pstrdup(timestamptz_to_str(value->time));
		default: /* a text, as keys and json always fit */
			return value->text;
	}
}

/*
 * Whether a domain's constraints hold for a value, or for NULL.  In a
 * subtransaction, for a CHECK may do anything and says no by an error; without
 * one, its error is raised.
 */
static bool
check_domain(const Column *column, Datum datum, bool isnull,
			 bool in_subtransaction)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool accepts = true;

	if (!DomainHasConstraints(column->domain, NULL))
		return true;
	if (!in_subtransaction)
	{
		domain_check(datum, isnull, column->domain, NULL, caller);
		return true;
	}
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		domain_check(datum, isnull, column->domain, NULL, caller);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error = trainjob_leave_failed_subtransaction(caller, owner);

		if (error->sqlerrcode != ERRCODE_CHECK_VIOLATION)
			ReThrowError(error);
		FreeErrorData(error);
		accepts = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return accepts;
}

/*
 * check_domain() as the owner of the column's table, who can make a domain's
 * CHECK call anything: it must not act with the rights of the writer.
 * An error puts the user back by itself.
 */
static bool
domain_accepts(const Column *column, Datum datum, bool isnull,
			   bool in_subtransaction)
{
	Oid userid;
	int sec_context;
	bool accepts;

	GetUserIdAndSecContext(&userid, &sec_context);
	SetUserIdAndSecContext(column->owner, sec_context |
											  SECURITY_LOCAL_USERID_CHANGE |
											  SECURITY_RESTRICTED_OPERATION);
	accepts = check_domain(column, datum, isnull, in_subtransaction);
	SetUserIdAndSecContext(userid, sec_context);
	return accepts;
}

/*
 * Whether it is the first time in this session; a column of another type is
 * another one.
 */
static bool
is_first_warning(const Column *column)
{
	static HTAB *warned = NULL;
	struct
	{
		Oid table;
		int32 attnum;
		Oid type;
		int32 typmod;
	} key = {column->table, column->attnum, column->type, column->typmod};
	bool found;

	if (warned == NULL)
	{
		HASHCTL control = {.keysize = sizeof(key), .entrysize = sizeof(key)};

		warned = hash_create("trainjob columns with warnings", 16, &control,
							 HASH_ELEM | HASH_BLOBS);
	}
	(void) hash_search(warned, &key, HASH_ENTER, &found);
	return !found;
}

/* The warning that a value became NULL; "fits": its domain alone refused it. */
static void
warn_of_value(const Column *column, const Value *value, bool fits)
{
	const char *type =
		OidIsValid(column->domain)
			? format_type_be(column->domain)
			: format_type_with_typemod(column->type, column->typmod);

	ereport(WARNING,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("value %s does not fit column \"%s\" of type %s",
					value_text(column->kind, value), column->name, type),
			 errdetail("NULL was stored in its place."),
			 fits ? errhint("The constraints of domain %s refuse it: change "
							"them, or the column's type.",
							type)
			 : column->is_enum ? errhint("ALTER TYPE %s ADD VALUE %s;",
										 format_type_be(column->type),
										 quote_literal_cstr(value->text))
							   : errhint("Give the column the type %s.",
										 column->kind == COLUMN_COUNT ? "bigint"
										 : column->kind == COLUMN_TEXT
											 ? "text"
											 : "double precision")));
}

/*
 * What a column has where there is no value: NULL, or what fills it; an error if
 * its domain refuses that.
 */
static Datum
write_null(const Column *column, bool *isnull)
{
	*isnull = !column->has_filler;
	if (column->is_checked)
		(void) domain_accepts(column, column->filler, *isnull, false);
	return column->filler;
}

Datum
trainjob_write_value(const Column *column, const Value *value, bool *isnull)
{
	Datum datum = (Datum) 0;
	bool fits = true;

	if (column->attnum == 0)
	{
		*isnull = true;
		return datum;
	}
	if (value->isnull)
		return write_null(column, isnull);
	*isnull = false;
	switch (column->kind)
	{
		case COLUMN_COUNT:
			fits = write_count(column, value->count, &datum);
			break;
		case COLUMN_NUMBER:
			fits = write_number(column, value->number, &datum);
			break;
		case COLUMN_TIME:
			datum = write_time(column, value->time);
			break;
		case COLUMN_TEXT:
			fits = write_text(column, value->text, &datum);
			break;
		case COLUMN_KEY:
		case COLUMN_JSON:
			datum = value->key;
			break;
		case COLUMN_PATH:
			elog(ERROR, "column \"%s\" is not for triggers to write",
				 column->name);
	}
	if (fits &&
		(!column->is_checked || domain_accepts(column, datum, false, true)))
		return datum;
	if (OidIsValid(column->table) && is_first_warning(column))
		warn_of_value(column, value, fits);
	return write_null(column, isnull);
}

bool
trainjob_can_say(const Column *column, const char *ours)
{
	Column quiet = *column;
	Value value = {.text = unconstify(char *, ours)};
	Datum datum;
	bool isnull;

	quiet.table = InvalidOid; /* nobody is warned */
	quiet.has_filler = false;
	if (column->words != NULL && trainjob_spelling(column->words, ours) == NULL)
		return false;
	datum = trainjob_write_value(&quiet, &value, &isnull);
	return !isnull &&
		   strcmp(trainjob_convert_value(column, datum).text, ours) == 0;
}

/* ----------
 * Paths of datasets, which may be keys
 * ----------
 */

/* The one key may be a bigint, the other an integer. */
static bool
read_integer(Oid type, const char *text, Datum *value)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0' ||
		(type == INT2OID && number != (int16) number) ||
		(type == INT4OID && number != (int32) number))
		return false;
	*value = type == INT2OID   ? Int16GetDatum((int16) number)
			 : type == INT4OID ? Int32GetDatum((int32) number)
							   : Int64GetDatum(number);
	return true;
}

Oid
trainjob_path_type(const Column *column)
{
	return trainjob_kind_accepts(COLUMN_TEXT, column->type, column->is_enum) &&
				   !column->is_enum
			   ? TEXTOID
			   : column->type;
}

bool
trainjob_path_value(const Column *column, const char *path, Datum *value)
{
	Oid type = trainjob_path_type(column);
	Oid input;
	Oid ioparam;

	switch (type)
	{
		case TEXTOID:
			*value = CStringGetTextDatum(path);
			return true;
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return read_integer(type, path, value);
	}
	getTypeInputInfo(type, &input, &ioparam);
	*value = OidInputFunctionCall(input, unconstify(char *, path), ioparam, -1);
	return true;
}
