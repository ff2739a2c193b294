package cli

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/internal/sys"
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
	// Above the descriptors of --preserve-fds: the log must not be taken for one of the caller's descriptors.
	const aside = 200
	if high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, aside); err == nil {
		_ = unix.Close(fd)
		fd = high
	}
	l.fd, l.opened = fd, true
	return nil
}

// openLog opens a log to append to. It does not block on a FIFO without a reader (fifo(7)), and does not follow links
// of other users (sys.OpenOutput).
func openLog(path string) (int, error) {
	fd, err := sys.OpenOutput(path, unix.O_APPEND, 0o644)
	if err == nil {
		return fd, nil
	}
	problem := "the log can't be opened"
	switch err {
	case unix.ENXIO:
		problem = "is a FIFO without a reader, or a socket: a log must be a file, or have a reader"
	case unix.ELOOP:
		problem = "is a link of another user's, or links lead in a circle: permission denied"
	}
	errno, _ := err.(unix.Errno) //nolint:errorlint // package unix returns it bare
	return -1, &diag.Error{
		Kind:    diag.Usage,
		Field:   "--log",
		Value:   path,
		Problem: problem,
		Call:    "openat",
		Errno:   errno,
	}
}

// writeLog writes an entry, as one write if it fits. It waits at most a second for the reader of a FIFO.
func writeLog(fd int, b []byte) error {
	const patience = 1000 // milliseconds
	for len(b) > 0 {
		n, err := unix.Write(fd, b)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, patience); n == 0 &&
				err == nil {
				return &diag.Error{Kind: diag.Host, Field: "--log", Problem: "the log has no reader"}
			}
		case err != nil:
			return diag.Sys("the log can't be written", "write", err)
		default:
			b = b[n:]
		}
	}
	return nil
}
