package seccomp

import "golang.org/x/sys/unix"

// SupportedFlags returns those of Flags that this kernel supports. The kernel checks the flags before it reads the
// filter, so with a null pointer for the filter EFAULT means that it knows them, even for callers that could not load a
// filter (seccomp(2)). Nothing is loaded.
func SupportedFlags() []string {
	var out []string
	for _, f := range flags {
		bits := uintptr(f.bit)
		if f.bit == waitKillableRecv {
			bits |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER // not valid alone
		}
		_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, bits, 0)
		if errno == unix.EFAULT {
			out = append(out, string(f.name))
		}
	}
	return out
}
