package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Text returns b as a string without copying it. Nobody may change b any more.
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
