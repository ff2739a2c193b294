package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The attacks edit rt's sources: one whose text was changed would be noticed only by a run of tests/attack, as root.
func TestPatchesOfAttacksApply(t *testing.T) {
	found := 0
	inspectAttacks(t, func(fset *token.FileSet, n ast.Node) bool {
		list, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		array, ok := list.Type.(*ast.ArrayType)
		if !ok {
			return true
		}
		if of, ok := array.Elt.(*ast.Ident); !ok || of.Name != "patch" {
			return true
		}
		for _, e := range list.Elts {
			p, ok := e.(*ast.CompositeLit)
			if !ok || len(p.Elts) < 2 {
				continue
			}
			name, old := text(p.Elts[0]), text(p.Elts[1])
			if name == "" || old == "" {
				continue
			}
			found++
			source, err := os.ReadFile(filepath.Join("../..", name))
			if n := strings.Count(string(source), old); err != nil || n != 1 {
				t.Errorf("%s: %s has this text %d times: %q (%v)", fset.Position(p.Pos()), name, n, old, err)
			}
		}
		return true
	})
	if found < 30 {
		t.Errorf("only %d patches were found", found)
	}
}

// The attacks also edit plans: one whose sentence was changed would be noticed only by a run of tests/attack, as root.
// Each line of an edit selects steps by an expression, which a line of a golden plan or a source of package plan has.
func TestEditsOfAttacksMatch(t *testing.T) {
	var lines []string
	for _, pattern := range []string{"../../libcontainer/plan/testdata/*.plan", "../../libcontainer/plan/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, strings.Split(string(source), "\n")...)
		}
	}
	found := 0
	inspectAttacks(t, func(fset *token.FileSet, n ast.Node) bool {
		field, ok := n.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := field.Key.(*ast.Ident); !ok || key.Name != "edit" {
			return true
		}
		for line := range strings.SplitSeq(text(field.Value), "\n") {
			if line == "" {
				continue
			}
			found++
			// In a plan that is printed, the number of the step is before it.
			e, err := regexp.Compile(strings.Replace(expression(line), "^", "", 1))
			if err != nil || !slices.ContainsFunc(lines, e.MatchString) {
				t.Errorf("%s: no step matches: %q (%v)", fset.Position(field.Pos()), line, err)
			}
		}
		return true
	})
	if found < 30 {
		t.Errorf("only %d edits were found", found)
	}
}

// inspectAttacks calls do for the nodes of the sources of tests/attack, as ast.Inspect does.
func inspectAttacks(t *testing.T, do func(fset *token.FileSet, n ast.Node) bool) {
	t.Helper()
	files, err := filepath.Glob("../attack/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	for _, file := range files {
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool { return do(fset, n) })
	}
}

// expression returns what is after the operands of a line of an edit: see testdata/inject of tests/attack.
func expression(line string) string {
	operands := map[string]int{"set": 2, "text": 2, "clear": 2, "data": 3, "resolve": 1, "wait": 1}
	verb, rest, _ := strings.Cut(line, " ")
	for range operands[verb] {
		_, rest, _ = strings.Cut(rest, " ")
	}
	return rest
}

// text returns the value of a string literal, or of a sum of them; "" for anything else.
func text(x ast.Expr) string {
	switch x := x.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(x.Value)
		return s
	case *ast.BinaryExpr:
		left, right := text(x.X), text(x.Y)
		if left != "" && right != "" {
			return left + right
		}
	}
	return ""
}
