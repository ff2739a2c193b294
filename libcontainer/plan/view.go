package plan

import (
	"strings"

	"rt/nsenter"
)

// View says how a plan is printed.
type View struct {
	Colour bool
	// Width is that of the terminal in columns: longer lines are folded. 0 folds none.
	Width int
	// Keep selects steps, given with their text; nil selects all, and what precedes the steps.
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
		w.writeFiles(p)
		w.writeStart(p)
	}
	for i := 0; i < len(p.Steps); {
		end := i + 1
		for end < len(p.Steps) && p.Steps[end].Part == p.Steps[i].Part {
			end++
		}
		w.writePart(p, i, end, keep)
		i = end
	}
	return w.dst
}

// Mentions returns a View.Keep that selects the steps with a word in their call, field or sentence. An absolute path
// also matches calls that look it up below the root.
func Mentions(word string) func(*nsenter.Step, string) bool {
	word = strings.TrimPrefix(word, "/")
	return func(s *nsenter.Step, text string) bool {
		return strings.Contains(text, word) || strings.Contains(s.Origin, word) || strings.Contains(s.Sentence, word)
	}
}

// Serves returns a View.Keep that selects the steps that a field of the config requires, or a property in that field.
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
		comment := s.Origin
		if s.Origin != "" && s.Sentence != "" {
			comment += ": "
		}
		lines[i] = Line{p.Part(i), p.Text(i), comment + s.Sentence}
	}
	return lines
}

// Line is a step as Lines returns it. Comment is its origin and its sentence.
type Line struct{ Part, Call, Comment string }

// fold breaks text into lines of at most width columns, the first of which is shorter by used. It breaks at blanks; a
// longer word stays whole.
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
