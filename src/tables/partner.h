/*
 * partner.h
 *	  The tables and columns of a set, for TrainjobBuildPart functions.
 */
#ifndef TRAINJOB_TABLES_PARTNER_H
#define TRAINJOB_TABLES_PARTNER_H

#include "tables/columns.h"
#include "tables/set.h"

/* Records what queries need to know about a table. */
extern void trainjob_describe_table(SetTable *table, Relation rel,
									LOCKMODE lockmode);

/*
 * Opens a partner table of the set; for TrainjobBuildPart functions.
 *
 * Returns NULL where the trigger does not name the table and it is not
 * "required".  "needed" are the privileges that the queries on it use: queries
 * run as the partner's owner, hence the owner of the trigger's table must hold
 * them, or anyone could write to a table by naming it in a trigger; nor may
 * row-level security restrict that owner there.  ACL_NO_RIGHTS: neither is asked, for
 * queries run as whoever calls.  Close with relation_close(rel, NoLock).
 */
extern Relation trainjob_open_table(TrainjobSet *set, TableId table,
									Relation rel, bool required,
									AclMode needed);

/*
 * Finds the column of "rel" that stands for one of the set: "place" is its
 * place in the table's list (columns.h), which says its kind.
 *
 * Returns false, with column->attnum 0, where there is none; an error if it is
 * "required".  So is one that the database computes where triggers would write it,
 * or that it computes only when it is read.  A generated column that the writer's
 * columns are made of is found, and must not be written.
 */
extern bool trainjob_find_column(TrainjobSet *set, TableId table, Relation rel,
								 int place, bool required, Column *column);

/* trainjob_find_column() for a canonical name and a kind. */
extern bool trainjob_find_named_column(TrainjobSet *set, TableId table,
									   Relation rel, const char *canonical,
									   ColumnKind kind, bool required,
									   Column *column);

/*
 * trainjob_find_column() for "count" columns, of which the essential ones are
 * required; each goes to its place in "columns", which has
 * room for all of the table's list.
 */
extern void trainjob_find_columns(TrainjobSet *set, TableId table, Relation rel,
								  const int *places, int count,
								  Column *columns);

#endif /* TRAINJOB_TABLES_PARTNER_H */
