package libcontainer

import (
	"rt/libcontainer/cgroup"
	"rt/libcontainer/diag"
	"rt/libcontainer/state"
)

// Pause stops all processes of a container where they are, and returns when all of them stand still.
func (r *Runtime) Pause(id string) error {
	return r.change(state.Pause, id, func(g *cgroup.Group) error { return g.Freeze() })
}

// Resume lets the processes of a paused container go on.
func (r *Runtime) Resume(id string) error {
	return r.change(state.Resume, id, func(g *cgroup.Group) error { return g.Thaw() })
}

// change does something to the cgroup of a container, if its status allows op.
func (r *Runtime) change(op state.Op, id string, do func(*cgroup.Group) error) error {
	o, err := r.openFor(op, id, true)
	if err != nil {
		return err
	}
	defer o.close()
	g, err := cgroup.Load(cgroup.Saved(o.state.Cgroup))
	if err != nil {
		return err
	}
	defer g.Close()
	if !g.Available() {
		return &diag.Error{
			Kind: diag.Host, Problem: "can't " + string(op) + " a container that has no cgroup of its own",
			Hint: "rt had no right to make one: let systemd delegate it, as systemd-run --user --scope -p Delegate=yes does",
		}
	}
	return do(g)
}
