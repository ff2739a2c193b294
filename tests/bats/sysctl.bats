#!/usr/bin/env bats
# bats file_tags=rootless
# config-linux.md#sysctl

load setup

# host PATH prints a sysctl of the host.
host() {
	cat "/proc/sys/$1"
}

# bats test_tags=root
@test "sysctl: of the network, ipc and uts namespaces: set inside, unchanged outside" {
	before=$(host net/ipv4/ip_forward kernel/msgmax kernel/domainname)
	bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1", "net.ipv4.tcp_keepalive_time": "1234",
		"kernel.msgmax": "9000", "fs.mqueue.msg_max": "15"}'
	in_container sh -c 'cd /proc/sys;
		cat net/ipv4/ip_forward net/ipv4/tcp_keepalive_time kernel/msgmax fs/mqueue/msg_max'
	[ "$status" -eq 0 ]
	[ "$output" = "1
1234
9000
15" ]
	[ "$(host net/ipv4/ip_forward kernel/msgmax kernel/domainname)" = "$before" ]
}

# bats test_tags=root
@test "sysctl: a name may be written with slashes, for interfaces with a dot in their name" {
	bundle '.linux.sysctl = {"net/ipv4/ip_forward": "1"}'
	in_container cat /proc/sys/net/ipv4/ip_forward
	[ "$status" -eq 0 ]
	[ "$output" = 1 ]
}

@test "sysctl: of the network namespace of a user namespace" {
	bundle '.linux.namespaces |= (map(select(.type != "network")) + [{type: "network"}]) |
		.linux.sysctl = {"net.ipv4.ping_group_range": "0 0"}'
	in_container cat /proc/sys/net/ipv4/ping_group_range
	[ "$status" -eq 0 ]
	[ "$output" = "0	0" ]
}

@test "sysctl: a parameter of the whole machine is refused" {
	before=$(host vm/swappiness)
	bundle '.linux.sysctl = {"vm.swappiness": "11"}'
	in_container true
	refused linux.sysctl vm.swappiness
	[ "$(host vm/swappiness)" = "$before" ]
}

@test "sysctl: a parameter of a namespace that is not new is refused" {
	before=$(host net/ipv4/ip_forward)
	bundle '.linux.namespaces |= map(select(.type != "network")) | del(.mounts[] | select(.type == "sysfs"))
		| .linux.sysctl = {"net.ipv4.ip_forward": "1"}'
	in_container true
	refused linux.sysctl net.ipv4.ip_forward network
	[ "$(host net/ipv4/ip_forward)" = "$before" ]
}

@test "sysctl: the hostname has its own field" {
	bundle '.linux.sysctl = {"kernel.hostname": "other"}'
	in_container true
	refused linux.sysctl kernel.hostname hostname
}

# bats test_tags=root
@test "sysctl: a value that the kernel refuses is an error that names it" {
	bundle '.linux.sysctl = {"net.ipv4.ip_forward": "many"}'
	in_container true
	refused linux.sysctl net.ipv4.ip_forward
}

# bats test_tags=root
@test "sysctl: a parameter that does not exist is refused, and named" {
	bundle '.linux.sysctl = {"net.ipv4.no_such_thing": "1"}'
	in_container true
	refused linux.sysctl net.ipv4.no_such_thing
}

# bats test_tags=root
@test "sysctl: dots cannot lead out of /proc/sys" {
	bundle '.linux.sysctl = {"net/../../../tmp/x": "1"}'
	mkdir -p "$BUNDLE/rootfs/tmp"
	touch "$BUNDLE/rootfs/tmp/x"
	in_container true
	[ "$status" -eq 1 ]
	[ ! -s "$BUNDLE/rootfs/tmp/x" ]
}
