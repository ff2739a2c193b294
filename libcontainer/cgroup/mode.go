package cgroup

import (
	"rt/libcontainer/host"

	"golang.org/x/sys/unix"
)

// root is where every system that rt supports mounts its cgroups (cgroups(7), file-hierarchy(7)).
const root = "/sys/fs/cgroup"

// Mode returns how this machine mounts cgroups, by the types of the file systems at /sys/fs/cgroup and, if that is a
// tmpfs, below it.
func Mode() host.CgroupMode {
	var st unix.Statfs_t
	if unix.Statfs(root, &st) != nil {
		return host.CgroupNone
	}
	switch {
	case st.Type == unix.CGROUP2_SUPER_MAGIC:
		return host.CgroupV2
	case st.Type != unix.TMPFS_MAGIC:
		// An empty directory of sysfs: nothing is mounted.
		return host.CgroupNone
	case unix.Statfs(root+"/unified", &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC:
		return host.CgroupHybrid
	}
	return host.CgroupV1
}
