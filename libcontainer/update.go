package libcontainer

import (
	"context"

	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/libcontainer/cgroup"
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
