#!/usr/bin/env bats
# bats file_tags=rootless
# config.md#linux-mount-options: the words of mount(8), one by one, and those for whole trees,
# as mountinfo shows them: proc_pid_mountinfo(5).

load setup

# options_of TARGET prints the options of the mount, and those of its file system, of the mountinfo in $output.
options_of() {
	awk -v target="$1" '$5 == target { for (i = 7; $i != "-"; i++); print $6 "," $(i + 3) }' <<<"$output"
}

# has TARGET WORD... and lacks TARGET WORD... look at them.
has() {
	local word have
	have=$(options_of "$1")
	for word in "${@:2}"; do
		[[ ,$have, == *,"$word",* ]] || {
			echo "$1 has $have, not $word"
			return 1
		}
	done
}

lacks() {
	local word have
	have=$(options_of "$1")
	[ -n "$have" ]
	for word in "${@:2}"; do
		[[ ,$have, != *,"$word",* ]] || {
			echo "$1 has $have, and with it $word"
			return 1
		}
	done
}

# new_mounts OPTIONS... makes a bundle with a new tmpfs for each, at /t0, /t1, ..., and shows the container's mounts.
new_mounts() {
	local list
	list=$(printf '%s\n' "$@" | jq -R -s 'split("\n")[:-1] | to_entries | map({destination: "/t\(.key)",
		type: "tmpfs", source: "tmpfs", options: (.value | split(" "))})')
	LIST=$list bundle '.mounts += (env.LIST | fromjson)'
	in_container cat /proc/self/mountinfo
	[ "$status" -eq 0 ]
}

# tree_of_mounts OPTIONS... makes a bundle with a tree of two mounts for each, at /t0 and /t0/below, ..., and shows the
# container's mounts.
tree_of_mounts() {
	local list
	list=$(printf '%s\n' "$@" | jq -R -s 'split("\n")[:-1] | to_entries | map({destination: "/t\(.key)", type: "none",
		source: (env.BATS_TEST_TMPDIR + "/src"), options: (["rbind"] + (.value | split(" ")))})')
	mkdir -p "$BATS_TEST_TMPDIR/src/below"
	LIST=$list bundle '.mounts += (env.LIST | fromjson)'
	process cat /proc/self/mountinfo
	export -f rt
	local map=()
	if [ "$ROOTLESS" = 1 ]; then
		# The mount below takes a user namespace, in which rt is root of one id.
		map=(--user --map-root-user)
		config '.linux.uidMappings[0].hostID = 0 | .linux.gidMappings[0].hostID = 0'
	fi
	# shellcheck disable=SC2016 # for the inner shell
	run unshare "${map[@]}" --mount --propagation private bash -c '
		mount -t tmpfs tmpfs "$BATS_TEST_TMPDIR/src/below" && rt run --bundle "$BUNDLE" "$ID"'
	[ "$status" -eq 0 ]
}

@test "options: what keeps programs and devices out, and its opposites" {
	new_mounts nosuid nodev noexec 'nosuid suid' 'nodev dev' 'noexec exec'
	has /t0 nosuid
	has /t1 nodev
	has /t2 noexec
	lacks /t3 nosuid
	[ "$ROOTLESS" = 1 ] || lacks /t4 nodev
	lacks /t5 noexec
}

@test "options: user and owner imply what they imply in mount(8)" {
	known_bad runc "it hands them to the file system"
	new_mounts user owner
	has /t0 nosuid nodev noexec
	has /t1 nosuid nodev
	lacks /t1 noexec
}

@test "options: access times" {
	new_mounts noatime strictatime relatime nodiratime 'noatime atime' 'strictatime nostrictatime' \
		'noatime nodiratime diratime'
	has /t0 noatime
	lacks /t1 noatime relatime
	has /t2 relatime
	has /t3 nodiratime relatime
	has /t4 relatime
	has /t5 relatime
	has /t6 noatime
	lacks /t6 nodiratime
}

@test "options: read-only, writable, the last option counts" {
	new_mounts ro 'ro rw' 'rw ro'
	has /t0 ro
	lacks /t1 ro
	has /t2 ro
}

@test "options: no links are followed" {
	[ "$(printf '%s\n' 5.14 "$(uname -r)" | sort -V | head -n 1)" = 5.14 ] ||
		skip "Linux 5.14 has nosymfollow for new mounts"
	new_mounts nosymfollow 'nosymfollow symfollow'
	has /t0 nosymfollow
	lacks /t1 nosymfollow
}

@test "options: those of the file system" {
	new_mounts sync dirsync 'sync async' 'mode=711 size=1m nr_inodes=50'
	has /t0 sync
	has /t1 dirsync
	lacks /t2 sync
	has /t3 mode=711 size=1024k nr_inodes=50
}

@test "options: options for mount(8) alone change nothing" {
	known_bad runc "it hands them to the file system"
	new_mounts 'auto noauto nofail _netdev defaults nouser group'
	has /t0 nosuid nodev
	lacks /t0 noexec ro
}

# bats test_tags=root
@test "options: each recursive option reaches the mount below, and only it" {
	needs_mount_setattr
	tree_of_mounts rro rnosuid rnodev rnoexec rnoatime rnodiratime rstrictatime rrelatime ro
	has /t0 ro
	has /t0/below ro
	has /t1/below nosuid
	has /t2/below nodev
	has /t3/below noexec
	has /t4/below noatime
	has /t5/below nodiratime
	lacks /t6/below relatime noatime
	has /t7/below relatime
	has /t8 ro
	lacks /t8/below ro
}

@test "options: a recursive option and one for the top" {
	needs_mount_setattr
	tree_of_mounts 'rro rnosuid nodev' 'rnosymfollow'
	has /t0 ro nosuid nodev
	has /t0/below ro nosuid
	[ "$ROOTLESS" = 1 ] || lacks /t0/below nodev
	has /t1/below nosymfollow
}

# bats test_tags=root
@test "options: the opposite of a recursive option" {
	known_bad runc "its last word does not undo the one before"
	needs_mount_setattr
	tree_of_mounts 'rro rrw' 'rnosuid rsuid' 'rnodev rdev' 'rnoexec rexec' 'rnoatime ratime' 'rnodiratime rdiratime' \
		'rnosymfollow rsymfollow' 'rstrictatime rnostrictatime'
	lacks /t0/below ro
	lacks /t1/below nosuid
	lacks /t2/below nodev
	lacks /t3/below noexec
	lacks /t4/below noatime
	lacks /t5/below nodiratime
	lacks /t6/below nosymfollow
	has /t7/below relatime
}

# bats test_tags=root
@test "options: propagation, for one mount and for a tree" {
	tree_of_mounts shared rshared slave rslave private rprivate unbindable runbindable
	optional() { awk -v target="$1" '$5 == target { s = ""; for (i = 7; $i != "-"; i++) s = s $i " ";
		print s }' <<<"$output"; }
	[[ $(optional /t0) == shared:* && $(optional /t0/below) != shared:* ]]
	[[ $(optional /t1) == shared:* && $(optional /t1/below) == shared:* ]]
	[[ $(optional /t2) != shared:* && $(optional /t4) == "" && $(optional /t5/below) == "" ]]
	[[ $(optional /t6) == *unbindable* && $(optional /t6/below) != *unbindable* ]]
	[[ $(optional /t7) == *unbindable* && $(optional /t7/below) == *unbindable* ]]
}

needs_mount_setattr() {
	[ "$(printf '%s\n' 5.12 "$(uname -r)" | sort -V | head -n 1)" = 5.12 ] ||
		skip "options for whole trees take Linux 5.12"
}
