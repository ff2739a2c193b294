package cgroup

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func needsSystemd(t *testing.T) {
	t.Helper()
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		t.Skip("SKIP: systemd does not run here; tests/vm/cgroup runs this test where it does")
	}
	// In hybrid mode TestInV2 shows nothing but this hierarchy.
	if text, err := os.ReadFile(root + "/cgroup.controllers"); err == nil && len(text) <= len("\n") {
		t.Skip("SKIP: systemd has its controllers in other hierarchies than this one")
	}
}

// needsUnified skips a test about files of cgroup v2 where systemd uses another hierarchy.
func needsUnified(t *testing.T) {
	t.Helper()
	needsSystemd(t)
	if _, err := os.Stat(root + "/init.scope"); err != nil {
		t.Skip("SKIP: systemd does not use cgroup v2 here")
	}
}

// newScope is a Group of the systemd driver: the system's as root, the user's otherwise.
func newScope(t *testing.T, name string, c Config) *Group {
	t.Helper()
	needsSystemd(t)
	c.ID, c.Systemd, c.Rootless = name, true, os.Geteuid() != 0
	if c.Path == "" {
		c.Path = ":rttest:" + name + strconv.Itoa(os.Getpid())
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.Kill(unix.SIGKILL)
		if err := g.Destroy(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// show is one property of the unit, as systemd has it.
func show(t *testing.T, g *Group, property string) string {
	t.Helper()
	args := []string{"show", "--value", "--property", property, g.unit.name}
	if g.rootless {
		args = append([]string{"--user"}, args...)
	}
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemctl: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestScope(t *testing.T) {
	needsUnified(t)
	g := newScope(t, "scope", Config{
		Resources: &specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: new(int64(64 << 20))},
			Pids:   &specs.LinuxPids{Limit: new(int64(50))},
			CPU:    &specs.LinuxCPU{Shares: new(uint64(512)), Quota: new(int64(50000)), Period: new(uint64(100000))},
		},
		Annotations: map[string]string{"org.systemd.property.RuntimeMaxSec": "7200"},
	})
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := sleeper(t, g)
	for property, want := range map[string]string{
		"ActiveState": "active", "MemoryMax": "67108864", "TasksMax": "50", "Delegate": "yes", "RuntimeMaxUSec": "2h",
		"CPUQuotaPerSecUSec": "500ms",
	} {
		if got := show(t, g, property); got != want {
			t.Errorf("%s: %q, want %q", property, got, want)
		}
	}
	dir := g.dir("memory")
	for file, want := range map[string]string{
		"memory.max": "67108864\n", "pids.max": "50\n",
		"cpu.max": "50000 100000\n",
	} {
		if got, err := readFile(dir, file); got != want {
			t.Errorf("%s: %q, %v, want %q", file, got, err, want)
		}
	}
	if pids, err := g.Pids(); err != nil || len(pids) != 1 || pids[0] != c.Process.Pid {
		t.Errorf("Pids: %v, %v", pids, err)
	}
	loaded, err := Load(g.Saved())
	if err != nil {
		t.Fatal(err)
	}
	memory := &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(32 << 20))}}
	if err := loaded.Update(memory); err != nil {
		t.Fatal(err)
	}
	if got, err := readFile(dir, "memory.max"); got != "33554432\n" {
		t.Errorf("after Update: %q, %v", got, err)
	}
	if got := show(t, g, "MemoryMax"); got != "33554432" {
		t.Errorf("after Update, in systemd: %q", got)
	}
	if err := loaded.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = c.Wait()
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is left", dir)
	}
	if got := show(t, g, "ActiveState"); got != "inactive" {
		t.Errorf("the unit is %s", got)
	}
}

// TestScopeFailureLeavesNothing has a limit that systemd takes and the kernel does not.
func TestScopeFailureLeavesNothing(t *testing.T) {
	needsUnified(t)
	g := newScope(
		t,
		"fail",
		Config{Resources: &specs.LinuxResources{Unified: map[string]string{"memory.high": "nonsense"}}},
	)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	err := g.Attach(c.Process.Pid)
	if err == nil || !strings.HasPrefix(err.Error(), `linux.resources.unified["memory.high"]: `) {
		t.Errorf("got %v", err)
	}
	t.Log(err)
	if got := show(t, g, "ActiveState"); got != "inactive" {
		t.Errorf("the unit is %s", got)
	}
}

// TestScopeRefusesBadProperty: what would affect more than the container is refused before systemd is asked.
func TestScopeRefusesBadProperty(t *testing.T) {
	needsSystemd(t)
	_, err := New(Config{
		ID: "bad", Systemd: true, Rootless: os.Geteuid() != 0,
		Annotations: map[string]string{"org.systemd.property.NoSuchThing": "true"},
	})
	if err == nil || !strings.HasPrefix(err.Error(), `annotations["org.systemd.property.NoSuchThing"]: `) {
		t.Errorf("got %v", err)
	}
}

// TestScopeSurvivesReload: systemd must not undo limits or device rules when it reads its files again.
func TestScopeSurvivesReload(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("SKIP: only root has device rules")
	}
	needsUnified(t)
	g := newScope(
		t,
		"reload",
		Config{Resources: &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(64 << 20))}}},
	)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	sleeper(t, g)
	filters := func() int {
		fd, err := g.attachPoint()
		if err != nil {
			t.Fatal(err)
		}
		ids, err := filtersAt(fd)
		if err != nil {
			t.Fatal(err)
		}
		return len(ids)
	}
	before := filters()
	if out, err := exec.Command("systemctl", "daemon-reload").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if after := filters(); before != 1 || after != 1 {
		t.Errorf("%d device filters, %d after the reload, want 1", before, after)
	}
	if got, err := readFile(g.dir("memory"), "memory.max"); got != "67108864\n" {
		t.Errorf("memory.max is %q, %v", got, err)
	}
}
