package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFinishedRowsAreKnown has a tree of one commit: a result counts as long as nothing but results has changed.
func TestFinishedRowsAreKnown(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal(err)
	}
	top := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	write(t, top, "VERSION", "1.0\n")
	write(t, top, pageOfTree, "before")
	git := func(args ...string) {
		args = append([]string{"-C", top, "-c", "user.name=a", "-c", "user.email=b"}, args...)
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v: %s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "c")
	expect := func(want bool, when string) {
		t.Helper()
		if isFinished(top, "r-t") != want {
			t.Errorf("%s: finished is %t", when, !want)
		}
	}
	res := result{Row: "r", Test: "t", Version: version(top), Parts: []part{{Name: "a", Failed: []string{"TestX"}}}}
	keep := func() {
		t.Helper()
		if err := store(res); err != nil {
			t.Fatal(err)
		}
	}
	expect(false, "without a result")
	keep()
	expect(true, "with a result")
	write(t, top, pageOfTree, "after")
	expect(true, "with another page")
	checkSnapshot(t, top, false)
	write(t, top, "new", "file")
	expect(false, "with a new file")
	checkSnapshot(t, top, true)
	if err := os.Remove(filepath.Join(top, "new")); err != nil {
		t.Fatal(err)
	}
	res.Parts[0].Failed = []string{theMachine + "exit status 124"}
	keep()
	expect(false, "when the machine ended early")
	res.Parts = nil
	keep()
	write(t, top, "VERSION", "1.1\n")
	expect(false, "with another source")
	res.Version = version(top)
	keep()
	expect(false, "with a result of no commit")
}

// checkSnapshot checks whether the matrix tests the tree itself, and that what it checks out has the tree's version.
func checkSnapshot(t *testing.T, top string, want bool) {
	t.Helper()
	dir, remove, err := snapshot(top)
	if err != nil {
		t.Fatal(err)
	}
	if (dir == top) != want || version(dir) != version(top) {
		t.Errorf("the snapshot of %s is %s, version %s of %s", top, dir, version(dir), version(top))
	}
	remove()
	if _, err := os.Stat(dir); os.IsNotExist(err) == want {
		t.Errorf("after removal, %s: %v", dir, err)
	}
}

func write(t *testing.T, top, name, text string) {
	t.Helper()
	path := filepath.Join(top, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
