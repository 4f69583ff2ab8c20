/*
 * point.h
 *	  The document of a call: its points, checked and taken apart.
 */
#ifndef TRAINJOB_TOKEN_POINT_H
#define TRAINJOB_TOKEN_POINT_H

#include "pg/compat.h"
#include "token/target.h"

/* Our own key wins over an alias. */
#define OWN_KEY (-1)

/* A call whose document is being read. */
typedef struct Call
{
	const Target *target;
	int max_size;	   /* bytes of a point */
	JsonbInState rows; /* what will be written */
	int count;		   /* points so far */
	int index;		   /* of the point at hand; -1: the document is the point */

	/* the point at hand */
	JsonbContainer *point;
	JsonbValue *value; /* of each field of the target */
	bool *given;
	int *rank;		 /* by which key: OWN_KEY, or its place among the aliases */
	bool has_others; /* there are keys that no field takes */

	List *lost;	 /* keys that have no place, as shown() */
	List *alike; /* keys that are nearly ours: as shown(), ours, ... */
} Call;

/*
 * The points of a document, an object or an array of them, as rows for the
 * INSERT: an array of objects under the columns' names.  "call" has the target
 * and the largest size of a point, and is otherwise zero.
 *
 * A point that is not acceptable is an error that names the point and the key.
 * Called as the owner of the table, whose types are asked.
 */
extern Jsonb *trainjob_read_points(Call *call, Jsonb *document);

/* Warns of the keys of a call that was written which have no place in the table. */
extern void trainjob_warn_of_lost_keys(const Call *call, const SetTable *table);

/* Says, once a session, which keys of a call that was written are nearly ours. */
extern void trainjob_say_alike_keys(const Call *call);

/* Raises the error that something is larger than a setting allows. */
extern void trainjob_too_large(const char *what, Size size, const char *setting,
							   int limit);

#endif /* TRAINJOB_TOKEN_POINT_H */
