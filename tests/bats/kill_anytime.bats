#!/usr/bin/env bats
# bats file_tags=rootless
# A SIGKILL of the runtime at any moment leaves something that `delete --force` removes whole.

load setup

STEPS=${KILL_STEPS:-40}

# duration CMD... prints how long CMD takes, in microseconds.
duration() {
	local start=${EPOCHREALTIME/./}
	"$@" >/dev/null 2>&1 </dev/null
	echo $((${EPOCHREALTIME/./} - start))
}

# killed_after MICROSECONDS ARGS... runs the runtime and kills it after that time: it, and nothing that it started.
killed_after() {
	local seconds
	printf -v seconds '0.%06d' "$1"
	timeout --foreground -s KILL "$seconds" "$RT" --root "$ROOT" "${@:2}" </dev/null >/dev/null 2>&1 3>&- || true
}

# gone checks that delete --force succeeds in silence, and leaves nothing.
gone() {
	run rt delete --force "$ID"
	[ "$status" -eq 0 ] || {
		echo "killed after $1 µs: delete --force: $output"
		return 1
	}
	nothing_left || {
		echo "killed after $1 µs"
		return 1
	}
}

# at_every_moment ARGS... kills that command at moments from its start to after its end.
at_every_moment() {
	local whole=$1 i after
	shift
	for ((i = 1; i <= STEPS; i++)); do
		after=$((whole * 12 * i / (10 * STEPS) + RANDOM % 200))
		killed_after "$after" "$@"
		gone "$after"
	done
}

@test "SIGKILL of create at any moment" {
	known_bad runc "it leaves what it cannot delete"
	bundle
	process sleep 60
	whole=$(duration rt create --bundle "$BUNDLE" "$ID")
	gone 0
	at_every_moment "$whole" create --bundle "$BUNDLE" "$ID"
}

@test "SIGKILL of run at any moment" {
	known_bad runc "it leaves what it cannot delete"
	bundle
	process sleep 0.01
	whole=$(duration rt run --bundle "$BUNDLE" "$ID")
	gone 0
	at_every_moment "$whole" run --bundle "$BUNDLE" "$ID"
}

@test "SIGKILL of run with hooks at any moment" {
	known_bad runc "it leaves what it cannot delete"
	bundle '.hooks = {
		createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "sleep 0.005"]}],
		createContainer: [{path: "/bin/sh", args: ["sh", "-c", "sleep 0.005"]}],
		startContainer: [{path: "/bin/sh", args: ["sh", "-c", "sleep 0.005"]}]}'
	process true
	whole=$(duration rt run --bundle "$BUNDLE" "$ID")
	gone 0
	at_every_moment "$whole" run --bundle "$BUNDLE" "$ID"
}

@test "SIGKILL of start at any moment" {
	known_bad runc "it leaves what it cannot delete"
	bundle
	created sleep 60
	whole=$(duration rt start "$ID")
	gone 0
	for ((i = 1; i <= STEPS / 2; i++)); do
		created
		after=$((whole * 24 * i / (10 * STEPS)))
		killed_after "$after" start "$ID"
		[[ $(state status) == @(created|running|stopped) ]]
		gone "$after"
	done
}

@test "SIGKILL of delete at any moment" {
	known_bad runc "it leaves what it cannot delete"
	bundle
	created sleep 60
	whole=$(duration rt delete --force "$ID")
	for ((i = 1; i <= STEPS / 2; i++)); do
		created
		after=$((whole * 24 * i / (10 * STEPS)))
		killed_after "$after" delete --force "$ID"
		gone "$after"
	done
}

@test "SIGKILL of a runtime in the foreground: the container is there to be deleted" {
	bundle '.root.readonly = false'
	process sh -c 'touch /ready; sleep 60'
	background "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	eventually test -e "$BUNDLE/rootfs/ready"
	kill -KILL "$!"
	eventually status_is running
	rt delete --force "$ID"
	nothing_left
}

@test "the runtime dies in a hook: the boot process dies too" {
	known_bad runc "it leaves what it cannot delete"
	bundle '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "kill -9 $PPID"]}]}'
	process sleep 60
	run_detached rt create --bundle "$BUNDLE" "$ID"
	[ "$status" -ne 0 ]
	rt delete --force "$ID"
	nothing_left
}

# agreed MICROSECONDS: whatever came of a mount or umount that was killed then, state and mount table agree, and an
# umount leaves neither.
agreed() {
	# A boot process that has its answer continues without rt.
	eventually rt audit --findings "$ID" >"$BATS_TEST_TMPDIR/findings" 2>&1 || {
		echo "killed after $1 µs: $(tail -n 5 "$BATS_TEST_TMPDIR/findings")"
		return 1
	}
	run rt umount "$ID" /new
	[ "$status" -eq 0 ] || [[ $output == *"nothing was added"* || $output == *"not here any more"* ]] || {
		echo "killed after $1 µs: $output"
		return 1
	}
	if grep -q '"added"' "$ROOT/$ID/state.json" || rt exec "$ID" grep " /new " /proc/self/mountinfo; then
		echo "killed after $1 µs: it is still there"
		return 1
	fi
}

@test "SIGKILL of mount and of umount at any moment" {
	only_rt "its own commands"
	[ "$(printf '%s\n' 5.12 "$(uname -r)" | sort -V | head -n 1)" = 5.12 ] || skip "adding mounts takes Linux 5.12"
	bundle '.root.readonly = false'
	mkdir "$BATS_TEST_TMPDIR/source"
	running sleep 600
	rt exec "$ID" mkdir /new
	whole=$(duration rt mount "$ID" "$BATS_TEST_TMPDIR/source" /new)
	agreed 0
	for ((i = 1; i <= STEPS; i++)); do
		after=$((whole * 12 * i / (10 * STEPS) + RANDOM % 200))
		killed_after "$after" mount "$ID" "$BATS_TEST_TMPDIR/source" /new
		agreed "$after"
		rt mount "$ID" "$BATS_TEST_TMPDIR/source" /new
		killed_after "$after" umount "$ID" /new
		agreed "$after"
	done
}
