package cgroup

import (
	"strconv"
	"strings"

	"rt/libcontainer/host"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// The default weight of the kernel, and the greatest of systemd and of the BFQ scheduler (cgroup-v2.rst, "Weights";
// bfq-iosched.rst).
const (
	weightDefault = 100
	weightMax     = 10000
	bfqMax        = 1000
)

// extraProperties returns the properties of the unit for those limits that the library only writes to files. When any
// property changes, systemd rewrites all files of the unit, with the default where it has no property: a weight of 300
// became 100 after an update of the memory limit.
func (g systemdUnit) extraProperties() []sd.Property {
	var list []sd.Property
	if g.mode != host.CgroupV2 {
		// systemd writes the device list too, with every change of the unit.
		return deviceProperties(g.limits.devices)
	}
	set := func(name string, value uint64) {
		list = append(list, sd.Property{Name: name, Value: dbus.MakeVariant(value)})
	}
	r := &g.limits.resources
	if w := g.ioWeight(); w != 0 {
		set("IOWeight", w)
	}
	// No swap at all, which means "not given" to the library.
	if r.MemorySwap > 0 && r.MemorySwap == r.Memory {
		set("MemorySwapMax", 0)
	}
	// cpu.idle is cleared: the unit has a weight of 0 for it until it gets another.
	if r.CPUIdle != nil && *r.CPUIdle == 0 && r.CpuWeight == 0 {
		if text, err := readFile(g.dir("cpu"), "cpu.idle"); err == nil && text == "1\n" {
			set("CPUWeight", weightDefault)
		}
	}
	return list
}

// ioWeight returns the value of IOWeight, or 0 if no weight is given.
func (g systemdUnit) ioWeight() uint64 {
	r := &g.limits.resources
	if r.BlkioWeight != 0 {
		if g.hasBFQ() {
			return unitWeight(uint64(r.BlkioWeight))
		}
		return cgroups.ConvertBlkIOToIOWeightValue(r.BlkioWeight)
	}
	if n := defaultWeight(r.Unified["io.weight"]); n != 0 {
		return n
	}
	if n := defaultWeight(r.Unified["io.bfq.weight"]); n != 0 && n <= bfqMax {
		return unitWeight(n)
	}
	return 0
}

// hasBFQ reports whether the kernel has the weights of the BFQ scheduler.
func (g *cgroupSet) hasBFQ() bool {
	return unix.Access(g.hierarchies[0].dir+"/io.bfq.weight", unix.F_OK) == nil
}

// unitWeight returns the IOWeight that systemd turns into a BFQ weight: it leaves 1 to 100 as they are, and maps 100 to
// 10000 onto 100 to 1000.
func unitWeight(bfq uint64) uint64 {
	if bfq <= weightDefault {
		return bfq
	}
	return weightDefault + (bfq-weightDefault)*(weightMax-weightDefault)/(bfqMax-weightDefault)
}

// defaultWeight returns the weight in a text for io.weight that applies to all devices, or 0.
func defaultWeight(text string) uint64 {
	for line := range strings.Lines(text) {
		n, err := strconv.ParseUint(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "default")), 10, 64)
		if err == nil && n <= weightMax {
			return n
		}
	}
	return 0
}
