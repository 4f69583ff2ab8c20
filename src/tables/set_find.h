/*
 * set_find.h
 *	  Sets found from outside of their triggers.
 */
#ifndef TRAINJOB_TABLES_SET_FIND_H
#define TRAINJOB_TABLES_SET_FIND_H

#include "tables/set.h"

/*
 * The trigger that makes a table the jobs table of a set; an error if none does.
 */
extern Trigger *trainjob_check_jobs_table(Relation jobs);

/*
 * Opens the jobs table that a call of an SQL function is about: its
 * argument number "arg", or where that is NULL the jobs table of the only
 * set.  An error where the argument is no table.
 */
extern Relation trainjob_open_jobs(FunctionCallInfo fcinfo, int arg);

#endif /* TRAINJOB_TABLES_SET_FIND_H */
