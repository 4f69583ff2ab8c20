# Real training runs, replayed through INSERTs: the job ends with what the
# trainer's own file says.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Where the runs are: trainer_state.json files of Hugging Face trainers.
my $runs = $ENV{TRAINJOB_RUNS}
  // "$FindBin::RealBin/../../../shared/runs";
my @files = sort glob "$runs/*.json";

plan skip_all => "no runs in $runs" if !@files;

# The columns of a report that have a key of the trainer's; what else is a
# number goes to "extra", what is not is left out.
my %columns = (
	loss => 'train_loss', epoch => 'epoch', eval_loss => 'eval_loss',
	grad_norm => 'grad_norm', learning_rate => 'learning_rate');

my $infinity = 9**9**9;
my %special = (NaN => $infinity - $infinity, Infinity => $infinity, '-Infinity' => -$infinity);

#
# Reading a run
#

# A run as its trainer wrote it. Perl's parser refuses NaN and Infinity, so
# they become texts first, and come back as numbers; numbers are kept as the
# texts that they are in the file.
sub read_run
{
	my ($file) = @_;
	my $text = slurp_file($file);

	$text =~ s/([:\[,]\s*)(NaN|-?Infinity)\b/$1"$2"/g;
	$text =~ s/([:\[,]\s*)(-?[0-9][0-9.eE+-]*)/$1"$2"/g;
	return decode_json($text);
}

sub is_number
{
	my ($value) = @_;
	return defined $value && !ref $value
	  && ($special{$value} || $value =~ /^-?[0-9]/);
}

sub number
{
	my ($text) = @_;
	return $special{$text} // $text + 0;
}

sub is_finite
{
	my ($number) = @_;
	return $number == $number && abs($number) != $infinity;
}

# The entries that are reports: those that have a step.
sub reports
{
	my ($run) = @_;
	return grep { is_number($_->{step}) } @{ $run->{log_history} };
}

# A row of the metrics table for a report, as SQL.
sub row
{
	my ($id, $report) = @_;
	my %row = (job_id => "'$id'", step => $report->{step});
	my @extra;

	foreach my $key (sort keys %$report)
	{
		my $value = $report->{$key};
		my $column = $columns{$key};

		next if $key eq 'step' || !is_number($value);
		# the summary's mean goes where a careless reporter puts it
		$column = 'train_loss' if $key eq 'train_loss';
		if ($column)
		{
			$row{$column} = "'$value'";
		}
		else
		{
			push @extra, sprintf '"%s": %s', $key, $special{$value} ? "\"$value\"" : $value;
		}
	}
	$row{extra} = "'{" . join(', ', @extra) . "}'" if @extra;
	return \%row;
}

sub insert
{
	my (@rows) = @_;
	my @names = qw(job_id step epoch train_loss eval_loss grad_norm learning_rate extra);

	return 'INSERT INTO local_training_metrics (' . join(', ', @names) . ') VALUES '
	  . join(', ', map { my $row = $_; '(' . join(', ', map { $row->{$_} // 'NULL' } @names) . ')' } @rows)
	  . ';';
}

# What the job must say at the end, computed from the run alone.
sub expected
{
	my ($run) = @_;
	my %expected = (rows => 0, evaluations => 0);
	my %step;

	foreach my $report (reports($run))
	{
		$expected{rows}++;
		$expected{evaluations}++ if exists $report->{eval_loss};
		foreach my $pair ([ step => 'current_step' ], [ loss => 'loss' ], [ eval_loss => 'eval_loss' ],
			[ epoch => 'current_epoch' ], [ grad_norm => 'grad_norm' ], [ learning_rate => 'learning_rate' ])
		{
			my ($key, $column) = @$pair;

			next if !is_number($report->{$key});
			# the newest by step, of one step the last in the file
			next if defined $step{$column} && $report->{step} < $step{$column};
			$step{$column} = $report->{step};
			$expected{$column} = number($report->{$key});
		}
		next if !is_number($report->{eval_loss});
		my $eval_loss = number($report->{eval_loss});
		next if !is_finite($eval_loss);
		next if defined $expected{best_eval_loss}
		  && ( $expected{best_eval_loss} < $eval_loss
			|| ($expected{best_eval_loss} == $eval_loss && $expected{best_step} <= $report->{step}));
		$expected{best_eval_loss} = $eval_loss;
		$expected{best_step} = $report->{step} + 0;
		$expected{best_epoch} = number($report->{epoch});
	}
	return \%expected;
}

#
# The replay
#

my $node = PostgreSQL::Test::Cluster->new('runs');
$node->init;
$node->start;
$node->safe_psql('postgres',
	'CREATE EXTENSION trainjob; SELECT trainjob.create_tables()');

my $number = 0;

sub new_job
{
	my ($name) = @_;
	my $id = sprintf '00000000-0000-0000-0000-%012d', ++$number;

	$node->safe_psql('postgres',
		"INSERT INTO local_training_jobs (id, model_name) VALUES ('$id', '$name')");
	return $id;
}

# The job's row, and what the file says, in the same form.
sub check
{
	my ($id, $expected, $name) = @_;
	my @columns = qw(current_step current_epoch loss eval_loss grad_norm learning_rate
	  best_eval_loss best_step best_epoch);
	my $row = $node->safe_psql('postgres',
		'SELECT ' . join(', ', map { "coalesce($_\::text, 'none')" } @columns)
		  . ", (SELECT count(*) FROM local_training_metrics WHERE job_id = '$id'),
			   (SELECT count(eval_loss) FROM local_training_metrics WHERE job_id = '$id'), status
			FROM local_training_jobs WHERE id = '$id'");
	my %got;

	@got{ @columns, qw(rows evaluations status) } = split /\|/, $row;
	foreach my $column (@columns, qw(rows evaluations))
	{
		my $wanted = $expected->{$column};
		my $got = $got{$column};

		if (!defined $wanted || $got eq 'none')
		{
			is($got, $wanted // 'none', "$name: $column");
		}
		elsif ($wanted != $wanted)
		{
			is($got, 'NaN', "$name: $column");
		}
		else
		{
			cmp_ok(number($got), '==', $wanted, "$name: $column");
		}
	}
	is($got{status}, 'running', "$name: status");
	return;
}

foreach my $file (@files)
{
	my ($name) = $file =~ m{([^/]+)\.json$};
	my $run = read_run($file);
	my $expected = expected($run);
	my @reports = reports($run);
	my $id;

	# as the trainer reported, entry by entry
	$id = new_job($name);
	$node->safe_psql('postgres', join "\n", map { insert(row($id, $_)) } @reports);
	check($id, $expected, $name);

	# all at once
	$id = new_job("$name at once");
	$node->safe_psql('postgres', insert(map { row($id, $_) } @reports));
	check($id, $expected, "$name at once");

	# the last step first; the entries of a step stay in their order
	$id = new_job("$name backwards");
	my @order = sort { $reports[$b]{step} <=> $reports[$a]{step} || $a <=> $b } 0 .. $#reports;
	$node->safe_psql('postgres', join "\n", map { insert(row($id, $reports[$_])) } @order);
	check($id, $expected, "$name backwards");

	# what the trainer worked to, and its end; epochs of any kind do not move it
	$node->safe_psql('postgres',
		"INSERT INTO alert_event (job_id, type, total_steps) VALUES ('$id', 'job_completed', $run->{max_steps})");
	is($node->safe_psql('postgres',
			"SELECT status, total_steps, total_steps_source, progress FROM local_training_jobs WHERE id = '$id'"),
		"completed|$run->{max_steps}|reported|100", "$name: completed");
}

#
# The total, report by report
#

# Replays a run into a job, with what the job's total was after each report as
# rows of (report, total_steps, total_steps_source).
sub totals
{
	my ($id, @reports) = @_;
	my $total = "SELECT total_steps || '|' || total_steps_source FROM local_training_jobs WHERE id = '$id';";

	return map { [ split /\|/ ] } split /\n/,
	  $node->safe_psql('postgres', join "\n", map { insert(row($id, $_)) . $total } @reports);
}

# An epoch that the trainer did not round to two decimals, which proves
# something.
sub is_unrounded
{
	my ($epoch) = @_;
	return defined $epoch && $epoch =~ /\.[0-9]{3}|e-/;
}

foreach my $file (@files)
{
	my ($name) = $file =~ m{([^/]+)\.json$};
	my $run = read_run($file);
	my @reports = reports($run);
	my ($total, $epochs) = @$run{qw(max_steps num_train_epochs)};
	my $is_streamed = $epochs > 1e6;
	# the number of steps ends it, not that of epochs
	my $is_limited = $run->{epoch} < $epochs && $run->{global_step} == $total && $epochs - $run->{epoch} > 0.5;
	my %wrong;
	my $id;

	# The trainer says its total when it starts; nothing moves it.
	$id = new_job("$name reported");
	$node->safe_psql('postgres', qq{
		UPDATE local_training_jobs SET train_samples = 7 * $total,
			config = '{"num_train_epochs": 2, "per_device_train_batch_size": 8}' WHERE id = '$id';
		INSERT INTO alert_event (job_id, type, total_steps) VALUES ('$id', 'job_started', $total)});
	$wrong{"@$_"} = 1 foreach grep { "@$_" ne "$total reported" } totals($id, @reports);
	is(join(', ', sort keys %wrong), '', "$name: the total that the trainer reported holds");

	# It says nothing, and the number of samples is wrong.
	next if $is_streamed;
	$id = new_job("$name estimated");
	my $config = $is_limited ? qq{, "max_steps": $total} : '';
	$node->safe_psql('postgres', qq{
		UPDATE local_training_jobs SET train_samples = 7 * $total,
			config = '{"num_train_epochs": $epochs, "per_device_train_batch_size": 1$config}' WHERE id = '$id'});
	my @totals = totals($id, @reports);
	my $proof = 0;
	%wrong = ();
	foreach my $n (0 .. $#reports)
	{
		$proof ||= is_unrounded($reports[$n]->{epoch});
		next if !$proof && !$is_limited;
		$wrong{ $totals[$n][0] } = 1 if abs($totals[$n][0] - $total) > $epochs;
	}
	is(join(', ', sort keys %wrong), '',
		"$name: " . ($is_limited ? 'the total that its configuration states holds'
			: $proof ? "the total is found from its epochs, but for $epochs steps" : 'no epoch proves a thing'));
}

is($node->safe_psql('postgres', 'SELECT count(*) FROM trainjob.verify_jobs()'),
	0, 'verify_jobs has nothing to say');

# The mean of the run is kept, but is not the loss of a step.
is($node->safe_psql('postgres', q{
	SELECT count(*) FROM local_training_metrics AS m JOIN local_training_jobs AS j ON j.id = m.job_id
	WHERE m.extra ? 'train_runtime' AND (m.perplexity IS NOT NULL OR m.train_loss IS NULL)}),
	0, 'a summary row has a mean and no perplexity');

$node->stop;
done_testing();
