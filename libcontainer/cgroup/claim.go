package cgroup

import (
	"rt/internal/diag"

	"golang.org/x/sys/unix"
)

// claim locks the container's cgroup, of which dir is the first directory, against another create until the container's
// process is in it, where checkUnused sees it. Two containers that both found the cgroup empty would share their
// limits, and the end of one would kill the other.
//
// It is a write lock on cgroup.procs (F_OFD_SETLK, fcntl(2)), which takes write permission; anybody could lock the
// directory. The lock ends with rt, or with Close. If the file can't be opened, no process can be moved in either, and
// that attempt reports the error.
func (g *lifecycle) claim(dir string) error {
	fd, err := unix.Open(dir+"/cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock); err == unix.EAGAIN || err == unix.EACCES {
		_ = unix.Close(fd)
		g.made = nil // they are the other container's now
		for i := range g.hierarchies {
			h := g.hierarchies[i]
			h.fresh = false
			if err := g.checkUnused(&h); err != nil {
				return err // its process is already there
			}
		}
		return &diag.Error{
			Kind: diag.State, Field: fieldPath, Value: g.config.Path, Problem: "container's cgroup is not free: " +
				"another container is being made in " + dir,
			Hint: "another container may use the same path: give each its own",
		}
	}
	g.claimed = fd
	return nil
}
