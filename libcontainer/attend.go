package libcontainer

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/foreground"
)

// attend stays with a container in the foreground until its process ends: signals that come to rt go on to it, and its
// terminal is relayed to rt's. With orphans, rt also waits for whatever else the container leaves to it as a subreaper.
func attend(process int, terminal *console, orphans bool) (int, error) {
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return 0, diag.Sys("the container's process can't be watched", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	foreground.PassSignals(pidfd)
	defer foreground.KeepSignals()
	if terminal.master < 0 {
		status, err := reap(process, orphans)
		return exitStatus(status), err
	}
	var status unix.WaitStatus
	var failed error
	master := terminal.master
	terminal.master = -1 // the relay's
	// The process is waited for as soon as it has ended, however long its output takes: until then the first process of
	// its pid namespace can't end either.
	err = foreground.Relay(master, pidfd, func() bool {
		status, failed = reap(process, orphans)
		return status.Signaled()
	})
	if err == nil {
		err = failed
	}
	return exitStatus(status), err
}

// reap waits for the container's process, and for orphans.
func reap(process int, orphans bool) (unix.WaitStatus, error) {
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
			return status, diag.Sys("the container's process can't be waited for", "wait4", err)
		case pid == process && (status.Exited() || status.Signaled()):
			return status, nil
		}
	}
}
