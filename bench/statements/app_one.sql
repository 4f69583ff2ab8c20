-- One report by an application that keeps the job itself: three statements.
@own_jobs
\set perplexity exp(:loss)
SELECT status, total_steps, best_eval_loss FROM local_training_jobs
WHERE id = lpad(:job, 32, '0')::uuid;
INSERT INTO local_training_metrics (
@columns
, perplexity) VALUES (
@values
, :perplexity);
UPDATE local_training_jobs SET
	current_step = :step, current_epoch = :epoch, loss = :loss,
	perplexity = :perplexity, learning_rate = :rate, grad_norm = :norm,
	samples_per_second = :samples, tokens_per_second = :tokens,
	gpu_memory_allocated_gb = :memory, gpu_utilization_percent = :gpu,
	progress = LEAST(100, 100.0::float8 * :step / total_steps),
	last_metric_at = now(), updated_at = now(),
	status = CASE WHEN status IN ('pending', 'queued', 'starting', 'paused')
				  THEN 'running' ELSE status END
WHERE id = lpad(:job, 32, '0')::uuid;
