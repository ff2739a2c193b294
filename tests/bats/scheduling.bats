#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#linux-process: scheduler, ioPriority, execCPUAffinity; config-linux.md: personality,
# memoryPolicy. And the CPUs that a container may run on.

load setup

# field KEY [FILE] prints a line of /proc/PID/status without its key.
field() {
	sed -n "s/^$1:[[:space:]]*//p" "${2:-/proc/self/status}"
}

# cpus prints the CPUs in a line of /proc/PID/status.
cpus() {
	tr -dc '0-9,-' <<<"${1#*:}"
}

@test "scheduler: policy and nice" {
	bundle '.process.scheduler = {policy: "SCHED_BATCH", nice: 7}'
	in_container cut -d' ' -f19,41 /proc/self/stat
	[ "$status" -eq 0 ]
	[ "$output" = "7 3" ]
	config '.process.scheduler = {policy: "SCHED_IDLE"}'
	in_container cut -d' ' -f41 /proc/self/stat
	[ "$output" = 5 ]
}

# bats test_tags=root
@test "scheduler: real-time priority, and SCHED_FLAG_RESET_ON_FORK" {
	bundle '.process.scheduler = {policy: "SCHED_FIFO", priority: 12, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
	if [ "$(cgroup_version cpu)" = 1 ]; then config '.linux.resources.cpu = {realtimeRuntime: 5000,
		realtimePeriod: 1000000}'; fi
	process sh -c 'cut -d" " -f40,41 /proc/1/stat; cut -d" " -f40,41 /proc/self/stat; :'
	run rt run --bundle "$BUNDLE" "$ID"
	[[ $output != *"operation not permitted"* ]] || skip "the cgroup of this machine has no real-time budget"
	[ "$output" = "12 1
0 0" ]
}

# bats test_tags=root
@test "scheduler: SCHED_DEADLINE" {
	bundle '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 10000000, period: 10000000}'
	in_container cut -d' ' -f41 /proc/self/stat
	[[ $output != *"operation not permitted"* && $output != *"device or resource busy"* ]] ||
		skip "this machine has no time to promise"
	[ "$output" = 6 ]
}

@test "scheduler: errors name the field" {
	for edit in 'policy: "SCHED_FIFO", priority: 0' 'policy: "SCHED_OTHER",
		nice: 20' 'policy: "SCHED_BEST"' 'policy: "SCHED_OTHER", runtime: 5' \
		'policy: "SCHED_OTHER", flags: ["SCHED_FLAG_NONE"]'; do
		bundle ".process.scheduler = {$edit}"
		in_container true
		refused process.scheduler
	done
}

@test "ioPriority: class and level" {
	command -v ionice >/dev/null || skip "this machine has no ionice"
	bundle '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
	running sleep 60
	[ "$(ionice -p "$(state pid)")" = "best-effort: prio 6" ]
	rt delete --force "$ID"
	config '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 0}'
	running sleep 60
	[[ "$(ionice -p "$(state pid)")" == idle* ]]
	rt delete --force "$ID"
	config '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 8}'
	in_container true
	refused process.ioPriority.priority 8
}

@test "personality: with LINUX32 uname(2) reports another machine" {
	bundle '.linux.personality = {domain: "LINUX32"}'
	in_container uname -m
	[ "$status" -eq 0 ]
	[ "$output" = "$(setarch linux32 uname -m)" ]
	config '.linux.personality = {domain: "LINUX"}'
	in_container uname -m
	[ "$output" = "$(uname -m)" ]
	config '.linux.personality = {domain: "SVR4"}'
	in_container true
	refused linux.personality.domain SVR4
}

@test "memoryPolicy: mode and nodes" {
	[ -e /proc/self/numa_maps ] || skip "this kernel knows nothing of NUMA"
	bundle '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0"}'
	in_container sh -c 'head -n 1 /proc/self/numa_maps'
	[ "$status" -eq 0 ]
	[[ $output == *" bind:0 "* ]]
	config '.linux.memoryPolicy = {mode: "MPOL_INTERLEAVE", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
	in_container sh -c 'head -n 1 /proc/self/numa_maps'
	[[ $output == *" interleave=static:0 "* ]]
	config '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "1000"}'
	in_container true
	refused linux.memoryPolicy
}

# last_cpu prints the last CPU that this shell may run on.
last_cpu() {
	field Cpus_allowed_list | sed 's/.*[-,]//'
}

@test "CPUs: the affinity of rt does not apply to the container" {
	[ "$(nproc)" -gt 1 ] || skip "this machine has one CPU"
	known_bad crun "it leaves the container where it is itself"
	bundle
	process grep Cpus_allowed_list /proc/self/status
	run taskset -c "$(last_cpu)" timeout "${RT_SECONDS:-120}" "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$(cpus "$output")" = "$(field Cpus_allowed_list)" ]
}

# bats test_tags=root
@test "CPUs: the cpuset of the cgroup applies" {
	[ "$(nproc)" -gt 1 ] || skip "this machine has one CPU"
	needs_controller cpuset
	cpu=$(last_cpu)
	CPU=$cpu bundle '.linux.resources.cpu = {cpus: env.CPU}'
	in_container grep Cpus_allowed_list /proc/self/status
	[ "$status" -eq 0 ]
	[ "$(cpus "$output")" = "$cpu" ]
}

@test "execCPUAffinity: exec runs on these CPUs, the container does not" {
	[ "$(nproc)" -gt 1 ] || skip "this machine has one CPU"
	known_bad crun "it has no execCPUAffinity before 1.21"
	cpu=$(last_cpu)
	CPU=$cpu bundle '.process.execCPUAffinity = {initial: "0", final: env.CPU}'
	running sleep 60
	[ "$(field Cpus_allowed_list "/proc/$(state pid)/status")" = "$(field Cpus_allowed_list)" ]
	[ "$(rt exec "$ID" grep Cpus_allowed_list /proc/self/status | sed 's/^[^0-9]*//')" = "$cpu" ]
	echo '{"args": ["grep", "Cpus_allowed_list", "/proc/self/status"], "cwd": "/", "env": ["PATH=/bin"],
		"user": {"uid": 0, "gid": 0},
		"execCPUAffinity": {"initial": "0"}}' >"$BATS_TEST_TMPDIR/process.json"
	[ "$(rt exec --process "$BATS_TEST_TMPDIR/process.json" "$ID" | sed 's/^[^0-9]*//')" = 0 ]
}

@test "execCPUAffinity: without it exec runs wherever the container does" {
	[ "$(nproc)" -gt 1 ] || skip "this machine has one CPU"
	only_rt "others leave it where they are"
	bundle
	running sleep 60
	said=$(taskset -c "$(last_cpu)" "$RT" --root "$ROOT" exec "$ID" grep Cpus_allowed_list /proc/self/status)
	[ "$(cpus "$said")" = "$(field Cpus_allowed_list)" ]
}

@test "execCPUAffinity: mistakes, and CPUs that do not exist" {
	only_rt "the wording"
	bundle '.process.execCPUAffinity = {final: "3-1"}'
	in_container true
	refused process.execCPUAffinity.final 3-1
	bundle '.process.execCPUAffinity = {initial: "1000"}'
	running sleep 60
	run rt exec "$ID" true
	[ "$status" -eq 255 ]
	clear_error process.execCPUAffinity.initial 1000 "invalid argument" hint online
	rt delete --force "$ID"
	bundle '.process.execCPUAffinity = {final: "1000"}'
	running sleep 60
	run rt exec "$ID" true
	[ "$status" -eq 255 ]
	clear_error process.execCPUAffinity.final 1000 "invalid argument" hint online
}
