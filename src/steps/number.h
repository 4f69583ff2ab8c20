/*
 * number.h
 *	  Numbers of a configuration, as they were written.
 */
#ifndef TRAINJOB_STEPS_NUMBER_H
#define TRAINJOB_STEPS_NUMBER_H

#include "utils/jsonb.h"

/*
 * A number of the configuration, judged: the whole part exactly where it fits
 * a bigint.  Of a larger number nothing is known but its sign.
 */
typedef struct ConfigNumber
{
	int sign;		/* -1, 0, 1 */
	bool fits;		/* the whole part fits a bigint */
	bool is_whole;	/* nothing after the point; true when it does not fit */
	bool has_point; /* written with a point (as text: or an exponent) */
	int64 whole;	/* the whole part, towards 0; 0 when it does not fit */
	double value;	/* correctly rounded; infinite when it does not fit */
} ConfigNumber;

/*
 * Reads a number, or a text that is a decimal number with blanks around it;
 * false for any other value.  Raises no error.
 */
extern bool trainjob_read_number(const JsonbValue *value, ConfigNumber *out);

/* A text without the blanks around it; false for any other value. */
extern bool trainjob_trimmed_text(const JsonbValue *value, const char **text,
								  int *len);

#endif /* TRAINJOB_STEPS_NUMBER_H */
