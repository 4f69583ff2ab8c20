/*
 * owner.c
 *	  Acting as the owner of a table.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rls.h"
#include "utils/tuplestore.h"

#include "tables/owner.h"
#include "tables/partner.h"

PG_FUNCTION_INFO_V1(trainjob_ask_as_owner);

static bool
may_read(Oid table, Oid user)
{
	return pg_class_aclcheck(table, user, ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(table, user, true) != RLS_ENABLED;
}

/*
 * Finds out whether the row of an error may be shown: whether the user that we
 * are may read the table, and the session's, where a function with its owner's
 * rights was called, such as report_metrics().  It is kept with the set, which
 * is made anew when privileges, policies or roles change: an error's callback
 * is no place to ask catalogs.
 */
static void
find_reader(SetTable *table, Oid userid)
{
	Oid outer = GetOuterUserId();

	if (table->reader == userid && table->outer_reader == outer)
		return;
	table->is_readable =
		may_read(table->oid, userid) && may_read(table->oid, outer);
	table->reader = userid;
	table->outer_reader = outer;
}

/*
 * Error context: a constraint that a row breaks shows the whole row to its
 * owner, which we are.  Whoever made us write it may have no right to read it,
 * and the job's token stands in there.  No table is named, for the callback of
 * an outer table speaks last.
 */
static void
hide_row(void *arg)
{
	const TrainjobUser *user = arg;

	if (!user->may_read && ERRCODE_TO_CATEGORY(geterrcode()) ==
							   ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		errdetail("The row is hidden because you lack SELECT on its table.");
}

void
trainjob_become_owner(SetTable *table, TrainjobUser *saved)
{
	GetUserIdAndSecContext(&saved->userid, &saved->sec_context);
	find_reader(table, saved->userid);
	saved->may_read = table->is_readable;
	saved->on_error.callback = hide_row;
	saved->on_error.arg = saved;
	saved->on_error.previous = error_context_stack;
	error_context_stack = &saved->on_error;
	SetUserIdAndSecContext(table->owner, saved->sec_context |
											 SECURITY_LOCAL_USERID_CHANGE |
											 SECURITY_NOFORCE_RLS);
}

/* Restores the user that trainjob_become_owner() saved. */
void
trainjob_restore_user(const TrainjobUser *saved)
{
	SetUserIdAndSecContext(saved->userid, saved->sec_context);
	error_context_stack = saved->on_error.previous;
}

/* Refuses callers who could not do themselves what a table's owner can. */
static void
check_owns(Relation rel)
{
	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of table %s",
							   RelationGetRelationName(rel))));
}

/*
 * trainjob_ask_as_owner
 *		SQL: ask_as_owner(rel regclass, query text) returns setof (answer text, n
 *		bigint), strict: the first column of a query, asked as the owner of a
 *		table, for whoever has that role; with numbers from 1.
 *
 * To plan a query executes functions in the indexes of its tables: a superuser
 * who attaches other people's tables must not do that as himself.
 */
Datum
trainjob_ask_as_owner(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	char *query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	SetTable table = {0};
	TrainjobUser caller;

	InitMaterializedSRF(fcinfo, 0);
	check_owns(rel);
	trainjob_describe_table(&table, rel, NoLock);
	SPI_connect();
	trainjob_become_owner(&table, &caller);
	/* nor must anything wait for the end of the transaction, which is the caller's */
	SetUserIdAndSecContext(table.owner, SECURITY_LOCAL_USERID_CHANGE |
											SECURITY_RESTRICTED_OPERATION);
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "no query: %s", query);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *value =
			SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		Datum values[2] = {value == NULL ? (Datum) 0
										 : CStringGetTextDatum(value),
						   Int64GetDatum((int64) i + 1)};
		bool nulls[2] = {value == NULL};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	trainjob_restore_user(&caller);
	SPI_finish();
	relation_close(rel, AccessShareLock);
	return (Datum) 0;
}
