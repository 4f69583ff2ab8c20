-- :rows reports of one job in one statement, in schema :way of search_path;
-- then deletes. A line for each: round, way, what, milliseconds, and the most
-- private memory that the process had, kB.
\set ON_ERROR_STOP on
CREATE FUNCTION pg_temp.private_peak(OUT kb bigint) LANGUAGE sql AS $$
	SELECT sum(CASE WHEN line LIKE 'VmHWM%' THEN 1 ELSE -1 END
			   * substring(line FROM '(\d+) kB')::bigint)
	FROM string_to_table(pg_read_file('/proc/self/status'), E'\n') AS line
	WHERE line ~ '^(VmHWM|RssFile|RssShmem):'
$$;
SELECT pg_temp.private_peak() AS at_first \gset
SELECT clock_timestamp() AS began \gset
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss,
	learning_rate, grad_norm, samples_per_second, tokens_per_second,
	gpu_memory_allocated_gb, gpu_utilization_percent, recorded_at)
SELECT lpad('0', 32, '0')::uuid, g, g * 1e-9::float8, 1 + random(), 2e-5, 0.5, 12.5,
	5120.5, 40.5, 98.5, timestamptz '2026-01-01' + g * interval '1 s'
FROM generate_series(1, :rows) AS g;
SELECT :round, :'way', 'insert',
	extract(epoch FROM clock_timestamp() - :'began') * 1000, pg_temp.private_peak() - :at_first;

-- the older half
SELECT clock_timestamp() AS began \gset
DELETE FROM local_training_metrics
WHERE recorded_at < timestamptz '2026-01-01' + :rows / 2 * interval '1 s';
SELECT :round, :'way', 'delete old', extract(epoch FROM clock_timestamp() - :'began') * 1000, 0;
SELECT clock_timestamp() AS began \gset
DELETE FROM local_training_jobs WHERE id = lpad('0', 32, '0')::uuid;
SELECT :round, :'way', 'delete job', extract(epoch FROM clock_timestamp() - :'began') * 1000, 0;
