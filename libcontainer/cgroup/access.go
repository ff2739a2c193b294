package cgroup

import (
	"path"

	"golang.org/x/sys/unix"

	"rt/libcontainer/host"
)

// DropInaccessible drops the hierarchies in which rt has no right to make a cgroup, so that the plan is compiled
// without them. It changes nothing on this machine. If a limit needs one of them nothing is dropped: Create reports the
// error.
func (g *lifecycle) DropInaccessible() {
	if g.driver != Cgroupfs || !g.rootless || g.config.Path != "" {
		return
	}
	usable := g.hierarchies[:0:0]
	for i := range g.hierarchies {
		if canMake(g.hierarchies[i].dir) {
			usable = append(usable, g.hierarchies[i])
		}
	}
	if len(usable) == len(g.hierarchies) {
		return
	}
	all := g.hierarchies
	g.hierarchies = usable
	if len(usable) == 0 && g.limits.first() != nil {
		g.hierarchies = all
		return
	}
	if g.mode == host.CgroupV2 {
		return
	}
	for i := range g.limits.needs {
		if n := &g.limits.needs[i]; !n.lifts && g.dir(n.controller) == "" {
			g.hierarchies = all
			return
		}
	}
}

// canUse reports whether this process may move processes into the existing cgroup dir. On v1 and v2 that takes write
// permission on its cgroup.procs (cgroups(7)); limits have files of their own.
func canUse(dir string) bool {
	return unix.Faccessat(unix.AT_FDCWD, dir+"/cgroup.procs", unix.W_OK, unix.AT_EACCESS) == nil
}

// canMake reports whether this process may make dir, or use it if it exists.
func canMake(dir string) bool {
	const rights = unix.W_OK | unix.X_OK
	if unix.Faccessat(unix.AT_FDCWD, dir, unix.F_OK, unix.AT_EACCESS) == nil {
		return canUse(dir)
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
