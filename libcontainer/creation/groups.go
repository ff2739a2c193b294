package creation

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/libcontainer/rdt"
	"rt/libcontainer/state"
	"rt/spec"
)

// groups are what limits the resources of a container.
type groups struct {
	cgroup *cgroup.Group
	rdt    *rdt.Group // nil without linux.intelRdt
}

// findCgroup finds the cgroup of a container that is to be created, and completes the facts of this machine with its
// hierarchies.
func findCgroup(id string, config *spec.Spec, facts *host.Facts, s *Settings) (*cgroup.Group, error) {
	c := inspect.Cgroup(config, facts)
	c.ID, c.Systemd, c.Disabled, c.Rootless = id, s.SystemdCgroup, s.NoCgroup, s.rootless(facts)
	g, err := cgroup.New(c)
	if err != nil {
		return nil, err
	}
	g.DropInaccessible()
	facts.CgroupMode, facts.Hierarchies = g.Mode(), g.Hierarchies()
	return g, nil
}

// findRdt finds the class that linux.intelRdt names, for a container that is to be created; nil without it.
func findRdt(id string, config *spec.Spec, resctrl func() (string, error)) (*rdt.Group, error) {
	l := config.OCI.Linux
	if l == nil || l.IntelRdt == nil {
		return nil, nil //nolint:nilnil // no class is no error
	}
	root, err := resctrl()
	if err != nil {
		return nil, err
	}
	return rdt.Find(root, id, l.IntelRdt)
}

// makeGroups makes the cgroup and the class of linux.intelRdt. What is in the cgroup is the container.
func (c *Creation) makeGroups() error {
	c.poststop = c.undo.Push(nil) // after the end of all that the container has
	if err := c.cgroup.Create(); err != nil {
		return err
	}
	c.undo.Push(c.removeCgroup)
	if !c.cgroup.Available() && !c.settings.SystemdCgroup && !c.settings.NoCgroup && !c.settings.rootless(&c.in.facts) {
		c.caller.Warn("the container has no cgroup of its own: none can be made in " + plan.HostCgroup2 +
			", and the config asks for none; so no device rules hold, and there are no statistics")
	}
	if c.rdt == nil {
		return nil
	}
	// The state has the class already: a killed rt leaves nothing behind.
	if err := c.rdt.Make(); err != nil {
		// What another rt has made meanwhile is not the container's to remove.
		c.state.IntelRdt = state.IntelRdt(c.rdt.Made)
		return err
	}
	c.undo.Push(c.rdt.Undo)
	return nil
}

// removeCgroup removes the cgroup, with all that is in it.
func (c *Creation) removeCgroup() {
	if c.cgroup.Available() {
		_ = c.cgroup.Kill(unix.SIGKILL)
		err := c.cgroup.Destroy()
		c.warnOf(err)
		c.left = err != nil
		c.cgroup.Undo()
	}
}

// forget removes the state directory, unless a cgroup is left: the container is then for `rt delete --force` to remove.
func (c *Creation) forget() {
	if c.left {
		c.caller.Warn("`rt delete --force " + c.state.ID +
			"` removes what is left of the container, once its processes have ended")
		return
	}
	c.warnOf(c.container.Remove())
}
