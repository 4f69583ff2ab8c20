-- A report and the evaluation of the same step, a statement each.
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
WITH i AS (
	INSERT INTO local_training_metrics (
		job_id, step, epoch, eval_loss, eval_perplexity)
	VALUES (lpad(:job, 32, '0')::uuid, :step, :epoch, :loss, exp(:loss::float8))
	RETURNING *)
UPDATE local_training_jobs AS j SET
@update_job
FROM i WHERE j.id = i.job_id;
