#!/usr/bin/env bats
# bats file_tags=rootless
# The command spec.

load setup

@test "spec: writes a config that runs" {
	mkdir "$BUNDLE"
	cp -a "$BATS_SUITE_TMPDIR/rootfs" "$BUNDLE/"
	cd "$BUNDLE"
	if [ "$ROOTLESS" = 0 ]; then
		run rt spec
	else
		run rt spec --rootless
	fi
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	[ "$(jq -r .process.terminal config.json)" = true ]
	[ "$(jq -r '.process.args[0]' config.json)" = sh ]
	[ "$(jq -r .root.path config.json)" = rootfs ]
	in_container_without_terminal echo fine
	[ "$status" -eq 0 ]
	[ "$output" = fine ]
}

in_container_without_terminal() {
	config '.process.terminal = false'
	in_container "$@"
}

@test "spec --bundle: writes it there" {
	mkdir "$BUNDLE"
	rt spec --bundle "$BUNDLE"
	jq -e .ociVersion "$BUNDLE/config.json"
}

@test "spec: an existing config.json is never overwritten" {
	mkdir "$BUNDLE"
	echo mine >"$BUNDLE/config.json"
	run rt spec --bundle "$BUNDLE"
	[ "$status" -eq 1 ]
	[[ $output == *config.json*exist* ]]
	[ "$(cat "$BUNDLE/config.json")" = mine ]
}

@test "spec: a directory that does not exist is refused" {
	run rt spec --bundle /no/such/folder
	[ "$status" -eq 1 ]
	[[ $output == */no/such/folder* ]]
}

@test "spec: isolates what a default should" {
	mkdir "$BUNDLE"
	rt spec --bundle "$BUNDLE"
	for type in pid network ipc uts mount; do
		jq -e ".linux.namespaces[] | select(.type == \"$type\")" "$BUNDLE/config.json" >/dev/null
	done
	jq -e '.process.noNewPrivileges and (.linux.maskedPaths | length > 0) and (.linux.readonlyPaths |
		length > 0)' "$BUNDLE/config.json"
}

@test "spec --rootless: a user namespace with the caller as its root, and no resources" {
	mkdir "$BUNDLE"
	rt spec --rootless --bundle "$BUNDLE"
	jq -e '.linux.namespaces[] | select(.type == "user")' "$BUNDLE/config.json" >/dev/null
	jq -e '[.linux.namespaces[] | select(.type == "network")] == []' "$BUNDLE/config.json"
	[ "$(jq -c .linux.uidMappings "$BUNDLE/config.json")" = "[{\"containerID\":0,\"hostID\":$(id -u),\"size\":1}]" ]
	[ "$(jq -c .linux.gidMappings "$BUNDLE/config.json")" = "[{\"containerID\":0,\"hostID\":$(id -g),\"size\":1}]" ]
	jq -e '.linux.resources == null' "$BUNDLE/config.json"
}
