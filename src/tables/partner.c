/*
 * partner.c
 *	  The tables and columns of a set, for the functions that build a part of it.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/varlena.h"

#include "pg/compat.h"
#include "status/status.h"
#include "tables/column_words.h"
#include "tables/columns.h"
#include "tables/filler.h"
#include "tables/partner.h"

PG_FUNCTION_INFO_V1(trainjob_table_of);
PG_FUNCTION_INFO_V1(trainjob_policies_restrict);

/*
 * Looks up a table by its schema and name, InvalidOid if there is none.  The
 * caller's search_path and rights on the schema do not matter: the trigger
 * named the table, not the caller.
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

void
trainjob_describe_table(SetTable *table, Relation rel, LOCKMODE lockmode)
{
	table->oid = RelationGetRelid(rel);
	table->owner = rel->rd_rel->relowner;
	table->lockmode = lockmode;
	table->name_only = pstrdup(RelationGetRelationName(rel));
	table->quoted = quote_qualified_identifier(get_namespace_name(
												   RelationGetNamespace(rel)),
											   RelationGetRelationName(rel));
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
 * from the owner of the trigger's table.  _trainjob.policy_conflicts() says the
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
						trainjob_known_tables[table].key),
				 errhint("Create the trigger with argument '%s=schema.name', "
						 "or let trainjob.attach() create it.",
						 trainjob_known_tables[table].key)));
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
	if (needed != ACL_NO_RIGHTS)
		check_policies(partner, rel);
	trainjob_describe_table(&set->table[table], partner, lockmode);
	return partner;
}

bool
trainjob_find_named_column(TrainjobSet *set, TableId table, Relation rel,
						   const char *canonical, ColumnKind kind,
						   bool required, Column *column)
{
	const char *name = canonical;
	char *key = psprintf("%s.%s", trainjob_known_tables[table].key, canonical);

	for (int i = 0; i + 1 < list_length(set->renamed); i += 2)
		if (strcmp(list_nth(set->renamed, i), key) == 0)
			name = list_nth(set->renamed, i + 1);
	pfree(key);
	if (trainjob_lookup_column(rel, name, kind, column))
		return true;
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

/*
 * Whether the database computes a column that we would write, or computes it
 * only when it is read, which no trigger sees.
 */
static bool
is_out_of_reach(Relation rel, const KnownColumn *known, const Column *column)
{
	return column->is_generated &&
		   ((known->flags & (BY_TRIGGERS | BY_REPORTS)) != 0 ||
			trainjob_is_virtual(RelationGetDescr(rel), column->attnum));
}

bool
trainjob_find_column(TrainjobSet *set, TableId table, Relation rel, int place,
					 bool required, Column *column)
{
	const KnownColumn *known = &trainjob_known_tables[table].column[place];

	if (!trainjob_find_named_column(set, table, rel, known->name, known->kind,
									required, column))
		return false;
	if (!required && is_out_of_reach(rel, known, column))
	{
		column->attnum = 0;
		return false;
	}
	if ((known->flags & AN_ALERT_TYPE) != 0)
		column->words = trainjob_find_words(trainjob_known_alert_type,
											set->renamed, "alerts.type");
	/* a record of it has our word, but where it is an enum of theirs */
	if ((known->flags & A_STATUS) != 0)
		column->words =
			trainjob_find_words(trainjob_known_status, set->renamed,
								table == TABLE_JOBS || column->is_enum
									? "jobs.status"
									: "none");
	if (trainjob_can_be_null(known))
		trainjob_find_filler(rel, column);
	return true;
}

void
trainjob_find_columns(TrainjobSet *set, TableId table, Relation rel,
					  const int *places, int count, Column *columns)
{
	for (int i = 0; i < count; i++)
	{
		const KnownColumn *known =
			&trainjob_known_tables[table].column[places[i]];

		trainjob_find_column(set, table, rel, places[i],
							 (known->flags & ESSENTIAL) != 0,
							 &columns[places[i]]);
	}
}
