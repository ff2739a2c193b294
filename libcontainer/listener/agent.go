// Package listener serves a seccomp listener (seccomp_unotify(2)): it passes the descriptor to the agent that the
// config names, or answers the calls itself, to record them.
package listener

import (
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
)

// agentLimit is how long an agent may take to accept its listener. Only tests change it.
var agentLimit = 10 * time.Second

// Pass sends the listener fd, which it closes, to the agent that listens on the socket path, with text. The boot
// process pid waits meanwhile. If there is no agent, Pass kills it: nobody would answer its calls, not even exit(2).
func Pass(fd, pid int, path string, text []byte) error {
	defer func() { _ = unix.Close(fd) }()
	err := send(fd, path, text)
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return err
}

// send sends the listener with the container process state (config-linux.md#containerprocessstate) to the agent, on a
// new connection.
func send(fd int, path string, text []byte) error {
	fail := func(call string, err error) error {
		hint := ""
		switch {
		case err == unix.EAGAIN:
			hint = "the agent has not accepted it within " + agentLimit.String()
		case call == "connect":
			hint = "the agent must listen on a stream socket with this path before the container is started"
		}
		return diag.Sys("the seccomp listener can't be passed to the agent", call, err).
			At("linux.seccomp.listenerPath", path).WithHint(hint)
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer func() { _ = unix.Close(socket) }()
	deadline := time.Now().Add(agentLimit)
	if err := retry(deadline,
		func() error { return unix.Connect(socket, &unix.SockaddrUnix{Name: path}) }); err != nil {
		return fail("connect", err)
	}
	rights := unix.UnixRights(fd) // sent with the first part of the text only
	for len(text) > 0 {
		err := retry(deadline, func() error {
			n, err := unix.SendmsgN(socket, text, rights, nil, unix.MSG_NOSIGNAL)
			if n > 0 {
				text, rights = text[n:], nil
			}
			return err
		})
		if err != nil {
			return fail("sendmsg", err)
		}
	}
	return nil
}

// retry repeats a non-blocking call while it returns EAGAIN, until the deadline or a signal that ends rt. poll(2) can't
// wait for a full queue of connections. The pauses begin short.
func retry(deadline time.Time, call func() error) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		err := call()
		switch {
		case err == unix.EINTR:
		case err != unix.EAGAIN:
			return err
		case foreground.TakeEnd():
			return unix.EINTR
		case time.Now().After(deadline):
			return unix.EAGAIN
		default:
			time.Sleep(pause)
		}
	}
}
