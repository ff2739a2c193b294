#!/usr/bin/env bats
# docs/cookbook.md: every command of its recipes is run, and its output compared with the page.

load setup

# A loop of a recipe that waits for what never happens ends with its test.
setup_file() {
	export BATS_TEST_TIMEOUT=180
}

needs() {
	only_rt "the recipes are for rt"
	PAGE=$BATS_TEST_DIRNAME/cookbook.md # a copy, where the tests are one: tests/bats/run
	[ -f "$PAGE" ] || PAGE=$BATS_TEST_DIRNAME/../../docs/cookbook.md
	# The recipes call rt by its name, and so may strace and the loops of a recipe: a script in PATH, not a function.
	mkdir "$BATS_TEST_TMPDIR/path" "$BATS_TEST_TMPDIR/work" "$BATS_TEST_TMPDIR/work/build"
	printf '%s\n' '#!/bin/sh' "exec timeout --foreground --kill-after=5 120 '$RT' --root '$ROOT' \"\$@\"" \
		>"$BATS_TEST_TMPDIR/path/rt"
	chmod +x "$BATS_TEST_TMPDIR/path/rt"
	ln -s "$SECCOMPAGENT" "$BATS_TEST_TMPDIR/path/seccompagent"
	ln -s "$BATS_SUITE_TMPDIR" "$BATS_TEST_TMPDIR/work/build/demo" # what `make demo` leaves
}

# section TITLE prints the lines of a section that are indented: commands, their continuations and their output.
section() {
	awk -v title="## $1" '/^## / { inside = $0 == title } inside && /^    / { print substr($0, 5) }' "$PAGE"
}

# split writes each command of its input to N.command, and the output that the page shows to N.shown.
split() {
	awk '
		/^[#$] / { n++; printf "%s\n", substr($0, 3) >(n ".command"); printf "" >(n ".shown"); next }
		/^> / { printf "%s\n", substr($0, 3) >>(n ".command"); next }
		{ print >>(n ".shown") }'
}

# as_regexp turns what the page shows into an extended regular expression: ... stands for any text.
as_regexp() {
	sed -e 's/[][\.^$*+?(){}|]/\\&/g' -e 's/\\\.\\\.\\\./.*/g'
}

# execute runs the commands of a directory one after the other in this shell, as they would be typed, and compares.
execute() {
	local directory=$1 n shown printed code
	for ((n = 1; ; n++)); do
		[ -f "$directory/$n.command" ] || break
		code=0
		# shellcheck disable=SC1090 # a command of the page
		source "$directory/$n.command" >"$directory/$n.printed" 2>&1 3>&- || code=$?
		shown=$(as_regexp <"$directory/$n.shown") printed=$(<"$directory/$n.printed")
		# A command whose output is an error of rt may fail.
		if ! [[ $printed =~ ^$shown$ ]] || { [ "$code" -ne 0 ] && [[ $printed != *config.json:* ]]; }; then
			printf '%s\n' "command $n:" "$(<"$directory/$n.command")" "exit status $code; it printed:" "$printed" \
				"and the page shows:" "$(<"$directory/$n.shown")"
			return 1
		fi
	done
	[ "$n" -gt 1 ]
}

# prepare TITLE writes the commands of a recipe, after those that precede all recipes, and changes to where they run.
prepare() {
	DIRECTORY=$BATS_TEST_TMPDIR/commands
	mkdir "$DIRECTORY"
	(cd "$DIRECTORY" && { section "Before you begin" && section "$1"; } | split)
	[ "$(section "$1" | grep -c '^[#$] ')" -ge 3 ]
	cd "$BATS_TEST_TMPDIR/work" || return
	PATH=$BATS_TEST_TMPDIR/path:$PATH
}

# recipe TITLE runs a recipe.
recipe() {
	prepare "$1"
	unset -f rt # of setup.bash: the commands of the page are those of a user
	execute "$DIRECTORY"
}

@test "cookbook: every recipe of the page has a test" {
	local title titles tests
	titles=$(sed -n 's/^## //p' "$PAGE" | tail -n +2)
	tests=$(sed -n 's/^	\(recipe\|prepare\) "\([^$].*\)"$/\2/p' "$BATS_TEST_FILENAME")
	[ "$(wc -l <<<"$titles")" -ge 12 ]
	diff <(sort <<<"$titles") <(sort <<<"$tests")
	while read -r title; do
		grep -qF "* [$title](#" "$PAGE" || {
			echo "the list of recipes lacks: $title"
			return 1
		}
	done <<<"$titles"
}

@test "cookbook: a GPU" {
	stat --format %Hr /dev/null | grep -q '^1$' || skip "stat of this coreutils has no %Hr"
	recipe "A GPU, by CDI"
}

@test "cookbook: systemd" {
	[ -x /lib/systemd/systemd ] || skip "this machine has no systemd"
	[ -n "$(cgroup_mount unified)" ] || skip "this machine has no cgroup2"
	grep -qw overlay /proc/filesystems || skip "this kernel has no overlay file system"
	prepare "systemd in a container"
	export -f execute as_regexp
	only_v2 "unset -f rt; execute $DIRECTORY"
	echo "$output"
	cat boot.log
	[ "$status" -eq 0 ]
}

# bats test_tags=rootless,user
@test "cookbook: rootless, with a volume" {
	[ "$ROOTLESS" = 1 ] || skip "for an ordinary user"
	[ -n "$(sub /etc/subuid)$(sub /etc/subgid)" ] || skip "this user has no ranges in /etc/subuid and /etc/subgid"
	command -v newuidmap >/dev/null || skip "newuidmap is not installed"
	recipe "Rootless, with a volume"
}

@test "cookbook: nested" {
	# It copies rt into a container, so here it is no script.
	cp --remove-destination "$RT" "$BATS_TEST_TMPDIR/path/rt"
	recipe "A container in a container"
}

@test "cookbook: a recorded profile" {
	recipe "A seccomp profile from a recording"
}

@test "cookbook: a seccomp agent" {
	recipe "An agent that answers system calls"
}

@test "cookbook: limits" {
	needs_controller memory
	needs_controller pids
	recipe "Limits"
}

@test "cookbook: limits of cgroup v2" {
	[ "$(cgroup_version memory)" = 2 ] || skip "this machine has no memory controller on cgroup v2"
	recipe "Limits by the names of cgroup v2"
}

@test "cookbook: a network namespace" {
	command -v ip >/dev/null || skip "ip is not installed"
	unshare --net ip link add rtprobe type dummy 2>/dev/null || true
	unshare --net ip link add rtprobe type veth peer name rtprobe2 || skip "this kernel has no veth"
	local mounted=
	! mountpoint -q /run/netns || mounted=1
	recipe "A network namespace by hand"
	[ -n "$mounted" ] || umount /run/netns # the first `ip netns add` of a machine mounts it on itself
}

@test "cookbook: overlay layers" {
	grep -qw overlay /proc/filesystems || skip "this kernel has no overlay file system"
	recipe "Overlay layers"
}

@test "cookbook: checkpoint" {
	PATH=${CRIU_PATH:+$CRIU_PATH:}$PATH:/usr/sbin
	command -v criu >/dev/null || skip "criu is not installed"
	command -v iptables-restore >/dev/null || skip "iptables, which criu wants, is not installed"
	criu check >/dev/null 2>&1 || skip "criu does not work with this kernel: $(criu check 2>&1 | tail -n 1)"
	recipe "Checkpoint and restore"
}

@test "cookbook: debugging" {
	command -v strace >/dev/null || skip "strace is not installed"
	recipe "Debugging a bundle"
}
