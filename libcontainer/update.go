package libcontainer

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/state"
)

// Update changes those limits of a container that resources has, and leaves the others.
func (r *Runtime) Update(id string, resources *specs.LinuxResources) error {
	return r.change(state.Update, id, func(g *cgroup.Group) error { return g.Update(resources) })
}
