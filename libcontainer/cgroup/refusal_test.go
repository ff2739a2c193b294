package cgroup

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rt/internal/diag"
	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// TestRefusals has for every field a value that no kernel takes. Each time the error must name the field, the file and
// what the kernel said, and nothing may be left.
func TestRefusals(t *testing.T) {
	needRights(t)
	mem := func(m specs.LinuxMemory) specs.LinuxResources { return specs.LinuxResources{Memory: &m} }
	cpu := func(c specs.LinuxCPU) specs.LinuxResources { return specs.LinuxResources{CPU: &c} }
	io := func(b specs.LinuxBlockIO) specs.LinuxResources { return specs.LinuxResources{BlockIO: &b} }
	nowhere := specs.LinuxBlockIODevice{Major: 4000, Minor: 7}
	rate := []specs.LinuxThrottleDevice{{LinuxBlockIODevice: nowhere, Rate: 4096}}
	for _, tc := range []struct {
		field, controller string // on v2
		r                 specs.LinuxResources
		v1, v2            string // the file; "" where this mode has no such field
	}{
		{
			"memory.limit", "memory", mem(specs.LinuxMemory{Limit: new(int64(-5))}), "memory.limit_in_bytes",
			"memory.max",
		},
		{
			"memory.reservation", "memory", mem(specs.LinuxMemory{Reservation: new(int64(-5))}),
			"memory.soft_limit_in_bytes", "memory.low",
		},
		{"memory.swappiness", "memory", mem(specs.LinuxMemory{Swappiness: new(uint64(500))}), "memory.swappiness", ""},
		{"cpu.shares", "cpu", cpu(specs.LinuxCPU{Shares: new(uint64(1 << 40))}), "cpu.shares", ""},
		{
			"cpu.quota", "cpu", cpu(specs.LinuxCPU{Quota: new(int64(5)), Period: new(uint64(100000))}),
			"cpu.cfs_quota_us",
			"cpu.max",
		},
		{
			"cpu.period", "cpu", cpu(specs.LinuxCPU{Quota: new(int64(5000)), Period: new(uint64(5))}),
			"cpu.cfs_period_us",
			"cpu.max",
		},
		{"cpu.burst", "cpu", cpu(specs.LinuxCPU{Burst: new(uint64(1 << 62))}), "cpu.cfs_burst_us", "cpu.max.burst"},
		{"cpu.idle", "cpu", cpu(specs.LinuxCPU{Idle: new(int64(7))}), "cpu.idle", "cpu.idle"},
		{"cpu.realtimeRuntime", "cpu", cpu(specs.LinuxCPU{RealtimeRuntime: new(int64(-5))}), "cpu.rt_runtime_us", ""},
		{
			"cpu.realtimePeriod", "cpu", cpu(specs.LinuxCPU{RealtimePeriod: new(uint64(1 << 60))}), "cpu.rt_period_us",
			"",
		},
		{"cpu.cpus", "cpuset", cpu(specs.LinuxCPU{Cpus: "70000"}), "cpuset.cpus", "cpuset.cpus"},
		{"cpu.mems", "cpuset", cpu(specs.LinuxCPU{Mems: "999"}), "cpuset.mems", "cpuset.mems"},
		{
			"pids.limit", "pids",
			specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(1 << 40))}},
			"pids.max",
			"pids.max",
		},
		{"blockIO.weight", "io", io(specs.LinuxBlockIO{Weight: new(uint16(60000))}), "blkio.weight", "io.weight"},
		{
			"blockIO.weightDevice[0].weight", "io",
			io(specs.LinuxBlockIO{WeightDevice: []specs.LinuxWeightDevice{{
				LinuxBlockIODevice: nowhere,
				Weight:             new(uint16(100)),
			}}}), "blkio.weight_device", "io.weight",
		},
		{
			"blockIO.throttleReadBpsDevice[0]", "io", io(specs.LinuxBlockIO{ThrottleReadBpsDevice: rate}),
			"blkio.throttle.read_bps_device", "io.max",
		},
		{
			"blockIO.throttleWriteIOPSDevice[0]", "io", io(specs.LinuxBlockIO{ThrottleWriteIOPSDevice: rate}),
			"blkio.throttle.write_iops_device", "io.max",
		},
		{
			"hugepageLimits[0].limit", "hugetlb",
			specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "3MB", Limit: 1}}},
			"hugetlb.3MB.limit_in_bytes", "hugetlb.3MB.max",
		},
		{
			"network.priorities[0]", "net_prio",
			specs.LinuxResources{Network: &specs.LinuxNetwork{
				Priorities: []specs.LinuxInterfacePriority{{Name: "nonesuch", Priority: 3}},
			}},
			"net_prio.ifpriomap", "",
		},
		{
			`rdma["nonesuch"]`, "rdma",
			specs.LinuxResources{Rdma: map[string]specs.LinuxRdma{"nonesuch": {HcaHandles: new(uint32(1))}}},
			"rdma.max", "rdma.max",
		},
		{
			`unified["memory.high"]`, "memory",
			specs.LinuxResources{Unified: map[string]string{"memory.high": "nonsense"}},
			"", "memory.high",
		},
		{
			`unified["memory.nonesuch"]`, "memory",
			specs.LinuxResources{Unified: map[string]string{"memory.nonesuch": "1"}},
			"", "memory.nonesuch",
		},
		{
			`unified["nonesuch.max"]`, "cgroup",
			specs.LinuxResources{Unified: map[string]string{"nonesuch.max": "1"}},
			"",
			"cgroup.subtree_control",
		},
		{
			"devices", "cgroup",
			specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{
				{Allow: true, Type: "c", Major: new(int64(1)), Access: "rw"},
				{Type: "c", Major: new(int64(1)), Minor: new(int64(3)), Access: "r"},
			}},
			"can't express", "",
		},
	} {
		t.Run(tc.field, func(t *testing.T) {
			file, controller := tc.v1, tc.controller
			if Mode() == host.CgroupV2 {
				file = tc.v2
			} else if controller == "io" {
				controller = "blkio"
			}
			if file == "" {
				return
			}
			g := newGroup(t, &tc.r)
			err := create(g)
			nothingLeft(t, g)
			var e *diag.Error
			switch field := "linux.resources." + tc.field; {
			case !errors.As(err, &e):
				t.Fatalf("got %v", err)
			case controller != "cgroup" && !offers(g, controller):
				// The first limit that needs it is named.
				if !strings.HasPrefix(e.Field, "linux.resources.") || !strings.Contains(e.Problem, controller) {
					t.Errorf("the controller %s is not named: %v", controller, err)
				}
			case e.Field != field:
				t.Errorf("the error is about %s, not %s: %v", e.Field, field, err)
			case !namesFile(e.Error(), file) && !slices.Contains(ownChecks, tc.field):
				t.Errorf("the file %s is not named: %v", file, err)
			}
			t.Log(err)
		})
	}
}

// ownChecks are the fields whose refusal is not of one file: found before the kernel is asked, or in what it makes of
// the value.
var ownChecks = []string{"cpu.shares", "memory.swappiness"}

// nothingLeft fails if the cgroup, or the new one above it, is still there.
func nothingLeft(t *testing.T, g *Group) {
	t.Helper()
	for _, pl := range g.hierarchies {
		if _, err := os.Stat(filepath.Dir(pl.dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", filepath.Dir(pl.dir))
		}
	}
}
