#!/usr/bin/env bats
# config.md#linux-process, process.selinuxLabel; config-linux.md#mount-label; rt exec --process-label; selinux(8)
#
# The policy of a distribution need not let a container's domain be entered from where the tests run: they are for a
# permissive machine, where labels are set and decisions made all the same, and enforce for the moments in which
# something is to be denied.

load setup

LABEL=system_u:system_r:container_t:s0:c1,c2
FILES=system_u:object_r:container_file_t:s0:c1,c2

needs() {
	[ -e /sys/fs/selinux/enforce ] || skip "this kernel runs without SELinux"
	[ "$(cat /sys/fs/selinux/enforce)" = 0 ] || skip "SELinux is enforcing: these tests switch it on and off"
	known_label "$LABEL" || LABEL=$(id -Z | sed 's/:[^:]*_t:/:unconfined_t:/')
	known_label "$FILES" || FILES=system_u:object_r:tmp_t:s0
}

# known_label LABEL: the policy has it.
known_label() {
	printf '%s\0' "$1" >/sys/fs/selinux/context 2>/dev/null
}

@test "selinuxLabel: the program has it" {
	LABEL=$LABEL bundle '.process.selinuxLabel = env.LABEL'
	in_container cat /proc/self/attr/current
	[ "$status" -eq 0 ]
	[ "${output%$'\0'}" = "$LABEL" ]
}

@test "selinuxLabel: with a user namespace, and without noNewPrivileges" {
	LABEL=$LABEL bundle '.process.selinuxLabel = env.LABEL | .process.noNewPrivileges = false'
	in_container cat /proc/self/attr/current
	[ "${output%$'\0'}" = "$LABEL" ]
	config '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000,
		size: 65536}] | .linux.gidMappings = .linux.uidMappings'
	chown 100000:100000 "$BUNDLE/rootfs"
	in_container cat /proc/self/attr/current
	[ "${output%$'\0'}" = "$LABEL" ]
}

@test "selinuxLabel: one that the policy does not know is refused, in words that engines look for" {
	bundle '.process.selinuxLabel = "system_u:system_r:no_such_type_t:s0"'
	in_container true
	refused process.selinuxLabel no_such_type_t
	[ "$RUNTIME" != rt ] || [[ $output == *'`/proc/'*'/attr/'*'`'* ]]
	[ "$RUNTIME" != rt ] || [[ $output == *hint*policy* ]]
}

@test "selinuxLabel: the container's keyring has it too" {
	command -v perl >/dev/null || skip "there is no perl to ask for the label of a key"
	# Nobody but who possesses it may look at it, so that it is asked from inside. KEYCTL_GET_SECURITY (17) of the
	# session keyring (-3): keyctl(2).
	LABEL=$LABEL bundle '.process.selinuxLabel = env.LABEL | .mounts += [("/usr", "/lib", "/lib64") |
		{destination: ., source: ., type: "bind", options: ["rbind", "ro"]}]'
	# shellcheck disable=SC2016 # for perl
	in_container /usr/bin/perl -e '$l = "\0" x 200; $n = syscall(250, 17, -3, $l, 200); print substr($l, 0, $n - 1)'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$output" = "$LABEL" ]
}

@test "mountLabel: what rt mounts has it, the terminal too" {
	FILES=$FILES bundle '.linux.mountLabel = env.FILES | .mounts += [{destination: "/tmp", type: "tmpfs",
		source: "tmpfs"}]'
	running sleep 60
	local root
	root=/proc/$(state pid)/root
	touch "$root/tmp/x" "$root/dev/x"
	for file in /tmp /tmp/x /dev /dev/x /dev/null /dev/shm /dev/pts /dev/mqueue; do
		[ "$(stat -c %C "$root$file")" = "$FILES" ] || {
			echo "$file has $(stat -c %C "$root$file")"
			false
		}
	done
	# Not so what has labels by the policy, and the image, which the engine labels.
	[ "$(stat -c %C "$root/proc/version")" != "$FILES" ]
	[ "$(stat -c %C "$root/bin/busybox")" != "$FILES" ]
}

@test "mountLabel: a layer over the root file system has it" {
	only_rt --ephemeral
	FILES=$FILES bundle '.linux.mountLabel = env.FILES | .root.readonly = false'
	process sleep 60
	run_detached rt run --detach --ephemeral --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	touch "/proc/$(state pid)/root/new"
	[ "$(stat -c %C "/proc/$(state pid)/root/new")" = "$FILES" ]
	[ "$(stat -c %C "/proc/$(state pid)/root/bin/busybox")" = "$FILES" ]
}

@test "mountLabel: one that the policy does not know is refused" {
	bundle '.linux.mountLabel = "system_u:object_r:no_such_type_t:s0"'
	in_container true
	refused linux.mountLabel no_such_type_t
}

@test "mountLabel: its quotes survive mount(2)" {
	grep -qw overlay /proc/filesystems || modprobe overlay
	mkdir "$BATS_TEST_TMPDIR/lower"
	touch "$BATS_TEST_TMPDIR/lower/x"
	FILES=$FILES bundle '.linux.mountLabel = env.FILES | .mounts += [{destination: "/data", type: "overlay",
		source: "overlay",
		options: ["lowerdir=\(env.BATS_TEST_TMPDIR)/lower:\(env.BUNDLE)/rootfs/etc"]}]'
	running sleep 60
	[ "$(stat -c %C "/proc/$(state pid)/root/data/x")" = "$FILES" ]
}

@test "exec has the label of the config, and --process-label another" {
	LABEL=$LABEL bundle '.process.selinuxLabel = env.LABEL'
	running sleep 60
	[ "$(rt exec "$ID" cat /proc/self/attr/current | tr -d '\0')" = "$LABEL" ]
	other=${LABEL/c1,c2/c3,c4}
	[ "$(rt exec --process-label "$other" "$ID" cat /proc/self/attr/current | tr -d '\0')" = "$other" ]
	run rt exec --process-label system_u:system_r:no_such_type_t:s0 "$ID" true
	[ "$status" -eq 255 ]
	[[ $output == *no_such_type_t* ]]
}

# saving [JQ FILTER] starts a container and saves it. CRIU would lock a network of its own with iptables.
saving() {
	only_rt "the labels of the images"
	PATH=$PATH:/usr/sbin
	criu check >/dev/null 2>&1 || skip "criu does not work with this kernel: $(criu check 2>&1 | tail -n 1)"
	IMAGES=$BATS_TEST_TMPDIR/images
	bundle ".root.readonly = false | .linux.namespaces |= map(select(.type != \"network\")) | ${1:-.}"
	running sh -c 'while sleep 0.1; do cat /proc/self/attr/current >/now; done'
	run_detached rt checkpoint --image-path "$IMAGES" "$ID"
	[ "$status" -eq 0 ] || {
		echo "$output"
		grep Error "$IMAGES"/*.log
		false
	}
	rm -f "$BUNDLE/rootfs/now"
}

bring_back() {
	run_detached rt restore --bundle "$BUNDLE" --image-path "$IMAGES" --work-path "$BATS_TEST_TMPDIR/work" \
		--detach "$@" "$ID"
}

# restored LABEL: the processes of the container have it, and what they execute has it.
restored() {
	[ "$status" -eq 0 ] || {
		echo "$output"
		grep Error "$BATS_TEST_TMPDIR/work"/*.log
		return 1
	}
	status_is running
	[ "$(tr -d '\0' <"/proc/$(state pid)/attr/current")" = "$1" ]
	eventually test -s "$BUNDLE/rootfs/now"
	[ "$(tr -d '\0' <"$BUNDLE/rootfs/now")" = "$1" ]
	[ "$(rt exec "$ID" cat /proc/self/attr/current | tr -d '\0')" = "$1" ]
}

# saves_labels: this criu does. Others restore processes with the label that criu itself has.
saves_labels() {
	ldd "$(command -v criu)" | grep -q libselinux
}

@test "selinuxLabel: restored processes have the label that they had, or are refused" {
	LABEL=$LABEL saving '.process.selinuxLabel = env.LABEL'
	bring_back
	if saves_labels; then
		restored "$LABEL"
	else
		refused process.selinuxLabel "$(id -Z)"
		[[ $output == *"built without libselinux"* ]]
		[ ! -e "$BUNDLE/rootfs/now" ]
	fi
}

@test "selinuxLabel: restored processes with another label than the config's are refused" {
	LABEL=$LABEL saving '.process.selinuxLabel = env.LABEL | .process.noNewPrivileges = true'
	saves_labels || skip "this criu is built without libselinux"
	OTHER=${LABEL/c1,c2/c3,c4} config '.process.selinuxLabel = env.OTHER'
	bring_back
	refused process.selinuxLabel "$LABEL"
	[ ! -e "$BUNDLE/rootfs/now" ]
	bring_back --lsm-profile "selinux:${LABEL/c1,c2/c3,c4}"
	restored "${LABEL/c1,c2/c3,c4}"
}

@test "selinuxLabel: restored processes that had no label are refused" {
	saving
	LABEL=$LABEL config '.process.selinuxLabel = env.LABEL'
	bring_back
	refused process.selinuxLabel "$(id -Z)"
	[ ! -e "$BUNDLE/rootfs/now" ]
}

@test "mountLabel: restored file systems have the label that they had" {
	FILES=$FILES saving '.linux.mountLabel = env.FILES | .mounts += [{destination: "/tmp", type: "tmpfs",
		source: "tmpfs"}]'
	bring_back
	[ "$status" -eq 0 ] || {
		echo "$output"
		grep Error "$BATS_TEST_TMPDIR/work"/*.log
		false
	}
	local root
	root=/proc/$(state pid)/root
	touch "$root/tmp/x"
	for file in /tmp /tmp/x /dev /dev/null; do
		[ "$(stat -c %C "$root$file")" = "$FILES" ] || {
			echo "$file has $(stat -c %C "$root$file")"
			false
		}
	done
}

@test "restore --lsm-mount-context: file systems have another label than they had" {
	FILES=$FILES saving '.linux.mountLabel = env.FILES | .mounts += [{destination: "/tmp", type: "tmpfs",
		source: "tmpfs"}]'
	OTHER=${FILES/c1,c2/c3,c4} config '.linux.mountLabel = env.OTHER'
	bring_back --lsm-mount-context "${FILES/c1,c2/c3,c4}"
	[ "$status" -eq 0 ] || {
		echo "$output"
		grep Error "$BATS_TEST_TMPDIR/work"/*.log
		false
	}
	[ "$(stat -c %C "/proc/$(state pid)/root/tmp")" = "${FILES/c1,c2/c3,c4}" ]
}

@test "selinuxLabel: enforcing, the policy keeps the container from files of others" {
	LABEL=$LABEL bundle '.process.selinuxLabel = env.LABEL | .root.readonly = false | .process.noNewPrivileges = false'
	chcon -R "$FILES" "$BUNDLE/rootfs"
	echo hidden >"$BUNDLE/rootfs/secret"
	chcon system_u:object_r:shadow_t:s0 "$BUNDLE/rootfs/secret"
	# Not to the standard output: that is a file of the tests, which the policy keeps the container from as well.
	process sh -c 'while [ ! -e /go ]; do sleep 0.1; done; cat /secret >/said 2>&1; echo "status $?" >>/said'
	# shellcheck disable=SC2153 # it is setup's
	background "$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
	local said=$BUNDLE/rootfs/said
	eventually status_is running
	touch "$BUNDLE/rootfs/go.new"
	chcon "$FILES" "$BUNDLE/rootfs/go.new"
	setenforce 1
	mv "$BUNDLE/rootfs/go.new" "$BUNDLE/rootfs/go" || true
	for _ in $(seq 600); do ! grep -qs status "$said" || break; sleep 0.1; done
	setenforce 0
	cat "$said"
	grep -q "Permission denied" "$said"
	not grep -q hidden "$said"
}
