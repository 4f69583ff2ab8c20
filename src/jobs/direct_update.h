/*
 * direct_update.h
 *	  Updating a job without a plan.
 */
#ifndef TRAINJOB_JOBS_DIRECT_UPDATE_H
#define TRAINJOB_JOBS_DIRECT_UPDATE_H

#include "tables/direct_find.h"

typedef struct DirectUpdate DirectUpdate;

typedef enum DirectResult
{
	DIRECT_DONE,
	DIRECT_DECLINED,  /* by the caller's DirectChange */
	DIRECT_IMPOSSIBLE /* it takes SQL */
} DirectResult;

/*
 * Changes the values of a row, given all of them as the row has them; false
 * where the row is not to be updated.  By-reference values must last as long
 * as the current memory context.
 */
typedef bool (*DirectChange)(TupleTableSlot *old_row, Datum *values,
							 bool *isnull, void *arg);

extern DirectUpdate *trainjob_plan_direct(Relation rel, const DirectFind *find,
										  Bitmapset *set, const Column *named);
extern DirectResult trainjob_direct_update(DirectUpdate *direct, Datum key,
										   DirectChange change, void *arg);

#endif /* TRAINJOB_JOBS_DIRECT_UPDATE_H */
