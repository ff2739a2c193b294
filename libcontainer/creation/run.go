package creation

import (
	"errors"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/failure"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/nsenter"
)

// PrepareToAttend prepares a Command for Attend: it catches the signals that it forwards, and with subreaper becomes
// the parent of orphans in a shared pid namespace.
func (c *Creation) PrepareToAttend(subreaper bool) error {
	if !c.caller.Command {
		return nil
	}
	if subreaper && c.in.spec.Namespaces.New&unix.CLONE_NEWPID == 0 {
		// In a shared pid namespace rt waits for the container's orphans, as an init would.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return diag.Sys("rt can't become a subreaper", "prctl", err)
		}
	}
	c.caller.CatchSignals()
	return nil
}

// Release lets the boot process execute the program, and runs the poststart hooks.
func (c *Creation) Release() error {
	if err := c.boot.session.Boot.Release(); err != nil && !errors.Is(err, nsenter.ErrEnded) {
		return err
	}
	if err := c.boot.serve(plan.SyncNone); err != nil {
		return err
	}
	return c.hooks.now().RunPoststart()
}

// Attend waits for the end of the container, and then removes it, except with keep. It returns the exit status of the
// program: 128 plus the number of the signal if a signal killed it.
func (c *Creation) Attend(keep bool) (int, error) {
	c.groups.cgroup.Close()
	c.record.dir.Unlock()
	c.boot.close()
	if c.resources.relay != nil {
		pidfd, err := process.Open(c.record.state.Pid, c.record.state.StartTime) // before anyone waits for it
		if err != nil {
			return 0, err
		}
		c.resources.relay.Begin(pidfd)
	}
	orphans := c.in.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	status, err := c.caller.Attend(c.record.state.Pid, c.resources.console.Release(), c.resources.streams.Std, orphans)
	if err != nil {
		return 0, err
	}
	if err := c.resources.relay.Finish(); err != nil {
		c.caller.Warn(err.Error())
	}
	c.caller.EndReason = failure.EndReason(status, c.record.state.Pid, c.in.spec, c.groups.cgroup)
	if keep {
		return status, nil
	}
	if err := c.record.dir.Lock(); err != nil {
		return status, err
	}
	// Another rt may have deleted it meanwhile.
	if c.record.dir.Deleted() {
		return status, nil
	}
	c.record.state.Pid = 0
	if err := c.remove(); err != nil {
		return status, err
	}
	return status, nil
}

// remove removes a container whose init has ended.
func (c *Creation) remove() error {
	c.groups.cgroup.LeaveToOthers()
	if c.groups.cgroup.Available() {
		if c.in.spec.Namespaces.New&unix.CLONE_NEWPID == 0 {
			_ = c.groups.cgroup.Kill(unix.SIGKILL)
		}
		if err := c.groups.cgroup.Destroy(); err != nil {
			return err
		}
	}
	if err := rdt.Remove(rdt.Created(c.record.state.IntelRdt)); err != nil {
		return err
	}
	c.hooks.now().RunPoststop()
	return c.record.dir.Remove()
}

// WaitReady waits until the container has notified its service manager that it is ready, if there is one.
func (c *Creation) WaitReady() error {
	return WaitReady(c.resources.relay, c.record.dir, &c.record.state)
}
