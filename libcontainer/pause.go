package libcontainer

import (
	"rt/libcontainer/cgroup"
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
	return o.group(op, do)
}

// group does something to the cgroup of an open container.
func (o *opened) group(op state.Op, do func(*cgroup.Group) error) error {
	g, err := cgroup.Load(cgroup.Saved(o.state.Cgroup))
	if err != nil {
		return err
	}
	defer g.Close()
	if !g.Available() {
		return g.NoCgroupError("can't " + string(op))
	}
	return do(g)
}
