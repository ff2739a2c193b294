package libcontainer

import (
	"context"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
	"rt/libcontainer/state"
)

// Status is the status of a container: one of runtime.md, "State", or paused.
type Status = state.Status

// The statuses.
const (
	Creating = state.Creating // Create or Run is at work
	Created  = state.Created  // it waits for Start
	Running  = state.Running  // its program was executed
	Paused   = state.Paused   // its processes are frozen
	Stopped  = state.Stopped  // its init has ended, or its creation was not completed
)

// State is the state of a container at one moment: the properties of runtime.md, "State", and those that `rt state`
// prints in addition.
type State struct {
	OCIVersion  string // of its config.json
	ID          string
	Status      Status
	Pid         int       // of the init, in the pid namespace of the caller; 0 if it has ended
	Bundle      string    // absolute path
	Rootfs      string    // absolute path of the root file system on the host
	Created     time.Time // UTC
	Owner       uint32    // the effective user ID of the process that has created it
	Annotations map[string]string
}

// AppendJSON appends the JSON object that `rt state` prints to dst. With compact it is the object of `rt list`, on one
// line. owner is the user name for `rt list`; "" leaves it empty.
func (s *State) AppendJSON(dst []byte, owner string, compact bool) []byte {
	return state.AppendOCI(dst, &state.State{
		OCIVersion: s.OCIVersion, ID: s.ID, Pid: s.Pid, Bundle: s.Bundle, Rootfs: s.Rootfs, Created: s.Created,
		Owner: s.Owner, Annotations: s.Annotations,
	}, s.Status, owner, !compact)
}

// State returns the state of the container.
func (c *Container) State(ctx context.Context) (*State, error) {
	var s State
	err := c.examine(ctx, func(o *openContainer) error {
		if err := o.read(); err != nil {
			return err
		}
		s = publicState(o.state, o.status)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &s, nil
}

// publicState returns the exported part of a state.
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

// storedState reads state.json of the container.
func (c *Container) storedState(ctx context.Context) (s *state.State, err error) {
	err = c.examine(ctx, func(o *openContainer) error {
		s, err = o.container.State()
		return err
	})
	return s, err
}

// Wait waits until the init of the container has ended. Result.Status is its exit status if it is a child of this
// process, which has then called Create, or Run with Detach. Otherwise Result.Status is -1, because the kernel gives
// the status to the parent only. Cancelling ctx ends the wait, not the container.
func (c *Container) Wait(ctx context.Context) (Result, error) {
	s, err := c.storedState(ctx)
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
	const interval = 100 * time.Millisecond
	for !process.AwaitEnd(pidfd, interval) {
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

// reap waits for a process that has ended, and sets its status, if it is a child of this process.
func (r *Result) reap() {
	var status unix.WaitStatus
	if pid, err := unix.Wait4(r.Pid, &status, unix.WNOHANG|unix.WALL, nil); err == nil && pid == r.Pid {
		r.Status = process.ExitStatus(status)
	}
}
