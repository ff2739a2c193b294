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

// Report is all that the document itself gives reason to say about a config.json.
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

// Examine checks the bytes of a config.json as Parse does, and finds out all there is to say. It takes several times as
// long: it is for people, and for a document that Parse has refused.
func Examine(raw []byte, bundle string) *Report {
	c := checker{bundle: bundle}
	s := c.parse(raw, true)
	r := &Report{
		OCI: s.OCI, Problems: c.problems, Warnings: c.warnings, Unknown: c.unknown, Repeated: c.repeated,
		doc: text(raw),
	}
	if c.broken {
		r.OCI = nil
	}
	if len(c.problems) == 0 {
		s.Warnings, r.Spec = c.warnings, s
	}
	for _, e := range r.Problems {
		if r.Place(e); e.Hint == "" {
			e.Hint = r.misspelt(e.Field)
		}
	}
	return r
}

// Place completes a problem of the document with line and column.
func (r *Report) Place(e *diag.Error) {
	e.Op = configName
	if e.Field == wholeDocument {
		e.Field = ""
	}
	if e.Line == 0 {
		e.Line, e.Column = r.LineColumn(e.Field)
	}
}

// Place completes an error about the config.json raw, and its More, with line and column.
func Place(raw []byte, e *diag.Error) {
	r := Report{doc: text(raw)}
	r.Place(e)
	for _, m := range e.More {
		r.Place(m)
	}
}

// LineColumn returns where the document has a field, or what it has of the way to it.
func (r *Report) LineColumn(field string) (line, column int) {
	offset, _ := jsonscan.Find(r.doc, field)
	return jsonscan.LineColumn(r.doc, offset)
}

// misspelt returns a hint for a field with a problem, if the document has an unknown property that was probably meant
// to be that field: a required field is missing, and next to it is one with a typing mistake.
func (r *Report) misspelt(field string) string {
	for i := range r.Unknown {
		u := &r.Unknown[i]
		parent, name := "", u.Path
		if dot := strings.LastIndexByte(u.Path, '.'); dot >= 0 {
			parent, name = u.Path[:dot+1], u.Path[dot+1:]
		}
		if u.Nearest != "" && !u.Used && parent+u.Nearest == field {
			return strconv.Quote(name) + " in line " + strconv.Itoa(u.Line) + ` is unknown: did you mean "` +
				u.Nearest +
				`"?`
		}
	}
	return ""
}

// err returns the problems as one error.
func (r *Report) err() error {
	if len(r.Problems) == 0 {
		return nil
	}
	first := r.Problems[0]
	first.More = r.Problems[1:]
	return first
}

// imageLayout reports whether a directory is an image, and no bundle (image-spec, image-layout.md).
func imageLayout(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, "oci-layout"))
	return err == nil
}
