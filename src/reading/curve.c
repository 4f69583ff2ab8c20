/*
 * curve.c
 *	  Curves made small.
 *
 * Words used here:
 *
 *	curve		the points of one group. Its order is by x, then y, NaN last,
 *				as ORDER BY x, y has it: which row a plan delivers first
 *				changes nothing, so the same points give the same picture.
 *	finite		a point whose y is a number that can be drawn. Only these form
 *				triangles.
 *	stretch		consecutive points of one y that cannot be drawn: NaN, Infinity
 *				or -Infinity. A chart shows a stretch as a break in its line,
 *				for which one point, the mark, is enough: the stretch's first.
 *
 * A curve has these points when it has more than it may keep:
 *
 *		the first and the last
 *		marks		of the stretches that begin between them: all, up to half
 *					of the room between first and last, and more where finite
 *					points leave room. If that is too few, the stretches are
 *					parted in order into as many equal groups as there may be
 *					marks, and each group shows its longest.
 *		the rest	finite points by Largest-Triangle-Three-Buckets (S.
 *					Steinarsson, Downsampling Time Series for Visual
 *					Representation, University of Iceland 2013): first and
 *					last of them, the others parted in order into buckets of
 *					equal count. A bucket shows the point that makes the largest
 *					triangle with the one shown before and the mean of the next
 *					bucket.
 *
 * Of equals, the first is taken, always.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "reading/curve.h"

#define MAX_RESULT_POINTS \
	((int64) ((MaxAllocSize - ARR_OVERHEAD_NONULLS(1)) / sizeof(Point)))

/* A point that cannot be drawn, and the number of finite points before it. */
typedef struct Mark
{
	Point point;
	int64 finite_before;
} Mark;

/*
 * The points that are kept, as elements of the array to be. Finite points come
 * in order, and marks are put between them where they belong.
 */
typedef struct Picture
{
	Datum *elements;
	int64 count;
	Mark *marks;
	int64 mark_count;
	int64 marks_drawn;
} Picture;

/*
 * float8's order, in which NaN equals itself and follows all else.
 */
static inline int
compare_numbers(double a, double b)
{
	if (a < b)
		return -1;
	if (a > b)
		return 1;
	if (a == b)
		return 0;
	return (int) isnan(a) - (int) isnan(b);
}

static inline int
compare_points(const Point *a, const Point *b)
{
	int order = compare_numbers(a->x, b->x);

	return order != 0 ? order : compare_numbers(a->y, b->y);
}

/*
 * Quicksort that ends at once where the points are in order already, which they
 * are when they were read by an index, and that can be cancelled.
 */
#define ST_SORT sort_points
#define ST_ELEMENT_TYPE Point
#define ST_COMPARE(a, b) compare_points(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

void
trainjob_sort_curve(Point *points, int64 count)
{
	sort_points(points, count);
}

/*
 * The power of two that brings numbers up to the given magnitude near 1.
 * Multiplying by it is exact, and neither products nor sums of the results
 * overflow, or vanish, where those of the numbers themselves would.
 */
static double
scale_for(double magnitude)
{
	int exponent;

	(void) frexp(magnitude, &exponent);
	return ldexp(1.0, -Max(-1000, Min(1000, exponent)));
}

/*
 * The first place of part number part, when count things are parted in order
 * into equally many each: part * count / parts, which itself might overflow.
 */
static inline int64
part_start(int64 part, int64 parts, int64 count)
{
	return part * (count / parts) + part * (count % parts) / parts;
}

/*
 * Twice the area of the triangle of three points.
 *
 * The products are stored, so that no compiler merges them with the subtraction
 * (FMA): points on a straight line would then be chosen by the machine's taste.
 */
static inline double
double_area(Point a, Point b, Point c)
{
	volatile double left = (a.x - c.x) * (b.y - a.y);
	volatile double right = (a.x - b.x) * (c.y - a.y);

	return fabs(left - right);
}

static inline Point
scaled(const Point *point, Point scale)
{
	Point result;

	result.x = point->x * scale.x;
	result.y = point->y * scale.y;
	return result;
}

/*
 * The factors by which areas are computed.
 */
static Point
scale_of(const Point *points, int64 count)
{
	Point largest = {0, 0};
	Point scale;

	for (int64 i = 0; i < count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		largest.x = Max(largest.x, fabs(points[i].x));
		largest.y = Max(largest.y, fabs(points[i].y));
	}
	scale.x = scale_for(largest.x);
	scale.y = scale_for(largest.y);
	return scale;
}

static Point
mean_of(const Point *points, int64 from, int64 to, Point scale)
{
	Point sum = {0, 0};

	for (int64 i = from; i < to; i++)
	{
		Point point = scaled(&points[i], scale);

		CHECK_FOR_INTERRUPTS();
		sum.x += point.x;
		sum.y += point.y;
	}
	sum.x /= to - from;
	sum.y /= to - from;
	return sum;
}

/*
 * Draws the marks that stand before finite point number finite.
 */
static void
draw_marks(Picture *picture, int64 finite)
{
	while (picture->marks_drawn < picture->mark_count &&
		   picture->marks[picture->marks_drawn].finite_before <= finite)
		picture->elements[picture->count++] =
			PointPGetDatum(&picture->marks[picture->marks_drawn++].point);
}

static void
draw_point(Picture *picture, const Point *points, int64 i)
{
	draw_marks(picture, i);
	picture->elements[picture->count++] = PointPGetDatum(&points[i]);
}

/*
 * Largest-Triangle-Three-Buckets: draws room points out of finite ones in
 * order, of which there are at least as many.
 *
 *		a . . . | . b . . . | . . . . . | . z		bucket of b, the next bucket
 *
 * The caller says which end matters where only one fits.
 */
static void
draw_finite(Picture *picture, const Point *points, int64 count, int64 room,
			bool first_matters)
{
	int64 buckets = room - 2;
	int64 inner = count - 2;
	Point scale;
	int64 shown;

	if (room == count)
	{
		for (int64 i = 0; i < count; i++)
			draw_point(picture, points, i);
		return;
	}
	if (room < 2)
	{
		if (room == 1)
			draw_point(picture, points, first_matters ? 0 : count - 1);
		return;
	}

	scale = scale_of(points, count);
	shown = 0;
	draw_point(picture, points, shown);
	for (int64 bucket = 0; bucket < buckets; bucket++)
	{
		int64 from = 1 + part_start(bucket, buckets, inner);
		int64 to = 1 + part_start(bucket + 1, buckets, inner);
		int64 next_to = bucket + 1 < buckets
							? 1 + part_start(bucket + 2, buckets, inner)
							: count;
		Point before = scaled(&points[shown], scale);
		Point after = mean_of(points, to, next_to, scale);
		double largest = -1;

		for (int64 i = from; i < to; i++)
		{
			double area = double_area(before, scaled(&points[i], scale), after);

			CHECK_FOR_INTERRUPTS();
			if (area > largest)
			{
				largest = area;
				shown = i;
			}
		}
		draw_point(picture, points, shown);
	}
	draw_point(picture, points, count - 1);
}

/*
 * The place after the stretch that begins at from.
 */
static int64
stretch_end(const Point *points, int64 count, int64 from)
{
	int64 end = from + 1;

	while (end < count && compare_numbers(points[end].y, points[from].y) == 0)
	{
		CHECK_FOR_INTERRUPTS();
		end++;
	}
	return end;
}

/*
 * The number of stretches that begin between first and last point, and of the
 * finite points there.
 */
static int64
count_stretches(const Point *points, int64 count, int64 *finite)
{
	int64 stretches = 0;

	*finite = 0;
	for (int64 i = 1; i < count - 1; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (isfinite(points[i].y))
			(*finite)++;
		else if (compare_numbers(points[i - 1].y, points[i].y) != 0)
			stretches++;
	}
	return stretches;
}

static void
add_mark(Picture *picture, Point point, int64 finite_before)
{
	Mark *mark = &picture->marks[picture->mark_count++];

	mark->point = point;
	mark->finite_before = finite_before;
}

/*
 * Chooses the marks, and packs the finite points to the front of the array.
 * Returns how many those are.
 *
 * stretches is the number that begin between the ends, of which wanted get a
 * mark. A first or last point that cannot be drawn is a mark beside these.
 */
static int64
choose_marks(Picture *picture, Point *points, int64 count, int64 stretches,
			 int64 wanted)
{
	int64 finite = 0;
	int64 seen = 0;
	int64 group = 0;
	int64 longest = 0;
	int64 end;

	for (int64 i = 0; i < count; i = end)
	{
		CHECK_FOR_INTERRUPTS();
		if (isfinite(points[i].y))
		{
			points[finite++] = points[i];
			end = i + 1;
			continue;
		}

		end = stretch_end(points, count, i);
		if (i == 0 || i == count - 1)
			add_mark(picture, points[i], finite);
		else if (wanted > 0)
		{
			/* The group's first opens it, a longer one takes its place. */
			if (seen == part_start(group, wanted, stretches))
			{
				add_mark(picture, points[i], finite);
				group++;
				longest = end - i;
			}
			else if (end - i > longest)
			{
				picture->mark_count--;
				add_mark(picture, points[i], finite);
				longest = end - i;
			}
			seen++;
		}
		/* The curve's last point is kept beside its stretch's first. */
		if (end == count && i < count - 1)
			add_mark(picture, points[count - 1], finite);
	}
	return finite;
}

/*
 * A picture with room for count points.
 */
static void
start_picture(Picture *picture, int64 count)
{
	if (count > MAX_RESULT_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of points exceeds the maximum of an array"),
				 errdetail("The picture has %lld points, and an array holds "
						   "at most %lld.",
						   (long long) count, (long long) MAX_RESULT_POINTS)));

	picture->elements = (Datum *) palloc(count * sizeof(Datum));
	picture->count = 0;
}

static ArrayType *
finish_picture(Picture *picture)
{
	return construct_array(picture->elements, (int) picture->count, POINTOID,
						   sizeof(Point), false, TYPALIGN_DOUBLE);
}

ArrayType *
trainjob_draw_curve(const Point *points, int64 count)
{
	Picture picture = {0};

	start_picture(&picture, count);
	for (int64 i = 0; i < count; i++)
		draw_point(&picture, points, i);
	return finish_picture(&picture);
}

ArrayType *
trainjob_thin_curve(Point *points, int64 count, int max_points)
{
	Picture picture = {0};
	bool first_is_finite = isfinite(points[0].y);
	int64 room = max_points - 2;
	int64 inner_finite;
	int64 finite;
	int64 stretches = count_stretches(points, count, &inner_finite);
	int64 wanted;

	wanted = Min(stretches, Max((room + 1) / 2, room - inner_finite));
	picture.marks =
		(Mark *) palloc_extended((wanted + 2) * sizeof(Mark), MCXT_ALLOC_HUGE);
	finite = choose_marks(&picture, points, count, stretches, wanted);

	room = Min(finite, max_points - picture.mark_count);
	start_picture(&picture, room + picture.mark_count);
	draw_finite(&picture, points, finite, room, first_is_finite);
	draw_marks(&picture, finite);
	Assert(picture.count == room + picture.mark_count);
	return finish_picture(&picture);
}
