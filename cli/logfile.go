package cli

import (
	"path/filepath"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// openFile opens the file of --log, if there is one to be opened.
func (l *log) openFile() error {
	if l.path == "" || l.opened {
		return nil
	}
	fd, err := openLog(l.path)
	if err != nil {
		l.broken = true
		return err
	}
	// Out of the way of what --preserve-fds counts from 3: a descriptor that the caller did not open must not be taken for one of the caller's.
	const aside = 200
	if high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, aside); err == nil {
		_ = unix.Close(fd)
		fd = high
	}
	l.fd, l.opened = fd, true
	return nil
}

// openLog opens a log to append to. Nobody can make it wait (a FIFO without a reader, fifo(7)), nor have it write to where he may not himself: a link at the
// end of the path is followed by the rules of fs.protected_symlinks (proc_sys_fs(5)), whatever this kernel is set to.
func openLog(path string) (int, error) {
	fail := func(problem string, err error) (int, error) {
		errno, _ := err.(unix.Errno) //nolint:errorlint // package unix returns it bare
		return -1, &diag.Error{Kind: diag.Usage, Field: "--log", Value: path, Problem: problem, Call: "openat", Errno: errno}
	}
	const flags = unix.O_WRONLY | unix.O_APPEND | unix.O_CREAT | unix.O_NOCTTY | unix.O_NONBLOCK | unix.O_CLOEXEC
	for follow := 0; ; follow = 1 {
		nofollow := unix.O_NOFOLLOW * (1 - follow)
		fd, err := unix.Open(path, flags|nofollow, 0o644)
		switch {
		case err == nil:
			return fd, nil
		case err == unix.EINTR:
		case err == unix.ENXIO:
			return fail("is a FIFO that nobody reads, or a socket: a log must be a file, or have a reader", err)
		case err != unix.ELOOP || follow == 1:
			return fail("the log can't be opened", err)
		case !mayFollow(path):
			return fail("is a link that another user has placed in a directory that everybody may write to: permission denied", err)
		}
	}
}

// mayFollow reports whether the symbolic link at path may be followed: it is the caller's own or its directory's owner's, or the directory is not one, sticky
// and world-writable, in which everybody may place links.
func mayFollow(path string) bool {
	var link, dir unix.Stat_t
	if unix.Lstat(path, &link) != nil || unix.Stat(filepath.Dir(path), &dir) != nil {
		return false
	}
	const everybodys = unix.S_ISVTX | unix.S_IWOTH
	return link.Uid == uint32(unix.Geteuid()) || link.Uid == dir.Uid || dir.Mode&everybodys != everybodys
}

// writeLog writes an entry, as one write where it fits. A reader of a FIFO that reads nothing may keep it for a second.
func writeLog(fd int, b []byte) error {
	const patience = 1000 // milliseconds
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, patience); n == 0 && err == nil {
				return &diag.Error{Kind: diag.Host, Field: "--log", Problem: "nobody reads the log"}
			}
		case err != nil:
			return diag.Sys("the log can't be written", "write", err)
		default:
			b = b[n:]
		}
	}
	return nil
}
