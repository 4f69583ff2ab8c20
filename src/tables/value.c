/*
 * value.c
 *	  Values of columns from the types they have; comparing them.
 *
 * An application's tables may hold a count as smallint, integer, bigint,
 * numeric or floating point, a text as varchar or enum, a configuration as
 * json.  The rest of trainjob reads and writes seven kinds of value (ColumnKind)
 * and leaves the differences to this file and value_write.c.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/resowner.h"

#include "pg/compat.h"
#include "pg/subtransaction.h"
#include "tables/column_words.h"
#include "tables/value.h"

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

/* Our word for what a status column says, or the text as it is. */
static char *
read_word(const Column *column, Datum datum)
{
	const char *known;
	char *text;

	if (column->type == TEXTOID || column->type == VARCHAROID)
	{
		struct varlena *packed = PG_DETOAST_DATUM_PACKED(datum);

		known = trainjob_meaning(column->words, VARDATA_ANY(packed),
								 VARSIZE_ANY_EXHDR(packed));
		return known != NULL ? (char *) known : text_to_cstring(packed);
	}
	text = read_text(column, datum);
	known = trainjob_meaning(column->words, text, strlen(text));
	return known != NULL ? (char *) known : text;
}

static char *
read_path(const Column *column, Datum datum)
{
	return trainjob_kind_accepts(COLUMN_TEXT, column->type, column->is_enum)
			   ? read_text(column, datum)
			   : trainjob_key_text(column, (Value){.key = datum});
}

static inline Value
convert_value(const Column *column, Datum datum)
{
	Value value = {.isnull = false};

	switch (column->kind)
	{
		case COLUMN_COUNT:
			return read_count(column->type, datum);
		case COLUMN_NUMBER:
			value.number = trainjob_read_double(column->type, datum);
			break;
		case COLUMN_TIME: /* without time zone, it is UTC */
			value.time = DatumGetTimestampTz(datum);
			break;
		case COLUMN_TEXT:
			value.text = column->words != NULL ? read_word(column, datum)
											   : read_text(column, datum);
			break;
		case COLUMN_PATH:
			value.text = read_path(column, datum);
			break;
		case COLUMN_KEY:
		case COLUMN_JSON:
			value.key = datum;
			break;
	}
	return value;
}

Value
trainjob_convert_value(const Column *column, Datum datum)
{
	Value value;

	if (!column->has_filler)
		return convert_value(column, datum);
	value = convert_value(column, datum);
	if (!value.isnull &&
		trainjob_same_value(column, value,
							convert_value(column, column->filler)))
		value.isnull = true;
	return value;
}

/*
 * A json value, or a text, as jsonb; NULL where jsonb cannot hold it: it is no
 * json, or has a zero character, a lone surrogate, a number too large.  In a
 * subtransaction, for the conversion knows no other way to say so than an error.
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
		FreeErrorData(trainjob_leave_failed_subtransaction(caller, owner));
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
	return column->type == JSONBOID ? DatumGetJsonbP(datum)
									: json_to_jsonb(datum);
}

bool
trainjob_same_value(const Column *column, Value a, Value b)
{
	if (a.isnull || b.isnull)
		return a.isnull == b.isnull;
	switch (column->kind)
	{
		case COLUMN_NUMBER:
			return a.number == b.number || (isnan(a.number) && isnan(b.number));
		case COLUMN_TEXT:
		case COLUMN_PATH:
			return strcmp(a.text, b.text) == 0;
		default:
			return a.count == b.count;
	}
}

static inline bool
same_bytes(const Column *column, Datum a, Datum b)
{
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
trainjob_same_datum(const Column *column, Datum a, bool a_null, Datum b,
					bool b_null)
{
	if (column->attnum == 0)
		return true;
	if (a_null || b_null)
		return a_null == b_null;
	if (a == b)
		return true; /* also a value that two rows share */
	return same_bytes(column, a, b) ||
		   (column->words != NULL &&
			strcmp(read_word(column, a), read_word(column, b)) == 0);
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
