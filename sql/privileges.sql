--
-- privileges: who may do what by writing to the tables, and see what by reading
-- them: a trainer's role, the owners, users with row-level security, and PUBLIC
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE ROLE regress_trainjob_trainer;
CREATE ROLE regress_trainjob_app;
CREATE ROLE regress_trainjob_other;
CREATE SCHEMA helpers;
GRANT USAGE ON SCHEMA helpers TO PUBLIC;
SET search_path = helpers, pg_catalog;
CREATE FUNCTION id(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE
	RETURN ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid;

-- Tries a statement and takes back what it did: its error, or how many rows.
CREATE FUNCTION attempt(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE statement;
	GET DIAGNOSTICS n = ROW_COUNT;
	RAISE SQLSTATE 'TJ000';
EXCEPTION
	WHEN SQLSTATE 'TJ000' THEN RETURN n || ' rows';
	WHEN OTHERS THEN RETURN SQLERRM;
END $$;

-- The DETAIL of a statement's error, likewise.
CREATE FUNCTION detail_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	detail text;
BEGIN
	EXECUTE statement;
	RAISE SQLSTATE 'TJ000';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN detail;
END $$;

-- ---------------------------------------------------------------------------
-- A role with INSERT on metrics and alerts alone
-- ---------------------------------------------------------------------------

CREATE SCHEMA priv;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('priv');
SET search_path = priv, helpers, pg_catalog;
GRANT USAGE ON SCHEMA priv TO regress_trainjob_trainer;
GRANT INSERT ON local_training_metrics, alert_event TO regress_trainjob_trainer;
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://a', 3200);
INSERT INTO local_training_jobs (id, user_id, model_name, dataset_path, job_token, config, created_at) VALUES
	(id(1), id(901), 'llama', 's3://a', 'top-secret-1', '{"num_epochs": 2}', '2025-01-01 00:00Z'),
	(id(2), id(902), 'gpt', 's3://a', 'top-secret-2', '{"num_epochs": 4}', '2025-01-01 00:00Z');
CREATE TABLE jobs_before AS SELECT * FROM local_training_jobs;

SET ROLE regress_trainjob_trainer;
-- What it can: reports, in each form, and alerts.
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, learning_rate) VALUES
	(id(1), 10, 0.1, 2.5, 2.75, 1e-4), (id(2), 10, 0.1, 1.5, NULL, 2e-4);
COPY local_training_metrics (job_id, step, train_loss) FROM STDIN;
00000000-0000-0000-0000-000000000001	20	2.25
\.
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 5) ON CONFLICT DO NOTHING;
INSERT INTO alert_event (job_id, type, total_steps, error_message) VALUES
	(id(1), 'job_started', 180, NULL), (id(1), 'gpu_oom', NULL, 'full'), (id(1), 'job_failed', NULL, 'lost'),
	(id(2), 'job_completed', NULL, NULL), (id(2), 'job_cancelled', NULL, NULL), (id(3), 'job_started', NULL, NULL);
-- What it cannot: each of these fails.
SELECT s.statement, attempt(s.statement) AS error
FROM unnest(ARRAY[
	'SELECT job_token FROM local_training_jobs',
	'SELECT status FROM local_training_jobs',
	'SELECT count(*) FROM local_training_jobs',
	'SELECT j FROM local_training_jobs AS j',
	'TABLE local_training_metrics', 'TABLE alert_event', 'TABLE job_status_change', 'TABLE training_datasets',
	'TABLE job_overview', 'TABLE metric_coverage',
	'INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 30) RETURNING id',
	'INSERT INTO local_training_metrics (job_id, step, id) VALUES (id(1), 10, 1) ON CONFLICT (job_id, step, id) DO NOTHING',
	'INSERT INTO local_training_metrics (job_id, step, id) VALUES (id(1), 10, 1) ON CONFLICT (job_id, step, id) DO UPDATE SET step = 11',
	'INSERT INTO alert_event (job_id, type) VALUES (id(1), ''gpu_oom'') RETURNING status_before',
	'UPDATE local_training_metrics SET train_loss = 0', 'DELETE FROM local_training_metrics',
	'TRUNCATE local_training_metrics', 'UPDATE alert_event SET outcome = NULL', 'DELETE FROM alert_event',
	'INSERT INTO local_training_jobs (id) VALUES (id(4))',
	'UPDATE local_training_jobs SET status = ''completed''', 'UPDATE local_training_jobs SET job_token = ''mine''',
	'DELETE FROM local_training_jobs', 'SELECT FROM local_training_jobs FOR KEY SHARE',
	'INSERT INTO training_datasets (storage_path) VALUES (''x'')', 'UPDATE training_datasets SET sample_count = 1',
	'INSERT INTO job_status_change (job_id) VALUES (id(1))', 'DELETE FROM job_status_change',
	'SELECT nextval(''alert_event_id_seq'')', 'SELECT setval(''local_training_metrics_id_seq'', 1)',
	'LOCK TABLE local_training_jobs IN ACCESS SHARE MODE',
	'ALTER TABLE local_training_metrics DISABLE TRIGGER ALL', 'SET session_replication_role = replica',
	'CREATE TRIGGER t BEFORE INSERT ON local_training_metrics FOR EACH ROW EXECUTE FUNCTION trainjob.fill_metric()',
	'SELECT * FROM trainjob.metric_series(id(1), ''train_loss'')',
	'SELECT trainjob.verify_jobs()', 'SELECT trainjob.refill_jobs()', 'SELECT trainjob.fail_stalled(''0 s'')',
	'SELECT trainjob.detach()', 'SELECT trainjob.create_tables(''priv'')',
	'SELECT trainjob.report_metrics(''top-secret'', ''{"step": 1}'')'])
	WITH ORDINALITY AS s (statement, n) ORDER BY s.n;
RESET ROLE;
-- What it changed of the jobs: nothing that is not a trainer's to say.
SELECT right(a.id::text, 1) AS job, d.key, CASE WHEN d.key !~ '_at$' THEN b.row ->> d.key END AS before,
	CASE WHEN d.key ~ '_at$' THEN 'a time' ELSE a.row ->> d.key END AS after
FROM (SELECT id, to_jsonb(j) AS row FROM local_training_jobs AS j) AS a
JOIN (SELECT id, to_jsonb(j) AS row FROM jobs_before AS j) AS b USING (id)
CROSS JOIN LATERAL jsonb_object_keys(a.row) AS d (key)
WHERE a.row -> d.key IS DISTINCT FROM b.row -> d.key
ORDER BY a.id, d.key COLLATE "C";
SELECT job_id, type, outcome FROM alert_event ORDER BY id;
SELECT job_id, status_before, status_after, changed_by FROM job_status_change ORDER BY id;
DROP TABLE jobs_before;

-- A constraint of the application, which a report breaks, shows no row of the
-- jobs to who may not read it.
ALTER TABLE local_training_jobs ADD CONSTRAINT not_so_far CHECK (current_step <= 100),
	ADD COLUMN newest_loss float8 GENERATED ALWAYS AS (nullif(loss, 66)) STORED;
ALTER TABLE local_training_jobs ALTER COLUMN newest_loss SET NOT NULL;
\set VERBOSITY default
SET ROLE regress_trainjob_trainer;
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 101); -- fails
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (id(1), 90, 66); -- fails
INSERT INTO alert_event (job_id, type, current_step) VALUES (id(1), 'gpu_oom', 101); -- fails
SELECT trainjob.report_metrics('top-secret-1', '{"step": 101}'); -- fails
-- nor to who may read some of it
RESET ROLE;
GRANT SELECT (id, status) ON local_training_jobs TO regress_trainjob_trainer;
SET ROLE regress_trainjob_trainer;
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 101); -- fails
RESET ROLE;
REVOKE SELECT (id, status) ON local_training_jobs FROM regress_trainjob_trainer;
-- who may, sees it
GRANT SELECT ON local_training_jobs TO regress_trainjob_trainer;
SET ROLE regress_trainjob_trainer;
SELECT detail_of('INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 101)') ~ 'top-secret-1' AS shown;
RESET ROLE;
SELECT detail_of('INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 101)') ~ 'top-secret-1' AS shown;
REVOKE SELECT ON local_training_jobs FROM regress_trainjob_trainer;
DROP SCHEMA priv CASCADE;

-- ---------------------------------------------------------------------------
-- Row-level security: README's example, word for word
-- ---------------------------------------------------------------------------

CREATE SCHEMA tenants;
GRANT USAGE ON SCHEMA tenants TO regress_trainjob_app;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('tenants');
SET search_path = tenants, helpers, pg_catalog;
\set example `awk '/^\*\*Rows of each user/ { found = 1 } found && inside && /^\140\140\140$/ { exit } inside { gsub(/ TO app;/, " TO regress_trainjob_app;"); print } found && /^\140\140\140sql/ { inside = 1 }' "$PG_ABS_SRCDIR/README.md"`
:example
-- it is there, and covers each table and column
SELECT c.relname, c.relrowsecurity, p.polname, p.polcmd
FROM pg_class AS c LEFT JOIN pg_policy AS p ON p.polrelid = c.oid
WHERE c.relnamespace = 'tenants'::regnamespace AND c.relkind = 'r' ORDER BY 1;
SELECT attrelid::regclass, attname FROM pg_attribute
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'tenants'::regnamespace AND relkind IN ('r', 'v'))
  AND attnum > 0 AND NOT has_column_privilege('regress_trainjob_app', attrelid, attnum, 'SELECT');

-- Two users, each with a job; a job and a dataset of nobody.
INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES
	('s3://all', NULL, 320), ('s3://own', id(901), 640), ('s3://own', id(902), 960);
INSERT INTO local_training_jobs (id, user_id, dataset_path, job_token, status) VALUES
	(id(9), NULL, 's3://all', 'token-9', 'running');
SET ROLE regress_trainjob_app;
SELECT count(*) FROM local_training_jobs; -- who asks?
SET app.user_id = '00000000-0000-0000-0000-000000000901';
INSERT INTO local_training_jobs (id, user_id, dataset_path, job_token) VALUES (id(1), id(901), 's3://own', 'token-1')
RETURNING status, total_samples, total_steps;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (id(1), 3, 1.5);
INSERT INTO alert_event (job_id, type, user_id) VALUES (id(1), 'disk_warning', id(901)) RETURNING outcome;
INSERT INTO alert_event (job_id, type) VALUES (id(1), 'timeout_warning') RETURNING outcome, user_id = id(901) AS own;
SET app.user_id = '00000000-0000-0000-0000-000000000902';
INSERT INTO local_training_jobs (id, user_id, dataset_path, job_token) VALUES
	(id(2), id(902), 's3://own', 'token-2'), (id(3), id(902), 's3://late', 'token-3')
RETURNING total_samples, total_steps;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (id(2), 7, 2.5);

-- a pooled connection that has nobody's name any more
SET app.user_id = '';
SELECT count(*) FROM local_training_jobs;
SET app.user_id = '00000000-0000-0000-0000-000000000902';

-- Each sees only what is his, in tables, views and functions.
CREATE TEMP VIEW seen AS
	SELECT (SELECT string_agg(right(id::text, 1), ' ' ORDER BY id) FROM local_training_jobs) AS jobs,
		(SELECT string_agg(right(id::text, 1), ' ' ORDER BY id) FROM job_overview) AS overview,
		(SELECT string_agg(DISTINCT right(job_id::text, 1), ' ') FROM local_training_metrics) AS metrics,
		(SELECT string_agg(DISTINCT right(job_id::text, 1), ' ') FROM metric_coverage) AS coverage,
		(SELECT string_agg(DISTINCT right(job_id::text, 1), ' ') FROM alert_event) AS alerts,
		(SELECT string_agg(DISTINCT right(job_id::text, 1), ' ') FROM job_status_change) AS changes,
		(SELECT string_agg(storage_path || ' ' || sample_count, ', ' ORDER BY storage_path) FROM training_datasets) AS datasets,
		(SELECT string_agg(DISTINCT right(n::text, 1), ' ') FROM generate_series(1, 9) AS n, trainjob.metric_series(id(n), 'train_loss')) AS series;
ALTER VIEW seen SET (security_invoker = true);
SELECT * FROM seen \gx
SET app.user_id = '00000000-0000-0000-0000-000000000901';
SELECT * FROM seen \gx
SELECT id, status, total_samples, progress_text, loss_text, last_alert_type FROM job_overview;
SET app.user_id = '00000000-0000-0000-0000-000000000903';
SELECT * FROM seen \gx

-- What is another's, or nobody's, does not change.
RESET ROLE;
CREATE TABLE rows_before AS SELECT id, to_jsonb(j) AS row FROM local_training_jobs AS j;
CREATE FUNCTION changed() RETURNS TABLE (id uuid, key text, value jsonb)
LANGUAGE sql SECURITY DEFINER SET search_path = tenants, pg_catalog, pg_temp AS $$
	SELECT j.id, d.key, to_jsonb(j) -> d.key
	FROM local_training_jobs AS j LEFT JOIN rows_before AS b ON b.id = j.id
	CROSS JOIN LATERAL jsonb_object_keys(to_jsonb(j)) AS d (key)
	WHERE b.row -> d.key IS DISTINCT FROM to_jsonb(j) -> d.key ORDER BY 1, 2
$$;
SET ROLE regress_trainjob_app;
SET app.user_id = '00000000-0000-0000-0000-000000000901';
-- a report of a job that is not his
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (id(2), 100, 0); -- fails
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 4), (id(2), 4); -- fails
INSERT INTO local_training_metrics (job_id, step) VALUES (id(9), 4); -- fails
UPDATE local_training_metrics SET job_id = id(2); -- fails
UPDATE local_training_metrics SET train_loss = 0 WHERE job_id = id(2);
INSERT INTO local_training_metrics (job_id, step, id, train_loss) VALUES (id(2), 7, 2, 0)
	ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = 0; -- fails
-- an alert for one: kept, and refused without a word of the job
INSERT INTO alert_event (job_id, type, user_id, total_steps, current_step, error_message)
	SELECT id(n), t.type, id(901), 1, 1000, 'mine' FROM unnest('{2,9}'::integer[]) AS n,
		unnest('{job_started,job_completed,job_failed,job_cancelled,gpu_oom}'::text[]) AS t (type)
RETURNING job_id, type, outcome, outcome_reason, status_before, status_after;
INSERT INTO alert_event (job_id, type, user_id) VALUES (id(2), 'job_failed', id(902)); -- fails: not in another's name
INSERT INTO alert_event (job_id, type) VALUES (id(2), 'job_failed'); -- fails: nor in nobody's
INSERT INTO alert_event (job_id, type, user_id) VALUES (id(4), 'job_failed', id(901)), (id(5), 'job_failed', id(901))
RETURNING outcome;
-- the job itself
UPDATE local_training_jobs SET status = 'cancelled' WHERE id IN (id(2), id(9));
DELETE FROM local_training_jobs WHERE id IN (id(2), id(9));
UPDATE local_training_jobs SET user_id = id(902); -- fails
INSERT INTO local_training_jobs (id, user_id) VALUES (id(6), id(902)); -- fails
INSERT INTO local_training_jobs (id) VALUES (id(6)); -- fails
-- a dataset for which another's job waits; one for all
INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES ('s3://late', id(901), 1);
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://late', 1); -- fails
UPDATE training_datasets SET sample_count = 1 WHERE storage_path = 's3://all'; -- fails
UPDATE training_datasets SET user_id = id(902); -- fails
INSERT INTO job_status_change (job_id) VALUES (id(1)); -- fails
SELECT * FROM changed();
-- of the alerts that waited, those of the job's own user do something
INSERT INTO local_training_jobs (id, user_id) VALUES (id(4), id(901)) RETURNING status;
SET app.user_id = '00000000-0000-0000-0000-000000000902';
INSERT INTO local_training_jobs (id, user_id) VALUES (id(5), id(902)) RETURNING status;
RESET ROLE;
SELECT j.id, j.status, a.outcome, a.outcome_reason
FROM local_training_jobs AS j JOIN alert_event AS a ON a.job_id = j.id WHERE j.id IN (id(4), id(5)) ORDER BY 1;

-- Who may not read the token finds no way to it: each of these fails.
SET ROLE regress_trainjob_app;
SET app.user_id = '00000000-0000-0000-0000-000000000901';
SELECT s.statement, attempt(s.statement) AS error
FROM unnest(ARRAY[
	'SELECT job_token FROM local_training_jobs', 'SELECT * FROM local_training_jobs',
	'SELECT j FROM local_training_jobs AS j', 'SELECT to_jsonb(j) FROM local_training_jobs AS j',
	'SELECT id FROM local_training_jobs WHERE job_token LIKE ''t%''', 'SELECT id FROM local_training_jobs ORDER BY job_token',
	'SELECT _trainjob.token_digest(job_token) FROM local_training_jobs',
	'UPDATE local_training_jobs SET model_name = job_token',
	'UPDATE local_training_jobs SET status = status RETURNING job_token',
	'UPDATE local_training_jobs SET model_name = ''x'' WHERE job_token = ''token-1''',
	'SELECT job_token FROM job_overview', 'SELECT * FROM pg_statistic'])
	WITH ORDINALITY AS s (statement, n) ORDER BY s.n;
SELECT detail_of('UPDATE local_training_jobs SET status = ''nonsense''') ~ 'token-1' AS in_an_error,
	(SELECT count(*) FROM job_overview AS o WHERE o::text ~ 'token-') AS in_the_overview,
	(SELECT count(*) FROM metric_coverage AS c WHERE c::text ~ 'token-') AS in_the_coverage;
-- but he can set one
UPDATE local_training_jobs SET job_token = 'new-1' WHERE id = id(1);
RESET app.user_id;
SELECT trainjob.report_metrics('new-1', '{"step": 5}', 'local_training_jobs');
SET app.user_id = '00000000-0000-0000-0000-000000000901';
SELECT current_step FROM job_overview WHERE id = id(1);
RESET ROLE;
\set VERBOSITY terse
SET client_min_messages = error;
DROP SCHEMA tenants CASCADE;
SET client_min_messages = warning;
\set VERBOSITY default

-- ---------------------------------------------------------------------------
-- Tables of different owners
-- ---------------------------------------------------------------------------

CREATE SCHEMA owners;
GRANT ALL ON SCHEMA owners TO regress_trainjob_app, regress_trainjob_other;
SET search_path = owners, helpers, pg_catalog;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('owners');
INSERT INTO local_training_jobs (id, status) VALUES (id(1), 'running');
-- Gives a table another owner, and him one right after the other, until the
-- write goes through; all of it is taken back.
CREATE PROCEDURE owned_apart(owned text, write text, VARIADIC rights text[]) LANGUAGE plpgsql AS $$
DECLARE
	allowed text;
BEGIN
	EXECUTE format('ALTER TABLE owners.%I OWNER TO regress_trainjob_other', owned);
	FOREACH allowed IN ARRAY rights LOOP
		RAISE INFO '%: %', owned, attempt(write);
		EXECUTE format('GRANT %s TO regress_trainjob_other', allowed);
		RAISE INFO '  and % to its owner', allowed;
	END LOOP;
	RAISE INFO '%: %', owned, attempt(write);
	ROLLBACK;
END $$;
CALL owned_apart('local_training_metrics', $$INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 1)$$,
	'SELECT ON local_training_jobs', 'UPDATE ON local_training_jobs');
CALL owned_apart('alert_event', $$INSERT INTO alert_event (job_id, type) VALUES (id(1), 'job_failed')$$,
	'SELECT ON local_training_jobs', 'UPDATE ON local_training_jobs');
CALL owned_apart('training_datasets', $$INSERT INTO training_datasets (storage_path) VALUES ('x')$$,
	'SELECT ON local_training_jobs', 'UPDATE ON local_training_jobs');
CALL owned_apart('local_training_jobs', $$INSERT INTO local_training_jobs (id, dataset_path) VALUES (id(2), 'x')$$,
	'SELECT ON training_datasets', 'SELECT ON alert_event', 'UPDATE ON alert_event');
CALL owned_apart('local_training_jobs', $$UPDATE local_training_jobs SET status = 'failed'$$,
	'SELECT ON training_datasets', 'INSERT ON job_status_change', 'SELECT ON local_training_metrics');
-- A trainer needs no right on the schema of the jobs, if his tables are elsewhere.
CREATE SCHEMA inbox;
GRANT USAGE ON SCHEMA inbox TO regress_trainjob_trainer;
CREATE TABLE inbox.metrics (LIKE local_training_metrics INCLUDING ALL);
CREATE TABLE inbox.alerts (LIKE alert_event INCLUDING ALL);
GRANT INSERT ON inbox.metrics, inbox.alerts TO regress_trainjob_trainer;
SELECT count(*) FROM trainjob.detach();
SELECT action, object FROM trainjob.attach('local_training_jobs', 'inbox.metrics', alerts => 'inbox.alerts') WHERE action ~ 'view';
SET ROLE regress_trainjob_trainer;
INSERT INTO inbox.metrics (job_id, step) VALUES (id(1), 4);
INSERT INTO inbox.alerts (job_id, type) VALUES (id(1), 'job_completed');
RESET ROLE;
SELECT status, current_step FROM local_training_jobs;
SELECT count(*) FROM trainjob.detach();
DROP SCHEMA inbox CASCADE;
DELETE FROM local_training_jobs;
INSERT INTO local_training_jobs (id, status) VALUES (id(1), 'running');
SELECT count(*) > 0 AS made FROM trainjob.create_tables('owners');
-- What the jobs' own triggers do, they do as the jobs' owner, whoever reports.
ALTER TABLE local_training_jobs OWNER TO regress_trainjob_other;
GRANT SELECT ON training_datasets, local_training_metrics TO regress_trainjob_other;
GRANT INSERT ON job_status_change TO regress_trainjob_other;
CREATE TABLE who (who text, what text);
ALTER TABLE who OWNER TO regress_trainjob_other;
SET ROLE regress_trainjob_other;
CREATE FUNCTION spy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO owners.who VALUES (current_user, TG_OP);
	BEGIN
		SET ROLE regress_trainjob_app;
	EXCEPTION WHEN OTHERS THEN
		INSERT INTO owners.who VALUES (current_user, SQLERRM);
	END;
	RETURN NEW;
END $$;
CREATE TRIGGER spy BEFORE UPDATE ON local_training_jobs FOR EACH ROW EXECUTE FUNCTION spy();
RESET ROLE;
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 2);
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (id(1), 1, 2);
INSERT INTO alert_event (job_id, type) VALUES (id(1), 'job_completed');
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('x', 5);
SELECT who, what, count(*) FROM who GROUP BY who, what ORDER BY who COLLATE "C", what COLLATE "C";
SELECT current_user = session_user AS still_oneself;
-- Policies that hold for the jobs' owner too are not in the triggers' way.
DROP TRIGGER spy ON local_training_jobs;
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
GRANT USAGE ON SCHEMA owners TO regress_trainjob_trainer;
GRANT INSERT ON local_training_metrics, alert_event TO regress_trainjob_trainer;
GRANT SELECT, INSERT, UPDATE ON local_training_metrics, alert_event TO regress_trainjob_other;
INSERT INTO local_training_jobs (id, job_token) VALUES (id(5), 'token-5');
SET ROLE regress_trainjob_other;
SELECT count(*) FROM local_training_jobs;
SET ROLE regress_trainjob_trainer;
INSERT INTO local_training_metrics (job_id, step) VALUES (id(5), 1);
INSERT INTO local_training_metrics (job_id, step) VALUES (id(5), 2);
SELECT trainjob.report_metrics('token-5', '{"step": 3}', 'local_training_jobs');
INSERT INTO alert_event (job_id, type) VALUES (id(5), 'job_completed');
RESET ROLE;
SELECT status, current_step FROM local_training_jobs WHERE id = id(5);
SET client_min_messages = error;
DROP SCHEMA owners CASCADE;
SET client_min_messages = warning;

-- ---------------------------------------------------------------------------
-- Row-level security that some tables lack, or that keeps triggers from work
-- ---------------------------------------------------------------------------

CREATE SCHEMA partly;
SET search_path = partly, helpers, pg_catalog;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('partly');
GRANT ALL ON SCHEMA partly TO regress_trainjob_app, regress_trainjob_other;
ALTER ROLE regress_trainjob_app BYPASSRLS;
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{training_datasets,local_training_jobs,local_training_metrics,alert_event,job_status_change}'::text[] LOOP
		EXECUTE format('ALTER TABLE %I OWNER TO regress_trainjob_app', name);
		EXECUTE format('GRANT ALL ON %I TO regress_trainjob_app', name);
	END LOOP;
END $$;
INSERT INTO local_training_jobs (id, status) VALUES (id(1), 'running');
SELECT * FROM trainjob.verify_jobs();
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY;
SELECT object FROM trainjob.attach('local_training_jobs') WHERE action = 'note';
SELECT * FROM trainjob.verify_jobs();
ALTER TABLE local_training_jobs DISABLE ROW LEVEL SECURITY;
ALTER TABLE alert_event ENABLE ROW LEVEL SECURITY;
SELECT message FROM trainjob.job_sets() AS s, _trainjob.open_tables(s.tables);
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY;
ALTER TABLE local_training_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE training_datasets ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_status_change ENABLE ROW LEVEL SECURITY;
SELECT object FROM trainjob.attach('local_training_jobs') WHERE action = 'note';
SELECT * FROM trainjob.verify_jobs();
-- tables of an owner whom the policies of the jobs restrict
ALTER TABLE local_training_metrics OWNER TO regress_trainjob_other;
ALTER TABLE alert_event OWNER TO regress_trainjob_other;
GRANT ALL ON local_training_metrics, alert_event TO regress_trainjob_app;
GRANT SELECT, UPDATE ON local_training_jobs TO regress_trainjob_other;
SELECT count(*) FROM trainjob.attach('local_training_jobs'); -- fails
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 1); -- fails, with the same HINT
SELECT * FROM trainjob.verify_jobs();
-- each of what the HINT says is enough
BEGIN;
ALTER ROLE regress_trainjob_other BYPASSRLS;
SELECT count(*) FROM trainjob.attach('local_training_jobs') WHERE action ~ '^(created|note)';
SELECT * FROM trainjob.verify_jobs();
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 1);
ROLLBACK;
BEGIN;
ALTER TABLE local_training_metrics OWNER TO regress_trainjob_app;
ALTER TABLE alert_event OWNER TO regress_trainjob_app;
SELECT * FROM trainjob.verify_jobs();
INSERT INTO local_training_metrics (job_id, step) VALUES (id(1), 1);
ROLLBACK;
-- a member of the owner's role is as good as the owner, unless policies are forced
GRANT regress_trainjob_app TO regress_trainjob_other;
SELECT message FROM trainjob.job_sets() AS s, _trainjob.policy_conflicts(s.tables);
ALTER TABLE local_training_jobs FORCE ROW LEVEL SECURITY;
SELECT message FROM trainjob.job_sets() AS s, _trainjob.policy_conflicts(s.tables);
REVOKE regress_trainjob_app FROM regress_trainjob_other;
-- a set by hand, with tables of others: an operator does nothing for its owner
-- that he may not do himself
GRANT EXECUTE ON FUNCTION trainjob.fill_job() TO regress_trainjob_other;
SET ROLE regress_trainjob_other;
CREATE TABLE own (id uuid PRIMARY KEY, status text, created_at timestamptz DEFAULT 'epoch', loss float8);
CREATE TRIGGER own BEFORE INSERT ON own FOR EACH ROW
	EXECUTE FUNCTION trainjob.fill_job('metrics=partly.local_training_metrics', 'alerts=partly.job_status_change');
INSERT INTO own VALUES (id(1), 'running');
RESET ROLE;
SELECT trainjob.fail_stalled('0 s', 'own'); -- fails
SELECT trainjob.refill_jobs('own'); -- fails
GRANT ALL ON job_status_change TO regress_trainjob_other;
SELECT trainjob.fail_stalled('0 s', 'own'); -- fails, for the policies
REVOKE EXECUTE ON FUNCTION trainjob.fill_job() FROM regress_trainjob_other;
DROP TABLE own;
-- something else in place of a table
DROP TRIGGER trainjob_fill_waiting_jobs ON training_datasets;
ALTER TABLE training_datasets RENAME TO put_away;
CREATE VIEW training_datasets AS SELECT * FROM put_away;
SELECT * FROM trainjob.verify_jobs(); -- fails
SELECT trainjob.refill_jobs(); -- fails
SELECT trainjob.loss_curve(id(1)); -- fails
SELECT count(*) FROM trainjob.detach();
ALTER ROLE regress_trainjob_app NOBYPASSRLS;
SET client_min_messages = error;
DROP SCHEMA partly CASCADE;
SET client_min_messages = warning;

-- ---------------------------------------------------------------------------
-- PUBLIC
-- ---------------------------------------------------------------------------

-- What create_tables makes is its owner's alone.  What PUBLIC may execute is
-- listed in catalog.sql, function by function.
CREATE SCHEMA plain;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('plain');
SELECT c.relname, a.grantee::regrole, a.privilege_type
FROM pg_class AS c, LATERAL aclexplode(c.relacl) AS a
WHERE c.relnamespace = 'plain'::regnamespace AND a.grantee <> c.relowner;
SELECT a.attrelid::regclass, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'plain'::regnamespace AND a.attacl IS NOT NULL;
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = 'plain'::regnamespace AND c.relkind IN ('r', 'v')
  AND (has_table_privilege('regress_trainjob_app', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
	   OR has_any_column_privilege('regress_trainjob_app', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'));
-- No function that PUBLIC may execute writes, or acts as somebody else, but the
-- two for who has a token; what attach() and the like call acts as their caller.
SELECT p.oid::regprocedure, p.provolatile, p.prosecdef
FROM pg_proc AS p WHERE p.pronamespace = 'trainjob'::regnamespace
  AND has_function_privilege('public', p.oid, 'EXECUTE') AND (p.provolatile = 'v' OR p.prosecdef)
ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT p.oid::regprocedure, p.provolatile
FROM pg_proc AS p WHERE p.pronamespace = '_trainjob'::regnamespace
  AND (p.provolatile = 'v' OR p.prosecdef OR NOT has_function_privilege('public', p.oid, 'EXECUTE'))
ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = '_trainjob'::regnamespace AND p.prosecdef;
-- A role that was granted nothing can call what it may and gets no row by it;
-- another's set, or an odd trigger by hand, is not in its way.
CREATE TABLE by_hand (LIKE plain.local_training_jobs);
CREATE TRIGGER odd BEFORE INSERT ON by_hand FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job('datasets=a.b.c', 'alerts="', 'metrics=.', 'jobs');
SET ROLE regress_trainjob_other;
SELECT jobs FROM trainjob.job_sets() ORDER BY jobs::text;
SELECT attempt('SELECT trainjob.job_sets()'), attempt('SELECT trainjob.metric_series(id(1), ''train_loss'', 10, ''plain.local_training_jobs'')'),
	attempt('SELECT trainjob.report_metrics(NULL, NULL, ''plain.local_training_jobs'')'), attempt('SELECT trainjob.report_alert(''x'', ''job_failed'')');
RESET ROLE;

SET client_min_messages = error;
\set VERBOSITY terse
DROP SCHEMA plain, helpers CASCADE;
DROP OWNED BY regress_trainjob_trainer, regress_trainjob_app, regress_trainjob_other;
DROP ROLE regress_trainjob_trainer, regress_trainjob_app, regress_trainjob_other, app;
