package plan

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"rt/nsenter"
	"rt/spec"
)

// The numbers of sched_setattr(2), by the words of the spec; package spec has checked the words.
var (
	schedulerPolicies = words{
		{"SCHED_OTHER", 0},
		{"SCHED_FIFO", 1},
		{"SCHED_RR", 2},
		{"SCHED_BATCH", 3},
		{"SCHED_IDLE", 5},
		{"SCHED_DEADLINE", 6},
	}
	schedulerFlags = words{
		{"SCHED_FLAG_RESET_ON_FORK", 0x01},
		{"SCHED_FLAG_RECLAIM", 0x02},
		{"SCHED_FLAG_DL_OVERRUN", 0x04},
		{"SCHED_FLAG_KEEP_POLICY", 0x08},
		{"SCHED_FLAG_KEEP_PARAMS", 0x10},
		{"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
		{"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
	}
	ioClasses   = words{{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}
	memoryModes = words{
		{"MPOL_DEFAULT", 0},
		{"MPOL_PREFERRED", 1},
		{"MPOL_BIND", 2},
		{"MPOL_INTERLEAVE", 3},
		{"MPOL_LOCAL", 4},
		{"MPOL_PREFERRED_MANY", 5},
		{"MPOL_WEIGHTED_INTERLEAVE", 6},
	}
	memoryFlags = words{
		{"MPOL_F_NUMA_BALANCING", 1 << 13},
		{"MPOL_F_RELATIVE_NODES", 1 << 14},
		{"MPOL_F_STATIC_NODES", 1 << 15},
	}
	personalities = words{{"LINUX", 0x0000}, {"LINUX32", 0x0008}}
)

// words are a few words with their numbers. Unlike a map they cost nothing when rt starts.
type words []struct {
	word  string
	value uint64
}

// valueOf returns the number of a word.
func (m words) valueOf(word string) uint64 {
	for _, e := range m {
		if e.word == word {
			return e.value
		}
	}
	panic("plan: the word " + word + " has passed the checks of package spec and has no number")
}

// setScheduling sets how the process is scheduled: process.scheduler, process.ioPriority, linux.memoryPolicy,
// linux.personality.
func (c limits) setScheduling() error {
	oci := c.spec.Process.OCI
	if s := oci.Scheduler; s != nil && !c.schedulesLater() {
		c.setScheduler(s)
	}
	if p := oci.IOPriority; p != nil {
		const whoProcess, classShift = 1, 13
		c.call("process.ioPriority", "set the I/O priority to "+string(p.Class)+" "+strconv.Itoa(p.Priority),
			nsenter.IoprioSet,
			nsenter.Imm(whoProcess), nsenter.Imm(0), nsenter.Flags(&nsenter.Hex,
				ioClasses.valueOf(string(p.Class))<<classShift|uint64(p.Priority)))
	}
	if l := c.spec.OCI.Linux; l != nil {
		if l.MemoryPolicy != nil {
			c.setMemoryPolicy(l.MemoryPolicy)
		}
		if l.Personality != nil {
			c.call("linux.personality.domain", "set the execution domain "+string(l.Personality.Domain),
				nsenter.Personality,
				nsenter.Flags(&nsenter.Hex, personalities.valueOf(string(l.Personality.Domain))))
		}
	}
	return nil
}

// setScheduler sets process.scheduler: struct sched_attr of sched_setattr(2), version 0.
func (c limits) setScheduler(s *specs.Scheduler) {
	const size = 48
	var b [size]byte
	le := binary.NativeEndian
	le.PutUint32(b[:], size)
	le.PutUint32(b[4:], uint32(schedulerPolicies.valueOf(string(s.Policy))))
	var flags uint64
	for _, f := range s.Flags {
		flags |= schedulerFlags.valueOf(string(f))
	}
	le.PutUint64(b[8:], flags)
	le.PutUint32(b[16:], uint32(s.Nice))
	le.PutUint32(b[20:], uint32(s.Priority))
	le.PutUint64(b[24:], s.Runtime)
	le.PutUint64(b[32:], s.Deadline)
	le.PutUint64(b[40:], s.Period)
	c.call("process.scheduler", "set the scheduling policy "+string(s.Policy), nsenter.SchedSetattr, nsenter.Imm(0),
		nsenter.Data(string(b[:]), "{"+string(s.Policy)+"}"), nsenter.Imm(0))
}

// setMemoryPolicy sets linux.memoryPolicy: set_mempolicy(2).
func (c limits) setMemoryPolicy(p *specs.LinuxMemoryPolicy) {
	mode := memoryModes.valueOf(string(p.Mode))
	for _, f := range p.Flags {
		mode |= memoryFlags.valueOf(string(f))
	}
	nodes, count := nsenter.Null, 0
	if p.Nodes != "" {
		mask := bitList(p.Nodes)
		nodes, count = nsenter.Data(string(mask), "{"+p.Nodes+"}"), 8*len(mask)+1 // the kernel subtracts one
	}
	c.call("linux.memoryPolicy", "set the memory policy to "+string(p.Mode), nsenter.SetMempolicy,
		nsenter.Flags(&nsenter.Hex, mode), nodes, nsenter.Imm(count))
}

// allowAllCPUs lets the process run on all CPUs of its cgroup. Since Linux 6.2 (8f9ea86fdf99) a process keeps the CPUs
// that it was bound to, and its children inherit them, whatever cpuset it enters. The CPUs that rt was bound to,
// perhaps as a part of an engine that has its own, must not bind the container. The step is made unconditionally: to
// find out whether it is needed costs as much.
func (c limits) allowAllCPUs() {
	// 8192 CPUs, the most that a kernel can be built for; it ignores the end of a mask that is too long
	const bytes = 1024
	c.call("", "allow all CPUs of the cgroup", nsenter.SchedSetaffinity, nsenter.Imm(0), nsenter.Imm(bytes),
		nsenter.Data(strings.Repeat("\xff", bytes), "{all}")).ignore(unix.EINVAL, unix.EPERM)
}

// bitList returns the bit mask of a list such as "0-3,7", which package spec has checked, in whole words of 8 bytes.
func bitList(list string) []byte {
	mask := make([]byte, 8)
	for n := range spec.Numbers(list) {
		for n/8 >= len(mask) {
			mask = append(mask, make([]byte, 8)...)
		}
		mask[n/8] |= 1 << (n % 8)
	}
	return mask
}
