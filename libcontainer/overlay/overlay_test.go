package overlay

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/state"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks that a directory can't be taken, and that the error names who has it.
func refused(t *testing.T, dir, by string) {
	t.Helper()
	d, err := Take(dir, "the option")
	var e *diag.Error
	if !errors.As(err, &e) || e.Field != "--overlay" || e.Value != "the option" || !strings.Contains(e.Problem, by) {
		t.Fatalf("%v, want one that names %q", err, by)
	}
	if d != nil {
		t.Error("there is a directory besides the error")
	}
}

func TestOneContainerAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "changes")
	first, err := Take(dir, "")
	must(t, err)
	refused(t, dir, "another container") // by the lock
	must(t, unix.Access(dir, unix.F_OK))
	start, err := state.StartTime(os.Getpid())
	must(t, err)
	must(t, os.Mkdir(dir+"/upper", 0o755))
	must(t, first.Record("c1", os.Getpid(), start))
	first.Undo() // the contents are permanent
	first.Close()
	refused(t, dir, "container c1 (pid ") // by used-by
	must(t, unix.Access(dir+"/upper", unix.F_OK))
	must(t, os.WriteFile(dir+"/used-by", []byte("c1 1 1\n"), 0o600)) // the process of c1 has ended
	second, err := Take(dir, "")
	must(t, err)
	second.Undo() // changes of an earlier container stay
	second.Close()
	must(t, unix.Access(dir+"/upper", unix.F_OK))
}

func TestFailureLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "changes")
	d, err := Take(dir, "")
	must(t, err)
	must(t, os.MkdirAll(dir+"/upper/x", 0o755))
	d.Undo()
	d.Close()
	if err := unix.Access(dir, unix.F_OK); err != unix.ENOENT {
		t.Errorf("the directory that Take has made: %v", err)
	}
	must(t, os.Mkdir(dir, 0o755))
	d, err = Take(dir, "")
	must(t, err)
	must(t, os.MkdirAll(dir+"/work/work", 0o755))
	d.Undo()
	d.Close()
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("in a directory that was empty: %v, %v", entries, err)
	}
	must(t, os.WriteFile(dir+"/file", nil, 0o600))
	if _, err := Take(dir+"/file", ""); err == nil {
		t.Error("a file is taken")
	}
}
