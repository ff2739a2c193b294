package cgroup

import (
	"strconv"

	"rt/libcontainer/diag"

	"github.com/opencontainers/cgroups"
)

// Destroy removes the cgroup and all cgroups below it. It kills nothing: if processes are left, it waits about a second for them to
// be gone, and fails. A cgroup that is gone already is success.
func (g *Group) Destroy() error {
	g.Close()
	if g.driver == Systemd {
		if err := g.stopUnit(); err != nil {
			return err
		}
	}
	var failed error
	for i := range g.places {
		dir := g.places[i].dir
		if err := cgroups.RemovePath(dir); err != nil && failed == nil {
			failed = g.destroyError(dir, err)
		}
	}
	return failed
}

// destroyError says why dir can't be removed.
func (g *Group) destroyError(dir string, err error) error {
	if g.rootless && lacksRights(err) && g.gone() {
		return nil // a read-only cgroupfs answers EROFS even for what is not there
	}
	e := diag.Sys("the cgroup "+dir+" can't be removed", "rmdir", cause(err))
	if pids, listErr := cgroups.GetAllPids(dir); listErr == nil && len(pids) > 0 {
		e.Problem += ": process " + strconv.Itoa(pids[0]) + " is in it"
		if len(pids) > 1 {
			e.Problem += ", and " + strconv.Itoa(len(pids)-1) + " more"
		}
	}
	return e
}
