/*
 * unknown.c
 *	  Keys that speak of the length of training and that no rule knows.
 *
 * A number that passes over such a key is a guess (section 2 of doc/steps.md).
 * keywords.c tells what a key speaks of.  Settings are looked for in objects and
 * lists, in pairs of a name and a value, and in texts: JSON within JSON, a command.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "steps/dialect.h"
#include "steps/keywords.h"

/* Objects and lists within each other are followed so far. */
#define DEPTH_MAX 8

/* A longer list is data, and is followed so far. */
#define ELEMENTS_MAX 64

/* A longer text is data, and is read so far. */
#define TEXT_BYTES_MAX 16384

/* The most bytes of a section's or key's name that a message shows. */
#define NAME_BYTES_MAX 60

/* An object or a list that is walked, and the name it stands under. */
typedef struct Level
{
	JsonbIterator *walk;
	JsonbValue name;   /* no text for an object in a list */
	bool is_searched;  /* rules read its keys */
	bool is_listed;	   /* an object in a list, one of several */
	int words;		   /* what its name tells of what it holds */
	int elements;	   /* of a list: how many were seen */
	JsonbValue option; /* of a list: --epochs, before its value */
} Level;

/* What is searched, and where the search is. */
typedef struct Search
{
	const JobConfig *config;
	const StepPlan *plan;
	Level levels[DEPTH_MAX];
	int depth;
	JsonbValue text; /* the key whose text holds what was found, if it does */
} Search;

/* ----------
 * Names
 * ----------
 */

/* What a name speaks of, whatever holds it. */
static int
spoken_by(const JsonbValue *name)
{
	return trainjob_spoken_of(
		trainjob_words_of(name->val.string.val, name->val.string.len, NULL));
}

/* Whether the dialect says that a name does not bear on the steps. */
static bool
is_own_name(const Dialect *dialect, const JsonbValue *name)
{
	const char *const *own = dialect->own_sections;

	for (; own != NULL && *own != NULL; own++)
		if (name->val.string.len == strlen(*own) &&
			memcmp(name->val.string.val, *own, strlen(*own)) == 0)
			return true;
	return false;
}

static bool
is_other_section(const Dialect *dialect, const JsonbValue *name)
{
	return is_own_name(dialect, name) ||
		   trainjob_names_other(name->val.string.val, name->val.string.len);
}

/* Whether a key is a path, model.max_steps, into such a section. */
static bool
is_within_other(const Dialect *dialect, const JsonbValue *key)
{
	JsonbValue section = *key;

	while (section.val.string.len > 0 &&
		   section.val.string.val[section.val.string.len - 1] != '.')
		section.val.string.len--;
	return section.val.string.len > 0 && is_other_section(dialect, &section);
}

/* ----------
 * What a key adds
 * ----------
 */

/*
 * Whether a number is b x ga x W: what a derived total says is known then.  The
 * factors are divided off one after the other.
 */
bool
trainjob_is_whole_batch(const StepPlan *plan, const ConfigNumber *number)
{
	int64 factors[] = {plan->batch.value, plan->accumulation.value,
					   plan->world.value};
	int64 rest = number->whole;

	if (!number->fits || !number->is_whole || number->whole < 1)
		return false;
	for (int i = 0; i < lengthof(factors); i++)
	{
		if (factors[i] < 1 || rest % factors[i] != 0)
			return false;
		rest /= factors[i];
	}
	return rest == 1;
}

/* A key's words, joined as in snake_case; empty where they are too long. */
static void
join_words(const JsonbValue *key, char *name, Size size)
{
	const char *text = key->val.string.val;
	int len = key->val.string.len;
	char word[WORD_BYTES_MAX];

	*name = '\0';
	while (trainjob_next_word(&text, &len, word))
	{
		if (strlen(name) + strlen(word) + 2 > size)
		{
			*name = '\0';
			return;
		}
		if (*name != '\0')
			strcat(name, "_");
		strcat(name, word);
	}
}

/* Whether a key names the whole batch, the product of b, ga and W. */
static bool
names_whole_batch(const JsonbValue *key)
{
	static const char *const names[] = {"total_batch_size",
										"effective_batch_size",
										"total_train_batch_size",
										"effective_train_batch_size",
										"effective_global_batch_size",
										"train_batch_size",
										"global_batch_size",
										"global_train_batch_size"};
	char name[NAME_BYTES_MAX];

	join_words(key, name, sizeof(name));
	for (int i = 0; i < lengthof(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The key of ours that a name is in another spelling, or at the end of a path. */
static ConfigKey
known_by_other_name(const JsonbValue *name)
{
	JsonbValue last = *name;
	JsonbValue joined = {.type = jbvString};
	char buffer[NAME_BYTES_MAX];

	for (int i = 0; i < name->val.string.len; i++)
		if (name->val.string.val[i] == '.')
		{
			last.val.string.val = name->val.string.val + i + 1;
			last.val.string.len = name->val.string.len - i - 1;
		}
	join_words(&last, buffer, sizeof(buffer));
	joined.val.string.val = buffer;
	joined.val.string.len = strlen(buffer);
	return trainjob_config_find_key(&joined);
}

/* Whether the plan has this very number from the same key, or from a synonym. */
static bool
repeats_known(const Search *search, ConfigKey key, const ConfigNumber *number)
{
	const StepPlan *plan = search->plan;
	const Dialect *dialect = plan->dialect;
	ConfigNumber known;

	if (key == CONFIG_NONE || !number->fits)
		return false;
	if (trainjob_config_number(search->config, key, &known))
		return known.fits && known.value == number->value;
	if (trainjob_is_among(dialect->batch, key))
		return plan->batch.key != CONFIG_NONE &&
			   number->value == plan->batch.value;
	return trainjob_is_among(dialect->epochs, key) &&
		   plan->epochs_key != CONFIG_NONE && number->value == plan->num_epochs;
}

/*
 * What other names of a factor say where it is known already: Hugging Face's
 * train_batch_size is that of one process, DeepSpeed's the whole one.  One
 * iteration or mini batch is the default of the classes that have them.
 */
static bool
repeats_factor(const StepPlan *plan, ConfigKey key, const ConfigNumber *number)
{
	if (!number->fits || !number->is_whole)
		return false;
	switch (key)
	{
		case CONFIG_TRAIN_BATCH_SIZE:
		case CONFIG_GEN_BATCH_SIZE:
		case CONFIG_TRAIN_MICRO_BATCH_SIZE_PER_GPU:
			return number->whole == plan->batch.value;
		case CONFIG_GRADIENT_ACCUMULATION_STEPS:
		case CONFIG_GRADIENT_ACCUMULATION:
		case CONFIG_GRAD_ACCUMULATION:
			return number->whole == plan->accumulation.value;
		case CONFIG_NUM_ITERATIONS:
		case CONFIG_NUM_MINI_BATCHES:
			return number->whole == 1;
		default:
			return false;
	}
}

/*
 * Where W is what the configuration calls the number of all processes, other
 * counts of them, or of what they run on, add nothing.
 */
static bool
world_is_whole(const StepPlan *plan)
{
	return plan->dialect->one_process || plan->world.key == CONFIG_WORLD_SIZE ||
		   plan->world.key == CONFIG_NUM_PROCESSES ||
		   plan->world.key == CONFIG_DEVICES ||
		   plan->world.key == CONFIG_NUM_NODES;
}

/* Keys that only some dialects read, beside those of their factors. */
static const ConfigKey restricted_keys[] = {
	CONFIG_TRAIN_BATCH_SIZE,
	CONFIG_GEN_BATCH_SIZE,
	CONFIG_TOTAL_TRAIN_BATCH_SIZE,
	CONFIG_TRAIN_MICRO_BATCH_SIZE_PER_GPU,
	CONFIG_MICRO_TRAIN_BATCH_SIZE,
	CONFIG_POLICY_MINI_BATCH_SIZE,
	CONFIG_GRADIENT_ACCUMULATION,
	CONFIG_GRAD_ACCUMULATION,
	CONFIG_EPOCH,
	CONFIG_TOTAL_EPOCHS,
	CONFIG_MAX_TRAIN_EPOCHS,
	CONFIG_NUM_ITERATIONS,
	CONFIG_TOTAL_EPISODES,
	CONFIG_NUM_PPO_EPOCHS,
	CONFIG_NUM_MINI_BATCHES,
	CONFIG_NONE};

/* Whether no rule reads a key of ours in a configuration of this dialect. */
static bool
is_unread(const JobConfig *config, const StepPlan *plan, ConfigKey key)
{
	const Dialect *dialect = plan->dialect;

	switch (key)
	{
		case CONFIG_DEVICES:
			return dialect->read_devices == NULL;
		case CONFIG_NUM_NODES:
		case CONFIG_NNODES:
		case CONFIG_NUM_MACHINES:
			return dialect->read_devices == NULL &&
				   !trainjob_world_by_node(config);
		default:
			break;
	}
	return trainjob_is_among(restricted_keys, key) &&
		   !trainjob_is_among(dialect->batch, key) &&
		   !trainjob_is_among(dialect->epochs, key) &&
		   dialect->accumulation != key &&
		   (dialect->own_keys == NULL ||
			!trainjob_is_among(dialect->own_keys, key));
}

/* PPO's keys in a full dump of the settings of a run by another method. */
static bool
is_other_method(const JobConfig *config)
{
	static const ConfigKey method_keys[] = {CONFIG_STAGE, CONFIG_RLHF_TYPE,
											CONFIG_NONE};
	ConfigKey key = trainjob_first_given(config, method_keys);

	return key != CONFIG_NONE && !trainjob_config_word(config, key, "ppo");
}

/*
 * Whether a number may change the number of steps, and no rule reads it.  "says"
 * is what its name speaks of; is_read: rules read the keys beside it.
 */
static bool
adds_number(const Search *search, const JsonbValue *name, int says,
			const ConfigNumber *number, bool is_read)
{
	const JobConfig *config = search->config;
	const StepPlan *plan = search->plan;
	ConfigKey key = trainjob_config_find_key(name);

	if (number->sign <= 0)
		return false;
	if (key == CONFIG_NONE)
	{
		key = known_by_other_name(name);
		is_read = false;
	}
	else if (is_read && !is_unread(config, plan, key))
		return false;
	if ((says & SAYS_PROCESSES) &&
		((number->is_whole && number->whole == 1) ||
		 (!(says & SAYS_PARALLEL) && world_is_whole(plan))))
		return false;
	if ((says & SAYS_PPO) && is_other_method(config))
		return false;
	if (!is_read && !search->levels[search->depth].is_listed &&
		repeats_known(search, key, number))
		return false;
	if (repeats_factor(plan, key, number) || is_own_name(plan->dialect, name) ||
		is_within_other(plan->dialect, name))
		return false;
	return !(names_whole_batch(name) && trainjob_is_whole_batch(plan, number));
}

/* ----------
 * Numbers in texts
 * ----------
 */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The number that a text begins with; at a text that begins with a digit. */
static void
read_leading(const char *text, int len, ConfigNumber *number)
{
	JsonbValue value = {.type = jbvString};
	int n = 0;

	while (n < len && (is_digit(text[n]) || (text[n] == '.' && n + 1 < len &&
											 is_digit(text[n + 1]))))
		n++;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = n;
	if (!trainjob_read_number(&value, number))
		*number = (ConfigNumber){.sign = 1, .fits = false};
}

/*
 * A number, a text that is one, or one that begins so and goes on in signs of
 * thousands or a unit: 1_000, 10k, 3 epochs, 8x A100.
 */
static bool
read_number_or_unit(const JsonbValue *value, ConfigNumber *number)
{
	const char *text;
	int len;

	if (trainjob_read_number(value, number))
		return true;
	if (!trainjob_trimmed_text(value, &text, &len) || len == 0 ||
		!is_digit(*text))
		return false;
	for (int i = 0; i < len; i++)
		if (!is_digit(text[i]) && strchr(" ,._", text[i]) == NULL &&
			!((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z'))
			return false;
	read_leading(text, len, number);
	return true;
}

/* accelerators: A100:8 */
static bool
read_devices(const JsonbValue *name, const JsonbValue *value,
			 ConfigNumber *number)
{
	static const char *const names[] = {"gpu", "gpus", "accelerators"};
	int len = value->val.string.len;
	int digits = 0;

	if (value->type != jbvString)
		return false;
	while (digits < len && is_digit(value->val.string.val[len - 1 - digits]))
		digits++;
	if (digits == 0 || digits == len ||
		value->val.string.val[len - 1 - digits] != ':')
		return false;
	for (int i = 0; i < lengthof(names); i++)
		if (name->val.string.len == strlen(names[i]) &&
			pg_strncasecmp(name->val.string.val, names[i], strlen(names[i])) ==
				0)
		{
			read_leading(value->val.string.val + len - digits, digits, number);
			return true;
		}
	return false;
}

/*
 * Which devices, "0,1,2,3", counts them; a single one may be a count, unless the
 * name says that it is not.
 */
static void
count_listed(const char *text, int len, int words, ConfigNumber *number)
{
	int64 items = 1;

	for (int i = 0; i + 1 < len && (is_digit(text[i]) || text[i] == ','); i++)
		items += text[i] == ',' && is_digit(text[i + 1]);
	if (items > 1 || (words & SAYS_IDS))
		*number = (ConfigNumber){.sign = 1,
								 .fits = true,
								 .is_whole = true,
								 .whole = items,
								 .value = (double) items};
}

static bool
is_name_char(char c)
{
	return is_digit(c) || c == '_' || c == '-' || c == '.' ||
		   ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/*
 * The number that follows a name, at "rest", or NULL: "epochs": 3, epochs=3,
 * epochs: '3', and --epochs 3 for an option.
 */
static const char *
find_following(const char *rest, const char *end, bool is_option)
{
	bool is_bound = false;

	while (rest < end && strchr(" \"'\\:=", *rest) != NULL)
	{
		is_bound |= *rest == ':' || *rest == '=' || (is_option && *rest == ' ');
		rest++;
	}
	return is_bound && rest < end && is_digit(*rest) ? rest : NULL;
}

/* The first name in a text that is followed by such a number, in *found. */
static bool
adds_in_text(const Search *search, const JsonbValue *value, JsonbValue *found)
{
	const char *text = value->val.string.val;
	const char *end = text + Min(value->val.string.len, TEXT_BYTES_MAX);

	while (text < end)
	{
		const char *start = text;
		const char *rest;
		ConfigNumber number;
		int words;
		int says;

		while (text < end && is_name_char(*text))
			text++;
		if (text == start)
		{
			text++;
			continue;
		}
		rest = find_following(text, end, *start == '-');
		if (rest == NULL)
			continue;
		while (start < text && *start == '-')
			start++;
		found->type = jbvString;
		found->val.string.val = unconstify(char *, start);
		found->val.string.len = text - start;
		words = trainjob_words_of(start, text - start, NULL);
		says = trainjob_spoken_of(words);
		read_leading(rest, end - rest, &number);
		if (says & SAYS_PROCESSES)
			count_listed(rest, end - rest, words, &number);
		if (says != 0 && adds_number(search, found, says, &number, false))
			return true;
	}
	return false;
}

/* ----------
 * Values
 * ----------
 */

/* What a key's words tell, with those of what holds it. */
static int
words_within(const Level *level, const JsonbValue *name, int *last)
{
	int words =
		trainjob_words_of(name->val.string.val, name->val.string.len, last);

	return words | level->words;
}

/* A list of the devices to run on counts them: H2O's environment.gpus. */
static bool
lists_processes(const StepPlan *plan, int words, const JsonbValue *value)
{
	return value->type == jbvBinary &&
		   JsonContainerIsArray(value->val.binary.data) &&
		   JsonContainerSize(value->val.binary.data) > 1 &&
		   trainjob_spoken_of(words) == SAYS_PROCESSES && !world_is_whole(plan);
}

/* Whether a text looks like a JSON object, or a list of some: {"a", [{ */
static bool
looks_like_json(const char *text, int len)
{
	bool is_list = len > 0 && *text == '[';

	if (len == 0 || (*text != '{' && *text != '['))
		return false;
	do
	{
		text++;
		len--;
	} while (len > 0 && strchr(" \t\r\n", *text) != NULL);
	return len > 0 &&
		   (*text == '"' || *text == '\'' || (is_list && *text == '{'));
}

/* Whether a text may hold settings: JSON, or what its key calls a command. */
static bool
may_hold_settings(int words, const JsonbValue *value)
{
	const char *text;
	int len;

	if (words & SAYS_OTHER)
		return false;
	if (words & SAYS_TEXT)
		return true;
	return trainjob_trimmed_text(value, &text, &len) &&
		   looks_like_json(text, len);
}

/*
 * Whether a value may change the number of steps.  Then *found is its name, or
 * that within its text.
 */
static bool
adds_value(Search *search, const JsonbValue *name, const JsonbValue *value,
		   JsonbValue *found)
{
	const Level *level = &search->levels[search->depth];
	ConfigNumber number;
	int words;
	int says;

	if (value->type != jbvNumeric && value->type != jbvString &&
		value->type != jbvBinary)
		return false;
	*found = *name;
	words = words_within(level, name, NULL);
	says = trainjob_spoken_of(words);
	if (value->type == jbvBinary)
		return lists_processes(search->plan, words, value);
	if (read_devices(name, value, &number))
		says = SAYS_PROCESSES;
	else if (says != 0 && !read_number_or_unit(value, &number))
		says = 0;
	else if ((says & SAYS_PROCESSES) && value->type == jbvString)
		count_listed(value->val.string.val, value->val.string.len, words,
					 &number);
	if (says != 0)
		return adds_number(search, name, says, &number, level->is_searched);
	if (value->type != jbvString || !may_hold_settings(words, value) ||
		!adds_in_text(search, value, found))
		return false;
	search->text = *name;
	return true;
}

/* --epochs 3 in a list of two texts */
static bool
adds_option(const Search *search, Level *level, const JsonbValue *value,
			JsonbValue *found)
{
	JsonbValue option = level->option;
	ConfigNumber number;
	int says;

	level->option.type = jbvNull;
	if (value->type == jbvString && value->val.string.len > 1 &&
		value->val.string.val[0] == '-' && !is_digit(value->val.string.val[1]))
		level->option = *value;
	if (option.type != jbvString || !trainjob_read_number(value, &number))
		return false;
	while (option.val.string.len > 0 && *option.val.string.val == '-')
	{
		option.val.string.val++;
		option.val.string.len--;
	}
	*found = option;
	says = spoken_by(found);
	return says != 0 && adds_number(search, found, says, &number, false);
}

/*
 * An element of a list, which is called like the list: a number, an option's
 * value, or a text with settings.
 */
static bool
adds_element(const Search *search, Level *level, const JsonbValue *value,
			 JsonbValue *found)
{
	ConfigNumber number;
	int says = trainjob_spoken_of(level->words);

	if (adds_option(search, level, value, found))
		return true;
	*found = level->name;
	if ((says & SAYS_LENGTH) && trainjob_read_number(value, &number))
		return adds_number(search, found, says, &number, false);
	return value->type == jbvString && may_hold_settings(level->words, value) &&
		   adds_in_text(search, value, found);
}

/* An object that pairs a name with a value, as lists of parameters do. */
static bool
adds_pair(const Search *search, JsonbContainer *object, JsonbValue *found)
{
	static const char *const names[] = {"name", "key"};
	JsonbValue value;

	if (getKeyJsonValueFromContainer(object, "value", 5, &value) == NULL)
		return false;
	for (int i = 0; i < lengthof(names); i++)
		if (getKeyJsonValueFromContainer(object, names[i], strlen(names[i]),
										 found) != NULL &&
			found->type == jbvString)
		{
			ConfigNumber number;
			int says = spoken_by(found);

			return says != 0 && read_number_or_unit(&value, &number) &&
				   adds_number(search, found, says, &number, false);
		}
	return false;
}

/* ----------
 * The search
 * ----------
 */

static void
append_name(StringInfo path, const JsonbValue *name)
{
	int kept = pg_mbcliplen(name->val.string.val, name->val.string.len,
							NAME_BYTES_MAX);

	appendBinaryStringInfo(path, name->val.string.val, kept);
	if (kept < name->val.string.len)
		appendStringInfoString(path, "...");
}

/* config.section.key */
static char *
path_of(const Search *search, const JsonbValue *key)
{
	StringInfoData path;

	initStringInfo(&path);
	appendStringInfoString(&path, "config.");
	for (int i = 1; i <= search->depth; i++)
		if (search->levels[i].name.val.string.len > 0 &&
			search->levels[i].name.val.string.val != key->val.string.val)
		{
			append_name(&path, &search->levels[i].name);
			appendStringInfoChar(&path, '.');
		}
	if (search->text.type == jbvString)
	{
		append_name(&path, &search->text);
		appendStringInfoChar(&path, '.');
	}
	append_name(&path, key);
	return path.data;
}

/*
 * What a section's name tells of what it holds: batch: {size: 8}, epochs: [1, 2].
 * Its last word counts, as in batch_size.
 */
static int
words_for_contents(const Level *holder, const JsonbValue *name)
{
	int last;
	int words = words_within(holder, name, &last);

	if (words & SAYS_OTHER)
		return 0;
	if (last & ~SAYS_TEXT)
		return words;
	return holder->words | (words & (SAYS_TEXT | SAYS_SCALING));
}

static void
enter(Search *search, JsonbContainer *container, const JsonbValue *name)
{
	Level *level = &search->levels[++search->depth];
	JsonbValue ignored;

	*level = (Level){.walk = JsonbIteratorInit(container),
					 .option = {.type = jbvNull}};
	if (name != NULL)
	{
		level->name = *name;
		level->words = words_for_contents(level - 1, name);
	}
	if (!JsonContainerIsArray(container))
		level->words &= ~SAYS_TEXT;
	if (search->depth > 0)
		level->is_listed = level[-1].is_listed || name == NULL;
	level->is_searched = trainjob_config_searches(search->config, container);
	JsonbIteratorNext(&level->walk, &ignored, true); /* WJB_BEGIN_... */
}

/* An iterator is freed by itself at the end. */
static void
leave(Search *search)
{
	for (; search->depth >= 0; search->depth--)
		if (search->levels[search->depth].walk != NULL)
			pfree(search->levels[search->depth].walk);
}

/* Goes into a value that holds others, if they may speak of training. */
static void
enter_value(Search *search, const JsonbValue *name, const JsonbValue *value)
{
	if (value->type == jbvBinary && search->depth + 1 < DEPTH_MAX &&
		(name == NULL || !is_other_section(search->plan->dialect, name)))
		enter(search, value->val.binary.data, name);
}

/* The next member of where the search is: whether it is one that is looked for. */
static bool
next_member(Search *search, JsonbValue *found)
{
	Level *level = &search->levels[search->depth];
	JsonbValue name;
	JsonbValue value;
	JsonbIteratorToken token = JsonbIteratorNext(&level->walk, &name, true);

	if (token == WJB_KEY)
	{
		JsonbIteratorNext(&level->walk, &value, true);
		trainjob_unwrap(&value);
		if (adds_value(search, &name, &value, found))
			return true;
		enter_value(search, &name, &value);
		return false;
	}
	if (token != WJB_ELEM || ++level->elements > ELEMENTS_MAX)
	{
		if (token == WJB_ELEM)
			pfree(level->walk);
		search->depth--;
		return false;
	}
	if (adds_element(search, level, &name, found))
		return true;
	if (name.type == jbvBinary && JsonContainerIsObject(name.val.binary.data) &&
		adds_pair(search, name.val.binary.data, found))
		return true;
	enter_value(search, NULL, &name);
	return false;
}

char *
trainjob_find_unknown(const JobConfig *config, const StepPlan *plan)
{
	Search search = {.config = config,
					 .plan = plan,
					 .depth = -1,
					 .text = {.type = jbvNull}};
	JsonbValue found;
	char *path;

	if (config->root == NULL)
		return NULL;
	enter(&search, config->root, NULL);
	while (search.depth >= 0)
		if (next_member(&search, &found))
		{
			path = path_of(&search, &found);
			leave(&search);
			return path;
		}
	return NULL;
}
