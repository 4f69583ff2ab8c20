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

#include "pg/tuple_patch.h"

/* What a number of eight bytes needs, and everything else is content with. */
#define NUMBER_SIZE ((int) sizeof(int64))

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
 * Copies the tuple with these values in place, none of them NULL.
 *
 * Returns NULL where that is not all: a value that is no number, or a number of
 * not eight bytes or not aligned where NULL stood, or a column that is not in the
 * tuple because it was added to the table later; or columns that are not in the
 * order of the table.
 */
static HeapTuple
patch(HeapTuple tuple, TupleDesc desc, int count, const int *attnums,
	  const Datum *values)
{
	HeapTuple copy = copy_header(tuple, count * NUMBER_SIZE);
	const char *data = (char *) tuple->t_data + tuple->t_data->t_hoff;
	const char *end = (char *) tuple->t_data + tuple->t_len;
	const char *from = data; /* what is not copied yet */
	char *to = (char *) copy->t_data + copy->t_data->t_hoff;
	int natts = HeapTupleHeaderGetNatts(tuple->t_data);
	bool has_nulls = HeapTupleHasNulls(tuple);
	uint32 offset = 0; /* of a column, in "data" */

	for (int i = 0; count > 0; i++)
	{
		Form_pg_attribute att;
		bool is_null;
		Size before;

		if (i == natts)
			return NULL;
		att = TupleDescAttr(desc, i);
		is_null = has_nulls && att_isnull(i, tuple->t_data->t_bits);
		if (!is_null)
			offset = att_align_pointer(offset, att->attalign, att->attlen,
									   data + offset);
		if (*attnums != i + 1)
		{
			if (!is_null)
				offset =
					att_addlength_pointer(offset, att->attlen, data + offset);
			continue;
		}
		if (!att->attbyval || (is_null && (att->attlen != NUMBER_SIZE ||
										   offset % NUMBER_SIZE != 0)))
			return NULL;

		before = data + offset - from;
		memcpy(to, from, before);
		to += before;
		from += before;
		store_att_byval(to, *values, att->attlen);
		to += att->attlen;
		if (is_null)
			copy->t_data->t_bits[i / BITS_PER_BYTE] |= 1 << (i % BITS_PER_BYTE);
		else
		{
			from += att->attlen;
			offset += att->attlen;
		}
		attnums++;
		values++;
		count--;
	}
	memcpy(to, from, end - from);
	copy->t_len = to + (end - from) - (char *) copy->t_data;
	return copy;
}

HeapTuple
trainjob_patch_tuple(HeapTuple tuple, TupleDesc desc, int count, int *attnums,
					 Datum *values, bool *isnull)
{
	HeapTuple patched = NULL;
	bool any_null = false;

	for (int i = 0; i < count; i++)
		any_null = any_null || isnull[i];
	if (!any_null)
		patched = patch(tuple, desc, count, attnums, values);
	return patched != NULL ? patched
						   : heap_modify_tuple_by_cols(tuple, desc, count,
													   attnums, values, isnull);
}
