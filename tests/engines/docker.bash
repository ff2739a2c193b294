# shellcheck shell=bash
# What the suites of Docker have in common. The image box is busybox.

load load

# daemon [JQ FILTER] restarts the daemon, as packaging/docker/daemon.json and the filter say, with the runtime under
# test for the default. For Docker that one is called rt whatever it is: another binary is run instead.
daemon() {
	mkdir -p /etc/docker
	jq --arg path "$RUNTIME_PATH" '.runtimes.rt.path = $path |
		.["default-runtime"] = "rt"' "$PACKAGING/docker/daemon.json" | jq "${1:-.}" >/etc/docker/daemon.json
	systemctl reset-failed docker.service docker.socket 2>/dev/null || true # not loaded: this is its first start
	systemctl restart docker.service || {
		journalctl --no-pager --unit docker | tail -n 30
		return 1
	}
}

# image makes the image box. A daemon that is configured otherwise may keep its images elsewhere, and want one of its
# own.
image() {
	[ -e "$BATS_FILE_TMPDIR/rootfs" ] || rootfs "$BATS_FILE_TMPDIR/rootfs"
	tar -C "$BATS_FILE_TMPDIR/rootfs" -c . | docker import --change 'ENV FROM=image' - box >/dev/null
}

# remove_all removes the containers of a test.
remove_all() {
	local ids
	ids=$(docker ps --all --quiet --no-trunc)
	# shellcheck disable=SC2086 # a list of ids
	[ -z "$ids" ] || docker rm --force --volumes $ids >/dev/null
}

# inspect FORMAT CONTAINER
inspect() { docker inspect --format "$1" "$2"; }

# inspected VALUE FORMAT CONTAINER checks a field.
inspected() { [ "$(inspect "$2" "$3")" = "$1" ]; }

# said CONTAINER WORDS: they are in its log.
said() { docker logs "$1" 2>&1 | grep -q -e "$2"; }

# nothing_left checks that removed containers have left nothing on the host: no state of the runtime, no cgroup, no
# mount, no shim.
nothing_left() {
	local left
	left=$(
		find /run/docker/runtime-*/moby /run/containerd/io.containerd.runtime.v2.task/moby -mindepth 1 -maxdepth 1 \
			2>/dev/null
		find /sys/fs/cgroup -type d \( -name 'docker-*.scope' -o -path '*/docker/?*' ! -path '*/docker/buildkit*' \)
		grep -E ' /(var/lib/docker/(overlay2/[^/]*/merged|containers)|run/docker/netns/[^d])[^ ]* ' /proc/mounts
		pgrep --list-full --full 'containerd-shim-runc-v2 -namespace moby'
		systemctl list-units --all --no-legend 'docker-*.scope'
	) || true
	[ -z "$left" ] || {
		printf 'left behind:\n%s\n' "$left"
		return 1
	}
}
