package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Text returns b as a string without copying it. b must not be changed afterwards.
func Text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Read is read(2), again after EINTR. Unlike that of package unix it lets the compiler keep p on the stack: a buffer on
// the heap is a page more for a process of a millisecond.
func Read(fd int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, errno := unix.Syscall(unix.SYS_READ,
			uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// ReadRandom fills p, of at most 256 bytes, with random bytes: getrandom(2). Unlike that of package unix it makes the
// system call: the vDSO's is faster only from the second call on, and prepares memory first.
func ReadRandom(p []byte) error {
	for {
		n, _, errno := unix.Syscall(unix.SYS_GETRANDOM,
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0)
		switch {
		case errno == unix.EINTR:
		case errno != 0:
			return errno
		case int(n) < len(p):
			return unix.EIO
		default:
			return nil
		}
	}
}
