package libcontainer

import (
	"errors"
	"io/fs"

	"rt/internal/diag"
	"rt/libcontainer/state"

	"golang.org/x/sys/unix"
)

// List returns all containers of the root, in the order of their ids. One whose state can't be read is listed with its
// id alone, as what it is: stopped.
func (r *Runtime) List() ([]Listed, error) {
	root, err := r.root(false)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if !root.Exists() && r.Root != "" {
		return nil, &diag.Error{Kind: diag.Usage, Field: "--root", Value: r.Root, Problem: "does not exist",
			Errno: unix.ENOENT}
	}
	ids, err := root.List()
	if err != nil {
		return nil, err
	}
	list := make([]Listed, 0, len(ids))
	for _, id := range ids {
		c, err := root.Open(id, false)
		if err != nil {
			if e, ok := errors.AsType[*diag.Error](err); ok && e.Kind != diag.Absent { // not just deleted meanwhile
				r.warn(err.Error())
			}
			continue
		}
		s, status, err := r.status(c)
		switch {
		case err == nil:
			list = append(list, Listed{s, status})
		case !errors.Is(err, fs.ErrNotExist):
			r.warn(err.Error())
			list = append(list, Listed{&state.State{ID: id}, state.Stopped})
		}
		c.Close()
	}
	return list, nil
}
