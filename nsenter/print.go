package nsenter

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Text returns step i of p as strace(1) would show it, with names where strace has numbers, and the step that follows
// each outcome:
//
//	openat2($root, "data", {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT}) -> $target, on ENOENT to 14
func (p *Program) Text(i int) string {
	s := &p.Steps[i]
	var b strings.Builder
	b.WriteString(s.Call.String())
	b.WriteByte('(')
	for k := range s.Args {
		if k > 0 {
			b.WriteString(", ")
		}
		p.writeArg(&b, &s.Args[k])
	}
	b.WriteByte(')')
	if s.To != Nowhere {
		b.WriteString(" -> $")
		b.WriteString(p.regName(s.To))
	}
	p.writeOutcome(&b, i)
	return b.String()
}

// writeOutcome appends what happens after step i, unless it is simply the next step or the end.
func (p *Program) writeOutcome(b *strings.Builder, i int) {
	s := &p.Steps[i]
	if s.Then != 0 && int(s.Then) != i+1 {
		b.WriteString(", then to ")
		b.WriteString(p.number(int(s.Then)))
	}
	if s.Errnos.Any() {
		var words []string
		for _, errno := range s.Errnos.All() {
			words = append(words, errnoWord(errno, s.Min))
		}
		if s.Else == 0 || int(s.Else) == i+1 && s.Then == 0 {
			b.WriteString(", ignore ")
			b.WriteString(strings.Join(words, " "))
		} else {
			b.WriteString(", on ")
			b.WriteString(strings.Join(words, " "))
			b.WriteString(" to ")
			b.WriteString(p.number(int(s.Else)))
		}
	} else if s.Min > 0 {
		b.WriteString(", at least ")
		b.WriteString(strconv.Itoa(int(s.Min)))
	}
	if s.Fault != 0 {
		b.WriteString(", FAULT ")
		b.WriteString(unix.ErrnoName(s.Fault))
	}
}

// number returns the number of step i as the plan prints it.
func (p *Program) number(i int) string {
	if n := p.Steps[i].Number; n != 0 {
		return strconv.Itoa(int(n))
	}
	return strconv.Itoa(i + 1)
}

// errnoWord returns the name of errno. Short is named after the results for which it stands.
func errnoWord(errno unix.Errno, least int32) string {
	switch {
	case errno == Short && least == 1:
		return "0"
	case errno == Short:
		return "less than " + strconv.Itoa(int(least))
	}
	return unix.ErrnoName(errno)
}

// regName returns the name of a register.
func (p *Program) regName(r Reg) string {
	if int(r) < len(p.Regs) {
		return p.Regs[r]
	}
	return "r" + strconv.Itoa(int(r))
}

// writeArg appends one operand.
func (p *Program) writeArg(b *strings.Builder, a *Arg) {
	switch a.kind {
	case argReg:
		b.WriteByte('$')
		b.WriteString(p.regName(Reg(a.val)))
	case argReport, argTrace:
		b.WriteString("{report")
		if Reg(a.val) != Nowhere {
			b.WriteString(" $")
			b.WriteString(p.regName(Reg(a.val)))
		}
		b.WriteByte('}')
	case argFD:
		b.WriteByte('$')
		b.WriteString(p.FDs[a.val])
	case argString:
		b.WriteString(strconv.Quote(a.text()))
	case argData:
		b.WriteString(a.shown())
	case argVec:
		writeVector(b, a.more())
	case argScratch:
		b.WriteString("scratch")
	case argImm:
		if names := a.names(); names != nil {
			b.WriteString(names.Format(a.val))
		} else {
			b.WriteString(strconv.FormatInt(int64(a.val), 10))
		}
	}
}

// shown returns how data prints.
func (a *Arg) shown() string {
	more := a.more()
	if more.show != nil {
		return more.show(more.bytes)
	}
	return more.text
}

// writeVector appends a list of strings. It omits those after the first few: an environment would fill the screen.
func writeVector(b *strings.Builder, more *argMore) {
	const most = 8
	v := more.vec
	b.WriteByte('[')
	for i, s := range v {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == most {
			b.WriteString("... ")
			b.WriteString(strconv.Itoa(len(v) - most))
			b.WriteString(" more")
			break
		}
		b.WriteString(strconv.Quote(s))
	}
	if more.last != nil {
		if len(v) > 0 {
			b.WriteString(", ")
		}
		b.WriteString(more.text)
	}
	b.WriteByte(']')
}
