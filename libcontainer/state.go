package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Status is the status of a container: runtime.md, "State", and paused, which every runtime has.
type Status = state.Status

// The statuses.
const (
	Creating = state.Creating // a call makes it
	Created  = state.Created  // it waits for Start
	Running  = state.Running  // its program was executed
	Paused   = state.Paused   // its processes are frozen
	Stopped  = state.Stopped  // its first process has ended, or it was never complete
)

// State is the state of a container at one moment: that of the OCI runtime specification, and what `rt state` prints
// besides.
type State struct {
	OCIVersion  string // of its config.json
	ID          string
	Status      Status
	Pid         int       // of the first process, in the pid namespace of the caller; 0 if it has ended
	Bundle      string    // absolute path
	Rootfs      string    // absolute path
	Created     time.Time // UTC
	Owner       uint32    // the effective user ID of who has created it
	Annotations map[string]string
}

// AppendJSON appends the JSON object that `rt state` prints, on several lines, or with compact that of `rt list`, on
// one. owner is the name of the user for `rt list`; "" leaves it empty.
func (s *State) AppendJSON(dst []byte, owner string, compact bool) []byte {
	return state.AppendOCI(dst, &state.State{
		OCIVersion: s.OCIVersion, ID: s.ID, Pid: s.Pid, Bundle: s.Bundle, Rootfs: s.Rootfs, Created: s.Created,
		Owner: s.Owner, Annotations: s.Annotations,
	}, s.Status, owner, !compact)
}

// State returns the state of the container.
func (c *Container) State(ctx context.Context) (*State, error) {
	by, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.open(by, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	if err := o.read(); err != nil {
		return nil, err
	}
	s := publicState(o.state, o.status)
	return &s, nil
}

// publicState is what others than rt may know of a state.
func publicState(s *state.State, status state.Status) State {
	public := State{
		OCIVersion: s.OCIVersion, ID: s.ID, Status: status, Pid: s.Pid, Bundle: s.Bundle, Rootfs: s.Rootfs,
		Created: s.Created, Owner: s.Owner, Annotations: s.Annotations,
	}
	if status == Stopped {
		public.Pid = 0
	}
	return public
}

// recorded reads what is recorded of the container.
func (c *Container) recorded(ctx context.Context) (*state.State, error) {
	by, err := c.begin(ctx)
	if err != nil {
		return nil, err
	}
	o, err := c.open(by, false)
	if err != nil {
		return nil, err
	}
	defer o.close()
	return o.container.State()
}

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
