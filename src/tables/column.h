/*
 * column.h
 *	  Columns by name; their values to and from the types they have.
 */
#ifndef TRAINJOB_TABLES_COLUMN_H
#define TRAINJOB_TABLES_COLUMN_H

#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "utils/jsonb.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* What a column holds for us, whatever SQL type it was found with. */
typedef enum ColumnKind
{
	COLUMN_KEY,	   /* an identity: kept as the Datum it is */
	COLUMN_COUNT,  /* whole number: int64 */
	COLUMN_NUMBER, /* measure: double */
	COLUMN_TIME,   /* point in time: TimestampTz */
	COLUMN_TEXT,   /* text, varchar, char, name or enum: cstring */
	COLUMN_JSON	   /* json or jsonb: Jsonb */
} ColumnKind;

/* A column as it was found. attnum 0: the table has no such column. */
typedef struct Column
{
	Oid table;
	Oid owner; /* of the table; InvalidOid for a column of none */
	AttrNumber attnum;
	ColumnKind kind;
	Oid type;	/* base type, domains looked through */
	Oid domain; /* as declared, if that is a domain */
	int32 typmod;
	int16 typlen;
	bool typbyval;
	bool is_enum;
	bool is_plain;	   /* stored as Value has it: bigint, float8, timestamptz */
	bool is_generated; /* the database computes it, no one writes it */
	bool is_checked;   /* the domain may have constraints */
	char *name;		   /* the name it has in the table */
} Column;

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

/*
 * Finds column "name" of "rel" and fills *column.
 *
 * Returns false, with attnum 0, where the relation has no such column (dropped
 * and system columns do not count).  A column of a type that cannot hold the
 * kind is an error.  The name is copied into the current memory context.
 *
 * Reads catalogs and nothing else.  Whether a domain has constraints is not
 * asked here: the type cache plans them when asked, which executes immutable
 * functions of the domain's owner, as whoever we are.
 */
extern bool trainjob_lookup_column(Relation rel, const char *name,
								   ColumnKind kind, Column *column);

/*
 * Whether a column can refer to another: a value of the one is taken for one
 * of the other, byte for byte.
 *
 * Whole numbers of different width do not differ as Datums.
 */
extern bool trainjob_is_reference(const Column *column, const Column *target);

extern void trainjob_check_reference(const Column *column,
									 const Column *target);

/* trainjob_read_value() for a value that is there. */
extern Value trainjob_convert_value(const Column *column, Datum datum);

/*
 * The Datum to store in a column for a value of its kind.
 *
 * Sets *isnull, for an absent column always.  A value that the column's type
 * cannot hold, or its domain refuses, becomes NULL, with a warning the first
 * time; an error if the domain refuses NULL.  By-reference results are
 * palloc'd.
 */
extern Datum trainjob_write_value(const Column *column, const Value *value,
								  bool *isnull);

/*
 * A json or jsonb column's value as jsonb, palloc'd where it had to be
 * detoasted or converted.  NULL for a json value that jsonb cannot hold.
 */
extern Jsonb *trainjob_read_jsonb(const Column *column, Datum datum);

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
 * Whether two rows of a table have the same in a column, see
 * trainjob_same_datum().
 */
extern bool trainjob_same_in_rows(TupleTableSlot *a, TupleTableSlot *b,
								  const Column *column);

/*
 * The same for any column of theirs, by number and to the last byte of
 * how it is stored.
 */
extern bool trainjob_same_attribute(TupleTableSlot *a, TupleTableSlot *b,
									AttrNumber attnum);

extern const char *trainjob_selected(const Column *column);

#endif /* TRAINJOB_TABLES_COLUMN_H */
