package cgroup

import (
	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"golang.org/x/sys/unix"
)

// Freeze freezes every process in the cgroup, and returns when all of them have stopped.
func (g *Group) Freeze() error { return g.freezer(cgroups.Frozen, "frozen") }

// Thaw resumes the processes.
func (g *Group) Thaw() error { return g.freezer(cgroups.Thawed, "thawed") }

// freezer changes the state of the freezer.
func (g *Group) freezer(state cgroups.FreezerState, word string) error {
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
func (g *Group) Frozen() (bool, error) {
	for i := range g.hierarchies {
		if frozen, err := frozenAt(&g.hierarchies[i]); err != nil || frozen {
			return frozen, err
		}
	}
	return false, nil
}

// frozenAt reports whether the cgroup of one hierarchy is frozen. One without a freezer, or one that is removed, is
// not.
func frozenAt(h *hierarchy) (bool, error) {
	var err error
	if h.v2 {
		var text string
		if text, err = readFile(h.dir, "cgroup.freeze"); err == nil {
			return text == "1\n", nil
		}
	} else {
		if h.list != "freezer" {
			return false, nil
		}
		var state cgroups.FreezerState
		if state, err = new(fs.FreezerGroup).GetState(h.dir); err == nil {
			return state == cgroups.Frozen, nil
		}
		err = cause(err)
	}
	if err == unix.ENOENT || err == unix.ENODEV {
		return false, nil
	}
	return false, diag.Sys("the freezer of "+h.dir+" can't be read", "read", err)
}

// Freezer returns the directory of the container's freezer, for programs that use it themselves; "" if there is none.
func (g *Group) Freezer() string { return g.dir("freezer") }
