package cgroup

import (
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"rt/internal/diag"
	"rt/internal/sys"

	"golang.org/x/sys/unix"
)

// Two commands that change who uses a cgroup exclude each other with a lock: a create holds it until the container's
// process is in the cgroup, where checkUnused sees it, and a delete from the moment when it finds that the cgroup is
// its own until that is removed. Otherwise two containers that both found the cgroup empty would share their limits,
// and the end of one would kill the other.
//
// It is a write lock on cgroup.procs (F_OFD_SETLK, fcntl(2)), which takes write permission; anybody could lock the
// directory. The lock ends with rt, or with Close. If the file can't be opened, no process can be moved in either, and
// that attempt reports the error.

// lockPatience is how long a command waits for the lock. A process of a container that holds it, because its cgroup is
// mounted writable, must not keep rt forever.
const lockPatience = time.Second

// lockPause is how long a command sleeps at most before it tries to lock again.
const lockPause = 10 * time.Millisecond

// lockRange returns the file to lock, and the range of bytes in it. systemd makes and removes the directory of a unit,
// so the file is that of a cgroup above it, and the byte in it stands for the unit's name.
func (g *cgroupSet) lockRange() (file string, lock unix.Flock_t) {
	lock = unix.Flock_t{Type: unix.F_WRLCK}
	if g.driver != Systemd {
		return g.processesDir() + "/cgroup.procs", lock
	}
	name := fnv.New32a()
	_, _ = name.Write([]byte(g.unit.name))
	lock.Start, lock.Len = int64(name.Sum32()), 1
	return managerDir(&g.hierarchies[0]) + "/cgroup.procs", lock
}

// managerDir returns the cgroup of the systemd that makes a unit: the hierarchy's root for that of the machine, and for
// that of a user the first cgroup above the unit whose cgroup.procs the user can write, which is user@UID.service. It
// exists as long as that systemd runs.
func managerDir(h *hierarchy) string {
	for at := len(h.base); at < len(h.dir); {
		if unix.Access(h.dir[:at]+"/cgroup.procs", unix.W_OK) == nil {
			return h.dir[:at]
		}
		next := strings.IndexByte(h.dir[at+1:], '/')
		if next < 0 {
			break
		}
		at += 1 + next
	}
	return h.base
}

// tryLock locks the cgroup, unless the Group has locked it already. It returns EAGAIN if another rt has, and ENOENT if
// the cgroup was removed.
func (g *cgroupSet) tryLock() error {
	if g.locked > 0 || len(g.hierarchies) == 0 {
		return nil
	}
	file, lock := g.lockRange()
	fd, err := unix.Open(file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	switch {
	case isGone(err) && g.driver != Systemd:
		return unix.ENOENT
	case err != nil:
		return nil //nolint:nilerr // see above
	}
	err = unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &lock)
	if err == unix.EACCES {
		err = unix.EAGAIN
	}
	if err == nil && !isFile(fd, file) {
		err = unix.ENOENT // it was removed, and perhaps made again, before it was locked
	}
	if err != nil {
		_ = unix.Close(fd)
		return err
	}
	g.locked = fd
	return nil
}

// The position of the hierarchy whose directory is locked, among all.
const (
	lockedFirst = -1
	lockedLast  = 1
)

// orderLocked puts the hierarchy whose directory is locked first or last.
func (g *cgroupSet) orderLocked(position int) {
	locked := g.processesDir()
	rank := func(h hierarchy) int {
		if h.dir == locked {
			return position
		}
		return 0
	}
	slices.SortStableFunc(g.hierarchies, func(a, b hierarchy) int { return rank(a) - rank(b) })
}

// isFile reports whether path leads to the file that fd refers to.
func isFile(fd int, path string) bool {
	var open, named unix.Stat_t
	return unix.Fstat(fd, &open) == nil && unix.Lstat(path, &named) == nil && sys.IsSameFile(&open, &named)
}

// unlock ends the lock.
func (g *cgroupSet) unlock() {
	if g.locked > 0 {
		_ = unix.Close(g.locked)
		g.locked = 0
	}
}

// claim locks the container's cgroup for a create. A delete that has the lock may remove the directory of h, which was
// just made or found: then it is made again.
func (g *lifecycle) claim(h *hierarchy) error {
	begin := time.Now()
	for pause := time.Millisecond; time.Since(begin) < lockPatience; pause = min(2*pause, lockPause) {
		switch g.tryLock() {
		case nil:
			return nil
		case unix.ENOENT:
			h.fresh, h.preexisting = false, false
			if err := g.makeIn(h); err != nil {
				return err
			}
			continue
		}
		g.made, h.fresh = nil, false // they are the other container's now
		for i := range g.hierarchies {
			if err := g.checkEmpty(g.hierarchies[i].dir); err != nil {
				return err // its process is already there
			}
		}
		time.Sleep(pause)
	}
	return &diag.Error{
		Kind: diag.State, Field: fieldPath, Value: g.config.Path, Problem: "container's cgroup is not free: another " +
			"container is being made or removed in " + h.dir,
		Hint: "another container may use the same path: give each its own",
	}
}
