#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#linux-mount-options: tmpcopyup, "copy up the contents to a tmpfs".

load setup

# image makes a bundle whose image has a few things in /data, and a tmpfs that covers them. OPTION... go to the tmpfs.
image() {
	OPTIONS=$* bundle '.root.readonly = false | .mounts += [{
		destination: "/data", type: "tmpfs", source: "tmpfs", options: (["tmpcopyup"] + (env.OPTIONS / " " - [""]))}]'
	DATA=$BUNDLE/rootfs/data
	mkdir -p "$DATA/sub/deep"
	echo from the image >"$DATA/file"
	echo deep >"$DATA/sub/deep/file"
	ln -s ../etc/passwd "$DATA/link"
	ln "$DATA/file" "$DATA/sub/again"
	chmod 640 "$DATA/file"
	chmod 710 "$DATA/sub"
	chmod 1775 "$DATA"
}

@test "tmpcopyup: the tmpfs has the files of the image, with their modes" {
	image
	in_container sh -c 'cd /data; grep -q " /data tmpfs " /proc/mounts && cat file sub/deep/file &&
		stat -c "%a %F %n" . file sub link; readlink link'
	[ "$status" -eq 0 ]
	[ "$output" = "from the image
deep
1775 directory .
640 regular file file
710 directory sub
777 symbolic link link
../etc/passwd" ]
}

@test "tmpcopyup: what the container writes stays out of the image" {
	image
	in_container sh -c 'echo new >/data/new; echo changed >/data/file; rm /data/link; cat /data/new /data/file'
	[ "$output" = $'new\nchanged' ]
	[ ! -e "$DATA/new" ]
	[ "$(cat "$DATA/file")" = "from the image" ]
	[ -L "$DATA/link" ]
}

@test "tmpcopyup: names of one file stay names of one file" {
	only_rt "the copy keeps hard links"
	image
	in_container sh -c 'stat -c %h /data/file; echo more >>/data/file; cat /data/sub/again'
	[ "$output" = $'2\nfrom the image\nmore' ]
}

@test "tmpcopyup: set-id bits are kept" {
	known_bad runc "drops them"
	image
	chmod 2710 "$DATA/sub"
	chmod 4750 "$DATA/file"
	in_container stat -c %a /data/sub /data/file
	[ "$output" = $'2710\n4750' ]
}

@test "tmpcopyup: fifos and sockets are copied as such" {
	known_bad runc "refuses an image with a fifo there"
	image
	mkfifo -m 622 "$DATA/fifo"
	in_container stat -c '%a %F' /data/fifo
	[ "$output" = "622 fifo" ]
}

# bats test_tags=root
@test "tmpcopyup: owners are kept, but the topmost directory is root's" {
	image
	chown 5:6 "$DATA/file"
	chown 7:8 "$DATA"
	in_container stat -c %u:%g /data /data/file /data/sub
	[ "$output" = $'0:0\n5:6\n0:0' ]
}

@test "tmpcopyup,mode: the option counts more than the image" {
	known_bad runc "gives it the mode that the image has there all the same"
	image mode=700
	in_container stat -c %a /data /data/sub
	[ "$output" = $'700\n710' ]
}

@test "tmpcopyup,ro: the copy is complete, and read-only" {
	known_bad runc "copies into a tmpfs that is read-only already"
	image ro
	in_container sh -c 'cat /data/file; echo new >/data/new'
	[ "$status" -ne 0 ]
	[[ $output == "from the image"*"Read-only file system"* ]]
}

@test "tmpcopyup: a mount point that the image lacks becomes an ordinary tmpfs" {
	image
	config '.mounts[-1].destination = "/not/there"'
	in_container sh -c 'grep -q " /not/there tmpfs " /proc/mounts && stat -c %a /not/there; ls -A /not/there'
	[ "$status" -eq 0 ]
	[ "$output" = 1777 ]
}

@test "tmpcopyup: links in the image do not leave the container" {
	image
	echo of the host >"$BATS_TEST_TMPDIR/secret"
	ln -s "$BATS_TEST_TMPDIR" "$DATA/out"
	ln -s "$BATS_TEST_TMPDIR/secret" "$DATA/out-file"
	in_container sh -c 'readlink /data/out; readlink /data/out-file; ls /data/out/ || cat /data/out-file'
	[ "$status" -ne 0 ]
	[[ $output == "$BATS_TEST_TMPDIR"$'\n'"$BATS_TEST_TMPDIR/secret"* ]]
	[[ $output != *"of the host"* ]]
}

@test "tmpcopyup: a mount point that is a link is the directory it leads to, inside" {
	only_rt "where a link leads"
	image
	mkdir "$BUNDLE/rootfs/real"
	echo real >"$BUNDLE/rootfs/real/file"
	ln -s ../../../../real "$BUNDLE/rootfs/seeming"
	config '.mounts[-1].destination = "/seeming"'
	in_container sh -c 'cat /real/file; grep -c " /real tmpfs " /proc/mounts'
	[ "$output" = $'real\n1' ]
}

@test "tmpcopyup: an image that does not fit is refused, and the file is named" {
	image size=64k
	head -c 1000000 /dev/zero | tr '\0' x >"$DATA/big"
	in_container true
	refused "mounts[" "/big" "no space left on device"
	[ "$RUNTIME" != rt ] || [[ $output == *hint*size* ]]
}

# bats test_tags=root
@test "tmpcopyup: in a user namespace owners are mapped, and secrets stay secret" {
	image
	config '.linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}] | .linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	chown 100005:100006 "$DATA/file"
	echo secret >"$DATA/secret"
	chown 0:0 "$DATA/secret"
	chmod 600 "$DATA/secret"
	# Kernels differ in whether the tmpfs can have such an owner. Where it can't, the file may not be copied.
	in_container sh -c 'stat -c %u:%g /data /data/file; cat /data/secret'
	[ "$status" -ne 0 ]
	[[ $output != *$'\nsecret'* ]]
	rm "$DATA/secret"
	rt delete --force "$ID" || true
	in_container stat -c %u:%g /data /data/file
	[ "$output" = $'0:0\n5:6' ]
}
