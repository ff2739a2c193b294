#!/usr/bin/env bats
# What the tests watch around each of them: a change of the host is seen. The host is a directory of this test's own.

load setup

host_state() { "$FIXTURE" host; }
host_changes() { "$FIXTURE" host-changes "$1"; }
mend_host() { "$FIXTURE" restore-host "$1"; }

watched() {
	export HOST_DEV=$BATS_TEST_TMPDIR/dev HOST_SYS=$BATS_TEST_TMPDIR/sys
	mkdir -p "$HOST_DEV" "$HOST_SYS/kernel"
	mknod -m 666 "$HOST_DEV/null" c 1 3
	mknod -m 660 "$HOST_DEV/disk" b 7 0
	echo core >"$HOST_SYS/kernel/core_pattern"
	host_state >"$BATS_TEST_TMPDIR/watched"
	[ -z "$(host_changes "$BATS_TEST_TMPDIR/watched")" ]
}

sees() {
	local changes
	changes=$(host_changes "$BATS_TEST_TMPDIR/watched")
	[[ $changes == *"$1"* ]] || {
		echo "it does not see $1, but: $changes"
		return 1
	}
}

teardown() {
	unset HOST_DEV HOST_SYS
	# shellcheck disable=SC2115 # an empty variable is what the test is about
	[ -z "${BATS_TEST_TMPDIR-}" ] || rm -rf "$BATS_TEST_TMPDIR/dev"
}

@test "invariants: mode, owner, times and kind of a node, and that it is there" {
	watched
	chmod 600 "$HOST_DEV/null"
	sees "now: node $HOST_DEV/null character special file 600"
	mend_host "$BATS_TEST_TMPDIR/watched"
	[ "$(stat -c %a "$HOST_DEV/null")" = 666 ]
	chown 1:1 "$HOST_DEV/disk"
	sees "1:1"
	touch -d @1 "$HOST_DEV/null"
	sees "modified 1 "
	rm "$HOST_DEV/disk"
	sees "before: node $HOST_DEV/disk"
	mknod "$HOST_DEV/new" c 1 5
	sees "now: node $HOST_DEV/new"
}

@test "invariants: a kernel parameter" {
	watched
	echo '|/evil' >"$HOST_SYS/kernel/core_pattern"
	sees "sysctl kernel/core_pattern = |/evil"
}

@test "invariants: writing to the null device is no change" {
	watched
	echo x >"$HOST_DEV/null"
	[ -z "$(host_changes "$BATS_TEST_TMPDIR/watched")" ]
}
