/*
 * set.c
 *	  What is kept of a set of tables between calls of a trigger.
 *
 * An entry belongs to one trigger (not to a table: a partition's clone of a
 * trigger sees other column numbers than its parent).  It is built by the
 * trigger's first call and marked stale by the relcache when one of its tables
 * changes: renamed, altered, another owner, other privileges.  A stale entry
 * is built anew by the next call.  An outer frame may still hold the old one,
 * so that is kept until the end of the transaction.
 *
 * The query texts hold the tables' and columns' names, hence no plan outlives
 * its entry.  Every name in them is qualified, functions and operators too: a
 * kept plan is analysed again under whatever search_path is set then.
 *
 * A trigger's arguments are texts of the form key=value:
 *
 *		jobs=public.jobs			a table of the set: jobs, metrics, datasets,
 *									alerts, status_changes; schema-qualified
 *		jobs.loss=train_loss		a column with another name than the
 *									canonical one; jobs.loss= there is none,
 *									whatever the canonical name stands for
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "tables/columns.h"
#include "tables/partner.h"
#include "tables/set.h"
#include "tables/set_find.h"

typedef struct SetKey
{
	const char *function; /* the string constant of one function */
	uint64 object;		  /* OID of the trigger, or of the jobs table */
} SetKey;

/* An outer frame may hold the set: it has its own memory, not the entry's. */
typedef struct SetEntry
{
	SetKey key;
	TrainjobSet *set;
} SetEntry;

static HTAB *sets = NULL;
static MemoryContext sets_context = NULL;

/*
 * Entries of the last calls, by the object's last digits: a row trigger is
 * called many times on end, and the triggers of a statement in turn.
 */
#define RECENT_SETS 16
static SetEntry recent[RECENT_SETS];

/* Counts messages that make sets stale, to see one while a set is built */
static uint64 invalidations = 1;

/* A set that is stale as soon as it is built is used so, after this many. */
#define MAX_BUILDS 3

/* ----------
 * Staleness
 * ----------
 */

uint64
trainjob_invalidations(void)
{
	return invalidations;
}

static void
forget_recent(void)
{
	memset(recent, 0, sizeof(recent));
}

/* Relcache callback: marks the sets that know the relation, frees nothing. */
static void
mark_stale(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	SetEntry *entry;

	invalidations++;
	forget_recent();
	hash_seq_init(&status, sets);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		for (int i = 0; i < TABLE_COUNT; i++)
			if (relid == InvalidOid || entry->set->table[i].oid == relid)
				entry->set->valid = false;
	}
}

/*
 * Syscache callback: a role was changed, or its members, a schema's
 * name, or a function.  Any set may hold a privilege that is not there any more, a
 * query that names the schema, or a CHECK in which the function was inlined.
 */
static void
mark_all_stale(Datum arg, int cacheid, uint32 hashvalue)
{
	mark_stale(arg, InvalidOid);
}

/* Memory context callback: the plans of a set end with it. */
static void
free_plans(void *arg)
{
	TrainjobSet *set = arg;

	for (int i = 0; i < TRAINJOB_MAX_QUERIES; i++)
		if (set->plan[i] != NULL)
			SPI_freeplan(set->plan[i]);
}

/* Takes the stale sets, some of them of dropped triggers, out of the table. */
static void
retire_stale(void)
{
	HASH_SEQ_STATUS status;
	SetEntry *entry;

	hash_seq_init(&status, sets);
	while ((entry = hash_seq_search(&status)) != NULL)
	{
		if (entry->set->valid)
			continue;
		forget_recent();
		MemoryContextSetParent(entry->set->context, TopTransactionContext);
		hash_search(sets, &entry->key, HASH_REMOVE, NULL);
	}
}

/* ----------
 * Building an entry
 * ----------
 */

static void
bad_argument(Trigger *trigger, Relation rel, const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid argument \"%s\" of trigger \"%s\" on table \"%s\"",
					argument, trigger->tgname, RelationGetRelationName(rel)),
			 errdetail("An argument is table=schema.name or "
					   "table.column=name, where table is jobs, metrics, "
					   "datasets, alerts or status_changes."),
			 errhint(
				 "trainjob.attach() creates the triggers with the arguments "
				 "that they need.")));
}

/* Which table's key is "key"?  TABLE_COUNT if none. */
static int
find_table_key(const char *key, size_t length)
{
	int i;

	for (i = 0; i < TABLE_COUNT; i++)
		if (strlen(trainjob_known_tables[i].key) == length &&
			strncmp(trainjob_known_tables[i].key, key, length) == 0)
			break;
	return i;
}

static void
parse_arguments(TrainjobSet *set, Trigger *trigger, Relation rel, TableId own)
{
	for (int i = 0; i < trigger->tgnargs; i++)
	{
		const char *argument = trigger->tgargs[i];
		const char *equals = strchr(argument, '=');
		const char *dot;
		int table;

		if (equals == NULL)
			bad_argument(trigger, rel, argument);
		dot = memchr(argument, '.', equals - argument);
		if (equals[1] == '\0' && dot == NULL)
			bad_argument(trigger, rel, argument);
		table = find_table_key(argument, (dot ? dot : equals) - argument);
		if (table == TABLE_COUNT || (dot && dot + 1 == equals))
			bad_argument(trigger, rel, argument);
		if (dot)
			set->renamed =
				lappend(lappend(set->renamed,
								pnstrdup(argument, equals - argument)),
						pstrdup(equals + 1));
		else if (table != own)
			set->table[table].name = pstrdup(equals + 1);
	}
}

/* Error context: which function it was that wanted to know. */
static void
say_function(void *arg)
{
	errcontext("function \"trainjob.%s\"", (const char *) arg);
}

/* "trigger" is NULL where it is that of the jobs table "rel". */
static TrainjobSet *
build_set(const SetKey *key, Trigger *trigger, Relation rel, TableId own,
		  TrainjobBuildPart build)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext context;
	MemoryContextCallback *callback;
	TrainjobSet *set;
	SetEntry *entry;
	ErrorContextCallback say = {.callback = say_function,
								.arg = (void *) key->function,
								.previous = error_context_stack};
	uint64 seen = invalidations;

	error_context_stack = &say;

	/* Belongs to the transaction until it is complete: an error frees it. */
	context = AllocSetContextCreate(TopTransactionContext, "trainjob set",
									ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(context);
	set = palloc0(sizeof(TrainjobSet));
	set->context = context;
	set->function = key->function;
	callback = palloc0(sizeof(MemoryContextCallback));
	callback->func = free_plans;
	callback->arg = set;
	MemoryContextRegisterResetCallback(context, callback);
	/* first of all: the relcache may make its triggers anew at any lookup */
	parse_arguments(set, trigger ? trigger : trainjob_check_jobs_table(rel),
					rel, own);
	trainjob_describe_table(&set->table[own], rel, NoLock);
	build(set, rel);
	MemoryContextSwitchTo(caller);
	error_context_stack = say.previous;

	entry = hash_search(sets, key, HASH_ENTER, NULL);
	entry->set = set;
	MemoryContextSetParent(context, sets_context);
	set->valid = (seen == invalidations);
	return set;
}

/* Locks the partner tables, as the queries will; may see them change. */
static void
lock_tables(const TrainjobSet *set)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		if (set->table[i].lockmode != NoLock)
			LockRelationOid(set->table[i].oid, set->table[i].lockmode);
}

static TrainjobSet *
get_set(const SetKey *key, Trigger *trigger, Relation rel, TableId own,
		TrainjobBuildPart build, bool lock)
{
	SetEntry *last = &recent[key->object % RECENT_SETS];
	TrainjobSet *set = last->set;

	if (set == NULL || last->key.function != key->function ||
		last->key.object != key->object)
	{
		SetEntry *entry = hash_search(sets, key, HASH_FIND, NULL);

		set = entry ? entry->set : NULL;
	}
	if (lock && set != NULL && set->valid)
		lock_tables(set);
	/*
	 * What was found after the tables were locked is true even if a message
	 * came meanwhile: it may have been about anything, and where they never
	 * end (debug_discard_caches) no set would ever do.  The next call builds
	 * it anew.
	 */
	for (int i = 0; (set == NULL || !set->valid) && i < MAX_BUILDS; i++)
	{
		CHECK_FOR_INTERRUPTS();
		retire_stale();
		set = build_set(key, trigger, rel, own, build);
	}
	*last = (SetEntry){*key, set};
	return set;
}

TrainjobSet *
trainjob_get_set(TriggerData *trigdata, const char *function, TableId own,
				 TrainjobBuildPart build)
{
	SetKey key = {function, trigdata->tg_trigger->tgoid};

	return get_set(&key, trigdata->tg_trigger, trigdata->tg_relation, own,
				   build, true);
}

TrainjobSet *
trainjob_get_own(TriggerData *trigdata, const char *function, TableId own,
				 TrainjobBuildPart build)
{
	SetKey key = {function, trigdata->tg_trigger->tgoid};

	return get_set(&key, trigdata->tg_trigger, trigdata->tg_relation, own,
				   build, false);
}

/* ----------
 * Sets of a jobs table
 * ----------
 */

TrainjobSet *
trainjob_get_set_of(Relation jobs, const char *function,
					TrainjobBuildPart build)
{
	SetKey key = {function, RelationGetRelid(jobs)};

	return get_set(&key, NULL, jobs, TABLE_JOBS, build, true);
}

/* Called once when the library is loaded. */
void
trainjob_set_init(void)
{
	HASHCTL control = {0};

	sets_context = AllocSetContextCreate(TopMemoryContext, "trainjob",
										 ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(SetKey);
	control.entrysize = sizeof(SetEntry);
	control.hcxt = sets_context;
	sets = hash_create("trainjob sets", 16, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterRelcacheCallback(mark_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHOID, mark_all_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(AUTHMEMROLEMEM, mark_all_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(NAMESPACEOID, mark_all_stale, (Datum) 0);
	CacheRegisterSyscacheCallback(PROCOID, mark_all_stale, (Datum) 0);
}
