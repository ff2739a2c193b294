package libcontainer

import (
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/state"
)

// Processes returns the pids, as rt's own pid namespace counts, of all processes of a container: those in its cgroup
// and the cgroups below it.
func (r *Runtime) Processes(id string) ([]int, error) {
	o, err := r.openFor(state.Ps, id, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	g, err := cgroup.Load(cgroup.Saved(o.state.Cgroup))
	if err != nil {
		return nil, err
	}
	var pids []int
	if g.Available() {
		pids, err = g.Pids()
	} else if o.status != state.Stopped {
		pids, err = sharing(o.state.Pid)
	}
	slices.Sort(pids)
	return pids, err
}

// sharing returns the processes that are in the pid namespace of pid, for containers that have no cgroup.
func sharing(pid int) ([]int, error) {
	var own, its unix.Stat_t
	err := unix.Stat("/proc/self/ns/pid", &own)
	if err == nil {
		err = unix.Stat("/proc/"+strconv.Itoa(pid)+"/ns/pid", &its)
	}
	if err != nil {
		return nil, diag.Sys("the pid namespace of the container can't be read", "stat", err)
	}
	if own.Ino == its.Ino {
		return nil, &diag.Error{
			Kind: diag.Host, Problem: "the container has neither a cgroup nor a pid namespace of its own, so nothing tells its processes from others",
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
