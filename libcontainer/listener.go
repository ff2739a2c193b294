package libcontainer

import (
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
	"rt/libcontainer/state"
)

// agentTime is how long an agent may take to accept its listener, in all.
var agentTime = 10 * time.Second

// handListener hands the listener of the container's seccomp filter to whoever answers its calls: the agent, or rt
// itself.
func (m *maker) handListener(fd int) error {
	if m.o.Observe != nil {
		m.observer = observe(fd, m.o.Observe)
		return nil
	}
	profile := m.spec.OCI.Linux.Seccomp
	text := state.AppendProcess(nil, &m.state, state.Created, m.pid, profile.ListenerMetadata)
	return handListener(fd, m.pid, profile.ListenerPath, text)
}

// handListener hands the listener fd, which it closes, to the agent at path, with text. The boot process waits
// meanwhile.
//
// Without an agent it is killed: nobody would ever answer its calls, not even those by which it ends.
func handListener(fd, pid int, path string, text []byte) error {
	defer func() { _ = unix.Close(fd) }()
	err := sendListener(fd, path, text)
	if err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
	return err
}

// sendListener sends the agent the listener with the container process state (config-linux.md#containerprocessstate),
// on a connection of its own.
func sendListener(fd int, path string, text []byte) error {
	fail := func(call string, err error) error {
		e := diag.Sys("can't hand the seccomp listener to the agent", call, err)
		e.Field, e.Value = "linux.seccomp.listenerPath", path
		switch {
		case err == unix.EAGAIN:
			e.Hint = "the agent has not accepted it in ten seconds"
		case call == "connect":
			e.Hint = "the agent must listen there, on a stream socket, before the container is started"
		}
		return e
	}
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail("socket", err)
	}
	defer func() { _ = unix.Close(socket) }()
	deadline := time.Now().Add(agentTime)
	if err := agentCall(deadline,
		func() error { return unix.Connect(socket, &unix.SockaddrUnix{Name: path}) }); err != nil {
		return fail("connect", err)
	}
	rights := unix.UnixRights(fd) // with the first part only
	for len(text) > 0 {
		err := agentCall(deadline, func() error {
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

// agentCall makes a call again while it would wait, until the deadline or a signal that tells rt to end. There is
// nothing to poll(2) for a full queue of connections; the pauses are short at first.
func agentCall(deadline time.Time, call func() error) error {
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
