// Package join starts another process in a running container: the process of `rt exec`, or a startContainer hook.
//
// This takes two boot processes. The first joins the container's namespaces (setns(2)) with the privileges of rt. No
// process of the container can use these: it is not dumpable. It clones the second one, which is in the container's pid
// namespace, has only the privileges of the user's program, and executes it. What rt reads in /proc of the container's
// init is valid only while the init is alive, which New checks at the end.
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
	Pidfd  int        // of its init
	Spec   *spec.Spec // its config, as create has saved it
	Cgroup *cgroup.Group
	Paused bool // it was paused when its status was read
}

// Options describe the process. Each function may be nil.
type Options struct {
	Process       *spec.Process
	Program       string        // the program's path; "" for process.args[0]
	Binary        int           // a sealed copy of the program; -1 for a program of the container
	Streams       stdio.Streams // the descriptors that the process inherits; the caller closes them
	OwnStreams    bool          // the user of the process becomes the owner of all standard streams
	Cgroups       []string      // --cgroup
	Unfiltered    bool          // linux.seccomp is not applied
	ConsoleSocket string
	PidfdSocket   string
	PidFile       string

	// Resctrl returns the mount point of resctrl, for linux.intelRdt.
	Resctrl func() (string, error)
	// Trace returns the Trace of the session. pid is set once the process exists.
	Trace func(p *plan.Plan, pid *int) func(*nsenter.Step, nsenter.Record)
	// Edit changes a plan before it is executed, for tests.
	Edit func(*plan.Plan)
	// Interrupted and Debug are those of the session.
	Interrupted func() error
	Debug       func(line string)
	Warn        func(lines ...string)
}

// Process is a process that joins a container. Close closes the descriptors that its plan needs.
type Process struct {
	c         *Container
	o         *Options
	spec      *spec.Spec // the container's, with Options.Process instead of its own process
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

// seesBoot reports whether the process could trace the container's init before that has executed its program. The init
// has all privileges until then, and PR_SET_DUMPABLE has no effect on CAP_SYS_PTRACE in the same user namespace.
func (p *Process) seesBoot() bool {
	return !p.spec.Namespaces.Has(unix.CLONE_NEWUSER) && process.IsBoot(p.c.State.Pid)
}

// leaveOutPtrace removes CAP_SYS_PTRACE from the capabilities of the process.
func (p *Process) leaveOutPtrace() {
	const ptrace = 1 << unix.CAP_SYS_PTRACE
	own, o := *p.o.Process, *p.o
	if own.Capabilities == nil {
		return
	}
	caps := *own.Capabilities
	all := caps.All()
	for _, set := range [...]*uint64{
		&caps.Bounding, &caps.Permitted, &caps.Effective, &caps.Inheritable, &caps.Ambient,
	} {
		*set &^= ptrace
	}
	own.Capabilities, o.Process = &caps, &own
	p.spec.Process, p.o = &own, &o
	if all&ptrace != 0 && p.o.Warn != nil {
		p.o.Warn("process.capabilities: CAP_SYS_PTRACE is left out: the container's init, which has not executed its " +
			"program yet, could be traced with all its privileges")
	}
}

// inspect reads what the plan depends on, apart from the config.
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
	if options.Home, err = inside.LookUpHome(p.o.Process); err != nil {
		return err
	}
	if p.placement, err = p.c.Cgroup.OpenForExec(p.o.Cgroups, init.Pid, p.c.Paused); err != nil {
		return err
	}
	options.CgroupFD = p.placement.Dir >= 0
	for _, j := range p.placement.Joins {
		options.CgroupJoins = append(options.CgroupJoins, j.Path)
	}
	p.options = plan.ExecOptions{
		Process: p.o.Process, Namespaces: namespaces, HostBinary: p.o.Binary >= 0, Options: options,
	}
	if process.AwaitEnd(p.c.Pidfd, 0) {
		// rt may have read the /proc entries of another process, which has got the pid.
		return state.Allow(state.Exec, init.ID, state.Stopped)
	}
	return nil
}

// Start starts the process, and returns its pid after the execve(2) of the user's program. After an error no process is
// left.
//
// If the container's cgroup has reached its limit of tasks, the process is cloned outside and moved there, which the
// limit does not prevent (cgroup-v2.rst, "PID"): a user must be able to examine such a container. This is not the first
// choice, because each move can wait for an RCU grace period.
func (p *Process) Start() (pid int, err error) {
	err = p.run()
	if p.mayNotMove(err) {
		err = p.runAttached(err)
	}
	if p.atTaskLimit(err) {
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

// end kills a process that could not be started.
func (p *Process) end() {
	if p.session != nil {
		p.session.End()
	}
	p.session, p.pid = nil, 0
}

// run executes the plan, up to the execve(2) of the user's program.
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
		return &diag.Error{Kind: diag.Document, Problem: "no boot image can be created for the process", Err: err}
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

// atTaskLimit reports whether err, of run, may mean that the container's cgroup has reached its limit of tasks.
func (p *Process) atTaskLimit(err error) bool {
	e, ok := errors.AsType[*diag.Error](err)
	return ok && e.Errno == unix.EAGAIN && (e.Call == "clone" || e.Call == "clone3") &&
		(p.options.CgroupFD || len(p.options.CgroupJoins) > 0 || p.options.AttachFirst) && !p.c.Paused
}

// mayNotMove reports whether err, of run, says that rt may not move the process into the container's cgroup, which
// systemd can do.
func (p *Process) mayNotMove(err error) bool {
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Errno != unix.EACCES && e.Errno != unix.EPERM || !p.c.Cgroup.AsksSystemd() {
		return false
	}
	return p.options.CgroupFD && e.Call == "clone" || len(p.options.CgroupJoins) > 0 && e.Field == "--cgroup"
}

// runAttached is run for a first process that systemd moves into the cgroup. cause is the error of run.
func (p *Process) runAttached(cause error) error {
	p.end()
	p.debug("asking systemd to move the process into the cgroup: " + cause.Error())
	p.options.CgroupFD, p.options.CgroupJoins, p.options.AttachFirst = false, nil, true
	return p.run()
}

// runOutside is run for a process that is cloned outside of its cgroup and moved there. cause is the error of run.
func (p *Process) runOutside(cause error) error {
	p.end()
	p.debug("moving the process into the cgroup: " + cause.Error())
	attach := p.placement.Attach
	if p.options.AttachFirst {
		attach = p.attachBySystemd
	}
	p.attach = func(pid int) error {
		if attach(pid) != nil {
			return cause // it may not be moved
		}
		return nil
	}
	p.options.CgroupFD, p.options.CgroupJoins, p.options.AttachFirst, p.options.CgroupAttach = false, nil, false, true
	return p.run()
}

// debug calls Debug, unless that is nil.
func (p *Process) debug(line string) {
	if p.o.Debug != nil {
		p.o.Debug(line)
	}
}
