package sys

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// StatNoSync describes a file as the kernel has it in its caches, without a call to the server of its file system:
// statx(2), AT_STATX_DONT_SYNC. mask is what is asked for. FUSE denies attributes to other users than its own, so ask
// for no more than is needed.
func StatNoSync(dir int, path string, flags, mask int) (st unix.Statx_t, err error) {
	err = unix.Statx(dir, path, unix.AT_STATX_DONT_SYNC|unix.AT_NO_AUTOMOUNT|flags, mask, &st)
	return st, err
}

// DeviceOf returns the device number of the file system that fd is in, and the type and mode of the file, as StatNoSync
// does.
func DeviceOf(fd int) (device uint64, mode uint16, err error) {
	st, err := StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE)
	return unix.Mkdev(st.Dev_major, st.Dev_minor), st.Mode, err
}

// StatCached returns the type, mode and device number of fd, and nothing else of a stat(2), as StatNoSync does.
func StatCached(fd int) (st unix.Stat_t, err error) {
	x, err := StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE|unix.STATX_MODE)
	st.Mode, st.Rdev = uint32(x.Mode), unix.Mkdev(x.Rdev_major, x.Rdev_minor)
	return st, err
}

// InFileSystemOf reports whether fd is in the file system of the file at path, and that is one which answers: see
// HasServer.
func InFileSystemOf(fd int, path string) bool {
	own, err := StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE)
	if err != nil || HasServer(&own) {
		return false
	}
	other, err := StatNoSync(unix.AT_FDCWD, path, 0, unix.STATX_TYPE)
	return err == nil && other.Dev_major == own.Dev_major && other.Dev_minor == own.Dev_minor
}

// InLocalFileSystem reports whether fd is in a file system that answers: see HasServer.
func InLocalFileSystem(fd int) bool {
	st, err := StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE)
	return err == nil && !HasServer(&st)
}

// HasServer reports whether a file is in a file system that need not answer: it has no block device, and a server
// instead, as those of FUSE and of networks have. Such a file system has an entry in sysfs for its write-back
// (Documentation/ABI/testing/sysfs-class-bdi); one of memory or a layer over others has none.
func HasServer(st *unix.Statx_t) bool {
	return st.Dev_major == 0 &&
		unix.Access("/sys/class/bdi/0:"+strconv.Itoa(int(st.Dev_minor)), unix.F_OK) == nil
}

// IsCharDevice reports whether fd is a character device with that number, as StatNoSync does.
func IsCharDevice(fd int, major, minor uint32) bool {
	st, err := StatNoSync(fd, "", unix.AT_EMPTY_PATH, unix.STATX_TYPE)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == major && st.Rdev_minor == minor
}
