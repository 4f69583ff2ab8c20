--
-- job_total: what steps and epochs prove of a total, whatever came first
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA total;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('total');
SET search_path = total, pg_catalog;
SET trainjob.stall_timeout = '24000d';
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE FUNCTION at(seconds float8) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2025-01-01 00:00Z'::timestamptz + seconds * interval '1 s' $$;
CREATE VIEW shown AS
	SELECT o.model_name AS job, o.status, o.current_step AS step, o.expected_total_steps AS expected, o.total_steps AS total,
		o.total_steps_source AS source, o.progress_text AS progress, o.eta_text AS eta, o.note
	FROM job_overview AS o;

-- ---- steps beyond the total ----

-- total_steps is the estimate where it is not said: 8000 rows by 8 is 1000
CREATE PROCEDURE job(n integer, name text, total bigint DEFAULT NULL, epochs float8 DEFAULT 1, samples bigint DEFAULT 8000) LANGUAGE sql AS $$
	INSERT INTO local_training_jobs (id, model_name, total_samples, total_steps, config)
	VALUES (u(n), name, samples, total, jsonb_build_object('per_device_train_batch_size', 8, 'num_train_epochs', epochs))
$$;
CREATE PROCEDURE report(n integer, step bigint, epoch float8 DEFAULT NULL) LANGUAGE sql AS $$
	INSERT INTO local_training_metrics (job_id, step, epoch, recorded_at) VALUES (u(n), step, epoch, at(step))
$$;

-- MLX counts by "iters", which its estimate does not know: 90 rows are 6 steps
INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (u(1), 'mlx', 90, '{"batch_size": 45, "gradient_accumulation_steps": 1}');
CALL report(1, 2);
SELECT * FROM shown;
CALL report(1, 10);
SELECT * FROM shown;
CALL report(1, 20);
CALL report(1, 50);
CALL report(1, 100);
SELECT * FROM shown;
SELECT eta_seconds, eta_confidence, progress FROM job_overview;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
-- a failure leaves it unknown, the end is a total
BEGIN;
INSERT INTO alert_event (job_id, type) VALUES (u(1), 'job_failed');
SELECT * FROM shown;
SELECT trainjob.refill_jobs();
ROLLBACK;
BEGIN;
UPDATE local_training_jobs SET status = 'completed';
SELECT * FROM shown;
SELECT trainjob.refill_jobs();
ROLLBACK;
-- the alert's own step is the last
BEGIN;
INSERT INTO alert_event (job_id, type, current_step) VALUES (u(1), 'job_completed', 500);
SELECT * FROM shown;
-- and one that comes later is later
CALL report(1, 501);
SELECT * FROM shown;
ROLLBACK;
-- the trainer's word is a total again
BEGIN;
INSERT INTO alert_event (job_id, type, total_steps) VALUES (u(1), 'job_started', 500);
SELECT * FROM shown;
ROLLBACK;
BEGIN;
UPDATE local_training_jobs SET total_steps = 500;
SELECT * FROM shown;
ROLLBACK;
-- as is another estimate, not the same one
BEGIN;
UPDATE local_training_jobs SET config = config || '{"lr": 1}';
SELECT * FROM shown;
UPDATE local_training_jobs SET config = config || '{"max_steps": 500}';
SELECT * FROM shown;
UPDATE local_training_jobs SET config = config || '{"max_steps": 99}';
SELECT * FROM shown;
ROLLBACK;
-- a restart keeps what is known of it, as it keeps a total that was observed
BEGIN;
UPDATE local_training_jobs SET status = 'failed';
UPDATE local_training_jobs SET status = 'running';
SELECT * FROM shown;
ROLLBACK;
-- a copy of the row that was read before brings nothing back
BEGIN;
UPDATE local_training_jobs SET total_steps = 6, total_steps_source = 'estimated';
SELECT * FROM shown;
ROLLBACK;
-- a restore takes the row as it is
CREATE TEMP TABLE dumped AS TABLE local_training_jobs;
TRUNCATE local_training_jobs CASCADE;
INSERT INTO local_training_jobs TABLE dumped;
SELECT * FROM shown;
CALL report(1, 100);
SELECT * FROM shown;
SELECT * FROM trainjob.verify_jobs();
DROP TABLE dumped;
TRUNCATE local_training_jobs CASCADE;

-- The first step beyond it by 1 % or by one is the total; any other is none, in
-- one statement as in two, whoever said the total.
CREATE PROCEDURE beyond(n integer, name text, first bigint, second bigint, total bigint DEFAULT NULL, once boolean DEFAULT false) LANGUAGE plpgsql AS $$
BEGIN
	CALL job(n, name, total);
	CALL report(n, 90);
	IF once THEN
		INSERT INTO local_training_metrics (job_id, step) VALUES (u(n), first), (u(n), second);
	ELSE
		CALL report(n, first);
		CALL report(n, second);
	END IF;
END;
$$;
CALL beyond(1, 'one', 1000, 1001);
CALL beyond(2, '1 percent', 999, 1010);
CALL beyond(3, 'more', 999, 1011);
CALL beyond(4, 'two beyond', 1001, 1002);
CALL beyond(5, 'two beyond, once', 1001, 1002, once => true);
CALL beyond(6, 'the first, once', 1000, 1001, once => true);
CALL beyond(7, 'the same twice', 1001, 1001, once => true);
CALL beyond(8, 'given', 100, 101, 100);
CALL beyond(9, 'given, two', 101, 102, 100);
CALL beyond(10, 'given, two, once', 102, 101, 100, once => true);
CALL beyond(11, 'given, far', 100, 120, 100);
CALL beyond(12, 'the total itself', 999, 1000);
SELECT * FROM shown ORDER BY length(job), job COLLATE "C";
SELECT model_name AS job, progress FROM local_training_jobs WHERE total_steps_source = 'observed' ORDER BY id;
SELECT count(*) FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
-- what the trainer reported is proved wrong as well
CALL job(20, 'reported');
INSERT INTO alert_event (job_id, type, total_steps) VALUES (u(20), 'job_started', 100);
CALL report(20, 90);
CALL report(20, 120);
SELECT * FROM shown WHERE job = 'reported';
-- an end takes the step; a failure takes one that is just beyond
CALL job(21, 'ended beyond');
INSERT INTO alert_event (job_id, type, current_step) VALUES (u(21), 'job_completed', 5000);
CALL job(22, 'failed beyond');
INSERT INTO alert_event (job_id, type, current_step) VALUES (u(22), 'job_failed', 5000);
CALL job(23, 'failed just beyond');
INSERT INTO alert_event (job_id, type, current_step) VALUES (u(23), 'job_failed', 1001);
SELECT * FROM shown WHERE job ~ 'beyond$' AND status <> 'running' ORDER BY 1;
-- rows that no trigger saw
SET session_replication_role = replica;
UPDATE local_training_jobs SET total_steps = 700, total_steps_source = 'given', current_step = 701 WHERE id = u(2);
UPDATE local_training_jobs SET total_steps = 700, total_steps_source = 'given', current_step = 900 WHERE id = u(3);
RESET session_replication_role;
SELECT column_name, stored, expected FROM trainjob.verify_jobs() WHERE job_id IN (u(2)::text, u(3)::text) ORDER BY job_id, 1;
SELECT trainjob.refill_jobs();
SELECT * FROM shown WHERE job IN ('1 percent', 'more') ORDER BY 1;
SELECT count(*) FROM trainjob.verify_jobs();
-- epochs tell how far it is where steps do not; what an application writes stays
CALL job(30, 'by epochs', 100, 4);
CALL report(30, 200, 1.2);
UPDATE local_training_jobs SET progress = 12 WHERE id = u(3);
SELECT * FROM shown WHERE job IN ('by epochs', 'more') ORDER BY 1;
TRUNCATE local_training_jobs CASCADE;


-- ---- what epochs prove ----

-- LlamaFactory#5149: it split 27 % off, which the count of samples does not show
INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (u(1), 'rounded', 3753,
	'{"stage": "sft", "per_device_train_batch_size": 8, "gradient_accumulation_steps": 1, "num_train_epochs": 3.0}');
CALL report(1, 100, 0.29);
SELECT * FROM shown;
-- a restore, a refill and a change that leaves the estimate as it is leave it so
BEGIN;
CREATE TEMP TABLE dumped ON COMMIT DROP AS TABLE local_training_jobs;
DELETE FROM local_training_jobs;
INSERT INTO local_training_jobs TABLE dumped;
SELECT total, source FROM shown;
SELECT trainjob.refill_jobs();
UPDATE local_training_jobs SET config = config || '{"lr": 1}';
SELECT total, source FROM shown;
-- and so does a copy of the row that was read before
UPDATE local_training_jobs SET total_steps = 1410, total_steps_source = 'estimated';
SELECT total, source FROM shown;
ROLLBACK;
CALL report(1, 344, 1.0);
SELECT * FROM shown;
CALL report(1, 500, 1.45);
SELECT * FROM shown;
CALL report(1, 1030, 2.99);
SELECT * FROM shown;
CALL report(1, 1032, 3.0);
SELECT * FROM shown;
SELECT count(*) FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
TRUNCATE local_training_jobs CASCADE;

-- two GPUs of which the configuration does not know, logged once an epoch
INSERT INTO local_training_jobs (id, model_name, total_samples, config) SELECT u(n), name, 12704, '{"per_device_train_batch_size": 8, "num_train_epochs": 2}'
	FROM (VALUES (1, 'two statements'), (2, 'one'), (3, 'one, reversed'), (4, 'reversed'), (5, 'with evaluations'), (6, 'another ratio'), (7, 'the same epoch')) AS v (n, name);
CALL report(1, 794, 1);
CALL report(1, 1588, 2);
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(2), 794, 1), (u(2), 1588, 2), (u(3), 1588, 2), (u(3), 794, 1);
CALL report(4, 1588, 2);
CALL report(4, 794, 1);
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss) VALUES (u(5), 794, 1, 2);
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss) VALUES (u(5), 1588, 2, 1);
CALL report(6, 794, 1);
CALL report(6, 1500, 2);
CALL report(7, 794, 1);
CALL report(7, 795, 1);
SELECT job, step, expected, total, source FROM shown ORDER BY 1;
SELECT column_name, stored, expected FROM trainjob.verify_jobs() ORDER BY 1;
SELECT trainjob.refill_jobs();
SELECT job, step, expected, total, source FROM shown WHERE job = 'reversed';
SELECT count(*) FROM trainjob.verify_jobs();
TRUNCATE local_training_jobs CASCADE;

-- evidence that comes late, in all orders; another total than GRPO's rule has; packing, whose estimate is not known
CREATE PROCEDURE in_order(n integer, name text, samples bigint, config jsonb, variadic reports float8[]) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (u(n), name, samples, config);
	FOR i IN 1 .. array_length(reports, 1) BY 2 LOOP
		CALL report(n, reports[i]::bigint, reports[i + 1]);
	END LOOP;
END;
$$;
SELECT '{"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4, "num_train_epochs": 4}' AS four,
	'{"per_device_train_batch_size": 8, "num_train_epochs": 3, "num_generations": 4}' AS grpo,
	'{"per_device_train_batch_size": 8, "num_train_epochs": 3, "packing": true}' AS packing \gset
CALL in_order(1, 'late: in order', 34639, :'four', 100, 100 / 2165.0, 8650, 3.995381062355658, 8660, 4);
CALL in_order(2, 'late: newest first', 34639, :'four', 8660, 4, 8650, 3.995381062355658);
CALL in_order(3, 'late: the middle first', 34639, :'four', 8650, 3.995381062355658, 8660, 4, 100, 100 / 2165.0);
INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (u(4), 'late: one statement', 34639, :'four');
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(4), 8660, 4), (u(4), 8650, 3.995381062355658);
CALL in_order(5, 'late: after the end', 34639, :'four', 8660, 4);
UPDATE local_training_jobs SET status = 'completed' WHERE id = u(5);
CALL report(5, 8650, 3.995381062355658);
CALL in_order(6, 'grpo', 1008, :'grpo', 10, 10 / 378.0, 20, 20 / 378.0);
CALL in_order(7, 'packing: newest first', 1008, :'packing', 1134, 3, 1130, 1130 / 378.0);
CALL in_order(8, 'packing: beyond its epochs', 1008, :'packing', 1134, 3, 1140, 1140 / 378.0);
SELECT '{"per_device_train_batch_size": 1, "num_train_epochs": 3}' AS three \gset
-- a whole epoch after a rounded one is rounded, too: 343 to 346 updates an epoch, where 0.29 allows the 350 estimated
CALL in_order(9, 'whole beside rounded', 350, :'three', 100, 0.29, 344, 1);
INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (u(10), 'whole beside rounded: one statement', 350, :'three');
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(10), 100, 0.29), (u(10), 344, 1);
CALL in_order(11, 'whole beside rounded: reversed', 350, :'three', 344, 1, 100, 0.29);
CALL in_order(12, 'whole beside exact', 350, :'three', 100, 100 / 350.0, 351, 1);
CALL in_order(13, 'whole alone', 350, :'three', 344, 1);
SELECT job, status, step, expected, total, source, progress FROM shown ORDER BY 1;
SELECT count(*) FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
SELECT job, total, source FROM shown WHERE job ~ 'reversed';
-- what triggers did not see, refill_jobs does
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE local_training_jobs SET total_steps = 34640, total_steps_source = 'estimated' WHERE id = u(2);
UPDATE local_training_jobs SET total_steps = NULL, total_steps_source = NULL WHERE id = u(7);
SET LOCAL session_replication_role = origin;
SELECT column_name, stored, expected FROM trainjob.verify_jobs() ORDER BY job_id, 1;
SELECT trainjob.refill_jobs();
SELECT job, total, source FROM shown WHERE job ~ 'newest' ORDER BY 1;
SELECT count(*) FROM trainjob.verify_jobs();
ROLLBACK;
TRUNCATE local_training_jobs CASCADE;

-- epochs in a column of whole numbers are counted, from 1 perhaps
BEGIN;
DROP VIEW shown, job_overview, metric_coverage;
ALTER TABLE local_training_metrics ALTER epoch TYPE integer;
INSERT INTO local_training_jobs (id, model_name, total_samples, config) VALUES (u(1), 'integer', 12704, '{"per_device_train_batch_size": 8, "num_train_epochs": 2}');
CALL report(1, 100, 1);
CALL report(1, 200, 2);
SELECT total_steps, total_steps_source FROM local_training_jobs;
SELECT count(*) FROM trainjob.verify_jobs();
ROLLBACK;

-- ---- the same reports, row by row, at once and reversed ----

-- U is another than the estimate has, or the same; some of every third job's steps are beyond
CREATE VIEW planned AS
	SELECT n, s AS step, CASE WHEN n % 4 = 3 OR s % 7 = 0 OR s % 26 = 0 OR s % 51 = 0 THEN NULL ELSE s / (100.0 + n % 5)::float8 END AS epoch
	FROM generate_series(1, 60) AS n, LATERAL (
		SELECT DISTINCT 1 + (hashint4(n * 1000 + i) & 1023) * 298 / 1023 + CASE WHEN n % 3 = 0 AND i > 3 THEN 400 ELSE 0 END AS s
		FROM generate_series(1, 2 + n % 7) AS i) AS r;
CREATE FUNCTION outcome(way text) RETURNS TABLE (n integer, outcome text) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	TRUNCATE local_training_jobs CASCADE;
	INSERT INTO local_training_jobs (id, total_samples, config) SELECT u(i), CASE WHEN i % 5 = 0 THEN 800 ELSE 960 END, '{"per_device_train_batch_size": 8, "num_train_epochs": 3}' FROM generate_series(1, 60) AS i;
	IF way = 'at once' THEN
		INSERT INTO local_training_metrics (job_id, step, epoch, recorded_at) SELECT u(p.n), step, epoch, at(step) FROM planned AS p;
	ELSE
		FOR r IN SELECT * FROM planned ORDER BY CASE WHEN way = 'reversed' THEN -step ELSE step END, planned.n LOOP
			INSERT INTO local_training_metrics (job_id, step, epoch, recorded_at) VALUES (u(r.n), r.step, r.epoch, at(r.step));
		END LOOP;
	END IF;
	RETURN QUERY SELECT i, (SELECT concat_ws(' ', total_steps, total_steps_source, current_step, current_epoch, progress)
		FROM local_training_jobs WHERE id = u(i)) FROM generate_series(1, 60) AS i;
END;
$$;
CREATE TEMP TABLE seen AS SELECT 'row by row' AS way, o.* FROM outcome('row by row') AS o;
SELECT count(*) FROM trainjob.verify_jobs();
INSERT INTO seen SELECT 'at once', o.* FROM outcome('at once') AS o;
INSERT INTO seen SELECT 'reversed', o.* FROM outcome('reversed') AS o;
SELECT count(*) FROM trainjob.verify_jobs();
SELECT n, array_agg(DISTINCT outcome) FROM seen GROUP BY n HAVING count(DISTINCT outcome) > 1 ORDER BY n;
SELECT split_part(outcome, ' ', 2) ~ 'estimated' AS estimated, outcome ~ 'observed' AS observed, outcome ~ 'disproved' AS disproved, count(*) FROM seen GROUP BY 1, 2, 3 ORDER BY 1, 2;

SET client_min_messages = warning;
DROP SCHEMA total CASCADE;
