package foreground

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// SetUp makes a new terminal that of a process in the foreground, before its program runs: it has the size of rt's own, and leaves it to that to begin a line
// at its beginning (ONLCR, termios(3)). Where rt's output is no terminal, lines end as they do without one.
func SetUp(master int) error {
	modes, err := unix.IoctlGetTermios(master, unix.TCGETS)
	if err == nil {
		modes.Oflag &^= unix.ONLCR
		err = unix.IoctlSetTermios(master, unix.TCSETS, modes)
	}
	if err != nil {
		return diag.Sys("the modes of the container's terminal can't be set", "ioctl", err)
	}
	resize(master)
	return nil
}

// Size is the size of rt's own terminal; nil if it has none, or one that does not know its size, as it is with many a pseudo-terminal of a script.
func Size() *unix.Winsize {
	for fd := range 3 {
		if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && size.Row != 0 && size.Col != 0 {
			return size
		}
	}
	return nil
}

// resize gives a terminal the size of rt's. The kernel tells the terminal's foreground processes by SIGWINCH.
func resize(master int) {
	if size := Size(); size != nil {
		_ = unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, size)
	}
}

// follow gives the terminal the size of rt's, now and whenever that changes, until the function that it returns is called.
func follow(master int) (stop func()) {
	resize(master)
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	ended := make(chan struct{})
	go func() {
		for range changes {
			resize(master)
		}
		close(ended)
	}()
	return func() {
		signal.Stop(changes)
		close(changes)
		<-ended
	}
}

// makeRaw puts rt's terminal, if standard input is one, into raw mode, and returns the function that gives it back as it was. What keys mean is for the
// container's terminal to decide; what begins a line is for rt's, so output is still processed.
func makeRaw() (restore func(), err error) {
	before, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return func() {}, nil // ENOTTY: standard input is a pipe or a file
	}
	raw := *before
	// cfmakeraw(3), but for OPOST
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(0, unix.TCSETS, &raw); err != nil {
		return nil, diag.Sys("rt's terminal can't be put into raw mode", "ioctl", err)
	}
	return func() { _ = unix.IoctlSetTermios(0, unix.TCSETS, before) }, nil
}
