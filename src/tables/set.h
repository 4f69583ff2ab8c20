/*
 * set.h
 *	  A set of tables, as the triggers of one know it.
 *
 * Words used everywhere:
 *
 *	set			a jobs table with the tables beside it: metrics, datasets,
 *				alerts and the record of status changes. The triggers of a set
 *				name its tables and columns in their arguments; nothing else
 *				does.
 *	canonical	the name that a column has in trainjob's own tables. A set
 *				made from an application's tables may call it otherwise.
 *	attempt		what a job did since restarted_at, or since ever where that is
 *				NULL.
 *	report		a row of the metrics table.
 */
#ifndef TRAINJOB_TABLES_SET_H
#define TRAINJOB_TABLES_SET_H

#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"

#include "tables/value.h"

typedef enum TableId
{
	TABLE_JOBS,
	TABLE_METRICS,
	TABLE_DATASETS,
	TABLE_ALERTS,
	TABLE_STATUS_CHANGES,
	TABLE_COUNT
} TableId;

/* A table of a set. oid is InvalidOid for one that was not opened. */
typedef struct SetTable
{
	char *name; /* as the trigger's arguments have it, or NULL */
	Oid oid;
	Oid owner;
	LOCKMODE lockmode; /* taken by each call of the trigger */
	char *name_only;   /* for messages */
	char *quoted;	   /* schema-qualified, ready for a query */

	/* roles of which it is known whether they may read it, see hide_row() */
	Oid reader;
	Oid outer_reader;
	bool is_readable;
} SetTable;

/* The most queries that one trigger function keeps. */
#define TRAINJOB_MAX_QUERIES 8

/*
 * What is known of the set that a trigger belongs to, from the first call of
 * the trigger until one of the tables changes.
 */
typedef struct TrainjobSet
{
	bool valid;
	const char *function;  /* SQL name of the trigger function */
	MemoryContext context; /* holds the set and all it points to */
	SetTable table[TABLE_COUNT];
	List *renamed; /* "table.canonical", actual name, ... */
	void *part;	   /* what the trigger function itself keeps */
	SPIPlanPtr plan[TRAINJOB_MAX_QUERIES];
} TrainjobSet;

/* Fills set->part; called in set->context with the trigger's relation. */
typedef void (*TrainjobBuildPart)(TrainjobSet *set, Relation rel);

/*
 * What is known of the set that the fired trigger belongs to.
 *
 * "own" says which of the set's tables the trigger is on; "build" looks up the
 * columns that the trigger function wants and fills set->part.  The partner
 * tables that "build" opened are locked when this returns, until the end of
 * the transaction, so that what is known stays true for this call.  Errors:
 * the trigger's arguments, a table or a required column that is not there, a
 * privilege that the owner of the trigger's table does not have.
 */
extern TrainjobSet *trainjob_get_set(TriggerData *trigdata,
									 const char *function, TableId own,
									 TrainjobBuildPart build);

/*
 * trainjob_get_set() for a call that mostly needs no partner table: what is known of
 * the trigger's own table, which its statement has locked.
 *
 * The partner tables are not locked, and what is known of them may be out of
 * date: a caller that needs them calls trainjob_get_set() then, which may return another
 * set.
 */
extern TrainjobSet *trainjob_get_own(TriggerData *trigdata,
									 const char *function, TableId own,
									 TrainjobBuildPart build);

/*
 * What is known of the set of a jobs table, for functions that are not
 * called by a trigger.  "jobs" must be open; see trainjob_get_set().
 */
extern TrainjobSet *trainjob_get_set_of(Relation jobs, const char *function,
										TrainjobBuildPart build);

/*
 * Counts the messages that a table, a role or a schema has changed: what is
 * known of them is good until the number is another.
 */
extern uint64 trainjob_invalidations(void);

/* Called once, when the library is loaded. */
extern void trainjob_set_init(void);

#endif /* TRAINJOB_TABLES_SET_H */
