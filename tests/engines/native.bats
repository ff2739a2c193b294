#!/usr/bin/env bats
# containerd with the runtime under test, through ctr, and Docker on top of it: the daemons are of this file's own, in
# the namespaces that tests/engines/native makes. What they do on a machine with systemd is in containerd.bats and
# docker.bats.

# shellcheck disable=SC2016 # scripts are for the shell of the container, and "$PATH" is a word of the runtime's

bats_require_minimum_version 1.5.0

setup_file() {
	RT=$(readlink -f "$(command -v "${RT:-$BATS_TEST_DIRNAME/../../rt}")") || {
		echo "no runtime at ${RT:-$BATS_TEST_DIRNAME/../../rt}" >&2
		return 1
	}
	RUNTIME=${RT##*/}
	ADDRESS=/run/containerd/containerd.sock
	# containerd 2.2 and newer say on every call that cgroup v1 is old.
	export RT RUNTIME ADDRESS CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1
	mkdir -p /etc/containerd
	containerd --config /dev/null --address "$ADDRESS" --root /var/lib/containerd --state /run/containerd \
		>"$BATS_FILE_TMPDIR/containerd.log" 2>&1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/daemons"
	eventually ctr version
	start_dockerd
	make_image
	ctr image import "$BATS_FILE_TMPDIR/image.tar" >/dev/null
	eventually docker version
	docker load --quiet --input "$BATS_FILE_TMPDIR/image.tar" >/dev/null
}

# start_dockerd starts it, again as well: with live-restore it finds the containers that it had.
start_dockerd() {
	dockerd --containerd "$ADDRESS" --data-root /var/lib/docker --exec-root /run/docker --pidfile \
		"$BATS_FILE_TMPDIR/dockerd.pid" --host unix:///run/docker.sock --add-runtime "under-test=$RT" --live-restore \
		>>"$BATS_FILE_TMPDIR/dockerd.log" 2>&1 3>&- 4>&- &
	echo $! >>"$BATS_FILE_TMPDIR/daemons"
}

teardown_file() {
	local pid
	# A shim that a failed test has left outlives the daemons, and bats would wait for it.
	pkill -KILL --full '^[^ ]*/containerd-shim-runc-v2' || true
	for pid in $(tac "$BATS_FILE_TMPDIR/daemons"); do
		kill "$pid" || continue
		timeout 10 tail --pid "$pid" -f /dev/null || true
	done
}

teardown() {
	local id
	[ -z "${JOBS_TO_END-}" ] || kill -9 "${JOBS_TO_END[@]}" 2>/dev/null || true
	for id in $(docker ps --all --quiet); do docker rm --force "$id" >/dev/null; done
	for id in $(ctr container list --quiet); do
		ctr task kill --signal KILL "$id" >/dev/null 2>&1 || true
		ctr task delete --force "$id" >/dev/null 2>&1 || true
		ctr container delete "$id"
	done
	nothing_left
}

# make_image writes an archive with the image box: busybox and its applets.
make_image() {
	local tree=$BATS_FILE_TMPDIR/tree busybox applet
	busybox=$(command -v busybox)
	mkdir -p "$tree"/{bin,etc,tmp}
	cp "$busybox" "$tree/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/:/bin/sh >"$tree/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: >"$tree/etc/group"
	echo '#!/no/such/interpreter' >"$tree/etc/script"
	chmod 755 "$tree/etc/script"
	(
		cd "$BATS_FILE_TMPDIR" || exit
		tar -C tree -cf layer.tar .
		jq -n --arg layer "sha256:$(sha256sum layer.tar | cut -d' ' -f1)" '{architecture: "amd64", os: "linux",
			config: {Env: ["PATH=/bin"], Cmd: ["sh"]}, rootfs: {type: "layers", diff_ids: [$layer]}}' >config.json
		echo '[{"Config":"config.json","RepoTags":["docker.io/library/box:latest"],"Layers":["layer.tar"]}]' \
			>manifest.json
		tar -cf image.tar manifest.json config.json layer.tar
	)
}

# ctr_run [FLAGS...] -- ID CMD... runs a container of the image.
ctr_run() {
	local flags=()
	while [ "$1" != -- ]; do
		flags+=("$1")
		shift
	done
	ctr run --runc-binary "$RT" "${flags[@]}" docker.io/library/box:latest "${@:2}" 3>&-
}

docker_run() { docker run --runtime under-test "$@" 3>&-; }

ctr() { timeout --foreground --kill-after=5 60 ctr --address "$ADDRESS" "$@"; }

docker() { timeout --foreground --kill-after=5 "${PATIENCE:-60}" docker --host unix:///run/docker.sock "$@"; }

task_is() { ctr task list | grep -qE "^$1 +[0-9]+ +$2"; }

eventually() {
	local i
	for ((i = 0; i < 100; i++)); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.2
	done
	echo "in twenty seconds it never came true: $*"
	"$@"
}

# nothing_left: no state of the runtime, no cgroup, no shim is left of containers that are gone.
nothing_left() {
	local i left
	for ((i = 0; i < 50; i++)); do
		left=$(
			find /run/containerd/runc/* /run/docker/runtime-*/moby -mindepth 1 -maxdepth 1 2>/dev/null
			find /sys/fs/cgroup -mindepth 3 -type d \( -path '*/default/*' -o -path '*/docker/*' \)
			pgrep --list-full --full '^[^ ]*/containerd-shim-runc-v2'
		) || true
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	printf 'left behind:\n%s\n' "$left"
	return 1
}

# --- ctr -------------------------------------------------------------------------------------------

@test "ctr: run, its streams and its status" {
	run --separate-stderr ctr_run --rm -- c sh -c 'echo out; echo err >&2; exit 7'
	[ "$status" -eq 7 ]
	[ "$output" = out ]
	# shellcheck disable=SC2154 # bats sets it
	[ "$stderr" = err ]
}

@test "ctr: a program that is missing: the runtime's words" {
	run ctr_run --rm -- c no-such-program
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *no-such-program*'not found in $PATH'* ]]
}

@test "ctr: environment, working directory, mounts, limits" {
	mkdir "$BATS_TEST_TMPDIR/data"
	run ctr_run --rm --env A=1 --cwd /tmp --read-only --mount \
		"type=bind,src=$BATS_TEST_TMPDIR/data,dst=/mnt,options=rbind:ro" -- c \
		sh -c 'echo "$A $PWD"; exec 2>&1; touch /x; touch /mnt/x; :'
	echo "$output"
	[[ $output == '1 /tmp'*'Read-only file system'*'Read-only file system' ]]
}

@test "ctr: a detached task: exec, pause, resume, ps, metrics, kill, delete" {
	ctr_run --detach --memory-limit 33554432 -- c sh -c 'trap "exit 5" TERM; while :; do sleep 0.1; done'
	task_is c RUNNING
	run ctr task exec --exec-id e c sh -c 'echo inside; exit 3'
	[ "$status" -eq 3 ]
	[ "$output" = inside ]
	run ctr task exec --exec-id e2 c no-such-program
	echo "$output"
	[[ $output == *no-such-program*'not found in $PATH'* ]]
	ctr task pause c
	task_is c PAUSED
	ctr task resume c
	task_is c RUNNING
	[ "$(ctr task ps c | wc -l)" -ge 2 ]
	[[ $(ctr task metrics --format json c) == *33554432* ]]
	ctr task kill c
	eventually task_is c STOPPED
	[[ $(ctr task delete c 2>&1) == *'exit code 5'* ]]
	ctr container delete c
}

@test "ctr: a terminal, for the container and for an exec" {
	local run="ctr --address $ADDRESS run --rm --tty --runc-binary $RT docker.io/library/box:latest c"
	run script -qec "$run sh -c 'tty; stty size'" /dev/null </dev/null
	echo "$output"
	[[ $output == */dev/* ]]
	ctr_run --detach -- c sleep 600
	run script -qec "ctr --address $ADDRESS task exec --tty --exec-id e c tty" /dev/null </dev/null
	echo "$output"
	[[ $output == *pts* ]]
}

@test "ctr: kill --all, and a task whose init was killed from outside" {
	ctr_run --detach -- c sh -c 'sleep 601 & sleep 602'
	ctr task kill --all --signal KILL c
	eventually task_is c STOPPED
	ctr task delete c || true
	ctr container delete c
	ctr_run --detach -- d sleep 600
	kill -KILL "$(ctr task list | awk '$1 == "d" { print $2 }')"
	eventually task_is d STOPPED
}

@test "ctr: seccomp, privileged, namespaces of the host" {
	[[ $(ctr_run --rm --seccomp -- c grep Seccomp: /proc/self/status) == *2 ]]
	[[ $(ctr_run --rm --privileged -- c grep CapEff /proc/self/status) == $(grep CapEff /proc/self/status) ]]
	[ "$(ctr_run --rm --net-host -- c readlink /proc/self/ns/net)" = "$(readlink /proc/self/ns/net)" ]
}

@test "ctr: a shim that is killed takes its container along" {
	ctr_run --detach -- lost sleep 600
	local pid
	pid=$(ctr task list | awk '$1 == "lost" { print $2 }')
	pkill -KILL --full '^[^ ]*/containerd-shim-runc-v2 -namespace default -id lost'
	eventually test ! -e "/proc/$pid"
	eventually test ! -e /run/containerd/runc/default/lost
}

# --- docker ----------------------------------------------------------------------------------------

@test "docker: run, its streams and its status" {
	run --separate-stderr docker_run --rm -i box sh -c 'cat; echo err >&2; exit 7' <<<word
	[ "$status" -eq 7 ]
	[ "$output" = word ]
	[ "$stderr" = err ]
}

@test "docker: 127, 126 and 125, and the runtime's words" {
	run -127 docker_run --rm box no-such-program
	[[ $output == *no-such-program*'not found in $PATH'* ]]
	run -126 docker_run --rm box /etc/passwd
	[[ $output == *ermission\ denied* ]]
	status=0
	docker_run --rm box /etc/script || status=$? # runc: 1
	[ "$status" -eq 127 ] || [ "$RUNTIME" != rt ]
	run -125 docker_run --rm --sysctl kernel.no_such=1 box true
}

@test "docker: limits, update, pids limit 0, stats, top, OOM" {
	docker_run --detach --name cc --memory 64m --cpus 0.5 --pids-limit 0 box sleep 600 >/dev/null
	docker exec cc sh -c 'true | true'
	docker update --memory 32m --memory-swap 64m --cpus 0.25 --pids-limit 50 cc >/dev/null
	[ "$(docker exec cc sh -c \
		'cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || cat /sys/fs/cgroup/memory.max')" = 33554432 ]
	[[ $(docker stats --no-stream --format '{{.Name}} {{.PIDs}}' cc) == 'cc 1' ]]
	[[ $(docker top cc) == *'sleep 600'* ]]
	run docker_run --rm --memory 16m --memory-swap 16m box sh -c 'x=a; while :; do x=$x$x; done'
	[ "$status" -eq 137 ]
}

@test "docker: exec, pause, stop, restart, kill, logs" {
	docker_run --detach --name cc box sh -c 'trap "exit 3" TERM; echo up; while :; do sleep 0.1; done' >/dev/null
	run docker exec --env A=1 --user user --workdir /tmp cc sh -c 'echo "$A $(id -u) $PWD"; exit 4'
	[ "$status" -eq 4 ]
	[ "$output" = '1 1000 /tmp' ]
	run docker exec cc no-such-program
	[[ $status == 12[67] && $output == *no-such-program*'not found in $PATH'* ]] # Docker 20.10 says 126
	docker pause cc >/dev/null
	[ "$(docker inspect --format '{{.State.Status}}' cc)" = paused ]
	docker unpause cc >/dev/null
	docker restart --time 20 cc >/dev/null
	docker stop --time 20 cc >/dev/null
	[ "$(docker inspect --format '{{.State.ExitCode}}' cc)" = 3 ]
	docker start cc >/dev/null
	docker kill cc >/dev/null
	[ "$(docker wait cc)" = 137 ]
	[[ $(docker logs cc) == up* ]]
}

@test "docker: volumes, tmpfs, a read-only root, init, devices, capabilities, privileged" {
	mkdir "$BATS_TEST_TMPDIR/data"
	run docker_run --rm --init --read-only --tmpfs /t -v "$BATS_TEST_TMPDIR/data:/data" -v vol:/vol --cap-drop ALL \
		--cap-add chown --device /dev/zero:/dev/nothing box \
		sh -c 'exec 2>&1; touch /data/x /vol/x /t/x; touch /x; grep CapEff /proc/self/status; ls /dev/nothing'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'/x: Read-only file system'*0000000000000001*/dev/nothing ]]
	[ -e "$BATS_TEST_TMPDIR/data/x" ]
	docker volume rm vol >/dev/null
	# runc fails here where the machine itself lacks a capability.
	[ "$RUNTIME" != rt ] || [[ $(docker_run --rm --privileged box grep Seccomp: /proc/self/status) == *0 ]]
}

@test "docker: a network, names, and a port" {
	docker network create net >/dev/null
	docker_run --detach --name web --network net -p 127.0.0.1:18081:80 box sh -c 'mkdir /www;
		echo hello >/www/index.html; httpd -f -p 80 -h /www' >/dev/null
	[ "$(docker_run --rm --network net box wget -q -O - http://web/)" = hello ]
	[ "$(curl -sf --max-time 5 http://127.0.0.1:18081/)" = hello ]
	docker rm --force web >/dev/null
	docker network rm net >/dev/null
}

@test "docker: a device of CDI: its node, its environment, and hooks of every kind" {
	[[ $(docker info --format '{{.CDISpecDirs}}' 2>/dev/null) == */run/cdi* ]] || skip 'this Docker knows no CDI'
	local said=$BATS_TEST_TMPDIR/said kind
	mkdir -p /run/cdi
	chmod 777 "$BATS_TEST_TMPDIR"
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		jq -n --arg kind $kind --arg file "$([ $kind = startContainer ] && echo /tmp/said || echo "$said")" \
			'{hookName: $kind, path: "/bin/sh", args: ["sh", "-c", "echo \($kind) >>\($file)"],
			env: ["PATH=/bin:/usr/bin"]}'
	done | jq -s '{cdiVersion: "0.6.0", kind: "example.org/thing", devices: [{name: "one", containerEdits:
		{env: ["THING=one"], deviceNodes: [{path: "/dev/thing", hostPath: "/dev/zero"}]}}],
		containerEdits: {hooks: .}}' \
		>/run/cdi/thing.json
	run docker_run --rm --device example.org/thing=one box sh -c 'echo $THING; test -c /dev/thing && cat /tmp/said'
	echo "$output"
	rm /run/cdi/thing.json
	[ "$output" = $'one\nstartContainer' ]
	eventually grep -x poststop "$said"
	[ "$(cat "$said")" = $'prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop' ]
}

@test "docker: a daemon that is killed finds its containers again, with live-restore" {
	docker_run --detach --name kept box sh -c 'trap "exit 6" TERM; while :; do sleep 0.1; done' >/dev/null
	local pid
	pid=$(docker inspect --format '{{.State.Pid}}' kept)
	kill -KILL "$(cat "$BATS_FILE_TMPDIR/dockerd.pid")"
	gone() { ! docker version; }
	eventually gone
	start_dockerd
	eventually docker version
	[ "$(docker inspect --format '{{.State.Running}} {{.State.Pid}}' kept)" = "true $pid" ]
	[ "$(docker exec kept echo said)" = said ]
	docker stop --time 20 kept >/dev/null
	[ "$(docker inspect --format '{{.State.ExitCode}}' kept)" = 6 ]
}

@test "docker: health: from starting to healthy to unhealthy" {
	health_is() { [ "$(docker inspect --format '{{.State.Health.Status}}' cc)" = "$1" ]; }
	docker_run --detach --name cc --health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 2 \
		--health-start-period 60s box sleep 600 >/dev/null
	health_is starting
	docker exec cc touch /tmp/well
	eventually health_is healthy
	docker exec cc rm /tmp/well
	eventually health_is unhealthy
}

@test "docker: compose: five services that wait for each other, with health" {
	compose version || skip 'no compose on this machine'
	cd "$BATS_TEST_TMPDIR"
	cat >compose.yaml <<-'E'
		x-any: &any {image: box, runtime: under-test}
		services:
		  setup:
		    <<: *any
		    command: sh -c 'echo prepared >/data/setup'
		    volumes: [data:/data]
		  store:
		    <<: *any
		    command: httpd -f -p 80 -h /data
		    volumes: [data:/data:ro]
		    depends_on: {setup: {condition: service_completed_successfully}}
		    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/setup"], interval: 1s, retries: 30}
		    restart: always
		    mem_limit: 32m
		    pids_limit: 30
		    read_only: true
		    cap_drop: [ALL]
		  worker:
		    <<: *any
		    init: true
		    user: user
		    command: sh -c 'until wget -q -O /tmp/got http://store/setup; do sleep 0.2; done; exec sleep 600'
		    depends_on: {store: {condition: service_healthy}}
		    healthcheck: {test: test -s /tmp/got, interval: 1s, retries: 30}
		    tmpfs: /tmp:mode=1777
		  front:
		    <<: *any
		    command: httpd -f -p 80 -h /etc
		    depends_on: {worker: {condition: service_healthy}, store: {condition: service_healthy}}
		    healthcheck: {test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/passwd"], interval: 1s, retries: 30}
		    ports: ["127.0.0.1:18082:80"]
		    ulimits: {nofile: 100}
		  visitor:
		    <<: *any
		    command: sh -c 'wget -q -O - http://front/passwd && wget -q -O - http://store/setup'
		    depends_on: {front: {condition: service_healthy}}
		volumes: {data: {}}
	E
	compose up --detach
	eventually service visitor '{{.State.Status}} {{.State.ExitCode}}' 'exited 0'
	[[ $(docker logs "$(container visitor)") == root:x:0*prepared ]]
	service setup '{{.State.Status}} {{.State.ExitCode}} {{.HostConfig.Runtime}}' 'exited 0 under-test'
	local name
	for name in store worker front; do
		service $name '{{.State.Health.Status}}' healthy
	done
	[[ $(curl -sf --max-time 5 http://127.0.0.1:18082/passwd) == root:x:0* ]]
	[ "$(docker exec "$(container store)" sed -n 's/^CapEff:\t//p' /proc/self/status)" = 0000000000000000 ]
	[ "$(docker exec "$(container front)" sh -c 'ulimit -n')" = 100 ]
	# One that is killed is started again, and gets well.
	kill -KILL "$(docker inspect --format '{{.State.Pid}}' "$(container store)")"
	eventually service store '{{.RestartCount}} {{.State.Health.Status}}' '1 healthy'
	compose down --volumes --timeout 1
	[ -z "$(docker ps --all --quiet)" ]
}

compose() {
	if docker compose version >/dev/null 2>&1; then
		docker compose --project-name shop "$@" 3>&-
	else
		timeout --foreground --kill-after=5 120 docker-compose --host unix:///run/docker.sock --file compose.yaml \
			--project-name shop "$@" 3>&-
	fi
}

# container SERVICE prints its id.
container() { docker ps --all --quiet --filter "label=com.docker.compose.service=$1"; }

# service NAME FORMAT VALUE checks a field of its container.
service() { [ "$(docker inspect --format "$2" "$(container "$1")")" = "$3" ]; }

@test "docker: a node in a container: containerd and the runtime once more, and a container in it" {
	ldd "$(type -P containerd)" "$RT" 2>/dev/null | grep -q '=>' && skip 'these programs want libraries'
	local bin=$BATS_TEST_TMPDIR/bin program
	mkdir "$bin"
	for program in containerd containerd-shim-runc-v2 ctr "$RT"; do
		cp "$(type -P "$program")" "$bin/"
	done
	docker_run --detach --name node --privileged --tmpfs /run --tmpfs /tmp:exec --volume /var/lib/containerd \
		--volume "$bin:/opt:ro" --volume "$BATS_FILE_TMPDIR/image.tar:/image.tar:ro" --env PATH=/bin:/opt \
		--env CONTAINERD_SUPPRESS_DEPRECATION_WARNINGS=1 box \
		sh -c 'exec containerd --config /dev/null >/tmp/log 2>&1' >/dev/null
	eventually docker exec node ctr version
	docker exec node ctr image import /image.tar >/dev/null
	run docker exec node ctr run --rm --runc-binary "/opt/${RT##*/}" --memory-limit 33554432 \
		docker.io/library/box:latest inner sh -c 'echo pid $$; exit 7'
	echo "$output"
	[ "$status" -eq 7 ]
	[ "$output" = 'pid 1' ]
	docker exec node ctr run --detach --runc-binary "/opt/${RT##*/}" docker.io/library/box:latest stays sleep 600
	[ "$(docker exec node ctr task exec --exec-id e stays echo inside)" = inside ]
	docker exec node ctr task kill --signal KILL stays
}

@test "docker: systemd: privileged, and with the rights that it needs" {
	[ -n "${DEBIAN-}" ] || skip 'DEBIAN names no tree of Debian 12: tests/engines/debian'
	tar -C "$DEBIAN" -c . | PATIENCE=600 docker import - debian >/dev/null
	boots --privileged
	boots --cap-add sys_admin --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
		--volume /sys/fs/cgroup:/sys/fs/cgroup
	boots --privileged --cgroupns private --memory 512m
	docker rmi --force debian >/dev/null
}

# boots FLAGS... starts a container with systemd, runs a unit in it, and shuts it down.
boots() {
	docker_run --detach --name it --network none --tmpfs /run --tmpfs /run/lock --tmpfs /tmp --env container=docker \
		--stop-signal SIGRTMIN+3 "$@" debian /sbin/init >/dev/null
	eventually booted || eventually booted
	docker exec it systemctl --no-pager --failed | tee "$BATS_TEST_TMPDIR/failed"
	grep -q '^0 loaded units' "$BATS_TEST_TMPDIR/failed"
	[[ $(docker exec it systemd-run --quiet --wait --pipe cat /proc/self/cgroup) == */system.slice/run-u*.service* ]]
	docker stop --time 40 it >/dev/null
	[[ $(docker inspect --format '{{.State.ExitCode}}' it) == @(0|130) ]] # systemd before 254 and after
	docker rm it >/dev/null
}

# booted: systemd has nothing more to start.
booted() { [[ $(docker exec it systemctl is-system-running) == @(running|degraded) ]]; }

@test "ctr task checkpoint: saved, or refused with a reason; the task continues" {
	ctr_run --detach -- saved sleep 1000
	run ctr task checkpoint --image-path "$BATS_TEST_TMPDIR/images" saved
	echo "$output"
	if criu check >/dev/null 2>&1; then
		[ "$status" -eq 0 ]
		[ -s "$BATS_TEST_TMPDIR/images/inventory.img" ]
	else
		[ "$status" -ne 0 ]
	fi
	task_is saved RUNNING
}
