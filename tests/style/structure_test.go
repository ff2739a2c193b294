package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The limits of rt's structure. A file, a struct or a set of methods above them is more than one idea.
const (
	maxRootFiles = 20
	maxLines     = 400
	maxFields    = 12
	maxMethods   = 25
)

// large are the structs that may be above the limits, by package and name, each with its size now and with the reason.
// A size only gets smaller.
var large = map[string]struct {
	fields, methods int
	reason          string
}{
	"cli.Call":                         {13, 21, "the global options, of which each is a field, and who calls"},
	"cli.Command":                      {15, 0, "one field for each thing that help and the manual pages tell of it"},
	"internal/diag.Error":              {14, 16, "what an error has, as docs/errors.md lists it"},
	"internal/jsonscan.Scanner":        {14, 30, "one method for each kind of value that a generated decoder reads"},
	"libcontainer.Container":           {3, 38, "the API: one method for each command that works on one container"},
	"libcontainer.CreateOptions":       {16, 1, "one field for each flag of create"},
	"libcontainer.ExecOptions":         {14, 1, "one field for each flag of exec"},
	"libcontainer/criu.Options":        {31, 1, "one field for each option of criu's protocol that rt sets"},
	"libcontainer/join.ProcessOptions": {14, 0, "one field for each flag of exec about the process"},
	"libcontainer/join.Options":        {16, 0, "what libcontainer.ExecOptions has, and what it is resolved to"},
	"libcontainer/plan.Options":        {33, 2, "one field for each fact that a plan depends on, and no config has"},
	"libcontainer/plan/rules.State":    {19, 8, "one field for each fact about a process that a rule asks for"},
	"libcontainer/state.Container":     {5, 33, "one method for each file of the directory and each step of its lock"},
	"libcontainer/state.State":         {16, 2, "the members of state.json"},
	"nsenter.Step":                     {14, 0, "the columns of a step's row in the boot image, and its texts"},
	"spec.Mount":                       {24, 2, "the properties of mounts[], each option as a value of its own"},
	"spec.Process":                     {19, 0, "the properties of process"},
	"spec.Spec":                        {22, 0, "the properties of config.json that are not used as they are written"},
}

// longFiles are the files that may have more lines, each with the reason.
var longFiles = map[string]string{
	"libcontainer/plan/plan_test.go": "the table of the golden plans",
}

// rooms are the directories with rt's own code.
var rooms = []string{"cli", "hooks", "internal", "libcontainer", "nsenter", "seccomp", "spec"}

// A reader of libcontainer's root sees what a program can ask of it, a file for each.
func TestRootOfLibcontainer(t *testing.T) {
	files, err := filepath.Glob("../../libcontainer/*.go")
	if err != nil {
		t.Fatal(err)
	}
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
	if len(files) > maxRootFiles || len(files) < maxRootFiles/2 {
		t.Errorf("libcontainer has %d files, at most %d are to be: %s", len(files), maxRootFiles, files)
	}
}

func TestSizeOfStructs(t *testing.T) {
	sizes := structs(t)
	if len(sizes) < 200 {
		t.Fatalf("only %d structs were found", len(sizes))
	}
	for name, n := range sizes {
		limit, listed := large[name]
		switch {
		case listed && n.fields <= maxFields && n.methods <= maxMethods:
			t.Errorf("%s is below the limits again: take it off the list", name)
		case n.fields > max(maxFields, limit.fields):
			t.Errorf("%s has %d fields, and may have %d: which second thing is it?", name, n.fields,
				max(maxFields, limit.fields))
		case n.methods > max(maxMethods, limit.methods):
			t.Errorf("%s has %d methods, and may have %d: which second thing is it?", name, n.methods,
				max(maxMethods, limit.methods))
		}
	}
	for name := range large {
		if _, ok := sizes[name]; !ok {
			t.Errorf("%s is no struct any more: take it off the list", name)
		}
	}
}

// size is that of a struct.
type size struct{ fields, methods int }

// structs returns the sizes of the structs of rt, by package and name. An embedded field counts as one, because its
// methods are in the count of its own type.
func structs(t *testing.T) map[string]size {
	t.Helper()
	fields, methods := map[string]int{}, map[string]int{}
	eachFile(t, func(dir string, f *ast.File) {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil {
					methods[dir+"."+receiver(d.Recv.List[0].Type)]++
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok {
						if st, ok := ts.Type.(*ast.StructType); ok {
							fields[dir+"."+ts.Name.Name] = st.Fields.NumFields()
						}
					}
				}
			}
		}
	})
	sizes := map[string]size{}
	for name, n := range fields {
		sizes[name] = size{n, methods[name]}
	}
	return sizes
}

// receiver returns the name of a method's type.
func receiver(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// eachFile calls do for each file of rt's own code but its tests. Of those for one architecture it takes amd64's.
func eachFile(t *testing.T, do func(dir string, f *ast.File)) {
	t.Helper()
	fset := token.NewFileSet()
	for _, room := range rooms {
		err := filepath.WalkDir(filepath.Join("../..", room), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") ||
				strings.HasSuffix(path, "_arm64.go") {
				return err
			}
			f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			do(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../../"), f)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLengthOfFiles(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && (e.Name() == ".git" || e.Name() == "build" || e.Name() == "testdata") {
			return filepath.SkipDir
		}
		if err != nil || !e.Type().IsRegular() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil || bytes.HasPrefix(text, []byte("// Code generated ")) {
			return err
		}
		seen++
		name := strings.TrimPrefix(filepath.ToSlash(path), "../../")
		n := bytes.Count(text, []byte("\n"))
		if _, listed := longFiles[name]; listed == (n <= maxLines) {
			t.Errorf("%s has %d lines, the limit is %d; on the list of long files: %v", name, n,
				maxLines, listed)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 500 {
		t.Errorf("only %d files were found", seen)
	}
}
