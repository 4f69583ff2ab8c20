--
-- report: writing with a job's token, and no right on any table
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE ROLE regress_trainjob_trainer;
CREATE ROLE regress_trainjob_reader;
CREATE SCHEMA report;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('report');
SET search_path = report, pg_catalog;

INSERT INTO local_training_jobs (id, job_token, config, created_at) VALUES
	('00000000-0000-0000-0000-000000000001', 'secret-1', '{"max_steps": 100}', '2025-01-01 00:00Z'),
	('00000000-0000-0000-0000-000000000002', 'secret-2', NULL, '2025-01-01 00:00Z'),
	('00000000-0000-0000-0000-000000000003', NULL, NULL, '2025-01-01 00:00Z');

-- What the calls below left behind, seen by the owner of the tables.
CREATE FUNCTION stored(OUT step bigint, OUT train_loss float8, OUT learning_rate float8,
	OUT extra jsonb, OUT recorded_at text)
RETURNS SETOF record LANGUAGE sql SECURITY DEFINER SET search_path = report, pg_catalog, pg_temp
AS $$
	SELECT step, train_loss, learning_rate, extra,
		CASE WHEN recorded_at > '2025-06-01' AND recorded_at <= now() THEN 'now' ELSE recorded_at::text END
	FROM local_training_metrics ORDER BY id
$$;
CREATE FUNCTION job(OUT status text, OUT step bigint, OUT progress float8, OUT loss float8,
	OUT lr float8, OUT metrics bigint, OUT alerts bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = report, pg_catalog, pg_temp
AS $$
	SELECT status, current_step, progress, loss, learning_rate,
		(SELECT count(*) FROM local_training_metrics), (SELECT count(*) FROM alert_event)
	FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000001'
$$;
CREATE SCHEMA watch;
GRANT USAGE ON SCHEMA watch TO regress_trainjob_trainer;
ALTER FUNCTION stored() SET SCHEMA watch;
ALTER FUNCTION job() SET SCHEMA watch;

-- The trainer's role may not even look into the schema of the tables.
SET ROLE regress_trainjob_trainer;
SELECT count(*) FROM report.local_training_jobs; -- fails

-- ---- points ----

-- One object or an array of them; what is no column goes into extra.
SELECT trainjob.report_metrics('secret-1', '{"step": 1, "train_loss": 2.5, "learning_rate": 1e-4}');
SELECT trainjob.report_metrics('secret-1',
	'[{"step": 2, "train_loss": 2.25, "rewards/margins": 0.5, "tags": ["a", {"b": null}]},
	  {"step": 3, "recorded_at": "2025-01-01 10:00Z", "train_loss": null,
	   "extra": {"loss_scale": 65536}, "Train_Loss": 1, "": "no name"}]');
SELECT * FROM watch.stored();
SELECT * FROM watch.job();

-- What only looks like one of ours is not taken for it.
SELECT trainjob.report_metrics('secret-1',
	'{"step": 4, "id": 7, "job_id": "00000000-0000-0000-0000-000000000002", "extra": "short", "step ": 9}');
SELECT extra FROM watch.stored() WHERE step = 4;
SELECT step FROM watch.job();

-- Numbers that JSON cannot write, and numbers that a double cannot hold.
SELECT trainjob.report_metrics('secret-1',
	'[{"step": 10, "train_loss": "NaN", "learning_rate": "Infinity"},
	  {"step": 11, "train_loss": "-Infinity", "learning_rate": "nan"},
	  {"step": 12, "train_loss": 1e400, "learning_rate": -1e400},
	  {"step": 13, "train_loss": 1e-400, "learning_rate": 12345678901234567890.5},
	  {"step": 14.0, "train_loss": 1},
	  {"step": 15e0, "train_loss": 1.0e0, "epoch": "Infinity"}]');
SELECT step, train_loss, learning_rate FROM watch.stored() WHERE step >= 10;
SELECT * FROM watch.job();

-- Nothing to write is no error; the token is looked at all the same.
SELECT trainjob.report_metrics('secret-1', '[]');
SELECT trainjob.report_metrics('secret-1', NULL);
SELECT trainjob.report_metrics('wrong', '[]'); -- fails

-- ---- points that are refused, by index and key ----

SELECT trainjob.report_metrics('secret-1', '{}'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"train_loss": 1}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": null}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": -1}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": 0.5}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": "21"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": "NaN"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": 9223372036854775808}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": 1e400}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": [1]}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "train_loss": "low"}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "train_loss": "1.5"}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "train_loss": ""}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "train_loss": true}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "train_loss": [1.5]}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "train_loss": {"value": 1.5}}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "recorded_at": "soon"}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "recorded_at": "2025-02-30"}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "recorded_at": 1735689600}'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "recorded_at": true}'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, [{"step": 21}]]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, null]'); -- fails
SELECT trainjob.report_metrics('secret-1', '["step"]'); -- fails
SELECT trainjob.report_metrics('secret-1', '20'); -- fails
SELECT trainjob.report_metrics('secret-1', '"step"'); -- fails
SELECT trainjob.report_metrics('secret-1', 'null'); -- fails
-- a value is shown, but not at any length
SELECT trainjob.report_metrics('secret-1',
	jsonb_build_object('step', 20, 'train_loss', repeat('no ', 1000))); -- fails
SELECT trainjob.report_metrics('secret-1',
	jsonb_build_object('step', 20, 'train_loss', repeat('né', 1000))); -- fails
-- the last of many
SELECT trainjob.report_metrics('secret-1',
	(SELECT jsonb_agg(jsonb_build_object('step', n, 'train_loss', CASE WHEN n = 1999 THEN 'x' END)) FROM generate_series(0, 1999) AS n)); -- fails
-- a time that is none
SELECT trainjob.report_metrics('secret-1', '[{"step": 20}, {"step": 21, "recorded_at": "infinity"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 20, "recorded_at": "-infinity"}'); -- fails
SELECT trainjob.report_alert('secret-1', 'gpu_oom', '{"occurred_at": "Infinity"}'); -- fails
-- what is too large, by a setting that is not the trainer's
SET trainjob.max_point_size = '1GB'; -- fails
RESET ROLE;
BEGIN;
SET LOCAL trainjob.max_report_size = '4kB';
SET LOCAL trainjob.max_point_size = '1kB';
SET LOCAL ROLE regress_trainjob_trainer;
SAVEPOINT before;
SELECT trainjob.report_metrics('secret-1',
	(SELECT jsonb_agg(jsonb_build_object('step', n, 'note', repeat('x', 500))) FROM generate_series(1, 7) AS n)) > 0 AS stored;
ROLLBACK TO before;
SELECT trainjob.report_metrics('secret-1',
	(SELECT jsonb_agg(jsonb_build_object('step', n, 'note', repeat('x', 500))) FROM generate_series(1, 8) AS n)); -- fails
ROLLBACK TO before;
SELECT trainjob.report_metrics('secret-1', jsonb_build_object('step', 20, 'note', repeat('x', 1000))); -- fails
ROLLBACK TO before;
SELECT trainjob.report_metrics('secret-1', jsonb_build_array('{"step": 20}'::jsonb, jsonb_build_object('step', 21, 'note', repeat('x', 1000)))); -- fails
ROLLBACK TO before;
SELECT trainjob.report_alert('secret-1', 'gpu_oom', jsonb_build_object('note', repeat('x', 1020))); -- fails
ROLLBACK TO before;
SELECT trainjob.report_alert('secret-1', 'gpu_oom', jsonb_build_object('note', repeat('x', 5000))); -- fails
ROLLBACK;
SET ROLE regress_trainjob_trainer;
-- Nothing of all this was stored, and the job is as it was.
SELECT * FROM watch.job();

-- ---- tokens ----

-- One and the same error, also for what differs in nothing but its reason.
RESET ROLE;
INSERT INTO local_training_jobs (id, job_token, status, created_at) VALUES
	('00000000-0000-0000-0000-000000000004', 'done', 'completed', '2025-01-01 00:00Z'),
	('00000000-0000-0000-0000-000000000005', 'over', 'cancelled', '2025-01-01 00:00Z'),
	('00000000-0000-0000-0000-000000000006', 'fell', 'failed', '2025-01-01 00:00Z'),
	('00000000-0000-0000-0000-000000000007', '', 'running', '2025-01-01 00:00Z');
CREATE FUNCTION watch.answer(token text, call text)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
	detail text;
	hint text;
BEGIN
	EXECUTE call INTO result USING token;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s|%s|%s', SQLSTATE, SQLERRM, detail, hint);
END $$;
SET ROLE regress_trainjob_trainer;
SELECT c.call, watch.answer(t.token, c.call) AS answer, array_agg(t.name ORDER BY t.n) AS tokens
FROM (VALUES (1, 'unknown', 'secret-0'), (2, 'NULL', NULL), (3, 'empty', ''),
			 (4, 'completed', 'done'), (5, 'cancelled', 'over'), (6, 'failed', 'fell'),
			 (7, 'prefix', 'secret-'), (8, 'longer', 'secret-1 '), (9, 'upper case', 'SECRET-1'),
			 (10, 'digest', encode(sha256('secret-1'), 'hex')), (11, 'wildcard', '%')) AS t (n, name, token)
CROSS JOIN (VALUES (1, $$SELECT trainjob.report_metrics($1, '{"step": 0}')$$),
				   (2, $$SELECT trainjob.report_metrics($1, '{"step": -1}')$$),
				   (3, $$SELECT trainjob.report_alert($1, 'disk_warning')$$)) AS c (n, call)
GROUP BY c.n, c.call, 2
ORDER BY c.n, min(t.n);

-- The token of a failed job revives nothing by a metric, but it counts.
RESET ROLE;
SELECT status, current_step FROM local_training_jobs WHERE job_token = 'fell';
-- A job that ends takes its token along at once, a restart brings it back.
BEGIN;
UPDATE local_training_jobs SET status = 'cancelled' WHERE job_token = 'secret-2';
SELECT watch.answer('secret-2', $$SELECT trainjob.report_metrics($1, '{"step": 0}')$$);
UPDATE local_training_jobs SET status = 'running' WHERE job_token = 'secret-2';
SELECT watch.answer('secret-2', $$SELECT trainjob.report_metrics($1, '{"step": 0}')$$);
UPDATE local_training_jobs SET job_token = 'another' WHERE job_token = 'secret-2';
SELECT watch.answer('secret-2', $$SELECT trainjob.report_metrics($1, '{"step": 0}')$$);
SELECT watch.answer('another', $$SELECT trainjob.report_metrics($1, '{"step": 0}')$$);
ROLLBACK;

-- The token is found through its index, also by a plan that is kept, and no
-- other's entry is read.
BEGIN;
SET LOCAL enable_seqscan = off;
CREATE FUNCTION pg_temp.entries_read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))::bigint FROM pg_index
	WHERE indrelid = 'report.local_training_jobs'::regclass
	  AND pg_get_indexdef(indexrelid) LIKE '%token_digest%'
$$;
INSERT INTO local_training_jobs (id, job_token) SELECT gen_random_uuid(), n FROM generate_series(1, 1000) AS n;
SELECT pg_temp.entries_read() AS before \gset
SELECT trainjob.report_metrics('secret-2', '{"step": 5}');
SELECT pg_temp.entries_read() - :before BETWEEN 1 AND 100 AS index_used;
ROLLBACK;

-- Who reads the overview needs no right on the token, and has no way to it.
GRANT USAGE ON SCHEMA report TO regress_trainjob_reader;
SELECT format('GRANT SELECT (%s) ON local_training_jobs TO regress_trainjob_reader',
			  string_agg(quote_ident(attname), ', '))
FROM pg_attribute
WHERE attrelid = 'local_training_jobs'::regclass AND attnum > 0 AND attname <> 'job_token'
\gexec
GRANT SELECT ON local_training_metrics, alert_event, job_overview, metric_coverage
	TO regress_trainjob_reader;
SET ROLE regress_trainjob_reader;
SELECT id, status, progress_text FROM job_overview WHERE current_step > 10;
SELECT verdict FROM metric_coverage WHERE metric = 'train_loss' AND rows > 1;
SELECT job_token FROM local_training_jobs; -- fails
SELECT _trainjob.token_digest(job_token) FROM local_training_jobs; -- fails
SELECT attname FROM pg_attribute
WHERE attrelid IN ('job_overview'::regclass, 'metric_coverage'::regclass) AND attname ~ 'token' AND attname !~ 'tokens_per';
RESET ROLE;
-- nor by what the statistics of the table and of its index show
ANALYZE local_training_jobs;
SET ROLE regress_trainjob_reader;
SELECT count(*) FROM pg_stats WHERE schemaname = 'report' AND (most_common_vals::text ~ 'secret' OR histogram_bounds::text ~ 'secret');
SELECT count(*) FROM pg_stats WHERE schemaname = 'report' AND tablename ~ 'token_digest';
RESET ROLE;

-- ---- alerts ----

SET ROLE regress_trainjob_trainer;
SELECT trainjob.report_alert('secret-2', 'job_started');
SELECT trainjob.report_alert('secret-2', 'gpu_oom',
	'{"current_step": 7, "total_steps": 50.0, "loss": "NaN", "gpu": 3, "occurred_at": "2025-01-01 12:00Z",
	  "payload": {"node": "a1"}, "outcome": "applied", "user_id": "00000000-0000-0000-0000-0000000000ff",
	  "job_id": "00000000-0000-0000-0000-000000000001"}');
SELECT trainjob.report_alert('secret-2', 'job_failed', '{"error_message": "out of luck", "error_type": "odd"}');
SELECT trainjob.report_alert('secret-2', 'job_cancelled');
SELECT trainjob.report_alert('secret-2', 'job_started', '{}');
SELECT trainjob.report_alert('secret-2', 'job_exploded'); -- fails
SELECT trainjob.report_alert('secret-2', NULL); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '[]'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '7'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', 'null'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '{"total_steps": "many"}'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '{"current_step": -1}'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '{"error_message": 5}'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '{"loss": "much"}'); -- fails
SELECT trainjob.report_alert('secret-2', 'gpu_oom', '{"occurred_at": "later"}'); -- fails
RESET ROLE;
SELECT type, user_id, error_message, error_type, current_step, total_steps, loss, payload,
	CASE WHEN occurred_at = received_at THEN 'now' ELSE occurred_at::text END AS occurred_at, outcome
FROM alert_event WHERE job_id = '00000000-0000-0000-0000-000000000002' ORDER BY id;
SELECT status, error, total_steps, total_steps_source, current_step
FROM local_training_jobs WHERE job_token = 'secret-2';

-- ---- columns that the application added or renamed ----

ALTER TABLE local_training_metrics
	ADD COLUMN rank smallint, ADD COLUMN delta integer, ADD COLUMN note varchar(5),
	ADD COLUMN ratio numeric(5,2), ADD COLUMN fine boolean, ADD COLUMN document jsonb,
	ADD COLUMN sizes integer[], ADD COLUMN run uuid, ADD COLUMN reviewed_at timestamptz,
	ADD COLUMN source text NOT NULL DEFAULT 'trainer',
	ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY,
	ADD COLUMN double_loss float8 GENERATED ALWAYS AS (train_loss * 2) STORED;
CREATE DOMAIN percent AS real CHECK (VALUE BETWEEN 0 AND 100);
ALTER TABLE local_training_metrics ADD COLUMN load percent, ADD COLUMN "Odd ""name"" \" text;
ALTER TABLE alert_event ADD COLUMN severity integer;
-- what is not trainjob's own is not a token's, unless the owner says so
CREATE FUNCTION let_write(VARIADIC token_columns text[]) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT action || ': ' || object FROM trainjob.attach('report.local_training_jobs', token_columns => token_columns)
	WHERE action NOT IN ('missing column', 'missing index')
$$;
SELECT trainjob.report_metrics('secret-1',
	'{"step": 29, "rank": 3, "source": "replay", "number": 5, "double_loss": 9, "load": 101, "id": 9, "severity": 1}');
SELECT trainjob.report_alert('secret-2', 'disk_warning', '{"severity": 7, "received_at": "2025-01-01 00:00Z", "status_after": "failed"}');
SELECT step, id <> 9 AS own_id, rank, source, number <> 5 AS numbered, double_loss, load, extra FROM local_training_metrics WHERE step = 29;
SELECT severity, received_at > '2025-06-01' AS now, status_after, payload FROM alert_event WHERE payload ? 'severity';
SELECT let_write('rank', 'number'); -- fails: identity
SELECT let_write('double_loss'); -- fails: generated
SELECT let_write('id'); -- fails
SELECT let_write('metrics.job_id'); -- fails
SELECT let_write('alerts.type'); -- fails
SELECT let_write('alerts.outcome'); -- fails
SELECT let_write('user_id'); -- fails
SELECT let_write('rang'); -- fails
SELECT let_write('jobs.status'); -- fails
SELECT let_write(NULL::text); -- fails
SELECT let_write('train_loss', 'rank', 'delta', 'note', 'ratio', 'fine', 'document', 'sizes', 'run', 'reviewed_at', 'source', 'load',
	'Odd "name" \', 'alerts.severity');
SELECT let_write(VARIADIC NULL);
SELECT tgname, array_to_string(_trainjob.read_arguments(tgargs), ' ') AS arguments FROM pg_trigger
WHERE tgrelid IN ('local_training_jobs'::regclass, 'local_training_metrics'::regclass)
	AND tgname IN ('trainjob_fill_job', 'trainjob_fill_metric') ORDER BY 1;
SET ROLE regress_trainjob_trainer;
SELECT trainjob.report_alert('secret-2', 'disk_warning', '{"severity": "7"}'); -- fails
SELECT trainjob.report_alert('secret-2', 'disk_warning', '{"severity": 7.4}');
SELECT trainjob.report_metrics('secret-1',
	'[{"step": 30},
	  {"step": 31, "rank": 3, "delta": -5, "note": "fünf!", "ratio": 12.345, "fine": true,
	   "document": {"a": [1]}, "sizes": [1, 2], "run": "00000000-0000-0000-0000-0000000000aa",
	   "reviewed_at": "2025-01-02 00:00Z", "source": "replay", "number": 5, "double_loss": 9,
	   "load": 99.5, "Odd \"name\" \\": "it''s", "recorded_at": "2025-01-02 00:00Z"},
	  {"step": 32, "delta": 2.5, "ratio": "NaN", "fine": null, "document": "text", "source": null}]');
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "rank": 40000}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "delta": "NaN"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "note": "sechs!"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "note": 5}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "ratio": 1000}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "ratio": "Infinity"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "fine": "perhaps"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "run": "me"}]'); -- fails
SELECT trainjob.report_metrics('secret-1', '[{"step": 33}, {"step": 34, "load": 101}]'); -- fails
RESET ROLE;
SELECT step, rank, delta, note, ratio, fine, document, sizes, run, reviewed_at, source, number IS NOT NULL AS numbered,
	double_loss, load, "Odd ""name"" \", extra
FROM local_training_metrics WHERE step >= 30 ORDER BY step;
-- gone and renamed while the plans are kept
ALTER TABLE local_training_metrics DROP COLUMN rank, DROP COLUMN double_loss;
ALTER TABLE local_training_metrics RENAME COLUMN note TO remark;
SET ROLE regress_trainjob_trainer;
SELECT trainjob.report_metrics('secret-1', '{"step": 35, "rank": 1, "note": "long enough", "remark": "yes"}');
RESET ROLE;
SELECT step, remark, extra FROM local_training_metrics WHERE step = 35;
SELECT let_write(VARIADIC NULL);
SELECT let_write('remark');
SELECT trainjob.report_metrics('secret-1', '{"step": 35, "id": 35, "remark": "again", "source": "me"}');
SELECT severity, remark, source, m.extra FROM alert_event, local_training_metrics AS m WHERE step = 35 AND severity IS NOT NULL;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('report');
SELECT trainjob.report_metrics('secret-1', '{"step": 35, "id": 36, "remark": "kept"}');
SELECT let_write(VARIADIC '{}');
SELECT trainjob.report_metrics('secret-1', '{"step": 35, "id": 37, "remark": "no more"}');
SELECT remark, extra FROM local_training_metrics WHERE step = 35 ORDER BY id;
-- without a column for the rest, the rest has no place
BEGIN;
DROP VIEW job_overview, metric_coverage;
ALTER TABLE local_training_metrics DROP COLUMN extra;
SELECT trainjob.report_metrics('secret-1', '{"step": 36, "other": 1, "extra": {"a": 1}}');
ROLLBACK;

-- A column that stands for one of ours has precedence over one that bears our
-- name, whatever this is: it is no other's then.
CREATE SCHEMA twin;
CREATE TABLE twin.jobs (id integer PRIMARY KEY, status text, job_token text, status_text text, token text, created_at text);
CREATE TABLE twin.metrics (job_id text, run integer, step text, n integer, train_loss text, loss real, extra text, more jsonb,
	recorded_at text, at timestamptz, id integer GENERATED ALWAYS AS IDENTITY, grad_norm float8);
CREATE TABLE twin.alerts (id serial, job_id text, run integer, type text, kind text, outcome integer, result text,
	error_message integer, message text, payload text, more jsonb);
SELECT action, object FROM trainjob.attach('twin.jobs', 'twin.metrics', alerts => 'twin.alerts', columns =>
	'{"jobs.status": "status_text", "job_token": "token", "jobs.created_at": "", "metrics.job_id": "run", "step": "n",
	  "train_loss": "loss", "extra": "more", "recorded_at": "at", "alerts.job_id": "run", "type": "kind", "outcome": "result",
	  "alerts.error_message": "message", "payload": "more"}', token_columns => ARRAY['metrics.step', 'train_loss'])
WHERE action = 'note';
INSERT INTO twin.jobs (id, status_text, token) VALUES (1, 'pending', 'secret-twin');
SELECT trainjob.report_metrics('secret-twin',
	'{"step": 1, "train_loss": 2.5, "loss": 9, "n": 9, "run": 2, "at": "x", "recorded_at": "2025-01-03 00:00Z", "extra": {"a": 1}}', 'twin.jobs');
SELECT trainjob.report_alert('secret-twin', 'job_failed',
	'{"error_message": "odd", "message": 5, "kind": "job_completed", "outcome": 1, "payload": {"b": 2}}', 'twin.jobs');
SELECT * FROM twin.metrics;
SELECT * FROM twin.alerts;
-- nor do arguments made by hand give what attach would not
SELECT format('CREATE OR REPLACE TRIGGER trainjob_fill_job BEFORE INSERT OR UPDATE ON twin.jobs FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job(%s)',
	string_agg(quote_literal(a.argument), ', '))
FROM pg_trigger, unnest(_trainjob.read_arguments(tgargs)
	|| '{metrics.number=id,metrics.whose=run,metrics.run=run,metrics.none=none,metrics.user_id=job_id,alerts.what=kind,alerts.id=id,alerts.became=result}') AS a (argument)
WHERE tgrelid = 'twin.jobs'::regclass AND tgname = 'trainjob_fill_job'
\gexec
SELECT trainjob.report_metrics('secret-twin', '{"step": 2, "number": 7, "whose": 7, "run": 7, "none": 7, "user_id": "7", "id": 7}', 'twin.jobs');
SELECT trainjob.report_alert('secret-twin', 'gpu_oom', '{"what": "job_completed", "id": 7, "became": "applied", "job_id": 7}', 'twin.jobs');
SELECT job_id, run, n, id, more FROM twin.metrics WHERE n = 2;
SELECT id, job_id, run, kind, result, more FROM twin.alerts WHERE kind = 'gpu_oom';
DROP SCHEMA twin CASCADE;

-- Columns with other names go by trainjob's names, and by no other.
CREATE SCHEMA own;
CREATE TABLE own.runs (key integer PRIMARY KEY, status text, secret text, config jsonb, dataset_path text);
CREATE TABLE own.points (run integer REFERENCES own.runs, n integer, loss real, more json,
	"timestamp" timestamp DEFAULT '2025-01-01 00:00');
SELECT action, object FROM trainjob.attach('own.runs', 'own.points', columns =>
	'{"jobs.id": "key", "job_token": "secret", "metrics.job_id": "run", "step": "n",
	  "train_loss": "loss", "extra": "more", "recorded_at": "timestamp"}')
WHERE action !~ 'missing column' ORDER BY 1, 2;
INSERT INTO own.runs VALUES (1, 'pending', 'secret-1');
SET ROLE regress_trainjob_trainer;
SELECT trainjob.report_metrics('secret-1', '{"step": 1}'); -- fails: two sets
RESET ROLE;
GRANT USAGE ON SCHEMA own, report TO regress_trainjob_trainer;
SET ROLE regress_trainjob_trainer;
SELECT trainjob.report_metrics('secret-1',
	'[{"step": 1, "train_loss": 2.5, "key": 1}, {"step": 2, "loss": 1, "n": 5, "recorded_at": "2025-01-03 00:00"}]',
	'own.runs');
SELECT trainjob.report_metrics('secret-1', '{"step": 3000000000}', 'own.runs'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 40}', jobs => 'report.local_training_jobs');
SELECT trainjob.report_alert('secret-1', 'job_started', NULL, 'own.runs');
SELECT trainjob.report_metrics('secret-2', '{"step": 3}', 'own.runs'); -- fails
RESET ROLE;
SELECT * FROM own.points ORDER BY n;
SELECT id, status, current_step FROM own.runs_overview;

-- ---- an argument "jobs" that is no jobs table ----

CREATE TABLE own.plain (id integer, status text, job_token text);
CREATE VIEW own.a_view AS SELECT * FROM report.local_training_jobs;
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 'own.plain'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 'own.a_view'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 'own.points'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 'own.runs_pkey'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 'pg_class'); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 0); -- fails
SELECT trainjob.report_metrics('secret-1', '{"step": 1}', 4294967295::oid::regclass); -- fails
SELECT trainjob.report_alert('secret-1', 'gpu_oom', NULL, 'own.plain'); -- fails
SELECT trainjob.report_alert('secret-1', 'gpu_oom', NULL, 'own.a_view'); -- fails
-- somebody who may attach, and points at tables that are not his
CREATE ROLE regress_trainjob_thief;
CREATE SCHEMA den AUTHORIZATION regress_trainjob_thief;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO regress_trainjob_thief;
GRANT USAGE ON SCHEMA own, report TO regress_trainjob_thief;
SET ROLE regress_trainjob_thief;
CREATE TABLE den.jobs (id uuid PRIMARY KEY, status text, job_token text);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON den.jobs FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_job('metrics=report.local_training_metrics', 'alerts=report.alert_event');
INSERT INTO den.jobs VALUES ('00000000-0000-0000-0000-000000000001', 'running', 'mine');
SELECT trainjob.report_metrics('mine', '{"step": 1000}', 'den.jobs'); -- fails
SELECT trainjob.report_alert('mine', 'job_cancelled', NULL, 'den.jobs'); -- fails
RESET ROLE;
SELECT status, step FROM watch.job();
-- His own code runs as he, whoever reports with his token.
CREATE TABLE den.log (who text);
ALTER TABLE den.log OWNER TO regress_trainjob_thief;
SET ROLE regress_trainjob_thief;
CREATE TABLE den.metrics (job_id uuid, step bigint);
CREATE FUNCTION den.spy() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN INSERT INTO den.log VALUES (current_user); RETURN NEW; END';
CREATE TRIGGER spy BEFORE INSERT ON den.metrics FOR EACH ROW EXECUTE FUNCTION den.spy();
CREATE OR REPLACE TRIGGER fill BEFORE INSERT OR UPDATE ON den.jobs FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_job('metrics=den.metrics');
RESET ROLE;
SELECT trainjob.report_metrics('mine', '{"step": 1}', 'den.jobs');
SELECT who FROM den.log;
SELECT current_user = session_user AS still_oneself;

-- ---- hostile surroundings ----

DROP SCHEMA own, den CASCADE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA trainjob FROM regress_trainjob_thief;
REVOKE ALL ON SCHEMA report FROM regress_trainjob_thief;
DROP ROLE regress_trainjob_thief;
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.wrong(bytea, bytea) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR hostile.= (LEFTARG = bytea, RIGHTARG = bytea, FUNCTION = hostile.wrong);
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT '1999-01-01 00:00Z'::pg_catalog.timestamptz$$;
CREATE FUNCTION hostile.jsonb_to_recordset(jsonb) RETURNS SETOF record LANGUAGE plpgsql AS $$BEGIN RAISE 'hostile'; END$$;
CREATE FUNCTION hostile.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT '\x00'::pg_catalog.bytea$$;
CREATE FUNCTION hostile.fill_job() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'hostile'; END$$;
CREATE DOMAIN hostile.float8 AS pg_catalog.text;
CREATE DOMAIN hostile.bigint AS pg_catalog.text;
CREATE DOMAIN hostile.timestamptz AS pg_catalog.text;
CREATE TABLE hostile.pg_trigger (tgrelid pg_catalog.oid, tgfoid pg_catalog.oid, tgparentid pg_catalog.oid);
CREATE TABLE hostile.local_training_jobs (LIKE report.local_training_jobs);
CREATE TABLE hostile.local_training_metrics (LIKE report.local_training_metrics);
CREATE TEMP TABLE local_training_jobs (LIKE report.local_training_jobs);
CREATE TEMP TABLE local_training_metrics (LIKE report.local_training_metrics);
CREATE TEMP TABLE alert_event (LIKE report.alert_event);
CREATE TEMP TABLE pg_trigger (tgrelid oid, tgfoid oid, tgparentid oid);
CREATE TEMP TABLE pg_class (LIKE pg_catalog.pg_class);
SET search_path = pg_temp, hostile, report, pg_catalog;
SELECT trainjob.report_metrics('secret-1', '{"step": 50, "train_loss": 1.5}');
SELECT trainjob.report_metrics('nonsense', '{"step": 51}'); -- fails
SELECT trainjob.report_alert('secret-1', 'disk_warning', '{"current_step": 52}');
-- the plans are made anew, and mean the same
DISCARD PLANS;
SELECT trainjob.report_metrics('secret-1', '{"step": 53, "train_loss": 1.25}');
SET search_path = '';
SELECT trainjob.report_metrics('secret-1', '{"step": 54, "train_loss": 1.125}');
RESET search_path;
SELECT step, train_loss, recorded_at FROM watch.stored() WHERE step >= 50;
SELECT step, loss FROM watch.job();
SELECT (SELECT count(*) FROM hostile.local_training_metrics) + (SELECT count(*) FROM pg_temp.local_training_metrics)
	+ (SELECT count(*) FROM pg_temp.alert_event) AS astray;

-- An application's own triggers may leave rows out, or refuse them.
CREATE SCHEMA odd;
SET search_path = odd, pg_catalog;
CREATE FUNCTION leave_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION is_liked(value integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF value = 13 THEN
		RAISE EXCEPTION 'not this one' USING ERRCODE = 'P0013';
	END IF;
	RETURN true;
END $$;
CREATE DOMAIN liked AS integer CHECK (odd.is_liked(VALUE));
CREATE TABLE jobs (id integer PRIMARY KEY, status text, job_token text);
CREATE TABLE metrics (job_id integer, step double precision, recorded_at timestamptz, liked liked, numbers integer[]);
CREATE TABLE alerts (id serial, job_id integer, type text, "Result" text, current_step integer, total_steps numeric);
SELECT action, object FROM trainjob.attach('jobs', 'metrics', NULL, 'alerts', '{"alerts.outcome": "Result"}',
	token_columns => '{liked,numbers}')
WHERE action ~ 'view' ORDER BY 1, 2;
INSERT INTO jobs VALUES (1, 'pending', 'secret-odd');
CREATE TRIGGER leave_out BEFORE INSERT ON metrics FOR EACH ROW WHEN (NEW.step = 3) EXECUTE FUNCTION leave_out();
CREATE TRIGGER leave_out BEFORE INSERT ON alerts FOR EACH ROW WHEN (NEW.type = 'gpu_oom') EXECUTE FUNCTION leave_out();
SELECT trainjob.report_metrics('secret-odd', '[{"step": 1}, {"step": 2, "numbers": [1, 2]}, {"step": 3}]', 'odd.jobs');
SELECT step, recorded_at IS NOT NULL AS dated, numbers FROM metrics ORDER BY step;
SELECT trainjob.report_metrics('secret-odd', '{"step": 2.5}', 'odd.jobs'); -- fails
SELECT trainjob.report_metrics('secret-odd', '{"step": 4, "liked": 13}', 'odd.jobs'); -- fails
SELECT trainjob.report_alert('secret-odd', 'gpu_oom', '{}', 'odd.jobs');
SELECT trainjob.report_alert('secret-odd', 'job_failed', '{"current_step": 2147483648}', 'odd.jobs'); -- fails
SELECT trainjob.report_alert('secret-odd', 'job_completed', '{"current_step": 5, "total_steps": 6}', 'odd.jobs');
SELECT id, type, "Result", current_step, total_steps FROM alerts;
DROP SCHEMA odd CASCADE;
SET search_path = '';

-- Plans are not piled up, and who called is who he was, after an error, too.
GRANT pg_read_all_stats TO regress_trainjob_trainer;
SET ROLE regress_trainjob_trainer;
DO $$
DECLARE
	once bigint;
	often bigint;
BEGIN
	FOR n IN 1 .. 100 LOOP
		PERFORM trainjob.report_metrics('secret-1', '{"step": 60}');
		PERFORM trainjob.report_alert('secret-1', 'disk_warning');
		BEGIN
			PERFORM trainjob.report_metrics('secret-1', '{"step": "x"}');
		EXCEPTION WHEN invalid_parameter_value THEN NULL;
		END;
		SELECT count(*) INTO often FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource';
		IF n <= 2 THEN -- the second time with this block's own
			once := often;
		END IF;
	END LOOP;
	RAISE INFO 'more plans after a hundred times than after two: %', often - once;
END $$;
SELECT current_user;
RESET ROLE;

\set VERBOSITY terse
DROP SCHEMA report, watch, hostile CASCADE;
DROP ROLE regress_trainjob_trainer, regress_trainjob_reader;
