-- The tables of bench/run. Variables: results and tuples, files.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
CREATE TEMPORARY TABLE result (number integer, id text, title text, way text,
	round integer, rows integer, rate float8, wal float8, cpu float8);
CREATE TEMPORARY TABLE tuples (id text, way text, updated bigint, hot bigint,
	dead bigint, pages bigint);
\set copy '\\copy result FROM ' :'results'
:copy
\set copy '\\copy tuples FROM ' :'tuples'
:copy

-- What is promised: trainjob's rate is at least this fraction of the bare
-- INSERT's, which updates no job and is the limit.
CREATE TEMPORARY TABLE goal (id text, fraction float8);
INSERT INTO goal (id, fraction) VALUES ('one_1', 0.85), ('one_8', 0.80), ('rows100', 0.90);

CREATE TEMPORARY VIEW way_name AS
SELECT * FROM (VALUES
	(1, 'bare', 'bare INSERT'), (2, 'cte', 'one statement by hand'),
	(3, 'cte_tuned', 'the same, trainjob''s storage'),
	(4, 'app', 'application, 3 statements'),
	(5, 'row_trigger', 'PL/pgSQL row triggers'),
	(6, 'statement_trigger', 'best PL/pgSQL'),
	(7, 'trainjob_own', 'trainjob')) AS w (n, way, name);

CREATE TEMPORARY VIEW medians AS
SELECT r.number, r.id, r.title, r.way, r.rows,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate) AS rate,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.wal) AS wal,
	sum(r.cpu * r.rate) / sum(r.rate) AS cpu,
	100 * (max(r.rate) - min(r.rate)) / avg(r.rate) AS spread,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY r.rate / t.rate) AS to_trainjob
FROM result AS r
JOIN result AS t USING (id, round)
WHERE t.way = 'trainjob_own'
GROUP BY r.number, r.id, r.title, r.way, r.rows;

SELECT 'Goals: rate of trainjob / rate of the bare INSERT, which updates no job and is the limit. "CPU": the';
SELECT 'same fraction by CPU time of the server.';
SELECT format('  %s %s %s %s', rpad('case', 42), rpad('goal', 13), rpad('seen', 9), ' CPU ');
SELECT format('  %s %s %s %s', rpad(b.title, 42), rpad('>= ' || to_char(g.fraction, 'FM0.00'), 13),
	to_char(1 / b.to_trainjob, '0.00') || CASE WHEN 1 / b.to_trainjob >= g.fraction THEN ' yes' ELSE ' NO ' END,
	COALESCE(to_char(b.cpu / t.cpu, '0.00'), ''))
FROM goal AS g
JOIN medians AS b ON b.id = g.id AND b.way = 'bare'
JOIN medians AS t ON t.id = g.id AND t.way = 'trainjob_own'
ORDER BY b.number;
SELECT format('  %s %s %s', rpad('all cases with updates of jobs', 42), rpad('HOT > 95 %', 13),
	to_char(min(100.0 * hot / updated), '990.0') || ' %'
	|| CASE WHEN min(100.0 * hot / updated) > 95 THEN ' yes' ELSE ' NO' END)
FROM tuples
WHERE way = 'trainjob_own' AND updated > 0;
SELECT '';

SELECT 'Everything. "x bare": rate over that of the bare INSERT. CPU: microseconds of the server';
SELECT 'a statement. Spread: of the rates, all rounds. HOT, dead rows and pages are of the jobs table.';
SELECT CASE WHEN w.n = min(w.n) OVER (PARTITION BY m.number) THEN m.title || E'\n' ELSE '' END
	|| CASE WHEN m.number = min(m.number) OVER () AND w.n = min(w.n) OVER ()
		THEN format('  %s %s %s %s %s %s %s %s %s', rpad('', 29), '   rows/s', 'x bare',
					'spread', '      CPU', 'WAL/row', '   HOT', '    dead', '  pages') || E'\n'
		ELSE '' END
	|| format('  %s %s %s %s %s %s %s %s %s', rpad(w.name, 29),
		to_char(m.rate * m.rows, '9999,990'),
		COALESCE(to_char(m.to_trainjob / b.to_trainjob, '90.00'), '      '),
		to_char(m.spread, '990') || ' %',
		COALESCE(to_char(m.cpu, '99999990'), '         '),
		to_char(m.wal, '999990'),
		COALESCE(to_char(100.0 * t.hot / NULLIF(t.updated, 0), '990.0'), '      '),
		COALESCE(to_char(t.dead, '9999990'), ''), COALESCE(to_char(t.pages, '999990'), ''))
FROM medians AS m
JOIN way_name AS w USING (way)
LEFT JOIN medians AS b ON b.id = m.id AND b.way = 'bare'
LEFT JOIN tuples AS t ON t.id = m.id AND t.way = m.way
ORDER BY m.number, w.n;
SELECT '';
