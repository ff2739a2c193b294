package cgroup

import (
	"strconv"

	"rt/libcontainer/host"

	"github.com/opencontainers/cgroups"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// convertBlockIO converts linux.resources.blockIO. The library turns weights of 10 to 1000 into 1 to 10000 where the
// kernel has io.weight and not io.bfq.weight.
func (c *converter) convertBlockIO(b *specs.LinuxBlockIO) {
	r := &c.out.resources
	if b.Weight != nil && *b.Weight != 0 {
		c.addNeed("blockIO.weight", "io", "blkio.weight", "io.weight")
		r.BlkioWeight = *b.Weight
	}
	if b.LeafWeight != nil && *b.LeafWeight != 0 {
		c.addNeed("blockIO.leafWeight", "io", "blkio.leaf_weight", "")
		r.BlkioLeafWeight = *b.LeafWeight
	}
	for i, d := range b.WeightDevice {
		c.convertWeightDevice("blockIO.weightDevice["+strconv.Itoa(i)+"]", d)
	}
	r.BlkioThrottleReadBpsDevice = c.convertThrottle(
		"throttleReadBpsDevice",
		"blkio.throttle.read_bps_device",
		b.ThrottleReadBpsDevice,
	)
	r.BlkioThrottleWriteBpsDevice = c.convertThrottle(
		"throttleWriteBpsDevice",
		"blkio.throttle.write_bps_device",
		b.ThrottleWriteBpsDevice,
	)
	r.BlkioThrottleReadIOPSDevice = c.convertThrottle(
		"throttleReadIOPSDevice",
		"blkio.throttle.read_iops_device",
		b.ThrottleReadIOPSDevice,
	)
	r.BlkioThrottleWriteIOPSDevice = c.convertThrottle(
		"throttleWriteIOPSDevice",
		"blkio.throttle.write_iops_device",
		b.ThrottleWriteIOPSDevice,
	)
}

// convertWeightDevice converts an entry of blockIO.weightDevice.
func (c *converter) convertWeightDevice(field string, d specs.LinuxWeightDevice) {
	var weight, leaf uint16
	if d.Weight != nil && *d.Weight != 0 {
		c.addNeed(field+".weight", "io", "blkio.weight_device", "io.weight")
		weight = *d.Weight
	}
	if d.LeafWeight != nil && *d.LeafWeight != 0 {
		c.addNeed(field+".leafWeight", "io", "blkio.leaf_weight_device", "")
		leaf = *d.LeafWeight
	}
	if weight != 0 || leaf != 0 {
		r := &c.out.resources
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, cgroups.NewWeightDevice(d.Major, d.Minor, weight, leaf))
	}
}

// convertThrottle converts one of the four lists of rates.
func (c *converter) convertThrottle(list, v1 string, devices []specs.LinuxThrottleDevice) []*cgroups.ThrottleDevice {
	var out []*cgroups.ThrottleDevice
	for i, d := range devices {
		c.addNeed("blockIO."+list+"["+strconv.Itoa(i)+"]", "io", v1, "io.max")
		out = append(out, cgroups.NewThrottleDevice(d.Major, d.Minor, d.Rate))
	}
	return out
}

// writeDeviceWeights writes the weights by device where the kernel has no BFQ scheduler, and so no io.bfq.weight: the
// library leaves them out there. io.weight takes them too, as lines of a device and a weight (cgroup-v2.rst, "IO
// Interface Files").
func (g limitFiles) writeDeviceWeights() error {
	devices := g.limits.resources.BlkioWeightDevice
	if g.mode != host.CgroupV2 || len(devices) == 0 || g.hasBFQ() {
		return nil
	}
	for _, d := range devices {
		line := strconv.FormatInt(d.Major, 10) + ":" + strconv.FormatInt(d.Minor, 10) + " " +
			strconv.FormatUint(cgroups.ConvertBlkIOToIOWeightValue(d.Weight), 10)
		if err := writeFile(g.hierarchies[0].dir, "io.weight", line); err != nil {
			return g.fileError(g.hierarchies[0].dir, "io.weight", line, err)
		}
	}
	return nil
}
