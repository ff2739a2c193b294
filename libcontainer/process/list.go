package process

import (
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
)

// InPidNamespaceOf lists the processes in the pid namespace of a process, for a container without a cgroup. A process
// in rt's own pid namespace is an error: nothing tells its container's processes from others.
func InPidNamespaceOf(pid int) ([]int, error) {
	var own, its unix.Stat_t
	err := unix.Stat("/proc/self/ns/pid", &own)
	if err == nil {
		err = unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/pid", &its)
	}
	if err != nil {
		return nil, diag.Sys("the pid namespace of the container can't be found", "stat", err)
	}
	if own.Ino == its.Ino {
		return nil, &diag.Error{
			Kind: diag.Host,
			Problem: "the container has neither a cgroup nor a pid namespace of its own, " +
				"so nothing tells its processes from others",
		}
	}
	pids, err := listPidNamespace(its.Ino)
	if err != nil {
		return nil, &diag.Error{Kind: diag.Host, Problem: "the processes of this machine can't be listed", Err: err}
	}
	return pids, nil
}

// listPidNamespace lists the processes in the pid namespace with an inode number.
func listPidNamespace(inode uint64) (pids []int, err error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		var st unix.Stat_t
		if err == nil && unix.Stat("/proc/"+e.Name()+"/ns/pid", &st) == nil && st.Ino == inode {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// First returns the pid, in rt's pid namespace, of the first process of the pid namespace that a descriptor refers to;
// 0 if that process is not visible. Linux 6.11 returns it (NS_GET_TGID_FROM_PIDNS in ioctl_nsfs(2)). Before, First
// searches /proc.
func First(namespace int) int {
	const firstPid = 1
	pid, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(namespace), unix.NS_GET_TGID_FROM_PIDNS, firstPid)
	switch errno {
	case 0:
		return int(pid)
	case unix.ENOTTY:
		return findFirst(namespace)
	}
	return 0
}

// findFirst searches /proc for the process whose pid in a pid namespace is 1: NSpid in proc_pid_status(5).
func findFirst(namespace int) int {
	var st unix.Stat_t
	if unix.Fstat(namespace, &st) != nil {
		return 0
	}
	pids, _ := listPidNamespace(st.Ino)
	for _, pid := range pids {
		text, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
		if inner := sys.StatusFields(text, "NSpid"); len(inner) > 0 && inner[len(inner)-1] == "1" {
			return pid
		}
	}
	return 0
}

// FindTracer returns a process that sees those of the pid namespace of a descriptor and may get CAP_SYS_PTRACE over
// processes in rt's user namespace: it is in that, and the capability is permitted or in its bounding set
// (capabilities(7)). It is in the pid namespace, or in one of those above it (pid_namespaces(7)) up to rt's own, whose
// processes are the host's. FindTracer returns 0 if there is none.
func FindTracer(namespace int) (int, error) {
	var own, user unix.Stat_t
	err := unix.Stat("/proc/self/ns/pid", &own)
	if err == nil {
		err = unix.Stat("/proc/self/ns/user", &user)
	}
	if err != nil {
		return 0, diag.Sys("the namespaces of rt can't be examined", "stat", err)
	}
	return findTracer(namespace, own.Ino, user.Ino)
}

// findTracer is FindTracer with the inodes of rt's own pid and user namespaces.
func findTracer(namespace int, ownPids, ownUsers uint64) (int, error) {
	var st unix.Stat_t
	if err := unix.Fstat(namespace, &st); err != nil {
		return 0, diag.Sys("the pid namespace to join can't be examined", "fstat", err)
	}
	if st.Ino == ownPids {
		return 0, nil
	}
	pids, err := listPidNamespace(st.Ino)
	if err != nil {
		return 0, &diag.Error{Kind: diag.Host, Problem: "the processes of this machine can't be listed", Err: err}
	}
	for _, pid := range pids {
		if mayTrace(pid, ownUsers) {
			return pid, nil
		}
	}
	parent, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(namespace), unix.NS_GET_PARENT, 0)
	switch errno {
	case 0:
	case unix.EPERM: // rt's own is not above this one
		return 0, nil
	default:
		return 0, diag.Sys("the pid namespace above the one to join can't be opened", "ioctl", errno)
	}
	defer func() { _ = unix.Close(int(parent)) }()
	return findTracer(int(parent), ownPids, ownUsers)
}

// mayTrace reports whether a process is in a user namespace, and may get CAP_SYS_PTRACE there. A process that has ended
// may not; one whose privileges are not understood may.
func mayTrace(pid int, userNamespace uint64) bool {
	var user unix.Stat_t
	err := unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/user", &user)
	if err != nil || user.Ino != userNamespace {
		return false
	}
	s, err := ReadStatus(pid)
	if err != nil {
		return !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ESRCH)
	}
	return (s.Capabilities.Permitted|s.Capabilities.Bounding)&(1<<unix.CAP_SYS_PTRACE) != 0
}
