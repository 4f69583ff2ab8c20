-- Time per call. Of a trigger: as EXPLAIN ANALYZE has it, which adds the time to
-- read the clock; of a function: from the difference that it makes to a query.
-- The least of five.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET search_path = trainjob_own, public;
SET trainjob.notify = off;
TRUNCATE local_training_jobs, local_training_metrics;
CREATE TABLE new_jobs (LIKE local_training_jobs INCLUDING DEFAULTS);
INSERT INTO new_jobs (config)
SELECT jsonb_build_object('batch_size', 4, 'gradient_accumulation_steps', 8,
	'num_epochs', 3, 'train_samples', 32000 + g, 'learning_rate', 2e-5,
	'eval_strategy', 'steps', 'eval_steps', 100, 'method', 'sft',
	'lora', '{"r": 16, "alpha": 32}'::jsonb,
	'rest', (SELECT string_agg(md5((g * 1000 + i)::text), '')
			 FROM generate_series(1, 50) AS i))
FROM generate_series(1, 2000) AS g;
CREATE TABLE time_per_call (n integer, what text, ns float8);

CREATE PROCEDURE time_trigger(n integer, what text, wanted text, statement text)
LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || statement INTO plan;
	INSERT INTO time_per_call
		SELECT n, what, 1e6 * (t ->> 'Time')::float8 / (t ->> 'Calls')::float8
		FROM json_array_elements(plan -> 0 -> 'Triggers') AS t
		WHERE t ->> 'Trigger Name' = wanted;
END;
$$;

DO $$
DECLARE
	began timestamptz;
	nothing interval;
BEGIN
	FOR round IN 1 .. 5 LOOP
		began := clock_timestamp();
		PERFORM count(config IS NULL OR g IS NULL)
			FROM (SELECT config FROM new_jobs LIMIT 1) AS c, generate_series(1, 200000) AS g;
		nothing := clock_timestamp() - began;
		began := clock_timestamp();
		PERFORM count(trainjob.estimate_total_steps(config, g))
			FROM (SELECT config FROM new_jobs LIMIT 1) AS c, generate_series(1, 200000) AS g;
		INSERT INTO time_per_call VALUES (1, 'estimate_total_steps, by itself',
			extract(epoch FROM clock_timestamp() - began - nothing) * 1e9 / 200000);
		TRUNCATE local_training_jobs, local_training_metrics;
		CALL time_trigger(2, 'fill_job, new job, counts from its configuration', 'trainjob_fill_job',
			'INSERT INTO local_training_jobs (config) SELECT config FROM new_jobs');
		CALL time_trigger(3, 'fill_job, new job, counts from its dataset', 'trainjob_fill_job',
			'INSERT INTO local_training_jobs (config, dataset_path, user_id) '
			'SELECT config, ''s3://datasets/5'', gen_random_uuid() FROM new_jobs');
		CALL time_trigger(4, 'apply_waiting_alerts, new job without any', 'trainjob_apply_waiting_alerts',
			'INSERT INTO local_training_jobs (config) SELECT config FROM new_jobs');
		UPDATE local_training_jobs SET loss = 3; -- moves the configurations out
		CALL time_trigger(5, 'fill_job, UPDATE of current_step and loss', 'trainjob_fill_job',
			'UPDATE local_training_jobs SET current_step = 2, loss = 2.5');
		CALL time_trigger(6, 'fill_metric, one report', 'trainjob_fill_metric',
			'INSERT INTO local_training_metrics (job_id, step, train_loss) '
			'SELECT id, 3, 2.5 FROM local_training_jobs');
	END LOOP;
END;
$$;

SELECT 'Time per call, configuration of '
	|| (SELECT avg(pg_column_size(config))::integer FROM new_jobs) || ' bytes:';
SELECT '  ' || rpad(what, 52) || to_char(min(ns), '999,990') || ' ns'
FROM time_per_call
GROUP BY n, what
ORDER BY n;
SELECT '';
