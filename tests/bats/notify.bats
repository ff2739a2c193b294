#!/usr/bin/env bats
# bats file_tags=rootless
# NOTIFY_SOCKET: a service manager, as systemd with Type=notify, waits for the container to be ready. See sd_notify(3).

load setup

needs() { only_rt "the messages are told apart as rt sends them"; }

# manager starts a service manager.
manager() {
	touch "$BATS_TEST_TMPDIR/told"
	background "$NOTIFY" listen "$BATS_TEST_TMPDIR/manager.sock" >>"$BATS_TEST_TMPDIR/told"
	eventually test -S "$BATS_TEST_TMPDIR/manager.sock"
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager.sock
}

told() { cat "$BATS_TEST_TMPDIR/told"; }

# notifying [JQ FILTER] makes a bundle whose program can notify.
notifying() {
	bundle "${1:-.}"
	cp "$NOTIFY" "$BUNDLE/rootfs/bin/notify"
}

# until_told is what a program does before it notifies: it waits for a file that the test makes.
until_told=': >/began; while [ ! -e /go ]; do sleep 0.05; done; '

# waits PID: the program runs, the command of rt has not returned, and the manager has heard nothing.
waits() {
	eventually test -e "$BUNDLE/rootfs/began"
	kill -0 "$1"
	[ -z "$(told)" ]
}

@test "notify: start waits until the container is ready, and reports its pid" {
	manager
	notifying '.root.readonly = false'
	created sh -c "$until_told"'notify send "STATUS=evil" "MAINPID=1" "XREADY=1" && notify send "STATUS=up
READY=1" && sleep 60'
	[ -z "$(told)" ]
	background rt start "$ID"
	local start=$!
	waits "$start"
	: >"$BUNDLE/rootfs/go"
	wait "$start"
	[ "$(told)" = "MAINPID=$(state pid) READY=1
BARRIER=1" ]
}

@test "notify: run in the foreground stays the process of the service" {
	manager
	notifying
	process sh -c 'notify send READY=1 && exit 7'
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 7 ]
	[ -z "$output" ]
	[ "$(told)" = "READY=1
BARRIER=1" ]
}

@test "notify: run --detach returns when the container is ready" {
	manager
	notifying '.root.readonly = false'
	process sh -c "$until_told"'notify send READY=1; sleep 60'
	background rt run --detach --bundle "$BUNDLE" "$ID"
	local run=$!
	waits "$run"
	: >"$BUNDLE/rootfs/go"
	wait "$run"
	[ "$(told)" = "MAINPID=$(state pid) READY=1
BARRIER=1" ]
}

@test "notify: a container that ends silently ends the wait too" {
	manager
	notifying
	created sh -c 'notify send STATUS=sorry'
	rt start "$ID"
	[ -z "$(told)" ]
	eventually status_is stopped
}

@test "notify: what the container gets is a directory with a socket, and no more" {
	manager
	notifying
	in_container sh -c '
		echo "$NOTIFY_SOCKET"; ls -a /run/notify | tr "\n" " "; grep -c " /run/notify " /proc/self/mountinfo
		grep " /run/notify ro,nosuid,nodev,noexec," /proc/self/mountinfo >/dev/null ||
		grep " /run/notify " /proc/self/mountinfo
		touch /run/notify/x; mv /run/notify/notify.sock /run/notify/y; ls /run/notify/..'
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = /run/notify/notify.sock ]
	[ "${lines[1]}" = ". .. notify.sock 1" ]
	[[ ${lines[2]} == *"Read-only file system" ]]
	[[ ${lines[3]} == *"Read-only file system" ]]
	[ "${lines[4]}" = notify ]
}

# bats test_tags=root
@test "notify: a user of the container may notify" {
	manager
	notifying '.process.user = {uid: 1000, gid: 1000} | .process.capabilities = {}'
	in_container notify send READY=1
	[ "$status" -eq 0 ]
	[ "$(told | head -n 1)" = READY=1 ]
}

# bats test_tags=root
@test "notify: from a user namespace that has no way to the state directory" {
	manager
	notifying '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 200000,
		size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	chown -R 200000:200000 "$BUNDLE/rootfs"
	in_container notify send READY=1
	[ "$status" -eq 0 ]
	[ "$(told | head -n 1)" = READY=1 ]
}

@test "notify: without NOTIFY_SOCKET there is nothing of it" {
	manager
	unset NOTIFY_SOCKET
	notifying
	in_container sh -c 'echo "${NOTIFY_SOCKET-none}"; [ ! -e /run/notify ]'
	[ "$status" -eq 0 ]
	[ "$output" = none ]
}

@test "notify: a start without NOTIFY_SOCKET does not wait" {
	manager
	notifying
	created sh -c 'notify send READY=1 || sleep 60'
	NOTIFY_SOCKET='' rt start "$ID"
	[ -z "$(told)" ]
	status_is running
}

@test "notify: a config with a NOTIFY_SOCKET of its own keeps it" {
	manager
	notifying '.process.env += ["NOTIFY_SOCKET=/own"]'
	in_container sh -c 'echo "$NOTIFY_SOCKET"; [ ! -e /run/notify ]'
	[ "$status" -eq 0 ]
	[ "$output" = /own ]
}

@test "notify: a container can be killed and deleted while start waits" {
	manager
	notifying
	created sleep 60
	background rt start "$ID"
	local pid=$!
	eventually grep -qx sleep "/proc/$(state pid)/comm" # a start whose boot process is killed fails
	rt delete --force "$ID"
	wait "$pid"
	[ -z "$(told)" ]
}

@test "notify: without its manager the container runs, an invalid address is refused" {
	notifying
	export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/nobody.sock
	in_container echo hello
	[ "$status" -eq 0 ]
	[[ $output == hello$'\n'*"NOTIFY_SOCKET"*"nobody.sock"*"is not passed on: no such file or directory"* ]]
	for NOTIFY_SOCKET in relative.sock vsock:2:1234 /$(printf 'x%.0s' {1..200}); do
		run rt run --bundle "$BUNDLE" "$ID"
		refused NOTIFY_SOCKET
	done
}

@test "notify: the mount is in the plan" {
	manager
	notifying
	run rt plan "$BUNDLE"
	[ "$status" -eq 0 ]
	[[ $output == *"/notify"*"# NOTIFY_SOCKET: clone the mount"* ||
		$output == *"# NOTIFY_SOCKET: use rt's clone of "*"/notify"* ]]
}
