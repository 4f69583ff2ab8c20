# pg_upgrade keeps every row and all that is around the tables: to the same
# major version, and to each newer one that has the extension, beside this one
# (/usr/lib/postgresql/N/bin) or in the directories of TRAINJOB_UPGRADE_TO.
use strict;
use warnings;

use Cwd qw(abs_path getcwd);
use FindBin;
use lib "$FindBin::RealBin/../lib";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use TrainjobTest;

# The bin directory of a version's PATH.
sub bindir_of
{
	my ($pg_config) = @_;
	my ($stdout, $stderr);

	run_log([ $pg_config, '--bindir' ], '>', \$stdout, '2>', \$stderr)
	  or return;
	chomp $stdout;
	return $stdout;
}

my $old     = new_node('old');
my $bindir  = bindir_of('pg_config');
my ($major) = $old->safe_psql('postgres', 'SHOW server_version_num') =~ /^(\d+)\d{4}/;
my @targets = ($bindir);

sample_rows($old, 'postgres');
$old->safe_psql('postgres', 'ALTER TABLE alert_event DISABLE TRIGGER trainjob_apply_alert');

if (defined $ENV{TRAINJOB_UPGRADE_TO})
{
	push @targets, split ' ', $ENV{TRAINJOB_UPGRADE_TO};
}
elsif ($bindir =~ m{^(.*)/$major/bin$})
{
	my $base = $1;
	push @targets, grep { m{/(\d+)/bin$} && $1 > $major } glob "$base/*/bin";
}

foreach my $target (@targets)
{
  SKIP:
	{
		my ($version) = $target =~ m{/(\d+)/bin$};
		$version = $major if $target eq $bindir;
		my %path = $target eq $bindir ? () : (install_path => $target =~ s{/bin$}{}r);
		my $new  = PostgreSQL::Test::Cluster->new("new$version", %path);

		$new->init(extra => $version >= 18 && $major < 18 ? ['--no-data-checksums'] : []);
		$new->start;
		# asked this way, for a private installation is not in any list
		my ($ret) = $new->psql('postgres', 'BEGIN; CREATE EXTENSION trainjob; ROLLBACK;',
			on_error_stop => 1);
		$new->stop;
		skip "version $version has no trainjob", 3
		  if $ret != 0 && $version != $major;

		$old->stop;
		# in a directory of its own, for it leaves files
		my $here = getcwd();
		my @data = (abs_path($old->data_dir), abs_path($new->data_dir));
		chdir PostgreSQL::Test::Utils::tempdir();
		command_ok(
			[
				"$target/pg_upgrade", '--no-sync',
				'-d' => $data[0], '-D' => $data[1],
				'-b' => $bindir, '-B' => $target,
				'-s' => $new->host, '-p' => $old->port, '-P' => $new->port
			],
			"pg_upgrade from $major to $version");
		chdir $here;
		$old->start;
		$new->start;
		is(differences($old, 'postgres', $new, 'postgres',
				$version == $major ? undef : 'training_|local_|alert_|job_|sequence|trigger|policy'),
			'', "all is the same in version $version");
		$new->safe_psql('postgres',
			'ALTER TABLE alert_event ENABLE TRIGGER trainjob_apply_alert');
		new_report_works($new, 'postgres', "a report works in version $version");
		$new->stop;
	}
}

done_testing();
