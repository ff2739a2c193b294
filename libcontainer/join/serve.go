package join

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/engine"
	"rt/libcontainer/failure"
	"rt/libcontainer/listener"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// serve serves a boot process until it has become the user's program.
func (p *Process) serve(boot *nsenter.Boot, image nsenter.Image) error {
	// The first process has dropped its rights and closed its files before it clones the second one.
	traits := supervise.SamePrivileges
	if p.c.Paused {
		traits |= supervise.NoTimeLimit
	}
	p.session = &supervise.Session{
		Boot: boot, Image: image, Traits: traits,
		Steps: p.plan.Steps, Debug: p.o.Debug, Interrupted: p.o.Interrupted,
		Handlers: supervise.Handlers{
			plan.SyncAttach:   func(supervise.Report) error { return p.attachBySystemd(boot.Pid) },
			plan.SyncCloned:   p.recordCloned,
			plan.SyncConsole:  p.takeTerminal,
			plan.SyncTerminal: p.takeTerminal,
			plan.SyncPtmx:     checkPtmx,
			plan.SyncListener: p.passListener,
		},
	}
	if p.o.Trace != nil {
		p.session.Trace = p.o.Trace(p.plan, &p.pid)
	}
	if err := p.session.Serve(plan.SyncNone); err != nil {
		return failure.Explain(err, p.session, p.plan, p.spec, p.c.Cgroup.OOMError)
	}
	if p.pid == 0 {
		return failure.EndError(p.session, p.c.Cgroup.OOMError)
	}
	// The pid file is written last: conmon takes a missing one for a failure of the runtime, and the exit status for
	// that of the program if there is one.
	return engine.SendPid(p.pid, p.o.PidfdSocket, p.o.PidFile)
}

// attachBySystemd has systemd move a process into the container's cgroup.
func (p *Process) attachBySystemd(pid int) error {
	return p.c.Cgroup.AttachBySystemd(&p.placement, pid)
}

// recordCloned records the process that the first boot process has cloned.
func (p *Process) recordCloned(r supervise.Report) error {
	p.pid = r.Pid
	if p.attach != nil {
		return p.attach(p.pid)
	}
	return nil
}

// takeTerminal takes the master of the process's terminal.
func (p *Process) takeTerminal(r supervise.Report) error { return p.console.Take(r.FD) }

// checkPtmx returns an error if the container's /dev/pts/ptmx is not the device that creates pseudoterminals (pts(4)).
func checkPtmx(r supervise.Report) error {
	const major, minor = 5, 2
	defer sys.CloseAll(r.FD)
	if sys.IsCharDevice(r.FD, major, minor) {
		return nil
	}
	return &diag.Error{
		Kind: diag.Host, Field: "process.terminal", Value: "true",
		Problem: "the container's /dev/pts/ptmx is not the device 5:2, which creates terminals",
		Hint:    "the container has mounted another file on it",
	}
}

// passListener passes the listener of the process's seccomp filter to the agent.
func (p *Process) passListener(r supervise.Report) error {
	profile := p.spec.OCI.Linux.Seccomp
	text := state.AppendProcess(nil, p.c.State, state.Running, p.pid, profile.ListenerMetadata)
	return listener.Pass(r.FD, p.pid, profile.ListenerPath, text)
}

// openFiles opens the files that the plan passes to the boot process, in order. The caller closes them, even after an
// error.
func (p *Process) openFiles() ([]int, error) {
	files := make([]int, 0, len(p.plan.Files))
	for i := range p.plan.Files {
		fd, err := p.openFile(&p.plan.Files[i])
		if err != nil {
			return files, err
		}
		files = append(files, fd)
	}
	return files, nil
}

func (p *Process) openFile(f *plan.File) (int, error) {
	switch f.Kind {
	case plan.FilePidfd:
		return duplicate(p.c.Pidfd)
	case plan.FileJoin:
		return duplicate(p.placement.Joins[f.Index].FD)
	case plan.FileBinary:
		return duplicate(p.o.Binary)
	case plan.FileSpare:
		fd, err := unix.Open(f.Path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, diag.Sys(f.Path+" can't be opened", "open", err)
		}
		return fd, nil
	default:
		panic("join: a plan has a file " + f.Path + " that only plans of create have")
	}
}

func duplicate(fd int) (int, error) {
	other, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, diag.Sys("a descriptor can't be passed to the boot process", "fcntl", err)
	}
	return other, nil
}
