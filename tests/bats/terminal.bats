#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#process: terminal, consoleSize; the console socket: docs/terminals.md of runc

load setup

# console [RECVTTY FLAGS...] starts the other end of the console socket: what the container writes is in $TTY_OUT.
console() {
	SOCKET=$BATS_TEST_TMPDIR/tty.sock
	TTY_OUT=$BATS_TEST_TMPDIR/tty.out
	mkfifo "$BATS_TEST_TMPDIR/tty.in"
	background "$RECVTTY" "$@" "$SOCKET" <>"$BATS_TEST_TMPDIR/tty.in" >"$TTY_OUT" 2>"$BATS_TEST_TMPDIR/tty.name"
	eventually test -S "$SOCKET"
}

# with_console "create" CMD... and with_console "run --detach" CMD... make a container with the terminal.
with_console() {
	local command
	read -ra command <<<"$1"
	process "${@:2}"
	rt "${command[@]}" --bundle "$BUNDLE" --console-socket "$SOCKET" "$ID" </dev/null 3>&-
}

says() {
	grep -q "$1" "$TTY_OUT"
}

# at_terminal SCRIPT runs SCRIPT at a terminal of its own, of 24 rows and 80 columns, at which nobody types.
at_terminal() {
	[ -p "$BATS_TEST_TMPDIR/keyboard" ] || mkfifo "$BATS_TEST_TMPDIR/keyboard"
	run timeout 120 script -qec "stty rows 24 cols 80; $1" /dev/null <>"$BATS_TEST_TMPDIR/keyboard"
	output=${output//$'\r'/}
	mapfile -t lines <<<"$output"
}

@test "console socket: create sends the terminal, and the container's streams are it" {
	bundle '.process.terminal = true'
	console
	with_console create sh -c 'tty; for i in 0 1 2; do readlink /proc/self/fd/$i; done; [ -t 0 ] && [ -t 1 ] &&
		[ -t 2 ] && echo terminals'
	rt start "$ID"
	eventually says terminals
	tr -d '\r' <"$TTY_OUT" >"$BATS_TEST_TMPDIR/lines"
	[ "$(sort -u "$BATS_TEST_TMPDIR/lines" | wc -l)" -le 3 ]
	grep -qE '^/dev/(pts/0|console)$' "$BATS_TEST_TMPDIR/lines"
}

@test "console socket: the terminal is the controlling one, of a session of its own" {
	bundle '.process.terminal = true'
	console
	with_console create sh -c 'echo opened >/dev/tty; cut -d" " -f5,6,7 /proc/self/stat; cat </dev/tty'
	rt start "$ID"
	eventually says opened
	eventually says '^1 1 [1-9]' || eventually says '^[0-9]* 1 [1-9]'
	echo ping >"$BATS_TEST_TMPDIR/tty.in"
	eventually says ping
}

@test "console socket: an interrupt typed at the terminal reaches the container" {
	bundle '.process.terminal = true'
	console
	with_console create sh -c 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.1; done'
	rt start "$ID"
	eventually says ready
	printf '\003' >"$BATS_TEST_TMPDIR/tty.in"
	eventually says caught
}

@test "console socket: run --detach" {
	bundle '.process.terminal = true'
	console
	with_console "run --detach" sh -c 'echo hello; sleep 60'
	eventually says hello
	status_is running
}

@test "console socket: closing the terminal hangs up the container" {
	bundle '.process.terminal = true'
	console
	with_console "run --detach" sh -c 'echo ready; cat'
	eventually says ready
	kill "$!"
	eventually status_is stopped
}

@test "terminal: /dev/console is it, and of the container's own devpts" {
	bundle '.process.terminal = true'
	console
	with_console create sh -c 'stat -c "%t %F" /dev/console; echo through >/dev/console; ls /dev/pts;
		grep -c " /dev/console " /proc/self/mounts'
	rt start "$ID"
	eventually says '^1'
	says '^88 character special file' # 136, the major number of pts
	says through
	says '^0' # the first of its instance, whatever the host has
}

@test "terminal: consoleSize" {
	bundle '.process.terminal = true | .process.consoleSize = {height: 33, width: 99}'
	console
	with_console create sh -c 'stty size; sleep 60'
	rt start "$ID"
	eventually says '^33 99'
}

@test "terminal: the window size is that of the receiver, once it sets it" {
	bundle '.process.terminal = true'
	console -size 44x111
	with_console create sh -c 'stty size; sleep 60'
	rt start "$ID"
	eventually says '^44 111'
}

# bats test_tags=root
@test "terminal: it belongs to the container's user" {
	bundle '.process.terminal = true | .process.user = {uid: 1000, gid: 1000}'
	console
	with_console create sh -c 'stat -L -c "owner %u" /proc/self/fd/0; sleep 60'
	rt start "$ID"
	eventually says '^owner 1000'
}

@test "terminal: refused without a console socket if nobody stays to serve it" {
	bundle '.process.terminal = true'
	run_detached rt create --bundle "$BUNDLE" "$ID"
	refused process.terminal console-socket
	run_detached rt run --detach --bundle "$BUNDLE" "$ID"
	refused process.terminal console-socket
}

@test "terminal: a console socket without terminal is refused" {
	bundle
	console
	run_detached rt create --bundle "$BUNDLE" --console-socket "$SOCKET" "$ID"
	refused console-socket process.terminal
}

@test "terminal: a console socket that does not exist is refused, and named" {
	bundle '.process.terminal = true'
	run_detached rt create --bundle "$BUNDLE" --console-socket "$BATS_TEST_TMPDIR/no.sock" "$ID"
	refused "$BATS_TEST_TMPDIR/no.sock"
}

@test "terminal: run in the foreground gives the container a terminal of its own" {
	bundle '.process.terminal = true'
	process sh -c 'tty; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && echo terminals; exit 7'
	at_terminal '$RT --root $ROOT run --bundle "$BUNDLE" "$ID"; echo "status $?"'
	[[ $output == *terminals* ]]
	[[ $output == *"status 7"* ]]
	[[ ${lines[0]} == /dev/* ]]
}

@test "terminal: run in the foreground takes the size of the caller's" {
	bundle '.process.terminal = true'
	process stty size
	at_terminal 'stty rows 35 cols 77; $RT --root $ROOT run --bundle "$BUNDLE" "$ID"'
	[[ $output == *"35 77"* ]]
}

@test "terminal: run in the foreground follows the size of the caller's" {
	bundle '.process.terminal = true | .root.readonly = false'
	process sh -c 'i=0; while [ $i -lt 600 ]; do [ "$(stty size)" != "41 101" ] || { echo followed; exit; };
		: >/ready; sleep 0.1; i=$((i + 1)); done'
	at_terminal 'exec 3<&0; (until [ -e "$BUNDLE/rootfs/ready" ]; do sleep 0.05; done; stty rows 41 cols 101 <&3) &
		$RT --root $ROOT run --bundle "$BUNDLE" "$ID"'
	[[ $output == *followed* ]]
}

@test "terminal: run in the foreground gives the caller's terminal back as it was" {
	bundle '.process.terminal = true'
	process stty raw -echo
	at_terminal 'before=$(stty -g); $RT --root $ROOT run --bundle "$BUNDLE" "$ID"; [ "$(stty -g)" = "$before" ] &&
		echo restored'
	[[ $output == *restored* ]]
}

@test "terminal: what is typed reaches the container, once" {
	bundle '.process.terminal = true | .root.readonly = false'
	process sh -c ': >/ready; read -r line; echo "got $line"'
	at_terminal '(until [ -e "$BUNDLE/rootfs/ready" ]; do sleep 0.05; done; printf "hello\n") |
		script -qec "stty -echo; $RT --root $ROOT run --bundle $BUNDLE $ID" /dev/null'
	[[ $output == *"got hello"* ]]
	[ "$(grep -c hello <<<"$output")" -le 2 ] # one of them the echo of the container's terminal
}

@test "terminal: run in the foreground, at no terminal: served all the same, or refused" {
	bundle '.process.terminal = true'
	process sh -c 'tty; echo out'
	run rt run --bundle "$BUNDLE" "$ID" </dev/null
	if [ "$status" -eq 0 ]; then
		[[ ${lines[0]} == /dev/* ]]
		[[ $output == *out* ]]
	else
		[ "$RUNTIME" != rt ] || refused process.terminal
	fi
}

@test "terminal: the last bytes of much output arrive, at a terminal and at none" {
	bundle '.process.terminal = true'
	process seq 1 20000
	at_terminal '$RT --root $ROOT run --bundle "$BUNDLE" "$ID"'
	[ "${lines[19999]}" = 20000 ]
	[ "${lines[9999]}" = 10000 ]
	only_rt "what comes at no terminal"
	for _ in 1 2 3 4 5; do
		run rt run --bundle "$BUNDLE" "$ID" </dev/null
		[ "$status" -eq 0 ]
		[ "${#lines[@]}" -eq 20000 ]
		[ "$(tr -d '\r' <<<"${lines[19999]}")" = 20000 ]
	done
}

@test "terminal: the last bytes arrive though the container leaves a child behind that holds the terminal" {
	bundle '.process.terminal = true'
	process sh -c 'setsid sleep 60 & seq 1 2000'
	at_terminal '$RT --root $ROOT run --bundle "$BUNDLE" "$ID"'
	[ "${lines[1999]}" = 2000 ]
}

@test "terminal: the caller's is given back after every end" {
	bundle '.process.terminal = true | .root.readonly = false'
	local until_ready='until [ -e $BUNDLE/rootfs/ready ]; do sleep 0.05; done; rm $BUNDLE/rootfs/ready'
	local check='[ "$(stty -g)" = "$before" ] && echo restored'
	# A program that is not there; one that is killed; an rt that is told to end, and passes that on.
	process no-such-program
	at_terminal "before=\$(stty -g); \$RT --root \$ROOT run --bundle \$BUNDLE \$ID; $check"
	[[ $output == *restored* ]]
	process sh -c 'stty raw -echo; : >/ready; sleep 60'
	at_terminal "before=\$(stty -g); ($until_ready; \$RT --root \$ROOT kill \$ID KILL) &
		\$RT --root \$ROOT run --bundle \$BUNDLE \$ID; echo status \$?; $check"
	[[ $output == *restored* ]]
	process sh -c 'stty raw -echo; trap "exit 3" TERM; : >/ready; while :; do sleep 0.1; done'
	at_terminal "before=\$(stty -g); ($until_ready; kill -TERM \$(cat \$BATS_TEST_TMPDIR/pid.rt)) &
		sh -c 'echo \$\$ >\$BATS_TEST_TMPDIR/pid.rt; exec \$RT --root \$ROOT run --bundle \$BUNDLE \$ID'
		echo status \$?; $check"
	[[ $output == *"status 3"* ]]
	[[ $output == *restored* ]]
}

@test "exec --tty in the foreground: a terminal, the caller's size, changes of it, its status, and the caller's back" {
	bundle '.root.readonly = false'
	running sleep 60
	at_terminal 'stty rows 35 cols 77; before=$(stty -g);
		$RT --root $ROOT exec --tty "$ID" sh -c "stty size; tty; stty raw -echo; exit 5"; echo "status $?"
		[ "$(stty -g)" = "$before" ] && echo restored'
	[[ $output == *"35 77"* ]]
	[[ $output == */dev/pts/* ]]
	[[ $output == *"status 5"* ]]
	[[ $output == *restored* ]]
	at_terminal 'exec 3<&0; (until [ -e "$BUNDLE/rootfs/ready" ]; do sleep 0.05; done; stty rows 41 cols 101 <&3) &
		$RT --root $ROOT exec -t "$ID" sh -c "
		i=0; while [ \$i -lt 600 ]; do [ \"\$(stty size)\" != \"41 101\" ] || { echo followed; exit; }; : >/ready;
		sleep 0.1; i=\$((i + 1)); done"'
	[[ $output == *followed* ]]
}

@test "exec --tty: much output arrives whole, at a terminal and at none" {
	bundle
	running sleep 60
	at_terminal '$RT --root $ROOT exec --tty "$ID" seq 1 20000'
	[ "${lines[19999]}" = 20000 ]
	only_rt "what comes at no terminal"
	run rt exec --tty "$ID" seq 1 20000 </dev/null
	[ "${#lines[@]}" -eq 20000 ]
	[ "$(tr -d '\r' <<<"${lines[19999]}")" = 20000 ]
}

# bats test_tags=root
@test "terminal: with a /dev that is bound, the host's console is covered and untouched" {
	bundle '.process.terminal = true | .process.capabilities = {} | .mounts |= (map(select(.destination |
		startswith("/dev") | not)) + [
		{destination: "/dev", type: "bind", source: (env.BATS_TEST_TMPDIR + "/dev"), options: ["rbind", "rshared"]}])'
	process sh -c 'test -t 0 && tty && echo through >/dev/console; ls -l /dev/console'
	export -f rt
	export BODY='rt run --bundle "$BUNDLE" "$ID"'
	run unshare --mount --propagation private bash -c '
		dev=$BATS_TEST_TMPDIR/dev
		mkdir "$dev"
		mount -t tmpfs -o mode=755 dev "$dev"
		mount --make-rshared "$dev"
		mkdir "$dev/pts"
		mount -t devpts -o newinstance,ptmxmode=000 devpts "$dev/pts" || exit 9
		for n in null:1:3 zero:1:5 tty:5:0 ptmx:5:2 console:5:1; do
			IFS=: read -r name major minor <<<"$n"
			mknod -m 666 "$dev/$name" c "$major" "$minor"
		done
		chmod 600 "$dev/console"
		SHELL=$BASH timeout 120 script -qec "$BODY" /dev/null </dev/null # its shell has to know functions
		grep " $dev/console" /proc/self/mountinfo
		stat -c "%t:%T %a" "$dev/console"
		ls "$dev"'
	[[ $output == */dev/pts/*through*136,* ]]
	[[ $output == *"5:1 600"* ]]
	[[ $output != *" $BATS_TEST_TMPDIR/dev/console"*" - "* ]]
}

# unread ARG... runs rt with output that nobody ever reads, though it is open, until it is full.
unread() {
	mkfifo "$BATS_TEST_TMPDIR/unread"
	# shellcheck disable=SC2034 # it holds the descriptor open
	exec {UNREAD}<>"$BATS_TEST_TMPDIR/unread"
	background rt "$@" <>"$BATS_TEST_TMPDIR/unread.in" >"$BATS_TEST_TMPDIR/unread"
	CLIENT=$!
}

# full FIFO: its pipe takes no other page. (It may take a byte into the last one.)
full() {
	LC_ALL=C dd if=/dev/zero of="$1" bs=4096 count=1 oflag=nonblock,append conv=notrunc 2>&1 |
		grep -q 'Resource temporarily unavailable'
}

# reads_no_more PID FIFO: there is something to read, and no thread of the process runs.
reads_no_more() {
	full "$2" && not grep -qv ') S ' /proc/"$1"/task/*/stat
}

ended() {
	not kill -0 "$1" 2>"$BATS_TEST_TMPDIR/kill.err"
}

@test "terminal: the end of a process is noticed even if nobody reads its output" {
	only_rt "runc waits for the reader"
	bundle
	running sleep 60
	mkfifo "$BATS_TEST_TMPDIR/unread.in"
	unread exec --tty --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" yes
	eventually test -s "$BATS_TEST_TMPDIR/pid"
	eventually full "$BATS_TEST_TMPDIR/unread"
	eventually asleep "$(cat "$BATS_TEST_TMPDIR/pid")" # its terminal is full too
	rt delete --force "$ID"
	eventually ended "$CLIENT"
	status=0
	wait "$CLIENT" || status=$?
	[ "$status" -eq 137 ]
}

@test "terminal: unread input does not delay the output and the end" {
	only_rt "as it is at no terminal"
	bundle '.process.terminal = true'
	config '.root.readonly = false'
	process sh -c 'stty raw -echo; : >/ready; while [ ! -e /go ]; do sleep 0.05; done; echo out; exit 3'
	mkfifo "$BATS_TEST_TMPDIR/typed"
	background sh -c 'exec yes typed >&0' <>"$BATS_TEST_TMPDIR/typed"
	background "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" <"$BATS_TEST_TMPDIR/typed" >"$BATS_TEST_TMPDIR/out"
	local client=$!
	eventually test -e "$BUNDLE/rootfs/ready"
	eventually reads_no_more "$client" "$BATS_TEST_TMPDIR/typed"
	: >"$BUNDLE/rootfs/go"
	eventually ended "$client"
	status=0
	wait "$client" || status=$?
	[ "$status" -eq 3 ]
	grep -q out "$BATS_TEST_TMPDIR/out"
}

@test "terminal: input that ends in the middle of a line is read to its end" {
	only_rt "runc does not pass on the end"
	bundle
	running sleep 60
	run timeout 120 sh -c 'printf piece | "$0" --root "$1" exec --tty "$2" sh -c "stty -echo; cat"' "$RT" "$ROOT" "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *piece ]]
}

@test "terminal: where rt's output is none, lines end as they do without one" {
	only_rt "as it is at no terminal"
	bundle '.process.terminal = true'
	process printf 'a\nb\n'
	rt run --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out"
	[ "$(od -An -c "$BATS_TEST_TMPDIR/out" | tr -d ' ')" = 'a\nb\n' ]
	bundle
	running sleep 60
	rt exec --tty "$ID" printf 'a\nb\n' </dev/null >"$BATS_TEST_TMPDIR/out"
	[ "$(od -An -c "$BATS_TEST_TMPDIR/out" | tr -d ' ')" = 'a\nb\n' ]
}

@test "terminal: the size of the config applies if the caller's terminal has none" {
	bundle '.process.terminal = true | .process.consoleSize = {height: 33, width: 99}'
	process stty size
	at_terminal 'stty rows 0 cols 0; $RT --root $ROOT run --bundle "$BUNDLE" "$ID"'
	[[ $output == *"33 99"* ]]
}

@test "terminal: a program may close its terminal and open it again" {
	bundle '.process.terminal = true'
	process sh -c 'exec <&- >&- 2>&-; sleep 0.3; echo first >/dev/console; sleep 0.3; echo second >/dev/console;
		sleep 0.3' # for rt to see that nobody has it open; if rt is late, the outcome is the same
	at_terminal '$RT --root $ROOT run --bundle "$BUNDLE" "$ID"'
	[[ $output == *first* ]]
	[[ $output == *second* ]]
}

@test "terminal: a run in the background stops until it is in the foreground, and does not spin" {
	only_rt "runc spins"
	bundle '.process.terminal = true'
	process sh -c 'echo shown'
	at_terminal 'set -m; $RT --root $ROOT run --bundle "$BUNDLE" "$ID" & sleep 0.1
		for i in $(seq 600); do [ "$(cut -d" " -f3 /proc/$!/stat)" != T ] || break; sleep 0.1; done
		echo "state $(cut -d" " -f3 /proc/$!/stat)"; fg; echo "status $?"'
	[[ $output == *"state T"* ]]
	[[ $output == *shown* ]]
	[[ $output == *"status 0"* ]]
}
