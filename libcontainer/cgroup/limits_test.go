package cgroup

import (
	"reflect"
	"strings"
	"testing"

	"rt/libcontainer/host"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// everything has each field of linux.resources that v1 knows, devices and unified apart.
func everything() *specs.LinuxResources {
	dev := specs.LinuxBlockIODevice{Major: 8, Minor: 0}
	rates := []specs.LinuxThrottleDevice{{LinuxBlockIODevice: dev, Rate: 4096}}
	return &specs.LinuxResources{
		Memory: &specs.LinuxMemory{
			Limit: new(
				int64(1),
			), Reservation: new(int64(1)), Swap: new(int64(2)), Swappiness: new(uint64(3)), DisableOOMKiller: new(true),
			CheckBeforeUpdate: new(true),
		},
		CPU: &specs.LinuxCPU{
			Shares: new(
				uint64(2),
			), Quota: new(int64(1)), Burst: new(uint64(1)), Period: new(uint64(1)), RealtimeRuntime: new(int64(1)),
			RealtimePeriod: new(uint64(1)),
			Cpus:           "0", Mems: "0", Idle: new(int64(1)),
		},
		Pids: &specs.LinuxPids{Limit: new(int64(0))},
		BlockIO: &specs.LinuxBlockIO{
			Weight: new(uint16(10)), LeafWeight: new(uint16(10)),
			WeightDevice: []specs.LinuxWeightDevice{
				{LinuxBlockIODevice: dev, Weight: new(uint16(10)), LeafWeight: new(uint16(10))},
			},
			ThrottleReadBpsDevice:  rates,
			ThrottleWriteBpsDevice: rates, ThrottleReadIOPSDevice: rates, ThrottleWriteIOPSDevice: rates,
		},
		HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 1}},
		Network: &specs.LinuxNetwork{
			ClassID:    new(uint32(1)),
			Priorities: []specs.LinuxInterfacePriority{{Name: "lo", Priority: 1}},
		},
		Rdma: map[string]specs.LinuxRdma{"mlx5_0": {HcaHandles: new(uint32(1))}},
	}
}

// TestEveryFieldIsAsked walks the types of the specification, so that a field it gains fails here until it is
// converted.
func TestEveryFieldIsAsked(t *testing.T) {
	l, err := convert(everything(), host.CgroupV1)
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	for _, n := range l.needs {
		asked[n.field] = true
	}
	// Not limits, or refused by every kernel that rt runs on: see converter.memory.
	without := map[string]bool{
		"memory.kernel":            true,
		"memory.kernelTCP":         true,
		"memory.useHierarchy":      true,
		"memory.checkBeforeUpdate": true,
	}
	n := 0
	for _, section := range []struct {
		name string
		typ  reflect.Type
	}{
		{"memory", reflect.TypeFor[specs.LinuxMemory]()},
		{"cpu", reflect.TypeFor[specs.LinuxCPU]()},
		{"pids", reflect.TypeFor[specs.LinuxPids]()},
		{"blockIO", reflect.TypeFor[specs.LinuxBlockIO]()},
		{"network", reflect.TypeFor[specs.LinuxNetwork]()},
	} {
		for field := range section.typ.Fields() {
			tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			field := section.name + "." + tag
			found := without[field]
			for a := range asked {
				found = found || strings.HasPrefix(a+".", "linux.resources."+field+".") ||
					strings.HasPrefix(a, "linux.resources."+field+"[")
			}
			if n++; !found {
				t.Errorf("%s is not converted", field)
			}
		}
	}
	if n < 28 {
		t.Fatalf("saw %d fields: has the specification changed its form?", n)
	}
}

func TestV1OnlyIsRefusedOnV2(t *testing.T) {
	_, err := convert(everything(), host.CgroupV2)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, f := range []string{
		"memory.swappiness", "memory.disableOOMKiller", "cpu.realtimeRuntime", "cpu.realtimePeriod",
		"blockIO.leafWeight",
		"blockIO.weightDevice[0].leafWeight", "network.classID", "network.priorities[0]",
	} {
		if !strings.Contains(err.Error(), "linux.resources."+f+": ") {
			t.Errorf("%s is not named in %v", f, err)
		}
	}
}

// TestZeroAsksForNothing has what engines write when their user asked for nothing.
func TestZeroAsksForNothing(t *testing.T) {
	r := &specs.LinuxResources{
		Memory:  &specs.LinuxMemory{Limit: new(int64(0)), DisableOOMKiller: new(false)},
		CPU:     &specs.LinuxCPU{Shares: new(uint64(0)), RealtimeRuntime: new(int64(0))},
		BlockIO: &specs.LinuxBlockIO{Weight: new(uint16(0))},
		Network: &specs.LinuxNetwork{ClassID: new(uint32(0))},
		Pids:    &specs.LinuxPids{},
	}
	l, err := convert(r, host.CgroupV2)
	if err != nil || len(l.needs) != 0 {
		t.Errorf("got %+v, %v", l, err)
	}
}

// TestZeroPids: 0 is a limit from version 1.3 of the specification on.
func TestZeroPids(t *testing.T) {
	for _, strict := range []bool{false, true} {
		r := &specs.LinuxResources{
			Pids: &specs.LinuxPids{Limit: new(int64(0))},
			CPU:  &specs.LinuxCPU{Shares: new(uint64(2))},
		}
		g, err := New(Config{ID: "x", Path: "/rt-test-x", Resources: r, NoPids: strict})
		if err != nil {
			t.Fatal(err)
		}
		if set := g.limits.resources.PidsLimit != nil; set != strict || g.limits.resources.CpuShares != 2 ||
			r.Pids == nil {
			t.Errorf("strict %v: set %v, %+v", strict, set, r)
		}
	}
}

// A controller that this machine does not have sets no limit either: a value that says so does not need it.
func TestLiftsNeedNoController(t *testing.T) {
	const none = -1
	r := &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: new(int64(none)), Swap: new(int64(none)), Reservation: new(int64(none))},
		CPU:    &specs.LinuxCPU{Quota: new(int64(none))},
		Pids:   &specs.LinuxPids{Limit: new(int64(none))},
	}
	for _, mode := range []host.CgroupMode{host.CgroupV1, host.CgroupV2} {
		l, err := convert(r, mode)
		if err != nil {
			t.Fatal(err)
		}
		if n := l.first(); n != nil {
			t.Errorf("mode %v: %s is taken for a limit", mode, n.field)
		}
		for _, c := range []string{"memory", "cpu", "pids"} {
			if !l.dropLifts(c) {
				t.Errorf("mode %v: %s is needed", mode, c)
			}
		}
		if left := (limits{devices: l.devices, needs: []need{}}); !reflect.DeepEqual(*l, left) {
			t.Errorf("mode %v: %+v is left", mode, l)
		}
	}
	r.CPU.Period = new(uint64(100000))
	l, err := convert(r, host.CgroupV2)
	if err != nil {
		t.Fatal(err)
	}
	if n := l.first(); n == nil || n.field != "linux.resources.cpu.period" || l.dropLifts("cpu") ||
		l.resources.CpuQuota != none {
		t.Errorf("the quota is dropped although there is a period: %+v", l)
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, tc := range []struct {
		name string
		mode host.CgroupMode
		r    specs.LinuxResources
		want string
	}{
		{
			"swap below limit", host.CgroupV2,
			specs.LinuxResources{Memory: &specs.LinuxMemory{Limit: new(int64(9)), Swap: new(int64(8))}},
			"memory.swap: counts memory and swap",
		},
		{
			"swap without limit", host.CgroupV1,
			specs.LinuxResources{Memory: &specs.LinuxMemory{Swap: new(int64(8))}},
			"memory.limit must be given",
		},
		{
			"page size", host.CgroupV2,
			specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "/../2MB"}}},
			"hugepageLimits[0].pageSize",
		},
		{
			"page size, unit", host.CgroupV2,
			specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{Pagesize: "2M"}}},
			"hugepageLimits[0].pageSize",
		},
		{
			"page size, empty", host.CgroupV2,
			specs.LinuxResources{HugepageLimits: []specs.LinuxHugepageLimit{{}}},
			"hugepageLimits[0].pageSize",
		},
		{
			"burst above quota", host.CgroupV2,
			specs.LinuxResources{CPU: &specs.LinuxCPU{Quota: new(int64(5000)), Burst: new(uint64(5001))}},
			"cpu.burst: must not be above cpu.quota, 5000",
		},
		{
			"unified on v1", host.CgroupV1,
			specs.LinuxResources{Unified: map[string]string{"memory.high": "1"}},
			"cgroup v1 has no such limit",
		},
		{
			"unified path", host.CgroupV2,
			specs.LinuxResources{Unified: map[string]string{"../x.y": "1"}},
			`unified["../x.y"]`,
		},
		{
			"unified moves processes", host.CgroupV2,
			specs.LinuxResources{Unified: map[string]string{"cgroup.procs": "0", "cgroup.max.depth": "9"}},
			`unified["cgroup.procs"]`,
		},
		{
			"unified kills processes", host.CgroupV2,
			specs.LinuxResources{Unified: map[string]string{"cgroup.kill": "1"}},
			"is no limit",
		},
		{
			"unified, the first of several errors", host.CgroupV2,
			specs.LinuxResources{Unified: map[string]string{"c": "", "b": "", "a": "", "d": "", "e": ""}},
			`unified["a"]`,
		},
		{"unified and field", host.CgroupV2, specs.LinuxResources{
			Memory: &specs.LinuxMemory{Limit: new(int64(9))}, Unified: map[string]string{"memory.max": "1"},
		}, "memory.limit is written to"},
		{
			"device type", host.CgroupV2,
			specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Type: "x"}}},
			`devices[0].type "x"`,
		},
		{
			"device access", host.CgroupV2,
			specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Type: "c", Access: "rx"}}},
			`devices[0].access "rx"`,
		},
		{
			"device without access", host.CgroupV2,
			specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Type: "c"}}},
			"says nothing",
		},
		{
			"device of no type", host.CgroupV2,
			specs.LinuxResources{Devices: []specs.LinuxDeviceCgroup{{Allow: true, Major: new(int64(1)), Access: "r"}}},
			"give the type",
		},
	} {
		if _, err := convert(&tc.r, tc.mode); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %q", tc.name, err, tc.want)
		}
	}
}
