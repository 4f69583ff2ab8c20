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
	DIRECT_DECLINED,  /* by the caller's DirectChange, or by a trigger */
	DIRECT_IMPOSSIBLE /* it takes SQL */
} DirectResult;

/*
 * Changes the values of a row, given all of them as the row has them; false
 * where the row is not to be updated.  By-reference values must last as long
 * as the current memory context.
 */
typedef bool (*DirectChange)(TupleTableSlot *old_row, Datum *values,
							 bool *isnull, void *arg);

/*
 * Prepares updates of the columns in "set" (numbered as in
 * TriggerData.tg_updatedcols) of the row with a given key.
 *
 * "find" is by the key: of trainjob_plan_find(), unique, for SELECT and UPDATE.
 * Returns NULL where SQL must do it.  "rel" must be open.  The result lies in the
 * current memory context; it is good until the relcache says that the table
 * changed.
 */
extern DirectUpdate *trainjob_plan_direct(Relation rel, const DirectFind *find,
										  Bitmapset *set);

/*
 * Updates the row with this key as "change" says.
 *
 * DIRECT_DONE: it is done, triggers included.  DIRECT_DECLINED: "change" did
 * not want to, by a row that may have been updated since, or a trigger of the
 * table kept the row.  DIRECT_IMPOSSIBLE: SQL must do it.  In the last two cases nothing has happened.  Leaves garbage
 * in the current memory context.
 */
extern DirectResult trainjob_direct_update(DirectUpdate *direct, Datum key,
										   DirectChange change, void *arg);

#endif /* TRAINJOB_JOBS_DIRECT_UPDATE_H */
