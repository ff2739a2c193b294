package process

import (
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
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, &diag.Error{Kind: diag.Host, Problem: "the processes of this machine can't be listed", Err: err}
	}
	var pids []int
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		var st unix.Stat_t
		if err == nil && unix.Stat("/proc/"+e.Name()+"/ns/pid", &st) == nil && st.Ino == its.Ino {
			pids = append(pids, n)
		}
	}
	return pids, nil
}
