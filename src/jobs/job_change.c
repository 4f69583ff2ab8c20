/*
 * job_change.c
 *	  What trainjob itself is changing of a job right now.
 */
#include "postgres.h"

#include "utils/datum.h"

#include "jobs/job_change.h"

/* A trigger of the application's may make one in the middle of another. */
static JobChange *at_work = NULL;

void
trainjob_make_change(JobChange *change, void (*make)(void *arg), void *arg)
{
	change->outer = at_work;
	PG_TRY();
	{
		at_work = change;
		make(arg);
	}
	PG_FINALLY();
	{
		at_work = change->outer;
	}
	PG_END_TRY();
}

const JobChange *
trainjob_change_of(TupleTableSlot *row, const Column *key)
{
	bool isnull;
	Datum id;

	if (at_work == NULL || key->attnum == 0)
		return NULL;
	id = slot_getattr(row, key->attnum, &isnull);
	if (isnull || !datum_image_eq(id, at_work->job_id, at_work->key->typbyval,
								  at_work->key->typlen))
		return NULL;
	return at_work;
}
