# Through pgbouncer in transaction mode: eight clients share two connections to
# the server, whose plans and caches see the statements of all of them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use TrainjobTest;

my ($pgbouncer) = grep { -x $_ } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';

plan skip_all => 'there is no pgbouncer' if !defined $pgbouncer;
plan skip_all => 'pgbouncer does not run as root' if $> == 0;

my $node = new_node('pooled');
my $dir  = PostgreSQL::Test::Utils::tempdir_short();
my $user = getpwuid($>);

PostgreSQL::Test::Utils::append_to_file("$dir/users.txt", qq("$user" ""\n));
PostgreSQL::Test::Utils::append_to_file(
	"$dir/pgbouncer.ini", sprintf(
		q{[databases]
postgres = host=%s port=%d dbname=postgres
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = %s
auth_type = trust
auth_file = %s/users.txt
pool_mode = transaction
default_pool_size = 2
logfile = %s/pgbouncer.log
}, $node->host, $node->port, $dir, $dir, $dir));
# not as a daemon: it must end with the test, however that ends
my $pool = IPC::Run::start([ $pgbouncer, '-q', "$dir/pgbouncer.ini" ],
	'<', '/dev/null', '>', "$dir/output", '2>&1');

END
{
	# its status is the test's
	my $status = $?;

	$pool->kill_kill if defined $pool;
	$? = $status;
}

my $pooled = "host=$dir port=6432 dbname=postgres user=$user";

# What psql says through the pool.
sub ask
{
	my ($sql) = @_;
	my ($stdout, $stderr);
	my $good = IPC::Run::run(
		[ 'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', $pooled ],
		'<', \$sql, '>', \$stdout, '2>', \$stderr);

	diag $stderr if !$good;
	chomp $stdout;
	return $stdout;
}

# It listens when its socket is there
foreach (1 .. 500)
{
	last if -S "$dir/.s.PGSQL.6432";
	sleep(0.02);
}
is(ask('SELECT 1'), '1', 'the pool answers');

load_tables($node, 'postgres');
$node->safe_psql('postgres',
	q{UPDATE local_training_jobs SET job_token = 'token of ' || dataset_path || ' ' || id, total_steps = 100000});
$node->safe_psql('postgres',
	q{CREATE TABLE job_number AS SELECT row_number() OVER (ORDER BY id) AS n, id, job_token FROM local_training_jobs});

# Reports by INSERT and by token, alerts, restarts, transactions over several
# statements and jobs in order, settings for a transaction.
my $script = q{
\set n random(1, 48)
\set step random(1, 1000)
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss)
	SELECT id, :step, random() * 3, random() * 4 FROM job_number WHERE n = :n;
BEGIN;
SET LOCAL trainjob.notify = progress;
INSERT INTO local_training_metrics (job_id, step, train_loss) SELECT id, :step + n, 1.5 FROM job_number WHERE n BETWEEN :n AND :n + 2;
INSERT INTO alert_event (job_id, type, current_step) SELECT id, 'gpu_oom', :step FROM job_number WHERE n = :n + 2;
COMMIT;
INSERT INTO alert_event (job_id, type) SELECT id, CASE WHEN :step % 10 = 0 THEN 'job_failed' ELSE 'job_started' END FROM job_number WHERE n = :n;
SELECT count(trainjob.report_metrics(job_token, '[{"step": 5, "train_loss": 2, "other": 1}]')) FROM job_number WHERE n = :n;
SELECT progress_text, eval_loss_text FROM job_overview WHERE id = (SELECT id FROM job_number WHERE n = :n);
UPDATE local_training_jobs SET config = jsonb_build_object('num_epochs', :step % 5 + 1) WHERE id = (SELECT id FROM job_number WHERE n = :n);
};
PostgreSQL::Test::Utils::append_to_file("$dir/load.sql", $script);

sub load
{
	my ($protocol, $name) = @_;

	command_ok(
		[
			'pgbench', '-n', '-c', '8', '-t', '15', '-M', $protocol,
			'-f', "$dir/load.sql", $pooled
		],
		$name);
	is(untruths($node, 'postgres'), '', "$name: every job is true");
	is( $node->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v'),
		'', "$name: verify_jobs() finds nothing");
	return;
}

load('simple', 'the simple protocol');
load('extended', 'the extended protocol');
is( $node->safe_psql('postgres',
		q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()}),
	'2', 'two connections did it all');

# tables change under the connections that the pool keeps
$node->safe_psql(
	'postgres', q{
ALTER TABLE local_training_metrics ADD COLUMN note text;
ALTER TABLE local_training_jobs ADD COLUMN team text DEFAULT 'vision';
SELECT count(*) FROM trainjob.detach();
SELECT trainjob.create_tables();
});
load('extended', 'after ALTER TABLE');

# who writes is who asked for it, not who had the connection before
$node->safe_psql('postgres', 'CREATE ROLE first LOGIN; CREATE ROLE second LOGIN;
	GRANT SELECT, UPDATE ON local_training_jobs TO first, second');
foreach my $role (qw(first second first))
{
	ask("BEGIN; SET LOCAL ROLE $role; UPDATE local_training_jobs SET status = 'paused' WHERE id = (SELECT min(id::text)::uuid FROM local_training_jobs);
		UPDATE local_training_jobs SET status = 'running' WHERE id = (SELECT min(id::text)::uuid FROM local_training_jobs); COMMIT");
}
is( $node->safe_psql(
		'postgres', q{SELECT string_agg(changed_by, ' ' ORDER BY id) FROM (
			SELECT id, changed_by FROM job_status_change WHERE status_after = 'paused' ORDER BY id DESC LIMIT 3) AS c}),
	'first second first', 'changes have the name of who made them');
is(unexpected_errors($node), '', 'nothing unexpected in the log');

$node->stop;
done_testing();
