package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// hangs is a verdict that a busy machine may give, too.
const hangs = "rt hangs"

// noticers are who may notice a mutant, in the order in which they get to see it.
var noticers = []struct {
	name  string
	facts *regexp.Regexp
}{
	{"the plan checker", regexp.MustCompile(`^\+ rt \S+ says: .*breaks its rule`)},
	{hangs, regexp.MustCompile(`^\+ rt [^:]*: it hangs`)},
	{"an error of rt", regexp.MustCompile(`^\+ rt [^:]*: (status|signal)`)},
	{"the world has ended", regexp.MustCompile(`^\+ world: `)},
	{"what is left on the host", regexp.MustCompile(`^[+-] (left|gone|host|file|image)`)},
	{"the created container", regexp.MustCompile(`^[+-] created: `)},
	{"what CRIU is asked for", regexp.MustCompile(`^[+-] criu: `)},
	{"the probe", regexp.MustCompile(`^[+-] inside: `)},
}

// noticer says who noticed: the first one, and the fact that it goes by.
func noticer(facts []string) string {
	for _, n := range noticers {
		i := slices.IndexFunc(facts, n.facts.MatchString)
		if i < 0 {
			continue
		}
		if n.name == hangs || n.name == "an error of rt" {
			return n.name
		}
		if n.name == "the plan checker" {
			return n.name + ", " + regexp.MustCompile(`rule R\d+`).FindString(facts[i])
		}
		return n.name + ": " + strings.TrimPrefix(facts[i][2:], "inside: ")
	}
	if len(facts) > 0 {
		return "other: " + facts[0]
	}
	return ""
}

// kind is mutants that differ only in what the step is about. The compiler has one line for all of them, so a flag
// that one container shows is tested for all. A dropped step is judged by itself, and may be idle: what it does is so
// already.
type kind struct {
	mutants []*mutant
	asked   bool    // all of them were tried
	seen    *mutant // one that is noticed
	unseen  int     // how many were tried that unseen.txt lists
}

var (
	quoted = regexp.MustCompile(`"[^"]*"`)
	digits = regexp.MustCompile(`\b\d+\b`)
	named  = regexp.MustCompile(`\$[\w-]+`)
	fields = regexp.MustCompile(`\[\d+\]`)
)

// kind names the kind of a mutant: its call without paths, numbers and the names of descriptors.
func (m *mutant) kind() string {
	if m.source {
		return m.same()
	}
	call, _, _ := strings.Cut(m.Text, " -> ")
	call, _, _ = strings.Cut(call, "), ")
	call = named.ReplaceAllString(quoted.ReplaceAllString(call, "PATH"), "$$FD")
	return digits.ReplaceAllString(call, "N") + " => " + m.Change
}

// same names a mutant whatever the scenario: the step with all that it is about.
func (m *mutant) same() string {
	if m.source {
		return "source " + strconv.Itoa(m.Number)
	}
	call, _, _ := strings.Cut(m.Text, ", on ")
	call, _, _ = strings.Cut(call, ", then to ")
	return fields.ReplaceAllString(call+m.Why, "[N]") + " => " + m.Change
}

// enough mutants of a kind that unseen.txt lists are tried: more of them say no more.
const enough = 3

// The verdicts that no fact of the mutant's own world gives.
const (
	dropped = "dropped"       // the change
	notMade = "not made here" // the step is a fallback, or one that a jump passes by
)

// as says that another mutant is noticed.
func (m *mutant) as(what string) string {
	return what + ": in " + m.scenario.name + ", step " + strconv.Itoa(m.Number)
}

// firstNoticed returns a mutant of a kind that is noticed, or nil.
func (r *rig) firstNoticed(m *mutant, k *kind) (*mutant, error) {
	if k.seen != nil || k.asked {
		return k.seen, nil
	}
	k.asked = true
	tried := make(map[string]int)
	// The last scenarios are made to show what is hard to see. Many mutants of a kind in one scenario show no more
	// than some.
	for _, other := range slices.Backward(k.mutants) {
		if tried[other.scenario.name]++; other == m || tried[other.scenario.name] > 12 {
			continue
		}
		made, err := r.made(other)
		if err != nil || !made {
			if err != nil {
				return nil, err
			}
			continue
		}
		v, err := r.try(other)
		if err != nil {
			return nil, err
		}
		if v.by != "" {
			return other, nil
		}
	}
	return nil, nil //nolint:nilnil // none is an answer
}

// unseen is a row of unseen.txt: mutants that nothing can notice, and the reason.
type unseen struct {
	mutants *regexp.Regexp
	reason  string
	either  bool     // they may be noticed, or not
	found   int      // unseen mutants that it lists
	noticed []string // mutants that it lists, and that were noticed
}

// readUnseen reads unseen.txt: a reason after "#", and below it regular expressions of mutants, as the report names
// them. Those after "? " may be noticed, or not.
func readUnseen(file string) (rows []*unseen, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	reason, fresh := "", false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			fresh = true
		case strings.HasPrefix(line, "#"):
			if fresh {
				reason, fresh = "", false
			}
			reason = strings.TrimSpace(reason + " " + strings.TrimSpace(line[1:]))
		default:
			fresh = true
			if reason == "" {
				return nil, fmt.Errorf("%s: no reason for %q", file, line)
			}
			line, either := strings.CutPrefix(line, "? ")
			re, err := regexp.Compile(line)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			rows = append(rows, &unseen{mutants: re, reason: reason, either: either})
		}
	}
	return rows, nil
}

// counted counts facts that are the same.
func counted(facts []string) map[string]int {
	m := make(map[string]int)
	for _, f := range facts {
		m[f]++
	}
	return m
}

// difference returns what only one of two has ("+" is what is new, "-" what has gone).
func difference(before, now map[string]int) map[string]bool {
	d := make(map[string]bool)
	for f, n := range before {
		if now[f] < n {
			d["- "+f] = true
		}
	}
	for f, n := range now {
		if before[f] < n {
			d["+ "+f] = true
		}
	}
	return d
}

// head is what a fact is about: its first words.
func head(fact string) string {
	f := strings.Fields(fact)
	return strings.Join(f[1:min(len(f), 4)], " ")
}
