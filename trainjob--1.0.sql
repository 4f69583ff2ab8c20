/* trainjob--1.0.sql */

\echo Use "CREATE EXTENSION trainjob" to load this file. \quit

CREATE SCHEMA trainjob;

COMMENT ON SCHEMA trainjob IS
'Functions that keep the rows of training jobs true; the tables are yours.';

GRANT USAGE ON SCHEMA trainjob TO PUBLIC;

-- ---------------------------------------------------------------------------
-- Steps: pure functions of a configuration and of sample counts
-- ---------------------------------------------------------------------------

CREATE FUNCTION trainjob.estimate_total_steps(config jsonb,
	total_samples bigint DEFAULT NULL, train_samples bigint DEFAULT NULL,
	val_samples bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_estimate_total_steps';
COMMENT ON FUNCTION trainjob.estimate_total_steps(jsonb, bigint, bigint, bigint)
IS 'how many optimizer steps a job will run, NULL when that is not known';

CREATE FUNCTION trainjob.first_eval_step(config jsonb,
	total_samples bigint DEFAULT NULL, train_samples bigint DEFAULT NULL,
	val_samples bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_first_eval_step';
COMMENT ON FUNCTION trainjob.first_eval_step(jsonb, bigint, bigint, bigint)
IS 'how many steps are done when a job first evaluates, NULL when it does not or that is not known';

CREATE FUNCTION trainjob.explain_total_steps(config jsonb,
	total_samples bigint DEFAULT NULL, train_samples bigint DEFAULT NULL,
	val_samples bigint DEFAULT NULL,
	OUT dialect text,
	OUT sample_basis text, OUT samples bigint,
	OUT batch_size bigint, OUT batch_size_from text,
	OUT gradient_accumulation_steps bigint,
	OUT gradient_accumulation_steps_from text,
	OUT num_epochs double precision, OUT num_epochs_from text,
	OUT world_size bigint, OUT world_size_from text,
	OUT drop_last boolean,
	OUT updates_per_epoch bigint, OUT total_steps bigint,
	OUT first_eval_step bigint, OUT explanation text)
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_explain_total_steps';
COMMENT ON FUNCTION trainjob.explain_total_steps(jsonb, bigint, bigint, bigint)
IS 'what estimate_total_steps computes from, where each value came from, and a sentence that says so';

CREATE FUNCTION trainjob.eval_text(config jsonb, total_samples bigint,
	train_samples bigint, val_samples bigint, total_steps bigint)
RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_eval_text';
COMMENT ON FUNCTION trainjob.eval_text(jsonb, bigint, bigint, bigint, bigint)
IS 'what to show of a job before its first evaluation';

CREATE FUNCTION trainjob.config_method(config jsonb)
RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_config_method';
COMMENT ON FUNCTION trainjob.config_method(jsonb)
IS 'the training method that a configuration names, in lower case';

CREATE FUNCTION trainjob.job_note(config jsonb, dataset_path text,
	total_samples bigint, train_samples bigint, val_samples bigint,
	total_steps bigint)
RETURNS text
LANGUAGE C STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_job_note';
COMMENT ON FUNCTION trainjob.job_note(jsonb, text, bigint, bigint, bigint, bigint)
IS 'why the number of steps is not known, or which value of the configuration was ignored; NULL when there is nothing to say';

-- ---------------------------------------------------------------------------
-- Trigger functions, in the order in which their triggers fire
--
-- Their arguments are texts: table=schema.name for the tables of the set
-- (jobs, metrics, datasets, alerts, status_changes), table.column=name for a
-- column that has another name than trainjob's own.
-- ---------------------------------------------------------------------------

CREATE FUNCTION trainjob.fill_job()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_fill_job';

COMMENT ON FUNCTION trainjob.fill_job() IS
'BEFORE INSERT OR UPDATE FOR EACH ROW on jobs: fills sample counts, total steps, progress and timestamps. Arguments: datasets=schema.name.';

CREATE FUNCTION trainjob.apply_waiting_alerts()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_apply_waiting_alerts';

COMMENT ON FUNCTION trainjob.apply_waiting_alerts() IS
'AFTER INSERT FOR EACH ROW on jobs: applies the alerts that came before their job. Arguments: alerts=schema.name (required).';

CREATE FUNCTION trainjob.record_status_change()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_record_status_change';

COMMENT ON FUNCTION trainjob.record_status_change() IS
'AFTER UPDATE FOR EACH ROW on jobs: records each change of status and notifies channel trainjob. Arguments: status_changes=schema.name.';

CREATE FUNCTION trainjob.fill_waiting_jobs()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_fill_waiting_jobs';

COMMENT ON FUNCTION trainjob.fill_waiting_jobs() IS
'AFTER INSERT OR UPDATE FOR EACH ROW on datasets: fills the jobs that wait for the dataset and have not ended. Arguments: jobs=schema.name (required).';

CREATE FUNCTION trainjob.fill_metric()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_fill_metric';

COMMENT ON FUNCTION trainjob.fill_metric() IS
'BEFORE INSERT OR UPDATE FOR EACH ROW on metrics: perplexity = exp(train_loss), eval_perplexity = exp(eval_loss) where the trainer sent none.';

CREATE FUNCTION trainjob.roll_up_metrics()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_roll_up_metrics';

COMMENT ON FUNCTION trainjob.roll_up_metrics() IS
'AFTER INSERT FOR EACH STATEMENT on metrics REFERENCING NEW TABLE, or AFTER UPDATE REFERENCING OLD TABLE and NEW TABLE: carries the newest values up to the jobs, one update for each job. Arguments: jobs=schema.name (required).';

CREATE FUNCTION trainjob.apply_alert()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_apply_alert';

COMMENT ON FUNCTION trainjob.apply_alert() IS
'BEFORE INSERT FOR EACH ROW on alerts: does to the job what the alert says and fills the outcome. Arguments: jobs=schema.name (required).';

REVOKE EXECUTE ON FUNCTION
	trainjob.fill_job(), trainjob.apply_waiting_alerts(),
	trainjob.record_status_change(), trainjob.fill_waiting_jobs(),
	trainjob.fill_metric(), trainjob.roll_up_metrics(), trainjob.apply_alert()
FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- Texts for views
-- ---------------------------------------------------------------------------

CREATE FUNCTION trainjob.stall_timeout()
RETURNS interval
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_stall_timeout';

COMMENT ON FUNCTION trainjob.stall_timeout() IS
'The setting trainjob.stall_timeout: how long a running job may be silent before its health is stalled.';

CREATE FUNCTION trainjob.number_text(value float8, digits integer)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_number_text';

COMMENT ON FUNCTION trainjob.number_text(float8, integer) IS
'A number with so many digits after the point; in scientific form where digits is negative or the number too small or large.';

CREATE FUNCTION trainjob.duration_text(seconds float8)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_duration_text';

COMMENT ON FUNCTION trainjob.duration_text(float8) IS
'A duration as a person reads it: 45 s, 12 min, 3 h 20 min, 2 d 4 h.';

-- ---------------------------------------------------------------------------
-- Curves
-- ---------------------------------------------------------------------------

CREATE FUNCTION trainjob.lttb_transition(internal, float8, float8, int)
RETURNS internal
AS 'MODULE_PATHNAME', 'trainjob_lttb_transition'
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION trainjob.lttb_transition(internal, float8, float8, int) IS
'Part of the aggregate trainjob.lttb: takes a point into the curve.';

CREATE FUNCTION trainjob.lttb_final(internal)
RETURNS point[]
AS 'MODULE_PATHNAME', 'trainjob_lttb_final'
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION trainjob.lttb_final(internal) IS
'Part of the aggregate trainjob.lttb: thins the curve.';

CREATE AGGREGATE trainjob.lttb(x float8, y float8, max_points int) (
	SFUNC = trainjob.lttb_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = trainjob.lttb_final,
	FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE trainjob.lttb(float8, float8, int) IS
'Thins a curve to at most max_points of its own points, in order of x, so that it looks the same (Largest-Triangle-Three-Buckets): first and last point and peaks stay, and where y is NaN or infinite, a point says so. NULL for max_points keeps all.';

CREATE FUNCTION trainjob.sparkline(y float8[])
RETURNS text
AS 'MODULE_PATHNAME', 'trainjob_sparkline'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION trainjob.sparkline(float8[]) IS
'Draws a curve in one line of text, a character per element, from the lowest to the highest of eight levels; a space where an element is NULL or NaN.';

CREATE FUNCTION trainjob.sparkline(y float8[], width int)
RETURNS text
AS 'MODULE_PATHNAME', 'trainjob_sparkline'
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION trainjob.sparkline(float8[], int) IS
'Draws a curve in one line of text of at most width characters, of which each shows the mean of its share of the elements.';

-- ---------------------------------------------------------------------------
-- Sets of tables
-- ---------------------------------------------------------------------------

CREATE FUNCTION trainjob.canonical_columns()
RETURNS TABLE (
	table_key text, ordinal integer, column_name name, column_type text,
	definition text, description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column1, c.column2, c.column3::name, c.column4, c.column5, c.column6
	FROM (VALUES
	('datasets', 1, 'id', 'uuid', 'PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()', 'Identity of the dataset.'),
	('datasets', 2, 'user_id', 'uuid', '', 'Whose it is; NULL: everybody may train on it.'),
	('datasets', 3, 'name', 'text', '', 'What people call it.'),
	('datasets', 4, 'storage_path', 'text', 'NOT NULL', 'Where it lies; a job names it in dataset_path.'),
	('datasets', 5, 'sample_count', 'bigint', '', 'Samples in all, training and validation.'),
	('datasets', 6, 'train_samples', 'bigint', '', 'Samples of the training split.'),
	('datasets', 7, 'val_samples', 'bigint', '', 'Samples of the validation split.'),
	('datasets', 8, 'created_at', 'timestamptz', 'NOT NULL DEFAULT pg_catalog.now()', 'When the row came.'),
	('datasets', 9, 'updated_at', 'timestamptz', 'NOT NULL DEFAULT pg_catalog.now()', 'When the application last changed it.'),

	('jobs', 1, 'id', 'uuid', 'PRIMARY KEY DEFAULT pg_catalog.gen_random_uuid()', 'Identity of the job.'),
	('jobs', 2, 'user_id', 'uuid', '', 'Whose it is.'),
	('jobs', 3, 'model_name', 'text', '', 'The model that is trained.'),
	('jobs', 4, 'dataset_path', 'text', '', 'storage_path of its dataset.'),
	('jobs', 5, 'job_token', 'text', '', 'The secret with which its trainer reports.'),
	('jobs', 6, 'config', 'jsonb', '', 'The trainer''s configuration.'),
	('jobs', 7, 'status', 'text', 'NOT NULL DEFAULT ''pending''', 'pending, queued, starting, running, paused, completed, failed or cancelled.'),
	('jobs', 8, 'error', 'text', '', 'Why it failed, in words.'),
	('jobs', 9, 'error_type', 'text', '', 'What kind of failure it was; stalled: presumed dead.'),
	('jobs', 10, 'created_at', 'timestamptz', 'NOT NULL DEFAULT pg_catalog.now()', 'When the row came.'),
	('jobs', 11, 'status_changed_at', 'timestamptz', '', 'When status last changed; NULL until it first did.'),
	('jobs', 12, 'started_at', 'timestamptz', '', 'When it first ran.'),
	('jobs', 13, 'restarted_at', 'timestamptz', '', 'When its present attempt began, if that is not the first.'),
	('jobs', 14, 'completed_at', 'timestamptz', '', 'When it completed.'),
	('jobs', 15, 'failed_at', 'timestamptz', '', 'When it failed.'),
	('jobs', 16, 'cancelled_at', 'timestamptz', '', 'When it was cancelled.'),
	('jobs', 17, 'total_samples', 'bigint', '', 'Samples in all, from the dataset or the configuration.'),
	('jobs', 18, 'train_samples', 'bigint', '', 'Samples of the training split.'),
	('jobs', 19, 'val_samples', 'bigint', '', 'Samples of the validation split.'),
	('jobs', 20, 'expected_total_steps', 'bigint', '', 'Optimizer steps estimated from configuration and samples.'),
	('jobs', 21, 'total_epochs', 'float8', '', 'Epochs of the run; NULL where a number of steps limits it.'),
	('jobs', 22, 'total_steps', 'bigint', '', 'Optimizer steps of the run, see total_steps_source.'),
	('jobs', 23, 'total_steps_source', 'text', '', 'Where total_steps comes from: given by the writer, estimated, reported by the trainer, or observed in its reports.'),
	('jobs', 24, 'updated_at', 'timestamptz', 'NOT NULL DEFAULT pg_catalog.now()', 'When anything in the row last changed.'),
	('jobs', 25, 'last_metric_at', 'timestamptz', '', 'recorded_at of its newest report.'),
	('jobs', 26, 'current_step', 'bigint', '', 'The highest step of the present attempt.'),
	('jobs', 27, 'current_epoch', 'float8', '', 'The newest epoch.'),
	('jobs', 28, 'progress', 'float8', '', 'Percent of total_steps, 0 to 100.'),
	('jobs', 29, 'loss', 'float8', '', 'The newest train_loss.'),
	('jobs', 30, 'eval_loss', 'float8', '', 'The newest eval_loss.'),
	('jobs', 31, 'perplexity', 'float8', '', 'The newest perplexity.'),
	('jobs', 32, 'learning_rate', 'float8', '', 'The newest learning rate.'),
	('jobs', 33, 'grad_norm', 'float8', '', 'The newest norm of the gradient.'),
	('jobs', 34, 'samples_per_second', 'float8', '', 'The newest throughput in samples.'),
	('jobs', 35, 'tokens_per_second', 'float8', '', 'The newest throughput in tokens.'),
	('jobs', 36, 'gpu_memory_allocated_gb', 'float8', '', 'The newest GPU memory in use, GB.'),
	('jobs', 37, 'gpu_utilization_percent', 'float8', '', 'The newest GPU utilization, percent.'),
	('jobs', 38, 'best_eval_loss', 'float8', '', 'The lowest finite eval_loss of all attempts.'),
	('jobs', 39, 'best_step', 'bigint', '', 'The first step that had it.'),
	('jobs', 40, 'best_epoch', 'float8', '', 'The epoch of that report.'),

	('metrics', 1, 'job_id', 'uuid', 'NOT NULL', 'The job.'),
	('metrics', 2, 'step', 'bigint', 'NOT NULL', 'Optimizer steps done, 0 before the first.'),
	('metrics', 3, 'id', 'bigint', 'GENERATED BY DEFAULT AS IDENTITY', 'Tells the reports of a step apart, in order.'),
	('metrics', 4, 'epoch', 'float8', '', 'Epochs done, with fraction.'),
	('metrics', 5, 'train_loss', 'float8', '', 'Training loss of the step, or the mean since the last report.'),
	('metrics', 6, 'eval_loss', 'float8', '', 'Loss on the validation split.'),
	('metrics', 7, 'perplexity', 'float8', '', 'exp(train_loss), unless the trainer sent its own.'),
	('metrics', 8, 'eval_perplexity', 'float8', '', 'exp(eval_loss), unless the trainer sent its own.'),
	('metrics', 9, 'learning_rate', 'float8', '', 'Learning rate.'),
	('metrics', 10, 'grad_norm', 'float8', '', 'Norm of the gradient.'),
	('metrics', 11, 'samples_per_second', 'float8', '', 'Throughput in samples.'),
	('metrics', 12, 'tokens_per_second', 'float8', '', 'Throughput in tokens.'),
	('metrics', 13, 'gpu_memory_allocated_gb', 'float8', '', 'GPU memory in use, GB.'),
	('metrics', 14, 'gpu_memory_reserved_gb', 'float8', '', 'GPU memory reserved, GB.'),
	('metrics', 15, 'gpu_utilization_percent', 'float8', '', 'GPU utilization, percent.'),
	('metrics', 16, 'extra', 'jsonb', '', 'Whatever else the trainer reports, by its own names.'),
	('metrics', 17, 'recorded_at', 'timestamptz', 'DEFAULT pg_catalog.now()', 'When the trainer took the measure.'),

	('alerts', 1, 'id', 'bigint', 'PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY', 'Identity of the alert.'),
	('alerts', 2, 'job_id', 'uuid', 'NOT NULL', 'The job, which may come later.'),
	('alerts', 3, 'type', 'text', 'NOT NULL', 'job_started, job_completed, job_failed, job_cancelled, gpu_oom, disk_warning or timeout_warning.'),
	('alerts', 4, 'user_id', 'uuid', '', 'Who sends it; must be the job''s user where given.'),
	('alerts', 5, 'error_message', 'text', '', 'For job_failed: what goes to the job''s error.'),
	('alerts', 6, 'error_type', 'text', '', 'For job_failed: what goes to the job''s error_type.'),
	('alerts', 7, 'current_step', 'bigint', '', 'The step that the trainer is at.'),
	('alerts', 8, 'total_steps', 'bigint', '', 'The steps that the trainer will run.'),
	('alerts', 9, 'loss', 'float8', '', 'The loss at that time.'),
	('alerts', 10, 'payload', 'jsonb', '', 'Whatever else the sender says.'),
	('alerts', 11, 'occurred_at', 'timestamptz', 'DEFAULT pg_catalog.now()', 'When it happened, by the sender''s clock.'),
	('alerts', 12, 'received_at', 'timestamptz', 'DEFAULT pg_catalog.now()', 'When it came.'),
	('alerts', 13, 'outcome', 'text', '', 'What it did: applied, unchanged, late, refused, noted or waiting. Filled by the trigger.'),
	('alerts', 14, 'outcome_reason', 'text', '', 'Why it did not change the job.'),
	('alerts', 15, 'status_before', 'text', '', 'The job''s status before it.'),
	('alerts', 16, 'status_after', 'text', '', 'The job''s status after it.'),

	('status_changes', 1, 'id', 'bigint', 'PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY', 'Identity of the change.'),
	('status_changes', 2, 'job_id', 'uuid', 'NOT NULL', 'The job.'),
	('status_changes', 3, 'status_before', 'text', '', 'Status before.'),
	('status_changes', 4, 'status_after', 'text', '', 'Status after.'),
	('status_changes', 5, 'changed_at', 'timestamptz', 'NOT NULL DEFAULT pg_catalog.now()', 'When it happened.'),
	('status_changes', 6, 'alert_id', 'bigint', '', 'The alert that did it, if one did.'),
	('status_changes', 7, 'changed_by', 'text', '', 'The role that wrote.')
	) AS c;
END;

COMMENT ON FUNCTION trainjob.canonical_columns() IS
'Every column of a set of tables, by the name and type that trainjob''s own tables give it.';

CREATE FUNCTION trainjob.canonical_tables()
RETURNS TABLE (table_key text, table_name name, constraints text, settings text,
	indexes text[], description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column1, c.column2::name, c.column3, c.column4, c.column5, c.column6
	FROM (VALUES
	('datasets', 'training_datasets',
	 'UNIQUE NULLS NOT DISTINCT (storage_path, user_id)', '', '{}'::text[],
	 'Datasets that jobs train on, with their sample counts.'),
	('jobs', 'local_training_jobs',
	 'CHECK (status IN (''pending'', ''queued'', ''starting'', ''running'', ''paused'', ''completed'', ''failed'', ''cancelled'')), '
	 'CHECK (total_steps_source IN (''given'', ''estimated'', ''reported'', ''observed''))',
	 'fillfactor = 70, toast_tuple_target = 128',
	 ARRAY['(user_id, created_at)',
	       '(dataset_path) WHERE total_samples IS NULL OR train_samples IS NULL OR val_samples IS NULL'],
	 'Training jobs; trainjob''s triggers keep each row true.'),
	('metrics', 'local_training_metrics',
	 'PRIMARY KEY (job_id, step, id), CHECK (step >= 0), '
	 'FOREIGN KEY (job_id) REFERENCES %1$I.local_training_jobs (id) ON DELETE CASCADE',
	 '', '{}',
	 'Reports of the trainers, one row each; a step may have several.'),
	('alerts', 'alert_event', '', '', ARRAY['(job_id, occurred_at, id)'],
	 'What happened to jobs: a row changes its job and says what it did.'),
	('status_changes', 'job_status_change', '', '', ARRAY['(job_id, id)'],
	 'Every change of a job''s status, whoever made it.')
	) AS c;
END;

COMMENT ON FUNCTION trainjob.canonical_tables() IS
'The tables of a set as create_tables makes them.';

CREATE FUNCTION trainjob.set_triggers()
RETURNS TABLE (table_key text, trigger_name name, event text, action text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column1, c.column2::name, c.column3, c.column4
	FROM (VALUES
	('jobs', 'trainjob_fill_job', 'BEFORE INSERT OR UPDATE',
	 'FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job'),
	('jobs', 'trainjob_apply_waiting_alerts', 'AFTER INSERT',
	 'FOR EACH ROW EXECUTE FUNCTION trainjob.apply_waiting_alerts'),
	('jobs', 'trainjob_record_status_change', 'AFTER UPDATE',
	 'FOR EACH ROW %WHEN% EXECUTE FUNCTION trainjob.record_status_change'),
	('datasets', 'trainjob_fill_waiting_jobs', 'AFTER INSERT OR UPDATE',
	 'FOR EACH ROW EXECUTE FUNCTION trainjob.fill_waiting_jobs'),
	('metrics', 'trainjob_fill_metric', 'BEFORE INSERT OR UPDATE',
	 'FOR EACH ROW EXECUTE FUNCTION trainjob.fill_metric'),
	('metrics', 'trainjob_roll_up_insert', 'AFTER INSERT',
	 'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics'),
	('metrics', 'trainjob_roll_up_update', 'AFTER UPDATE',
	 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION trainjob.roll_up_metrics'),
	('alerts', 'trainjob_apply_alert', 'BEFORE INSERT',
	 'FOR EACH ROW EXECUTE FUNCTION trainjob.apply_alert')
	) AS c;
END;

COMMENT ON FUNCTION trainjob.set_triggers() IS
'The triggers that the tables of a set get: the one place that knows.';

CREATE FUNCTION trainjob.qualified_name(rel regclass)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('%I.%I', n.nspname, c.relname)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = rel;
END;

COMMENT ON FUNCTION trainjob.qualified_name(regclass) IS
'The name of a table with its schema, quoted, whatever the search_path.';

CREATE FUNCTION trainjob.find_columns(key text, rel regclass, columns jsonb)
RETURNS TABLE (column_name name, column_type text, actual_name name,
	actual_type regtype)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column_name, c.column_type, a.attname, a.atttypid::regtype
	FROM trainjob.canonical_columns() AS c
	LEFT JOIN LATERAL (
		SELECT a.attname, a.atttypid
		FROM pg_catalog.pg_attribute AS a
		WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
		  AND a.attname IN (columns ->> (key || '.' || c.column_name),
							columns ->> c.column_name::text, c.column_name)
		ORDER BY a.attname = columns ->> (key || '.' || c.column_name) DESC NULLS LAST,
				 a.attname = columns ->> c.column_name::text DESC NULLS LAST
		LIMIT 1) AS a ON true
	WHERE c.table_key = key
	ORDER BY c.ordinal;
END;

COMMENT ON FUNCTION trainjob.find_columns(text, regclass, jsonb) IS
'The canonical columns of a table of a set, and the columns that stand for them; NULL where none does.';

CREATE FUNCTION trainjob.select_list(key text, rel regclass, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(
		CASE
			WHEN f.actual_name IS NULL
				THEN format('NULL::%s AS %I', f.column_type, f.column_name)
			WHEN f.column_type IN ('float8', 'jsonb')
				 AND f.actual_type <> f.column_type::regtype
				THEN format('%I::%s AS %I', f.actual_name, f.column_type,
							f.column_name)
			WHEN f.column_type = 'bigint'
				 AND f.actual_type IN ('numeric'::regtype, 'real'::regtype,
									   'double precision'::regtype)
				THEN format('%I::bigint AS %I', f.actual_name, f.column_name)
			ELSE format('%I AS %I', f.actual_name, f.column_name)
		END, ', ')
	FROM trainjob.find_columns(key, rel, columns) AS f;
END;

COMMENT ON FUNCTION trainjob.select_list(text, regclass, jsonb) IS
'The SELECT list that gives a table of a set its canonical columns.';

CREATE FUNCTION trainjob.overview_query(tables jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT format($view$
SELECT
	j.id, j.user_id, j.model_name,
	trainjob.config_method(j.config) AS method,
	j.status,
	CASE
		WHEN s.ended THEN 'ended'
		WHEN NOT s.running THEN 'waiting'
		WHEN (j.loss = 'NaN' OR abs(j.loss) = 'Infinity')
			 AND (j.restarted_at IS NULL OR j.last_metric_at >= j.restarted_at)
			THEN 'diverged'
		WHEN now() - COALESCE(GREATEST(j.last_metric_at, j.status_changed_at,
									   j.restarted_at, j.started_at),
							  j.created_at) > trainjob.stall_timeout()
			THEN 'stalled'
		ELSE 'active'
	END AS health,
	j.progress, j.current_step, j.total_steps, j.expected_total_steps,
	j.total_steps_source, j.current_epoch, j.total_epochs,
	j.total_samples, j.train_samples, j.val_samples,
	j.loss, j.eval_loss, j.perplexity, j.learning_rate, j.grad_norm,
	j.best_eval_loss, j.best_step, j.samples_per_second, j.tokens_per_second,
	j.started_at, s.ended_at, j.last_metric_at,
	extract(epoch FROM COALESCE(s.ended_at, now())
			- COALESCE(j.restarted_at, j.started_at))::float8 AS elapsed_seconds,
	p.eta_seconds, p.eta_confidence,
	a.type AS last_alert_type, a.occurred_at AS last_alert_at,
	j.error, j.error_type,
	trainjob.job_note(j.config, j.dataset_path, j.total_samples,
					  j.train_samples, j.val_samples, j.total_steps) AS note,
	CASE
		WHEN j.total_samples IS NULL THEN 'Unknown'
		WHEN j.total_samples = 1 THEN '1 sample'
		ELSE j.total_samples || ' samples'
	END AS dataset_size_text,
	CASE
		WHEN j.total_steps IS NULL THEN 'Unknown'
		WHEN j.total_steps = 1 THEN '1 step'
		ELSE j.total_steps || ' steps'
	END AS total_steps_text,
	COALESCE(round(j.progress::numeric) || '%%', 'Unknown') AS progress_text,
	CASE
		WHEN j.eval_loss IS NOT NULL THEN trainjob.number_text(j.eval_loss, 4)
		WHEN s.ended THEN 'No eval loss reported'
		ELSE trainjob.eval_text(j.config, j.total_samples, j.train_samples,
								j.val_samples, j.total_steps)
	END AS eval_loss_text,
	COALESCE(trainjob.number_text(j.perplexity, 2), s.absent) AS perplexity_text,
	COALESCE(trainjob.number_text(j.learning_rate, -2), s.absent) AS learning_rate_text,
	COALESCE(trainjob.number_text(j.loss, 4), s.absent) AS loss_text,
	trainjob.duration_text(p.eta_seconds) AS eta_text
FROM (SELECT %1$s FROM %2$s) AS j
CROSS JOIN LATERAL (
	SELECT
		j.status::text IN ('completed', 'failed', 'cancelled') AS ended,
		j.status::text = 'running' AS running,
		CASE j.status::text
			WHEN 'completed' THEN j.completed_at
			WHEN 'failed' THEN j.failed_at
			WHEN 'cancelled' THEN j.cancelled_at
		END AS ended_at,
		CASE
			WHEN COALESCE(j.last_metric_at::text, j.current_step::text) IS NULL
				 AND j.status::text NOT IN ('completed', 'failed', 'cancelled')
				THEN 'Awaiting first metrics'
			ELSE 'Not reported by the trainer'
		END AS absent) AS s
LEFT JOIN LATERAL (
	SELECT
		CASE WHEN j.status::text = 'running' THEN
			(j.total_steps - j.current_step)
			* CASE
				WHEN count(*) >= 5 THEN
					NULLIF(GREATEST(sum(i.pace * i.weight)
									/ sum(i.weight) FILTER (WHERE i.pace IS NOT NULL), 0), 0)
				WHEN count(*) >= 2 THEN
					NULLIF(GREATEST(
						CASE
							WHEN j.restarted_at IS NULL AND max(i.step) > 0
								 AND j.started_at < min(i.recorded_at)
								THEN extract(epoch FROM max(i.recorded_at) - j.started_at)::float8
									 / max(i.step)
							ELSE extract(epoch FROM max(i.recorded_at) - min(i.recorded_at))::float8
								 / (max(i.step) - min(i.step))
						END, 0), 0)
			  END
		END AS eta_seconds,
		CASE
			WHEN j.status::text <> 'running' THEN NULL
			WHEN count(*) < 5 THEN 'insufficient_data'
			WHEN j.total_steps IS NULL THEN NULL
			WHEN stddev_pop(i.pace) / NULLIF(abs(avg(i.pace)), 0) < 0.15 THEN 'high'
			WHEN stddev_pop(i.pace) / NULLIF(abs(avg(i.pace)), 0) < 0.35 THEN 'medium'
			ELSE 'low'
		END AS eta_confidence
	FROM (
		SELECT
			t.step, t.recorded_at,
			row_number() OVER w - 1 AS weight,
			extract(epoch FROM t.recorded_at - lag(t.recorded_at) OVER w)::float8
				/ (t.step - lag(t.step) OVER w) AS pace
		FROM (
			SELECT m.step, min(m.recorded_at) AS recorded_at
			FROM (SELECT %3$s FROM %4$s) AS m
			WHERE m.job_id = j.id AND j.status::text = 'running'
			  AND m.step <= j.current_step
			  AND m.recorded_at >= COALESCE(GREATEST(j.status_changed_at, j.restarted_at),
											'-infinity')
			GROUP BY m.step
			ORDER BY m.step DESC
			LIMIT 20) AS t
		WINDOW w AS (ORDER BY t.step)) AS i) AS p ON true
LEFT JOIN LATERAL (
	-- an aggregate gives one row for sure: the planner leaves the join out
	-- where its columns are not asked for
	SELECT max(l.type) AS type, max(l.occurred_at) AS occurred_at
	FROM (
		SELECT e.type, e.occurred_at
		FROM (SELECT %5$s FROM %6$s) AS e
		WHERE e.job_id = j.id
		ORDER BY e.occurred_at DESC, e.id DESC
		LIMIT 1) AS l) AS a ON true
$view$,
		trainjob.select_list('jobs', (tables ->> 'jobs')::regclass, columns),
		tables ->> 'jobs',
		trainjob.select_list('metrics', (tables ->> 'metrics')::regclass, columns),
		tables ->> 'metrics',
		trainjob.select_list('alerts', (tables ->> 'alerts')::regclass, columns),
		tables ->> 'alerts');
END;

COMMENT ON FUNCTION trainjob.overview_query(jsonb, jsonb) IS
'The query of a set''s overview.';

CREATE FUNCTION trainjob.trigger_arguments(tables jsonb, columns jsonb)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg(a.argument ORDER BY a.part, a.argument)
	FROM (
		SELECT 1 AS part, t.key || '=' || t.value AS argument
		FROM jsonb_each_text(tables) AS t
		WHERE t.value IS NOT NULL
		UNION ALL
		SELECT 2, t.key || '.' || f.column_name || '=' || f.actual_name
		FROM jsonb_each_text(tables) AS t
		CROSS JOIN LATERAL trainjob.find_columns(t.key, t.value::regclass, columns) AS f
		WHERE f.actual_name <> f.column_name) AS a;
END;

COMMENT ON FUNCTION trainjob.trigger_arguments(jsonb, jsonb) IS
'The arguments that each trigger of a set gets: its tables, and the columns with other names.';

CREATE FUNCTION trainjob.read_arguments(tgargs bytea)
RETURNS text[]
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	-- a backslash is told apart from the zero byte that ends an argument
	SELECT array_agg(convert_from(decode(a.argument, 'escape'), getdatabaseencoding())
					 ORDER BY a.n)
	FROM unnest(string_to_array(replace(encode(tgargs, 'escape'), '\\', '\134'),
								'\000')) WITH ORDINALITY AS a (argument, n)
	WHERE a.argument <> '';
END;

COMMENT ON FUNCTION trainjob.read_arguments(bytea) IS
'The arguments of a trigger, from pg_trigger.tgargs.';

CREATE FUNCTION trainjob.attach_set(tables jsonb, columns jsonb,
	view_schema name, overview_name name)
RETURNS SETOF text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	arguments text[] := trainjob.trigger_arguments(tables, columns);
	wanted record;
	fires_when text;
BEGIN
	SELECT 'WHEN (' || string_agg(
			CASE f.column_name
				WHEN 'status' THEN
					format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', f.actual_name)
				ELSE
					format('floor(OLD.%1$I) IS DISTINCT FROM floor(NEW.%1$I)',
						   f.actual_name)
			END, ' OR ') || ')'
		INTO fires_when
		FROM trainjob.find_columns('jobs', (tables ->> 'jobs')::regclass, columns) AS f
		WHERE f.column_name IN ('status', 'progress')
		  AND f.actual_name IS NOT NULL;
	FOR wanted IN
		SELECT t.trigger_name, t.event, tables ->> t.table_key AS on_table,
			   replace(t.action, '%WHEN%', fires_when) AS action
		FROM trainjob.set_triggers() AS t
		WHERE tables ->> t.table_key IS NOT NULL
	LOOP
		CONTINUE WHEN EXISTS (
			SELECT FROM pg_trigger AS g
			WHERE g.tgrelid = wanted.on_table::regclass
			  AND g.tgname = wanted.trigger_name
			  AND trainjob.read_arguments(g.tgargs) = arguments);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON %s %s(%s)',
			wanted.trigger_name, wanted.event, wanted.on_table, wanted.action,
			(SELECT string_agg(quote_literal(a), ', ') FROM unnest(arguments) AS a));
		RETURN NEXT format('created trigger %I on %s', wanted.trigger_name,
						   wanted.on_table);
	END LOOP;
	EXECUTE format('CREATE OR REPLACE VIEW %I.%I WITH (security_invoker = true) AS %s',
		view_schema, overview_name, trainjob.overview_query(tables, columns));
	EXECUTE format('COMMENT ON VIEW %I.%I IS %L', view_schema, overview_name,
		'What a dashboard shows of each job: one row a job.');
	RETURN NEXT format('created view %I.%I', view_schema, overview_name);
END;
$$;

COMMENT ON FUNCTION trainjob.attach_set(jsonb, jsonb, name, name) IS
'Part of create_tables and attach: the triggers and views of a set.';

CREATE FUNCTION trainjob.create_table(schema name, key text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted record;
	rel regclass;
	differences text;
	items text;
BEGIN
	SELECT * INTO STRICT wanted
		FROM trainjob.canonical_tables() AS t
		WHERE t.table_key = key;
	rel := to_regclass(format('%I.%I', schema, wanted.table_name));
	IF rel IS NOT NULL THEN
		SELECT string_agg(
				CASE WHEN f.actual_name IS NULL
					THEN format('column %I %s is missing', f.column_name, f.column_type)
					ELSE format('column %I has type %s, not %s', f.column_name,
								f.actual_type, f.column_type::regtype)
				END, '; ')
			INTO differences
			FROM trainjob.find_columns(key, rel, '{}') AS f
			WHERE f.actual_type IS DISTINCT FROM f.column_type::regtype;
		IF differences IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'duplicate_table',
				MESSAGE = format('table %s exists with other columns', rel),
				DETAIL = differences || '.',
				HINT = 'Call trainjob.attach() to use a table that an application made, or name another schema.';
		END IF;
		RETURN;
	END IF;
	SELECT string_agg(format('%I %s %s', c.column_name, c.column_type, c.definition),
					  ', ' ORDER BY c.ordinal)
		INTO items
		FROM trainjob.canonical_columns() AS c
		WHERE c.table_key = key;
	EXECUTE format('CREATE TABLE %I.%I (%s%s)%s', schema, wanted.table_name, items,
		COALESCE(', ' || format(NULLIF(wanted.constraints, ''), schema), ''),
		COALESCE(' WITH (' || NULLIF(wanted.settings, '') || ')', ''));
	EXECUTE format('COMMENT ON TABLE %I.%I IS %L', schema, wanted.table_name,
		wanted.description);
	FOR items IN
		SELECT format('COMMENT ON COLUMN %I.%I.%I IS %L', schema,
					  wanted.table_name, c.column_name, c.description)
		FROM trainjob.canonical_columns() AS c
		WHERE c.table_key = key
		UNION ALL
		SELECT format('CREATE INDEX ON %I.%I %s', schema, wanted.table_name, i.columns)
		FROM unnest(wanted.indexes) AS i (columns)
	LOOP
		EXECUTE items;
	END LOOP;
	IF key = 'jobs' THEN
		-- out of line, so that a report rewrites a narrow row
		EXECUTE format('ALTER TABLE %I.%I ALTER COLUMN config SET STORAGE EXTERNAL',
			schema, wanted.table_name);
	END IF;
END;
$$;

COMMENT ON FUNCTION trainjob.create_table(name, text) IS
'Part of create_tables: makes one table, or checks that it is there as it should be.';

CREATE FUNCTION trainjob.create_tables(schema name DEFAULT 'public')
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tables jsonb;
BEGIN
	IF to_regnamespace(quote_ident(schema)) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_schema_name',
			MESSAGE = format('schema "%s" does not exist', schema),
			HINT = format('Create it first: CREATE SCHEMA %I;', schema);
	END IF;
	PERFORM trainjob.create_table(schema, t.table_key)
		FROM trainjob.canonical_tables() AS t;
	SELECT jsonb_object_agg(t.table_key, format('%I.%I', schema, t.table_name))
		INTO tables
		FROM trainjob.canonical_tables() AS t;
	PERFORM trainjob.attach_set(tables, '{}', schema, 'job_overview');
END;
$$;

COMMENT ON FUNCTION trainjob.create_tables(name) IS
'Makes the tables of a set in a schema, with triggers and views, as ordinary objects of the caller; what is there already is left as it is.';

REVOKE EXECUTE ON FUNCTION
	trainjob.attach_set(jsonb, jsonb, name, name),
	trainjob.create_table(name, text), trainjob.create_tables(name)
FROM PUBLIC;
