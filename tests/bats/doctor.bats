#!/usr/bin/env bats
# bats file_tags=rootless
# rt doctor: whether this machine can run containers.

load setup

needs() { only_rt "doctor"; }

@test "doctor finds that containers can run, as they do" {
	run rt doctor
	[ "$status" -eq 0 ]
	for subject in kernel privileges namespaces cgroups security "file systems"; do
		grep -qx "$subject" <<<"$output"
	done
	[[ $output != *"  bad "* ]]
}

@test "doctor --format json has the same findings for programs" {
	run rt doctor --format json
	[ "$status" -eq 0 ]
	jq -e 'length > 5 and all(.[]; has("subject") and has("found") and (.level | IN("ok", "limited", "bad",
		"unknown")))' <<<"$output"
}

# bats test_tags=root
@test "doctor reports what is bad, what to do, and that containers can't run" {
	needs_root "to hide the cgroups"
	run unshare --mount --propagation private sh -c 'umount -R /sys/fs/cgroup; mount -t tmpfs none /sys/fs/cgroup;
		exec "$0" doctor' "$RT"
	[ "$status" -eq 1 ]
	[[ $output == *"bad "*"no cgroup"*"mounted"* ]]
	[[ $output == *"-> mount -t cgroup2 none /sys/fs/cgroup"* ]]
	[[ $output == *"containers can't run on this machine"* ]]
}

# bats test_tags=root
@test "doctor sees a /proc that is partly covered" {
	needs_root "to cover it"
	run unshare --mount --propagation private sh -c 'mount -t tmpfs none /proc/tty; exec "$0" doctor' "$RT"
	[ "$status" -eq 0 ]
	[[ $output == *"/proc is covered at /proc/tty"* ]]
}

# bats test_tags=user
@test "doctor reports the id ranges of an ordinary user" {
	run rt doctor
	[[ $output == *"/etc/subuid"* ]]
}
