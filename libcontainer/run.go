package libcontainer

import (
	"context"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/engine"
	"rt/libcontainer/failure"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/spec"
)

// RunOptions are the options of run.
type RunOptions struct {
	CreateOptions
	Detach      bool // return when the container runs
	Keep        bool // don't delete the container at its end
	NoSubreaper bool // don't become the parent of the container's orphans
}

// Run makes a container and runs its program. In the foreground it waits until the program ends, and deletes the
// container. If ctx is cancelled meanwhile, the program is killed with SIGKILL, the container is deleted, and the error
// wraps context.Cause(ctx). With Detach it returns when the program runs, and ctx has no meaning any more.
func (r *Runtime) Run(ctx context.Context, id string, o *RunOptions) (Result, error) {
	c := r.call(ctx)
	return c.ended(c.run(id, o))
}

// run makes a container, starts it, and in the foreground waits for its end, whose exit status it returns: that of the
// process, or 128 and the signal.
func (r *call) run(id string, o *RunOptions) (int, error) {
	if err := state.CheckID(id); err != nil {
		return 0, err
	}
	config, err := r.load(&o.CreateOptions)
	if err != nil {
		return 0, err
	}
	c, err := r.newCreation(id, config, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := engine.CheckConsole(c.in.spec.Process, o.ConsoleSocket, o.Detach); err != nil {
		return 0, err
	}
	if err := checkObserve(&o.CreateOptions, o.Detach); err != nil {
		return 0, err
	}
	if c.in.spec.Process == nil {
		return 0, &diag.Error{Kind: diag.Document, Field: "process", Problem: "is absent: run needs a program to start"}
	}
	if err := r.prepareToAttend(o, config); err != nil {
		return 0, err
	}
	restore := func() {}
	if o.Detach {
		restore = r.catchEnd()
	}
	defer restore()
	if err := c.make(); err != nil {
		return 0, err
	}
	if err := c.release(); err != nil {
		c.undo.Run()
		return 0, err
	}
	if o.Detach {
		restore() // the wait for READY=1 ends with rt
		return 0, waitReady(c.aides.relay, c.container, &c.state)
	}
	return c.foreground(o)
}

// checkObserve checks that rt stays in the foreground of a container whose calls it answers.
func checkObserve(o *CreateOptions, detached bool) error {
	if o.Observe != nil && detached {
		return &diag.Error{
			Kind: diag.Usage, Field: "--seccomp-record",
			Problem: "needs a container in the foreground: rt itself sees its calls", Hint: "leave --detach out",
		}
	}
	return nil
}

// prepareToAttend is for an rt that stays until the container's end: it takes signals to pass on, and orphans to wait
// for.
func (r *call) prepareToAttend(o *RunOptions, config *spec.Spec) error {
	if o.Detach || !r.Command {
		return nil
	}
	if !o.NoSubreaper && config.Namespaces.New&unix.CLONE_NEWPID == 0 {
		// Without a pid namespace of its own the container's orphans come to rt, which waits for them as an init would.
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return diag.Sys("rt can't become a subreaper", "prctl", err)
		}
	}
	r.catchSignals()
	return nil
}

// release lets the boot process become the user's program.
func (c *creation) release() error {
	if err := c.session.Boot.Release(); err != nil {
		return err
	}
	if err := c.serve(plan.SyncNone); err != nil {
		return err
	}
	return c.hooks().Poststart()
}

// foreground waits for the end of the container and removes it.
func (c *creation) foreground(o *RunOptions) (int, error) {
	c.container.Unlock()
	if c.session != nil { // a container that was restored never had one
		c.session.Boot.Close()
	}
	if c.aides.relay != nil {
		c.aides.relay.Begin(process.Open(c.state.Pid, c.state.StartTime)) // before anyone waits for it
	}
	orphans := c.r.Command && c.in.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	status, err := c.r.attend(c.state.Pid, c.aides.console.Release(), c.aides.streams.Std, orphans)
	if err != nil {
		return 0, err
	}
	if err := c.aides.relay.Finish(); err != nil {
		c.r.warn(err.Error())
	}
	c.r.endReason = failure.EndReason(status, c.state.Pid, c.in.spec, c.cgroup)
	if o.Keep {
		return status, nil
	}
	if err := c.container.Lock(); err != nil {
		return status, err
	}
	// Another rt may have deleted it meanwhile.
	if c.container.Deleted() {
		return status, nil
	}
	c.state.Pid = 0
	if err := c.remove(); err != nil {
		return status, err
	}
	return status, nil
}

// remove removes a container whose process has been waited for.
func (c *creation) remove() error {
	if c.cgroup.Available() {
		if c.in.spec.Namespaces.New&unix.CLONE_NEWPID == 0 {
			_ = c.cgroup.Kill(unix.SIGKILL)
		}
		if err := c.cgroup.Destroy(); err != nil {
			return err
		}
	}
	if err := rdt.Remove(rdt.Made(c.state.IntelRdt)); err != nil {
		return err
	}
	c.hooks().Poststop()
	return c.container.Remove()
}
