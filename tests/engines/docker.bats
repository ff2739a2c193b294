#!/usr/bin/env bats
# shellcheck disable=SC2016 # the container's shell expands
# Docker on the runtime, as people use it. docker_daemon.bats has what needs the daemon to be configured otherwise.

load docker

setup_file() {
	daemon
	image
	docker network inspect net >/dev/null 2>&1 || docker network create net >/dev/null
}

teardown() { remove_all; }

@test "docker info and docker version name the runtime" {
	is "$(docker info --format '{{.DefaultRuntime}}')" rt
	has "$(docker version)" ' rt:' "Version:          $("$RUNTIME_PATH" --version | sed -n '1s/.* //p')"
}

@test "run: standard streams, exit status, and the runtime that did it" {
	echo asked | docker run --interactive --name streams box sh -c 'cat; echo complaint >&2; exit 7' >out 2>err &&
		status=0 || status=$?
	is $status 7
	is "$(cat out)" asked
	is "$(cat err)" complaint
	inspected 7 '{{.State.ExitCode}}' streams
	inspected rt '{{.HostConfig.Runtime}}' streams
	docker run --detach --name which box sleep 1000
	is "$(jq -r .binary_name "/run/containerd/io.containerd.runtime.v2.task/moby/$(inspect '{{.Id}}' \
		which)/options.json")" "$RUNTIME_PATH"
}

@test "run: 127, 126 and 125, with a reason" {
	exits 127 docker run --rm box nothing
	has "$output" 'exec: "nothing": executable file not found in $PATH'
	exits 127 docker run --rm box /bin/nothing
	has "$output" '/bin/nothing' 'no such file or directory'
	exits 126 docker run --rm box /etc/passwd
	has "$output" '/etc/passwd' 'permission denied'
	exits 126 docker run --rm box /etc
	has "$output" '/etc'
	exits 125 docker run --rm --volume "$BATS_TEST_TMPDIR:/etc/passwd" box true
	has "$output" 'not a directory'
}

@test "run: environment, directory, user, groups and names" {
	run docker run --rm --env A=1 --env "B=two words" --workdir /made/for/it --user 1000:1000 --group-add extra \
		--group-add 77 \
		--hostname front --domainname example.org --add-host other:10.1.2.3 box \
		sh -c 'echo "$A-$B-$FROM-$HOME"; pwd; id -u; id -g; id -G; hostname; cat /proc/sys/kernel/domainname;
		grep other /etc/hosts; stat -c %u /made'
	is "$status" 0
	is "${lines[0]}" '1-two words-image-/home/user'
	is "${lines[1]}" /made/for/it
	is "${lines[*]:2:3}" '1000 1000 1000 42 77'
	is "${lines[*]:5:2}" 'front example.org'
	has "${lines[7]}" 10.1.2.3
}

@test "exec: environment, directory, user, streams, statuses, a terminal, in the background" {
	docker run --detach --name it --env A=run box sleep 1000
	is "$(echo in | docker exec --interactive --env B=exec --workdir /tmp --user user it sh -c 'cat; echo $A $B; pwd;
		id -un; id -G')" \
		$'in\nrun exec\n/tmp\nuser\n1000 42'
	exits 9 docker exec it sh -c 'exit 9'
	exits 126 docker exec it nothing # Docker 26 has no other status for exec
	has "$output" 'executable file not found in $PATH'
	exits 126 docker exec it /etc/passwd
	has "$output" 'permission denied'
	exits 126 docker exec --workdir /nowhere it true
	has "$output" /nowhere
	has "$(docker exec --privileged it grep CapEff /proc/self/status)" "$(sed -n 's/CapBnd:\s*//p' /proc/self/status)"
	exits 5 at_terminal 21 77 docker exec --interactive --tty it sh -c 'tty; stty size; exit 5'
	has "$output" /dev/pts/ '21 77'
	docker exec --detach it sh -c 'echo ended >/tmp/ended; exec sleep 1000'
	eventually docker exec it grep -q ended /tmp/ended
}

@test "run -it: a terminal of the user's size, and of its new size when that changes" {
	cat >resize <<-'END'
		(until docker logs tty 2>/dev/null | grep -q began; do sleep 1; done; stty rows 40 cols 120 </dev/tty) &
		docker run --name tty --interactive --tty box sh -c '
			test -t 0 && test -t 1 && test -t 2 && tty; stty size; echo began
			i=0; until [ "$(stty size)" = "40 120" ]; do i=$((i + 1)); [ $i -lt 60 ] || exit 1; sleep 1; done
			stty size; exit 3'
	END
	exits 3 at_terminal 33 99 sh resize
	has "$output" /dev/pts/0 '33 99' '40 120'
}

@test "logs, attach and wait" {
	docker run --detach --interactive --name it box sh -c 'echo ready; read line; echo "got $line"; exit 4'
	eventually said it ready
	echo hello | exits 4 docker attach it
	is "$(docker wait it)" 4
	is "$(docker logs it)" $'ready\ngot hello'
}

@test "stop, start, kill and restart" {
	docker run --detach --name it box sh -c 'trap "echo term; exit 6" TERM; trap "echo usr1" USR1; echo ready;
		while :; do sleep 0.1; done'
	eventually said it ready
	docker kill --signal USR1 it
	eventually said it usr1
	docker stop it
	inspected 'exited 6' '{{.State.Status}} {{.State.ExitCode}}' it
	said it term
	docker start it
	docker restart --time 0 it
	inspected 'running' '{{.State.Status}}' it
	docker kill it
	is "$(docker wait it)" 137
	is "$(docker logs it | grep -c ready)" 3
}

@test "pause and unpause, top and stats" {
	docker run --detach --name it box sh -c 'while :; do date +%s >/now; sleep 0.2; done'
	eventually docker exec it test -s /now
	has "$(docker top it)" 'while :; do' UID PID
	is "$(docker top it -o pid,args | sed -n 1p | tr -s ' ')" 'PID COMMAND'
	has "$(docker stats --no-stream --format '{{.Name}} {{.MemUsage}} {{.PIDs}}' it)" 'it ' iB
	docker pause it
	inspected paused '{{.State.Status}}' it
	grep -q 'frozen 1' "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(inspect '{{.State.Pid}}' it)/cgroup")/cgroup.events"
	exits 1 docker exec it true
	has "$output" 'is paused'
	docker unpause it
	inspected running '{{.State.Status}}' it
	docker exec it true
	docker pause it
	docker rm --force it
}

@test "limits are what was asked for, and what update makes of them" {
	read_back() {
		docker exec it sh -c 'cd /sys/fs/cgroup &&
			cat memory.max memory.swap.max memory.low cpu.max cpuset.cpus pids.max' | tr '\n' ' '
	}
	docker run --detach --name it --memory 64m --memory-swap 96m --memory-reservation 32m --cpus 1.5 --cpu-shares 512 \
		--cpuset-cpus 0 --pids-limit 50 \
		--blkio-weight 200 box sleep 1000
	has '20 59' "$(docker exec it cat /sys/fs/cgroup/cpu.weight)" # 512 shares: the older and the newer rule
	is "$(read_back)" '67108864 33554432 33554432 150000 100000 0 50 '
	docker update --memory 128m --memory-swap 128m --cpus 0.5 --cpuset-cpus 0-1 --pids-limit 70 it
	is "$(read_back)" '134217728 0 33554432 50000 100000 0-1 70 '
	has "$(docker stats --no-stream it)" 128MiB
	docker update --pids-limit -1 --restart always it
	has "$(read_back)" 'max '
}

@test "a process that takes too much memory is killed, and docker says so" {
	exits 137 docker run --name it --memory 16m --memory-swap 16m box dd if=/dev/zero of=/dev/null bs=64M
	inspected 'true 137' '{{.State.OOMKilled}} {{.State.ExitCode}}' it
}

@test "volumes: named, bound, read-only, of memory, and without a copy" {
	mkdir -p "$BATS_TEST_TMPDIR/src/sub"
	mount -t tmpfs sub "$BATS_TEST_TMPDIR/src/sub"
	echo host >"$BATS_TEST_TMPDIR/src/file"
	local rro=type=bind,source=$BATS_TEST_TMPDIR/src,destination=/rro,readonly,bind-recursive=readonly
	run docker run --rm --volume copied:/etc --volume empty:/bin/../home:nocopy --volume "$BATS_TEST_TMPDIR/src:/src" \
		--volume "$BATS_TEST_TMPDIR/src:/ro:ro" \
		--volume "$BATS_TEST_TMPDIR/src/file:/one/file:ro" --tmpfs /mem:size=4m,mode=1770,uid=1000 \
		--mount "$rro,bind-propagation=rprivate" \
		--mount "type=bind,source=$BATS_TEST_TMPDIR/src,destination=/alone,bind-recursive=disabled" --mount \
		type=tmpfs,destination=/mem2,tmpfs-size=1m box sh -c '
		exec 2>&1
		grep -c root /etc/passwd; ls /home; cat /src/file /one/file; echo container >/src/new
		touch /ro/x; touch /ro/sub/x && echo "only the top is read-only"; touch /rro/sub/y; echo x >/one/file
		grep -c " /alone/sub " /proc/mounts; stat -f -c %b.%s /mem; stat -c %a.%u /mem; df -k /mem2 | tail -n 1'
	umount "$BATS_TEST_TMPDIR/src/sub"
	is "$status" 0
	is "${lines[0]}" 1
	is "${lines[1]} ${lines[2]}" 'host host'
	has "$output" '/ro/x: Read-only' '/rro/sub/y: Read-only' '/one/file: Read-only' '1770.1000' \
		'tmpfs                     1024'
	is "$(cat "$BATS_TEST_TMPDIR/src/new")" container
	is "$(docker run --rm --volume copied:/data box sh -c 'grep -c root /data/passwd')" 1
	docker volume rm copied empty
}

@test "volumes: mounts of the host arrive where they are asked for" {
	mkdir "$BATS_TEST_TMPDIR/tree"
	mount --bind "$BATS_TEST_TMPDIR/tree" "$BATS_TEST_TMPDIR/tree"
	mount --make-shared "$BATS_TEST_TMPDIR/tree"
	docker run --detach --name it --volume "$BATS_TEST_TMPDIR/tree:/slave:rslave" --volume \
		"$BATS_TEST_TMPDIR/tree:/private" box sleep 1000
	mkdir "$BATS_TEST_TMPDIR/tree/late"
	mount -t tmpfs late "$BATS_TEST_TMPDIR/tree/late"
	run docker exec it grep -o '/[a-z]*/late' /proc/mounts
	umount "$BATS_TEST_TMPDIR/tree/late"
	umount "$BATS_TEST_TMPDIR/tree"
	is "$output" /slave/late
}

@test "networks: by name, a published port, another container's, the host's, none" {
	docker run --detach --name web --network net --publish 127.0.0.1:8080:80 --network-alias www box httpd -f -p 80 \
		-h /etc
	has "$(docker run --rm --network net box wget -q -O - http://www/passwd)" root:x:0
	has "$(busybox wget -q -O - http://127.0.0.1:8080/passwd)" root:x:0
	has "$(docker run --rm --network container:web box sh -c 'wget -q -O - http://127.0.0.1/passwd;
		hostname')" root:x:0 "$(inspect '{{slice .Id 0 12}}' web)"
	is "$(docker run --rm --network none box ls /sys/class/net)" lo
	is "$(docker run --rm --network host box readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
}

@test "--init: the program has a parent that collects" {
	docker run --detach --init --name it box sh -c '(sleep 1 &); echo ready; exec sleep 1000'
	eventually said it ready
	has "$(docker exec it cat /proc/1/comm)" init
	eventually docker exec it sh -c 'test "$(cat /proc/[0-9]*/comm | grep -c "^sleep$")" = 1'
	docker stop --time 30 it
	inspected 143 '{{.State.ExitCode}}' it
}

@test "--privileged: all capabilities, all devices, no filter, mounts" {
	run docker run --rm --privileged box sh -c 'grep -E "CapEff|Seccomp:" /proc/self/status;
		cat /proc/self/attr/current; echo
		mount -t tmpfs t /mnt || mkdir /mnt && mount -t tmpfs t /mnt && echo mounted; test -c /dev/kmsg && echo kmsg;
		readlink /dev/ptmx
		mkdir /sys/fs/cgroup/sub && echo cgroup; cat /proc/sys/kernel/msgmax >/tmp/m &&
		cat /tmp/m >/proc/sys/kernel/msgmax && echo sysctl; grep -c "/proc/kcore" /proc/mounts'
	has "$output" "$(grep CapBnd /proc/1/status | cut -f 2)" $'Seccomp:\t0' unconfined mounted kmsg pts/ptmx cgroup \
		sysctl
	is "${lines[-1]}" 0
}

@test "capabilities: dropped, added, all, and of an ordinary user" {
	caps() { docker run --rm "$@" box sed -n 's/Cap\(Eff\|Bnd\|Amb\|Prm\):\t//p' /proc/self/status | tr '\n' ' '; }
	# In the order of the file: permitted, effective, bounding, ambient.
	is "$(caps)" '00000000a80425fb 00000000a80425fb 00000000a80425fb 0000000000000000 '
	is "$(caps --cap-drop ALL --cap-add NET_ADMIN --cap-add CHOWN)" \
		'0000000000001001 0000000000001001 0000000000001001 0000000000000000 '
	is "$(caps --cap-drop MKNOD --user 1000)" '0000000000000000 0000000000000000 00000000a00425fb 0000000000000000 '
}

@test "--security-opt: no-new-privileges, filters, AppArmor" {
	look() { docker run --rm "$@" box sh -c 'exec 2>&1;
		sed -n "s/^\(NoNewPrivs\|Seccomp\):\t/\1=/p" /proc/self/status; cat /proc/self/attr/current; mkdir /x;
		mknod /y p'; }
	cat >"$BATS_TEST_TMPDIR/profile.json" <<-'END'
		{"defaultAction": "SCMP_ACT_ALLOW",
			"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
	END
	has "$(look)" NoNewPrivs=0 Seccomp=2 "$([ ! -d /sys/kernel/security/apparmor ] || echo 'docker-default (enforce)')"
	has "$(look --security-opt no-new-privileges --security-opt seccomp=unconfined)" NoNewPrivs=1 Seccomp=0
	has "$(look --security-opt "seccomp=$BATS_TEST_TMPDIR/profile.json" --security-opt apparmor=unconfined)" \
		Seccomp=2 'Function not implemented' unconfined
	exits 127 docker run --rm --security-opt apparmor=no-such-profile box true
	has "$output" pparmor
}

@test "--read-only, with a directory to write to" {
	run docker run --rm --read-only --tmpfs /run --volume data:/data box sh -c 'exec 2>&1; touch /x;
		touch /run/x /data/x /dev/shm/x && echo wrote'
	has "$output" 'Read-only file system' wrote
}

@test "namespaces of the host and of another container" {
	own=$(for ns in cgroup ipc net pid uts; do readlink /proc/self/ns/$ns; done)
	show='for ns in cgroup ipc net pid uts; do readlink /proc/self/ns/$ns; done'
	is "$(docker run --rm --cgroupns host --ipc host --network host --pid host --uts host box sh -c "$show")" "$own"
	docker run --detach --name first --ipc shareable box sh -c 'touch /dev/shm/mark; exec sleep 1000'
	run docker run --rm --ipc container:first --pid container:first --network container:first box sh -c \
		"$show; ls /dev/shm; ps"
	is "$status" 0
	has "$output" mark 'sleep 1000' "$(docker exec first readlink /proc/self/ns/pid)" "$(docker exec first readlink \
		/proc/self/ns/ipc)"
	not grep -qF "${lines[0]}" <<<"$own"
}

@test "cgroup namespaces and parents" {
	is "$(docker run --rm --cgroupns private box cat /proc/self/cgroup)" 0::/
	run docker run --rm --cgroupns host --cgroup-parent shop-front.slice --memory 64m box sh -c 'exec 2>&1;
		cat /proc/self/cgroup; cat "/sys/fs/cgroup$(sed s/0::// /proc/self/cgroup)/memory.max"; mkdir /sys/fs/cgroup/x'
	has "${lines[0]}" 0::/shop.slice/shop-front.slice/docker-
	is "${lines[1]}" 67108864
	has "${lines[2]}" 'Read-only file system'
}

@test "devices, resource limits, sysctls, shared memory and scores" {
	run docker run --rm --device /dev/fuse:/dev/mine:r --device-cgroup-rule 'c 10:237 rwm' --ulimit nofile=123:456 \
		--ulimit core=0 --sysctl net.ipv4.ip_forward=0 \
		--sysctl kernel.msgmax=9000 --shm-size 12m --oom-score-adj 77 box sh -c 'exec 2>&1;
		stat -c %F.%t:%T /dev/mine; : </dev/mine && echo read; (: >/dev/mine)
		mknod /loop c 10 237; : </loop && echo rule; mknod /disk b 254 0; (: </disk); ulimit -n; ulimit -Hn;
		ulimit -c; cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax
		df -k /dev/shm | tail -n 1; cat /proc/self/oom_score_adj'
	has "$output" 'character special file.a:e5' read "can't create /dev/mine: Operation not permitted" \
		"can't open /disk: Operation not permitted" $'123\n456\n0\n0\n9000\n' 12288
	is "${lines[-1]}" 77
}

@test "health is what the check says" {
	docker run --detach --name it --health-cmd 'test -e /well' --health-interval 1s --health-retries 1 box sleep 1000
	eventually inspected unhealthy '{{.State.Health.Status}}' it
	docker exec it touch /well
	eventually inspected healthy '{{.State.Health.Status}}' it
}

@test "restart policies" {
	docker run --detach --name it --restart on-failure:2 box sh -c 'echo began; exit 3'
	eventually inspected 'exited 2 3' '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}' it
	is "$(docker logs it | grep -c began)" 3
}

@test "cp, diff, commit and export" {
	docker run --detach --name it box sh -c 'echo content >/new; exec sleep 1000'
	eventually docker exec it test -s /new
	is "$(docker cp it:/new - | tar -xO)" content
	echo host >"$BATS_TEST_TMPDIR/file"
	docker cp "$BATS_TEST_TMPDIR/file" it:/tmp/file
	is "$(docker exec it cat /tmp/file)" host
	has "$(docker diff it)" 'A /new'
	docker commit --change 'CMD ["cat", "/new"]' it committed
	is "$(docker run --rm committed)" content
	docker image rm --force committed
}

dockerfile() {
	mkdir -p "$BATS_TEST_TMPDIR/context"
	echo copied >"$BATS_TEST_TMPDIR/context/file"
	cat >"$BATS_TEST_TMPDIR/context/Dockerfile" <<-'END'
		FROM box AS first
		ARG WORD
		RUN echo "$WORD" >/first && id -u >>/first
		FROM box
		ENV A=1
		WORKDIR /srv
		COPY file .
		COPY --from=first /first /
		RUN chown user /srv && test "$A" = 1 && test "$(pwd)" = /srv
		USER user
		RUN id -un >user && test ! -w /etc/passwd
		ENTRYPOINT ["cat", "/first", "/srv/file", "/srv/user"]
	END
}

@test "build, with the classic builder" {
	dockerfile
	DOCKER_BUILDKIT=0 docker build --build-arg WORD=hello --tag built "$BATS_TEST_TMPDIR/context"
	is "$(docker run --rm built)" $'hello\n0\ncopied\nuser'
	printf 'FROM box\nRUN exit 3\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	DOCKER_BUILDKIT=0 exits 3 docker build "$BATS_TEST_TMPDIR/context"
	has "$output" "The command '/bin/sh -c exit 3' returned a non-zero code: 3"
}

@test "build, with BuildKit, which calls what it finds under the name runc" {
	docker buildx version || skip "this machine has no docker buildx"
	dockerfile
	cat >>"$BATS_TEST_TMPDIR/context/Dockerfile" <<-'END'
		USER root
		RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/mem --mount=type=secret,id=key \
			--mount=type=bind,source=file,target=/bound \
			test "$(cat /run/secrets/key /bound)" = "$(printf 'hidden\ncopied')" && touch /cache/x /mem/x && \
			grep -q " /mem tmpfs" /proc/mounts
		RUN --network=none test "$(ls /sys/class/net)" = lo
	END
	echo hidden >"$BATS_TEST_TMPDIR/key"
	: >/run/runc.calls
	docker buildx build --no-cache --progress plain --secret "id=key,src=$BATS_TEST_TMPDIR/key" --build-arg \
		WORD=hello --tag built "$BATS_TEST_TMPDIR/context"
	cat /run/runc.calls
	is "$(grep -c 'run --bundle /var/lib/docker/buildkit/executor/' /run/runc.calls)" 5
	is "$(docker run --rm built)" $'hello\n0\ncopied\nuser'
	printf 'FROM box\nRUN exit 3\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	exits 1 docker buildx build --progress plain "$BATS_TEST_TMPDIR/context"
	has "$output" 'process "/bin/sh -c exit 3" did not complete successfully: exit code: 3'
	printf 'FROM box\nRUN ["/nothing"]\n' >"$BATS_TEST_TMPDIR/context/Dockerfile"
	exits 1 docker buildx build --progress plain "$BATS_TEST_TMPDIR/context"
	has "$output" '/nothing' 'no such file or directory'
}

@test "compose: services that wait for one another" {
	docker compose version || skip "this machine has no docker compose"
	cat >"$BATS_TEST_TMPDIR/compose.yaml" <<-'END'
		name: shop
		services:
		  web:
		    image: box
		    command: httpd -f -p 80 -h /etc
		    healthcheck: {test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/passwd"], interval: 1s}
		    deploy: {resources: {limits: {memory: 32M, pids: 20}}}
		    cap_drop: [ALL]
		    tmpfs: /run
		  visitor:
		    image: box
		    command: wget -q -O - http://web/passwd
		    depends_on: {web: {condition: service_healthy}}
		    volumes: [data:/data]
		volumes: {data: {}}
	END
	cd "$BATS_TEST_TMPDIR"
	docker compose up --detach
	eventually inspected 'exited 0' '{{.State.Status}} {{.State.ExitCode}}' shop-visitor-1
	has "$(docker compose logs visitor)" root:x:0
	is "$(docker compose exec -T web sh -c 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max;
		grep CapEff /proc/self/status' | tr -s '\t\n' ' ')" '33554432 20 CapEff: 0000000000000000 '
	docker compose down --volumes --timeout 0
}

@test "a shim that is killed takes its container along, and nothing stays" {
	docker run --detach --name it box sleep 1000
	id=$(inspect '{{.Id}}' it)
	pid=$(inspect '{{.State.Pid}}' it)
	kill -KILL "$(pgrep --full "containerd-shim-runc-v2 -namespace moby -id $id")"
	eventually inspected exited '{{.State.Status}}' it
	eventually test ! -e "/proc/$pid"
	docker start it
	docker exec it true
}

@test "containers that are gone have left nothing" {
	eventually nothing_left
}
