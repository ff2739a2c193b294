#!/usr/bin/env bats
# rt pause and resume.

load setup

needs() { needs_cgroup "the freezer is the cgroup's"; }

# ticking starts a container that counts, and count prints how far it is.
ticking() {
	bundle '.root.readonly = false'
	running sh -c 'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.02; done'
	eventually [ -s "$BUNDLE/rootfs/tmp/n" ]
}

count() { cat "$BUNDLE/rootfs/tmp/n"; }

goes_on() {
	local before
	before=$(count)
	eventually another_than "$before"
}

another_than() { [ "$(count)" != "$1" ]; }

# frozen PID: the kernel says so of its cgroup.
frozen() {
	local dir
	dir=$(cgroup_dir freezer "$1")
	grep -qsx FROZEN "$dir/freezer.state" || grep -qsx 'frozen 1' "$dir/cgroup.events"
}

@test "a paused container is frozen, and continues when it is resumed" {
	ticking
	goes_on
	rt pause "$ID"
	status_is paused
	frozen "$(state pid)"
	rt resume "$ID"
	status_is running
	not frozen "$(state pid)"
	goes_on
}

@test "pause of a paused container, and resume of one that runs, are refused" {
	ticking
	run rt resume "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"not paused"* ]]
	rt pause "$ID"
	run rt pause "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"not running"* ]]
}

@test "pause of a container that has stopped is refused" {
	bundle
	running true
	eventually status_is stopped
	run rt pause "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"not running"* ]]
}

@test "pause of a created container keeps it created" {
	only_rt "runc says running"
	bundle
	created sleep 60
	rt pause "$ID"
	status_is paused
	rt resume "$ID"
	status_is created
	rt start "$ID"
	status_is running
}

@test "pause waits for a process that may run once a second only" {
	needs_controller cpu
	bundle
	running sh -c 'while :; do :; done'
	# Afterwards, because rt's boot process would have to wait as well. 10 ms are enough for an emulated processor.
	rt update --cpu-quota 10000 --cpu-period 1000000 "$ID"
	rt pause "$ID"
	status_is paused
	rt resume "$ID"
	status_is running
	rt pause "$ID"
	rt kill "$ID" KILL
	eventually status_is stopped
}

@test "kill ends a paused container" {
	ticking
	rt pause "$ID"
	rt kill "$ID" KILL
	eventually status_is stopped
}

@test "kill --all reaches every process" {
	bundle
	running sh -c 'trap : TERM; sleep 61 & sleep 62 & wait; sleep 63'
	pid=$(state pid)
	# -x: before its exec a child has the shell's command line, which also holds the words, and the shell's handler.
	eventually pgrep -P "$pid" -x -f 'sleep 61'
	eventually pgrep -P "$pid" -x -f 'sleep 62'
	rt kill --all "$ID" TERM
	eventually not pgrep -P "$pid" -f 'sleep 6[12]'
	rt kill --all "$ID" KILL
	eventually status_is stopped
}

@test "kill --all of a container that has stopped is no error" {
	bundle
	running true
	eventually status_is stopped
	rt kill --all "$ID" KILL
	run rt kill "$ID" KILL
	[ "$status" -eq 1 ]
	[[ $output == *"not running"* ]]
}

@test "delete --force removes a paused container" {
	ticking
	rt pause "$ID"
	rt delete --force "$ID"
	[ -z "$(containers)" ]
}
