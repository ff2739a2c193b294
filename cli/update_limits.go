package cli

import (
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// limitFlag is an option of update that sets one limit.
type limitFlag struct {
	name, value, usage string
	set                setLimit // nil: the option has no effect any more
	want               string   // the problem of a word that is no value for it

	word string // what the command line gives; "" for nothing
}

// setLimit sets a limit to the value of a word. It returns false if the word is no value for the limit.
type setLimit func(r *specs.LinuxResources, word string) bool

// obsolete is the usage of options that only old callers pass.
const obsolete = "no longer has an effect"

// limitFlags has runc's options for limits.
func limitFlags() []limitFlag {
	const (
		number    = "must be a number"
		positive  = "must be a number from 0 on"
		limit     = "must be a number, or -1 for no limit"
		byteCount = "must be a number of bytes, which may end in k, m, g, t or p, or -1 for no limit"
	)
	type cpu = specs.LinuxCPU
	type memory = specs.LinuxMemory
	return []limitFlag{
		{
			"blkio-weight", "N", "share of block I/O when cgroups compete for a device, from 10 to 1000",
			setBlockWeight, "must be a number from 10 to 1000", "",
		},
		{
			"cpu-period", "USEC", "period of --cpu-quota, in microseconds, from 1000 to 1000000",
			setCPU(func(c *cpu) **uint64 { return &c.Period }, unsigned), positive, "",
		},
		{
			"cpu-quota", "USEC", "processor time that the container may use in each period, in microseconds; " +
				"twice --cpu-period is two processors; -1 is no limit",
			setCPU(func(c *cpu) **int64 { return &c.Quota }, signed), limit, "",
		},
		{
			"cpu-burst", "USEC", "quota that the container may save in idle periods and use in a later one, in " +
				"microseconds (Linux 5.14)",
			setCPU(func(c *cpu) **uint64 { return &c.Burst }, unsigned), positive, "",
		},
		{
			"cpu-share", "N", "share of the processors when cgroups compete for them, from 2 to 262144; a cgroup " +
				"without a limit has 1024; on cgroup v2 rt converts it to cpu.weight",
			setCPU(func(c *cpu) **uint64 { return &c.Shares }, unsigned), positive, "",
		},
		{
			"cpu-rt-period", "USEC", "period of --cpu-rt-runtime, in microseconds; only cgroup v1",
			setCPU(func(c *cpu) **uint64 { return &c.RealtimePeriod }, unsigned), positive, "",
		},
		{
			"cpu-rt-runtime", "USEC", "time that real-time processes may run in each period, in microseconds; only " +
				"cgroup v1",
			setCPU(func(c *cpu) **int64 { return &c.RealtimeRuntime }, signed), number, "",
		},
		{
			"cpuset-cpus", "LIST", "processors that the container may use, such as 0-3,7",
			setCPU(func(c *cpu) *string { return &c.Cpus }, asGiven), "", "",
		},
		{
			"cpuset-mems", "LIST", "NUMA nodes whose memory the container may use, such as 0-1",
			setCPU(func(c *cpu) *string { return &c.Mems }, asGiven), "", "",
		},
		{
			"cpu-idle", "N", "1: run only when no other cgroup wants the processor (SCHED_IDLE); 0: compete for it " +
				"(Linux 5.15)",
			setCPU(func(c *cpu) **int64 { return &c.Idle }, signed), "must be 0 or 1", "",
		},
		{
			"memory", "SIZE", "limit of memory; the kernel OOM-kills a process of a container that needs more",
			setMemory(func(m *memory) **int64 { return &m.Limit }), byteCount, "",
		},
		{
			"memory-reservation", "SIZE", "memory that the kernel leaves to the container, if it can, when the host " +
				"lacks memory",
			setMemory(func(m *memory) **int64 { return &m.Reservation }), byteCount, "",
		},
		{
			"memory-swap", "SIZE", "limit of memory and swap together; equal to --memory, the container can't swap",
			setMemory(func(m *memory) **int64 { return &m.Swap }), byteCount, "",
		},
		{"pids-limit", "N", "limit of processes and threads", setPids, limit, ""},
		{"kernel-memory", "SIZE", obsolete, nil, "", ""},
		{"kernel-memory-tcp", "SIZE", obsolete, nil, "", ""},
	}
}

// setBlockWeight sets blockIO.weight.
func setBlockWeight(r *specs.LinuxResources, word string) bool {
	const least, most = 10, 1000 // config-linux.md, Block IO
	n, err := strconv.ParseUint(word, 10, 16)
	weight := uint16(n)
	r.BlockIO = &specs.LinuxBlockIO{Weight: &weight}
	return err == nil && least <= n && n <= most
}

// setPids sets pids.limit.
func setPids(r *specs.LinuxResources, word string) bool {
	r.Pids = &specs.LinuxPids{}
	return signed(&r.Pids.Limit, word)
}

// setCPU returns a function that reads a word into a property of cpu.
func setCPU[T any](property func(*specs.LinuxCPU) *T, read func(*T, string) bool) setLimit {
	return func(r *specs.LinuxResources, word string) bool {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		return read(property(r.CPU), word)
	}
}

// setMemory returns a function that reads a size into a property of memory.
func setMemory(property func(*specs.LinuxMemory) **int64) setLimit {
	return func(r *specs.LinuxResources, word string) bool {
		if r.Memory == nil {
			r.Memory = &specs.LinuxMemory{}
		}
		n, ok := parseSize(word)
		*property(r.Memory) = &n
		return ok
	}
}

func asGiven(to *string, word string) bool {
	*to = word
	return true
}

func unsigned(to **uint64, word string) bool {
	n, err := strconv.ParseUint(word, 10, 64)
	*to = &n
	return err == nil
}

func signed(to **int64, word string) bool {
	n, err := strconv.ParseInt(word, 10, 64)
	*to = &n
	return err == nil
}

// parseSize parses a size in bytes, such as 512m or 1.5GiB. -1 is no limit.
func parseSize(word string) (int64, bool) {
	if word == "-1" {
		return -1, true
	}
	number := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(word)), "b"), "i")
	shift := 0
	if i := len(number) - 1; i >= 0 {
		if k := strings.IndexByte("kmgtp", number[i]); k >= 0 {
			shift, number = 10*(k+1), strings.TrimSpace(number[:i])
		}
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil {
		return n << shift, n >= 0 && n<<shift>>shift == n
	}
	if strings.Trim(number, "0123456789.") != "" {
		return 0, false // what Go accepts as a number too: exponents, infinity
	}
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(int64(1) << shift)
	return int64(f), err == nil && f < 1<<62
}
