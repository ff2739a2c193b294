# shellcheck shell=bash
# What no container may change of the host, looked at before and after each test. It is only what nobody else on the
# machine changes meanwhile, and it is cheap.
#
# HOST_DEV and HOST_SYS are other directories to look at: for the tests of this file.

# The kernel parameters that are the whole machine's, or of the namespaces that the tests run in, and that rt or a
# container's root could write.
SYSCTLS=(
	fs/mqueue/msg_max fs/mqueue/queues_max fs/protected_hardlinks fs/protected_symlinks fs/suid_dumpable
	kernel/core_pattern kernel/core_uses_pid kernel/domainname kernel/dmesg_restrict kernel/hostname \
		kernel/kptr_restrict kernel/modprobe
	kernel/msgmax kernel/msgmnb kernel/msgmni kernel/panic kernel/panic_on_oops kernel/perf_event_paranoid \
		kernel/printk kernel/randomize_va_space
	kernel/sem kernel/shmall kernel/shmmax kernel/shmmni kernel/sysrq
	net/ipv4/ip_forward net/ipv4/ip_unprivileged_port_start net/ipv4/ping_group_range
	vm/max_map_count vm/memfd_noexec vm/overcommit_memory vm/panic_on_oom vm/swappiness
)

# host_state prints what must stay: a line for each node of /dev, and for each kernel parameter.
host_state() {
	host_nodes
	host_sysctls
}

# host_nodes: type, mode, owner and device of all nodes in /dev. Of those that only chmod, chown and the like change the
# times of, these too: writing to a terminal changes the mtime of its node, writing to the others does not.
host_nodes() {
	local dir=${HOST_DEV:-/dev} f nodes=() others=()
	for f in "$dir"/*; do
		case ${f##*/} in
		loop*) ;; # whoever needs another one has it made
		null | zero | full | random | urandom | kmsg | fuse) nodes+=("$f") ;;
		*) [ -L "$f" ] || { [ ! -b "$f" ] && [ ! -c "$f" ]; } || others+=("$f") ;;
		esac
	done
	[ ${#nodes[@]} -eq 0 ] || stat --format='node %n %F %a %u:%g %t:%T modified %Y changed %Z' "${nodes[@]}" \
		2>/dev/null || true
	[ ${#others[@]} -eq 0 ] || stat --format='node %n %F %a %u:%g %t:%T' "${others[@]}" 2>/dev/null || true
}

host_sysctls() {
	local key value
	for key in "${SYSCTLS[@]}"; do
		if { read -r value <"${HOST_SYS:-/proc/sys}/$key"; } 2>/dev/null; then
			echo "sysctl $key = $value"
		fi
	done
}

# host_changes FILE prints what is no longer as FILE has it.
host_changes() {
	local now
	now=$(host_state)
	[ "$now" = "$(<"$1")" ] || diff "$1" - <<<"$now" | sed -n 's/^</host, before:/p; s/^>/host, now:/p'
}

# mend_host FILE gives the nodes their modes and owners back, for whoever else uses this machine.
mend_host() {
	local node mode owner
	while read -r node mode owner; do
		[ "$(stat --format='%a %u:%g' "$node" 2>/dev/null)" = "$mode $owner" ] || { chown "$owner" "$node" &&
			chmod "$mode" "$node"; } || true
	done < <(sed -nE 's/^node ([^ ]+) .* ([0-7]+) ([0-9]+:[0-9]+) [0-9a-f]+:[0-9a-f]+( modified .*)?$/\1 \2 \3/p' "$1")
}
