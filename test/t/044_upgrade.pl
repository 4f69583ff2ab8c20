# The upgrade path: each older version that is installed works with the present
# library, is upgraded, and ends with the same objects as a fresh install.
#
# So that this is seen to work while there is no older version, two are made up
# beside the present one: 0.9, whose upgrade script does all that is needed, and
# 0.8, whose script forgets things, which must be found.
use strict;
use warnings;

use Digest::SHA;
use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

my $node   = new_node('upgrade');
my $source = "$FindBin::RealBin/../..";
my ($default) = slurp_file("$source/trainjob.control") =~ /^default_version = '(.*)'$/m;
my $extensions = $node->config_data('--sharedir') . '/extension';
my @made;

sub write_file
{
	my ($name, $text) = @_;
	push @made, "$extensions/$name";
	open(my $file, '>', "$extensions/$name") or die "$name: $!";
	print $file $text;
	close $file;
	return;
}

END { unlink @made }

# A statement of a script up to the next one, comments and all.
sub statement
{
	my ($script, $start) = @_;
	my ($found) = $script =~ /^(\Q$start\E.*?)(?=^CREATE |^REVOKE |^-- ------)/ms;
	die "the script has no $start" if !defined $found;
	return $found;
}

# Replaces one text by another, that must be there.
sub replaced
{
	my ($script, $old, $new) = @_;
	$script =~ s/\Q$old\E/$new/ or die "the script has no $old";
	return $script;
}

# Versions without a function of the present, with one that it has no more, with
# other rights and a view with another order of columns.
sub make_up_versions
{
	my $present  = slurp_file("$source/trainjob--$default.sql");
	my $newer    = statement($present, 'CREATE FUNCTION trainjob.sparkline(y float8[])');
	my $overview = statement($present, 'CREATE FUNCTION _trainjob.overview_query(')
	  =~ s/^CREATE /CREATE OR REPLACE /r;
	my $older    = replaced($present, $newer,
		"CREATE FUNCTION trainjob.outdated() RETURNS integer LANGUAGE sql IMMUTABLE RETURN 1;\n\n");
	my $upgrade = "DROP FUNCTION trainjob.outdated();\n$newer$overview";

	$older = replaced($older, 'j.id, j.user_id, j.model_name,', 'j.id, j.model_name, j.user_id,');
	$older .= "GRANT EXECUTE ON FUNCTION trainjob.verify_jobs(regclass) TO PUBLIC;\n";
	write_file("trainjob--$_.sql", $older) foreach qw(0.8 0.9);
	write_file("trainjob--0.9--$default.sql",
		"$upgrade\nREVOKE EXECUTE ON FUNCTION trainjob.verify_jobs(regclass) FROM PUBLIC;\n");
	write_file("trainjob--0.8--$default.sql", $newer);
	return;
}

# All that the extension has; OIDs aside.
sub members
{
	my ($db) = @_;
	return split /\n/, $node->safe_psql(
		$db, q{
WITH member AS (
	SELECT d.classid, d.objid FROM pg_depend AS d
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'trainjob'
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
)
SELECT pg_describe_object(classid, objid, 0) || ', comment '
	|| COALESCE(md5(obj_description(objid, (SELECT relname FROM pg_class WHERE oid = classid))), 'missing')
FROM member
UNION ALL
SELECT p.oid::regprocedure || ', definition ' || CASE p.prokind WHEN 'a' THEN a::text
		ELSE md5(pg_get_functiondef(p.oid)) END
	|| ', rights ' || COALESCE((SELECT string_agg(x::text, ' ' ORDER BY x::text) FROM unnest(p.proacl) AS x), 'default')
FROM member AS m JOIN pg_proc AS p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid
UNION ALL
SELECT 'schema ' || nspname || ', rights ' || nspacl::text FROM member AS m JOIN pg_namespace AS n ON n.oid = m.objid
UNION ALL
SELECT 'event trigger ' || evtname || ' ' || evtevent || ' ' || evtfoid::regproc || ' ' || evtenabled::text || ' ' || evttags::text
FROM member AS m JOIN pg_event_trigger AS t ON t.oid = m.objid
UNION ALL
SELECT 'version ' || extversion FROM pg_extension WHERE extname = 'trainjob'});
}

# What one database has of the extension and the other has not, and of what it
# makes around tables; empty if they are the same.
sub other_objects
{
	my ($db1, $db2) = @_;
	my %one = map { $_ => 1 } members($db1);
	my %two = map { $_ => 1 } members($db2);

	return join "\n", (map { "only in $db1: $_" } grep { !$two{$_} } sort keys %one),
	  (map { "only in $db2: $_" } grep { !$one{$_} } sort keys %two),
	  differences($node, $db1, $node, $db2,
		'trigger|index|policy|view|relation|column|constraint');
}

# A job's life as SQL, and what it must show.
sub life
{
	my ($n) = @_;
	my $id = sprintf '%08d-0000-4000-8000-000000000000', $n;
	return qq{
INSERT INTO alert_event (job_id, type) VALUES ('$id', 'job_started');
INSERT INTO local_training_jobs (id, dataset_path, job_token) VALUES ('$id', 's3://$n', 'token-$n');
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://$n', 320);
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss) VALUES ('$id', 3, 1.5, 1.25);
SELECT FROM trainjob.report_metrics('token-$n', '{"step": 6, "train_loss": 1.25}');
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES ('$id', 5, 9);
SELECT FROM trainjob.report_alert('token-$n', 'job_failed');
UPDATE local_training_jobs SET status = 'running' WHERE id = '$id';
SELECT status, total_steps, loss_text, eval_loss_text, (SELECT count(*) FROM metric_coverage WHERE job_id = '$id')
FROM job_overview WHERE id = '$id';
};
}

sub create_database
{
	my ($db, $version) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, "CREATE EXTENSION trainjob VERSION '$version'; SELECT trainjob.create_tables()");
	return;
}

# ----------
# Versions
# ----------

my $writable = -w $extensions;

make_up_versions() if $writable;
create_database('fresh', $default);

my $shown = $node->safe_psql('fresh', life(1));
my @older = split /\n/, $node->safe_psql('postgres',
	"SELECT version FROM pg_available_extension_versions WHERE name = 'trainjob' AND version <> '$default' ORDER BY version");

note 'older versions: ' . (join(' ', @older) || 'none');
is($shown, 'running|30|1.2500|1.2500|11', 'the present version works');
foreach my $version (grep { $_ ne '0.8' } @older)
{
	my $db = "from_$version" =~ s/\W/_/gr;

	create_database($db, $version);
	isnt(other_objects($db, 'fresh'), '', "version $version is another");
	is($node->safe_psql($db, life(1)), $shown, "version $version works with the present library");
	my $rows = $node->safe_psql($db, 'SELECT j::text FROM local_training_jobs AS j');
	# in one session, which has kept plans
	is( $node->safe_psql($db,
			life(2) . 'ALTER EXTENSION trainjob UPDATE;' . life(3)
			  . 'SELECT FROM trainjob.create_tables();' . life(4)),
		"$shown\n$shown\n$shown",
		"version $version works while it is upgraded");
	is($node->safe_psql($db, "SELECT j::text FROM local_training_jobs AS j WHERE job_token = 'token-1'"),
		$rows, "version $version, upgraded: rows are as they were");
	is(other_objects($db, 'fresh'), '', "version $version, upgraded: all objects are as in a fresh install");
	is($node->safe_psql($db, 'SELECT count(*) FROM trainjob.verify_jobs()'), '0',
		"version $version, upgraded: every job is true");
}
SKIP:
{
	skip "no right to write to $extensions", 1 if !$writable;
	create_database('forgotten', '0.8');
	$node->safe_psql('forgotten', 'ALTER EXTENSION trainjob UPDATE; SELECT trainjob.create_tables()');
	my $found = other_objects('forgotten', 'fresh');
	like($found, qr/$_/, "what an upgrade forgot is found: $_")
	  foreach ('only in forgotten: function trainjob.outdated\(\)',
		'only in fresh: _trainjob.overview_query',
		'only in fresh: trainjob.verify_jobs.* rights', 'is  view job_overview');
}

# ----------
# Scripts
# ----------

# The symbols that a script names and the library has not.
sub missing_symbols
{
	my ($script) = @_;
	my %symbols = map { $_ => 1 } $script =~ /AS\s+'MODULE_PATHNAME',\s*'(\w+)'/g;

	my $try = join '', map {
		"DO \$do\$ BEGIN CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE c AS '\$libdir/trainjob', '$_';"
		  . " EXCEPTION WHEN OTHERS THEN INSERT INTO missing VALUES ('$_'); RETURN; END \$do\$;\n"
		  . "DROP FUNCTION IF EXISTS pg_temp.f();\n"
	} sort keys %symbols;

	return $node->safe_psql('postgres',
		"SET client_min_messages = warning; CREATE TEMP TABLE missing (name text);\n${try}TABLE missing");
}

my %scripts = map { s{.*/}{}r => slurp_file($_) }
  (glob("$extensions/trainjob--*.sql"), glob("$source/trainjob--*.sql"));

foreach my $name (sort keys %scripts)
{
	is(missing_symbols($scripts{$name}), '', "every symbol of $name is in the library");
	# what somebody else has made would stay his
	unlike($scripts{$name}, qr/^CREATE( OR REPLACE|.* IF NOT EXISTS)/m, "$name takes over nothing")
	  if $name !~ /--.*--/;
}
is(missing_symbols("LANGUAGE c AS 'MODULE_PATHNAME', 'trainjob_nothing'"),
	'trainjob_nothing', 'a symbol that is not there is found');

foreach my $line (grep { !/^#/ } split /\n/, slurp_file("$source/test/released"))
{
	my ($sum, $file) = $line =~ /^([0-9a-f]{64})  (.+)$/ or die "odd line in test/released: $line";
	is(Digest::SHA->new(256)->addfile("$source/$file")->hexdigest,
		$sum, "$file is as it was released");
}

$node->stop;
done_testing();
