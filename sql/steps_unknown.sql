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
	'model_parallel_size', 'dp_size', 'grad_acc', 'update_freq', 'training.batch_size', 'samples_per_gpu']) AS key;

-- parts of words are no words, and a flag, null or nothing is no number
SELECT config, trainjob.estimate_total_steps(config::jsonb, 1650)
FROM unnest(ARRAY[
	'{"num_train_timesteps": 1000, "stepsize": 3, "batched": 8, "epochal": 1, "gpu": 1, "device": 3, "gpu_id": 7}',
	'{"skip_batches": true, "batch_first": false, "my_steps": null, "our_epochs": "", "use_epochs": "auto"}',
	'{"all_steps": -1, "all_epochs": 0, "all_batches": [0, "a"], "all_batch": {"a": "b"}}',
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
	'step_size', 'scheduler_step_size', 'min_epochs', 'reload_dataloaders_every_n_epochs', 'data_loading_processes', 'epochs_done', 'global_step', 'start_epoch', 'resume_step', 'model.max_steps', 'lora.batch_size', 'cpus_per_gpu', 'lora_ga_iters', 'pissa_iter']) AS key
WHERE trainjob.estimate_total_steps(jsonb_build_object(key, 16), 1650) IS DISTINCT FROM 156;

-- all of them at once, and sections that speak of something else
SELECT trainjob.estimate_total_steps(jsonb_object_agg(section, '{"batch_size": 64, "steps": 9, "num_epochs": 7, "num_gpus": 8}'::jsonb), 1650)
FROM unnest(ARRAY['model', 'model_config', 'lora', 'loraConfig', 'peft', 'peft_config', 'tokenizer', 'optimizer',
	'optim', 'lr_scheduler', 'scheduler', 'accelerator_config', 'evaluation', 'eval', 'validation', 'logging', 'wandb',
	'callbacks', 'generation', 'generation_config', 'vllm', 'trainer_state', 'metrics', 'results', 'history', 'checkpointing', 'quantization_config', 'profiler']) AS section;

-- what says nothing new: derived totals, the same value in a copy, W's parts
SELECT config, pg_temp.says(config::jsonb)
FROM unnest(ARRAY[
	'{"batch_size": 4, "gradient_accumulation_steps": 2, "world_size": 2, "total_batch_size": 16, "effective_batch_size": "16", "total_train_batch_size": 16.0}',
	'{"batch_size": 4, "gradient_accumulation_steps": 2, "totalBatchSize": 8, "effective-batch-size": 8}',
	'{"batch_size": 4, "gradient_accumulation_steps": 2, "world_size": 2, "total_batch_size": 8}',
	'{"batch_size": 4, "num_epochs": 2, "resolved": {"batch_size": "4", "epochs": {"num_epochs": 2}}}',
	'{"batch_size": 4, "num_epochs": 2, "resolved": {"batch_size": 8}}',
	'{"batch_size": 4, "world_size": 8, "nodes": 2, "cluster": {"gpus_per_node": 4}}',
	'{"batch_size": 4, "world_size": 8, "model_parallel_size": 2}',
	'{"batch_size": 4, "devices": 2}',
	'{"batch_size": 4, "num_nodes": 2}',
	'{"batch_size": 4, "environment": {"gpus": ["0", "1"]}}',
	'{"batch_size": 4, "environment": {"gpus": ["0"]}, "gpu_ids": [3]}',
	'{"batch_size": 4, "world_size": 2, "gpu_ids": [3, 4]}']) AS config;

-- in lists and objects that are named so, in pairs, in texts, with units
SELECT config, pg_temp.says(config::jsonb)
FROM unnest(ARRAY[
	'{"stages": [{"lr": 1e-4}, {"epochs": 2}]}',
	'{"phases": [{"num_epochs": 3}, {"num_epochs": 3}], "num_epochs": 3}',
	'{"schedule": {"epochs": [1, 2]}}',
	'{"batch": {"size": 16}}',
	'{"gradient": {"accumulation": {"steps": 16}}}',
	'{"sweep": {"parameters": {"batch_size": {"values": [8, 16]}}}}',
	'{"parallelism": {"tensor": 2}}',
	'{"parameters": [{"name": "lr", "value": "7"}, {"name": "epochs", "value": "7"}]}',
	'{"params": [{"key": "batch_size", "value": 64}]}',
	'{"env": {"NUM_EPOCHS": "7"}}',
	'{"env": {"CUDA_VISIBLE_DEVICES": "0,1,2,3"}}',
	'{"spec": {"command": ["torchrun", "--nproc_per_node", "8", "train.py"]}}',
	'{"spec": {"args": ["--lr=3", "--epochs=9"]}}',
	'{"cmd": "torchrun train.py --num-train-epochs 9"}',
	'{"run": "CUDA_VISIBLE_DEVICES=0,1 python train.py"}',
	'{"config": "lr: 1\nnum_epochs: 9"}',
	'{"anything": "{\"trainer\": {\"max_epochs\": \"9\"}}"}',
	'{"hyperparameters": "{''epochs'': 9}"}',
	'{"overrides": ["trainer.max_epochs=9"]}',
	'{"own_steps": "10k"}', '{"own_steps": "1_000 steps"}', '{"max_duration": "3ep"}',
	'{"scaling_config": {"num_workers": 8}}',
	'{"pytorchReplicaSpecs": {"Worker": {"replicas": 3}}}',
	'{"resources": {"limits": {"nvidia.com/gpu": "8"}}}',
	'{"accelerators": {"A100": 8}}', '{"accelerators": "A100:8"}', '{"gpu": "H100:2"}']) AS config;

-- the same that says nothing new, or speaks of something else
SELECT config, trainjob.estimate_total_steps(config::jsonb, 1650)
FROM unnest(ARRAY[
	'{"batch_size": 4, "num_epochs": 3, "command": "python train.py --batch-size 4 --num_epochs=3"}',
	'{"batch_size": 4, "batchSize": 4, "overrides": ["trainer.batch_size=4"], "epochs": 3, "resolved": {"num_epochs": 3}}',
	'{"num_epochs": 3, "run_name": "epochs=9", "tags": ["epochs=9"], "description": "epochs: 9", "output_dir": "out/steps=9"}',
	'{"chat_template": "{% if loop.index0 == 0 %}step: 3{% endif %}", "data": {"examples": [{"messages": "{\"epochs\": 3}"}]}}',
	'{"pipeline": {"steps": [{"name": "prepare", "timeout": 60}, "train"]}}',
	'{"save": {"steps": 100}, "warmup": {"epochs": 1}, "callbacks": [{"steps": 5}], "data": {"num_workers": 4}}',
	'{"step_time": 0.5, "epoch_seconds": 9, "batch_id": 7, "batch_seed": 7, "loss_per_step": 2, "step_type": "linear"}',
	'{"env": {"CUDA_VISIBLE_DEVICES": "3"}, "gpu": "A100", "device": "cuda:3", "resources": {"cpu": 16, "memory": "64Gi"}}',
	'{"scaling_config": {"num_workers": 1}, "resources": {"limits": {"nvidia.com/gpu": 1}}}']) AS config;

-- a long list is data; so is a long text
SELECT trainjob.estimate_total_steps(jsonb_build_object('list', (SELECT jsonb_agg(jsonb_build_object('n', n, CASE WHEN n > 64 THEN 'steps' ELSE 'x' END, 5)) FROM generate_series(1, 200) AS n)), 1650),
	trainjob.estimate_total_steps(jsonb_build_object('config', repeat('lr: 1, ', 3000) || 'steps: 5'), 1650);

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
INSERT INTO dump VALUES ('llamafactory 0.9.5, sft', '{"do_train": true, "eval_strategy": "no", "per_device_train_batch_size": 8,
"per_device_eval_batch_size": 8, "gradient_accumulation_steps": 1, "learning_rate": 5e-05,
"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08, "max_grad_norm": 1.0,
"num_train_epochs": 3.0, "max_steps": -1, "lr_scheduler_type": "linear", "log_level": "passive",
"log_level_replica": "warning", "log_on_each_node": true, "logging_strategy": "steps",
"logging_steps": 500, "logging_nan_inf_filter": true, "save_strategy": "steps", "save_steps": 500,
"save_safetensors": true, "seed": 42, "fp16_opt_level": "O1", "half_precision_backend": "auto",
"local_rank": -1, "past_index": -1, "remove_unused_columns": true, "length_column_name": "length",
"project": "huggingface", "trackio_space_id": "trackio", "dataloader_pin_memory": true,
"skip_memory_metrics": true, "hub_strategy": "every_save", "eval_do_concat_batches": true,
"fp16_backend": "auto", "_n_gpu": 1, "ray_scope": "last", "ddp_timeout": 1800,
"average_tokens_across_devices": true, "dataset_dir": "data", "cutoff_len": 2048, "buffer_size": 16384,
"mix_strategy": "concat", "preprocessing_batch_size": 1000, "ignore_pad_token_for_loss": true,
"enable_thinking": true, "freeze_trainable_layers": 2, "freeze_trainable_modules": "all", "lora_rank": 8,
"lora_target": "all", "loraplus_lr_embedding": 1e-06, "pissa_iter": 16, "oft_block_size": 32,
"oft_target": "all", "pref_beta": 0.1, "pref_loss": "sigmoid", "kto_chosen_weight": 1.0,
"kto_rejected_weight": 1.0, "simpo_gamma": 0.5, "ppo_buffer_size": 1, "ppo_epochs": 4, "ppo_target": 6.0,
"reward_model_type": "lora", "galore_target": "all", "galore_rank": 16, "galore_update_interval": 200,
"galore_scale": 2.0, "galore_proj_type": "std", "apollo_target": "all", "apollo_rank": 16,
"apollo_update_interval": 200, "apollo_scale": 32.0, "apollo_proj": "random", "apollo_proj_type": "std",
"apollo_scale_type": "channel", "badam_mode": "layer", "badam_switch_mode": "ascending",
"badam_switch_interval": 50, "badam_update_ratio": 0.05, "badam_mask_mode": "adjacent",
"swanlab_project": "llamafactory", "swanlab_mode": "cloud", "stage": "sft", "finetuning_type": "lora",
"asft_alpha": 0.1, "eaft_alpha": 1.0, "freeze_vision_tower": true, "freeze_multi_modal_projector": true,
"use_fast_tokenizer": true, "init_special_tokens": "noise_init", "model_revision": "main",
"low_cpu_mem_usage": true, "use_reentrant_gc": true, "offload_folder": "offload", "use_kv_cache": true,
"infer_dtype": "auto", "quantization_type": "nf4", "double_quantization": true, "video_fps": 2.0,
"video_maxlen": 128, "audio_sampling_rate": 16000, "export_size": 5, "export_device": "cpu",
"export_quantization_nsamples": 128, "export_quantization_maxlen": 1024, "vllm_maxlen": 4096,
"vllm_gpu_util": 0.7, "vllm_max_lora_rank": 32, "sglang_maxlen": 4096, "sglang_mem_fraction": 0.7,
"sglang_tp_size": -1, "sglang_lora_backend": "triton", "ray_num_workers": 1, "profiler_wait_steps": 1,
"profiler_warmup_steps": 1, "profiler_active_steps": 1, "profiler_repeat": 1,
"profiler_record_shapes": true, "profiler_profile_memory": true, "profiler_with_stack": true,
"fp8_backend": "auto"}');
INSERT INTO dump VALUES ('ms-swift 4.6.0, dpo', '{"per_device_train_batch_size": 8, "per_device_eval_batch_size": 8, "gradient_accumulation_steps": 1,
"adam_beta1": 0.9, "adam_beta2": 0.999, "adam_epsilon": 1e-08, "max_grad_norm": 1.0,
"num_train_epochs": 3.0, "max_steps": -1, "lr_scheduler_type": "linear", "log_level": "passive",
"log_level_replica": "warning", "log_on_each_node": true, "logging_strategy": "steps",
"logging_steps": 500, "logging_nan_inf_filter": true, "save_strategy": "steps", "save_steps": 500,
"save_safetensors": true, "seed": 42, "data_seed": 42, "fp16_opt_level": "O1",
"half_precision_backend": "auto", "local_rank": -1, "past_index": -1, "remove_unused_columns": true,
"length_column_name": "length", "project": "huggingface", "trackio_space_id": "trackio",
"dataloader_pin_memory": true, "skip_memory_metrics": true, "hub_strategy": "every_save",
"eval_do_concat_batches": true, "fp16_backend": "auto", "_n_gpu": 1, "ray_scope": "last",
"ddp_timeout": 18000000, "average_tokens_across_devices": true, "swanlab_project": "ms-swift",
"swanlab_email_language": "zh", "swanlab_mode": "cloud", "add_version": true, "temperature": 0.9,
"load_args": true, "freeze_vit": true, "freeze_aligner": true, "lora_rank": 8, "lora_alpha": 32.0,
"lora_dropout": 0.05, "lora_bias": "none", "lora_ga_batch_size": 2, "lora_ga_iters": 2,
"lora_ga_max_length": 1024, "lora_ga_direction": "ArB2r", "lora_ga_scale": "stable",
"lora_ga_stable_gamma": 16, "init_weights": "true", "fourier_n_frequency": 2000, "fourier_scaling": 300.0,
"boft_block_size": 4, "boft_n_butterfly_factor": 1, "vera_rank": 256, "vera_d_initial": 0.1,
"adapter_act": "gelu", "adapter_length": 128, "adalora_target_r": 8, "adalora_init_r": 12,
"adalora_deltaT": 1, "adalora_beta1": 0.85, "adalora_beta2": 0.85, "adalora_orth_reg_weight": 0.5,
"llamapro_num_new_blocks": 4, "reft_rank": 4, "reft_intervention_type": "LoreftIntervention",
"tuner_backend": "peft", "tuner_type": "lora", "enable_npu_model_patch": true, "packing_num_proc": 1,
"packing_strategy": "binpack", "dataset_num_proc": 1, "dataset_shuffle": true,
"stopping_strategy": "first_exhausted", "shuffle_buffer_size": 1000,
"download_mode": "reuse_dataset_if_exists", "num_beams": 1, "bnb_4bit_quant_type": "nf4",
"bnb_4bit_use_double_quant": true, "padding_side": "right", "loss_scale": "last_round",
"sequence_parallel_size": 1, "template_backend": "swift", "add_non_thinking_prefix": true,
"num_ppo_epochs": 4, "kl_coef": 0.05, "cliprange": 0.2, "vf_coef": 0.1, "cliprange_value": 0.2,
"gamma": 1.0, "lam": 0.95, "num_mini_batches": 1, "local_rollout_forward_batch_size": 64,
"num_sample_generations": 10, "num_iterations": 1, "rlhf_type": "dpo", "max_completion_length": 512,
"discopop_tau": 0.05, "cpo_alpha": 1.0, "simpo_gamma": 1, "desirable_weight": 1.0,
"undesirable_weight": 1.0, "lmbda": 0.5}');
SELECT class, dialect, total_steps
FROM dump, trainjob.explain_total_steps(config
	|| '{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 8, "num_train_epochs": 3}', 1650)
ORDER BY class;
-- on eight processes
SELECT class, total_steps
FROM dump, trainjob.explain_total_steps(config
	|| '{"per_device_train_batch_size": 4, "gradient_accumulation_steps": 8, "num_train_epochs": 3, "world_size": 8}', 1650)
ORDER BY class;

-- recipes and full configurations as they are published: the keys that bear on
-- the length, and those beside them
SELECT name, dialect, total_steps, explanation ~ 'no rule' AS withheld
FROM (VALUES
	('torchtune lora', '{"batch_size": 2, "epochs": 1, "max_steps_per_epoch": null, "gradient_accumulation_steps": 8, "clip_grad_norm": null,
		"optimizer": {"_component_": "torch.optim.AdamW", "lr": 3e-4}, "lr_scheduler": {"num_warmup_steps": 100}, "log_every_n_steps": 1,
		"profiler": {"enabled": false, "wait_steps": 5, "warmup_steps": 3, "active_steps": 2, "num_cycles": 1}, "dataset": {"packed": false}}'),
	('torchtune ppo', '{"batch_size": 64, "num_steps": 10000, "ppo_epochs": 2, "ppo_batch_size": 32, "gradient_accumulation_steps": 1, "forward_batch_size": 16}'),
	('litgpt lora', '{"precision": "bf16-true", "devices": 1, "num_nodes": 1, "lora_r": 32, "data": {"class_path": "litgpt.data.Alpaca2k",
		"init_args": {"val_split_fraction": 0.03, "num_workers": 4, "seed": 42}}, "train": {"save_interval": 200, "log_interval": 1,
		"global_batch_size": 8, "micro_batch_size": 1, "lr_warmup_steps": 10, "epochs": 4, "max_tokens": null, "max_steps": null,
		"max_seq_length": 512}, "eval": {"interval": 100, "max_new_tokens": 100, "max_iters": 100, "initial_validation": false}}'),
	('axolotl lora', '{"base_model": "x", "load_in_8bit": true, "datasets": [{"path": "x", "type": "alpaca"}], "val_set_size": 0, "sequence_len": 2048,
		"sample_packing": false, "lora_r": 8, "gradient_accumulation_steps": 2, "micro_batch_size": 2, "num_epochs": 3, "optimizer": "adamw_8bit",
		"warmup_ratio": 0.1, "evals_per_epoch": 4, "saves_per_epoch": 1, "logging_steps": 1, "loss_watchdog_patience": 3, "dataset_processes": 8,
		"eval_table_size": null, "eval_max_new_tokens": 128, "flash_attention": true, "early_stopping_patience": null, "save_total_limit": 2}'),
	('alignment-handbook sft', '{"dataset_mixer": {"x/ultrachat_200k": 1.0}, "preprocessing_num_workers": 12, "bf16": true, "do_eval": true,
		"evaluation_strategy": "epoch", "gradient_accumulation_steps": 1, "gradient_checkpointing_kwargs": {"use_reentrant": false},
		"logging_steps": 5, "max_steps": -1, "num_train_epochs": 1, "per_device_eval_batch_size": 8, "per_device_train_batch_size": 16,
		"save_steps": 100, "save_total_limit": 1, "warmup_ratio": 0.1, "seed": 42}'),
	('accelerate', '{"compute_environment": "LOCAL_MACHINE", "distributed_type": "DEEPSPEED", "num_machines": 1, "num_processes": 8, "machine_rank": 0,
		"main_process_port": 29500, "deepspeed_config": {"gradient_accumulation_steps": 4, "zero_stage": 3, "gradient_clipping": 1.0},
		"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4, "num_train_epochs": 3}'),
	('deepspeed', '{"train_batch_size": 64, "train_micro_batch_size_per_gpu": 8, "steps_per_print": 10, "num_epochs": 3, "wall_clock_breakdown": false,
		"optimizer": {"type": "Adam", "params": {"lr": 1e-4}}, "scheduler": {"type": "WarmupDecayLR", "params": {"warmup_num_steps": 100, "total_num_steps": 1000}},
		"zero_optimization": {"stage": 3, "reduce_bucket_size": 5e8, "sub_group_size": 1e9}, "flops_profiler": {"profile_step": 1},
		"fp16": {"loss_scale_window": 1000, "initial_scale_power": 16}}'),
	('verl', '{"data": {"train_batch_size": 1024, "max_prompt_length": 512, "val_batch_size": null}, "actor_rollout_ref": {"actor": {"ppo_mini_batch_size": 256,
		"ppo_micro_batch_size_per_gpu": 4, "ppo_epochs": 1}, "rollout": {"n": 5, "log_prob_micro_batch_size_per_gpu": 4, "tensor_model_parallel_size": 2}},
		"critic": {"ppo_epochs": 1}, "trainer": {"total_epochs": 15, "n_gpus_per_node": 8, "nnodes": 1, "save_freq": -1, "critic_warmup": 0}}'))
	AS v (name, config), trainjob.explain_total_steps(config::jsonb, 1650)
ORDER BY name;
