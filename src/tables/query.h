/*
 * query.h
 *	  Queries on the tables of a set.
 */
#ifndef TRAINJOB_TABLES_QUERY_H
#define TRAINJOB_TABLES_QUERY_H

#include "lib/stringinfo.h"

#include "tables/set.h"

/* A row that was found: at hand, or else by a query, in SPI_tuptable. */
typedef struct FoundRow
{
	TupleTableSlot *slot; /* NULL: by a query */
	uint64 number;		  /* in its result, from 0 */
} FoundRow;

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

/* Parts of a query's text; all are palloc'd. */

/* Appends an item to a list: after a comma, but for the first one. */
extern void trainjob_add_item(StringInfo list, const char *format, ...)
	pg_attribute_printf(2, 3);

/* "column = $n", by PostgreSQL's own operator. */
extern char *trainjob_equals(const Column *column, int n);

/*
 * The columns at these places of "columns" as what a SELECT selects: NULL in
 * place of an absent one.
 */
extern char *trainjob_select_list(const Column *columns, const int *places,
								  int count);

/*
 * The type of a query's parameter that is a column's value, INT4OID for that of
 * an absent column, whose argument is NULL.
 */
extern Oid trainjob_parameter_type(const Column *column);

/* The same for a point in time that is compared with a column's. */
extern Oid trainjob_time_type(const Column *column);

/* trainjob_write_value() into an argument of a query. */
extern void trainjob_write_argument(const Column *column, const Value *value,
									Datum *arg, char *null);

#endif /* TRAINJOB_TABLES_QUERY_H */
