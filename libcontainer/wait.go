package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
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
	pidfd, err := unix.PidfdOpen(s.Pid, 0)
	if err != nil {
		return result, nil //nolint:nilerror // it has ended, and its parent has waited for it
	}
	defer func() { _ = unix.Close(pidfd) }()
	const often = 100 * time.Millisecond
	for state.Alive(s.Pid, s.StartTime) && !process.AwaitEnd(pidfd, often) {
		if err := ctx.Err(); err != nil {
			return result, &diag.Error{
				Kind: diag.Host, Problem: "the wait for the container was cancelled",
				Err: context.Cause(ctx),
			}
		}
	}
	var status unix.WaitStatus
	if pid, err := unix.Wait4(s.Pid, &status, unix.WNOHANG|unix.WALL, nil); err == nil && pid == s.Pid {
		result.Status = process.ExitStatus(status)
	}
	return result, nil
}
