package spec

import (
	"slices"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

// checker is what the checks of all sections share: the problems and warnings of one document so far. Each section of
// the specification has a type of its own that embeds it.
type checker struct {
	problems []*diag.Error
	warnings []string
	mistyped []Path // values that could not be decoded, and so are absent now
}

// wholeDocument is the field of a problem that is not of one property.
const wholeDocument = "document"

// refuse records a problem: the location, the value found there (or ""), and what is wrong and what would be right. A
// value that could not be decoded has its problem already.
func (c *checker) refuse(at location, value, problem string) {
	_ = c.refusePath(at.path(), value, problem)
}

// refusePath records a problem as refuse does, and returns it.
func (c *checker) refusePath(at Path, value, problem string) *diag.Error {
	if !c.isDecoded(at) {
		return &diag.Error{} // which nobody sees
	}
	if at == "" {
		at = wholeDocument
	}
	e := &diag.Error{Kind: diag.Document, Field: string(at), Value: value, Problem: problem}
	c.problems = append(c.problems, e)
	return e
}

// refuseAt records a problem at an offset of the document, in bytes.
func (c *checker) refuseAt(doc string, offset int, at Path, problem string) {
	e := c.refusePath(at, "", problem)
	e.Line, e.Column = jsonscan.LineColumn(doc, offset)
}

// warn records a mistake that the specification wants reported, and that must not keep a container from starting.
func (c *checker) warn(at location, text string) {
	c.warnings = append(c.warnings, at.String()+": "+text)
}

// isDecoded reports whether the value at a path, with everything in it, was decoded. If it was not, a check of it would
// complain about an absent value.
func (c *checker) isDecoded(at Path) bool {
	for _, p := range c.mistyped {
		if p.contains(at) || at.contains(p) {
			return false
		}
	}
	return true
}

// err returns the problems as one error: the first, with the others in its More. It is nil if there are none.
func (c *checker) err() error { return joinProblems(c.problems) }

// joinProblems returns the first problem with the others in its More, or nil.
func joinProblems(problems []*diag.Error) error {
	if len(problems) == 0 {
		return nil
	}
	first := problems[0]
	first.More = problems[1:]
	return first
}

// sorted returns the keys of m in order, so that messages and plans are the same each time.
func sorted[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}
