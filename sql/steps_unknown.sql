--
-- Keys that speak of the length of training and that no rule knows: the total
-- is unknown, and the reason names the key (section 2 of doc/steps.md).  Keys
-- that speak of something else, or say nothing new, change nothing.
--
SET client_min_messages = warning;

-- 1650 samples: 156 steps in the baseline dialect's defaults
CREATE FUNCTION pg_temp.says(config jsonb)
RETURNS text
LANGUAGE sql
AS $$SELECT explanation FROM trainjob.explain_total_steps(config, 1650)$$;

-- without any such key: the defaults, named for each of the three
SELECT config, pg_temp.says(config)
FROM unnest(ARRAY[NULL, '{}', '{"model": "x", "lr": 1e-4}']::jsonb[]) AS config;

-- any spelling, as a number or a text that is one, in any section
SELECT key, pg_temp.says(jsonb_build_object(key, 16)) AS top,
	pg_temp.says(jsonb_build_object('training', jsonb_build_object('other', jsonb_build_object(key, ' 16 ')))) AS within
FROM unnest(ARRAY[
	'train_num_steps', 'trainNumSteps', 'train.num.steps', 'train-num-steps', 'TRAIN_NUM_STEPS', 'Train Num Steps',
	'NumEpochs', 'epochCount', 'maxIter', 'iterations', 'n_iters', 'batchSize', 'BatchSize', 'trainBatch', 'bs',
	'mini-batches', 'gradAccum', 'accumulate_grads', 'accumulation', 'numEpisodes', 'episodes', 'max_update',
	'GPUCount', 'gpus', 'gpusPerNode', 'numProcesses', 'process_count', 'instance_count', 'replicas', 'nproc_per_host',
	'model_parallel_size', 'dp_size']) AS key;

-- parts of words are no words, and a flag, null or nothing is no number
SELECT config, trainjob.estimate_total_steps(config::jsonb, 1650)
FROM unnest(ARRAY[
	'{"num_train_timesteps": 1000, "stepsize": 3, "batched": 8, "epochal": 1, "gpu": 1, "device": 3, "gpu_id": 7}',
	'{"skip_batches": true, "batch_first": false, "my_steps": null, "our_epochs": "", "use_epochs": "auto"}',
	'{"all_steps": -1, "all_epochs": 0, "all_batches": [8], "all_batch": {"a": 2}}',
	'{"num_machines": 1, "gpu_count": "1", "replicas": 1.0}',
	'{"main_process_port": 29500, "machine_rank": 3}']) AS config;

-- twenty keys and more of a plain configuration that speak of something else
SELECT key, trainjob.estimate_total_steps(jsonb_build_object(key, 16), 1650)
FROM unnest(ARRAY[
	'eval_batch_size', 'evalSteps', 'eval_accumulation_steps', 'per_device_eval_batch_size', 'evaluate_every_n_epochs',
	'validation_steps', 'val_batch_size', 'validationBatchSize', 'test_batch_size', 'save_steps', 'save_every_n_epochs',
	'saves_per_epoch', 'checkpoint_every_n_steps', 'max_checkpoint_steps', 'logging_steps', 'log_every_n_steps',
	'report_every_steps', 'steps_per_print', 'steps_per_report', 'warmup_steps', 'num_warmup_steps', 'warmupEpochs', 'lr_warmup_iters',
	'lr_decay_steps', 'weight_decay_epochs', 'decay_iters', 'early_stopping_steps', 'patience_epochs', 'num_data_loader_processes',
	'dataloader_num_workers', 'dataset_num_processes', 'preprocessing_batch_size', 'prefetch_batches', 'generation_steps',
	'num_inference_steps', 'sample_every_n_steps', 'torch_empty_cache_steps', 'ref_model_sync_steps', 'profile_step',
	'step_size', 'scheduler_step_size', 'global_step', 'start_epoch', 'resume_step', 'lora_ga_iters', 'pissa_iter']) AS key
WHERE trainjob.estimate_total_steps(jsonb_build_object(key, 16), 1650) IS DISTINCT FROM 156;

-- all of them at once, and sections that speak of something else
SELECT trainjob.estimate_total_steps(jsonb_object_agg(section, '{"batch_size": 64, "steps": 9, "num_epochs": 7, "num_gpus": 8}'::jsonb), 1650)
FROM unnest(ARRAY['model', 'model_config', 'lora', 'loraConfig', 'peft', 'peft_config', 'tokenizer', 'optimizer',
	'optim', 'lr_scheduler', 'scheduler', 'accelerator_config', 'evaluation', 'eval', 'validation', 'logging', 'wandb',
	'callbacks', 'generation', 'generation_config', 'vllm', 'checkpointing', 'quantization_config', 'profiler']) AS section;

-- what says nothing new: derived totals, the same value in a copy, W's parts
SELECT config, pg_temp.says(config::jsonb)
FROM unnest(ARRAY[
	'{"batch_size": 4, "gradient_accumulation_steps": 2, "world_size": 2, "total_batch_size": 16, "effective_batch_size": "16", "total_train_batch_size": 16.0}',
	'{"batch_size": 4, "gradient_accumulation_steps": 2, "world_size": 2, "total_batch_size": 8}',
	'{"batch_size": 4, "num_epochs": 2, "resolved": {"batch_size": "4", "epochs": {"num_epochs": 2}}}',
	'{"batch_size": 4, "num_epochs": 2, "resolved": {"batch_size": 8}}',
	'{"batch_size": 4, "world_size": 8, "nodes": 2, "cluster": {"gpus_per_node": 4}}',
	'{"batch_size": 4, "world_size": 8, "model_parallel_size": 2}',
	'{"batch_size": 4, "devices": 2}',
	'{"batch_size": 4, "num_nodes": 2}']) AS config;

-- what the configuration states needs no knowledge of anything else
SELECT pg_temp.says('{"max_steps": 20, "train_num_steps": 9}');

-- Weights & Biases wraps each value
SELECT pg_temp.says('{"batch_size": {"desc": null, "value": 8}, "num_epochs": {"value": "2"}, "gradient_accumulation_steps": {"value": null}}'),
	pg_temp.says('{"own_steps": {"desc": null, "value": 8}}');

-- the note of a job names the key, shortened
SELECT _trainjob.job_note(config::jsonb, 's3://x', 1650, NULL, NULL, NULL)
FROM unnest(ARRAY['{"trainer": {"howManySteps": 7}}', '{"a": {"b": {"steps' || repeat('-s', 100) || '": 7}}}']) AS config;

-- objects within objects, up to a depth
SELECT depth, pg_temp.says((repeat('{"a": ', depth) || '{"steps": 5}' || repeat('}', depth))::jsonb)
FROM unnest(ARRAY[1, 6, 7, 8, 900]) AS depth;

-- full dumps of classes of arguments, as their packages have them: with
-- 4, 8 and 3 set they make the number that the run has
CREATE TEMP TABLE dump (class text, config jsonb);
INSERT INTO dump VALUES ('transformers 4.46.3', '{"eval_strategy": "no", "per_device_train_batch_size": 8, "per_device_eval_batch_size": 8,
"per_gpu_train_batch_size": null, "gradient_accumulation_steps": 1, "learning_rate": 5e-05,
"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08, "max_grad_norm": 1.0,
"num_train_epochs": 3.0, "max_steps": -1, "lr_scheduler_type": "linear", "log_level": "passive",
"log_level_replica": "warning", "log_on_each_node": true, "logging_strategy": "steps",
"logging_steps": 500, "logging_nan_inf_filter": true, "save_strategy": "steps", "save_steps": 500,
"save_safetensors": true, "seed": 42, "fp16_opt_level": "O1", "half_precision_backend": "auto",
"local_rank": -1, "past_index": -1, "remove_unused_columns": true, "length_column_name": "length",
"dataloader_pin_memory": true, "skip_memory_metrics": true, "hub_strategy": "every_save",
"eval_do_concat_batches": true, "fp16_backend": "auto", "_n_gpu": 1, "ray_scope": "last",
"ddp_timeout": 1800}');
INSERT INTO dump VALUES ('transformers 4.51.3', '{"eval_strategy": "no", "per_device_train_batch_size": 8, "per_device_eval_batch_size": 8,
"per_gpu_train_batch_size": null, "gradient_accumulation_steps": 1, "learning_rate": 5e-05,
"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08, "max_grad_norm": 1.0,
"num_train_epochs": 3.0, "max_steps": -1, "lr_scheduler_type": "linear", "log_level": "passive",
"log_level_replica": "warning", "log_on_each_node": true, "logging_strategy": "steps",
"logging_steps": 500, "logging_nan_inf_filter": true, "save_strategy": "steps", "save_steps": 500,
"save_safetensors": true, "seed": 42, "fp16_opt_level": "O1", "half_precision_backend": "auto",
"local_rank": -1, "past_index": -1, "remove_unused_columns": true, "tp_size": 0,
"length_column_name": "length", "dataloader_pin_memory": true, "skip_memory_metrics": true,
"hub_strategy": "every_save", "eval_do_concat_batches": true, "fp16_backend": "auto", "_n_gpu": 1,
"ray_scope": "last", "ddp_timeout": 1800}');
INSERT INTO dump VALUES ('transformers 5.24.0', '{"per_device_train_batch_size": 8, "num_train_epochs": 3.0, "max_steps": -1, "learning_rate": 5e-05,
"lr_scheduler_type": "linear", "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08,
"gradient_accumulation_steps": 1, "average_tokens_across_devices": true, "max_grad_norm": 1.0,
"logging_strategy": "steps", "logging_steps": 500, "log_on_each_node": true,
"logging_nan_inf_filter": true, "include_num_input_tokens_seen": "no", "log_level": "passive",
"log_level_replica": "warning", "report_to": "none", "project": "huggingface", "eval_strategy": "no",
"per_device_eval_batch_size": 8, "eval_do_concat_batches": true, "save_strategy": "steps",
"save_steps": 500, "hub_strategy": "every_save", "seed": 42, "dataloader_pin_memory": true,
"dataloader_in_order": true, "remove_unused_columns": true, "train_sampling_strategy": "random",
"length_column_name": "length", "ddp_timeout": 1800, "skip_memory_metrics": true, "local_rank": -1}');
INSERT INTO dump VALUES ('trl 1.16.0 SFTConfig', '{"per_device_train_batch_size": 8, "num_train_epochs": 3.0, "max_steps": -1, "learning_rate": 2e-05,
"lr_scheduler_type": "linear", "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08,
"gradient_accumulation_steps": 1, "average_tokens_across_devices": true, "max_grad_norm": 1.0,
"gradient_checkpointing": true, "logging_strategy": "steps", "logging_steps": 10, "log_on_each_node": true,
"logging_nan_inf_filter": true, "include_num_input_tokens_seen": "no", "log_level": "passive",
"log_level_replica": "warning", "report_to": "none", "project": "huggingface", "eval_strategy": "no",
"per_device_eval_batch_size": 8, "eval_do_concat_batches": true, "save_strategy": "steps",
"save_steps": 500, "hub_strategy": "every_save", "seed": 42, "dataloader_pin_memory": true,
"dataloader_in_order": true, "remove_unused_columns": true, "train_sampling_strategy": "random",
"length_column_name": "length", "ddp_timeout": 1800, "skip_memory_metrics": true, "local_rank": -1,
"dataset_text_field": "text", "max_length": 1024, "truncation_mode": "keep_start",
"packing_strategy": "bfd", "pad_to_multiple_of": "auto", "loss_type": "nll"}');
INSERT INTO dump VALUES ('trl 1.16.0 DPOConfig', '{"per_device_train_batch_size": 8, "num_train_epochs": 3.0, "max_steps": -1, "learning_rate": 1e-06,
"lr_scheduler_type": "linear", "adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08,
"gradient_accumulation_steps": 1, "average_tokens_across_devices": true, "max_grad_norm": 1.0,
"gradient_checkpointing": true, "logging_strategy": "steps", "logging_steps": 10, "log_on_each_node": true,
"logging_nan_inf_filter": true, "include_num_input_tokens_seen": "no", "log_level": "passive",
"log_level_replica": "warning", "report_to": "none", "project": "huggingface", "eval_strategy": "no",
"per_device_eval_batch_size": 8, "eval_do_concat_batches": true, "save_strategy": "steps",
"save_steps": 500, "hub_strategy": "every_save", "seed": 42, "dataloader_pin_memory": true,
"dataloader_in_order": true, "remove_unused_columns": true, "train_sampling_strategy": "random",
"length_column_name": "length", "ddp_timeout": 1800, "skip_memory_metrics": true, "local_rank": -1,
"disable_dropout": true, "max_length": 1024, "truncation_mode": "keep_start", "pad_to_multiple_of": "auto",
"f_divergence_type": "reverse_kl", "f_alpha_divergence_coef": 0.5, "beta": 0.1, "discopop_tau": 0.05,
"ref_model_mixup_alpha": 0.6, "ref_model_sync_steps": 512}');
INSERT INTO dump VALUES ('trl 0.12.2 SFTConfig', '{"eval_strategy": "no", "per_device_train_batch_size": 8, "per_device_eval_batch_size": 8,
"per_gpu_train_batch_size": null, "gradient_accumulation_steps": 1, "learning_rate": 2e-05,
"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08, "max_grad_norm": 1.0,
"num_train_epochs": 3.0, "max_steps": -1, "lr_scheduler_type": "linear", "log_level": "passive",
"log_level_replica": "warning", "log_on_each_node": true, "logging_strategy": "steps",
"logging_steps": 500, "logging_nan_inf_filter": true, "save_strategy": "steps", "save_steps": 500,
"save_safetensors": true, "seed": 42, "fp16_opt_level": "O1", "half_precision_backend": "auto",
"local_rank": -1, "past_index": -1, "remove_unused_columns": true, "length_column_name": "length",
"dataloader_pin_memory": true, "skip_memory_metrics": true, "hub_strategy": "every_save",
"eval_do_concat_batches": true, "fp16_backend": "auto", "_n_gpu": 1, "ray_scope": "last",
"ddp_timeout": 1800, "dataset_text_field": "text", "dataset_batch_size": 1000, "num_of_sequences": 1024,
"chars_per_token": 3.6}');
SELECT class, dialect, total_steps
FROM dump, trainjob.explain_total_steps(config
	|| '{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 8, "num_train_epochs": 3}', 1650)
ORDER BY class;
-- on eight processes
SELECT class, total_steps
FROM dump, trainjob.explain_total_steps(config
	|| '{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 8, "num_train_epochs": 3, "world_size": 8}', 1650)
ORDER BY class;
