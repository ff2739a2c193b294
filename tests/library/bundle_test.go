// Package library uses rt's package libcontainer as a program of somebody else does: from a module of its own, by its
// exported names alone. It needs root, and busybox-static for a root file system.
package library

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"rt/libcontainer"
)

// TestMain lets the binary be the caller of the tests of inheritance: see inherit_test.go.
func TestMain(m *testing.M) {
	if os.Getenv("RT_TEST_CALLER") != "" {
		caller()
		return
	}
	os.Exit(m.Run())
}

type object = map[string]any

// bundle makes a bundle with busybox, and a config.json that runs a script. edit changes the config.
func bundle(t *testing.T, script string, edit func(config object)) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs root, and busybox-static for a root file system")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "rootfs", "bin")
	must(t, os.MkdirAll(bin, 0o755))
	text, err := os.ReadFile(busybox)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(bin, "busybox"), text, 0o755))
	for _, name := range []string{"sh", "cat", "ls", "sleep", "env", "grep", "chmod", "true", "pwd"} {
		must(t, os.Symlink("busybox", filepath.Join(bin, name)))
	}
	config := object{
		"ociVersion": "1.3.0",
		"root":       object{"path": "rootfs"},
		"process": object{
			"cwd": "/", "args": []string{"sh", "-c", script}, "env": []string{"PATH=/bin"},
			"user": object{"uid": 0, "gid": 0},
		},
		"mounts": []object{{"destination": "/proc", "type": "proc", "source": "proc"}},
		"linux":  object{"namespaces": []object{{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}}},
	}
	if edit != nil {
		edit(config)
	}
	text, err = json.Marshal(config)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
	return dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newRuntime returns a runtime with a state directory of its own.
func newRuntime(t *testing.T) *libcontainer.Runtime {
	return &libcontainer.Runtime{Root: filepath.Join(t.TempDir(), "state")}
}

var last atomic.Int32

// newID returns an ID that no other container of this machine has.
func newID() string {
	return "library-" + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(int(last.Add(1)))
}

// output returns a file for a container to write to, and a function that returns what it has written.
func output(t *testing.T) (*os.File, func() string) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f, func() string {
		text, err := os.ReadFile(f.Name())
		must(t, err)
		return string(text)
	}
}

// isEmpty checks that nothing is left in a state directory.
func isEmpty(t *testing.T, root string) {
	t.Helper()
	if list, err := os.ReadDir(root); err == nil && len(list) != 0 {
		t.Errorf("left in the state directory: %v", list)
	}
}
