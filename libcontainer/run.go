package libcontainer

import (
	"context"

	"rt/internal/diag"
	"rt/libcontainer/caller"
)

// RunOptions are the options of Run.
type RunOptions struct {
	CreateOptions
	Detach      bool // return after the execve(2) of the program
	Keep        bool // keep the stopped container, instead of deleting it
	NoSubreaper bool // with Runtime.Command: don't become a subreaper (PR_SET_CHILD_SUBREAPER)
}

// Run creates a container, executes its program, waits until the program ends, and deletes the container. Cancelling
// ctx meanwhile kills the program with SIGKILL and deletes the container, and the error then wraps context.Cause(ctx).
// With Detach, Run returns after the execve(2) of the program, and ctx has no effect from then on; [Runtime.Container]
// returns a handle of the container.
func (r *Runtime) Run(ctx context.Context, id string, o *RunOptions) (Result, error) {
	caller := r.call(ctx)
	status, err := r.run(caller, id, o)
	return resultOf(caller, status, err)
}

func (r *Runtime) run(caller *caller.Caller, id string, o *RunOptions) (int, error) {
	c, err := r.newCreation(caller, id, &o.CreateOptions, false)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.CheckAttended(o.Detach); err != nil {
		return 0, err
	}
	if !c.HasProcess() {
		return 0, &diag.Error{Kind: diag.Document, Field: "process", Problem: "is absent: run needs a program to start"}
	}
	restore := func() {}
	if o.Detach {
		restore = caller.CatchEnd()
	} else if err := c.PrepareToAttend(!o.NoSubreaper); err != nil {
		return 0, err
	}
	defer restore()
	if err := c.Make(); err != nil {
		return 0, err
	}
	if err := c.Release(); err != nil {
		c.Undo()
		return 0, err
	}
	if o.Detach {
		restore() // the wait for READY=1 ends with rt
		return 0, c.WaitReady()
	}
	return c.Attend(o.Keep)
}
