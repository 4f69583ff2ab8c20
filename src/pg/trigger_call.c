/*
 * trigger_call.c
 *	  How was this trigger function called?
 *
 * Every trigger function of trainjob begins here, for anyone may call it by
 * SELECT or put it on the wrong event, level or table.  Until
 * trainjob_check_trigger_call() has returned, fcinfo->context must not be
 * looked at.
 */
#include "postgres.h"

#include "access/sysattr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "pg/trigger_call.h"

TriggerData *
trainjob_check_trigger_call(FunctionCallInfo fcinfo, const char *function,
							int accepted)
{
	TriggerData *trigdata;
	TriggerEvent event;
	const char *when;
	bool when_ok;
	bool event_ok;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function),
				 errhint("It is for CREATE TRIGGER; "
						 "trainjob.attach() creates the triggers.")));

	trigdata = (TriggerData *) fcinfo->context;
	event = trigdata->tg_event;
	if (accepted & TRAINJOB_BEFORE_ROW)
	{
		when = "BEFORE ROW";
		when_ok = TRIGGER_FIRED_BEFORE(event) && TRIGGER_FIRED_FOR_ROW(event);
	}
	else if (accepted & TRAINJOB_AFTER_ROW)
	{
		when = "AFTER ROW";
		when_ok = TRIGGER_FIRED_AFTER(event) && TRIGGER_FIRED_FOR_ROW(event);
	}
	else
	{
		when = "AFTER STATEMENT";
		when_ok =
			TRIGGER_FIRED_AFTER(event) && TRIGGER_FIRED_FOR_STATEMENT(event);
	}
	if (!when_ok)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired %s", function, when),
				 errdetail("Trigger \"%s\" on table \"%s\" fires it otherwise.",
						   trigdata->tg_trigger->tgname,
						   RelationGetRelationName(trigdata->tg_relation))));

	event_ok =
		((accepted & TRAINJOB_ON_INSERT) && TRIGGER_FIRED_BY_INSERT(event)) ||
		((accepted & TRAINJOB_ON_UPDATE) && TRIGGER_FIRED_BY_UPDATE(event));
	if (!event_ok)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired for %s", function,
						accepted & TRAINJOB_ON_INSERT
							? accepted & TRAINJOB_ON_UPDATE ? "INSERT or UPDATE"
															: "INSERT"
							: "UPDATE"),
				 errdetail("Trigger \"%s\" on table \"%s\" fires it otherwise.",
						   trigdata->tg_trigger->tgname,
						   RelationGetRelationName(trigdata->tg_relation))));
	return trigdata;
}

bool
trainjob_names_column(TriggerData *trigdata, AttrNumber attnum)
{
	if (attnum == 0 || trigdata->tg_updatedcols == NULL)
		return false;
	return bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber,
						 trigdata->tg_updatedcols);
}

int
trainjob_trigger_depth(void)
{
	return DatumGetInt32(pg_trigger_depth(NULL));
}
