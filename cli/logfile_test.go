package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLogsThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	fifo, missing, everybodys := dir+"/fifo", dir+"/no/log", dir+"/tmp"
	planted := everybodys + "/log"
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(everybodys, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Chmod(everybodys, 0o1777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/victim", planted); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{fifo: "FIFO", missing: "ENOENT"}
	if os.Geteuid() == 0 {
		const another = 12345
		if err := os.Lchown(planted, another, another); err != nil {
			t.Fatal(err)
		}
		cases[planted] = "denied" // by the kernel where fs.protected_symlinks is 1, and otherwise by rt
	}
	for path, want := range cases {
		if _, err := openLog(path); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "--log") {
			t.Errorf("%s: %v; want %s", path, err, want)
		}
	}
	if _, err := os.Stat(dir + "/victim"); err == nil {
		t.Error("the link of another user was followed")
	}
}

func TestALinkOfTheCallersIsFollowedByTheLog(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "file"), dir+"/link"); err != nil {
		t.Fatal(err)
	}
	l := &log{path: dir + "/link"}
	if err := l.openFile(); err != nil {
		t.Fatal(err)
	}
	if err := l.entry([]byte("a line\n")); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "file")); string(got) != "a line\n" {
		t.Errorf("the file holds %q", got)
	}
}
