package libcontainer

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// undocumented are the aliases of structs whose fields a caller does not need.
var undocumented = []string{"Plan", "Step"}

// go doc shows no fields of an alias, so its comment lists them: all of them, and no others.
func TestAliasesListTheirFields(t *testing.T) {
	aliases := 0
	for _, file := range parseDir(t, ".") {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.TYPE {
				continue
			}
			spec := decl.Specs[0].(*ast.TypeSpec)
			target, ok := spec.Type.(*ast.SelectorExpr)
			if !ok || !spec.Assign.IsValid() || slices.Contains(undocumented, spec.Name.Name) {
				continue
			}
			fields := exportedFields(t, importOf(file, target.X.(*ast.Ident).Name), target.Sel.Name)
			if fields == nil { // of another module, or no struct
				continue
			}
			aliases++
			if listed := listedFields(decl.Doc.Text()); !slices.Equal(listed, fields) {
				t.Errorf("the comment of %s lists the fields\n%q; %s.%s has\n%q", spec.Name.Name, listed,
					target.X, target.Sel.Name, fields)
			}
		}
	}
	if aliases < 10 {
		t.Errorf("only %d aliases of structs: has the package changed its form?", aliases)
	}
}

// listedFields returns the names at the beginning of the indented lines of a comment, sorted.
func listedFields(text string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+(?:, \w+)*)`).FindAllStringSubmatch(text, -1) {
		names = append(names, strings.Split(m[1], ", ")...)
	}
	slices.Sort(names)
	return names
}

// importOf returns the import path with this name in a file; "" if its last element is another.
func importOf(file *ast.File, name string) string {
	for _, i := range file.Imports {
		if path := strings.Trim(i.Path.Value, `"`); filepath.Base(path) == name {
			return path
		}
	}
	return ""
}

// exportedFields returns the exported fields of a struct of this module, sorted; nil if the type is no struct or of
// another module.
func exportedFields(t *testing.T, path, name string) (fields []string) {
	t.Helper()
	dir := regexp.MustCompile(`/(?:libcontainer|internal)/\w+$`).FindString(path)
	if dir == "" {
		return nil
	}
	for _, file := range parseDir(t, filepath.Join("..", dir)) {
		object := file.Scope.Lookup(name)
		if object == nil {
			continue
		}
		structure, ok := object.Decl.(*ast.TypeSpec).Type.(*ast.StructType)
		if !ok {
			return nil
		}
		for _, f := range structure.Fields.List {
			if len(f.Names) == 0 {
				fields = append(fields, f.Type.(*ast.Ident).Name)
			}
			for _, n := range f.Names {
				fields = append(fields, n.Name)
			}
		}
		fields = slices.DeleteFunc(fields, func(s string) bool { return !ast.IsExported(s) })
		slices.Sort(fields)
		return fields
	}
	t.Fatalf("%s has no type %s", path, name)
	return nil
}

// parseDir parses the Go files of a directory that are not tests.
func parseDir(t *testing.T, dir string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
