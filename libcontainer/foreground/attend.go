package foreground

import (
	"golang.org/x/sys/unix"

	"rt/internal/diag"
	"rt/libcontainer/process"
)

// Attend waits for the end of a container's process, a child of this process, and returns its exit status as a shell
// shows it. Meanwhile it forwards the signals that this process gets, after CatchSignals, and relays the terminal whose
// master is given, which it closes, to streams; a master of -1 means that there is no terminal. With orphans it also
// waits for the other processes that the container leaves to this process as a subreaper.
func Attend(pid, master int, streams [3]int, orphans bool) (status int, err error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		if master >= 0 {
			_ = unix.Close(master)
		}
		return 0, diag.Sys("the container's process can't be watched", "pidfd_open", err)
	}
	defer func() { _ = unix.Close(pidfd) }()
	PassSignals(pidfd)
	defer KeepSignals()
	if master < 0 {
		ended, err := process.Reap(pid, orphans)
		return process.ExitStatus(ended), err
	}
	var ended unix.WaitStatus
	var failed error
	// The process is waited for as soon as it has ended, however long its output takes: until then the first process of
	// its pid namespace can't end either.
	err = Relay(master, pidfd, streams, func() bool {
		ended, failed = process.Reap(pid, orphans)
		return ended.Signaled()
	})
	if err == nil {
		err = failed
	}
	return process.ExitStatus(ended), err
}

// Interrupted returns an error if this process got a signal that ends it, after CatchEnd or CatchSignals, and nil
// otherwise.
func Interrupted() error {
	if TakeEnd() {
		return &diag.Error{Kind: diag.Host, Problem: "rt got a signal to end before it was done"}
	}
	return nil
}
