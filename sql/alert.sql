--
-- apply_alert, apply_waiting_alerts, record_status_change: what alerts do
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA alert;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('alert');
SET search_path = alert, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION t(at timestamptz) RETURNS text LANGUAGE sql STABLE AS
	$$ SELECT CASE WHEN at > now() - interval '1 hour' THEN 'now' ELSE to_char(at, 'HH24:MI') END $$;
CREATE VIEW j AS
	SELECT model_name AS job, status, t(status_changed_at) AS changed, t(started_at) AS started, t(restarted_at) AS restarted,
		t(completed_at) AS completed, t(failed_at) AS failed, t(cancelled_at) AS cancelled, error, error_type,
		current_step AS step, total_steps AS total, total_steps_source AS source
	FROM local_training_jobs;
CREATE VIEW a AS
	SELECT right(job_id::text, 3) AS job, type, t(occurred_at) AS occurred, outcome, outcome_reason, status_before, status_after
	FROM alert_event WHERE job_id < u(1000);

-- ---- every status, every type, older and newer ----

-- A job for each; their status changed at noon.
CREATE TABLE combinations AS
	SELECT row_number() OVER ()::integer AS n, s.status, s.position, a.type, o.at
	FROM unnest('{pending,queued,starting,paused,running,failed,completed,cancelled}'::text[]) WITH ORDINALITY AS s (status, position),
		unnest('{job_started,job_completed,job_failed,job_cancelled,gpu_oom,disk_warning,timeout_warning}'::text[]) AS a (type),
		(VALUES ('older', '2025-01-01 11:00Z'::timestamptz), ('same', '2025-01-01 12:00Z'), ('newer', '2025-01-01 13:00Z')) AS o (age, at);
INSERT INTO local_training_jobs (id, model_name, status, status_changed_at, failed_at, error, error_type, completed_at, cancelled_at,
		started_at, current_step, total_steps)
	SELECT u(1000 + n), 'combination', status, '2025-01-01 12:00Z',
		CASE WHEN status = 'failed' THEN '2025-01-01 12:00Z'::timestamptz END, CASE WHEN status = 'failed' THEN 'lost' END,
		CASE WHEN status = 'failed' THEN 'gpu' END,
		CASE WHEN status = 'completed' THEN '2025-01-01 12:00Z'::timestamptz END,
		CASE WHEN status = 'cancelled' THEN '2025-01-01 12:00Z'::timestamptz END, '2025-01-01 10:00Z', 10, 100
	FROM combinations;
INSERT INTO alert_event (job_id, type, occurred_at, error_message, error_type, current_step, total_steps)
	SELECT u(1000 + n), type, at, 'it broke', 'oom', 20, 200 FROM combinations ORDER BY n;
CREATE VIEW results AS
	SELECT c.status AS job_is, c.position, c.type, c.at,
		e.outcome || CASE WHEN e.status_after <> e.status_before THEN ': ' || e.status_after ELSE '' END AS did,
		e.status_before = c.status AND j.status = e.status_after AS agrees, e.outcome, e.outcome_reason, j.*
	FROM combinations AS c
	JOIN alert_event AS e ON e.job_id = u(1000 + c.n)
	JOIN local_training_jobs AS j ON j.id = u(1000 + c.n);
SELECT t(at) AS at, job_is,
	max(did) FILTER (WHERE type = 'job_started') AS job_started,
	max(did) FILTER (WHERE type = 'job_completed') AS job_completed,
	max(did) FILTER (WHERE type = 'job_failed') AS job_failed,
	max(did) FILTER (WHERE type = 'job_cancelled') AS job_cancelled,
	string_agg(DISTINCT did, ' ') FILTER (WHERE type !~ '^job') AS warnings
FROM results
GROUP BY results.at, job_is, position ORDER BY results.at, position;
-- the alert says of the job what the job says of itself
SELECT count(*) AS alerts, count(*) FILTER (WHERE NOT agrees) AS disagree FROM results;
-- the reasons in words
SELECT DISTINCT outcome, outcome_reason FROM results ORDER BY 1, 2;
-- What it says besides is taken unless it is refused; a new attempt counts from the alert's step.
SELECT outcome, current_step AS step, total_steps AS total, total_steps_source AS source, count(*)
FROM results GROUP BY 1, 2, 3, 4 ORDER BY 1, 2;
-- error and times go with the status that the job has now
SELECT job_is, status, outcome, t(status_changed_at) AS changed, t(started_at) AS started, t(restarted_at) AS restarted,
	t(completed_at) AS completed, t(failed_at) AS failed, t(cancelled_at) AS cancelled, error, error_type, count(*)
FROM results WHERE at = '2025-01-01 13:00Z'
GROUP BY position, job_is, status, outcome, status_changed_at, started_at, restarted_at, completed_at, failed_at, cancelled_at, error, error_type, at
ORDER BY position, status, outcome, changed;
-- each change has one record, by the alert that did it
SELECT count(*) AS records, count(*) FILTER (WHERE (c.status_before, c.status_after) = (e.status_before, e.status_after)
	AND c.job_id = e.job_id AND e.outcome = 'applied' AND c.changed_at = e.occurred_at) AS right,
	(SELECT count(*) FROM alert_event WHERE outcome = 'applied') AS applied
FROM job_status_change AS c JOIN alert_event AS e ON e.id = c.alert_id;

-- ---- a life by alerts ----

INSERT INTO local_training_jobs (id, model_name, config) VALUES (u(1), 'life', '{"max_steps": 100}');
INSERT INTO alert_event (job_id, type, occurred_at, total_steps) VALUES (u(1), 'job_started', '2025-01-01 08:00Z', 120)
RETURNING outcome, outcome_reason, status_before, status_after;
SELECT * FROM j WHERE job = 'life';
INSERT INTO alert_event (job_id, type, occurred_at, current_step) VALUES (u(1), 'gpu_oom', '2025-01-01 08:30Z', 30);
INSERT INTO alert_event (job_id, type, occurred_at, error_message, error_type) VALUES (u(1), 'job_failed', '2025-01-01 09:00Z', 'CUDA out of memory', 'oom');
SELECT * FROM j WHERE job = 'life';
-- a second failure does not rewrite the first
INSERT INTO alert_event (job_id, type, occurred_at, error_message) VALUES (u(1), 'job_failed', '2025-01-01 09:01Z', 'exit code 1');
SELECT * FROM j WHERE job = 'life';
-- again, from a checkpoint
INSERT INTO alert_event (job_id, type, occurred_at, current_step) VALUES (u(1), 'job_started', '2025-01-01 10:00Z', 25);
SELECT * FROM j WHERE job = 'life';
-- failed without a word, and again from scratch
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_failed', '2025-01-01 11:00Z');
SELECT * FROM j WHERE job = 'life';
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_started', '2025-01-01 12:00Z');
SELECT * FROM j WHERE job = 'life';
-- failed, the trainer thought; it was done
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_failed', '2025-01-01 13:00Z'), (u(1), 'job_completed', '2025-01-01 13:01Z');
SELECT * FROM j WHERE job = 'life';
INSERT INTO alert_event (job_id, type, occurred_at, current_step, total_steps) VALUES (u(1), 'job_failed', '2025-01-01 14:00Z', 110, 110);
SELECT * FROM j WHERE job = 'life';
SELECT * FROM a WHERE job = '001' ORDER BY occurred, type;
SELECT c.status_before, c.status_after, t(c.changed_at) AS changed, e.type AS by_alert
FROM job_status_change AS c LEFT JOIN alert_event AS e ON e.id = c.alert_id WHERE c.job_id = u(1) ORDER BY c.id;

-- ---- facts ----

INSERT INTO local_training_jobs (id, model_name, config, status, started_at) SELECT u(10 + n), 'facts ' || n, '{"max_steps": 100}', 'running', '2025-01-01 00:00Z' FROM generate_series(1, 6) AS n;
INSERT INTO alert_event (job_id, type, current_step, total_steps) VALUES
	(u(11), 'gpu_oom', 10, NULL), (u(11), 'gpu_oom', 5, NULL), -- a lower step is no news
	(u(12), 'disk_warning', NULL, 150), (u(12), 'timeout_warning', NULL, NULL),
	(u(13), 'gpu_oom', 300, 200), -- a step beyond the total disproves it
	(u(14), 'gpu_oom', -1, 0), (u(14), 'gpu_oom', NULL, -5), -- neither is one
	(u(15), 'gpu_oom', NULL, 100), -- the total that was estimated
	(u(16), 'job_completed', NULL, NULL);
SELECT job, status, step, total, source FROM j WHERE job ~ '^facts' ORDER BY 1;
-- the alert's loss is the alert's
INSERT INTO alert_event (job_id, type, loss) VALUES (u(11), 'gpu_oom', 0.5);
SELECT loss FROM local_training_jobs WHERE id = u(11);

-- ---- clocks ----

-- One that is ahead ends the job now; one that is behind ends it all the same.
INSERT INTO local_training_jobs (id, model_name, status, started_at) SELECT u(20 + n), 'clock ' || n, 'running', '2025-01-01 10:00Z' FROM generate_series(1, 4) AS n;
UPDATE local_training_jobs SET status = 'paused', status_changed_at = '2025-01-01 12:00Z' WHERE model_name ~ '^clock';
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(21), 'job_completed', '2999-01-01 00:00Z'),
	(u(22), 'job_completed', '2025-01-01 05:00Z'), (u(23), 'job_failed', NULL);
INSERT INTO alert_event (job_id, type) VALUES (u(24), 'job_cancelled');
SELECT * FROM j WHERE job ~ '^clock' ORDER BY 1;

-- ---- of another user ----

INSERT INTO local_training_jobs (id, user_id, model_name) VALUES (u(31), u(901), 'mine'), (u(32), NULL, 'nobody''s');
INSERT INTO alert_event (job_id, user_id, type, current_step, total_steps) VALUES (u(31), u(902), 'job_failed', 5, 5), (u(31), u(901), 'job_started', NULL, NULL),
	(u(31), NULL, 'gpu_oom', NULL, NULL), (u(32), u(901), 'job_cancelled', 5, 5), (u(32), NULL, 'job_started', NULL, NULL);
SELECT * FROM a WHERE job IN ('031', '032') ORDER BY job, type;
SELECT job, status, step, total, error FROM j WHERE job IN ('mine', 'nobody''s') ORDER BY 1;

-- ---- before the job ----

INSERT INTO alert_event (job_id, type, occurred_at, current_step, user_id) VALUES
	(u(41), 'job_completed', '2025-01-01 12:00Z', 100, NULL), (u(41), 'gpu_oom', '2025-01-01 11:00Z', 50, NULL),
	(u(41), 'job_started', '2025-01-01 10:00Z', NULL, u(901)), (u(41), 'job_failed', '2025-01-01 09:00Z', NULL, u(902)),
	(u(42), 'job_started', '2025-01-01 10:00Z', NULL, NULL), (u(43), 'job_completed', '2025-01-01 10:00Z', NULL, NULL);
SELECT * FROM a WHERE job IN ('041', '042', '043') ORDER BY job, occurred;
INSERT INTO local_training_jobs (id, user_id, model_name, status, created_at, config) VALUES
	(u(41), u(901), 'early 1', 'pending', '2025-01-01 08:00Z', '{"max_steps": 100}'),
	(u(42), NULL, 'early 2', 'running', '2025-01-01 08:00Z', NULL), (u(43), NULL, 'early 3', 'cancelled', '2025-01-01 08:00Z', NULL);
SELECT * FROM a WHERE job IN ('041', '042', '043') ORDER BY job, occurred;
SELECT * FROM j WHERE job ~ '^early' ORDER BY 1;
SELECT c.status_before, c.status_after, t(c.changed_at) AS changed, e.type AS by_alert
FROM job_status_change AS c LEFT JOIN alert_event AS e ON e.id = c.alert_id WHERE c.job_id = u(41) ORDER BY c.id;
-- those of the same time in the order of their arrival
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(44), 'job_started', '2025-01-01 10:00Z'), (u(44), 'job_failed', '2025-01-01 10:00Z'), (u(44), 'job_started', '2025-01-01 10:00Z');
INSERT INTO local_training_jobs (id, model_name) VALUES (u(44), 'early 4');
SELECT type, outcome, status_before, status_after FROM alert_event WHERE job_id = u(44) ORDER BY id;
-- a job that a trigger takes away again before its alerts could be applied
CREATE FUNCTION take_away() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM alert.local_training_jobs WHERE id = NEW.id;
	RETURN NULL;
END $$;
CREATE TRIGGER a_first AFTER INSERT ON local_training_jobs FOR EACH ROW WHEN (NEW.model_name = 'gone') EXECUTE FUNCTION take_away();
INSERT INTO alert_event (job_id, type) VALUES (u(45), 'job_started');
INSERT INTO local_training_jobs (id, model_name) VALUES (u(45), 'gone');
SELECT type, outcome, status_before, status_after FROM alert_event WHERE job_id = u(45);

-- ---- restored ----

-- A row that has an outcome was applied before.
INSERT INTO local_training_jobs (id, model_name) VALUES (u(51), 'restored');
INSERT INTO alert_event (id, job_id, type, outcome, outcome_reason, status_before, status_after, current_step) VALUES
	(100001, u(51), 'job_completed', 'applied', NULL, 'running', 'completed', 99),
	(100002, u(51), 'job_failed', 'refused', 'because', 'completed', 'completed', NULL),
	(100003, u(51), 'gpu_oom', 'noted', NULL, NULL, NULL, NULL);
SELECT * FROM a WHERE job = '051' ORDER BY type;
SELECT * FROM j WHERE job = 'restored';
\set VERBOSITY terse
INSERT INTO alert_event (job_id, type, outcome) VALUES (u(51), 'job_failed', 'success'); -- fails: it would never be applied
\set VERBOSITY default
-- Nor does it wait for a job that comes after it, or comes again: alone what
-- waits is applied.
INSERT INTO alert_event (job_id, type, outcome, status_before, status_after, occurred_at) VALUES
	(u(52), 'job_completed', 'applied', 'running', 'completed', '2025-01-01 10:00Z'),
	(u(52), 'job_started', 'waiting', NULL, NULL, '2025-01-01 09:00Z');
INSERT INTO local_training_jobs (id, model_name) VALUES (u(52), 'restored 2');
SELECT * FROM a WHERE job = '052' ORDER BY occurred;
SELECT status FROM local_training_jobs WHERE id = u(52);
DELETE FROM local_training_jobs WHERE id = u(52);
INSERT INTO local_training_jobs (id, model_name) VALUES (u(52), 'restored 2');
SELECT status FROM local_training_jobs WHERE id = u(52);
-- An alert is applied once: changed later it does nothing.
UPDATE alert_event SET type = 'job_cancelled', outcome = NULL WHERE id = 100001;
SELECT status FROM local_training_jobs WHERE id = u(51);

-- ---- what is no alert ----

INSERT INTO alert_event (job_id, type) VALUES (u(51), 'job_exploded'); -- fails
INSERT INTO alert_event (job_id, type) VALUES (u(999), ''); -- fails
\set VERBOSITY terse
INSERT INTO alert_event (job_id, type) VALUES (u(51), NULL); -- fails
INSERT INTO alert_event (job_id, type) VALUES (NULL, 'job_started'); -- fails
\set VERBOSITY default

-- ---- who changed a status ----

CREATE ROLE regress_trainjob_writer;
CREATE ROLE regress_trainjob_owner;
GRANT USAGE ON SCHEMA alert TO regress_trainjob_writer, regress_trainjob_owner;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA alert TO regress_trainjob_writer, regress_trainjob_owner;
INSERT INTO local_training_jobs (id, model_name) VALUES (u(61), 'who');
SET ROLE regress_trainjob_writer;
UPDATE local_training_jobs SET status = 'queued' WHERE id = u(61);
INSERT INTO alert_event (job_id, type) VALUES (u(61), 'job_started');
RESET ROLE;
-- a function acts as its owner, but somebody called it
CREATE FUNCTION pause(job uuid) RETURNS void LANGUAGE sql SECURITY DEFINER AS
	$$ UPDATE alert.local_training_jobs SET status = 'paused' WHERE id = job $$;
ALTER FUNCTION pause(uuid) OWNER TO regress_trainjob_owner;
SET ROLE regress_trainjob_writer;
SELECT pause(u(61));
INSERT INTO local_training_metrics (job_id, step) VALUES (u(61), 1);
RESET ROLE;
SET SESSION AUTHORIZATION regress_trainjob_owner;
UPDATE local_training_jobs SET status = 'completed', status_changed_at = now() WHERE id = u(61);
RESET SESSION AUTHORIZATION;
SELECT status_before, status_after, changed_by, alert_id IS NOT NULL AS by_alert FROM job_status_change WHERE job_id = u(61) ORDER BY id;
-- The same status again is no change, an insertion neither.
UPDATE local_training_jobs SET status = 'completed' WHERE id = u(61);
SELECT count(*) FROM job_status_change WHERE job_id = u(61);
-- It is known when it happened, and undone with what it records.
BEGIN;
UPDATE local_training_jobs SET status = 'failed', failed_at = '2025-01-01 10:00Z' WHERE id = u(61);
SELECT status_after, t(changed_at) AS changed FROM job_status_change WHERE job_id = u(61) ORDER BY id DESC LIMIT 1;
ROLLBACK;
SELECT count(*) FROM job_status_change WHERE job_id = u(61);
-- An error while an alert is applied leaves nothing of it behind.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON local_training_jobs FOR EACH ROW WHEN (NEW.status = 'cancelled') EXECUTE FUNCTION refuse();
INSERT INTO local_training_jobs (id, model_name, status) VALUES (u(62), 'error', 'running');
DO $$
BEGIN
	INSERT INTO alert.alert_event (job_id, type) VALUES (alert.u(62), 'job_cancelled');
EXCEPTION WHEN raise_exception THEN
	UPDATE alert.local_training_jobs SET status = 'paused' WHERE id = alert.u(62);
END
$$;
SELECT status_before, status_after, alert_id FROM job_status_change WHERE job_id = u(62);

-- An alert within an alert: each change has its own alert's id. A warning, which
-- leaves the status, is no UPDATE OF status.
CREATE TABLE named (status text);
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO alert.named VALUES (NEW.status);
	INSERT INTO alert.alert_event (job_id, type, total_steps) VALUES (NEW.id, 'disk_warning', 500);
	RETURN NULL;
END
$$;
CREATE TRIGGER a_warn AFTER UPDATE OF status ON local_training_jobs FOR EACH ROW WHEN (NEW.model_name = 'nested') EXECUTE FUNCTION warn();
INSERT INTO local_training_jobs (id, model_name, status) VALUES (u(63), 'nested', 'running');
INSERT INTO alert_event (job_id, type) VALUES (u(63), 'job_failed');
INSERT INTO alert_event (job_id, type, current_step) VALUES (u(63), 'gpu_oom', 7);
SELECT c.status_before, c.status_after, e.type AS alert FROM job_status_change AS c LEFT JOIN alert_event AS e ON e.id = c.alert_id WHERE c.job_id = u(63);
SELECT status FROM named;
SELECT status, current_step, total_steps, error FROM local_training_jobs WHERE id = u(63);

-- What a trigger does to the job that an alert has changed is not the alert's.
CREATE FUNCTION go_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE alert.local_training_jobs SET status = 'queued', total_steps = 20, error = error WHERE id = NEW.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER b_go_on AFTER UPDATE ON local_training_jobs FOR EACH ROW WHEN (NEW.model_name = 'again' AND NEW.status = 'failed') EXECUTE FUNCTION go_on();
INSERT INTO local_training_jobs (id, model_name, status, total_steps) VALUES (u(64), 'again', 'running', 10);
INSERT INTO alert_event (job_id, type, error_message) VALUES (u(64), 'job_failed', 'kept');
SELECT status, total_steps, total_steps_source, error FROM local_training_jobs WHERE id = u(64);
SELECT status_before, status_after, alert_id IS NOT NULL AS by_alert FROM job_status_change WHERE job_id = u(64) ORDER BY id;

-- An alert without a user is its job's user's, also when it has waited for the job.
INSERT INTO local_training_jobs (id, user_id, status) VALUES (u(65), u(7), 'running');
INSERT INTO alert_event (job_id, type) VALUES (u(65), 'disk_warning'), (u(66), 'job_started') RETURNING outcome, user_id;
INSERT INTO local_training_jobs (id, user_id) VALUES (u(66), u(8));
SELECT type, outcome, user_id FROM alert_event WHERE job_id IN (u(65), u(66)) ORDER BY id;

-- Users by another type than the jobs have.
DROP VIEW job_overview;
ALTER TABLE alert_event ALTER COLUMN user_id TYPE text;
INSERT INTO local_training_jobs (id, user_id, status) VALUES (lpad('98', 32, '0')::uuid, lpad('7', 32, '0')::uuid, 'running');
INSERT INTO alert_event (job_id, user_id, type) VALUES (lpad('98', 32, '0')::uuid, 'x', 'job_failed'),
	(lpad('98', 32, '0')::uuid, lpad('7', 32, '0')::uuid, 'job_completed') RETURNING outcome, outcome_reason, status_after;

-- A record whose column holds no id of an alert is made without.
ALTER TABLE job_status_change ALTER COLUMN alert_id TYPE text;
INSERT INTO local_training_jobs (id, status) VALUES (lpad('99', 32, '0')::uuid, 'running');
INSERT INTO alert_event (job_id, type) VALUES (lpad('99', 32, '0')::uuid, 'job_completed') RETURNING outcome, status_after;
SELECT status_before, status_after, alert_id FROM job_status_change WHERE job_id = lpad('99', 32, '0')::uuid;

DROP SCHEMA alert CASCADE;
DROP ROLE regress_trainjob_writer, regress_trainjob_owner;
