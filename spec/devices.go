package spec

import (
	"strconv"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The kernel stores a device number in 32 bits: 12 for the major and 20 for the minor number (include/linux/kdev_t.h).
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

// deviceChecker checks linux.devices (config-linux.md, Devices).
type deviceChecker struct{ *configChecker }

// check checks all devices. A device that is listed twice with the same properties counts once.
func (c deviceChecker) check(list []specs.LinuxDevice) {
	if len(list) == 0 {
		return
	}
	all := locationOf("linux.devices")
	index := make(map[string]int, len(list)) // of a path in c.spec.Devices: privileged containers list hundreds
	for i := range list {
		at := all.At(i)
		d, ok := c.checkDevice(at, i, &list[i])
		if !ok {
			continue
		}
		if j, twice := index[d.Path]; twice {
			same := c.spec.Devices[j]
			if same.Index = i; same != d {
				c.refuse(at.Dot("path"), d.Path,
					"is given twice, with other properties in "+all.At(c.spec.Devices[j].Index).String())
			}
			continue
		}
		index[d.Path] = len(c.spec.Devices)
		c.spec.Devices = append(c.spec.Devices, d)
	}
}

// checkDevice checks one entry of linux.devices.
func (c deviceChecker) checkDevice(at location, i int, oci *specs.LinuxDevice) (Device, bool) {
	before := len(c.problems)
	d := Device{Index: i, Mode: 0o666}
	switch oci.Path {
	case "":
		c.refuse(at.Dot("path"), "", "is required: where the container sees the device")
	default:
		var ok bool
		if d.Path, ok = c.checkContainerPath(at.Dot("path"), oci.Path); ok && d.Path == "/" {
			c.refuse(at.Dot("path"), oci.Path, "must name something below /")
		}
	}
	var kind uint32
	switch oci.Type {
	case "c", "u":
		kind = unix.S_IFCHR
	case "b":
		kind = unix.S_IFBLK
	case "p":
		kind = unix.S_IFIFO
	case "":
		c.refuse(at.Dot("type"), "", "is required: c or u for a character device, b for a block device, p for a fifo")
	default:
		c.refuse(at.Dot("type"), oci.Type, "must be c or u for a character device, b for a block device, p for a fifo")
	}
	if oci.FileMode != nil {
		d.Mode = c.checkFileMode(at.Dot("fileMode"), uint32(*oci.FileMode), kind)
	}
	d.Mode |= kind
	if kind != unix.S_IFIFO {
		d.Major, d.Minor = c.checkDeviceNumber(at, oci.Major, oci.Minor)
	}
	if oci.UID != nil {
		d.UID = *oci.UID
	}
	if oci.GID != nil {
		d.GID = *oci.GID
	}
	for _, id := range [2]uint32{d.UID, d.GID} {
		if id == noID {
			c.refuse(at, utoa(id), "has an owner that does not exist: ids end at 4294967294")
		}
	}
	return d, len(c.problems) == before
}

// checkFileMode checks permission bits. Podman includes the type bits of stat(2), which must then be those of the
// device's type.
func (c deviceChecker) checkFileMode(at location, mode, kind uint32) uint32 {
	if bits := mode &^ 0o7777; bits != 0 && bits != kind && kind != 0 {
		c.refuse(at, utoa(mode), "must be at most 4095, octal 7777: JSON numbers are decimal, 0666 is 438")
	}
	return mode & 0o7777
}

// checkDeviceNumber checks major and minor.
func (c *checker) checkDeviceNumber(at location, major, minor int64) (uint32, uint32) {
	if major < 0 || major > maxMajor {
		c.refuse(at.Dot("major"), strconv.FormatInt(major, 10), "must be from 0 to "+strconv.Itoa(maxMajor))
	}
	if minor < 0 || minor > maxMinor {
		c.refuse(at.Dot("minor"), strconv.FormatInt(minor, 10), "must be from 0 to "+strconv.Itoa(maxMinor))
	}
	return uint32(major), uint32(minor)
}
