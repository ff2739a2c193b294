package cgroup

import (
	"strconv"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// blockIO converts linux.resources.blockIO. The library turns weights of 10 to 1000 into 1 to 10000 where the kernel has io.weight and
// not io.bfq.weight.
func (c *converter) blockIO(b *specs.LinuxBlockIO) {
	r := &c.out.resources
	if b.Weight != nil && *b.Weight != 0 {
		c.need("blockIO.weight", "io", "blkio.weight", "io.weight")
		r.BlkioWeight = *b.Weight
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		c.need("blockIO.leafWeight", "io", "blkio.leaf_weight", "")
		r.BlkioLeafWeight = *b.LeafWeight
	}
	for i, d := range b.WeightDevice {
		c.weightDevice("blockIO.weightDevice["+strconv.Itoa(i)+"]", d)
	}
	r.BlkioThrottleReadBpsDevice = c.throttle("throttleReadBpsDevice", "blkio.throttle.read_bps_device", b.ThrottleReadBpsDevice)
	r.BlkioThrottleWriteBpsDevice = c.throttle("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", b.ThrottleWriteBpsDevice)
	r.BlkioThrottleReadIOPSDevice = c.throttle("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", b.ThrottleReadIOPSDevice)
	r.BlkioThrottleWriteIOPSDevice = c.throttle("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", b.ThrottleWriteIOPSDevice)
}

// weightDevice converts an entry of blockIO.weightDevice.
func (c *converter) weightDevice(field string, d specs.LinuxWeightDevice) {
	var weight, leaf uint16
	if d.Weight != nil && *d.Weight != 0 {
		// Only the BFQ scheduler has weights by device on v2 (Linux 5.4).
		c.need(field+".weight", "io", "blkio.weight_device", "io.bfq.weight")
		weight = *d.Weight
	}
	if d.LeafWeight != nil && *d.LeafWeight != 0 {
		c.need(field+".leafWeight", "io", "blkio.leaf_weight_device", "")
		leaf = *d.LeafWeight
	}
	if weight != 0 || leaf != 0 {
		r := &c.out.resources
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, cgroups.NewWeightDevice(d.Major, d.Minor, weight, leaf))
	}
}

// throttle converts one of the four lists of rates.
func (c *converter) throttle(list, v1 string, devices []specs.LinuxThrottleDevice) []*cgroups.ThrottleDevice {
	var out []*cgroups.ThrottleDevice
	for i, d := range devices {
		c.need("blockIO."+list+"["+strconv.Itoa(i)+"]", "io", v1, "io.max")
		out = append(out, cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
	}
	return out
}
