--
-- Tables as object mappers make them: names in other spelling, columns that cannot be
-- NULL, datasets known by a key, generated columns, times without time zone.
--
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA mapped;
SET search_path = mapped, pg_catalog;

-- ---- names ----

CREATE TABLE dataset (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "StoragePath" text, "sampleCount" integer);
CREATE TABLE job (id integer PRIMARY KEY, status text NOT NULL DEFAULT 'queued', "totalSteps" integer, "CurrentStep" integer,
	"evalLoss" real, "EvalLoss" double precision, "lastMetricAt" text, "modelName" text, loss_ double precision, loss double precision,
	config text, dataset integer REFERENCES dataset);
CREATE TABLE metric (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, job integer NOT NULL REFERENCES job, "Step" integer NOT NULL,
	"trainLoss" double precision);
SELECT action, object FROM trainjob.attach('job', 'metric', 'dataset', add_columns => true)
WHERE action IN ('found column', 'note') OR object ~* 'added column.*(eval|model|last_?m|path)';
-- what two columns may be, and what does not fit, is left alone; nothing is added beside it
SELECT attname FROM pg_attribute WHERE attrelid = 'job'::regclass AND attname ~* '^(eval_?loss|last_?metric_?at|total_?steps|model_?name|loss_?|dataset)' ORDER BY 1;
SELECT col_description('job'::regclass, attnum) FROM pg_attribute WHERE attrelid = 'job'::regclass AND attname = 'started_at';
-- a second call has found all before
SELECT action, object FROM trainjob.attach('job', 'metric', 'dataset', add_columns => true) WHERE action <> 'missing index';
-- the dataset by its key, of another width; it may come later, and its counts
INSERT INTO dataset ("StoragePath", "sampleCount") VALUES ('s3://a', 1650), ('s3://b', NULL);
INSERT INTO job (id, dataset, config) VALUES (1, 1, '{"training": {"batch_size": 4}}'), (2, 2, 'no json'), (3, NULL, NULL);
SELECT id, "totalSteps", total_samples FROM job ORDER BY id;
UPDATE dataset SET "sampleCount" = 320 WHERE id = 2;
INSERT INTO metric (job, "Step", "trainLoss") VALUES (1, 39, 2), (2, 3, 1);
SELECT id, status, total_steps, dataset_size_text, progress_text, loss_text, eval_loss_text, note FROM job_overview ORDER BY id;
UPDATE job SET dataset = 1 WHERE id = 3;
UPDATE job SET dataset = 2 WHERE id = 1;
SELECT id, "totalSteps", total_samples FROM job ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
SELECT count(*) > 0 AS detached FROM trainjob.detach();
-- said by hand, and a key of another type
DROP TABLE metric; ALTER TABLE job DROP CONSTRAINT job_dataset_fkey;
SELECT trainjob.attach('job', datasets => 'dataset', columns => '{"dataset_path": "dataset"}'); -- fails
SELECT count(*) > 0 AS attached FROM trainjob.attach('job', datasets => 'dataset', columns => '{"dataset_path": "dataset", "storage_path": "id"}');
INSERT INTO dataset ("StoragePath", "sampleCount") VALUES ('s3://c', 64);
INSERT INTO job (id, dataset, config) VALUES (4, 3, '{}'), (5, 99, '{}');
SELECT id, "totalSteps", total_samples FROM job WHERE id > 3 ORDER BY id;
INSERT INTO dataset OVERRIDING SYSTEM VALUE VALUES (5000000000, 's3://far', 1);
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP SCHEMA mapped CASCADE;
-- uuid
CREATE SCHEMA mapped;
CREATE TABLE dataset (id uuid PRIMARY KEY, sample_count integer);
CREATE TABLE job (id integer PRIMARY KEY, status text, config jsonb, dataset_id uuid REFERENCES dataset, total_steps bigint, total_samples bigint);
SELECT action, object FROM trainjob.attach('job', datasets => 'dataset') WHERE action = 'found column';
INSERT INTO dataset VALUES ('00000000-0000-0000-0000-0000000000aa', NULL);
INSERT INTO job VALUES (1, 'queued', '{}', '00000000-0000-0000-0000-0000000000aa');
SELECT note FROM job_overview;
UPDATE dataset SET sample_count = 128;
SELECT total_samples, total_steps FROM job;
DROP SCHEMA mapped CASCADE;

-- ---- columns that cannot be NULL ----

CREATE SCHEMA mapped;
CREATE DOMAIN amount AS numeric(10, 2) NOT NULL;
CREATE DOMAIN words AS varchar(100) NOT NULL DEFAULT '';
CREATE TYPE source AS ENUM ('none', 'given', 'estimated', 'reported', 'observed', 'disproved');
CREATE TABLE dataset (storage_path text PRIMARY KEY, sample_count integer NOT NULL DEFAULT 0, val_samples integer NOT NULL DEFAULT -1);
CREATE TABLE job (id integer PRIMARY KEY, status text NOT NULL DEFAULT 'queued', config jsonb NOT NULL DEFAULT '{}', dataset_path text NOT NULL DEFAULT '',
	total_samples integer NOT NULL DEFAULT 0, val_samples smallint NOT NULL DEFAULT -1, total_steps integer NOT NULL, expected_total_steps bigint NOT NULL DEFAULT 0,
	total_steps_source source NOT NULL DEFAULT 'none', current_step numeric(8, 0) NOT NULL DEFAULT 0, progress double precision NOT NULL DEFAULT 0,
	loss amount DEFAULT 0, eval_loss real NOT NULL DEFAULT 'NaN', learning_rate double precision NOT NULL DEFAULT 2e-5, best_eval_loss double precision NOT NULL DEFAULT 0,
	best_step integer NOT NULL DEFAULT 0, error words, error_type char(10) NOT NULL DEFAULT 'none', started_at timestamptz, completed_at timestamptz NOT NULL DEFAULT 'infinity',
	failed_at timestamptz, restarted_at timestamptz, last_metric_at timestamptz NOT NULL DEFAULT '1970-01-01Z', status_changed_at timestamptz);
CREATE TABLE metric (job_id integer NOT NULL REFERENCES job, step integer NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, train_loss double precision NOT NULL DEFAULT 0,
	eval_loss double precision NOT NULL DEFAULT 0, learning_rate double precision NOT NULL DEFAULT 0, recorded_at timestamptz NOT NULL DEFAULT now());
SELECT action, object FROM trainjob.attach('job', 'metric', 'dataset') WHERE action = 'note';
-- nothing that worked before fails: a job without anything, or with all of it nothing
INSERT INTO job (id, total_steps, error, dataset_path) VALUES (1, 0, '', 's3://nowhere');
UPDATE job SET dataset_path = 's3://none' WHERE id = 1;
SELECT id, health, total_steps, total_steps_text, progress_text, dataset_size_text, loss_text, eval_loss_text, error, note FROM job_overview;
INSERT INTO dataset VALUES ('s3://none', 1650);
SELECT total_samples, val_samples, total_steps, total_steps_source FROM job;
INSERT INTO metric (job_id, step, train_loss, recorded_at) VALUES (1, 10, 3, '2025-01-01Z'), (1, 20, 2.25, '2025-01-01Z');
INSERT INTO metric (job_id, step, eval_loss, recorded_at) VALUES (1, 30, 1.5, '2025-01-01 00:00:30Z');
INSERT INTO metric (job_id, step, train_loss, recorded_at) VALUES (1, 39, 2, '2025-01-01 00:01Z');
SELECT status, current_step, progress, loss, eval_loss, best_eval_loss, best_step, learning_rate, error_type, completed_at FROM job;
SELECT health, progress_text, loss_text, eval_loss_text, learning_rate_text, best_eval_loss FROM job_overview;
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_completed') RETURNING outcome;
UPDATE job SET status = 'failed', error = 'odd';
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_started') RETURNING outcome;
SELECT status, current_step, progress, error, error_type, completed_at, failed_at FROM job;
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_failed') RETURNING outcome;
UPDATE job SET status = 'completed';
UPDATE job SET status = 'queued';
SELECT status, current_step, progress, error, error_type, completed_at, failed_at FROM job;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
-- a domain that refuses what would stand for NULL as well: as before, that is an error
CREATE DOMAIN positive AS integer NOT NULL CHECK (VALUE > 0);
ALTER TABLE job ADD current_epoch positive DEFAULT 1;
ALTER TABLE job ALTER current_epoch DROP DEFAULT;
UPDATE job SET status = 'completed';
UPDATE job SET status = 'queued'; -- fails
ALTER TABLE job DROP current_epoch;
UPDATE job SET status = 'queued';
-- the column's default is asked, whatever it is
ALTER TABLE job ALTER current_step SET DEFAULT 7;
UPDATE job SET status = 'completed'; UPDATE job SET status = 'queued';
SELECT current_step FROM job;
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP SCHEMA mapped CASCADE;

-- the default of a domain; a CHECK that may say no; an id that is not alone
CREATE SCHEMA mapped;
CREATE DOMAIN counted AS integer NOT NULL DEFAULT -1;
CREATE TABLE job (tenant integer, id integer, status text DEFAULT 'queued', total_steps counted, current_step counted, best_step integer CHECK (best_step >= 0),
	progress real CHECK (progress BETWEEN 0 AND 1), error text CHECK (error <> ''), PRIMARY KEY (tenant, id), CHECK (status <> 'failed' OR error IS NOT NULL));
SELECT object FROM trainjob.attach('job') WHERE action = 'note';
INSERT INTO job VALUES (1, 1);
SELECT total_steps_text, current_step FROM job_overview;
SELECT count(*) > 0 AS detached FROM trainjob.detach();
-- two keys to datasets; a path that nobody has a column for
CREATE TABLE dataset (id integer PRIMARY KEY, sample_count integer);
ALTER TABLE job ADD dataset_path text, ADD dataset_id integer REFERENCES dataset;
SELECT action, object FROM trainjob.attach('job', datasets => 'dataset') WHERE action = 'found column';
SELECT count(*) > 0 AS detached FROM trainjob.detach();
ALTER TABLE job ADD eval_dataset_id integer REFERENCES dataset, DROP dataset_path;
ALTER TABLE dataset ADD storage_path text;
SELECT object FROM trainjob.attach('job', datasets => 'dataset') WHERE object ~ 'foreign';
DROP SCHEMA mapped CASCADE;
-- in whichever form a session writes times, and by keys too
CREATE SCHEMA mapped;
CREATE TABLE job (id integer PRIMARY KEY, user_id integer NOT NULL, status text, last_metric_at timestamptz NOT NULL DEFAULT '1970-02-01Z');
CREATE TABLE alert (job_id integer, user_id integer NOT NULL DEFAULT 0, type text, outcome text);
SET datestyle = 'SQL, DMY';
SET timezone = 'Asia/Kolkata';
SELECT count(*) > 0 AS attached FROM trainjob.attach('job', alerts => 'alert');
INSERT INTO job VALUES (1, 7, 'running');
SELECT last_metric_at FROM job_overview;
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT action FROM trainjob.attach('job', alerts => 'alert') WHERE action ~ 'view';
INSERT INTO alert (job_id, type) VALUES (1, 'job_completed') RETURNING user_id, outcome;
DROP SCHEMA mapped CASCADE;

-- ---- what the database computes ----

CREATE SCHEMA mapped;
CREATE TABLE dataset (id integer PRIMARY KEY, storage_path text NOT NULL GENERATED ALWAYS AS ('data:' || id) STORED, sample_count bigint);
CREATE TABLE job (id integer PRIMARY KEY, config jsonb, dataset_path text GENERATED ALWAYS AS (config ->> 'dataset') STORED, total_samples bigint, total_steps bigint,
	total_steps_source text, current_step bigint, progress double precision, status_changed_at timestamptz, started_at timestamptz, completed_at timestamptz, failed_at timestamptz, restarted_at timestamptz,
	status text GENERATED ALWAYS AS (CASE WHEN completed_at IS NOT NULL THEN 'done' WHEN failed_at IS NOT NULL THEN 'error' WHEN started_at IS NOT NULL THEN 'active' ELSE 'created' END) STORED);
CREATE TABLE metric (job_id integer NOT NULL REFERENCES job, step integer NOT NULL, recorded_at timestamptz DEFAULT '2025-01-01Z');
SELECT count(*) > 0 AS attached FROM trainjob.attach('job', 'metric', 'dataset');
INSERT INTO dataset (id, sample_count) VALUES (1, 1650);
INSERT INTO job (id, config) VALUES (1, '{"dataset": "data:1"}'), (2, '{"dataset": "data:2"}'), (3, NULL);
INSERT INTO dataset (id, sample_count) VALUES (2, 64);
SELECT id, status, total_samples, total_steps FROM job ORDER BY id;
SELECT trainjob.refill_jobs();
UPDATE job SET config = '{"dataset": "data:2"}' WHERE id = 1;
INSERT INTO metric VALUES (1, 3), (2, 3);
INSERT INTO metric VALUES (1, 4, '2025-01-01 00:01Z');
SELECT id, status, total_samples, total_steps, current_step, progress, started_at FROM job ORDER BY id;
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_completed'), (2, 'job_failed'), (3, 'job_cancelled') RETURNING job_id, outcome, outcome_reason, status_before, status_after;
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_failed'), (2, 'job_completed') RETURNING job_id, outcome, outcome_reason, status_before, status_after;
-- the application takes an end back, and gives one
UPDATE job SET completed_at = NULL WHERE id = 1 RETURNING status, completed_at;
SELECT status, completed_at, current_step, progress, restarted_at IS NOT NULL AS restarted FROM job WHERE id = 1;
INSERT INTO metric VALUES (1, 1, now());
UPDATE job SET failed_at = '2025-01-02Z' WHERE id = 1;
SELECT status, current_step, failed_at, status_changed_at FROM job WHERE id = 1;
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_started') RETURNING outcome, status_before, status_after;
SELECT status, failed_at FROM job WHERE id = 1;
-- what the path was before gives no counts any more
UPDATE job SET config = '{"dataset": "data:none"}' WHERE id = 2;
SELECT id, total_samples, total_steps FROM job WHERE id = 2;
UPDATE job SET config = '{"dataset": "data:1", "batch_size": 8}' WHERE id = 2;
SELECT id, total_samples, total_steps FROM job WHERE id = 2;
UPDATE job SET started_at = now() WHERE id = 3;
SELECT id, status, health, progress_text FROM job_overview ORDER BY id;
SELECT job_id, status_before, status_after FROM job_status_change ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT count(*) > 0 AS detached FROM trainjob.detach();
-- a status that is computed of something else
CREATE TABLE phases (id integer PRIMARY KEY, over boolean NOT NULL DEFAULT false, status text GENERATED ALWAYS AS (CASE WHEN over THEN 'done' ELSE 'active' END) STORED,
	error text, started_at timestamptz, completed_at timestamptz, current_step integer, progress real);
SELECT count(*) > 0 AS attached FROM trainjob.attach('phases');
INSERT INTO phases (id, error, current_step) VALUES (1, 'odd', 5);
UPDATE phases SET over = true;
SELECT status, error, completed_at IS NOT NULL AS completed, current_step, progress FROM phases;
UPDATE phases SET over = false;
SELECT status, error, started_at IS NOT NULL AS started, completed_at IS NOT NULL AS completed, current_step, progress FROM phases;
INSERT INTO alert_event (job_id, type) VALUES (1, 'job_completed') RETURNING outcome, outcome_reason, status_after;
SELECT count(*) > 0 AS detached FROM trainjob.detach('phases');
-- what it computes only when it is read no trigger sees
DO $$
BEGIN
	IF current_setting('server_version_num')::integer >= 180000 THEN
		ALTER TABLE job DROP COLUMN dataset_path;
		EXECUTE 'ALTER TABLE job ADD COLUMN dataset_path text GENERATED ALWAYS AS (config ->> ''dataset'')';
		PERFORM trainjob.attach('job', 'metric', 'dataset');
	ELSE
		RAISE 'column "dataset_path" of table mapped.job is a virtual generated column';
	END IF;
EXCEPTION WHEN raise_exception OR feature_not_supported THEN
	RAISE WARNING '%', SQLERRM;
END $$;
DROP SCHEMA mapped CASCADE;

-- ---- times without time zone ----

CREATE SCHEMA mapped;
CREATE TABLE job (id integer PRIMARY KEY, status text NOT NULL DEFAULT 'queued', config jsonb, job_token text, created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
	updated_at timestamp(3) NOT NULL, started_at timestamp, completed_at timestamp, restarted_at timestamp, status_changed_at timestamp, current_step bigint,
	last_metric_at timestamp, last_seen_at timestamp);
CREATE TABLE metric (id text PRIMARY KEY, job_id integer NOT NULL REFERENCES job, step integer NOT NULL, recorded_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP,
	extra text, note text NOT NULL DEFAULT '', flag boolean NOT NULL, added timestamp NOT NULL);
SET timezone = 'America/New_York';
SELECT action, object FROM trainjob.attach('job', 'metric') WHERE action = 'note';
INSERT INTO job (id, job_token, updated_at) VALUES (1, 'secret', now() AT TIME ZONE 'UTC');
INSERT INTO metric VALUES ('a', 1, 1, '2025-01-01 12:00', NULL, '', false, '2025-01-01 12:00');
SELECT status, started_at, last_metric_at FROM job;
SET timezone = 'Asia/Tokyo';
SELECT started_at, last_metric_at FROM job_overview;
SELECT trainjob.report_metrics('secret', '[{"step": 2, "recorded_at": "2025-01-01T14:00:00+01:00"}, {"step": 3, "recorded_at": "2025-01-01 13:00:30", "mark": 1}, {"step": 4}]');
SELECT step, CASE WHEN step < 4 THEN recorded_at END AS recorded_at, recorded_at BETWEEN ((now() - interval '1 min') AT TIME ZONE 'UTC') AND (now() AT TIME ZONE 'UTC') AS now, extra, note, flag FROM metric ORDER BY step;
SELECT last_metric_at BETWEEN now() - interval '1 min' AND now() AS now, started_at FROM job_overview;
SELECT status_changed_at, last_seen_at BETWEEN ((now() - interval '1 min') AT TIME ZONE 'UTC') AND (clock_timestamp() AT TIME ZONE 'UTC') AS seen FROM job;
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (1, 'job_completed', '2025-01-01 23:00+09') RETURNING outcome;
SELECT completed_at FROM job;
SET timezone = 'America/New_York';
SELECT ended_at, elapsed_seconds FROM job_overview;
UPDATE job SET status = 'running', restarted_at = '2025-01-01 15:00';
INSERT INTO metric (id, job_id, step, recorded_at, note, flag, added) VALUES ('b', 1, 2, '2025-01-01 14:59:59', '', false, now()), ('c', 1, 1, '2025-01-01 15:00:01', '', false, now());
INSERT INTO metric (id, job_id, step, recorded_at, note, flag, added) VALUES ('d', 1, 2, '2025-01-01 15:00:02', '', false, now());
SELECT status, current_step, restarted_at FROM job;
SELECT * FROM trainjob.verify_jobs();
SELECT failed FROM trainjob.fail_stalled('1 h');
RESET timezone;
DROP SCHEMA mapped CASCADE;
