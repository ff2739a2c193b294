#!/usr/bin/env bats
# Podman, and buildah where it is installed, with the runtime under test. See podman.bash.
# shellcheck disable=SC2016,SC2030,SC2031 # scripts are for the shell of the container, "$PATH" is a word of the
# runtime's, and bats has its subshells

load podman

# --- run -------------------------------------------------------------------------------------------

@test "podman info shows the runtime and its version" {
	run podman info --format '{{.Host.OCIRuntime.Path}} {{.Host.OCIRuntime.Version}}'
	[ "$status" -eq 0 ]
	# shellcheck disable=SC2153 # of podman.bash
	[[ $output == "$RT $RUNTIME version "* ]]
}

@test "run: output, errors, standard input and the status are the program's" {
	run --separate-stderr podman run --rm -i bb sh -c 'cat; echo errors >&2; exit 7' <<<words
	[ "$status" -eq 7 ]
	[ "$output" = words ]
	# shellcheck disable=SC2154 # bats sets it
	[ "$stderr" = errors ]
}

@test "run: environment, working directory, host name, entry point, user, groups, umask" {
	run podman run --rm -e A=1 -w /var/data -h box --entrypoint '["sh","-c"]' -u user:2000 --group-add 77 --umask \
		0027 bb \
		'echo "$A" "$PWD" "$(hostname)" "$(id -u)" "$(id -g)" "$(id -G)" "$(umask)"'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == "1 /var/data box 1000 2000 2000 "*77*" 0027" ]]
}

@test "run: 127 for a program that is missing, 126 for one that can't be executed, 125 for what podman refuses" {
	run -127 podman run --rm bb no-such-program
	echo "$output"
	[[ $output == *no-such-program* ]]
	run -127 podman run --rm bb /no/such/program
	run -126 podman run --rm bb /etc/passwd
	echo "$output"
	[[ $output == *ermission\ denied* ]]
	run -126 podman run --rm bb /etc
	echo "$output"
	run -125 podman run --rm --no-such-flag bb true
}

@test "run: the error that podman shows is the runtime's own, whole and once" {
	only_rt 'others word it differently'
	run -127 podman run --rm bb no-such-program
	echo "$output"
	[[ $output == *'process.args[0] "no-such-program": exec: "no-such-program": executable file not found in $PATH'* ]]
	[[ $output != *'{"'* ]]
	[ "$(grep -c 'executable file not found' <<<"$output")" -eq 1 ]
}

@test "run, exec: a script without its interpreter" {
	try podman run --rm bb /etc/script
	[ "$status" -ne 0 ]
	[[ $output == *'o such file or directory'* ]]
	running c
	try podman exec c /etc/script
	[ "$status" -ne 0 ]
	[[ $output == *'o such file or directory'* ]]
}

@test "run --detach, wait, logs, logs --follow, ps, rm" {
	running c bb sh -c "echo one; echo two >&2; sleep $((1 + SLOW)); echo three; exit 5"
	status_is c running
	run podman ps --format '{{.Names}} {{.Command}}'
	[[ $output == "c sh -c "* ]]
	run podman logs --follow c
	[ "$output" = $'one\ntwo\nthree' ]
	run podman wait c
	[ "$output" = 5 ]
	[ "$(get c '{{.State.Status}} {{.State.ExitCode}}')" = 'exited 5' ]
	podman rm c
}

@test "create, init, start: the container waits created, and then runs" {
	podman create --name c bb sh -c 'echo started; sleep 600' >/dev/null
	podman init c
	# Podman calls what the runtime has created "initialized" or "created", depending on its version.
	[[ $(get c '{{.State.Status}}') == @(initialized|created) ]]
	[ "$(get c '{{.State.Pid}}')" -gt 0 ]
	[ -z "$(podman logs c)" ]
	podman start c
	eventually logs_say c started
}

@test "start --attach, attach: the streams and the status" {
	podman create --name c bb sh -c 'echo out; exit 4' >/dev/null
	run podman start --attach c
	[ "$status" -eq 4 ]
	[ "$output" = out ]
	podman rm c
	running c -i bb sh -c 'read -r line; echo "got $line"; exit 6'
	# The status of attach itself is 0 where podman finds the container gone before it asks for it.
	run podman attach c <<<word
	[ "$output" = 'got word' ]
	[ "$(podman wait c)" = 6 ]
}

@test "run: a terminal, its size, and its new size" {
	at_terminal "stty rows 31 cols 97; $(resizes) & $(podman_line) run --rm -it bb sh -c 'tty; stty size
		while [ \"\$(stty size)\" != \"42 120\" ]; do sleep 0.1; done; echo resized; exit 3'"
	echo "$output"
	[ "$status" -eq 3 ]
	[[ ${lines[0]} == /dev/pts/0 || ${lines[0]} == /dev/console ]]
	# The first size may come a moment after the start.
	[[ $output == *resized* ]]
}

@test "run: stop signal, init of the image, labels, annotations, oom score, time zone, personality" {
	running c --annotation a.b=c --oom-score-adj 300 --stop-signal USR1 bb sh -c 'trap "echo usr1; exit 9" USR1;
		while :; do sleep 0.1; done'
	[ "$(cat "/proc/$(get c '{{.State.Pid}}')/oom_score_adj")" = 300 ]
	podman stop --time 20 c >/dev/null
	[ "$(get c '{{.State.ExitCode}}')" = 9 ]
	[ "$(get c '{{index .Config.Annotations "a.b"}}')" = c ]
	run podman run --rm --personality LINUX32 bb uname -m
	[ "$status" -eq 0 ]
	[ "$output" = i686 ]
}

@test "run --init: the program is the child of an init, which collects orphans" {
	command -v catatonit >/dev/null || skip 'needs catatonit'
	running c --init bb sh -c 'sleep 600'
	run inside c sh -c 'readlink /proc/1/exe; cat /proc/1/cmdline | tr "\0" " "'
	[ "$status" -eq 0 ]
	[[ $output == *init* ]]
	inside c sh -c '(true & exec true) & wait'
	eventually not_in c '^Z'
}

@test "run --rootfs: a directory is a container" {
	needs_root 'rootfs is on a path that only root may write'
	mkdir rootfs
	podman export "$(podman create bb true)" | tar -C rootfs -x
	run podman run --rm --rootfs "$PWD/rootfs" sh -c 'echo here >/file; cat /file'
	[ "$status" -eq 0 ]
	[ "$output" = here ]
	[ -e rootfs/file ]
}

@test "run --preserve-fds: descriptors of the caller, and no others" {
	run bash -c "exec 3<<<three 4<<<four 9<<<nine
		$(podman_line) run --rm --preserve-fds 2 bb sh -c 'cat <&3; cat <&4; ls /proc/self/fd'"
	echo "$output"
	[ "$status" -eq 0 ]
	# The last one is ls's own.
	[ "$output" = $'three\nfour\n0\n1\n2\n3\n4\n5' ]
}

@test "run --restart on-failure: restarted a given number of times" {
	podman run --name c --restart on-failure:2 bb false || true
	eventually gets c '{{.RestartCount}} {{.State.Status}}' '2 exited'
}

@test "run --hooks-dir: hooks of podman run when they should" {
	needs_root 'hooks of an ordinary user need a config'
	mkdir hooks
	printf '#!/bin/sh\ncat >%s/$1\n' "$PWD" >hook
	chmod 755 hook
	local stage
	for stage in prestart createRuntime poststart poststop; do
		jq -n --arg stage "$stage" '{version: "1.0.0", hook: {path: "\(env.PWD)/hook", args: ["hook", $stage]},
			when: {always: true}, stages: [$stage]}' >"hooks/$stage.json"
	done
	podman --hooks-dir "$PWD/hooks" run --rm bb true
	for stage in prestart createRuntime poststart poststop; do
		eventually test -s "$stage"
		jq -e '.id and .ociVersion and .bundle' "$stage" >/dev/null
	done
	[ "$(jq -r .status poststop)" = stopped ]
}

# --- exec ------------------------------------------------------------------------------------------

@test "exec: output, standard input, status, environment, user, working directory" {
	running c
	run --separate-stderr podman exec -i c sh -c 'cat; echo errors >&2; exit 7' <<<words
	[ "$status" -eq 7 ]
	[ "$output" = words ]
	[ "$stderr" = errors ]
	run podman exec -e A=2 -u user -w /tmp c sh -c 'echo "$A" "$(id -u)" "$(id -G)" "$PWD" "$HOME"'
	[ "$output" = '2 1000 1000 2000 /tmp /home/user' ]
}

@test "exec: 127 and 126, 125 or 255 without a container, and the runtime's words" {
	running c
	run -127 podman exec c no-such-program
	echo "$output"
	[[ $output == *no-such-program* ]]
	run -126 podman exec c /etc/passwd
	echo "$output"
	run -127 podman exec -w /no/such/dir c true
	podman kill c >/dev/null
	eventually status_is c exited
	run podman exec c true
	[ "$status" -ge 125 ]
}

@test "exec: a terminal, its size, and its new size" {
	running c
	at_terminal "stty rows 31 cols 97; $(resizes) & $(podman_line) exec -it c sh -c 'tty
		while [ \"\$(stty size)\" != \"42 120\" ]; do sleep 0.1; done; echo resized; exit 3'"
	echo "$output"
	[ "$status" -eq 3 ]
	[[ ${lines[0]} == /dev/pts/[0-9] ]]
	[[ $output == *resized* ]]
}

@test "exec --detach, --privileged, --preserve-fds" {
	running c
	podman exec --detach c sh -c 'echo done >/tmp/done'
	eventually podman exec c test -s /tmp/done
	run podman exec --privileged c sh -c 'grep CapBnd /proc/self/status'
	[ "$output" = "$(grep CapBnd /proc/self/status)" ] || [ "$ROOTLESS" = 1 ]
	run bash -c "exec 3<<<three; $(podman_line) exec --preserve-fds 1 c sh -c 'cat <&3'"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = three ]
}

@test "exec: many at once" {
	running c
	local i status pids=()
	for i in {1..8}; do
		podman exec c sh -c "exit $i" &
		pids+=("$!")
	done
	for i in {1..8}; do
		status=0
		wait "${pids[i - 1]}" || status=$?
		[ "$status" -eq "$i" ]
	done
}

@test "exec: a process is in the container's cgroup and namespaces" {
	running c
	running c2
	run podman exec c sh -c \
		'for n in mnt pid net ipc uts; do
			[ "$(readlink /proc/self/ns/$n)" = "$(readlink /proc/1/ns/$n)" ] || echo "$n"
		done
		cat /proc/self/cgroup /proc/1/cgroup | sort | uniq -c | grep -v "^ *2 "'
	echo "$output"
	[ -z "$output" ]
}

# --- life ------------------------------------------------------------------------------------------

@test "stop, start, restart, kill" {
	running c bb sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done'
	eventually logs_say c up
	podman stop --time 20 c >/dev/null
	[ "$(get c '{{.State.Status}} {{.State.ExitCode}}')" = 'exited 3' ]
	podman start c >/dev/null
	status_is c running
	podman restart --time 20 c >/dev/null
	status_is c running
	podman kill c >/dev/null
	eventually status_is c exited
	[ "$(get c '{{.State.ExitCode}}')" = 137 ]
}

@test "stop: what does not heed SIGTERM is killed" {
	running c bb sh -c 'trap "" TERM; echo up; while :; do sleep 0.1; done'
	eventually logs_say c up
	podman stop --time 1 c >/dev/null
	[ "$(get c '{{.State.ExitCode}}')" = 137 ]
}

@test "kill --signal: other signals reach the program; a stopped container is an error" {
	running c bb sh -c 'trap "echo hup" HUP; echo up; while :; do sleep 0.1; done'
	eventually logs_say c up
	podman kill --signal HUP c >/dev/null
	eventually logs_say c hup
	podman kill c >/dev/null
	eventually status_is c exited
	run podman kill c
	[ "$status" -ne 0 ]
}

@test "pause, unpause" {
	needs_limits
	running c
	podman pause c >/dev/null
	status_is c paused
	[ "$("$RT" state "$(get c '{{.Id}}')" | jq -r .status)" = paused ]
	run podman exec c true
	[ "$status" -ne 0 ]
	podman unpause c >/dev/null
	status_is c running
	inside c true
}

@test "rm --force: a container that is paused" {
	needs_limits
	running c
	podman pause c >/dev/null
	podman rm --force --time 0 c >/dev/null
	run podman container exists c
	[ "$status" -eq 1 ]
}

@test "a container whose init is killed from outside is seen as exited, and is removed" {
	running c
	kill -KILL "$(get c '{{.State.Pid}}')" || podman unshare kill -KILL "$(get c '{{.State.Pid}}')"
	eventually status_is c exited
	podman rm c >/dev/null
}

@test "a create that fails leaves nothing" {
	run -127 podman run --name c bb no-such-program
	podman rm c >/dev/null
	run podman run --rm --sysctl kernel.no_such=1 bb true
	[ "$status" -ne 0 ]
	[ -z "$(podman ps --all --quiet)" ]
}

@test "top: the container's processes, by podman and by ps" {
	running c bb sh -c 'sleep 500 & sleep 600'
	run podman top c pid user args
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'sleep 500'* && $output == *'sleep 600'* ]]
}

@test "stats: figures of a running container" {
	needs_limits
	running c --memory 64m
	run podman stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' c
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == 'c 1 '*'/ 67.1'* || $output == 'c 1 '*'/ 64'* ]]
}

@test "cp, diff, commit, export of a running container" {
	running c
	echo copied >file
	podman cp file c:/tmp/file
	[ "$(inside c cat /tmp/file)" = copied ]
	run podman diff c
	echo "$output"
	[[ $output == *'/tmp/file'* ]]
	podman commit --quiet c changed >/dev/null
	[ "$(podman run --rm changed cat /tmp/file)" = copied ]
	podman rmi --force changed >/dev/null
}

# --- limits ----------------------------------------------------------------------------------------

@test "limits: memory, cpu, pids are those of the cgroup" {
	needs_limits
	running c --memory 64m --memory-swap 128m --memory-reservation 32m --cpus 0.5 --pids-limit 50
	[ "$(cgroup_file c memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(cgroup_file c memory memory.soft_limit_in_bytes memory.low)" = 33554432 ]
	if [ "$CGROUPS" = 2 ]; then
		[ "$(cgroup_file c '' '' memory.swap.max)" = 67108864 ]
		[ "$(cgroup_file c '' '' cpu.max)" = '50000 100000' ]
	else
		[ "$(cgroup_file c cpu cpu.cfs_quota_us '')" = 50000 ]
	fi
	[ "$(cgroup_file c pids pids.max pids.max)" = 50 ]
}

@test "limits: cpu shares, cpuset, ulimits, size of /dev/shm" {
	needs_limits
	running c --cpu-shares 512 --cpuset-cpus 0 --ulimit nofile=100:200 --ulimit nproc=500:500 --shm-size 8m
	if [ "$CGROUPS" = 2 ]; then
		[ "$(cgroup_file c '' '' cpu.weight)" -lt 100 ]
	else
		[ "$(cgroup_file c cpu cpu.shares '')" = 512 ]
	fi
	[ "$(cgroup_file c cpuset cpuset.cpus cpuset.cpus)" = 0 ]
	[ "$(inside c sh -c 'ulimit -Sn; ulimit -Hn')" = $'100\n200' ]
	[[ $(inside c df -k /dev/shm) == *' 8192 '* ]]
}

@test "limits: a pids limit of 0 or -1 is none" {
	needs_limits
	local limit
	for limit in 0 -1; do
		running "c$limit" --pids-limit "$limit"
		[ "$(cgroup_file "c$limit" pids pids.max pids.max)" = max ]
		inside "c$limit" sh -c 'true | true'
	done
}

@test "limits: the OOM killer's work is known" {
	needs_limits
	# systemd removes a scope as soon as its last process has died. The kernel tells of memory.events at most every 10
	# ms: conmon first learns that the limit was met, and when it would learn of the kill the file may be gone. With
	# runc it misses one in six, so once in a few times has to do.
	local tries=1 known=false
	[ "$MANAGER" != systemd ] || tries=6
	while [ $tries -gt 0 ] && [ "$known" != true ]; do
		run podman run --replace --name c --memory 16m --memory-swap 16m bb sh -c 'x=a; while :; do x=$x$x; done'
		echo "$output"
		[ "$status" -eq 137 ]
		known=$(get c '{{.State.OOMKilled}}')
		[ "$CGROUPS" = 2 ] || known=true # conmon misses it on v1, whatever the runtime
		tries=$((tries - 1))
	done
	[ "$known" = true ]
}

@test "update: memory, cpus, cpu shares of a running container" {
	needs_limits
	running c --memory 64m --memory-swap 128m
	podman update --memory 32m --memory-swap 64m --cpus 0.25 --cpu-shares 256 c >/dev/null
	[ "$(cgroup_file c memory memory.limit_in_bytes memory.max)" = 33554432 ]
	if [ "$CGROUPS" = 2 ]; then
		[ "$(cgroup_file c '' '' cpu.max)" = '25000 100000' ]
	else
		[ "$(cgroup_file c cpu cpu.cfs_quota_us '')" = 25000 ]
		[ "$(cgroup_file c cpu cpu.shares '')" = 256 ]
	fi
	inside c true
}

@test "update: the pids limit, and what was set before stays" {
	needs_limits
	at_least 5.0
	running c --memory 64m --pids-limit 100
	podman update --pids-limit 30 c >/dev/null
	[ "$(cgroup_file c pids pids.max pids.max)" = 30 ]
	[ "$(cgroup_file c memory memory.limit_in_bytes memory.max)" = 67108864 ]
}

@test "cgroups: disabled, no-conmon, split; a private and the host's cgroup namespace" {
	local mode
	for mode in disabled no-conmon; do
		# Podman lets only the runtimes of its list do without cgroups: packaging has the file that puts rt into it.
		[ "$mode" != disabled ] || [ "$RUNTIME" != runc ] || continue
		podman run --rm --cgroups "$mode" bb true
	done
	run podman run --rm --cgroups disabled bb cat /proc/self/cgroup
	[ "$RUNTIME" = runc ] || [[ $output != *libpod* ]]
	run podman run --rm --cgroupns private bb cat /proc/self/cgroup
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *libpod* ]]
	needs_limits
	run podman run --rm --cgroupns host bb cat /proc/self/cgroup
	[[ $output == *libpod* ]]
}

# --- mounts ----------------------------------------------------------------------------------------

@test "volumes: a directory, read-only and not; a named volume gets what the image has" {
	mkdir data
	chmod 777 data
	podman run --rm -v "$PWD/data:/data" bb sh -c 'echo word >/data/file'
	[ "$(cat data/file)" = word ]
	run podman run --rm -v "$PWD/data:/data:ro" bb touch /data/x
	[ "$status" -eq 1 ]
	[[ $output == *'Read-only file system'* ]]
	[ "$(podman run --rm -v vol:/var/data bb cat /var/data/file)" = 'from the image' ]
	podman run --rm -v vol:/var/data bb sh -c 'echo changed >/var/data/file'
	[ "$(podman run --rm -v vol:/var/data bb cat /var/data/file)" = changed ]
	podman volume rm vol >/dev/null
}

@test "volumes: U, O, a file, a socket, propagation, noexec" {
	mkdir owned over prop
	echo lower >over/file
	echo file >file
	[ "$(podman run --rm -u 1000 -v "$PWD/owned:/owned:U" bb stat -c %u /owned)" = 1000 ]
	podman unshare true 2>/dev/null && podman unshare chown 0 owned
	[ "$(podman run --rm -v "$PWD/over:/over:O" bb sh -c 'echo upper >/over/file; cat /over/file')" = upper ]
	[ "$(cat over/file)" = lower ]
	[ "$(podman run --rm -v "$PWD/file:/etc/one:ro" bb cat /etc/one)" = file ]
	run podman run --rm --mount "type=bind,source=$PWD/prop,destination=/prop,bind-propagation=rslave" bb grep \
		' /prop ' /proc/self/mountinfo
	[[ $output == *' /prop '*master:* ]] || [[ $output == *' /prop '* ]]
	run podman run --rm -v "$PWD/over:/over:noexec,nosuid,nodev" bb grep ' /over ' /proc/self/mounts
	[[ $output == *nosuid,nodev,noexec* ]]
}

@test "tmpfs: options, and what the image has there" {
	run podman run --rm --tmpfs /var/data:size=1m,mode=1700 bb sh -c 'cat /var/data/file; stat -c %a /var/data;
		grep " /var/data " /proc/mounts'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'from the image' ]
	[ "${lines[1]}" = 1700 ]
	[[ ${lines[2]} == *size=1024k* ]]
	run podman run --rm --mount type=tmpfs,destination=/t,tmpfs-size=65536,notmpcopyup bb grep ' /t ' /proc/mounts
	[[ $output == *size=64k* ]]
}

@test "mount: an image, a secret" {
	[ "$(podman run --rm --mount type=image,source=bb,destination=/image bb cat /image/var/data/file)" = \
		'from the image' ]
	printf hidden | podman secret create s - >/dev/null
	run podman run --rm --secret s,mode=0400 bb sh -c 'cat /run/secrets/s; stat -c " %a" /run/secrets/s'
	podman secret rm s >/dev/null
	[ "$output" = 'hidden 400' ]
}

@test "mount: id-mapped" {
	needs_root 'the kernel lets root alone map the ids of a file system'
	mkdir data
	run podman run --rm --uidmap 0:100000:65536 --gidmap 0:100000:65536 -v "$PWD/data:/data:idmap" bb sh -c \
		'touch /data/file; stat -c %u:%g /data /data/file'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = $'0:0\n0:0' ]
	[ "$(stat -c %u:%g data/file)" = 0:0 ]
}

@test "run --read-only: the root is read-only, and with --read-only-tmpfs /tmp is not" {
	run podman run --rm --read-only bb sh -c 'echo >/tmp/x && echo tmp; { echo >/x; } 2>&1 || echo refused'
	echo "$output"
	[[ $output == tmp*Read-only*refused ]]
	run podman run --rm --read-only --read-only-tmpfs=false bb sh -c '{ echo >/tmp/x; } 2>&1 || echo refused'
	[[ $output == *Read-only*refused ]]
}

@test "devices: --device, --device-cgroup-rule" {
	run podman run --rm --device /dev/zero:/dev/nothing:r bb sh -c 'head -c 3 /dev/nothing | wc -c;
		ls -l /dev/null /dev/zero'
	echo "$output"
	[ "${lines[0]}" = 3 ]
	needs_root 'device rules'
	podman run --rm --device-cgroup-rule 'c 10:229 rwm' bb true
	run podman run --rm --cap-add mknod bb sh -c 'mknod /x b 254 0 && cat /x'
	[[ $output == *'not permitted'* ]]
}

# --- networks and namespaces -----------------------------------------------------------------------

@test "networks: two containers find each other by name" {
	needs_network
	podman network create net >/dev/null
	running one --network net bb sh -c 'mkdir /www; echo hello >/www/index.html; httpd -f -p 80 -h /www'
	local address
	address=$(get one '{{(index .NetworkSettings.Networks "net").IPAddress}}')
	eventually podman run --rm --network net bb wget -q -O - "http://$address/"
	if [ -x /usr/lib/podman/aardvark-dns ]; then
		eventually podman run --rm --network net bb wget -q -O - http://one/
	fi
	podman rm --force --time 0 one >/dev/null
	podman network rm net >/dev/null
}

@test "networks: a published port" {
	needs_network
	command -v curl >/dev/null || skip 'needs curl'
	running web --network bridge -p 127.0.0.1:18080:80 bb sh -c 'mkdir /www; echo hello >/www/index.html;
		httpd -f -p 80 -h /www'
	eventually curl -sf --max-time 2 http://127.0.0.1:18080/
	[ "$(curl -s http://127.0.0.1:18080/)" = hello ]
}

@test "namespaces: those of another container, and those of the host" {
	running one --network none --ipc shareable
	local namespaces='for n in net pid ipc; do readlink /proc/self/ns/$n; done'
	[ "$(podman run --rm --network container:one --pid container:one --ipc container:one bb sh -c "$namespaces")" = \
		"$(inside one sh -c "$namespaces")" ]
	local ns
	for ns in network pid ipc uts; do
		[ "$ns" != ipc ] || [ "$ROOTLESS" = 0 ] || [ -e /dev/mqueue ] || continue # what podman binds for it
		[ "$(podman run --rm "--$ns" host bb readlink "/proc/self/ns/${ns:0:3}")" = "$(readlink \
			"/proc/self/ns/${ns:0:3}")" ] || {
			echo "$ns"
			return 1
		}
	done
}

@test "namespaces: sysctl, hosts, dns" {
	run podman run --rm --network none --sysctl net.ipv4.ip_forward=1 --sysctl kernel.msgmax=1234 bb cat \
		/proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax
	[ "$output" = $'1\n1234' ]
	[[ $(podman run --rm --network host --add-host a.test:192.0.2.1 bb cat /etc/hosts) == *192.0.2.1*a.test* ]]
	[ "$ROOTLESS" = 1 ] || [[ $(podman run --rm --network private --dns 192.0.2.53 bb cat /etc/resolv.conf) == \
		*192.0.2.53* ]]
}

@test "user namespaces: --uidmap, --userns auto" {
	needs_root 'an ordinary user has one in any case'
	run podman run --rm --uidmap 0:200000:1000 --gidmap 0:300000:1000 bb sh -c \
		'cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /x; stat -c %u /x'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(tr -s ' ' <<<"$output" | sed 's/^ //')" = $'0 200000 1000\n0 300000 1000\n0\n0' ]
	# newer shadows have no ranges for whom they do not know
	id containers >/dev/null 2>&1 || useradd --system --no-create-home containers
	grep -q ^containers: /etc/subuid || {
		echo containers:1000000:1000000 | tee -a /etc/subuid >>/etc/subgid
	}
	run podman run --rm --userns auto:size=2000 bb sh -c 'cat /proc/self/uid_map; id -u'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $(tr -s ' ' <<<"${lines[0]}") == ' 0 1'*' 2000' ]]
}

@test "user namespaces: exec, volumes, a read-only root and a terminal with --uidmap" {
	needs_root 'an ordinary user has one in any case'
	mkdir data
	running c --uidmap 0:200000:65536 --gidmap 0:300000:65536 --read-only -v "$PWD/data:/data:U" --tmpfs /t bb sleep 600
	[ "$(inside c sh -c 'touch /data/x /t/x; stat -c %u:%g /data/x; id -u')" = $'0:0\n0' ]
	[ "$(stat -c %u:%g data/x)" = 200000:300000 ]
	run script -qec "$(podman_line) exec -it c tty" /dev/null </dev/null
	[[ $output == *pts* ]]
}

@test "user namespaces: keep-id, nomap" {
	[ "$ROOTLESS" = 1 ] || skip 'needs an ordinary user'
	[ "$(podman run --rm --userns keep-id bb id -u)" = "$(id -u)" ]
	[ "$(podman run --rm --userns keep-id:uid=1234,gid=1235 bb sh -c 'id -u; id -g')" = $'1234\n1235' ]
	[ "$(podman run --rm --userns nomap bb id -u)" = 0 ]
}

# --- security --------------------------------------------------------------------------------------

@test "security: capabilities" {
	run podman run --rm --cap-drop ALL bb sh -c 'grep -E "Cap(Prm|Eff|Bnd)" /proc/self/status'
	[[ $output != *[1-9a-f]* ]] || [[ $(tr -d '\n' <<<"$output" | grep -oE '[0-9a-f]{16}' |
		sort -u) == 0000000000000000 ]]
	[ "$(podman run --rm --cap-drop ALL --cap-add net_raw,chown bb sh -c 'grep CapBnd /proc/self/status')" = \
		$'CapBnd:\t0000000000002001' ]
	[ "$(podman run --rm -u 1000 --cap-add net_raw bb sh -c 'grep CapAmb /proc/self/status')" = \
		$'CapAmb:\t0000000000002000' ]
}

@test "security: --privileged has all capabilities, devices and a writable /sys" {
	running c --privileged
	run inside c sh -c 'grep CapBnd /proc/self/status; grep Seccomp: /proc/self/status; grep -c . /proc/self/mounts;
		ls /dev | wc -l'
	echo "$output"
	[[ ${lines[1]} == *0 ]] || [ "$(podman info --format '{{.Host.Security.SECCOMPEnabled}}')" = false ]
	[ "$ROOTLESS" = 1 ] || [ "${lines[0]}" = "$(grep CapBnd /proc/self/status)" ]
	run inside c sh -c 'grep " /sys " /proc/self/mounts'
	[[ $output == *' rw,'* ]]
}

@test "security: the default seccomp profile, one of one's own, none" {
	[[ $(podman run --rm bb grep Seccomp: /proc/self/status) == *2 ]]
	[[ $(podman run --rm --security-opt seccomp=unconfined bb grep Seccomp: /proc/self/status) == *0 ]]
	cat >profile.json <<-'END'
		{"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95}]}
	END
	run podman run --rm --security-opt seccomp="$PWD/profile.json" bb mkdir /x
	[ "$status" -eq 1 ]
	[[ $output == *'not supported'* ]]
	echo '{"defaultAction": "SCMP_ACT_NONSENSE"}' >bad.json
	run podman run --rm --security-opt seccomp="$PWD/bad.json" bb true
	[ "$status" -ne 0 ]
}

@test "security: no-new-privileges, masks, unmask, label=disable" {
	[[ $(podman run --rm --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status) == *1 ]]
	run podman run --rm bb sh -c 'head -c 10 /proc/kcore | wc -c'
	[ "${lines[-1]}" = 0 ]
	run podman run --rm --security-opt mask=/var/data:/etc/group bb sh -c 'ls /var/data; wc -c </etc/group'
	echo "$output"
	[ "$output" = 0 ]
	[ -n "$(podman run --rm --security-opt unmask=ALL bb sh -c \
		'ls /proc/acpi /sys/firmware; grep -c /proc/ /proc/self/mounts' 2>&1)" ]
	podman run --rm --security-opt label=disable bb true
}

@test "security: the rights of the container's process are the same in an exec" {
	running c --cap-drop ALL --cap-add chown --security-opt no-new-privileges
	[ "$(inside c sh -c 'grep -E "^(Cap|NoNewPrivs|Seccomp)" /proc/self/status')" = "$(inside c sh -c \
		'grep -E "^(Cap|NoNewPrivs|Seccomp)" /proc/1/status')" ]
}

# --- pods, kube, health, notify --------------------------------------------------------------------

@test "pods: containers share namespaces; stop, start, pause, rm" {
	podman pod create --name pod --network none >/dev/null
	running one --pod pod
	running two --pod pod
	local namespaces='for n in net ipc uts; do readlink /proc/self/ns/$n; done'
	[ "$(inside one sh -c "$namespaces")" = "$(inside two sh -c "$namespaces")" ]
	[ "$(inside one readlink /proc/self/ns/pid)" != "$(inside two readlink /proc/self/ns/pid)" ]
	[[ $(podman pod ps --format '{{.Name}} {{.Status}} {{.NumberOfContainers}}') == 'pod Running 3' ]]
	podman pod stop --time 0 pod >/dev/null
	status_is one exited
	podman pod start pod >/dev/null
	status_is two running
	if [ "$ROOTLESS" = 0 ] || [ "$CGROUPS" = 2 ]; then
		podman pod pause pod >/dev/null
		status_is one paused
		podman pod unpause pod >/dev/null
	fi
	podman pod rm --force --time 0 pod >/dev/null
}

@test "pods: a shared pid namespace, and limits of the pod" {
	needs_limits
	podman pod create --name pod --network none --share pid,ipc,net,uts --cpus 0.5 --memory 128m >/dev/null
	running one --pod pod bb sleep 601
	running two --pod pod bb sleep 602
	[[ $(inside one ps) == *'sleep 602'* ]]
	podman pod rm --force --time 0 pod >/dev/null
}

@test "kube: play, generate, down" {
	cat >pod.yaml <<-'END'
		apiVersion: v1
		kind: Pod
		metadata:
		  name: kube
		spec:
		  hostNetwork: true
		  restartPolicy: Never
		  terminationGracePeriodSeconds: 0
		  containers:
		  - name: one
		    image: localhost/bb:latest
		    imagePullPolicy: Never
		    command: ["sh", "-c", "echo $GREETING; exec sleep 600"]
		    env: [{name: GREETING, value: hello}]
		    securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false,
		      capabilities: {drop: ["ALL"]}}
		    volumeMounts: [{name: scratch, mountPath: /scratch}]
		  volumes:
		  - name: scratch
		    emptyDir: {}
	END
	podman play kube pod.yaml >/dev/null
	eventually logs_say kube-one hello
	[ "$(inside kube-one sh -c 'id -u; grep NoNewPrivs /proc/self/status | tr -dc 01')" = $'1000\n1' ]
	podman generate kube kube | grep -q 'image: localhost/bb'
	podman play kube --down pod.yaml >/dev/null
	run podman pod exists kube
	[ "$status" -eq 1 ]
}

@test "healthcheck: healthy and not" {
	running c --health-cmd 'test -e /tmp/ok' --health-interval disable --health-retries 1
	run podman healthcheck run c
	[ "$status" -eq 1 ]
	inside c touch /tmp/ok
	podman healthcheck run c
	[[ $(get c '{{.State.Health.Status}}') == healthy ]]
}

@test "sdnotify: conmon says when the container runs, and the container itself may" {
	[ -n "${NOTIFY-}" ] || skip 'NOTIFY names no program that listens and speaks: tests/notify'
	cp "$NOTIFY" notify
	background ./notify listen "$STORE/notify.sock" >said
	eventually test -S "$STORE/notify.sock"
	NOTIFY_SOCKET=$STORE/notify.sock podman run --rm --sdnotify conmon bb true
	eventually grep -q READY=1 said
	grep -q MAINPID= said
	: >said
	NOTIFY_SOCKET=$STORE/notify.sock podman run --rm --sdnotify container -v "$PWD/notify:/notify:ro" bb sh -c \
		'sleep 0.5; /notify send READY=1 STATUS=up'
	eventually grep -q READY=1 said
	rm "$STORE/notify.sock"
}

# --- init systems, checkpoint, runtime flags -------------------------------------------------------

@test "run --systemd always: the mounts that an init system wants" {
	run podman run --rm --systemd always bb sh -c 'grep -E " /(run|run/lock|tmp) " /proc/self/mounts | wc -l;
		grep -c cgroup /proc/self/mounts'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" -ge 2 ]
}

@test "checkpoint, restore: what counts continues; refused, it stays as it was" {
	needs_root 'podman refuses an ordinary user itself'
	podman run --detach --name c bb sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/count; sleep 0.1; done'
	eventually podman exec c test -s /count
	run podman container checkpoint c
	echo "$output"
	if ! criu check >/dev/null 2>&1; then
		[ "$status" -ne 0 ]
		status_is c running
		return
	fi
	[ "$status" -eq 0 ]
	status_is c exited
	podman container restore c
	status_is c running
	[ "$(podman exec c cat /count)" -gt 1 ]
}

@test "run: flags for the runtime" {
	podman --runtime-flag debug run --rm bb true
}

# --- the Docker API --------------------------------------------------------------------------------

@test "API: a container as the docker command makes it, with a pids limit of 0" {
	command -v curl >/dev/null || skip 'needs curl'
	needs_limits
	background bash -c "exec $(podman_line) system service --time 60 unix://$STORE/api.sock"
	eventually api GET /_ping
	local id
	id=$(api POST /containers/create \
		'{"Image":"localhost/bb:latest","Cmd":["sleep","600"],"HostConfig":{"PidsLimit":0,"NetworkMode":"none"}}' |
		jq -r .Id)
	api POST "/containers/$id/start"
	inside "$id" sh -c 'true | true'
	local exec
	exec=$(api POST "/containers/$id/exec" '{"Cmd":["sh","-c","echo from exec; true | exit 3"],"AttachStdout":true}' \
		| jq -r .Id)
	api POST "/exec/$exec/start" '{"Detach":false}' | grep -qa 'from exec'
	[ "$(api GET "/exec/$exec/json" | jq .ExitCode)" = 3 ]
	api POST "/containers/$id/update" '{"Memory":33554432,"MemorySwap":67108864}' || true
	api POST "/containers/$id/kill"
}

# --- build -----------------------------------------------------------------------------------------

@test "build: several layers and stages, RUN with mounts, users, arguments" {
	write_build
	podman build --quiet "${ulimits[@]}" --isolation oci --network none --build-arg WHO=world -t built build >/dev/null
	run podman run --rm built
	podman rmi --force built >/dev/null
	echo "$output"
	[ "$output" = $'hello world\n1000\nsecond' ]
}

@test "build: a RUN that fails fails the build with its status" {
	mkdir build
	printf 'FROM localhost/bb:latest\nRUN exit 42\n' >build/Containerfile
	run podman build "${ulimits[@]}" --isolation oci --network none build
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *42* ]]
}

@test "buildah: bud, from, run, commit" {
	command -v buildah >/dev/null || skip 'buildah is not installed'
	write_build
	buildah bud --quiet "${ulimits[@]}" --isolation oci --network none --build-arg WHO=world -t built build >/dev/null
	local c
	c=$(buildah from --pull-never "${ulimits[@]}" built)
	[ "$(buildah run --isolation oci --network none "$c" sh -c 'cat /tmp/copied; id -u')" = $'second\n1000' ]
	run buildah run --isolation oci --network none "$c" sh -c 'exit 9'
	echo "$output"
	[ "$status" -eq 9 ]
	run buildah run --isolation oci --network none --user root --cap-add sys_admin "$c" -- no-such-program
	echo "$output"
	[ "$status" -ne 0 ]
	buildah commit --quiet "$c" again >/dev/null
	buildah rm "$c" >/dev/null
	[ "$(podman run --rm again cat /tmp/copied)" = second ]
	podman rmi --force built again >/dev/null
}

# --- words of this file ----------------------------------------------------------------------------

# at_terminal SCRIPT runs SCRIPT at a terminal of its own, at which nobody types.
at_terminal() {
	mkfifo keyboard
	run timeout $((30 + 4 * SLOW)) script -qec "$1" /dev/null <>keyboard
	output=${output//$'\r'/}
	mapfile -t lines <<<"$output"
}

# resizes is a script that changes the size of its terminal to 42 by 120, again and again: podman may not listen yet.
resizes() { echo 'for i in $(seq 60); do sleep 1; stty rows 41 cols 120; sleep 1; stty rows 42 cols 120;
	done </dev/tty'; }

# needs_network skips where podman can't make a network of its own.
needs_network() {
	needs_root 'the network of a user takes more programs'
	case $(command podman --version) in
	*' 4.'*) command -v iptables ;;
	*) command -v nft ;;
	esac >/dev/null || skip 'the program for the firewall is missing'
}

not_in() { ! podman exec "$1" ps -o stat | grep -q "$2"; }

buildah() {
	local runtime=()
	case $1 in bud | run) runtime=(--runtime "$RT") ;; esac
	timeout --foreground --kill-after=5 $((60 + 10 * SLOW)) buildah --root "$STORE/root" --runroot "$STORE/run" "$1" \
		"${runtime[@]}" "${@:2}" 3>&-
}

api() {
	curl -sSf --max-time 30 --unix-socket "$STORE/api.sock" -X "$1" \
		${3:+-H 'Content-Type: application/json' --data "$3"} "http://d/v1.40$2"
}

# Newer buildahs ask for a million descriptors otherwise, which not every machine lets its root have.
ulimits=(--ulimit nofile=1000:1000 --ulimit nproc=1000:1000)

write_build() {
	mkdir -p build
	echo second >build/second
	cat >build/Containerfile <<-'END'
		FROM localhost/bb:latest AS first
		ARG WHO
		RUN echo "hello $WHO" >/tmp/greeting
		RUN --mount=type=tmpfs,target=/scratch --mount=type=bind,source=second,target=/bound \
			touch /scratch/x && cp /bound /tmp/bound
		FROM localhost/bb:latest
		COPY --from=first /tmp/greeting /tmp/greeting
		COPY second /tmp/copied
		RUN ["sh", "-c", "cat /proc/self/status | grep -q ^CapEff && adduser --help >/dev/null 2>&1; true"]
		USER user
		WORKDIR /home/user
		RUN id -u >/tmp/uid
		CMD cat /tmp/greeting /tmp/uid /tmp/copied
	END
}
