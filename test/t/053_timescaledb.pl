# Metrics as a TimescaleDB hypertable: made one before or after attach, filled
# by INSERT, COPY and upserts over many chunks, thinned out by drop_chunks.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../lib";

use Test::More;
use TrainjobTest;

my $node = new_node('timescaledb');

if ($node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'}) eq '0')
{
	$node->stop;
	plan skip_all => 'there is no TimescaleDB for this server';
}
$node->append_conf('postgresql.conf',
	"shared_preload_libraries = 'timescaledb'\ntimescaledb.telemetry_level = off\nmax_worker_processes = 16");
$node->restart;
$node->safe_psql('postgres',
	'SET client_min_messages = warning; CREATE EXTENSION timescaledb; CREATE EXTENSION trainjob');

sub jobs
{
	my ($schema) = @_;
	return $node->safe_psql('postgres',
		"SELECT id, status, current_step, progress, loss FROM $schema.jobs ORDER BY id");
}

sub is_true
{
	my ($schema, $name) = @_;
	is($node->safe_psql('postgres', "SELECT v::text FROM trainjob.verify_jobs('$schema.jobs') AS v"),
		'', "$name: verify_jobs() finds nothing");
	return;
}

# A set with 3 jobs; metrics without and with a key, which must hold the time.
foreach my $order ('before', 'after')
{
	my $hypertable =
	  "SELECT create_hypertable('$order.metrics', 'recorded_at', chunk_time_interval => interval '1 day', migrate_data => true)";
	my $attach = "SELECT action || ' ' || object FROM trainjob.attach('$order.jobs', '$order.metrics') WHERE action = 'note'";
	my $key = $order eq 'before' ? '' : ', PRIMARY KEY (job_id, step, id, recorded_at)';
	my $rows = "INSERT INTO $order.metrics (job_id, step, train_loss, recorded_at)
		SELECT j, s, j + 10.0 / s, '2025-01-01 00:00Z'::timestamptz + s * interval '6 h'
		FROM generate_series(1, 3) AS j, generate_series(1, 40) AS s";

	$node->safe_psql(
		'postgres', qq{
CREATE SCHEMA $order;
CREATE TABLE $order.jobs (id integer PRIMARY KEY, status text DEFAULT 'pending', config jsonb,
	total_steps integer DEFAULT 100, current_step integer, progress float8, loss float8, restarted_at timestamptz);
CREATE TABLE $order.metrics (job_id integer NOT NULL REFERENCES $order.jobs, step integer NOT NULL, id bigserial,
	train_loss float8, eval_loss float8, recorded_at timestamptz NOT NULL DEFAULT now()$key);
INSERT INTO $order.jobs (id) VALUES (1), (2), (3);
});
	if ($order eq 'before')
	{
		# a hypertable, then attached
		$node->safe_psql('postgres', $hypertable);
		$node->safe_psql('postgres', $attach);
		$node->safe_psql('postgres', $rows);
	}
	else
	{
		# attached and filled, then made a hypertable: nothing counts twice
		$node->safe_psql('postgres', $attach);
		$node->safe_psql('postgres', $rows);
		$node->safe_psql('postgres', "CREATE TABLE was AS SELECT xmin::text AS version, * FROM $order.jobs");
		$node->safe_psql('postgres', $hypertable);
		is( $node->safe_psql('postgres',
				"SELECT count(*) FROM was JOIN $order.jobs AS j ON j.id = was.id AND j.xmin::text = was.version"),
			'3', "$order: no job was written when the table was converted");
	}
	cmp_ok($node->safe_psql('postgres', "SELECT count(*) FROM show_chunks('$order.metrics')"),
		'>', 5, "$order: the rows lie in chunks");
	like($node->safe_psql('postgres', $attach), qr/^note rows written straight into a partition/,
		"$order: attach says what is not seen");
	is(jobs($order), "1|running|40|40|1.25\n2|running|40|40|2.25\n3|running|40|40|3.25",
		"$order: one statement over many chunks");
	$node->safe_psql('postgres',
		"COPY $order.metrics (job_id, step, train_loss, recorded_at) FROM STDIN;
1	41	0.5	2025-02-01 00:00Z
2	39	0.5	2025-03-01 00:00Z
\\.
");
	is(jobs($order), "1|running|41|41|0.5\n2|running|40|40|2.25\n3|running|40|40|3.25",
		"$order: COPY, and a late report");
	if ($key ne '')
	{
		$node->safe_psql(
			'postgres', qq{
INSERT INTO $order.metrics (job_id, step, id, train_loss, recorded_at) VALUES (3, 41, 9999, 5, '2025-02-01 00:00Z')
	ON CONFLICT (job_id, step, id, recorded_at) DO UPDATE SET train_loss = EXCLUDED.train_loss;
INSERT INTO $order.metrics (job_id, step, id, train_loss, recorded_at) VALUES (3, 41, 9999, 0.75, '2025-02-01 00:00Z')
	ON CONFLICT (job_id, step, id, recorded_at) DO UPDATE SET train_loss = EXCLUDED.train_loss;
UPDATE $order.metrics SET train_loss = 0.625 WHERE job_id = 2 AND step = 40;
});
		is(jobs($order), "1|running|41|41|0.5\n2|running|40|40|0.625\n3|running|41|41|0.75",
			"$order: an upsert and an update");
	}
	is_true($order, $order);
	is( $node->safe_psql('postgres', "SELECT count(*), min(step), max(step) FROM trainjob.metric_series('1', 'train_loss', 10, '$order.jobs')"),
		'10|1|41', "$order: a curve");
	like($node->safe_psql('postgres', "SELECT verdict FROM $order.metrics_coverage WHERE job_id = 1 AND metric = 'train_loss'"),
		qr/^reported since step 1$/, "$order: the coverage");

	# straight into a chunk
	my $chunk = $node->safe_psql('postgres',
		"SELECT show_chunks FROM show_chunks('$order.metrics') WHERE show_chunks IN (
			SELECT tableoid::regclass FROM $order.metrics WHERE recorded_at = '2025-02-01 00:00Z') LIMIT 1");
	$node->safe_psql('postgres',
		"INSERT INTO $chunk (job_id, step, train_loss, recorded_at) VALUES (1, 60, 0.25, '2025-02-01 00:00Z')");
	is($node->safe_psql('postgres', "SELECT current_step FROM $order.jobs WHERE id = 1"),
		'41', "$order: what is written into a chunk is not seen");
	is($node->safe_psql('postgres', "SELECT trainjob.refill_jobs('$order.jobs'), trainjob.refill_jobs('$order.jobs')"),
		'1|0', "$order: refill_jobs() carries it up");

	# old chunks go
	my $before = jobs($order);
	$node->safe_psql('postgres', "SELECT count(*) FROM drop_chunks('$order.metrics', TIMESTAMPTZ '2025-01-05 00:00Z')");
	is(jobs($order), $before, "$order: dropped chunks change no job");
	is_true($order, "$order: after dropping chunks");
	is($node->safe_psql('postgres', "SELECT count(*) FROM trainjob.detach('$order.jobs') WHERE action = 'dropped trigger'"),
		'8', "$order: detach");
}

$node->stop;
done_testing();
