#!/usr/bin/env bats
# bats file_tags=rootless
# runtime.md: state, lifecycle, operations

load setup

@test "create: created, with a process that is not yet the user's" {
	bundle '.root.readonly = false'
	created touch /ran
	status_is created
	pid=$(state pid)
	[ "$pid" -gt 1 ]
	[ -d "/proc/$pid" ]
	eventually asleep "$pid"
	[ ! -e "$BUNDLE/rootfs/ran" ]
}

@test "start: the user's process runs, and when it ends the container is stopped" {
	bundle '.root.readonly = false'
	created sh -c 'touch /ran; while [ ! -e /end ]; do sleep 0.05; done'
	pid=$(state pid)
	rt start "$ID"
	eventually test -e "$BUNDLE/rootfs/ran"
	status_is running
	[ "$(state pid)" = "$pid" ]
	touch "$BUNDLE/rootfs/end"
	eventually status_is stopped
	[ "$(state pid)" = 0 ]
}

@test "create, start: nothing is printed" {
	bundle
	process true
	run_detached rt create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	run rt start "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
}

@test "create: what it starts does not depend on config.json any more" {
	bundle
	created sleep 60
	echo broken >"$BUNDLE/config.json"
	rt start "$ID"
	status_is running
	rt kill "$ID" KILL
	eventually status_is stopped
	rt delete "$ID"
	[ -z "$(containers)" ]
}

@test "state: the fields of the spec, and those that engines read" {
	bundle '.annotations = {"org.example.key": "value"}'
	created sleep 60
	run rt state "$ID"
	[ "$status" -eq 0 ]
	[ "$(jq -r .id <<<"$output")" = "$ID" ]
	[ "$(jq -r .status <<<"$output")" = created ]
	[ "$(jq -r .bundle <<<"$output")" = "$BUNDLE" ]
	[ "$(jq -r .rootfs <<<"$output")" = "$BUNDLE/rootfs" ]
	[ "$(jq -r '.annotations["org.example.key"]' <<<"$output")" = value ]
	[[ $(jq -r .ociVersion <<<"$output") == 1.* ]]
	[ "$(jq -r '.pid | type' <<<"$output")" = number ]
	date -d "$(jq -r .created <<<"$output")" >/dev/null
	[ "$(jq -r '.owner | type' <<<"$output")" = string ]
}

@test "state: the bundle is absolute, however it was named" {
	bundle
	process sleep 60
	cd "$BATS_TEST_TMPDIR"
	run_detached rt create --bundle ./bundle "$ID"
	[ "$(state bundle)" = "$BUNDLE" ]
}

@test "kill: by name, by name with SIG, by number, and TERM without any" {
	bundle '.root.readonly = false'
	for signal in KILL SIGKILL 9 kill ""; do
		running sh -c 'trap "exit 0" TERM; : >/ready; while :; do sleep 0.05; done'
		eventually rm "$BUNDLE/rootfs/ready" 2>/dev/null
		rt kill "$ID" $signal
		eventually status_is stopped
		rt delete "$ID"
	done
}

@test "kill: the container's process gets that signal" {
	bundle '.root.readonly = false'
	running sh -c 'trap "echo usr1 >/got" USR1; trap "echo rt >/got" 40; touch /ready; while :; do sleep 0.05; done'
	eventually test -e "$BUNDLE/rootfs/ready"
	rt kill "$ID" USR1
	eventually grep -q usr1 "$BUNDLE/rootfs/got"
	rt kill "$ID" 40
	eventually grep -q rt "$BUNDLE/rootfs/got"
	status_is running
}

@test "kill: a created container ends without ever running" {
	bundle '.root.readonly = false'
	created touch /ran
	rt kill "$ID" KILL
	eventually status_is stopped
	rt delete "$ID"
	[ ! -e "$BUNDLE/rootfs/ran" ]
	[ -z "$(containers)" ]
}

@test "kill: a stopped container: refused with the words that engines look for" {
	bundle
	running true
	eventually status_is stopped
	run rt kill "$ID" TERM
	[ "$status" -eq 1 ]
	[[ ${output,,} == *"container not running"* || ${output,,} == *"no such process"* ]]
}

@test "kill: an unknown signal is refused" {
	bundle
	running sleep 60
	run rt kill "$ID" NONSENSE
	[ "$status" -eq 1 ]
	[[ $output == *NONSENSE* ]]
	run rt kill "$ID" 99
	[ "$status" -eq 1 ]
	status_is running
}

# They are known by their cgroup, which an ordinary user may not have.
# bats test_tags=root
@test "kill: without a pid namespace all processes of the container are killed" {
	known_bad runc "before 1.2 only with --all"
	bundle '.linux.namespaces |= map(select(.type != "pid")) | .root.readonly = false'
	running sh -c 'sleep 61 & echo $! >/child; sleep 60'
	eventually test -s "$BUNDLE/rootfs/child"
	child=$(cat "$BUNDLE/rootfs/child")
	[ -d "/proc/$child" ]
	rt kill "$ID" KILL
	eventually status_is stopped
	eventually dead "$child"
}

@test "delete: a stopped container" {
	bundle
	running true
	eventually status_is stopped
	run rt delete "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	[ -z "$(containers)" ]
	run rt state "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"does not exist"* ]]
}

@test "delete: a created container, as runc" {
	bundle
	created sleep 60
	pid=$(state pid)
	run rt delete "$ID"
	[ "$status" -eq 0 ]
	eventually dead "$pid"
	[ -z "$(containers)" ]
}

@test "delete: a running container is refused and runs on" {
	bundle
	running sleep 60
	run rt delete "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *running* ]]
	status_is running
}

@test "delete --force: a running container" {
	bundle
	running sh -c 'trap "" TERM INT HUP; while :; do sleep 0.1; done'
	pid=$(state pid)
	run rt delete --force "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	dead "$pid"
	nothing_left
}

# They are known by their cgroup, which an ordinary user may not have.
# bats test_tags=root
@test "delete --force: without a pid namespace nothing of the container lives on" {
	bundle '.linux.namespaces |= map(select(.type != "pid")) | .root.readonly = false'
	running sh -c 'setsid sleep 61 & echo $! >/child; sleep 60'
	eventually test -s "$BUNDLE/rootfs/child"
	rt delete --force "$ID"
	eventually dead "$(cat "$BUNDLE/rootfs/child")"
}

# They are known by their cgroup, which an ordinary user may not have.
# bats test_tags=root
@test "delete --force: a stopped one whose children live on without it" {
	bundle '.linux.namespaces |= map(select(.type != "pid")) | .root.readonly = false'
	running sh -c 'setsid sleep 61 & echo $! >/child'
	eventually status_is stopped
	[ -d "/proc/$(cat "$BUNDLE/rootfs/child")" ]
	rt delete --force "$ID"
	eventually dead "$(cat "$BUNDLE/rootfs/child")"
}

# The first process of a pid namespace ends when all others were waited for, and one of exec's is waited for by its rt.
@test "delete --force: a container in which a stopped exec has a process that has ended" {
	bundle
	running sleep 60
	background "$RT" --root "$ROOT" exec "$ID" sleep 61 # without the wrapper: it is rt that is stopped
	local exec=$!
	eventually pgrep -P "$exec" -x sleep >"$BATS_TEST_TMPDIR/child" # the first child makes that one, and ends
	kill -STOP "$exec"
	kill -KILL "$(cat "$BATS_TEST_TMPDIR/child")"
	rt delete --force "$ID"
	eventually dead "$exec"
}

@test "delete --force: an unknown id is silent success" {
	run rt delete --force no-such-container
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	# also when the state directory is there
	bundle
	created sleep 60
	run rt delete --force no-such-container
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
}

@test "delete: the root file system and the bundle stay" {
	bundle
	running true
	eventually status_is stopped
	rt delete "$ID"
	[ -x "$BUNDLE/rootfs/bin/busybox" ]
	[ -s "$BUNDLE/config.json" ]
}

@test "an unknown id: every command says that it does not exist" {
	for command in start state kill delete; do
		run rt "$command" no-such-container
		[ "$status" -eq 1 ]
		[[ $output == *"does not exist"* ]]
	done
}

@test "start: refused unless created, and nothing changes" {
	bundle
	running sleep 60
	pid=$(state pid)
	run rt start "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *running* ]]
	[ "$(state pid)" = "$pid" ]
	rt kill "$ID" KILL
	eventually status_is stopped
	run rt start "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *stopped* ]]
}

@test "create: an id in use is refused, and its container is left alone" {
	bundle
	running sleep 60
	pid=$(state pid)
	run_detached rt create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *exist* ]]
	[ "$(state pid)" = "$pid" ]
	status_is running
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	status_is running
}

@test "create: the id is free again after delete" {
	bundle
	for _ in 1 2 3; do
		running true
		eventually status_is stopped
		rt delete "$ID"
	done
}

@test "two containers of one bundle do not see each other" {
	bundle
	process sleep 60
	created
	ID2=$ID-second
	run_detached rt create --bundle "$BUNDLE" "$ID2"
	rt start "$ID"
	status_is running "$ID"
	status_is created "$ID2"
	rt delete --force "$ID"
	status_is created "$ID2"
	rt start "$ID2"
	status_is running "$ID2"
	rt delete --force "$ID2"
}

@test "create --pid-file: the pid, in decimal, and nothing else" {
	bundle
	process sleep 60
	run_detached rt create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	[ "$(od -An -c "$BATS_TEST_TMPDIR/pid" | tr -d ' \n')" = "$(state pid)" ]
}

@test "create --pid-file: a FIFO gets the pid, and what a file must not replace stays" {
	only_rt "runc puts a file there"
	bundle
	process sleep 60
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 5<>"$BATS_TEST_TMPDIR/fifo"
	run_detached rt create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/fifo" "$ID"
	[ "$status" -eq 0 ]
	[ -p "$BATS_TEST_TMPDIR/fifo" ]
	read -r -t 5 -N "$(state pid | tr -d '\n' | wc -c)" pid <&5
	[ "$pid" = "$(state pid)" ]
	exec 5<&-
	run rt exec --detach --pid-file "$BATS_TEST_TMPDIR/fifo" "$ID" sleep 5
	[[ $output == *--pid-file* && $output == *"no such device or address"* ]]
	ln -s fifo "$BATS_TEST_TMPDIR/link"
	run rt exec --detach --pid-file "$BATS_TEST_TMPDIR/link" "$ID" sleep 5
	[ "$status" -eq 255 ]
	[[ $output == *--pid-file*"name a regular file"* ]]
	[ -L "$BATS_TEST_TMPDIR/link" ]
}

# bats test_tags=root
@test "create --pid-file: the host's /dev/null stays a device" {
	only_rt "runc puts a file there"
	bundle
	process sleep 60
	mknod "$BATS_TEST_TMPDIR/null" c 1 3
	run_detached rt create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/null" "$ID"
	[ "$status" -eq 0 ]
	[ -c "$BATS_TEST_TMPDIR/null" ]
}

@test "start: eight at once, one wins" {
	bundle '.root.readonly = false'
	created sh -c 'echo ran >>/ran; sleep 60'
	for _ in 1 2 3 4 5 6 7 8; do
		{ rt start "$ID" >/dev/null 2>&1 && echo started >>"$BATS_TEST_TMPDIR/starts"; } 3>&- &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR/starts")" = started ]
	eventually test -s "$BUNDLE/rootfs/ran"
	[ "$(cat "$BUNDLE/rootfs/ran")" = ran ]
}

@test "create: eight at once with one id, one wins" {
	known_bad runc "now and then none does"
	bundle
	process sleep 60
	for _ in 1 2 3 4 5 6 7 8; do
		{ rt create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 &&
			echo created >>"$BATS_TEST_TMPDIR/creates"; } 3>&- &
	done
	wait
	[ "$(cat "$BATS_TEST_TMPDIR/creates")" = created ]
	status_is created
	rt start "$ID"
	status_is running
}

@test "start: reports that the program cannot be executed" {
	only_rt "others find out after start has returned, or refuse at create"
	bundle '.root.readonly = false'
	cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/bin/app"
	created app
	chmod -x "$BUNDLE/rootfs/bin/app"
	run rt start "$ID"
	[ "$status" -eq 1 ]
	clear_error process.args[0] "permission denied"
	eventually status_is stopped
	rt delete "$ID"
}

# signals_of PID prints the sets of signals that a process ignores and blocks.
signals_of() {
	awk '/^Sig(Ign|Blk)/ { print $2 }' "/proc/$1/status" | sort -u
}

@test "create, run and exec: signals that the caller ignores or blocks are neither for the container" {
	bundle
	process sleep 60
	# shellcheck disable=SC2054 # the commas are the options of env
	local deaf=(env --ignore-signal=HUP,INT,TSTP,TTIN,TTOU --block-signal=TERM,USR1,CHLD "$RT" --root "$ROOT") \
		none=0000000000000000
	run_detached "${deaf[@]}" create --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	[ "$status" -eq 0 ]
	rt start "$ID"
	[ "$(signals_of "$(cat "$BATS_TEST_TMPDIR/pid")")" = $none ]
	run_detached "${deaf[@]}" exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 60
	[ "$status" -eq 0 ]
	[ "$(signals_of "$(cat "$BATS_TEST_TMPDIR/pid")")" = $none ]
	rt delete --force "$ID"
	run_detached "${deaf[@]}" run --detach --bundle "$BUNDLE" --pid-file "$BATS_TEST_TMPDIR/pid" "$ID"
	[ "$status" -eq 0 ]
	[ "$(signals_of "$(cat "$BATS_TEST_TMPDIR/pid")")" = $none ]
}

@test "run: a signal that the caller blocks is still forwarded to the container" {
	only_rt "in this form"
	bundle
	process sh -c 'trap "exit 3" USR1; echo ready; while :; do sleep 0.1; done'
	background env --block-signal=USR1 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null \
		>"$BATS_TEST_TMPDIR/ready"
	local client=$!
	eventually grep -q ready "$BATS_TEST_TMPDIR/ready"
	kill -USR1 "$client"
	status=0
	wait "$client" || status=$?
	[ "$status" -eq 3 ]
}

@test "delete: right after kill KILL it waits for the end that is under way" {
	bundle
	process sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 60 & done; wait'
	for _ in 1 2 3 4 5; do
		run_detached rt run --detach --bundle "$BUNDLE" "$ID"
		[ "$status" -eq 0 ]
		rt kill "$ID" KILL
		rt delete "$ID"
	done
}

# bats test_tags=root
@test "kill KILL: what a container in the host's pid namespace has left when its process ended" {
	bundle '.linux.namespaces |= map(select(.type != "pid")) | .mounts |= map(select(.type != "proc"))'
	running sh -c 'sleep 4711 & sleep 0.1'
	eventually status_is stopped
	rt kill "$ID" KILL
	eventually not rt kill "$ID" KILL
	rt delete "$ID"
}

@test "delete --force: another process that holds the container's lock does not keep it, though it is stopped" {
	only_rt "the lock is rt's"
	bundle
	running sleep 60
	background flock --no-fork "$ROOT/$ID" sleep 60
	local holder=$!
	eventually not flock --nonblock "$ROOT/$ID" true
	kill -STOP "$holder"
	rt delete --force "$ID"
	run rt state "$ID"
	[ "$status" -ne 0 ]
	kill -CONT "$holder" 2>"$BATS_TEST_TMPDIR/gone" || true
}
