// Package host probes the features of this machine, once per run of rt.
//
// It turns probes (system calls that change nothing) into Facts, a plain value. Package plan takes it as an argument,
// so that a plan for any kernel can be compiled and tested on any machine. Package host runs in rt only. It never
// parses a kernel version: a probe is also right with backports and seccomp filters.
package host

import "golang.org/x/sys/unix"

// Feature is a set of kernel features, one bit each, so that Facts is comparable.
type Feature uint64

// The features that plans depend on. What every supported kernel has (Linux 5.10: openat2, clone3, pidfd, open_tree,
// close_range) is not listed.
const (
	MountSetattr   Feature = 1 << iota // mount_setattr(2), Linux 5.12
	CgroupKill                         // cgroup.kill, Linux 5.14
	MemfdExec                          // a memfd may be executed: vm.memfd_noexec is below 2
	NoSymfollow                        // MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW, Linux 5.10 and 5.14
	IDMapMount                         // MOUNT_ATTR_IDMAP, Linux 5.12
	TmpfsUserXattr                     // a tmpfs has user.* attributes, Linux 6.6
)

// CgroupMode is how this machine mounts cgroups (cgroups(7)).
type CgroupMode uint8

// The modes. Hybrid is v1 with an extra, controller-less cgroup2 mount at /sys/fs/cgroup/unified.
const (
	CgroupNone CgroupMode = iota
	CgroupV1
	CgroupHybrid
	CgroupV2
)

// Hierarchy is a mounted cgroup hierarchy, for mounts of type cgroup inside the container.
type Hierarchy struct {
	Name        string   // the directory below /sys/fs/cgroup: "cpu,cpuacct", "systemd", "unified"; "" on v2
	Controllers string   // the data of mount(2): "cpu,cpuacct", "name=systemd", "" on v2 and unified
	Links       []string // further names of the directory, symbolic links to it: "cpu", "cpuacct"
	V2          bool
	Path        string // host path of the container's own cgroup in it: "/sys/fs/cgroup/memory/web1"
}

// Facts are the probed properties of this machine and of this user.
type Facts struct {
	Features Feature
	EUID     uint32
	EGID     uint32
	// UserNS says that rt runs in a user namespace other than the initial one: mknod and some mounts are refused there.
	UserNS bool
	// Caps is rt's permitted set: rt can't give a container a capability that it lacks.
	Caps uint64
	// MayMount says that rt has CAP_SYS_ADMIN over its mount namespace. Root of a user namespace has it in Caps, but
	// not over an older mount namespace (`unshare --user --map-root-user`).
	MayMount bool
	// CapLast is the highest capability this kernel knows (/proc/sys/kernel/cap_last_cap).
	CapLast uint8

	CgroupMode  CgroupMode
	Hierarchies []Hierarchy // of the container; filled by package cgroup

	AppArmor bool // AppArmor is enabled
	SELinux  bool // SELinux is enabled
}

// SysAdmin reports whether rt has CAP_SYS_ADMIN in its user namespace, and so in those that it makes. For mounts see
// MayMount.
func (f *Facts) SysAdmin() bool { return f.Caps&(1<<unix.CAP_SYS_ADMIN) != 0 }

// Has reports whether the kernel has all features of the set.
func (f *Facts) Has(feature Feature) bool { return f.Features&feature == feature }
