#!/usr/bin/env bats
# bats file_tags=rootless
# Containers with a user namespace: what the kernel gives to the root user of one, and what it
# does not. user_namespaces(7).

load setup

# userns [FILTER] makes a bundle whose container has a user namespace: with ids from 100000 on as root, or the ordinary
# user's own, which the default config has.
userns() {
	bundle "${1:-.}"
	[ "$ROOTLESS" = 0 ] || return 0
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$BUNDLE/rootfs"
}

# without TYPE takes a namespace out of the config: the container stays in rt's.
without() {
	config ".linux.namespaces |= map(select(.type != \"$1\"))"
}

time_namespace() {
	config '.linux.namespaces += [{type: "time"}] | .linux.timeOffsets = {monotonic: {secs: 5000},
		boottime: {secs: 1000000}}'
}

@test "userns: a time namespace with offsets, that belongs to it" {
	known_bad runc "before 1.2 it has no time namespaces"
	userns
	time_namespace
	in_container sh -c 'cut -d. -f1 /proc/uptime; tr -s " " </proc/self/timens_offsets'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" -ge 1000000 ]
	[ "${lines[1]}" = "monotonic 5000 0" ]
}

@test "userns: a time namespace without offsets" {
	known_bad runc "before 1.2 it has no time namespaces"
	userns '.linux.namespaces += [{type: "time"}]'
	in_container readlink /proc/self/ns/time
	[ "$status" -eq 0 ]
	[ "$output" != "$(readlink /proc/self/ns/time)" ]
}

@test "userns: a time namespace with offsets, where root is not who made it" {
	known_bad runc "before 1.2 it has no time namespaces"
	userns '.process.user = {uid: 1000, gid: 1000}'
	ranges
	time_namespace
	running sleep 60
	run rt exec "$ID" cat /proc/uptime
	[ "$status" -eq 0 ]
	[ "${output%%.*}" -ge 1000000 ]
}

# bats test_tags=root
@test "userns: a time namespace with offsets, in a cgroup that takes one process" {
	known_bad runc "before 1.2 it has no time namespaces"
	userns
	time_namespace
	config '.linux.resources.pids.limit = 1'
	in_container cat /proc/uptime
	[ "$status" -eq 0 ]
	[ "${output%%.*}" -ge 1000000 ]
}

# bats test_tags=root
@test "userns: a new time namespace in a new user namespace, and a pid namespace that is joined" {
	known_bad runc "before 1.2 it has no time namespaces"
	bundle
	running sleep 60
	local first=$ID
	ID=$ID-2
	BUNDLE=$BUNDLE.2
	userns
	without pid
	config ".linux.namespaces += [{type: \"pid\", path: \"/proc/$(state pid \
		"$first")/ns/pid\"}] | .mounts |= map(select(.type != \"proc\"))"
	time_namespace
	running sleep 60
	local pid
	pid=$(state pid)
	[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink "/proc/$(state pid "$first")/ns/pid")" ]
	[ "$(readlink "/proc/$pid/ns/time")" != "$(readlink /proc/self/ns/time)" ]
	[ "$(stat -c %u "/proc/$pid")" = 100000 ]
	rt delete --force "$first"
}

# bats test_tags=root
@test "userns: a pid namespace with CAP_SYS_PTRACE of the host's user namespace is not joined" {
	only_rt "runc and crun let the other container reach the host"
	bundle '.process.capabilities.bounding += ["CAP_SYS_PTRACE"]'
	running sleep 60
	local first=$ID pid
	pid=$(state pid)
	ID=$ID-2
	BUNDLE=$BUNDLE.2
	userns
	without pid
	config ".linux.namespaces += [{type: \"pid\", path: \"/proc/$pid/ns/pid\"}] |
		.mounts |= map(select(.type != \"proc\"))"
	in_container true
	[ "$status" -eq 1 ]
	clear_error "linux.namespaces[" "process $pid" "CAP_SYS_PTRACE" "the same user namespace"
	[[ $(containers) != *"$ID"* ]]
	rt delete --force "$first"
}

@test "userns: a new time namespace in a user namespace that is joined" {
	known_bad runc "before 1.2 it has no time namespaces"
	userns
	running sleep 60
	local first=$ID
	ID=$ID-2
	config ".linux.namespaces |= map(if .type == \"user\" then . + {path: \"/proc/$(state pid \
		"$first")/ns/user\"} else . end)
		| del(.linux.uidMappings, .linux.gidMappings)"
	time_namespace
	in_container sh -c 'cut -d. -f1 /proc/uptime; readlink /proc/self/ns/user'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" -ge 1000000 ]
	[ "${lines[1]}" = "$(readlink "/proc/$(state pid "$first")/ns/user")" ]
}

# bats test_tags=root
@test "userns: a namespace that is joined says which ids of the host are the container's, not the config" {
	only_rt "runc refuses other maps, crun takes those of the config"
	background unshare --user --fork --kill-child sleep 60
	eventually pgrep -P "$!" sleep
	holder=$(pgrep -P "$!" sleep)
	echo "0 100000 65536" >"/proc/$holder/uid_map"
	echo "0 200000 65536" >"/proc/$holder/gid_map"
	for maps in . '.linux.uidMappings = [{containerID: 0, hostID: 300000, size: 9}] |
		.linux.gidMappings = .linux.uidMappings'; do
		bundle ".linux.namespaces += [{type: \"user\", path: \"/proc/$holder/ns/user\"}] | $maps |
			.linux.devices = [{path: \"/dev/mine\", type: \"c\", major: 1, minor: 5, fileMode: 384, uid: 7, gid: 8}]"
		chmod 755 "$BATS_TEST_TMPDIR"
		in_container stat -c '%u %g' /dev/mine
		echo "$output"
		[ "$status" -eq 0 ]
		grep -qx "7 8" <<<"$output"
	done
	[[ $output == *"linux.uidMappings: is ignored"*"linux.gidMappings: is ignored"* ]]
	# The same map in other words is no other map.
	config '.linux.uidMappings = [{containerID: 1, hostID: 100001, size: 65535},
			{containerID: 0, hostID: 100000, size: 1}] |
		.linux.gidMappings = [{containerID: 0, hostID: 200000, size: 65536}]'
	in_container stat -c '%u %g' /dev/mine
	[ "$output" = "7 8" ]
}

@test "userns: a map without root" {
	only_rt "runc requires root to be mapped"
	userns '.mounts |= map(if .type == "devpts" then .options |= map(select(startswith("gid=") | not)) else . end)'
	config '(.linux.uidMappings[0], .linux.gidMappings[0]) |= (.containerID = 1000 | .size = 1)
		| .process.user = {uid: 1000, gid: 1000}'
	running sleep 60
	run rt exec "$ID" sh -c 'id -u; id -g; stat -c "%u %g" /dev/shm; grep CapEff /proc/self/status'
	[ "$status" -eq 0 ]
	[ "$output" = "1000
1000
1000 1000
CapEff:	0000000000000000" ]
}

# bats test_tags=root
@test "userns: two binds with different id mappings" {
	known_bad runc "version 1.1 knows no id-mapped mounts"
	local a=$BATS_TEST_TMPDIR/a b=$BATS_TEST_TMPDIR/b
	mkdir "$a" "$b"
	touch "$a/file" "$b/file"
	chown 5:5 "$a/file" "$b/file"
	A=$a B=$b userns '.mounts += [
		{destination: "/mnt", type: "bind", source: env.A, options: ["bind"], uidMappings: [{containerID: 5,
		hostID: 100007, size: 1}]},
		{destination: "/tmp", type: "bind", source: env.B, options: ["bind"], uidMappings: [{containerID: 5,
		hostID: 100008, size: 1}]}]
		| .mounts[-2:] |= map(. + {gidMappings: .uidMappings})'
	in_container stat -c %u:%g /mnt/file /tmp/file
	[ "$status" -eq 0 ]
	[ "$output" = $'7:7\n8:8' ]
}

# bats test_tags=user
@test "userns: in a user namespace whose root has no privileges over the mounts" {
	bundle '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	process sh -c 'id -u; cat /data'
	echo bound >"$BATS_TEST_TMPDIR/data"
	DATA=$BATS_TEST_TMPDIR/data config '.mounts += [{destination: "/data", type: "bind", source: env.DATA,
		options: ["bind", "ro"]}] | .root.readonly = false'
	run unshare --user --map-root-user "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = $'0\nbound' ]
	run unshare --user --map-root-user "$RT" --root "$ROOT" run --ephemeral --bundle "$BUNDLE" "$ID"
	only_rt --ephemeral
	[ "$status" -eq 0 ]
	[ "$output" = $'0\nbound' ]
}

# A namespace of the host's belongs to no user namespace of a container: the kernel gives it no new proc, sysfs or
# mqueue. The host's stands in.

@test "userns: sysfs in the host's network, read-only with all that is below" {
	userns '.process.capabilities = {}'
	without network
	in_container sh -c 'ls -d /sys/class/net; grep -c " /sys[^ ]* rw" /proc/self/mountinfo;
		grep -c " /sys[^ ]* ro,nosuid,nodev,noexec" /proc/self/mountinfo'
	[ "$status" -eq 1 ] || [ "${lines[2]}" -ge 1 ]
	[ "${lines[0]}" = /sys/class/net ]
	[ "${lines[1]}" = 0 ]
}

@test "userns: proc in the host's pid namespace: its own process is the container's, the others' are not" {
	userns
	without pid
	in_container sh -c 'readlink /proc/self; echo $$; echo 7 >/proc/self/oom_score_adj; cat /proc/self/oom_score_adj
		cat /proc/keys; ls /proc/1/root /proc/1/fd; cat /proc/1/environ; echo x >/proc/sys/kernel/domainname'
	[ "${lines[0]}" -gt 1 ]
	[ "${lines[2]}" = 7 ]
	[ "$(grep -c "ermission denied" <<<"$output")" -eq 3 ]
	[[ $output == *"Read-only file system"* ]] # linux.readonlyPaths
	[ "${#lines[@]}" -eq 8 ]                  # linux.maskedPaths: /proc/keys says nothing
}

# bats test_tags=root
@test "userns: what the host has mounted below its /proc is read-only in the container" {
	userns '.process.capabilities = {}'
	without pid
	config '.linux.readonlyPaths = []'
	process sh -c 'grep -c " /proc/[^ ]* rw" /proc/self/mountinfo; grep " /proc/tty/driver " /proc/self/mountinfo;
		touch /proc/tty/driver/x'
	run unshare --mount sh -c 'mount -t tmpfs -o mode=777 tmpfs /proc/tty/driver &&
		exec "$@"' sh "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[[ $output == *" /proc/tty/driver ro,nosuid,nodev,noexec"* ]]
	[[ $output == *"Read-only file system"* ]]
}

@test "userns: options that a bind can't have are not ignored silently" {
	userns '(.mounts[] | select(.type == "proc")).options = ["hidepid=2"]'
	without pid
	in_container true
	refused 'mounts[0]' "a namespace that it does not own"
}

# bats test_tags=root
@test "userns: mqueue in the host's ipc namespace, wherever the host has it" {
	userns
	without ipc
	in_container sh -c 'ls -d /dev/mqueue; grep " /dev/mqueue " /proc/self/mountinfo'
	[ "$status" -eq 0 ]
	[[ $output == "/dev/mqueue"*" ro,nosuid,nodev,noexec"*mqueue* ]]
}

# binds N adds N bind mounts of files, each with its number in it.
binds() {
	local i
	mkdir "$BATS_TEST_TMPDIR/files"
	for ((i = 1; i <= $1; i++)); do echo "$i" >"$BATS_TEST_TMPDIR/files/$i"; done
	FILES=$BATS_TEST_TMPDIR/files config ".mounts += [range(1; $1 + 1) | {destination: \"/tmp/f\\(.)\", type: \"bind\",
		source: \"\\(env.FILES)/\\(.)\", options: [\"ro\", \"rbind\", \"rprivate\"]}] | .process.rlimits = []"
}

@test "userns: more binds than files may be open, and the caller's limit in the container" {
	userns '.root.readonly = false'
	binds 300
	process sh -c 'cat /tmp/f* | sort -n | uniq | wc -l; cat /tmp/f1 /tmp/f123 /tmp/f300; ulimit -Sn; ulimit -Hn'
	run sh -c 'ulimit -Sn 100; ulimit -Hn 200; exec "$@"' sh "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = $'300\n1\n123\n300\n100\n200' ]
}

@test "userns: a default container where few files may be open" {
	userns '.process.rlimits = []'
	process sh -c 'ulimit -Sn; ulimit -Hn'
	run sh -c 'ulimit -Sn 20; ulimit -Hn 200; exec "$@"' sh "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = $'20\n200' ]
	run sh -c 'ulimit -n 64; exec "$@"' sh "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = $'64\n64' ]
}

# bats test_tags=root
@test "userns: many binds with their ids mapped" {
	known_bad runc "version 1.1 knows no id-mapped mounts"
	userns '.root.readonly = false'
	binds 250
	config '.mounts |= map(if .type == "bind" then .uidMappings = [{containerID: 0, hostID: 100007, size: 1}] |
		.gidMappings = .uidMappings else . end)'
	in_container sh -c 'stat -c %u:%g /tmp/f* | sort | uniq -c'
	[ "$status" -eq 0 ]
	[ "$(tr -s ' ' <<<"$output")" = " 250 7:7" ]
}

# bats test_tags=root
@test "userns: a working directory that root's group can't enter, but that of the process" {
	userns '.root.readonly = false | .process.cwd = "/home/u" | .process.user = {uid: 1000, gid: 1000} |
		.process.capabilities = {}'
	mkdir -p "$BUNDLE/rootfs/home/u"
	chmod 770 "$BUNDLE/rootfs/home/u"
	chown 5:101000 "$BUNDLE/rootfs/home/u" # user 5 is none in the namespace, so its root has no rights there
	in_container sh -c 'pwd; id -u'
	[ "$status" -eq 0 ]
	[ "$output" = $'/home/u\n1000' ]
	config '.process.cwd = "/home/new/dir"'
	in_container pwd
	[ "$output" = /home/new/dir ]
}

# bats test_tags=root
@test "userns: run.oci.keep_original_groups: a group that is not mapped opens a volume" {
	mkdir "$BATS_TEST_TMPDIR/volume"
	echo shared >"$BATS_TEST_TMPDIR/volume/file"
	chgrp 4242 "$BATS_TEST_TMPDIR/volume"
	chmod 750 "$BATS_TEST_TMPDIR/volume"
	V=$BATS_TEST_TMPDIR/volume userns '.process.capabilities = {} | .mounts += [{destination: "/mnt", type: "bind",
		source: env.V, options: ["bind"]}]'
	process cat /mnt/file
	run setpriv --groups 4242 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	config '.annotations = {"run.oci.keep_original_groups": "1"}'
	run setpriv --groups 4242 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = shared ]
}

@test "run.oci.mount_context_type: a word that mount(8) does not know is refused" {
	only_rt "others pass it on to the kernel"
	userns '.annotations = {"run.oci.mount_context_type": "upside-down"}'
	in_container true
	refused 'run.oci.mount_context_type' fscontext
}

# bats test_tags=root
@test "userns: a directory of the image that no mapped id may enter: the error names the owner" {
	only_rt "its own text"
	bundle '.linux.namespaces += [{type: "user"}] | .process.cwd = "/" | .root.readonly = false
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1000}]'
	chmod 700 "$BUNDLE/rootfs/bin"
	in_container true
	refused 'process.args[0] "true"'
	[[ $output == *"hint"*"/bin may not be entered by user 0, which is user 100000 of the host: its mode is 0700"* ]]
	[[ $output == *"owner 0, which linux.uidMappings does not map"* ]]
	chmod 755 "$BUNDLE/rootfs/bin"
	config '.process.cwd = "/new"'
	in_container true
	refused process.cwd /new
	[[ $output == *"hint"*"create the working directory in the image"* ]]
	chmod 700 "$BUNDLE/rootfs"
	in_container true
	refused 'mounts[0].destination'
	[[ $output == *"hint"*"enter the directories of the path"* ]]
}

# bats test_tags=root
@test "userns: ids that an existing user namespace does not map" {
	only_rt "its own text"
	bundle '.process.args = ["sleep", "1000"] | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1000}]'
	running
	joining=".linux.namespaces += [{type: \"user\", path: \"/proc/$(state pid)/ns/user\"}]"
	for user in '{uid: 1000, gid: 0}' '{uid: 0, gid: 1000}' '{uid: 0, gid: 0, additionalGids: [1000]}'; do
		bundle "$joining | .process.user = $user | .process.args = [\"true\"]" "$BATS_TEST_TMPDIR/other"
		run rt run --bundle "$BATS_TEST_TMPDIR/other" "${ID}other"
		[ "$status" -eq 1 ]
		clear_error process.user EINVAL
		[[ $output == *"not mapped in the container's user namespace: see linux."[ug]"idMappings"* ]]
	done
}
