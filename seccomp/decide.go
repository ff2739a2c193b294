package seccomp

import "github.com/opencontainers/runtime-spec/specs-go"

// Verdict is what a profile says of a call, and why.
type Verdict struct {
	Return uint32 // SECCOMP_RET_*; ActionText names it
	// Entry is the index in linux.seccomp.syscalls that decides, or -1.
	Entry int
	Why   string // the entry or the default, in words
	Steps int    // instructions that the program executes
}

// decide is the meaning of a profile, told without BPF and without the tables that the compiler builds: it reads the profile again
// from its start. Tests compare every program with it.
func decide(p *specs.LinuxSeccomp, list []*architecture, call *Call) Verdict {
	deny, _ := parseAction(p.DefaultAction, p.DefaultErrnoRet, "", "")
	m := owner(list, call)
	if m == nil {
		if call.Audit == archs[0].audit && call.Number == 0xffffffff && listed(list, call.Audit) {
			return Verdict{Return: deny, Entry: -1, Why: "linux.seccomp.defaultAction: -1 is a call that a tracer skips"}
		}
		return Verdict{Return: retForeign, Entry: -1, Why: "linux.seccomp.architectures does not list the architecture of the call"}
	}
	name := m.nameOf(call.Number)
	if v, ok := byEntries(p, m, name, call, deny); ok {
		return v
	}
	if !permissive(deny) && newerThanNamed(p, m, call.Number) {
		return Verdict{Return: retENOSYS, Entry: -1, Why: "the call is newer than every call that the profile names: ENOSYS, so that the program tries an older one"}
	}
	return Verdict{Return: deny, Entry: -1, Why: "linux.seccomp.defaultAction: no entry of linux.seccomp.syscalls matches"}
}

// owner is the listed architecture to which the call belongs.
func owner(list []*architecture, call *Call) *architecture {
	for _, m := range list {
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

func listed(list []*architecture, audit uint32) bool {
	for _, m := range list {
		if m.audit == audit {
			return true
		}
	}
	return false
}

// byEntries finds the entry that decides: the first unconditional one, else the most restrictive whose conditions hold.
func byEntries(p *specs.LinuxSeccomp, m *architecture, name string, call *Call, deny uint32) (Verdict, bool) {
	if name == "" {
		return Verdict{}, false
	}
	best := Verdict{Entry: -1}
	for i := range p.Syscalls {
		e := &p.Syscalls[i]
		ret, err := parseAction(e.Action, e.ErrnoRet, "", "")
		if err != nil || ret == deny {
			continue
		}
		conditions, _ := parseArgs(i, e.Args)
		for _, n := range e.Names {
			if n == name && len(conditions) == 0 {
				return Verdict{Return: ret, Entry: i, Why: at(i) + ": every " + name}, true
			}
		}
	}
	for i := range p.Syscalls {
		e := &p.Syscalls[i]
		ret, err := parseAction(e.Action, e.ErrnoRet, "", "")
		if err != nil || ret == deny {
			continue
		}
		for _, n := range e.Names {
			if entryHolds(p, i, n, name, m, call) && (best.Entry < 0 || rank(ret) < rank(best.Return)) {
				best = Verdict{Return: ret, Entry: i, Why: at(i) + ": the arguments of " + name + " match"}
			}
		}
	}
	return best, best.Entry >= 0
}

// entryHolds says whether entry i, which names the call n, is true of a call of name.
func entryHolds(p *specs.LinuxSeccomp, i int, n, name string, m *architecture, call *Call) bool {
	conditions, _ := parseArgs(i, p.Syscalls[i].Args)
	through := uint16(0)
	if n != name {
		if through = carries(name, n); through == 0 || !m.muxed || overruled(p, i, n) {
			return false
		}
		first := condition{op: opEQ, value: uint64(through)}
		if !first.holds(call.Args[0], m.narrow) {
			return false
		}
	}
	var seen [6]int
	for _, c := range conditions {
		seen[c.arg]++
	}
	alternatives := false
	for _, k := range seen {
		alternatives = alternatives || k > 1
	}
	for j := range conditions {
		c := &conditions[j]
		holds := through != 0 && c.arg == 0 || c.holds(call.Args[c.arg], m.narrow)
		if holds == alternatives {
			return alternatives
		}
	}
	return !alternatives
}

// carries is the first argument with which carrier is the call n; 0 if it does not carry it.
func carries(carrier, n string) uint16 {
	for _, x := range mux {
		if nameAt(int(x.name)) == n && nameAt(int(x.into)) == carrier {
			return x.call
		}
	}
	return 0
}

// overruled says that the call n has an unconditional entry other than i.
func overruled(p *specs.LinuxSeccomp, i int, n string) bool {
	deny, _ := parseAction(p.DefaultAction, p.DefaultErrnoRet, "", "")
	for k := range p.Syscalls {
		e := &p.Syscalls[k]
		ret, _ := parseAction(e.Action, e.ErrnoRet, "", "")
		if len(e.Args) != 0 || ret == deny {
			continue
		}
		for _, m := range e.Names {
			if m == n {
				return k != i
			}
		}
	}
	return false
}

// newerThanNamed says that nr is above every call of m that the profile names or reaches through socketcall(2) or ipc(2).
func newerThanNamed(p *specs.LinuxSeccomp, m *architecture, nr uint32) bool {
	deny, _ := parseAction(p.DefaultAction, p.DefaultErrnoRet, "", "")
	any := false
	for i := range p.Syscalls {
		ret, _ := parseAction(p.Syscalls[i].Action, p.Syscalls[i].ErrnoRet, "", "")
		for _, n := range p.Syscalls[i].Names {
			k := lookup(n)
			if k < 0 {
				continue
			}
			own, ok := m.number(k)
			for _, x := range mux {
				if m.muxed && int(x.name) == k && ret != deny {
					via, there := m.number(int(x.into))
					if there && (!ok || via > own) {
						own, ok = via, true
					}
				}
			}
			any = any || ok
			if ok && nr <= own {
				return false
			}
		}
	}
	return any
}
