#!/usr/bin/env bats
# docs/kubernetes.md, "A pod that is stuck": containers that don't end, and the commands that the page advises.

load setup

needs() {
	only_rt "the page is about rt"
	needs_root "the page is about nodes"
	PAGE=$BATS_TEST_DIRNAME/kubernetes.md # a copy, where the tests are one: tests/bats/run
	[ -f "$PAGE" ] || PAGE=$BATS_TEST_DIRNAME/../../docs/kubernetes.md
}

# k is the alias of the page.
k() { rt "$@"; }

# silent_volume makes a bundle with a volume that does not answer, at /mnt: $volume on the host, and its $server.
silent_volume() {
	volume=$BATS_TEST_TMPDIR/volume
	mkdir "$volume"
	background "$SILENTFS" "$volume" >"$BATS_TEST_TMPDIR/server" 2>&1
	server=$!
	eventually [ -s "$BATS_TEST_TMPDIR/server" ]
	! grep -q 'needs a kernel with FUSE' "$BATS_TEST_TMPDIR/server" || skip 'needs a kernel with FUSE'
	V=$volume bundle '.mounts += [{destination: "/mnt", type: "bind", source: env.V, options: ["rbind"]}]'
}

# advice prints the section of the page.
advice() { awk '/^## / { inside = $0 == "## A pod that is stuck" } inside' "$PAGE"; }

@test "the section names no command of rt that the tests below don't run" {
	local words word
	words=$(advice | grep -oE '(# |`)k [a-z]+( --[a-z]+)?' | sed 's/^# //; s/^`//' | sort -u)
	[ "$(wc -l <<<"$words")" -ge 8 ]
	while read -r word; do
		grep -qE "^[^#]*$word([ )]|\$)" <<<"$(sed '/^@test "the section/,/^}/d' "$BATS_TEST_FILENAME")" || {
			echo "not run: $word"
			return 1
		}
	done <<<"$words"
}

@test "stuck: a program ignores SIGTERM" {
	bundle
	running sh -c 'trap "" TERM; while :; do sleep 0.1; done'
	k kill "$ID" TERM
	[ "$(k state "$ID" | jq -r .status)" = running ]
	[[ $(k tree "$ID") == *"$ID  running"*' sh'* ]]
	[[ $(k ps "$ID") == *'trap "" TERM'* ]]
	[ "$(k events --stats "$ID" | jq -r '.data.pids.current > 0')" = true ]
	k kill "$ID" KILL
	eventually status_is stopped
}

@test "stuck: its processes are frozen" {
	bundle
	running sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'
	eventually pgrep -P "$(state pid)" -x sleep >/dev/null # the trap is set
	k pause "$ID"
	k kill "$ID" TERM
	grep -qx 'ShdPnd:.0*4000' "/proc/$(state pid)/status" # it has the signal, and does nothing about it
	[ "$(k state "$ID" | jq -r .status)" = paused ]
	k resume "$ID"
	eventually status_is stopped
}

waits_for_a_disk() { [ "$(ps -o stat= -p "$1" | cut -c1)" = D ]; }

@test "stuck: a volume does not answer, until the node forces its unmount" {
	local volume server pid
	silent_volume
	running sh -c 'sleep 1000 & exec cat /mnt/file'
	eventually grep -q waiting "$BATS_TEST_TMPDIR/server"
	pid=$(state pid)
	k kill "$ID" KILL
	# Whatever rt does, the process remains: commands say so, and come to an end.
	[ "$(k state "$ID" | jq -r .status)" = running ]
	[[ $(k ps "$ID") == *'cat /mnt/file'* ]]
	eventually waits_for_a_disk "$pid"
	run k delete --force "$ID"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *'did not die of SIGKILL'*"/proc/PID/stack"* ]]
	[ "$(k state "$ID" | jq -r .status)" = running ]
	umount --force "$volume" || true # it is busy, and its requests have ended
	eventually status_is stopped
	k delete "$ID"
	kill "$server"
}

@test "stuck: a process that waits for a volume can't be frozen" {
	local volume server freezer file
	silent_volume
	running cat /mnt/file
	eventually grep -q waiting "$BATS_TEST_TMPDIR/server"
	freezer=$(jq -r '.cgroup.paths | .freezer // .[""]' "$ROOT/$ID/state.json")
	# What a pause leaves that is killed while it waits.
	file=$freezer/freezer.state
	if [ -e "$file" ]; then
		echo FROZEN >"$file"
		[ "$(cat "$file")" = FREEZING ]
	else
		echo 1 >"$freezer/cgroup.freeze"
	fi
	[[ $(timeout 60 "$RT" --root "$ROOT" list) == *"$ID "*' paused '* ]]
	k resume "$ID"
	[ "$(k state "$ID" | jq -r .status)" = running ]
	umount --force "$volume" || true
	eventually status_is stopped
	kill "$server"
}

@test "stuck: state.json has been removed" {
	bundle
	running sleep 1000
	local pid
	pid=$(state pid)
	rm "$ROOT/$ID/state.json"
	[[ $(k list) == *"$ID "*' stopped '* ]]
	run k ps "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *'the state names no cgroup'* ]]
	run k delete --force "$ID"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'state.json of the container is missing or damaged'*'not ended'* ]]
	! grep -q "$ID" "/proc/$pid/cgroup" || [[ $output == *"process $pid in the cgroup"* ]]
	[ ! -e "$ROOT/$ID" ]
	# The process remains. Only its cgroup names the container.
	kill -0 "$pid"
	# shellcheck disable=SC2046 # a list of processes
	kill -9 $(grep -ls "$ID" /proc/[0-9]*/cgroup | cut -d/ -f3)
	eventually dead "$pid"
	find -L /sys/fs/cgroup -maxdepth 4 -depth -type d -name "$ID" -exec rmdir {} + 2>/dev/null || true
}

@test "stuck: state.json of a created container has been removed" {
	bundle
	process sleep 1000
	k create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	local pid
	pid=$(state pid)
	rm "$ROOT/$ID/state.json"
	k delete "$ID"
	[ ! -e "$ROOT/$ID" ]
	eventually dead "$pid" # it waited for a start that can't come
	find -L /sys/fs/cgroup -maxdepth 4 -depth -type d -name "$ID" -exec rmdir {} + 2>/dev/null || true
}

@test "stuck: state.json is damaged" {
	bundle
	running sleep 1000
	local pid
	pid=$(state pid)
	head -c 100 "$ROOT/$ID/state.json" >"$ROOT/$ID/state.cut"
	mv "$ROOT/$ID/state.cut" "$ROOT/$ID/state.json"
	run k state "$ID"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *'rt delete --force` removes its directory'*cgroup* ]]
	run k delete --force "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *'state.json of the container is missing or damaged'*'not ended'* ]]
	[ ! -e "$ROOT/$ID" ]
	# shellcheck disable=SC2046 # a list of processes
	kill -9 $(grep -ls "$ID" /proc/[0-9]*/cgroup | cut -d/ -f3)
	eventually dead "$pid"
	find -L /sys/fs/cgroup -maxdepth 4 -depth -type d -name "$ID" -exec rmdir {} + 2>/dev/null || true
}

@test "stuck: another command holds the lock" {
	bundle
	running sleep 1000
	background flock --no-fork "$ROOT/$ID" sleep 1000
	local holder=$!
	not_free() { ! flock --nonblock "$ROOT/$ID" true; }
	eventually not_free
	run k pause "$ID"
	echo "$output"
	[ "$status" -eq 1 ]
	[[ $output == *'in use'*"$holder"* ]]
	kill "$holder"
}
