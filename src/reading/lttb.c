/*
 * lttb.c
 *	  The aggregate lttb, which makes a curve small (curve.c).
 *
 * There is no combine function. The triangle of a bucket needs the point chosen
 * in the one before, and buckets are known only when all points are there and in
 * order; all that workers could do is collect points, which then would have to
 * be copied to the leader.
 *
 * The points of a group live in the aggregate's memory context, 16 bytes each in
 * an array that doubles. The final function sorts and packs them where they are
 * (FINALFUNC_MODIFY = READ_WRITE), so nothing else grows with the input.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "utils/memutils.h"

#include "reading/curve.h"

/* max_points NULL, as in LIMIT NULL */
#define ALL_POINTS 0

/* Small, since GROUP BY job may have many groups at a time. */
#define INITIAL_CAPACITY 32

/* Transition state of lttb. */
typedef struct Curve
{
	int max_points;
	int64 count;
	int64 capacity;
	Point *points;
} Curve;

PG_FUNCTION_INFO_V1(trainjob_lttb_transition);
PG_FUNCTION_INFO_V1(trainjob_lttb_final);

static void
add_point(Curve *curve, double x, double y)
{
	if (curve->count == curve->capacity)
	{
		curve->capacity *= 2;
		curve->points =
			(Point *) repalloc_huge(curve->points,
									curve->capacity * sizeof(Point));
	}
	curve->points[curve->count].x = x;
	curve->points[curve->count].y = y;
	curve->count++;
}

static Curve *
make_curve(FunctionCallInfo fcinfo, int max_points)
{
	MemoryContext context;
	Curve *curve;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "lttb_transition called outside an aggregate");
	curve = (Curve *) MemoryContextAlloc(context, sizeof(Curve));
	curve->max_points = max_points;
	curve->count = 0;
	curve->capacity = INITIAL_CAPACITY;
	curve->points =
		(Point *) MemoryContextAlloc(context, INITIAL_CAPACITY * sizeof(Point));
	return curve;
}

static void
check_max_points(int max_points)
{
	if (max_points < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for argument \"max_points\""),
				 errdetail("The value must be at least 2, for the first and "
						   "the last point, or NULL for all points, not %d.",
						   max_points)));
}

static char *
max_points_text(int max_points)
{
	return max_points == ALL_POINTS ? pstrdup("NULL")
									: psprintf("%d", max_points);
}

/*
 * trainjob_lttb_transition
 *		SQL: lttb_transition(internal, x float8, y float8, max_points int)
 *		returns internal.
 *
 * Takes a point into the curve. A row without x or without y is no point, and
 * neither is one whose x is NaN or infinite: it has no place in the order.
 */
Datum
trainjob_lttb_transition(PG_FUNCTION_ARGS)
{
	Curve *curve;
	int max_points = ALL_POINTS;

	if (!PG_ARGISNULL(3))
	{
		max_points = PG_GETARG_INT32(3);
		check_max_points(max_points);
	}

	if (PG_ARGISNULL(0))
		curve = make_curve(fcinfo, max_points);
	else
		curve = (Curve *) PG_GETARG_POINTER(0);
	if (curve->max_points != max_points)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("argument \"max_points\" differs between rows of one "
						"group"),
				 errdetail("The value was %s, and is now %s.",
						   max_points_text(curve->max_points),
						   max_points_text(max_points))));

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2) && isfinite(PG_GETARG_FLOAT8(1)))
		add_point(curve, PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2));

	PG_RETURN_POINTER(curve);
}

/*
 * trainjob_lttb_final
 *		SQL: lttb_final(internal) returns point[].
 *
 * NULL where there was no point, as array_agg has it.
 */
Datum
trainjob_lttb_final(PG_FUNCTION_ARGS)
{
	Curve *curve;
	ArrayType *array;

	curve = PG_ARGISNULL(0) ? NULL : (Curve *) PG_GETARG_POINTER(0);
	if (curve == NULL || curve->count == 0)
		PG_RETURN_NULL();

	trainjob_sort_curve(curve->points, curve->count);
	if (curve->max_points == ALL_POINTS || curve->count <= curve->max_points)
		array = trainjob_draw_curve(curve->points, curve->count);
	else
		array =
			trainjob_thin_curve(curve->points, curve->count, curve->max_points);

	PG_RETURN_ARRAYTYPE_P(array);
}
