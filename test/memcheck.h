/*
 * memcheck.h
 *	  Included before everything else by test/memcheck: makes valgrind see the
 *	  ends and the life of what is palloc'd.
 *
 * PostgreSQL cuts small chunks out of large blocks, about which valgrind knows
 * nothing.  A chunk of more than 8 kB, however, is a block of its own, that goes
 * back to free() with pfree() or its memory context.  So all that the module
 * allocates is made that large, and what was not asked for is out of bounds.
 */
#ifndef TRAINJOB_MEMCHECK_H
#define TRAINJOB_MEMCHECK_H

#include "postgres.h"

#include <valgrind/memcheck.h>

#include "utils/memutils.h"

#define MEMCHECK_MARGIN 8256 /* more than ALLOC_CHUNK_LIMIT of aset.c */

static inline void *
memcheck_fence(void *chunk, Size size)
{
	if (chunk != NULL)
		(void) VALGRIND_MAKE_MEM_NOACCESS((char *) chunk + size,
										  MEMCHECK_MARGIN);
	return chunk;
}

static inline void *
memcheck_alloc(MemoryContext context, Size size, int flags)
{
	return memcheck_fence(MemoryContextAllocExtended(context,
													 size + MEMCHECK_MARGIN,
													 flags),
						  size);
}

/* realloc() would keep the old fence: a new chunk, and what is before that. */
static inline void *
memcheck_realloc(void *chunk, Size size)
{
	char *copy =
		memcheck_alloc(GetMemoryChunkContext(chunk), size, MCXT_ALLOC_HUGE);
	char bits;

	for (Size i = 0; i < size; i++)
	{
		if (VALGRIND_GET_VBITS((char *) chunk + i, &bits, 1) != 1)
			break;
		copy[i] = ((char *) chunk)[i];
	}
	pfree(chunk);
	return copy;
}

static inline char *
memcheck_strndup(const char *text, Size length)
{
	char *copy = memcheck_alloc(CurrentMemoryContext, length + 1, 0);

	memcpy(copy, text, length);
	copy[length] = '\0';
	return copy;
}

#define palloc(size) memcheck_alloc(CurrentMemoryContext, size, 0)
#define palloc0(size) \
	memcheck_alloc(CurrentMemoryContext, size, MCXT_ALLOC_ZERO)
#define palloc_extended(size, flags) \
	memcheck_alloc(CurrentMemoryContext, size, flags)
#define MemoryContextAlloc(context, size) memcheck_alloc(context, size, 0)
#define repalloc(chunk, size) memcheck_realloc(chunk, size)
#define repalloc_huge(chunk, size) memcheck_realloc(chunk, size)
#define pstrdup(text) memcheck_strndup(text, strlen(text))
#define pnstrdup(text, length) memcheck_strndup(text, strnlen(text, length))

#endif
