# Dead trainers: pg_cron, where it is installed, calls fail_stalled() as README's
# "Operating" has it, with the rights that this gives.  Up to a minute, of which
# nearly all is waiting: older versions of pg_cron know no shorter time.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $node = new_node('stalled');

if ($node->safe_psql('postgres',
		"SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_cron'") eq '0')
{
	$node->stop;
	plan skip_all => 'pg_cron is not installed';
}
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.host = '@{[ $node->host ]}'
});
$node->restart;

# The jobs, their state, and how long ago they started and reported.
$node->safe_psql(
	'postgres', q{
CREATE EXTENSION trainjob;
SELECT trainjob.create_tables();
CREATE TABLE cases (id uuid DEFAULT gen_random_uuid(), name text, status text, started interval, reported interval);
INSERT INTO cases (name, status, started, reported) VALUES
	('dead', 'running', '1 day', '2 hours'), ('never reported', 'running', '1 day', NULL),
	('alive', 'running', '1 day', '1 minute'), ('just started', 'running', '1 minute', NULL),
	('not started', 'queued', NULL, NULL), ('paused', 'paused', '1 day', NULL),
	('cancelled', 'cancelled', '1 day', NULL);
INSERT INTO local_training_jobs (id, model_name, status, created_at, started_at)
	SELECT id, name, status, now() - interval '1 day', now() - started FROM cases;
INSERT INTO local_training_metrics (job_id, step, recorded_at)
	SELECT id, 1, now() - reported FROM cases WHERE reported IS NOT NULL;
SET session_replication_role = replica; -- they came when they were recorded
UPDATE local_training_jobs SET last_seen_at = last_metric_at;
RESET session_replication_role;
CREATE EXTENSION pg_cron;
});

# What README says, but for the time.
my ($operating) =
  slurp_file("$FindBin::RealBin/../../README.md") =~ /^## Operating$(.*?)^## /ms;
my ($roles)    = $operating =~ /^(CREATE ROLE trainer .*?)^```$/ms;
my ($usage)    = $operating =~ /`(GRANT USAGE ON SCHEMA cron [^`]*)`/;
my ($schedule) = $operating =~ /^(SELECT cron\.schedule\(.*?;)$/m;
my $by_second = $node->safe_psql('postgres', q{
SELECT string_to_array(regexp_replace(extversion, '-.*', ''), '.')::int[] >= '{1,5}'
FROM pg_extension WHERE extname = 'pg_cron'}) eq 't';
my $every = $by_second ? '1 seconds' : '* * * * *';

$schedule =~ s{'\* \* \* \* \*'}{'$every'} or die 'README schedules otherwise';
$node->safe_psql('postgres', "$roles; $usage; SET ROLE operator; $schedule");
ok( $node->poll_query_until(
		'postgres', "SELECT EXISTS (SELECT FROM cron.job_run_details WHERE status IN ('succeeded', 'failed'))"),
	'pg_cron has run it');
is( $node->safe_psql(
		'postgres', "SELECT DISTINCT username, status FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')"),
	'operator|succeeded', 'as the operator, without an error');
$node->safe_psql('postgres', 'SELECT cron.unschedule(jobid) FROM cron.job');
is( $node->safe_psql(
		'postgres', q{
SELECT j.model_name, j.status, j.error, a.type, a.error_type, a.outcome, c.changed_by
FROM local_training_jobs AS j
LEFT JOIN alert_event AS a ON a.job_id = j.id
LEFT JOIN job_status_change AS c ON c.alert_id = a.id
ORDER BY j.model_name}),
	join("\n",
		'alive|running|||||',
		'cancelled|cancelled|||||',
		'dead|failed|No report for 30 min|job_failed|stalled|applied|operator',
		'just started|running|||||',
		'never reported|failed|No report for 30 min|job_failed|stalled|applied|operator',
		'not started|queued|||||',
		'paused|paused|||||'),
	'who is dead has failed, and nobody else');

# A trainer comes back, by the role that README gives it.
$node->safe_psql('postgres',
	"SET ROLE trainer; INSERT INTO local_training_metrics (job_id, step) VALUES ('"
	  . $node->safe_psql('postgres', "SELECT id FROM cases WHERE name = 'dead'") . "', 2)");
is( $node->safe_psql('postgres',
		"SELECT status, error, error_type, current_step FROM local_training_jobs WHERE model_name = 'dead'"),
	'running|||2', 'a returning trainer revives its job');
is($node->safe_psql('postgres', 'SET ROLE operator; SELECT count(*) FROM trainjob.verify_jobs()'),
	'0', 'the operator verifies');
is($node->safe_psql('postgres', 'SET ROLE operator; SELECT trainjob.refill_jobs()'),
	'0', 'the operator refills');
is(unexpected_errors($node), '', 'nothing unexpected in the log');

$node->stop;
done_testing();
