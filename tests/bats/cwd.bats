#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#process: cwd

load setup

@test "cwd: the process starts there" {
	bundle '.process.cwd = "/etc"'
	in_container sh -c 'pwd; ls passwd'
	[ "$output" = "/etc
passwd" ]
}

@test "cwd: a mount of the container" {
	bundle '.process.cwd = "/tmp" | .mounts += [{destination: "/tmp", type: "tmpfs", source: "t"}]'
	in_container sh -c 'touch x && ls /tmp'
	[ "$status" -eq 0 ]
	[ "$output" = x ]
}

@test "cwd: a symlink is followed inside the container" {
	bundle '.process.cwd = "/link"'
	ln -s /etc "$BUNDLE/rootfs/link"
	in_container sh -c 'pwd -P; ls passwd'
	[ "$output" = "/etc
passwd" ]
}

@test "cwd: the parent of a symlink is that of its target" {
	bundle '.process.cwd = "/link/.."'
	mkdir -p "$BUNDLE/rootfs/var/lib/data"
	ln -s var/lib/data "$BUNDLE/rootfs/link"
	in_container pwd
	[ "$output" = /var/lib ]
}

@test "cwd: the parent of one that is missing" {
	bundle '.root.readonly = true | .process.cwd = "/not/there/../x"'
	in_container pwd
	[ "$output" = /not/x ]
}

# bats test_tags=root
@test "cwd: one that only the container's user may enter" {
	bundle '.process.cwd = "/home/user" | .process.user = {uid: 1000, gid: 1000}'
	mkdir -m 700 "$BUNDLE/rootfs/home/user"
	chown 1000:1000 "$BUNDLE/rootfs/home/user"
	in_container pwd
	[ "$status" -eq 0 ]
	[ "$output" = /home/user ]
}

@test "cwd: a relative path is refused" {
	bundle '.process.cwd = "etc"'
	in_container true
	refused process.cwd etc
}

@test "cwd: one that is missing in a read-only root is made, and the root is read-only" {
	bundle '.root.readonly = true | .process.cwd = "/not/there"'
	in_container sh -c 'pwd; touch x 2>/dev/null && echo writable'
	[ "$output" = /not/there ]
	[ -d "$BUNDLE/rootfs/not/there" ]
}

# bats test_tags=root
@test "cwd: one that is missing in a read-only root, for another user" {
	bundle '.root.readonly = true | .process.cwd = "/link/there" | .process.user = {uid: 1000, gid: 1000}'
	ln -s /new "$BUNDLE/rootfs/link"
	in_container pwd
	[ "$output" = /new/there ]
}

@test "cwd: one that is missing in a read-only mount is made" {
	bundle '.process.cwd = "/run/app" | .mounts += [{destination: "/run", type: "tmpfs", source: "t", options: ["ro",
		"mode=755"]}]'
	in_container sh -c 'pwd; touch x 2>/dev/null && echo writable'
	[ "$output" = /run/app ]
}

@test "cwd: a file is refused" {
	bundle '.process.cwd = "/etc/passwd"'
	in_container true
	refused process.cwd /etc/passwd "not a directory"
}
