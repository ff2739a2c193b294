package host

import (
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Answer is the result of a probe.
type Answer uint8

// The answers. To a plan Unknown is No; a report tells them apart, since the remedies differ.
const (
	// The probe can't tell: the call is filtered, or needs a capability that only the container will have.
	Unknown Answer = iota
	Yes
	No
)

// String returns the answer as reports print it.
func (a Answer) String() string {
	switch a {
	case Yes:
		return "yes"
	case No:
		return "no"
	case Unknown:
	}
	return "could not tell"
}

// probe is a test for one feature of the kernel.
type probe struct {
	feature Feature
	name    string // as in the manual pages
	since   string // the first Linux release that has it
	ask     func() Answer
}

// features has a row for each Feature. Each probe is one or two system calls that fail before they do anything, so all
// are made in every run.
var features = []probe{
	{MountSetattr, "mount_setattr(2)", "5.12", mountSetattr},
	{CgroupKill, "cgroup.kill", "5.14", cgroupKill},
	{MemfdExec, "executable memfd", "3.17", memfdExec},
	{NoSymfollow, "MOUNT_ATTR_NOSYMFOLLOW", "5.14", noSymfollow},
	{IDMapMount, "MOUNT_ATTR_IDMAP", "5.12", idMapMount},
	{TmpfsUserXattr, "user.* attributes on tmpfs", "6.6", tmpfsUserXattr},
}

// Probe returns the facts that plans depend on. The cgroup fields stay empty: package cgroup sets them.
func Probe() Facts {
	f := Facts{
		EUID:     uint32(os.Geteuid()),
		EGID:     uint32(os.Getegid()),
		UserNS:   InUserNS(),
		Caps:     permitted(),
		CapLast:  capLast(),
		MayMount: mayMount(),
		AppArmor: appArmor(),
		SELinux:  seLinux(),
	}
	for i := range features {
		if features[i].ask() == Yes {
			f.Features |= features[i].feature
		}
	}
	return f
}

// badFD is a descriptor that no process can have: fs.nr_open, the maximum of RLIMIT_NOFILE, is lower.
const badFD = math.MaxInt32

// mountSetattr passes size 0, which is refused before the caller's rights are checked, so that EINVAL means Yes even
// when unprivileged.
func mountSetattr() Answer {
	_, _, errno := unix.RawSyscall6(unix.SYS_MOUNT_SETATTR, badFD, 0, 0, 0, 0, 0)
	return known(errno, unix.EINVAL)
}

// idMapMount asks for an id-mapped mount with a bad user namespace. The attribute is checked before the descriptor:
// EINVAL means an unknown attribute, EBADF a known one. EPERM (no CAP_SYS_ADMIN) precedes both.
func idMapMount() Answer {
	return mountAttr(unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: badFD})
}

// noSymfollow does the same for its attribute. Without CAP_SYS_ADMIN the probe can't tell, although the boot process
// may have the capability in its own user namespace. Then it probes process_mrelease(2) of Linux 5.15: a kernel with it
// has the older attribute too.
func noSymfollow() Answer {
	a := mountAttr(unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSYMFOLLOW})
	if a == Unknown && processMrelease() == Yes {
		return Yes
	}
	return a
}

// mountAttr probes whether mount_setattr(2) knows the attributes, on a bad descriptor.
func mountAttr(attr unix.MountAttr) Answer {
	empty := [1]byte{}
	_, _, errno := unix.RawSyscall6(unix.SYS_MOUNT_SETATTR, badFD, uintptr(unsafe.Pointer(&empty)), unix.AT_EMPTY_PATH,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno == unix.EINVAL {
		return No
	}
	return known(errno, unix.EBADF)
}

// cgroupKill can't look for the file: the root cgroup lacks it, and cgroups may not be mounted yet. It probes
// process_mrelease(2), which is one release newer. On 5.14 the answer is Unknown, and processes are killed one by one,
// which is always right.
func cgroupKill() Answer {
	if processMrelease() == Yes {
		return Yes
	}
	return Unknown
}

// processMrelease passes an invalid flag, which the call checks first.
func processMrelease() Answer {
	_, _, errno := unix.RawSyscall(unix.SYS_PROCESS_MRELEASE, badFD, 1, 0)
	return known(errno, unix.EINVAL)
}

// mayMount passes an invalid flag to fsopen(2). The right to mount is checked first: EPERM without it, EINVAL with it.
func mayMount() bool {
	const unknownFlag = 1 << 31
	_, _, errno := unix.RawSyscall(unix.SYS_FSOPEN, 0, unknownFlag, 0)
	return errno == unix.EINVAL
}

// memfdExec asks for an executable memfd with an unreadable name. vm.memfd_noexec of this pid namespace and its
// ancestors is checked first: EACCES. EFAULT means that only the name was wrong. EINVAL means a kernel without MFD_EXEC
// (before Linux 6.3), where every memfd is executable. Reading the sysctl would be three calls, and would fail where
// /proc/sys is masked.
func memfdExec() Answer {
	_, _, errno := unix.RawSyscall(unix.SYS_MEMFD_CREATE, 0, unix.MFD_CLOEXEC|unix.MFD_EXEC, 0)
	if errno == unix.EACCES {
		return No
	}
	if errno == unix.EINVAL {
		return Yes
	}
	return known(errno, unix.EFAULT)
}

// tmpfsUserXattr has no tmpfs to write to. It probes fchmodat2(2) of the same release, which checks its flags first.
func tmpfsUserXattr() Answer {
	const unknownFlag = 1
	_, _, errno := unix.RawSyscall6(unix.SYS_FCHMODAT2, badFD, 0, 0, unknownFlag, 0, 0)
	return known(errno, unix.EINVAL)
}

// known derives the answer from the errno of a call that should fail with want. A seccomp filter usually returns EPERM,
// a better one ENOSYS; either way the call is not available.
func known(errno, want unix.Errno) Answer {
	switch errno {
	case want:
		return Yes
	case unix.ENOSYS:
		return No
	}
	return Unknown
}

// initUserNS is the inode of the initial user namespace: PROC_USER_INIT_INO of include/linux/proc_ns.h, part of the
// kernel's interface since Linux 3.8.
const initUserNS = 0xEFFFFFFD

// InUserNS reports whether this process is in a user namespace other than the initial one. It does not read uid_map: an
// identity map of the whole range, which service managers write, looks like the initial one. Without /proc the result
// is false, and rt does not work anyway.
func InUserNS() bool {
	var st unix.Stat_t
	err := unix.Stat("/proc/self/ns/user", &st)
	return err == nil && st.Ino != initUserNS
}

// permitted returns the permitted set of this thread, which all threads of rt share (capabilities(7)); 0 on an error.
func permitted() uint64 {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return 0
	}
	return uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
}

// capLast probes one capability after another, from the last one that every supported kernel has
// (CAP_CHECKPOINT_RESTORE, Linux 5.9). That is two calls instead of three to read /proc/sys/kernel/cap_last_cap, and
// needs no /proc.
func capLast() uint8 {
	last := uint8(unix.CAP_CHECKPOINT_RESTORE)
	for last < 63 {
		_, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, uintptr(last)+1, 0)
		if errno != 0 {
			break
		}
		last++
	}
	return last
}

// appArmor reads the parameter that the kernel clears when AppArmor is not in use, whatever the reason (apparmor=0,
// lsm=, not built).
func appArmor() bool {
	fd, err := unix.Open("/sys/module/apparmor/parameters/enabled", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	var b [1]byte
	n, err := unix.Read(fd, b[:])
	_ = unix.Close(fd)
	return err == nil && n == 1 && b[0] == 'Y'
}

// seLinux looks for a writable selinuxfs: a read-only one tells a container that SELinux is disabled for it
// (selinux(8), libselinux). selinux.GetEnabled begins with the same call, but reads /proc/filesystems where this says
// no: docs/decisions/0015.
func seLinux() bool {
	var st unix.Statfs_t
	err := unix.Statfs("/sys/fs/selinux", &st)
	return err == nil && uint32(st.Type) == unix.SELINUX_MAGIC && st.Flags&unix.ST_RDONLY == 0
}

// ProcPidNS reports whether procfs has the mount option pidns (Linux 6.18). A kernel without it refuses the name
// (EINVAL), one with it does not find the path. It takes CAP_SYS_ADMIN. Few plans depend on it, so it is not among
// Facts.
func ProcPidNS() bool {
	fs, err := unix.Fsopen("proc", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return false
	}
	err = unix.FsconfigSetString(fs, "pidns", "/proc/self/ns/none")
	_ = unix.Close(fs)
	return err != nil && err != unix.EINVAL
}
