#!/usr/bin/env bats
# Containers that make cgroups of their own, as an init system does, or have left theirs: exec, kill and delete find
# their way all the same.

load setup

needs() { needs_cgroup "the tests write to the container's cgroup"; }

# its_cgroup prints where the host sees the container's cgroup: that of the pids controller on v1.
its_cgroup() { cgroup_dir pids "$(state pid)"; }

# init_system is the shell script of an init system: it moves to a cgroup below its own, gives the controllers that
# there are to the others, and makes one for a service. It takes a cgroup namespace and a writable mount of the
# container's cgroups.
init_system='
	cd /sys/fs/cgroup && mkdir init.scope service && echo 1 >init.scope/cgroup.procs || exit 1
	for c in $(cat cgroup.controllers); do echo "+$c" >cgroup.subtree_control || exit 1; done
	sh -c "echo 0 >service/cgroup.procs && exec sleep 61" &
	sleep 62'

writable_cgroups='.linux.namespaces |= (map(select(.type != "cgroup")) + [{type: "cgroup"}])
	| (.mounts[] | select(.destination == "/sys/fs/cgroup") | .options) -= ["ro"]'

@test "cgroup2 alone: exec, ps, pause, kill and delete of a container with an init system" {
	only_rt "events and pause of the peers differ"
	bundle "$writable_cgroups"
	process sh -c "$init_system"
	only_v2 '
		set -e
		fail() { echo "$*"; ls -R "/sys/fs/cgroup/$ID"; exit 1; }
		rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- || {
		cat "$BATS_TEST_TMPDIR/out"; exit 1; }
		own=
		for ((i = 0; i < 600; i++)); do
			own=$(home)
			case $own in */init.scope) [ -z "$(cat "${own%/*}/service/cgroup.procs")" ] || break ;; esac
			sleep 0.1
		done
		dir=${own%/init.scope}
		[ "$dir" != "$own" ] || fail "the shell is in $own"
		[ -n "$(cat "$dir/service/cgroup.procs")" ] || fail "no service"
		# Only what kernels without any controller for cgroup2 lack can be missing here.
		[ -z "$(cat "$dir/cgroup.controllers")" ] || [ -n "$(cat "$dir/cgroup.subtree_control")" ] ||
			fail "no controllers given"
		[ "$(rt exec "$ID" cat /proc/self/cgroup | sed -n "s/^0:://p")" = /init.scope ] ||
			[ -z "$(cat "$dir/cgroup.subtree_control")" ] || fail "exec is elsewhere"
		rt exec --cgroup service "$ID" grep -q "^0::/service" /proc/self/cgroup || fail "exec --cgroup"
		[ "$(rt ps -f json "$ID" | jq length)" = 2 ] || fail "ps: $(rt ps -f json "$ID")"
		rt pause "$ID"
		[ "$(rt state "$ID" | jq -r .status)" = paused ] || fail "not paused"
		grep -q "frozen 1" "$dir/service/cgroup.events" || fail "the service is not frozen"
		rt resume "$ID"
		rt events --stats "$ID" | jq -e ".data.pids.current == 2 or .data.pids.current == null" >/dev/null ||
		fail "events"
		rt update --resources - "$ID" <<<"{}"
		rt kill --all "$ID" KILL
		for ((i = 0; i < 600; i++)); do [ "$(rt state "$ID" | jq -r .status)" != stopped ] || break; sleep 0.1; done
		rt delete "$ID"
		[ ! -e "$dir" ] || fail "the cgroup is left"
		echo good'
	[ "$output" = good ]
	[ "$status" -eq 0 ]
}

@test "cgroup2 alone: a cgroup that delegates controllers can't have processes, and exec --cgroup reports that" {
	only_rt "the wording"
	bundle "$writable_cgroups"
	process sh -c "$init_system"
	only_v2 '
		rt run --detach --bundle "$BUNDLE" "$ID" </dev/null >/dev/null 2>&1 3>&-
		for ((i = 0; i < 600; i++)); do
			own=$(home)
			case $own in */init.scope) [ -z "$(cat "${own%/*}/service/cgroup.procs")" ] || break ;; esac
			sleep 0.1
		done
		[ -n "$(cat "${own%/init.scope}/cgroup.subtree_control")" ] || { rt delete --force "$ID"; echo skip; exit 0; }
		rt exec --cgroup / "$ID" true
		echo "status $?"
		rt delete --force "$ID"'
	[ "$output" != skip ] || skip "this machine's cgroup2 has no controllers"
	[[ $output == *"status 255"* ]]
	[[ $output == *"enables controllers"* ]]
}

@test "exec follows a container that has left its cgroup, and the rest of it is found too" {
	needs_root "to move processes out of their cgroup"
	needs_cgroupfs "its scope ends when it is empty"
	bundle
	running sleep 60
	dirs=()
	unmounted=()
	mapfile -t cgroups <"/proc/$(state pid)/cgroup"
	for cgroup in "${cgroups[@]}"; do
		IFS=: read -r _ list path <<<"$cgroup"
		case $list in
		"") mount=$(cgroup_mount unified) ;;
		name=*) mount=$(awk -v c="$list" '$3 == "cgroup" && $4 ~ c { print $2; exit }' /proc/self/mounts) ;;
		*) mount=$(cgroup_mount "${list%%,*}") ;;
		esac
		if [ -z "$mount" ]; then
			unmounted+=(-e ":$list:")
			continue
		fi
		dir=$mount$path
		mkdir "$dir-else"
		dirs+=("$dir-else")
		[ ! -e "$dir-else/cpuset.mems" ] || { cat "$dir/cpuset.mems" >"$dir-else/cpuset.mems" &&
			cat "$dir/cpuset.cpus" >"$dir-else/cpuset.cpus"; }
		state pid >"$dir-else/cgroup.procs"
		rmdir "$dir"
	done
	[ ${#dirs[@]} -gt 0 ]
	rt exec "$ID" cat /proc/self/cgroup >"$BATS_TEST_TMPDIR/inside"
	grep -q -- -else "$BATS_TEST_TMPDIR/inside"
	not grep -v -e -else "${unmounted[@]}" "$BATS_TEST_TMPDIR/inside"
	status_is running
	rt delete --force "$ID"
	rmdir "${dirs[@]}"
}

@test "exec --ignore-paused waits for resume, and can be ended before" {
	only_rt "runc can't be ended on cgroup v2"
	bundle '.root.readonly = false'
	running sleep 60
	rt pause "$ID"
	for job in first second; do
		"$RT" --root "$ROOT" exec --ignore-paused "$ID" touch "/$job" 3>&- &
		JOBS_TO_END+=("$!")
		eventually pgrep -P $!
		[ "$job" = second ] || ended=$!
	done
	kill -TERM "$ended"
	status=0
	wait "$ended" || status=$?
	[ "$status" -eq 143 ]
	[ ! -e "$BUNDLE/rootfs/first" ]
	[ ! -e "$BUNDLE/rootfs/second" ]
	status_is paused
	rt resume "$ID"
	wait "${JOBS_TO_END[1]}"
	[ -e "$BUNDLE/rootfs/second" ]
	[ ! -e "$BUNDLE/rootfs/first" ]
	eventually [ "$(rt ps -f json "$ID" | jq length)" = 1 ]
}
