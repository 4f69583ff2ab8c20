/*
 * meet_look.h
 *	  Looking at rows that are not committed yet.
 */
#ifndef TRAINJOB_TABLES_MEET_LOOK_H
#define TRAINJOB_TABLES_MEET_LOOK_H

#include "tables/set.h"

/*
 * A table of a set that is looked at by a column, rows that are not committed
 * included.
 */
typedef struct MeetTable
{
	SetTable *table; /* in the set */
	Oid top;		 /* what it is a partition of, or itself */
	const char *column;
	Oid equals; /* the operator; InvalidOid: there is none that fits */
	List
		*nullable; /* names of columns; rows are wanted that lack one of them */
	TupleDesc desc;

	/* what is known until a table changes */
	uint64 known;
	bool readable;
	MemoryContext context;
	List *leaves;
} MeetTable;

/* Whether a row, with the columns of the set's table, is one that is wanted. */
typedef bool (*MeetFilter)(TupleTableSlot *row, void *arg);

/* What a look is for: rows of the key that the filter says yes to. */
typedef struct MeetQuestion
{
	MeetTable *table;
	Datum key;
	MeetFilter concerns; /* NULL: any row of the key */
	void *arg;
} MeetQuestion;

/* What is there, of the rows that are wanted. */
typedef struct MeetFound
{
	bool other; /* one that another transaction wrote; */
	bool fresh; /* it has ended since this statement began */
	bool own;	/* one that this transaction wrote */
} MeetFound;

/*
 * Prepares looking at the rows of "rel", which is "table" of a set, by a
 * column, with keys of type "key_type".
 *
 * Called in the set's memory context.
 */
extern void trainjob_plan_meet(SetTable *table, Relation rel,
							   const Column *column, Oid key_type,
							   MeetTable *meets);

/*
 * Whether the rows of two tables can be looked at before they are
 * committed, so that their writers may meet.
 *
 * Both sides ask it of both tables: it is the one way or the other.
 */
extern bool trainjob_can_meet(MeetTable *a, MeetTable *b);

/*
 * The transactions, and subtransactions, that write rows which the
 * question asks for and have not ended; those from "horizon" on, if it is
 * valid, are left out.
 *
 * The caller has asked trainjob_can_meet(), and holds a lock on the table.
 */
extern List *trainjob_find_coming(const MeetQuestion *question,
								  TransactionId horizon);

/*
 * What is there now, of what the question asks for.
 *
 * Not the same scan: one that sees what is not committed may miss a row that is
 * being updated.
 */
extern void trainjob_find_present(const MeetQuestion *question,
								  MeetFound *found);

#endif /* TRAINJOB_TABLES_MEET_LOOK_H */
