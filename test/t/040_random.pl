# Eight clients do everything at once to fifty jobs; afterwards each job agrees
# with its reports, and each status with the recorded outcomes and changes.
#
# TRAINJOB_TEST_SECONDS sets the length, TRAINJOB_TEST_SEED repeats a run's
# statements (not their timing).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use Test::More;
use Time::HiRes qw(sleep time);
use TrainjobTest;

my $node = new_node('random');

load_tables($node, 'postgres');

# The load has all words that there are.
is( words_of_load(),
	$node->safe_psql(
		'postgres', q{
SELECT string_agg(w.word, ' ' ORDER BY c.table_key COLLATE "C", w.word COLLATE "C")
FROM _trainjob.canonical_columns() AS c, regexp_split_to_table(rtrim(c.description, '.'), ', | or ') AS w (word)
WHERE (c.table_key, c.column_name) IN (('alerts', 'type'), ('jobs', 'status'))}),
	'every type of alert and every status is written');

my @load  = start_load($node, 'postgres', seconds(8));
my $until = time + seconds(8);
my $moments = 0;
my $found = '';

# A report and what it makes of its job are committed together, so no snapshot
# shows the one without the other.
while ($found eq '' && time < $until)
{
	$found = $node->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v');
	$moments++;
	sleep(0.1);
}
finish_load(@load);
note "$moments moments";
is($found, '', 'verify_jobs() finds nothing at any moment');

my $done = $node->safe_psql(
	'postgres', q{
SELECT (SELECT count(*) FROM local_training_metrics) || ' reports, '
	|| (SELECT count(*) FROM alert_event) || ' alerts ('
	|| (SELECT string_agg(outcome || ' ' || n, ', ' ORDER BY outcome)
		FROM (SELECT outcome, count(*) AS n FROM alert_event GROUP BY outcome) AS a) || '), '
	|| (SELECT count(*) FROM job_status_change) || ' changes of status, '
	|| (SELECT count(*) FROM job_diary) || ' jobs came or went'});
note $done;

cmp_ok($node->safe_psql('postgres', 'SELECT count(*) FROM local_training_metrics'),
	'>', 200, 'the clients have been at work');
is( $node->safe_psql('postgres', "SELECT count(DISTINCT outcome) FROM alert_event"),
	'6', 'every outcome of an alert occurred');
is(untruths($node, 'postgres'), '', 'every job is true');
is($node->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v'),
	'', 'verify_jobs() finds nothing');
is(unexpected_errors($node), '', 'nothing unexpected in the log');

$node->stop;
done_testing();
