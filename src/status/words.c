/*
 * words.c
 *	  Words that mean the same, however they are spelled.
 */
#include "postgres.h"

#include "status/words.h"

static inline bool
is_separator(char c)
{
	return c == '_' || c == '-' || c == ' ';
}

/*
 * How many bytes of "text" spell all of "word" of "word_length" bytes; -1 where
 * they do not, or it is no word.
 */
static int
spelled(const char *text, int length, const char *word, int word_length)
{
	int i = 0;
	bool any = false;

	for (int j = 0; j < word_length; j++)
	{
		if (is_separator(word[j]))
			continue;
		while (i < length && is_separator(text[i]))
			i++;
		if (i == length || pg_ascii_tolower((unsigned char) text[i]) !=
							   pg_ascii_tolower((unsigned char) word[j]))
			return -1;
		i++;
		any = true;
	}
	while (i < length && is_separator(text[i]))
		i++;
	return any ? i : -1;
}

static bool
is_spelled(const char *text, int length, const char *word, int word_length)
{
	return length > 0 && spelled(text, length, word, word_length) == length;
}

bool
trainjob_is_word(const char *text, int length, const char *word)
{
	return is_spelled(text, length, word, strlen(word));
}

bool
trainjob_is_one_of(const char *text, int length, const char *words)
{
	while (*words != '\0')
	{
		int word_length = strcspn(words, " ");

		if (is_spelled(text, length, words, word_length))
			return true;
		words += word_length;
		words += strspn(words, " ");
	}
	return false;
}

void
trainjob_skip_prefix(const char *prefix, const char **text, int *length)
{
	int taken = spelled(*text, *length, prefix, strlen(prefix));

	if (taken <= 0 || taken == *length)
		return;
	*text += taken;
	*length -= taken;
}
