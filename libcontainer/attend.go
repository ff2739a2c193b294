package libcontainer

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// attend stays with a container in the foreground until its process ends: signals that come to rt go on to it, and its terminal is relayed to rt's.
func (m *maker) attend() (int, error) {
	pidfd, err := unix.PidfdOpen(m.pid, 0)
	if err != nil {
		return 0, diag.Sys("watch the container's process", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	signals := make(chan os.Signal, 32)
	signal.Notify(signals, forwarded()...)
	defer signal.Stop(signals)
	go m.forward(pidfd, signals)
	if m.console >= 0 {
		t, err := newTerminal(m.console)
		if err != nil {
			return 0, err
		}
		m.resized = t
		defer t.restore()
		t.resize()
		t.relay(pidfd)
	}
	return m.reap()
}

// reap waits for the container's process, and as a subreaper for whatever else the container leaves to rt.
func (m *maker) reap() (int, error) {
	any := m.spec.Namespaces.New&unix.CLONE_NEWPID == 0
	for {
		which := m.pid
		if any {
			which = -1
		}
		var status unix.WaitStatus
		pid, err := unix.Wait4(which, &status, unix.WALL, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, diag.Sys("wait for the container's process", "wait4", err)
		case pid == m.pid && (status.Exited() || status.Signaled()):
			return exitStatus(status), nil
		}
	}
}

// forwarded are the signals that rt passes on: all but those that mean rt itself. SIGCHLD tells of rt's children; SIGURG is what the Go runtime
// preempts its threads with; SIGKILL and SIGSTOP can't be caught; SIGWINCH is about rt's own terminal and passed on as a new size.
func forwarded() (list []os.Signal) {
	const last = 64
	for n := unix.Signal(1); n <= last; n++ {
		switch n {
		case unix.SIGCHLD, unix.SIGURG, unix.SIGKILL, unix.SIGSTOP, unix.SIGPIPE, 32, 33: // 32 and 33 are the C library's own
		default:
			list = append(list, n)
		}
	}
	return list
}

// forward passes signals on.
func (m *maker) forward(pidfd int, signals <-chan os.Signal) {
	for s := range signals {
		if s == unix.SIGWINCH && m.resized != nil {
			m.resized.resize()
			continue
		}
		if n, ok := s.(unix.Signal); ok {
			_ = unix.PidfdSendSignal(pidfd, n, nil, 0)
		}
	}
}
