package libcontainer

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"rt/libcontainer/diag"
)

// attend stays with a container in the foreground until its process ends: signals that come to rt go on to it, and its terminal is relayed to rt's.
// console is its master, or -1. With orphans, rt also waits for whatever else the container leaves to it as a subreaper.
func attend(process, console int, orphans bool) (int, error) {
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return 0, diag.Sys("watch the container's process", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	passSignals(pidfd)
	defer keepSignals()
	if console >= 0 {
		t, err := newTerminal(console)
		if err != nil {
			return 0, err
		}
		defer t.restore()
		defer t.follow()()
		t.relay(pidfd)
	}
	return reap(process, orphans)
}

// follow gives the container's terminal the size of rt's, now and whenever that changes, until the function that it returns is called.
func (t *terminal) follow() (stop func()) {
	t.resize()
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	go func() {
		for range changes {
			t.resize()
		}
	}()
	return func() { signal.Stop(changes) }
}

// reap waits for the container's process, and for orphans.
func reap(process int, orphans bool) (int, error) {
	for {
		which := process
		if orphans {
			which = -1
		}
		var status unix.WaitStatus
		pid, err := wait(which, &status)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, diag.Sys("wait for the container's process", "wait4", err)
		case pid == process && (status.Exited() || status.Signaled()):
			return exitStatus(status), nil
		}
	}
}
