package plan

import (
	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// The times of a trace are at the start of the scratch memory, of which other steps use only the byte that they wait
// for.
const traceStart, traceEnd = 0, 16

// trace makes every step report its result and its times, by an edit of the plan: around each step it adds two
// clock_gettime(2), and after them the writev(2) of a report, once for each step that may follow. It ends where a
// seccomp filter is loaded, which may not allow these calls, and where create ends, since nobody reads reports until
// `rt start`.
func (c *compiler) trace() {
	old := c.plan.Steps
	plain := c.plan.Program
	c.plan.plain = &plain
	t := tracer{ctl: c.plan.Ctl, steps: make([]nsenter.Step, 0, 5*len(old)), index: make([]int, len(old)+1)}
	tracing := true
	for i := range old {
		t.index[i] = len(t.steps)
		switch s := old[i]; {
		case s.Call == nsenter.Seccomp, SyncPointOf(&s) == SyncReady && c.opt.Wait:
			tracing = false
			fallthrough
		case !tracing, s.Call == nsenter.Execve, s.Call == nsenter.ExitGroup:
			t.appendPlain(s)
		default:
			t.appendTraced(s, i)
		}
	}
	for _, j := range t.jumps {
		s := &t.steps[j.step]
		if j.afterSuccess {
			s.Then = int32(t.index[j.to])
		} else {
			s.Else = int32(t.index[j.to])
		}
	}
	c.plan.Steps = t.steps
}

// Plain returns the plan without the steps of a trace: the steps that `rt plan` prints, with the same numbers.
func (p *Plan) Plain() *nsenter.Program {
	if p.plain != nil {
		return p.plain
	}
	return &p.Program
}

// IsTrace reports whether a step only traces another.
func IsTrace(s *nsenter.Step) bool { return s.To == regTrace }

// tracer is the state of an edit that adds a trace.
type tracer struct {
	ctl   nsenter.FD
	steps []nsenter.Step
	index []int // for each step of the old plan: where its steps begin in steps
	jumps []jump
}

// appendPlain appends a step unchanged.
func (t *tracer) appendPlain(s nsenter.Step) {
	if s.Then != 0 {
		t.jumps = append(t.jumps, jump{len(t.steps), label(s.Then), true})
	}
	if s.Else != 0 {
		t.jumps = append(t.jumps, jump{len(t.steps), label(s.Else), false})
	}
	t.steps = append(t.steps, s)
}

// appendTraced appends step i with what traces it.
func (t *tracer) appendTraced(s nsenter.Step, i int) {
	then, otherwise := int(s.Then), int(s.Else)
	if then == 0 {
		then = i + 1
	}
	if otherwise == 0 {
		otherwise = i + 1
	}
	if s.To == nsenter.Nowhere {
		s.To = regResult
	}
	t.appendClock(&s, traceStart)
	at := len(t.steps)
	s.Then, s.Else = 0, 0
	t.steps = append(t.steps, s)
	t.appendReport(&s, then)
	if s.Errnos.Any() {
		t.steps[at].Else = int32(len(t.steps))
		t.appendReport(&s, otherwise)
	}
}

// appendReport appends the end of the trace of s, and continues at step next of the old plan.
func (t *tracer) appendReport(s *nsenter.Step, next int) {
	t.appendClock(s, traceEnd)
	t.jumps = append(t.jumps, jump{len(t.steps), label(next), true})
	t.steps = append(t.steps, nsenter.Step{
		Call: nsenter.Writev, Args: []nsenter.Arg{
			nsenter.Num(t.ctl), nsenter.TraceOf(s.To),
			nsenter.Imm(3),
		}, To: regTrace,
		Number: s.Number, Part: s.Part, Sentence: "trace: report the step",
	})
}

// appendClock appends a step that stores the time at an offset of the scratch memory.
func (t *tracer) appendClock(s *nsenter.Step, at int) {
	t.steps = append(t.steps, nsenter.Step{
		Call: nsenter.ClockGettime, Args: []nsenter.Arg{
			nsenter.Imm(unix.CLOCK_MONOTONIC),
			nsenter.Scratch(at),
		}, To: regTrace,
		Number: s.Number, Part: s.Part, Sentence: "trace: read the clock",
	})
}
