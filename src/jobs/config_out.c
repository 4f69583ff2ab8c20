/*
 * config_out.c
 *	  Moves a configuration out of its row.
 */
#include "postgres.h"

#include "access/heaptoast.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "jobs/config_out.h"
#include "jobs/job_row.h"

/* ----------
 * A narrow row
 *
 * Each report rewrites its job's row, so a configuration of a kilobyte had
 * better lie out of line.  The server looks for what to move out only in rows
 * of more than two kilobytes, whatever toast_tuple_target says, or in rows that
 * hold something out of line already.  Hence the first UPDATE of a job gives its
 * configuration as a pointer to memory (which is out of line, of a kind): the
 * server then fetches it back and moves it to where toast_tuple_target has it.
 * From then on the row has an ordinary out-of-line value.
 *
 * The memory must last as long as anybody holds the row: RETURNING may keep it
 * in a tuplestore.  It lasts to the end of the transaction, and there is no
 * more of it than CONFIG_MEMORY; rows beyond that wait for their next UPDATE.
 * ----------
 */

/* Smaller ones are better off in the row. */
#define CONFIG_WORTH_MOVING 256
#define CONFIG_MEMORY (16 * 1024 * 1024)

static MemoryContext config_memory = NULL;

static void
forget_config_memory(void *arg)
{
	config_memory = NULL;
}

/* The context for configurations, NULL where it is full. */
static MemoryContext
get_config_memory(void)
{
	MemoryContextCallback *callback;

	if (config_memory != NULL)
		return MemoryContextMemAllocated(config_memory, false) < CONFIG_MEMORY
				   ? config_memory
				   : NULL;
	config_memory =
		AllocSetContextCreate(TopTransactionContext, "trainjob configurations",
							  ALLOCSET_DEFAULT_SIZES);
	callback = MemoryContextAlloc(config_memory, sizeof(MemoryContextCallback));
	callback->func = forget_config_memory;
	callback->arg = NULL;
	MemoryContextRegisterResetCallback(config_memory, callback);
	return config_memory;
}

bool
trainjob_move_config_out(JobFill *fill, Datum *pointer)
{
	Relation rel = fill->trigdata->tg_relation;
	Column *column = &fill->part->column[JOB_CONFIG];
	struct varlena *config;
	struct varlena *external;
	struct varatt_indirect indirect;
	MemoryContext memory;
	bool isnull;
	Datum datum;

	if (!fill->is_update || column->attnum == 0 || column->is_generated ||
		(fill->change != NULL && fill->change->is_preview) ||
		!OidIsValid(rel->rd_rel->reltoastrelid) ||
		RelationGetToastTupleTarget(rel, TOAST_TUPLE_TARGET) >=
			TOAST_TUPLE_TARGET)
		return false;
	datum = stored(fill, fill->new_row, JOB_CONFIG, &isnull);
	if (isnull)
		return false;
	config = (struct varlena *) DatumGetPointer(datum);
	if (VARATT_IS_EXTERNAL(config) || VARSIZE_ANY(config) < CONFIG_WORTH_MOVING)
		return false;
	memory = get_config_memory();
	if (memory == NULL)
		return false;
	indirect.pointer = MemoryContextAlloc(memory, VARSIZE_ANY(config));
	memcpy(indirect.pointer, config, VARSIZE_ANY(config));
	external = palloc0(VARHDRSZ_EXTERNAL + sizeof(indirect));
	SET_VARTAG_EXTERNAL(external, VARTAG_INDIRECT);
	memcpy(VARDATA_EXTERNAL(external), &indirect, sizeof(indirect));
	*pointer = PointerGetDatum(external);
	return true;
}
