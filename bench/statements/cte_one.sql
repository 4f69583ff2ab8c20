-- One report and all that trainjob would do to its job, in one statement.
@own_jobs
WITH i AS (
	INSERT INTO local_training_metrics (
@columns
	, perplexity) VALUES (
@values
	, exp(:loss::float8)) RETURNING *)
UPDATE local_training_jobs AS j SET
@update_job
FROM i WHERE j.id = i.job_id;
