/*
 * meet.h
 *	  Two rows that belong together, written by two transactions at once.
 */
#ifndef TRAINJOB_TABLES_MEET_H
#define TRAINJOB_TABLES_MEET_H

#include "commands/trigger.h"

#include "tables/meet_look.h"

/* What a waiter's row asks for: a job's id, or a path and a user. */
typedef struct MeetName
{
	Datum key;
	Datum user;
	bool user_null;
} MeetName;

/*
 * A kind of waiter: what a name asks for, and the work where it is there.  Both
 * are called once and again, with no more of the trigger's call than its table
 * and trigger.
 */
typedef struct MeetSide
{
	void (*ask)(TriggerData *trigdata, const MeetName *name,
				MeetQuestion *question);
	void (*work)(TriggerData *trigdata, const MeetName *name);
} MeetSide;

/*
 * For an AFTER ROW trigger of a waiter: looks for what the row asks for,
 * works on it if it is there, and sees to it that whoever brings it
 * before our transaction ends either is seen by us or sees our row.
 *
 * "key" and "user" are columns of the types that the name has; "user" may be
 * NULL, for a name without one.
 */
extern void trainjob_meet_await(const MeetSide *side, TriggerData *trigdata,
								const MeetName *name, const Column *key,
								const Column *user);

/*
 * Looks at the entries that are still to be looked at, until all have been
 * since we have the lock: after waiting, or a savepoint's rollback.
 *
 * In a trigger that our own work fired there is nothing to do: the frame that
 * works goes on with it.
 */
extern void trainjob_meet_again(void);

/*
 * For a BEFORE ROW trigger of a waiter, which found nothing: waits for
 * those who are bringing it; returns whether it is there now.
 */
extern bool trainjob_meet_before(const MeetQuestion *question);

/*
 * For a newcomer's trigger: what is there that is committed, or of this
 * transaction, when all others who ask for its row have ended or will see
 * it.
 *
 * Called before the row is in, this only waits for them.
 */
extern void trainjob_meet_newcomer(const MeetQuestion *question,
								   MeetFound *found);

/*
 * Locks a name of which there may be no row yet, until the transaction
 * ends: a job's id that an alert waits for, a dataset's path that a job
 * waits for.  For tables whose rows cannot meet otherwise, see
 * trainjob_can_meet().
 *
 * The writer of the row takes one mode; a reader that found none takes the
 * conflicting mode and looks again: then one of the two sees the other.  Modes that do not
 * conflict with themselves (RowExclusiveLock against ShareLock) keep writers
 * of one side from waiting for each other.  The names share 256 locks a table,
 * so that no bulk load can fill the lock table; hence one may hold up writers
 * of other names.
 */
extern void trainjob_lock_name(Oid table, uint32 hash, LOCKMODE mode);

extern void trainjob_meet_init(void);

#endif /* TRAINJOB_TABLES_MEET_H */
