#!/usr/bin/env bats
# README.md and docs/errors.md: the commands are run, and what each prints is compared with the page.

load setup

setup_file() {
	export BATS_TEST_TIMEOUT=180
}

needs() {
	only_rt "the page is about rt"
	PAGE=$BATS_TEST_DIRNAME/README.md ERRORS=$BATS_TEST_DIRNAME/errors.md # copies, where the tests are: tests/bats/run
	[ -f "$ERRORS" ] || PAGE=$BATS_TEST_DIRNAME/../../README.md ERRORS=$BATS_TEST_DIRNAME/../../docs/errors.md
	mkdir "$BATS_TEST_TMPDIR/path" "$BATS_TEST_TMPDIR/work"
	printf '%s\n' '#!/bin/sh' "exec timeout --foreground --kill-after=5 120 '$RT' --root '$ROOT' \"\$@\"" \
		>"$BATS_TEST_TMPDIR/path/rt"
	chmod +x "$BATS_TEST_TMPDIR/path/rt"
	PATH=$BATS_TEST_TMPDIR/path:$PATH
	HELD=$BATS_TEST_TMPDIR/held
	: >"$HELD"
	unset -f rt # of setup.bash: the commands of the page are those of a user
	cd "$BATS_TEST_TMPDIR/work" || return
	mkdir hello
	cp -a "$BATS_SUITE_TMPDIR/rootfs" hello/
	rmdir hello/rootfs/home hello/rootfs/var # `make demo` has none
}

# shown COMMAND N prints what the page shows after the Nth line with that command and its prompt.
shown() {
	awk -v command="    $1" -v n="$2" '
		inside && !/^    [^ ]|^     |^$/ { exit }
		/^    [#$] (rt|ls|mkdir) / { inside = $0 == command && ++seen == n; next }
		inside { print substr($0, 5) }' "$PAGE"
}

# outputs PROMPT prints, in their order, the commands of the page after which it shows anything, each with its number
# among equal ones.
outputs() {
	awk -v prompt="    $1 rt " '
		index($0, prompt) == 1 { command = substr($0, 5); seen[command]++; fresh = 1; next }
		/^    [#$] (rt|ls|mkdir) / || !/^    / { fresh = 0; next }
		fresh { print command, seen[command]; fresh = 0 }' "$PAGE"
}

# alike takes away what differs from run to run: the width of columns, numbers, where the bundle is, and how ps calls
# an applet that a shell executes itself.
alike() {
	sed -E -e 's/\r//g' -e "s|$PWD|/tmp|g" -e 's/[0-9]+/N/g' -e 's/\{ps\} sh/ps/' -e 's/[[:space:]]+/ /g' \
		-e 's/^ | $//g' | sed '/^$/d'
}

# as_regexp makes an extended regular expression of it: ... stands for any text.
as_regexp() {
	sed -e 's/[][\.^$*+?(){}|]/\\&/g' -e 's/\\\.\\\.\\\./.*/g'
}

# prints COMMAND N: the input is what the command has printed, and what the page shows.
prints() {
	local page said
	page=$(shown "$1" "$2" | alike | as_regexp) said=$(alike)
	echo "$1 $2" >>"$HELD"
	if [ -z "$page" ] || ! [[ $said =~ ^$page$ ]]; then
		printf '%s\n' "$1 printed:" "$said" "and the page shows:" "$(shown "$1" "$2")"
		return 1
	fi
}

# at_terminal COMMAND runs it at a terminal where nobody types.
at_terminal() {
	timeout 120 script -qec "stty rows 24 cols 200; $1" /dev/null </dev/null
}

# prompts N: the shell in the session has prompted so often.
prompts() { [ "$(grep -o '/ # ' session | wc -l)" -ge "$1" ]; }

# change FILTER edits hello/config.json.
change() {
	jq "$1" hello/config.json >config.new
	cp config.new hello/config.json
}

# every_output_is_held PROMPT: each output of the page was compared.
every_output_is_held() {
	diff <(outputs "$1" | sort) <(sort "$HELD")
}

@test "README: the first ten minutes" {
	[ "$ROOTLESS" = 0 ] || skip "needs root"
	rt spec --bundle hello
	rt validate hello | prints "# rt validate hello" 1
	# A person types. The shell echoes it and prompts, which the page shows on one line: only the answers are compared.
	shown "# rt run ./hello" 2 | sed -n 's|^/ # ||p' >typed
	[ "$(wc -l <typed)" -eq 4 ]
	: >session
	(
		typed=0
		while read -r line; do
			eventually prompts $((++typed)) >&2
			echo "$line"
		done <typed
	) |
		timeout 120 script -qec "rt run ./hello" /dev/null >session || true
	alike <session >session.alike
	shown "# rt run ./hello" 2 | grep -v '^/ #' | alike >answers
	[ "$(wc -l <answers)" -ge 4 ]
	diff answers <(grep -xFf answers session.alike)
	echo "# rt run ./hello 2" >>"$HELD"

	rt plan hello | prints "# rt plan hello" 1
	rt plan hello | prints "# rt plan hello" 2
	cp hello/config.json hello/old.json
	change '.hostname = "inside"'
	rt plan --diff hello/old.json hello | prints "# rt plan --diff hello/old.json hello" 1
	cp hello/old.json hello/config.json
	change '.process.args = ["true"] | .process.terminal = false'
	rt run --trace - ./hello 2>&1 | prints "# rt run --trace - ./hello" 1

	cp hello/old.json hello/config.json
	change '.process.args = ["server"]'
	at_terminal "rt run ./hello" >error || true
	prints "# rt run ./hello" 1 <error
	prints "# rt run ./hello" 3 <error
	sed -i 's/"noNewPrivileges"/"noNewPrivilege"/' hello/old.json
	cp hello/old.json hello/config.json
	rt validate hello 2>&1 | prints "# rt validate hello" 2
	sed -i 's/"noNewPrivilege"/"noNewPrivileges"/' hello/old.json

	cp hello/old.json hello/config.json
	change '.root.readonly = false | .process.args = ["sh", "-c", "rm -r /etc && ls /"]'
	# ls of busybox prints a column where no terminal is.
	change '.process.terminal = false'
	rt run --ephemeral ./hello | prints "# rt run --ephemeral ./hello" 1
	diff <(shown '# ls hello/rootfs' 1 | xargs -n 1) <(ls hello/rootfs)

	cp hello/old.json hello/config.json
	change '.process.args = ["sleep", "1000"] | .process.terminal = false'
	rt create --bundle hello web1 </dev/null >/dev/null 2>&1 3>&-
	rt state web1 | prints "# rt state web1" 1
	rt start web1
	rt list | prints "# rt list" 1
	rt exec web1 ps | prints "# rt exec web1 ps" 1
	[ -z "$(rt audit --findings web1)" ]
	rt kill web1 KILL
	rt delete web1

	printf '#!/usr/bin/python3\n' >hello/rootfs/etc/script
	chmod +x hello/rootfs/etc/script
	change '.process.args = ["/etc/script"]'
	rt create --bundle hello web1 </dev/null >/dev/null 2>&1 3>&-
	at_terminal "rt start web1" >error || true
	rt delete web1
	prints "# rt start web1" 2 <error
	every_output_is_held "#"
}

@test "errors.md: an error, and warnings about a config" {
	[ "$ROOTLESS" = 0 ] || skip "needs root"
	PAGE=$ERRORS
	rt spec --bundle hello
	change '.process.args = ["/app/server"]'
	at_terminal "rt run ./hello" >error || true
	prints '$ rt run ./hello' 1 <error
	rm hello/config.json
	rt spec --bundle hello
	sed -i 's/"noNewPrivileges"/"noNewPrivilege"/' hello/config.json
	rt validate hello 2>&1 | prints '$ rt validate hello' 1
}

# bats test_tags=rootless,user
@test "README: without root" {
	[ "$ROOTLESS" = 1 ] || skip "for an ordinary user"
	rt spec --rootless --bundle hello
	change '.process.terminal = false | .process.args = ["sh", "-c", "id; cat /proc/self/uid_map"]'
	rt run ./hello | alike >said
	shown '$ rt run ./hello' 1 | grep -v '^/ #' | alike >answers
	[ "$(wc -l <answers)" -eq 2 ]
	diff answers said
	echo '$ rt run ./hello 1' >>"$HELD"
	every_output_is_held '$'
}
