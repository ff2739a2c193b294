package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A problem is the text of an error: what is wrong, without the field and the errno.
type problem struct {
	at   string // file:line
	text string // the literals it is made of, with "…" for the rest
}

// finite is a verb form that makes a clause of a text. A text that begins with a third person, "needs the mount
// namespace", has its subject in the field in front of it.
var finite = regexp.MustCompile(`^[a-z]+s |(^|[ "])(is|are|was|were|has|have|had|does|do|did|must|may|can|can't` +
	`|cannot|could|couldn't|would|don't|didn't|failed|refused|ran|got|go|take` +
	`|exists|gives|lacks|maps|names|needs|overrides|refuses|requires|returns|runs|shows|takes|uses)[ ,]`)

// leads are words that stand in front of an article or a preposition and are no infinitives.
var leads = regexp.MustCompile(`^(in|on|of|at|for|with|without|below|together|[a-z]+s|[a-z]+ing)$`)

// object is a word with what follows the verb of an infinitive: "make the", "wait for", "write /proc".
var object = regexp.MustCompile(`^([a-z]+) ((the|a|an|its|these|this|that|rt's|into|back|on|for|to|from|of|at) |/)`)

// rest is a text whose verb is in none of its literals.
var rest = regexp.MustCompile(`^…([,:]|[^a-z]*$)|… …$`)

// theirs begin the problems that have the words of runc, because engines look for them: see docs/engines.md.
var theirs = []string{
	`exec "`, `exec: "`, "invalid container ID format: ", "error running ", "unknown signal: ",
	"container's cgroup unexpectedly frozen: ", "container with given ID already exists: ",
}

// Problem texts are clauses about the container or its document, as in "the control channel can't be made", and never
// what rt was about to do, as in "make the control channel". A problem that follows a field may leave the subject out:
// "must be absolute".
func TestProblemsAreClauses(t *testing.T) {
	all := problems(t)
	if len(all) < 400 {
		t.Fatalf("only %d problems were found: have the functions of diag other names?", len(all))
	}
	for _, p := range all {
		if why := notClause(p.text); why != "" {
			t.Errorf("%s: %q %s: say what is wrong, as in \"the control channel can't be made\"", p.at, p.text, why)
		}
	}
}

func TestNotClause(t *testing.T) {
	for text, good := range map[string]bool{
		"the control channel can't be made":           true,
		"must be absolute":                            true,
		"needs the mount namespace":                   true,
		"newuidmap is not installed":                  true,
		"in the environment of rt must be a number":   true,
		"make the control channel":                    false,
		"wait for the container to be ready":          false,
		"open the directory that holds the log":       false,
		"write /proc/…/…":                             false,
		"the descriptor":                              false,
		"create parents":                              false,
		"failed to open the log":                      false,
		"tell that the memory is there to be fetched": false,
	} {
		if why := notClause(text); (why == "") != good {
			t.Errorf("%q: %q", text, why)
		}
	}
}

// notClause says why a problem text is no clause, or "".
func notClause(text string) string {
	switch {
	case strings.IndexAny(text, ",:;( ") == 0, rest.MatchString(text):
		return ""
	case slices.ContainsFunc(theirs, func(s string) bool { return strings.HasPrefix(text, s) }):
		return ""
	case strings.HasPrefix(text, "failed to"):
		return "tells of rt, not of the container"
	}
	if m := object.FindStringSubmatch(text); m != nil && !leads.MatchString(m[1]) {
		return "starts with an infinitive"
	}
	if !finite.MatchString(text + " ") {
		return "has no verb"
	}
	return ""
}

// problems collects the problem texts of rt's own code.
func problems(t *testing.T) []problem {
	t.Helper()
	dirs := map[string][]*ast.File{}
	fset := token.NewFileSet()
	for _, root := range []string{"cli", "hooks", "internal", "libcontainer", "nsenter", "seccomp", "spec"} {
		err := filepath.WalkDir(filepath.Join("..", "..", root), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			f, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			if err == nil {
				dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], f)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	var found []problem
	for _, files := range dirs {
		found = append(found, problemsOf(fset, files)...)
	}
	slices.SortFunc(found, func(a, b problem) int { return strings.Compare(a.at, b.at) })
	return slices.Compact(found)
}

// source is a parameter whose argument becomes a problem: the name of the function, and the parameter's number.
type source struct {
	name  string
	param int
}

// problemsOf follows each problem of a package back to its literals: through local variables, constants, and the
// parameters of functions, whose callers then give the text.
func problemsOf(fset *token.FileSet, files []*ast.File) (found []problem) {
	known := map[source]bool{}
	for grown := true; grown; {
		grown = false
		found = nil
		for _, f := range files {
			for _, decl := range f.Decls {
				fn, _ := decl.(*ast.FuncDecl)
				scope := &scope{decl: fn, files: files}
				ast.Inspect(decl, func(n ast.Node) bool {
					for _, x := range problemArgs(n, known) {
						texts, more := scope.resolve(x, 0)
						at := strings.TrimPrefix(fset.Position(x.Pos()).String(), "../../")
						for _, s := range texts {
							found = append(found, problem{at, s})
						}
						for _, s := range more {
							if !known[s] {
								known[s], grown = true, true
							}
						}
					}
					return true
				})
			}
		}
	}
	return found
}

// problemArgs are the expressions in n, if it is a call or a literal, that give an error its problem.
func problemArgs(n ast.Node, known map[source]bool) (args []ast.Expr) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Problem" {
					args = append(args, kv.Value)
				}
			}
		}
	case *ast.AssignStmt:
		for i, l := range n.Lhs {
			if sel, ok := l.(*ast.SelectorExpr); ok && sel.Sel.Name == "Problem" && len(n.Rhs) == len(n.Lhs) {
				args = append(args, n.Rhs[i])
			}
		}
	case *ast.CallExpr:
		name := called(n)
		if f, ok := n.Fun.(*ast.SelectorExpr); ok {
			if x, ok := f.X.(*ast.Ident); ok && x.Name == "diag" {
				name = "diag." + name
			}
		}
		switch name {
		case "diag.Sys", "diag.SysWithin":
			return n.Args[:1]
		case "diag.At":
			return n.Args[1:]
		}
		for i, a := range n.Args {
			if known[source{name, i}] {
				args = append(args, a)
			}
		}
	}
	return args
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// scope resolves expressions of one declaration.
type scope struct {
	decl  *ast.FuncDecl
	files []*ast.File
}

// resolve returns the texts that x can have, and the parameter of the function that x is, or starts with.
func (s *scope) resolve(x ast.Expr, depth int) (texts []string, more []source) {
	if depth > 4 {
		return nil, nil
	}
	switch x := x.(type) {
	case *ast.BasicLit:
		if text, err := strconv.Unquote(x.Value); err == nil {
			return []string{text}, nil
		}
	case *ast.ParenExpr:
		return s.resolve(x.X, depth)
	case *ast.BinaryExpr:
		left, more := s.resolve(x.X, depth)
		right, _ := s.resolve(x.Y, depth)
		if len(right) > 0 && strings.HasPrefix(right[0], " ") {
			more = nil // the parameter is the subject of the clause, and not a clause
		}
		if len(left) == 0 {
			left = []string{"…"}
		}
		if len(right) == 0 {
			right = []string{"…"}
		}
		for _, l := range left {
			for _, r := range right {
				texts = append(texts, l+r)
			}
		}
		return texts, more
	case *ast.CallExpr:
		if called(x) == "Sprintf" && len(x.Args) > 0 {
			return s.resolve(x.Args[0], depth)
		}
	case *ast.Ident:
		return s.ident(x.Name, depth)
	}
	return nil, nil
}

// ident follows a name: to a parameter, to what a local variable is assigned, to a constant of the package.
func (s *scope) ident(name string, depth int) (texts []string, more []source) {
	if s.decl != nil {
		n := 0
		for _, field := range s.decl.Type.Params.List {
			for _, p := range field.Names {
				if p.Name == name {
					return nil, []source{{s.decl.Name.Name, n}}
				}
				n++
			}
		}
		ast.Inspect(s.decl, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.AssignStmt:
				for i, l := range node.Lhs {
					if id, ok := l.(*ast.Ident); ok && id.Name == name && len(node.Lhs) == len(node.Rhs) {
						t, m := s.resolve(node.Rhs[i], depth+1)
						texts, more = append(texts, t...), append(more, m...)
					}
				}
			case *ast.ValueSpec:
				for i, id := range node.Names {
					if id.Name == name && i < len(node.Values) {
						t, m := s.resolve(node.Values[i], depth+1)
						texts, more = append(texts, t...), append(more, m...)
					}
				}
			}
			return true
		})
		if len(texts)+len(more) > 0 {
			return texts, more
		}
	}
	for _, f := range s.files {
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range g.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					for i, id := range v.Names {
						if id.Name == name && i < len(v.Values) {
							t, _ := s.resolve(v.Values[i], depth+1)
							texts = append(texts, t...)
						}
					}
				}
			}
		}
	}
	return texts, nil
}
