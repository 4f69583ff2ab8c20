/*
 * column_words.c
 *	  How a column says a status, or the type of an alert.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "status/status.h"
#include "status/words.h"
#include "tables/column_words.h"

PG_FUNCTION_INFO_V1(trainjob_job_status);
PG_FUNCTION_INFO_V1(trainjob_alert_type);
PG_FUNCTION_INFO_V1(trainjob_is_word_argument_sql);
PG_FUNCTION_INFO_V1(trainjob_known_word);
PG_FUNCTION_INFO_V1(trainjob_is_plain_word);
PG_FUNCTION_INFO_V1(trainjob_status_has_ended);
PG_FUNCTION_INFO_V1(trainjob_check_job_status);
PG_FUNCTION_INFO_V1(trainjob_check_alert_type);
PG_FUNCTION_INFO_V1(trainjob_is_total_steps_source);
PG_FUNCTION_INFO_V1(trainjob_is_alert_outcome);

/*
 * Takes "ours=theirs", "ours.1=theirs" or "ours.2=theirs", of which the first two
 * are written; false where "ours" is none of ours.
 */
static bool
read_own_word(KnownWord known, const char *ours, const char *theirs,
			  OwnWord *word)
{
	int length = strcspn(ours, ".=");

	word->ours = known(ours, length);
	word->theirs = theirs;
	word->is_written =
		ours[length] != '.' ||
		strncmp(ours + length, ".1", strcspn(ours + length, "=")) == 0;
	return word->ours != NULL;
}

const ColumnWords *
trainjob_find_words(KnownWord known, List *renamed, const char *name)
{
	int length = strlen(name);
	ColumnWords *words = palloc0(offsetof(ColumnWords, own) +
								 list_length(renamed) / 2 * sizeof(OwnWord));

	words->known = known;
	for (int i = 0; i + 1 < list_length(renamed); i += 2)
	{
		const char *argument = list_nth(renamed, i);

		if (strncmp(argument, name, length) == 0 && argument[length] == ':' &&
			read_own_word(known, argument + length + 1,
						  list_nth(renamed, i + 1), &words->own[words->count]))
			words->count++;
	}
	return words;
}

/* SQL: is_word_argument(argument text) returns boolean, strict: the same. */
Datum
trainjob_is_word_argument_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(
		trainjob_is_word_argument(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

bool
trainjob_is_word_argument(const char *argument)
{
	static const char *const columns[] = {"jobs.status:", "alerts.type:"};

	for (int i = 0; i < lengthof(columns); i++)
		if (strncmp(argument, columns[i], strlen(columns[i])) == 0)
			return true;
	return false;
}

const char *
trainjob_meaning(const ColumnWords *words, const char *text, int length)
{
	for (int i = 0; i < words->count; i++)
		if (words->own[i].theirs[0] != '\0' &&
			trainjob_is_word(text, length, words->own[i].theirs))
			return words->own[i].ours;
	return words->known(text, length);
}

const char *
trainjob_spelling(const ColumnWords *words, const char *ours)
{
	for (int i = 0; i < words->count; i++)
		if (words->own[i].is_written && strcmp(words->own[i].ours, ours) == 0)
			return words->own[i].theirs[0] == '\0' ? NULL
												   : words->own[i].theirs;
	return ours;
}

/* The own words as an array for job_status(): ours=theirs, ... */
static Datum
own_words_array(const ColumnWords *words)
{
	Datum *items = palloc(Max(words->count, 1) * sizeof(Datum));

	for (int i = 0; i < words->count; i++)
		items[i] = CStringGetTextDatum(
			psprintf("%s=%s", words->own[i].ours, words->own[i].theirs));
	return PointerGetDatum(
		construct_array(items, words->count, TEXTOID, -1, false, TYPALIGN_INT));
}

char *
trainjob_meaning_text(const Column *column)
{
	const char *name = quote_identifier(column->name);
	char *own;

	if (column->words->count == 0)
		return psprintf("_trainjob.job_status(_trainjob.output_text(%s))",
						name);
	own = OidOutputFunctionCall(F_ARRAY_OUT, own_words_array(column->words));
	return psprintf("_trainjob.job_status(_trainjob.output_text(%s), "
					"%s::pg_catalog.text[])",
					name, quote_literal_cstr(own));
}

/* ----------
 * For SQL
 * ----------
 */

/* Our word for the first argument; the second has a set's own words. */
static Datum
meaning(FunctionCallInfo fcinfo, KnownWord known)
{
	text *word = PG_GETARG_TEXT_PP(0);
	const char *ours;
	Datum *items;
	int count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false,
					  TYPALIGN_INT, &items, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		char *item = TextDatumGetCString(items[i]);
		char *equals = strchr(item, '=');
		OwnWord own;

		if (equals != NULL && read_own_word(known, item, equals + 1, &own) &&
			trainjob_is_word(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word),
							 own.theirs))
			PG_RETURN_TEXT_P(cstring_to_text(own.ours));
	}
	ours = known(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
	PG_RETURN_TEXT_P(ours == NULL ? word : cstring_to_text(ours));
}

/*
 * trainjob_job_status
 *		SQL: job_status(word text, own text[]) returns text, strict: our word for
 *		a status, or the word itself where it means none of ours.  "own" are
 *		words that a set says of itself, each as ours=theirs.
 */
Datum
trainjob_job_status(PG_FUNCTION_ARGS)
{
	return meaning(fcinfo, trainjob_known_status);
}

/* SQL: alert_type(word text, own text[]) returns text, strict: the same. */
Datum
trainjob_alert_type(PG_FUNCTION_ARGS)
{
	return meaning(fcinfo, trainjob_known_alert_type);
}

/* Our word for a text of one argument, or NULL. */
static const char *
known_argument(FunctionCallInfo fcinfo, KnownWord known)
{
	text *word = PG_GETARG_TEXT_PP(0);

	return known(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));
}

/*
 * trainjob_known_word
 *		SQL: known_word(column_key text, word text) returns text, strict: our word
 *		for a status ("jobs.status") or the type of an alert, or NULL.
 */
Datum
trainjob_known_word(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text *word = PG_GETARG_TEXT_PP(1);
	KnownWord known = strcmp(key, "jobs.status") == 0
						  ? trainjob_known_status
						  : trainjob_known_alert_type;
	const char *ours = known(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word));

	if (ours == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(ours));
}

/*
 * trainjob_is_plain_word
 *		SQL: is_plain_word(column_key text, word text) returns boolean, strict:
 *		whether a word means just what ours does, so that it can be written for it.
 */
Datum
trainjob_is_plain_word(PG_FUNCTION_ARGS)
{
	char *key = text_to_cstring(PG_GETARG_TEXT_PP(0));
	text *word = PG_GETARG_TEXT_PP(1);

	PG_RETURN_BOOL(
		strcmp(key, "jobs.status") != 0 ||
		trainjob_is_plain_status(VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word)));
}

/* SQL: has_ended(status text) returns boolean, strict. */
Datum
trainjob_status_has_ended(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(trainjob_has_ended(
		trainjob_state_of(known_argument(fcinfo, trainjob_known_status))));
}

/*
 * trainjob_check_job_status
 *		SQL: check_job_status(status text) returns boolean, strict: true, or an
 *		error for a word that means none of ours.  For a CHECK.
 */
Datum
trainjob_check_job_status(PG_FUNCTION_ARGS)
{
	if (known_argument(fcinfo, trainjob_known_status) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("invalid status \"%s\" of a job: it must be %s",
						text_to_cstring(PG_GETARG_TEXT_PP(0)),
						trainjob_status_list()),
				 errdetail("Usual words for them are known too, such as "
						   "succeeded, in_progress, error or CANCELED.")));
	PG_RETURN_BOOL(true);
}

/* SQL: check_alert_type(type text) returns boolean, strict: the same. */
Datum
trainjob_check_alert_type(PG_FUNCTION_ARGS)
{
	if (known_argument(fcinfo, trainjob_known_alert_type) == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid type \"%s\" of an alert: it must be %s",
							   text_to_cstring(PG_GETARG_TEXT_PP(0)),
							   trainjob_alert_type_list()),
						errdetail("Usual words for them are known too, such as "
								  "job_succeeded or job_stopped.")));
	PG_RETURN_BOOL(true);
}

/* SQL: is_total_steps_source(source text) returns boolean, strict. */
Datum
trainjob_is_total_steps_source(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(trainjob_source_of(text_to_cstring(PG_GETARG_TEXT_PP(0))) !=
				   SOURCE_UNKNOWN);
}

/* SQL: is_alert_outcome(outcome text) returns boolean, strict. */
Datum
trainjob_is_alert_outcome(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(trainjob_is_outcome(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}
