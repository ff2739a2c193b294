package libcontainer

import (
	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/failure"
	"rt/libcontainer/listener"
	"rt/libcontainer/plan"
	"rt/libcontainer/state"
	"rt/libcontainer/supervise"
	"rt/nsenter"
)

// serve serves a boot process until it has become the user's program.
func (x *executor) serve(boot *nsenter.Boot) error {
	x.session = &supervise.Session{
		Boot: boot, Steps: x.plan.Steps, Debug: x.r.Debug, Interrupted: x.r.interrupted,
		Trace: tracer(x.plan, x.o.Trace, &x.pid),
		On: supervise.Handlers{
			plan.SyncBorn:     x.born,
			plan.SyncConsole:  func(r supervise.Report) error { return x.console.Take(r.FD) },
			plan.SyncTerminal: func(r supervise.Report) error { return x.console.Take(r.FD) },
			plan.SyncPtmx:     checkPtmx,
			plan.SyncListener: x.handListener,
		},
	}
	if err := x.session.Serve(plan.SyncNone); err != nil {
		return failure.Of(err, x.session, x.plan, x.spec, x.cgroup.OOMError)
	}
	if x.pid == 0 {
		return failure.Died(x.session, x.cgroup.OOMError)
	}
	return x.executed()
}

// born takes note of the process that was made.
func (x *executor) born(r supervise.Report) error {
	x.pid = r.Pid
	if x.attach != nil {
		return x.attach(x.pid)
	}
	return nil
}

// handListener hands the listener of the process's seccomp filter to the agent.
func (x *executor) handListener(r supervise.Report) error {
	profile := x.spec.OCI.Linux.Seccomp
	text := state.AppendProcess(nil, x.state, state.Running, x.pid, profile.ListenerMetadata)
	return listener.HandOver(r.FD, x.pid, profile.ListenerPath, text)
}

// close lets go of what is open.
func (x *executor) close() {
	x.closeProcess()
	if x.cgroup != nil {
		x.cgroup.Close()
	}
	x.container.Close()
	x.root.Close()
}

// closeProcess lets go of what is open for the process, and not for the container.
func (x *executor) closeProcess() {
	if x.session != nil {
		x.session.Boot.Close()
	}
	x.console.Close()
	x.streams.close()
	sys.CloseAll(x.pidfd, x.binary)
	x.target.Close()
}

// checkPtmx checks what a container has at /dev/pts/ptmx: it must be the device that makes pseudoterminals (pts(4)).
func checkPtmx(r supervise.Report) error {
	const major, minor = 5, 2
	defer sys.CloseAll(r.FD)
	if sys.IsDevice(r.FD, major, minor) {
		return nil
	}
	return &diag.Error{
		Kind: diag.Host, Field: "process.terminal", Value: "true",
		Problem: "the container's /dev/pts/ptmx is not the device 5:2, which makes terminals",
		Hint:    "the container has mounted something else there",
	}
}
