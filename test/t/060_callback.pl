# examples/transformers_callback.py, driven as a Trainer drives it: real runs
# where there are some, a made-up one, and a database that goes away.

use strict;
use warnings;

use FindBin;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# The distribution's Python, for which it has psycopg.
my $python = '/usr/bin/python3';
my $tree = "$FindBin::RealBin/../..";
my $runs = $ENV{TRAINJOB_RUNS} // "$tree/../shared/runs";

plan skip_all => 'no psycopg 3 for /usr/bin/python3'
  if system("$python -c 'import psycopg' >/dev/null 2>&1") != 0;

cmp_ok(scalar(split /\n/, slurp_file("$tree/examples/transformers_callback.py")),
	'<', 100, 'under 100 lines');

my $node = PostgreSQL::Test::Cluster->new('callback');
$node->init;
$node->start;
# A trainer's role: it may connect, and has a token.
$node->safe_psql('postgres',
	'CREATE EXTENSION trainjob; SELECT trainjob.create_tables(); CREATE ROLE trainer LOGIN');

my $number = 0;
my ($job, $driver, $in, $out, $err);

# A new job and the process that trains it, which at its end waits so long for
# what could not be sent.
sub start_training
{
	my ($final_seconds) = @_;

	$job = sprintf '00000000-0000-0000-0000-%012d', ++$number;
	$node->safe_psql('postgres',
		"INSERT INTO local_training_jobs (id, job_token) VALUES ('$job', 'token $number')");
	($in, $out, $err) = ('', '', '');
	$driver = IPC::Run::start(
		[ $python, "$tree/test/lib/drive_callback.py", "$tree/examples",
			$node->connstr('postgres') . ' user=trainer', "token $number", $final_seconds // 2 ],
		'<', \$in, '>', \$out, '2>', \$err,
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	return;
}

# What the driver answers to a command. Nothing but its end leaves it without
# an answer, and that is an exception that escaped.
sub train
{
	my ($command) = @_;

	$out = '';
	$in .= "$command\n";
	$driver->pump until $out =~ /\n/ || !$driver->pumpable;
	$out =~ s/\n\z// or die "the training ended at \"$command\": $err";
	return $out;
}

# A server that was started meanwhile holds the driver's standard input open.
sub finish_training
{
	$in .= "quit\n";
	$driver->finish or die "the training failed: $err";
	return;
}

sub row
{
	my ($columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM local_training_jobs WHERE id = '$job'");
}

sub metrics
{
	my ($columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM local_training_metrics WHERE job_id = '$job'");
}

#
# A run, from its first event to its last
#

start_training();
is(train('begin 156'), 0, 'nothing waits');
is(row('status, total_steps, total_steps_source, current_step'), 'running|156|reported|0', 'the beginning tells the total');
train('log 10 {"loss": 2.5, "grad_norm": NaN, "learning_rate": 2e-05, "epoch": 0.19, "rewards/margins": Infinity}');
train('log 10 {"eval_loss": -Infinity, "eval_runtime": 1.5, "epoch": 0.19}');
is(row('status, current_step, loss, eval_loss, grad_norm, learning_rate, current_epoch'),
	'running|10|2.5|-Infinity|NaN|2e-05|0.19', 'what it logs goes to the columns');
is(metrics(q{string_agg(extra::text, ' ' ORDER BY id)}), '{"rewards/margins": "Infinity"} {"eval_runtime": 1.5}',
	'and the rest to extra');
is(metrics('bool_and(recorded_at BETWEEN now() - interval \'1 hour\' AND now())'), 't', 'with the time at which it was taken');
is(train('odd'), 0, 'odd logs do not wait');
is(train('log 20 {"loss": 2.25}'), 0, 'nor does what comes after');
is(metrics('max(step), count(*)'), '20|4', 'a report that is refused is left out');
like($err, qr/report refused: /, 'and that is said');
train('log 156 {"train_loss": 2.75, "train_runtime": 60.5, "epoch": 3}');
is(train('end'), 0, 'nothing waits at the end');
is(row('status, progress, loss, current_step, current_epoch'), 'completed|100|2.25|156|3', 'the end');
is(train('log 156 {"eval_loss": 1}'), 0, 'an evaluation after the end waits for nothing');
finish_training();

# What no process but the first says
start_training();
train('begin 10 0 1');
train('log 1 {"loss": 1}');
train('raise no');
train('end');
is(row('status, error') . metrics('count(*)'), 'pending|0', 'another process says nothing');
finish_training();

# An exception
start_training();
train('begin 10');
train('log 1 {"loss": 1}');
train('raise CUDA out of memory');
is(row('status, error, error_type'), 'failed|CUDA out of memory|RuntimeError', 'an exception is a failure');
# and the training goes on from a checkpoint
train('begin 10 5');
is(row('status, current_step, error'), 'running|5|', 'and may come back');
train('log 6 {"loss": 0.5}');
train('end');
is(row('status, current_step, loss'), 'completed|6|0.5', 'and end well');
finish_training();

# A person who cancels the job, of which the token is refused from then on
start_training(60);
train('begin 10');
train('log 1 {"loss": 1}');
$node->safe_psql('postgres', "INSERT INTO alert_event (job_id, type) VALUES ('$job', 'job_cancelled')");
train('log 2 {"loss": 2}');
is(train('log 3 {"loss": 3}'), 1, 'nothing is added to the report that was refused');
my $began = time;
train('end');
cmp_ok(time - $began, '<', 10, 'and the end of the training waits for nothing');
like($err, qr/1 reports wait for the database: invalid reporting token/, 'which is said once');
is(row('status, current_step'), 'cancelled|1', 'the job stays as the person left it');
finish_training();
# and a token of no job, which may come yet
start_training();
$node->safe_psql('postgres', "UPDATE local_training_jobs SET job_token = 'another' WHERE id = '$job'");
train('begin 10');
is(train('log 1 {"loss": 1}'), 2, 'the beginning and a report wait for the job');
$node->safe_psql('postgres', "UPDATE local_training_jobs SET job_token = 'token $number' WHERE id = '$job'");
is(train('end'), 0, 'and go when it is there');
is(row('status, current_step, total_steps'), 'completed|1|10', 'in order');
finish_training();
start_training(60);
$node->safe_psql('postgres', "UPDATE local_training_jobs SET job_token = 'another' WHERE id = '$job'");
train('begin 10');
$began = time;
train('end');
cmp_ok(time - $began, '<', 10, 'a job that never comes holds up no end');
finish_training();

#
# A database that goes away
#

start_training();
train('begin 100');
train("log $_ {\"loss\": $_}") foreach 1 .. 3;
$node->safe_psql('postgres',
	"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'trainer'");
train("log $_ {\"loss\": $_}") foreach 4 .. 6;
is(train('log 7 {"loss": 7}'), 0, 'a connection that ends is made again');
is(metrics('count(*), min(step), max(step)'), '7|1|7', 'and nothing is lost');
$node->stop('immediate');
is(train('log 8 {"loss": 8}'), 1, 'without a database, a report waits');
train("log $_ {\"loss\": $_, \"grad_norm\": NaN}") foreach 9 .. 29;
train('odd');
is(train('log 30 {"loss": 30}'), 25, 'and so do others');
like($err, qr/25 reports wait for the database: /, 'which is said');
$node->start;
is(train('log 31 {"loss": 31}'), 0, 'they go when it is back');
is(metrics('count(*), count(DISTINCT step), sum(train_loss)'), '32|31|496', 'all of them, but what is refused');
is(metrics('count(DISTINCT recorded_at)'), 32, 'each with its own time');
$node->stop;
is(train('end'), 1, 'a training ends without the database');
finish_training();
$node->start;
is(row('status, current_step, loss'), 'running|31|31', 'and then its end is lost');

# Away from the beginning until just before the end
start_training();
$node->stop;
is(train('begin 100'), 1, 'the beginning waits');
is(train("log $_ {\"loss\": $_}"), $_ + 1, 'as a report does') foreach 1 .. 2;
$node->start;
is(train('end'), 0, 'the end brings all');
is(row('status, total_steps, current_step, loss, started_at < completed_at'), 'completed|100|2|2|t', 'in order');
is(metrics('count(*)'), 2, 'and once');
finish_training();

#
# Real runs
#

SKIP:
{
	my @files = sort glob "$runs/*.json";

	skip 'no real runs here', 1 unless @files;
	foreach my $file (@files)
	{
		my ($name) = $file =~ m{([^/]*)\.json$};

		start_training();
		my $expected = train("replay $file");
		foreach my $condition (split /\t/, $expected)
		{
			is(row($condition), 't', "$name: $condition");
		}
		finish_training();
	}
}

$node->stop;
done_testing();
