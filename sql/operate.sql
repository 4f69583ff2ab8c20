--
-- operate: verify_jobs, refill_jobs, fail_stalled
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA operate;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('operate');
SET search_path = operate, pg_catalog;
CREATE FUNCTION id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
	RETURN ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid;
CREATE VIEW disagreements AS
	SELECT right(job_id, 3)::integer AS job, column_name, stored, expected FROM trainjob.verify_jobs();

-- ---------------------------------------------------------------------------
-- verify_jobs: each kind of disagreement, and no other
-- ---------------------------------------------------------------------------

INSERT INTO local_training_jobs (id, total_steps, created_at)
	SELECT id(n), 100, '2025-01-01 00:00Z' FROM generate_series(1, 16) AS n;
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, learning_rate, recorded_at)
	SELECT id(n), s, s / 10.0, 3 - s / 10.0, 4 - s / 10.0, 1e-4, '2025-01-01 00:00Z'::timestamptz + s * interval '1 min'
	FROM generate_series(1, 15) AS n, generate_series(1, 10) AS s;
SELECT * FROM disagreements;
-- nothing to repair, nothing written
CREATE TEMP TABLE versions AS SELECT id, xmin::text AS version FROM local_training_jobs;
SELECT trainjob.refill_jobs();
SELECT count(*) AS written FROM local_training_jobs AS j JOIN versions AS v USING (id) WHERE j.xmin::text <> v.version;
-- without the trigger there is nobody to fill anything, which is no fault
ALTER TABLE local_training_jobs DISABLE TRIGGER USER;
SELECT trainjob.refill_jobs();
ALTER TABLE local_training_jobs ENABLE TRIGGER USER;

-- by who knows what he does: the triggers are off
CREATE PROCEDURE disagree() LANGUAGE plpgsql SET session_replication_role = replica SET search_path = operate, pg_catalog AS $$
BEGIN
	UPDATE local_training_jobs SET status_changed_at = NULL;
	UPDATE local_training_jobs SET current_step = 9 WHERE id = id(1);
	UPDATE local_training_jobs SET current_step = NULL WHERE id = id(2);
	UPDATE local_training_jobs SET loss = 5 WHERE id = id(3);
	UPDATE local_training_jobs SET loss = NULL, learning_rate = 'NaN' WHERE id = id(4);
	UPDATE local_training_jobs SET best_eval_loss = 3.5, best_step = 5 WHERE id = id(5);
	UPDATE local_training_jobs SET best_eval_loss = NULL, best_step = NULL, best_epoch = NULL WHERE id = id(6);
	UPDATE local_training_jobs SET best_step = 11 WHERE id = id(7);
	UPDATE local_training_jobs SET total_steps = 5 WHERE id = id(8);
	UPDATE local_training_jobs SET progress = 55 WHERE id = id(9);
	UPDATE local_training_jobs SET progress = NULL WHERE id = id(10);
	UPDATE local_training_jobs SET status = 'completed' WHERE id = id(11);
	UPDATE local_training_jobs SET status = 'pending' WHERE id = id(12);
	UPDATE local_training_jobs SET last_metric_at = '2025-01-01 00:09Z' WHERE id = id(13);
	-- these are no disagreements: the row knows more than the reports that are left
	UPDATE local_training_jobs SET current_step = 20, progress = 20, best_eval_loss = 1, best_step = 1,
		last_metric_at = '2025-01-02 00:00Z' WHERE id = id(14);
	DELETE FROM local_training_metrics WHERE job_id = id(15);
	UPDATE local_training_jobs SET progress = 33 WHERE id = id(16);
END $$;
CALL disagree();
SELECT * FROM disagreements;

-- ---- refill_jobs repairs all of it, a batch at a time ----

CREATE TEMP TABLE untouched AS SELECT j.* FROM local_training_jobs AS j WHERE id IN (id(14), id(15), id(16));
SELECT trainjob.refill_jobs(batch => 4) AS batch;
SELECT count(DISTINCT job) AS still_wrong, min(job) AS first FROM disagreements;
SELECT trainjob.refill_jobs(batch => 4) AS batch;
SELECT trainjob.refill_jobs(batch => 4) AS batch;
SELECT trainjob.refill_jobs(batch => 4) AS batch;
SELECT trainjob.refill_jobs(batch => 4) AS batch;
SELECT * FROM disagreements;
SELECT right(id::text, 2)::integer AS job, status, current_step, total_steps, total_steps_source, progress, loss, eval_loss,
	learning_rate, best_eval_loss, best_step, best_epoch, last_metric_at
FROM local_training_jobs WHERE id <= id(13) ORDER BY id;
SELECT count(*) AS changed FROM local_training_jobs AS j JOIN untouched AS u USING (id) WHERE j IS DISTINCT FROM u;
SELECT trainjob.refill_jobs(batch => 0); -- fails
SELECT trainjob.refill_jobs(batch => NULL); -- fails
-- no total, or one that is none
UPDATE local_training_jobs SET total_steps = 0 WHERE id = id(1);
UPDATE local_training_jobs SET total_steps = NULL, current_step = NULL WHERE id = id(2);
SELECT job, column_name FROM disagreements;
SELECT trainjob.refill_jobs(), trainjob.refill_jobs();
SELECT * FROM disagreements;
TRUNCATE local_training_jobs CASCADE;

-- an attempt's reports count, those before do not
INSERT INTO local_training_jobs (id, status, total_steps) VALUES (id(20), 'running', 100);
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) VALUES
	(id(20), 50, 2, 0.5, now() - interval '1 hour');
UPDATE local_training_jobs SET status = 'failed' WHERE id = id(20);
UPDATE local_training_jobs SET status = 'running' WHERE id = id(20);
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) VALUES (id(20), 3, 1, 0.75, now() + interval '1 s');
SELECT current_step, loss, eval_loss, best_eval_loss, best_step FROM local_training_jobs;
SELECT * FROM disagreements;
UPDATE local_training_jobs SET current_step = NULL, loss = NULL, best_eval_loss = NULL;
SELECT * FROM disagreements;
SELECT trainjob.refill_jobs(), trainjob.refill_jobs();
SELECT current_step, loss, eval_loss, best_eval_loss, best_step FROM local_training_jobs;
TRUNCATE local_training_jobs CASCADE;

-- ---------------------------------------------------------------------------
-- refill_jobs: rows from before the triggers were there
-- ---------------------------------------------------------------------------

SET session_replication_role = replica;
INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES
	('s3://a', NULL, 3200), ('s3://a', id(901), 320), ('s3://b', id(902), 640);
INSERT INTO local_training_jobs (id, user_id, status, dataset_path, config, created_at, updated_at) VALUES
	(id(31), NULL, 'completed', 's3://a', '{}', '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(32), id(901), 'running', 's3://a', '{}', '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(33), id(901), 'running', 's3://b', '{}', '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(34), NULL, 'pending', NULL, '{"max_steps": 70}', '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(35), NULL, 'failed', NULL, '{"dataset_size": 96}', '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(36), NULL, 'pending', NULL, NULL, '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(37), NULL, 'pending', 's3://none', '[1, "odd"]', '2025-01-01 00:00Z', '2025-01-01 00:00Z'),
	(id(38), NULL, 'running', 's3://a', '{"max_steps": "many"}', '2025-01-01 00:00Z', '2025-01-01 00:00Z');
UPDATE local_training_jobs SET total_steps = 999, error = 'kept' WHERE id = id(35);
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at)
	SELECT id(n), s, 3 - s / 100.0, CASE WHEN s % 5 = 0 THEN 2 - s / 100.0 END, '2025-01-01 00:00Z'::timestamptz + s * interval '1 s'
	FROM unnest('{31,32,34}'::integer[]) AS n, generate_series(1, 20) AS s;
RESET session_replication_role;
SELECT trainjob.refill_jobs(batch => 3) AS batch;
-- resumed after a roll back, nothing is lost and nothing done twice
BEGIN;
SELECT trainjob.refill_jobs() > 0 AS some;
ROLLBACK;
DO $$
DECLARE
	filled bigint;
	total bigint := 0;
	calls integer := 0;
BEGIN
	LOOP
		filled := trainjob.refill_jobs(batch => 2);
		EXIT WHEN filled = 0;
		total := total + filled;
		calls := calls + 1;
		IF calls > 100 THEN
			RAISE 'refill_jobs does not come to an end';
		END IF;
	END LOOP;
	RAISE INFO '% rows in % calls', total, calls;
END $$;
SELECT right(id::text, 2)::integer AS job, status, total_samples, total_steps, total_steps_source, current_step, progress,
	loss, best_eval_loss, best_step, started_at, error, updated_at > '2025-01-02' AS moved
FROM local_training_jobs ORDER BY id;
SELECT * FROM disagreements;
-- what waits for a dataset is filled when that comes, by its trigger
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://none', 32);
SELECT total_samples FROM local_training_jobs WHERE id = id(37);
TRUNCATE local_training_jobs, training_datasets CASCADE;

-- many rows in few calls
SET session_replication_role = replica;
INSERT INTO training_datasets (storage_path, sample_count) SELECT 'd' || n, n * 32 FROM generate_series(1, 50) AS n;
INSERT INTO local_training_jobs (id, dataset_path, config) SELECT id(n), 'd' || n % 60, '{}' FROM generate_series(1, 500) AS n;
RESET session_replication_role;
SELECT trainjob.refill_jobs(batch => 300) AS batch;
SELECT trainjob.refill_jobs(batch => 300) AS batch;
SELECT trainjob.refill_jobs(batch => 300) AS batch;
SELECT count(total_steps), sum(total_steps), count(*) FROM local_training_jobs;
-- a batch reads the reports of its own jobs, the last batch as few as the first
SET session_replication_role = replica;
INSERT INTO local_training_metrics (job_id, step, train_loss) SELECT id(n), s, 2 FROM generate_series(1, 500) AS n, generate_series(1, 50) AS s;
RESET session_replication_role;
ANALYZE local_training_jobs, local_training_metrics;
CREATE FUNCTION reports_read() RETURNS bigint LANGUAGE sql AS $$
	SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relid = 'operate.local_training_metrics'::regclass
$$;
DO $$
DECLARE
	before bigint := 0;
	reads bigint[];
BEGIN
	FOR i IN 1..4 LOOP
		PERFORM trainjob.refill_jobs(batch => 100);
		reads[i] := operate.reports_read() - before;
		before := operate.reports_read();
	END LOOP;
	RAISE INFO 'as few: %', reads[4] BETWEEN 1 AND 1.5 * reads[1];
END $$;
TRUNCATE local_training_jobs, training_datasets CASCADE;

-- ---------------------------------------------------------------------------
-- fail_stalled
-- ---------------------------------------------------------------------------

INSERT INTO local_training_jobs (id, status, created_at, started_at) VALUES
	(id(41), 'pending', now() - interval '1 day', NULL), (id(42), 'queued', now() - interval '1 day', NULL),
	(id(43), 'starting', now() - interval '1 day', NULL), (id(44), 'paused', now() - interval '1 day', now() - interval '1 day'),
	(id(45), 'completed', now() - interval '1 day', now() - interval '1 day'),
	(id(46), 'cancelled', now() - interval '1 day', now() - interval '1 day'),
	(id(47), 'failed', now() - interval '1 day', now() - interval '1 day'),
	-- running: silent ever since, lately heard of, silent since a report
	(id(48), 'running', now() - interval '1 day', now() - interval '1 day'),
	(id(49), 'running', now() - interval '1 day', now() - interval '1 day'),
	(id(50), 'running', now() - interval '1 day', now() - interval '1 day'),
	-- long ago made, just now set going
	(id(51), 'pending', now() - interval '1 day', NULL);
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES
	(id(49), 1, now() - interval '50 min'), (id(50), 1, now() - interval '70 min');
SET session_replication_role = replica; -- they came when they were recorded
UPDATE local_training_jobs SET last_seen_at = last_metric_at WHERE id IN (id(49), id(50));
RESET session_replication_role;
UPDATE local_training_jobs SET status = 'running' WHERE id = id(51);
SELECT * FROM trainjob.fail_stalled(NULL);
SELECT * FROM trainjob.fail_stalled('2 days');
-- the overview says the same, but a stalled job is no failed one
SET trainjob.stall_timeout = '1 h';
SELECT right(id::text, 2)::integer AS job, status, health FROM job_overview WHERE health NOT IN ('waiting', 'ended') ORDER BY id;
SELECT * FROM trainjob.fail_stalled();
SELECT * FROM trainjob.fail_stalled('1 hour');
RESET trainjob.stall_timeout;
SELECT right(id::text, 2)::integer AS job, status, error, error_type, failed_at = now() AS now
FROM local_training_jobs WHERE status = 'failed' ORDER BY id;
-- the history is whole
SELECT right(a.job_id::text, 2)::integer AS job, a.type, a.error_message, a.error_type, a.outcome, a.status_before, a.status_after,
	c.status_before AS changed_from, c.status_after AS changed_to
FROM alert_event AS a JOIN job_status_change AS c ON c.alert_id = a.id ORDER BY a.job_id;
SELECT * FROM disagreements;

-- A returning trainer revives its job, by a report or by an alert; what was reported before is no sign of life.
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (id(48), 5, now() - interval '2 h');
SELECT status, error_type, current_step FROM local_training_jobs WHERE id = id(48);
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (id(48), 6, now() + interval '1 s');
SELECT status, error, error_type, failed_at, current_step, restarted_at IS NOT NULL AS restarted FROM local_training_jobs WHERE id = id(48);
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (id(50), 'job_started', now() + interval '1 s') RETURNING outcome;
SELECT status, error, error_type FROM local_training_jobs WHERE id = id(50);
-- a job that failed by itself does not come back by a report
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (id(47), 6, now() + interval '1 s');
SELECT status FROM local_training_jobs WHERE id = id(47);

-- A call fails as many as it is told to, in the order of their ids, and the next call the next: those that are failed
-- are not held until the last one is.
BEGIN;
INSERT INTO local_training_jobs (id, status, created_at, started_at)
	SELECT id(n), 'running', now() - interval '1 day', now() - interval '1 day' FROM generate_series(60, 64) AS n;
SELECT * FROM trainjob.fail_stalled('10 hours', batch => 2);
SELECT right(id::text, 2)::integer AS job FROM local_training_jobs WHERE status = 'failed' AND error_type = 'stalled' ORDER BY id;
SELECT * FROM trainjob.fail_stalled('10 hours', 'local_training_jobs', 2);
SELECT * FROM trainjob.fail_stalled('10 hours', batch => 2);
SELECT * FROM trainjob.fail_stalled('10 hours', batch => 2);
ROLLBACK;
SELECT trainjob.fail_stalled('10 hours', batch => 0); -- fails
SELECT trainjob.fail_stalled('10 hours', batch => NULL); -- fails

-- With the columns that an application has: no alert columns but the essential ones, enums, no times.
CREATE SCHEMA lean;
CREATE TYPE lean.kind AS ENUM ('job_started', 'job_failed');
CREATE TABLE lean.jobs (id integer PRIMARY KEY, status text, last_metric_at timestamptz, error text);
CREATE TABLE lean.events (job_id integer, what lean.kind, outcome text);
SELECT count(*) FROM trainjob.attach('lean.jobs', alerts => 'lean.events', columns => '{"alerts.type": "what"}');
INSERT INTO lean.jobs VALUES (1, 'running', now() - interval '1 h'), (2, 'running', now()), (3, 'running', NULL);
SELECT * FROM trainjob.fail_stalled('10 min', 'lean.jobs');
SELECT id, status, error FROM lean.jobs ORDER BY id;
SELECT * FROM lean.events;

-- ---------------------------------------------------------------------------
-- Who may
-- ---------------------------------------------------------------------------

DROP SCHEMA lean CASCADE;
CREATE ROLE regress_trainjob_operator;
SET ROLE regress_trainjob_operator;
SELECT trainjob.verify_jobs(); -- fails
SELECT trainjob.refill_jobs(); -- fails
SELECT trainjob.fail_stalled(); -- fails
RESET ROLE;
-- what an operator needs
GRANT EXECUTE ON FUNCTION trainjob.verify_jobs(regclass), trainjob.refill_jobs(regclass, integer), trainjob.fail_stalled(interval, regclass, integer)
	TO regress_trainjob_operator;
GRANT USAGE ON SCHEMA operate TO regress_trainjob_operator;
GRANT SELECT, UPDATE ON local_training_jobs TO regress_trainjob_operator;
GRANT SELECT ON local_training_metrics, training_datasets TO regress_trainjob_operator;
GRANT INSERT ON alert_event TO regress_trainjob_operator;
UPDATE local_training_jobs SET loss = 1, status = 'running' WHERE id = id(49);
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (id(49), 2, 5);
UPDATE local_training_jobs SET loss = 1 WHERE id = id(49);
SET ROLE regress_trainjob_operator;
SELECT right(job_id, 3)::integer AS job, column_name, stored, expected FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs(), failed, passed_over FROM trainjob.fail_stalled('1 day');
RESET ROLE;
-- a hostile search_path
CREATE SCHEMA hostile;
CREATE FUNCTION hostile.max(anyelement) RETURNS anyelement LANGUAGE plpgsql AS $$BEGIN RAISE 'hostile'; END$$;
CREATE FUNCTION hostile.format(text, VARIADIC "any") RETURNS text LANGUAGE internal AS 'text_format';
CREATE FUNCTION hostile.now() RETURNS timestamptz LANGUAGE plpgsql AS $$BEGIN RAISE 'hostile'; END$$;
CREATE TEMP TABLE local_training_jobs (LIKE operate.local_training_jobs);
CREATE TEMP TABLE local_training_metrics (LIKE operate.local_training_metrics);
SET search_path = pg_temp, hostile, pg_catalog;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs(), failed, passed_over FROM trainjob.fail_stalled('1 day');
RESET search_path;

-- ---------------------------------------------------------------------------
-- An error says where it was, and not by kilobytes of a query
-- ---------------------------------------------------------------------------

DROP TABLE pg_temp.local_training_jobs, pg_temp.local_training_metrics;
SET search_path = operate, pg_catalog;
CREATE FUNCTION error_of(call text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	context text;
BEGIN
	EXECUTE call;
EXCEPTION
	WHEN OTHERS OR query_canceled THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, context = PG_EXCEPTION_CONTEXT;
		RETURN NEXT SQLSTATE || ' ' || message;
		RETURN QUERY SELECT left(regexp_replace(l, 'line \d+', 'line N'), 100)
			FROM regexp_split_to_table(context, '\n') WITH ORDINALITY AS l (l, n) WHERE l !~ 'error_of' ORDER BY n;
END $$;
-- the functions beneath take the rows of their table, from those who may write there
SELECT _trainjob.wants_refill('local_training_jobs', ROW(1, 2)); -- fails
CREATE ROLE regress_trainjob_nobody;
GRANT USAGE ON SCHEMA operate TO regress_trainjob_nobody;
GRANT SELECT ON local_training_jobs, local_training_metrics TO regress_trainjob_nobody;
SET ROLE regress_trainjob_nobody;
SELECT count(_trainjob.wants_refill('local_training_jobs', j.*)) FROM local_training_jobs AS j; -- fails
SELECT count(_trainjob.refill_job('local_training_jobs', j.*)) FROM local_training_jobs AS j; -- fails
RESET ROLE;
REVOKE ALL ON SCHEMA operate FROM regress_trainjob_nobody;
REVOKE ALL ON local_training_jobs, local_training_metrics FROM regress_trainjob_nobody;
DROP ROLE regress_trainjob_nobody;
-- no right on a table
REVOKE SELECT ON training_datasets, local_training_metrics FROM regress_trainjob_operator;
GRANT EXECUTE ON FUNCTION error_of TO regress_trainjob_operator;
SET ROLE regress_trainjob_operator;
SELECT error_of('SELECT * FROM trainjob.verify_jobs()');
SELECT error_of('SELECT trainjob.refill_jobs()');
SELECT * FROM trainjob.verify_jobs(); -- fails
RESET ROLE;
-- a constraint and a trigger of the table's owner
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'not now'; END$$;
UPDATE local_training_jobs SET loss = 1 WHERE id = id(49);
ALTER TABLE local_training_jobs ADD CONSTRAINT low_loss CHECK (loss < 2) NOT VALID;
SELECT error_of('SELECT trainjob.refill_jobs()');
ALTER TABLE local_training_jobs DROP CONSTRAINT low_loss;
CREATE TRIGGER a_refusal BEFORE UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION refuse();
SELECT error_of('SELECT trainjob.refill_jobs()');
DROP TRIGGER a_refusal ON local_training_jobs;
-- a cancelled one stays one
CREATE FUNCTION cancel() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS
	$$BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(60); RETURN true; END$$;
GRANT SELECT ON local_training_metrics TO regress_trainjob_operator;
ALTER TABLE local_training_metrics ENABLE ROW LEVEL SECURITY;
CREATE POLICY cancels ON local_training_metrics USING (operate.cancel());
SET ROLE regress_trainjob_operator;
SELECT error_of('SELECT * FROM trainjob.verify_jobs()');
RESET ROLE;

\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA operate, hostile CASCADE;
DROP OWNED BY regress_trainjob_operator;
DROP ROLE regress_trainjob_operator;
