package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
)

// Wait waits until the process of a container has ended. Result.Status is its exit status if it is a child of this
// process, which is the case if this process has called Create, or Run with Detach, and -1 otherwise: the kernel tells
// only the parent. ctx ends the wait, not the container.
func (c *Container) Wait(ctx context.Context) (Result, error) {
	s, err := c.recorded(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{Pid: s.Pid, Status: -1}
	pidfd, err := process.Open(s.Pid, s.StartTime)
	if err != nil {
		return result, err
	}
	if pidfd < 0 {
		result.reap()
		return result, nil
	}
	defer func() { _ = unix.Close(pidfd) }()
	const often = 100 * time.Millisecond
	for !process.AwaitEnd(pidfd, often) {
		if err := ctx.Err(); err != nil {
			return result, &diag.Error{
				Kind: diag.Host, Problem: "the wait for the container was cancelled",
				Err: context.Cause(ctx),
			}
		}
	}
	result.reap()
	return result, nil
}

// reap waits for a process that has ended, if it is a child of this one.
func (r *Result) reap() {
	var status unix.WaitStatus
	if pid, err := unix.Wait4(r.Pid, &status, unix.WNOHANG|unix.WALL, nil); err == nil && pid == r.Pid {
		r.Status = process.ExitStatus(status)
	}
}
