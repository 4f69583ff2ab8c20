--
-- metric_rollup_direct: late reports and evaluations settle their job directly
-- where that gives what the three queries would, and by those of them that it
-- takes where not: the outcome is the same
--
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA settle;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('settle');
SET search_path = settle, pg_catalog;
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$ SELECT lpad(n::text, 32, '0')::uuid $$;

-- The plans of the roll-up that this session keeps: of the query that locks a
-- job, that reads its newest reports, that updates it.
CREATE FUNCTION kept_plans(OUT "lock" bigint, OUT newest bigint, OUT settle bigint)
LANGUAGE sql AS $$
	SELECT count(*) FILTER (WHERE ident LIKE 'SELECT % FROM settle.%jobs WHERE % FOR NO KEY UPDATE'),
		count(*) FILTER (WHERE ident LIKE 'SELECT step, % ORDER BY step DESC%'),
		count(*) FILTER (WHERE ident LIKE 'UPDATE settle.%jobs SET %' AND ident NOT LIKE '%''running''%')
	FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource'
$$;

INSERT INTO local_training_jobs (id, model_name, status, total_samples, updated_at)
	VALUES (u(1), 'model', 'running', 3200, '2026-01-01');

-- Reports of job 1 after "setup": two, one ahead of the other, and then "late".
-- What job 1 is like, and the queries that it took. Nothing of it stays.
CREATE FUNCTION settled(setup text, late text DEFAULT $$
	INSERT INTO local_training_metrics (job_id, step, train_loss, grad_norm, learning_rate) VALUES (u(1), 15, 1.5, 8, NULL)$$) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	before record;
	after record;
	answer text;
BEGIN
	SELECT * INTO before FROM kept_plans();
	ALTER TABLE local_training_jobs ALTER model_name SET STATISTICS 10; -- so that plans are made anew
	EXECUTE setup;
	INSERT INTO local_training_metrics (job_id, step, train_loss, grad_norm) VALUES (u(1), 10, 1, 7);
	INSERT INTO local_training_metrics (job_id, step, train_loss, learning_rate) VALUES (u(1), 20, 2, 2e-5);
	EXECUTE late;
	SELECT * INTO after FROM kept_plans();
	SELECT concat_ws(' ', 'step', current_step, 'loss', loss, 'grad', grad_norm, 'lr', learning_rate, 'eval', eval_loss,
			'best', best_eval_loss, '@', best_step, 'of', total_steps, status,
			CASE WHEN updated_at = '2026-01-01' THEN 'not updated' END)
		INTO answer FROM local_training_jobs WHERE id = u(1);
	RAISE SQLSTATE 'TJ000' USING MESSAGE = format('%s; queries: %s', answer,
		coalesce(nullif(concat_ws(' ', CASE WHEN after.lock > before.lock THEN 'lock' END,
			CASE WHEN after.newest > before.newest THEN 'newest' END,
			CASE WHEN after.settle > before.settle THEN 'settle' END), ''), 'none'));
EXCEPTION
	WHEN SQLSTATE 'TJ000' THEN
		RETURN SQLERRM;
	WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
END;
$$;

\pset format unaligned
\pset tuples_only on

-- ---- what takes the long way ----

\echo late
SELECT settled('');
\echo repeated
SELECT settled('', $$INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(1), 20, 2.5)$$);
\echo an evaluation, ahead and late
SELECT settled('', $$INSERT INTO local_training_metrics (job_id, step, eval_loss) VALUES (u(1), 21, 3)$$);
SELECT settled('', $$INSERT INTO local_training_metrics (job_id, step, eval_loss) VALUES (u(1), 11, 3)$$);
\echo an UPDATE of the newest report
SELECT settled('', $$UPDATE local_training_metrics SET train_loss = NULL, step = 19 WHERE step = 20$$);
\echo a change of status
SELECT settled('UPDATE local_training_jobs SET status = ''pending''');
SELECT settled('', $$UPDATE local_training_jobs SET status = 'completed';
	INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(1), 16, 1.6, now() + interval '1 s')$$);
\echo a new attempt, and a report of the one before
SELECT settled('', $$UPDATE local_training_jobs SET status = 'failed'; UPDATE local_training_jobs SET status = 'running', restarted_at = now() + interval '1 s';
	INSERT INTO local_training_metrics (job_id, step, train_loss, recorded_at) VALUES (u(1), 3, 0.3, now() + interval '1 s');
	INSERT INTO local_training_metrics (job_id, step, train_loss, grad_norm) VALUES (u(1), 2, 0.2, 9)$$);
\echo what was reported of a new attempt before it was known
SELECT settled('', $$UPDATE local_training_jobs SET status = 'failed', last_metric_at = now() + interval '1 s';
	UPDATE local_training_metrics SET recorded_at = now() + interval '1 s' WHERE step = 10;
	UPDATE local_training_jobs SET status = 'running', restarted_at = now() + interval '1 s'$$);
\echo nothing new
SELECT settled('', $$SET LOCAL session_replication_role = replica; UPDATE local_training_jobs SET updated_at = '2026-01-01';
	SET LOCAL session_replication_role = origin;
	INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(1), 15, 1.5)$$);
\echo far back, with nothing between
SELECT settled('', $$INSERT INTO local_training_metrics (job_id, step, recorded_at) SELECT u(1), 16 + n % 3, now() FROM generate_series(1, 3000) AS n;
	INSERT INTO local_training_metrics (job_id, step, gpu_utilization_percent, grad_norm) VALUES (u(1), 1, 99, 9)$$);
\echo a total is not observed by a step and an epoch of different reports
SELECT settled('', $$INSERT INTO local_training_metrics (job_id, step, epoch) VALUES (u(1), 15, 0.15), (u(1), 25, NULL)$$);
\echo a job that nobody knows
SELECT settled('ALTER TABLE local_training_metrics DROP CONSTRAINT local_training_metrics_job_id_fkey',
	$$INSERT INTO local_training_metrics (job_id, step, eval_loss) VALUES (u(9), 15, 1)$$);

-- ---- an index that does not have the newest first ----

CREATE PROCEDURE instead(index text) LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE local_training_metrics DROP CONSTRAINT local_training_metrics_pkey;
	EXECUTE 'CREATE INDEX ON local_training_metrics ' || index;
END;
$$;

-- Of two reports of a step, the one with the higher id is newer.
CREATE FUNCTION with_index(index text, setup text DEFAULT '') RETURNS text
LANGUAGE sql AS $$
	SELECT settled(setup || format('; CALL instead(%L)', index),
		'INSERT INTO local_training_metrics (job_id, step, id, train_loss, grad_norm) VALUES (u(1), 15, 1009, 1.75, 9), (u(1), 15, 999, 1.5, 8)')
$$;

SELECT with_index(index) || '  ' || index FROM unnest(ARRAY[
	'(job_id, step, id)', '(job_id DESC, step, id)', '(job_id, step, id, train_loss)',
	'(job_id, step DESC, id DESC)', '(job_id, step, id DESC)', '(job_id, step, id NULLS FIRST)',
	'(job_id)', '(job_id, step)', '(job_id, step) INCLUDE (id)', '(job_id, id, step)', '(step, job_id, id)',
	'(job_id, step, id) WHERE step > 0', '(job_id, (step + 0), id)', 'USING brin (job_id, step, id)']) AS index;

-- ---- columns of other types ----

SELECT with_index('(job_id, step, id)', format('DROP VIEW job_overview, metric_coverage; ALTER TABLE local_training_metrics ALTER step TYPE %s', type)) || '  ' || type
FROM unnest('{smallint,integer,numeric,real}'::text[]) AS type;
SELECT with_index(index, 'DROP VIEW job_overview, metric_coverage; ALTER TABLE local_training_metrics ALTER id DROP IDENTITY; ALTER TABLE local_training_metrics ALTER id TYPE text COLLATE "C", ALTER id SET DEFAULT ''0''') || '  ' || index
FROM unnest(ARRAY['(job_id, step, id)', '(job_id, step, id COLLATE "POSIX")', '(job_id, step, id text_pattern_ops)']) AS index;
\echo numbers in their own memory
SELECT settled('DROP VIEW job_overview, metric_coverage; ALTER TABLE local_training_metrics ALTER train_loss TYPE numeric, ALTER grad_norm TYPE numeric;
	ALTER TABLE local_training_jobs ALTER loss TYPE numeric, ALTER grad_norm TYPE numeric');
\echo a column that is computed when it is read, where there is such
BEGIN;
DROP VIEW job_overview, metric_coverage;
ALTER TABLE local_training_metrics DROP gpu_utilization_percent;
SELECT format('ALTER TABLE local_training_metrics ADD gpu_utilization_percent float8 GENERATED ALWAYS AS (grad_norm * 10) %s',
	CASE WHEN current_setting('server_version_num')::integer < 180000 THEN 'STORED' ELSE 'VIRTUAL' END) AS added \gset
:added;
INSERT INTO local_training_metrics (job_id, step, grad_norm, recorded_at) VALUES (u(1), 10, 7, now() + interval '1 s');
UPDATE local_training_jobs SET status = 'failed';
UPDATE local_training_jobs SET status = 'running', restarted_at = now();
SELECT current_step, grad_norm, gpu_utilization_percent IS NOT NULL = (current_setting('server_version_num')::integer < 180000) AS as_stored FROM local_training_jobs WHERE id = u(1);
ROLLBACK;
\echo no id, with and without an index
SELECT settled('ALTER TABLE local_training_metrics DROP id CASCADE; CREATE INDEX ON local_training_metrics (job_id, step)');
SELECT settled('ALTER TABLE local_training_metrics DROP id CASCADE');
\echo a job whose key has another type than in its reports
CREATE TABLE number_jobs (id bigint PRIMARY KEY, status text, current_step bigint, loss float8);
CREATE TABLE number_metrics (job_id integer, step bigint, train_loss float8, PRIMARY KEY (job_id, step));
CREATE TRIGGER roll_up AFTER INSERT ON number_metrics REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=settle.number_jobs');
INSERT INTO number_jobs VALUES (-1, 'running', 9), (4294967295, 'running', 9);
SELECT settled('', 'INSERT INTO number_metrics VALUES (-1, 3, 0.5)');
INSERT INTO number_metrics VALUES (-1, 3, 0.5);
TABLE number_jobs;

-- ---- tables of which only a query sees all ----

\echo reports in partitions
SELECT settled($$ALTER TABLE local_training_metrics RENAME TO plain;
	CREATE TABLE local_training_metrics (LIKE plain INCLUDING ALL) PARTITION BY HASH (job_id);
	CREATE TABLE one PARTITION OF local_training_metrics FOR VALUES WITH (MODULUS 1, REMAINDER 0);
	CREATE TRIGGER roll_up AFTER INSERT ON local_training_metrics REFERENCING NEW TABLE AS new_rows
		FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=settle.local_training_jobs')$$);
\echo children of the reports, and of the jobs
SELECT settled('CREATE TABLE child () INHERITS (local_training_metrics)');
SELECT settled('CREATE TABLE child () INHERITS (local_training_jobs)');
\echo a job by an index that does not say that there is one
SELECT settled('ALTER TABLE local_training_metrics DROP CONSTRAINT local_training_metrics_job_id_fkey;
	ALTER TABLE local_training_jobs DROP CONSTRAINT local_training_jobs_pkey CASCADE; CREATE INDEX ON local_training_jobs (id)');

-- ---- others who look at the job ----

CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
\echo a trigger of any update, of columns that a late report names
SELECT settled('CREATE TRIGGER z AFTER UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION nothing()');
SELECT settled('CREATE TRIGGER z AFTER UPDATE OF best_step ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION nothing()');
SELECT settled('CREATE TRIGGER z AFTER UPDATE OF total_steps_source ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION nothing()');
\echo a trigger of the status, which stays
SELECT settled('CREATE TRIGGER z AFTER UPDATE OF status ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION nothing()');
\echo a CHECK of columns that only the long way writes
SELECT settled('ALTER TABLE local_training_jobs ADD CHECK (best_step > 0)');
SELECT settled('ALTER TABLE local_training_jobs ADD CHECK (best_step > 20)',
	'INSERT INTO local_training_metrics (job_id, step, eval_loss) VALUES (u(1), 11, 3)'); -- fails
\echo a CHECK of what follows from them
SELECT settled('ALTER TABLE local_training_jobs ADD CHECK (updated_at < ''2020-01-01'') NOT VALID'); -- fails

-- ---- who writes ----

\echo above READ COMMITTED
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT settled('');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT settled('');
COMMIT;
\echo one who may not write, whose temporary table may be written to
INSERT INTO local_training_jobs (id, status, current_step) VALUES (u(2), 'running', 9);
CREATE TEMP TABLE own_metrics (job_id uuid, step bigint, eval_loss float8);
CREATE TRIGGER roll_up AFTER INSERT ON own_metrics REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=settle.local_training_jobs');
BEGIN READ ONLY;
INSERT INTO own_metrics VALUES (u(2), 3, 0.5); -- fails
ROLLBACK;
DROP TABLE own_metrics;
\echo the owner of the reports, who gave up his right to read them
CREATE ROLE regress_trainjob_settle;
GRANT USAGE ON SCHEMA settle TO regress_trainjob_settle;
GRANT SELECT, UPDATE ON local_training_jobs TO regress_trainjob_settle;
SELECT settled('ALTER TABLE local_training_metrics OWNER TO regress_trainjob_settle');
SELECT settled('ALTER TABLE local_training_metrics OWNER TO regress_trainjob_settle; REVOKE SELECT ON local_training_metrics FROM regress_trainjob_settle'); -- fails
REVOKE ALL ON local_training_jobs FROM regress_trainjob_settle;
REVOKE ALL ON SCHEMA settle FROM regress_trainjob_settle;
DROP ROLE regress_trainjob_settle;

-- ---- a type that changes in the middle of it ----

\echo a domain whose CHECK alters the table
CREATE FUNCTION alter_once(value float8) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	IF value = 3 AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'settle.local_training_jobs'::regclass AND attname = 'added') THEN
		ALTER TABLE settle.local_training_jobs ADD added integer;
	END IF;
	RETURN true;
END;
$$;
SELECT settled('CREATE DOMAIN watched AS float8 CHECK (alter_once(VALUE)); DROP VIEW job_overview, metric_coverage;
	ALTER TABLE local_training_jobs ALTER best_eval_loss TYPE watched',
	'INSERT INTO local_training_metrics (job_id, step, eval_loss) VALUES (u(1), 11, 3)');

-- ---- in one transaction with what it sees ----

\echo saved, rolled back, and settled
BEGIN;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(1), 10, 1), (u(1), 20, 2);
SAVEPOINT s;
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss) VALUES (u(1), 15, 1.5, 0.5);
SELECT current_step, loss, eval_loss, best_step FROM local_training_jobs WHERE id = u(1);
ROLLBACK TO s;
INSERT INTO local_training_metrics (job_id, step, grad_norm) VALUES (u(1), 12, 7);
SELECT current_step, loss, eval_loss, best_step, grad_norm FROM local_training_jobs WHERE id = u(1);
WITH jobs AS (UPDATE local_training_jobs SET model_name = 'renamed' WHERE id = u(1))
INSERT INTO local_training_metrics (job_id, step, grad_norm) VALUES (u(1), 14, 8);
SELECT model_name, current_step, loss, grad_norm FROM local_training_jobs WHERE id = u(1);
COMMIT;
SELECT count(*) FROM trainjob.verify_jobs('settle.local_training_jobs');

DROP SCHEMA settle CASCADE;
