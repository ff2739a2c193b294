package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/engine"
	"rt/libcontainer/failure"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// Run makes a container, starts it, and in the foreground waits for its end, whose exit status it returns: that of the
// process, or 128 and the signal.
func (r *Runtime) run(id string, o *RunOptions) (int, error) {
	if err := state.CheckID(id); err != nil {
		return 0, err
	}
	m, err := r.newMaker(id, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer m.close()
	if err := engine.CheckConsole(m.spec.Process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	if err := m.checkObserve(o.Detach); err != nil {
		return 0, err
	}
	if m.spec.Process == nil {
		return 0, &diag.Error{Kind: diag.Document, Field: "process", Problem: "is absent: run needs a program to start"}
	}
	if err := m.prepareToAttend(o); err != nil {
		return 0, err
	}
	restore := func() {}
	if o.Detach {
		restore = r.catchEnd()
	}
	defer restore()
	if err := m.make(); err != nil {
		return 0, err
	}
	if err := m.release(); err != nil {
		m.undo.Run()
		return 0, err
	}
	if o.Detach {
		restore() // the wait for READY=1 ends with rt
		return 0, waitReady(m.relay, m.container, &m.state)
	}
	return m.foreground(o)
}

// prepareToAttend is for an rt that stays until the container's end: it takes signals to pass on, and orphans to wait
// for.
func (m *maker) prepareToAttend(o *RunOptions) error {
	if o.Detach || !m.r.Command {
		return nil
	}
	if !o.NoSubreaper && m.spec.Namespaces.New&unix.CLONE_NEWPID == 0 {
		// Without a pid namespace of its own the container's orphans come to rt, which waits for them as an init would.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return diag.Sys("rt can't become a subreaper", "prctl", err)
		}
	}
	m.r.catchSignals()
	return nil
}

// release lets the boot process become the user's program.
func (m *maker) release() error {
	if err := m.session.Boot.Release(); err != nil {
		return err
	}
	if err := m.serve(plan.SyncNone); err != nil {
		return err
	}
	return m.r.runPoststart(m.spec, &m.state)
}

// foreground waits for the end of the container and removes it.
func (m *maker) foreground(o *RunOptions) (int, error) {
	m.container.Unlock()
	if m.session != nil { // a container that was restored never had one
		m.session.Boot.Close()
	}
	if m.relay != nil {
		m.relay.Begin(process.Open(m.state.Pid, m.state.StartTime)) // before anyone waits for it
	}
	status, err := m.r.attend(m.pid, m.console.Release(), m.streams.std,
		m.r.Command && m.spec.Namespaces.New&unix.CLONE_NEWPID == 0)
	if err != nil {
		return 0, err
	}
	if err := m.relay.Finish(); err != nil {
		m.r.warn(err.Error())
	}
	m.r.endReason = failure.EndReason(status, m.pid, m.spec, m.cgroup)
	if o.Keep {
		return status, nil
	}
	if err := m.container.Lock(); err != nil {
		return status, err
	}
	// Another rt may have deleted it meanwhile.
	if m.container.Deleted() {
		return status, nil
	}
	m.state.Pid = 0
	if err := m.remove(); err != nil {
		return status, err
	}
	return status, nil
}

// remove removes a container whose process has been waited for.
func (m *maker) remove() error {
	if m.cgroup.Available() {
		if m.spec.Namespaces.New&unix.CLONE_NEWPID == 0 {
			_ = m.cgroup.Kill(unix.SIGKILL)
		}
		if err := m.cgroup.Destroy(); err != nil {
			return err
		}
	}
	if err := rdt.Remove(rdt.Made(m.state.IntelRdt)); err != nil {
		return err
	}
	m.runPoststop()
	return m.container.Remove()
}
