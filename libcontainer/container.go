package libcontainer

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// status reads the state of a container and derives its status.
func (r *Runtime) status(c *state.Container) (*state.State, state.Status, error) {
	s, err := c.State()
	if err != nil {
		return nil, "", err
	}
	return s, c.Status(s, func() bool {
		g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
		if err != nil {
			return false
		}
		frozen, err := g.Frozen()
		return err == nil && frozen
	}), nil
}

// opened is a container that is open for a command, in a status that allows it.
type opened struct {
	root      *state.Root
	container *state.Container
	state     *state.State
	status    state.Status
}

// openFor opens a container, with the lock that changing it takes, if op may be done in the status that it is in.
func (r *Runtime) openFor(op state.Op, id string, lock bool) (*opened, error) {
	root, c, err := r.open(id, lock)
	if err != nil {
		return nil, err
	}
	o := &opened{root: root, container: c}
	if o.state, o.status, err = r.status(c); err == nil {
		err = state.Allow(op, id, o.status)
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

func (o *opened) close() {
	o.container.Close()
	o.root.Close()
}

// State returns what is known of a container, and its status at this moment.
func (r *Runtime) State(id string) (*state.State, state.Status, error) {
	root, c, err := r.open(id, false)
	if err != nil {
		return nil, "", err
	}
	defer root.Close()
	defer c.Close()
	return r.status(c)
}

// List returns all containers of the root, in the order of their ids. One whose state can't be read is listed with its
// id alone, as what it is: stopped.
func (r *Runtime) List() ([]Listed, error) {
	root, err := r.root(false)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if !root.Exists() && r.Root != "" {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--root", Value: r.Root, Problem: "does not exist",
			Errno: unix.ENOENT}
	}
	ids, err := root.List()
	if err != nil {
		return nil, err
	}
	list := make([]Listed, 0, len(ids))
	for _, id := range ids {
		c, err := root.Open(id, false)
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind != diag.Absent { // not just deleted meanwhile
				r.warn(err.Error())
			}
			continue
		}
		s, status, err := r.status(c)
		switch {
		case err == nil:
			list = append(list, Listed{s, status})
		case !errors.Is(err, fs.ErrNotExist):
			r.warn(err.Error())
			list = append(list, Listed{&state.State{ID: id}, state.Stopped})
		}
		c.Close()
	}
	return list, nil
}

// Kill sends a signal to the container's process, or with all to every process of its cgroup.
func (r *Runtime) Kill(id string, sig unix.Signal, all bool) error {
	root, c, err := r.open(id, false)
	if err != nil {
		return err
	}
	defer root.Close()
	defer c.Close()
	s, status, err := r.status(c)
	if err != nil {
		return err
	}
	if err := state.Allow(state.Kill, id, status); err != nil {
		if all {
			return r.killRest(s, sig)
		}
		if sig == unix.SIGKILL && r.killOrphans(c, s) {
			return nil
		}
		return err
	}
	return r.signal(c, s, status, sig, all)
}

// killOrphans kills what a container in a pid namespace of others has left when its first process ended, which the
// kernel does not do there. It reports whether there was anything.
func (r *Runtime) killOrphans(c *state.Container, s *state.State) bool {
	if shared, err := r.sharesPids(c, s); err != nil || !shared {
		return false
	}
	g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
	if err != nil || !g.Available() {
		return false
	}
	pids, err := g.Pids()
	return err == nil && len(pids) > 0 && g.Kill(unix.SIGKILL) == nil
}

// killRest signals what a container without its first process has left in its cgroup: nothing is no error, since --all
// means whatever is there.
func (r *Runtime) killRest(s *state.State, sig unix.Signal) error {
	g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
	if err != nil || !g.Available() {
		return err
	}
	return g.Kill(sig)
}

// signal sends sig to a container that lives.
func (r *Runtime) signal(c *state.Container, s *state.State, status state.Status, sig unix.Signal, all bool) error {
	g, err := cgroup.Load(cgroup.Saved(s.Cgroup))
	if err != nil {
		return err
	}
	if all && g.Available() {
		return g.Kill(sig)
	}
	pidfd := openProcess(s)
	if pidfd < 0 {
		return state.Allow(state.Kill, c.ID, state.Stopped)
	}
	defer func() { _ = unix.Close(pidfd) }()
	if status == state.Created && endsProcess(sig) {
		// The boot process has no handlers, and the kernel shields the first process of a pid namespace from signals
		// that it does not handle. It has run nothing of the user's: what is meant to end it may end it.
		sig = unix.SIGKILL
	}
	if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil {
		if err == unix.ESRCH {
			return state.Allow(state.Kill, c.ID, state.Stopped)
		}
		return diag.Sys("the signal can't be sent", "pidfd_send_signal", err)
	}
	if sig == unix.SIGKILL && g.Available() {
		// In a pid namespace of others the rest of the container does not die with its first process.
		if shared, err := r.sharesPids(c, s); err == nil && shared {
			return g.Kill(sig)
		}
		if status == state.Paused {
			_ = g.Thaw() // a frozen process of cgroup v1 does not even die
		}
		g.ThawKilled()
	}
	return nil
}

// openProcess returns a pidfd of a container's first process, or -1 if it has ended. Alive is asked once the descriptor
// is there: if it still lives then, the number had not been given to another process meanwhile.
func openProcess(s *state.State) int {
	pidfd, err := unix.PidfdOpen(s.Pid, 0)
	if err != nil {
		return -1
	}
	if !state.Alive(s.Pid, s.StartTime) {
		_ = unix.Close(pidfd)
		return -1
	}
	return pidfd
}

// sharesPids reports whether the container lives in a pid namespace that is not its own.
func (r *Runtime) sharesPids(c *state.Container, s *state.State) (bool, error) {
	config, err := loadCopy(c, s)
	if err != nil {
		return false, err
	}
	return config.Namespaces.New&unix.CLONE_NEWPID == 0, nil
}

// endsProcess reports whether a signal ends a process that does nothing about it: signal(7).
func endsProcess(sig unix.Signal) bool {
	switch sig {
	case unix.SIGCHLD, unix.SIGCONT, unix.SIGSTOP, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU, unix.SIGURG, unix.SIGWINCH, 0:
		return false
	}
	return true
}

// patience is how long a process may take to die after SIGKILL, or when it has nothing more to do.
const patience = 10 * time.Second

// Delete removes a container that has stopped, or was only created; with force one in any status, and none at all.
func (r *Runtime) Delete(id string, force bool) error {
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
	pidfd := openProcess(s)
	if pidfd < 0 {
		return true
	}
	defer func() { _ = unix.Close(pidfd) }()
	for begin := time.Now(); time.Since(begin) < moment; {
		if waitEnd(pidfd, look) {
			return true
		}
		if state.Ending(s.Pid) {
			ended, _ := endOf(pidfd, s.Pid)
			return ended
		}
	}
	return false
}

// deleteByForce kills what lives of a container first of all, and then waits for whoever is at work on it, or ends
// that: see state.LockByForce.
func (r *Runtime) deleteByForce(id string) error {
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
	if pidfd := openProcess(s); pidfd >= 0 {
		_ = unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0)
		_ = unix.Close(pidfd)
	}
	if g.Available() {
		_ = g.Kill(unix.SIGKILL) // destroy tells what is wrong
		if frozen, err := g.Frozen(); err == nil && frozen {
			_ = g.Thaw()
		}
	}
}

// destroy ends what lives of a container, and removes all of it.
func (r *Runtime) destroy(c *state.Container, s *state.State) error {
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
	if config, err := loadCopy(c, s); err == nil && s.Phase != state.Creating {
		runPoststop(r, config, s)
	}
	return c.Remove()
}

// killAndWait kills the first process of a container and waits for its end: it takes its pid namespace with it.
func killAndWait(g *cgroup.Group, s *state.State) error {
	pidfd := openProcess(s)
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
	ended, left := endOf(pidfd, s.Pid)
	if ended {
		return nil
	}
	e := &diag.Error{
		Kind: diag.Host, Problem: "container init still running: it did not die of SIGKILL within " + patience.String(),
		Hint: "a process that waits for a device or a network file system can't die: see its stack in /proc/PID/stack",
	}
	if len(left) > 0 {
		e.Hint = unreapedHint(left)
	}
	return e
}
