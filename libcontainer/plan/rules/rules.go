// Package rules proves that a compiled plan follows the rules of docs/security.md, before it becomes a boot image.
//
// Check walks over the steps once. In front of each step it knows what may be true of the boot process: which
// descriptors may be open and what they may lead to, whether "/" and the working directory are the host's or the
// container's, who may see the process, and which rights it may have. Where two paths through the plan meet, everything
// that may be true on either of them may be true (a forward data flow analysis; jumps only go forward, so one walk is
// enough). Each rule checks each step.
//
// A breach is a bug of rt, never of the config: no config should make the compiler write such a plan.
//
// To add a rule: write a function with the type of Rule.Check in a file of its own, and add a row for it to table. It
// reads State. Knowledge that State lacks is added to State, to the effects of calls (effects.go), and to the union of
// two states (State.meet).
package rules

import (
	"strconv"

	"rt/internal/sys"
	"rt/nsenter"
)

// Rule is one rule.
type Rule struct {
	ID   string // as in docs/security.md
	Text string // what holds, in one sentence
	// Check returns what step i, in front of which w.State holds, breaks of the rule; "" is nothing.
	Check func(w *Walk, i int, s *nsenter.Step) string
}

// table has all rules.
var table = [...]Rule{
	{
		"R1",
		"nothing is open that leads anywhere while a path of the image is resolved through magic links, or when a " +
			"container first sees the process",
		nothingOpen,
	},
	{"R2", "what rt attaches of the host's by itself is read-only, nosuid and noexec", restrictsHostMounts},
	{"R3", "a process that a container may see is not dumpable", notDumpable},
	{
		"R4",
		"the program gets no more rights than the config gives it, and a joining process has no more when it is " +
			"first seen",
		rights,
	},
	{
		"R5",
		"what lies in the container is changed by the descriptor that found or made it, and not looked up a " +
			"second time",
		namesOnce,
	},
	{"R6", "no step uses the number of a descriptor that was closed: another one may have it", usesOpenNumbers},
}

// Subject is a plan to be checked.
type Subject struct {
	*nsenter.Program
	// Harmless are the descriptors of Program.FDs by which nothing can be found: sockets, and sealed copies without a
	// directory.
	Harmless []bool
	// Joining says that the plan brings a process into an existing container, which may contain hostile processes.
	Joining bool
	// Trusting says that processes in a pid namespace that the plan joins are trusted, as far as they may trace others:
	// this kernel, or the config, leaves no way to keep the rights of a process from them.
	Trusting bool
	// Rootfs is the path on the host of the root file system; "" if the plan does not look it up.
	Rootfs string
	// Rights are those of the program; nil if the plan ends without one.
	Rights *Rights
}

// Rights are the rights that the program may have.
type Rights struct {
	Bounding, Permitted, Effective uint64
	// Extra are capabilities that a joining process needs before it executes the program: to load a filter that forbids
	// the calls before that.
	Extra              uint64
	NoNewPrivs, Filter bool
}

// Breach is a rule that a plan breaks.
type Breach struct {
	Rule *Rule
	Step int    // its number, from 1
	Text string // the step, as `rt plan` prints it
	What string // what the step does that the rule forbids
}

// Error names the rule, the step and what it breaks.
func (b *Breach) Error() string {
	return "rt has made a plan that breaks its rule " + b.Rule.ID + " (" + b.Rule.Text +
		"), and does not execute it: step " +
		strconv.Itoa(b.Step) + ", " + b.Text + ": " + b.What
}

// Check returns the first breach of a rule, a *Breach, or nil.
func Check(subject *Subject) error {
	w := Walk{Subject: subject, pending: make([]*State, len(subject.Steps)+1), mounted: sys.Latest{}}
	w.pending[0] = start(subject)
	for i := range subject.Steps {
		if w.State = w.pending[i]; w.State == nil {
			continue // no way leads here
		}
		s := &subject.Steps[i]
		w.at = i
		for r := range table {
			if what := table[r].Check(&w, i, s); what != "" {
				return &Breach{&table[r], i + 1, subject.Text(i), what}
			}
		}
		w.leave(i, s)
	}
	return nil
}

// Walk is a walk over the steps of a plan.
type Walk struct {
	*Subject
	State   *State     // what may be true before the step
	pending []*State   // the same of steps to come, as far as it is known
	spare   []*State   // states that are no longer needed
	at      int        // the step that the walk is at
	mounted sys.Latest // paths of the container's on which the plan may have attached a mount so far, by step
}

// leave passes the state behind step i to the steps that may come next.
func (w *Walk) leave(i int, s *nsenter.Step) {
	then, otherwise := int(s.Then), int(s.Else)
	if then == 0 {
		then = i + 1
	}
	if otherwise == 0 {
		otherwise = i + 1
	}
	fails := s.Errnos.Any()
	succeeds := s.Call != nsenter.ExitGroup && s.Call != nsenter.Execve && s.Call != nsenter.Execveat
	state := w.State
	if fails {
		failed := state
		if succeeds {
			failed = w.copyOf(state)
		}
		failed.applyFailure(w, s)
		w.goTo(otherwise, failed)
	}
	if succeeds {
		state.applySuccess(w, s)
		w.goTo(then, state)
	} else if !fails {
		w.spare = append(w.spare, state)
	}
}

// goTo adds a path to step i.
func (w *Walk) goTo(i int, state *State) {
	if w.pending[i] == nil {
		w.pending[i] = state
		return
	}
	w.pending[i].meet(state)
	w.spare = append(w.spare, state)
}

// copyOf returns a copy of a state, in the memory of one that is no longer needed if there is one.
func (w *Walk) copyOf(state *State) *State {
	if n := len(w.spare); n > 0 {
		s := w.spare[n-1]
		w.spare = w.spare[:n-1]
		*s = *state
		return s
	}
	s := *state
	return &s
}
