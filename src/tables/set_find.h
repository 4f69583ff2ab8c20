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
 * The jobs tables of all sets of the database, as a list of OIDs; an error where
 * there is none.  palloc'd.
 */
extern List *trainjob_all_jobs_tables(void);

/* Opens a table that is to be the jobs table of a set; an error if it is none. */
extern Relation trainjob_open_jobs_table(Oid jobs);

#endif /* TRAINJOB_TABLES_SET_FIND_H */
