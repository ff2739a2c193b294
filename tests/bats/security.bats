#!/usr/bin/env bats
# What hostile images have done to runtimes: one test a known attack. The image is the enemy, config.json is not.

load setup

# victim makes a file and a folder of the host, that must stay as they are: $VICTIM.
victim() {
	VICTIM=$BATS_TEST_TMPDIR/victim
	mkdir -p "$VICTIM/folder"
	echo intact >"$VICTIM/file"
	chmod 644 "$VICTIM/file"
}

intact() {
	[ "$(cat "$VICTIM/file")" = intact ]
	[ "$(find "$VICTIM" | wc -l)" -eq 3 ]
	[ "$(stat -c %a "$VICTIM/file")" = 644 ]
}

# The attacks of the image's symlinks: each mount target, absolute and through dots.

@test "CVE-2019-18837: a mount target that is a symlink to the host's directory stays inside" {
	victim
	mkdir "$BATS_TEST_TMPDIR/src"
	touch "$BATS_TEST_TMPDIR/src/from-the-source"
	bundle '.root.readonly = false | .mounts += [{destination: "/data", type: "bind",
		source: (env.BATS_TEST_TMPDIR + "/src"), options: ["bind"]}]'
	for link in "$VICTIM" "../../../../../../../../../..$VICTIM"; do
		rm -rf "$BUNDLE/rootfs/data" "$BUNDLE/rootfs/tmp"
		mkdir "$BUNDLE/rootfs/tmp"
		ln -s "$link" "$BUNDLE/rootfs/data"
		run_detached rt create --bundle "$BUNDLE" "$ID"
		not grep -q "$VICTIM" /proc/self/mountinfo
		[ ! -e "$VICTIM/from-the-source" ]
		rt delete --force "$ID"
		intact
	done
}

@test "CVE-2019-18837: a mount point that is missing below a symlink is not made on the host" {
	victim
	bundle '.root.readonly = false | .mounts += [{destination: "/link/new/folder", type: "tmpfs", source: "t"}, {
		destination: "/link/new/file", type: "bind", source: "/dev/null", options: ["bind"]}]'
	ln -s "$VICTIM" "$BUNDLE/rootfs/link"
	in_container true
	intact
}

@test "CVE-2015-3627: absolute symlinks instead of every mount target of the default config" {
	victim
	bundle
	rm -r "$BUNDLE/rootfs/sys" "$BUNDLE/rootfs/dev"
	ln -s "$VICTIM/folder" "$BUNDLE/rootfs/sys"
	ln -s "$VICTIM/folder" "$BUNDLE/rootfs/dev"
	in_container true
	intact
}

@test "CVE-2023-27561, CVE-2019-19921: /proc that is a symlink is refused" {
	victim
	bundle
	rm -r "$BUNDLE/rootfs/proc"
	mkdir -p "$BUNDLE/rootfs/fake"
	ln -s /fake "$BUNDLE/rootfs/proc"
	in_container sh -c 'ls /proc/self/ns'
	refused "mounts[0].destination" /proc
	rm "$BUNDLE/rootfs/proc"
	ln -s "$VICTIM/folder" "$BUNDLE/rootfs/proc"
	in_container true
	[ "$status" -ne 0 ]
	intact
}

@test "CVE-2025-54867: /sys that is a symlink is refused" {
	bundle
	rm -r "$BUNDLE/rootfs/sys"
	mkdir -p "$BUNDLE/rootfs/fake"
	ln -s /fake "$BUNDLE/rootfs/sys"
	in_container true
	refused /sys
}

@test "CVE-2026-41579, CVE-2026-47766: /dev that is a symlink: nothing is made or removed on the host" {
	known_bad runc "it was fixed in 2026"
	victim
	touch "$VICTIM/folder/ptmx"
	bundle 'del(.mounts[] | select(.destination | startswith("/dev")))'
	rm -r "$BUNDLE/rootfs/dev"
	ln -s "$VICTIM/folder" "$BUNDLE/rootfs/dev"
	in_container true
	[ -f "$VICTIM/folder/ptmx" ]
	rm "$VICTIM/folder/ptmx"
	intact
}

@test "CVE-2025-31133: a masked file is covered with the host's null device, not the image's" {
	known_bad runc "it was fixed in 1.2.8"
	victim
	bundle '.root.readonly = false | del(.mounts[] | select(.destination | startswith("/dev"))) |
		.linux.maskedPaths = ["/secret"]
		| .mounts += [{destination: "/victim", type: "bind", source: (env.BATS_TEST_TMPDIR + "/victim"),
		options: ["bind", "ro"]}]'
	echo hush >"$BUNDLE/rootfs/secret"
	ln -s /victim/file "$BUNDLE/rootfs/dev/null"
	in_container sh -c 'cat /secret; echo pwned >/secret; stat -c %t:%T /secret'
	[[ $output != *intact* && $output != *hush* ]]
	intact
	# Either it is refused, or it is the real thing.
	[ "$status" -ne 0 ] || [[ $output == *1:3 ]]
}

@test "CVE-2025-31133: a plain file of the image is not used as the null device" {
	known_bad runc "it was fixed in 1.2.8"
	bundle '.root.readonly = false | del(.mounts[] | select(.destination | startswith("/dev"))) |
		.linux.maskedPaths = ["/secret"]'
	echo hush >"$BUNDLE/rootfs/secret"
	echo fake >"$BUNDLE/rootfs/dev/null"
	in_container sh -c 'cat /secret; stat -c %t:%T /secret'
	[[ $output != *hush* && $output != *fake* ]]
	[ "$status" -ne 0 ] || [[ $output == *1:3 ]]
}

@test "maskedPaths, readonlyPaths: symlinks in the image do not lead out" {
	victim
	bundle '.root.readonly = false | .linux.maskedPaths = ["/link/file"] | .linux.readonlyPaths = ["/link/folder"]'
	ln -s "$VICTIM" "$BUNDLE/rootfs/link"
	running sleep 60
	[ "$(cat "$VICTIM/file")" = intact ]
	touch "$VICTIM/folder/x"
	rm "$VICTIM/folder/x"
	intact
}

# The attacks on the descriptors of the runtime.

@test "CVE-2024-21626: a cwd of /proc/self/fd/N is not the host's" {
	bundle
	touch "$BUNDLE/of-the-host"
	for n in {3..20}; do
		config ".process.cwd = \"/proc/self/fd/$n\""
		in_container sh -c 'ls ../../../../../../../etc/debian_version ../../../../../..'"$BUNDLE"' 2>/dev/null; pwd -P'
		[ "$status" -ne 0 ]
		[[ $output != *debian_version* && $output != *of-the-host* ]]
	done
}

@test "CVE-2024-21626: a cwd of a descriptor that the caller leaked is not the host's" {
	bundle '.process.cwd = "/proc/self/fd/9"'
	touch "$BUNDLE/of-the-host"
	process ls
	exec 9<"$BUNDLE"
	run rt run --bundle "$BUNDLE" "$ID"
	exec 9<&-
	[ "$status" -ne 0 ]
	[[ $output != *of-the-host* ]]
}

@test "CVE-2024-21626: a cwd through a symlink in the image is not the host's" {
	bundle '.process.cwd = "/innocent"'
	touch "$BUNDLE/of-the-host"
	for n in {3..12}; do
		ln -sfn "/proc/self/fd/$n" "$BUNDLE/rootfs/innocent"
		in_container sh -c 'ls ../../../../../../..'"$BUNDLE"' 2>/dev/null'
		[ "$status" -ne 0 ]
		[[ $output != *of-the-host* ]]
	done
}

@test "CVE-2024-21626: args of /proc/self/fd/N reach nothing" {
	bundle
	for n in {3..12}; do
		in_container "/proc/self/fd/$n/../../../../../../../../../bin/ls" /
		[ "$status" -ne 0 ]
	done
}

@test "CVE-2019-5736: the runtime's program cannot be overwritten through /proc/self/exe" {
	sum=$(sha256sum <"$RT")
	bundle '.root.readonly = false'
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/evil"
	chmod +x "$BUNDLE/rootfs/bin/evil"
	in_container evil
	in_container /proc/self/exe
	created sleep 60
	exe=/proc/$(state pid)/exe
	not sh -c ": >>$exe" 2>/dev/null # text file busy, or sealed: nobody can write it while it waits
	[ "$(sha256sum <"$RT")" = "$sum" ]
}

@test "CVE-2019-5736: the program of a created container is not the runtime's" {
	only_rt "its boot image is a program of its own"
	bundle
	created sleep 60
	not cmp -s "/proc/$(state pid)/exe" "$RT"
	[[ $(readlink "/proc/$(state pid)/exe") == *memfd:* || $(readlink "/proc/$(state pid)/exe") == *"(deleted)" ]]
}

@test "a created container holds no descriptor of the host's but its streams and the runtime's sockets" {
	bundle
	created sleep 60
	for fd in /proc/"$(state pid)"/fd/*; do
		[ "${fd##*/}" -gt 2 ] || continue
		to=$(readlink "$fd")
		[[ $to != /* || $to == */exec.fifo || $to == "$ROOT"/* || $to == /memfd:* || $to == /dev/null ]] ||
			[ "$to" = "/" ] || {
			echo "descriptor ${fd##*/} is $to"
			false
		}
	done
}

# The attacks on ids and capabilities.

@test "CVE-2016-3697: a numeric user name in the image's passwd is only a name" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	printf '%s\n' '1000:x:0:0:evil:/evil:/bin/sh' 'root:x:0:0:root:/root:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
	printf '%s\n' '1000:x:0:' >"$BUNDLE/rootfs/etc/group"
	in_container sh -c 'id -u; id -g; echo $HOME'
	[ "$output" = "1000
1000
/" ]
}

@test "CVE-2016-8867: a user that is not root gets no ambient capability" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	in_container sh -c 'grep -E "^Cap(Inh|Prm|Eff|Amb)" /proc/self/status | cut -f2 | sort -u'
	[ "$output" = 0000000000000000 ]
}

@test "CVE-2022-29162: capabilities in the bounding set do not become inheritable" {
	bundle
	in_container grep ^CapInh /proc/self/status
	[ "$output" = "CapInh:	0000000000000000" ]
}

@test "the image's passwd cannot point the runtime at the host's files" {
	victim
	bundle
	rm "$BUNDLE/rootfs/etc/passwd"
	echo 'root:x:0:0:root:/from-the-host:/bin/sh' >"$VICTIM/file"
	ln -s "$VICTIM/file" "$BUNDLE/rootfs/etc/passwd"
	in_container sh -c 'echo "$HOME"'
	[[ $output != *from-the-host* ]]
}

@test "a passwd that is a fifo or endless does not hang the start" {
	known_bad runc "it waits for the fifo"
	bundle
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	RT_SECONDS=60 in_container true
	[ "$status" -lt 2 ]
	rm "$BUNDLE/rootfs/etc/passwd"
	ln -s /dev/zero "$BUNDLE/rootfs/etc/passwd"
	RT_SECONDS=60 in_container true
	[ "$status" -lt 2 ]
}

# The attacks on /proc.

@test "CVE-2019-16884, CVE-2025-52881: sysctls are not written to a /proc of the image" {
	bundle '.root.readonly = false | .linux.sysctl = {"net.ipv4.ip_forward": "1"}
		| .mounts += [{destination: "/proc/sys/net", type: "tmpfs", source: "t"}]'
	in_container sh -c 'cat /proc/sys/net/ipv4/ip_forward'
	# Refused, or set where it counts.
	[ "$status" -ne 0 ]
	[[ $output != 1 ]]
}

@test "CVE-2016-9962: the waiting process cannot be inspected from a joined pid namespace" {
	bundle
	running sleep 60
	pid=$(state pid)
	bundle '.' "$BATS_TEST_TMPDIR/second"
	PIDNS=/proc/$pid/ns/pid jq '.linux.namespaces |= map(if .type == "pid" then .path = env.PIDNS else . end) |
		.process.args = ["sleep", "60"]' \
		"$BATS_TEST_TMPDIR/bundle/config.json" >"$BATS_TEST_TMPDIR/second/config.json"
	run_detached rt create --bundle "$BATS_TEST_TMPDIR/second" "$ID-second"
	[ "$status" -eq 0 ]
	second=$(state pid "$ID-second")
	inside=$(awk '/^NSpid:/ { print $NF }' "/proc/$second/status")
	# From the first container, with its own capabilities: its file descriptors and program are closed to it.
	run nsenter --target "$pid" --mount --pid --user=/proc/self/ns/user setpriv --bounding-set -all --inh-caps -all \
		ls "/proc/$inside/fd/"
	[ "$status" -ne 0 ]
	rt delete --force "$ID-second"
}

# Numbers and lengths.

@test "CVE-2021-43784: strings of more than 64 KiB neither wrap nor crash" {
	bundle '.process.env += ["LONG=" + ("x" * 70000)] | .annotations = {"org.example.long": ("y" * 70000)}
		| .linux.namespaces |= map(select(.type != "ipc")) + [{type: "ipc", path: ("/" + ("z" * 66000))}]'
	in_container true
	[ "$status" -eq 1 ]
	[[ $output != *panic* ]]
	bundle '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [range(400) | {containerID: ., hostID: (100000 + . * 2), size: 1}]
		| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1000}]'
	in_container true
	[[ $output != *panic* ]]
	[ "$status" -eq 0 ] || [ "$status" -eq 1 ]
}

@test "container ids do not lead out of the state directory" {
	victim
	bundle
	process true
	for id in ../victim ../../x /tmp/x "$VICTIM" a/../../victim; do
		run rt run --bundle "$BUNDLE" "$id"
		[ "$status" -eq 1 ]
		run rt delete --force "$id"
		intact
	done
}

@test "CVE-2025-52565: /dev/console and /dev/pts of the image that are symlinks lead nowhere" {
	victim
	bundle '.process.terminal = true | .root.readonly = false | .mounts |= map(select(.destination |
		startswith("/dev") | not))
		| .mounts += [{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance",
		"ptmxmode=0666"]}]'
	process sh -c 'echo written >/dev/console; chmod 777 /dev/console; sleep 60'
	at_a_console() {
		rm -f "$BATS_TEST_TMPDIR/tty"
		background "$RECVTTY" "$BATS_TEST_TMPDIR/tty" >/dev/null 2>&1
		eventually test -S "$BATS_TEST_TMPDIR/tty"
		run_detached rt run --detach --console-socket "$BATS_TEST_TMPDIR/tty" --bundle "$BUNDLE" "$ID"
	}
	mkdir -p "$BUNDLE/rootfs/dev"
	ln -s "$VICTIM/file" "$BUNDLE/rootfs/dev/console"
	at_a_console
	[ "$status" -eq 0 ]
	# The link is covered, not followed.
	eventually rt exec "$ID" sh -c '[ -c /dev/console ] && [ "$(stat -c %a /dev/console)" = 777 ]'
	intact
	rt delete --force "$ID"
	rm -rf "$BUNDLE/rootfs/dev"
	mkdir "$BUNDLE/rootfs/dev"
	ln -s "$VICTIM/folder" "$BUNDLE/rootfs/dev/pts"
	at_a_console
	[ "$status" -eq 1 ]
	[[ $output == *"symbolic link"* ]]
	not grep -q "$VICTIM" /proc/self/mountinfo
	intact
}

# Races: someone swaps a folder of the volume for a symlink while the container is made.

@test "CVE-2021-30465, CVE-2024-45310: a mount target that is swapped for a symlink again and again" {
	known_bad runc "the last case was fixed in 1.2"
	victim
	mkdir "$BATS_TEST_TMPDIR/volume"
	bundle '.mounts += [
		{destination: "/volume", type: "bind", source: (env.BATS_TEST_TMPDIR + "/volume"), options: ["rbind"]},
		{destination: "/volume/a/new/folder", type: "tmpfs", source: "hostile", options: ["mode=777"]}]'
	mkdir -p "$BATS_TEST_TMPDIR/volume/a"
	ln -s "$VICTIM" "$BATS_TEST_TMPDIR/volume/b"
	background "$SWAPPER" "$BATS_TEST_TMPDIR/volume/a" "$BATS_TEST_TMPDIR/volume/b"
	process true
	for _ in {1..40}; do
		run rt run --bundle "$BUNDLE" "$ID"
		[ "$status" -le 1 ]
		[[ $output != *panic* ]]
		intact
	done
}

@test "CVE-2025-52881: /proc is swapped for a fake all the time: writes reach the kernel, or nothing starts" {
	needs_root "another user's network namespace cannot be looked into"
	victim
	bundle '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
	mkdir -p "$BUNDLE/rootfs/fake/sys/net/ipv4"
	ln -s "$VICTIM/file" "$BUNDLE/rootfs/fake/sys/net/ipv4/ip_forward"
	background "$SWAPPER" "$BUNDLE/rootfs/proc" "$BUNDLE/rootfs/fake"
	process sleep 60
	local made=0
	for _ in {1..20}; do
		run_detached rt create --bundle "$BUNDLE" "$ID"
		[ "$status" -le 1 ]
		if [ "$status" -eq 0 ]; then
			made=$((made + 1))
			# The network namespace is the reader's own, whatever the container has at /proc.
			[ "$(nsenter --net="/proc/$(state pid)/ns/net" cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
			rt delete --force "$ID"
		fi
		intact
	done
	[ "$made" -gt 0 ]
}
