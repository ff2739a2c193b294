#!/usr/bin/env bats
# bats file_tags=rootless,user
# What an ordinary user meets: id maps, helpers, cgroups that are not theirs. (The other files run as one too.)

load setup

needs() {
	[ "$(id -u)" -ne 0 ] || skip "needs an ordinary user"
}

@test "rootless: root inside is the user outside" {
	bundle '.root.readonly = false'
	in_container sh -c 'id -u; id -g; touch /made-inside; cat /proc/self/setgroups'
	[ "$status" -eq 0 ]
	[ "$output" = "0
0
deny" ]
	[ "$(stat -c %u:%g "$BUNDLE/rootfs/made-inside")" = "$(id -u):$(id -g)" ]
}

@test "rootless: ranges of ids, through newuidmap and newgidmap" {
	bundle '.root.readonly = false | .process.user = {uid: 1000, gid: 1000}'
	ranges
	chmod 777 "$BUNDLE/rootfs/tmp"
	in_container sh -c 'id -u; id -g; touch /tmp/x; tr -s " " </proc/self/uid_map; cat /proc/self/setgroups'
	[ "$status" -eq 0 ]
	[ "$output" = "1000
1000
 0 $(id -u) 1
 1 $SUBUID 65535
allow" ]
	[ "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/x")" = "$((SUBUID + 999)):$((SUBGID + 999))" ]
	rm -f "$BUNDLE/rootfs/tmp/x"
}

@test "rootless: additional groups, of a range" {
	known_bad runc "it takes none from an ordinary user"
	bundle '.process.user = {uid: 1000, gid: 1000, additionalGids: [2000]}'
	ranges
	in_container id -G
	[ "$status" -eq 0 ]
	[ "$output" = "1000 2000" ]
}

@test "rootless: a range that is not the user's is refused" {
	bundle
	ranges
	config '.linux.uidMappings[1] |= (.hostID = 5 | .size = 10)'
	in_container true
	refused linux.uidMappings newuidmap
}

@test "rootless: ranges without newuidmap are refused, and it is named" {
	bundle
	ranges
	process true
	run env PATH=/nowhere "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	refused newuidmap
}

@test "rootless: without a user namespace it is refused, and said why" {
	bundle '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
	in_container true
	refused linux.namespaces user
}

@test "rootless: additional groups are refused with one id" {
	bundle '.process.user.additionalGids = [5]'
	in_container true
	refused process.user.additionalGids
}

@test "rootless: default devices are the host's, bound" {
	bundle
	in_container sh -c 'grep -c " /dev/null " /proc/self/mounts; echo x >/dev/null && head -c 2 /dev/zero | wc -c'
	[ "$status" -eq 0 ]
	[ "$output" = "1
2" ]
}

@test "rootless: a container without limits needs no cgroup" {
	bundle 'del(.linux.cgroupsPath)'
	in_container echo fine
	[ "$status" -eq 0 ]
	[ "$output" = fine ]
}

@test "rootless: a limit that cannot be set is refused" {
	bundle '.linux.resources.pids.limit = 20'
	in_container true
	[ "$status" -eq 0 ] || refused linux.resources
	# Where it was not refused it must hold.
	if [ "$status" -eq 0 ]; then
		in_container sh -c 'i=0; while [ $i -lt 40 ]; do sleep 600 & i=$((i + 1)); done; echo all started'
		[[ $output != *"all started"* ]]
	fi
}

@test "CVE-2023-25809: the host's cgroups cannot be written, though /sys is the host's" {
	bundle '.process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"])'
	# What the container can make, it makes in a filesystem of its own.
	in_container sh -c "for d in \$(find /sys/fs/cgroup -type d | head -n 100); do mkdir \$d/$ID 2>/dev/null; done; :"
	[ -z "$(cgroups)" ]
}

@test "rootless: without --root the state is in XDG_RUNTIME_DIR" {
	bundle
	process sleep 60
	run_detached "$RT" create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ -d "$XDG_RUNTIME_DIR/$RUNTIME/$ID" ]
	[ "$("$RT" list -q)" = "$ID" ]
	"$RT" delete --force "$ID"
	[ ! -e "$XDG_RUNTIME_DIR/$RUNTIME/$ID" ]
}

@test "rootless: root in a user namespace is root enough" {
	mkdir "$BATS_TEST_TMPDIR/nested"
	bundle 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
	process id -u
	export -f rt
	run unshare --user --map-root-user --mount bash -c 'rt run --bundle "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	[ "$output" = 0 ]
}

@test "rootless: a user namespace in a user namespace" {
	bundle '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	process sh -c 'id -u; readlink /proc/self/ns/user'
	export -f rt
	run unshare --user --map-root-user --mount bash -c 'readlink /proc/self/ns/user; rt run --bundle "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = 0 ]
	[ "${lines[0]}" != "${lines[2]}" ]
}
