package seccomp

import "golang.org/x/sys/unix"

// SupportedFlags lists those of Flags that this kernel has. A null pointer for the filter is looked at behind the
// flags, so EFAULT means that the kernel knows them, also to those who could not load a filter (seccomp(2)); nothing is
// loaded.
func SupportedFlags() []string {
	var out []string
	for _, f := range flags {
		bits := uintptr(f.bit)
		if f.bit == waitKillableRecv {
			bits |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER // alone it is refused
		}
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, bits, 0)
		if errno == unix.EFAULT {
			out = append(out, string(f.name))
		}
	}
	return out
}
