package libcontainer

import (
	"context"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Processes returns the pids of all processes in the container's cgroup and its descendants, sorted, in the pid
// namespace of the caller.
func (c *Container) Processes(ctx context.Context) ([]int, error) {
	caller, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.openFor(caller, state.Ps, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	return o.processes()
}

// processes returns the pids of the processes of the container, sorted.
func (o *openContainer) processes() ([]int, error) {
	g, err := o.loadCgroup()
	if err != nil {
		return nil, err
	}
	defer g.Close()
	var pids []int
	if g.Available() {
		pids, err = g.Pids()
	} else if o.status != state.Stopped {
		pids, err = process.InPidNamespaceOf(o.state.Pid)
	}
	slices.Sort(pids)
	return pids, err
}

// Process is a process of a container.
type Process struct {
	Pid, Parent int    // in the pid namespace of the caller; the parent may be outside the container
	Name        string // comm of proc_pid_comm(5), which the process itself can change
}

// Namespace is a namespace of the init of a container.
type Namespace struct {
	Type  string // the name of the link in /proc/PID/ns: "mnt"
	Inode uint64 // identifies the namespace on this host: namespaces(7)
	Own   bool   // it is not the namespace of the caller
}

// Anatomy is the state of a container, and its parts in the kernel. A stopped container has a state and cgroups only.
type Anatomy struct {
	State      State
	Cgroups    []string // the directories of its cgroup, one for each hierarchy, sorted
	Namespaces []Namespace
	Processes  []Process
}

// Anatomy returns the cgroups, namespaces and processes of the container.
func (c *Container) Anatomy(ctx context.Context) (a *Anatomy, err error) {
	err = c.examine(ctx, func(o *openContainer) (err error) {
		if err = o.read(); err == nil {
			a, err = o.anatomy()
		}
		return err
	})
	return a, err
}

// anatomy returns the parts of the container in the kernel.
func (o *openContainer) anatomy() (*Anatomy, error) {
	s := o.state
	a := &Anatomy{State: publicState(s, o.status)}
	for _, path := range s.Cgroup.Paths {
		if !slices.Contains(a.Cgroups, path) {
			a.Cgroups = append(a.Cgroups, path)
		}
	}
	slices.Sort(a.Cgroups)
	if alive, err := state.Alive(s.Pid, s.StartTime); o.status == state.Stopped || err != nil || !alive {
		return a, err
	}
	pids, err := o.processes()
	if err != nil {
		return nil, err
	}
	for _, pid := range pids {
		if name, zombie := process.Name(pid); name != "" && !zombie {
			parent, _ := state.Parent(pid) // 0 if the process has ended
			a.Processes = append(a.Processes, Process{pid, parent, name})
		}
	}
	for _, k := range process.Namespaces {
		var its, own unix.Stat_t
		if unix.Stat("/proc/"+strconv.Itoa(s.Pid)+"/ns/"+k.Link, &its) != nil {
			continue // no permission, or this kernel has no such namespaces
		}
		isOwn := unix.Stat("/proc/self/ns/"+k.Link, &own) == nil && own.Ino != its.Ino
		a.Namespaces = append(a.Namespaces, Namespace{k.Link, its.Ino, isOwn})
	}
	return a, nil
}
