#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#posix-process: rlimits; and oomScoreAdj

load setup

# limit NAME prints the soft and the hard limit as /proc/self/limits names it.
limit() {
	in_container sh -c "grep '^$1' /proc/self/limits | sed 's/^$1 *//' | tr -s ' ' | cut -d' ' -f1,2"
	[ "$status" -eq 0 ]
}

@test "rlimits: soft and hard" {
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]'
	limit "Max open files"
	[ "$output" = "100 200" ]
}

@test "rlimits: many at once" {
	bundle '.process.rlimits = [
		{type: "RLIMIT_CORE", soft: 0, hard: 4096},
		{type: "RLIMIT_STACK", soft: 4194304, hard: 8388608},
		{type: "RLIMIT_CPU", soft: 100, hard: 200},
		{type: "RLIMIT_FSIZE", soft: 1048576, hard: 2097152},
		{type: "RLIMIT_SIGPENDING", soft: 10, hard: 20}]'
	limit "Max "
	[[ $output == *"core file size 0"* || $output == *"core file"* ]]
	in_container sh -c 'cut -c1-60 /proc/self/limits | tr -s " "'
	[[ $output == *"Max core file size 0 4096"* ]]
	[[ $output == *"Max stack size 4194304 8388608"* ]]
	[[ $output == *"Max cpu time 100 200"* ]]
	[[ $output == *"Max file size 1048576 2097152"* ]]
	[[ $output == *"Max pending signals 10 20"* ]]
}

@test "rlimits: one that is not named is the caller's" {
	known_bad runc "built with Go before 1.21 it passes on a soft limit that it raised for itself"
	bundle '.process.rlimits = []'
	process sh -c 'grep "Max open files" /proc/self/limits | tr -s " " | cut -d" " -f4,5'
	ulimit -Sn 321
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "321 $(ulimit -Hn)" ]
}

@test "rlimits: the limit holds" {
	bundle '.root.readonly = false | .process.rlimits = [{type: "RLIMIT_FSIZE", soft: 1024, hard: 1024}]'
	in_container sh -c 'trap "" XFSZ; head -c 2000 /dev/zero >/x; wc -c </x'
	[[ $output == *1024 ]]
}

@test "rlimits: the same twice is refused" {
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 1, hard: 2}, {type: "RLIMIT_NOFILE", soft: 1, hard: 2}]'
	known_bad runc "the last wins"
	in_container true
	refused process.rlimits[1].type RLIMIT_NOFILE
}

@test "rlimits: an unknown type is refused" {
	bundle '.process.rlimits = [{type: "RLIMIT_BEAUTY", soft: 1, hard: 2}]'
	in_container true
	refused process.rlimits[0].type RLIMIT_BEAUTY
}

@test "rlimits: soft above hard is refused" {
	bundle '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 20, hard: 10}]'
	in_container true
	refused process.rlimits[0]
}

@test "oomScoreAdj: set for the process and inherited by its children" {
	bundle '.process.oomScoreAdj = 500'
	in_container sh -c 'cat /proc/1/oom_score_adj; sh -c "cat /proc/self/oom_score_adj"'
	[ "$status" -eq 0 ]
	[ "$output" = "500
500" ]
}

@test "oomScoreAdj: without it the container has the caller's" {
	bundle
	in_container cat /proc/self/oom_score_adj
	[ "$status" -eq 0 ]
	[ "$output" = "$(cat /proc/self/oom_score_adj)" ]
}

@test "oomScoreAdj: out of range is refused" {
	bundle '.process.oomScoreAdj = 1001'
	in_container true
	refused process.oomScoreAdj 1001
}
