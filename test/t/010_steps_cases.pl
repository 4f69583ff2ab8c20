# The worked cases of doc/steps.md.
#
# A file of cases has the columns case_id, dialect, total_samples,
# train_samples, val_samples, config_json (empty: SQL NULL),
# expected_total_steps, expected_first_eval_step, note.  It is named by
# TRAINJOB_STEPS_CASES, or lies beside the repository; without one there is
# nothing to test.
use strict;
use warnings;

use File::Spec;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $cases = $ENV{TRAINJOB_STEPS_CASES}
  // "$FindBin::RealBin/../../../shared/steps-cases.csv";

plan skip_all => "no file of cases at $cases" unless -r $cases;
$cases = File::Spec->rel2abs($cases);

my $node = PostgreSQL::Test::Cluster->new('steps');
$node->init;
$node->start;
$node->safe_psql(
	'postgres', qq(
	CREATE EXTENSION trainjob;
	CREATE TABLE cases (case_id text PRIMARY KEY, dialect text,
		total_samples bigint, train_samples bigint, val_samples bigint,
		config_json text, total_steps bigint, first_eval_step bigint,
		note text);
	COPY cases FROM '$cases' (FORMAT csv, HEADER)));

my $count = $node->safe_psql('postgres', 'SELECT count(*) FROM cases');
cmp_ok($count, '>', 0, "cases in $cases");

my $arguments =
  'config_json::jsonb, total_samples, train_samples, val_samples';
is( $node->safe_psql(
		'postgres', qq(
	SELECT c.case_id, c.note, 'expected', c.total_steps, c.first_eval_step,
		'got', f.total_steps, f.first_eval_step
	FROM cases AS c, LATERAL (
			SELECT trainjob.estimate_total_steps($arguments),
				trainjob.first_eval_step($arguments)
		) AS f (total_steps, first_eval_step)
	WHERE (c.total_steps, c.first_eval_step)
		IS DISTINCT FROM (f.total_steps, f.first_eval_step)
	ORDER BY c.case_id)),
	'',
	"$count cases: total steps and first evaluation");

is( $node->safe_psql(
		'postgres', qq(
	SELECT c.case_id, c.dialect, e.dialect, e.explanation
	FROM cases AS c, trainjob.explain_total_steps($arguments) AS e
	WHERE (c.dialect, c.total_steps, c.first_eval_step)
		IS DISTINCT FROM (e.dialect, e.total_steps, e.first_eval_step)
		OR e.explanation IS NULL
	ORDER BY c.case_id)),
	'',
	"$count cases: the explanation says the same");

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
