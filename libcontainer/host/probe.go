package host

import (
	"math"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Answer is what a probe found out.
type Answer uint8

// The answers. A plan takes Unknown for No; a report tells them apart, since the mending differs.
const (
	Unknown Answer = iota // this process may not ask: the call is filtered, or wants a right that only the container will have
	Yes
	No
)

// String is the answer as a report prints it.
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

// probe is one question to the kernel.
type probe struct {
	feature Feature
	name    string // as the manual spells it
	since   string // the release of Linux that brought it
	ask     func() Answer
}

// features has a row for each Feature. Each costs at most one or two system calls that fail before they do anything, so all
// are asked in every run.
var features = []probe{
	{MountSetattr, "mount_setattr(2)", "5.12", mountSetattr},
	{CgroupKill, "cgroup.kill", "5.14", cgroupKill},
	{MemfdExec, "executable memfd", "3.17", memfdExec},
	{NoSymfollow, "MOUNT_ATTR_NOSYMFOLLOW", "5.14", noSymfollow},
	{IDMapMount, "MOUNT_ATTR_IDMAP", "5.12", idMapMount},
	{TmpfsUserXattr, "user.* attributes on tmpfs", "6.6", tmpfsUserXattr},
}

// Probe asks this machine all that plans depend on. The cgroup fields stay empty: they are package cgroup's.
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

// badFD is a descriptor that no process has: RLIMIT_NOFILE can't be raised that far (fs.nr_open is below it).
const badFD = math.MaxInt32

// mountSetattr passes size 0, which is refused before the caller's rights are looked at, so that EINVAL means "known" even when unprivileged.
func mountSetattr() Answer {
	_, _, errno := unix.RawSyscall6(unix.SYS_MOUNT_SETATTR, badFD, 0, 0, 0, 0, 0)
	return known(errno, unix.EINVAL)
}

// idMapMount asks for an id-mapped mount by a user namespace that does not exist. The attribute is looked at before the descriptor:
// EINVAL is an unknown attribute, EBADF a known one, EPERM (no CAP_SYS_ADMIN) comes before both.
func idMapMount() Answer {
	return mountAttr(unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: badFD})
}

// noSymfollow does the same for its attribute. Without CAP_SYS_ADMIN the kernel won't say, although the boot process may well have the
// right in its own user namespace. process_mrelease(2), Linux 5.15, then bears witness: what has it has the older attribute too.
func noSymfollow() Answer {
	a := mountAttr(unix.MountAttr{Attr_set: unix.MOUNT_ATTR_NOSYMFOLLOW})
	if a == Unknown && processMrelease() == Yes {
		return Yes
	}
	return a
}

// mountAttr asks whether mount_setattr(2) knows the attributes, on a mount that does not exist.
func mountAttr(attr unix.MountAttr) Answer {
	empty := [1]byte{}
	_, _, errno := unix.RawSyscall6(unix.SYS_MOUNT_SETATTR, badFD, uintptr(unsafe.Pointer(&empty)), unix.AT_EMPTY_PATH,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if errno == unix.EINVAL {
		return No
	}
	return known(errno, unix.EBADF)
}

// cgroupKill can't look for the file: only a cgroup below the root has it, and none need be mounted yet. The system call that came one
// release later is the witness. On 5.14 itself that means Unknown, and killing process by process, which is right everywhere.
func cgroupKill() Answer {
	if processMrelease() == Yes {
		return Yes
	}
	return Unknown
}

// processMrelease passes a flag that the call refuses before anything else.
func processMrelease() Answer {
	_, _, errno := unix.RawSyscall(unix.SYS_PROCESS_MRELEASE, badFD, 1, 0)
	return known(errno, unix.EINVAL)
}

// mayMount passes fsopen(2) a flag that it does not have. The right to mount is looked at first: EPERM without it, EINVAL with it.
func mayMount() bool {
	const unknownFlag = 1 << 31
	_, _, errno := unix.RawSyscall(unix.SYS_FSOPEN, 0, unknownFlag, 0)
	return errno == unix.EINVAL
}

// memfdExec asks for an executable memfd with a name that can't be read. vm.memfd_noexec of this pid namespace and its ancestors is looked at first and
// answers EACCES; EFAULT means that only the name was wrong. EINVAL means that the kernel does not know MFD_EXEC yet (Linux 6.3), when every
// memfd could be executed. Reading the sysctl would cost three calls, and find nothing where /proc/sys is masked.
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

// tmpfsUserXattr has no tmpfs at hand that it could write to. fchmodat2(2), which came with the same release and refuses a flag before it looks at anything,
// is the witness.
func tmpfsUserXattr() Answer {
	const unknownFlag = 1
	_, _, errno := unix.RawSyscall6(unix.SYS_FCHMODAT2, badFD, 0, 0, unknownFlag, 0, 0)
	return known(errno, unix.EINVAL)
}

// known reads the answer off the errno of a call that was made to fail with want.
// A seccomp filter usually says EPERM, a well-made one ENOSYS, so ENOSYS does not blame the kernel for certain; but the call is not there.
func known(errno, want unix.Errno) Answer {
	switch errno {
	case want:
		return Yes
	case unix.ENOSYS:
		return No
	}
	return Unknown
}

// initUserNS is the inode of the initial user namespace: PROC_USER_INIT_INO of include/linux/proc_ns.h, part of the kernel's interface since Linux 3.8.
const initUserNS = 0xEFFFFFFD

// InUserNS reports whether this process is in a user namespace other than the initial one.
// It does not look at uid_map: an identity map of the whole range, which service managers write, looks like the initial one.
// Without /proc it says no, and nothing of rt works anyway.
func InUserNS() bool {
	var st unix.Stat_t
	err := unix.Stat("/proc/self/ns/user", &st)
	return err == nil && st.Ino != initUserNS
}

// permitted is the permitted set of this thread, which is that of all threads of rt (capabilities(7)); 0 if the kernel won't say.
func permitted() uint64 {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if unix.Capget(&hdr, &data[0]) != nil {
		return 0
	}
	return uint64(data[1].Permitted)<<32 | uint64(data[0].Permitted)
}

// capLast asks for one capability after another, from the last one that every supported kernel has (CAP_CHECKPOINT_RESTORE, Linux 5.9).
// That is two calls instead of the three that reading /proc/sys/kernel/cap_last_cap takes, and no need of /proc.
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

// appArmor reads the parameter that the kernel clears when the LSM is not in use, whatever the cause (apparmor=0, lsm=, not built).
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

// seLinux looks for selinuxfs, mounted writable: a read-only one is how a container is told that SELinux is not its business (selinux(8), libselinux).
func seLinux() bool {
	var st unix.Statfs_t
	err := unix.Statfs("/sys/fs/selinux", &st)
	return err == nil && uint32(st.Type) == unix.SELINUX_MAGIC && st.Flags&unix.ST_RDONLY == 0
}
