package libcontainer

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/addition"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/process"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// UpdateOptions are the limits to change.
type UpdateOptions struct {
	Resources *specs.LinuxResources // nil or without a limit: none of the cgroup's
	// Schemas of the container's class of resctrl; "" leaves one as it is.
	L3CacheSchema, MemBwSchema string
}

// Update changes those limits of the container that o has, and leaves the others. ctx is looked at before, and while
// another call changes the container.
func (c *Container) Update(ctx context.Context, o *UpdateOptions) error {
	by, err := c.begin(ctx)
	if err != nil {
		return err
	}
	opened, err := c.openFor(by, state.Update, true)
	if err != nil {
		return err
	}
	defer opened.close()
	class, err := opened.classToChange(o, c.runtime.resctrlRoot)
	if err != nil {
		return err
	}
	if class == nil || !unlimited(o.Resources) {
		err := opened.changeCgroup(state.Update, func(g *cgroup.Group) error { return g.Update(o.Resources) })
		if err != nil {
			return err
		}
	}
	if class == nil {
		return nil
	}
	return class.Update(rdt.Schemas{L3Cache: o.L3CacheSchema, MemBw: o.MemBwSchema})
}

// classToChange is the class of resctrl that o wants changed; nil for none. It is looked for before the first limit is
// changed.
func (opened *opened) classToChange(o *UpdateOptions, resctrl func() (string, error)) (*rdt.Group, error) {
	if o.L3CacheSchema == "" && o.MemBwSchema == "" {
		return nil, nil //nolint:nilnil // none is no error
	}
	if class, err := opened.rdt(resctrl); err != nil || class != nil {
		return class, err
	}
	field, value := "--l3-cache-schema", o.L3CacheSchema
	if value == "" {
		field, value = "--mem-bw-schema", o.MemBwSchema
	}
	return nil, &diag.Error{
		Kind: diag.Usage, Field: field, Value: value,
		Problem: "the container has no class of resctrl to change: its config has no linux.intelRdt",
		Hint:    `create it with "intelRdt": {} in linux, which gives it one of its own`,
	}
}

// unlimited reports whether r asks for nothing.
func unlimited(r *specs.LinuxResources) bool {
	return r == nil || len(r.Devices) == 0 && r.Memory == nil && r.CPU == nil && r.Pids == nil && r.BlockIO == nil &&
		len(r.HugepageLimits) == 0 &&
		r.Network == nil && len(r.Rdma) == 0 && len(r.Unified) == 0
}

// AddedMount is a mount that is added to a running container: the properties are those of an entry of mounts in
// config.json, of which the type may be bind or tmpfs. A relative source starts in the working directory.
type AddedMount = specs.Mount

// Mount adds a mount to the container while it runs, under the rules of mounts in config.json. Result.Warnings has what
// these rules warn of. ctx is looked at before.
func (c *Container) Mount(ctx context.Context, m *AddedMount) (Result, error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = changeMounts(c, by, state.Mount, func(to *addition.Container) error {
			warnings, err := to.Mount(m)
			by.Warn(warnings...)
			return err
		})
	}
	return ended(by, 0, err)
}

// MountPlan compiles the plan that Mount would execute, and does nothing else.
func (c *Container) MountPlan(ctx context.Context, m *AddedMount) (p *Plan, result Result, err error) {
	by, err := c.begin(ctx)
	if err == nil {
		err = changeMounts(c, by, state.Mount, func(to *addition.Container) error {
			var warnings []string
			p, warnings, err = to.Plan(m)
			by.Warn(warnings...)
			return err
		})
	}
	result, err = ended(by, 0, err)
	return p, result, err
}

// Umount removes a mount that Mount has added, with all that is mounted in it.
func (c *Container) Umount(ctx context.Context, destination string) error {
	by, err := c.begin(ctx)
	if err != nil {
		return err
	}
	return changeMounts(c, by, state.Umount, func(to *addition.Container) error { return to.Umount(destination) })
}

// AddedDevice is a device of the host that is added to a running container.
type AddedDevice = addition.Device

// AddDevice adds a device to the container while it runs: its node, and the rule of the container's cgroup that allows
// it. An update that has device rules replaces that rule with the others.
func (c *Container) AddDevice(ctx context.Context, d *AddedDevice) error {
	return changeDevices(ctx, c, state.Mount, func(to *addition.Container, g *cgroup.Group) error {
		return to.AddDevice(d, g)
	})
}

// RemoveDevice removes a device that AddDevice has added, by its path in the container.
func (c *Container) RemoveDevice(ctx context.Context, path string) error {
	return changeDevices(ctx, c, state.Umount, func(to *addition.Container, g *cgroup.Group) error {
		return to.RemoveDevice(path, g)
	})
}

// changeDevices calls do for a container and its cgroup, as changeMounts does.
func changeDevices(ctx context.Context, c *Container, op state.Op,
	do func(*addition.Container, *cgroup.Group) error,
) error {
	by, err := c.begin(ctx)
	if err != nil {
		return err
	}
	return changeMounts(c, by, op, func(to *addition.Container) error {
		g, err := cgroup.Load(cgroup.Saved(to.State.Cgroup))
		if err != nil {
			return err
		}
		defer g.Close()
		return do(to, g)
	})
}

// changeMounts calls do for a container, locked, if op may be done in its status.
func changeMounts(c *Container, by *caller.Caller, op state.Op, do func(*addition.Container) error) error {
	o, err := c.openFor(by, op, true)
	if err != nil {
		return err
	}
	defer o.close()
	to := &addition.Container{
		Dir: o.container, State: o.state, Interrupted: by.Interrupted, Edit: c.runtime.editor(), Debug: by.Debug,
	}
	if to.Pidfd, err = process.Open(o.state.Pid, o.state.StartTime); err != nil {
		return err
	}
	if to.Pidfd < 0 {
		return state.Allow(op, c.ID, state.Stopped)
	}
	defer sys.CloseAll(to.Pidfd)
	if to.Spec, err = o.config(); err != nil {
		return err
	}
	return do(to)
}
