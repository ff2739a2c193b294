// notify is both ends of sd_notify(3), for the tests.
//
//	notify listen PATH        a service manager at PATH: print each message on a line, close its descriptors
//	notify send MESSAGE...    send messages to $NOTIFY_SOCKET
//
// It is static and runs inside of containers too.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	err := fmt.Errorf("usage: notify listen PATH | notify send MESSAGE [MESSAGE...]")
	switch {
	case len(os.Args) == 3 && os.Args[1] == "listen":
		err = listen(os.Args[2])
	case len(os.Args) > 2 && os.Args[1] == "send":
		err = send(os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "notify:", err)
		os.Exit(1)
	}
}

func listen(path string) error {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Bind(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return err
	}
	for {
		var text [4096]byte
		var control [256]byte
		n, cn, _, _, err := unix.Recvmsg(socket, text[:], control[:], unix.MSG_CMSG_CLOEXEC)
		if err != nil {
			return err
		}
		fmt.Println(strings.ReplaceAll(string(text[:n]), "\n", " "))
		messages, err := unix.ParseSocketControlMessage(control[:cn])
		if err != nil {
			return err
		}
		for i := range messages {
			fds, err := unix.ParseUnixRights(&messages[i])
			if err != nil {
				return err
			}
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
		}
	}
}

func send(messages []string) error {
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for _, m := range messages {
		to := unix.SockaddrUnix{Name: os.Getenv("NOTIFY_SOCKET")}
		// A descriptor comes along with each, as clients may have it: it must not get out of the container.
		if err := unix.Sendmsg(socket, []byte(m), unix.UnixRights(0), &to, 0); err != nil {
			return fmt.Errorf("%s: %w", to.Name, err)
		}
	}
	return nil
}
