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
 * A column that is absent, a number that its kind cannot hold, or what fills a
 * NOT NULL column reads as NULL.  A status reads as our word for it.  Text is
 * palloc'd in the current context, or lasts; a key stays what it is.
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
 * Whether a row has no value in a column that it has, of any kind; does not ask
 * whether the kind can hold it.
 */
static inline bool
trainjob_row_is_null(TupleTableSlot *row, const Column *column)
{
	bool isnull;
	Datum datum = slot_getattr(row, column->attnum, &isnull);

	return isnull ||
		   (column->has_filler && trainjob_convert_value(column, datum).isnull);
}

/*
 * The value of a column of json as jsonb, palloc'd where it had to be detoasted or
 * converted.  NULL for one that jsonb cannot hold, such as a text of other kind.
 */
extern Jsonb *trainjob_read_jsonb(const Column *column, Datum datum);

/*
 * Whether two values of a column, of any kind but a key or json, are the same; NaN
 * is the same as NaN, and NULL as NULL.
 */
extern bool trainjob_same_value(const Column *column, Value a, Value b);

/*
 * Whether two stored values are the same, to the byte; two words for one status
 * are.
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

#endif /* TRAINJOB_TABLES_VALUE_H */
