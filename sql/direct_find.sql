--
-- a job's dataset and waiting alerts are found by an index where that gives what
-- the query would, and by the query where not: the outcome is the same
--
\set SHOW_CONTEXT never
SET client_min_messages = error;
CREATE SCHEMA find;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('find');
SET search_path = find, pg_catalog;

-- The plans of the two queries that this session keeps.
CREATE FUNCTION kept_plans() RETURNS bigint
LANGUAGE sql AS $$
	SELECT count(*) FROM pg_backend_memory_contexts
	WHERE name = 'CachedPlanSource' AND (ident LIKE 'SELECT % FROM find.training_datasets%' OR ident LIKE 'SELECT % FROM find.alert_event%')
$$;

-- How many samples a job of user 1 has, and the status that an alert gave it
-- that came before it, after "setup"; how often a job without alerts took a
-- query. Nothing of it stays.
CREATE FUNCTION found(setup text, path text DEFAULT 's3://a') RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	one uuid := lpad('1', 32, '0');
	before bigint := kept_plans();
	answer text;
	queries bigint;
BEGIN
	EXECUTE setup;
	INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES
		('s3://a', lpad('2', 32, '0')::uuid, 2), ('s3://a', NULL, 3), ('s3://a', one, 1), ('s3://b', one, 4);
	INSERT INTO local_training_jobs (id, user_id, dataset_path) VALUES (lpad('9', 32, '0')::uuid, one, path);
	queries := kept_plans() - before;
	INSERT INTO alert_event (job_id, type) VALUES (one, 'job_cancelled');
	INSERT INTO local_training_jobs (id, user_id, dataset_path) VALUES (one, one, path)
		RETURNING concat_ws(' ', total_samples, 'samples') INTO answer;
	SELECT concat_ws(', ', answer, status) INTO answer FROM local_training_jobs WHERE id = one;
	RAISE SQLSTATE 'TJ000' USING MESSAGE = format('%s; %s queries', answer, queries);
EXCEPTION WHEN SQLSTATE 'TJ000' THEN
	RETURN SQLERRM;
END $$;

\pset format unaligned
-- of the tables as they are made
SELECT found('');
-- whichever dataset of the path comes first
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key; CREATE INDEX ON training_datasets (storage_path)');
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key; CREATE INDEX ON training_datasets (storage_path, sample_count DESC)');
-- an index that another column begins, that has not all rows, of another kind, or of another collation
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key; CREATE INDEX ON training_datasets (user_id, storage_path)');
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key; CREATE INDEX ON training_datasets (storage_path) WHERE sample_count > 2');
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key; CREATE INDEX ON training_datasets USING hash (storage_path)');
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key; CREATE INDEX ON training_datasets (storage_path COLLATE "C")');
SELECT found('ALTER TABLE training_datasets DROP CONSTRAINT training_datasets_storage_path_user_id_key');
-- a collation in which case does not count, with its index
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT found('ALTER TABLE training_datasets ALTER storage_path TYPE text COLLATE ignore_case', 'S3://A');
-- keys of other types
SELECT found('ALTER TABLE training_datasets ALTER storage_path TYPE varchar');
SELECT found('DROP VIEW job_overview, metric_coverage; ALTER TABLE training_datasets ALTER user_id TYPE text; ALTER TABLE local_training_jobs ALTER user_id TYPE text');
-- rows that another table has
SELECT found('CREATE TABLE child () INHERITS (training_datasets); INSERT INTO child (storage_path, sample_count) VALUES (''s3://child'', 7)', 's3://child');
-- alerts without an index, or with one that has not all of them: all are read, by no query
SELECT found('DROP INDEX alert_event_job_id_occurred_at_id_idx');
SELECT found('DROP INDEX alert_event_job_id_occurred_at_id_idx; CREATE INDEX ON alert_event (job_id) WHERE type = ''gpu_oom''');
\pset format aligned

-- What one statement writes: the job finds the alert that came with it.
WITH alert AS (
	INSERT INTO alert_event (job_id, type) VALUES (lpad('5', 32, '0')::uuid, 'job_cancelled'))
INSERT INTO local_training_jobs (id) VALUES (lpad('5', 32, '0')::uuid);
SELECT status FROM local_training_jobs WHERE id = lpad('5', 32, '0')::uuid;
SELECT outcome FROM alert_event WHERE job_id = lpad('5', 32, '0')::uuid;

-- The owner of the datasets may have given up his right to read them.
CREATE ROLE regress_trainjob_find;
GRANT USAGE ON SCHEMA find TO regress_trainjob_find;
GRANT SELECT, UPDATE ON local_training_jobs TO regress_trainjob_find;
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://c', 5);
ALTER TABLE training_datasets OWNER TO regress_trainjob_find;
INSERT INTO local_training_jobs (id, dataset_path) VALUES (lpad('6', 32, '0')::uuid, 's3://c') RETURNING total_samples;
REVOKE SELECT ON training_datasets FROM regress_trainjob_find;
INSERT INTO local_training_jobs (id, dataset_path) VALUES (lpad('7', 32, '0')::uuid, 's3://c');
ALTER TABLE training_datasets OWNER TO CURRENT_USER;
REVOKE ALL ON local_training_jobs FROM regress_trainjob_find;

DROP SCHEMA find CASCADE;
DROP ROLE regress_trainjob_find;
