-- What large.sql measured. Variables: file, rows.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
CREATE TEMPORARY TABLE large (round integer, way text, what text, ms float8, kb float8);
\set copy '\\copy large FROM ' :'file'
:copy
SELECT format('One statement of %s rows of one job, then deletes, trainjob against the bare INSERT and plain tables:',
			  to_char(:rows, 'FM999,999,999'));
WITH both_ways AS (
	SELECT t.what, t.round, t.ms AS ms, b.ms AS bare_ms, t.kb, b.kb AS bare_kb,
		t.ms / b.ms AS ratio
	FROM large AS t
	JOIN large AS b USING (round, what)
	WHERE t.way = 'trainjob_own' AND b.way = 'bare'), medians AS (
	SELECT what,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY bare_ms) AS bare_ms,
		percentile_cont(0.5) WITHIN GROUP (ORDER BY ratio) AS ratio,
		max(kb) AS kb, max(bare_kb) AS bare_kb
	FROM both_ways
	GROUP BY what)
SELECT format('  %s %s s, bare %s s: %s x, goal <= %s x  %s',
	rpad(g.title, 44), to_char(m.ms / 1000, '990.00'), to_char(m.bare_ms / 1000, '990.00'),
	to_char(m.ratio, '90.00'), g.goal, CASE WHEN m.ratio <= g.goal THEN 'yes' ELSE 'NO' END)
	|| CASE WHEN g.what = 'insert' THEN
		format(E'\n  %s %s MB, bare %s MB', rpad('  the most private memory of the process', 44),
			to_char(m.kb / 1024, '9990.0'), to_char(m.bare_kb / 1024, '9990.0')) ELSE '' END
FROM (VALUES
	(1, 'insert', 'INSERT, work_mem 4 MB', 1.3),
	(2, 'delete old', 'DELETE of the older half by recorded_at', 1.1),
	(3, 'delete job', 'DELETE of the job with the other half', 1.1)) AS g (n, what, title, goal)
JOIN medians AS m USING (what)
ORDER BY g.n;
SELECT '';
