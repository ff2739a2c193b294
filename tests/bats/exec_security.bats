#!/usr/bin/env bats
# bats file_tags=rootless
# What hostile containers have done to exec: one test a known attack. See security.bats.

load setup

needs() {
	"$RT" exec --help >/dev/null 2>&1 || skip "$RUNTIME has no exec yet"
}

# exec_in ARGS... runs exec in the container, with the flags before the id.
exec_in() {
	run rt exec "$@"
}

@test "CVE-2026-30892: exec --user takes numbers strictly" {
	bundle
	ranges
	running sleep 60
	exec_in --user 1 "$ID" sh -c 'id -u'
	[ "$output" = 1 ]
	exec_in --user 1:2 "$ID" sh -c 'id -u; id -g'
	[ "$output" = "1
2" ]
	for user in -1 1: 0x1 " 1" 1e3 4294967296; do
		exec_in --user "$user" "$ID" id -u
		if [ "$user" = 4294967296 ]; then known_bad runc "this number wraps to 0"; fi
		[ "$status" -ne 0 ] || [ "$output" != 0 ] || {
			echo "--user '$user' is root"
			false
		}
	done
}

@test "exec --user: names are those of the container's passwd and group, which may be anything" {
	only_rt "others take numbers only"
	bundle
	ranges
	printf 'root:x:0:0::/:\nweb:x:12:13::/:\n' >"$BUNDLE/rootfs/etc/passwd"
	printf 'www:x:14:\n' >"$BUNDLE/rootfs/etc/group"
	running sleep 60
	exec_in --user web "$ID" sh -c 'id -u; id -g'
	[ "$output" = "12
13" ]
	exec_in --user web:www "$ID" id -g
	[ "$output" = 14 ]
	exec_in --user web:7 "$ID" id -g
	[ "$output" = 7 ]
	exec_in --user nobody "$ID" true
	[ "$status" -eq 255 ]
	[[ $output == *"nobody"*"/etc/passwd"* ]]
	rm "$BUNDLE/rootfs/etc/passwd"
	mkfifo "$BUNDLE/rootfs/etc/passwd"
	exec_in --user web "$ID" true
	[ "$status" -eq 255 ]
	rm "$BUNDLE/rootfs/etc/passwd"
	ln -s /proc/self/fd/0 "$BUNDLE/rootfs/etc/passwd"
	exec_in --user web "$ID" true
	[ "$status" -eq 255 ]
}

@test "CVE-2022-29162: exec --cap puts nothing in the inheritable set" {
	bundle
	running sleep 60
	exec_in --cap CAP_NET_ADMIN "$ID" grep -E '^Cap(Inh|Eff|Amb)' /proc/self/status
	[ "$status" -eq 0 ]
	[ "$(cut -f2 <<<"${lines[0]}")" = 0000000000000000 ]
	[ $((0x$(cut -f2 <<<"${lines[1]}") & (1 << 12))) -ne 0 ]
	[ "$(cut -f2 <<<"${lines[2]}")" = 0000000000000000 ]
}

@test "CVE-2024-21626: exec --cwd of /proc/self/fd/N is not the host's" {
	bundle
	touch "$BUNDLE/of-the-host"
	running sleep 60
	for n in {3..20}; do
		exec_in --cwd "/proc/self/fd/$n" "$ID" sh -c "ls ../../../../../../..$BUNDLE 2>/dev/null"
		[ "$status" -ne 0 ]
		[[ $output != *of-the-host* ]]
	done
}

@test "CVE-2024-21626: exec --cwd through a symlink in the container" {
	bundle '.root.readonly = false'
	touch "$BUNDLE/of-the-host"
	running sleep 60
	for n in {3..20}; do
		ln -sfn "/proc/self/fd/$n" "$BUNDLE/rootfs/innocent"
		exec_in --cwd /innocent "$ID" sh -c "ls ../../../../../../..$BUNDLE 2>/dev/null"
		[ "$status" -ne 0 ]
		[[ $output != *of-the-host* ]]
	done
}

@test "CVE-2019-5736: exec of /proc/self/exe runs nothing of the host's, and cannot overwrite it" {
	sum=$(sha256sum <"$RT")
	bundle '.root.readonly = false'
	running sleep 60
	exec_in "$ID" /proc/self/exe --version
	[[ $output != *"$RUNTIME version"* ]] || [ "$RUNTIME" = runc ]
	printf '#!/proc/self/exe\n' >"$BUNDLE/rootfs/bin/evil"
	chmod +x "$BUNDLE/rootfs/bin/evil"
	background sh -c "for i in \$(seq 300); do for p in $BUNDLE/rootfs/proc /proc/$(state \
		pid)/root/proc; do for e in \$p/[0-9]*/exe; do [ \"\$(readlink \$e)\" = '$RT' ] && : >>\$e; done; done; done" \
		2>/dev/null
	for _ in {1..10}; do
		exec_in "$ID" evil
	done
	[ "$(sha256sum <"$RT")" = "$sum" ]
}

@test "CVE-2016-9962: a process of the container cannot inspect the process that joins it" {
	bundle '.root.readonly = false | .process.capabilities |= with_entries(.value += ["CAP_SYS_PTRACE"])'
	running sh -c 'while :; do for p in /proc/[0-9]*; do case $p in /proc/1) continue;; esac
		for fd in $p/fd/*; do l=$(readlink $fd) || continue; case $l in /*) [ -e "$l" ] ||
		echo "$p $fd $l" >>/seen;; esac; done; done 2>/dev/null; done'
	for _ in {1..30}; do
		exec_in "$ID" true
		[ "$status" -eq 0 ]
	done
	[ ! -e "$BUNDLE/rootfs/seen" ] || not grep -v -e pipe: -e socket: -e /dev/null -e memfd: "$BUNDLE/rootfs/seen"
}

@test "exec: an executed process has no descriptor of the host's" {
	bundle
	running sleep 60
	exec 9<"$BUNDLE"
	exec_in "$ID" sh -c 'ls -l /proc/self/fd'
	exec 9<&-
	[ "$status" -eq 0 ]
	[[ $output != *bundle* && $output != */sys/fs/cgroup* ]]
}

# bats test_tags=root
@test "exec --host-binary: rights that the host's file gives are none in the container" {
	only_rt "--host-binary"
	local program=$BATS_TEST_TMPDIR/program
	bundle '.process.capabilities.bounding = ["CAP_SETUID", "CAP_NET_RAW", "CAP_SYS_PTRACE"] |
		.process.noNewPrivileges = false'
	running sleep 60
	cat >"$program.c" <<-'C'
		#include <stdio.h>
		#include <string.h>
		int main() {
			char line[256];
			FILE *f = fopen("/proc/self/status", "r");
			while (fgets(line, sizeof line, f))
				if (!strncmp(line, "Uid:", 4) || !strncmp(line, "CapEff:", 7)) fputs(line, stdout);
		}
	C
	cc -static -o "$program" "$program.c" || skip "no static C library"
	# On the host the file gives them, or the test is none.
	chmod 4755 "$program"
	run setpriv --reuid 1000 --clear-groups "$program"
	[ "${lines[0]}" = $'Uid:\t1000\t0\t0\t0' ]
	run rt exec --user 1000 --host-binary "$program" "$ID" program
	[ "$output" = $'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000' ]
	chmod 755 "$program"
	command -v setcap >/dev/null || skip "setcap is not installed"
	setcap cap_net_raw+ep "$program"
	run setpriv --reuid 1000 --clear-groups "$program"
	[ "${lines[1]}" = $'CapEff:\t0000000000002000' ]
	run rt exec --user 1000 --host-binary "$program" "$ID" program
	[ "$output" = $'Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0000000000000000' ]
}

# bats test_tags=root
@test "exec --host-binary: a container with CAP_SYS_PTRACE can't change the program, neither the copy nor the file" {
	only_rt "--host-binary"
	local program=$BATS_TEST_TMPDIR/busybox sum
	cp /bin/busybox "$program"
	sum=$(sha256sum <"$program")
	bundle '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_FOWNER"] | unique)'
	running sh -c 'while :; do for p in /proc/[0-9]*; do
		case $(readlink $p/exe) in *memfd*) echo evil >$p/exe; chmod 4777 $p/exe; cp /bin/sh $p/exe; esac; done;
		done 2>/dev/null'
	local i
	for ((i = 0; i < 20; i++)); do
		run rt exec --host-binary "$program" "$ID" sh -c 'echo mine; exec 3<>/proc/self/exe && echo open;
			: >>/proc/self/exe && echo written'
		[ "${lines[0]}" = mine ]
		[[ $output != *written* ]]
	done
	[ "$(sha256sum <"$program")" = "$sum" ]
	[ "$(stat -c %a "$program")" = "$(stat -c %a /bin/busybox)" ]
}
