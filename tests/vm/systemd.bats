#!/usr/bin/env bats
# rt --systemd-cgroup: scopes that systemd makes. tests/vm/bats runs this as root and as a user, where systemd runs.

load setup

needs() {
	[[ ${RT_OPTIONS-} == *--systemd-cgroup* ]] || skip "this is about --systemd-cgroup"
	USER_OPTION=()
	[ "$ROOTLESS" = 0 ] || USER_OPTION=(--user)
}

# The suite has a runtime directory of its own; the user's systemd is in the real one.
systemctl() { XDG_RUNTIME_DIR=/run/user/$(id -u) command systemctl "$@"; }
systemd-run() { XDG_RUNTIME_DIR=/run/user/$(id -u) command systemd-run "$@"; }

# show PROPERTY UNIT prints what systemd knows.
show() {
	systemctl "${USER_OPTION[@]}" show --value --property "$1" "$2"
}

# units prints the units that carry the id of this test.
units() {
	systemctl "${USER_OPTION[@]}" list-units --all --plain --no-legend "*$ID*"
}

# inner [PID] prints the cgroup of the container, or of a process, in the hierarchy that systemd goes by.
inner() {
	sed -nE 's/^[0-9]+:(name=systemd)?://p' "/proc/${1:-$(state pid)}/cgroup" | head -n 1
}

# holds CONTROLLER FILE TEXT compares a file of the container's cgroup.
holds() {
	local now
	now=$(cat "$(cgroup_dir "$1" "$(state pid)")/$2")
	[ "$now" = "$3" ] || {
		echo "$2 is $now, not $3"
		return 1
	}
}

# has CONTROLLER FILE: the container's cgroup has the file.
has() {
	[ -e "$(cgroup_dir "$1" "$(state pid)")/$2" ]
}

@test "systemd: without cgroupsPath the scope is rt-ID in the default slice" {
	bundle 'del(.linux.cgroupsPath)'
	running sleep 60
	[[ $(inner) == */"rt-$ID.scope" ]]
	[ "$(show ActiveState "rt-$ID.scope")" = active ]
	[ "$(show Delegate "rt-$ID.scope")" = yes ]
	[ "$(show Slice "rt-$ID.scope")" = "$([ "$ROOTLESS" = 0 ] && echo system.slice || echo user.slice)" ]
	rt delete --force "$ID"
	[ -z "$(units)" ]
}

@test "systemd: a container without a cgroup namespace leaves the options of the host's cgroups alone" {
	local before
	on_v1 && skip "nsdelegate is an option of cgroup v2"
	before=$(findmnt -no FS-OPTIONS /sys/fs/cgroup)
	[[ $before == *nsdelegate*memory_recursiveprot* ]]
	bundle '.linux.namespaces |= map(select(.type != "cgroup")) |
		.mounts |= (map(select(.destination != "/sys/fs/cgroup")) + [{destination: "/sys/fs/cgroup", type: "cgroup",
		source: "cgroup"}])'
	in_container stat -f -c %t /sys/fs/cgroup
	[ "$output" = 63677270 ]
	[ "$(findmnt -no FS-OPTIONS /sys/fs/cgroup)" = "$before" ]
}

@test "systemd: slice:prefix:name" {
	ID_PATH=rttest-a.slice:pre:$ID bundle '.linux.cgroupsPath = env.ID_PATH'
	running sleep 60
	[[ $(inner) == */rttest.slice/rttest-a.slice/"pre-$ID.scope" ]]
	[ "$(show Slice "pre-$ID.scope")" = rttest-a.slice ]
	# The driver is remembered, for engines do not repeat the option.
	RT_OPTIONS='' rt update --pids-limit 40 "$ID"
	[ "$(show TasksMax "pre-$ID.scope")" = 40 ]
	RT_OPTIONS='' rt pause "$ID"
	status_is paused
	RT_OPTIONS='' rt resume "$ID"
	RT_OPTIONS='' rt delete --force "$ID"
	[ -z "$(units)" ]
}

@test "systemd: exec enters the scope, also from a session of a user who may not move processes there" {
	bundle
	running sleep 60
	rt exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 61
	[ "$(inner "$(cat "$BATS_TEST_TMPDIR/pid")")" = "$(inner)" ]
	rt pause "$ID"
	rt exec --ignore-paused --detach --pid-file "$BATS_TEST_TMPDIR/pid" "$ID" sleep 62 3>&- &
	local file=cgroup.events
	on_v1 && file=freezer.state
	eventually grep -qxE 'frozen 1|FROZEN' "$(cgroup_dir freezer "$(state pid)")/$file"
	rt resume "$ID"
	wait $!
	[ "$(inner "$(cat "$BATS_TEST_TMPDIR/pid")")" = "$(inner)" ]
}

@test "systemd: update changes the properties, so that a reload does not undo it" {
	local memory=MemoryMax
	on_v1 && memory=MemoryLimit
	bundle '.linux.resources.memory.limit = 67108864'
	running sleep 60
	[ "$(show $memory "rt-$ID.scope")" = 67108864 ]
	rt update --memory 33554432 --memory-reservation 16777216 --cpu-share 512 --cpu-period 100000 --cpu-quota 20000 \
		--pids-limit 30 --cpuset-cpus 0 "$ID"
	[ "$(show $memory "rt-$ID.scope")" = 33554432 ]
	if on_v1; then
		[ "$(show CPUShares "rt-$ID.scope")" = 512 ]
	else
		[ "$(show MemoryLow "rt-$ID.scope")" = 16777216 ]
		[ "$(show CPUWeight "rt-$ID.scope")" = 59 ]
	fi
	[ "$(show CPUQuotaPerSecUSec "rt-$ID.scope")" = 200ms ]
	[ "$(show TasksMax "rt-$ID.scope")" = 30 ]
	[ "$(show AllowedCPUs "rt-$ID.scope")" = 0 ]
	systemctl "${USER_OPTION[@]}" daemon-reload
	if on_v1; then
		holds memory memory.limit_in_bytes 33554432
		holds memory memory.soft_limit_in_bytes 16777216
		holds cpu cpu.shares 512
		holds cpu cpu.cfs_quota_us 20000
		holds cpu cpu.cfs_period_us 100000
	else
		holds memory memory.max 33554432
		holds memory memory.low 16777216
		holds cpu cpu.max "20000 100000"
	fi
	holds pids pids.max 30
	holds cpuset cpuset.cpus 0
}

# limits PIDS checks the limits of the test below; of pids there are PIDS.
limits() {
	[ -z "$weight_file" ] || holds "$blkio" "$weight_file" "$weight"
	holds pids pids.max "$1"
	if on_v1; then
		holds cpu cpu.shares 512
		holds cpu cpu.cfs_quota_us 20000
		holds cpu cpu.cfs_period_us 50000
		holds memory memory.limit_in_bytes 67108864
		! has memory memory.memsw.limit_in_bytes || holds memory memory.memsw.limit_in_bytes 67108864
	else
		holds cpu cpu.weight 59
		holds cpu cpu.max "20000 50000"
		holds memory memory.max 67108864
		! has memory memory.swap.max || holds memory memory.swap.max 0
	fi
}

@test "systemd: no limit is lost when another one changes, by update or by systemctl" {
	local blkio=io weight="default 2930" weight_file=io.weight
	bundle '.linux.resources += {memory: {limit: 67108864, swap: 67108864},
		cpu: {shares: 512, quota: 20000, period: 50000}}'
	running sleep 600
	if on_v1; then
		blkio=blkio weight=300 weight_file=blkio.weight
		! has blkio blkio.bfq.weight || weight_file=blkio.bfq.weight
		has blkio $weight_file || weight_file= # without a scheduler that has weights
	elif has io io.bfq.weight; then
		weight="default 300" weight_file=io.bfq.weight
	fi
	if [ -n "$weight_file" ]; then
		rt delete --force "$ID"
		config '.linux.resources.blockIO = {weight: 300}'
		running sleep 600
	fi
	rt update --pids-limit 40 "$ID"
	limits 40
	rt update --memory-reservation 1048576 "$ID"
	limits 40
	systemctl "${USER_OPTION[@]}" set-property --runtime "rt-$ID.scope" TasksMax=41
	limits 41
	systemctl "${USER_OPTION[@]}" daemon-reload
	limits 41
	if [ -n "$weight_file" ]; then
		rt update --blkio-weight 500 "$ID"
		rt update --pids-limit 42 "$ID"
		not holds "$blkio" "$weight_file" "$weight"
		not holds "$blkio" "$weight_file" "${weight% *} 100"
		not holds "$blkio" "$weight_file" 100
	fi
	if has cpu cpu.idle; then
		rt update --resources - "$ID" <<<'{"cpu": {"idle": 1}}'
		rt update --pids-limit 43 "$ID"
		holds cpu cpu.idle 1
		rt update --resources - "$ID" <<<'{"cpu": {"idle": 0}}'
		rt update --pids-limit 44 "$ID"
		holds cpu cpu.idle 0
	fi
	! on_v1 || return 0
	rt update --resources - "$ID" <<<'{"unified": {"memory.high": "50331648", "memory.oom.group": "1"}}'
	rt update --pids-limit 45 "$ID"
	holds memory memory.high 50331648
	holds memory memory.oom.group 1
}

@test "systemd: annotations are properties of the scope" {
	bundle '.annotations += {"org.systemd.property.TimeoutStopUSec": "uint64 7000000",
		"org.systemd.property.RuntimeMaxSec": "7200",
		"org.systemd.property.CollectMode": "\u0027inactive-or-failed\u0027",
		"org.systemd.property.Description": "\u0027my container\u0027"}'
	running sleep 60
	[ "$(show TimeoutStopUSec "rt-$ID.scope")" = 7s ]
	[ "$(show RuntimeMaxUSec "rt-$ID.scope")" = 2h ]
	[ "$(show CollectMode "rt-$ID.scope")" = inactive-or-failed ]
	[ "$(show Description "rt-$ID.scope")" = "my container" ]
}

# The columns: the first version of systemd that takes the property of a scope, 0 if that is older than any in
# docs/machines.md; its name, and a value.
@test "systemd: every property that an annotation may set is one that systemd takes" {
	local version since name value names=
	version=$(systemctl --version | awk 'NR == 1 { print $2 }')
	bundle
	while read -r since name value; do
		[ "$version" -ge "$since" ] || continue
		names+=" $name "
		NAME=$name VALUE=$value config '.annotations["org.systemd.property." + env.NAME] = env.VALUE'
	done <<-'TABLE'
		0 TimeoutStopUSec uint64 7000000
		0 RuntimeMaxUSec uint64 7200000000
		250 RuntimeRandomizedExtraUSec 1000000
		0 KillSignal 15
		0 CollectMode 'inactive-or-failed'
		0 Description 'my container'
		0 DefaultDependencies true
		0 After ['crio.service']
		253 OOMPolicy 'kill'
		247 ManagedOOMSwap 'kill'
		247 ManagedOOMMemoryPressure 'kill'
		248 ManagedOOMMemoryPressureLimit uint32 2147483647
		0 IPAccounting true
	TABLE
	running sleep 60
	[ "$(show KillSignal "rt-$ID.scope")" = 15 ]
	[[ " $(show After "rt-$ID.scope") " == *" crio.service "* ]]
	[[ $names != *" OOMPolicy "* ]] || [ "$(show OOMPolicy "rt-$ID.scope")" = kill ]
	[[ $names != *" ManagedOOMSwap "* ]] || [ "$(show ManagedOOMSwap "rt-$ID.scope")" = kill ]
	[ "$(show DefaultDependencies "rt-$ID.scope")" = yes ]
	[ "$(show IPAccounting "rt-$ID.scope")" = yes ]
}

@test "systemd: an annotation brings no process of the host into the scope, nor stops a unit of the host" {
	local unit=rttest-bystander-$$.service
	systemd-run "${USER_OPTION[@]}" --quiet --unit "$unit" sleep 600
	BYSTANDER=$(show MainPID "$unit")
	while read -r name value; do
		NAME=$name VALUE=$(sed "s/UNIT/$unit/; s/PID/$BYSTANDER/" <<<"$value") bundle \
			'.annotations += {("org.systemd.property." + env.NAME): env.VALUE}'
		in_container true
		rt delete --force "$ID"
		echo "$name: $output"
		[ "$(show MainPID "$unit") $(show ActiveState "$unit")" = "$BYSTANDER active" ]
		[[ $(cat "/proc/$BYSTANDER/cgroup") == *"$unit"* ]]
		refused "annotations[\"org.systemd.property.$name\"]"
		[ -z "$(units)" ]
		rm -r "$BUNDLE"
	done <<-'CASES'
		PIDs [uint32 PID]
		Conflicts ['UNIT']
		PropagatesStopTo ['UNIT']
		Slice '-.slice'
		Delegate false
		DevicePolicy 'auto'
		MemoryMax uint64 18446744073709551615
		TasksMax uint64 18446744073709551615
		ManagedOOMPreference 'omit'
	CASES
	systemctl "${USER_OPTION[@]}" stop "$unit"
}

@test "systemd: a property that runs programs on the host, or that is none, is refused, and nothing is left" {
	while read -r name value; do
		NAME=$name VALUE=$value bundle '.annotations += {("org.systemd.property." + env.NAME): env.VALUE}'
		in_container true
		echo "$name: $output"
		refused "annotations[\"org.systemd.property.$name\"]"
		[ -z "$(units)" ]
		rm -r "$BUNDLE"
	done <<-'CASES'
		ExecStartPre [("/bin/touch",["/bin/touch","/tmp/pwned"],false)]
		ExecStart [("/bin/touch",["/bin/touch","/tmp/pwned"],false)]
		ExecStopPost [("/bin/touch",["/bin/touch","/tmp/pwned"],false)]
		NoSuchThing true
		TimeoutStopUSec nonsense
		TimeoutStopUSec 'text'
		RuntimeMaxSec -1
	CASES
	[ ! -e /tmp/pwned ]
}

@test "systemd: a path that is no slice:prefix:name is refused" {
	for path in /a/b a:b nonsense.scope:a:b a/b.slice:c:d; do
		ID_PATH=$path bundle '.linux.cgroupsPath = env.ID_PATH'
		in_container true
		refused linux.cgroupsPath
		rm -r "$BUNDLE"
	done
}

@test "systemd: a scope that another container uses is refused, and left alone" {
	ID_PATH=:rttest:$ID bundle '.linux.cgroupsPath = env.ID_PATH'
	running sleep 60
	run_detached rt run --bundle "$BUNDLE" "$ID-second"
	[ "$status" -eq 1 ]
	clear_error linux.cgroupsPath "is not empty"
	status_is running
	[ "$(show ActiveState "rttest-$ID.scope")" = active ]
}

@test "systemd: a limit that is refused, and a program that is missing, leave no scope" {
	bundle '.linux.resources.unified = {"memory.high": "nonsense"}'
	in_container true
	refused 'linux.resources.unified["memory.high"]'
	[ -z "$(units)" ]
	config 'del(.linux.resources.unified) | .linux.resources.cpu.cpus = "700"'
	in_container true
	refused linux.resources
	[ -z "$(units)" ]
	config 'del(.linux.resources.cpu)'
	in_container /no/such/program
	[ "$status" -eq 1 ]
	[ -z "$(units)" ]
	[ -z "$(cgroups)" ]
}

@test "systemd: a container that dies by itself leaves no scope" {
	bundle
	running true
	eventually status_is stopped
	rt delete "$ID"
	[ -z "$(units)" ]
}

@test "systemd: delete of a container that has ended leaves the scope to the one that has it now" {
	ID_PATH=:rttest:$ID bundle '.linux.cgroupsPath = env.ID_PATH'
	running true
	eventually status_is stopped
	process sleep 60
	run_detached rt run --detach --bundle "$BUNDLE" "$ID-second"
	[ "$status" -eq 0 ]
	rt delete "$ID"
	run rt state "$ID-second"
	[[ $output == *'"running"'* ]]
	rt delete --force "$ID-second"
	[ -z "$(units)" ]
}
