package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A restore has no plan: CRIU makes the processes, and rt prepares what CRIU needs and completes what it leaves. The
// steps are statements of rt's source, and the options of the request to CRIU. Each is taken out like a step of a plan:
// the source of the mutants' rt asks RT_MUTANT before it executes one.

// restoreSources are the files with the steps of a restore. What compares the restored processes with the config is
// not among them: tests/attack takes that out.
var restoreSources = []string{
	"libcontainer/checkpoint/restore.go", "libcontainer/checkpoint/restore_mounts.go",
	"libcontainer/creation/restore.go",
}

// asks is what the statements of a package ask.
const asks = `package %s

import (
	"os"
	"strconv"
)

// mutantOff reports whether step n is taken out; "reach FILE" notes that it is made.
func mutantOff(n int) bool {
	order := os.Getenv("RT_MUTANT")
	if len(order) > 6 && order[:6] == "reach " {
		f, err := os.OpenFile(order[6:], os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			_, err = f.WriteString("{\"step\":" + strconv.Itoa(n) + "}\n")
			_ = f.Close()
		}
		if err != nil {
			panic(err)
		}
	}
	return order == "source "+strconv.Itoa(n)
}

func mutantSkip(n int, step func() error) error {
	if mutantOff(n) {
		return nil
	}
	return step()
}

func mutantKept[T any](n int, value T) (kept T) {
	if !mutantOff(n) {
		kept = value
	}
	return kept
}
`

// rewriter finds the steps of a file, and puts the questions into it.
type rewriter struct {
	set   *token.FileSet
	text  []byte
	edits []edit
	next  int // the number of the next mutant
	found []*mutant
	where string // the function

	initial map[ast.Stmt]bool // what an if statement begins with
}

// edit replaces the text from one offset to another.
type edit struct {
	from, to int
	text     string
}

// rewriteSources returns the mutants of the restore, and writes into dir the sources that have them.
func rewriteSources(root, dir string, replace map[string]string) ([]*mutant, error) {
	w := &rewriter{set: token.NewFileSet(), next: 1, initial: make(map[ast.Stmt]bool)}
	for _, file := range restoreSources {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		changed, err := w.rewrite(file, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		pkg := filepath.Dir(file)
		to := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(to, changed, 0o644); err != nil {
			return nil, err
		}
		replace[filepath.Join(root, file)] = to
		asked := filepath.Join(dir, filepath.Base(pkg)+"_mutant.go")
		if err := os.WriteFile(asked, fmt.Appendf(nil, asks, filepath.Base(pkg)), 0o644); err != nil {
			return nil, err
		}
		replace[filepath.Join(root, pkg, "mutant.go")] = asked
	}
	if len(w.found) < 30 {
		return nil, fmt.Errorf("a restore has only %d steps: has its source moved?", len(w.found))
	}
	return w.found, nil
}

// rewrite returns the text of a file with the questions.
func (w *rewriter) rewrite(name string, text []byte) ([]byte, error) {
	file, err := parser.ParseFile(w.set, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	w.text, w.edits = text, nil
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			w.where = filepath.Base(name) + ", " + f.Name.Name
			w.function(f.Type, f.Body)
		}
	}
	slices.SortStableFunc(w.edits, func(a, b edit) int { return a.from - b.from })
	var out bytes.Buffer
	at := 0
	for _, e := range w.edits {
		out.Write(text[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}
	out.Write(text[at:])
	return format.Source(out.Bytes())
}

// function finds the steps of a function.
func (w *rewriter) function(kind *ast.FuncType, body *ast.BlockStmt) {
	fails := kind.Results != nil && len(kind.Results.List) == 1 && w.source(kind.Results.List[0].Type) == "error"
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			w.function(n.Type, n.Body)
			return false
		case *ast.ReturnStmt:
			if call := onlyCall(n.Results); call != nil && fails {
				w.skip(call)
			}
		case *ast.IfStmt:
			if a, ok := n.Init.(*ast.AssignStmt); ok {
				if call := onlyCall(a.Rhs); call != nil && len(a.Lhs) == 1 {
					w.skip(call)
				}
				w.initial[n.Init] = true
			}
		case *ast.AssignStmt:
			if !w.initial[n] {
				w.assignment(n)
			}
		case *ast.ExprStmt:
			if call, ok := n.X.(*ast.CallExpr); ok {
				w.statement(n, call)
			}
		case *ast.DeferStmt:
			if _, ok := n.Call.Fun.(*ast.FuncLit); !ok {
				w.statement(n, n.Call)
			}
		case *ast.CompositeLit:
			w.options(n)
		case *ast.CallExpr:
			w.flags(n)
		}
		return true
	})
}

// onlyCall returns the only one of some expressions, if it is a call, and not one that makes an error.
func onlyCall(list []ast.Expr) *ast.CallExpr {
	if len(list) != 1 {
		return nil
	}
	call, ok := list[0].(*ast.CallExpr)
	if !ok {
		return nil
	}
	for e := call.Fun; ; {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			if id, ok := e.(*ast.Ident); ok && (id.Name == "diag" || id.Name == "new" || id.Name == "append") {
				return nil
			}
			return call
		}
		if inner, ok := s.X.(*ast.CallExpr); ok {
			e = inner.Fun
		} else {
			e = s.X
		}
	}
}

// assignment finds `err = call()`, and the fields that are set.
func (w *rewriter) assignment(n *ast.AssignStmt) {
	if len(n.Lhs) != 1 {
		return
	}
	switch to := n.Lhs[0].(type) {
	case *ast.Ident:
		call := onlyCall(n.Rhs)
		switch {
		case call == nil:
		case to.Name == "err":
			w.skip(call)
		case to.Name == "_":
			w.statement(n, call)
		}
	case *ast.SelectorExpr:
		if n.Tok == token.ASSIGN {
			w.statement(n, n)
		}
	}
}

// skip makes a call that returns an error a step.
func (w *rewriter) skip(call *ast.CallExpr) {
	n := w.add(call, dropped)
	w.insert(call.Pos(), fmt.Sprintf("mutantSkip(%d, func() error { return ", n))
	w.insert(call.End(), " })")
}

// statement makes a statement a step. A goroutine that is not bound to its thread may work all the same, so that this
// loss would show only now and then.
func (w *rewriter) statement(s ast.Stmt, what ast.Node) {
	if strings.HasPrefix(w.source(what), "runtime.") {
		return
	}
	n := w.add(what, dropped)
	w.insert(s.Pos(), fmt.Sprintf("if !mutantOff(%d) {\n", n))
	w.insert(s.End(), "\n}")
}

// options finds the options of a request to CRIU.
func (w *rewriter) options(n *ast.CompositeLit) {
	if n.Type == nil || w.source(n.Type) != "criu.Options" && w.source(n.Type) != "checkpoint.Handlers" {
		return
	}
	for _, e := range n.Elts {
		pair := e.(*ast.KeyValueExpr)
		if w.source(n.Type) == "checkpoint.Handlers" {
			continue // a handler that is absent would be called all the same
		}
		number := w.add(n.Type, "without "+w.source(pair.Key))
		w.insert(pair.Value.Pos(), fmt.Sprintf("mutantKept(%d, ", number))
		w.insert(pair.Value.End(), ")")
	}
}

// flagTypes are the types of the flags of calls.
var flagTypes = map[string]string{"unix.Mount": "uintptr", "unix.Open": "int"}

// flags finds the flags of a call.
func (w *rewriter) flags(call *ast.CallExpr) {
	kind := flagTypes[w.source(call.Fun)]
	if kind == "" {
		return
	}
	for _, a := range call.Args {
		var list []ast.Expr
		for e := a; ; {
			b, ok := e.(*ast.BinaryExpr)
			if !ok || b.Op != token.OR {
				if len(list) > 0 {
					list = append(list, e)
				}
				break
			}
			list, e = append(list, b.Y), b.X
		}
		for _, e := range list {
			name, ok := strings.CutPrefix(w.source(e), "unix.")
			if !ok || strings.HasPrefix(name, "O_RDONLY") {
				continue
			}
			number := w.add(call, "without "+name)
			w.insert(e.Pos(), fmt.Sprintf("mutantKept[%s](%d, ", kind, number))
			w.insert(e.End(), ")")
		}
	}
}

func (w *rewriter) insert(at token.Pos, text string) {
	offset := w.set.Position(at).Offset
	w.edits = append(w.edits, edit{offset, offset, text})
}

// source is the text of a node, in a line.
func (w *rewriter) source(n ast.Node) string {
	from, to := w.set.Position(n.Pos()).Offset, w.set.Position(n.End()).Offset
	return strings.Join(strings.Fields(string(w.text[from:to])), " ")
}

// add adds a mutant, and returns its number.
func (w *rewriter) add(what ast.Node, change string) int {
	n := w.next
	w.next++
	w.found = append(w.found, &mutant{Number: n, Text: w.source(what), Why: w.where, Change: change, source: true})
	return n
}

// restoreSteps returns the mutants of a scenario that restores, and learns which of them are made.
func (r *rig) restoreSteps(s *scenario, k *knowledge) error {
	for _, m := range r.sources {
		one := *m
		k.mutants = append(k.mutants, &one)
	}
	return r.notes(s, k, "reach ")
}
