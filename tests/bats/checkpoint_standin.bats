#!/usr/bin/env bats
# checkpoint and restore with a stand-in for CRIU: what rt does on its own side, where no CRIU works.

load setup

needs() {
	IMAGES=$BATS_TEST_TMPDIR/images
}

now() {
	cat "$BUNDLE/rootfs/tmp/count"
}

# counted N: the program has come to N.
counted() {
	[ "$(now)" -ge "$1" ] 2>/dev/null
}

# silent_criu puts a criu into PATH that tells its version and then says nothing. Its process is recorded in
# silent.pid.
silent_criu() {
	mkdir -p "$BATS_TEST_TMPDIR/silent"
	cat >"$BATS_TEST_TMPDIR/silent/criu" <<-END
		#!/bin/sh
		kind=\$(dd bs=65536 count=1 <&3 2>/dev/null | od -An -tu1 -j1 -N1 | tr -d ' ')
		if [ "\$kind" = 10 ]; then # VERSION
			printf '\010\012\020\001\122\004\010\003\020\021' >&3
		else
			echo \$\$ >"$BATS_TEST_TMPDIR/silent.tmp"
			mv "$BATS_TEST_TMPDIR/silent.tmp" "$BATS_TEST_TMPDIR/silent.pid"
			exec sleep 1000
		fi
	END
	chmod +x "$BATS_TEST_TMPDIR/silent/criu"
	PATH=$BATS_TEST_TMPDIR/silent:$PATH
	rm -f "$BATS_TEST_TMPDIR/silent.pid"
}

# silent_ends: the silent criu is no more. Otherwise it is ended here.
silent_ends() {
	local pid
	pid=$(cat "$BATS_TEST_TMPDIR/silent.pid")
	eventually eval "! [ -e /proc/$pid/exe ]" || { kill -9 "$pid"; false; }
}

# hanging COMMAND...: starts rt in the background, as $waiter, and returns when criu hangs.
hanging() {
	# Nobody but this shell waits for its child.
	"$RT" --root "$ROOT" "$@" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	waiter=$!
	eventually test -s "$BATS_TEST_TMPDIR/silent.pid"
}

@test "checkpoint: --criu names the program, and one that can't be executed is refused" {
	only_rt "runc ignores it"
	bundle
	running sleep 60
	silent_criu
	PATH=${PATH#"$BATS_TEST_TMPDIR/silent:"}
	hanging --criu "$BATS_TEST_TMPDIR/silent/criu" checkpoint --image-path "$IMAGES" "$ID"
	kill -TERM "$waiter"
	wait "$waiter" || true
	silent_ends

	run rt --criu "$BATS_TEST_TMPDIR" checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"--criu \"$BATS_TEST_TMPDIR\""*EACCES* ]]
	run rt --criu criu checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"must be the path of the program"* ]]
	[ "$(rt state "$ID" | jq -r .status)" = running ]
}

@test "checkpoint: nothing is left of a criu that hangs, and the container continues" {
	only_rt "a criu that hangs"
	bundle ".root.readonly = false"
	running sh -c 'i=0; while :; do i=$((i + 1)); echo $i >/tmp/next; mv /tmp/next /tmp/count; sleep 0.05; done'
	eventually counted 3
	silent_criu
	hanging checkpoint --image-path "$IMAGES" "$ID"
	kill -KILL "$waiter"
	silent_ends
	eventually counted $(($(now) + 3))
	silent_criu
	hanging checkpoint --image-path "$IMAGES" "$ID"
	kill -TERM "$waiter"
	status=0
	wait "$waiter" || status=$?
	[ "$status" -eq 1 ]
	grep -q "signal to end" "$BATS_TEST_TMPDIR/said"
	silent_ends
	eventually counted $(($(now) + 3))
	# delete --force does not wait for it.
	silent_criu
	hanging checkpoint --image-path "$IMAGES" "$ID"
	rt delete --force "$ID"
	silent_ends
}

@test "restore: nothing is left of a criu that hangs" {
	only_rt "a criu that hangs"
	bundle
	process sleep 1000
	mkdir "$IMAGES"
	touch "$IMAGES/inventory.img"
	silent_criu
	hanging restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID"
	kill -KILL "$waiter"
	silent_ends
	rt delete --force "$ID"
	[ -z "$(containers)" ]
	silent_criu
	hanging restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID"
	kill -TERM "$waiter"
	status=0
	wait "$waiter" || status=$?
	[ "$status" -eq 1 ]
	cat "$BATS_TEST_TMPDIR/said"
	grep -q "rt got a signal to end before it was done" "$BATS_TEST_TMPDIR/said"
	silent_ends
	[ -z "$(containers)" ]
	[ -z "$(cgroups)" ]
}

# bats test_tags=root
@test "restore: a device that rt made for a user namespace is refused, or the host's node is named" {
	silent_criu
	mkdir "$IMAGES"
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| .linux.devices = [{path: "/dev/mine", type: "c", major: 1, minor: 3}]'
	run timeout 60 "$RT" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID"
	[ "$status" -eq 1 ]
	clear_error "linux.devices[0].path" /dev/mine "no such device at this path" hint
	config '.linux.devices = [{path: "/dev/zero", type: "c", major: 1, minor: 5, fileMode: 384, uid: 9}]'
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES/none" --detach "$ID"
	[[ $output == *"linux.devices[0].path"*"/dev/zero"*"another mode or owner on the host"* ]]
}

# bats test_tags=root
@test "restore: into a pid namespace that others see who could trace the processes is refused" {
	only_rt "processes that have not changed their root yet"
	local ptrace='.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
	mkdir "$IMAGES"
	touch "$IMAGES/inventory.img"
	bundle
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/plain.json"
	for neighbour in . "$ptrace"; do
		cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
		config "$neighbour"
		running sleep 1000
		cp "$BATS_TEST_TMPDIR/plain.json" "$BUNDLE/config.json"
		P=$(state pid) config '.linux.namespaces |=
			map(if .type == "pid" then .path = "/proc/\(env.P)/ns/pid" else . end)'
		silent_criu
		if [ "$neighbour" = . ]; then
			hanging restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID-second"
			kill -TERM "$waiter"
			wait "$waiter" || true
			silent_ends
		else
			run timeout 60 "$RT" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID-second"
			[ "$status" -eq 1 ]
			clear_error 'linux.namespaces[' CAP_SYS_PTRACE "while that is restored"
		fi
		rt delete --force "$ID"
	done
}
