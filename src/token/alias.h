/*
 * alias.h
 *	  What trainers call the metrics that we have a column for.
 */
#ifndef TRAINJOB_TOKEN_ALIAS_H
#define TRAINJOB_TOKEN_ALIAS_H

/* A key that means the same as one of ours. */
typedef struct KeyAlias
{
	const char *key;
	const char *ours;
} KeyAlias;

/* Of two in a point that mean the same, the one that comes first here counts. */
extern const KeyAlias trainjob_aliases[];
extern const int trainjob_alias_count;

/* The place of a key in the list; -1: it is none of them. */
extern int trainjob_find_alias(const char *key, int length);

/*
 * What a key, which is none of ours and no alias, may well have been meant for:
 * the same words in another spelling, or behind a prefix.  NULL: nothing.
 */
extern const char *trainjob_alike(const char *key, int length);

#endif /* TRAINJOB_TOKEN_ALIAS_H */
