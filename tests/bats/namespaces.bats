#!/usr/bin/env bats
# bats file_tags=rootless
# config-linux.md#namespaces

load setup

# host NAME prints the namespace this test lives in: NAME as in /proc/PID/ns.
host() {
	readlink "/proc/self/ns/$1"
}

# new TYPE NAME checks that a namespace of TYPE without a path is a new one.
new() {
	bundle ".linux.namespaces |= (map(select(.type != \"$1\")) + [{type: \"$1\"}])"
	in_container readlink "/proc/self/ns/$2"
	[ "$status" -eq 0 ]
	[[ $output == "$2:["*"]" ]]
	[ "$output" != "$(host "$2")" ]
}

# inherited TYPE NAME [FILTER] checks that without the namespace the container stays in the runtime's.
inherited() {
	bundle ".linux.namespaces |= map(select(.type != \"$1\")) | ${3:-.}"
	in_container readlink "/proc/self/ns/$2"
	[ "$status" -eq 0 ]
	[ "$output" = "$(host "$2")" ]
}

# held NAME FLAG starts a process in a new namespace, to be joined by its path: $HELD.
held() {
	background unshare "$2" --fork --kill-child sleep 60
	eventually differs "$!" "$1"
	HELD=/proc/$(pgrep -P "$!" sleep)/ns/$1
}

differs() {
	local child
	child=$(pgrep -P "$1" sleep) && [ "$(readlink "/proc/$child/ns/$2")" != "$(host "$2")" ]
}

# joined TYPE NAME FLAG [FILTER] checks that a namespace with a path is entered.
joined() {
	held "$2" "$3"
	bundle ".linux.namespaces |= (map(select(.type != \"$1\")) + [{type: \"$1\", path: \"$HELD\"}]) | ${4:-.}"
	in_container readlink "/proc/self/ns/$2"
	[ "$status" -eq 0 ]
	[ "$output" = "$(readlink "$HELD")" ]
}

@test "namespaces: pid without a path is new" { new pid pid; }
@test "namespaces: network without a path is new" { new network net; }
@test "namespaces: ipc without a path is new" { new ipc ipc; }
@test "namespaces: uts without a path is new" { new uts uts; }
@test "namespaces: mount without a path is new" { new mount mnt; }
@test "namespaces: cgroup without a path is new" { new cgroup cgroup; }

@test "namespaces: time without a path is new" {
	known_bad runc "before 1.2 it has no time namespaces"
	new time time
}

# A proc filesystem too can only be mounted by the owner of its namespace.
# bats test_tags=root
@test "namespaces: without pid the container shares the host's" { inherited pid pid; }
@test "namespaces: without cgroup the container shares the host's" { inherited cgroup cgroup; }

# A message queue filesystem can only be mounted by the owner of the ipc namespace.
@test "namespaces: without ipc the container shares the host's" {
	inherited ipc ipc 'del(.mounts[] | select(.type == "mqueue"))'
}

@test "namespaces: without uts the container shares the host's" { inherited uts uts 'del(.hostname)'; }

# So it is for sysfs and the network namespace.
@test "namespaces: without network the container shares the host's" {
	inherited network net 'del(.mounts[] | select(.type == "sysfs"))'
}

# bats test_tags=root
@test "namespaces: a network namespace is joined by path" { joined network net --net; }
# bats test_tags=root
@test "namespaces: an ipc namespace is joined by path" { joined ipc ipc --ipc; }
# bats test_tags=root
@test "namespaces: a uts namespace is joined by path" { joined uts uts --uts 'del(.hostname)'; }
# bats test_tags=root
@test "namespaces: a pid namespace is joined by path" { joined pid pid --pid; }
# bats test_tags=root
@test "namespaces: a container in a joined pid namespace has the config's user, rights, filter, limits and clocks" {
	known_bad runc "before 1.2 it has no time namespaces"
	held pid --pid
	bundle ".linux.namespaces |= (map(select(.type != \"pid\")) + [{type: \"pid\", path: \"$HELD\"}, {type: \"time\"}])
		| .linux.timeOffsets.boottime.secs = 9000000
		| .linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\", syscalls: [{names: [\"mkdir\"],
			action: \"SCMP_ACT_ERRNO\"}]}
		| .process.noNewPrivileges = false
		| .process.user = {uid: 1000, gid: 1000} | .process.cwd = \"/tmp\"
		| .process.rlimits = [{type: \"RLIMIT_NPROC\", soft: 77, hard: 77}]"
	in_container sh -c 'id -u; pwd; ulimit -u; grep -e Seccomp: -e CapPrm /proc/self/status; cat /proc/uptime'
	[ "$status" -eq 0 ]
	[ "${lines[0]} ${lines[1]} ${lines[2]}" = "1000 /tmp 77" ]
	grep -q '^Seccomp:[[:space:]]*2$' <<<"$output"
	grep -q '^CapPrm:[[:space:]]*0000000000000000$' <<<"$output"
	[ "${lines[-1]%%.*}" -gt 9000000 ]
}

# bats test_tags=root
@test "namespaces: a cgroup namespace is joined by path" { joined cgroup cgroup --cgroup; }

# bats test_tags=root
@test "namespaces: a mount namespace is joined by path" {
	known_bad runc "it wants the root filesystem to be mounted below itself"
	joined mount mnt --mount
}

# bats test_tags=root
@test "namespaces: a time namespace is joined by path" {
	known_bad runc "before 1.2 it has no time namespaces"
	joined time time --time
}

# bats test_tags=root
@test "namespaces: a user namespace is joined by path, with its maps" {
	known_bad runc "before 1.2 it wants the id maps in the config again"
	background unshare --user --fork --kill-child --map-user 0 --map-group 0 sleep 60
	eventually differs "$!" user
	HELD=/proc/$(pgrep -P "$!" sleep)/ns/user
	# That namespace has the group 0 alone, so there is no gid=5.
	bundle ".linux.namespaces += [{type: \"user\", path: \"$HELD\"}] |
		.mounts |= map(if .options then .options -= [\"gid=5\"] else . end)"
	in_container sh -c 'readlink /proc/self/ns/user; cat /proc/self/uid_map'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "$(readlink "$HELD")" ]
	[ "$(echo "${lines[1]}" | tr -s ' ')" = " 0 0 1" ]
}

# A pod with a user namespace in the host's network: the network belongs to the host's user namespace, which is left
# behind on the way.
# bats test_tags=root
@test "namespaces: the host's network, ipc and uts are joined by path, in a new user namespace and in a joined one" {
	known_bad runc "1.1 fails, 1.5 does not"
	host=".linux.namespaces |= (map(select(.type | IN(\"network\", \"ipc\", \"uts\") | not)) +
			[{type: \"network\", path: \"/proc/$$/ns/net\"}, {type: \"ipc\", path: \"/proc/$$/ns/ipc\"},
				{type: \"uts\", path: \"/proc/$$/ns/uts\"}])
		| .mounts |= map(select(.type != \"sysfs\" and .type != \"mqueue\") |
			if .options then .options -= [\"gid=5\"] else . end) | del(.hostname)"
	background unshare --user --fork --kill-child --map-user 0 --map-group 0 sleep 60
	eventually differs "$!" user
	for users in ".linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] |
		.linux.gidMappings = .linux.uidMappings | .linux.namespaces += [{type: \"user\"}]" \
		".linux.namespaces += [{type: \"user\", path: \"/proc/$(pgrep -P "$!" sleep)/ns/user\"}]"; do
		bundle "$host | $users"
		in_container sh -c 'for n in net ipc uts user; do readlink /proc/self/ns/$n; done'
		echo "$output"
		[ "$status" -eq 0 ]
		[ "${lines[*]::3}" = "$(host net) $(host ipc) $(host uts)" ]
		[ "${lines[3]}" != "$(host user)" ]
	done
}

# It belongs to the host's user namespace, and where cgroups are delegated to namespaces (nsdelegate, as systemd has it)
# nobody in it can go to a cgroup outside of it.
# bats test_tags=root
@test "namespaces: a cgroup namespace is joined by path, in a new user namespace" {
	background unshare --cgroup --fork --kill-child sleep 60
	eventually pgrep -P "$!" sleep >"$BATS_TEST_TMPDIR/pid"
	HELD=/proc/$(cat "$BATS_TEST_TMPDIR/pid")/ns/cgroup
	bundle ".linux.namespaces |= (map(select(.type != \"cgroup\")) + [{type: \"cgroup\", path: \"$HELD\"},
		{type: \"user\"}])
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
			.linux.gidMappings = .linux.uidMappings"
	chown -R 100000:100000 "$BUNDLE/rootfs"
	running sleep 60
	[ "$(readlink "/proc/$(state pid)/ns/cgroup")" = "$(readlink "$HELD")" ]
	[ "$(cgroup_dir pids "$(state pid)")" != "$(cgroup_dir pids self)" ]
}

@test "namespaces: the first process of a pid namespace is process 1, and sees only its own" {
	bundle
	in_container sh -c 'echo $$; ls -d /proc/[0-9]*'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 1 ]
	[ "${lines[1]}" = /proc/1 ]
	[ "${#lines[@]}" -le 3 ] # and perhaps ls itself
}

@test "namespaces: a new network namespace has loopback only, and it is up" {
	bundle '.linux.namespaces |= (map(select(.type != "network")) + [{type: "network"}])'
	in_container sh -c 'ls /sys/class/net 2>/dev/null || echo lo; ip link show lo;
		ping -c 1 -W 2 127.0.0.1 >/dev/null; ip addr show lo'
	[ "$status" -eq 0 ]
	[[ $output == *"<LOOPBACK,UP,LOWER_UP>"* ]]
	[[ $output == *"inet 127.0.0.1/8"* ]]
	in_container cat /proc/net/dev
	[ "${#lines[@]}" -eq 3 ] # two lines of heading
}

# bats test_tags=root
@test "namespaces: joining leaves the loopback of that network as it is" {
	held net --net
	bundle ".linux.namespaces |= (map(select(.type != \"network\")) + [{type: \"network\", path: \"$HELD\"}])"
	in_container ip link show lo
	[ "$status" -eq 0 ]
	[[ $output == *"<LOOPBACK>"* ]]
}

# bats test_tags=root
@test "namespaces: user with id maps: root inside is the mapped user outside" {
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}, {containerID: 1000, hostID: 200000,
		size: 1}]
		| .linux.gidMappings = [{containerID: 0, hostID: 300000, size: 1000}]'
	running sleep 60
	pid=$(state pid)
	[ "$(stat -c %u:%g "/proc/$pid")" = 100000:300000 ]
	[ "$(tr -s ' ' <"/proc/$pid/uid_map" | tr '\n' ,)" = " 0 100000 1000, 1000 200000 1," ]
	[ "$(tr -s ' ' <"/proc/$pid/gid_map" | tr '\n' ,)" = " 0 300000 1000," ]
	[ "$(readlink "/proc/$pid/ns/user")" != "$(host user)" ]
}

# bats test_tags=root
@test "namespaces: in a new user namespace every mount of the default config works, and the process is its root" {
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	in_container sh -c 'id -u; id -g; hostname; ls /dev/pts /dev/shm /dev/mqueue /sys >/dev/null &&
		echo >/dev/null && head -c 4 /dev/zero | wc -c'
	[ "$status" -eq 0 ]
	[ "$output" = "0
0
$(jq -r .hostname "$BUNDLE/config.json")
4" ]
}

# bats test_tags=root
@test "namespaces: time offsets move the container's clocks" {
	known_bad runc "before 1.2 it has no time namespaces"
	bundle '.linux.namespaces += [{type: "time"}]
		| .linux.timeOffsets = {monotonic: {secs: 5000, nanosecs: 0}, boottime: {secs: 1000000, nanosecs: 0}}'
	in_container sh -c 'cut -d. -f1 /proc/uptime; cat /proc/self/timens_offsets'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" -ge 1000000 ]
	[ "$(cut -d. -f1 /proc/uptime)" -lt 1000000 ]
	[ "$(echo "${lines[1]}" | tr -s ' ')" = "monotonic 5000 0" ]
}

# bats test_tags=root
@test "namespaces: a path of another type is refused, and named" {
	held uts --uts
	bundle ".linux.namespaces |= (map(select(.type != \"network\")) + [{type: \"network\", path: \"$HELD\"}])"
	in_container true
	refused linux.namespaces "$HELD"
}

@test "namespaces: a path that does not exist is refused, and named" {
	bundle '.linux.namespaces |= (map(select(.type != "ipc")) + [{type: "ipc", path: "/nowhere/ns/ipc"}])'
	in_container true
	refused linux.namespaces /nowhere/ns/ipc
}
