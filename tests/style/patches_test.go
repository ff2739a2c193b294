package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The attacks edit rt's sources: one whose text was changed would be noticed only by a run of tests/attack, as root.
func TestPatchesOfAttacksApply(t *testing.T) {
	files, err := filepath.Glob("../attack/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	fset, found := token.NewFileSet(), 0
	for _, file := range files {
		f, err := parser.ParseFile(fset, file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
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
	}
	if found < 30 {
		t.Errorf("only %d patches were found", found)
	}
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
