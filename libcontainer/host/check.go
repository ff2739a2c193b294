package host

import (
	"math"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// required has a row for each call that rt can't do without. Together they are Linux 5.10; process_madvise(2) is not needed by rt, it is the
// one call of 5.10 and so tells that release from 5.9.
// Each is called so that a kernel which knows it answers EINVAL before it looks at the caller's rights.
var required = []probe{
	{0, "clone3(2)", "5.3", func() Answer { return einval(unix.SYS_CLONE3, 0, 0) }},
	{0, "pidfd_open(2)", "5.3", func() Answer { return einval(unix.SYS_PIDFD_OPEN, 0, 0) }},
	{0, "openat2(2)", "5.6", func() Answer { return einval(unix.SYS_OPENAT2, badFD, 0) }},
	{0, "close_range(2)", "5.9", func() Answer { return einval(unix.SYS_CLOSE_RANGE, 1, 0) }},
	{0, "process_madvise(2)", "5.10", func() Answer { return einval(unix.SYS_PROCESS_MADVISE, badFD, 0) }},
	{0, "open_tree(2)", "5.2", func() Answer { return einval(unix.SYS_OPEN_TREE, badFD, math.MaxInt32) }},
	{0, "fsopen(2)", "5.2", fsopen},
}

// einval makes a call of up to five operands (a, 0, c, 0 and the flag 1) that is wrong on purpose.
func einval(call, a, c uintptr) Answer {
	_, _, errno := unix.RawSyscall6(call, a, 0, c, 0, 1, 0)
	return known(errno, unix.EINVAL)
}

// fsopen is the odd one: it looks at the rights first. EPERM from an unprivileged caller means known all the same, unless a filter said it.
func fsopen() Answer {
	_, _, errno := unix.RawSyscall(unix.SYS_FSOPEN, 0, math.MaxInt32, 0)
	return known(errno, unix.EINVAL)
}

// Check says why nothing of rt can work here, or nil. It is asked after something failed, never before: on a supported kernel it can only cost time.
func Check() error { return check(required) }

// check returns the first row of the table that is missing.
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
