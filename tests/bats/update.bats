#!/usr/bin/env bats
# rt update: other limits for a container that runs.

load setup

needs() { needs_cgroup "limits are the cgroup's"; }

# limit CONTROLLER FILE-OF-V1 FILE-OF-V2 prints the limit that the container has.
limit() {
	local dir
	dir=$(cgroup_dir "$1" "$(state pid)")
	if [ "$(cgroup_version "$1")" = 1 ]; then cat "$dir/$2"; else cat "$dir/$3"; fi
}

@test "update --pids-limit" {
	needs_controller pids
	bundle '.linux.resources.pids.limit = 20'
	running sleep 60
	[ "$(limit pids pids.max pids.max)" = 20 ]
	rt update --pids-limit 40 "$ID"
	[ "$(limit pids pids.max pids.max)" = 40 ]
	rt update --pids-limit -1 "$ID"
	[ "$(limit pids pids.max pids.max)" = max ]
}

@test "update --memory takes sizes, and leaves other limits" {
	needs_controller memory
	needs_controller pids
	bundle '.linux.resources.pids.limit = 20'
	running sleep 60
	rt update --memory 64m "$ID"
	[ "$(limit memory memory.limit_in_bytes memory.max)" = $((64 << 20)) ]
	rt update --memory 67108864 --memory-reservation 32M "$ID"
	[ "$(limit memory memory.soft_limit_in_bytes memory.low)" = $((32 << 20)) ]
	[ "$(limit pids pids.max pids.max)" = 20 ]
}

@test "update --cpu-quota, --cpu-period and --cpu-share" {
	needs_controller cpu
	bundle
	running sleep 60
	rt update --cpu-period 100000 --cpu-quota 50000 --cpu-share 512 "$ID"
	if [ "$(cgroup_version cpu)" = 1 ]; then
		[ "$(limit cpu cpu.cfs_quota_us -)" = 50000 ]
		[ "$(limit cpu cpu.shares -)" = 512 ]
	else
		[ "$(limit cpu - cpu.max)" = "50000 100000" ]
	fi
}

@test "update --cpuset-cpus" {
	needs_controller cpuset
	bundle
	running sleep 60
	rt update --cpuset-cpus 0 "$ID"
	[ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ]
}

@test "update --resources takes JSON from a file and from standard input" {
	needs_controller pids
	bundle
	running sleep 60
	echo '{"pids": {"limit": 30}}' >"$BATS_TEST_TMPDIR/r.json"
	rt update --resources "$BATS_TEST_TMPDIR/r.json" "$ID"
	[ "$(limit pids pids.max pids.max)" = 30 ]
	rt update -r - "$ID" <<<'{"pids": {"limit": 31}}'
	[ "$(limit pids pids.max pids.max)" = 31 ]
}

@test "update of a paused container leaves it paused" {
	needs_controller pids
	bundle
	running sleep 60
	rt pause "$ID"
	rt update --pids-limit 40 "$ID"
	[ "$(limit pids pids.max pids.max)" = 40 ]
	status_is paused
}

@test "update of a container that has stopped is refused" {
	bundle
	running true
	eventually status_is stopped
	run rt update --pids-limit 40 "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"not running"* ]]
}

@test "update names what is wrong" {
	only_rt "the wording"
	bundle
	running sleep 60
	while read -r option value words; do
		run rt update "$option" "$value" "$ID"
		[ "$status" -eq 1 ]
		clear_error "$option" "$words"
	done <<-'CASES'
		--memory 64q must be a size
		--memory 1e9 must be a size
		--memory -2 must be a size
		--pids-limit many must be a number
		--cpu-share -1 must be a number
		--blkio-weight 70000 must be a number
		--l3-cache-schema L3:0=f no linux.intelRdt
		--mem-bw-schema MB:0=50 no linux.intelRdt
		--resources /nonesuch no such file or directory
	CASES
	run rt update --resources - --memory 1m "$ID"
	clear_error --resources "does not go with --memory"
	run rt update --resources - "$ID" <<<'{"pids": {"limit": "x"}}'
	[ "$status" -eq 1 ]
	clear_error pids.limit
}

@test "update warns of limits that the kernel does not have any more" {
	only_rt "runc is silent"
	bundle
	running sleep 60
	run rt update --kernel-memory 1m "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *"--kernel-memory has no effect"* ]]
}
