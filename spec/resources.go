package spec

import (
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// resourceChecker checks linux.resources (config-linux.md, Control groups) for errors of the document alone. Package
// cgroup checks what the controllers of this machine accept.
type resourceChecker struct{ *checker }

// check checks the whole object.
func (c resourceChecker) check(at location, r *specs.LinuxResources) {
	for i := range r.Devices {
		c.checkDeviceRule(at.DotAt("devices", i), &r.Devices[i])
	}
	c.checkMemory(at.Dot("memory"), r.Memory)
	c.checkCPU(at.Dot("cpu"), r.CPU)
	c.checkBlockIO(at.Dot("blockIO"), r.BlockIO)
	c.checkHugepages(at.Dot("hugepageLimits"), r.HugepageLimits)
	if r.Network != nil {
		network := at.Dot("network")
		for i, p := range r.Network.Priorities {
			if one := network.DotAt("priorities", i); !isInterfaceName(p.Name) {
				c.refuse(one.Dot("name"), p.Name, "must be the name of a network device of the host")
			}
		}
	}
	rdma, unified := at.Dot("rdma"), at.Dot("unified")
	for _, device := range sorted(r.Rdma) {
		if limit := r.Rdma[device]; limit.HcaHandles == nil && limit.HcaObjects == nil {
			c.refuse(rdma.Key(device), "", "must set hcaHandles, hcaObjects or both")
		}
	}
	for _, file := range sorted(r.Unified) {
		if file == "" || file == "." || file == ".." || strings.Contains(file, "/") {
			c.refuse(unified.Key(file), "", "must be the name of a file of the cgroup, such as memory.high")
		}
	}
}

// removeOldPidsLimit turns a pids limit of 0 into none if the config is of a version before 1.3. Only 1.3 distinguishes
// 0 from an absent limit and has it enforced (config-linux.md, PIDs); before, engines wrote 0 for no limit, and runc
// and crun took it so. Podman writes 0 if the docker command asks it for a container. A container that may have no
// process could start none, and no exec.
func removeOldPidsLimit(version string, r *specs.LinuxResources) {
	if p := r.Pids; p != nil && p.Limit != nil && *p.Limit == 0 && isOlder(version, 3) {
		none := int64(-1)
		p.Limit = &none
	}
}

// checkDeviceRule checks one entry of the allowed device list.
func (c resourceChecker) checkDeviceRule(at location, d *specs.LinuxDeviceCgroup) {
	switch d.Type {
	case "", "a", "b", "c":
	default:
		c.refuse(at.Dot("type"), d.Type, "must be a for all, b for block or c for character devices")
	}
	if bad := strings.Trim(d.Access, "rwm"); bad != "" {
		c.refuse(at.Dot("access"), d.Access, "must be made of r for read, w for write and m for mknod")
	}
	number := func(name string, n *int64) {
		// Runtimes in Go have long written -1 where the specification leaves the number out.
		if n != nil && (*n < -1 || *n > 1<<32-1) {
			c.refuse(at.Dot(name), strconv.FormatInt(*n, 10), "must be from 0 to 4294967295; leave it out to mean all")
		}
	}
	number("major", d.Major)
	number("minor", d.Minor)
}

// checkMemory checks linux.resources.memory.
func (c resourceChecker) checkMemory(at location, m *specs.LinuxMemory) {
	if m == nil {
		return
	}
	for _, l := range []struct {
		name  string
		bytes *int64
	}{
		{"limit", m.Limit},
		{"reservation", m.Reservation},
		{"swap", m.Swap},
		{"kernel", m.Kernel}, //nolint:staticcheck // deprecated, and still checked
		{"kernelTCP", m.KernelTCP},
	} {
		if l.bytes != nil && *l.bytes < -1 {
			c.refuse(at.Dot(l.name), strconv.FormatInt(*l.bytes, 10), "must be a number of bytes, or -1 for no limit")
		}
	}
	if m.Limit != nil && m.Swap != nil && *m.Swap > 0 && (*m.Limit > *m.Swap || *m.Limit == -1) {
		c.refuse(at.Dot("swap"), strconv.FormatInt(*m.Swap, 10),
			"must not be below the limit, "+strconv.FormatInt(*m.Limit, 10)+": it counts memory and swap together")
	}
	if m.Swappiness != nil && *m.Swappiness > 100 {
		c.refuse(at.Dot("swappiness"), strconv.FormatUint(*m.Swappiness, 10), "must be from 0 to 100")
	}
}

// checkCPU checks linux.resources.cpu. The limits of quota and period are those of tg_set_cfs_bandwidth() in
// kernel/sched/core.c. 0 means that a number is not given, as engines write it.
func (c resourceChecker) checkCPU(at location, r *specs.LinuxCPU) {
	if r == nil {
		return
	}
	const least, most = 1000, 1000000
	if p := r.Period; p != nil && *p != 0 && (*p < least || *p > most) {
		c.refuse(at.Dot("period"), strconv.FormatUint(*p, 10), "must be from 1000 to 1000000 microseconds")
	}
	if q := r.Quota; q != nil && *q > 0 {
		if *q < least {
			c.refuse(at.Dot("quota"), strconv.FormatInt(*q, 10),
				"must be at least 1000 microseconds, or -1 for no limit")
		}
		if r.Burst != nil && *r.Burst > uint64(*q) {
			c.refuse(at.Dot("burst"), strconv.FormatUint(*r.Burst, 10),
				"must not be larger than the quota, "+strconv.FormatInt(*q, 10))
		}
	}
	if t, p := r.RealtimeRuntime, r.RealtimePeriod; t != nil && p != nil && *p != 0 && *t > 0 && uint64(*t) > *p {
		c.refuse(at.Dot("realtimeRuntime"), strconv.FormatInt(*t, 10),
			"must not be larger than realtimePeriod, "+strconv.FormatUint(*p, 10))
	}
	if i := r.Idle; i != nil && *i != 0 && *i != 1 {
		c.refuse(at.Dot("idle"), strconv.FormatInt(*i, 10), "must be 0, or 1 for SCHED_IDLE")
	}
	c.checkList(at.Dot("cpus"), r.Cpus)
	c.checkList(at.Dot("mems"), r.Mems)
}

// checkHugepages checks linux.resources.hugepageLimits. The size becomes part of a file name, so anything else is
// refused here.
func (c resourceChecker) checkHugepages(at location, list []specs.LinuxHugepageLimit) {
	if len(list) == 0 {
		return
	}
	seen := make(map[string]bool)
	for i, h := range list {
		entry := at.At(i)
		one := entry.Dot("pageSize")
		switch {
		case h.Pagesize == "":
			c.refuse(one, "", "is required: a size such as 2MB")
		case !isPageSize(h.Pagesize):
			c.refuse(one, h.Pagesize, "must be a number and KB, MB or GB, such as 2MB")
		case seen[h.Pagesize]:
			c.refuse(one, h.Pagesize, "is given twice")
		}
		seen[h.Pagesize] = true
	}
}

// isPageSize reports whether s is a size as the kernel names its hugetlb files: "64KB", "2MB", "1GB".
func isPageSize(s string) bool {
	for _, unit := range [...]string{"KB", "MB", "GB"} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			return n != "0" && isSemverNumber(n)
		}
	}
	return false
}
