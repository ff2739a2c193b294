#!/usr/bin/env bats
# bats file_tags=rootless
# What others can put in rt's way, and make it wait for.

load setup

@test "strangers: the pid file replaces a link, and does not follow it" {
	bundle
	echo whole >"$BATS_TEST_TMPDIR/victim"
	for name in pid .pid.new .pid; do
		ln -sf "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/$name"
	done
	process true
	run rt run --pid-file "$BATS_TEST_TMPDIR/pid" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ ! -L "$BATS_TEST_TMPDIR/pid" ]
	[ "$(cat "$BATS_TEST_TMPDIR/victim")" = whole ]
}

# bats test_tags=root
@test "strangers: the log and the trace follow no link of another user's" {
	only_rt "others follow it"
	bundle
	echo whole >"$BATS_TEST_TMPDIR/victim"
	mkdir -m 1777 "$BATS_TEST_TMPDIR/shared"
	ln -s "$BATS_TEST_TMPDIR/victim" "$BATS_TEST_TMPDIR/shared/out"
	chown --no-dereference 1234:1234 "$BATS_TEST_TMPDIR/shared/out"
	process true
	run rt --debug --log "$BATS_TEST_TMPDIR/shared/out" run --bundle "$BUNDLE" "$ID"
	refused --log
	run rt run --trace "$BATS_TEST_TMPDIR/shared/out" --bundle "$BUNDLE" "$ID"
	refused --trace
	[ "$(cat "$BATS_TEST_TMPDIR/victim")" = whole ]
	chown --no-dereference 0:0 "$BATS_TEST_TMPDIR/shared/out"
	run rt --debug --log "$BATS_TEST_TMPDIR/shared/out" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/victim")" != whole ]
	run rt --debug --log /dev/stderr run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *"level=debug"* ]]
}

@test "strangers: FIFOs instead of files do not make rt wait" {
	only_rt "others wait"
	export RT_SECONDS=60
	bundle
	mkdir -p "$BATS_TEST_TMPDIR/layer"
	for path in trace layer/used-by; do
		mkfifo "$BATS_TEST_TMPDIR/$path"
	done
	process true
	run rt run --trace "$BATS_TEST_TMPDIR/trace" --bundle "$BUNDLE" "$ID"
	refused --trace
	run rt run --overlay "$BATS_TEST_TMPDIR/layer" --bundle "$BUNDLE" "$ID"
	refused --overlay
	created sleep 60
	mv "$ROOT/$ID/state.json" "$ROOT/$ID/kept"
	mkfifo "$ROOT/$ID/state.json"
	run rt list
	[ "$status" -eq 0 ]
	[[ $output == *"$ID"* && $output == *"is not a regular file"* ]]
	mv "$ROOT/$ID/kept" "$ROOT/$ID/state.json"
}

@test "strangers: a console socket that takes no connections fails at once" {
	only_rt "the words are its own"
	bundle '.process.terminal = true'
	background "$RECVTTY" -full "$BATS_TEST_TMPDIR/c.sock"
	eventually [ -e "$BATS_TEST_TMPDIR/c.sock.full" ]
	run_detached rt create --console-socket "$BATS_TEST_TMPDIR/c.sock" --bundle "$BUNDLE" "$ID"
	refused --console-socket "queue"
}

@test "strangers: LISTEN_FDS of another process are ignored" {
	bundle
	process sh -c 'echo "${LISTEN_FDS-none}"; [ -e /proc/self/fd/3 ] && echo three; :'
	run bash -c 'LISTEN_FDS=1 LISTEN_PID=1 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" 3</dev/null'
	[ "$output" = none ]
	run bash -c 'LISTEN_FDS=1 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" 3</dev/null'
	[ "$output" = none ]
}

@test "strangers: a state directory that everybody may write is refused" {
	only_rt "others believe it"
	bundle
	mkdir "$ROOT"
	chmod 777 "$ROOT"
	process true
	run rt run --bundle "$BUNDLE" "$ID"
	refused "every user"
	# A tmpfs made for it: nobody can replace what is another's.
	chmod 1777 "$ROOT"
	rt run --bundle "$BUNDLE" "$ID"
	chmod 700 "$ROOT"
}
