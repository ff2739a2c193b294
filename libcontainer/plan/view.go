package plan

import (
	"strings"

	"rt/nsenter"
)

// View says how a plan is shown to people.
type View struct {
	Colour bool
	// Width is that of the terminal in columns: longer lines are folded. 0 folds none.
	Width int
	// Keep selects steps, given with their text; nil selects all, and what comes before the steps.
	Keep func(s *nsenter.Step, text string) bool
}

// AppendView appends the plan as AppendText does, or a part of it.
func (p *Plan) AppendView(dst []byte, v *View) []byte {
	w := printer{dst: dst, colour: v.Colour, width: v.Width}
	keep := make([]bool, len(p.Steps))
	for i := range keep {
		keep[i] = v.Keep == nil || v.Keep(&p.Steps[i], p.Text(i))
	}
	if v.Keep == nil {
		w.files(p)
		w.birth(p)
	}
	for i := 0; i < len(p.Steps); {
		end := i + 1
		for end < len(p.Steps) && p.Steps[end].Part == p.Steps[i].Part {
			end++
		}
		w.part(p, i, end, keep)
		i = end
	}
	return w.dst
}

// Mentions selects the steps that have a word in their call, field or sentence. An absolute path is found in the calls
// that look it up below the root too.
func Mentions(word string) func(*nsenter.Step, string) bool {
	word = strings.TrimPrefix(word, "/")
	return func(s *nsenter.Step, text string) bool {
		return strings.Contains(text, word) || strings.Contains(s.Origin, word) || strings.Contains(s.Sentence, word)
	}
}

// Serves selects the steps that a field of the config asks for, or what is in that field.
func Serves(field string) func(*nsenter.Step, string) bool {
	return func(s *nsenter.Step, _ string) bool {
		rest, ok := strings.CutPrefix(s.Origin, field)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
}

// Lines returns a line for each step: the heading of its part, the call without numbers of steps, the field and the
// sentence. Two plans can be compared by them.
func (p *Plan) Lines() []Line {
	lines := make([]Line, len(p.Steps))
	for i := range p.Steps {
		s := &p.Steps[i]
		remark := s.Origin
		if s.Origin != "" && s.Sentence != "" {
			remark += ": "
		}
		lines[i] = Line{p.Part(i), p.Text(i), remark + s.Sentence}
	}
	return lines
}

// Line is a step as Lines has it.
type Line struct{ Part, Call, Remark string }

// fold breaks text into lines of at most width columns, the first of which is shorter by used. It breaks at blanks, and
// what has none stays long.
func fold(text string, used, width int) (lines []string) {
	line := ""
	for word := range strings.SplitSeq(text, " ") {
		switch {
		case line == "" && lines == nil:
			line = word
		case used+len(line)+1+len(word) > width && line != "":
			lines, line, used = append(lines, line), word, 0
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
