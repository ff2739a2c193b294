package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// maxWeight is the largest weight of the blkio controller, for CFQ and BFQ alike (cgroup-v1/blkio-controller.rst). 0
// means that no weight is given.
const maxWeight = 1000

// checkBlockIO checks linux.resources.blockIO (config-linux.md, Block IO).
func (c resourceChecker) checkBlockIO(at location, b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	c.checkWeight(at.Dot("weight"), b.Weight)
	c.checkWeight(at.Dot("leafWeight"), b.LeafWeight)
	for i, d := range b.WeightDevice {
		one := at.DotAt("weightDevice", i)
		c.checkDeviceNumber(one, d.Major, d.Minor)
		if d.Weight == nil && d.LeafWeight == nil {
			c.refuse(one, "", "must set weight, leafWeight or both")
		}
		c.checkWeight(one.Dot("weight"), d.Weight)
		c.checkWeight(one.Dot("leafWeight"), d.LeafWeight)
	}
	for _, t := range []struct {
		name string
		list []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range t.list {
			c.checkDeviceNumber(at.DotAt(t.name, i), d.Major, d.Minor)
		}
	}
}

// checkWeight checks a weight, which is nil if it is absent.
func (c resourceChecker) checkWeight(at location, w *uint16) {
	if w != nil && *w > maxWeight {
		c.refuse(at, strconv.Itoa(int(*w)), "must be at most "+strconv.Itoa(maxWeight))
	}
}
