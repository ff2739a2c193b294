#!/usr/bin/env bats
# bats file_tags=rootless
# The command run: in the foreground it is the container's process, as far as its caller can tell.

load setup

@test "run: the exit status is the process's" {
	bundle
	for code in 0 1 3 42 255; do
		in_container sh -c "exit $code"
		[ "$status" -eq "$code" ]
	done
}

# bats test_tags=root
@test "run: 128 and the number of the signal that ended it" {
	# Process 1 of a pid namespace is safe from signals of its own namespace.
	bundle '.linux.namespaces |= map(select(.type != "pid"))'
	for signal in KILL:137 TERM:143 ABRT:134; do
		in_container sh -c "kill -${signal%:*} \$\$; sleep 5"
		[ "$status" -eq "${signal#*:}" ]
	done
}

@test "run: output and errors stay apart" {
	bundle
	process sh -c 'echo out; echo err >&2'
	run --separate-stderr rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = out ]
	# shellcheck disable=SC2154 # run sets it
	[ "$stderr" = err ]
}

@test "run: stdin arrives whole, and so does its end" {
	bundle
	process sh -c 'md5sum; echo end'
	head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
	run rt run --bundle "$BUNDLE" "$ID" < <(cat "$BATS_TEST_TMPDIR/data")
	[ "$status" -eq 0 ]
	[ "${lines[0]%% *}" = "$(md5sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" ]
	[ "${lines[1]}" = end ]
	run rt run --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/data"
	[ "${lines[0]%% *}" = "$(md5sum <"$BATS_TEST_TMPDIR/data" | cut -d' ' -f1)" ]
}

@test "run: output arrives whole" {
	bundle
	process head -c 3000000 /dev/zero
	[ "$(rt run --bundle "$BUNDLE" "$ID" | wc -c)" -eq 3000000 ]
}

@test "run: nothing is left afterwards" {
	bundle
	in_container true
	[ "$status" -eq 0 ]
	[ -z "$(containers)" ]
	run rt state "$ID"
	[[ $output == *"does not exist"* ]]
	nothing_left
}

@test "run: the end of the process ends its children" {
	bundle
	SECONDS=0
	in_container sh -c 'sleep 300 & sleep 301 & exit 5'
	[ "$status" -eq 5 ]
	[ "$SECONDS" -lt 200 ]
}

@test "run --keep: the stopped container stays, until it is deleted" {
	bundle
	process sh -c 'exit 4'
	run rt run --keep --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 4 ]
	status_is stopped
	rt delete "$ID"
	[ -z "$(containers)" ]
}

@test "run --detach: returns at once, and the container runs" {
	bundle
	process sleep 60
	run_detached rt run --detach --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "" ]
	status_is running
}

@test "run --detach: the container has the caller's streams" {
	bundle '.root.readonly = false'
	process sh -c 'cat; echo out; echo err >&2'
	echo in >"$BATS_TEST_TMPDIR/in"
	rt run -d --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&-
	eventually status_is stopped
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "in
out" ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = err ]
}

@test "run --pid-file" {
	bundle
	process sleep 60
	run_detached rt run --detach --pid-file "$BATS_TEST_TMPDIR/pid" --bundle "$BUNDLE" "$ID"
	[ "$(od -An -c "$BATS_TEST_TMPDIR/pid" | tr -d ' \n')" = "$(state pid)" ]
}

@test "run: without --bundle the bundle is the working directory" {
	bundle
	process echo here
	cd "$BUNDLE"
	run rt run "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = here ]
}

@test "run: a bundle as the only argument, with a generated id" {
	only_rt "its own short form"
	bundle
	process hostname
	run rt run "$BUNDLE"
	[ "$status" -eq 0 ]
	[ "$output" = "$(jq -r .hostname "$BUNDLE/config.json")" ]
	cd "$BATS_TEST_TMPDIR"
	run rt run ./bundle
	[ "$status" -eq 0 ]
	cd "$BUNDLE"
	run rt run .
	[ "$status" -eq 0 ]
	[ -z "$(containers)" ]
}

@test "run: the container gets the three streams and no other descriptor" {
	bundle
	process ls /proc/self/fd # the fourth is the folder that it lists
	exec 7<"$BUNDLE/config.json" 19<"$BUNDLE" 200</
	run rt run --bundle "$BUNDLE" "$ID"
	exec 7<&- 19<&- 200<&-
	[ "$status" -eq 0 ]
	[ "${lines[*]}" = "0 1 2 3" ]
}

@test "run --preserve-fds: as many from 3 on, and no more" {
	bundle
	echo three >"$BATS_TEST_TMPDIR/3"
	echo four >"$BATS_TEST_TMPDIR/4"
	process sh -c 'cat <&3; cat <&4; [ -e /proc/1/fd/5 ] || echo no five; env | grep LISTEN || echo no listen'
	run rt run --preserve-fds 2 --bundle "$BUNDLE" "$ID" 3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/4" \
		5<"$BATS_TEST_TMPDIR/4"
	[ "$status" -eq 0 ]
	[ "$output" = "three
four
no five
no listen" ]
}

@test "run: LISTEN_FDS are passed, with LISTEN_PID of the container" {
	bundle
	echo three >"$BATS_TEST_TMPDIR/3"
	process sh -c 'cat <&3; echo $LISTEN_FDS $LISTEN_PID; [ -e /proc/1/fd/4 ] || echo no four'
	run bash -c 'exec env LISTEN_FDS=1 LISTEN_PID=$$ "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"' \
		3<"$BATS_TEST_TMPDIR/3" 4<"$BATS_TEST_TMPDIR/3"
	[ "$status" -eq 0 ]
	[ "$output" = "three
1 1
no four" ]
}

@test "run --preserve-fds: one that is not open is refused" {
	bundle
	process true
	run rt run --preserve-fds 5 --bundle "$BUNDLE" "$ID" 3>&- 4>&- 5>&- 6>&- 7>&-
	refused preserve-fds
}

@test "run: signals are forwarded to the process" {
	bundle '.root.readonly = false'
	process sh -c 'for s in HUP INT TERM USR1 USR2; do trap "echo $s >>/got" $s; done; trap "exit 9" QUIT;
		touch /ready; while :; do sleep 0.05; done'
	background "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	pid=$!
	eventually test -e "$BUNDLE/rootfs/ready"
	# A background job of a shell ignores INT and QUIT, so they are not sent.
	for signal in HUP TERM USR1 USR2; do
		kill "-$signal" "$pid"
		eventually grep -q "$signal" "$BUNDLE/rootfs/got"
	done
	rt kill "$ID" QUIT
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 9 ]
}

@test "run: the status after a forwarded signal" {
	bundle '.root.readonly = false'
	process sh -c 'trap "exit 7" TERM; touch /ready; while :; do sleep 0.05; done'
	background "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	pid=$!
	eventually test -e "$BUNDLE/rootfs/ready"
	kill -TERM "$pid"
	code=0
	wait "$pid" || code=$?
	[ "$code" -eq 7 ]
	nothing_left
}

@test "run: flags that engines send" {
	bundle
	process true
	run rt run --no-new-keyring --no-subreaper --bundle="$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	run "$RT" --root="$ROOT" run -no-new-keyring -b "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
}

@test "run: a process that ends at once, fifty times" {
	bundle
	process true
	for _ in {1..50}; do
		rt run --bundle "$BUNDLE" "$ID"
	done
}

# bats test_tags=root
@test "run, create, start and exec where vm.memfd_noexec=2 and the state is on a noexec file system" {
	only_rt "its boot image"
	[ -e /proc/sys/vm/memfd_noexec ] || skip "this kernel has no vm.memfd_noexec"
	bundle
	config '.process.args = ["sleep", "60"]'
	mkdir "$ROOT"
	export -f rt
	# shellcheck disable=SC2016 # for the inner shell
	run unshare --mount --pid --fork --kill-child --propagation private bash -c '
		mount -t proc proc /proc && echo 2 >/proc/sys/vm/memfd_noexec && mount -t tmpfs -o noexec tmpfs "$ROOT" ||
		exit 9
		rt create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 || exit 8
		rt start "$ID" && rt exec "$ID" echo from exec && rt delete --force "$ID" && rt --version >/dev/null'
	[ "$status" -eq 0 ]
	[ "$output" = "from exec" ]
}

@test "run: a config of 5 MB, with 500 mounts" {
	bundle '.root.readonly = false |
		.annotations = ([range(45000) | {key: "com.example.\(.)", value: ("v" * 100)}] | from_entries) |
		.mounts += [range(500) | {destination: "/m/\(.)", type: "tmpfs", source: "tmpfs"}]'
	[ "$(stat -c %s "$BUNDLE/config.json")" -gt 5000000 ]
	in_container sh -c 'grep -c " /m/" /proc/self/mountinfo'
	[ "$output" = 500 ]
}
