package libcontainer

import (
	"context"
	"errors"
	"os"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"

	"golang.org/x/sys/unix"
)

// Delete deletes a container that has stopped, or was only created; with force one in any status, whose processes it
// kills, and it is no error if there is no such container. It waits at most ten seconds for a process to die. ctx is
// looked at before anything is deleted: half a container would be of no use.
func (r *Runtime) Delete(ctx context.Context, id string, force bool) (Result, error) {
	c := r.call(ctx)
	err := c.interrupted()
	if err == nil {
		err = c.delete(id, force)
	}
	return c.result(0), err
}

// Delete removes a container that has stopped, or was only created; with force one in any status, and none at all.
func (r *call) delete(id string, force bool) error {
	if force {
		return r.deleteByForce(id)
	}
	root, c, err := r.open(id, true)
	if err != nil {
		return err
	}
	defer root.Close()
	defer c.Close()
	s, status, err := r.status(c)
	if err == nil && status == state.Running && endsSoon(s) {
		s, status, err = r.status(c)
	}
	if err == nil {
		err = state.Allow(state.Delete, id, status)
	}
	if err != nil {
		return err
	}
	return r.destroy(c, s)
}

// endsSoon waits for the first process of a container that is running and about to end, and reports whether it has
// ended: `rt kill` has sent SIGKILL, say, and the process has not had the time to die of it.
func endsSoon(s *state.State) bool {
	const look, moment = 10 * time.Millisecond, 100 * time.Millisecond
	pidfd := process.Open(s.Pid, s.StartTime)
	if pidfd < 0 {
		return true
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

// deleteByForce kills what lives of a container first of all, and then waits for whoever is at work on it, or ends
// that: see state.LockByForce.
func (r *call) deleteByForce(id string) error {
	root, c, err := r.open(id, false)
	if err != nil {
		var e *diag.Error
		if errors.As(err, &e) && e.Kind == diag.Absent {
			return nil
		}
		return err
	}
	defer root.Close()
	defer c.Close()
	// One in creation has no process of the user's, and its cgroup may still turn out to be another's: its rt takes all
	// of it back.
	if s, err := c.State(); err == nil && s.Phase != state.Creating {
		if g, err := cgroup.Load(cgroup.Saved(s.Cgroup)); err == nil {
			kill(g, s)
		}
	}
	if err := c.LockByForce(); err != nil {
		return err
	}
	if c.Deleted() {
		return nil
	}
	s, _, err := r.status(c)
	if err != nil {
		return c.Remove() // its state is damaged: the directory is all that is known
	}
	return r.destroy(c, s)
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
func (r *call) destroy(c *state.Container, s *state.State) error {
	if s.Cgroup.Driver == "" {
		return c.Remove() // its rt was killed before it had made anything but the directory
	}
	g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
	if err != nil {
		return err
	}
	if state.Alive(s.Pid, s.StartTime) {
		if err := killAndWait(g, s); err != nil {
			return err
		}
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
	if s.Pid > 0 && !state.Alive(s.Pid, s.StartTime) {
		_, _ = unix.Wait4(s.Pid, nil, unix.WNOHANG|unix.WALL, nil)
	}
	if config, err := loadCopy(c, s); err == nil && s.Phase != state.Creating {
		r.hooksOf(config, s, c).Poststop()
	}
	return c.Remove()
}

// killAndWait kills the first process of a container and waits for its end: it takes its pid namespace with it.
func killAndWait(g *cgroup.Group, s *state.State) error {
	pidfd := process.Open(s.Pid, s.StartTime)
	if pidfd < 0 {
		return nil
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
	e := &diag.Error{
		Kind:    diag.Host,
		Problem: "container init still running: it did not die of SIGKILL within " + process.Patience.String(),
		Hint: "a process that waits for a device or a network file system can't die: " +
			"see its stack in /proc/PID/stack",
	}
	if len(left) > 0 {
		e.Hint = left[0].Hint()
	}
	return e
}
