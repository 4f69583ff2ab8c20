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

#include "access/genam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/relcache.h"
#include "utils/typcache.h"

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

/* Generated columns may be virtual from 18 on: a row does not hold them. */
static inline bool
trainjob_has_virtual(const TupleConstr *constr)
{
#if PG_VERSION_NUM < 180000
	return false;
#else
	return constr != NULL && constr->has_generated_virtual;
#endif
}

/* Whether there are generated columns of any kind. */
static inline bool
trainjob_has_generated(const TupleConstr *constr)
{
	return trainjob_has_virtual(constr) ||
		   (constr != NULL && constr->has_generated_stored);
}

/*
 * Until 15 an index on any column keeps an update from being HOT; since then
 * one that only summarizes pages does not.  Columns are numbered as in
 * TriggerData.tg_updatedcols.
 */
static inline Bitmapset *
trainjob_indexed_columns(Relation rel)
{
#if PG_VERSION_NUM < 160000
	return RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_ALL);
#else
	return bms_add_members(
		RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_HOT_BLOCKING),
		RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_SUMMARIZED));
#endif
}

/* Which indexes an update must be entered into; until 15 all or none. */
#if PG_VERSION_NUM < 160000
typedef enum TU_UpdateIndexes
{
	TU_None,
	TU_All,
	TU_Summarizing
} TU_UpdateIndexes;
#endif

/* Updates a row, waiting for whoever changes it. */
static inline TM_Result
trainjob_tuple_update(Relation rel, ItemPointer tid, TupleTableSlot *row,
					  CommandId command, Snapshot snapshot,
					  TU_UpdateIndexes *indexes)
{
	TM_FailureData failure;
	LockTupleMode lock_mode;
#if PG_VERSION_NUM < 160000
	bool all = false;
	TM_Result result =
		table_tuple_update(rel, tid, row, command, snapshot, InvalidSnapshot,
						   true, &failure, &lock_mode, &all);

	*indexes = all ? TU_All : TU_None;
	return result;
#elif PG_VERSION_NUM < 190000
	return table_tuple_update(rel, tid, row, command, snapshot, InvalidSnapshot,
							  true, &failure, &lock_mode, indexes);
#else
	return table_tuple_update(rel, tid, row, command, 0, snapshot,
							  InvalidSnapshot, true, &failure, &lock_mode,
							  indexes);
#endif
}

/* Enters an updated row into the indexes that must hear of it. */
static inline void
trainjob_insert_index_tuples(ResultRelInfo *target, TupleTableSlot *row,
							 EState *estate, TU_UpdateIndexes indexes)
{
#if PG_VERSION_NUM < 160000
	(void) ExecInsertIndexTuples(target, row, estate, true, false, NULL, NIL);
#elif PG_VERSION_NUM < 190000
	(void) ExecInsertIndexTuples(target, row, estate, true, false, NULL, NIL,
								 indexes == TU_Summarizing);
#else
	uint32 flags = EIIT_IS_UPDATE;

	if (indexes == TU_Summarizing)
		flags |= EIIT_ONLY_SUMMARIZING;
	(void) ExecInsertIndexTuples(target, estate, flags, row, NIL, NULL);
#endif
}

/* An index scan by so many keys, and what fetches its rows. */
static inline IndexScanDesc
trainjob_index_beginscan(Relation rel, Relation index, Snapshot snapshot,
						 int nkeys)
{
#if PG_VERSION_NUM < 180000
	return index_beginscan(rel, index, snapshot, nkeys, 0);
#elif PG_VERSION_NUM < 190000
	return index_beginscan(rel, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(rel, index, snapshot, NULL, nkeys, 0, 0);
#endif
}

static inline IndexFetchTableData *
trainjob_index_fetch_begin(Relation rel)
{
#if PG_VERSION_NUM < 190000
	return table_index_fetch_begin(rel);
#else
	return table_index_fetch_begin(rel, 0);
#endif
}

/* From 19 on it can tell whether a constraint is volatile. */
#if PG_VERSION_NUM < 190000
#define DomainHasConstraints(type, has_volatile) (DomainHasConstraints)(type)
#endif

#endif /* TRAINJOB_COMPAT_H */
