-- A schema for each way to keep a job's row true. All have the columns, keys,
-- foreign key and indexes of trainjob's own tables; the hand-made ones have
-- PostgreSQL's default storage, except cte_tuned, which has trainjob's.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;

CREATE EXTENSION IF NOT EXISTS trainjob;
CREATE SCHEMA trainjob_own;
SELECT trainjob.create_tables('trainjob_own') \g /dev/null

CREATE PROCEDURE make_plain(schema name, tuned boolean DEFAULT false)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE SCHEMA %I', schema);
	EXECUTE format('SET LOCAL search_path = %I, pg_catalog', schema);
	CREATE TABLE training_datasets (LIKE trainjob_own.training_datasets
		INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
	CREATE TABLE local_training_jobs (LIKE trainjob_own.local_training_jobs
		INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
	CREATE TABLE local_training_metrics (LIKE trainjob_own.local_training_metrics
		INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING IDENTITY,
		FOREIGN KEY (job_id) REFERENCES local_training_jobs ON DELETE CASCADE);
	IF tuned THEN
		EXECUTE (SELECT format('ALTER TABLE local_training_jobs SET (%s)',
							   array_to_string(reloptions, ', '))
				 FROM pg_class WHERE oid = 'trainjob_own.local_training_jobs'::regclass);
		ALTER TABLE local_training_jobs ALTER config SET STORAGE EXTERNAL;
	END IF;
END;
$$;

CALL make_plain('bare');
CALL make_plain('cte');
CALL make_plain('cte_tuned', true);
CALL make_plain('app');
CALL make_plain('row_trigger');
CALL make_plain('statement_trigger');

-- An application's table that is attached: with a trigger, a CHECK and indexes of
-- its own, so that each report goes through the executor.
CALL make_plain('attached');
CREATE FUNCTION attached.touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.updated_at := now();
	RETURN NEW;
END;
$$;
CREATE TRIGGER touch BEFORE UPDATE ON attached.local_training_jobs
	FOR EACH ROW EXECUTE FUNCTION attached.touch();
ALTER TABLE attached.local_training_jobs ADD CHECK (progress BETWEEN 0 AND 100);
CREATE INDEX ON attached.local_training_jobs (status);
SELECT count(*) FROM trainjob.attach('attached.local_training_jobs', 'attached.local_training_metrics',
	'attached.training_datasets') \g /dev/null

-- PL/pgSQL, one row at a time: what most people write first.
CREATE FUNCTION row_trigger.fill_metric() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.perplexity IS NULL AND NEW.train_loss < 700 THEN
		NEW.perplexity := exp(NEW.train_loss);
	END IF;
	IF NEW.eval_perplexity IS NULL AND NEW.eval_loss < 700 THEN
		NEW.eval_perplexity := exp(NEW.eval_loss);
	END IF;
	RETURN NEW;
END;
$$;
CREATE TRIGGER fill_metric BEFORE INSERT ON row_trigger.local_training_metrics
	FOR EACH ROW EXECUTE FUNCTION row_trigger.fill_metric();

CREATE FUNCTION row_trigger.roll_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE row_trigger.local_training_jobs AS j SET
		current_step = NEW.step,
		current_epoch = COALESCE(NEW.epoch, j.current_epoch),
		loss = COALESCE(NEW.train_loss, j.loss),
		eval_loss = COALESCE(NEW.eval_loss, j.eval_loss),
		perplexity = COALESCE(NEW.perplexity, j.perplexity),
		learning_rate = COALESCE(NEW.learning_rate, j.learning_rate),
		grad_norm = COALESCE(NEW.grad_norm, j.grad_norm),
		samples_per_second = COALESCE(NEW.samples_per_second, j.samples_per_second),
		tokens_per_second = COALESCE(NEW.tokens_per_second, j.tokens_per_second),
		gpu_memory_allocated_gb = COALESCE(NEW.gpu_memory_allocated_gb, j.gpu_memory_allocated_gb),
		gpu_utilization_percent = COALESCE(NEW.gpu_utilization_percent, j.gpu_utilization_percent),
		best_step = CASE WHEN NEW.eval_loss < j.best_eval_loss OR j.best_eval_loss IS NULL AND NEW.eval_loss IS NOT NULL THEN NEW.step ELSE j.best_step END,
		best_epoch = CASE WHEN NEW.eval_loss < j.best_eval_loss OR j.best_eval_loss IS NULL AND NEW.eval_loss IS NOT NULL THEN NEW.epoch ELSE j.best_epoch END,
		best_eval_loss = LEAST(j.best_eval_loss, NEW.eval_loss),
		last_metric_at = NEW.recorded_at,
		status = CASE WHEN j.status IN ('pending', 'queued', 'starting', 'paused') THEN 'running' ELSE j.status END
	WHERE j.id = NEW.job_id;
	RETURN NULL;
END;
$$;
CREATE TRIGGER roll_up AFTER INSERT ON row_trigger.local_training_metrics
	FOR EACH ROW EXECUTE FUNCTION row_trigger.roll_up();

CREATE FUNCTION row_trigger.fill_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.current_step IS DISTINCT FROM OLD.current_step THEN
		NEW.progress := LEAST(100, 100.0::float8 * NEW.current_step / NEW.total_steps);
	END IF;
	NEW.updated_at := now();
	RETURN NEW;
END;
$$;
CREATE TRIGGER fill_job BEFORE UPDATE ON row_trigger.local_training_jobs
	FOR EACH ROW EXECUTE FUNCTION row_trigger.fill_job();

-- The best PL/pgSQL: one UPDATE for a statement, no trigger on the jobs, no
-- trigger call for a row whose perplexities are there.
CREATE FUNCTION statement_trigger.fill_metric() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.train_loss < 700 THEN
		NEW.perplexity := COALESCE(NEW.perplexity, exp(NEW.train_loss));
	END IF;
	IF NEW.eval_loss < 700 THEN
		NEW.eval_perplexity := COALESCE(NEW.eval_perplexity, exp(NEW.eval_loss));
	END IF;
	RETURN NEW;
END;
$$;
CREATE TRIGGER fill_metric BEFORE INSERT ON statement_trigger.local_training_metrics
	FOR EACH ROW
	WHEN (NEW.perplexity IS NULL AND NEW.train_loss IS NOT NULL
		  OR NEW.eval_perplexity IS NULL AND NEW.eval_loss IS NOT NULL)
	EXECUTE FUNCTION statement_trigger.fill_metric();

CREATE FUNCTION statement_trigger.roll_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE statement_trigger.local_training_jobs AS j SET
		current_step = n.step,
		current_epoch = COALESCE(n.epoch, j.current_epoch),
		loss = COALESCE(n.train_loss, j.loss),
		eval_loss = COALESCE(n.eval_loss, j.eval_loss),
		perplexity = COALESCE(n.perplexity, j.perplexity),
		learning_rate = COALESCE(n.learning_rate, j.learning_rate),
		grad_norm = COALESCE(n.grad_norm, j.grad_norm),
		samples_per_second = COALESCE(n.samples_per_second, j.samples_per_second),
		tokens_per_second = COALESCE(n.tokens_per_second, j.tokens_per_second),
		gpu_memory_allocated_gb = COALESCE(n.gpu_memory_allocated_gb, j.gpu_memory_allocated_gb),
		gpu_utilization_percent = COALESCE(n.gpu_utilization_percent, j.gpu_utilization_percent),
		best_step = CASE WHEN n.eval_loss < j.best_eval_loss OR j.best_eval_loss IS NULL AND n.eval_loss IS NOT NULL THEN n.step ELSE j.best_step END,
		best_epoch = CASE WHEN n.eval_loss < j.best_eval_loss OR j.best_eval_loss IS NULL AND n.eval_loss IS NOT NULL THEN n.epoch ELSE j.best_epoch END,
		best_eval_loss = LEAST(j.best_eval_loss, n.eval_loss),
		progress = LEAST(100, 100.0::float8 * n.step / j.total_steps),
		last_metric_at = n.recorded_at,
		updated_at = now(),
		status = CASE WHEN j.status IN ('pending', 'queued', 'starting', 'paused') THEN 'running' ELSE j.status END
	FROM (SELECT DISTINCT ON (job_id) * FROM new_rows ORDER BY job_id, step DESC) AS n
	WHERE j.id = n.job_id;
	RETURN NULL;
END;
$$;
CREATE TRIGGER roll_up AFTER INSERT ON statement_trigger.local_training_metrics
	REFERENCING NEW TABLE AS new_rows
	FOR EACH STATEMENT EXECUTE FUNCTION statement_trigger.roll_up();
