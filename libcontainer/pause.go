package libcontainer

import (
	"context"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/state"
)

// Pause freezes all processes of the container, and returns when they are frozen. Cancelling ctx ends the wait for
// another call that changes the container.
func (c *Container) Pause(ctx context.Context) error {
	return c.change(ctx, state.Pause, func(g *cgroup.Group) error { return g.Freeze() })
}

// Resume thaws the processes of a paused container. ctx is as in Pause.
func (c *Container) Resume(ctx context.Context) error {
	return c.change(ctx, state.Resume, func(g *cgroup.Group) error { return g.Thaw() })
}

// change calls do with the cgroup of the container, if the status allows op.
func (c *Container) change(ctx context.Context, op state.Op, do func(*cgroup.Group) error) error {
	caller, err := c.begin(ctx)
	if err != nil {
		return err
	}
	o, err := c.openFor(caller, op, true)
	if err != nil {
		return err
	}
	defer o.close()
	return o.changeCgroup(op, do)
}
