/*
 * filler.c
 *	  What stands for NULL in a column that is NOT NULL.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "pg/compat.h"
#include "tables/columns.h"
#include "tables/filler.h"
#include "tables/set.h"

PG_FUNCTION_INFO_V1(trainjob_column_filler);
PG_FUNCTION_INFO_V1(trainjob_required_value);

static bool constant_value(Node *node, Datum *value);

/* A cast of PostgreSQL's own, of a constant. */
static bool
constant_cast(FuncExpr *cast, Datum *value)
{
	Datum args[3] = {0};
	int count = 0;
	ListCell *cell;

	if (cast->funcformat == COERCE_EXPLICIT_CALL ||
		cast->funcid >= FirstNormalObjectId || list_length(cast->args) > 3 ||
		func_volatile(cast->funcid) != PROVOLATILE_IMMUTABLE)
		return false;
	foreach (cell, cast->args)
		if (!constant_value(lfirst(cell), &args[count++]))
			return false;
	*value = count == 1 ? OidFunctionCall1(cast->funcid, args[0])
			 : count == 2
				 ? OidFunctionCall2(cast->funcid, args[0], args[1])
				 : OidFunctionCall3(cast->funcid, args[0], args[1], args[2]);
	return true;
}

/* The value of a constant, which no planner has made simple yet. */
static bool
constant_value(Node *node, Datum *value)
{
	if (IsA(node, Const))
	{
		*value = ((Const *) node)->constvalue;
		return !((Const *) node)->constisnull;
	}
	if (IsA(node, RelabelType))
		return constant_value((Node *) ((RelabelType *) node)->arg, value);
	if (IsA(node, CoerceToDomain))
		return constant_value((Node *) ((CoerceToDomain *) node)->arg, value);
	return IsA(node, FuncExpr) && constant_cast((FuncExpr *) node, value);
}

Node *
trainjob_column_default(Relation rel, AttrNumber attnum)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	for (int i = 0; constr != NULL && i < constr->num_defval; i++)
		if (constr->defval[i].adnum == attnum)
			return stringToNode(constr->defval[i].adbin);
	return NULL;
}

/* Whether a domain, or one under it, is NOT NULL. */
static bool
domain_is_not_null(Oid type)
{
	bool not_null = false;

	while (OidIsValid(type) && !not_null)
	{
		HeapTuple tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		Form_pg_type form;

		if (!HeapTupleIsValid(tuple))
			break;
		form = (Form_pg_type) GETSTRUCT(tuple);
		not_null = form->typnotnull;
		type = form->typtype == TYPTYPE_DOMAIN ? form->typbasetype : InvalidOid;
		ReleaseSysCache(tuple);
	}
	return not_null;
}

/* The first label of an enum, as a Datum; that of InvalidOid if it has none. */
static Datum
first_label(Oid type)
{
	CatCList *labels =
		SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(type));
	Oid label = InvalidOid;
	float4 first = 0;

	for (int i = 0; i < labels->n_members; i++)
	{
		Form_pg_enum form =
			(Form_pg_enum) GETSTRUCT(&labels->members[i]->tuple);

		if (OidIsValid(label) && form->enumsortorder > first)
			continue;
		label = form->oid;
		first = form->enumsortorder;
	}
	ReleaseCatCacheList(labels);
	return ObjectIdGetDatum(label);
}

/* The empty value of a type; of an enum, its first label. */
static Datum
empty_value(const Column *column)
{
	switch (column->type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return TimestampTzGetDatum(DT_NOBEGIN);
		case FLOAT4OID:
			return Float4GetDatum(0);
		case FLOAT8OID:
			return Float8GetDatum(0);
		case INT2OID:
			return Int16GetDatum(0);
		case INT4OID:
			return Int32GetDatum(0);
		case INT8OID:
			return Int64GetDatum(0);
		case NUMERICOID:
			return DirectFunctionCall1(int4_numeric, Int32GetDatum(0));
		case NAMEOID:
			return DirectFunctionCall1(namein, CStringGetDatum(""));
		case BPCHAROID:
			return DirectFunctionCall3(bpcharin, CStringGetDatum(""),
									   ObjectIdGetDatum(InvalidOid),
									   Int32GetDatum(column->typmod));
	}
	return column->is_enum ? first_label(column->type)
						   : CStringGetTextDatum("");
}

void
trainjob_find_filler(Relation rel, Column *column)
{
	Node *expression;
	Datum value;
	bool is_constant;

	if (column->attnum == 0 || column->is_generated ||
		column->kind == COLUMN_JSON ||
		(column->kind == COLUMN_PATH &&
		 !trainjob_kind_accepts(COLUMN_TEXT, column->type, false)))
		return;
	if (!TupleDescAttr(RelationGetDescr(rel), column->attnum - 1)->attnotnull &&
		!(OidIsValid(column->domain) && domain_is_not_null(column->domain)))
		return;
	expression = trainjob_column_default(rel, column->attnum);
	if (expression == NULL && OidIsValid(column->domain))
		expression = get_typdefault(column->domain);
	is_constant = expression != NULL && constant_value(expression, &value);
	/* a key means something, but for the one that all have by default */
	if (column->kind == COLUMN_KEY && !(is_constant && column->typbyval))
		return;
	if (!is_constant)
		value = empty_value(column);
	column->has_filler = true;
	column->filler = datumCopy(value, column->typbyval, column->typlen);
	/* where the default is now() or the like, all times are what they are */
	if (column->kind != COLUMN_TIME || expression == NULL || is_constant)
		column->is_plain = false;
}

/* The filler as its type writes it, and reads it again in any session. */
static char *
filler_output(const Column *column)
{
	Oid output;
	bool is_varlena;
	int level = NewGUCNestLevel();
	char *text;

	(void) set_config_option("DateStyle", "ISO, YMD", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	getTypeOutputInfo(column->type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, column->filler);
	AtEOXact_GUC(true, level);
	return text;
}

char *
trainjob_filler_text(const Column *column)
{
	if (!column->has_filler)
		return NULL;
	return psprintf("CAST(%s AS %s)", quote_literal_cstr(filler_output(column)),
					format_type_be_qualified(column->type));
}

char *
trainjob_is_null_text(const Column *column)
{
	const char *name = quote_identifier(column->name);

	if (!column->has_filler)
		return psprintf("%s IS NULL", name);
	return psprintf("CAST(%s AS %s) OPERATOR(pg_catalog.=) %s", name,
					format_type_be_qualified(column->type),
					trainjob_filler_text(column));
}

/* Whether a foreign key has the column. */
static bool
is_in_foreign_key(Relation rel, AttrNumber attnum)
{
	ListCell *cell;

	foreach (cell, RelationGetFKeyList(rel))
	{
		ForeignKeyCacheInfo *key = lfirst(cell);

		for (int i = 0; i < key->nkeys; i++)
			if (key->conkey[i] == attnum)
				return true;
	}
	return false;
}

/* Whether a unique index has the column. */
static bool
is_in_unique_index(Relation rel, AttrNumber attnum)
{
	ListCell *cell;
	bool found = false;

	foreach (cell, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(cell), AccessShareLock);
		Form_pg_index form = index->rd_index;

		for (int i = 0; form->indisunique && i < form->indnkeyatts; i++)
			found |= form->indkey.values[i] == attnum;
		index_close(index, AccessShareLock);
	}
	return found;
}

char *
trainjob_required_text(Relation rel, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	bool unique;

	if (!att->attnotnull || att->atthasdef || att->attidentity != '\0' ||
		att->attgenerated != '\0' || is_in_foreign_key(rel, attnum))
		return NULL;
	unique = is_in_unique_index(rel, attnum);
	switch (getBaseType(att->atttypid))
	{
		case UUIDOID:
			return unique ? "pg_catalog.gen_random_uuid()" : NULL;
		case TEXTOID:
		case VARCHAROID:
			return unique
					   ? "CAST(pg_catalog.gen_random_uuid() AS pg_catalog.text)"
					   : NULL;
		case TIMESTAMPTZOID:
			return unique ? NULL : "pg_catalog.now()";
		case TIMESTAMPOID:
			return unique ? NULL
						  : "pg_catalog.timezone('UTC', pg_catalog.now())";
		case BOOLOID:
			return unique ? NULL : "false";
		case JSONOID:
		case JSONBOID:
			return unique ? NULL : "'{}'";
	}
	return NULL;
}

/*
 * trainjob_required_value
 *		SQL: required_value(rel regclass, column_name name) returns text, strict:
 *		what trainjob_required_text() says.
 */
Datum
trainjob_required_value(PG_FUNCTION_ARGS)
{
	Relation rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	AttrNumber attnum =
		get_attnum(RelationGetRelid(rel), NameStr(*PG_GETARG_NAME(1)));
	char *value = attnum <= 0 ? NULL : trainjob_required_text(rel, attnum);

	relation_close(rel, AccessShareLock);
	if (value == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(value));
}

/*
 * trainjob_column_filler
 *		SQL: column_filler(rel regclass, table_key text, column_name name,
 *		actual_name name) returns text, strict: what stands for NULL in the
 *		column that is, or stands for, one of ours, as its type writes it; NULL
 *		where it can be NULL itself.
 */
Datum
trainjob_column_filler(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(1));
	char *name = NameStr(*PG_GETARG_NAME(2));
	Relation rel = relation_open(PG_GETARG_OID(0), AccessShareLock);
	Column column = {0};
	text *filler = NULL;

	for (TableId table = 0; table < TABLE_COUNT; table++)
	{
		const KnownTable *known = &trainjob_known_tables[table];

		for (int i = 0; strcmp(known->key, key) == 0 && i < known->count; i++)
			if (strcmp(known->column[i].name, name) == 0 &&
				trainjob_can_be_null(&known->column[i]) &&
				trainjob_lookup_column(rel, NameStr(*PG_GETARG_NAME(3)),
									   known->column[i].kind, &column))
				trainjob_find_filler(rel, &column);
	}
	/* not where all values are what they are */
	if (column.has_filler && !column.is_plain)
		filler = cstring_to_text(filler_output(&column));
	relation_close(rel, AccessShareLock);
	if (filler == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(filler);
}
