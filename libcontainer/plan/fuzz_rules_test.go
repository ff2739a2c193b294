package plan

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"rt/libcontainer/plan/rules"
	"rt/nsenter"
)

// FuzzRules damages compiled plans, and has the rules check the result. Whatever a plan does, the check ends with a
// step of the plan, and says the same each time. A plan that keeps the rules keeps them too if some of its steps can no
// longer fail: it has fewer ways then, and no new one.
func FuzzRules(f *testing.F) {
	written := written(f)
	addSeeds(f, 32, 200, 11)
	f.Fuzz(func(t *testing.T, b []byte) {
		g := generator{rand.New(&bytesSource{bytes: b})}
		doc, s := g.document(t, written)
		if s == nil {
			return
		}
		facts := g.facts()
		p, err := Compile(s, &facts, g.options(s, &facts))
		if err != nil {
			return
		}
		subject := rules.Subject{Program: &p.Program, Rootfs: s.Rootfs, Trusting: true, Joining: g.maybe()}
		for i := range p.Files {
			subject.Harmless = append(subject.Harmless, harmless(p.Files[i].Kind))
		}
		for range 1 + g.IntN(6) {
			g.damage(p)
		}
		err = requireVerdict(t, &subject, doc)
		for range 1 + g.IntN(8) {
			p.Steps[g.IntN(len(p.Steps))].Errnos = nsenter.Errnos{}
		}
		if fewer := requireVerdict(t, &subject, doc); err == nil && fewer != nil {
			t.Fatalf("with fewer ways through the plan: %v\n%s", fewer, doc)
		}
	})
}

// damage changes a step of a plan, and leaves one that nsenter accepts as such: jumps go forward.
func (g generator) damage(p *Plan) {
	i := g.IntN(len(p.Steps))
	s := &p.Steps[i]
	s.Args = slices.Clone(s.Args)
	switch g.IntN(6) {
	case 0: // the step does nothing
		s.Call, s.Args = nsenter.Getpid, nil
	case 1: // it is another one
		*s = p.Steps[g.IntN(len(p.Steps))]
		s.Then, s.Else = 0, 0
	case 2: // another operand
		if len(s.Args) > 0 {
			s.Args[g.IntN(len(s.Args))] = nsenter.Imm(int64(g.number() >> 1))
		}
	case 3: // the operand of another one
		if from := p.Steps[g.IntN(len(p.Steps))].Args; len(from) > 0 && len(s.Args) > 0 {
			s.Args[g.IntN(len(s.Args))] = from[g.IntN(len(from))]
		}
	case 4: // another way from here
		s.Then = int32(i + 1 + g.IntN(len(p.Steps)-i))
	case 5: // its result goes elsewhere
		s.To = p.Steps[g.IntN(len(p.Steps))].To
	}
}

// requireVerdict checks a plan twice, and returns what the rules say.
func requireVerdict(t *testing.T, subject *rules.Subject, doc []byte) error {
	t.Helper()
	err, again := rules.Check(subject), rules.Check(subject)
	if err == nil && again == nil {
		return nil
	}
	if err == nil || again == nil || err.Error() != again.Error() {
		t.Fatalf("the rules say %v, and then %v\n%s", err, again, doc)
	}
	breach, ok := errors.AsType[*rules.Breach](err)
	if !ok || breach.What == "" || breach.Step < 1 || breach.Step > len(subject.Steps) {
		t.Fatalf("%v is no breach at one of %s steps\n%s", err, strconv.Itoa(len(subject.Steps)), doc)
	}
	return err
}
