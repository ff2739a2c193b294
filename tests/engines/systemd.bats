#!/usr/bin/env bats
# Containers whose program is systemd, under Podman with the runtime under test: that of Debian 12, with a root of its
# own over the tree DEBIAN.

load podman

# boots NAME [FLAGS...] starts a container with systemd, and waits until that has started all of its units.
boots() {
	podman run --detach --name "$1" --network none "${@:2}" --rootfs "$DEBIAN:O" /sbin/init >/dev/null
	up "$1"
}

# up NAME: systemd comes up, and no unit fails.
up() {
	patiently booted "$1"
	podman exec "$1" systemctl --no-pager --failed | tee failed
	grep -q '^0 loaded units' failed
}

# booted NAME: systemd has nothing more to start.
booted() { [[ $(podman exec "$1" systemctl is-system-running) == @(running|degraded) ]]; }

# patiently COMMAND... is eventually, for what takes longer.
patiently() { eventually "$@" || eventually "$@"; }

# serves NAME: systemd runs a unit in a cgroup of its own, and keeps what it says.
serves() {
	# shellcheck disable=SC2016 # for the shell of the unit
	podman exec "$1" systemd-run --quiet --wait --unit said sh -c 'echo "pid $PPID"; cat /proc/self/cgroup'
	podman exec "$1" journalctl --quiet --output cat --unit said >words
	grep -x 'pid 1' words
	grep -E '^([0-9]+:name=systemd|0:):.*/system.slice/said.service$' words
}

# ends NAME: it shuts down when it is told to, and is not killed. The wait is well below the limit of podman: if podman
# stop is killed meanwhile, the container remains "stopping", and podman rm --force of Podman 4.3 reports success
# without a call of the runtime: its processes, its cgroups and the state of the runtime stay.
ends() {
	podman stop --time $((30 + 10 * SLOW)) "$1" >/dev/null
	gets "$1" '{{.State.Status}}' exited
	[[ $(get "$1" '{{.State.ExitCode}}') == @(0|130) ]] # systemd before 254 and after
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

@test "systemd: a user logs in to a session of its own" {
	[ "$CGROUPS" = 2 ] ||
		skip 'on cgroup v1 systemd in a container is not told that a cgroup is empty: it waits 120 s for the session'
	boots it
	podman exec it loginctl enable-linger inner
	patiently podman exec --user inner --env XDG_RUNTIME_DIR=/run/user/1000 it systemctl --user is-system-running
	podman exec --user inner --env XDG_RUNTIME_DIR=/run/user/1000 it systemd-run --user --quiet --wait true
	ends it
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
