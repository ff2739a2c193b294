package seccomp

import "github.com/opencontainers/runtime-spec/specs-go"

// Verdict is what a profile does with a call, and why.
type Verdict struct {
	Return uint32 // SECCOMP_RET_*; ActionText names it
	// Entry is the index in linux.seccomp.syscalls that decides, or -1.
	Entry int
	Why   string // the entry or the default, in words
	Steps int    // instructions that the program executes
}

// A reading is a profile as a person reads it: entries in their order, by name, without numbers, leaves or BPF. Its
// method decide is a second implementation of the meaning of a profile, with which tests compare every program.
type reading struct {
	defaultReturn uint32 // of the default action
	archs         []*architecture
	entries       []readEntry // without those whose action is the default action
	named         map[string]bool
	newest        map[*architecture]int64 // the largest number that the profile names; -1 if none
}

// A readEntry is an entry of linux.seccomp.syscalls in a reading.
type readEntry struct {
	index        int
	ret          uint32
	names        map[string]bool
	conditions   []condition
	alternatives bool // the conditions are alternatives: two are on one argument
}

// readProfile reads p, which Compile has accepted.
func readProfile(p *specs.LinuxSeccomp, list []*architecture) *reading {
	r := &reading{archs: list, named: make(map[string]bool), newest: make(map[*architecture]int64)}
	r.defaultReturn, _ = parseAction(p.DefaultAction, p.DefaultErrnoRet, "", "")
	for i := range p.Syscalls {
		e := readEntry{index: i, names: make(map[string]bool)}
		e.ret, _ = parseAction(p.Syscalls[i].Action, p.Syscalls[i].ErrnoRet, "", "")
		e.conditions, _ = parseArgs(i, p.Syscalls[i].Args)
		times := make(map[uint8]int)
		for _, c := range e.conditions {
			times[c.arg]++
			e.alternatives = e.alternatives || times[c.arg] > 1
		}
		for _, n := range p.Syscalls[i].Names {
			e.names[n] = true
			r.named[n] = true
		}
		if e.ret != r.defaultReturn {
			r.entries = append(r.entries, e)
		}
	}
	for _, m := range list {
		r.newest[m] = r.newestNumber(m)
	}
	return r
}

// newestNumber returns the largest number on m of a call that the profile names, or that it reaches through
// socketcall(2) or ipc(2).
func (r *reading) newestNumber(m *architecture) int64 {
	newest := int64(-1)
	for i := range nameCount {
		nr, ok := m.number(i)
		if !ok || int64(nr) <= newest {
			continue
		}
		name := nameAt(i)
		reached := r.named[name]
		for _, x := range multiplexed {
			reached = reached || m.mux && nameAt(int(x.carrier)) == name && r.hasOwnAction(nameAt(int(x.name)))
		}
		if reached {
			newest = int64(nr)
		}
	}
	return newest
}

// hasOwnAction reports whether some entry has another action for a call than the default.
func (r *reading) hasOwnAction(name string) bool {
	for i := range r.entries {
		if r.entries[i].names[name] {
			return true
		}
	}
	return false
}

// decide returns what the profile does with a call.
func (r *reading) decide(call *Call) Verdict {
	m := r.architectureOf(call)
	if m == nil {
		if call.Audit == archs[0].audit && call.Number == 0xffffffff && r.isListed(call.Audit) {
			return Verdict{
				Return: r.defaultReturn, Entry: -1,
				Why: "linux.seccomp.defaultAction: -1 is a call that a tracer skips",
			}
		}
		return Verdict{
			Return: retForeign, Entry: -1,
			Why: "linux.seccomp.architectures does not list the architecture of the call",
		}
	}
	if v, ok := r.decideByEntries(m, m.nameOf(call.Number), call); ok {
		return v
	}
	if newest := r.newest[m]; !isPermissive(r.defaultReturn) && newest >= 0 && int64(call.Number) > newest {
		return Verdict{
			Return: r.archs[0].enosys(), Entry: -1,
			Why: "the call is newer than every call that the profile names: ENOSYS, so that the program tries an " +
				"older one",
		}
	}
	return Verdict{
		Return: r.defaultReturn, Entry: -1,
		Why: "linux.seccomp.defaultAction: no entry of linux.seccomp.syscalls matches",
	}
}

// architectureOf returns the listed architecture to which the call belongs.
func (r *reading) architectureOf(call *Call) *architecture {
	for _, m := range r.archs {
		if m.audit != call.Audit {
			continue
		}
		if m.audit == archs[0].audit && (call.Number >= x32Bit) != (m.base == x32Bit) {
			continue
		}
		return m
	}
	return nil
}

// isListed reports whether the profile lists an architecture with this AUDIT_ARCH.
func (r *reading) isListed(audit uint32) bool {
	for _, m := range r.archs {
		if m.audit == audit {
			return true
		}
	}
	return false
}

// decideByEntries returns what the entries of the profile do with a call, and whether one decides: the first
// unconditional one, else the most restrictive one whose conditions hold.
func (r *reading) decideByEntries(m *architecture, name string, call *Call) (Verdict, bool) {
	if name == "" {
		return Verdict{}, false
	}
	if e := r.unconditional(name); e != nil {
		return Verdict{Return: e.ret, Entry: e.index, Why: entryPath(e.index) + ": every " + name}, true
	}
	var best *readEntry
	for i := range r.entries {
		e := &r.entries[i]
		if best != nil && rank(e.ret) >= rank(best.ret) {
			continue
		}
		if e.names[name] && e.holds(call, m.narrow, false) || r.holdsThrough(e, m, name, call) {
			best = e
		}
	}
	if best == nil {
		return Verdict{}, false
	}
	return Verdict{
		Return: best.ret, Entry: best.index,
		Why: entryPath(best.index) + ": the arguments of " + name + " match",
	}, true
}

// unconditional returns the first entry without conditions that names a call, or nil.
func (r *reading) unconditional(name string) *readEntry {
	for i := range r.entries {
		if e := &r.entries[i]; len(e.conditions) == 0 && e.names[name] {
			return e
		}
	}
	return nil
}

// holdsThrough reports whether e matches the inner call of name, which is socketcall or ipc.
func (r *reading) holdsThrough(e *readEntry, m *architecture, name string, call *Call) bool {
	if !m.mux {
		return false
	}
	for _, x := range multiplexed {
		inner := nameAt(int(x.name))
		if nameAt(int(x.carrier)) != name || !e.names[inner] {
			continue
		}
		if s := r.unconditional(inner); s != nil && s != e {
			continue // e does not decide about the inner call
		}
		first := condition{op: opEQ, value: uint64(x.selector)}
		if first.holds(call.Args[0], m.narrow) && e.holds(call, m.narrow, true) {
			return true
		}
	}
	return false
}

// holds reports whether the conditions of e hold. through ignores those on the first argument, which stands for the
// inner call there.
func (e *readEntry) holds(call *Call, narrow, through bool) bool {
	for i := range e.conditions {
		c := &e.conditions[i]
		is := through && c.arg == 0 || c.holds(call.Args[c.arg], narrow)
		if is == e.alternatives {
			return is
		}
	}
	return !e.alternatives
}
