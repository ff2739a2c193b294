// Package engine passes to the engine that has called rt what it has requested: the master of the container's terminal
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

// CheckConsole returns an error if no process would have the master of the container's terminal. The rules are those of
// runc: a terminal of a detached container requires a console socket, which no other container uses.
func CheckConsole(p *spec.Process, socket string, detached bool) error {
	terminal := p != nil && p.Terminal
	switch {
	case terminal && detached && socket == "":
		return &diag.Error{
			Kind: diag.Usage, Field: "process.terminal", Value: "true",
			Problem: "no process would have the master of the terminal: " +
				"a detached container with a terminal requires --console-socket",
		}
	case socket != "" && (!terminal || !detached):
		return &diag.Error{
			Kind: diag.Usage, Field: "--console-socket", Value: socket,
			Problem: "would receive nothing: " +
				"a console socket receives the terminal of a detached container with process.terminal",
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

// NewConsole returns a console whose master is passed to the engine that listens on socket. With "" rt keeps the
// master, and relays it to streams.
func NewConsole(socket string, streams [3]int) Console {
	return Console{socket: socket, master: -1, streams: streams}
}

// Take takes the master, which the boot process has passed. Close and Release say who closes it.
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

// Release returns the master, which the caller then closes; -1 without a terminal, or if the engine has the master.
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
