--
-- create_tables: a set of tables with triggers and views, made once
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA made;
SELECT trainjob.create_tables('made');
SET search_path = made, pg_catalog;

-- ---- what is made ----

SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod) AS type,
	concat_ws(' ', CASE WHEN a.attnotnull THEN 'not null' END,
			  'default ' || pg_get_expr(d.adbin, d.adrelid),
			  CASE WHEN a.attidentity <> '' THEN 'identity' END) AS is
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'made'::regnamespace AND c.relkind = 'r'
  AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;

SELECT conrelid::regclass AS on_table, pg_get_constraintdef(oid) AS constraint
FROM pg_constraint
WHERE connamespace = 'made'::regnamespace AND contype <> 'n'
ORDER BY conrelid::regclass::text COLLATE "C", 2;

SELECT pg_get_indexdef(indexrelid) AS index
FROM pg_index
WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace)
ORDER BY 1;

-- Narrow rows with room for an update in place; what is long lies elsewhere.
SELECT c.relname, c.reloptions, string_agg(a.attname, ', ') AS external
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attstorage = 'e'
WHERE c.relnamespace = 'made'::regnamespace AND c.relkind IN ('r', 'v')
GROUP BY c.oid, c.relname, c.reloptions
ORDER BY c.relname;

SELECT a.attrelid::regclass AS view, a.attname, format_type(a.atttypid, a.atttypmod) AS type,
	col_description(a.attrelid, a.attnum) AS description
FROM pg_attribute AS a
WHERE a.attrelid IN ('made.job_overview'::regclass, 'made.metric_coverage'::regclass) AND a.attnum > 0
ORDER BY a.attrelid::regclass::text COLLATE "C", a.attnum;

SELECT t.tgrelid::regclass AS on_table, t.tgname, t.tgfoid::regproc AS function,
	CASE WHEN t.tgtype & 2 <> 0 THEN 'before' ELSE 'after' END AS timing,
	concat_ws(' ', CASE WHEN t.tgtype & 4 <> 0 THEN 'insert' END,
			  CASE WHEN t.tgtype & 16 <> 0 THEN 'update' END,
			  CASE WHEN t.tgtype & 8 <> 0 THEN 'delete' END,
			  CASE WHEN t.tgtype & 32 <> 0 THEN 'truncate' END) AS event,
	CASE WHEN t.tgtype & 1 <> 0 THEN 'row' ELSE 'statement' END AS level,
	concat_ws(', ', t.tgoldtable, t.tgnewtable) AS transition,
	t.tgenabled AS enabled
FROM pg_trigger AS t
WHERE NOT t.tgisinternal AND t.tgrelid IN
	(SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace)
ORDER BY t.tgrelid::regclass::text COLLATE "C", t.tgname;

-- Names, no OIDs: those on jobs of all tables, the others of jobs alone.
SELECT DISTINCT tgrelid::regclass::text COLLATE "C" AS on_table,
	unnest(_trainjob.read_arguments(tgargs)) AS argument
FROM pg_trigger
WHERE NOT tgisinternal AND tgrelid IN
	(SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace)
ORDER BY 1, 2;

-- What has no comment?
SELECT c.relname, a.attname
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND c.relkind = 'r' AND a.attnum > 0
WHERE c.relnamespace = 'made'::regnamespace AND c.relkind IN ('r', 'v')
  AND (obj_description(c.oid, 'pg_class') IS NULL
	   OR (a.attnum IS NOT NULL AND col_description(c.oid, a.attnum) IS NULL));

-- ---- keys and checks ----

INSERT INTO local_training_jobs (id, created_at) VALUES
	('00000000-0000-0000-0000-000000000001', '2025-01-01 00:00Z');
\set VERBOSITY terse
INSERT INTO local_training_jobs (status) VALUES ('finished'); -- fails
INSERT INTO local_training_jobs (status) VALUES (NULL); -- fails
INSERT INTO local_training_jobs (total_steps, total_steps_source) VALUES (3, 'guessed'); -- fails
INSERT INTO local_training_metrics (job_id, step) VALUES
	('00000000-0000-0000-0000-000000000002', 1); -- fails
INSERT INTO training_datasets (name) VALUES ('nowhere'); -- fails
INSERT INTO training_datasets (storage_path) VALUES ('twice'), ('twice'); -- fails
\set VERBOSITY default
INSERT INTO training_datasets (storage_path, user_id) VALUES
	('once', NULL), ('once', '00000000-0000-0000-0000-0000000000a1'),
	('once', '00000000-0000-0000-0000-0000000000a2');

-- A job takes its metrics along, its alerts and its history stay.
INSERT INTO local_training_metrics (job_id, step) VALUES
	('00000000-0000-0000-0000-000000000001', 0);
INSERT INTO alert_event (job_id, type) VALUES
	('00000000-0000-0000-0000-000000000001', 'job_completed');
DELETE FROM local_training_jobs;
SELECT (SELECT count(*) FROM local_training_metrics) AS metrics,
	(SELECT count(*) FROM alert_event) AS alerts,
	(SELECT count(*) FROM job_status_change) AS changes;

-- ---- once more ----

-- Not one catalog row of the set is written again.
CREATE TEMP VIEW catalog_rows AS
	SELECT 'class' AS catalog, oid::text AS object, xmin::text AS written
	FROM pg_class WHERE relnamespace = 'made'::regnamespace
	UNION ALL
	SELECT 'attribute', attrelid || '.' || attnum, xmin::text
	FROM pg_attribute
	WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace)
	UNION ALL
	SELECT 'trigger', oid::text, xmin::text FROM pg_trigger
	WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace)
	UNION ALL
	SELECT 'constraint', oid::text, xmin::text FROM pg_constraint
	WHERE connamespace = 'made'::regnamespace
	UNION ALL
	SELECT 'rewrite', oid::text, xmin::text FROM pg_rewrite
	WHERE ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace)
	UNION ALL
	SELECT 'description', objoid || '.' || objsubid, xmin::text FROM pg_description
	WHERE classoid = 'pg_class'::regclass
	  AND objoid IN (SELECT oid FROM pg_class WHERE relnamespace = 'made'::regnamespace);
CREATE TEMP TABLE rows_before AS SELECT * FROM catalog_rows;
SELECT trainjob.create_tables('made');
SELECT b.catalog AS before, a.catalog AS after, count(*)
FROM rows_before AS b FULL JOIN catalog_rows AS a USING (catalog, object)
WHERE b.written IS DISTINCT FROM a.written
GROUP BY 1, 2 ORDER BY 1, 2;

-- What the user added or switched off stays so.
ALTER TABLE local_training_jobs ADD COLUMN team text DEFAULT 'red';
CREATE INDEX jobs_by_team ON local_training_jobs (team);
ALTER TABLE training_datasets DISABLE TRIGGER trainjob_fill_waiting_jobs;
INSERT INTO local_training_jobs (id, team) VALUES
	('00000000-0000-0000-0000-000000000003', 'blue');
SELECT trainjob.create_tables('made');
SELECT id, team, status FROM local_training_jobs;
SELECT tgname, tgenabled FROM pg_trigger
WHERE tgrelid = 'training_datasets'::regclass AND NOT tgisinternal;
SELECT to_regclass('made.jobs_by_team');

-- What was dropped comes back.
DROP VIEW job_overview, metric_coverage;
DROP TABLE alert_event;
DROP TRIGGER trainjob_fill_job ON local_training_jobs;
SELECT trainjob.create_tables('made');
INSERT INTO alert_event (job_id, type) VALUES
	('00000000-0000-0000-0000-000000000003', 'job_started')
RETURNING outcome;
SELECT id, status, started_at IS NOT NULL AS started FROM job_overview;

-- ---- tables that are somebody else's ----

CREATE SCHEMA other;
CREATE TABLE other.local_training_jobs (id integer PRIMARY KEY, status varchar(20),
	config json, created_at timestamptz, mine text);
SELECT trainjob.create_tables('other'); -- fails
SELECT relname FROM pg_class
WHERE relnamespace = 'other'::regnamespace AND relkind = 'r' ORDER BY 1;
DROP TABLE other.local_training_jobs;
CREATE TABLE other.job_status_change (LIKE made.job_status_change INCLUDING ALL);
ALTER TABLE other.job_status_change DROP COLUMN changed_by;
ALTER TABLE other.job_status_change ALTER COLUMN alert_id TYPE integer;
SELECT trainjob.create_tables('other'); -- fails
ALTER TABLE other.job_status_change ALTER COLUMN alert_id TYPE bigint,
	ADD COLUMN changed_by text, ADD COLUMN remark text;
SELECT trainjob.create_tables('other');

-- A name that is taken by something that is no table.
\set VERBOSITY terse
DROP SCHEMA other CASCADE;
CREATE SCHEMA other;
CREATE VIEW other.alert_event AS SELECT * FROM made.alert_event;
SELECT trainjob.create_tables('other'); -- fails
DROP VIEW other.alert_event;
CREATE TABLE other.job_overview (id uuid);
SELECT trainjob.create_tables('other'); -- fails
\set VERBOSITY default

-- ---- schemas ----

SELECT trainjob.create_tables('no such schema'); -- fails
SELECT trainjob.create_tables(NULL); -- fails

-- Any name will do, and the sets know nothing of each other.
CREATE SCHEMA "It's a ""Set"" of 100% \n";
SELECT trainjob.create_tables('It''s a "Set" of 100% \n');
CREATE TEMP TABLE odd_before AS
	SELECT oid, xmin::text AS written FROM pg_trigger
	WHERE tgrelid = '"It''s a ""Set"" of 100% \n".local_training_jobs'::regclass;
SELECT trainjob.create_tables('It''s a "Set" of 100% \n');
SELECT count(*) AS rewritten
FROM pg_trigger AS t JOIN odd_before AS b USING (oid)
WHERE t.xmin::text <> b.written;
SET search_path = "It's a ""Set"" of 100% \n", pg_catalog;
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('here', 64);
INSERT INTO alert_event (job_id, type, occurred_at) VALUES
	('00000000-0000-0000-0000-000000000007', 'job_started', '2025-01-02 00:00Z');
INSERT INTO local_training_jobs (id, dataset_path) VALUES
	('00000000-0000-0000-0000-000000000007', 'here');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES
	('00000000-0000-0000-0000-000000000007', 3, 1.5);
SELECT id, status, started_at, dataset_size_text, total_steps_text, progress_text, loss_text
FROM job_overview;
SELECT job_id, status_before, status_after, changed_at FROM job_status_change;
SELECT count(*) AS in_the_other_set FROM made.local_training_jobs WHERE dataset_path = 'here';
INSERT INTO made.training_datasets (storage_path, sample_count) VALUES ('here', 32000);
INSERT INTO local_training_jobs (id, dataset_path) VALUES
	('00000000-0000-0000-0000-000000000008', 'here');
SELECT total_samples FROM local_training_jobs WHERE id = '00000000-0000-0000-0000-000000000008';
INSERT INTO made.local_training_jobs (id) VALUES ('00000000-0000-0000-0000-000000000007');
INSERT INTO made.local_training_metrics (job_id, step) VALUES
	('00000000-0000-0000-0000-000000000007', 2);
SELECT s.set, j.current_step
FROM (SELECT 'made' AS set, id, current_step FROM made.local_training_jobs
	  UNION ALL SELECT 'odd', id, current_step FROM local_training_jobs) AS j
JOIN (VALUES ('made'), ('odd')) AS s (set) USING (set)
WHERE id = '00000000-0000-0000-0000-000000000007' ORDER BY 1;

-- The default is public.
RESET search_path;
BEGIN;
SELECT trainjob.create_tables();
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
  AND relname IN ('training_datasets', 'local_training_jobs', 'local_training_metrics',
				  'alert_event', 'job_status_change', 'job_overview', 'metric_coverage')
ORDER BY 1;
ROLLBACK;

-- ---- whose they are ----

CREATE ROLE regress_trainjob_app;
CREATE SCHEMA app AUTHORIZATION regress_trainjob_app;
CREATE SCHEMA foreign_ground;
\set VERBOSITY terse
SET ROLE regress_trainjob_app;
SELECT trainjob.create_tables('app'); -- fails
RESET ROLE;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO regress_trainjob_app;
SET ROLE regress_trainjob_app;
SELECT trainjob.create_tables('app');
SELECT trainjob.create_tables('foreign_ground'); -- fails
SELECT DISTINCT relowner::regrole FROM pg_class WHERE relnamespace = 'app'::regnamespace;
INSERT INTO app.local_training_jobs (id, config) VALUES
	('00000000-0000-0000-0000-000000000009', '{"max_steps": 10}');
INSERT INTO app.local_training_metrics (job_id, step) VALUES
	('00000000-0000-0000-0000-000000000009', 5);
SELECT id, status, progress FROM app.job_overview;

-- ---- the extension goes, the history stays ----

RESET ROLE;
BEGIN;
SAVEPOINT before;
\set VERBOSITY terse
DROP EXTENSION trainjob; -- fails
\set VERBOSITY default
ROLLBACK TO before;
DROP EXTENSION trainjob CASCADE;
SELECT relname FROM pg_class
WHERE relnamespace = 'app'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1;
SELECT count(*) AS triggers FROM pg_trigger
WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'app'::regnamespace)
  AND NOT tgisinternal;
SELECT id, status, progress, current_step FROM app.local_training_jobs;
SELECT job_id, step FROM app.local_training_metrics;
ROLLBACK;

-- after detach nothing holds it; create_tables brings all of it back
BEGIN;
CREATE FUNCTION of_app() RETURNS TABLE (object text) LANGUAGE sql AS $$
	SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'app'::regnamespace) AND NOT tgisinternal
	UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'app'::regnamespace AND contype <> 'n'
	UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'app'
	UNION ALL SELECT definition FROM pg_views WHERE schemaname = 'app'
$$;
CREATE TABLE before AS SELECT * FROM of_app();
CREATE INDEX mine ON app.local_training_jobs (trainjob.sparkline(ARRAY[loss]));
SELECT count(*) FROM trainjob.job_sets() AS s, LATERAL trainjob.detach(s.jobs) AS d WHERE s.jobs <> 'app.local_training_jobs'::regclass;
SELECT * FROM trainjob.detach();
DROP INDEX app.mine;
DROP EXTENSION trainjob;
SELECT id, status, progress, current_step FROM app.local_training_jobs;
SELECT job_id, step FROM app.local_training_metrics;
CREATE EXTENSION trainjob;
SELECT trainjob.create_tables('app');
(TABLE before EXCEPT ALL SELECT * FROM of_app()) UNION ALL (SELECT * FROM of_app() EXCEPT ALL TABLE before);
ROLLBACK;

DROP SCHEMA app, made, other, foreign_ground, "It's a ""Set"" of 100% \n" CASCADE;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob FROM regress_trainjob_app;
DROP ROLE regress_trainjob_app;
