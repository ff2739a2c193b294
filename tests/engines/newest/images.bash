# shellcheck shell=bash
# Images of busybox for the tests of engines that ask registries for theirs: a registry on loopback, served by crane,
# has them. Sourced; what it writes is in the working directory.

# registry starts the registry localhost:5000; $! is its process. With REGISTRY=0.0.0.0 it has all
# addresses of the machine.
registry() {
	crane registry serve --address "${REGISTRY:-127.0.0.1}:5000" --disk "$PWD" >registry.log 2>&1 &
	until crane catalog localhost:5000 >/dev/null 2>&1; do sleep 0.1; done
}

# tree makes a root file system of busybox, with the users, groups and files that the tests know of theirs. Programs are
# hard links, as in the common image of busybox: a test masks one of them.
tree() {
	local applet
	rm -rf tree
	mkdir -p tree/{bin,dev,etc,home,proc,root,run,sys,tmp,usr,var}
	ln -s ../bin tree/usr/bin
	ln -s bin tree/sbin
	cp "$(command -v busybox)" tree/bin/busybox
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln tree/bin/busybox "tree/bin/$applet"
	done
	rm tree/bin/passwd
	install -m 4755 tree/bin/busybox tree/bin/passwd
	rm -f tree/bin/bash
	# shellcheck disable=SC2016 # for the shell of the image
	printf '#!/bin/sh\nexec sh "$@"\n' >tree/bin/bash
	chmod 755 tree/bin/bash
	printf '%s\n' root:x:0:0::/root:/bin/sh daemon:x:1:1::/:/bin/sh bin:x:2:2::/:/bin/sh sys:x:3:3::/:/bin/sh \
		mail:x:8:8::/:/bin/sh www-data:x:33:33::/:/bin/sh operator:x:37:37::/:/bin/sh \
		nobody:x:65534:65534::/:/bin/sh >tree/etc/passwd
	printf '%s\n' root:x:0: daemon:x:1: bin:x:2: sys:x:3: adm:x:4: tty:x:5: disk:x:6: mail:x:8: wheel:x:10:root \
		www-data:x:33: operator:x:37: users:x:100: nogroup:x:65534: >tree/etc/group
}

# image CONFIG NAME... makes an image of the tree, and puts it into the registry under each of the names. No other call
# makes the same image: one that has other names is not what some tests expect.
image() {
	local config=$1 name
	tar -C tree --numeric-owner -cf layer.tar .
	jq -n --argjson config "$config" --arg author "$2" \
		--arg layer "sha256:$(sha256sum layer.tar | cut -d ' ' -f 1)" \
		'{author: $author, architecture: "amd64", os: "linux", config: $config,
			rootfs: {type: "layers", diff_ids: [$layer]}}' \
		>config.json
	for name in "${@:2}"; do
		jq -n --arg name "localhost:5000/$name" '[{Config: "config.json", RepoTags: [$name],
			Layers: ["layer.tar"]}]' >manifest.json
		tar -cf image.tar manifest.json config.json layer.tar
		crane push --insecure image.tar "localhost:5000/$name" >/dev/null 2>push.log || {
			cat push.log
			return 1
		}
	done
}
