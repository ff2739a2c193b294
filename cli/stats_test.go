package cli

import (
	"strings"
	"testing"
	"time"

	"rt/libcontainer"
	"rt/libcontainer/cgroup"
)

func usage(at time.Time, cpu uint64) *libcontainer.ResourceUsage {
	u := &libcontainer.ResourceUsage{Stats: &libcontainer.Stats{Stats: &cgroup.Stats{}}, At: at, OOMKills: 2}
	u.CpuStats.CpuUsage.TotalUsage = cpu
	u.MemoryStats.Usage = cgroup.MemoryUse{Usage: 3 << 20, Limit: 1 << 63}
	u.PidsStats.Current, u.PidsStats.Limit = 3, 50
	u.BlkioStats.IoServiceBytesRecursive = []cgroup.BlockEntry{
		{Op: "Read", Value: 1000},
		{Op: "read", Value: 24},
		{Op: "Write", Value: 5},
		{Op: "Total", Value: 9},
	}
	return u
}

func TestUsageTable(t *testing.T) {
	begin := time.Now()
	before, after := usage(begin, 1_000_000_000), usage(begin.Add(2*time.Second), 2_500_000_000)
	line := usageOf("web1", after)
	if line.CPU = percent(before, after); line.CPU != 75 {
		t.Errorf("CPU is %v", line.CPU)
	}
	if percent(after, before) != 0 || percent(before, before) != 0 {
		t.Error("a clock that stands, or a counter that runs back, is no share")
	}
	const want = `ID     CPU %   MEMORY / LIMIT   PIDS / LIMIT   READ      WRITTEN   OOM   PRESSURE cpu mem io
web1   75.0    3.0 MiB / max    3 / 50         1.0 KiB   5 B       2     -
`
	c := &Call{}
	if got := string(c.appendUsage(nil, []usageLine{line}, "table", 0)); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	c.width = 20
	again := string(c.appendUsage(nil, []usageLine{line}, "table", 2))
	if !strings.HasPrefix(again, "\x1b[2A\x1b[JID") || strings.Contains(again, "LIMIT   PIDS") {
		t.Errorf("on a narrow terminal: %q", again)
	}
	const object = `{"id":"web1","cpuPercent":75,"cpuNanoseconds":2500000000,"memory":3145728,"memoryLimit":null,` +
		`"pids":3,"pidsLimit":50,"readBytes":1024,"writtenBytes":5,"oomKills":2}` + "\n"
	if got := string(c.appendUsage(nil, []usageLine{line}, "json", 0)); got != object {
		t.Errorf("got %s", got)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536 << 20: "1.5 GiB",
		1<<64 - 1: "16.0 EiB",
	} {
		if got := size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// Names in a container are its own: nothing in them reaches the terminal.
func TestAnatomyText(t *testing.T) {
	type namespaces = []libcontainer.Namespace
	member := func(pid, parent int, name string) libcontainer.Process {
		return libcontainer.Process{Pid: pid, Parent: parent, Name: name}
	}
	a := &libcontainer.Anatomy{
		State: libcontainer.State{ID: "web1", Status: libcontainer.Running}, Cgroups: []string{"/sys/fs/cgroup/web1"},
		Namespaces: namespaces{
			{Type: "mnt", Inode: 1, Own: true},
			{Type: "net", Inode: 2},
			{Type: "ipc", Inode: 3, Own: true},
		},
		Processes: []libcontainer.Process{
			member(10, 5, "sh"), member(11, 10, "\x1b[2Jevil"), member(12, 11, "a b"),
			member(13, 10, "c"), member(20, 3, "exec"),
		},
	}
	b := &libcontainer.Anatomy{
		State:      libcontainer.State{ID: "db"},
		Namespaces: namespaces{{Type: "ipc", Inode: 3, Own: true}},
	}
	const want = `web1  running
  cgroup      /sys/fs/cgroup/web1
  namespaces  own: mnt; host: net; shared with db: ipc
  ├─ 10 sh
  │  ├─ 11 \x1b[2Jevil
  │  │  └─ 12 a b
  │  └─ 13 c
  └─ 20 exec
`
	c := &Call{}
	if got := string(c.appendAnatomy(nil, a, []*libcontainer.Anatomy{a, b})); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
