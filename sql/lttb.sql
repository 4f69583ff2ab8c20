--
-- lttb: a long curve becomes a short one that looks the same
-- sparkline: a curve in one line of text
--
SET extra_float_digits = 1;

-- A known answer, from rows out of order.
CREATE TEMP TABLE ten (x float8, y float8);
INSERT INTO ten VALUES
	(1, 10), (2, 20), (3, 15), (8, 60), (9, 55),
	(10, 70), (4, 30), (5, 40), (6, 35), (7, 50);
SELECT max_points, trainjob.lttb(x, y, max_points)
FROM ten, (VALUES (2), (4), (9)) AS v (max_points)
GROUP BY max_points ORDER BY max_points;

-- Nothing to thin: all points, in order.
SELECT trainjob.lttb(x, y, 10) FROM ten;
SELECT trainjob.lttb(x, y, NULL) FROM ten;

-- First, last and a lone peak stay.
SELECT trainjob.lttb(i, CASE i WHEN 4321 THEN 9 ELSE 0 END, 5)
FROM generate_series(1, 10000) AS i;

-- Of equal triangles the first.
SELECT trainjob.lttb(i, 1, 5) FROM generate_series(0, 100) AS i;

-- Points of one x are put in order of y, whichever comes first.
SELECT trainjob.lttb(x, y, 10 ORDER BY y DESC),
	trainjob.lttb(x, y, 10 ORDER BY y)
FROM (VALUES (1, 3::float8), (1, 'NaN'), (1, 1), (0, 2), (1, 2)) AS v (x, y);

-- What is no point: no x, no y, an x that has no place in the order.
SELECT trainjob.lttb(x, y, 10)
FROM (VALUES (1::float8, 1), (NULL, 2), (2, NULL), ('NaN', 3), ('Infinity', 4),
	('-Infinity', 5), (6, 6)) AS v (x, y);
SELECT trainjob.lttb(x, y, 10) IS NULL AS nothing
FROM (VALUES (1::float8, NULL::float8), (NULL, 2)) AS v (x, y);
SELECT trainjob.lttb(1, 1, 10) IS NULL AS nothing WHERE false;
SELECT trainjob.lttb(x, y, 10) FILTER (WHERE x > 8) FROM ten;

-- NaN from 310 on: where it begins is kept, and the last point.
SELECT trainjob.lttb(i, CASE WHEN i < 310 THEN 1.0 / i ELSE 'NaN' END, 6)
FROM generate_series(1, 1000) AS i;

-- NaN up to 310.
SELECT trainjob.lttb(i, CASE WHEN i > 310 THEN 1.0 / i ELSE 'NaN' END, 6)
FROM generate_series(1, 1000) AS i;

-- One NaN among a thousand is a break in the line; so are two kinds of them.
SELECT trainjob.lttb(i, CASE i WHEN 600 THEN 'NaN' ELSE (i % 2)::float8 END, 6)
FROM generate_series(1, 1000) AS i;
SELECT trainjob.lttb(i, CASE i WHEN 600 THEN 'Infinity' WHEN 601 THEN '-Infinity'
	WHEN 602 THEN 'NaN' ELSE 1::float8 END, 8)
FROM generate_series(1, 1000) AS i;

-- More breaks than fit take half of the room, the longest of each group.
SELECT trainjob.lttb(i, CASE WHEN i % 10 = 0 OR i IN (51, 52, 401)
	THEN 'NaN' ELSE 1::float8 END, 8)
FROM generate_series(1, 999) AS i;

-- Nothing that can be drawn, or only the ends.
SELECT trainjob.lttb(i, 'NaN', 4) FROM generate_series(1, 9) AS i;
SELECT trainjob.lttb(i, CASE WHEN i % 2 = 0 THEN 'Infinity'::float8
	ELSE '-Infinity' END, 4) FROM generate_series(1, 9) AS i;
SELECT trainjob.lttb(i, CASE WHEN i IN (1, 9) THEN i::float8 ELSE 'NaN' END, 5)
FROM generate_series(1, 9) AS i;
SELECT max_points, trainjob.lttb(i, CASE WHEN i IN (4, 5) THEN i::float8
	ELSE 'NaN' END, max_points)
FROM generate_series(1, 9) AS i, generate_series(2, 5) AS max_points
GROUP BY max_points ORDER BY max_points;

-- The size of the numbers does not matter.
SELECT unit, trainjob.lttb(x * unit, y * unit, 4)
FROM ten, (VALUES (1e-300::float8), (1e306)) AS v (unit)
GROUP BY unit ORDER BY unit;

-- Groups, a hostile search_path, and no use as a window function.
CREATE SCHEMA lttb_hostile;
CREATE FUNCTION lttb_hostile.less(float8, float8) RETURNS bool
LANGUAGE sql AS 'SELECT $1 OPERATOR(pg_catalog.>) $2';
CREATE OPERATOR lttb_hostile.< (FUNCTION = lttb_hostile.less,
	LEFTARG = float8, RIGHTARG = float8);
SET search_path = lttb_hostile, pg_catalog, public;
SELECT g, trainjob.lttb(i, -i * g, 3)
FROM generate_series(1, 3) AS g, generate_series(1, 100) AS i
GROUP BY g ORDER BY g;
RESET search_path;
DROP SCHEMA lttb_hostile CASCADE;
SELECT trainjob.lttb(x, y, 4) OVER (ORDER BY x) FROM ten;  -- fails

-- One max_points for a group.
SELECT trainjob.lttb(x, y, 1) FROM ten;  -- fails
SELECT trainjob.lttb(x, y, CASE WHEN x < 8 THEN 4 ELSE 5 END) FROM ten;  -- fails
SELECT trainjob.lttb(x, y, CASE WHEN x < 8 THEN 4 END) FROM ten;  -- fails

--
-- The same, point by point, as an implementation that is slow and plain. It
-- works on what can be drawn, so breaks are left to the cases above.
--
CREATE FUNCTION pg_temp.plain_lttb(points point[], max_points int)
RETURNS point[] LANGUAGE plpgsql AS $$
DECLARE
	n bigint := cardinality(points);
	buckets bigint := max_points - 2;
	result point[];
	a point := points[1];
	best point;
	mean_x float8;
	mean_y float8;
	area float8;
	largest float8;
	-- places in the array, of this bucket and of the next
	here bigint;
	there bigint;
	beyond bigint;
BEGIN
	IF n <= max_points THEN
		RETURN points;
	END IF;
	result := ARRAY[a];
	FOR bucket IN 0 .. buckets - 1 LOOP
		here := 2 + div(bucket * (n - 2)::numeric, buckets);
		there := 2 + div((bucket + 1) * (n - 2)::numeric, buckets);
		beyond := CASE WHEN bucket = buckets - 1 THEN n + 1
			ELSE 2 + div((bucket + 2) * (n - 2)::numeric, buckets) END;
		SELECT sum(p[0] ORDER BY i) / count(*), sum(p[1] ORDER BY i) / count(*)
		INTO mean_x, mean_y
		FROM unnest(points[there : beyond - 1]) WITH ORDINALITY AS u (p, i);
		largest := -1;
		FOR i IN here .. there - 1 LOOP
			area := abs((a[0] - mean_x) * ((points[i])[1] - a[1]) -
				(a[0] - (points[i])[0]) * (mean_y - a[1])) / 2;
			IF area > largest THEN
				largest := area;
				best := points[i];
			END IF;
		END LOOP;
		a := best;
		result := result || a;
	END LOOP;
	RETURN result || points[n];
END
$$;

CREATE TEMP TABLE curve (name text, i int, y float8);
INSERT INTO curve
SELECT 'loss', i, 2.5 * exp(-i / 300.0) + 0.3 * sin(i * 12.9898) * cos(i * 78.233)
FROM generate_series(1, 2003) AS i
UNION ALL
SELECT 'rate', i, 2e-5 * least(i / 100.0, (1500 - i) / 1400.0)
FROM generate_series(1, 1500) AS i
UNION ALL
SELECT 'steps', i, i / 97 FROM generate_series(1, 1000) AS i
UNION ALL
SELECT 'flat', i, 0.1 FROM generate_series(1, 700) AS i
UNION ALL
SELECT 'spikes', i, CASE WHEN i * i % 211 = 4 THEN 1e6 ELSE i % 3 END
FROM generate_series(1, 1200) AS i
UNION ALL
SELECT 'time', 1700000000 + 7 * i + i * i % 5, ln(i)
FROM generate_series(1, 900) AS i;

SELECT name, max_points, cardinality(thin), thin::text = plain::text AS same
FROM (
	SELECT name, max_points,
		trainjob.lttb(i, y, max_points ORDER BY md5(i::text)) AS thin,
		pg_temp.plain_lttb(array_agg(point(i, y) ORDER BY i), max_points) AS plain
	FROM curve, (VALUES (2), (3), (7), (100), (499), (699)) AS v (max_points)
	GROUP BY name, max_points) AS t
ORDER BY name, max_points;

--
-- sparkline, read as digits, since what it draws with depends on the encoding
--
CREATE FUNCTION pg_temp.levels(line text) RETURNS text LANGUAGE sql AS $$
	SELECT '"' || translate(line, CASE getdatabaseencoding()
		WHEN 'UTF8' THEN '▁▂▃▄▅▆▇█' ELSE '_.-=+*#@' END, '12345678') || '"'
$$;

-- Eight bands of equal height.
SELECT pg_temp.levels(trainjob.sparkline('{0, 1, 2, 3, 4, 5, 6, 7}')),
	pg_temp.levels(trainjob.sparkline('{7, 3.6, 1.8, 0.9, 0.5, 0.2}')),
	pg_temp.levels(trainjob.sparkline('{0, 0.12, 0.13, 0.99, 1}'));

-- No value, no number, infinite, all equal, nothing.
SELECT pg_temp.levels(trainjob.sparkline('{1, NULL, NaN, 2}')),
	pg_temp.levels(trainjob.sparkline('{1, Infinity, 2, -Infinity}')),
	pg_temp.levels(trainjob.sparkline('{3, 3, 3}')),
	pg_temp.levels(trainjob.sparkline('{3, NULL, Infinity}')),
	pg_temp.levels(trainjob.sparkline('{NULL, NaN}')),
	pg_temp.levels(trainjob.sparkline('{}')),
	trainjob.sparkline(NULL) IS NULL AS nothing;

-- The size of the numbers does not matter, nor the shape of the array.
SELECT pg_temp.levels(trainjob.sparkline('{-1.7e308, 0, 1.7e308}')),
	pg_temp.levels(trainjob.sparkline('{0, 5e-324, 1e-323}')),
	pg_temp.levels(trainjob.sparkline('[0:1][3:4]={{1, 2}, {NULL, 4}}'));

-- Columns of a given width show their mean; a flat curve is flat in any width.
SELECT pg_temp.levels(trainjob.sparkline('{1, 3, 4, 4, 9, 11}', 3)),
	pg_temp.levels(trainjob.sparkline('{1, 3, NULL, 4, NaN, NULL, 5, Infinity}', 4)),
	pg_temp.levels(trainjob.sparkline('{1, 2}', 20)),
	pg_temp.levels(trainjob.sparkline('{0, Infinity, -Infinity, 1, 1, 1}', 3)),
	pg_temp.levels(trainjob.sparkline(
		(SELECT array_agg(0.1::float8) FROM generate_series(1, 1000)), 7)),
	pg_temp.levels(trainjob.sparkline('{1.7e308, 1.7e308, -1.7e308, -1.7e308}', 2)),
	trainjob.sparkline('{1}', NULL) IS NULL AS nothing;
\set SHOW_CONTEXT never
SELECT trainjob.sparkline('{1, 2}', 0);  -- fails
