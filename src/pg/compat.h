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
#include "access/xact.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/resowner.h"
#include "utils/typcache.h"
#if PG_VERSION_NUM >= 160000
#include "nodes/miscnodes.h"
#include "parser/parse_relation.h"
#include "varatt.h"
#endif

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

static inline bool
trainjob_is_virtual(TupleDesc desc, AttrNumber attnum)
{
#if PG_VERSION_NUM < 180000
	return false;
#else
	return TupleDescAttr(desc, attnum - 1)->attgenerated ==
		   ATTRIBUTE_GENERATED_VIRTUAL;
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

/*
 * Gives an executor's state one table, of which the columns in "updated" are
 * updated.  From 16 on privileges are kept apart from the range table.
 */
static inline void
trainjob_init_range_table(EState *estate, Relation rel, Bitmapset *updated)
{
	RangeTblEntry *entry = makeNode(RangeTblEntry);
#if PG_VERSION_NUM >= 160000
	List *infos = NIL;
#endif

	entry->rtekind = RTE_RELATION;
	entry->relid = RelationGetRelid(rel);
	entry->relkind = rel->rd_rel->relkind;
	entry->rellockmode = RowExclusiveLock;
#if PG_VERSION_NUM < 160000
	entry->updatedCols = updated;
	ExecInitRangeTable(estate, list_make1(entry));
#else
	addRTEPermissionInfo(&infos, entry)->updatedCols = updated;
#if PG_VERSION_NUM < 180000
	ExecInitRangeTable(estate, list_make1(entry), infos);
#else
	ExecInitRangeTable(estate, list_make1(entry), infos, bms_make_singleton(1));
#endif
#endif
}

/* Sets the compiled CHECKs, in the table's order, so that none is compiled. */
static inline void
trainjob_set_checks(ResultRelInfo *target, ExprState **checks)
{
#if PG_VERSION_NUM < 180000
	target->ri_ConstraintExprs = checks;
#else
	target->ri_CheckConstraintExprs = checks;
#endif
}

static inline void
trainjob_init_recheck(EPQState *recheck, EState *estate)
{
#if PG_VERSION_NUM < 160000
	EvalPlanQualInit(recheck, estate, NULL, NIL, -1);
#else
	EvalPlanQualInit(recheck, estate, NULL, NIL, -1, NIL);
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

/*
 * Reads a text as a value of a type, false where it is none, or breaks a
 * constraint of a domain.  From 16 on a type can say so; before, it raises an
 * error, which takes a subtransaction to go on from: of whatever class of data
 * it is, that of a function which a CHECK calls included.
 */
static inline bool
trainjob_read_input(char *text, Oid type, int32 typmod, Datum *value)
{
	Oid input;
	Oid ioparam;
#if PG_VERSION_NUM < 160000
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = false;
#else
	ErrorSaveContext refusal = {T_ErrorSaveContext};
	FmgrInfo function;
#endif

	getTypeInputInfo(type, &input, &ioparam);
#if PG_VERSION_NUM < 160000
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		*value = OidInputFunctionCall(input, text, ioparam, typmod);
		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		ErrorData *error;
		int category;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
		if (category != ERRCODE_DATA_EXCEPTION &&
			category != ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return done;
#else
	fmgr_info(input, &function);
	return InputFunctionCallSafe(&function, text, ioparam, typmod,
								 (Node *) &refusal, value);
#endif
}

/* From 19 on it can tell whether a constraint is volatile. */
#if PG_VERSION_NUM < 190000
#define DomainHasConstraints(type, has_volatile) (DomainHasConstraints)(type)
#endif

#endif /* TRAINJOB_COMPAT_H */
