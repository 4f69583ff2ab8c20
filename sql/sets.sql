--
-- Several sets in a database; sets that are taken apart and put together again.
--
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = notice;
SET timezone = 'UTC';
CREATE SCHEMA one;
CREATE SCHEMA two;
CREATE ROLE regress_trainjob_reader;
CREATE ROLE regress_trainjob_two;
GRANT USAGE, CREATE ON SCHEMA two TO regress_trainjob_two;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO regress_trainjob_two;

-- ---- what was made, and what to do next ----

SELECT * FROM trainjob.create_tables('one');
SELECT * FROM trainjob.create_tables('one');
SET ROLE regress_trainjob_two;
CREATE TABLE two.jobs (id integer PRIMARY KEY, status text, config jsonb, token text, current_step bigint, loss double precision, last_metric_at timestamptz);
CREATE TABLE two.metrics (job_id integer, step integer, train_loss double precision, recorded_at timestamptz DEFAULT now());
INSERT INTO two.jobs VALUES (1, 'running', '{}', 'two'), (2, 'queued', '{}', 'other');
INSERT INTO two.metrics VALUES (1, 10, 2);
SELECT action, object FROM trainjob.attach('two.jobs', 'two.metrics', columns => '{"job_token": "token"}') WHERE action !~ '^(created|missing c)';
-- not filled yet
SELECT id, loss_text, eval_loss_text, note FROM two.jobs_overview ORDER BY id;
SELECT object FROM trainjob.attach('two.jobs') WHERE action = 'next';
SELECT trainjob.refill_jobs('two.jobs');
SELECT id, loss_text, note FROM two.jobs_overview ORDER BY id;
SELECT object FROM trainjob.attach('two.jobs') WHERE action = 'next';
-- it has no right on the other set, which is none of its business
SELECT trainjob.refill_jobs();
SELECT * FROM trainjob.verify_jobs();
SELECT * FROM trainjob.fail_stalled('1 day');
RESET ROLE;

-- ---- all sets ----

INSERT INTO one.local_training_jobs (id, status, job_token, config) VALUES ('00000000-0000-0000-0000-000000000001', 'running', 'one', '{}');
-- a token is looked for in all of them
SELECT trainjob.report_metrics('one', '{"step": 1, "train_loss": 3}') AS one, trainjob.report_metrics('two', '{"step": 11, "train_loss": 1}') AS two;
SELECT trainjob.report_alert('two', 'gpu_oom');
SELECT trainjob.report_metrics('three', '{"step": 1}'); -- fails
SELECT current_step, loss FROM one.local_training_jobs;
SELECT id, current_step, loss FROM two.jobs ORDER BY id;
-- a set in which nothing can be found is no concern of the others
SET client_min_messages = warning;
CREATE TABLE two.broken (id integer, status text);
CREATE TRIGGER odd BEFORE INSERT ON two.broken FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job('nonsense');
SELECT trainjob.report_metrics('two', '{"step": 12}');
DROP TABLE two.broken;
SET client_min_messages = notice;
-- nor is one of which a table is gone, or that has none of alerts
CREATE TABLE two.bare (id integer, status text);
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON two.bare FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job();
ALTER TABLE one.local_training_metrics RENAME TO renamed;
UPDATE two.jobs SET loss = 8 WHERE id = 1;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
SELECT * FROM trainjob.fail_stalled('1 day');
ALTER TABLE one.renamed RENAME TO local_training_metrics;
DROP TABLE two.bare;
UPDATE one.local_training_jobs SET loss = 7;
UPDATE two.jobs SET loss = 8 WHERE id = 1;
SELECT * FROM trainjob.verify_jobs();
SELECT trainjob.refill_jobs();
SELECT trainjob.refill_jobs();
UPDATE one.local_training_jobs SET loss = 7;
UPDATE two.jobs SET loss = 8 WHERE id = 1;
SELECT trainjob.refill_jobs(batch => 1), trainjob.refill_jobs(batch => 1), trainjob.refill_jobs(batch => 1);
SELECT * FROM trainjob.fail_stalled('0 s');
SELECT * FROM trainjob.fail_stalled('0 s', 'two.jobs');

-- ---- detached and attached again ----

GRANT SELECT ON one.job_overview TO regress_trainjob_reader WITH GRANT OPTION;
GRANT SELECT (metric) ON one.metric_coverage TO regress_trainjob_reader;
ALTER VIEW one.metric_coverage OWNER TO regress_trainjob_two;
COMMENT ON VIEW one.job_overview IS 'our jobs';
COMMENT ON COLUMN one.job_overview.note IS 'our note';
CREATE VIEW one.dashboard AS SELECT id, progress_text FROM one.job_overview;
\set VERBOSITY default
SELECT * FROM trainjob.detach('one.local_training_jobs'); -- fails
\set VERBOSITY terse
DROP VIEW one.dashboard;
SELECT action, object FROM trainjob.detach('one.local_training_jobs') WHERE action ~ 'view';
-- the view says why it is empty
SELECT * FROM one.job_overview; -- fails
SELECT action, object FROM trainjob.create_tables('one') WHERE action IN ('created view', 'next');
CREATE FUNCTION pg_temp.kept() RETURNS TABLE (view regclass, owner regrole, reader text, columns text, comment text, note text) LANGUAGE sql AS $$
	SELECT c.oid::regclass, c.relowner::regrole,
		   (SELECT string_agg(a.privilege_type || CASE WHEN a.is_grantable THEN '*' ELSE '' END, ' ') FROM aclexplode(c.relacl) AS a WHERE a.grantee = 'regress_trainjob_reader'::regrole),
		   (SELECT string_agg(a.attname, ' ') FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL),
		   obj_description(c.oid, 'pg_class'), (SELECT col_description(c.oid, a.attnum) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname IN ('note', 'verdict'))
	FROM pg_class AS c WHERE c.relnamespace = 'one'::regnamespace AND c.relkind = 'v' ORDER BY 1 $$;
SELECT * FROM pg_temp.kept();
-- also where its columns are others now
ALTER TABLE one.local_training_jobs RENAME config TO configuration;
SELECT action, object FROM trainjob.attach('one.local_training_jobs', columns => '{"config": "configuration", "loss": null}') WHERE action ~ 'view';
ALTER VIEW one.job_overview RENAME progress TO percent;
SELECT action, object FROM trainjob.attach('one.local_training_jobs') WHERE action ~ 'view';
SELECT * FROM pg_temp.kept();
-- without anything to keep, nothing is left
SELECT action, object FROM trainjob.detach('two.jobs') WHERE action ~ 'view';

-- ---- an earlier version's tables, and what people did to them ----

CREATE SCHEMA three;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('three', with_triggers => false);
ALTER TABLE three.local_training_jobs DROP COLUMN last_seen_at, ADD COLUMN team text, ALTER error TYPE varchar(200), ALTER best_step TYPE integer;
ALTER TABLE three.training_datasets ALTER name TYPE varchar(200);
ALTER TABLE three.alert_event DROP COLUMN received_at;
SELECT action, object FROM trainjob.create_tables('three') WHERE action !~ '^created|next';
SELECT col_description('three.local_training_jobs'::regclass, attnum), format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'three.local_training_jobs'::regclass AND attname = 'last_seen_at';
-- tables of others are not taken for it
CREATE SCHEMA four;
CREATE TABLE four.alert_event (id bigint, job_id uuid, type text, outcome text);
SELECT count(*) FROM trainjob.create_tables('four'); -- fails

DROP SCHEMA one, two, three, four CASCADE;
DROP OWNED BY regress_trainjob_two, regress_trainjob_reader;
DROP ROLE regress_trainjob_two, regress_trainjob_reader;
