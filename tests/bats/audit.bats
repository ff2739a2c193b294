#!/usr/bin/env bats
# audit: what a container has now, read from the kernel, and how that differs from its config.

# bats file_tags=rootless

load setup

needs() {
	only_rt "its own command"
}

# finding FIELD prints the finding of a field, of the last audit.
finding() {
	jq -r --arg field "$1" '.findings[] | select(.field == $field) | .finding' <<<"$output"
}

# audited runs rt audit, which has to find N differences.
audited() {
	run --separate-stderr rt audit --format json "$ID"
	[ "$(jq '.findings | length' <<<"$output")" = "$1" ] || {
		jq .findings <<<"$output"
		return 1
	}
	[ "$status" -eq "$(($1 > 0))" ]
}

@test "audit: a container is as its config says" {
	bundle '.process.oomScoreAdj = 300 | .linux.resources.pids = {limit: 100}
		| .mounts += [{destination: "/data", source: "/etc", type: "bind",
			options: ["rbind", "ro", "nosuid", "nodev", "noexec"]}]'
	config '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
	[ "$ROOTLESS" = 0 ] || config 'del(.linux.resources, .process.oomScoreAdj)'
	running sleep 60
	audited 0
	[ "$(jq '[.properties[] | select(.subject == "mounts" and .name == "/data")] | length' <<<"$output")" = 1 ]
	pid=$(rt state "$ID" | jq .pid)
	[ "$(jq .pid <<<"$output")" = "$pid" ]
	run rt audit "$ID"
	[[ $output == *"no_new_privs"*yes* ]]
	run rt audit --findings "$ID"
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

# bats test_tags=root
@test "audit: other users, maps of ids and a terminal are no findings" {
	bundle '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings
		| .process.user = {uid: 7, gid: 8, additionalGids: [9, 10]}
		| .process.capabilities.ambient = ["CAP_KILL"] | .process.capabilities.inheritable = ["CAP_KILL"]'
	chmod 755 "$BUNDLE" "$BUNDLE/rootfs"
	running sleep 60
	audited 0
	[ "$(jq -r '.properties[] | select(.name == "uid").now' <<<"$output")" = 100007 ]
	[ "$(jq -r '.properties[] | select(.name == "effective").now' <<<"$output")" = CAP_KILL ]
}

# bats test_tags=root
@test "audit: limits that were changed from outside" {
	needs_controller pids
	bundle '.linux.resources.pids = {limit: 100}'
	running sleep 60
	pid=$(rt state "$ID" | jq .pid)
	audited 0
	prlimit --pid "$pid" --nofile=77:99
	echo 5 >"$(cgroup_dir pids "$pid")/pids.max"
	echo 500 >"/proc/$pid/oom_score_adj"
	audited 2
	[ "$(finding 'process.rlimits[0]')" = "has another limit" ]
	[ "$(finding linux.resources.pids.limit)" = "has another limit" ]
	[ "$(jq -r '.findings[0].now' <<<"$output")" = "soft 77, hard 99" ]
	[ "$(jq -r '.properties[] | select(.name == "oom_score_adj").now' <<<"$output")" = 500 ]
}

# bats test_tags=root
@test "audit: mounts that were added, changed and removed inside" {
	bundle
	running sleep 60
	pid=$(rt state "$ID" | jq .pid)
	nsenter -t "$pid" -m mount -t tmpfs $'evil\e[31m' /dev/shm/
	nsenter -t "$pid" -m mount -t tmpfs other /root
	nsenter -t "$pid" -m umount /proc/timer_list /dev/mqueue
	nsenter -t "$pid" -m umount /proc/sys
	nsenter -t "$pid" -m mount -o remount,bind,rw none /
	audited 6
	[ "$(finding root.readonly)" = "is not ro" ]
	[ "$(finding 'mounts[4]')" = "is not mounted" ]
	[ "$(finding mounts)" = "is a mount that the config does not have" ]
	[[ $(finding 'mounts[3]') == "is not "* ]]
	[ "$(jq -r '[.findings[] | select(.subject == "masked paths").name] | join(" ")' <<<"$output")" = /proc/timer_list ]
	[ "$(jq -r '[.findings[] | select(.subject == "read-only paths").name] | join(" ")' <<<"$output")" = /proc/sys ]
	run rt audit "$ID"
	[ "$status" -eq 1 ]
	[[ $output != *$'\e'* ]] # what the container names is escaped
	[[ $output == *'! /root'* ]]
}

# bats test_tags=root
@test "audit: another file where a device was, and a shared mount" {
	bundle
	running sleep 60
	pid=$(rt state "$ID" | jq .pid)
	nsenter -t "$pid" -m sh -c '
		rm /dev/null; : >/dev/null; rm /dev/zero; mknod /dev/zero c 1 8; mount --make-shared /dev/shm'
	audited 3
	[ "$(jq -r '[.findings[] | select(.subject == "devices") | .name + " " + .now] | join(", ")' <<<"$output")" = \
		"/dev/null no device, /dev/zero character device 1:8" ]
	[[ $(finding 'mounts[3]') == "is shared"* ]]
}

# bats test_tags=root
@test "audit: rights that a program has given up, and rights of an exec" {
	bundle '.process.capabilities |= with_entries(.value = ["CAP_SETUID", "CAP_SETGID", "CAP_KILL"])'
	echo "u:x:1234:1234::/:/bin/sh" >"$BUNDLE/rootfs/etc/passwd"
	running su u -c 'exec sleep 60'
	eventually sh -c "grep -q '^Uid:.1234' /proc/$(rt state "$ID" | jq .pid)/status"
	run_detached rt exec --detach --cap CAP_SYS_TIME "$ID" sleep 61
	audited 6
	[ "$(finding process.user.uid)" = "runs as another user" ]
	[ "$(finding process.capabilities.effective)" = "lacks CAP_KILL CAP_SETGID CAP_SETUID" ]
	[[ $(finding process.capabilities) == "has CAP_SYS_TIME in addition" ]]
	[[ $(jq -r '.findings[] | select(.subject == "processes").name' <<<"$output") == *" sleep" ]]
}

@test "audit: only of a container that runs" {
	bundle
	created sleep 60
	run rt audit "$ID"
	[ "$status" -eq 1 ]
	clear_error "has not been started"
	rt start "$ID"
	rt pause "$ID" 2>/dev/null || [ "$ROOTLESS" = 1 ]
	audited 0
	rt resume "$ID" 2>/dev/null || [ "$ROOTLESS" = 1 ]
	rt kill "$ID" KILL
	eventually status_is stopped
	run rt audit "$ID"
	[ "$status" -eq 1 ]
	clear_error "container not running"
	run rt audit no-such
	clear_error "does not exist"
}
