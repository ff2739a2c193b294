package libcontainer

import (
	"context"
	"errors"
	"os"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"

	"golang.org/x/sys/unix"
)

// Delete deletes a container that has stopped, or was only created. It waits at most ten seconds for a process to die.
// ctx is looked at before anything is deleted, and while another call changes the container: half a container would be
// of no use.
func (c *Container) Delete(ctx context.Context) (Result, error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = c.delete(by)
	}
	return ended(by, 0, err)
}

// ForceDelete deletes a container in any status, whose processes it kills. It ends a call that is changing the
// container if that one does not end by itself. It is no error if there is no such container. ctx is as in Delete.
func (c *Container) ForceDelete(ctx context.Context) (Result, error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = c.forceDelete(by)
	}
	return ended(by, 0, err)
}

func (c *Container) delete(by *caller.Caller) error {
	o, err := c.open(by, true)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.read(); err != nil {
		return err
	}
	if o.status == state.Running && endsSoon(o.state) {
		if err := o.read(); err != nil {
			return err
		}
	}
	if err := state.Allow(state.Delete, c.ID, o.status); err != nil {
		return err
	}
	return c.destroy(by, o)
}

// endsSoon waits for the first process of a container that is running and about to end, and reports whether it has
// ended: `rt kill` has sent SIGKILL, say, and the process has not had the time to die of it.
func endsSoon(s *state.State) bool {
	const look, moment = 10 * time.Millisecond, 100 * time.Millisecond
	pidfd, err := process.Open(s.Pid, s.StartTime)
	if pidfd < 0 {
		return err == nil
	}
	defer func() { _ = unix.Close(pidfd) }()
	for begin := time.Now(); time.Since(begin) < moment; {
		if process.AwaitEnd(pidfd, look) {
			return true
		}
		if state.Ending(s.Pid) {
			ended, _ := process.AwaitDeath(pidfd, s.Pid)
			return ended
		}
	}
	return false
}

// forceDelete kills what lives of a container first of all, and then waits for whoever is at work on it, or ends that:
// see state.LockByForce.
func (c *Container) forceDelete(by *caller.Caller) error {
	o, err := c.open(by, false)
	if err != nil {
		if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind == diag.Absent {
			return nil
		}
		return err
	}
	defer o.close()
	// One in creation has no process of the user's, and its cgroup may still turn out to be another's: its rt takes all
	// of it back.
	s, err := o.container.State()
	if state.Foreign(err) {
		return err
	}
	if err == nil && s.Phase != state.Creating {
		if g, err := cgroup.Load(cgroup.Saved(s.Cgroup)); err == nil {
			kill(g, s)
		}
	}
	if err := o.container.LockByForce(); err != nil {
		return err
	}
	if o.container.Deleted() {
		return nil
	}
	if err := o.read(); diag.Starved(err) {
		return err
	} else if err != nil {
		return o.container.Remove() // its state is damaged: the directory is all that is known
	}
	return c.destroy(by, o)
}

// kill kills the processes of a container, as far as it can, and waits for none.
func kill(g *cgroup.Group, s *state.State) {
	process.Kill(s.Pid, s.StartTime)
	if g.Available() {
		_ = g.Kill(unix.SIGKILL) // destroy tells what is wrong
		if frozen, err := g.Frozen(); err == nil && frozen {
			_ = g.Thaw()
		}
	}
}

// destroy ends what lives of a container, and removes all of it.
func (c *Container) destroy(by *caller.Caller, o *opened) error {
	s := o.state
	if s.Cgroup.Driver == "" {
		return o.container.Remove() // its rt was killed before it had made anything but the directory
	}
	g, err := o.loadCgroup()
	if err != nil {
		return err
	}
	if err := killAndWait(g, s); err != nil {
		return err
	}
	if g.Available() {
		// Processes outside of the container's pid namespace, and those that a killed rt left behind.
		if err := g.Kill(unix.SIGKILL); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := g.Destroy(); err != nil {
			return err
		}
	}
	if err := rdt.Remove(rdt.Made(s.IntelRdt)); err != nil {
		return err
	}
	// A caller that has made the container is the parent of its process, and may not have waited for it.
	if alive, err := state.Alive(s.Pid, s.StartTime); s.Pid > 0 && err == nil && !alive {
		_, _ = unix.Wait4(s.Pid, nil, unix.WNOHANG|unix.WALL, nil)
	}
	if config, err := o.config(); err == nil && s.Phase != state.Creating {
		c.hooks(by, o, config).Poststop()
	}
	return o.container.Remove()
}

// killAndWait kills the first process of a container and waits for its end: it takes its pid namespace with it.
func killAndWait(g *cgroup.Group, s *state.State) error {
	pidfd, err := process.Open(s.Pid, s.StartTime)
	if pidfd < 0 {
		return err
	}
	defer func() { _ = unix.Close(pidfd) }()
	if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
		return diag.Sys("the container's process can't be killed", "pidfd_send_signal", err)
	}
	if g.Available() {
		if frozen, err := g.Frozen(); err == nil && frozen {
			_ = g.Thaw()
		}
		g.ThawKilled()
	}
	ended, left := process.AwaitDeath(pidfd, s.Pid)
	if ended {
		return nil
	}
	hint := "a process that waits for a device or a network file system can't die: see its stack in /proc/PID/stack"
	if len(left) > 0 {
		hint = left[0].Hint()
	}
	return &diag.Error{
		Kind:    diag.Host,
		Problem: "container init still running: it did not die of SIGKILL within " + process.Patience.String(),
		Hint:    hint,
	}
}
