package cgroup

import (
	"strconv"
	"strings"

	"rt/internal/diag"
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
	if err := g.checkHierarchies(); err != nil {
		return err
	}
	if err := (limitFiles{g.cgroupSet}).checkBurst(); err != nil {
		return err
	}
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

// checkHierarchies refuses a limit of a v1 controller in whose hierarchy the container has no cgroup.
func (g updater) checkHierarchies() error {
	if g.mode == host.CgroupV2 || len(g.hierarchies) == 0 {
		return nil
	}
	for i := range g.limits.needs {
		if n := &g.limits.needs[i]; g.dir(n.controller) == "" {
			return &diag.Error{
				Kind: diag.Host, Field: n.field,
				Problem: `can't be set: the container is in no hierarchy of controller "` + n.controller + `"`,
				Hint:    hierarchyHint(n.controller, g.rootless),
			}
		}
	}
	return nil
}

// hierarchyHint says what would give a container a cgroup in the hierarchy of a v1 controller.
func hierarchyHint(controller string, rootless bool) string {
	if rootless {
		return "systemd delegates no controller of cgroup v1 to a user: create the container as root, or boot with " +
			"cgroup v2"
	}
	return "mount -t cgroup -o " + controller + " none " + root + "/" + controller +
		", before the container is created"
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

// withCPUMax completes an update of one of cpu.quota and cpu.period with the other. v2 has them in one file, and the
// library gives systemd both: it writes the default for what is not given, and an update of the period would lift the
// quota.
func (g updater) withCPUMax(r *specs.LinuxResources) *specs.LinuxResources {
	if r.CPU == nil || g.mode != host.CgroupV2 && g.driver != Systemd {
		return r
	}
	quota, period := r.CPU.Quota != nil && *r.CPU.Quota != 0, r.CPU.Period != nil && *r.CPU.Period != 0
	if quota == period {
		return r
	}
	quotaNow, periodNow := g.cpuMax()
	c, p := *r, *r.CPU
	c.CPU = &p
	if now, err := strconv.ParseUint(periodNow, 10, 64); err == nil && quota {
		p.Period = &now
	}
	if now, err := strconv.ParseInt(quotaNow, 10, 64); err == nil && period { // "max" is what the library writes
		p.Quota = &now
	}
	return &c
}

// cpuMax returns the present quota and period as the kernel writes them, or nothing.
func (g updater) cpuMax() (quota, period string) {
	dir := g.dir("cpu")
	if g.mode == host.CgroupV2 {
		text, _ := readFile(dir, "cpu.max")
		quota, period, _ = strings.Cut(strings.TrimSpace(text), " ")
		return quota, period
	}
	quota, _ = readFile(dir, "cpu.cfs_quota_us")
	period, _ = readFile(dir, "cpu.cfs_period_us")
	return strings.TrimSpace(quota), strings.TrimSpace(period)
}
