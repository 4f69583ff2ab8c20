# Configurations of many trainers, with the steps that their runs took.
#
# A file of them has the columns case_id, kind, config_json, total_samples,
# train_samples, val_samples, expected_total_steps, expected_first_eval_step, what
# the two were before, source, note.  An empty total means that none can
# be known; where the first evaluation is empty, either none is expected, or what
# the second of those columns says.  It is named by TRAINJOB_STEPS_FOUND, or lies
# beside the repository; without one there is nothing to test.
use strict;
use warnings;

use File::Spec;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cases = $ENV{TRAINJOB_STEPS_FOUND}
  // "$FindBin::RealBin/../../../shared/steps-found.csv";

plan skip_all => "no file of cases at $cases" unless -r $cases;
$cases = File::Spec->rel2abs($cases);

my $node = PostgreSQL::Test::Cluster->new('steps_found');
$node->init;
$node->start;
$node->safe_psql(
	'postgres', qq(
	CREATE EXTENSION trainjob;
	CREATE TABLE cases (case_id text PRIMARY KEY, kind text,
		config_json text, total_samples bigint, train_samples bigint,
		val_samples bigint, total_steps bigint, first_eval_step bigint,
		total_steps_before bigint, first_eval_step_before bigint, source text,
		note text);
	COPY cases FROM '$cases' (FORMAT csv, HEADER)));

my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM cases');
cmp_ok($count, '>', 0, "cases in $cases");

my $arguments =
  'config_json::jsonb, total_samples, train_samples, val_samples';
is( $node->safe_psql(
		'postgres', qq(
	SELECT c.case_id, c.source, 'expected', c.total_steps, c.first_eval_step,
		'got', e.total_steps, e.first_eval_step, e.explanation
	FROM cases AS c, trainjob.explain_total_steps($arguments) AS e
	WHERE c.total_steps IS DISTINCT FROM e.total_steps
		OR (c.first_eval_step IS DISTINCT FROM e.first_eval_step
			AND (c.first_eval_step IS NOT NULL
				OR c.first_eval_step_before IS DISTINCT FROM e.first_eval_step))
	ORDER BY c.case_id)),
	'',
	"$count cases: total steps and first evaluation");

is( $node->safe_psql(
		'postgres', qq(
	SELECT case_id
	FROM cases
	WHERE total_steps IS NULL
		AND _trainjob.job_note(config_json::jsonb, 's3://x', total_samples,
			train_samples, val_samples, NULL) IS NULL
	ORDER BY case_id)),
	'',
	'an unknown total has a note');

$node->stop;
done_testing();
