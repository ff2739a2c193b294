package libcontainer

import (
	"rt/internal/diag"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/process"
	"rt/libcontainer/state"

	"golang.org/x/sys/unix"
)

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
	pidfd := process.Open(s.Pid, s.StartTime)
	if pidfd < 0 {
		return state.Allow(state.Kill, c.ID, state.Stopped)
	}
	defer func() { _ = unix.Close(pidfd) }()
	if status == state.Created && process.Ends(sig) {
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

// sharesPids reports whether the container lives in a pid namespace that is not its own.
func (r *Runtime) sharesPids(c *state.Container, s *state.State) (bool, error) {
	config, err := loadCopy(c, s)
	if err != nil {
		return false, err
	}
	return config.Namespaces.New&unix.CLONE_NEWPID == 0, nil
}
