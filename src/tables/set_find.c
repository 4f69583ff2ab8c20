/*
 * set_find.c
 *	  Sets found from outside of their triggers, by their jobs table.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/guc.h"

#include "tables/set_find.h"

PG_FUNCTION_INFO_V1(trainjob_jobs_table);

/* The OID of the trigger function by which a jobs table is known. */
static Oid
fill_job_function(void)
{
	List *name = list_make2(makeString("trainjob"), makeString("fill_job"));

	return LookupFuncName(name, 0, NULL, false);
}

/* The trigger that makes a table the jobs table of a set; NULL if none does. */
static Trigger *
find_fill_job(Relation rel)
{
	Oid function = fill_job_function();

	if (rel->trigdesc != NULL)
		for (int i = 0; i < rel->trigdesc->numtriggers; i++)
			if (rel->trigdesc->triggers[i].tgfoid == function)
				return &rel->trigdesc->triggers[i];
	return NULL;
}

Trigger *
trainjob_check_jobs_table(Relation jobs)
{
	Trigger *trigger = find_fill_job(jobs);

	if (trigger == NULL || trigger->tgisclone)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not the jobs table of a set",
						RelationGetRelationName(jobs)),
				 trigger == NULL ? errdetail("It has no trigger of function "
											 "\"trainjob.fill_job\".")
								 : errdetail("It is a partition of one."),
				 errhint("trainjob.create_tables() makes a set, "
						 "trainjob.attach() makes one of your tables.")));
	return trigger;
}

/*
 * The jobs tables of all sets, in the order of their OIDs; none is an error.
 *
 * Found by a scan of pg_trigger, and kept until any table changes.
 */
static void
find_jobs_tables(const Oid **tables, int *count)
{
	static Oid *found = NULL;
	static int found_count = 0;
	static uint64 seen = 0;
	Oid type = OIDOID;
	Datum arg;

	if (found_count == 0 || seen != trainjob_invalidations())
	{
		arg = ObjectIdGetDatum(fill_job_function());
		seen = trainjob_invalidations();
		found_count = 0;
		SPI_connect();
		if (SPI_execute_with_args(
				"SELECT t.tgrelid FROM pg_catalog.pg_trigger AS t"
				" WHERE t.tgfoid OPERATOR(pg_catalog.=) $1"
				" AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid"
				" ORDER BY 1",
				1, &type, &arg, NULL, true, 0) != SPI_OK_SELECT)
			elog(ERROR, "could not look for jobs tables");
		if (found != NULL)
			pfree(found);
		found = MemoryContextAlloc(TopMemoryContext,
								   Max(SPI_processed, 1) * sizeof(Oid));
		for (; found_count < SPI_processed; found_count++)
		{
			bool isnull;

			found[found_count] = DatumGetObjectId(
				SPI_getbinval(SPI_tuptable->vals[found_count],
							  SPI_tuptable->tupdesc, 1, &isnull));
		}
		SPI_finish();
	}
	if (found_count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no jobs table in this database"),
				 errhint("trainjob.create_tables() makes a set of tables, "
						 "trainjob.attach() makes one of your tables.")));
	*tables = found;
	*count = found_count;
}

List *
trainjob_all_jobs_tables(void)
{
	const Oid *tables;
	int count;
	List *list = NIL;

	find_jobs_tables(&tables, &count);
	for (int i = 0; i < count; i++)
		list = lappend_oid(list, tables[i]);
	return list;
}

/*
 * The jobs table of the only set of the database; an error that lists them
 * where there are several.
 */
static Oid
sole_jobs_table(void)
{
	const Oid *tables;
	int count;
	StringInfoData list;

	find_jobs_tables(&tables, &count);
	if (count == 1)
		return tables[0];
	initStringInfo(&list);
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 DatumGetCString(
							 DirectFunctionCall1(regclassout,
												 ObjectIdGetDatum(tables[i]))));
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 errmsg("there is more than one jobs table in this database"),
			 errdetail("They are %s.", list.data),
			 errhint("Name one in argument \"jobs\".")));
}

Relation
trainjob_open_jobs_table(Oid jobs)
{
	Relation rel = try_relation_open(jobs, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("there is no table with OID %u", jobs)));
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table",
							   RelationGetRelationName(rel))));
	return rel;
}

/*
 * trainjob_jobs_table
 *		SQL: jobs_table(jobs regclass) returns regclass: the table itself, if it
 *		is the jobs table of a set; for NULL that of the only set.
 */
Datum
trainjob_jobs_table(PG_FUNCTION_ARGS)
{
	Relation jobs = trainjob_open_jobs_table(
		PG_ARGISNULL(0) ? sole_jobs_table() : PG_GETARG_OID(0));
	Oid oid = RelationGetRelid(jobs);

	trainjob_check_jobs_table(jobs);
	relation_close(jobs, AccessShareLock);
	PG_RETURN_OID(oid);
}
