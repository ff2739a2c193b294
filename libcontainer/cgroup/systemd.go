package cgroup

import (
	"path"
	"strings"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/systemd"
)

// unit is the transient unit that systemd makes for a container.
type unit struct {
	name   string // "rt-web1.scope"
	slice  string // "system.slice"; "" for the default
	prefix string // "rt"
	base   string // what the library builds the name from: "web1", or "pods.slice"
}

// unitOf reads linux.cgroupsPath as the systemd driver takes it: "slice:prefix:name". No path means a scope in the default slice.
// A name that ends in .slice is the unit itself.
func unitOf(cgroupsPath, id string) (*unit, error) {
	u := &unit{prefix: "rt", base: id}
	if cgroupsPath != "" {
		parts := strings.Split(cgroupsPath, ":")
		if len(parts) != 3 || parts[2] == "" {
			e := diag.At(fieldPath, `must be "slice:prefix:name" for the systemd cgroup driver, such as "system.slice:rt:web1"`)
			e.Value = cgroupsPath
			return nil, e
		}
		u.slice, u.prefix, u.base = parts[0], parts[1], parts[2]
	}
	for _, part := range []string{u.slice, u.prefix, u.base} {
		if strings.Contains(part, "/") {
			e := diag.At(fieldPath, "a unit's name must not contain a slash")
			e.Value = cgroupsPath
			return nil, e
		}
	}
	if u.slice != "" {
		if _, err := systemd.ExpandSlice(u.slice); err != nil {
			e := diag.At(fieldPath, `the first part must be a slice, such as "system.slice"`)
			e.Value = cgroupsPath
			return nil, e
		}
	}
	u.name = u.base
	if !strings.HasSuffix(u.base, ".slice") {
		u.name = u.prefix + "-" + u.base + ".scope"
	}
	return u, nil
}

// loadUnit takes the name of a saved unit apart again.
func loadUnit(name, slice string) *unit {
	u := &unit{name: name, slice: slice, base: name}
	if scope, ok := strings.CutSuffix(name, ".scope"); ok {
		u.prefix, u.base, _ = strings.Cut(scope, "-")
	}
	return u
}

// findUnit fills in the places of a container whose cgroup systemd makes.
func (g *Group) findUnit() error {
	if !systemd.IsRunningSystemd() {
		return &diag.Error{
			Kind: diag.Host, Problem: "systemd is not running here, so it can't make the container's cgroup",
			Hint: "leave out --systemd-cgroup",
		}
	}
	var err error
	if g.unit, err = unitOf(g.config.Path, g.config.ID); err != nil {
		return err
	}
	m, err := g.systemd()
	if err != nil {
		return err
	}
	if g.mode == host.CgroupV2 {
		g.places = []place{{v2: true, base: root, dir: m.Path("")}}
		return nil
	}
	if err := g.findV1("/x"); err != nil {
		return err
	}
	for i := range g.places {
		p := &g.places[i]
		p.dir = path.Join(p.base, strings.TrimPrefix(m.Path(p.controllers()[0]), p.base))
	}
	return nil
}

// systemd is the library's manager that talks to systemd.
func (g *Group) systemd() (cgroups.Manager, error) {
	systemd.GenerateDeviceProps = nil
	c := g.library()
	c.Systemd, c.Path = true, ""
	c.Parent, c.ScopePrefix, c.Name = g.unit.slice, g.unit.prefix, g.unit.base
	c.OwnerUID = g.config.OwnerUID
	var m cgroups.Manager
	var err error
	if g.mode == host.CgroupV2 {
		dir := ""
		if len(g.places) > 0 {
			dir = g.places[0].dir
		}
		m, err = systemd.NewUnifiedManager(c, dir)
	} else {
		var paths map[string]string
		if len(g.places) > 0 {
			paths = g.paths()
		}
		m, err = systemd.NewLegacyManager(c, paths)
	}
	if err != nil {
		return nil, g.unitError("found", err)
	}
	return m, nil
}

// startUnit lets systemd make the unit around the process, and applies the limits.
func (g *Group) startUnit(pid int) error {
	m, err := g.systemd()
	if err != nil {
		return err
	}
	if err := m.Apply(pid); err != nil {
		return g.unitError("started", err)
	}
	if err := g.setUnit(); err != nil {
		return err
	}
	return g.applyDevices()
}

// setUnit applies the limits, as properties of the unit where systemd has one, so that it does not undo them, and in the files.
func (g *Group) setUnit() error {
	m, err := g.systemd()
	if err != nil {
		return err
	}
	if err := m.Set(g.library().Resources); err != nil {
		if fileOf(err) != "" {
			return g.limitError(err)
		}
		return g.unitError("limited", err)
	}
	return nil
}

// stopUnit lets systemd remove the unit.
func (g *Group) stopUnit() error {
	m, err := g.systemd()
	if err != nil {
		return err
	}
	if err := m.Destroy(); err != nil {
		return g.unitError("stopped", err)
	}
	return nil
}

// unitError is the error of a unit.
func (g *Group) unitError(verb string, err error) error {
	return &diag.Error{Kind: diag.Host, Problem: "the systemd unit " + g.unit.name + " can't be " + verb, Err: err}
}
