// Command recvtty is the other end of --console-socket, for tests.
//
// It turns one connection to a Unix socket into a terminal session on its own standard streams: it receives the master
// of the container's terminal, prints what the container writes, and sends it what it reads. The name that came with
// the descriptor goes to standard error. It refuses a message without exactly one descriptor. It follows the console
// socket section of runc's docs/terminals.md, which every engine implements.
//
//	recvtty [-size ROWSxCOLS] SOCKET
//	recvtty -full SOCKET    # accepts nothing; makes SOCKET.full when no further connection can wait
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	size := flag.String("size", "", "window size to set, ROWSxCOLS")
	full := flag.Bool("full", false, "accept nothing, with a full queue of connections")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	serve := func() error { return session(flag.Arg(0), *size) }
	if *full {
		serve = func() error { return refuse(flag.Arg(0)) }
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "recvtty:", err)
		os.Exit(1)
	}
}

// session serves one console until its last slave is closed.
func session(path, size string) error {
	master, name, err := receive(path)
	if err != nil {
		return err
	}
	defer master.Close()
	fmt.Fprintln(os.Stderr, name)
	if size != "" {
		if err := resize(master, size); err != nil {
			return err
		}
	}
	go io.Copy(master, os.Stdin) // ends with the process
	// A master whose last slave is closed reads EIO: that is the end of a session, not a failure. See pty(7).
	_, err = io.Copy(os.Stdout, master)
	pathErr := &os.PathError{}
	if errors.As(err, &pathErr) {
		return nil
	}
	return err
}

// refuse listens at path, and fills the queue of connections with its own.
func refuse(path string) error {
	address := &syscall.SockaddrUnix{Name: path}
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	if err := syscall.Bind(l, address); err != nil {
		return err
	}
	if err := syscall.Listen(l, 0); err != nil {
		return err
	}
	for {
		fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		switch err := syscall.Connect(fd, address); err {
		case nil:
		case syscall.EAGAIN:
			if err := os.WriteFile(path+".full", nil, 0o644); err != nil {
				return err
			}
			time.Sleep(time.Minute)
			return nil
		default:
			return err
		}
	}
}

// receive listens at path and returns the descriptor and the text of the first message.
func receive(path string) (*os.File, string, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, "", err
	}
	defer l.Close()
	// A runtime that never connects must not leave the receiver behind.
	if err := l.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return nil, "", err
	}
	conn, err := l.AcceptUnix()
	if err != nil {
		return nil, "", err
	}
	defer conn.Close()
	text, oob := make([]byte, 4096), make([]byte, 4096)
	n, oobn, _, _, err := conn.ReadMsgUnix(text, oob)
	if err != nil {
		return nil, "", err
	}
	fds, err := descriptors(oob[:oobn])
	if err != nil {
		return nil, "", err
	}
	if len(fds) != 1 {
		return nil, "", fmt.Errorf("a message with %d descriptors, not one", len(fds))
	}
	return os.NewFile(uintptr(fds[0]), "master"), string(text[:n]), nil
}

// descriptors returns what SCM_RIGHTS carried. See unix(7).
func descriptors(oob []byte) ([]int, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var all []int
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		all = append(all, fds...)
	}
	return all, nil
}

// resize sets the window size of the terminal. See ioctl_tty(2).
func resize(master *os.File, size string) error {
	var ws struct{ rows, cols, x, y uint16 }
	if _, err := fmt.Sscanf(size, "%dx%d", &ws.rows, &ws.cols); err != nil {
		return fmt.Errorf("size %q: want ROWSxCOLS", size)
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, master.Fd(), syscall.TIOCSWINSZ,
		uintptr(unsafe.Pointer(&ws))); errno != 0 {
		return errno
	}
	return nil
}
