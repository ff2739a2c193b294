package creation

import (
	"time"

	"golang.org/x/sys/unix"

	"rt/libcontainer/caller"
	"rt/libcontainer/cgroup"
	"rt/libcontainer/host"
	"rt/libcontainer/inspect"
	"rt/libcontainer/rdt"
	"rt/spec"
)

// groups are the cgroup and the class of linux.intelRdt, which limit the resources of a container.
type groups struct {
	cgroup *cgroup.Group
	rdt    *rdt.Group // nil without linux.intelRdt
	left   bool       // the cgroup could not be removed
}

// FindCgroup finds the cgroup that a container with this config would get now. It changes nothing.
func FindCgroup(id string, config *spec.Spec, s *Settings) (*cgroup.Group, error) {
	facts := host.Probe()
	return findCgroup(id, config, &facts, s)
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
	return rdt.New(root, id, l.IntelRdt)
}

// undoLimit is how long removeCgroup waits for killed processes to end. A boot process that waits for a FUSE server
// that does not answer does not end, and a signal must end rt soon.
const undoLimit = 3 * time.Second

// removeCgroup removes the cgroup, with all that is in it.
func (g *groups) removeCgroup(caller *caller.Caller) {
	g.cgroup.LeaveToOthers() // systemd creates it late, perhaps for another container
	if !g.cgroup.Available() {
		return
	}
	_ = g.cgroup.Kill(unix.SIGKILL)
	if err := g.cgroup.DestroyWithin(undoLimit); err != nil {
		caller.Warn(err.Error())
		g.left = true
	}
	g.cgroup.Undo()
}
