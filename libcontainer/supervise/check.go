package supervise

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/sys"
	"rt/libcontainer/plan"
)

// canReplace reports whether a reported pid can be that of a new boot process: a child of this process that was not
// waited for, and not the reporting process. The pid of a child that was not waited for is not reused.
//
// The session does not know which children belong to it: in a program that creates several containers at once with the
// library, a hostile boot process may name a child of another session. rt creates one container per process.
func (s *Session) canReplace(pid int64) bool {
	const last = 1 << 22 // PID_MAX_LIMIT
	if pid <= 0 || pid > last || int(pid) == s.Boot.Pid {
		return false
	}
	return unix.Waitid(unix.P_PID, int(pid), nil, unix.WEXITED|unix.WNOWAIT|unix.WNOHANG|unix.WALL, nil) == nil
}

// checkDescriptor returns what is wrong with the descriptor of a report; "" if the sync point passes such a descriptor.
func checkDescriptor(passes plan.Passes, fd int) string {
	switch passes {
	case plan.PassesNothing, plan.PassesPid:
		if fd >= 0 {
			return "a descriptor with the report"
		}
		return ""
	case plan.PassesTerminal:
		if fd < 0 || !isTerminal(fd) {
			return "no terminal with the report"
		}
	case plan.PassesDirectory:
		if fd < 0 || !isDirectory(fd) {
			return "no directory with the report"
		}
	case plan.PassesFile:
		if fd >= 0 && !isPath(fd) {
			return "a file that is open with the report"
		}
	case plan.PassesListener:
		if fd < 0 || !isListener(fd) {
			return "no seccomp listener with the report"
		}
	}
	return ""
}

// isTerminal reports whether fd is the master of a pseudoterminal: /dev/ptmx or /dev/pts/ptmx, both character device
// 5:2 (pty(7)).
func isTerminal(fd int) bool {
	const major, minor = 5, 2
	return sys.IsCharDevice(fd, major, minor)
}

func isDirectory(fd int) bool {
	_, mode, err := sys.DeviceOf(fd)
	return err == nil && mode&unix.S_IFMT == unix.S_IFDIR
}

// isPath reports whether fd was opened with O_PATH (open(2)).
func isPath(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	return err == nil && flags&unix.O_PATH != 0
}

// isListener reports whether fd is the listener of a seccomp filter. fstat(2) does not tell its type, but its name is
// unique: names of files begin with a slash.
func isListener(fd int) bool {
	var name [64]byte
	n, err := unix.Readlink("/proc/self/fd/"+strconv.Itoa(fd), name[:])
	return err == nil && string(name[:n]) == "anon_inode:seccomp notify"
}
