package rules

import "rt/nsenter"

// State is what may be true of the boot process between two steps.
type State struct {
	Regs   [nsenter.MaxReg]Descriptor
	Opened nsenter.Reg // the last register that ever held a descriptor
	numbers
	Root Side // whose files "/" is among
	Cwd  Side // and the working directory
	// Joined says that the process may be in a user namespace that others are in already, or that its next children may
	// be in such a pid namespace.
	Joined bool
	Pids   bool // its children may be born in a pid namespace that others are in already
	Users  bool // certainly in another user namespace than rt
	Seen   bool // a process of a container may see this one
	Hidden bool // certainly not dumpable
	Rights held // what this process may do at most
	// CwdAgain and DupAgain: the working directory, or a fixed descriptor, may be what a second look-up of a path has
	// found: see Descriptor.Again.
	CwdAgain, DupAgain bool
	CwdLookup          int32 // as Descriptor.Lookup, of the working directory

	Loaded  bool // a seccomp filter is certainly loaded
	Secured bool // no_new_privs is certainly set
}

// numbers says which descriptors may be open, in addition to those in registers, and which are closed.
type numbers struct {
	Lost   Where     // descriptors that no register holds any more, and that may be open
	Leaked bool      // what rt's caller left open may be open
	Fixed  span      // numbers of Program.FDs that may be open and are not harmless
	Holes  span      // numbers of Program.FDs that were closed: the next descriptor may get one
	Closed registers // those that may hold the number of a descriptor that was closed since
}

// registers is a set of registers.
type registers [nsenter.MaxReg/64 + 1]uint64

func (r *registers) add(reg nsenter.Reg)      { r[reg/64] |= 1 << (reg % 64) }
func (r *registers) remove(reg nsenter.Reg)   { r[reg/64] &^= 1 << (reg % 64) }
func (r *registers) has(reg nsenter.Reg) bool { return r[reg/64]&(1<<(reg%64)) != 0 }

// held are the most rights that a process may have.
type held struct{ Bounding, Permitted, Effective uint64 }

const everything = ^uint64(0)

// Side says to whom a directory may belong: to the host, the container, or either, where two paths have met.
type Side uint8

// The sides.
const (
	Host Side = 1 << iota
	Container
)

// Where says which numbers a descriptor may have.
type Where uint8

// The zero Where is that of a descriptor that is not open.
const (
	Above Where = 1 << iota // a number above Program.Ctl
	Among                   // a number among those of Program.FDs, where one was closed before
)

// Descriptor is what a register may hold.
type Descriptor struct {
	// Lookup is 1 more than the index of the step that has found it by a path of the container's, 0 if none has.
	Lookup int32
	Where  Where
	Kind   Kind
	Again  bool // may be what was found by a path on which the plan has attached a mount before
	Bare   bool // may be a mount of the host's that the config does not ask for, and that is not restricted yet
}

// Kind is what a descriptor is.
type Kind uint8

// The kinds, from the fewest to the most files that a path from there may reach. Nothing can be reached from an
// Anonymous one: a socket, a listener of seccomp.
const (
	Anonymous   Kind = iota
	NewMount         // made by this process
	OfHost           // a file of the host's
	HostMount        // a copy of a mount of the host's
	OfContainer      // the root file system, and what was found in it
)

// span is a range of numbers; empty if last < first.
type span struct{ first, last int }

var none = span{first: 1 << 30, last: -1}

func (s span) empty() bool { return s.last < s.first }

func (s span) with(t span) span { return span{min(s.first, t.first), max(s.last, t.last)} }

// without removes t if that leaves one range.
func (s span) without(t span) span {
	switch {
	case t.first <= s.first && t.last >= s.last:
		return none
	case t.first <= s.first && t.last >= s.first:
		s.first = t.last + 1
	case t.last >= s.last && t.first <= s.last:
		s.last = t.first - 1
	}
	return s
}

// start returns the state in front of the first step.
func start(w *Subject) *State {
	s := &State{
		numbers: numbers{Leaked: true, Fixed: none, Holes: none},
		Root:    Host, Cwd: Host, Joined: w.Joining,
		Rights: held{everything, everything, everything},
	}
	for i := range w.FDs {
		if fd := nsenter.FD(i); fd != w.Ctl && (i >= len(w.Harmless) || !w.Harmless[i]) {
			s.Fixed = s.Fixed.with(span{w.Number(fd), w.Number(fd)})
		}
	}
	return s
}

// meet makes s the union of s and t: what may be true where their paths meet.
func (s *State) meet(t *State) {
	s.Opened = max(s.Opened, t.Opened)
	for i := range s.Regs[:s.Opened+1] {
		a, b := &s.Regs[i], &t.Regs[i]
		switch {
		case b.Where == 0:
		case a.Where == 0:
			*a = *b
		default:
			a.Where |= b.Where
			a.Kind = max(a.Kind, b.Kind)
			a.Bare, a.Again = a.Bare || b.Bare, a.Again || b.Again
			a.Lookup = max(a.Lookup, b.Lookup)
		}
	}
	for i := range s.Closed {
		s.Closed[i] |= t.Closed[i]
	}
	s.Lost |= t.Lost
	s.Leaked = s.Leaked || t.Leaked
	s.Fixed, s.Holes = s.Fixed.with(t.Fixed), s.Holes.with(t.Holes)
	s.Root, s.Cwd = s.Root|t.Root, s.Cwd|t.Cwd
	s.CwdAgain, s.DupAgain = s.CwdAgain || t.CwdAgain, s.DupAgain || t.DupAgain
	s.CwdLookup = max(s.CwdLookup, t.CwdLookup)
	s.Joined, s.Seen = s.Joined || t.Joined, s.Seen || t.Seen
	s.Pids, s.Users = s.Pids || t.Pids, s.Users && t.Users
	s.Hidden, s.Loaded, s.Secured = s.Hidden && t.Hidden, s.Loaded && t.Loaded, s.Secured && t.Secured
	s.Rights.Bounding |= t.Rights.Bounding
	s.Rights.Permitted |= t.Rights.Permitted
	s.Rights.Effective |= t.Rights.Effective
}

// put stores a descriptor, or none, in register r.
func (s *State) put(r nsenter.Reg, d Descriptor) {
	if r == nsenter.Nowhere {
		s.Lost |= d.Where
		return
	}
	s.Lost |= s.Regs[r].Where
	s.Regs[r] = d
	s.Closed.remove(r)
	if d.Where != 0 {
		s.Opened = max(s.Opened, r)
	}
}

// storeDescriptor stores a descriptor that was just opened in register r.
func (s *State) storeDescriptor(r nsenter.Reg, kind Kind) {
	d := Descriptor{Where: Above, Kind: kind}
	if !s.Holes.empty() {
		d.Where |= Among
	}
	s.put(r, d)
}
