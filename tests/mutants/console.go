package main

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// console gets the master of a container's terminal, and reads it.
type console struct {
	listener *net.UnixListener
	said     chan string
}

func newConsole(path string) (*console, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	c := &console{l, make(chan string, 1)}
	go c.receive()
	return c, nil
}

// receive accepts one connection, and takes the descriptor that comes over it.
func (c *console) receive() {
	conn, err := c.listener.AcceptUnix()
	if err != nil {
		return
	}
	defer conn.Close()
	name, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(name, rights)
	if err != nil {
		return
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) == 0 {
		return
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return
	}
	_, _ = unix.Write(fds[0], []byte("typed\n")) // the terminal echoes it
	c.said <- <-readAll(fds[0])
}

// text is what was read up to the end of the container.
func (c *console) text() string {
	select {
	case said := <-c.said:
		return said
	case <-time.After(patience):
		return "the console has no end\n"
	}
}

func (c *console) close() { _ = c.listener.Close() }

// readAll reads a terminal to its end, in the background.
func readAll(master int) chan string {
	said := make(chan string, 1)
	go func() {
		var text []byte
		b := make([]byte, 4096)
		for {
			n, err := unix.Read(master, b)
			if text = append(text, b[:max(n, 0)]...); n <= 0 && err != unix.EINTR {
				said <- string(text)
				return
			}
		}
	}()
	return said
}
