#!/usr/bin/env bats
# shellcheck disable=SC2016 # for the shells of containers
# toolbox and distrobox: containers of Podman that share home, devices, processes and network with the host, which is
# this machine. Their image is the tree DEBIAN, which has all that they would download.

load podman

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	chmod 755 "$BATS_TEST_TMPDIR"
	podman image exists box || tree | SLOW=$((SLOW + 60)) podman import --quiet --change \
		'LABEL com.github.containers.toolbox=true' --change 'CMD /bin/bash' - box >/dev/null
	mkdir bin
	printf '#!/bin/sh\nexec %s "$@"\n' "$(podman_line | sed "s#^podman#$(type -P podman)#")" >bin/podman
	chmod 755 bin/podman
	HOME=$(getent passwd "$(id -u)" | cut -d : -f 6)
	USER=$(id -un)
	export HOME USER SHELL=/bin/bash
	# Both share the home with their containers: here it is not the machine's own. That of a user is made by the script
	# user.
	if [ "$ROOTLESS" = 0 ]; then
		umount "$HOME" 2>/dev/null || true # of the test before
		mount -t tmpfs home "$HOME"
	fi
	echo of the host >"$HOME/file"
}

# tree prints the archive of DEBIAN, which for a user is a file next to this one.
tree() {
	if [ "$ROOTLESS" = 0 ]; then
		tar -C "$DEBIAN" -c .
	else
		cat "$BATS_TEST_DIRNAME/debian.tar"
	fi
}

# with COMMAND... runs what calls podman by that name.
with() { PATH=$PWD/bin:$PATH timeout --foreground --kill-after=5 $((180 + 10 * SLOW)) "$@" 3>&- </dev/null; }

@test "toolbox: create, run, list, rm" {
	command -v toolbox >/dev/null || skip 'toolbox is not installed'
	with toolbox --assumeyes create --image localhost/box:latest tools
	gets tools '{{.OCIRuntime}}' "$RT"
	run with toolbox run --container tools sh -c 'cat ~/file; echo of the box >~/written; id -u; pwd;
		test -e /run/.toolboxenv && readlink /proc/self/ns/net; exit 3'
	echo "$output"
	[ "$status" -eq 3 ] || podman logs tools
	[ "$status" -eq 3 ]
	[ "$output" = "$(printf 'of the host\n%s\n%s\n%s' "$(id -u)" "$PWD" "$(readlink /proc/self/ns/net)")" ]
	[ "$(cat "$HOME/written")" = 'of the box' ]
	[[ $(with toolbox list --containers) == *tools* ]]
	podman stop --time 1 tools >/dev/null
	[ "$(with toolbox run --container tools cat /etc/hostname)" = "$(inside tools cat /etc/hostname)" ]
	with toolbox rm --force tools
	run podman container exists tools
	[ "$status" -eq 1 ]
}

@test "distrobox: create, enter, stop, enter again, rm" {
	command -v distrobox >/dev/null || skip 'distrobox is not installed'
	[ "$ROOTLESS" = 1 ] || skip 'distrobox refuses root'
	with distrobox create --yes --image localhost/box:latest --name dbox
	run with distrobox enter --no-tty dbox -- sh -c 'cat ~/file; echo of the box >~/written; id -u; exit 3'
	echo "$output"
	[ "$status" -eq 3 ]
	[[ $output == *$'of the host\n'"$(id -u)" ]]
	[ "$(cat "$HOME/written")" = 'of the box' ]
	gets dbox '{{.OCIRuntime}}' "$RT"
	[ "$(inside dbox readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
	with distrobox stop --yes dbox
	status_is dbox exited
	[[ $(with distrobox enter --no-tty dbox -- cat /run/.containerenv) == *dbox* ]]
	with distrobox rm --force dbox
	run podman container exists dbox
	[ "$status" -eq 1 ]
}
