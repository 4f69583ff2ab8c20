--
-- clocks: a trainer whose clock is hours off, and who is silent
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA clocks;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('clocks');
SET search_path = clocks, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE VIEW shown AS SELECT model_name, status, health, round(eta_seconds::numeric) AS eta_seconds, eta_confidence, eta_text FROM job_overview ORDER BY id;

-- ---- it reports each minute ----

CREATE TABLE clock (n integer, name text, off interval);
INSERT INTO clock VALUES (1, 'right', '0'), (2, '8 h behind', '-8 h'), (3, '8 h ahead', '8 h');
INSERT INTO clock VALUES (4, 'of 1970', '1970-01-01 00:00Z' - now());
INSERT INTO local_training_jobs (id, model_name, status, total_steps, created_at) SELECT u(n), name, 'running', 186, now() - interval '1 day' FROM clock;
CREATE PROCEDURE begin_ago(since interval) LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
	UPDATE local_training_jobs SET started_at = now() - since, status_changed_at = now() - since;
END $$;
CREATE PROCEDURE report_minutes(since integer, until integer, step integer) LANGUAGE plpgsql AS $$
BEGIN
	FOR minute IN since .. until LOOP
		INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at)
			SELECT u(n), step + minute - since, 2, now() + off + (minute - until) * interval '1 min' FROM clock;
	END LOOP;
END $$;
CALL begin_ago('1 h');
CALL report_minutes(1, 3, 1);
TABLE shown;
CALL report_minutes(4, 60, 4);
TABLE shown;
SELECT failed, passed_over FROM trainjob.fail_stalled('30 minutes', 'local_training_jobs');
SELECT * FROM trainjob.verify_jobs('local_training_jobs');
-- it has its own pace since it was resumed
CALL begin_ago('9 min 30 s');
UPDATE local_training_metrics SET recorded_at = recorded_at - interval '3 h' WHERE step <= 50;
TABLE shown;

-- ---- it is silent ----

CREATE PROCEDURE silent_for(since interval) LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
	UPDATE local_training_jobs SET started_at = now() - interval '1 h', status_changed_at = now() - interval '1 h', last_seen_at = now() - since;
END $$;
SET trainjob.stall_timeout = '30 min';
CALL silent_for('29 min');
SELECT model_name, health FROM shown;
SELECT failed FROM trainjob.fail_stalled('30 minutes', 'local_training_jobs');
CALL silent_for('31 min');
SELECT model_name, health FROM shown;
SELECT failed FROM trainjob.fail_stalled('30 minutes', 'local_training_jobs');
SELECT model_name, status, error FROM local_training_jobs ORDER BY id;
-- its next report revives it, for good
CALL report_minutes(61, 66, 61);
TABLE shown;
SELECT failed FROM trainjob.fail_stalled('30 minutes', 'local_training_jobs');

-- a change of status is a sign of life, too
CALL silent_for('1 day');
UPDATE local_training_jobs SET status = 'paused';
UPDATE local_training_jobs SET status = 'running';
SELECT DISTINCT health FROM shown;
SELECT failed FROM trainjob.fail_stalled('30 minutes', 'local_training_jobs');

-- ---- nobody wrote down when it was heard of ----

CREATE TABLE own (id integer PRIMARY KEY, name text, status text, created_at timestamptz, started_at timestamp, status_changed_at timestamp, last_metric_at timestamp);
CREATE TABLE own_metrics (job_id integer, step bigint, recorded_at timestamp);
SELECT count(*) > 0 AS attached FROM trainjob.attach('own', 'own_metrics', columns => '{"model_name": "name"}');
SET session_replication_role = replica;
INSERT INTO own SELECT n, name, 'running', now() - interval '1 day', now() AT TIME ZONE 'UTC' - started, now() AT TIME ZONE 'UTC' - changed,
	CASE name WHEN 'infinite' THEN 'infinity' WHEN 'before all' THEN '-infinity' WHEN 'far' THEN '10000-01-01' ELSE now() AT TIME ZONE 'UTC' - metric END
	FROM (VALUES (1, 'reports', interval '1 h', interval '1 h', interval '1 min'), (2, 'silent', '1 h', '1 h', '50 min'), (3, 'of the future', '1 h', '1 h', '-8 h'),
		(4, 'all of the future', '-8 h', '-8 h', '-8 h'), (5, 'begun just now', '1 min', NULL, '-8 h'), (6, 'changed just now', '1 h', '1 min', '-8 h'),
		(7, 'infinite', '1 h', NULL, NULL), (8, 'before all', '1 h', NULL, NULL), (9, 'far', '1 min', NULL, NULL), (10, 'nothing', NULL, NULL, NULL)) AS v (n, name, started, changed, metric);
RESET session_replication_role;
SET timezone = 'Asia/Tokyo';
SELECT id, model_name, health FROM own_overview ORDER BY id;
SELECT failed FROM trainjob.fail_stalled('30 minutes', 'own');
SELECT id, status FROM own ORDER BY id;
RESET timezone;
-- without any time, nothing says that a job is silent
CREATE TABLE bare (id integer PRIMARY KEY, status text);
SELECT count(*) > 0 AS attached FROM trainjob.attach('bare');
INSERT INTO bare VALUES (1, 'running');
SELECT id, health FROM bare_overview;
SELECT failed FROM trainjob.fail_stalled('0 s', 'bare');
-- times that no clock has
CREATE TABLE seen (id integer PRIMARY KEY, status text, last_seen_at timestamptz, last_metric_at timestamptz);
SELECT count(*) > 0 AS attached FROM trainjob.attach('seen');
INSERT INTO seen VALUES (1, 'running', '9999-12-30', NULL), (2, 'running', 'infinity', '0001-01-02'), (3, 'running', '0001-01-02', '9999-12-30'), (4, 'running', '-infinity', '-infinity');
SELECT id, health, eta_text FROM seen_overview ORDER BY id;

DROP SCHEMA clocks CASCADE;
