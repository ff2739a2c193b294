# shellcheck shell=bash
# The words that the tests are written in. Each .bats file loads this.
#
#   bundle 'JQ FILTER'     makes a bundle: a busybox root filesystem and the default config, edited by the filter
#   config 'JQ FILTER'     edits the config of the bundle further
#   in_container CMD...    runs CMD as the container's process: $status, $output
#   rt ARGS...             the runtime under test, with a state directory of its own
#
# After each test everything that it made is deleted with `delete --force`, and then nothing may be left: no mount, no
# cgroup, no process, no state, and the host's nodes and kernel parameters are as before. A test that leaves something
# behind fails. tests/fixture makes the bundles and looks for what is left: as one process, because a shell would start
# fifty for each test.
#
# RT names the runtime: rt by default. What only rt promises is behind only_rt; what the spec promises is not, so the
# tests run with other runtimes too, which shows whether we test the spec or our habits.

bats_require_minimum_version 1.5.0

setup() {
	ROOT=$BATS_TEST_TMPDIR/state
	ID=rt$BATS_ROOT_PID-$BATS_SUITE_TEST_NUMBER
	BUNDLE=$BATS_TEST_TMPDIR/bundle
	export ROOT ID BUNDLE
	"$FIXTURE" before
	if declare -F needs >/dev/null; then needs; fi # of a file whose tests all need something
}

teardown() {
	[ -z "${JOBS_TO_END-}" ] || kill -9 "${JOBS_TO_END[@]}" 2>/dev/null || true
	delete_all
	nothing_left || {
		"$FIXTURE" sweep $$
		return 1
	}
}

# --- the runtime -------------------------------------------------------------------------------

# rt runs the runtime under test. A command of it that hangs, for RT_SECONDS, fails its test and not the whole suite:
# setup_suite starts what watches that.
# RT_OPTIONS are global options for all of them, such as --systemd-cgroup.
rt() {
	# shellcheck disable=SC2086 # a list of words
	"$RT" --root "$ROOT" ${RT_OPTIONS-} "$@"
}

# bundle [JQ FILTER [DIR]] makes a bundle.
bundle() {
	"$FIXTURE" bundle "${2:-$BUNDLE}" "${1:-.}"
}

# config 'JQ FILTER' edits the config of the bundle.
config() {
	"$FIXTURE" config "$1"
}

# process CMD... makes CMD the container's process.
process() {
	"$FIXTURE" process "$@"
}

# in_container CMD... runs the container with CMD as its process. The errors of a script go the way of its output:
# a runtime may carry the two apart, and then nothing says which comes first.
in_container() {
	if [ "${1-}" = sh ] && [ "${2-}" = -c ]; then
		set -- sh -c "exec 2>&1; $3" "${@:4}"
	fi
	process "$@"
	run rt run --bundle "$BUNDLE" "$ID"
}

# run_detached CMD... is run for what leaves a process behind: that one would hold the pipe that run reads, and run wait
# for it.
run_detached() {
	status=0
	"$@" </dev/null >"$BATS_TEST_TMPDIR/output" 2>&1 3>&- || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/output")
	mapfile -t lines <"$BATS_TEST_TMPDIR/output"
}

# created [CMD...] and running [CMD...] bring the container to that status.
created() {
	[ $# -eq 0 ] || process "$@"
	run_detached rt create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ] || {
		echo "$output"
		return 1
	}
}

running() {
	created "$@"
	rt start "$ID"
}

# state FIELD [ID] prints a field of the container's state, and status_is STATUS checks that one.
state() {
	local json
	json=$(rt state "${2:-$ID}") || true
	# bash does for a number and a string what takes a jq otherwise.
	if [[ $json =~ \"$1\":\ *(\"([^\"\\]*)\"|[0-9]+) ]]; then
		echo "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
	elif [ -n "$json" ]; then
		jq -r ".$1" <<<"$json"
	fi
}

status_is() {
	local now
	now=$(state status "${2:-$ID}")
	[ "$now" = "$1" ] || {
		echo "the status of ${2:-$ID} is $now, not $1"
		return 1
	}
}

# background CMD... runs CMD in the background, to be ended with the test: $!.
background() {
	"$@" <&0 3>&- &
	JOBS_TO_END+=("$!")
}

# not CMD... succeeds if CMD fails. (A bare ! never fails a test: set -e does not look at it.)
not() {
	if "$@"; then
		echo "this should have failed: $*"
		return 1
	fi
}

# eventually CMD... waits until CMD succeeds, for a minute: that is much, and no test waits for it unless it fails. It
# prints what CMD printed the last time.
eventually() {
	local deadline=$((SECONDS + 60)) said=$BATS_TEST_TMPDIR/.eventually
	until "$@" >"$said" 2>&1; do
		if [ $SECONDS -ge $deadline ]; then
			cat "$said"
			echo "in a minute it never came true: $*"
			return 1
		fi
		pause_shortly
	done
	cat "$said"
}

# pause_shortly is a sleep of 50 ms without a process: nobody writes to this pipe.
pause_shortly() {
	read -rt 0.05 <>"$BATS_SUITE_TMPDIR/silent" || true
}

# dead PID: nothing of it is left but, at most, an entry for its parent to collect.
dead() {
	[ ! -e "/proc/$1" ] || [ "$(cut -d' ' -f3 "/proc/$1/stat" 2>/dev/null || echo Z)" = Z ]
}

# asleep PID: it waits for something.
asleep() {
	[ "$(cut -d' ' -f3 "/proc/$1/stat")" = S ]
}

# --- what this run can test --------------------------------------------------------------------

# only_rt skips where the runtime is not rt: WHAT is rt's own promise, not the spec's.
only_rt() {
	[ "$RUNTIME" = rt ] || skip "only rt: $*"
}

# known_bad RUNTIME WHY skips where that runtime is known to do other than the spec says. With KNOWN_BAD=run it does
# not, which shows whether that is still so.
known_bad() {
	[ "$RUNTIME" != "$1" ] || [ "${KNOWN_BAD-}" = run ] || skip "$1: $2"
}

# needs_root WHAT FOR skips for an ordinary user. (test_tags=root leaves a test out of that pass without a skip.)
needs_root() {
	[ "$ROOTLESS" = 0 ] || skip "needs root: $*"
}

# needs_cgroup WHAT FOR skips for an ordinary user, unless he was given a cgroup of his own: DELEGATED says so.
needs_cgroup() {
	[ -n "${DELEGATED-}" ] || needs_root "$@"
}

# needs_cgroupfs WHAT skips where systemd makes the cgroups.
needs_cgroupfs() {
	[[ ${RT_OPTIONS-} != *--systemd-cgroup* ]] || skip "systemd makes the cgroups: $*"
}

# sub FILE prints the first id of the user's range in /etc/subuid or /etc/subgid.
sub() {
	awk -F: -v name="$(id -un)" -v id="$(id -u)" '$1 == name || $1 == id { print $2; exit }' "$1"
}

# ranges gives a bundle of an ordinary user more ids: root is the user, 1 and up are of the user's ranges. The host's
# root has them all.
ranges() {
	[ "$ROOTLESS" = 1 ] || return 0
	SUBUID=$(sub /etc/subuid)
	SUBGID=$(sub /etc/subgid)
	[ -n "$SUBUID$SUBGID" ] || skip "this user has no ranges in /etc/subuid and /etc/subgid"
	command -v newuidmap >/dev/null || skip "newuidmap is not installed"
	U=$SUBUID G=$SUBGID config ".linux.uidMappings += [{containerID: 1, hostID: (env.U | tonumber), size: 65535}]
		| .linux.gidMappings += [{containerID: 1, hostID: (env.G | tonumber), size: 65535}]"
}

# cgroup_dir CONTROLLER PID prints where the host sees the cgroup of PID that has the controller, v1 or v2.
cgroup_dir() {
	local id controllers path
	while IFS=: read -r id controllers path; do
		case ,$controllers, in
		*,"$1",*)
			echo "$(cgroup_mount "$1")$path"
			return
			;;
		esac
	done <"/proc/$2/cgroup"
	path=$(sed -n 's/^0:://p' "/proc/$2/cgroup")
	echo "$(cgroup_mount unified)$path"
}

# cgroup_mount CONTROLLER|unified prints the mount point of the hierarchy, if there is one.
cgroup_mount() {
	if [ "$1" = unified ]; then
		awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts
	else
		awk -v c="$1" '$3 == "cgroup" && ("," $4 ",") ~ ("," c ",") { print $2; exit }' /proc/self/mounts
	fi
}

# cgroup_version CONTROLLER prints 1 or 2, or nothing if this machine offers the controller nowhere.
cgroup_version() {
	if [ -n "$(cgroup_mount "$1")" ]; then
		echo 1
	elif grep -qw "$1" "$(cgroup_mount unified)/cgroup.controllers" 2>/dev/null; then
		echo 2
	fi
}

# only_v2 SCRIPT runs SCRIPT where cgroup2 is all there is: as root, and if the machine has v1 too, in a mount namespace
# of its own.
# In it, home prints the directory of the container's cgroup, and pid its first process.
only_v2() {
	[ -n "$(cgroup_mount unified)" ] || skip "this machine has no cgroup2"
	export -f rt pid home
	if [ "$(cgroup_mount unified)" = /sys/fs/cgroup ]; then
		# Root may mount and unmount in the command; an ordinary user can't.
		if [ "$EUID" -eq 0 ]; then
			run unshare --mount --propagation private bash -c "$1"
		else
			run bash -c "$1"
		fi
	else
		needs_root "to mount cgroup2 alone"
		run unshare --mount --propagation private bash -c \
			"umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && { $1; }"
	fi
}

pid() {
	rt state "$ID" | jq .pid
}

home() {
	echo "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(pid)/cgroup")"
}

# needs_controller CONTROLLER skips where the machine has no such controller, and for a user without a cgroup of his
# own.
needs_controller() {
	[ -n "$(cgroup_version "$1")" ] || skip "this machine has no $1 controller"
	needs_cgroup "limits are the cgroup's"
}

# on_v1 succeeds where the controllers are of cgroup v1, in hybrid mode too.
on_v1() {
	[ "$(cgroup_mount unified)" != /sys/fs/cgroup ]
}

# --- nothing left ------------------------------------------------------------------------------

# mounts prints what is mounted where. What it was before the test is in mounts.before.
mounts() {
	"$FIXTURE" mounts
}

# containers prints the ids that have a state directory.
containers() {
	local dir
	for dir in "$ROOT"/*/ /run/rt/"$ID"*/ "${XDG_RUNTIME_DIR:-/nonexistent}"/rt/"$ID"*/; do
		[ ! -d "$dir" ] || {
			dir=${dir%/}
			echo "${dir##*/}"
		}
	done
}

delete_all() {
	local id
	for id in $(containers); do
		rt delete --force "$id" || true
	done
}

# cgroups prints the cgroups that carry the ids of this test.
cgroups() {
	"$FIXTURE" cgroups
}

# processes prints the processes that this test started, or that live in one of its root filesystems, unless they
# descend from this shell.
processes() {
	"$FIXTURE" processes $$
}

# nothing_left fails, and says what is left, if it does not go away in a moment.
nothing_left() {
	"$FIXTURE" leftovers $$
}

# --- what went wrong ---------------------------------------------------------------------------

# refused WORDS... checks that the command last run was refused: exit status 1, a reason, and no trace of the container.
# rt's reason must hold the words, on one line; other runtimes may use their own.
refused() {
	[ "$status" -eq 1 ] || {
		echo "exit status $status, not 1; output: $output"
		return 1
	}
	[ -n "$output" ]
	[ -z "$(containers)" ] || {
		echo "state is left of a container that was refused: $(containers)"
		return 1
	}
	[ "$RUNTIME" != rt ] || clear_error "$@"
}

# clear_error WORDS... checks rt's message in $output: one line that holds all the words,
# besides it only the lines of a step and of a hint, and nothing of rt's insides.
clear_error() {
	local word line first=${lines[0]-}
	[[ $first == rt:* ]] || {
		echo "an error of rt starts with \"rt:\", not: $output"
		return 1
	}
	for word in "$@"; do
		[[ $first == *"$word"* ]] || {
			echo "the error does not say \"$word\": $output"
			return 1
		}
	done
	for line in "${lines[@]:1}"; do
		[[ $line == "  step "* || $line == "  hint "* ]] || {
			echo "a further line: $line"
			return 1
		}
	done
	[[ $output != *panic* && $output != *goroutine* ]]
}
