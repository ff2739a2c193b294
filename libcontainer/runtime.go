package libcontainer

import (
	"path/filepath"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/nsenter"
	"rt/spec"
)

// Runtime makes containers and finds them again. The zero value has the settings of rt without options. A Runtime may
// be used by several goroutines at once, as long as none of them changes its fields. It has a method for each command
// of rt(8), and few of its own.
type Runtime struct {
	Root          string // the state directory; "" is /run/rt for root, and $XDG_RUNTIME_DIR/rt for others
	SystemdCgroup bool   // let systemd make the cgroups
	NoCgroup      bool   // make none
	// Rootless is "true" if this process can't expect the rights of the host's root, "false" if it can; "auto" and ""
	// let rt find out.
	Rootless string
	// Command is set by a program that does for one container what rt(8) does, and nothing else. It gives the whole
	// process to that container: in the foreground its signals are forwarded and it becomes a subreaper, a signal to
	// end undoes what is not complete, descriptors from 3 on become close-on-exec before hooks run, and the sockets of
	// its service manager (NOTIFY_SOCKET, LISTEN_FDS) go to the container. Without it no call changes the process or
	// reads these variables.
	Command bool
	// Debug gets a line for each thing that rt does; nil drops them. Calls at the same time call it at the same time.
	Debug func(line string)

	// edit changes a plan before it is carried out. Only the tests of this package can set it, to fail one step of a
	// plan after the other: an error path that can't be reached in any other way is one that was never tried.
	edit func(*plan.Plan)
	// resctrl is where the resctrl file system is; "" finds it. Only tests set it, on machines that have none.
	resctrl string
}

// TraceEvent is one step that a boot process has carried out.
type TraceEvent struct {
	Step                         int // as `rt plan` numbers it
	Text, Sentence, Origin, Part string
	Result                       int64 // of the system call; the errno negated
	Start, End                   int64 // nanoseconds of CLOCK_MONOTONIC
	Pid                          int
}

// tracer hands on what steps report of themselves; nil if nobody wants to know. pid is the container's process, once it
// is there.
func tracer(p *plan.Plan, to func(TraceEvent), pid *int) func(*nsenter.Step, nsenter.Record) {
	if to == nil {
		return nil
	}
	return func(step *nsenter.Step, record nsenter.Record) {
		e := TraceEvent{Step: int(step.Number), Result: record.Value, Start: record.Start, End: record.End, Pid: *pid}
		plain := p.Plain()
		i := e.Step - 1
		s := &plain.Steps[i]
		e.Text, e.Sentence, e.Origin, e.Part = plain.Text(i), s.Sentence, s.Origin, plain.Part(i)
		to(e)
	}
}

// Listed is an entry of List.
type Listed struct {
	*state.State
	Status state.Status
}

// rootless reports whether rt can't expect the rights of the host's root.
func (r *Runtime) rootless(f *host.Facts) bool {
	switch r.Rootless {
	case "true":
		return true
	case "false":
		return false
	}
	return f.EUID != 0 || f.UserNS
}

// root opens the directory of all state.
func (r *Runtime) root(create bool) (*state.Root, error) {
	path, err := r.rootPath()
	if err != nil {
		return nil, err
	}
	return state.OpenRoot(path, create)
}

// rootPath is the absolute path of the directory of all state.
func (r *Runtime) rootPath() (string, error) {
	path := r.Root
	if path == "" {
		path = state.DefaultRoot()
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", &diag.Error{Kind: diag.Usage, Field: "--root", Value: r.Root, Err: err}
	}
	return path, nil
}

// open opens the directory of one container, with the lock that changing it takes.
func (r *Runtime) open(id string, lock bool) (*state.Root, *state.Container, error) {
	root, err := r.root(false)
	if err != nil {
		return nil, nil, err
	}
	c, err := root.Open(id, lock)
	if err != nil {
		root.Close()
		return nil, nil, err
	}
	return root, c, nil
}

func (r *Runtime) debug(line string) {
	if r.Debug != nil {
		r.Debug(line)
	}
}

func (r *call) warn(lines ...string) { r.warnings = append(r.warnings, lines...) }

// findCgroup finds the cgroup of a container that is to be created, and completes the facts of this machine with its
// hierarchies.
func (r *call) findCgroup(id string, config *spec.Spec, facts *host.Facts) (*cgroup.Group, error) {
	c := inspect.Cgroup(config, facts)
	c.ID, c.Systemd, c.Disabled, c.Rootless = id, r.SystemdCgroup, r.NoCgroup, r.rootless(facts)
	g, err := cgroup.New(c)
	if err != nil {
		return nil, err
	}
	g.DropInaccessible()
	facts.CgroupMode, facts.Hierarchies = g.Mode(), g.Hierarchies()
	return g, nil
}

// findRdt finds the class that linux.intelRdt names, for a container that is to be created; nil without it.
func (r *Runtime) findRdt(id string, config *spec.Spec) (*rdt.Group, error) {
	l := config.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil, nil //nolint:nilnil // no class is no error
	}
	root, err := r.resctrlRoot()
	if err != nil {
		return nil, err
	}
	return rdt.Find(root, id, l.IntelRdt)
}

// resctrlRoot returns the directory where resctrl is mounted.
func (r *Runtime) resctrlRoot() (string, error) {
	if r.resctrl != "" {
		return r.resctrl, nil
	}
	return rdt.Mounted()
}
