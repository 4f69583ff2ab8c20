/*
 * types.c
 *	  Types of columns, and values as text without casts, for queries.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

#include "tables/value.h"

PG_FUNCTION_INFO_V1(trainjob_type_holds);
PG_FUNCTION_INFO_V1(trainjob_base_type);
PG_FUNCTION_INFO_V1(trainjob_output_text);
PG_FUNCTION_INFO_V1(trainjob_input_value);
PG_FUNCTION_INFO_V1(trainjob_readable_jsonb);
PG_FUNCTION_INFO_V1(trainjob_readable_float8);

/*
 * trainjob_type_holds
 *		SQL: type_holds(found regtype, canonical regtype) returns boolean,
 *		strict: whether a column of type "found" can stand for trainjob's own
 *		column of type "canonical".
 */
Datum
trainjob_type_holds(PG_FUNCTION_ARGS)
{
	Oid found = getBaseType(PG_GETARG_OID(0));
	ColumnKind kind = COLUMN_KEY;

	switch (PG_GETARG_OID(1))
	{
		case INT8OID:
			kind = COLUMN_COUNT;
			break;
		case FLOAT8OID:
			kind = COLUMN_NUMBER;
			break;
		case TIMESTAMPTZOID:
			kind = COLUMN_TIME;
			break;
		case TEXTOID:
			kind = COLUMN_TEXT;
			break;
		case JSONBOID:
			kind = COLUMN_JSON;
			break;
	}
	PG_RETURN_BOOL(trainjob_kind_accepts(kind, found, type_is_enum(found)));
}

/* SQL: base_type(type regtype) returns regtype, strict: without its domains. */
Datum
trainjob_base_type(PG_FUNCTION_ARGS)
{
	PG_RETURN_OID(getBaseType(PG_GETARG_OID(0)));
}

/* SQL: readable_float8(value numeric) returns float8, strict: the same. */
Datum
trainjob_readable_float8(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(trainjob_read_double(NUMERICOID, PG_GETARG_DATUM(0)));
}

/*
 * trainjob_readable_jsonb
 *		SQL: readable_jsonb(value json) and readable_jsonb(value text) return
 *		jsonb, strict: the same.
 */
Datum
trainjob_readable_jsonb(PG_FUNCTION_ARGS)
{
	const Column column = {.attnum = 1, .type = JSONOID};
	Jsonb *jsonb = trainjob_read_jsonb(&column, PG_GETARG_DATUM(0));

	if (jsonb == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(jsonb);
}

/* ----------
 * To and from text without casts
 *
 * A cast is a function that the type's owner may have written after this query
 * was.  The type's own output and input functions are not.
 * ----------
 */

/*
 * trainjob_output_text
 *		SQL: output_text(value anyelement) returns text, strict: what the type
 *		itself makes of a value, whatever casts there are; of character(n)
 *		without the blanks at its end, as a cast has it.
 */
Datum
trainjob_output_text(PG_FUNCTION_ARGS)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, 0);
	Oid output;
	bool is_varlena;
	char *text;
	int length;

	getTypeOutputInfo(type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, PG_GETARG_DATUM(0));
	length = strlen(text);
	if (getBaseType(type) == BPCHAROID)
		length = bpchartruelen(text, length);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(text, length));
}

/*
 * trainjob_input_value
 *		SQL: input_value(value text, type anyelement) returns anyelement: the
 *		other way round; NULL for NULL.  "type" is not looked at but for its
 *		type, which must be a plain one: reading a composite value or an array
 *		would ask the domains in it.
 */
Datum
trainjob_input_value(PG_FUNCTION_ARGS)
{
	Oid type = get_fn_expr_argtype(fcinfo->flinfo, 1);
	char kind = get_typtype(type);
	Oid input;
	Oid ioparam;

	if ((kind != TYPTYPE_BASE && kind != TYPTYPE_ENUM) ||
		OidIsValid(get_element_type(type)))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("a value of type %s cannot be given as text",
							   format_type_be(type)),
						errdetail("The id of a job must have a base type or an "
								  "enum.")));
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	getTypeInputInfo(type, &input, &ioparam);
	PG_RETURN_DATUM(OidInputFunctionCall(input,
										 text_to_cstring(PG_GETARG_TEXT_PP(0)),
										 ioparam, -1));
}
