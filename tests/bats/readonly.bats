#!/usr/bin/env bats
# bats file_tags=rootless
# config-linux.md#readonly-paths

load setup

@test "readonlyPaths: files and directories, and all below" {
	bundle '.root.readonly = false | .linux.readonlyPaths += ["/fixed", "/file"]'
	mkdir -p "$BUNDLE/rootfs/fixed/below"
	echo old >"$BUNDLE/rootfs/file"
	in_container sh -c 'touch /fixed/x; touch /fixed/below/x; echo new >/file; touch /free && ls /free'
	[ "$status" -eq 0 ]
	[ "$(grep -c "Read-only file system" <<<"$output")" -eq 3 ]
	[[ $output == */free ]]
	[ "$(cat "$BUNDLE/rootfs/file")" = old ]
}

@test "readonlyPaths: one that does not exist is left out" {
	bundle '.linux.readonlyPaths += ["/does/not/exist"]'
	in_container ls /does
	[ "$status" -eq 1 ]
	[[ $output == *"No such file"* ]]
}

@test "readonlyPaths: those of the default config in /proc" {
	bundle '.process.capabilities[] |= (. // [] | . + ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	in_container sh -c 'for p in sys irq bus fs; do [ ! -d /proc/$p ] || grep " /proc/$p " /proc/self/mounts |
		cut -d" " -f4 | cut -d, -f1; done; echo 1 >/proc/sys/kernel/hostname'
	[ "$status" -eq 1 ]
	[[ ${lines[-1]} == *"Read-only file system"* ]]
	for line in "${lines[@]:0:${#lines[@]}-1}"; do [ "$line" = ro ]; done
	[ "${#lines[@]}" -gt 2 ]
}

@test "readonlyPaths: a mount keeps its other options" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "t", options: ["nosuid", "nodev", "noexec",
		"mode=777"]}] | .linux.readonlyPaths += ["/tmp"]'
	in_container sh -c 'grep " /tmp " /proc/self/mounts | tail -n 1 | cut -d" " -f4; touch /tmp/x'
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == ro,nosuid,nodev,noexec,* ]]
	[[ ${lines[1]} == *"Read-only file system"* ]]
}

@test "readonlyPaths: a relative path is relative to the root, with a warning" {
	only_rt "others say nothing"
	bundle '.root.readonly = false | .linux.readonlyPaths += ["fixed"]'
	mkdir "$BUNDLE/rootfs/fixed"
	in_container touch /fixed/new
	[ "$status" -eq 1 ]
	[[ $output == *"/fixed/new: Read-only file system"* ]]
	[[ $output == *"rt: warning: linux.readonlyPaths["*"]: is relative: taken as /fixed"* ]]
}

# bats test_tags=root
@test "a read-only /sys of one's own network namespace is a read-only file system, and the host's stays as it is" {
	bundle
	in_container grep " /sys .* sysfs " /proc/self/mountinfo
	[ "$status" -eq 0 ]
	[[ $output == *" ro,nosuid,nodev,noexec"*" - sysfs sysfs ro"* ]]
	config '.linux.namespaces |= map(select(.type != "network"))'
	in_container grep " /sys .* sysfs " /proc/self/mountinfo
	[[ $output == *" ro,nosuid,nodev,noexec"* ]]
	grep -q " /sys .* - sysfs .* rw" /proc/self/mountinfo
}

# Clearing the flag of a mount is not enough: remount,bind changes only that, and a program that may mount can do it.
# bats test_tags=root
@test "a read-only /sys stays so when the flag of its mount, or of a bind of it, is cleared" {
	local admin='.process.capabilities[] += ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"]' try='
		mount -o remount,bind,rw /sys && mount -o bind /sys /mnt && mount -o remount,bind,rw /mnt || exit 9
		grep -c -E " (/sys|/mnt) rw,.* - sysfs " /proc/self/mountinfo
		for s in /sys /mnt; do echo 1500 >$s/class/net/lo/mtu && echo written; done'
	bundle "$admin"' | .root.readonly = false | .mounts |= map(if .type == "sysfs" then .options -= ["ro"] else . end)'
	mkdir "$BUNDLE/rootfs/mnt"
	in_container sh -c "$try"
	[ "$output" = $'2\nwritten\nwritten' ]
	bundle "$admin | .root.readonly = false"
	mkdir -p "$BUNDLE/rootfs/mnt"
	in_container sh -c "$try"
	[ "${lines[0]}" = 2 ]
	[ "$(grep -c "Read-only file system" <<<"$output")" -eq 2 ]
	[[ $output != *written* ]]
}
