/*
 * owner.c
 *	  Acting as the owner of a table.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/rls.h"

#include "tables/owner.h"

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
