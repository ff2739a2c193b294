package cgroup

import (
	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"golang.org/x/sys/unix"
)

// freezer suspends and resumes all processes of the cgroup.
type freezer struct{ *cgroupSet }

// Freeze freezes every process in the cgroup, and returns when all of them have stopped.
func (g freezer) Freeze() error { return g.change(cgroups.Frozen, "frozen") }

// Thaw resumes the processes.
func (g freezer) Thaw() error { return g.change(cgroups.Thawed, "thawed") }

// change changes the state of the freezer.
func (g freezer) change(state cgroups.FreezerState, word string) error {
	m, err := g.fileManager()
	if err != nil {
		return err
	}
	if g.mode != host.CgroupV2 && g.dir("freezer") == "" {
		return &diag.Error{
			Kind: diag.Host, Problem: "the container can't be " + word +
				`: it is in no hierarchy of controller "freezer"`,
			Hint: "mount -t cgroup -o freezer none " + root + "/freezer, before the container is created",
		}
	}
	if err := m.Freeze(state); err != nil {
		e := diag.Sys("the container can't be "+word, "", cause(err))
		if e.Err != nil {
			e.Err = err
		}
		if state == cgroups.Frozen {
			// The cgroup must not stay partly frozen.
			_ = m.Freeze(cgroups.Thawed)
		}
		return e
	}
	return nil
}

// Frozen reports whether the cgroup itself is frozen, not one above it. A container without a cgroup is not.
func (g freezer) Frozen() (bool, error) {
	for i := range g.hierarchies {
		if frozen, err := frozenAt(g.hierarchies[i].list, g.hierarchies[i].dir); err != nil || frozen {
			return frozen, err
		}
	}
	return false, nil
}

// Frozen reports whether the cgroup that was saved is frozen. It asks for nothing else, since `rt list` calls it for
// every container.
func (s Saved) Frozen() (bool, error) {
	var failed error
	for list, dir := range s.Paths {
		if !isBelowRoot(dir) {
			continue
		}
		frozen, err := frozenAt(list, dir)
		if frozen {
			return true, nil
		}
		if err != nil {
			failed = err
		}
	}
	return false, failed
}

// frozenAt reports whether the cgroup of one hierarchy, which has this list of controllers, is frozen. One without a
// freezer, or one that is removed, is not.
func frozenAt(list, dir string) (bool, error) {
	var err error
	switch list {
	case "": // cgroup2
		var fd int
		if fd, err = unix.Open(dir+"/cgroup.freeze", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			var text [8]byte
			var n int
			n, err = sys.Read(fd, text[:])
			_ = unix.Close(fd)
			if err == nil {
				return string(text[:n]) == "1\n", nil
			}
		}
	case "freezer":
		var state cgroups.FreezerState
		if state, err = new(fs.FreezerGroup).GetState(dir); err == nil {
			return state == cgroups.Frozen, nil
		}
		err = cause(err)
	default:
		return false, nil
	}
	if err == unix.ENOENT || err == unix.ENODEV {
		return false, nil
	}
	return false, diag.Sys("the freezer of "+dir+" can't be read", "read", err)
}

// Freezer returns the directory of the container's freezer, for programs that use it themselves; "" if there is none.
func (g freezer) Freezer() string { return g.dir("freezer") }
