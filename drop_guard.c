/*
 * drop_guard.c
 *	  DROP EXTENSION trainjob while triggers use it: PostgreSQL refuses it, and
 *	  names the triggers.  This says before what to do, and that no row goes.
 */
#include "postgres.h"

#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"

#include "trainjob.h"

PG_FUNCTION_INFO_V1(trainjob_guard_drop);

/* Whether the command drops this extension, and without CASCADE. */
static bool
drops_trainjob(Node *command)
{
	DropStmt *drop = (DropStmt *) command;
	ListCell *cell;

	if (!IsA(command, DropStmt) || drop->removeType != OBJECT_EXTENSION ||
		drop->behavior == DROP_CASCADE)
		return false;
	foreach (cell, drop->objects)
		if (strcmp(strVal(lfirst(cell)), "trainjob") == 0)
			return true;
	return false;
}

/*
 * guard_drop
 *		Event trigger, ddl_command_start, DROP EXTENSION.
 */
Datum
trainjob_guard_drop(PG_FUNCTION_ARGS)
{
	uint64 sets;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"guard_drop\" was not called by event "
						"trigger manager")));
	if (!drops_trainjob(((EventTriggerData *) fcinfo->context)->parsetree))
		PG_RETURN_NULL();
	SPI_connect();
	if (SPI_execute("SELECT FROM trainjob.job_sets()", true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not look for sets of tables");
	sets = SPI_processed;
	SPI_finish();
	if (sets > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot drop extension trainjob because triggers use "
						"it"),
				 errhint("Call trainjob.detach() for each set of tables that "
						 "trainjob.job_sets() lists, or use DROP EXTENSION "
						 "trainjob CASCADE. Either drops triggers, views, "
						 "constraints and indexes that use it, and no row.")));
	PG_RETURN_NULL();
}
