package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestUpdate(t *testing.T) {
	mem := func(limit, swap int64) *specs.LinuxResources {
		r := &specs.LinuxResources{Memory: &specs.LinuxMemory{}}
		if limit != 0 {
			r.Memory.Limit = &limit
		}
		if swap != 0 {
			r.Memory.Swap = &swap
		}
		return r
	}
	g := newGroup(t, mem(64<<20, 64<<20))
	if !offers(g, "memory") {
		t.Skip("SKIP: this machine has no controller memory")
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	sleeper(t, g)
	loaded, err := Load(g.Saved())
	if err != nil {
		t.Fatal(err)
	}
	limitFile, swapFile, counted := "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", int64(0)
	if g.mode == host.CgroupV2 {
		limitFile, swapFile = "memory.max", "memory.swap.max"
	}
	for _, step := range []struct {
		name        string
		limit, swap int64 // given
		memory, sum int64 // in force
	}{
		{"up, in the order the kernel wants", 128 << 20, 128 << 20, 128 << 20, 128 << 20},
		{"down, in the other order", 32 << 20, 32 << 20, 32 << 20, 32 << 20},
		{"swap alone", 0, 96 << 20, 32 << 20, 96 << 20},
	} {
		if err := loaded.Update(mem(step.limit, step.swap)); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if g.mode == host.CgroupV2 {
			counted = step.memory
		}
		dir := g.dir("memory")
		if got, _ := readFile(dir, limitFile); got != strconv.FormatInt(step.memory, 10)+"\n" {
			t.Errorf("%s: %s is %q", step.name, limitFile, got)
		}
		if got, err := readFile(dir, swapFile); err == nil && got != strconv.FormatInt(step.sum-counted, 10)+"\n" {
			t.Errorf("%s: %s is %q", step.name, swapFile, got)
		}
	}
	check := mem(4096, 0)
	check.Memory.CheckBeforeUpdate = new(true)
	worker(t, g)
	err = loaded.Update(check)
	if g.mode == host.CgroupV2 && (err == nil || !strings.HasPrefix(err.Error(), "linux.resources.memory.limit: ")) {
		t.Errorf("a limit below the usage, with checkBeforeUpdate: %v", err)
	}
	shares := &specs.LinuxResources{CPU: &specs.LinuxCPU{Shares: new(uint64(1 << 20))}}
	if err := loaded.Update(shares); g.mode != host.CgroupV2 &&
		(err == nil || !strings.HasPrefix(err.Error(), "linux.resources.cpu.shares: ")) {
		t.Errorf("shares above the kernel's range: %v", err)
	}
}

// TestFailedUpdateChangesNothing: the library sets one limit after the other, and the last one here is refused.
func TestFailedUpdateChangesNothing(t *testing.T) {
	g := newGroup(t, &specs.LinuxResources{
		Memory: &specs.LinuxMemory{
			Limit: new(int64(64 << 20)),
			Swap:  new(int64(64 << 20)),
		}, Pids: &specs.LinuxPids{Limit: new(int64(20))},
		CPU: &specs.LinuxCPU{Shares: new(uint64(512)), Quota: new(int64(50000)), Period: new(uint64(100000))},
	})
	if !offers(g, "memory") || !offers(g, "cpuset") {
		t.Skip("SKIP: this machine has no controller memory, or no cpuset")
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	sleeper(t, g)
	for _, r := range []*specs.LinuxResources{
		{Memory: &specs.LinuxMemory{Limit: new(int64(32 << 20)), Swap: new(int64(32 << 20))}},
		{Memory: &specs.LinuxMemory{Limit: new(int64(128 << 20)), Swap: new(int64(128 << 20))}},
	} {
		r.Pids = &specs.LinuxPids{Limit: new(int64(30))}
		r.CPU = &specs.LinuxCPU{Shares: new(uint64(1024)), Quota: new(int64(10000)), Cpus: "70000"}
		loaded, err := Load(g.Saved())
		if err != nil {
			t.Fatal(err)
		}
		before := g.takeSnapshot()
		if len(before) < 5 {
			t.Fatalf("only %d files: %v", len(before), before)
		}
		if err := loaded.Update(r); err == nil || !strings.HasPrefix(err.Error(), "linux.resources.cpu.cpus ") ||
			strings.Contains(err.Error(), "be restored") {
			t.Errorf("%v", err)
		}
		// A controller may have been enabled for the update; then there are more files, and none less.
		after := g.takeSnapshot()
		for _, was := range before {
			if !slices.Contains(after, was) {
				t.Errorf("%s was %q, and now there is %q", was.file, was.text, after)
			}
		}
	}
}

// worker starts a process that has used processor and memory inside the cgroup when worker returns, and stays.
func worker(t *testing.T, g *Group) {
	t.Helper()
	c := exec.Command("sh", "-c", "read -r go; dd if=/dev/zero of=/dev/null bs=1M count=50 2>/dev/null; echo done; "+
		"read -r go")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	if err := g.Attach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
}

func TestStats(t *testing.T) {
	g := newGroup(
		t,
		&specs.LinuxResources{
			Pids:   &specs.LinuxPids{Limit: new(int64(20))},
			Memory: &specs.LinuxMemory{Limit: new(int64(64 << 20))},
		},
	)
	full := offers(g, "memory") && offers(g, "pids")
	if !full {
		g.limits.needs = nil // what every v2 kernel counts is left
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	worker(t, g)
	s, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if s.CpuStats.CpuUsage.TotalUsage == 0 || s.PidsStats.Current != 1 {
		t.Errorf("cpu %d ns, %d processes", s.CpuStats.CpuUsage.TotalUsage, s.PidsStats.Current)
	}
	if full && (s.PidsStats.Limit != 20 || s.MemoryStats.Usage.Limit != 64<<20 || s.MemoryStats.Usage.Usage == 0) {
		t.Errorf("pids %+v, memory %+v", s.PidsStats, s.MemoryStats.Usage)
	}
	if _, err := os.Stat("/proc/pressure"); err == nil && g.mode == host.CgroupV2 {
		if s.CpuStats.PSI == nil || s.MemoryStats.PSI == nil || s.BlkioStats.PSI == nil {
			t.Error("no pressure")
		}
	}
}

func TestOOMKilled(t *testing.T) {
	limit := int64(4<<20 + 100) // which the kernel rounds to pages
	g := newGroup(t, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: &limit, Swap: &limit}})
	if !offers(g, "memory") {
		t.Skip("SKIP: this machine has no controller memory")
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	if oom, err := g.OOMKilled(); oom || err != nil {
		t.Errorf("before: %v, %v", oom, err)
	}
	w, err := g.WatchOOM()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	c := exec.Command("sh", "-c", "read -r go; head -c 64M /dev/zero | tail -c 64M | wc -c")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if err := g.Attach(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if _, err := in.Write([]byte("\n")); err != nil {
		t.Fatal(err)
	}
	if e, err := w.Wait(); err != nil || !e.OOM || e.Gone {
		t.Errorf("Wait: %+v, %v, want an OOM", e, err)
	}
	_ = c.Wait()
	if oom, err := g.OOMKilled(); !oom || err != nil {
		t.Errorf("after: %v, %v", oom, err)
	}
	if err := g.OOMError(); err == nil ||
		!strings.HasPrefix(err.Error(), `linux.resources.memory.limit "4194404": is too low`) {
		t.Errorf("OOMError: %v", err)
	}
	if err := g.Destroy(); err != nil {
		t.Fatal(err)
	}
	for range 10 { // events of before may still be queued
		e, err := w.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if e.Gone {
			return
		}
	}
	t.Error("the end of the cgroup was not seen")
}

// TestDelegate: the container's user owns what the kernel says it may, and no limit.
func TestDelegate(t *testing.T) {
	g := newGroup(t, nil)
	g.config.OwnerUID = new(100000)
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(g.hierarchies[0].dir)
	if err != nil {
		t.Fatal(err)
	}
	given := 0
	for _, e := range append([]string{"."}, names(entries)...) {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(g.hierarchies[0].dir, e), &st); err != nil {
			t.Fatal(err)
		}
		want := g.mode == host.CgroupV2 && (e == "." || slices.Contains(delegatedFiles(), e))
		if (st.Uid == 100000) != want {
			t.Errorf("%s belongs to %d", e, st.Uid)
		}
		if want {
			given++
		}
	}
	if g.mode == host.CgroupV2 && given < 4 {
		t.Errorf("only %d files were given", given)
	}
}

// TestDelegatedUser is an ordinary user in a cgroup that systemd has delegated: `systemd-run --user --scope -p
// Delegate=yes`.
func TestDelegatedUser(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("SKIP: root needs no delegation; tests/vm/cgroup runs this as a user")
	}
	if Mode() != host.CgroupV2 {
		t.Skip("SKIP: systemd delegates no cgroup of v1 to a user")
	}
	g, err := New(
		Config{
			ID:        "rt-test-delegated",
			Rootless:  true,
			Resources: &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(20))}},
		},
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(g); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := g.Destroy(); err != nil {
			t.Error(err)
		}
	}()
	fd, err := g.OpenDir()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("cat", "/proc/self/cgroup")
	c.SysProcAttr = &unix.SysProcAttr{UseCgroupFD: true, CgroupFD: fd}
	if out, err := c.Output(); err != nil || !strings.Contains(string(out), "/rt-test-delegated") {
		t.Errorf("%s, %v", out, err)
	}
	if got, err := readFile(g.dir("pids"), "pids.max"); got != "20\n" {
		t.Errorf("pids.max is %q, %v", got, err)
	}
}

func names(entries []os.DirEntry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// TestBlockedLevel is a cgroup whose parent holds processes: v2 lets it give no controllers.
func TestBlockedLevel(t *testing.T) {
	g := newGroup(t, &specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(64 << 20))}})
	if g.mode != host.CgroupV2 || !offers(g, "memory") {
		t.Skip("SKIP: only v2 with its controllers has this rule")
	}
	above := filepath.Dir(g.hierarchies[0].dir)
	if err := os.Mkdir(above, 0o755); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	if err := writeFile(above, "cgroup.procs", strconv.Itoa(c.Process.Pid)); err != nil {
		t.Fatal(err)
	}
	err := create(g)
	if err == nil || !strings.HasPrefix(err.Error(), "linux.resources.memory.limit: ") ||
		!strings.Contains(err.Error(), "holds processes") {
		t.Errorf("got %v", err)
	}
}
