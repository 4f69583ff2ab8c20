# Alerts and datasets that meet their jobs: a bulk load holds up nobody whom it
# does not name, and of many that come at once none miss each other.
#
# TRAINJOB_TEST_SECONDS sets the length of the second part.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $node = new_node('meet');

# A psql command that runs statements in another session, none longer than that.
sub meanwhile
{
	my ($timeout, $sql) = @_;
	return sprintf qq{\\! psql -XAtq -h '%s' -p %s -d postgres -c "SET statement_timeout = '%s'" -c "%s" 2>&1\n},
	  $node->host, $node->port, $timeout, $sql;
}

sub query { return $node->safe_psql('postgres', $_[0]); }

query(q{
CREATE EXTENSION trainjob;
SELECT trainjob.create_tables();
CREATE FUNCTION id(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$SELECT lpad(to_hex(n), 32, '0')::uuid$$;
CREATE SEQUENCE tick START 1000000;
});

# ----------
# A bulk load
# ----------

my $jobs = q{INSERT INTO local_training_jobs (id, dataset_path) SELECT id(n), 's3://' || n FROM generate_series};
my @held = split /\n/, query(
	q{BEGIN;
INSERT INTO alert_event (job_id, type) SELECT id(n), 'job_started' FROM generate_series(1, 100000) AS n;
INSERT INTO training_datasets (storage_path, sample_count) SELECT 's3://' || n, n FROM generate_series(1, 100000) AS n;
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype <> 'relation';
SELECT count(*) < 60 FROM pg_locks WHERE pid = pg_backend_pid();
}
	  . meanwhile('10s', "WITH new AS ($jobs(200001, 202000) AS n RETURNING 1) SELECT count(*) FROM new")
	  . meanwhile('200ms', "$jobs(1, 1) AS n")
	  . 'COMMIT');

is($held[0], '3', 'a bulk load holds its two numbers and one more lock');
is($held[1], 't', 'and those of its tables and their indexes');
is($held[2], '2000', 'jobs that it does not name are inserted meanwhile');
like($held[3], qr/canceling statement due to statement timeout/, 'one that it names waits');
query("$jobs(1, 100) AS n");
is( query(q{SELECT count(*), count(*) FILTER (WHERE status = 'running' AND total_samples > 0)
FROM local_training_jobs WHERE id <= id(100)}),
	'100|100', 'those that come afterwards find all');

# ----------
# Many at once
# ----------

# Two transactions name the same two jobs at a time, each in an order of chance:
# one brings the jobs, the other their alerts or their datasets.
append_to_file($node->basedir . '/race.sql', q{
SELECT nextval('tick') AS tick \gset
\set a 2 * (:tick / 2) + random(0, 1)
\set b 4 * (:tick / 2) + 1 - :a
\set is_job :tick % 2
\set is_alert :tick / 2 % 2
\set pause random(0, 1)
BEGIN;
\if :is_job
INSERT INTO local_training_jobs (id, dataset_path) VALUES (id(:a), 's3://' || :a);
\elif :is_alert
INSERT INTO alert_event (job_id, type) VALUES (id(:a), 'job_started');
\else
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://' || :a, 100);
\endif
\sleep :pause ms
\if :is_job
INSERT INTO local_training_jobs (id, dataset_path) VALUES (id(:b), 's3://' || :b);
\elif :is_alert
INSERT INTO alert_event (job_id, type) VALUES (id(:b), 'job_started');
\else
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://' || :b, 100);
\endif
COMMIT;
});
my ($out, $err) = ('', '');
my $ended = IPC::Run::run(
	[ 'pgbench', '-n', '-c', 12, '-j', 2, '-T', seconds(3), '-h', $node->host, '-p', $node->port,
		'-f', $node->basedir . '/race.sql', 'postgres' ],
	'>', \$out, '2>', \$err);

ok($ended, 'no client had an error') or diag $err;
note join ', ', $out =~ /^(number of transactions actually processed.*)$/m,
  query('SELECT count(*) FROM local_training_jobs') . ' jobs';
is(query(q{SELECT count(*) FROM alert_event JOIN local_training_jobs AS j ON j.id = job_id WHERE outcome = 'waiting'}),
	'0', 'no alert waits for a job that is there');
is( query(q{SELECT count(*) FROM local_training_jobs JOIN training_datasets ON storage_path = dataset_path
WHERE total_samples IS DISTINCT FROM sample_count}),
	'0', 'no job lacks the count of its dataset');
is(query(q{SELECT count(*) FROM local_training_jobs WHERE status = 'running' AND id > id(300000)
HAVING count(*) > 100}) ne '', 1, 'many have met');
unlike(slurp_file($node->logfile), qr/deadlock detected/, 'nobody deadlocks');

$node->stop;
done_testing();
