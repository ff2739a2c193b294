package libcontainer

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// ResourceUsage is what a container uses at a moment.
type ResourceUsage struct {
	*Stats
	At       time.Time
	OOMKills uint64 // how many of its processes were OOM-killed
}

// Usage reads what a container uses.
func (r *Runtime) Usage(id string) (*ResourceUsage, error) {
	w, err := r.call(context.Background()).watch(id)
	if err != nil {
		return nil, err
	}
	defer w.close()
	stats, err := w.stats()
	if err != nil {
		return nil, err
	}
	return &ResourceUsage{Stats: stats, At: time.Now(), OOMKills: w.group.OOMKills()}, nil
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
	State      *state.State
	Status     state.Status
	Cgroups    []string // its directories, without those that are another's parts
	Namespaces []Namespace
	Members    []Member
}

// Anatomy looks at a container.
func (r *Runtime) Anatomy(id string) (*Anatomy, error) {
	s, status, err := r.State(id)
	if err != nil {
		return nil, err
	}
	a := &Anatomy{State: s, Status: status}
	for _, path := range s.Cgroup.Paths {
		if !slices.Contains(a.Cgroups, path) {
			a.Cgroups = append(a.Cgroups, path)
		}
	}
	slices.Sort(a.Cgroups)
	if status == state.Stopped || !state.Alive(s.Pid, s.StartTime) {
		return a, nil
	}
	pids, err := r.Processes(id)
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
