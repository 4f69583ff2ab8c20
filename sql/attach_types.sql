--
-- attach_types: tables of an application through their whole life, with the columns,
-- types and partitions that they have
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- ---------------------------------------------------------------------------
-- No columns for the counts: what follows from them is known all the same
-- ---------------------------------------------------------------------------

CREATE SCHEMA lean;
SET search_path = lean, pg_catalog;
CREATE TABLE datasets (storage_path text, user_id integer, total_examples integer, val_samples integer);
CREATE TABLE jobs (id integer PRIMARY KEY, user_id integer, status text DEFAULT 'pending', config jsonb, dataset_path text,
	total_steps integer, current_step integer, progress numeric(5,2), started_at timestamptz, completed_at timestamptz);
CREATE TABLE metrics (job_id integer, step integer, train_loss real);
SELECT count(*) FROM trainjob.attach('jobs', 'metrics', 'datasets', columns => '{"sample_count": "total_examples"}');
INSERT INTO datasets VALUES ('everybody''s', NULL, 1650, NULL), ('of 1', 1, 100, 20), ('empty', NULL, NULL, NULL);
-- the estimate, of the train split where it is known; not by another user's dataset
INSERT INTO jobs (id, user_id, config, dataset_path) VALUES
	(1, NULL, '{"batch_size": 4}', 'everybody''s'), (2, 2, '{}', 'of 1'), (3, 1, '{}', 'of 1'), (4, 1, '{}', 'late'),
	(5, 1, '{}', 'empty'), (6, 1, '{"data": {"dataset_size": 320}}', NULL), (7, 1, '{}', 'late');
UPDATE jobs SET status = 'failed' WHERE id = 7;
SELECT id, total_steps FROM jobs ORDER BY id;
-- a dataset that comes, or is counted, later; not for a job that has ended
INSERT INTO datasets VALUES ('late', 1, 3200, NULL);
UPDATE datasets SET total_examples = 64 WHERE storage_path = 'empty';
SELECT id, total_steps FROM jobs WHERE id IN (4, 5, 7) ORDER BY id;
-- an estimate follows the configuration and the dataset, a total that was given stays
UPDATE jobs SET config = '{"num_epochs": 1}' WHERE id IN (1, 3);
UPDATE jobs SET dataset_path = 'everybody''s' WHERE id = 4;
UPDATE jobs SET total_steps = 7 WHERE id = 5;
UPDATE jobs SET config = '{"num_epochs": 9}' WHERE id IN (4, 5);
SELECT id, total_steps FROM jobs WHERE id IN (1, 3, 4, 5) ORDER BY id;
INSERT INTO metrics VALUES (1, 13, 2), (5, 8, 2);
SELECT id, status, total_steps, current_step, progress FROM jobs WHERE id IN (1, 5) ORDER BY id;
-- rows from before, and refill_jobs comes to an end
SET session_replication_role = replica;
UPDATE jobs SET total_steps = NULL, progress = NULL, current_step = NULL;
UPDATE jobs SET status = 'completed' WHERE id = 3;
RESET session_replication_role;
SELECT trainjob.refill_jobs(batch => 4) AS batch_1, trainjob.refill_jobs(batch => 4) AS batch_2,
	trainjob.refill_jobs(batch => 4) AS batch_3;
SELECT id, status, total_steps, current_step, progress FROM jobs ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
-- what has no column is not said to be missing, and an end without a time has no length
UPDATE jobs SET started_at = '2025-01-01 00:00Z', completed_at = NULL WHERE id = 3;
UPDATE jobs SET status = 'cancelled', started_at = '2025-01-01 00:00Z' WHERE id = 4;
SELECT id, status, dataset_size_text, total_steps_text, progress_text, loss_text, elapsed_seconds, note
FROM jobs_overview WHERE id IN (2, 3, 4) ORDER BY id;
SELECT metric, verdict FROM metrics_coverage WHERE job_id = 1 AND metric IN ('train_loss', 'eval_loss') ORDER BY metric;
DROP SCHEMA lean CASCADE;

-- ---------------------------------------------------------------------------
-- Every type, from the first INSERT to the end
-- ---------------------------------------------------------------------------

CREATE TYPE pg_temp.job_state AS ENUM ('pending', 'queued', 'running', 'completed', 'failed', 'cancelled');
-- The life of three jobs, written by plain SQL and by token, in tables of these types; what it came to, as text.
CREATE FUNCTION pg_temp.life(count_type text, number_type text, status_type text, config_type text, id_type text,
	id_1 text, id_2 text, id_3 text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	CREATE SCHEMA life;
	EXECUTE replace(replace(replace(replace(replace($q$
		CREATE TABLE life.datasets (storage_path varchar(80), sample_count count_);
		CREATE TABLE life.jobs (id id_ PRIMARY KEY, status status_ DEFAULT 'pending', config config_, dataset_path varchar(80), job_token text,
			total_samples count_, total_steps count_, expected_total_steps count_, current_step count_, best_step count_,
			total_epochs number_, current_epoch number_, progress number_, loss number_, eval_loss number_, best_eval_loss number_,
			gpu_memory_allocated_gb number_, gpu_utilization_percent number_, error text, error_type varchar(20), last_metric_at timestamp);
		CREATE TABLE life.metrics (job_id id_ REFERENCES life.jobs, step count_, id bigserial, epoch number_, train_loss number_, eval_loss number_,
			gpu_memory_allocated_gb number_, gpu_utilization_percent number_, extra config_, recorded_at timestamp DEFAULT now());
		SELECT trainjob.attach('life.jobs', 'life.metrics', 'life.datasets')
		$q$, 'count_', count_type), 'number_', number_type), 'status_', status_type), 'config_', config_type), 'id_', id_type);
	EXECUTE format($q$
		-- an insert, reports of three kinds, an alert, a failure
		INSERT INTO life.datasets VALUES ('a', 320), ('b', 64);
		INSERT INTO life.jobs (id, config, dataset_path, job_token) VALUES
			(%1$L, '{"batch_size": 4, "num_epochs": 2}', 'a', 'secret'), (%2$L, '{}', 'b', NULL), (%3$L, '{}', NULL, NULL);
		INSERT INTO life.metrics (job_id, step, epoch, train_loss, gpu_memory_allocated_gb) VALUES (%1$L, 5, 0.5, 1.5, 10.25), (%2$L, 1, 0.5, 3, NULL);
		INSERT INTO life.metrics (job_id, step, eval_loss) VALUES (%1$L, 5, 2.5);
		SELECT trainjob.report_metrics('secret', '[{"step": 10, "epoch": 1, "train_loss": 1.25, "eval_loss": 2.75,
			"gpu_utilization_percent": 99.5, "other": 7}]', 'life.jobs');
		INSERT INTO life.alert_event (job_id, type, total_steps, error_message) VALUES
			(%2$L, 'job_failed', NULL, 'out of memory'), (%3$L, 'job_started', 100, NULL);
		SELECT trainjob.fail_stalled('0 s', 'life.jobs');
		INSERT INTO life.metrics (job_id, step, train_loss, recorded_at) VALUES (%1$L, 15, 1, now() + interval '1 s');
		SELECT trainjob.report_alert('secret', 'job_completed', '{"current_step": 20}', 'life.jobs')
		$q$, id_1, id_2, id_3);
	SELECT string_agg(concat_ws(' ', j.status::text, j.current_step, j.total_steps, j.expected_total_steps, j.total_samples, round(j.current_epoch::numeric, 2),
			round(j.progress::numeric, 1), round(j.loss::numeric, 2), round(j.eval_loss::numeric, 2), round(j.best_eval_loss::numeric, 2), j.best_step,
			round(j.gpu_memory_allocated_gb::numeric, 2), round(j.gpu_utilization_percent::numeric, 1), j.error, j.error_type), ' | '
			ORDER BY j.current_step DESC NULLS LAST) INTO result
		FROM life.jobs AS j;
	SELECT result || ' || ' || string_agg(concat_ws(' ', o.progress_text, o.total_steps_text, o.loss_text, o.eval_loss_text, o.last_alert_type), ' | '
			ORDER BY o.current_step DESC NULLS LAST) INTO result
		FROM life.jobs_overview AS o;
	SELECT result || ' || ' || string_agg(s.step || ':' || s.value, ' ' ORDER BY s.step) INTO result
		FROM trainjob.metric_series(id_1, 'train_loss', 10, 'life.jobs') AS s;
	SELECT result || concat(' other ', s.step, ':', s.value) INTO result
		FROM trainjob.metric_series(id_1, 'other', 10, 'life.jobs') AS s;
	-- what is broken is found, and made whole again
	SELECT result || concat(' ', count(*)) INTO result FROM trainjob.verify_jobs('life.jobs');
	SET LOCAL session_replication_role = replica;
	UPDATE life.jobs SET current_step = NULL, total_steps = NULL, total_samples = NULL, loss = 9, best_eval_loss = NULL, progress = NULL;
	SET LOCAL session_replication_role = origin;
	SELECT concat_ws(' ', result, count(*), trainjob.refill_jobs('life.jobs', 2), trainjob.refill_jobs('life.jobs', 2), trainjob.refill_jobs('life.jobs', 2))
		INTO result FROM trainjob.verify_jobs('life.jobs');
	SELECT concat(result, ' ', count(*)) INTO result FROM trainjob.verify_jobs('life.jobs');
	SELECT result || ' || ' || string_agg(concat_ws(' ', j.current_step, j.total_steps, j.total_samples, round(j.progress::numeric, 1),
			round(j.loss::numeric, 2), round(j.best_eval_loss::numeric, 2), j.best_step), ' | ' ORDER BY j.current_step DESC NULLS LAST) INTO result
		FROM life.jobs AS j;
	SET LOCAL client_min_messages = error;
	DROP SCHEMA life CASCADE;
	SET LOCAL client_min_messages = warning;
	RETURN result;
END $$;
\set first '''00000000-0000-0000-0000-000000000001'', ''00000000-0000-0000-0000-000000000002'', ''00000000-0000-0000-0000-000000000003'''
SELECT regexp_split_to_table(pg_temp.life('bigint', 'float8', 'text', 'jsonb', 'uuid', :first), ' \|\| ') AS life;
-- and all others come to the same
SELECT t.*, pg_temp.life(t.count_type, t.number_type, t.status_type, t.config_type, t.id_type, t.id_1, t.id_2, t.id_3)
	   = pg_temp.life('bigint', 'float8', 'text', 'jsonb', 'uuid', :first) AS same
FROM (VALUES
	('integer', 'real', 'varchar(20)', 'json', 'bigint', '9223372036854775807', '-9223372036854775808', '0'),
	('smallint', 'numeric', 'pg_temp.job_state', 'jsonb', 'integer', '1', '2', '3'),
	('numeric', 'numeric(8,3)', 'char(10)', 'json', 'text', 'run 1', 'it''s', ''),
	('numeric(12,0)', 'float8', 'pg_temp.job_state', 'jsonb', 'varchar(8)', 'a', 'b', 'c'),
	('float8', 'float4', 'text', 'jsonb', 'smallint', '1', '2', '3'),
	('real', 'numeric(12,4)', 'varchar', 'json', 'numeric', '1', '2', '1e20')
	) AS t (count_type, number_type, status_type, config_type, id_type, id_1, id_2, id_3);
DROP TYPE pg_temp.job_state;

-- ---------------------------------------------------------------------------
-- Values that do not fit become NULL with a warning each session and column
-- ---------------------------------------------------------------------------

CREATE SCHEMA narrow;
SET search_path = narrow, pg_catalog;
CREATE TABLE jobs (id integer PRIMARY KEY, status text, config jsonb, dataset_path text, total_steps integer, expected_total_steps integer,
	total_samples smallint, current_step smallint, progress numeric(3,1), loss numeric(4,2), eval_loss real);
CREATE TABLE metrics (job_id integer, step bigint, train_loss float8, eval_loss float8);
CREATE TABLE datasets (storage_path text, sample_count bigint);
SELECT count(*) FROM trainjob.attach('jobs', 'metrics', 'datasets');
INSERT INTO datasets VALUES ('large', 20000000000);
INSERT INTO jobs (id, config, dataset_path) VALUES (1, '{"batch_size": 1, "gradient_accumulation_steps": 1}', 'large');
INSERT INTO jobs (id, config, dataset_path) VALUES (2, '{"batch_size": 1, "gradient_accumulation_steps": 1}', 'large');
INSERT INTO metrics VALUES (1, 40000, 123.4, 1e300);
INSERT INTO metrics VALUES (1, 40001, 123.4, 1e300);
SELECT * FROM jobs ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
-- whichever trigger it is that writes
INSERT INTO alert_event (job_id, type, total_steps) VALUES (1, 'job_started', 70000000000);
-- the column is another one when it has another type, which the views stand in the way of
DROP VIEW jobs_overview, metrics_coverage;
ALTER TABLE jobs ALTER loss TYPE numeric(5,2), ALTER current_step TYPE bigint;
SELECT * FROM trainjob.attach('jobs') WHERE action ~ 'created';
INSERT INTO metrics VALUES (1, 40002, 123.4, 1e300);
INSERT INTO metrics VALUES (1, 40003, 1234.5, 1e300);
SELECT id, current_step, loss FROM jobs WHERE id = 1;
DROP SCHEMA narrow CASCADE;

-- ---------------------------------------------------------------------------
-- Reports from before, without the perplexity that follows from their loss
-- ---------------------------------------------------------------------------

CREATE SCHEMA before;
SET search_path = before, pg_catalog;
CREATE TABLE jobs (id integer PRIMARY KEY, status text, loss float8, perplexity float8, current_step integer, best_eval_loss float8);
CREATE TABLE metrics (job_id integer, step integer, train_loss numeric, perplexity float8, extra jsonb, eval_loss numeric);
INSERT INTO jobs SELECT n, 'running' FROM generate_series(1, 7) AS n;
INSERT INTO metrics VALUES
	(1, 1, 2, 99, NULL), (1, 2, 1, NULL, NULL), (2, 1, 2, NULL, NULL), (2, 2, NULL, 7, NULL),
	-- not of NaN, nor of a summary's; of a loss beyond all Infinity, of one below all 0
	(3, 1, 2, NULL, NULL), (3, 2, 1000, NULL, NULL), (3, 3, 'NaN', NULL, NULL), (4, 1, 2, NULL, NULL), (4, 2, 1, NULL, '{"train_runtime": 7}'),
	-- a number that float8 does not hold is one all the same
	(5, 1, -1000, NULL, NULL), (6, 1, 1e400, NULL, NULL), (6, 2, 1e-400, NULL, NULL);
SELECT count(*) FROM trainjob.attach('jobs', 'metrics') WHERE action ~ 'created trigger';
SELECT job_id, stored, expected FROM trainjob.verify_jobs() WHERE column_name = 'perplexity';
SELECT trainjob.refill_jobs(), trainjob.refill_jobs() AS then;
SELECT id, loss, perplexity FROM jobs ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT s.step, s.value FROM trainjob.metric_series('6', 'train_loss') AS s;
INSERT INTO metrics (job_id, step, eval_loss) VALUES (6, 3, 1e400), (6, 4, 2);
UPDATE metrics SET eval_loss = 3 WHERE job_id = 6 AND step = 4;
SELECT best_eval_loss FROM jobs WHERE id = 6;
-- the reports stay as they were, and a late one is set beside them
SELECT count(perplexity) FROM metrics;
INSERT INTO metrics VALUES (2, 1, 3, 8, NULL), (1, 0, 3, 8, NULL);
SELECT id, perplexity FROM jobs WHERE id IN (1, 2) ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
-- no column for it: from the loss, whether it comes, changes or goes
ALTER TABLE metrics DROP perplexity CASCADE;
SELECT count(*) FROM trainjob.attach('jobs') WHERE action ~ 'created view';
INSERT INTO metrics VALUES (7, 1, 2);
INSERT INTO metrics VALUES (7, 2, 1);
SELECT loss, perplexity FROM jobs WHERE id = 7;
UPDATE metrics SET train_loss = 0 WHERE job_id = 7 AND step = 2;
SELECT loss, perplexity FROM jobs WHERE id = 7;
UPDATE metrics SET train_loss = NULL WHERE job_id = 7 AND step = 2;
SELECT loss, perplexity FROM jobs WHERE id = 7;
UPDATE metrics SET train_loss = NULL WHERE job_id = 7;
SELECT loss, perplexity FROM jobs WHERE id = 7;
SELECT * FROM trainjob.verify_jobs() WHERE job_id = '7';
DROP SCHEMA before CASCADE;

-- ---------------------------------------------------------------------------
-- Reports that prove a total wrong, on tables that cannot hold all of it
-- ---------------------------------------------------------------------------

CREATE SCHEMA proof;
SET search_path = proof, pg_catalog;
CREATE TABLE jobs (id integer PRIMARY KEY, status text DEFAULT 'running', dataset_path text, config jsonb, total_steps bigint,
	total_steps_source text, total_epochs float8, current_step smallint, current_epoch numeric(3,2), progress float8);
CREATE TABLE metrics (job_id integer NOT NULL, step bigint NOT NULL, id bigserial, epoch float8);
CREATE TABLE datasets (storage_path text PRIMARY KEY, sample_count bigint);
SELECT action, object FROM trainjob.attach('jobs', 'metrics', 'datasets') WHERE action !~ '^(created|missing)';
INSERT INTO datasets VALUES ('a', 1650);
INSERT INTO jobs (id, dataset_path) SELECT n, 'a' FROM generate_series(1, 4) AS n;
-- the samples stand in the dataset only
INSERT INTO metrics (job_id, step) VALUES (1, 1);
INSERT INTO metrics (job_id, step, epoch) VALUES (1, 39, 0.98);
-- the epoch is not that of the newest report, and its step or itself does not fit
INSERT INTO metrics (job_id, step, epoch) VALUES (2, 40000, 1.33331), (2, 40001, NULL);
INSERT INTO metrics (job_id, step, epoch) VALUES (3, 10, 10.0002), (3, 11, NULL);
-- the job goes when the epoch is shown
CREATE FUNCTION archive() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN DELETE FROM proof.jobs WHERE id = NEW.id; RETURN NULL; END';
CREATE TRIGGER archive AFTER UPDATE ON jobs FOR EACH ROW WHEN (NEW.id = 4) EXECUTE FUNCTION archive();
INSERT INTO metrics (job_id, step, epoch) VALUES (4, 10, 0.5001), (4, 11, NULL);
SELECT id, total_steps, total_steps_source, current_step, current_epoch, round(progress::numeric, 2) AS progress FROM jobs ORDER BY id;
DROP SCHEMA proof CASCADE;

-- ---------------------------------------------------------------------------
-- Partitions
-- ---------------------------------------------------------------------------

CREATE SCHEMA parted;
SET search_path = parted, pg_catalog;
CREATE TABLE jobs (id integer PRIMARY KEY, status text DEFAULT 'pending', config jsonb, dataset_path text, total_steps integer,
	current_step integer, loss float8, restarted_at timestamptz) PARTITION BY HASH (id);
CREATE TABLE jobs_0 PARTITION OF jobs FOR VALUES WITH (MODULUS 2, REMAINDER 0);
-- columns in another order, and one that was dropped
CREATE TABLE jobs_1 (gone text, loss float8, current_step integer, id integer NOT NULL, status text DEFAULT 'pending', dataset_path text,
	config jsonb, total_steps integer, restarted_at timestamptz);
ALTER TABLE jobs_1 DROP COLUMN gone;
ALTER TABLE jobs ATTACH PARTITION jobs_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE datasets (storage_path text, sample_count integer) PARTITION BY LIST (storage_path);
CREATE TABLE datasets_a PARTITION OF datasets FOR VALUES IN ('a');
CREATE TABLE datasets_b PARTITION OF datasets DEFAULT;
CREATE TABLE by_hash (job_id integer NOT NULL REFERENCES jobs, step integer NOT NULL, id bigserial, train_loss real, eval_loss real,
	recorded_at timestamptz DEFAULT '2025-01-01 00:00Z', PRIMARY KEY (job_id, step, id)) PARTITION BY HASH (job_id);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT action, object FROM trainjob.attach('jobs', 'by_hash', 'datasets') WHERE action !~ 'missing col' ORDER BY action COLLATE "C", object COLLATE "C";
-- once more: nothing but what is to be known
SELECT * FROM trainjob.attach('jobs', 'by_hash', 'datasets') WHERE action !~ '^missing';
INSERT INTO jobs (id, config, dataset_path) SELECT n, '{}', CASE WHEN n % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 8) AS n;
-- written straight into a partition: jobs, datasets and alerts are the same as by the parent
INSERT INTO datasets_a VALUES ('a', 320);
INSERT INTO datasets VALUES ('b', 640);
INSERT INTO alert_event (job_id, type) VALUES (20, 'job_started'), (21, 'job_started');
INSERT INTO jobs_0 (id, config, dataset_path) SELECT n, '{}', 'a' FROM generate_series(9, 30) AS n
	WHERE satisfies_hash_partition('jobs'::regclass, 2, 0, n);
INSERT INTO jobs_1 (id, config, dataset_path) SELECT n, '{}', 'a' FROM generate_series(9, 30) AS n
	WHERE satisfies_hash_partition('jobs'::regclass, 2, 1, n);
SELECT total_steps, status, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1, 2;
UPDATE jobs_0 SET status = 'running'; UPDATE jobs_1 SET status = 'running';
SELECT status_before, status_after, count(*) FROM job_status_change GROUP BY 1, 2 ORDER BY 1, 2;
-- the functions that work on a set want its jobs table
SELECT * FROM trainjob.verify_jobs('jobs_0'); -- fails
-- reports: one statement over all partitions
INSERT INTO by_hash (job_id, step, train_loss, eval_loss) SELECT n, s, n + s / 10.0, 1.0 / s
	FROM generate_series(1, 30) AS n, generate_series(1, 5) AS s;
COPY by_hash (job_id, step, train_loss) FROM stdin;
1	6	5
2	6	5
\.
INSERT INTO by_hash (job_id, step, id, train_loss) VALUES (3, 6, 999, 1), (4, 6, 999, 1) ON CONFLICT (job_id, step, id) DO NOTHING;
INSERT INTO by_hash (job_id, step, id, train_loss) VALUES (3, 6, 999, 2), (4, 6, 999, 2)
	ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = EXCLUDED.train_loss;
-- a report that moves to another job, and so to another partition
INSERT INTO by_hash (job_id, step, id, train_loss) VALUES (5, 7, 1000, 9);
UPDATE by_hash SET job_id = 6 WHERE id = 1000;
SELECT id, current_step, loss FROM jobs WHERE id <= 7 ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
-- a restart, by the partition
UPDATE jobs_0 SET status = 'failed' WHERE id IN (1, 2); UPDATE jobs_1 SET status = 'failed' WHERE id IN (1, 2);
UPDATE jobs SET status = 'running', current_step = 3 WHERE id IN (1, 2);
SELECT id, status, current_step, restarted_at IS NOT NULL AS restarted FROM jobs WHERE id IN (1, 2) ORDER BY id;
-- what is written straight into a partition of the metrics is not seen, as attach said; refill_jobs carries it up
INSERT INTO by_hash_0 (job_id, step, train_loss) SELECT n, 9, 0.5 FROM generate_series(8, 30) AS n
	WHERE satisfies_hash_partition('by_hash'::regclass, 2, 0, n);
SELECT count(*) > 0 AS differ FROM trainjob.verify_jobs();
SELECT count(*) AS not_seen FROM by_hash_0 AS m JOIN jobs AS j ON j.id = m.job_id WHERE m.step = 9 AND j.current_step = 9;
SELECT trainjob.refill_jobs() = (SELECT count(*) FROM by_hash_0 WHERE step = 9) AS all_of_them, trainjob.refill_jobs() AS then;
SELECT * FROM trainjob.verify_jobs();
-- a partition goes and comes back, with reports that it was given meanwhile
ALTER TABLE by_hash DETACH PARTITION by_hash_1;
INSERT INTO by_hash_1 (job_id, step, id, train_loss) SELECT min(job_id), 50, 5000, 0.25 FROM by_hash_1 WHERE job_id > 2;
SELECT count(*) FROM trainjob.verify_jobs();
ALTER TABLE by_hash ATTACH PARTITION by_hash_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT column_name, stored, expected FROM trainjob.verify_jobs() ORDER BY 1;
SELECT trainjob.refill_jobs();
SELECT * FROM trainjob.verify_jobs();
-- so does one of the jobs, whose triggers go and come with it
ALTER TABLE by_hash DROP CONSTRAINT by_hash_job_id_fkey;
ALTER TABLE jobs DETACH PARTITION jobs_1;
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'jobs_1'::regclass;
UPDATE jobs_1 SET loss = NULL;
ALTER TABLE jobs ATTACH PARTITION jobs_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
SELECT count(*) FROM pg_trigger WHERE tgrelid = 'jobs_1'::regclass AND tgname ~ '^trainjob_';
SELECT trainjob.refill_jobs() > 0 AS some, trainjob.refill_jobs() AS then;
INSERT INTO by_hash (job_id, step, train_loss) SELECT n, 60, 0.125 FROM generate_series(1, 30) AS n;
SELECT current_step, loss, count(*) FROM jobs GROUP BY 1, 2;
SELECT total_steps_text, loss_text, eval_loss_text FROM jobs_overview WHERE id = 4;
SELECT * FROM trainjob.metric_series('4', 'eval_loss');
SELECT action, count(*) FROM trainjob.detach() GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM pg_trigger WHERE tgname ~ '^trainjob_';

-- by time: the key that PostgreSQL allows holds the time too, and no key need be there
CREATE TABLE by_time (job_id integer NOT NULL, step integer NOT NULL, id bigserial, train_loss real, eval_loss real,
	recorded_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (job_id, step, id, recorded_at)) PARTITION BY RANGE (recorded_at);
CREATE TABLE by_time_2025 PARTITION OF by_time FOR VALUES FROM ('2025-01-01 00:00Z') TO ('2026-01-01 00:00Z');
CREATE TABLE by_time_more PARTITION OF by_time DEFAULT;
SELECT action, object FROM trainjob.attach('jobs', 'by_time', 'datasets') WHERE action ~ 'index|note' OR object ~ 'by_time$' ORDER BY 1, 2;
UPDATE jobs SET current_step = NULL, loss = NULL, total_steps = NULL;
INSERT INTO by_time (job_id, step, train_loss, recorded_at) VALUES
	(3, 2, 2, '2025-01-02 00:00Z'), (3, 1, 3, '2024-01-01 00:00Z'), (4, 1, 1, '2030-01-01 00:00Z');
-- a report whose time is corrected moves
UPDATE by_time SET recorded_at = '2025-06-01 00:00Z', train_loss = 2.5 WHERE job_id = 3 AND step = 2;
UPDATE by_time SET recorded_at = '2024-06-01 00:00Z', train_loss = 2.25 WHERE job_id = 3 AND step = 2;
SELECT id, current_step, loss FROM jobs WHERE id IN (3, 4) ORDER BY id;
-- the history is thinned out by partitions: no job changes, none disagrees
ALTER TABLE by_time DETACH PARTITION by_time_2025;
DROP TABLE by_time_2025;
SELECT id, current_step, loss FROM jobs WHERE id IN (3, 4) ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
CREATE TABLE by_time_2025 PARTITION OF by_time FOR VALUES FROM ('2025-01-01 00:00Z') TO ('2026-01-01 00:00Z');
INSERT INTO by_time (job_id, step, train_loss, recorded_at) VALUES (4, 2, 0.75, '2025-02-01 00:00Z');
SELECT id, current_step, loss FROM jobs WHERE id = 4;
SELECT count(*) FROM trainjob.detach();

-- what cannot work is refused
CREATE FOREIGN DATA WRAPPER regress_trainjob_adopt;
CREATE SERVER regress_trainjob_adopt FOREIGN DATA WRAPPER regress_trainjob_adopt;
CREATE FOREIGN TABLE far (job_id integer NOT NULL, step integer NOT NULL) SERVER regress_trainjob_adopt;
SELECT * FROM trainjob.attach('jobs', 'far'); -- fails
CREATE TABLE half_far (job_id integer NOT NULL, step integer NOT NULL) PARTITION BY LIST (job_id);
CREATE TABLE half_far_1 PARTITION OF half_far FOR VALUES IN (1) PARTITION BY LIST (step);
ALTER TABLE half_far_1 ATTACH PARTITION far FOR VALUES IN (1);
SELECT * FROM trainjob.attach('jobs', 'half_far'); -- fails
CREATE TABLE by_state (id integer, state text, PRIMARY KEY (id, state)) PARTITION BY HASH (id);
CREATE TABLE by_state_0 PARTITION OF by_state FOR VALUES WITH (MODULUS 1, REMAINDER 0) PARTITION BY LIST (state);
SELECT * FROM trainjob.attach('by_state', columns => '{"jobs.status": "state"}'); -- fails
SELECT * FROM trainjob.attach('jobs', 'by_hash_0'); -- fails
-- tables that inherit are filled as what they are, and attach says so
CREATE TABLE plain (job_id integer, step integer);
CREATE TABLE child () INHERITS (plain);
-- a hypertable's chunks have copies of its triggers, which say nothing of the set
CREATE TRIGGER trainjob_fill_metric BEFORE INSERT OR UPDATE ON child FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_metric('jobs=parted.jobs', 'metrics=parted.plain');
SELECT action, object FROM trainjob.attach('jobs', 'plain') WHERE action = 'note';
SELECT jobs, tables ->> 'metrics' AS metrics FROM trainjob.job_sets();
SELECT * FROM trainjob.attach('jobs', 'plain') WHERE action ~ 'created';
SET client_min_messages = error;
DROP SCHEMA parted CASCADE;
DROP FOREIGN DATA WRAPPER regress_trainjob_adopt CASCADE;
SET client_min_messages = warning;

-- ---------------------------------------------------------------------------
-- Owner, publication of everything, replica identity
-- ---------------------------------------------------------------------------

CREATE ROLE regress_trainjob_adopter;
CREATE SCHEMA kept AUTHORIZATION regress_trainjob_adopter;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO regress_trainjob_adopter;
SET search_path = kept, pg_catalog;
SET ROLE regress_trainjob_adopter;
CREATE TABLE jobs (id integer PRIMARY KEY, status text, created_at timestamptz, UNIQUE (id, status));
CREATE TABLE metrics (job_id integer, step integer);
CREATE UNIQUE INDEX jobs_identity ON jobs (id);
ALTER TABLE jobs REPLICA IDENTITY USING INDEX jobs_identity;
ALTER TABLE metrics REPLICA IDENTITY FULL;
INSERT INTO jobs SELECT n, 'running' FROM generate_series(1, 1000) AS n;
RESET ROLE;
SET client_min_messages = error; -- of wal_level
CREATE PUBLICATION regress_trainjob_all FOR ALL TABLES;
CREATE PUBLICATION regress_trainjob_schema FOR TABLES IN SCHEMA kept;
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.kept() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', c.relname, c.relowner::regrole, c.relreplident, c.relfilenode,
		(SELECT string_agg(i.indexrelid::regclass::text, ',') FROM pg_index AS i WHERE i.indrelid = c.oid AND i.indisreplident),
		(SELECT string_agg(p.pubname, ',' ORDER BY p.pubname) FROM pg_publication_tables AS p WHERE p.schemaname = 'kept' AND p.tablename = c.relname))
	FROM pg_class AS c WHERE c.relnamespace = 'kept'::regnamespace AND c.relname IN ('jobs', 'metrics')
$$;
CREATE TEMP TABLE before AS SELECT pg_temp.kept() AS line;
SELECT regexp_replace(line, ' \d+', ' file') AS line FROM before ORDER BY 1;
SET ROLE regress_trainjob_adopter;
SELECT action, count(*) FROM trainjob.attach('jobs', 'metrics', add_columns => true) GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT pg_temp.kept() EXCEPT SELECT line FROM before;
-- what was made beside the jobs is published like them, and belongs to their owner
SELECT c.relname, c.relowner::regrole FROM pg_class AS c
WHERE c.relnamespace = 'kept'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1;
SET ROLE regress_trainjob_adopter;
SELECT action, count(*) FROM trainjob.detach() GROUP BY 1 ORDER BY 1;
RESET ROLE;
SELECT pg_temp.kept() EXCEPT SELECT line FROM before;
-- also where a superuser attaches: the owner's triggers write to it
DROP TABLE alert_event, job_status_change;
ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;
SELECT action, count(*), max(object) FILTER (WHERE action = 'note') AS note FROM trainjob.attach('jobs', 'metrics') GROUP BY 1 ORDER BY 1;
SELECT c.relname, c.relowner::regrole FROM pg_class AS c
WHERE c.relnamespace = 'kept'::regnamespace AND c.relkind IN ('r', 'v') ORDER BY 1;
SET ROLE regress_trainjob_adopter;
INSERT INTO jobs (id, status) VALUES (2000, 'pending');
INSERT INTO metrics (job_id, step) VALUES (2000, 1);
INSERT INTO alert_event (job_id, type) VALUES (2000, 'job_completed');
SELECT status, current_step, last_alert_type FROM jobs_overview WHERE id = 2000;
SELECT count(*) FROM trainjob.detach();
RESET ROLE;
-- who lacks a right that the triggers will use is told before they are there
ALTER TABLE metrics OWNER TO CURRENT_USER;
CREATE TABLE datasets (storage_path text);
SELECT * FROM trainjob.attach('jobs', 'metrics', 'datasets'); -- fails
GRANT SELECT ON kept.datasets TO regress_trainjob_adopter; GRANT SELECT ON kept.metrics TO regress_trainjob_adopter;
SELECT count(*) FROM trainjob.attach('jobs', 'metrics', 'datasets') WHERE action ~ 'trigger';
DROP PUBLICATION regress_trainjob_all;
DROP PUBLICATION regress_trainjob_schema;
SET client_min_messages = error;
DROP SCHEMA kept CASCADE;
DROP OWNED BY regress_trainjob_adopter;
DROP ROLE regress_trainjob_adopter;
SET client_min_messages = warning;

-- ---------------------------------------------------------------------------
-- By hand, with the arguments of attach: the triggers are the same, to the letter
-- ---------------------------------------------------------------------------

CREATE SCHEMA hand;
SET search_path = hand, pg_catalog;
CREATE TABLE jobs (id integer PRIMARY KEY, state text, current_loss float8);
CREATE TABLE metrics (job_id integer, step integer, "timestamp" timestamptz);
CREATE TABLE datasets (storage_path text, total_examples integer);
SELECT count(*) FROM trainjob.attach('jobs', 'metrics', 'datasets', with_triggers => false,
	columns => '{"status": "state", "loss": "current_loss", "recorded_at": "timestamp", "sample_count": "total_examples"}')
WHERE action !~ '^missing';
\set of_jobs '''alerts=hand.alert_event'', ''datasets=hand.datasets'', ''jobs=hand.jobs'', ''metrics=hand.metrics'', ''status_changes=hand.job_status_change'', ''datasets.sample_count=total_examples'', ''jobs.loss=current_loss'', ''jobs.status=state'', ''metrics.recorded_at=timestamp'''
\set of_datasets '''jobs=hand.jobs'', ''datasets.sample_count=total_examples'', ''jobs.loss=current_loss'', ''jobs.status=state'''
\set of_metrics '''jobs=hand.jobs'', ''jobs.loss=current_loss'', ''jobs.status=state'', ''metrics.recorded_at=timestamp'''
\set of_alerts '''jobs=hand.jobs'', ''jobs.loss=current_loss'', ''jobs.status=state'''
CREATE TRIGGER trainjob_fill_job BEFORE INSERT OR UPDATE ON jobs
	FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job(:of_jobs);
CREATE TRIGGER trainjob_apply_waiting_alerts AFTER INSERT ON jobs
	FOR EACH ROW EXECUTE FUNCTION trainjob.apply_waiting_alerts(:of_jobs);
CREATE TRIGGER trainjob_await_dataset AFTER INSERT OR UPDATE ON jobs
	FOR EACH ROW EXECUTE FUNCTION trainjob.await_dataset(:of_jobs);
CREATE TRIGGER trainjob_record_status_change AFTER UPDATE ON jobs
	FOR EACH ROW EXECUTE FUNCTION trainjob.record_status_change(:of_jobs);
CREATE TRIGGER trainjob_roll_up_restart AFTER UPDATE OF state ON jobs
	FOR EACH ROW EXECUTE FUNCTION trainjob.roll_up_restart(:of_jobs);
CREATE TRIGGER trainjob_fill_waiting_jobs AFTER INSERT OR UPDATE ON datasets
	FOR EACH ROW EXECUTE FUNCTION trainjob.fill_waiting_jobs(:of_datasets);
CREATE TRIGGER trainjob_fill_metric BEFORE INSERT OR UPDATE ON metrics
	FOR EACH ROW EXECUTE FUNCTION trainjob.fill_metric(:of_metrics);
CREATE TRIGGER trainjob_roll_up_insert AFTER INSERT ON metrics REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics(:of_metrics);
CREATE TRIGGER trainjob_roll_up_update AFTER UPDATE ON metrics REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics(:of_metrics);
CREATE TRIGGER trainjob_apply_alert BEFORE INSERT ON alert_event
	FOR EACH ROW EXECUTE FUNCTION trainjob.apply_alert(:of_alerts);
CREATE TRIGGER trainjob_await_job AFTER INSERT ON alert_event
	FOR EACH ROW EXECUTE FUNCTION trainjob.await_job(:of_alerts);
CREATE TEMP TABLE by_hand AS SELECT tgname, pg_get_triggerdef(oid) AS definition FROM pg_trigger
	WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'hand'::regnamespace) AND NOT tgisinternal;
-- to attach, only the views were missing
SELECT action, object FROM trainjob.attach('jobs') WHERE action !~ '^missing';
SELECT count(*) FROM trainjob.detach();
SELECT count(*) FROM trainjob.attach('jobs', 'metrics', 'datasets',
	columns => '{"status": "state", "loss": "current_loss", "recorded_at": "timestamp", "sample_count": "total_examples"}')
WHERE action = 'created trigger';
CREATE TEMP VIEW by_attach AS SELECT tgname, pg_get_triggerdef(oid) AS definition FROM pg_trigger
	WHERE tgrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'hand'::regnamespace) AND NOT tgisinternal;
(TABLE by_hand EXCEPT TABLE by_attach) UNION ALL (TABLE by_attach EXCEPT TABLE by_hand);
SET client_min_messages = error;
DROP SCHEMA hand CASCADE;
SET client_min_messages = warning;

-- ---------------------------------------------------------------------------
-- Tables first, triggers by a second call
-- ---------------------------------------------------------------------------

CREATE SCHEMA later;
SET search_path = later, pg_catalog;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('later', with_triggers => false);
SELECT count(*) FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid
WHERE c.relnamespace = 'later'::regnamespace AND g.tgname ~ '^trainjob';
SELECT count(*) FROM trainjob.job_sets();
-- keys as tables that are distributed by the job must have them
ALTER TABLE alert_event DROP CONSTRAINT alert_event_pkey, ADD PRIMARY KEY (job_id, id);
ALTER TABLE job_status_change DROP CONSTRAINT job_status_change_pkey, ADD PRIMARY KEY (job_id, id);
SELECT count(*) > 0 AS made FROM trainjob.create_tables('later');
INSERT INTO local_training_jobs (id, config) VALUES ('00000000-0000-0000-0000-000000000001', '{"max_steps": 10}');
INSERT INTO local_training_metrics (job_id, step) VALUES ('00000000-0000-0000-0000-000000000001', 5);
INSERT INTO alert_event (job_id, type) VALUES ('00000000-0000-0000-0000-000000000001', 'job_completed');
SELECT status, progress_text, last_alert_type FROM job_overview;
SELECT status_before, status_after FROM job_status_change ORDER BY id;
SELECT count(*) FROM trainjob.detach();
-- the same for an application's
CREATE TABLE jobs (id bigint PRIMARY KEY, user_id integer, state varchar(20));
CREATE TABLE metrics (job_id bigint, step integer);
SELECT action, object FROM trainjob.attach('jobs', 'metrics', columns => '{"status": "state"}', add_columns => true, with_triggers => false)
WHERE action <> 'added column' ORDER BY 1, 2;
SELECT job_sets FROM trainjob.job_sets();
ALTER TABLE jobs_alert_event DROP CONSTRAINT jobs_alert_event_pkey, ADD PRIMARY KEY (job_id, id);
SELECT action, object FROM trainjob.attach('jobs', 'metrics', columns => '{"status": "state"}') WHERE action ~ 'table|view' ORDER BY 1, 2;
INSERT INTO jobs VALUES (1, 1, 'pending');
INSERT INTO metrics (job_id, step) VALUES (1, 5);
INSERT INTO jobs_alert_event (job_id, type) VALUES (1, 'job_completed');
SELECT status, current_step, last_alert_type FROM jobs_overview;

-- No subquery of the views is without a table, none stands in VALUES or a target list: Citus does not take such to its nodes.
CREATE FUNCTION pg_temp.without_list(definition text) RETURNS text LANGUAGE sql
	RETURN regexp_replace(regexp_replace(definition, 'EXTRACT\(epoch FROM|DISTINCT FROM', '', 'gi'), '(\mFROM|LATERAL)\s+\(+\s*SELECT', '\1', 'g');
SELECT v.name, regexp_count(d.definition, '\mSELECT\M') AS elsewhere,
	regexp_count(pg_get_viewdef(v.name::regclass), '\mSELECT\M') - regexp_count(d.definition, '\mFROM\M') AS without_table
FROM (VALUES ('jobs_overview'), ('metrics_coverage')) AS v (name)
CROSS JOIN LATERAL (SELECT pg_temp.without_list(pg_get_viewdef(v.name::regclass)) AS definition) AS d;

-- Where Citus keeps datasets on each node, the trigger that would look for jobs on all of them is left out.
BEGIN;
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", repmodel "char");
INSERT INTO pg_dist_partition VALUES ('training_datasets', 'n', 't'), ('local_training_jobs', 'h', 's');
SELECT action, object FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', 'alert_event')
WHERE action = 'note' OR object ~ 'dataset';
ROLLBACK;
BEGIN;
SET LOCAL allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partmethod "char", repmodel "char");
INSERT INTO pg_dist_partition VALUES ('training_datasets', 'n', 's'), ('local_training_jobs', 'h', 's');
SELECT action, object FROM trainjob.attach('local_training_jobs', 'local_training_metrics', 'training_datasets', 'alert_event')
WHERE action = 'note' OR object ~ 'dataset';
ROLLBACK;

\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA later CASCADE;
