package host

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Filtered reports whether this process runs under a seccomp filter, for example in a container of an engine (Seccomp
// in proc_pid_status(5)). A denied call fails with the errno that the filter's author has chosen: EPERM, as for a
// missing privilege, or ENOSYS, as on an old kernel.
func Filtered() bool {
	text, err := os.ReadFile("/proc/self/status")
	return err == nil && strings.Contains(string(text), "\nSeccomp:\t2\n")
}

// Denied lists the probed calls that the filter of this process denies, with EPERM or ENOSYS. Without a filter it lists
// none.
func Denied() (names []string) {
	if !Filtered() {
		return nil
	}
	for _, p := range append(append([]probe{}, required...), features...) {
		if strings.HasSuffix(p.name, "(2)") && p.ask() != Yes {
			names = append(names, p.name)
		}
	}
	return names
}

// FilterHint returns a hint that a seccomp filter of this process may have caused errno. It returns "" without a
// filter, or if filters do not return this errno.
func FilterHint(errno unix.Errno) string {
	if errno != unix.ENOSYS && errno != unix.EPERM || !Filtered() {
		return ""
	}
	return "rt runs under a seccomp filter, as in a container, which may deny the call: see `rt doctor`"
}
