package cli

import (
	"rt/libcontainer"
)

// The shape of "data" in the lines of `rt events` is that of `runc events`, whose readers (go-runc, cadvisor) know
// these names. Members that are 0 are left out as in runc's.
type (
	statsShape struct {
		CPU     cpuShape                `json:"cpu"`
		CPUSet  cpusetShape             `json:"cpuset"`
		Memory  memoryShape             `json:"memory"`
		Pids    pidsShape               `json:"pids"`
		Blkio   blkioShape              `json:"blkio"`
		Hugetlb map[string]hugetlbShape `json:"hugetlb"`
		RDT     rdtShape                `json:"intel_rdt"`
		// Always empty: runc fills it only for networks that it creates itself, which no OCI config describes.
		NetworkInterfaces []struct{} `json:"network_interfaces"`
	}
	cpuShape struct {
		Usage      cpuUsageShape `json:"usage"`
		Throttling struct {
			Periods   uint64 `json:"periods,omitempty"`
			Throttled uint64 `json:"throttledPeriods,omitempty"`
			Time      uint64 `json:"throttledTime,omitempty"`
		} `json:"throttling"`
		PSI *libcontainer.Pressure `json:"psi,omitempty"`
	}
	cpuUsageShape struct {
		Total        uint64   `json:"total,omitempty"`
		Percpu       []uint64 `json:"percpu,omitempty"`
		PercpuKernel []uint64 `json:"percpu_kernel,omitempty"`
		PercpuUser   []uint64 `json:"percpu_user,omitempty"`
		Kernel       uint64   `json:"kernel"`
		User         uint64   `json:"user"`
	}
	cpusetShape struct {
		CPUs                  []uint16 `json:"cpus,omitempty"`
		CPUExclusive          uint64   `json:"cpu_exclusive"`
		Mems                  []uint16 `json:"mems,omitempty"`
		MemHardwall           uint64   `json:"mem_hardwall"`
		MemExclusive          uint64   `json:"mem_exclusive"`
		MemoryMigrate         uint64   `json:"memory_migrate"`
		MemorySpreadPage      uint64   `json:"memory_spread_page"`
		MemorySpreadSlab      uint64   `json:"memory_spread_slab"`
		MemoryPressure        uint64   `json:"memory_pressure"`
		SchedLoadBalance      uint64   `json:"sched_load_balance"`
		SchedRelaxDomainLevel int64    `json:"sched_relax_domain_level"`
	}
	memoryShape struct {
		Cache     uint64                 `json:"cache,omitempty"`
		Usage     memoryEntry            `json:"usage"`
		Swap      memoryEntry            `json:"swap"`
		Kernel    memoryEntry            `json:"kernel"`
		KernelTCP memoryEntry            `json:"kernelTCP"`
		Raw       map[string]uint64      `json:"raw,omitempty"`
		PSI       *libcontainer.Pressure `json:"psi,omitempty"`
	}
	memoryEntry struct {
		Limit   uint64 `json:"limit"`
		Usage   uint64 `json:"usage,omitempty"`
		Max     uint64 `json:"max,omitempty"`
		Failcnt uint64 `json:"failcnt"`
	}
	pidsShape struct {
		Current uint64 `json:"current,omitempty"`
		Limit   uint64 `json:"limit,omitempty"`
	}
	blkioShape struct {
		ServiceBytes []libcontainer.BlockEntry `json:"ioServiceBytesRecursive,omitempty"`
		Serviced     []libcontainer.BlockEntry `json:"ioServicedRecursive,omitempty"`
		Queued       []libcontainer.BlockEntry `json:"ioQueueRecursive,omitempty"`
		ServiceTime  []libcontainer.BlockEntry `json:"ioServiceTimeRecursive,omitempty"`
		WaitTime     []libcontainer.BlockEntry `json:"ioWaitTimeRecursive,omitempty"`
		Merged       []libcontainer.BlockEntry `json:"ioMergedRecursive,omitempty"`
		Time         []libcontainer.BlockEntry `json:"ioTimeRecursive,omitempty"`
		Sectors      []libcontainer.BlockEntry `json:"sectorsRecursive,omitempty"`
		PSI          *libcontainer.Pressure    `json:"psi,omitempty"`
	}
	hugetlbShape struct {
		Usage   uint64 `json:"usage,omitempty"`
		Max     uint64 `json:"max,omitempty"`
		Failcnt uint64 `json:"failcnt"`
	}
)

// statsData converts the statistics of a container to that shape.
func statsData(s *libcontainer.Stats) *statsShape {
	var d statsShape
	usage := &s.CpuStats.CpuUsage
	d.CPU.Usage = cpuUsageShape{
		usage.TotalUsage, usage.PercpuUsage, usage.PercpuUsageInKernelmode, usage.PercpuUsageInUsermode,
		usage.UsageInKernelmode, usage.UsageInUsermode,
	}
	throttling := &s.CpuStats.ThrottlingData
	d.CPU.Throttling.Periods = throttling.Periods
	d.CPU.Throttling.Throttled = throttling.ThrottledPeriods
	d.CPU.Throttling.Time = throttling.ThrottledTime
	d.CPU.PSI = s.CpuStats.PSI
	d.CPUSet = cpusetShape(s.CPUSetStats)
	m := &s.MemoryStats
	d.Memory = memoryShape{
		Cache: m.Cache, Usage: entryOf(m.Usage), Swap: entryOf(m.SwapUsage), Kernel: entryOf(m.KernelUsage),
		KernelTCP: entryOf(m.KernelTCPUsage),
		Raw:       m.Stats, PSI: m.PSI,
	}
	d.Pids = pidsShape(s.PidsStats)
	b := &s.BlkioStats
	d.Blkio = blkioShape{
		b.IoServiceBytesRecursive, b.IoServicedRecursive, b.IoQueuedRecursive, b.IoServiceTimeRecursive,
		b.IoWaitTimeRecursive, b.IoMergedRecursive,
		b.IoTimeRecursive, b.SectorsRecursive, b.PSI,
	}
	d.Hugetlb = make(map[string]hugetlbShape, len(s.HugetlbStats))
	for size, h := range s.HugetlbStats {
		d.Hugetlb[size] = hugetlbShape{h.Usage, h.MaxUsage, h.Failcnt}
	}
	if s.IntelRdt != nil {
		d.RDT = rdtData(s.IntelRdt)
	}
	return &d
}

func entryOf(m libcontainer.MemoryUse) memoryEntry {
	return memoryEntry{Limit: m.Limit, Usage: m.Usage, Max: m.MaxUsage, Failcnt: m.Failcnt}
}
