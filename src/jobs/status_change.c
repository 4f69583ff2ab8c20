/*
 * status_change.c
 *	  The record of changes of a job's status, and NOTIFY.
 *
 * record_status_change, AFTER UPDATE on the jobs table, sees every change of
 * status, whoever made it.
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "access/xact.h"
#include "commands/async.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"

#include "jobs/job_change.h"
#include "jobs/status_change.h"
#include "pg/trigger_call.h"
#include "tables/owner.h"
#include "tables/partner.h"
#include "tables/query.h"
#include "tables/value_write.h"

PG_FUNCTION_INFO_V1(trainjob_record_status_change);

#define CHANNEL "trainjob"

typedef enum NotifyMode
{
	NOTIFY_OFF,
	NOTIFY_STATUS,
	NOTIFY_PROGRESS
} NotifyMode;

static const struct config_enum_entry notify_modes[] = {
	{"off", NOTIFY_OFF, false},
	{"status", NOTIFY_STATUS, false},
	{"progress", NOTIFY_PROGRESS, false},
	{NULL, 0, false}};

/* trainjob.notify: which changes are sent to listeners */
static int notify_mode = NOTIFY_STATUS;

/* What a record of a change holds. */
static const int change_columns[] = {CHANGE_JOB_ID,		  CHANGE_STATUS_BEFORE,
									 CHANGE_STATUS_AFTER, CHANGE_CHANGED_AT,
									 CHANGE_ALERT_ID,	  CHANGE_CHANGED_BY};

typedef struct ChangePart
{
	Column change[CHANGE_COLUMNS];
	Column key; /* of the jobs table, like those below */
	Column status;
	Column status_changed_at;
	Column progress;
} ChangePart;

enum
{
	QUERY_RECORD
};

static void
build_change_part(TrainjobSet *set, Relation rel)
{
	ChangePart *part = palloc0(sizeof(ChangePart));
	Relation changes =
		trainjob_open_table(set, TABLE_STATUS_CHANGES, rel, false, ACL_INSERT);

	trainjob_find_column(set, TABLE_JOBS, rel, JOB_ID, true, &part->key);
	trainjob_find_column(set, TABLE_JOBS, rel, JOB_STATUS, true, &part->status);
	trainjob_find_column(set, TABLE_JOBS, rel, JOB_STATUS_CHANGED_AT, false,
						 &part->status_changed_at);
	trainjob_find_column(set, TABLE_JOBS, rel, JOB_PROGRESS, false,
						 &part->progress);
	if (changes != NULL)
	{
		trainjob_find_columns(set, TABLE_STATUS_CHANGES, changes,
							  change_columns, lengthof(change_columns),
							  part->change);
		trainjob_check_reference(&part->change[CHANGE_JOB_ID], &part->key);
		relation_close(changes, NoLock);
	}
	set->part = part;
}

/* INSERT INTO status_changes (columns) VALUES ($1, ...) */
static SPIPlanPtr
record_plan(TrainjobSet *set, ChangePart *part)
{
	StringInfoData names;
	StringInfoData values;
	Oid types[CHANGE_COLUMNS];

	if (set->plan[QUERY_RECORD] != NULL)
		return set->plan[QUERY_RECORD];
	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < CHANGE_COLUMNS; i++)
	{
		Column *column = &part->change[i];

		types[i] = trainjob_parameter_type(column);
		if (column->attnum == 0)
			continue;
		trainjob_add_item(&names, "%s", quote_identifier(column->name));
		trainjob_add_item(&values, "$%d", i + 1);
	}
	return trainjob_keep_plan(set, QUERY_RECORD,
							  psprintf("INSERT INTO %s (%s) VALUES (%s)",
									   set->table[TABLE_STATUS_CHANGES].quoted,
									   names.data, values.data),
							  CHANGE_COLUMNS, types);
}

/* Writes the record of a change, as the owner of its table. */
static void
record_change(TrainjobSet *set, ChangePart *part, Value job_id, Value before,
			  Value after, Value changed_at, const JobChange *change)
{
	Value values[CHANGE_COLUMNS] = {
		[CHANGE_JOB_ID] = job_id,
		[CHANGE_STATUS_BEFORE] = before,
		[CHANGE_STATUS_AFTER] = after,
		[CHANGE_CHANGED_AT] = changed_at,
		[CHANGE_ALERT_ID] = {.isnull = true},
		/* the role that wrote, not the one that the triggers act as */
		[CHANGE_CHANGED_BY] = {.text =
								   GetUserNameFromId(GetOuterUserId(), true)},
	};
	Datum args[CHANGE_COLUMNS];
	char nulls[CHANGE_COLUMNS];
	TrainjobUser caller;

	values[CHANGE_CHANGED_BY].isnull = values[CHANGE_CHANGED_BY].text == NULL;
	if (change != NULL && change->by == FROM_ALERT &&
		trainjob_is_reference(&part->change[CHANGE_ALERT_ID],
							  change->alert_key))
		values[CHANGE_ALERT_ID] = change->alert_id;
	for (int i = 0; i < CHANGE_COLUMNS; i++)
		trainjob_write_argument(&part->change[i], &values[i], &args[i],
								&nulls[i]);
	SPI_connect();
	trainjob_become_owner(&set->table[TABLE_STATUS_CHANGES], &caller);
	trainjob_execute(record_plan(set, part), SPI_OK_INSERT, args, nulls);
	trainjob_restore_user(&caller);
	SPI_finish();
}

static void
append_json_text(StringInfo json, const char *text)
{
	if (text == NULL)
		appendStringInfoString(json, "null");
	else
		escape_json(json, text);
}

/* What NOTIFY takes (NOTIFY_PAYLOAD_MAX_LENGTH in async.c). */
#define MAX_PAYLOAD (BLCKSZ - NAMEDATALEN - 128)

/* Says once a session that a job's id is too long to be sent to listeners. */
static void
warn_of_payload(ChangePart *part, int length)
{
	static bool warned = false;

	if (warned)
		return;
	warned = true;
	ereport(
		WARNING,
		(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
		 errmsg("a job's change was not sent to channel \"%s\": its message "
				"of %d bytes is too long",
				CHANNEL, length),
		 errdetail("A notification has less than %d bytes; the job's \"%s\" "
				   "is in it. The change itself is stored.",
				   MAX_PAYLOAD, part->key.name),
		 errhint("Use shorter ids, or SET trainjob.notify = off.")));
}

/*
 * {"job_id": ..., "status": ..., "previous": ..., "progress": ...}
 *
 * A message that is too long is not sent, for the write must go through.
 */
static void
notify(ChangePart *part, Value job_id, Value before, Value after,
	   Value progress)
{
	StringInfoData payload;

	initStringInfo(&payload);
	appendStringInfoString(&payload, "{\"job_id\": ");
	append_json_text(&payload, trainjob_key_text(&part->key, job_id));
	appendStringInfoString(&payload, ", \"status\": ");
	append_json_text(&payload, after.isnull ? NULL : after.text);
	appendStringInfoString(&payload, ", \"previous\": ");
	append_json_text(&payload, before.isnull ? NULL : before.text);
	if (progress.isnull || !isfinite(progress.number))
		appendStringInfoString(&payload, ", \"progress\": null}");
	else
		appendStringInfo(&payload, ", \"progress\": %.4g}", progress.number);
	if (payload.len < MAX_PAYLOAD)
		Async_Notify(CHANNEL, payload.data);
	else
		warn_of_payload(part, payload.len);
}

/*
 * Whether the job came to another whole percent.  The hundredth comes with the
 * change to completed.
 */
static bool
whole_percent_differs(Value before, Value after)
{
	if (after.isnull || !(after.number < 100))
		return false;
	return before.isnull || floor(before.number) != floor(after.number);
}

/*
 * record_status_change
 *		AFTER UPDATE FOR EACH ROW on a jobs table: records a change of status
 *		and notifies listeners, as trainjob.notify says.
 *
 * Arguments: status_changes=schema.name (optional), status_changes.column=name,
 * jobs.column=name.
 */
Datum
trainjob_record_status_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata =
		trainjob_check_trigger_call(fcinfo, "record_status_change",
									TRAINJOB_AFTER_ROW | TRAINJOB_ON_UPDATE);
	TrainjobSet *set = trainjob_get_own(trigdata, "record_status_change",
										TABLE_JOBS, build_change_part);
	ChangePart *part = set->part;
	TupleTableSlot *old_row = trigdata->tg_trigslot;
	TupleTableSlot *new_row = trigdata->tg_newslot;
	Value job_id;
	Value before;
	Value after;
	Value progress;
	bool status_differs =
		!trainjob_same_in_rows(old_row, new_row, &part->status);
	bool percent_differs =
		notify_mode == NOTIFY_PROGRESS &&
		whole_percent_differs(trainjob_row_value(old_row, &part->progress),
							  trainjob_row_value(new_row, &part->progress));

	/*
	 * Not a condition of the trigger: that would be parsed anew by each UPDATE,
	 * which costs more than to come here for nothing.
	 */
	if (!status_differs && !percent_differs)
		return PointerGetDatum(NULL);
	set = trainjob_get_set(trigdata, "record_status_change", TABLE_JOBS,
						   build_change_part);
	part = set->part;
	job_id = trainjob_row_value(new_row, &part->key);
	before = trainjob_row_value(old_row, &part->status);
	after = trainjob_row_value(new_row, &part->status);
	progress = trainjob_row_value(new_row, &part->progress);
	if (status_differs && OidIsValid(set->table[TABLE_STATUS_CHANGES].oid))
	{
		Value changed_at =
			trainjob_row_value(new_row, &part->status_changed_at);

		if (changed_at.isnull)
			changed_at = (Value){.time = GetCurrentTransactionStartTimestamp()};
		record_change(set, part, job_id, before, after, changed_at,
					  trainjob_change_of(new_row, &part->key));
	}
	if (notify_mode != NOTIFY_OFF)
		notify(part, job_id, before, after, progress);
	return PointerGetDatum(NULL);
}

/* Defines the settings of this file. */
void
trainjob_status_change_init(void)
{
	/*
	 * What goes to listeners on channel "trainjob": nothing, each change of
	 * status, or each whole percent of progress as well.
	 */
	DefineCustomEnumVariable(
		"trainjob.notify",
		"Sets which changes of a job are sent to channel \"trainjob\".", NULL,
		&notify_mode, NOTIFY_STATUS, notify_modes, PGC_USERSET, 0, NULL, NULL,
		NULL);
}
