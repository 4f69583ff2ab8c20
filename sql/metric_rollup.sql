--
-- fill_metric and roll_up_metrics: reports go up to their job
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA roll;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('roll');
SET search_path = roll, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE VIEW j AS
	SELECT model_name AS job, status, current_step AS step, current_epoch AS epoch, loss, eval_loss,
		round(perplexity::numeric, 4) AS perplexity, learning_rate AS lr, best_eval_loss AS best, best_step, best_epoch,
		to_char(last_metric_at, 'HH24:MI:SS') AS last
	FROM local_training_jobs;
-- who counts the updates of each job
CREATE TABLE updates (job text);
CREATE FUNCTION count_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO roll.updates (job) VALUES (NEW.model_name);
	RETURN NULL;
END;
$$;
CREATE TRIGGER count_update AFTER UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION count_update();
CREATE FUNCTION counted() RETURNS TABLE (jobs bigint, updates bigint, most bigint) LANGUAGE sql AS $$
	WITH gone AS (DELETE FROM roll.updates RETURNING job),
		per_job AS (SELECT count(*) AS n FROM gone GROUP BY job)
	SELECT count(*), coalesce(sum(n), 0)::bigint, max(n) FROM per_job;
$$;
CREATE FUNCTION at(seconds integer) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2025-01-01 00:00Z'::timestamptz + seconds * interval '1 s' $$;

-- ---- training and evaluation ----

INSERT INTO local_training_jobs (id, model_name, config) VALUES (u(1), 'plain', '{"max_steps": 100}');
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, learning_rate, grad_norm, recorded_at) VALUES
	(u(1), 10, 0.1, 2.0945, 2e-5, 1.5, at(10));
SELECT * FROM j;
SELECT started_at IS NOT NULL AS started, status_changed_at, progress FROM local_training_jobs;
-- an evaluation erases no loss, and training erases no evaluation
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(1), 10, 0.1, 1.9, at(11));
SELECT * FROM j;
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, learning_rate, recorded_at) VALUES (u(1), 20, 0.2, 1.8, 1e-5, at(20));
SELECT * FROM j;
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(1), 20, 0.2, 1.95, at(21));
SELECT * FROM j;

-- all that a report may hold
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, learning_rate, grad_norm, samples_per_second,
	tokens_per_second, gpu_memory_allocated_gb, gpu_memory_reserved_gb, gpu_utilization_percent, extra, recorded_at) VALUES
	(u(1), 30, 0.3, 1.5, 1.75, 9e-6, 0.5, 12.5, 6400, 38.25, 40, 97.5, '{"host": "h1"}', at(30));
SELECT current_step, current_epoch, loss, eval_loss, learning_rate, grad_norm, samples_per_second, tokens_per_second,
	gpu_memory_allocated_gb, gpu_utilization_percent, best_eval_loss, best_step, best_epoch, last_metric_at, progress
FROM local_training_jobs;
-- a report of nothing but its step
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (u(1), 31, at(31));
SELECT * FROM j;
-- and one without a time has that of its arrival
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (u(1), 32, NULL);
SELECT m.recorded_at = j.last_metric_at AS same, m.recorded_at > now() - interval '1 hour' AS just_now
FROM local_training_metrics AS m JOIN local_training_jobs AS j ON j.id = m.job_id WHERE m.step = 32;

-- ---- late, repeated, out of order ----

INSERT INTO local_training_jobs (id, model_name) VALUES (u(2), 'late');
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) VALUES
	(u(2), 30, 3.0, NULL, at(30)), (u(2), 10, 1.0, 0.5, at(10)), (u(2), 20, 2.0, NULL, at(20));
SELECT * FROM j WHERE job = 'late';
-- late: older than what is known, newer than the evaluation
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) VALUES (u(2), 25, 2.5, 0.6, at(40));
SELECT * FROM j WHERE job = 'late';
-- late with the best evaluation
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(2), 5, 0.05, 0.4, at(41));
SELECT * FROM j WHERE job = 'late';
-- as good as the best, but later: the first step that has it stays; earlier: it moves
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(2), 7, 0.07, 0.4, at(42));
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(2), 3, 0.03, 0.4, at(43));
SELECT * FROM j WHERE job = 'late';
-- repeated: of one step the row that came last
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(2), 30, 3.1, at(30));
SELECT * FROM j WHERE job = 'late';
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(2), 30, 3.2, at(30)), (u(2), 30, 3.3, at(30));
SELECT * FROM j WHERE job = 'late';
-- by id, not by the order in which a statement brings them
INSERT INTO local_training_metrics (job_id, step, id, train_loss, recorded_at) VALUES
	(u(2), 40, 1000002, 4.2, at(44)), (u(2), 40, 1000001, 4.1, at(45));
SELECT * FROM j WHERE job = 'late';
INSERT INTO local_training_metrics (job_id, step, id, train_loss, recorded_at) VALUES (u(2), 40, 1000000, 4.0, at(46));
SELECT * FROM j WHERE job = 'late';
-- Word for word again: nothing is written.
SELECT ctid AS before FROM local_training_jobs WHERE id = u(2) \gset
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at)
	SELECT job_id, step, train_loss, eval_loss, recorded_at FROM local_training_metrics WHERE job_id = u(2) AND step < 40;
SELECT ctid = :'before' AS untouched FROM local_training_jobs WHERE id = u(2);
-- step 0 is a step
INSERT INTO local_training_jobs (id, model_name) VALUES (u(3), 'zero');
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss, recorded_at) VALUES (u(3), 0, 0, 9, at(1));
SELECT * FROM j WHERE job = 'zero';

-- ---- NaN and infinity are values, but never the best ----

INSERT INTO local_training_jobs (id, model_name) VALUES (u(4), 'nan');
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, grad_norm, recorded_at) VALUES (u(4), 1, 'NaN', 'NaN', 'Infinity', at(1));
SELECT job, step, loss, eval_loss, perplexity, best FROM j WHERE job = 'nan';
INSERT INTO local_training_metrics (job_id, step, eval_loss, recorded_at) VALUES (u(4), 2, 5, at(2)), (u(4), 3, '-Infinity', at(3)), (u(4), 4, 'Infinity', at(4));
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'nan';
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) VALUES (u(4), 5, '-Infinity', 'NaN', at(5));
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'nan';
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) VALUES (u(4), 6, '-0', -3, at(6));
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'nan';

-- ---- perplexity ----

INSERT INTO local_training_jobs (id, model_name) VALUES (u(5), 'perplexity');
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, perplexity, eval_perplexity) VALUES
	(u(5), 1, 1, 2, NULL, NULL), (u(5), 2, 1, 2, 7, 8), (u(5), 3, 0, -1, NULL, NULL), (u(5), 4, 709, 710, NULL, NULL),
	(u(5), 5, 'NaN', 'Infinity', NULL, NULL), (u(5), 6, '-Infinity', NULL, NULL, NULL), (u(5), 7, NULL, 2, NULL, NULL),
	(u(5), 8, 1, NULL, 'NaN', NULL), (u(5), 9, NULL, NULL, 3, NULL);
SELECT step, train_loss, eval_loss, perplexity, eval_perplexity FROM local_training_metrics WHERE job_id = u(5) ORDER BY step;
SELECT loss, perplexity FROM local_training_jobs WHERE id = u(5);
-- It follows its loss in an UPDATE, unless it was the trainer's.
UPDATE local_training_metrics SET train_loss = 0, eval_loss = 0 WHERE job_id = u(5) AND step <= 2;
UPDATE local_training_metrics SET train_loss = NULL, perplexity = 5 WHERE job_id = u(5) AND step = 3;
UPDATE local_training_metrics SET train_loss = 1000 WHERE job_id = u(5) AND step = 4;
SELECT step, train_loss, eval_loss, perplexity, eval_perplexity FROM local_training_metrics WHERE job_id = u(5) AND step <= 4 ORDER BY step;

-- ---- the trainer's summary ----

-- Its train_loss is the mean of the run, not the loss of a step.
INSERT INTO local_training_jobs (id, model_name) VALUES (u(6), 'summary');
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, learning_rate, recorded_at) VALUES (u(6), 330, 2.95, 0.5, 1e-6, at(1));
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, samples_per_second, extra, recorded_at) VALUES
	(u(6), 336, 2.9867, 1.25, 8.5, '{"train_runtime": 1234.5, "total_flos": 1e15}', at(2));
SELECT * FROM j WHERE job = 'summary';
SELECT samples_per_second FROM local_training_jobs WHERE id = u(6);
SELECT step, train_loss, perplexity FROM local_training_metrics WHERE job_id = u(6) ORDER BY step;
-- the same in one statement, and late
INSERT INTO local_training_jobs (id, model_name) VALUES (u(7), 'summary too');
INSERT INTO local_training_metrics (job_id, step, train_loss, extra, recorded_at) VALUES
	(u(7), 336, 1.25, '{"train_runtime": 1}', at(2)), (u(7), 336, 0.5, '{"host": "h1"}', at(2)), (u(7), 330, 0.6, NULL, at(1));
SELECT job, step, loss, perplexity FROM j WHERE job = 'summary too';
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(7), 335, 0.55, at(1));
SELECT job, step, loss, perplexity FROM j WHERE job = 'summary too';
-- One whose "extra" is stored compressed, or out of line, is one for whoever reads it again: a late report, the
-- curve, verify_jobs. The key tells, whatever it holds, but only as a key.
INSERT INTO local_training_jobs (id, model_name) SELECT u(10 + n), 'long summary ' || n FROM generate_series(1, 5) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) SELECT u(10 + n), 330, 0.5, at(1) FROM generate_series(1, 5) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss, extra, recorded_at) VALUES
	(u(11), 336, 1.25, jsonb_build_object('train_runtime', 1, 'log', repeat('step ', 2000)), at(2)),
	(u(12), 336, 1.25, (SELECT jsonb_build_object('train_runtime', 1, 'log', string_agg(md5(n::text), '')) FROM generate_series(1, 200) AS n), at(2)),
	(u(13), 336, 1.25, '{"train_runtime": null}', at(2)),
	(u(14), 336, 1.25, '["train_runtime"]', at(2)),
	(u(15), 336, 1.25, '"train_runtime"', at(2));
CREATE VIEW long_summaries AS
	SELECT j.job, j.step, j.loss, (SELECT s.value FROM trainjob.metric_series(m.job_id, 'train_loss', jobs => 'roll.local_training_jobs') AS s ORDER BY s.step DESC LIMIT 1) AS curve,
		j.job LIKE '%1' AND pg_column_size(m.extra) < octet_length(m.extra::text) AS compressed, octet_length(m.extra::text) > 2000 AS long
	FROM roll.j JOIN local_training_metrics AS m ON m.step = 336 JOIN local_training_jobs AS i ON i.id = m.job_id AND i.model_name = j.job
	WHERE j.job LIKE 'long%' ORDER BY j.job;
SELECT * FROM long_summaries;
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) SELECT u(10 + n), 335, 0.55, at(1) FROM generate_series(1, 5) AS n;
SELECT job, step, loss, curve FROM long_summaries;
-- copied as it is stored
INSERT INTO local_training_jobs (id, model_name) SELECT u(20 + n), 'copied ' || n FROM generate_series(1, 2) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss, extra, recorded_at) SELECT u(20 + n), 330, 0.5, NULL, at(1) FROM generate_series(1, 2) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss, extra, recorded_at) SELECT u(20 + n), m.step, m.train_loss, m.extra, m.recorded_at
	FROM generate_series(1, 2) AS n JOIN local_training_metrics AS m ON m.job_id = u(10 + n) AND m.step = 336;
SELECT m.train_loss, m.perplexity, j.job, j.loss FROM j JOIN local_training_jobs AS i ON i.model_name = j.job
	JOIN local_training_metrics AS m ON m.job_id = i.id AND m.step = 336 WHERE j.job LIKE 'copied%' ORDER BY j.job;
SELECT count(*) FROM trainjob.verify_jobs('local_training_jobs');
DELETE FROM local_training_jobs WHERE model_name LIKE 'long%' OR model_name LIKE 'copied%';
DROP VIEW long_summaries;

-- ---- one statement, one update for each job ----

INSERT INTO local_training_jobs (id, model_name, config) SELECT u(100 + n), 'many ' || n, '{"max_steps": 5000}' FROM generate_series(1, 20) AS n;
DELETE FROM updates;
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at)
	SELECT u(101 + n % 20), 1 + n / 20, n, CASE WHEN n % 7 = 0 THEN 10000 - n END, at(n) FROM generate_series(0, 999) AS n
	ORDER BY n * 7919 % 1000;
SELECT * FROM counted();
SELECT count(DISTINCT (status, current_step)), min(status), min(current_step), sum(loss), sum(eval_loss), sum(best_eval_loss)
FROM local_training_jobs WHERE id BETWEEN u(101) AND u(120);
SELECT job, step, loss, eval_loss, best, best_step, last FROM j WHERE job IN ('many 1', 'many 20') ORDER BY 1;
-- running by now: the short way
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at)
	SELECT u(101 + n % 20), 100 + n / 20, n, at(2000 + n) FROM generate_series(0, 999) AS n ORDER BY n * 7919 % 1000;
SELECT * FROM counted();
-- late: nothing to say but that they came
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at)
	SELECT u(101 + n % 20), 60 + n / 60, n, at(500) FROM generate_series(0, 999) AS n;
SELECT * FROM counted();
-- COPY is a statement
COPY local_training_metrics (job_id, step, train_loss, eval_loss, recorded_at) FROM stdin;
00000000-0000-0000-0000-000000000101	201	0.9	\N	2025-01-01 02:00:01+00
00000000-0000-0000-0000-000000000102	201	0.8	\N	2025-01-01 02:00:02+00
00000000-0000-0000-0000-000000000101	202	0.7	\N	2025-01-01 02:00:03+00
00000000-0000-0000-0000-000000000101	202	\N	NaN	2025-01-01 02:00:04+00
00000000-0000-0000-0000-000000000102	202	0.5	0.25	2025-01-01 02:00:05+00
\.
SELECT * FROM counted();
SELECT job, step, loss, eval_loss, best, best_step, last FROM j WHERE job IN ('many 1', 'many 2') ORDER BY 1;
-- An update of many
UPDATE local_training_metrics SET train_loss = train_loss + 0.5 WHERE job_id BETWEEN u(101) AND u(120);
SELECT * FROM counted();
SELECT job, step, loss, eval_loss FROM j WHERE job IN ('many 1', 'many 3') ORDER BY 1;

-- ---- upserts and updates ----

INSERT INTO local_training_jobs (id, model_name) VALUES (u(8), 'upsert');
INSERT INTO local_training_metrics (job_id, step, id, train_loss, eval_loss, recorded_at) VALUES
	(u(8), 1, 1, 1.0, 0.9, at(1)), (u(8), 2, 1, 2.0, 0.8, at(2));
INSERT INTO local_training_metrics (job_id, step, id, train_loss, recorded_at) VALUES (u(8), 2, 1, 2.2, at(3)), (u(8), 3, 1, 3.0, at(4))
	ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = excluded.train_loss;
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'upsert';
INSERT INTO local_training_metrics (job_id, step, id, train_loss) VALUES (u(8), 3, 1, 9.9) ON CONFLICT DO NOTHING;
DELETE FROM updates;
INSERT INTO local_training_metrics (job_id, step, id, train_loss, eval_loss, recorded_at) VALUES (u(8), 3, 1, 3.3, 0.7, at(4))
	ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = excluded.train_loss, eval_loss = excluded.eval_loss;
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'upsert';
SELECT * FROM counted();
-- the newest value goes back to the one before it, the best to the next best
UPDATE local_training_metrics SET train_loss = NULL, eval_loss = NULL WHERE job_id = u(8) AND step = 3;
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'upsert';
UPDATE local_training_metrics SET eval_loss = 5 WHERE job_id = u(8) AND step = 2;
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'upsert';
UPDATE local_training_metrics SET eval_loss = NULL WHERE job_id = u(8);
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'upsert';
-- a step corrected
UPDATE local_training_metrics SET step = 7, train_loss = 7 WHERE job_id = u(8) AND step = 1;
SELECT job, step, loss FROM j WHERE job = 'upsert';
UPDATE local_training_metrics SET step = 1, train_loss = 1 WHERE job_id = u(8) AND step = 7;
SELECT job, step, loss FROM j WHERE job = 'upsert';
-- a report given to the job that it belongs to
INSERT INTO local_training_jobs (id, model_name) VALUES (u(9), 'heir');
UPDATE local_training_metrics SET job_id = u(9), train_loss = 6 WHERE job_id = u(8) AND step = 3;
SELECT job, status, step, loss FROM j WHERE job IN ('upsert', 'heir') ORDER BY 1;
-- a remark changes nothing
SELECT ctid AS before FROM local_training_jobs WHERE id = u(8) \gset
UPDATE local_training_metrics SET extra = '{"remark": 1}' WHERE job_id = u(8);
SELECT ctid = :'before' AS untouched FROM local_training_jobs WHERE id = u(8);

-- ---- what changes nothing ----

DELETE FROM updates;
DELETE FROM local_training_metrics WHERE job_id IN (u(1), u(2));
INSERT INTO local_training_metrics (job_id, step) SELECT u(1), 99 WHERE false;
UPDATE local_training_metrics SET step = 99 WHERE false;
INSERT INTO local_training_metrics (job_id, step) SELECT u(1), 99 WHERE false ON CONFLICT (job_id, step, id) DO UPDATE SET epoch = 1;
COPY local_training_metrics (job_id, step) FROM stdin;
\.
SELECT * FROM counted();
SELECT job, step, epoch, loss, eval_loss, perplexity, lr, best, best_step, best_epoch FROM j WHERE job IN ('plain', 'late') ORDER BY 1;
-- after old reports are gone, what is new is still known
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(1), 33, 1.4, at(50));
SELECT job, step, loss, eval_loss, best, best_step FROM j WHERE job = 'plain';
DELETE FROM updates;
BEGIN;
TRUNCATE local_training_metrics;
SELECT * FROM counted();
ROLLBACK;
-- a job that nobody knows, where no foreign key forbids it
ALTER TABLE local_training_metrics DROP CONSTRAINT local_training_metrics_job_id_fkey;
INSERT INTO local_training_metrics (job_id, step) VALUES (u(999), 1);
UPDATE local_training_metrics SET train_loss = 1 WHERE job_id = u(999);
SELECT count(*) FROM local_training_metrics WHERE job_id = u(999);
DELETE FROM local_training_metrics WHERE job_id = u(999);

-- ---- what a report says of the status ----

INSERT INTO local_training_jobs (id, model_name, status, status_changed_at, error, error_type, failed_at)
	SELECT u(200 + n::integer), concat_ws(' ', 'is', status, error_type), status, at(100), error_type, error_type,
		CASE WHEN status = 'failed' THEN at(100) END
	FROM (VALUES (1, 'pending', NULL), (2, 'queued', NULL), (3, 'starting', NULL), (4, 'running', NULL), (5, 'paused', NULL),
		(6, 'completed', NULL), (7, 'failed', 'oom'), (8, 'failed', 'stalled'), (9, 'cancelled', NULL)) AS v (n, status, error_type);
CREATE VIEW s AS
	SELECT model_name AS job, status, to_char(status_changed_at, 'HH24:MI:SS') AS changed, to_char(restarted_at, 'HH24:MI:SS') AS restarted,
		started_at IS NOT NULL AS started, completed_at IS NOT NULL AS completed, to_char(failed_at, 'HH24:MI:SS') AS failed,
		error, error_type, current_step AS step, loss
	FROM local_training_jobs WHERE id BETWEEN u(200) AND u(299);
-- a report of before the job was paused or given up brings neither back
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) SELECT u(200 + n), 10, 1, at(90) FROM generate_series(1, 9) AS n;
SELECT * FROM s ORDER BY 1;
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) SELECT u(200 + n), 5, 0.5, at(110) FROM generate_series(1, 9) AS n;
SELECT * FROM s ORDER BY 1;
SELECT DISTINCT c.status_before, c.status_after, to_char(c.changed_at, 'HH24:MI:SS') AS changed
FROM job_status_change AS c JOIN s ON true JOIN local_training_jobs AS l ON l.id = c.job_id AND l.model_name = s.job ORDER BY 1, 2;

-- ---- attempts ----

INSERT INTO local_training_jobs (id, model_name, config, status, started_at) VALUES
	(u(10), 'attempts', '{"max_steps": 100}', 'running', at(0));
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, recorded_at) VALUES
	(u(10), 40, 0.4, 4.0, 0.4, at(40)), (u(10), 50, 0.5, 5.0, 0.5, at(50));
UPDATE local_training_jobs SET status = 'failed', failed_at = at(60) WHERE id = u(10);
UPDATE local_training_jobs SET status = 'running', restarted_at = at(100) WHERE id = u(10);
SELECT * FROM j WHERE job = 'attempts';
-- what is left of the first attempt arrives
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, recorded_at) VALUES (u(10), 55, 0.55, 5.5, 0.3, at(55));
SELECT * FROM j WHERE job = 'attempts';
-- the second attempt begins, from scratch
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, recorded_at) VALUES (u(10), 1, 0.01, 9.0, at(101));
SELECT * FROM j WHERE job = 'attempts';
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, recorded_at) VALUES (u(10), 2, 0.02, 8.0, 0.9, at(102)), (u(10), 56, 0.56, 5.6, 0.2, at(56));
SELECT * FROM j WHERE job = 'attempts';
-- the third from a checkpoint: steps below it are late, steps above count
UPDATE local_training_jobs SET status = 'completed', completed_at = at(190) WHERE id = u(10);
UPDATE local_training_jobs SET status = 'running', restarted_at = at(200), current_step = 50 WHERE id = u(10);
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, recorded_at) VALUES (u(10), 51, 0.51, 5.1, at(201));
SELECT * FROM j WHERE job = 'attempts';
UPDATE local_training_metrics SET train_loss = 5.15 WHERE job_id = u(10) AND step = 51;
SELECT * FROM j WHERE job = 'attempts';
-- twice in one transaction, hence at the same time; a report is ahead of it
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, recorded_at) VALUES (u(10), 52, 0.52, 5.2, '2125-01-01 00:06:40Z');
BEGIN;
UPDATE local_training_jobs SET status = 'failed' WHERE id = u(10);
UPDATE local_training_jobs SET status = 'running' WHERE id = u(10);
UPDATE local_training_jobs SET status = 'failed' WHERE id = u(10);
UPDATE local_training_jobs SET status = 'running' WHERE id = u(10);
COMMIT;
SELECT * FROM j WHERE job = 'attempts';

-- ---- metrics in partitions ----

-- Their columns lie otherwise than in the table that the statement names.
ALTER TABLE local_training_metrics RENAME TO old_metrics;
CREATE TABLE local_training_metrics (LIKE old_metrics INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY RANGE (step);
CREATE TABLE low (gone integer, LIKE old_metrics);
ALTER TABLE low DROP gone, DROP job_id, DROP step, DROP train_loss, DROP perplexity;
ALTER TABLE low ADD perplexity float8, ADD train_loss float8, ADD step bigint NOT NULL, ADD job_id uuid NOT NULL;
ALTER TABLE local_training_metrics ATTACH PARTITION low FOR VALUES FROM (0) TO (100);
CREATE TABLE high PARTITION OF local_training_metrics FOR VALUES FROM (100) TO (1000);
SELECT count(*) > 0 AS made FROM trainjob.create_tables('roll');
INSERT INTO local_training_jobs (id, model_name) VALUES (u(11), 'partitioned');
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(11), 99, 1, at(99)), (u(11), 100, 2, at(100));
SELECT * FROM j WHERE job = 'partitioned';
INSERT INTO local_training_metrics (job_id, step, eval_loss, recorded_at) VALUES (u(11), 50, 0.5, at(101));
UPDATE local_training_metrics SET train_loss = 3, step = 10 WHERE job_id = u(11) AND step = 100;
SELECT * FROM j WHERE job = 'partitioned';
SELECT tableoid::regclass, step, train_loss, round(perplexity::numeric, 3) AS perplexity, round(eval_perplexity::numeric, 3) AS eval_perplexity
FROM local_training_metrics ORDER BY step;
DROP TABLE local_training_metrics CASCADE;
ALTER TABLE old_metrics RENAME TO local_training_metrics;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('roll');

-- ---- against a plain computation ----

-- Whatever comes in whatever order: the job shows what a query over all of its
-- reports would find.
DROP TRIGGER count_update ON local_training_jobs;
TRUNCATE local_training_jobs, local_training_metrics;
CREATE VIEW truth AS
	SELECT j.id, (SELECT max(m.step) FROM local_training_metrics AS m WHERE m.job_id = j.id AND m.recorded_at >= a.start) AS current_step,
		v.current_epoch, v.loss, v.eval_loss, v.grad_norm, b.eval_loss AS best_eval_loss, b.step AS best_step, b.epoch AS best_epoch
	FROM local_training_jobs AS j
	CROSS JOIN LATERAL (SELECT coalesce(j.restarted_at, '-infinity') AS start) AS a
	CROSS JOIN LATERAL (
		SELECT (array_agg(m.epoch ORDER BY m.step DESC, m.id DESC) FILTER (WHERE m.epoch IS NOT NULL))[1] AS current_epoch,
			(array_agg(m.train_loss ORDER BY coalesce(m.extra ? 'train_runtime', false), m.step DESC, m.id DESC)
				FILTER (WHERE m.train_loss IS NOT NULL))[1] AS loss,
			(array_agg(m.eval_loss ORDER BY m.step DESC, m.id DESC) FILTER (WHERE m.eval_loss IS NOT NULL))[1] AS eval_loss,
			(array_agg(m.grad_norm ORDER BY m.step DESC, m.id DESC) FILTER (WHERE m.grad_norm IS NOT NULL))[1] AS grad_norm
		FROM local_training_metrics AS m WHERE m.job_id = j.id AND m.recorded_at >= a.start) AS v
	LEFT JOIN LATERAL (
		SELECT m.eval_loss, m.step, m.epoch FROM local_training_metrics AS m
		WHERE m.job_id = j.id AND m.eval_loss <> 'NaN' AND abs(m.eval_loss) <> 'Infinity'
		ORDER BY m.eval_loss, m.step, m.id LIMIT 1) AS b ON true;
-- a value that the attempt has not reported yet is the last one's
CREATE VIEW untrue AS
	SELECT j.id, to_jsonb(t) AS truth, to_jsonb(j) - 'config' AS job
	FROM local_training_jobs AS j JOIN truth AS t USING (id)
	WHERE (j.current_step, j.best_eval_loss, j.best_step, j.best_epoch)
			IS DISTINCT FROM (t.current_step, t.best_eval_loss, t.best_step, t.best_epoch)
	   OR CASE WHEN j.restarted_at IS NULL
			THEN (j.current_epoch, j.loss, j.eval_loss, j.grad_norm) IS DISTINCT FROM (t.current_epoch, t.loss, t.eval_loss, t.grad_norm)
			ELSE j.current_epoch <> t.current_epoch OR j.loss <> t.loss OR j.eval_loss <> t.eval_loss OR j.grad_norm <> t.grad_norm END;
CREATE TABLE seed (n bigint);
INSERT INTO seed VALUES (20251219);
-- 0 <= chance(n) < n, the same everywhere
CREATE FUNCTION chance(below integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	s bigint;
BEGIN
	UPDATE roll.seed SET n = (n * 1103515245 + 12345) % 2147483648 RETURNING n / 1024 INTO s;
	RETURN s % below;
END;
$$;
CREATE FUNCTION some_value() RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
	RETURN CASE roll.chance(8) WHEN 0 THEN NULL WHEN 1 THEN NULL WHEN 2 THEN 'NaN'::float8 WHEN 3 THEN 'Infinity'
		ELSE roll.chance(20) END;
END;
$$;
CREATE FUNCTION storm(first integer, last integer, restarts boolean) RETURNS TABLE (statement integer, what text, truth jsonb, job jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	n integer;
	kind integer;
BEGIN
	FOR n IN first .. last LOOP
		kind := roll.chance(CASE WHEN restarts THEN 11 ELSE 10 END);
		IF kind < 6 THEN
			INSERT INTO roll.local_training_metrics (job_id, step, epoch, train_loss, eval_loss, grad_norm, extra, recorded_at)
				SELECT roll.u(1 + roll.chance(3)), roll.chance(10) + n % 500 / 4, roll.chance(5), roll.some_value(),
					CASE WHEN roll.chance(3) = 0 THEN roll.some_value() END, roll.some_value(),
					CASE WHEN roll.chance(10) = 0 THEN '{"train_runtime": 1}'::jsonb END, roll.at(n + roll.chance(3))
				FROM generate_series(0, roll.chance(4));
		ELSIF kind = 6 THEN
			INSERT INTO roll.local_training_metrics (job_id, step, id, train_loss, eval_loss, recorded_at)
				VALUES (roll.u(1 + roll.chance(3)), roll.chance(5), 0, roll.some_value(), roll.some_value(), roll.at(n)),
					(roll.u(1 + roll.chance(3)), 6 + roll.chance(5), 0, roll.some_value(), roll.some_value(), roll.at(n))
				ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = excluded.train_loss, eval_loss = excluded.eval_loss;
		ELSIF kind = 7 THEN
			UPDATE roll.local_training_metrics SET eval_loss = roll.some_value(), train_loss = roll.some_value()
				WHERE job_id = roll.u(1 + roll.chance(3)) AND step > n % 500 / 4 AND id % 3 = n % 3;
		ELSIF kind = 8 THEN
			UPDATE roll.local_training_metrics SET step = step + 1, epoch = roll.chance(9)
				WHERE id = (SELECT id FROM roll.local_training_metrics WHERE id > 0 ORDER BY (id * 7919 + n * 31) % 1000, id LIMIT 1);
		ELSIF kind = 9 THEN
			UPDATE roll.local_training_metrics SET step = greatest(step - 3, 0)
				WHERE job_id = roll.u(1 + roll.chance(3)) AND step > n % 500 / 4 + 5 AND id > 0;
		ELSE
			UPDATE roll.local_training_jobs SET status = 'failed' WHERE id = roll.u(1 + n % 3);
			UPDATE roll.local_training_jobs SET status = 'running', restarted_at = roll.at(n) WHERE id = roll.u(1 + n % 3);
			-- its first reports may have come before
		END IF;
		RETURN QUERY SELECT n, 'kind ' || kind, u.truth, u.job FROM roll.untrue AS u;
		IF FOUND THEN
			RETURN;
		END IF;
	END LOOP;
END;
$$;
INSERT INTO local_training_jobs (id, model_name, status, started_at) SELECT u(n), 'storm ' || n, 'running', at(0) FROM generate_series(1, 3) AS n;
SELECT * FROM storm(1, 250, false);
SELECT count(*) > 300 AS many, count(DISTINCT step) > 40 AS steps FROM local_training_metrics;
SELECT * FROM storm(501, 750, true);
SELECT * FROM trainjob.verify_jobs('local_training_jobs');

-- ---- a copy, table by table ----

-- As a restore of the data alone does it, in the order in which pg_dump writes them.
CREATE SCHEMA restored;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('restored');
INSERT INTO restored.alert_event SELECT * FROM alert_event;
INSERT INTO restored.job_status_change SELECT * FROM job_status_change;
INSERT INTO restored.local_training_jobs SELECT * FROM local_training_jobs;
INSERT INTO restored.local_training_metrics SELECT * FROM local_training_metrics;
SELECT (SELECT count(*) FROM (TABLE roll.local_training_jobs EXCEPT TABLE restored.local_training_jobs) AS d) AS jobs,
	(SELECT count(*) FROM (TABLE roll.local_training_metrics EXCEPT TABLE restored.local_training_metrics) AS d) AS metrics,
	(SELECT count(*) FROM restored.job_status_change) - (SELECT count(*) FROM job_status_change) AS changes;
-- Row by row they come late one after the other, and end the same but for the
-- time of the last change.
TRUNCATE restored.local_training_jobs, restored.local_training_metrics, restored.job_status_change;
INSERT INTO restored.local_training_jobs SELECT * FROM local_training_jobs;
DO $$
DECLARE
	row roll.local_training_metrics;
BEGIN
	FOR row IN SELECT * FROM roll.local_training_metrics ORDER BY ctid LOOP
		INSERT INTO restored.local_training_metrics SELECT (row).*;
	END LOOP;
END
$$;
SET session_replication_role = replica;
UPDATE restored.local_training_jobs AS r SET updated_at = j.updated_at, last_seen_at = j.last_seen_at FROM local_training_jobs AS j WHERE j.id = r.id;
RESET session_replication_role;
SELECT (SELECT count(*) FROM (TABLE roll.local_training_jobs EXCEPT TABLE restored.local_training_jobs) AS d) AS jobs,
	(SELECT count(*) FROM (TABLE roll.local_training_metrics EXCEPT TABLE restored.local_training_metrics) AS d) AS metrics,
	(SELECT count(*) FROM restored.job_status_change) AS changes;

-- ---- memory ----

-- what the queries of the last of a thousand jobs find there of those before
CREATE TABLE kept (few boolean);
CREATE FUNCTION measure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO roll.kept SELECT sum(used_bytes) < 1000000 FROM pg_backend_memory_contexts WHERE name ~ '^SPI';
	RETURN NULL;
END;
$$;
CREATE TRIGGER measure AFTER UPDATE ON local_training_jobs
	FOR EACH ROW WHEN (NEW.model_name = 'last') EXECUTE FUNCTION measure();
INSERT INTO local_training_jobs (id, model_name) SELECT u(n), CASE n WHEN 2000 THEN 'last' END FROM generate_series(1001, 2000) AS n;
INSERT INTO local_training_metrics (job_id, step) SELECT u(n), 1 FROM generate_series(1001, 2000) AS n;
TABLE kept;

-- ---- a summary that is all there is ----

-- It counts where it is all that the attempt has of a loss, whenever it comes.
CREATE VIEW lone AS SELECT job, step, j.loss, j.eval_loss, j.perplexity, loss_text FROM j JOIN job_overview AS o ON o.model_name = j.job WHERE job LIKE 'only%';
INSERT INTO local_training_jobs (id, model_name) SELECT u(30 + n), 'only ' || n FROM generate_series(1, 4) AS n;
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, extra, recorded_at)
	SELECT u(30 + n), 300, 3, 1.356, 1.5, '{"train_runtime": 7, "total_flos": 1e15}', at(10) FROM generate_series(1, 4) AS n;
SELECT DISTINCT step, loss, eval_loss, perplexity, loss_text FROM lone;
-- beside reports without a loss, before and after it, and by a newer summary
INSERT INTO local_training_metrics (job_id, step, eval_loss, recorded_at) SELECT u(30 + n), 200, 1.75, at(9) FROM generate_series(1, 4) AS n;
INSERT INTO local_training_metrics (job_id, step, eval_loss, recorded_at) SELECT u(30 + n), 310, 1.25, at(11) FROM generate_series(1, 4) AS n;
INSERT INTO local_training_metrics (job_id, step, train_loss, extra, recorded_at) VALUES (u(32), 320, 1.5, '{"train_runtime": 8}', at(12)), (u(33), 310, 1.625, '{"train_runtime": 8}', at(12)),
	(u(34), 299, 1.75, '{"train_runtime": 8}', at(12)), (u(34), 298, 0.25, NULL, at(12));
SELECT * FROM lone ORDER BY job;
SELECT count(*) FROM trainjob.verify_jobs('local_training_jobs');
-- until there is the loss of a step, however late, ahead, or gone again
INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(31), 10, 2.5, at(1)), (u(32), 330, 0.75, at(13));
SELECT * FROM lone ORDER BY job;
UPDATE local_training_metrics SET train_loss = NULL, perplexity = NULL WHERE job_id IN (u(31), u(34)) AND extra IS NULL;
UPDATE local_training_metrics SET extra = '{}' WHERE job_id = u(32) AND step = 320;
UPDATE local_training_metrics SET extra = NULL WHERE job_id = u(33) AND step = 300;
SELECT * FROM lone ORDER BY job;
UPDATE local_training_metrics SET train_loss = 1.125 WHERE job_id = u(31) AND extra IS NOT NULL;
UPDATE local_training_metrics SET extra = '{"train_runtime": 1}' WHERE job_id = u(32) AND step = 330;
SELECT * FROM lone ORDER BY job;
SELECT count(*) FROM trainjob.verify_jobs('local_training_jobs');
-- a new attempt has none of the last one
UPDATE local_training_jobs SET status = 'failed', failed_at = at(20) WHERE id IN (u(31), u(32));
UPDATE local_training_jobs SET status = 'running', status_changed_at = at(30) WHERE id IN (u(31), u(32));
INSERT INTO local_training_metrics (job_id, step, train_loss, extra, recorded_at) SELECT u(30 + n), 5, 0.875, '{"train_runtime": 9}', at(31) FROM generate_series(1, 2) AS n;
SELECT * FROM lone ORDER BY job;
-- what was never rolled up is filled and verified by the same
SET session_replication_role = replica;
UPDATE local_training_jobs SET loss = NULL, perplexity = 3 WHERE model_name LIKE 'only%';
RESET session_replication_role;
SELECT job_id, column_name, stored, expected FROM trainjob.verify_jobs('local_training_jobs') ORDER BY 1, 2;
SELECT trainjob.refill_jobs('local_training_jobs');
SELECT * FROM lone ORDER BY job;

DROP SCHEMA roll, restored CASCADE;
