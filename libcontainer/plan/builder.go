package plan

import (
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// builder appends the steps of a plan.
//
// Each step is a system call. Its outcome is stored in a register, ignored, or leads to a later step: see step.
type builder struct {
	plan     Plan
	part     uint8         // the index of the current part's heading in plan.Parts
	operands []nsenter.Arg // a block that the operands of several steps share
	labels   []int         // for each label the index of the step that it stands for
	jumps    []jump
}

// label stands for a later step: newLabel returns one, and mark says which step it is.
type label int32

// jump is a step that goes to a label: after a success, or after an expected failure.
type jump struct {
	step         int
	to           label
	afterSuccess bool
}

// newLabel returns a label. A later call of mark says which step it stands for.
func (c *builder) newLabel() label {
	c.labels = append(c.labels, -1)
	return label(len(c.labels) - 1)
}

// mark makes l stand for the next step.
func (c *builder) mark(l label) { c.labels[l] = len(c.plan.Steps) }

// resolve turns labels into the indices of steps. A jump to the next step is no jump.
func (c *builder) resolve() {
	for _, j := range c.jumps {
		target := c.labels[j.to]
		if target <= j.step || target >= len(c.plan.Steps) {
			panic("plan: step " + strconv.Itoa(j.step+1) + " jumps to a label that marks no later step")
		}
		s := &c.plan.Steps[j.step]
		if j.afterSuccess {
			s.Then = int32(target)
		} else {
			s.Else = int32(target)
		}
	}
	c.jumps = nil
	for i := range c.plan.Steps {
		c.plan.Steps[i].Number = int32(i + 1)
	}
}

// step is a step that call has appended. Its methods say what the outcomes of the call mean.
type step struct {
	b     *builder
	index int
}

// begin begins a part of the plan, with the heading under which its steps are printed.
func (c *builder) begin(part string) {
	i := slices.Index(c.plan.Parts, part)
	if i < 0 {
		i = len(c.plan.Parts)
		c.plan.Parts = append(c.plan.Parts, part)
	}
	c.part = uint8(i)
}

// call appends a step. sentence says what it is for, origin which field of the config requires it.
func (c *builder) call(origin, sentence string, call nsenter.Call, args ...nsenter.Arg) step {
	// All operands share a few large blocks: an allocation for each step would touch twice the memory, and new memory
	// is what costs.
	if cap(c.operands)-len(c.operands) < len(args) {
		c.operands = make([]nsenter.Arg, 0, 256)
	}
	first := len(c.operands)
	c.operands = append(c.operands, args...)
	// A variable of their own: args itself must not escape, or the compiler of Go would put the arguments of each call
	// on the heap.
	own := c.operands[first:len(c.operands):len(c.operands)]
	c.plan.Steps = append(c.plan.Steps, nsenter.Step{
		Call: call, Args: own, Origin: origin, Sentence: sentence, Part: c.part,
	})
	return c.lastStep()
}

// lastStep returns the step that was appended last.
func (c *builder) lastStep() step { return step{c, len(c.plan.Steps) - 1} }

// row returns the step in the plan.
func (s step) row() *nsenter.Step { return &s.b.plan.Steps[s.index] }

// into stores the result in r.
func (s step) into(r nsenter.Reg) step {
	s.row().To = r
	return s
}

// ignore makes failures with errnos successes.
func (s step) ignore(errnos ...unix.Errno) step {
	s.row().Errnos = nsenter.ErrnosOf(errnos...)
	return s
}

// onErrno goes to l after a failure with one of errnos.
func (s step) onErrno(l label, errnos ...unix.Errno) step {
	s.row().Errnos = nsenter.ErrnosOf(errnos...)
	s.b.jumps = append(s.b.jumps, jump{s.index, l, false})
	return s
}

// then goes to l after a success.
func (s step) then(l label) step {
	s.b.jumps = append(s.b.jumps, jump{s.index, l, true})
	return s
}

// atLeast makes a result below n a failure.
func (s step) atLeast(n int32) step {
	s.row().Min = n
	return s
}

// retry repeats the call up to 255 times after EAGAIN: openat2(2) fails so while others rename directories.
func (s step) retry() step {
	s.row().Again = 255
	return s
}

// sync makes the step a sync point at which the supervisor does what the sentences say.
func (s step) sync(point SyncPoint, does ...string) step {
	s.row().Sync = &nsenter.SyncDetail{Point: point, Does: does}
	return s
}

// about sets the path in the container that a sync point is about.
func (s step) about(path string) step {
	s.row().Sync.Path = path
	return s
}

// findFile returns the descriptor of the first file for which is returns true, and whether there is one.
func (c *builder) findFile(is func(*File) bool) (nsenter.FD, bool) {
	for i := range c.plan.Files {
		if is(&c.plan.Files[i]) {
			return nsenter.FD(i), true
		}
	}
	return 0, false
}
