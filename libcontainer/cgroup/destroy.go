package cgroup

import (
	"strconv"
	"time"

	"rt/internal/diag"

	"golang.org/x/sys/unix"
)

// Destroy removes the cgroup and its descendants. It kills nothing: if processes are left, it waits up to 10 seconds
// for them to end, then fails. A cgroup that is already removed is success. One that existed before the container
// stays, with its descendants.
func (g *lifecycle) Destroy() error { return g.DestroyWithin(patience) }

// DestroyWithin is Destroy with another limit of the wait.
func (g *lifecycle) DestroyWithin(patience time.Duration) error {
	defer g.unlock()
	g.closeFiles()
	if g.driver == Systemd {
		for i := range g.hierarchies {
			// systemd and the library use path names, which can be too long. An error is reported below.
			_ = emptyTree(g.hierarchies[i].dir)
		}
		if err := (systemdUnit{g.cgroupSet}).stop(); err != nil {
			return err
		}
	}
	var failed error
	// As long as the one that is locked exists, no other container uses its path.
	g.orderLocked(lockedLast)
	ownership{g.cgroupSet}.removeName()
	for i := range g.hierarchies {
		dir := g.hierarchies[i].dir
		remove := removeTree
		if g.hierarchies[i].preexisting {
			remove = waitEmpty
		}
		err := remove(dir, patience)
		if err == unix.EBUSY {
			patience = 0
		}
		if err != nil && failed == nil {
			failed = g.destroyError(dir, err)
		}
	}
	return failed
}

// waitEmpty waits for the last processes in dir to end.
func waitEmpty(dir string, patience time.Duration) error {
	return retryWhileBusy(func() error {
		pids, err := processesAt(dir)
		if err == nil && len(pids) > 0 {
			return unix.EBUSY
		}
		return err
	}, dir, patience)
}

// destroyError returns the reason why dir can't be removed.
func (g *lifecycle) destroyError(dir string, err error) error {
	if g.rootless && isDenied(err) && g.isRemoved() {
		return nil // a read-only cgroupfs answers EROFS even for a missing directory
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
