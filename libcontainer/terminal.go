package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// terminal relays between rt's own standard streams and the master of the container's terminal, with rt's terminal, if it has one, in raw mode: what keys
// mean is for the container's terminal to decide.
type terminal struct {
	master int
	before *unix.Termios // of rt's terminal; nil if standard input is none
}

func newTerminal(master int) (*terminal, error) {
	t := &terminal{master: master}
	before, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return t, nil // ENOTTY: standard input is a pipe or a file
	}
	raw := *before
	// cfmakeraw(3)
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(0, unix.TCSETS, &raw); err != nil {
		return nil, diag.Sys("put the terminal into raw mode", "ioctl", err)
	}
	t.before = before
	return t, nil
}

// restore gives rt's terminal back as it was.
func (t *terminal) restore() {
	if t.before != nil {
		_ = unix.IoctlSetTermios(0, unix.TCSETS, t.before)
	}
}

// resize gives the container's terminal the size of rt's. The kernel tells the container's foreground by SIGWINCH.
func (t *terminal) resize() {
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil && t.before != nil {
		_ = unix.IoctlSetWinsize(t.master, unix.TIOCSWINSZ, size)
	}
}

// relay copies both ways until the other side of the terminal is closed, or the process has ended and all it wrote has come: what is still in the terminal
// when it ends is not lost.
func (t *terminal) relay(pidfd int) {
	buffer := make([]byte, 32<<10)
	in := t.before != nil || readable(0)
	ended := false
	for {
		fds := [3]unix.PollFd{{Fd: int32(t.master), Events: unix.POLLIN}, {Fd: -1, Events: unix.POLLIN}, {Fd: int32(pidfd), Events: unix.POLLIN}}
		wait := -1
		if in {
			fds[1].Fd = 0
		}
		if ended {
			fds[2].Fd, wait = -1, 0
		}
		n, err := unix.Poll(fds[:], wait)
		if err == unix.EINTR {
			continue
		}
		if err != nil || ended && n == 0 {
			return
		}
		if fds[0].Revents != 0 && !copyOnce(1, t.master, buffer) {
			return // EIO: nobody holds the other side any more
		}
		if fds[1].Revents != 0 && in {
			in = t.input(buffer)
		}
		if fds[2].Revents != 0 {
			ended = true
		}
	}
}

// input passes on what comes on standard input. At its end the container's terminal is told so as a person would, by ^D, and no more is read.
func (t *terminal) input(buffer []byte) bool {
	if copyOnce(t.master, 0, buffer) {
		return true
	}
	const endOfTransmission = 4
	_, _ = unix.Write(t.master, []byte{endOfTransmission})
	return false
}

// copyOnce copies what can be read at once; false at the end.
func copyOnce(to, from int, buffer []byte) bool {
	n, err := unix.Read(from, buffer)
	if err == unix.EINTR || err == unix.EAGAIN {
		return true
	}
	if err != nil || n <= 0 {
		return false
	}
	for p := buffer[:n]; len(p) > 0; {
		k, err := unix.Write(to, p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(to), Events: unix.POLLOUT}}, -1)
		case err != nil:
			return true // who reads rt's output has gone; the container need not know
		default:
			p = p[k:]
		}
	}
	return true
}

// readable reports whether a descriptor is open.
func readable(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}
