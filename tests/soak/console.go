package main

import (
	"net"

	"golang.org/x/sys/unix"
)

// held is how many terminals are kept, more than live at once: the end of one hangs up on its container.
const held = 200

// console returns the path of a socket whose other end takes terminals, and keeps the newest.
func (m *machine) console() string {
	path := m.dir + "/console"
	m.listen.Do(func() {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			m.fail("the console socket: %v", err)
			return
		}
		go func() {
			var masters []int
			for {
				conn, err := l.AcceptUnix()
				if err != nil {
					return
				}
				if masters = append(masters, receive(conn)...); len(masters) > held {
					_ = unix.Close(masters[0])
					masters = masters[1:]
				}
			}
		}()
	})
	return path
}

// receive takes the descriptors that come over a connection.
func receive(conn *net.UnixConn) (fds []int) {
	defer conn.Close()
	name, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := conn.ReadMsgUnix(name, rights)
	if err != nil {
		return nil
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil {
		return nil
	}
	for i := range messages {
		some, _ := unix.ParseUnixRights(&messages[i])
		fds = append(fds, some...)
	}
	return fds
}
