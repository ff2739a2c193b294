// Seccompagent is the agent at linux.seccomp.listenerPath, for tests.
//
//	seccompagent SOCKET STATES ERRNO
//
// It listens on SOCKET, appends each container process state that comes there to the file STATES, a line for each, and
// answers every call that the listener shows it with ERRNO, a number. It refuses a connection without exactly one
// descriptor. It ends after a minute in any case: a test that was killed must not leave it running. It follows
// config-linux.md#containerprocessstate and seccomp_unotify(2).
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: seccompagent SOCKET STATES ERRNO")
		os.Exit(2)
	}
	time.AfterFunc(5*time.Minute, func() { os.Exit(0) })
	// serve ends with an error only.
	fmt.Fprintln(os.Stderr, "seccompagent:", serve(os.Args[1], os.Args[2], os.Args[3]))
	os.Exit(1)
}

func serve(path, states, word string) error {
	errno, err := strconv.ParseUint(word, 10, 12)
	if err != nil {
		return err
	}
	socket, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		return err
	}
	for {
		c, err := socket.AcceptUnix()
		if err != nil {
			return err
		}
		listener, text, err := receive(c)
		if errors.Is(err, io.EOF) {
			continue // crun makes a connection that it does not use
		}
		if err != nil {
			return err
		}
		if err := note(states, text); err != nil {
			return err
		}
		go answer(listener, int32(errno))
	}
}

// receive reads a descriptor and the state. It does not wait for the end of the connection: runc leaves it open.
func receive(c *net.UnixConn) (listener int, text json.RawMessage, err error) {
	defer func() { _ = c.Close() }()
	var data [4096]byte
	var control [128]byte
	n, cn, _, _, err := c.ReadMsgUnix(data[:], control[:])
	if err != nil {
		return -1, nil, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:cn])
	if err != nil || len(messages) != 1 {
		return -1, nil, errors.New("the connection does not start with a control message")
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return -1, nil, fmt.Errorf("%d descriptors, not 1: %w", len(fds), err)
	}
	err = json.NewDecoder(io.MultiReader(bytes.NewReader(data[:n]), c)).Decode(&text)
	return fds[0], text, err
}

// note appends the state to the file, on one line.
func note(states string, text json.RawMessage) error {
	var line bytes.Buffer
	if err := json.Compact(&line, text); err != nil {
		return err
	}
	line.WriteByte('\n')
	f, err := os.OpenFile(states, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(line.Bytes()); err != nil {
		return err
	}
	return f.Close()
}

// answer answers every call until the filter has no process any more. linux/seccomp.h: struct seccomp_notif has 80
// bytes, its response 24.
func answer(listener int, errno int32) {
	defer func() { _ = unix.Close(listener) }()
	for {
		fds := []unix.PollFd{{Fd: int32(listener), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); err != nil && err != unix.EINTR || fds[0].Revents&^unix.POLLIN != 0 {
			return
		}
		var call struct {
			id uint64
			_  [248]byte
		}
		if !ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&call)) {
			continue
		}
		response := struct {
			id    uint64
			value int64
			errno int32
			flags uint32
			_     [40]byte
		}{id: call.id, errno: -errno}
		ioctl(listener, unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&response))
	}
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) bool {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno == 0
}
