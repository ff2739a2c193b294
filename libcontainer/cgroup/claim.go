package cgroup

import (
	"rt/internal/diag"

	"golang.org/x/sys/unix"
)

// claim keeps other containers from being made in this one's cgroup, of which dir is the first, until its process is in it, and so is seen by checkUnused. Two that both found it empty
// would share their limits, and the end of one would kill the other.
//
// It is a lock of cgroup.procs for writing (F_OFD_SETLK, fcntl(2)), which takes the right to write there: one of the directory anybody might hold. It goes with rt,
// or with Close. Where the file can't be opened there is no process to be brought in either, which the attempt will tell.
func (g *Group) claim(dir string) error {
	fd, err := unix.Open(dir+"/cgroup.procs", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock); err == unix.EAGAIN || err == unix.EACCES {
		_ = unix.Close(fd)
		g.made = nil // the other one's now
		for i := range g.places {
			p := g.places[i]
			p.fresh = false
			if err := g.checkUnused(&p); err != nil {
				return err // it is in already
			}
		}
		return &diag.Error{
			Kind: diag.State, Field: fieldPath, Value: g.config.Path, Problem: "container's cgroup is not free: another container is being made in " + dir,
			Hint: "another container may use the same path: give each its own",
		}
	}
	g.claimed = fd
	return nil
}
