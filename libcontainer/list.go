package libcontainer

import (
	"context"
	"errors"
	"io/fs"

	"rt/internal/diag"
	"rt/libcontainer/state"

	"golang.org/x/sys/unix"
)

// List returns the containers of [Runtime.Root], sorted by ID. Result has warnings of those whose state can't be read.
func (r *Runtime) List() ([]Listed, Result, error) {
	c := r.call(context.Background())
	list, err := c.list()
	return list, c.result(0), err
}

// list returns all containers of the root, in the order of their ids. One whose state can't be read is listed with its
// id alone, as what it is: stopped.
func (r *call) list() (list []Listed, err error) {
	err = r.each(func(c *state.Container) {
		s, status, err := r.status(c)
		switch {
		case err == nil:
			list = append(list, Listed{s, status})
		case !errors.Is(err, fs.ErrNotExist):
			r.warn(err.Error())
			list = append(list, Listed{&state.State{ID: c.ID}, state.Stopped})
		}
	})
	return list, err
}

// IDs returns the ids of all containers of the root, sorted: those that List returns, and nothing is read of them.
func (r *Runtime) IDs() (ids []string, result Result, err error) {
	c := r.call(context.Background())
	err = c.each(func(dir *state.Container) {
		if dir.HasState() {
			ids = append(ids, dir.ID)
		}
	})
	return ids, c.result(0), err
}

// each calls do with all containers of the root, in the order of their ids.
func (r *call) each(do func(*state.Container)) error {
	root, err := r.root(false)
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
	for _, id := range ids {
		c, err := root.Open(id, false)
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind != diag.Absent { // not just deleted meanwhile
				r.warn(err.Error())
			}
			continue
		}
		do(c)
		c.Close()
	}
	return nil
}
