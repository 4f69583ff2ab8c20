/*
 * value.h
 *	  Values of columns from the types they have; comparing them.
 */
#ifndef TRAINJOB_TABLES_VALUE_H
#define TRAINJOB_TABLES_VALUE_H

#include "executor/tuptable.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "tables/column.h"

/* A value of a column, in the form of its kind. */
typedef struct Value
{
	bool isnull;
	union
	{
		int64 count;
		double number;
		TimestampTz time;
		char *text;
		Datum key;
	};
} Value;

/* trainjob_read_value() for a value that is there. */
extern Value trainjob_convert_value(const Column *column, Datum datum);

/*
 * The value of a column, in the form of its kind.
 *
 * A column that is absent, or a number that its kind cannot hold, reads as
 * NULL.  Text is palloc'd in the current context; a key stays what it is.
 * COLUMN_JSON is not read here, see trainjob_read_jsonb.
 */
static inline Value
trainjob_read_value(const Column *column, Datum datum, bool isnull)
{
	if (column->attnum == 0 || isnull)
		return (Value){.isnull = true};
	if (column->is_plain)
		return (Value){.key = datum}; /* the bits are the same */
	return trainjob_convert_value(column, datum);
}

/* The value of a column in a row; NULL where either is absent. */
static inline Value
trainjob_row_value(TupleTableSlot *row, const Column *column)
{
	Datum datum;
	bool isnull;

	if (column->attnum == 0 || row == NULL)
		return (Value){.isnull = true};
	datum = slot_getattr(row, column->attnum, &isnull);
	return trainjob_read_value(column, datum, isnull);
}

/*
 * A json or jsonb column's value as jsonb, palloc'd where it had to be
 * detoasted or converted.  NULL for a json value that jsonb cannot hold.
 */
extern Jsonb *trainjob_read_jsonb(const Column *column, Datum datum);

/*
 * Whether two values of a column, of any kind but a key or json, are the same; NaN
 * is the same as NaN, and NULL as NULL.
 */
extern bool trainjob_same_value(const Column *column, Value a, Value b);

/*
 * Whether two stored values are the same, to the byte.
 *
 * Compares what is stored and detoasts nothing: values moved out of line are
 * the same if they are the same out-of-line value.  An absent column is always
 * the same.
 */
extern bool trainjob_same_datum(const Column *column, Datum a, bool a_null,
								Datum b, bool b_null);

/*
 * Whether two rows of a table have the same in a column, see
 * trainjob_same_datum().
 */
extern bool trainjob_same_in_rows(TupleTableSlot *a, TupleTableSlot *b,
								  const Column *column);

/*
 * trainjob_same_in_rows() for any column, by number and to the last byte of
 * how it is stored.
 */
extern bool trainjob_same_attribute(TupleTableSlot *a, TupleTableSlot *b,
									AttrNumber attnum);

/* An identity in words; palloc'd. */
extern char *trainjob_key_text(const Column *column, Value key);

/* The double nearest to a number of any accepted type. */
extern double trainjob_read_double(Oid type, Datum datum);

/*
 * A timestamp as a timestamptz or the reverse, by the session's time zone.  At
 * the ends of what both types hold the zone may lead beyond them, which is an
 * error; there, as where it is infinite, the time is taken as it stands.
 */
extern Datum trainjob_convert_time(PGFunction convert, Datum datum);

#endif /* TRAINJOB_TABLES_VALUE_H */
