--
-- job_writes: what applications and trainers write that says less, or other,
-- than it seems
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA odd;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('odd');
SET search_path = odd, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE VIEW shown AS
	SELECT model_name AS job, total_samples AS total, train_samples AS train, val_samples AS val,
		expected_total_steps AS expected, total_steps, total_steps_source AS source,
		current_step AS step, round(progress::numeric, 1) AS progress
	FROM local_training_jobs;
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://500', 500);

-- ---- an upsert that gives no total ----

-- EXCLUDED holds the estimate that was made for the row that was not inserted.
CREATE PROCEDURE upsert(n integer, config jsonb, total bigint DEFAULT NULL) LANGUAGE sql AS $$
	INSERT INTO local_training_jobs (id, model_name, dataset_path, config, total_steps)
	VALUES (u(n), 'upsert ' || n, 's3://500', config, total)
	ON CONFLICT (id) DO UPDATE SET dataset_path = EXCLUDED.dataset_path, config = EXCLUDED.config,
		total_steps = EXCLUDED.total_steps
$$;
CALL upsert(1, '{"batch_size": 4}');
CALL upsert(1, '{"batch_size": 8}');
SELECT * FROM shown;
CALL upsert(1, '{"batch_size": 8}');
SELECT * FROM shown;
UPDATE local_training_jobs SET config = '{"batch_size": 2}';
SELECT * FROM shown;
-- what the trainer said stays, whatever is estimated for the row that was not inserted
UPDATE local_training_jobs SET status = 'running', total_steps = 90;
UPDATE local_training_jobs SET total_steps = 95;
CALL upsert(1, '{"batch_size": 2}');
SELECT * FROM shown;
CALL upsert(1, '{"batch_size": 4}');
SELECT * FROM shown;
-- a total that the writer does give
CALL upsert(2, '{"batch_size": 4}');
CALL upsert(2, '{"batch_size": 8}', 1000);
SELECT * FROM shown WHERE job = 'upsert 2';
-- who says what was estimated says nothing new, unless it is said who says it
UPDATE local_training_jobs SET total_steps = NULL WHERE model_name = 'upsert 2';
UPDATE local_training_jobs SET status = 'running' WHERE model_name = 'upsert 2';
UPDATE local_training_jobs SET total_steps = 24 WHERE model_name = 'upsert 2';
SELECT * FROM shown WHERE job = 'upsert 2';
UPDATE local_training_jobs SET total_steps_source = 'reported' WHERE model_name = 'upsert 2';
SELECT * FROM shown WHERE job = 'upsert 2';
TRUNCATE local_training_jobs CASCADE;

-- ---- steps that no run has ----

INSERT INTO local_training_jobs (id, model_name, dataset_path) VALUES (u(5), 'negative step', 's3://500');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(5), 1, 7), (u(5), -1, 8); -- fails
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(5), 0, 7);
UPDATE local_training_metrics SET step = -2; -- fails
SELECT *, (SELECT loss FROM local_training_jobs) FROM shown;
-- some that are there already
ALTER TABLE local_training_metrics DISABLE TRIGGER USER;
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss) VALUES (u(5), -2, -0.5, 9), (u(5), -1, NULL, 8);
DELETE FROM local_training_metrics WHERE step = 0;
ALTER TABLE local_training_metrics ENABLE TRIGGER USER;
UPDATE local_training_jobs SET current_step = NULL, progress = NULL;
UPDATE local_training_metrics SET train_loss = 8.5 WHERE step = -1;
SELECT *, (SELECT loss FROM local_training_jobs) FROM shown;
SELECT progress_text, total_steps_text, loss_text FROM job_overview;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(5), 1, 7);
SELECT *, (SELECT loss FROM local_training_jobs) FROM shown;
SELECT * FROM trainjob.verify_jobs();
TRUNCATE local_training_jobs CASCADE;

-- ---- totals that no run has ----

INSERT INTO local_training_jobs (id, model_name, dataset_path, total_steps, current_step, progress) VALUES
	(u(10), 'zero', 's3://500', 0, 0, 0), (u(11), 'negative', 's3://500', -7, 10, NULL), (u(12), 'zero, unknown', NULL, 0, NULL, 0);
SELECT * FROM shown ORDER BY job;
UPDATE local_training_jobs SET total_steps = 0;
SELECT * FROM shown ORDER BY job;
SELECT model_name, total_steps_text, progress_text FROM job_overview ORDER BY model_name;
INSERT INTO local_training_metrics (job_id, step) VALUES (u(12), 3);
SELECT * FROM shown WHERE job = 'zero, unknown';
-- one from before trainjob came
ALTER TABLE local_training_jobs DISABLE TRIGGER USER;
UPDATE local_training_jobs SET total_steps = 0, total_samples = -5, progress = 7 WHERE model_name = 'zero, unknown';
ALTER TABLE local_training_jobs ENABLE TRIGGER USER;
INSERT INTO local_training_metrics (job_id, step) VALUES (u(12), 4);
SELECT * FROM shown WHERE job = 'zero, unknown';
SELECT dataset_size_text, total_steps_text, progress_text FROM job_overview WHERE model_name = 'zero, unknown';
TRUNCATE local_training_jobs CASCADE;

-- ---- a dataset that does not know its size ----

INSERT INTO training_datasets (storage_path, val_samples) VALUES ('s3://unsized', NULL), ('s3://val', 20);
INSERT INTO local_training_jobs (id, model_name, dataset_path, config) VALUES
	(u(20), 'unsized', 's3://unsized', '{"data": {"dataset_size": 500}}'),
	(u(21), 'validation only', 's3://val', '{"data": {"dataset_size": 500}}'),
	(u(22), 'to come', 's3://to-come', '{"data": {"dataset_size": 500}}'),
	(u(23), 'to come, told', 's3://to-come', '{"data": {"dataset_size": 500}}');
UPDATE local_training_jobs SET total_samples = 1000 WHERE id = u(23);
SELECT * FROM shown ORDER BY job;
-- when it does, it wins over the configuration, not over the writer
INSERT INTO training_datasets (storage_path, sample_count, train_samples) VALUES ('s3://to-come', 900, 800);
UPDATE training_datasets SET sample_count = 640 WHERE storage_path = 's3://unsized';
SELECT * FROM shown ORDER BY job;
TRUNCATE local_training_jobs CASCADE;

-- ---- epochs that prove something, but stand not in the newest report ----

CREATE PROCEDURE job(n integer, name text, epochs integer, total bigint DEFAULT NULL) LANGUAGE sql AS $$
	INSERT INTO local_training_jobs (id, model_name, total_samples, total_steps, config)
	VALUES (u(n), name, 8000, total, jsonb_build_object('per_device_train_batch_size', 8, 'num_train_epochs', epochs))
$$;
CALL job(30, 'the newest has none', 1);
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss) VALUES (u(30), 10, 10 / 116.0::float8, 1), (u(30), 20, NULL, 1);
CALL job(31, 'a whole run at once', 3);
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss) SELECT u(31), s, s / 116.0::float8, 1 FROM generate_series(1, 348) AS s;
CALL job(32, 'late', 1);
INSERT INTO local_training_metrics (job_id, step) VALUES (u(32), 30);
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(32), 25, 25 / 116.0::float8);
INSERT INTO local_training_metrics (job_id, step) VALUES (u(32), 40);
CALL job(33, 'whole epochs of one pace', 3);
INSERT INTO local_training_metrics (job_id, step, epoch) SELECT u(33), 116 * e, e FROM generate_series(0, 2) AS e;
CALL job(34, 'of an earlier attempt', 1);
INSERT INTO local_training_metrics (job_id, step) VALUES (u(34), 30);
UPDATE local_training_jobs SET status = 'failed' WHERE id = u(34);
UPDATE local_training_jobs SET status = 'running' WHERE id = u(34);
INSERT INTO local_training_metrics (job_id, step, epoch, recorded_at) VALUES (u(34), 31, 31 / 116.0::float8, now() - interval '1 h');
INSERT INTO local_training_metrics (job_id, step) VALUES (u(34), 5);
CALL job(35, 'given', 1, 5000);
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(35), 10, 10 / 116.0::float8), (u(35), 20, NULL);
SELECT s.*, j.current_epoch FROM shown AS s JOIN local_training_jobs AS j ON j.model_name = s.job ORDER BY id;
SELECT count(*) FROM trainjob.verify_jobs('local_training_jobs');

-- ---- a total that was said, and that a step went beyond ----

CALL job(40, 'given, passed', 1, 100);
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(40), 101, 101 / 2003.0::float8);
SELECT * FROM shown WHERE job = 'given, passed';
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(40), 110, 110 / 2003.0::float8);
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(40), 111, NULL), (u(40), 109, 109 / 2003.0::float8);
SELECT * FROM shown WHERE job = 'given, passed';
-- an estimate that was too low is another matter
CALL job(41, 'estimated, passed', 1);
INSERT INTO local_training_metrics (job_id, step) VALUES (u(41), 1001);
SELECT * FROM shown WHERE job = 'estimated, passed';
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(41), 1002, 1002 / 2003.0::float8);
SELECT * FROM shown WHERE job = 'estimated, passed';
TRUNCATE local_training_jobs CASCADE;

-- ---- a trainer that was presumed dead, and sends what it kept back ----

INSERT INTO local_training_jobs (id, model_name, status, started_at, status_changed_at) VALUES
	(u(50), 'kept back', 'running', '2026-01-01 09:00', '2026-01-01 09:00'),
	(u(51), 'known already', 'running', '2026-01-01 09:00', '2026-01-01 09:00');
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES
	(u(50), 3, 3, '2026-01-01 09:20'), (u(51), 3, 3, '2026-01-01 09:20');
SELECT trainjob.fail_stalled('-1 min', 'local_training_jobs'); -- fails
SET session_replication_role = replica; -- they came when they were recorded
UPDATE local_training_jobs SET last_seen_at = last_metric_at WHERE id IN (u(50), u(51));
RESET session_replication_role;
SELECT * FROM trainjob.fail_stalled('10 min', 'local_training_jobs');
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES
	(u(50), 5, 5, '2026-01-01 09:30'), (u(51), 3, 3, '2026-01-01 09:20');
SELECT model_name, status, error_type, current_step, loss, restarted_at
FROM local_training_jobs WHERE model_name IN ('kept back', 'known already') ORDER BY 1;

-- ---- an alert that another user sends ----

INSERT INTO local_training_jobs (id, model_name, user_id) VALUES (u(60), 'mine', u(1));
INSERT INTO alert_event (job_id, type, user_id, occurred_at) VALUES
	(u(60), 'disk_warning', u(1), '2026-01-01 10:00'), (u(60), 'job_failed', u(2), '2026-01-01 11:00');
SELECT status, last_alert_type, last_alert_at FROM job_overview WHERE model_name = 'mine';

-- ---- tables whose extension was dropped and came back ----

DELETE FROM local_training_jobs;
DROP EXTENSION trainjob CASCADE;
CREATE EXTENSION trainjob;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('odd');
\set VERBOSITY terse
INSERT INTO local_training_jobs (status) VALUES ('weird'); -- fails
INSERT INTO local_training_jobs (total_steps, total_steps_source) VALUES (5, 'weird'); -- fails
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'local_training_jobs'::regclass AND contype = 'c' ORDER BY 1;
SELECT indexdef FROM pg_indexes WHERE schemaname = 'odd' AND tablename = 'local_training_jobs' ORDER BY indexname COLLATE "C";
-- once is enough
SELECT count(*) > 0 AS made FROM trainjob.create_tables('odd');
SELECT (SELECT count(*) FROM pg_constraint WHERE conrelid = 'local_training_jobs'::regclass AND contype = 'c') AS checks,
	(SELECT count(*) FROM pg_indexes WHERE schemaname = 'odd' AND tablename = 'local_training_jobs') AS indexes;

DROP SCHEMA odd CASCADE;
