#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#mounts, config.md#linux-mount-options

load setup

# mount_of DESTINATION OPTION... makes a bundle with a bind mount of $SRC there.
mount_of() {
	SRC=$BATS_TEST_TMPDIR/src
	mkdir -p "$SRC"
	DEST=$1 OPTIONS=${*:2} SRC=$SRC bundle '.root.readonly = false | .mounts += [{
		destination: env.DEST, type: "bind", source: env.SRC, options: (env.OPTIONS / " ")}]'
}

# options DESTINATION prints the options of the mount there as the container sees them: those of the mount, then
# propagation, then those of the filesystem. See proc(5).
options() {
	in_container sh -c "while read -r id parent dev root target options rest; do
		[ \"\$target\" != '$1' ] || echo \"\$options \$rest\"; done </proc/self/mountinfo"
	[ "$status" -eq 0 ]
	[ -n "$output" ]
}

# in_private_mounts SCRIPT runs SCRIPT in a mount namespace of its own: a test never mounts in the machine's.
in_private_mounts() {
	export -f rt
	run unshare --mount --propagation private bash -c "$1"
}

@test "bind: what the container writes is in the source" {
	mount_of /data bind
	in_container sh -c 'echo hello >/data/x'
	[ "$status" -eq 0 ]
	[ "$(cat "$SRC/x")" = hello ]
}

@test "bind,ro: the container cannot write, and the host is untouched" {
	mount_of /data bind ro
	in_container touch /data/x
	[ "$status" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
	[ ! -e "$SRC/x" ]
	touch "$SRC/x"
}

@test "bind: a file on a file" {
	mount_of /data bind
	echo content >"$BATS_TEST_TMPDIR/file"
	config '.mounts[-1].source = (env.BATS_TEST_TMPDIR + "/file") | .mounts[-1].destination = "/etc/passwd"'
	in_container cat /etc/passwd
	[ "$output" = content ]
	grep -q root "$BUNDLE/rootfs/etc/passwd"
}

@test "bind: mount points that are missing are made, a directory for a directory and a file for a file" {
	mount_of /new/deep/folder bind
	touch "$SRC/inside"
	echo content >"$BATS_TEST_TMPDIR/file"
	config '.mounts += [{destination: "/new/other/file", type: "bind", source: (env.BATS_TEST_TMPDIR + "/file"),
		options: ["bind"]}]'
	in_container sh -c 'ls /new/deep/folder; cat /new/other/file'
	[ "$status" -eq 0 ]
	[ "$output" = "inside
content" ]
	[ -d "$BUNDLE/rootfs/new/deep/folder" ]
	[ -f "$BUNDLE/rootfs/new/other/file" ]
}

@test "bind: a mount point that is a symlink is where it leads inside, which is made if it is missing" {
	mount_of /data bind
	touch "$SRC/inside"
	mkdir "$BUNDLE/rootfs/there"
	ln -s /there "$BUNDLE/rootfs/data"
	in_container ls /there
	[ "$output" = inside ]
	# Images have such a link at /etc/resolv.conf, and engines mount theirs there.
	echo "nameserver ::1" >"$BATS_TEST_TMPDIR/file"
	ln -s ../run/missing/resolv.conf "$BUNDLE/rootfs/etc/resolv.conf"
	config '.mounts += [{destination: "/etc/resolv.conf", type: "bind", source: (env.BATS_TEST_TMPDIR + "/file"),
		options: ["bind"]}]'
	in_container cat /etc/resolv.conf
	[ "$status" -eq 0 ]
	[ "$output" = "nameserver ::1" ]
	[ -f "$BUNDLE/rootfs/run/missing/resolv.conf" ]
}

@test "bind: a relative source is one in the bundle" {
	mount_of /data bind
	mkdir "$BUNDLE/of-the-bundle"
	touch "$BUNDLE/of-the-bundle/inside"
	config '.mounts[-1].source = "of-the-bundle"'
	in_container ls /data
	[ "$output" = inside ]
}

@test "bind: type none with the option bind is a bind mount" {
	mount_of /data bind
	touch "$SRC/inside"
	config '.mounts[-1].type = "none"'
	in_container ls /data
	[ "$output" = inside ]
}

@test "bind: without a type, the option says it" {
	mount_of /data bind
	touch "$SRC/inside"
	config 'del(.mounts[-1].type)'
	in_container ls /data
	[ "$output" = inside ]
}

@test "bind: nosuid, nodev and noexec reach the mount" {
	mount_of /data bind nosuid nodev noexec
	cp "$BUNDLE/rootfs/bin/busybox" "$SRC/true"
	options /data
	for word in nosuid nodev noexec; do
		[[ ",${output%% *}," == *",$word,"* ]]
	done
	in_container sh -c /data/true
	[ "$status" -ne 0 ]
	[[ $output == *"ermission denied"* ]]
}

# An ordinary user cannot change these: a mount namespace of a new user namespace has them locked.
# bats test_tags=root
@test "bind: noatime and nodiratime reach the mount" {
	mount_of /data bind noatime
	options /data
	[[ ",${output%% *}," == *,noatime,* ]]
	mount_of /data bind nodiratime
	options /data
	[[ ",${output%% *}," == *,nodiratime,* ]]
}

@test "bind: the propagation options reach the mount" {
	mount_of /data rbind rprivate
	options /data
	[[ $output != *shared:* && $output != *master:* ]]
	mount_of /data rbind rshared
	options /data
	[[ $output == *shared:* ]]
	mount_of /data rbind runbindable
	options /data
	[[ $output == *unbindable* ]]
}

# bats test_tags=root
@test "rbind: mounts below the source are included; with bind they are not" {
	mount_of /data rbind
	mkdir "$SRC/below"
	process ls /data/below
	in_private_mounts 'mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/src/below" && touch "$BATS_TEST_TMPDIR/src/below/x" &&
		rt run -b "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	[ "$output" = x ]
	config '.mounts[-1].options = ["bind"]'
	in_private_mounts 'mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/src/below" && touch "$BATS_TEST_TMPDIR/src/below/x" &&
		rt run -b "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
}

# bats test_tags=root
@test "rbind,rro: mounts below the source are read-only too" {
	mount_of /data rbind rro
	mkdir "$SRC/below"
	process touch /data/below/x
	in_private_mounts 'mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/src/below" && rt run -b "$BUNDLE" "$ID"'
	[ "$status" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
}

# bats test_tags=root
@test "rbind,ro: only the top is read-only" {
	mount_of /data rbind ro
	mkdir "$SRC/below"
	process sh -c 'touch /data/below/x && touch /data/x'
	in_private_mounts 'mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/src/below" && rt run -b "$BUNDLE" "$ID"'
	[ "$status" -eq 1 ]
	[[ $output == *"/data/x: Read-only file system"* ]]
}

# bats test_tags=root
@test "bind: a source that is nodev,nosuid,noexec keeps that when it is made read-only" {
	mount_of /data bind ro
	process grep " /data " /proc/self/mounts
	in_private_mounts 'mount -t tmpfs -o nodev,nosuid,noexec tmpfs "$BATS_TEST_TMPDIR/src" && rt run -b "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	[[ $output == *" ro,"* ]]
}

@test "bind: a missing source is refused, and named" {
	mount_of /data bind
	config '.mounts[-1].source = "/nowhere/at/all"'
	in_container true
	refused "mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")].source" /nowhere/at/all
}

@test "bind: a directory on a file is refused" {
	mount_of /etc/passwd bind
	in_container true
	refused "mounts[" /etc/passwd
}

@test "default mounts: proc, dev, pts, shm, mqueue and sys are what they should be" {
	bundle
	in_container sh -c 'for p in /proc /dev /dev/pts /dev/shm /dev/mqueue; do grep " $p " /proc/self/mounts |
		cut -d" " -f2,3; done'
	[ "$status" -eq 0 ]
	[ "$output" = "/proc proc
/dev tmpfs
/dev/pts devpts
/dev/shm tmpfs
/dev/mqueue mqueue" ]
}

# bats test_tags=root
@test "sysfs: read-only as configured" {
	bundle '.root.readonly = false'
	options /sys
	[[ $output == ro,* ]]
	[[ $output == *" - sysfs "* ]]
}

@test "tmpfs: it is empty, and has the size" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"]}]'
	echo hidden >"$BUNDLE/rootfs/tmp/below"
	in_container sh -c 'ls /tmp; dd if=/dev/zero of=/tmp/x bs=1M count=2 2>&1'
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == *"No space left on device"* ]]
	[ ! -e "$BUNDLE/rootfs/tmp/x" ]
}

@test "tmpfs: it has the mode, whatever that of the directory below" {
	known_bad runc "before 1.2 the folder's mode wins"
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["mode=1770"]}]'
	in_container stat -c %a /tmp
	[ "$status" -eq 0 ]
	[ "$output" = 1770 ]
}

@test "tmpfs: without a mode it has that of the directory below, where it can be seen" {
	bundle '.mounts += [
		{destination: "/root", type: "tmpfs", source: "tmpfs", options: ["nosuid"]},
		{destination: "/link", type: "tmpfs", source: "tmpfs"},
		{destination: "/tmp", type: "tmpfs", source: "tmpfs"},
		{destination: "/not/there", type: "tmpfs", source: "tmpfs"}] | .root.readonly = false'
	mkdir "$BUNDLE/rootfs/private"
	chmod 750 "$BUNDLE/rootfs/root"
	chmod 711 "$BUNDLE/rootfs/private"
	ln -s /private "$BUNDLE/rootfs/link"
	chmod 1777 "$BUNDLE/rootfs/tmp"
	in_container stat -c '%a %n' /root /private /tmp /not/there
	[ "$status" -eq 0 ]
	[ "$output" = '750 /root
711 /private
1777 /tmp
1777 /not/there' ]
}

@test "tmpfs: ro" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["ro"]}]'
	in_container touch /tmp/x
	[[ $output == *"Read-only file system"* ]]
}

@test "devpts: newinstance, and its ptmx is the container's" {
	bundle
	in_container sh -c 'ls /dev/pts; stat -L -c %t:%T /dev/ptmx'
	[ "$status" -eq 0 ]
	[ "$output" = "ptmx
5:2" ]
}

@test "mounts: they are made in the order of the list" {
	bundle '.mounts += [
		{destination: "/tmp", type: "tmpfs", source: "first"},
		{destination: "/tmp/a", type: "tmpfs", source: "second"},
		{destination: "/tmp", type: "tmpfs", source: "third"},
		{destination: "/tmp/b", type: "tmpfs", source: "fourth"}]'
	in_container sh -c 'ls /tmp; grep /tmp /proc/self/mounts | cut -d" " -f1'
	[ "$status" -eq 0 ]
	[ "$output" = "b
first
second
third
fourth" ]
}

# bats test_tags=root
@test "overlay: layers of the host are one directory in the container" {
	grep -qw overlay /proc/filesystems || skip "this kernel has no overlay"
	mkdir "$BATS_TEST_TMPDIR"/{lower,upper,work}
	echo below >"$BATS_TEST_TMPDIR/lower/a"
	bundle '.mounts += [{destination: "/tmp", type: "overlay", source: "overlay", options: [
		"lowerdir=" + env.BATS_TEST_TMPDIR + "/lower",
		"upperdir=" + env.BATS_TEST_TMPDIR + "/upper",
		"workdir=" + env.BATS_TEST_TMPDIR + "/work"]}]'
	in_container sh -c 'cat /tmp/a && echo above >/tmp/b'
	[ "$status" -eq 0 ]
	[ "$output" = below ]
	[ "$(cat "$BATS_TEST_TMPDIR/upper/b")" = above ]
}

# bats test_tags=root
@test "ramfs: any file system the kernel knows" {
	bundle '.mounts += [{destination: "/tmp", type: "ramfs", source: "whatever", options: ["noexec"]}]'
	options /tmp
	[[ $output == *noexec*" - ramfs whatever "* ]]
}

@test "mounts: a file system that the kernel does not know is refused" {
	bundle '.mounts += [{destination: "/tmp", type: "nosuchfs", source: "x"}]'
	in_container true
	refused "mounts[" nosuchfs
}

@test "mounts: an option that the file system does not know is refused" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "x", options: ["nosuchoption=1"]}]'
	in_container true
	refused "mounts[" nosuchoption
}

@test "mounts: the host sees none of them" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "only-in-the-container"}]'
	running sleep 60
	not grep -q only-in-the-container /proc/self/mountinfo
	grep -q only-in-the-container "/proc/$(state pid)/mountinfo"
}

# bats test_tags=root
@test "cgroup: the container sees its own cgroup, read-only" {
	bundle '.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])
		| .mounts |= (map(select(.type != "cgroup")) + [{
			destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev",
			"relatime", "ro"]}])'
	process sh -c 'f=$(find /sys/fs/cgroup -name cgroup.procs | head -n 1); [ -n "$f" ] && grep -x 1 "$f";
		mkdir "${f%/*}/x"'
	run rt run -b "$BUNDLE" "$ID"
	[ "${lines[0]}" = 1 ]
	[[ ${lines[1]} == *"Read-only file system"* ]]
}

# bats test_tags=root
@test "mqueue: in a user namespace it belongs to the container's root" {
	bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000,
		size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	in_container stat -c "%u:%g %a" /dev/mqueue
	[ "$status" -eq 0 ]
	[ "$output" = "0:0 1777" ]
}
