package cgroup

import (
	"path"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
)

// Foresee leaves out what Create would find that rt has no right to make, so that a plan can be made without it. It changes nothing on this machine. Where a
// limit needs what is missing nothing is left out: the error is Create's.
func (g *Group) Foresee() {
	if g.driver != Cgroupfs || !g.rootless || g.config.Path != "" {
		return
	}
	kept := g.places[:0:0]
	for i := range g.places {
		if mayMake(g.places[i].dir) {
			kept = append(kept, g.places[i])
		}
	}
	if len(kept) == len(g.places) {
		return
	}
	all := g.places
	g.places = kept
	if len(kept) == 0 && g.limits.first() != nil {
		g.places = all
		return
	}
	if g.mode == host.CgroupV2 {
		return
	}
	for i := range g.limits.needs {
		if g.dir(g.limits.needs[i].controller) == "" {
			g.places = all
			return
		}
	}
}

// mayUse reports whether this process may bring processes into the cgroup dir, which is there. On v1 and v2 that takes the right to write its
// cgroup.procs (cgroups(7)), and the limits, if any, are their own files' matter.
func mayUse(dir string) bool {
	return unix.Faccessat(unix.AT_FDCWD, dir+"/cgroup.procs", unix.W_OK, unix.AT_EACCESS) == nil
}

// mayMake reports whether this process may make dir, or finds it there for its use.
func mayMake(dir string) bool {
	const rights = unix.W_OK | unix.X_OK
	if unix.Faccessat(unix.AT_FDCWD, dir, unix.F_OK, unix.AT_EACCESS) == nil {
		return mayUse(dir)
	}
	for ; dir != "/" && dir != "."; dir = path.Dir(dir) {
		err := unix.Faccessat(unix.AT_FDCWD, dir, unix.F_OK, unix.AT_EACCESS)
		if err == nil {
			return true
		}
		parent := path.Dir(dir)
		if err = unix.Faccessat(unix.AT_FDCWD, parent, rights, unix.AT_EACCESS); err != unix.ENOENT {
			return err == nil
		}
	}
	return true
}
