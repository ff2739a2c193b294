#!/usr/bin/env bats
# bats file_tags=rootless
# rt exec: another process in a container that runs.

load setup

# inside ARGS... runs exec with the container's id behind the flags that end at "--".
inside() {
	local flags=()
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	run rt exec "${flags[@]}" "$ID" "${@:2}"
}

# its_cgroup prints where the host sees the container's cgroup: that of the pids controller on v1.
its_cgroup() {
	if [ "$(cgroup_version pids)" = 1 ]; then
		cgroup_dir pids "$(state pid)"
	else
		echo "$(cgroup_mount unified)$(sed -n 's/^0:://p' "/proc/$(state pid)/cgroup")"
	fi
}

@test "exec runs in the namespaces, the root and the environment of the container" {
	bundle '.hostname = "inside" | .process.env += ["FROM=config"]'
	running sleep 60
	inside -- sh -c 'hostname; echo $FROM; pwd; readlink /proc/1/exe'
	[ "$output" = "inside
config
/
/bin/busybox" ]
	for ns in pid net ipc uts mnt; do
		inside -- readlink "/proc/self/ns/$ns"
		[ "$output" = "$(readlink "/proc/$(state pid)/ns/$ns")" ]
	done
}

@test "exec is in the cgroups of the container" {
	bundle
	running sleep 60
	run_detached rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 60
	[ "$status" -eq 0 ]
	diff "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup" "/proc/$(state pid)/cgroup"
}

@test "exec exits with the status of the program, or 128 and its signal" {
	bundle
	running sleep 60
	inside -- sh -c 'exit 42'
	[ "$status" -eq 42 ]
	inside -- sh -c 'kill -9 $$'
	[ "$status" -eq 137 ]
}

@test "exec exits with 255 where the runtime fails" {
	bundle
	running sleep 60
	inside -- nonesuch
	[ "$status" -eq 255 ]
	[[ $output == *"executable file not found in \$PATH"* ]]
	inside -- /nonesuch
	[ "$status" -eq 255 ]
	[[ $output == *"no such file or directory"* ]]
	inside -- /etc/passwd
	[ "$status" -eq 255 ]
	[[ $output == *"ermission denied"* ]]
	run rt exec nonesuch true
	[ "$status" -eq 255 ]
	[[ $output == *"does not exist"* ]]
}

@test "exec --cwd and --env" {
	bundle '.process.env += ["A=config"]'
	running sleep 60
	inside --cwd /etc --env A=1 --env 'B=2,3' -- sh -c 'pwd; echo $A; echo $B'
	[ "$output" = "/etc
1
2,3" ]
	inside --cwd /nonesuch -- true
	[ "$status" -eq 255 ]
	inside --cwd /nonesuch/../etc -- true
	[ "$status" -eq 255 ]
}

@test "exec makes no working directory" {
	only_rt "runc and crun make it too late to say"
	bundle '.root.readonly = false'
	running sleep 60
	inside --cwd /made -- true
	[ "$status" -eq 255 ]
	clear_error process.cwd /made "no such file or directory"
	[ ! -e "$BUNDLE/rootfs/made" ]
}

@test "exec --user and --additional-gids" {
	bundle
	ranges
	running sleep 60
	inside --user 1000:100 -g 5 -g 6 -- id
	[[ $output == "uid=1000(user) gid=100 groups="* ]]
	[[ $output == *5* && $output == *6* ]]
	inside --user 1000 -- sh -c 'echo $HOME'
	[ "$output" = /home/user ]
}

@test "exec --user takes nothing but USER and USER:GROUP" {
	only_rt "others read some of these as root"
	bundle
	running sleep 60
	for user in 1: :1 : -1 0x1 ' 1' '1 ' 1e3 4294967296 4294967295 1:2:3; do
		inside --user "$user" -- id
		[ "$status" -eq 255 ]
		clear_error --user "USER:GROUP"
	done
}

@test "exec --user without a group keeps the group of the config" {
	bundle
	ranges
	config '.process.user.gid = 1000'
	running sleep 60
	inside --user 5 -- id -g
	[ "$output" = 1000 ]
}

@test "exec has the rights that the config has, and --cap adds to them" {
	bundle
	running sleep 60
	inside -- grep Cap /proc/self/status
	diff <(grep Cap "/proc/$(state pid)/status") <(echo "$output")
	inside --cap CAP_SYS_ADMIN -- grep CapEff /proc/self/status
	[ $((0x${output##*[[:space:]]} & 1 << 21)) -ne 0 ]
	inside --cap CAP_NONESUCH -- true
	[ "$RUNTIME" != rt ] || [ "$status" -eq 255 ]
}

@test "exec --no-new-privs" {
	bundle '.process.noNewPrivileges = false'
	running sleep 60
	inside -- grep NoNewPrivs /proc/self/status
	[[ $output == *0 ]]
	inside --no-new-privs -- grep NoNewPrivs /proc/self/status
	[[ $output == *1 ]]
}

@test "exec has the limits and the OOM score of the config" {
	bundle '.process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 99}] | .process.oomScoreAdj = 321'
	running sleep 60
	inside -- sh -c 'ulimit -n; ulimit -H -n; cat /proc/self/oom_score_adj'
	[ "$output" = "77
99
321" ]
}

@test "exec is under the seccomp filter of the config" {
	bundle '.linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],
		"action": "SCMP_ACT_ERRNO"}]} | .root.readonly = false'
	running sleep 60
	inside -- mkdir /tmp/x
	[ "$status" -eq 1 ]
	[[ $output == *"Operation not permitted"* ]]
}

@test "exec --process takes a whole process" {
	bundle
	ranges
	running sleep 60
	echo '{"args": ["sh", "-c", "id -u; pwd; echo $A"], "cwd": "/etc", "env": ["PATH=/bin", "A=b"],
		"user": {"uid": 7, "gid": 8}}' >"$BATS_TEST_TMPDIR/process.json"
	inside --process "$BATS_TEST_TMPDIR/process.json" --
	[ "$output" = "7
/etc
b" ]
}

@test "exec --process: what it leaves out of rights is as in the config, and never more" {
	bundle
	running sleep 60
	echo '{"args": ["grep", "CapBnd", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0,
		"gid": 0}}' >"$BATS_TEST_TMPDIR/process.json"
	inside --process "$BATS_TEST_TMPDIR/process.json" --
	[ "$output" = "$(grep CapBnd "/proc/$(state pid)/status")" ]
}

@test "exec --process: errors name the field" {
	only_rt "the wording"
	bundle
	running sleep 60
	echo '{"args": [], "cwd": "etc", "user": {"uid": 0, "gid": 0}}' >"$BATS_TEST_TMPDIR/process.json"
	inside --process "$BATS_TEST_TMPDIR/process.json" --
	[ "$status" -eq 255 ]
	[[ $output == *"args: is required"* && $output == *"cwd"*"must be an absolute path"* ]]
	inside --process /nonesuch --
	clear_error --process /nonesuch "no such file or directory"
	inside --process "$BATS_TEST_TMPDIR/process.json" -- true
	clear_error --process "names the program already"
}

@test "exec without a program is an error" {
	bundle
	running sleep 60
	inside --
	[ "$status" -ne 0 ]
	[ "$RUNTIME" = rt ] || skip "the wording"
	[[ $output == *"process args cannot be empty"* ]]
}

@test "exec --detach returns when the program runs, and the pid file is a number alone" {
	bundle
	running sleep 60
	run_detached rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 50
	[ "$status" -eq 0 ]
	pid=$(cat "$BATS_TEST_TMPDIR/pid")
	[ "$(wc -c <"$BATS_TEST_TMPDIR/pid")" -eq ${#pid} ]
	[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" = "sleep 50 " ]
}

@test "exec of what can't run leaves no pid file" {
	bundle
	running sleep 60
	run_detached rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" nonesuch
	[ "$status" -eq 255 ]
	[ ! -e "$BATS_TEST_TMPDIR/pid" ]
}

@test "exec --tty has a terminal of the container's" {
	bundle
	running sleep 60
	run timeout 120 script -qec \
		"$RT --root $ROOT exec --tty $ID sh -c 'tty; test -t 0 && test -t 1 && test -t 2 && echo all'" /dev/null \
		</dev/null
	[[ $output == */dev/pts/* && $output == *all* ]]
}

@test "exec --tty --detach wants a console socket, and sends the master there" {
	bundle
	running sleep 60
	run_detached rt exec --tty --detach "$ID" sh
	[ "$status" -eq 255 ]
	"$RECVTTY" "$BATS_TEST_TMPDIR/console" >"$BATS_TEST_TMPDIR/said" 3>&- &
	JOBS_TO_END+=("$!")
	eventually [ -S "$BATS_TEST_TMPDIR/console" ]
	run_detached rt exec --tty --detach --console-socket "$BATS_TEST_TMPDIR/console" "$ID" sh -c 'test -t 1 &&
		echo terminal'
	[ "$status" -eq 0 ]
	eventually grep -q terminal "$BATS_TEST_TMPDIR/said"
}

@test "exec forwards signals to the program" {
	bundle '.root.readonly = false'
	running sleep 60
	run_detached timeout 120 sh -c \
		"'$RT' --root '$ROOT' exec '$ID' sh -c 'trap \"exit 9\" TERM; : >/ready; while :; do sleep 0.1; done' &
		until [ -e '$BUNDLE/rootfs/ready' ]; do sleep 0.05; done; kill -TERM \$!; wait \$!"
	[ "$status" -eq 9 ]
}

@test "exec --preserve-fds passes descriptors" {
	bundle
	running sleep 60
	echo handed >"$BATS_TEST_TMPDIR/file"
	run bash -c \
		"exec 3<&-; exec 3<'$BATS_TEST_TMPDIR/file'; '$RT' --root '$ROOT' exec --preserve-fds 1 '$ID' sh -c 'cat <&3'"
	[ "$output" = handed ]
	known_bad runc "version 1.1 hands down what is not there"
	run bash -c "exec 3<&- 4<&- 5<&-; '$RT' --root '$ROOT' exec --preserve-fds 3 '$ID' true"
	[ "$status" -ne 0 ]
}

@test "exec into a created container" {
	bundle
	created sleep 60
	inside -- echo early
	[ "$output" = early ]
}

@test "exec into a container that has stopped is refused" {
	bundle
	running true
	eventually status_is stopped
	inside -- true
	[ "$status" -eq 255 ]
	[[ $output == *"stopped"* ]]
}

@test "exec into a container with a user namespace" {
	needs_root "to map many ids"
	bundle '.linux.namespaces += [{"type": "user"}] | .linux.uidMappings = [{"containerID": 0, "hostID": 100000,
		"size": 65536}] | .linux.gidMappings = .linux.uidMappings'
	chmod 755 "$BUNDLE"
	chown -R 100000:100000 "$BUNDLE/rootfs"
	running sleep 60
	inside --user 1000 -- sh -c 'id -u; cat /proc/self/uid_map; touch /proc/self/comm && echo mine'
	[ "${lines[0]}" = 1000 ]
	[[ ${lines[1]} == *100000*65536* ]]
}

@test "exec into a created container with a user and a cgroup namespace" {
	only_rt "runc 1.1 can't"
	needs_root "to map many ids"
	bundle '.linux.namespaces |= (. + [{"type": "user"}, {"type": "cgroup"}] | unique_by(.type)) |
		.linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	created sleep 60
	inside -- sh -c 'id -u; readlink /proc/self/ns/cgroup'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = "$(readlink "/proc/$(state pid)/ns/cgroup")" ]
}

@test "exec into a time namespace" {
	only_rt "runc 1.1 has none"
	needs_root
	bundle '.linux.namespaces += [{"type": "time"}] | .linux.timeOffsets = {"boottime": {"secs": 1000000000}}'
	running sleep 60
	inside -- cut -d. -f1 /proc/uptime
	[ "$output" -gt 1000000000 ]
}

@test "exec into a container without namespaces stays in its root" {
	needs_root
	known_bad runc "no mount namespace, no chroot for exec"
	known_bad crun "as runc"
	bundle '.linux.namespaces = [] | del(.hostname) | .mounts = [] | del(.linux.maskedPaths) |
		del(.linux.readonlyPaths) | .root.readonly = false'
	running sleep 60
	inside -- ls /
	[ "$status" -eq 0 ]
	[[ $output != *usr* && $output == *bin* ]]
}

@test "exec --cgroup goes below the container's cgroup and nowhere else" {
	only_rt "the wording"
	needs_root
	bundle
	running sleep 60
	inside --cgroup ../x -- true
	[ "$status" -eq 255 ]
	clear_error --cgroup "must stay below"
	inside --cgroup nonesuch -- true
	[ "$status" -eq 255 ]
	[[ $output == *"no such file or directory"* ]]
	controller=
	[ "$(cgroup_version pids)" != 1 ] || controller=pids:
	dir=$(its_cgroup)
	mkdir "$dir/sub"
	inside --cgroup "${controller}sub" -- cat /proc/self/cgroup
	[ "$status" -eq 0 ]
	[[ $output == */sub* ]]
}

@test "exec into a container whose processes have moved to cgroups below" {
	needs_root
	bundle
	running sleep 60
	dir=$(its_cgroup)
	mkdir "$dir/deep"
	state pid >"$dir/deep/cgroup.procs"
	echo +pids >"$dir/cgroup.subtree_control" 2>/dev/null || true
	inside -- echo still
	[ "$output" = still ]
}

processes_are() { [ "$(rt ps --format json "$ID" | jq length)" -eq "$1" ]; }

@test "exec into a paused container is refused, unless --ignore-paused" {
	needs_root
	bundle
	running sleep 60
	rt pause "$ID"
	inside -- true
	[ "$status" -eq 255 ]
	[[ $output == *paused* ]]
	background rt exec --ignore-paused "$ID" true
	eventually processes_are 2
	rt resume "$ID"
	wait $!
}

@test "exec --host-binary runs a program of the host's in a container that has none" {
	only_rt "--host-binary"
	bundle '.root.readonly = false | .process.args = ["/only"]'
	printf '#include <unistd.h>\nint main() { pause(); }\n' >"$BATS_TEST_TMPDIR/only.c"
	cc -static -o "$BATS_TEST_TMPDIR/only" "$BATS_TEST_TMPDIR/only.c" || skip "no static C library"
	rm -r "$BUNDLE/rootfs/bin"
	cp "$BATS_TEST_TMPDIR/only" "$BUNDLE/rootfs/only"
	running
	before=$(find "$BUNDLE/rootfs" | sort)
	sum=$(sha256sum </bin/busybox)
	inside --host-binary /bin/busybox -- sh -c 'echo $0; ps; : >/proc/self/exe'
	[[ ${lines[0]} == sh ]]
	[[ $output == *only* ]]
	[[ $output == *"Text file busy"* || $output == *"ermission denied"* || $output == *"not permitted"* ]]
	[ "$(sha256sum </bin/busybox)" = "$sum" ]
	[ "$(find "$BUNDLE/rootfs" | sort)" = "$before" ]
}

@test "exec --host-binary takes static programs only" {
	only_rt "--host-binary"
	bundle
	running sleep 60
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/script"
	inside --host-binary /bin/bash --
	[ "$status" -eq 255 ]
	clear_error --host-binary "dynamically linked"
	inside --host-binary "$BATS_TEST_TMPDIR/script" --
	clear_error --host-binary "is a script"
	inside --host-binary /etc/passwd --
	clear_error --host-binary "is no ELF program"
	inside --host-binary /nonesuch --
	clear_error --host-binary "no such file or directory"
}

@test "exec: a hundred at once" {
	bundle
	running sleep 60
	for _ in {1..100}; do
		rt exec "$ID" sh -c 'echo done' >>"$BATS_TEST_TMPDIR/done" 3>&- &
	done
	wait
	[ "$(grep -c "done" "$BATS_TEST_TMPDIR/done")" -eq 100 ]
}

@test "exec --trace shows each step" {
	only_rt "--trace"
	bundle
	running sleep 60
	inside --trace - -- true
	[ "$status" -eq 0 ]
	[[ $output == *"setns("* && $output == *"clone("* ]]
}
