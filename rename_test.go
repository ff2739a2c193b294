package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// `make rename` leaves a tree that builds, whose every package, test and tool is found under the new path.
func TestRename(t *testing.T) {
	const module = "example.org/some.one/rt"
	dir := copyTree(t)
	run(t, dir, "make", "--no-print-directory", "rename", "MODULE="+module)
	const ours = "{{with .Module}}{{if .Main}}{{$.ImportPath}}{{end}}{{end}}"
	for p := range strings.FieldsSeq(run(t, dir, "go", "list", "-test", "-deps", "-f", ours, "./...")) {
		if strings.HasPrefix(p, "rt/") {
			t.Errorf("the package %s has its old path", p)
		}
	}
	// The linker sets no variable of a path that is not there, and doesn't say so.
	run(t, dir, "make", "--no-print-directory", "rt", "VERSION=1.2.3", "COMMIT=abc")
	if out := run(t, dir, "./rt", "--version"); !strings.Contains(out, "1.2.3") {
		t.Errorf("rt of the renamed module says version %q, built as 1.2.3", out)
	}
	cmd := exec.Command("make", "rename", "MODULE=not a path")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "must be names") {
		t.Errorf("make rename MODULE='not a path': %v\n%s", err, out)
	}
}

// copyTree copies the files of this module, apart from git's and what is built, and returns where they are.
func copyTree(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{".golangci.yml", "Makefile", "VERSION", "go.mod", "go.sum"} {
		copyFile(t, name, filepath.Join(dir, name))
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		switch {
		case e.IsDir() && e.Name() != ".git" && e.Name() != "build":
			if err := os.CopyFS(filepath.Join(dir, e.Name()), os.DirFS(e.Name())); err != nil {
				t.Fatal(err)
			}
		case filepath.Ext(e.Name()) == ".go" || filepath.Ext(e.Name()) == ".s":
			copyFile(t, e.Name(), filepath.Join(dir, e.Name()))
		}
	}
	return dir
}

func copyFile(t *testing.T, from, to string) {
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, out)
	}
	return string(out)
}
