#!/usr/bin/env bats
# BuildKit without Docker: buildkitd, its OCI worker with the runtime under test, and buildctl. The daemon is of this
# file's own, in the namespaces that tests/engines/native makes, and configured by the file that packaging/ has for it.
# tests/engines/newest builds the programs. An ordinary user has the daemon in a user namespace of rootlesskit's, as
# BuildKit's documentation of it says.

# shellcheck disable=SC2016 # scripts are for the shell of the container, and "$PATH" is a word of the runtime's

bats_require_minimum_version 1.5.0

setup_file() {
	RT=$(readlink -f "$(command -v "${RT:-$BATS_TEST_DIRNAME/../../rt}")")
	SOCKET=unix:///run/buildkit/buildkitd.sock STATE=/var/lib/buildkit
	local daemon=(buildkitd)
	if [ "$(id -u)" -ne 0 ]; then
		SOCKET=unix://$XDG_RUNTIME_DIR/buildkit/buildkitd.sock STATE=$BATS_FILE_TMPDIR/state
		daemon=(rootlesskit --state-dir "$XDG_RUNTIME_DIR/rootlesskit" buildkitd --rootless)
	fi
	export SOCKET STATE CALLS=$BATS_FILE_TMPDIR/calls
	# What the daemon calls notes that it was called, and is the runtime.
	printf '#!/bin/sh\necho "$@" >>%q\nexec %q "$@"\n' "$CALLS" "$RT" >"$BATS_FILE_TMPDIR/rt"
	chmod 755 "$BATS_FILE_TMPDIR/rt"
	sed "s#/usr/local/bin/rt#$BATS_FILE_TMPDIR/rt#" \
		"${PACKAGING:-$BATS_TEST_DIRNAME/../../packaging}/buildkit/buildkitd.toml" >"$BATS_FILE_TMPDIR/buildkitd.toml"
	mkdir -p "$STATE"
	[ "$(id -u)" -ne 0 ] || mount -t tmpfs buildkit "$STATE"
	"${daemon[@]}" --config "$BATS_FILE_TMPDIR/buildkitd.toml" --addr "$SOCKET" --root "$STATE" \
		--containerd-worker=false \
		--allow-insecure-entitlement security.insecure --allow-insecure-entitlement network.host \
		>"$BATS_FILE_TMPDIR/buildkitd.log" 2>&1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/daemon"
	eventually buildctl debug workers || {
		tail -20 "$BATS_FILE_TMPDIR/buildkitd.log"
		return 1
	}
	make_tree
	base
}

teardown_file() {
	local pid
	pid=$(cat "$BATS_FILE_TMPDIR/daemon")
	kill "$pid" || return 0
	timeout 20 tail --pid "$pid" -f /dev/null
	[ "$(id -u)" -ne 0 ] || umount --lazy "$STATE"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir context
}

teardown() { nothing_left; }

buildctl() { timeout --foreground --kill-after=5 90 buildctl --addr "$SOCKET" "$@"; }

# shellcheck disable=SC2119,SC2120 # its options are for the tests that have some
# build [OPTION...] builds the Dockerfile on standard input, whose stage "base" is busybox.
build() {
	cat >context/Dockerfile
	buildctl build --progress plain --frontend dockerfile.v0 --local context=context --local dockerfile=context \
		--oci-layout "box=$BATS_FILE_TMPDIR/layout" --opt "context:base=oci-layout://box@$(cat \
		"$BATS_FILE_TMPDIR/digest")" "$@" 2>&1 3>&-
}

# make_tree makes a root file system of busybox.
make_tree() {
	local tree=$BATS_FILE_TMPDIR/context/tree busybox applet
	busybox=$(command -v busybox)
	mkdir -p "$tree"/{bin,etc,tmp,root}
	cp "$busybox" "$tree/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$tree/bin/$applet"
	done
	printf '%s\n' root:x:0:0:root:/root:/bin/sh user:x:1000:1000:user:/:/bin/sh >"$tree/etc/passwd"
	printf '%s\n' root:x:0: user:x:1000: >"$tree/etc/group"
}

# base builds the image that the other builds start from, out of nothing, as an OCI layout.
base() {
	local context=$BATS_FILE_TMPDIR/context
	printf '%s\n' 'FROM scratch' 'COPY tree /' 'ENV PATH=/bin' >"$context/Dockerfile"
	buildctl build --frontend dockerfile.v0 --local "context=$context" --local "dockerfile=$context" \
		--output "type=oci,tar=false,dest=$BATS_FILE_TMPDIR/layout" >"$BATS_FILE_TMPDIR/base.log" 2>&1 3>&- || {
		cat "$BATS_FILE_TMPDIR/base.log"
		return 1
	}
	jq -r '.manifests[0].digest' "$BATS_FILE_TMPDIR/layout/index.json" >"$BATS_FILE_TMPDIR/digest"
}

eventually() {
	local i
	for ((i = 0; i < 100; i++)); do
		if "$@" >/dev/null 2>&1; then return 0; fi
		sleep 0.2
	done
	echo "in twenty seconds it never came true: $*"
	"$@"
}

# nothing_left: a step of a build that has ended leaves no state of the runtime, no process and no cgroup.
nothing_left() {
	local i left
	for ((i = 0; i < 50; i++)); do
		left=$(
			find /run/rt /run/runc "$STATE"/runc-*/executor -mindepth 1 -maxdepth 1 -type d 2>/dev/null
			find /sys/fs/cgroup -mindepth 3 -type d -path '*/buildkit/*' 2>/dev/null
		) || true
		[ -n "$left" ] || return 0
		sleep 0.1
	done
	printf 'left behind:\n%s\n' "$left"
	return 1
}

@test "buildkit: layers, users, directories, an argument, a heredoc" {
	run build --opt build-arg:WORD=said --output type=local,dest=out <<-'E'
		FROM base
		ARG WORD
		ENV A=1
		RUN echo "$A $WORD $(id -u)" >/one
		WORKDIR /w
		RUN mkdir -m 777 /free && pwd >/two
		USER user
		RUN id -u >/free/three && [ ! -w /two ]
		RUN <<DOC
		cat /one /two /free/three >/free/all
		DOC
	E
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(cat out/free/all)" = $'1 said 0\n/w\n1000' ]
	grep -q -- 'run --bundle' "$CALLS"
}

@test "buildkit: layers that are there are not built again" {
	dockerfile=$'FROM base\nRUN echo once >/f\nRUN cat /f'
	build <<<"$dockerfile" >/dev/null
	calls=$(wc -l <"$CALLS")
	run build <<<"$dockerfile"
	[[ $output == *CACHED* ]]
	[ "$(wc -l <"$CALLS")" -eq "$calls" ]
}

@test "buildkit: mounts: bind, cache, tmpfs, a secret" {
	echo from-context >context/file
	echo hush >secret
	for n in 1 2; do
		run build --opt build-arg:N=$n --secret id=s,src=secret --output type=local,dest=out <<-'E'
			FROM base
			ARG N
			RUN --mount=type=bind,target=/ctx cat /ctx/file >/bound && ! touch /ctx/x
			RUN --mount=type=cache,target=/cache echo x >>/cache/count && wc -l </cache/count >/count
			RUN --mount=type=tmpfs,target=/t,size=1048576 grep " /t " /proc/mounts >/mounts
			RUN --mount=type=secret,id=s,mode=0400 cat /run/secrets/s >/secret && ! echo x >/run/secrets/s
			RUN --mount=type=secret,id=s,env=S echo "$S" >>/secret
			RUN [ ! -e /run/secrets/s ]
		E
		echo "$output"
		[ "$status" -eq 0 ]
		[ "$(cat out/count)" = $n ]
	done
	[ "$(cat out/bound)" = from-context ]
	[[ $(cat out/mounts) == tmpfs*size=1024k* ]]
	[ "$(cat out/secret)" = $'hush\nhush' ]
}

@test "buildkit: the socket of an agent for ssh" {
	command -v ssh-agent >/dev/null || skip 'no ssh-agent on this machine'
	eval "$(ssh-agent -s)" >/dev/null
	run build --ssh default="$SSH_AUTH_SOCK" <<-'E'
		FROM base
		RUN --mount=type=ssh [ -S "$SSH_AUTH_SOCK" ]
		RUN [ -z "$SSH_AUTH_SOCK" ]
	E
	kill "$SSH_AGENT_PID"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "buildkit: networks: none, and the host's" {
	run build --allow network.host --output type=local,dest=out <<-'E'
		FROM base
		RUN --network=none sed "1,2d; s/:.*//; s/ //g" /proc/net/dev >/none && readlink /proc/self/ns/net >>/none
		RUN --network=host readlink /proc/self/ns/net >/host
	E
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(head -n 1 out/none)" = lo ]
	[ "$(tail -n 1 out/none)" != "$(readlink /proc/self/ns/net)" ]
	[ "$(cat out/host)" = "$(readlink /proc/self/ns/net)" ]
}

@test "buildkit: the sandbox, and security.insecure" {
	run build --allow security.insecure --output type=local,dest=out <<-'E'
		FROM base
		RUN grep -E 'CapEff|Seccomp:' /proc/self/status >/sandbox; ! mount -t tmpfs x /tmp
		RUN --security=insecure grep -E 'CapEff|Seccomp:' /proc/self/status >/insecure; mount -t tmpfs x /tmp
	E
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(tr -s '\t\n' ' ' <out/sandbox)" = 'CapEff: 00000000a80425fb Seccomp: 2 ' ]
	# What an ordinary user's daemon has is all that its user namespace has.
	[ "$(id -u)" -ne 0 ] || [[ $(grep CapEff out/insecure) == "$(grep CapEff /proc/self/status)" ]]
	[[ $(cut -f 2 out/insecure) > 000000ffffffffff ]]
	[[ $(cat out/insecure) == *Seccomp:*0 ]]
	run build <<<$'FROM base\nRUN --security=insecure true'
	[ "$status" -ne 0 ]
	[[ $output == *security.insecure*'not allowed'* ]]
}

@test "buildkit: a step that fails: its status, and the runtime's words" {
	run build <<<$'FROM base\nRUN exit 7'
	[ "$status" -ne 0 ]
	[[ $output == *'exit code: 7'* ]]
	run build <<<$'FROM base\nRUN no-such-program'
	[[ $output == *'exit code: 127'* ]]
	run build <<<$'FROM base\nRUN ["no-such-program"]'
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $output == *'exec: "no-such-program": executable file not found in $PATH'* ]]
	run build <<<$'FROM base\nUSER nobody-knows\nRUN true'
	[ "$status" -ne 0 ]
	run build <<<$'FROM base\nRUN sleep 9 & kill -9 $!; wait $!'
	[[ $output == *'exit code: 137'* ]]
}

@test "buildkit: limits, shared memory, host names, a cgroup's parent" {
	run build --opt ulimit=nofile=77:88 --opt shm-size=2097152 --opt add-hosts=other=192.0.2.7 --opt hostname=front \
		--opt cgroup-parent=engines/parent --output type=local,dest=out <<-'E'
		FROM base
		RUN (ulimit -Sn; ulimit -Hn; grep " /dev/shm " /proc/mounts; hostname; grep 192.0.2.7 /etc/hosts) >/out; \
			cat /proc/self/cgroup >/cgroup
	E
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $(cat out/out) == 77$'\n'88$'\n'*size=2048k*$'\n'front$'\n'192.0.2.7*other* ]]
}

@test "buildkit: steps side by side, and much output" {
	run build --output type=local,dest=out <<-'E'
		FROM base AS a
		RUN sleep 1; seq 1 20000; echo a >/a
		FROM base AS b
		RUN sleep 1; echo b >/b
		FROM base
		COPY --from=a /a /
		COPY --from=b /b /
		RUN cat /a /b >/all
	E
	[ "$status" -eq 0 ]
	[[ $output == *20000* ]]
	[ "$(cat out/all)" = $'a\nb' ]
}

@test "buildkit: a build that is cancelled ends its containers" {
	build >log 2>&1 <<<$'FROM base\nRUN echo begun; sleep 777' &
	pid=$!
	eventually grep -q begun log
	pkill -INT --parent "$pid" || kill -INT "$pid"
	kill -INT "$(pgrep --full "buildctl --addr $SOCKET")" 2>/dev/null || true
	wait "$pid" || true
	gone() { ! pgrep --full --exact 'sleep 777'; }
	eventually gone
}

@test "buildkit: devices" {
	run build <<-'E'
		FROM base
		RUN ls -l /dev/null /dev/zero /dev/full /dev/tty /dev/urandom /dev/pts/ptmx /dev/shm /dev/mqueue; \
			echo x >/dev/null; [ -L /dev/fd ]; ! { mknod /dev/x b 7 0 && cat /dev/x; }
	E
	echo "$output"
	[ "$status" -eq 0 ]
}
