#!/usr/bin/env bats
# config.md#linux-mount-options, idmap and ridmap; uidMappings and gidMappings of a mount; mount_setattr(2).

load setup

needs() {
	known_bad runc "version 1.1 knows no id-mapped mounts, and drops what asks for them"
}

# volume OPTION... makes a bundle with a bind mount of $SRC at /data, in which a file is user 5's and group 6's.
volume() {
	SRC=$BATS_TEST_TMPDIR/src
	mkdir -p "$SRC"
	touch "$SRC/file"
	chown 5:6 "$SRC/file"
	SRC=$SRC OPTIONS=$* bundle '.root.readonly = false | .mounts += [{
		destination: "/data", type: "bind", source: env.SRC, options: (env.OPTIONS / " ")}]'
}

# mapped JQ gives the mount its mappings, and user_namespace gives the container one, from 100000 on.
mapped() {
	config ".mounts[-1] += {uidMappings: $1, gidMappings: $1}"
}

user_namespace() {
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	chown 100000:100000 "$BUNDLE/rootfs"
}

@test "idmap: a file belongs to the user that its owner is mapped to" {
	volume bind idmap
	mapped '[{containerID: 0, hostID: 1000, size: 10}]'
	in_container stat -c %u:%g /data/file
	[ "$status" -eq 0 ]
	[ "$output" = 1005:1006 ]
}

@test "idmap: files that the container writes have the mapped owner on the disk" {
	volume bind idmap
	mapped '[{containerID: 7, hostID: 0, size: 1}]'
	chown 7:7 "$SRC"
	in_container sh -c 'touch /data/new; stat -c %u:%g /data/new /data/file'
	[ "$status" -eq 0 ]
	[ "$output" = $'0:0\n65534:65534' ]
	[ "$(stat -c %u:%g "$SRC/new")" = 7:7 ]
}

@test "idmap: an owner that is not mapped can't write" {
	volume bind idmap
	mapped '[{containerID: 5, hostID: 1000, size: 1}]'
	in_container touch /data/new
	[ "$status" -ne 0 ]
	[ ! -e "$SRC/new" ]
}

@test "idmap: without mappings of its own a mount takes those of the container's user namespace" {
	volume bind idmap
	user_namespace
	in_container sh -c 'stat -c %u:%g /data/file; touch /data/new; stat -c %u:%g /data/new'
	[ "$status" -eq 0 ]
	[ "$output" = $'5:6\n0:0' ]
	[ "$(stat -c %u:%g "$SRC/new")" = 0:0 ]
}

@test "idmap: in a user namespace, with mappings of its own" {
	volume bind idmap
	user_namespace
	mapped '[{containerID: 0, hostID: 101000, size: 10}]'
	in_container stat -c %u:%g /data/file
	[ "$output" = 1005:1006 ]
}

@test "idmap: mappings without an option map all the same" {
	volume bind ro
	mapped '[{containerID: 0, hostID: 1000, size: 10}]'
	in_container sh -c 'stat -c %u:%g /data/file; touch /data/file'
	[ "$status" -ne 0 ]
	[[ $output == 1005:1006*"Read-only file system"* ]]
}

@test "idmap, ridmap: the first is for one mount, the second for all below it too" {
	volume rbind idmap
	mapped '[{containerID: 0, hostID: 1000, size: 10}]'
	mkdir "$SRC/below" "$BATS_TEST_TMPDIR/below"
	touch "$BATS_TEST_TMPDIR/below/file"
	process stat -c %u /data/file /data/below/file
	export -f rt
	# A test never mounts in the machine's own mount namespace.
	inside='mount --bind "$BATS_TEST_TMPDIR/below" "$BATS_TEST_TMPDIR/src/below" && rt run --bundle "$BUNDLE" "$ID"'
	export BATS_TEST_TMPDIR
	run unshare --mount --propagation private bash -c "$inside"
	[ "$output" = $'1005\n0' ]
	config '.mounts[-1].options = ["rbind", "ridmap"]'
	run unshare --mount --propagation private bash -c "$inside"
	[ "$output" = $'1005\n1000' ]
}

@test "idmap: a file system without id mapping is refused, with a hint" {
	volume bind idmap
	mapped '[{containerID: 0, hostID: 1000, size: 10}]'
	config '.mounts[-1].source = "/proc/sys"'
	in_container true
	refused "mounts[" "mount_setattr"
	[ "$RUNTIME" != rt ] || [[ $output == *hint*"file system"* ]]
}

@test "idmap: a mapping of nothing is refused" {
	volume bind idmap
	in_container true
	refused "mounts[" "options" "uidMappings"
}

@test "idmap: uidMappings without gidMappings are refused" {
	volume bind idmap
	config '.mounts[-1].uidMappings = [{containerID: 0, hostID: 1000, size: 10}]'
	in_container true
	refused "mounts[" "gidMappings"
}

@test "idmap: what has no owners is refused" {
	only_rt "which mounts it maps"
	volume bind
	config '.mounts[-1] = {destination: "/p", type: "proc", source: "proc", options: ["idmap"],
		uidMappings: [{containerID: 0, hostID: 1000, size: 10}], gidMappings: [{containerID: 0, hostID: 1000,
		size: 10}]}'
	in_container true
	refused "mounts[" "uidMappings" "proc"
}

@test "idmap: nothing is left of the namespaces that map" {
	volume bind idmap
	mapped '[{containerID: 0, hostID: 1000, size: 10}]'
	created sleep 100
	[ "$(pgrep -c -f "rt-idmap $ID" || true)" = 0 ]
	rt delete --force "$ID"
}
