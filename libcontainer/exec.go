package libcontainer

import (
	"errors"
	"os"
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
	"rt/libcontainer/supervise"
	"rt/nsenter"
	"rt/spec"
)

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

// executor makes one process in a container that runs.
type executor struct {
	r         *Runtime
	id        string
	o         *ExecOptions
	root      *state.Root
	container *state.Container
	state     *state.State
	spec      *spec.Spec // of the container, with the process that is to join instead of its own
	facts     host.Facts
	cgroup    *cgroup.Group
	pidfd     int  // of the container's first process
	binary    int  // the copy of HostBinary
	paused    bool // the container was when it was looked at

	target  cgroup.Exec
	attach  func(pid int) error // moves the process into its cgroup; nil for one that is born there
	join    plan.ExecOptions
	plan    *plan.Plan
	session *supervise.Session
	pid     int // of the process, once it is there
	console engine.Console

	streams    streams
	program    string // its program; "" for process.args[0]
	unfiltered bool   // linux.seccomp is not applied
}

// Exec runs another process in a container, and in the foreground waits for its end, whose exit status it returns: that
// of the process, or 128 and the signal.
func (r *Runtime) exec(id string, o *ExecOptions) (int, error) {
	if err := inspect.CheckPreserved(o.PreserveFDs); err != nil { // before rt's own descriptors take these numbers
		return 0, err
	}
	root, c, err := r.open(id, false)
	if err != nil {
		return 0, err
	}
	x := &executor{
		r: r, id: id, o: o, root: root, container: c, pidfd: -1, binary: -1, target: cgroup.Exec{Dir: -1},
		console: engine.NewConsole(o.ConsoleSocket, [3]int{}),
	}
	defer x.close()
	if x.streams, err = openStreams(o.Stdin, o.Stdout, o.Stderr, o.PreserveFDs, o.ExtraFiles); err != nil {
		return 0, err
	}
	x.console = engine.NewConsole(o.ConsoleSocket, x.streams.std)
	if err := x.find(); err != nil {
		return 0, err
	}
	if err := x.process(); err != nil {
		return 0, err
	}
	if err := engine.CheckConsole(x.spec.Process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	if err := x.look(); err != nil {
		return 0, err
	}
	// In a paused container the process waits for `rt resume`: until then signals are for rt, which can be ended, and
	// the process ends with it.
	if !o.Detach && !x.paused {
		r.catchSignals()
	}
	err = x.run()
	if x.crowded(err) {
		err = x.runOutside(err)
	}
	if err != nil {
		if x.session != nil {
			x.session.End()
		}
		return 0, err
	}
	if !o.Detach && x.paused {
		r.catchSignals()
	}
	x.r.pid = x.pid
	if o.Detach {
		return 0, nil
	}
	x.session.Boot.Close()
	orphans := r.Command && x.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	return r.attend(x.pid, x.console.Release(), x.streams.std, orphans)
}

// find finds the container and its first process, and makes sure that it may be joined.
func (x *executor) find() error {
	s, err := x.container.State()
	if err != nil {
		return err
	}
	// The pidfd is opened first: if the process is alive afterwards, the pid was not reused before.
	if x.pidfd, err = unix.PidfdOpen(s.Pid, 0); err != nil {
		x.pidfd = -1
	}
	status := x.r.statusOf(x.container, s)
	x.paused = status == state.Paused
	if !x.o.IgnorePaused || !x.paused {
		if err := state.Allow(state.Exec, x.id, status); err != nil {
			return err
		}
	}
	x.state = s
	if x.pidfd < 0 {
		return state.Allow(state.Exec, x.id, state.Stopped)
	}
	if x.spec, err = loadCopy(x.container, s); err != nil {
		return err
	}
	x.facts = host.Probe()
	x.cgroup, err = cgroup.Load(cgroup.Saved(s.Cgroup))
	return err
}

// inside is the file system that the container's processes see.
func (x *executor) inside() rootfs.Inside {
	return rootfs.Inside{Pid: x.state.Pid, Rootfs: x.spec.Rootfs, Dir: x.container.Path(".")}
}

// userNamed resolves the names of --user in the container.
func (x *executor) userNamed(o *ProcessOptions) error {
	if o.UserName != "" {
		uid, gid, err := x.inside().User(o.UserName)
		if err != nil {
			return err
		}
		o.UID = &uid
		if o.GID == nil && o.GroupName == "" {
			o.GID = &gid
		}
	}
	if o.GroupName != "" {
		gid, err := x.inside().Group(o.GroupName)
		if err != nil {
			return err
		}
		o.GID = &gid
	}
	return nil
}

// process makes the process that is to join out of the config and the options.
func (x *executor) process() error {
	if err := x.userNamed(&x.o.ProcessOptions); err != nil {
		return err
	}
	p, err := x.o.process(x.spec)
	if err != nil {
		return err
	}
	x.r.warn(p.Warnings...)
	// From here on the config is that of a container with this process.
	joined := *x.spec
	joined.Process = p
	x.spec = &joined
	if x.o.HostBinary != "" {
		x.binary, err = sealHostBinary(x.o.HostBinary, x.container.Path("."))
	}
	return err
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

// look fills in what the plan depends on and the config does not say.
func (x *executor) look() error {
	options := plan.Options{
		ID: x.id, Program: x.program, NoNewKeyring: x.state.NoNewKeyring, Keyring: x.state.Keyring, PreserveFDs: x.streams.extra(), Trace: x.o.Trace != nil,
	}
	options.IgnoredSignals, options.BlockedSignals = foreground.Inherited()
	namespaces, err := process.OtherNamespaces(x.state.Pid, x.spec.Namespaces.New)
	if err != nil {
		return err
	}
	options.SetgroupsDeny = namespaces&unix.CLONE_NEWUSER != 0 && inspect.SetgroupsDenied(x.state.Pid)
	if !x.unfiltered {
		if options.Filter, _, err = inspect.Filter(x.spec); err != nil {
			return err
		}
	}
	options.HardLimits, options.ChownStdio = inspect.HardLimits(x.spec.Process),
		inspect.OwnedStreams(x.spec.Process, x.streams.std)
	if options.Home, err = x.inside().Home(x.spec.Process); err != nil {
		return err
	}
	if x.target, err = x.cgroup.Exec(x.o.Cgroup, x.state.Pid, x.paused); err != nil {
		return err
	}
	options.CgroupFD = x.target.Dir >= 0
	for _, j := range x.target.Joins {
		options.CgroupJoins = append(options.CgroupJoins, j.Path)
	}
	x.join = plan.ExecOptions{Process: x.spec.Process, Namespaces: namespaces, HostBinary: x.o.HostBinary != "",
		Options: options}
	if !x.initAlive() {
		// so what was read in its /proc entries may be another process's
		return state.Allow(state.Exec, x.id, state.Stopped)
	}
	return nil
}

// initAlive reports whether the container's first process still lives.
func (x *executor) initAlive() bool {
	fds := []unix.PollFd{{Fd: int32(x.pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return err == nil && n == 0
}

// run carries the plan out, up to the point where the process is the user's program.
func (x *executor) run() (err error) {
	if x.plan, err = plan.CompileExec(x.spec, &x.facts, &x.join); err != nil {
		return err
	}
	x.r.warn(x.plan.Warnings...)
	if x.r.edit != nil {
		x.r.edit(x.plan)
	}
	image, err := nsenter.Assemble(&x.plan.Program)
	if err != nil {
		return &diag.Error{Kind: diag.Document, Problem: "the process can't be made into a boot image", Err: err}
	}
	files, err := x.openFiles()
	defer sys.CloseAll(files...)
	if err != nil {
		return err
	}
	boot, err := x.spawn(image, files)
	if err != nil {
		return err
	}
	x.r.debug("started the boot process " + strconv.Itoa(boot.Pid))
	return x.serve(boot)
}

// crowded reports whether the process could not be made because the container's cgroup has all the tasks that it may
// have, as far as the error tells.
func (x *executor) crowded(err error) bool {
	e, ok := errors.AsType[*diag.Error](err)
	return ok && e.Errno == unix.EAGAIN && (e.Call == "clone" || e.Call == "clone3") &&
		(x.join.CgroupFD || len(x.join.CgroupJoins) > 0) && !x.paused
}

// runOutside makes the process outside of the cgroup and moves it there, which the limit of tasks does not keep from
// (cgroup-v2.rst, "PID"): who wants to see what goes on in a container that is full must get in. It is the second way,
// since each move can wait for an RCU grace period.
func (x *executor) runOutside(because error) error {
	if x.session != nil {
		x.session.End()
		x.session, x.pid = nil, 0
	}
	x.r.debug("moving the process into the cgroup: " + because.Error())
	x.attach = func(pid int) error {
		if x.target.Attach(pid) != nil {
			return because // without the right to move it
		}
		return nil
	}
	x.join.CgroupFD, x.join.CgroupJoins, x.join.CgroupAttach = false, nil, true
	return x.run()
}

// executed tells whom it concerns that the process is there. Before, there is nothing to be told: conmon takes a
// missing pid file for a failure of the runtime, and any exit status for the program's once there is one.
func (x *executor) executed() error {
	return engine.Tell(x.pid, x.o.PidfdSocket, x.o.PidFile)
}

// openFiles opens what the plan has rt open, in the order of the plan. The caller closes what is returned, on an error
// too.
func (x *executor) openFiles() ([]int, error) {
	files := make([]int, 0, len(x.plan.Files))
	for i := range x.plan.Files {
		f := &x.plan.Files[i]
		var fd int
		var err error
		switch f.Kind {
		case plan.FilePidfd:
			fd, err = duplicate(x.pidfd)
		case plan.FileJoin:
			fd, err = duplicate(x.target.Joins[f.Index].FD)
		case plan.FileSpare:
			if fd, err = unix.Open(f.Path, unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
				err = diag.Sys(f.Path+" can't be opened", "open", err)
			}
		case plan.FileBinary:
			fd, err = duplicate(x.binary)
		default:
			panic("libcontainer: a plan of exec has a file of kind " + strconv.Itoa(int(f.Kind)))
		}
		if err != nil {
			return files, err
		}
		files = append(files, fd)
	}
	return files, nil
}

func duplicate(fd int) (int, error) {
	other, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("a descriptor can't be handed to the boot process", "fcntl", err)
	}
	return other, nil
}
