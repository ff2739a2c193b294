package sys

import "golang.org/x/sys/unix"

// CloseAll closes the descriptors, but for negative ones, which stand for none.
func CloseAll(fds ...int) {
	for _, fd := range fds {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
