package spec

import (
	"strconv"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

//go:generate go run ./internal/gen

// maxProblems bounds how many problems of one document rt reports.
const maxProblems = 100

// decodeInto reads raw into v and records what is not JSON, has the wrong type, is unknown or can't be passed to the
// kernel.
func decodeInto[T any](c *checker, raw []byte, unknown bool, v *T, read func(*jsonscan.Scanner, *T)) {
	doc := text(raw)
	s := jsonscan.New(doc)
	s.KeepUnknown = unknown
	if read(s, v); s.Err() == nil {
		s.End()
	}
	if e := s.Err(); e != nil {
		c.broken = true
		c.badAt(doc, e.Offset, Path(jsonscan.PathAt(doc, e.Offset)), "is not JSON: "+e.Text)
		return
	}
	var mistyped []Path
	for i, p := range s.Problems {
		if i == maxProblems {
			c.problems = append(c.problems, &diag.Error{
				Kind:    diag.Document,
				Problem: strconv.Itoa(len(s.Problems)-i) + " further values have the wrong type",
			})
			break
		}
		at := Path(jsonscan.PathAt(doc, p.Offset))
		c.badAt(doc, p.Offset, at, p.Text+", is "+jsonscan.Found(doc, p.Offset))
		mistyped = append(mistyped, at)
	}
	c.refuseNULs(doc, s.NULs)
	c.mistyped = mistyped
	c.nearest(doc, s.Unknown)
	for _, again := range s.Repeated[:min(len(s.Repeated), maxProblems)] {
		line, column := jsonscan.LineColumn(doc, again.Offset)
		first, _ := jsonscan.LineColumn(doc, again.First)
		c.repeated = append(c.repeated, Repeated{jsonscan.PathAt(doc, again.Offset), line, column, first})
	}
}

// refuseNULs records strings that contain a NUL byte: the kernel and the program would see only the part before it.
// Annotations stay with rt and the engine, and may contain anything.
func (c *checker) refuseNULs(doc string, offsets []int) {
	for i, offset := range offsets {
		at := Path(jsonscan.PathAt(doc, offset))
		if Path("annotations").contains(at) {
			continue
		}
		if i == maxProblems {
			return
		}
		c.badAt(doc, offset, at, "must not hold a NUL byte: it would end the string early")
	}
}
