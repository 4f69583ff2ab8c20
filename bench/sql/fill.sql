-- The same jobs in every schema, before each case. Variables: jobs, how many;
-- config_bytes, how large a configuration is.
\set ON_ERROR_STOP on
\set QUIET on
SET client_min_messages = warning;
SET trainjob.notify = off;
INSERT INTO trainjob_own.training_datasets (storage_path, sample_count, train_samples, val_samples)
VALUES ('s3://datasets/5', 32000, 30000, 2000) ON CONFLICT DO NOTHING;
TRUNCATE trainjob_own.local_training_jobs, trainjob_own.local_training_metrics,
	trainjob_own.job_status_change, trainjob_own.alert_event;
INSERT INTO trainjob_own.local_training_jobs (id, user_id, model_name,
	dataset_path, config, total_samples, train_samples, val_samples, status)
SELECT lpad(g::text, 32, '0')::uuid, lpad((g % 50)::text, 32, '0')::uuid,
	'llama-' || g % 7, 's3://others/' || g % 100,
	jsonb_build_object('batch_size', 4, 'gradient_accumulation_steps', 8,
		'num_epochs', 3, 'learning_rate', 2e-5, 'eval_strategy', 'steps',
		'eval_steps', 100, 'method', 'sft', 'lora', '{"r": 16, "alpha": 32}'::jsonb,
		'rest', (SELECT string_agg(md5((g * 1000 + i)::text), '')
				 FROM generate_series(1, (:config_bytes - 250) / 32) AS i)),
	32000000000, 32000000000, 0, 'running'
FROM generate_series(0, :jobs - 1) AS g;

SELECT format('TRUNCATE %1$I.local_training_jobs, %1$I.local_training_metrics; '
			  'INSERT INTO %1$I.local_training_jobs SELECT * FROM trainjob_own.local_training_jobs',
			  nspname)
FROM pg_namespace
WHERE to_regclass(format('%I.local_training_jobs', nspname)) IS NOT NULL
  AND nspname <> 'trainjob_own'
\gexec

-- Two reports of each job, so that what its first ones cost (the job is set
-- going, its configuration moves out of line) is not spread over the few
-- thousand that are measured.
SELECT format('INSERT INTO %I.local_training_metrics (job_id, step, train_loss) '
			  'SELECT id, %s, 2.5 FROM trainjob_own.local_training_jobs', nspname, step)
FROM pg_namespace, generate_series(1, 2) AS step
WHERE to_regclass(format('%I.local_training_jobs', nspname)) IS NOT NULL
\gexec
VACUUM ANALYZE;
CHECKPOINT;
