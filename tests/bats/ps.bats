#!/usr/bin/env bats
# rt ps: the processes of a container, by the pids of the host.

load setup

needs() { needs_root "a container without a cgroup has another answer"; }

@test "ps --format json lists all processes, in cgroups below too" {
	bundle
	running sh -c 'sleep 61 & sleep 62 & wait'
	eventually pgrep -P "$(state pid)" -x -f 'sleep 61'
	eventually pgrep -P "$(state pid)" -x -f 'sleep 62'
	run rt ps --format json "$ID"
	[ "$status" -eq 0 ]
	[ "$(jq 'sort | length' <<<"$output")" -eq 3 ]
	[ "$(jq "index($(state pid)) != null" <<<"$output")" = true ]
	for pid in $(jq '.[]' <<<"$output"); do
		[ "$(readlink "/proc/$pid/ns/pid")" = "$(readlink "/proc/$(state pid)/ns/pid")" ]
	done
}

@test "ps lists what exec has started" {
	bundle
	running sleep 60
	run_detached rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 50
	run rt ps --format json "$ID"
	[ "$(jq 'length' <<<"$output")" -eq 2 ]
	[ "$(jq "index($(cat "$BATS_TEST_TMPDIR/pid")) != null" <<<"$output")" = true ]
}

@test "ps prints the table of the host's ps: its head, and the rows of the container" {
	bundle
	running sleep 60
	run rt ps "$ID"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	[[ ${lines[0]} == UID*PID*CMD* ]]
	[[ ${lines[1]} == *" $(state pid) "*"sleep 60" ]]
}

@test "a process that waits for its start has a name in ps, and then that of its program" {
	bundle
	created sleep 60
	run rt ps "$ID" -o pid,comm,args
	only_rt "what it is called is no one else's promise"
	[[ ${lines[1]} == *"$(state pid) rt-boot "*"rt-boot $ID" ]]
	rt start "$ID"
	run rt ps "$ID" -o pid,comm
	[[ ${lines[1]} == *"$(state pid) sleep" ]]
}

@test "ps passes options to ps(1)" {
	bundle
	running sleep 60
	run rt ps "$ID" -o pid,args
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *PID*COMMAND ]]
	[[ ${lines[1]} == *"$(state pid) sleep 60" ]]
}

@test "ps without a column of pids is an error" {
	bundle
	running sleep 60
	run rt ps "$ID" -o args
	[ "$status" -eq 1 ]
	[[ $output == *"couldn't find PID field in ps output"* ]]
}

@test "ps of a container that does not exist" {
	run rt ps --format json nonesuch
	[ "$status" -ne 0 ]
	[[ $output == *"does not exist"* ]]
}

@test "ps refuses formats that it does not have" {
	only_rt "the wording"
	bundle
	running sleep 60
	run rt ps --format yaml "$ID"
	[ "$status" -eq 1 ]
	clear_error --format yaml "table or json"
}
