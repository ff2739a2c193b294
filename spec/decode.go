package spec

import (
	"strconv"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

//go:generate go run ./internal/gen

// maxProblems bounds what a document that is wrong throughout makes rt say.
const maxProblems = 100

// decodeInto reads raw into v and notes what is no JSON, has the wrong type, is unknown or can't be handed to the
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
		c.badPath(Path(jsonscan.PathAt(doc, e.Offset)), "", "is not JSON: "+e.Text+lineColumn(doc, e.Offset))
		return
	}
	var mistyped []Path
	for i, p := range s.Problems {
		if i == maxProblems {
			c.problems = append(c.problems, &diag.Error{Kind: diag.Document,
				Problem: strconv.Itoa(len(s.Problems)-i) + " further values have the wrong type"})
			break
		}
		at := Path(jsonscan.PathAt(doc, p.Offset))
		c.badPath(at, "", p.Text+", is "+jsonscan.Found(doc, p.Offset)+lineColumn(doc, p.Offset))
		mistyped = append(mistyped, at)
	}
	c.nuls(doc, s.NULs)
	c.mistyped = mistyped
	c.nearest(doc, s.Unknown)
}

// lineColumn returns where an offset is, for the end of a message.
func lineColumn(doc string, offset int) string {
	line, column := jsonscan.LineColumn(doc, offset)
	return " (line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column) + ")"
}

// nuls notes strings that hold a NUL byte: the kernel and the program would see only what stands before it. Annotations
// stay with rt and the engine, and may hold anything.
func (c *checker) nuls(doc string, offsets []int) {
	for i, offset := range offsets {
		at := Path(jsonscan.PathAt(doc, offset))
		if Path("annotations").holds(at) {
			continue
		}
		if i == maxProblems {
			return
		}
		c.badPath(at, "", "must not hold a NUL byte: it would end the string early"+lineColumn(doc, offset))
	}
}
