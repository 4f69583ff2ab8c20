--
-- trigger functions: called wrongly they say so, called rightly they are not
-- confused by what happens to the tables, nor by who calls
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA calls;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('calls');
SET search_path = calls, pg_catalog;

-- ---- called by SELECT ----

SELECT trainjob.fill_job(); -- fails
SELECT trainjob.apply_waiting_alerts(); -- fails
SELECT trainjob.record_status_change(); -- fails
SELECT trainjob.fill_waiting_jobs(); -- fails
SELECT trainjob.fill_metric(); -- fails
SELECT trainjob.roll_up_metrics(); -- fails
SELECT trainjob.roll_up_restart(); -- fails
SELECT trainjob.apply_alert(); -- fails

-- ---- every timing, event and level ----

CREATE FUNCTION attempt(VARIADIC statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	statement text;
	detail text;
	hint text;
BEGIN
	FOREACH statement IN ARRAY statements LOOP
		EXECUTE statement;
	END LOOP;
	RAISE SQLSTATE 'TJ000';
EXCEPTION
	WHEN SQLSTATE 'TJ000' THEN
		RETURN 'no error';
	WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM,
						 'DETAIL ' || nullif(detail, ''), 'HINT ' || nullif(hint, ''));
END;
$$;

-- One table that is a jobs, a metrics, a datasets and an alerts table at once:
-- only the call is wrong.
CREATE TABLE anything (id uuid, status text, storage_path text, job_id uuid, step bigint,
	type text, outcome text, train_loss float8);
INSERT INTO anything (id) VALUES ('00000000-0000-0000-0000-000000000001');
CREATE TABLE functions (function text);
INSERT INTO functions VALUES ('fill_job'), ('apply_waiting_alerts'),
	('record_status_change'), ('fill_waiting_jobs'), ('fill_metric'),
	('roll_up_metrics'), ('roll_up_restart'), ('apply_alert');

SELECT function, error,
	string_agg(concat_ws(' ', timing, event, level), ', ' ORDER BY timing, event, level) AS calls
FROM (
	SELECT f.function, t.timing, e.event, l.level,
		split_part(attempt(
			format('CREATE TRIGGER wrong %s %s ON anything %s FOR EACH %s EXECUTE FUNCTION trainjob.%I(%s)',
				   t.timing, e.event,
				   CASE WHEN f.function = 'roll_up_metrics' AND t.timing = 'AFTER' AND l.level = 'STATEMENT'
						THEN CASE e.event WHEN 'INSERT' THEN 'REFERENCING NEW TABLE AS n'
										  WHEN 'UPDATE' THEN 'REFERENCING OLD TABLE AS o NEW TABLE AS n'
										  ELSE '' END ELSE '' END,
				   l.level, f.function,
				   '''jobs=calls.local_training_jobs'', ''metrics=calls.local_training_metrics'', ''alerts=calls.alert_event'''),
			CASE e.event
				WHEN 'INSERT' THEN 'INSERT INTO anything (status) VALUES (''running'')'
				WHEN 'UPDATE' THEN 'UPDATE anything SET status = ''running'''
				WHEN 'DELETE' THEN 'DELETE FROM anything'
				ELSE 'TRUNCATE anything'
			END), E'\n', 1) AS error
	FROM functions AS f, (VALUES ('BEFORE'), ('AFTER')) AS t (timing),
		(VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) AS e (event),
		(VALUES ('ROW'), ('STATEMENT')) AS l (level)
	WHERE (e.event, l.level) <> ('TRUNCATE', 'ROW')) AS c
GROUP BY function, error
ORDER BY function, error;

-- The whole message, once.
CREATE TRIGGER wrong AFTER DELETE ON anything FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job();
DELETE FROM anything; -- fails
DROP TRIGGER wrong ON anything;
CREATE TRIGGER wrong BEFORE DELETE ON anything FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job();
DELETE FROM anything; -- fails
DROP TRIGGER wrong ON anything;

-- A view has triggers of a kind of its own.
CREATE VIEW anything_view AS SELECT * FROM anything;
SELECT function, split_part(attempt(
	format('CREATE TRIGGER wrong INSTEAD OF INSERT ON anything_view FOR EACH ROW EXECUTE FUNCTION trainjob.%I()', function),
	'INSERT INTO anything_view (status) VALUES (''running'')'), E'\n', 1) AS error
FROM functions ORDER BY 1;

-- ---- transition tables ----

SELECT attempt('CREATE TRIGGER wrong AFTER INSERT ON anything FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics(''jobs=calls.local_training_jobs'')',
	'INSERT INTO anything (status) VALUES (''running'')') AS "no transition table";
SELECT attempt('CREATE TRIGGER wrong AFTER UPDATE ON anything REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics(''jobs=calls.local_training_jobs'')',
	'UPDATE anything SET step = 1') AS "no old table";
SELECT attempt('CREATE TRIGGER wrong AFTER UPDATE ON anything REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics(''jobs=calls.local_training_jobs'')',
	'UPDATE anything SET step = 1') AS "no new table";

-- ---- a table that is none of theirs ----

CREATE TABLE strange (a integer);
INSERT INTO strange VALUES (1);
CREATE TABLE right_calls (function text, timing text, level text, arguments text);
INSERT INTO right_calls VALUES
	('fill_job', 'BEFORE INSERT', 'ROW', ''),
	('apply_waiting_alerts', 'AFTER INSERT', 'ROW', '''alerts=calls.alert_event'''),
	('record_status_change', 'AFTER UPDATE', 'ROW', ''),
	('fill_waiting_jobs', 'AFTER INSERT', 'ROW', '''jobs=calls.local_training_jobs'''),
	('fill_metric', 'BEFORE INSERT', 'ROW', ''),
	('roll_up_metrics', 'AFTER INSERT', 'STATEMENT', '''jobs=calls.local_training_jobs'''),
	('roll_up_restart', 'AFTER UPDATE', 'ROW', '''metrics=calls.local_training_metrics'''),
	('apply_alert', 'BEFORE INSERT', 'ROW', '''jobs=calls.local_training_jobs''');
CREATE FUNCTION call_on(on_table text, function text, arguments text) RETURNS text
LANGUAGE sql AS $$
	SELECT attempt(
		format('CREATE TRIGGER wrong %s ON %s %s FOR EACH %s EXECUTE FUNCTION trainjob.%I(%s)',
			   c.timing, on_table,
			   CASE c.level WHEN 'ROW' THEN '' ELSE 'REFERENCING NEW TABLE AS n' END,
			   c.level, c.function, call_on.arguments),
		CASE c.timing
			WHEN 'AFTER UPDATE' THEN format('UPDATE %s SET %s', on_table,
				CASE on_table WHEN 'strange' THEN 'a = 2' ELSE 'status = ''failed''' END)
			ELSE format('INSERT INTO %s SELECT * FROM %1$s', on_table) END)
	FROM right_calls AS c WHERE c.function = call_on.function;
$$;
SELECT function, call_on('strange', function, arguments) AS error
FROM right_calls ORDER BY 1;

-- The right columns with types that will not do.
CREATE TABLE mistyped (id uuid, status integer, storage_path point, job_id uuid, step text,
	type jsonb, outcome text, train_loss text);
INSERT INTO mistyped (id) VALUES ('00000000-0000-0000-0000-000000000001');
SELECT function, attempt(
	format('CREATE TRIGGER wrong %s ON mistyped %s FOR EACH %s EXECUTE FUNCTION trainjob.%I(%s)',
		   timing, CASE level WHEN 'ROW' THEN '' ELSE 'REFERENCING NEW TABLE AS n' END,
		   level, function, arguments),
	CASE timing WHEN 'AFTER UPDATE' THEN 'UPDATE mistyped SET id = NULL'
				ELSE 'INSERT INTO mistyped (id) VALUES (NULL)' END) AS error
FROM right_calls ORDER BY 1;

-- Tables that refer to jobs by another type than they have.
CREATE TABLE text_points (job_id text, step bigint);
CREATE TABLE text_alerts (id bigint, job_id text, type text, outcome text);
CREATE TABLE text_changes (job_id text, alert_id text);
SELECT attempt('CREATE TRIGGER wrong AFTER INSERT ON text_points REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics(''jobs=calls.local_training_jobs'')',
	'INSERT INTO text_points VALUES (''x'', 1)') AS reports;
SELECT attempt('CREATE TRIGGER wrong BEFORE INSERT ON text_alerts FOR EACH ROW EXECUTE FUNCTION trainjob.apply_alert(''jobs=calls.local_training_jobs'')',
	'INSERT INTO text_alerts (job_id, type) VALUES (''x'', ''job_failed'')') AS alerts;
SELECT attempt('CREATE TRIGGER wrong AFTER UPDATE ON anything FOR EACH ROW EXECUTE FUNCTION trainjob.record_status_change(''status_changes=calls.text_changes'')',
	'UPDATE anything SET status = ''failed''') AS changes;

-- ---- arguments ----

-- Missing where they are needed.
SELECT function, call_on('anything', function, '') AS error
FROM right_calls WHERE arguments <> '' AND function <> 'roll_up_restart' ORDER BY 1;

-- Not of the form.
SELECT argument, call_on('anything', 'fill_job', quote_literal(argument)) AS error
FROM (VALUES (1, 'jobs'), (2, ''), (3, '='), (4, 'datasets='), (5, '=calls.training_datasets'),
	(6, 'job=calls.local_training_jobs'), (7, 'jobs.=x'), (8, '.status=x'), (9, 'jobs.status='))
	AS a (n, argument) ORDER BY n;

-- Tables that cannot be.
SELECT argument, call_on('anything', 'fill_job', quote_literal(argument)) AS error
FROM (VALUES (1, 'datasets=training_datasets'), (2, 'datasets=calls.no_such_table'),
	(3, 'datasets=no_such_schema.training_datasets'), (4, 'datasets=calls."training_datasets'),
	(5, 'datasets=calls..x'), (6, 'datasets=a.b.c.d'), (7, 'datasets=calls.strange'),
	(8, 'datasets=calls.local_training_jobs_pkey')) AS a (n, argument) ORDER BY n;
SELECT call_on('anything', 'apply_alert', '''jobs=calls.local_training_jobs'', ''jobs.status=state''') AS error;

-- Each partner table by its function.
SELECT function, call_on('anything', function, replace(arguments, 'calls.', 'gone.')) AS error
FROM right_calls WHERE arguments <> '' ORDER BY 1;
SELECT call_on('anything', 'record_status_change', '''status_changes=gone.job_status_change''') AS error;

-- ---- the tables change in mid-session ----

INSERT INTO local_training_jobs (id, status, started_at, config) VALUES
	('00000000-0000-0000-0000-000000000011', 'running', '2025-01-01 00:00Z', '{"max_steps": 100}');
CREATE FUNCTION report(at bigint) RETURNS TABLE (current_step bigint, progress float8, loss text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO calls.local_training_metrics (job_id, step, train_loss, recorded_at)
		VALUES (''00000000-0000-0000-0000-000000000011'', %s, %s, ''2025-01-01 00:00Z''::timestamptz + interval ''%1$s s'')',
		at, 10.0 / at);
	RETURN QUERY EXECUTE 'SELECT (j.row ->> ''current_step'')::bigint, (j.row ->> ''progress'')::float8,
			j.row ->> ''loss''
		FROM (SELECT to_jsonb(t) AS row FROM calls.local_training_jobs AS t
			  WHERE id = ''00000000-0000-0000-0000-000000000011'') AS j';
END;
$$;
SELECT * FROM report(1);

-- A column renamed is not there any more; renamed back it is.
ALTER TABLE local_training_jobs RENAME COLUMN loss TO last_loss;
SELECT * FROM report(2);
SELECT last_loss FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000011';
ALTER TABLE local_training_jobs RENAME COLUMN last_loss TO loss;
SELECT * FROM report(4);
ALTER TABLE local_training_metrics RENAME COLUMN train_loss TO "Train Loss";
SELECT attempt('INSERT INTO local_training_metrics (job_id, step, "Train Loss") VALUES (''00000000-0000-0000-0000-000000000011'', 5, 1)');
ALTER TABLE local_training_metrics RENAME COLUMN "Train Loss" TO train_loss;
SELECT * FROM report(5);

-- One that is needed, though.
ALTER TABLE local_training_jobs RENAME COLUMN status TO state;
SELECT * FROM report(6); -- fails
UPDATE local_training_jobs SET config = config; -- fails
INSERT INTO alert_event (job_id, type) VALUES
	('00000000-0000-0000-0000-000000000011', 'job_completed'); -- fails
ALTER TABLE local_training_jobs RENAME COLUMN state TO status;
ALTER TABLE local_training_metrics RENAME COLUMN step TO step_number;
INSERT INTO local_training_metrics (job_id, step_number) VALUES
	('00000000-0000-0000-0000-000000000011', 6); -- fails
ALTER TABLE local_training_metrics RENAME COLUMN step_number TO step;
SELECT * FROM report(6);

-- Dropped, added, retyped: what comes after has other numbers and types.
DROP VIEW job_overview, metric_coverage;
ALTER TABLE local_training_jobs DROP COLUMN model_name, DROP COLUMN grad_norm;
ALTER TABLE local_training_metrics DROP COLUMN epoch, DROP COLUMN grad_norm;
SELECT * FROM report(7);
ALTER TABLE local_training_jobs ADD COLUMN team text DEFAULT 'red', ADD COLUMN grad_norm float8;
ALTER TABLE local_training_metrics ADD COLUMN host text DEFAULT 'h1', ADD COLUMN epoch float8;
SELECT * FROM report(8);
ALTER TABLE local_training_jobs DROP CONSTRAINT local_training_jobs_status_check;
DROP TRIGGER trainjob_roll_up_restart ON local_training_jobs; -- it names status
ALTER TABLE local_training_jobs ALTER COLUMN current_step TYPE integer,
	ALTER COLUMN loss TYPE numeric(10,3), ALTER COLUMN progress TYPE real,
	ALTER COLUMN status TYPE varchar(20), ALTER COLUMN config TYPE json,
	ALTER COLUMN last_metric_at TYPE timestamp, ALTER COLUMN total_steps TYPE smallint;
ALTER TABLE local_training_metrics ALTER COLUMN step TYPE integer,
	ALTER COLUMN train_loss TYPE numeric, ALTER COLUMN recorded_at TYPE timestamp;
SELECT * FROM report(9);
SELECT * FROM report(10);
UPDATE local_training_jobs SET config = '{"max_steps": 200}';
SELECT total_steps, expected_total_steps, last_metric_at, team
FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000011';

-- What a narrow column cannot hold becomes NULL with a warning, once a session.
ALTER TABLE local_training_jobs ALTER COLUMN loss TYPE numeric(4,3);
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES
	('00000000-0000-0000-0000-000000000011', 11, 123.4, '2025-01-01 00:01Z');
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES
	('00000000-0000-0000-0000-000000000011', 12, 123.4, '2025-01-01 00:01Z');
SELECT current_step, loss FROM local_training_jobs
WHERE id = '00000000-0000-0000-0000-000000000011';

-- Types that will not do.
ALTER TABLE local_training_jobs ALTER COLUMN loss TYPE text;
SELECT * FROM report(13); -- fails
ALTER TABLE local_training_jobs ALTER COLUMN loss TYPE float8 USING loss::float8;
SELECT * FROM report(13);

-- A status of an enum.
CREATE TYPE job_state AS ENUM ('pending', 'running', 'completed', 'failed');
ALTER TABLE local_training_jobs ALTER COLUMN status DROP DEFAULT;
ALTER TABLE local_training_jobs ALTER COLUMN status TYPE job_state USING status::job_state;
SELECT * FROM report(14);
INSERT INTO alert_event (job_id, type, occurred_at) VALUES
	('00000000-0000-0000-0000-000000000011', 'job_completed', '2025-01-01 01:00Z')
RETURNING outcome;
SELECT status, completed_at, progress FROM local_training_jobs
WHERE id = '00000000-0000-0000-0000-000000000011';

-- The table has another name: the triggers say so, until it has the old one again.
ALTER TABLE local_training_jobs RENAME TO jobs;
SELECT attempt('INSERT INTO local_training_metrics (job_id, step) VALUES (''00000000-0000-0000-0000-000000000011'', 15)');
SELECT attempt('INSERT INTO alert_event (job_id, type) VALUES (''00000000-0000-0000-0000-000000000011'', ''gpu_oom'')');
SELECT attempt('INSERT INTO training_datasets (storage_path) VALUES (''x'')');
ALTER TABLE jobs RENAME TO local_training_jobs;
SELECT * FROM report(15);

-- Dropped and made again under its name: other OIDs, other columns.
DROP SCHEMA calls CASCADE;
CREATE SCHEMA calls;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('calls');
INSERT INTO local_training_jobs (id, config) VALUES
	('00000000-0000-0000-0000-000000000011', '{"max_steps": 100}');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES
	('00000000-0000-0000-0000-000000000011', 1, 2.5);
DROP TABLE local_training_metrics CASCADE;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('calls');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES
	('00000000-0000-0000-0000-000000000011', 2, 1.5);
SELECT status, current_step, loss FROM local_training_jobs;

-- ---- plans are made once ----

CREATE VIEW kept AS
	SELECT count(*) FILTER (WHERE name = 'CachedPlanSource') AS plans,
		count(*) FILTER (WHERE name = 'trainjob set') AS sets
	FROM pg_backend_memory_contexts;
-- every way that a statement can take: first, next, late and repeated reports,
-- evaluations, an update, alerts, datasets before and after, a restart
CREATE TABLE statements AS
SELECT n, ordinal, format(statement, quote_literal('00000000-0000-0000-0001-' || lpad(n::text, 12, '0'))) AS statement
FROM generate_series(1, 1130) AS n,
	unnest(ARRAY[
		'INSERT INTO calls.alert_event (job_id, type) VALUES (%s, ''job_started'')',
		'INSERT INTO calls.local_training_jobs (id, dataset_path) VALUES (%s, %1$s)',
		'INSERT INTO calls.training_datasets (storage_path, sample_count) VALUES (%s, 3200)',
		'INSERT INTO calls.local_training_metrics (job_id, step, train_loss) VALUES (%s, 1, 2)',
		'INSERT INTO calls.local_training_metrics (job_id, step, train_loss) VALUES (%s, 2, 2)',
		'INSERT INTO calls.local_training_metrics (job_id, step, train_loss, epoch) VALUES (%s, 1, 2, 0.01)',
		'INSERT INTO calls.local_training_metrics (job_id, step, eval_loss) VALUES (%s, 2, 2)',
		'UPDATE calls.local_training_metrics SET eval_loss = 3 WHERE job_id OPERATOR(pg_catalog.=) %s AND eval_loss IS NOT NULL',
		'INSERT INTO calls.alert_event (job_id, type) VALUES (%s, ''job_failed'')',
		'UPDATE calls.local_training_jobs SET status = ''running'' WHERE id OPERATOR(pg_catalog.=) %s',
		'INSERT INTO calls.local_training_metrics (job_id, step, train_loss) VALUES (%s, 3, 2)',
		'INSERT INTO calls.alert_event (job_id, type) VALUES (%s, ''job_completed'')',
		'UPDATE calls.training_datasets SET sample_count = 6400 WHERE storage_path OPERATOR(pg_catalog.=) %s'])
		WITH ORDINALITY AS u (statement, ordinal);
CREATE PROCEDURE round(wanted integer) LANGUAGE plpgsql AS $$
DECLARE
	s record;
BEGIN
	FOR s IN SELECT statement FROM calls.statements WHERE n = wanted ORDER BY ordinal LOOP
		EXECUTE s.statement;
	END LOOP;
END;
$$;
CALL round(1);
SELECT plans AS plans_once, sets AS sets_once FROM kept \gset
DO $$ BEGIN FOR i IN 2..100 LOOP CALL calls.round(i); END LOOP; END $$;
SELECT greatest(plans - :plans_once, 0) AS more_plans, greatest(sets - :sets_once, 0) AS more_sets FROM kept;
SELECT status, count(*) FROM local_training_jobs GROUP BY 1 ORDER BY 1;

-- Made anew, not in addition, when a table changes.
DO $$
BEGIN
	FOR i IN 101..130 LOOP
		EXECUTE 'ALTER TABLE calls.local_training_jobs ADD COLUMN c' || i || ' integer';
		CALL calls.round(i);
		EXECUTE 'ALTER TABLE calls.local_training_metrics ADD COLUMN c' || i || ' integer';
		CALL calls.round(1000 + i);
		COMMIT;
	END LOOP;
END
$$;
SELECT greatest(plans - :plans_once, 0) AS more_plans, greatest(sets - :sets_once, 0) AS more_sets FROM kept;
DO $$
BEGIN
	FOR i IN 131..160 LOOP
		EXECUTE 'ALTER TABLE calls.local_training_jobs DROP COLUMN c' || i - 30;
		CALL calls.round(i);
	END LOOP;
END
$$;
CALL round(161);
SELECT greatest(plans - :plans_once, 0) AS more_plans, greatest(sets - :sets_once, 0) AS more_sets FROM kept;

-- ---- a search_path full of traps ----

CREATE SCHEMA more_calls;
CREATE SCHEMA hostile;
SET search_path = hostile;
CREATE FUNCTION trap() RETURNS boolean LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'the trap has sprung'; END $$;
CREATE FUNCTION trap_float(float8) RETURNS float8 LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'the trap has sprung'; END $$;
CREATE FUNCTION floor(float8) RETURNS float8 LANGUAGE sql AS $$ SELECT hostile.trap_float($1) $$;
CREATE FUNCTION exp(float8) RETURNS float8 LANGUAGE sql AS $$ SELECT hostile.trap_float($1) $$;
CREATE FUNCTION round(numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT hostile.trap_float(1)::pg_catalog.numeric $$;
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN RAISE 'the trap has sprung'; END $$;
CREATE FUNCTION trap_uuid(uuid, uuid) RETURNS boolean LANGUAGE sql AS $$ SELECT hostile.trap() $$;
CREATE FUNCTION trap_text(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT hostile.trap() $$;
CREATE FUNCTION trap_bigint(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT hostile.trap() $$;
CREATE FUNCTION trap_time(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS $$ SELECT hostile.trap() $$;
CREATE FUNCTION trap_number(float8, float8) RETURNS boolean LANGUAGE sql AS $$ SELECT hostile.trap() $$;
CREATE FUNCTION trap_json(jsonb, text) RETURNS jsonb LANGUAGE sql AS $$ SELECT pg_catalog.to_jsonb(hostile.trap()) $$;
CREATE OPERATOR = (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = trap_uuid);
CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = trap_text);
CREATE OPERATOR <> (LEFTARG = text, RIGHTARG = text, FUNCTION = trap_text);
CREATE OPERATOR = (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap_bigint);
CREATE OPERATOR < (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap_bigint);
CREATE OPERATOR <= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = trap_bigint);
CREATE OPERATOR <= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = trap_time);
CREATE OPERATOR >= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = trap_time);
CREATE OPERATOR < (LEFTARG = float8, RIGHTARG = float8, FUNCTION = trap_number);
CREATE OPERATOR > (LEFTARG = float8, RIGHTARG = float8, FUNCTION = trap_number);
CREATE OPERATOR -> (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = trap_json);
CREATE DOMAIN text AS pg_catalog.text CHECK (VALUE IS NULL);
CREATE DOMAIN bool AS pg_catalog.bool CHECK (VALUE IS NULL);
CREATE DOMAIN float8 AS pg_catalog.float8 CHECK (VALUE IS NULL);
CREATE TABLE local_training_jobs (id uuid);
CREATE TABLE local_training_metrics (job_id uuid);
CREATE TEMP TABLE local_training_jobs (id uuid);
CREATE TEMP TABLE local_training_metrics (job_id uuid);
CREATE TEMP TABLE training_datasets (id uuid);
CREATE TEMP TABLE alert_event (id uuid);
CREATE TEMP TABLE job_status_change (id uuid);
CREATE TEMP TABLE new_rows (id uuid);
CREATE TEMP TABLE old_rows (id uuid);
CREATE TEMP TABLE pg_class (id uuid);
CREATE TEMP TABLE pg_trigger (id uuid);

-- the traps are set
SET search_path = hostile, pg_catalog, pg_temp;
SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text; -- fails
SET search_path = hostile, pg_temp, pg_catalog;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('more_calls');
SELECT count(*) > 0 AS made FROM trainjob.create_tables('more_calls');
\set ECHO none
SELECT statement FROM calls.statements
WHERE n OPERATOR(pg_catalog.=) 200 ORDER BY ordinal \gexec
-- plans made anew as well
ALTER TABLE calls.local_training_jobs ADD COLUMN more integer;
ALTER TABLE calls.local_training_metrics ADD COLUMN more integer;
SELECT statement FROM calls.statements
WHERE n OPERATOR(pg_catalog.=) 201 ORDER BY ordinal \gexec
\set ECHO all
SELECT id, status, progress, current_step, loss, eval_loss, best_eval_loss, total_steps, dataset_size_text, note
FROM calls.job_overview
WHERE id OPERATOR(pg_catalog.>=) '00000000-0000-0000-0001-000000000200'
  AND id OPERATOR(pg_catalog.<=) '00000000-0000-0000-0001-000000000201' ORDER BY id;
SELECT status_before, status_after, alert_id OPERATOR(pg_catalog.>) 0 AS by_alert
FROM calls.job_status_change
WHERE job_id OPERATOR(pg_catalog.=) '00000000-0000-0000-0001-000000000201' ORDER BY id;

-- Another session meets the traps from the start.
\c -
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE TEMP TABLE local_training_jobs (id uuid);
CREATE TEMP TABLE local_training_metrics (job_id uuid);
CREATE TEMP TABLE training_datasets (id uuid);
CREATE TEMP TABLE alert_event (id uuid);
CREATE TEMP TABLE job_status_change (id uuid);
CREATE TEMP TABLE pg_class (id uuid);
CREATE TEMP TABLE pg_trigger (id uuid);
SET search_path = hostile, pg_temp, pg_catalog;
\set ECHO none
SELECT statement FROM calls.statements
WHERE n OPERATOR(pg_catalog.=) 202 ORDER BY ordinal \gexec
\set ECHO all
SELECT id, status, progress, current_step, loss, eval_loss, best_eval_loss, total_steps, dataset_size_text, note
FROM calls.job_overview
WHERE id OPERATOR(pg_catalog.=) '00000000-0000-0000-0001-000000000202';
SELECT id, status, progress FROM more_calls.job_overview;
RESET search_path;
DISCARD TEMP;
DROP SCHEMA hostile, more_calls CASCADE;

-- ---- who calls ----

SET search_path = calls, pg_catalog;
CREATE ROLE regress_trainjob_trainer;
CREATE ROLE regress_trainjob_mallory;
GRANT USAGE ON SCHEMA calls TO regress_trainjob_trainer, regress_trainjob_mallory;
INSERT INTO local_training_jobs (id, config) VALUES
	('00000000-0000-0000-0000-000000000021', '{"max_steps": 100}');

-- A trainer needs INSERT on metrics and alerts and nothing else.
GRANT INSERT ON local_training_metrics, alert_event TO regress_trainjob_trainer;
SET ROLE regress_trainjob_trainer;
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES
	('00000000-0000-0000-0000-000000000021', 5, 1, '2025-01-01 00:00Z');
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES
	('00000000-0000-0000-0000-000000000021', 4, 2, '2025-01-01 00:00Z');
INSERT INTO alert_event (job_id, type) VALUES
	('00000000-0000-0000-0000-000000000021', 'job_completed');
SELECT * FROM local_training_jobs; -- fails
UPDATE local_training_jobs SET progress = 0; -- fails
RESET ROLE;
SELECT status, current_step, loss, progress FROM local_training_jobs
WHERE id = '00000000-0000-0000-0000-000000000021';

-- Row-level security holds for what the user writes, not for what follows from it.
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE job_status_change ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE local_training_metrics ENABLE ROW LEVEL SECURITY;
CREATE POLICY small_steps ON local_training_metrics FOR INSERT TO regress_trainjob_trainer
	WITH CHECK (step < 1000);
INSERT INTO local_training_jobs (id, config) VALUES
	('00000000-0000-0000-0000-000000000022', '{"max_steps": 100}');
SET ROLE regress_trainjob_trainer;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES
	('00000000-0000-0000-0000-000000000022', 6, 1);
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES
	('00000000-0000-0000-0000-000000000022', 1000, 1); -- fails
RESET ROLE;
SELECT status, current_step FROM local_training_jobs
WHERE id = '00000000-0000-0000-0000-000000000022';
SELECT status_before, status_after, changed_by FROM job_status_change
WHERE job_id = '00000000-0000-0000-0000-000000000022';

-- Whoever names another's table in a trigger must have a right to it.
CREATE SCHEMA mallory AUTHORIZATION regress_trainjob_mallory;
SET ROLE regress_trainjob_mallory;
CREATE TABLE mallory.everything (id uuid, job_id uuid, step bigint, storage_path text,
	sample_count bigint, train_samples bigint, val_samples bigint,
	status text, type text, outcome text, dataset_path text);
CREATE TRIGGER t AFTER INSERT ON mallory.everything REFERENCING NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=calls.local_training_jobs'); -- fails
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO regress_trainjob_mallory;
SET ROLE regress_trainjob_mallory;
CREATE TRIGGER t AFTER INSERT ON mallory.everything REFERENCING NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=calls.local_training_jobs');
INSERT INTO mallory.everything (job_id, step) VALUES
	('00000000-0000-0000-0000-000000000022', 99); -- fails
RESET ROLE;
-- a superuser's INSERT does not lend its rights
INSERT INTO mallory.everything (job_id, step) VALUES
	('00000000-0000-0000-0000-000000000022', 99); -- fails
DROP TRIGGER t ON mallory.everything;
\set VERBOSITY terse
CREATE TRIGGER t BEFORE INSERT ON mallory.everything
	FOR EACH ROW EXECUTE FUNCTION trainjob.apply_alert('jobs=calls.local_training_jobs');
INSERT INTO mallory.everything (job_id, type) VALUES
	('00000000-0000-0000-0000-000000000022', 'job_failed'); -- fails
DROP TRIGGER t ON mallory.everything;
CREATE TRIGGER t AFTER INSERT ON mallory.everything
	FOR EACH ROW EXECUTE FUNCTION trainjob.fill_waiting_jobs('jobs=calls.local_training_jobs');
INSERT INTO mallory.everything (storage_path) VALUES ('x'); -- fails
DROP TRIGGER t ON mallory.everything;
CREATE TRIGGER t AFTER INSERT ON mallory.everything
	FOR EACH ROW EXECUTE FUNCTION trainjob.apply_waiting_alerts('alerts=calls.alert_event');
INSERT INTO mallory.everything (id) VALUES ('00000000-0000-0000-0000-000000000022'); -- fails
DROP TRIGGER t ON mallory.everything;
CREATE TRIGGER t BEFORE INSERT ON mallory.everything
	FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job('datasets=calls.training_datasets');
INSERT INTO mallory.everything (dataset_path) VALUES ('x'); -- fails
DROP TRIGGER t ON mallory.everything;
CREATE TRIGGER t AFTER UPDATE ON mallory.everything
	FOR EACH ROW EXECUTE FUNCTION trainjob.record_status_change('status_changes=calls.job_status_change');
INSERT INTO mallory.everything (status) VALUES ('x');
UPDATE mallory.everything SET status = 'y'; -- fails
DROP TRIGGER t ON mallory.everything;
CREATE TRIGGER t AFTER UPDATE ON mallory.everything
	FOR EACH ROW EXECUTE FUNCTION trainjob.roll_up_restart('metrics=calls.local_training_metrics');
UPDATE mallory.everything SET status = 'y'; -- fails
DROP TRIGGER t ON mallory.everything;
-- with the right it goes where no policy restricts her, and without it no more
GRANT SELECT, UPDATE ON local_training_jobs TO regress_trainjob_mallory;
CREATE TRIGGER t AFTER INSERT ON mallory.everything REFERENCING NEW TABLE AS n
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=calls.local_training_jobs');
\set VERBOSITY default
INSERT INTO mallory.everything (job_id, step) VALUES ('00000000-0000-0000-0000-000000000022', 9); -- fails
\set VERBOSITY terse
ALTER ROLE regress_trainjob_mallory BYPASSRLS;
INSERT INTO mallory.everything (job_id, step) VALUES ('00000000-0000-0000-0000-000000000022', 7);
REVOKE UPDATE ON local_training_jobs FROM regress_trainjob_mallory;
INSERT INTO mallory.everything (job_id, step) VALUES ('00000000-0000-0000-0000-000000000022', 8); -- fails
SELECT status, current_step FROM local_training_jobs
WHERE id = '00000000-0000-0000-0000-000000000022';
\set VERBOSITY default

DROP SCHEMA calls, mallory CASCADE;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob FROM regress_trainjob_mallory;
DROP ROLE regress_trainjob_trainer, regress_trainjob_mallory;
