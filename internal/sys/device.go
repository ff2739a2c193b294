package sys

import "golang.org/x/sys/unix"

// DeviceOf returns the file system that fd is in, and its type, without a call to the server of that file system.
func DeviceOf(fd int) (device uint64, mode uint16, err error) {
	var st unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
	return unix.Mkdev(st.Dev_major, st.Dev_minor), st.Mode, err
}

// Cached returns the type, mode and device number of fd, and nothing else of a stat(2), without a call to the server of
// its file system.
func Cached(fd int) (st unix.Stat_t, err error) {
	var x unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE|unix.STATX_MODE, &x)
	st.Mode, st.Rdev = uint32(x.Mode), unix.Mkdev(x.Rdev_major, x.Rdev_minor)
	return st, err
}

// InFileSystemOf reports whether fd is in the file system of the file at path.
func InFileSystemOf(fd int, path string) bool {
	device, _, err := DeviceOf(fd)
	var st unix.Stat_t
	return err == nil && unix.Stat(path, &st) == nil && st.Dev == device
}

// IsDevice reports whether fd is of a character device, likewise.
func IsDevice(fd int, major, minor uint32) bool {
	var st unix.Statx_t
	err := unix.Statx(fd, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &st)
	return err == nil && st.Mode&unix.S_IFMT == unix.S_IFCHR && st.Rdev_major == major && st.Rdev_minor == minor
}
