package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"rt/internal/diag"
)

// TestIntelRdt makes, joins and deletes a container with a class of its own, in a directory that looks like resctrl.
func TestIntelRdt(t *testing.T) {
	bundle := newBundle(t, func(config map[string]any) {
		config["process"].(map[string]any)["args"] = []string{"sleep", "60"}
		config["linux"].(map[string]any)["intelRdt"] = map[string]any{"l3CacheSchema": "L3:0=f"}
	})
	r := &tested{Runtime: Runtime{Root: filepath.Join(t.TempDir(), "root"), resctrl: t.TempDir()}}
	id := "rdt" + strconv.Itoa(os.Getpid())
	if err := r.create(id, &CreateOptions{Bundle: bundle}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.forceDelete(id) })
	class := filepath.Join(r.resctrl, id)
	s, _, err := r.storedState(id)
	if err != nil {
		t.Fatal(err)
	}
	if s.IntelRdt.Class != class {
		t.Errorf("the state has %+v", s.IntelRdt)
	}
	same := func(file, want string) {
		t.Helper()
		if text, err := os.ReadFile(filepath.Join(class, file)); err != nil || string(text) != want {
			t.Errorf("%s holds %q, not %q (%v)", file, text, want, err)
		}
	}
	same("schemata", "L3:0=f\n")
	same("tasks", strconv.Itoa(s.Pid)+"\n")
	if err := r.start(id); err != nil {
		t.Fatal(err)
	}
	c := r.Container(id)
	if err := c.Update(t.Context(), &UpdateOptions{L3CacheSchema: "L3:0=3", MemBwSchema: "MB:0=20"}); err != nil {
		t.Error(err)
	}
	same("schemata", "L3:0=f\nL3:0=3\nMB:0=20\n")
	stats, _, err := c.Stats(t.Context())
	if err != nil || stats.IntelRdt == nil ||
		stats.IntelRdt.Class.MemBw != "MB:0=20" {
		t.Errorf("%+v, %v", stats, err)
	}
	if err := os.Remove(filepath.Join(class, "tasks")); err != nil {
		t.Fatal(err)
	}
	if status, err := r.exec(id, &ExecOptions{ProcessOptions: ProcessOptions{Args: []string{"true"}}}); err != nil ||
		status != 0 {
		t.Fatalf("status %d, %v", status, err)
	}
	// The thread that has made the process: which one that was is not known any more.
	if text, err := os.ReadFile(filepath.Join(class, "tasks")); err != nil || strings.TrimSpace(string(text)) == "" {
		t.Errorf("exec has put nobody into the class: %q, %v", text, err)
	}
	// The kernel removes its files together with a directory.
	for _, file := range []string{"schemata", "tasks"} {
		if err := os.Remove(filepath.Join(class, file)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.forceDelete(id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(class); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the class is still there: %v", err)
	}
}

// TestIntelRdtFailureLeavesNothing has a class that is not there.
func TestIntelRdtFailureLeavesNothing(t *testing.T) {
	bundle := newBundle(t, func(config map[string]any) {
		config["linux"].(map[string]any)["intelRdt"] = map[string]any{"closID": "gold"}
	})
	r := &tested{Runtime: Runtime{Root: filepath.Join(t.TempDir(), "root"), resctrl: t.TempDir()}}
	err := r.create("rdt-fails-"+strconv.Itoa(os.Getpid()), &CreateOptions{Bundle: bundle})
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Field != "linux.intelRdt.closID" {
		t.Errorf("%v", err)
	}
	if entries, _ := os.ReadDir(r.Root); len(entries) != 0 {
		t.Errorf("left in the root: %v", entries)
	}
}
