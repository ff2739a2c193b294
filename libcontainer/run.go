package libcontainer

import (
	"context"

	"rt/internal/diag"
	"rt/libcontainer/caller"
)

// RunOptions are the options of Run.
type RunOptions struct {
	CreateOptions
	Detach      bool // return when the container runs
	Keep        bool // don't delete the container at its end
	NoSubreaper bool // don't become the parent of the container's orphans
}

// Run makes a container and runs its program. In the foreground it waits until the program ends, and deletes the
// container. If ctx is cancelled meanwhile, the program is killed with SIGKILL, the container is deleted, and the error
// wraps context.Cause(ctx). With Detach it returns when the program runs, and ctx has no meaning any more;
// [Runtime.Container] returns a handle of it.
func (r *Runtime) Run(ctx context.Context, id string, o *RunOptions) (Result, error) {
	by := r.call(ctx)
	status, err := r.run(by, id, o)
	return ended(by, status, err)
}

func (r *Runtime) run(by *caller.Caller, id string, o *RunOptions) (int, error) {
	c, err := r.newCreation(by, id, &o.CreateOptions, false)
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
		restore = by.CatchEnd()
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
