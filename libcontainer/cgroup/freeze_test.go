package cgroup

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/host"
)

// TestFreezeWithoutProcesses: a container whose processes end while it is paused is no container to wait for. On v1 the
// kernel says at once that a cgroup without processes is frozen.
func TestFreezeWithoutProcesses(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := sleeper(t, g)
	if err := g.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if err := g.Thaw(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	err := g.Freeze()
	if took := time.Since(began); took > freezeLimit/2 {
		t.Errorf("it took %v", took)
	}
	if g.mode != host.CgroupV2 {
		return
	}
	e, ok := errors.AsType[*diag.Error](err)
	if !ok || e.Kind != diag.State || !strings.Contains(err.Error(), "container not running") {
		t.Errorf("Freeze: %v", err)
	}
	if frozen, err := g.Frozen(); frozen || err != nil {
		t.Errorf("Frozen: %v, %v: it was left frozen", frozen, err)
	}
}

// TestFreezeEndsAtItsLimit: a file that does not say frozen, as that of a process that waits for a server.
func TestFreezeEndsAtItsLimit(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"cgroup.freeze": "0", "cgroup.events": "populated 1\nfrozen 0\n"} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := freezeV2(dir, 20*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "a process has not stopped within 20ms") {
		t.Errorf("freezeV2: %v", err)
	}
	if text, err := readFile(dir, "cgroup.freeze"); err != nil || text != "0" {
		t.Errorf("cgroup.freeze is %q, %v", text, err)
	}
}
