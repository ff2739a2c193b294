// Package rules proves of a compiled plan that it keeps the rules of docs/security.md, before it becomes a boot image.
//
// Check walks over the steps once. It holds what may be true of the boot process in front of each step: which
// descriptors may be open and what they may lead to, whose files "/" and the working directory are, who may see the
// process, and which rights it may have. Where two ways meet, what may be true on either of them may be true (a forward
// data flow analysis; jumps only go forward, so one walk is enough). Each rule is asked about each step.
//
// A breach is a mistake of rt's, never of the config: there is no config that makes the compiler write such a plan, or
// so it should be.
//
// To add a rule: write a function of the kind of Rule.Check in a file of its own, and a row for it in table. State is
// there to be read; what a rule wants to know of the past and State does not hold yet is added to State, to what calls
// do to it (effects.go), and to how two states meet (State.meet).
package rules

import (
	"strconv"

	"rt/nsenter"
)

// Rule is one rule.
type Rule struct {
	ID   string // as in docs/security.md
	Text string // what holds, in one sentence
	// Check returns what step i, before which w.State holds, does against the rule; "" is nothing.
	Check func(w *Walk, i int, s *nsenter.Step) string
}

// table is all rules.
var table = [...]Rule{
	{
		"R1",
		"nothing is open that leads anywhere while a path of the image is resolved through magic links, or when a " +
			"container first sees the process",
		nothingOpen,
	},
	{"R2", "what rt attaches of the host's by itself is read-only, nosuid and noexec", lent},
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
}

// Subject is a plan to be checked.
type Subject struct {
	*nsenter.Program
	// Harmless are the descriptors of Program.FDs by which nothing can be found: sockets, and sealed copies without a
	// directory.
	Harmless []bool
	// Joining says that the plan brings a process into a container that is there, which so may hold hostile processes.
	Joining bool
	// Trusting says that processes in a pid namespace that the plan joins are trusted, as far as they may trace others:
	// this kernel, or the config, leaves no way to keep the rights of a process from them.
	Trusting bool
	// Rootfs is the path of the host's at which the root file system lies; "" if the plan does not look for it.
	Rootfs string
	// Rights are those of the program; nil if the plan ends without one.
	Rights *Rights
}

// Rights is what the program at the end may have.
type Rights struct {
	Bounding, Permitted, Effective uint64
	// Extra are capabilities that a joining process can't do without before it is the program: to load a filter that
	// forbids what comes before that.
	Extra              uint64
	NoNewPrivs, Filter bool
}

// Breach is a rule that a plan breaks.
type Breach struct {
	Rule *Rule
	Step int    // its number, from 1
	Text string // the step, as `rt plan` prints it
	What string
}

func (b *Breach) Error() string {
	return "rt has made a plan that breaks its rule " + b.Rule.ID + " (" + b.Rule.Text +
		"), and does not carry it out: step " +
		strconv.Itoa(
			b.Step,
		) + ", " + b.Text + ": " + b.What
}

// Check returns the first breach of a rule, or nil.
func Check(subject *Subject) error {
	w := Walk{Subject: subject, pending: make([]*State, len(subject.Steps)+1)}
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

// Walk is a walk over a plan.
type Walk struct {
	*Subject
	State   *State   // what may be true before the step
	pending []*State // the same of steps to come, as far as it is known
	spare   []*State // states that are done with
	at      int      // the step that the walk is at
	mounted []string // paths of the container's on which the plan may have attached a mount so far
}

// leave hands what is true behind step i on to the steps that may come next.
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
		failed.failed(w, s)
		w.goTo(otherwise, failed)
	}
	if succeeds {
		state.succeeded(w, s)
		w.goTo(then, state)
	} else if !fails {
		w.spare = append(w.spare, state)
	}
}

// goTo adds a way that leads to step i.
func (w *Walk) goTo(i int, state *State) {
	if w.pending[i] == nil {
		w.pending[i] = state
		return
	}
	w.pending[i].meet(state)
	w.spare = append(w.spare, state)
}

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
