package libcontainer

import (
	"context"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Kill sends a signal to the init of the container. In a created container each signal whose default action terminates
// a process (signal(7)) ends the boot process, and thus the container.
func (c *Container) Kill(ctx context.Context, sig unix.Signal) error {
	return c.examine(ctx, func(o *openContainer) error { return o.kill(sig, false) })
}

// KillAll sends a signal to all processes in the container's cgroup and its descendants. It is no error if there are
// none.
func (c *Container) KillAll(ctx context.Context, sig unix.Signal) error {
	return c.examine(ctx, func(o *openContainer) error { return o.kill(sig, true) })
}

// kill sends a signal to the init; with all, to all processes.
func (o *openContainer) kill(sig unix.Signal, all bool) error {
	if err := o.read(); err != nil {
		return err
	}
	if err := state.Allow(state.Kill, o.container.ID, o.status); err != nil {
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

// killOrphans kills the processes that remain after the end of an init in a shared pid namespace: there the kernel does
// not kill them. It reports whether there were any.
func (o *openContainer) killOrphans() bool {
	if shared, err := o.sharesPids(); err != nil || !shared {
		return false
	}
	g, err := o.holdCgroup()
	if err != nil {
		return false
	}
	defer g.Close()
	if !g.Available() {
		return false
	}
	pids, err := g.Pids()
	return err == nil && len(pids) > 0 && g.Kill(unix.SIGKILL) == nil
}

// killRest sends a signal to the processes in the cgroup after the end of the init. It is no error if there are none.
func (o *openContainer) killRest(sig unix.Signal) error {
	g, err := o.holdCgroup()
	if err != nil {
		return err
	}
	defer g.Close()
	if !g.Available() {
		return nil
	}
	return g.Kill(sig)
}

// signal sends a signal to the init of a container that is not stopped; with all, to all its processes.
func (o *openContainer) signal(sig unix.Signal, all bool) error {
	g, err := o.loadCgroup()
	if err != nil {
		return err
	}
	defer g.Close()
	if all && g.Available() {
		return g.Kill(sig)
	}
	pidfd, err := o.openInit(state.Kill)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(pidfd) }()
	if o.status == state.Created && process.Terminates(sig) {
		// The boot process has no handlers, and the kernel does not deliver signals without a handler to the init of a
		// pid namespace (pid_namespaces(7)), except SIGKILL. The boot process has nothing to clean up.
		sig = unix.SIGKILL
	}
	if err := unix.PidfdSendSignal(pidfd, sig, nil, 0); err != nil {
		if err == unix.ESRCH {
			return state.Allow(state.Kill, o.container.ID, state.Stopped)
		}
		return diag.Sys("the signal can't be sent", "pidfd_send_signal", err)
	}
	if sig == unix.SIGKILL && g.Available() {
		// In a shared pid namespace the kernel does not kill the other processes when the init ends.
		if shared, err := o.sharesPids(); err == nil && shared {
			return g.Kill(sig)
		}
		if o.status == state.Paused {
			_ = g.Thaw() // see thawFrozen
		}
		g.ThawKilled()
	}
	return nil
}

// sharesPids reports whether the container has no pid namespace of its own.
func (o *openContainer) sharesPids() (bool, error) {
	config, err := o.config()
	if err != nil {
		return false, err
	}
	return config.Namespaces.New&unix.CLONE_NEWPID == 0, nil
}
