--
-- extremes: the views, verify_jobs and the others read whatever a column can
-- hold, and the triggers bear it
--
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET trainjob.notify = progress;
SET jit = off;
CREATE SCHEMA extremes;
SET search_path = extremes, pg_catalog;

-- ---- times that are refused ----

SELECT count(*) > 0 AS made FROM trainjob.create_tables('extremes');
CREATE FUNCTION u(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
INSERT INTO local_training_jobs (id, status, job_token) VALUES (u(1), 'running', 'secret');
INSERT INTO local_training_metrics (job_id, step, id, recorded_at) VALUES (u(1), 1, 1, '2025-01-01'), (u(1), 2, 2, 'infinity'); -- fails
COPY local_training_metrics (job_id, step, id, recorded_at) FROM stdin; -- fails
00000000-0000-0000-0000-000000000001	1	1	-infinity
\.
SELECT trainjob.report_metrics('secret', '{"step": 1, "recorded_at": "infinity"}', 'local_training_jobs'); -- fails
SELECT trainjob.report_alert('secret', 'job_started', '{"occurred_at": "-infinity"}', 'local_training_jobs'); -- fails
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_failed', 'infinity'); -- fails
-- also of a job that is not there yet
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(2), 'job_failed', '-infinity'); -- fails
INSERT INTO local_training_metrics (job_id, step, id, recorded_at) VALUES (u(1), 1, 1, '2025-01-01 00:00Z'), (u(1), 2, 2, NULL);
UPDATE local_training_metrics SET recorded_at = 'infinity' WHERE step = 1; -- fails
INSERT INTO local_training_metrics (job_id, step, id, recorded_at) VALUES (u(1), 1, 1, '2025-01-02 00:00Z')
	ON CONFLICT (job_id, step, id) DO UPDATE SET recorded_at = '-infinity'; -- fails
\set VERBOSITY sqlstate
UPDATE local_training_metrics SET recorded_at = 'infinity' WHERE step = 1; -- fails
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_failed', 'infinity'); -- fails
\set VERBOSITY default
SELECT status, last_metric_at > '2025-06-01' AS lately FROM local_training_jobs;
SELECT count(*) FROM alert_event;
-- what was there before may stay, and says no more than a report without a time
SET session_replication_role = replica;
UPDATE local_training_metrics SET recorded_at = CASE step WHEN 1 THEN '-infinity' ELSE 'infinity' END::timestamptz;
UPDATE local_training_jobs SET last_metric_at = '2025-01-01 00:00Z';
RESET session_replication_role;
UPDATE local_training_metrics SET train_loss = step;
UPDATE local_training_metrics SET recorded_at = 'infinity' WHERE step = 1; -- fails
SELECT step, recorded_at, perplexity FROM local_training_metrics ORDER BY step;
SELECT current_step, loss, last_metric_at > '2025-06-01' AS lately FROM local_training_jobs;
-- an alert that has its outcome is stored as it is
INSERT INTO alert_event (job_id, type, occurred_at, outcome) VALUES (u(1), 'job_failed', 'infinity', 'late');
SELECT status FROM local_training_jobs;
-- one that waits since it was not refused is as good as one without a time
INSERT INTO alert_event (job_id, type, occurred_at, outcome) VALUES (u(3), 'job_started', '-infinity', 'waiting');
INSERT INTO local_training_jobs (id) VALUES (u(3));
SELECT j.status, isfinite(j.started_at) AS started, a.occurred_at, a.outcome FROM local_training_jobs AS j JOIN alert_event AS a ON a.job_id = j.id WHERE j.id = u(3);
DELETE FROM local_training_jobs WHERE id = u(3);
-- Of a job's infinite times nothing follows, and the reports know better.
SET session_replication_role = replica;
UPDATE local_training_jobs SET last_seen_at = 'infinity';
RESET session_replication_role;
UPDATE local_training_jobs SET last_metric_at = 'infinity', created_at = '-infinity', started_at = now() - interval '1 h';
SELECT health, elapsed_seconds BETWEEN 3600 AND 3660 AS an_hour, last_metric_at FROM job_overview;
SELECT * FROM trainjob.verify_jobs('local_training_jobs');
UPDATE local_training_metrics SET recorded_at = '2025-01-01 00:00Z' WHERE step = 1;
UPDATE local_training_jobs SET last_metric_at = 'infinity';
SELECT column_name, stored, expected FROM trainjob.verify_jobs('local_training_jobs');
SELECT trainjob.refill_jobs('local_training_jobs');
SELECT last_metric_at FROM local_training_jobs;
SELECT * FROM trainjob.verify_jobs('local_training_jobs');
UPDATE local_training_jobs SET started_at = 'infinity', status_changed_at = '-infinity';
SELECT health, elapsed_seconds FROM job_overview;
UPDATE local_training_jobs SET status = 'completed', completed_at = 'infinity', started_at = now();
SELECT health, ended_at, elapsed_seconds FROM job_overview;

-- ---- what a column can hold ----

-- The extremes of a type, each as an expression.
CREATE FUNCTION extremes(type text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(quote_nullable(value)) || CASE
			WHEN type IN ('json', 'jsonb') THEN
				ARRAY['format(''{"method": "%s", "custom": %s}'', repeat(''x'', 1000000), repeat(''9'', 100000))::json']
			WHEN type = 'text' THEN ARRAY['repeat(''x'', 1000000)'] END
	FROM unnest(CASE
		WHEN type ~ '^timestamp' THEN '{NULL,infinity,-infinity,"4714-11-24 00:00:00+00 BC","4713-01-01 BC",294276-12-31 23:59:59.999999+00}'::text[]
		WHEN type = 'bigint' THEN '{NULL,9223372036854775807,-9223372036854775808,9223372036854775806,0,-1}'
		WHEN type = 'integer' THEN '{NULL,2147483647,-2147483648,0,-1}'
		WHEN type = 'smallint' THEN '{NULL,32767,-32768,0,-1}'
		WHEN type IN ('double precision', 'float8') THEN '{NULL,NaN,Infinity,-Infinity,1.7976931348623157e308,-1.7976931348623157e308,5e-324,-0}'
		WHEN type = 'real' THEN '{NULL,NaN,Infinity,-Infinity,3.4028235e38,-3.4028235e38,1e-45,9.223372e18}'
		WHEN type = 'numeric' THEN '{NULL,NaN,Infinity,-Infinity,1e1000,-1e1000,1e-1000,9223372036854775807,9223372036854775808,-1}'
		WHEN type = 'uuid' THEN '{NULL,00000000-0000-0000-0000-000000000000,ffffffff-ffff-ffff-ffff-ffffffffffff}'
		WHEN type IN ('json', 'jsonb') THEN ARRAY[NULL, 'null', '7', '"batch_size"', 'true', '[]', '[1, {"batch_size": 4}, "train_runtime"]', '{}',
			'{"batch_size": "4", "num_epochs": "3", "train_runtime": "1", "custom": "Infinity"}',
			'{"batch_size": 1e300, "gradient_accumulation_steps": -1e300, "num_epochs": 1e-300, "max_steps": 9223372036854775808, "custom": 1e400}',
			'{"max_steps": 9223372036854775807, "eval_strategy": "steps", "eval_steps": 9223372036854775807, "custom": "-Infinity"}',
			'{"batch_size": null, "num_epochs": [], "training": {"batch_size": {}}, "max_steps": -1, "custom": {"custom": 1}}',
			'{"training": {"num_epochs": 1e308, "batch_size": 1, "eval_steps": 0.5, "eval_strategy": "steps"}, "custom": -1e400}',
			repeat('[', 500) || repeat(']', 500), repeat('{"training": ', 500) || '1' || repeat('}', 500)]
			-- what no jsonb holds
			|| CASE type WHEN 'json' THEN ARRAY['{"custom": "\u0000", "batch_size": "\ud800"}', '{"batch_size": 1e999999, "batch_size": 4}'] END
		ELSE ARRAY[NULL, '', 'NaN', E'\u00e4\n''"\\%']
	END) AS value
$$;

-- Tables as an application may have them: its numbers, measures and times are of
-- other types than ours, of one or of two in turn.
CREATE PROCEDURE make_tables(counts text[], measures text[], times text[], of_json text, of_user text) LANGUAGE plpgsql AS $$
DECLARE
	made record;
BEGIN
	FOR made IN
		SELECT t.table_name, string_agg(format('%I %s', c.column_name, CASE
				WHEN c.column_name = 'user_id' THEN of_user
				WHEN c.column_name = 'id' AND c.column_type = 'bigint' THEN 'bigint GENERATED BY DEFAULT AS IDENTITY'
				WHEN c.column_name IN ('id', 'job_id', 'alert_id') THEN c.column_type
				WHEN c.column_type = 'bigint' THEN counts[1 + c.ordinal % cardinality(counts)]
				WHEN c.column_type = 'float8' THEN measures[1 + c.ordinal % cardinality(measures)]
				WHEN c.column_type = 'timestamptz' THEN times[1 + c.ordinal % cardinality(times)]
				WHEN c.column_type = 'jsonb' THEN of_json
				ELSE c.column_type END), ', ' ORDER BY c.ordinal) AS columns
		FROM _trainjob.canonical_tables() AS t JOIN _trainjob.canonical_columns() AS c USING (table_key)
		GROUP BY t.table_name
	LOOP
		EXECUTE format('CREATE TABLE extremes.%I (%s)', made.table_name, made.columns);
	END LOOP;
	ALTER TABLE local_training_jobs ADD PRIMARY KEY (id);
	CREATE INDEX ON local_training_metrics (job_id, step, id);
	CREATE INDEX ON alert_event (job_id);
	-- of a long text too
	CREATE INDEX ON training_datasets USING hash (storage_path);
	CREATE INDEX ON local_training_jobs USING hash (dataset_path);
	PERFORM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', 'alert_event');
END
$$;

-- A case is a job that has, in its row or in one beside it, an extreme value: in
-- one column, or in all of the table at once.
CREATE TABLE cases (n bigint, tab regclass, col name, assignments text, shown text, status text, refusal text);
CREATE PROCEDURE make_cases(types text) LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE cases;
	INSERT INTO cases
	WITH columns AS (
		SELECT a.attrelid::regclass AS tab, a.attname AS col, extremes.extremes(format_type(a.atttypid, NULL)) AS list
		FROM pg_attribute AS a
		WHERE a.attnum > 0 AND a.attname NOT IN ('id', 'job_id') AND format_type(a.atttypid, NULL) ~ types
			AND a.attrelid IN ('local_training_jobs'::regclass, 'local_training_metrics'::regclass, 'alert_event'::regclass, 'training_datasets'::regclass))
	SELECT row_number() OVER (ORDER BY c.tab::text, c.col, c.shown, s.status), c.*, s.status
	FROM (
		SELECT tab, col, format('%I = %s', col, value) AS assignments, left(value, 50) AS shown
		FROM columns, unnest(list) AS value
		UNION ALL
		SELECT tab, '*', string_agg(format('%I = %s', col, list[1 + k % cardinality(list)]), ', '), k::text
		FROM columns, generate_series(1, 10) AS k
		-- without these there would be nothing to read
		WHERE col NOT IN ('status', 'type', 'storage_path', 'step')
		GROUP BY tab, k) AS c
	CROSS JOIN unnest(ARRAY['running', 'pending', 'completed', 'failed', 'cancelled']) AS s (status)
	WHERE s.status = 'running' OR c.tab = 'local_training_jobs'::regclass AND c.col IN ('*', 'started_at', 'restarted_at', s.status || '_at')
			AND c.assignments !~ 'repeat\(';
	-- beside it, what is usual: 0 to 6 reports, an alert, a dataset
	INSERT INTO training_datasets (id, storage_path, sample_count, created_at, updated_at)
		SELECT u(n), 'case ' || n, 320, now(), now() FROM cases;
	INSERT INTO local_training_jobs (id, dataset_path, status, config, created_at, started_at, total_epochs, updated_at)
		SELECT u(n), 'case ' || n, 'pending', '{"batch_size": 4}', now() - interval '2 days', now() - interval '1 day', 3, now() FROM cases;
	INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, extra, recorded_at)
		SELECT u(n), 2 * k, 2, 3, 4, '{"custom": 1}', now() - (7 - k) * interval '5 min' FROM cases, generate_series(1, CASE WHEN tab = 'local_training_metrics'::regclass THEN 1 + n % 6 ELSE n % 7 END) AS k;
	UPDATE local_training_jobs AS j SET status = c.status, error_type = CASE WHEN n % 2 = 0 THEN 'stalled' END
		FROM cases AS c WHERE j.id = u(n) AND c.status <> 'pending';
	INSERT INTO alert_event (job_id, type, current_step, occurred_at, received_at) SELECT u(n), 'gpu_oom', 1, now(), now() FROM cases;
	ANALYZE local_training_jobs, local_training_metrics, alert_event, training_datasets;
END
$$;

CREATE TABLE failures (statement text, message text);

-- Writes the values, as a constraint or a trigger allows.
CREATE PROCEDURE write_cases() LANGUAGE plpgsql AS $$
DECLARE
	c record;
BEGIN
	FOR c IN
		SELECT tab, assignments, array_agg(n) AS jobs, array_agg(u(n)) AS ids FROM extremes.cases GROUP BY tab, assignments
	LOOP
		BEGIN
			EXECUTE format('UPDATE %s SET %s WHERE %s = ANY ($1)', c.tab, c.assignments,
				CASE WHEN c.tab IN ('local_training_jobs'::regclass, 'training_datasets'::regclass) THEN 'id' ELSE 'job_id' END) USING c.ids;
		EXCEPTION
			WHEN not_null_violation OR check_violation OR program_limit_exceeded THEN
				UPDATE extremes.cases SET refusal = SQLERRM WHERE n = ANY (c.jobs);
			WHEN OTHERS THEN
				INSERT INTO extremes.failures VALUES (format('%s: %s', c.tab, left(c.assignments, 200)), SQLERRM);
		END;
	END LOOP;
END
$$;

CREATE FUNCTION run(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	IF statement LIKE 'SELECT %' THEN
		EXECUTE statement INTO result;
	ELSE
		EXECUTE statement;
	END IF;
	RETURN result;
EXCEPTION
	WHEN OTHERS THEN
		INSERT INTO extremes.failures VALUES (statement, SQLERRM);
		RETURN NULL;
END
$$;

-- All that reads a set.
CREATE PROCEDURE read_all() LANGUAGE sql AS $$
	SELECT run(format(statement, 'ARRAY(SELECT id FROM local_training_jobs)')) FROM unnest(ARRAY[
		'SELECT count(o::text) FROM local_training_jobs_overview AS o',
		'SELECT count(c::text) FROM local_training_metrics_coverage AS c',
		'SELECT count(v::text) FROM trainjob.verify_jobs(''local_training_jobs'') AS v',
		'SELECT count(s) FROM trainjob.metric_series(%s, ''train_loss'', 500, ''local_training_jobs'') AS s',
		'SELECT count(s) FROM trainjob.metric_series(%s, ''eval_loss'', 3, ''local_training_jobs'') AS s',
		'SELECT count(s) FROM trainjob.metric_series(%s, ''custom'', 3, ''local_training_jobs'') AS s',
		'SELECT count(c) FROM trainjob.loss_curve(%s, 2, ''local_training_jobs'') AS c',
		'SELECT count(c::text) FROM job_status_change AS c',
		'SELECT 1 / (1 - failed) FROM trainjob.fail_stalled(''100000000 years'', ''local_training_jobs'')']) AS statement
$$;

-- Writes the cases as the triggers let them come, then behind their back, and
-- reads them; then all that writes goes over them.  In zones so far from UTC the
-- least and the greatest timestamp are no timestamptz.
CREATE PROCEDURE go(types text DEFAULT '') LANGUAGE plpgsql AS $$
BEGIN
	CALL make_cases(types);
	SET LOCAL timezone = 'Etc/GMT+12';
	CALL write_cases();
	SET LOCAL session_replication_role = replica;
	CALL write_cases();
	SET LOCAL session_replication_role = origin;
	CALL read_all();
	SET LOCAL timezone = 'Etc/GMT-14';
	PERFORM run('INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, epoch) SELECT id, 20, 1, 2, 0.5 FROM local_training_jobs');
	PERFORM run('UPDATE local_training_metrics SET train_loss = 1 WHERE step < 6');
	PERFORM run('UPDATE training_datasets SET val_samples = 32');
	PERFORM run('UPDATE local_training_jobs SET status = ''running'' WHERE status IN (''failed'', ''completed'')');
	PERFORM run('SELECT trainjob.refill_jobs(''local_training_jobs'', 100000)');
	PERFORM run('SELECT 1 / failed FROM trainjob.fail_stalled(''0 s'', ''local_training_jobs'', 100000)');
	CALL read_all();
END
$$;

DROP TABLE local_training_jobs, local_training_metrics, alert_event, training_datasets, job_status_change CASCADE;
-- of our types
CALL make_tables('{bigint}', '{float8}', '{timestamptz}', 'jsonb', 'uuid');
CALL go();
SELECT tab, count(*) AS cases FROM cases GROUP BY tab ORDER BY tab::text;
SELECT * FROM failures;
-- what the triggers refused
SELECT tab, col, shown, refusal FROM cases WHERE refusal IS NOT NULL ORDER BY n;
-- all is repaired, and nothing is left to do for refill_jobs
SELECT * FROM trainjob.verify_jobs('local_training_jobs');
SELECT trainjob.refill_jobs('local_training_jobs');
DROP TABLE local_training_jobs, local_training_metrics, alert_event, training_datasets, job_status_change CASCADE;
-- of others
CALL make_tables('{integer,numeric,real,smallint,float8}', '{real,numeric,integer,bigint}', '{timestamp,timestamptz}', 'json', 'text');
CALL go('^(int|small|big|num|real|json|timestamp w)');
SELECT tab, count(*) AS cases FROM cases GROUP BY tab ORDER BY tab::text;
SELECT * FROM failures;
SELECT * FROM trainjob.verify_jobs('local_training_jobs');
SELECT trainjob.refill_jobs('local_training_jobs');

-- A view is the same whoever makes it, and reads the same.
CREATE TABLE views AS SELECT pg_get_viewdef('local_training_jobs_overview') AS query;
DROP VIEW local_training_jobs_overview;
SET timezone = 'Asia/Kolkata';
SET datestyle = 'German, DMY';
SELECT count(*) FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', 'alert_event');
CALL read_all();
SELECT * FROM failures;
SET timezone = 'UTC';
SET datestyle = 'ISO, MDY';
SELECT query = pg_get_viewdef('local_training_jobs_overview') AS same FROM views;

-- ---- what a function can be given ----

-- A FROM clause: every combination of extremes, as a1.v, a2.v and so on.
CREATE FUNCTION all_of(VARIADIC types text[]) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(format('(VALUES %s) AS a%s (v)',
		(SELECT string_agg(format('((%s)::%s)', value, type), ', ') FROM unnest(extremes(type)) AS value), n), ', ')
	FROM unnest(types) WITH ORDINALITY AS t (type, n)
$$;
SELECT left(statement, 110) AS statement, run(format(statement, all_of(VARIADIC types))) AS values
FROM (VALUES
	('SELECT count(e::text) FROM %s, trainjob.explain_total_steps(a1.v, a2.v, a3.v, a3.v) AS e', '{jsonb,bigint,bigint}'::text[]),
	('SELECT count(trainjob.estimate_total_steps(a1.v, a2.v, a3.v, a3.v)) FROM %s', '{jsonb,bigint,bigint}'),
	('SELECT count(trainjob.first_eval_step(a1.v, a2.v, a3.v, a3.v)) FROM %s', '{jsonb,bigint,bigint}'),
	('SELECT count(_trainjob.eval_text(a1.v, a2.v, a3.v, a3.v, a2.v)) FROM %s', '{jsonb,bigint,bigint}'),
	('SELECT count(_trainjob.job_note(a1.v, a2.v, a3.v, a3.v, a3.v, a3.v)) FROM %s', '{jsonb,text,bigint}'),
	('SELECT count(_trainjob.config_method(v)) + count(_trainjob.config_samples(v)) + count(_trainjob.extra_number(v, ''custom'')) FROM %s', '{jsonb}'),
	('SELECT count(_trainjob.metric_verdict(a1.v, a2.v, a2.v, a3.v, a3.v, a4.v, false, a2.v, a2.v)) FROM %s', '{text,bigint,bigint,float8}'),
	('SELECT count(_trainjob.number_text(a1.v, a2.v)) FROM %s', '{float8,integer}'),
	('SELECT count(_trainjob.duration_text(v)) + count(_trainjob.perplexity(v)) FROM %s', '{float8}'),
	('SELECT cardinality(trainjob.lttb(a1.v, a2.v, 5)) FROM %s', '{float8,float8}'),
	('SELECT length(trainjob.sparkline(array_agg(v))) + length(trainjob.sparkline(array_agg(v), 3)) FROM %s', '{float8}'),
	('SELECT count(_trainjob.readable_float8(v)) FROM %s', '{numeric}'),
	('SELECT count(_trainjob.readable_jsonb(v)) FROM %s', '{json}'),
	('SELECT count(_trainjob.token_digest(v)) + count(_trainjob.job_status(v)) + count(_trainjob.alert_type(v)) FROM %s', '{text}')) AS s (statement, types);
SELECT * FROM failures;
DROP SCHEMA extremes CASCADE;
