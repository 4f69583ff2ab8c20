-- Jobs and metrics as a busy team has them: a job in twenty runs, the others
-- have ended. Variables: jobs, metrics.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
SET trainjob.notify = off;
TRUNCATE trainjob_own.local_training_jobs, trainjob_own.local_training_metrics,
	trainjob_own.job_status_change, trainjob_own.alert_event;
INSERT INTO trainjob_own.local_training_jobs (id, user_id, model_name, config,
	total_samples, train_samples, val_samples, status, created_at, started_at)
SELECT lpad(g::text, 32, '0')::uuid, lpad((g % 100)::text, 32, '0')::uuid,
	'llama-' || g % 7,
	jsonb_build_object('batch_size', 4, 'gradient_accumulation_steps', 8,
		'num_epochs', 3, 'eval_strategy', 'steps', 'eval_steps', 100, 'method', 'sft',
		'rest', repeat(md5(g::text), 25)),
	32000, 32000, 0, 'running', now() - (:jobs - g) * interval '1 min',
	now() - (:jobs - g) * interval '1 min'
FROM generate_series(0, :jobs - 1) AS g;
INSERT INTO trainjob_own.local_training_metrics (job_id, step, epoch, train_loss,
	learning_rate, samples_per_second, recorded_at)
SELECT lpad(j::text, 32, '0')::uuid, g, g / 1000.0, 3 - g * 0.0001, 2e-5, 12.5,
	now() - (:metrics / :jobs - g) * interval '1 s'
FROM generate_series(0, :jobs - 1) AS j
CROSS JOIN generate_series(1, :metrics / :jobs) AS g;
INSERT INTO trainjob_own.alert_event (job_id, type)
SELECT id, 'job_completed'
FROM trainjob_own.local_training_jobs
WHERE right(id::text, 6)::integer % 20 <> 2;
VACUUM ANALYZE trainjob_own.local_training_jobs, trainjob_own.local_training_metrics,
	trainjob_own.alert_event, trainjob_own.job_status_change;
CHECKPOINT;
