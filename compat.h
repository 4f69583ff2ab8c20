/*
 * compat.h
 *	  What differs between the PostgreSQL majors that trainjob supports.
 *
 * The sources are written for the newest major; this gives older ones its
 * spelling.  PG_VERSION_NUM stands nowhere else, and a branch goes when its
 * major goes.
 */
#ifndef TRAINJOB_COMPAT_H
#define TRAINJOB_COMPAT_H

#include "fmgr.h"
#include "utils/jsonb.h"

/* A library tells its name and version from 18 on. */
#if PG_VERSION_NUM < 180000
#define PG_MODULE_MAGIC_EXT(...) PG_MODULE_MAGIC
#endif

/*
 * What a jsonb is built with is one struct from 19 on, which ends with the
 * result; before, the parsing stack alone, and each call returned the result.
 */
#if PG_VERSION_NUM < 190000
typedef struct JsonbInState
{
	JsonbValue *result;
	JsonbParseState *parseState;
} JsonbInState;

#define pushJsonbValue(state, token, value) \
	((state)->result = (pushJsonbValue) (&(state)->parseState, token, value))
#endif

#endif /* TRAINJOB_COMPAT_H */
