# What the server knows of the tables is rebuilt again and again while reports
# and jobs come: harmless changes of their settings, and on 16 and later an index
# beside which updates stay HOT.  Afterwards each job is as its reports say, has
# its counts, and is found by its key.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use POSIX ();
use Test::More;
use TrainjobTest;

my $seconds = seconds(4);
my $node    = new_node('relcache');

load_tables($node, 'postgres');

# Runs a statement again and again, each time in a transaction of its own.
sub in_background
{
	my ($statement) = @_;
	my $pid = fork();

	die "fork: $!" if !defined $pid;
	return $pid if $pid;
	open(STDOUT, '>', '/dev/null');
	exec($node->installed_command('psql'), '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', qq{
DO \$\$
DECLARE
	until timestamptz := clock_timestamp() + '$seconds s';
	n bigint := 0;
BEGIN
	WHILE clock_timestamp() < until LOOP
		n := n + 1;
		$statement;
		COMMIT;
	END LOOP;
END \$\$}) or POSIX::_exit(1);
}

my @clients = (
	in_background(q{INSERT INTO local_training_metrics (job_id, step, train_loss)
		SELECT id, n, n FROM local_training_jobs ORDER BY id LIMIT 1}),
	in_background(q{INSERT INTO local_training_metrics (job_id, step, train_loss)
		SELECT id, n, n FROM local_training_jobs ORDER BY id DESC LIMIT 10}),
	in_background(q{INSERT INTO local_training_jobs (id, dataset_path)
		VALUES (('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 's3://0')}));
my $until = time + $seconds;
my $brin  = $node->pg_version >= 16;

while (time < $until)
{
	$node->safe_psql('postgres', q{DO $$
BEGIN
	FOR n IN 1..200 LOOP
		EXECUTE 'ALTER TABLE local_training_jobs SET (autovacuum_vacuum_threshold = ' || n || ')';
		EXECUTE 'ALTER TABLE local_training_metrics SET (autovacuum_vacuum_threshold = ' || n || ')';
		COMMIT;
	END LOOP;
END $$});
	next if !$brin;
	$node->safe_psql('postgres', $_)
	  foreach ('CREATE INDEX CONCURRENTLY by_time ON local_training_jobs USING brin (last_metric_at)',
		'DROP INDEX CONCURRENTLY by_time');
}
foreach my $client (@clients)
{
	waitpid($client, 0);
	is($?, 0, 'a client has done its work');
}

note $node->safe_psql('postgres', q{
SELECT (SELECT count(*) FROM local_training_metrics) || ' reports, ' || (SELECT count(*) FROM local_training_jobs) || ' jobs'});
is($node->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v'),
	'', 'verify_jobs() finds nothing');
is($node->safe_psql('postgres',
		"SELECT count(*) FROM local_training_jobs WHERE dataset_path = 's3://0' AND total_samples IS DISTINCT FROM 320"),
	'0', 'every job has its counts');
SKIP:
{
	my ($status) = $node->psql('postgres', 'CREATE EXTENSION amcheck');

	skip 'amcheck is not installed', 1 if $status != 0;
	is($node->safe_psql('postgres',
			"SELECT bt_index_check('local_training_jobs_pkey', true)"),
		'', 'the key finds every job');
}
is(unexpected_errors($node), '', 'nothing unexpected in the log');

$node->stop;
done_testing();
