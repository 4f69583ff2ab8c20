/*
 * subtransaction.h
 *	  Leaving a subtransaction in which there was an error.
 */
#ifndef TRAINJOB_PG_SUBTRANSACTION_H
#define TRAINJOB_PG_SUBTRANSACTION_H

#include "utils/resowner.h"

/*
 * Where an error was caught in a subtransaction: ends this, and gives the error
 * out of it.  Also before the error is raised again, or else the session would
 * be left within the subtransaction; a query that was cancelled and memory that
 * is used up are raised again at once, for they say nothing of what was tried.
 */
extern ErrorData *trainjob_leave_failed_subtransaction(MemoryContext caller,
													   ResourceOwner owner);

#endif /* TRAINJOB_PG_SUBTRANSACTION_H */
