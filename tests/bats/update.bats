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

@test "update --cpu-period and --cpu-quota, each alone, leave the other" {
	needs_controller cpu
	bundle
	running sleep 60
	now() {
		if [ "$(cgroup_version cpu)" = 1 ]; then
			echo "$(limit cpu cpu.cfs_quota_us -) $(limit cpu cpu.cfs_period_us -)"
		else
			limit cpu - cpu.max
		fi
	}
	rt update --cpu-quota 20000 --cpu-period 50000 "$ID"
	rt update --cpu-quota 30000 "$ID"
	[ "$(now)" = "30000 50000" ]
	rt update --cpu-period 100000 "$ID"
	[ "$(now)" = "30000 100000" ]
}

@test "update --cpuset-cpus" {
	needs_controller cpuset
	bundle
	running sleep 60
	rt update --cpuset-cpus 0 "$ID"
	[ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ]
}

# The columns: option, value; controller, file and content on v1; the same on v2. An underscore stands for a blank; of
# files with a | between them the first that there is; a file - has no such limit, and the option is refused.
@test "update: every option" {
	bundle
	running sleep 1000
	checked=0
	while read -r option value controller1 file1 want1 controller2 file2 want2; do
		case $(cgroup_version "$controller1")$(cgroup_version "$controller2") in
		1*) controller=$controller1 file=$file1 want=$want1 ;;
		*2) controller=$controller2 file=$file2 want=$want2 ;;
		*) continue ;;
		esac
		run rt update "$option" "$value" "$ID"
		echo "$option $value: $output"
		if [ "$file" = - ]; then
			[ "$status" -eq 1 ]
			[ "$RUNTIME" != rt ] || [[ $output == *"has no such limit"* ]]
			checked=$((checked + 1))
			continue
		fi
		dir=$(cgroup_dir "$controller" "$(state pid)")
		for name in ${file//|/ }; do [ ! -e "$dir/$name" ] || break; done
		if [ ! -e "$dir/$name" ]; then
			[ "$status" -eq 1 ] || {
				echo "this kernel has no $name, and that was no error"
				return 1
			}
			continue
		fi
		# the cgroups above may have no realtime to give
		case $option in --cpu-rt-*) [ "$status" -eq 0 ] || continue ;; esac
		[ "$status" -eq 0 ]
		# shellcheck disable=SC2053 # a pattern
		[[ $(cat "$dir/$name") == ${want//_/ } ]] || {
			echo "$name is $(cat "$dir/$name")"
			return 1
		}
		checked=$((checked + 1))
	done <<-'TABLE'
		--blkio-weight 500 blkio blkio.bfq.weight|blkio.weight 500 io io.bfq.weight|io.weight default_*0
		--cpu-period 50000 cpu cpu.cfs_period_us 50000 cpu cpu.max max_50000
		--cpu-quota 20000 cpu cpu.cfs_quota_us 20000 cpu cpu.max 20000_*
		--cpu-burst 10000 cpu cpu.cfs_burst_us 10000 cpu cpu.max.burst 10000
		--cpu-share 512 cpu cpu.shares 512 cpu cpu.weight 59
		--cpu-idle 1 cpu cpu.idle 1 cpu cpu.idle 1
		--cpu-rt-period 500000 cpu cpu.rt_period_us 500000 cpu - -
		--cpu-rt-runtime 1000 cpu cpu.rt_runtime_us 1000 cpu - -
		--cpuset-cpus 0 cpuset cpuset.cpus 0 cpuset cpuset.cpus 0
		--cpuset-mems 0 cpuset cpuset.mems 0 cpuset cpuset.mems 0
		--memory 64m memory memory.limit_in_bytes 67108864 memory memory.max 67108864
		--memory-reservation 32m memory memory.soft_limit_in_bytes 33554432 memory memory.low 33554432
		--memory-swap 96m memory memory.memsw.limit_in_bytes 100663296 memory memory.swap.max 33554432
		--memory 48m memory memory.limit_in_bytes 50331648 memory memory.max 50331648
		--memory -1 memory memory.limit_in_bytes * memory memory.max max
		--pids-limit 40 pids pids.max 40 pids pids.max 40
	TABLE
	[ "$checked" -ge 8 ] || [ -z "$(cgroup_version memory)" ]
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
		--memory 64q must be a number of bytes
		--memory 1e9 must be a number of bytes
		--memory -2 must be a number of bytes
		--cpu-quota 5 must be at least 1000 microseconds
		--cpu-idle 7 must be 0, or 1 for SCHED_IDLE
		--blkio-weight 5 must be a number from 10 to 1000
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
