#!/usr/bin/env bats
# bats file_tags=rootless
# linux.seccomp: filters, agents that answer calls, and the commands that explain and write profiles.

load setup

# agent ERRNO starts an agent that answers every call with it, at $SOCKET; what it was told goes to $STATES.
agent() {
	SOCKET=$BATS_TEST_TMPDIR/agent.sock STATES=$BATS_TEST_TMPDIR/states
	background "$SECCOMPAGENT" "$SOCKET" "$STATES" "$1"
	eventually test -S "$SOCKET"
}

# notifying is a jq filter: ask the agent about mkdir.
notifying() {
	echo '.root.readonly = false | .annotations.a = "b" | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
		listenerPath: "'"$SOCKET"'",
		listenerMetadata: "meta", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'
}

# told JQ checks the last state that the agent was told.
told() {
	tail -n 1 "$STATES" | jq -e "$1" || {
		tail -n 1 "$STATES"
		return 1
	}
}

EXDEV=18

@test "seccomp: a call that the profile denies fails with its errno, one with a condition only then" {
	bundle '.root.readonly = false | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [
		{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 18},
		{names: ["sethostname"], action: "SCMP_ACT_ERRNO", errnoRet: 18, args: [{index: 1, value: 5,
		op: "SCMP_CMP_GE"}]}]}
		| .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"] | unique)'
	in_container sh -c 'mkdir /new; hostname four; hostname; hostname fives'
	[[ $output == *"Invalid cross-device link"*$'\n'four$'\n'*"Invalid cross-device link" ]]
}

@test "seccomp: an agent answers the calls of run" {
	known_bad crun "1.8.1 connects to the agent and sends nothing"
	agent $EXDEV
	bundle "$(notifying)"
	in_container sh -c 'mkdir /new; ls -d /new'
	[[ $output == *"Invalid cross-device link"* ]]
	[[ $output == *"/new: No such file"* ]]
	told '.ociVersion and .fds == ["seccompFd"] and .pid > 0 and .metadata == "meta"'
	told '.state.id == "'"$ID"'" and .state.bundle == "'"$BUNDLE"'"'
	told '.state.pid == .pid and .state.annotations.a == "b"'
	told '.state.status == "creating" or .state.status == "created"'
}

@test "seccomp: an agent answers without noNewPrivileges too" {
	known_bad crun "1.8.1 connects to the agent and sends nothing"
	agent $EXDEV
	bundle "$(notifying) | .process.noNewPrivileges = false"
	in_container mkdir /new
	[[ $output == *"Invalid cross-device link"* ]]
}

@test "seccomp: an agent answers the calls of a created container, and of what exec starts" {
	known_bad crun "1.8.1 connects to the agent and sends nothing"
	agent $EXDEV
	bundle "$(notifying)"
	running sh -c 'mkdir /new 2>/dev/null || touch /tmp/failed; sleep 60'
	init=$(state pid)
	told ".pid == $init and .state.pid == $init"
	run rt exec "$ID" mkdir /other
	[ "$status" -eq 1 ]
	[[ $output == *"Invalid cross-device link"* ]]
	told ".pid != $init and .state.pid == $init and .state.status == \"running\""
	[ "$(wc -l <"$STATES")" -eq 2 ]
}

@test "seccomp: without its agent nothing starts" {
	SOCKET=$BATS_TEST_TMPDIR/nobody.sock
	bundle "$(notifying)"
	in_container true
	refused linux.seccomp.listenerPath "$SOCKET"
	if [ "$RUNTIME" = rt ]; then
		created true
		run rt start "$ID"
		[ "$status" -eq 1 ]
		clear_error linux.seccomp.listenerPath "$SOCKET"
		eventually status_is stopped
	fi
}

@test "seccomp: a profile without an agent that could answer is refused, with the field" {
	SOCKET=$BATS_TEST_TMPDIR/nobody.sock
	bundle "$(notifying) | del(.linux.seccomp.listenerMetadata) | del(.linux.seccomp.listenerPath)"
	in_container true
	refused linux.seccomp.listenerPath absent
	config "$(notifying) | del(.linux.seccomp.listenerPath)"
	in_container true
	refused linux.seccomp.listenerMetadata linux.seccomp.listenerPath
	only_rt "how the listener is passed"
	config "$(notifying) | .linux.seccomp.syscalls += [{names: [\"sendmsg\"], action: \"SCMP_ACT_NOTIFY\"}]"
	in_container true
	refused 'linux.seccomp.syscalls[1].action' sendmsg
	config "$(notifying) | .linux.seccomp.syscalls += [{names: [\"dup3\"], action: \"SCMP_ACT_ERRNO\"}]"
	in_container true
	refused 'linux.seccomp.syscalls[1].action' dup3
}

@test "seccomp: the plan shows how the listener is passed" {
	only_rt "its own command"
	SOCKET=/run/agent.sock
	bundle "$(notifying)"
	run rt plan "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *"SECCOMP_FILTER_FLAG_NEW_LISTENER"*"pass it to the agent at linux.seccomp.listenerPath"* ]]
}

@test "seccomp: a recorded profile allows what the container did, and no more" {
	only_rt "its own option"
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_KILL"}'
	profile=$BATS_TEST_TMPDIR/profile.json
	process sh -c 'cat /proc/self/status >/dev/null; sleep 0.01; echo done'
	run rt run --seccomp-record "$profile" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = "done" ]
	jq -e '.defaultAction == "SCMP_ACT_ERRNO" and (.syscalls |
		length == 2 and all(.action == "SCMP_ACT_ALLOW"))' "$profile"
	# What rt itself needs: the read(2) by which it waits for the recorder is not part of it.
	jq -e '.syscalls[0].names | index("execve") and ((index("exit_group") or index("read")) | not)' "$profile"
	jq -e '.syscalls[1].names | index("write") and index("exit_group")' "$profile"
	jq -e '[.syscalls[].names[]] | (index("dup3") or index("sendmsg") or index("mkdir")) | not' "$profile"
	PROFILE=$(cat "$profile") config '.linux.seccomp = (env.PROFILE | fromjson)'
	in_container sh -c 'cat /proc/self/status >/dev/null; sleep 0.01; echo done'
	[ "$status" -eq 0 ]
	[ "$output" = "done" ]
	in_container sh -c 'mkdir /tmp/new; echo after'
	[[ $output == *"Operation not permitted"*after ]]
}

@test "seccomp: recordings of several runs make one profile, and other files are not replaced" {
	only_rt "its own option"
	bundle
	profile=$BATS_TEST_TMPDIR/profile.json
	process true
	rt run --seccomp-record "$profile" --bundle "$BUNDLE" "$ID"
	jq -e '[.syscalls[].names[]] | index("mkdir") | not' "$profile"
	process sh -c 'mkdir /tmp/x || true'
	rt run --seccomp-record "$profile" --bundle "$BUNDLE" "$ID"
	process true
	rt run --seccomp-record "$profile" --bundle "$BUNDLE" "$ID"
	jq -e '(.syscalls[1].names | index("mkdir")) and (.syscalls[0].names | index("execve"))' "$profile"
	[ "$(jq '.syscalls | length' "$profile")" = 2 ]
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/precious"
	run rt run --seccomp-record "$BATS_TEST_TMPDIR/precious" --bundle "$BUNDLE" "$ID"
	refused --seccomp-record precious "not a recording"
	cmp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/precious"
	echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >"$BATS_TEST_TMPDIR/written" # a profile, but nobody has recorded it
	run rt run --seccomp-record "$BATS_TEST_TMPDIR/written" --bundle "$BUNDLE" "$ID"
	refused --seccomp-record written "not a recording"
	[ "$(cat "$BATS_TEST_TMPDIR/written")" = '{"defaultAction": "SCMP_ACT_ALLOW"}' ]
}

@test "seccomp: recording returns the program's status, and needs the foreground" {
	only_rt "its own option"
	bundle
	process sh -c 'exit 7'
	profile=$BATS_TEST_TMPDIR/profile.json
	run rt run --seccomp-record "$profile" --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 7 ]
	[ -s "$profile" ]
	run rt run --detach --seccomp-record "$profile.other" --bundle "$BUNDLE" "$ID"
	refused --seccomp-record foreground
	[ ! -e "$profile.other" ]
	run rt run --seccomp-record "$BATS_TEST_TMPDIR/none/profile" --bundle "$BUNDLE" "$ID"
	refused --seccomp-record "none/profile"
}

@test "seccomp: compile and check explain the profile of a bundle" {
	only_rt "its own command"
	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"],
		action: "SCMP_ACT_ERRNO", errnoRet: 18}]}'
	run rt seccomp compile --arch amd64 "$BUNDLE/config.json"
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *" instructions by "* ]]
	[[ ${lines[1]} == *"on average"*"worst"* ]]
	[[ $output == *"SCMP_ARCH_X86_64: mkdir"* ]]
	[[ $output == *"ret  SCMP_ACT_ERRNO(EXDEV)"*"# linux.seccomp.syscalls[0]"* ]]
	run rt seccomp check --arch amd64 "$BUNDLE/config.json" mkdir
	[[ $output == "mkdir(): SCMP_ACT_ERRNO(EXDEV)"*"linux.seccomp.syscalls[0]"* ]]
	run rt seccomp check "$BUNDLE/config.json" rmdirr
	[ "$status" -eq 1 ]
	clear_error rmdirr
}
