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

#include "tables/column.h"

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

	/* of whom is known whether they may read it, see hide_row() */
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

/* A column to look up; an error where it is required and missing. */
typedef struct WantedColumn
{
	const char *name; /* canonical */
	ColumnKind kind;
	bool required;
} WantedColumn;

/* Fills set->part; called in set->context with the trigger's relation. */
typedef void (*TrainjobBuildPart)(TrainjobSet *set, Relation rel);

/* The user to restore, and what to do where there is an error until then. */
typedef struct TrainjobUser
{
	Oid userid;
	int sec_context;
	bool may_read; /* whether an error may show a row of it */
	ErrorContextCallback on_error;
} TrainjobUser;

/* A row that was found: at hand, or else by a query, in SPI_tuptable. */
typedef struct FoundRow
{
	TupleTableSlot *slot; /* NULL: by a query */
	uint64 number;		  /* in its result, from 0 */
} FoundRow;

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
 * The same for a call that mostly needs no partner table: what is known of
 * the trigger's own table, which its statement has locked.
 *
 * The partner tables are not locked, and what is known of them may be out of
 * date: who needs them calls trainjob_get_set() then, which may return another
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
 * Opens the jobs table that a call of an SQL function is about: its
 * argument number "arg", or where that is NULL the jobs table of the only
 * set.  An error where the argument is no table.
 */
extern Relation trainjob_open_jobs(FunctionCallInfo fcinfo, int arg);

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
 * Prepares a query and keeps its plan in the set, as number "query".
 *
 * SPI must be connected.  The caller asks for set->plan[query] first.
 */
extern SPIPlanPtr trainjob_keep_plan(TrainjobSet *set, int query,
									 const char *text, int nargs,
									 Oid *argtypes);

/*
 * Runs a plan; returns the number of rows, the rows are in SPI_tuptable.
 *
 * "expected" is the SPI_OK_* code that it must return.  Like a foreign key's
 * check, the query sees what is committed now whatever the isolation level:
 * where the transaction has one snapshot for all, a row that it may not see
 * yet and that the query would change is a serialization failure, not a row
 * left out in silence.
 */
extern uint64 trainjob_execute(SPIPlanPtr plan, int expected, Datum *values,
							   const char *nulls);

/*
 * A value that a query found: of a row, numbered from 0, and the "number"th
 * expression that it selects, which is "column".
 *
 * An error if the column has another type than it was known with: a domain's
 * CHECK may call a function that alters a table while we work on it.
 */
extern Datum trainjob_result(SPITupleTable *rows, uint64 row, int number,
							 const Column *column, bool *isnull);

/*
 * A value of a row that was found, by a query or without one: the
 * "number"th expression that the query selects, which is "column".
 *
 * NULL where the column is absent.  What is said of trainjob_result() is true
 * of a query; without one, the caller has made sure that the set is valid.
 */
extern Datum trainjob_found_datum(const FoundRow *row, int number,
								  const Column *column, bool *isnull);
extern Value trainjob_found_value(const FoundRow *row, int number,
								  const Column *column);

/*
 * Goes on as the owner of a table of the set, whom row-level security
 * does not restrict, as the checks of foreign keys do (ri_triggers.c).
 *
 * An error puts the user back by itself.
 */
extern void trainjob_become_owner(SetTable *table, TrainjobUser *saved);

extern void trainjob_become_user(const TrainjobUser *saved);

/*
 * Locks a name of which there may be no row yet, until the transaction
 * ends: a job's id that an alert waits for, a dataset's path that a job
 * waits for.  For tables whose rows cannot meet otherwise, see
 * trainjob_can_meet().
 *
 * Who writes the row takes one mode, who found none takes the conflicting one
 * and looks again: then one of the two sees the other.  Modes that do not
 * conflict with themselves (RowExclusiveLock against ShareLock) keep writers
 * of one side from waiting for each other.  The names share 256 locks a table,
 * so that no bulk load can fill the lock table; hence one may hold up writers
 * of other names.
 */
extern void trainjob_lock_name(Oid table, uint32 hash, LOCKMODE mode);

extern void trainjob_plan_cache_init(void);

#endif /* TRAINJOB_TABLES_SET_H */
