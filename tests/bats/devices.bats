#!/usr/bin/env bats
# bats file_tags=rootless
# config-linux.md#default-devices, config-linux.md#devices

load setup

@test "default devices: the numbers and the mode of each" {
	bundle
	in_container sh -c 'cd /dev; stat -c "%n %t:%T %a %F" null zero full random urandom tty; stat -L -c "%n %t:%T" ptmx'
	[ "$status" -eq 0 ]
	[ "$output" = "null 1:3 666 character special file
zero 1:5 666 character special file
full 1:7 666 character special file
random 1:8 666 character special file
urandom 1:9 666 character special file
tty 5:0 666 character special file
ptmx 5:2" ]
}

@test "default devices: each does what it is for" {
	bundle
	in_container sh -c '
		echo gone >/dev/null && wc -c </dev/null
		head -c 3 /dev/zero | od -An -tx1
		head -c 3 /dev/urandom | wc -c
		head -c 3 /dev/random | wc -c
		sh -c "echo >/dev/full" 2>&1'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = " 00 00 00" ]
	[ "${lines[2]}" = 3 ]
	[ "${lines[3]}" = 3 ]
	[[ ${lines[4]} == *"No space left on device"* ]]
}

@test "default symlinks: fd, stdin, stdout, stderr and ptmx" {
	bundle
	in_container sh -c 'for l in fd stdin stdout stderr; do readlink /dev/$l; done; echo through >/dev/stdout;
		[ -e /dev/ptmx ] && echo ptmx'
	[ "$status" -eq 0 ]
	[ "$output" = "/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
through
ptmx" ]
}

# bats test_tags=root
@test "linux.devices: a character device with its mode and owner" {
	bundle '.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 416, uid: 1000, gid: 1001}]'
	in_container stat -c "%F %t:%T %a %u:%g" /dev/mine
	[ "$status" -eq 0 ]
	[ "$output" = "character special file 1:5 640 1000:1001" ]
}

# bats test_tags=root
@test "linux.devices: a block device, a fifo, a directory that is missing" {
	bundle '.linux.devices = [
		{path: "/dev/deep/er/block", type: "b", major: 7, minor: 200, fileMode: 384},
		{path: "/dev/fifo", type: "p", fileMode: 438}]'
	in_container stat -c "%n %F %a" /dev/deep/er/block /dev/fifo
	[ "$status" -eq 0 ]
	[ "$output" = "/dev/deep/er/block block special file 600
/dev/fifo fifo 666" ]
}

# bats test_tags=root
@test "linux.devices: the umask of the caller does not change the mode" {
	bundle '.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 5, fileMode: 438}]'
	process stat -c %a /dev/mine /dev/null
	umask 077
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "666
666" ]
}

@test "linux.devices: in a user namespace the host's device is bound" {
	bundle '.linux.devices = [{path: "/dev/full", type: "c", major: 1, minor: 7}]'
	[ "$ROOTLESS" = 1 ] || config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	in_container stat -c "%n %t:%T" /dev/full
	[ "$status" -eq 0 ]
	[ "$output" = "/dev/full 1:7" ]
}

# bats test_tags=root
@test "linux.devices: in a user namespace a device that the host has elsewhere, or with another mode, is made" {
	only_rt "crun 1.8 and runc bind the host's node of the same path"
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 3, fileMode: 432, uid: 7, gid: 8},
			{path: "/dev/deep/full", type: "c", major: 1, minor: 7},
			{path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 384, uid: 9},
			{path: "/dev/disk", type: "b", major: 7, minor: 250}]'
	before=$(stat -c "%t:%T %a %u:%g" /dev/null /dev/zero)
	in_container sh -c 'stat -c "%F %t:%T %a %u:%g" /dev/mine /dev/deep/full /dev/zero /dev/disk
		head -c 2 /dev/deep/full | wc -c'
	[ "$status" -eq 0 ]
	[ "$output" = "character special file 1:3 660 7:8
character special file 1:7 666 0:0
character special file 1:5 600 9:0
block special file 7:fa 666 0:0
2" ]
	[ "$before" = "$(stat -c "%t:%T %a %u:%g" /dev/null /dev/zero)" ]
	[ ! -e "$ROOT/$ID" ]
}

@test "linux.devices: an unknown type is refused" {
	bundle '.linux.devices = [{path: "/dev/mine", type: "x", major: 1, minor: 5}]'
	in_container true
	refused linux.devices[0].type
}

# bats test_tags=root
@test "resources.devices: what is not allowed cannot be opened, the default devices can" {
	needs_controller devices
	bundle '.linux.devices = [{path: "/dev/denied", type: "c", major: 10, minor: 183}, {path: "/dev/readable",
		type: "c", major: 10, minor: 229}]
		| .linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 229,
		access: "r"}]'
	in_container sh -c '
		true </dev/denied; true >/dev/readable; true </dev/readable
		true </dev/zero && true >/dev/null && echo defaults
		true </dev/tty'
	[[ $output == *"/dev/denied: Operation not permitted"* ]]
	[[ $output == *"can't create /dev/readable: Operation not permitted"* ]]
	# the driver may still say that it is not there
	[[ $output != *"can't open /dev/readable: Operation not permitted"* ]]
	[[ $output == *defaults* ]]
	[[ $output == *"/dev/tty: No such device or address"* ]] # allowed, but the container has no terminal
}

# bats test_tags=root
@test "linux.devices: outside /dev, a second start finds the device and the fifo, and sets mode and owner again" {
	bundle '.root.readonly = false | .linux.devices = [
		{path: "/opt/devs/d", type: "c", major: 1, minor: 3, fileMode: 432, uid: 7, gid: 8}, {path: "/run/initctl",
		type: "p", fileMode: 384, uid: 9}]'
	for _ in 1 2; do
		in_container stat -c "%F %t:%T %a %u:%g" /opt/devs/d /run/initctl
		[ "$status" -eq 0 ]
		[ "${lines[0]}" = "character special file 1:3 660 7:8" ]
		[[ ${lines[1]} == "fifo 0:0 600 9:0" ]]
		chmod 777 "$BUNDLE/rootfs/opt/devs/d"
		chown 1:1 "$BUNDLE/rootfs/run/initctl"
	done
	run grep -c " /opt/devs/d \| /run/initctl " /proc/self/mountinfo
	[ "$output" = 0 ]
}

# bats test_tags=root
@test "linux.devices: what the image has at the path and is another thing is named, and stays" {
	only_rt "an error with the field"
	bundle '.root.readonly = false | .linux.devices = [{path: "/opt/null", type: "c", major: 1, minor: 3}]'
	mkdir "$BUNDLE/rootfs/opt"
	echo mine >"$BUNDLE/rootfs/opt/null"
	in_container true
	refused linux.devices[0].path "a regular file already, not the character device 1:3"
	[ "$(cat "$BUNDLE/rootfs/opt/null")" = mine ]
	rm "$BUNDLE/rootfs/opt/null"
	mknod "$BUNDLE/rootfs/opt/null" c 1 5
	in_container true
	refused linux.devices[0].path "the character device 1:5 already, not the character device 1:3"
	rm "$BUNDLE/rootfs/opt/null"
	ln -s /dev/null "$BUNDLE/rootfs/opt/null"
	in_container true
	refused linux.devices[0].path "a symbolic link already"
}

# bats test_tags=root
@test "linux.devices: a bind mount at the path is taken as it is, or refused" {
	mknod -m 640 "$BATS_TEST_TMPDIR/node" c 1 7
	export NODE=$BATS_TEST_TMPDIR/node
	bundle '.mounts += [{destination: "/dev/mine", type: "bind", source: env.NODE, options: ["bind"]},
		{destination: "/dev/zero", type: "bind", source: env.NODE, options: ["bind"]}]
		| .linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 7, fileMode: 438, uid: 5}]'
	in_container stat -c "%t:%T %a %u" /dev/mine /dev/zero
	[ "$status" -eq 0 ]
	[ "$output" = "1:7 640 0
1:7 640 0" ]
	[ "$RUNTIME" = rt ] || return 0
	config '.linux.devices[0].minor = 3'
	in_container true
	refused linux.devices[0].path "1:7 already"
}

# bats test_tags=root
@test "linux.devices: without CAP_MKNOD a user namespace gets the host's node, whatever its mode" {
	only_rt "an error with the field"
	bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| .linux.devices = [{path: "/dev/full", type: "c", major: 1, minor: 7, fileMode: 384}]'
	process stat -c "%t:%T %a" /dev/full
	weak=(setpriv --bounding-set=-mknod --inh-caps=-mknod "$RT" --root "$ROOT")
	run "${weak[@]}" run --bundle "$BUNDLE" "$ID"
	[ "$output" = "1:7 666" ]
	config '.linux.devices[0].path = "/dev/mine"'
	run "${weak[@]}" run --bundle "$BUNDLE" "$ID"
	refused linux.devices[0].path CAP_MKNOD
}

@test "linux.devices: without root's rights only the host's node of that name is bound" {
	only_rt "an error with the field"
	bundle '.linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 3}]'
	[ "$ROOTLESS" = 1 ] || config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0,
		hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	for path in mine full; do
		config ".linux.devices[0].path = \"/dev/$path\""
		in_container stat -c %t:%T "/dev/$path"
		if [ "$ROOTLESS" = 1 ]; then
			refused linux.devices[0].path "/dev/$path"
		else
			[ "$output" = 1:3 ]
		fi
	done
}

@test "default devices: those that are bound in a user namespace can be used and not changed" {
	bundle
	[ "$ROOTLESS" = 1 ] || config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0,
		hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	in_container sh -c 'for d in null zero full random urandom tty; do touch /dev/$d;
		grep " /dev/$d " /proc/self/mountinfo | cut -d" " -f6; done; echo x >/dev/null && head -c 1 /dev/zero | wc -c'
	[ "$status" -eq 0 ]
	[ "$(grep -c "Read-only file system" <<<"$output")" -eq 6 ]
	[ "$(grep -c "^ro,nosuid,noexec" <<<"$output")" -eq 6 ]
	[ "${lines[-1]}" = 1 ]
}
