package cgroup

import (
	"slices"
	"strconv"
	"strings"

	"rt/internal/diag"

	"github.com/opencontainers/cgroups"
)

// readBack compares the content of the limit files with what was written to them. A successful write is no proof:
// systemd writes the files of its units too, and so may other programs. A file that can't be read is skipped: it was
// removed with the container, or the write has already failed.
func (g limitFiles) readBack() error {
	for i := range g.limits.needs {
		n := &g.limits.needs[i]
		dir, file := g.dir(n.controller), g.fileOnHost(n)
		wanted := g.wantedLines(file)
		if len(wanted) == 0 || dir == "" {
			continue
		}
		text, err := readFile(dir, file)
		if err != nil {
			continue
		}
		for _, w := range wanted {
			if !g.matchesLine(file, text, w) {
				return g.mismatchError(n.field, dir, file, w, text)
			}
		}
	}
	return nil
}

// mismatchError returns the error of a limit that has another value than was written.
func (g limitFiles) mismatchError(field, dir, file, wanted, found string) error {
	e := &diag.Error{
		Kind: diag.Host, Field: field, Value: wanted,
		Problem: "does not hold: " + dir + "/" + file + " has " + strconv.Quote(strings.TrimSpace(found)),
		Hint:    "another program changes the limits of this cgroup as well",
	}
	if g.driver == Systemd {
		e.Hint += "; systemctl cat " + g.unit.name + " shows what systemd was told"
	}
	return e
}

// fileOnHost returns the file that a limit is written to on this machine: with the BFQ scheduler weights have files of
// their own.
func (g *cgroupSet) fileOnHost(n *need) string {
	if bfq, ok := map[string]string{
		"io.weight": "io.bfq.weight", "blkio.weight": "blkio.bfq.weight",
		"blkio.weight_device": "blkio.bfq.weight_device",
	}[n.file]; ok && g.limits.resources.Unified[n.file] == "" {
		if _, err := readFile(g.dir(n.controller), bfq); err == nil {
			return bfq
		}
	}
	return n.file
}

// wantedLines returns the lines that a file should have, as they were written. There are none for files that are not
// compared: write-only ones, and entries of linux.resources.unified that rt does not know.
func (g limitFiles) wantedLines(file string) []string {
	r := &g.limits.resources
	if text, ok := r.Unified[file]; ok {
		if !slices.Contains(readable, file) {
			return nil
		}
		return strings.Split(strings.TrimSpace(text), "\n")
	}
	switch controller, _, _ := strings.Cut(file, "."); controller {
	case "blkio", "io":
		return g.wantedIO(file)
	case "memory":
		return g.wantedMemory(file)
	case "cpu":
		return g.wantedCPU(file)
	}
	switch file {
	case "cpuset.cpus":
		return []string{r.CpusetCpus}
	case "cpuset.mems":
		return []string{r.CpusetMems}
	case "pids.max":
		if r.PidsLimit != nil && *r.PidsLimit == 0 {
			return nil // ForbidForks writes it, after the clone of the container's process
		}
		return formatPointer(r.PidsLimit)
	case "net_cls.classid":
		return formatInt(int64(r.NetClsClassid))
	case "net_prio.ifpriomap":
		var lines []string
		for _, p := range r.NetPrioIfpriomap {
			lines = append(lines, p.CgroupString())
		}
		return lines
	}
	for _, h := range r.HugetlbLimit {
		if strings.HasPrefix(file, "hugetlb."+h.Pagesize+".") {
			return []string{strconv.FormatUint(h.Limit, 10)}
		}
	}
	return nil
}

// wantedMemory returns the wanted lines of the files of the controller memory.
func (g limitFiles) wantedMemory(file string) []string {
	r := &g.limits.resources
	switch file {
	case "memory.max", "memory.limit_in_bytes":
		return formatInt(r.Memory)
	case "memory.low", "memory.soft_limit_in_bytes":
		return formatInt(r.MemoryReservation)
	case "memory.memsw.limit_in_bytes":
		return formatInt(r.MemorySwap)
	case "memory.swap.max":
		swap, err := cgroups.ConvertMemorySwapToCgroupV2Value(r.MemorySwap, r.Memory)
		if err != nil {
			return nil
		}
		return []string{strconv.FormatInt(swap, 10)}
	case "memory.swappiness":
		return formatPointer(r.MemorySwappiness)
	case "memory.oom_control":
		return []string{"oom_kill_disable 1"}
	}
	return nil
}

// wantedCPU returns the wanted lines of the files of the controller cpu.
func (g limitFiles) wantedCPU(file string) []string {
	r := &g.limits.resources
	switch file {
	case "cpu.shares":
		return formatInt(int64(r.CpuShares))
	case "cpu.weight":
		if r.CPUIdle != nil && *r.CPUIdle == 1 {
			return nil // an idle cgroup has the lowest weight, whatever was written
		}
		return formatInt(int64(r.CpuWeight))
	case "cpu.max":
		return []string{g.cpuMaxLine()}
	case "cpu.cfs_quota_us":
		return formatInt(r.CpuQuota)
	case "cpu.cfs_period_us":
		return formatInt(int64(r.CpuPeriod))
	case "cpu.max.burst", "cpu.cfs_burst_us":
		return formatPointer(r.CpuBurst)
	case "cpu.idle":
		return formatPointer(r.CPUIdle)
	case "cpu.rt_runtime_us":
		return formatInt(r.CpuRtRuntime)
	case "cpu.rt_period_us":
		return formatInt(int64(r.CpuRtPeriod))
	}
	return nil
}

// readable are the files of linux.resources.unified that are read back.
var readable = []string{
	"cpu.idle", "cpu.max", "cpu.max.burst", "cpu.weight", "cpuset.cpus", "cpuset.mems", "io.bfq.weight", "io.weight",
	"memory.high", "memory.low", "memory.max", "memory.min", "memory.oom.group", "memory.swap.max", "pids.max",
}

// cpuMaxLine returns the wanted line of cpu.max. A value that is not given is the library's default.
func (g limitFiles) cpuMaxLine() string {
	r := &g.limits.resources
	quota, period := "max", uint64(100000)
	if r.CpuQuota > 0 {
		quota = strconv.FormatInt(r.CpuQuota, 10)
	}
	if r.CpuPeriod != 0 {
		period = r.CpuPeriod
	}
	return quota + " " + strconv.FormatUint(period, 10)
}

// wantedIO returns the wanted lines of the files of the controllers io and blkio.
func (g limitFiles) wantedIO(file string) (lines []string) {
	r := &g.limits.resources
	throttle := func(list []*cgroups.ThrottleDevice, key string) {
		for _, d := range list {
			switch {
			case d.Rate == 0: // removes the line
			case key != "":
				lines = append(lines, d.StringName(key))
			default:
				lines = append(lines, d.String())
			}
		}
	}
	switch file {
	case "blkio.weight", "blkio.bfq.weight":
		return formatInt(int64(r.BlkioWeight))
	case "blkio.leaf_weight":
		return formatInt(int64(r.BlkioLeafWeight))
	case "io.weight", "io.bfq.weight":
		if r.BlkioWeight != 0 {
			n := uint64(r.BlkioWeight)
			if file == "io.weight" {
				n = cgroups.ConvertBlkIOToIOWeightValue(r.BlkioWeight)
			}
			lines = append(lines, "default "+strconv.FormatUint(n, 10))
		}
	case "io.max":
		throttle(r.BlkioThrottleReadBpsDevice, "rbps")
		throttle(r.BlkioThrottleWriteBpsDevice, "wbps")
		throttle(r.BlkioThrottleReadIOPSDevice, "riops")
		throttle(r.BlkioThrottleWriteIOPSDevice, "wiops")
	case "blkio.throttle.read_bps_device":
		throttle(r.BlkioThrottleReadBpsDevice, "")
	case "blkio.throttle.write_bps_device":
		throttle(r.BlkioThrottleWriteBpsDevice, "")
	case "blkio.throttle.read_iops_device":
		throttle(r.BlkioThrottleReadIOPSDevice, "")
	case "blkio.throttle.write_iops_device":
		throttle(r.BlkioThrottleWriteIOPSDevice, "")
	}
	return lines
}

// formatInt formats a limit; no line for 0, which means "not given" to the library.
func formatInt(n int64) []string {
	if n == 0 {
		return nil
	}
	return []string{strconv.FormatInt(n, 10)}
}

// formatPointer formats a limit that may be 0; no line for nil.
func formatPointer[T int64 | uint64](n *T) []string {
	if n == nil {
		return nil
	}
	return []string{strconv.FormatInt(int64(*n), 10)}
}
