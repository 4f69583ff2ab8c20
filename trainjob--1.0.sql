/* trainjob--1.0.sql */

\echo Use "CREATE EXTENSION trainjob" to load this file. \quit

-- As the control file has it; repeated for readers of this file.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA trainjob;

COMMENT ON SCHEMA trainjob IS
'Functions that keep the rows of training jobs true; the tables are yours.';

GRANT USAGE ON SCHEMA trainjob TO PUBLIC;

CREATE SCHEMA _trainjob;

COMMENT ON SCHEMA _trainjob IS
'What the functions in schema trainjob, the views, and constraints and indexes of the tables call; not to be called by anybody else.';

-- Views, constraints and indexes call them as whoever reads or writes, and
-- attach() and the like as their callers; none acts as anybody else.
GRANT USAGE ON SCHEMA _trainjob TO PUBLIC;

-- ---------------------------------------------------------------------------
-- Steps: pure functions of a configuration and of sample counts
-- ---------------------------------------------------------------------------

CREATE FUNCTION trainjob.estimate_total_steps(config jsonb,
	total_samples bigint DEFAULT NULL, train_samples bigint DEFAULT NULL,
	val_samples bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_estimate_total_steps';

COMMENT ON FUNCTION trainjob.estimate_total_steps(jsonb, bigint, bigint, bigint) IS
'How many optimizer steps a job will run, NULL when that is not known.';

CREATE FUNCTION trainjob.first_eval_step(config jsonb,
	total_samples bigint DEFAULT NULL, train_samples bigint DEFAULT NULL,
	val_samples bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_first_eval_step';

COMMENT ON FUNCTION trainjob.first_eval_step(jsonb, bigint, bigint, bigint) IS
'How many steps are done when a job first evaluates, NULL when it does not or that is not known.';

CREATE FUNCTION trainjob.explain_total_steps(config jsonb,
	total_samples bigint DEFAULT NULL, train_samples bigint DEFAULT NULL,
	val_samples bigint DEFAULT NULL,
	OUT dialect text,
	OUT sample_basis text, OUT samples bigint,
	OUT batch_size bigint, OUT batch_size_from text,
	OUT gradient_accumulation_steps bigint,
	OUT gradient_accumulation_steps_from text,
	OUT num_epochs float8, OUT num_epochs_from text,
	OUT world_size bigint, OUT world_size_from text,
	OUT drop_last boolean,
	OUT updates_per_epoch bigint, OUT total_steps bigint,
	OUT first_eval_step bigint, OUT explanation text)
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_explain_total_steps';

COMMENT ON FUNCTION trainjob.explain_total_steps(jsonb, bigint, bigint, bigint) IS
'What estimate_total_steps computes from, where each value came from, and a sentence that says so.';

CREATE FUNCTION _trainjob.eval_text(config jsonb, total_samples bigint,
	train_samples bigint, val_samples bigint, total_steps bigint)
RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_eval_text';

COMMENT ON FUNCTION _trainjob.eval_text(jsonb, bigint, bigint, bigint, bigint) IS
'What to show of a job before its first evaluation.';

CREATE FUNCTION _trainjob.config_method(config jsonb)
RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_config_method';

COMMENT ON FUNCTION _trainjob.config_method(jsonb) IS
'The training method that a configuration names, in lower case.';

CREATE FUNCTION _trainjob.job_note(config jsonb, dataset_path text,
	total_samples bigint, train_samples bigint, val_samples bigint,
	total_steps bigint, total_steps_source text DEFAULT NULL,
	expected_total_steps bigint DEFAULT NULL, total_epochs float8 DEFAULT NULL,
	current_step bigint DEFAULT NULL, current_epoch float8 DEFAULT NULL)
RETURNS text
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_job_note';

COMMENT ON FUNCTION _trainjob.job_note(jsonb, text, bigint, bigint, bigint, bigint, text, bigint, float8, bigint, float8) IS
'Why the number of steps is not known, or which value of the configuration was ignored; NULL when there is nothing to say.';

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

CREATE FUNCTION trainjob.await_dataset()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_await_dataset';

COMMENT ON FUNCTION trainjob.await_dataset() IS
'AFTER INSERT OR UPDATE FOR EACH ROW on jobs: sees to it that a job and a dataset that are written at once do not miss each other. Arguments: datasets=schema.name.';

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

CREATE FUNCTION trainjob.roll_up_restart()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_roll_up_restart';

COMMENT ON FUNCTION trainjob.roll_up_restart() IS
'AFTER UPDATE OF status FOR EACH ROW on jobs: on a restart, what the attempt reported before its restart was known. Arguments: metrics=schema.name (required).';

CREATE FUNCTION trainjob.apply_alert()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_apply_alert';

COMMENT ON FUNCTION trainjob.apply_alert() IS
'BEFORE INSERT FOR EACH ROW on alerts: does to the job what the alert says and fills the outcome. Arguments: jobs=schema.name (required).';

CREATE FUNCTION trainjob.await_job()
RETURNS trigger
LANGUAGE c
AS 'MODULE_PATHNAME', 'trainjob_await_job';

COMMENT ON FUNCTION trainjob.await_job() IS
'AFTER INSERT FOR EACH ROW on alerts: sees to it that an alert and a job that are written at once do not miss each other. Arguments: jobs=schema.name (required).';

REVOKE EXECUTE ON FUNCTION
	trainjob.fill_job(), trainjob.apply_waiting_alerts(),
	trainjob.await_dataset(), trainjob.record_status_change(),
	trainjob.fill_waiting_jobs(), trainjob.fill_metric(),
	trainjob.roll_up_metrics(), trainjob.roll_up_restart(),
	trainjob.apply_alert(), trainjob.await_job()
FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- Texts for views
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.stall_timeout()
RETURNS interval
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_stall_timeout';

COMMENT ON FUNCTION _trainjob.stall_timeout() IS
'The setting trainjob.stall_timeout: how long a running job may be silent before its health is stalled.';

CREATE FUNCTION _trainjob.number_text(value float8, digits integer)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN value = 'NaN' OR abs(value) = 'Infinity' THEN value::text
		WHEN p.places < 0 OR abs(value) >= 1e10 OR value <> 0 AND abs(value) < 0.5 * power(10, -p.places)
			THEN ltrim(to_char(value, '9.' || repeat('9', greatest(abs(p.places), 2)) || 'EEEE'))
		ELSE to_char(value, 'FM99999999990' || CASE WHEN p.places > 0 THEN '.' || repeat('0', p.places) ELSE '' END)
	END
	FROM (SELECT least(greatest(digits, -17), 17)) AS p (places);
END;

COMMENT ON FUNCTION _trainjob.number_text(float8, integer) IS
'A number with so many digits after the point; in scientific form where digits is negative or the number too small or large.';

CREATE FUNCTION _trainjob.duration_text(seconds float8)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN d.seconds < 59.5 THEN round(d.seconds) || ' s'
		WHEN d.minutes < 60 THEN d.minutes || ' min'
		WHEN d.minutes < 24 * 60 THEN format('%s h %s min', d.minutes / 60, d.minutes % 60)
		ELSE format('%s d %s h', d.minutes / (24 * 60), d.minutes / 60 % 24)
	END
	FROM (
		SELECT v.seconds, round(v.seconds / 60)::bigint AS minutes
		FROM (SELECT CASE WHEN duration_text.seconds BETWEEN 0 AND 1e15 THEN duration_text.seconds END) AS v (seconds)) AS d
	WHERE d.seconds IS NOT NULL;
END;

COMMENT ON FUNCTION _trainjob.duration_text(float8) IS
'A duration as a person reads it: 45 s, 12 min, 3 h 20 min, 2 d 4 h.';

CREATE FUNCTION _trainjob.metric_verdict(metric text, rows bigint,
	rows_with_value bigint, first_step bigint, first_not_finite_step bigint,
	newest_value float8, ended boolean, first_eval_step bigint, last_step bigint)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN first_not_finite_step IS NOT NULL
			THEN newest_value || ' since step ' || first_not_finite_step
		WHEN rows_with_value > 0
			THEN 'reported since step ' || first_step
		WHEN first_eval_step > COALESCE(last_step, 0) AND NOT ended
			THEN 'not due before step ' || first_eval_step
		WHEN rows = 0 AND NOT ended
			THEN 'no rows yet'
		WHEN rows = 1
			THEN 'never reported by the trainer in 1 row'
		ELSE 'never reported by the trainer in ' || rows || ' rows'
	END;
END;

COMMENT ON FUNCTION _trainjob.metric_verdict(text, bigint, bigint, bigint, bigint, float8, boolean, bigint, bigint) IS
'Whether a metric is really missing, in words.';

-- ---------------------------------------------------------------------------
-- What a column's type can hold, and what a status or config says
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.type_holds(found regtype, canonical regtype)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_type_holds';

COMMENT ON FUNCTION _trainjob.type_holds(regtype, regtype) IS
'Whether a column of one type can stand for trainjob''s own column of another.';

CREATE FUNCTION _trainjob.base_type(type regtype)
RETURNS regtype
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_base_type';

COMMENT ON FUNCTION _trainjob.base_type(regtype) IS
'The type that a domain is made of, through domains of domains; any other type is itself.';

-- not by a cast, which the type's owner may have made: it would run as the caller
CREATE FUNCTION _trainjob.output_text(value anyelement)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_output_text';

COMMENT ON FUNCTION _trainjob.output_text(anyelement) IS
'A value as its type writes it, whatever casts there are.';

CREATE FUNCTION _trainjob.input_value(value text, type anyelement)
RETURNS anyelement
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_input_value';

COMMENT ON FUNCTION _trainjob.input_value(text, anyelement) IS
'A value as its type reads it, whatever casts there are; of the second argument only the type counts.';

CREATE FUNCTION _trainjob.has_ended(status text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_status_has_ended';

COMMENT ON FUNCTION _trainjob.has_ended(text) IS
'Whether a status, by whatever word, is one of a job that has ended: completed, failed or cancelled.';

CREATE FUNCTION _trainjob.job_status(word text, own text[] DEFAULT '{}')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_job_status';

COMMENT ON FUNCTION _trainjob.job_status(text, text[]) IS
'Trainjob''s word for a status that an application calls otherwise, the word itself where it means none. own: words of a set, each as status=word.';

CREATE FUNCTION _trainjob.alert_type(word text, own text[] DEFAULT '{}')
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_alert_type';

COMMENT ON FUNCTION _trainjob.alert_type(text, text[]) IS
'Trainjob''s word for the type of an alert that an application calls otherwise, see job_status().';

CREATE FUNCTION _trainjob.known_word(column_key text, word text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_known_word';

COMMENT ON FUNCTION _trainjob.known_word(text, text) IS
'Trainjob''s word for a status (jobs.status) or the type of an alert (alerts.type); NULL where it means none.';

CREATE FUNCTION _trainjob.is_plain_word(column_key text, word text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_is_plain_word';

COMMENT ON FUNCTION _trainjob.is_plain_word(text, text) IS
'Whether a word that is known means just what trainjob''s does, so that it can be written for it: "cancelling" is read as running, and never written.';

CREATE FUNCTION _trainjob.check_job_status(status text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_check_job_status';

COMMENT ON FUNCTION _trainjob.check_job_status(text) IS
'True, or an error that lists the statuses that a job can have. For a CHECK: a list of values would be parsed anew by every update.';

CREATE FUNCTION _trainjob.check_alert_type(type text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_check_alert_type';

COMMENT ON FUNCTION _trainjob.check_alert_type(text) IS
'True, or an error that lists the types that an alert can have. For a CHECK.';

CREATE FUNCTION _trainjob.is_total_steps_source(source text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_is_total_steps_source';

COMMENT ON FUNCTION _trainjob.is_total_steps_source(text) IS
'Whether total_steps can come from this source: given, estimated, reported, observed or, where there is none any more, disproved.';

CREATE FUNCTION _trainjob.is_alert_outcome(outcome text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_is_alert_outcome';

COMMENT ON FUNCTION _trainjob.is_alert_outcome(text) IS
'Whether an alert can have this outcome: applied, unchanged, late, refused, noted or waiting.';

CREATE FUNCTION _trainjob.readable_jsonb(value json)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'trainjob_readable_jsonb';

COMMENT ON FUNCTION _trainjob.readable_jsonb(json) IS
'A json value as jsonb; NULL where jsonb cannot hold it.';

CREATE FUNCTION _trainjob.readable_jsonb(value text)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'trainjob_readable_jsonb';

COMMENT ON FUNCTION _trainjob.readable_jsonb(text) IS
'A text with json as jsonb; NULL where it is no json, or jsonb cannot hold it.';

CREATE FUNCTION _trainjob.readable_float8(value numeric)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_readable_float8';

COMMENT ON FUNCTION _trainjob.readable_float8(numeric) IS
'A numeric value as float8; infinite where float8 cannot hold it, 0 where it is too small.';

CREATE FUNCTION _trainjob.utc_time(value timestamp)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	-- at the ends of what there is, local time leads beyond it, which is an error
	SELECT CASE
		WHEN value BETWEEN '4712-01-01 BC' AND '294275-01-01' OR NOT isfinite(value)
			THEN value AT TIME ZONE 'UTC'
	END;
END;

COMMENT ON FUNCTION _trainjob.utc_time(timestamp) IS
'A time without time zone as the point in time that it is in UTC; NULL for one that no time zone can show.';

CREATE FUNCTION _trainjob.config_samples(config jsonb)
RETURNS bigint
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_config_samples';

COMMENT ON FUNCTION _trainjob.config_samples(jsonb) IS
'The number of samples that a configuration states, for a job whose dataset is not known; NULL where it states none.';

-- ---------------------------------------------------------------------------
-- Writing with a job's token
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.token_digest(token text)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_token_digest';

COMMENT ON FUNCTION _trainjob.token_digest(text) IS
'The SHA-256 of a job''s token, by which it is indexed.';

CREATE FUNCTION trainjob.report_metrics(job_token text, metrics jsonb,
	jobs regclass DEFAULT NULL)
RETURNS bigint
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'trainjob_report_metrics';

COMMENT ON FUNCTION trainjob.report_metrics(text, jsonb, regclass) IS
'Writes a metric point, or an array of them, for the job of the token: keys that are columns of trainjob, or that argument token_columns of attach names, go there, all others into extra. Returns the number of rows.';

CREATE FUNCTION trainjob.report_alert(job_token text, type text,
	details jsonb DEFAULT NULL, jobs regclass DEFAULT NULL)
RETURNS text
LANGUAGE c VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE
SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'trainjob_report_alert';

COMMENT ON FUNCTION trainjob.report_alert(text, text, jsonb, regclass) IS
'Writes an alert for the job of the token: error_message, error_type, current_step, total_steps, loss and occurred_at of the details go to columns, and what argument token_columns of attach names, all else into payload. Returns the outcome, NULL where a trigger left the alert out.';

-- ---------------------------------------------------------------------------
-- Curves
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.extra_number(extra jsonb, key text)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_extra_number';

COMMENT ON FUNCTION _trainjob.extra_number(jsonb, text) IS
'The number that a report has under a key of its own, NaN and Infinity as texts too; NULL for what is no number.';

CREATE FUNCTION _trainjob.lttb_transition(internal, float8, float8, int)
RETURNS internal
AS 'MODULE_PATHNAME', 'trainjob_lttb_transition'
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION _trainjob.lttb_transition(internal, float8, float8, int) IS
'Part of the aggregate trainjob.lttb: takes a point into the curve.';

CREATE FUNCTION _trainjob.lttb_final(internal)
RETURNS point[]
AS 'MODULE_PATHNAME', 'trainjob_lttb_final'
LANGUAGE c IMMUTABLE CALLED ON NULL INPUT PARALLEL SAFE;

COMMENT ON FUNCTION _trainjob.lttb_final(internal) IS
'Part of the aggregate trainjob.lttb: thins the curve.';

CREATE AGGREGATE trainjob.lttb(x float8, y float8, max_points int) (
	SFUNC = _trainjob.lttb_transition,
	STYPE = internal,
	SSPACE = 16384,
	FINALFUNC = _trainjob.lttb_final,
	FINALFUNC_MODIFY = READ_WRITE,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE trainjob.lttb(float8, float8, int) IS
'Thins a curve to at most max_points of its own points, in order of x, so that it looks the same (Largest-Triangle-Three-Buckets): first and last point and peaks stay, and where y is NaN or infinite, a point says so. NULL for max_points keeps all.';

CREATE FUNCTION trainjob.sparkline(y float8[], width int)
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	count CONSTANT bigint := cardinality(y);
BEGIN
	IF width < 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'invalid value for argument "width"',
			DETAIL = format('The value must be at least 1, not %s.', width);
	END IF;
	-- in numeric, whose sums and differences always are numbers
	RETURN (
		WITH shown AS (
			SELECT (e.n * least(width, count) - 1) / count AS place,
				   COALESCE(bool_or(e.value = 'Infinity'), false) AS high,
				   COALESCE(bool_or(e.value = '-Infinity'), false) AS low,
				   avg(e.value::numeric) FILTER (WHERE abs(e.value) < 'Infinity') AS mean
			FROM unnest(y) WITH ORDINALITY AS e (value, n)
			GROUP BY 1
		), finite AS (
			SELECT min(s.mean) AS least, max(s.mean) AS most
			FROM shown AS s
			WHERE NOT (s.high OR s.low)
		), drawn AS (
			SELECT s.place, CASE
				WHEN s.high AND s.low OR s.mean IS NULL AND NOT (s.high OR s.low) THEN NULL
				WHEN s.high THEN 8
				WHEN s.low THEN 1
				WHEN f.least = f.most THEN 4 -- neither low nor high
				ELSE least(width_bucket(s.mean, f.least, f.most, 8), 8) END AS level
			FROM shown AS s, finite AS f
		)
		SELECT COALESCE(string_agg(CASE
			WHEN d.level IS NULL THEN ' '
			-- the eight blocks follow each other in Unicode
			WHEN getdatabaseencoding() = 'UTF8' THEN chr(9600 + d.level)
			ELSE substr('_.-=+*#@', d.level, 1) END, '' ORDER BY d.place), '')
		FROM drawn AS d);
END;
$$;

COMMENT ON FUNCTION trainjob.sparkline(float8[], int) IS
'Draws a curve in one line of text of at most width characters, of which each shows the mean of its share of the elements.';

CREATE FUNCTION trainjob.sparkline(y float8[])
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT trainjob.sparkline(y, greatest(cardinality(y), 1));
END;

COMMENT ON FUNCTION trainjob.sparkline(float8[]) IS
'Draws a curve in one line of text, a character per element, from the lowest to the highest of eight levels; a space where an element is NULL or NaN.';

-- ---------------------------------------------------------------------------
-- Sets of tables
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.perplexity(loss float8)
RETURNS float8
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_perplexity';

COMMENT ON FUNCTION _trainjob.perplexity(float8) IS
'exp(loss), Infinity where that is too large, NULL of NaN.';

CREATE FUNCTION _trainjob.canonical_columns(OUT table_key text, OUT ordinal integer,
	OUT column_name name, OUT column_type text, OUT definition text,
	OUT description text, OUT essential boolean, OUT goes_up boolean,
	OUT not_in_summary boolean, OUT is_key boolean, OUT by_triggers boolean)
RETURNS SETOF record
LANGUAGE c IMMUTABLE PARALLEL SAFE ROWS 90
AS 'MODULE_PATHNAME', 'trainjob_canonical_columns';

COMMENT ON FUNCTION _trainjob.canonical_columns() IS
'Every column of a set of tables, by the name and type that trainjob''s own tables give it. goes_up: its job shows its newest value; not_in_summary: that of the row that a trainer writes at its end only where there is no other; is_key: of the type of what it refers to; by_triggers: triggers write it.';

CREATE FUNCTION _trainjob.canonical_tables()
RETURNS TABLE (table_key text, table_name name, constraints text[], settings text,
	indexes text[], description text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column1, c.column2::name, c.column3, c.column4, c.column5, c.column6
	FROM (VALUES
	('datasets', 'training_datasets',
	 ARRAY['UNIQUE NULLS NOT DISTINCT (storage_path, user_id)'], '', '{}'::text[],
	 'Datasets that jobs train on, with their sample counts.'),
	('jobs', 'local_training_jobs',
	 -- printed with two pairs of parentheses, as schema tools expect of a CHECK
	 ARRAY['CHECK (_trainjob.check_job_status(status) IS NOT FALSE)',
	       'CHECK (_trainjob.is_total_steps_source(total_steps_source) IS NOT FALSE)'],
	 'fillfactor = 70, toast_tuple_target = 128',
	 ARRAY['(user_id, created_at)',
	       '(dataset_path) WHERE total_samples IS NULL OR train_samples IS NULL OR val_samples IS NULL',
	       '(_trainjob.token_digest(job_token)) WHERE job_token IS NOT NULL'],
	 'Training jobs; trainjob''s triggers keep each row true.'),
	('metrics', 'local_training_metrics',
	 -- no CHECK (step >= 0), which each statement would parse: fill_metric sees to it
	 ARRAY['PRIMARY KEY (job_id, step, id)',
	       'FOREIGN KEY (job_id) REFERENCES %s.local_training_jobs (id) ON DELETE CASCADE'],
	 '', '{}',
	 'Reports of the trainers, one row each; a step may have several.'),
	('alerts', 'alert_event', ARRAY['CHECK (_trainjob.check_alert_type(type) IS NOT FALSE)',
	       'CHECK (_trainjob.is_alert_outcome(outcome) IS NOT FALSE)'], '', ARRAY['(job_id, occurred_at, id)'],
	 'What happened to jobs: a row changes its job and says what it did.'),
	('status_changes', 'job_status_change', '{}', '', ARRAY['(job_id, id)'],
	 'Every change of a job''s status, whoever made it.')
	) AS c;
END;

COMMENT ON FUNCTION _trainjob.canonical_tables() IS
'The tables of a set as create_tables makes them.';

CREATE FUNCTION _trainjob.set_triggers()
RETURNS TABLE (table_key text, trigger_name name, event text, scope text,
	function regprocedure)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column1, c.column2::name, c.column3, c.column4, c.column5::regprocedure
	FROM (VALUES
	('jobs', 'trainjob_fill_job', 'BEFORE INSERT OR UPDATE',
	 'FOR EACH ROW', 'trainjob.fill_job()'),
	('jobs', 'trainjob_apply_waiting_alerts', 'AFTER INSERT',
	 'FOR EACH ROW', 'trainjob.apply_waiting_alerts()'),
	-- its work is part of the row's, and done before anybody hears of it
	('jobs', 'trainjob_await_dataset', 'AFTER INSERT OR UPDATE',
	 'FOR EACH ROW', 'trainjob.await_dataset()'),
	('jobs', 'trainjob_record_status_change', 'AFTER UPDATE',
	 'FOR EACH ROW', 'trainjob.record_status_change()'),
	-- a restart names status; an ordinary report does not, and passes this by
	('jobs', 'trainjob_roll_up_restart', 'AFTER UPDATE OF %status%',
	 'FOR EACH ROW', 'trainjob.roll_up_restart()'),
	('datasets', 'trainjob_fill_waiting_jobs', 'AFTER INSERT OR UPDATE',
	 'FOR EACH ROW', 'trainjob.fill_waiting_jobs()'),
	('metrics', 'trainjob_fill_metric', 'BEFORE INSERT OR UPDATE',
	 'FOR EACH ROW', 'trainjob.fill_metric()'),
	('metrics', 'trainjob_roll_up_insert', 'AFTER INSERT',
	 'REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT', 'trainjob.roll_up_metrics()'),
	('metrics', 'trainjob_roll_up_update', 'AFTER UPDATE',
	 'REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT', 'trainjob.roll_up_metrics()'),
	('alerts', 'trainjob_apply_alert', 'BEFORE INSERT',
	 'FOR EACH ROW', 'trainjob.apply_alert()'),
	('alerts', 'trainjob_await_job', 'AFTER INSERT',
	 'FOR EACH ROW', 'trainjob.await_job()')
	) AS c;
END;

COMMENT ON FUNCTION _trainjob.set_triggers() IS
'The triggers that the tables of a set get: the one place that knows.';

CREATE FUNCTION _trainjob.qualified_name(rel regclass)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('%I.%I', n.nspname, c.relname)
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
	WHERE c.oid = rel;
END;

COMMENT ON FUNCTION _trainjob.qualified_name(regclass) IS
'The name of a table with its schema, quoted, whatever the search_path.';

CREATE FUNCTION _trainjob.find_columns(key text, rel regclass, columns jsonb)
RETURNS TABLE (column_name name, column_type text, actual_name name,
	actual_type regtype, essential boolean, unwanted boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column_name, c.column_type, a.attname,
		   _trainjob.base_type(a.atttypid::regtype), c.essential, w.unwanted
	FROM _trainjob.canonical_columns() AS c
	-- NULL, in a trigger's argument empty: no column stands for it
	CROSS JOIN LATERAL (
		SELECT COALESCE(columns -> (key || '.' || c.column_name),
						columns -> c.column_name::text, '0') IN ('null', '""') AS unwanted) AS w
	LEFT JOIN LATERAL (
		SELECT a.attname, a.atttypid
		FROM pg_catalog.pg_attribute AS a
		WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
		  AND a.attname IN (columns ->> (key || '.' || c.column_name),
							columns ->> c.column_name::text, c.column_name)
		  AND NOT w.unwanted
		ORDER BY a.attname = columns ->> (key || '.' || c.column_name) DESC NULLS LAST,
				 a.attname = columns ->> c.column_name::text DESC NULLS LAST
		LIMIT 1) AS a ON true
	WHERE c.table_key = key
	ORDER BY c.ordinal;
END;

COMMENT ON FUNCTION _trainjob.find_columns(text, regclass, jsonb) IS
'The canonical columns of a table of a set, and the columns that stand for them, with their base types; NULL where none does. unwanted: argument "columns" says that none does.';

CREATE FUNCTION _trainjob.column_filler(rel regclass, table_key text,
	column_name name, actual_name name)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_column_filler';

COMMENT ON FUNCTION _trainjob.column_filler(regclass, text, name, name) IS
'What stands for NULL in a column that is NOT NULL and stands for a canonical one: its default if that is a constant, else 0 or nothing. NULL where the column can be NULL, or must have a value.';

CREATE FUNCTION _trainjob.required_value(rel regclass, column_name name)
RETURNS text
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_required_value';

COMMENT ON FUNCTION _trainjob.required_value(regclass, name) IS
'What a column that must have a value gets in a row that a function of trainjob inserts, as SQL; NULL where it needs none, or nobody can know.';

CREATE FUNCTION _trainjob.own_words(column_key text, columns jsonb)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT COALESCE(array_agg(w.ours || '=' || w.word ORDER BY w.key COLLATE "C"), '{}')
	FROM (
		SELECT c.key, split_part(substr(c.key, length(column_key) + 2), '.', 1) AS ours, c.value AS word
		FROM jsonb_each_text(columns) AS c
		WHERE starts_with(c.key, column_key || ':')) AS w
	WHERE w.word <> ''
	  -- but for those that are known anyway
	  AND w.ours IS DISTINCT FROM _trainjob.known_word(column_key, w.word);
END;

COMMENT ON FUNCTION _trainjob.own_words(text, jsonb) IS
'The words that a set has for statuses (column jobs.status) or types of alerts (alerts.type) and that nobody knows otherwise: the second argument of job_status() and alert_type().';

CREATE FUNCTION _trainjob.canonical_value(key text, column_name name,
	column_type text, actual_name name, actual_type regtype, filler text,
	columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN v.words IS NOT NULL THEN
			format('_trainjob.%s(_trainjob.output_text(%I)%s)', v.words, actual_name,
				   (SELECT CASE WHEN o.own <> '{}' THEN format(', %L::text[]', o.own) ELSE '' END
					FROM (SELECT _trainjob.own_words(key || '.' || column_name, columns)) AS o (own)))
		WHEN column_type = 'jsonb' AND actual_type = 'json'::regtype
			THEN format('_trainjob.readable_jsonb(%s)', v.value)
		WHEN column_type = 'jsonb' AND actual_type <> 'jsonb'::regtype
			THEN format('_trainjob.readable_jsonb(%s::text)', v.value)
		WHEN column_type = 'float8' AND actual_type = 'numeric'::regtype
			THEN format('_trainjob.readable_float8(%s)', v.value)
		WHEN column_type = 'float8' AND actual_type <> column_type::regtype
			THEN format('%s::%s', v.value, column_type)
		WHEN column_type = 'bigint'
			 AND actual_type IN ('numeric'::regtype, 'real'::regtype, 'double precision'::regtype)
			-- as triggers read it: what no bigint holds is no number
			THEN format('CASE WHEN abs(%1$s) < 9.2233720368547e18 THEN %1$s::bigint END', v.value)
		WHEN column_type = 'timestamptz' AND actual_type = 'timestamp'::regtype
			THEN format('_trainjob.utc_time(%s)', v.value)
		WHEN column_name IN ('dataset_path', 'storage_path')
			 AND NOT _trainjob.type_holds(actual_type, 'text')
			THEN format('_trainjob.output_text(%s)', v.value)
		ELSE v.value
	END
	FROM (
		SELECT CASE WHEN filler IS NULL THEN quote_ident(actual_name)
					ELSE format('NULLIF(%I, %L::%s)', actual_name, filler, actual_type) END AS value,
			   CASE
				WHEN (key, column_name) = ('alerts', 'type') THEN 'alert_type'
				WHEN (key, column_name) = ('jobs', 'status') OR column_name IN ('status_before', 'status_after')
					THEN 'job_status'
			   END AS words) AS v;
END;

COMMENT ON FUNCTION _trainjob.canonical_value(text, name, text, name, regtype, text, jsonb) IS
'Part of select_list: what a column says, with the type that trainjob''s own has: a status by trainjob''s word for it, NULL for what stands for NULL, a time without time zone in UTC.';

CREATE FUNCTION _trainjob.set_columns(tables jsonb, columns jsonb)
RETURNS TABLE (table_key text, table_name text, ordinal bigint, column_name name,
	column_type text, actual_name name, actual_type regtype, essential boolean,
	unwanted boolean)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT t.key, t.value, f.ordinality, f.column_name, f.column_type, f.actual_name,
		   f.actual_type, f.essential, f.unwanted
	FROM jsonb_each_text(tables) AS t
	CROSS JOIN LATERAL _trainjob.find_columns(t.key, t.value::regclass, columns)
		WITH ORDINALITY AS f;
END;

COMMENT ON FUNCTION _trainjob.set_columns(jsonb, jsonb) IS
'The columns of all tables of a set, as _trainjob.find_columns() has them.';

CREATE FUNCTION _trainjob.required_columns(key text, rel regclass, columns jsonb)
RETURNS TABLE (column_name name, attnum smallint, value text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.attname, a.attnum, _trainjob.required_value(rel, a.attname)
	FROM pg_catalog.pg_attribute AS a
	WHERE a.attrelid = rel AND a.attnum > 0 AND NOT a.attisdropped
	  AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AND a.attgenerated = ''
	  -- what reports and alerts have, or triggers fill
	  AND NOT EXISTS (
		SELECT FROM _trainjob.find_columns(key, rel, columns) AS f
		WHERE f.actual_name = a.attname AND f.column_name NOT IN ('id', 'user_id', 'received_at'));
END;

COMMENT ON FUNCTION _trainjob.required_columns(text, regclass, jsonb) IS
'The columns of a table of a set that must have a value and that neither a report or an alert nor a trigger gives one, with what a function of trainjob would write there; NULL: it cannot know.';

CREATE FUNCTION _trainjob.job_column(column_name name, tables jsonb, columns jsonb)
RETURNS name
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT f.actual_name
	FROM _trainjob.find_columns('jobs', (tables ->> 'jobs')::regclass, columns) AS f
	WHERE f.column_name = job_column.column_name;
END;

COMMENT ON FUNCTION _trainjob.job_column(name, jsonb, jsonb) IS
'The column of a set''s jobs table that stands for a canonical one; NULL where none does.';

CREATE FUNCTION _trainjob.column_type(key text, column_name name,
	column_type text, tables jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT COALESCE((
		SELECT f.actual_type::text
		FROM _trainjob.find_columns('jobs', (tables ->> 'jobs')::regclass, columns) AS f
		WHERE key <> 'jobs'
		  AND (column_type.column_name, f.column_name) IN (('job_id', 'id'), ('user_id', 'user_id'))),
		column_type);
END;

COMMENT ON FUNCTION _trainjob.column_type(text, name, text, jsonb, jsonb) IS
'The type of a canonical column in a set: what refers to a job or its user has the type that this has there.';

CREATE FUNCTION _trainjob.select_list(key text, rel regclass, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(
		CASE WHEN f.actual_name IS NULL THEN format('NULL::%s AS %I', f.column_type, f.column_name)
			 ELSE _trainjob.canonical_value(key, f.column_name, f.column_type, f.actual_name, f.actual_type,
					_trainjob.column_filler(rel, key, f.column_name, f.actual_name), columns)
				  || format(' AS %I', f.column_name) END, ', ')
	FROM _trainjob.find_columns(key, rel, columns) AS f
	-- a reader of a view needs the right to read each column that it names
	WHERE f.column_name <> 'job_token';
END;

COMMENT ON FUNCTION _trainjob.select_list(text, regclass, jsonb) IS
'The SELECT list that gives a table of a set its canonical columns, the token left out.';

CREATE FUNCTION _trainjob.source(key text, tables jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN tables ->> key IS NOT NULL THEN
			format('(SELECT %s FROM %s)',
				   _trainjob.select_list(key, (tables ->> key)::regclass, columns),
				   tables ->> key)
		ELSE
			-- a set without the table: no rows, with columns that compare
			(SELECT format('(SELECT %s WHERE false)',
				string_agg(format('NULL::%s AS %I',
					_trainjob.column_type(key, c.column_name, c.column_type, tables, columns),
					c.column_name), ', ' ORDER BY c.ordinal))
			 FROM _trainjob.canonical_columns() AS c
			 WHERE c.table_key = key)
	END;
END;

COMMENT ON FUNCTION _trainjob.source(text, jsonb, jsonb) IS
'A table of a set with its canonical columns, to stand in FROM; without rows where the set has no such table.';

CREATE FUNCTION _trainjob.text_for_null(column_name name, expression text,
	tables jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE
		WHEN _trainjob.job_column(column_name, tables, columns) IS NULL THEN '''Unknown'''
		ELSE expression
	END;
END;

COMMENT ON FUNCTION _trainjob.text_for_null(name, text, jsonb, jsonb) IS
'Part of overview_query: what to show where a column of the job is NULL.';

CREATE FUNCTION _trainjob.with_known_times(query text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- A column of times holds many that are none, of which a subtraction makes
	-- an error, as does the conversion of a timestamp to a timestamptz.
	SELECT regexp_replace(query, '{(\w+[.]\w+)}',
		'CASE WHEN \1 BETWEEN ''0001-01-01 00:00Z'' AND ''9999-12-31 00:00Z'' THEN \1 END', 'g');
END;

COMMENT ON FUNCTION _trainjob.with_known_times(text) IS
'Part of the queries of views and of operating: puts for each {t.column} the point in time that it holds, NULL where that is infinite or of no year from 1 to 9999.';

CREATE FUNCTION _trainjob.past_time(column_name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- a row may be newer than the statement that reads it
	SELECT format('CASE WHEN %1$s BETWEEN ''0001-01-01 00:00Z'' AND statement_timestamp() + ''1 min'' THEN %1$s END',
				  column_name);
END;

COMMENT ON FUNCTION _trainjob.past_time(text) IS
'Part of sign_of_life: a column as the point in time that it holds, NULL where that lies in the future or is none.';

CREATE FUNCTION _trainjob.sign_of_life()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- What a trainer says of the time counts only where nobody wrote down when
	-- it said so.  A change of status is known by the server's clock, too.
	SELECT format('CASE WHEN {j.last_seen_at} IS NULL THEN COALESCE(GREATEST(%1$s, %2$s, %3$s, %4$s), {j.created_at}) '
				  'ELSE GREATEST({j.last_seen_at}, %1$s, %2$s) END',
				  _trainjob.past_time('j.status_changed_at'), _trainjob.past_time('j.restarted_at'),
				  _trainjob.past_time('j.started_at'), _trainjob.past_time('j.last_metric_at'));
END;

COMMENT ON FUNCTION _trainjob.sign_of_life() IS
'Part of overview_query and fail_stalled: when a job j was last heard of.';

CREATE FUNCTION _trainjob.change_by_trainer()
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- How far a clock is off shows in the newest report: it comes before it was
	-- made, or was made before the job ran.  (So many years are no clock's, and
	-- could not be subtracted.)
	SELECT $$CASE
				WHEN ({j.last_metric_at} > {j.last_seen_at}
					  OR ({j.last_metric_at} < {j.status_changed_at} AND {j.status_changed_at} < {j.last_seen_at}))
					 AND {j.last_seen_at} - {j.last_metric_at} BETWEEN '-1000 years' AND '1000 years'
					THEN {j.status_changed_at} - ({j.last_seen_at} - {j.last_metric_at})
				ELSE {j.status_changed_at}
			END$$;
END;

COMMENT ON FUNCTION _trainjob.change_by_trainer() IS
'Part of overview_query: when the status of a job j changed, by the clock that its reports have.';

CREATE FUNCTION _trainjob.overview_query(tables jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT format(_trainjob.with_known_times($view$
SELECT
	j.id, j.user_id, j.model_name,
	_trainjob.config_method(j.config) AS method,
	j.status,
	CASE
		WHEN j.ended THEN 'ended'
		WHEN j.status IS NOT NULL AND _trainjob.known_word('jobs.status', j.status) IS NULL THEN 'unknown'
		WHEN NOT j.running THEN 'waiting'
		WHEN (j.loss = 'NaN' OR abs(j.loss) = 'Infinity')
			 AND (j.restarted_at IS NULL OR j.last_metric_at >= j.restarted_at)
			THEN 'diverged'
		WHEN statement_timestamp() - %10$s > _trainjob.stall_timeout() THEN 'stalled'
		ELSE 'active'
	END AS health,
	j.progress, j.current_step, j.total_steps, j.expected_total_steps,
	j.total_steps_source, j.current_epoch, j.total_epochs,
	j.total_samples, j.train_samples, j.val_samples,
	j.loss, j.eval_loss, j.perplexity, j.learning_rate, j.grad_norm,
	j.best_eval_loss, j.best_step, j.samples_per_second, j.tokens_per_second,
	j.started_at, j.ended_at, j.last_metric_at,
	CASE WHEN j.until >= j.began THEN
		extract(epoch FROM j.until - j.began)::float8
	END AS elapsed_seconds,
	p.eta_seconds, p.eta_confidence,
	a.type AS last_alert_type, a.occurred_at AS last_alert_at,
	j.error, j.error_type,
	COALESCE(CASE
			WHEN f.unfilled IS NOT NULL THEN 'not filled yet: call trainjob.refill_jobs()'
			WHEN _trainjob.known_word('jobs.status', j.status) IS NULL
				THEN 'status "' || j.status || '" means none of trainjob''s'
			-- it was heard of, and not by what reports said of its restart
			WHEN {j.last_metric_at} < {j.restarted_at} AND NOT j.ended
				 AND {j.last_seen_at} > GREATEST({j.restarted_at}, {j.status_changed_at}) + '10 s'
				THEN 'reports since the restart have times before it: the clock of their writer is behind'
		END, %8$s_trainjob.job_note(j.config, j.dataset_path, j.total_samples,
		j.train_samples, j.val_samples, j.total_steps,
		_trainjob.output_text(j.total_steps_source), j.expected_total_steps,
		j.total_epochs, j.current_step, j.current_epoch)) AS note,
	CASE
		WHEN j.total_samples = 1 THEN '1 sample'
		WHEN j.total_samples >= 0 THEN j.total_samples || ' samples'
		ELSE 'Unknown'
	END AS dataset_size_text,
	CASE
		WHEN j.total_steps = 1 THEN '1 step'
		WHEN j.total_steps > 1 THEN j.total_steps || ' steps'
		ELSE 'Unknown'
	END AS total_steps_text,
	-- the whole hundred is for what is done
	CASE
		WHEN j.progress < 100 THEN LEAST(round(j.progress::numeric), 99) || '%%'
		ELSE COALESCE(round(j.progress::numeric) || '%%', 'Unknown')
	END AS progress_text,
	CASE
		WHEN j.eval_loss IS NOT NULL THEN _trainjob.number_text(j.eval_loss, 4)
		WHEN j.ended THEN %7$s
		%9$s
		ELSE COALESCE(f.unfilled, _trainjob.eval_text(j.config, j.total_samples, j.train_samples,
													  j.val_samples, j.total_steps))
	END AS eval_loss_text,
	COALESCE(_trainjob.number_text(j.perplexity, 2), %4$s) AS perplexity_text,
	COALESCE(_trainjob.number_text(j.learning_rate, -2), %5$s) AS learning_rate_text,
	COALESCE(_trainjob.number_text(j.loss, 4), %6$s) AS loss_text,
	_trainjob.duration_text(p.eta_seconds) AS eta_text,
	j.created_at
FROM (
	-- not beside the jobs: Citus takes no now() in a subquery without a table
	SELECT
		j.*,
		COALESCE(j.status IN ('completed', 'failed', 'cancelled'), false) AS ended,
		COALESCE(j.status = 'running', false) AS running,
		CASE WHEN j.restarted_at IS NULL THEN {j.started_at} ELSE {j.restarted_at} END AS began,
		CASE j.status
			WHEN 'completed' THEN {j.completed_at}
			WHEN 'failed' THEN {j.failed_at}
			WHEN 'cancelled' THEN {j.cancelled_at}
		END AS ended_at,
		-- an end of which nobody knows when it was has no length
		CASE j.status
			WHEN 'completed' THEN {j.completed_at}
			WHEN 'failed' THEN {j.failed_at}
			WHEN 'cancelled' THEN {j.cancelled_at}
			ELSE now()
		END AS until,
		-- none of a total that the step itself went beyond; in float8, which
		-- holds the difference of any two steps
		CASE WHEN j.current_step < j.total_steps
			   OR j.current_step = j.total_steps AND _trainjob.output_text(j.total_steps_source) IS DISTINCT FROM 'observed'
			THEN j.total_steps::float8 - j.current_step
		END AS remaining_steps,
		CASE
			WHEN COALESCE(j.last_metric_at::text, j.current_step::text) IS NULL
				 AND j.status IN ('completed', 'failed', 'cancelled') IS NOT TRUE
				THEN 'Awaiting first metrics'
			ELSE 'Not reported by the trainer'
		END AS absent
	FROM %1$s AS j) AS j
LEFT JOIN LATERAL (
	-- reports of a job that says nothing of them came before the triggers
	SELECT max(r.text) AS unfilled
	FROM (
		SELECT 'Not filled yet: call refill_jobs' AS text
		FROM %2$s AS m
		WHERE m.job_id = j.id AND j.current_step IS NULL AND j.last_metric_at IS NULL
		  AND (j.restarted_at IS NULL OR m.recorded_at >= j.restarted_at)%11$s
		LIMIT 1) AS r) AS f ON true
LEFT JOIN LATERAL (
	SELECT
		CASE WHEN j.status = 'running' THEN
			j.remaining_steps
			* CASE
				WHEN count(*) >= 5 THEN
					NULLIF(GREATEST(sum(i.pace * i.weight)
									/ sum(i.weight) FILTER (WHERE i.pace IS NOT NULL), 0), 0)
				WHEN count(*) >= 2 THEN
					NULLIF(GREATEST(
						CASE
							-- no clock of the trainer's that is ahead
							WHEN j.restarted_at IS NULL AND max(i.step) > 0
								 AND j.began < min(i.recorded_at) AND max(i.recorded_at) <= now()
								THEN extract(epoch FROM max(i.recorded_at) - j.began)::float8
									 / max(i.step)
							ELSE extract(epoch FROM max(i.recorded_at) - min(i.recorded_at))::float8
								 / NULLIF(max(i.step)::float8 - min(i.step), 0)
						END, 0), 0)
			  END
		END AS eta_seconds,
		CASE
			WHEN j.status <> 'running' THEN NULL
			WHEN count(*) < 5 THEN 'insufficient_data'
			WHEN j.remaining_steps IS NULL THEN NULL
			WHEN stddev_pop(i.pace) / NULLIF(abs(avg(i.pace)), 0) < 0.15 THEN 'high'
			WHEN stddev_pop(i.pace) / NULLIF(abs(avg(i.pace)), 0) < 0.35 THEN 'medium'
			ELSE 'low'
		END AS eta_confidence
	FROM (
		SELECT
			t.step, t.recorded_at,
			row_number() OVER w - 1 AS weight,
			extract(epoch FROM t.recorded_at - lag(t.recorded_at) OVER w)::float8
				/ NULLIF(t.step::float8 - lag(t.step) OVER w, 0) AS pace
		FROM (
			SELECT m.job_id, m.step, min({m.recorded_at}) AS recorded_at
			FROM %2$s AS m
			WHERE m.job_id = j.id AND j.status = 'running'
			  AND m.step <= j.current_step
			  AND m.recorded_at >= COALESCE(GREATEST(%12$s, {j.restarted_at}), '-infinity')
			GROUP BY m.job_id, m.step
			ORDER BY m.step DESC
			LIMIT 20) AS t
		-- it is one job; Citus asks to be told
		WINDOW w AS (PARTITION BY t.job_id ORDER BY t.step)) AS i) AS p ON true
LEFT JOIN LATERAL (
	-- an aggregate gives one row for sure: the planner leaves the join out
	-- where its columns are not asked for
	SELECT max(l.type) AS type, max(l.occurred_at) AS occurred_at
	FROM (
		SELECT e.type, e.occurred_at
		FROM %3$s AS e
		WHERE e.job_id = j.id
		  -- not one that was refused because it came from another user
		  AND (_trainjob.output_text(e.outcome) IS DISTINCT FROM 'refused' OR e.status_before IS NOT NULL)
		ORDER BY e.occurred_at DESC, e.id DESC
		LIMIT 1) AS l) AS a ON true
$view$),
		_trainjob.source('jobs', tables, columns),
		_trainjob.source('metrics', tables, columns),
		_trainjob.source('alerts', tables, columns),
		-- of what a table has no column for, nobody can say that it is missing
		_trainjob.text_for_null('perplexity', 'COALESCE(f.unfilled, j.absent)', tables, columns),
		_trainjob.text_for_null('learning_rate', 'COALESCE(f.unfilled, j.absent)', tables, columns),
		_trainjob.text_for_null('loss', 'COALESCE(f.unfilled, j.absent)', tables, columns),
		_trainjob.text_for_null('eval_loss', 'COALESCE(f.unfilled, ''No eval loss reported'')', tables, columns),
		CASE WHEN _trainjob.job_column('total_steps', tables, columns) IS NULL
			 THEN '''total steps unknown: the jobs table has no column for them'', ' END,
		-- nor, once it runs, that it has not come yet
		CASE WHEN _trainjob.job_column('eval_loss', tables, columns) IS NULL
			 THEN 'WHEN j.running THEN ''Unknown''' END,
		_trainjob.with_known_times(_trainjob.sign_of_life()),
		-- a table without columns for them says nothing for good
		CASE WHEN COALESCE(_trainjob.job_column('current_step', tables, columns),
						   _trainjob.job_column('last_metric_at', tables, columns)) IS NULL
			 THEN ' AND false' ELSE '' END,
		_trainjob.with_known_times(_trainjob.change_by_trainer()));
END;

COMMENT ON FUNCTION _trainjob.overview_query(jsonb, jsonb) IS
'The query of a set''s overview.';

CREATE FUNCTION _trainjob.coverage_query(tables jsonb, columns jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- the reports of a job are read once for all metrics; the newest values are
	-- joined, not asked for in VALUES, of which Citus takes plain columns only
	SELECT format($view$
SELECT
	j.id AS job_id, c.metric, u.rows, c.rows_with_value, c.first_step,
	c.last_step, c.newest_value,
	COALESCE(c.absent, _trainjob.metric_verdict(c.metric, u.rows, c.rows_with_value, c.first_step,
		-- from where on there are only values that are not finite
		CASE WHEN c.not_finite > COALESCE(c.last_finite, -1) THEN c.not_finite END,
		c.newest_value,
		COALESCE(j.status IN ('completed', 'failed', 'cancelled'), false),
		CASE WHEN c.metric IN ('eval_loss', 'eval_perplexity') THEN
			trainjob.first_eval_step(j.config, j.total_samples, j.train_samples,
									 j.val_samples)
		END,
		u.newest_step)) AS verdict
FROM %1$s AS j
CROSS JOIN LATERAL (
	SELECT count(*) AS rows, max(m.step) AS newest_step, %2$s
	FROM %3$s AS m
	WHERE m.job_id = j.id) AS u
%5$s
CROSS JOIN LATERAL (VALUES %4$s)
	AS c (metric, absent, rows_with_value, first_step, last_step, not_finite, last_finite, newest_value)
$view$,
		_trainjob.source('jobs', tables, columns),
		string_agg(format($aggregates$
		count(m.%1$I) AS count_%2$s,
		min(m.step) FILTER (WHERE m.%1$I IS NOT NULL) AS first_%2$s,
		max(m.step) FILTER (WHERE m.%1$I IS NOT NULL) AS last_%2$s,
		min(m.step) FILTER (WHERE NOT abs(m.%1$I) < 'Infinity') AS not_finite_%2$s,
		max(m.step) FILTER (WHERE abs(m.%1$I) < 'Infinity') AS last_finite_%2$s$aggregates$,
			f.column_name, f.n), ', ' ORDER BY f.n),
		_trainjob.source('metrics', tables, columns),
		string_agg(format($metric$
	(%1$L, %3$L::text, u.count_%2$s, u.first_%2$s, u.last_%2$s, u.not_finite_%2$s, u.last_finite_%2$s, v%2$s.value)$metric$,
			f.column_name, f.n, f.absent),
			', ' ORDER BY f.n),
		string_agg(format($newest$
LEFT JOIN LATERAL (
	SELECT m.%1$I AS value FROM %3$s AS m
	WHERE m.job_id = j.id AND m.step = u.last_%2$s AND m.%1$I IS NOT NULL
	ORDER BY m.%4$s DESC LIMIT 1) AS v%2$s ON true$newest$,
			f.column_name, f.n, _trainjob.source('metrics', tables, columns), f.place),
			'' ORDER BY f.n))
	FROM (
		SELECT f.column_name, row_number() OVER (ORDER BY f.column_name) AS n,
			   -- nobody can say that a trainer did not report it
			   CASE WHEN f.actual_name IS NULL THEN 'the metrics table has no column for it' END AS absent,
			   -- reports of one step in order: by id, if that tells
			   CASE WHEN EXISTS (
					SELECT FROM _trainjob.find_columns('metrics', (tables ->> 'metrics')::regclass, columns) AS i
					WHERE i.column_name = 'id'
					  AND i.actual_type IN ('bigint'::regtype, 'integer'::regtype))
					THEN 'id' ELSE 'recorded_at' END AS place
		FROM _trainjob.find_columns('metrics', (tables ->> 'metrics')::regclass, columns) AS f
		WHERE f.column_type = 'float8' AND f.column_name <> 'epoch') AS f;
END;

COMMENT ON FUNCTION _trainjob.coverage_query(jsonb, jsonb) IS
'The query of a set''s coverage view.';

CREATE FUNCTION _trainjob.is_word_argument(argument text)
RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_is_word_argument_sql';

COMMENT ON FUNCTION _trainjob.is_word_argument(text) IS
'Whether a key of trainjob.job_sets().columns says a word for a status or for the type of an alert, and no column.';

CREATE FUNCTION _trainjob.token_arguments(columns jsonb)
RETURNS TABLE (argument text, table_key text, column_name name)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.key, split_part(c.key, '.', 1), c.value::name
	FROM jsonb_each_text(columns) AS c
	WHERE (c.key LIKE 'metrics.%' OR c.key LIKE 'alerts.%')
	  AND NOT _trainjob.is_word_argument(c.key)
	  AND NOT EXISTS (
		SELECT FROM _trainjob.canonical_columns() AS k
		WHERE c.key = k.table_key || '.' || k.column_name)
	ORDER BY c.key COLLATE "C";
END;

COMMENT ON FUNCTION _trainjob.token_arguments(jsonb) IS
'Of the columns of a set, as trainjob.job_sets() has them, those that are not trainjob''s own and that a token may write.';

CREATE FUNCTION _trainjob.trigger_arguments(key text, tables jsonb, columns jsonb)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- what triggers of other tables than jobs need, and no more: each statement
	-- copies the arguments of all triggers of its table
	SELECT array_agg(a.argument ORDER BY a.part, a.argument COLLATE "C")
	FROM (
		SELECT 1 AS part, t.key AS table_key, t.key || '=' || t.value AS argument
		FROM jsonb_each_text(tables) AS t
		WHERE t.value IS NOT NULL AND (t.key <> trigger_arguments.key OR t.key = 'jobs')
		UNION ALL
		SELECT 2, f.table_key, f.table_key || '.' || f.column_name || '=' || COALESCE(f.actual_name, '')
		FROM _trainjob.set_columns(tables, columns) AS f
		WHERE f.actual_name <> f.column_name OR f.unwanted
		UNION ALL
		SELECT 2, split_part(c.key, '.', 1), c.key || '=' || c.value
		FROM jsonb_each_text(columns) AS c
		WHERE _trainjob.is_word_argument(c.key)
		UNION ALL
		-- what a token may write is asked of the jobs table's triggers alone
		SELECT 2, NULL, t.argument || '=' || t.column_name
		FROM _trainjob.token_arguments(columns) AS t) AS a
	WHERE trigger_arguments.key = 'jobs' OR a.table_key IN ('jobs', trigger_arguments.key);
END;

COMMENT ON FUNCTION _trainjob.trigger_arguments(text, jsonb, jsonb) IS
'The arguments that each trigger of a set gets: its tables, the columns with other names, and those that a token may write.';

CREATE FUNCTION _trainjob.read_arguments(tgargs bytea)
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

COMMENT ON FUNCTION _trainjob.read_arguments(bytea) IS
'The arguments of a trigger, from pg_trigger.tgargs.';

CREATE FUNCTION _trainjob.table_of(name text)
RETURNS regclass
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_table_of';

COMMENT ON FUNCTION _trainjob.table_of(text) IS
'The table that a trigger''s argument names, for everybody; NULL if there is none.';

CREATE FUNCTION trainjob.job_sets()
RETURNS TABLE (jobs regclass, tables jsonb, columns jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH functions AS (
		SELECT DISTINCT t.table_key, t.function::oid AS tgfoid
		FROM _trainjob.set_triggers() AS t
	), facts AS (
		-- what the triggers of each table say, and which table they are on
		SELECT g.oid AS tgoid, f.table_key AS own_key, g.tgrelid, a.argument
		FROM pg_catalog.pg_trigger AS g
		JOIN functions AS f ON f.tgfoid = g.tgfoid
		LEFT JOIN LATERAL unnest(_trainjob.read_arguments(g.tgargs)) AS a (argument) ON true
		WHERE g.tgparentid = 0
		  -- nor a copy on a chunk of a hypertable, which looks like any other
		  AND NOT EXISTS (
			SELECT FROM pg_catalog.pg_inherits AS i
			JOIN pg_catalog.pg_trigger AS p ON p.tgrelid = i.inhparent
			WHERE i.inhrelid = g.tgrelid AND p.tgname = g.tgname AND p.tgfoid = g.tgfoid)
	), pairs AS (
		SELECT x.tgoid, x.own_key AS key, _trainjob.qualified_name(x.tgrelid) AS value, 1 AS strength
		FROM facts AS x
		UNION
		SELECT x.tgoid, split_part(x.argument, '=', 1),
			   substr(x.argument, strpos(x.argument, '=') + 1), 2
		FROM facts AS x
	), owners AS (
		-- a trigger's set is that of its jobs table
		SELECT DISTINCT ON (p.tgoid) p.tgoid, _trainjob.table_of(p.value) AS jobs
		FROM pairs AS p
		WHERE p.key = 'jobs'
		ORDER BY p.tgoid, p.strength
	), merged AS (
		SELECT DISTINCT ON (o.jobs, p.key) o.jobs, p.key, p.value
		FROM owners AS o
		JOIN pairs AS p ON p.tgoid = o.tgoid
		WHERE o.jobs IS NOT NULL
		  AND (strpos(p.key, '.') > 0 OR _trainjob.table_of(p.value) IS NOT NULL)
		ORDER BY o.jobs, p.key, p.strength
	)
	SELECT m.jobs,
		   -- not as the trigger's argument has it, which anybody may have written:
		   -- queries are put together with it
		   jsonb_object_agg(m.key, _trainjob.qualified_name(_trainjob.table_of(m.value)))
				FILTER (WHERE strpos(m.key, '.') = 0),
		   COALESCE(jsonb_object_agg(m.key, m.value) FILTER (WHERE strpos(m.key, '.') > 0), '{}')
	FROM merged AS m
	WHERE EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
				  WHERE g.tgrelid = m.jobs AND g.tgfoid = 'trainjob.fill_job'::regproc)
	GROUP BY m.jobs;
END;

COMMENT ON FUNCTION trainjob.job_sets() IS
'The sets of tables of this database, as their triggers have them.';

CREATE FUNCTION _trainjob.jobs_table(jobs regclass DEFAULT NULL)
RETURNS regclass
LANGUAGE c STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'trainjob_jobs_table';

COMMENT ON FUNCTION _trainjob.jobs_table(regclass) IS
'The jobs table of a set: the one named, or for NULL that of the only set of the database.';

CREATE FUNCTION _trainjob.jobs_tables(jobs regclass, privilege text)
RETURNS regclass[]
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	every regclass[];
	found regclass[];
BEGIN
	IF jobs IS NULL THEN
		-- a set of others does not concern those who have no right on it
		SELECT array_agg(s.jobs ORDER BY _trainjob.qualified_name(s.jobs)),
			   array_agg(s.jobs ORDER BY _trainjob.qualified_name(s.jobs)) FILTER (WHERE has_table_privilege(s.jobs, privilege))
			INTO every, found
			FROM trainjob.job_sets() AS s;
	END IF;
	IF cardinality(every) > 1 THEN
		RETURN COALESCE(found, every);
	END IF;
	-- or an error where there is none
	RETURN ARRAY[_trainjob.jobs_table(jobs)];
END;
$$;

COMMENT ON FUNCTION _trainjob.jobs_tables(regclass, text) IS
'The jobs tables that a function works on: the one named, or for NULL those of all sets, of several those on which the caller has the privilege, if there are any.';

CREATE FUNCTION _trainjob.warn_of_set(jobs regclass, message text, hint text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE WARNING USING
		MESSAGE = format('the set of %s is passed over: %s', _trainjob.qualified_name(jobs), message),
		HINT = COALESCE(NULLIF(hint, ''), 'Name another in argument "jobs", or mend this one.');
END;
$$;

COMMENT ON FUNCTION _trainjob.warn_of_set(regclass, text, text) IS
'Part of verify_jobs, refill_jobs and fail_stalled: what is wrong with one of several sets is no concern of the others.';

CREATE FUNCTION _trainjob.job_set(jobs regclass, OUT tables jsonb, OUT columns jsonb)
RETURNS record
LANGUAGE plpgsql STABLE CALLED ON NULL INPUT PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted regclass := _trainjob.jobs_table(jobs);
	replaced text;
BEGIN
	SELECT s.tables, s.columns INTO STRICT tables, columns
		FROM trainjob.job_sets() AS s
		WHERE s.jobs = wanted;
	-- reading it would run functions of its owner, as whoever called
	SELECT t.value INTO replaced
		FROM jsonb_each_text(tables) AS t
		JOIN pg_class AS c ON c.oid = t.value::regclass
		WHERE c.relkind NOT IN ('r', 'p')
		ORDER BY t.key
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s, of the set of %s, is not a table', replaced, _trainjob.qualified_name(wanted)),
			DETAIL = 'Something else has got its name; to read that could run functions of its owner as whoever calls.',
			HINT = format('Give the table its name back, or take the set apart: SELECT * FROM trainjob.detach(%L);',
						  _trainjob.qualified_name(wanted));
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.job_set(regclass) IS
'The set of a jobs table, or for NULL the only set of the database, as trainjob.job_sets() has it.';

CREATE FUNCTION _trainjob.is_of_other_set(tgargs bytea, jobs regclass)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT EXISTS (
		SELECT FROM unnest(_trainjob.read_arguments(tgargs)) AS a (argument)
		JOIN pg_catalog.pg_trigger AS g ON g.tgrelid = _trainjob.table_of(substr(a.argument, 6))
		WHERE a.argument LIKE 'jobs=%' AND _trainjob.table_of(substr(a.argument, 6)) <> jobs
		  AND g.tgfoid = 'trainjob.fill_job'::regproc);
END;

COMMENT ON FUNCTION _trainjob.is_of_other_set(bytea, regclass) IS
'Whether a trigger with these arguments (pg_trigger.tgargs) works for another set than that of the jobs table.';

CREATE FUNCTION _trainjob.give_to_owner(kind text, made text, on_table regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner regrole := (SELECT c.relowner FROM pg_class AS c WHERE c.oid = on_table);
BEGIN
	IF owner <> current_user::regrole THEN
		EXECUTE format('ALTER %s %s OWNER TO %s', kind, made, owner);
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.give_to_owner(text, text, regclass) IS
'Part of attach: what is made for a table belongs to the owner of the table, whose triggers write to it.';

CREATE FUNCTION _trainjob.set_views()
RETURNS TABLE (n integer, table_key text, suffix text, uses regprocedure, mark name, description text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.column1, c.column2, c.column3, c.column4::regprocedure, c.column5::name, c.column6
	FROM (VALUES
	(1, 'jobs', '_overview',
	 '_trainjob.job_note(jsonb, text, bigint, bigint, bigint, bigint, text, bigint, float8, bigint, float8)',
	 'progress_text', 'What a dashboard shows of each job: one row a job.'),
	(2, 'metrics', '_coverage',
	 '_trainjob.metric_verdict(text, bigint, bigint, bigint, bigint, float8, boolean, bigint, bigint)',
	 'verdict', 'Which metrics a job''s trainer reports, and why one is missing: a row for each job and metric.')
	) AS c;
END;

COMMENT ON FUNCTION _trainjob.set_views() IS
'The views of a set: which function, used over which table, and which column tell a view of trainjob from one of the user; their comments.';

CREATE FUNCTION _trainjob.view_columns()
RETURNS TABLE (n integer, column_name name, description text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- a column of the overview that is the job's says what that says
	SELECT 1, c.column_name, c.description
	FROM _trainjob.canonical_columns() AS c
	WHERE c.table_key = 'jobs'
	UNION ALL
	SELECT c.column1, c.column2::name, c.column3
	FROM (VALUES
	(1, 'method', 'The training method, from the configuration: sft, dpo, ...'),
	(1, 'health', 'waiting, active, stalled (not heard of for longer than trainjob.stall_timeout, by the server''s clock), diverged (the latest loss is NaN or infinite), ended, or unknown where the status means none of trainjob''s.'),
	(1, 'ended_at', 'When it completed, failed or was cancelled.'),
	(1, 'elapsed_seconds', 'Seconds that the present attempt has taken so far.'),
	(1, 'eta_seconds', 'Seconds until total_steps at the pace of the last 20 steps; NULL where unknown, beyond it or not running.'),
	(1, 'eta_confidence', 'high, medium or low, by how much the pace varies; insufficient_data below five steps.'),
	(1, 'last_alert_type', 'Type of its newest alert.'),
	(1, 'last_alert_at', 'When that happened.'),
	(1, 'note', 'Why something is unknown or was ignored, in words.'),
	(1, 'dataset_size_text', 'total_samples to show, Unknown where there is none.'),
	(1, 'total_steps_text', 'total_steps to show, Unknown where there is none.'),
	(1, 'progress_text', 'progress to show; 100% only of what is done.'),
	(1, 'eval_loss_text', 'eval_loss to show, or why there is none yet.'),
	(1, 'perplexity_text', 'perplexity to show, or why there is none yet.'),
	(1, 'learning_rate_text', 'learning_rate to show, or why there is none yet.'),
	(1, 'loss_text', 'loss to show, or why there is none yet.'),
	(1, 'eta_text', 'eta_seconds to show.'),
	(2, 'job_id', 'The job.'),
	(2, 'metric', 'A column of numbers of the metrics table.'),
	(2, 'rows', 'How many reports the job has.'),
	(2, 'rows_with_value', 'How many of them have the metric.'),
	(2, 'first_step', 'The first step that has it.'),
	(2, 'last_step', 'The last step that has it.'),
	(2, 'newest_value', 'Its value at the last step that has it.'),
	(2, 'verdict', 'Whether and since when it is reported, or why it is missing.')) AS c;
END;

COMMENT ON FUNCTION _trainjob.view_columns() IS
'The comments on columns of a set''s views.';

CREATE FUNCTION _trainjob.detached_text(view_number integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE view_number WHEN 1 THEN 'this overview is of' ELSE 'this view of coverage is of' END
		   || ' a set that is detached: call trainjob.attach() or trainjob.create_tables()';
END;

COMMENT ON FUNCTION _trainjob.detached_text(integer) IS
'What a view says when it is read after detach().';

CREATE FUNCTION _trainjob.is_detached_view(view oid, view_number integer)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT pg_get_viewdef(view) LIKE '%' || _trainjob.detached_text(view_number) || '%';
END;

COMMENT ON FUNCTION _trainjob.is_detached_view(oid, integer) IS
'Whether a view is one that detach() left without its query.';

CREATE FUNCTION _trainjob.set_view(view_number integer, on_table regclass)
RETURNS regclass
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT r.ev_class::regclass
	FROM _trainjob.set_views() AS v
	JOIN pg_catalog.pg_depend AS t ON t.classid = 'pg_rewrite'::regclass
		AND t.refclassid = 'pg_class'::regclass AND t.refobjid = on_table
	JOIN pg_catalog.pg_rewrite AS r ON r.oid = t.objid
	JOIN pg_catalog.pg_class AS c ON c.oid = r.ev_class AND c.relkind = 'v'
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname = v.mark
	WHERE v.n = view_number
	  AND (EXISTS (
			SELECT FROM pg_catalog.pg_depend AS f
			WHERE f.classid = 'pg_rewrite'::regclass AND f.objid = r.oid
			  AND f.refclassid = 'pg_proc'::regclass AND f.refobjid = v.uses)
		   OR _trainjob.is_detached_view(r.ev_class, view_number))
	ORDER BY obj_description(r.ev_class, 'pg_class') IS NOT DISTINCT FROM v.description DESC, r.ev_class
	LIMIT 1;
END;

COMMENT ON FUNCTION _trainjob.set_view(integer, regclass) IS
'A view of a set over its table: how it is found again under any name, also where detach() left it without its query.';

CREATE FUNCTION _trainjob.made_name(base text, suffix text)
RETURNS name
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	-- base gives way, by whole characters, where both are too long for a name
	SELECT (left(base, max(n)) || suffix)::name
	FROM generate_series(0, length(base)) AS n
	WHERE octet_length(left(base, n)) + octet_length(suffix) <= 63;
END;

COMMENT ON FUNCTION _trainjob.made_name(text, text) IS
'A name for what is made for a table of this name.';

CREATE FUNCTION _trainjob.view_rights(view regclass)
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT array_agg(r.statement ORDER BY r.part, r.statement)
	FROM (
		SELECT 1 AS part, format('GRANT %s ON %s TO %s%s', a.privilege_type, _trainjob.qualified_name(view),
					CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
					CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
		FROM pg_catalog.pg_class AS c
		CROSS JOIN LATERAL aclexplode(c.relacl) AS a
		WHERE c.oid = view AND a.grantee <> c.relowner
		UNION ALL
		SELECT 1, format('GRANT %s (%I) ON %s TO %s%s', a.privilege_type, t.attname, _trainjob.qualified_name(view),
					CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END,
					CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		FROM pg_catalog.pg_attribute AS t
		CROSS JOIN LATERAL aclexplode(t.attacl) AS a
		WHERE t.attrelid = view
		UNION ALL
		SELECT 2, format('COMMENT ON VIEW %s IS %L', _trainjob.qualified_name(view), obj_description(view, 'pg_class'))
		UNION ALL
		SELECT 2, format('COMMENT ON COLUMN %s.%I IS %L', _trainjob.qualified_name(view), t.attname, col_description(view, t.attnum))
		FROM pg_catalog.pg_attribute AS t
		WHERE t.attrelid = view AND col_description(view, t.attnum) IS NOT NULL
		UNION ALL
		SELECT 3, format('ALTER VIEW %s OWNER TO %s', _trainjob.qualified_name(view), c.relowner::regrole)
		FROM pg_catalog.pg_class AS c
		WHERE c.oid = view) AS r;
END;

COMMENT ON FUNCTION _trainjob.view_rights(regclass) IS
'The statements that give a view made anew the rights, comments and owner that a view has.';

CREATE FUNCTION _trainjob.view_users(view regclass)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(DISTINCT pg_describe_object('pg_class'::regclass, r.ev_class, 0), ', ')
	FROM pg_catalog.pg_depend AS d
	JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid AND r.ev_class <> view
	WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = view;
END;

COMMENT ON FUNCTION _trainjob.view_users(regclass) IS
'The views that depend on a view, in words; NULL where none does.';

CREATE FUNCTION _trainjob.drop_view(view regclass)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	others text := _trainjob.view_users(view);
BEGIN
	IF others IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'dependent_objects_still_exist',
			MESSAGE = format('cannot drop view %s because others depend on it', _trainjob.qualified_name(view)),
			DETAIL = format('They are %s.', others),
			HINT = 'Drop them, repeat this, and make them again.';
	END IF;
	EXECUTE format('DROP VIEW %s', _trainjob.qualified_name(view));
END;
$$;

COMMENT ON FUNCTION _trainjob.drop_view(regclass) IS
'Part of attach and detach: drops a view of a set; an error that names what depends on it.';

CREATE FUNCTION _trainjob.make_view(view_number integer, on_table regclass,
	view_schema name, view_name name, query text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	existing regclass := _trainjob.set_view(view_number, on_table);
	wanted text := format('%I.%I', view_schema, view_name);
	definition text;
	before text;
	rights text[];
	item text;
BEGIN
	-- one of ours over a table of another time
	IF existing IS NULL AND EXISTS (
		SELECT FROM _trainjob.set_views() AS v
		JOIN pg_depend AS f ON f.classid = 'pg_rewrite'::regclass
			AND f.refclassid = 'pg_proc'::regclass AND f.refobjid = v.uses
		JOIN pg_rewrite AS r ON r.oid = f.objid
		WHERE v.n = view_number AND r.ev_class = to_regclass(wanted)) THEN
		existing := to_regclass(wanted);
	END IF;
	IF existing IS NULL AND to_regclass(wanted) IS NOT NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'duplicate_table',
			MESSAGE = format('relation %s exists and is no view of trainjob', wanted),
			HINT = 'Rename it, or let trainjob''s views be made in another schema: trainjob.attach(..., view_schema => ''name'').';
	END IF;
	IF existing IS NOT NULL THEN
		wanted := _trainjob.qualified_name(existing);
		before := pg_get_viewdef(existing);
	END IF;
	definition := format('VIEW %s WITH (security_invoker = true) AS %s', wanted, query);
	BEGIN
		EXECUTE 'CREATE OR REPLACE ' || definition;
		IF before = pg_get_viewdef(wanted::regclass) THEN
			RAISE SQLSTATE 'TJ000'; -- undoes it: it is up to date
		END IF;
	EXCEPTION WHEN SQLSTATE 'TJ000' THEN
		RETURN NULL;
	WHEN invalid_table_definition THEN
		-- other columns than before: views cannot change them in place, but
		-- its readers keep their right
		rights := _trainjob.view_rights(existing);
		PERFORM _trainjob.drop_view(existing);
		EXECUTE 'CREATE ' || definition;
		FOREACH item IN ARRAY rights LOOP
			BEGIN
				EXECUTE item;
			EXCEPTION WHEN undefined_column THEN
				NULL; -- a right to a column that is gone
			END;
		END LOOP;
	END;
	FOR item IN
		SELECT format('COMMENT ON VIEW %s IS %L', wanted, v.description)
		FROM _trainjob.set_views() AS v
		WHERE v.n = view_number AND obj_description(wanted::regclass, 'pg_class') IS NULL
		UNION ALL
		(SELECT format('COMMENT ON COLUMN %s.%I IS %L', wanted, c.column_name, c.description)
		 FROM _trainjob.view_columns() AS c
		 JOIN pg_attribute AS a ON a.attrelid = wanted::regclass AND a.attname = c.column_name
		 WHERE c.n = view_number AND col_description(a.attrelid, a.attnum) IS NULL
		 ORDER BY a.attnum)
	LOOP
		EXECUTE item;
	END LOOP;
	IF existing IS NULL THEN
		PERFORM _trainjob.give_to_owner('VIEW', wanted, on_table);
	END IF;
	RETURN wanted;
END;
$$;

COMMENT ON FUNCTION _trainjob.make_view(integer, regclass, name, name, text) IS
'Part of create_tables and attach: makes a view of a set, or brings it up to date; returns its name if it did.';

CREATE FUNCTION _trainjob.detach_view(view_number integer, on_table regclass)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	view regclass := _trainjob.set_view(view_number, on_table);
	name text := _trainjob.qualified_name(view);
	is_plain boolean;
BEGIN
	SELECT c.relowner = t.relowner AND obj_description(view, 'pg_class') IS NOT DISTINCT FROM v.description
		   AND NOT EXISTS (SELECT FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner)
		   AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = view AND a.attacl IS NOT NULL)
		INTO STRICT is_plain
		FROM _trainjob.set_views() AS v, pg_class AS c, pg_class AS t
		WHERE v.n = view_number AND c.oid = view AND t.oid = on_table;
	IF is_plain OR _trainjob.view_users(view) IS NOT NULL THEN
		PERFORM _trainjob.drop_view(view);
		RETURN 'dropped view';
	END IF;
	-- Its rights, owner and comment stay for the next attach; read meanwhile, it
	-- fails, and says why: nobody shall take it for an empty one.
	EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS SELECT %s FROM %s WHERE lower(%L)::boolean',
		name,
		(SELECT string_agg(format('NULL::%s AS %I', format_type(a.atttypid, a.atttypmod), a.attname), ', ' ORDER BY a.attnum)
		 FROM pg_attribute AS a
		 WHERE a.attrelid = view AND a.attnum > 0),
		_trainjob.qualified_name(on_table), _trainjob.detached_text(view_number));
	RETURN 'emptied view';
END;
$$;

COMMENT ON FUNCTION _trainjob.detach_view(integer, regclass) IS
'Part of detach: drops a view of a set, or takes its query away where it has rights, an owner or a comment to keep; returns which.';

CREATE FUNCTION _trainjob.is_reference_table(rel regclass)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found boolean;
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
		RETURN false;
	END IF;
	EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition AS p'
			' WHERE p.logicalrelid = $1 AND p.partmethod = ''n'' AND p.repmodel = ''t'')'
		INTO found USING rel;
	RETURN found;
END;
$$;

COMMENT ON FUNCTION _trainjob.is_reference_table(regclass) IS
'Part of create_tables and attach: whether Citus keeps a copy of the table on each node.';

CREATE FUNCTION _trainjob.set_uses()
RETURNS TABLE (table_key text, partner_key text, privilege text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT u.column1, u.column2, u.column3
	FROM (VALUES
	('jobs', 'datasets', 'SELECT'), ('jobs', 'metrics', 'SELECT'),
	('jobs', 'alerts', 'SELECT'), ('jobs', 'alerts', 'UPDATE'),
	('jobs', 'status_changes', 'SELECT'), ('jobs', 'status_changes', 'INSERT'),
	('datasets', 'jobs', 'SELECT'), ('datasets', 'jobs', 'UPDATE'),
	('metrics', 'jobs', 'SELECT'), ('metrics', 'jobs', 'UPDATE'),
	('alerts', 'jobs', 'SELECT'), ('alerts', 'jobs', 'UPDATE')
	) AS u;
END;

COMMENT ON FUNCTION _trainjob.set_uses() IS
'What the triggers on a table of a set do with the other tables: the privileges that trainjob_open_table() asks for.';

CREATE FUNCTION _trainjob.policies_restrict(partner regclass, on_table regclass)
RETURNS boolean
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'trainjob_policies_restrict';

COMMENT ON FUNCTION _trainjob.policies_restrict(regclass, regclass) IS
'Whether triggers on a table refuse to work on another, because it is of another owner and its policies restrict the owner of theirs.';

CREATE FUNCTION _trainjob.policy_conflicts(tables jsonb)
RETURNS TABLE (table_key text, message text, detail text, hint text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- in the words of check_policies(), which refuses each write
	SELECT c.table_key,
		   format('row-level security of table %s restricts the owner of table %s', c.partner, c.on_table),
		   format('Triggers on table %s work on all rows of %s, but policies apply to its owner %s.',
				  c.on_table, c.partner, c.owner),
		   format('Give both tables one owner: ALTER TABLE %s OWNER TO %s; or let the policies not apply: ALTER ROLE %s BYPASSRLS;',
				  c.on_table, c.partner_owner, c.owner)
	FROM (
		SELECT DISTINCT u.table_key, tables ->> u.table_key AS on_table, o.relowner::regrole AS owner,
			   tables ->> u.partner_key AS partner, p.relowner::regrole AS partner_owner
		FROM _trainjob.set_uses() AS u
		JOIN pg_catalog.pg_class AS o ON o.oid = (tables ->> u.table_key)::regclass
		JOIN pg_catalog.pg_class AS p ON p.oid = (tables ->> u.partner_key)::regclass
		WHERE _trainjob.policies_restrict(p.oid, o.oid)) AS c
	ORDER BY c.on_table, c.partner;
END;

COMMENT ON FUNCTION _trainjob.policy_conflicts(jsonb) IS
'Which triggers of a set refuse their work because of policies, and what to do.';

CREATE FUNCTION _trainjob.check_rights(tables jsonb, key text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted record;
BEGIN
	-- what trainjob_open_table() asks of them
	SELECT n.key, n.privilege, n.owner,
		   string_agg(format('GRANT %s ON %s TO %s;', n.privilege, tables ->> n.partner, n.owner), ' ') OVER () AS grants
		INTO wanted
		FROM (
			SELECT u.table_key AS key, u.partner_key AS partner, u.privilege, c.relowner::regrole AS owner
			FROM _trainjob.set_uses() AS u
			JOIN pg_class AS c ON c.oid = (tables ->> u.table_key)::regclass
			WHERE u.table_key = COALESCE(check_rights.key, u.table_key)
			  AND NOT has_table_privilege(c.relowner, (tables ->> u.partner_key)::regclass, u.privilege)
			ORDER BY 1, 2, 3) AS n
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('owner %s of table %s lacks a right on other tables of the set', wanted.owner, tables ->> wanted.key),
			DETAIL = 'A trigger works on the other tables with the rights of the owner of its own.',
			HINT = wanted.grants;
	END IF;
	SELECT c.message, c.detail, c.hint INTO wanted
		FROM _trainjob.policy_conflicts(tables) AS c
		WHERE c.table_key = COALESCE(check_rights.key, c.table_key)
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = wanted.message, DETAIL = wanted.detail, HINT = wanted.hint;
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_rights(jsonb, text) IS
'Refuses a set in which the owner of a table, or of the one named, may not do on the other tables what its triggers do: naming them in a trigger made by hand gains nothing.';

CREATE FUNCTION _trainjob.open_tables(tables jsonb)
RETURNS TABLE (message text, detail text, hint text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT format('%s has no row-level security, which %s has', t.name, t.other),
		   k.open,
		   format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY; and give it policies.', t.name)
	FROM (
		SELECT s.key, s.value AS name, c.relrowsecurity,
			   first_value(s.value) OVER (ORDER BY NOT c.relrowsecurity, s.key <> 'jobs', s.key) AS other,
			   bool_or(c.relrowsecurity) OVER () AS wanted
		FROM jsonb_each_text(tables) AS s
		JOIN pg_catalog.pg_class AS c ON c.oid = s.value::regclass) AS t
	JOIN (VALUES
		(1, 'jobs', 'Who may read it sees the jobs of all users, who may write it changes any.'),
		(2, 'metrics', 'Who may read it sees the reports of all jobs, who may write it reports for any.'),
		(3, 'datasets', 'Who may read it sees the datasets of all users, who may write it gives counts to any job.'),
		(4, 'alerts', 'Who may read it sees the alerts of all jobs, who may write it ends any.'),
		(5, 'status_changes', 'Who may read it sees what became of all jobs.')
		) AS k (n, key, open) ON k.key = t.key
	WHERE t.wanted AND NOT t.relrowsecurity
	ORDER BY k.n;
END;

COMMENT ON FUNCTION _trainjob.open_tables(jsonb) IS
'The tables of a set that have no row-level security while others have it, and what is open by that.';

CREATE FUNCTION _trainjob.check_may_create(schema name)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regnamespace(quote_ident(schema)) IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_schema_name',
			MESSAGE = format('schema "%s" does not exist', schema),
			HINT = format('Create it first: CREATE SCHEMA %I;', schema);
	ELSIF NOT has_schema_privilege(schema, 'CREATE') OR NOT has_schema_privilege(schema, 'USAGE') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('permission denied for schema %s', schema),
			HINT = format('GRANT USAGE, CREATE ON SCHEMA %I TO %I;', schema, current_user);
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_may_create(name) IS
'Part of create_tables and attach: an error where the caller cannot create something in a schema, before that is tried.';

CREATE FUNCTION _trainjob.attach_set(tables jsonb, columns jsonb,
	view_schema name, overview_name name, coverage_name name)
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	arguments text[];
	wanted record;
	name_of_trigger name;
	same_name integer;
BEGIN
	PERFORM _trainjob.check_rights(tables);
	PERFORM _trainjob.check_may_create(view_schema);
	FOR wanted IN
		SELECT t.trigger_name,
			   replace(t.event, '%status%',
					   quote_ident(_trainjob.job_column('status', tables, columns))) AS event,
			   t.table_key, tables ->> t.table_key AS on_table, t.scope, t.function
		FROM _trainjob.set_triggers() AS t
		WHERE tables ->> t.table_key IS NOT NULL
	LOOP
		arguments := _trainjob.trigger_arguments(wanted.table_key, tables, columns);
		-- it would fire on each node, and look for jobs on all of them, which
		-- Citus does not do from there
		IF wanted.trigger_name = 'trainjob_fill_waiting_jobs'
		   AND _trainjob.is_reference_table(wanted.on_table::regclass) THEN
			action := 'note';
			object := format('jobs do not hear of a dataset that comes after them; to tell them: '
							 'UPDATE %s SET %I = %2$I WHERE %2$I = ''its path''',
							 tables ->> 'jobs', _trainjob.job_column('dataset_path', tables, columns));
			RETURN NEXT;
			CONTINUE;
		END IF;
		-- a table of datasets may serve several sets: a trigger for each
		name_of_trigger := wanted.trigger_name;
		same_name := 1;
		WHILE EXISTS (
			SELECT FROM pg_trigger AS g
			WHERE g.tgrelid = wanted.on_table::regclass
			  AND g.tgname = name_of_trigger
			  AND _trainjob.is_of_other_set(g.tgargs, (tables ->> 'jobs')::regclass))
		LOOP
			same_name := same_name + 1;
			name_of_trigger := wanted.trigger_name || '_' || same_name;
		END LOOP;
		CONTINUE WHEN EXISTS (
			SELECT FROM pg_trigger AS g
			WHERE g.tgrelid = wanted.on_table::regclass
			  AND g.tgname = name_of_trigger
			  AND g.tgfoid = wanted.function
			  AND _trainjob.read_arguments(g.tgargs) = arguments);
		EXECUTE format('CREATE OR REPLACE TRIGGER %I %s ON %s %s EXECUTE FUNCTION %s(%s)',
			name_of_trigger, wanted.event, wanted.on_table, wanted.scope,
			wanted.function::regproc,
			(SELECT string_agg(quote_literal(a.argument), ', ' ORDER BY a.n)
			 FROM unnest(arguments) WITH ORDINALITY AS a (argument, n)));
		action := 'created trigger';
		object := format('%I on %s', name_of_trigger, wanted.on_table);
		RETURN NEXT;
	END LOOP;
	action := 'created view';
	object := _trainjob.make_view(1, (tables ->> 'jobs')::regclass, view_schema,
		overview_name, _trainjob.overview_query(tables, columns));
	IF object IS NOT NULL THEN
		RETURN NEXT;
	END IF;
	IF tables ->> 'metrics' IS NOT NULL THEN
		object := _trainjob.make_view(2, (tables ->> 'metrics')::regclass, view_schema,
			coverage_name, _trainjob.coverage_query(tables, columns));
		IF object IS NOT NULL THEN
			RETURN NEXT;
		END IF;
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.attach_set(jsonb, jsonb, name, name, name) IS
'Part of create_tables and attach: the triggers and views of a set.';

CREATE FUNCTION _trainjob.table_callers(key text, rel regclass)
RETURNS TABLE (kind text, name text, definition text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT CASE WHEN k.oid IS NULL THEN 'index' ELSE 'constraint' END,
		   COALESCE(quote_ident(k.conname), _trainjob.qualified_name(x.indexrelid)),
		   o.definition
	FROM _trainjob.canonical_tables() AS w
	CROSS JOIN LATERAL unnest(w.constraints || w.indexes) AS o (definition)
	JOIN pg_catalog.pg_proc AS p
		ON p.pronamespace = '_trainjob'::regnamespace
		AND p.proname = substring(o.definition FROM '_trainjob\.(\w+)')
	JOIN pg_catalog.pg_depend AS d
		ON d.refclassid = 'pg_catalog.pg_proc'::regclass AND d.refobjid = p.oid
	LEFT JOIN pg_catalog.pg_constraint AS k
		ON d.classid = 'pg_catalog.pg_constraint'::regclass AND k.oid = d.objid AND k.conrelid = rel
	LEFT JOIN pg_catalog.pg_index AS x
		ON d.classid = 'pg_catalog.pg_class'::regclass AND x.indexrelid = d.objid AND x.indrelid = rel
	WHERE w.table_key = key AND COALESCE(k.oid, x.indexrelid) IS NOT NULL;
END;

COMMENT ON FUNCTION _trainjob.table_callers(text, regclass) IS
'The constraints and indexes of a table that call a function of trainjob as one that create_tables makes does, with its definition.';

CREATE FUNCTION _trainjob.is_own_table(key text, rel regclass)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT obj_description(rel, 'pg_class') IS NOT DISTINCT FROM t.description
		   OR EXISTS (SELECT FROM _trainjob.table_callers(key, rel))
	FROM _trainjob.canonical_tables() AS t
	WHERE t.table_key = key;
END;

COMMENT ON FUNCTION _trainjob.is_own_table(text, regclass) IS
'Whether create_tables made a table, as its comment or its constraints tell.';

CREATE FUNCTION _trainjob.table_differences(key text, rel regclass, types jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT string_agg(
			CASE WHEN f.actual_name IS NULL
				THEN format('column %I %s is missing', f.column_name, f.wanted)
				ELSE format('column %I has type %s, not %s', f.column_name, f.actual_type, f.wanted::regtype)
			END, '; ')
	FROM (
		SELECT c.column_name, c.actual_name, c.actual_type,
			   COALESCE(types ->> c.column_name::text, c.column_type) AS wanted
		FROM _trainjob.find_columns(key, rel, '{}') AS c) AS f
	WHERE CASE
		-- what an earlier version made gets the columns that it did not know
		WHEN f.actual_name IS NULL THEN NOT _trainjob.is_own_table(key, rel)
		-- keys are those of other tables
		WHEN f.wanted = 'uuid' OR types ? f.column_name::text THEN f.actual_type <> f.wanted::regtype
		ELSE NOT _trainjob.type_holds(f.actual_type, f.wanted::regtype) END;
END;

COMMENT ON FUNCTION _trainjob.table_differences(text, regclass, jsonb) IS
'In what a table differs from the one that create_tables would make, in words; NULL if in nothing.';

CREATE FUNCTION _trainjob.create_table(schema name, key text, table_name name,
	types jsonb DEFAULT '{}')
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted record;
	qualified text := format('%I.%I', schema, table_name);
	rel regclass := to_regclass(qualified);
	differences text;
	items text;
BEGIN
	SELECT * INTO STRICT wanted
		FROM _trainjob.canonical_tables() AS t
		WHERE t.table_key = key;
	IF rel IS NOT NULL THEN
		differences := _trainjob.table_differences(key, rel, types);
		IF (SELECT c.relkind NOT IN ('r', 'p') FROM pg_class AS c WHERE c.oid = rel) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'wrong_object_type',
				MESSAGE = format('%s exists and is not a table', qualified),
				DETAIL = 'Views and foreign tables cannot have the triggers.',
				HINT = 'Rename it, or name another schema.';
		ELSIF differences IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'duplicate_table',
				MESSAGE = format('table %s exists with other columns', qualified),
				DETAIL = differences || '.',
				HINT = 'Call trainjob.attach() to use tables that an application made, or name another schema.';
		END IF;
		-- detach and DROP EXTENSION ... CASCADE take along what calls functions
		FOR items IN
			SELECT format('%s %s', o.make, o.definition)
			FROM (SELECT format('ALTER TABLE %s ADD', qualified), c.definition
				  FROM unnest(wanted.constraints) AS c (definition)
				  UNION ALL
				  SELECT format('CREATE INDEX ON %s', qualified), i.definition
				  FROM unnest(wanted.indexes) AS i (definition)) AS o (make, definition)
			WHERE o.definition LIKE '%trainjob.%'
			  AND NOT EXISTS (
				SELECT FROM _trainjob.table_callers(key, rel) AS c
				WHERE c.definition = o.definition)
		LOOP
			EXECUTE items;
		END LOOP;
		RETURN false;
	END IF;
	SELECT string_agg(format('%I %s %s', c.column_name,
							 COALESCE(types ->> c.column_name::text, c.column_type),
							 c.definition),
					  ', ' ORDER BY c.ordinal)
		INTO items
		FROM _trainjob.canonical_columns() AS c
		WHERE c.table_key = key;
	EXECUTE format('CREATE TABLE %s (%s%s)%s', qualified, items,
		(SELECT COALESCE(string_agg(', ' || replace(c.definition, '%s', quote_ident(schema)), '' ORDER BY c.n), '')
		 FROM unnest(wanted.constraints) WITH ORDINALITY AS c (definition, n)),
		COALESCE(' WITH (' || NULLIF(wanted.settings, '') || ')', ''));
	EXECUTE format('COMMENT ON TABLE %s IS %L', qualified, wanted.description);
	FOR items IN
		SELECT format('COMMENT ON COLUMN %s.%I IS %L', qualified, c.column_name,
					  c.description)
		FROM _trainjob.canonical_columns() AS c
		WHERE c.table_key = key
		UNION ALL
		SELECT format('CREATE INDEX ON %s %s', qualified, i.columns)
		FROM unnest(wanted.indexes) AS i (columns)
	LOOP
		EXECUTE items;
	END LOOP;
	IF key = 'jobs' THEN
		-- a large config goes out of line, so that a report rewrites a narrow row
		EXECUTE format('ALTER TABLE %s ALTER COLUMN config SET STORAGE EXTERNAL',
			qualified);
	END IF;
	RETURN true;
END;
$$;

COMMENT ON FUNCTION _trainjob.create_table(name, text, name, jsonb) IS
'Part of create_tables and attach: makes one table, or checks that it is there as it should be; returns whether it was made.';

CREATE FUNCTION _trainjob.add_new_columns(schema name, key text, table_name name,
	types jsonb DEFAULT '{}')
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	qualified text := format('%I.%I', schema, table_name);
	item record;
BEGIN
	FOR item IN
		SELECT f.column_name, COALESCE(types ->> f.column_name::text, f.column_type) AS column_type,
			   c.definition, c.description
		FROM _trainjob.find_columns(key, qualified::regclass, '{}') AS f
		JOIN _trainjob.canonical_columns() AS c ON c.table_key = key AND c.column_name = f.column_name
		WHERE f.actual_name IS NULL AND NOT f.essential
		ORDER BY c.ordinal
	LOOP
		EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s %s', qualified, item.column_name, item.column_type, item.definition);
		EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', qualified, item.column_name, item.description);
		action := 'added column';
		object := format('%s.%I %s', qualified, item.column_name, item.column_type);
		RETURN NEXT;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION _trainjob.add_new_columns(name, text, name, jsonb) IS
'Part of create_tables and attach: gives a table that an earlier version made the columns that it lacks.';

CREATE FUNCTION _trainjob.next_steps(tables jsonb, columns jsonb, is_new boolean,
	lacks_index boolean)
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	waits boolean;
	views text;
	token name;
BEGIN
	IF is_new THEN
		SELECT a.answer INTO waits FROM _trainjob.ask_as_owner((tables ->> 'jobs')::regclass,
			format('SELECT EXISTS (SELECT FROM %s)', tables ->> 'jobs')) AS a;
	ELSIF tables ->> 'metrics' IS NOT NULL
		  AND COALESCE(_trainjob.job_column('current_step', tables, columns),
					   _trainjob.job_column('last_metric_at', tables, columns)) IS NOT NULL THEN
		SELECT a.answer INTO waits FROM _trainjob.ask_as_owner((tables ->> 'jobs')::regclass,
			format('SELECT EXISTS (SELECT FROM %s AS j WHERE j.current_step IS NULL AND j.last_metric_at IS NULL'
				   ' AND EXISTS (SELECT FROM %s AS m WHERE m.job_id = j.id'
				   ' AND (j.restarted_at IS NULL OR m.recorded_at >= j.restarted_at)))',
				   _trainjob.source('jobs', tables, columns), _trainjob.source('metrics', tables, columns))) AS a;
	END IF;
	action := 'next';
	IF waits THEN
		object := format('fill the jobs that were there before: SELECT trainjob.refill_jobs(%L); until it returns 0', tables ->> 'jobs');
		RETURN NEXT;
	END IF;
	IF lacks_index THEN
		object := 'create the missing indexes above';
		RETURN NEXT;
	END IF;
	SELECT string_agg(_trainjob.qualified_name(v.view), ', ' ORDER BY v.n)
		INTO views
		FROM (SELECT w.n, _trainjob.set_view(w.n, (tables ->> w.table_key)::regclass) AS view
			  FROM _trainjob.set_views() AS w) AS v
		JOIN pg_class AS c ON c.oid = v.view
		WHERE NOT EXISTS (SELECT FROM aclexplode(c.relacl) AS a WHERE a.grantee <> c.relowner);
	IF is_new AND views IS NOT NULL THEN
		token := _trainjob.job_column('job_token', tables, columns);
		object := format('let a dashboard read: GRANT SELECT ON %s, %s TO its_role;', views,
						 (SELECT string_agg(t.value, ', ' ORDER BY t.value)
						  FROM jsonb_each_text(tables) AS t
						  WHERE t.key IN ('metrics', 'alerts') OR t.key = 'jobs' AND token IS NULL));
		-- the token is as good as the right to report
		IF token IS NOT NULL THEN
			object := object || format(' GRANT SELECT (%s) ON %s TO its_role;',
									   (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
										FROM pg_attribute AS a
										WHERE a.attrelid = (tables ->> 'jobs')::regclass AND a.attnum > 0
										  AND NOT a.attisdropped AND a.attname <> token),
									   tables ->> 'jobs');
		END IF;
		RETURN NEXT;
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.next_steps(jsonb, jsonb, boolean, boolean) IS
'Part of create_tables and attach: what remains to be done.';

CREATE FUNCTION trainjob.create_tables(schema name DEFAULT 'public',
	with_triggers boolean DEFAULT true)
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	tables jsonb;
	columns jsonb := '{}';
	known jsonb;
	item record;
	is_new boolean;
BEGIN
	IF schema IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'schema must not be null';
	END IF;
	PERFORM _trainjob.check_may_create(schema);
	FOR item IN SELECT t.table_key, t.table_name FROM _trainjob.canonical_tables() AS t LOOP
		IF _trainjob.create_table(schema, item.table_key, item.table_name) THEN
			action := 'created table';
			object := format('%I.%I', schema, item.table_name);
			RETURN NEXT;
		ELSE
			RETURN QUERY SELECT * FROM _trainjob.add_new_columns(schema, item.table_key, item.table_name);
		END IF;
	END LOOP;
	SELECT jsonb_object_agg(t.table_key, format('%I.%I', schema, t.table_name))
		INTO tables
		FROM _trainjob.canonical_tables() AS t;
	IF with_triggers THEN
		-- what attach was told that a token may write, and of words, holds
		SELECT s.columns INTO known
			FROM trainjob.job_sets() AS s
			WHERE s.jobs = format('%I.local_training_jobs', schema)::regclass;
		is_new := NOT FOUND;
		SELECT COALESCE(jsonb_object_agg(k.key, k.value), '{}') INTO columns
			FROM jsonb_each_text(known) AS k
			WHERE _trainjob.is_word_argument(k.key);
		FOR item IN
			SELECT * FROM _trainjob.check_token_columns(tables, columns, known, NULL)
		LOOP
			IF item.note IS NULL THEN
				columns := columns || jsonb_build_object(item.argument, item.column_name);
			ELSE
				RAISE WARNING '%', item.note;
			END IF;
		END LOOP;
		RETURN QUERY SELECT * FROM _trainjob.attach_set(tables, columns, schema, 'job_overview', 'metric_coverage');
		RETURN QUERY SELECT * FROM _trainjob.next_steps(tables, columns, is_new, false);
	END IF;
END;
$$;

COMMENT ON FUNCTION trainjob.create_tables(name, boolean) IS
'Makes the tables of a set in a schema, with triggers and views, as ordinary objects of the caller, and returns what was done; what is there already is left as it is, but for columns that a later version of trainjob has. Without triggers and views for tables that are to be distributed first: a second call makes them.';

CREATE FUNCTION _trainjob.plain_name(name text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT lower(translate(name, '_- ', ''));
END;

COMMENT ON FUNCTION _trainjob.plain_name(text) IS
'A name without what differs between total_steps, totalSteps and TotalSteps.';

CREATE FUNCTION _trainjob.simple_keys(rel regclass, target regclass)
RETURNS TABLE (column_name name, target_name name)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	SELECT a.attname, t.attname
	FROM pg_catalog.pg_constraint AS c
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
	JOIN pg_catalog.pg_attribute AS t ON t.attrelid = c.confrelid AND t.attnum = c.confkey[1]
	WHERE c.contype = 'f' AND c.conrelid = rel AND c.confrelid = target
	  AND cardinality(c.conkey) = 1 AND c.conparentid = 0;
END;

COMMENT ON FUNCTION _trainjob.simple_keys(regclass, regclass) IS
'The foreign keys of one column that lead from a table to another.';

CREATE FUNCTION _trainjob.check_texts(definition text, name text)
RETURNS SETOF text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	-- name = 'text', name = ANY (ARRAY['text', ...]), name ~ '^(text|...)$'
	SELECT replace(t.match[1], '''''', '''')
	FROM (SELECT '\m' || regexp_replace(name, '(\W)', '\\\1', 'g') || '"?\)*(?:::[a-z ]+)?\)* ') AS n (start)
	CROSS JOIN LATERAL regexp_matches(definition, n.start || '= ANY \(+ARRAY\[(.*?)\]', 'g') AS l (match)
	CROSS JOIN LATERAL regexp_matches(l.match[1], '''((?:[^'']|'''')*)''', 'g') AS t (match)
	UNION ALL
	SELECT replace(t.match[1], '''''', '''')
	FROM (SELECT '\m' || regexp_replace(name, '(\W)', '\\\1', 'g') || '"?\)*(?:::[a-z ]+)?\)* ') AS n (start)
	CROSS JOIN LATERAL regexp_matches(definition, n.start || '= ''((?:[^'']|'''')*)''', 'g') AS t (match)
	UNION ALL
	SELECT e.word
	FROM (SELECT '\m' || regexp_replace(name, '(\W)', '\\\1', 'g') || '"?\)*(?:::[a-z ]+)?\)* ') AS n (start)
	CROSS JOIN LATERAL regexp_matches(definition, n.start || '~ ''\^\(([\w |-]+)\)\$''', 'g') AS t (match)
	CROSS JOIN LATERAL regexp_split_to_table(t.match[1], '\|') AS e (word);
END;

COMMENT ON FUNCTION _trainjob.check_texts(text, text) IS
'Part of attach: the texts that a CHECK allows for a column, as far as that can be read in its definition.';

CREATE FUNCTION _trainjob.spelled_columns(tables jsonb, columns jsonb)
RETURNS TABLE (table_key text, column_name name, actual_name name, note text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- columns whose names differ from ours in spelling, where neither argument
	-- "columns" nor a column of just our name says otherwise
	SELECT c.key, c.column_name, CASE WHEN c.count = 1 AND c.fits THEN c.names[1]::name END,
		   CASE
			WHEN c.count > 1 THEN
				format('columns %s of %s may all be %s: say which is: columns => ''{"%s.%5$s": "..."}''',
					   (SELECT string_agg(quote_ident(n.name), ', ') FROM unnest(c.names) AS n (name)),
					   c.table_name, c.column_name, c.key, c.column_name)
			WHEN NOT c.fits THEN
				format('column %I of %s is not taken for %s: its type %s cannot hold %s', c.names[1], c.table_name,
					   c.column_name, c.actual_type, c.column_type)
		   END
	FROM (
		SELECT t.key, t.value AS table_name, k.column_name, k.column_type, k.ordinal,
			   count(*) AS count, array_agg(a.attname::text ORDER BY a.attnum) AS names,
			   min(a.atttypid::regtype::text) AS actual_type,
			   bool_and(k.is_key OR _trainjob.type_holds(a.atttypid::regtype, k.column_type::regtype)) AS fits
		FROM jsonb_each_text(tables) AS t
		JOIN _trainjob.canonical_columns() AS k ON k.table_key = t.key
		JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.value::regclass AND a.attnum > 0 AND NOT a.attisdropped
			AND _trainjob.plain_name(a.attname) = _trainjob.plain_name(k.column_name)
		WHERE NOT columns ? k.column_name::text AND NOT columns ? (t.key || '.' || k.column_name)
		  AND NOT EXISTS (
			SELECT FROM jsonb_each_text(columns) AS said
			WHERE said.value = a.attname AND (starts_with(said.key, t.key || '.') OR strpos(said.key, '.') = 0))
		GROUP BY t.key, t.value, k.column_name, k.column_type, k.ordinal
		HAVING NOT bool_or(a.attname = k.column_name)) AS c
	ORDER BY c.key, c.ordinal;
END;

COMMENT ON FUNCTION _trainjob.spelled_columns(jsonb, jsonb) IS
'Part of attach: the columns that stand for canonical ones of another spelling; note: why one does not, though it looks so.';

CREATE FUNCTION _trainjob.linked_columns(tables jsonb, columns jsonb, said jsonb)
RETURNS TABLE (table_key text, column_name name, actual_name name)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	-- the job of a report or an alert
	SELECT t.key, 'job_id'::name, min(k.column_name::text)::name
	FROM (VALUES ('metrics'), ('alerts')) AS t (key)
	CROSS JOIN LATERAL _trainjob.simple_keys((tables ->> t.key)::regclass, (tables ->> 'jobs')::regclass) AS k
	WHERE k.target_name = _trainjob.job_column('id', tables, columns)
	  AND NOT EXISTS (
		SELECT FROM _trainjob.find_columns(t.key, (tables ->> t.key)::regclass, columns) AS f
		WHERE f.column_name = 'job_id' AND (f.actual_name IS NOT NULL OR f.unwanted))
	GROUP BY t.key
	HAVING count(*) = 1
	UNION ALL
	-- the dataset of a job, by whatever key it has
	SELECT l.table_key, l.column_name, l.actual_name
	FROM (
		SELECT min(k.column_name::text)::name AS from_job, min(k.target_name::text)::name AS to_dataset,
			   min(f.actual_name::text)::name AS known
		FROM _trainjob.find_columns('jobs', (tables ->> 'jobs')::regclass, columns) AS f
		CROSS JOIN LATERAL _trainjob.simple_keys((tables ->> 'jobs')::regclass, (tables ->> 'datasets')::regclass) AS k
		WHERE f.column_name = 'dataset_path' AND NOT f.unwanted
		  -- a path that no dataset has a column for is none
		  AND (COALESCE(f.actual_name, k.column_name) = k.column_name OR NOT EXISTS (
			SELECT FROM _trainjob.find_columns('datasets', (tables ->> 'datasets')::regclass, columns) AS p
			WHERE p.column_name = 'storage_path' AND p.actual_name IS NOT NULL))
		HAVING count(*) = 1) AS d
	CROSS JOIN LATERAL (VALUES
		('jobs', 'dataset_path'::name, d.from_job, d.known IS DISTINCT FROM d.from_job),
		('datasets', 'storage_path'::name, d.to_dataset,
		 NOT said ? 'storage_path' AND NOT said ? 'datasets.storage_path')
		) AS l (table_key, column_name, actual_name, is_new)
	WHERE l.is_new;
END;

COMMENT ON FUNCTION _trainjob.linked_columns(jsonb, jsonb, jsonb) IS
'Part of attach: the columns that foreign keys tell: the job of a report or an alert, the dataset of a job. said: of "columns", what the caller said.';

CREATE FUNCTION _trainjob.column_remarks(tables jsonb, columns jsonb)
RETURNS TABLE (action text, object text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH found AS (
		SELECT f.table_key, f.table_name, f.ordinal, f.column_name, f.actual_name, f.actual_type, f.column_type,
			   _trainjob.column_filler(f.table_name::regclass, f.table_key, f.column_name, f.actual_name) AS filler,
			   pg_get_expr(d.adbin, d.adrelid) AS value, a.attgenerated
		FROM _trainjob.set_columns(tables, columns) AS f
		JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.table_name::regclass AND a.attname = f.actual_name
		LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	)
	SELECT 'note', format('%s has columns that cannot be NULL; what they have in its place: %s', f.table_name,
						  string_agg(format('%I %s', f.actual_name, COALESCE(NULLIF(rtrim(f.filler), ''), '''''')),
									 ', ' ORDER BY f.ordinal))
	FROM found AS f
	-- a time has one by name only where its default is now() or the like
	WHERE f.filler IS NOT NULL AND f.filler <> '-infinity'
	GROUP BY f.table_key, f.table_name
	UNION ALL
	SELECT 'note', format('foreign keys %s of %s lead to %s: say which is the dataset that a job is trained on: columns => %L',
						  string_agg(quote_ident(k.column_name), ' and ' ORDER BY k.column_name), tables ->> 'jobs', tables ->> 'datasets',
						  jsonb_build_object('dataset_path', '...', 'storage_path', min(k.target_name::text)))
	FROM _trainjob.simple_keys((tables ->> 'jobs')::regclass, (tables ->> 'datasets')::regclass) AS k
	WHERE NOT EXISTS (
		SELECT FROM _trainjob.simple_keys((tables ->> 'jobs')::regclass, (tables ->> 'datasets')::regclass) AS t
		WHERE t.column_name = _trainjob.job_column('dataset_path', tables, columns))
	HAVING count(*) > 1
	UNION ALL
	SELECT 'note', format('column %I of %s is not unique by itself: a report of an id changes all jobs that have it',
						  _trainjob.job_column('id', tables, columns), tables ->> 'jobs')
	FROM pg_catalog.pg_class AS c
	WHERE c.oid = (tables ->> 'jobs')::regclass AND c.relkind = 'r'
	  AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_index AS x
		JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
		WHERE x.indrelid = c.oid AND x.indisunique AND x.indpred IS NULL AND x.indnkeyatts = 1
		  AND a.attname = _trainjob.job_column('id', tables, columns))
	UNION ALL
	SELECT 'note', format('%I of %s is asked of what triggers write into %s; where it says no, the report or alert fails: %s',
						  c.conname, tables ->> 'jobs', string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),
						  pg_get_constraintdef(c.oid))
	FROM pg_catalog.pg_constraint AS c
	JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)
	JOIN found AS f ON f.table_key = 'jobs' AND f.actual_name = a.attname AND f.attgenerated = ''
	JOIN _trainjob.canonical_columns() AS k ON k.table_key = 'jobs' AND k.column_name = f.column_name
	WHERE c.contype = 'c' AND c.conrelid = (tables ->> 'jobs')::regclass
	  AND (k.by_triggers OR k.column_name IN ('error', 'error_type')
		   OR k.column_name = 'status' AND NOT EXISTS (
				SELECT FROM _trainjob.check_texts(pg_get_constraintdef(c.oid), a.attname::text)))
	  AND pg_get_constraintdef(c.oid) !~ '_trainjob[.]'
	  -- nothing that triggers write is below zero
	  AND pg_get_constraintdef(c.oid) !~ '^CHECK \(\(*"?\w+"?\)*(::[a-z ]+)? >= \(?0\)?(::[a-z ]+)?\)+( NOT VALID)?$'
	GROUP BY c.oid, c.conname
	UNION ALL
	SELECT 'note', format('times without time zone are read and written as UTC: %s of %s',
						  string_agg(quote_ident(f.actual_name), ', ' ORDER BY f.ordinal), f.table_name)
	FROM found AS f
	WHERE f.column_type = 'timestamptz' AND f.actual_type = 'timestamp'::regtype
	GROUP BY f.table_key, f.table_name
	UNION ALL
	SELECT 'note', format('column %I of %s has default %s, which is the time of %s and not UTC: '
						  'ALTER TABLE %2$s ALTER COLUMN %1$I SET DEFAULT (now() AT TIME ZONE ''UTC'');',
						  f.actual_name, f.table_name, f.value, z.names)
	FROM found AS f
	-- of this session, and of those that others have by their role or database
	CROSS JOIN (
		SELECT string_agg(DISTINCT n.name, ', ') AS names
		FROM (
			SELECT current_setting('TimeZone') AS name
			UNION ALL
			SELECT substr(c.setting, length('TimeZone=') + 1)
			FROM pg_catalog.pg_db_role_setting AS r
			CROSS JOIN LATERAL unnest(r.setconfig) AS c (setting)
			WHERE r.setdatabase IN (0, (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()))
			  AND c.setting ILIKE 'TimeZone=%') AS n
		WHERE n.name !~* '^(Etc/)?(UTC|UCT|Universal|Zulu|GMT|Greenwich)$') AS z
	WHERE f.column_type = 'timestamptz' AND f.actual_type = 'timestamp'::regtype AND f.attgenerated = ''
	  AND f.value ~* '^[(]*(now|current_timestamp|localtimestamp|transaction_timestamp|statement_timestamp|clock_timestamp)\M'
	  AND f.value !~* 'utc' AND z.names IS NOT NULL
	UNION ALL
	SELECT 'note', format('%s must have a value of %s, which %s cannot know: give it a default', t.value,
						  string_agg(quote_ident(r.column_name), ', ' ORDER BY r.attnum),
						  CASE t.key WHEN 'alerts' THEN 'report_alert() and fail_stalled()' ELSE 'report_metrics()' END)
	FROM jsonb_each_text(tables) AS t
	CROSS JOIN LATERAL _trainjob.required_columns(t.key, t.value::regclass, columns) AS r
	WHERE t.key IN ('metrics', 'alerts') AND r.value IS NULL
	  -- an alert takes its job's user
	  AND NOT EXISTS (
		SELECT FROM _trainjob.find_columns(t.key, t.value::regclass, columns) AS f
		WHERE f.actual_name = r.column_name AND f.column_name = 'user_id')
	GROUP BY t.key, t.value;
END;

COMMENT ON FUNCTION _trainjob.column_remarks(jsonb, jsonb) IS
'Part of attach: what columns of other types and constraints than trainjob''s own mean.';

CREATE FUNCTION _trainjob.check_statuses(statuses jsonb, OUT words jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	IF jsonb_typeof(statuses) <> 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "statuses" must be an object',
			HINT = 'For example: statuses => ''{"completed": "SUCCEEDED", "running": ["ACTIVE", "WARMUP"]}''.';
	END IF;
	words := '{}';
	FOR item IN
		SELECT s.key, k.column_key, _trainjob.known_word(k.column_key, s.key) AS ours, e.n,
			   jsonb_typeof(e.value) AS type, e.value #>> '{}' AS word
		FROM jsonb_each(statuses) AS s
		CROSS JOIN LATERAL (
			SELECT CASE WHEN _trainjob.known_word('jobs.status', s.key) IS NOT NULL THEN 'jobs.status'
						WHEN _trainjob.known_word('alerts.type', s.key) IS NOT NULL THEN 'alerts.type' END) AS k (column_key)
		CROSS JOIN LATERAL jsonb_array_elements(
			CASE WHEN jsonb_typeof(s.value) = 'array' THEN s.value ELSE jsonb_build_array(s.value) END)
			WITH ORDINALITY AS e (value, n)
	LOOP
		IF item.column_key IS NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('"%s" in argument "statuses" is neither a status nor the type of an alert', item.key),
				DETAIL = 'The keys are trainjob''s words, their values those of the application.',
				HINT = 'A status is pending, queued, starting, running, paused, completed, failed or cancelled.';
		ELSIF item.type NOT IN ('string', 'null') OR _trainjob.plain_name(item.word) = '' THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('argument "statuses" has %s for "%s"', statuses -> item.key, item.key),
				DETAIL = 'It must be a word, an array of words of which the first is written, or null where there is none.';
		ELSIF words ? format('%s:%s.%s', item.column_key, item.ours, item.n) OR EXISTS (
			SELECT FROM jsonb_each_text(words) AS w
			WHERE starts_with(w.key, item.column_key || ':')
			  AND _trainjob.plain_name(w.value) = _trainjob.plain_name(item.word)) THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('argument "statuses" says two things of "%s"', COALESCE(item.word, item.key)),
				DETAIL = 'A word can mean one of trainjob''s words, each of which stands there once.';
		END IF;
		words := words || jsonb_build_object(format('%s:%s.%s', item.column_key, item.ours, item.n), COALESCE(item.word, ''));
	END LOOP;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_statuses(jsonb) IS
'Part of attach: argument "statuses" as triggers'' arguments.';

CREATE FUNCTION _trainjob.ask_as_owner(rel regclass, query text,
	OUT answer text, OUT n bigint)
RETURNS SETOF record
LANGUAGE c STABLE STRICT
AS 'MODULE_PATHNAME', 'trainjob_ask_as_owner';

COMMENT ON FUNCTION _trainjob.ask_as_owner(regclass, text) IS
'The first column of a query, asked as the owner of a table, for whoever has that role: what the tables'' indexes call must not run as a superuser who attaches them.';

CREATE FUNCTION _trainjob.column_words(rel regclass, column_name name)
RETURNS TABLE (word text, n bigint, source text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	attribute record;
	owner oid;
BEGIN
	SELECT a.attnum, a.atttypid, _trainjob.base_type(a.atttypid)::oid AS base, pg_get_expr(d.adbin, d.adrelid) AS value
		INTO STRICT attribute
		FROM pg_attribute AS a
		LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attrelid = rel AND a.attname = column_words.column_name AND NOT a.attisdropped;
	RETURN QUERY
		SELECT e.enumlabel::text, row_number() OVER (ORDER BY e.enumsortorder), 'enum'
		FROM pg_enum AS e
		WHERE e.enumtypid = attribute.base;
	IF FOUND THEN
		RETURN;
	END IF;
	-- CHECKs that speak of it, also of its domain and those that this is made of
	RETURN QUERY
		WITH RECURSIVE domains AS (
			SELECT attribute.atttypid AS oid
			UNION
			SELECT t.typbasetype FROM domains AS d JOIN pg_type AS t ON t.oid = d.oid WHERE t.typtype = 'd'
		)
		SELECT t.word, row_number() OVER (), 'check'
		FROM pg_constraint AS c
		CROSS JOIN LATERAL _trainjob.check_texts(pg_get_constraintdef(c.oid),
			CASE WHEN c.contypid <> 0 THEN 'VALUE' ELSE column_words.column_name::text END) AS t (word)
		WHERE c.contype = 'c'
		  AND (c.conrelid = rel AND attribute.attnum = ANY (c.conkey)
			   OR c.contypid <> 0 AND c.contypid IN (SELECT d.oid FROM domains AS d));
	IF FOUND THEN
		RETURN;
	END IF;
	SELECT c.relowner INTO STRICT owner FROM pg_class AS c WHERE c.oid = rel;
	IF NOT pg_has_role(owner, 'USAGE') THEN
		RETURN;
	END IF;
	-- the table of words that it refers to
	RETURN QUERY
		SELECT a.answer, a.n, 'key'
		FROM pg_constraint AS c
		JOIN pg_attribute AS t ON t.attrelid = c.confrelid AND t.attnum = c.confkey[1]
		CROSS JOIN LATERAL _trainjob.ask_as_owner(rel, format(
			'SELECT w.word FROM (SELECT _trainjob.output_text(%1$I) AS word FROM %2$s) AS w'
			' ORDER BY w.word COLLATE "C" LIMIT 100',
			t.attname, _trainjob.qualified_name(c.confrelid))) AS a
		WHERE c.contype = 'f' AND c.conrelid = rel AND c.conkey = ARRAY[attribute.attnum]
		  AND has_table_privilege(owner, c.confrelid, 'SELECT');
	IF FOUND THEN
		RETURN;
	END IF;
	RETURN QUERY
		SELECT a.answer, a.n, 'rows'
		FROM _trainjob.ask_as_owner(rel, format(
			'SELECT w.word FROM (SELECT _trainjob.output_text(%1$I) AS word, pg_catalog.count(*) AS count'
			' FROM %2$s WHERE %1$I IS NOT NULL GROUP BY 1) AS w ORDER BY w.count DESC, w.word COLLATE "C" LIMIT 100',
			column_words.column_name, _trainjob.qualified_name(rel))) AS a;
	IF NOT FOUND THEN
		RETURN QUERY
			SELECT replace(m.match[1], '''''', ''''), 1::bigint, 'rows'
			FROM regexp_matches(attribute.value, '^''((?:[^'']|'''')*)''') AS m (match);
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.column_words(regclass, name) IS
'Part of attach: the words that a column may have, by its enum, its CHECKs or the table that it refers to, or else those that it has, the most frequent first, or has by default.';

CREATE FUNCTION _trainjob.find_words(tables jsonb, columns jsonb, words jsonb)
RETURNS TABLE (argument text, word text, action text, object text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH places AS (
		SELECT c.table_key || '.' || c.column_name AS column_key, f.table_name, f.actual_name, c.states,
			   CASE WHEN y.typmod > 4 THEN y.typmod - 4 END AS longest
		FROM (VALUES ('jobs', 'status', ARRAY['running', 'completed', 'failed', 'cancelled']),
					 ('alerts', 'type', ARRAY['job_failed'])) AS c (table_key, column_name, states)
		JOIN _trainjob.set_columns(tables, columns) AS f
			ON f.table_key = c.table_key AND f.column_name = c.column_name
		JOIN pg_catalog.pg_attribute AS a ON a.attrelid = f.table_name::regclass AND a.attname = f.actual_name
		JOIN LATERAL (
			SELECT CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END
			FROM pg_catalog.pg_type AS t WHERE t.oid = a.atttypid) AS y (typmod) ON true
		-- nobody writes what the database computes; trainjob's own have its own words
		WHERE a.attgenerated = ''
		  AND NOT EXISTS (
			SELECT FROM _trainjob.table_callers(c.table_key, f.table_name::regclass) AS k
			WHERE k.definition ~ 'check_job_status|check_alert_type')
	), held AS (
		SELECT p.column_key, p.table_name, p.actual_name, h.word, h.n, h.source,
			   COALESCE((SELECT split_part(split_part(w.key, ':', 2), '.', 1)
						 FROM jsonb_each_text(words) AS w
						 WHERE starts_with(w.key, p.column_key || ':')
						   AND _trainjob.plain_name(w.value) = _trainjob.plain_name(h.word)
						 LIMIT 1),
						_trainjob.known_word(p.column_key, h.word)) AS meaning,
			   _trainjob.known_word(p.column_key, h.word) AS known
		FROM places AS p
		CROSS JOIN LATERAL _trainjob.column_words(p.table_name::regclass, p.actual_name) AS h
	), chosen AS (
		SELECT p.column_key, p.table_name, p.actual_name, p.longest, s.state, s.n,
			   words ->> (p.column_key || ':' || s.state || '.1') AS given,
			   (SELECT h.word FROM held AS h
				WHERE h.column_key = p.column_key AND h.meaning = s.state
				  -- a word for a kind of it would say more than is known
				  AND (h.known IS NULL OR _trainjob.is_plain_word(h.column_key, h.word))
				ORDER BY h.source <> 'rows' AND h.word = s.state DESC,
						 h.source <> 'rows' AND _trainjob.plain_name(h.word) = _trainjob.plain_name(s.state) DESC, h.n
				LIMIT 1) AS held,
			   -- in the letters of the others, where nothing tells which word it would be
			   (SELECT CASE
					WHEN count(*) = 0 OR bool_or(h.source <> 'rows') THEN NULL
					WHEN bool_and(h.word = upper(h.word)) THEN upper(s.state)
					WHEN bool_and(h.word = initcap(h.word)) THEN initcap(s.state)
				END
				FROM held AS h
				WHERE h.column_key = p.column_key AND h.meaning IS NOT NULL) AS styled,
			   (SELECT max(h.source) FROM held AS h
				WHERE h.column_key = p.column_key AND h.source <> 'rows') AS closed
		FROM places AS p
		CROSS JOIN LATERAL unnest(p.states) WITH ORDINALITY AS s (state, n)
	), written AS (
		SELECT c.*, w.word AS wanted,
			   CASE WHEN length(w.word) > c.longest
					  OR c.closed IS NOT NULL AND w.word <> '' AND NOT EXISTS (
						SELECT FROM held AS h WHERE h.column_key = c.column_key AND h.word = w.word)
					THEN '' ELSE w.word END AS word
		FROM chosen AS c
		CROSS JOIN LATERAL (
			SELECT COALESCE(c.given, c.held, CASE WHEN c.closed IS NOT NULL THEN '' ELSE COALESCE(c.styled, c.state) END)) AS w (word)
	)
	SELECT r.argument, r.word, r.action, r.object
	FROM (
		SELECT 1 AS part, w.column_key, w.n, w.column_key || ':' || w.state AS argument, w.word,
			   CASE WHEN w.word = '' AND w.given IS DISTINCT FROM '' THEN 'note' END AS action,
			   CASE WHEN w.word = '' THEN
				format('column %I of %s has no word for %s: %s. %s: allow one and call attach() again, '
					   'or name another: statuses => ''{"%3$s": "..."}''',
					   w.actual_name, w.table_name, w.state,
					   CASE WHEN w.closed IS NULL THEN format('its length of %s does not hold %L', w.longest, w.wanted)
							ELSE CASE w.closed WHEN 'enum' THEN 'its enum lacks ' WHEN 'check' THEN 'its CHECK does not list '
											   ELSE 'the table that it refers to lacks ' END
								 || COALESCE(quote_literal(NULLIF(w.wanted, '')), 'it') END,
					   CASE w.column_key WHEN 'jobs.status' THEN 'Until then jobs keep the status that they have'
										 ELSE 'Until then fail_stalled() fails' END)
			   END AS object
		FROM written AS w
		WHERE w.word <> w.state AND w.word IS DISTINCT FROM w.given
		UNION ALL
		-- other words that were said to mean something
		SELECT 2, NULL, NULL, w.key, w.value, NULL, NULL
		FROM jsonb_each_text(words) AS w
		UNION ALL
		SELECT 3, h.column_key, h.n, NULL, NULL, 'unknown word',
			   format('%L in column %I of %s: if it means one of trainjob''s, say which: statuses => %L',
					  h.word, h.actual_name, h.table_name,
					  jsonb_build_object(CASE h.column_key WHEN 'jobs.status' THEN 'running' ELSE 'job_started' END, h.word))
		FROM held AS h
		WHERE h.meaning IS NULL) AS r
	ORDER BY r.part, r.column_key DESC, r.n, r.argument;
END;

COMMENT ON FUNCTION _trainjob.find_words(jsonb, jsonb, jsonb) IS
'Part of attach: the triggers'' arguments that say which words columns have for statuses and types of alerts, with those that were said; the words that nobody knows.';

CREATE FUNCTION _trainjob.check_columns(tables jsonb, columns jsonb,
	add_columns boolean)
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
	missing text;
	statements text;
BEGIN
	IF jsonb_typeof(columns) <> 'object' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = 'argument "columns" must be an object',
			HINT = 'For example: columns => ''{"sample_count": "total_examples"}''.';
	END IF;
	-- names that mean nothing
	FOR item IN
		SELECT c.key, c.value
		FROM jsonb_each_text(columns) AS c
		WHERE NOT EXISTS (
			SELECT FROM _trainjob.canonical_columns() AS k
			WHERE c.key IN (k.column_name, k.table_key || '.' || k.column_name))
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('"%s" in argument "columns" is no column of trainjob', item.key),
			HINT = 'The names are those of _trainjob.canonical_columns(), alone or as table.column, where table is jobs, metrics, datasets, alerts or status_changes.';
	END LOOP;
	FOR item IN
		SELECT c.key, c.value
		FROM jsonb_each_text(columns) AS c
		WHERE c.value <> '' AND NOT EXISTS (
			SELECT FROM _trainjob.set_columns(tables, columns) AS f
			WHERE c.key IN (f.column_name, f.table_key || '.' || f.column_name)
			  AND f.actual_name = c.value)
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('column "%s" does not exist', item.value),
			DETAIL = format('Argument "columns" says that it stands for "%s".', item.key),
			HINT = 'Each name in "columns" must be that of a column of the table that has, or should have, the other.';
	END LOOP;
	FOR item IN
		SELECT f.table_key, f.table_name, f.column_name
		FROM _trainjob.set_columns(tables, columns) AS f
		WHERE f.unwanted AND f.essential
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('trainjob cannot do without a column "%s" of table %s', item.column_name, item.table_name),
			DETAIL = 'Argument "columns" says that there is none.',
			HINT = format('Name the column that stands for it: columns => ''{"%s.%s": "..."}''.', item.table_key, item.column_name);
	END LOOP;

	-- what is missing
	SELECT string_agg(m.names, ', ' ORDER BY m.table_key),
		   string_agg(format('ALTER TABLE %s %s;', m.table_name, m.additions), ' ' ORDER BY m.table_key)
		INTO missing, statements
		FROM (
			SELECT f.table_key, f.table_name,
				   string_agg(format('%s.%I', f.table_name, f.column_name), ', ' ORDER BY f.ordinal) AS names,
				   string_agg(format('ADD COLUMN %I %s', f.column_name,
						_trainjob.column_type(f.table_key, f.column_name, f.column_type, tables, columns)),
						', ' ORDER BY f.ordinal) AS additions
			FROM _trainjob.set_columns(tables, columns) AS f
			WHERE f.actual_name IS NULL AND f.essential
			GROUP BY f.table_key, f.table_name) AS m;
	IF missing IS NOT NULL AND NOT add_columns THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_column',
			MESSAGE = format('columns that trainjob cannot do without are missing: %s', missing),
			DETAIL = 'If they have other names, say so in argument "columns".',
			HINT = statements;
	END IF;
	FOR item IN
		SELECT f.table_name, f.column_name, k.description,
			   _trainjob.column_type(f.table_key, f.column_name, f.column_type, tables, columns) AS column_type
		FROM _trainjob.set_columns(tables, columns) AS f
		JOIN _trainjob.canonical_columns() AS k ON k.table_key = f.table_key AND k.column_name = f.column_name
		WHERE f.actual_name IS NULL AND NOT f.unwanted
		  -- nobody but the application could fill it, and a Rails application that
		  -- has a column of this name does not start
		  AND NOT (add_columns AND f.column_name = 'model_name')
	LOOP
		object := format('%s.%I %s', item.table_name, item.column_name, item.column_type);
		IF add_columns THEN
			EXECUTE format('ALTER TABLE %s ADD COLUMN %I %s', item.table_name,
				item.column_name, item.column_type);
			EXECUTE format('COMMENT ON COLUMN %s.%I IS %L', item.table_name, item.column_name, item.description);
			action := 'added column';
		ELSE
			action := 'missing column';
		END IF;
		RETURN NEXT;
	END LOOP;

	-- types that cannot hold what they must
	FOR item IN
		SELECT f.table_key, f.table_name, f.column_name, f.actual_name, f.actual_type, f.column_type, f.essential
		FROM _trainjob.set_columns(tables, columns) AS f
		JOIN _trainjob.canonical_columns() AS k ON k.table_key = f.table_key AND k.column_name = f.column_name
		WHERE f.actual_name IS NOT NULL
		  AND CASE WHEN f.column_name IN ('dataset_path', 'storage_path') THEN
					f.actual_type NOT IN ('uuid'::regtype, 'bigint'::regtype, 'integer'::regtype, 'smallint'::regtype)
				   ELSE NOT k.is_key END
		  AND NOT _trainjob.type_holds(f.actual_type, f.column_type::regtype)
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'datatype_mismatch',
			MESSAGE = format('column "%s" of table %s has type %s', item.actual_name,
							 item.table_name, item.actual_type),
			DETAIL = format('It must be able to hold %s. If it means something else, %s: columns => ''{"%s.%s": %s}''.',
							item.column_type::regtype,
							CASE WHEN item.essential THEN 'name the column that does' ELSE 'do without it' END,
							item.table_key, item.column_name,
							CASE WHEN item.essential THEN '"..."' ELSE 'null' END),
			HINT = format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %I::%s%s;',
						  item.table_name, item.actual_name, item.column_type, item.actual_name,
						  CASE WHEN item.column_type <> 'text' THEN 'text::' ELSE '' END, item.column_type);
	END LOOP;
	FOR item IN
		SELECT f.table_name, f.column_name, f.actual_name, f.actual_type, e.labels, e.statements
		FROM _trainjob.set_columns(tables, columns) AS f
		JOIN pg_attribute AS a ON a.attrelid = f.table_name::regclass AND a.attname = f.actual_name
		JOIN LATERAL (
			SELECT string_agg(format('%L', l.label), ', ' ORDER BY l.n) AS labels,
				   string_agg(format('ALTER TYPE %s ADD VALUE %L;', f.actual_type, l.label), ' ' ORDER BY l.n) AS statements
			FROM unnest(CASE f.column_name
				WHEN 'total_steps_source' THEN ARRAY['given', 'estimated', 'reported', 'observed', 'disproved']
				ELSE ARRAY['applied', 'unchanged', 'late', 'refused', 'noted', 'waiting']
				END) WITH ORDINALITY AS l (label, n)
			WHERE CASE WHEN f.actual_type IN ('varchar'::regtype, 'bpchar'::regtype)
					THEN a.atttypmod BETWEEN 4 AND 4 + 8 AND length(l.label) + 4 > a.atttypmod
					ELSE EXISTS (SELECT FROM pg_type AS y WHERE y.oid = f.actual_type AND y.typtype = 'e')
						 AND NOT EXISTS (SELECT FROM pg_enum AS e
										 WHERE e.enumtypid = f.actual_type AND e.enumlabel = l.label) END) AS e
			ON e.labels IS NOT NULL
		WHERE (f.table_key, f.column_name) IN (('jobs', 'total_steps_source'), ('alerts', 'outcome'))
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'datatype_mismatch',
			MESSAGE = format('column "%s" of table %s has type %s, which cannot hold %s', item.actual_name,
							 item.table_name, item.actual_type, item.labels),
			HINT = CASE WHEN item.actual_type IN ('varchar'::regtype, 'bpchar'::regtype)
						THEN format('ALTER TABLE %s ALTER COLUMN %I TYPE text;', item.table_name, item.actual_name)
						ELSE item.statements END;
	END LOOP;
	FOR item IN
		SELECT f.table_name, f.actual_name, f.actual_type,
			   k.actual_type AS key_type, k.table_name AS key_table, k.actual_name AS key_name
		FROM _trainjob.set_columns(tables, columns) AS f
		JOIN _trainjob.set_columns(tables, columns) AS k
			ON (k.table_key, f.column_name, k.column_name) IN
				(('jobs', 'job_id', 'id'), ('jobs', 'user_id', 'user_id'), ('datasets', 'dataset_path', 'storage_path'))
		WHERE f.actual_type <> k.actual_type
		  AND (f.column_name <> 'dataset_path'
			   OR NOT (_trainjob.type_holds(f.actual_type, 'text') AND _trainjob.type_holds(k.actual_type, 'text'))
				  AND NOT (f.actual_type IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype)
						   AND k.actual_type IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype)))
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'datatype_mismatch',
			MESSAGE = format('column "%s" of table %s has type %s, not %s', item.actual_name,
							 item.table_name, item.actual_type, item.key_type),
			DETAIL = format('It must have the type of column "%s" of %s, to which it refers.', item.key_name, item.key_table),
			HINT = format('ALTER TABLE %s ALTER COLUMN %I TYPE %s USING %I::%s%s;', item.table_name,
						  item.actual_name, item.key_type, item.actual_name,
						  CASE WHEN 'text'::regtype IN (item.actual_type, item.key_type) THEN '' ELSE 'text::' END,
						  item.key_type);
	END LOOP;
	-- what the database computes only when it is read
	FOR item IN
		SELECT f.table_key, f.table_name, f.column_name, f.actual_name, f.essential,
			   pg_get_expr(d.adbin, d.adrelid) AS expression,
			   format_type(a.atttypid, a.atttypmod) AS declared
		FROM _trainjob.set_columns(tables, columns) AS f
		JOIN pg_attribute AS a ON a.attrelid = f.table_name::regclass AND a.attname = f.actual_name
		JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attgenerated = 'v'
	LOOP
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('column "%s" of table %s is a virtual generated column', item.actual_name, item.table_name),
			DETAIL = format('No trigger sees what it holds.%s',
							CASE WHEN NOT item.essential THEN
								format(' To do without it: columns => ''{"%s.%s": null}''.', item.table_key, item.column_name)
							ELSE '' END),
			HINT = format('Have it stored: ALTER TABLE %s DROP COLUMN %I, ADD COLUMN %2$I %s GENERATED ALWAYS AS (%s) STORED;',
						  item.table_name, item.actual_name, item.declared, item.expression);
	END LOOP;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_columns(jsonb, jsonb, boolean) IS
'Part of attach: checks that the tables have the columns that are needed, adds or lists those that are missing.';

CREATE FUNCTION _trainjob.token_column(key text, rel regclass, column_name name,
	columns jsonb, OUT is_ours boolean, OUT refusal text)
RETURNS record
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH kept AS (
		SELECT unnest(ARRAY['id', 'job_id', 'type', 'user_id', 'received_at', 'outcome', 'outcome_reason',
							'status_before', 'status_after']::name[]) AS name
	), own AS (
		SELECT f.column_name AS name, f.actual_name = token_column.column_name AS stands_for
		FROM _trainjob.find_columns(key, rel, columns) AS f
		WHERE token_column.column_name IN (f.column_name, f.actual_name)
		-- what it stands for says more than how it is called
		ORDER BY (f.column_name IN (SELECT k.name FROM kept AS k)) DESC, 2 DESC NULLS LAST
		LIMIT 1
	)
	SELECT o.name IS NOT NULL AND o.name NOT IN (SELECT k.name FROM kept AS k),
		CASE
			WHEN o.name IN (SELECT k.name FROM kept AS k) AND o.name <> column_name THEN
				format('It stands for "%s", which no trainer may say of itself.', o.name)
			WHEN column_name IN (SELECT k.name FROM kept AS k) THEN
				'It is one of those that say which row it is, whose it is, and what became of it.'
			WHEN o.name IS NOT NULL THEN NULL
			WHEN a.attname IS NULL THEN 'There is no such column.'
			WHEN a.attidentity <> '' THEN 'It is an identity column, which the database fills.'
			WHEN a.attgenerated <> '' THEN 'It is a generated column, which the database computes.'
			WHEN strpos(column_name, '=') > 0 THEN 'A trigger''s argument cannot have it, for there is a "=" in its name.'
		END
	FROM (VALUES (true)) AS one (row)
	LEFT JOIN own AS o ON true
	LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = rel AND a.attname = column_name
		AND a.attnum > 0 AND NOT a.attisdropped;
END;

COMMENT ON FUNCTION _trainjob.token_column(text, regclass, name, jsonb) IS
'Part of attach: whether a column of the metrics or the alerts table is trainjob''s own and written by reports anyway, and else why a token cannot be let write it; NULL: it can.';

CREATE FUNCTION _trainjob.check_token_columns(tables jsonb, columns jsonb,
	known jsonb, token_columns text[])
RETURNS TABLE (argument text, column_name name, note text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	item record;
BEGIN
	-- what was said before holds, as far as it can
	IF token_columns IS NULL THEN
		RETURN QUERY
			SELECT t.argument, t.column_name,
				   CASE WHEN c.is_ours OR c.refusal IS NOT NULL THEN
					format('tokens write column "%s" of %s no more: %s', t.column_name, tables ->> t.table_key,
						   COALESCE(c.refusal, 'It is one of trainjob''s own now.')) END
			FROM _trainjob.token_arguments(known) AS t
			CROSS JOIN LATERAL _trainjob.token_column(t.table_key, (tables ->> t.table_key)::regclass,
													 t.column_name, columns) AS c
			WHERE tables ->> t.table_key IS NOT NULL;
		RETURN;
	END IF;
	FOR item IN
		SELECT DISTINCT e.element, f.table_key, f.name, c.is_ours, c.refusal
		FROM unnest(token_columns) AS e (element)
		LEFT JOIN (
			SELECT t.key AS table_key, t.value::regclass AS rel, n.name
			FROM jsonb_each_text(tables) AS t
			CROSS JOIN LATERAL (
				SELECT a.attname FROM pg_attribute AS a
				WHERE a.attrelid = t.value::regclass AND a.attnum > 0 AND NOT a.attisdropped
				UNION
				SELECT k.column_name FROM _trainjob.canonical_columns() AS k WHERE k.table_key = t.key) AS n (name)
			WHERE t.key IN ('metrics', 'alerts')) AS f
			ON e.element IN (f.name, f.table_key || '.' || f.name)
		LEFT JOIN LATERAL _trainjob.token_column(f.table_key, f.rel, f.name, columns) AS c ON true
		ORDER BY 1, 2
	LOOP
		IF item.name IS NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'undefined_column',
				MESSAGE = format('column %s does not exist', COALESCE('"' || item.element || '"', 'NULL')),
				DETAIL = format('Argument "token_columns" names it, but neither the metrics table (%s) nor the alerts table (%s) has it.',
								COALESCE(tables ->> 'metrics', 'none'), COALESCE(tables ->> 'alerts', 'none')),
				HINT = 'Each element is the name of a column of one of them, alone or as metrics.name or alerts.name.';
		ELSIF item.refusal IS NOT NULL THEN
			RAISE EXCEPTION USING
				ERRCODE = 'invalid_parameter_value',
				MESSAGE = format('a token cannot be allowed to write column "%s" of table %s', item.name, tables ->> item.table_key),
				DETAIL = item.refusal,
				HINT = 'Take it out of argument "token_columns".';
		END IF;
		CONTINUE WHEN item.is_ours;
		argument := item.table_key || '.' || item.name;
		column_name := item.name;
		RETURN NEXT;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_token_columns(jsonb, jsonb, jsonb, text[]) IS
'Part of create_tables and attach: the triggers'' arguments for columns that a token may write, from argument "token_columns" or, where that is NULL, from those that there are; note: why one of these does not hold any more.';

CREATE FUNCTION _trainjob.missing_indexes(tables jsonb, columns jsonb)
RETURNS TABLE (action text, object text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	WITH wanted AS (
		SELECT i.n, i.key, w.rel, k.relkind, i.names[1] AS first_name,
			   -- where something stands for NULL, no index tells which jobs wait
			   CASE WHEN i.n <> 2
					  OR bool_and(_trainjob.column_filler(w.rel, i.key, f.column_name, f.actual_name) IS NULL)
					THEN i.pattern ELSE '(%s)' END AS pattern,
			   array_agg(quote_ident(f.actual_name) ORDER BY c.n) AS names
		FROM (VALUES (1, 'jobs', '(%s)', ARRAY['id']),
					 (2, 'jobs', '(%s) WHERE %s IS NULL OR %s IS NULL OR %s IS NULL',
					  ARRAY['dataset_path', 'total_samples', 'train_samples', 'val_samples']),
					 (3, 'jobs', '(_trainjob.token_digest(%1$s)) WHERE %1$s IS NOT NULL', ARRAY['job_token']),
					 (4, 'metrics', NULL, ARRAY['job_id', 'step', 'id']),
					 (5, 'alerts', NULL, ARRAY['job_id', 'occurred_at', 'id']),
					 (6, 'datasets', NULL, ARRAY['storage_path', 'user_id'])) AS i (n, key, pattern, names)
		CROSS JOIN LATERAL (SELECT (tables ->> i.key)::regclass AS rel) AS w
		JOIN pg_catalog.pg_class AS k ON k.oid = w.rel
		CROSS JOIN LATERAL unnest(i.names) WITH ORDINALITY AS c (column_name, n)
		JOIN LATERAL _trainjob.find_columns(i.key, w.rel, columns) AS f
			ON f.column_name = c.column_name AND f.actual_name IS NOT NULL
		-- datasets: the index is for the jobs that wait for one
		WHERE i.n <> 2 OR tables ->> 'datasets' IS NOT NULL
		GROUP BY i.n, i.key, w.rel, k.relkind, i.pattern, i.names
		HAVING i.pattern IS NULL OR count(*) = cardinality(i.names)
	)
	SELECT 'missing index', format('CREATE INDEX %sON %s %s',
		-- not for a partitioned table, whose index is made on all partitions
		CASE WHEN w.relkind = 'p' THEN '' ELSE 'CONCURRENTLY ' END,
		_trainjob.qualified_name(w.rel),
		COALESCE(format(w.pattern, VARIADIC w.names),
				 '(' || array_to_string(w.names, ', ') || ')'))
	FROM wanted AS w
	WHERE NOT EXISTS (
		SELECT FROM pg_catalog.pg_index AS x
		LEFT JOIN pg_catalog.pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0]
		WHERE x.indrelid = w.rel AND x.indisvalid
		  AND CASE WHEN w.n = 3
				THEN pg_get_indexdef(x.indexrelid) LIKE '%_trainjob.token_digest(' || replace(w.names[1], '\', '\\') || ')%'
				ELSE quote_ident(a.attname) = w.names[1] AND (x.indpred IS NULL OR w.n = 2) END)
	ORDER BY w.n;
END;

COMMENT ON FUNCTION _trainjob.missing_indexes(jsonb, jsonb) IS
'Part of attach: the indexes that the triggers and views would use and that are not there.';

CREATE FUNCTION _trainjob.check_tables(jobs regclass, metrics regclass,
	datasets regclass, alerts regclass)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	other record;
BEGIN
	-- tables that can carry what they must, each in one part
	SELECT t.key, t.rel, c.relkind, c.relispartition, p.inhparent::regclass AS parent,
		   count(*) OVER (PARTITION BY t.rel) AS parts
		INTO other
		FROM (VALUES (1, 'jobs', jobs), (2, 'metrics', metrics), (3, 'datasets', datasets),
					 (4, 'alerts', alerts)) AS t (n, key, rel)
		JOIN pg_class AS c ON c.oid = t.rel
		LEFT JOIN pg_inherits AS p ON p.inhrelid = t.rel AND c.relispartition
		ORDER BY c.relkind IN ('r', 'p'), NOT c.relispartition, parts DESC, t.n
		LIMIT 1;
	IF other.relkind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('%s in argument "%s" is not a table', _trainjob.qualified_name(other.rel), other.key),
			DETAIL = 'Views and foreign tables cannot have the triggers.';
	ELSIF other.relispartition THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('table %s in argument "%s" is a partition', _trainjob.qualified_name(other.rel), other.key),
			HINT = format('Name the partitioned table: %s => ''%s''.', other.key, _trainjob.qualified_name(other.parent));
	ELSIF other.parts > 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('table %s is named in more than one argument', _trainjob.qualified_name(other.rel));
	END IF;
	IF NOT pg_has_role((SELECT c.relowner FROM pg_class AS c WHERE c.oid = jobs), 'MEMBER') THEN
		RAISE EXCEPTION USING
			ERRCODE = 'insufficient_privilege',
			MESSAGE = format('must be owner of table %s', _trainjob.qualified_name(jobs));
	END IF;
	SELECT _trainjob.qualified_name(p.relid) AS partition INTO other
		FROM pg_partition_tree(metrics) AS p
		JOIN pg_class AS c ON c.oid = p.relid AND c.relkind = 'f'
		ORDER BY 1
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'wrong_object_type',
			MESSAGE = format('partition %s of %s is a foreign table', other.partition, _trainjob.qualified_name(metrics)),
			DETAIL = 'PostgreSQL cannot show a statement''s trigger the rows that go into a foreign table: every INSERT would fail.',
			HINT = 'Attach the tables of the server where the rows are.';
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_tables(regclass, regclass, regclass, regclass) IS
'Part of attach: refuses tables that cannot carry the triggers, or that are not the caller''s.';

CREATE FUNCTION trainjob.attach(jobs regclass, metrics regclass DEFAULT NULL,
	datasets regclass DEFAULT NULL, alerts regclass DEFAULT NULL,
	columns jsonb DEFAULT '{}', add_columns boolean DEFAULT false,
	view_schema name DEFAULT NULL, with_triggers boolean DEFAULT true,
	token_columns text[] DEFAULT NULL, statuses jsonb DEFAULT NULL)
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	words jsonb := _trainjob.check_statuses(COALESCE(statuses, '{}'));
	missing bigint;
	said jsonb;
	job_table record;
	made record;
	known record;
	other record;
	name_of_table name;
	own_name name;
	types jsonb;
	tables jsonb := jsonb_strip_nulls(jsonb_build_object(
		'jobs', _trainjob.qualified_name(jobs),
		'metrics', _trainjob.qualified_name(metrics),
		'datasets', _trainjob.qualified_name(datasets),
		'alerts', _trainjob.qualified_name(alerts)));
BEGIN
	IF jobs IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'null_value_not_allowed',
			MESSAGE = 'argument "jobs" must not be NULL',
			HINT = 'It is the table of the jobs; trainjob.create_tables() makes one.';
	END IF;
	PERFORM _trainjob.check_tables(jobs, metrics, datasets, alerts);

	-- what was said before holds, unless it is said anew
	columns := COALESCE(columns, '{}');
	SELECT s.tables, s.columns INTO known
		FROM trainjob.job_sets() AS s
		WHERE s.jobs = attach.jobs;
	SELECT t.key, t.value AS now, known.tables ->> t.key AS before INTO other
		FROM jsonb_each_text(tables) AS t
		WHERE t.key <> 'jobs' AND t.value <> known.tables ->> t.key
		ORDER BY t.key
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('the %s table of %s is %s, not %s', other.key,
							 _trainjob.qualified_name(jobs), other.before, other.now),
			HINT = format('To change it, detach first: SELECT * FROM trainjob.detach(%L);', _trainjob.qualified_name(jobs));
	END IF;
	SELECT t.key, t.value, _trainjob.qualified_name(s.jobs) AS jobs INTO other
		FROM jsonb_each_text(tables) AS t
		JOIN trainjob.job_sets() AS s ON s.jobs <> attach.jobs AND s.tables ->> t.key = t.value
		WHERE t.key IN ('metrics', 'alerts')
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('table %s is the %s table of %s already', other.value, other.key, other.jobs),
			HINT = format('Only datasets may serve several sets. To take it away there: SELECT * FROM trainjob.detach(%L);', other.jobs);
	END IF;
	tables := COALESCE(known.tables, '{}') || tables;
	IF jsonb_typeof(columns) = 'object' THEN
		columns := (
			SELECT COALESCE(jsonb_object_agg(k.key, k.value), '{}')
			FROM jsonb_each_text(known.columns) AS k
			WHERE NOT columns ? k.key AND NOT columns ? split_part(k.key, '.', 2)
			  AND k.key NOT IN (SELECT t.argument FROM _trainjob.token_arguments(known.columns) AS t)
			  AND NOT _trainjob.is_word_argument(k.key)
			  AND (k.value = '' OR EXISTS (
				SELECT FROM pg_attribute AS a
				WHERE a.attrelid = (tables ->> split_part(k.key, '.', 1))::regclass
				  AND a.attname = k.value AND NOT a.attisdropped))) || columns;
	END IF;
	-- not the words that it found, which may be others now
	SELECT COALESCE(jsonb_object_agg(k.key, k.value), '{}') || words INTO words
		FROM jsonb_each_text(known.columns) AS k
		WHERE _trainjob.is_word_argument(k.key) AND k.key ~ '\.\d+$'
		  -- what is said anew replaces all that was said of a status
		  AND NOT EXISTS (SELECT FROM jsonb_each_text(words) AS w
						  WHERE split_part(w.key, '.', 2) = split_part(k.key, '.', 2));
	-- names of another spelling, and what foreign keys tell
	IF jsonb_typeof(columns) = 'object' THEN
		said := columns;
		FOR other IN SELECT * FROM _trainjob.spelled_columns(tables, columns) LOOP
			columns := columns || jsonb_build_object(other.table_key || '.' || other.column_name, other.actual_name);
			IF other.note IS NOT NULL THEN
				action := 'note';
				object := other.note;
				RETURN NEXT;
			END IF;
		END LOOP;
		SELECT columns || COALESCE(jsonb_object_agg(l.table_key || '.' || l.column_name, l.actual_name), '{}') INTO columns
			FROM _trainjob.linked_columns(tables, columns, said) AS l;
		RETURN QUERY
			SELECT 'found column', format('%I of %s for %s', f.actual_name, f.table_name, f.column_name)
			FROM _trainjob.set_columns(tables, columns) AS f
			WHERE f.actual_name = columns ->> (f.table_key || '.' || f.column_name)
			  AND NOT said ? (f.table_key || '.' || f.column_name)
			ORDER BY array_position(ARRAY['jobs', 'metrics', 'datasets', 'alerts'], f.table_key), f.ordinal;
	END IF;
	SELECT n.nspname AS schema, c.relname AS name INTO STRICT job_table
		FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
		WHERE c.oid = jobs;
	RETURN QUERY SELECT * FROM _trainjob.check_columns(tables, columns, add_columns);
	-- a row that moves to another partition fires no UPDATE trigger after it
	SELECT p.relid, a.attname INTO other
		FROM pg_partition_tree(jobs) AS p
		JOIN pg_partitioned_table AS t ON t.partrelid = p.relid
		JOIN pg_attribute AS a ON a.attrelid = p.relid AND a.attnum = ANY (t.partattrs::int2[])
		JOIN _trainjob.find_columns('jobs', jobs, columns) AS f ON f.actual_name = a.attname
		WHERE f.column_name NOT IN ('id', 'user_id', 'model_name', 'dataset_path', 'job_token', 'config', 'created_at')
		ORDER BY p.level
		LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION USING
			ERRCODE = 'feature_not_supported',
			MESSAGE = format('table %s is partitioned by column "%s", which the triggers change',
							 _trainjob.qualified_name(other.relid), other.attname),
			DETAIL = 'A row that moves to another partition is no longer known to have been updated.',
			HINT = 'Partition it by a column that stays as it is, such as its id.';
	END IF;

	-- alerts and the record of changes, where the application has none
	SELECT jsonb_object_agg(t.name, f.actual_type) INTO types
		FROM _trainjob.find_columns('jobs', jobs, columns) AS f
		JOIN (VALUES ('id', 'job_id'), ('user_id', 'user_id')) AS t (column_name, name)
			ON t.column_name = f.column_name
		WHERE f.actual_type IS NOT NULL;
	FOR made IN
		SELECT t.table_key, t.table_name
		FROM _trainjob.canonical_tables() AS t
		WHERE t.table_key IN ('alerts', 'status_changes')
		  AND tables ->> t.table_key IS NULL
	LOOP
		-- the one that an earlier attach made, if no other set has it now
		own_name := _trainjob.made_name(job_table.name, '_' || made.table_name);
		name_of_table := COALESCE((
			SELECT n.name
			FROM unnest(ARRAY[own_name, made.table_name]) WITH ORDINALITY AS n (name, place)
			WHERE to_regclass(format('%I.%I', job_table.schema, n.name)) IS NOT NULL
			  AND _trainjob.table_differences(made.table_key,
					to_regclass(format('%I.%I', job_table.schema, n.name)), types) IS NULL
			  AND NOT EXISTS (
				SELECT FROM trainjob.job_sets() AS s
				WHERE s.jobs <> attach.jobs
				  AND s.tables ->> made.table_key = format('%I.%I', job_table.schema, n.name))
			ORDER BY n.place LIMIT 1),
			CASE WHEN to_regclass(format('%I.%I', job_table.schema, made.table_name)) IS NULL
				 THEN made.table_name ELSE own_name END);
		tables := tables || jsonb_build_object(made.table_key,
			format('%I.%I', job_table.schema, name_of_table));
		IF _trainjob.create_table(job_table.schema, made.table_key, name_of_table, types) THEN
			PERFORM _trainjob.give_to_owner('TABLE', tables ->> made.table_key, jobs);
			action := 'created table';
			object := tables ->> made.table_key;
			RETURN NEXT;
		ELSE
			RETURN QUERY SELECT * FROM _trainjob.add_new_columns(job_table.schema, made.table_key, name_of_table, types);
		END IF;
	END LOOP;
	RETURN QUERY
		SELECT 'note', format('%s. %s %s', o.message, o.detail, o.hint)
		FROM _trainjob.open_tables(tables) AS o;

	FOR other IN
		SELECT * FROM _trainjob.check_token_columns(tables, columns, known.columns, token_columns)
	LOOP
		IF other.note IS NULL THEN
			columns := columns || jsonb_build_object(other.argument, other.column_name);
		ELSE
			action := 'note';
			object := other.note;
			RETURN NEXT;
		END IF;
	END LOOP;

	FOR other IN SELECT * FROM _trainjob.find_words(tables, columns, words) LOOP
		IF other.argument IS NOT NULL THEN
			columns := columns || jsonb_build_object(other.argument, other.word);
		END IF;
		IF other.action IS NOT NULL THEN
			action := other.action;
			object := other.object;
			RETURN NEXT;
		END IF;
	END LOOP;
	RETURN QUERY SELECT * FROM _trainjob.column_remarks(tables, columns);

	IF NOT with_triggers THEN
		RETURN;
	END IF;
	RETURN QUERY SELECT * FROM _trainjob.attach_set(tables, columns,
		COALESCE(view_schema, job_table.schema),
		_trainjob.made_name(job_table.name, '_overview'),
		(SELECT _trainjob.made_name(c.relname, '_coverage') FROM pg_class AS c
		 WHERE c.oid = (tables ->> 'metrics')::regclass));
	RETURN QUERY SELECT * FROM _trainjob.missing_indexes(tables, columns);
	GET DIAGNOSTICS missing = ROW_COUNT;
	RETURN QUERY
		SELECT 'note', format('rows written straight into a partition of %s are not carried up to their jobs: '
							  'write to %1$s itself, or call trainjob.refill_jobs() afterwards', tables ->> 'metrics')
		FROM pg_class AS c
		WHERE c.oid = (tables ->> 'metrics')::regclass AND (c.relkind = 'p' OR c.relhassubclass);
	RETURN QUERY SELECT * FROM _trainjob.next_steps(tables, columns, known.tables IS NULL, missing > 0);
END;
$$;

COMMENT ON FUNCTION trainjob.attach(regclass, regclass, regclass, regclass, jsonb, boolean, name, boolean, text[], jsonb) IS
'Puts the triggers and views of a set on tables that an application has. Returns what was done and what is missing; calling it again repairs, or changes nothing. Reports with a token write the columns in token_columns too. Without triggers and views for tables that are to be distributed first: a second call makes them.';

CREATE FUNCTION trainjob.detach(jobs regclass DEFAULT NULL)
RETURNS TABLE (action text, object text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	wanted regclass := _trainjob.jobs_table(jobs);
	of_set record;
	item record;
BEGIN
	SELECT s.tables, s.columns INTO STRICT of_set
		FROM trainjob.job_sets() AS s
		WHERE s.jobs = wanted;
	FOR item IN
		SELECT v.n, (of_set.tables ->> v.table_key)::regclass AS on_table,
			   _trainjob.set_view(v.n, (of_set.tables ->> v.table_key)::regclass) AS view_name
		FROM _trainjob.set_views() AS v
		WHERE _trainjob.set_view(v.n, (of_set.tables ->> v.table_key)::regclass) IS NOT NULL
		ORDER BY v.n
	LOOP
		object := _trainjob.qualified_name(item.view_name);
		action := _trainjob.detach_view(item.n, item.on_table);
		RETURN NEXT;
	END LOOP;
	FOR item IN
		SELECT g.tgname, t.value AS on_table
		FROM jsonb_each_text(of_set.tables) AS t
		JOIN pg_trigger AS g ON g.tgrelid = t.value::regclass
		JOIN pg_proc AS p ON p.oid = g.tgfoid
		WHERE p.pronamespace = 'trainjob'::regnamespace
		  AND NOT _trainjob.is_of_other_set(g.tgargs, (of_set.tables ->> 'jobs')::regclass)
		ORDER BY t.key, g.tgname
	LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', item.tgname, item.on_table);
		action := 'dropped trigger';
		object := format('%I on %s', item.tgname, item.on_table);
		RETURN NEXT;
	END LOOP;
	-- or else they would hold the extension; not of a table that another set uses
	FOR item IN
		SELECT c.kind, c.name, t.value AS on_table
		FROM jsonb_each_text(of_set.tables) AS t
		CROSS JOIN LATERAL _trainjob.table_callers(t.key, t.value::regclass) AS c
		WHERE NOT EXISTS (
			SELECT FROM pg_trigger AS g
			JOIN pg_proc AS p ON p.oid = g.tgfoid
			WHERE g.tgrelid = t.value::regclass AND p.pronamespace = 'trainjob'::regnamespace)
		ORDER BY t.key, c.kind, c.name
	LOOP
		action := 'dropped ' || item.kind;
		IF item.kind = 'index' THEN
			object := item.name;
			EXECUTE format('DROP INDEX %s', item.name);
		ELSE
			object := format('%s on %s', item.name, item.on_table);
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %s', item.on_table, item.name);
		END IF;
		RETURN NEXT;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION trainjob.detach(regclass) IS
'Takes the triggers and views of a set away (of a view that has rights or an owner of its own, the query), and those constraints and indexes of create_tables that call functions of trainjob; tables and data stay.';

REVOKE EXECUTE ON FUNCTION
	trainjob.create_tables(name, boolean),
	trainjob.attach(regclass, regclass, regclass, regclass, jsonb, boolean, name, boolean, text[], jsonb),
	trainjob.detach(regclass)
FROM PUBLIC;

-- ---------------------------------------------------------------------------
-- Reading curves
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.series_query(tables jsonb, columns jsonb, metric text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	is_column boolean := EXISTS (
		SELECT FROM _trainjob.canonical_columns() AS c
		WHERE c.table_key = 'metrics' AND c.column_type = 'float8'
		  AND c.column_name = metric);
	in_summary boolean := NOT EXISTS (
		SELECT FROM _trainjob.canonical_columns() AS c
		WHERE c.table_key = 'metrics' AND c.column_name = metric AND c.not_in_summary);
BEGIN
	RETURN format('SELECT m.step, m.id, %s AS value FROM %s AS m WHERE m.job_id = _trainjob.input_value(i.job, NULL::%s)%s',
		CASE
			WHEN is_column THEN format('m.%I', metric)
			ELSE format('_trainjob.extra_number(m.extra, %L)', metric)
		END,
		_trainjob.source('metrics', tables, columns),
		_trainjob.column_type('metrics', 'job_id', 'uuid', tables, columns),
		-- by an operator whose selectivity the planner knows, so that not all
		-- reports are sorted where one is wanted; it holds for an element of an
		-- array, too, which is no key
		CASE WHEN is_column AND NOT in_summary
			 THEN ' AND (m.extra ? ''train_runtime'' AND (m.extra -> ''train_runtime'') IS NOT NULL) IS NOT TRUE'
			 ELSE '' END);
END;
$$;

COMMENT ON FUNCTION _trainjob.series_query(jsonb, jsonb, text) IS
'Part of metric_series and loss_curve: what the reports of a job i.job say of a metric.';

CREATE FUNCTION _trainjob.job_series(job_ids text[], metric text,
	max_points integer, jobs regclass)
RETURNS TABLE (place bigint, step bigint, value float8)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	of_set record := _trainjob.job_set(jobs);
BEGIN
	-- the newest report of each step that has a value
	RETURN QUERY EXECUTE format($query$
		-- in float8, the last steps that a bigint holds are one beyond it
		SELECT i.place, CASE WHEN p.point[0] < 9223372036854775807 THEN p.point[0]::bigint
							 ELSE 9223372036854775807 END, p.point[1]
		FROM unnest($1) WITH ORDINALITY AS i (job, place)
		CROSS JOIN LATERAL (
			SELECT trainjob.lttb(s.step, s.value, $2) AS points
			FROM (SELECT DISTINCT ON (v.step) v.step, v.value
				  FROM (%s) AS v
				  WHERE v.value IS NOT NULL
				  ORDER BY v.step DESC, v.id DESC) AS s) AS l
		CROSS JOIN LATERAL unnest(l.points) WITH ORDINALITY AS p (point, n)
		ORDER BY i.place, p.n
		$query$, _trainjob.series_query(of_set.tables, of_set.columns, metric))
		USING job_ids, max_points;
END;
$$;

COMMENT ON FUNCTION _trainjob.job_series(text[], text, integer, regclass) IS
'Part of metric_series: the curves of several jobs, each by the place of its id.';

CREATE FUNCTION trainjob.metric_series(job text, metric text,
	max_points integer DEFAULT 500, jobs regclass DEFAULT NULL)
RETURNS TABLE (step bigint, value float8)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT s.step, s.value
	FROM _trainjob.job_series(ARRAY[job], metric, max_points, jobs) AS s;
END;

COMMENT ON FUNCTION trainjob.metric_series(text, text, integer, regclass) IS
'The curve of a metric, a column or a key of extra: one point a step (the newest), thinned to max_points so that peaks stay. For ids of any type, given as text.';

CREATE FUNCTION trainjob.metric_series(job_id uuid, metric text,
	max_points integer DEFAULT 500, jobs regclass DEFAULT NULL)
RETURNS TABLE (step bigint, value float8)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT s.step, s.value
	FROM _trainjob.job_series(ARRAY[job_id::text], metric, max_points, jobs) AS s;
END;

COMMENT ON FUNCTION trainjob.metric_series(uuid, text, integer, regclass) IS
'The curve of a metric, a column or a key of extra: one point a step (the newest), thinned to max_points so that peaks stay.';

CREATE FUNCTION trainjob.metric_series(job_ids uuid[], metric text,
	max_points integer DEFAULT 500, jobs regclass DEFAULT NULL)
RETURNS TABLE (job_id uuid, step bigint, value float8)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT job_ids[s.place], s.step, s.value
	FROM _trainjob.job_series(job_ids::text[], metric, max_points, jobs) AS s;
END;

COMMENT ON FUNCTION trainjob.metric_series(uuid[], text, integer, regclass) IS
'The curves of a metric for several jobs, to compare runs.';

CREATE FUNCTION _trainjob.job_loss_curves(job_ids text[], width integer,
	jobs regclass)
RETURNS TABLE (place bigint, loss_curve text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	of_set record := _trainjob.job_set(jobs);
BEGIN
	-- A report for each character, found by the key: of a million reports as
	-- few are read as of a hundred.  Even so it is a hundred pages for a job,
	-- where the overview reads five: a column of the overview would make each
	-- page of it twenty times as expensive, for pages that do not show it as well.
	RETURN QUERY EXECUTE format($query$
		SELECT i.place, trainjob.sparkline(ARRAY(
			SELECT (SELECT v.value
					FROM (%1$s) AS v
					WHERE v.value IS NOT NULL
					  AND v.step <= (e.first_step + div((e.last_step - e.first_step) * n.n,
														GREATEST($2 - 1, 1)))::bigint
					ORDER BY v.step DESC, v.id DESC
					LIMIT 1)
			FROM generate_series(0, $2 - 1) AS n (n)
			ORDER BY n.n), $2)
		FROM unnest($1) WITH ORDINALITY AS i (job, place)
		CROSS JOIN LATERAL (
			SELECT (SELECT v.step FROM (%1$s) AS v WHERE v.value IS NOT NULL
					ORDER BY v.step LIMIT 1)::numeric AS first_step,
				   (SELECT v.step FROM (%1$s) AS v WHERE v.value IS NOT NULL
					ORDER BY v.step DESC LIMIT 1)::numeric AS last_step) AS e
		WHERE e.first_step IS NOT NULL
		ORDER BY i.place
		$query$, _trainjob.series_query(of_set.tables, of_set.columns, 'train_loss'))
		USING job_ids, width;
END;
$$;

COMMENT ON FUNCTION _trainjob.job_loss_curves(text[], integer, regclass) IS
'Part of loss_curve: the curves of several jobs, each by the place of its id.';

CREATE FUNCTION trainjob.loss_curve(job text, width integer DEFAULT 20,
	jobs regclass DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.loss_curve
	FROM _trainjob.job_loss_curves(ARRAY[job], width, jobs) AS c;
END;

COMMENT ON FUNCTION trainjob.loss_curve(text, integer, regclass) IS
'The training loss of a job as a line of width characters, each the newest report at its share of the steps; NULL without one. For ids of any type, given as text.';

CREATE FUNCTION trainjob.loss_curve(job_id uuid, width integer DEFAULT 20,
	jobs regclass DEFAULT NULL)
RETURNS text
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT c.loss_curve
	FROM _trainjob.job_loss_curves(ARRAY[job_id::text], width, jobs) AS c;
END;

COMMENT ON FUNCTION trainjob.loss_curve(uuid, integer, regclass) IS
'The training loss of a job as a line of width characters, each the newest report at its share of the steps; NULL without one.';

CREATE FUNCTION trainjob.loss_curve(job_ids uuid[], width integer DEFAULT 20,
	jobs regclass DEFAULT NULL)
RETURNS TABLE (job_id uuid, loss_curve text)
LANGUAGE sql STABLE
BEGIN ATOMIC
	SELECT job_ids[c.place], c.loss_curve
	FROM _trainjob.job_loss_curves(job_ids::text[], width, jobs) AS c;
END;

COMMENT ON FUNCTION trainjob.loss_curve(uuid[], integer, regclass) IS
'The training losses of several jobs, each as a line of width characters: for a page of the overview.';

-- ---------------------------------------------------------------------------
-- Operating
-- ---------------------------------------------------------------------------

CREATE FUNCTION _trainjob.job_disagreements(jobs regclass, job record)
RETURNS TABLE (column_name text, stored text, expected text)
LANGUAGE C STABLE STRICT
AS 'MODULE_PATHNAME', 'trainjob_job_disagreements';

COMMENT ON FUNCTION _trainjob.job_disagreements(regclass, record) IS
'Part of verify_jobs: where a row of a jobs table does not agree with its reports.';

CREATE FUNCTION _trainjob.wants_refill(jobs regclass, job record)
RETURNS boolean
LANGUAGE C STABLE STRICT COST 1000
AS 'MODULE_PATHNAME', 'trainjob_wants_refill';

COMMENT ON FUNCTION _trainjob.wants_refill(regclass, record) IS
'Part of refill_jobs: whether refill_job would change a row of a jobs table.';

CREATE FUNCTION _trainjob.refill_job(jobs regclass, job record)
RETURNS boolean
LANGUAGE C VOLATILE STRICT COST 1000
AS 'MODULE_PATHNAME', 'trainjob_refill_job';

COMMENT ON FUNCTION _trainjob.refill_job(regclass, record) IS
'Part of refill_jobs: mends a locked row of a jobs table by its reports and has it filled; whether there was anything to do.';

CREATE FUNCTION _trainjob.verify_set(jobs regclass)
RETURNS TABLE (job_id text, column_name text, stored text, expected text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET jit = off -- it would not pay
AS $$
DECLARE
	of_set record := _trainjob.job_set(jobs);
	item record;
BEGIN
	FOR item IN
		SELECT c.message, c.detail, c.hint FROM _trainjob.policy_conflicts(of_set.tables) AS c
		UNION ALL
		SELECT * FROM _trainjob.open_tables(of_set.tables)
	LOOP
		RAISE WARNING USING MESSAGE = item.message, DETAIL = item.detail, HINT = item.hint;
	END LOOP;
	-- not RETURN QUERY, an error in which shows all its text
	FOR job_id, column_name, stored, expected IN
		EXECUTE format($query$
			SELECT _trainjob.output_text(j.%1$I), d.column_name, d.stored, d.expected
			FROM %2$s AS j
			CROSS JOIN LATERAL _trainjob.job_disagreements(%3$L::oid::regclass, j.*) AS d
			ORDER BY j.%1$I, d.column_name
			$query$, _trainjob.job_column('id', of_set.tables, of_set.columns),
			of_set.tables ->> 'jobs', (of_set.tables ->> 'jobs')::regclass::oid)
	LOOP
		RETURN NEXT;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION _trainjob.verify_set(regclass) IS
'Part of verify_jobs: the jobs of one set.';

CREATE FUNCTION trainjob.verify_jobs(jobs regclass DEFAULT NULL)
RETURNS TABLE (job_id text, column_name text, stored text, expected text,
	jobs_table regclass)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regclass[] := _trainjob.jobs_tables(jobs, 'SELECT');
	hint text;
BEGIN
	FOREACH jobs_table IN ARRAY found LOOP
		IF cardinality(found) = 1 THEN
			FOR job_id, column_name, stored, expected IN SELECT * FROM _trainjob.verify_set(jobs_table) LOOP
				RETURN NEXT;
			END LOOP;
			RETURN;
		END IF;
		BEGIN
			FOR job_id, column_name, stored, expected IN SELECT * FROM _trainjob.verify_set(jobs_table) LOOP
				RETURN NEXT;
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			PERFORM _trainjob.warn_of_set(jobs_table, SQLERRM, hint);
		END;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION trainjob.verify_jobs(regclass) IS
'The jobs whose row does not agree with their metrics, and how; none is the good answer. trainjob.refill_jobs() repairs them. Of all sets where none is named. Warns of what row-level security leaves open, or keeps triggers from.';

CREATE FUNCTION _trainjob.check_batch(batch integer)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF batch IS NULL OR batch < 1 THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid value for argument "batch": %s', COALESCE(batch::text, 'NULL')),
			DETAIL = 'It must be at least 1.';
	END IF;
END;
$$;

COMMENT ON FUNCTION _trainjob.check_batch(integer) IS
'Part of refill_jobs and fail_stalled: refuses a batch of no job.';

CREATE FUNCTION _trainjob.refill_set(jobs regclass, batch integer)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET jit = off -- it would not pay
AS $$
DECLARE
	of_set record := _trainjob.job_set(jobs);
	key record;
	look text;
	fill text;
	position text[];
	origin text;
	after text;
	until text;
	page record;
	filled bigint;
	wanting text[];
BEGIN
	-- we write for the owner of the jobs
	PERFORM _trainjob.check_rights(of_set.tables, 'jobs');
	SELECT f.actual_name, f.actual_type INTO STRICT key
		FROM _trainjob.find_columns('jobs', (of_set.tables ->> 'jobs')::regclass, of_set.columns) AS f
		WHERE f.column_name = 'id';
	look := format($query$
		WITH page AS MATERIALIZED (
			SELECT u.%1$I AS id, _trainjob.wants_refill(%4$L::oid::regclass, u.*) AS wants
			FROM %2$s AS u
			WHERE ($1 IS NULL OR u.%1$I > _trainjob.input_value($1, NULL::%3$s))
			  AND ($2 IS NULL OR u.%1$I <= _trainjob.input_value($2, NULL::%3$s))
			ORDER BY u.%1$I
			LIMIT $3
		)
		SELECT count(*) AS looked_at,
			   (SELECT _trainjob.output_text(p.id) FROM page AS p ORDER BY p.id DESC LIMIT 1) AS last,
			   COALESCE(array_agg(_trainjob.output_text(p.id) ORDER BY p.id) FILTER (WHERE p.wants), '{}') AS ids
		FROM page AS p
		$query$,
		key.actual_name, of_set.tables ->> 'jobs', key.actual_type, (of_set.tables ->> 'jobs')::regclass::oid);
	-- a row is mended as it is when it is locked, whoever changed it since
	fill := format($query$
		SELECT count(*) FILTER (WHERE _trainjob.refill_job(%4$L::oid::regclass, h.job))
		FROM (
			SELECT (u.*)::%2$s AS job
			FROM %2$s AS u
			WHERE u.%1$I = ANY (ARRAY(SELECT _trainjob.input_value(i.id, NULL::%3$s) FROM unnest($1) AS i (id)))
			ORDER BY u.%1$I
			LIMIT $2
			FOR NO KEY UPDATE
		$query$,
		key.actual_name, of_set.tables ->> 'jobs', key.actual_type, (of_set.tables ->> 'jobs')::regclass::oid);

	-- Each query in a FOR, for an error in EXECUTE ... INTO shows all its text.
	-- All around, from where this session's last call ended.  A position that
	-- was lost, or is another table's, costs time and nothing else.
	position := string_to_array(current_setting('trainjob_refill.position', true), ' ');
	IF position[1] = (of_set.tables ->> 'jobs')::regclass::oid::text THEN
		origin := convert_from(decode(position[2], 'hex'), 'UTF8');
	END IF;
	FOR attempt IN 1..3 LOOP
		wanting := '{}';
		after := origin;
		until := NULL;
		-- no job is held while others are looked at
		LOOP
			FOR page IN EXECUTE look USING after, until, batch LOOP
			END LOOP;
			wanting := wanting || page.ids[:batch - cardinality(wanting)];
			EXIT WHEN cardinality(wanting) = batch;
			IF page.looked_at = batch THEN
				after := page.last;
			ELSE
				EXIT WHEN origin IS NULL OR until IS NOT NULL;
				until := origin;
				after := NULL;
			END IF;
		END LOOP;
		EXIT WHEN wanting = '{}';
		FOR filled IN EXECUTE fill || ' SKIP LOCKED) AS h' USING wanting, batch LOOP
		END LOOP;
		IF filled = 0 THEN
			-- others hold them all: one is waited for, while no other is held
			FOR filled IN EXECUTE fill || ') AS h' USING wanting, 1 LOOP
			END LOOP;
		END IF;
		EXIT WHEN filled > 0;
	END LOOP;
	IF wanting = '{}' THEN
		RETURN 0;
	END IF;
	PERFORM set_config('trainjob_refill.position',
		format('%s %s', (of_set.tables ->> 'jobs')::regclass::oid,
			   encode(convert_to(wanting[cardinality(wanting)], 'UTF8'), 'hex')), false);
	RETURN filled;
END;
$$;

COMMENT ON FUNCTION _trainjob.refill_set(regclass, integer) IS
'Part of refill_jobs: a batch of one set.';

CREATE FUNCTION trainjob.refill_jobs(jobs regclass DEFAULT NULL,
	batch integer DEFAULT 1000)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regclass[];
	one regclass;
	filled bigint;
	total bigint := 0;
	hint text;
BEGIN
	PERFORM _trainjob.check_batch(batch);
	-- also where nothing is to be done
	IF current_setting('transaction_read_only')::boolean THEN
		RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction',
			MESSAGE = 'cannot execute refill_jobs() in a read-only transaction';
	END IF;
	found := _trainjob.jobs_tables(jobs, 'UPDATE');
	IF cardinality(found) = 1 THEN
		RETURN _trainjob.refill_set(found[1], batch);
	END IF;
	FOREACH one IN ARRAY found LOOP
		EXIT WHEN total = batch;
		filled := 0;
		BEGIN
			filled := _trainjob.refill_set(one, batch - total::integer);
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			PERFORM _trainjob.warn_of_set(one, SQLERRM, hint);
		END;
		total := total + filled;
		IF filled > 0 THEN
			RAISE NOTICE '%: % filled', _trainjob.qualified_name(one), filled;
		END IF;
	END LOOP;
	RETURN total;
END;
$$;

COMMENT ON FUNCTION trainjob.refill_jobs(regclass, integer) IS
'Fills what is NULL in the rows of jobs from datasets, configuration and metrics, and repairs what verify_jobs finds, for at most batch jobs; returns how many it filled, 0 when there is nothing left to do. Of all sets where none is named, with a NOTICE that names those it filled.';

CREATE FUNCTION _trainjob.fail_stalled_of(silent_for interval, jobs regclass,
	batch integer, OUT failed bigint, OUT passed_over text[])
RETURNS record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	of_set record := _trainjob.job_set(jobs);
	silent text;
	candidate record;
	locked record;
	write text;
	-- as text: a session may work on sets whose ids have other types
	is_candidate text := format('s.id = _trainjob.input_value($2, NULL::%s)',
		_trainjob.column_type('metrics', 'job_id', 'uuid', of_set.tables, of_set.columns));
BEGIN
	IF of_set.tables ->> 'alerts' IS NULL THEN
		RAISE EXCEPTION USING
			ERRCODE = 'undefined_table',
			MESSAGE = format('the set of %s has no table of alerts', of_set.tables ->> 'jobs'),
			HINT = format('SELECT * FROM trainjob.attach(%L) makes one.', of_set.tables ->> 'jobs');
	END IF;
	-- we write for the owner of the jobs
	PERFORM _trainjob.check_rights(of_set.tables, 'jobs');
	silent := format($query$
		SELECT j.id, j.status = 'running' AND clock_timestamp() - %s >= $1 AS is_silent
		FROM %s AS j
		$query$,
		_trainjob.with_known_times(_trainjob.sign_of_life()),
		_trainjob.source('jobs', of_set.tables, of_set.columns));
	-- values as literals: what the types read, not what they can be cast from
	SELECT format('INSERT INTO %s (%s) VALUES (%s)', replace(of_set.tables ->> 'alerts', '%', '%%'),
				  string_agg(replace(quote_ident(w.name), '%', '%%'), ', ' ORDER BY w.n),
				  string_agg(w.value, ', ' ORDER BY w.n))
		INTO write
		FROM (
			SELECT f.actual_name AS name, format('%%%s$L', n.n) AS value, n.n
			FROM unnest(ARRAY['job_id', 'type', 'error_message', 'error_type'])
				WITH ORDINALITY AS n (name, n)
			JOIN _trainjob.find_columns('alerts', (of_set.tables ->> 'alerts')::regclass, of_set.columns) AS f
				ON f.column_name = n.name
			WHERE f.actual_name IS NOT NULL
			UNION ALL
			SELECT r.column_name, replace(r.value, '%', '%%'), 4 + r.attnum
			FROM _trainjob.required_columns('alerts', (of_set.tables ->> 'alerts')::regclass, of_set.columns) AS r
			WHERE r.value IS NOT NULL) AS w;
	failed := 0;
	passed_over := '{}';
	FOR candidate IN EXECUTE
		format('SELECT _trainjob.output_text(s.id) AS id FROM (%s) AS s WHERE s.is_silent ORDER BY s.id', silent)
		USING silent_for
	LOOP
		-- The trainer may have reported since: only a locked row tells.  Who
		-- holds it is alive, and may be so for long: the jobs that are failed
		-- by then would wait with us.
		EXECUTE format('SELECT s.is_silent FROM (%s) AS s WHERE %s FOR NO KEY UPDATE SKIP LOCKED', silent, is_candidate)
			INTO locked
			USING silent_for, candidate.id;
		IF locked.is_silent THEN
			EXECUTE format(write, candidate.id,
				COALESCE(NULLIF(of_set.columns ->> 'alerts.type:job_failed', ''), 'job_failed'),
				'No report for ' || _trainjob.duration_text(extract(epoch FROM silent_for)::float8), 'stalled');
			failed := failed + 1;
			EXIT WHEN failed = batch;
		ELSIF locked.is_silent IS NULL THEN
			-- held, or else deleted meanwhile, or of another status by now
			EXECUTE format('SELECT s.is_silent FROM (%s) AS s WHERE %s', silent, is_candidate)
				INTO locked
				USING silent_for, candidate.id;
			IF locked.is_silent THEN
				passed_over := passed_over || candidate.id;
			END IF;
		END IF;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION _trainjob.fail_stalled_of(interval, regclass, integer) IS
'Part of fail_stalled: the jobs of one set.';

CREATE FUNCTION trainjob.fail_stalled(
	silent_for interval DEFAULT _trainjob.stall_timeout(),
	jobs regclass DEFAULT NULL, batch integer DEFAULT 1000,
	OUT failed bigint, OUT passed_over text[], OUT jobs_table regclass)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found regclass[];
	remaining bigint := batch;
	hint text;
BEGIN
	PERFORM _trainjob.check_batch(batch);
	IF silent_for < '0 s' THEN
		RAISE EXCEPTION USING
			ERRCODE = 'invalid_parameter_value',
			MESSAGE = format('invalid value for argument "silent_for": %s', silent_for),
			DETAIL = 'It is how long a running job must have been silent, at least 0.';
	END IF;
	found := _trainjob.jobs_tables(jobs, 'UPDATE');
	IF cardinality(found) = 1 THEN
		jobs_table := found[1];
		SELECT f.failed, f.passed_over INTO failed, passed_over
			FROM _trainjob.fail_stalled_of(silent_for, jobs_table, batch) AS f;
		RETURN NEXT;
		RETURN;
	END IF;
	FOREACH jobs_table IN ARRAY found LOOP
		EXIT WHEN remaining = 0;
		BEGIN
			SELECT f.failed, f.passed_over INTO failed, passed_over
				FROM _trainjob.fail_stalled_of(silent_for, jobs_table, remaining::integer) AS f;
			remaining := remaining - failed;
			RETURN NEXT;
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
			PERFORM _trainjob.warn_of_set(jobs_table, SQLERRM, hint);
		END;
	END LOOP;
END;
$$;

COMMENT ON FUNCTION trainjob.fail_stalled(interval, regclass, integer) IS
'Inserts a job_failed alert of error_type stalled for each running job that has been silent for so long, at most batch; a report revives it. passed_over: the ids of those that somebody holds at that moment. A row for each set that it came to, or for the one named. For pg_cron.';

REVOKE EXECUTE ON FUNCTION
	trainjob.verify_jobs(regclass), trainjob.refill_jobs(regclass, integer),
	trainjob.fail_stalled(interval, regclass, integer)
FROM PUBLIC;
