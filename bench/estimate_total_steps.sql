-- Time of estimate_total_steps() on a configuration of 2 kB, in nanoseconds a
-- call: psql -f bench/estimate_total_steps.sql, in a database that has the
-- extension.  The time of the loop without the call is taken off.
CREATE TEMP TABLE conf AS SELECT (jsonb_build_object(
  'model', jsonb_build_object('name','org/model-7b','revision','main','dtype','bfloat16','max_steps',12345),
  'lora', jsonb_build_object('r',16,'alpha',32,'dropout',0.05,'target_modules', jsonb_build_array('q_proj','k_proj','v_proj','o_proj')),
  'training', jsonb_build_object('per_device_train_batch_size',4,'gradient_accumulation_steps',8,'num_train_epochs',3,'learning_rate',0.0002,'lr_scheduler_type','cosine','warmup_ratio',0.03,'weight_decay',0.01,'max_grad_norm',1.0,'optim','adamw_torch','bf16',true,'fp16',false,'gradient_checkpointing',true,'logging_steps',10,'save_steps',500,'save_total_limit',3,'eval_strategy','steps','eval_steps',100,'seed',42,'world_size',2,'group_by_length',true,'report_to',jsonb_build_array('wandb')),
  'data', jsonb_build_object('path','s3://bucket/train.jsonl','format','chat','max_length',2048,'dataset_size',50000),
  'notes', (SELECT string_agg(md5(i::text), ' ') FROM generate_series(1,13) i))
  || (SELECT jsonb_object_agg('custom_setting_'||i, i*7) FROM generate_series(1,25) i)) AS config;
SELECT octet_length(config::text) AS text_bytes, pg_column_size(config) AS stored_bytes FROM conf;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION pg_temp.elapsed(query text)
RETURNS float8
LANGUAGE plpgsql
AS $$
DECLARE
	start timestamptz := clock_timestamp();
BEGIN
	EXECUTE query;
	RETURN extract(epoch FROM clock_timestamp() - start);
END
$$;

-- "|| '{}'" makes a value that is not compressed
SELECT name, round((1e9 * (pg_temp.elapsed(format(
		'WITH c AS MATERIALIZED (SELECT %s AS config FROM conf)
		SELECT count(trainjob.estimate_total_steps(config, i)) FROM c, generate_series(1, 1000000) AS i', config))
	- pg_temp.elapsed(format(
		'WITH c AS MATERIALIZED (SELECT %s AS config FROM conf)
		SELECT count(config IS NULL OR i > 0) FROM c, generate_series(1, 1000000) AS i', config))) / 1e6)::numeric) AS ns
FROM (VALUES
	('2 kB', 'config || ''{}'''),
	('2 kB, compressed', 'config'),
	('{}', '''{}''::jsonb'),
	('SQL NULL', 'NULL::jsonb'),
	('a batch of 1e131000', '''{"batch_size": 1e131000}''::jsonb'))
	AS v (name, config);
