#!/usr/bin/env bats
# bats file_tags=rootless
# docs/coming-from-runc.md: its rows, tried with rt and with the runc and crun of this machine.

load setup

needs() {
	only_rt "the page compares it with others"
	PAGE=$BATS_TEST_DIRNAME/coming-from-runc.md # a copy, where the tests are one: tests/bats/run
	[ -f "$PAGE" ] || PAGE=$BATS_TEST_DIRNAME/../../docs/coming-from-runc.md
	mkdir -p "$ROOT" "$BATS_TEST_TMPDIR/work"
	cd "$BATS_TEST_TMPDIR/work" || return
}

# rows TITLE prints the rows of the first table of a section, as: call, what runc, crun and rt do, between tabs.
rows() {
	awk -F ' *[|] *' -v title="## $1" -v OFS='\t' '
		/^## / { inside = $0 == title }
		inside && /^[|] `/ { gsub("`", "", $2); print $2, $3, $4, $5 }' "$PAGE"
}

# called TOOL WORDS... runs a tool: $status, $output.
called() {
	local path=$1
	[ "$1" != rt ] || path=$RT
	run timeout --kill-after=5 120 "$path" --root "$BATS_TEST_TMPDIR/state.$1" "${@:2}" </dev/null
}

# tools prints rt, and the others that are installed.
tools() {
	local tool
	for tool in runc crun; do
		! command -v "$tool" >/dev/null || echo "$tool"
	done
	echo rt
}

# version TOOL prints it: 1.1.5.
version() {
	"$1" --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'
}

# since VERSION TOOL: the tool is that version or newer.
since() {
	[ "$(printf '%s\n' "$1" "$(version "$2")" | sort -V | head -n 1)" = "$1" ]
}

# known: $output does not say that the command or an option is unknown.
known() {
	! grep -qE 'flag provided but not defined|unrecognized option|unknown command|No help topic|not a command of' \
		<<<"$output"
}

# compare TOOL CALL... fails unless the row says what the tool does: its cells are in $runc, $crun and $rt.
compare() {
	local tool=$1 cell=${!1} does=no expected
	called "$@"
	! known || does=yes
	case $cell in
	yes | no) expected=$cell ;;
	[0-9]*) if since "$cell" "$tool"; then expected=yes; else expected=no; fi ;;
	*) expected="yes, no or a version" ;;
	esac
	[ "$does" = "$expected" ] || {
		echo "$*: the page says \"$cell\", and it is $does: $output"
		return 1
	}
}

@test "coming from runc: the commands and options that each tool knows" {
	local call runc crun rt tool n=0
	mkdir "$BATS_TEST_TMPDIR"/state.{rt,runc,crun}
	# shellcheck disable=SC2034 # the cells are found by the name of the tool
	while IFS=$'\t' read -r call runc crun rt; do
		n=$((n + 1))
		for tool in $(tools); do
			# shellcheck disable=SC2086 # words
			compare "$tool" $call
		done
	done < <(rows "Commands and options")
	[ "$n" -ge 38 ]
}

@test "coming from runc: exit statuses of failures" {
	local call runc crun rt tool n=0
	mkdir "$BATS_TEST_TMPDIR"/state.{rt,runc,crun}
	# shellcheck disable=SC2034 # the cells are found by the name of the tool
	while IFS=$'\t' read -r call runc crun rt; do
		n=$((n + 1))
		for tool in $(tools); do
			# shellcheck disable=SC2086 # words
			called "$tool" $call
			[ "$status" = "${!tool}" ] || {
				echo "$tool $call: exit status $status, not ${!tool}: $output"
				return 1
			}
		done
	done < <(rows "Exit status")
	[ "$n" -ge 11 ]
}

# by TOOL CMD... runs the bundle with CMD as its program.
by() {
	local tool=$1
	[ $# -eq 1 ] || process "${@:2}"
	called "$tool" run --bundle "$BUNDLE" "$ID"
}

@test "coming from runc: what runc does differently with a config" {
	needs_root "runc makes no user namespace of its own"
	command -v runc >/dev/null || skip "runc is not installed"
	bundle '.ociVersion = "2.0.0"'
	by runc true
	[ "$status" -eq 0 ]
	by rt true
	[ "$status" -eq 1 ]

	bundle
	ln -s rootfs "$BUNDLE/link"
	config '.root.path = "link"'
	by runc true
	[ "$status" -ne 0 ]
	by rt true
	[ "$status" -eq 0 ]

	bundle '.linux.maskedPaths += ["/home"]'
	by runc stat -c %a /home
	[[ $output == *1777 ]]
	by rt stat -c %a /home
	[ "$output" = 755 ]

	bundle '.hooks.poststart = [{path: "/bin/false"}]'
	by runc true
	[ "$status" -eq 1 ]
	by rt true
	[ "$status" -eq 1 ]

	bundle '.process.terminal = true'
	by runc echo hello
	[ "$status" -eq 1 ]
	by rt echo hello
	[ "$status" -eq 0 ]
	[[ $output == hello* ]]
}

@test "coming from runc: what rt does with a config" {
	bundle '.mounts += [{destination: "/data", type: "bind", source: "/tmp", options: ["bind", "nosuch"]}] | .nosuch = 1
		| .process.cwd = "relative"'
	by rt true
	[ "$status" -eq 1 ]
	[[ $output == *'"nosuch"'* && $output == *process.cwd* ]]
	[[ $output != *"nosuch: is unknown"* ]]
	called rt validate "$BUNDLE"
	[[ $output == *"nosuch: is unknown"* ]]

	bundle '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["nosuchcall"],
		action: "SCMP_ACT_ERRNO"}]} | .process.capabilities.bounding += ["CAP_NOSUCH"]'
	by rt true
	[ "$status" -eq 0 ]
	[[ $output == *"warning"*CAP_NOSUCH* && $output == *"warning"*nosuchcall* ]]

	called rt list --format json
	[ "$output" = null ]
	called rt state nosuch
	[ "$output" = 'rt: container "nosuch" does not exist' ]
	called rt list
	[ "$status" -eq 0 ]
	rm -r "$BATS_TEST_TMPDIR/state.rt"
	called rt list
	[ "$status" -eq 1 ]
}

@test "coming from runc: the files of a created container, and its output" {
	bundle
	created sleep 100
	[ "$(find "$ROOT/$ID" -mindepth 1 -printf '%f\n' | sort | xargs)" = "config.json start.sock state.json steps" ]
	[ "$(state rootfs)" = "$BUNDLE/rootfs" ]
	[ "$(state ociVersion)" = "$(jq -r .ociVersion "$BUNDLE/config.json")" ]
	grep -qF '`state.json`, `config.json`, `steps`, `start.sock`' "$PAGE"
}

@test "coming from runc: a cgroup with processes is refused" {
	needs_root "an ordinary user may have no cgroup"
	bundle
	created sleep 100
	called rt create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"cgroup is not empty"* ]]
}
