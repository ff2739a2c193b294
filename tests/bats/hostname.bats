#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#hostname, config.md#domainname

load setup

@test "hostname: the container has it, the host keeps its own" {
	before=$(uname -n)
	bundle '.hostname = "in-a-container"'
	in_container uname -n
	[ "$status" -eq 0 ]
	[ "$output" = in-a-container ]
	[ "$(uname -n)" = "$before" ]
}

@test "hostname: without it a new uts namespace keeps a copy of the host's" {
	bundle 'del(.hostname)'
	in_container uname -n
	[ "$status" -eq 0 ]
	[ "$output" = "$(uname -n)" ]
}

@test "domainname: the container has it, the host keeps its own" {
	known_bad runc "before 1.2 it ignores domainname"
	before=$(cat /proc/sys/kernel/domainname)
	bundle '.domainname = "example.test"'
	in_container cat /proc/sys/kernel/domainname
	[ "$status" -eq 0 ]
	[ "$output" = example.test ]
	[ "$(cat /proc/sys/kernel/domainname)" = "$before" ]
}

@test "hostname: refused without a uts namespace, since it would be the host's" {
	before=$(uname -n)
	bundle '.hostname = "not-for-the-host" | .linux.namespaces |= map(select(.type != "uts"))'
	in_container true
	refused hostname uts
	[ "$(uname -n)" = "$before" ]
}
