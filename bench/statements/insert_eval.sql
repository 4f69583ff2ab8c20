-- A report and the evaluation of the same step, a statement each.
@own_jobs
INSERT INTO local_training_metrics (
@columns
) VALUES (
@values
);
INSERT INTO local_training_metrics (job_id, step, epoch, eval_loss)
VALUES (lpad(:job, 32, '0')::uuid, :step, :epoch, :loss);
