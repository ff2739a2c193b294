package seccomp

import (
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A rule answers ret when all its conditions hold. It has at least one condition: an entry without conditions becomes a
// final leaf.
type rule struct {
	ret        uint32
	origin     int32 // index in linux.seccomp.syscalls
	conditions []condition
}

// A leaf is what is done with a call: its rules in turn, then the rest. Calls with the same leaf are one range of the
// tree.
type leaf struct {
	rules []int32 // index in ruleset.rules, most restrictive first
	rest  uint32  // what is returned when no rule holds
	final bool    // an unconditional rule decided; later rules change nothing
}

// Leaves that every ruleset has.
const (
	leafDefault = iota // the default action
	leafENOSYS         // calls newer than the profile
	leafForeign        // calls of an architecture that the profile does not list
	leafOther          // the first of those that entries make
)

// A ruleset is a checked profile, by call and not yet by architecture.
type ruleset struct {
	defaultReturn uint32 // of the default action
	rules         []rule
	leaves        []leaf
	leafOf        [nameCount]int32 // by call
	finalEntry    [nameCount]int32 // by call: the entry that made its leaf final
	named         [nameCount]bool  // by call: the profile names it
	notify        bool
	// Leaves of socketcall(2) and ipc(2) on architectures that reach other calls through them.
	socketcall, ipc int32
	// moves are the leaves that the present entry has replaced, so that its other names share the new ones.
	moves []move
}

// A move is the replacement of a leaf by another one.
type move struct{ from, to int32 }

// parseRules checks p and sorts its rules by call, for a machine whose native architecture is native. After an error
// the ruleset must not be used.
func parseRules(p *specs.LinuxSeccomp, native *architecture) (*ruleset, []string, error) {
	deny, err := parseAction(p.DefaultAction, p.DefaultErrnoRet, "linux.seccomp.defaultAction", "")
	if err != nil {
		err = setDefaultField(err, p)
	}
	s := &ruleset{defaultReturn: deny, notify: p.DefaultAction == specs.ActNotify}
	s.leaves = append(make([]leaf, 0, 32),
		leaf{rest: deny}, leaf{rest: native.enosys(), final: true}, leaf{rest: retForeign, final: true})
	s.rules = make([]rule, 0, 2*len(p.Syscalls))
	s.moves = make([]move, 0, 16)
	var warnings []string
	for i := range p.Syscalls {
		var wrong error
		warnings, wrong = s.addCall(i, &p.Syscalls[i], warnings)
		err = joinErrors(err, wrong)
	}
	if err == nil {
		s.addMultiplexers()
	}
	return s, warnings, err
}

// addCall adds linux.seccomp.syscalls[i].
func (s *ruleset) addCall(i int, call *specs.LinuxSyscall, warnings []string) ([]string, error) {
	if len(call.Names) == 0 {
		// The specification asks for a name. Recorders of profiles write such a rule for a program that made no call.
		warnings = append(warnings, entryPath(i)+".names: is empty: the rule has no effect")
	}
	ret, badAction := parseAction(call.Action, call.ErrnoRet, entryPath(i), ".errnoRet")
	conditions, badArgs := parseArgs(i, call.Args)
	if err := joinErrors(badAction, badArgs); err != nil || len(call.Names) == 0 {
		return warnings, err
	}
	if narrowed := findOutsideMask(conditions); narrowed >= 0 {
		warnings = append(warnings,
			entryPath(i)+".args["+strconv.Itoa(narrowed)+"].valueTwo: "+
				"has bits outside of the mask, which are not compared")
	}
	alternatives := s.addRules(ret, int32(i), conditions)
	for j, name := range call.Names {
		k := lookup(name)
		if k < 0 {
			warnings = append(warnings,
				entryPath(i)+".names["+strconv.Itoa(j)+"] "+strconv.Quote(name)+": no architecture of Linux "+
					TableVersion+" has this call; the rule leaves it out")
			continue
		}
		s.named[k] = true
		// A rule with the default action changes nothing and hides nothing (libseccomp refuses it, runc skips it).
		if ret != s.defaultReturn {
			from := s.leafOf[k]
			s.leafOf[k] = s.extendLeaf(from, ret, alternatives)
			if len(alternatives) == 0 && s.leafOf[k] != from {
				s.finalEntry[k] = int32(i)
			}
		}
	}
	if ret != s.defaultReturn && call.Action == specs.ActNotify {
		s.notify = true
	}
	s.moves = s.moves[:0]
	return warnings, nil
}

// addRules turns the conditions of an entry into rules and returns their indexes. Conditions on different arguments
// must all hold; if two are on the same argument, runc makes each condition a rule of its own, and profiles rely on
// that.
func (s *ruleset) addRules(ret uint32, origin int32, conditions []condition) []int32 {
	if len(conditions) == 0 || ret == s.defaultReturn {
		return nil
	}
	first := int32(len(s.rules))
	var seen [6]bool
	twice := false
	for _, c := range conditions {
		twice = twice || seen[c.arg]
		seen[c.arg] = true
	}
	if twice {
		for j := range conditions {
			s.rules = append(s.rules, rule{ret, origin, conditions[j : j+1]})
		}
	} else {
		s.rules = append(s.rules, rule{ret, origin, conditions})
	}
	out := make([]int32, 0, 2)
	for r := first; r < int32(len(s.rules)); r++ {
		out = append(out, r)
	}
	return out
}

// extendLeaf returns the leaf that from becomes with a further entry: alternatives, or unconditionally ret if there are
// none. As in libseccomp the first unconditional rule of a call is final. Among rules with conditions the more
// restrictive is tried first, as the kernel ranks filters, so their order in the profile does not matter.
func (s *ruleset) extendLeaf(from int32, ret uint32, alternatives []int32) int32 {
	if s.leaves[from].final {
		return from
	}
	for _, m := range s.moves {
		if m.from == from {
			return m.to
		}
	}
	var to int32
	if len(alternatives) == 0 {
		to = s.finalLeaf(ret)
	} else {
		old := s.leaves[from].rules
		list := append(make([]int32, 0, len(old)+len(alternatives)), old...)
		for _, r := range alternatives {
			list = s.insertRule(list, r)
		}
		s.leaves = append(s.leaves, leaf{rules: list, rest: s.defaultReturn})
		to = int32(len(s.leaves) - 1)
	}
	s.moves = append(s.moves, move{from, to})
	return to
}

// insertRule inserts rule r after those that are more restrictive, or as restrictive and earlier in the profile.
func (s *ruleset) insertRule(list []int32, r int32) []int32 {
	list = append(list, r)
	for i := len(list) - 1; i > 0 && s.precedes(list[i], list[i-1]); i-- {
		list[i], list[i-1] = list[i-1], list[i]
	}
	return list
}

// precedes reports whether rule x is tried before rule y.
func (s *ruleset) precedes(x, y int32) bool {
	a, b := &s.rules[x], &s.rules[y]
	if i, j := rank(a.ret), rank(b.ret); i != j {
		return i < j
	}
	return a.origin < b.origin
}

// finalLeaf returns the index of the leaf that always returns ret. It adds the leaf if there is none.
func (s *ruleset) finalLeaf(ret uint32) int32 {
	for i := leafOther; i < len(s.leaves); i++ {
		if s.leaves[i].final && s.leaves[i].rest == ret {
			return int32(i)
		}
	}
	s.leaves = append(s.leaves, leaf{rest: ret, final: true})
	return int32(len(s.leaves) - 1)
}

// addMultiplexers sets the leaves of socketcall(2) and ipc(2): a rule for socket(2) holds for socketcall(SYS_SOCKET)
// too. The arguments of the inner call lie in memory there and can't be seen, so a condition on the first is dropped,
// and the others compare the registers of the outer call. libseccomp does the same.
func (s *ruleset) addMultiplexers() {
	s.socketcall, s.ipc = s.leafOf[idxSocketcall], s.leafOf[idxIpc]
	for _, m := range &multiplexed {
		l := s.leafOf[m.name]
		if l == leafDefault {
			continue
		}
		into := &s.socketcall
		if m.carrier == idxIpc {
			into = &s.ipc
		}
		if s.leaves[*into].final {
			continue
		}
		s.moves = s.moves[:0]
		first := int32(len(s.rules))
		if s.leaves[l].final {
			s.rules = append(s.rules, s.multiplexedRule(rule{ret: s.leaves[l].rest, origin: s.finalEntry[m.name]}, m))
		}
		for _, r := range s.leaves[l].rules {
			s.rules = append(s.rules, s.multiplexedRule(s.rules[r], m))
		}
		added := make([]int32, 0, 8)
		for r := first; r < int32(len(s.rules)); r++ {
			added = append(added, r)
		}
		*into = s.extendLeaf(*into, 0, added)
	}
	s.moves = s.moves[:0]
}

// multiplexedRule returns r as a rule for socketcall(2) or ipc(2).
func (s *ruleset) multiplexedRule(r rule, m multiplexedCall) rule {
	list := append(make([]condition, 0, 1+len(r.conditions)), condition{arg: 0, op: opEQ, value: uint64(m.selector)})
	for _, c := range r.conditions {
		if c.arg != 0 {
			list = append(list, c)
		}
	}
	r.conditions = list
	return r
}
