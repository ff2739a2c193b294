#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#root, config-linux.md#rootfs-mount-propagation

load setup

# root_mount prints the propagation of the container's root: the optional fields of mountinfo, see proc(5).
root_mount() {
	in_container sh -c 'while read -r id parent dev root target options rest; do
		[ "$target" != / ] || echo "${rest%%- *}"; done </proc/self/mountinfo'
	[ "$status" -eq 0 ]
}

@test "root.path: a relative path is one in the bundle" {
	bundle '.root.path = "rootfs"'
	echo found >"$BUNDLE/rootfs/marker"
	in_container cat /marker
	[ "$output" = found ]
}

@test "root.path: an absolute path" {
	bundle '.root.path = (env.BATS_TEST_TMPDIR + "/elsewhere")'
	mv "$BUNDLE/rootfs" "$BATS_TEST_TMPDIR/elsewhere"
	in_container ls /bin/busybox
	[ "$output" = /bin/busybox ]
}

@test "root.path: a link to the root file system" {
	bundle '.root.path = "rootfs"'
	mv "$BUNDLE/rootfs" "$BUNDLE/image"
	ln -s image "$BUNDLE/rootfs"
	in_container ls /bin/busybox
	[ "$output" = /bin/busybox ]
}

@test "root.readonly true: the container cannot write, and the directory on the host stays writable" {
	bundle '.root.readonly = true'
	in_container touch /x
	[ "$status" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
	touch "$BUNDLE/rootfs/x"
}

@test "root.readonly true: mounts on top keep their own options" {
	bundle '.root.readonly = true | .mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs"}]'
	in_container sh -c 'touch /tmp/x && ls /tmp'
	[ "$output" = x ]
}

@test "root.readonly false: what the container writes is in the root file system" {
	bundle '.root.readonly = false'
	in_container sh -c 'echo hello >/x'
	[ "$status" -eq 0 ]
	[ "$(cat "$BUNDLE/rootfs/x")" = hello ]
}

@test "root: the host's root is out of reach" {
	bundle
	in_container sh -c "cd / && cd ../../.. && ls -d ./bin/busybox; cat '$BUNDLE/config.json'; cat /proc/self/mountinfo"
	[[ $output == ./bin/busybox* ]]
	[[ $output == *"No such file or directory"* ]]
	# The container's mounts are those of its config and nothing else: no mount point of the host is left.
	targets=$(cut -d' ' -f5 <<<"$(grep -E '^[0-9]+ [0-9]+ [0-9]+:[0-9]+ ' <<<"$output")" | cut -d/ -f2 | sort -u)
	[ "$(tr '\n' ' ' <<<"$targets")" = " dev proc sys " ]
}

@test "root: the container's process has the root file system as its root, the runtime's mounts do not change" {
	bundle
	created sleep 60
	[ "$(mounts)" = "$(cat "$BATS_TEST_TMPDIR/mounts.before")" ]
	[ -x "/proc/$(state pid)/root/bin/busybox" ]
}

@test "root: --no-pivot has the same inside" {
	bundle '.root.readonly = false'
	process sh -c 'ls /bin/busybox && echo hello >/x && hostname'
	run rt run --no-pivot --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = /bin/busybox ]
	[ "$(cat "$BUNDLE/rootfs/x")" = hello ]
}

@test "rootfsPropagation private: mounts propagate in neither direction" {
	bundle '.linux.rootfsPropagation = "private"'
	root_mount
	[ "$output" = "" ]
}

@test "rootfsPropagation rprivate is the default of most bundles" {
	bundle '.linux.rootfsPropagation = "rprivate"'
	root_mount
	[ "$output" = "" ]
}

@test "rootfsPropagation slave: no mount propagates to the host" {
	bundle '.linux.rootfsPropagation = "slave"'
	root_mount
	[[ $output != *shared:* ]]
}

# bats test_tags=root
@test "rootfsPropagation shared: mounts of the container's children propagate to the container" {
	known_bad runc "it leaves the root private"
	bundle '.linux.rootfsPropagation = "shared"'
	root_mount
	[[ $output == *shared:* ]]
}

# bats test_tags=root
@test "rootfsPropagation unbindable: the root cannot be bind mounted" {
	known_bad runc "it can no longer bind the root filesystem itself"
	bundle '.linux.rootfsPropagation = "unbindable"'
	root_mount
	[[ $output == *unbindable* ]]
}

@test "rootfsPropagation: an unknown value is refused" {
	bundle '.linux.rootfsPropagation = "sideways"'
	in_container true
	refused linux.rootfsPropagation sideways
}

# bats test_tags=root
@test "rootfsPropagation slave: a mount made on the host later shows in the container" {
	mkdir "$BATS_TEST_TMPDIR/src"
	bundle '.linux.rootfsPropagation = "slave" | .mounts += [{
		destination: "/data", type: "bind", source: (env.BATS_TEST_TMPDIR + "/src"), options: ["rbind", "rslave"]}]'
	process sh -c 'i=0; while [ $i -lt 600 ]; do [ ! -e /data/file ] || { echo seen; exit; }; sleep 0.1;
		i=$((i + 1)); done'
	export -f rt
	run unshare --mount --propagation private bash -c '
		mount --make-rshared /
		rt run --bundle "$BUNDLE" "$ID" &
		for i in $(seq 600); do
			[ "$(rt state "$ID" 2>/dev/null | jq -r .status)" != running ] || break
			sleep 0.1
		done
		mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/src"
		touch "$BATS_TEST_TMPDIR/src/file"
		wait'
	[ "$output" = seen ]
}

# bats test_tags=root
@test "rshared bind: a mount made in the container shows on the host" {
	mkdir -p "$BATS_TEST_TMPDIR/src/below"
	bundle '.process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"]) |
		.linux.rootfsPropagation = "shared" | .mounts += [{
		destination: "/data", type: "bind", source: (env.BATS_TEST_TMPDIR + "/src"), options: ["rbind", "rshared"]}]'
	process sh -c 'mount -t tmpfs from-the-container /data/below'
	export -f rt
	run unshare --mount --propagation private bash -c '
		mount --bind "$BATS_TEST_TMPDIR/src" "$BATS_TEST_TMPDIR/src"
		mount --make-rshared /
		rt run --bundle "$BUNDLE" "$ID"
		grep -c "^from-the-container $BATS_TEST_TMPDIR/src/below " /proc/self/mounts
		umount "$BATS_TEST_TMPDIR/src/below"'
	[ "$output" = 1 ]
}

# bats test_tags=root
@test "rootfsPropagation shared: next to a mount named like the bundle's but longer, nothing appears on the host" {
	bundle '.linux.rootfsPropagation = "shared"'
	process true
	mkdir "${BUNDLE%le}"
	export -f rt
	run unshare --mount --propagation private bash -c '
		mount -t tmpfs sibling "${BUNDLE%le}"
		mount --bind "$BUNDLE" "$BUNDLE"
		mount --make-shared "$BUNDLE"
		rt run --bundle "$BUNDLE" "$ID"
		echo "status $?"
		grep " $BUNDLE/" /proc/self/mountinfo'
	[ "$output" = "status 0" ]
}
