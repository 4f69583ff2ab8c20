# The recipes of CONTRIBUTING.md, followed on a copy of the source: a metric
# column, an alert type and a trainer's dialect, in the files that it names and
# no other, do what it says they do.
#
# The copy goes by the name of another extension, for the server has this one.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use File::Copy;
use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $source = "$FindBin::RealBin/../..";
my $copy   = PostgreSQL::Test::Utils::tempdir();
my @made;

END { unlink @made }

sub write_file
{
	my ($name, $text) = @_;

	open(my $file, '>', $name) or die "$name: $!";
	print $file $text;
	close $file;
	return;
}

# Puts a text before another, which must be there once.
sub put_before
{
	my ($name, $place, $text) = @_;
	my $content = slurp_file("$copy/$name");
	my $count   = () = $content =~ /\Q$place\E/g;

	die "$name has \"$place\" $count times" if $count != 1;
	write_file("$copy/$name", $content =~ s/\Q$place\E/$text$place/r);
	return;
}

system_or_bail('cp', '-r', "$source/Makefile", "$source/trainjob.c", "$source/src",
	"$source/trainjob.control", glob("$source/trainjob--*.sql"), $copy);

# A metric column.
put_before('src/tables/columns.h', '	C(BEST_EVAL_LOSS, "best_eval_loss"',
	qq{	C(TOKENS_SEEN, "tokens_seen", NUMBER, BY_REPORTS, "", "The newest tokens_seen.") \\\n});
put_before('src/tables/columns.h', '	C(EXTRA, "extra"',
	qq{	UP(TOKENS_SEEN, "tokens_seen", BY_TOKEN, TOKENS_SEEN, "Tokens so far.") \\\n});

# An alert type.
put_before('src/status/status.c', '	{"timeout_warning", ALERT_WARNING, ""},',
	qq{	{"checkpoint_saved", ALERT_WARNING, ""},\n});
put_before('src/tables/columns.h', 'gpu_oom, disk_warning or timeout_warning.', 'checkpoint_saved, ');

# A trainer's dialect.
write_file("$copy/src/steps/sweeper.c", q{/*
 * sweeper.c
 *	  A trainer that is made up: T = E x down(N / b)
 */
#include "postgres.h"

#include "steps/dialect.h"

static void
measure_epoch(const JobConfig *config, StepPlan *plan)
{
	int64 batches = plan->samples / plan->batch.value;

	set_epoch(plan, batches, batches);
}

static void
plan_evaluation(const JobConfig *config, StepPlan *plan)
{
	plan->eval_schedule = EVAL_NONE;
}

static void
say_updates(StringInfo text, const JobConfig *config, const StepPlan *plan)
{
	appendStringInfo(text, "floor(" INT64_FORMAT " / " INT64_FORMAT ")",
					 plan->samples, plan->batch.value);
}

const Dialect trainjob_sweeper = {
	.name = "sweeper",
	.marks = {CONFIG_SWEEPS},
	.batch = {CONFIG_BATCH_SIZE},
	.default_accumulation = 1,
	.epochs = {CONFIG_SWEEPS},
	.one_process = true,
	.measure_epoch = measure_epoch,
	.count_steps = trainjob_count_epochs,
	.plan_evaluation = plan_evaluation,
	.say_updates = say_updates,
	.epochs_wanted = "a number above 0",
};
});
put_before('Makefile', 'openai.o', 'sweeper.o ');
put_before('src/steps/dialect.h', 'extern const Dialect trainjob_openai;',
	"extern const Dialect trainjob_sweeper;\n");
put_before('src/steps/steps.c', '&trainjob_openai,', '&trainjob_sweeper, ');
put_before('src/steps/config.h', '	KEY(TRAINING, "training")', qq{	KEY(SWEEPS, "sweeps") \\\n});

{
	# not those of the make that runs this
	local %ENV = %ENV;
	delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEFILES)};
	system_or_bail('make', '-s', '-C', $copy, 'with_llvm=no',
		'PG_CONFIG=' . ($ENV{TRAINJOB_BUILD_WITH} || 'pg_config'));
}

my $node       = new_node('recipes');
my $library    = $node->config_data('--pkglibdir') . '/recipes.so';
my $extensions = $node->config_data('--sharedir') . '/extension';
my ($script) = glob("$copy/trainjob--*.sql");
my $control = slurp_file("$copy/trainjob.control");

@made = ($library, "$extensions/recipes.control", "$extensions/recipes--1.0.sql");
copy("$copy/trainjob.so", $library) or die "$library: $!";
copy($script, "$extensions/recipes--1.0.sql") or die "$script: $!";
write_file("$extensions/recipes.control", $control =~ s{\$libdir/trainjob}{\$libdir/recipes}r);

my $job = '00000000-0000-4000-8000-000000000001';

$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION recipes;
SELECT trainjob.create_tables();
INSERT INTO local_training_jobs (id, job_token, config, train_samples)
VALUES ('$job', 'a token of a job', '{"sweeps": 3, "batch_size": 8}', 100);
INSERT INTO local_training_metrics (job_id, step, tokens_seen) VALUES ('$job', 3, 4096);});

is( $node->safe_psql('postgres', 'SELECT current_step, tokens_seen FROM local_training_jobs'),
	'3|4096', 'a metric column: its newest value goes up to the job');
$node->safe_psql('postgres', q{SELECT trainjob.report_metrics('a token of a job', '{"step": 4, "tokens_seen": 5120}')});
is( $node->safe_psql('postgres', 'SELECT current_step, tokens_seen FROM local_training_jobs'),
	'4|5120', 'a token writes it');
is( $node->safe_psql('postgres', q{SELECT verdict FROM metric_coverage WHERE metric = 'tokens_seen'}),
	'reported since step 3', 'the coverage has it');
is( $node->safe_psql('postgres', q{SELECT col_description('local_training_metrics'::regclass, attnum) FROM pg_attribute
	WHERE attrelid = 'local_training_metrics'::regclass AND attname = 'tokens_seen'}),
	'Tokens so far.', 'it has a comment');
is($node->safe_psql('postgres', 'SELECT v::text FROM trainjob.verify_jobs() AS v'), '', 'verify_jobs() knows it');

$node->safe_psql('postgres', "INSERT INTO alert_event (job_id, type) VALUES ('$job', 'checkpoint_saved')");
is( $node->safe_psql('postgres', 'SELECT outcome, status FROM alert_event, local_training_jobs'),
	'noted|running', 'an alert type: it is noted and changes no status');

is( $node->safe_psql('postgres', 'SELECT total_steps, total_steps_source FROM local_training_jobs'),
	'36|estimated', "a dialect: the total is counted the trainer's way");
is( $node->safe_psql('postgres', q{SELECT explanation FROM trainjob.explain_total_steps('{"sweeps": 3, "batch_size": 8}', NULL, 100)}),
	'floor(100 / 8) x 3 = 36; batch_size from config.batch_size, num_epochs from config.sweeps', 'the explanation says how');

$node->stop;
done_testing();
