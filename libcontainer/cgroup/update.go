package cgroup

import (
	"strconv"
	"strings"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// updater changes the limits of a cgroup in use. The limits that an update does not set stay as they are.
type updater struct{ *cgroupSet }

// Update changes the limits that r gives and leaves the others. If the kernel refuses one, those already written are
// restored. Device rules, if r gives any, replace all earlier ones: Kubernetes sends those of the config with every
// change of a limit. Open descriptors of a process stay valid.
func (g updater) Update(r *specs.LinuxResources) error {
	if r == nil {
		return nil
	}
	r = withoutZeroPids(g.withCPUMax(g.withMemoryLimit(r))) // an update has no ociVersion
	l, err := convert(r, g.mode)
	if err != nil {
		return err
	}
	if len(r.Devices) == 0 {
		l.devices = nil // no change, instead of the default rules
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

// updateLimits applies the limits to a cgroup in use, and reads all limits back: those of the update and the others.
func (g updater) updateLimits() error {
	old := g.takeSnapshot()
	if g.driver == Systemd {
		if err := (systemdUnit{g.cgroupSet}).update(); err != nil {
			return err
		}
		return g.restoreOthers(old)
	}
	m, err := g.fileManager()
	if err != nil {
		return err
	}
	if g.mode == host.CgroupV2 {
		if err := (controllerSetup{g.cgroupSet}).enable(&g.hierarchies[0]); err != nil {
			return err
		}
	}
	if err := m.Set(g.libraryConfig().Resources); err != nil {
		return old.restore(g.limitError(err))
	}
	if err := (limitFiles{g.cgroupSet}).writeDeviceWeights(); err != nil {
		return old.restore(err)
	}
	if err := (limitFiles{g.cgroupSet}).readBack(); err != nil {
		return old.restore(err)
	}
	if err := g.restoreOthers(old); err != nil {
		return old.restore(err)
	}
	return nil
}

// updateDevices replaces the device rules. On v2 the new filter is attached before the old one is detached, so that no
// access is allowed that neither allows. On v1 the list is cleared first, with the processes frozen.
func (g updater) updateDevices() error {
	if g.mode == host.CgroupV2 || len(g.hierarchies) == 0 {
		if len(g.hierarchies) == 0 {
			return nil // as in Create: a rootless container has no devices to deny
		}
		return deviceRules{g.cgroupSet}.apply()
	}
	if deviceListMatches(g.dir("devices"), g.limits.devices) {
		return nil
	}
	frozen, err := freezer{g.cgroupSet}.Frozen()
	if err != nil {
		return err
	}
	if !frozen && g.dir("freezer") != "" {
		if err := (freezer{g.cgroupSet}).Freeze(); err != nil {
			return err
		}
		defer freezer{g.cgroupSet}.Thaw() //nolint:errcheck // a failure to write the rules says more
	}
	return deviceRules{g.cgroupSet}.apply()
}

// withMemoryLimit completes an update of memory.swap alone with the present memory limit: v2 limits swap separately.
func (g updater) withMemoryLimit(r *specs.LinuxResources) *specs.LinuxResources {
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

// withCPUMax completes an update of one of cpu.quota and cpu.period with the other, which v2 has in one file: the
// library writes the default for what is not given, and an update of the period would lift the quota.
func (g updater) withCPUMax(r *specs.LinuxResources) *specs.LinuxResources {
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
