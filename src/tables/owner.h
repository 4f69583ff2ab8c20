/*
 * owner.h
 *	  Acting as the owner of a table.
 */
#ifndef TRAINJOB_TABLES_OWNER_H
#define TRAINJOB_TABLES_OWNER_H

#include "tables/set.h"

/* The user to restore, and what to do where there is an error until then. */
typedef struct TrainjobUser
{
	Oid userid;
	int sec_context;
	bool may_read; /* whether an error may show a row of it */
	ErrorContextCallback on_error;
} TrainjobUser;

/*
 * Goes on as the owner of a table of the set, whom row-level security
 * does not restrict, as the checks of foreign keys do (ri_triggers.c).
 *
 * An error puts the user back by itself.
 */
extern void trainjob_become_owner(SetTable *table, TrainjobUser *saved);

/* Restores the user that trainjob_become_owner() saved. */
extern void trainjob_restore_user(const TrainjobUser *saved);

#endif /* TRAINJOB_TABLES_OWNER_H */
