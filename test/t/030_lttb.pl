# lttb against a second implementation, on made-up curves with breaks and on the
# curves of real training runs; sparkline in two encodings.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# Where the real runs are; without them, their part is skipped.
my $runs = $ENV{TRAINJOB_RUNS}
  // "$FindBin::RealBin/../../../shared/runs";

my $node = PostgreSQL::Test::Cluster->new('lttb');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION trainjob');

#
# The second implementation. Points are [x, y], in order; the result is the
# numbers of those that are kept.
#

sub is_finite
{
	my ($number) = @_;
	return $number == $number && abs($number) != 9**9**9;
}

sub same_number
{
	my ($left, $right) = @_;
	return $left == $right || ($left != $left && $right != $right);
}

# The numbers 0 .. $count - 1 as $parts lists in order, of equal length as near
# as can be, the shorter ones where rounding down puts them.
sub parted
{
	my ($count, $parts) = @_;
	my @parted;
	return () if $parts == 0;
	foreach my $i (0 .. $count - 1)
	{
		my $part = 0;
		$part++ while int(($part + 1) * $count / $parts) <= $i;
		push @{ $parted[$part] }, $i;
	}
	return @parted;
}

sub mean
{
	my $sum = 0;
	$sum += $_ foreach @_;
	return $sum / @_;
}

# Largest-Triangle-Three-Buckets over those of the points that @among lists.
sub kept_of_finite
{
	my ($points, $room, $first_matters, @among) = @_;
	return @among if @among <= $room;
	return () if $room == 0;
	return $first_matters ? $among[0] : $among[-1] if $room == 1;

	my ($first, @inner) = @among;
	my $last = pop @inner;
	my @kept = ($first);
	my @buckets = map { [ @inner[@$_] ] } parted(scalar @inner, $room - 2);
	while (my $bucket = shift @buckets)
	{
		my @next = @buckets ? @{ $buckets[0] } : ($last);
		my $mean_x = mean(map { $points->[$_][0] } @next);
		my $mean_y = mean(map { $points->[$_][1] } @next);
		my ($x, $y) = @{ $points->[ $kept[-1] ] };
		my ($best, $largest) = (undef, -1);
		foreach my $i (@$bucket)
		{
			my $area = abs(($x - $mean_x) * ($points->[$i][1] - $y) -
				  ($x - $points->[$i][0]) * ($mean_y - $y)) / 2;
			($best, $largest) = ($i, $area) if $area > $largest;
		}
		push @kept, $best;
	}
	return (@kept, $last);
}

sub kept
{
	my ($max_points, @points) = @_;
	my $last = $#points;
	return (0 .. $last) if @points <= $max_points;

	my @finite = grep { is_finite($points[$_][1]) } 0 .. $last;
	my @inner_finite = grep { $_ > 0 && $_ < $last } @finite;

	# Stretches as [first point, length].
	my @stretches;
	foreach my $i (0 .. $last)
	{
		next if is_finite($points[$i][1]);
		if ($i > 0 && same_number($points[ $i - 1 ][1], $points[$i][1]))
		{
			$stretches[-1][1]++;
		}
		else
		{
			push @stretches, [ $i, 1 ];
		}
	}
	@stretches = grep { $_->[0] > 0 && $_->[0] < $last } @stretches;

	my $room = $max_points - 2;
	my $marks = int(($room + 1) / 2);
	$marks = $room - @inner_finite if $marks < $room - @inner_finite;
	$marks = @stretches if $marks > @stretches;

	my %kept;
	if ($marks > 0)
	{
		foreach my $group (parted(scalar @stretches, $marks))
		{
			my ($longest) =
			  sort { $b->[1] <=> $a->[1] || $a->[0] <=> $b->[0] }
			  @stretches[@$group];
			$kept{ $longest->[0] } = 1;
		}
	}
	foreach my $end (0, $last)
	{
		$kept{$end} = 1 unless is_finite($points[$end][1]);
	}
	$kept{$_} = 1
	  foreach kept_of_finite(\@points, $max_points - keys %kept,
		is_finite($points[0][1]), @finite);
	return sort { $a <=> $b } keys %kept;
}

# Compares both implementations on all curves of the table "curve", thinned to
# each of the given numbers of points. Returns how many comparisons there were.
sub compare
{
	my ($what, @sizes) = @_;
	my $sizes = join ', ', @sizes;
	my %curve;
	my ($compared, @differ) = (0);

	foreach (
		split /\n/,
		$node->safe_psql(
			'postgres',
			'SELECT name, x, y FROM curve WHERE x IS NOT NULL AND y IS NOT NULL
			ORDER BY name, x, y'))
	{
		my ($name, @point) = split /\|/;
		push @{ $curve{$name} }, \@point;
	}

	foreach (
		split /\n/,
		$node->safe_psql(
			'postgres',
			"SELECT name, max_points,
				(SELECT pg_catalog.string_agg(p[0] || ',' || p[1], ' ' ORDER BY i)
				FROM pg_catalog.unnest(thin) WITH ORDINALITY AS u (p, i))
			FROM (
				SELECT name, max_points, trainjob.lttb(x, y, max_points) AS thin
				FROM curve, pg_catalog.unnest(ARRAY[$sizes]) AS max_points
				GROUP BY name, max_points) AS t
			WHERE thin IS NOT NULL
			ORDER BY name, max_points"))
	{
		my ($name, $max_points, $thin) = split /\|/;
		my @points = @{ $curve{$name} };
		my @numbers = map { [ 0 + $_->[0], 0 + $_->[1] ] } @points;
		my $expected = join ' ',
		  map { join ',', @{ $points[$_] } } kept($max_points, @numbers);

		$compared++;
		push @differ, "$name to $max_points: got $thin, expected $expected"
		  if $thin ne $expected;
	}
	is("@differ[0 .. ($#differ < 2 ? $#differ : 2)]",
		'', "$what: $compared pictures agree");
	return $compared;
}

#
# Made-up curves: short, with ties in x and in y, and with breaks of all kinds.
#

srand(20240229);
my @rows;
foreach my $number (1 .. 300)
{
	my $breaks = $number % 4 / 4;
	my $y = '0';
	foreach my $i (1 .. 3 + int(rand(60)))
	{
		# Half of the breaks go on with the value before them.
		$y = (qw(NaN Infinity -Infinity))[ rand(3) ]
		  if rand() < $breaks && rand() < 0.5;
		$y = int(rand(9)) if rand() >= $breaks;
		push @rows, sprintf "(%d, %d, '%s')", $number, $i - int(rand(2)), $y;
	}
}
$node->safe_psql('postgres',
	'CREATE TABLE curve (name text, x float8, y float8); '
	  . 'INSERT INTO curve VALUES '
	  . join(', ', @rows));
compare('made-up curves', 2 .. 20);

#
# Rows that arrive in any order, as they do from parallel workers, make the
# same picture.
#

$node->safe_psql(
	'postgres', q{
	CREATE TABLE long_curve AS
	SELECT i AS x, pg_catalog.sin(i) * 1000 / i AS y
	FROM pg_catalog.generate_series(1, 200000) AS i;
	ALTER TABLE long_curve SET (parallel_workers = 2);
	ANALYZE long_curve});
my $parallel = q{
	SET max_parallel_workers_per_gather = 2;
	SET parallel_setup_cost = 0;
	SET parallel_tuple_cost = 0;
	SET min_parallel_table_scan_size = 0;
};
my $picture =
  'SELECT pg_catalog.md5(trainjob.lttb(x, y, 500)::text) FROM long_curve';
my $plan = $node->safe_psql('postgres', "$parallel EXPLAIN (COSTS OFF) $picture");
like($plan, qr/Gather/, 'the scan is parallel');
unlike($plan, qr/Partial Aggregate/, 'the aggregate is not');
is( $node->safe_psql('postgres', "$parallel $picture"),
	$node->safe_psql(
		'postgres', "SET max_parallel_workers_per_gather = 0; $picture"),
	'parallel and serial pictures agree');

#
# sparkline in the encoding that has blocks, and in one that has not
#

my $sparkline = q{SELECT trainjob.sparkline('{0, 1, 2, 3, NULL, 4, 5, 6, 7}')};
is($node->safe_psql('postgres', $sparkline), '▁▂▃▄ ▅▆▇█', 'blocks');
$node->safe_psql('postgres',
	q{CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'});
$node->safe_psql('latin', 'CREATE EXTENSION trainjob');
is($node->safe_psql('latin', $sparkline), '_.-= +*#@', 'no blocks');

#
# Real curves: every number that a run reported, by step. Several reports of a
# step are points of one x.
#

SKIP:
{
	my @files = glob "$runs/*.json";
	skip 'no real runs here', 2 unless @files;

	$node->safe_psql('postgres',
		'CREATE TABLE run (name text, state jsonb); TRUNCATE curve');
	foreach my $file (@files)
	{
		my $state = slurp_file($file);
		my ($name) = $file =~ m{([^/]*)\.json$};

		# No JSON, but what Python writes.
		$state =~ s/: (NaN|-?Infinity)\b/: "$1"/g;
		$node->safe_psql('postgres',
			"INSERT INTO run VALUES ('$name', \$state\$$state\$state\$)");
	}
	$node->safe_psql(
		'postgres', q{
		INSERT INTO curve
		SELECT name || ' ' || key, (entry->>'step')::float8, number::float8
		FROM run,
			pg_catalog.jsonb_array_elements(state->'log_history') AS log (entry),
			pg_catalog.jsonb_each_text(entry) AS pair (key, number)
		WHERE number ~ '^(-?[0-9.]+(e[-+]?[0-9]+)?|NaN|-?Infinity)$'});
	my $compared = compare('real curves', 2, 3, 4, 7, 10, 20, 50, 100);
	cmp_ok($compared, '>=', 8 * @files, 'there were real curves');
}

done_testing();
