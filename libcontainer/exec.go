package libcontainer

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/engine"
	"rt/libcontainer/inspect"
	"rt/libcontainer/join"
	"rt/libcontainer/plan"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/nsenter"
	"rt/spec"
)

// Exec runs another program in a container. In the foreground it waits until the program ends; if ctx is cancelled
// meanwhile, the program is killed with SIGKILL and the error wraps context.Cause(ctx). With Detach it returns when the
// program runs; it is a child of this process, which has to wait for it: os.FindProcess(result.Pid).
func (r *Runtime) Exec(ctx context.Context, id string, o *ExecOptions) (Result, error) {
	c := r.call(ctx)
	return c.ended(c.exec(id, o))
}

// ProcessOptions say which process Exec starts: that of a file, or the container's own with other arguments; and what
// is to be different in it.
type ProcessOptions = join.ProcessOptions

// ExecOptions are the options of exec.
type ExecOptions struct {
	ProcessOptions
	ConsoleSocket string // gets the master of the terminal
	PidfdSocket   string // gets a pidfd of the process
	PidFile       string
	PreserveFDs   int  // as in CreateOptions
	Detach        bool // return when the program runs
	IgnorePaused  bool // begin in a paused container too; the process stands still like the others
	// Cgroup says where below the container's cgroup the process goes: "[CONTROLLER[,CONTROLLER]:]PATH", more than one
	// on cgroup v1.
	Cgroup []string
	// ExtraFiles, Stdin, Stdout and Stderr are as in CreateOptions.
	ExtraFiles            []*os.File
	Stdin, Stdout, Stderr *os.File
	// HostBinary is a static program of the host's that is run instead of one of the container's.
	HostBinary string
	// Trace gets an event for each step of the plan.
	Trace func(TraceEvent)
}

// exec starts another process in a container. In the foreground it waits for the end of the process, and returns its
// exit status, or 128 plus the signal that killed it.
func (r *call) exec(id string, o *ExecOptions) (int, error) {
	if err := inspect.CheckPreserved(o.PreserveFDs); err != nil { // before rt's own descriptors take these numbers
		return 0, err
	}
	streams, err := stdio.Open(o.Stdin, o.Stdout, o.Stderr, o.PreserveFDs, o.ExtraFiles)
	if err != nil {
		return 0, err
	}
	defer streams.Close()
	c, err := r.openToJoin(id, o.IgnorePaused)
	if err != nil {
		return 0, err
	}
	defer c.close()
	process, err := c.processOf(&o.ProcessOptions)
	if err != nil {
		return 0, err
	}
	r.warn(process.Warnings...)
	binary := -1
	if o.HostBinary != "" {
		if binary, err = sealHostBinary(o.HostBinary, c.container.Path(".")); err != nil {
			return 0, err
		}
		defer func() { _ = unix.Close(binary) }()
	}
	if err := engine.CheckConsole(process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	options := &join.Options{
		Process: process, Binary: binary, Streams: streams, Cgroups: o.Cgroup,
		ConsoleSocket: o.ConsoleSocket, PidfdSocket: o.PidfdSocket, PidFile: o.PidFile,
		Resctrl: r.resctrlRoot, Interrupted: r.interrupted, Debug: r.Debug, Warn: r.warn,
	}
	if r.edit != nil {
		options.Edit = r.edit
	}
	if o.Trace != nil {
		options.Trace = func(p *plan.Plan, pid *int) func(*nsenter.Step, nsenter.Record) {
			return tracer(p, o.Trace, pid)
		}
	}
	return r.join(c, options, o.Detach)
}

// target is a container that a process joins.
type target struct {
	*opened
	pidfd  int // of its process
	spec   *spec.Spec
	cgroup *cgroup.Group
}

// openToJoin opens a container that a process may join. With paused, that includes a paused one.
func (r *call) openToJoin(id string, paused bool) (*target, error) {
	root, dir, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	c := &target{opened: &opened{root: root, container: dir}, pidfd: -1}
	if err := c.find(r, paused); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *target) find(r *call, paused bool) (err error) {
	if c.state, err = c.container.State(); err != nil {
		return err
	}
	// The pidfd is opened first: if the process is alive afterwards, the pid was not reused before.
	if c.pidfd, err = unix.PidfdOpen(c.state.Pid, 0); err != nil {
		c.pidfd = -1
	}
	c.status = r.statusOf(c.container, c.state)
	if c.status != state.Paused || !paused {
		if err := state.Allow(state.Exec, c.container.ID, c.status); err != nil {
			return err
		}
	}
	if c.pidfd < 0 {
		return state.Allow(state.Exec, c.container.ID, state.Stopped)
	}
	if c.spec, err = loadCopy(c.container, c.state); err != nil {
		return err
	}
	c.cgroup, err = cgroup.Load(cgroup.Saved(c.state.Cgroup))
	return err
}

func (c *target) close() {
	sys.CloseAll(c.pidfd)
	if c.cgroup != nil {
		c.cgroup.Close()
	}
	c.opened.close()
}

// processOf makes the process that joins out of the config and the options. Names of users are those of the container.
func (c *target) processOf(o *ProcessOptions) (*spec.Process, error) {
	inside := rootfs.Inside{Pid: c.state.Pid, Rootfs: c.spec.Rootfs, Dir: c.container.Path(".")}
	if o.UserName != "" {
		uid, gid, err := inside.User(o.UserName)
		if err != nil {
			return nil, err
		}
		o.UID = &uid
		if o.GID == nil && o.GroupName == "" {
			o.GID = &gid
		}
	}
	if o.GroupName != "" {
		gid, err := inside.Group(o.GroupName)
		if err != nil {
			return nil, err
		}
		o.GID = &gid
	}
	return o.Process(c.spec)
}

// join starts the process, and in the foreground waits for its end.
func (r *call) join(c *target, o *join.Options, detach bool) (int, error) {
	paused := c.status == state.Paused
	p, err := join.New(&join.Container{
		Dir: c.container, State: c.state, Pidfd: c.pidfd, Spec: c.spec, Cgroup: c.cgroup, Paused: paused,
	}, o)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	// In a paused container the process waits for `rt resume`: until then signals are for rt, which can be ended, and
	// the process ends with it.
	if !detach && !paused {
		r.catchSignals()
	}
	pid, err := p.Start()
	if err != nil {
		return 0, err
	}
	r.pid = pid
	if detach {
		return 0, nil
	}
	if paused {
		r.catchSignals()
	}
	orphans := r.Command && c.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	return r.attend(pid, p.Terminal(), o.Streams.Std, orphans)
}

// sealHostBinary copies a program of the host to a memfd that nobody can change (memfd_create(2), F_SEAL_WRITE) and no
// process of the container can find by a path. Through /proc/PID/exe of the process that executes it the container can
// read it, and no more.
func sealHostBinary(path, dir string) (int, error) {
	file, err := inspect.HostBinary(path)
	if err != nil {
		return -1, err
	}
	return nsenter.Seal(file, dir)
}
