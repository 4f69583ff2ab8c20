--
-- Dialects of more trainers, and what the steps of all take from elsewhere
-- (sections 1, 4, 5 and 7g to 7m of doc/steps.md).  The expected values were
-- computed by hand from the rules; a row that does not say "ok" is a mistake,
-- here or in the code.
--
SET client_min_messages = warning;

CREATE TEMP TABLE rule (
	id int GENERATED ALWAYS AS IDENTITY,
	dialect text,
	says text,
	config jsonb,
	total bigint, train bigint, val bigint,	-- samples
	total_steps bigint, first_eval bigint	-- expected
);

-- GRPO.  128 prompts, b 8: g = 8, p = 1, 128 x 8 rows
INSERT INTO rule (dialect, says, config, total, total_steps)
SELECT dialect, says, config::jsonb, total, total_steps
FROM (VALUES
	(1, 'grpo', '128 x 8 / 8, three times', '{"num_train_epochs": 3, "num_generations": 8}', 128, 384),
	(2, 'grpo', 'prompts beyond a whole group are dropped: g = 16, p = 4; 96 of 99 x 4 / 16', '{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4, "num_train_epochs": 1, "num_generations": 4}', 99, 24),
	(3, 'grpo', 'three processes: g = 24, p = 4; 8000 x 6 x 2 / 8 / 3 / 2, twice', '{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_train_epochs": 2, "num_generations": 6, "world_size": 3}', 8000, 4000),
	(4, 'grpo', 'known by its generation batch: s = 64 / 8, as below', '{"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4, "num_train_epochs": 1, "generation_batch_size": 64}', 1000, 250),
	(5, 'grpo', 'by its steps: g = 64, p = 8; 1000 x 8 x 8 / 64 / 4', '{"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4, "num_train_epochs": 1, "steps_per_generation": 8}', 1000, 250),
	(6, 'grpo', 'both, as a full dump has them', '{"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4, "num_train_epochs": 1, "steps_per_generation": 8, "generation_batch_size": 64}', 1000, 250),
	(7, 'grpo', 'both, that do not fit', '{"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4, "num_train_epochs": 1, "steps_per_generation": 8, "generation_batch_size": 32}', 1000, NULL),
	(8, 'grpo', 'each batch used twice', '{"num_train_epochs": 3, "num_generations": 8, "num_iterations": 2}', 128, 768),
	(9, 'grpo', 'by its reward functions', '{"num_train_epochs": 3, "reward_funcs": ["accuracy"]}', 128, 384),
	(10, 'grpo', 'ms-swift names the method', '{"num_train_epochs": 3, "rlhf_type": "grpo"}', 128, 384),
	(11, 'grpo', 'TRL refuses a generation batch of 8 for groups of 3', '{"num_train_epochs": 3, "num_generations": 3}', 128, NULL),
	(12, 'grpo', 'fewer prompts than a generation batch has', '{"num_train_epochs": 3, "num_generations": 2}', 3, NULL),
	(13, 'grpo', 'max_steps wins', '{"num_train_epochs": 3, "num_generations": 8, "max_steps": 50}', 128, 50),
	(14, 'grpo', 'too many rows to count', '{"num_train_epochs": 3, "num_generations": 8}', 9223372036854775807, NULL),
	(15, 'grpo', 'drop_last: 10 batches over 4 processes', '{"per_device_train_batch_size": 2, "num_train_epochs": 1, "num_generations": 8, "world_size": 4, "dataloader_drop_last": true}', 10, 10),
	(16, 'hf', 'another method of ms-swift', '{"num_train_epochs": 1, "rlhf_type": "dpo", "num_iterations": 1, "num_ppo_epochs": 4, "num_mini_batches": 1}', 128, 16),
	(17, 'hf', 'iterations of something else', '{"num_train_epochs": 1, "num_iterations": 100}', 128, NULL),
	(18, 'baseline', 'not without a key of the Trainer', '{"steps_per_generation": 8, "batch_size": 4}', 128, NULL),
	(20, 'grpo', 'by its loss', '{"num_train_epochs": 3, "loss_type": "dr_grpo"}', 128, 384),
	(21, 'hf', 'not by the loss of another', '{"num_train_epochs": 3, "loss_type": "sigmoid"}', 128, 48),
	(22, 'grpo', 'RLOO has G = 2: p = 4', '{"num_train_epochs": 3, "trainer_type": "rloo", "reward_funcs": "accuracy"}', 128, 96),
	(23, 'grpo', 'RLOO: g = 8, p = 4', '{"num_train_epochs": 3, "trainer_type": "rloo", "num_generations": 2}', 130, 96),
	(24, 'hf', 'some sampler', '{"num_train_epochs": 3, "max_completion_length": 256}', 128, NULL),
	(25, 'hf', 'ORPO', '{"num_train_epochs": 3, "max_completion_length": 256, "max_length": 512}', 128, 48),
	(19, 'axolotl', 'nor in another trainer', '{"micro_batch_size": 1, "gradient_accumulation_steps": 1, "rl": "grpo", "trl": {"num_generations": 8}}', 128, NULL))
	AS v (n, dialect, says, config, total, total_steps)
ORDER BY n;

-- PPO
INSERT INTO rule (dialect, says, config, total, total_steps)
SELECT dialect, says, config::jsonb, total, total_steps
FROM (VALUES
	(1, 'ppo', 'episodes: up(10000 / 64)', '{"per_device_train_batch_size": 64, "total_episodes": 10000, "num_ppo_epochs": 4, "num_mini_batches": 1}', 50000, 157),
	(2, 'ppo', 'or down(1.5 x 101) of them: up(151 / (2 x 4 x 2))', '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 1.5, "num_ppo_epochs": 4, "world_size": 2}', 101, 10),
	(10, 'ppo', 'of any samples', '{"per_device_train_batch_size": 64, "total_episodes": 10000}', NULL, 157),
	(3, 'ppo', 'several mini batches', '{"per_device_train_batch_size": 2, "total_episodes": 1000, "num_mini_batches": 2}', 101, NULL),
	(4, 'ppo', 'unusable episodes', '{"per_device_train_batch_size": 2, "total_episodes": "many"}', 101, NULL),
	(5, 'ppo', 'LLaMA-Factory: down(1650 / (8 x 4)) x 3', '{"stage": "ppo", "per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "num_train_epochs": 3, "ppo_buffer_size": 4}', 1650, 153),
	(6, 'ppo', 'its last batch is dropped: 51 over 2 processes', '{"stage": "ppo", "per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "num_train_epochs": 3, "ppo_buffer_size": 4, "world_size": 2}', 1650, 75),
	(7, 'ppo', 'too few', '{"stage": "ppo", "per_device_train_batch_size": 8}', 7, NULL),
	(8, 'hf', 'the same keys in another stage', '{"stage": "sft", "per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "num_train_epochs": 3, "ppo_buffer_size": 4, "ppo_epochs": 4}', 1650, 621),
	(9, 'hf', 'or in none', '{"per_device_train_batch_size": 1, "ppo_epochs": 4}', 1650, NULL))
	AS v (n, dialect, says, config, total, total_steps)
ORDER BY n;

-- the whole total by other names; and counts of processes
INSERT INTO rule (dialect, says, config, total, total_steps)
SELECT 'hf', key, jsonb_build_object(key, 500, 'per_device_train_batch_size', 4, 'num_train_epochs', 3), 1650, 500
FROM unnest(ARRAY['max_train_steps', 'training_steps', 'total_training_steps', 'total_train_steps',
	'num_training_steps', 'num_train_steps', 'max_training_steps', 'train_steps', 'iters']) AS key;
INSERT INTO rule (dialect, says, config, total, total_steps)
SELECT dialect, says, config::jsonb, 1650, total_steps
FROM (VALUES
	(1, 'megatron', 'train_iters', '{"train_iters": 500, "micro_batch_size": 4, "global_batch_size": 64}', 500),
	(2, 'megatron', 'no train_iters', '{"micro_batch_size": 4, "global_batch_size": 64}', NULL),
	(3, 'mlx', 'iterations, whatever is accumulated', '{"iters": 600, "batch_size": 4, "grad_accumulation_steps": 4, "steps_per_eval": 150}', 600),
	(4, 'mlx', 'its own default', '{"fine_tune_type": "lora", "batch_size": 4, "steps_per_report": 10}', NULL),
	(5, 'baseline', 'a service', '{"hyperparameters": {"training_steps": 100, "learning_rate": 0.0001}}', 100),
	(6, 'service', 'another, that does not say', '{"hyperParameters": {"epochCount": 4, "learningRateMultiplier": 1.0}}', NULL),
	(7, 'hf', '-1 is none', '{"max_train_steps": -1, "num_train_epochs": 1}', 207),
	(8, 'lightning', 'beside a ceiling', '{"max_epochs": 2, "batch_size": 4, "max_steps": 9, "max_train_steps": 50}', 50),
	(9, 'hf', 'accelerate', '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 3, "num_processes": 4, "num_machines": 2}', 156),
	(10, 'hf', 'torchrun', '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 3, "nproc_per_node": 2, "nnodes": 2}', 156),
	(11, 'hf', 'one node', '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 3, "gpus_per_node": 4}', 156),
	(12, 'hf', 'gpu_count', '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 3, "gpu_count": 4}', 156),
	(13, 'hf', 'nodes of unknown size', '{"per_device_train_batch_size": 2, "num_train_epochs": 3, "nnodes": 4}', NULL),
	(14, 'hf', 'processes by themselves', '{"per_device_train_batch_size": 2, "num_train_epochs": 3, "nproc_per_node": "auto"}', NULL),
	(15, 'hf', 'sequence parallel: 8 / 8', '{"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2, "num_train_epochs": 3, "sequence_parallel_size": 8, "world_size": 8}', 2475),
	(16, 'hf', 'context parallel', '{"per_device_train_batch_size": 1, "num_train_epochs": 3, "context_parallel_size": 2, "world_size": 8}', NULL),
	(17, 'hf', 'JumpStart says epoch', '{"per_device_train_batch_size": "4", "epoch": "5"}', 2065),
	(18, 'hf', 'which is not read beside the other', '{"per_device_train_batch_size": 4, "num_train_epochs": 3, "epoch": 1.5}', 1239),
	(19, 'baseline', 'nor elsewhere', '{"batch_size": 4, "epoch": 2}', NULL),
	(20, 'hf', 'a run that only predicts', '{"stage": "sft", "do_predict": true, "per_device_eval_batch_size": 2, "num_train_epochs": 3}', NULL),
	(21, 'hf', 'one that does both', '{"do_train": true, "do_predict": true, "num_train_epochs": 1}', 207),
	(22, 'hf', 'arguments in a section of their own', '{"model": {"name": "x"}, "training_args": {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 4, "num_train_epochs": 2}}', 208),
	(23, 'hf', 'by another name', '{"training_arguments": {"per_device_train_batch_size": 4, "num_train_epochs": 1}}', 413))
	AS v (n, dialect, says, config, total_steps)
ORDER BY n;

-- trainers with a file of their own
INSERT INTO rule (dialect, says, config, total, total_steps)
SELECT dialect, says, config::jsonb, 1650, total_steps
FROM (VALUES
	(1, 'card', 'a model card: 1650 / 2 / 4', '{"train_batch_size": 2, "eval_batch_size": 8, "gradient_accumulation_steps": 4, "total_train_batch_size": 8, "num_epochs": 3.0}', 621),
	(2, 'card', 'on 8 devices', '{"train_batch_size": 2, "eval_batch_size": 8, "distributed_type": "multi-GPU", "num_devices": 8, "total_train_batch_size": 16, "total_eval_batch_size": 64, "num_epochs": 3.0}', 312),
	(3, 'card', 'a total that is not the product', '{"train_batch_size": 2, "eval_batch_size": 8, "total_train_batch_size": 16, "num_epochs": 3.0}', NULL),
	(4, 'card', 'diffusers', '{"train_batch_size": 16, "gradient_accumulation_steps": 4, "num_train_epochs": 100, "max_train_steps": null, "resolution": 512}', 2600),
	(5, 'card', 'without epochs', '{"train_batch_size": 2, "eval_batch_size": 8}', NULL),
	(6, 'baseline', 'whose batch is it', '{"train_batch_size": 64, "num_epochs": 3}', NULL),
	(7, 'hf', 'Hugging Face says it twice', '{"per_device_train_batch_size": 4, "train_batch_size": 4, "num_train_epochs": 1}', 413),
	(8, 'hf', 'or means another', '{"per_device_train_batch_size": 4, "train_batch_size": 8, "num_train_epochs": 1}', NULL),
	(9, 'deepspeed', 'ga = 64 / 4', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "num_epochs": 3, "zero_optimization": {"stage": 2}, "steps_per_print": 10}', 78),
	(10, 'deepspeed', 'ga = 64 / (4 x 8)', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "num_epochs": 3, "world_size": 8}', 78),
	(11, 'deepspeed', 'W = 64 / (4 x 2)', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 2, "num_epochs": 3}', 78),
	(12, 'deepspeed', 'all three', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 2, "num_epochs": 3, "world_size": 8}', 78),
	(13, 'deepspeed', 'that do not fit', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 2, "num_epochs": 3, "world_size": 4}', NULL),
	(14, 'deepspeed', 'nor divide', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 5, "num_epochs": 3}', NULL),
	(15, 'hf', 'auto beside the Trainer''s keys', '{"per_device_train_batch_size": 4, "num_train_epochs": 1, "deepspeed": {"train_batch_size": "auto", "train_micro_batch_size_per_gpu": "auto", "gradient_accumulation_steps": 1}}', 413),
	(16, 'hf', 'other numbers than the Trainer''s', '{"per_device_train_batch_size": 4, "num_train_epochs": 1, "deepspeed": {"train_micro_batch_size_per_gpu": 8}}', NULL),
	(17, 'litgpt', '413 batches, 4 at a time, 5 times', '{"train": {"global_batch_size": 16, "micro_batch_size": 4, "epochs": 5, "max_steps": null, "lr_warmup_steps": 100, "save_interval": 200}, "eval": {"max_iters": 100}, "devices": 1}', 515),
	(18, 'litgpt', 'two devices: 207 batches, 2 at a time', '{"train": {"global_batch_size": 16, "micro_batch_size": 4, "epochs": 5}, "devices": 2}', 515),
	(19, 'litgpt', 'a ceiling', '{"train": {"global_batch_size": 16, "micro_batch_size": 4, "epochs": 5, "max_steps": 100}}', 100),
	(20, 'litgpt', 'more devices than the batch has samples for', '{"train": {"global_batch_size": 16, "micro_batch_size": 4, "epochs": 5}, "devices": 8}', NULL),
	(21, 'verl', 'down(1650 / 512) x 15', '{"data": {"train_batch_size": 512}, "trainer": {"total_epochs": 15, "n_gpus_per_node": 8, "nnodes": 2, "total_training_steps": null}, "actor_rollout_ref": {"actor": {"ppo_mini_batch_size": 256, "ppo_epochs": 1}, "rollout": {"n": 5, "tensor_model_parallel_size": 2}}}', 45),
	(22, 'verl', 'stated', '{"data": {"train_batch_size": 512}, "trainer": {"total_epochs": 15, "total_training_steps": 40}}', 40),
	(23, 'verl', 'a batch larger than the data', '{"data": {"train_batch_size": 2048}, "trainer": {"total_epochs": 15}}', NULL),
	(24, 'skyrl', 'down(1650 / 256) x 20', '{"trainer": {"epochs": 20, "train_batch_size": 256, "policy_mini_batch_size": 64, "critic_mini_batch_size": 64, "placement": {"policy_num_gpus_per_node": 4}}}', 120),
	(25, 'openrlhf', 'up(1.5 x down(1650 / 128))', '{"train_batch_size": 128, "micro_train_batch_size": 4, "max_epochs": 1.5}', 18),
	(26, 'openrlhf', 'its reinforcement learning', '{"train_batch_size": 128, "micro_train_batch_size": 4, "max_epochs": 1, "rollout_batch_size": 1024}', NULL),
	(27, 'h2o', 'updates at batches 1, 5, ... of 825', '{"training": {"batch_size": 2, "epochs": 1, "grad_accumulation": 4, "drop_last_batch": true}}', 207),
	(28, 'h2o', 'of down(1650 / 4 / 7) = 58, down by default', '{"training": {"batch_size": 7, "epochs": 2, "grad_accumulation": 4}, "num_gpus": 4}', 30),
	(29, 'h2o', 'of up(up(1650 / 4) / 7) = 59', '{"training": {"batch_size": 7, "epochs": 2, "grad_accumulation": 29, "drop_last_batch": false}, "num_gpus": 4}', 6),
	(30, 'autotrain', 'up(1650 / 4) x 2', '{"task": "llm-sft", "params": {"epochs": 2, "batch_size": 1, "gradient_accumulation": 4, "lr": 0.0002}}', 826),
	(31, 'autotrain', 'without a batch', '{"params": {"epochs": 2, "gradient_accumulation": 4}}', NULL),
	(32, 'openai', 'once a run: up(1650 x 5 / 7)', '{"method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 5, "batch_size": 7, "learning_rate_multiplier": 0.2}}}}', 1179),
	(34, 'openrlhf', 'later releases: down(1650 / 128)', '{"train": {"batch_size": 128, "micro_batch_size": 4, "max_epochs": 1}, "data": {"max_len": 2048}}', 12),
	(35, 'axolotl', 'sequence parallel by its older name', '{"micro_batch_size": 1, "gradient_accumulation_steps": 4, "world_size": 8, "sequence_parallel_degree": 4}', 207),
	(36, 'baseline', 'kohya''s epochs go before its steps', '{"max_train_steps": 1600, "max_train_epochs": 10}', NULL),
	(37, 'service', 'Vertex AI', '{"hyperParameters": {"learningRateMultiplier": 1.0, "adapterSize": "ADAPTER_SIZE_FOUR"}}', NULL),
	(38, 'service', 'Together packs', '{"n_epochs": 3, "batch_size": 8, "n_checkpoints": 1}', NULL),
	(39, 'service', 'Mistral by epochs', '{"hyperparameters": {"epochs": 3, "learning_rate": 1e-4, "fim_ratio": 0.9}}', NULL),
	(40, 'baseline', 'AutoTrain has epochs', '{"num_epochs": 3, "batch_size": 4, "gradient_accumulation": 2}', NULL),
	(33, 'openai', 'a service that decides', '{"n_epochs": 3, "batch_size": "max"}', NULL),
	(41, 'skyrl', 'a ceiling below', '{"trainer": {"epochs": 20, "train_batch_size": 256, "policy_mini_batch_size": 64, "max_training_steps": 50}}', 50),
	(42, 'skyrl', 'a ceiling above', '{"trainer": {"epochs": 20, "train_batch_size": 256, "policy_mini_batch_size": 64, "max_training_steps": 500}}', 120),
	(43, 'h2o', 'the only batch is kept', '{"training": {"batch_size": 2000, "epochs": 2, "grad_accumulation": 4}}', 2),
	(44, 'h2o', 'a single sample is refused', '{"training": {"batch_size": 2, "epochs": 2, "grad_accumulation": 4}, "num_gpus": 1600}', NULL),
	(45, 'h2o', 'down(1650 / 8) = 206, up / 103', '{"training": {"batch_size": 103, "epochs": 1, "grad_accumulation": 1, "drop_last_batch": false}, "num_gpus": 8}', 2),
	(46, 'verl', 'as many prompts as are trained on', '{"data": {"train_batch_size": 512, "gen_batch_size": 512, "train_max_samples": -1}, "trainer": {"total_epochs": 2}}', 6),
	(47, 'verl', 'more prompts', '{"data": {"train_batch_size": 512, "gen_batch_size": 1536}, "trainer": {"total_epochs": 2}}', NULL),
	(48, 'verl', 'capped', '{"data": {"train_batch_size": 512, "train_max_samples": 1024}, "trainer": {"total_epochs": 2}}', 4),
	(49, 'openrlhf', 'its reinforcement learning, in later releases', '{"train": {"batch_size": 128, "micro_batch_size": 4, "max_epochs": 1}, "rollout": {"batch_size": 128, "n_samples_per_prompt": 8}}', NULL),
	(50, 'hf', 'LLaMA-Factory without a key of the Trainer', '{"stage": "sft", "do_train": true, "finetuning_type": "lora"}', 621),
	(51, 'ppo', 'the same', '{"stage": "ppo", "do_train": true, "finetuning_type": "lora"}', 618),
	(52, 'baseline', 'one that does not train', '{"stage": "sft", "finetuning_type": "lora"}', 156),
	(53, 'hf', 'on Ray', '{"stage": "sft", "num_train_epochs": 3, "ray_num_workers": 4}', 156))
	AS v (n, dialect, says, config, total_steps)
ORDER BY n;

-- the split that the trainer makes, and the rows that it caps
INSERT INTO rule (dialect, says, config, total, train, val, total_steps)
SELECT dialect, says, config::jsonb, total, train, val, total_steps
FROM (VALUES
	(1, 'hf', 'up(0.267 x 3753) = 1003 of 3753', '{"num_train_epochs": 3, "val_size": 0.267}', 3753, NULL, NULL, 1032),
	(2, 'hf', 'a count', '{"num_train_epochs": 1, "val_size": 53}', 3753, NULL, NULL, 463),
	(3, 'hf', 'not from the training split', '{"num_train_epochs": 1, "val_size": 0.5}', 3753, 800, NULL, 100),
	(4, 'hf', 'nor where the validation split is known', '{"num_train_epochs": 1, "val_size": 0.5}', 880, NULL, 80, 100),
	(5, 'hf', 'no split', '{"num_train_epochs": 1, "val_size": 0.0}', 800, NULL, NULL, 100),
	(6, 'hf', 'one sample, or all', '{"num_train_epochs": 1, "val_size": 1}', 800, NULL, NULL, NULL),
	(7, 'hf', 'all', '{"num_train_epochs": 1, "val_size": 800}', 800, NULL, NULL, NULL),
	(8, 'axolotl', '980 / 8', '{"micro_batch_size": 4, "gradient_accumulation_steps": 2, "val_set_size": 0.02}', 1000, NULL, NULL, 123),
	(12, 'hf', 'ms-swift takes down(0.01 x 850) = 8', '{"num_train_epochs": 1, "split_dataset_ratio": 0.01}', 850, NULL, NULL, 106),
	(13, 'hf', 'one at least', '{"num_train_epochs": 1, "split_dataset_ratio": 0.01, "per_device_train_batch_size": 1}', 50, NULL, NULL, 49),
	(14, 'litgpt', 'down(0.03 x 1650) = 49; up(1601 / 4) / 4', '{"train": {"global_batch_size": 16, "micro_batch_size": 4, "epochs": 1}, "data": {"init_args": {"val_split_fraction": 0.03}}}', 1650, NULL, NULL, 100),
	(9, 'hf', 'capped', '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 16, "num_train_epochs": 3, "max_train_samples": 148}', 36718, NULL, NULL, 15),
	(10, 'hf', 'a cap above', '{"num_train_epochs": 1, "max_train_samples": 801}', 800, NULL, NULL, 100),
	(11, 'hf', 'an unusable cap', '{"num_train_epochs": 1, "max_train_samples": "few"}', 800, NULL, NULL, NULL))
	AS v (n, dialect, says, config, total, train, val, total_steps)
ORDER BY n;

-- releases of transformers
INSERT INTO rule (dialect, says, config, total, val, total_steps, first_eval)
SELECT 'hf', says, '{"per_device_train_batch_size": 10, "gradient_accumulation_steps": 4, "num_train_epochs": 2}'::jsonb || config::jsonb,
	1000 + coalesce(val, 0), val, total_steps, first_eval
FROM (VALUES
	(1, '100 batches, 25 updates', NULL, '{}', 50, NULL),
	(2, '4.51: down(100 / 7)', NULL, '{"transformers_version": "4.51.3", "gradient_accumulation_steps": 7}', 28, NULL),
	(3, '4.52: up', NULL, '{"transformers_version": "4.52.0", "gradient_accumulation_steps": 7}', 30, NULL),
	(4, 'at least one', NULL, '{"transformers_version": "4.46.0", "gradient_accumulation_steps": 700}', 2, NULL),
	(5, 'no version that can be read', NULL, '{"transformers_version": "main", "gradient_accumulation_steps": 7}', 30, NULL),
	(6, '5.4 evaluates at the end', 10, '{"transformers_version": "5.4.0", "eval_strategy": "steps", "eval_steps": 500}', 50, 50),
	(7, '5.3 does not', 10, '{"transformers_version": "5.3.0", "eval_strategy": "steps", "eval_steps": 500}', 50, NULL),
	(8, 'nor before the delay', 10, '{"transformers_version": "5.4.0", "eval_strategy": "steps", "eval_steps": 500, "eval_delay": 51}', 50, NULL),
	(9, 'after the delay', 10, '{"transformers_version": "5.20.0", "eval_strategy": "steps", "eval_steps": 40, "eval_delay": 45}', 50, 50),
	(10, 'and where it evaluates before', 10, '{"transformers_version": "5.20.0", "eval_strategy": "steps", "eval_steps": 20}', 50, 20),
	(11, 'of a total that is not known', 10, '{"transformers_version": "5.20.0", "eval_strategy": "steps", "eval_steps": 20, "packing": true}', NULL, 20))
	AS v (n, says, val, config, total_steps, first_eval)
ORDER BY n;

SELECT r.dialect, r.says, e.total_steps, e.first_eval_step,
	CASE WHEN (r.dialect, r.total_steps, r.first_eval) IS NOT DISTINCT FROM (e.dialect, e.total_steps, e.first_eval_step)
		THEN 'ok' ELSE format('WRONG: expected %s, %s, %s', r.dialect, r.total_steps, r.first_eval) END AS verdict
FROM rule AS r, trainjob.explain_total_steps(r.config, r.total, r.train, r.val) AS e
ORDER BY r.id;

-- in words
SELECT explanation FROM rule AS r, trainjob.explain_total_steps(r.config, r.total, r.train, r.val) AS e ORDER BY r.id;
SELECT sample_basis, samples FROM trainjob.explain_total_steps('{"num_train_epochs": 1, "val_size": 0.1}', 1000);
SELECT sample_basis, samples FROM trainjob.explain_total_steps('{"num_train_epochs": 1, "max_train_samples": 10}', 1000);
SET trainjob.samples_basis = total;
SELECT sample_basis, samples FROM trainjob.explain_total_steps('{"num_train_epochs": 1, "val_size": 0.1}', 1000);
RESET trainjob.samples_basis;

-- every section of its own is read, and gives way to training
SELECT section, batch_size_from, (SELECT batch_size FROM trainjob.explain_total_steps(
		jsonb_build_object(section, '{"batch_size": 2}'::jsonb, 'training', '{"batch_size": 1}'::jsonb)))
FROM unnest(ARRAY['training_args', 'training_arguments', 'trainer_args', 'train_args', 'train', 'hyperParameters', 'params',
	'training_config', 'train_config', 'trainer_config', 'sft_config', 'args']) AS section,
	trainjob.explain_total_steps(jsonb_build_object(section, '{"batch_size": 2}'::jsonb, 'data', '{"batch_size": 3}'::jsonb));
