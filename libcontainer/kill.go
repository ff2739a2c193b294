package libcontainer

import (
	"context"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Kill sends a signal to the first process of the container. In a container that was created and not started, each
// signal that would end its program ends the process that waits for the start. ctx is looked at before the signal is
// sent.
func (c *Container) Kill(ctx context.Context, sig unix.Signal) error { return c.kill(ctx, sig, false) }

// KillAll sends a signal to every process in the cgroup of the container, and of the cgroups below it. It is no error
// if there is none.
func (c *Container) KillAll(ctx context.Context, sig unix.Signal) error {
	return c.kill(ctx, sig, true)
}

func (c *Container) kill(ctx context.Context, sig unix.Signal, all bool) error {
	by, err := c.begin(ctx)
	if err != nil {
		return err
	}
	o, err := c.open(by, false)
	if err != nil {
		return err
	}
	defer o.close()
	if err := o.read(); err != nil {
		return err
	}
	if err := state.Allow(state.Kill, c.ID, o.status); err != nil {
		if all {
			return o.killRest(sig)
		}
		if sig == unix.SIGKILL && o.killOrphans() {
			return nil
		}
		return err
	}
	return o.signal(sig, all)
}

// killOrphans kills what a container in a pid namespace of others has left when its first process ended, which the
// kernel does not do there. It reports whether there was anything.
func (o *opened) killOrphans() bool {
	if shared, err := o.sharesPids(); err != nil || !shared {
		return false
	}
	g, err := o.loadCgroup()
	if err != nil || !g.Available() {
		return false
	}
	pids, err := g.Pids()
	return err == nil && len(pids) > 0 && g.Kill(unix.SIGKILL) == nil
}

// killRest signals what a container without its first process has left in its cgroup: nothing is no error, since --all
// means whatever is there.
func (o *opened) killRest(sig unix.Signal) error {
	g, err := o.loadCgroup()
	if err != nil || !g.Available() {
		return err
	}
	return g.Kill(sig)
}

// signal sends sig to a container that lives.
func (o *opened) signal(sig unix.Signal, all bool) error {
	g, err := o.loadCgroup()
	if err != nil {
		return err
	}
	if all && g.Available() {
		return g.Kill(sig)
	}
	pidfd, err := process.Open(o.state.Pid, o.state.StartTime)
	if err != nil {
		return err
	}
	if pidfd < 0 {
		return state.Allow(state.Kill, o.container.ID, state.Stopped)
	}
	defer func() { _ = unix.Close(pidfd) }()
	if o.status == state.Created && process.Ends(sig) {
		// The boot process has no handlers, and the kernel shields the first process of a pid namespace from signals
		// that it does not handle. It has run nothing of the user's: what is meant to end it may end it.
		sig = unix.SIGKILL
	}
	if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil {
		if err == unix.ESRCH {
			return state.Allow(state.Kill, o.container.ID, state.Stopped)
		}
		return diag.Sys("the signal can't be sent", "pidfd_send_signal", err)
	}
	if sig == unix.SIGKILL && g.Available() {
		// In a pid namespace of others the rest of the container does not die with its first process.
		if shared, err := o.sharesPids(); err == nil && shared {
			return g.Kill(sig)
		}
		if o.status == state.Paused {
			_ = g.Thaw() // a frozen process of cgroup v1 does not even die
		}
		g.ThawKilled()
	}
	return nil
}

// sharesPids reports whether the container lives in a pid namespace that is not its own.
func (o *opened) sharesPids() (bool, error) {
	config, err := o.config()
	if err != nil {
		return false, err
	}
	return config.Namespaces.New&unix.CLONE_NEWPID == 0, nil
}
