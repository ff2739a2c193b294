#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#linux-process: capabilities; capabilities(7)

load setup

# capabilities prints the five sets of the container's process on one line: Inh Prm Eff Bnd Amb.
capabilities() {
	in_container sh -c 'grep ^Cap /proc/self/status | cut -f2 | tr "\n" " "'
	[ "$status" -eq 0 ]
	output=${output##*$'\n'} # a warning may stand before it
}

none=0000000000000000
chown=0000000000000001  # CAP_CHOWN is 0
kill=0000000000000020   # CAP_KILL is 5
both=0000000000000021

@test "capabilities: each set on its own" {
	bundle '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL"], permitted: ["CAP_CHOWN", "CAP_KILL"],
		effective: ["CAP_CHOWN"]}'
	capabilities
	[ "$output" = "$none $both $both $both $none " ] || [ "$output" = "$none $both $chown $both $none " ]
}

@test "capabilities: for a user that is not root: inheritable and ambient" {
	[ "$ROOTLESS" = 1 ] || user='{uid: 1000, gid: 1000}'
	bundle ".process.user = ${user:-{uid: 0, gid: 0\}} | .process.capabilities = {
		bounding: [\"CAP_CHOWN\", \"CAP_KILL\"], permitted: [\"CAP_KILL\"], inheritable: [\"CAP_KILL\"],
			effective: [\"CAP_KILL\"], ambient: [\"CAP_KILL\"]}"
	capabilities
	[ "$ROOTLESS" = 1 ] || [ "$output" = "$kill $kill $kill $both $kill " ]
	[[ $output == "$kill "* && $output == *"$both $kill " ]]
}

# bats test_tags=root
@test "capabilities: a user that is not root has none without ambient" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	capabilities
	[[ $output == "$none $none $none "*" $none " ]]
}

@test "capabilities: empty sets leave root with nothing" {
	bundle '.process.capabilities = {bounding: [], permitted: [], effective: [], inheritable: [], ambient: []}'
	capabilities
	[ "$output" = "$none $none $none $none $none " ]
}

@test "capabilities: without the field, none" {
	known_bad runc "it keeps the caller's"
	bundle 'del(.process.capabilities)'
	capabilities
	[ "$output" = "$none $none $none $none $none " ]
}

@test "capabilities: what is not in the sets does not work, what is does" {
	bundle '.root.readonly = false | .process.capabilities |= (.bounding = ["CAP_CHOWN"] |
		.permitted = ["CAP_CHOWN"] | .effective = ["CAP_CHOWN"] | del(.inheritable, .ambient))'
	in_container sh -c 'touch /x; chown 0:0 /x && echo chown; hostname other'
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = chown ]
	[[ ${lines[1]} == *"Operation not permitted"* ]]
}

@test "capabilities: an unknown name is a warning, as the spec demands" {
	bundle '.process.capabilities |= with_entries(.value += ["CAP_FLY"])'
	in_container true
	[ "$status" -eq 0 ]
	[[ $output == *CAP_FLY* ]]
}

# bats test_tags=root
@test "capabilities: one that the caller does not have is a warning, as the spec demands" {
	known_bad runc "it fails"
	missing=$(capsh --decode="$(printf %x $((~0x$(sed -n 's/^CapBnd:\t//p' /proc/self/status) & (1 << $(cat \
		/proc/sys/kernel/cap_last_cap)) * 2 - 1)))" | cut -d= -f2 | cut -d, -f1)
	if [ -z "$missing" ]; then # this caller has all: take one from it
		missing=cap_sys_time
	fi
	NAME=${missing^^} bundle \
		'.process.capabilities |= with_entries(select(.key != "ambient" and .key != "inheritable") |
		.value = [env.NAME, "CAP_CHOWN"])'
	process sh -c 'grep ^Cap /proc/self/status | cut -f2 | tr "\n" " "'
	run setpriv --bounding-set "-${missing#cap_}" timeout 120 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *"${missing^^}"* ]]
	[[ $output == *"$none $chown $chown $chown $none "* ]]
}
