/*
 * column.c
 *	  Columns by name.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/resowner.h"

#include "tables/column.h"

bool
trainjob_kind_accepts(ColumnKind kind, Oid type, bool is_enum)
{
	switch (kind)
	{
		case COLUMN_KEY:
			break;
		case COLUMN_PATH:
			if (type == UUIDOID || type == INT2OID || type == INT4OID ||
				type == INT8OID)
				return true;
			return trainjob_kind_accepts(COLUMN_TEXT, type, is_enum);
		case COLUMN_COUNT:
		case COLUMN_NUMBER:
			return type == INT2OID || type == INT4OID || type == INT8OID ||
				   type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID;
		case COLUMN_TIME:
			return type == TIMESTAMPTZOID || type == TIMESTAMPOID;
		case COLUMN_TEXT:
			return is_enum || type == TEXTOID || type == VARCHAROID ||
				   type == BPCHAROID || type == NAMEOID;
		case COLUMN_JSON:
			return type == JSONBOID || type == JSONOID || type == TEXTOID ||
				   type == VARCHAROID;
	}
	return true;
}

const char *
trainjob_kind_allows(ColumnKind kind)
{
	static const char *const types[] = {
		[COLUMN_KEY] = "any",
		[COLUMN_COUNT] = "smallint, integer, bigint, numeric, real or double "
						 "precision",
		[COLUMN_NUMBER] = "smallint, integer, bigint, numeric, real or double "
						  "precision",
		[COLUMN_TIME] = "timestamp with or without time zone",
		[COLUMN_TEXT] = "text, character varying, character, name or an enum",
		[COLUMN_JSON] = "jsonb, json, text or character varying",
		[COLUMN_PATH] = "text, character varying, character, name, an enum, "
						"uuid, smallint, integer or "
						"bigint",
	};

	return types[kind];
}

bool
trainjob_lookup_column(Relation rel, const char *name, ColumnKind kind,
					   Column *column)
{
	TupleDesc desc = RelationGetDescr(rel);

	memset(column, 0, sizeof(Column));
	column->table = RelationGetRelid(rel);
	column->owner = rel->rd_rel->relowner;
	column->kind = kind;
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped || strcmp(NameStr(att->attname), name) != 0)
			continue;
		column->attnum = att->attnum;
		column->typmod = att->atttypmod;
		column->type = getBaseTypeAndTypmod(att->atttypid, &column->typmod);
		column->typlen = att->attlen;
		column->typbyval = att->attbyval;
		if (att->atttypid != column->type)
		{
			column->domain = att->atttypid;
			/* a key stays what it was when it was checked */
			column->is_checked = kind != COLUMN_KEY && kind != COLUMN_JSON &&
								 kind != COLUMN_PATH;
		}
		column->is_generated = att->attgenerated != '\0';
		column->is_enum = type_is_enum(column->type);
		column->is_plain =
			FLOAT8PASSBYVAL &&
			((kind == COLUMN_COUNT && column->type == INT8OID) ||
			 (kind == COLUMN_NUMBER && column->type == FLOAT8OID) ||
			 /* a time without time zone is UTC */
			 (kind == COLUMN_TIME && (column->type == TIMESTAMPTZOID ||
									  column->type == TIMESTAMPOID)));
		column->name = pstrdup(name);
		if (!trainjob_kind_accepts(kind, column->type, column->is_enum))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" of relation \"%s\" has type %s",
							name, RelationGetRelationName(rel),
							format_type_be(att->atttypid)),
					 errdetail("The type must be %s.",
							   trainjob_kind_allows(kind)),
					 errtable(rel)));
		return true;
	}
	return false;
}

bool
trainjob_is_reference(const Column *column, const Column *target)
{
	return column->typbyval == target->typbyval &&
		   (column->typbyval || column->typlen == target->typlen);
}

/* An error where trainjob_is_reference() is false; absent columns pass. */
void
trainjob_check_reference(const Column *column, const Column *target)
{
	if (column->attnum == 0 || target->attnum == 0 ||
		trainjob_is_reference(column, target))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of relation \"%s\" has type %s",
					column->name, get_rel_name(column->table),
					format_type_be(column->type)),
			 errdetail("Column \"%s\" of relation \"%s\", to which it refers, "
					   "has type %s.",
					   target->name, get_rel_name(target->table),
					   format_type_be(target->type)),
			 errhint("Give both the same type.")));
}

const char *
trainjob_selected(const Column *column)
{
	return column->attnum == 0 ? "NULL" : quote_identifier(column->name);
}
