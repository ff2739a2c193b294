package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// TestOthersAreNotBelieved has another user put things into a state directory.
func TestOthersAreNotBelieved(t *testing.T) {
	fifo := func(name string) func(string) error {
		return func(dir string) error {
			path := filepath.Join(dir, name)
			_ = os.Remove(path)
			return unix.Mkfifo(path, 0o600)
		}
	}
	tests := map[string]struct {
		change func(dir string) error
		want   string
		root   bool // takes root to set up
	}{
		"a FIFO as state.json": {fifo(stateFile), "is not a regular file", false},
		"a link as state.json": {
			func(dir string) error { return os.Rename(dir+"/"+stateFile, dir+"/x") },
			"",
			false,
		},
		"everybody may write state.json": {
			func(dir string) error { return os.Chmod(dir+"/"+stateFile, 0o666) },
			"is writable by every user",
			false,
		},
		"everybody may write the directory": {
			func(dir string) error { return os.Chmod(dir, 0o777) },
			"is writable by every user",
			false,
		},
		"another user's directory": {
			func(dir string) error { return os.Chown(dir, 1234, 1234) },
			"belongs to user 1234",
			true,
		},
		"another user's state.json": {
			func(dir string) error { return os.Chown(dir+"/"+stateFile, 1234, 1234) },
			"belongs to user 1234",
			true,
		},
		"a group's directory": {func(dir string) error {
			return errors.Join(os.Chown(dir, 0, 1234), os.Chmod(dir, 0o770))
		}, "is writable by group 1234", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.root && os.Geteuid() != 0 {
				t.Skip("takes root")
			}
			hung := time.AfterFunc(time.Minute, func() { panic("the command waits") })
			defer hung.Stop()
			path := filepath.Join(t.TempDir(), "root")
			root, err := OpenRoot(path, true)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			c, err := root.Create("web1")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Save(&State{ID: "web1", Phase: Created}); err != nil {
				t.Fatal(err)
			}
			c.Close()
			if err := test.change(path + "/web1"); err != nil {
				t.Fatal(err)
			}
			if name == "a link as state.json" {
				if err := os.Symlink("x", path+"/web1/"+stateFile); err != nil {
					t.Fatal(err)
				}
				test.want = unix.ELOOP.Error()
			}
			c, err = root.Open("web1", false)
			if err == nil {
				defer c.Close()
				_, err = c.State()
			}
			var e *diag.Error
			if !errors.As(err, &e) || !strings.Contains(e.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestRootOfOthers(t *testing.T) {
	path := t.TempDir()
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRoot(path, true); err == nil || !strings.Contains(err.Error(), "is writable by every user") {
		t.Errorf("a directory in which everybody can rename what is there: %v", err)
	}
	for _, mode := range []os.FileMode{0o711, 0o777 | os.ModeSticky} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		root, err := OpenRoot(path, true)
		if err != nil {
			t.Fatal(err)
		}
		root.Close()
	}
}

// TestStickyRoot is about a directory like /tmp: the name of a container may be taken by another user, who gets nothing
// by it.
func TestStickyRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be two users")
	}
	path := t.TempDir()
	if err := os.Chmod(path, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path+"/web1", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(path+"/web1", 4711, 4711); err != nil {
		t.Fatal(err)
	}
	root, err := OpenRoot(path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := root.Create("web1"); err == nil {
		t.Error("another user's directory became a container's")
	}
	if _, err := root.Open("web1", false); err == nil || !strings.Contains(err.Error(), "belongs to user 4711") {
		t.Errorf("another user's directory is opened: %v", err)
	}
	c, err := root.Create("web2")
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}
