/*
 * target.h
 *	  Which keys of a report or an alert go to which columns.
 */
#ifndef TRAINJOB_TOKEN_TARGET_H
#define TRAINJOB_TOKEN_TARGET_H

#include "catalog/pg_type.h"

#include "tables/set.h"

/* What becomes of a key of a point or of an alert's details. */
typedef enum FieldUse
{
	FIELD_KEPT,	   /* the column is not for reports */
	FIELD_NUMBER,  /* a number, or NaN and Infinity as text */
	FIELD_STEP,	   /* a whole number >= 0; a point must have it */
	FIELD_COUNT,   /* a whole number >= 0 */
	FIELD_INTEGER, /* a number, rounded as an assignment does */
	FIELD_MOMENT,  /* a point in time, as text; now, where there is none */
	FIELD_TIME,	   /* the same or infinite, and no default */
	FIELD_TEXT,
	FIELD_OTHER, /* whatever the column's type reads */
	FIELD_REST	 /* an object that takes all other keys */
} FieldUse;

/* A table that reports go to. */
typedef struct TargetRules
{
	TableId table;
	const char *what; /* what the functions' arguments call it */
	const char *rest; /* the column that takes all other keys */
} TargetRules;

/* A column that a key goes to. */
typedef struct Field
{
	const char *key;
	Column column;
	FieldUse use;
	Oid type;			/* as declared, domains not looked through */
	bool narrow;		/* there are values of this use that the type refuses */
	const char *preset; /* SQL for where a point has no value, or NULL */
} Field;

/* A table that rows are written to, as it was found. */
typedef struct Target
{
	const TargetRules *rules;
	Column job_id;
	Column kind; /* alerts: type */
	Column outcome;
	Bitmapset *taken; /* the columns of fields, and those that are kept */
	int count;
	Field *field;
	int rest;		/* the field that takes all other keys; -1: there is none */
	int *alias;		/* the fields of the keys in alias.h, or -1; alerts: NULL */
	List *required; /* name and value, as SQL, of other columns: name, ... */
	bool in_utc; /* a moment goes to a column without time zone, which is UTC */
} Target;

/* Whether a field takes a point in time, and its column has no time zone. */
static inline bool
trainjob_is_utc_field(const Field *field)
{
	return field->use == FIELD_MOMENT && field->column.type == TIMESTAMPOID;
}

/*
 * Finds the columns of all keys; rules, job_id, type and outcome of "target" are
 * the caller's.  Called in the set's memory context.
 */
extern void trainjob_describe_target(TrainjobSet *set, Relation rel,
									 Target *target);

#endif /* TRAINJOB_TOKEN_TARGET_H */
