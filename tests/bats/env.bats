#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#process: env

load setup

@test "env: exactly the config's, in its order, nothing of the caller's" {
	bundle '.process.env = ["PATH=/bin", "B=2", "A=with = and space", "EMPTY=", "HOME=/x"]'
	export FROM_THE_HOST=1
	in_container env
	[ "$status" -eq 0 ]
	[ "$output" = "PATH=/bin
B=2
A=with = and space
EMPTY=
HOME=/x" ]
}

@test "env: HOME comes from the container's passwd" {
	bundle
	in_container sh -c 'echo $HOME'
	[ "$output" = /root ]
	sed -i 's|:/root:|:/elsewhere:|' "$BUNDLE/rootfs/etc/passwd"
	in_container sh -c 'echo $HOME'
	[ "$output" = /elsewhere ]
}

# bats test_tags=root
@test "env: HOME of another user" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	in_container sh -c 'echo $HOME'
	[ "$output" = /home/user ]
}

# bats test_tags=root
@test "env: HOME of a user that passwd does not know is /" {
	bundle '.process.user = {uid: 4242, gid: 1000}'
	in_container sh -c 'echo $HOME'
	[ "$output" = / ]
}

@test "env: HOME without any passwd is /" {
	bundle
	rm "$BUNDLE/rootfs/etc/passwd"
	in_container sh -c 'echo $HOME'
	[ "$output" = / ] || [ "$output" = /root ]
}

@test "env: HOME comes from the passwd that a mount brings" {
	mkdir "$BATS_TEST_TMPDIR/etc"
	echo 'root:x:0:0:root:/mounted:/bin/sh' >"$BATS_TEST_TMPDIR/etc/passwd"
	ETC=$BATS_TEST_TMPDIR/etc bundle '.mounts += [{destination: "/etc", type: "bind", source: env.ETC,
		options: ["rbind"]}]'
	in_container sh -c 'echo $HOME'
	[ "$output" = /mounted ]
}

@test "env: HOME comes from the passwd that a hook leaves" {
	bundle
	HOOK=$BATS_TEST_TMPDIR/hook config '.hooks.createRuntime = [{path: env.HOOK}]'
	printf '#!/bin/sh\necho root:x:0:0:root:/hooked:/bin/sh >"%s"\n' "$BUNDLE/rootfs/etc/passwd" \
		>"$BATS_TEST_TMPDIR/hook"
	chmod +x "$BATS_TEST_TMPDIR/hook"
	in_container sh -c 'echo $HOME'
	[ "$output" = /hooked ]
}

@test "env: HOME comes from a passwd of several megabytes" {
	bundle
	{
		seq -f 'user:x:%.0f:1000::/home/user:/bin/sh' 1000 60000
		printf '%0100000d\n' 0
		echo 'root:x:0:0:root:/found:/bin/sh'
	} >"$BUNDLE/rootfs/etc/passwd"
	in_container sh -c 'echo $HOME'
	[ "$output" = /found ]
}

@test "env: an empty HOME counts as none" {
	known_bad crun "it leaves it empty"
	bundle '.process.env = ["PATH=/bin", "HOME="]'
	in_container sh -c 'env | grep ^HOME='
	[ "$output" = HOME=/root ]
}

@test "env: a HOME in the config is kept" {
	bundle '.process.env += ["HOME=/mine"]'
	in_container sh -c 'echo $HOME'
	[ "$output" = /mine ]
}

@test "env: a passwd with broken lines still gives HOME" {
	known_bad runc "it takes an empty id for 0"
	bundle
	printf '%s\n' '' '# comment' 'broken' 'a:b' ':::::::' 'root:x:0:0:root:/right:/bin/sh' \
		'root:x:0:0:root:/wrong:/bin/sh' >"$BUNDLE/rootfs/etc/passwd"
	in_container sh -c 'echo $HOME'
	[ "$output" = /right ]
}

@test "env: long values and many of them" {
	bundle '.process.env = (["PATH=/bin", "LONG=" + ("x" * 100000)] + [range(500) | "VAR\(.)=\(.)"])'
	in_container sh -c 'echo ${#LONG} $VAR499'
	[ "$output" = "100000 499" ]
}

@test "env: an entry without = is refused" {
	only_rt "the field's form is NAME=VALUE"
	bundle '.process.env += ["NOVALUE"]'
	in_container true
	refused process.env NOVALUE
}
