--
-- fill_job: a job's row completes itself
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA fill;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('fill');
SET search_path = fill, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
CREATE VIEW steps AS
	SELECT model_name AS job, total_samples AS total, train_samples AS train, val_samples AS val,
		expected_total_steps AS expected, total_steps, total_steps_source AS source,
		total_epochs AS epochs, current_step AS step, round(progress::numeric, 2) AS progress
	FROM local_training_jobs;
-- a timestamp of this transaction is "now"
CREATE FUNCTION t(at timestamptz) RETURNS text LANGUAGE sql STABLE AS
	$$ SELECT CASE WHEN at > now() - interval '1 hour' THEN 'now' ELSE to_char(at, 'YYYY-MM-DD HH24:MI') END $$;
CREATE VIEW times AS
	SELECT model_name AS job, status, t(status_changed_at) AS changed, t(started_at) AS started,
		t(restarted_at) AS restarted, t(completed_at) AS completed, t(failed_at) AS failed,
		t(cancelled_at) AS cancelled, error, error_type, current_step AS step, progress
	FROM local_training_jobs;

-- ---- what a dashboard wants to know ----

INSERT INTO training_datasets (storage_path, sample_count) VALUES
	('s3://five-hundred', 500), ('s3://many', 1650);
INSERT INTO local_training_jobs (id, model_name, dataset_path, config) VALUES
	(u(1), 'small', 's3://five-hundred', '{"batch_size": 4, "gradient_accumulation_steps": 8, "num_epochs": 3}'),
	(u(2), 'large', 's3://many', '{"training": {"batch_size": 4, "gradient_accumulation_steps": 8, "num_epochs": 3}}'),
	(u(3), 'silent', 's3://many', NULL),
	(u(4), 'lost', 's3://nowhere', '{}');
SELECT model_name, dataset_size_text, total_steps_text, progress_text, total_steps_source, note
FROM job_overview ORDER BY id;
UPDATE local_training_jobs SET status = 'running', current_step = 70 WHERE id = u(2);
SELECT progress_text, status, started_at > now() - interval '1 hour' AS started_just_now
FROM job_overview WHERE id = u(2);

-- ---- where sample counts come from ----

-- The user's own dataset, else one of nobody, never somebody else's.
INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES
	('shared', NULL, 100), ('shared', u(901), 200), ('private', u(901), 300);
INSERT INTO local_training_jobs (id, user_id, model_name, dataset_path)
	SELECT u(10 + n), user_id, concat_ws(' ', dataset_path, 'for', coalesce(right(user_id::text, 3), 'nobody')), dataset_path
	FROM (VALUES (1, 'shared', u(901)), (2, 'shared', u(902)), (3, 'shared', NULL),
		(4, 'private', u(901)), (5, 'private', u(902)), (6, 'private', NULL),
		(7, NULL, u(901)), (8, '', u(901))) AS v (n, dataset_path, user_id);
SELECT * FROM steps WHERE job ~ 'for' ORDER BY 1;

-- Of total = train + val, what is missing follows where the other two are known.
INSERT INTO training_datasets (storage_path, sample_count, train_samples, val_samples) VALUES
	('t', 1000, NULL, NULL), ('t tr', 1000, 900, NULL), ('t va', 1000, NULL, 100), ('tr va', NULL, 900, 100),
	('tr', NULL, 900, NULL), ('va', NULL, NULL, 100), ('nothing', NULL, NULL, NULL),
	('all, and they do not add up', 1000, 800, 100), ('more train than total', 1000, 1100, NULL),
	('more val than total', 1000, NULL, 1100), ('huge', NULL, 9223372036854775807, 1),
	('negative', -5, NULL, NULL), ('zero', 0, NULL, NULL), ('all val', 100, NULL, 100);
INSERT INTO local_training_jobs (model_name, dataset_path)
	SELECT storage_path, storage_path FROM training_datasets
	WHERE storage_path !~ '^s3' AND storage_path NOT IN ('shared', 'private');
SELECT * FROM steps WHERE job IN (SELECT storage_path FROM training_datasets) ORDER BY job COLLATE "C";

-- What the writer knows better stays, and counts with what the dataset says.
INSERT INTO local_training_jobs (model_name, dataset_path, total_samples, train_samples, val_samples) VALUES
	('writer: val', 't', NULL, NULL, 50), ('writer: total', 't tr', 950, NULL, NULL),
	('writer: train', 't', NULL, 640, NULL), ('writer: all', 't', 10, 8, 2),
	('writer: no dataset', NULL, 320, NULL, 32);
SELECT * FROM steps WHERE job ~ 'writer' ORDER BY 1;

-- Without a dataset's row the configuration says it.
INSERT INTO local_training_jobs (model_name, dataset_path, config)
	SELECT 'config ' || n, 'nowhere', config
	FROM (VALUES (1, '{"data": {"dataset_size": 640}}'::jsonb), (2, '{"data": {"examples": [1, 2, 3, {"a": 4}]}}'),
		(3, '{"data": {"dataset_size": "many"}, "metadata": {"total_examples": 96}}'),
		(4, '{"data": {"dataset_size": 0}, "training": {"total_samples": -1}}'),
		(5, '{"dataset": {"size": "320"}}')) AS v (n, config);
INSERT INTO local_training_jobs (model_name, dataset_path, config) VALUES
	('config 6, dataset wins', 't', '{"data": {"dataset_size": 640}}');
SELECT * FROM steps WHERE job ~ '^config' ORDER BY 1;

-- A job that has ended already is estimated like any other.
INSERT INTO local_training_jobs (model_name, status, status_changed_at, config) VALUES
	('ended', 'completed', '2025-01-01 00:00Z', '{"max_steps": 77}');
SELECT * FROM steps WHERE job = 'ended';

-- ---- a dataset that comes later ----

INSERT INTO local_training_jobs (id, user_id, model_name, dataset_path, status) VALUES
	(u(20), u(901), 'late, mine', 'late', 'pending'), (u(21), u(902), 'late, another''s', 'late', 'running'),
	(u(22), NULL, 'late, nobody''s', 'late', 'queued'), (u(23), u(901), 'late, over', 'late', 'completed'),
	(u(24), u(901), 'late, failed', 'late', 'failed');
INSERT INTO local_training_jobs (id, user_id, model_name, dataset_path, total_samples, total_steps) VALUES
	(u(25), u(901), 'late, given', 'late', 3200, 7);
SELECT * FROM steps WHERE job ~ '^late' ORDER BY 1;
INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES ('late', u(901), 3200);
SELECT * FROM steps WHERE job ~ '^late' ORDER BY 1;
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('late', 640);
SELECT * FROM steps WHERE job ~ '^late' ORDER BY 1;
-- It learns its splits: whoever lacks a count gets it, and estimates anew.
UPDATE training_datasets SET val_samples = 320 WHERE storage_path = 'late' AND user_id = u(901);
SELECT * FROM steps WHERE job ~ '^late' ORDER BY 1;
-- A count that a job has stays, though the dataset grows.
UPDATE training_datasets SET sample_count = 99999 WHERE storage_path = 'late';
SELECT job, total FROM steps WHERE job ~ '^late' ORDER BY 1;
-- A dataset that moves is found where it went; a remark about it moves no job.
INSERT INTO local_training_jobs (id, model_name, dataset_path) VALUES (u(26), 'moved', 'new place');
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('old place', 64);
SELECT updated_at AS before FROM local_training_jobs WHERE id = u(26) \gset
UPDATE training_datasets SET name = 'renamed' WHERE storage_path = 'old place';
SELECT updated_at = :'before' AS untouched FROM local_training_jobs WHERE id = u(26);
UPDATE training_datasets SET storage_path = 'new place' WHERE storage_path = 'old place';
SELECT * FROM steps WHERE job = 'moved';
-- It knows its training split alone, and the configuration spoke of fewer samples: the dataset wins.
INSERT INTO local_training_jobs (model_name, dataset_path, config) VALUES
	('split, larger', 'split 500', '{"data": {"dataset_size": 100}}'), ('split, smaller', 'split 50', '{"data": {"dataset_size": 100}}');
INSERT INTO training_datasets (storage_path, train_samples) VALUES ('split 500', 500), ('split 50', 50);
SELECT * FROM steps WHERE job ~ '^split' ORDER BY 1;
-- Several at once.
INSERT INTO local_training_jobs (model_name, dataset_path) SELECT 'bulk ' || n, 'bulk ' || n FROM generate_series(1, 3) AS n;
INSERT INTO training_datasets (storage_path, sample_count) SELECT 'bulk ' || n, n * 32 FROM generate_series(1, 3) AS n;
SELECT * FROM steps WHERE job ~ '^bulk' ORDER BY 1;

-- ---- another configuration, dataset, count ----

INSERT INTO local_training_jobs (id, model_name, dataset_path, config, total_steps) VALUES
	(u(30), 'estimated', 's3://many', '{"num_epochs": 3}', NULL),
	(u(31), 'given', 's3://many', '{"num_epochs": 3}', 1000),
	(u(32), 'given as estimated', 's3://many', '{"num_epochs": 3}', 156);
SELECT * FROM steps WHERE job ~ '(estimated|given)$' ORDER BY 1;
UPDATE local_training_jobs SET config = '{"num_epochs": 2}' WHERE id BETWEEN u(30) AND u(32);
SELECT * FROM steps WHERE job ~ '(estimated|given)$' ORDER BY 1;
UPDATE local_training_jobs SET dataset_path = 's3://five-hundred' WHERE id BETWEEN u(30) AND u(32);
SELECT * FROM steps WHERE job ~ '(estimated|given)$' ORDER BY 1;
-- To a dataset that is not known: unknown, not the old one's.
UPDATE local_training_jobs SET dataset_path = 'unknown' WHERE id BETWEEN u(30) AND u(32);
SELECT * FROM steps WHERE job ~ '(estimated|given)$' ORDER BY 1;
-- The configuration states the steps: no samples needed, and no epochs.
UPDATE local_training_jobs SET config = '{"max_steps": 77}' WHERE id BETWEEN u(30) AND u(32);
SELECT * FROM steps WHERE job ~ '(estimated|given)$' ORDER BY 1;
UPDATE local_training_jobs SET config = NULL, dataset_path = 's3://many' WHERE id BETWEEN u(30) AND u(32);
SELECT * FROM steps WHERE job ~ '(estimated|given)$' ORDER BY 1;
-- A count that the writer gives counts, and survives another dataset.
UPDATE local_training_jobs SET total_samples = 320 WHERE id = u(30);
SELECT * FROM steps WHERE job = 'estimated';
UPDATE local_training_jobs SET dataset_path = 't va' WHERE id = u(30);
SELECT * FROM steps WHERE job = 'estimated';
-- Given no more: the estimate takes its place.
UPDATE local_training_jobs SET total_steps = NULL WHERE id = u(31);
SELECT * FROM steps WHERE job = 'given';
-- Epochs that the writer gave stay.
INSERT INTO local_training_jobs (id, model_name, dataset_path, total_epochs) VALUES (u(33), 'five epochs', 's3://many', 5);
SELECT * FROM steps WHERE job = 'five epochs';

-- ---- whose total is it ----

-- By the trainer, once it runs; by the writer before.
INSERT INTO local_training_jobs (id, model_name, dataset_path) SELECT u(n), 'source ' || n, 's3://many' FROM generate_series(40, 46) AS n;
UPDATE local_training_jobs SET total_steps = 200 WHERE id = u(40);
UPDATE local_training_jobs SET status = 'running' WHERE id BETWEEN u(41) AND u(46);
UPDATE local_training_jobs SET total_steps = 200 WHERE id = u(41);
UPDATE local_training_jobs SET total_steps = 200, total_steps_source = 'given' WHERE id = u(42);
UPDATE local_training_jobs SET total_steps_source = 'reported' WHERE id = u(43); -- who says the same says so
INSERT INTO alert_event (job_id, type, total_steps) VALUES (u(44), 'job_started', 210);
-- A step beyond the total disproves it, whatever its source; one just beyond is taken for it.
INSERT INTO local_training_metrics (job_id, step) VALUES (u(45), 157);
UPDATE local_training_jobs SET current_step = 300 WHERE id = u(46);
SELECT * FROM steps WHERE job ~ '^source' ORDER BY 1;
INSERT INTO local_training_metrics (job_id, step) SELECT u(n), 500 FROM generate_series(40, 44) AS n;
SELECT * FROM steps WHERE job ~ '^source' ORDER BY 1;

-- An epoch that contradicts it moves a total that was estimated from samples:
-- step 10 at epoch 0.5 is 20 steps an epoch, not 52.
INSERT INTO local_training_jobs (id, model_name, status, dataset_path, config, total_steps) VALUES
	(u(50), 'epochs: estimated', 'running', 's3://many', NULL, NULL),
	(u(51), 'epochs: given', 'running', 's3://many', NULL, 156),
	(u(52), 'epochs: stated', 'running', 's3://many', '{"max_steps": 156}', NULL),
	(u(53), 'epochs: agree', 'running', 's3://many', NULL, NULL),
	(u(54), 'epochs: reported', 'running', 's3://many', NULL, NULL),
	(u(55), 'epochs: whole', 'running', 's3://many', NULL, NULL),
	(u(56), 'epochs: none', 'running', 's3://many', NULL, NULL),
	(u(57), 'epochs: another trainer', 'running', 's3://many', '{"micro_batch_size": 4, "gradient_accumulation_steps": 8, "num_epochs": 3}', NULL),
	(u(58), 'epochs: unknown size', 'running', NULL, '{"packing": true}', NULL);
INSERT INTO local_training_jobs (id, model_name, status, dataset_path, total_epochs) VALUES (u(59), 'epochs: the writer says 0', 'running', 's3://many', 0);
UPDATE local_training_jobs SET total_steps_source = 'reported' WHERE id = u(54);
INSERT INTO local_training_metrics (job_id, step, epoch)
	SELECT u(n), 10, CASE n WHEN 53 THEN 10 / 52.0 WHEN 55 THEN 1 WHEN 56 THEN 0 ELSE 0.5001 END
	FROM generate_series(50, 59) AS n;
SELECT * FROM steps WHERE job ~ '^epochs' ORDER BY 1;
-- An epoch of two decimals is a range; here it does not decide, and later it does.
UPDATE local_training_jobs SET total_steps = NULL, current_step = NULL, current_epoch = NULL WHERE id = u(50);
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(50), 11, 0.21);
SELECT * FROM steps WHERE job = 'epochs: estimated';
INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(50), 39, 0.98);
SELECT * FROM steps WHERE job = 'epochs: estimated';

-- ---- progress ----

INSERT INTO local_training_jobs (model_name, config, current_step, progress, status)
	SELECT 'progress ' || n, config, current_step, progress, status
	FROM (VALUES (1, '{"max_steps": 100}'::jsonb, 29::bigint, NULL::float8, 'running'), (2, '{"max_steps": 100}', 0, 50, 'running'),
		(3, '{"max_steps": 100}', -3, NULL, 'running'), (4, '{}', 12, 12.5, 'running'), (5, '{}', NULL, NULL, 'completed'),
		(6, '{"max_steps": 3}', 1, NULL, 'failed'), (7, '{"max_steps": 9223372036854775807}', 4611686018427387904, NULL, 'running'),
		(8, '{"max_steps": 100}', 70, 12.5, 'running')) AS v (n, config, current_step, progress, status);
SELECT model_name, status, current_step, total_steps, round(progress::numeric, 4) AS progress
FROM local_training_jobs WHERE model_name ~ '^progress' ORDER BY 1;
UPDATE local_training_jobs SET status = 'completed' WHERE model_name = 'progress 1';
UPDATE local_training_jobs SET total_steps = 140 WHERE model_name = 'progress 8';
SELECT model_name, status, progress FROM local_training_jobs WHERE model_name IN ('progress 1', 'progress 8') ORDER BY 1;
-- each whole percent is one
INSERT INTO local_training_jobs (model_name, config, current_step, status)
	SELECT 'percent', '{"max_steps": 100}', n, 'running' FROM generate_series(0, 100) AS n;
SELECT current_step, progress FROM local_training_jobs WHERE model_name = 'percent' AND progress <> current_step;

-- ---- timestamps follow the status ----

-- Inserted in a status: its timestamp is set, the status has not changed yet.
INSERT INTO local_training_jobs (model_name, status)
	SELECT 'born ' || s, s FROM unnest('{pending,queued,starting,running,paused,completed,failed,cancelled}'::text[]) AS s;
SELECT job, status, changed, started, restarted, completed, failed, cancelled FROM times WHERE job ~ '^born' ORDER BY 1;
-- ... unless the writer says when.
INSERT INTO local_training_jobs (id, model_name, status, started_at, failed_at, error) VALUES
	(u(60), 'old', 'failed', '2025-01-01 10:00Z', '2025-01-01 11:00Z', 'out of memory');
SELECT * FROM times WHERE job = 'old';

-- One job's life. Times that the writer gives are those of the change.
INSERT INTO local_training_jobs (id, model_name, config) VALUES (u(61), 'life', '{"max_steps": 100}');
SELECT * FROM times WHERE job = 'life';
UPDATE local_training_jobs SET status = 'queued' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
UPDATE local_training_jobs SET status = 'running', started_at = '2025-01-01 10:00Z', current_step = 10 WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
UPDATE local_training_jobs SET status = 'paused', status_changed_at = '2025-01-01 10:30Z' WHERE id = u(61);
UPDATE local_training_jobs SET status = 'running', status_changed_at = '2025-01-01 10:40Z' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
UPDATE local_training_jobs SET status = 'failed', error = 'out of memory', error_type = 'oom',
	failed_at = '2025-01-01 11:00Z' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
-- A status never changed later than now, whatever the writer's clock says.
INSERT INTO local_training_jobs (id, model_name) VALUES (u(62), 'clock');
UPDATE local_training_jobs SET status = 'running', started_at = '2999-01-01 00:00Z' WHERE id = u(62);
SELECT t(status_changed_at) AS changed, started_at FROM local_training_jobs WHERE id = u(62);

-- ---- a restart ----

UPDATE local_training_jobs SET current_step = 40, best_eval_loss = 0.5, best_step = 30 WHERE id = u(61);
-- from scratch
UPDATE local_training_jobs SET status = 'running' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
SELECT best_eval_loss, best_step FROM local_training_jobs WHERE id = u(61);
-- from a checkpoint
UPDATE local_training_jobs SET status = 'failed', error = 'again' WHERE id = u(61);
UPDATE local_training_jobs SET status = 'running', current_step = 25 WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
-- from the very step that it was at, which says nothing new
UPDATE local_training_jobs SET status = 'cancelled' WHERE id = u(61);
UPDATE local_training_jobs SET status = 'queued', current_step = 25 WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
-- of a job that had completed, at a time that the writer gives
UPDATE local_training_jobs SET status = 'completed', completed_at = '2025-01-02 10:00Z' WHERE id = u(61);
UPDATE local_training_jobs SET status = 'pending', restarted_at = '2025-01-02 12:00Z' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
-- paused and back is none
UPDATE local_training_jobs SET status = 'running', current_step = 30 WHERE id = u(61);
UPDATE local_training_jobs SET status = 'paused' WHERE id = u(61);
UPDATE local_training_jobs SET status = 'running' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';

-- ---- ended otherwise ----

UPDATE local_training_jobs SET status = 'failed', error = 'lost', error_type = 'stalled' WHERE id = u(61);
UPDATE local_training_jobs SET status = 'completed' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
UPDATE local_training_jobs SET status = 'failed', error = 'was wrong after all' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';
UPDATE local_training_jobs SET status = 'cancelled', error = 'stopped by hand' WHERE id = u(61);
SELECT * FROM times WHERE job = 'life';

-- ---- an object mapper saves the whole row ----

-- What stands in its SET list is not what it means, only what it changed is.
INSERT INTO local_training_jobs (id, model_name, dataset_path, status, started_at, current_step) VALUES
	(u(70), 'mapped', 's3://many', 'running', '2025-01-01 10:00Z', 40);
UPDATE local_training_jobs SET status = 'failed', error = 'oom', error_type = 'gpu', failed_at = '2025-01-01 11:00Z' WHERE id = u(70);
CREATE FUNCTION save(job uuid, change jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	row fill.local_training_jobs;
BEGIN
	SELECT * INTO row FROM fill.local_training_jobs WHERE id = job;
	row := jsonb_populate_record(row, change);
	EXECUTE (SELECT format('UPDATE fill.local_training_jobs SET (%s) = ROW($1.*) WHERE id = $2',
				string_agg(quote_ident(attname), ', ' ORDER BY attnum))
			 FROM pg_attribute
			 WHERE attrelid = 'fill.local_training_jobs'::regclass AND attnum > 0 AND NOT attisdropped)
		USING row, job;
END;
$$;
SELECT save(u(70), '{"status": "running"}');
SELECT * FROM times WHERE job = 'mapped';
SELECT * FROM steps WHERE job = 'mapped';
SELECT save(u(70), '{"config": {"num_epochs": 2}}');
SELECT * FROM steps WHERE job = 'mapped';
SELECT save(u(70), '{"total_steps": 120}');
SELECT * FROM steps WHERE job = 'mapped';
SELECT save(u(70), '{"dataset_path": "s3://five-hundred"}');
SELECT * FROM steps WHERE job = 'mapped';
SELECT save(u(70), '{"status": "completed"}');
SELECT * FROM times WHERE job = 'mapped';
-- One that never read what the database filled writes NULL over it.
SELECT save(u(70), '{"total_samples": null, "expected_total_steps": null, "total_steps": null, "total_steps_source": null,
	"completed_at": null, "progress": null, "status_changed_at": null}');
SELECT * FROM steps WHERE job = 'mapped';
SELECT * FROM times WHERE job = 'mapped';
INSERT INTO local_training_jobs (id, model_name, status, started_at) VALUES (u(71), 'mapped too', 'running', '2025-01-01 10:00Z');
UPDATE local_training_jobs SET status = 'failed', failed_at = '2025-01-01 11:00Z', error = 'oom' WHERE id = u(71);
SELECT save(u(71), '{"started_at": null, "failed_at": null}');
SELECT * FROM times WHERE job = 'mapped too';

-- ---- odd configurations ----

-- Nothing is refused; what cannot be known is NULL, and the note says why.
INSERT INTO local_training_jobs (id, model_name, dataset_path, config)
	SELECT u((100 + n)::integer), config, 's3://many', config::jsonb
	FROM unnest(ARRAY['null', '{}', '[]', '[{"batch_size": 4}]', '"epochs"', '3', 'true',
		'{"batch_size": "auto"}', '{"batch_size": 0}', '{"batch_size": -4}', '{"batch_size": 2.5}',
		'{"batch_size": 1e400}', '{"batch_size": -1e400}', '{"batch_size": 1e-400}', '{"batch_size": [4]}',
		'{"batch_size": {"value": 4}}', '{"batch_size": true}', '{"batch_size": null}', '{"batch_size": ""}',
		'{"batch_size": " 4 "}', '{"batch_size": "4.0"}', '{"batch_size": "0x4"}', '{"batch_size": 2147483648}',
		'{"num_epochs": "auto"}', '{"num_epochs": 0}', '{"num_epochs": 1e400}', '{"num_epochs": 0.5}', '{"num_epochs": "NaN"}',
		'{"gradient_accumulation_steps": "auto"}', '{"max_steps": 0}', '{"max_steps": -1}', '{"max_steps": 1e400}',
		'{"max_steps": "auto"}', '{"max_steps": 10.5}', '{"training": "fast"}', '{"training": [1, 2]}', '{"training": null}',
		'{"data": 7, "dataset": "x"}', '{"method": ["dpo"]}', '{"eval_steps": "often", "evaluation_strategy": "steps"}',
		'{"training": {"training": {"batch_size": 1}}}'])
		WITH ORDINALITY AS v (config, n);
SELECT model_name AS config, total_steps, note, eval_loss_text FROM job_overview WHERE id > u(100) AND id < u(200) ORDER BY id;
-- a megabyte of nesting, and one of keys
INSERT INTO local_training_jobs (id, model_name, dataset_path, config)
	SELECT u(200 + n), name, 's3://many', config::jsonb
	FROM (VALUES (0, 'deep', '{"training": ' || repeat('{"a": [', 500) || '"' || repeat('x', 1000000) || '"' || repeat(']}', 500) || '}'),
		(1, 'wide', '{"data": {' || (SELECT string_agg(format('"k%s": [%1$s]', n), ', ') FROM generate_series(1, 60000) AS n) || '}, "num_epochs": 2}'),
		(2, 'long', '{"batch_size": "' || repeat('x', 1000000) || '"}'),
		(3, 'nested value', '{"batch_size": ' || repeat('[', 500) || repeat(']', 500) || '}'))
		AS v (n, name, config);
SELECT model_name, pg_column_size(config) > 1000000 AS large, total_steps FROM local_training_jobs
WHERE id >= u(200) AND id < u(300) ORDER BY id;
SELECT model_name, total_steps_text, note FROM job_overview WHERE id >= u(200) AND id < u(300) ORDER BY id;
UPDATE local_training_jobs SET config = config || '{"num_epochs": 1}' WHERE id >= u(200) AND id < u(300);
SELECT model_name, total_steps FROM local_training_jobs WHERE id >= u(200) AND id < u(300) ORDER BY id;

-- ---- a row that is complete stays as it is ----

CREATE SCHEMA copy;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('copy');
INSERT INTO copy.local_training_jobs SELECT * FROM fill.local_training_jobs;
SELECT f.model_name, to_jsonb(f) - 'config' AS was, to_jsonb(c) - 'config' AS is
FROM fill.local_training_jobs AS f FULL JOIN copy.local_training_jobs AS c USING (id)
WHERE f IS DISTINCT FROM c ORDER BY 1;
-- the datasets come after the jobs in a dump
INSERT INTO copy.training_datasets SELECT * FROM fill.training_datasets;
SELECT f.model_name, to_jsonb(f) - 'config' AS was, to_jsonb(c) - 'config' AS is
FROM fill.local_training_jobs AS f FULL JOIN copy.local_training_jobs AS c USING (id)
WHERE f IS DISTINCT FROM c ORDER BY 1;

-- ---- a long configuration lies out of line ----

-- It goes there with the first UPDATE of its job, and nobody notices.
CREATE TABLE seen (who text, job text, size integer, hash text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fill.seen VALUES (TG_NAME, NEW.model_name, length(NEW.config ->> 'text'), md5(NEW.config::text));
	RETURN NEW;
END;
$$;
CREATE FUNCTION see_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO fill.seen SELECT TG_NAME, model_name, length(config ->> 'text'), md5(config::text) FROM new_rows;
	RETURN NULL;
END;
$$;
CREATE TRIGGER a_before BEFORE UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER z_before BEFORE UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER z_after AFTER UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER z_statement AFTER UPDATE ON local_training_jobs REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION see_all();
CREATE CONSTRAINT TRIGGER z_deferred AFTER UPDATE ON local_training_jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION see();
ALTER TABLE local_training_jobs ADD COLUMN text_length integer GENERATED ALWAYS AS (length(config ->> 'text')) STORED;
INSERT INTO local_training_jobs (id, model_name, status, config)
	SELECT u(300 + n), 'long ' || n, 'running', jsonb_build_object('max_steps', 10, 'text', repeat(md5(n::text), size))
	FROM (VALUES (1, 1), (2, 8), (3, 30), (4, 70), (5, 10000)) AS v (n, size);
CREATE TABLE long_before AS SELECT id, md5(config::text) AS hash FROM local_training_jobs WHERE model_name ~ '^long [1-5]';
UPDATE local_training_jobs SET current_step = 1 WHERE model_name ~ '^long [1-5]'
RETURNING model_name, length(config ->> 'text') AS size, text_length, md5(config::text) = (SELECT hash FROM long_before AS b WHERE b.id = local_training_jobs.id) AS same;
SELECT j.model_name, length(config ->> 'text') AS size, md5(config::text) = b.hash AS same,
	(SELECT string_agg(who, ' ' ORDER BY who) FROM seen WHERE job = j.model_name AND seen.hash = b.hash) AS seen_by
FROM local_training_jobs AS j JOIN long_before AS b USING (id) ORDER BY 1;
-- twice in a transaction, undone, changed at once
BEGIN;
INSERT INTO local_training_jobs (id, model_name, config) SELECT u(310), 'long 10', jsonb_build_object('max_steps', 10, 'text', repeat('x', 1000));
SAVEPOINT a;
UPDATE local_training_jobs SET current_step = 1 WHERE id = u(310);
ROLLBACK TO a;
UPDATE local_training_jobs SET current_step = 2 WHERE id = u(310);
UPDATE local_training_jobs SET config = config || '{"max_steps": 20}' WHERE id = u(310);
UPDATE local_training_jobs SET current_step = 3, config = config || '{"more": true}' WHERE id = u(310);
COMMIT;
SELECT current_step, total_steps, config - 'text' AS config, length(config ->> 'text') AS size FROM local_training_jobs WHERE id = u(310);
-- more of them at once than memory is set aside for
INSERT INTO local_training_jobs (model_name, config) SELECT 'bulky', jsonb_build_object('max_steps', 10, 'text', repeat(md5(n::text), 15000)) FROM generate_series(1, 50) AS n;
UPDATE local_training_jobs SET config = config || '{"more": true}' WHERE model_name = 'bulky';
UPDATE local_training_jobs SET current_step = 1 WHERE model_name = 'bulky';
SELECT count(*), count(DISTINCT md5(config::text)), min(text_length), max(text_length) FROM local_training_jobs WHERE model_name = 'bulky';
ALTER TABLE local_training_jobs DROP COLUMN text_length;
DROP TRIGGER a_before ON local_training_jobs;
DROP TRIGGER z_before ON local_training_jobs;
DROP TRIGGER z_after ON local_training_jobs;
DROP TRIGGER z_statement ON local_training_jobs;
DROP TRIGGER z_deferred ON local_training_jobs;

-- ---- updated_at ----

INSERT INTO local_training_jobs (id, model_name, updated_at, config) VALUES
	(u(80), 'updated', '2025-01-01 00:00Z', '{"max_steps": 10}');
UPDATE local_training_jobs SET config = config, status = status WHERE id = u(80);
SELECT t(updated_at) AS nothing_changed FROM local_training_jobs WHERE id = u(80);
UPDATE local_training_jobs SET model_name = 'updated!' WHERE id = u(80);
SELECT t(updated_at) AS something_did FROM local_training_jobs WHERE id = u(80);
UPDATE local_training_jobs SET model_name = 'updated', updated_at = '2125-01-02 00:00Z' WHERE id = u(80);
SELECT updated_at AS writer_says FROM local_training_jobs WHERE id = u(80);
-- and never takes back
UPDATE local_training_jobs SET model_name = 'updated?', updated_at = '2025-01-02 00:00Z' WHERE id = u(80);
SELECT updated_at AS never_back FROM local_training_jobs WHERE id = u(80);
ALTER TABLE local_training_jobs DISABLE TRIGGER USER;
UPDATE local_training_jobs SET updated_at = '2025-01-02 00:00Z' WHERE id = u(80);
ALTER TABLE local_training_jobs ENABLE TRIGGER USER;
INSERT INTO local_training_metrics (job_id, step) VALUES (u(80), 1);
SELECT t(updated_at) AS metric FROM local_training_jobs WHERE id = u(80);
ALTER TABLE local_training_jobs ADD COLUMN remark text;
ALTER TABLE local_training_jobs DISABLE TRIGGER USER;
UPDATE local_training_jobs SET updated_at = '2025-01-02 00:00Z' WHERE id = u(80);
ALTER TABLE local_training_jobs ENABLE TRIGGER USER;
UPDATE local_training_jobs SET remark = 'the user''s own column' WHERE id = u(80);
SELECT t(updated_at) AS own_column FROM local_training_jobs WHERE id = u(80);

-- ---- rows of before ----

-- Left as they are by create_tables, and by what does not concern them.
ALTER TABLE local_training_jobs DISABLE TRIGGER USER;
INSERT INTO local_training_jobs (id, model_name, status, dataset_path) VALUES
	(u(90), 'before', 'running', 's3://many'), (u(91), 'before, and then an upsert', 'running', 's3://many');
ALTER TABLE local_training_jobs ENABLE TRIGGER USER;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('fill');
UPDATE local_training_jobs SET remark = 'x' WHERE id = u(90);
SELECT * FROM steps WHERE job = 'before';
UPDATE local_training_jobs SET config = '{"num_epochs": 1}' WHERE id = u(90);
INSERT INTO local_training_jobs (id, dataset_path) VALUES (u(91), 's3://many')
	ON CONFLICT (id) DO UPDATE SET dataset_path = EXCLUDED.dataset_path, total_steps = EXCLUDED.total_steps;
SELECT * FROM steps WHERE job ~ '^before' ORDER BY 1;

DROP SCHEMA fill, copy CASCADE;
