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
	r = withoutZeroPids(g.withCPUMax(g.withMemoryLimit(r))) // there is no version to ask
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

// updateLimits applies the limits to a cgroup that is in use, and reads all limits back: those of the update, and those that it does not change.
func (g *Group) updateLimits() error {
	old := g.remember()
	if g.driver == Systemd {
		if err := g.setUnit(); err != nil {
			return err
		}
		return g.keepOthers(old)
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
	if err := m.Set(g.library().Resources); err != nil {
		return old.restore(g.limitError(err))
	}
	if err := g.weighDevices(); err != nil {
		return old.restore(err)
	}
	if err := g.readBack(); err != nil {
		return old.restore(err)
	}
	if err := g.keepOthers(old); err != nil {
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

// withCPUMax completes an update of one of cpu.quota and cpu.period with the other, which v2 has in one file: the library writes the default for
// what is not given, and an update of the period would lift the quota.
func (g *Group) withCPUMax(r *specs.LinuxResources) *specs.LinuxResources {
	if g.mode != host.CgroupV2 || r.CPU == nil {
		return r
	}
	quota, period := r.CPU.Quota != nil && *r.CPU.Quota != 0, r.CPU.Period != nil && *r.CPU.Period != 0
	text, err := readFile(g.dir("cpu"), "cpu.max")
	if quota == period || err != nil {
		return r
	}
	words := strings.Fields(text)
	if len(words) != 2 {
		return r
	}
	c, p := *r, *r.CPU
	c.CPU = &p
	if now, err := strconv.ParseUint(words[1], 10, 64); err == nil && quota {
		p.Period = &now
	}
	if now, err := strconv.ParseInt(words[0], 10, 64); err == nil && period { // "max" is what the library writes
		p.Quota = &now
	}
	return &c
}
