#!/usr/bin/env bats
# rt events: the accounting of a container.

load setup

needs() { needs_cgroup "accounting is the cgroup's"; }

@test "events --stats prints one line" {
	bundle
	running sleep 60
	run rt events --stats "$ID"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	[ "$(jq -r '.type + " " + .id' <<<"$output")" = "stats $ID" ]
	jq -e '.data |
		has("cpu") and has("memory") and has("pids") and has("blkio") and has("hugetlb") and has("intel_rdt")' \
		<<<"$output"
}

@test "events --stats counts" {
	needs_controller pids
	needs_controller memory
	bundle '.linux.resources.pids.limit = 50'
	running sh -c 'sleep 61 & sleep 62 & wait'
	eventually pgrep -P "$(state pid)" -x -f 'sleep 61'
	eventually pgrep -P "$(state pid)" -x -f 'sleep 62'
	run rt events --stats "$ID"
	[ "$(jq .data.pids.current <<<"$output")" = 3 ]
	[ "$(jq .data.pids.limit <<<"$output")" = 50 ]
	[ "$(jq .data.memory.usage.usage <<<"$output")" -gt 0 ]
	[ "$(jq .data.cpu.usage.total <<<"$output")" -gt 0 ]
}

@test "events --stats has the pressure on cgroup v2" {
	[ "$(cgroup_version memory)" = 2 ] || skip "this machine's controllers are of cgroup v1"
	[ -e /proc/pressure/cpu ] || skip "this kernel does not tell pressure"
	bundle
	running sleep 60
	run rt events --stats "$ID"
	# As runc does it, what has never waited is left out.
	[ "$(jq -c '.data | [.cpu.psi, .memory.psi, .blkio.psi] |
		map(type)' <<<"$output")" = '["object","object","object"]' ]
	jq -e '[.data | .cpu.psi, .memory.psi, .blkio.psi | .[]] |
		all(has("avg10") and has("avg60") and has("avg300") and has("total"))' <<<"$output"
}

@test "events has all names that runc's has" {
	only_rt "it is compared with runc"
	command -v runc >/dev/null || skip "no runc to compare with"
	bundle '.ociVersion = "1.0.2"'
	# Both leave zeroes out, memory.cache for one: the file in memory sees to it that there is something to tell.
	running sh -c 'head -c 1000000 /dev/zero >/dev/shm/file; exec sleep 60'
	runc --root "$BATS_TEST_TMPDIR/runc" run --detach --bundle "$BUNDLE" "$ID-runc" </dev/null >/dev/null 2>&1 3>&-
	names() { jq -c '[paths | map(if type == "number" then 0 else . end) | map(tostring) | join(".")] | unique |
		map(select(test("raw|hugetlb|blkio") | not))'; }
	missing() {
		jq -n -c '$theirs - $ours' --argjson ours "$(rt events --stats "$ID" | names)" \
			--argjson theirs "$(runc --root "$BATS_TEST_TMPDIR/runc" events --stats "$ID-runc" | names)"
	}
	none_missing() { [ "$(missing)" = "[]" ]; }
	eventually none_missing || left=$(missing)
	runc --root "$BATS_TEST_TMPDIR/runc" delete --force "$ID-runc"
	echo "runc has, and rt has not: ${left-nothing}"
	[ -z "${left-}" ]
}

@test "events prints a line in every interval, and ends with the container" {
	bundle
	running sleep 60
	rt events --interval 100ms "$ID" >"$BATS_TEST_TMPDIR/events" 3>&- &
	job=$!
	JOBS_TO_END+=("$job")
	eventually sh -c "[ \$(wc -l <'$BATS_TEST_TMPDIR/events') -ge 3 ]"
	known_bad runc "version 1.1 waits until the container is deleted"
	rt kill "$ID" KILL
	wait "$job"
	jq -e '.type == "stats"' "$BATS_TEST_TMPDIR/events" >/dev/null
}

@test "events reports an OOM-killed process" {
	needs_controller memory
	bundle '.linux.resources.memory = {"limit": 20971520, "swap": 20971520} | .process.oomScoreAdj = 500'
	running sh -c 'sleep 60'
	rt events --interval 1h "$ID" >"$BATS_TEST_TMPDIR/events" 3>&- &
	JOBS_TO_END+=("$!")
	# What happens before rt listens is not told.
	runs_out_of_memory() {
		run rt exec "$ID" sh -c 'x=x; while :; do x=$x$x; done'
		[ "$status" -ne 0 ]
		grep -q '"type":"oom"' "$BATS_TEST_TMPDIR/events"
	}
	eventually runs_out_of_memory
	[ "$(jq -r '.id' "$BATS_TEST_TMPDIR/events" | head -n 1)" = "$ID" ]
}

@test "events of a container that has stopped is refused" {
	bundle
	running true
	eventually status_is stopped
	run rt events --stats "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"not running"* ]]
}

@test "events: an interval is a duration greater than 0" {
	bundle
	running sleep 60
	for interval in 0 -1s; do
		run rt events --interval="$interval" "$ID"
		[ "$status" -eq 1 ]
	done
	only_rt "the wording"
	run rt events --interval soon "$ID"
	clear_error --interval soon "duration greater than 0"
}
