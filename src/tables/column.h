/*
 * column.h
 *	  Columns by name.
 */
#ifndef TRAINJOB_TABLES_COLUMN_H
#define TRAINJOB_TABLES_COLUMN_H

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
	COLUMN_JSON,   /* jsonb, or json or text with it: Jsonb */
	COLUMN_PATH /* what a dataset is known by: text, or a key as text: cstring */
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
	bool
		is_plain; /* stored as Value has it: bigint, float8, a time; all of it is read so */
	bool is_generated; /* the database computes it, no one writes it */
	bool is_checked;   /* the domain may have constraints */
	bool has_filler;   /* it is NOT NULL, see filler.h: */
	Datum filler;	   /* what stands for NULL */
	char *name;		   /* the name it has in the table */

	/* where it says a status or the like: the words for it */
	const struct ColumnWords *words;
} Column;

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

extern const char *trainjob_selected(const Column *column);

/* Whether a base type can hold a kind of value; and which can, for a message. */
extern bool trainjob_kind_accepts(ColumnKind kind, Oid type, bool is_enum);
extern const char *trainjob_kind_allows(ColumnKind kind);

#endif /* TRAINJOB_TABLES_COLUMN_H */
