#!/usr/bin/env bats
# Docker on the runtime, with a daemon that is configured otherwise than usual: each test restarts it.

load docker

teardown() { remove_all; }

# box makes the image, where the daemon now looks for images.
box() { docker image inspect box >/dev/null 2>&1 || image; }

@test "cgroupfs: limits, parents, namespaces, memory that runs out" {
	daemon '.["exec-opts"] = ["native.cgroupdriver=cgroupfs"]'
	box
	is "$(docker info --format '{{.CgroupDriver}}')" cgroupfs
	docker run --detach --name it --memory 64m --cpus 1.5 --pids-limit 50 box sleep 1000
	is "$(docker exec it sh -c 'cat /proc/self/cgroup; cd /sys/fs/cgroup && cat memory.max cpu.max pids.max' |
		tr '\n' ' ')" '0::/ 67108864 150000 100000 50 '
	test -e "/sys/fs/cgroup/docker/$(inspect '{{.Id}}' it)/memory.max"
	docker update --memory 128m --memory-swap 128m --pids-limit 60 it
	is "$(docker exec it sh -c 'cd /sys/fs/cgroup && cat memory.max pids.max' | tr '\n' ' ')" '134217728 60 '
	docker pause it
	exits 1 docker exec it true
	docker unpause it
	has "$(docker stats --no-stream it)" 128MiB
	has "$(docker run --rm --cgroupns host --cgroup-parent /shop/front box cat /proc/self/cgroup)" 0::/shop/front/
	exits 137 docker run --name oom --memory 16m --memory-swap 16m box dd if=/dev/zero of=/dev/null bs=64M
	inspected true '{{.State.OOMKilled}}' oom
	remove_all
	eventually nothing_left
}

@test "userns-remap: root is nobody on the host" {
	daemon '.["userns-remap"] = "rootless"'
	box
	first=$(sed -n 's/^rootless:\([0-9]*\):.*/\1/p' /etc/subuid)
	docker run --detach --name it --volume data:/data --publish 127.0.0.1:8080:80 --tmpfs /mem --memory 64m box sh -c \
		'echo mine >/data/file; exec httpd -f -p 80 -h /data'
	is "$(docker exec it sh -c 'id -u; tr -s " " </proc/self/uid_map; stat -c %u /data/file /etc/passwd;
		cat /sys/fs/cgroup/memory.max' | tr '\n' ' ')" "0  0 $first 65536 0 0 67108864 "
	is "$(stat -c %u "/proc/$(inspect '{{.State.Pid}}' it)")" "$first"
	eventually busybox wget -q -O - http://127.0.0.1:8080/file
	exits 6 at_terminal 21 77 docker exec --interactive --tty it sh -c 'stty size; tty; mknod /disk b 254 0; exit 6'
	has "$output" '21 77' 'Operation not permitted'
	exits 4 at_terminal 21 77 docker run --rm --interactive --tty --user 1000 --read-only --init box sh -c 'tty;
		id -u; exit 4'
	has "$output" /dev/pts/0 1000
	is "$(docker run --rm --userns host --privileged box sh -c 'tr -s " " </proc/self/uid_map;
		readlink /proc/self/ns/user')" " 0 0 4294967295
$(readlink /proc/self/ns/user)"
	has "$(docker run --rm --network container:it box ip addr)" eth0
	exits 127 docker run --rm box nothing
}

@test "live-restore: containers outlive the daemon, and are the new daemon's" {
	daemon '.["live-restore"] = true'
	box
	docker run --detach --interactive --name it --memory 64m box sh -c 'echo ready; read line; echo "got $line"; exit 4'
	docker run --detach --name ends box sh -c 'while [ ! -e /end ]; do sleep 0.2; done; exit 5'
	eventually said it ready
	pid=$(inspect '{{.State.Pid}}' it)
	root=/proc/$(inspect '{{.State.Pid}}' ends)/root
	systemctl stop docker.socket docker.service
	test -e "/proc/$pid/root/bin/busybox"
	touch "$root/end" # and one ends without a daemon
	systemctl start docker.service
	inspected "running $pid" '{{.State.Status}} {{.State.Pid}}' it
	eventually inspected 'exited 5' '{{.State.Status}} {{.State.ExitCode}}' ends
	docker exec it true
	docker update --memory 128m --memory-swap 128m it
	echo hello | exits 4 docker attach it
	is "$(docker logs it)" $'ready\ngot hello'
}

@test "runtimeArgs reach the runtime, and a runtime that is not the default one too" {
	daemon '.runtimes.debug = {path: .runtimes.rt.path, runtimeArgs: ["--debug"]} |
		.runtimes.broken = {path: "/nothing/there"} | .["default-runtime"] = "runc"'
	box
	: >/run/runc.calls
	is "$(docker run --rm --runtime debug box echo said)" said
	is "$(cat /run/runc.calls)" ''
	is "$(docker run --rm box echo said)" said
	grep -q ' create --bundle ' /run/runc.calls
	is "$(docker run --rm --runtime "io.containerd.runc.v2" box echo said)" said
	exits 127 docker run --rm --runtime broken box true
}

@test "checkpoint: saved and started again, or refused and left as it was" {
	daemon '.experimental = true'
	box
	docker run --detach --name it box sleep 1000
	if criu check >/dev/null 2>&1; then
		docker checkpoint create --leave-running it one
		has "$(docker checkpoint ls it)" one
		# A paused container that is left running ends at its resume, with CRIU 4.1 on cgroup v2, with runc as with rt:
		# docs/checkpoint.md.
		[ "$(stat -f -c %t /sys/fs/cgroup)" != 63677270 ] || return 0
	else
		exits 1 docker checkpoint create it one
		echo "$output"
		has "$output" criu
	fi
	inspected running '{{.State.Status}}' it
	docker exec it true
}

@test "containers that are gone have left nothing" {
	eventually nothing_left
}
