#!/usr/bin/env bats
# Podman in containers of Podman, all with the runtime under test: inside as well. The root of the outer container is
# the tree DEBIAN, Debian 12 with its Podman.

load podman

# outer [FLAGS...] starts a container, in which inner runs podman as the user $INNER, root by default.
outer() {
	podman save --quiet --output bb.tar bb
	podman run --detach --name outer --network none --volume /var/lib/containers --volume \
		/home/inner/.local/share/containers --volume "$RT:/usr/local/bin/$RUNTIME:ro" --volume \
		"$BATS_TEST_DIRNAME/../../packaging/containers:/etc/containers/containers.conf.d:ro" --volume \
		"$PWD/bb.tar:/bb.tar:ro" "$@" --rootfs "$DEBIAN:O" sleep 6000 >/dev/null
	[ "${INNER:-root}" = root ] ||
		podman exec outer chown inner: /home/inner/.local /home/inner/.local/share{,/containers}
}

inner() {
	podman exec --user "${INNER:-root}" --interactive outer env \
		HOME="$([ "${INNER:-root}" = root ] && echo /root || echo "/home/$INNER")" \
		podman --runtime "/usr/local/bin/$RUNTIME" --cgroup-manager cgroupfs --events-backend file "$@"
}

# lives [FLAGS...]: a container in the outer one goes through its life.
lives() {
	inner load --quiet --input /bb.tar
	run inner run --rm --network none "$@" bb sh -c 'echo "pid $$"; exit 7'
	echo "$output"
	[ "$status" -eq 7 ]
	[ "${lines[-1]}" = 'pid 1' ]
	inner run --detach --name in --network none "$@" bb sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	[ "$(inner exec in sh -c 'echo inside; hostname >/tmp/name')" = inside ]
	run -127 inner exec in no-such-program
	[[ $output == *no-such-program* ]]
	inner stop --time $((20 + SLOW)) in
	[ "$(inner inspect --format '{{.State.ExitCode}}' in)" = 5 ]
	inner start in
	inner kill in
	inner rm --force --time 0 in
}

@test "podman in podman: root in a privileged container" {
	needs_root 'the tree is of root'
	outer --privileged
	lives --memory 32m
}

# needs_no_cgroup skips with a runtime that can't do without: in these containers the cgroups are read-only, or those of
# another user.
needs_no_cgroup() { [ "$RUNTIME" != runc ] || skip 'runc has no --cgroup-manager disabled'; }

@test "podman in podman: root in a container with a few rights" {
	needs_root 'the tree is of root'
	needs_no_cgroup
	outer --cap-add sys_admin,mknod,net_admin --device /dev/fuse --security-opt seccomp=unconfined --security-opt \
		label=disable --security-opt apparmor=unconfined --security-opt unmask=ALL
	lives --cgroups disabled
}

@test "podman in podman: a user in a container of root" {
	needs_root 'the tree is of root'
	needs_no_cgroup
	INNER=inner
	outer --privileged --device /dev/fuse
	lives --cgroups disabled
}

@test "podman in podman: a container of the outer podman by its socket" {
	needs_root 'the tree is of root'
	background bash -c "exec $(podman_line) system service --time 600 unix://$STORE/api.sock"
	eventually test -S "$STORE/api.sock"
	outer --volume "$STORE/api.sock:/run/podman.sock" --security-opt label=disable
	podman exec outer podman --url unix:///run/podman.sock run --detach --name second --network none localhost/bb \
		sleep 600
	status_is second running
	[ "$(podman exec outer podman --url unix:///run/podman.sock exec second echo said)" = said ]
}
