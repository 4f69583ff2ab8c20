--
-- old_copy: an object mapper saves a row that it read long ago
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA old;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('old');
SET search_path = old, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;

-- An entity: what a mapper read of a job, with the digits of time that it keeps.
CREATE TABLE entity (LIKE local_training_jobs, name text PRIMARY KEY);
CREATE FUNCTION load(job uuid, name text, digits integer DEFAULT 6) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	row jsonb := (SELECT to_jsonb(j) FROM old.local_training_jobs AS j WHERE id = job);
	key text;
BEGIN
	FOREACH key IN ARRAY ARRAY['created_at', 'updated_at', 'status_changed_at', 'started_at', 'restarted_at', 'completed_at', 'failed_at',
		'cancelled_at', 'last_metric_at', 'last_seen_at'] LOOP
		row := row || jsonb_build_object(key, date_trunc(CASE digits WHEN 6 THEN 'microseconds' WHEN 3 THEN 'milliseconds' ELSE 'second' END,
			(row ->> key)::timestamptz));
	END LOOP;
	INSERT INTO old.entity SELECT (jsonb_populate_record(NULL::old.entity, row || jsonb_build_object('name', name))).*;
END $$;
-- Saves it with a change: all of its columns, but for those that it does not map.
CREATE FUNCTION save(name text, change jsonb DEFAULT '{}', unmapped text[] DEFAULT '{}') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	row old.entity;
BEGIN
	SELECT * INTO row FROM old.entity AS e WHERE e.name = save.name;
	row := jsonb_populate_record(row, change);
	EXECUTE (SELECT format('UPDATE old.local_training_jobs SET (%s) = ROW(%s) WHERE id = $1.id',
				string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg('$1.' || quote_ident(attname), ', ' ORDER BY attnum))
			 FROM pg_attribute
			 WHERE attrelid = 'old.local_training_jobs'::regclass AND attnum > 0 AND NOT attisdropped AND attname <> ALL (unmapped))
		USING row;
END $$;
-- What a mapper that never heard of trainjob maps.
\set plain '{last_seen_at,status_changed_at,restarted_at,last_metric_at,expected_total_steps,total_epochs,total_steps_source,best_eval_loss,best_step,best_epoch,updated_at}'
CREATE VIEW shown AS
	SELECT right(id::text, 2)::integer AS job, model_name AS model, status, error, current_step AS step, round(progress::numeric) AS "%", loss, eval_loss,
		best_eval_loss AS best, total_steps AS total, total_steps_source AS source, completed_at IS NOT NULL AS completed, failed_at IS NOT NULL AS failed,
		restarted_at IS NOT NULL AS restarted
	FROM local_training_jobs;
CREATE PROCEDURE report(job uuid, steps integer[]) LANGUAGE sql AS $$
	INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss)
	SELECT job, s, 10.0 / s, CASE WHEN s % 20 = 0 THEN 30.0 / s END FROM unnest(steps) AS s
$$;
CREATE PROCEDURE job(n integer) LANGUAGE sql AS $$
	INSERT INTO local_training_jobs (id, model_name, total_samples) VALUES (u(n), 'model', 1650);
	CALL report(u(n), '{5,10}')
$$;

-- ---- a running job: what the reports said since stays ----

CALL job(1);
SELECT load(u(1), 'at 10'), load(u(1), 'at 10, ms', 3);
CALL report(u(1), '{20,30}');
SELECT save('at 10', '{"model_name": "renamed"}');
SELECT * FROM shown WHERE job = 1;
SELECT save('at 10, ms', '{"model_name": "renamed again"}');
SELECT * FROM shown WHERE job = 1;
SELECT save('at 10', '{"model_name": "and again"}', :'plain');
SELECT * FROM shown WHERE job = 1;
-- as some do it: only what differs from what is stored now
UPDATE local_training_jobs SET current_step = 10, loss = 1, progress = 6.41, eval_loss = NULL, model_name = 'merged' WHERE id = u(1);
SELECT * FROM shown WHERE job = 1;
-- never read: NULL over all
SELECT save('at 10', '{"model_name": "never read", "current_step": null, "progress": null, "loss": null, "eval_loss": null, "perplexity": null,
	"total_steps": null, "total_steps_source": null, "last_metric_at": null, "last_seen_at": null, "status_changed_at": null, "started_at": null,
	"status": "pending"}');
SELECT * FROM shown WHERE job = 1;
SELECT * FROM trainjob.verify_jobs();

-- ---- a completed job stays completed ----

CALL job(2);
SELECT load(u(2), '2'), load(u(2), '2, s', 0);
CALL report(u(2), '{20,30}');
INSERT INTO alert_event (job_id, type) VALUES (u(2), 'job_completed');
SELECT save('2', '{"model_name": "renamed"}');
SELECT save('2, s', '{"model_name": "renamed in seconds"}');
SELECT save('2', '{"model_name": "renamed plainly"}', :'plain');
SELECT * FROM shown WHERE job = 2;
-- another status than it had then is a wish; one that restarts is not
SELECT save('2', '{"status": "paused"}');
SELECT status FROM local_training_jobs WHERE id = u(2);
SELECT save('2', '{"status": "cancelled"}');
SELECT * FROM shown WHERE job = 2;
SELECT status_before, status_after FROM job_status_change WHERE job_id = u(2) ORDER BY id;

-- ---- a wish for a job that still runs, as of now ----

CALL job(3);
SELECT load(u(3), '3', 3);
CALL report(u(3), '{20,30}');
BEGIN;
SELECT save('3', '{"status": "cancelled", "error": "not needed any more"}');
SELECT * FROM shown WHERE job = 3;
SELECT status_changed_at = now() AS changed, cancelled_at = now() AS cancelled FROM local_training_jobs WHERE id = u(3);
COMMIT;

-- ---- a fresh row, of which times lose their digits ----

CALL job(4);
SELECT load(u(4), '4', 3);
CREATE TEMP TABLE times AS SELECT started_at, created_at, last_metric_at FROM local_training_jobs WHERE id = u(4);
BEGIN;
SELECT save('4', '{"status": "failed", "error": "out of memory"}');
SELECT * FROM shown WHERE job = 4;
SELECT j.failed_at = now() AS failed, j.status_changed_at = now() AS changed, (j.started_at, j.created_at, j.last_metric_at) = (t.started_at, t.created_at, t.last_metric_at) AS others_whole
FROM local_training_jobs AS j, times AS t WHERE id = u(4);
COMMIT;
-- a retry saved as a whole row, twice: a restart like SET status
SELECT load(u(4), '4, failed', 3);
BEGIN;
SELECT save('4, failed', '{"status": "pending"}');
SELECT * FROM shown WHERE job = 4;
SELECT restarted_at = now() AS now FROM local_training_jobs WHERE id = u(4);
COMMIT;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(4), 2, 9);
INSERT INTO alert_event (job_id, type) VALUES (u(4), 'job_failed');
SELECT load(u(4), '4, again', 3);
BEGIN;
SELECT save('4, again', '{"status": "pending"}');
SELECT * FROM shown WHERE job = 4;
SELECT restarted_at = now() AS now, failed_at FROM local_training_jobs WHERE id = u(4);
COMMIT;
-- Hibernate names no created_at: its fresh row is none the less a fresh row
CALL job(5);
SELECT load(u(5), '5');
SELECT save('5', '{"config": {"num_epochs": 6}}', '{created_at,expected_total_steps}');
SELECT total_steps, total_steps_source FROM local_training_jobs WHERE id = u(5);

-- ---- upserts ----

CALL job(6);
CALL report(u(6), '{20,30}');
INSERT INTO alert_event (job_id, type, total_steps) VALUES (u(6), 'job_started', 300);
INSERT INTO local_training_jobs AS j (id, model_name, total_samples, status) VALUES (u(6), 'imported', 1650, 'pending')
	ON CONFLICT (id) DO UPDATE SET model_name = EXCLUDED.model_name, total_samples = EXCLUDED.total_samples, status = EXCLUDED.status,
		total_steps = EXCLUDED.total_steps, total_steps_source = EXCLUDED.total_steps_source, started_at = EXCLUDED.started_at,
		current_step = EXCLUDED.current_step, loss = EXCLUDED.loss, progress = EXCLUDED.progress, last_seen_at = EXCLUDED.last_seen_at,
		status_changed_at = EXCLUDED.status_changed_at, updated_at = EXCLUDED.updated_at;
SELECT * FROM shown WHERE job = 6;
SELECT save('6', '{}') FROM (SELECT load(u(6), '6')) AS l;
INSERT INTO local_training_jobs AS j (id, status) VALUES (u(6), 'cancelled')
	ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, status_changed_at = EXCLUDED.status_changed_at;
SELECT status FROM local_training_jobs WHERE id = u(6);

-- ---- a person corrects ----

CALL job(7);
CALL report(u(7), '{20,30}');
UPDATE local_training_jobs SET current_step = 5 WHERE id = u(7);
SELECT step, "%" FROM shown WHERE job = 7;
UPDATE local_training_jobs SET loss = NULL, current_step = NULL WHERE id = u(7);
SELECT step, loss FROM shown WHERE job = 7;
UPDATE local_training_jobs SET total_steps_source = 'given' WHERE id = u(7);
UPDATE local_training_jobs SET config = '{"num_epochs": 9}' WHERE id = u(7);
SELECT total, source FROM shown WHERE job = 7;
UPDATE local_training_jobs SET status = 'completed' WHERE id = u(7);
UPDATE local_training_jobs SET status = 'pending', current_step = 0, loss = NULL WHERE id = u(7);
SELECT * FROM shown WHERE job = 7;
-- a trainer that writes to its job itself is believed, forwards and back
INSERT INTO local_training_jobs (id, status, total_steps) VALUES (u(8), 'running', 100);
UPDATE local_training_jobs SET current_step = 40, loss = 2 WHERE id = u(8);
UPDATE local_training_jobs SET current_step = 30, loss = 3, progress = 30 WHERE id = u(8);
SELECT step, "%", loss FROM shown WHERE job = 8;

-- ---- last_seen_at ----

SELECT last_seen_at IS NULL AS none FROM local_training_jobs WHERE id = u(8);
CREATE TEMP TABLE seen AS SELECT id, last_seen_at, xmin::text AS version FROM local_training_jobs;
CALL report(u(7), '{1}');
INSERT INTO alert_event (job_id, type, current_step) VALUES (u(1), 'disk_warning', 31);
-- what changes nothing leaves the row as it is
INSERT INTO alert_event (job_id, type) VALUES (u(3), 'disk_warning');
UPDATE local_training_jobs SET model_name = 'by hand', last_seen_at = '2020-01-01' WHERE id = u(6);
SELECT right(j.id::text, 1) AS job, j.last_seen_at > s.last_seen_at AS later, j.last_seen_at = s.last_seen_at AS same, j.xmin::text = s.version AS untouched
FROM local_training_jobs AS j JOIN seen AS s USING (id) WHERE j.id IN (u(1), u(3), u(6), u(7)) ORDER BY 1;
-- it never stands still, nor goes back with the clock
SET session_replication_role = replica;
UPDATE local_training_jobs SET last_seen_at = '2125-01-01 00:00Z' WHERE id = u(1);
RESET session_replication_role;
CALL report(u(1), '{40}');
SELECT last_seen_at FROM local_training_jobs WHERE id = u(1);

-- ---- tables without these columns ----

CREATE TABLE lean (id integer PRIMARY KEY, status text DEFAULT 'pending', current_step bigint, loss float8, note text);
CREATE TABLE lean_metrics (job_id integer, step bigint, train_loss float8);
SELECT count(*) > 0 AS attached FROM trainjob.attach('lean', 'lean_metrics');
INSERT INTO lean (id) VALUES (1);
INSERT INTO lean_metrics VALUES (1, 10, 1);
INSERT INTO lean_metrics VALUES (1, 20, 0.5);
UPDATE lean SET status = 'running', current_step = 10, loss = 1, note = 'saved' WHERE id = 1;
TABLE lean;
UPDATE lean SET status = 'completed' WHERE id = 1;
UPDATE lean SET status = 'running', current_step = 10, loss = 1, note = 'saved again' WHERE id = 1;
TABLE lean;

DROP SCHEMA old CASCADE;
