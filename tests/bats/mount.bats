#!/usr/bin/env bats
# mount and umount: mounts that are added to a running container, and removed from it.

# bats file_tags=rootless

load setup

needs() {
	only_rt "its own commands"
}

setup_file() {
	[ "$(printf '%s\n' 5.12 "$(uname -r)" | sort -V | head -n 1)" = 5.12 ] || skip "adding mounts takes Linux 5.12"
}

# up makes a writable container run, and a directory of the host with a file in it.
up() {
	bundle ".root.readonly = false | ${1:-.}"
	SOURCE=$BATS_TEST_TMPDIR/source
	mkdir "$SOURCE"
	echo shown >"$SOURCE/file"
	chmod 755 "$SOURCE" "$BUNDLE" "$BUNDLE/rootfs"
	[ -z "${OWNER-}" ] || chown "$OWNER:$OWNER" "$BUNDLE/rootfs"
	running sleep 60
}

# no_findings: what the container has is what rt knows of.
no_findings() {
	run rt audit --findings "$ID"
	[ "$status" -eq 0 ] || {
		echo "$output"
		return 1
	}
}

# fails_with TEXT CMD...
fails_with() {
	run rt "${@:2}"
	[ "$status" -ne 0 ]
	[[ $output == *"$1"* ]] || {
		echo "$output"
		return 1
	}
}

@test "mount: a directory of the host, read-only, at a path that does not exist yet" {
	up
	rt mount -o ro,nosuid "$ID" "$SOURCE" /new/point
	run rt exec "$ID" cat /new/point/file
	[ "$output" = shown ]
	run rt exec "$ID" touch /new/point/x
	[[ $output == *"Read-only file system"* ]]
	run rt exec "$ID" grep " /new/point " /proc/self/mountinfo
	[[ $output == *" ro,nosuid"* ]]
	[[ $output != *shared:* ]]
	no_findings
	rt umount "$ID" /new/point
	run rt exec "$ID" ls /new/point
	[ -z "$output" ]
	no_findings
	run grep '"added"' "$ROOT/$ID/state.json"
	[ "$status" -eq 1 ]
}

@test "mount: a file, which is covered and comes back" {
	up
	rt exec "$ID" sh -c 'echo below >/covered'
	rt mount "$ID" "$SOURCE/file" /covered
	[ "$(rt exec "$ID" cat /covered)" = shown ]
	no_findings
	rt umount "$ID" /covered
	[ "$(rt exec "$ID" cat /covered)" = below ]
}

@test "mount: a tmpfs has the options and the mode of what it covers" {
	up
	rt exec "$ID" mkdir -m 751 /scratch
	rt mount -t tmpfs -o size=64k,noexec "$ID" scratch /scratch
	[ "$(rt exec "$ID" stat -c %a /scratch)" = 751 ]
	run rt exec "$ID" grep " /scratch " /proc/self/mountinfo
	[[ $output == *noexec*tmpfs*scratch*size=64k* ]]
	no_findings
	rt umount "$ID" /scratch
}

@test "mount: what is mounted later, in the container or on the host, does not reach the other" {
	up
	rt mount -o rbind "$ID" "$SOURCE" /new
	rt mount -t tmpfs "$ID" t /new
	[ -e "$SOURCE/file" ]
	rt umount "$ID" /new # the last one
	[ "$(rt exec "$ID" cat /new/file)" = shown ]
	if [ "$ROOTLESS" != 1 ]; then # tests/bats/run makes the host's mounts shared
		mkdir "$SOURCE/later"
		mount -t tmpfs later "$SOURCE/later"
		run rt exec "$ID" grep " /new/later " /proc/self/mountinfo
		umount "$SOURCE/later"
		[ "$status" -eq 1 ]
	fi
	rt umount "$ID" /new
}

@test "mount: a created and a paused container" {
	bundle '.root.readonly = false'
	mkdir "$BATS_TEST_TMPDIR/source"
	created sh -c 'ls -d /new; exec sleep 60'
	rt mount "$ID" "$BATS_TEST_TMPDIR/source" /new
	rt start "$ID"
	if rt pause "$ID"; then
		rt mount -t tmpfs "$ID" t /other
		rt umount "$ID" /other
		rt resume "$ID"
	else
		[ "$ROOTLESS" = 1 ]
	fi
	no_findings
	rt kill "$ID" KILL
	eventually status_is stopped
	fails_with "container not running: it is stopped" mount "$ID" "$BATS_TEST_TMPDIR/source" /new
}

@test "mount: what config.mounts refuses, and what only config.json can have" {
	up
	fails_with 'source/none": the source of the bind mount can'"'"'t be used' mount "$ID" "$SOURCE/none" /x
	fails_with 'did you mean noexec?' mount -o noexce "$ID" "$SOURCE" /x
	fails_with 'destination "/": would cover the whole root file system' mount "$ID" "$SOURCE" /
	fails_with 'which linux.maskedPaths[' mount "$ID" "$SOURCE" /proc
	fails_with 'which linux.maskedPaths[' mount "$ID" "$SOURCE/file" /proc/kcore
	fails_with 'type "proc": can'"'"'t be added' mount -t proc "$ID" proc /x
	fails_with 'destination "x": must be an absolute path, as the container sees it' mount "$ID" "$SOURCE" x
	fails_with 'destination "x": must be' mount --plan "$ID" "$SOURCE" x
	fails_with 'options "remount"' mount -o remount,ro "$ID" "$SOURCE" /tmp
	fails_with 'options "copy-symlink"' mount -o copy-symlink "$ID" "$SOURCE" /x
	fails_with "does not exist" mount nobody "$SOURCE" /x
	[ "$(rt exec "$ID" ls -d /x 2>&1)" = "ls: /x: No such file or directory" ]
}

@test "mount: a destination behind links stays in the container" {
	up
	mkdir "$BATS_TEST_TMPDIR/outside"
	rt exec "$ID" ln -s "../../../../../../../..$BATS_TEST_TMPDIR/outside" /link
	rt mount "$ID" "$SOURCE" /link
	[ -z "$(ls "$BATS_TEST_TMPDIR/outside")" ]
	[ "$(rt exec "$ID" cat "$BATS_TEST_TMPDIR/outside/file")" = shown ]
	rt umount "$ID" /link
	rt exec "$ID" ln -s /proc/1/root /magic
	fails_with 'destination "/magic/x"' mount "$ID" "$SOURCE" /magic/x
	[[ $output == *ELOOP* ]]
}

@test "umount: only what rt has added" {
	up
	fails_with 'destination "/dev": nothing was added' umount "$ID" /dev
	fails_with 'must be an absolute path' umount "$ID" dev
	rt mount "$ID" "$SOURCE" /new
	fails_with 'added were: /new' umount "$ID" /proc
	rt exec "$ID" sh -c 'ls /dev/null /proc/1/status'
	rt umount "$ID" /new
	fails_with 'nothing was added' umount "$ID" /new
}

@test "umount: a mount that the container has replaced stays, and one that it has unmounted is forgotten" {
	up '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
	rt mount "$ID" "$SOURCE" /new
	rt exec "$ID" mount -t tmpfs own /new
	fails_with 'something else is mounted here' umount "$ID" /new
	rt exec "$ID" umount /new
	rt exec "$ID" umount /new
	fails_with 'the container has unmounted or moved it' umount "$ID" /new
	fails_with 'nothing was added' umount "$ID" /new
}

# bats test_tags=root
@test "mount: a container with a user namespace" {
	OWNER=100000
	up '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings | .process.user.uid = 7'
	chmod 700 "$BATS_TEST_TMPDIR/source"
	chown 100007 "$BATS_TEST_TMPDIR/source"
	rt mount "$ID" "$SOURCE" /new/point
	[ "$(rt exec "$ID" cat /new/point/file)" = shown ]
	[ "$(rt exec --user 0 "$ID" stat -c %u /new)" = 0 ]
	no_findings
	rt umount "$ID" /new/point
	rt mount -t tmpfs -o size=64k "$ID" t /new/point
	no_findings
	rt umount "$ID" /new/point
}

# bats test_tags=root
@test "mount: a container in the host's mount namespace has none" {
	bundle '.root.readonly = false | .mounts = []
		| .linux.namespaces |= map(select(.type != "mount")) | del(.linux.maskedPaths, .linux.readonlyPaths)'
	running sleep 60
	fails_with 'linux.namespaces: the container has no mount namespace of its own' mount "$ID" /etc /x
}

# bats test_tags=root
@test "checkpoint: refused with mounts that were added, which a restore would not make" {
	up
	rt mount "$ID" "$SOURCE" /new
	fails_with "has mounts that rt mount has added" checkpoint --image-path "$BATS_TEST_TMPDIR/images" "$ID"
	[[ $output == *"rt umount $ID /new"* ]]
	status_is running
}

@test "mount --plan: the steps, and nothing done" {
	up
	run rt mount --plan -o ro "$ID" "$SOURCE" /new
	[ "$status" -eq 0 ]
	[[ $output == *"# options: set its propagation"* ]]
	[[ $output == *"rt: record the mount in the state of the container"* ]]
	[[ $output == *move_mount* ]]
	[[ $output != *"mounts[0]"* ]]
	[ "$(rt exec "$ID" ls -d /new 2>&1)" = "ls: /new: No such file or directory" ]
}

# bats test_tags=root
@test "mount: a step that fails leaves no record" {
	up
	rt exec "$ID" mkdir /directory
	fails_with 'mount "/directory": attach it: move_mount(2)' mount "$ID" "$SOURCE/file" /directory
	run grep '"added"' "$ROOT/$ID/state.json"
	[ "$status" -eq 1 ]
}

# bats test_tags=root
@test "device: a device of the host, with its rule, until it is removed" {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	up
	rt mount "$ID" /dev/fuse /node # without a rule
	run rt exec "$ID" sh -c 'exec 3<>/node'
	[[ $output == *"Operation not permitted"* ]]
	rt device add "$ID" /dev/fuse
	run rt exec "$ID" sh -c 'exec 3<>/dev/fuse && echo opened'
	[ "$output" = opened ]
	run rt exec "$ID" chmod 777 /dev/fuse
	[[ $output == *"Read-only file system"* ]]
	no_findings
	fails_with "rt device remove $ID /dev/fuse" umount "$ID" /dev/fuse
	rt device remove "$ID" /dev/fuse
	run rt exec "$ID" sh -c 'exec 3<>/node'
	[[ $output == *"Operation not permitted"* ]]
	no_findings
	fails_with "nothing was added" device remove "$ID" /dev/fuse
}

# bats test_tags=root
@test "device: another path, fewer rights, several at a time" {
	[ -c /dev/fuse ] && [ -b /dev/loop0 ] || skip "no /dev/fuse and /dev/loop0"
	up '.linux.resources.devices = [
		{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 237, access: "r"}]'
	rt device add --access r --at /dev/disk/one "$ID" /dev/loop0
	rt device add "$ID" /dev/fuse
	run rt exec "$ID" sh -c 'exec 3</dev/disk/one && echo opened'
	[ "$output" = opened ]
	run rt exec "$ID" sh -c 'exec 3<>/dev/disk/one'
	[[ $output == *"Operation not permitted"* ]]
	no_findings
	rt device remove "$ID" /dev/fuse
	run rt exec "$ID" sh -c 'exec 3</dev/disk/one && echo opened'
	[ "$output" = opened ]
	rt device remove "$ID" /dev/disk/one
	no_findings
}

# bats test_tags=root
@test "device: what is no device, or no access" {
	up
	fails_with 'path "/etc/passwd": is no device' device add "$ID" /etc/passwd
	fails_with 'path "/dev/none": the device can' device add "$ID" /dev/none
	fails_with 'path "null": must be the absolute path' device add "$ID" null
	fails_with 'destination "null": must be an absolute path' device add --at null "$ID" /dev/null
	fails_with 'destination "dev/null": must be an absolute path' device remove "$ID" dev/null
	fails_with '--access "x": must be made of' device add --access x "$ID" /dev/null
	fails_with 'is not a subcommand of device, which has add, remove' device "$ID"
}

# bats test_tags=root
@test "device: a container with a user namespace" {
	[ -c /dev/fuse ] || skip "no /dev/fuse"
	OWNER=100000
	up '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	mknod -m 666 "$BATS_TEST_TMPDIR/fuse" c 10 229 # the mode of the host's is the host's
	rt device add --at /dev/net/other "$ID" "$BATS_TEST_TMPDIR/fuse"
	run rt exec "$ID" sh -c 'exec 3<>/dev/net/other && echo opened'
	[ "$output" = opened ]
	no_findings
	rt device remove "$ID" /dev/net/other
}
