# Every query of examples/grafana/dashboard.json, and the page of
# examples/psql.sql, against a set with jobs in it.

use strict;
use warnings;

use FindBin;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $examples = "$FindBin::RealBin/../../examples";
my $running = '00000000-0000-4000-8000-000000000001';
my $failed = '00000000-0000-4000-8000-000000000002';

my $node = PostgreSQL::Test::Cluster->new('examples');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql(
	'postgres', qq{
CREATE EXTENSION trainjob;
SELECT trainjob.create_tables();
INSERT INTO local_training_jobs (id, model_name, config, total_samples) VALUES
	('$running', 'llama''s sft', '{"eval_steps": 10, "eval_strategy": "steps"}', 3200), ('$failed', 'qwen', NULL, NULL),
	('00000000-0000-4000-8000-000000000003', 'waiting', NULL, NULL);
INSERT INTO local_training_metrics (job_id, step, train_loss, learning_rate, extra, recorded_at)
	SELECT id::uuid, n, 2.0 / n, 1e-5, '{"rewards/margins": 0.5}', now() - (50 - n) * interval '10 s'
	FROM unnest('{$running, $failed}'::text[]) AS id, generate_series(1, 40) AS n;
INSERT INTO local_training_metrics (job_id, step, eval_loss) VALUES ('$running', 40, 1.5);
INSERT INTO alert_event (job_id, type, error_message) VALUES ('$failed', 'job_failed', 'out of memory');
CREATE ROLE viewer LOGIN;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO viewer;
REVOKE SELECT ON local_training_jobs FROM viewer;});
# all but the token
my $columns = $node->safe_psql('postgres', q{
	SELECT string_agg(attname, ', ') FROM pg_attribute
	WHERE attrelid = 'local_training_jobs'::regclass AND attnum > 0 AND attname <> 'job_token'});
$node->safe_psql('postgres', "GRANT SELECT ($columns) ON local_training_jobs TO viewer");

sub answer
{
	my ($query, %more) = @_;
	my ($out, $err);
	my $status = $node->psql('postgres', $query, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', 'viewer', @{ $more{params} // [] } ], on_error_stop => 1);

	return ($status, $out, $err);
}

#
# Grafana: its macros and variables, as its PostgreSQL data source replaces them
#

my $dashboard = JSON::PP->new->utf8->decode(slurp_file("$examples/grafana/dashboard.json"));
my %variables = (
	job => [ $running, $failed ],
	metric => ['rewards/margins'],
	status => [qw(pending queued starting running paused completed failed cancelled)]);
my %macros = (
	timeFilter => sub { "$_[0] BETWEEN '2000-01-01T00:00:00Z' AND '2100-01-01T00:00:00Z'" },
	timeFrom => sub { "'2000-01-01T00:00:00Z'" },
	timeTo => sub { "'2100-01-01T00:00:00Z'" },
	timeGroupAlias => sub {
		die "not known here: $_[1]" if $_[1] ne q{'1m'};
		return "floor(extract(epoch from $_[0])/60)*60 AS \"time\"";
	});

sub interpolated
{
	my ($query) = @_;

	$query =~ s/\$\{(\w+):sqlstring\}/join ',', map { (my $v = $_) =~ s{'}{''}g; "'$v'" } @{ $variables{$1} or die "no variable $1" }/eg;
	$query =~ s/\$__(\w+)\(([^)]*)\)/($macros{$1} or die "no macro $1")->(split m{\s*,\s*}, $2)/eg;
	return $query;
}

my %ids;

sub check_query
{
	my ($name, $target, $query) = @_;
	my $sql = interpolated($query);
	my ($status, $out, $err) = answer($sql);

	is($status, 0, "$name: the query runs") or diag($err);
	isnt($out, '', "$name: it finds something");
	unlike($sql, qr/\$/, "$name: no variable is left");
	is($target->{datasource}{type}, 'grafana-postgresql-datasource', "$name: it is for PostgreSQL");
	is($target->{datasource}{uid}, '${datasource}', "$name: of the data source that is chosen");
	return if ($target->{format} // '') ne 'time_series';
	# as Grafana wants a time series: a column "time", in order
	is((answer("SELECT bool_and(time IS NOT NULL) FROM ($sql) AS q"))[1], 't', "$name: it has times");
	is((answer("SELECT bool_and(ordered) FROM (SELECT time >= lag(time) OVER () IS NOT FALSE AS ordered FROM ($sql) AS q) AS o"))[1],
		't', "$name: in order");
	return;
}

foreach my $panel (@{ $dashboard->{panels} })
{
	ok(!$ids{ $panel->{id} }++, "$panel->{title}: an id of its own");
	cmp_ok($panel->{gridPos}{x} + $panel->{gridPos}{w}, '<=', 24, "$panel->{title}: within the grid");
	check_query($panel->{title}, $_, $_->{rawSql}) foreach @{ $panel->{targets} };
}
check_query("annotation $_->{name}", $_, $_->{target}{rawSql}) foreach @{ $dashboard->{annotations}{list} };
foreach my $variable (grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} })
{
	check_query("variable $variable->{name}", $variable, $variable->{query});
}
is_deeply([ sort map { $_->{name} } @{ $dashboard->{templating}{list} } ],
	[ sort 'datasource', keys %variables ], 'the variables');
is((answer(interpolated((grep { $_->{name} eq 'metric' } @{ $dashboard->{templating}{list} })[0]{query})))[1],
	"train_loss\neval_loss\neval_perplexity\nlearning_rate\nperplexity\nrewards/margins", 'the metrics that there are, keys of extra too');

# a curve for each job, also of one model, and of none
foreach my $model ("'one'", 'NULL')
{
	$node->safe_psql('postgres', "UPDATE local_training_jobs SET model_name = $model WHERE id IN ('$running', '$failed')");
	foreach my $panel (grep { $_->{title} =~ /^(?:Training loss|Learning rate|\$metric by step|What the trainers report)$/ } @{ $dashboard->{panels} })
	{
		my $sql = interpolated($panel->{targets}[0]{rawSql});
		my $series = $sql =~ / AS metric/ ? 'metric' : 'job';

		is((answer("SELECT count(DISTINCT $series) FROM ($sql) AS q"))[1], '2', "$panel->{title}: two jobs of model $model are two");
	}
}
$node->safe_psql('postgres', "UPDATE local_training_jobs SET model_name = CASE id WHEN '$running' THEN 'llama''s sft' ELSE 'qwen' END
	WHERE id IN ('$running', '$failed')");

#
# psql: once instead of again and again
#

my $page = slurp_file("$examples/psql.sql");
ok($page =~ s/^\\watch :seconds$/\\g/m, 'the page is watched');
my ($status, $out, $err) = answer($page, params => [ '-v', 'jobs=2' ]);
is($err, '', 'it runs');
is($status, 0, 'to its end');
my @lines = split /\n/, $out;
is(@lines, 2, 'as many jobs as asked for');
# the loss in bytes: blocks, from the highest to the lowest
like($lines[0], qr/^llama's sft\|running\|active\|13%\|.*\|0\.0500\|\xE2\x96\x88(?:\xE2\x96[\x81-\x88]){18}\xE2\x96\x81\|1\.5000\|$/, 'first what runs, with its loss');
like($lines[1], qr/^qwen\|failed\|\|.*\|out of memory$/, 'then what ended');

$node->stop;
done_testing();
