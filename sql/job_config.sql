--
-- Finding and judging values of a configuration (doc/steps.md, sections 1
-- and 2).  The rules are seen through the baseline dialect: a batch of 4,
-- accumulation 8, 3 epochs, so that 3200 samples make 100 updates an epoch.
--
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.total(config text, samples bigint DEFAULT 3200)
RETURNS bigint
LANGUAGE sql
AS 'SELECT trainjob.estimate_total_steps(config::jsonb, samples)';

-- nothing is missing that has a default
SELECT pg_temp.total(NULL) AS sql_null, pg_temp.total('null') AS json_null,
	pg_temp.total('{}') AS empty, pg_temp.total('{"training": null}') AS section;

-- any other configuration that is no object: unknown, both of them
SELECT config, trainjob.estimate_total_steps(config, 3200) AS total_steps,
	trainjob.first_eval_step(config, 3200, NULL, 100),
	_trainjob.job_note(config, NULL, 3200, NULL, NULL, NULL)
FROM unnest(ARRAY['[]', '[{"batch_size": 1}]', '"text"', '5', 'true', 'false']::jsonb[])
	AS config;

-- a value is found in any section and nowhere else: 3200 / 8 x 3 = 1200
SELECT config, pg_temp.total(config)
FROM unnest(ARRAY[
	'{"training": {"batch_size": 1}}',
	'{"trainer": {"batch_size": 1}}',
	'{"hyperparameters": {"batch_size": 1}}',
	'{"data": {"batch_size": 1}}',
	'{"data": {"init_args": {"batch_size": 1}}}',
	'{"dataset": {"batch_size": 1}}',
	'{"batch_size": 1}',
	'{"model": {"batch_size": 1}, "lora": {"batch_size": 1}}',
	'{"init_args": {"batch_size": 1}}',
	'{"training": {"training": {"batch_size": 1}}}',
	'{"training": [{"batch_size": 1}]}',
	'{"Batch_Size": 1, "batch_siz": 1, "batch_sizes": 1, "": 1}']) AS config;

-- the first section that has it counts: each takes the place of the next
WITH section (place, path) AS (
	VALUES (1, '{training}'::text[]), (2, '{trainer}'), (3, '{hyperparameters}'),
		(4, '{method,supervised,hyperparameters}'),
		(5, '{method,dpo,hyperparameters}'),
		(6, '{method,reinforcement,hyperparameters}'),
		(7, '{data}'), (8, '{data,init_args}'), (9, '{dataset}'), (10, '{}')
), built (first, config) AS (
	SELECT f, '{"method": {"dpo": {}, "supervised": {}, "reinforcement": {}}, "data": {"init_args": {}}}'::jsonb
		|| jsonb_object_agg(path[1], '{}'::jsonb) FILTER (WHERE cardinality(path) = 1 AND path[1] <> 'data')
	FROM generate_series(1, 10) AS f, section
	GROUP BY f
)
SELECT first, e.batch_size, e.batch_size_from
FROM built, LATERAL (
		SELECT CASE WHEN first <= 10 THEN '{"batch_size": 10}'::jsonb ELSE '{}' END
			|| jsonb_build_object(
				'training', CASE WHEN first <= 1 THEN '{"batch_size": 1}'::jsonb ELSE '{}' END,
				'trainer', CASE WHEN first <= 2 THEN '{"batch_size": 2}'::jsonb ELSE '{}' END,
				'hyperparameters', CASE WHEN first <= 3 THEN '{"batch_size": 3}'::jsonb ELSE '{}' END,
				'method', jsonb_build_object(
					'supervised', jsonb_build_object('hyperparameters',
						CASE WHEN first <= 4 THEN '{"batch_size": 4}'::jsonb ELSE '{}' END),
					'dpo', jsonb_build_object('hyperparameters',
						CASE WHEN first <= 5 THEN '{"batch_size": 5}'::jsonb ELSE '{}' END),
					'reinforcement', jsonb_build_object('hyperparameters',
						CASE WHEN first <= 6 THEN '{"batch_size": 6}'::jsonb ELSE '{}' END)),
				'data', jsonb_build_object('init_args',
						CASE WHEN first <= 8 THEN '{"batch_size": 8}'::jsonb ELSE '{}' END)
					|| CASE WHEN first <= 7 THEN '{"batch_size": 7}'::jsonb ELSE '{}' END,
				'dataset', CASE WHEN first <= 9 THEN '{"batch_size": 9}'::jsonb ELSE '{}' END)
	) AS c (full_config),
	trainjob.explain_total_steps(full_config, 3200) AS e
ORDER BY first;

-- spellings before sections: num_epochs at the top, not epochs in training
SELECT num_epochs, num_epochs_from
FROM trainjob.explain_total_steps('{"training": {"epochs": 7}, "num_epochs": 2}', 3200);

-- missing: the next place is asked, then the default taken
SELECT config, pg_temp.total(config)
FROM unnest(ARRAY[
	'{"training": {"batch_size": null}, "batch_size": 1}',
	'{"training": {"batch_size": ""}, "batch_size": 1}',
	'{"training": {"batch_size": " \t\r\n"}, "batch_size": 1}',
	'{"training": {"batch_size": null}}',
	'{"training": {"batch_size": "  "}}']) AS config;

-- a count, and what is none; an unusable value is not replaced from elsewhere
SELECT value, pg_temp.total('{"training": {"batch_size": ' || value || '}, "batch_size": 1}')
FROM unnest(ARRAY[
	'8', '8.0', '"8"', '" 8 "', '"8.0"', '"+8"', '"\t8\n"', '"0.8e1"', '"80E-1"',
	'8e0', '800e-2', '"8."', '"00008.000"', '2147483647', '"2147483647"',
	'0', '-1', '2.5', '"auto"', '"NaN"', '"Infinity"', '"0x8"', '"1_000"', '"8 8"',
	'"8e"', '"e8"', '"."', '"-"', '"+-8"', '"1.2.3"', '"8x"', 'true', 'false',
	'[8]', '[]', '{}', '{"batch_size": 8}', '2147483648', '4294967304',
	'9223372036854775808', '18446744073709551624', '1e400', '-1e400', '1e-400',
	'"1e400"', '"1e99999999999999999999"', '"1e-99999999999999999999"',
	'8.0000000000000000000000000000000000001']) AS value;

-- the largest and the smallest numbers: exact, or unknown
SELECT value, trainjob.estimate_total_steps(('{"max_steps": ' || value || '}')::jsonb)
FROM unnest(ARRAY[
	'9223372036854775807', '"9223372036854775807"', '9223372036854775806.5',
	'9223372036854775807.0', '9223372036854775807.5', '9223372036854775808',
	'"9223372036854775808"', '9007199254740993', '"9007199254740993"',
	'1e18', '"1e18"', '"0.0000000000000000001e37"', '1e19', '1e400', '0.5', '1e-400',
	'"1e-400"', '"1e-999999999"', '"1e999999999"']) AS value;

-- a number with more digits than decide anything
SELECT trainjob.estimate_total_steps(jsonb_build_object('max_steps', number)) AS as_number,
	trainjob.estimate_total_steps(jsonb_build_object('max_steps', number::text)) AS as_text
FROM unnest(ARRAY[
	('12.' || repeat('0', 2000) || '1')::numeric,
	(repeat('0', 2000) || '12')::numeric,
	('12' || repeat('0', 2000))::numeric,
	(repeat('9', 1000) || '.5')::numeric]) AS number;

-- on, and off
SELECT value, pg_temp.total('{"packing": ' || value || '}') IS NULL AS is_on
FROM unnest(ARRAY[
	'true', '"true"', '"True"', '"YES"', '"on"', '"1"', '1', '0.5', '-1', '"2"', '1e400',
	'" on "', 'false', 'null', '0', '0.0', '"0"', '"false"', '"no"', '"off"', '"maybe"',
	'""', '[]', '[true]', '{}', '{"enabled": true}']) AS value;

-- switches in the dataset's section, and in an object
SELECT pg_temp.total('{"dataset": {"packed": true}}') AS packed,
	pg_temp.total('{"batch_size": 4, "world_size": 4, "accelerator_config": {"split_batches": true}}') AS split,
	pg_temp.total('{"batch_size": 4, "world_size": 4, "accelerator_config": {"split_batches": false}}') AS not_split,
	pg_temp.total('{"batch_size": 4, "world_size": 4, "accelerator_config": "split_batches"}') AS text;

-- a large object is searched, a small one walked: both find the same
SELECT n, e.batch_size, e.gradient_accumulation_steps, e.num_epochs, e.world_size, e.dialect
FROM generate_series(0, 1200, 300) AS n,
	LATERAL (SELECT coalesce(jsonb_object_agg(repeat('k', 1 + i % 40) || i, i), '{}') AS filler
		FROM generate_series(1, n) AS i) AS f,
	trainjob.explain_total_steps(jsonb_build_object('training', filler
		|| '{"per_device_train_batch_size": 2, "gradient_accumulation_steps": 5, "num_train_epochs": 7, "n_gpu": 3}'), 3200) AS e;

-- a message names the key by its path, and shows the value, shortened
SELECT _trainjob.job_note(config::jsonb, NULL, 3200, NULL, NULL, NULL)
FROM unnest(ARRAY[
	'{"training": {"gradient_accumulation_steps": "auto"}}',
	'{"data": {"init_args": {"batch_size": 0}}}',
	'{"batch_size": true}',
	'{"batch_size": [8]}',
	'{"batch_size": {"a": 8}}',
	'{"batch_size": "a \"quoted\"\n line"}',
	'{"batch_size": "' || repeat('x', 1000) || '"}',
	'{"batch_size": 1e1000}',
	'{"batch_size": 0.' || repeat('1', 1000) || '}',
	'{"num_epochs": -1}',
	'{"max_epochs": 2.5, "batch_size": 1}',
	'{"max_epochs": 2, "batch_size": 1, "devices": "auto"}',
	'{"method": {"dpo": {"hyperparameters": {"n_epochs": 0, "batch_size": 4}}}}'])
	AS config;

-- a character of several bytes is not cut, nor its last byte taken for a digit
SELECT octet_length(note) - octet_length('total steps unknown: config.batch_size is "x...", not a whole number from 1 to 2147483647')
		IN (38, 39) AS is_whole, right(note, 45)
FROM _trainjob.job_note(jsonb_build_object('batch_size', 'x' || repeat('é', 1000)), NULL, 3200, NULL, NULL, NULL) AS note;
SELECT pg_temp.total('{"batch_size": "٨"}');

-- nothing raises an error, however deep, long or large
SELECT count(*) AS configs, count(trainjob.estimate_total_steps(config, 3200)) AS known
FROM (SELECT (repeat('{"training":', 1000) || '{"batch_size": 1}' || repeat('}', 1000))::jsonb
	UNION ALL SELECT ('{"batch_size": ' || repeat('[', 1000) || repeat(']', 1000) || '}')::jsonb
	UNION ALL SELECT ('{"method": ' || repeat('{"dpo":', 1000) || '1' || repeat('}', 1000) || '}')::jsonb
	UNION ALL SELECT jsonb_build_object('batch_size', repeat('8', 1000000))
	UNION ALL SELECT jsonb_build_object('batch_size', repeat(' ', 1000000) || '8')
	UNION ALL SELECT jsonb_build_object('batch_size', '1e131000'::numeric)
	UNION ALL SELECT jsonb_build_object('batch_size', '1e-16000'::numeric)
	UNION ALL SELECT jsonb_build_object('num_epochs', '1e-16000'::numeric)
	UNION ALL SELECT jsonb_build_object(repeat('k', 100000), 1)) AS odd (config);

-- the method of a job
SELECT config, _trainjob.config_method(config::jsonb)
FROM unnest(ARRAY[
	NULL, 'null', '[]', '"sft"', '{}',
	'{"method": "SFT"}',
	'{"training": {"method": "dpo"}}',
	'{"method": " ORPO ", "training": {"method": "dpo"}}',
	'{"method": "", "training": {"method": "dpo"}}',
	'{"method": {"type": "Supervised", "supervised": {}}}',
	'{"method": {"type": 5}, "training_method": "RLOO"}',
	'{"training": {"training_method": "kto"}, "rl": "grpo"}',
	'{"rl": "GRPO", "stage": "sft"}',
	'{"stage": "pt"}',
	'{"method": 5, "rl": null, "stage": []}']) AS config;
