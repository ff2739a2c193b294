package libcontainer

import (
	"context"
	"errors"
	"os"
	"strconv"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/creation"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/spec"

	"golang.org/x/sys/unix"
)

// Delete deletes a stopped or created container, and waits at most ten seconds for the end of its processes. Cancelling
// ctx ends the wait for another call that changes the container. It has no effect once the deletion has begun.
func (c *Container) Delete(ctx context.Context) (Result, error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = c.delete(caller)
	}
	return resultOf(caller, 0, err)
}

// ForceDelete kills the processes of the container, and deletes it in any status. If another process is changing the
// container, and does not finish, ForceDelete kills that process. A container that does not exist is no error. ctx is
// as in Delete.
func (c *Container) ForceDelete(ctx context.Context) (Result, error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = c.forceDelete(caller)
	}
	return resultOf(caller, 0, err)
}

func (c *Container) delete(caller *caller.Caller) error {
	o, err := c.open(caller, true)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.read(); err != nil {
		return err
	}
	if o.status == state.Running && awaitImminentEnd(o.state) {
		if err := o.read(); err != nil {
			return err
		}
	}
	if err := state.Allow(state.Delete, c.ID, o.status); err != nil {
		return err
	}
	return c.destroy(caller, o)
}

// awaitImminentEnd reports whether the init of a running container ends within 100 ms, or has a fatal signal pending
// and ends later: `rt delete` may follow `rt kill` immediately.
func awaitImminentEnd(s *state.State) bool {
	const interval, limit = 10 * time.Millisecond, 100 * time.Millisecond
	pidfd, err := process.Open(s.Pid, s.StartTime)
	if pidfd < 0 {
		return err == nil
	}
	defer func() { _ = unix.Close(pidfd) }()
	for begin := time.Now(); time.Since(begin) < limit; {
		if process.AwaitEnd(pidfd, interval) {
			return true
		}
		if state.Ending(s.Pid) {
			ended, _ := process.AwaitDeath(pidfd, s.Pid)
			return ended
		}
	}
	return false
}

// forceDelete kills the processes of a container before it takes the lock. state.LockByForce takes it even from a
// process that does not release it.
func (c *Container) forceDelete(caller *caller.Caller) error {
	o, err := c.open(caller, false)
	if err != nil {
		if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind == diag.Absent {
			return nil
		}
		return err
	}
	defer o.close()
	// A container in creation has not executed a program of the user, and its cgroup may belong to another container:
	// the rt that creates it undoes its changes.
	s, err := o.container.State()
	if state.Foreign(err) {
		return err
	}
	if err == nil && s.Phase != state.Creating {
		if g, err := loadCgroup(s); err == nil {
			kill(g, s)
			g.Close()
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
		return removeLost(c, caller, o)
	}
	return c.destroy(caller, o)
}

// kill sends SIGKILL to the processes of a container. It ignores errors, which destroy reports, and does not wait.
func kill(g *cgroup.Group, s *state.State) {
	process.Kill(s.Pid, s.StartTime)
	g.LeaveToOthers()
	if g.Available() {
		_ = g.Kill(unix.SIGKILL)
		thawFrozen(g)
	}
}

// thawFrozen thaws a frozen cgroup: frozen processes of cgroup v1 do not end, even after SIGKILL.
func thawFrozen(g *cgroup.Group) {
	if frozen, err := g.Frozen(); err == nil && frozen {
		_ = g.Thaw()
	}
}

// destroy kills the processes of a container, removes its cgroup and its class of linux.intelRdt, runs the poststop
// hooks and removes its directory.
func (c *Container) destroy(caller *caller.Caller, o *openContainer) error {
	s := o.state
	if s.Cgroup.Driver == "" {
		// rt was killed when it had created nothing but the directory, or somebody has removed state.json.
		return removeLost(c, caller, o)
	}
	g, err := o.loadCgroup()
	if err != nil {
		return err
	}
	defer g.Close()
	if s.Pid <= 0 {
		err = endBoot(o.container)
	} else {
		err = killAndWait(g, s)
	}
	if err != nil {
		return err
	}
	g.LeaveToOthers()
	if g.Available() {
		// Processes outside the container's pid namespace, and those of a killed rt, are still alive.
		if err := g.Kill(unix.SIGKILL); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := g.Destroy(); err != nil {
			return err
		}
	}
	if err := rdt.Remove(rdt.Created(s.IntelRdt)); err != nil {
		return err
	}
	// A caller that has created the container is the parent of the init, and may not have waited for it.
	if alive, err := state.Alive(s.Pid, s.StartTime); s.Pid > 0 && err == nil && !alive {
		_, _ = unix.Wait4(s.Pid, nil, unix.WNOHANG|unix.WALL, nil)
	}
	if config, err := o.config(); err == nil && s.Phase != state.Creating {
		c.hooks(caller, o, config).RunPoststop()
	}
	return o.container.Remove()
}

// endBoot ends the boot process of a container whose rt was killed before it had saved the process in state.json. The
// boot process may wait for `rt start` then, and without a cgroup nothing tells which process it is. It ends when the
// connection that it accepts is closed.
func endBoot(c *state.Container) error {
	fd, err := dialBoot(c, unix.SOCK_NONBLOCK)
	if e, ok := errors.AsType[*diag.Error](err); ok && e.Call == "connect" {
		return nil // it has ended, or was never started
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	if unix.Shutdown(fd, unix.SHUT_WR) != nil || process.AwaitHangup(fd, process.Patience) {
		return nil //nolint:nilerr // it has ended
	}
	return &diag.Error{
		Kind: diag.Host, Problem: "the container's boot process still runs: it did not end within " +
			process.Patience.String(),
		Hint: "look for a process rt-boot with the container's ID, and kill it",
	}
}

// killAndWait kills the init of a container and waits for its end. The kernel kills the rest of its pid namespace.
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
		thawFrozen(g)
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

// removeLost removes the directory of a container whose state.json is missing or damaged. It ends a boot process that
// waits for `rt start`, which the directory leads to, and no other: that a cgroup has the name of the container does
// not prove that the processes in it are not another container's. So it warns of them.
func removeLost(c *Container, caller *caller.Caller, o *openContainer) error {
	if err := endBoot(o.container); err != nil {
		return err
	}
	if raw, err := o.container.Config(); err == nil {
		caller.Warn("state.json of the container is missing or damaged, so that its processes were not ended" +
			describeLost(c, raw))
	}
	return o.container.Remove()
}

// describeLost describes the processes in the cgroup that config.json asks for; it returns "" if it finds none.
func describeLost(c *Container, raw []byte) string {
	config, err := spec.Parse(raw, "/", spec.LoadOptions{})
	if err != nil {
		return ""
	}
	g, err := creation.FindCgroup(c.ID, config, c.runtime.settings())
	if err != nil {
		return ""
	}
	defer g.Close()
	pids, err := g.Pids()
	if err != nil || len(pids) == 0 {
		return ""
	}
	text := ": process " + strconv.Itoa(pids[0])
	if len(pids) > 1 {
		text += ", and " + strconv.Itoa(len(pids)-1) + " more,"
	}
	return text + " in the cgroup of that name, if this is the container's"
}
