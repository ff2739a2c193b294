package nsenter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// attackBoot returns the program that a hostile boot process executes instead of p: rt does not know of these edits. Other
// programs than that of the container have no such steps.
func attackBoot(p *Program) *Program {
	script := os.Getenv("RT_ATTACK_BOOT")
	if script == "" {
		return p
	}
	hostile := *p
	if err := hostile.AttackEdit(script); err != nil && !errors.Is(err, errNoStep) {
		panic(err)
	}
	return &hostile
}

var errNoStep = errors.New("attack: no step matches")

// AttackEdit carries out the edits of a script on a program: see tests/attack/doc.go. An edit that finds no step is an error.
func (p *Program) AttackEdit(script string) error {
	for line := range strings.Lines(script) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		verb, optional := strings.CutSuffix(words[0], "?")
		n, ok := map[string]int{"drop": 1, "resolve": 2, "set": 3, "clear": 3, "text": 3, "data": 4, "wait": 2,
			"report": 3}[verb]
		if !ok || len(words) <= n {
			return fmt.Errorf("attack: no edit: %q", line)
		}
		// The pattern is the rest of the line as it is written, spaces included.
		rest := strings.TrimSpace(line)
		for range n {
			_, rest, _ = strings.Cut(rest, " ")
			rest = strings.TrimSpace(rest)
		}
		re, err := regexp.Compile(rest)
		if err != nil {
			return err
		}
		if err := p.attackEdit(verb, words[1:n], re); err != nil && !(optional && errors.Is(err, errNoStep)) {
			return fmt.Errorf("%w, in: %s", err, line)
		}
	}
	return nil
}

func (p *Program) attackEdit(verb string, operands []string, re *regexp.Regexp) error {
	old := p.Steps
	p.Steps = append([]Step(nil), p.Steps...)
	found := false
	for i := range old {
		s := &p.Steps[i]
		if !re.MatchString((&Program{Steps: old, Regs: p.Regs, FDs: p.FDs, FirstFD: p.FirstFD, Ctl: p.Ctl}).Text(i) + "  # " + s.Origin + ": " + s.Sentence) {
			continue
		}
		if verb == "resolve" && s.Call != Openat2 {
			continue
		}
		found = true
		if verb == "wait" {
			p.attackInsert(i, Step{
				Call: Openat, Args: []Arg{Cwd, Str(operands[0]), Imm(unix.O_RDONLY | unix.O_CLOEXEC), Imm(0)},
				Sentence: "an attack: wait until somebody writes to the FIFO", Part: s.Part,
			})
			return nil // the first one alone
		}
		s.Args = append([]Arg(nil), s.Args...)
		if verb == "report" && operands[0] == "same" {
			operands = []string{strconv.Itoa(i), operands[1]}
		}
		if err := s.attackEdit(verb, operands); err != nil {
			return err
		}
	}
	if !found {
		return errNoStep
	}
	return nil
}

func (s *Step) attackEdit(verb string, operands []string) error {
	arg := func() (*Arg, error) {
		k, err := strconv.Atoi(operands[0])
		if err != nil || k < 0 || k >= len(s.Args) {
			return nil, fmt.Errorf("attack: no operand %s", operands[0])
		}
		return &s.Args[k], nil
	}
	switch verb {
	case "drop":
		// A call that changes nothing and succeeds takes its place. Its result would be nonsense in a register.
		s.Call, s.Args, s.Min, s.Errnos, s.Else = Getpid, nil, 0, Errnos{}, 0
		return nil
	case "resolve":
		operands, verb = []string{"2", "16", operands[0]}, "data"
	case "text":
		a, err := arg()
		if err == nil {
			*a = Str(operands[1])
		}
		return err
	}
	if verb == "report" { // doc.go of package nsenter has the layout
		const kindSync, size = 2, 16
		step, err := strconv.ParseUint(operands[0], 0, 32)
		value, err2 := strconv.ParseInt(operands[1], 0, 64)
		b := binary.NativeEndian.AppendUint32(nil, kindSync)
		b = binary.NativeEndian.AppendUint32(b, uint32(step))
		b = binary.NativeEndian.AppendUint64(b, uint64(value))
		s.Call, s.Args = Write, []Arg{s.Args[0], Data(string(b), "a false report"), Imm(size)}
		return errors.Join(err, err2)
	}
	a, err := arg()
	if err != nil {
		return err
	}
	value, err := strconv.ParseUint(operands[len(operands)-1], 0, 64)
	if err != nil {
		return err
	}
	switch verb {
	case "set":
		*a = Imm(value)
	case "clear":
		*a = Imm(a.val &^ value)
	case "data":
		offset, err := strconv.Atoi(operands[1])
		if err != nil || a.kind != argData || offset+8 > len(a.more().bytes) {
			return fmt.Errorf("attack: operand %s has no 8 bytes at %s", operands[0], operands[1])
		}
		b := []byte(a.more().bytes)
		binary.NativeEndian.PutUint64(b[offset:], value)
		*a = Data(string(b), a.shown()+" changed by an attack", a.more().refs...)
	}
	return nil
}

// attackInsert puts a step in front of step i. Who jumps to i comes by it.
func (p *Program) attackInsert(i int, s Step) {
	for k := range p.Steps {
		if int(p.Steps[k].Then) > i {
			p.Steps[k].Then++
		}
		if int(p.Steps[k].Else) > i {
			p.Steps[k].Else++
		}
	}
	p.Steps = append(p.Steps[:i:i], append([]Step{s}, p.Steps[i:]...)...)
}
