#!/usr/bin/env bats
# shellcheck disable=SC2016 # the container's shell expands
# containerd on the runtime, by ctr: its shim calls what the option BinaryName names, with cgroups of the runtime's own
# making or systemd's.

load load

setup_file() {
	systemctl start containerd
	rootfs "$BATS_FILE_TMPDIR/rootfs"
	export ROOTFS=$BATS_FILE_TMPDIR/rootfs
}

teardown() {
	local id
	for id in $(ctr container list --quiet); do
		ctr task delete --force "$id" >/dev/null 2>&1 || true
		ctr container delete "$id"
	done
}

# image makes the image box of the root file system: without one ctr maps no users.
image() {
	local dir=$BATS_TEST_TMPDIR/image
	mkdir "$dir"
	tar -C "$ROOTFS" -cf "$dir/layer.tar" .
	jq -n --arg layer "sha256:$(sha256sum <"$dir/layer.tar" | cut -d ' ' -f 1)" \
		'{architecture: "amd64", os: "linux", config: {Env: ["PATH=/bin"]}, rootfs: {type: "layers",
		diff_ids: [$layer]}}' >"$dir/config.json"
	echo '[{"Config": "config.json", "RepoTags": ["box:latest"], "Layers": ["layer.tar"]}]' >"$dir/manifest.json"
	tar -C "$dir" -c manifest.json config.json layer.tar | ctr image import -
	ctr image list --quiet
}

# container DRIVER [OPTION...] -- ID CMD... runs a container. DRIVER is fs or systemd; its cgroup is $CGROUP.
container() {
	local options=(--runc-binary "$RUNTIME_PATH" --env PATH=/bin)
	case $1 in
	fs) options+=(--cgroup "${CGROUP:=/engines/one}") ;;
	systemd) options+=(--runc-systemd-cgroup --cgroup "${CGROUP:=engines.slice:ctr:one}") ;;
	esac
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ctr run "${options[@]}" --rootfs "$ROOTFS" "$@"
}

# life DRIVER DIRECTORY: what happens to a container, whose cgroup is that directory of the host.
life() {
	local driver=$1 dir=/sys/fs/cgroup/$2
	is "$(echo asked | container "$driver" --rm --env A=1 --cwd /tmp --hostname front -- once sh -c 'read line;
		echo $line $A; pwd; hostname')" $'asked 1\n/tmp\nfront'
	exits 7 container "$driver" --rm -- once sh -c 'exit 7'
	not test -e "$dir"

	container "$driver" --detach --memory-limit 67108864 --cpus 1.5 -- one sh -c 'trap "exit 6" TERM; while :;
		do sleep 0.1; done'
	has "$(ctr task list)" one RUNNING
	is "$(cat "$dir/memory.max" "$dir/cpu.max" | tr '\n' ' ')" '67108864 150000 100000 '
	is "$(ctr task exec --exec-id e1 --user 1000:1000 --cwd /tmp one sh -c 'id -u; pwd' | tr '\n' ' ')" '1000 /tmp '
	exits 9 ctr task exec --exec-id e2 one sh -c 'exit 9'
	exits 1 ctr task exec --exec-id e3 one nothing
	has "$output" 'exec: "nothing": executable file not found in $PATH'
	is "$(ctr task ps one | grep -c '[0-9]')" "$(wc -l <"$dir/cgroup.procs")"
	has "$(ctr task metrics one)" memory.usage

	ctr task pause one
	has "$(ctr task list)" PAUSED
	grep -q 'frozen 1' "$dir/cgroup.events"
	ctr task resume one
	has "$(ctr task list)" RUNNING

	ctr task kill --signal TERM one
	eventually stopped one
	has "$(ctr task delete one 2>&1)" 'exit code 6'
	ctr container delete one
	not test -e "$dir"
}

stopped() { ctr task list | grep -q "^$1 .*STOPPED"; }

@test "a container's life, with cgroups of its own making" {
	life fs engines/one
}

@test "a container's life, with systemd's cgroups" {
	life systemd engines.slice/ctr-one.scope
	is "$(systemctl list-units --all --no-legend 'ctr-one.scope')" ''
}

@test "a terminal, and the ways to fail" {
	# ctr tells the size after the start
	exits 5 at_terminal 21 77 ctr run --runc-binary "$RUNTIME_PATH" --env PATH=/bin --rm --tty --rootfs "$ROOTFS" tty \
		sh -c 'tty; until stty size 2>/dev/null | grep .; do sleep 0.1; done; exit 5'
	has "$output" /dev/pts/0 '21 77'
	exits 1 container fs --rm -- bad nothing
	has "$output" 'OCI runtime create failed' 'exec: "nothing": executable file not found in $PATH'
	exits 1 container fs --rm --mount type=bind,src=/nowhere,dst=/mnt,options=rbind -- bad true
	has "$output" /nowhere 'no such file or directory'
	is "$(ctr task list --quiet)" ''
}

@test "what ctr can ask for: mounts, rights, namespaces, limits, a filter, a read-only root" {
	mkdir "$BATS_TEST_TMPDIR/src"
	echo host >"$BATS_TEST_TMPDIR/src/file"
	run container fs --rm --read-only --net-host --seccomp --no-pivot --rootfs-propagation rslave --cap-drop \
		CAP_MKNOD --cap-add CAP_SYS_TIME --env A=b \
		--device /dev/fuse --mount "type=bind,src=$BATS_TEST_TMPDIR/src,dst=/src,options=rbind:ro" --mount \
		type=tmpfs,dst=/mem,options=size=1m:mode=700 \
		--with-ns "uts:/proc/$$/ns/uts" --annotation example=1 -- opts sh -c 'exec 2>&1
		cat /src/file; touch /x /src/x; touch /mem/x && echo wrote; readlink /proc/self/ns/net;
		readlink /proc/self/ns/uts; sed -n "s/Cap\(Eff\):\t//p; s/^Seccomp:\t/Seccomp=/p" /proc/self/status;
		test -c /dev/fuse && echo fuse'
	is "$status" 0
	has "$output" host '/x: Read-only' '/src/x: Read-only' wrote "$(readlink /proc/self/ns/net)" "$(readlink \
		/proc/self/ns/uts)" 00000000a20425fb Seccomp=2 fuse
	run container fs --rm --privileged -- opts sh -c 'grep CapEff /proc/self/status'
	has "$output" "$(grep CapBnd /proc/1/status | cut -f 2)"
}

@test "user namespaces: root is nobody on the host" {
	image
	is "$(ctr run --runc-binary "$RUNTIME_PATH" --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 \
		docker.io/library/box:latest mapped sh -c 'id -u; stat -c %u /etc/passwd;
		tr -s " " </proc/self/uid_map')" $'0\n0\n 0 100000 65536'
}

@test "a process that takes too much memory is killed, and an event tells" {
	ctr events >"$BATS_TEST_TMPDIR/events" 3>&- &
	exits 137 container fs --rm --memory-limit 16777216 -- oom dd if=/dev/zero of=/dev/null bs=64M
	eventually grep -q /tasks/oom "$BATS_TEST_TMPDIR/events"
	kill $!
}

@test "a new containerd finds its containers" {
	container fs --detach -- kept sleep 1000
	systemctl restart containerd
	has "$(ctr task list)" kept RUNNING
	is "$(ctr task exec --exec-id e kept echo said)" said
	ctr task kill --signal KILL kept
	eventually stopped kept
}

@test "a shim that is killed takes its container along" {
	container fs --detach -- lost sleep 1000
	pid=$(ctr task list | awk '$1 == "lost" { print $2 }')
	kill -KILL "$(pgrep --full 'containerd-shim-runc-v2 -namespace default -id lost')"
	eventually test ! -e "/proc/$pid"
	eventually test ! -e /run/containerd/runc/default/lost
	not test -e /sys/fs/cgroup/engines/one
}

@test "checkpoint: saved, and what is refused leaves the task as it was" {
	container fs --detach -- it sleep 1000
	if criu check >/dev/null 2>&1; then
		ctr task checkpoint --image-path /tmp/it.images it
		test -s /tmp/it.images/inventory.img
		# A paused container that is left running ends at its resume, with CRIU 4.1 on cgroup v2, with runc as with rt:
		# docs/checkpoint.md.
		[ "$(stat -f -c %t /sys/fs/cgroup)" != 63677270 ] || return 0
	else
		exits 1 ctr task checkpoint it
		echo "$output"
		has "$output" criu
	fi
	is "$(ctr task exec --exec-id e it echo said)" said
}

@test "containers that are gone have left nothing" {
	nothing() {
		find /run/containerd/runc /run/containerd/io.containerd.runtime.v2.task/default -mindepth 2 -maxdepth 2 \
			2>/dev/null
		find /sys/fs/cgroup/engines /sys/fs/cgroup/engines.slice -mindepth 1 -type d 2>/dev/null
		grep /run/containerd/io.containerd /proc/mounts
		pgrep --list-full --full 'containerd-shim-runc-v2 -namespace default'
	}
	is "$(nothing)" ''
}
