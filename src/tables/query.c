/*
 * query.c
 *	  Queries on the tables of a set: plans that are kept, rows that are found.
 *
 * Every name in a query is qualified, functions and operators too: a kept plan
 * is analysed again under whatever search_path is set then.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/plancache.h"
#include "utils/snapmgr.h"

#include "tables/query.h"
#include "tables/value_write.h"

/*
 * Makes the plan of a query that looks rows up by their keys, for all values.
 *
 * It is kept while its tables grow, so it must not be the one that is best for
 * an empty table: indexes are used where there are any.  Compiling such a plan
 * would never pay.
 */
static void
make_plan(SPIPlanPtr plan)
{
	static const char *const off[] = {"enable_seqscan", "enable_bitmapscan",
									  "enable_sort", "jit"};
	int level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), CurrentResourceOwner);
	AtEOXact_GUC(true, level);
}

SPIPlanPtr
trainjob_keep_plan(TrainjobSet *set, int query, const char *text, int nargs,
				   Oid *argtypes)
{
	SPIPlanPtr plan;

	if (query < 0 || query >= TRAINJOB_MAX_QUERIES)
		elog(ERROR, "query %d is more than a set keeps", query);
	plan = SPI_prepare_cursor(text, nargs, argtypes, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor returned %s for \"%s\"",
			 SPI_result_code_string(SPI_result), text);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	set->plan[query] = plan;
	make_plan(plan);
	return plan;
}

uint64
trainjob_execute(SPIPlanPtr plan, int expected, Datum *values,
				 const char *nulls)
{
	Snapshot latest = InvalidSnapshot;
	Snapshot crosscheck = InvalidSnapshot;
	int code;

	if (IsolationUsesXactSnapshot())
	{
		CommandCounterIncrement(); /* own work must be visible, too */
		latest = GetLatestSnapshot();
		crosscheck = GetTransactionSnapshot();
	}
	code = SPI_execute_snapshot(plan, values, nulls, latest, crosscheck, false,
								true, 0);
	/* a rule of theirs made something else of it */
	if (code == SPI_OK_REWRITTEN)
		return 0;
	if (code != expected)
		elog(ERROR, "SPI_execute_snapshot returned %s",
			 SPI_result_code_string(code));
	return SPI_processed;
}

Datum
trainjob_result(SPITupleTable *rows, uint64 row, int number,
				const Column *column, bool *isnull)
{
	Oid known = OidIsValid(column->domain) ? column->domain : column->type;
	Oid found = SPI_gettypeid(rows->tupdesc, number);

	if (column->attnum != 0 && found != known)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" was changed from type %s to %s in the "
						"middle of a statement that works on it",
						column->name, format_type_be(known),
						format_type_be(found)),
				 errhint("Look for a function, called by a CHECK constraint of "
						 "a domain, that alters the table.")));
	return SPI_getbinval(rows->vals[row], rows->tupdesc, number, isnull);
}

Datum
trainjob_found_datum(const FoundRow *row, int number, const Column *column,
					 bool *isnull)
{
	if (row->slot == NULL)
		return trainjob_result(SPI_tuptable, row->number, number, column,
							   isnull);
	*isnull = column->attnum == 0;
	return *isnull ? (Datum) 0
				   : slot_getattr(row->slot, column->attnum, isnull);
}

Value
trainjob_found_value(const FoundRow *row, int number, const Column *column)
{
	bool isnull;
	Datum datum = trainjob_found_datum(row, number, column, &isnull);

	return trainjob_read_value(column, datum, isnull);
}

void
trainjob_add_item(StringInfo list, const char *format, ...)
{
	int needed;

	if (list->len > 0)
		appendStringInfoString(list, ", ");
	do
	{
		va_list args;

		va_start(args, format);
		needed = appendStringInfoVA(list, format, args);
		va_end(args);
		if (needed > 0)
			enlargeStringInfo(list, needed);
	} while (needed > 0);
}

char *
trainjob_equals(const Column *column, int n)
{
	return psprintf("%s OPERATOR(pg_catalog.=) $%d",
					quote_identifier(column->name), n);
}

char *
trainjob_select_list(const Column *columns, const int *places, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
		trainjob_add_item(&list, "%s", trainjob_selected(&columns[places[i]]));
	return list.data;
}

Oid
trainjob_parameter_type(const Column *column)
{
	return column->attnum == 0 ? INT4OID : column->type;
}

Oid
trainjob_time_type(const Column *column)
{
	return column->attnum == 0 ? TIMESTAMPTZOID : column->type;
}

void
trainjob_write_argument(const Column *column, const Value *value, Datum *arg,
						char *null)
{
	bool isnull;

	*arg = trainjob_write_value(column, value, &isnull);
	*null = isnull ? 'n' : ' ';
}
