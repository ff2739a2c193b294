#!/usr/bin/env bats
# stats and tree: what containers use and consist of, read from the kernel.

load setup

@test "stats: the numbers are those of the cgroup" {
	only_rt "its own command"
	bundle '.linux.resources = {memory: {limit: 67108864}, pids: {limit: 50}}'
	running sh -c 'sleep 60 & sleep 60'
	run rt stats --no-stream --interval 100ms --format json "$ID"
	[ "$status" -eq 0 ]
	[ "$(jq -r .id <<<"$output")" = "$ID" ]
	[ "$(jq .memoryLimit <<<"$output")" = 67108864 ]
	[ "$(jq .pidsLimit <<<"$output")" = 50 ]
	[ "$(jq .pids <<<"$output")" = "$(rt ps --format json "$ID" | jq length)" ]
	rt events --stats "$ID" >"$BATS_TEST_TMPDIR/events"
	[ "$(jq .oomKills <<<"$output")" = 0 ]
	# Both read memory of a container at rest: what differs is at most a few pages.
	[ "$(jq .memory <<<"$output")" -gt 0 ]
	difference=$(($(jq .memory <<<"$output") - $(jq .data.memory.usage.usage "$BATS_TEST_TMPDIR/events")))
	[ "${difference#-}" -lt 1000000 ]
	run rt stats --no-stream --interval 100ms "$ID"
	[[ ${lines[0]} == ID*CPU*MEMORY*PIDS* ]]
	[[ ${lines[1]} == "$ID"*"64.0 MiB"*"/ 50"* ]]
}

@test "stats: a busy container is seen, and the table ends with it" {
	only_rt "its own command"
	bundle
	running sh -c 'while :; do :; done'
	run rt stats --no-stream --interval 500ms --format json "$ID"
	[ "$(jq '.cpuPercent > 0.5 and .cpuPercent < 200' <<<"$output")" = true ]
	rt stats --interval 100ms "$ID" >"$BATS_TEST_TMPDIR/table" &
	eventually grep -q "$ID" "$BATS_TEST_TMPDIR/table"
	rt kill "$ID" KILL
	wait $! # it ends by itself
	run rt stats --no-stream no-such-container
	[ "$status" -eq 1 ]
	clear_error no-such-container "does not exist"
}

@test "tree: processes, cgroups and namespaces as the kernel has them" {
	only_rt "its own command"
	bundle
	running sh -c 'sleep 61 & wait'
	pid=$(rt state "$ID" | jq .pid)
	eventually pgrep -P "$pid" -x sleep
	run rt tree --format json "$ID"
	[ "$status" -eq 0 ]
	[ "$(jq -r '.[0].status' <<<"$output")" = running ]
	[ "$(jq '[.[0].processes[].pid] | sort' -c <<<"$output")" = "$(rt ps --format json "$ID" | jq -c sort)" ]
	[ "$(jq '.[0].namespaces[] | select(.type == "mnt").inode' <<<"$output")" = "$(stat -Lc %i "/proc/$pid/ns/mnt")" ]
	[ "$(jq '.[0].namespaces[] | select(.type == "mnt").own' <<<"$output")" = true ]
	run rt tree "$ID"
	[[ $output == *"└─ $pid sh"*"└─ "*sleep* ]]
	[[ $output == *"namespaces  own: "*mnt* ]]
}

@test "tree: a namespace that two containers share is named" {
	only_rt "its own command"
	bundle
	running sleep 60
	pid=$(rt state "$ID" | jq .pid)
	config ".linux.namespaces |= map(if .type == \"ipc\" then .path = \"/proc/$pid/ns/ipc\" else . end)"
	rt run --detach --bundle "$BUNDLE" "$ID-2" </dev/null >/dev/null 2>&1
	run rt tree "$ID"
	rt delete --force "$ID-2"
	[[ $output == *"shared with $ID-2: ipc"* ]]
}
