# The server is stopped and killed in the middle of the load, again and again;
# after each recovery every job agrees with its reports and its history.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use Test::More;
use Time::HiRes qw(sleep);
use TrainjobTest;

my $node = new_node('crash');

load_tables($node, 'postgres');
foreach my $round (1 .. 2)
{
	my @load = start_load($node, 'postgres', seconds(8) > 8 ? seconds(8) / 2 : 4);

	sleep(0.7 + rand(0.6));
	ok(crash_backend($node, 'postgres'), "round $round: a backend was killed");
	sleep(0.7 + rand(0.6));
	$node->stop('immediate');
	$node->start;
	is(untruths($node, 'postgres'), '',
		"round $round: every job is true after an immediate shutdown")
	  if $round == 1;
	sleep(rand(0.5));
	crash_backend($node, 'postgres');
	finish_load(@load);
	is(untruths($node, 'postgres'), '', "round $round: every job is true");
	is($node->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v'),
		'', "round $round: verify_jobs() finds nothing");
}
cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM local_training_metrics'),
	'>', 200, 'the clients have been at work');
is(unexpected_errors($node), '', 'nothing unexpected in the log');

$node->stop;
done_testing();
