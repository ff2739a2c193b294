#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#posix-platform-hooks, runtime.md#lifecycle

load setup

ALL="prestart createRuntime createContainer startContainer poststart poststop"

# hook NAME SCRIPT [EXTRA] adds a hook of that kind: SCRIPT, run by the host's shell or, within the container, by its
# own.
hook() {
	KIND=$1 SCRIPT=$2 config ".hooks[env.KIND] += [{path: \"/bin/sh\", args: [\"sh\", \"-c\", env.SCRIPT],
		env: [\"PATH=/bin:/usr/bin\"]} + ${3:-{\}}]"
}

log() {
	cat "$LOG"
}

no_child_of_the_hook() {
	[[ $(processes) != *"sleep 50"* ]]
}

# Every hook writes to the same file, which the container has at its own path.
hooks_bundle() {
	LOG=$BATS_TEST_TMPDIR/log/hooks
	mkdir "$BATS_TEST_TMPDIR/log"
	bundle ".root.readonly = false | .mounts += [{
		destination: (env.BATS_TEST_TMPDIR + \"/log\"), type: \"bind\",
		source: (env.BATS_TEST_TMPDIR + \"/log\"), options: [\"bind\"]}] | ${1:-.}"
	: >"$LOG"
}

@test "hooks: all six kinds, in order, and the container's process between them" {
	hooks_bundle
	for kind in $ALL; do
		hook "$kind" "echo $kind >>$LOG"
	done
	process sh -c "echo process >>$LOG"
	run_detached rt create --bundle "$BUNDLE" "$ID"
	[ "$(log | grep -v poststart | tr '\n' ' ')" = "prestart createRuntime createContainer " ]
	rt start "$ID"
	eventually status_is stopped
	[ "$(log | grep -v poststart | tr '\n' ' ')" = "prestart createRuntime createContainer startContainer process " ]
	[ "$(log | grep -c poststart)" -eq 1 ]
	rt delete "$ID"
	[ "$(log | tail -n 1)" = poststop ]
	[ "$(log | wc -l)" -eq 7 ]
}

@test "hooks: poststart runs at start, after startContainer" {
	known_bad runc "before 1.5 it runs poststart at create"
	hooks_bundle
	hook startContainer "echo startContainer >>$LOG"
	hook poststart "echo poststart >>$LOG"
	created true
	[ "$(log)" = "" ]
	rt start "$ID"
	[ "$(log | tr '\n' ' ')" = "startContainer poststart " ]
}

@test "hooks: run does the same" {
	hooks_bundle
	for kind in $ALL; do
		hook "$kind" "echo $kind >>$LOG"
	done
	in_container sh -c "echo process >>$LOG"
	[ "$status" -eq 0 ]
	[ "$(log | grep -v poststart | tr '\n' ' ')" = \
		"prestart createRuntime createContainer startContainer process poststop " ]
	[ "$(log | grep -c poststart)" -eq 1 ]
}

@test "hooks: several of a kind run in the order of the list" {
	hooks_bundle
	for i in 1 2 3; do
		hook createRuntime "echo $i >>$LOG"
	done
	in_container true
	[ "$(log | tr '\n' ' ')" = "1 2 3 " ]
}

@test "hooks: each gets the state on stdin, with the status at that time" {
	hooks_bundle '.annotations = {"org.example.key": "value"}'
	for kind in $ALL; do
		hook "$kind" "{ printf '$kind '; cat; echo; } >>$LOG"
	done
	process sleep 60
	run_detached rt create --bundle "$BUNDLE" "$ID"
	pid=$(state pid)
	rt start "$ID"
	eventually grep -q ^poststart "$LOG"
	rt delete --force "$ID"
	for kind in $ALL; do
		json=$(sed -n "s/^$kind //p" "$LOG")
		[ "$(jq -r .id <<<"$json")" = "$ID" ]
		[ "$(jq -r .bundle <<<"$json")" = "$BUNDLE" ]
		[ "$(jq -r '.annotations["org.example.key"]' <<<"$json")" = value ]
		[[ $(jq -r .ociVersion <<<"$json") == 1.* ]]
		now=$(jq -r .status <<<"$json")
		echo "at $kind the status is $now"
		case $kind in
		prestart | createRuntime | createContainer)
			[[ $now == creating || $now == created ]] # the spec's word is creating, runc says creating too
			[ "$(jq -r .pid <<<"$json")" = "$pid" ] || [ "$kind" = createContainer ]
			;;
		startContainer) [[ $now == created ]] ;;
		poststart)
			[ "$now" = running ] || [ "$RUNTIME" = runc ] # see the test of poststart above
			[ "$(jq -r .pid <<<"$json")" = "$pid" ]
			;;
		poststop) [ "$now" = stopped ] ;;
		esac
	done
}

@test "hooks: prestart and createRuntime run in the runtime's namespaces" {
	hooks_bundle
	hook prestart "readlink /proc/self/ns/mnt /proc/self/ns/net >>$LOG"
	hook createRuntime "readlink /proc/self/ns/mnt /proc/self/ns/net >>$LOG"
	in_container true
	[ "$(sort -u "$LOG")" = "$(readlink /proc/self/ns/mnt /proc/self/ns/net | sort)" ]
}

@test "hooks: createContainer runs in the container's namespaces, with the host's root" {
	hooks_bundle
	hook createContainer \
		"readlink /proc/self/ns/uts /proc/self/ns/mnt >>$LOG; [ -e $BUNDLE/config.json ] && echo host root >>$LOG"
	in_container sh -c 'readlink /proc/self/ns/uts; readlink /proc/self/ns/mnt'
	[ "$status" -eq 0 ]
	[ "$(cat "$LOG")" = "$output
host root" ]
}

@test "hooks: startContainer runs in the container, with its root" {
	hooks_bundle
	config '.hooks.startContainer = [{path: "/bin/mine", args: ["mine", "argument"]}]'
	printf '#!/bin/sh\n{ echo "$0 $1"; hostname; readlink /proc/self/ns/pid; ls /bin/busybox;
		} >>%s\n' "$LOG" >"$BUNDLE/rootfs/bin/mine"
	chmod +x "$BUNDLE/rootfs/bin/mine"
	in_container readlink /proc/self/ns/pid
	[ "$status" -eq 0 ]
	[ "$(cat "$LOG")" = "/bin/mine argument
$(jq -r .hostname "$BUNDLE/config.json")
$output
/bin/busybox" ]
}

# bats test_tags=root
@test "hooks: prestart can set up the network of the container" {
	hooks_bundle '.linux.namespaces |= (map(select(.type != "network")) + [{type: "network"}])'
	hook prestart 'pid=$(jq .pid); nsenter -t "$pid" -n sh -c "echo 1 >/proc/sys/net/ipv4/ip_forward"'
	in_container cat /proc/sys/net/ipv4/ip_forward
	[ "$output" = 1 ]
}

@test "hooks: env is the hook's own" {
	hooks_bundle '.hooks.createRuntime = [{path: "/bin/sh", args: ["sh", "-c",
		"env | sort >>" + env.BATS_TEST_TMPDIR + "/log/hooks"], env: ["ONE=1", "TWO=2"]}]'
	export FROM_THE_HOST=1
	in_container true
	[ "$status" -eq 0 ]
	grep -qx ONE=1 "$LOG"
	grep -qx TWO=2 "$LOG"
	not grep -q FROM_THE_HOST "$LOG"
}

@test "hooks: args are those of execv, the path comes from path" {
	hooks_bundle '.hooks.createRuntime = [{path: "/bin/sh", args: ["another name", "-c",
		"echo $0 >>" + env.BATS_TEST_TMPDIR + "/log/hooks", "zero"]}]'
	in_container true
	[ "$(log)" = zero ]
}

@test "hooks: one that fails stops the creation, with its number, its status and what it said" {
	for kind in prestart createRuntime createContainer; do
		rm -rf "$BATS_TEST_TMPDIR/log"
		hooks_bundle
		hook "$kind" "exit 0"
		hook "$kind" "echo the reason >&2; exit 9"
		hook "$kind" "echo not reached >>$LOG"
		hook poststop "echo poststop >>$LOG"
		process sh -c "echo process >>$LOG"
		run_detached rt create --bundle "$BUNDLE" "$ID"
		refused "hooks.${kind}[1]" "the reason" 9
		[[ $(log) != *process* && $(log) != *"not reached"* ]]
	done
}

@test "hooks: startContainer that fails: the process does not run" {
	hooks_bundle
	hook startContainer "exit 9"
	process sh -c "echo process >>$LOG"
	run_detached rt create --bundle "$BUNDLE" "$ID"
	run rt start "$ID"
	eventually status_is stopped
	[ "$(log)" = "" ]
	if [ "$RUNTIME" = rt ]; then
		[ "$status" -eq 1 ]
		clear_error "hooks.startContainer[0]" 9
	fi
}

@test "hooks: poststart that fails is an error of start" {
	known_bad runc "before 1.2 the container runs on after the error"
	hooks_bundle
	hook poststart "echo the reason >&2; exit 9"
	process sleep 60
	run_detached rt create --bundle "$BUNDLE" "$ID"
	run rt start "$ID" 3>&-
	[ "$status" -eq 1 ]
	[ "$RUNTIME" != rt ] || clear_error "hooks.poststart[0]" "the reason" 9
	eventually status_is stopped
}

@test "hooks: poststop that fails is a warning, and the rest runs" {
	known_bad runc "before 1.2 it stops at the first"
	hooks_bundle
	hook poststop "echo the reason >&2; exit 9"
	hook poststop "echo second >>$LOG"
	process true
	run_detached rt create --bundle "$BUNDLE" "$ID"
	rt start "$ID"
	eventually status_is stopped
	run rt delete "$ID"
	[ "$status" -eq 0 ]
	[ "$(log)" = second ]
	[[ $output == *poststop* ]]
	[ -z "$(containers)" ]
}

@test "hooks: timeout" {
	hooks_bundle
	hook createRuntime "exec sleep 60" '{timeout: 1}'
	in_container true
	refused "hooks.createRuntime[0]" timeout
}

@test "hooks: timeout, though the hook has a child that keeps its streams" {
	known_bad runc "it waits for the child"
	hooks_bundle
	hook createRuntime "sleep 50; :" '{timeout: 1}'
	SECONDS=0
	run_detached rt create --bundle "$BUNDLE" "$ID"
	refused "hooks.createRuntime[0]" timeout
	[ "$SECONDS" -lt 40 ]
	eventually no_child_of_the_hook
}

@test "hooks: timeout 0 and below is refused" {
	only_rt "the spec says greater than zero"
	hooks_bundle
	hook createRuntime "true" '{timeout: 0}'
	in_container true
	refused "hooks.createRuntime[0].timeout"
}

@test "hooks: one that does not exist" {
	hooks_bundle '.hooks.createRuntime = [{path: "/no/such/hook"}]'
	in_container true
	refused "hooks.createRuntime[0]" /no/such/hook "no such file or directory"
}

@test "hooks: a relative path is refused" {
	hooks_bundle '.hooks.createRuntime = [{path: "hook"}]'
	in_container true
	refused "hooks.createRuntime[0].path" hook
}

@test "hooks: one killed by a signal" {
	hooks_bundle
	hook createRuntime 'kill -9 $$'
	in_container true
	refused "hooks.createRuntime[0]" kill
}

@test "hooks: one that does not read a long state is no error" {
	hooks_bundle '.annotations = {"org.example.long": ("x" * 200000)}'
	hook createRuntime "exec 0<&-; echo ran >>$LOG"
	in_container true
	[ "$status" -eq 0 ]
	[ "$(log)" = ran ]
}

@test "hooks: poststop runs with delete --force of a running container" {
	hooks_bundle
	hook poststop "echo poststop >>$LOG"
	running sleep 60
	rt delete --force "$ID"
	[ "$(log)" = poststop ]
}

# nohup(1) and dockerd under it ignore SIGHUP; an ignored signal outlives execve(2).
@test "hooks: signals that rt's caller ignores or blocks reach a hook" {
	known_bad runc "hooks inherit what the caller ignores"
	known_bad crun "hooks inherit what the caller ignores"
	bundle
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		KIND=$kind OUT=$BATS_TEST_TMPDIR/signals config '.hooks[env.KIND] = [{path: "/bin/sh", args: ["sh", "-c",
			"grep -E \"^Sig(Ign|Blk)\" /proc/self/status"
			+ (if env.KIND == "startContainer" then "" else " >>" + env.OUT end)]}]'
	done
	process true
	for command in "create --bundle $BUNDLE" start delete; do
		[ "$command" != delete ] || eventually status_is stopped
		# shellcheck disable=SC2086 # words
		env --ignore-signal=HUP,INT --block-signal=USR1 "$RT" --root "$ROOT" $command "$ID" </dev/null \
			>"$BATS_TEST_TMPDIR/out" 2>&1
	done
	cat "$BATS_TEST_TMPDIR/signals"
	[ "$(sort "$BATS_TEST_TMPDIR/signals" | uniq -c | tr -s ' \t' ' ')" = " 5 SigBlk: 0000000000000000
 5 SigIgn: 0000000000000000" ]
}

@test "hooks: descriptors that rt's caller leaks are closed" {
	bundle
	for kind in prestart createRuntime createContainer poststart poststop; do
		KIND=$kind OUT=$BATS_TEST_TMPDIR/open config '.hooks[env.KIND] = [{path: "/bin/sh", args: ["sh", "-c",
			"readlink /proc/self/fd/7 >>" + env.OUT + "; echo done >>" + env.OUT]}]'
	done
	process true
	rt run --bundle "$BUNDLE" "$ID" 7</etc/passwd
	[ "$(sort "$BATS_TEST_TMPDIR/open" | uniq -c | tr -s ' ')" = " 5 done" ]
}
