package foreground

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
)

// SetUp prepares a new terminal for a process in the foreground, before its program runs. The terminal gets the size of
// rt's terminal, if one of streams is a terminal. SetUp clears ONLCR (termios(3)): rt's terminal converts newlines, and
// those in a pipe or file stay unconverted.
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

// Size returns the size of rt's terminal; nil if rt has none, or if the terminal has no size, as often in scripts.
func Size(streams [3]int) *unix.Winsize {
	for _, fd := range streams {
		if size, err := unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ); err == nil && size.Row != 0 && size.Col != 0 {
			return size
		}
	}
	return nil
}

// resize sets the size of a terminal to that of rt's terminal. The kernel sends SIGWINCH to its foreground processes.
func resize(master int, streams [3]int) {
	if size := Size(streams); size != nil {
		_ = unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, size)
	}
}

// follow calls resize now and whenever the size of rt's terminal changes, until the returned function is called.
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
