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

// Exec executes another program in the container, and waits until it ends. Cancelling ctx meanwhile kills the program
// with SIGKILL, and the error then wraps context.Cause(ctx). With Detach, Exec returns after the execve(2). The program
// is a child of this process, which must wait for it: os.FindProcess(result.Pid).
func (c *Container) Exec(ctx context.Context, o *ExecOptions) (Result, error) {
	caller, err := c.begin(ctx)
	status := 0
	if err == nil {
		status, err = c.exec(caller, o)
	}
	return resultOf(caller, status, err)
}

// ProcessOptions describe the process that Exec starts. It is the one of a process.json, or the container's own process
// with other arguments. The other fields change it.
//
//	File            a process.json with the properties of config.md, "Process"; "" if Args describes the process
//	Args            the program and its arguments
//	Cwd             its working directory; "" is that of the container's process
//	Env             further variables: "KEY=value"
//	Terminal        it gets a terminal
//	UID, GID        its user and group ID in the container; nil is that of the container's process
//	UserName        a name from the container's /etc/passwd, instead of UID
//	GroupName       a name from the container's /etc/group, instead of GID
//	AdditionalGids  further supplementary groups
//	Label           the SELinux label
//	AppArmor        the AppArmor profile
//	NoNewPrivs      process.noNewPrivileges; nil is that of the container's process
//	Capabilities    further capabilities: bit n is capability n of capabilities(7)
type ProcessOptions = join.ProcessOptions

// ExecOptions are the options of Exec.
type ExecOptions struct {
	ProcessOptions
	ConsoleSocket string // the path of a Unix socket that receives the master of the terminal
	PidfdSocket   string // the path of a Unix socket that receives a pidfd of the process
	PidFile       string // the path of a file for the pid of the process
	PreserveFDs   int    // as in CreateOptions
	Detach        bool   // return after the execve(2) of the program
	IgnorePaused  bool   // accept a paused container: the process executes its program after Resume
	// Cgroup is the cgroup of the process, below that of the container: "[CONTROLLER[,CONTROLLER]:]PATH". There may be
	// one for each controller of cgroup v1.
	Cgroup []string
	// ExtraFiles, Stdin, Stdout and Stderr are as in CreateOptions.
	ExtraFiles            []*os.File
	Stdin, Stdout, Stderr *os.File
	// HostBinary is the path of a static executable of the host. It is executed instead of a program of the container.
	HostBinary string
	// Trace is called with each executed step of the plan; it may be nil.
	Trace func(TraceEvent)
}

// exec starts another process in a container. In the foreground it waits for the process, and returns its exit status.
func (c *Container) exec(caller *caller.Caller, o *ExecOptions) (int, error) {
	if err := inspect.CheckPreserved(o.PreserveFDs); err != nil { // before rt's own descriptors take these numbers
		return 0, err
	}
	streams, err := stdio.Open(o.Stdin, o.Stdout, o.Stderr, o.PreserveFDs, o.ExtraFiles)
	if err != nil {
		return 0, err
	}
	defer streams.Close()
	t, err := c.openToJoin(caller, o.IgnorePaused)
	if err != nil {
		return 0, err
	}
	defer t.close()
	process, err := t.processOf(&o.ProcessOptions)
	if err != nil {
		return 0, err
	}
	caller.Warn(process.Warnings...)
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
		Resctrl: c.runtime.resctrlRoot, Edit: c.runtime.edit, Trace: tracer(o.Trace),
		Interrupted: caller.Interrupted, Debug: caller.Debug, Warn: caller.Warn,
	}
	return t.join(caller, options, o.Detach)
}

// target is a container that a process joins.
type target struct {
	*openContainer
	pidfd int // of its init; -1 if that has ended
	spec  *spec.Spec
	group *cgroup.Group
}

// openToJoin opens a container for a process to join. With paused it accepts a paused container.
func (c *Container) openToJoin(caller *caller.Caller, paused bool) (*target, error) {
	o, err := c.open(caller, false)
	if err != nil {
		return nil, err
	}
	t := &target{openContainer: o, pidfd: -1}
	if err := t.load(paused); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// load reads the state and the config, and opens the init and the cgroup.
func (t *target) load(paused bool) (err error) {
	if t.state, err = t.container.State(); err != nil {
		return err
	}
	if t.pidfd, err = process.Open(t.state.Pid, t.state.StartTime); err != nil {
		return err
	}
	alive := t.pidfd >= 0
	if t.status, err = deriveStatus(t.container, t.state, &alive); err != nil {
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
	t.openContainer.close()
}

// processOf returns the process that the config and the options describe. It looks up names of users and groups in the
// container.
func (t *target) processOf(o *ProcessOptions) (*spec.Process, error) {
	inside := rootfs.Inside{Pid: t.state.Pid, Rootfs: t.spec.Rootfs, Dir: t.container.Path(".")}
	if o.UserName != "" {
		uid, gid, err := inside.LookUpUser(o.UserName)
		if err != nil {
			return nil, err
		}
		o.UID = &uid
		if o.GID == nil && o.GroupName == "" {
			o.GID = &gid
		}
	}
	if o.GroupName != "" {
		gid, err := inside.LookUpGroup(o.GroupName)
		if err != nil {
			return nil, err
		}
		o.GID = &gid
	}
	process, err := o.Process(t.spec)
	if err != nil {
		return nil, err
	}
	return process, t.spec.CheckUser(process)
}

// join starts the process. In the foreground it waits for the end of the process, and returns its exit status.
func (t *target) join(caller *caller.Caller, o *join.Options, detach bool) (int, error) {
	paused := t.status == state.Paused
	p, err := join.New(&join.Container{
		Dir: t.container, State: t.state, Pidfd: t.pidfd, Spec: t.spec, Cgroup: t.group, Paused: paused,
	}, o)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	// In a paused container the process can't handle a signal before `rt resume`. Until then signals end rt, and rt
	// kills the process.
	if !detach && !paused {
		caller.CatchSignals()
	}
	pid, err := p.Start()
	if err != nil {
		return 0, err
	}
	caller.Pid = pid
	if detach {
		return 0, nil
	}
	if paused {
		caller.CatchSignals()
	}
	orphans := t.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	return caller.Attend(pid, p.Terminal(), o.Streams.Std, orphans)
}

// sealHostBinary returns a sealed memfd with a copy of an executable of the host. Processes of the container can read
// it by /proc/PID/exe of the process that executes it. They can't change it, and no path leads to it.
func sealHostBinary(path, dir string) (int, error) {
	file, err := inspect.HostBinary(path)
	if err != nil {
		return -1, err
	}
	return nsenter.Seal(file, dir)
}
