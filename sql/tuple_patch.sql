--
-- what triggers put into a row stands there, and the rest of it is as it was,
-- whatever the row looks like: columns of any width in any order, NULLs, columns
-- dropped and added
--
\set SHOW_CONTEXT never
SET client_min_messages = error;
SET timezone = 'UTC';
CREATE SCHEMA patch;
SET search_path = patch, pg_catalog;
CREATE EXTENSION amcheck SCHEMA pg_catalog;

-- One of the choices, by chance as "seed" has it.
CREATE FUNCTION pick(choices text[], seed bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT choices[1 + (hashint8(seed)::bigint + 2147483648) % cardinality(choices)]
$$;

-- Other people's columns, and values for them.
CREATE TABLE others (n integer GENERATED ALWAYS AS IDENTITY, types text[], samples text[]);
INSERT INTO others (types, samples) VALUES
	('{smallint,integer,"\"char\"",text}', '{1,7,NULL}'),
	('{text,varchar(9),bytea,name}', '{x,abcdefgh,"",NULL}'),
	('{integer,real,float8,bigint}', '{3,NULL}'),
	('{boolean,smallint,numeric}', '{1,0,NULL}'),
	('{uuid,text}', '{00000000-0000-0000-0000-000000000007,NULL}'),
	('{text,numeric}', '{123,4567890,NULL}');

-- A table whose columns, ours given as name and types, lie as chance will. Every
-- third one has lost a column.
CREATE FUNCTION make_table(name text, ours text[][], seed integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE (
		SELECT format('CREATE TABLE %I (%s)', name, string_agg(c.definition, ', ' ORDER BY hashint8(seed * 57 + c.n)))
		FROM (SELECT format('o%s %s', o.n, pick(o.types, seed * 31 + o.n)), o.n FROM others AS o
			  UNION ALL
			  SELECT format('%I %s', ours[i][1], pick(string_to_array(ours[i][2], ' '), seed * 31 + 50 + i)), 50 + i
			  FROM generate_subscripts(ours, 1) AS i
			  UNION ALL
			  SELECT 'gone ' || pick('{integer,text}', seed), 49) AS c (definition, n));
	IF seed % 3 = 0 THEN
		EXECUTE format('ALTER TABLE %I DROP COLUMN gone', name);
	END IF;
END;
$$;

-- The columns and the values of an INSERT, other people's picked by chance.
CREATE FUNCTION some_values(seed integer, ours text, given text) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT format('(%s, %s) VALUES (%s, %s)', ours, string_agg('o' || n, ', '), given,
		string_agg(quote_nullable(pick(samples, seed * 13 + n)), ', '))
	FROM others
$$;

-- Reports that a trigger completed, and the same ones completed by SQL; returns
-- what the former have and the latter do not.
CREATE FUNCTION wrong_reports(seed integer) RETURNS SETOF jsonb
LANGUAGE plpgsql AS $$
DECLARE
	row text;
BEGIN
	PERFORM make_table('points', '{{job_id,integer},{step,bigint integer},{train_loss,float8 float8 real},
		{perplexity,float8 float8 float8 real numeric},{eval_loss,float8},{eval_perplexity,float8 float8 real},
		{recorded_at,timestamptz}}', seed);
	CREATE TABLE twin (LIKE points);
	CREATE TRIGGER fill_metric BEFORE INSERT OR UPDATE ON points FOR EACH ROW EXECUTE FUNCTION trainjob.fill_metric();
	FOR i IN 1 .. 6 LOOP
		row := some_values(seed + 100 * i, 'job_id, step, train_loss, perplexity, eval_loss, eval_perplexity, recorded_at',
			format('1, %s, %L, %L, %L, %L, %L', i, pick('{2.5,2.5,NULL}', seed + i), pick('{NULL,NULL,9}', seed * 3 + i),
				pick('{0.5,NULL}', seed * 5 + i), pick('{NULL,NULL,9}', seed * 7 + i), pick('{2026-01-01,NULL}', seed * 11 + i)));
		EXECUTE 'INSERT INTO points ' || row;
		EXECUTE 'INSERT INTO twin ' || row;
	END LOOP;
	IF seed % 4 = 0 THEN -- the rows are shorter than those to come
		ALTER TABLE points ADD COLUMN late float8, ADD COLUMN later text DEFAULT 'later';
		ALTER TABLE twin ADD COLUMN late float8, ADD COLUMN later text DEFAULT 'later';
		UPDATE points SET train_loss = 1.5 WHERE step < 5;
		UPDATE twin SET train_loss = 1.5, perplexity = CASE WHEN perplexity = 9 THEN 9 END WHERE step < 5;
	END IF;
	UPDATE points SET train_loss = 1000 WHERE step = 4; -- exp() of which is infinite
	UPDATE points SET train_loss = 'NaN' WHERE step = 5; -- and of which there is none
	UPDATE twin SET perplexity = COALESCE(perplexity, exp(train_loss::float8)),
		eval_perplexity = COALESCE(eval_perplexity, exp(eval_loss)), recorded_at = COALESCE(recorded_at, now());
	UPDATE twin SET train_loss = 1000, perplexity = CASE WHEN perplexity = 9 THEN 9 ELSE 'Infinity'::real END WHERE step = 4;
	UPDATE twin SET train_loss = 'NaN', perplexity = CASE WHEN perplexity = 9 THEN 9 END WHERE step = 5;
	RETURN QUERY SELECT to_jsonb(p) FROM points AS p EXCEPT ALL SELECT to_jsonb(t) FROM twin AS t;
	DROP TABLE points, twin;
END;
$$;
SELECT count(*) AS layouts, jsonb_pretty(jsonb_agg(w) FILTER (WHERE w IS NOT NULL)) AS wrong
FROM generate_series(1, 60) AS seed
LEFT JOIN LATERAL wrong_reports(seed) AS w ON true;

-- Jobs that reports updated directly, and others that a trigger of somebody's
-- leaves to the executor; returns what the former have and the latter do not.
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION wrong_jobs(seed integer) RETURNS SETOF jsonb
LANGUAGE plpgsql AS $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY '{jobs,twin}'::text[] LOOP
		PERFORM make_table(name, '{{id,integer},{status,text varchar(20)},{total_steps,bigint integer},{current_step,bigint bigint integer},
			{loss,float8 float8 real},{perplexity,float8 float8 numeric},{learning_rate,float8},{progress,float8 float8 real},
			{updated_at,timestamptz},{last_metric_at,timestamptz timestamptz timestamp}}', seed);
		EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id)', name);
		EXECUTE 'CREATE TABLE ' || name || '_points (job_id integer, step bigint, train_loss float8, learning_rate float8, grad_norm float8)';
		EXECUTE format('CREATE TRIGGER fill_job BEFORE INSERT OR UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job()', name);
		EXECUTE format('CREATE TRIGGER roll_up AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT '
			'EXECUTE FUNCTION trainjob.roll_up_metrics(%L)', name || '_points', 'jobs=patch.' || name);
		IF name = 'twin' THEN
			CREATE TRIGGER others AFTER UPDATE ON twin FOR EACH ROW EXECUTE FUNCTION nothing();
		END IF;
		EXECUTE format('INSERT INTO %I %s', name, some_values(seed, 'id, status, total_steps, current_step', '1, ''running'', 50, 0'));
		FOR i IN 1 .. 4 LOOP
			IF i = 3 AND seed % 4 = 0 THEN
				EXECUTE format('ALTER TABLE %I ADD COLUMN late float8, ADD COLUMN grad_norm float8, ADD COLUMN later text DEFAULT ''later''', name);
			END IF;
			EXECUTE format('INSERT INTO %I VALUES (1, %s, %L, %L, 0.5)', name || '_points', i,
				pick('{2.5,1.5,NULL}', seed + i), pick('{1e-4,NULL}', seed * 3 + i));
		END LOOP;
	END LOOP;
	RETURN QUERY SELECT to_jsonb(j) FROM jobs AS j EXCEPT ALL SELECT to_jsonb(t) FROM twin AS t;
	RETURN QUERY SELECT to_jsonb(h) FROM verify_heapam('jobs') AS h;
	DROP TABLE jobs, twin, jobs_points, twin_points;
END;
$$;
SELECT count(*) AS layouts, jsonb_pretty(jsonb_agg(w) FILTER (WHERE w IS NOT NULL)) AS wrong
FROM generate_series(1, 40) AS seed
LEFT JOIN LATERAL wrong_jobs(seed) AS w ON true;
DROP EXTENSION amcheck;
DROP SCHEMA patch CASCADE;
