#!/usr/bin/env bats
# bats file_tags=rootless
# The command plan: what run would do, without doing it.

load setup

@test "plan: numbered steps, each a system call with its field" {
	only_rt "its own command"
	bundle '.hostname = "planned"'
	run rt plan "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *sethostname*planned*hostname* ]]
	[[ $output == *pivot_root* ]]
	[[ $output == *"mounts[0]"* ]]
	[[ $output == *execve*process.args* ]]
	[ "${#lines[@]}" -gt 40 ]
	[[ $output != *$'\e['* ]] # colours are for terminals
	cd "$BUNDLE"
	run rt plan
	[ "$status" -eq 0 ]
}

@test "plan: the same each time" {
	only_rt "its own command"
	bundle
	rt plan "$BUNDLE" >"$BATS_TEST_TMPDIR/one"
	rt plan "$BUNDLE" >"$BATS_TEST_TMPDIR/two"
	cmp "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/two"
}

@test "plan: changes nothing and starts nothing" {
	only_rt "its own command"
	bundle '.mounts += [{destination: "/new/folder", type: "tmpfs", source: "t"}]'
	rt plan "$BUNDLE" >/dev/null
	[ ! -e "$BUNDLE/rootfs/new" ]
	[ -z "$(containers)" ]
	nothing_left
}

@test "plan --json: one document, a step with its call and its origin" {
	only_rt "its own command"
	bundle
	run rt plan --json "$BUNDLE"
	[ "$status" -eq 0 ]
	jq -e . <<<"$output" >/dev/null
	[ "$(jq '[.. | objects | select((.origin? // "") | startswith("mounts["))] | length' <<<"$output")" -gt 5 ]
}

@test "plan: hooks are in it, at their moments" {
	only_rt "its own command"
	bundle '.hooks = {createRuntime: [{path: "/bin/true"}], startContainer: [{path: "/bin/true"}]}'
	run rt plan "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *createRuntime*pivot_root*startContainer*execve* ]]
}

@test "plan: a config that is wrong is refused as run does" {
	only_rt "its own command"
	bundle '.process.cwd = "relative"'
	run rt plan "$BUNDLE"
	refused process.cwd
}

@test "plan: colours at a terminal" {
	only_rt "its own command"
	bundle
	mkfifo "$BATS_TEST_TMPDIR/keyboard"
	RT_PAGER='' TERM=xterm run timeout 120 script -qec '$RT plan $BUNDLE' /dev/null <>"$BATS_TEST_TMPDIR/keyboard"
	[ "$status" -eq 0 ]
	[[ $output == *$'\e['* ]]
}

@test "plan: the step that an error names is the one of that number" {
	only_rt "its own command"
	bundle '.process.args = ["no-such-program"]'
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"[step "*"]"* ]]
	step=$(grep -o '\[step [0-9]*\]' <<<"$output" | tr -dc 0-9)
	rt plan "$BUNDLE" | grep -E "^ *$step  faccessat.* process.args\[0\]"
	# The same with the plan of create.
	run rt create --bundle "$BUNDLE" "$ID"
	step=$(grep -o '\[step [0-9]*\]' <<<"$output" | tr -dc 0-9)
	rt plan --create "$BUNDLE" | grep -E "^ *$step  faccessat.* process.args\[0\]"
}

@test "plan: an error of start names a step of the plan of create, and its call" {
	only_rt "its own command"
	bundle
	printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"
	chmod 755 "$BUNDLE/rootfs/bin/script"
	created /bin/script
	run rt --log "$BATS_TEST_TMPDIR/log" --log-format json start "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *'exec "/bin/script": execve(2): no such file or directory'* ]]
	step=$(grep -o '\[step [0-9]*\]' <<<"$output" | tr -dc 0-9)
	call=$(jq -r 'select(.level == "error") | .text // .call' "$BATS_TEST_TMPDIR/log")
	rt plan --create "$BUNDLE" | grep -F " $step  execve("
	[[ $call == execve* ]]
}
