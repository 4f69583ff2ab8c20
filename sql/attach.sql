--
-- attach: the tables that an application already has
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- What attach says, without the columns that a table does not have.
CREATE VIEW pg_temp.tables_of AS
	SELECT s.jobs, t.key, t.value FROM trainjob.job_sets() AS s, jsonb_each_text(s.tables) AS t;
-- Every catalog row of a schema, with the transaction that wrote it.
CREATE FUNCTION pg_temp.catalog_rows(schema regnamespace)
RETURNS TABLE (catalog text, object text, written text) LANGUAGE sql AS $$
	WITH rels AS (SELECT * FROM pg_class WHERE relnamespace = schema)
	SELECT 'class', oid::regclass::text, xmin::text FROM pg_class WHERE relnamespace = schema
	UNION ALL SELECT 'attribute', attrelid::regclass || '.' || attnum, xmin::text
	FROM pg_attribute WHERE attrelid IN (SELECT oid FROM rels)
	UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, xmin::text
	FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM rels)
	UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, xmin::text
	FROM pg_constraint WHERE connamespace = schema
	UNION ALL SELECT 'rewrite', ev_class::regclass || '.' || rulename, xmin::text
	FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM rels)
	UNION ALL SELECT 'policy', polrelid::regclass || '.' || polname, xmin::text
	FROM pg_policy WHERE polrelid IN (SELECT oid FROM rels)
	UNION ALL SELECT 'publication', prrelid::regclass::text, xmin::text
	FROM pg_publication_rel WHERE prrelid IN (SELECT oid FROM rels)
	UNION ALL SELECT 'type', oid::regtype::text, xmin::text FROM pg_type WHERE typnamespace = schema
	UNION ALL SELECT 'function', oid::regprocedure::text, xmin::text FROM pg_proc WHERE pronamespace = schema
	UNION ALL SELECT 'description', objoid::regclass || '.' || objsubid, xmin::text
	FROM pg_description WHERE classoid = 'pg_class'::regclass AND objoid IN (SELECT oid FROM rels)
$$;

-- ---------------------------------------------------------------------------
-- The application that this grew from
-- ---------------------------------------------------------------------------

CREATE ROLE regress_trainjob_app;
CREATE ROLE regress_trainjob_web;
CREATE SCHEMA app AUTHORIZATION regress_trainjob_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO regress_trainjob_app;
GRANT USAGE ON SCHEMA app TO regress_trainjob_web;
SET ROLE regress_trainjob_app;
SET search_path = app, pg_catalog;
CREATE TABLE training_datasets (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid, name varchar(100),
	storage_path varchar(500) UNIQUE, total_examples integer);
CREATE TABLE local_training_jobs (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id uuid NOT NULL,
	model_name varchar(80), dataset_path varchar(500), job_token text, config json,
	status varchar(20) DEFAULT 'pending', total_steps integer, current_step integer,
	progress numeric(5,2), current_loss real, gpu_memory_allocated_gb numeric(6,2),
	total_samples integer, best_eval_loss numeric, best_step integer,
	error jsonb, error_message text,
	created_at timestamp DEFAULT '2025-01-01 00:00', started_at timestamp,
	completed_at timestamp, updated_at timestamptz);
CREATE TABLE local_training_metrics (
	id bigserial PRIMARY KEY, job_id uuid REFERENCES local_training_jobs ON DELETE CASCADE,
	step integer NOT NULL, epoch numeric(6,3), train_loss numeric(10,6), eval_loss real,
	gpu_memory_allocated_gb numeric(8,3), "timestamp" timestamptz DEFAULT '2025-01-01 12:00Z');
CREATE INDEX ON local_training_metrics (job_id, step, id);
ALTER TABLE local_training_metrics REPLICA IDENTITY FULL;
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE local_training_metrics ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_jobs ON local_training_jobs
	USING (user_id = current_setting('app.user_id')::uuid);
CREATE POLICY own_metrics ON local_training_metrics
	USING (EXISTS (SELECT FROM local_training_jobs AS j WHERE j.id = job_id));
RESET ROLE;
SET client_min_messages = error; -- of wal_level
CREATE PUBLICATION regress_trainjob_realtime FOR TABLE local_training_jobs, local_training_metrics;
SET client_min_messages = warning;
SET ROLE regress_trainjob_app;
-- rows from before
INSERT INTO training_datasets (storage_path, total_examples) VALUES ('s3://old', 3200);
INSERT INTO local_training_jobs (id, user_id, dataset_path, config, status) VALUES
	('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000a1', 's3://old', '{}', 'running');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES
	('00000000-0000-0000-0000-000000000001', 10, 1.5);
CREATE TABLE before_attach AS SELECT * FROM pg_temp.catalog_rows('app') WHERE object !~ 'before_attach';

-- An error names what is wrong, and its HINT is the statement that mends it.
SELECT * FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets'); -- fails
BEGIN;
ALTER TABLE app.local_training_jobs ALTER COLUMN error TYPE text USING error::text::text;
SELECT count(*) FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets');
ROLLBACK;
-- It is checked first: nothing was made.
SELECT n.catalog, n.object FROM pg_temp.catalog_rows('app') AS n
LEFT JOIN before_attach AS b USING (catalog, object, written)
WHERE b.object IS NULL AND n.object !~ 'before_attach' ORDER BY 1, 2;

-- The column that means something else is left alone, another takes its part.
CREATE TEMP TABLE said AS
	SELECT * FROM trainjob.attach(
		jobs => 'local_training_jobs', metrics => 'local_training_metrics',
		datasets => 'training_datasets',
		columns => '{"sample_count": "total_examples", "recorded_at": "timestamp",
					 "jobs.error": "error_message", "loss": "current_loss"}');
SELECT action, object FROM said WHERE action <> 'missing column' ORDER BY action COLLATE "C", object COLLATE "C";
SELECT count(*), min(object COLLATE "C"), max(object COLLATE "C") FROM said WHERE action = 'missing column';
-- Nothing of the application's was touched but for the flag that says "has triggers".
SELECT n.catalog, n.object FROM pg_temp.catalog_rows('app') AS n
JOIN before_attach AS b USING (catalog, object)
WHERE b.written <> n.written ORDER BY 1, 2;
SELECT relname, relowner::regrole, relreplident, relrowsecurity FROM pg_class
WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'v') AND relname <> 'before_attach' ORDER BY 1;
SELECT tablename FROM pg_publication_tables WHERE pubname = 'regress_trainjob_realtime' ORDER BY 1;

-- Rows that were there stay as they are.
SELECT status, total_samples, total_steps, current_step, current_loss FROM local_training_jobs;
-- New ones are filled, with the types as found.
INSERT INTO local_training_jobs (id, user_id, dataset_path, config) VALUES
	('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-0000000000a1', 's3://old',
	 '{"batch_size": 4, "num_epochs": 1}');
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, gpu_memory_allocated_gb) VALUES
	('00000000-0000-0000-0000-000000000002', 25, 0.25, 2.094512, 1.25, 10.125);
SELECT status, total_samples, total_steps, current_step, progress, current_loss, gpu_memory_allocated_gb,
	best_eval_loss, best_step, error, error_message, started_at IS NOT NULL AS started, updated_at IS NOT NULL AS updated
FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000002';
INSERT INTO alert_event (job_id, type, user_id, error_message, occurred_at) VALUES
	('00000000-0000-0000-0000-000000000002', 'job_failed', '00000000-0000-0000-0000-0000000000a1', 'out of memory', '2025-01-01 13:00Z');
SELECT status, health, progress_text, total_steps_text, dataset_size_text, loss_text, eval_loss_text, error, ended_at
FROM local_training_jobs_overview WHERE id = '00000000-0000-0000-0000-000000000002';
SELECT metric, rows, newest_value, verdict FROM local_training_metrics_coverage
WHERE job_id = '00000000-0000-0000-0000-000000000002' ORDER BY metric;
-- The policies hold for who reads the views.
RESET ROLE;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA app TO regress_trainjob_web;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA app TO regress_trainjob_web;
SET ROLE regress_trainjob_web;
SET app.user_id = '00000000-0000-0000-0000-0000000000b2';
SELECT count(*) FROM local_training_jobs_overview;
INSERT INTO local_training_metrics (job_id, step) VALUES ('00000000-0000-0000-0000-000000000002', 99); -- fails
SET app.user_id = '00000000-0000-0000-0000-0000000000a1';
SELECT id, status FROM local_training_jobs_overview ORDER BY id;
INSERT INTO local_training_metrics (job_id, step) VALUES ('00000000-0000-0000-0000-000000000001', 20);
SELECT status, current_step FROM local_training_jobs_overview ORDER BY id;
SET ROLE regress_trainjob_app;

-- ---- once more: nothing is written, with all, some or none of the arguments ----

CREATE TABLE before_again AS SELECT * FROM pg_temp.catalog_rows('app') WHERE object !~ 'before_';
CREATE FUNCTION pg_temp.changes() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', COALESCE(n.catalog, b.catalog), COALESCE(n.object, b.object),
					 CASE WHEN n.object IS NULL THEN 'gone' WHEN b.object IS NULL THEN 'new' ELSE 'written' END)
	FROM (SELECT * FROM pg_temp.catalog_rows('app') WHERE object !~ 'before_') AS n
	FULL JOIN app.before_again AS b USING (catalog, object)
	WHERE n.written IS DISTINCT FROM b.written ORDER BY 1
$$;
SELECT * FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', columns =>
	'{"sample_count": "total_examples", "recorded_at": "timestamp", "jobs.error": "error_message", "loss": "current_loss"}')
WHERE action !~ '^(missing|note)';
SELECT * FROM pg_temp.changes();
SELECT * FROM trainjob.attach('local_training_jobs') WHERE action !~ '^(missing|note)';
SELECT * FROM trainjob.attach('local_training_jobs', columns => '{"loss": "current_loss"}') WHERE action !~ '^(missing|note)';
SELECT * FROM pg_temp.changes();

-- ---- repair ----

DROP TRIGGER trainjob_fill_job ON local_training_jobs;
DROP TRIGGER trainjob_roll_up_update ON local_training_metrics;
DROP VIEW local_training_metrics_coverage;
SELECT * FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', columns =>
	'{"sample_count": "total_examples", "recorded_at": "timestamp", "jobs.error": "error_message", "loss": "current_loss"}')
WHERE action !~ '^(missing|note)';
-- Tables and columns with new names: nothing is lost meanwhile but an error is clear.
ALTER TABLE local_training_jobs RENAME COLUMN current_loss TO newest_loss;
ALTER TABLE local_training_metrics RENAME TO points;
ALTER TABLE local_training_jobs RENAME TO runs;
INSERT INTO points (job_id, step, train_loss) VALUES ('00000000-0000-0000-0000-000000000001', 21, 1); -- fails
SELECT * FROM trainjob.attach('runs', 'points', columns => '{"loss": "newest_loss"}') WHERE action !~ '^(missing|note)';
INSERT INTO points (job_id, step, train_loss) VALUES ('00000000-0000-0000-0000-000000000001', 21, 1);
SELECT current_step, newest_loss FROM runs ORDER BY id LIMIT 1;
-- The views kept their names, for who reads them.
SELECT current_step, loss FROM local_training_jobs_overview ORDER BY id LIMIT 1;
ALTER TABLE points RENAME TO local_training_metrics;
ALTER TABLE runs RENAME TO local_training_jobs;
-- Who may read a view may still do so when it had to be made anew.
ALTER TABLE local_training_jobs ADD COLUMN perplexity numeric(8,3);
ALTER TABLE local_training_jobs ADD COLUMN status_changed_at timestamp;
SELECT * FROM trainjob.attach('local_training_jobs', add_columns => false) WHERE action !~ '^(missing|note)';
SELECT has_table_privilege('regress_trainjob_web', 'local_training_jobs_overview', 'SELECT') AS may_read,
	pg_get_userbyid(relowner) AS owner, reloptions
FROM pg_class WHERE oid = 'local_training_jobs_overview'::regclass;

-- ---- add_columns: nullable, no table is rewritten ----

CREATE TEMP TABLE files AS SELECT oid, relfilenode FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relkind = 'r';
CREATE TEMP TABLE added AS SELECT * FROM trainjob.attach('local_training_jobs', add_columns => true);
SELECT action, count(*) FROM added GROUP BY action ORDER BY action;
SELECT object FROM added WHERE object ~ 'local_training_metrics\.' ORDER BY object COLLATE "C";
SELECT count(*) AS rewritten FROM files AS f JOIN pg_class AS c USING (oid) WHERE c.relfilenode <> f.relfilenode;
SELECT attnotnull, atthasdef, count(*) FROM pg_attribute
WHERE attrelid = 'local_training_jobs'::regclass AND attname IN ('grad_norm', 'expected_total_steps', 'restarted_at')
GROUP BY 1, 2;
UPDATE local_training_jobs SET config = (config::jsonb || '{"remark": 1}')::json WHERE id = '00000000-0000-0000-0000-000000000002';
SELECT expected_total_steps FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000002';

-- ---- detach takes what attach made, and only that ----

CREATE FUNCTION own_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER mine BEFORE UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION own_trigger();
CREATE VIEW my_view AS
	SELECT id, _trainjob.job_note(NULL, dataset_path, 1, 1, 1, total_steps) AS note FROM local_training_jobs;
COMMENT ON VIEW my_view IS 'mine';
CREATE TEMP TABLE counts AS SELECT (SELECT count(*) FROM alert_event) AS alerts, (SELECT count(*) FROM job_status_change) AS changes;
SELECT * FROM trainjob.detach('local_training_jobs') ORDER BY action COLLATE "C", object COLLATE "C";
SELECT relname, relkind FROM pg_class
WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'v') AND relname !~ 'before_' ORDER BY 1;
SELECT tgrelid::regclass, tgname FROM pg_trigger
WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'app'::regnamespace) AND NOT tgisinternal ORDER BY 1, 2;
INSERT INTO local_training_metrics (job_id, step) VALUES ('00000000-0000-0000-0000-000000000001', 500);
SELECT current_step FROM local_training_jobs ORDER BY id LIMIT 1;
SELECT trainjob.detach('local_training_jobs'); -- fails
SELECT trainjob.detach(); -- fails
-- Attached again, it goes on with the history that it had; my view is my view.
SELECT action, object FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', columns =>
	'{"sample_count": "total_examples", "recorded_at": "timestamp", "jobs.error": "error_message", "loss": "newest_loss"}')
WHERE action ~ 'table|view' ORDER BY 1, 2;
SELECT (SELECT count(*) FROM alert_event) - alerts AS alerts, (SELECT count(*) FROM job_status_change) - changes AS changes FROM counts;
DROP VIEW local_training_jobs_overview;
SELECT * FROM trainjob.attach('local_training_jobs') WHERE action !~ '^(missing|note)';
SELECT attname FROM pg_attribute WHERE attrelid = 'my_view'::regclass ORDER BY attnum;
SELECT action, object FROM trainjob.detach() WHERE action ~ 'view';
-- A relation of mine that has the name is not overwritten.
CREATE VIEW local_training_jobs_overview AS SELECT 1 AS mine;
SELECT * FROM trainjob.attach('local_training_jobs', 'local_training_metrics', columns => '{"jobs.error": null}'); -- fails
RESET ROLE;
CREATE SCHEMA views AUTHORIZATION regress_trainjob_app;
SET ROLE regress_trainjob_app;
SELECT action, object FROM trainjob.attach('local_training_jobs', 'local_training_metrics',
	columns => '{"jobs.error": null}', view_schema => 'views') WHERE action ~ 'view' OR object ~ 'jobs.error';
INSERT INTO local_training_jobs (id, user_id, status) VALUES
	('00000000-0000-0000-0000-000000000003', '00000000-0000-0000-0000-0000000000a1', 'running');
INSERT INTO alert_event (job_id, type, error_message) VALUES ('00000000-0000-0000-0000-000000000003', 'job_failed', 'no column for it');
SELECT status, error, error_message FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000003';
SELECT status, error FROM views.local_training_jobs_overview WHERE id = '00000000-0000-0000-0000-000000000003';
SELECT * FROM local_training_jobs_overview;
RESET ROLE;

-- ---------------------------------------------------------------------------
-- Minimal tables, every kind of id, hostile names
-- ---------------------------------------------------------------------------

SET client_min_messages = error;
DROP SCHEMA app, views CASCADE;
DROP PUBLICATION regress_trainjob_realtime;
SET client_min_messages = warning;
CREATE SCHEMA small;
SET search_path = small, pg_catalog;
CREATE TABLE jobs (id bigint PRIMARY KEY, status text, config jsonb, dataset_path text);
SELECT action, object FROM trainjob.attach('jobs') WHERE action !~ '^missing col' ORDER BY 1, 2;
INSERT INTO jobs VALUES (1, 'pending', '{"batch_size": 1}', 's3://none'), (2, NULL, NULL, NULL);
INSERT INTO alert_event (job_id, type, total_steps) VALUES (1, 'job_started', 10), (1, 'job_completed', NULL), (3, 'job_started', NULL)
RETURNING job_id, type, outcome, status_after;
INSERT INTO jobs VALUES (3, 'pending');
SELECT id, status FROM jobs ORDER BY id;
SELECT id, status, health, progress, dataset_size_text, total_steps_text, progress_text, eval_loss_text, loss_text, note
FROM jobs_overview ORDER BY id;
SELECT job_id, status_before, status_after FROM job_status_change ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
SELECT * FROM trainjob.fail_stalled('0 s');
SELECT * FROM trainjob.metric_series('1', 'train_loss');
-- metrics come later
CREATE TABLE metrics (job_id bigint, step integer);
SELECT action, object FROM trainjob.attach('jobs', 'metrics') WHERE action !~ '^missing col' ORDER BY 1, 2;
INSERT INTO metrics VALUES (2, 5), (3, 6);
SELECT id, status, current_step FROM jobs_overview ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
DROP SCHEMA small CASCADE;

-- ids of each type give the same rows
CREATE FUNCTION pg_temp.life_of(type text, first text, second text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	SET LOCAL client_min_messages = error;
	CREATE SCHEMA kinds;
	EXECUTE format('CREATE TABLE kinds.jobs (id %1$s PRIMARY KEY, user_id %1$s, status text, config jsonb, dataset_path text,
		current_step bigint, total_steps bigint, total_samples bigint, created_at timestamptz DEFAULT now());
		CREATE TABLE kinds.metrics (job_id %1$s REFERENCES kinds.jobs, step bigint, train_loss float8);
		CREATE TABLE kinds.datasets (storage_path text, user_id %1$s, sample_count bigint)', type);
	PERFORM trainjob.attach('kinds.jobs', 'kinds.metrics', 'kinds.datasets');
	EXECUTE format($q$
		INSERT INTO kinds.alert_event (job_id, type, occurred_at) VALUES (%1$L, 'job_started', '2025-01-01 00:00Z');
		INSERT INTO kinds.datasets VALUES ('a', %2$L, 320), ('a', NULL, 32), ('b', %1$L, 64);
		INSERT INTO kinds.jobs (id, user_id, status, config, dataset_path) VALUES
			(%1$L, %2$L, 'pending', '{}', 'a'), (%2$L, %2$L, 'pending', '{}', 'b');
		INSERT INTO kinds.metrics VALUES (%2$L, 7, 1), (%1$L, 3, 1);
		UPDATE kinds.jobs SET status = 'running' WHERE id = %2$L$q$, first, second);
	SELECT string_agg(concat_ws(' ', status, current_step, total_steps, total_samples, loss_text, last_alert_type), ', ' ORDER BY current_step)
		|| format(' %s %s', (SELECT count(*) FROM trainjob.metric_series(first, 'train_loss', 10, 'kinds.jobs')),
						 (SELECT count(*) FROM trainjob.verify_jobs('kinds.jobs')))
		|| ' ' || trainjob.refill_jobs('kinds.jobs') || ' ' || (trainjob.fail_stalled('0 s', 'kinds.jobs')).failed
		INTO result FROM kinds.jobs_overview;
	DROP SCHEMA kinds CASCADE;
	RETURN result;
END $$;
SELECT t.type, pg_temp.life_of(t.type, t.first, t.second)
FROM (VALUES (1, 'uuid', '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002'),
			 (2, 'bigint', '-9223372036854775808', '9223372036854775807'), (3, 'integer', '1', '2'),
			 (4, 'smallint', '1', '2'), (5, 'text', E'a "quoted" \\ ''id''', 'été'), (6, 'varchar(20)', 'a', 'A'),
			 (7, 'numeric', '1.5', '1e30')) AS t (n, type, first, second)
ORDER BY n;
SELECT pg_temp.life_of('pg_temp.no_type', '1', '2'); -- fails

-- hostile names of everything
CREATE SCHEMA "We""ird \ 'Schema'; é";
SET search_path = "We""ird \ 'Schema'; é", pg_catalog;
CREATE DOMAIN "D%s" AS integer CHECK (VALUE >= 0);
CREATE TYPE "St'at" AS ENUM ('pending', 'running', 'completed', 'failed', 'cancelled');
CREATE TABLE "Jobs\x"";DROP TABLE ""%I" ("I d" "D%s" PRIMARY KEY, "STATUS" "St'at", "select" json, "where\" text,
	"current=step" "D%s", "total.steps" integer, "lo'ss%s" real, "a""b" numeric(5,2), total_samples integer);
CREATE TABLE "Métrics""" ("job ID" "D%s", "from" smallint, "train'loss\" real, "gröup" timestamptz DEFAULT now());
CREATE TABLE "data=sets" ("path""" text, "$1" integer, "user_id" text);
SELECT action, object FROM trainjob.attach('"Jobs\x"";DROP TABLE ""%I"', '"Métrics"""', '"data=sets"', columns => '{
	"jobs.id": "I d", "status": "STATUS", "config": "select", "dataset_path": "where\\", "current_step": "current=step",
	"jobs.total_steps": "total.steps", "jobs.loss": "lo''ss%s", "progress": "a\"b", "metrics.job_id": "job ID", "step": "from",
	"train_loss": "train''loss\\", "recorded_at": "gröup", "storage_path": "path\"", "sample_count": "$1"}')
WHERE action !~ '^missing col' ORDER BY 1, 2;
SELECT * FROM trainjob.attach('"Jobs\x"";DROP TABLE ""%I"', '"Métrics"""', '"data=sets"') WHERE action !~ '^(missing|note)';
INSERT INTO "data=sets" VALUES ('it''s "here" \', 64);
INSERT INTO "Jobs\x"";DROP TABLE ""%I" ("I d", "STATUS", "where\", "select") VALUES (1, 'pending', 'it''s "here" \', '{"num_epochs": 10}');
INSERT INTO "Métrics""" ("job ID", "from", "train'loss\") VALUES (1, 5, 1.5);
INSERT INTO alert_event (job_id, type) VALUES (1, 'disk_warning');
SELECT * FROM "Jobs\x"";DROP TABLE ""%I";
SELECT id, status, progress_text, loss_text FROM "Jobs\x"";DROP TABLE ""%I_overview";
SELECT verdict FROM "Métrics""_coverage" WHERE metric = 'train_loss';
SELECT trainjob.report_metrics('x', '[]', '"Jobs\x"";DROP TABLE ""%I"'); -- fails: no token column
UPDATE "Jobs\x"";DROP TABLE ""%I" SET "lo'ss%s" = 9, "current=step" = NULL;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs(), trainjob.refill_jobs();
SELECT * FROM trainjob.verify_jobs();
SELECT * FROM trainjob.metric_series('1', 'train_loss');
SELECT * FROM trainjob.fail_stalled('0 s');
SELECT "STATUS" FROM "Jobs\x"";DROP TABLE ""%I";
SELECT count(*) FROM trainjob.detach();
DROP SCHEMA "We""ird \ 'Schema'; é" CASCADE;

-- names that leave no room for more
CREATE SCHEMA long;
SET search_path = long, pg_catalog;
CREATE TABLE j123456789_123456789_123456789_123456789_123456789_123456789_12 (id integer, status text);
CREATE TABLE mééééééééééééééééééééééééééééééé (job_id integer, step integer);
SELECT action, object FROM trainjob.attach('j123456789_123456789_123456789_123456789_123456789_123456789_12', 'mééééééééééééééééééééééééééééééé')
WHERE action ~ 'table|view' ORDER BY 1, 2;
-- and a twin whose first part is the same
CREATE TABLE j123456789_123456789_123456789_123456789_123456789_123456789_13 (id integer, status text);
SELECT * FROM trainjob.attach('j123456789_123456789_123456789_123456789_123456789_123456789_13'); -- fails
DROP SCHEMA long CASCADE;

-- ---------------------------------------------------------------------------
-- Several sets
-- ---------------------------------------------------------------------------

CREATE SCHEMA many;
CREATE SCHEMA others;
SET search_path = many, pg_catalog;
CREATE TABLE datasets (storage_path text, sample_count integer);
CREATE TABLE jobs1 (id integer PRIMARY KEY, status text, config jsonb, dataset_path text, total_samples integer, total_steps integer);
CREATE TABLE jobs2 (LIKE jobs1 INCLUDING ALL);
CREATE TABLE others.jobs1 (LIKE jobs1 INCLUDING ALL);
CREATE TABLE metrics1 (job_id integer, step integer, id serial);
CREATE TABLE metrics2 (LIKE metrics1 INCLUDING ALL);
CREATE TABLE others.metrics1 (LIKE metrics1 INCLUDING ALL);
SELECT action, object FROM trainjob.attach('jobs1', 'metrics1', 'datasets') WHERE action ~ 'table|view' ORDER BY 1, 2;
SELECT action, object FROM trainjob.attach('jobs2', 'metrics2', 'datasets') WHERE action ~ 'table|view' ORDER BY 1, 2;
SELECT action, object FROM trainjob.attach('others.jobs1', 'others.metrics1', 'many.datasets') WHERE action ~ 'table|view' ORDER BY 1, 2;
SELECT * FROM pg_temp.tables_of ORDER BY jobs::text COLLATE "C", key;
-- the same dataset serves them all, now and when it comes later
INSERT INTO jobs1 VALUES (1, 'pending', '{}', 'late');
INSERT INTO jobs2 VALUES (1, 'pending', '{}', 'late');
INSERT INTO others.jobs1 VALUES (1, 'pending', '{}', 'late');
INSERT INTO datasets VALUES ('late', 320);
INSERT INTO metrics2 VALUES (1, 9);
INSERT INTO many.alert_event (job_id, type) VALUES (1, 'job_cancelled');
SELECT 'jobs1' AS jobs, status, total_samples, total_steps FROM jobs1
UNION ALL SELECT 'jobs2', status, total_samples, total_steps FROM jobs2
UNION ALL SELECT 'others', status, total_samples, total_steps FROM others.jobs1 ORDER BY 1;
-- what is one set's cannot be another's
SELECT * FROM trainjob.attach('jobs2', 'metrics1'); -- fails
SELECT * FROM trainjob.attach('others.jobs1', alerts => 'many.alert_event'); -- fails
CREATE TABLE jobs3 (LIKE jobs1 INCLUDING ALL);
CREATE TABLE metrics3 (LIKE metrics1 INCLUDING ALL);
SELECT * FROM trainjob.attach('jobs3', 'metrics1'); -- fails
SELECT * FROM trainjob.attach('jobs3', 'metrics3', alerts => 'alert_event'); -- fails
SELECT * FROM trainjob.attach('jobs1', 'metrics3'); -- fails
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
SELECT trainjob.detach(); -- fails
-- detaching one leaves the others as they are
SELECT action, object FROM trainjob.detach('jobs1') ORDER BY 1, 2;
SELECT * FROM trainjob.attach('jobs2') WHERE action !~ '^(missing|note)';
SELECT * FROM trainjob.attach('others.jobs1') WHERE action !~ '^(missing|note)';
INSERT INTO jobs2 VALUES (2, 'pending', '{}', 'later');
INSERT INTO datasets VALUES ('later', 640);
SELECT total_samples FROM jobs2 WHERE id = 2;
SELECT jobs FROM trainjob.job_sets() ORDER BY jobs::text COLLATE "C";
DROP SCHEMA many, others CASCADE;

-- ---------------------------------------------------------------------------
-- Everything that is refused
-- ---------------------------------------------------------------------------

CREATE SCHEMA wrong;
SET search_path = wrong, pg_catalog;
CREATE TYPE state AS ENUM ('pending', 'running');
CREATE TYPE result AS ENUM ('applied');
CREATE TABLE jobs (id integer, status text);
CREATE TABLE metrics (job_id integer, step integer);
CREATE TABLE alerts (job_id integer, type text, outcome text);
CREATE TABLE parts (id integer, status text) PARTITION BY HASH (id);
CREATE TABLE part_0 PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE VIEW a_view AS SELECT * FROM jobs;
CREATE MATERIALIZED VIEW a_matview AS SELECT * FROM jobs;
CREATE FOREIGN DATA WRAPPER regress_trainjob_fdw;
CREATE SERVER regress_trainjob_server FOREIGN DATA WRAPPER regress_trainjob_fdw;
CREATE FOREIGN TABLE far (job_id integer, step integer) SERVER regress_trainjob_server;
SELECT * FROM trainjob.attach(NULL); -- fails
SELECT * FROM trainjob.attach('a_view'); -- fails
SELECT * FROM trainjob.attach('a_matview'); -- fails
SELECT * FROM trainjob.attach('part_0'); -- fails
SELECT * FROM trainjob.attach('jobs', 'far'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', 'metrics'); -- fails
SELECT * FROM trainjob.attach('jobs', 'jobs'); -- fails
SELECT * FROM trainjob.attach('metrics'); -- fails
SELECT * FROM trainjob.attach('jobs', datasets => 'metrics', alerts => 'part_0'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '[]'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '{"los": "x"}'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '{"metrics.los": "x"}'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '{"loss": "x"}'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '{"loss": 7}'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '{"status": null}', add_columns => true); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', columns => '{"metrics.step": null}'); -- fails
SELECT * FROM trainjob.attach('jobs', 'metrics', view_schema => 'nowhere'); -- fails
-- each of these fails, and its HINT is all it takes
CREATE PROCEDURE pg_temp.mend(before text, call text) LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE before;
	BEGIN
		EXECUTE 'SELECT count(*) FROM ' || call;
		RAISE 'accepted: %', before;
	EXCEPTION WHEN undefined_column OR datatype_mismatch THEN
		GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
		RAISE INFO '%', SQLERRM;
		RAISE INFO '%', hint;
	END;
	EXECUTE hint;
	EXECUTE 'SELECT count(*) FROM ' || call;
END $$;
BEGIN;
CALL pg_temp.mend('ALTER TABLE jobs DROP COLUMN status CASCADE', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE metrics DROP COLUMN job_id, DROP COLUMN step', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE alerts DROP COLUMN job_id, DROP COLUMN outcome', $$trainjob.attach('wrong.jobs', alerts => 'wrong.alerts')$$);
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE jobs ADD COLUMN progress text', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE metrics ADD COLUMN "recorded_at" text', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
-- one that is essential, and what is said of it
ALTER TABLE metrics ALTER COLUMN step TYPE text, ADD COLUMN "Step" integer;
SELECT * FROM trainjob.attach('jobs', 'metrics'); -- fails
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE metrics ALTER COLUMN step TYPE text', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
ALTER TABLE metrics ALTER COLUMN step TYPE text, ADD COLUMN "Step" integer;
SELECT count(*) > 0 AS attached FROM trainjob.attach('jobs', 'metrics', columns => '{"metrics.step": "Step"}');
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE metrics ALTER COLUMN job_id TYPE bigint', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE metrics ALTER COLUMN job_id TYPE text', $$trainjob.attach('wrong.jobs', 'wrong.metrics')$$);
ROLLBACK; BEGIN;
DROP VIEW a_view; DROP MATERIALIZED VIEW a_matview;
ALTER TABLE jobs ALTER COLUMN status TYPE varchar(8);
SELECT object FROM trainjob.attach('wrong.jobs', 'wrong.metrics') WHERE object ~ 'status';
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE alerts ALTER COLUMN outcome TYPE char(5)', $$trainjob.attach('wrong.jobs', alerts => 'wrong.alerts')$$);
ROLLBACK; BEGIN;
DROP VIEW a_view; DROP MATERIALIZED VIEW a_matview;
ALTER TABLE jobs ALTER COLUMN status TYPE state USING status::state;
SELECT object FROM trainjob.attach('wrong.jobs', 'wrong.metrics') WHERE object ~ 'status';
ROLLBACK; BEGIN;
CALL pg_temp.mend('ALTER TABLE alerts ALTER COLUMN outcome TYPE result USING outcome::result', $$trainjob.attach('wrong.jobs', alerts => 'wrong.alerts')$$);
ROLLBACK;
-- all or nothing: the last check came before the first trigger
SELECT count(*) FROM pg_trigger WHERE tgrelid IN ('wrong.jobs'::regclass, 'wrong.metrics'::regclass);
-- the indexes that are missing can be made as they are named
SELECT object FROM trainjob.attach('jobs', 'metrics', alerts => 'alerts', add_columns => true) WHERE action = 'missing index'
ORDER BY object COLLATE "C"
\gexec
SELECT * FROM trainjob.attach('jobs') WHERE action ~ 'index';
-- which locks it takes
SELECT count(*) FROM trainjob.detach();
BEGIN;
SELECT count(*) FROM trainjob.attach('jobs', 'metrics', alerts => 'alerts') WHERE action !~ 'missing';
SELECT relation::regclass, string_agg(mode, ', ' ORDER BY mode) FROM pg_locks
WHERE pid = pg_backend_pid() AND relation IN ('jobs'::regclass, 'metrics'::regclass, 'alerts'::regclass)
  AND mode ~ 'Exclusive' GROUP BY 1 ORDER BY 1;
ROLLBACK;
DROP SCHEMA wrong CASCADE;
DROP SERVER regress_trainjob_server;
DROP FOREIGN DATA WRAPPER regress_trainjob_fdw;

-- Who may not create triggers may not attach.
CREATE SCHEMA private;
SET search_path = private, pg_catalog;
CREATE TABLE jobs (id integer, status text);
GRANT ALL ON SCHEMA private TO regress_trainjob_app;
SET ROLE regress_trainjob_web;
SELECT * FROM trainjob.attach('pg_class'); -- fails
SET ROLE regress_trainjob_app;
SELECT * FROM trainjob.attach('jobs'); -- fails
RESET ROLE;
DROP SCHEMA private CASCADE;

-- ---------------------------------------------------------------------------
-- Types: values that do not fit, domains, generated columns, own triggers
-- ---------------------------------------------------------------------------

CREATE SCHEMA tight;
SET search_path = tight, pg_catalog;
CREATE DOMAIN percent AS real CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE state AS ENUM ('pending', 'running', 'completed', 'failed', 'cancelled');
CREATE DOMAIN known_state AS state NOT NULL DEFAULT 'pending';
CREATE TABLE jobs (
	id integer PRIMARY KEY, status known_state, config json, dataset_path text,
	current_step smallint, total_steps integer, expected_total_steps numeric(6,0), total_samples smallint,
	progress percent, loss numeric(4,2), eval_loss real, gpu_utilization_percent percent,
	perplexity float8 GENERATED ALWAYS AS (loss * 2) STORED,
	error varchar(10), created_at timestamp DEFAULT '2025-01-01 00:00', last_metric_at timestamp);
CREATE TABLE metrics (job_id integer, step bigint, id serial, train_loss float8, eval_loss float8,
	gpu_utilization_percent numeric, extra json, recorded_at timestamptz DEFAULT '2025-01-01 10:00Z',
	perplexity float8 GENERATED ALWAYS AS (train_loss + 1) STORED);
-- the application's own triggers, the first and the last to fire
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.error := COALESCE(NEW.error, '') || TG_ARGV[0];
	RETURN NEW;
END $$;
CREATE TRIGGER aaa BEFORE INSERT OR UPDATE ON jobs FOR EACH ROW WHEN (NEW.dataset_path = 'stamped') EXECUTE FUNCTION stamp('a');
CREATE TRIGGER zzz BEFORE INSERT OR UPDATE ON jobs FOR EACH ROW WHEN (NEW.dataset_path = 'stamped') EXECUTE FUNCTION stamp('z');
CREATE FUNCTION choose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.config := CASE TG_NAME WHEN 'aab' THEN '{"max_steps": 40}' ELSE '{"max_steps": 50}' END;
	RETURN NEW;
END $$;
SELECT action, object FROM trainjob.attach('jobs', 'metrics') WHERE action !~ '^missing col' ORDER BY 1, 2;
-- each once a session and column; the write goes through
INSERT INTO jobs (id, config) VALUES (1, '{"max_steps": 3000000000}');
INSERT INTO jobs (id, config) VALUES (2, '{"max_steps": 3000000000}');
INSERT INTO jobs (id, config, dataset_path) VALUES (3, '{"max_steps": 1000}', 'stamped');
INSERT INTO metrics (job_id, step, train_loss, eval_loss, gpu_utilization_percent) VALUES (1, 40000, 1000, 1e300, 105);
INSERT INTO metrics (job_id, step, train_loss, eval_loss, gpu_utilization_percent) VALUES (2, 50000, 'Infinity', 'NaN', 'NaN');
INSERT INTO metrics (job_id, step, train_loss, eval_loss, gpu_utilization_percent) VALUES (3, 500, 12.345, 1e-300, 99.5);
INSERT INTO alert_event (job_id, type, error_message) VALUES (2, 'job_failed', 'much too long to be held');
SELECT * FROM jobs ORDER BY id;
SELECT job_id, step, perplexity FROM metrics ORDER BY id;
SELECT id, status, progress_text, loss_text, perplexity_text FROM jobs_overview ORDER BY id;
-- and what does not fit is no disagreement, nor anything to repair
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
UPDATE jobs SET loss = 1, current_step = 2, total_samples = NULL WHERE id = 3;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs(), trainjob.refill_jobs();
SELECT current_step, loss, progress FROM jobs WHERE id = 3;
-- what a trigger stores is rounded as the column's type says
CREATE TABLE rounded (id integer PRIMARY KEY, status char(12), current_step integer, last_metric_at timestamp(0), total_steps bigint, progress numeric(4,1),
	loss numeric(5,2), created_at timestamp(0) DEFAULT now(), started_at timestamptz(3), updated_at timestamp(0), error char(8));
CREATE TABLE rounded_metrics (job_id integer, step integer, train_loss float8, recorded_at timestamptz DEFAULT '2025-01-01 00:00:00.4Z');
SELECT action, object FROM trainjob.attach('rounded', 'rounded_metrics') WHERE action ~ 'view' ORDER BY 1, 2;
INSERT INTO rounded (id, status, total_steps) VALUES (1, 'pending', 300);
INSERT INTO rounded_metrics VALUES (1, 114, 1.23456);
SELECT status = 'running' AS is_running, octet_length(status), current_step, progress, loss,
	started_at = date_trunc('milliseconds', started_at) AS milliseconds, updated_at = date_trunc('second', updated_at) AS seconds
FROM rounded;
CREATE TEMP TABLE before_update AS SELECT ctid::text AS place FROM rounded;
INSERT INTO rounded_metrics VALUES (1, 113, 1);
SELECT count(*) AS unchanged FROM rounded AS r JOIN before_update AS b ON r.ctid::text = b.place;
SELECT * FROM trainjob.verify_jobs('rounded');
SELECT trainjob.refill_jobs('rounded');
SELECT count(*) FROM trainjob.detach('rounded');
-- a config that jsonb cannot hold
INSERT INTO jobs (id, config) VALUES (4, '{"max_steps": 5, "name": "\u0000"}'), (5, '{"max_steps": 5, "name": "\ud800"}'),
	(6, '{"max_steps": 1e999999}'), (7, '{"max_steps": 5, "max_steps": 6}');
INSERT INTO metrics (job_id, step, extra) VALUES (4, 1, '{"train_runtime": "\u0000"}');
SELECT id, status, total_steps, current_step FROM jobs WHERE id >= 4 ORDER BY id;
SELECT id, method, note, eval_loss_text FROM jobs_overview WHERE id >= 4 ORDER BY id;
-- a trigger before ours is heard, one after ours is too late for the estimate
CREATE TRIGGER aab BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.dataset_path = 'early') EXECUTE FUNCTION choose();
CREATE TRIGGER zzy BEFORE INSERT ON jobs FOR EACH ROW WHEN (NEW.dataset_path = 'late') EXECUTE FUNCTION choose();
INSERT INTO jobs (id, dataset_path) VALUES (8, 'early'), (9, 'late');
SELECT id, config, total_steps FROM jobs WHERE id >= 8 ORDER BY id;
SELECT trainjob.refill_jobs('jobs');
SELECT id, config, total_steps FROM jobs WHERE id = 9;
-- a trigger that swallows the row
CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER aac BEFORE UPDATE ON jobs FOR EACH ROW WHEN (NEW.dataset_path = 'early') EXECUTE FUNCTION swallow();
INSERT INTO metrics (job_id, step) VALUES (8, 1);
SELECT status, current_step FROM jobs WHERE id = 8;
DROP SCHEMA tight CASCADE;

-- ---------------------------------------------------------------------------
-- By hand
-- ---------------------------------------------------------------------------

CREATE SCHEMA hand;
SET search_path = hand, pg_catalog;
CREATE TABLE jobs_a (key integer PRIMARY KEY, status text, config jsonb, dataset_path text, total_samples bigint,
	total_steps bigint, current_step bigint, progress float8, current_loss float8, restarted_at timestamptz, started_at timestamptz,
	status_changed_at timestamptz, error text, completed_at timestamptz, failed_at timestamptz);
CREATE TABLE metrics_a (job_id integer, step bigint, id serial, train_loss float8, perplexity float8, at timestamptz);
CREATE TABLE datasets_a (storage_path text, sample_count bigint);
CREATE TABLE alerts_a (id serial, job_id integer, type text, outcome text, total_steps bigint, occurred_at timestamptz);
CREATE TABLE changes_a (job_id integer, status_before text, status_after text, changed_at timestamptz);
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{jobs,metrics,datasets,alerts,changes}'::text[] LOOP
		EXECUTE format('CREATE TABLE %1$s_b (LIKE %1$s_a INCLUDING ALL)', name);
	END LOOP;
END $$;
ALTER TABLE metrics_b ALTER COLUMN id SET DEFAULT nextval('metrics_a_id_seq');
SELECT action, object FROM trainjob.attach('jobs_a', 'metrics_a', 'datasets_a', 'alerts_a',
	'{"jobs.id": "key", "jobs.loss": "current_loss", "recorded_at": "at"}') WHERE action ~ 'view' ORDER BY 1, 2;
-- what each function needs to know, and no more
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON jobs_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_job('datasets=hand.datasets_b', 'jobs.id=key', 'jobs.loss=current_loss');
CREATE TRIGGER waiting AFTER INSERT ON jobs_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.apply_waiting_alerts('alerts=hand.alerts_b', 'jobs.id=key', 'jobs.loss=current_loss');
CREATE TRIGGER record AFTER UPDATE ON jobs_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.record_status_change('status_changes=hand.changes_b', 'jobs.id=key');
CREATE TRIGGER restart AFTER UPDATE OF status ON jobs_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.roll_up_restart('metrics=hand.metrics_b', 'jobs.id=key', 'jobs.loss=current_loss', 'metrics.recorded_at=at');
CREATE TRIGGER data AFTER INSERT OR UPDATE ON datasets_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_waiting_jobs('jobs=hand.jobs_b', 'jobs.id=key');
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON metrics_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_metric('metrics.recorded_at=at');
CREATE TRIGGER roll_up AFTER INSERT ON metrics_b REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
	EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=hand.jobs_b', 'jobs.id=key', 'jobs.loss=current_loss', 'metrics.recorded_at=at');
CREATE TRIGGER roll_up_again AFTER UPDATE ON metrics_b REFERENCING OLD TABLE AS stale NEW TABLE AS fresh FOR EACH STATEMENT
	EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=hand.jobs_b', 'jobs.id=key', 'jobs.loss=current_loss', 'metrics.recorded_at=at');
CREATE TRIGGER alert BEFORE INSERT ON alerts_b FOR EACH ROW
	EXECUTE FUNCTION trainjob.apply_alert('jobs=hand.jobs_b', 'jobs.id=key', 'jobs.loss=current_loss');
CREATE PROCEDURE on_both(statement text) LANGUAGE plpgsql SET search_path = hand, pg_catalog AS $$
BEGIN
	EXECUTE replace(statement, '@', 'a');
	EXECUTE replace(statement, '@', 'b');
END $$;
CALL on_both($$INSERT INTO alerts_@ (job_id, type, occurred_at) VALUES (1, 'job_started', '2025-01-01 00:00Z')$$);
CALL on_both($$INSERT INTO jobs_@ (key, status, config, dataset_path) VALUES (1, 'pending', '{}', 'x'), (2, 'pending', '{}', 'y')$$);
CALL on_both($$INSERT INTO datasets_@ VALUES ('x', 3200)$$);
CALL on_both($$INSERT INTO metrics_@ (job_id, step, train_loss, at) VALUES (1, 1, 3, '2025-01-01 01:00Z'), (2, 5, 'NaN', '2025-01-01 01:00Z')$$);
CALL on_both($$UPDATE metrics_@ SET train_loss = 2 WHERE job_id = 1$$);
CALL on_both($$INSERT INTO alerts_@ (job_id, type, total_steps, occurred_at) VALUES (1, 'job_failed', 77, '2025-01-01 02:00Z')$$);
CALL on_both($$UPDATE jobs_@ SET status = 'running' WHERE key = 1$$);
CALL on_both($$INSERT INTO metrics_@ (job_id, step, train_loss, at) VALUES (1, 2, 2.5, now())$$);
CALL on_both($$INSERT INTO alerts_@ (job_id, type, occurred_at) VALUES (2, 'job_completed', '2025-01-01 03:00Z')$$);
SELECT key, status, total_samples, total_steps, current_step, progress, current_loss FROM jobs_a ORDER BY key;
(SELECT to_jsonb(a) FROM jobs_a AS a EXCEPT SELECT to_jsonb(b) FROM jobs_b AS b) UNION ALL
(SELECT to_jsonb(a) - 'id' FROM metrics_a AS a EXCEPT SELECT to_jsonb(b) - 'id' FROM metrics_b AS b) UNION ALL
(SELECT to_jsonb(a) - 'id' FROM alerts_a AS a EXCEPT SELECT to_jsonb(b) - 'id' FROM alerts_b AS b) UNION ALL
(SELECT to_jsonb(a) - 'id' FROM changes_a AS a EXCEPT SELECT to_jsonb(b) FROM changes_b AS b);
SELECT (SELECT count(*) FROM jobs_b), (SELECT count(*) FROM metrics_b), (SELECT count(*) FROM alerts_b), (SELECT count(*) FROM changes_b);
-- what is attached by hand is a set like any other
SELECT s.tables, s.columns FROM trainjob.job_sets() AS s WHERE jobs = 'jobs_b'::regclass;
SELECT * FROM trainjob.verify_jobs('jobs_b');
SELECT action, object FROM trainjob.detach('jobs_b') ORDER BY 1, 2;
\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA hand CASCADE;
DROP OWNED BY regress_trainjob_app, regress_trainjob_web;
DROP ROLE regress_trainjob_app, regress_trainjob_web;
