package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// readback is a limit, and what the kernel then says about it. An empty file means that this mode refuses the field.
type readback struct {
	name       string
	controller string // on v2; "io" is "blkio" on v1
	r          specs.LinuxResources
	v1, v2     map[string]string
}

func files(list ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i < len(list); i += 2 {
		m[list[i]] = list[i+1]
	}
	return m
}

// disk is a block device of this machine.
func disk(t *testing.T) (specs.LinuxBlockIODevice, string) {
	t.Helper()
	entries, err := os.ReadDir("/sys/block")
	if err != nil || len(entries) == 0 {
		t.Skip("SKIP: this machine has no block device")
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "vd") || strings.HasPrefix(e.Name(), "sd") ||
			strings.HasPrefix(e.Name(), "nvme") {
			entries = []os.DirEntry{e}
			break
		}
	}
	text, err := os.ReadFile("/sys/block/" + entries[0].Name() + "/dev")
	if err != nil {
		t.Fatal(err)
	}
	number := strings.TrimSpace(string(text))
	var d specs.LinuxBlockIODevice
	for i, c := range number {
		if c == ':' {
			d.Major = parse(t, number[:i])
			d.Minor = parse(t, number[i+1:])
		}
	}
	return d, number
}

func parse(t *testing.T, s string) int64 {
	t.Helper()
	n := int64(0)
	for _, c := range s {
		n = n*10 + int64(c-'0')
	}
	return n
}

func readbacks(t *testing.T) []readback {
	mem := func(m specs.LinuxMemory) specs.LinuxResources { return specs.LinuxResources{Memory: &m} }
	cpu := func(c specs.LinuxCPU) specs.LinuxResources { return specs.LinuxResources{CPU: &c} }
	pids := func(n int64) specs.LinuxResources { return specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &n}} }
	io := func(b specs.LinuxBlockIO) specs.LinuxResources { return specs.LinuxResources{BlockIO: &b} }
	dev, number := disk(t)
	rate := func(n uint64) []specs.LinuxThrottleDevice {
		return []specs.LinuxThrottleDevice{{LinuxBlockIODevice: dev, Rate: n}}
	}
	const unlimited = "9223372036854771712"
	return []readback{
		{
			"memory.limit", "memory", mem(specs.LinuxMemory{Limit: new(int64(64 << 20))}),
			files("memory.limit_in_bytes", "67108864"), files("memory.max", "67108864"),
		},
		{
			"memory.limit none", "memory", mem(specs.LinuxMemory{Limit: new(int64(-1))}),
			files("memory.limit_in_bytes", unlimited), files("memory.max", "max", "memory.swap.max", "max"),
		},
		{
			"memory.reservation", "memory", mem(specs.LinuxMemory{Reservation: new(int64(32 << 20))}),
			files("memory.soft_limit_in_bytes", "33554432"), files("memory.low", "33554432"),
		},
		{
			"memory.swap", "memory", mem(specs.LinuxMemory{Limit: new(int64(64 << 20)), Swap: new(int64(96 << 20))}),
			files("memory.limit_in_bytes", "67108864", "memory.memsw.limit_in_bytes", "100663296"),
			files("memory.max", "67108864", "memory.swap.max", "33554432"),
		},
		{
			"memory.swap none", "memory", mem(specs.LinuxMemory{
				Limit: new(int64(64 << 20)),
				Swap:  new(int64(64 << 20)),
			}),
			files("memory.memsw.limit_in_bytes", "67108864"), files("memory.swap.max", "0"),
		},
		{
			"memory.swappiness", "memory", mem(specs.LinuxMemory{Swappiness: new(uint64(7))}),
			files("memory.swappiness", "7"), nil,
		},
		{
			"memory.disableOOMKiller", "memory", mem(specs.LinuxMemory{DisableOOMKiller: new(true)}),
			files("memory.oom_control", "oom_kill_disable 1"), nil,
		},
		{
			"cpu.shares",
			"cpu",
			cpu(specs.LinuxCPU{Shares: new(uint64(1024))}),
			files("cpu.shares", "1024"),
			files("cpu.weight", "100"),
		},
		{
			"cpu.shares least",
			"cpu",
			cpu(specs.LinuxCPU{Shares: new(uint64(2))}),
			files("cpu.shares", "2"),
			files("cpu.weight", "1"),
		},
		{
			"cpu.quota", "cpu", cpu(specs.LinuxCPU{
				Quota: new(int64(25000)), Period: new(uint64(50000)),
				Burst: new(uint64(10000)),
			}),
			files("cpu.cfs_quota_us", "25000", "cpu.cfs_period_us", "50000", "cpu.cfs_burst_us", "10000"),
			files("cpu.max", "25000 50000", "cpu.max.burst", "10000"),
		},
		{
			"cpu.quota none", "cpu", cpu(specs.LinuxCPU{Quota: new(int64(-1)), Period: new(uint64(50000))}),
			files("cpu.cfs_quota_us", "-1"), files("cpu.max", "max 50000"),
		},
		{"cpu.idle", "cpu", cpu(specs.LinuxCPU{Idle: new(int64(1))}), files("cpu.idle", "1"), files("cpu.idle", "1")},
		{
			"cpu.realtimeRuntime", "cpu", cpu(specs.LinuxCPU{
				RealtimePeriod:  new(uint64(500000)),
				RealtimeRuntime: new(int64(1000)),
			}),
			files("cpu.rt_runtime_us", "1000", "cpu.rt_period_us", "500000"), nil,
		},
		{
			"cpu.cpus", "cpuset", cpu(specs.LinuxCPU{Cpus: "0", Mems: "0"}),
			files(
				"cpuset.cpus",
				"0",
				"cpuset.mems",
				"0",
			), files("cpuset.cpus", "0", "cpuset.mems", "0", "cpuset.cpus.effective", "0"),
		},
		{"pids.limit", "pids", pids(100), files("pids.max", "100"), files("pids.max", "100")},
		{"pids.limit none", "pids", pids(-1), files("pids.max", "max"), files("pids.max", "max")},
		{
			"blockIO.throttleReadBpsDevice", "io", io(specs.LinuxBlockIO{
				ThrottleReadBpsDevice: rate(
					1 << 20,
				), ThrottleWriteBpsDevice: rate(2 << 20), ThrottleReadIOPSDevice: rate(100),
				ThrottleWriteIOPSDevice: rate(200),
			}),
			files(
				"blkio.throttle.read_bps_device",
				number+" 1048576",
				"blkio.throttle.write_bps_device",
				number+" 2097152",
				"blkio.throttle.read_iops_device",
				number+" 100",
				"blkio.throttle.write_iops_device",
				number+" 200",
			),
			files("io.max", number+" rbps=1048576 wbps=2097152 riops=100 wiops=200"),
		},
		{
			"blockIO.weight", "io", io(specs.LinuxBlockIO{Weight: new(uint16(500))}),
			files("blkio.weight", "500"), files("io.weight", "default 4950"),
		},
		{
			"blockIO.weightDevice", "io",
			io(specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{{
				LinuxBlockIODevice: dev,
				Weight:             new(uint16(500)),
			}}}),
			files("blkio.weight_device", number+" 500"), files("io.weight", number+" 4950"),
		},
		{
			"hugepageLimits[0].limit", "hugetlb",
			specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}},
			files(
				"hugetlb.2MB.limit_in_bytes",
				"4194304",
			), files("hugetlb.2MB.max", "4194304", "hugetlb.2MB.rsvd.max", "4194304"),
		},
		{
			"network.classID", "net_cls",
			specs.LinuxResources{Network: &specs.LinuxNetwork{ClassID: new(uint32(0x100001))}},
			files("net_cls.classid", "1048577"), nil,
		},
		{
			"network.priorities[0]", "net_prio",
			specs.LinuxResources{
				Network: &specs.LinuxNetwork{Priorities: []specs.LinuxInterfacePriority{{Name: "lo", Priority: 3}}},
			},
			files("net_prio.ifpriomap", "lo 3"), nil,
		},
		{
			`rdma["` + rdmaDevice() + `"]`, "rdma",
			specs.LinuxResources{
				Rdma: map[string]specs.LinuxRdma{
					rdmaDevice(): {HcaHandles: new(uint32(3)), HcaObjects: new(uint32(10000))},
				},
			},
			files(
				"rdma.max",
				rdmaDevice()+" hca_handle=3 hca_object=10000",
			), files("rdma.max", rdmaDevice()+" hca_handle=3 hca_object=10000"),
		},
		{
			`unified["memory.high"]`, "memory",
			specs.LinuxResources{Unified: map[string]string{"memory.high": "33554432"}},
			nil, files("memory.high", "33554432"),
		},
		{
			`unified["cgroup.max.depth"]`, "cgroup",
			specs.LinuxResources{Unified: map[string]string{"cgroup.max.depth": "3"}},
			nil, files("cgroup.max.depth", "3"),
		},
	}
}

// TestReadBack sets every field and asks the kernel. Where the kernel lacks the file, the error must name the field and
// the file.
func TestReadBack(t *testing.T) {
	needRights(t)
	for _, tc := range readbacks(t) {
		t.Run(tc.name, func(t *testing.T) {
			readBack(t, tc)
		})
	}
}

func readBack(t *testing.T, tc readback) {
	t.Helper()
	want, controller := tc.v1, tc.controller
	if Mode() == host.CgroupV2 {
		want = tc.v2
	} else if controller == "io" {
		controller = "blkio"
	}
	if want == nil {
		_, err := New(Config{ID: "x", Path: "/rt-test-x", Resources: &tc.r})
		if err == nil || !strings.Contains(err.Error(), "has no such limit") {
			t.Errorf("New: %v", err)
		}
		return
	}
	g := newGroup(t, &tc.r)
	if strings.HasPrefix(tc.name, "cpu.realtime") {
		allowRealtime(t, g) // a new cgroup has none to give
	}
	err := create(g)
	if !offers(g, controller) {
		var e *diag.Error
		// No limit needs no controller, if there is no other one.
		lifts := err == nil && strings.HasSuffix(tc.name, ".limit none")
		if !lifts && (!errors.As(err, &e) || !strings.HasPrefix(e.Field, "linux.resources.")) {
			t.Errorf("without the controller: %v", err)
		}
		t.Skipf("SKIP: this machine has no controller %s; the error was: %v", controller, err)
	}
	if controller == "rdma" && rdmaDevice() == "none0" {
		if err == nil ||
			!strings.HasPrefix(err.Error(), `linux.resources.rdma["none0"] "none0 hca_handle=3 hca_object=10000": `) {
			t.Errorf("a device that is not there: %v", err)
		}
		t.Skip("SKIP: this machine has no RDMA device")
	}
	if errors.Is(err, unix.EOPNOTSUPP) && tc.name == "blockIO.weightDevice" {
		t.Skipf("SKIP: this machine's disk has another scheduler than BFQ; the error was: %v", err)
	}
	if err != nil {
		lacksFile(t, g, err)
		return
	}
	for file, value := range want {
		got, err := readFile(g.dir(controller), file)
		if bfq, found := bfqFiles[file]; found {
			if text, bfqErr := readFile(g.dir(controller), bfq); bfqErr == nil {
				got, err = text, nil
				value = strings.Replace(value, "4950", "500", 1) // BFQ's weights are v1's
			}
		}
		if os.IsNotExist(err) && (strings.HasPrefix(file, "memory.swap") || strings.Contains(file, ".rsvd.")) {
			continue // a kernel without swap accounting; before Linux 5.7
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if !contains(got, value) {
			t.Errorf("%s: %q, want %q", file, got, value)
		}
	}
}

// bfqFiles are the names of files where the kernel has the BFQ scheduler.
var bfqFiles = map[string]string{
	"blkio.weight": "blkio.bfq.weight", "blkio.weight_device": "blkio.bfq.weight_device", "io.weight": "io.bfq.weight",
}

// rdmaDevice is the first RDMA device of this machine, or the name of one that there is not.
func rdmaDevice() string {
	if entries, err := os.ReadDir("/sys/class/infiniband"); err == nil && len(entries) > 0 {
		return entries[0].Name()
	}
	return "none0"
}

// allowRealtime makes the cgroup above and gives it realtime to pass on, as an administrator has to.
func allowRealtime(t *testing.T, g *Group) {
	t.Helper()
	above := filepath.Dir(g.dir("cpu"))
	if err := os.Mkdir(above, 0o755); err != nil && !os.IsExist(err) {
		t.Fatal(err)
	}
	if err := writeFile(above, "cpu.rt_runtime_us", "2000"); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// namesFile reports whether a text has the name of a file, or the one that the file has with BFQ.
func namesFile(text, file string) bool {
	bfq, found := bfqFiles[file]
	return strings.Contains(text, file) || found && strings.Contains(text, bfq)
}

// lacksFile accepts the failure of a kernel that has the controller and not the file.
func lacksFile(t *testing.T, g *Group, err error) {
	t.Helper()
	var e *diag.Error
	if !errors.As(err, &e) || !strings.HasPrefix(e.Field, "linux.resources.") || !os.IsNotExist(e.Unwrap()) {
		t.Fatalf("%v", err)
	}
	for i := range g.limits.needs {
		n := &g.limits.needs[i]
		if e.Field == n.field {
			if !namesFile(e.Problem, n.file) {
				t.Errorf("the error does not name %s: %v", n.file, err)
			}
			t.Skipf("SKIP: this kernel has no %s; the error was: %v", n.file, err)
		}
	}
	t.Errorf("the error names a field that was not asked for: %v", err)
}

// offers reports whether the machine has the controller.
func offers(g *Group, controller string) bool {
	if g.mode != host.CgroupV2 {
		return g.dir(controller) != ""
	}
	missing, err := missingControllers(root, "cgroup.controllers", []string{controller})
	return controller == "cgroup" || err == nil && len(missing) == 0
}

// contains reports whether one line of text is value.
func contains(text, value string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == value {
			return true
		}
	}
	return false
}
