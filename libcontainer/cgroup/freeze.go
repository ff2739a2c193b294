package cgroup

import (
	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"golang.org/x/sys/unix"
)

// Freeze stops every process in the cgroup, and returns when all of them stand still.
func (g *Group) Freeze() error { return g.freezer(cgroups.Frozen, "frozen") }

// Thaw lets the processes go on.
func (g *Group) Thaw() error { return g.freezer(cgroups.Thawed, "thawed") }

// freezer changes the state of the freezer.
func (g *Group) freezer(state cgroups.FreezerState, word string) error {
	m, err := g.files()
	if err != nil {
		return err
	}
	if g.mode != host.CgroupV2 && g.dir("freezer") == "" {
		return &diag.Error{
			Kind: diag.Host, Problem: "the container can't be " + word + `: it is in no hierarchy of controller "freezer"`,
			Hint: "mount -t cgroup -o freezer none " + root + "/freezer, before the container is created",
		}
	}
	if err := m.Freeze(state); err != nil {
		e := diag.Sys("the container can't be "+word, "", cause(err))
		if e.Err != nil {
			e.Err = err
		}
		if state == cgroups.Frozen {
			// A cgroup that is half frozen must not stay so.
			_ = m.Freeze(cgroups.Thawed)
		}
		return e
	}
	return nil
}

// Frozen reports whether the cgroup itself is frozen, not one above it. A container without a cgroup is not.
func (g *Group) Frozen() (bool, error) {
	for i := range g.places {
		if frozen, err := frozenAt(&g.places[i]); err != nil || frozen {
			return frozen, err
		}
	}
	return false, nil
}

// frozenAt reports whether the cgroup of one hierarchy is frozen. One that has no freezer, or is gone, is not.
func frozenAt(p *place) (bool, error) {
	var err error
	if p.v2 {
		var text string
		if text, err = readFile(p.dir, "cgroup.freeze"); err == nil {
			return text == "1\n", nil
		}
	} else {
		if p.list != "freezer" {
			return false, nil
		}
		var state cgroups.FreezerState
		if state, err = new(fs.FreezerGroup).GetState(p.dir); err == nil {
			return state == cgroups.Frozen, nil
		}
		err = cause(err)
	}
	if err == unix.ENOENT || err == unix.ENODEV {
		return false, nil
	}
	return false, diag.Sys("the freezer of "+p.dir+" can't be read", "read", err)
}

// Freezer is the directory whose freezer stops the container, for programs that use it themselves; "" if there is none.
func (g *Group) Freezer() string { return g.dir("freezer") }
