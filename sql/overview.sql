--
-- job_overview: what a dashboard shows of a job
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA look;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('look');
SET search_path = look, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION at(seconds float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2025-01-01 00:00Z'::timestamptz + seconds * interval '1 s' $$;

-- ---- a job from its insertion to its end ----

INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://pairs', 1650);
INSERT INTO local_training_jobs (id, user_id, model_name, dataset_path, created_at, config) VALUES
	(u(1), u(901), 'llama-dpo', 's3://pairs', '2025-01-01 00:00Z',
	 '{"method": "DPO", "training": {"batch_size": 4, "gradient_accumulation_steps": 8, "num_epochs": 3, "evaluation_strategy": "steps", "eval_steps": 100}}');
\x on
SELECT * FROM job_overview;
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_started', at(0));
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, learning_rate, grad_norm, samples_per_second, tokens_per_second, recorded_at)
	SELECT u(1), n, n / 52.0, CASE n WHEN 70 THEN 2.0945 ELSE 3 END, 2e-5, 1.5, 3.2, 1600, at(10 * n) FROM generate_series(1, 70) AS n;
-- silent since 2025, which is what the setting allows
SET trainjob.stall_timeout = '24000d';
SELECT id, model_name, method, status, health, progress_text, total_steps_text, dataset_size_text, loss_text, perplexity_text,
	learning_rate_text, eval_loss_text, eta_text, eta_seconds, eta_confidence, note, started_at, last_metric_at, last_alert_type, last_alert_at,
	elapsed_seconds > 0 AS elapsed
FROM job_overview;
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(1), 100, 100 / 52.0, 1.23449, at(1000));
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, learning_rate, recorded_at) VALUES (u(1), 156, 3, 1.5, 0, at(1560));
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(1), 'job_completed', at(1570));
SELECT * FROM job_overview;
\x off

-- ---- sizes ----

INSERT INTO local_training_jobs (model_name, total_samples, total_steps, current_step) VALUES
	('size 1', 1, 1, NULL), ('size 2', NULL, NULL, 5), ('size 3', 500, 48, 0), ('size 4', 1234567, 1000000, 1000),
	('size 5', 9223372036854775807, 9223372036854775807, 9223372036854775807);
SELECT model_name, dataset_size_text, total_steps_text, progress_text FROM job_overview WHERE model_name ~ '^size' ORDER BY 1;
INSERT INTO local_training_jobs (model_name, total_steps, current_step)
	SELECT 'percent', 1000, n FROM unnest('{0, 4, 5, 6, 444, 445, 446, 990, 999, 1000}'::integer[]) AS n;
SELECT current_step, progress_text FROM job_overview WHERE model_name = 'percent' ORDER BY 1;

-- ---- before the first evaluation ----

INSERT INTO local_training_jobs (id, model_name, config, total_samples, status)
	SELECT u(100 + n::integer), config, config::jsonb, 3200, 'running'
	FROM unnest(ARRAY[
		'{"method": "dpo", "evaluation_strategy": "steps", "eval_steps": 100}', '{"method": "cpt", "evaluation_strategy": "steps", "eval_steps": 500}',
		'{"evaluation_strategy": "epoch"}', '{"eval_strategy": "epoch", "eval_steps": 50}', '{"evaluation_strategy": "no"}', '{"evaluation_strategy": false}',
		'{"eval_steps": 50}', '{"method": "dpo"}', '{"training": {"method": "orpo"}}', '{"method": "sft"}', '{"method": "CPT"}', '{"method": "grpo"}', '{}',
		'{"num_train_epochs": 3}', '{"num_train_epochs": 3, "eval_steps": 50}', '{"num_train_epochs": 3, "eval_strategy": "steps", "logging_steps": 25}',
		'{"num_train_epochs": 3, "eval_strategy": "steps", "eval_steps": 0.1}', '{"evaluation_strategy": "steps", "eval_steps": 1}',
		'{"evaluation_strategy": "sometimes"}'])
		WITH ORDINALITY AS v (config, n);
SELECT model_name AS config, method, total_steps, eval_loss_text FROM job_overview WHERE id > u(100) AND id < u(200) ORDER BY id;
-- without a validation split, ended, and with a value
UPDATE local_training_jobs SET val_samples = 0 WHERE id = u(101);
UPDATE local_training_jobs SET status = 'completed' WHERE id = u(102);
UPDATE local_training_jobs SET status = 'failed' WHERE id = u(105);
UPDATE local_training_jobs SET eval_loss = 'NaN' WHERE id = u(103);
UPDATE local_training_jobs SET eval_loss = 0.00001 WHERE id = u(104);
SELECT model_name AS config, status, eval_loss_text FROM job_overview WHERE id BETWEEN u(101) AND u(105) ORDER BY id;

-- ---- before the first metrics, and without ----

INSERT INTO local_training_jobs (id, model_name, status) SELECT u(200 + n), 'values ' || n, CASE n WHEN 3 THEN 'failed' WHEN 4 THEN 'pending' ELSE 'running' END FROM generate_series(1, 6) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss, learning_rate, recorded_at) VALUES
	(u(202), 1, NULL, NULL, at(1)), (u(205), 1, 'NaN', 0.00123456, at(1)), (u(206), 1, 800, 1e-12, at(1));
SELECT model_name, status, loss_text, perplexity_text, learning_rate_text, eval_loss_text FROM job_overview WHERE id > u(200) AND id < u(300) ORDER BY id;

-- Numbers and durations as a person reads them.
SELECT v, d, _trainjob.number_text(v, d) FROM (VALUES (0::float8, 4), (1.23456, 4), (-1.5, 2), (0.00005, 4), (0.00004, 4), (1e10, 2), (9999999999, 2), (2e-5, -2), (0, -2),
	('NaN', 4), ('Infinity', 4), ('-Infinity', -2), (1.7e308, 2), (5e-324, -2), (NULL, 4)) AS x (v, d);
SELECT v, _trainjob.duration_text(v) FROM unnest('{0, 0.4, 45, 59.4, 59.5, 89, 90, 720, 3569, 3570, 3600, 12000, 86369, 86370, 187200, 1e9, 1e15, 1e16, -1, NaN, Infinity, NULL}'::float8[]) AS v;

-- ---- health ----

SET trainjob.stall_timeout = 600;
INSERT INTO local_training_jobs (id, model_name, status, started_at, status_changed_at, last_metric_at, loss, created_at)
	SELECT u(300 + n), 'health ' || name, status, now() - started, now() - changed, now() - metric, loss, now() - interval '1 day'
	FROM (VALUES (1, 'pending', 'pending', NULL::interval, NULL::interval, NULL::interval, NULL::float8), (2, 'queued', 'queued', NULL, NULL, NULL, NULL),
		(3, 'starting', 'starting', NULL, NULL, NULL, NULL), (4, 'paused', 'paused', NULL, NULL, NULL, 'NaN'),
		(5, 'running, reporting', 'running', '2 hours', '2 hours', '9 minutes', 1), (6, 'running, silent', 'running', '2 hours', '2 hours', '11 minutes', 1),
		(7, 'running, just begun', 'running', '1 minute', '1 minute', NULL, NULL), (8, 'running, never reported', 'running', '1 hour', '1 hour', NULL, NULL),
		(9, 'running, resumed just now', 'running', '2 hours', '1 minute', '1 hour', 1), (10, 'running, diverged', 'running', '2 hours', '2 hours', '1 minute', 'NaN'),
		(11, 'running, infinite', 'running', '2 hours', '2 hours', '1 hour', '-Infinity'), (12, 'completed', 'completed', NULL, NULL, NULL, 'NaN'),
		(13, 'failed', 'failed', NULL, NULL, NULL, NULL), (14, 'cancelled', 'cancelled', NULL, NULL, NULL, NULL)) AS v (n, name, status, started, changed, metric, loss);
SELECT model_name, status, health FROM job_overview WHERE model_name ~ '^health' ORDER BY id;
SET trainjob.stall_timeout = '5min';
SELECT model_name, health FROM job_overview WHERE model_name = 'health running, reporting';
\set VERBOSITY sqlstate
SET trainjob.stall_timeout = 0; -- fails
SET trainjob.stall_timeout = 'soon'; -- fails
\set VERBOSITY default
-- a new attempt does not diverge because the last one did
UPDATE local_training_jobs SET status = 'failed' WHERE id = u(310);
UPDATE local_training_jobs SET status = 'running' WHERE id = u(310);
SELECT model_name, health FROM job_overview WHERE id = u(310);

-- ---- the time that is left ----

SET trainjob.stall_timeout = '24000d';
INSERT INTO local_training_jobs (id, model_name, status, started_at, total_steps)
	SELECT u(400 + n), 'eta ' || name, 'running', at(0), total
	FROM (VALUES (1, '1: steady', 100), (2, '2: unsteady', 100), (3, '3: wild', 100), (4, '4: slower and slower', 105), (5, '5: every tenth step', 1000),
		(6, '6: four reports', 100), (7, '7: two reports', 100), (8, '8: one report', 100), (9, '9: none', 100), (10, '10: total unknown', NULL),
		(11, '11: only the last twenty', 1000), (12, '12: evaluations are no steps', 100)) AS v (n, name, total);
INSERT INTO local_training_metrics (job_id, step, recorded_at)
	SELECT u(401), n, at(n * 10) FROM generate_series(1, 20) AS n
	UNION ALL SELECT u(402), n, at(n * 10 + n % 2 * 2) FROM generate_series(1, 20) AS n
	UNION ALL SELECT u(403), n, at(n * 10 + n % 2 * 9) FROM generate_series(1, 20) AS n
	UNION ALL SELECT u(404), n, at(5 * n * (n - 1)) FROM generate_series(1, 5) AS n
	UNION ALL SELECT u(405), n * 10, at(n * 60) FROM generate_series(1, 30) AS n
	UNION ALL SELECT u(406), n * 10, at(100 + n * 60) FROM generate_series(1, 4) AS n
	UNION ALL SELECT u(407), n, at(n * 10) FROM generate_series(9, 10) AS n
	UNION ALL SELECT u(408), 10, at(100)
	UNION ALL SELECT u(410), n, at(n * 10) FROM generate_series(1, 20) AS n
	UNION ALL SELECT u(411), n, at(CASE WHEN n <= 80 THEN n ELSE 80 + (n - 80) * 10 END) FROM generate_series(1, 100) AS n
	UNION ALL SELECT u(412), n, at(n * 10) FROM generate_series(1, 10) AS n
	UNION ALL SELECT u(412), n, at(n * 10 + 5) FROM generate_series(1, 10) AS n;
SELECT model_name, current_step, total_steps, round(eta_seconds::numeric, 3) AS eta_seconds, eta_confidence, eta_text
FROM job_overview WHERE model_name ~ '^eta' ORDER BY id;
-- 1: 80 steps of 10 s. 4: paces 10, 20, 30, 40 weigh 1, 2, 3, 4: 30 s, 100 steps.
-- 6: 340 s for 40 steps since the start, 60 to go.
-- A run that is paused and resumed has its own pace.
SET session_replication_role = replica; -- by the server's clock, too
UPDATE local_training_jobs SET last_seen_at = last_metric_at WHERE id = u(401);
RESET session_replication_role;
UPDATE local_training_jobs SET status = 'paused', status_changed_at = at(1000) WHERE id = u(401);
SELECT eta_seconds, eta_confidence, eta_text FROM job_overview WHERE id = u(401);
UPDATE local_training_jobs SET status = 'running', status_changed_at = at(2000) WHERE id = u(401);
SELECT eta_seconds, eta_confidence, eta_text FROM job_overview WHERE id = u(401);
INSERT INTO local_training_metrics (job_id, step, recorded_at) SELECT u(401), 20 + n, at(2000 + n * 20) FROM generate_series(1, 6) AS n;
SELECT round(eta_seconds::numeric, 3) AS eta_seconds, eta_confidence, eta_text FROM job_overview WHERE id = u(401);
-- So has a new attempt, and it does not see the steps of the last one.
UPDATE local_training_jobs SET status = 'failed', failed_at = at(2200) WHERE id = u(401);
SELECT eta_seconds, eta_confidence, eta_text, elapsed_seconds, ended_at FROM job_overview WHERE id = u(401);
UPDATE local_training_jobs SET status = 'running', status_changed_at = at(3000), current_step = 10 WHERE id = u(401);
INSERT INTO local_training_metrics (job_id, step, recorded_at) SELECT u(401), 10 + n, at(3000 + n * 30) FROM generate_series(1, 3) AS n;
SELECT round(eta_seconds::numeric, 3) AS eta_seconds, eta_confidence, eta_text FROM job_overview WHERE id = u(401);
-- how long it took is this attempt's time
UPDATE local_training_jobs SET status = 'completed', completed_at = at(3600) WHERE id = u(401);
SELECT elapsed_seconds, ended_at, eta_seconds, eta_confidence, eta_text, progress_text FROM job_overview WHERE id = u(401);
-- a clock that went back gives no time below nothing
INSERT INTO local_training_jobs (id, model_name, status, started_at, total_steps) VALUES (u(420), 'clock', 'running', at(1000), 100);
INSERT INTO local_training_metrics (job_id, step, recorded_at) SELECT u(420), n, at(1000 - n * 10) FROM generate_series(1, 10) AS n;
SELECT eta_seconds, eta_text FROM job_overview WHERE id = u(420);
INSERT INTO alert_event (job_id, type, occurred_at) VALUES (u(420), 'job_completed', at(500));
SELECT elapsed_seconds, ended_at FROM job_overview WHERE id = u(420);

-- ---- notes ----

INSERT INTO local_training_jobs (model_name, dataset_path, total_samples, val_samples, config) VALUES
	('note 1', 's3://x', NULL, NULL, NULL), ('note 2', NULL, NULL, NULL, NULL), ('note 3', 's3://pairs', NULL, NULL, '{"packing": true}'),
	('note 4', 's3://pairs', NULL, NULL, '{"streaming": true}'), ('note 5', 's3://pairs', NULL, NULL, '{"batch_size": "auto"}'),
	('note 6', 's3://pairs', NULL, NULL, '{"num_generations": 8}'), ('note 7', 's3://pairs', NULL, NULL, '{"n_epochs": "auto"}'),
	('note 8', NULL, 10, 10, NULL), ('note 9', 's3://a "quoted" \path', NULL, NULL, '{}'), ('note 10', 's3://pairs', NULL, NULL, '{}');
SELECT model_name, total_steps_text, note FROM job_overview WHERE model_name ~ '^note' ORDER BY length(model_name), 1;
-- what the trainer says ends the question
UPDATE local_training_jobs SET total_steps = 10 WHERE model_name = 'note 1';
SELECT model_name, total_steps_text, note FROM job_overview WHERE model_name = 'note 1';

-- ---- alerts and errors ----

INSERT INTO local_training_jobs (id, model_name) VALUES (u(500), 'alerts');
INSERT INTO alert_event (job_id, type, occurred_at, error_message, error_type) VALUES (u(500), 'job_failed', at(20), 'no space left', 'disk'), (u(500), 'disk_warning', at(10), NULL, NULL);
SELECT status, health, last_alert_type, last_alert_at, error, error_type, ended_at, elapsed_seconds FROM job_overview WHERE id = u(500);

-- ---- which metrics there are ----

INSERT INTO local_training_jobs (id, model_name, status, started_at, config) VALUES
	(u(600), 'coverage', 'running', at(0), '{"max_steps": 1000, "evaluation_strategy": "steps", "eval_steps": 100}');
SELECT metric, rows, rows_with_value, verdict FROM metric_coverage WHERE job_id = u(600) AND metric IN ('train_loss', 'eval_loss') ORDER BY 1;
INSERT INTO local_training_metrics (job_id, step, train_loss, grad_norm, recorded_at)
	SELECT u(600), n, 1, CASE WHEN n >= 40 THEN 'NaN'::float8 ELSE 1 END, at(n) FROM generate_series(1, 42) AS n;
SELECT metric, rows, rows_with_value, first_step, last_step, newest_value, verdict FROM metric_coverage WHERE job_id = u(600) ORDER BY metric;
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(600), 120, 1, at(120));
SELECT metric, verdict FROM metric_coverage WHERE job_id = u(600) AND metric = 'eval_loss';
INSERT INTO local_training_metrics (job_id, step, eval_loss, recorded_at) VALUES (u(600), 200, 1, at(200));
SELECT metric, rows, rows_with_value, first_step, last_step, verdict FROM metric_coverage WHERE job_id = u(600) AND metric = 'eval_loss';

-- ---- a restart that is heard of by a clock that is behind ----

INSERT INTO local_training_jobs (id, status, config) VALUES (u(700), 'running', '{"max_steps": 100}'), (u(701), 'running', '{"max_steps": 100}');
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) SELECT u(n), 5, 2, now() - interval '5 min' FROM generate_series(700, 701) AS n;
UPDATE local_training_jobs SET status = 'failed' WHERE id IN (u(700), u(701));
UPDATE local_training_jobs SET status = 'pending' WHERE id IN (u(700), u(701));
SET session_replication_role = replica; -- a minute ago
UPDATE local_training_jobs SET restarted_at = now() - interval '1 min', status_changed_at = now() - interval '1 min', last_seen_at = now() - interval '2 min' WHERE id IN (u(700), u(701));
RESET session_replication_role;
SELECT right(id::text, 3) AS job, status, current_step, note FROM job_overview WHERE id IN (u(700), u(701)) ORDER BY id;
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(700), 1, 1.5, now() - interval '3 min');
SELECT right(id::text, 3) AS job, status, current_step, note FROM job_overview WHERE id IN (u(700), u(701)) ORDER BY id;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(700), 2, 1.5);
SELECT right(id::text, 3) AS job, status, current_step, note FROM job_overview WHERE id IN (u(700), u(701)) ORDER BY id;

-- ---- who sees what ----

CREATE ROLE regress_trainjob_viewer;
GRANT USAGE ON SCHEMA look TO regress_trainjob_viewer;
GRANT SELECT ON job_overview TO regress_trainjob_viewer;
SET ROLE regress_trainjob_viewer;
SELECT count(*) FROM job_overview; -- fails
RESET ROLE;
GRANT SELECT ON ALL TABLES IN SCHEMA look TO regress_trainjob_viewer;
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON local_training_jobs FOR SELECT TO regress_trainjob_viewer USING (user_id = '00000000-0000-0000-0000-000000000901');
SET ROLE regress_trainjob_viewer;
SELECT id, model_name, status FROM job_overview;
RESET ROLE;

DROP SCHEMA look CASCADE;
DROP ROLE regress_trainjob_viewer;
