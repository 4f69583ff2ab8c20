-- The same of a job that eight clients share. Unlike trainjob, it takes what
-- comes last for the newest.
@shared_job
WITH i AS (
	INSERT INTO local_training_metrics (
@columns
	, perplexity) VALUES (
@values
	, exp(:loss::float8)) RETURNING *)
UPDATE local_training_jobs AS j SET
@update_job
FROM i WHERE j.id = i.job_id;
