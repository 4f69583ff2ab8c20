	job_id, step, epoch, train_loss, learning_rate, grad_norm,
	samples_per_second, tokens_per_second, gpu_memory_allocated_gb,
	gpu_utilization_percent
