package libcontainer

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/engine"
	"rt/libcontainer/inspect"
	"rt/libcontainer/join"
	"rt/libcontainer/process"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/nsenter"
	"rt/spec"
)

// Exec runs another program in a container. In the foreground it waits until the program ends; if ctx is cancelled
// meanwhile, the program is killed with SIGKILL and the error wraps context.Cause(ctx). With Detach it returns when the
// program runs; it is a child of this process, which has to wait for it: os.FindProcess(result.Pid).
func (c *Container) Exec(ctx context.Context, o *ExecOptions) (Result, error) {
	by, err := c.begin(ctx)
	status := 0
	if err == nil {
		status, err = c.exec(by, o)
	}
	return ended(by, status, err)
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
func (c *Container) exec(by *caller.Caller, o *ExecOptions) (int, error) {
	if err := inspect.CheckPreserved(o.PreserveFDs); err != nil { // before rt's own descriptors take these numbers
		return 0, err
	}
	streams, err := stdio.Open(o.Stdin, o.Stdout, o.Stderr, o.PreserveFDs, o.ExtraFiles)
	if err != nil {
		return 0, err
	}
	defer streams.Close()
	t, err := c.openToJoin(by, o.IgnorePaused)
	if err != nil {
		return 0, err
	}
	defer t.close()
	process, err := t.processOf(&o.ProcessOptions)
	if err != nil {
		return 0, err
	}
	by.Warn(process.Warnings...)
	binary := -1
	if o.HostBinary != "" {
		if binary, err = sealHostBinary(o.HostBinary, t.container.Path(".")); err != nil {
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
		Resctrl: c.runtime.resctrlRoot, Edit: c.runtime.editor(), Trace: tracer(o.Trace),
		Interrupted: by.Interrupted, Debug: by.Debug, Warn: by.Warn,
	}
	return t.join(by, options, o.Detach)
}

// target is a container that a process joins.
type target struct {
	*opened
	pidfd int // of its process
	spec  *spec.Spec
	group *cgroup.Group
}

// openToJoin opens a container that a process may join. With paused, that includes a paused one.
func (c *Container) openToJoin(by *caller.Caller, paused bool) (*target, error) {
	o, err := c.open(by, false)
	if err != nil {
		return nil, err
	}
	t := &target{opened: o, pidfd: -1}
	if err := t.find(paused); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *target) find(paused bool) (err error) {
	if t.state, err = t.container.State(); err != nil {
		return err
	}
	if t.pidfd, err = process.Open(t.state.Pid, t.state.StartTime); err != nil {
		return err
	}
	alive := t.pidfd >= 0
	if t.status, err = derive(t.container, t.state, &alive); err != nil {
		return err
	}
	if t.status != state.Paused || !paused {
		if err := state.Allow(state.Exec, t.container.ID, t.status); err != nil {
			return err
		}
	}
	if t.pidfd < 0 {
		return state.Allow(state.Exec, t.container.ID, state.Stopped)
	}
	if t.spec, err = t.config(); err != nil {
		return err
	}
	t.group, err = t.loadCgroup()
	return err
}

func (t *target) close() {
	sys.CloseAll(t.pidfd)
	if t.group != nil {
		t.group.Close()
	}
	t.opened.close()
}

// processOf makes the process that joins out of the config and the options. Names of users are those of the container.
func (t *target) processOf(o *ProcessOptions) (*spec.Process, error) {
	inside := rootfs.Inside{Pid: t.state.Pid, Rootfs: t.spec.Rootfs, Dir: t.container.Path(".")}
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
	return o.Process(t.spec)
}

// join starts the process, and in the foreground waits for its end.
func (t *target) join(by *caller.Caller, o *join.Options, detach bool) (int, error) {
	paused := t.status == state.Paused
	p, err := join.New(&join.Container{
		Dir: t.container, State: t.state, Pidfd: t.pidfd, Spec: t.spec, Cgroup: t.group, Paused: paused,
	}, o)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	// In a paused container the process waits for `rt resume`: until then signals are for rt, which can be ended, and
	// the process ends with it.
	if !detach && !paused {
		by.CatchSignals()
	}
	pid, err := p.Start()
	if err != nil {
		return 0, err
	}
	by.Pid = pid
	if detach {
		return 0, nil
	}
	if paused {
		by.CatchSignals()
	}
	orphans := t.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	return by.Attend(pid, p.Terminal(), o.Streams.Std, orphans)
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
