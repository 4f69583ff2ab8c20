/*
 * trigger_call.h
 *	  How a trigger function was called.
 */
#ifndef TRAINJOB_PG_TRIGGER_CALL_H
#define TRAINJOB_PG_TRIGGER_CALL_H

#include "commands/trigger.h"
#include "fmgr.h"

/* Timing, level and events that a trigger function accepts, ored together. */
#define TRAINJOB_BEFORE_ROW 0x01
#define TRAINJOB_AFTER_ROW 0x02
#define TRAINJOB_AFTER_STATEMENT 0x04
#define TRAINJOB_ON_INSERT 0x10
#define TRAINJOB_ON_UPDATE 0x20

/*
 * Returns the TriggerData of a proper call of trigger function "function".
 *
 * "accepted" holds one of TRAINJOB_BEFORE_ROW, _AFTER_ROW, _AFTER_STATEMENT
 * and the events TRAINJOB_ON_INSERT, _ON_UPDATE.  Any other call is an error
 * that names the function.
 */
extern TriggerData *trainjob_check_trigger_call(FunctionCallInfo fcinfo,
												const char *function,
												int accepted);

/*
 * Whether the UPDATE that fired the trigger has the column in its SET
 * list.  False for INSERT and for attnum 0, an absent column.
 */
extern bool trainjob_names_column(TriggerData *trigdata, AttrNumber attnum);

/* How many triggers deep we are, as pg_trigger_depth() has it. */
extern int trainjob_trigger_depth(void);

#endif /* TRAINJOB_PG_TRIGGER_CALL_H */
