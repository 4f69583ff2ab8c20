-- :rows reports of :jobs jobs and all that trainjob would do to the jobs.
@own_blocks
WITH i AS (
	INSERT INTO local_training_metrics (
@columns
	, perplexity) SELECT
@rows
	, exp(:loss::float8 + g * 0.0001::float8)
	FROM generate_series(0, :rows::int - 1) AS g
	RETURNING *)
UPDATE local_training_jobs AS j SET
@update_job
FROM (SELECT DISTINCT ON (job_id) * FROM i ORDER BY job_id, step DESC) AS i
WHERE j.id = i.job_id;
