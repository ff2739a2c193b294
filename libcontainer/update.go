package libcontainer

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/addition"
	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
)

// UpdateOptions are the limits that Update changes.
type UpdateOptions struct {
	Resources     *specs.LinuxResources // as in linux.resources of config.json; nil changes no limit of the cgroup
	L3CacheSchema string                // as in linux.intelRdt.l3CacheSchema; "" does not change it
	MemBwSchema   string                // as in linux.intelRdt.memBwSchema; "" does not change it
}

// Update changes the limits of the container that o sets, and no others. Cancelling ctx ends the wait for another call
// that changes the container.
func (c *Container) Update(ctx context.Context, o *UpdateOptions) error {
	caller, err := c.begin(ctx)
	if err != nil {
		return err
	}
	opened, err := c.openFor(caller, state.Update, true)
	if err != nil {
		return err
	}
	defer opened.close()
	class, err := opened.classToChange(o, c.runtime.resctrlRoot)
	if err != nil {
		return err
	}
	if class == nil || setsLimit(o.Resources) {
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

// classToChange returns the class of linux.intelRdt that o changes; nil if o changes none.
func (opened *openContainer) classToChange(o *UpdateOptions, resctrl func() (string, error)) (*rdt.Group, error) {
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
		Problem: "the container has no class of resctrl: its config has no linux.intelRdt",
		Hint:    `create it with "intelRdt": {} in linux: then it has a class of its own`,
	}
}

// setsLimit reports whether r sets a limit.
func setsLimit(r *specs.LinuxResources) bool {
	return r != nil && (len(r.Devices) > 0 || r.Memory != nil || r.CPU != nil || r.Pids != nil || r.BlockIO != nil ||
		len(r.HugepageLimits) > 0 || r.Network != nil || len(r.Rdma) > 0 || len(r.Unified) > 0)
}

// AddedMount is a mount for [Container.Mount], as an entry of mounts in config.json describes it.
//
//	Destination  its path in the container
//	Type         "bind" or "tmpfs"
//	Source       for bind, a path of the host: a relative one starts in the working directory
//	Options      as in config.json: "ro", "nosuid"
//	UIDMappings  of an id-mapped mount
//	GIDMappings  of an id-mapped mount
type AddedMount = specs.Mount

// Mount adds a mount to a running container. The rules and warnings are those for mounts in config.json.
func (c *Container) Mount(ctx context.Context, m *AddedMount) (Result, error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = changeMounts(c, caller, state.Mount, func(to *addition.Container) error {
			warnings, err := to.Mount(m)
			caller.Warn(warnings...)
			return err
		})
	}
	return resultOf(caller, 0, err)
}

// MountPlan compiles the plan that Mount would execute. It changes nothing.
func (c *Container) MountPlan(ctx context.Context, m *AddedMount) (p *Plan, result Result, err error) {
	caller, err := c.begin(ctx)
	if err == nil {
		err = changeMounts(c, caller, state.Mount, func(to *addition.Container) error {
			var warnings []string
			p, warnings, err = to.Plan(m)
			caller.Warn(warnings...)
			return err
		})
	}
	result, err = resultOf(caller, 0, err)
	return p, result, err
}

// Umount removes a mount that Mount has added, with the mounts below it.
func (c *Container) Umount(ctx context.Context, destination string) error {
	caller, err := c.begin(ctx)
	if err != nil {
		return err
	}
	return changeMounts(c, caller, state.Umount, func(to *addition.Container) error { return to.Umount(destination) })
}

// AddedDevice is a device for [Container.AddDevice].
//
//	Path         the path of its node on the host
//	Destination  its path in the container; "" is Path
//	Access       the permitted access: "r" (read), "w" (write) and "m" (mknod); "" is "rwm"
type AddedDevice = addition.Device

// AddDevice adds a device of the host to a running container: a device node, and a device rule of the cgroup. Update
// with device rules removes this rule.
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
	caller, err := c.begin(ctx)
	if err != nil {
		return err
	}
	return changeMounts(c, caller, op, func(to *addition.Container) error {
		g, err := cgroup.Load(cgroup.Saved(to.State.Cgroup))
		if err != nil {
			return err
		}
		defer g.Close()
		return do(to, g)
	})
}

// changeMounts calls do with the container, locked, if its status allows op.
func changeMounts(c *Container, caller *caller.Caller, op state.Op, do func(*addition.Container) error) error {
	o, err := c.openFor(caller, op, true)
	if err != nil {
		return err
	}
	defer o.close()
	to := &addition.Container{
		Dir: o.container, State: o.state, Interrupted: caller.Interrupted, Edit: c.runtime.edit, Debug: caller.Debug,
	}
	if to.Pidfd, err = o.openInit(op); err != nil {
		return err
	}
	defer sys.CloseAll(to.Pidfd)
	if to.Spec, err = o.config(); err != nil {
		return err
	}
	return do(to)
}
