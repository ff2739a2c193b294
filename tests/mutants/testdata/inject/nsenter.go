package nsenter

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// mutant is a change of one step for the worse: see tests/mutants/doc.go.
type mutant struct {
	Step   int    // its index; -1 is the birth of the first process
	Number int32  // as `rt plan` numbers it
	Text   string // the step, as `rt plan` prints it
	Why    string // its origin and its sentence
	Change string // what is changed, for people; it names the mutant of this step
}

// Mutate does what RT_MUTANT asks for: it lists the mutants of p ("list FILE"), or makes p one of them ("STEP
// CHANGE").
func (p *Program) Mutate(born *uintptr) {
	order, rest, _ := strings.Cut(os.Getenv("RT_MUTANT"), " ")
	switch {
	case order == "":
		return
	case order == "list":
		text, err := json.Marshal(p.mutants(*born))
		if err == nil {
			err = os.WriteFile(rest, text, 0o644)
		}
		if err != nil {
			noMutant(err.Error())
		}
		return
	}
	var i int
	if _, err := fmt.Sscan(order, &i); err != nil || i >= len(p.Steps) {
		noMutant("no step " + order)
	}
	if i < 0 {
		p.cloneWithout(born, rest)
		return
	}
	p.Steps = append([]Step(nil), p.Steps...)
	for _, c := range p.Steps[i].changes() {
		if c.name == rest {
			c.make(&p.Steps[i], i)
			return
		}
	}
	noMutant(fmt.Sprintf("step %d can't be changed so: %s", i, rest))
}

// noMutant ends rt: the plan is another one than the list was made of, and that is a mistake of the test.
func noMutant(why string) {
	fmt.Fprintln(os.Stderr, "mutants:", why)
	os.Exit(99)
}

// cloneWithout changes the flags with which the first process is born.
func (p *Program) cloneWithout(born *uintptr, change string) {
	for _, c := range withoutWords(&CloneFlags, uint64(*born)) {
		if "without "+c.name == change {
			*born &^= uintptr(c.value)
			return
		}
	}
	noMutant("the first process is not born " + change)
}

// mutants lists all of p.
func (p *Program) mutants(born uintptr) (list []mutant) {
	text := "clone(" + CloneFlags.Format(uint64(born)) + ")"
	for _, c := range withoutWords(&CloneFlags, uint64(born)) {
		list = append(list, mutant{Step: -1, Text: text, Why: "the birth of the first process",
			Change: "without " + c.name})
	}
	for i := range p.Steps {
		s := &p.Steps[i]
		why := s.Sentence
		if s.Origin != "" {
			why = s.Origin + ": " + why
		}
		for _, c := range s.changes() {
			list = append(list, mutant{i, s.Number, p.Text(i), why, c.name})
		}
	}
	return list
}

// change is one way to spoil a step.
type change struct {
	name string
	make func(s *Step, i int)
}

// changes returns the ways to spoil s. The first one is for looking whether the step is made at all.
func (s *Step) changes() []change {
	list := []change{{"it fails", fails}, {"dropped", drop}}
	for k := range s.Args {
		list = append(list, s.Args[k].changes(s.Call, k)...)
	}
	return list
}

// fails has the step fail with an errno that no step expects.
func fails(s *Step, _ int) { s.Fault = unix.EDOM }

// drop makes the step do nothing, and the plan go on as if it had succeeded. A register that it should have filled
// gets what is no descriptor.
func drop(s *Step, i int) {
	s.Call, s.Args, s.Min, s.Again = Getpid, nil, 0, 0
	s.Errnos, s.Else = Errnos{}, 0
	if s.To != Nowhere {
		s.Fault, s.Errnos, s.Else = unix.EBADF, ErrnosOf(unix.EBADF), s.Then
		if s.Else == 0 {
			s.Else = int32(i + 1)
		}
	}
}

// changes returns the ways to spoil operand k of a call.
func (a *Arg) changes(call Call, k int) (list []change) {
	number := func(name string, f func(old uint64) uint64) {
		list = append(list, change{name, func(s *Step, _ int) {
			s.Args = append([]Arg(nil), s.Args...)
			s.Args[k].val = f(s.Args[k].val)
		}})
	}
	bytes := func(name string, offset int, f func(old uint64) uint64) {
		list = append(list, change{name, func(s *Step, _ int) {
			s.Args = append([]Arg(nil), s.Args...)
			old := s.Args[k].more()
			b := []byte(old.bytes)
			le := binary.NativeEndian
			le.PutUint64(b[offset:], f(le.Uint64(b[offset:])))
			s.Args[k] = Data(string(b), "", old.refs...)
		}})
	}
	names := a.names()
	switch {
	case names == &Octal:
		number("with mode bits 033 the other way", func(old uint64) uint64 { return old ^ 0o33 })
	case names != nil && !names.choice:
		for _, w := range withoutWords(names, a.val) {
			number("without "+w.name, func(old uint64) uint64 { return old &^ w.value })
		}
	case a.kind == argData:
		for _, f := range structures[call] {
			if f.operand != k || f.offset+8 > len(a.more().bytes) {
				continue
			}
			value := binary.NativeEndian.Uint64([]byte(a.more().bytes[f.offset:]))
			for _, w := range withoutWords(f.names, value) {
				bytes("without "+w.name, f.offset, func(old uint64) uint64 { return old &^ w.value })
			}
		}
		if call == Capset {
			bytes("with all capabilities effective and permitted", 0, func(uint64) uint64 { return ^uint64(0) })
			bytes("with all capabilities inheritable", 8, func(old uint64) uint64 { return old | 0xffffffff })
		}
	}
	return list
}

// structures are the flags within structures that operands point to.
var structures = map[Call][]struct {
	operand, offset int
	names           *Names
}{
	Openat2:      {{2, 0, &OpenFlags}, {2, 16, &ResolveFlags}},
	MountSetattr: {{3, 0, &MountAttrs}, {3, 8, &MountAttrs}, {3, 16, &MountFlags}},
	Clone3:       {{0, 0, &CloneFlags}},
}

// withoutWords returns the words of the bits that are set.
func withoutWords(names *Names, value uint64) (list []word) {
	for _, w := range names.words {
		if w.value != 0 && value&w.value == w.value {
			list = append(list, w)
		}
	}
	return list
}
