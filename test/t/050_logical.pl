# Logical replication of all tables: the subscriber, with its triggers in their
# default mode, has the publisher's rows, each change of status once, and tells
# nobody of what the publisher has told already.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use Test::More;
use TrainjobTest;

my $publisher  = new_node('publisher');
my $subscriber = new_node('subscriber');
my $tables =
  'training_datasets, local_training_jobs, local_training_metrics, alert_event, job_status_change';
my $rows = 'training_|local_|alert_|job_';

sub caught_up
{
	$publisher->wait_for_catchup('jobs_everywhere');
	return;
}

$publisher->append_conf('postgresql.conf', "wal_level = logical\nmax_wal_senders = 4");
$publisher->restart;
load_tables($publisher, 'postgres');
sample_rows($publisher, 'postgres');
$publisher->safe_psql('postgres', "CREATE PUBLICATION everything FOR TABLE $tables");

$subscriber->safe_psql(
	'postgres', q{
CREATE EXTENSION trainjob;
SELECT trainjob.create_tables();
ALTER TABLE local_training_jobs ADD COLUMN team text;
ALTER TABLE local_training_metrics ADD COLUMN note text;
});
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION jobs_everywhere CONNECTION '$connection' PUBLICATION everything");

# the initial copy
$subscriber->wait_for_subscription_sync($publisher, 'jobs_everywhere');
is(differences($publisher, 'postgres', $subscriber, 'postgres', $rows),
	'', 'the copy of what was there: every row is the same');

# the stream
finish_load(start_load($publisher, 'postgres', seconds(2)));
caught_up();
is(differences($publisher, 'postgres', $subscriber, 'postgres', $rows),
	'', 'a random load: every row is the same');
is( $subscriber->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v'),
	'', 'verify_jobs() finds nothing on the subscriber');
is( $subscriber->safe_psql(
		'postgres', 'SELECT md5(string_agg(o::text, chr(10) ORDER BY id)) FROM (
			SELECT id, status, progress_text, loss_text, eval_loss_text, last_alert_type FROM job_overview) AS o'),
	$publisher->safe_psql(
		'postgres', 'SELECT md5(string_agg(o::text, chr(10) ORDER BY id)) FROM (
			SELECT id, status, progress_text, loss_text, eval_loss_text, last_alert_type FROM job_overview) AS o'),
	'the overview shows the same');

# One who listens on the subscriber while the stream comes in. It is held back
# until he does.
$subscriber->safe_psql('postgres', 'ALTER SUBSCRIPTION jobs_everywhere DISABLE');
my $told = $publisher->safe_psql(
	'postgres', q{
LISTEN trainjob;
INSERT INTO local_training_jobs (id, config) VALUES (repeat('d', 32)::uuid, '{"max_steps": 10}');
INSERT INTO local_training_metrics (job_id, step) VALUES (repeat('d', 32)::uuid, 5);
INSERT INTO alert_event (job_id, type) VALUES (repeat('d', 32)::uuid, 'job_completed');
});
is(scalar(() = $told =~ /notification "trainjob"/g),
	2, 'the publisher tells of two changes of status');
my $heard = $subscriber->safe_psql(
	'postgres', q{
LISTEN trainjob;
ALTER SUBSCRIPTION jobs_everywhere ENABLE;
DO $$
BEGIN
	FOR i IN 1..18000 LOOP
		EXIT WHEN EXISTS (SELECT FROM local_training_jobs WHERE id = repeat('d', 32)::uuid AND status = 'completed');
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;
SELECT status, current_step, progress FROM local_training_jobs WHERE id = repeat('d', 32)::uuid;
NOTIFY trainjob, 'the end';
});
like($heard, qr/^completed\|5\|100$/m, 'the job is there');
is(join(' ', $heard =~ /notification "trainjob" with payload "([^"]*)"/g),
	'the end', 'the subscriber tells of none');
is( $subscriber->safe_psql(
		'postgres', q{SELECT status_before, status_after FROM job_status_change WHERE job_id = repeat('d', 32)::uuid ORDER BY id}),
	"pending|running\nrunning|completed", 'each change is recorded once');

# the subscriber goes on by itself; sequences are not replicated
$subscriber->safe_psql(
	'postgres', q{
DROP SUBSCRIPTION jobs_everywhere;
SELECT setval(pg_get_serial_sequence(t, 'id'), 10000000)
	FROM unnest(ARRAY['local_training_metrics', 'alert_event', 'job_status_change']) AS t;
});
new_report_works($subscriber, 'postgres', 'a report to the former subscriber works');
is(unexpected_errors($subscriber), '', 'nothing unexpected in the log of the subscriber');

$subscriber->stop;
$publisher->stop;
done_testing();
