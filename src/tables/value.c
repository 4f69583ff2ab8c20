/*
 * value.c
 *	  Values of columns, to and from the types they have.
 *
 * An application's tables may hold a count as smallint, integer, bigint,
 * numeric or floating point, a text as varchar or enum, a configuration as
 * json.  The rest of trainjob reads and writes six kinds of value (ColumnKind)
 * and leaves the differences to this file.
 *
 * Writing never raises an error for a value that does not fit its column: the
 * column becomes NULL and a warning says so, once a session for each column,
 * for the write that brought the value must go through.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/resowner.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "pg/compat.h"
#include "tables/value.h"

/* ----------
 * Reading
 * ----------
 */

double
trainjob_read_double(Oid type, Datum datum)
{
	switch (type)
	{
		case FLOAT8OID:
			return DatumGetFloat8(datum);
		case FLOAT4OID:
			return DatumGetFloat4(datum);
		case INT2OID:
			return DatumGetInt16(datum);
		case INT4OID:
			return DatumGetInt32(datum);
		case INT8OID:
			return (double) DatumGetInt64(datum);
		default:
			return DatumGetFloat8(
				DirectFunctionCall1(numeric_float8_no_overflow, datum));
	}
}

/* A whole number; NULL for one that is not finite or beyond bigint. */
static Value
read_count(Oid type, Datum datum)
{
	Value value = {.isnull = false};
	double number;

	switch (type)
	{
		case INT8OID:
			value.count = DatumGetInt64(datum);
			return value;
		case INT4OID:
			value.count = DatumGetInt32(datum);
			return value;
		case INT2OID:
			value.count = DatumGetInt16(datum);
			return value;
		default:
			number = trainjob_read_double(type, datum);
			if (isnan(number) || fabs(number) >= 9.2233720368547e18)
				value.isnull = true;
			else if (type == NUMERICOID)
				value.count =
					DatumGetInt64(DirectFunctionCall1(numeric_int8, datum));
			else
				value.count = (int64) rint(number);
			return value;
	}
}

static char *
read_text(const Column *column, Datum datum)
{
	if (column->is_enum)
		return DatumGetCString(DirectFunctionCall1(enum_out, datum));
	if (column->type == NAMEOID)
		return pstrdup(NameStr(*DatumGetName(datum)));
	if (column->type == BPCHAROID)
	{
		char *padded = TextDatumGetCString(datum);

		padded[bpchartruelen(padded, strlen(padded))] = '\0';
		return padded;
	}
	return TextDatumGetCString(datum);
}

/*
 * A timestamp as a timestamptz or the reverse, by the session's time zone.  At
 * the ends of what both types hold the zone may lead beyond them, which is an
 * error; there, as where it is infinite, the time is taken as it stands.
 */
static Datum
convert_time(PGFunction convert, Datum datum)
{
	Timestamp time = DatumGetTimestamp(datum);

	if (time < MIN_TIMESTAMP + USECS_PER_DAY ||
		time >= END_TIMESTAMP - USECS_PER_DAY)
		return datum;
	return DirectFunctionCall1(convert, datum);
}

Value
trainjob_convert_value(const Column *column, Datum datum)
{
	Value value = {.isnull = false};

	switch (column->kind)
	{
		case COLUMN_COUNT:
			return read_count(column->type, datum);
		case COLUMN_NUMBER:
			value.number = trainjob_read_double(column->type, datum);
			break;
		case COLUMN_TIME:
			if (column->type == TIMESTAMPOID)
				datum = convert_time(timestamp_timestamptz, datum);
			value.time = DatumGetTimestampTz(datum);
			break;
		case COLUMN_TEXT:
			value.text = read_text(column, datum);
			break;
		case COLUMN_KEY:
		case COLUMN_JSON:
			value.key = datum;
			break;
	}
	return value;
}

/*
 * Where an error was caught in a subtransaction: ends this, and gives the error
 * out of it.  Also before the error is raised again, or else the session would
 * be left within the subtransaction.
 */
static ErrorData *
leave_failed_subtransaction(MemoryContext caller, ResourceOwner owner)
{
	ErrorData *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return error;
}

/*
 * A json value as jsonb; NULL where jsonb cannot hold it: a zero character, a
 * lone surrogate, a number too large.  In a subtransaction, for the conversion
 * knows no other way to say so than an error.
 */
static Jsonb *
json_to_jsonb(Datum json)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Jsonb *volatile jsonb = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		jsonb = DatumGetJsonbP(
			DirectFunctionCall1(jsonb_in,
								CStringGetDatum(TextDatumGetCString(json))));
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error = leave_failed_subtransaction(caller, owner);

		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
			error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
			ReThrowError(error);
		FreeErrorData(error);
		jsonb = NULL;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return jsonb;
}

Jsonb *
trainjob_read_jsonb(const Column *column, Datum datum)
{
	return column->type == JSONOID ? json_to_jsonb(datum)
								   : DatumGetJsonbP(datum);
}

/* ----------
 * Writing
 * ----------
 */

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

/* Stores a text, cut to the length that the column allows. */
static bool
write_text(const Column *column, const char *text, Datum *datum)
{
	int length = strlen(text);

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

/* Stores a point in time, rounded as the column's type says. */
static Datum
write_time(const Column *column, TimestampTz time)
{
	Datum datum = TimestampTzGetDatum(time);

	if (column->type == TIMESTAMPOID)
		datum = convert_time(timestamptz_timestamp, datum);
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
		ErrorData *error = leave_failed_subtransaction(caller, owner);

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
 * The same as the owner of the column's table, who can make a domain's CHECK
 * call whatever he likes: it must not act with the rights of whoever wrote.
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
			 : column->is_enum
				 ? errhint("ALTER TYPE %s ADD VALUE %s;",
						   format_type_be(column->type),
						   quote_literal_cstr(value->text))
				 : errhint("Give the column the type %s.",
						   column->kind == COLUMN_COUNT ? "bigint"
														: "double precision")));
}

Datum
trainjob_write_value(const Column *column, const Value *value, bool *isnull)
{
	Datum datum = (Datum) 0;
	bool fits = true;

	*isnull = value->isnull || column->attnum == 0;
	if (column->attnum == 0)
		return datum;
	if (value->isnull)
	{
		if (column->is_checked)
			(void) domain_accepts(column, (Datum) 0, true, false);
		return datum;
	}
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
	}
	if (fits &&
		(!column->is_checked || domain_accepts(column, datum, false, true)))
		return datum;
	*isnull = true;
	if (OidIsValid(column->table) && is_first_warning(column))
		warn_of_value(column, value, fits);
	if (column->is_checked)
		(void) domain_accepts(column, (Datum) 0, true, false);
	return (Datum) 0;
}

bool
trainjob_same_datum(const Column *column, Datum a, bool a_null, Datum b,
					bool b_null)
{
	if (column->attnum == 0)
		return true;
	if (a_null || b_null)
		return a_null == b_null;
	if (a == b)
		return true; /* also a value that two rows share */
	/* of one that is stored in the row, the length of its header may differ */
	if (column->typlen == -1 && !VARATT_IS_EXTERNAL(DatumGetPointer(a)) &&
		!VARATT_IS_COMPRESSED(DatumGetPointer(a)) &&
		!VARATT_IS_EXTERNAL(DatumGetPointer(b)) &&
		!VARATT_IS_COMPRESSED(DatumGetPointer(b)))
	{
		Size length = VARSIZE_ANY_EXHDR(DatumGetPointer(a));

		return length == VARSIZE_ANY_EXHDR(DatumGetPointer(b)) &&
			   memcmp(VARDATA_ANY(DatumGetPointer(a)),
					  VARDATA_ANY(DatumGetPointer(b)), length) == 0;
	}
	return datumIsEqual(a, b, column->typbyval, column->typlen);
}

bool
trainjob_same_in_rows(TupleTableSlot *a, TupleTableSlot *b,
					  const Column *column)
{
	bool a_null;
	bool b_null;
	Datum a_datum;
	Datum b_datum;

	if (column->attnum == 0)
		return true;
	a_datum = slot_getattr(a, column->attnum, &a_null);
	b_datum = slot_getattr(b, column->attnum, &b_null);
	return trainjob_same_datum(column, a_datum, a_null, b_datum, b_null);
}

bool
trainjob_same_attribute(TupleTableSlot *a, TupleTableSlot *b, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(a->tts_tupleDescriptor, attnum - 1);
	bool a_null;
	bool b_null;
	Datum a_datum = slot_getattr(a, attnum, &a_null);
	Datum b_datum = slot_getattr(b, attnum, &b_null);

	if (a_null || b_null)
		return a_null == b_null;
	return a_datum == b_datum || /* also one that the rows share */
		   datumIsEqual(a_datum, b_datum, att->attbyval, att->attlen);
}

char *
trainjob_key_text(const Column *column, Value key)
{
	Oid output;
	bool is_varlena;

	getTypeOutputInfo(column->type, &output, &is_varlena);
	return OidOutputFunctionCall(output, key.key);
}
