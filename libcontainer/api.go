package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/plan"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Error is the type of all errors of this package: errors.As, or errors.AsType[*Error], finds it.
//
//	Kind     who can do something about it: see the constants
//	Field    the property of config.json, or the option of rt(8): "mounts[3].destination"
//	Value    the value found there
//	Problem  a clause that says what is wrong
//	Step     the number of the step that has failed, as `rt plan` prints it; 0 if none has
//	Text     that step, as `rt plan` prints it
//	Call     the system call: "openat2"
//	Errno    its errno, a [unix.Errno]; 0 without one. errors.Is finds it: errors.Is(err, unix.ENOENT)
//	Hint     one sentence that probably helps
//	Err      the cause, if that is not an errno. After a cancellation errors.Is finds context.Canceled here
//	More     further errors: a check reports all that it has found
type Error = diag.Error

// Kind says who can do something about an [Error].
type Kind = diag.Kind

// The kinds of errors.
const (
	Kernel   = diag.Kernel   // a system call was refused
	Usage    = diag.Usage    // the options make no sense
	Document = diag.Document // config.json or another document makes no sense
	Host     = diag.Host     // the machine lacks something
	State    = diag.State    // the container is in the wrong status for the call
	Absent   = diag.Absent   // there is no such container
)

// Create makes a container that waits for [Runtime.Start]. If it fails or ctx is cancelled before it returns, nothing
// of the container is left.
func (r *Runtime) Create(ctx context.Context, id string, o *CreateOptions) (Result, error) {
	c := r.call(ctx)
	return c.ended(0, c.create(id, o))
}

// Start lets a created container execute its program, and returns when it has: a program that can't be executed is an
// error here. If it fails or ctx is cancelled, the container is stopped.
func (r *Runtime) Start(ctx context.Context, id string) (Result, error) {
	c := r.call(ctx)
	return c.ended(0, c.start(id))
}

// Run makes a container and runs its program. In the foreground it waits until the program ends, and deletes the
// container. If ctx is cancelled meanwhile, the program is killed with SIGKILL, the container is deleted, and the error
// wraps context.Cause(ctx). With Detach it returns when the program runs, and ctx has no meaning any more.
func (r *Runtime) Run(ctx context.Context, id string, o *RunOptions) (Result, error) {
	c := r.call(ctx)
	return c.ended(c.run(id, o))
}

// Exec runs another program in a container. In the foreground it waits until the program ends; if ctx is cancelled
// meanwhile, the program is killed with SIGKILL and the error wraps context.Cause(ctx). With Detach it returns when the
// program runs; it is a child of this process, which has to wait for it: os.FindProcess(result.Pid).
func (r *Runtime) Exec(ctx context.Context, id string, o *ExecOptions) (Result, error) {
	c := r.call(ctx)
	return c.ended(c.exec(id, o))
}

// Wait waits until the process of a container has ended. Result.Status is its exit status if it is a child of this
// process, which is the case if this process has called Create, or Run with Detach, and -1 otherwise: the kernel tells
// only the parent. ctx ends the wait, not the container.
func (r *Runtime) Wait(ctx context.Context, id string) (Result, error) {
	s, _, err := r.State(id)
	if err != nil {
		return Result{}, err
	}
	result := Result{Pid: s.Pid, Status: -1}
	pidfd, err := unix.PidfdOpen(s.Pid, 0)
	if err != nil {
		return result, nil //nolint:nilerror // it has ended, and its parent has waited for it
	}
	defer func() { _ = unix.Close(pidfd) }()
	const often = 100 * time.Millisecond
	for state.Alive(s.Pid, s.StartTime) && !process.AwaitEnd(pidfd, often) {
		if err := ctx.Err(); err != nil {
			return result, &diag.Error{Kind: diag.Host, Problem: "the wait for the container was cancelled",
				Err: context.Cause(ctx)}
		}
	}
	var status unix.WaitStatus
	if pid, err := unix.Wait4(s.Pid, &status, unix.WNOHANG|unix.WALL, nil); err == nil && pid == s.Pid {
		result.Status = process.ExitStatus(status)
	}
	return result, nil
}

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

// Checkpoint dumps the processes of a container to files, with CRIU, from which [Runtime.Restore] makes a container
// again. Afterwards the container is deleted, unless the options say otherwise. ctx is looked at before CRIU starts.
func (r *Runtime) Checkpoint(ctx context.Context, id string, o *CheckpointOptions) (Result, error) {
	c := r.call(ctx)
	err := c.interrupted()
	if err == nil {
		err = c.checkpoint(id, o)
	}
	return c.result(0), err
}

// Restore makes a container of the files of [Runtime.Checkpoint]. ctx is looked at before CRIU starts, and in the
// foreground kills the program as in [Runtime.Run].
func (r *Runtime) Restore(ctx context.Context, id string, o *RestoreOptions) (Result, error) {
	c := r.call(ctx)
	if err := c.interrupted(); err != nil {
		return c.result(0), err
	}
	return c.ended(c.restore(id, o))
}

// List returns the containers of [Runtime.Root], sorted by ID. Result has warnings of those whose state can't be read.
func (r *Runtime) List() ([]Listed, Result, error) {
	c := r.call(context.Background())
	list, err := c.list()
	return list, c.result(0), err
}

// Stats returns the accounting of a container. Result has warnings of what the kernel does not account for.
func (r *Runtime) Stats(id string) (*Stats, Result, error) {
	c := r.call(context.Background())
	stats, err := c.stats(id)
	return stats, c.result(0), err
}

// Events calls tell with the accounting of a container in every interval, and whenever it ran out of memory, until the
// container ends or tell returns an error, which Events returns. ctx is looked at before each call of tell.
func (r *Runtime) Events(
	ctx context.Context, id string, interval time.Duration, tell func(Event) error,
) (Result, error) {
	c := r.call(ctx)
	err := c.events(id, interval, func(e Event) error {
		if err := c.interrupted(); err != nil {
			return err
		}
		return tell(e)
	})
	return c.result(0), err
}

// Plan compiles the plan that Create (wait) or Run would carry out, and does nothing else. bundle may also be a
// config.json by any name; relative paths in it start in its directory.
func (r *Runtime) Plan(bundle string, o *CreateOptions, wait bool) (*plan.Plan, Result, error) {
	c := r.call(context.Background())
	p, err := c.compilePlan(bundle, o, wait)
	return p, c.result(0), err
}
