--
-- catalog: what the catalogs say of the extension
--
\set SHOW_CONTEXT never
SET timezone = 'UTC';

CREATE TEMP VIEW members AS
	SELECT d.classid, d.objid
	FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'trainjob';
CREATE TEMP VIEW functions AS
	SELECT p.* FROM members AS m JOIN pg_proc AS p ON p.oid = m.objid WHERE m.classid = 'pg_proc'::regclass;

-- It owns functions, and their schemas: no table, view, sequence or type, for
-- pg_dump would not dump what users add to them.
SELECT classid::regclass AS catalog, count(*) > 0 AS any FROM members GROUP BY classid ORDER BY classid::regclass::text COLLATE "C";
SELECT nspname FROM pg_namespace AS n JOIN members AS m ON m.classid = 'pg_namespace'::regclass AND m.objid = n.oid;
SELECT proname FROM functions WHERE pronamespace NOT IN ('trainjob'::regnamespace, '_trainjob'::regnamespace);
SELECT c.relname FROM pg_class AS c WHERE c.relnamespace IN ('trainjob'::regnamespace, '_trainjob'::regnamespace);
SELECT extname, extversion, extrelocatable, extnamespace::regnamespace, extconfig FROM pg_extension WHERE extname = 'trainjob';

-- What people call is apart from what that calls.
SELECT oid::regprocedure AS call FROM functions
WHERE pronamespace = 'trainjob'::regnamespace AND prorettype <> 'trigger'::regtype
ORDER BY oid::regprocedure::text COLLATE "C";
SELECT oid::regprocedure FROM functions
WHERE pronamespace <> 'trainjob'::regnamespace AND prorettype = 'trigger'::regtype;

-- Every object has a comment.
SELECT pg_describe_object(classid, objid, 0) FROM members WHERE obj_description(objid, classid::regclass::name) IS NULL;
SELECT obj_description(oid, 'pg_extension') IS NOT NULL AS commented FROM pg_extension WHERE extname = 'trainjob';

-- Who acts as its owner has a search_path of its own, and says so here.
SELECT oid::regprocedure AS definer, proconfig FROM functions WHERE prosecdef ORDER BY oid::regprocedure::text COLLATE "C";
SELECT oid::regprocedure FROM functions
WHERE prosecdef AND NOT coalesce(array_to_string(proconfig, ','), '') ~ '^search_path=(pg_catalog|""|pg_catalog, pg_temp)$';

-- Names in a function's body mean what they meant at its creation: C, a body
-- that was parsed then, or a search_path of its own.
SELECT p.oid::regprocedure, l.lanname
FROM functions AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'internal') AND p.prosqlbody IS NULL
  AND NOT coalesce(array_to_string(p.proconfig, ','), '') ~ 'search_path=pg_catalog, pg_temp';

-- What anybody may execute.
SELECT oid::regprocedure AS public_may
FROM functions
WHERE has_function_privilege('public', oid, 'EXECUTE')
ORDER BY oid::regprocedure::text COLLATE "C";
SELECT oid::regprocedure AS public_may_not
FROM functions
WHERE NOT has_function_privilege('public', oid, 'EXECUTE')
ORDER BY oid::regprocedure::text COLLATE "C";
SELECT nspname, has_schema_privilege('public', nspname, 'USAGE') AS usage, has_schema_privilege('public', nspname, 'CREATE') AS "create"
FROM pg_namespace WHERE nspname IN ('trainjob', '_trainjob') ORDER BY nspname COLLATE "C";

-- What the planner is told.
SELECT p.oid::regprocedure AS function, l.lanname AS language,
	CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility,
	CASE WHEN p.proisstrict THEN 'strict' ELSE '' END AS strict,
	CASE p.proparallel WHEN 's' THEN 'safe' WHEN 'r' THEN 'restricted' ELSE 'unsafe' END AS parallel
FROM functions AS p JOIN pg_language AS l ON l.oid = p.prolang
ORDER BY p.oid::regprocedure::text COLLATE "C";
-- Symbols of the library carry its name.
SELECT proname, prosrc FROM functions AS p JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname = 'c' AND prosrc !~ '^trainjob_';

-- Settings, once the library is loaded.
SELECT _trainjob.stall_timeout();
SELECT name, setting, unit, vartype, context, min_val, max_val, enumvals FROM pg_settings WHERE name ~ '^trainjob\.' ORDER BY name COLLATE "C";
SELECT name FROM pg_settings WHERE name ~ '^trainjob\.' AND short_desc !~ '^Sets ';
\set VERBOSITY sqlstate
SET trainjob.no_such_setting = 1; -- fails
\set VERBOSITY default

-- README names them all, and the columns, triggers and words of a set.
\set readme `LC_ALL=C tr -d '\200-\377' <"$PG_ABS_SRCDIR/README.md"`
BEGIN;
SELECT count(*) > 0 AS made FROM trainjob.create_tables();
WITH names AS (
	SELECT name FROM pg_settings WHERE name ~ '^trainjob\.'
	UNION SELECT column_name FROM _trainjob.canonical_columns()
	UNION SELECT attname FROM pg_attribute
		WHERE attrelid IN ('job_overview'::regclass, 'metric_coverage'::regclass) AND attnum > 0
	UNION SELECT proname || '()' FROM functions WHERE prorettype = 'trigger'::regtype
	UNION SELECT proname FROM functions WHERE prorettype <> 'trigger'::regtype AND pronamespace = 'trainjob'::regnamespace
)
SELECT name FROM names WHERE strpos(:'readme', '`' || name || '`') + strpos(:'readme', '`' || name || '(') = 0;
WITH words AS (
	SELECT regexp_split_to_table(substring(description FROM '(?:: )?([a-z_, ]+ or [a-z_]+)\.'), ', | or ') AS word
	FROM _trainjob.canonical_columns()
	WHERE (table_key, column_name) IN (('jobs', 'status'), ('alerts', 'type'), ('alerts', 'outcome'))
)
SELECT count(*), string_agg(word, ' ') FILTER (WHERE :'readme' !~ ('\m' || word || '\M')) AS missing FROM words;
ROLLBACK;
-- The benchmark reports all that goes up to the job, but what comes with an evaluation or is computed.
\set measured `cat "$PG_ABS_SRCDIR/bench/statements/parts/columns.sql"`
SELECT column_name AS not_measured FROM _trainjob.canonical_columns()
WHERE goes_up AND column_name <> ALL (regexp_split_to_array(trim(:'measured', E' \t\n'), '\s*,\s*'))
ORDER BY column_name;

-- Twice is once too often, and a relocation none at all.
CREATE EXTENSION trainjob; -- fails
ALTER EXTENSION trainjob SET SCHEMA public; -- fails

-- Without a set nothing holds it.
BEGIN;
SET LOCAL client_min_messages = warning;
SELECT jobs FROM trainjob.job_sets();
DROP EXTENSION trainjob;
SELECT count(*) FROM pg_namespace WHERE nspname IN ('trainjob', '_trainjob');
ROLLBACK;
