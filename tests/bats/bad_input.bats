#!/usr/bin/env bats
# bats file_tags=rootless
# What people get wrong: each a clear error, exit status 1, and nothing left (which teardown checks).

load setup

# wrong_config TEXT makes it the bundle's config.json, to be refused.
wrong_config() {
	mkdir -p "$BUNDLE"
	printf '%s' "$1" >"$BUNDLE/config.json"
	run rt run --bundle "$BUNDLE" "$ID"
}

@test "bad input: no config.json" {
	mkdir "$BUNDLE"
	run rt run --bundle "$BUNDLE" "$ID"
	refused "$BUNDLE/config.json" "no such file or directory"
	run_detached rt create --bundle "$BUNDLE" "$ID"
	refused "$BUNDLE/config.json" "no such file or directory"
}

@test "bad input: no such bundle" {
	run rt run --bundle /no/such/bundle "$ID"
	refused /no/such/bundle "no such file or directory"
}

@test "bad input: config.json is empty" {
	wrong_config ''
	refused config.json
}

@test "bad input: broken JSON, with its position" {
	wrong_config $'{\n  "ociVersion": "1.0.0",\n  "process": { "args": ["sh" "x"] }\n}\n'
	refused JSON config.json:3:30:
}

@test "bad input: JSON that stops" {
	wrong_config '{"ociVersion": "1.0.0", "process": {'
	refused JSON config.json:1:37:
}

@test "bad input: JSON of another kind" {
	for json in '[]' '"text"' '42'; do
		wrong_config "$json"
		refused config.json
	done
	known_bad runc "it panics"
	wrong_config null
	refused config.json
}

@test "bad input: a field of a wrong type" {
	bundle '.process.args = "sh"'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process.args
	bundle '.process.user.uid = "zero"'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process.user.uid
	bundle '.process.user.uid = -1'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process.user.uid
	bundle '.root.readonly = 1'
	run rt run --bundle "$BUNDLE" "$ID"
	refused root.readonly
}

@test "bad input: no ociVersion, an odd one, and one of the future" {
	known_bad runc "before 1.2 it takes them"
	bundle 'del(.ociVersion)'
	in_container true
	refused ociVersion
	bundle '.ociVersion = "latest"'
	in_container true
	refused ociVersion latest
	bundle '.ociVersion = "2.0.0"'
	in_container true
	refused ociVersion 2.0.0
}

@test "input: all versions 1.x are taken, those of the future too" {
	for version in 1.0.0 1.0.2 1.0.2-dev 1.1.0 1.2.0 1.2.1 1.3.0 1.4.0 1.99.0-rc.1; do
		bundle ".ociVersion = \"$version\""
		in_container true
		[ "$status" -eq 0 ]
	done
}

@test "input: unknown properties are ignored, as the spec says" {
	bundle '.surprise = {a: [1, {b: null}]} | .process.surprise = "x" | .linux.surprise = 1 |
		.mounts[0].surprise = true | .linux.resources.surprise = {}'
	in_container echo fine
	[ "$status" -eq 0 ]
	[ "$output" = fine ]
}

@test "bad input: no root, no process" {
	bundle 'del(.root)'
	run rt run --bundle "$BUNDLE" "$ID"
	refused root
	bundle 'del(.process)'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process
}

@test "bad input: the root file system is missing" {
	bundle
	rm -r "$BUNDLE/rootfs"
	in_container true
	refused root.path "$BUNDLE/rootfs" "no such file or directory"
}

@test "bad input: the root file system is a file" {
	bundle
	rm -r "$BUNDLE/rootfs"
	touch "$BUNDLE/rootfs"
	in_container true
	refused root.path "$BUNDLE/rootfs" "not a directory"
}

@test "bad input: the id" {
	bundle
	process true
	for id in "" . .. a/b ../escape "with space" $'new\nline' 'semi;colon' "$(printf 'x%.0s' {1..1025})"; do
		run rt run --bundle "$BUNDLE" "$id"
		[ "$status" -eq 1 ]
		[ -n "$output" ]
		[ -z "$(containers)" ]
		[ ! -e "$BATS_TEST_TMPDIR/escape" ]
	done
}

@test "input: ids that are fine" {
	bundle
	process true
	[ "$ROOTLESS" = 1 ] || config '.linux.cgroupsPath = ("/" + env.ID)' # somebody may have a cgroup "a"
	for id in a "$ID.with-all_the+signs" "${ID}UPPER.1"; do
		run rt run --bundle "$BUNDLE" "$id"
		[ "$status" -eq 0 ]
	done
}

@test "bad input: no id, too many, an unknown flag, an unknown command" {
	bundle
	process true
	run rt run --bundle "$BUNDLE"
	[ "$status" -ne 0 ]
	run rt run --bundle "$BUNDLE" "$ID" extra
	[ "$status" -ne 0 ]
	run rt run --no-such-flag --bundle "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	[[ $output == *no-such-flag* ]]
	run rt no-such-command
	[ "$status" -ne 0 ]
	[[ $output == *no-such-command* ]]
	run rt state
	[ "$status" -ne 0 ]
	[ -z "$(containers)" ]
}

@test "bad input: the bundle cannot be read" {
	bundle
	process true
	if [ "$ROOTLESS" = 0 ]; then
		# root reads all, but no directory instead of the file
		rm "$BUNDLE/config.json"
		mkdir "$BUNDLE/config.json"
		run rt run --bundle "$BUNDLE" "$ID"
		refused "$BUNDLE/config.json" "is a directory"
	else
		chmod 000 "$BUNDLE/config.json"
		run rt run --bundle "$BUNDLE" "$ID"
		refused "$BUNDLE/config.json" "permission denied"
	fi
}

# bats test_tags=root
@test "bad input: the state directory is full" {
	bundle
	mkdir "$ROOT"
	process true
	export -f rt
	run unshare --mount --propagation private bash -c '
		mount -t tmpfs -o size=4k,nr_inodes=3 tmpfs "$ROOT"
		mkdir "$ROOT/filler"; head -c 4096 /dev/zero >"$ROOT/filler/x" 2>/dev/null
		rt run --bundle "$BUNDLE" "$ID"
		code=$?
		ls "$ROOT" >&2
		exit $code'
	[ "$status" -eq 1 ]
	[[ $output == *"o space left on device"* ]]
	[ "${lines[-1]}" = filler ]
}

# bats test_tags=root
@test "bad input: the state directory is read-only" {
	bundle
	mkdir "$ROOT"
	process true
	export -f rt
	run unshare --mount --propagation private bash -c '
		mount -t tmpfs -o ro tmpfs "$ROOT"
		rt run --bundle "$BUNDLE" "$ID"'
	refused "$ROOT" "read-only file system"
}

@test "bad input: the state directory is a file" {
	bundle
	process true
	touch "$ROOT"
	run rt run --bundle "$BUNDLE" "$ID"
	refused "$ROOT" "not a directory"
}

@test "bad input: the pid file cannot be written" {
	bundle
	process sleep 60
	run_detached rt create --pid-file /no/such/folder/pid --bundle "$BUNDLE" "$ID"
	refused /no/such/folder/pid "no such file or directory"
}

@test "bad input: a namespace twice" {
	bundle '.linux.namespaces += [{type: "pid"}]'
	in_container true
	refused "linux.namespaces[" pid
}

@test "bad input: a namespace of an unknown type" {
	bundle '.linux.namespaces += [{type: "dream"}]'
	in_container true
	refused "linux.namespaces[" dream
}

# bats test_tags=root
@test "bad input: id maps that overlap, of size 0, and none at all" {
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 100}, {containerID: 50, hostID: 200000,
		size: 10}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 100}]'
	in_container true
	refused "linux.uidMappings[1]"
	bundle '.linux.namespaces += [{type: "user"}] | del(.linux.uidMappings, .linux.gidMappings)'
	in_container true
	refused linux.uidMappings
	known_bad runc "a size of 0 it leaves to the kernel, which takes it"
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 0}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 100}]'
	in_container true
	refused "linux.uidMappings[0].size"
}

@test "bad input: all problems of a config at once" {
	only_rt "others stop at the first"
	bundle '.process.cwd = "relative" | .process.rlimits = [{type: "RLIMIT_BEAUTY", soft: 1, hard: 2}] |
		.linux.namespaces += [{type: "dream"}]'
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *process.cwd* ]]
	[[ $output == *"process.rlimits[0].type"* ]]
	[[ $output == *"linux.namespaces["*dream* ]]
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
}
