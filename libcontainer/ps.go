package libcontainer

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Processes returns the pids of all processes of the container, sorted, as the pid namespace of the caller counts:
// those in its cgroup and the cgroups below it.
func (c *Container) Processes(ctx context.Context) ([]int, error) {
	by, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.openFor(by, state.Ps, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	return o.processes()
}

func (o *opened) processes() ([]int, error) {
	g, err := o.loadCgroup()
	if err != nil {
		return nil, err
	}
	var pids []int
	if g.Available() {
		pids, err = g.Pids()
	} else if o.status != state.Stopped {
		pids, err = process.InPidNamespaceOf(o.state.Pid)
	}
	slices.Sort(pids)
	return pids, err
}

// Member is a process of a container.
type Member struct {
	Pid, Parent int
	Name        string // the kernel's name of it (comm), which the process itself can change
}

// Namespace is a namespace that the first process of a container is in.
type Namespace struct {
	Type  string // as in /proc/PID/ns: "mnt"
	Inode uint64
	Own   bool // not the one that rt is in
}

// Anatomy is what a container consists of, as the kernel has it.
type Anatomy struct {
	State      State
	Cgroups    []string // its directories, without those that are another's parts
	Namespaces []Namespace
	Members    []Member
}

// Anatomy returns what the container consists of.
func (c *Container) Anatomy(ctx context.Context) (*Anatomy, error) {
	by, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.open(by, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	if err := o.read(); err != nil {
		return nil, err
	}
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
			a.Members = append(a.Members, Member{pid, parentOf(pid), name})
		}
	}
	for _, k := range process.Namespaces {
		var its, own unix.Stat_t
		if unix.Stat("/proc/"+strconv.Itoa(s.Pid)+"/ns/"+k.Link, &its) != nil {
			continue // rt may not see it, or this kernel has none
		}
		isOwn := unix.Stat("/proc/self/ns/"+k.Link, &own) == nil && own.Ino != its.Ino
		a.Namespaces = append(a.Namespaces, Namespace{k.Link, its.Ino, isOwn})
	}
	return a, nil
}

// parentOf returns the parent of a process, 0 if that is not known: proc_pid_stat(5).
func parentOf(pid int) int {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	const parent = 1 // behind the state, which follows the name
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= parent {
		return 0
	}
	n, err := strconv.Atoi(fields[parent])
	if err != nil {
		return 0
	}
	return n
}
