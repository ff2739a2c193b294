#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#process: args; execvp(3)

load setup

@test "args: each argument arrives as it is" {
	bundle
	in_container sh -c 'for a; do echo "[$a]"; done' sh "with space" '$HOME *' '' 'last "one"' $'two\nlines'
	[ "$output" = '[with space]
[$HOME *]
[]
[last "one"]
[two
lines]' ]
}

@test "args: the program is looked up in the container's PATH" {
	bundle '.process.env = ["PATH=/nowhere:/opt/tools:/bin"]'
	mkdir -p "$BUNDLE/rootfs/opt/tools"
	printf '#!/bin/sh\necho mine\n' >"$BUNDLE/rootfs/opt/tools/tool"
	chmod +x "$BUNDLE/rootfs/opt/tools/tool"
	in_container tool
	[ "$status" -eq 0 ]
	[ "$output" = mine ]
}

@test "args: the first program in PATH that can be executed" {
	bundle '.process.env = ["PATH=/first:/second:/bin"]'
	mkdir -p "$BUNDLE/rootfs/first" "$BUNDLE/rootfs/second/tool"
	echo not for executing >"$BUNDLE/rootfs/first/tool"
	ln -s /bin/busybox "$BUNDLE/rootfs/second/echo"
	in_container echo found
	[ "$status" -eq 0 ]
	[ "$output" = found ]
	# A file without the x bit and a folder are passed over.
	mkdir "$BUNDLE/rootfs/third"
	printf '#!/bin/sh\necho third\n' >"$BUNDLE/rootfs/third/tool"
	chmod +x "$BUNDLE/rootfs/third/tool"
	config '.process.env = ["PATH=/first:/second:/third:/bin"]'
	in_container tool
	[ "$status" -eq 0 ]
	[ "$output" = third ]
}

@test "args: PATH is followed as the container sees it, through its own symlinks and mounts" {
	bundle '.process.env = ["PATH=/link"] | .mounts += [{
		destination: "/tools", type: "bind", source: (env.BUNDLE + "/rootfs/bin"), options: ["bind", "ro"]}]'
	ln -s /tools "$BUNDLE/rootfs/link"
	in_container echo found
	[ "$status" -eq 0 ]
	[ "$output" = found ]
}

@test "args: an absolute path, and a path relative to cwd" {
	bundle '.process.cwd = "/bin"'
	in_container /bin/echo absolute
	[ "$output" = absolute ]
	in_container ./echo relative
	[ "$output" = relative ]
	in_container ../bin/echo up
	[ "$output" = up ]
}

@test "args: argument 0 is kept" {
	bundle
	in_container sh -c 'tr "\0" " " </proc/1/cmdline; :'
	[[ $output == "sh -c "* ]]
}

@test "args: not found in PATH" {
	bundle
	in_container no-such-program
	refused process.args[0] no-such-program "executable file not found in \$PATH"
}

@test "args: a path that does not exist" {
	bundle
	in_container /no/such/program
	refused process.args[0] /no/such/program "no such file or directory"
}

@test "args: not executable" {
	bundle
	in_container /etc/passwd
	refused process.args[0] /etc/passwd "permission denied"
}

@test "args: a directory" {
	bundle
	in_container /etc
	[ "$status" -eq 1 ]
	refused process.args[0] /etc
}

@test "args: a script whose interpreter is missing" {
	bundle
	printf '#!/no/such/interpreter\n' >"$BUNDLE/rootfs/bin/script"
	chmod +x "$BUNDLE/rootfs/bin/script"
	in_container script
	refused process.args[0] "no such file or directory"
}

@test "args: a file that no kernel can execute" {
	bundle
	echo "just text" >"$BUNDLE/rootfs/bin/text"
	chmod +x "$BUNDLE/rootfs/bin/text"
	in_container text
	refused process.args[0] "exec format error"
}

@test "args: none is refused" {
	bundle '.process.args = []'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process.args
	config 'del(.process.args)'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process.args
}

@test "args: an empty program name is refused" {
	bundle '.process.args = [""]'
	run rt run --bundle "$BUNDLE" "$ID"
	refused process.args[0]
}

# bats test_tags=root
@test "args: a program that only root may execute, for another user" {
	bundle '.process.user = {uid: 1000, gid: 1000}'
	cp "$BUNDLE/rootfs/bin/busybox" "$BUNDLE/rootfs/bin/secret"
	chmod 700 "$BUNDLE/rootfs/bin/secret"
	in_container /bin/secret
	refused process.args[0] "permission denied"
}

@test "args: the search in PATH continues behind a loop of links" {
	bundle '.process.env = ["PATH=/loop:/bin"]'
	mkdir "$BUNDLE/rootfs/loop"
	ln -s echo "$BUNDLE/rootfs/loop/echo"
	process echo found
	run rt run --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ "$output" = found ]
}
