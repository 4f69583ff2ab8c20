# shellcheck shell=bash
#
# What test/run and demo/run share; sourced, not run. It gives them, in order:
#
#   open_work_dir      a temporary directory, and $tester: the command prefix
#                      under which all else runs, as PostgreSQL refuses root
#   copy_tree          a copy of this source tree there, without build products
#   copy_installation  a PostgreSQL installation of its own there: nothing is
#                      installed into the system, and runs side by side do not
#                      meet
#   install_private    the same, with this tree's trainjob in it
#   start_server       a server on a socket there, on no port
#
# However the script ends, Ctrl-C included, what it started is stopped and the
# directory removed. A script that includes this must not set an EXIT trap.

script=$(basename "$(dirname "$0")")/${0##*/}
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
work=
group=
keep=
tester=()

die()
{
	echo "$script: $*" >&2
	exit 1
}

# Settings of the caller must not reach a build, a server or a client: not
# those of another server, nor the job slots and variables of "make test".
clean_environment()
{
	local variable

	for variable in $(compgen -e | grep '^PG' || true); do
		[ "$variable" = PG_CONFIG ] || unset "$variable"
	done
	unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES LANGUAGE CDPATH
	export LC_ALL=C.UTF-8
}

open_work_dir()
{
	clean_environment
	trap clean_up EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	work=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/trainjob.XXXXXX")" && pwd -P)
	# A socket's path may have 107 bytes; the tests make some below this one.
	[ ${#work} -le 60 ] || die "the path of the temporary directory is too long: $work"

	# Not the user postgres: a test gone wrong must not reach a real cluster.
	if [ "$(id -u)" -eq 0 ]; then
		tester=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups)
		chown nobody: "$work"
	fi
	cd "$work" || exit
	export HOME=$work TMPDIR=$work/tmp
	"${tester[@]}" mkdir "$TMPDIR" || die "user nobody cannot write to $work; set TMPDIR"
}

copy_tree()
{
	"${tester[@]}" mkdir "$work/tree"
	tar -C "$repository" -cf - --exclude=./.git --exclude='*.o' --exclude='*.so' \
		--exclude='*.bc' --exclude=./demo/train --exclude=./results \
		--exclude=./output_iso --exclude=./tmp_check --exclude=./log \
		--exclude='./regression.*' . |
		"${tester[@]}" tar -C "$work/tree" -xf -
}

# PostgreSQL finds its files from where its programs are, so an installation
# can be had twice: the programs copied, the rest linked. An extension that is
# installed with the pg_config of the copy goes into the copy.
# Argument: the pg_config of the real one. Sets $bin.
copy_installation()
{
	local real=$1 directory program
	local root=$work/installation

	bin=$root$("$real" --bindir)
	"${tester[@]}" mkdir -p "$bin"
	for program in "$("$real" --bindir)"/{postgres,initdb,psql,pgbench,createdb,dropdb,vacuumdb,pg_*}; do
		"${tester[@]}" cp "$program" "$bin"
	done
	for directory in "$("$real" --sharedir)" "$("$real" --pkglibdir)"; do
		"${tester[@]}" mkdir -p "$root$directory"
		"${tester[@]}" cp -rs "$directory/." "$root$directory"
	done
	[ "$("$bin/pg_config" --pkglibdir)" = "$root$("$real" --pkglibdir)" ] ||
		die "the PostgreSQL of $real does not work from another directory"
}

# Argument: the pg_config of the real one. Sets $bin. COPT: flags to add.
install_private()
{
	local real=$1

	copy_installation "$real"
	# Bitcode for the server's own compiler is left out: it needs clang.
	run_group make -s -j 2 -C "$work/tree" PG_CONFIG="$real" with_llvm=no \
		COPT="-Wall -Werror ${COPT-}" all
	run_group make -s -C "$work/tree" PG_CONFIG="$bin/pg_config" with_llvm=no \
		install >"$work/install.log" || die "make install failed: $(cat "$work/install.log")"
}

# Argument: a file of settings to add; nothing is added where there is none.
# TRAINJOB_WRAPPER: a command to start the server by, such as valgrind.
start_server()
{
	local data=$work/data

	setsid "${tester[@]}" "$bin/initdb" -D "$data" -U postgres -A trust -N \
		-E UTF8 --locale=C.UTF-8 >"$work/initdb.log" 2>&1 </dev/null ||
		die "initdb failed: $(cat "$work/initdb.log")"
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$work'"
		echo "fsync = off"
		[ ! -e "$1" ] || cat "$1"
	} | "${tester[@]}" tee -a "$data/postgresql.conf" >/dev/null
	# Not in a group that is stopped on Ctrl-C: between its start and its pid
	# file a server could not be found.
	# shellcheck disable=SC2086 # a command with its options
	setsid "${tester[@]}" ${TRAINJOB_WRAPPER-} "$bin/pg_ctl" -D "$data" \
		-l "$work/server.log" -w -t 600 start \
		>"$work/start.log" 2>&1 </dev/null ||
		die "the server does not start: $(cat "$work/start.log" "$work/server.log")"
	export PGHOST=$work PGUSER=postgres PGDATABASE=postgres
}

# Runs a command as the tester, in a process group of its own that can be
# stopped as a whole. The shell waits in "wait", where a signal finds it.
run_group()
{
	local status=0

	setsid "${tester[@]}" "$@" </dev/null &
	group=$!
	wait "$group" || status=$?
	group=
	return "$status"
}

stop_group()
{
	local tries

	[ -n "$group" ] || return 0
	kill -TERM -- "-$group" 2>/dev/null || return 0
	for ((tries = 0; tries < 50; tries++)); do
		kill -0 -- "-$group" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL -- "-$group" 2>/dev/null || true
}

# Also the servers that a test has started and not stopped. The file of one
# that crashed may name a process that has nothing to do with it.
stop_servers()
{
	local pid_file pid data

	while read -r pid_file; do
		data=${pid_file%/*}
		pid=$(head -n 1 "$pid_file")
		if [ "$(readlink "/proc/$pid/cwd")" = "$data" ]; then
			setsid "${tester[@]}" "$bin/pg_ctl" -D "$data" -m immediate -w stop \
				>/dev/null 2>&1 </dev/null || true
		fi
	done < <(find "$work" -name postmaster.pid 2>/dev/null)
}

clean_up()
{
	local status=$?

	trap '' HUP INT TERM
	stop_group
	stop_servers
	cd /
	if [ -n "$keep" ]; then
		echo "$script: kept $work" >&2
	else
		rm -rf "$work" || true
	fi
	exit "$status"
}
