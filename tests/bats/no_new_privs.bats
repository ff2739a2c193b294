#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#linux-process: noNewPrivileges

load setup

@test "noNewPrivileges: true" {
	bundle '.process.noNewPrivileges = true'
	in_container grep ^NoNewPrivs /proc/self/status
	[ "$output" = "NoNewPrivs:	1" ]
}

@test "noNewPrivileges: false, and absent" {
	bundle '.process.noNewPrivileges = false'
	in_container grep ^NoNewPrivs /proc/self/status
	[ "$output" = "NoNewPrivs:	0" ]
	config 'del(.process.noNewPrivileges)'
	in_container grep ^NoNewPrivs /proc/self/status
	[ "$output" = "NoNewPrivs:	0" ]
}
