/*
 * curve.h
 *	  Curves made small.
 */
#ifndef TRAINJOB_READING_CURVE_H
#define TRAINJOB_READING_CURVE_H

#include "utils/array.h"
#include "utils/geo_decls.h"

/* Puts the points of a curve in order: by x, then y, NaN last. */
extern void trainjob_sort_curve(Point *points, int64 count);

/* A curve in order as an array of points; palloc'd. */
extern ArrayType *trainjob_draw_curve(const Point *points, int64 count);

/*
 * The picture of a curve in order, of more points than max_points (2 and more),
 * which is as many as it has at most.  Packs the points, after which they are no
 * curve any more.
 */
extern ArrayType *trainjob_thin_curve(Point *points, int64 count,
									  int max_points);

#endif /* TRAINJOB_READING_CURVE_H */
