package cgroup

import (
	"strconv"
	"time"

	"rt/internal/diag"

	"golang.org/x/sys/unix"
)

// Destroy removes the cgroup and all cgroups below it. It kills nothing: if processes are left, it waits about a second for them to
// be gone, and fails. A cgroup that is gone already is success. One that was there before the container stays, with what is below it.
func (g *Group) Destroy() error {
	g.Close()
	if g.driver == Systemd {
		for i := range g.places {
			// systemd, and the library, go by names, which can be too long. What is left is said below.
			_ = emptyTree(g.places[i].dir)
		}
		if err := g.stopUnit(); err != nil {
			return err
		}
	}
	var failed error
	for i := range g.places {
		dir := g.places[i].dir
		remove := removeTree
		if g.places[i].kept {
			remove = waitEmpty
		}
		if err := remove(dir); err != nil && failed == nil {
			failed = g.destroyError(dir, err)
		}
	}
	return failed
}

// waitEmpty waits about a second for the last processes in dir to be gone.
func waitEmpty(dir string) error {
	for pause := time.Millisecond; ; pause *= 2 {
		pids, err := processesAt(dir)
		switch {
		case isGone(err), err == nil && len(pids) == 0:
			return nil
		case err != nil:
			return err
		case pause > time.Second/2:
			return unix.EBUSY
		}
		time.Sleep(pause)
	}
}

// destroyError says why dir can't be removed.
func (g *Group) destroyError(dir string, err error) error {
	if g.rootless && lacksRights(err) && g.gone() {
		return nil // a read-only cgroupfs answers EROFS even for what is not there
	}
	e := diag.Sys("the cgroup "+dir+" can't be removed", "rmdir", err)
	if pids, listErr := processesAt(dir); listErr == nil && len(pids) > 0 {
		e.Problem += ": process " + strconv.Itoa(pids[0]) + " is in it"
		if len(pids) > 1 {
			e.Problem += ", and " + strconv.Itoa(len(pids)-1) + " more"
		}
	}
	return e
}
