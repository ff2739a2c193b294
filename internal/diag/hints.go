package diag

import (
	"strings"

	"golang.org/x/sys/unix"
)

// oneKind contains "not a directory", whatever the errno: if dockerd finds these words it asks its user about the mount
// (daemon/errors.go).
const oneKind = "the source is not a directory and the mount point is one, or the other way round: both must be of " +
	"one kind"

// notOwned is for mounts of proc, sysfs and mqueue if the host has mounted nothing that could stand in for them.
const notOwned = "the root of a user namespace can't mount the proc, sysfs or mqueue of a namespace that it does not " +
	"own: give the container a pid, network or ipc namespace of its own, or bind a mount of it that exists already"

// hints has a row for each failure that users meet often. The first matching row gives the hint; if none matches there
// is no hint.
var hints = []struct {
	call   string
	errno  unix.Errno
	origin string // what the field starts with; "" is any
	hint   string
}{
	{"open_tree", unix.ENOENT, "root.path", "the root file system must exist before the container is made"},
	{"open_tree", unix.ENOENT, "mounts", "create the source first: rt never makes one"},
	{
		"open_tree", unix.EACCES, "",
		"the user that runs rt, or that the container's root is mapped to, lacks search permission (x) on a " +
			"directory of the path",
	},
	{
		"open_tree", unix.EINVAL, "mounts",
		"in a user namespace a source with mounts below it can only be bound with all of them: use rbind",
	},
	{
		"openat2", unix.ELOOP, "mounts",
		"no magic link (/proc/PID/root, /proc/PID/fd/N) may lead to a mount point, and no link at all to one of " +
			"proc or sysfs",
	},
	{"openat2", unix.ENOENT, "mounts", "a symbolic link in the path is dangling"},
	{"openat2", unix.EAGAIN, "", "another process keeps renaming directories of the path: try again"},
	{"openat2", unix.ENOENT, "linux.sysctl", "this kernel does not have it, or not in a namespace of its own"},
	{"openat2", unix.ENOENT, "process.terminal", "a terminal needs a devpts mounted at /dev/pts"},
	{
		"openat2", unix.ENOENT, "process.cwd",
		"create the directory in the image: create and run make it, exec never does",
	},
	{"mkdirat", unix.EROFS, "mounts", "create the mount point in the image: its parent directory is read-only"},
	{"mknodat", unix.EROFS, "mounts", "create the mount point in the image: its parent directory is read-only"},
	{
		"mkdirat", unix.EROFS, "NOTIFY_SOCKET",
		"create the directory /run/notify in the image, or start rt without NOTIFY_SOCKET",
	},
	{"mkdirat", unix.EROFS, "process.cwd", "create the directory in the image: its parent directory is read-only"},
	{"move_mount", unix.ENOTDIR, "mounts", oneKind},
	{"move_mount", unix.EINVAL, "mounts", oneKind},
	{
		"mount_setattr", unix.EINVAL, "mounts",
		"an id-mapped mount requires a file system that supports it, with ridmap also those mounted below the " +
			"source, and a source that is not id-mapped already",
	},
	{
		"mount_setattr", unix.EPERM, "mounts",
		"a user namespace can't clear flags that the host has set, nor map the ids of a file system that was " +
			"mounted outside of it",
	},
	{"fsopen", unix.ENODEV, "mounts", "this kernel does not know the file system: is its module loaded?"},
	{"mount", unix.ENODEV, "mounts", "this kernel does not know the file system: is its module loaded?"},
	{
		"fsmount", unix.EPERM, "mounts",
		"a /proc or /sys of the host that is partly covered keeps the kernel from mounting a new one in a user " +
			"namespace",
	},
	{"fsopen", unix.EPERM, "mounts", notOwned},
	{"fsconfig", unix.EPERM, "mounts", notOwned},
	{"fsconfig", unix.EINVAL, "mounts", "the file system does not know this option, or not this value"},
	{
		"write", unix.ERANGE, "linux.timeOffsets",
		"neither clock may be negative in the container: a negative offset must be smaller than the uptime",
	},
	{
		"write", unix.EACCES, "process.oomScoreAdj",
		"a value below the lowest that rt was given requires CAP_SYS_RESOURCE: see /proc/self/oom_score_adj",
	},
	{"sched_setattr", unix.EPERM, "process.scheduler", "real-time policies and lower nice values require CAP_SYS_NICE"},
	{"ioprio_set", unix.EPERM, "process.ioPriority", "IOPRIO_CLASS_RT requires CAP_SYS_NICE or CAP_SYS_ADMIN"},
	{
		"sched_setaffinity", unix.EINVAL, "process.execCPUAffinity",
		"at least one of the CPUs must exist, be online and be in the cpuset of the container: see " +
			"/sys/devices/system/cpu/online",
	},
	{"fsopen", unix.ENODEV, "--", "this kernel does not have the overlay file system: is its module loaded?"},
	{
		"fsconfig", unix.EPERM, "--",
		"an overlay in a user namespace requires Linux 5.11: run rt as root, or use a newer kernel",
	},
	{
		"fsconfig", unix.EINVAL, "--ephemeral-size",
		"the size must be a number with k, m or g, or a percentage of the memory, as 10%",
	},
	{
		"fsconfig", unix.EINVAL, "--",
		"the kernel log (dmesg) says why. The changes can be on ext4, xfs, btrfs or tmpfs, but not on NFS, FAT, " +
			"FUSE or another overlay; in a user namespace no other mount may be below root.path",
	},
	{
		"fsconfig", unix.ENOSPC, "--overlay",
		"the file system of the directory is full, or root.path has too many layers below it",
	},
	{"fsconfig", unix.EROFS, "--overlay", "the directory is on a read-only file system"},
	{"mkdirat", unix.EROFS, "--overlay", "the directory is on a read-only file system"},
	{
		"mkdirat", unix.EACCES, "mounts",
		"the container's root must be able to write to the directory: chown it to the ids that it is mapped to, or " +
			"create the mount point in the image",
	},
	{
		"openat2", unix.EACCES, "mounts",
		"the container's root must be able to enter the directories of the path: chown them to the ids that it is " +
			"mapped to",
	},
	{
		"mkdirat", unix.EACCES, "process.cwd",
		"the container's root must be able to write to the directory: chown it to the ids that it is mapped to, or " +
			"create the working directory in the image",
	},
	{"mkdirat", unix.EACCES, "--overlay", "the container's root must be able to write to the directory"},
	{
		"write", unix.ENOENT, "process.apparmorProfile",
		"the profile is not loaded: aa-status(8) lists those that are, apparmor_parser(8) loads one",
	},
	{
		"write", unix.EACCES, "process.apparmorProfile",
		"the profile that rt itself runs under does not allow the change",
	},
	{
		"write", unix.EINVAL, "process.selinuxLabel",
		"the policy of this machine does not know the label: USER:ROLE:TYPE:LEVEL, see seinfo(1)",
	},
	{
		"write", unix.EACCES, "process.selinuxLabel",
		"the policy does not let rt choose the label of what it executes: see ausearch(8)",
	},
	{
		"fsetxattr", unix.EINVAL, "linux.mountLabel",
		"the policy of this machine does not know the label: USER:ROLE:TYPE:LEVEL, see seinfo(1)",
	},
	{
		"fsconfig", unix.EINVAL, "linux.mountLabel",
		"the policy of this machine does not know the label: USER:ROLE:TYPE:LEVEL, see seinfo(1)",
	},
	{
		"pivot_root", unix.EINVAL, "",
		"the host's root may be an initramfs, which pivot_root(2) can't leave: use --no-pivot",
	},
	{
		"setgroups", unix.EPERM, "process.user",
		"the user namespace allows no groups: an unprivileged user needs newgidmap and a range in /etc/subgid",
	},
	{
		"setresuid", unix.EINVAL, "process.user",
		"the id is not mapped in the container's user namespace: see linux.uidMappings",
	},
	{
		"setresgid", unix.EINVAL, "process.user",
		"the id is not mapped in the container's user namespace: see linux.gidMappings",
	},
	{
		"setgroups", unix.EINVAL, "process.user",
		"a group is not mapped in the container's user namespace: see linux.gidMappings",
	},
	{
		"setresuid", unix.EINVAL, "linux.uidMappings",
		"no mapping for uid 0 in the user namespace: its root sets the container up",
	},
	{
		"setresgid", unix.EINVAL, "linux.uidMappings",
		"no mapping for gid 0 in the user namespace: its root group sets the container up",
	},
	{
		"prlimit64", unix.EPERM, "process.rlimits",
		"raising a hard limit requires CAP_SYS_RESOURCE: ask for at most rt's own limit",
	},
	{"setns", unix.EPERM, "", "joining a namespace requires CAP_SYS_ADMIN in the user namespace that owns it"},
	{"write", unix.EPERM, "linux.sysctl", "the namespace that this value belongs to is not the container's own"},
	{"write", unix.EINVAL, "linux.sysctl", "the kernel refuses this value"},
	{"openat2", unix.EACCES, "linux.sysctl", "only root outside of any user namespace can write it"},
	{
		"clone3", unix.EPERM, "",
		"user namespaces may be forbidden here: see kernel.apparmor_restrict_unprivileged_userns and " +
			"kernel.unprivileged_userns_clone",
	},
	{"clone3", unix.ENOSPC, "", "a limit on the number or the nesting of namespaces is reached: see /proc/sys/user/"},
	{"seccomp", unix.EACCES, "", "a filter without noNewPrivileges requires CAP_SYS_ADMIN, which rt lacks"},
}

// Hint returns one sentence that probably helps when call failed with errno on behalf of the field origin, or "".
func Hint(call string, errno unix.Errno, origin string) string {
	for i := range hints {
		h := &hints[i]
		if h.call == call && h.errno == errno && strings.HasPrefix(origin, h.origin) {
			return h.hint
		}
	}
	return ""
}
