package cgroup

import (
	"strconv"
	"strings"

	"rt/libcontainer/diag"
	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Update changes the limits that r gives and keeps the others. It does not change device rules: processes that have a device open keep it,
// so a change would not mean what it says.
func (g *Group) Update(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	if len(r.Devices) > 0 {
		return diag.At("linux.resources.devices", "can't be changed while the container exists; leave it out of an update")
	}
	r = g.withMemoryLimit(r)
	l, err := convert(r, g.mode)
	if err != nil {
		return err
	}
	g.limits = l
	if len(l.needs) == 0 {
		return nil
	}
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
	if err := m.Set(g.library().Resources); err != nil {
		return g.limitError(err)
	}
	return nil
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
