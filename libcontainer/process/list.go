package process

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
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
		if inner := statusFields(text, "NSpid"); len(inner) > 0 && inner[len(inner)-1] == "1" {
			return pid
		}
	}
	return 0
}

// statusFields returns the fields of a line of proc_pid_status(5); nil if there is none.
func statusFields(text []byte, key string) []string {
	_, rest, _ := strings.Cut("\n"+string(text), "\n"+key+":")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.Fields(line)
}

// FindTracer returns a process in the pid namespace of a descriptor that may get CAP_SYS_PTRACE over processes in rt's
// user namespace: it is in that namespace, and the capability is permitted or in its bounding set (capabilities(7)). It
// returns 0 if there is none, and for rt's own pid namespace, whose processes are the host's.
func FindTracer(namespace int) (int, error) {
	var own, joined, user unix.Stat_t
	err := unix.Fstat(namespace, &joined)
	if err == nil {
		err = unix.Stat("/proc/self/ns/pid", &own)
	}
	if err == nil {
		err = unix.Stat("/proc/self/ns/user", &user)
	}
	if err != nil {
		return 0, diag.Sys("the pid namespace to join can't be examined", "stat", err)
	}
	if joined.Ino == own.Ino {
		return 0, nil
	}
	pids, err := listPidNamespace(joined.Ino)
	if err != nil {
		return 0, &diag.Error{Kind: diag.Host, Problem: "the processes of this machine can't be listed", Err: err}
	}
	for _, pid := range pids {
		if mayTrace(pid, user.Ino) {
			return pid, nil
		}
	}
	return 0, nil
}

// mayTrace reports whether a process is in a user namespace, and may get CAP_SYS_PTRACE there. A process that has ended
// may not.
func mayTrace(pid int, userNamespace uint64) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	var user unix.Stat_t
	text, err := os.ReadFile(dir + "/status")
	if err != nil || unix.Stat(dir+"/ns/user", &user) != nil || user.Ino != userNamespace {
		return false
	}
	for _, key := range []string{"CapPrm", "CapBnd"} {
		set, _ := strconv.ParseUint(strings.Join(statusFields(text, key), ""), 16, 64)
		if set&(1<<unix.CAP_SYS_PTRACE) != 0 {
			return true
		}
	}
	return false
}
