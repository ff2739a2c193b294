package spec

import (
	"strconv"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

//go:generate go run ./internal/gen

// maxProblems bounds how many problems of one document rt reports.
const maxProblems = 100

// decoder decodes one document, and records what is wrong with its form.
type decoder struct {
	*checker

	unknown  []Unknown // on request
	repeated []Repeated
	notJSON  bool // then nothing was decoded
}

// decodeInto reads raw into v with a function of decode_gen.go. It records what is not JSON, has the wrong type, is
// unknown or can't be passed to the kernel.
func decodeInto[T any](d *decoder, raw []byte, unknown bool, v *T, read func(*jsonscan.Scanner, *T)) {
	doc := text(raw)
	s := jsonscan.New(doc)
	s.KeepUnknown = unknown
	if read(s, v); s.Err() == nil {
		s.CheckEnd()
	}
	if e := s.Err(); e != nil {
		d.notJSON = true
		d.refuseAt(doc, e.Offset, Path(jsonscan.PathAt(doc, e.Offset)), "is not JSON: "+e.Text)
		return
	}
	var mistyped []Path
	for i, p := range s.Problems {
		if i == maxProblems {
			d.problems = append(d.problems, &diag.Error{
				Kind:    diag.Document,
				Problem: strconv.Itoa(len(s.Problems)-i) + " further values have the wrong type",
			})
			break
		}
		at := Path(jsonscan.PathAt(doc, p.Offset))
		d.refuseAt(doc, p.Offset, at, p.Text+", is "+jsonscan.Describe(doc, p.Offset))
		mistyped = append(mistyped, at)
	}
	d.refuseNULs(doc, s.NULs)
	d.mistyped = mistyped
	d.recordUnknown(doc, s.Unknown)
	for _, again := range s.Repeated[:min(len(s.Repeated), maxProblems)] {
		line, column := jsonscan.LineColumn(doc, again.Offset)
		first, _ := jsonscan.LineColumn(doc, again.First)
		d.repeated = append(d.repeated, Repeated{jsonscan.PathAt(doc, again.Offset), line, column, first})
	}
}

// refuseNULs refuses strings that contain a NUL byte: the kernel and the program would see only the part before it.
// Annotations stay with rt and the engine, and may contain anything.
func (d *decoder) refuseNULs(doc string, offsets []int) {
	for i, offset := range offsets {
		at := Path(jsonscan.PathAt(doc, offset))
		if Path("annotations").contains(at) {
			continue
		}
		if i == maxProblems {
			return
		}
		d.refuseAt(doc, offset, at, "must not hold a NUL byte: it would end the string early")
	}
}
