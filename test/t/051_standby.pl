# A hot standby answers all that reads, as the primary does, and says of a write
# what PostgreSQL says. Promoted, it goes on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Cluster;
use Test::More;
use TrainjobTest;

my $primary = PostgreSQL::Test::Cluster->new('primary');
my $standby = PostgreSQL::Test::Cluster->new('standby');
my $job     = q{'7f3c0000-0000-4000-8000-000000000001'};

$primary->init(allows_streaming => 1);
$primary->start;
sample_rows($primary, 'postgres');
# a job whose every text depends on its curve, and tables of an application
$primary->safe_psql(
	'postgres', qq{
INSERT INTO local_training_jobs (id, job_token, config, total_samples)
	VALUES ($job, 'secret', '{"num_epochs": 3, "eval_strategy": "steps", "eval_steps": 5}', 3200);
INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, extra, recorded_at)
	SELECT $job, n, n / 100.0, 3.0 / n, CASE WHEN n % 5 = 0 THEN 4.0 / n END, jsonb_build_object('margin', n / 2.0),
		now() - interval '1 hour' + n * interval '3 s' FROM generate_series(1, 200) AS n;
CREATE SCHEMA app;
CREATE TABLE app.jobs (id integer PRIMARY KEY, status text, total_steps integer, current_step integer);
CREATE TABLE app.metrics (job_id integer, step integer, train_loss real);
SELECT trainjob.attach('app.jobs', 'app.metrics');
INSERT INTO app.jobs VALUES (1, 'pending', 10);
INSERT INTO app.metrics VALUES (1, 5, 2.5);
});
$primary->backup('base');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->safe_psql('postgres',
	"INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES ($job, 201, 0.01)");
$primary->wait_for_catchup($standby);

# everything that only reads
my %question = (
	'the overview' =>
	  'SELECT to_jsonb(o) - \'elapsed_seconds\' - \'health\' FROM job_overview AS o ORDER BY id',
	'the coverage' => 'SELECT * FROM metric_coverage ORDER BY job_id, metric',
	'an application\'s overview' => 'SELECT to_jsonb(o) - \'elapsed_seconds\' FROM app.jobs_overview AS o',
	'an application\'s coverage' => 'SELECT * FROM app.metrics_coverage ORDER BY metric',
	'a curve' => "SELECT * FROM trainjob.metric_series($job\::uuid, 'train_loss', 20, 'local_training_jobs')",
	'a curve of extra' => "SELECT * FROM trainjob.metric_series($job\::uuid, 'margin', 20, 'local_training_jobs')",
	'a curve, by the id as text' => "SELECT * FROM trainjob.metric_series('1', 'train_loss', 20, 'app.jobs')",
	'curves' => "SELECT * FROM trainjob.metric_series(ARRAY[$job\::uuid], 'eval_loss', 20, 'local_training_jobs')",
	'the sum of the steps' =>
	  "SELECT e.*, trainjob.first_eval_step(config, total_samples, train_samples, val_samples)
	   FROM local_training_jobs, trainjob.explain_total_steps(config, total_samples, train_samples, val_samples) AS e
	   ORDER BY id",
	'an estimate' => q{SELECT trainjob.estimate_total_steps('{"num_epochs": 2}', 320)},
	'a sparkline' => 'SELECT trainjob.sparkline(array_agg(train_loss ORDER BY step), 20) FROM local_training_metrics',
	'the sets' => 'SELECT * FROM trainjob.job_sets() ORDER BY jobs::text',
	'verify_jobs()' => q{SELECT v::text FROM trainjob.verify_jobs('local_training_jobs') AS v
		UNION ALL SELECT v::text FROM trainjob.verify_jobs('app.jobs') AS v ORDER BY 1},
);
foreach my $name (sort keys %question)
{
	my $there = $standby->safe_psql('postgres', $question{$name});

	is($there, $primary->safe_psql('postgres', $question{$name}), "$name is the same");
	isnt($there, '', "$name is not empty") unless $name eq 'verify_jobs()';
}
is( $standby->safe_psql('postgres', "SELECT health, eta_confidence FROM job_overview WHERE id = $job"),
	$primary->safe_psql('postgres', "SELECT health, eta_confidence FROM job_overview WHERE id = $job"),
	'what depends on the time is there too');

# what writes
foreach my $write (
	"INSERT INTO local_training_metrics (job_id, step) VALUES ($job, 300)",
	q{SELECT trainjob.report_metrics('secret', '[{"step": 300}]', 'local_training_jobs')},
	q{SELECT trainjob.report_alert('secret', 'job_completed', '{}', 'local_training_jobs')},
	q{SELECT trainjob.refill_jobs('app.jobs')},
	q{SELECT trainjob.fail_stalled('0 s', 'local_training_jobs')})
{
	my ($ret, $stdout, $stderr) = $standby->psql('postgres', $write);

	isnt($ret, 0, "refused: $write");
	like($stderr, qr/ERROR:  cannot execute .* in a read-only transaction|ERROR:  cannot .* during recovery/,
		'PostgreSQL says why');
}

$standby->promote;
new_report_works($standby, 'postgres', 'promoted, a report works');
is( $standby->safe_psql(
		'postgres', "SELECT trainjob.report_metrics('secret', '[{\"step\": 250}]', 'local_training_jobs');
		SELECT current_step FROM local_training_jobs WHERE id = $job"),
	"1\n250", 'promoted, a report by token works');

$standby->stop;
$primary->stop;
done_testing();
