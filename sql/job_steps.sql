--
-- How many steps a job runs and when it first evaluates: a test for each rule
-- of doc/steps.md.  The expected values were computed by hand from the rules;
-- a row that does not say "ok" is a mistake, here or in the code.
--
SET client_min_messages = warning;

CREATE TEMP TABLE rule (
	id int GENERATED ALWAYS AS IDENTITY,
	section text,
	says text,
	config jsonb,
	total bigint, train bigint, val bigint,	-- samples
	total_steps bigint, first_eval bigint	-- expected
);

CREATE VIEW pg_temp.verdict AS
SELECT r.id, r.section, r.says, e.total_steps, e.first_eval,
	CASE WHEN (r.total_steps, r.first_eval)
			IS NOT DISTINCT FROM (e.total_steps, e.first_eval)
		THEN 'ok'
		ELSE format('WRONG: expected %s, %s', r.total_steps, r.first_eval)
	END AS verdict
FROM rule AS r, LATERAL (
		SELECT trainjob.estimate_total_steps(r.config, r.total, r.train, r.val) AS total_steps,
			CASE WHEN r.section LIKE '8 %' THEN
				trainjob.first_eval_step(r.config, r.total, r.train, r.val)
			END AS first_eval
	) AS e;

-- section 1: the sample basis.  Batch 10, accumulation 1, one epoch.
INSERT INTO rule (section, says, config, total, train, val, total_steps, first_eval)
SELECT '1', says, '{"batch_size": 10, "gradient_accumulation_steps": 1, "num_epochs": 1}',
	total, train, val, total_steps, NULL
FROM (VALUES
	(1, 'train_samples wins', 1000, 800, 100, 80),
	(2, 'total less val', 1000, NULL, 100, 90),
	(3, 'total less a val of 0', 1000, NULL, 0, 100),
	(4, 'total alone', 1000, NULL, NULL, 100),
	(5, 'a train of 0 is not known', 1000, 0, 100, 90),
	(6, 'a negative train is not known', 1000, -5, 100, 90),
	(7, 'a negative val is not known', 1000, NULL, -1, 100),
	(8, 'val takes all', 100, NULL, 100, NULL),
	(9, 'val takes more', 100, NULL, 101, NULL),
	(10, 'train is enough', NULL, 800, NULL, 80),
	(11, 'val alone', NULL, NULL, 100, NULL),
	(12, 'nothing', NULL, NULL, NULL, NULL),
	(13, 'a total of 0 is not known', 0, NULL, NULL, NULL),
	(14, 'the largest count', 9223372036854775807, NULL, NULL, 922337203685477581))
	AS v (n, says, total, train, val, total_steps)
ORDER BY n;

-- section 3: recognition.  3200 samples; the totals tell the dialects apart.
INSERT INTO rule (section, says, config, total, total_steps)
SELECT '3 ' || dialect, says, config::jsonb, 3200, total_steps
FROM (VALUES
	(1, 'baseline', 'no key at all', '{}', 300),
	(2, 'baseline', 'its own keys', '{"batch_size": 8, "num_epochs": 1}', 50),
	(3, 'hf', 'per_device_train_batch_size', '{"per_device_train_batch_size": 8}', 1200),
	(4, 'hf', 'num_train_epochs', '{"num_train_epochs": 1}', 400),
	(5, 'baseline', 'null is no mark', '{"num_train_epochs": null}', 300),
	(6, 'axolotl', 'micro_batch_size', '{"micro_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 5}', 400),
	(7, 'axolotl', 'val_set_size', '{"val_set_size": 0, "gradient_accumulation_steps": 4}', 800),
	(8, 'axolotl', 'evals_per_epoch', '{"evals_per_epoch": 1, "gradient_accumulation_steps": 4}', 800),
	(9, 'axolotl', 'sample_packing', '{"sample_packing": false, "gradient_accumulation_steps": 4}', 800),
	(10, 'torchtune', 'max_steps_per_epoch', '{"max_steps_per_epoch": 7, "batch_size": 4, "epochs": 2, "micro_batch_size": 1}', 14),
	(11, 'torchtune', 'the key even as null', '{"max_steps_per_epoch": null, "batch_size": 4, "epochs": 2}', 1600),
	(12, 'lightning', 'max_epochs before max_steps_per_epoch', '{"max_epochs": 2, "batch_size": 4, "max_steps_per_epoch": 1}', 1600),
	(13, 'lightning', 'accumulate_grad_batches', '{"accumulate_grad_batches": 2, "batch_size": 4, "max_steps": 9}', 9),
	(14, 'lightning', 'limit_train_batches', '{"limit_train_batches": 5, "batch_size": 4}', 5000),
	(15, 'openai', 'n_epochs before all others', '{"n_epochs": 2, "batch_size": 4, "max_epochs": 1}', 1600),
	(16, 'openai', 'learning_rate_multiplier', '{"learning_rate_multiplier": "auto", "batch_size": 4}', NULL),
	(17, 'openai', 'an object at method.dpo', '{"method": {"dpo": {}}, "batch_size": 4, "n_epochs": null}', NULL),
	(18, 'baseline', 'no object at method.dpo', '{"method": {"dpo": true}}', 300),
	(19, 'baseline', 'a mark outside the sections', '{"model": {"n_epochs": 2}}', 300))
	AS v (n, dialect, says, config, total_steps)
ORDER BY n;

-- section 4: defaults, W, and what shares a batch between processes
INSERT INTO rule (section, says, config, total, total_steps)
SELECT '4', says, config::jsonb, 3200, total_steps
FROM (VALUES
	(1, 'epochs for num_epochs', '{"epochs": 1}', 100),
	(2, 'hf takes batch_size', '{"num_train_epochs": 1, "batch_size": 4}', 800),
	(3, 'hf prefers its own spelling', '{"per_device_train_batch_size": 2, "batch_size": 4, "num_train_epochs": 1}', 1600),
	(4, 'hf takes num_epochs, epochs', '{"per_device_train_batch_size": 8, "epochs": 5, "num_epochs": 2}', 800),
	(5, 'an unusable batch', '{"batch_size": 0}', NULL),
	(6, 'an unusable accumulation', '{"gradient_accumulation_steps": "auto"}', NULL),
	(7, 'unusable epochs', '{"num_epochs": 0}', NULL),
	(8, 'an unusable world', '{"world_size": 0}', NULL),
	(9, 'the largest of three, not their product', '{"world_size": 2, "num_gpus": 4, "n_gpu": 1}', 75),
	(10, 'one unusable of three', '{"world_size": 2, "num_gpus": "auto"}', NULL),
	(11, 'openai has no world', '{"n_epochs": 1, "batch_size": 4, "world_size": "x"}', 800),
	(12, 'lightning devices', '{"max_epochs": 1, "batch_size": 4, "devices": 2}', 400),
	(13, 'a list of devices', '{"max_epochs": 1, "batch_size": 4, "devices": [0, 3]}', 400),
	(14, 'no device', '{"max_epochs": 1, "batch_size": 4, "devices": []}', NULL),
	(15, 'devices auto', '{"max_epochs": 1, "batch_size": 4, "devices": "auto"}', NULL),
	(16, 'devices -1', '{"max_epochs": 1, "batch_size": 4, "devices": -1}', NULL),
	(17, 'devices on nodes', '{"max_epochs": 1, "batch_size": 4, "devices": 2, "num_nodes": 4}', 100),
	(18, 'nodes alone', '{"max_epochs": 1, "batch_size": 4, "num_nodes": 4}', 200),
	(19, 'world_size before devices', '{"max_epochs": 1, "batch_size": 4, "devices": "auto", "world_size": 4}', 200),
	(20, 'baseline has no devices', '{"devices": "auto"}', 300),
	(21, 'tensor parallel in a world of one', '{"tensor_parallel_size": 8}', 300),
	(22, 'tensor parallel in a world of four', '{"tensor_parallel_size": 2, "world_size": 4}', NULL),
	(23, 'tensor parallel of 1', '{"tensor_parallel_size": 1, "world_size": 4}', 75),
	(24, 'tp_size 0, the default of transformers 4.50', '{"tp_size": 0, "world_size": 4}', 75),
	(31, 'tensor parallel unusable', '{"tensor_parallel_size": 0, "world_size": 4}', NULL),
	(25, 'axolotl knows its own', '{"micro_batch_size": 1, "gradient_accumulation_steps": 4, "world_size": 8, "tensor_parallel_size": 2, "context_parallel_size": 2}', 400),
	(26, 'rounded down: 8 / 3 = 2', '{"micro_batch_size": 1, "gradient_accumulation_steps": 4, "world_size": 8, "context_parallel_size": 3}', 400),
	(27, 'nothing left: 2 / 4', '{"micro_batch_size": 1, "gradient_accumulation_steps": 4, "world_size": 2, "context_parallel_size": 4}', NULL),
	(28, 'but not the others', '{"micro_batch_size": 1, "gradient_accumulation_steps": 4, "world_size": 8, "sp_size": 2}', NULL),
	(29, 'nor an unusable one', '{"micro_batch_size": 1, "gradient_accumulation_steps": 4, "world_size": 8, "tensor_parallel_size": "x"}', NULL),
	(30, 'pipeline parallel', '{"pipeline_parallel_size": 2, "world_size": 4}', NULL))
	AS v (n, says, config, total_steps)
ORDER BY n;

-- section 5: explicit values
INSERT INTO rule (section, says, config, total, total_steps)
SELECT '5', says, config::jsonb, total, total_steps
FROM (VALUES
	(1, 'total_steps first', '{"total_steps": 7, "max_steps": 8, "steps_per_epoch": 9, "num_epochs": 1}', 3200, 7),
	(2, 'then max_steps', '{"total_steps": 0, "max_steps": 8, "steps_per_epoch": 9, "num_epochs": 1}', NULL, 8),
	(3, 'then steps_per_epoch x epochs', '{"total_steps": "x", "max_steps": -1, "steps_per_epoch": 9, "num_epochs": 2}', NULL, 18),
	(4, 'of a part of an epoch, rounded up', '{"steps_per_epoch": 9, "num_epochs": 0.5}', NULL, 5),
	(5, 'not with the default of epochs', '{"steps_per_epoch": 9}', 3200, 300),
	(6, 'not with unusable epochs', '{"steps_per_epoch": 9, "num_epochs": "auto"}', 3200, NULL),
	(7, 'an unusable steps_per_epoch is skipped', '{"steps_per_epoch": 2.5, "num_epochs": 1}', 3200, 100),
	(8, 'a fraction of a step is rounded up', '{"max_steps": 100.5}', NULL, 101),
	(9, 'an unusable batch does not matter', '{"max_steps": 8, "batch_size": "auto"}', 3200, 8),
	(10, 'more than the epochs hold', '{"max_steps": 5000, "num_epochs": 1}', 3200, 5000),
	(11, 'the largest', '{"max_steps": 9223372036854775807}', NULL, 9223372036854775807),
	(12, 'beyond is the answer', '{"total_steps": 9223372036854775808, "max_steps": 8}', 3200, NULL),
	(13, 'a product beyond, too', '{"steps_per_epoch": 2147483647, "num_epochs": 4294967299}', 3200, NULL),
	(14, 'in torchtune', '{"max_steps_per_epoch": null, "max_steps": 8}', 3200, 8),
	(15, 'in axolotl', '{"micro_batch_size": 1, "max_steps": 8}', 3200, 8),
	(16, 'in openai', '{"n_epochs": "auto", "max_steps": 8}', 3200, 8),
	(17, 'not in lightning: a ceiling', '{"max_epochs": 1, "batch_size": 4, "max_steps": 5000}', 3200, 800),
	(18, 'total_steps in lightning', '{"max_epochs": 1, "batch_size": 4, "total_steps": 5000}', 3200, 5000),
	(19, 'steps_per_epoch in lightning, capped', '{"max_epochs": 10, "steps_per_epoch": 9, "max_steps": 50}', NULL, 50),
	(20, 'resuming changes nothing', '{"max_steps": 8, "resume_from_checkpoint": "out/checkpoint-5"}', NULL, 8))
	AS v (n, says, config, total, total_steps)
ORDER BY n;

-- section 6: an epoch is not N samples
INSERT INTO rule (section, says, config, total, total_steps)
SELECT '6', says, config::jsonb, 3200, total_steps
FROM (VALUES
	(1, 'packing', '{"packing": true}', NULL),
	(2, 'packing off', '{"packing": false}', 300),
	(3, 'packing, but an explicit total', '{"packing": true, "max_steps": 9}', 9),
	(4, 'sample_packing', '{"sample_packing": true, "gradient_accumulation_steps": 1}', NULL),
	(5, 'neat_packing', '{"neat_packing": "yes"}', NULL),
	(6, 'packed', '{"dataset": {"packed": true}}', NULL),
	(7, 'streaming', '{"streaming": true}', NULL),
	(8, 'use_streaming', '{"use_streaming": 1}', NULL),
	(9, 'pretraining_dataset', '{"pretraining_dataset": "c4"}', NULL),
	(10, 'stage pt', '{"stage": "pt"}', NULL),
	(11, 'stage pt without packing', '{"stage": "pt", "packing": false}', 300),
	(12, 'stage pt with packing null', '{"stage": "pt", "packing": null}', NULL),
	(13, 'stage sft', '{"stage": "sft"}', 300),
	(14, 'num_generations', '{"num_generations": 8}', NULL),
	(15, 'method', '{"method": "GRPO"}', NULL),
	(16, 'training_method', '{"training_method": "ppo"}', NULL),
	(17, 'rl', '{"rl": "rloo"}', NULL),
	(18, 'one of two methods', '{"method": "sft", "rl": "ebft"}', NULL),
	(19, 'rlhf', '{"method": "rlhf"}', NULL),
	(20, 'other methods', '{"method": "dpo", "rl": "kto"}', 300),
	(21, 'global_batch_size', '{"global_batch_size": 64}', NULL),
	(22, 'max_samples below N', '{"max_samples": 3199}', NULL),
	(23, 'max_samples at N', '{"max_samples": 3200}', 300),
	(24, 'max_samples 0', '{"max_samples": 0}', 300),
	(25, 'max_samples no number', '{"max_samples": "all"}', 300),
	(26, 'no change', '{"group_by_length": true, "seed": 1, "shuffle": true, "dataloader_num_workers": 4}', 300))
	AS v (n, says, config, total_steps)
ORDER BY n;

-- section 7: steps from samples
INSERT INTO rule (section, says, config, total, total_steps)
SELECT '7' || part, says, config::jsonb, total, total_steps
FROM (VALUES
	(1, 'a', 'ceil(500 / 32) x 3', '{"training": {"batch_size": 4, "gradient_accumulation_steps": 8, "num_epochs": 3}}', 500, 48),
	(2, 'a', 'fewer samples than a step', '{}', 5, 3),
	(3, 'a', 'up, up, up: 91 / 10 / 2 / 2', '{"num_train_epochs": 10, "batch_size": 10, "gradient_accumulation_steps": 2, "world_size": 2}', 91, 30),
	(4, 'a', 'drop_last: 12 batches, 1 round of 8', '{"num_train_epochs": 1, "world_size": 8, "dataloader_drop_last": true}', 100, 1),
	(5, 'a', 'drop_last: the last accumulation stays', '{"num_train_epochs": 1, "gradient_accumulation_steps": 5, "dataloader_drop_last": true}', 100, 3),
	(6, 'a', 'drop_last: no batch', '{"num_train_epochs": 1, "dataloader_drop_last": true}', 7, NULL),
	(7, 'a', 'split_batches: 100 / 8', '{"num_train_epochs": 1, "world_size": 4, "accelerator_config": {"split_batches": true}}', 100, 13),
	(8, 'a', 'split_batches with drop_last', '{"num_train_epochs": 1, "world_size": 4, "dataloader_drop_last": true, "accelerator_config": {"split_batches": true}}', 100, 12),
	(9, 'a', 'split_batches: 8 between 3', '{"num_train_epochs": 1, "world_size": 3, "accelerator_config": {"split_batches": true}}', 100, NULL),
	(10, 'a', 'split_batches in a world of one', '{"num_train_epochs": 1, "accelerator_config": {"split_batches": true}}', 100, 13),
	(11, 'a', 'even_batches', '{"num_train_epochs": 1, "world_size": 4, "accelerator_config": {"even_batches": false}}', 100, 4),
	(12, 'b', '1.1 x 50 is above 55', '{"num_epochs": 1.1}', 1600, 56),
	(13, 'b', '1.1 x 10 is 11', '{"num_epochs": 1.1}', 320, 11),
	(14, 'b', 'a sliver of an epoch', '{"num_epochs": 0.001}', 100, 1),
	(15, 'b', 'less than a double holds', '{"num_epochs": 1e-400}', 100, NULL),
	(16, 'b', 'the largest', '{"batch_size": 100, "gradient_accumulation_steps": 1, "num_epochs": 9223372036854775807}', 100, 9223372036854775807),
	(17, 'b', 'one beyond', '{"batch_size": 1, "gradient_accumulation_steps": 1, "num_epochs": 2}', 4611686018427387904, NULL),
	(18, 'b', 'more epochs than bigint', '{"num_epochs": 9223372036854775808}', 1, NULL),
	(19, 'b', 'the most samples', '{"batch_size": 1, "gradient_accumulation_steps": 1, "num_epochs": 1}', 9223372036854775807, 9223372036854775807),
	(20, 'b', 'the largest divisors', '{"batch_size": 2147483647, "gradient_accumulation_steps": 2147483647, "num_epochs": 1, "world_size": 2147483647}', 9223372036854775807, 1),
	(21, 'c', 'once a run: 10 x 3 / 8', '{"micro_batch_size": 2, "gradient_accumulation_steps": 4, "num_epochs": 3}', 10, 4),
	(22, 'c', 'a fraction: 10 x 2.5 / 8', '{"micro_batch_size": 2, "gradient_accumulation_steps": 4, "num_epochs": 2.5}', 10, 4),
	(23, 'c', 'batch_size is the whole batch: 100 / 13', '{"micro_batch_size": 4, "batch_size": 13}', 100, 8),
	(24, 'c', 'batch_size below micro_batch_size', '{"micro_batch_size": 4, "batch_size": 3}', 100, NULL),
	(25, 'c', 'neither', '{"micro_batch_size": 4}', 100, NULL),
	(26, 'c', 'both', '{"micro_batch_size": 4, "batch_size": 8, "gradient_accumulation_steps": 2}', 100, NULL),
	(27, 'c', 'world: 100 / (4 x 2 x 4)', '{"micro_batch_size": 4, "gradient_accumulation_steps": 2, "n_gpu": 4}', 100, 4),
	(28, 'c', 'drop_last changes nothing', '{"micro_batch_size": 4, "gradient_accumulation_steps": 2, "dataloader_drop_last": true}', 101, 13),
	(29, 'c', 'but for a run without a batch', '{"micro_batch_size": 4, "gradient_accumulation_steps": 2, "dataloader_drop_last": true}', 3, NULL),
	(30, 'c', 'exact in 128 bits: (2^63 - 1) x 1000 / 2000', '{"micro_batch_size": 20, "gradient_accumulation_steps": 100, "num_epochs": 1000}', 9223372036854775807, 4611686018427387904),
	(31, 'c', '(2^63 - 1)^2 / (2^31 - 1)^3', '{"micro_batch_size": 2147483647, "gradient_accumulation_steps": 2147483647, "world_size": 2147483647, "num_epochs": 9223372036854775807}', 9223372036854775807, 8589934605),
	(32, 'c', 'beyond', '{"micro_batch_size": 1, "gradient_accumulation_steps": 1, "num_epochs": 2}', 4611686018427387904, NULL),
	(33, 'd', 'down each epoch: 33 / 4 / 8', '{"max_steps_per_epoch": null, "batch_size": 4, "gradient_accumulation_steps": 8, "epochs": 3}', 33, 3),
	(34, 'd', 'the sampler pads: up(37 / 4) / 5', '{"max_steps_per_epoch": null, "batch_size": 5, "epochs": 1, "world_size": 4}', 37, 2),
	(35, 'd', 'a limit of an epoch', '{"max_steps_per_epoch": 2, "batch_size": 4, "epochs": 3}', 33, 6),
	(36, 'd', 'a limit above', '{"max_steps_per_epoch": 50, "batch_size": 4, "epochs": 3}', 33, 24),
	(37, 'd', 'an unusable limit', '{"max_steps_per_epoch": 0, "batch_size": 4, "epochs": 3}', 33, NULL),
	(38, 'd', 'no full step', '{"max_steps_per_epoch": 1, "batch_size": 4, "gradient_accumulation_steps": 16, "epochs": 3}', 33, NULL),
	(39, 'd', 'no batch_size', '{"max_steps_per_epoch": null, "epochs": 3}', 33, NULL),
	(40, 'd', 'no epochs', '{"max_steps_per_epoch": null, "batch_size": 4}', 33, NULL),
	(41, 'd', 'a fraction of an epoch', '{"max_steps_per_epoch": null, "batch_size": 4, "epochs": 1.5}', 33, NULL),
	(42, 'e', 'up each epoch: 33 / 4 / 8', '{"max_epochs": 3, "batch_size": 4, "accumulate_grad_batches": 8}', 33, 6),
	(43, 'e', 'drop_last', '{"max_epochs": 3, "batch_size": 4, "accumulate_grad_batches": 8, "drop_last": true}', 33, 3),
	(44, 'e', 'nothing after drop_last', '{"max_epochs": 3, "batch_size": 4, "dataloader_drop_last": true}', 3, NULL),
	(45, 'e', 'limit 1: one batch', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 1}', 33, 3),
	(46, 'e', 'limit 1.0: all', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 1.0}', 33, 27),
	(47, 'e', 'limit "1.0": all', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": "1.0"}', 33, 27),
	(48, 'e', 'limit 0.5: down(9 x 0.5)', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 0.5}', 33, 12),
	(49, 'e', 'limit 50 of 9', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 50}', 33, 27),
	(50, 'e', 'limit 0', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 0}', 33, NULL),
	(51, 'e', 'limit 1.5', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 1.5}', 33, NULL),
	(52, 'e', 'limit 0.1: nothing left', '{"max_epochs": 3, "batch_size": 4, "limit_train_batches": 0.1}', 33, NULL),
	(53, 'e', 'max_steps is a ceiling', '{"max_epochs": 3, "batch_size": 4, "max_steps": 20}', 33, 20),
	(54, 'e', 'a ceiling above', '{"max_epochs": 3, "batch_size": 4, "max_steps": 28}', 33, 27),
	(55, 'e', 'a ceiling of 19.5', '{"max_epochs": 3, "batch_size": 4, "max_steps": 19.5}', 33, 20),
	(56, 'e', 'no epoch limit: no samples needed', '{"max_epochs": -1, "max_steps": 20}', NULL, 20),
	(57, 'e', 'no max_epochs, a ceiling', '{"accumulate_grad_batches": 2, "max_steps": 20}', NULL, 20),
	(58, 'e', 'no limit at all', '{"max_epochs": -1, "batch_size": 4}', 33, NULL),
	(59, 'e', 'no max_epochs: 1000', '{"accumulate_grad_batches": 2, "batch_size": 4}', 33, 5000),
	(60, 'e', 'max_epochs 0', '{"max_epochs": 0, "batch_size": 4, "max_steps": 20}', 33, NULL),
	(61, 'e', 'max_epochs -2', '{"max_epochs": -2, "batch_size": 4, "max_steps": 20}', 33, NULL),
	(62, 'e', 'max_epochs 1.5', '{"max_epochs": 1.5, "batch_size": 4}', 33, NULL),
	(63, 'e', 'max_steps -1 is no ceiling', '{"max_epochs": 3, "batch_size": 4, "max_steps": -1}', 33, 27),
	(64, 'f', 'openai, once a run: up(33 x 3 / 4)', '{"n_epochs": 3, "batch_size": 4}', 33, 25),
	(65, 'f', 'openai auto', '{"n_epochs": "auto", "batch_size": 4}', 33, NULL),
	(66, 'f', 'openai without batch_size', '{"n_epochs": 3}', 33, NULL),
	(67, 'f', 'openai 1.5', '{"n_epochs": 1.5, "batch_size": 4}', 33, NULL))
	AS v (n, part, says, config, total, total_steps)
ORDER BY n;

-- section 8: the first evaluation.  hf and baseline: 90 updates an epoch.
INSERT INTO rule (section, says, config, total, val, total_steps, first_eval)
SELECT '8 hf', says,
	'{"per_device_train_batch_size": 10, "num_train_epochs": 2}'::jsonb || config::jsonb,
	900 + val, val, total_steps, first_eval
FROM (VALUES
	(1, 'no strategy', 100, '{"eval_steps": 20}', 180, NULL),
	(2, 'strategy no', 100, '{"eval_strategy": "no", "eval_steps": 20}', 180, NULL),
	(3, 'strategy false', 100, '{"eval_strategy": false, "eval_steps": 20}', 180, NULL),
	(4, 'another word', 100, '{"eval_strategy": "often", "eval_steps": 20}', 180, NULL),
	(5, 'steps', 100, '{"eval_strategy": "steps", "eval_steps": 20}', 180, 20),
	(6, 'steps, in any case', 100, '{"eval_strategy": "STEPS", "eval_steps": "20"}', 180, 20),
	(7, 'the old spelling', 100, '{"evaluation_strategy": "steps", "eval_steps": 20}', 180, 20),
	(8, 'the new one first', 100, '{"eval_strategy": "no", "evaluation_strategy": "steps", "eval_steps": 20}', 180, NULL),
	(9, 'val_samples 0', 0, '{"eval_strategy": "steps", "eval_steps": 20, "eval_on_start": true}', 180, NULL),
	(10, 'eval_on_start', 100, '{"eval_on_start": true}', 180, 0),
	(11, 'logging_steps instead', 100, '{"eval_strategy": "steps", "logging_steps": 15}', 180, 15),
	(12, 'of eval_steps 0, too', 100, '{"eval_strategy": "steps", "eval_steps": 0, "logging_steps": 15}', 180, 15),
	(13, 'neither', 100, '{"eval_strategy": "steps"}', 180, NULL),
	(14, 'logging_steps 0', 100, '{"eval_strategy": "steps", "logging_steps": 0}', 180, NULL),
	(15, 'a share: 0.25 x 180', 100, '{"eval_strategy": "steps", "eval_steps": 0.25}', 180, 45),
	(16, 'a share of an unknown total', 100, '{"eval_strategy": "steps", "eval_steps": 0.25, "packing": true}', NULL, NULL),
	(17, 'a number of an unknown total', 100, '{"eval_strategy": "steps", "eval_steps": 20, "packing": true}', NULL, 20),
	(18, 'unusable: 2.5', 100, '{"eval_strategy": "steps", "eval_steps": 2.5}', 180, NULL),
	(19, 'unusable: negative', 100, '{"eval_strategy": "steps", "eval_steps": -20}', 180, NULL),
	(20, 'unusable: a word', 100, '{"eval_strategy": "steps", "eval_steps": "often", "logging_steps": 5}', 180, NULL),
	(21, 'the last step', 100, '{"eval_strategy": "steps", "eval_steps": 180}', 180, 180),
	(22, 'after the end', 100, '{"eval_strategy": "steps", "eval_steps": 181}', 180, NULL),
	(23, 'delay: the next multiple', 100, '{"eval_strategy": "steps", "eval_steps": 20, "eval_delay": 30}', 180, 40),
	(24, 'delay: at a multiple', 100, '{"eval_strategy": "steps", "eval_steps": 20, "eval_delay": 40}', 180, 40),
	(25, 'delay: a fraction above it', 100, '{"eval_strategy": "steps", "eval_steps": 20, "eval_delay": 40.1}', 180, 60),
	(26, 'delay: to the end', 100, '{"eval_strategy": "steps", "eval_steps": 20, "eval_delay": 181}', 180, NULL),
	(27, 'delay: unusable', 100, '{"eval_strategy": "steps", "eval_steps": 20, "eval_delay": -1}', 180, NULL),
	(28, 'epoch', 100, '{"eval_strategy": "epoch"}', 180, 90),
	(29, 'epoch: the run ends first', 100, '{"eval_strategy": "epoch", "max_steps": 7}', 7, 7),
	(30, 'epoch: of a longer run', 100, '{"eval_strategy": "epoch", "max_steps": 1000}', 1000, 90),
	(31, 'epoch, delay 1.5', 100, '{"eval_strategy": "epoch", "eval_delay": 1.5}', 180, 180),
	(32, 'epoch, delay 0.5', 100, '{"eval_strategy": "epoch", "eval_delay": 0.5}', 180, 90),
	(33, 'epoch, delay 2', 100, '{"eval_strategy": "epoch", "eval_delay": 2}', 180, 180),
	(34, 'epoch, delay 2.1', 100, '{"eval_strategy": "epoch", "eval_delay": 2.1}', 180, NULL),
	(35, 'epoch: delay 1.2, end at 1 + 30 / 90', 100, '{"eval_strategy": "epoch", "eval_delay": 1.2, "max_steps": 120}', 120, 120),
	(36, 'epoch: delay 1.4, end at 1 + 30 / 90', 100, '{"eval_strategy": "epoch", "eval_delay": 1.4, "max_steps": 120}', 120, NULL),
	(37, 'epoch, unusable accumulation', 100, '{"eval_strategy": "epoch", "gradient_accumulation_steps": 0, "max_steps": 120}', 120, NULL),
	(38, 'epoch, packed', 100, '{"eval_strategy": "epoch", "packing": true, "max_steps": 120}', 120, NULL),
	(39, 'epoch: U is steps_per_epoch', 100, '{"eval_strategy": "epoch", "steps_per_epoch": 50, "packing": true}', 100, 50),
	(40, 'the same, delay 1.2 of 1.5', 100, '{"eval_strategy": "epoch", "steps_per_epoch": 50, "num_train_epochs": 1.5, "eval_delay": 1.2}', 75, 75))
	AS v (n, says, val, config, total_steps, first_eval)
ORDER BY n;

INSERT INTO rule (section, says, config, total, val, total_steps, first_eval)
SELECT '8 axolotl', says,
	'{"micro_batch_size": 2, "gradient_accumulation_steps": 5, "num_epochs": 2}'::jsonb || config::jsonb,
	1000, val, CASE WHEN val IS NULL AND config LIKE '%0.1}' THEN 180 ELSE 200 - coalesce(val, 0) / 5 END, first_eval
FROM (VALUES
	(1, 'nothing asked for', 100, '{}', NULL),
	(2, 'eval_steps', 100, '{"eval_steps": 50}', 0),
	(3, 'eval_steps, no evaluation data', NULL, '{"eval_steps": 50}', NULL),
	(4, 'data by val_set_size', NULL, '{"eval_steps": 50, "val_set_size": 0.1}', 0),
	(5, 'val_set_size 0', NULL, '{"eval_steps": 50, "val_set_size": 0}', NULL),
	(6, 'data by test_datasets', NULL, '{"eval_steps": 50, "test_datasets": [{"path": "x"}]}', 0),
	(7, 'empty test_datasets', NULL, '{"eval_steps": 50, "test_datasets": []}', NULL),
	(8, 'val_samples 0', 0, '{"eval_steps": 50, "val_set_size": 0.1}', NULL),
	(9, 'evals_per_epoch 1 of 2 epochs', 100, '{"evals_per_epoch": 1}', 0),
	(10, 'one evaluation a run', 100, '{"evals_per_epoch": 0.5}', NULL),
	(11, 'strategy epoch', 100, '{"eval_strategy": "epoch"}', 0),
	(12, 'strategy steps', 100, '{"eval_strategy": "steps"}', 0),
	(13, 'strategy no', 100, '{"eval_strategy": "no"}', NULL),
	(14, 'eval_steps 0', 100, '{"eval_steps": 0}', NULL))
	AS v (n, says, val, config, first_eval)
ORDER BY n;

INSERT INTO rule (section, says, config, total, val, total_steps, first_eval)
SELECT '8 torchtune', says,
	'{"max_steps_per_epoch": null, "batch_size": 10, "epochs": 1}'::jsonb || config::jsonb,
	1000 + val, val, 100, first_eval
FROM (VALUES
	(1, 'missing', 50, '{}', NULL),
	(2, 'every 25', 50, '{"run_val_every_n_steps": 25}', 25),
	(3, 'val_samples 0', 0, '{"run_val_every_n_steps": 25}', NULL),
	(4, 'after the end', 50, '{"run_val_every_n_steps": 101}', NULL),
	(5, 'unusable', 50, '{"run_val_every_n_steps": 0}', NULL),
	(6, 'null', 50, '{"run_val_every_n_steps": null}', NULL))
	AS v (n, says, val, config, first_eval)
ORDER BY n;

-- 100 batches, 25 updates an epoch, 2 epochs
INSERT INTO rule (section, says, config, total, val, total_steps, first_eval)
SELECT '8 lightning', says,
	'{"max_epochs": 2, "batch_size": 10, "accumulate_grad_batches": 4}'::jsonb || config::jsonb,
	1000 + val, val, total_steps, first_eval
FROM (VALUES
	(1, 'each epoch', 50, '{}', 50, 25),
	(2, 'val_samples 0', 0, '{}', 50, NULL),
	(3, 'no validation', 50, '{"limit_val_batches": 0}', 50, NULL),
	(4, 'no validation: 0.0', 50, '{"limit_val_batches": 0.0}', 50, NULL),
	(5, 'some validation', 50, '{"limit_val_batches": 0.1}', 50, 25),
	(6, 'every second epoch', 50, '{"check_val_every_n_epoch": 2}', 50, 50),
	(7, 'every third: none', 50, '{"check_val_every_n_epoch": 3}', 50, NULL),
	(8, 'unusable', 50, '{"check_val_every_n_epoch": 0}', 50, NULL),
	(9, 'after 30 batches: 7 updates', 50, '{"val_check_interval": 30}', 50, 7),
	(10, 'after 3 batches: before any update', 50, '{"val_check_interval": 3}', 50, 0),
	(11, 'a share: 0.5', 50, '{"val_check_interval": 0.5}', 50, 12),
	(12, '1.0 is the epoch', 50, '{"val_check_interval": 1.0}', 50, 25),
	(13, '1 is one batch', 50, '{"val_check_interval": 1}', 50, 0),
	(14, 'less than a batch: one', 50, '{"val_check_interval": 0.001}', 50, 0),
	(15, 'more than an epoch is refused', 50, '{"val_check_interval": 130}', 50, NULL),
	(16, 'unless counted across epochs', 50, '{"val_check_interval": 130, "check_val_every_n_epoch": null}', 50, 32),
	(17, 'across, an epoch exactly', 50, '{"val_check_interval": 100, "check_val_every_n_epoch": null}', 50, 25),
	(18, 'across, after the end', 50, '{"val_check_interval": 201, "check_val_every_n_epoch": null}', 50, NULL),
	(19, 'a share across epochs', 50, '{"val_check_interval": 0.5, "check_val_every_n_epoch": null}', 50, NULL),
	(20, 'a clock', 50, '{"val_check_interval": "00:15:00:00"}', 50, NULL),
	(21, 'in the second of two epochs: 25 + 7', 50, '{"val_check_interval": 30, "check_val_every_n_epoch": 2}', 50, 32),
	(22, 'the ceiling comes first', 50, '{"max_steps": 20}', 20, NULL),
	(23, 'no limit at all', 50, '{"max_epochs": -1}', NULL, 25),
	(24, 'stopped by steps only', 50, '{"max_epochs": -1, "max_steps": 30}', 30, 25),
	(25, 'the epoch, counted across epochs', 50, '{"check_val_every_n_epoch": null}', 50, 25))
	AS v (n, says, val, config, total_steps, first_eval)
ORDER BY n;

INSERT INTO rule (section, says, config, total, val, total_steps, first_eval)
VALUES ('8 openai', 'no setting', '{"n_epochs": 1, "batch_size": 10, "eval_strategy": "steps", "eval_steps": 5}', 1100, 100, 100, NULL);

SELECT section, says, total_steps, first_eval, verdict FROM pg_temp.verdict ORDER BY id;
SELECT count(*) AS rules, count(*) FILTER (WHERE verdict <> 'ok') AS wrong FROM pg_temp.verdict;

-- the dialect of section 3 is the one that was meant
SELECT r.section, r.says, e.dialect
FROM rule AS r, trainjob.explain_total_steps(r.config, r.total) AS e
WHERE r.section LIKE '3 %' AND r.section <> '3 ' || e.dialect;

-- the arguments but the configuration may be left out
SELECT trainjob.estimate_total_steps('{"max_steps": 5}') AS total,
	trainjob.first_eval_step('{"eval_strategy": "steps", "eval_steps": 5}') AS first,
	(trainjob.explain_total_steps('{"max_steps": 5}')).explanation;
SELECT trainjob.estimate_total_steps('{}', train_samples => 320);

--
-- Settings
--
SELECT name, setting, unit, context, vartype, min_val, max_val, enumvals
FROM pg_settings
WHERE name LIKE 'trainjob.default\_%' OR name = 'trainjob.samples_basis'
ORDER BY name;

-- they are the defaults of the baseline dialect and of no other
SET trainjob.default_batch_size = 10;
SET trainjob.default_gradient_accumulation_steps = 1;
SET trainjob.default_num_epochs = 1.5;
SELECT trainjob.estimate_total_steps('{}', 100) AS baseline,
	trainjob.estimate_total_steps('{"num_epochs": 2}', 100) AS given,
	trainjob.estimate_total_steps('{"num_train_epochs": 1}', 100) AS hf;
SET trainjob.default_batch_size = 0;
SET trainjob.default_num_epochs = 0;
RESET trainjob.default_batch_size;
RESET trainjob.default_gradient_accumulation_steps;
RESET trainjob.default_num_epochs;

SET trainjob.samples_basis = total;
SELECT sample_basis, samples FROM trainjob.explain_total_steps('{}', 1000, 900, 100);
SELECT sample_basis, samples FROM trainjob.explain_total_steps('{}', NULL, 900, 100);
SELECT sample_basis, samples FROM trainjob.explain_total_steps('{}', 0, NULL, 100);
SET trainjob.samples_basis = 'some';
RESET trainjob.samples_basis;

--
-- Explanations
--
\x
SELECT * FROM trainjob.explain_total_steps('{"training": {"batch_size": 4}}', 500);
SELECT * FROM trainjob.explain_total_steps(
	'{"micro_batch_size": 2, "batch_size": "16", "num_epochs": 2.5, "world_size": 4, "eval_steps": 10}', 1000, NULL, 100);
SELECT * FROM trainjob.explain_total_steps(
	'{"trainer": {"max_epochs": -1, "devices": "auto"}, "data": {"batch_size": 4}}', NULL);
\x
SELECT (trainjob.explain_total_steps(config::jsonb, 500)).explanation
FROM unnest(ARRAY[
	NULL,
	'{"num_epochs": 1.1}',
	'{"batch_size": 2, "world_size": 2, "dataloader_drop_last": true}',
	'{"batch_size": 2, "world_size": 2, "accelerator_config": {"split_batches": true}}',
	'{"num_train_epochs": 2}',
	'{"micro_batch_size": 2, "gradient_accumulation_steps": 4, "world_size": 2}',
	'{"micro_batch_size": 2, "batch_size": 4, "world_size": 2}',
	'{"max_steps_per_epoch": null, "batch_size": 2, "epochs": 1}',
	'{"max_steps_per_epoch": 20, "batch_size": 2, "epochs": 1, "world_size": 3}',
	'{"max_epochs": 2, "batch_size": 2}',
	'{"max_epochs": 2, "batch_size": 2, "limit_train_batches": 0.5, "accumulate_grad_batches": 2}',
	'{"max_epochs": 2, "batch_size": 2, "max_steps": 300}',
	'{"n_epochs": 2, "batch_size": 2}',
	'{"training": {"max_steps": 100.5}}',
	'{"steps_per_epoch": 9, "epochs": 1.5}',
	'{"max_steps": 100, "batch_size": "auto"}',
	'{"max_steps": "NaN"}'])
	AS config;

-- a note says why the total is unknown
SELECT _trainjob.job_note(config::jsonb, path, total, NULL, val, NULL)
FROM (VALUES
	(1, NULL, 's3://x', NULL, NULL),
	(2, '{}', NULL, NULL, NULL),
	(3, '{}', repeat('/abc', 100), NULL, 10),
	(4, '{}', 's3://x', 10, 12),
	(5, '[]', 's3://x', NULL, NULL),
	(6, '{"packing": true}', 's3://x', NULL, NULL),
	(7, '{"stage": "PT"}', 's3://x', 500, NULL),
	(8, '{"streaming": true, "packing": true}', 's3://x', 500, NULL),
	(9, '{"pretraining_dataset": [{"path": "c4"}]}', 's3://x', 500, NULL),
	(10, '{"training": {"num_generations": 8}}', 's3://x', 500, NULL),
	(11, '{"rl": "grpo"}', 's3://x', 500, NULL),
	(12, '{"global_batch_size": 64}', 's3://x', 500, NULL),
	(13, '{"max_samples": 100}', 's3://x', 500, NULL),
	(14, '{"num_gpus": 4, "tp_size": 2}', 's3://x', 500, NULL),
	(15, '{"num_gpus": 4, "tp_size": "x"}', 's3://x', 500, NULL),
	(16, '{"batch_size": 10, "num_gpus": 4, "accelerator_config": {"split_batches": true}}', 's3://x', 500, NULL),
	(17, '{"dataloader_drop_last": true}', 's3://x', 3, NULL),
	(18, '{"micro_batch_size": 4}', 's3://x', 500, NULL),
	(19, '{"training": {"micro_batch_size": 4, "batch_size": 8}, "gradient_accumulation_steps": 2}', 's3://x', 500, NULL),
	(20, '{"micro_batch_size": 4, "batch_size": 2}', 's3://x', 500, NULL),
	(21, '{"max_steps_per_epoch": null, "epochs": 1}', 's3://x', 500, NULL),
	(22, '{"max_epochs": -1, "batch_size": 2}', 's3://x', 500, NULL),
	(23, '{"max_epochs": 1, "batch_size": 2, "limit_train_batches": 1.5}', 's3://x', 500, NULL),
	(24, '{"max_steps": 1e30}', 's3://x', 500, NULL),
	(25, '{"num_epochs": 1e30}', 's3://x', 500, NULL),
	(26, '{"num_epochs": 9e18, "steps_per_epoch": 9}', 's3://x', 500, NULL),
	(27, '{"num_epochs": 9e18}', 's3://x', 500, NULL),
	(28, '{"num_epochs": 1e-400}', 's3://x', 500, NULL),
	(29, '{"max_epochs": 1, "batch_size": 2, "num_nodes": 0}', 's3://x', 500, NULL),
	(30, '{"micro_batch_size": 4, "batch_size": "all"}', 's3://x', 500, NULL))
	AS v (n, config, path, total, val)
ORDER BY n;

-- and, of a total that is known, which value was ignored
SELECT _trainjob.job_note(config::jsonb, NULL, 500, NULL, NULL, total_steps)
FROM (VALUES
	(1, '{}', NULL),
	(2, '{"max_steps": -1}', NULL),
	(3, '{"max_steps": "NaN"}', NULL),
	(4, '{"max_steps": 10, "num_epochs": "auto"}', NULL),
	(5, '{"num_epochs": "auto"}', 10),
	(6, '{"packing": true}', 10),
	(7, '[1]', 10),
	(8, '{"eval_strategy": "steps", "eval_steps": "often"}', NULL),
	(9, '{"eval_strategy": "steps", "eval_steps": 10, "eval_delay": "x"}', NULL),
	(10, '{"max_epochs": 1, "batch_size": 2, "val_check_interval": "00:15:00:00"}', NULL))
	AS v (n, config, total_steps)
ORDER BY n;

--
-- The text before the first evaluation
--
SELECT config, total_steps, _trainjob.eval_text(config::jsonb, 500, NULL, val, total_steps)
FROM (VALUES
	(1, NULL, NULL, NULL),
	(2, '{}', NULL, NULL),
	(3, '[]', NULL, NULL),
	(4, '{"eval_strategy": "no"}', NULL, NULL),
	(5, '{"eval_strategy": false}', NULL, NULL),
	(6, '{"eval_strategy": "epoch"}', NULL, NULL),
	(7, '{"eval_strategy": "steps", "eval_steps": 100}', NULL, NULL),
	(8, '{"eval_strategy": "steps", "logging_steps": 10}', NULL, NULL),
	(9, '{"eval_strategy": "steps"}', NULL, NULL),
	(10, '{"eval_strategy": "steps", "eval_steps": 0.1, "max_steps": 50}', NULL, NULL),
	(11, '{"eval_strategy": "steps", "eval_steps": 0.1, "max_steps": 50}', NULL, 200),
	(12, '{"eval_strategy": "steps", "eval_steps": 0.1, "packing": true}', NULL, NULL),
	(13, '{"eval_strategy": "epoch"}', 0, NULL),
	(14, '{"method": "dpo"}', 0, NULL),
	(15, '{"eval_steps": 100}', NULL, NULL),
	(16, '{"eval_steps": 0.5}', NULL, 30),
	(17, '{"eval_steps": "often", "method": "dpo"}', NULL, NULL),
	(18, '{"method": "DPO"}', NULL, NULL),
	(19, '{"training": {"method": "orpo"}}', NULL, NULL),
	(20, '{"method": "sft"}', NULL, NULL),
	(21, '{"method": "cpt"}', NULL, NULL),
	(22, '{"method": "rlhf"}', NULL, NULL),
	(23, '{"eval_on_start": true, "eval_strategy": "no"}', NULL, NULL),
	(24, '{"num_train_epochs": 1}', NULL, NULL),
	(25, '{"num_train_epochs": 1, "eval_steps": 100, "method": "sft"}', NULL, NULL),
	(26, '{"micro_batch_size": 1}', 100, NULL),
	(27, '{"micro_batch_size": 1, "eval_steps": 50}', 100, NULL),
	(28, '{"micro_batch_size": 1, "eval_steps": 0.25}', 100, 200),
	(29, '{"micro_batch_size": 1, "evals_per_epoch": 1, "num_epochs": 2}', 100, NULL),
	(30, '{"micro_batch_size": 1, "evals_per_epoch": 4}', 100, NULL),
	(31, '{"micro_batch_size": 1, "eval_strategy": "epoch"}', 100, NULL),
	(32, '{"max_steps_per_epoch": null}', 100, NULL),
	(33, '{"max_steps_per_epoch": null, "run_val_every_n_steps": 25}', 100, NULL),
	(34, '{"max_epochs": 1}', 100, NULL),
	(35, '{"max_epochs": 1, "val_check_interval": 0.25}', 100, NULL),
	(36, '{"max_epochs": 1, "limit_val_batches": 0}', 100, NULL),
	(37, '{"n_epochs": 1}', 100, NULL))
	AS v (n, config, val, total_steps)
ORDER BY n;
