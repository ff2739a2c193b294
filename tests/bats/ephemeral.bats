#!/usr/bin/env bats
# bats file_tags=rootless
# rt-run(8): --ephemeral, --ephemeral-size, --overlay; Documentation/filesystems/overlayfs.rst

load setup

needs() {
	only_rt "a layer over root.path"
	grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || skip "this kernel has no overlay file system"
	[ "$ROOTLESS" = 0 ] || [ "$(printf '%s\n' 5.11 "$(uname -r)" | sort -V | head -n 1)" = 5.11 ] ||
		skip "an overlay in a user namespace takes Linux 5.11"
}

# writable [FILTER] makes a bundle with a root file system that may be written to, and notes what is in it.
writable() {
	bundle ".root.readonly = false | ${1:-.}"
	mkdir -p "$BUNDLE/rootfs/lib/deep"
	echo one >"$BUNDLE/rootfs/lib/file"
	echo two >"$BUNDLE/rootfs/lib/deep/file"
	listing >"$BATS_TEST_TMPDIR/before"
}

# listing prints all that is in the bundle: type, mode, owner, size, time, name and target of each file.
listing() {
	find "$BUNDLE/rootfs" -printf '%y %m %u %g %s %T@ %p %l\n' | sort -k 7
}

# untouched fails if the container has changed the bundle.
untouched() {
	listing | diff "$BATS_TEST_TMPDIR/before" -
}

# layered OPTION SCRIPT runs a script in a container with a layer.
layered() {
	process sh -c "exec 2>&1; $2"
	# shellcheck disable=SC2086 # two words at times
	run rt run $1 --bundle "$BUNDLE" "$ID"
	echo "$output"
}

# users_of_its_own gives the container users that are not the host's.
users_of_its_own() {
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
}

@test "ephemeral: what the container changes is there for it, and nowhere afterwards" {
	writable
	layered --ephemeral 'echo new >/file; echo more >>/lib/file; rm /lib/deep/file; chmod 700 /home; mkdir /dir;
		ln -s x /link; cat /file /lib/file; ls -A /lib/deep'
	[ "$status" -eq 0 ]
	[ "$output" = $'new\none\nmore' ]
	untouched
	layered --ephemeral 'ls /file /dir; cat /lib/file /lib/deep/file'
	[[ $output == *"/file: No such file"* ]]
	[[ $output == *$'one\ntwo' ]]
}

@test "ephemeral: mount points that the image lacks are made in the layer" {
	writable '.mounts += [{destination: "/not/there", type: "tmpfs", source: "tmpfs"}]'
	layered --ephemeral 'touch /not/there/x && ls /not/there'
	[ "$output" = x ]
	untouched
}

@test "ephemeral: the root directory keeps its mode and its owner" {
	writable
	chmod 1751 "$BUNDLE/rootfs"
	layered --ephemeral 'stat -c "%a %u:%g" /'
	[ "$output" = "1751 0:0" ]
}

@test "ephemeral: a directory that was deleted can be made again, and is empty" {
	[ "$ROOTLESS" = 0 ] || [ "$(printf '%s\n' 6.6 "$(uname -r)" | sort -V | head -n 1)" = 6.6 ] ||
		skip "the tmpfs of this kernel can't mark a directory as new"
	writable
	layered --ephemeral 'rm -r /lib && mkdir /lib && ls -A /lib && touch /lib/x && ls -A /lib'
	[ "$status" -eq 0 ]
	[ "$output" = x ]
	untouched
}

# bats test_tags=root
@test "ephemeral: a directory of the image can be renamed" {
	writable
	layered --ephemeral '/bin/busybox mv /lib /other && cat /other/file /other/deep/file && ls -d /lib'
	[[ $output == *$'one\ntwo\nls: /lib: No such file or directory' ]]
	untouched
}

@test "ephemeral: hard links within the layer stay one file, and a link to a file of the image does not change that" {
	writable
	layered --ephemeral 'echo a >/x; ln /x /y; echo b >>/y; cat /x; ln /lib/file /lib/link && echo c >>/lib/link;
		cat /lib/link; stat -c %h /x'
	[ "$output" = $'a\nb\none\nc\n2' ]
	untouched
}

@test "ephemeral: extended attributes of the image show, and can be changed" {
	writable
	setfattr -n user.colour -v blue "$BUNDLE/rootfs/lib/file" || skip "this file system keeps no user.* attributes"
	listing >"$BATS_TEST_TMPDIR/before"
	process sleep 60
	run_detached rt run --detach --ephemeral --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	file=/proc/$(state pid)/root/lib/file
	[ "$(getfattr --absolute-names --only-values -n user.colour "$file")" = blue ]
	if [ "$ROOTLESS" = 0 ]; then
		echo more >>"$file"
		[ "$(getfattr --absolute-names --only-values -n user.colour "$file")" = blue ]
	fi
	untouched
}

@test "ephemeral: root.readonly holds for the layer too" {
	writable '.root.readonly = true'
	layered --ephemeral 'touch /x; ls -d /proc/1'
	[[ $output == *"Read-only file system"* ]]
	[[ $output == */proc/1 ]]
	untouched
}

@test "ephemeral: create and start, exec, and delete leave nothing" {
	writable
	process sleep 60
	run_detached rt create --ephemeral --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	rt start "$ID"
	rt exec "$ID" touch /from-exec
	[ "$(rt exec "$ID" ls /from-exec)" = /from-exec ]
	grep -q ' / overlay ' "/proc/$(state pid)/mounts"
	[ "$(mounts)" = "$(cat "$BATS_TEST_TMPDIR/mounts.before")" ]
	rt delete --force "$ID"
	untouched
}

@test "ephemeral: a killed rt, and a killed container, leave nothing" {
	writable
	process sleep 60
	background "$RT" --root "$ROOT" run --ephemeral --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	eventually status_is running
	kill -9 "$!"
	rt exec "$ID" touch /x
	rt kill "$ID" KILL
	eventually status_is stopped
	rt delete "$ID"
	untouched
}

@test "ephemeral: the layer is no larger than --ephemeral-size" {
	writable
	layered '--ephemeral-size 1m' 'dd if=/dev/zero of=/big bs=64k count=64; stat -c %s /big'
	[[ $output == *"No space left on device"* ]]
	[ "$(tail -n 1 <<<"$output")" -le 1048576 ]
	untouched
}

# bats test_tags=root
@test "ephemeral: with a user namespace, files keep the owners that the image gives them" {
	writable
	users_of_its_own
	chown 100000:100000 "$BUNDLE/rootfs" "$BUNDLE/rootfs/lib"
	chown 100007:100008 "$BUNDLE/rootfs/lib/file"
	chmod 755 "$BUNDLE"
	listing >"$BATS_TEST_TMPDIR/before"
	layered --ephemeral 'stat -c "%u:%g %n" / /lib/file; touch /new; stat -c "%u:%g %n" /new; rm -r /home;
		mkdir /home; ls -A /home; mv /lib /other && cat /other/file'
	[ "$status" -eq 0 ]
	[ "$output" = $'0:0 /\n7:8 /lib/file\n0:0 /new\none' ]
	untouched
}

# bats test_tags=root
@test "ephemeral: with a user namespace, where their root has no way to root.path" {
	writable
	users_of_its_own
	chown 100000:100000 "$BUNDLE/rootfs"
	chmod 700 "$BUNDLE"
	layered --ephemeral 'touch /new; ls /new'
	[ "$output" = /new ]
	[ ! -e "$BUNDLE/rootfs/new" ]
}

# bats test_tags=root
@test "ephemeral: with --no-pivot, and with every rootfsPropagation" {
	writable
	layered '--ephemeral --no-pivot' 'touch /new; ls /new'
	[ "$output" = /new ]
	for propagation in shared rshared slave rslave private rprivate; do
		PROPAGATION=$propagation config '.linux.rootfsPropagation = env.PROPAGATION'
		layered --ephemeral 'touch /new; ls /new'
		[ "$output" = /new ]
		[ "$(mounts)" = "$(cat "$BATS_TEST_TMPDIR/mounts.before")" ]
	done
	untouched
}

# bats test_tags=root
@test "ephemeral: what the mount of root.path forbids stays forbidden" {
	writable
	export -f rt
	process sh -c 'grep " / overlay " /proc/self/mounts'
	# shellcheck disable=SC2016 # for the inner shell
	run unshare --mount --propagation private bash -c '
		mount --bind "$BUNDLE/rootfs" "$BUNDLE/rootfs" && mount -o remount,bind,nosuid,nodev "$BUNDLE/rootfs"
		rt run --ephemeral --bundle "$BUNDLE" "$ID"'
	[[ $output == *nosuid,nodev* ]]
}

@test "ephemeral: hooks see the layer at root.path" {
	writable
	config '.hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c",
		"echo hook >\(env.BUNDLE)/rootfs/from-hook"]}]'
	layered --ephemeral 'cat /from-hook'
	[ "$output" = hook ]
	untouched
}

@test "ephemeral: names with a colon, a comma, a backslash and a space in them" {
	BUNDLE="$BATS_TEST_TMPDIR/a:b,c\\d e=f\"g"
	writable
	layered --ephemeral 'touch /new; ls /new; cat /lib/file'
	[ "$output" = $'/new\none' ]
	untouched
	process touch /kept
	run rt run --overlay "$BATS_TEST_TMPDIR/k:e,p\\t 1" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ -e "$BATS_TEST_TMPDIR/k:e,p\\t 1/upper/kept" ]
	untouched
}

@test "ephemeral: a container without mounts of its own, and senseless options, are refused" {
	writable
	run rt run --ephemeral --overlay "$BATS_TEST_TMPDIR/d" --bundle "$BUNDLE" "$ID"
	refused --overlay --ephemeral
	run rt run --ephemeral-size lots --bundle "$BUNDLE" "$ID"
	refused --ephemeral-size lots
	run rt run --ephemeral-size 0 --bundle "$BUNDLE" "$ID"
	refused --ephemeral-size
	bundle '.linux.namespaces |= map(select(.type != "mount")) | .mounts = [] | del(.linux.maskedPaths,
		.linux.readonlyPaths) | .root.readonly = false'
	run rt run --ephemeral --bundle "$BUNDLE" "$ID"
	refused --ephemeral linux.namespaces
	[ ! -e "$BATS_TEST_TMPDIR/d" ]
}

@test "ephemeral: rt plan shows the layer, and makes none" {
	writable
	run rt plan --ephemeral --ephemeral-size 5m "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *'"size", "5m"'*"--ephemeral-size: limit its size to 5m"* ]]
	[[ $output == *'fsopen("overlay"'*"--ephemeral: configure a new overlay"* ]]
	run rt plan --overlay "$BATS_TEST_TMPDIR/d" "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *"$BATS_TEST_TMPDIR/d"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/d" ]
}

@test "overlay: the changes are kept, and are there the next time" {
	writable
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'echo new >/file; echo more >>/lib/file; rm /lib/deep/file'
	[ "$status" -eq 0 ]
	untouched
	[ "$(cat "$BATS_TEST_TMPDIR/kept/upper/file")" = new ]
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'cat /file /lib/file; ls -A /lib/deep; echo again >>/file'
	[ "$output" = $'new\none\nmore' ]
	[ "$(cat "$BATS_TEST_TMPDIR/kept/upper/file")" = $'new\nagain' ]
	layered '' 'ls /file'
	[[ $output == *"No such file"* ]]
}

@test "overlay: a directory that was deleted and made again is opaque" {
	writable
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'rm -r /lib && mkdir /lib && touch /lib/x'
	[ "$status" -eq 0 ]
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'ls -A /lib'
	[ "$output" = x ]
	untouched
}

@test "overlay: the home directory is that of the user whom an earlier container has made" {
	writable
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'echo "root:x:0:0:root:/tmp:/bin/sh" >/etc/passwd'
	config '.process.env |= map(select(startswith("HOME=") | not))'
	# shellcheck disable=SC2016 # for the container
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'echo $HOME'
	[ "$output" = /tmp ]
}

@test "overlay: two containers can't have one directory, until the first has ended" {
	writable
	process sleep 60
	run_detached rt run --detach --overlay "$BATS_TEST_TMPDIR/kept" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	run rt run --overlay "$BATS_TEST_TMPDIR/kept" --bundle "$BUNDLE" "$ID-2"
	[ "$status" -eq 1 ]
	[[ $output == *"--overlay"*"in use by container $ID "* ]]
	ROOT=$BATS_TEST_TMPDIR/elsewhere run rt run --overlay "$BATS_TEST_TMPDIR/kept" --bundle "$BUNDLE" "$ID-2"
	[[ $output == *"in use by container $ID "* ]]
	[ "$(containers)" = "$ID" ]
	rt delete --force "$ID"
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'echo free'
	[ "$output" = free ]
}

@test "overlay: directories that can't be one are refused, and nothing is made" {
	writable
	for dir in "$BUNDLE/rootfs/lib" "$BUNDLE/rootfs/new" "$BUNDLE" "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/no/way"; do
		run rt run --overlay "$dir" --bundle "$BUNDLE" "$ID"
		refused --overlay "$dir"
	done
	run rt run --overlay /proc --bundle "$BUNDLE" "$ID"
	refused --overlay
	untouched
	[ ! -e "$BATS_TEST_TMPDIR/no" ]
}

# bats test_tags=root
@test "overlay: a file system that can't have whiteouts is refused, with a hint" {
	command -v mkfs.vfat >/dev/null || skip "this machine has no mkfs.vfat"
	writable
	truncate -s 10M "$BATS_TEST_TMPDIR/fat"
	mkfs.vfat "$BATS_TEST_TMPDIR/fat"
	mkdir "$BATS_TEST_TMPDIR/mnt"
	mount -t vfat -o loop "$BATS_TEST_TMPDIR/fat" "$BATS_TEST_TMPDIR/mnt" 2>/dev/null ||
		skip "this kernel can't mount a FAT file system"
	run rt run --overlay "$BATS_TEST_TMPDIR/mnt/d" --bundle "$BUNDLE" "$ID"
	ls -A "$BATS_TEST_TMPDIR/mnt"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/mnt")" ]
	umount "$BATS_TEST_TMPDIR/mnt"
	refused --overlay
	[[ $output == *"hint"*FAT* ]]
}

@test "overlay: a container that can't be made leaves no directory" {
	writable '.process.args = ["nothing-of-that-name"]'
	run rt run --overlay "$BATS_TEST_TMPDIR/kept" --bundle "$BUNDLE" "$ID"
	refused nothing-of-that-name
	[ ! -e "$BATS_TEST_TMPDIR/kept" ]
	mkdir "$BATS_TEST_TMPDIR/kept"
	run rt run --overlay "$BATS_TEST_TMPDIR/kept" --bundle "$BUNDLE" "$ID"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/kept")" ]
}

@test "overlay: an rt that was killed while it made the directory does not affect the next" {
	writable
	chmod 755 "$BUNDLE/rootfs"
	mkdir -m 700 "$BATS_TEST_TMPDIR/kept" "$BATS_TEST_TMPDIR/kept/upper"
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'stat -c %a /'
	[ "$output" = 755 ]
	# A mode that the container has given it is kept.
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'chmod 711 /'
	layered "--overlay $BATS_TEST_TMPDIR/kept" 'stat -c %a /'
	[ "$output" = 711 ]
}
