#!/usr/bin/env bats
# What runc(8) promises of checkpoint and restore, and docs/checkpoint.md. CRIU does the work: without one that works
# with this kernel there is nothing to test. CRIU_PATH is a directory with a criu that is not in PATH.

load setup

needs() {
	PATH=${CRIU_PATH:+$CRIU_PATH:}$PATH:/usr/sbin
	command -v criu >/dev/null || skip "criu is not installed"
	# CRIU locks the network of a container with it, whatever happens there.
	command -v iptables-restore >/dev/null || skip "iptables, which criu wants, is not installed"
	criu check >/dev/null 2>&1 || skip "criu does not work with this kernel: $(criu check 2>&1 | tail -n 1)"
	IMAGES=$BATS_TEST_TMPDIR/images
	WORK=$BATS_TEST_TMPDIR/work
	export RT_SECONDS=${RT_SECONDS:-120}
}

# count is a program that counts, in /tmp/count, every 20th of a second: what it does after a restore tells whether it
# is the one that was saved.
count='i=0; while :; do i=$((i + 1)); echo $i >/tmp/next; mv /tmp/next /tmp/count; sleep 0.05; done'

# sleep_on is a program that sleeps whatever happens. CRIU restores a process that slept with EINTR, and at that the
# sleep of busybox 1.37 ends.
sleep_on='while :; do sleep 1000; done'

# counting [JQ FILTER] makes a bundle whose program counts, and starts it.
counting() {
	bundle ".root.readonly = false | ${1:-.}"
	running sh -c "$count"
	eventually counted 3
}

now() {
	cat "$BUNDLE/rootfs/tmp/count"
}

# counted N: the program has come to N.
counted() {
	[ "$(now)" -ge "$1" ] 2>/dev/null
}

# save [OPTIONS] and bring_back [OPTIONS [ID]]: their output is also the container's and CRIU's, so they use
# run_detached.
save() {
	run_detached rt checkpoint --image-path "$IMAGES" --work-path "$WORK" "$@" "$ID"
	[ "$status" -eq 0 ] || complain dump
}

bring_back() {
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach "$@" "$ID"
	[ "$status" -eq 0 ] || complain restore
}

complain() {
	echo "$output"
	grep -n Error "$WORK/$1.log" | head
	return 1
}

# gone: there is no container, and no process that counts. $before is how far it came.
gone() {
	[ -z "$(containers)" ]
	[ -z "$(cgroups)" ]
	[ -z "$(processes)" ]
	before=$(now)
}

@test "checkpoint ends the container, and restore continues where it was" {
	counting
	save
	[ "$output" = "" ]
	gone
	[ -s "$WORK/dump.log" ]
	bring_back --pid-file "$BATS_TEST_TMPDIR/pid"
	[ "$output" = "" ]
	status_is running
	[ "$(cat "$BATS_TEST_TMPDIR/pid")" = "$(state pid)" ]
	[ "$(state bundle)" = "$BUNDLE" ]
	eventually counted $((before + 3))
	run rt exec "$ID" cat /tmp/count
	[ "$output" -gt "$before" ]
	[ "$output" -lt $((before + 400)) ]
	# It is a container like any other: paused, resumed, killed, deleted.
	rt pause "$ID"
	status_is paused
	rt resume "$ID"
	rt kill "$ID" KILL
	eventually status_is stopped
	rt delete "$ID"
}

@test "checkpoint --leave-running: the container continues, and its images are another one" {
	counting
	save --leave-running
	status_is running
	before=$(now)
	eventually counted $((before + 3))
	rt delete --force "$ID"
	bring_back
	eventually counted $(($(now) + 3))
}

@test "restore in the foreground: the exit status, and nothing is left" {
	bundle '.root.readonly = false'
	running sh -c 'touch /tmp/ready; while [ ! -e /tmp/end ]; do sleep 0.05; done; echo goodbye; exit 7'
	eventually test -e "$BUNDLE/rootfs/tmp/ready"
	save
	touch "$BUNDLE/rootfs/tmp/end"
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" "$ID"
	[ "$status" -eq 7 ] || complain restore
	[[ $output == *goodbye ]]
	[ -z "$(containers)" ]
	# Where it was killed, too.
	rm "$BUNDLE/rootfs/tmp/end"
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID" # into a pipe, where nobody can seek
	[ "$status" -eq 1 ]
	[ "$RUNTIME" != rt ] || clear_error "standard output"
	rt restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID" </dev/null >"$BATS_TEST_TMPDIR/second" 2>&1 3>&- &
	waiter=$!
	eventually status_is running
	rt kill "$ID" KILL
	status=0
	wait $waiter || status=$?
	[ "$status" -eq 137 ]
	[ -z "$(containers)" ]
}

@test "restore: pipes of the container become those of the caller" {
	bundle '.root.readonly = false'
	process sh -c 'touch /tmp/ready; cat; echo the end >&2'
	mkfifo "$BATS_TEST_TMPDIR/in"
	exec 7<>"$BATS_TEST_TMPDIR/in"
	# The reader has no descriptor for writing: it ends with descriptor 7, or bats would wait for it.
	rt run --detach --bundle "$BUNDLE" "$ID" < <(exec cat "$BATS_TEST_TMPDIR/in" 3>&- 7<&-) \
		> >(exec cat >"$BATS_TEST_TMPDIR/out" 3>&- 7<&-) 2>&1 3>&-
	eventually test -e "$BUNDLE/rootfs/tmp/ready"
	echo one >&7
	eventually grep -q one "$BATS_TEST_TMPDIR/out"
	save
	[[ $(jq -r '.[0]' "$IMAGES/descriptors.json") == pipe:* ]]
	# Both output streams were one pipe, so they are one again.
	echo two | rt restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID" 3>&- 2>/dev/null |
		cat >"$BATS_TEST_TMPDIR/out2"
	[ "$(cat "$BATS_TEST_TMPDIR/out2")" = $'two\nthe end' ]
	exec 7<&-
}

@test "restore: a terminal is sent to the console socket" {
	bundle '.process.terminal = true'
	mkfifo "$BATS_TEST_TMPDIR/tty.in"
	SOCKET=$BATS_TEST_TMPDIR/tty.sock
	background "$RECVTTY" "$SOCKET" <>"$BATS_TEST_TMPDIR/tty.in" >"$BATS_TEST_TMPDIR/tty.out" 2>/dev/null
	eventually test -S "$SOCKET"
	process sh -c 'while read -r line; do echo "heard $line"; done'
	rt run --detach --bundle "$BUNDLE" --console-socket "$SOCKET" "$ID" </dev/null 3>&-
	echo one >"$BATS_TEST_TMPDIR/tty.in"
	eventually grep -q "heard one" "$BATS_TEST_TMPDIR/tty.out"
	save
	rm -f "$SOCKET"
	background "$RECVTTY" "$SOCKET" <>"$BATS_TEST_TMPDIR/tty.in" >"$BATS_TEST_TMPDIR/tty.out2" 2>/dev/null
	eventually test -S "$SOCKET"
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID"
	[ "$status" -eq 1 ] # without a socket nobody would hold it
	[[ $output == *console-socket* ]]
	bring_back --console-socket "$SOCKET"
	echo two >"$BATS_TEST_TMPDIR/tty.in"
	eventually grep -q "heard two" "$BATS_TEST_TMPDIR/tty.out2"
}

@test "checkpoint --pre-dump, --parent-path: the last one saves what has changed" {
	counting
	criu check --feature mem_dirty_track >/dev/null 2>&1 || skip "this kernel does not track memory"
	run_detached rt checkpoint --image-path "$BATS_TEST_TMPDIR/1" --work-path "$WORK" --pre-dump "$ID"
	[ "$status" -eq 0 ] || complain dump
	status_is running
	run_detached rt checkpoint --image-path "$BATS_TEST_TMPDIR/2" --work-path "$WORK" --pre-dump --parent-path ../1 \
		"$ID"
	[ "$status" -eq 0 ] || complain dump
	save --parent-path ../2
	gone
	[ -L "$IMAGES/parent" ]
	bring_back
	eventually counted $((before + 3))
}

@test "checkpoint: what is refused leaves the container as it was" {
	counting
	for bad in "--parent-path /tmp" "--parent-path ../nowhere" "--page-server nowhere" "--page-server 1.2.3.4:0" \
		"--manage-cgroups-mode hard" \
		"--empty-ns pid" "--lazy-pages" "--status-fd 77"; do
		# shellcheck disable=SC2086 # a list of words
		run rt checkpoint --image-path "$IMAGES" $bad "$ID"
		[ "$status" -eq 1 ]
		[ "$RUNTIME" != rt ] || clear_error "${bad%% *}"
	done
	run rt checkpoint --image-path "$BATS_TEST_TMPDIR/no/images" "$ID"
	[ "$status" -eq 1 ]
	status_is running
	eventually counted $(($(now) + 3))
}

@test "checkpoint: an error has CRIU's own message, and the container continues" {
	bundle '.root.readonly = false'
	# A file that is open, and has lost the name it was opened by but not all: that takes --link-remap.
	running sh -c "exec 9>/tmp/one; ln /tmp/one /tmp/two; rm /tmp/one; $count"
	eventually counted 3
	run rt checkpoint --image-path "$IMAGES" --work-path "$WORK" "$ID"
	[ "$status" -eq 1 ]
	[ "$RUNTIME" != rt ] || clear_error link-remap "$WORK/dump.log"
	status_is running
	eventually counted $(($(now) + 3))
	# Without a directory of its own the log goes with the container, so the message has to do.
	run rt checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 1 ]
	[ "$RUNTIME" != rt ] || clear_error link-remap --work-path
	save --link-remap
	before=$(now)
	bring_back --link-remap
	eventually counted $((before + 3))
}

@test "checkpoint --file-locks" {
	bundle '.root.readonly = false'
	[ -e "$BUNDLE/rootfs/bin/flock" ] || skip "this busybox has no flock"
	running flock /tmp/lock sh -c "$count"
	eventually counted 3
	save --file-locks
	before=$(now)
	bring_back --file-locks
	eventually counted $((before + 3))
	run rt exec "$ID" flock -n /tmp/lock true
	[ "$status" -eq 1 ]
}

@test "checkpoint: a container that does not run" {
	bundle
	created sleep 100
	run rt checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"created"* ]]
	rt kill "$ID" KILL
	eventually status_is stopped
	run rt checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 1 ]
	[ ! -e "$IMAGES" ]
	run rt checkpoint --image-path "$IMAGES" nobody
	[ "$status" -eq 1 ]
	[[ $output == *"does not exist"* ]]
}

@test "checkpoint: a paused container" {
	counting
	rt pause "$ID"
	before=$(now)
	save
	[ -z "$(containers)" ]
	bring_back
	rt resume "$ID" 2>/dev/null || true
	eventually counted $((before + 3))
}

@test "restore: refused without images, and nothing is made" {
	bundle
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID"
	refused --image-path
	mkdir "$IMAGES"
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID"
	refused --image-path
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --lsm-profile nothing "$ID"
	refused --lsm-profile
	touch "$IMAGES/inventory.img"
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES" "$ID"
	refused
}

@test "restore: a container of that id" {
	counting
	save --leave-running
	run rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID"
	[ "$status" -eq 1 ]
	[[ $output == *"already exists"* ]]
	status_is running
}

@test "restore: rights, limits, masked and read-only paths are as they were" {
	bundle '.root.readonly = true | .process.noNewPrivileges = true | .process.user = {uid: 1000, gid: 1000,
		additionalGids: [5]} | .hostname = "saved"
		| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 100}] | .process.oomScoreAdj = 100
		| .linux.maskedPaths = ["/proc/kcore", "/proc/acpi", "/sys/firmware"] | .linux.readonlyPaths = ["/proc/sys"]
		| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["chroot"], action: "SCMP_ACT_ERRNO",
		errnoRet: 77}]}'
	# CRIU asks for limits of processes of other users, which takes CAP_SYS_RESOURCE.
	capsh --has-p=cap_sys_resource 2>/dev/null || config '.process.user = {uid: 0, gid: 0, additionalGids: [5]}'
	running sh -c "$sleep_on"
	look() {
		rt exec "$ID" sh -c 'grep -E "^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp):" /proc/1/status;
			cat /proc/1/limits /proc/1/oom_score_adj; hostname
			cut -d" " -f4-6 /proc/1/mountinfo | grep -v cgroup | sed "s/relatime//" | sort; readlink /proc/1/cwd;
			readlink /proc/1/exe; tr "\0" "\n" </proc/1/environ'
	}
	look >"$BATS_TEST_TMPDIR/before"
	grep -q '^Seccomp:.*2' "$BATS_TEST_TMPDIR/before"
	save
	bring_back
	look >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	run rt exec "$ID" sh -c 'echo x >/file'
	[ "$status" -ne 0 ]
}

@test "restore: images with more rights than the config gives are refused, and nothing of them runs" {
	only_rt "the rights of the images"
	counting '.process.noNewPrivileges = false | del(.linux.seccomp) |
		.process.capabilities.bounding += ["CAP_NET_ADMIN"]'
	cp "$BUNDLE/config.json" "$BATS_TEST_TMPDIR/saved.json"
	save
	before=$(now)
	local edit field filter='{"defaultAction": "SCMP_ACT_ALLOW", "syscalls":
		[{"names": ["chroot"], "action": "SCMP_ACT_ERRNO"}]}'
	while read -r field edit; do
		jq --argjson filter "$filter" "$edit" "$BATS_TEST_TMPDIR/saved.json" >"$BUNDLE/config.json"
		run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach "$ID"
		echo "$field: $status $output"
		[ "$status" -eq 1 ]
		[[ $output == *"$field"* ]]
		[ -z "$(containers)" ]
		[ -z "$(cgroups)" ]
		[ -z "$(processes)" ]
		[ "$(now)" = "$before" ]
	done <<-'END'
		process.capabilities .process.capabilities.bounding -= ["CAP_NET_ADMIN"]
		process.noNewPrivileges .process.noNewPrivileges = true
		linux.seccomp .linux.seccomp = $filter
	END
	# Fewer rights than the config gives are what a program may have given up.
	jq '.process.capabilities.bounding += ["CAP_SYS_ADMIN"]' "$BATS_TEST_TMPDIR/saved.json" >"$BUNDLE/config.json"
	bring_back
	eventually counted $((before + 3))
}

@test "restore: a link that the container has made after the checkpoint leads no mount to the host" {
	only_rt "the mounts of the images"
	mkdir -p "$BATS_TEST_TMPDIR/victim/a"
	echo secret >"$BATS_TEST_TMPDIR/victim/a/file"
	bundle '.root.readonly = false | .linux.namespaces += [{type: "user"}] |
		.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	touch "$BATS_TEST_TMPDIR/output"
	chmod 666 "$BATS_TEST_TMPDIR/output"
	# As root of its user namespace it may bind what it owns.
	running sh -c "mkdir -p /tmp/p/a /tmp/b; mount -o bind /tmp/p/a /tmp/b; $count"
	eventually counted 3
	save --leave-running
	rt exec "$ID" sh -c "mv /tmp/p /tmp/q; ln -s '$BATS_TEST_TMPDIR/victim' /tmp/p"
	rt delete --force "$ID"
	before=$(now)
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach "$ID"
	refused /tmp/b
	[[ $output == *victim/a* ]]
	[ "$(now)" = "$before" ] # nothing of it ran
	# Without the link the mount is the container's own business.
	rm "$BUNDLE/rootfs/tmp/p"
	mv "$BUNDLE/rootfs/tmp/q" "$BUNDLE/rootfs/tmp/p"
	bring_back
	eventually counted $((before + 3))
}

@test "restore: a bind mount has the restrictions of the config, or is refused" {
	only_rt "the mounts of the images"
	mkdir -p "$BATS_TEST_TMPDIR/data"
	counting ".mounts += [{destination: \"/data\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/data\",
		options: [\"rbind\", \"nosuid\"]}]"
	save
	config '.mounts[-1].options = ["rbind", "ro"]'
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach "$ID"
	refused 'mounts[' .options
	[[ $output == *"not ro"* ]]
	config '.mounts[-1].options = ["rbind"]'
	bring_back
}

@test "restore: a warning names paths that the config masks and the images do not" {
	only_rt "the mounts of the images"
	counting '.linux.maskedPaths = ["/proc/keys"] | .linux.readonlyPaths = ["/proc/irq"]'
	save
	bring_back
	[ "$output" = "" ]
	run_detached rt checkpoint --image-path "$BATS_TEST_TMPDIR/second" "$ID"
	config '.linux.maskedPaths += ["/proc/timer_list", "/sys/firmware", "/proc/none"] |
		.linux.readonlyPaths += ["/proc/sys"]'
	run_detached rt restore --bundle "$BUNDLE" --image-path "$BATS_TEST_TMPDIR/second" --detach "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *"maskedPaths: "*"/proc/timer_list"* && $output == *"/sys/firmware"* &&
		$output == *"readonlyPaths: "*"/proc/sys"* ]]
	[[ $output != *"/proc/keys"* && $output != *"/proc/irq"* && $output != *"/proc/none"* ]]
}

@test "restore: from truncated images nothing is left, and the error is not that of a limit" {
	counting
	save
	local file
	for file in "$IMAGES"/pages-*.img "$IMAGES"/core-*.img; do
		cp "$file" "$BATS_TEST_TMPDIR/whole"
		truncate --size=$(($(stat -c %s "$file") / 2)) "$file"
		# CRIU may wait for the memory for good: then it is a signal that ends both.
		run_detached timeout 20 "$RT" --root "$ROOT" restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path \
			"$WORK" --detach "$ID"
		echo "${file##*/}: $output"
		cp "$BATS_TEST_TMPDIR/whole" "$file"
		[ "$status" -ne 0 ]
		[[ $output == *"could not be restored"* && $output != *rlimit* ]]
		[ -z "$(containers)" ]
		[ -z "$(cgroups)" ]
	done
	bring_back
}

@test "restore: bind mounts come from the bundle, files of a tmpfs from the images" {
	mkdir -p "$BATS_TEST_TMPDIR/data/sub" "$BATS_TEST_TMPDIR/other"
	echo before >"$BATS_TEST_TMPDIR/data/file"
	echo one >"$BATS_TEST_TMPDIR/one"
	counting ".mounts += [
		{destination: \"/data\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/data\", options: [\"rbind\", \"ro\"]},
		{destination: \"/mnt/deep/one\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/one\", options: [\"bind\"]},
		{destination: \"/scratch\", type: \"tmpfs\", source: \"tmpfs\", options: [\"size=1m\"]},
		{destination: \"/scratch/data\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/data\", options: [\"bind\"]}]"
	rt exec "$ID" sh -c 'echo kept >/scratch/file; echo shm >/dev/shm/file'
	save
	# An engine may unpack the root file system again, without the mount points that rt has made.
	rm -r "$BUNDLE/rootfs/data" "$BUNDLE/rootfs/mnt" "$BUNDLE/rootfs/scratch"
	echo after >"$BATS_TEST_TMPDIR/data/file"
	bring_back
	run rt exec "$ID" sh -c 'cat /data/file /mnt/deep/one /scratch/file /dev/shm/file /scratch/data/file;
		touch /data/no 2>&1'
	[[ $output == after$'\n'one$'\n'kept$'\n'shm$'\n'after$'\n'*"Read-only"* ]]
}

@test "restore: no link of the root file system leads a mount point out of it" {
	mkdir "$BATS_TEST_TMPDIR/data" "$BATS_TEST_TMPDIR/outside"
	counting ".mounts += [{destination: \"/srv/data\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/data\",
		options: [\"bind\"]}]"
	save
	rm -r "$BUNDLE/rootfs/srv"
	ln -s "$BATS_TEST_TMPDIR/outside" "$BUNDLE/rootfs/srv"
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach "$ID"
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/outside")" ]
	rt delete --force "$ID"
}

@test "restore: with a user namespace" {
	bundle '.root.readonly = false | .linux.namespaces += [{type: "user"}]
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	# A stream that is a file is opened again, by the container's root.
	touch "$BATS_TEST_TMPDIR/output"
	chmod 666 "$BATS_TEST_TMPDIR/output"
	running sh -c "$count"
	eventually counted 3
	save
	before=$(now)
	bring_back
	eventually counted $((before + 3))
	[ "$(stat -c %u "/proc/$(state pid)")" = 100000 ]
	run rt exec "$ID" cat /proc/1/uid_map
	[[ $output == *100000*65536* ]]
}

@test "restore: namespaces that the config names by path are joined" {
	bundle
	unshare --net --ipc --uts sleep 1000 3>&- &
	JOBS_TO_END+=("$!")
	P=$! config '.root.readonly = false | .hostname = "" | .linux.namespaces = [.linux.namespaces[] |
		({network: "net", ipc: "ipc", uts: "uts"}[.type]) as $link |
		if $link then .path = "/proc/\(env.P)/ns/\($link)" else . end]'
	eventually test "$(readlink "/proc/$!/ns/net")" != "$(readlink /proc/self/ns/net)"
	running sh -c "$count"
	eventually counted 3
	save
	bring_back
	for kind in net ipc uts; do
		[ "$(readlink "/proc/$(state pid)/ns/$kind")" = "$(readlink "/proc/${JOBS_TO_END[-1]}/ns/$kind")" ]
	done
}

@test "restore: another cgroup, and its limits" {
	needs_controller pids
	counting '.linux.resources.pids.limit = 20'
	save
	bring_back
	[ "$(cat "$(cgroup_dir pids "$(state pid)")/pids.max")" = 20 ]
	[[ $(cgroup_dir pids "$(state pid)") == *"$ID"* ]]
	rt delete --force "$ID"
	needs_cgroupfs 'an absolute path'
	config ".linux.cgroupsPath = \"/other-$ID\" | .linux.resources.pids.limit = 30"
	bring_back
	[ "$(cat "$(cgroup_dir pids "$(state pid)")/pids.max")" = 30 ]
	[[ $(cgroup_dir pids "$(state pid)") == */other-"$ID" ]]
	before=$(now)
	eventually counted $((before + 3))
}

@test "restore: two of the same images" {
	counting
	save
	bring_back
	ONE=$ID
	# The pids of the first are its pid namespace's own, and so are the second's.
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach "$ID-2"
	[ "$status" -eq 0 ] || complain restore
	status_is running "$ONE"
	status_is running "$ID-2"
	rt delete --force "$ID-2"
}

@test "restore: hooks of the host are run, and poststop at the end" {
	hook='.path = "/bin/sh" | .args = ["sh", "-c", "jq -r .status >>'"$BATS_TEST_TMPDIR"'/\(.name)"] | del(.name)'
	counting ".hooks = ([\"prestart\", \"createRuntime\", \"createContainer\", \"poststart\", \"poststop\"] |
		map({(.): [{name: .} | $hook | .env = [\"PATH=/usr/bin:/bin\"]]}) | add | del(.createContainer))"
	save
	[ "$(cat "$BATS_TEST_TMPDIR/poststop")" = stopped ]
	rm "$BATS_TEST_TMPDIR"/{prestart,createRuntime,poststart,poststop}
	bring_back
	[ "$(cat "$BATS_TEST_TMPDIR/prestart")" = creating ]
	[ "$(cat "$BATS_TEST_TMPDIR/createRuntime")" = creating ]
	[ ! -e "$BATS_TEST_TMPDIR/poststart" ]
	rt delete --force "$ID"
	[ "$(cat "$BATS_TEST_TMPDIR/poststop")" = stopped ]
	# One that fails takes all of it back.
	config '.hooks.createRuntime = [{path: "/bin/false"}]'
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --detach "$ID"
	refused createRuntime
}

@test "checkpoint --tcp-established: a listener, and a connection to it, continue" {
	bundle '.root.readonly = false'
	running sh -c "mkfifo /tmp/fifo; { $sleep_on; } >/tmp/fifo & nc -l -p 99 </tmp/fifo >/tmp/heard &
		until while echo again; do sleep 0.05; done | nc 127.0.0.1 99; do :; done" # the first nc may not listen yet
	eventually grep -q again "$BUNDLE/rootfs/tmp/heard"
	run rt checkpoint --image-path "$IMAGES" --work-path "$WORK" "$ID"
	if [ "$status" -eq 0 ]; then skip "this criu does not mind connections"; fi
	[[ $output == *tcp-established* || $output == *onnected* ]] || complain dump
	status_is running
	run_detached rt checkpoint --image-path "$IMAGES" --work-path "$WORK" --tcp-established "$ID"
	[ "$status" -eq 0 ] || ! grep -qE "iptables|nft|TCP_REPAIR|Can't get .* opt" "$WORK/dump.log" ||
		skip "criu can't lock connections here"
	[ "$status" -eq 0 ] || complain dump
	size=$(stat -c %s "$BUNDLE/rootfs/tmp/heard")
	bring_back --tcp-established
	eventually sh -c "[ \$(stat -c %s '$BUNDLE/rootfs/tmp/heard') -gt $((size + 20)) ]"
}

@test "checkpoint --lazy-pages: memory is fetched when it is used" {
	# There CRIU 4.1 and 4.2 lose a descriptor while they serve pages, and their restore waits for good, with runc too.
	[[ $(criu --version) != *" 4."[12]* ]] || [ "$(printf '%s\n' 6.18 "$(uname -r)" | sort -V |
		head -n 1)" != 6.18 ] || skip "this criu can't serve pages on Linux 6.18"
	criu check --feature uffd-noncoop >/dev/null 2>&1 || skip "this kernel has no userfaultfd for criu"
	counting
	mkfifo "$BATS_TEST_TMPDIR/status"
	exec 8<>"$BATS_TEST_TMPDIR/status"
	rt checkpoint --image-path "$IMAGES" --work-path "$WORK" --lazy-pages --page-server 127.0.0.1:27277 --status-fd 8 \
		"$ID" </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	dump=$!
	run timeout 120 head -c 1 <&8
	[ "$status" -eq 0 ]
	mkdir "$BATS_TEST_TMPDIR/lazy"
	criu lazy-pages --page-server --address 127.0.0.1 --port 27277 -D "$IMAGES" -W "$BATS_TEST_TMPDIR/lazy" \
		>/dev/null 2>&1 3>&- 8>&- &
	eventually test -S "$BATS_TEST_TMPDIR/lazy/lazy-pages.socket"
	# The first still waits for its memory to be fetched, so the second has another name.
	config ".linux.cgroupsPath = \"/lazy-$ID\""
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$BATS_TEST_TMPDIR/lazy" \
		--lazy-pages --detach "$ID-2"
	[ "$status" -eq 0 ] || { grep Error "$BATS_TEST_TMPDIR/lazy/restore.log"; false; }
	wait $dump
	before=$(now)
	eventually counted $((before + 3))
	rt delete --force "$ID-2"
	exec 8<&-
}

@test "checkpoint: org.criu.config overrides the options" {
	echo 'log-file other.log' >"$BATS_TEST_TMPDIR/criu.conf"
	counting ".annotations[\"org.criu.config\"] = \"$BATS_TEST_TMPDIR/criu.conf\""
	save
	[ -s "$WORK/other.log" ]
	bring_back
}

@test "checkpoint: what exec has started is not saved, and rt says so" {
	counting
	rt exec --detach "$ID" sleep 1000 </dev/null >/dev/null 2>&1 3>&-
	run_detached rt checkpoint --image-path "$IMAGES" --work-path "$WORK" "$ID"
	[ "$status" -eq 0 ] || complain dump
	[ "$RUNTIME" != rt ] || [[ $output == *"1 process"*exec* ]]
	gone
	bring_back
	eventually counted $((before + 3))
}

@test "checkpoint --empty-ns network" {
	counting
	save --empty-ns network
	bring_back --empty-ns network
	before=$(now)
	eventually counted $((before + 3))
}

@test "checkpoint --manage-cgroups-mode: all of them" {
	counting
	for mode in strict ignore soft full; do
		rm -rf "$IMAGES"
		save --manage-cgroups-mode $mode
		if [ $mode = strict ]; then
			# It wants none of the cgroups to be there, and the container's own is.
			run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$WORK" --detach \
				--manage-cgroups-mode $mode "$ID"
			refused cgroup
			mode=soft
		fi
		bring_back --manage-cgroups-mode $mode
		before=$(now)
		eventually counted $((before + 3))
	done
}

@test "checkpoint: a layer over the root file system is not saved, so it is refused" {
	only_rt "layers"
	bundle
	process sleep 1000
	run_detached rt run --detach --ephemeral --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	run rt checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 1 ]
	clear_error layer
	status_is running
}
