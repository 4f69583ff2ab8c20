/*
 * filler.h
 *	  What stands for NULL in a column that is NOT NULL.
 *
 * An application's columns may be NOT NULL, with 0 or '' where there is no value.
 * What it writes there is then written where a trigger would write NULL, and
 * read as NULL: the column's default if that is a constant, else 0 or '', for a
 * point in time -infinity, of an enum its first label.
 */
#ifndef TRAINJOB_TABLES_FILLER_H
#define TRAINJOB_TABLES_FILLER_H

#include "tables/column.h"

/*
 * Gives a column that was found in "rel" its filler, if it or its domain is NOT
 * NULL.  Json and paths that are keys have none, and other keys only a constant
 * default.  By-reference fillers are palloc'd.
 *
 * Reads catalogs, and executes nothing but casts of PostgreSQL's own.
 */
extern void trainjob_find_filler(Relation rel, Column *column);

/* The default of a column, as it is stored; NULL where it has none. */
extern Node *trainjob_column_default(Relation rel, AttrNumber attnum);

/* The condition that a column of numbers has no value, in SQL; palloc'd. */
extern char *trainjob_is_null_text(const Column *column);

/* The filler as a literal in SQL, NULL where there is none; palloc'd. */
extern char *trainjob_filler_text(const Column *column);

/*
 * What a column gets in a row that a function of ours inserts where nobody says
 * what it should be, as SQL: now, false, an empty object, an id of its own.  NULL
 * where it needs nothing, for it can be NULL or has a default, or where we cannot
 * know: a text or a number means something, and a key refers to something.
 */
extern char *trainjob_required_text(Relation rel, AttrNumber attnum);

#endif /* TRAINJOB_TABLES_FILLER_H */
