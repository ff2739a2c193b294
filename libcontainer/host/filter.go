package host

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Filtered reports whether this process runs under a seccomp filter, as rt does in a container of an engine (Seccomp in
// proc_pid_status(5)). A filter answers to what it does not allow, by the author's choice, with EPERM, which looks like
// a missing right, or ENOSYS, which looks like an old kernel.
func Filtered() bool {
	text, err := os.ReadFile("/proc/self/status")
	return err == nil && strings.Contains(string(text), "\nSeccomp:\t2\n")
}

// Denied lists the calls among those that are probed which the filter of this process denies: they answer EPERM or
// ENOSYS, on a kernel that may well have them. Without a filter it lists none.
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

// FilterHint is what may be wrong where a call failed with errno under a filter; "" where that says nothing.
func FilterHint(errno unix.Errno) string {
	if errno != unix.ENOSYS && errno != unix.EPERM || !Filtered() {
		return ""
	}
	return "rt runs under a seccomp filter, as in a container, which may deny the call: see `rt doctor`"
}
