package process

import (
	"bytes"
	"os"
	"strconv"

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
		_, rest, _ := bytes.Cut(text, []byte("\nNSpid:"))
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		if inner := bytes.Fields(line); len(inner) > 0 && string(inner[len(inner)-1]) == "1" {
			return pid
		}
	}
	return 0
}
