/*
 * views.c
 *	  What the views need beside SQL: numbers of a configuration and of a report's
 *	  own keys, and the setting that says when a job counts as stalled.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "reading/views.h"
#include "steps/config.h"

PG_FUNCTION_INFO_V1(trainjob_stall_timeout);
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
trainjob_views_init(void)
{
	/* Silence is no failure: the overview's health says "stalled". */
	DefineCustomIntVariable(
		"trainjob.stall_timeout",
		"Sets how long a running job may be silent before its health is "
		"\"stalled\".",
		NULL, &stall_timeout, 600, 1, INT_MAX, PGC_USERSET, GUC_UNIT_S, NULL,
		NULL, NULL);
}
