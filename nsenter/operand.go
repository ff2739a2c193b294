package nsenter

// The methods of this file are for checkers of programs, such as package rules.

// Known returns the value of an operand that is fixed before the program runs: a number, or that of a fixed descriptor.
func (p *Program) Known(a *Arg) (uint64, bool) {
	switch a.kind {
	case argImm:
		return a.val, true
	case argFD:
		return uint64(p.Number(FD(a.val))), true
	}
	return 0, false
}

// Reg returns the register whose value the operand is.
func (a *Arg) Reg() (Reg, bool) { return Reg(a.val), a.kind == argReg }

// Text returns the string that the operand points to.
func (a *Arg) Text() (string, bool) {
	if a.kind != argString {
		return "", false
	}
	return a.text(), true
}

// Bytes returns the structure that the operand points to, as it is before its references are filled in.
func (a *Arg) Bytes() (string, bool) {
	if a.kind != argData {
		return "", false
	}
	return a.more().bytes, true
}

// Forks reports whether the step creates a process, which continues with the result 0.
func (s *Step) Forks() bool { return s.Call == Clone || s.Call == Clone3 }

// IsCwd reports whether the operand is AT_FDCWD.
func (a *Arg) IsCwd() bool { return a.kind == argImm && a.val == atFdcwd }
