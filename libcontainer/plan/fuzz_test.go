package plan

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"rt/internal/diag"
	"rt/libcontainer/host"
	"rt/nsenter"
	"rt/seccomp"
	"rt/spec"
)

// addSeeds gives the fuzzer n seeds of 64 to 64+more random bytes, which are the same for the same stream.
func addSeeds(f *testing.F, n uint64, more int, stream uint64) {
	for seed := range n {
		r := rand.New(rand.NewPCG(seed, stream))
		b := make([]byte, 64+r.IntN(more))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
}

// FuzzCompile makes configs out of the fuzzer's bytes: one that an engine wrote or one of generator's, changed in some
// fields of the types of the runtime spec. What package spec accepts must compile, for every host, or be refused with
// words; keep the rules; and be laid out and printed, the same each time. The same holds for a process that joins.
func FuzzCompile(f *testing.F) {
	written := written(f)
	addSeeds(f, 64, 400, 7)
	f.Fuzz(func(t *testing.T, b []byte) {
		g := generator{rand.New(&bytesSource{bytes: b})}
		doc, s := g.document(t, written)
		if s == nil {
			return
		}
		facts := g.facts()
		o := g.options(s, &facts)
		if s.Process != nil && s.OCI.Linux != nil && s.OCI.Linux.Seccomp != nil && !o.Observe {
			filter, _, err := seccomp.Compile(s.OCI.Linux.Seccomp, "amd64")
			if err != nil {
				requireRefusal(t, err, doc)
				return
			}
			o.Filter = filter
		}
		requireSound(t, doc, func() (*Plan, error) { return Compile(s, &facts, o) })
		if s.Process == nil {
			return
		}
		x := &ExecOptions{Options: *o, Process: s.Process, Namespaces: s.Namespaces.New, HostBinary: g.maybe()}
		x.Wait = false
		requireSound(t, doc, func() (*Plan, error) { return CompileExec(s, &facts, x) })
	})
}

// bytesSource makes one number of each byte, such that rand.IntN depends on all of it; and others when there are no
// more.
type bytesSource struct {
	bytes []byte
	after uint64
}

func (s *bytesSource) Uint64() uint64 {
	if len(s.bytes) == 0 {
		s.after += 0x9e3779b97f4a7c15
		return s.after
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return uint64(b) * 0x0101010101010101
}

// written returns the configs that engines wrote.
func written(t testing.TB) (docs [][]byte) {
	files, _ := filepath.Glob("../../spec/testdata/corpus/*.json")
	for _, file := range files {
		if strings.HasPrefix(filepath.Base(file), "exec-") {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, raw)
	}
	if len(docs) < 15 {
		t.Fatalf("only %d configs in the corpus", len(docs))
	}
	return docs
}

// document returns a config that package spec accepts, or nil. A change that makes it refuse the document is undone, so
// that the others have their effect.
func (g generator) document(t *testing.T, written [][]byte) ([]byte, *spec.Spec) {
	doc := written[g.IntN(len(written))]
	if g.maybe() {
		made, err := json.Marshal(g.config())
		if err != nil {
			t.Fatal(err)
		}
		doc = made
	}
	s := parse(t, doc)
	for range g.IntN(12) {
		var oci specs.Spec
		if err := json.Unmarshal(doc, &oci); err != nil {
			t.Fatal(err)
		}
		oci.Solaris, oci.Windows, oci.VM, oci.ZOS, oci.FreeBSD = nil, nil, nil, nil, nil
		g.change(reflect.ValueOf(&oci).Elem(), "")
		changed, err := json.Marshal(&oci)
		if err != nil {
			t.Fatal(err)
		}
		if better := parse(t, changed); better != nil {
			doc, s = changed, better
		}
	}
	return doc, s
}

// parse checks the shape of the error of a document that is refused.
func parse(t *testing.T, doc []byte) *spec.Spec {
	s, err := spec.Parse(doc, "/bundle", spec.LoadOptions{})
	if err != nil {
		if e, ok := errors.AsType[*diag.Error](err); !ok || e.Kind != diag.Document || e.Problem == "" {
			t.Fatalf("%v is no error of the document\n%s", err, doc)
		}
		return nil
	}
	return s
}

// change changes one field of v, at some depth.
func (g generator) change(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		} else if g.rarely() {
			v.SetZero()
			return
		}
		g.change(v.Elem(), name)
	case reflect.Struct:
		i := g.IntN(v.NumField())
		switch f := v.Type().Field(i); f.Name {
		case "Solaris", "Windows", "VM", "ZOS", "FreeBSD": // other platforms
		default:
			g.change(v.Field(i), f.Name)
		}
	case reflect.Slice:
		switch n := v.Len(); {
		case n == 0 || g.rarely():
			item := reflect.New(v.Type().Elem()).Elem()
			for range 1 + g.IntN(4) {
				g.change(item, name)
			}
			v.Set(reflect.Append(v, item))
		case g.rarely():
			i := g.IntN(n)
			v.Set(reflect.AppendSlice(v.Slice(0, i), v.Slice(i+1, n)))
		case g.rarely():
			v.Set(reflect.Append(v, v.Index(g.IntN(n))))
		default:
			g.change(v.Index(g.IntN(n)), name)
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
		value := reflect.New(v.Type().Elem()).Elem()
		g.change(value, name)
		v.SetMapIndex(reflect.ValueOf(g.word(name)).Convert(v.Type().Key()), value)
	case reflect.String:
		v.SetString(g.word(name))
	case reflect.Bool:
		v.SetBool(g.maybe())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(g.number()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(g.number())
	}
}

// facts are those of any host.
func (g generator) facts() host.Facts {
	f := [...]host.Facts{modern(), linux510(), cgroup1(), hybrid(), unprivileged(), withLSM(), withSELinux()}[g.IntN(7)]
	if g.maybe() {
		f.Features = host.Feature(g.IntN(256))
	}
	if g.rarely() {
		f.Caps &= uint64(g.IntN(256)) * 0x0101010101010101
	}
	if g.rarely() {
		f.CapLast = uint8(37 + g.IntN(4))
	}
	f.UserNS = g.rarely()
	return f
}

// requireSound checks what every plan has to fulfil.
func requireSound(t *testing.T, doc []byte, compile func() (*Plan, error)) {
	t.Helper()
	p, err := compile()
	again, same := compile()
	if err != nil {
		requireRefusal(t, err, doc)
		if same == nil || same.Error() != err.Error() {
			t.Fatalf("refused with %v, and then with %v\n%s", err, same, doc)
		}
		return
	}
	image, err := nsenter.Assemble(&p.Program)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	if same != nil {
		t.Fatalf("the second time it is refused: %v\n%s", same, doc)
	}
	if second, err := nsenter.Assemble(&again.Program); err != nil || !bytes.Equal(image, second) {
		t.Fatalf("the second time it is another image: %v\n%s", err, doc)
	}
	if text := p.AppendJSON(nil); !json.Valid(text) {
		t.Fatalf("no JSON: %s\n%s", text, doc)
	}
	requirePrinted(t, p, doc)
}

// requirePrinted checks what people read: each step has its line, and the config can't send anything to a terminal. A
// folded line differs only in its blanks, and in the marks of its comment.
func requirePrinted(t *testing.T, p *Plan, doc []byte) {
	t.Helper()
	text := string(p.AppendText(nil, false))
	if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) }); i >= 0 {
		t.Fatalf("%q goes to the terminal\n%s", text[i:min(i+20, len(text))], doc)
	}
	words := func(s string) string { return strings.Join(strings.Fields(strings.ReplaceAll(s, "#", "")), "") }
	if folded := string(p.AppendView(nil, &View{Width: 60})); words(folded) != words(text) {
		t.Fatalf("folded it is another text:\n%s\n%s\n%s", folded, text, doc)
	}
	if lines := p.Lines(); len(lines) != len(p.Steps) {
		t.Fatalf("%d lines of %d steps\n%s", len(lines), len(p.Steps), doc)
	}
}

// requireRefusal checks the error of what this host, or rt, can't do.
func requireRefusal(t *testing.T, err error, doc []byte) {
	t.Helper()
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Problem == "" || strings.Contains(e.Problem, "breaks its rule") {
		t.Fatalf("%v\n%s", err, doc)
	}
}
