--
-- aliases: what trainers call the metrics, reported under their own names
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
CREATE SCHEMA aliases;
SELECT count(*) > 0 AS made FROM trainjob.create_tables('aliases');
SET search_path = aliases, pg_catalog;
RESET client_min_messages;
INSERT INTO local_training_jobs (id, config, job_token) VALUES ('00000000-0000-0000-0000-000000000001', '{"max_steps": 200}', 'secret');
CREATE FUNCTION report(points jsonb) RETURNS SETOF jsonb LANGUAGE sql AS $$
	DELETE FROM local_training_metrics;
	SELECT trainjob.report_metrics('secret', points);
	SELECT jsonb_strip_nulls(to_jsonb(m) - 'id' - 'job_id' - 'recorded_at') FROM local_training_metrics AS m ORDER BY step, id;
$$;

-- ---- as the trainers send them ----

-- Hugging Face
SELECT report('[{"step": 50, "loss": 2.1, "learning_rate": 2e-5, "grad_norm": 1.5, "epoch": 0.96}, {"step": 50, "eval_loss": 1.9, "eval_runtime": 3.2, "epoch": 0.96}]');
SELECT progress_text, loss_text, perplexity_text, learning_rate_text, eval_loss_text FROM job_overview;
-- the same on W&B
SELECT report('[{"train/global_step": 60, "train/loss": 2.0, "train/learning_rate": 1e-5, "train/grad_norm": 1.25, "train/epoch": 1.1},
	{"train/global_step": 60, "eval/loss": 1.8, "eval/runtime": 3.1, "eval/samples_per_second": 40, "eval/perplexity": 7, "train/perplexity": 8, "train/total_flos": 1e15}]');
-- Lightning
SELECT report('[{"step": 70, "epoch": 1, "train_loss_step": 1.9}, {"trainer/global_step": 71, "epoch": 1, "val_loss": 1.7}, {"step": 72, "train_loss": 1.6, "val_loss": "NaN"}]');
-- LLaMA-Factory
SELECT report('{"current_steps": 80, "total_steps": 200, "loss": 1.8, "lr": 3e-5, "epoch": 1.3, "percentage": 40.0, "elapsed_time": "0:01:00"}');
-- OpenAI
SELECT report('[{"step": 90, "train_loss": 1.7, "train_mean_token_accuracy": 0.8}, {"step": 91, "train_loss": 1.6, "valid_loss": 1.9, "full_valid_loss": 1.8}, {"step": 92, "valid_loss": 1.5}]');
SELECT loss, eval_loss, current_step FROM local_training_jobs;

-- ---- two of one point ----

-- ours first, in whatever order they are sent; what does not count is kept
SELECT report('[{"step": 1, "current_steps": 2, "train_loss": 1, "loss": 2, "train/loss": 3}, {"step": 2, "train/loss": 3, "loss": 2}, {"step": 3, "train_loss_step": 4, "train/loss": 3},
	{"step": 4, "full_valid_loss": 6, "val_loss": 5, "eval/loss": 4}, {"step": 5, "valid_loss": 7, "full_valid_loss": 6}, {"step": 6, "lr": 2, "train/learning_rate": 1},
	{"trainer/global_step": 8, "current_steps": 9, "train/global_step": 7}, {"step": 10, "train_loss": null, "loss": 2}]');
-- in "extra" a name is the trainer's own
SELECT report('{"step": 1, "extra": {"loss": 5, "n": 1}, "lr": 1}');

-- ---- of another kind ----

-- what would be no measure stays what it was
SELECT report('[{"step": 1, "loss": null}, {"step": 2, "loss": {"total": 1}}, {"step": 3, "lr": [1, 2]}, {"step": 4, "loss": "n/a", "train/loss": 2}, {"step": 5, "loss": true}, {"step": 6, "loss": "-infinity"}, {"step": 7, "loss": 1e400}]');
SELECT report('[{"step": 1}, {"train/global_step": -1}]'); -- fails
SELECT report('[{"step": 1}, {"current_steps": "2"}]'); -- fails
SELECT report('[{"step": 1}, {"current_steps": null}]'); -- fails
SELECT count(*) FROM local_training_metrics WHERE train_loss IS NULL AND extra IS NULL;

-- ---- nearly ours ----

-- said once a session, under the name that was meant
SELECT report('[{"step": 1, "trainLoss": 2, "val/loss": 3, "Learning Rate": 1e-5}, {"step": 2, "trainLoss": 2, "val/loss": 3}]');
SELECT report('{"step": 3, "trainLoss": 2, "Loss": 4, "metrics.grad-norm": 2}');
SELECT report('{"step": 4, "validation/perplexity": 2, "actor/lr": 1, "train/gradNorm": 1, "samplesPerSecond": 3}');
-- beside ours, or of something else, not at all
SELECT report('{"step": 5, "train_loss": 1, "TRAIN_LOSS": 2, "rewards/margins": 1, "test/loss": 1, "eval/samples_per_second": 2, "train_steps_per_second": 1, "train/train_runtime": 3, "/": 1, "": 2, "_": 3, "job_id": 5, "EXTRA": 1, "loss/": 2, "val/": 1}');

-- ---- tables of an application ----

SET client_min_messages = warning;
CREATE TABLE runs (id integer PRIMARY KEY, status text, token text);
CREATE TABLE points (job_id integer, n bigint, lr text, loss numeric(5,2));
SELECT count(*) > 0 AS attached FROM trainjob.attach('runs', 'points', columns => '{"step": "n", "job_token": "token", "train_loss": "loss"}', token_columns => ARRAY['lr']);
INSERT INTO runs VALUES (1, 'running', 'secret-own');
-- a column that the application names is no alias; what has no place is named
SELECT trainjob.report_metrics('secret-own', '[{"train/global_step": 1, "loss": 2.5, "lr": "warm"}, {"step": 2, "train/loss": 3, "loss": 2, "val_loss": 1, "trainLoss": 1}]');
SELECT trainjob.report_metrics('secret-own', '[{"step": 3, "loss": 1}, {"step": 4, "loss": 12345}]'); -- fails
TABLE points;

DROP SCHEMA aliases CASCADE;
