package rootfs

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
	"rt/libcontainer/inspect"
	"rt/libcontainer/plan"
	"rt/libcontainer/supervise"
	"rt/spec"
)

// checkDevice returns an error if the file that the boot process has found at the path of a device is not that device.
func (s *Server) checkDevice(r supervise.Report) error {
	origin, fd := r.Step.Origin, r.FD
	if fd < 0 {
		return &diag.Error{
			Kind: diag.Kernel, Field: origin,
			Problem: "the boot process has not passed the file at the path of the device",
		}
	}
	defer func() { _ = unix.Close(fd) }()
	st, err := sys.StatCached(fd)
	if err != nil {
		return diag.Sys("the file at the path of the device can't be examined", "statx", err)
	}
	for i := range s.spec.Devices {
		d := &s.spec.Devices[i]
		if origin != "linux.devices["+strconv.Itoa(d.Index)+"]" {
			continue
		}
		if inspect.IsDevice(&st, d) {
			return nil
		}
		return &diag.Error{
			Kind: diag.Host, Field: origin + ".path", Value: d.Path,
			Problem: "is " + nodeText(&st) + " already, not " + plan.DeviceText(d) +
				": remove that from the root file system or the mounts, or the device from the config",
		}
	}
	return &diag.Error{
		Kind: diag.Kernel, Field: origin,
		Problem: "the boot process asks about a device that the config does not have",
	}
}

// nodeText describes the file of st: "a directory".
func nodeText(st *unix.Stat_t) string {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFREG:
		return "a regular file"
	case unix.S_IFSOCK:
		return "a socket"
	}
	return plan.DeviceText(&spec.Device{Mode: st.Mode, Major: unix.Major(st.Rdev), Minor: unix.Minor(st.Rdev)})
}
