package libcontainer

import (
	"context"
	"errors"
	"io/fs"

	"rt/internal/diag"
	"rt/libcontainer/caller"
	"rt/libcontainer/state"

	"golang.org/x/sys/unix"
)

// List returns the states of all containers of [Runtime.Root], sorted by ID. If the state of a container can't be read,
// the list has its ID with the status stopped, and the Result has a warning.
func (r *Runtime) List(ctx context.Context) ([]State, Result, error) {
	caller, list := r.call(ctx), []State(nil)
	var starved error
	err := r.forEach(caller, func(c *state.Container, left int) {
		if list == nil {
			list = make([]State, 0, left)
		}
		s, status, err := statusOf(c)
		switch {
		case diag.Starved(err):
			starved = err
		case err == nil:
			list = append(list, publicState(s, status))
		case !errors.Is(err, fs.ErrNotExist):
			caller.Warn(err.Error())
			list = append(list, State{ID: c.ID, Status: Stopped})
		}
	})
	if err == nil {
		err = starved
	}
	result, err := resultOf(caller, 0, err)
	return list, result, err
}

// IDs returns the IDs of the containers that List returns, sorted. It does not read their states.
func (r *Runtime) IDs(ctx context.Context) (ids []string, result Result, err error) {
	caller := r.call(ctx)
	err = r.forEach(caller, func(dir *state.Container, _ int) {
		if dir.HasState() {
			ids = append(ids, dir.ID)
		}
	})
	result, err = resultOf(caller, 0, err)
	return ids, result, err
}

// forEach calls do with each container of the state directory in the order of their IDs, until the call is cancelled.
// left is the number of containers from c on.
func (r *Runtime) forEach(caller *caller.Caller, do func(c *state.Container, left int)) error {
	root, err := r.root(caller)
	if err != nil {
		return err
	}
	defer root.Close()
	if !root.Exists() && r.Root != "" {
		return &diag.Error{
			Kind: diag.Usage, Field: "--root", Value: r.Root, Problem: "does not exist",
			Errno: unix.ENOENT,
		}
	}
	ids, err := root.List()
	if err != nil {
		return err
	}
	for i, id := range ids {
		if err := caller.Cancelled(); err != nil {
			return err
		}
		c, err := root.Open(id, false)
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind != diag.Absent { // not just deleted meanwhile
				caller.Warn(err.Error())
			}
			continue
		}
		do(c, len(ids)-i)
		c.Close()
	}
	return nil
}
