/*
 * number.c
 *	  Numbers of a configuration, as they were written.
 *
 * No jsonb can raise an error here, whatever it holds.  Numbers of a jsonb may
 * have 130,000 digits and are compared with bigint's limits before anything
 * else is done with them; a text is checked before it becomes a numeric.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "steps/number.h"

/* Texts longer than this are no numbers. */
#define NUMBER_BYTES_MAX 4000

/* A larger exponent than this tells no more: the rest has fewer digits. */
#define EXPONENT_MAX 5000

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void
trim(const char **text, int *len)
{
	while (*len > 0 && is_blank((*text)[*len - 1]))
		(*len)--;
	while (*len > 0 && is_blank(**text))
	{
		(*text)++;
		(*len)--;
	}
}

bool
trainjob_trimmed_text(const JsonbValue *value, const char **text, int *len)
{
	if (value->type != jbvString)
		return false;
	*text = value->val.string.val;
	*len = value->val.string.len;
	trim(text, len);
	return true;
}

/* The limits of bigint as numerics, made once. */
static Numeric
bigint_limit(bool upper)
{
	static Numeric limits[2];

	if (limits[upper] == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);

		limits[upper] = int64_to_numeric(upper ? PG_INT64_MAX : -PG_INT64_MAX);
		MemoryContextSwitchTo(old_context);
	}
	return limits[upper];
}

static int
compare_numerics(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a),
											 NumericGetDatum(b)));
}

/* A number, which is neither NaN nor infinite. */
static void
read_numeric(Numeric number, ConfigNumber *out)
{
	Datum datum = NumericGetDatum(number);
	int above = compare_numerics(number, bigint_limit(true)) > 0;
	int below = compare_numerics(number, bigint_limit(false)) < 0;

	*out = (ConfigNumber){.fits = !above && !below, .is_whole = true};
	if (!out->fits)
	{
		out->sign = above - below;
		out->value = out->sign * get_float8_infinity();
		return;
	}
	if (DatumGetInt32(DirectFunctionCall1(numeric_scale, datum)) > 0)
	{
		Datum whole =
			DirectFunctionCall2(numeric_trunc, datum, Int32GetDatum(0));

		out->has_point = true;
		out->is_whole = compare_numerics(number, DatumGetNumeric(whole)) == 0;
		out->value = DatumGetFloat8(
			DirectFunctionCall1(numeric_float8_no_overflow, datum));
		out->sign = compare_numerics(number, int64_to_numeric(0));
		datum = whole;
	}
	out->whole = DatumGetInt64(DirectFunctionCall1(numeric_int8, datum));
	if (out->is_whole)
	{
		out->value = (double) out->whole;
		out->sign = out->whole > 0 ? 1 : out->whole < 0 ? -1 : 0;
	}
}

/* Passes digits; returns how many there were. */
static int
skip_digits(const char **text)
{
	const char *start = *text;

	while (**text >= '0' && **text <= '9')
		(*text)++;
	return *text - start;
}

/*
 * Passes the exponent of a number; false where there is none that is right.
 * One that is too large for numeric_in() becomes a smaller that means the same
 * here.
 */
static bool
read_exponent(char *text)
{
	char *digits = text + (text[0] == '-' || text[0] == '+');
	const char *end = digits;

	if (skip_digits(&end) == 0 || *end != '\0')
		return false;
	if (strtol(digits, NULL, 10) > EXPONENT_MAX) /* LONG_MAX if it overflows */
		sprintf(digits, "%d", EXPONENT_MAX);
	return true;
}

/*
 * Reads a decimal number: blanks, sign, digits with a point, exponent, blanks.
 * Returns false where the text is anything else.  It needs no terminator.
 */
static bool
parse_number(const char *text, int len, ConfigNumber *out)
{
	char *number;
	const char *end;
	int digits;
	bool has_point;

	trim(&text, &len);
	if (len > NUMBER_BYTES_MAX)
		return false;
	number = palloc(len + 16); /* and an exponent */
	memcpy(number, text, len);
	number[len] = '\0';

	end = number + (number[0] == '-' || number[0] == '+');
	digits = skip_digits(&end);
	has_point = *end == '.';
	if (has_point)
	{
		end++;
		digits += skip_digits(&end);
	}
	if (digits == 0)
		return false;
	if (*end == 'e' || *end == 'E')
	{
		has_point = true;
		if (!read_exponent(number + (end - number) + 1))
			return false;
	}
	else if (*end != '\0')
		return false;
	read_numeric(DatumGetNumeric(
					 DirectFunctionCall3(numeric_in, CStringGetDatum(number),
										 ObjectIdGetDatum(InvalidOid),
										 Int32GetDatum(-1))),
				 out);
	out->has_point = has_point;
	pfree(number);
	return true;
}

bool
trainjob_read_number(const JsonbValue *value, ConfigNumber *out)
{
	if (value->type == jbvNumeric)
	{
		read_numeric(value->val.numeric, out);
		return true;
	}
	if (value->type == jbvString)
		return parse_number(value->val.string.val, value->val.string.len, out);
	return false;
}
