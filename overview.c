/*
 * overview.c
 *	  What the views need beside SQL: numbers and durations as a person reads
 *	  them, and the setting that says when a job counts as stalled.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "trainjob.h"

PG_FUNCTION_INFO_V1(trainjob_stall_timeout);
PG_FUNCTION_INFO_V1(trainjob_number_text);
PG_FUNCTION_INFO_V1(trainjob_duration_text);
PG_FUNCTION_INFO_V1(trainjob_config_samples);
PG_FUNCTION_INFO_V1(trainjob_extra_number);

/* trainjob.stall_timeout: a running job this long silent is stalled */
static int stall_timeout = 600;

/*
 * trainjob_stall_timeout
 *		SQL: stall_timeout() returns interval, the setting of that name.
 */
Datum
trainjob_stall_timeout(PG_FUNCTION_ARGS)
{
	Interval *interval = palloc0(sizeof(Interval));

	interval->time = stall_timeout * USECS_PER_SEC;
	PG_RETURN_INTERVAL_P(interval);
}

/*
 * trainjob_number_text
 *		SQL: number_text(value float8, digits int), strict.
 *
 * The number with so many digits after the point; in scientific form where
 * that would show a number that is not zero as zero or take more than ten
 * digits before the point.  Negative digits ask for the scientific form.
 */
Datum
trainjob_number_text(PG_FUNCTION_ARGS)
{
	double value = PG_GETARG_FLOAT8(0);
	int digits = PG_GETARG_INT32(1);
	int places = Min(digits < 0 ? -digits : digits, 17);
	double magnitude = fabs(value);
	char *text;

	if (isnan(value))
		text = "NaN";
	else if (isinf(value))
		text = value > 0 ? "Infinity" : "-Infinity";
	else if (digits < 0 || magnitude >= 1e10 ||
			 (magnitude > 0 && magnitude < 0.5 * pow(10, -places)))
		text = psprintf("%.*e", Max(places, 2), value);
	else
		text = psprintf("%.*f", places, value);
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/*
 * trainjob_duration_text
 *		SQL: duration_text(seconds float8), strict: "45 s", "12 min",
 *		"3 h 20 min", "2 d 4 h"; NULL for what is no duration.
 */
Datum
trainjob_duration_text(PG_FUNCTION_ARGS)
{
	double seconds = PG_GETARG_FLOAT8(0);
	int64 minutes;
	char *text;

	if (isnan(seconds) || seconds < 0 || seconds > 1e15)
		PG_RETURN_NULL();
	minutes = (int64) rint(seconds / 60);
	if (seconds < 59.5)
		text = psprintf("%d s", (int) rint(seconds));
	else if (minutes < 60)
		text = psprintf(INT64_FORMAT " min", minutes);
	else if (minutes < 24 * 60)
		text =
			psprintf("%d h %d min", (int) (minutes / 60), (int) (minutes % 60));
	else
		text = psprintf(INT64_FORMAT " d %d h", minutes / (24 * 60),
						(int) (minutes / 60 % 24));
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

/*
 * trainjob_config_samples
 *		SQL: config_samples(config jsonb) returns bigint, see
 *		trainjob_config_sample_total().
 */
Datum
trainjob_config_samples(PG_FUNCTION_ARGS)
{
	int64 samples = -1;

	if (!PG_ARGISNULL(0))
		samples = trainjob_config_sample_total(PG_GETARG_JSONB_P(0));
	if (samples < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(samples);
}

/* What jsonb has no numbers for, as texts: NaN and Infinity. */
static bool
read_special(const JsonbValue *value, double *number)
{
	static const struct
	{
		const char *name;
		double number;
	} specials[] = {{"NaN", NAN},
					{"Infinity", INFINITY},
					{"-Infinity", -INFINITY}};

	for (int i = 0; i < lengthof(specials); i++)
	{
		if (value->val.string.len == strlen(specials[i].name) &&
			memcmp(value->val.string.val, specials[i].name,
				   value->val.string.len) == 0)
		{
			*number = specials[i].number;
			return true;
		}
	}
	return false;
}

/*
 * trainjob_extra_number
 *		SQL: extra_number(extra jsonb, key text) returns float8, strict: the
 *		number that a report has under a key of its own; NULL for what is none.
 *
 * A curve asks for one in each of its rows, where the same in SQL takes three
 * times as long.  What float8 cannot hold is Infinity or 0, not an error: one
 * odd report must not hide the curve.
 */
Datum
trainjob_extra_number(PG_FUNCTION_ARGS)
{
	Jsonb *extra = PG_GETARG_JSONB_P(0);
	text *key = PG_GETARG_TEXT_PP(1);
	JsonbValue value;
	double number = 0;
	bool found = false;

	if (JB_ROOT_IS_OBJECT(extra) &&
		getKeyJsonValueFromContainer(&extra->root, VARDATA_ANY(key),
									 VARSIZE_ANY_EXHDR(key), &value) != NULL)
	{
		if (value.type == jbvNumeric)
		{
			number = DatumGetFloat8(
				DirectFunctionCall1(numeric_float8_no_overflow,
									NumericGetDatum(value.val.numeric)));
			found = true;
		}
		else if (value.type == jbvString)
			found = read_special(&value, &number);
	}
	PG_FREE_IF_COPY(extra, 0);
	if (!found)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(number);
}

/* Defines the settings of this file. */
void
trainjob_overview_init(void)
{
	/* Silence is no failure: the overview's health says "stalled". */
	DefineCustomIntVariable(
		"trainjob.stall_timeout",
		"Sets how long a running job may be silent before its health is "
		"\"stalled\".",
		NULL, &stall_timeout, 600, 1, INT_MAX, PGC_USERSET, GUC_UNIT_S, NULL,
		NULL, NULL);
}
