package foreground

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// SetUp prepares a new terminal for a process in the foreground, before its program runs. It gets the size of rt's
// terminal, if one of streams is that. ONLCR (termios(3)) is cleared: rt's terminal converts newlines, and output to a
// pipe or file has none converted.
func SetUp(master int, streams [3]int) error {
	modes, err := unix.IoctlGetTermios(master, unix.TCGETS)
	if err == nil {
		modes.Oflag &^= unix.ONLCR
		err = unix.IoctlSetTermios(master, unix.TCSETS, modes)
	}
	if err != nil {
		return diag.Sys("the modes of the container's terminal can't be set", "ioctl", err)
	}
	resize(master, streams)
	return nil
}

// Size returns the size of rt's terminal; nil if it has none, or if that reports no size, as many pseudoterminals of
// scripts do.
func Size(streams [3]int) *unix.Winsize {
	for _, fd := range streams {
		if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && size.Row != 0 && size.Col != 0 {
			return size
		}
	}
	return nil
}

// resize gives a terminal the size of rt's. The kernel sends SIGWINCH to the terminal's foreground processes.
func resize(master int, streams [3]int) {
	if size := Size(streams); size != nil {
		_ = unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, size)
	}
}

// follow gives the terminal the size of rt's, now and whenever that changes, until the returned function is called.
func follow(master int, streams [3]int) (stop func()) {
	resize(master, streams)
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	ended := make(chan struct{})
	go func() {
		for range changes {
			resize(master, streams)
		}
		close(ended)
	}()
	return func() {
		signal.Stop(changes)
		close(changes)
		<-ended
	}
}

// makeRaw puts rt's terminal, if standard input is one, into raw mode, and returns the function that restores it. The
// container's terminal interprets keys; rt's still processes output, such as newlines.
func makeRaw(in int) (restore func(), err error) {
	before, err := unix.IoctlGetTermios(in, unix.TCGETS)
	if err != nil {
		return func() {}, nil // ENOTTY: standard input is a pipe or a file
	}
	raw := *before
	// cfmakeraw(3), but for OPOST
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK |
		unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(in, unix.TCSETS, &raw); err != nil {
		return nil, diag.Sys("rt's terminal can't be put into raw mode", "ioctl", err)
	}
	return func() { _ = unix.IoctlSetTermios(in, unix.TCSETS, before) }, nil
}
