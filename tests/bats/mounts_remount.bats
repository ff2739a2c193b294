#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#linux-mount-options, remount: an entry that changes what earlier ones have mounted. mount(8), "remount".

load setup

# changed OPTION... makes a bundle with a bind mount of $SRC at /data, and an entry that changes it.
changed() {
	SRC=$BATS_TEST_TMPDIR/src
	mkdir -p "$SRC"
	SRC=$SRC OPTIONS=$* bundle '.root.readonly = false | .mounts += [
		{destination: "/data", type: "bind", source: env.SRC, options: ["bind", "nosuid"]},
		{destination: "/data", type: "bind", source: env.SRC, options: (env.OPTIONS / " ")}]'
}

# options prints the options of the mount at /data, then those of its file system.
options() {
	in_container sh -c 'while read -r id parent dev root target options rest; do
		[ "$target" != /data ] || echo "$options ${rest#* - }"; done </proc/self/mountinfo'
	[ "$status" -eq 0 ]
	[ -n "$output" ]
}

@test "remount,bind,ro: the mount becomes read-only, and the host's does not" {
	changed bind remount ro
	in_container touch /data/x
	[ "$status" -ne 0 ]
	[[ $output == *"Read-only file system"* ]]
	touch "$SRC/x"
}

@test "remount,bind: what it does not name stays" {
	known_bad runc "sets all options, as mount(2) does"
	changed bind remount ro
	options
	[[ $output == *ro,nosuid* ]]
}

@test "remount: a tmpfs changes its size" {
	changed remount size=2m
	config '.mounts[-2] = {destination: "/data", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"]}
		| .mounts[-1] |= (.type = "tmpfs" | .source = "tmpfs")'
	options
	[[ $output == *size=2048k* ]]
}

@test "remount: a read-only tmpfs becomes writable" {
	known_bad runc "makes it read-only again at the end"
	changed remount rw
	config '.mounts[-2] = {destination: "/data", type: "tmpfs", source: "tmpfs", options: ["ro"]}
		| .mounts[-1] |= (.type = "tmpfs" | .source = "tmpfs")'
	in_container touch /data/x
	[ "$status" -eq 0 ]
}

@test "remount: /dev becomes read-only when its devices are made, and not before" {
	bundle '.mounts += [{destination: "/dev", type: "tmpfs", source: "tmpfs",
		options: ["remount", "ro", "nosuid", "size=2m"]}]'
	in_container sh -c 'echo gone >/dev/null && ls /dev/pts >/dev/null
		df -k /dev | tail -n 1 | tr -s " " | cut -d " " -f 2
		touch /dev/x'
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = 2048 ]
	[[ ${lines[1]} == *"Read-only file system"* ]]
	[ "$RUNTIME" = rt ] || return 0
	config '.mounts += [{destination: "/dev", options: ["remount", "size=1m"]}]'
	in_container sh -c 'df -k /dev | tail -n 1 | tr -s " " | cut -d " " -f 2; touch /dev/x'
	[ "${lines[0]}" = 1024 ]
	[[ ${lines[1]} == *"Read-only file system"* ]]
}

@test "remount: type and source are not needed" {
	only_rt "an entry without type and source"
	changed bind remount ro
	config 'del(.mounts[-1].type, .mounts[-1].source)'
	in_container touch /data/x
	[[ $output == *"Read-only file system"* ]]
}

@test "remount without bind never reaches a file system of the host" {
	only_rt "what a remount may change"
	changed remount ro
	config '.mounts[-1] |= del(.type, .source)'
	in_container true
	refused "mounts[" "remount" "bind"
	touch "$SRC/x"
}

@test "remount of nothing is refused, and the destination is named" {
	changed bind remount ro
	mkdir "$BUNDLE/rootfs/plain"
	config '.mounts[-1].destination = "/plain"'
	in_container true
	refused "mounts["
}
