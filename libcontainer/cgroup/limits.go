package cgroup

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// limits is linux.resources in the form in which it is applied.
type limits struct {
	resources cgroups.Resources // for the library: all but the devices
	devices   []rule
	noTasks   bool   // pids.limit is 0, and that is a limit: see ForbidForks
	needs     []need // the controllers and files that the limits need, one for each field that is set
}

// need is a limit: its field, its controller, and the file it is written to. An error about the file is an error about
// the field.
type need struct {
	field      string // "linux.resources.memory.limit"
	controller string // "memory"; "cgroup" for the core files of v2
	file       string // "memory.max"
	lifts      bool   // the value says that there is no limit
}

// first returns the first limit, or nil if there is none. Device rules don't count: a rootless rt can't make devices
// either.
func (l *limits) first() *need {
	for i := range l.needs {
		if !l.needs[i].lifts {
			return &l.needs[i]
		}
	}
	return nil
}

// dropLifts reports whether the fields of a controller all say that there is no limit, and drops them: without the
// controller there is none.
func (l *limits) dropLifts(controller string) bool {
	others := func(n need) bool { return n.controller == controller && !n.lifts }
	if slices.ContainsFunc(l.needs, others) {
		return false
	}
	l.needs = slices.DeleteFunc(slices.Clone(l.needs), func(n need) bool { return n.controller == controller })
	switch r := &l.resources; controller {
	case "cpu":
		r.CpuQuota = 0
	case "memory":
		r.Memory, r.MemoryReservation, r.MemorySwap = 0, 0, 0
	case "pids":
		r.PidsLimit = nil
	}
	return true
}

// unknownLimit is the field of a file that no field is known to be written to.
const unknownLimit = "linux.resources"

// field returns the field that is written to file.
func (l *limits) field(file string) string {
	for i := range l.needs {
		if l.needs[i].file == file {
			return l.needs[i].field
		}
	}
	// The library tries io.bfq.weight before io.weight, and sets the reservation limit of huge pages with the limit.
	switch {
	case file == "io.bfq.weight":
		return l.field("io.weight")
	case file == "blkio.bfq.weight":
		return l.field("blkio.weight")
	case file == "blkio.bfq.weight_device":
		return l.field("blkio.weight_device")
	case strings.HasPrefix(file, "hugetlb.") && strings.Contains(file, ".rsvd."):
		return l.field(strings.Replace(file, ".rsvd", "", 1))
	}
	return unknownLimit
}

// converter collects the needs of each section, and the first limit that this mode doesn't have.
type converter struct {
	out limits
	v2  bool
	err *diag.Error
}

// convert turns linux.resources into limits for this machine. nil means none but the default device rules.
//
// Fields that only v1 has are errors on v2, where they ask for something: the alternative is a limit that silently does
// not hold. Engines write zero values, so these ask for nothing.
func convert(r *specs.LinuxResources, mode host.CgroupMode) (*limits, error) {
	c := converter{v2: mode == host.CgroupV2}
	if r == nil {
		r = &specs.LinuxResources{}
	}
	if r.Memory != nil {
		c.convertMemory(r.Memory)
	}
	if r.CPU != nil {
		c.convertCPU(r.CPU)
	}
	if r.Pids != nil && r.Pids.Limit != nil {
		c.addNeed("pids.limit", "pids", "pids.max", "pids.max")
		c.out.resources.PidsLimit = r.Pids.Limit
		c.out.noTasks = *r.Pids.Limit == 0
		c.markLift(*r.Pids.Limit < 0)
	}
	if r.BlockIO != nil {
		c.convertBlockIO(r.BlockIO)
	}
	c.convertHugepages(r.HugepageLimits)
	if r.Network != nil {
		c.convertNetwork(r.Network)
	}
	c.convertRdma(r.Rdma)
	c.convertUnified(r.Unified)
	rules, err := parseRules(r.Devices)
	if err != nil {
		return nil, err
	}
	c.out.devices = rules
	if c.err != nil {
		return nil, c.err
	}
	return &c.out, nil
}

// withoutZeroPids drops a pids.limit of 0. Up to version 1.2 of the specification the limit was required, and 0 meant
// none to engines and runtimes: Podman still sends it for a container without a limit.
func withoutZeroPids(r *specs.LinuxResources) *specs.LinuxResources {
	if r == nil || r.Pids == nil || r.Pids.Limit == nil || *r.Pids.Limit != 0 {
		return r
	}
	c := *r
	c.Pids = nil
	return &c
}

// addNeed records a field that is set. An empty file name means that this mode has no such limit, which is an error.
func (c *converter) addNeed(field, controller, v1, v2 string) {
	file := v1
	switch {
	case c.v2:
		file = v2
	case controller == "io":
		controller = "blkio" // its name on v1
	}
	field = "linux.resources." + field
	if file == "" {
		mode := "v1"
		if c.v2 {
			mode = "v2"
		}
		c.fail(field, "cgroup "+mode+" has no such limit; leave the field out on this machine")
		return
	}
	c.out.needs = append(c.out.needs, need{field: field, controller: controller, file: file})
}

// markLift marks the field that was recorded last if its value says that there is no limit.
func (c *converter) markLift(lifts bool) {
	if n := len(c.out.needs); n > 0 {
		c.out.needs[n-1].lifts = lifts
	}
}

// fail records the first problem, and later ones as further problems.
func (c *converter) fail(field, problem string) {
	e := &diag.Error{Kind: diag.Host, Field: field, Problem: problem}
	if c.err == nil {
		c.err = e
	} else {
		c.err.More = append(c.err.More, e)
	}
}

// convertMemory converts linux.resources.memory. kernel, kernelTCP and useHierarchy are ignored, as the specification
// allows: Linux 5.11 and later are always hierarchical (8a931f801340), account kernel memory with the rest and refuse
// kernel limits.
func (c *converter) convertMemory(m *specs.LinuxMemory) {
	r := &c.out.resources
	if m.Limit != nil && *m.Limit != 0 {
		c.addNeed("memory.limit", "memory", "memory.limit_in_bytes", "memory.max")
		r.Memory = *m.Limit
		c.markLift(*m.Limit == -1) // the kernel refuses other negative numbers
	}
	if m.Reservation != nil && *m.Reservation != 0 {
		c.addNeed("memory.reservation", "memory", "memory.soft_limit_in_bytes", "memory.low")
		r.MemoryReservation = *m.Reservation
		c.markLift(*m.Reservation == -1)
	}
	if m.Swap != nil && *m.Swap != 0 {
		c.addNeed("memory.swap", "memory", "memory.memsw.limit_in_bytes", "memory.swap.max")
		r.MemorySwap = *m.Swap
		c.markLift(*m.Swap == -1)
		c.checkSwap(m)
	}
	if m.Swappiness != nil {
		c.addNeed("memory.swappiness", "memory", "memory.swappiness", "")
		r.MemorySwappiness = m.Swappiness
	}
	if m.DisableOOMKiller != nil && *m.DisableOOMKiller {
		c.addNeed("memory.disableOOMKiller", "memory", "memory.oom_control", "")
		r.OomKillDisable = true
	}
	if m.CheckBeforeUpdate != nil {
		r.MemoryCheckBeforeUpdate = *m.CheckBeforeUpdate
	}
}

// checkSwap refuses values that can't be expressed: memory.swap counts memory and swap together, memory.swap.max swap
// alone.
func (c *converter) checkSwap(m *specs.LinuxMemory) {
	if *m.Swap < 0 {
		return
	}
	limit := int64(0)
	if m.Limit != nil {
		limit = *m.Limit
	}
	switch {
	case limit == 0:
		c.fail("linux.resources.memory.swap", "counts memory and swap together, so memory.limit must be given too")
	case limit > *m.Swap:
		c.fail("linux.resources.memory.swap", "counts memory and swap together, so it must not be below memory.limit, "+
			strconv.FormatInt(limit, 10))
	}
}

// convertCPU converts linux.resources.cpu. Shares become a weight on v2 by the formula that runc, crun and Kubernetes
// agreed on in 2025, which keeps minimum, default and maximum where they are.
func (c *converter) convertCPU(p *specs.LinuxCPU) {
	r := &c.out.resources
	if p.Shares != nil && *p.Shares != 0 {
		c.addNeed("cpu.shares", "cpu", "cpu.shares", "cpu.weight")
		r.CpuShares = *p.Shares
		r.CpuWeight = cgroups.ConvertCPUSharesToCgroupV2Value(*p.Shares)
	}
	if p.Quota != nil && *p.Quota != 0 {
		c.addNeed("cpu.quota", "cpu", "cpu.cfs_quota_us", "cpu.max")
		r.CpuQuota = *p.Quota
		c.markLift(*p.Quota < 0)
	}
	if p.Period != nil && *p.Period != 0 {
		c.addNeed("cpu.period", "cpu", "cpu.cfs_period_us", "cpu.max")
		r.CpuPeriod = *p.Period
	}
	if p.Burst != nil {
		c.addNeed("cpu.burst", "cpu", "cpu.cfs_burst_us", "cpu.max.burst")
		r.CpuBurst = p.Burst
		if p.Quota != nil && *p.Quota > 0 && *p.Burst > uint64(*p.Quota) {
			// The kernel would refuse whichever is written last.
			c.fail("linux.resources.cpu.burst", "must not be above cpu.quota, "+strconv.FormatInt(*p.Quota, 10))
		}
	}
	if p.RealtimeRuntime != nil && *p.RealtimeRuntime != 0 {
		c.addNeed("cpu.realtimeRuntime", "cpu", "cpu.rt_runtime_us", "")
		r.CpuRtRuntime = *p.RealtimeRuntime
	}
	if p.RealtimePeriod != nil && *p.RealtimePeriod != 0 {
		c.addNeed("cpu.realtimePeriod", "cpu", "cpu.rt_period_us", "")
		r.CpuRtPeriod = *p.RealtimePeriod
	}
	if p.Cpus != "" {
		c.addNeed("cpu.cpus", "cpuset", "cpuset.cpus", "cpuset.cpus")
		r.CpusetCpus = p.Cpus
	}
	if p.Mems != "" {
		c.addNeed("cpu.mems", "cpuset", "cpuset.mems", "cpuset.mems")
		r.CpusetMems = p.Mems
	}
	if p.Idle != nil {
		c.addNeed("cpu.idle", "cpu", "cpu.idle", "cpu.idle")
		r.CPUIdle = p.Idle
	}
}

// convertHugepages converts linux.resources.hugepageLimits. The page size becomes part of a file name, so it must be of
// the kernel's form.
func (c *converter) convertHugepages(list []specs.LinuxHugepageLimit) {
	for i, h := range list {
		field := "hugepageLimits[" + strconv.Itoa(i) + "]"
		if !isPageSize(h.Pagesize) {
			c.fail(
				"linux.resources."+field+".pageSize",
				`must be a number and KB, MB or GB, such as "2MB", not `+strconv.Quote(h.Pagesize),
			)
			continue
		}
		c.addNeed(field+".limit", "hugetlb", "hugetlb."+h.Pagesize+".limit_in_bytes", "hugetlb."+h.Pagesize+".max")
		c.out.resources.HugetlbLimit = append(
			c.out.resources.HugetlbLimit,
			&cgroups.HugepageLimit{Pagesize: h.Pagesize, Limit: h.Limit},
		)
	}
}

// isPageSize reports whether s is a size of huge pages as config-linux.md#huge-page-limits writes it.
func isPageSize(s string) bool {
	digits := strings.TrimRight(s, "KMGB")
	switch s[len(digits):] {
	case "KB", "MB", "GB":
		n, err := strconv.ParseUint(digits, 10, 32)
		return err == nil && n > 0 && digits[0] != '+' && digits[0] != '0'
	}
	return false
}

// convertNetwork converts linux.resources.network.
func (c *converter) convertNetwork(n *specs.LinuxNetwork) {
	if n.ClassID != nil && *n.ClassID != 0 {
		c.addNeed("network.classID", "net_cls", "net_cls.classid", "")
		c.out.resources.NetClsClassid = *n.ClassID
	}
	for i, p := range n.Priorities {
		c.addNeed("network.priorities["+strconv.Itoa(i)+"]", "net_prio", "net_prio.ifpriomap", "")
		c.out.resources.NetPrioIfpriomap = append(c.out.resources.NetPrioIfpriomap,
			&cgroups.IfPrioMap{Interface: p.Name, Priority: int64(p.Priority)})
	}
}

// convertRdma converts linux.resources.rdma.
func (c *converter) convertRdma(m map[string]specs.LinuxRdma) {
	for _, device := range slices.Sorted(maps.Keys(m)) {
		l := m[device]
		c.addNeed("rdma["+strconv.Quote(device)+"]", "rdma", "rdma.max", "rdma.max")
		if c.out.resources.Rdma == nil {
			c.out.resources.Rdma = make(map[string]cgroups.LinuxRdma, len(m))
		}
		c.out.resources.Rdma[device] = cgroups.LinuxRdma{HcaHandles: l.HcaHandles, HcaObjects: l.HcaObjects}
	}
}

// convertUnified converts linux.resources.unified. It comes last: a file that another field also writes is a
// contradiction.
func (c *converter) convertUnified(m map[string]string) {
	for _, file := range slices.Sorted(maps.Keys(m)) { // the same error each time
		field := "unified[" + strconv.Quote(file) + "]"
		controller, _, ok := strings.Cut(file, ".")
		if !ok || controller == "" || strings.Contains(file, "/") {
			c.fail("linux.resources."+field, `must be the name of a cgroup v2 file, such as "memory.high"`)
			continue
		}
		switch file {
		case "cgroup.procs", "cgroup.threads", "cgroup.kill": // 0 in the first is rt itself
			c.fail("linux.resources."+field, "is no limit: it moves or kills processes")
			continue
		}
		for _, n := range c.out.needs {
			if n.file == file && c.v2 {
				c.fail("linux.resources."+field, "is the file that "+n.field+" is written to; remove one of the two")
			}
		}
		c.addNeed(field, controller, "", file)
		if c.out.resources.Unified == nil {
			c.out.resources.Unified = make(map[string]string, len(m))
		}
		c.out.resources.Unified[file] = m[file]
	}
}
