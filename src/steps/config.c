/*
 * config.c
 *	  A job's configuration: finding values in it and judging them.
 *
 * Trainers write their settings in a dozen shapes.  trainjob_read_config()
 * looks through the sections of section 2 of doc/steps.md and remembers, for
 * each key that has a meaning, the first value that is not missing.  Nothing
 * is copied and nothing is judged: a JobConfig points into the jsonb.  Values
 * are judged when someone asks.
 *
 * No jsonb can raise an error here, whatever it holds.  Nothing recurses into
 * the document.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/numeric.h"

#include "steps/config.h"

/*
 * An object of up to this many keys is walked beside our list of keys, both
 * being in jsonb's order; in a larger one each of our keys is searched.
 */
#define WALKED_KEYS_MAX 512

/* The most bytes of a value that a message shows. */
#define SHOWN_BYTES_MAX 40

/* Where values are searched; the first section wins. */
typedef enum ConfigSection
{
	SECTION_TRAINING,
	SECTION_TRAINER,
	SECTION_HYPERPARAMETERS,
	SECTION_SUPERVISED,
	SECTION_DPO,
	SECTION_REINFORCEMENT,
	SECTION_TRAINING_ARGS,
	SECTION_TRAINING_ARGUMENTS,
	SECTION_TRAINER_ARGS,
	SECTION_TRAIN_ARGS,
	SECTION_TRAIN,
	SECTION_HYPER_PARAMETERS,
	SECTION_PARAMS,
	SECTION_TRAINING_CONFIG,
	SECTION_TRAIN_CONFIG,
	SECTION_TRAINER_CONFIG,
	SECTION_SFT_CONFIG,
	SECTION_ARGS,
	SECTION_DATA_ARGS,
	SECTION_FINETUNING_ARGS,
	SECTION_DATA,
	SECTION_INIT_ARGS,
	SECTION_DATASET,
	SECTION_TOP,
	SECTION_COUNT
} ConfigSection;

static const char *const section_paths[SECTION_COUNT] = {
	"training.",
	"trainer.",
	"hyperparameters.",
	"method.supervised.hyperparameters.",
	"method.dpo.hyperparameters.",
	"method.reinforcement.hyperparameters.",
	"training_args.",
	"training_arguments.",
	"trainer_args.",
	"train_args.",
	"train.",
	"hyperParameters.",
	"params.",
	"training_config.",
	"train_config.",
	"trainer_config.",
	"sft_config.",
	"args.",
	"data_args.",
	"finetuning_args.",
	"data.",
	"data.init_args.",
	"dataset.",
	""};

typedef struct KeyName
{
	const char *name;
	int len;
} KeyName;

#define KEY_NAME(symbol, name) {name, sizeof(name) - 1},
static const KeyName keys[CONFIG_KEY_COUNT] = {{"", 0},
											   TRAINJOB_CONFIG_KEYS(KEY_NAME)};

/* The keys in jsonb's order: shorter ones first, then by byte. */
static ConfigKey sorted_keys[CONFIG_KEY_COUNT - 1];

/* Where a configuration states its number of samples, in order (section 1). */
typedef struct SamplePath
{
	const char *section;
	const char *key;
	bool is_list; /* the length of an array, else a number */
} SamplePath;

static const SamplePath sample_paths[] = {
	{"data", "dataset_size", false},	  {"data", "datasetSize", false},
	{"data", "total_examples", false},	  {"dataset", "size", false},
	{"dataset", "total_examples", false}, {"metadata", "total_examples", false},
	{"metadata", "dataset_size", false},  {"training", "total_samples", false},
	{"data", "examples", true},			  {"dataset", "examples", true}};

/* ----------
 * Finding values
 * ----------
 */

/* Null and a text of blanks are no values. */
static bool
is_missing(const JsonbValue *value)
{
	const char *text;
	int len;

	return trainjob_trimmed_text(value, &text, &len) ? len == 0
													 : value->type == jbvNull;
}

static bool
is_object(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsObject(value->val.binary.data);
}

static bool
is_array(const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsArray(value->val.binary.data);
}

/* A member of an object; false where there is none, or no object. */
static bool
find_member(JsonbContainer *object, const char *key, JsonbValue *value)
{
	return object != NULL &&
		   getKeyJsonValueFromContainer(object, key, strlen(key), value) !=
			   NULL;
}

/* A member of an object that is an object itself, or NULL. */
static JsonbContainer *
find_object(JsonbContainer *object, const char *key)
{
	JsonbValue value;

	if (!find_member(object, key, &value) || !is_object(&value))
		return NULL;
	return value.val.binary.data;
}

/*
 * Weights & Biases writes {"value": 4} or {"desc": null, "value": 4} for 4
 * (the config.yaml of a run).
 */
void
trainjob_unwrap(JsonbValue *value)
{
	JsonbValue inner;
	JsonbContainer *object;

	if (!is_object(value))
		return;
	object = value->val.binary.data;
	if (JsonContainerSize(object) <= 2 &&
		find_member(object, "value", &inner) &&
		(JsonContainerSize(object) == 1 ||
		 getKeyJsonValueFromContainer(object, "desc", 4, &(JsonbValue){0}) !=
			 NULL))
		*value = inner;
}

/*
 * Remembers a value.  Sections are read from the last to the first, so a later
 * one takes the place of an earlier one, unless it is missing.
 */
static void
note_value(JobConfig *config, ConfigKey key, ConfigSection section,
		   JsonbValue *value)
{
	trainjob_unwrap(value);
	config->seen[key] |= CONFIG_SEEN;
	if (value->type == jbvNull)
		config->seen[key] |= CONFIG_NULL;
	if (is_missing(value))
		return;
	config->seen[key] |= CONFIG_GIVEN;
	config->value[key].value = *value;
	config->value[key].section = section;
}

/* Compares a name with a key as jsonb orders them. */
static int
compare_key(const KeyName *name, const JsonbValue *key)
{
	if (name->len != key->val.string.len)
		return name->len < key->val.string.len ? -1 : 1;
	return memcmp(name->name, key->val.string.val, name->len);
}

static void
walk_section(JsonbContainer *object, ConfigSection section, JobConfig *config)
{
	JsonbIterator *walk = JsonbIteratorInit(object);
	int next = 0;
	JsonbValue value;

	JsonbIteratorNext(&walk, &value, true); /* WJB_BEGIN_OBJECT */
	while (JsonbIteratorNext(&walk, &value, true) == WJB_KEY)
	{
		int order = -1;

		while (next < lengthof(sorted_keys) &&
			   (order = compare_key(&keys[sorted_keys[next]], &value)) < 0)
			next++;
		if (next == lengthof(sorted_keys))
			break;
		JsonbIteratorNext(&walk, &value, true); /* WJB_VALUE */
		if (order == 0)
			note_value(config, sorted_keys[next++], section, &value);
	}
	if (walk != NULL) /* freed by itself at the object's end */
		pfree(walk);
}

static void
read_section(JsonbContainer *object, ConfigSection section, JobConfig *config)
{
	JsonbValue value;

	if (object == NULL)
		return;
	if (JsonContainerSize(object) <= WALKED_KEYS_MAX)
	{
		walk_section(object, section, config);
		return;
	}
	for (ConfigKey key = CONFIG_NONE + 1; key < CONFIG_KEY_COUNT; key++)
		if (getKeyJsonValueFromContainer(object, keys[key].name, keys[key].len,
										 &value) != NULL)
			note_value(config, key, section, &value);
}

ConfigKey
trainjob_config_find_key(const JsonbValue *name)
{
	int low = 0;
	int high = lengthof(sorted_keys);

	while (low < high)
	{
		int middle = (low + high) / 2;
		int order = compare_key(&keys[sorted_keys[middle]], name);

		if (order == 0)
			return sorted_keys[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return CONFIG_NONE;
}

bool
trainjob_config_searches(const JobConfig *config, const JsonbContainer *object)
{
	for (int i = 0; i < SECTION_COUNT; i++)
		if (config->sections[i] == object)
			return true;
	return false;
}

/* Sections that stand at the top, by their keys; of others CONFIG_NONE. */
static const ConfigKey section_keys[SECTION_COUNT] = {
	[SECTION_TRAINING] = CONFIG_TRAINING,
	[SECTION_TRAINER] = CONFIG_TRAINER,
	[SECTION_HYPERPARAMETERS] = CONFIG_HYPERPARAMETERS,
	[SECTION_TRAINING_ARGS] = CONFIG_TRAINING_ARGS,
	[SECTION_TRAINING_ARGUMENTS] = CONFIG_TRAINING_ARGUMENTS,
	[SECTION_TRAINER_ARGS] = CONFIG_TRAINER_ARGS,
	[SECTION_TRAIN_ARGS] = CONFIG_TRAIN_ARGS,
	[SECTION_TRAIN] = CONFIG_TRAIN,
	[SECTION_HYPER_PARAMETERS] = CONFIG_HYPER_PARAMETERS,
	[SECTION_PARAMS] = CONFIG_PARAMS,
	[SECTION_TRAINING_CONFIG] = CONFIG_TRAINING_CONFIG,
	[SECTION_TRAIN_CONFIG] = CONFIG_TRAIN_CONFIG,
	[SECTION_TRAINER_CONFIG] = CONFIG_TRAINER_CONFIG,
	[SECTION_SFT_CONFIG] = CONFIG_SFT_CONFIG,
	[SECTION_ARGS] = CONFIG_ARGS,
	[SECTION_DATA_ARGS] = CONFIG_DATA_ARGS,
	[SECTION_FINETUNING_ARGS] = CONFIG_FINETUNING_ARGS,
	[SECTION_DATA] = CONFIG_DATA,
	[SECTION_DATASET] = CONFIG_DATASET,
};

/* The object that stands at the top under a key; once the top was read. */
static JsonbContainer *
top_object(const JobConfig *config, ConfigKey key)
{
	if (!trainjob_config_given(config, key) ||
		!is_object(&config->value[key].value))
		return NULL;
	return config->value[key].value.val.binary.data;
}

static JsonbContainer *
method_section(JobConfig *config, JsonbContainer *method, const char *kind)
{
	JsonbContainer *object = find_object(method, kind);

	if (object != NULL)
		config->has_method_object = true;
	return find_object(object, "hyperparameters");
}

void
trainjob_read_config(Jsonb *config, JobConfig *out)
{
	JsonbContainer **sections = out->sections;
	JsonbContainer *method;
	JsonbValue scalar;

	StaticAssertStmt(SECTION_COUNT <= CONFIG_SECTIONS_MAX, "too many sections");
	out->root = NULL;
	memset(out->sections, 0, sizeof(out->sections));
	out->is_readable = true;
	out->has_method_object = false;
	memset(out->seen, 0, sizeof(out->seen));
	if (config == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(config))
	{
		if (JB_ROOT_IS_SCALAR(config) &&
			JsonbExtractScalar(&config->root, &scalar) &&
			scalar.type == jbvNull)
			return;
		out->root = &config->root;
		out->is_readable = false;
		return;
	}

	out->root = &config->root;
	sections[SECTION_TOP] = out->root;
	read_section(out->root, SECTION_TOP, out);
	method = top_object(out, CONFIG_METHOD);
	for (int i = 0; i < SECTION_COUNT; i++)
		if (section_keys[i] != CONFIG_NONE)
			sections[i] = top_object(out, section_keys[i]);
	sections[SECTION_SUPERVISED] = method_section(out, method, "supervised");
	sections[SECTION_DPO] = method_section(out, method, "dpo");
	sections[SECTION_REINFORCEMENT] =
		method_section(out, method, "reinforcement");
	sections[SECTION_INIT_ARGS] =
		find_object(sections[SECTION_DATA], "init_args");
	for (int i = SECTION_TOP - 1; i >= 0; i--)
		read_section(sections[i], i, out);
}

int64
trainjob_config_sample_total(Jsonb *config)
{
	JsonbContainer *section = NULL;
	const char *section_name = "";

	if (config == NULL || !JB_ROOT_IS_OBJECT(config))
		return -1;
	for (int i = 0; i < lengthof(sample_paths); i++)
	{
		const SamplePath *path = &sample_paths[i];
		JsonbValue value;
		ConfigNumber number;

		if (strcmp(path->section, section_name) != 0)
		{
			section_name = path->section;
			section = find_object(&config->root, section_name);
		}
		if (!find_member(section, path->key, &value))
			continue;
		if (path->is_list)
		{
			if (is_array(&value) &&
				JsonContainerSize(value.val.binary.data) > 0)
				return JsonContainerSize(value.val.binary.data);
		}
		else if (trainjob_read_number(&value, &number) && number.fits &&
				 number.is_whole && number.sign > 0)
			return number.whole;
	}
	return -1;
}

/* ----------
 * Judging values
 * ----------
 */

/* Whether a value is this word, in any case, with blanks around it or not. */
static bool
is_word(const JsonbValue *value, const char *word)
{
	const char *text;
	int len;

	return trainjob_trimmed_text(value, &text, &len) && len == strlen(word) &&
		   pg_strncasecmp(text, word, len) == 0;
}

static bool
is_on(const JsonbValue *value)
{
	ConfigNumber number;

	if (value->type == jbvBool)
		return value->val.boolean;
	if (is_word(value, "true") || is_word(value, "yes") || is_word(value, "on"))
		return true;
	return trainjob_read_number(value, &number) && number.sign != 0;
}

bool
trainjob_config_number(const JobConfig *config, ConfigKey key,
					   ConfigNumber *out)
{
	return trainjob_config_given(config, key) &&
		   trainjob_read_number(&config->value[key].value, out);
}

int64
trainjob_config_count(const JobConfig *config, ConfigKey key)
{
	ConfigNumber number;

	if (!trainjob_config_number(config, key, &number) || !number.is_whole ||
		!number.fits || number.whole < 1 || number.whole > PG_INT32_MAX)
		return -1;
	return number.whole;
}

bool
trainjob_config_on(const JobConfig *config, ConfigKey key)
{
	return trainjob_config_given(config, key) &&
		   is_on(&config->value[key].value);
}

bool
trainjob_config_word(const JobConfig *config, ConfigKey key, const char *word)
{
	return trainjob_config_given(config, key) &&
		   is_word(&config->value[key].value, word);
}

bool
trainjob_config_member_on(const JobConfig *config, ConfigKey key,
						  const char *member)
{
	JsonbValue value;

	return trainjob_config_given(config, key) &&
		   is_object(&config->value[key].value) &&
		   find_member(config->value[key].value.val.binary.data, member,
					   &value) &&
		   is_on(&value);
}

int64
trainjob_config_length(const JobConfig *config, ConfigKey key)
{
	if (!trainjob_config_given(config, key) ||
		!is_array(&config->value[key].value))
		return -1;
	return JsonContainerSize(config->value[key].value.val.binary.data);
}

/* ----------
 * Texts
 * ----------
 */

const char *
trainjob_config_key_name(ConfigKey key)
{
	return keys[key].name;
}

char *
trainjob_config_path(const JobConfig *config, ConfigKey key)
{
	Assert(trainjob_config_given(config, key));
	return psprintf("config.%s%s", section_paths[config->value[key].section],
					keys[key].name);
}

char *
trainjob_config_shown(const JobConfig *config, ConfigKey key)
{
	const JsonbValue *value = &config->value[key].value;
	StringInfoData shown;
	char *text;
	int len;
	int kept;

	Assert(trainjob_config_given(config, key));
	switch (value->type)
	{
		case jbvString:
			len = value->val.string.len;
			kept = pg_mbcliplen(value->val.string.val, len, SHOWN_BYTES_MAX);
			initStringInfo(&shown);
			escape_json(&shown, pnstrdup(value->val.string.val, kept));
			if (kept < len)
			{
				shown.data[--shown.len] = '\0'; /* the closing quote */
				appendStringInfoString(&shown, "...\"");
			}
			return shown.data;
		case jbvNumeric:
			text = DatumGetCString(
				DirectFunctionCall1(numeric_out,
									NumericGetDatum(value->val.numeric)));
			if (strlen(text) > SHOWN_BYTES_MAX)
				strcpy(text + SHOWN_BYTES_MAX - 3, "...");
			return text;
		case jbvBool:
			return pstrdup(value->val.boolean ? "true" : "false");
		default:
			return pstrdup(is_array(value) ? "an array" : "an object");
	}
}

const char *
trainjob_config_kind(const JobConfig *config)
{
	JsonbValue scalar;

	Assert(!config->is_readable);
	if (!JsonbExtractScalar(config->root, &scalar))
		return "an array";
	switch (scalar.type)
	{
		case jbvString:
			return "a string";
		case jbvNumeric:
			return "a number";
		default:
			return "a boolean";
	}
}

/* A text trimmed and in lower case, or NULL where it is none or blank. */
static char *
lower_text(const JsonbValue *value)
{
	const char *text;
	char *lower;
	int len;

	if (!trainjob_trimmed_text(value, &text, &len) || len == 0)
		return NULL;
	lower = pnstrdup(text, len);
	for (char *c = lower; *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return lower;
}

char *
trainjob_config_text(const JobConfig *config, ConfigKey key)
{
	if (!trainjob_config_given(config, key))
		return NULL;
	return lower_text(&config->value[key].value);
}

char *
trainjob_config_text_at(const JobConfig *config, const char *section,
						const char *key)
{
	JsonbContainer *object = config->is_readable ? config->root : NULL;
	JsonbValue value;

	if (section != NULL)
		object = find_object(object, section);
	return find_member(object, key, &value) ? lower_text(&value) : NULL;
}

/* ----------
 * Loading
 * ----------
 */

static int
compare_config_keys(const void *a, const void *b)
{
	const KeyName *x = &keys[*(const ConfigKey *) a];
	const KeyName *y = &keys[*(const ConfigKey *) b];

	return x->len != y->len ? x->len - y->len : strcmp(x->name, y->name);
}

void
trainjob_config_init(void)
{
	for (int i = 0; i < lengthof(sorted_keys); i++)
		sorted_keys[i] = CONFIG_NONE + 1 + i;
	qsort(sorted_keys, lengthof(sorted_keys), sizeof(ConfigKey),
		  compare_config_keys);
}
