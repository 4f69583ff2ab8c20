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

extern TrainjobSet *trainjob_get_set(TriggerData *trigdata,
									 const char *function, TableId own,
									 TrainjobBuildPart build);
extern TrainjobSet *trainjob_get_own(TriggerData *trigdata,
									 const char *function, TableId own,
									 TrainjobBuildPart build);
extern TrainjobSet *trainjob_get_set_of(Relation jobs, const char *function,
										TrainjobBuildPart build);
extern Relation trainjob_open_jobs(FunctionCallInfo fcinfo, int arg);
extern bool trainjob_find_column(TrainjobSet *set, TableId table, Relation rel,
								 const char *canonical, ColumnKind kind,
								 bool required, Column *column);
extern void trainjob_find_columns(TrainjobSet *set, TableId table, Relation rel,
								  const WantedColumn *wanted, int count,
								  Column *columns);
extern Relation trainjob_open_table(TrainjobSet *set, TableId table,
									Relation rel, bool required,
									AclMode needed);
extern SPIPlanPtr trainjob_keep_plan(TrainjobSet *set, int query,
									 const char *text, int nargs,
									 Oid *argtypes);
extern uint64 trainjob_execute(SPIPlanPtr plan, int expected, Datum *values,
							   const char *nulls);
extern Datum trainjob_result(SPITupleTable *rows, uint64 row, int number,
							 const Column *column, bool *isnull);
extern Datum trainjob_found_datum(const FoundRow *row, int number,
								  const Column *column, bool *isnull);
extern Value trainjob_found_value(const FoundRow *row, int number,
								  const Column *column);
extern void trainjob_become_owner(SetTable *table, TrainjobUser *saved);
extern void trainjob_become_user(const TrainjobUser *saved);
extern void trainjob_lock_name(Oid table, uint32 hash, LOCKMODE mode);
extern void trainjob_plan_cache_init(void);

#endif /* TRAINJOB_TABLES_SET_H */
