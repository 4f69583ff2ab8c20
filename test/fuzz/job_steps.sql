-- Feeds odd configurations to the step functions:
--
--		psql -v count=1000000 -v seed=0.5 -f test/fuzz/job_steps.sql
--
-- in a database that has the extension.  The seed, -1 to 1, makes a run
-- repeatable on one major version of PostgreSQL.  Each configuration must
-- raise no error and give results that agree with each other; the first one
-- that does not is shown, and ends the run.
\if :{?count} \else \set count 100000 \endif
\if :{?seed} \else \set seed 0.5 \endif
\set ON_ERROR_STOP on
SET client_min_messages = notice;
SELECT set_config('fuzz.count', :'count', false) AS count,
	setseed(:seed) AS seed;

-- one of some texts
CREATE FUNCTION pg_temp.one_of(texts text[])
RETURNS text
LANGUAGE sql VOLATILE
AS 'SELECT texts[1 + floor(random() * cardinality(texts))::int]';

-- a number that nobody writes
CREATE FUNCTION pg_temp.odd_number()
RETURNS text
LANGUAGE sql VOLATILE
AS $$
	SELECT pg_temp.one_of('{"",-,""}')
		|| pg_temp.one_of('{0,1,2,7,8,9,25,99,2147483647,2147483648,4294967296,9007199254740993,9223372036854775807,9223372036854775808,18446744073709551616,99999999999999999999}')
		|| pg_temp.one_of(ARRAY['', '', '.0', '.5', '.000', '.99999999999999999999', '.' || repeat('3', floor(random() * 900)::int) || '1'])
		|| pg_temp.one_of(ARRAY['', '', '', 'e0', 'e3', 'E-3', 'e18', 'e-18', 'e400', 'e-400', 'e' || floor(random() * 80 - 40)::int])
$$;

-- a text made of what numbers and words are made of
CREATE FUNCTION pg_temp.odd_text()
RETURNS text
LANGUAGE sql VOLATILE
AS $$
	SELECT string_agg(pg_temp.one_of(ARRAY['0', '1', '2', '8', '9', '+', '-', '.', 'e', 'E', '_', 'x', ' ', '\t', '\n', '\u000b',
		'a', 'inf', 'nan', 'true', 'on', '1e5', 'é', '\"', '\\']), '')
	FROM generate_series(1, 1 + floor(random() * 6)::int)
$$;

CREATE FUNCTION pg_temp.odd_value()
RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	kind float8 := random();
	deep int := floor(random() * 50);
BEGIN
	IF kind < 0.45 THEN
		RETURN (1 + floor(random() * 20))::text;
	ELSIF kind < 0.75 THEN
		RETURN pg_temp.one_of(ARRAY['1', '1.0', '0', '-1', '0.5', '0.1', '2.5', '1.1', '100', '500',
			'true', 'false', 'null', '""', '"  "', '"8"', '" 8 "', '"auto"', '"NaN"', '"Infinity"',
			'"steps"', '"epoch"', '"no"', '"pt"', '"grpo"', '"dpo"', '"sft"', '"00:10:00:00"',
			'[]', '[0,1]', '[8]', '{}', '{"split_batches": true}', '{"hyperparameters": {"batch_size": 2}}']);
	ELSIF kind < 0.87 THEN
		RETURN pg_temp.odd_number();
	ELSIF kind < 0.93 THEN
		RETURN '"' || pg_temp.odd_number() || '"';
	ELSIF kind < 0.97 THEN
		RETURN '"' || pg_temp.odd_text() || '"';
	ELSIF kind < 0.98 THEN
		RETURN repeat('[', deep) || '1' || repeat(']', deep);
	ELSE
		RETURN '{"a": {"b": [' || pg_temp.odd_number() || ', {}]}}';
	END IF;
END
$$;

-- the members of an object, drawn from the keys that have a meaning
CREATE FUNCTION pg_temp.odd_members(n int)
RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	keys CONSTANT text[] := '{batch_size,batch_size,batch_size,gradient_accumulation_steps,gradient_accumulation_steps,num_epochs,num_epochs,epochs,per_device_train_batch_size,num_train_epochs,micro_batch_size,val_set_size,evals_per_epoch,sample_packing,max_steps_per_epoch,max_epochs,max_epochs,accumulate_grad_batches,limit_train_batches,n_epochs,learning_rate_multiplier,world_size,num_gpus,n_gpu,devices,num_nodes,tensor_parallel_size,tp_size,context_parallel_size,pipeline_parallel_size,total_steps,max_steps,max_steps,steps_per_epoch,packing,neat_packing,packed,streaming,use_streaming,pretraining_dataset,stage,num_generations,method,training_method,rl,global_batch_size,max_samples,dataloader_drop_last,drop_last,accelerator_config,eval_on_start,eval_strategy,eval_strategy,evaluation_strategy,eval_steps,eval_steps,logging_steps,eval_delay,test_datasets,run_val_every_n_steps,limit_val_batches,check_val_every_n_epoch,val_check_interval,rlhf_type,reward_funcs,generation_batch_size,steps_per_generation,num_iterations,total_episodes,num_mini_batches,ppo_buffer_size,loss_type,do_predict,transformers_version,train_batch_size,train_batch_size,eval_batch_size,total_train_batch_size,train_micro_batch_size_per_gpu,micro_train_batch_size,policy_mini_batch_size,gradient_accumulation,grad_accumulation,total_epochs,max_train_steps,train_iters,iters,num_processes,nproc_per_node,nnodes,sequence_parallel_size,max_train_samples,val_size,split_dataset_ratio,fine_tune_type,epochCount,my_steps,seed,lora,data,dataset,training}';
	members text := '';
BEGIN
	FOR i IN 1 .. n LOOP
		members := members || CASE WHEN members = '' THEN '' ELSE ', ' END
			|| '"' || pg_temp.one_of(keys) || '": ' || pg_temp.odd_value();
	END LOOP;
	RETURN members;
END
$$;

CREATE FUNCTION pg_temp.odd_config()
RETURNS text
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
	sections CONSTANT text[] := '{training,training,trainer,hyperparameters,training_args,train,params,data,dataset}';
	few CONSTANT int := floor(random() * 5);
	config text := pg_temp.odd_members(1 + few);
	dice float8 := random();
BEGIN
	IF dice < 0.01 THEN
		RETURN pg_temp.one_of(ARRAY['null', '5', '"x"', 'true', '[]', '[{' || config || '}]']);
	END IF;
	IF dice < 0.6 THEN
		config := config || ', "' || pg_temp.one_of(sections) || '": {'
			|| pg_temp.odd_members(floor(random() * 6)::int) || '}';
	END IF;
	IF dice < 0.1 THEN
		config := config || ', "data": {"init_args": {' || pg_temp.odd_members(2) || '}}';
	ELSIF dice < 0.2 THEN
		config := config || ', "method": {"' || pg_temp.one_of('{supervised,dpo,reinforcement,other}')
			|| '": {"hyperparameters": {' || pg_temp.odd_members(3) || '}}}';
	ELSIF dice < 0.21 THEN	-- more members than are walked one by one
		config := config || (SELECT string_agg(', "x' || i || '": ' || i, '') FROM generate_series(1, 600) AS i);
	ELSIF dice < 0.212 THEN
		config := config || ', "training": {"batch_size": ' || repeat('[', 1000) || repeat(']', 1000) || '}';
	ELSIF dice < 0.214 THEN
		config := config || ', "num_epochs": "' || repeat('9', 20000) || '"';
	END IF;
	RETURN '{' || config || '}';
END
$$;

CREATE FUNCTION pg_temp.odd_count()
RETURNS bigint
LANGUAGE sql VOLATILE
AS $$
	SELECT CASE WHEN random() < 0.5 THEN floor(random() * 5000)::bigint
		ELSE pg_temp.one_of('{NULL,NULL,-1,0,1,2,100,9007199254740993,4611686018427387904,9223372036854775807,-9223372036854775808}')::bigint END
$$;

-- What is wrong with the answers to a configuration; NULL: nothing
CREATE FUNCTION pg_temp.complaint(config jsonb, total bigint, train bigint, val bigint)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	steps CONSTANT bigint := trainjob.estimate_total_steps(config, total, train, val);
	first CONSTANT bigint := trainjob.first_eval_step(config, total, train, val);
	note CONSTANT text := _trainjob.job_note(config, 's3://x', total, train, val, NULL);
	shown CONSTANT text := _trainjob.eval_text(config, total, train, val, total);
	e record;
BEGIN
	SELECT * INTO e FROM trainjob.explain_total_steps(config, total, train, val);
	PERFORM _trainjob.config_method(config), _trainjob.job_note(config, NULL, total, train, val, 5);
	RETURN CASE
		WHEN steps < 1 THEN 'a total below 1'
		WHEN first < 0 THEN 'a first evaluation below 0'
		WHEN first > steps THEN 'a first evaluation after the end'
		WHEN e.total_steps IS DISTINCT FROM steps OR e.first_eval_step IS DISTINCT FROM first
			THEN 'explain_total_steps disagrees'
		WHEN e.explanation IS NULL OR length(e.explanation) > 1000 THEN 'no readable explanation'
		WHEN steps IS NULL AND (note IS NULL OR note NOT LIKE 'total steps unknown: _%')
			THEN 'no note on an unknown total'
		WHEN steps IS NOT NULL AND note LIKE 'total steps unknown%' THEN 'a note on a known total'
		WHEN shown !~ '^(No evaluation configured|Awaiting evaluation( \((every epoch|(typically )?every [1-9][0-9]* steps)\))?)$'
			OR shown IS NULL THEN 'another text: ' || shown
		WHEN least(e.samples, e.batch_size, e.gradient_accumulation_steps, e.world_size, e.updates_per_epoch) < 1
			THEN 'an ingredient below 1'
	END;
END
$$;

DO $$
DECLARE
	config text;
	total bigint;
	train bigint;
	val bigint;
	wrong text;
	known bigint := 0;
BEGIN
	FOR i IN 1 .. current_setting('fuzz.count')::bigint LOOP
		config := pg_temp.odd_config();
		total := pg_temp.odd_count();
		train := pg_temp.odd_count();
		val := pg_temp.odd_count();
		BEGIN
			wrong := pg_temp.complaint(config::jsonb, total, train, val);
		EXCEPTION WHEN OTHERS THEN
			wrong := SQLERRM;
		END;
		IF wrong IS NOT NULL THEN
			RAISE EXCEPTION '%', wrong USING DETAIL =
				format('number %s: %L, %s, %s, %s', i, config, total, train, val);
		END IF;
		known := known + (trainjob.estimate_total_steps(config::jsonb, total, train, val) IS NOT NULL)::int;
	END LOOP;
	RAISE NOTICE '% configurations, % of them with a known total', current_setting('fuzz.count'), known;
END
$$;
