package host

import (
	"math"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// required has a row for each system call that rt needs. Together they mean Linux 5.10: rt does not need
// process_madvise(2), but it is new in 5.10. Each is called with wrong operands, so that a kernel which has it answers
// EINVAL before it checks the caller's rights.
var required = []probe{
	{0, "clone3(2)", "5.3", func() Answer { return einval(unix.SYS_CLONE3, 0, 0) }},
	{0, "pidfd_open(2)", "5.3", func() Answer { return einval(unix.SYS_PIDFD_OPEN, 0, 0) }},
	{0, "openat2(2)", "5.6", func() Answer { return einval(unix.SYS_OPENAT2, badFD, 0) }},
	{0, "close_range(2)", "5.9", func() Answer { return einval(unix.SYS_CLOSE_RANGE, 1, 0) }},
	{0, "process_madvise(2)", "5.10", func() Answer { return einval(unix.SYS_PROCESS_MADVISE, badFD, 0) }},
	{0, "open_tree(2)", "5.2", func() Answer { return einval(unix.SYS_OPEN_TREE, badFD, math.MaxInt32) }},
	{0, "fsopen(2)", "5.2", fsopen},
}

// einval makes a deliberately wrong call with five operands: a, 0, c, 0 and the flag 1.
func einval(call, a, c uintptr) Answer {
	_, _, errno := unix.RawSyscall6(call, a, 0, c, 0, 1, 0)
	return known(errno, unix.EINVAL)
}

// fsopen checks the rights first. EPERM means that an unprivileged caller's kernel has the call, unless a seccomp
// filter returned it.
func fsopen() Answer {
	_, _, errno := unix.RawSyscall(unix.SYS_FSOPEN, 0, math.MaxInt32, 0)
	return known(errno, unix.EINVAL)
}

// Check returns the reason why rt can't work on this kernel, or nil. It is called only after a failure: on a supported
// kernel it only costs time.
func Check() error { return check(required) }

// check returns an error for the first call in rows that is missing.
func check(rows []probe) error {
	for _, p := range rows {
		if p.ask() == No {
			return &diag.Error{
				Kind:    diag.Host,
				Problem: "this kernel lacks " + p.name + " (Linux " + p.since + "): rt needs Linux 5.10 or newer",
				Errno:   unix.ENOSYS,
				Hint:    FilterHint(unix.ENOSYS),
			}
		}
	}
	return nil
}
