package spec

import (
	"slices"
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// schedulerPolicies are the policies of sched(7). The specification also lists SCHED_ISO, which Linux has reserved and
// never had.
var schedulerPolicies = []string{"SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_IDLE", "SCHED_DEADLINE"}

var schedulerFlags = []string{
	"SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_RECLAIM", "SCHED_FLAG_DL_OVERRUN", "SCHED_FLAG_KEEP_POLICY",
	"SCHED_FLAG_KEEP_PARAMS",
	"SCHED_FLAG_UTIL_CLAMP_MIN", "SCHED_FLAG_UTIL_CLAMP_MAX",
}

// minRuntime is the least runtime that sched_setattr(2) accepts for SCHED_DEADLINE, in nanoseconds.
const minRuntime = 1024

// checkScheduler checks process.scheduler (config.md, Linux Process) by the rules of sched_setattr(2).
func (c processChecker) checkScheduler(at location, s *specs.Scheduler) {
	if s == nil {
		return
	}
	policy := string(s.Policy)
	switch {
	case policy == string(specs.SchedISO):
		c.refuse(at.Dot("policy"), policy, "is reserved, and no Linux has it")
		return
	case !slices.Contains(schedulerPolicies, policy):
		c.refuseWord(at.Dot("policy"), policy, schedulerPolicies)
		return
	}
	for i, f := range s.Flags {
		if !slices.Contains(schedulerFlags, string(f)) {
			c.refuseWord(at.DotAt("flags", i), string(f), schedulerFlags)
		}
	}
	if s.Nice < -20 || s.Nice > 19 {
		c.refuse(at.Dot("nice"), strconv.Itoa(int(s.Nice)), "must be from -20 to 19")
	}
	realtime := policy == "SCHED_FIFO" || policy == "SCHED_RR"
	switch {
	case realtime && (s.Priority < 1 || s.Priority > 99):
		c.refuse(at.Dot("priority"), strconv.Itoa(int(s.Priority)), "must be from 1 to 99 for "+policy)
	case !realtime && s.Priority != 0:
		c.refuse(at.Dot("priority"), strconv.Itoa(int(s.Priority)),
			"must be 0 for "+policy+": only SCHED_FIFO and SCHED_RR have priorities")
	}
	c.checkDeadline(at, s)
}

// checkDeadline checks the three times that only SCHED_DEADLINE has: runtime <= deadline <= period, where period 0
// means the deadline.
func (c processChecker) checkDeadline(at location, s *specs.Scheduler) {
	times := []struct {
		name string
		ns   uint64
	}{{"runtime", s.Runtime}, {"deadline", s.Deadline}, {"period", s.Period}}
	if s.Policy != specs.SchedDeadline {
		for _, t := range times {
			if t.ns != 0 {
				c.refuse(at.Dot(t.name), strconv.FormatUint(t.ns, 10),
					"must be 0 for "+string(s.Policy)+": only SCHED_DEADLINE has a "+t.name)
			}
		}
		return
	}
	switch {
	case s.Runtime < minRuntime:
		c.refuse(at.Dot("runtime"), strconv.FormatUint(s.Runtime, 10), "must be at least 1024 nanoseconds")
	case s.Deadline < s.Runtime:
		c.refuse(at.Dot("deadline"), strconv.FormatUint(s.Deadline, 10),
			"must not be shorter than the runtime, "+strconv.FormatUint(s.Runtime, 10))
	case s.Period != 0 && s.Period < s.Deadline:
		c.refuse(at.Dot("period"), strconv.FormatUint(s.Period, 10),
			"must not be shorter than the deadline, "+strconv.FormatUint(s.Deadline, 10))
	}
}

var ioPriorityClasses = []string{"IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"}

// checkIOPriority checks process.ioPriority (ioprio_set(2)).
func (c processChecker) checkIOPriority(at location, p *specs.LinuxIOPriority) {
	if p == nil {
		return
	}
	if !slices.Contains(ioPriorityClasses, string(p.Class)) {
		c.refuseWord(at.Dot("class"), string(p.Class), ioPriorityClasses)
	}
	if p.Priority < 0 || p.Priority > 7 {
		c.refuse(at.Dot("priority"), strconv.Itoa(p.Priority), "must be from 0, the highest, to 7")
	}
}
