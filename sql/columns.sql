--
-- columns: values in columns of other types than ours, read and written
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

CREATE SCHEMA columns;
SET search_path = columns, pg_catalog;

-- Whole numbers in measures and measures in whole numbers, of each width.
CREATE TABLE jobs (
	id integer PRIMARY KEY, status name, config jsonb, current_step real, total_steps double precision,
	total_samples double precision, total_epochs smallint, current_epoch bigint, progress smallint,
	loss bigint, eval_loss integer, grad_norm smallint, last_metric_at timestamptz);
CREATE TABLE metrics (
	job_id integer, step real, id integer, epoch smallint, train_loss double precision, eval_loss bigint,
	grad_norm smallint, recorded_at timestamptz DEFAULT '2025-01-01 00:00Z');
SELECT action, object FROM trainjob.attach('jobs', 'metrics') WHERE action ~ 'view' ORDER BY 1, 2;
INSERT INTO jobs (id, status, config, total_samples) VALUES (1, 'pending', '{}', 3200), (2, 'pending', '{}', 'NaN');
SELECT id, total_steps, total_epochs, progress FROM jobs ORDER BY id;
INSERT INTO metrics VALUES (1, 100, 1, 1, 2.5, 4, 7);
SELECT id, status, current_step, progress, current_epoch, loss, eval_loss, grad_norm FROM jobs WHERE id = 1;
-- a step that is none: the row belongs to no job
INSERT INTO metrics VALUES (1, 'NaN', 2, 2, 1, 1, 1), (1, 1e30, 3, 2, 1, 1, 1), (1, NULL, 4, 2, 1, 1, 1), (NULL, 200, 5, 2, 1, 1, 1);
-- of rows of one step the one with the highest id, and any id before none
INSERT INTO metrics VALUES (1, 150, 7, 2, 7, NULL, NULL), (1, 150, 9, 2, 9, NULL, NULL), (1, 150, NULL, 2, 11, NULL, NULL), (1, 150, 8, 2, 8, NULL, NULL);
SELECT id, current_step, loss FROM jobs WHERE id = 1;
-- NaN, infinity and what is beyond bigint: no whole number holds them
INSERT INTO metrics VALUES (1, 160, 10, 2, 'NaN', 5000000000, 7);
INSERT INTO metrics VALUES (1, 170, 11, 2, '-Infinity', 5, 7);
SELECT id, current_step, loss, eval_loss FROM jobs WHERE id = 1;
SELECT * FROM trainjob.verify_jobs('jobs');

-- A status of the application's own stays, whatever is reported; alerts need
-- no id; epochs that are none prove nothing.
CREATE TABLE plain (id integer PRIMARY KEY, status text, total_samples bigint, config jsonb, total_epochs double precision,
	total_steps bigint, total_steps_source text, current_step bigint, current_epoch double precision);
CREATE TABLE plain_metrics (job_id integer, step bigint, epoch double precision);
CREATE TABLE plain_alerts (job_id integer, type text, outcome text);
SELECT action, object FROM trainjob.attach('plain', 'plain_metrics', NULL, 'plain_alerts') WHERE action ~ 'view' ORDER BY 1, 2;
INSERT INTO plain_alerts VALUES (1, 'job_started'), (1, 'gpu_oom');
INSERT INTO plain (id, status, total_samples, config) VALUES (1, 'pending', 3200, '{}'), (2, 'archived', 3200, '{}');
SELECT * FROM plain_alerts;
UPDATE plain SET total_epochs = 0;
INSERT INTO plain_metrics VALUES (1, 50, 0.25), (2, 50, 0.25);
SELECT id, status, total_epochs, total_steps, total_steps_source, current_step, current_epoch FROM plain ORDER BY id;

-- By triggers that nobody checked: an enum without the label, domains that
-- refuse. The warning says what did not fit.
CREATE TYPE source AS ENUM ('given', 'observed');
CREATE DOMAIN early AS timestamptz CHECK (VALUE < '2000-01-01 00:00Z');
CREATE DOMAIN inverse AS double precision CHECK (1 / (VALUE - 50) <> 0);
CREATE TABLE odd (
	id integer PRIMARY KEY, status text, config jsonb, total_samples bigint, total_steps bigint, total_steps_source source,
	created_at timestamptz DEFAULT '2025-01-01 00:00Z', last_metric_at early, current_step bigint, progress inverse);
CREATE TABLE odd_metrics (job_id bigint, step bigint, recorded_at timestamptz);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON odd FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job();
CREATE TRIGGER roll_up AFTER INSERT ON odd_metrics REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT
	EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=columns.odd');
INSERT INTO odd (id, status, config, total_samples) VALUES (1, 'pending', '{}', 3200);
INSERT INTO odd (id, status, last_metric_at) VALUES (2, 'pending', '2025-01-01 00:00Z'); -- fails
SELECT id, total_steps, total_steps_source FROM odd;
UPDATE odd SET current_step = 75 WHERE id = 1;
-- an error in a domain's condition is one of the write
UPDATE odd SET current_step = 150 WHERE id = 1; -- fails
SELECT current_step, progress FROM odd;
INSERT INTO odd_metrics VALUES (1, 80, '2025-01-01 00:00Z');
SELECT status, current_step, last_metric_at FROM odd;
INSERT INTO odd_metrics VALUES (1, 90, '1999-01-01 00:00Z');
SELECT status, current_step, last_metric_at FROM odd;

-- A column that gets a type that does not do, below a session that knows it.
ALTER TABLE odd ALTER created_at DROP DEFAULT, ALTER created_at TYPE date;
UPDATE odd SET current_step = 96; -- fails
ALTER TABLE odd ALTER created_at TYPE timestamp, ALTER config TYPE integer USING 1;
UPDATE odd SET current_step = 96; -- fails
ALTER TABLE odd ALTER config TYPE json USING NULL;
UPDATE odd SET current_step = 96;
SELECT current_step, progress FROM odd;

-- A parallel worker cannot start a subtransaction, in which a domain's
-- constraints are asked. The setting has another name from 16 on.
CREATE DOMAIN positive AS double precision CHECK (VALUE >= 0);
CREATE TABLE refusing (id integer PRIMARY KEY, status text, current_step bigint, loss positive, last_metric_at timestamptz);
CREATE TABLE refusing_metrics (job_id integer, step bigint, train_loss double precision, recorded_at timestamptz DEFAULT '2025-01-01 00:00Z');
SELECT count(*) > 0 AS attached FROM trainjob.attach('refusing', 'refusing_metrics');
INSERT INTO refusing (id, status) SELECT n, 'pending' FROM generate_series(1, 2) AS n;
INSERT INTO refusing_metrics (job_id, step, train_loss) VALUES (1, 1, 2), (2, 1, 3);
UPDATE refusing SET loss = 7 WHERE id = 2;
DO $$ BEGIN
	PERFORM set_config(CASE WHEN current_setting('server_version_num')::integer < 160000
		THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', false);
END $$;
SELECT * FROM trainjob.verify_jobs('refusing');
SELECT trainjob.refill_jobs('refusing');
DO $$ BEGIN
	PERFORM set_config(CASE WHEN current_setting('server_version_num')::integer < 160000
		THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'off', false);
END $$;
SELECT * FROM refusing ORDER BY id;

-- A perplexity that is too large for a number, where Infinity can be stored and where not.
CREATE TABLE steep (id integer PRIMARY KEY, status text, current_step bigint, loss double precision, perplexity numeric(8,3));
CREATE TABLE steep_metrics (job_id integer, step bigint, train_loss double precision, eval_loss double precision, perplexity real, eval_perplexity numeric);
CREATE TABLE flat (LIKE steep INCLUDING ALL);
ALTER TABLE flat ALTER perplexity TYPE double precision;
CREATE TABLE flat_metrics (job_id integer, step bigint, train_loss double precision, eval_loss double precision, perplexity numeric(8,3), eval_perplexity integer);
SELECT count(*) > 0 AS attached FROM trainjob.attach('steep', 'steep_metrics') UNION ALL SELECT count(*) > 0 FROM trainjob.attach('flat', 'flat_metrics');
INSERT INTO steep (id, status) SELECT n, 'running' FROM generate_series(1, 2) AS n;
INSERT INTO flat (id, status) SELECT n, 'running' FROM generate_series(1, 2) AS n;
INSERT INTO steep_metrics VALUES (1, 1, 2, 2), (1, 2, 710, 710);
INSERT INTO flat_metrics VALUES (1, 1, 2, 2), (1, 2, 710, 710);
-- a session is warned once
INSERT INTO steep_metrics VALUES (2, 1, 2, 2), (2, 2, 'Infinity', 'Infinity');
INSERT INTO flat_metrics VALUES (2, 1, 2, 2), (2, 2, 'Infinity', 'Infinity');
TABLE steep_metrics;
TABLE flat_metrics;
SELECT id, loss_text, perplexity_text FROM steep_overview ORDER BY id;
SELECT id, loss_text, perplexity_text FROM flat_overview ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
-- what was derived follows its loss
UPDATE flat_metrics SET train_loss = 1, eval_loss = 1 WHERE step = 2;
UPDATE steep_metrics SET train_loss = 1, eval_loss = 1 WHERE step = 2;
SELECT perplexity, eval_perplexity FROM flat_metrics UNION ALL SELECT perplexity, eval_perplexity FROM steep_metrics;
SELECT id, perplexity FROM flat UNION ALL SELECT id, perplexity FROM steep;
SELECT * FROM trainjob.verify_jobs();

DROP SCHEMA columns CASCADE;
