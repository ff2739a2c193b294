package cgroup

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"rt/internal/diag"
	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// These tests make real cgroups, in whatever mode the machine is in; TestInV2 and tests/vm/cgroup run them in others.

// newGroup makes a Group at an absolute path of the test's own, and sees to its removal.
func newGroup(t *testing.T, r *specs.LinuxResources) *Group {
	t.Helper()
	needRights(t)
	g, err := New(
		Config{
			ID:        "x",
			Path:      "/rt-test-" + strconv.Itoa(os.Getpid()) + "/" + strings.ReplaceAll(t.Name(), "/", "-"),
			Resources: r,
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = g.Kill(unix.SIGKILL)
		if err := g.Destroy(); err != nil {
			t.Error(err)
		}
		for _, pl := range g.hierarchies {
			if err := unix.Rmdir(filepath.Dir(pl.dir)); err != nil && err != unix.ENOENT {
				t.Errorf("%s: %v", filepath.Dir(pl.dir), err)
			}
		}
	})
	return g
}

// needRights skips, with the reason, where no cgroup can be made.
func needRights(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIP: making cgroups takes root")
	}
	if Mode() == host.CgroupNone {
		t.Skip("SKIP: no cgroups are mounted at " + root)
	}
}

// create makes the cgroup with its limits, or leaves nothing.
func create(g *Group) error {
	err := g.Create()
	if err == nil {
		if err = g.Limit(); err != nil {
			g.Undo()
		}
	}
	return err
}

// sleeper starts a process that sleeps, moves it into the cgroup and returns it.
func sleeper(t *testing.T, g *Group) *exec.Cmd {
	t.Helper()
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	if err := g.Attach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLife(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := sleeper(t, g)
	pids, err := g.Pids()
	if err != nil || len(pids) != 1 || pids[0] != c.Process.Pid {
		t.Fatalf("Pids: %v, %v, want [%d]", pids, err, c.Process.Pid)
	}
	again, err := New(g.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(again); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a cgroup in use was taken again: %v", err)
	}
	loaded, err := Load(g.Saved())
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Freeze(); err != nil {
		t.Fatal(err)
	}
	if f, err := loaded.Frozen(); !f || err != nil {
		t.Errorf("Frozen: %v, %v after Freeze", f, err)
	}
	if err := loaded.Kill(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil ||
		c.ProcessState.Sys().(interface{ Signal() unix.Signal }).Signal() != unix.SIGKILL {
		t.Errorf("the frozen process ended with %v", c.ProcessState)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	for _, pl := range g.hierarchies {
		if _, err := os.Stat(pl.dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", pl.dir)
		}
	}
	if err := loaded.Destroy(); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
	if pids, err := loaded.Pids(); err != nil || len(pids) != 0 {
		t.Errorf("the pids of what is gone: %v, %v", pids, err)
	}
}

// TestKept is a cgroup that was there before: it is used if it is unused, and not removed.
func TestKept(t *testing.T) {
	g := newGroup(t, nil)
	for _, pl := range g.hierarchies {
		below := pl.dir + "/below"
		if pl.list == "devices" {
			below = pl.dir // v1 takes no new default rule with cgroups below
		}
		if err := os.MkdirAll(below, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(
			func() { _ = os.Remove(pl.dir + "/below"); _ = os.Remove(pl.dir); _ = os.Remove(filepath.Dir(pl.dir)) },
		)
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := sleeper(t, g)
	loaded, err := Load(g.Saved())
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		time.Sleep(50 * time.Millisecond)
		_ = c.Process.Kill()
		_ = c.Wait()
	}()
	if err := loaded.Destroy(); err != nil {
		t.Error(err)
	}
	for _, pl := range g.hierarchies {
		if pids, err := cgroups.GetAllPids(pl.dir); err != nil || len(pids) != 0 {
			t.Errorf("%s: %v, %v", pl.dir, pids, err)
		}
		if _, err := os.Stat(pl.dir + "/below"); err != nil && pl.list != "devices" {
			t.Error(err)
		}
	}
}

func TestKillSignalsSubgroups(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	dir := g.processesDir() + "/sub"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	a, b := sleeper(t, g), sleeper(t, g)
	if err := writeFile(dir, "cgroup.procs", strconv.Itoa(b.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	if err := g.Kill(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*exec.Cmd{a, b} {
		if err := c.Wait(); err == nil {
			t.Error("a process survived")
		}
	}
	if f, err := g.Frozen(); f || err != nil {
		t.Errorf("left frozen: %v, %v", f, err)
	}
}

// TestFailureLeavesNothing asks for a limit that no kernel takes, two new levels deep.
func TestFailureLeavesNothing(t *testing.T) {
	g := newGroup(
		t,
		&specs.LinuxResources{
			CPU:    &specs.LinuxCPU{Cpus: "70000"},
			Memory: &specs.LinuxMemory{Limit: new(int64(1 << 20))},
		},
	)
	err := create(g)
	var e *diag.Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Field, "linux.resources.") {
		t.Fatalf("got %v, want an error of a field", err)
	}
	t.Log(err)
	nothingLeft(t, g)
}

func TestDestroyWaits(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	c := sleeper(t, g)
	go func() {
		time.Sleep(100 * time.Millisecond)
		_ = c.Process.Kill()
	}()
	if err := g.Destroy(); err != nil {
		t.Error(err)
	}
}

// TestJoins enters the cgroups of v1 as the boot process does.
func TestJoins(t *testing.T) {
	g := newGroup(t, nil)
	if g.mode == host.CgroupV2 {
		t.Skip("SKIP: on v2 a process is cloned into its cgroup")
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	joins, err := g.OpenJoins()
	if err != nil || len(joins) == 0 {
		t.Fatal(joins, err)
	}
	c := exec.Command("sh", "-c", `for fd; do echo 0 >/proc/self/fd/"$fd" || exit 1; done; cat /proc/self/cgroup`, "sh")
	for i, j := range joins {
		fd, err := unix.Dup(j.FD)
		if err != nil {
			t.Fatal(err)
		}
		c.ExtraFiles = append(c.ExtraFiles, os.NewFile(uintptr(fd), j.Path))
		c.Args = append(c.Args, strconv.Itoa(3+i))
	}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := strings.TrimPrefix(g.hierarchies[0].dir, g.hierarchies[0].base)
	if n := strings.Count(string(out), ":"+want+"\n"); n != len(joins) {
		t.Errorf("in %d of %d cgroups:\n%s", n, len(joins), out)
	}
}

// TestCloneInto is the way into a v2 cgroup.
func TestCloneInto(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	fd, err := g.OpenDir()
	if err != nil {
		t.Fatal(err)
	}
	if fd < 0 {
		t.Skip("SKIP: no cgroup2 is mounted")
	}
	c := exec.Command("cat", "/proc/self/cgroup")
	c.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	if want := "0::/rt-test-" + strconv.Itoa(os.Getpid()) + "/TestCloneInto\n"; !strings.Contains(string(out), want) {
		t.Errorf("got %s, want %s", out, want)
	}
}

// TestInV2 runs the others on cgroup2, in a mount namespace of their own, where the machine mounts v1. Its hierarchy
// may lack controllers.
func TestInV2(t *testing.T) {
	needRights(t)
	if Mode() == host.CgroupV2 {
		t.Skip("SKIP: this machine is in v2 mode, so the others ran in it")
	}
	const script = `umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
		exec "$0" -test.v -test.timeout=20m`
	cmd := exec.Command("unshare", "-m", "--propagation", "private", "sh", "-c", script, os.Args[0])
	cmd.WaitDelay = 10 * time.Second // a process that a test has left has the pipe of its output
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if n := strings.Count(string(out), "--- PASS"); n < 20 {
		t.Errorf("only %d tests passed on v2: %s", n, out)
	}
}

// TestHierarchies: each hierarchy can be mounted again from what is told about it, and leads to the container's cgroup.
func TestHierarchies(t *testing.T) {
	g := newGroup(t, nil)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	list := g.Hierarchies()
	if len(list) == 0 {
		t.Fatal("none")
	}
	for _, h := range list {
		var st unix.Statfs_t
		if err := unix.Statfs(h.Path, &st); err != nil || (st.Type == unix.CGROUP2_SUPER_MAGIC) != h.V2 {
			t.Errorf("%+v: %v, file system %#x", h, err, st.Type)
		}
		for _, l := range h.Links {
			if to, err := os.Readlink(root + "/" + l); err != nil || to != h.Name {
				t.Errorf("%s leads to %s, not %s (%v)", l, to, h.Name, err)
			}
		}
		if h.V2 {
			continue
		}
		dir := t.TempDir()
		if err := unix.Mount("none", dir, "cgroup", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
			h.Controllers); err != nil {
			// The kernel takes a named hierarchy only with "none".
			if err = unix.Mount("none", dir, "cgroup", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC,
				"none,"+h.Controllers); err != nil {
				t.Errorf("mounting %+v: %v", h, err)
				continue
			}
		}
		if _, err := os.Stat(dir + strings.TrimPrefix(h.Path, root+"/"+h.Name)); err != nil {
			t.Errorf("%+v: %v", h, err)
		}
		_ = unix.Unmount(dir, unix.MNT_DETACH)
	}
}
