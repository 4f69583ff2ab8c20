--
-- a report updates its job directly where nobody else looks at the row, and by
-- SQL where somebody does: the outcome is the same
--
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA direct;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('direct');
SET search_path = direct, pg_catalog;
CREATE EXTENSION amcheck SCHEMA pg_catalog;

INSERT INTO local_training_jobs (id, model_name, total_samples, config, updated_at)
SELECT lpad(n::text, 32, '0')::uuid, 'model', 3200,
	jsonb_build_object('notes', (SELECT string_agg(md5(n * 1000 + i || ''), '') FROM generate_series(1, 100) AS i)),
	'2026-01-01'
FROM generate_series(1, 100) AS n;

-- The plans of the roll-up's UPDATE that this session keeps.
CREATE FUNCTION kept_plans() RETURNS bigint
LANGUAGE sql AS $$
	SELECT count(*) FROM pg_backend_memory_contexts
	WHERE name = 'CachedPlanSource' AND ident LIKE 'UPDATE direct.local_training_jobs SET %''running''%'
$$;

-- Two reports of job 1, the second one ahead of the first, after "setup"; what
-- "question" says then. Nothing of it stays.
CREATE FUNCTION reported(setup text, question text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	job uuid := lpad('1', 32, '0');
	before bigint := kept_plans();
	answer text;
BEGIN
	EXECUTE setup;
	INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (job, 1, 2.5);
	INSERT INTO local_training_metrics (job_id, step, train_loss, learning_rate) VALUES (job, 2, 2, 1e-5);
	EXECUTE format(question, job) INTO answer;
	RAISE SQLSTATE 'TJ000' USING MESSAGE =
		CASE WHEN kept_plans() > before THEN 'SQL: ' ELSE 'direct: ' END || answer;
EXCEPTION
	WHEN SQLSTATE 'TJ000' THEN
		RETURN SQLERRM;
	WHEN OTHERS THEN
		RETURN SQLSTATE || ' ' || SQLERRM;
END;
$$;

CREATE FUNCTION reported(setup text) RETURNS text
LANGUAGE sql AS $$
	SELECT reported(setup, $q$
		SELECT concat_ws(' ', status, current_step, loss, learning_rate, progress,
			updated_at > '2026-01-01' AND last_metric_at = now(), md5(config::text))
		FROM local_training_jobs WHERE id = %L$q$)
$$;

-- What triggers were fired, and how often.
CREATE TABLE fired (what text);
CREATE FUNCTION note_firing() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO direct.fired VALUES (TG_ARGV[0]);
	RETURN CASE TG_WHEN WHEN 'BEFORE' THEN NEW END;
END;
$$;

-- ---- as it is ----

SELECT reported('');

-- an operator may do without
SELECT reported('SET LOCAL trainjob.direct_update = off');

-- a report of a job that does not run may mean that it runs
BEGIN;
INSERT INTO local_training_metrics (job_id, step) SELECT id, 1 FROM local_training_jobs WHERE id <= lpad('8', 32, '0')::uuid;
CREATE TEMP TABLE statuses ON COMMIT DROP AS
	SELECT lpad(n::text, 32, '0')::uuid AS id, status AS before
	FROM unnest('{pending,queued,starting,running,paused,completed,failed,cancelled}'::text[]) WITH ORDINALITY AS s (status, n);
UPDATE local_training_jobs AS j SET status = s.before FROM statuses AS s WHERE j.id = s.id;
INSERT INTO local_training_metrics (job_id, step, recorded_at) SELECT id, 2, now() + interval '1 s' FROM statuses;
SELECT before, status, current_step FROM statuses JOIN local_training_jobs USING (id) ORDER BY id;
ROLLBACK;

-- ---- triggers of others ----

CREATE FUNCTION with_trigger(definition text) RETURNS text
LANGUAGE sql AS $$
	SELECT reported(format('CREATE TRIGGER %s EXECUTE FUNCTION direct.note_firing(''fired'')', definition),
					'SELECT count(*) || '' times'' FROM direct.fired')
$$;

SELECT with_trigger('a BEFORE UPDATE ON local_training_jobs FOR EACH ROW');
SELECT with_trigger('z AFTER UPDATE ON local_training_jobs FOR EACH ROW');
SELECT with_trigger('z AFTER UPDATE ON local_training_jobs FOR EACH STATEMENT');
SELECT with_trigger('z AFTER UPDATE ON local_training_jobs FOR EACH ROW WHEN (NEW.loss < 2.2)');
SELECT with_trigger('z AFTER UPDATE OF loss ON local_training_jobs FOR EACH ROW');
SELECT reported('CREATE CONSTRAINT TRIGGER z AFTER UPDATE ON local_training_jobs DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION direct.note_firing(''fired''); SET CONSTRAINTS ALL IMMEDIATE',
	'SELECT count(*) || '' times'' FROM direct.fired');

-- these are not fired by the second report, whoever writes
SELECT with_trigger('a BEFORE UPDATE OF config ON local_training_jobs FOR EACH ROW');
SELECT with_trigger('a BEFORE INSERT OR DELETE ON local_training_jobs FOR EACH ROW');
SELECT reported('CREATE TRIGGER a BEFORE UPDATE ON local_training_jobs FOR EACH ROW
	EXECUTE FUNCTION direct.note_firing(''fired''); ALTER TABLE local_training_jobs DISABLE TRIGGER a',
	'SELECT count(*) || '' times'' FROM direct.fired');

-- without fill_job nothing is filled
SELECT reported('ALTER TABLE local_training_jobs DISABLE TRIGGER trainjob_fill_job');

-- ---- constraints ----

SELECT reported('ALTER TABLE local_training_jobs ADD CHECK (progress <= 100)');
SELECT reported('ALTER TABLE local_training_jobs ADD CHECK (progress < 0.5)'); -- fails
SELECT reported('ALTER TABLE local_training_jobs ADD CHECK (current_step < 2)'); -- fails
SELECT reported('ALTER TABLE local_training_jobs ADD CHECK (model_name <> '''')');
SELECT reported('ALTER TABLE local_training_jobs ADD CHECK (local_training_jobs IS NOT NULL OR progress < 0.5)'); -- fails
SELECT reported('ALTER TABLE local_training_jobs ALTER updated_at SET NOT NULL');
SELECT reported('CREATE DOMAIN low AS float8 CHECK (VALUE < 0.5); DROP VIEW job_overview, metric_coverage; UPDATE local_training_jobs SET progress = 0;
	ALTER TABLE local_training_jobs ALTER progress TYPE low, ALTER progress SET NOT NULL'); -- it gets 0
SELECT reported('CREATE TABLE steps (step bigint PRIMARY KEY); INSERT INTO steps VALUES (1);
	ALTER TABLE local_training_jobs ADD FOREIGN KEY (current_step) REFERENCES steps'); -- fails
SELECT reported('ALTER TABLE local_training_jobs ADD UNIQUE (job_token) DEFERRABLE INITIALLY DEFERRED');
-- with a key that may be double until the transaction ends
SELECT reported('ALTER TABLE local_training_metrics DROP CONSTRAINT local_training_metrics_job_id_fkey;
	ALTER TABLE local_training_jobs DROP CONSTRAINT local_training_jobs_pkey;
	ALTER TABLE local_training_jobs ADD PRIMARY KEY (id) DEFERRABLE');
-- the record of changes at the end of the transaction
SELECT reported('DROP TRIGGER trainjob_record_status_change ON local_training_jobs;
	CREATE CONSTRAINT TRIGGER trainjob_record_status_change AFTER UPDATE ON local_training_jobs DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW EXECUTE FUNCTION trainjob.record_status_change(''status_changes=direct.job_status_change'')');

-- a CHECK of no column, and one that the row broke before it came
SELECT reported('ALTER TABLE local_training_jobs ADD CHECK (current_setting(''app.frozen'', true) IS DISTINCT FROM ''on'');
	INSERT INTO local_training_metrics (job_id, step) VALUES (lpad(''1'', 32, ''0'')::uuid, 0); SET LOCAL app.frozen = on'); -- fails
SELECT reported('UPDATE local_training_jobs SET model_name = NULL WHERE id = lpad(''1'', 32, ''0'')::uuid;
	INSERT INTO local_training_metrics (job_id, step) VALUES (lpad(''1'', 32, ''0'')::uuid, 0);
	ALTER TABLE local_training_jobs ADD CHECK (model_name IS NOT NULL) NOT VALID'); -- fails

-- a foreign key that is checked at the end of the transaction that inserts
-- the job, and so of the row that its reports made of it
CREATE TABLE users (id uuid PRIMARY KEY);
ALTER TABLE local_training_jobs ADD FOREIGN KEY (user_id) REFERENCES users DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO local_training_jobs (id, user_id) VALUES (lpad('f', 32, 'f')::uuid, lpad('9', 32, '9')::uuid);
INSERT INTO local_training_metrics (job_id, step) VALUES (lpad('f', 32, 'f')::uuid, 1);
INSERT INTO local_training_metrics (job_id, step) VALUES (lpad('f', 32, 'f')::uuid, 2);
COMMIT; -- fails
ALTER TABLE local_training_jobs DROP CONSTRAINT local_training_jobs_user_id_fkey;

-- a value that its column's domain refuses
BEGIN;
CREATE DOMAIN this_century AS timestamptz CHECK (VALUE < '2100-01-01');
DROP VIEW job_overview, metric_coverage;
ALTER TABLE local_training_jobs ALTER last_metric_at TYPE this_century;
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (lpad('1', 32, '0')::uuid, 1, '2026-01-02');
INSERT INTO local_training_metrics (job_id, step, recorded_at) VALUES (lpad('1', 32, '0')::uuid, 2, '2200-01-01');
SELECT current_step, last_metric_at FROM local_training_jobs WHERE id = lpad('1', 32, '0')::uuid;
ROLLBACK;

-- ---- indexes, columns, tables ----

SELECT reported('CREATE INDEX ON local_training_jobs (progress)');
SELECT reported('CREATE INDEX ON local_training_jobs USING brin (last_metric_at)');
SELECT reported('CREATE INDEX ON local_training_jobs (id) WHERE progress > 0.5');
SELECT reported('CREATE INDEX ON local_training_jobs (lower(model_name))');
SELECT reported('ALTER TABLE local_training_jobs ADD double_step bigint GENERATED ALWAYS AS (current_step * 2) STORED',
	'SELECT double_step FROM local_training_jobs WHERE id = %L');
SELECT reported('ALTER TABLE local_training_jobs ADD gone text DEFAULT ''g'', ADD note text DEFAULT ''n'';
	ALTER TABLE local_training_jobs DROP gone, ADD number int DEFAULT 7',
	'SELECT concat_ws('' '', note, number, current_step, progress) FROM local_training_jobs WHERE id = %L');
-- the row of another job that an index takes for the same (if it was built with ICU)
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_collation WHERE collprovider = 'i') THEN
		CREATE COLLATION any_case (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
	ELSE
		CREATE COLLATION any_case FROM "C";
	END IF;
END $$;
CREATE TABLE text_jobs (id text, status text, current_step bigint);
CREATE UNIQUE INDEX ON text_jobs (id COLLATE any_case);
CREATE TABLE text_metrics (job_id text, step bigint);
CREATE TRIGGER roll_up AFTER INSERT ON text_metrics REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=direct.text_jobs');
INSERT INTO text_jobs VALUES ('lora', 'running', 0);
INSERT INTO text_metrics VALUES ('LoRA', 1);
SELECT * FROM text_jobs;

SELECT reported('CREATE TABLE child () INHERITS (local_training_jobs)');
SELECT reported('CREATE RULE also AS ON UPDATE TO local_training_jobs DO ALSO INSERT INTO direct.fired VALUES (''rule'')',
	'SELECT count(*) || '' times'' FROM direct.fired');

-- Where Citus is installed the row may be elsewhere; distributing a table changes it.
SELECT reported('UPDATE pg_extension SET extname = ''citus'' WHERE extname = ''amcheck'';
	ALTER TABLE local_training_jobs ALTER model_name SET STATISTICS 10');

-- ---- who writes ----

SELECT reported('ALTER TABLE local_training_jobs REPLICA IDENTITY NOTHING;
	CREATE PUBLICATION of_jobs FOR TABLE local_training_jobs'); -- fails

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT reported('');
COMMIT;

-- a permanent table by reports in a temporary one, which may be written to
CREATE TEMP TABLE own_metrics (job_id uuid, step bigint);
CREATE TRIGGER roll_up AFTER INSERT ON own_metrics REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics('jobs=direct.local_training_jobs');
UPDATE local_training_jobs SET status = 'running', current_step = 0 WHERE id = lpad('2', 32, '0')::uuid;
BEGIN READ ONLY;
INSERT INTO own_metrics VALUES (lpad('2', 32, '0')::uuid, 1); -- fails
ROLLBACK;
SELECT current_step FROM local_training_jobs WHERE id = lpad('2', 32, '0')::uuid;
DROP TABLE own_metrics;

-- a statement of many jobs is cancelled between two of them: at the tenth
BEGIN;
UPDATE local_training_jobs SET status = 'running', current_step = 0;
CREATE SEQUENCE seen;
SAVEPOINT s;
CREATE DOMAIN counted AS float8 CHECK (VALUE IS NULL OR nextval('direct.seen') <> 10 OR pg_cancel_backend(pg_backend_pid()));
DROP VIEW job_overview, metric_coverage;
ALTER TABLE local_training_jobs ALTER loss TYPE counted;
INSERT INTO local_training_metrics (job_id, step, train_loss) SELECT id, 1, 1 FROM local_training_jobs; -- fails
ROLLBACK TO s;
SELECT last_value FROM seen;
ROLLBACK;

-- ---- transactions ----

BEGIN;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (lpad('1', 32, '0')::uuid, 3, 3);
SAVEPOINT s;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (lpad('1', 32, '0')::uuid, 4, 4);
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (lpad('1', 32, '0')::uuid, 5, 5);
ROLLBACK TO s;
SELECT current_step, loss, progress FROM local_training_jobs WHERE id = lpad('1', 32, '0')::uuid;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (lpad('1', 32, '0')::uuid, 6, 6);
UPDATE local_training_jobs SET model_name = 'renamed' WHERE id = lpad('1', 32, '0')::uuid;
INSERT INTO local_training_metrics (job_id, step, learning_rate) VALUES (lpad('1', 32, '0')::uuid, 7, 7e-5);
COMMIT;
SELECT model_name, current_step, loss, learning_rate, progress FROM local_training_jobs WHERE id = lpad('1', 32, '0')::uuid;

-- a report that somebody refuses after it
BEGIN;
CREATE TRIGGER z AFTER INSERT ON local_training_metrics FOR EACH STATEMENT EXECUTE FUNCTION note_firing('z');
ALTER TABLE fired ADD CHECK (what <> 'z');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (lpad('1', 32, '0')::uuid, 8, 8); -- fails
ROLLBACK;
SELECT current_step, loss FROM local_training_jobs WHERE id = lpad('1', 32, '0')::uuid;

-- ---- rows that find no room beside their predecessor ----

-- each job five times, in one statement and in five
ALTER TABLE local_training_jobs SET (fillfactor = 100);
DO $$
BEGIN
	FOR step IN 10 .. 14 LOOP
		INSERT INTO direct.local_training_metrics (job_id, step, train_loss)
		SELECT id, step, step FROM direct.local_training_jobs;
	END LOOP;
END $$;
SELECT count(*), min(current_step), max(current_step), min(loss) FROM local_training_jobs;
SELECT bt_index_check(indexrelid, true) FROM pg_index
WHERE indrelid = 'local_training_jobs'::regclass ORDER BY indexrelid::regclass::text;
SELECT count(*) FROM trainjob.verify_jobs('direct.local_training_jobs');

-- Where a job lay is kept from one report to the next. It may have moved, and
-- another may lie there.
TRUNCATE local_training_jobs CASCADE;
INSERT INTO local_training_jobs (id, status, total_steps)
SELECT lpad(n::text, 32, '0')::uuid, CASE WHEN n < 5 THEN 'running' ELSE 'pending' END, 100
FROM generate_series(5, 0, -1) AS n;
\set report 'INSERT INTO local_training_metrics (job_id, step, train_loss) SELECT j.id, count(m.step) + 1, right(j.id::text, 1)::float8 FROM local_training_jobs AS j LEFT JOIN local_training_metrics AS m ON m.job_id = j.id WHERE status = ''running'' GROUP BY j.id'
:report;
UPDATE local_training_jobs SET created_at = created_at - interval '1 d' WHERE id = lpad('1', 32, '0')::uuid; -- not HOT
:report;
VACUUM local_training_jobs;
:report;
DELETE FROM local_training_jobs WHERE id < lpad('3', 32, '0')::uuid;
-- what VACUUM writes down is what it wrote before: nobody hears of it
INSERT INTO local_training_jobs (id) SELECT lpad(n::text, 32, '0')::uuid FROM generate_series(6, 8) AS n;
VACUUM local_training_jobs;
INSERT INTO local_training_jobs (id, status, total_steps)
SELECT lpad(n::text, 32, '0')::uuid, 'running', 100 FROM generate_series(2, 0, -1) AS n;
:report;
:report;
SELECT right(j.id::text, 1) AS job, current_step, loss,
	(SELECT count(*) FROM local_training_metrics AS m WHERE m.job_id = j.id) AS reports
FROM local_training_jobs AS j WHERE status = 'running' ORDER BY id;
SELECT * FROM trainjob.verify_jobs();

DROP EXTENSION amcheck;
DROP SCHEMA direct CASCADE;
