package cgroup

import (
	"strconv"
	"strings"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes the limits that r gives and keeps the others. If one is refused, those before it are set back. Device rules, if r gives any, replace all those of before: Kubernetes sends
// those of the config along with every change of a limit. A process keeps what it has open.
func (g *Group) Update(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	r = withoutZeroPids(g.withMemoryLimit(r)) // there is no version to ask
	l, err := convert(r, g.mode)
	if err != nil {
		return err
	}
	if len(r.Devices) == 0 {
		l.devices = nil // not the default rules, but none to change
	}
	g.limits = l
	if len(l.needs) > 0 {
		if err := g.updateLimits(); err != nil {
			return err
		}
	}
	if len(l.devices) > 0 {
		return g.updateDevices()
	}
	return nil
}

// updateLimits applies the limits to a cgroup that is in use.
func (g *Group) updateLimits() error {
	if g.driver == Systemd {
		return g.setUnit()
	}
	m, err := g.files()
	if err != nil {
		return err
	}
	if g.mode == host.CgroupV2 {
		if err := g.enable(&g.places[0]); err != nil {
			return err
		}
	}
	old := g.remember()
	if err := m.Set(g.library().Resources); err != nil {
		return old.restore(g.limitError(err))
	}
	if err := g.weighDevices(); err != nil {
		return old.restore(err)
	}
	return nil
}

// updateDevices replaces the device rules. On v2 the new filter is attached before the old one goes, so that no access is allowed which
// neither allows. On v1 the list is emptied first, and processes are kept from noticing.
func (g *Group) updateDevices() error {
	if g.mode == host.CgroupV2 || len(g.places) == 0 {
		if len(g.places) == 0 {
			return nil // as at the creation: without rights there are no devices to keep away
		}
		return g.applyDevices()
	}
	if holds(g.dir("devices"), g.limits.devices) {
		return nil
	}
	frozen, err := g.Frozen()
	if err != nil {
		return err
	}
	if !frozen && g.dir("freezer") != "" {
		if err := g.Freeze(); err != nil {
			return err
		}
		defer g.Thaw() //nolint:errcheck // a failure to write the rules says more
	}
	return g.applyDevices()
}

// withMemoryLimit completes an update of memory.swap alone with the present memory limit, which v2 counts apart.
func (g *Group) withMemoryLimit(r *specs.LinuxResources) *specs.LinuxResources {
	if r.Memory == nil || r.Memory.Swap == nil || *r.Memory.Swap <= 0 || r.Memory.Limit != nil {
		return r
	}
	file := "memory.limit_in_bytes"
	if g.mode == host.CgroupV2 {
		file = "memory.max"
	}
	text, err := readFile(g.dir("memory"), file)
	if err != nil {
		return r
	}
	limit, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil { // "max"
		return r
	}
	c, m := *r, *r.Memory
	m.Limit, c.Memory = &limit, &m
	return &c
}
