// Package cgroup makes a container's cgroups and applies its limits. Later it reads their accounting, and freezes,
// kills and removes what is in them.
//
// It turns linux.cgroupsPath and linux.resources into directories and files below /sys/fs/cgroup, on cgroup v1, v2 and
// the hybrid of both, itself or through systemd. It runs in rt only, never in the boot process, and nothing else in the
// tree writes cgroupfs. It refuses a cgroup that already holds processes or is frozen, a path with "..", and every
// limit that can't be set; the error names the field, the file and the reason. If rt has no right to make a cgroup, a
// container that asks for no limits stays in rt's own.
//
// The files are written by github.com/opencontainers/cgroups, which knows every file of every controller. Three things
// are done here: making the directories (so that a failure removes exactly what was made), enabling controllers (only
// those that are needed, only where they are missing), and the device filter of v2 (the library's needs another
// dependency). New, Create and Dir of a container without limits are six system calls on v2, three of them for the
// device rules, and 64 on a machine with ten hierarchies of v1. The library's NewManager, Apply and Set make 33 and 190
// without any device rules, and on v2 write to cgroup.subtree_control at every level.
//
// It follows config-linux.md#control-groups of the runtime specification, cgroups(7), and in the kernel's
// Documentation/admin-guide/ cgroup-v2.rst and cgroup-v1/.
package cgroup
