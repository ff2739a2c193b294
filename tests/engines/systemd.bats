#!/usr/bin/env bats
# Containers whose program is systemd, under Podman with the runtime under test: that of Debian 12, with a root of its
# own over the tree DEBIAN.

load systemd

# serves NAME: systemd runs a unit in a cgroup of its own, and keeps what it says.
serves() {
	# shellcheck disable=SC2016 # for the shell of the unit
	podman exec "$1" systemd-run --quiet --wait --unit said sh -c 'echo "pid $PPID"; cat /proc/self/cgroup'
	podman exec "$1" journalctl --quiet --output cat --unit said >words
	grep -x 'pid 1' words
	grep -E '^([0-9]+:name=systemd|0:):.*/system.slice/said.service$' words
}

@test "systemd: it boots, runs a unit, shuts down, and boots again" {
	needs_limits
	boots it
	serves it
	ends it
	podman start it >/dev/null
	up it
	podman restart --time $((30 + 10 * SLOW)) it >/dev/null
	up it
	serves it
}

@test "systemd: --systemd always, with another name and a shell before it" {
	needs_limits
	podman run --detach --name it --network none --systemd always --rootfs "$DEBIAN:O" sh -c \
		'exec /lib/systemd/systemd' >/dev/null
	up it
	serves it
	ends it
}

@test "systemd: --privileged" {
	needs_limits
	boots it --privileged
	serves it
	ends it
}

@test "systemd: a read-only root, and limits" {
	needs_limits
	needs_controllers
	boots it --read-only --memory 512m --pids-limit 500 --volume /var
	serves it
	[ "$(cgroup_limit it)" = 536870912 ]
	ends it
}

@test "systemd: the cgroup namespace of the host" {
	needs_limits
	boots it --cgroupns host
	serves it
	ends it
}

@test "systemd: --uidmap: root is nobody on the host" {
	[ "$CGROUPS" = 2 ] || skip 'on cgroup v1 the cgroup does not belong to the user, and systemd ends with status 255'
	podman run --detach --name it --network none --uidmap 0:200000:65536 --gidmap 0:300000:65536 --rootfs "$DEBIAN:O" \
		/sbin/init >/dev/null
	patiently booted it # the files of the tree are nobody's there, and units that write to them fail
	[ "$(stat -c %u "/proc/$(get it '{{.State.Pid}}')")" = 200000 ]
	serves it
	ends it
}

@test "systemd: a user logs in to a session of its own" {
	[ "$CGROUPS" = 2 ] ||
		skip 'on cgroup v1 systemd in a container is not told that a cgroup is empty: it waits 120 s for the session'
	boots it
	podman exec it loginctl enable-linger inner
	patiently podman exec --user inner --env XDG_RUNTIME_DIR=/run/user/1000 it systemctl --user is-system-running
	podman exec --user inner --env XDG_RUNTIME_DIR=/run/user/1000 it systemd-run --user --quiet --wait true
	ends it
}

# needs_controllers skips where the cgroup2 limits nothing.
needs_controllers() {
	[ "$CGROUPS" = 1 ] || grep -qw memory /sys/fs/cgroup/cgroup.controllers || skip 'this cgroup2 has no controllers'
}

# cgroup_limit NAME prints the memory limit of a container whose init may have moved down.
cgroup_limit() {
	local pid path
	pid=$(get "$1" '{{.State.Pid}}')
	if [ "$CGROUPS" = 2 ]; then
		path=$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
		cat "/sys/fs/cgroup${path%/init.scope}/memory.max"
	else
		cgroup_file "$1" memory memory.limit_in_bytes ''
	fi
}
