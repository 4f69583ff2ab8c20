/*
 * target.c
 *	  Which keys of a report or an alert go to which columns.
 *
 * A token writes the columns that are trainjob's own and to be reported (BY_TOKEN
 * in columns.h), and those that attach() was told of.  What trainers call the
 * former by names of their own is in alias.c.  All other keys go to one column of
 * json.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodes.h"
#include "utils/ruleutils.h"

#include "tables/column_words.h"
#include "tables/columns.h"
#include "tables/filler.h"
#include "tables/partner.h"
#include "token/alias.h"
#include "token/target.h"

/* How an application's column takes a value: as its type can. */
static FieldUse
use_of_type(const Column *column)
{
	switch (column->type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return FIELD_INTEGER;
		case FLOAT4OID:
		case FLOAT8OID:
		case NUMERICOID:
			return FIELD_NUMBER;
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return FIELD_TIME;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return FIELD_TEXT;
	}
	return FIELD_OTHER;
}

/*
 * What a column gets where a point has no value, as SQL: its default, now for a
 * moment, or else what fills it; NULL for NULL.
 */
static const char *
preset_of(Relation rel, const Column *column, FieldUse use)
{
	Node *expression = trainjob_column_default(rel, column->attnum);

	if (expression != NULL)
		return deparse_expression(expression,
								  deparse_context_for(RelationGetRelationName(
														  rel),
													  RelationGetRelid(rel)),
								  false, false);
	if (use == FIELD_MOMENT)
		return "pg_catalog.now()";
	if (column->has_filler)
		return trainjob_filler_text(column);
	return trainjob_required_text(rel, column->attnum);
}

/*
 * Lets a key write a column; false where the column is another key's, not for
 * reports, or the database's to fill.
 */
static bool
add_field(Target *target, Relation rel, const char *key, const Column *column,
		  FieldUse use)
{
	Field *field = &target->field[target->count];

	if (column->attnum == 0 || column->is_generated ||
		TupleDescAttr(RelationGetDescr(rel), column->attnum - 1)->attidentity !=
			'\0' ||
		bms_is_member(column->attnum, target->taken))
		return false;
	target->taken = bms_add_member(target->taken, column->attnum);
	if (use == FIELD_KEPT)
		return true;
	if (use == FIELD_REST)
		target->rest = target->count;
	else if (use == FIELD_NUMBER && use_of_type(column) == FIELD_INTEGER)
		use = FIELD_INTEGER;
	field->key = key;
	field->column = *column;
	field->use = use;
	field->type = OidIsValid(column->domain) ? column->domain : column->type;
	field->narrow = field->type != INT8OID && field->type != FLOAT8OID &&
					field->type != TEXTOID;
	field->preset = preset_of(rel, column, use);
	target->in_utc |= trainjob_is_utc_field(field);
	target->count++;
	return true;
}

/* What becomes of the key of one of our columns. */
static FieldUse
use_of_known(const KnownColumn *known)
{
	if (!(known->flags & BY_TOKEN))
		return FIELD_KEPT;
	switch (known->kind)
	{
		case COLUMN_COUNT:
			return known->flags & ESSENTIAL ? FIELD_STEP : FIELD_COUNT;
		case COLUMN_NUMBER:
			return FIELD_NUMBER;
		case COLUMN_TIME:
			return FIELD_MOMENT;
		case COLUMN_TEXT:
			return FIELD_TEXT;
		case COLUMN_JSON:
			return FIELD_REST;
		case COLUMN_KEY:
		case COLUMN_PATH:
			break;
	}
	return FIELD_KEPT;
}

/* A column of ours by its name, or NULL. */
static const KnownColumn *
find_known(const KnownTable *table, const char *name)
{
	for (int i = 0; i < table->count; i++)
		if (strcmp(table->column[i].name, name) == 0)
			return &table->column[i];
	return NULL;
}

/*
 * The key of an argument "metrics.key=column" whose name is none of ours: the
 * owner of the set lets a token write that column.  NULL for another argument,
 * and for a name that is kept in the other table: user_id is whose a row is.
 */
static const char *
token_key(TableId table, const char *argument)
{
	const KnownTable *known = &trainjob_known_tables[table];
	int length = strlen(known->key);
	const char *key = argument + length + 1;
	const KnownColumn *of_alert;

	if (strncmp(argument, known->key, length) != 0 || argument[length] != '.' ||
		trainjob_is_word_argument(argument) || find_known(known, key) != NULL)
		return NULL;
	of_alert = find_known(&trainjob_known_tables[TABLE_ALERTS], key);
	return of_alert != NULL && use_of_known(of_alert) == FIELD_KEPT ? NULL
																	: key;
}

/*
 * Finds the columns of ours that are kept, or those that reports write.  A
 * column that has another name than ours is found by its key all the same, and
 * one that happens to bear our name is not.
 */
static void
add_known_fields(TrainjobSet *set, Relation rel, bool kept, Target *target)
{
	TableId table = target->rules->table;
	const KnownTable *known = &trainjob_known_tables[table];

	for (int i = 0; i < known->count; i++)
	{
		const KnownColumn *ours = &known->column[i];
		FieldUse use = use_of_known(ours);
		bool required = use == FIELD_STEP;
		Column column;

		if ((use == FIELD_KEPT) != kept)
			continue;
		trainjob_find_column(set, table, rel, i, required, &column);
		if (!add_field(target, rel, ours->name, &column, use) && required)
			ereport(
				ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("column \"%s\" of table \"%s\" cannot be written "
						"by a report",
						column.name, RelationGetRelationName(rel)),
				 errdetail("It stands for \"%s\", but for a column that no "
						   "report writes as well, or the database fills it.",
						   ours->name)));
	}
}

/* The columns that an INSERT names anyway, or that triggers fill. */
static Bitmapset *
written_columns(TrainjobSet *set, Relation rel, const Target *target)
{
	const KnownTable *known = &trainjob_known_tables[target->rules->table];
	Bitmapset *written = bms_make_singleton(target->job_id.attnum);

	if (target->kind.attnum != 0)
		written = bms_add_member(written, target->kind.attnum);
	for (int i = 0; i < target->count; i++)
		written = bms_add_member(written, target->field[i].column.attnum);
	for (int i = 0; i < known->count; i++)
	{
		Column column;

		if ((known->column[i].flags & BY_TRIGGERS) != 0 &&
			trainjob_find_column(set, target->rules->table, rel, i, false,
								 &column))
			written = bms_add_member(written, column.attnum);
	}
	return written;
}

/* What other columns must have, see trainjob_required_text(). */
static void
find_required(TrainjobSet *set, Relation rel, Target *target)
{
	TupleDesc desc = RelationGetDescr(rel);
	Bitmapset *written = written_columns(set, rel, target);

	for (int i = 0; i < desc->natts; i++)
	{
		char *value;

		if (TupleDescAttr(desc, i)->attisdropped ||
			bms_is_member(i + 1, written) ||
			(value = trainjob_required_text(rel, i + 1)) == NULL)
			continue;
		target->required =
			lappend(lappend(target->required,
							pstrdup(NameStr(TupleDescAttr(desc, i)->attname))),
					value);
	}
}

/* Finds the fields that reports fill under other names, too. */
static void
find_aliased(Target *target)
{
	target->alias = palloc(trainjob_alias_count * sizeof(int));
	for (int i = 0; i < trainjob_alias_count; i++)
	{
		target->alias[i] = -1;
		for (int j = 0; j < target->count; j++)
			if (strcmp(target->field[j].key, trainjob_aliases[i].ours) == 0)
				target->alias[i] = j;
	}
}

void
trainjob_describe_target(TrainjobSet *set, Relation rel, Target *target)
{
	TableId table = target->rules->table;
	int most =
		trainjob_known_tables[table].count + list_length(set->renamed) / 2;

	target->field = palloc0(most * sizeof(Field));
	target->rest = -1;
	add_known_fields(set, rel, true, target);
	add_known_fields(set, rel, false, target);
	for (int i = 0; i + 1 < list_length(set->renamed); i += 2)
	{
		const char *key = token_key(table, list_nth(set->renamed, i));
		Column column;

		if (key == NULL)
			continue;
		trainjob_find_named_column(set, table, rel, key, COLUMN_KEY, false,
								   &column);
		(void) add_field(target, rel, key, &column, use_of_type(&column));
	}
	if (table == TABLE_METRICS)
		find_aliased(target);
	find_required(set, rel, target);
}
