package libcontainer

import (
	"context"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/state"
)

// Pause freezes all processes of the container, and returns when all of them have stopped. ctx is looked at before, and
// while another call changes the container.
func (c *Container) Pause(ctx context.Context) error {
	return c.change(ctx, state.Pause, func(g *cgroup.Group) error { return g.Freeze() })
}

// Resume thaws the processes of a paused container. ctx is as in Pause.
func (c *Container) Resume(ctx context.Context) error {
	return c.change(ctx, state.Resume, func(g *cgroup.Group) error { return g.Thaw() })
}

// change does something to the cgroup of the container, if its status allows op.
func (c *Container) change(ctx context.Context, op state.Op, do func(*cgroup.Group) error) error {
	by, err := c.begin(ctx)
	if err != nil {
		return err
	}
	o, err := c.openFor(by, op, true)
	if err != nil {
		return err
	}
	defer o.close()
	return o.changeCgroup(op, do)
}
