# Tables that the migrations of Prisma, Django, Rails and Supabase made, see
# test/tables: attached without naming a column, they show the truth, and every
# write of their application works as before.
#
# An application is what it calls its tables, the words that its tables know for
# a status, and its own statements, as its mapper sends them: static defaults as
# values, times in UTC, whatever its columns are called.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $tables = "$FindBin::RealBin/../tables";
my $ann    = '0a000000-0000-4000-8000-00000000000a';
my $bob    = '0b000000-0000-4000-8000-00000000000b';

# 52 steps for 1650 samples and each epoch
my $config = '{"training": {"batch_size": 4, "gradient_accumulation_steps": 8, "num_epochs": %s,'
  . ' "eval_strategy": "steps", "eval_steps": 100}}';

# As mappers send the time to a column without time zone.
my $utc = q{(now() AT TIME ZONE 'UTC')};

# cuid() of the client
my $made = 0;
sub cuid { return sprintf('cm%023d', ++$made); }

sub or_null { return defined $_[0] ? ($_[1] // '') . "'$_[0]'" : 'NULL'; }

# What a report has, as SQL: step, train_loss, eval_loss, learning_rate.
sub measures
{
	my ($step, $loss, $eval_loss) = @_;
	return join ', ', $step, map { $_ // 'NULL' } $loss, $eval_loss, defined $loss ? '2e-5' : 'NULL';
}

my %prisma = (
	name     => 'prisma',
	jobs     => '"TrainingJob"',
	metrics  => '"TrainingMetric"',
	datasets => '"Dataset"',
	overview => '"TrainingJob_overview"',
	alerts   => 'alert_event',
	columns  => '"currentStep", "totalSteps"',
	started  => q{"startedAt" AT TIME ZONE 'UTC'},
	# the enum has them
	words => { queued => 'QUEUED', running => 'RUNNING', completed => 'SUCCEEDED', failed => 'FAILED', cancelled => 'CANCELED' },
	before      => q{INSERT INTO "Organization" ("id", "name") VALUES ('cmorganization', 'acme')},
	new_dataset => sub {
		my ($samples) = @_;
		my $id = cuid();
		return qq{INSERT INTO "Dataset" ("id", "organizationId", "name", "storagePath", "sampleCount", "trainSamples", "valSamples", "createdAt", "updatedAt")
			VALUES ('$id', 'cmorganization', '$id', 's3://$id', $samples, 0, 0, $utc, $utc) RETURNING "id"};
	},
	count_dataset => sub { qq{UPDATE "Dataset" SET "sampleCount" = $_[1], "updatedAt" = $utc WHERE "id" = '$_[0]'} },
	new_job       => sub {
		my ($dataset, $config, $status) = @_;
		my $id = cuid();
		return qq{INSERT INTO "TrainingJob" ("id", "organizationId", "datasetId", "modelName", "baseModel", "status", "config", "priority", "totalSteps",
				"currentStep", "currentEpoch", "progress", "createdAt", "updatedAt")
			VALUES ('$id', 'cmorganization', } . or_null($dataset) . qq{, 'llama', 'meta-llama/Llama-3.1-8B', CAST('$status'::text AS "JobStatus"), '$config', 0, 0,
				0, 0, 0, $utc, $utc) RETURNING "id"};
	},
	least_job => sub {
		my $id = cuid();
		return qq{INSERT INTO "TrainingJob" ("id", "organizationId", "modelName", "config", "updatedAt")
			VALUES ('$id', 'cmorganization', 'llama', '{}', CURRENT_TIMESTAMP) RETURNING "id"};
	},
	report => sub {
		my $job = shift;
		return qq{INSERT INTO "TrainingMetric" ("jobId", "createdAt", "step", "trainLoss", "evalLoss", "learningRate") VALUES ('$job', $utc, }
		  . measures(@_) . ')';
	},
	many_reports => sub {
		qq{INSERT INTO "TrainingMetric" ("jobId", "step", "trainLoss", "evalLoss") SELECT '$_[0]', n, 2.0, CASE WHEN n % 100 = 0 THEN 1.5 END FROM generate_series(1, $_[1]) AS n}
	},
	alert => sub {
		qq{INSERT INTO alert_event (job_id, type, error_message) VALUES ('$_[0]', '$_[1]', } . or_null($_[2]) . ')';
	},
	set_status => sub { qq{UPDATE "TrainingJob" SET "status" = CAST('$_[1]'::text AS "JobStatus"), "updatedAt" = $utc WHERE ("id" = '$_[0]' AND 1=1)} },
	writes => {
		'a job with its totals reset' => sub { qq{UPDATE "TrainingJob" SET "totalSteps" = 0, "currentStep" = 0, "currentEpoch" = 0, "progress" = 0, "loss" = NULL, "evalLoss" = NULL, "updatedAt" = $utc WHERE "id" = '$_[0]'} },
		'a job without its dataset' => sub { qq{UPDATE "TrainingJob" SET "datasetId" = NULL, "updatedAt" = $utc WHERE "id" = '$_[0]'} },
		'tags, config and error' => sub { qq{UPDATE "TrainingJob" SET "tags" = '{a,b}', "config" = '{}', "errorMessage" = 'none', "updatedAt" = $utc WHERE "id" = '$_[0]'} },
		'a negative priority' => sub { qq{UPDATE "TrainingJob" SET "priority" = -1 WHERE "id" = '$_[0]'} },
		'a dataset that is deleted' => sub { qq{DELETE FROM "Dataset" WHERE "id" = (SELECT "datasetId" FROM "TrainingJob" WHERE "id" = '$_[0]')} },
	},
	untouched => undef);

# Django sends every column, of an UPDATE by save() too.
my @django_columns = qw(tenant_id dataset_id model_name status config notes environment error error_type total_samples
  total_steps current_step progress loss eval_loss started_at completed_at created_at updated_at);

my %django = (
	name     => 'django',
	jobs     => 'finetune_trainingjob',
	metrics  => 'finetune_trainingmetric',
	datasets => 'finetune_dataset',
	alerts   => 'finetune_alert',
	overview => 'finetune_trainingjob_overview',
	columns  => 'current_step, total_steps',
	started  => 'started_at',
	session  => "SET TimeZone = 'UTC'",
	# what its rows say; of what none says, trainjob's own
	words => { queued => 'queued', running => 'in_progress', completed => 'completed', failed => 'failed', cancelled => 'canceled' },
	says        => { running => 'in_progress', cancelled => 'canceled' },
	before      => q{INSERT INTO finetune_tenant (name) VALUES ('acme')},
	new_dataset => sub {
		my ($samples) = @_;
		return qq{INSERT INTO finetune_dataset (tenant_id, name, file, sample_count, val_samples, created_at, updated_at)
			VALUES (1, 'tickets', '', $samples, 0, now(), now()) RETURNING id};
	},
	count_dataset => sub {
		qq{UPDATE finetune_dataset SET tenant_id = 1, name = 'tickets', file = '', sample_count = $_[1], val_samples = 0, updated_at = now() WHERE id = $_[0]}
	},
	new_job => sub {
		my ($dataset, $config, $status) = @_;
		return 'INSERT INTO finetune_trainingjob (' . join(', ', @django_columns) . qq{)
			VALUES (1, $dataset, 'llama', '$status', '$config', '', '{"gpu": "a100"}', '', '', 0, 0, 0, 0.0, NULL, NULL, NULL, NULL, now(), now()) RETURNING id};
	},
	least_job => sub {
		'INSERT INTO finetune_trainingjob (' . join(', ', @django_columns) . q{)
			SELECT 1, max(id), '', 'queued', '{}', '', '{}', '', '', 0, 0, 0, 0.0, NULL, NULL, NULL, NULL, now(), now() FROM finetune_dataset RETURNING id}
	},
	report => sub {
		my $job = shift;
		return "INSERT INTO finetune_trainingmetric (job_id, epoch, created_at, step, train_loss, eval_loss, learning_rate) VALUES ($job, NULL, now(), "
		  . measures(@_) . ')';
	},
	many_reports => sub {
		"INSERT INTO finetune_trainingmetric (job_id, step, epoch, train_loss, eval_loss, learning_rate, created_at) SELECT $_[0], n, NULL, 2.0, CASE WHEN n % 100 = 0 THEN 1.5 END, NULL, now() FROM generate_series(1, $_[1]) AS n"
	},
	alert => sub {
		my ($job, $type, $message) = @_;
		return "INSERT INTO finetune_alert (tenant_id, job_id, type, error_message, payload, acknowledged, created_at) VALUES (1, $job, '$type', '"
		  . ($message // '') . "', '{}', false, now())";
	},
	set_status => sub { "UPDATE finetune_trainingjob SET status = '$_[1]', updated_at = now() WHERE id = $_[0]" },
	writes     => {
		'a save of the whole job as it is' => sub {
			my $columns = join ', ', grep { $_ ne 'updated_at' } @django_columns;
			return "UPDATE finetune_trainingjob SET ($columns, updated_at) = (SELECT $columns, now() FROM finetune_trainingjob AS was WHERE was.id = $_[0]) WHERE id = $_[0]";
		},
		'a save of the job as it was made' => sub {
			"UPDATE finetune_trainingjob SET status = 'queued', error = '', error_type = '', total_samples = 0, total_steps = 0, current_step = 0, progress = 0.0, loss = NULL, eval_loss = NULL, started_at = NULL, completed_at = NULL, updated_at = now() WHERE id = $_[0]"
		},
		'an empty error' => sub { "UPDATE finetune_trainingjob SET status = 'failed', error = '', error_type = '', updated_at = now() WHERE id = $_[0]" },
		'a dataset of no samples' => sub { "UPDATE finetune_dataset SET sample_count = 0 WHERE id = (SELECT dataset_id FROM finetune_trainingjob WHERE id = $_[0])" },
		'an alert of a type of its own' => sub { "INSERT INTO finetune_alert (tenant_id, job_id, type, error_message, payload, acknowledged, created_at) VALUES (1, $_[0], 'quota_exceeded', '', '{}', false, now())" },
		'an alert that is read' => sub { "UPDATE finetune_alert SET acknowledged = true WHERE job_id = $_[0]" },
	},
	untouched => q{environment = '{"gpu": "a100"}'});

my %rails = (
	name     => 'rails',
	jobs     => 'training_jobs',
	metrics  => 'training_metrics',
	datasets => 'datasets',
	alerts   => 'alert_event',
	overview => 'training_jobs_overview',
	columns  => 'current_step, total_steps',
	started  => q{started_at AT TIME ZONE 'UTC'},
	session  => "SET TimeZone = 'UTC'",
	# what its rows say; of what none says, trainjob's own
	words => { queued => 'queued', running => 'running', completed => 'succeeded', failed => 'failed', cancelled => 'cancelled' },
	says        => { completed => 'succeeded', cancelled => 'canceled' },
	before      => "INSERT INTO users (email, created_at, updated_at) VALUES ('ann\@acme.example', $utc, $utc)",
	new_dataset => sub {
		my ($samples) = @_;
		# what is still the default is not sent
		my ($column, $value) = $samples ? (', sample_count', ", $samples") : ('', '');
		return "INSERT INTO datasets (user_id, name, file_key, created_at, updated_at$column) VALUES (1, 'tickets', 'uploads/1', $utc, $utc$value) RETURNING id";
	},
	count_dataset => sub { "UPDATE datasets SET sample_count = $_[1], updated_at = $utc WHERE datasets.id = $_[0]" },
	new_job       => sub {
		my ($dataset, $config, $status) = @_;
		return 'INSERT INTO training_jobs (user_id, dataset_id, base_model, status, config, metadata, created_at, updated_at, lock_version) VALUES (1, '
		  . or_null($dataset) . qq{, 'llama', '$status', '$config', '{"gpu":"a100"}', $utc, $utc, 0) RETURNING id};
	},
	least_job => sub { "INSERT INTO training_jobs (user_id, created_at, updated_at, lock_version) VALUES (1, $utc, $utc, 0) RETURNING id" },
	report    => sub {
		my $job = shift;
		return "INSERT INTO training_metrics (training_job_id, created_at, updated_at, step, train_loss, eval_loss, learning_rate) VALUES ($job, $utc, $utc, "
		  . measures(@_) . ')';
	},
	many_reports => sub {
		"INSERT INTO training_metrics (training_job_id, step, train_loss, eval_loss, created_at, updated_at) SELECT $_[0], n, 2.0, CASE WHEN n % 100 = 0 THEN 1.5 END, $utc, $utc FROM generate_series(1, $_[1]) AS n"
	},
	alert => sub { "INSERT INTO alert_event (job_id, type, error_message) VALUES ($_[0], '$_[1]', " . or_null($_[2]) . ')' },
	set_status => sub { "UPDATE training_jobs SET status = '$_[1]', updated_at = $utc, lock_version = lock_version + 1 WHERE id = $_[0] AND lock_version = (SELECT lock_version FROM training_jobs WHERE id = $_[0])" },
	writes     => {
		'update_all' => sub { "UPDATE training_jobs SET status = 'queued', lock_version = COALESCE(lock_version, 0) + 1 WHERE id = $_[0]" },
		'counters reset' => sub { "UPDATE training_jobs SET total_steps = 0, current_step = 0, progress = 0, error = NULL, loss = NULL WHERE id = $_[0]" },
		'increment_counter' => sub { "UPDATE training_jobs SET current_step = COALESCE(current_step, 0) + 1 WHERE id = $_[0]" },
		'a job without its dataset' => sub { "UPDATE training_jobs SET dataset_id = NULL, updated_at = $utc WHERE id = $_[0]" },
		'reports by insert_all' => sub { "INSERT INTO training_metrics (training_job_id, step, train_loss, created_at, updated_at) VALUES ($_[0], 1, 2.0, $utc, $utc), ($_[0], 2, NULL, $utc, $utc) ON CONFLICT DO NOTHING" },
	},
	untouched => q{metadata = '{"gpu":"a100"}'});

# The browser writes as the user, by PostgREST, the trainer as service_role.
my $as_user    = qq{SET ROLE authenticated; SET request.jwt.claims = '{"sub": "$ann", "role": "authenticated"}'};
my $as_service = 'SET ROLE service_role';

my %supabase = (
	name     => 'supabase',
	jobs     => 'training_jobs',
	metrics  => 'training_metrics',
	datasets => 'training_datasets',
	alerts   => 'training_alerts',
	overview => 'training_jobs_overview',
	columns  => 'current_step, total_steps',
	started  => 'started_at',
	session  => $as_user,
	trainer  => $as_service,
	# the CHECK has them
	words => { queued => 'queued', running => 'running', completed => 'succeeded', failed => 'failed', cancelled => 'canceled' },
	owner  => qq{INSERT INTO auth.users (id) VALUES ('$ann'), ('$bob'); INSERT INTO training_jobs (user_id, model_name) VALUES ('$bob', 'of bob')},
	before => 'SELECT',
	new_dataset => sub {
		my ($samples) = @_;
		return "INSERT INTO training_datasets (name, storage_path, sample_count) VALUES ('tickets', '$ann/' || gen_random_uuid() || '.jsonl', "
		  . ($samples || 'NULL') . ') RETURNING id';
	},
	count_dataset => sub { "UPDATE training_datasets SET sample_count = $_[1] WHERE id = '$_[0]'" },
	new_job       => sub {
		my ($dataset, $config, $status) = @_;
		return 'INSERT INTO training_jobs (dataset_id, model_name, status, config) VALUES (' . or_null($dataset) . ", 'llama', '$status', '$config') RETURNING id";
	},
	least_job => sub { "INSERT INTO training_jobs (model_name) VALUES ('llama') RETURNING id" },
	report    => sub {
		my $job = shift;
		return "INSERT INTO training_metrics (job_id, step, train_loss, eval_loss, learning_rate) VALUES ('$job', " . measures(@_) . ')';
	},
	many_reports => sub {
		"INSERT INTO training_metrics (job_id, step, train_loss, eval_loss) SELECT '$_[0]', n, 2.0, CASE WHEN n % 100 = 0 THEN 1.5 END FROM generate_series(1, $_[1]) AS n"
	},
	alert => sub { "INSERT INTO training_alerts (job_id, type, error_message) VALUES ('$_[0]', '$_[1]', " . or_null($_[2]) . ')' },
	set_status => sub { "UPDATE training_jobs SET status = '$_[1]' WHERE id = '$_[0]'" },
	writes     => {
		'counters reset' => sub { "UPDATE training_jobs SET total_steps = 0, current_step = 0, progress = 0, error_message = NULL, started_at = NULL, completed_at = NULL WHERE id = '$_[0]'" },
		'progress by the application' => sub { "UPDATE training_jobs SET progress = 50, current_step = 50 WHERE id = '$_[0]'" },
		'a job without its dataset' => sub { "UPDATE training_jobs SET dataset_id = NULL WHERE id = '$_[0]'" },
		'a dataset that is deleted' => sub { "DELETE FROM training_datasets WHERE id IN (SELECT dataset_id FROM training_jobs WHERE id = '$_[0]')" },
		'an alert that is read' => sub { "UPDATE training_alerts SET read = true WHERE job_id = '$_[0]'" },
	},
	untouched => undef);

my $node = new_node('migrations');
my $app;

# A statement as the application, or as somebody else, sends it; what it
# returns, or its error.
sub sent
{
	my ($sql, $session) = @_;
	my ($out, $error);
	my $status = $node->psql($app->{name}, join(";\n", grep { defined } $session, $sql),
		stdout => \$out, stderr => \$error, on_error_stop => 1);

	return $status == 0 ? $out : "failed: $error";
}

sub by_app     { return sent($_[0], $app->{session}); }
sub by_trainer { return sent($_[0], $app->{trainer} // $app->{session}); }

# The word that the application writes, and the one that its tables know.
sub said { return $app->{says}{ $_[0] } // $app->{words}{ $_[0] }; }

sub new_job
{
	my ($dataset, $epochs, $status) = @_;
	return by_app($app->{new_job}->($dataset, sprintf($config, $epochs), said($status // 'queued')));
}

sub works
{
	my ($name, @results) = @_;
	my @errors = grep { defined && /^failed/ } @results;

	is(join("\n", @errors), '', "$app->{name}: $name");
	return;
}

# What the dashboard shows of a job.
sub shows
{
	my ($job, $columns, $expected, $name) = @_;
	is(by_app("SELECT $columns FROM $app->{overview} WHERE id = '$job'"), $expected, "$app->{name}: $name");
	return;
}

sub has_word
{
	my ($job, $status, $name) = @_;
	is(sent("SELECT status FROM $app->{jobs} WHERE id = '$job'"), $app->{words}{$status}, "$app->{name}: $name");
	return;
}

my @ways = qw(queued running failed completed queued failed cancelled running completed running completed failed queued);
my $all = 'status, dataset_size_text, total_steps_text, progress_text, eval_loss_text, loss_text';

sub try_application
{
	# The server's zone is not the mapper's: a time without zone is UTC.
	$node->safe_psql('postgres', "CREATE DATABASE $app->{name}");
	$node->safe_psql('postgres', "ALTER DATABASE $app->{name} SET TimeZone = 'America/New_York'");
	$node->safe_psql($app->{name}, slurp_file("$tables/$app->{name}.sql") . ";\nRESET ALL;\nCREATE EXTENSION trainjob");

	#
	# Before: a job that has ended, one that runs, one of which nothing is said
	#
	works('rows before', sent($app->{owner} // 'SELECT'), by_app($app->{before}));

	my $old_dataset = by_app($app->{new_dataset}->(3200));
	my $old         = new_job($old_dataset, 10, 'completed');
	my $at_work     = new_job(by_app($app->{new_dataset}->(1650)), 3, 'running');

	works('a job with all omitted, before', by_app($app->{least_job}->()));
	foreach my $write (sort keys %{ $app->{writes} })
	{
		works("$write, before", by_app('BEGIN; ' . $app->{writes}{$write}->($at_work) . '; ROLLBACK'));
	}
	works('all ways from status to status, before',
		by_app(join '; ', 'BEGIN', (map { $app->{set_status}->($at_work, said($_)) } @ways), 'ROLLBACK'));
	works('reports before', by_trainer($app->{many_reports}->($old, 1000)), by_trainer($app->{many_reports}->($at_work, 39)));

	#
	# Attach
	#
	my $alerts = $app->{alerts} eq 'alert_event' ? '' : "'$app->{alerts}', ";
	my $attached = sent("SELECT * FROM trainjob.attach('$app->{jobs}', '$app->{metrics}', '$app->{datasets}', $alerts add_columns => true)");

	works('attach, and no column is named', $attached);
	return if $attached =~ /^failed/;
	is(sent("SELECT count(*) FROM trainjob.attach('$app->{jobs}', '$app->{metrics}', '$app->{datasets}', $alerts add_columns => true) WHERE action !~ '^(missing|note|next)'"),
		'0', "$app->{name}: a second call has nothing to do");

	my $left;

	for (1 .. 10)
	{
		$left = sent("SELECT trainjob.refill_jobs('$app->{jobs}')");
		last if $left !~ /^[1-9]/;
	}
	is($left, '0', "$app->{name}: refilled");
	shows($old, $all, 'completed|3200 samples|1000 steps|100%|1.5000|2.0000', 'a job that succeeded before');
	is(sent("SELECT status FROM $app->{jobs} WHERE id = '$old'"), said('completed'), "$app->{name}: and its word is left as it was");
	shows($at_work, $all, 'running|1650 samples|156 steps|25%|Awaiting evaluation (every 100 steps)|2.0000', 'a job that ran before');

	works('a report of a job from before', by_trainer($app->{report}->($at_work, 78, 1.75)));
	shows($at_work, 'status, progress_text, loss_text', 'running|50%|1.7500', 'it goes on');

	#
	# A new job
	#
	my $dataset = by_app($app->{new_dataset}->(1650));
	my $job     = new_job($dataset, 3);

	works('an INSERT of a job', $job);
	return if $job =~ /^failed/;
	shows($job, "$all, perplexity_text",
		'queued|1650 samples|156 steps|Unknown|Awaiting evaluation (every 100 steps)|Awaiting first metrics|Awaiting first metrics',
		'a new job');
	has_word($job, 'queued', 'its word');

	$dataset = by_app($app->{new_dataset}->(0));
	my $late = new_job($dataset, 3);

	works('an INSERT of a job whose dataset is not counted yet', $late);
	return if $late =~ /^failed/;
	shows($late, 'status, dataset_size_text, total_steps_text, progress_text', 'queued|Unknown|Unknown|Unknown',
		'its dataset is not counted yet');
	works('the dataset is counted', by_app($app->{count_dataset}->($dataset, 1650)));
	shows($late, 'status, dataset_size_text, total_steps_text, progress_text', 'queued|1650 samples|156 steps|Unknown', 'its job knows');

	#
	# It trains
	#
	works('ten reports', map { by_trainer($app->{report}->($job, $_ * 7, 2.8 - $_ / 10)) } 1 .. 9);
	works('the tenth', by_trainer($app->{report}->($job, 70, 2.0945)));
	shows($job, "$all, perplexity_text, learning_rate_text, health",
		'running|1650 samples|156 steps|45%|Awaiting evaluation (every 100 steps)|2.0945|8.12|2.00e-05|active', 'ten reports');
	has_word($job, 'running', 'the word for it');
	is(sent("SELECT $app->{columns} FROM $app->{jobs} WHERE id = '$job'"), '70|156', "$app->{name}: the application's own columns");
	is(sent("SELECT abs(extract(epoch FROM now() - $app->{started})) < 600 FROM $app->{jobs} WHERE id = '$job'"),
		't', "$app->{name}: when it started, in UTC");
	is( by_app("SELECT elapsed_seconds BETWEEN 0 AND 600, abs(extract(epoch FROM now() - last_metric_at)) < 600 FROM $app->{overview} WHERE id = '$job'"),
		't|t', "$app->{name}: and since when, in the view");
	if (my $save = $app->{writes}{'a save of the whole job as it is'})
	{
		works('a save of all its columns', by_app($save->($job)));
		shows($job, $all, 'running|1650 samples|156 steps|45%|Awaiting evaluation (every 100 steps)|2.0945', 'takes nothing back');
	}
	works('an evaluation', by_trainer($app->{report}->($job, 100, undef, 1.2345)));
	shows($job, $all, 'running|1650 samples|156 steps|64%|1.2345|2.0945', 'its eval loss');

	#
	# How it ends
	#
	works('job_completed', by_trainer($app->{alert}->($job, 'job_completed')));
	shows($job, "$all, health", 'completed|1650 samples|156 steps|100%|1.2345|2.0945|ended', 'it completed');
	has_word($job, 'completed', 'the word for that');
	is(sent("SELECT outcome, status_before, status_after FROM $app->{alerts} WHERE job_id = '$job'"),
		'applied|running|completed', "$app->{name}: the alert says what it did");

	works('a report of the second job', by_trainer($app->{report}->($late, 39, 2)));
	works('job_failed', by_trainer($app->{alert}->($late, 'job_failed', 'out of memory')));
	shows($late, 'status, health, progress_text, error', 'failed|ended|25%|out of memory', 'the second failed');
	has_word($late, 'failed', 'the word for that');
	works('a restart', by_app($app->{set_status}->($late, said('queued'))));
	shows($late, 'status, progress_text, error', 'queued|Unknown|', 'it was restarted');
	works('a report of it', by_trainer($app->{report}->($late, 13, 1.5)));
	shows($late, "$all, error", 'running|1650 samples|156 steps|8%|Awaiting evaluation (every 100 steps)|1.5000|', 'it runs again');
	works('job_completed', by_trainer($app->{alert}->($late, 'job_completed')));
	shows($late, 'status, progress_text, eval_loss_text', 'completed|100%|No eval loss reported', 'and completes');

	#
	# Whatever the application could write, it still can
	#
	my $last = new_job(by_app($app->{new_dataset}->(1650)), 3);

	works('a status by the application', by_app($app->{set_status}->($last, said('running'))));
	shows($last, 'status, total_steps_text, loss_text', 'running|156 steps|Awaiting first metrics', 'it runs');
	works('a cancellation by the application', by_app($app->{set_status}->($last, said('cancelled'))));
	shows($last, 'status, health', 'cancelled|ended', 'it is cancelled');
	is(sent("SELECT status FROM $app->{jobs} WHERE id = '$last'"), said('cancelled'), "$app->{name}: by its own word");
	works('all ways from status to status',
		map { by_app($app->{set_status}->($last, said($_))) } @ways);
	shows($last, 'status', 'queued', 'the last of them');
	works('a job with all omitted', by_app($app->{least_job}->()));
	works('a job without a dataset', by_app($app->{new_job}->(undef, '{}', said('queued')))) if $app->{name} ne 'django';
	works('an odd configuration', by_app($app->{new_job}->($dataset, '{"num_epochs": -1, "batch_size": "auto"}', said('queued'))));
	foreach my $write (sort keys %{ $app->{writes} })
	{
		works($write, by_app($app->{writes}{$write}->($last)));
	}
	is(sent("SELECT count(*) FROM $app->{jobs} WHERE NOT ($app->{untouched})"), $app->{name} eq 'django' ? '2' : '0', "$app->{name}: what is the application's alone")
	  if $app->{untouched};
	if ($app->{name} eq 'supabase')
	{
		is(by_app("SELECT count(*) FROM $app->{overview} WHERE model_name = 'of bob'"), '0', 'supabase: nobody sees the jobs of others');
	}

	is(sent("SELECT * FROM trainjob.verify_jobs('$app->{jobs}')"), '', "$app->{name}: no row disagrees with its reports");
	return;
}

foreach my $application (\%prisma, \%django, \%rails, \%supabase)
{
	$app = $application;
	try_application();
}

$node->stop;
done_testing();
