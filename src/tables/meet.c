/*
 * meet.c
 *	  Two rows that belong together, written by two transactions at once.
 *
 * An alert waits for its job, a dataset looks for the jobs that wait for it.
 * Call the transaction that writes one of these the waiter, and the one that
 * brings the job the newcomer.  Each looks at the other's table when its own row
 * is in, with eyes that see rows which are not committed yet, so whoever looks
 * second sees the other's row.  What is left is to agree which of them does the work.
 *
 * The waiter has one lock, on its own transaction's number, and holds it from
 * its look to its end: the last look.  Where it finds a job that is on its way,
 * it lets go of the lock, waits for the newcomer to end, takes the lock again,
 * and looks again for all names that it has asked for.
 *
 * The newcomer that finds a waiter's row which is not committed asks for the
 * waiter's lock.  Where that is free, the waiter has not had its last look: it
 * will see the newcomer's row, and there is nothing to do.  Where it is not, the
 * newcomer waits for it, with its own lock let go, should it have one, and then
 * does the work itself.
 *
 * Thus no transaction waits for another's row that it does not name, none waits
 * here while it holds a lock that others wait for here, and each has one lock
 * however many rows it writes.  Only two that are each the other's waiter and
 * newcomer may wait for each other's end; the server ends one of them.
 *
 * The lock belongs to the whole transaction, for a savepoint that is rolled back
 * must not take it from rows that stay.  What such a rollback undoes, a look or
 * the work that followed, is made up for by the next look.  Where none comes,
 * the end of the transaction does, which cannot commit if there is work to do
 * (complete_at_end).
 *
 * Tables that cannot be read so, see trainjob_can_meet(), lock names instead
 * (trainjob_lock_name).
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/subtrans.h"
#include "access/transam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#include "tables/meet.h"

/* Objsubid 1 and 2 are what SQL's advisory locks use, see trainjob_lock_name(). */
#define SET_LOCKTAG_LAST_LOOK(tag, xid) \
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, InvalidOid, xid, 3)

/* What a waiter's row asks for, and which waiter. */
typedef struct MeetEntry
{
	MeetName name;
	bool asked; /* the transaction's own rows have been looked at */
	SubTransactionId subid;
	Oid relation;
	Oid trigger;
	const MeetSide *side;
} MeetEntry;

/* All that a transaction has asked for, in the memory of that transaction. */
typedef struct Meet
{
	MeetEntry *entries;
	int size;
	int count;
	int looked; /* so many have been looked at since we have the lock */
	bool locked;
	bool ending;			  /* the transaction is: too late for any work */
	TransactionId horizon;	  /* the next transaction when we took it, */
	int before;				  /* and the entries that there were then */
	SubTransactionId looking; /* of the frame that goes through the entries */
	SubTransactionId worked;  /* the last in which work of an outer was done */
} Meet;

static Meet meet;

/* ----------
 * The lock
 * ----------
 */

/*
 * Takes or lets go of our lock, as the whole transaction's: one that belonged
 * to a savepoint would go with it.
 */
static void
change_lock(bool take)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG tag;

	SET_LOCKTAG_LAST_LOOK(tag, GetTopTransactionId());
	CurrentResourceOwner = TopTransactionResourceOwner; /* an error resets it */
	if (take)
		(void) LockAcquire(&tag, ExclusiveLock, false, false);
	else
		(void) LockRelease(&tag, ExclusiveLock, false);
	CurrentResourceOwner = owner;
	meet.locked = take;
	meet.looked = 0;
	meet.before = meet.count;
	meet.horizon = ReadNextTransactionId();
}

/* Waits for transactions that bring what we look for; all is looked at anew. */
static void
wait_for_newcomers(List *xids)
{
	ListCell *cell;

	if (meet.locked)
		change_lock(false);
	foreach (cell, xids)
		XactLockTableWait(lfirst_oid(cell), NULL, NULL, XLTW_None);
}

/*
 * Waits until a waiter's transaction has ended, or is about to look again: its
 * lock is free in both cases.
 */
static void
wait_for_waiter(TransactionId xid)
{
	LOCKTAG tag;

	SET_LOCKTAG_LAST_LOOK(tag, SubTransGetTopmostTransaction(xid));
	if (LockAcquire(&tag, ShareLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		if (meet.locked)
			change_lock(false);
		(void) LockAcquire(&tag, ShareLock, false, false);
	}
	(void) LockRelease(&tag, ShareLock, false);
}

/* ----------
 * The waiter's looks
 * ----------
 */

static Datum
copy_datum(Datum value, const Column *column)
{
	return column->typlen == -1
			   ? PointerGetDatum(PG_DETOAST_DATUM_COPY(value))
			   : datumCopy(value, column->typbyval, column->typlen);
}

/* Takes an entry down, with a copy of its name. */
static void
add_entry(const MeetEntry *entry, const Column *key, const Column *user)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	MeetEntry *copy;

	if (meet.count == meet.size)
	{
		meet.size = Max(64, meet.size * 2);
		meet.entries =
			meet.entries == NULL
				? palloc(meet.size * sizeof(MeetEntry))
				: repalloc_huge(meet.entries, meet.size * sizeof(MeetEntry));
	}
	copy = &meet.entries[meet.count];
	*copy = *entry;
	copy->name.key = copy_datum(entry->name.key, key);
	if (!entry->name.user_null)
		copy->name.user = copy_datum(entry->name.user, user);
	meet.count++;
	MemoryContextSwitchTo(caller);
}

static void
refuse_at_end(void)
{
	if (!meet.ending)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not commit alerts or datasets of this transaction"),
			 errdetail("Jobs that they are about came meanwhile, and a "
					   "savepoint was rolled back in which that was seen to."),
			 errhint("The transaction might succeed if retried.")));
}

/*
 * Looks for what an entry asks for, and does the work where it is there.  The
 * lock may be free afterwards: then all are to be looked at.
 *
 * Rows of the transaction itself count the first time only.  Later ones have
 * found our row by themselves, and what we have worked on is ours, too.  Nor need
 * we wait for a transaction that began after we took the lock, if our row was in
 * before that: it waits for us.  Otherwise a stream of such rows could keep us
 * from ever having looked at all entries.
 */
static void
look_for_entry(int i, TriggerData *trigdata)
{
	MeetEntry entry = meet.entries[i]; /* the array may move */
	MeetQuestion question;
	MeetFound found;
	List *coming;

	entry.side->ask(trigdata, &entry.name, &question);
	coming =
		trainjob_find_coming(&question, i < meet.before ? meet.horizon
														: InvalidTransactionId);
	if (coming != NIL)
	{
		refuse_at_end();
		wait_for_newcomers(coming);
		return;
	}
	trainjob_find_present(&question, &found);
	if (found.other || (found.own && !entry.asked))
	{
		refuse_at_end();
		if (entry.subid < GetCurrentSubTransactionId())
			meet.worked = GetCurrentSubTransactionId();
		entry.side->work(trigdata, &entry.name);
	}
	meet.entries[i].asked = true;
}

/* The call of the trigger that asked, as it was then. */
static void
look_for_next(void)
{
	const MeetEntry *entry = &meet.entries[meet.looked];
	Relation rel = try_relation_open(entry->relation, AccessShareLock);
	TriggerDesc *triggers = rel == NULL ? NULL : CopyTriggerDesc(rel->trigdesc);

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgoid == entry->trigger)
		{
			TriggerData trigdata = {.type = T_TriggerData,
									.tg_relation = rel,
									.tg_trigger = &triggers->triggers[i]};

			look_for_entry(meet.looked, &trigdata);
			break;
		}
	if (rel != NULL)
		relation_close(rel, NoLock);
	/* unless the lock was let go, by us or by what our work led to */
	if (meet.locked)
		meet.looked++;
}

/* Whether all entries have been looked at since we have the lock. */
static bool
is_complete(void)
{
	return meet.count == 0 || (meet.locked && meet.looked == meet.count);
}

void
trainjob_meet_again(void)
{
	MemoryContext caller;
	MemoryContext each;

	if (is_complete() || meet.looking != InvalidSubTransactionId)
		return;
	each = AllocSetContextCreate(CurrentMemoryContext, "trainjob look",
								 ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(each);
	meet.looking = GetCurrentSubTransactionId(); /* until its rollback, too */
	while (!is_complete())
	{
		CHECK_FOR_INTERRUPTS();
		if (!meet.locked)
			change_lock(true);
		look_for_next();
		MemoryContextReset(each);
	}
	meet.looking = InvalidSubTransactionId;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(each);
}

void
trainjob_meet_await(const MeetSide *side, TriggerData *trigdata,
					const MeetName *name, const Column *key, const Column *user)
{
	MeetEntry entry = {.name = *name,
					   .subid = GetCurrentSubTransactionId(),
					   .relation = RelationGetRelid(trigdata->tg_relation),
					   .trigger = trigdata->tg_trigger->tgoid,
					   .side = side};

	add_entry(&entry, key, user);
	trainjob_meet_again();
}

bool
trainjob_meet_before(const MeetQuestion *question)
{
	List *coming;
	MeetFound found;

	while ((coming = trainjob_find_coming(question, InvalidTransactionId)) !=
		   NIL)
	{
		wait_for_newcomers(coming);
		trainjob_meet_again();
	}
	trainjob_find_present(question, &found);
	return found.other || found.own;
}

void
trainjob_meet_newcomer(const MeetQuestion *question, MeetFound *found)
{
	List *coming = trainjob_find_coming(question, InvalidTransactionId);
	ListCell *cell;

	foreach (cell, coming)
		wait_for_waiter(lfirst_oid(cell));
	trainjob_meet_again();
	trainjob_find_present(question, found);
}

/* ----------
 * The end of transactions and savepoints
 * ----------
 */

/*
 * A savepoint that was rolled back may have ended a look in its middle, or undone
 * work: then the writer of what an earlier row asks for may rely on us.
 * Triggers are not fired any more, so work is an error.
 */
static void
complete_at_end(void)
{
	if (is_complete())
		return;
	meet.ending = true;
	PushActiveSnapshot(GetTransactionSnapshot());
	trainjob_meet_again();
	PopActiveSnapshot();
}

static void
end_transaction(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			complete_at_end();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			meet = (Meet){0}; /* its memory is the transaction's */
			break;
		default:
			break;
	}
}

/* A rolled back savepoint's rows are gone, and what it did for other rows. */
static void
end_savepoint(SubXactEvent event, SubTransactionId subid,
			  SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	while (meet.count > 0 && meet.entries[meet.count - 1].subid >= subid)
		meet.count--;
	if (meet.worked >= subid)
		meet.looked = 0;
	meet.looked = Min(meet.looked, meet.count);
	meet.before = Min(meet.before, meet.count);
	if (meet.looking >= subid)
		meet.looking = InvalidSubTransactionId;
}

/* ----------
 * Where rows cannot be looked at
 * ----------
 */

void
trainjob_lock_name(Oid table, uint32 hash, LOCKMODE mode)
{
	LOCKTAG tag;

	/* objsubid 1 and 2 are what SQL's advisory locks use */
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, table, hash % 256, 3);
	(void) LockAcquire(&tag, mode, false, false);
}

/* Called once when the library is loaded. */
void
trainjob_meet_init(void)
{
	RegisterXactCallback(end_transaction, NULL);
	RegisterSubXactCallback(end_savepoint, NULL);
}
