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

// List returns the containers of [Runtime.Root], sorted by ID. One whose state can't be read is listed with its ID
// alone, as what it is: stopped. Result has a warning of it.
func (r *Runtime) List(ctx context.Context) ([]State, Result, error) {
	by, list := r.call(ctx), []State(nil)
	var starved error
	err := r.each(by, func(c *state.Container, left int) {
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
			by.Warn(err.Error())
			list = append(list, State{ID: c.ID, Status: Stopped})
		}
	})
	if err == nil {
		err = starved
	}
	result, err := ended(by, 0, err)
	return list, result, err
}

// IDs returns the IDs of all containers of [Runtime.Root], sorted: those that List returns. Nothing is read of them.
func (r *Runtime) IDs(ctx context.Context) (ids []string, result Result, err error) {
	by := r.call(ctx)
	err = r.each(by, func(dir *state.Container, _ int) {
		if dir.HasState() {
			ids = append(ids, dir.ID)
		}
	})
	result, err = ended(by, 0, err)
	return ids, result, err
}

// each calls do with all containers of the state directory, in the order of their IDs, and with the number of those
// that are left, until the call is cancelled.
func (r *Runtime) each(by *caller.Caller, do func(c *state.Container, left int)) error {
	root, err := r.root(by)
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
		if err := by.Cancelled(); err != nil {
			return err
		}
		c, err := root.Open(id, false)
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind != diag.Absent { // not just deleted meanwhile
				by.Warn(err.Error())
			}
			continue
		}
		do(c, len(ids)-i)
		c.Close()
	}
	return nil
}
