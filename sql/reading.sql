--
-- reading: curves, and the plans of what a dashboard asks
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET extra_float_digits = 1;
CREATE SCHEMA reading;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('reading');
SET search_path = reading, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
-- blocks as digits, whatever the database's encoding draws with
CREATE FUNCTION levels(line text) RETURNS text LANGUAGE sql AS
	$$ SELECT '"' || translate(line, CASE getdatabaseencoding() WHEN 'UTF8' THEN '▁▂▃▄▅▆▇█' ELSE '_.-=+*#@' END, '12345678') || '"' $$;

-- ---- curves ----

INSERT INTO local_training_jobs (id) SELECT u(n) FROM generate_series(1, 4) AS n;
-- training and evaluation apart, a step twice, a gap, NaN, and the end's mean
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, learning_rate, extra) VALUES
	(u(1), 10, 3, NULL, 1e-5, '{"rewards/margins": 0.25}'), (u(1), 20, 2.5, NULL, 2e-5, '{"rewards/margins": "NaN"}'),
	(u(1), 20, NULL, 2.75, NULL, NULL), (u(1), 20, 2, NULL, NULL, '{"rewards/margins": null}'),
	(u(1), 30, NULL, NULL, 3e-5, '{"rewards/margins": 1e400}'), (u(1), 50, 'NaN', NULL, 3e-5, '{"rewards/margins": "-Infinity"}'),
	(u(1), 60, 1, 1.5, 4e-5, '{"rewards/margins": "0.5", "rewards": {"margins": 9}}'), (u(1), 60, 9, NULL, NULL, '{"train_runtime": 12.5}'),
	(u(1), 70, NULL, NULL, NULL, '{"rewards/margins": 1e-400}'), (u(1), 80, NULL, NULL, NULL, '["rewards/margins", 7]'),
	(u(1), 90, NULL, NULL, NULL, '{"rewards/margins": [1], "train_runtime": 12.5}'), (u(1), 100, NULL, NULL, NULL, '"rewards/margins"'),
	(u(2), 5, 7, NULL, NULL, NULL), (u(2), 6, 6, NULL, NULL, NULL);
SELECT * FROM trainjob.metric_series(u(1), 'train_loss');
SELECT * FROM trainjob.metric_series(u(1), 'eval_loss');
SELECT * FROM trainjob.metric_series(u(1), 'learning_rate');
-- a report's own keys, of any name; what is no number is no point
SELECT * FROM trainjob.metric_series(u(1), 'rewards/margins');
SELECT * FROM trainjob.metric_series(u(1), 'train_runtime');
SELECT count(*) FROM trainjob.metric_series(u(1), 'no such ''metric''');
SELECT count(*) FROM trainjob.metric_series(u(1), 'job_id');
SELECT count(*) FROM trainjob.metric_series(u(3), 'train_loss');
SELECT count(*) FROM trainjob.metric_series(u(99), 'train_loss');
SELECT count(*) FROM trainjob.metric_series(NULL::uuid, NULL);
-- as text, for ids of any type
SELECT * FROM trainjob.metric_series(u(2)::text, 'train_loss');

-- Several jobs, in the order in which they are named.
SELECT right(job_id::text, 1) AS job, step, value FROM trainjob.metric_series(ARRAY[u(2), u(99), NULL, u(1), u(2)], 'train_loss');
SELECT count(*) FROM trainjob.metric_series('{}'::uuid[], 'train_loss');

-- Thinned: first, last and a lone peak stay, and it is the same each time.
INSERT INTO local_training_metrics (job_id, step, train_loss, grad_norm)
	SELECT u(4), n, 1000.0 / n, CASE n WHEN 4321 THEN 99 ELSE n % 2 END FROM generate_series(1, 5000) AS n;
SELECT count(*), min(step), max(step), bool_or(step = 4321 AND value = 99) AS peak FROM trainjob.metric_series(u(4), 'grad_norm');
SELECT count(*), min(step), max(step), bool_or(step = 4321 AND value = 99) AS peak FROM trainjob.metric_series(u(4), 'grad_norm', 50);
SELECT count(*) FROM trainjob.metric_series(u(4), 'grad_norm', max_points => NULL);
SELECT array_agg(s) = (SELECT array_agg(t) FROM trainjob.metric_series(u(4), 'train_loss', 40) AS t) AS same FROM trainjob.metric_series(u(4), 'train_loss', 40) AS s;
SELECT * FROM trainjob.metric_series(u(4), 'grad_norm', 1); -- fails
SELECT _trainjob.extra_number('{"a": 1.5, "b": "x", "c": "Infinity"}', k) FROM unnest('{a, b, c, d, NULL}'::text[]) AS k;

-- ---- a loss in a line ----

SELECT levels(trainjob.loss_curve(u(4))), levels(trainjob.loss_curve(u(4), 8)), levels(trainjob.loss_curve(u(4)::text, width => 3));
-- fewer reports than characters: the newest until the next; NaN is a gap, the end's mean no point
SELECT levels(trainjob.loss_curve(u(1), 6)), levels(trainjob.loss_curve(u(2), 6)), trainjob.loss_curve(u(3)) IS NULL AS none, trainjob.loss_curve(u(99)) IS NULL AS no_job;
SELECT right(job_id::text, 1) AS job, levels(loss_curve) FROM trainjob.loss_curve(ARRAY[u(4), u(3), u(2)], 8);
-- the whole range of steps
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(3), 0, 1), (u(3), 9223372036854775807, 0);
SELECT levels(trainjob.loss_curve(u(3), 4)), length(trainjob.loss_curve(u(3)));
SELECT trainjob.loss_curve(u(3), 0); -- fails

-- ---- plans ----

-- two thousand jobs of twenty users that have ended, but for thirty of user 7
TRUNCATE local_training_jobs, local_training_metrics;
SET trainjob.notify = off;
INSERT INTO local_training_jobs (id, user_id, model_name, status, total_steps, created_at, config)
	SELECT u(n), u(900 + n % 20), 'model ' || n % 7, 'running', 1000, '2025-01-01'::timestamptz + n * interval '1 min', '{"eval_steps": 100, "eval_strategy": "steps"}'
	FROM generate_series(1, 2000) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss)
	SELECT u(j), n, 1.0 / n FROM generate_series(1, 2000) AS j, generate_series(1, 40) AS n;
INSERT INTO alert_event (job_id, type)
	SELECT u(n), 'job_completed' FROM generate_series(1, 2000) AS n WHERE NOT (n % 20 = 7 AND n > 1400);
VACUUM ANALYZE local_training_jobs;
ANALYZE local_training_metrics, alert_event;
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION plan_nodes(query text, options text DEFAULT 'COSTS OFF') RETURNS SETOF jsonb LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE format('EXPLAIN (FORMAT JSON, %s) %s', options, query) INTO plan;
	RETURN QUERY SELECT n FROM jsonb_path_query(plan, 'strict $.**') AS n WHERE jsonb_typeof(n) = 'object' AND n ? 'Node Type';
END;
$$;
-- Whether a plan reads a table at all, whether from its first to its last row, and whether by this index.
CREATE FUNCTION reads(query text, name text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT bool_or(n ->> 'Relation Name' IS NOT DISTINCT FROM name) FROM plan_nodes(query) AS n $$;
CREATE FUNCTION reads_all(query text, name text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT bool_or(n ->> 'Relation Name' IS NOT DISTINCT FROM name AND n ->> 'Node Type' = 'Seq Scan') FROM plan_nodes(query) AS n $$;
CREATE FUNCTION uses(query text, name text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT bool_or(n ->> 'Index Name' IS NOT DISTINCT FROM name) FROM plan_nodes(query) AS n $$;
-- How often it was read, when the query ran.
CREATE FUNCTION times_read(query text, name text) RETURNS numeric LANGUAGE sql AS
	$$ SELECT sum((n ->> 'Actual Loops')::numeric) FROM plan_nodes(query, 'ANALYZE, COSTS OFF, TIMING OFF') AS n WHERE n ->> 'Relation Name' = name $$;

-- the helpers can tell
SELECT reads_all('SELECT * FROM local_training_metrics', 'local_training_metrics') AS all_read, reads('SELECT * FROM local_training_metrics', 'alert_event') AS other_read,
	uses($$SELECT * FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000007'$$, 'local_training_jobs_pkey') AS by_key;

CREATE TEMP TABLE question (what text, query text);
INSERT INTO question VALUES
	('a job', $$SELECT * FROM job_overview WHERE id = '00000000-0000-0000-0000-000000001407'$$),
	('a page', $$SELECT * FROM job_overview WHERE user_id = '00000000-0000-0000-0000-000000000907' ORDER BY created_at DESC LIMIT 50$$),
	('a page''s texts', $$SELECT model_name, progress_text, loss_text FROM job_overview WHERE user_id = '00000000-0000-0000-0000-000000000907' ORDER BY created_at DESC LIMIT 50$$),
	('running jobs', $$SELECT * FROM job_overview WHERE user_id = '00000000-0000-0000-0000-000000000907' AND status = 'running'$$),
	('counts', $$SELECT status, count(*) FROM job_overview GROUP BY status$$),
	('counts by health', $$SELECT health, count(*) FROM job_overview GROUP BY health$$),
	('coverage', $$SELECT * FROM metric_coverage WHERE job_id = '00000000-0000-0000-0000-000000001407'$$),
	('coverage of a metric', $$SELECT * FROM metric_coverage WHERE job_id = '00000000-0000-0000-0000-000000001407' AND metric = 'eval_loss'$$);
SELECT what, reads_all(query, 'local_training_metrics') AS all_metrics, reads_all(query, 'local_training_jobs') AS all_jobs,
	reads(query, 'local_training_metrics') AS metrics, reads(query, 'alert_event') AS alerts,
	uses(query, 'local_training_jobs_pkey') AS by_id, uses(query, 'local_training_jobs_user_id_created_at_idx') AS by_user,
	uses(query, 'local_training_metrics_pkey') AS metrics_by_key
FROM question;
-- The time that is left is computed for what is returned, and of those for the jobs that run.
SELECT times_read(query, 'local_training_metrics') AS etas, times_read(query, 'alert_event') AS alerts FROM question WHERE what = 'a page';
SELECT times_read(replace(query, '907', '901'), 'local_training_metrics') AS etas FROM question WHERE what = 'a page';

-- Curves are found by the key; a loss in a line reads as many reports as it has characters, and both ends.
CREATE FUNCTION reports_read(query text, OUT scans bigint, OUT reports bigint) LANGUAGE plpgsql AS $$
DECLARE
	before record;
BEGIN
	SELECT * INTO before FROM pg_stat_xact_user_tables WHERE relid = 'local_training_metrics'::regclass;
	EXECUTE query;
	SELECT n.seq_scan - before.seq_scan, n.idx_tup_fetch - before.idx_tup_fetch INTO scans, reports
		FROM pg_stat_xact_user_tables AS n WHERE relid = 'local_training_metrics'::regclass;
END;
$$;
SELECT * FROM reports_read($$SELECT count(*) FROM trainjob.metric_series(ARRAY[u(7), u(1407)], 'train_loss')$$);
SELECT scans, reports BETWEEN 2 * 20 AND 2 * 25 AS few FROM reports_read($$SELECT count(*) FROM trainjob.loss_curve(ARRAY[u(7), u(1407)])$$);

DROP SCHEMA reading CASCADE;
