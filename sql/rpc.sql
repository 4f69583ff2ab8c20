--
-- rpc: the functions as PostgREST calls them, and other tools that have names and json
--
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA rpc;

-- A call by POST /rpc/name: the function is found by the names of the arguments, which must tell; each comes out of one json
-- object, by its type; what returns rows becomes an array, else it is the value itself.
CREATE FUNCTION rpc.call(name text, body json DEFAULT '{}') RETURNS json LANGUAGE plpgsql AS $$
DECLARE
	given text[] := ARRAY(SELECT json_object_keys(body));
	found pg_proc[];
	function pg_proc;
	arguments text;
	record_type text;
	result json;
BEGIN
	SELECT array_agg(p) INTO found
	FROM pg_proc AS p
	CROSS JOIN LATERAL (
		SELECT array_agg(a.name) AS names, array_agg(a.name) FILTER (WHERE a.n <= p.pronargs - p.pronargdefaults) AS required
		FROM unnest(p.proargnames, p.proargmodes) WITH ORDINALITY AS a (name, mode, n)
		WHERE COALESCE(a.mode, 'i') = 'i') AS i
	WHERE p.pronamespace = 'trainjob'::regnamespace AND p.proname = call.name AND p.prokind = 'f'
	  AND given <@ COALESCE(i.names, '{}') AND COALESCE(i.required, '{}') <@ given;
	IF cardinality(found) IS DISTINCT FROM 1 THEN
		RAISE EXCEPTION '% functions for %(%)', COALESCE(cardinality(found), 0), name, given;
	END IF;
	function := found[1];
	SELECT string_agg(format('%1$I := _.%1$I', a.name), ', '), string_agg(format('%I %s', a.name, format_type(a.type, NULL)), ', ')
		INTO arguments, record_type
		FROM unnest(function.proargnames[:function.pronargs], function.proargtypes::oid[]) AS a (name, type)
		WHERE a.name = ANY (given);
	EXECUTE format('SELECT %s FROM %s trainjob.%I(%s) AS c',
			CASE WHEN function.proretset THEN $q$COALESCE(json_agg(c), '[]')$q$ ELSE 'to_json(c)' END,
			CASE WHEN record_type IS NOT NULL THEN format('json_to_record($1) AS _ (%s),', record_type) ELSE '' END,
			name, arguments)
		INTO result USING body;
	RETURN result;
END;
$$;

-- Sets of tables, as who owns them.
SELECT rpc.call('create_tables', '{"schema": "rpc"}');
CREATE TABLE rpc.runs (id int PRIMARY KEY, state text);
CREATE TABLE rpc.points (run int, at int, loss real);
SELECT json_array_length(rpc.call('attach', '{"jobs": "rpc.runs", "metrics": "rpc.points", "columns": {"status": "state", "job_id": "run", "step": "at", "train_loss": "loss"}}')) > 5 AS attached;
SELECT json_array_length(rpc.call('job_sets'));
SELECT rpc.call('metric_series', '{"job": "1", "metric": "train_loss"}'); -- fails
SELECT rpc.call('metric_series', '{"job": "1", "metric": "train_loss", "jobs": "rpc.runs"}');
SELECT rpc.call('loss_curve', '{"job": "1", "jobs": "rpc.runs"}');
SELECT json_array_length(rpc.call('detach', '{"jobs": "rpc.runs"}')) > 5 AS detached;

-- How many steps.
SELECT rpc.call('estimate_total_steps', '{"config": {"batch_size": 4}, "total_samples": 1650}');
SELECT rpc.call('first_eval_step', '{"config": {"eval_strategy": "steps", "eval_steps": 10}, "total_samples": 1650}');
SELECT rpc.call('explain_total_steps', '{"config": {"batch_size": 4}, "total_samples": 1650}') ->> 'explanation';

-- A trainer that has a token and no right.
INSERT INTO rpc.local_training_jobs (id, job_token, total_samples, config) VALUES ('00000000-0000-4000-8000-000000000001', 'secret', 320, '{}');
CREATE ROLE regress_trainjob_rpc;
GRANT USAGE ON SCHEMA rpc TO regress_trainjob_rpc;
SET ROLE regress_trainjob_rpc;
SELECT rpc.call('report_alert', '{"job_token": "secret", "type": "job_started", "details": {"total_steps": 40}}');
SELECT rpc.call('report_metrics', '{"job_token": "secret", "metrics": [{"step": 10, "train_loss": 2, "rewards/margins": "NaN"}, {"step": 20, "train_loss": 1}]}');
SELECT rpc.call('report_metrics', '{"job_token": "secret", "metrics": {"step": 30, "train_loss": "Infinity"}, "jobs": "rpc.local_training_jobs"}');
SELECT rpc.call('report_alert', '{"job_token": "secret", "type": "gpu_oom"}');
SELECT rpc.call('report_metrics', '{"job_token": "other", "metrics": []}'); -- fails
SELECT rpc.call('report_metrics', '{"job_token": "secret"}'); -- fails
RESET ROLE;

-- Reading.
SELECT rpc.call('metric_series', '{"job_id": "00000000-0000-4000-8000-000000000001", "metric": "train_loss"}');
SELECT rpc.call('metric_series', '{"job_id": "00000000-0000-4000-8000-000000000001", "metric": "rewards/margins", "max_points": 2}');
SELECT rpc.call('metric_series', '{"job_ids": ["00000000-0000-4000-8000-000000000001"], "metric": "train_loss", "max_points": 2}');
SELECT length(rpc.call('loss_curve', '{"job_id": "00000000-0000-4000-8000-000000000001", "width": 10}') #>> '{}');
SELECT json_array_length(rpc.call('loss_curve', '{"job_ids": ["00000000-0000-4000-8000-000000000001"]}'));
SELECT length(rpc.call('sparkline', '{"y": [1, 2, null, 3]}') #>> '{}'), length(rpc.call('sparkline', '{"y": [1, 2, null, 3], "width": 2}') #>> '{}');
-- and the views, which are resources by themselves
SELECT to_json(o) ->> 'progress_text' AS progress, to_json(o) -> 'loss' AS loss FROM rpc.job_overview AS o;

-- Operating.
SELECT rpc.call('verify_jobs');
SELECT rpc.call('refill_jobs', '{"batch": 10}');
SELECT rpc.call('fail_stalled', '{"silent_for": "1 hour"}');
SELECT rpc.call('fail_stalled');

-- No function that people call has an argument without a name, or one that is given and comes back; two of one name
-- differ in the names of their arguments.
CREATE TEMP VIEW public_functions AS
	SELECT p.* FROM pg_proc AS p
	WHERE p.pronamespace = 'trainjob'::regnamespace AND p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype;
SELECT oid::regprocedure FROM public_functions
WHERE 'b' = ANY (proargmodes) OR 'v' = ANY (proargmodes) OR pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames))
   OR prorettype = 'record'::regtype AND proargmodes IS NULL;
SELECT a.oid::regprocedure, b.oid::regprocedure FROM public_functions AS a JOIN public_functions AS b USING (proname)
WHERE a.oid < b.oid AND a.proargnames[:a.pronargs] <@ b.proargnames[:b.pronargs] AND a.pronargs = b.pronargs;

DROP SCHEMA rpc CASCADE;
DROP ROLE regress_trainjob_rpc;
