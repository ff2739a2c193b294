package libcontainer

import (
	"time"

	"golang.org/x/sys/unix"

	"rt/nsenter"
)

// waitPid waits for a child, also for one that was made with CLONE_PARENT, which has no exit signal (wait(2), __WALL).
func waitPid(pid int) (unix.WaitStatus, error) {
	var status unix.WaitStatus
	for {
		_, err := wait(pid, &status)
		if err != unix.EINTR {
			return status, err
		}
	}
}

// wait is wait4(2) for children of all kinds. It first waits a while in a system call that the Go scheduler does not
// know of, as package nsenter does for reports, and for the same reason: most waits are short.
func wait(pid int, status *unix.WaitStatus) (int, error) {
	if pid > 0 {
		if pidfd, err := unix.PidfdOpen(pid, 0); err == nil {
			nsenter.AwaitBriefly(pidfd)
			_ = unix.Close(pidfd)
		}
	}
	return unix.Wait4(pid, status, unix.WALL, nil)
}

// exitStatus is what a shell would say of a process: its status, or 128 and the signal that killed it.
func exitStatus(status unix.WaitStatus) int {
	const signalBase = 128
	if status.Signaled() {
		return signalBase + int(status.Signal())
	}
	return status.ExitStatus()
}

// waitEnd waits until the process of a pidfd has ended, at most for limit.
func waitEnd(pidfd int, limit time.Duration) bool { return await(pidfd, unix.POLLIN, limit) }

// waitHangup waits until the last writer of a pipe is gone, at most for limit.
func waitHangup(fd int, limit time.Duration) bool { return await(fd, 0, limit) }

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
