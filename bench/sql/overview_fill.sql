-- Jobs and metrics as a busy team has them: a job in twenty runs, the others
-- have ended. They come in twenty parts with a VACUUM after each, as they do
-- in a year: a page whose jobs moved their configurations out of line has room
-- for others then. All at once leaves six times the pages. Variables: jobs,
-- metrics.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
SET trainjob.notify = off;
SET search_path = trainjob_own, pg_catalog;
TRUNCATE local_training_jobs, local_training_metrics, job_status_change, alert_event;
SELECT s.statement
FROM generate_series(0, 19) AS part
CROSS JOIN LATERAL (VALUES (:jobs * part / 20, :jobs * (part + 1) / 20 - 1)) AS p (first, last)
CROSS JOIN LATERAL (VALUES
	(1, format($$
		INSERT INTO local_training_jobs (id, user_id, model_name, config,
			total_samples, train_samples, val_samples, status, created_at, started_at)
		SELECT lpad(g::text, 32, '0')::uuid, lpad((g %% 100)::text, 32, '0')::uuid,
			'llama-' || g %% 7,
			jsonb_build_object('batch_size', 4, 'gradient_accumulation_steps', 8,
				'num_epochs', 3, 'eval_strategy', 'steps', 'eval_steps', 100, 'method', 'sft',
				'rest', repeat(md5(g::text), 25)),
			32000, 32000, 0, 'running', now() - (%s - g) * interval '1 min',
			now() - (%1$s - g) * interval '1 min'
		FROM generate_series(%s, %s) AS g$$, :jobs, first, last)),
	(2, format($$
		INSERT INTO local_training_metrics (job_id, step, epoch, train_loss,
			learning_rate, samples_per_second, recorded_at)
		SELECT lpad(j::text, 32, '0')::uuid, g, g / 1000.0, 3 - g * 0.0001, 2e-5, 12.5,
			now() - (%s - g) * interval '1 s'
		FROM generate_series(%s, %s) AS j
		CROSS JOIN generate_series(1, %1$s) AS g$$, :metrics / :jobs, first, last)),
	(3, format($$
		INSERT INTO alert_event (job_id, type)
		SELECT lpad(g::text, 32, '0')::uuid, 'job_completed'
		FROM generate_series(%s, %s) AS g
		WHERE g %% 20 <> 2$$, first, last)),
	(4, 'VACUUM local_training_jobs')) AS s (n, statement)
ORDER BY part, s.n
\gexec
VACUUM ANALYZE local_training_jobs, local_training_metrics, alert_event, job_status_change;
CHECKPOINT;
