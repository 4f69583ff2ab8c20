-- How many jobs do not agree with their metrics.
SELECT count(*)
FROM trainjob_own.local_training_jobs AS j
CROSS JOIN LATERAL (
	SELECT m.step, m.train_loss
	FROM trainjob_own.local_training_metrics AS m
	WHERE m.job_id = j.id
	ORDER BY m.step DESC, m.id DESC
	LIMIT 1) AS m
WHERE (j.current_step, j.loss, j.perplexity)
	IS DISTINCT FROM (m.step, m.train_loss, exp(m.train_loss));
