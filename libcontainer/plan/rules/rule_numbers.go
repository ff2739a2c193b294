package rules

import "rt/nsenter"

// usesOpenNumbers is rule R6. The kernel gives the lowest free number to a new descriptor: a register that still holds
// the number of a closed one names whatever was opened since. A second close would close that.
func usesOpenNumbers(w *Walk, _ int, s *nsenter.Step) string {
	for k := range s.Args {
		if r, ok := s.Args[k].Reg(); ok && w.State.Closed.has(r) {
			return "it uses $" + w.Regs[r] + ", whose descriptor may be closed"
		}
	}
	return ""
}
