	current_step = i.step,
	current_epoch = COALESCE(i.epoch, j.current_epoch),
	loss = COALESCE(i.train_loss, j.loss),
	eval_loss = COALESCE(i.eval_loss, j.eval_loss),
	perplexity = COALESCE(i.perplexity, j.perplexity),
	learning_rate = COALESCE(i.learning_rate, j.learning_rate),
	grad_norm = COALESCE(i.grad_norm, j.grad_norm),
	samples_per_second = COALESCE(i.samples_per_second, j.samples_per_second),
	tokens_per_second = COALESCE(i.tokens_per_second, j.tokens_per_second),
	gpu_memory_allocated_gb = COALESCE(i.gpu_memory_allocated_gb, j.gpu_memory_allocated_gb),
	gpu_utilization_percent = COALESCE(i.gpu_utilization_percent, j.gpu_utilization_percent),
	best_step = CASE WHEN i.eval_loss < j.best_eval_loss
						OR j.best_eval_loss IS NULL AND i.eval_loss IS NOT NULL
					 THEN i.step ELSE j.best_step END,
	best_epoch = CASE WHEN i.eval_loss < j.best_eval_loss
						 OR j.best_eval_loss IS NULL AND i.eval_loss IS NOT NULL
					  THEN i.epoch ELSE j.best_epoch END,
	best_eval_loss = LEAST(j.best_eval_loss, i.eval_loss),
	progress = LEAST(100, 100.0::float8 * i.step / j.total_steps),
	last_metric_at = i.recorded_at,
	updated_at = now(),
	status = CASE WHEN j.status IN ('pending', 'queued', 'starting', 'paused')
				  THEN 'running' ELSE j.status END
