#!/usr/bin/env bats
# config-linux.md#network-devices. All devices are made in a network namespace that the test makes: never in the
# machine's.

load setup

needs() {
	known_bad runc "linux.netDevices is of runc 1.4 and newer"
	busybox unshare --net true || skip "no new network namespaces here"
	command -v ip >/dev/null || skip "no ip: iproute2 is not installed"
	# shellcheck disable=SC2016 # for the inner shell
	KIND=$(busybox unshare --net sh -c 'for kind in dummy ifb; do ip link add d0 type $kind 2>/dev/null &&
		echo $kind && exit; done') ||
		skip "this kernel makes neither dummy nor ifb devices"
	export KIND
}

# with_devices SCRIPT runs SCRIPT in a new network namespace with the device d0, 10.9.8.7/24 and fd00::7/64.
with_devices() {
	export -f rt not
	run busybox unshare --net bash -euc "
		ip link add d0 type \$KIND
		ip link set d0 mtu 1400 up
		ip addr add 10.9.8.7/24 dev d0
		ip addr add 192.0.2.6/24 dev d0 scope link
		ip addr add fd00::7/64 dev d0
		$1" 3>&-
}

@test "netDevices: a device moves, is up, and keeps its global addresses, its MTU and its hardware address" {
	bundle '.linux.netDevices = {d0: {}}'
	process ip addr show dev d0
	with_devices '
		ip link show d0 | grep link/ether
		rt run --bundle "$BUNDLE" "$ID"
		not ip link show d0'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"d0: <"*UP*"mtu 1400"* ]]
	[ "$(grep link/ether <<<"$output" | sort -u | wc -l)" -eq 1 ]
	[ "$(grep -c link/ether <<<"$output")" -eq 2 ]
	[[ $output == *"inet 10.9.8.7/24"* ]]
	[[ $output == *"inet6 fd00::7/64"* ]]
	[[ $output != *"192.0.2.6"* ]]
}

@test "netDevices: a device gets another name, and a template becomes a name that is free" {
	bundle '.linux.netDevices = {d0: {name: "inside"}, d1: {name: "lo%d"}}'
	process ip link show
	with_devices '
		ip link add d1 type $KIND
		rt run --bundle "$BUNDLE" "$ID"'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *": inside: <"*UP* ]]
	[[ $output == *": lo0: <"*UP* ]]
	[[ $output != *": d0: <"* ]]
	[[ $output != *": d1: <"* ]]
}

@test "netDevices: they exist before the hooks, with a user namespace too" {
	bundle '.linux.netDevices = {d0: {name: "inside"}} |
		.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}] | .linux.gidMappings = .linux.uidMappings |
		.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c",
		"nsenter --net=/proc/$(jq .pid)/ns/net ip addr show inside >hook.out"], env: [env.PATH | "PATH=" + .]}]'
	process true
	with_devices 'rt run --bundle "$BUNDLE" "$ID"'
	echo "$output"
	[ "$status" -eq 0 ]
	grep -q '10.9.8.7/24' "$BUNDLE/hook.out"
}

@test "netDevices: a missing device is an error, and the others stay on the host" {
	bundle '.linux.netDevices = {d0: {}, nope: {}}'
	process true
	with_devices '
		not rt run --bundle "$BUNDLE" "$ID"
		ip addr show d0'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"linux.netDevices.nope"*"no such network device"* ]]
	[[ $output == *"inet 10.9.8.7/24"* ]]
}

@test "netDevices: a name that the container has already is an error, and the device stays where it is" {
	bundle '.linux.netDevices = {d0: {name: "lo"}}'
	process true
	with_devices '
		not rt run --bundle "$BUNDLE" "$ID"
		ip addr show d0'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"linux.netDevices.d0"*"already"* ]]
	[[ $output == *"inet 10.9.8.7/24"* ]]
}

@test "netDevices: a device is known by an alternative name too, and keeps both" {
	bundle '.linux.netDevices = {other: {}}'
	process ip link show d0
	with_devices '
		ip link property add dev d0 altname other
		rt run --bundle "$BUNDLE" "$ID"'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *": d0: <"*UP* ]]
}

@test "netDevices: a device that the kernel does not move says so" {
	bundle '.linux.netDevices = {br0: {}}'
	process true
	with_devices '
		ip link add br0 type bridge || exit 77
		not rt run --bundle "$BUNDLE" "$ID"
		ip link show br0'
	echo "$output"
	[ "$status" -ne 77 ] || skip "this kernel has no bridges"
	[ "$status" -eq 0 ]
	[[ $output == *"linux.netDevices.br0"*EINVAL*hint*bridges* ]]
}

@test "netDevices: the loopback device is refused, under any name" {
	for name in lo other; do
		NAME=$name bundle '.linux.netDevices = {lo: {name: env.NAME}}'
		process true
		with_devices 'not rt run --bundle "$BUNDLE" "$ID"'
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output == *"linux.netDevices.lo"*"is the loopback device"*hint* ]]
	done
}

@test "netDevices: a namespace that is joined gets them, and they stay there when the container is gone" {
	bundle '(.linux.namespaces[] | select(.type == "network")).path = env.BATS_TEST_TMPDIR + "/ns" |
		.linux.netDevices = {d0: {}}'
	process ip addr show dev d0
	# shellcheck disable=SC2016
	with_devices '
		busybox unshare --net sleep 60 &
		other=$!
		until [ "$(readlink /proc/$other/ns/net)" != "$(readlink /proc/$$/ns/net)" ]; do sleep 0.01; done
		ln -s /proc/$other/ns/net "$BATS_TEST_TMPDIR/ns"
		rt run --bundle "$BUNDLE" "$ID"
		busybox nsenter -t $other -n ip link show d0
		kill $other'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c 'd0: <' <<<"$output")" -eq 2 ]
}

# d0_is_back: it has its name, its addresses and its state again.
d0_is_back='
		ip -oneline addr show dev d0
		ip -oneline link show dev d0 | grep -q "[<,]UP[,>].* mtu 1400 "
		ip -oneline addr show dev d0 | grep -q "inet 10.9.8.7/24"
		ip -oneline addr show dev d0 | grep -q "inet 192.0.2.6/24 scope link"
		ip -oneline addr show dev d0 | grep -q "inet6 fd00::7/64"'

@test "netDevices: when a later device can't be moved, those before it come back" {
	# The loopback device belongs to its namespace, and the kernel refuses names like the last two.
	for later in '{lo: {name: "d9"}}' '{d1: {name: "d%d%d"}}' '{d1: {name: "inside"}}'; do
		bundle ".linux.netDevices = {d0: {name: \"inside\"}} + $later"
		process true
		with_devices "
			ip link add d1 type \$KIND
			not rt run --bundle \"\$BUNDLE\" \"\$ID\"
			ip link show d1
			$d0_is_back"
		echo "$later: $output"
		[ "$status" -eq 0 ]
		rm -rf "$BUNDLE"
	done
}

@test "netDevices: when the container can't be made after all, they come back, with names exchanged too" {
	bundle '.linux.netDevices = {d0: {name: "d1"}, d1: {name: "d0"}} | .hooks.createRuntime = [{path: "/bin/false"}]'
	process true
	with_devices "
		ip link add d1 type \$KIND
		not rt run --bundle \"\$BUNDLE\" \"\$ID\"
		ip link show d1
		$d0_is_back"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output != *warning* ]]
}
