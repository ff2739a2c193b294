package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// articles may begin a comment before the name.
var articles = []string{"A", "An", "The"}

// The comment of a function or type begins with its name. After a rename it may still have the former one.
func TestCommentsBeginWithTheName(t *testing.T) {
	seen := 0
	for _, file := range readableFiles(t) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") ||
			strings.HasPrefix(file, "tests/") || file == "main.go" {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			name, doc := documented(decl)
			words := strings.Fields(doc.Text())
			if len(words) == 0 {
				continue
			}
			seen++
			if slices.Contains(articles, words[0]) && len(words) > 1 {
				words = words[1:]
			}
			if first, _, _ := strings.Cut(words[0], "'"); strings.TrimRight(first, ",:.") != name {
				t.Errorf("%s: the comment of %s begins with %q", file, name, words[0])
			}
		}
	}
	const least = 1000
	if seen < least {
		t.Errorf("only %d comments: has the parser changed?", seen)
	}
}

// documented returns the name of a function, or of the only type of a declaration, and its comment; nil for others.
func documented(decl ast.Decl) (name string, doc *ast.CommentGroup) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return d.Name.Name, d.Doc
	case *ast.GenDecl:
		if d.Tok == token.TYPE && len(d.Specs) == 1 {
			return d.Specs[0].(*ast.TypeSpec).Name.Name, d.Doc
		}
	}
	return "", nil
}
