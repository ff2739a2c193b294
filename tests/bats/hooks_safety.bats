#!/usr/bin/env bats
# bats file_tags=rootless
# Whoever runs in the container runs as the container, where hooks begin, and what ends one that hangs.

load setup

# said prints what a startContainer hook of the container's shell writes, which must end with status 7.
said() {
	SCRIPT="$1; exit 7" config '.hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", env.SCRIPT]}]'
	in_container true
	[ "$status" -eq 1 ]
	[[ $output == *"error running startContainer hook #0: exit status 7, stdout: "* ]] || {
		echo "$output"
		return 1
	}
}

@test "hooks: startContainer has the user, the rights and the environment of the process" {
	only_rt "the words are its own"
	bundle '.process.env += ["OF_THE_PROCESS=yes"] | .process.noNewPrivileges = true'
	export OF_THE_CALLER=1
	said 'id -u; grep -E "^(Cap|NoNewPrivs)" /proc/self/status; env; echo; cat /proc/self/cgroup'
	hook=$output
	in_container sh -c 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status; cat /proc/self/cgroup'
	config 'del(.hooks)'
	in_container sh -c 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status; cat /proc/self/cgroup'
	[ "$status" -eq 0 ]
	while read -r line; do
		[[ $hook == *"${line//$'\t'/ }"* ]] || {
			echo "the process has $line, the hook said: $hook"
			return 1
		}
	done <<<"$output"
	[[ $hook == *OF_THE_PROCESS=yes* && $hook == *HOME=* && $hook != *OF_THE_CALLER* ]]
}

# bats test_tags=root
@test "hooks: startContainer runs as the user of the process, under its filter" {
	only_rt "the words are its own"
	bundle '.process.user = {uid: 1234, gid: 1234} | .process.noNewPrivileges = true
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"],
		action: "SCMP_ACT_ERRNO", errnoRet: 95}]}'
	said 'id -u; mkdir /tmp/x; grep Seccomp: /proc/self/status'
	[[ $output == *"stdout: 1234 | Seccomp: 2,"* ]]
	[[ $output == *"mkdir: can't create directory"*"not supported"* ]]
}

@test "hooks: startContainer has three descriptors, whatever rt's caller leaks" {
	only_rt "the words are its own"
	bundle
	exec 9</
	said 'cd /proc/self/fd && echo *'
	exec 9<&-
	[[ $output == *"stdout: 0 1 2 3, "* ]] # 3 is that of the shell's own directory
}

@test "hooks: what startContainer writes is bounded" {
	only_rt "the words are its own"
	bundle
	said 'head -c 3000000 /dev/zero | tr "\0" x'
	[ ${#output} -lt 6000 ]
}

@test "hooks: createContainer begins in the directory of the root file system" {
	bundle '.root.readonly = false | .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c",
		"pwd >where; touch ./made"], env: ["PATH=/bin:/usr/bin"]}]'
	in_container cat /where
	[ "$status" -eq 0 ]
	[ "$output" = "$BUNDLE/rootfs" ]
	[ -e "$BUNDLE/rootfs/made" ]
}

@test "hooks: createContainer of a container with a layer begins in the layer" {
	only_rt "--ephemeral is its own"
	bundle '.root.readonly = false | .hooks.createContainer = [{path: "/bin/sh", args: ["sh", "-c", "touch ./made"],
		env: ["PATH=/bin:/usr/bin"]}]'
	process ls /made
	run rt run --ephemeral --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ ! -e "$BUNDLE/rootfs/made" ]
}

@test "hooks: poststart runs when the program does" {
	known_bad runc "before 1.5 it runs poststart at create"
	bundle '.hooks.poststart = [{path: "/bin/sh", args: ["sh", "-c",
		"readlink /proc/$(jq .pid)/exe >" + env.BATS_TEST_TMPDIR + "/exe"]}]'
	process /bin/busybox sleep 60
	run_detached rt run --detach --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[[ $(cat "$BATS_TEST_TMPDIR/exe") == */bin/busybox ]]
}

@test "hooks: a signal to end rt ends a hook that hangs, and nothing is left" {
	known_bad runc "it waits for the hook"
	bundle
	for case in "run createRuntime" "run createContainer" "run poststart" "create prestart"; do
		read -r command kind <<<"$case"
		KIND=$kind SECONDS_OF_HOOK=77.$BATS_ROOT_PID config 'del(.hooks) | .hooks[env.KIND] = [{
			path: "/bin/sleep", args: ["sleep", env.SECONDS_OF_HOOK]}]'
		process sleep 60
		for signal in TERM INT; do
			# The shell has a command in the background ignore SIGINT.
			env --default-signal=INT,TERM,HUP "$RT" --root "$ROOT" "$command" --bundle "$BUNDLE" "$ID" </dev/null \
				>"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
			client=$!
			eventually pgrep -x -f "sleep 77.$BATS_ROOT_PID" >"$BATS_TEST_TMPDIR/hook"
			kill -"$signal" "$client"
			status=0
			wait "$client" || status=$?
			[ "$status" -eq 1 ] || {
				echo "$case, $signal: status $status: $(cat "$BATS_TEST_TMPDIR/said")"
				return 1
			}
			grep -q "hooks.$kind\[0\].*killed, since rt got a signal to end" "$BATS_TEST_TMPDIR/said"
			[ -z "$(containers)" ]
			[ -z "$(cgroups)" ]
			[ -z "$(pgrep -x -f "sleep 77.$BATS_ROOT_PID")" ]
		done
	done
}

@test "hooks: run.oci.hooks.stdout and stderr get what hooks write, and no link is followed" {
	only_rt "an annotation of crun's"
	bundle '.annotations = {"run.oci.hooks.stdout": (env.BATS_TEST_TMPDIR + "/out"),
		"run.oci.hooks.stderr": (env.BATS_TEST_TMPDIR + "/err")}
		| .hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c", "echo one; echo two >&2"]}]
		| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "echo three"]}]'
	echo zero >"$BATS_TEST_TMPDIR/out"
	in_container true
	[ "$status" -eq 0 ]
	[ "$(cat "$BATS_TEST_TMPDIR/out")" = "$(printf 'zero\none\nthree')" ]
	[ "$(cat "$BATS_TEST_TMPDIR/err")" = two ]
	rm "$BATS_TEST_TMPDIR/err"
	ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/err"
	in_container true
	refused "run.oci.hooks.stderr"
	[ ! -e "$BATS_TEST_TMPDIR/elsewhere" ]
	rm "$BATS_TEST_TMPDIR/err"
	mkfifo "$BATS_TEST_TMPDIR/err"
	in_container true
	refused "run.oci.hooks.stderr"
}
