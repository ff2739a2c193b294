#!/usr/bin/env bats
# bats file_tags=rootless
# The command validate: the checks of run without the run.

load setup

@test "validate: a good bundle: silence and 0" {
	only_rt "its own command"
	bundle
	run rt validate "$BUNDLE"
	[ "$status" -eq 0 ]
	[ "$output" = "" ] || [[ $output != *rror* ]]
	cd "$BUNDLE"
	run rt validate
	[ "$status" -eq 0 ]
}

@test "validate: every problem, each with its field" {
	only_rt "its own command"
	bundle '.process.cwd = "relative" | .hostname = "of-the-host"
		| .process.rlimits = [{type: "RLIMIT_BEAUTY", soft: 1, hard: 2}]
		| .linux.namespaces += [{type: "pid"}]
		| .hooks = {createRuntime: [{path: "relative/hook"}]}
		| .linux.namespaces |= map(select(.type != "uts"))'
	run rt validate "$BUNDLE"
	[ "$status" -eq 1 ]
	for field in process.cwd "process.rlimits[0].type" "linux.namespaces[" "hooks.createRuntime[0].path" hostname; do
		[[ $output == *"$field"* ]]
	done
}

@test "validate: broken JSON, with line and column" {
	only_rt "its own command"
	mkdir "$BUNDLE"
	printf '{\n  "ociVersion": "1.0.0",\n  "process": { "args": ["sh" "x"] }\n}\n' >"$BUNDLE/config.json"
	run rt validate "$BUNDLE"
	[ "$status" -eq 1 ]
	[[ $output == *"config.json:3:30: "* ]]
}

@test "validate: an unknown property is named, with the nearest known one, and is no error" {
	only_rt "its own command"
	bundle '.process.noNewPrivilege = true | .linux.maskedPath = []'
	run rt validate "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *"process.noNewPrivilege"*noNewPrivileges* ]]
	[[ $output == *"linux.maskedPath"*maskedPaths* ]]
}

@test "validate: a profile is checked with the rest, and run finds the same" {
	only_rt "its own command"
	bundle '.process.cwd = "relative" | .linux.seccomp = {defaultAction: "SCMP_ACT_KABOOM"}'
	run rt validate "$BUNDLE"
	[ "$status" -eq 1 ]
	[[ $output == *process.cwd* && $output == *"linux.seccomp.defaultAction \"SCMP_ACT_KABOOM\""* ]]
	config '.process.cwd = "/"'
	in_container true
	refused linux.seccomp.defaultAction SCMP_ACT_KABOOM
	[[ $output == *config.json:* ]]
}

@test "validate: a filter that refuses execve is found before anything starts" {
	only_rt "its own command"
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", syscalls: [{names: ["read"], action: "SCMP_ACT_ALLOW"}]}
		| .process.noNewPrivileges = true'
	run rt validate "$BUNDLE"
	[ "$status" -eq 1 ]
	[[ $output == *"linux.seccomp.defaultAction"*"refuses execve"* ]]
	in_container true
	refused linux.seccomp.defaultAction "refuses execve"
	config '.linux.seccomp.syscalls[0].names += ["execve"] | .linux.seccomp.syscalls[0].action = "SCMP_ACT_LOG"'
	rt validate "$BUNDLE"
}

@test "validate: touches nothing" {
	only_rt "its own command"
	bundle
	find "$BUNDLE" | sort >"$BATS_TEST_TMPDIR/before"
	rt validate "$BUNDLE"
	find "$BUNDLE" | sort | cmp - "$BATS_TEST_TMPDIR/before"
	[ -z "$(containers)" ]
}

@test "validate: no bundle there" {
	only_rt "its own command"
	run rt validate /no/such/bundle
	[ "$status" -eq 1 ]
	clear_error /no/such/bundle "no such file or directory"
}
