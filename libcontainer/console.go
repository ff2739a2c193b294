package libcontainer

import (
	"strconv"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
	"rt/spec"
)

// checkConsole sees to it that there is someone to take the terminal, before anything is made. The rules are runc's: a
// terminal that nobody is in the foreground of needs a console socket, and a console socket is of no use otherwise.
func checkConsole(p *spec.Process, socket string, detached bool) error {
	terminal := p != nil && p.Terminal
	switch {
	case terminal && detached && socket == "":
		return &diag.Error{
			Kind: diag.Usage, Field: "process.terminal", Value: "true",
			Problem: "nobody would hold the container's terminal: a detached container with a terminal needs --console-socket",
		}
	case socket != "" && (!terminal || !detached):
		return &diag.Error{
			Kind: diag.Usage, Field: "--console-socket", Value: socket,
			Problem: "nothing would be sent there: a console socket takes the terminal of a detached container with process.terminal",
		}
	}
	return nil
}

// console is the terminal of a container.
type console struct {
	socket string // --console-socket: who listens there gets the master; "" leaves it to the foreground
	master int    // once it came; -1 otherwise
}

// take takes the master of the container's terminal from the boot process.
func (c *console) take(fd int) error {
	c.master = fd
	if c.socket == "" {
		return foreground.SetUp(fd)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return diag.Sys("the number of the terminal can't be read", "ioctl", err)
	}
	if err := sendFD("--console-socket", c.socket, "/dev/pts/"+strconv.Itoa(number), fd); err != nil {
		return err
	}
	_ = unix.Close(fd)
	c.master = -1
	return nil
}

// sendPidfd sends a descriptor of the process to who listens on --pidfd-socket: pidfd_open(2).
func sendPidfd(path string, pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return diag.Sys("the container's process can't be opened", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(fd) }()
	return sendFD("--pidfd-socket", path, "pidfd", fd)
}

// sendFD sends a descriptor to a listening Unix stream socket, with its name as the payload, as runc does.
func sendFD(option, path, name string, fd int) error {
	fail := func(call string, err error) error {
		e := diag.Sys("can't hand over "+name, call, err)
		e.Field, e.Value = option, path
		if e.Errno == unix.EAGAIN {
			e.Hint = "whoever listens there does not take connections: the queue of them is full"
		}
		return e
	}
	// Not waited for: nobody can say how long.
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer func() { _ = unix.Close(socket) }()
	if err := unix.Connect(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return fail("connect", err)
	}
	if err := unix.Sendmsg(socket, []byte(name), unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL); err != nil {
		return fail("sendmsg", err)
	}
	return nil
}
