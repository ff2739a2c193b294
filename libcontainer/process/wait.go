package process

import (
	"time"

	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/nsenter"
)

// Patience is how long a process may take to end after SIGKILL, or once it has nothing more to do.
const Patience = 10 * time.Second

// Wait waits for a child. It also finds a child without an exit signal, as clone3(CLONE_PARENT) makes it (wait(2),
// __WALL).
func Wait(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := wait4(pid, &status)
		if err != unix.EINTR {
			return status, err
		}
	}
}

// Reap waits for a child. With orphans it also waits for every other child that ends before: a subreaper inherits the
// descendants of its children.
func Reap(pid int, orphans bool) (unix.WaitStatus, error) {
	which := pid
	if orphans {
		which = -1
	}
	for {
		var status unix.WaitStatus
		ended, err := wait4(which, &status)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return status, diag.Sys("the container's process can't be waited for", "wait4", err)
		case ended == pid && (status.Exited() || status.Signaled()):
			return status, nil
		}
	}
}

// wait4 is wait4(2) for children of all kinds. It first waits a while in a system call that the Go scheduler does not
// know of, as package nsenter does for reports, and for the same reason: most waits are short.
func wait4(pid int, status *unix.WaitStatus) (int, error) {
	if pid > 0 {
		if pidfd, err := unix.PidfdOpen(pid, 0); err == nil {
			nsenter.AwaitBriefly(pidfd)
			_ = unix.Close(pidfd)
		}
	}
	return unix.Wait4(pid, status, unix.WALL, nil)
}

// ExitStatus returns the exit status that a shell shows for a process: its own, or 128 plus the signal that killed it.
func ExitStatus(status unix.WaitStatus) int {
	const signalBase = 128
	if status.Signaled() {
		return signalBase + int(status.Signal())
	}
	return status.ExitStatus()
}

// AwaitEnd waits until the process of a pidfd has ended, at most for limit. It reports whether it has.
func AwaitEnd(pidfd int, limit time.Duration) bool { return await(pidfd, unix.POLLIN, limit) }

// AwaitHangup waits until the last writer of a pipe has closed it, at most for limit. It reports whether that is so.
func AwaitHangup(fd int, limit time.Duration) bool { return await(fd, 0, limit) }

// await waits until one of events, an error or a hangup happens at fd: poll(2).
func await(fd int, events int16, limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	for {
		left := max(time.Until(deadline), 0)
		fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
		n, err := unix.Poll(fds, int(left/time.Millisecond))
		switch {
		case n > 0:
			return true
		case err == unix.EINTR:
		default:
			return false
		}
	}
}
