// Package engine hands to the engine that has called rt what it asked for: the master of the container's terminal
// (--console-socket), a pidfd (--pidfd-socket) and the pid (--pid-file).
//
// Sockets are Unix stream sockets that the engine listens on. rt never waits for an engine that does not accept.
package engine

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
	"rt/spec"
)

// CheckConsole checks, before anything is made, that somebody will hold the master of the container's terminal. The
// rules are runc's: a terminal without rt in the foreground needs a console socket, and a console socket is of no use
// otherwise.
func CheckConsole(p *spec.Process, socket string, detached bool) error {
	terminal := p != nil && p.Terminal
	switch {
	case terminal && detached && socket == "":
		return &diag.Error{
			Kind: diag.Usage, Field: "process.terminal", Value: "true",
			Problem: "nobody would hold the container's terminal: " +
				"a detached container with a terminal needs --console-socket",
		}
	case socket != "" && (!terminal || !detached):
		return &diag.Error{
			Kind: diag.Usage, Field: "--console-socket", Value: socket,
			Problem: "nothing would be sent there: " +
				"a console socket takes the terminal of a detached container with process.terminal",
		}
	}
	return nil
}

// Console is the terminal of a container.
type Console struct {
	socket  string
	master  int
	streams [3]int
}

// NewConsole returns a console whose master goes to the engine that listens on socket; with "" it stays with rt,
// which relays it to streams.
func NewConsole(socket string, streams [3]int) Console {
	return Console{socket: socket, master: -1, streams: streams}
}

// Take takes over the master from the boot process.
func (c *Console) Take(master int) error {
	c.master = master
	if c.socket == "" {
		return foreground.SetUp(master, c.streams)
	}
	number, err := unix.IoctlGetInt(master, unix.TIOCGPTN)
	if err != nil {
		return diag.Sys("the number of the terminal can't be read", "ioctl", err)
	}
	if err := send("--console-socket", c.socket, "/dev/pts/"+strconv.Itoa(number), master); err != nil {
		return err
	}
	c.Close()
	return nil
}

// Release returns the master, which the caller closes from now on; -1 without a terminal, or when the engine has it.
func (c *Console) Release() int {
	master := c.master
	c.master = -1
	return master
}

// Close closes the master, unless it was released.
func (c *Console) Close() {
	if c.master >= 0 {
		_ = unix.Close(c.master)
	}
	c.master = -1
}
