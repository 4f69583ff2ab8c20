# What goes to who listens on channel trainjob: one message for each change of
# a status, and in mode progress one for each whole percent as well.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('notify');
$node->init;
$node->start;
$node->safe_psql('postgres',
	'CREATE EXTENSION trainjob; SELECT trainjob.create_tables()');

my $number = 0;

# The number of a new job of so many steps, as its uuid.
sub job
{
	my ($steps) = @_;
	my $id = sprintf '00000000-0000-0000-0000-%012d', ++$number;

	$node->safe_psql('postgres',
		"INSERT INTO local_training_jobs (id, config)
		 VALUES ('$id', '{\"max_steps\": $steps}')");
	return $id;
}

# The messages that the statements, each a transaction, bring to who listens
# while they run: references to hashes. Ends the test if one is no JSON.
sub messages
{
	my ($settings, @statements) = @_;
	my ($stdout, $stderr) = ('', '');

	$node->psql('postgres',
		join(";\n", 'LISTEN trainjob', $settings, @statements, 'SELECT 1'),
		stdout => \$stdout, stderr => \$stderr, on_error_die => 1);
	return map { decode_json($_) } $stdout =~
	  /^Asynchronous notification "trainjob" with payload "(.*)" received from server process with PID \d+\.$/mg;
}

# A message in short.
sub in_short
{
	return join ', ',
	  map { my $m = $_; join ' ', map { $m->{$_} // 'null' } qw(previous status progress) } @_;
}

sub insert
{
	my ($table, $job, %values) = @_;

	return sprintf "INSERT INTO %s (job_id, %s) VALUES ('%s', %s)", $table,
	  join(', ', sort keys %values), $job,
	  join(', ', map { "'$values{$_}'" } sort keys %values);
}

#
# Each change of status, whoever makes it
#

my $id = job(156);
my @got = messages('',
	insert('local_training_metrics', $id, step => 70, train_loss => 2),
	insert('local_training_metrics', $id, step => 71, train_loss => 2),
	"UPDATE local_training_jobs SET status = 'paused' WHERE id = '$id'",
	insert('alert_event', $id, type => 'gpu_oom'),
	insert('alert_event', $id, type => 'job_started'),
	insert('alert_event', $id, type => 'job_started'),
	insert('alert_event', $id, type => 'job_completed'),
	insert('alert_event', $id, type => 'job_failed'));
is( in_short(@got),
	'pending running 44.87, running paused 45.51, paused running 45.51, running completed 100',
	'one message for each change of status');
is_deeply([ sort keys %{ $got[0] } ],
	[qw(job_id previous progress status)], 'a message has four members');
is($got[0]{job_id}, $id, 'it names the job');

# The text itself, for those who take it apart without a parser.
my $text = $node->safe_psql('postgres',
	"LISTEN trainjob; UPDATE local_training_jobs SET status = 'failed' WHERE id = '$id'");
like($text,
	qr/payload "\{"job_id": "$id", "status": "failed", "previous": "completed", "progress": [0-9.]+\}" received/,
	'the text of a message');

is( in_short(messages('', "INSERT INTO local_training_jobs (status) VALUES ('running')")),
	'', 'an insertion is no change');
$id = '00000000-0000-0000-0001-000000000001';
is( in_short(messages('', insert('alert_event', $id, type => 'job_started'),
		"INSERT INTO local_training_jobs (id) VALUES ('$id')")),
	'pending running null', 'an alert that waited is one; progress may be unknown');

$id = job(10);
is( in_short(messages('', "BEGIN; UPDATE local_training_jobs SET status = 'queued' WHERE id = '$id'; ROLLBACK")),
	'', 'what is undone is not told');

my @ids = map { job(10) } 1 .. 5;
is( scalar(messages('', 'INSERT INTO local_training_metrics (job_id, step) SELECT id, n '
		. 'FROM local_training_jobs, generate_series(1, 5) AS n WHERE id IN (' . join(', ', map { "'$_'" } @ids) . ')')),
	5, 'a statement that sets five jobs going tells of five');

#
# Modes
#

$id = job(156);
is( in_short(messages("SET trainjob.notify = off",
		insert('local_training_metrics', $id, step => 1), insert('alert_event', $id, type => 'job_failed'))),
	'', 'off: nothing');

# Each step of 1,000 is a tenth of a percent.
$id = job(1000);
@got = messages("SET trainjob.notify = progress",
	map({ insert('local_training_metrics', $id, step => $_) } 1 .. 1000),
	insert('alert_event', $id, type => 'job_completed'));
cmp_ok(scalar(@got), '<=', 101, 'progress: at most 101 messages in a run');
my %percents = map { int($_->{progress}) => 1 } @got;
is_deeply([ sort { $a <=> $b } keys %percents ], [ 0 .. 100 ],
	'progress: one of each whole percent');
is(in_short($got[0]), 'pending running 0.1', 'progress: the first is the change of status');
is(in_short($got[-1]), 'running completed 100', 'progress: so is the last');
is(scalar(grep { $_->{previous} eq $_->{status} } @got), scalar(@got) - 2,
	'progress: the others have the same status twice');

# As many steps as percents: each is one, whatever floating point makes of it.
$id = job(100);
@got = messages("SET trainjob.notify = progress",
	map { insert('local_training_metrics', $id, step => $_) } 1 .. 99);
is(join(' ', map { $_->{progress} } @got), join(' ', 1 .. 99),
	'progress: 100 steps are 100 percents');

# A report's epoch proves another total than the estimate's 30 steps, beside a
# step that the job's row never shows: listeners hear of what the job came to.
$node->safe_psql('postgres',
	"INSERT INTO local_training_jobs (id, total_samples, status) VALUES ('00000000-0000-0000-0002-000000000001', 320, 'running')");
is( in_short(messages("SET trainjob.notify = progress",
		"INSERT INTO local_training_metrics (job_id, step, epoch) VALUES "
		  . "('00000000-0000-0000-0002-000000000001', 5, 5/24::float8), ('00000000-0000-0000-0002-000000000001', 40, NULL)")),
	'running running 55.56', 'progress: a step that proves something is not told of itself');

# An id of which a message has no room.
my ($stdout, $stderr);
$node->safe_psql('postgres',
	'CREATE TABLE long_jobs (id text PRIMARY KEY, status text)');
$node->safe_psql('postgres', q{SELECT trainjob.attach('long_jobs')});
$node->psql('postgres', q{
LISTEN trainjob;
INSERT INTO long_jobs VALUES (repeat('a', 9000), 'pending'), ('b', 'pending');
UPDATE long_jobs SET status = 'running' WHERE id <> 'b';
UPDATE long_jobs SET status = 'paused' WHERE id <> 'b';
UPDATE long_jobs SET status = 'running' WHERE id = 'b';
SELECT string_agg(status, ' ') FROM long_jobs;
}, stdout => \$stdout, stderr => \$stderr);
like($stdout, qr/^paused running$/m, 'a long id: the status changes');
is(() = $stderr =~ /WARNING/g, 1, 'a long id: one warning in a session');
like($stderr, qr/was not sent to channel "trainjob": its message of 90\d\d bytes is too long/,
	'a long id: the warning says what was not sent');
is(() = $stdout =~ /Asynchronous notification/g, 1, 'a long id: other jobs are told of');

# A late report moves nothing.
is( in_short(messages("SET trainjob.notify = progress", insert('local_training_metrics', $id, step => 50))),
	'', 'progress: a late report tells nothing');

$node->stop;
done_testing();
