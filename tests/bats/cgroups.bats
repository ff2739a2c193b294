#!/usr/bin/env bats
# config-linux.md#cgroup-ownership, #control-groups. The values are read where the host sees them, on cgroup v1 or v2.

load setup

# limit CONTROLLER V1FILE V2FILE prints that file of the container's cgroup.
limit() {
	local dir file=$2
	[ "$(cgroup_version "$1")" = 1 ] || file=$3
	dir=$(cgroup_dir "$1" "$(state pid)")
	[ -e "$dir/$file" ] || skip "this kernel has no $file"
	cat "$dir/$file"
}

@test "cgroups: without cgroupsPath the container has one of its own, named by its id" {
	needs_cgroup "to make one"
	bundle 'del(.linux.cgroupsPath)'
	created sleep 60
	for controller in pids memory cpu; do
		[ -n "$(cgroup_version "$controller")" ] || continue
		[[ $(cgroup_dir "$controller" "$(state pid)") == *"$ID"* ]]
		[ "$(cgroup_dir "$controller" "$(state pid)")" != "$(cgroup_dir "$controller" self)" ]
	done
}

@test "cgroups: an absolute cgroupsPath is one from the mount point of the hierarchy" {
	needs_root "the root of the hierarchy is the administrator's"
	needs_cgroupfs "it takes slice:prefix:name"
	ID_PATH=/$ID-a/b bundle '.linux.cgroupsPath = env.ID_PATH'
	created sleep 60
	for controller in pids memory cpu; do
		version=$(cgroup_version "$controller")
		[ -n "$version" ] || continue
		mount=$(cgroup_mount "$([ "$version" = 1 ] && echo "$controller" || echo unified)")
		[ "$(cgroup_dir "$controller" "$(state pid)")" = "$mount/$ID-a/b" ]
		grep -qx "$(state pid)" "$mount/$ID-a/b/cgroup.procs"
	done
	rt delete --force "$ID"
	# The folder between was not the container's, but made for it: it may stay, empty.
	find /sys/fs/cgroup -depth -type d -name "$ID-a" -exec rmdir {} + 2>/dev/null || true
	[ -z "$(cgroups)" ]
}

@test "cgroups: a relative cgroupsPath is found again, and .. is refused" {
	ID_PATH=$ID-rel/../../../../../../tmp/$ID-out bundle '.linux.cgroupsPath = env.ID_PATH'
	process sleep 60
	run_detached rt create --bundle "$BUNDLE" "$ID"
	[ ! -e "/tmp/$ID-out" ]
	if [ "$status" -eq 0 ]; then
		[[ $(cgroup_dir pids "$(state pid)") == /sys/fs/cgroup/* ]]
		rt delete --force "$ID"
	fi
	find /sys/fs/cgroup -depth -type d \( -path "*$ID-*" -o -path "*/tmp/$ID-out" \) -exec rmdir {} + 2>/dev/null ||
		true
	find /sys/fs/cgroup -depth -type d -name tmp -empty -exec rmdir {} + 2>/dev/null || true
	find /sys/fs/cgroup -maxdepth 2 -depth -type d -name tmp -exec rmdir {} + 2>/dev/null || true
}

@test "cgroups: the container's processes stay in it" {
	needs_cgroup "to make one"
	bundle '.root.readonly = false'
	running sh -c 'sleep 61 & sleep 62 & touch /ready; wait'
	eventually test -e "$BUNDLE/rootfs/ready"
	[ "$(wc -l <"$(cgroup_dir pids "$(state pid)")/cgroup.procs")" -eq 3 ]
}

@test "cgroups: memory limit, reservation and swap" {
	needs_controller memory
	bundle '.linux.resources.memory = {limit: 67108864, reservation: 33554432}'
	created sleep 60
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 67108864 ]
	[ "$(limit memory memory.soft_limit_in_bytes memory.low)" = 33554432 ]
	rt delete --force "$ID"
	config '.linux.resources.memory = {limit: 67108864, swap: 100663296}'
	created sleep 60
	swap=$(limit memory memory.memsw.limit_in_bytes memory.swap.max)
	[ "$swap" = 100663296 ] || [ "$swap" = $((100663296 - 67108864)) ]
}

@test "cgroups: the memory limit holds" {
	needs_controller memory
	bundle '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
	in_container sh -c 'head -c 200000000 /dev/zero | tail >/dev/null; echo survived $?'
	[[ $output != *"survived 0"* ]]
}

@test "cgroups: a container runs /bin/true within 512 KiB" {
	known_bad runc "its init alone takes more"
	needs_controller memory
	bundle '.linux.resources.memory = {limit: 524288}'
	in_container /bin/true
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	created sleep 60
	[ "$(limit memory memory.limit_in_bytes memory.max)" = 524288 ]
}

@test "cgroups: a container that the memory limit kills while it starts says so" {
	only_rt "the wording"
	needs_controller memory
	bundle '.linux.resources.memory = {limit: 32768}'
	in_container /bin/true
	# "probably too low", where systemd was quicker to remove the scope
	refused 'linux.resources.memory.limit "32768": is ' "too low" "takes about 200 KiB"
	[ -z "$(cgroups)" ]
}

@test "cgroups: pids limit, and it holds" {
	needs_controller pids
	bundle '.linux.resources.pids = {limit: 20}'
	created sleep 60
	[ "$(limit pids pids.max pids.max)" = 20 ]
	rt delete --force "$ID"
	in_container sh -c 'i=0; while [ $i -lt 40 ]; do sleep 600 & i=$((i + 1)); done; echo all started'
	[[ $output != *"all started"* ]]
	[[ $output == *"fork"* ]]
}

@test "cgroups: exec works in a container that has reached its pids limit" {
	only_rt "others fail, or take a limit of zero for one"
	needs_controller pids
	for limit in 0 1; do
		LIMIT=$limit bundle '.ociVersion = "1.3.0" | .linux.resources.pids = {limit: env.LIMIT | tonumber}'
		running sleep 60
		[ "$(limit pids pids.max pids.max)" = "$limit" ]
		run rt exec "$ID" sh -c 'echo hello; x=$(echo y); echo $x'
		[ "$status" -ne 0 ]
		[[ $output == hello*"can't fork"* ]]
		rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 60
		grep -qx "$(cat "$BATS_TEST_TMPDIR/pid")" "$(cgroup_dir pids "$(state pid)")/cgroup.procs"
		rt update --pids-limit 100 "$ID"
		[ "$(rt exec "$ID" sh -c 'x=$(echo y); echo $x')" = y ]
		rt delete --force "$ID"
	done
}

@test "cgroups: a pids limit below zero is none" {
	needs_controller pids
	bundle '.linux.resources.pids = {limit: -1}'
	created sleep 60
	[ "$(limit pids pids.max pids.max)" = max ]
}

@test "cgroups: one process is enough, with a user namespace too" {
	needs_root "to map many ids"
	needs_controller pids
	bundle '.linux.namespaces |= (map(select(.type != "user")) + [{type: "user"}]) | .linux.resources.pids = {limit: 1}
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	in_container echo alone
	[ "$output" = alone ]
}

@test "cgroups: a pids limit of 0 is none before version 1.3 of the specification, and one since" {
	needs_controller pids
	known_bad runc "before 1.4 it is none"
	bundle '.ociVersion = "1.2.0" | .linux.resources.pids = {limit: 0}'
	running sleep 60
	[ "$(rt exec "$ID" sh -c 'sleep 0.01 && echo ran')" = ran ]
	rt update --resources - "$ID" <<<'{"pids": {"limit": 0}}'
	[ "$(rt exec "$ID" sh -c 'sleep 0.01 && echo ran')" = ran ]
	rt delete --force "$ID"
	config '.ociVersion = "1.3.0"'
	in_container sh -c 'sleep 0.01 && echo ran'
	[[ $output != ran ]]
}

@test "cgroups: cpu shares, quota and period" {
	needs_controller cpu
	bundle '.linux.resources.cpu = {shares: 512, quota: 20000, period: 50000}'
	created sleep 60
	if [ "$(cgroup_version cpu)" = 1 ]; then
		[ "$(limit cpu cpu.shares)" = 512 ]
		[ "$(limit cpu cpu.cfs_quota_us)" = 20000 ]
		[ "$(limit cpu cpu.cfs_period_us)" = 50000 ]
	else
		[ "$(limit cpu "" cpu.max)" = "20000 50000" ]
		[ "$(limit cpu "" cpu.weight)" -lt 100 ]
	fi
}

@test "cgroups: cpuset cpus and mems, and the process is on those" {
	needs_controller cpuset
	bundle '.linux.resources.cpu = {cpus: "0", mems: "0"}'
	created sleep 60
	[ "$(limit cpuset cpuset.cpus cpuset.cpus)" = 0 ]
	[ "$(limit cpuset cpuset.mems cpuset.mems)" = 0 ]
	rt delete --force "$ID"
	in_container grep Cpus_allowed_list /proc/self/status
	[ "$output" = "Cpus_allowed_list:	0" ]
}

@test "cgroups: the limits are there before the program starts" {
	needs_controller pids
	bundle '.linux.resources.pids = {limit: 1}'
	in_container sh -c 'sleep 0.1 || echo no fork; echo started'
	[[ $output != started ]]
}

@test "cgroups: a value that the kernel refuses is an error" {
	needs_controller cpu
	bundle '.linux.resources.cpu = {quota: 5, period: 100000}'
	in_container true
	refused linux.resources
}

@test "cgroups: removed on delete, with those that the container made" {
	needs_cgroup "to make one"
	bundle '.root.readonly = false'
	running sh -c 'sleep 60'
	dir=$(cgroup_dir pids "$(state pid)")
	[ -d "$dir" ]
	mkdir "$dir/inner"
	rt delete --force "$ID"
	[ ! -e "$dir" ]
	[ -z "$(cgroups)" ]
}

@test "cgroups: nested beyond the length of a path, and frozen in there by itself: it is listed, killed and removed" {
	needs_root "to own the cgroups"
	known_bad runc "it goes by paths"
	known_bad crun "it goes by paths"
	bundle '.root.readonly = false | .linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}]) |
		.process.capabilities[] += ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE"] |
		.mounts |= (map(select(.destination != "/sys/fs/cgroup")) +
			[{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec",
			"nodev"]}])'
	running sh -c 'cd /sys/fs/cgroup; [ ! -d freezer ] || cd freezer
		name=$(printf %0200d 0)
		for i in $(seq 30); do mkdir $name && cd -P $name || exit; done
		sleep 300 & echo $! >cgroup.procs && echo $! >/child
		echo $$ >cgroup.procs && touch /ready
		[ -e freezer.state ] && echo FROZEN >freezer.state || echo 1 >cgroup.freeze; sleep 300'
	eventually test -e "$BUNDLE/rootfs/ready"
	run rt ps --format json "$ID"
	[ "$status" -eq 0 ]
	[[ $output == *"$(state pid)"* ]]
	[ "$(jq length <<<"$output")" -ge 2 ]
	local pid
	pid=$(state pid)
	rt delete --force "$ID"
	dead "$pid"
	[ -z "$(cgroups)" ]
}

@test "cgroups: a failing start leaves none" {
	bundle '.linux.resources.pids = {limit: 20}'
	in_container /no/such/program
	[ "$status" -eq 1 ]
	[ -z "$(cgroups)" ]
}

@test "cgroups: the caller's is not touched" {
	before=$(cat /proc/self/cgroup)
	bundle
	in_container true
	[ "$(cat /proc/self/cgroup)" = "$before" ]
}

@test "cgroup2 alone: with a cgroup and a user namespace the container's root gets its cgroup, and not its limits" {
	needs_root "to map many ids"
	[ "$(cgroup_mount unified)" = /sys/fs/cgroup ] || known_bad runc "it refuses what is not mounted as cgroup2 alone"
	bundle '.linux.namespaces |= (map(select(.type != "cgroup" and .type != "user")) + [{type: "cgroup"},
		{type: "user"}])
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings
		| (.mounts[] | select(.destination == "/sys/fs/cgroup") | .options) -= ["ro"]'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	process sh -c 'cd /sys/fs/cgroup
		for file in . $(cat /sys/kernel/cgroup/delegate); do [ ! -e "$file" ] || stat -c "%u %n" "$file"; done |
		cut -d" " -f1 | sort -u
		stat -c %u cgroup.type cgroup.freeze cgroup.max.depth | sort -u
		mkdir below && echo $$ >below/cgroup.procs && echo moved
		echo 1 >cgroup.freeze'
	only_v2 'rt run --bundle "$BUNDLE" "$ID" 2>&1; find /sys/fs/cgroup -name "*$ID*"'
	[ "${lines[0]}" = 0 ]
	[ "${lines[1]}" = 65534 ]
	[ "${lines[2]}" = moved ]
	[[ ${lines[3]} == *"ermission denied"* ]]
	[ "${#lines[@]}" -eq 4 ]
}

@test "cgroup2 alone: without a writable mount the cgroup stays the host's" {
	needs_root "to map many ids"
	[ "$(cgroup_mount unified)" = /sys/fs/cgroup ] || known_bad runc "it refuses what is not mounted as cgroup2 alone"
	bundle '.linux.namespaces |= (map(select(.type != "cgroup" and .type != "user")) + [{type: "cgroup"},
		{type: "user"}])
		| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
		.linux.gidMappings = .linux.uidMappings'
	chown -R 100000:100000 "$BUNDLE/rootfs"
	process stat -c %u /sys/fs/cgroup /sys/fs/cgroup/cgroup.procs
	only_v2 'rt run --bundle "$BUNDLE" "$ID"'
	[ "$output" = "65534
65534" ]
}

@test "cgroups: one that holds processes, or is frozen, is refused and left alone" {
	needs_root "to make cgroups"
	needs_cgroupfs "a slice:prefix:name is no cgroup yet"
	ID_PATH=/$ID-taken bundle '.linux.cgroupsPath = env.ID_PATH'
	dir=$(cgroup_mount freezer)
	[ -n "$dir" ] || dir=$(cgroup_mount unified)
	dir=$dir/$ID-taken
	mkdir "$dir"
	sleep 60 3>&- &
	JOBS_TO_END+=("$!")
	echo $! >"$dir/cgroup.procs"
	in_container true
	refused linux.cgroupsPath "is not empty: 1 process(es)"
	[ "$(cat "$dir/cgroup.procs")" = "$!" ]
	kill -9 $!
	wait $! || true
	if [ -e "$dir/cgroup.freeze" ]; then echo 1 >"$dir/cgroup.freeze"; else echo FROZEN >"$dir/freezer.state"; fi
	in_container true
	refused linux.cgroupsPath frozen
	[ -d "$dir" ]
	if [ -e "$dir/cgroup.freeze" ]; then echo 0 >"$dir/cgroup.freeze"; else echo THAWED >"$dir/freezer.state"; fi
	in_container true
	[ "$status" -eq 0 ]
	# It was there before, so it is not the container's to remove.
	[ -d "$dir" ]
	rmdir "$dir"
	[ -z "$(cgroups)" ]
}

@test "cgroups: a new cgroup namespace has the container's cgroup as its root" {
	bundle '.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])'
	in_container sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u'
	[ "$status" -eq 0 ]
	[ "$output" = / ]
}

@test "cgroup2 alone: without a cgroup namespace the host's tree is there, read-only if asked for" {
	bundle '.linux.namespaces |= map(select(.type != "cgroup")) |
		.mounts |= (map(select(.destination != "/sys/fs/cgroup")) + [{destination: "/sys/fs/cgroup", type: "cgroup",
		source: "cgroup", options: ["ro"]}])'
	process sh -c 'path=$(sed -n "s/^0:://p" /proc/self/cgroup); cat "/sys/fs/cgroup$path/cgroup.procs";
		mkdir /sys/fs/cgroup/x; stat -f -c %t /sys/fs/cgroup'
	only_v2 'rt run --bundle "$BUNDLE" "$ID"'
	[[ $output == *1* && $output == *"Read-only file system"* && $output == *63677270* ]]
}

@test "cgroup2 alone: the container has a cgroup of its own, and it is gone afterwards" {
	bundle '.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])'
	process sh -c 'sed -n "s/^0:://p" /proc/self/cgroup'
	only_v2 'rt run --bundle "$BUNDLE" "$ID"; code=$?; find /sys/fs/cgroup -name "*$ID*"; exit $code'
	[ "$status" -eq 0 ]
	[ "$output" = / ]
}

# In a container that sees its cgroups read-only.
# bats test_tags=root
@test "cgroup2 alone: root runs a container without a cgroup if none can be created and the config needs none" {
	only_rt "others fail"
	needs_cgroupfs "systemd makes it"
	local ro='mount -o remount,bind,ro /sys/fs/cgroup;'
	bundle 'del(.linux.resources, .linux.cgroupsPath) | .process.args = ["echo", "hi"]'
	only_v2 "$ro"' rt run --bundle "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	[[ $output == *"no cgroup of its own"*$'\n'hi ]] || [[ $output == hi$'\n'*"no cgroup of its own"* ]]
	only_v2 'umount /sys/fs/cgroup; rt run --bundle "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
	for asked in '.linux.resources.pids.limit = 7' '.linux.cgroupsPath = "/x"' \
		'.linux.resources.devices = [{allow: false, access: "rwm"}]' \
		'.process.capabilities.bounding += ["CAP_MKNOD"]'; do
		bundle "del(.linux.resources, .linux.cgroupsPath) | $asked" "$BATS_TEST_TMPDIR/asked"
		only_v2 "$ro"' rt run --bundle "$BATS_TEST_TMPDIR/asked" "$ID"'
		echo "$asked: $output"
		[ "$status" -eq 1 ]
		[[ $output == *EROFS* ]]
	done
}

@test "cgroup2 alone: an absolute cgroupsPath, with create, state and delete" {
	needs_root "the root of the hierarchy is the administrator's"
	needs_cgroupfs "it takes slice:prefix:name"
	ID_PATH=/$ID-v2 bundle '.linux.cgroupsPath = env.ID_PATH'
	process sleep 60
	only_v2 'rt create --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 && pid=$(rt state "$ID" | jq .pid) &&
		sed -n "s/^0:://p" /proc/$pid/cgroup && cat "/sys/fs/cgroup/$ID-v2/cgroup.procs" | grep -cx $pid &&
		rt start "$ID" && rt delete --force "$ID" && find /sys/fs/cgroup -name "*$ID*"'
	[ "$status" -eq 0 ]
	[ "$output" = "/$ID-v2
1" ]
}

@test "cgroup2 alone: a limit of a missing controller is refused" {
	[ "$(cgroup_version memory)" != 2 ] || skip "this machine's cgroup2 has the memory controller"
	known_bad runc "it ignores some"
	bundle '.linux.resources.memory = {limit: 67108864}'
	process true
	only_v2 'rt run --bundle "$BUNDLE" "$ID"; code=$?; find /sys/fs/cgroup -name "*$ID*"; exit $code'
	refused linux.resources.memory
}

@test "cgroup2 alone: the children of a container without a pid namespace are killed" {
	known_bad runc "before 1.2 it does not wait for them, and leaves the cgroup"
	needs_root "a user may mount a proc only of a pid namespace of his own"
	bundle '.linux.namespaces |= map(select(.type != "pid")) | .root.readonly = false'
	process sh -c 'setsid sleep 61 & echo $! >/child; sleep 60'
	only_v2 'rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1
		for i in $(seq 600); do [ -s "$BUNDLE/rootfs/child" ] || sleep 0.1; done
		rt delete --force "$ID"'
	[ "$status" -eq 0 ]
	eventually dead "$(cat "$BUNDLE/rootfs/child")"
}

@test "cgroup2: unified, with the first limit this machine has" {
	known_bad runc "it refuses what is not mounted as cgroup2 alone"
	needs_root "the root of the hierarchy is the administrator's"
	needs_cgroupfs "it takes slice:prefix:name"
	[ -n "$(cgroup_mount unified)" ] || skip "this machine has no cgroup2"
	if grep -qw hugetlb "$(cgroup_mount unified)/cgroup.controllers"; then
		key=hugetlb.2MB.max
		value=4194304
	elif grep -qw pids "$(cgroup_mount unified)/cgroup.controllers"; then
		key=pids.max
		value=33
	else
		skip "this machine's cgroup2 has neither hugetlb nor pids"
	fi
	KEY=$key VALUE=$value ID_PATH=/$ID-u bundle '.linux.resources.unified = {(env.KEY): env.VALUE} |
		.linux.cgroupsPath = env.ID_PATH'
	process sleep 60
	KEY=$key only_v2 'rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/out"; exit 1; }
		cat "/sys/fs/cgroup/$ID-u/$KEY"; rt delete --force "$ID"'
	[ "$status" -eq 0 ]
	[ "$output" = "$value" ]
}

@test "cgroups: --cgroup-manager disabled creates none, and the state records it" {
	needs_cgroupfs "the options exclude each other"
	only_rt "the option is crun's"
	ID_PATH=/$ID-path bundle '.linux.cgroupsPath = env.ID_PATH'
	process sleep 60
	run_detached rt --cgroup-manager disabled create --bundle "$BUNDLE" "$ID"
	[ "$status" -eq 0 ]
	[ -z "$(cgroups)" ]
	diff "/proc/$(state pid)/cgroup" /proc/self/cgroup
	rt start "$ID"
	run rt exec "$ID" echo hello
	[ "$status" -eq 0 ] && [ "$output" = hello ]
	[ "$(rt ps --format json "$ID")" = "[$(state pid)]" ]
	run rt pause "$ID"
	[ "$status" -eq 1 ]
	clear_error "can't pause" "no cgroup of its own" "--cgroup-manager disabled"
	run rt update --pids-limit 10 "$ID"
	[ "$status" -eq 1 ]
	clear_error "no cgroup of its own"
	rt kill "$ID" KILL
	eventually status_is stopped
	rt delete "$ID"
}

@test "cgroups: --cgroup-manager disabled refuses limits" {
	needs_cgroupfs "the options exclude each other"
	only_rt "the option is crun's"
	bundle '.linux.resources.pids.limit = 20'
	run rt --cgroup-manager=disabled run --bundle "$BUNDLE" "$ID"
	refused linux.resources.pids.limit "--cgroup-manager disabled"
}

@test "cgroups: without a cgroup, and without the controllers, fields that ask for no limit are no limits" {
	needs_cgroupfs "the options exclude each other"
	only_rt "the option is crun's"
	bundle '.linux.resources |= (.pids.limit = -1 | .memory = {limit: -1, swap: -1} | .cpu.quota = -1)'
	process true
	rt --cgroup-manager=disabled run --bundle "$BUNDLE" "$ID"
	# As Podman writes it for docker, without a limit.
	config '.ociVersion = "1.2.0" | .linux.resources.pids.limit = 0'
	rt --cgroup-manager=disabled run --bundle "$BUNDLE" "$ID"
	[ "$ROOTLESS" = 0 ] || return 0
	# A cgroup v2 that v1 has left no controllers, or one that has them all: it can't be mounted there twice.
	run unshare -m --propagation private sh -c '
		[ -e /sys/fs/cgroup/cgroup.controllers ] || mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh \
		"$RT" --root "$ROOT" run --bundle "$BUNDLE" "$ID"
	echo "$output"
	[ "$status" -eq 0 ]
}

@test "cgroups: --cgroup-manager cgroupfs, and invalid combinations" {
	needs_cgroupfs "the options exclude each other"
	only_rt "the option is crun's"
	bundle
	process true
	rt --cgroup-manager cgroupfs run --bundle "$BUNDLE" "$ID"
	for options in "--cgroup-manager nobody" "--cgroup-manager disabled --systemd-cgroup" \
		"--systemd-cgroup --cgroup-manager=cgroupfs"; do
		# shellcheck disable=SC2086 # words
		run rt $options run --bundle "$BUNDLE" "$ID"
		refused "--cgroup-manager"
	done
}

# bats test_tags=rootless,user
@test "cgroups: a user's --systemd-cgroup is refused on cgroup v1, where systemd delegates nothing to him" {
	only_rt "the wording"
	on_v1 || skip "this machine's controllers are of cgroup v2"
	bundle
	process true
	run rt --systemd-cgroup run --bundle "$BUNDLE" "$ID"
	refused --systemd-cgroup "cgroup v1"
}

@test "cgroups: the propagation of a cgroup mount is that of the hierarchies below it" {
	bundle '.mounts |= map(if .type == "cgroup" then .options += ["rprivate"] else . end)'
	in_container grep " /sys/fs/cgroup" /proc/self/mountinfo
	[ "$status" -eq 0 ]
	# Below the bind of /sys in an ordinary user's config are the host's, which the mount covers. The lines begin with
	# the mount's id and that of the mount it is on.
	output=$(awk '{ line[NR] = $0; id[NR] = $1; on[NR] = $2 } $5 == "/sys/fs/cgroup" { top = $1 }
		END { for (i = 1; i <= NR; i++) if (id[i] == top || on[i] == top) print line[i] }' <<<"$output")
	[[ $output == *" - cgroup"* && $output != *master:* ]]
}
