#!/usr/bin/env bats
# config.md#linux-process, process.apparmorProfile; rt exec --apparmor; apparmor(7)

load setup

needs() {
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ] || skip "this kernel runs without AppArmor"
	command -v apparmor_parser >/dev/null || skip "there is no apparmor_parser"
	load_profile rt-test-a secret-a
	load_profile rt-test-b secret-b
}

# load_profile NAME FILE: a profile that allows everything but FILE in the root directory.
load_profile() {
	apparmor_parser --replace --skip-cache <<-END
		abi <kernel>,
		profile $1 flags=(attach_disconnected,mediate_deleted) {
			file, capability, network, mount, umount, pivot_root, signal, ptrace, unix, dbus,
			deny /$2 rw,
		}
	END
}

secrets() {
	bundle ".root.readonly = false | $1"
	echo a >"$BUNDLE/rootfs/secret-a"
	echo b >"$BUNDLE/rootfs/secret-b"
}

@test "apparmorProfile: the program runs under it, and what it denies is denied" {
	secrets '.process.apparmorProfile = "rt-test-a"'
	in_container sh -c 'cat /proc/self/attr/current; cat /secret-b; cat /secret-a'
	[ "${lines[0]}" = "rt-test-a (enforce)" ]
	[ "${lines[1]}" = b ]
	[[ ${lines[2]} == *"/secret-a"*"Permission denied" ]]
}

@test "apparmorProfile: without noNewPrivileges, with a user namespace, and with both" {
	for edit in '.process.noNewPrivileges = false' '.linux.namespaces += [{type: "user"}] |
		.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings |
		.process.noNewPrivileges = false' '.process.noNewPrivileges = true'; do
		secrets '.process.apparmorProfile = "rt-test-a"'
		chown 100000:100000 "$BUNDLE/rootfs"
		config "$edit"
		in_container cat /proc/self/attr/current
		[ "$output" = "rt-test-a (enforce)" ]
	done
}

@test "apparmorProfile: a stack of profiles denies what any of them does" {
	secrets '.process.apparmorProfile = "rt-test-a//&rt-test-b"'
	in_container sh -c 'cat /proc/self/attr/current; cat /secret-a; cat /secret-b'
	[[ ${lines[0]} == *rt-test-a* && ${lines[0]} == *rt-test-b* ]]
	[[ ${lines[1]} == *"Permission denied" ]]
	[[ ${lines[2]} == *"Permission denied" ]]
}

@test "apparmorProfile: unconfined is one too" {
	secrets '.process.apparmorProfile = "unconfined"'
	in_container cat /proc/self/attr/current
	[ "$output" = unconfined ]
}

@test "apparmorProfile: one that is not loaded is refused, in words that engines look for" {
	secrets '.process.apparmorProfile = "rt-no-such-profile"'
	in_container true
	refused process.apparmorProfile rt-no-such-profile
	[ "$RUNTIME" != rt ] || [[ $output == *'`/proc/'*'/attr/apparmor/exec`'* ]]
	[ "$RUNTIME" != rt ] || [[ $output == *hint*apparmor_parser* ]]
}

@test "apparmorProfile: a fake /proc of the image is not used (CVE-2019-16884)" {
	secrets '.process.apparmorProfile = "rt-test-a"'
	config '.mounts |= map(select(.destination != "/proc"))'
	mkdir -p "$BUNDLE/rootfs/proc/self/attr/apparmor" "$BUNDLE/rootfs/proc/thread-self/attr/apparmor"
	touch "$BUNDLE/rootfs/proc/self/attr/exec" "$BUNDLE/rootfs/proc/thread-self/attr/apparmor/exec"
	in_container cat /secret-a
	[ "$status" -ne 0 ]
	[[ $output != a ]]
	[ ! -s "$BUNDLE/rootfs/proc/thread-self/attr/apparmor/exec" ]
}

@test "exec is under the profile of the config, and --apparmor under another" {
	secrets '.process.apparmorProfile = "rt-test-a"'
	running sleep 60
	[ "$(rt exec "$ID" cat /proc/self/attr/current)" = "rt-test-a (enforce)" ]
	# A process that is confined may not choose: rt, which is not, does.
	[ "$(rt exec --apparmor rt-test-b "$ID" cat /proc/self/attr/current)" = "rt-test-b (enforce)" ]
	run rt exec --apparmor rt-test-b "$ID" cat /secret-b
	[[ $output == *"Permission denied"* ]]
	run rt exec --apparmor rt-no-such-profile "$ID" true
	[ "$status" -eq 255 ]
	[[ $output == *rt-no-such-profile* ]]
}

@test "apparmorProfile: restored processes that nothing confines are refused" {
	only_rt "the labels of the images"
	PATH=$PATH:/usr/sbin
	criu check >/dev/null 2>&1 || skip "criu does not work with this kernel"
	local images=$BATS_TEST_TMPDIR/images
	restore() {
		run_detached rt restore --bundle "$BUNDLE" --image-path "$images" --work-path "$BATS_TEST_TMPDIR/work" \
			--detach "$@" "$ID"
	}
	# CRIU locks a network of the container's own with iptables, which need not be there.
	secrets '.linux.namespaces |= map(select(.type != "network"))'
	running sleep 1000
	run_detached rt checkpoint --image-path "$images" "$ID"
	[ "$status" -eq 0 ] || { echo "$output"; false; }
	# Nothing confined the processes, and the config confines them now. CRIU can't do it.
	config '.process.apparmorProfile = "rt-test-a"'
	restore
	refused process.apparmorProfile unconfined
	restore --lsm-profile apparmor:rt-test-a
	refused --lsm-profile unconfined
}

@test "apparmorProfile: restored processes are under the profile that they had, and do what it allows" {
	only_rt "the labels of the images"
	PATH=$PATH:/usr/sbin
	criu check >/dev/null 2>&1 || skip "criu does not work with this kernel"
	local images=$BATS_TEST_TMPDIR/images profile denied
	denied_more() { [ "$(wc -c <"$BUNDLE/rootfs/a-denied")" -gt "$denied" ]; }
	for profile in rt-test-a "rt-test-a//&rt-test-b"; do
		PROFILE=$profile secrets '.linux.namespaces |= map(select(.type != "network"))
			| .process.apparmorProfile = env.PROFILE'
		running sh -c 'while sleep 0.1; do cat /secret-a 2>>/a-denied; done'
		run_detached rt checkpoint --image-path "$images" "$ID"
		[ "$status" -eq 0 ] || { echo "$output"; false; }
		denied=$(wc -c <"$BUNDLE/rootfs/a-denied")
		run_detached rt restore --bundle "$BUNDLE" --image-path "$images" --work-path "$BATS_TEST_TMPDIR/work" \
			--detach "$ID"
		[ "$status" -eq 0 ] || { echo "$output"; false; }
		eventually denied_more
		status_is running
		[ "$(cat "/proc/$(state pid)/attr/current")" = "$profile (enforce)" ]
		[[ $(cat "$BUNDLE/rootfs/a-denied") == *"Permission denied"* ]]
		# A join of namespaces and a profile is all that exec has in common with create.
		[ "$(rt exec "$ID" cat /proc/self/attr/current)" = "$profile (enforce)" ]
		rt delete --force "$ID"
		rm -r "$images" "$BUNDLE"
	done
}
