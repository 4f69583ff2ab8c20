/*
 * partner.h
 *	  The tables and columns of a set, for TrainjobBuildPart functions.
 */
#ifndef TRAINJOB_TABLES_PARTNER_H
#define TRAINJOB_TABLES_PARTNER_H

#include "tables/set.h"

/* A column to look up; an error where it is required and missing. */
typedef struct WantedColumn
{
	const char *name; /* canonical */
	ColumnKind kind;
	bool required;
} WantedColumn;

/* Takes down what queries need to know of a table. */
extern void trainjob_describe_table(SetTable *table, Relation rel,
									LOCKMODE lockmode);

/*
 * Opens a partner table of the set; for TrainjobBuildPart functions.
 *
 * Returns NULL where the trigger does not name the table and it is not
 * "required".  "needed" are the privileges that the queries on it use: queries
 * run as the partner's owner, hence the owner of the trigger's table must hold
 * them, or anyone could write to a table by naming it in a trigger; nor may
 * row-level security restrict him there.  Close with relation_close(rel, NoLock).
 */
extern Relation trainjob_open_table(TrainjobSet *set, TableId table,
									Relation rel, bool required,
									AclMode needed);

/*
 * Finds the column of "rel" that stands for "canonical" in the set.
 *
 * Returns false, with column->attnum 0, where there is none, or where it is a
 * generated column of a table that we write to; an error if it is "required".
 */
extern bool trainjob_find_column(TrainjobSet *set, TableId table, Relation rel,
								 const char *canonical, ColumnKind kind,
								 bool required, Column *column);

/* The same for "count" columns, into an array as long. */
extern void trainjob_find_columns(TrainjobSet *set, TableId table, Relation rel,
								  const WantedColumn *wanted, int count,
								  Column *columns);

#endif /* TRAINJOB_TABLES_PARTNER_H */
