package spec

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/internal/jsonscan"
)

// Report is what Examine has found in a config.json.
type Report struct {
	Spec     *Spec         // nil if there are problems
	OCI      *specs.Spec   // what could be decoded; nil if the document is not JSON
	Problems []*diag.Error // each with its line and column
	Warnings []string
	Unknown  []Unknown
	Repeated []Repeated

	doc string
}

// Repeated is a property that its object has more than once. The last value counts (RFC 8259 leaves it open).
type Repeated struct {
	Path         string
	Line, Column int
	First        int // the line of the first one
}

// ReadConfig reads the config.json of a bundle, of which it returns the absolute path. Its errors are those of Load.
func ReadConfig(bundle string) (raw []byte, absolute string, err error) {
	absolute, err = filepath.Abs(bundle)
	if err != nil {
		return nil, "", &diag.Error{
			Kind: diag.Host, Problem: "the bundle " + bundle + " has no absolute path",
			Err: err,
		}
	}
	file := filepath.Join(absolute, configName)
	if raw, err = readFile(file); err != nil {
		return nil, "", unreadable(file, err)
	}
	return raw, absolute, nil
}

// configName is the file of a bundle (bundle.md), and the name of the document in messages.
const configName = "config.json"

// Examine checks the bytes of a config.json as Parse does. It also finds unknown and repeated properties, and the line
// and column of each problem. It takes several times as long: it is for people, and for a document that Parse has
// refused.
func Examine(raw []byte, bundle string) *Report {
	d := decoder{checker: &checker{}}
	s := d.parseConfig(raw, bundle, true)
	r := &Report{
		OCI: s.OCI, Problems: d.problems, Warnings: d.warnings, Unknown: d.unknown, Repeated: d.repeated,
		doc: text(raw),
	}
	if d.notJSON {
		r.OCI = nil
	}
	if len(d.problems) == 0 {
		s.Warnings, r.Spec = d.warnings, s
	}
	for _, e := range r.Problems {
		if r.Locate(e); e.Hint == "" {
			e.Hint = r.misspellingHint(e.Field)
		}
	}
	return r
}

// Locate adds the name of the document, and line and column, to one of its problems.
func (r *Report) Locate(e *diag.Error) {
	e.Op = configName
	if e.Field == wholeDocument {
		e.Field = ""
	}
	if e.Line == 0 {
		e.Line, e.Column = r.LineColumn(e.Field)
	}
}

// Locate adds the name of the document, and line and column, to an error about the config.json raw and to its More.
func Locate(raw []byte, e *diag.Error) {
	r := Report{doc: text(raw)}
	r.Locate(e)
	for _, m := range e.More {
		r.Locate(m)
	}
}

// LineColumn returns the position of a field in the document, counted from 1. If the field is absent, it is the
// position of the innermost value on its path that is present.
func (r *Report) LineColumn(field string) (line, column int) {
	offset, _ := jsonscan.Find(r.doc, field)
	return jsonscan.LineColumn(r.doc, offset)
}

// misspellingHint returns a hint for a field with a problem, if an unknown property of the same object was probably
// meant to be that field; else "".
func (r *Report) misspellingHint(field string) string {
	for i := range r.Unknown {
		u := &r.Unknown[i]
		parent, name := "", u.Path
		if dot := strings.LastIndexByte(u.Path, '.'); dot >= 0 {
			parent, name = u.Path[:dot+1], u.Path[dot+1:]
		}
		if u.Nearest != "" && !u.Used && parent+u.Nearest == field {
			return strconv.Quote(name) + " in line " + strconv.Itoa(u.Line) +
				` is unknown: did you mean "` + u.Nearest + `"?`
		}
	}
	return ""
}

// err returns the problems as one error.
func (r *Report) err() error { return joinProblems(r.Problems) }

// isImageLayout reports whether a directory is an image, not a bundle (image-spec, image-layout.md).
func isImageLayout(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "oci-layout"))
	return err == nil
}
