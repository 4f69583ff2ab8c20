# What the TAP tests of trainjob share: a server, a random load on a set of
# tables, and the truth about the jobs, found by plain SQL from the metrics,
# alerts and changes themselves, without any function of the extension.
package TrainjobTest;

use strict;
use warnings;

use Exporter 'import';
use Fcntl;
use POSIX ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(seconds new_node load_tables words_of_load start_load
  finish_load crash_backend untruths unexpected_errors sample_rows differences
  new_report_works);

use constant JOBS     => 50;
use constant CLIENTS  => 8;
use constant DATASETS => 10;

my @types = qw(job_started job_completed job_failed job_cancelled job_queued
  job_paused job_preempted job_resumed gpu_oom disk_warning timeout_warning);
my @statuses =
  qw(pending queued starting running paused completed failed cancelled);

my @tables = qw(training_datasets local_training_jobs local_training_metrics
  alert_event job_status_change);

# The types of alerts and the statuses that a load writes, in order.
sub words_of_load { return join(' ', sort(@types), sort(@statuses)); }

# How long a load lasts: TRAINJOB_TEST_SECONDS, or so many seconds.
sub seconds
{
	my ($default) = @_;
	return $ENV{TRAINJOB_TEST_SECONDS} || $default;
}

# A running server.  TEMP_CONFIG says where the extension is if it is not
# installed into the system.
sub new_node
{
	my ($name) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init;
	$node->append_conf(
		'postgresql.conf', qq{
log_statement = none
log_line_prefix = '%m [%p] %e %q%a '
restart_after_crash = on
shared_buffers = 32MB
max_connections = 40
deadlock_timeout = 200ms
wal_level = replica
});
	$node->start;
	return $node;
}

# ----------
# The load
# ----------

# The ids of jobs have no order that the numbers have.
sub job_id
{
	my ($n) = @_;
	return sprintf('%08x-0000-4000-8000-%012x',
		($n * 2654435761) & 0xffffffff, $n);
}

# Makes the tables with jobs and datasets, and a diary of jobs that come and
# go.  Its ids come from the sequence of job_status_change, so that the two
# tables tell one story in one order.
sub load_tables
{
	my ($node, $db) = @_;
	my $half = int(JOBS / 2);
	my $jobs = join ', ',
	  map { "('" . job_id($_) . "', 's3://" . $_ % DATASETS . "')" } 1 .. JOBS;

	$node->safe_psql($db, 'CREATE EXTENSION IF NOT EXISTS trainjob');
	$node->safe_psql($db, 'SELECT trainjob.create_tables()');
	$node->safe_psql(
		$db, qq{
CREATE TABLE job_diary (id bigint, job_id uuid, before text, after text);
CREATE FUNCTION write_diary() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
	INSERT INTO public.job_diary
		VALUES (nextval('public.job_status_change_id_seq'),
				COALESCE(NEW.id, OLD.id), OLD.status, NEW.status);
	RETURN NULL;
END \$\$;
-- "a": before trainjob's own, which may change the status right away
CREATE TRIGGER a_diary AFTER INSERT OR DELETE ON local_training_jobs
	FOR EACH ROW EXECUTE FUNCTION write_diary();
INSERT INTO training_datasets (storage_path, sample_count)
	VALUES ('s3://0', 320), ('s3://1', 3200), ('s3://2', NULL);
INSERT INTO local_training_jobs (id, dataset_path) VALUES $jobs;
});
	return;
}

sub pick { return $_[ int(rand(@_)) ]; }

sub chance { return rand() < $_[0]; }

# A random measure as SQL; odd ones, too.
sub measure
{
	my ($null) = @_;

	return 'NULL' if chance($null);
	return pick("'NaN'", "'Infinity'", "'-Infinity'", '0', '-1.5', '1e300')
	  if chance(0.1);
	return sprintf('%.4f', rand(5));
}

# When a report was made, or an alert occurred: mostly now.
sub moment
{
	return 'now()' if chance(0.6);
	return sprintf("now() + '%.6f s'", rand(8) - 6);
}

my @columns = qw(step epoch train_loss eval_loss learning_rate grad_norm
  samples_per_second extra recorded_at);

# The values of a report; steps grow with time and are often late or repeated.
sub report_values
{
	my ($front) = @_;
	my $step = int(chance(0.6) ? $front + rand(4) : rand($front + 1));

	return (
		$step,
		chance(0.5) ? sprintf('%.4f', $step / (40 + rand(20))) : 'NULL',
		measure(0.3), measure(0.7), measure(0.6), measure(0.6), measure(0.8),
		chance(0.03) ? q('{"train_runtime": 5}') : 'NULL',
		moment());
}

sub insert_reports
{
	my ($front, @jobs) = @_;
	return
	    'INSERT INTO local_training_metrics (job_id, '
	  . join(', ', @columns)
	  . ') VALUES '
	  . join(', ',
		map { "('$_', " . join(', ', report_values($front)) . ')' } @jobs);
}

# A statement with rows of one key: inserted once, updated ever after.
sub upsert_report
{
	my ($front, $job) = @_;
	my @values = report_values($front);
	my $id     = 1_000_000_000 + int(rand(2));

	return "INSERT INTO local_training_metrics (id, job_id, "
	  . join(', ', @columns)
	  . ") VALUES ($id, '$job', "
	  . join(', ', @values)
	  . ') ON CONFLICT (job_id, step, id) DO UPDATE SET'
	  . ' train_loss = EXCLUDED.train_loss, eval_loss = EXCLUDED.eval_loss,'
	  . ' epoch = COALESCE(EXCLUDED.epoch, local_training_metrics.epoch)';
}

# From a program: psql takes what stands below a COPY that was cancelled before
# it began for statements.
sub copy_reports
{
	my ($front, @jobs) = @_;
	my $rows = '';

	foreach my $job (@jobs)
	{
		my @values = map { s/^'(.*)'$/$1/r } (report_values($front))[ 0 .. 3 ];
		$rows .= join(',', $job, @values) . '\n';
	}
	return '\copy local_training_metrics (job_id, step, epoch, train_loss, eval_loss)'
	  . qq{ FROM PROGRAM 'printf "$rows"' (FORMAT csv, NULL 'NULL')};
}

sub alert_values
{
	my ($front, $job) = @_;
	return sprintf("('%s', '%s', %s, %s, %s, %s)",
		$job, pick(@types, 'job_started', 'job_started'),
		chance(0.3)  ? int(rand($front + 20))      : 'NULL',
		chance(0.15) ? 1 + int(rand($front + 200)) : 'NULL',
		chance(0.3)  ? "'stalled'"                 : 'NULL', moment());
}

sub insert_alerts
{
	my ($front, @jobs) = @_;
	return (@jobs > 1 ? '/* several alerts */ ' : '')
	  . 'INSERT INTO alert_event (job_id, type, current_step, total_steps, error_type, occurred_at) VALUES '
	  . join(', ', map { alert_values($front, $_) } @jobs);
}

# A random statement, or a transaction on one job.
sub statement
{
	my ($front) = @_;
	# some jobs meet several clients at once
	my $job     = job_id(1 + int(chance(0.3) ? rand(3) : rand(JOBS)));
	my $dice    = rand(100);
	my @several = map { job_id(1 + int(rand(JOBS))) } 1 .. 2 + int(rand(6));

	return insert_reports($front, $job) if $dice < 34;
	return insert_reports($front, ($job) x (2 + int(rand(20)))) if $dice < 42;
	return insert_reports($front, @several) if $dice < 50;
	return copy_reports($front, @several, @several) if $dice < 54;
	return upsert_report($front, $job) if $dice < 60;
	return "UPDATE local_training_metrics SET train_loss = " . measure(0.3)
	  . ", eval_loss = " . measure(0.5)
	  . " WHERE job_id = '$job' AND step = " . int(rand($front + 2))
	  if $dice < 63;
	return "UPDATE local_training_metrics SET step = step + " . pick(-1, 1)
	  . " WHERE job_id = '$job' AND step = " . (1 + int(rand($front + 2)))
	  if $dice < 65;
	# some are of a job that never comes
	return insert_alerts($front, chance(0.98) ? $job : job_id(JOBS + 1))
	  if $dice < 79;
	return insert_alerts($front, @several[ 0, 1 ]) if $dice < 80;
	return "UPDATE local_training_jobs SET status = '" . pick(@statuses)
	  . "' WHERE id = '$job'"
	  if $dice < 85;
	return "UPDATE local_training_jobs SET total_steps = "
	  . (1 + int(rand(400)))
	  . " WHERE id = '$job'"
	  if $dice < 86;
	return "UPDATE local_training_jobs SET dataset_path = 's3://"
	  . int(rand(DATASETS)) . "' WHERE id = '$job'"
	  if $dice < 87;
	return "DELETE FROM local_training_jobs WHERE id = '$job'" if $dice < 87.15;
	return "INSERT INTO local_training_jobs (id, status, dataset_path) VALUES ('$job', '"
	  . pick(@statuses) . "', 's3://" . int(rand(DATASETS))
	  . "') ON CONFLICT DO NOTHING"
	  if $dice < 91;
	return sprintf(
		"INSERT INTO training_datasets (storage_path, sample_count, val_samples) VALUES ('s3://%d', %s, %s) ON CONFLICT (storage_path, user_id) DO UPDATE SET sample_count = EXCLUDED.sample_count, val_samples = EXCLUDED.val_samples",
		rand(DATASETS), pick('NULL', 320, 3200), pick('NULL', 20, 32))
	  if $dice < 92;
	return "DELETE FROM training_datasets WHERE storage_path = 's3://"
	  . int(rand(DATASETS)) . "'"
	  if $dice < 92.5;
	return join(";\n", 'BEGIN',
		(map {
			my $kind = rand(4);
			  $kind < 2 ? insert_reports($front, $job)
			: $kind < 3 ? insert_alerts($front, $job)
			: "UPDATE local_training_jobs SET status = '" . pick(@statuses)
			  . "' WHERE id = '$job'"
		} 1 .. 3),
		chance(0.2) ? 'ROLLBACK' : 'COMMIT')
	  if $dice < 96;
	return "SET statement_timeout = " . (1 + int(rand(4))) . ";\n"
	  . insert_reports($front, @several, @several) . ";\n"
	  . "SET statement_timeout = 0"
	  if $dice < 98;
	return "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'load' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1";
}

# One client: a stream of statements to psql, which is started again if its
# server went away.
sub client
{
	my ($node, $db, $number, $until, $seed) = @_;
	my $begin = time;
	my $psql;
	my $level = $number == 1 ? 'repeatable read'
	  : $number == 2 ? 'serializable'
	  :                'read committed';

	srand($seed * 100 + $number);
	$SIG{PIPE} = 'IGNORE';
	$ENV{PGAPPNAME} = 'load';
	# half of them without the direct way: what the two make must agree
	$ENV{PGOPTIONS} = '-c trainjob.direct_update=off' if $number % 2 == 0;
	open(STDOUT, '>', '/dev/null');
	open(STDERR, '>', '/dev/null');
	while (time < $until)
	{
		if (!defined $psql)
		{
			open($psql, '|-', $node->installed_command('psql'), '-XqAt', '-d',
				$node->connstr($db))
			  or POSIX::_exit(1);
			$psql->autoflush(1);
			# where it can be: a short pipe, so that the end comes soon
			eval { fcntl($psql, 1031, 4096) };
			print $psql "SET default_transaction_isolation = '$level';\n";
		}
		my $front = 5 + (time - $begin) * 15;
		my $sql = statement($front);

		$sql .= ';' if $sql !~ /\A\\copy/;
		if (!print $psql "$sql\n")
		{
			close $psql;
			undef $psql;
			sleep(0.1);
		}
	}
	close $psql if defined $psql;
	POSIX::_exit(0);
}

# Starts the clients; they go on for so many seconds.
sub start_load
{
	my ($node, $db, $seconds) = @_;
	my $seed  = $ENV{TRAINJOB_TEST_SEED} || int(time) % 1_000_000;
	my $until = time + $seconds;
	my @pids;

	note "seed $seed, $seconds seconds";
	foreach my $number (1 .. CLIENTS)
	{
		my $pid = fork();
		die "fork: $!" if !defined $pid;
		client($node, $db, $number, $until, $seed) if $pid == 0;
		push @pids, $pid;
	}
	return @pids;
}

sub finish_load
{
	my (@pids) = @_;
	waitpid($_, 0) foreach @pids;
	return;
}

# Kills a backend in the middle of its work and waits until the server is back.
sub crash_backend
{
	my ($node, $db) = @_;
	my $pid = '';

	# on a busy machine the load may take its time
	foreach (1 .. 100)
	{
		$pid = $node->safe_psql($db,
			"SELECT pid FROM pg_stat_activity WHERE application_name = 'load' AND state = 'active' ORDER BY random() LIMIT 1"
		);
		last if $pid ne '';
		sleep(0.05);
	}
	return 0 if $pid eq '';
	kill 'KILL', $pid or return 0;
	# it is gone, and then the server is there again
	sleep(0.2);
	foreach (1 .. 200)
	{
		my ($ret) = $node->psql($db, 'SELECT 1', on_error_die => 0);
		return 1 if $ret == 0;
		sleep(0.1);
	}
	die 'the server did not come back';
}

# ----------
# The truth
# ----------

# What is not true of the jobs, a line each: by their metrics, ...
my $by_metrics = q{
WITH m AS (
	SELECT m.job_id, m.id, m.step, m.recorded_at, m.epoch, m.train_loss, m.eval_loss,
		m.learning_rate, m.grad_norm, m.samples_per_second,
		COALESCE(m.perplexity, _trainjob.perplexity(m.train_loss)) AS perplexity,
		(j.restarted_at IS NULL OR m.recorded_at >= j.restarted_at) AS present,
		COALESCE(m.extra ? 'train_runtime', false) AS summary
	FROM local_training_metrics AS m
	JOIN local_training_jobs AS j ON j.id = m.job_id
), truth AS (
	SELECT job_id,
		max(step) FILTER (WHERE present) AS step,
		max(recorded_at) AS last_metric_at,
		(array_agg(epoch ORDER BY step DESC, id DESC) FILTER (WHERE present AND epoch IS NOT NULL))[1] AS epoch,
		(array_agg(train_loss ORDER BY summary, step DESC, id DESC) FILTER (WHERE present AND train_loss IS NOT NULL))[1] AS loss,
		(array_agg(eval_loss ORDER BY step DESC, id DESC) FILTER (WHERE present AND eval_loss IS NOT NULL))[1] AS eval_loss,
		(array_agg(perplexity ORDER BY summary, step DESC, id DESC) FILTER (WHERE present AND perplexity IS NOT NULL))[1] AS perplexity,
		(array_agg(learning_rate ORDER BY step DESC, id DESC) FILTER (WHERE present AND learning_rate IS NOT NULL))[1] AS learning_rate,
		(array_agg(grad_norm ORDER BY step DESC, id DESC) FILTER (WHERE present AND grad_norm IS NOT NULL))[1] AS grad_norm,
		(array_agg(samples_per_second ORDER BY step DESC, id DESC) FILTER (WHERE present AND samples_per_second IS NOT NULL))[1] AS samples_per_second,
		(array_agg(ARRAY[eval_loss, step, epoch] ORDER BY eval_loss, step, id) FILTER (WHERE eval_loss > '-Infinity' AND eval_loss < 'Infinity'))[1:1] AS best
	FROM m
	GROUP BY job_id
)
SELECT left(j.id::text, 8) || ' ' || c.name || ' is ' || COALESCE(c.shown, 'NULL')
	|| ' and should be ' || COALESCE(c.truth, 'NULL') || ', status ' || j.status
	|| ', step ' || COALESCE(j.current_step::text, 'NULL') || ', restarted '
	|| COALESCE(j.restarted_at::text, 'never')
FROM local_training_jobs AS j
LEFT JOIN truth AS t ON t.job_id = j.id
CROSS JOIN LATERAL (VALUES
	('current_epoch', j.current_epoch::text, t.epoch::text, false),
	-- a new attempt goes on showing these until it has its own
	('loss', j.loss::text, t.loss::text, true),
	('eval_loss', j.eval_loss::text, t.eval_loss::text, true),
	('perplexity', j.perplexity::text, t.perplexity::text, true),
	('learning_rate', j.learning_rate::text, t.learning_rate::text, true),
	('grad_norm', j.grad_norm::text, t.grad_norm::text, true),
	('samples_per_second', j.samples_per_second::text, t.samples_per_second::text, true),
	('best_eval_loss', j.best_eval_loss::text, t.best[1][1]::text, false),
	('best_step', j.best_step::text, t.best[1][2]::bigint::text, false),
	-- of reports of that step with the same loss the first to come has it
	('best_epoch', j.best_epoch::text,
	 CASE
		WHEN EXISTS (SELECT FROM m AS equal
					 WHERE equal.job_id = j.id AND equal.eval_loss = t.best[1][1] AND equal.step = t.best[1][2]
					   AND equal.epoch IS NOT DISTINCT FROM j.best_epoch)
			THEN j.best_epoch
		ELSE t.best[1][3]
	 END::text, false),
	('last_metric_at', j.last_metric_at::text, t.last_metric_at::text, false),
	('current_step', j.current_step::text,
	 CASE
		-- an alert may be ahead of the reports
		WHEN j.current_step >= COALESCE(t.step, 0)
			 AND EXISTS (SELECT FROM alert_event AS a
						 WHERE a.job_id = j.id AND a.current_step = j.current_step
						   AND a.outcome NOT IN ('refused', 'waiting'))
			THEN j.current_step
		ELSE t.step
	 END::text, false),
	('progress', j.progress::text,
	 CASE
		WHEN j.status = 'completed' THEN 100
		WHEN j.total_steps_source = 'observed' AND j.current_step = j.total_steps THEN 99
		WHEN j.total_steps_source = 'disproved' THEN
			CASE WHEN j.current_epoch > 0 AND j.current_epoch < j.total_epochs
					  AND j.current_epoch <> floor(j.current_epoch)
				THEN LEAST(99, 100 * (j.current_epoch / j.total_epochs)) END
		WHEN j.total_steps > 0 AND j.current_step IS NOT NULL
			THEN LEAST(100, 100 * j.current_step::float8 / j.total_steps)
	 END::text, false)
	) AS c (name, shown, truth, stays)
WHERE c.shown IS DISTINCT FROM c.truth
  AND NOT (c.stays AND c.truth IS NULL AND j.restarted_at IS NOT NULL)
};

# ... in themselves and by their datasets, ...
my $by_themselves = q{
SELECT left(j.id::text, 8) || ' ' || c.what || ': ' || to_jsonb(j)::text
FROM local_training_jobs AS j
CROSS JOIN LATERAL (VALUES
	('total_steps is below current_step', j.total_steps < j.current_step),
	('total_steps has no source', (j.total_steps IS NULL) <> (COALESCE(j.total_steps_source, 'disproved') = 'disproved')),
	('total_steps is not the estimate',
	 j.total_steps_source = 'estimated' AND j.total_steps IS DISTINCT FROM j.expected_total_steps),
	('its end has no time',
	 CASE j.status WHEN 'completed' THEN j.completed_at WHEN 'failed' THEN j.failed_at
		WHEN 'cancelled' THEN j.cancelled_at ELSE now() END IS NULL),
	('it has the time of an end that is not its own',
	 j.status <> 'completed' AND j.completed_at IS NOT NULL
	 OR j.status <> 'failed' AND j.failed_at IS NOT NULL
	 OR j.status <> 'cancelled' AND j.cancelled_at IS NOT NULL),
	('it runs and never started', j.status = 'running' AND j.started_at IS NULL),
	('it has an error and did not fail', j.status <> 'failed' AND j.error IS NOT NULL),
	('it has reported and waits to start',
	 j.status IN ('pending', 'queued', 'starting') AND j.status_changed_at IS NULL
	 AND j.last_metric_at IS NOT NULL),
	('it lacks its dataset''s count',
	 j.status NOT IN ('completed', 'failed', 'cancelled') AND j.total_samples IS NULL
	 AND EXISTS (SELECT FROM training_datasets AS d
				 WHERE d.storage_path = j.dataset_path AND d.sample_count IS NOT NULL))
	) AS c (what, wrong)
WHERE c.wrong
};

# ... and by what happened to them.
my $by_history = q{
WITH event AS (
	SELECT id, job_id, status_before AS before, status_after AS after, changed_at FROM job_status_change
	UNION ALL
	SELECT id, job_id, before, after, NULL FROM job_diary
), chain AS (
	SELECT *, lag(after) OVER w AS was, lead(id) OVER w IS NULL AS is_last
	FROM event WINDOW w AS (PARTITION BY job_id ORDER BY id)
)
SELECT left(job_id::text, 8) || ' went from ' || COALESCE(before, 'nothing') || ' to '
	|| COALESCE(after, 'nothing') || ' when it was ' || COALESCE(was, 'nothing')
FROM chain WHERE before IS DISTINCT FROM was
UNION ALL
SELECT left(c.job_id::text, 8) || ' is ' || COALESCE(j.status, 'nothing')
	|| ', its history says ' || COALESCE(c.after, 'nothing')
FROM chain AS c LEFT JOIN local_training_jobs AS j ON j.id = c.job_id
WHERE c.is_last AND c.after IS DISTINCT FROM j.status
UNION ALL
SELECT left(c.job_id::text, 8) || ' changed at ' || c.changed_at || ', it says at '
	|| COALESCE(j.status_changed_at::text, 'NULL')
FROM chain AS c JOIN local_training_jobs AS j ON j.id = c.job_id
WHERE c.is_last AND c.changed_at IS DISTINCT FROM j.status_changed_at
UNION ALL
SELECT 'alert ' || a.id || ' ' || a.type || ' is ' || COALESCE(a.outcome, 'NULL')
	|| ' from ' || COALESCE(a.status_before, 'NULL') || ' to '
	|| COALESCE(a.status_after, 'NULL') || ', changes: ' || COALESCE(c.changes, 'none')
FROM alert_event AS a
LEFT JOIN (SELECT alert_id,
		string_agg(COALESCE(status_before, 'NULL') || ' to ' || COALESCE(status_after, 'NULL'), ', ') AS changes
	FROM job_status_change GROUP BY alert_id) AS c ON c.alert_id = a.id
WHERE CASE
	WHEN a.outcome = 'applied'
		THEN c.changes IS DISTINCT FROM a.status_before || ' to ' || a.status_after
	ELSE c.changes IS NOT NULL OR a.status_before IS DISTINCT FROM a.status_after
	END
	OR a.outcome IS NULL
	OR (a.outcome = 'noted') <> (a.type IN ('job_queued', 'job_paused', 'job_preempted', 'job_resumed', 'gpu_oom', 'disk_warning', 'timeout_warning'))
		AND a.outcome <> 'waiting'
UNION ALL
SELECT 'alert ' || a.id || ' waits for a job that is there'
FROM alert_event AS a JOIN local_training_jobs AS j ON j.id = a.job_id
WHERE a.outcome = 'waiting'
};

# Everything that is not true, as text; empty if all is well.
sub untruths
{
	my ($node, $db) = @_;
	return join "\n",
	  grep { $_ ne '' }
	  map  { $node->safe_psql($db, $_) }
	  ($by_metrics, $by_themselves, $by_history);
}

# The errors in the server's log that the load does not ask for.  Foreign and
# unique keys, cancelled statements, what follows an error in a transaction or a
# BEGIN that was cancelled, and serialization failures are expected.  So are deadlocks of a statement with
# several alerts, which locks its jobs in the order in which they stand, of a
# dataset, for which a job that is set going or gets another dataset waits while
# it holds its own row, and of a job's deletion, which takes the job first and
# its reports after, with an update of a report, which takes them the other way.
sub unexpected_errors
{
	my ($node) = @_;
	my @lines = split /\n/, slurp_file($node->logfile);
	my %expected = map { $_ => 1 } qw(23503 23505 25P01 25P02 40001 57014);
	my @errors;
	my %count;

	for (my $i = 0; $i < @lines; $i++)
	{
		# signal 9 is ours
		push @errors, $lines[$i]
		  if $lines[$i] =~ /was terminated by signal (\d+)/ && $1 != 9;
		# it ended before it was cancelled
		next if $lines[$i] =~ /WARNING:  PID \d+ is not a PostgreSQL/;
		next
		  unless $lines[$i] =~ /\[\d+\] (\w{5}) .*?(ERROR|PANIC|WARNING):  (.*)/;
		my ($state, $text) = ($1, $lines[$i]);
		my @queries;

		$count{$state}++;
		next if $expected{$state} || $state =~ /^57P/;
		foreach my $line (@lines[ $i + 1 .. ($i + 12 < $#lines ? $i + 12 : $#lines) ])
		{
			last if $line =~ /(ERROR|FATAL|LOG):  /;
			push @queries, $1 if $line =~ /^\s+Process \d+: (.*)/;
			$text .= "\n$line";
		}
		next
		  if $state eq '40P01'
		  && grep { m{/\* several alerts \*/|INTO training_datasets} } @queries;
		next
		  if $state eq '40P01'
		  && grep({ /DELETE FROM local_training_jobs/ } @queries)
		  && grep({ /UPDATE local_training_metrics|ON CONFLICT \(job_id, step, id\)/ } @queries);
		push @errors, $text;
	}
	note 'errors by code: '
	  . join(', ', map { "$_ $count{$_}" } sort keys %count);
	return join "\n", @errors;
}

# ----------
# Dumps
# ----------

# Tables with a user's own column, index and policy, and rows of every kind
# that a restore might take for news.
sub sample_rows
{
	my ($node, $db) = @_;

	$node->safe_psql($db, 'CREATE EXTENSION IF NOT EXISTS trainjob');
	$node->safe_psql($db, 'SELECT trainjob.create_tables()');
	$node->safe_psql(
		$db, q{
ALTER TABLE local_training_jobs ADD COLUMN team text DEFAULT 'vision';
ALTER TABLE local_training_metrics ADD COLUMN note text;
CREATE INDEX jobs_by_team ON local_training_jobs (team) WHERE status = 'running';
CREATE INDEX eval_by_loss ON local_training_metrics (job_id, eval_loss) WHERE eval_loss IS NOT NULL;
ALTER TABLE local_training_jobs ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_jobs ON local_training_jobs
	USING (user_id::text = current_setting('app.user_id', true));

CREATE FUNCTION pg_temp.job(n int) RETURNS uuid LANGUAGE sql IMMUTABLE
	AS $$SELECT lpad(to_hex(n), 32, 'f')::uuid$$;
CREATE FUNCTION pg_temp.report(n int, steps int[], ago interval) RETURNS void LANGUAGE sql
	AS $$INSERT INTO local_training_metrics (job_id, step, epoch, train_loss, eval_loss, learning_rate, recorded_at)
		SELECT pg_temp.job(n), s, s / 10.0, 5.0 / (s + 1), CASE WHEN s % 10 = 0 THEN 6.0 / (s + 1) END, 2e-5,
			now() - ago + s * interval '1 ms'
		FROM unnest(steps) AS s$$;
CREATE FUNCTION pg_temp.alert(n int, type text, ago interval, step bigint DEFAULT NULL, total bigint DEFAULT NULL, kind text DEFAULT NULL)
	RETURNS void LANGUAGE sql
	AS $$INSERT INTO alert_event (job_id, type, occurred_at, current_step, total_steps, error_type)
		VALUES (pg_temp.job(n), type, now() - ago, step, total, kind)$$;
CREATE FUNCTION pg_temp.status(n int, new_status text) RETURNS void LANGUAGE sql
	AS $$UPDATE local_training_jobs SET status = new_status WHERE id = pg_temp.job(n)$$;

INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://full', 320), ('s3://part', NULL);
INSERT INTO local_training_jobs (id, dataset_path, config)
	SELECT pg_temp.job(n), 's3://full', CASE WHEN n % 2 = 0 THEN '{}'::jsonb END FROM generate_series(1, 60) AS n;
UPDATE local_training_jobs SET team = 'text' WHERE id > pg_temp.job(20);

-- every status, with reports from before it; 8 and 9: by a clock that is ahead
SELECT pg_temp.report(n, ARRAY[10, 5, 12, 3], '1 min') FROM generate_series(2, 7) AS n;
SELECT pg_temp.report(n, ARRAY[10, 5, 12, 3], '-1 hour') FROM generate_series(8, 9) AS n;
SELECT pg_temp.status(n, s) FROM (VALUES (3, 'pending'), (4, 'queued'), (5, 'starting'), (6, 'paused'),
	(7, 'cancelled'), (8, 'paused'), (9, 'queued')) AS v (n, s);

-- alerts of every outcome; 10: presumed dead, and dead since before its last report
SELECT pg_temp.report(n, ARRAY[1, 2, 3], '1 min') FROM generate_series(10, 19) AS n;
SELECT pg_temp.alert(10, 'job_failed', '2 min', kind => 'stalled');
SELECT pg_temp.alert(11, 'job_failed', '1 s', kind => 'stalled');
SELECT pg_temp.alert(12, 'job_completed', '1 s', step => 30);
SELECT pg_temp.alert(12, 'job_failed', '0 s');
SELECT pg_temp.alert(13, 'job_failed', '1 s', kind => 'oom');
SELECT pg_temp.alert(13, 'job_started', '5 s');
SELECT pg_temp.alert(13, 'job_failed', '0 s');
SELECT pg_temp.alert(14, 'job_failed', '50 s');
SELECT pg_temp.alert(14, 'job_started', '40 s', step => 2);
SELECT pg_temp.alert(15, 'gpu_oom', '1 s', step => 20, total => 77);
SELECT pg_temp.alert(16, 'job_cancelled', '1 s');
SELECT pg_temp.alert(99, 'job_started', '9 s');
SELECT pg_temp.alert(99, 'job_completed', '8 s');
SELECT pg_temp.alert(98, 'job_started', '9 s');
INSERT INTO local_training_jobs (id, total_samples) VALUES (pg_temp.job(98), 64);

-- restarts: from scratch, from a checkpoint, reported and not, to waiting,
-- of which the reports were known before
SELECT pg_temp.report(n, ARRAY[10, 20, 30, 40], '1 min') FROM generate_series(20, 29) AS n;
SELECT pg_temp.alert(n, 'job_failed', '30 s') FROM generate_series(20, 29) AS n;
SELECT pg_temp.status(20, 'running');
SELECT pg_temp.status(21, 'running');
SELECT pg_temp.report(21, ARRAY[1, 2], '0 s');
UPDATE local_training_jobs SET status = 'running', current_step = 15 WHERE id = pg_temp.job(22);
UPDATE local_training_jobs SET status = 'running', current_step = 15 WHERE id = pg_temp.job(23);
SELECT pg_temp.report(23, ARRAY[16], '0 s');
SELECT pg_temp.status(24, 'queued');
SELECT pg_temp.report(25, ARRAY[1, 10], '10 s');
SELECT pg_temp.alert(25, 'job_started', '15 s');
SELECT pg_temp.status(26, 'completed');
SELECT pg_temp.status(27, 'completed'), pg_temp.status(27, 'failed');

-- odd values, repeated and corrected reports, another's perplexity, a summary
INSERT INTO local_training_metrics (job_id, step, train_loss, eval_loss, perplexity, grad_norm, epoch) VALUES
	(pg_temp.job(30), 1, 'NaN', 'NaN', NULL, '-Infinity', 'NaN'), (pg_temp.job(31), 1, 'Infinity', '-Infinity', NULL, 'NaN', NULL),
	(pg_temp.job(32), 1, 1e300, 2, NULL, 1, 0.1), (pg_temp.job(32), 1, 1, 2, 99, 1, 0.1),
	(pg_temp.job(33), 5, 1, 0.5, NULL, 1, 0.5), (pg_temp.job(33), 5, 2, 0.5, NULL, NULL, NULL);
UPDATE local_training_metrics SET train_loss = 0.75, eval_loss = NULL WHERE job_id = pg_temp.job(33) AND train_loss = 1;
INSERT INTO local_training_metrics (job_id, step, id, train_loss, note) VALUES (pg_temp.job(34), 7, 1000000, 1, 'first')
	ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = EXCLUDED.train_loss, note = 'again';
INSERT INTO local_training_metrics (job_id, step, id, train_loss, note) VALUES (pg_temp.job(34), 7, 1000000, 3, 'second')
	ON CONFLICT (job_id, step, id) DO UPDATE SET train_loss = EXCLUDED.train_loss, note = 'again';
SELECT pg_temp.report(35, ARRAY[10, 20], '1 min');
INSERT INTO local_training_metrics (job_id, step, train_loss, extra) VALUES (pg_temp.job(35), 20, 9, '{"train_runtime": 60.5}');
SELECT setval(pg_get_serial_sequence('local_training_metrics', 'id'), 2000000);

-- totals: observed, reported, given; a job that another user's dataset matches
SELECT pg_temp.report(36, ARRAY[500], '1 min');
UPDATE local_training_jobs SET total_steps = 123 WHERE id = pg_temp.job(37);
INSERT INTO local_training_jobs (id, total_steps, dataset_path, config) VALUES (pg_temp.job(61), 5, 's3://none', '{"num_epochs": 2}');
INSERT INTO training_datasets (storage_path, user_id, sample_count) VALUES ('s3://own', gen_random_uuid(), 10);

-- jobs that wait for a dataset: forever, until it comes, until it is counted,
-- and those that ended before
INSERT INTO local_training_jobs (id, dataset_path) SELECT pg_temp.job(n), p
	FROM (VALUES (62, 's3://none'), (63, 's3://late'), (64, 's3://part'), (65, 's3://late'), (66, 's3://late'), (67, 's3://own'), (68, 's3://late')) AS v (n, p);
-- (of one step: two whole epochs would show a total)
SELECT pg_temp.report(n, ARRAY[20, 20], '1 min') FROM generate_series(62, 66) AS n;
SELECT pg_temp.alert(65, 'job_completed', '1 s');
SELECT pg_temp.alert(66, 'job_failed', '1 s');
SELECT pg_temp.status(68, 'cancelled');
INSERT INTO training_datasets (storage_path, sample_count) VALUES ('s3://late', 640);
UPDATE training_datasets SET sample_count = 96, val_samples = 32 WHERE storage_path = 's3://part';

-- a job that came twice, one that an application dates itself, the newest
-- reports of one were thinned out
SELECT pg_temp.report(50, ARRAY[1, 2, 3], '1 min');
DELETE FROM local_training_jobs WHERE id = pg_temp.job(50);
INSERT INTO local_training_jobs (id, dataset_path) VALUES (pg_temp.job(50), 's3://full');
SELECT pg_temp.report(50, ARRAY[1], '1 s');
INSERT INTO local_training_jobs (id, status, created_at, updated_at, started_at, completed_at, total_samples, total_steps, current_step)
	VALUES (pg_temp.job(69), 'completed', '2020-01-01', '2020-01-02', '2020-01-01', '2020-01-02', 500, 48, 48);
SELECT pg_temp.report(51, ARRAY[1, 2, 3, 10], '1 min');
DELETE FROM local_training_metrics WHERE job_id = pg_temp.job(51) AND step IN (1, 2);
});
	return;
}

# Every row of every table, without the columns "without", and everything that
# was made around the tables.
sub picture
{
	my ($node, $db, $without) = @_;
	my $row = defined $without ? "(to_jsonb(t) - '{$without}'::text[])" : 't';
	my %picture;

	foreach my $table (@tables)
	{
		$picture{$_} = 1
		  foreach split /\n/,
		  $node->safe_psql($db, "SELECT '$table ' || $row\::text FROM public.$table AS t");
	}
	$picture{$_} = 1 foreach split /\n/, $node->safe_psql(
		$db, q{
SELECT 'trigger ' || pg_get_triggerdef(oid) || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
UNION ALL
SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'policy ' || p::text FROM pg_policies AS p
UNION ALL
SELECT 'view ' || viewname || ' ' || md5(definition) FROM pg_views WHERE schemaname = 'public'
UNION ALL
SELECT 'relation ' || relname || ' ' || COALESCE(reloptions::text, '') || ' ' || relrowsecurity
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
UNION ALL
SELECT 'column ' || attrelid::regclass::text || ' ' || attname || ' ' || format_type(atttypid, atttypmod) || ' '
	|| attnotnull || ' ' || attidentity::text || ' ' || attstorage::text || ' ' || COALESCE(pg_get_expr(d.adbin, d.adrelid), '')
	|| ' ' || COALESCE(col_description(attrelid, attnum), '')
FROM pg_attribute LEFT JOIN pg_attrdef AS d ON d.adrelid = attrelid AND d.adnum = attnum
WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v'))
  AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'constraint ' || conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
UNION ALL
SELECT 'sequence ' || sequencename || ' ' || COALESCE(last_value::text, 'unused') FROM pg_sequences
});
	return \%picture;
}

# What one database has and the other has not, the first twenty lines; empty if
# they are the same.  "only" leaves out what does not match.
sub differences
{
	my ($node1, $db1, $node2, $db2, $only, $without) = @_;
	my $was = picture($node1, $db1, $without);
	my $is  = picture($node2, $db2, $without);
	my @lines = sort((map { "was $_" } grep { !$is->{$_} } keys %$was),
		(map { "is  $_" } grep { !$was->{$_} } keys %$is));

	@lines = grep { /^\w+ +(?:$only)/ } @lines if defined $only;
	# side by side: by job
	@lines = sort { substr($a, 4) cmp substr($b, 4) } @lines;
	splice(@lines, 20) if @lines > 20;
	return join "\n", @lines;
}

# Whether triggers, views and identities are at work.
sub new_report_works
{
	my ($node, $db, $name) = @_;
	my $shown = $node->safe_psql(
		$db, q{
INSERT INTO local_training_jobs (id, total_samples) VALUES (repeat('e', 32)::uuid, 320);
INSERT INTO local_training_metrics (job_id, step, train_loss) VALUES (repeat('e', 32)::uuid, 15, 0.5);
INSERT INTO alert_event (job_id, type) VALUES (repeat('e', 32)::uuid, 'job_completed');
SELECT status, current_step, total_steps, progress_text, loss_text FROM job_overview WHERE id = repeat('e', 32)::uuid;
});
	is($shown, 'completed|15|30|100%|0.5000', $name);
	return;
}

1;
