# shellcheck shell=bash
# The words of the suites whose containers have systemd for their program: those of podman.bash, and these.

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

# ends NAME: it shuts down when it is told to, and is not killed. The wait is well below the limit of podman: if podman
# stop is killed meanwhile, the container remains "stopping", and podman rm --force of Podman 4.3 reports success
# without a call of the runtime: its processes, its cgroups and the state of the runtime stay.
ends() {
	podman stop --time $((30 + 10 * SLOW)) "$1" >/dev/null
	gets "$1" '{{.State.Status}}' exited
	[[ $(get "$1" '{{.State.ExitCode}}') == @(0|130) ]] # systemd before 254 and after
}
