// Package join starts a further process in a container that runs: the process of `rt exec`, or a hook of
// startContainer.
//
// Two boot processes do it. The first joins the container's namespaces (setns(2)) with the rights of rt, which no
// process of the container can use: it is not dumpable. It clones the second one, which is in the container's pid
// namespace, has only the rights of the user's program, and becomes it. All that rt reads in /proc of the container's
// process is valid only while that process lives, so New checks that it does at the end.
package join

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/engine"
	"rt/libcontainer/foreground"
	"rt/libcontainer/host"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/rootfs"
	"rt/libcontainer/state"
	"rt/libcontainer/stdio"
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

// Container is a container that a process joins.
type Container struct {
	Dir    *state.Container
	State  *state.State
	Pidfd  int        // of its process
	Spec   *spec.Spec // its config, as create has saved it
	Cgroup *cgroup.Group
	Paused bool // when its status was read
}

// Options say which process joins, and how. Callbacks may be nil.
type Options struct {
	Process       *spec.Process
	Program       string        // the program's path; "" for process.args[0]
	Binary        int           // a sealed copy of the program; -1 for a program of the container's
	Streams       stdio.Streams // what the process inherits; the caller closes it
	OwnStreams    bool          // the standard streams are the process's own, whatever they are
	Cgroups       []string      // --cgroup
	Unfiltered    bool          // linux.seccomp is not applied
	ConsoleSocket string
	PidfdSocket   string
	PidFile       string

	// Resctrl returns where resctrl is mounted, for linux.intelRdt.
	Resctrl func() (string, error)
	// Trace returns the Trace of the session. pid is set once the process exists.
	Trace func(p *plan.Plan, pid *int) func(*nsenter.Step, nsenter.Record)
	// Edit changes a plan before it is executed, for tests.
	Edit func(*plan.Plan)
	// Interrupted is that of the session.
	Interrupted func() error
	Debug       func(line string)
	Warn        func(lines ...string)
}

// Process is a process that joins a container. It has the descriptors of what the plan needs, until Close.
type Process struct {
	c         *Container
	o         *Options
	spec      *spec.Spec // the container's, with the process that joins instead of its own
	facts     host.Facts
	options   plan.ExecOptions
	placement cgroup.Exec
	attach    func(pid int) error // moves the process into its cgroup; nil for one that is cloned into it
	plan      *plan.Plan
	session   *supervise.Session
	console   engine.Console
	pid       int // of the process, once it exists
}

// New reads what the plan depends on. It changes nothing. An error of kind diag.State says that the container's process
// has ended.
func New(c *Container, o *Options) (*Process, error) {
	p := &Process{
		c: c, o: o, facts: host.Probe(), placement: cgroup.Exec{Dir: -1}, console: engine.NewConsole(o.ConsoleSocket,
			o.Streams.Std),
	}
	joined := *c.Spec
	joined.Process = o.Process
	p.spec = &joined
	if p.seesBoot() {
		p.leaveOutPtrace()
	}
	if err := p.inspect(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// seesBoot reports whether the process could trace the container's first one before that has become its program: that
// has all rights until then, and PR_SET_DUMPABLE does not keep out CAP_SYS_PTRACE of the same user namespace.
func (p *Process) seesBoot() bool {
	return !p.spec.Namespaces.Has(unix.CLONE_NEWUSER) && process.IsBoot(p.c.State.Pid)
}

// leaveOutPtrace takes CAP_SYS_PTRACE out of the capabilities of the process.
func (p *Process) leaveOutPtrace() {
	const ptrace = 1 << unix.CAP_SYS_PTRACE
	own, o := *p.o.Process, *p.o
	if own.Capabilities == nil {
		return
	}
	caps := *own.Capabilities
	all := caps.Bounding | caps.Permitted | caps.Effective | caps.Inheritable | caps.Ambient
	for _, set := range [...]*uint64{
		&caps.Bounding, &caps.Permitted, &caps.Effective, &caps.Inheritable, &caps.Ambient,
	} {
		*set &^= ptrace
	}
	own.Capabilities, o.Process = &caps, &own
	p.spec.Process, p.o = &own, &o
	if all&ptrace != 0 && p.o.Warn != nil {
		p.o.Warn("process.capabilities: CAP_SYS_PTRACE is left out: the container's first process, which has not " +
			"become its program yet, could be traced with all its rights")
	}
}

// inspect reads what the plan depends on and the config does not say.
func (p *Process) inspect() error {
	init := p.c.State
	options := plan.Options{
		ID: init.ID, Program: p.o.Program, NoNewKeyring: init.NoNewKeyring, Keyring: init.Keyring,
		PreserveFDs: p.o.Streams.Extra(), Trace: p.o.Trace != nil,
	}
	options.IgnoredSignals, options.BlockedSignals = foreground.Inherited()
	namespaces, err := process.OtherNamespaces(init.Pid, p.spec.Namespaces.New)
	if err != nil {
		return err
	}
	options.SetgroupsDeny = namespaces&unix.CLONE_NEWUSER != 0 && inspect.SetgroupsDenied(init.Pid)
	if !p.o.Unfiltered {
		if options.Filter, _, err = inspect.Filter(p.spec); err != nil {
			return err
		}
	}
	options.HardLimits = inspect.HardLimits(p.o.Process)
	options.ChownStdio = inspect.OwnedStreams(p.o.Process, p.o.Streams.Std)
	if p.o.OwnStreams {
		own := p.o.Process.UID != 0
		options.ChownStdio = [3]bool{own, own, own}
	}
	inside := rootfs.Inside{Pid: init.Pid, Rootfs: p.spec.Rootfs, Dir: p.c.Dir.Path(".")}
	if options.Home, err = inside.Home(p.o.Process); err != nil {
		return err
	}
	if p.placement, err = p.c.Cgroup.Exec(p.o.Cgroups, init.Pid, p.c.Paused); err != nil {
		return err
	}
	options.CgroupFD = p.placement.Dir >= 0
	for _, j := range p.placement.Joins {
		options.CgroupJoins = append(options.CgroupJoins, j.Path)
	}
	p.options = plan.ExecOptions{
		Process: p.o.Process, Namespaces: namespaces, HostBinary: p.o.Binary >= 0, Options: options,
	}
	if !p.initAlive() {
		// What was read in its /proc entries may be another process's.
		return state.Allow(state.Exec, init.ID, state.Stopped)
	}
	return nil
}

// initAlive reports whether the container's process still lives.
func (p *Process) initAlive() bool {
	fds := []unix.PollFd{{Fd: int32(p.c.Pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 0
}

// Start starts the process, and returns its pid when it has executed the user's program. After an error no process is
// left.
//
// Where the container's cgroup has all the tasks that it may have, the process is cloned outside and moved there, which
// the limit of tasks does not prevent (cgroup-v2.rst, "PID"): who wants to see what happens in a full container must be
// able to. It is the second way, since each move can wait for an RCU grace period.
func (p *Process) Start() (pid int, err error) {
	err = p.run()
	if p.crowded(err) {
		err = p.runOutside(err)
	}
	if err != nil {
		p.end()
		return 0, err
	}
	p.session.Boot.Close()
	return p.pid, nil
}

// Terminal returns the master of the process's terminal, which the caller closes; -1 without one.
func (p *Process) Terminal() int { return p.console.Release() }

// Close closes what is open for the process. The process itself continues.
func (p *Process) Close() {
	if p.session != nil {
		p.session.Boot.Close()
	}
	p.console.Close()
	p.placement.Close()
}

// end ends a process that could not be started.
func (p *Process) end() {
	if p.session != nil {
		p.session.End()
	}
	p.session, p.pid = nil, 0
}

// run executes the plan, up to the point where the process is the user's program.
func (p *Process) run() (err error) {
	if p.plan, err = plan.CompileExec(p.spec, &p.facts, &p.options); err != nil {
		return err
	}
	if p.o.Warn != nil {
		p.o.Warn(p.plan.Warnings...)
	}
	if p.o.Edit != nil {
		p.o.Edit(p.plan)
	}
	image, err := nsenter.Assemble(&p.plan.Program)
	if err != nil {
		return &diag.Error{Kind: diag.Document, Problem: "the process can't be made into a boot image", Err: err}
	}
	files, err := p.openFiles()
	defer func() { sys.CloseAll(files...) }()
	if err != nil {
		return err
	}
	boot, err := p.spawn(image, files)
	if err != nil {
		return err
	}
	p.debug("started the boot process " + strconv.Itoa(boot.Pid))
	return p.serve(boot, image)
}

// crowded reports whether the process could not be cloned because the container's cgroup has all the tasks that it may
// have, as far as the error tells.
func (p *Process) crowded(err error) bool {
	e, ok := errors.AsType[*diag.Error](err)
	return ok && e.Errno == unix.EAGAIN && (e.Call == "clone" || e.Call == "clone3") &&
		(p.options.CgroupFD || len(p.options.CgroupJoins) > 0) && !p.c.Paused
}

// runOutside is run for a process that is cloned outside of its cgroup and moved there. because is the error of run.
func (p *Process) runOutside(because error) error {
	p.end()
	p.debug("moving the process into the cgroup: " + because.Error())
	p.attach = func(pid int) error {
		if p.placement.Attach(pid) != nil {
			return because // without the right to move it
		}
		return nil
	}
	p.options.CgroupFD, p.options.CgroupJoins, p.options.CgroupAttach = false, nil, true
	return p.run()
}

func (p *Process) debug(line string) {
	if p.o.Debug != nil {
		p.o.Debug(line)
	}
}
