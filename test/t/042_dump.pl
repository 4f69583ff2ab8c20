# Dumps, restored with no special flag: all rows are the same, and so is all
# that was made around the tables.  DROP EXTENSION takes no row along.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $node = new_node('dump');
my $dir  = PostgreSQL::Test::Utils::tempdir();

sub dump_to
{
	my ($file, @options) = @_;
	$node->command_ok([ 'pg_dump', @options, '-f', "$dir/$file", 'postgres' ],
		"pg_dump @options");
	return;
}

sub restore
{
	my ($db, $file, @options) = @_;
	my @command =
	  $file =~ /\.sql$/
	  ? ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $db, '-f', "$dir/$file")
	  : ('pg_restore', '--exit-on-error', @options, '-d', $db, "$dir/$file");

	$node->command_ok(\@command, "restore of $file @options");
	return;
}

# Tables with live triggers, and a user's columns, for a dump of data alone.
sub empty_tables
{
	my ($db) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql(
		$db, q{
CREATE EXTENSION trainjob;
SELECT trainjob.create_tables();
ALTER TABLE local_training_jobs ADD COLUMN team text DEFAULT 'vision';
ALTER TABLE local_training_metrics ADD COLUMN note text;
});
	return;
}

# Rows of each kind on purpose, and what a random load leaves.
load_tables($node, 'postgres');
sample_rows($node, 'postgres');
finish_load(start_load($node, 'postgres', 2));
$node->safe_psql('postgres',
	'DROP TABLE job_diary CASCADE; DROP FUNCTION write_diary() CASCADE;');

# the whole database
dump_to('plain.sql');
$node->safe_psql('postgres', 'CREATE DATABASE plain');
restore('plain', 'plain.sql');
is(differences($node, 'postgres', $node, 'plain'), '', 'plain dump: all is the same');
new_report_works($node, 'plain', 'plain dump: a report works');

dump_to('custom.dump', '-Fc');
$node->safe_psql('postgres', 'CREATE DATABASE custom');
restore('custom', 'custom.dump', '-j4');
is(differences($node, 'postgres', $node, 'custom'), '',
	'custom dump, four jobs: all is the same');
new_report_works($node, 'custom', 'custom dump, four jobs: a report works');

# data alone, into tables whose triggers are live
my $rows = 'training_|local_|alert_|job_|sequence';

empty_tables('data1');
dump_to('data.sql', '--data-only');
restore('data1', 'data.sql');
is(differences($node, 'postgres', $node, 'data1', $rows), '',
	'data alone: every row is the same');
new_report_works($node, 'data1', 'data alone: a report works');

empty_tables('data2');
restore('data2', 'custom.dump', '--data-only');
is(differences($node, 'postgres', $node, 'data2', $rows), '',
	'data alone of a custom dump: every row is the same');

empty_tables('data3');
dump_to('inserts.sql', '--data-only', '--rows-per-insert=50');
restore('data3', 'inserts.sql');
# reports come piece by piece, and the job follows them
is(differences($node, 'postgres', $node, 'data3', $rows, 'updated_at,last_seen_at'),
	'', 'data alone by INSERT: every row is the same but for the times of its last change');

# one table after the other, the datasets before their jobs
empty_tables('data4');
foreach my $table (
	qw(training_datasets local_training_jobs job_status_change alert_event local_training_metrics)
  )
{
	dump_to("$table.sql", '--data-only', '-t', $table);
	restore('data4', "$table.sql");
}
is(differences($node, 'postgres', $node, 'data4', $rows), '',
	'data alone, datasets first: every row is the same');

# the extension goes, the data stay
my ($ret, $stdout, $stderr) = $node->psql('plain', 'DROP EXTENSION trainjob');
isnt($ret, 0, 'DROP EXTENSION is refused');
like(
	$stderr,
	qr/DETAIL: .*trigger trainjob_fill_job on table local_training_jobs depends on function/s,
	'DROP EXTENSION says what uses it');
$node->safe_psql('custom', 'DELETE FROM local_training_jobs WHERE id = repeat(\'e\', 32)::uuid');
my $before = $node->safe_psql('custom', 'SELECT count(*) FROM local_training_metrics');
$node->safe_psql('custom', 'DROP EXTENSION trainjob CASCADE');
is( $node->safe_psql(
		'custom', q{
SELECT (SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal),
	(SELECT count(*) FROM pg_views WHERE schemaname = 'public'),
	(SELECT count(*) FROM local_training_metrics)}),
	"0|0|$before",
	'DROP EXTENSION CASCADE drops triggers and views and keeps the rows');
is( differences($node, 'postgres', $node, 'custom', 'training_|local_'),
	'', 'every row is as it was');
$node->safe_psql('custom',
	'CREATE EXTENSION trainjob; SELECT trainjob.create_tables();');
new_report_works($node, 'custom', 'attached again, a report works');

$node->stop;
done_testing();
