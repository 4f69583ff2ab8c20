/*
 * set.c
 *	  What is kept of a set of tables between calls of a trigger: which tables
 *	  it names, where their columns are, and the plans of its queries.
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

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#include "tables/direct_find.h"
#include "tables/set.h"

PG_FUNCTION_INFO_V1(trainjob_jobs_table);
PG_FUNCTION_INFO_V1(trainjob_table_of);
PG_FUNCTION_INFO_V1(trainjob_policies_restrict);

/* The names of the tables of a set in trigger arguments, by TableId. */
static const char *const table_keys[TABLE_COUNT] = {"jobs", "metrics",
													"datasets", "alerts",
													"status_changes"};

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
static uint64 invalidations = 0;

/* A set that is stale as soon as it is built is used so, after this many. */
#define MAX_BUILDS 3

/* ----------
 * Staleness
 * ----------
 */

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
 * Syscache callback: a role was changed, or who is a member of it, or a schema's
 * name.  Any set may hold a privilege that is not there any more, or a query that
 * names the schema.
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
		if (strlen(table_keys[i]) == length &&
			strncmp(table_keys[i], key, length) == 0)
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

/* Takes down what queries need to know of a table. */
static void
describe_table(SetTable *table, Relation rel, LOCKMODE lockmode)
{
	table->oid = RelationGetRelid(rel);
	table->owner = rel->rd_rel->relowner;
	table->lockmode = lockmode;
	table->name_only = pstrdup(RelationGetRelationName(rel));
	table->quoted = quote_qualified_identifier(get_namespace_name(
												   RelationGetNamespace(rel)),
											   RelationGetRelationName(rel));
}

/* Error context: which function it was that wanted to know. */
static void
say_function(void *arg)
{
	errcontext("function \"trainjob.%s\"", (const char *) arg);
}

/* The OID of the trigger function by which a jobs table is known. */
static Oid
fill_job_function(void)
{
	List *name = list_make2(makeString("trainjob"), makeString("fill_job"));

	return LookupFuncName(name, 0, NULL, false);
}

/* The trigger that makes a table the jobs table of a set; NULL if none does. */
static Trigger *
find_fill_job(Relation rel)
{
	Oid function = fill_job_function();

	if (rel->trigdesc != NULL)
		for (int i = 0; i < rel->trigdesc->numtriggers; i++)
			if (rel->trigdesc->triggers[i].tgfoid == function)
				return &rel->trigdesc->triggers[i];
	return NULL;
}

/* The same, or an error. */
static Trigger *
check_jobs_table(Relation jobs)
{
	Trigger *trigger = find_fill_job(jobs);

	if (trigger == NULL || trigger->tgisclone)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s\" is not the jobs table of a set",
						RelationGetRelationName(jobs)),
				 trigger == NULL ? errdetail("It has no trigger of function "
											 "\"trainjob.fill_job\".")
								 : errdetail("It is a partition of one."),
				 errhint("trainjob.create_tables() makes a set, "
						 "trainjob.attach() makes one of your tables.")));
	return trigger;
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
	parse_arguments(set, trigger ? trigger : check_jobs_table(rel), rel, own);
	describe_table(&set->table[own], rel, NoLock);
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
 * Sets found from outside of their triggers
 * ----------
 */

TrainjobSet *
trainjob_get_set_of(Relation jobs, const char *function,
					TrainjobBuildPart build)
{
	SetKey key = {function, RelationGetRelid(jobs)};

	return get_set(&key, NULL, jobs, TABLE_JOBS, build, true);
}

/*
 * The jobs table of the only set of the database; an error that lists them
 * where there are several.
 *
 * Found by a scan of pg_trigger, and kept until any table changes.
 */
static Oid
sole_jobs_table(void)
{
	static Oid found = InvalidOid;
	static uint64 seen = 0;
	Oid function = fill_job_function();
	Oid type = OIDOID;
	Datum arg = ObjectIdGetDatum(function);
	StringInfoData list;
	uint64 count;

	if (OidIsValid(found) && seen == invalidations)
		return found;
	seen = invalidations;
	initStringInfo(&list);
	SPI_connect();
	if (SPI_execute_with_args(
			"SELECT t.tgrelid, t.tgrelid::pg_catalog.regclass::pg_catalog.text"
			" FROM pg_catalog.pg_trigger AS t"
			" WHERE t.tgfoid OPERATOR(pg_catalog.=) $1"
			" AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid"
			" ORDER BY 2",
			1, &type, &arg, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not look for jobs tables");
	count = SPI_processed;
	for (uint64 i = 0; i < count; i++)
	{
		bool isnull;

		found =
			DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[i],
										   SPI_tuptable->tupdesc, 1, &isnull));
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "",
						 SPI_getvalue(SPI_tuptable->vals[i],
									  SPI_tuptable->tupdesc, 2));
	}
	if (count != 1)
		found = InvalidOid;
	if (count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no jobs table in this database"),
				 errhint("trainjob.create_tables() makes a set of tables, "
						 "trainjob.attach() makes one of your tables.")));
	if (count > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
				 errmsg("there is more than one jobs table in this database"),
				 errdetail("They are %s.", list.data),
				 errhint("Name one in argument \"jobs\".")));
	SPI_finish();
	return found;
}

Relation
trainjob_open_jobs(FunctionCallInfo fcinfo, int arg)
{
	Oid jobs = PG_ARGISNULL(arg) ? sole_jobs_table() : PG_GETARG_OID(arg);
	Relation rel = try_relation_open(jobs, AccessShareLock);

	if (rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("there is no table with OID %u", jobs)));
	if (rel->rd_rel->relkind != RELKIND_RELATION &&
		rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR, (errcode(ERRCODE_WRONG_OBJECT_TYPE),
						errmsg("\"%s\" is not a table",
							   RelationGetRelationName(rel))));
	return rel;
}

/*
 * trainjob_jobs_table
 *		SQL: jobs_table(jobs regclass) returns regclass: the table itself, if it
 *		is the jobs table of a set; for NULL that of the only set.
 */
Datum
trainjob_jobs_table(PG_FUNCTION_ARGS)
{
	Relation jobs = trainjob_open_jobs(fcinfo, 0);
	Oid oid = RelationGetRelid(jobs);

	check_jobs_table(jobs);
	relation_close(jobs, AccessShareLock);
	PG_RETURN_OID(oid);
}

/* ----------
 * For TrainjobBuildPart functions
 * ----------
 */

/*
 * Looks up a table by its schema and name, InvalidOid if there is none.  The
 * caller's search_path plays no part, nor does his right to look into the
 * schema: it is not he who named the table.
 */
static Oid
table_of(const char *schema, const char *name)
{
	Oid namespace = LookupNamespaceNoError(schema);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace)
								 : InvalidOid;
}

/*
 * trainjob_table_of
 *		SQL: table_of(name text) returns regclass, strict: the table that a
 *		trigger's argument names, NULL if there is none or it is no such name.
 */
Datum
trainjob_table_of(PG_FUNCTION_ARGS)
{
	List *names;
	Oid oid = InvalidOid;

	if (SplitIdentifierString(text_to_cstring(PG_GETARG_TEXT_PP(0)), '.',
							  &names) &&
		list_length(names) == 2)
		oid = table_of(linitial(names), lsecond(names));
	if (!OidIsValid(oid))
		PG_RETURN_NULL();
	PG_RETURN_OID(oid);
}

static Oid
find_table(TrainjobSet *set, const char *name, Relation rel)
{
	List *names = textToQualifiedNameList(cstring_to_text(name));
	RangeVar *rangevar = makeRangeVarFromNameList(names);
	Oid oid;

	if (rangevar->schemaname == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("table \"%s\" in the arguments of a trigger on table "
						"\"%s\" has no schema",
						name, RelationGetRelationName(rel)),
				 errhint("Write it as schema.name.")));
	oid = table_of(rangevar->schemaname, rangevar->relname);
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", name),
				 errdetail("The trigger of function \"%s\" on table \"%s\" "
						   "names it.",
						   set->function, RelationGetRelationName(rel)),
				 errhint("Call trainjob.attach() again with the tables' "
						 "present names.")));
	return oid;
}

/*
 * Whether a partner table is of another owner and its policies restrict the owner
 * of the trigger's table.
 */
static bool
is_restricted(Relation partner, Relation rel)
{
	Oid owner = rel->rd_rel->relowner;

	return partner->rd_rel->relowner != owner &&
		   check_enable_rls(RelationGetRelid(partner), owner, true) ==
			   RLS_ENABLED;
}

/*
 * trainjob_policies_restrict
 *		SQL: policies_restrict(partner regclass, on_table regclass) returns
 *		boolean, strict: whether triggers on a table would refuse to work on the
 *		partner for its policies' sake.
 */
Datum
trainjob_policies_restrict(PG_FUNCTION_ARGS)
{
	Relation partner = relation_open(PG_GETARG_OID(0), AccessShareLock);
	Relation rel = relation_open(PG_GETARG_OID(1), AccessShareLock);
	bool restricted = is_restricted(partner, rel);

	relation_close(rel, AccessShareLock);
	relation_close(partner, AccessShareLock);
	PG_RETURN_BOOL(restricted);
}

/*
 * Refuses such a partner table: queries run as the partner's owner, whom the
 * policies do not restrict, and would show and change what they are there to keep
 * from the owner of the trigger's table.  trainjob.policy_conflicts() says the
 * same up front.
 */
static void
check_policies(Relation partner, Relation rel)
{
	Oid owner = rel->rd_rel->relowner;
	const char *owner_name;

	if (!is_restricted(partner, rel))
		return;
	owner_name = GetUserNameFromId(owner, false);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("row-level security of table \"%s\" restricts the owner of "
					"table \"%s\"",
					RelationGetRelationName(partner),
					RelationGetRelationName(rel)),
			 errdetail("A trigger on table \"%s\" works on all rows of \"%s\", "
					   "but policies apply to its owner \"%s\".",
					   RelationGetRelationName(rel),
					   RelationGetRelationName(partner), owner_name),
			 errhint("Give both tables one owner: ALTER TABLE %s OWNER TO %s; "
					 "or let the policies not apply: ALTER ROLE %s BYPASSRLS;",
					 quote_identifier(RelationGetRelationName(rel)),
					 quote_identifier(
						 GetUserNameFromId(partner->rd_rel->relowner, false)),
					 quote_identifier(owner_name))));
}

Relation
trainjob_open_table(TrainjobSet *set, TableId table, Relation rel,
					bool required, AclMode needed)
{
	LOCKMODE lockmode =
		needed & (ACL_INSERT | ACL_UPDATE) ? RowExclusiveLock : AccessShareLock;
	Relation partner;

	if (set->table[table].name == NULL)
	{
		if (!required)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a trigger of function \"%s\" on table \"%s\" lacks "
						"argument \"%s\"",
						set->function, RelationGetRelationName(rel),
						table_keys[table]),
				 errhint("Create the trigger with argument '%s=schema.name', "
						 "or let trainjob.attach() create it.",
						 table_keys[table])));
	}
	partner =
		relation_open(find_table(set, set->table[table].name, rel), lockmode);
	if (pg_class_aclmask(RelationGetRelid(partner), rel->rd_rel->relowner,
						 needed, ACLMASK_ALL) != needed)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table %s",
						RelationGetRelationName(partner)),
				 errdetail("A trigger on table \"%s\" works on it, but the "
						   "owner \"%s\" of that table may not.",
						   RelationGetRelationName(rel),
						   GetUserNameFromId(rel->rd_rel->relowner, true))));
	check_policies(partner, rel);
	describe_table(&set->table[table], partner, lockmode);
	return partner;
}

bool
trainjob_find_column(TrainjobSet *set, TableId table, Relation rel,
					 const char *canonical, ColumnKind kind, bool required,
					 Column *column)
{
	const char *name = canonical;
	char *key = psprintf("%s.%s", table_keys[table], canonical);

	for (int i = 0; i + 1 < list_length(set->renamed); i += 2)
		if (strcmp(list_nth(set->renamed, i), key) == 0)
			name = list_nth(set->renamed, i + 1);
	pfree(key);
	if (trainjob_lookup_column(rel, name, kind, column))
	{
		bool is_written = table != TABLE_METRICS && table != TABLE_DATASETS;

		if (required || !is_written || !column->is_generated)
			return true;
		column->attnum = 0; /* the application computes it by itself */
		return false;
	}
	if (required)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", name,
						RelationGetRelationName(rel)),
				 errdetail("Trigger function \"%s\" needs it.", set->function),
				 errhint("If it was renamed, call trainjob.attach() again "
						 "with its present name."),
				 errtable(rel)));
	return false;
}

void
trainjob_find_columns(TrainjobSet *set, TableId table, Relation rel,
					  const WantedColumn *wanted, int count, Column *columns)
{
	for (int i = 0; i < count; i++)
		trainjob_find_column(set, table, rel, wanted[i].name, wanted[i].kind,
							 wanted[i].required, &columns[i]);
}

/* ----------
 * Queries
 * ----------
 */

/*
 * Makes the plan of a query that looks rows up by their keys, for all values.
 *
 * It is kept while its tables grow, so it must not be the one that is best for
 * an empty table: indexes are used where there are any.  Compiling such a plan
 * would never pay.
 */
static void
make_plan(SPIPlanPtr plan)
{
	static const char *const off[] = {"enable_seqscan", "enable_bitmapscan",
									  "enable_sort", "jit"};
	int level = NewGUCNestLevel();

	for (int i = 0; i < lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	ReleaseCachedPlan(SPI_plan_get_cached_plan(plan), CurrentResourceOwner);
	AtEOXact_GUC(true, level);
}

SPIPlanPtr
trainjob_keep_plan(TrainjobSet *set, int query, const char *text, int nargs,
				   Oid *argtypes)
{
	SPIPlanPtr plan;

	if (query < 0 || query >= TRAINJOB_MAX_QUERIES)
		elog(ERROR, "query %d is more than a set keeps", query);
	plan = SPI_prepare_cursor(text, nargs, argtypes, CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor returned %s for \"%s\"",
			 SPI_result_code_string(SPI_result), text);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	set->plan[query] = plan;
	make_plan(plan);
	return plan;
}

uint64
trainjob_execute(SPIPlanPtr plan, int expected, Datum *values,
				 const char *nulls)
{
	Snapshot latest = InvalidSnapshot;
	Snapshot crosscheck = InvalidSnapshot;
	int code;

	if (IsolationUsesXactSnapshot())
	{
		CommandCounterIncrement(); /* own work must be visible, too */
		latest = GetLatestSnapshot();
		crosscheck = GetTransactionSnapshot();
	}
	code = SPI_execute_snapshot(plan, values, nulls, latest, crosscheck, false,
								true, 0);
	if (code != expected)
		elog(ERROR, "SPI_execute_snapshot returned %s",
			 SPI_result_code_string(code));
	return SPI_processed;
}

Datum
trainjob_result(SPITupleTable *rows, uint64 row, int number,
				const Column *column, bool *isnull)
{
	Oid known = OidIsValid(column->domain) ? column->domain : column->type;
	Oid found = SPI_gettypeid(rows->tupdesc, number);

	if (column->attnum != 0 && found != known)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" was changed from type %s to %s in the "
						"middle of a statement that works on it",
						column->name, format_type_be(known),
						format_type_be(found)),
				 errhint("Look for a function, called by a CHECK constraint of "
						 "a domain, that alters the table.")));
	return SPI_getbinval(rows->vals[row], rows->tupdesc, number, isnull);
}

Datum
trainjob_found_datum(const FoundRow *row, int number, const Column *column,
					 bool *isnull)
{
	if (row->slot == NULL)
		return trainjob_result(SPI_tuptable, row->number, number, column,
							   isnull);
	*isnull = column->attnum == 0;
	return *isnull ? (Datum) 0
				   : slot_getattr(row->slot, column->attnum, isnull);
}

Value
trainjob_found_value(const FoundRow *row, int number, const Column *column)
{
	bool isnull;
	Datum datum = trainjob_found_datum(row, number, column, &isnull);

	return trainjob_read_value(column, datum, isnull);
}

static bool
may_read(Oid table, Oid user)
{
	return pg_class_aclcheck(table, user, ACL_SELECT) == ACLCHECK_OK &&
		   check_enable_rls(table, user, true) != RLS_ENABLED;
}

/*
 * Finds out whether the row of an error may be shown: whether the user that we
 * are may read the table, and the session's, where a function with its owner's
 * rights was called, such as report_metrics().  It is kept with the set, which
 * is made anew when privileges, policies or roles change: an error's callback
 * is no place to ask catalogs.
 */
static void
find_reader(SetTable *table, Oid userid)
{
	Oid outer = GetOuterUserId();

	if (table->reader == userid && table->outer_reader == outer)
		return;
	table->is_readable =
		may_read(table->oid, userid) && may_read(table->oid, outer);
	table->reader = userid;
	table->outer_reader = outer;
}

/*
 * Error context: a constraint that a row breaks shows the whole row to its
 * owner, which we are.  Whoever made us write it may have no right to read it,
 * and the job's token stands in there.  No table is named, for the callback of
 * an outer table speaks last.
 */
static void
hide_row(void *arg)
{
	const TrainjobUser *user = arg;

	if (!user->may_read && ERRCODE_TO_CATEGORY(geterrcode()) ==
							   ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		errdetail("The row is hidden because you lack SELECT on its table.");
}

void
trainjob_become_owner(SetTable *table, TrainjobUser *saved)
{
	GetUserIdAndSecContext(&saved->userid, &saved->sec_context);
	find_reader(table, saved->userid);
	saved->may_read = table->is_readable;
	saved->on_error.callback = hide_row;
	saved->on_error.arg = saved;
	saved->on_error.previous = error_context_stack;
	error_context_stack = &saved->on_error;
	SetUserIdAndSecContext(table->owner, saved->sec_context |
											 SECURITY_LOCAL_USERID_CHANGE |
											 SECURITY_NOFORCE_RLS);
}

/* Becomes again who one was before trainjob_become_owner(). */
void
trainjob_become_user(const TrainjobUser *saved)
{
	SetUserIdAndSecContext(saved->userid, saved->sec_context);
	error_context_stack = saved->on_error.previous;
}

void
trainjob_lock_name(Oid table, uint32 hash, LOCKMODE mode)
{
	LOCKTAG tag;

	/* objsubid 1 and 2 are what SQL's advisory locks use */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, table, hash % 256, 3);
	(void) LockAcquire(&tag, mode, false, false);
}

/* Called once when the library is loaded. */
void
trainjob_plan_cache_init(void)
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
}
