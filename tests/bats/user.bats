#!/usr/bin/env bats
# config.md#user

load setup

@test "user: uid and gid" {
	bundle '.process.user = {uid: 1234, gid: 4321}'
	in_container grep -E '^(Uid|Gid|Groups)' /proc/self/status
	[ "$status" -eq 0 ]
	[ "$(tr -d '\t ' <<<"$output")" = "Uid:1234123412341234
Gid:4321432143214321
Groups:" ]
}

@test "user: additionalGids, and none of the caller's" {
	bundle '.process.user = {uid: 1000, gid: 1000, additionalGids: [5, 77, 4000000]}'
	in_container grep ^Groups /proc/self/status
	[ "$status" -eq 0 ]
	[ "$(tr -s '\t ' ' ' <<<"$output")" = "Groups: 5 77 4000000 " ]
}

@test "user: the container's root has none of the caller's groups" {
	bundle
	process grep ^Groups /proc/self/status
	run setpriv --groups 10,20 timeout 120 "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$(tr -d '\t ' <<<"$output")" = "Groups:" ]
}

@test "user: umask" {
	bundle '.root.readonly = false | .process.user.umask = 63'
	in_container sh -c 'umask; touch /x; stat -c %a /x'
	[ "$status" -eq 0 ]
	[ "$output" = "0077
600" ]
}

@test "user: without umask the caller's" {
	bundle
	process sh -c umask
	umask 027
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = 0027 ] || [ "$output" = 0022 ]
}

@test "user: a process that is not root owns its standard streams" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	process sh -c 'echo out >/dev/stdout; echo err >/proc/self/fd/2; head -n 1 /dev/stdin'
	run rt run --bundle "$BUNDLE" "$ID" < <(echo in)
	[ "$status" -eq 0 ]
	[ "$(sort <<<"$output")" = "err
in
out" ]
}

@test "user: what uid 1000 writes belongs to uid 1000" {
	bundle '.root.readonly = false | .process.user = {uid: 1000, gid: 1000}'
	chmod 777 "$BUNDLE/rootfs/tmp"
	in_container touch /tmp/x
	[ "$status" -eq 0 ]
	[ "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/x")" = 1000:1000 ]
}

@test "user: in a user namespace the ids are the container's" {
	bundle '.root.readonly = false | .process.user = {uid: 1000, gid: 1000, additionalGids: [2000]}
		| .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chmod 777 "$BUNDLE/rootfs/tmp"
	in_container sh -c 'id -u; id -g; id -G; touch /tmp/x'
	[ "$status" -eq 0 ]
	[ "$output" = "1000
1000
1000 2000" ]
	[ "$(stat -c %u:%g "$BUNDLE/rootfs/tmp/x")" = 101000:101000 ]
}

@test "user: an id that is not mapped is refused" {
	bundle '.process.user = {uid: 70000, gid: 0}
		| .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	in_container true
	refused process.user.uid 70000
}

# exec_refused USER WORDS... checks that exec as this user is an error with these words.
exec_refused() {
	run rt exec --user "$1" "$ID" true
	[ "$status" -eq 255 ]
	[ "$RUNTIME" != rt ] || clear_error "${@:2}"
}

@test "user: exec refuses an id that is not mapped" {
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	echo far:x:70000:70001::/:/bin/sh >"$BUNDLE/rootfs/etc/passwd"
	running sleep 1000
	exec_refused 70000 process.user.uid 'no mapping for uid 70000'
	exec_refused 1:70000 process.user.gid 'no mapping for gid 70000'
	exec_refused far process.user.uid 'no mapping for uid 70000' 'no mapping for gid 70001'
	run rt exec --additional-gids 70000 "$ID" true
	[ "$status" -eq 255 ]
	[ "$RUNTIME" != rt ] || clear_error 'process.user.additionalGids[0]' 'no mapping for gid 70000'
	run rt exec --user 65535:65535 "$ID" id -u
	[ "$output" = 65535 ]
}
