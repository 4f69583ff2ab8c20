/*
 * tuple_patch.c
 *	  A row with a few other numbers, without forming it anew.
 *
 * A report gets a perplexity and changes a dozen numbers of its job.  Forming
 * such a row out of all its values costs several times what it costs to copy
 * the row as it lies there, with the numbers put in.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"

#include "trainjob.h"

/* What a number of eight bytes needs, and everything else is content with. */
#define NUMBER_SIZE ((int) sizeof(int64))

/* Where new values are to go. */
typedef struct Changes
{
	int end;	/* after the last column that has another value */
	Size added; /* the most that the tuple grows by */
} Changes;

static Changes
find_changes(TupleTableSlot *row, const Datum *values, const bool *isnull)
{
	Changes changes = {0};

	for (int i = 0; i < row->tts_tupleDescriptor->natts; i++)
		if (isnull[i] != row->tts_isnull[i])
		{
			changes.end = i + 1;
			changes.added += NUMBER_SIZE;
		}
		else if (!isnull[i] && values[i] != row->tts_values[i])
			changes.end = i + 1;
	return changes;
}

/* A tuple like this one that has room to grow, its header filled. */
static HeapTuple
copy_header(HeapTuple tuple, Size room)
{
	HeapTuple copy = palloc(HEAPTUPLESIZE + tuple->t_len + room);

	*copy = *tuple;
	copy->t_data = (HeapTupleHeader) ((char *) copy + HEAPTUPLESIZE);
	memcpy(copy->t_data, tuple->t_data, tuple->t_data->t_hoff);
	return copy;
}

/*
 * Copies the tuple with the new values in place.  NULL where more has changed
 * than numbers for numbers, and numbers of eight bytes for NULL where nothing
 * would have to be aligned again.
 */
static HeapTuple
patch(HeapTuple tuple, TupleTableSlot *row, const Datum *values,
	  const bool *isnull)
{
	TupleDesc desc = row->tts_tupleDescriptor;
	Changes changes = find_changes(row, values, isnull);
	HeapTuple copy = copy_header(tuple, changes.added);
	const char *from = (char *) tuple->t_data + tuple->t_data->t_hoff;
	char *to = (char *) copy->t_data + copy->t_data->t_hoff;
	const char *end = (char *) tuple->t_data + tuple->t_len;
	const char *data = from;
	uint32 offset = 0; /* of a column, in "data" */

	/* what lies between "from" and "offset" is to be copied as it is */
	for (int i = 0; i < changes.end; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		bool was_null = row->tts_isnull[i];
		Size before;

		if (isnull[i] && was_null)
			continue;
		if (isnull[i])
			return NULL;
		if (!was_null)
		{
			offset = att_align_pointer(offset, att->attalign, att->attlen,
									   data + offset);
			if (values[i] == row->tts_values[i])
			{
				offset =
					att_addlength_pointer(offset, att->attlen, data + offset);
				continue;
			}
		}
		else if (att->attlen != NUMBER_SIZE || offset % NUMBER_SIZE != 0)
			return NULL;
		if (!att->attbyval)
			return NULL;

		before = data + offset - from;
		memcpy(to, from, before);
		to += before;
		from += before;
		store_att_byval(to, values[i], att->attlen);
		to += att->attlen;
		if (was_null)
			copy->t_data->t_bits[i / BITS_PER_BYTE] |= 1 << (i % BITS_PER_BYTE);
		else
		{
			from += att->attlen;
			offset += att->attlen;
		}
	}
	memcpy(to, from, end - from);
	copy->t_len = to + (end - from) - (char *) copy->t_data;
	return copy;
}

/*
 * trainjob_patch_tuple
 *		The tuple of a row that has "values" instead, as heap_form_tuple() would
 *		make it, in the current memory context.
 *
 * "row" holds the tuple, with all its columns taken apart (slot_getallattrs).  A
 * value by reference that is the row's own is known by its address.
 */
HeapTuple
trainjob_patch_tuple(HeapTuple tuple, TupleTableSlot *row, Datum *values,
					 bool *isnull)
{
	TupleDesc desc = row->tts_tupleDescriptor;
	HeapTuple patched = NULL;

	/* a tuple from before ALTER TABLE ADD COLUMN has less than the row */
	if (HeapTupleHeaderGetNatts(tuple->t_data) == desc->natts)
		patched = patch(tuple, row, values, isnull);
	return patched != NULL ? patched : heap_form_tuple(desc, values, isnull);
}
