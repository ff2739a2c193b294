#!/usr/bin/env bats
# What teardown looks for: each thing that a test can leave is seen, and swept.

load setup

# seen KIND: nothing_left fails and names the kind. Then all of it is swept, and nothing is left.
seen() {
	run nothing_left
	[ "$status" -eq 1 ]
	[[ $output == *"$1: "*"$2"* ]] || {
		echo "it does not see $1 $2, but: $output"
		return 1
	}
	"$FIXTURE" sweep $$
	nothing_left
}

# orphan CMD...: not a child of this shell, as what a runtime leaves.
orphan() {
	(setsid "$@" </dev/null >/dev/null 2>&1 3>&- &)
	eventually pgrep -f "$*" >/dev/null
}

@test "leftovers: a mount" {
	mkdir "$BATS_TEST_TMPDIR/mnt"
	mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/mnt"
	seen mount "$BATS_TEST_TMPDIR/mnt"
}

@test "leftovers: a namespace that a mount keeps" {
	touch "$BATS_TEST_TMPDIR/ns"
	unshare --uts="$BATS_TEST_TMPDIR/ns" true
	seen mount "$BATS_TEST_TMPDIR/ns"
}

@test "leftovers: a cgroup, and those below it" {
	local parent
	parent=$(cgroup_mount pids)
	mkdir -p "${parent:-$(cgroup_mount unified)}/$ID/below"
	seen cgroup "$ID"
}

@test "leftovers: a process, by its environment" {
	orphan sleep "1$BATS_ROOT_PID.1"
	seen process "sleep 1$BATS_ROOT_PID.1"
}

@test "leftovers: a process in a root file system of the test, by its mount table" {
	bundle
	(setsid env -i PATH="$PATH" unshare --mount --propagation private sh -c \
		"mount --bind '$BUNDLE/rootfs' /mnt && exec sleep 1$BATS_ROOT_PID.2" </dev/null >/dev/null 2>&1 3>&- &)
	eventually is_seen_by_its_mounts
	seen process "sleep 1$BATS_ROOT_PID.2"
}

# The whole line: until its last exec the process has another command line with these words, and at first an environment
# by which it is seen too.
is_seen_by_its_mounts() { processes | grep -qxE "[0-9]+ sleep 1$BATS_ROOT_PID\.2 ?"; }

@test "leftovers: a state directory" {
	mkdir -p "$ROOT/$ID-left"
	run nothing_left
	[ "$status" -eq 1 ]
	[[ $output == *"state: $ID-left"* ]]
	rmdir "$ROOT/$ID-left"
	nothing_left
}

@test "leftovers: a change of the host" {
	export HOST_DEV=$BATS_TEST_TMPDIR/dev
	mkdir "$HOST_DEV"
	mknod -m 600 "$HOST_DEV/disk" b 7 0
	"$FIXTURE" before
	chmod 666 "$HOST_DEV/disk"
	seen "host, now" "$HOST_DEV/disk block special file 666"
	rm -r "$HOST_DEV"
	unset HOST_DEV
	"$FIXTURE" before
}

@test "leftovers: a command of the runtime that hangs is killed, and its test fails" {
	only_rt "what others leave then is another question"
	bundle
	process sleep 600
	RT_SECONDS=1 run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 137 ]
	run nothing_left
	[ "$status" -eq 1 ]
	[[ $output == *"runtime: killed after 1 s: "*" run --bundle "* ]]
	rm "$BATS_TEST_TMPDIR/hung"
}
