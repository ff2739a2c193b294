#!/usr/bin/env bats
# bats file_tags=rootless
# config-linux.md#masked-paths

load setup

@test "maskedPaths: a file reads as empty, and what is written is gone" {
	bundle '.root.readonly = false | .linux.maskedPaths += ["/secret"]'
	echo hush >"$BUNDLE/rootfs/secret"
	in_container sh -c 'wc -c </secret; echo x >/secret; wc -c </secret'
	[ "$status" -eq 0 ]
	[ "$output" = "0
0" ]
	[ "$(cat "$BUNDLE/rootfs/secret")" = hush ]
}

@test "maskedPaths: a directory is empty and read-only" {
	bundle '.root.readonly = false | .linux.maskedPaths += ["/secrets"]'
	mkdir "$BUNDLE/rootfs/secrets"
	echo hush >"$BUNDLE/rootfs/secrets/one"
	in_container sh -c 'ls -A /secrets; touch /secrets/two'
	[ "$status" -eq 1 ]
	[ "${#lines[@]}" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
	[ "$(cat "$BUNDLE/rootfs/secrets/one")" = hush ]
	[ ! -e "$BUNDLE/rootfs/secrets/two" ]
}

@test "maskedPaths: one that does not exist is left out" {
	bundle '.linux.maskedPaths += ["/does/not/exist", "/proc/does-not-exist"]'
	in_container ls /does
	[ "$status" -eq 1 ]
	[[ $output == *"No such file"* ]]
}

@test "maskedPaths: many, of which the first does not exist" {
	bundle '.linux.maskedPaths = ["/absent"] + [range(90) | "/absent\(.)"] + ["/secret"]'
	echo hush >"$BUNDLE/rootfs/secret"
	in_container cat /secret
	[ "$status" -eq 0 ]
	[ -z "$output" ]
}

@test "maskedPaths: those of the default config reveal nothing of the host" {
	bundle
	in_container sh -c 'for p in kcore keys timer_list sched_debug latency_stats; do [ ! -e /proc/$p ] ||
		head -c 10 /proc/$p; done; ls -A /sys/firmware /proc/scsi 2>/dev/null | grep -v :'
	[[ $output != *[a-zA-Z0-9]* ]]
}

@test "maskedPaths: a mount can be masked" {
	bundle '.mounts += [{destination: "/tmp", type: "tmpfs", source: "to-be-masked", options: ["mode=777"]}] |
		.linux.maskedPaths += ["/tmp"]'
	in_container touch /tmp/x
	[ "$status" -eq 1 ]
	[[ $output == *"Read-only file system"* ]]
}

@test "maskedPaths: all of many" {
	bundle '.linux.maskedPaths += [range(50) | "/many/d\(.)", "/many/f\(.)"]'
	mkdir "$BUNDLE/rootfs/many"
	for i in {0..49}; do
		mkdir "$BUNDLE/rootfs/many/d$i"
		echo hush | tee "$BUNDLE/rootfs/many/f$i" >"$BUNDLE/rootfs/many/d$i/file"
	done
	in_container sh -c 'cat /many/f*; ls -A /many/d*/* 2>/dev/null; ls /many | wc -l'
	[ "$status" -eq 0 ]
	[ "$output" = 100 ]
}

@test "maskedPaths: a relative path is relative to the root, with a warning" {
	only_rt "others say nothing"
	bundle '.linux.maskedPaths += ["secret"]'
	echo hush >"$BUNDLE/rootfs/secret"
	in_container cat /secret
	[ "$status" -eq 0 ]
	[[ $output == "rt: warning: linux.maskedPaths["*"]: is relative: taken as /secret" ]]
}

@test "maskedPaths, readonlyPaths: below /proc/sys, listed twice too, each is one mount" {
	bundle '.linux.maskedPaths = ["/proc/sys/vm", "/proc/sys/vm/", "/proc/sys/kernel/hostname", "/sys/kernel"]
		| .linux.readonlyPaths = ["/proc/sys/fs", "/proc/sys/fs"]'
	in_container sh -c 'ls -A /proc/sys/vm /sys/kernel | grep -v :; cat /proc/sys/kernel/hostname;
		grep -c -E " (/proc/sys/vm|/proc/sys/kernel/hostname|/proc/sys/fs|/sys/kernel) " /proc/self/mountinfo'
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = 4 ]
	[[ $output != *[a-z]* ]]
}

@test "maskedPaths: in a /proc and a /sys that are bound" {
	bundle '.mounts |= (map(select(.destination | test("^/(proc|sys)"; "") | not)) + [
			{destination: "/proc", type: "bind", source: "/proc", options: ["rbind"]}, {destination: "/sys",
			type: "bind", source: "/sys", options: ["rbind"]}])
		| .linux.maskedPaths = ["/proc/sys/vm", "/proc/cpuinfo", "/sys/kernel"] | .linux.readonlyPaths = ["/proc/sys"]'
	in_container sh -c 'ls -A /proc/sys/vm /sys/kernel | grep -v :; wc -c </proc/cpuinfo;
		echo 1 >/proc/sys/kernel/hostname'
	[[ ${lines[0]} = 0 ]]
	[[ ${lines[1]} == *"Read-only file system"* ]]
	[ "${#lines[@]}" -eq 2 ]
	run mounts
	[[ $output != *" /proc/cpuinfo "* ]] && [[ $output != *" /sys/kernel "* ]]
}

@test "maskedPaths: a masked file is the host's /dev/null, to be used and not to be changed" {
	bundle '.linux.maskedPaths = ["/secret", "/secret2"] | .process.capabilities[] |= (. // [] | . + ["CAP_FOWNER",
		"CAP_CHOWN"])'
	touch "$BUNDLE/rootfs/secret" "$BUNDLE/rootfs/secret2"
	# What is tried here changes nothing, for root too: not the mode and not the owner, and a time that is the present.
	in_container sh -c 'for f in /secret /secret2; do
			echo x >$f && echo written
			chmod 666 $f; chown 0:0 $f; touch $f
			grep " $f " /proc/self/mountinfo | cut -d" " -f6; done'
	[ "$(grep -c "Read-only file system" <<<"$output")" -eq 6 ]
	[ "$(grep -c "^written$" <<<"$output")" -eq 2 ]
	[ "$(grep -c "^ro,nosuid,noexec" <<<"$output")" -eq 2 ]
}
