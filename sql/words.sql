--
-- Words of status and types of alerts: an application's own mean the same, are left
-- as they are while the state stays, and are what trainjob writes.
--
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA words;
SET search_path = words, pg_catalog;

-- ---- words that are known, however they are spelled ----

SELECT s.status, string_agg(w.word, ' ' ORDER BY w.n) FILTER (WHERE _trainjob.job_status(w.word) IS DISTINCT FROM s.status) AS not_known
FROM (VALUES
	('pending', 'PENDING Pending new not-started'),
	('queued', 'Queued CREATED submitted SCHEDULED validating_files ValidatingFiles'),
	('starting', 'Starting initializing INIT SETTING_UP LaunchingMLInstances'),
	('running', 'RUNNING in_progress In-Progress InProgress training ACTIVE started RECOVERING Stopping cancel_requested JOB_STATE_RUNNING'),
	('paused', 'preempted SUSPENDED JOB_STATE_PAUSED'),
	('completed', 'finished SUCCEEDED Success done Complete COMPLETED JOB_STATE_SUCCEEDED'),
	('failed', 'error ERRORED crashed FAILED_SETUP FailedValidation user_error MaxRuntimeExceeded JOB_STATE_EXPIRED timed-out'),
	('cancelled', 'canceled STOPPED Killed terminated JOB_STATE_CANCELLED')) AS s (status, words)
CROSS JOIN LATERAL regexp_split_to_table(s.words, ' ') WITH ORDINALITY AS w (word, n)
GROUP BY s.status ORDER BY min(array_position(ARRAY['pending', 'queued', 'starting', 'running', 'paused', 'completed', 'failed', 'cancelled'], s.status));
SELECT word, _trainjob.job_status(word), _trainjob.alert_type(word)
FROM unnest(ARRAY['in progress', ' running ', 'run', 'unfinished', 'done!', 'job_state', 'job_state_', '', '_', 'дон', 'job succeeded', 'JobStopped', 'job_preempted', 'job-resumed', 'job']) AS w (word);
SELECT _trainjob.has_ended('SUCCEEDED') AS succeeded, _trainjob.has_ended('Stopping') AS stopping, _trainjob.has_ended('archived') AS archived;

-- ---- trainjob's own tables ----

SELECT count(*) > 0 AS made FROM trainjob.create_tables('words');
CREATE FUNCTION u(n integer) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT ('00000000-0000-0000-0000-' || lpad(n::text, 12, '0'))::uuid $$;
INSERT INTO local_training_jobs (id, status) VALUES (u(1), 'bogus'); -- fails
INSERT INTO local_training_jobs (id, status, config) VALUES (u(1), 'RUNNING', '{"max_steps": 100}'), (u(2), 'Scheduled', '{}');
UPDATE local_training_jobs SET status = 'bogus' WHERE id = u(1); -- fails
\set VERBOSITY default
INSERT INTO alert_event (job_id, type) VALUES (u(1), 'bogus'); -- fails
\set VERBOSITY terse
-- a report of a job that runs leaves its word
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (u(1), 10, 2), (u(2), 1, 2);
SELECT right(id::text, 1) AS job, status, started_at IS NOT NULL AS started FROM local_training_jobs ORDER BY id;
-- another word for it is no change of status
UPDATE local_training_jobs SET status = 'In Progress' WHERE id = u(1);
SELECT j.status, o.status, o.health, j.status_changed_at FROM local_training_jobs AS j JOIN job_overview AS o USING (id) WHERE id = u(1);
INSERT INTO alert_event (job_id, type) VALUES (u(1), 'JobStarted'), (u(1), 'job_preempted'), (u(1), 'Job Succeeded'), (u(1), 'job_stopped')
	RETURNING type, outcome, outcome_reason, status_before, status_after;
UPDATE local_training_jobs SET status = 'finished' WHERE id = u(1);
UPDATE local_training_jobs SET status = 'error' WHERE id = u(2);
SELECT right(id::text, 1) AS job, j.status, o.status, o.last_alert_type, o.progress_text, o.health, completed_at IS NOT NULL AS completed, failed_at IS NOT NULL AS failed
FROM local_training_jobs AS j JOIN job_overview AS o USING (id) ORDER BY id;
SELECT right(job_id::text, 1) AS job, status_before, status_after FROM job_status_change ORDER BY id;
SELECT * FROM trainjob.verify_jobs();
SELECT count(*) > 0 AS detached FROM trainjob.detach();

-- ---- an enum of other words ----

CREATE TYPE state AS ENUM ('PENDING', 'IN_PROGRESS', 'SUCCEEDED', 'ERROR', 'ARCHIVED');
CREATE TABLE runs (id integer PRIMARY KEY, status state NOT NULL DEFAULT 'PENDING', error text);
CREATE TABLE points (job_id integer REFERENCES runs, step integer);
SELECT action, object FROM trainjob.attach('runs', 'points') WHERE action = 'unknown word' OR object ~ 'no word';
SELECT columns FROM trainjob.job_sets();
INSERT INTO runs VALUES (1), (2), (3);
INSERT INTO runs VALUES (4, 'ARCHIVED');
INSERT INTO points VALUES (1, 5), (2, 5), (3, 5), (4, 5);
SELECT id, r.status, health, note FROM runs AS r JOIN runs_overview AS o USING (id) ORDER BY id;
INSERT INTO runs_alert_event (job_id, type) VALUES (1, 'job_completed'), (2, 'job_failed'), (3, 'job_cancelled'), (4, 'gpu_oom')
	RETURNING job_id, outcome, outcome_reason, status_before, status_after;
SELECT r.id, r.status, o.status, o.health FROM runs AS r JOIN runs_overview AS o USING (id) ORDER BY id;
-- once it has a word for it, and is told what it means
ALTER TYPE state ADD VALUE 'ABORTED';
SELECT action, object FROM trainjob.attach('runs', statuses => '{"completed": ["SUCCEEDED", "archived"]}') WHERE action !~ '^missing';
INSERT INTO runs_alert_event (job_id, type) VALUES (3, 'job_cancelled') RETURNING outcome, status_after;
SELECT r.id, r.status, o.status, o.health FROM runs AS r JOIN runs_overview AS o USING (id) ORDER BY id;
-- what was said holds
SELECT action, object FROM trainjob.attach('runs') WHERE action !~ '^missing';
SELECT columns FROM trainjob.job_sets();
-- what is said of an argument
SELECT trainjob.attach('runs', statuses => '[1]'); -- fails
SELECT trainjob.attach('runs', statuses => '{"Completed": 1}'); -- fails
SELECT trainjob.attach('runs', statuses => '{"ended": "SUCCEEDED"}'); -- fails
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP TABLE runs, points CASCADE;

-- ---- a CHECK ----

CREATE TABLE runs (id integer PRIMARY KEY,
	status text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'training', 'finished', 'it''s broken', 'failed', 'canceled')));
CREATE TABLE points (job_id integer REFERENCES runs, step integer);
CREATE TABLE happenings (job_id integer, type text CHECK (type IN ('run.failed', 'job.done')), outcome text, title text NOT NULL DEFAULT '', at timestamptz NOT NULL);
SELECT action, object FROM trainjob.attach('runs', 'points', alerts => 'happenings') WHERE action IN ('unknown word', 'note');
SELECT count(*) > 0 AS told FROM trainjob.attach('runs', statuses => '{"job_failed": "run.failed", "job_completed": "job.done", "failed": "it''s broken"}');
INSERT INTO runs VALUES (1), (2);
INSERT INTO runs VALUES (3, 'training');
INSERT INTO points VALUES (1, 5), (2, 5);
SELECT id, status FROM runs ORDER BY id;
-- alerts with words that it has been told, and of trainjob's own
INSERT INTO happenings VALUES (1, 'job.done', NULL, '', now());
SELECT failed FROM trainjob.fail_stalled('0 s');
SELECT r.id, r.status, o.status FROM runs AS r JOIN runs_overview AS o USING (id) ORDER BY id;
SELECT job_id, type, outcome, title FROM happenings ORDER BY job_id;
SELECT job_id, status_before, status_after FROM job_status_change ORDER BY id DESC LIMIT 3;
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP TABLE runs, points, happenings CASCADE;

-- ---- rows only: the most frequent word, in the letters of the others ----

CREATE TABLE runs (id integer PRIMARY KEY, status varchar(9));
CREATE TABLE points (job_id integer REFERENCES runs, step integer);
CREATE TABLE happenings (id integer GENERATED ALWAYS AS IDENTITY, job_id integer, type text, outcome text, outcome_reason text);
INSERT INTO runs VALUES (1, 'Done'), (2, 'Succeeded'), (3, 'Succeeded'), (4, 'Odd'), (5, 'Waiting');
INSERT INTO happenings (job_id, type, outcome) VALUES (1, 'JOB_DONE', 'noted');
SELECT action, object FROM trainjob.attach('runs', 'points', alerts => 'happenings') WHERE action IN ('unknown word', 'note');
INSERT INTO points VALUES (5, 1);
-- a type that nobody knows is noted in a table that is not trainjob's
INSERT INTO happenings (job_id, type) VALUES (5, 'quota_exceeded'), (5, 'job_finished') RETURNING type, outcome, outcome_reason;
INSERT INTO happenings (job_id, type) VALUES (5, 'unheard_of') RETURNING outcome, outcome_reason;
SELECT r.id, r.status, o.status, o.last_alert_type FROM runs AS r JOIN runs_overview AS o USING (id) ORDER BY id;
-- too short for what it would be
SELECT columns ->> 'jobs.status:cancelled' AS cancelled FROM trainjob.job_sets();
SELECT count(*) > 0 AS detached FROM trainjob.detach();
ALTER TABLE runs ALTER status TYPE varchar(6) USING left(status, 6);
SELECT action, object FROM trainjob.attach('runs', 'points', alerts => 'happenings') WHERE object ~ 'length';
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP TABLE runs, points, happenings CASCADE;

-- ---- what is written is never a word for a kind of it ----

CREATE TYPE phase AS ENUM ('pending', 'cancelling', 'in_progress', 'timed_out', 'error', 'partially_succeeded', 'succeeded', 'killed', 'preempted');
CREATE TABLE runs (id integer PRIMARY KEY, status phase NOT NULL DEFAULT 'pending');
SELECT count(*) > 0 AS attached FROM trainjob.attach('runs');
SELECT columns FROM trainjob.job_sets();
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP TABLE runs CASCADE;
CREATE TABLE runs (id integer PRIMARY KEY, status text);
INSERT INTO runs SELECT n, CASE WHEN n < 5 THEN 'cancelling' WHEN n < 10 THEN 'SUCCEEDED' ELSE 'Completed' END FROM generate_series(1, 10) AS n;
SELECT count(*) > 0 AS attached FROM trainjob.attach('runs');
SELECT columns FROM trainjob.job_sets();
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP TABLE runs CASCADE;

-- ---- a state that stays keeps its word, be it one that trainjob cannot say ----

CREATE TYPE st AS ENUM ('NEW', 'PENDING', 'PAUSED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED');
CREATE TABLE runs (id integer PRIMARY KEY, status st NOT NULL DEFAULT 'PENDING', status_changed_at timestamptz);
CREATE TABLE points (job_id integer REFERENCES runs, step integer, recorded_at timestamptz DEFAULT now());
SELECT count(*) > 0 AS attached FROM trainjob.attach('runs', 'points');
INSERT INTO runs VALUES (1, 'PENDING'), (2, 'PENDING');
UPDATE runs SET status = 'PAUSED' WHERE id = 2;
INSERT INTO runs_alert_event (job_id, type) VALUES (1, 'gpu_oom'), (1, 'job_queued'), (2, 'job_paused') RETURNING outcome, status_before, status_after;
INSERT INTO points VALUES (2, 5, now() - interval '1 h');
SELECT id, status FROM runs ORDER BY id;
-- renamed, attached again; a word that was said to be none stays so
SELECT count(*) > 0 AS said FROM trainjob.attach('runs', statuses => '{"cancelled": null, "failed": "FAILED"}');
ALTER TYPE st RENAME VALUE 'SUCCEEDED' TO 'DONE';
ALTER TYPE st RENAME VALUE 'FAILED' TO 'BROKEN';
SELECT action, object FROM trainjob.attach('runs') WHERE action !~ 'missing|next';
SELECT columns FROM trainjob.job_sets();
INSERT INTO runs_alert_event (job_id, type) VALUES (1, 'job_completed'), (2, 'job_failed') RETURNING outcome, outcome_reason, status_after;
SELECT trainjob.attach('runs', statuses => '{"running": "RUNNING", "completed": ["DONE", "running"]}'); -- fails
SELECT trainjob.attach('runs', statuses => '{"completed": "DONE", "finished": "OVER"}'); -- fails
SELECT trainjob.attach('runs', statuses => '{"completed": "_"}'); -- fails
SELECT count(*) > 0 AS detached FROM trainjob.detach();
DROP TABLE runs, points CASCADE;

-- ---- words by other ways ----

CREATE TABLE names (name text PRIMARY KEY);
INSERT INTO names VALUES ('QUEUED'), ('RUNNING'), ('SUCCEEDED'), ('FAILED');
CREATE DOMAIN inner_word AS varchar(9) CHECK (VALUE IN ('NEW', 'ACTIVE', 'DONE', 'ERROR'));
CREATE DOMAIN outer_word AS inner_word;
CREATE DOMAIN short_word AS varchar(5);
CREATE FUNCTION found(type text) RETURNS TABLE (words text, remark text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE runs (id integer PRIMARY KEY, error text, status %s); CREATE TABLE points (job_id integer REFERENCES runs, step integer)', type);
	remark := (SELECT string_agg(object, E'\n') FROM trainjob.attach('runs', 'points') WHERE action ~ 'note|word');
	words := (SELECT columns - 'jobs.status:cancelled' FROM trainjob.job_sets());
	INSERT INTO runs (id) VALUES (1), (2);
	INSERT INTO points VALUES (1, 1);
	INSERT INTO runs_alert_event (job_id, type) VALUES (1, 'gpu_oom'), (1, 'job_completed'), (2, 'disk_warning');
	words := words || ' ' || (SELECT string_agg(COALESCE(status::text, 'NULL'), ' ' ORDER BY id) FROM runs);
	RETURN NEXT;
	PERFORM trainjob.detach();
	DROP TABLE runs, points CASCADE;
END $$;
SELECT * FROM found('text NOT NULL DEFAULT ''QUEUED'' REFERENCES names');
SELECT * FROM found('text NOT NULL DEFAULT ''QUEUED'' CHECK (status ~ ''^(QUEUED|RUNNING|SUCCEEDED|FAILED)$'')');
SELECT * FROM found('text NOT NULL DEFAULT ''QUEUED'' CHECK (status = upper(status))');
SELECT * FROM found('varchar(20) NOT NULL DEFAULT ''QUEUED'', CHECK (status IN (''QUEUED'', ''RUNNING'', ''SUCCEEDED'') OR status = ''FAILED'' AND error IS NOT NULL)');
SELECT * FROM found('outer_word NOT NULL DEFAULT ''NEW''');
SELECT * FROM found('short_word NOT NULL DEFAULT ''new''');
SELECT * FROM found('text NOT NULL DEFAULT ''-'' CHECK (status IN (''-'', ''running'', ''done''))');
DROP SCHEMA words CASCADE;
