/*
 * subtransaction.c
 *	  Leaving a subtransaction in which there was an error.
 */
#include "postgres.h"

#include "access/xact.h"

#include "pg/subtransaction.h"

ErrorData *
trainjob_leave_failed_subtransaction(MemoryContext caller, ResourceOwner owner)
{
	ErrorData *error;

	MemoryContextSwitchTo(caller);
	error = CopyErrorData();
	FlushErrorState();
	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_OUT_OF_MEMORY)
		ReThrowError(error);
	return error;
}
