#!/usr/bin/env bats
# bats file_tags=rootless
# What a failed start says: the field, the value, the system call, the errno, the step of the plan and a hint.

load setup

@test "errors: a failing step names field, call, errno and its number in the plan" {
	only_rt "its own text"
	bundle '.mounts += [{destination: "/etc/passwd/below", type: "tmpfs", source: "t"}]'
	in_container true
	refused "mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")].destination" /etc/passwd/below "(2)" ENOTDIR \
		"not a directory"
	[[ $output =~ step\ +([0-9]+) ]]
	number=${BASH_REMATCH[1]}
	run rt plan "$BUNDLE"
	[[ $(grep -E "^ *${number}[ :.]" <<<"$output") == *"mounts["* ]]
}

@test "errors: a hint where one is known" {
	only_rt "its own text"
	bundle '.mounts += [{destination: "/data", type: "bind", source: "/srv/no-such-source", options: ["bind"]}]'
	in_container true
	refused "mounts[" /srv/no-such-source "no such file or directory"
	[[ $output == *"hint"* ]]
}

@test "errors: what is wrong with the program" {
	only_rt "its own text"
	bundle
	printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"
	printf '#!/bin/sh\r\ntrue\r\n' >"$BUNDLE/rootfs/bin/dos"
	chmod +x "$BUNDLE/rootfs/bin/script" "$BUNDLE/rootfs/bin/dos"
	says() { # HINT CMD...
		in_container "${@:2}"
		refused "process.args[0]" "$2"
		[[ $output == *"hint"*"$1"* ]]
	}
	says "/bin names a directory" /bin
	says '"/no/such/interpreter", which its #! line names' script
	says "CR LF" /bin/dos
	says "one word with spaces" "sh -c true"
	config '.process.env = ["A=b"]'
	says "no PATH" sh
	config '.mounts += [{destination: "/data", type: "bind", source: "rootfs/bin", options: ["bind", "noexec"]}]'
	says "mounts[$(jq '.mounts | length - 1' "$BUNDLE/config.json")] is mounted noexec" /data/sh
}

@test "errors: on a terminal, why a program was killed" {
	only_rt "its own text"
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"],
		action: "SCMP_ACT_KILL_PROCESS"}]}
		| .process.args = ["mkdir", "/tmp/x"]'
	run -159 timeout 120 script -qec "$RT --root $ROOT run --bundle $BUNDLE $ID" /dev/null </dev/null
	[[ $output == *"ended with status 159: linux.seccomp has killed it for "* ]]
	run -159 rt run --bundle "$BUNDLE" "$ID"
	[[ $output != *"ended with status"* ]] # in a script the streams are the program's
}

@test "errors: the same in the JSON log, on one line" {
	only_rt "its own text"
	bundle '.mounts += [{destination: "/etc/passwd/below", type: "tmpfs", source: "t"}]'
	process true
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
	message=$(jq -r .msg "$BATS_TEST_TMPDIR/log")
	[[ $message == *"mounts["*"].destination"*ENOTDIR*"step "* ]]
}

@test "errors: words that engines turn into exit codes" {
	bundle
	in_container no-such-program
	[[ $output == *'executable file not found in $PATH'* ]] # docker and podman: 127
	in_container /no/such/program
	[[ $output == *"no such file or directory"* ]] # 127
	in_container /etc/passwd
	[[ $output == *"permission denied"* ]] # 126
	in_container /etc
	[[ $output == *"is a directory"* || $output == *"permission denied"* ]] # 126
}

@test "errors: a container whose start has failed is stopped, and can be deleted at once" {
	printf '#!/no/such/interpreter\n' >"$BATS_TEST_TMPDIR/script"
	chmod 755 "$BATS_TEST_TMPDIR/script"
	bundle
	cp "$BATS_TEST_TMPDIR/script" "$BUNDLE/rootfs/bin/script"
	# On a busy machine the process may outlive its last word for a while.
	for _ in {1..20}; do
		created script
		run rt start "$ID"
		[ "$RUNTIME" != rt ] || [ "$status" -eq 1 ]
		[ "$RUNTIME" = rt ] || eventually status_is stopped
		rt delete "$ID"
	done
}

@test "errors: a signal that killed the boot process is named" {
	only_rt "its own text"
	bundle
	created sleep 60
	kill -KILL "$(state pid)"
	eventually status_is stopped
	run rt start "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *stopped* ]]
}

# rt in a container whose profile does not allow what it needs, as that of an old engine: a filter says EPERM, which
# looks like a missing right, or ENOSYS, which looks like an old kernel.
# bats test_tags=root
@test "errors: a call that a filter around rt denies is one that a filter may deny, and rt doctor names it" {
	only_rt "others fail in their own words"
	bundle
	local inner=$BATS_TEST_TMPDIR/inner outer=$BUNDLE
	cp -a "$BUNDLE" "$inner"
	for errno in 1 38; do
		for call in openat2 clone3; do
			BUNDLE=$outer
			RT_DIR=${RT%/*} INNER=$inner ERRNO=$errno CALL=$call bundle \
				'.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
					syscalls: [{names: [env.CALL], action: "SCMP_ACT_ERRNO", errnoRet: (env.ERRNO | tonumber)}]}
				| .process.capabilities |= with_entries(.value = ["CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_CHOWN",
				"CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP",
					"CAP_DAC_OVERRIDE", "CAP_MKNOD", "CAP_NET_ADMIN"])
				| .mounts += [{destination: "/opt/rt", type: "bind", source: env.RT_DIR, options: ["bind"]},
					{destination: "/opt/b", type: "bind", source: env.INNER, options: ["bind", "exec", "dev", "suid"]},
					{destination: "/run", type: "tmpfs", source: "tmpfs"}] | .root.readonly = false'
			# shellcheck disable=SC2034 # the script in the container reads it
			INNER=$inner
			jq '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 10}] |
				.linux.gidMappings = .linux.uidMappings' \
				"$outer/config.json" | jq 'del(.linux.seccomp, .mounts[-3:])' >"$inner/config.json"
			in_container sh -c \
				"/opt/rt/${RT##*/} --cgroup-manager disabled run --bundle /opt/b inner; /opt/rt/${RT##*/} doctor"
			echo "$output"
			grep "rt: .*seccomp filter" <<<"$output"
			grep "bad .*seccomp filter.*denies.*$call" <<<"$output"
		done
	done
}

# bats test_tags=root
@test "errors: a chroot that is no mount point, and one that wants a user namespace" {
	only_rt "its own text"
	bundle
	local jail=$BATS_TEST_TMPDIR/jail
	mkdir -p "$jail"/{proc,sys,dev,run,tmp}
	cp "$RT" "$jail/rt"
	mv "$BUNDLE" "$jail/bundle"
	# in_jail SCRIPT runs rt in the chroot, after what SCRIPT does outside of it.
	in_jail() {
		JAIL=$jail run unshare --mount --propagation private sh -c "$1"'
			mount -t proc proc "$JAIL/proc" && mount --rbind /sys "$JAIL/sys" && mount --rbind /dev "$JAIL/dev" &&
			exec chroot "$JAIL" /rt --root /run/state run --bundle /bundle "$0"' "$ID"
	}
	in_jail ''
	[[ $output == *"a chroot whose root is no mount point"* ]]
	# shellcheck disable=SC2016 # for the inner shell
	in_jail 'mount --bind "$JAIL" "$JAIL" &&'
	[ "$status" -eq 0 ]
	jq '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 10}] |
		.linux.gidMappings = .linux.uidMappings' "$jail/bundle/config.json" >"$jail/new"
	mv "$jail/new" "$jail/bundle/config.json"
	in_jail ''
	[[ $output == *"a chroot, where the kernel allows no new user namespace"* ]]
}
