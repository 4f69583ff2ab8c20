-- A configuration of about :bytes bytes on one line, as a client sends it.
SELECT jsonb_build_object('batch_size', 4, 'gradient_accumulation_steps', 8,
	'num_epochs', 3, 'train_samples', 32000, 'learning_rate', 2e-5,
	'eval_strategy', 'steps', 'eval_steps', 100, 'method', 'sft',
	'lora', '{"r": 16, "alpha": 32}'::jsonb,
	'rest', (SELECT string_agg(md5(i::text), '')
			 FROM generate_series(1, (:bytes - 250) / 32) AS i));
