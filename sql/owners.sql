--
-- owners: tables of a set that belong to several roles. The code of one of them,
-- here in domains, index predicates and casts, runs as that owner only; and what is
-- kept of a set is forgotten when a role loses a right
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE ROLE regress_trainjob_jobs;
CREATE ROLE regress_trainjob_other;
CREATE ROLE regress_trainjob_low;
CREATE SCHEMA owners;
GRANT USAGE, CREATE ON SCHEMA owners TO PUBLIC;
ALTER DATABASE :DBNAME SET search_path = owners, public;
\c -
\set SHOW_CONTEXT never
SET client_min_messages = warning;

-- The roles as which code of an owner ran: of a CHECK, called by anybody.
CREATE TABLE ran (code text, as_role text);
GRANT INSERT ON ran TO PUBLIC;
CREATE FUNCTION write(code text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO owners.ran VALUES (code, current_user)
$$;
-- it says that it is immutable, so the planner calls it
CREATE FUNCTION note(code text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM owners.write(code);
	RETURN true;
END $$;
CREATE FUNCTION who() RETURNS TABLE (code text, as_role text) LANGUAGE sql
SET search_path = pg_catalog, owners AS $$
	WITH gone AS (DELETE FROM owners.ran RETURNING *) SELECT DISTINCT * FROM gone ORDER BY 1, 2
$$;
CREATE DOMAIN evil_count AS bigint CHECK (note('count'));
CREATE DOMAIN evil_number AS float8 CHECK (note('number'));
CREATE DOMAIN evil_time AS timestamptz CHECK (note('time'));
CREATE DOMAIN evil_text AS text CHECK (note('text'));

CREATE TABLE jobs (id integer PRIMARY KEY, status text, job_token text, dataset_path text, error text, current_step bigint,
	total_samples bigint, total_steps bigint, progress float8, loss float8, created_at timestamptz DEFAULT now(), last_metric_at timestamptz);
CREATE TABLE metrics (job_id integer, step bigint, train_loss float8, eval_loss float8, perplexity float8, recorded_at timestamptz, PRIMARY KEY (job_id, step));
CREATE TABLE datasets (storage_path text, sample_count bigint);
CREATE INDEX ON datasets (storage_path);
SELECT count(*) > 0 AS attached FROM trainjob.attach('jobs', 'metrics', 'datasets');

-- Who owns the tables, as it would be after an attach by a superuser.
CREATE PROCEDURE own(jobs_owner text, others_owner text) LANGUAGE plpgsql
SET search_path = pg_catalog, owners AS $$
DECLARE
	name text;
BEGIN
	EXECUTE format('ALTER TABLE jobs OWNER TO %I', jobs_owner);
	FOREACH name IN ARRAY '{metrics,datasets,alert_event,job_status_change}'::text[] LOOP
		EXECUTE format('ALTER TABLE %I OWNER TO %I', name, others_owner);
		EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO %I', name, jobs_owner);
	END LOOP;
	EXECUTE format('GRANT SELECT, UPDATE ON jobs TO %I', others_owner);
END $$;

-- ---------------------------------------------------------------------------
-- The owner of the jobs, against whoever writes to the other tables and the
-- owner of the extension in the functions of the token
-- ---------------------------------------------------------------------------

CALL own('regress_trainjob_jobs', 'regress_trainjob_other');
DROP VIEW jobs_overview, metrics_coverage;
ALTER TABLE jobs ALTER created_at TYPE evil_time, ALTER current_step TYPE evil_count, ALTER loss TYPE evil_number,
	ALTER error TYPE evil_text, ALTER total_samples TYPE evil_count;
CREATE INDEX ON jobs (dataset_path) WHERE note('predicate');
CREATE INDEX ON jobs ((note('expression') OR status = ''));
INSERT INTO jobs (id, status, job_token, dataset_path) VALUES (1, 'running', 'secret', 'p'), (2, 'running', 'other', 'p');
TRUNCATE ran;
\c -
SET ROLE regress_trainjob_low;
SELECT trainjob.report_metrics('secret', '{"step": 1, "train_loss": 2}');
RESET ROLE;
SELECT * FROM who();
\c -
SET ROLE regress_trainjob_low;
SELECT trainjob.report_alert('secret', 'job_failed', '{"current_step": 3}');
RESET ROLE;
SELECT * FROM who();
\c -
INSERT INTO metrics (job_id, step, train_loss, eval_loss) VALUES (2, 1, 2, 3), (2, 2, 'NaN', 1);
SELECT * FROM who();
\c -
UPDATE metrics SET train_loss = 1;
SELECT * FROM who();
\c -
INSERT INTO alert_event (job_id, type, current_step) VALUES (2, 'job_completed', 4);
SELECT * FROM who();
\c -
INSERT INTO jobs (id, status, dataset_path) VALUES (4, 'running', 'p');
TRUNCATE ran;
\c -
INSERT INTO datasets VALUES ('p', 100);
SELECT * FROM who();

-- ---------------------------------------------------------------------------
-- The owner of the other tables, against whoever writes to the jobs
-- ---------------------------------------------------------------------------

CALL own('regress_trainjob_other', 'regress_trainjob_jobs');
ALTER TABLE jobs ALTER created_at TYPE timestamptz, ALTER current_step TYPE bigint, ALTER loss TYPE float8,
	ALTER error TYPE text, ALTER total_samples TYPE bigint;
DO $$
DECLARE
	name regclass;
BEGIN
	FOR name IN SELECT indexrelid FROM pg_index WHERE indrelid = 'jobs'::regclass AND NOT indisprimary LOOP
		EXECUTE format('DROP INDEX %s', name);
	END LOOP;
END $$;
ALTER TABLE datasets ALTER sample_count TYPE evil_count;
ALTER TABLE metrics ALTER train_loss TYPE evil_number, ALTER recorded_at TYPE evil_time, ALTER perplexity TYPE evil_number;
ALTER TABLE job_status_change ALTER status_after TYPE evil_text;
ALTER TABLE alert_event ALTER outcome_reason TYPE evil_text;
CREATE INDEX ON datasets (storage_path) WHERE note('predicate');
CREATE INDEX ON metrics (job_id) WHERE note('predicate');
CREATE INDEX ON alert_event (job_id) WHERE note('predicate');
TRUNCATE ran;
-- a job whose alert waits, so that the triggers of both tables work
INSERT INTO alert_event (job_id, type) VALUES (3, 'job_started');
TRUNCATE ran;
\c -
INSERT INTO jobs (id, status, dataset_path, job_token) VALUES (3, 'pending', 'p', 'third');
SELECT * FROM who();
SELECT status, total_samples FROM jobs WHERE id = 3;
\c -
UPDATE jobs SET status = 'failed' WHERE id = 3;
SELECT * FROM who();
\c -
UPDATE jobs SET status = 'running' WHERE id = 3;
SELECT * FROM who();

-- ---------------------------------------------------------------------------
-- A right that the owner of a trigger's table has by a membership
-- ---------------------------------------------------------------------------

CREATE ROLE regress_trainjob_powers;
REVOKE SELECT, UPDATE ON jobs FROM regress_trainjob_jobs;
GRANT SELECT, UPDATE ON jobs TO regress_trainjob_powers;
GRANT regress_trainjob_powers TO regress_trainjob_jobs;
INSERT INTO metrics (job_id, step) VALUES (3, 10);
REVOKE regress_trainjob_powers FROM regress_trainjob_jobs;
INSERT INTO metrics (job_id, step) VALUES (3, 11); -- fails
ALTER ROLE regress_trainjob_jobs SUPERUSER;
INSERT INTO metrics (job_id, step) VALUES (3, 12);
ALTER ROLE regress_trainjob_jobs NOSUPERUSER;
INSERT INTO metrics (job_id, step) VALUES (3, 13); -- fails
SELECT current_step FROM jobs WHERE id = 3;

-- ---------------------------------------------------------------------------
-- Attached by somebody else: what an owner left for the end of the transaction
-- ---------------------------------------------------------------------------

TRUNCATE ran;
CREATE TABLE later (n integer);
GRANT INSERT ON later TO PUBLIC;
CREATE FUNCTION note_later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM owners.write('deferred'); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_later();
SET ROLE regress_trainjob_other;
CREATE FUNCTION leave() RETURNS integer LANGUAGE sql AS 'INSERT INTO owners.later VALUES (1) RETURNING 1';
CREATE FUNCTION trap(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE TABLE traps (id integer PRIMARY KEY, status text);
CREATE INDEX ON traps (id) WHERE trap(1) > 0;
CREATE OR REPLACE FUNCTION trap(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM owners.leave(); RETURN 1; END';
RESET ROLE;
SELECT count(*) FROM trainjob.attach('traps'); -- fails
SELECT * FROM ran;

SET client_min_messages = error;
ALTER DATABASE :DBNAME RESET search_path;
DROP SCHEMA owners CASCADE;
DROP ROLE regress_trainjob_jobs, regress_trainjob_other, regress_trainjob_low, regress_trainjob_powers;
