#!/usr/bin/env bats
# bats file_tags=rootless
# Session keyrings: keyrings(7). A container has one of its own, named _ses.ID as under runc and
# crun, and with rt a random number, unless --no-new-keyring is given.

load setup

needs() {
	[ -r /proc/keys ] || skip "this kernel has no keyrings"
}

# session prints the keyring of the container's process, as its own user sees it.
session() {
	"$@" grep -c "keyring *_ses\.${ID}[.:]" /proc/keys
}

# seen makes a bundle in which /proc/keys can be read.
seen() {
	bundle '.linux.maskedPaths |= map(select(. != "/proc/keys"))'
}

@test "keyring: a container has one of its own, and exec finds it" {
	seen
	running sleep 60
	[ "$(session rt exec "$ID")" = 1 ]
	# The same one for both: a second keyring of that name would make it two.
	[ "$(session rt exec "$ID")" = 1 ]
}

@test "keyring: its permissions let processes that come later find it" {
	only_rt "runc gives its user more"
	seen
	running sleep 60
	run rt exec "$ID" grep "_ses\.$ID\." /proc/keys
	# Possessor: all. User: search. Others: nothing.
	[[ $output == *" 3f080000 "* ]]
}

@test "keyring: --no-new-keyring leaves the caller's, for exec too" {
	seen
	process sleep 60
	run_detached rt run --detach --no-new-keyring --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$(session rt exec "$ID" || true)" = 0 ]
	grep -c "keyring *_ses\.${ID}[.:]" /proc/keys && false
	rt delete --force "$ID"
}

@test "keyring: two containers have two" {
	seen
	running sleep 60
	run_detached rt run --detach --bundle "$BUNDLE" "$ID-2"
	[ "$(rt exec "$ID-2" grep -c "keyring *_ses\.$ID-2[.:]" /proc/keys)" = 1 ]
	[ "$(session rt exec "$ID")" = 1 ]
	rt delete --force "$ID-2"
}

# bats test_tags=root
@test "keyring: nobody else of the same user joins it by its name, or reads that" {
	only_rt "runc names it _ses.ID"
	command -v perl >/dev/null || skip "there is no perl to make a system call with"
	seen
	running sleep 60
	ring=$(rt exec "$ID" grep "_ses\.$ID" /proc/keys | cut -d" " -f1)
	[[ $ring == [0-9a-f]* ]]
	[ "$(grep -c "_ses\.$ID" /proc/keys || true)" = 0 ]
	# keyctl(2), KEYCTL_JOIN_SESSION_KEYRING: it makes the keyring if there is none of that name
	# shellcheck disable=SC2016 # for perl
	joined=$(perl -e '$n = $ARGV[0] . "\0"; printf "%08x", syscall(250, 1, $n)' "_ses.$ID")
	[ "$joined" != "$ring" ]
}
