# Whose rights count: code that belongs to one role must not run as another by
# trainjob's doing.  Each row is an attack: a role that plants code of its own in
# something that it owns (a domain, a cast, an index, a policy, a view), and a
# role that then does something ordinary.  The code says who it runs as in the
# server's log, so that a transaction that fails hides nothing, and tries to
# become whoever is behind it.
#
# A row fails if the code ran as anybody but its owner.  Where PostgreSQL itself
# runs it as the caller, as a CHECK for who inserts, the row names a statement
# that is run beside tables without trainjob: trainjob must add nothing to what
# that shows.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $node = new_node('attack');

# mallory attacks; alice owns what he does not; wendy may write, rita read, oscar
# operate; tom has nothing but a token.
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION trainjob;
CREATE ROLE mallory LOGIN; CREATE ROLE alice LOGIN; CREATE ROLE wendy LOGIN;
CREATE ROLE rita LOGIN; CREATE ROLE oscar LOGIN; CREATE ROLE tom LOGIN;
GRANT EXECUTE ON FUNCTION trainjob.verify_jobs, trainjob.refill_jobs, trainjob.fail_stalled TO oscar;
GRANT CREATE ON SCHEMA public TO mallory; GRANT CREATE ON DATABASE postgres TO mallory;
CREATE SCHEMA mal AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA mal TO PUBLIC;
SET SESSION AUTHORIZATION mallory;
-- says that it is immutable, so the planner calls it where it can: once a session
-- for a domain, so there is one that needs the value as well
CREATE FUNCTION mal.spy(code text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS $$
DECLARE
	me name := current_user;
	escaped boolean := false;
BEGIN
	IF me <> session_user THEN
		BEGIN
			PERFORM pg_catalog.set_config('role', session_user, true);
			escaped := true;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END IF;
	RAISE LOG 'SPY %', pg_catalog.concat_ws(' ', code, me, CASE WHEN escaped THEN 'escaped' END);
	RETURN true;
END $$;
CREATE FUNCTION mal.spy_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM mal.spy('trigger');
	RETURN COALESCE(NEW, OLD);
END $$;
CREATE DOMAIN mal.count AS bigint CHECK (mal.spy('folded')) CHECK (mal.spy(CASE WHEN VALUE IS NULL THEN 'null' ELSE 'domain' END));
CREATE DOMAIN mal.number AS float8 CHECK (mal.spy('folded')) CHECK (mal.spy(CASE WHEN VALUE IS NULL THEN 'null' ELSE 'domain' END));
CREATE DOMAIN mal.moment AS timestamptz CHECK (mal.spy('folded')) CHECK (mal.spy(CASE WHEN VALUE IS NULL THEN 'null' ELSE 'domain' END));
CREATE DOMAIN mal.words AS text CHECK (mal.spy('folded')) CHECK (mal.spy(CASE WHEN VALUE IS NULL THEN 'null' ELSE 'domain' END));
CREATE DOMAIN mal.doc AS jsonb CHECK (mal.spy('folded')) CHECK (mal.spy(CASE WHEN VALUE IS NULL THEN 'null' ELSE 'domain' END));
CREATE TYPE mal.pair AS (n mal.count);
CREATE FUNCTION mal.n() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$SELECT CASE WHEN mal.spy('folded') THEN 0 END$$;
-- every word that trainjob writes, and ids; each casts by a function
CREATE TYPE mal.word AS ENUM ('pending', 'queued', 'starting', 'running', 'paused', 'completed', 'failed', 'cancelled',
	'job_started', 'job_completed', 'job_failed', 'applied', 'unchanged', 'late', 'refused', 'noted', 'waiting');
CREATE TYPE mal.id AS ENUM ('1', '2', '3', '4', '9');
CREATE FUNCTION mal.text(mal.word) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM mal.spy('cast'); RETURN format('%s', $1); END$$;
CREATE FUNCTION mal.text(mal.id) RETURNS text LANGUAGE plpgsql AS $$BEGIN PERFORM mal.spy('cast'); RETURN format('%s', $1); END$$;
CREATE FUNCTION mal.word(text) RETURNS mal.word LANGUAGE plpgsql AS $$BEGIN PERFORM mal.spy('cast'); RETURN enum_first(NULL::mal.word); END$$;
CREATE FUNCTION mal.id(text) RETURNS mal.id LANGUAGE plpgsql AS $$BEGIN PERFORM mal.spy('cast'); RETURN enum_first(NULL::mal.id); END$$;
-- operators in public that fit better than those of pg_catalog
DO $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT o AS name, l AS arg1, r AS arg2, 'op_' || row_number() OVER () AS function
		FROM unnest('{=,<>,<,>,<=,>=}'::text[]) AS o, unnest('{text,varchar,bpchar,integer,bigint,numeric,float8}'::text[]) AS l,
			unnest('{text,varchar,bpchar,integer,bigint,numeric,float8}'::text[]) AS r
		WHERE (o || l || r) !~ '^(.*text|.*numeric){2}$'
	LOOP
		EXECUTE format('CREATE FUNCTION public.%s(%s, %s) RETURNS boolean LANGUAGE sql AS $f$SELECT mal.spy(%L)$f$',
			item.function, item.arg1, item.arg2, 'operator');
		EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.%s)', item.name, item.arg1, item.arg2, item.function);
	END LOOP;
END $$;
});
$node->safe_psql(
	'postgres', q{
CREATE SCHEMA tomb;
GRANT USAGE ON SCHEMA tomb TO PUBLIC;
-- what pg_catalog has, first in the path of whoever puts it there
CREATE FUNCTION tomb.now() RETURNS timestamptz LANGUAGE sql AS $$SELECT CASE WHEN mal.spy('now') THEN pg_catalog.now() END$$;
CREATE FUNCTION tomb.sha256(bytea) RETURNS bytea LANGUAGE sql AS $$SELECT CASE WHEN mal.spy('sha256') THEN $1 END$$;
CREATE FUNCTION tomb.jsonb_to_recordset(jsonb) RETURNS SETOF record LANGUAGE sql AS $$SELECT mal.spy('jsonb')$$;
CREATE FUNCTION tomb.format(text, text) RETURNS text LANGUAGE sql AS $$SELECT CASE WHEN mal.spy('format') THEN $1 END$$;
CREATE FUNCTION tomb.concat_ws(text, text, text) RETURNS text LANGUAGE sql AS $$SELECT CASE WHEN mal.spy('concat_ws') THEN $1 END$$;
DO $$
DECLARE
	item record;
BEGIN
	FOR item IN
		SELECT o.oprname AS name, o.oprleft::regtype AS arg1, o.oprright::regtype AS arg2, 'op_' || o.oid AS function
		FROM pg_operator AS o JOIN pg_type AS l ON l.oid = o.oprleft JOIN pg_type AS r ON r.oid = o.oprright
		WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname = ANY ('{=,<>,<,>,<=,>=}') AND o.oprresult = 'boolean'::regtype AND l.typtype = 'b' AND r.typtype = 'b'
		  AND o.oprleft::regtype::text ~ '^(text|bpchar|name|integer|bigint|numeric|double|bytea|uuid|timestamp|jsonb|oid|tid|boolean)'
	LOOP
		EXECUTE pg_catalog.format('CREATE FUNCTION tomb.%s(%s, %s) RETURNS boolean LANGUAGE sql SET search_path = pg_catalog AS $f$SELECT mal.spy(%L)$f$',
			item.function, item.arg1, item.arg2, 'operator');
		EXECUTE pg_catalog.format('CREATE OPERATOR tomb.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = tomb.%s)', item.name, item.arg1, item.arg2, item.function);
	END LOOP;
END $$;
});
my $casts = q{
CREATE CAST (mal.word AS text) WITH FUNCTION mal.text(mal.word) AS ASSIGNMENT;
CREATE CAST (mal.id AS text) WITH FUNCTION mal.text(mal.id) AS ASSIGNMENT;
CREATE CAST (text AS mal.word) WITH FUNCTION mal.word(text) AS ASSIGNMENT;
CREATE CAST (text AS mal.id) WITH FUNCTION mal.id(text) AS ASSIGNMENT;
};
my $no_casts = q{
DROP CAST IF EXISTS (mal.word AS text) CASCADE; DROP CAST IF EXISTS (mal.id AS text) CASCADE;
DROP CAST IF EXISTS (text AS mal.word) CASCADE; DROP CAST IF EXISTS (text AS mal.id) CASCADE;
};
my $words = q{
ALTER TABLE jobs ALTER status DROP DEFAULT, ALTER status TYPE mal.word USING format('%s', status)::mal.word;
ALTER TABLE jobs ALTER status SET DEFAULT 'pending';
ALTER TABLE alert_event ALTER type TYPE mal.word USING type::mal.word, ALTER outcome TYPE mal.word USING outcome::mal.word,
	ALTER status_before TYPE mal.word USING status_before::mal.word;
};
my $ids = q{
ALTER TABLE jobs ALTER id TYPE mal.id USING id::text::mal.id, ALTER user_id TYPE mal.id USING user_id::text::mal.id;
ALTER TABLE metrics ALTER job_id TYPE mal.id USING job_id::text::mal.id;
ALTER TABLE datasets ALTER user_id TYPE mal.id USING user_id::text::mal.id;
ALTER TABLE alert_event ALTER job_id TYPE mal.id USING job_id::text::mal.id, ALTER user_id TYPE mal.id USING user_id::text::mal.id;
ALTER TABLE job_status_change ALTER job_id TYPE mal.id USING job_id::text::mal.id;
};
my $pairs = q{
ALTER TABLE jobs ALTER id TYPE mal.pair USING ROW(id::bigint)::mal.pair;
ALTER TABLE metrics ALTER job_id TYPE mal.pair USING ROW(job_id::bigint)::mal.pair;
ALTER TABLE alert_event ALTER job_id TYPE mal.pair USING ROW(job_id::bigint)::mal.pair;
ALTER TABLE job_status_change ALTER job_id TYPE mal.pair USING ROW(job_id::bigint)::mal.pair;
};
my $mixed = q{
ALTER TABLE jobs ALTER status TYPE varchar(20), ALTER dataset_path TYPE varchar, ALTER job_token TYPE varchar, ALTER current_step TYPE integer,
	ALTER loss TYPE numeric, ALTER total_steps TYPE numeric, ALTER total_samples TYPE integer, ALTER progress TYPE numeric;
ALTER TABLE metrics ALTER step TYPE integer, ALTER train_loss TYPE numeric, ALTER eval_loss TYPE numeric;
ALTER TABLE datasets ALTER storage_path TYPE varchar, ALTER sample_count TYPE integer;
ALTER TABLE alert_event ALTER type TYPE varchar(20), ALTER outcome TYPE varchar(20), ALTER current_step TYPE integer;
};

# Policies of mallory's for all five tables, for their owner as well.
sub policies
{
	return join ' ', map { "ALTER TABLE $_ ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
		CREATE POLICY p ON $_ USING (mal.spy('policy')) WITH CHECK (mal.spy('policy'));" }
	  qw(jobs metrics datasets alert_event job_status_change);
}

# A table of jobs whose trigger names a table that is SQL, without a dot or a blank.
sub injected
{
	my $name = q{m,query_to_xml(e'select\40mal\56spy(\47i\47)',true,true,'')};
	my $columns = '(job_id integer, step bigint, id bigint, train_loss float8, recorded_at timestamptz)';

	return qq{CREATE TABLE own (id integer PRIMARY KEY, status text, current_step bigint, loss float8); INSERT INTO own VALUES (1, 'running');
		CREATE TABLE m $columns; CREATE TABLE "$name" $columns;
		CREATE TRIGGER fill BEFORE INSERT ON own FOR EACH ROW EXECUTE FUNCTION trainjob.fill_job(\$a\$metrics=SET_HERE.$name\$a\$)};
}
my $all = 'jobs,metrics,datasets,alert_event,job_status_change';

# A set in a schema, whose tables mallory owns as "owns" says, with his code in them.
sub make_set
{
	my ($schema, $row) = @_;
	my %owner = map { $_ => 'mallory' } split /,/, $row->{owns} // '';
	my $owners = join "\n", map { "ALTER TABLE $_ OWNER TO " . ($owner{$_} // 'alice') . ';' }
	  qw(jobs metrics datasets alert_event job_status_change);

	return qq{
CREATE SCHEMA $schema;
GRANT USAGE, CREATE ON SCHEMA $schema TO PUBLIC;
SET search_path = $schema;
CREATE TABLE jobs (id integer PRIMARY KEY, user_id integer, status text DEFAULT 'pending', job_token text,
	dataset_path text, config jsonb, error text, error_type text, created_at timestamptz DEFAULT now(),
	status_changed_at timestamptz, started_at timestamptz, restarted_at timestamptz, last_metric_at timestamptz,
	total_samples bigint, total_steps bigint, current_step bigint, current_epoch float8, progress float8, loss float8,
	eval_loss float8, perplexity float8, best_eval_loss float8, best_step bigint);
CREATE TABLE metrics (id bigint GENERATED BY DEFAULT AS IDENTITY, job_id integer, step bigint, epoch float8,
	train_loss float8, eval_loss float8, perplexity float8, extra jsonb, recorded_at timestamptz DEFAULT now());
CREATE TABLE datasets (user_id integer, storage_path text, sample_count bigint);
CREATE TABLE alert_event (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, job_id integer, type text,
	user_id integer, error_message text, error_type text, current_step bigint, total_steps bigint, loss float8,
	payload jsonb, occurred_at timestamptz DEFAULT now(), received_at timestamptz DEFAULT now(), outcome text,
	outcome_reason text, status_before text, status_after text);
CREATE TABLE job_status_change (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, job_id integer,
	status_before text, status_after text, changed_at timestamptz DEFAULT now(), alert_id bigint, changed_by text);
INSERT INTO jobs (id, status, job_token, dataset_path, created_at) VALUES (1, 'running', 'secret', 'p', now() - interval '1 day'),
	(2, 'failed', 'other', 'late', now()), (3, 'pending', 'third', 'late', now());
INSERT INTO metrics (job_id, step, train_loss, eval_loss) SELECT 1 + n % 2, n, n, 1 FROM generate_series(1, 6) AS n;
INSERT INTO datasets (storage_path, sample_count) VALUES ('p', 100);
INSERT INTO alert_event (job_id, type, outcome) VALUES (9, 'job_started', 'waiting');
$owners
GRANT ALL ON ALL TABLES IN SCHEMA $schema TO alice, mallory;
GRANT INSERT, SELECT, UPDATE ON ALL TABLES IN SCHEMA $schema TO wendy, oscar;
GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO rita;
@{[ $row->{support} // '' ]};
SET SESSION AUTHORIZATION mallory;
$no_casts
$row->{plant};
RESET SESSION AUTHORIZATION;
};
}

my $attach = q{SELECT FROM trainjob.attach('jobs', 'metrics', 'datasets', 'alert_event')};

# The triggers that attach() makes, which takes long: most rows need no more of it.
$node->safe_psql('postgres', make_set('proto', { plant => '' }) . $attach);
my $triggers = $node->safe_psql('postgres', q{
SELECT string_agg(replace(pg_get_triggerdef(oid), 'proto.', 'SET_HERE.'), ';') FROM pg_trigger WHERE tgrelid::regclass::text ~ '^proto' AND NOT tgisinternal});
$node->safe_psql('postgres', 'SET client_min_messages = warning; DROP SCHEMA proto CASCADE');

# Runs a statement as a role; returns the codes that ran, each with who it ran as,
# and the error.
sub run_as
{
	my ($role, $schema, $statement) = @_;
	my $offset = -s $node->logfile;
	my $stderr = '';

	local $ENV{PGOPTIONS} = "-c search_path=$schema,public";
	$node->psql('postgres', $statement =~ s/\bSET_HERE/$schema/gr, stderr => \$stderr, on_error_stop => 1,
		extra_params => $role eq 'superuser' ? [] : [ '-U', $role ]);
	my %seen = map { $_ => 1 }
	  slurp_file($node->logfile, $offset) =~ /LOG:  SPY (.*)$/mg;
	my ($error) = $stderr =~ /^.*ERROR:  (.*)$/m;
	return (\%seen, $error // '');
}

# Makes the tables of a row, with all that is planted, attached or not; returns the
# codes that ran by attach().
sub prepare
{
	my ($schema, $row, $attached) = @_;
	my ($seen, $error) = ({}, '');
	my $setup = "SET client_min_messages = warning; DROP SCHEMA IF EXISTS $schema, ${schema}_own CASCADE;" . make_set($schema, $row);

	$setup .= $triggers if $attached && !$row->{attach};
	$node->safe_psql('postgres', $setup =~ s/\bSET_HERE/$schema/gr);
	if ($attached && $row->{attach})
	{
		($seen, $error) = run_as('superuser', $schema, $row->{attach});
		is($error, '', "$row->{name}: attached");
	}
	foreach my $more ([ 'superuser', $row->{ $attached ? 'grant' : 'plain_support' } ],
		[ $row->{then_as} // 'mallory', $row->{then} ])
	{
		next if !defined $more->[1];
		(undef, $error) = run_as($more->[0], $schema, $more->[1]);
		is($error, '', "$row->{name}: planted");
	}
	return $seen;
}

# name           what it is about
# owns           the tables that are mallory's, the others are alice's
# support        what a superuser does first
# plant          what mallory does before the tables are attached
# attach         how, where it matters; else the triggers are made as it would
# grant          what a superuser does after it
# then, then_as  what mallory does after it, or whoever
# as, do         who does what
# who            whose code it is, if not mallory's
# plain          the same without trainjob, where PostgreSQL runs the code as who does it
# plain_support  what that needs
# never          the code must not run at all
# error          how it ends, if not well
my @rows = (
	# ---- domains ----
	{
		name  => 'domain in jobs, metrics inserted',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER loss TYPE mal.number, ALTER current_step TYPE mal.count, ALTER last_metric_at TYPE mal.moment',
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss, eval_loss) VALUES (1, 10, 1, 1), (1, 11, 2, 0.5)'
	},
	{
		name  => 'domain in jobs, metrics copied',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER loss TYPE mal.number, ALTER current_step TYPE mal.count',
		as    => 'wendy',
		do    => "COPY metrics (job_id, step, train_loss) FROM STDIN;\n1\t10\t2\n\\.\n"
	},
	{
		name  => 'domain in jobs, metrics updated',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER loss TYPE mal.number, ALTER current_step TYPE mal.count',
		as    => 'superuser',
		do    => 'UPDATE metrics SET train_loss = 5, step = step + 1'
	},
	{
		name  => 'domain in jobs, an alert inserted',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER error TYPE mal.words, ALTER current_step TYPE mal.count',
		as    => 'superuser',
		do    => q{INSERT INTO alert_event (job_id, type, current_step) VALUES (1, 'job_failed', 9)}
	},
	{
		name  => 'domain in jobs, a dataset inserted',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER total_samples TYPE mal.count',
		as    => 'superuser',
		do    => q{INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5)}
	},
	{
		name  => 'domain in jobs, report_metrics',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER created_at TYPE mal.moment, ALTER loss TYPE mal.number',
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10, "train_loss": 1}', 'jobs')}
	},
	{
		name  => 'domain in jobs, report_alert',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER created_at TYPE mal.moment, ALTER error TYPE mal.words',
		as    => 'tom',
		do    => q{SELECT trainjob.report_alert('secret', 'job_failed', '{}', 'jobs')}
	},
	{
		name  => 'domain in metrics, a job restarts',
		owns  => 'metrics',
		plant => 'ALTER TABLE metrics ALTER train_loss TYPE mal.number, ALTER recorded_at TYPE mal.moment',
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'running', last_metric_at = now() + interval '1 h' WHERE id = 2},
		never => 1
	},
	{
		name  => 'domain in metrics, report_metrics',
		owns  => 'metrics',
		plant => 'ALTER TABLE metrics ALTER train_loss TYPE mal.number, ALTER recorded_at TYPE mal.moment',
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10, "train_loss": 1}', 'jobs')}
	},
	{
		name  => 'domain in datasets, a job inserted',
		attach => $attach,
		owns  => 'datasets',
		plant => 'ALTER TABLE datasets ALTER sample_count TYPE mal.count',
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id, dataset_path) VALUES (4, 'p')},
		never => 1
	},
	{
		name  => 'domain in alerts, the job of a waiting one inserted',
		owns  => 'alert_event',
		plant => 'ALTER TABLE alert_event ALTER outcome_reason TYPE mal.words, ALTER status_after TYPE mal.words',
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (9)}
	},
	{
		name  => 'domain in changes, a job updated',
		owns  => 'job_status_change',
		plant => 'ALTER TABLE job_status_change ALTER status_after TYPE mal.words',
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'failed' WHERE id = 1}
	},

	{
		name  => 'domain in datasets, a job gets another',
		owns  => 'datasets',
		plant => 'ALTER TABLE datasets ALTER sample_count TYPE mal.count, ALTER storage_path TYPE mal.words',
		as    => 'wendy',
		do    => q{UPDATE jobs SET dataset_path = 'p' WHERE id = 3},
		never => 1
	},
	{
		name  => 'domain in jobs, the job of a waiting alert inserted',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER error TYPE mal.words',
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (9)},
		plain => q{INSERT INTO jobs (id) VALUES (9)}
	},
	{
		name  => 'domain in changes, report_alert',
		owns  => 'job_status_change',
		plant => 'ALTER TABLE job_status_change ALTER status_after TYPE mal.words',
		as    => 'tom',
		do    => q{SELECT trainjob.report_alert('secret', 'job_failed', '{}', 'jobs')}
	},
	{
		name  => 'domain in alerts, report_alert',
		owns  => 'alert_event',
		plant => 'ALTER TABLE alert_event ALTER error_message TYPE mal.words, ALTER total_steps TYPE mal.count',
		as    => 'tom',
		do    => q{SELECT trainjob.report_alert('secret', 'job_failed', '{"error_message": "x", "total_steps": 5}', 'jobs')}
	},
	{
		name  => 'domain in alerts, fail_stalled',
		owns  => 'alert_event',
		plant => 'ALTER TABLE alert_event ALTER error_message TYPE mal.words',
		as    => 'oscar',
		do    => q{SELECT trainjob.fail_stalled('0 s', 'jobs')},
		plain => q{INSERT INTO alert_event (job_id, type, error_message) VALUES (1, 'job_failed', 'x')}
	},
	{
		name  => 'domain in jobs, verify_jobs',
		attach => $attach,
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER loss TYPE mal.number, ALTER current_step TYPE mal.count, ALTER last_metric_at TYPE mal.moment,
			ALTER status TYPE mal.words',
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs')}
	},
	{
		name  => 'domain in jobs, refill_jobs',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER loss TYPE mal.number, ALTER current_step TYPE mal.count, ALTER last_metric_at TYPE mal.moment',
		as    => 'superuser',
		do    => q{SELECT trainjob.refill_jobs('jobs')},
		plain => q{UPDATE jobs SET loss = 1, current_step = 1, last_metric_at = now()}
	},
	{
		name  => 'domain in metrics, verify_jobs, curves',
		owns  => 'metrics',
		plant => 'ALTER TABLE metrics ALTER train_loss TYPE mal.number, ALTER step TYPE mal.count',
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs'); SELECT trainjob.metric_series('1', 'train_loss', 10, 'jobs'); SELECT trainjob.loss_curve('1', 20, 'jobs')},
		never => 1
	},
	{
		name  => 'domain as an argument of base_type and type_holds',
		plant => '',
		as    => 'superuser',
		do    => q{SELECT _trainjob.base_type('mal.number'), _trainjob.type_holds('mal.number', 'float8')},
		never => 1
	},
	{
		name  => 'domain in jobs, inserted and updated',
		owns  => 'jobs',
		plant => 'ALTER TABLE jobs ALTER error TYPE mal.words, ALTER total_samples TYPE mal.count, ALTER progress TYPE mal.number',
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id, dataset_path) VALUES (4, 'p'); UPDATE jobs SET status = 'failed'},
		plain => q{INSERT INTO jobs (id, dataset_path) VALUES (4, 'p'); UPDATE jobs SET status = 'failed'}
	},
	# ---- enums and casts ----
	{
		name  => 'casts of words, a job, its reports and alerts',
		owns  => $all,
		plant => $words,
		then  => $casts,
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id, dataset_path) VALUES (4, 'p'); INSERT INTO metrics (job_id, step) VALUES (4, 1);
			INSERT INTO alert_event (job_id, type) VALUES (4, 'job_failed'); UPDATE jobs SET status = 'running';
			INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5)},
		never => 1
	},
	{
		name  => 'casts of words, verify_jobs',
		owns  => $all,
		plant => $words,
		then  => $casts,
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs')},
		never => 1
	},
	{
		name  => 'casts of words, refill_jobs',
		owns  => $all,
		plant => $words,
		then  => $casts,
		as    => 'oscar',
		do    => q{SELECT trainjob.refill_jobs('jobs')},
		never => 1
	},
	{
		name  => 'casts of words, fail_stalled',
		owns  => $all,
		plant => $words,
		then  => $casts,
		as    => 'superuser',
		do    => q{SELECT trainjob.fail_stalled('0 s', 'jobs')},
		never => 1
	},
	{
		name  => 'casts of words, the views',
		attach => $attach,
		owns  => 'alert_event',
		plant => q{ALTER TABLE alert_event ALTER outcome TYPE mal.word USING outcome::mal.word;} . $casts,
		as    => 'rita',
		grant => 'GRANT SELECT ON jobs_overview, metrics_coverage TO rita; INSERT INTO alert_event (job_id, type) SELECT id, $$job_started$$ FROM jobs',
		do    => q{TABLE jobs_overview; TABLE metrics_coverage},
		never => 1
	},
	{
		name  => 'casts of ids, verify_jobs and refill_jobs',
		owns  => $all,
		plant => $ids,
		then  => $casts,
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs'); SELECT trainjob.refill_jobs('jobs', 1); SELECT trainjob.refill_jobs('jobs', 1)},
		never => 1
	},
	{
		name  => 'casts of ids, fail_stalled',
		owns  => $all,
		plant => $ids,
		then  => $casts,
		as    => 'superuser',
		do    => q{SELECT trainjob.fail_stalled('0 s', 'jobs')},
		never => 1
	},
	{
		name  => 'casts of ids, curves',
		owns  => $all,
		plant => $ids,
		then  => $casts,
		as    => 'rita',
		do    => q{SELECT trainjob.metric_series('1', 'train_loss', 10, 'jobs'); SELECT trainjob.loss_curve('1', 20, 'jobs')},
		never => 1
	},
	{
		name  => 'casts of ids, the token',
		owns  => $all,
		plant => $ids,
		then  => $casts,
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10}', 'jobs'), trainjob.report_alert('secret', 'job_failed', '{}', 'jobs')},
		never => 1
	},
	{
		name  => 'ids of a composite type with a domain, verify_jobs and refill_jobs',
		owns  => $all,
		plant => $pairs,
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs'); SELECT trainjob.refill_jobs('jobs')},
		error => qr/^a value of type mal\.pair cannot be given as text/,
		never => 1
	},
	{
		name  => 'ids of a composite type with a domain, a curve',
		owns  => $all,
		plant => $pairs,
		as    => 'rita',
		do    => q{SELECT trainjob.metric_series('(1)', 'train_loss', 10, 'jobs')},
		error => qr/^a value of type mal\.pair cannot be given as text/,
		never => 1
	},
	{
		name  => 'ids of a composite type with a domain, reports and alerts',
		owns  => $all,
		plant => $pairs,
		as    => 'superuser',
		do    => q{INSERT INTO metrics (job_id, step) SELECT id, 20 FROM jobs; INSERT INTO alert_event (job_id, type) SELECT id, 'job_failed' FROM jobs},
		never => 1
	},
	{
		name  => 'domains of jsonb',
		owns  => 'jobs,metrics',
		plant => q{ALTER TABLE jobs ALTER config TYPE mal.doc; ALTER TABLE metrics ALTER extra TYPE mal.doc},
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs'); INSERT INTO alert_event (job_id, type) VALUES (1, 'job_failed'); INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5);
			SELECT trainjob.metric_series('1', 'x', 10, 'jobs')},
		never => 1
	},
	# ---- operators and functions that fit better, or come first ----
	{
		name  => 'operators in public, all that an operator does',
		attach => $attach,
		owns  => '',
		plant => '',
		support => $mixed,
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs'); SELECT trainjob.refill_jobs('jobs'); SELECT trainjob.fail_stalled('0 s', 'jobs');
			SELECT trainjob.metric_series('1', 'train_loss', 10, 'jobs'); SELECT trainjob.loss_curve('1', 20, 'jobs');
			TABLE jobs_overview; TABLE metrics_coverage; SELECT FROM trainjob.attach('jobs'); SELECT FROM trainjob.detach('jobs')},
		never => 1
	},
	{
		name  => 'operators in public, all that writers do',
		owns  => '',
		plant => '',
		support => $mixed,
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id, dataset_path) VALUES (9, 'p'), (4, 'late'); INSERT INTO metrics (job_id, step, train_loss, eval_loss) VALUES (4, 2, 1, 1), (1, 1, 1, 1);
			INSERT INTO alert_event (job_id, type) VALUES (4, 'job_failed'); UPDATE jobs SET status = 'running';
			INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5);
			SELECT trainjob.report_metrics('secret', '{"step": 10, "train_loss": 1}', 'jobs'), trainjob.report_alert('secret', 'job_failed', '{"total_steps": 5}', 'jobs')},
		never => 1
	},
	{
		name  => 'operators and functions first in the path of who has a token',
		who   => 'tom',
		owns  => '',
		plant => '',
		as    => 'tom',
		do    => q{SET search_path = tomb, pg_temp, pg_catalog;
			CREATE TEMP TABLE pg_trigger (LIKE pg_catalog.pg_trigger); CREATE TEMP TABLE jobs (id integer, job_token text); CREATE TEMP TABLE metrics (job_id integer, step bigint);
			SELECT trainjob.report_metrics('secret', '{"step": 10, "train_loss": 1, "recorded_at": "now"}', 'SET_HERE.jobs'),
				trainjob.report_alert('secret', 'job_failed', '{"total_steps": 5}', 'SET_HERE.jobs')},
		never => 1
	},
	{
		name  => 'operators and functions first in the path of who writes',
		who   => 'wendy',
		owns  => '',
		plant => '',
		as    => 'wendy',
		do    => q{SET search_path = tomb, pg_temp, pg_catalog;
			INSERT INTO SET_HERE.jobs (id, dataset_path) VALUES (9, 'p'), (4, 'late');
			INSERT INTO SET_HERE.metrics (job_id, step, train_loss, eval_loss) VALUES (4, 2, 1, 1), (1, 1, 1, 1);
			INSERT INTO SET_HERE.alert_event (job_id, type) VALUES (4, 'job_failed');
			INSERT INTO SET_HERE.datasets (storage_path, sample_count) VALUES ('late', 5)},
		never => 1
	},
	{
		name  => 'operators first in the path, a trigger of the jobs that names none',
		who   => 'wendy',
		owns  => '',
		plant => '',
		then_as => 'alice',
		then  => q{CREATE FUNCTION careless() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.error := now(); RETURN NEW; END$$;
			CREATE TRIGGER careless BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION careless()},
		as    => 'wendy',
		do    => q{SET search_path = tomb, pg_catalog; INSERT INTO SET_HERE.metrics (job_id, step) VALUES (1, 20)},
		plain_support => q{CREATE TABLE parent (id integer PRIMARY KEY); INSERT INTO parent VALUES (1);
			ALTER TABLE jobs ADD FOREIGN KEY (user_id) REFERENCES parent ON UPDATE CASCADE; UPDATE jobs SET user_id = 1;
			GRANT SELECT, UPDATE ON parent TO wendy, alice},
		plain => q{SET search_path = tomb, pg_catalog; UPDATE SET_HERE.parent SET id = 2}
	},
	# ---- indexes, CHECKs, defaults, generated columns ----
	{
		name  => 'indexes of jobs, the token',
		owns  => 'jobs',
		plant => q{CREATE INDEX ON jobs ((mal.spy('index') OR loss > 0)); CREATE INDEX ON jobs (loss) WHERE mal.spy('predicate')},
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10, "train_loss": 1}', 'jobs')}
	},
	{
		name  => 'indexes of jobs, metrics inserted',
		owns  => 'jobs',
		plant => q{CREATE INDEX ON jobs ((mal.spy('index') OR loss > 0)); CREATE INDEX ON jobs (loss) WHERE mal.spy('predicate');
			ALTER TABLE jobs ADD EXCLUDE USING btree (id WITH =) WHERE (mal.spy('exclusion'))},
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1)'
	},
	{
		name  => 'indexes of metrics, a job restarts',
		owns  => 'metrics',
		plant => q{CREATE INDEX ON metrics (job_id) WHERE mal.spy('predicate'); CREATE INDEX ON metrics ((mal.spy('index') OR job_id = 1))},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'running', last_metric_at = now() + interval '1 h' WHERE id = 2}
	},
	{
		name  => 'indexes of datasets, a job inserted',
		owns  => 'datasets',
		plant => q{CREATE INDEX ON datasets (storage_path) WHERE mal.spy('predicate')},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id, dataset_path) VALUES (4, 'p')}
	},
	{
		name  => 'indexes of alerts, a job inserted',
		owns  => 'alert_event',
		plant => q{CREATE INDEX ON alert_event (job_id) WHERE mal.spy('predicate')},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (4)},
		never => 1
	},
	{
		name  => 'indexes and CHECKs of changes, a job updated',
		owns  => 'job_status_change',
		plant => q{CREATE INDEX ON job_status_change ((mal.spy('index'))); ALTER TABLE job_status_change ADD CHECK (mal.spy('check'))},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'failed' WHERE id = 1}
	},
	{
		name  => 'default of changes, a job updated',
		owns  => 'job_status_change',
		plant => q{ALTER TABLE job_status_change ADD d boolean; ALTER TABLE job_status_change ALTER d SET DEFAULT mal.spy('default'), ALTER changed_at SET DEFAULT now() + CASE WHEN mal.spy('default') THEN interval '0' END},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'failed' WHERE id = 1}
	},
	{
		name  => 'default of metrics, report_metrics',
		owns  => 'metrics',
		plant => q{ALTER TABLE metrics ADD d boolean; ALTER TABLE metrics ALTER d SET DEFAULT mal.spy('default'), ALTER recorded_at SET DEFAULT now() + CASE WHEN mal.spy('default') THEN interval '0' END},
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10}', 'jobs')}
	},
	{
		name  => 'CHECK and generated column of jobs, metrics inserted',
		owns  => 'jobs',
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check')), ADD g boolean GENERATED ALWAYS AS (mal.spy('generated')) STORED},
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1), (1, 11, 2)'
	},
	{
		name  => 'generated column, default and CHECK of jobs, inserted',
		owns  => 'jobs',
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check')), ADD g boolean GENERATED ALWAYS AS (mal.spy('generated')) STORED, ALTER error SET DEFAULT mal.spy('default')},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (4)},
		plain => q{INSERT INTO jobs (id) VALUES (4)}
	},
	{
		name  => 'CHECK of metrics, inserted by wendy',
		owns  => 'metrics',
		plant => q{ALTER TABLE metrics ADD CHECK (mal.spy('check'))},
		as    => 'wendy',
		do    => 'INSERT INTO metrics (job_id, step) VALUES (1, 10)',
		plain => 'INSERT INTO metrics (job_id, step) VALUES (1, 10)'
	},
	# ---- triggers and rules ----
	{
		name  => 'triggers of jobs, metrics inserted',
		owns  => 'jobs',
		plant => '',
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW WHEN (mal.spy('when')) EXECUTE FUNCTION mal.spy_row();
			CREATE TRIGGER b AFTER UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row();
			CREATE TRIGGER c AFTER UPDATE ON jobs FOR EACH STATEMENT EXECUTE FUNCTION mal.spy_row()},
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1)'
	},
	{
		name  => 'triggers of jobs, the token',
		owns  => 'jobs',
		plant => '',
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10}', 'jobs'), trainjob.report_alert('secret', 'job_failed', '{}', 'jobs')}
	},
	{
		name  => 'triggers of metrics and alerts, the token',
		owns  => 'metrics,alert_event',
		plant => '',
		then  => q{CREATE TRIGGER a BEFORE INSERT ON metrics FOR EACH ROW EXECUTE FUNCTION mal.spy_row();
			CREATE TRIGGER a AFTER INSERT ON alert_event FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10}', 'jobs'), trainjob.report_alert('secret', 'job_failed', '{}', 'jobs')}
	},
	{
		name  => 'triggers of changes, a job updated',
		owns  => 'job_status_change',
		plant => '',
		then  => q{CREATE TRIGGER a BEFORE INSERT ON job_status_change FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'failed' WHERE id = 1}
	},
	{
		name  => 'triggers of alerts, the job of a waiting one inserted',
		owns  => 'alert_event',
		plant => '',
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON alert_event FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (9)}
	},
	{
		name  => 'deferred trigger of jobs, metrics inserted',
		owns  => 'jobs',
		plant => '',
		then  => q{CREATE CONSTRAINT TRIGGER a AFTER UPDATE ON jobs DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1)',
		# up to 17 PostgreSQL's own foreign keys let it run as who wrote
		plain_support => q{CREATE TABLE parent (id integer PRIMARY KEY); INSERT INTO parent VALUES (1);
			ALTER TABLE jobs ADD FOREIGN KEY (user_id) REFERENCES parent ON UPDATE CASCADE; UPDATE jobs SET user_id = 1; GRANT SELECT ON parent TO mallory},
		plain => 'UPDATE parent SET id = 2'
	},
	{
		name  => 'rules of jobs and changes, metrics and an alert inserted',
		owns  => 'jobs,job_status_change',
		plant => q{CREATE TABLE ruled (b boolean);
			CREATE RULE r AS ON UPDATE TO jobs DO ALSO INSERT INTO ruled SELECT mal.spy('rule');
			CREATE RULE r AS ON INSERT TO job_status_change DO ALSO INSERT INTO ruled SELECT mal.spy('rule')},
		as    => 'superuser',
		do    => q{INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1); INSERT INTO alert_event (job_id, type) VALUES (1, 'job_failed')}
	},
	{
		name  => 'CHECK, index, cast and triggers of jobs, a dataset inserted',
		owns  => $all,
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check')); CREATE INDEX ON jobs (dataset_path) WHERE mal.spy('predicate');} . $words,
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row();} . $casts,
		as    => 'superuser',
		do    => q{INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5)}
	},
	{
		name  => 'CHECK, index and triggers of jobs, a dataset of another owner inserted',
		owns  => 'jobs',
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check')); CREATE INDEX ON jobs (dataset_path) WHERE mal.spy('predicate')},
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'wendy',
		do    => q{INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5)}
	},
	{
		name  => 'CHECK and triggers of jobs, an alert inserted',
		owns  => 'jobs',
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check'))},
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'wendy',
		do    => q{INSERT INTO alert_event (job_id, type) VALUES (1, 'job_failed')}
	},
	{
		name  => 'CHECK and triggers of jobs, the job of a waiting alert inserted',
		owns  => 'jobs',
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check'))},
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (9)},
		plain => q{INSERT INTO jobs (id) VALUES (9)}
	},
	{
		name  => 'CHECK and triggers of jobs, a restart that reports preceded',
		owns  => 'jobs',
		plant => q{ALTER TABLE jobs ADD CHECK (mal.spy('check'))},
		then  => q{CREATE TRIGGER a BEFORE UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'wendy',
		do    => q{UPDATE jobs SET status = 'running', last_metric_at = now() + interval '1 h' WHERE id = 2},
		plain => q{UPDATE jobs SET status = 'running', last_metric_at = now() + interval '1 h' WHERE id = 2}
	},
	# ---- policies ----
	{
		name  => 'policies of all, metrics and a dataset inserted',
		owns  => $all,
		plant => policies(),
		as    => 'superuser',
		do    => q{INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1); INSERT INTO datasets (storage_path, sample_count) VALUES ('late', 5);
			INSERT INTO jobs (id, dataset_path) VALUES (9, 'p')},
		never => 1
	},
	{
		name  => 'policies of all, metrics inserted by wendy',
		owns  => $all,
		plant => policies(),
		as    => 'wendy',
		do    => q{INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1)},
		plain => q{INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1)}
	},
	{
		name  => 'policies of all, the token',
		owns  => $all,
		plant => policies(),
		as    => 'tom',
		do    => q{SELECT trainjob.report_metrics('secret', '{"step": 10}', 'jobs'), trainjob.report_alert('secret', 'job_failed', '{}', 'jobs')},
		never => 1
	},
	{
		name  => 'policies of all, an operator and a reader',
		attach => $attach,
		owns  => $all,
		plant => policies(),
		as    => 'oscar',
		do    => q{SELECT trainjob.verify_jobs('jobs'); SELECT trainjob.refill_jobs('jobs'); SELECT trainjob.fail_stalled('0 s', 'jobs');
			SELECT trainjob.metric_series('1', 'train_loss', 10, 'jobs')},
		plain => q{SELECT FROM jobs; UPDATE jobs SET loss = loss}
	},
	# ---- something else in place of a table ----
	{
		name  => 'a view in place of changes',
		owns  => 'job_status_change',
		plant => '',
		then  => q{ALTER TABLE job_status_change RENAME TO real; CREATE VIEW job_status_change AS SELECT * FROM real WHERE mal.spy('view');
			CREATE TRIGGER t INSTEAD OF INSERT ON job_status_change FOR EACH ROW EXECUTE FUNCTION mal.spy_row(); GRANT ALL ON job_status_change TO alice},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'failed' WHERE id = 1}
	},
	{
		name  => 'a view in place of datasets',
		owns  => 'datasets',
		plant => '',
		then  => q{ALTER TABLE datasets RENAME TO real; CREATE VIEW datasets AS SELECT * FROM real WHERE mal.spy('view'); GRANT ALL ON datasets TO alice},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id, dataset_path) VALUES (4, 'p')}
	},
	{
		name  => 'a view in place of metrics, a job restarts',
		owns  => 'metrics',
		plant => '',
		then  => q{ALTER TABLE metrics RENAME TO real; CREATE VIEW metrics AS SELECT * FROM real WHERE mal.spy('view'); GRANT ALL ON metrics TO alice},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'running', last_metric_at = now() + interval '1 h' WHERE id = 2}
	},
	{
		name  => 'a view in place of alerts, a job inserted',
		owns  => 'alert_event',
		plant => '',
		then  => q{ALTER TABLE alert_event RENAME TO real; CREATE VIEW alert_event AS SELECT * FROM real WHERE mal.spy('view'); GRANT ALL ON alert_event TO alice},
		as    => 'superuser',
		do    => q{INSERT INTO jobs (id) VALUES (9)}
	},
	{
		name  => 'a view in place of jobs, metrics inserted',
		owns  => 'jobs',
		plant => '',
		then  => q{ALTER TABLE jobs RENAME TO real; CREATE VIEW jobs AS SELECT * FROM real WHERE mal.spy('view');
			CREATE TRIGGER t INSTEAD OF UPDATE ON jobs FOR EACH ROW EXECUTE FUNCTION mal.spy_row(); GRANT ALL ON jobs TO alice},
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss) VALUES (1, 10, 1)'
	},
	{
		name  => 'a view in place of metrics, an operator',
		owns  => 'metrics',
		plant => '',
		then  => q{DROP TRIGGER trainjob_fill_metric ON metrics; DROP TRIGGER trainjob_roll_up_insert ON metrics; DROP TRIGGER trainjob_roll_up_update ON metrics;
			ALTER TABLE metrics RENAME TO real; CREATE VIEW metrics AS SELECT * FROM real WHERE mal.spy('view'); GRANT ALL ON metrics TO alice},
		as    => 'superuser',
		do    => q{SELECT trainjob.verify_jobs('jobs')},
		error => qr/^here\.metrics, of the set of here\.jobs, is not a table/,
		never => 1
	},
	{
		name  => 'a view in place of metrics, a curve',
		owns  => 'metrics',
		plant => '',
		then  => q{DROP TRIGGER trainjob_fill_metric ON metrics; DROP TRIGGER trainjob_roll_up_insert ON metrics; DROP TRIGGER trainjob_roll_up_update ON metrics;
			ALTER TABLE metrics RENAME TO real; CREATE VIEW metrics AS SELECT * FROM real WHERE mal.spy('view'); GRANT ALL ON metrics TO PUBLIC},
		as    => 'rita',
		do    => q{SELECT trainjob.loss_curve('1', 10, 'jobs')},
		error => qr/^here\.metrics, of the set of here\.jobs, is not a table/,
		never => 1
	},
	{
		name  => 'a view in place of alerts, fail_stalled',
		owns  => 'alert_event',
		plant => '',
		then  => q{DROP TRIGGER trainjob_apply_alert ON alert_event; DROP TRIGGER trainjob_await_job ON alert_event; ALTER TABLE alert_event RENAME TO real;
			CREATE VIEW alert_event AS SELECT * FROM real WHERE mal.spy('view');
			CREATE TRIGGER t INSTEAD OF INSERT ON alert_event FOR EACH ROW EXECUTE FUNCTION mal.spy_row(); GRANT ALL ON alert_event TO PUBLIC},
		as    => 'oscar',
		do    => q{SELECT trainjob.fail_stalled('0 s', 'jobs')},
		error => qr/^here\.alert_event, of the set of here\.jobs, is not a table/,
		never => 1
	},
	{
		name  => 'a child of jobs with a trigger and a CHECK, metrics inserted',
		owns  => 'jobs',
		plant => q{CREATE TABLE child (CHECK (mal.spy('check'))) INHERITS (jobs); INSERT INTO child SELECT * FROM jobs WHERE id = 2; DELETE FROM ONLY jobs WHERE id = 2;
			CREATE TRIGGER t BEFORE UPDATE ON child FOR EACH ROW EXECUTE FUNCTION mal.spy_row()},
		as    => 'superuser',
		do    => 'INSERT INTO metrics (job_id, step, train_loss) VALUES (2, 10, 1)'
	},
	{
		name  => 'a partition key of metrics, a job restarts',
		attach => $attach,
		owns  => 'metrics',
		plant => q{ALTER TABLE metrics RENAME TO real; CREATE TABLE metrics (LIKE real) PARTITION BY RANGE ((step + mal.n()));
			CREATE TABLE part PARTITION OF metrics DEFAULT; INSERT INTO metrics SELECT * FROM real; GRANT ALL ON metrics TO alice, oscar},
		as    => 'superuser',
		do    => q{UPDATE jobs SET status = 'running', last_metric_at = now() + interval '1 h' WHERE id = 2},
		# attach, by a superuser, as any statement on the table
		plain => 'SELECT FROM metrics'
	},
	# ---- names ----
	{
		name   => 'a name with SQL in it',
		owns   => 'metrics',
		plant  => q{ALTER TABLE metrics RENAME train_loss TO "x""; SELECT mal.spy('name'); --'"},
		attach => q{SELECT FROM trainjob.attach('jobs', 'metrics', 'datasets', 'alert_event', '{"metrics.train_loss": "x\"; SELECT mal.spy(''name''); --''"}')},
		as     => 'superuser',
		do     => q{INSERT INTO metrics (job_id, step) VALUES (1, 10); SELECT trainjob.verify_jobs('jobs'); SELECT trainjob.refill_jobs('jobs');
			SELECT trainjob.metric_series('1', 'train_loss', 10, 'jobs'); SELECT trainjob.metric_series('1', 'x"; SELECT mal.spy(''name'')', 10, 'jobs');
			SELECT trainjob.report_metrics('secret', '{"step": 11, "train_loss": 1}', 'jobs'); TABLE metrics_coverage; SELECT FROM trainjob.detach('jobs')},
		never  => 1
	},
	{
		name    => 'SQL in the arguments of a trigger',
		owns    => '',
		support => 'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA trainjob TO mallory',
		plant   => injected(),
		as      => 'superuser',
		do      => q{SELECT trainjob.verify_jobs('own'); SELECT trainjob.loss_curve('1', 10, 'own'); SELECT trainjob.refill_jobs('own')},
		never   => 1
	},
	# ---- who only makes and unmakes sets ----
	{
		name  => 'attach again and detach',
		attach => $attach,
		owns  => $all,
		plant => $ids . $words . policies() . q{ALTER TABLE jobs ALTER loss TYPE mal.number, ALTER error TYPE mal.words; CREATE INDEX ON jobs (loss) WHERE mal.spy('predicate');
			ALTER TABLE metrics ADD CHECK (mal.spy('check'))},
		then  => $casts . q{ALTER TABLE jobs DROP COLUMN eval_loss CASCADE},
		as    => 'superuser',
		do    => q{SELECT FROM trainjob.attach('jobs', add_columns => true); SELECT FROM trainjob.detach('jobs')}
	},
	{
		name  => 'create_tables where a table is there already',
		owns  => '',
		plant => q{CREATE SCHEMA SET_HERE_own; GRANT ALL ON SCHEMA SET_HERE_own TO PUBLIC; SET search_path = SET_HERE_own;
			CREATE TABLE training_datasets (id uuid PRIMARY KEY, user_id uuid, name text, storage_path text NOT NULL, sample_count mal.count,
				train_samples bigint, val_samples bigint, created_at timestamptz DEFAULT now(), updated_at timestamptz CHECK (mal.spy('check')));
			CREATE INDEX ON training_datasets (name) WHERE mal.spy('predicate'); INSERT INTO training_datasets (id, storage_path) VALUES (gen_random_uuid(), 'x')},
		as    => 'superuser',
		do    => q{SELECT trainjob.create_tables('SET_HERE_own')},
		error => qr/^owner mallory of table here_own\.training_datasets lacks a right/,
		never => 1
	},
	{
		name  => 'dropping the extension',
		owns  => $all,
		plant => $words . policies(),
		then  => $casts,
		as    => 'superuser',
		do    => 'SET client_min_messages = warning; DROP TABLE metrics CASCADE; DROP EXTENSION trainjob',
		error => qr/cannot drop extension trainjob because other objects depend on it/,
		never => 1
	},
	{
		name  => 'functions of configurations and tokens',
		who   => 'tom',
		owns  => '',
		plant => '',
		as    => 'tom',
		do    => q{SET search_path = tomb, pg_catalog; SELECT trainjob.explain_total_steps('{"epochs": 2}', 10), _trainjob.token_digest('x'),
			trainjob.estimate_total_steps('{}', 5), _trainjob.job_note('{}', 'x', 1, 1, 1, 1), _trainjob.duration_text(5), _trainjob.stall_timeout(), trainjob.job_sets()},
		never => 1
	},
);

sub check
{
	my ($row)    = @_;
	my $who      = $row->{who} // 'mallory';
	my $twin     = {};
	my $attached = prepare('here', $row, 1);

	if (defined $row->{plain})
	{
		prepare('twin', $row, 0);
		($twin, my $error) = run_as($row->{as}, 'twin', $row->{plain});
		is($error, '', "$row->{name}: without trainjob");
	}
	my ($seen, $error) = run_as($row->{as}, 'here', $row->{do});
	like($error, $row->{error} // qr/^$/, "$row->{name}: ends as it should");

	my @wrong = grep { !/^\S+ $who$/ && !$twin->{$_} } sort(keys %$attached, keys %$seen);
	is(join("\n", @wrong), '', $row->{name});
	if ($row->{never})
	{
		is(join("\n", sort keys %$seen), '', "$row->{name}: ran nothing");
	}
	else
	{
		ok(scalar %{ defined $row->{plain} ? $twin : $seen }, "$row->{name}: ran");
	}
	return;
}

check($_) foreach @rows;

$node->stop;
done_testing();
