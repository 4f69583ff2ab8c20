# Tables that Citus distributes by the job, as README says: tables first,
# triggers by a second call. One node is coordinator and worker.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use Test::More;
use TrainjobTest;

my $node = new_node('citus');

if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'citus'}) eq '0')
{
	$node->stop;
	plan skip_all => 'there is no Citus for this server';
}
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'citus'\nwal_level = logical\nmax_wal_senders = 4\n"
	  . "max_prepared_transactions = 100\nmax_connections = 200\ncitus.shard_count = 4");
$node->restart;
$node->safe_psql(
	'postgres', sprintf(
		q{
SET client_min_messages = warning;
CREATE EXTENSION citus;
CREATE EXTENSION trainjob;
SELECT citus_set_coordinator_host('%s', %d);
SELECT citus_set_node_property('%s', %d, 'shouldhaveshards', true);
}, $node->host, $node->port, $node->host, $node->port));

# README's statements
my ($readme) = map { s/.*## Past one machine//sr } slurp_readme();
my ($statements) = $readme =~ /```sql\n(.*?)```/s;
$node->safe_psql('postgres', $statements);

sub slurp_readme
{
	open(my $file, '<', "$FindBin::RealBin/../../README.md") or die "README.md: $!";
	local $/ = undef;
	return scalar <$file>;
}

$node->safe_psql(
	'postgres', q{
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('a', 320);
INSERT INTO local_training_jobs (id, job_token, dataset_path) SELECT lpad(n::text, 32, '0')::uuid, 'token ' || n, 'a' FROM generate_series(1, 20) AS n;
});
is($node->safe_psql('postgres', 'SELECT DISTINCT total_steps FROM local_training_jobs'),
	'30', 'jobs are filled from the dataset');
$node->safe_psql(
	'postgres', q{
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss)
	SELECT lpad(n::text, 32, '0')::uuid, s, 3.0 / s, 4.0 / s FROM generate_series(1, 20) AS n, generate_series(1, 10) AS s;
COPY local_training_metrics (job_id, step, train_loss) FROM STDIN;
00000000000000000000000000000001	11	0.5
00000000000000000000000000000002	11	0.5
\.
BEGIN;
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (lpad('3', 32, '0')::uuid, 12, 0.25);
INSERT INTO alert_event (job_id, type) VALUES (lpad('3', 32, '0')::uuid, 'job_completed');
COMMIT;
INSERT INTO alert_event (job_id, type, error_message) VALUES (lpad('4', 32, '0')::uuid, 'job_failed', 'out of memory');
INSERT INTO alert_event (job_id, type) VALUES (lpad('21', 32, '0')::uuid, 'job_started');
INSERT INTO local_training_jobs (id, dataset_path) VALUES (lpad('21', 32, '0')::uuid, 'late');
});
is( $node->safe_psql(
		'postgres', q{SELECT status, current_step, loss, count(*) FROM local_training_jobs GROUP BY 1, 2, 3 ORDER BY 1, 2, 3}),
	"completed|12|0.25|1\nfailed|10|0.3|1\nrunning|10|0.3|16\nrunning|11|0.5|2\nrunning|||1",
	'reports and alerts go to their jobs');
is( $node->safe_psql(
		'postgres', q{SELECT status_before, status_after FROM job_status_change WHERE job_id = lpad('3', 32, '0')::uuid ORDER BY id}),
	"pending|running\nrunning|completed", 'changes of status are recorded');
is( $node->safe_psql(
		'postgres', q{SELECT status, progress_text, loss_text, last_alert_type FROM job_overview WHERE id = lpad('4', 32, '0')::uuid}),
	'failed|33%|0.3000|job_failed', 'the overview of a job');
is($node->safe_psql('postgres', 'SELECT count(*) FROM job_overview'), '21', 'the overview of all');
is( $node->safe_psql(
		'postgres', q{SELECT verdict FROM metric_coverage WHERE job_id = lpad('4', 32, '0')::uuid AND metric = 'train_loss'}),
	'reported since step 1', 'the coverage of a job');
is( $node->safe_psql('postgres', q{SELECT count(*) FROM trainjob.metric_series(lpad('4', 32, '0')::uuid, 'train_loss')}),
	'10', 'a curve');
is( $node->safe_psql(
		'postgres', q{INSERT INTO training_datasets (storage_path, sample_count) VALUES ('late', 640);
			UPDATE local_training_jobs SET dataset_path = dataset_path WHERE dataset_path = 'late';
			SELECT total_steps FROM local_training_jobs WHERE dataset_path = 'late'}),
	'60', 'a dataset that comes later, and what attach said of it');
is($node->safe_psql('postgres', "SELECT count(*) FROM trainjob.detach() WHERE action = 'dropped view'"),
	'2', 'detach');

$node->stop;
done_testing();
